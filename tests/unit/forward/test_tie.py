"""Well tie: phase and shift of a survey against an impedance log."""

import numpy as np
import pytest

import forward
from forward.tie import WellTie, log_reflectivity, tie
from forward.wavelets import from_amplitude
from lithogen.errors import CalibrationError, ConfigError

DT_S, FIRST_S, N_TWT = 0.004, 0.6, 320
FREQ = np.arange(126.0)
AMPLITUDE = 0.02 * np.exp(-np.square((FREQ - 32) / 16))


def survey(phase_deg: float, noise: float = 0.3, shift: int = 0, n_earth: int = 50):
    """Traces over layered earths, ten over each, and the log of one of them at 1 ms."""
    rng = np.random.default_rng(5)
    taps = from_amplitude(FREQ, AMPLITUDE, DT_S, 81, phase_deg=phase_deg)
    n_trace, rows = 10 * n_earth, []
    for _ in range(n_earth):
        beds = np.cumsum(rng.random(N_TWT) < 0.4)
        log = 0.15 * rng.standard_t(5, beds[-1] + 1)[beds] + np.linspace(15.0, 15.4, N_TWT)
        coefficients = np.append(0.5 * np.diff(log), 0.0)
        rows += [np.roll(np.convolve(coefficients, taps, "same"), shift)] * 10
    clean = np.stack(rows)
    smooth = np.apply_along_axis(
        np.convolve, 1, rng.standard_normal((n_trace, N_TWT)), np.hanning(7), "same")
    traces = clean + noise * clean.std() * smooth / smooth.std()
    fine_s = FIRST_S + 0.001 * np.arange(4 * N_TWT) - 0.0015
    well = WellTie(fine_s, np.exp(np.repeat(log, 4)), (n_trace - 5,))
    return traces, well


def near(found_deg: float, wanted_deg: float) -> float:
    return abs((found_deg - wanted_deg + 180.0) % 360.0 - 180.0)


@pytest.mark.parametrize("phase", [0.0, 40.0, -120.0, 180.0])
def test_calibrate_measures_the_phase_from_a_well(phase) -> None:
    traces, well = survey(phase)
    style = forward.calibrate(traces, DT_S, first_s=FIRST_S, well=well)
    assert near(style.phase_deg, phase) < 12.0
    assert any("well tie: correlation" in note for note in style.notes)
    assert not any("assumption" in note for note in style.notes)


@pytest.mark.parametrize("shift", [-3, 0, 4])
def test_a_shift_of_the_log_is_found(shift) -> None:
    traces, well = survey(60.0, shift=shift)
    style = forward.calibrate(traces, DT_S, first_s=FIRST_S)
    found = tie(well, traces[-5], style, FIRST_S)
    assert found.shift_s == pytest.approx(shift * DT_S, abs=DT_S)
    assert near(found.phase_deg + 360 * 32 * (found.shift_s - shift * DT_S), 60.0) < 15.0
    assert found.correlation > 0.85


def test_another_trace_of_another_earth_does_not_tie() -> None:
    traces, well = survey(0.0)
    rng = np.random.default_rng(9)
    other = WellTie(well.twt_s, np.exp(np.repeat(0.2 * rng.standard_normal(N_TWT), 4)), (30,))
    with pytest.raises(CalibrationError, match="correlation of 0"):
        forward.calibrate(traces, DT_S, first_s=FIRST_S, well=other)


@pytest.mark.parametrize(("change", "text"), [
    ({"trace": (500,)}, "indices into"),
    ({"trace": (1, 2)}, "indices into"),
    ({"impedance": np.zeros(4 * N_TWT)}, r"impedance of the well .* \[0\]"),
    ({"twt_s": np.zeros(4 * N_TWT)}, "increasing at"),
    ({"twt_s": [0.7, 0.8], "impedance": [1.0, 2.0]}, r"fills 0\.00 s"),
    ({"impedance": np.ones(7)}, "one equal axis"),
])
def test_a_log_that_is_no_log_is_refused(change, text) -> None:
    traces, well = survey(0.0)
    given = {"twt_s": well.twt_s, "impedance": well.impedance, "trace": well.trace} | change
    with pytest.raises(CalibrationError, match=text):
        forward.calibrate(traces, DT_S, first_s=FIRST_S, well=WellTie(**given))


def test_phase_and_well_exclude_each_other() -> None:
    traces, well = survey(0.0)
    with pytest.raises(ConfigError, match="phase_deg and well"):
        forward.calibrate(traces, DT_S, phase_deg=0.0, well=well)


def test_reflectivity_of_a_log_does_not_depend_on_how_finely_it_is_sampled() -> None:
    rng = np.random.default_rng(2)
    value = np.exp(0.1 * rng.standard_normal(100))
    times = 0.004 * np.arange(100)
    coarse = WellTie(times, value, (0,))
    fine_s = np.linspace(0.0, times[-1], 100 * 16 - 15)
    fine = WellTie(fine_s, np.exp(np.interp(fine_s, times, np.log(value))), (0,))
    twt = 0.002 + 0.004 * np.arange(90)
    one, inside = log_reflectivity(coarse, twt)
    two, _ = log_reflectivity(fine, twt)
    assert inside.sum() > 80
    assert np.abs(one - two).max() < 1e-12
