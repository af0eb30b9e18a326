"""LAS files: units converted at the edge, nothing guessed, every refusal says what to do."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.errors import ConfigError
from lithogen.grid import Spacing
from lithogen.rockphysics import facies_code
from lithogen.structure import BackgroundVelocity
from lithogen.wells import Wells

HEAD = """~Version
VERS. 2.0 :
WRAP. NO :
~Well
STRT.{depth_unit} {start} :
STOP.{depth_unit} {stop} :
STEP.{depth_unit} {step} :
NULL. {null} :
WELL. {name} :
~Curve
DEPT.{depth_unit} :
{curves}
~Ascii
"""
FORCE = "FORCE_2020_LITHOFACIES_LITHOLOGY"
# Straight relation of depth and time: 2000 m/s.
TABLE = [[0.0, 0.0], [3000.0, 3.0]]
# Files hold decimal texts of single precision values.
SINGLE = 1e-6


@pytest.fixture
def write(tmp_path):
    """Write a LAS file of named (unit, values) columns and return its path."""
    def writer(depth=(1000.0, 1001.0, 1002.0, 1003.0), *, name="31/2-10", depth_unit="m",
               null="-999.25", file="well.las", **columns):
        head = HEAD.format(
            depth_unit=depth_unit, start=depth[0], stop=depth[-1], step=0.0, null=null, name=name,
            curves="\n".join(f"{curve.split('__')[0]}.{unit} :" for curve, (unit, _) in
                             columns.items()))
        rows = zip(depth, *(values for _, values in columns.values()), strict=True)
        path = tmp_path / file
        path.write_text(head + "\n".join(" ".join(str(v) for v in row) for row in rows) + "\n",
                        encoding="utf-8")
        return path
    return writer


def read(path, **options):
    wanted = {"iline": 3, "xline": 5, "time_depth": TABLE, **options}
    (well,) = Wells.from_las(path, **wanted)
    return well


def test_slowness_density_and_depth_become_si(write) -> None:
    path = write(DTC=("us/ft", [100.0, 90, -999.25, 80]), DTS=("US/F", [200.0, 180, 170, 160]),
                 RHOB=("g/cm3", [2.2, 2.3, 2.4, -999.25]))
    well = read(path)
    assert well.name == "31/2-10"
    assert_allclose(well.twt_s, [1.0, 1.001, 1.002, 1.003])
    assert_allclose(well.vp_m_s, [3048.0, 304800 / 90, np.nan, 3810.0], rtol=SINGLE)
    assert_allclose(well.vs_m_s, 304800 / np.array([200.0, 180, 170, 160]), rtol=SINGLE)
    assert_allclose(well.rho_kg_m3, [2200, 2300, 2400, np.nan], rtol=SINGLE)
    assert_array_equal(well.facies, -1)
    assert well.notes == ()


@pytest.mark.parametrize(("unit", "value", "wanted"), [
    ("us/m", 250.0, 4000.0), ("usec/ft", 76.2, 4000.0), ("µs/ft", 76.2, 4000.0),
    ("m/s", 4000.0, 4000.0), ("km/s", 4.0, 4000.0), ("ft/s", 4000 / 0.3048, 4000.0)])
def test_the_unit_decides_whatever_the_name(write, unit, value, wanted) -> None:
    well = read(write(DT=(unit, [value] * 4)))
    assert_allclose(well.vp_m_s, wanted, rtol=SINGLE)


def test_a_greek_letter_in_the_older_encoding_is_read_too(write) -> None:
    path = write(DT=("µs/ft", [76.2] * 4))
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    assert_allclose(read(path).vp_m_s, 4000.0, rtol=SINGLE)


def test_feet_and_kilograms(write) -> None:
    path = write((3280.84, 3281.84), depth_unit="ft", RHOB=("K/M3", [2200.0, 2300.0]))
    well = read(path)
    assert_allclose(well.twt_s, np.array([3280.84, 3281.84]) * 0.3048e-3)
    assert_array_equal(well.rho_kg_m3, [2200.0, 2300.0])


def test_time_comes_from_the_file_a_function_or_a_background_velocity(write) -> None:
    path = write(RHOB=("g/cc", [2.2] * 4), TWT=("ms", [1100.0, 1101, 1102, 1103]))
    assert_allclose(read(path, time_depth=None).twt_s, [1.1, 1.101, 1.102, 1.103])
    assert_allclose(read(path, time_depth=lambda depth: depth / 500).twt_s,
                    [2.0, 2.002, 2.004, 2.006])
    velocity = BackgroundVelocity(1800.0, 0.6)
    # Tabulated every 2 ms: far finer than the curvature of the relation.
    assert_allclose(velocity.depth(read(path, time_depth=velocity).twt_s),
                    [1000.0, 1001, 1002, 1003], atol=1e-2)


def test_descending_depths_are_put_in_order_and_noted(write) -> None:
    path = write((1003.0, 1002.0, 1001.0), RHOB=("g/cc", [2.5, 2.4, 2.3]))
    well = read(path, iline=[7.0, 6.0, 5.0])
    assert_allclose(well.rho_kg_m3, [2300, 2400, 2500])
    assert_allclose(well.iline, [5, 6, 7])
    assert "decrease" in well.notes[0]


def test_rows_beyond_the_time_depth_table_or_the_track_are_left_out_and_noted(write) -> None:
    path = write(RHOB=("g/cc", [2.2, 2.3, 2.4, 2.5]))
    well = read(path, time_depth=[[1000.5, 1.0], [2000.0, 2.0]])
    assert_allclose(well.rho_kg_m3, [2300, 2400, 2500])
    assert well.notes[0].startswith("1 of 4 samples")
    well = read(path, iline=None, xline=None, track=[[1000.0, 1.0, 10.0], [1002.0, 3.0, 20.0]])
    assert_allclose(well.iline, [1, 2, 3])
    assert_allclose(well.xline, [10, 15, 20])
    assert well.notes[0].startswith("1 of 4 samples")


def test_force_facies_are_known_and_basement_stays_unknown(write) -> None:
    path = write(**{FORCE: ("_", [30000, 65030, 93000, -999.25]), "DTC": ("us/ft", [90] * 4)})
    well = read(path, facies=FORCE)
    assert_array_equal(well.facies, [facies_code("sandstone"), facies_code("heterolithic"), -1,
                                     -1])


def test_own_codes_may_be_numbers_or_texts(write) -> None:
    path = write(LITH=("", [1, 2, 2, -999.25]), NAME=("", ["SST", "SH", "SH", "SST"]))
    codes = read(path, facies="lith", facies_codes={1: "coal", 2: None}).facies
    assert_array_equal(codes, [facies_code("coal"), -1, -1, -1])
    codes = read(path, facies="NAME", facies_codes={"SST": "sandstone", "SH": "shale"}).facies
    assert_array_equal(codes, [1, 0, 0, 1])


def test_several_files_have_places_and_times_of_their_own(write) -> None:
    paths = [write(name=n, file=f"{n}.las", RHOB=("g/cc", [2.2] * 4)) for n in ("A", "B")]
    wells = Wells.from_las(paths, iline=[1, 2], xline=[3, np.arange(4.0)],
                           time_depth={paths[0]: TABLE, paths[1]: [[0, 0], [3000, 1.5]]})
    assert wells.names == ("A", "B")
    one, two = wells
    assert_allclose(two.twt_s, 0.5 * one.twt_s)
    assert_allclose(two.xline, np.arange(4))
    with pytest.raises(ConfigError, match="iline is 1, wanted a list of 2"):
        Wells.from_las(paths, iline=1, xline=[1, 2], time_depth=TABLE)
    with pytest.raises(ConfigError, match="no entry for"):
        Wells.from_las(paths, iline=[1, 2], xline=[1, 2], time_depth={paths[0]: TABLE})


DENSE = {"RHOB": ("g/cc", [2.2] * 4)}
BAD = {
    "unit 'lb/gal', wanted one of g/cm3": ({"RHOB": ("lb/gal", [18.0] * 4)}, {}),
    "unit '', wanted one of m/s": ({"DT": ("", [90.0] * 4)}, {}),
    "unit 'km', wanted one of m": ({**DENSE, "depth_unit": "km"}, {}),
    r"pass null=\[-9999\]": ({"DTC": ("us/ft", [90, -9999, 90, 90])}, {}),
    "vp_m_s is 90": ({"DTC": ("m/s", [90.0] * 4)}, {}),
    "which log is which": ({"DTC": ("us/ft", [180.0] * 4), "DTS": ("us/ft", [90.0] * 4)}, {}),
    "depth does not go one way at row 2": ({**DENSE, "depth": (1000, 1001, 1001, 1002)}, {}),
    "has no curve 'RHO8'": (DENSE, {"mnemonics": {"rho": "RHO8"}}),
    "mnemonics has 'density'": (DENSE, {"mnemonics": {"density": "RHOB"}}),
    "2 curves 'RHOB'": ({**DENSE, "RHOB__2": ("g/cc", [2.3] * 4)}, {}),
    "holds text": ({"RHOB": ("g/cc", ["2.2", "2.2", "??", "2.2"])}, {}),
    "no curve TWT": (DENSE, {"time_depth": None}),
    "do not increase": (DENSE, {"time_depth": [[0, 0], [3000, 3.0], [3000, 3.1]]}),
    "times of time_depth do not": (DENSE, {"time_depth": [[0, 0.5], [3000, 0.4]]}),
    "time_depth has shape": (DENSE, {"time_depth": [0.0, 1.0]}),
    "no sample has a two-way time": (DENSE, {"time_depth": [[0, 0], [500, 0.5]]}),
    "iline is missing": (DENSE, {"iline": None}),
    "both a track and iline": (DENSE, {"track": [[0, 0, 0], [2000, 1, 1]]}),
    "xline has shape": (DENSE, {"xline": [1, 2]}),
    "has no curve 'LITH'": (DENSE, {"facies": "LITH", "facies_codes": {1: "shale"}}),
    "codes of curve 'LITH' are unknown": (DENSE, {"facies": "LITH"}),
    "facies 'mud' is unknown": (DENSE, {"facies": "LITH", "facies_codes": {1: "mud"}}),
    "holds 7.0, which": ({"LITH": ("", [7] * 4)},
                         {"facies": "LITH", "facies_codes": {1: "shale"}}),
    "neither facies nor a log": ({"GR": ("gAPI", [80.0] * 4)}, {}),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_read_is_refused_with_the_way_out(write, message) -> None:
    columns, options = BAD[message]
    with pytest.raises(ConfigError, match=message):
        read(write(**columns), **options)


def test_a_way_out_that_a_message_names_works(write) -> None:
    path = write(DTC=("us/ft", [90, -9999, 90, 90]), RHOB=("", [2.2] * 4))
    well = read(path, null=[-9999], units={"RHOB": "g/cm3"})
    assert_array_equal(np.isnan(well.vp_m_s), [False, True, False, False])


def test_what_is_no_las_file_is_refused(tmp_path) -> None:
    noise = tmp_path / "noise.las"
    noise.write_bytes(bytes(range(256)) * 20)
    empty = tmp_path / "empty.las"
    empty.write_text("")
    cut = tmp_path / "cut.las"
    cut.write_text("~Version\nVERS. 2.0 :\nWRAP. NO :\n~Curve\nDEPT.m :\nDT.us/ft :\n~Ascii\n")
    for path in (noise, empty, cut, tmp_path, tmp_path / "absent.las", "https://example.org/a.las"):
        with pytest.raises(ConfigError, match=r"LAS"):
            Wells.from_las(path, iline=1, xline=1, time_depth=TABLE)


def test_a_real_well_is_read_as_it_was_reduced_before(data_folder, tmp_path) -> None:
    source = data_folder / "wells_force2020" / "32_2-1.las.gz"
    if not source.is_file():
        pytest.skip("no LAS file of FORCE 2020")
    path = tmp_path / "well.las"
    path.write_bytes(gzip.decompress(source.read_bytes()))
    well = read(path, facies=FORCE, time_depth=lambda depth: depth / 1000)
    with np.load(data_folder / "wells_force2020" / "32_2-1.npz", allow_pickle=False) as known:
        lith = known["lith"]
        assert len(well) == len(lith)
        assert_array_equal(well.facies == 0, lith == 65000)
        assert_array_equal(well.facies == 1, lith == 30000)
    voxels = Wells([well]).on_voxels(Spacing())
    assert np.isfinite(voxels.vp).mean() > 0.7
    assert (voxels.facies >= 0).mean() > 0.4
