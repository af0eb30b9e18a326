"""A user's own models: taken as they are, or refused with variable, place and advice."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from lithogen.diffusion.conditions import RESIDUAL_GAIN
from lithogen.diffusion.training.own import OwnData, own_columns, own_diagrams
from lithogen.diffusion.training.own_files import OwnDataError, check_model, spacing_of
from lithogen.errors import ConfigError, StructureError
from lithogen.rockphysics import FACIES, RockFamily, decode_elastic
from lithogen.rockphysics.families import basin_table
from lithogen.structure import BackgroundVelocity

AXES = ("iline", "xline", "twt")
SHAPE = (14, 16, 20)
# Ages are single precision, and a voxel is carried from its depth to its nominal one and back.
CARRIED = 5e-3


@pytest.fixture
def model():
    """Layers with a dip, four facies under another program's codes, and North Sea velocities."""
    iline, xline, twt = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    age = (100.0 + 4.0 * twt + 0.5 * xline + 0.2 * iline).astype(np.float32)
    code = np.array([10, 20, 30, 20])[np.floor(age / 12.0).astype(int) % 4]
    attrs = {"flag_values": [10, 20, 30], "flag_meanings": "shale sandstone limestone"}
    vp = np.select([code == 10, code == 20], [2300.0, 2600.0], 3300.0) + 2.0 * twt
    vs = np.select([code == 10, code == 20], [820.0, 1240.0], 1750.0) + twt
    rho = np.select([code == 10, code == 20], [2150.0, 2200.0], 2350.0)
    y_m, x_m = np.meshgrid(25.0 * np.arange(SHAPE[0]), 12.5 * np.arange(SHAPE[1]), indexing="ij")
    # A survey's lines seldom run north: only their distance counts.
    turned = 0.6 * x_m - 0.8 * y_m, 0.8 * x_m + 0.6 * y_m
    return xr.Dataset(
        {"lithology": (AXES, code.astype(np.int16), attrs), "vp": (AXES, vp),
         "vs": (AXES, vs), "rho": (AXES, rho), "rgt": (AXES, age, {"units": "ms"})},
        {"iline": 100 + 2 * np.arange(SHAPE[0]), "xline": 7 + np.arange(SHAPE[1]),
         "twt": 0.5 + 0.002 * np.arange(SHAPE[2]),
         "cdp_x": (AXES[:2], 4e5 + turned[0]), "cdp_y": (AXES[:2], 6e6 + turned[1])},
    )


def read(model, **about):
    return own_columns(model, "mine", OwnData(**about))


def codes_of(model):
    """Codes of the package."""
    names = dict(zip([10, 20, 30], ["shale", "sandstone", "limestone"], strict=True))
    return np.vectorize(lambda v: FACIES.index(names[v]))(model.lithology.to_numpy())


def test_the_lattice_of_a_model_is_taken_as_it_is(model):
    assert check_model(model, "mine") == SHAPE
    spacing, first = spacing_of(model, "mine")
    assert first == 250
    assert (spacing.dt_s, spacing.dx_m, spacing.dy_m) == (0.002, 12.5, 25.0)


def test_rows_hold_the_voxels_whose_ages_they_are(model):
    """Every row between the ages of voxels holds the nearest of them."""
    columns = read(model)
    assert len(columns) == SHAPE[0] * SHAPE[1]
    codes, age = codes_of(model), model.rgt.to_numpy()
    for number, (first, facies, residual, told) in enumerate(columns):
        i, j = divmod(number, SHAPE[1])
        assert len(facies) == len(residual) == len(told)
        rows = first + np.arange(len(facies)) + 0.5
        # Whole voxels of 4 units over their rows, half a voxel beyond the ends.
        assert age[i, j, 0] - 4.0 < rows[0] <= age[i, j, 0] + 1.0
        assert age[i, j, -1] - 1.0 <= rows[-1] < age[i, j, -1] + 4.0
        gap = np.abs(rows[:, None] - age[i, j])
        nearest = gap.argmin(axis=1)
        is_clear = np.abs(np.sort(gap, axis=1)[:, 0] - np.sort(gap, axis=1)[:, 1]) > 0.01
        np.testing.assert_array_equal(facies[is_clear], codes[i, j, nearest[is_clear]])


def test_of_many_columns_some_are_taken(model, monkeypatch):
    monkeypatch.setattr("lithogen.diffusion.training.own.MOST_COLUMNS", 20)
    found = read(model)
    assert 8 <= len(found) <= 20


def test_residuals_decode_to_the_velocities_given_where_nothing_is_folded(model):
    flat = (100.0 + 4.0 * np.arange(SHAPE[2]) + np.zeros(SHAPE)).astype(np.float32)
    model = model.assign(rgt=(AXES, flat, {"units": "ms"}))
    about = OwnData(basin="gulf_coast", burial_m=900.0)
    family = RockFamily(basin_table("gulf_coast"), 900.0, "gulf_coast")
    velocity = BackgroundVelocity.from_scenario(about.scenario())
    first, facies, residual, _ = own_columns(model, "mine", about)[0]
    rows = first + np.arange(len(facies)) + 0.5
    sample = np.abs(rows[:, None] - flat[0, 0]).argmin(axis=1)
    inside = (np.abs(residual) < 3.99).all(axis=1)
    assert inside.mean() > 0.5
    decoded = decode_elastic(np.ascontiguousarray(residual.T), family,
                             velocity.depth(model.twt.to_numpy())[sample])
    for name, values in zip(("vp", "vs", "rho"), decoded, strict=True):
        np.testing.assert_allclose(values[inside], model[name].to_numpy()[0, 0][sample][inside],
                                   rtol=CARRIED, err_msg=name)


def test_horizons_give_the_layers_between_them(model):
    top = 0.49 + 0.0005 * np.arange(SHAPE[1])[None, :] + np.zeros(SHAPE[:2])
    maps = np.stack([top, top + 0.06])
    given = model.drop_vars("rgt").assign(horizons=(("horizon", *AXES[:2]), maps))
    columns = read(given)
    # Layers dip with the horizons, 0.5 ms a line: the same rows of age at every line.
    begins = np.array([first for first, *_ in columns[: SHAPE[1]]])
    assert (np.diff(begins) <= 0).all() and begins[0] - begins[-1] in (7, 8)


def test_the_unit_of_ages_is_asked_for(model):
    wanted = read(model)
    scaled = model.assign(rgt=(AXES, model.rgt.to_numpy() / 250.0))
    with pytest.raises(OwnDataError, match="--unit-ms"):
        read(scaled)
    marked = scaled.assign(rgt=scaled.rgt.assign_attrs(unit_ms=250.0))
    for found in (read(scaled, unit_ms=250.0), read(marked)):
        assert [c[0] for c in found] == [c[0] for c in wanted]
        assert np.mean(np.concatenate([c[1] for c in found])
                       == np.concatenate([c[1] for c in wanted])) > 0.98


def test_ages_in_another_unit_are_refused(model, monkeypatch):
    with pytest.raises(ConfigError, match="mine: rgt increases by 1000 per ms"):
        read(model, unit_ms=500.0)
    monkeypatch.setattr("lithogen.diffusion.training.own.MOST_ROWS", 50)
    with pytest.raises(OwnDataError, match=r"span 76 ms of one sequence.*check unit_ms"):
        read(model)


def spoiled(model, variable, value, index=(3, 4, 5)):
    values = model[variable].to_numpy().copy()
    values[index] = value
    return model.assign({variable: (AXES, values, model[variable].attrs)})


@pytest.mark.parametrize(("variable", "value"), [
    ("vp", np.nan), ("vs", -1.0), ("rho", 0.0), ("vp", np.inf), ("lithology", 11)])
def test_a_bad_voxel_is_named(model, variable, value):
    with pytest.raises(OwnDataError, match=f"{variable} of mine.*iline 3, xline 4, twt 5"):
        read(spoiled(model, variable, value))


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_ages_that_do_not_increase_are_named(model, value):
    with pytest.raises(StructureError, match=r"mine: rgt .*iline 3, xline 4, sample"):
        read(spoiled(model, "rgt", value))


def test_unknown_facies_are_refused_with_the_list(model):
    model.lithology.attrs["flag_meanings"] = "shale sandstone limstone"
    with pytest.raises(OwnDataError, match=r"'limstone'.*nearest: 'limestone'.*evaporite"):
        read(model)


@pytest.mark.parametrize(("variable", "advice"), [
    ("vs", "Castagna"), ("rho", "Gardner"), ("lithology", "flag_meanings"), ("rgt", "horizons")])
def test_a_missing_variable_is_refused_with_advice(model, variable, advice):
    with pytest.raises(OwnDataError, match=advice):
        read(model.drop_vars(variable))


@pytest.mark.parametrize(("change", "message"), [
    ({"twt": 0.5 + 0.01 * np.arange(SHAPE[2])}, "time step of mine is 0.01 s"),
    ({"twt": 500.0 + 2.0 * np.arange(SHAPE[2])}, "divide twt by 1000"),
    ({"twt": 0.5007 + 0.002 * np.arange(SHAPE[2])}, "multiple of 0.002"),
    ({"twt": 0.5 + 0.002 * np.arange(SHAPE[2]) ** 1.1}, "not even"),
])
def test_another_time_axis_is_refused(model, change, message):
    with pytest.raises(OwnDataError, match=message):
        read(model.assign_coords(change))


def test_another_line_spacing_is_refused(model):
    with pytest.raises(OwnDataError, match="distance between ilines of mine is 125 m, wanted"):
        read(model.assign_coords(cdp_x=model.cdp_x * 5.0, cdp_y=model.cdp_y * 5.0))
    bare = model.drop_vars(["cdp_x", "cdp_y"])
    with pytest.raises(OwnDataError, match="dx_m and dy_m"):
        read(bare)
    assert spacing_of(bare.assign_attrs(dx_m=30.0, dy_m=12.5), "mine")[0].dx_m == 30.0


def test_uneven_lines_are_refused(model):
    bent = model.cdp_x.copy()
    bent[5] += 4.0
    with pytest.raises(OwnDataError, match="wanted an even lattice"):
        read(model.assign_coords(cdp_x=bent))


def test_a_model_of_few_samples_is_refused(model):
    with pytest.raises(OwnDataError, match="14 x 16 x 12 voxels, wanted at least 16 along twt"):
        read(model.isel(twt=slice(12)))


def test_swapped_axes_are_refused(model):
    with pytest.raises(OwnDataError, match="transpose"):
        read(model.transpose("twt", "xline", "iline"))


def test_velocities_in_another_unit_are_refused_with_the_share(model):
    with pytest.raises(OwnDataError, match=r"ln_vp 100.00%.*check units.*--basin"):
        read(model.assign(vp=model.vp / 1000.0, vs=model.vs / 1000.0))


def middle_of(diagrams):
    """Facies and residuals of known rows, diagram by diagram."""
    return [(facies[facies >= 0].tolist(), residual[facies >= 0].float() / RESIDUAL_GAIN)
            for facies, residual in zip(diagrams.facies[..., 0], diagrams.residual[:, :, 0],
                                        strict=True)]


def write(model, folder, *names):
    import seismic_io

    for name in names:
        save = seismic_io.to_netcdf if name.endswith(".nc") else seismic_io.to_zarr
        save(model, folder / name)


def test_a_folder_of_files_is_read_in_order(model, tmp_path):
    with pytest.raises(OwnDataError, match="holds no"):
        own_diagrams(tmp_path)
    write(model, tmp_path, "b.nc")
    write(model.isel(xline=slice(None, None, -1)), tmp_path, "a.zarr")
    (tmp_path / "notes.txt").write_text("not a model")
    seen = []
    learned, held = own_diagrams(tmp_path, report=seen.append)
    assert seen == [1, 2]
    n = SHAPE[0] * SHAPE[1]
    assert len(learned) == len(held) == 2 * n
    columns = read(model)
    told = middle_of(learned)
    for number in (0, 1, n - 1):
        wanted = columns[number][1]
        cut = len(wanted) - len(wanted) // 4
        assert told[n + number][0] == wanted[:cut].tolist()
        mirrored = number // SHAPE[1] * SHAPE[1] + SHAPE[1] - 1 - number % SHAPE[1]
        assert told[mirrored][0] == wanted[:cut].tolist()
        assert middle_of(held)[n + number][0] == wanted[cut:].tolist()
    (tmp_path / "c.nc").write_text("no NetCDF")
    with pytest.raises(OwnDataError, match=r"c\.nc cannot be read"):
        own_diagrams(tmp_path)


def test_models_of_different_spacings_are_learned_from_together(model, tmp_path):
    write(model, tmp_path, "a.nc")
    write(model.assign_coords(twt=0.5 + 0.004 * np.arange(SHAPE[2])), tmp_path, "b.nc")
    learned, _ = own_diagrams(tmp_path)
    assert len(learned) == 2 * SHAPE[0] * SHAPE[1]
