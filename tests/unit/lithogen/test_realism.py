"""Realism: the statistics mean what they say, and agree with the definitions of the targets."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lithogen.errors import ConfigError, ShapeError
from lithogen.metrics import (
    band_table,
    bed_quantiles,
    beds_of_log,
    impedance_statistics,
    section_statistics,
    transition_matrix,
)
from lithogen.metrics.realism import EARTH_STATISTICS, LEVELS, SECTION_STATISTICS

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
# Same sums in another order of float64 operations.
SAME = 1e-9
# Statistics of a random field of this size scatter by a few per cent.
SAMPLING = 0.1


@pytest.fixture(scope="module")
def field():
    """Correlated along both axes, with a trend and one dead trace."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(5)
    out = gaussian_filter(rng.standard_normal((120, 400)), (3.0, 0.8)) ** 3
    out += 1e-3 * rng.standard_normal(out.shape)
    out[17] = 0.0
    # As loud as a survey: the definition of coherence has a small absolute floor.
    return 1e4 * out


@pytest.fixture(scope="module")
def measure(data_folder):
    """Module that the targets were measured with, or skip."""
    path = data_folder.parent / "tools" / "measure.py"
    if not path.is_file():
        pytest.skip("the definitions of the targets are not here")
    spec = importlib.util.spec_from_file_location("measure", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("dt_s", [0.004, 0.002])
def test_earth_statistics_are_those_of_the_targets(measure, field, dt_s):
    log_impedance = 15.0 + 1e-4 * field + np.linspace(0.0, 1.0, field.shape[1])
    wanted = measure.impedance_stats(log_impedance, dt_s)
    found = impedance_statistics(log_impedance, dt_s)
    assert set(found) == set(wanted) == set(EARTH_STATISTICS)
    for name in wanted:
        assert found[name] == pytest.approx(wanted[name], rel=SAME), name


def test_section_statistics_are_those_of_the_targets(measure, field):
    wanted = measure.section_stats(field)
    wanted |= dict(
        zip(("band20_low_hz", "band20_high_hz"), wanted.pop("band20_hz"), strict=True)
    )
    wanted.pop("band6_hz")
    found = section_statistics(field)
    assert set(found) == set(wanted) == set(SECTION_STATISTICS)
    for name in wanted:
        assert found[name] == pytest.approx(wanted[name], rel=SAME), name


def test_transitions_are_those_of_the_targets(measure):
    labels = np.random.default_rng(1).integers(0, 4, (7, 90))
    np.testing.assert_allclose(
        transition_matrix(labels, 5), measure.transition_matrix(labels, 5), rtol=SAME
    )


def test_a_real_well_gives_the_published_bed_thicknesses(data_folder):
    """All wells pooled: the quantiles that the target file quotes for shale and sandstone."""
    stats = data_folder / "target_stats.json"
    wells = sorted((data_folder / "wells_force2020").glob("*.npz"))
    if not stats.is_file() or not wells:
        pytest.skip("no wells here")
    codes, thicknesses = [], []
    for path in wells:
        with np.load(path) as log:
            labels = np.nan_to_num(log["lith"], nan=-1).astype(int)
            code, thickness_m = beds_of_log(labels, float(np.median(np.diff(log["depth_md"]))))
        codes.append(code)
        thicknesses.append(thickness_m)
    code, thickness_m = np.concatenate(codes), np.concatenate(thicknesses)
    table = json.loads(stats.read_text())["developer_wells_force2020"]["lithology"]
    for name, label in (("Shale", 65000), ("Sandstone", 30000)):
        wanted = table[name]["beds"]["p10_p50_p90_p99"]
        found = np.quantile(thickness_m[code == label], (0.1, 0.5, 0.9, 0.99))
        # Gaps and the two labels at the end of each well were cut in another way.
        np.testing.assert_allclose(found, wanted, rtol=SAMPLING)


def test_white_noise_has_no_slope_and_no_tails():
    white = np.random.default_rng(3).standard_normal((40, 512))
    found = impedance_statistics(white)
    assert abs(found["psd_slope"]) < SAMPLING
    assert abs(found["kurtosis"]) < SAMPLING
    assert found["acf_1e_samples"] == 1


def test_rough_earth_has_a_smaller_slope_than_a_smooth_one():
    rng = np.random.default_rng(4)
    white = rng.standard_normal((20, 512))
    smooth = np.cumsum(white, axis=1)
    assert impedance_statistics(smooth)["psd_slope"] > impedance_statistics(white)["psd_slope"] + 1


def test_section_statistics_do_not_depend_on_gain(field):
    quiet, loud = section_statistics(field), section_statistics(1000.0 * field)
    for name, value in quiet.items():
        assert loud[name] == pytest.approx(value, rel=SAME), name


def test_a_layer_cake_has_no_lateral_half_length():
    trace = np.random.default_rng(6).standard_normal(300)
    found = section_statistics(np.tile(trace, (60, 1)))
    assert np.isnan(found["lateral_half_traces"])
    assert found["coherence"] == pytest.approx(1.0)
    assert found["snr_db"] > 200.0


def test_snr_is_that_of_the_noise_that_was_added():
    rng = np.random.default_rng(7)
    trace = rng.standard_normal(400)
    noise = 0.1 * rng.standard_normal((200, 400))
    wanted_db = 10 * np.log10((trace**2).mean() / 0.01)
    # The definition counts noise of the trace and of its neighbours as signal plus noise.
    assert section_statistics(trace + noise)["snr_db"] == pytest.approx(wanted_db, abs=0.3)


def test_beds_of_a_log_are_its_runs_and_gaps_are_none():
    labels = np.array([2, 2, -1, -1, 2, 0, 0, 0])
    facies, thickness_m = beds_of_log(labels, 0.5)
    assert facies.tolist() == [2, 2, 0]
    assert thickness_m.tolist() == [1.0, 0.5, 1.5]


def test_bed_quantiles_leave_absent_facies_open():
    found = bed_quantiles(np.array([1, 1, 1]), np.array([1.0, 2.0, 9.0]), 3, (0.5,))
    assert found[1, 0] == 2.0
    assert np.isnan(found[[0, 2]]).all()


def test_band_table_tells_a_good_generator_from_a_narrow_and_from_a_shifted_one():
    wells = np.random.default_rng(8).standard_normal(2000)
    target = {"std": np.quantile(wells, LEVELS)}
    good = band_table({"std": wells}, target)[0]
    narrow = band_table({"std": 0.3 * wells}, target)[0]
    shifted = band_table({"std": wells + 2.0}, target)[0]
    assert good.is_inside and good.spread_ratio == pytest.approx(1.0)
    assert narrow.is_inside and narrow.spread_ratio < 0.5
    assert not shifted.is_inside


@pytest.mark.parametrize(
    ("call", "error", "part"),
    [
        (lambda: impedance_statistics(np.full((2, 64), np.nan)), ConfigError, "not finite"),
        (lambda: impedance_statistics(np.ones((2, 8))), ShapeError, "at least 16"),
        (lambda: section_statistics(np.zeros((9, 100))), ShapeError, "0 live traces"),
        (lambda: section_statistics(np.ones(100)), ShapeError, "wanted 2"),
        (lambda: transition_matrix(np.array([0, 5]), 5), ConfigError, "0 to 4"),
        (lambda: band_table({}, {"std": (0, 1, 2, 3, 4)}), ConfigError, "'std'"),
        (lambda: bed_quantiles(np.array([1]), np.ones(2), 3), ShapeError, "wanted one"),
    ],
)
def test_refusals_say_what_came_and_what_was_wanted(call, error, part):
    with pytest.raises(error, match=part):
        call()


@pytest.fixture(scope="module")
def helpers():
    """Helpers of the benchmark, which is no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("_realism")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.slow
def test_a_tool_reads_beds_at_its_step_and_misses_thinner_ones(helpers):
    facies, thickness_m = np.array([0, 3, 1]), np.array([15.2, 0.01, 7.6])
    log = helpers.label_log(facies, thickness_m)
    assert np.bincount(log, minlength=4).tolist() == [100, 50, 0, 0]
    code, read_m = beds_of_log(log, helpers.WELL_STEP_M)
    assert code.tolist() == [0, 1]
    np.testing.assert_allclose(read_m, [15.2, 7.6], atol=helpers.WELL_STEP_M)


@pytest.mark.slow
def test_blocks_of_five_metres_take_the_majority_and_leave_gaps_out(helpers):
    n = helpers.BLOCK_SAMPLES
    labels = np.array([1] * (n - 3) + [0] * 3 + [2] * (n - 1) + [-1] + [0] * n)
    assert helpers.majority(labels, 3).tolist() == [1, -1, 0]
    assert helpers.counts(helpers.majority(labels, 3), 3).sum() == 0


@pytest.mark.slow
def test_distance_of_transition_matrices_is_the_share_of_steps_that_go_elsewhere(helpers):
    wanted = np.array([[0.0, 30.0], [10.0, 0.0]])
    assert helpers.matrix_distance(7 * wanted, wanted) == 0.0
    other = np.array([[15.0, 15.0], [5.0, 0.0]])
    # Three quarters of the wells' steps start in the row where half now goes elsewhere.
    assert helpers.matrix_distance(other, wanted) == pytest.approx(0.375)


@pytest.mark.slow
def test_benchmark_without_wells_says_so_in_its_line_and_its_file(tmp_path):
    found = subprocess.run(
        [sys.executable, BENCHMARKS / "realism.py", "--n", "1", "--only", "beds",
         "--out", tmp_path / "out"],
        env={**os.environ, "LITHOGEN_DATA": str(tmp_path / "nowhere")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = json.loads(found.stdout.splitlines()[-1])
    assert line["value"] is None and line["failed"] == []
    note = json.loads((tmp_path / "out" / "realism_beds.json").read_text())["beds"]["note"]
    assert "LITHOGEN_DATA" in note and note in found.stdout
