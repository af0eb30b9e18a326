"""generate(): the Dataset of the contract, windows as crops, bad input refused in one line."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import lithogen
from lithogen.api import resolve_style
from lithogen.dataset import Layout
from lithogen.diffusion import pipeline
from lithogen.diffusion.lattice import Pass
from lithogen.diffusion.schedulers import FACIES_ORDER, CoarseToFineScheduler
from lithogen.errors import ConfigError, LithogenError, OutputError, ResourceError, ShapeError
from lithogen.grid import Window
from lithogen.rockphysics import FACIES
from lithogen.scale import columns
from lithogen.scenario import Scenario
from lithogen.strata import voxels
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


# Samples above and below a block that the wavelet of that preset takes.
HALO_NPRA = 41
FINE = {"TILE_SHAPE": (24, 20, 36), "TILE_PHASE": (0, 0, -12)}


@pytest.fixture
def fine(toy_pipeline, monkeypatch):
    """generate() on a fine lattice and in short blocks, so that a window meets many of both."""
    for name, value in FINE.items():
        monkeypatch.setattr(pipeline, name, value)
    monkeypatch.setattr(columns, "BLOCK_SAMPLES", 24)

    def run(shape, origin=(0, 0, 0), **more):
        options = {"like": "npra_31_81", "steps": 1, "model": toy_pipeline, "progress": False}
        return lithogen.generate(shape, 7, origin=origin, **options | more)

    return run


@pytest.mark.slow
def test_any_window_equals_the_crop_in_memory_and_in_a_store(fine, tmp_path) -> None:
    whole = fine((50, 47, 70), (-31, -22, 0))
    windows = [((-31, -22, 0), (16, 17, 70)), ((-9, 1, 33), (20, 24, 19)),
               ((-25, -16, 7), (40, 16, 63))]
    for number, (origin, shape) in enumerate(windows):
        store = None if number == 1 else tmp_path / f"{number}.zarr"
        part = fine(shape, origin, store=store)
        box = Window(origin, shape).slices_in(Window((-31, -22, 0), (50, 47, 70)))
        for name in whole.data_vars:
            assert_array_equal(part[name].values, whole[name].values[(..., *box)], err_msg=name)


@pytest.mark.slow
def test_blocks_do_not_change_a_bit(fine, monkeypatch) -> None:
    shape, origin = (16, 16, 90), (4, 4, 5)
    monkeypatch.setattr(columns, "BLOCK_SAMPLES", 1000)
    whole = fine(shape, origin)
    for n_samples in (16, 37):
        monkeypatch.setattr(columns, "BLOCK_SAMPLES", n_samples)
        assert fine(shape, origin).identical(whole)


@pytest.mark.slow
def test_threads_do_not_change_a_bit(fine) -> None:
    before = torch.get_num_threads()
    made = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            made.append(fine((16, 16, 16), (4, 0, 30)))
    finally:
        torch.set_num_threads(before)
    assert made[0].identical(made[1])


@pytest.mark.slow
def test_interrupted_store_goes_on_and_ends_with_the_same_bits(
    fine, toy_pipeline, tmp_path, monkeypatch
) -> None:
    """An interrupt in the middle of the third column: two are kept, the third is made again."""
    shape, origin = (40, 40, 40), (-12, 0, 0)
    whole = fine(shape, origin)
    real, calls = voxels.fill_structure, []
    window = Window(origin, shape)
    n_columns = len(columns.tile_columns(window))
    per_column = len(list(columns.tiles_covering(
        Window((0, 0, -HALO_NPRA), (1, 1, 40 + 2 * HALO_NPRA)), FINE["TILE_SHAPE"],
        FINE["TILE_PHASE"])))

    def counted(*args, **kwargs):
        calls.append(1)
        return real(*args, **kwargs)

    def stopped(*args, **kwargs):
        if len(calls) == 3 * per_column - 1:
            raise KeyboardInterrupt
        return counted(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "fill_structure", stopped)
        with pytest.raises(KeyboardInterrupt):
            fine(shape, origin, store=tmp_path / "w.zarr")
    with pytest.raises(OutputError, match="seed is '7' there, '8' here"):
        lithogen.generate(shape, 8, origin=origin, like="npra_31_81", steps=1, model=toy_pipeline,
                          progress=False, store=tmp_path / "w.zarr")
    with monkeypatch.context() as patch, pytest.raises(OutputError, match="rows is"):
        patch.setattr(Pass, "block_rows", 16)
        fine(shape, origin, store=tmp_path / "w.zarr")
    assert (tmp_path / "w.zarr.partial").is_dir()
    calls.clear()
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "fill_structure", counted)
        stored = fine(shape, origin, store=tmp_path / "w.zarr")
        again = fine(shape, origin, store=tmp_path / "w.zarr")
    assert len(calls) == (n_columns - 2) * per_column
    assert again.identical(stored)
    assert stored.load().identical(whole)


@pytest.mark.slow
def test_only_what_a_store_depends_on_is_its_request(toy_pipeline, tmp_path) -> None:
    """Other steps, styles, angles, structures and weights are other requests; a copy is not."""
    from lithogen.api import request_of
    from lithogen.diffusion.stored import entries_of
    from lithogen.scale.request import differences, fingerprint

    flat = np.linspace(0.4, 0.5, 400).reshape(20, 20)
    given = [Structure.from_horizons([flat, flat + d], scenario=Scenario()) for d in (0.4, 0.404)]

    def request(structure=given[0], style="npra_31_81", steps=1, angles=(5.0,), pipe=toy_pipeline):
        window = Window((0, 0, 0), (16, 16, 16))
        layout = Layout(window, lithogen.Spacing(), angles)
        return request_of(columns.Job(layout, pipe, structure, resolve_style(style), 7, steps))

    first = request()
    order = tuple(reversed(FACIES_ORDER))
    turned = pipeline.LithologyPipeline(toy_pipeline.network, CoarseToFineScheduler(order))
    again = Structure.from_horizons([flat, flat + 0.4], scenario=Scenario())
    assert differences(first, request(structure=again)) == []
    for change, name in (({"structure": given[1]}, "structure"), ({"steps": 2}, "steps"),
                         ({"style": "f3_inline_362"}, "style"), ({"angles": (6.0,)}, "angles_deg"),
                         ({"pipe": turned}, "schedulers")):
        assert any(text.startswith(name) for text in differences(first, request(**change)))
    net = toy_pipeline.network
    same = net.state_dict()
    assert fingerprint([same, entries_of(net)]) == first["weights"]
    changed = {k: v + 1 for k, v in same.items()}
    assert fingerprint([changed, entries_of(net)]) != first["weights"]
    assert fingerprint([same, entries_of(net) | {"knows_scenario": False}]) != first["weights"]


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
    ({"steps": 2.0}, ConfigError, "steps is 2.0"),
    ({"model": "fast"}, ConfigError, "ended; leave model out"),
    ({"spacing": lithogen.Spacing(0.016)}, ConfigError, "sample interval is 16 ms"),
    ({"spacing": lithogen.Spacing(dx_m=250.0)}, ConfigError, "dx_m is 250 m"),
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

    monkeypatch.setattr(pipeline, "fill_structure", never)
    with pytest.raises(LithogenError, match="90"):
        lithogen.generate((16, 16, 16), 1, angles_deg=(5, 90), model=toy_pipeline, progress=False)
