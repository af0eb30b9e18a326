"""generate(): the Dataset of the contract, windows as crops, bad input refused in one line."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lithogen
from lithogen.errors import ConfigError, LithogenError, OutputError, ResourceError, ShapeError
from lithogen.rockphysics import FACIES
from lithogen.scenario import Scenario
from lithogen.structure import Structure


@pytest.fixture(scope="module")
def small(toy_pipeline):
    return lithogen.generate((40, 33, 50), 7, origin=(-10, 60, 30), like="npra_31_81", steps=1,
                             model=toy_pipeline, progress=False)


def test_dataset_is_that_of_the_contract(small) -> None:
    assert dict(small.sizes) == {"iline": 40, "xline": 33, "twt": 50, "angle": 3}
    for name in ("vp", "vs", "rho", "impedance", "rgt", "fault", "seismic"):
        assert small[name].dims == ("iline", "xline", "twt")
        assert small[name].dtype == np.float32
        assert "units" in small[name].attrs
        assert np.isfinite(small[name].values).all()
    assert small.lithology.dtype == np.int8
    assert small.lithology.attrs["flag_meanings"].split() == list(FACIES)
    assert small.angle_stack.dims == ("angle", "iline", "xline", "twt")
    assert small.twt.values[0] == pytest.approx(0.12)
    assert small.twt.attrs["units"] == "s"
    assert small.iline.values[0] == -9
    assert_array_equal(small.impedance.values, small.vp.values * small.rho.values)


def test_provenance_is_in_the_attributes(small) -> None:
    assert small.attrs["seed"] == "7"
    assert json.loads(small.attrs["origin"]) == [-10, 60, 30]
    assert json.loads(small.attrs["scenario"]) == Scenario.random(7).to_dict()
    assert small.attrs["style"] == "npra_31_81"
    assert "weights_sha256" in small.attrs


@pytest.mark.slow
def test_seismic_of_windows_equals_crops(toy_pipeline, small) -> None:
    part = lithogen.generate((17, 20, 21), 7, origin=(0, 66, 47), like="npra_31_81", steps=1,
                             model=toy_pipeline, progress=False)
    box = (slice(10, 27), slice(6, 26), slice(17, 38))
    for name in small.data_vars:
        assert_array_equal(part[name].values, small[name].values[(..., *box)], err_msg=name)


@pytest.mark.slow
def test_store_holds_the_same_bits(toy_pipeline, small, tmp_path) -> None:
    stored = lithogen.generate((40, 33, 50), 7, origin=(-10, 60, 30), like="npra_31_81", steps=1,
                               model=toy_pipeline, progress=False, store=tmp_path / "w.zarr")
    for name in small.variables:
        assert_array_equal(stored[name].values, small[name].values, err_msg=name)
        assert stored[name].dims == small[name].dims
    assert stored.attrs["seed"] == "7"
    assert [p.name for p in tmp_path.iterdir()] == ["w.zarr"]
    with pytest.raises(OutputError, match="exists"):
        lithogen.generate((16, 16, 16), 7, model=toy_pipeline, steps=1, store=tmp_path / "w.zarr")


@pytest.mark.slow
def test_structure_and_seed_are_independent(toy_pipeline) -> None:
    """Same column in another structure; another column in the same structure."""
    flat = dict(faulting=0.0, folding=0.0, thickness_variation=0.0, unconformities=0,
                channels=0.0, lateral_change=0.0, clinoforms=0.0, regional_dip_deg=0.0,
                polygonal=0.0, lobes=0.0, deltas=0.0, buildups=0.0, karst=0.0,
                mass_transport=0.0, canyons=0.0)
    scenario = dataclasses.replace(Scenario(), **flat)
    one, two = Structure(1, scenario), Structure(2, scenario)
    kwargs = dict(model=toy_pipeline, steps=1, progress=False)
    a = lithogen.generate((16, 16, 48), 5, structure=one, **kwargs)
    b = lithogen.generate((16, 16, 48), 5, structure=two, **kwargs)
    c = lithogen.generate((16, 16, 48), 6, structure=one, **kwargs)
    assert_array_equal(a.lithology.values, b.lithology.values)
    assert_array_equal(a.rgt.values, c.rgt.values)
    assert (a.lithology.values != c.lithology.values).mean() > 0.02


@pytest.mark.parametrize(("kwargs", "error", "match"), [
    ({"shape": (64, 64)}, ShapeError, "three integers"),
    ({"shape": (64, -64, 64)}, ShapeError, "at least 16"),
    ({"shape": (64, 15, 64)}, ShapeError, "at least 16"),
    ({"shape": "big"}, ShapeError, "three integers"),
    ({"shape": (10**6, 10**6, 2000)}, ResourceError, "store=FOLDER"),
    ({"shape": (16, 16, 10**5)}, ShapeError, "two-way time"),
    ({"origin": (0, 0, -1)}, ShapeError, "wanted 0 or more"),
    ({"origin": (2**40, 0, 0)}, ShapeError, "lines"),
    ({"seed": 1.5}, ConfigError, "seed"),
    ({"seed": None}, ConfigError, "seed"),
    ({"steps": 0}, ConfigError, "steps"),
    ({"like": "npra_31_18"}, ConfigError, "nearest: 'npra_31_81'"),
    ({"like": "no/such.sgy"}, ConfigError, "neither a file nor a preset"),
    ({"wells": object()}, ConfigError, "wanted lithogen.wells.Wells"),
    ({"structure": 3}, ConfigError, "structure is int"),
    ({"angles_deg": ()}, ConfigError, "empty"),
    ({"angles_deg": (5, 90)}, LithogenError, "90"),
])
def test_bad_input_is_one_clear_line(toy_pipeline, kwargs, error, match) -> None:
    wanted = {"shape": (16, 16, 16), "seed": 1, "model": toy_pipeline, "progress": False,
              "steps": 1} | kwargs
    with pytest.raises(error, match=match) as caught:
        lithogen.generate(**wanted)
    assert "\n" not in str(caught.value)


def test_a_bad_angle_is_refused_before_any_work(toy_pipeline, monkeypatch) -> None:
    def never(*_, **__):
        raise AssertionError("the network ran")

    monkeypatch.setattr(type(toy_pipeline), "_tile", never)
    with pytest.raises(LithogenError, match="90"):
        lithogen.generate((16, 16, 16), 1, angles_deg=(5, 90), model=toy_pipeline, progress=False)
