"""A user's own models: taken as they are, or refused with variable, place and advice."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from lithogen.errors import StructureError
from lithogen.rockphysics import FACIES
from lithogen.training.own import OwnData, own_world, own_worlds
from lithogen.training.own_files import OwnDataError

AXES = ("iline", "xline", "twt")
SHAPE = (14, 16, 20)
CROP = (12, 12, 16)
# Half precision holds residuals of up to 4 to this.
HALF_TOLERANCE = 4 * 2.0**-11


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
    return own_world(model, "mine", CROP, OwnData(**about))


def test_a_model_is_taken_as_it_is(model):
    world = read(model)
    assert world.window.shape == SHAPE
    assert world.window.origin == (0, 0, 250)
    assert (world.spacing.dt_s, world.spacing.dx_m, world.spacing.dy_m) == (0.002, 12.5, 25.0)
    assert world.scenario is None
    names = dict(zip([10, 20, 30], ["shale", "sandstone", "limestone"], strict=True))
    wanted = np.vectorize(lambda v: FACIES.index(names[v]))(model.lithology.to_numpy())
    np.testing.assert_array_equal(world.facies.numpy(), wanted)
    np.testing.assert_array_equal(world.fields["age"].numpy(), model.rgt.to_numpy())
    assert float(world.fields["rate"].min()) == float(world.fields["rate"].max()) == 2.0
    for unknown in ("sequence", "environment", "fill", "fault"):
        assert set(np.unique(world.fields[unknown].numpy())) == {0}, unknown


def test_residuals_decode_to_the_velocities_given(model):
    from lithogen.latent import whole_of
    from lithogen.rockphysics import RockFamily, decode_elastic
    from lithogen.rockphysics.families import basin_table
    from lithogen.structure import BackgroundVelocity

    about = OwnData(basin="gulf_coast", burial_m=900.0)
    world = own_world(model, "mine", CROP, about)
    family = RockFamily(basin_table("gulf_coast"), 900.0, "gulf_coast")
    depth_m = BackgroundVelocity.from_scenario(about.scenario()).depth(model.twt.to_numpy())
    decoded = decode_elastic(whole_of(world.parts.float().numpy()), family, depth_m)
    for name, values in zip(("vp", "vs", "rho"), decoded, strict=True):
        # A residual of one is at most 30 % of the value, and four of them count.
        np.testing.assert_allclose(values, model[name].to_numpy(), rtol=0.3 * HALF_TOLERANCE,
                                   err_msg=name)


def test_slabs_join_without_a_seam(model, monkeypatch):
    whole = read(model)
    monkeypatch.setattr("lithogen.training.own.SLAB_ILINES", 5)
    parts = read(model)
    np.testing.assert_array_equal(whole.parts.numpy(), parts.parts.numpy())
    for name, field in whole.fields.items():
        np.testing.assert_array_equal(field.numpy(), parts.fields[name].numpy(), err_msg=name)


def test_horizons_give_the_layers_between_them(model):
    top = 0.49 + 0.0005 * np.arange(SHAPE[1])[None, :] + np.zeros(SHAPE[:2])
    maps = np.stack([top, top + 0.06])
    given = model.drop_vars("rgt").assign(horizons=(("horizon", *AXES[:2]), maps))
    age = read(given).fields["age"].numpy()
    assert (np.diff(age, axis=2) > 0).all()
    # Layers dip with the horizons: 0.5 ms a line is a sample of 2 ms every four lines.
    np.testing.assert_allclose(age[:, 4:, 1:], age[:, :-4, :-1], atol=1e-3)


def test_given_faults_are_kept(model):
    fault = np.zeros(SHAPE, np.float32)
    fault[:, 5] = 0.75
    world = read(model.assign(fault=(AXES, fault), throw=(AXES, 40 * fault)))
    np.testing.assert_array_equal(world.fields["fault"].float().numpy(), fault)
    np.testing.assert_array_equal(world.fields["throw_ms"].float().numpy(), 40 * fault)


def test_the_unit_of_ages_is_asked_for(model):
    scaled = model.assign(rgt=(AXES, model.rgt.to_numpy() / 250.0))
    with pytest.raises(OwnDataError, match="--unit-ms"):
        read(scaled)
    np.testing.assert_allclose(read(scaled, unit_ms=250.0).fields["age"].numpy(),
                               model.rgt.to_numpy(), rtol=1e-6)
    marked = scaled.assign(rgt=scaled.rgt.assign_attrs(unit_ms=250.0))
    np.testing.assert_allclose(read(marked).fields["age"].numpy(), model.rgt.to_numpy(), rtol=1e-6)


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
    ({"twt": 0.5 + 0.003 * np.arange(SHAPE[2])}, "time step of mine is 0.003 s"),
    ({"twt": 500.0 + 2.0 * np.arange(SHAPE[2])}, "divide twt by 1000"),
    ({"twt": 0.5007 + 0.002 * np.arange(SHAPE[2])}, "multiple of 0.002"),
    ({"twt": 0.5 + 0.002 * np.arange(SHAPE[2]) ** 1.1}, "not even"),
])
def test_another_time_axis_is_refused(model, change, message):
    with pytest.raises(OwnDataError, match=message):
        read(model.assign_coords(change))


def test_another_line_spacing_is_refused(model):
    with pytest.raises(OwnDataError, match="distance between ilines of mine is 30 m, wanted"):
        read(model.assign_coords(cdp_x=model.cdp_x * 1.2, cdp_y=model.cdp_y * 1.2))
    bare = model.drop_vars(["cdp_x", "cdp_y"])
    with pytest.raises(OwnDataError, match="dx_m and dy_m"):
        read(bare)
    assert read(bare.assign_attrs(dx_m=25.0, dy_m=12.5)).spacing.dx_m == 25.0


def test_a_model_smaller_than_a_crop_is_refused(model):
    with pytest.raises(OwnDataError, match="14 x 16 x 12 voxels, wanted at least a crop"):
        read(model.isel(twt=slice(12)))


def test_swapped_axes_are_refused(model):
    with pytest.raises(OwnDataError, match="transpose"):
        read(model.transpose("twt", "xline", "iline"))


def test_velocities_in_another_unit_are_refused_with_the_share(model):
    with pytest.raises(OwnDataError, match=r"ln_vp 100.00%.*check units.*--basin"):
        read(model.assign(vp=model.vp / 1000.0, vs=model.vs / 1000.0))


def test_a_folder_of_files_is_read_in_order(model, tmp_path):
    import seismic_io

    with pytest.raises(OwnDataError, match="holds no"):
        own_worlds(tmp_path, CROP)
    seismic_io.to_netcdf(model, tmp_path / "b.nc")
    seismic_io.to_zarr(model.isel(xline=slice(None, None, -1)), tmp_path / "a.zarr")
    (tmp_path / "notes.txt").write_text("not a model")
    seen = []
    worlds = own_worlds(tmp_path, CROP, report=seen.append)
    assert seen == [1, 2]
    wanted = read(model).facies.numpy()
    np.testing.assert_array_equal(worlds[0].facies.numpy(), wanted[:, ::-1])
    np.testing.assert_array_equal(worlds[1].facies.numpy(), wanted)
    (tmp_path / "c.nc").write_text("no NetCDF")
    with pytest.raises(OwnDataError, match=r"c\.nc cannot be read"):
        own_worlds(tmp_path, CROP)


def test_models_of_two_spacings_do_not_mix(model, tmp_path):
    import seismic_io

    seismic_io.to_netcdf(model, tmp_path / "a.nc")
    finer = model.assign_coords(twt=0.5 + 0.004 * np.arange(SHAPE[2]))
    seismic_io.to_netcdf(finer, tmp_path / "b.nc")
    with pytest.raises(OwnDataError, match="2 different spacings"):
        own_worlds(tmp_path, CROP)
