"""Survey styles: the wavelet, noise and level of a survey as a small JSON file of numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.checks import check_dt
from forward.late import mean_loss
from forward.wavelets import from_amplitude
from lithogen.config import from_mapping, nearest_name, write_json
from lithogen.errors import ConfigError, require

Floats = NDArray[np.float64]
STYLE_VERSION = 2
PRESETS = Path(__file__).parent / "presets"
# Half length of wavelet and noise filter: spectra are smoothed by 2 Hz or more, so a longer
# filter would hold nothing.
HALF_LENGTH_S = 0.160
# Shares of the samples whose amplitude quantiles a style keeps.
AMPLITUDE_SHARES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
# Power that resampling to a coarser interval may lose.
_MAX_LOST_POWER = 0.01


@dataclass(frozen=True, slots=True)
class SurveyStyle:
    """What a survey's amplitudes look like.

    Parameters
    ----------
    name : short name. dt_s : sample interval of the survey in seconds.
    freq_hz : uniform grid from 0 to Nyquist of the survey, Hz.
    signal_amplitude, noise_amplitude : square roots of the power spectral densities of coherent
        signal and of noise, two-sided, survey unit / sqrt(Hz).
    wavelet_amplitude : modulus of the Fourier integral of the wavelet where t* is 0, survey unit
        * s.
    late_time_s, late_t_star_s, late_gain, late_share : how the wavelet changes with two-way time,
        see `forward.late.Lateness`; empty for a stationary wavelet.
    late_noise : amplitude of the noise at these times, (n_time, n_freq) like `noise_amplitude`,
        where signal is as strong at all times; empty for noise that does not change.
    phase_deg : constant phase of the wavelet (an assumption unless measured elsewhere).
    rms : of the live samples, survey unit. snr_db : signal over noise power.
    aperture_m : radius of the migration aperture at half amplitude, m, which sets the lateral
        resolution (`forward.resolution`); None models without: every trace by itself.
    noise_kernel : odd symmetric weights of the noise over neighbouring traces, unit energy.
    lateral_resolution_traces : half of the shortest lateral wavelength that stands out of the noise
        (`forward.lateral_band`); None where it cannot be told (reported only).
    gain_trend_db : RMS of ten equal time intervals over that of the record (reported only).
    excess_kurtosis, skewness : of the live samples (reported only).
    amplitude_quantiles : of the live samples over their RMS, at `AMPLITUDE_SHARES` (reported only).
    source, attribution : where the survey comes from. notes : what the estimate did.
    version : of the file format.

    Raises
    ------
    ConfigError : lengths differ, values not finite or negative, unknown version.
    """

    name: str
    dt_s: float
    freq_hz: tuple[float, ...]
    signal_amplitude: tuple[float, ...]
    noise_amplitude: tuple[float, ...]
    wavelet_amplitude: tuple[float, ...]
    rms: float
    snr_db: float
    late_time_s: tuple[float, ...] = ()
    late_t_star_s: tuple[float, ...] = ()
    late_gain: tuple[float, ...] = ()
    late_share: tuple[float, ...] = ()
    late_noise: tuple[tuple[float, ...], ...] = ()
    aperture_m: float | None = None
    noise_kernel: tuple[float, ...] = (1.0,)
    phase_deg: float = 0.0
    lateral_resolution_traces: float | None = None
    gain_trend_db: tuple[float, ...] = ()
    excess_kurtosis: float = 0.0
    skewness: float = 0.0
    amplitude_quantiles: tuple[float, ...] = ()
    source: str = ""
    attribution: str = ""
    notes: tuple[str, ...] = ()
    version: int = STYLE_VERSION

    def __post_init__(self) -> None:
        require(
            self.version == STYLE_VERSION,
            f"style version is {self.version!r}, wanted {STYLE_VERSION}; calibrate again",
        )
        check_dt(self.dt_s)
        for entry in ("freq_hz", "signal_amplitude", "noise_amplitude", "wavelet_amplitude"):
            self._check_numbers(entry, len(self.freq_hz))
        for entry in ("late_time_s", "late_t_star_s", "late_gain", "late_share"):
            self._check_numbers(entry, len(self.late_time_s), least=0)
        self._check_noise()
        require(
            all(np.diff(self.late_time_s) > 0), "style entry late_time_s does not increase"
        )
        self._check_numbers("noise_kernel", len(self.noise_kernel))
        require(
            len(self.noise_kernel) % 2 == 1,
            f"noise_kernel has {len(self.noise_kernel)} weights, wanted an odd number",
        )
        quantiles = self.amplitude_quantiles
        require(not quantiles or (len(quantiles) == len(AMPLITUDE_SHARES)
                                  and bool(np.all(np.diff(quantiles) >= 0))),
                f"amplitude_quantiles must hold {len(AMPLITUDE_SHARES)} rising numbers")
        for entry in ("rms", "snr_db", "phase_deg"):
            value = getattr(self, entry)
            is_number = isinstance(value, (int, float)) and bool(np.isfinite(value))
            require(is_number, f"{entry} is {value!r}, wanted a finite number")
        require(
            self.aperture_m is None or 50.0 <= self.aperture_m <= 1e5,
            f"aperture_m is {self.aperture_m!r}, wanted 50 to 100000 m, or None",
        )
        finest = self.lateral_resolution_traces
        require(finest is None or finest >= 1.0,
                f"lateral_resolution_traces is {finest!r}, wanted 1 or more, or None")
        require(self.rms > 0, f"rms is {self.rms}, wanted a positive number")

    def _check_numbers(self, entry: str, size: int, least: int = 1) -> None:
        try:
            values = np.asarray(getattr(self, entry), dtype=np.float64)
        except (TypeError, ValueError) as exc:
            raise ConfigError(f"style entry {entry} is not a list of numbers") from exc
        is_sound = values.shape == (size,) and size >= least and bool(np.isfinite(values).all())
        require(
            is_sound and bool((values >= 0).all()),
            f"style entry {entry} must hold {size} finite numbers of 0 or more",
        )

    def _check_noise(self) -> None:
        try:
            rows = np.asarray(self.late_noise, dtype=np.float64)
        except (TypeError, ValueError) as exc:
            raise ConfigError("style entry late_noise is not a table of numbers") from exc
        wanted = (len(self.late_time_s), len(self.freq_hz))
        is_sound = rows.size == 0 or (rows.shape == wanted and bool(np.isfinite(rows).all())
                                      and bool((rows >= 0).all()))
        require(is_sound, f"style entry late_noise has shape {rows.shape}, wanted {wanted} finite "
                "numbers of 0 or more")
        # Files hold lists.
        object.__setattr__(self, "late_noise", tuple(map(tuple, rows.tolist())))

    @property
    def is_late(self) -> bool:
        """Whether the wavelet changes down the record."""
        return any(value > 0 for value in self.late_t_star_s)

    def t_star(self, twt_s: ArrayLike) -> Floats:
        """Return t* in seconds at two-way times in seconds; constant beyond the windows."""
        return self._at(twt_s, self.late_t_star_s, 0.0)

    def gain(self, twt_s: ArrayLike) -> Floats:
        """Return the factor that keeps the RMS where attenuation takes from it."""
        return self._at(twt_s, self.late_gain, 1.0)

    def noise_shares(self, twt_s: ArrayLike) -> Floats:
        """Return the power that each row of `late_noise` has at two-way times in seconds.

        Returns
        -------
        (n_time, *shape of twt_s), columns sum to 1; one row of ones without `late_noise`.
        """
        times = np.asarray(twt_s, dtype=np.float64)
        if not self.late_noise:
            return np.ones((1, *times.shape))
        rows = np.eye(len(self.late_time_s))
        return np.stack([np.interp(times, self.late_time_s, row) for row in rows])

    def noise_rows(self) -> Floats:
        """Return the amplitude spectra that `noise_shares` mixes, (n_time, n_freq)."""
        return np.asarray(self.late_noise or (self.noise_amplitude,), dtype=np.float64)

    def _at(self, twt_s: ArrayLike, values: tuple[float, ...], otherwise: float) -> Floats:
        times = np.asarray(twt_s, dtype=np.float64)
        if not values:
            return np.full(times.shape, otherwise)
        return np.asarray(np.interp(times, self.late_time_s, values))

    def half_length(self, dt_s: float) -> int:
        """Half length of wavelet and noise filter in samples of `dt_s` seconds."""
        return round(HALF_LENGTH_S / check_dt(dt_s))

    def _check_resampling(self, dt_s: float) -> None:
        freq = np.asarray(self.freq_hz)
        power = np.square(self.signal_amplitude)
        lost = float(power[freq > 0.5 / check_dt(dt_s) + 1e-9].sum() / power.sum())
        require(
            lost <= _MAX_LOST_POWER,
            f"style {self.name!r} holds {100 * lost:.0f} % of its signal above Nyquist "
            f"{0.5 / dt_s:g} Hz of dt_s={dt_s}; use a dt_s nearer to the survey's {self.dt_s}",
        )

    def wavelet(self, dt_s: float, n: int | None = None) -> Floats:
        """Return the one wavelet of this style.

        Parameters
        ----------
        dt_s : sample interval in seconds; may differ from the survey's.
        n : odd number of samples; without it 2 * half_length(dt_s) + 1.

        Returns
        -------
        (n,) float64, survey unit; the centre sample is time zero.

        Raises
        ------
        ConfigError : the survey has signal above Nyquist of `dt_s`.
        """
        self._check_resampling(dt_s)
        size = n or 2 * self.half_length(dt_s) + 1
        return from_amplitude(
            self.freq_hz, self.wavelet_amplitude, dt_s, size, phase_deg=self.phase_deg
        )

    def without_noise(self) -> SurveyStyle:
        """Return this style with no noise at any time.

        Examples
        --------
        >>> float(load_style("npra_31_81").without_noise().spectrum(part="noise").max())
        0.0
        """
        return replace(self, noise_amplitude=(0.0,) * len(self.freq_hz), late_noise=())

    def noise_filter(self, dt_s: float, amplitude: ArrayLike | None = None) -> Floats:
        """Return the zero-phase filter that colours white noise of unit variance.

        Parameters
        ----------
        dt_s : sample interval in seconds.
        amplitude : spectrum of the noise on the style's grid; without it that of the record.

        Returns
        -------
        (2 * half_length + 1,) float64, survey unit. Its energy is scaled to the noise power
        below Nyquist of `dt_s`, so that what the taper takes is given back.
        """
        size = 2 * self.half_length(dt_s) + 1
        amplitude = np.asarray(self.noise_amplitude if amplitude is None else amplitude)
        taps = from_amplitude(self.freq_hz, amplitude, dt_s, size)
        freq = np.asarray(self.freq_hz)
        in_band = freq <= 0.5 / dt_s + 1e-9
        power = 2.0 * np.trapezoid(np.square(amplitude[in_band]), freq[in_band])
        energy = float(np.square(taps).sum())
        return taps * np.sqrt(power / energy) if energy > 0 else taps

    def spectrum(
        self, freq_hz: ArrayLike | None = None, part: str = "total",
        twt_s: ArrayLike | None = None,
    ) -> Floats:
        """Return an amplitude spectrum, survey unit / sqrt(Hz).

        Parameters
        ----------
        freq_hz : frequencies in Hz; without it the style's own grid.
        part : "total", "signal" or "noise".
        twt_s : two-way times whose spectrum is wanted; without it that of the whole record.

        Raises
        ------
        ConfigError : unknown part.
        """
        known = ["total", "signal", "noise"]
        hint = nearest_name(part, known)
        require(part in known, f"part is {part!r}{hint}, wanted one of {known}")
        signal, noise = np.square(self.signal_amplitude), np.square(self.noise_amplitude)
        if twt_s is not None:
            share = self.noise_shares(np.reshape(twt_s, -1)).mean(axis=1)
            noise = (share[:, None] * np.square(self.noise_rows())).sum(axis=0)
            if self.is_late:
                signal = signal * self._loss_at(np.asarray(twt_s, dtype=np.float64))
        power = {"total": signal + noise, "signal": signal, "noise": noise}[part]
        grid = np.asarray(self.freq_hz if freq_hz is None else freq_hz, dtype=np.float64)
        return np.asarray(np.sqrt(np.interp(grid, self.freq_hz, power, right=0.0)))

    def record_loss(self) -> Floats:
        """Return the power of the record's signal over that of the wavelet of t* = 0, (n_freq,)."""
        grid = np.asarray(self.freq_hz)
        if not self.is_late:
            return np.ones(grid.shape)
        late = (self.late_t_star_s, self.late_gain, self.late_share)
        return mean_loss(grid, *(np.asarray(values) for values in late))

    def _loss_at(self, twt_s: Floats) -> Floats:
        """Return the power of the signal at some times over that of the whole record."""
        share = np.full(twt_s.size, 1.0 / twt_s.size)
        grid = np.asarray(self.freq_hz)
        return mean_loss(grid, self.t_star(twt_s), self.gain(twt_s), share) / self.record_loss()

    def report(self, path: Path | str | None = None) -> Any:
        """Return a page with spectra, wavelet, attenuation, level and noise; see `viz.plot_style`.

        Parameters
        ----------
        path : .png, .pdf or .svg to write as well.

        Returns
        -------
        matplotlib Figure.

        Raises
        ------
        OutputError : another ending, or it cannot be written.
        """
        from viz import plot_style, save_figure

        figure = plot_style(self)
        if path is not None:
            save_figure(figure, path, f"style of {self.name}")
        return figure

    def save(self, path: Path | str) -> None:
        """Write strict JSON atomically.

        Raises
        ------
        OutputError : the target cannot be written.
        """
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path | str) -> SurveyStyle:
        """Read a file that `save` wrote.

        Raises
        ------
        ConfigError : missing, not JSON, another version, or unknown entries.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ConfigError(f"cannot read survey style {path}: {exc}") from exc
        require(isinstance(values, dict), f"survey style {path} is not a JSON object")
        missing = [f.name for f in fields(cls)[:8] if f.name not in values]
        require(not missing, f"survey style {path} lacks {', '.join(missing)}; calibrate again")
        return from_mapping(cls, values)


def rounded(values: Sequence[float] | Floats, digits: int = 6) -> tuple[float, ...]:
    """Return floats of a few significant digits, for files that people read.

    Examples
    --------
    >>> rounded([1.23456789], 3)
    (1.23,)
    """
    return tuple(float(f"{float(v):.{digits}g}") for v in values)


def presets() -> list[str]:
    """Return the names of the styles that come with the package.

    Examples
    --------
    >>> "npra_31_81" in presets()
    True
    """
    return sorted(p.stem for p in PRESETS.glob("*.json"))


def load_style(name_or_path: str | Path) -> SurveyStyle:
    """Load a preset by name, or a style file by path.

    Raises
    ------
    ConfigError : neither a preset nor a readable style file; names the nearest preset.

    Examples
    --------
    >>> load_style("npra_31_81").dt_s
    0.004
    """
    name = str(name_or_path)
    known = presets()
    if name in known:
        return SurveyStyle.load(PRESETS / f"{name}.json")
    if Path(name).is_file():
        return SurveyStyle.load(name)
    raise ConfigError(
        f"no survey style {name!r}{nearest_name(name, known)}; presets: {', '.join(known)}, or "
        "give the path of a style file"
    )
