"""Wells become voxels: shares, averages, refusals, and values that the model takes exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.errors import ConfigError, LithogenError
from lithogen.grid import Spacing, Window
from lithogen.rockphysics import FACIES, facies_code
from lithogen.scale.request import fingerprint
from lithogen.wells import Well, Wells
from lithogen.wells.honour import overwrite

SPACING = Spacing()
SHALE, SAND, LIME = (facies_code(name) for name in ("shale", "sandstone", "limestone"))
# Logs are kept in single precision.
SINGLE = 1e-6


def on_voxels(*wells):
    return Wells(wells).on_voxels(SPACING)


def lattice_well(name="A", *, iline=3, xline=5, first=100, n=20, **logs):
    return Well(name, (first + np.arange(n)) * SPACING.dt_s, iline=iline, xline=xline, **logs)


def test_samples_on_the_lattice_are_voxels_unchanged() -> None:
    rng = np.random.default_rng(0)
    codes, vp = rng.integers(0, len(FACIES), 20), rng.uniform(2000, 5000, 20)
    found = on_voxels(lattice_well(facies=codes, vp_m_s=vp, vs_m_s=0.5 * vp,
                                   rho_kg_m3=0.5 * vp + 1000))
    assert_array_equal(found.index, np.stack([np.full(20, 3), np.full(20, 5),
                                              100 + np.arange(20)], axis=1))
    assert_array_equal(found.facies, codes)
    assert_allclose(found.vp, vp, rtol=SINGLE)
    assert_allclose(found.vs, 0.5 * vp, rtol=SINGLE)
    assert_allclose(found.rho, 0.5 * vp + 1000, rtol=SINGLE)


def test_facies_of_a_voxel_is_that_with_most_time() -> None:
    # Voxel 100 reaches from 0.398 to 0.402 s; limestone has most samples but little time.
    twt = [0.3982, 0.3992, 0.4002, 0.40150, 0.40160, 0.40170, 0.40180]
    found = on_voxels(Well("A", twt, iline=0, xline=0,
                           facies=[SHALE, SAND, SAND, LIME, LIME, LIME, LIME]))
    assert found.facies[found.index[:, 2] == 100] == SAND


def test_a_tie_goes_to_the_middle_sample_of_a_voxel_whatever_its_code() -> None:
    twt = 0.398 + 0.0005 + 0.001 * np.arange(4)
    for upper, lower in ((SHALE, LIME), (LIME, SHALE)):
        found = on_voxels(Well("A", twt, iline=0, xline=0, facies=[upper, upper, lower, lower]))
        assert found.facies.tolist() == [lower]


def test_logs_of_a_voxel_are_backus_averages() -> None:
    twt = 0.398 + 0.0005 + 0.001 * np.arange(4)
    vp, rho = np.array([2000.0, 4000, 2000, 4000]), np.array([2000.0, 2600, 2000, 2600])
    found = on_voxels(Well("A", twt, iline=0, xline=0, vp_m_s=vp, vs_m_s=vp / 2, rho_kg_m3=rho))
    modulus = 1.0 / np.mean(1.0 / (rho * vp**2))
    assert_allclose(found.vp, [np.sqrt(modulus / rho.mean())], rtol=SINGLE)
    assert_allclose(found.vs, found.vp / 2, rtol=SINGLE)
    assert_allclose(found.rho, [rho.mean()], rtol=SINGLE)


def test_velocity_without_density_is_averaged_as_if_density_were_constant() -> None:
    vp = np.array([2000.0, 4000.0])
    found = on_voxels(Well("A", [0.399, 0.401], iline=0, xline=0, vp_m_s=vp))
    assert_allclose(found.vp, [np.mean(vp**-2.0) ** -0.5], rtol=SINGLE)
    assert np.isnan(found.rho).all()
    assert_array_equal(found.facies, [-1])


def test_gaps_stay_gaps() -> None:
    found = on_voxels(Well("A", [0.100, 0.200], iline=0, xline=0, facies=[SAND, SHALE]))
    assert_array_equal(found.index[:, 2], [25, 50])
    unknown = on_voxels(lattice_well(n=3, facies=[SAND, -1, SAND]))
    assert_array_equal(unknown.index[:, 2], [100, 102])


def test_one_sample_between_voxels_is_never_lost() -> None:
    for twt in (0.3981, 0.4, 0.4019, 0.402):
        found = on_voxels(Well("A", [twt], iline=0, xline=0, facies=[SAND]))
        assert_array_equal(found.facies, np.full(len(found.facies), SAND))
        assert 1 <= len(found.facies) <= 2


def test_deviated_track_visits_the_voxels_it_passes() -> None:
    iline = np.linspace(-2.4, 2.4, 20)
    found = on_voxels(lattice_well(iline=iline, facies=np.zeros(20)))
    assert_array_equal(found.index[:, 0], np.sort(np.floor(iline + 0.5)))


def test_wells_that_agree_in_a_voxel_are_joined() -> None:
    one = lattice_well("A", facies=np.full(20, SAND))
    two = lattice_well("B", facies=np.full(20, SAND), vp_m_s=np.full(20, 3000.0))
    found = on_voxels(one, two)
    assert len(found.well) == 20
    assert_allclose(found.vp, 3000.0)
    assert_array_equal(found.facies, SAND)


@pytest.mark.parametrize("logs", [({"facies": np.full(20, SAND)}, {"facies": np.full(20, SHALE)}),
                                  ({"vp_m_s": np.full(20, 3e3)}, {"vp_m_s": np.full(20, 3.1e3)})])
def test_wells_that_disagree_in_a_voxel_are_refused_by_name(logs) -> None:
    with pytest.raises(ConfigError, match=r"'A'.*'B'.*\(3, 5, 100\)"):
        on_voxels(lattice_well("A", **logs[0]), lattice_well("B", **logs[1]))


BAD = {
    "increas|more than the sample before": {"twt_s": [0.1, 0.1]},
    "iline is nan": {"iline": [1.0, np.nan]},
    r"wanted \(2,\)": {"xline": [1.0, 2.0, 3.0]},
    "facies is 10": {"facies": [0, 10]},
    "facies is 0.5": {"facies": [0, 0.5]},
    "facies is nan": {"facies": [0, np.nan]},
    "vp_m_s is -5": {"vp_m_s": [2000, -5]},
    "check the unit": {"vp_m_s": [2.0, 3.0]},
    "rho_kg_m3 is 2.3": {"rho_kg_m3": [2300, 2.3]},
    "vp_m_s is inf": {"vp_m_s": [2000, np.inf]},
    "which log is which": {"vp_m_s": [2000, 2000], "vs_m_s": [1000, 1900]},
    "not a number": {"vp_m_s": ["fast", "slow"]},
    "neither facies nor a log": {"facies": [-1, -1], "vp_m_s": [np.nan, np.nan]},
    "name of a well": {"name": " "},
}


@pytest.mark.parametrize("message", BAD)
def test_impossible_wells_are_refused_with_the_place(message) -> None:
    given = {"name": "A", "twt_s": [0.1, 0.2], "iline": 1, "xline": 2, "facies": [0, 1]}
    with pytest.raises(ConfigError, match=message):
        Well(**{**given, **BAD[message]})


def test_a_set_of_wells_needs_wells_with_names_of_their_own() -> None:
    for wells, message in (([], "no well"), (["A"], "str is given"),
                           ([lattice_well(facies=np.zeros(20))] * 2, "2 wells are named 'A'")):
        with pytest.raises(ConfigError, match=message):
            Wells(wells)


def test_a_well_cannot_be_changed_behind_its_checks() -> None:
    well = lattice_well(facies=np.zeros(20))
    with pytest.raises(ValueError, match="read-only"):
        well.facies[0] = 99


def test_wells_have_a_fingerprint_of_their_content() -> None:
    one, two = (Wells([lattice_well(facies=np.full(20, code))]) for code in (0, 1))
    assert fingerprint(one) == fingerprint(Wells([lattice_well(facies=np.zeros(20))]))
    assert fingerprint(one) != fingerprint(two)


@pytest.fixture(scope="module")
def model():
    """A model of limestone on a window."""
    window = Window((0, 0, 96), (6, 8, 32))
    rng = np.random.default_rng(1)
    elastic = {name: (value * rng.uniform(0.9, 1.1, window.shape)).astype(np.float32)
               for name, value in (("vp", 4000.0), ("vs", 2100.0), ("rho", 2550.0))}
    return window, elastic | {"facies": np.full(window.shape, LIME, dtype=np.int8)}


def take_over(model, voxels):
    window, before = model
    out = {name: values.copy() for name, values in before.items()}
    return before, out, overwrite(voxels, window, **out)


def test_final_model_takes_facies_and_keeps_the_rest(model) -> None:
    voxels = on_voxels(lattice_well(n=40, facies=np.resize([SAND, SHALE], 40)))
    before, out, count = take_over(model, voxels)
    assert count == 28  # the rest of the well lies below the window
    assert_array_equal(out["facies"][3, 5, 4:], np.resize([SAND, SHALE], 28))
    assert (out["facies"] != LIME).sum() == 28
    for name in ("vp", "vs", "rho"):
        assert_array_equal(out[name], before[name])


def test_final_model_takes_known_logs_bit_for_bit_and_nothing_else(model) -> None:
    vp = np.linspace(2500, 3500, 20)
    vp[7] = np.nan
    voxels = on_voxels(lattice_well(vp_m_s=vp))
    before, out, _ = take_over(model, voxels)
    assert_array_equal(out["vp"][3, 5, voxels.index[:, 2] - 96], voxels.vp)
    for name in ("vs", "rho", "facies"):
        assert_array_equal(out[name], before[name])
    untouched = np.ones(out["vp"].shape, dtype=bool)
    untouched[3, 5, voxels.index[:, 2] - 96] = False
    assert_array_equal(out["vp"][untouched], before["vp"][untouched])


def test_wells_outside_the_window_change_nothing(model) -> None:
    before, out, count = take_over(model, on_voxels(lattice_well(iline=-4, facies=np.zeros(20))))
    assert count == 0
    for name, values in before.items():
        assert_array_equal(out[name], values)


def test_arrays_of_another_window_are_refused(model) -> None:
    window, before = model
    elastic = np.ones((2, 2, 2), np.float32)
    with pytest.raises(LithogenError, match="vp has shape"):
        overwrite(on_voxels(lattice_well(facies=np.zeros(20))), window,
                  facies=before["facies"], vp=elastic, vs=elastic, rho=elastic)
