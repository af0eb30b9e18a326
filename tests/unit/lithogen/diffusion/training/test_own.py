"""Own models on the lattice: rows where their ages say, some held out, and a run on them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file

import lithogen
import seismic_io
from lithogen.diffusion.lattice import LEVELS
from lithogen.diffusion.stored import load_network
from lithogen.diffusion.training.columns import CellSource
from lithogen.diffusion.training.own import OwnData, own_columns, own_diagrams
from lithogen.diffusion.training.state import CHECKPOINT
from lithogen.diffusion.training.train import export_network, new_network, train
from lithogen.structure import BackgroundVelocity

# Without faults, salt, erosion, bodies and pinch-outs, ages run on in every column.
QUIET = lithogen.Scenario(
    faulting=0.0, polygonal=0.0, salt=0.0, unconformities=0, thickness_variation=0.0,
    clinoforms=0.0, channels=0.0, lobes=0.0, deltas=0.0, buildups=0.0, karst=0.0,
    mass_transport=0.0, canyons=0.0)
# The structure of a model keeps times of ages on a coarse lattice.
COARSE_KM = 0.01


def world(seed, shape=(16, 16, 100), first=150):
    """A world of the prior on a window, as a user's model."""
    return lithogen.sample_world(shape, seed, QUIET, origin=(0, 0, first))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two worlds of different size in files, as a user's own models would be."""
    out = tmp_path_factory.mktemp("models")
    seismic_io.to_netcdf(world(5), out / "one.nc")
    seismic_io.to_zarr(world(6, (16, 20, 80), 120), out / "two.zarr")
    return out


def test_rows_lie_where_the_models_ages_say(folder) -> None:
    """A diagram begins at a multiple of 512 rows; every voxel is found at its own age."""
    learned, held = own_diagrams(folder)
    one = world(5)
    age, codes = one.rgt.to_numpy()[0, 0], one.lithology.to_numpy()[0, 0]
    begin = int(age[0] // 512) * 512
    facies = learned.facies[0, :, 0].numpy()
    known = np.flatnonzero(facies >= 0)
    assert (np.diff(known) == 1).all()
    row = np.floor(age).astype(int) - begin
    inside = (row >= known[0]) & (row <= known[-1])
    # The last quarter of the ages is held out.
    assert 0.65 < inside.mean() < 0.85
    # Voxels condensed to less than a row share one: the nearest speaks.
    assert (facies[row[inside]] == codes[inside]).mean() > 0.95
    rest = held.facies[0, :, 0].numpy()
    start = begin + known[-1] + 1
    assert np.flatnonzero(rest >= 0)[0] == start % 512
    assert learned.facies.shape[2] == 1 and learned.facies.shape[1] % 512 == 0
    assert (learned.world == 0.0).all()


def test_rows_are_told_the_depth_at_which_the_models_ages_lie() -> None:
    one = world(5)
    ages = one.rgt.to_numpy()[:1, :1] + np.zeros(one.rgt.shape, np.float32)
    flat = one.assign(rgt=(one.rgt.dims, ages, one.rgt.attrs))
    about = OwnData(burial_m=300.0, velocity_m_s=2000.0)
    first, facies, _, told = own_columns(flat, "one", about)[0]
    rows = first + np.arange(len(facies)) + 0.5
    twt_s = np.interp(rows, ages[0, 0].astype(float), one.twt.to_numpy())
    depth_m = BackgroundVelocity.from_scenario(about.scenario()).depth(twt_s)
    assert_allclose(told[:, 0], (depth_m + 300.0) * 1e-3 - 2.0, atol=COARSE_KM)


def test_every_fourth_of_many_models_is_held_out(tmp_path) -> None:
    one = world(5, (16, 16, 24))
    for number in range(5):
        seismic_io.to_netcdf(one.isel(iline=slice(0, number + 2)), tmp_path / f"{number}.nc")
    learned, held = own_diagrams(tmp_path)
    # Ilines of models 0 and 4, and of 1, 2 and 3.
    assert (len(held), len(learned)) == (16 * (2 + 6), 16 * (3 + 4 + 5))


def test_longer_models_take_more_rows(folder) -> None:
    assert own_diagrams(folder, n_rows=512)[0].facies.shape[1] < 2048
    assert own_diagrams(folder, n_rows=4096)[0].facies.shape[1] == 4096


@pytest.fixture
def begin(tiny, tmp_path):
    """Folder of weights to start from."""
    export_network(new_network(replace(tiny, seed=77)), tmp_path / "begin", {})
    return tmp_path / "begin"


@pytest.mark.usefixtures("few_judged")
def test_a_run_on_own_models_resumes_exactly_and_is_told_no_scenario(
    folder, tiny, begin, tmp_path
) -> None:
    short = replace(tiny, n_worlds=1, replay=0.5)
    given = own_diagrams(folder)
    options = {"progress": False, "worlds": given, "init": begin}
    train(short, tmp_path / "whole", **options)
    train(short, tmp_path / "parts", stop_after=2, **options)
    train(short, tmp_path / "parts", resume=True, **options)
    one, two = (load_file(tmp_path / name / CHECKPOINT) for name in ("whole", "parts"))
    for name in one:
        assert_array_equal(one[name].numpy(), two[name].numpy(), err_msg=name)
    network, _ = load_network(tmp_path / "whole" / "model")
    assert network.config["knows_scenario"] is False
    start, _ = load_network(begin)
    source = CellSource(given[0])
    short_of = [level.number for level in LEVELS if not source.has(level)]
    assert 1 in short_of and LEVELS[-1].number not in short_of
    for name, value in network.state_dict().items():
        assert torch.equal(value[short_of], start.state_dict()[name][short_of]), name
    manifest = json.loads((tmp_path / "whole" / "model" / "MANIFEST.json").read_text())
    assert manifest["recipe"]["replay"] == 0.5


def test_weights_that_know_no_scenario_are_told_none(lattice_of) -> None:
    one, two = lattice_of(), lattice_of()
    one.drawer.network.register_to_config(knows_scenario=False)
    try:
        hidden = one.rows(0, 10)
    finally:
        one.drawer.network.register_to_config(knows_scenario=True)
    assert (hidden[1] != two.rows(0, 10)[1]).mean() > 0.5
