"""The command `lithogen forward`: seismic of an earth model that the user brings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from lithogen.cli.files import (
    SEGY_ENDINGS,
    STORE_ENDINGS,
    Angles,
    Overwrite,
    angles_of,
    check_target,
    open_store,
    write,
)
from lithogen.errors import ConfigError, SegyError, require

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
SAMPLES_OF_RICKER = 3.0  # half length in periods of the peak frequency: below 1e-6 there
DIMS = ("iline", "xline", "twt")
ELASTIC = ("vp", "vs", "rho")
UNITS = {"vp": "m/s", "vs": "m/s", "rho": "kg/m3", "impedance": "kg/m2/s"}
# Rock of whatever kind: beyond it a unit is wrong.
LIMITS = {"vp": (300.0, 9000.0), "vs": (0.0, 6000.0), "rho": (500.0, 4000.0),
          "impedance": (3e5, 3e7)}
RELATIONS = ("mudrock",)


def forward(
    model: Annotated[Path, typer.Argument(
        help="Zarr or NetCDF with vp, vs, rho or impedance over iline, xline, twt; or a SEG-Y of "
        "one of them.", metavar="MODEL")],
    out: Annotated[Path, typer.Option("-o", "--out", help="SEG-Y, .zarr or .nc.")],
    angles: Angles = "5,15,25",
    wavelet_freq: Annotated[float | None, typer.Option(
        help="Peak frequency of a Ricker wavelet in Hz (30 by default).")] = None,
    style: Annotated[str | None, typer.Option(
        help="Wavelet of a survey, as it fades with time: a preset or a style file.")] = None,
    holds: Annotated[str | None, typer.Option(
        "--holds", help="What a MODEL in SEG-Y holds: vp (m/s) or impedance (kg/m2/s).")] = None,
    vs: Annotated[Path | None, typer.Option(help="SEG-Y of vs, m/s, on the same grid.")] = None,
    rho: Annotated[Path | None, typer.Option(
        help="SEG-Y of density, kg/m3, on the same grid.")] = None,
    relation: Annotated[str | None, typer.Option(
        help="How to derive what the model lacks. mudrock: vs = 0.862 vp - 1172 (Castagna et al. "
        "1985), rho = 310 vp^0.25 (Gardner et al. 1974), in m/s and kg/m3.")] = None,
    aperture: Annotated[float | None, typer.Option(
        help="Radius of the migration aperture in m: blurs laterally as a migrated image is; "
        "needs --bin. By default that of --style, if it has one.")] = None,
    bin_m: Annotated[float | None, typer.Option(
        "--bin", help="Distance of traces in m, along lines and across.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Model noise-free seismic of an earth model; SEG-Y gets the mean of the angle stacks."""
    import xarray as xr

    import forward as stage2

    angles_deg = angles_of(angles)
    require(wavelet_freq is None or style is None, "got --wavelet-freq and --style, wanted one")
    check_target(out, overwrite, SEGY_ENDINGS + STORE_ENDINGS, model)
    ds = read_model(model, holds, {"vs": vs, "rho": rho})
    dt_s = sample_interval(ds, model)
    cubes = elastic(ds, model, relation)
    t_star = None
    if style is None:
        wavelet = _ricker(30.0 if wavelet_freq is None else wavelet_freq, dt_s)
    else:
        survey = stage2.load_style(style)
        wavelet = survey.wavelet(dt_s)
        t_star = survey.t_star(ds.twt.values) if survey.is_late else None
        aperture = survey.aperture_m if aperture is None else aperture
    spread = None
    if aperture is not None:
        spread = _spread(ds, cubes["vp"], aperture, bin_m, dt_s)
    stacks = stage2.synthesize(
        vp=cubes["vp"], vs=cubes["vs"], rho=cubes["rho"], wavelet=wavelet, angles_deg=angles_deg,
        dt_s=dt_s, t_star=t_star,
        spread=spread)
    if style is not None:
        stacks *= survey.gain(ds.twt.values).astype(np.float32)
    made = xr.Dataset(
        {"seismic": (DIMS, stacks.mean(axis=0), {"units": "1"}),
         "angle_stack": (("angle", *DIMS), stacks, {"units": "1"})},
        {**ds.coords, "angle": ("angle", list(angles_deg), {"units": "degrees"})}, ds.attrs,
    )
    write(made, out, "seismic", None)
    derived = [n for n in ELASTIC if n not in ds]
    how = f", {' and '.join(derived)} by {relation}" if derived else ""
    print(f"{out}: {' x '.join(map(str, stacks.shape[1:]))} samples, {len(angles_deg)} angles{how}")


def _spread(
    ds: xr.Dataset, vp: Floats, aperture: float, bin_m: float | None, dt_s: float
) -> Floats:
    """Return the lateral spread of the samples; the mean vp of each time gives RMS velocities."""
    from forward.resolution import lateral_spread

    require(bin_m is not None, "a migration aperture needs --bin, the distance of traces in m")
    times = np.asarray(ds.twt.values, dtype=np.float64)
    require(times[0] >= 0, f"twt begins at {times[0]:g} s, wanted 0 or more for an aperture")
    square = np.square(vp).mean(axis=(0, 1))
    # Above the first sample the velocity of the first sample is taken.
    total = square[0] * times[0] + np.concatenate(([0.0], np.cumsum(square[:-1]))) * dt_s
    rms = np.sqrt(np.divide(total, times, out=square.copy(), where=times > 0))
    return lateral_spread(twt_s=times, velocity_m_s=rms, aperture_m=aperture,
                          bin_m=float(bin_m or 0.0), dt_s=dt_s)


def read_model(path: Path, holds: str | None, more: dict[str, Path | None]) -> xr.Dataset:
    """Read an earth model.

    Parameters
    ----------
    path : store with named variables, or a SEG-Y. holds : what the SEG-Y holds.
    more : further SEG-Y files by property; with a SEG-Y only.

    Returns
    -------
    Dataset with some of vp, vs, rho and impedance, dims (iline, xline, twt).

    Raises
    ------
    ConfigError : no property, a property too many, or grids that differ. SegyError : unreadable.
    """
    is_segy = path.suffix.lower() in SEGY_ENDINGS
    given = {name: file for name, file in more.items() if file is not None}
    if not is_segy:
        require(holds is None and not given, "--holds, --vs and --rho are for SEG-Y files; "
                f"{path} names its variables itself")
        ds = open_store(path)
        names = [n for n in (*ELASTIC, "impedance") if n in ds.data_vars]
        require("twt" in ds.variables and len(names) > 0,
                f"{path} lacks {'twt' if names else 'vp and impedance'}, wanted vp, vs, rho or "
                "impedance over twt")
        for name in names:
            missing = [d for d in DIMS if d not in ds[name].dims]
            require(not missing, f"{name} of {path} lacks {', '.join(missing)}, wanted {DIMS}")
        return ds[names].transpose(*DIMS)
    require(holds in ("vp", "impedance"), f"{path} is SEG-Y: add --holds vp or --holds impedance, "
            f"got {holds!r}")
    name = str(holds)
    ds = _read_segy(path, name)
    for other, file in given.items():
        second = _read_segy(file, other)
        for dim in DIMS:
            require(np.array_equal(ds[dim].values, second[dim].values),
                    f"{dim} of {file} differs from that of {path}; wanted one grid")
        ds[other] = second[other]
    return ds


def _read_segy(path: Path, name: str) -> xr.Dataset:
    """Read a SEG-Y as one variable; refuse holes."""
    import seismic_io

    with seismic_io.open_segy(path) as cube:
        ds = cube.to_xarray()
    values = ds["seismic"].values
    n_bad = int((~np.isfinite(values)).any(axis=-1).sum())
    require(n_bad == 0, f"{path} has {n_bad} traces that are missing or not finite; a model has "
            "no holes: fill or cut it", SegyError)
    return ds[["seismic"]].rename(seismic=name)


def elastic(ds: xr.Dataset, path: Path, relation: str | None) -> dict[str, Floats]:
    """Return vp, vs and rho, derived by a relation where the model lacks them.

    Raises
    ------
    ConfigError : something is missing and no relation is named, or a value is no rock in that unit.
    """
    require(relation is None or relation in RELATIONS,
            f"--relation is {relation!r}, wanted {' or '.join(RELATIONS)}")
    found = {n: np.asarray(ds[n].values, dtype=np.float64) for n in UNITS if n in ds}
    for name, values in found.items():
        _refuse_unit(values, name, path)
    missing = [n for n in ELASTIC if n not in found]
    require(not missing or relation is not None,
            f"{path} lacks {' and '.join(missing)}; add them, or --relation mudrock to derive them")
    if "vp" not in found:
        require("impedance" in found, f"{path} lacks vp and impedance, wanted one of them")
        vp = (found["impedance"] / found["rho"] if "rho" in found
              else (found["impedance"] / 310.0) ** (1.0 / 1.25))
        found["vp"] = vp
    if "rho" not in found:
        found["rho"] = 310.0 * found["vp"] ** 0.25
    if "vs" not in found:
        found["vs"] = np.maximum(0.862 * found["vp"] - 1172.0, 0.0)
    return {n: found[n] for n in ELASTIC}


def _refuse_unit(values: Floats, name: str, path: Path) -> None:
    low, high = LIMITS[name]
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        where = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
        raise ConfigError(
            f"{name} of {path} is {values[where]:g} at index {where} {DIMS}, wanted {low:g} to "
            f"{high:g} {UNITS[name]}; {int(bad.sum())} samples are like it")


def sample_interval(ds: xr.Dataset, path: Path) -> float:
    """Return the step of twt in seconds.

    Raises
    ------
    ConfigError : fewer than two samples, or uneven steps.
    """
    times = np.asarray(ds.twt.values, dtype=np.float64)
    require(len(times) > 1, f"{path} has {len(times)} time sample, wanted 2 or more")
    dt_s = round(float(times[-1] - times[0]) / (len(times) - 1), 9)
    require(bool(np.allclose(np.diff(times), dt_s, rtol=1e-3)) and dt_s > 0,
            f"twt of {path} is not evenly spaced, wanted equal steps in seconds")
    return dt_s


def _ricker(freq_hz: float, dt_s: float) -> Floats:
    import forward as stage2

    require(0 < freq_hz < 0.5 / dt_s, f"--wavelet-freq is {freq_hz:g} Hz, wanted more than 0 "
            f"and less than Nyquist, {0.5 / dt_s:g} Hz")
    half = math.ceil(SAMPLES_OF_RICKER / freq_hz / dt_s)
    return stage2.ricker(freq_hz, dt_s, 2 * half + 1)
