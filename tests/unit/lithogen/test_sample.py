"""`sample_world`: crops bit for bit on any machine's threads, labels with their meanings."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.dataset import LABELS, MEANINGS
from lithogen.errors import ShapeError
from lithogen.prior import sample, sample_world
from lithogen.rockphysics.fluids import MIN_POROSITY, POROUS_FACIES
from lithogen.scenario import Scenario
from lithogen.structure.bodies import BodyKind

ROOT = Path(__file__).resolve().parents[3]
BUSY = Scenario.random(3).with_(
    channels=1.0, lobes=1.0, deltas=1.0, buildups=1.0, karst=1.0, mass_transport=1.0, canyons=1.0,
    faulting=0.8, salt=0.6, clinoforms=0.5, unconformities=3, hydrocarbons=1.0, polygonal=0.5)
# Small tiles keep the test quick; their lattice is the same kind of lattice.
SMALL_TILE = (16, 16, 32)
PLAIN_UNITS = {"throw": (0.0, 2000.0), "porosity": (0.0, 0.7), "net_to_gross": (0.0, 1.0),
               "fault": (0.0, 1.0)}
# What one digest of a world costs in a fresh interpreter, importing torch included.
SECONDS = 120


@pytest.fixture(scope="module")
def world():
    tile, sample.TILE_SHAPE = sample.TILE_SHAPE, (32, 32, 64)
    try:
        return sample_world((32, 32, 64), 3, BUSY, origin=(0, 64, 128))
    finally:
        sample.TILE_SHAPE = tile


def digest(ds) -> str:
    """Hash of all variables of a world."""
    whole = hashlib.sha256()
    for name in sorted(ds.data_vars):
        whole.update(name.encode())
        whole.update(np.ascontiguousarray(ds[name].values).tobytes())
    return whole.hexdigest()


@pytest.mark.parametrize("scenario", [None, BUSY])
def test_windows_equal_crops_bit_for_bit(monkeypatch, scenario) -> None:
    monkeypatch.setattr(sample, "TILE_SHAPE", SMALL_TILE)
    # Eight tiles, of which the part meets other ones than its own size would need.
    whole = sample_world((18, 24, 36), 3, scenario, origin=(-20, 52, 76))
    part = sample_world((16, 16, 17), 3, scenario, origin=(-19, 57, 91))
    box = (slice(1, 17), slice(5, 21), slice(15, 32))
    assert set(part.data_vars) == set(whole.data_vars) > set(LABELS)
    for name in whole.data_vars:
        assert_array_equal(part[name].values, whole[name].values[box], err_msg=name)
    for name in ("iline", "xline", "twt"):
        axis = ("iline", "xline", "twt").index(name)
        assert_array_equal(part[name].values, whole[name].values[box[axis]])


def test_windows_equal_crops_across_the_real_tiles() -> None:
    # Two tiles meet at inline 64. Without bodies, which take most of the time of a full tile.
    calm = Scenario.random(8).with_(**dict.fromkeys(
        ("channels", "lobes", "deltas", "buildups", "karst", "mass_transport", "canyons"), 0.0))
    whole = sample_world((22, 16, 20), 8, calm, origin=(60, 70, 130))
    part = sample_world((16, 16, 16), 8, calm, origin=(65, 70, 133))
    for name in whole.data_vars:
        assert_array_equal(part[name].values, whole[name].values[5:21, :, 3:19], err_msg=name)


def test_threads_do_not_change_a_voxel(monkeypatch) -> None:
    monkeypatch.setattr(sample, "TILE_SHAPE", (32, 32, 64))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(digest(sample_world((32, 32, 64), 5, BUSY, origin=(0, 0, 128))))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.slow
def test_another_process_makes_the_same_world() -> None:
    code = (
        "import sys, hashlib, numpy as np\n"
        "from lithogen.prior import sample, sample_world\n"
        "sample.TILE_SHAPE = (16, 16, 32)\n"
        "ds = sample_world((16, 16, 32), 5, origin=(-16, 32, 96))\n"
        "whole = hashlib.sha256()\n"
        "for name in sorted(ds.data_vars):\n"
        "    whole.update(name.encode())\n"
        "    whole.update(np.ascontiguousarray(ds[name].values).tobytes())\n"
        "print(whole.hexdigest())\n"
    )
    # Another hash seed: no set or dict order may reach a voxel.
    runs = [subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        timeout=SECONDS, env=os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
    ).stdout.strip()]
    tile, sample.TILE_SHAPE = sample.TILE_SHAPE, SMALL_TILE
    try:
        runs.append(digest(sample_world((16, 16, 32), 5, origin=(-16, 32, 96))))
    finally:
        sample.TILE_SHAPE = tile
    assert runs[0] == runs[1]


def test_variables_have_their_dtypes_and_dims(world) -> None:
    for name in ("vp", "vs", "rho", "impedance", "rgt", "fault"):
        assert world[name].dtype == np.float32, name
    assert world["lithology"].dtype == np.int8
    for name, dtype in LABELS.items():
        assert world[name].dtype == dtype, name
    for name in world.data_vars:
        assert world[name].dims == ("iline", "xline", "twt")
        assert "long_name" in world[name].attrs
    assert "seismic" not in world


def test_codes_mean_what_their_flags_say(world) -> None:
    assert MEANINGS["body_kind"] == tuple(kind.name.lower() for kind in BodyKind)
    for name, meanings in MEANINGS.items():
        attrs = world[name].attrs
        assert attrs["flag_meanings"].split() == list(meanings)
        assert list(attrs["flag_values"]) == list(range(len(meanings)))
        assert 0 <= int(world[name].min()) <= int(world[name].max()) < len(meanings)


def test_labels_stay_in_their_ranges(world) -> None:
    for name, (low, high) in PLAIN_UNITS.items():
        values = world[name].values
        assert np.isfinite(values).all()
        assert low <= values.min() and values.max() <= high, name
    assert set(np.unique(world.sequence)) <= set(range(BUSY.unconformities + 1))


def test_labels_agree_with_one_another(world) -> None:
    assert_array_equal(world.body.values > 0, world.body_kind.values > 0)
    # One kind per body.
    pairs = np.unique(np.stack([world.body.values.ravel(), world.body_kind.values.ravel()]), axis=1)
    assert len(set(pairs[0].tolist())) == pairs.shape[1]
    held = world.fluid.values > 0
    assert np.isin(world.lithology.values[held], POROUS_FACIES).all()
    assert (world.porosity.values[held] > MIN_POROSITY).all()
    assert_array_equal(world.impedance.values, world.vp.values * world.rho.values)
    # A throw without a fault would be a label of nothing.
    assert (world.fault.values[world.throw.values > 0] > 0).all()
    assert len(np.unique(world.body_kind)) >= 3


@pytest.mark.parametrize("seed", [2, 7])
def test_rgt_increases_downward_within_a_sequence(monkeypatch, seed) -> None:
    monkeypatch.setattr(sample, "TILE_SHAPE", (16, 16, 128))
    ds = sample_world((16, 16, 128), seed, BUSY.with_(faulting=0.0, polygonal=0.0),
                      origin=(0, 0, 128))
    step, same = np.diff(ds.rgt.values, axis=2), np.diff(ds.sequence.values, axis=2) == 0
    assert (step[same] > 0).all()
    assert (np.diff(ds.sequence.values, axis=2) >= 0).all()


def test_attributes_hold_the_scenario(world) -> None:
    stored = Scenario.from_dict(json.loads(world.attrs["scenario"]))
    assert stored == BUSY
    assert world.attrs["seed"] == "3"
    assert json.loads(world.attrs["origin"]) == [0, 64, 128]
    assert world.twt.values[0] == pytest.approx(128 * 0.004)


@pytest.mark.parametrize("shape, origin, text", [
    ((8, 16, 16), (0, 0, 0), "at least 16"), ((16, 16, 16), (0, 0, -1), "wanted 0 or more"),
    ((16, 16), (0, 0, 0), "three integers"), ((16, 16, 16.5), (0, 0, 0), "three integers")])
def test_bad_windows_are_refused(shape, origin, text) -> None:
    with pytest.raises(ShapeError, match=text):
        sample_world(shape, 1, origin=origin)


def test_seeds_make_other_worlds_and_scenarios_are_kept_apart() -> None:
    tile, sample.TILE_SHAPE = sample.TILE_SHAPE, SMALL_TILE
    try:
        one, two, three = (digest(sample_world((16, 16, 16), s, c, origin=(0, 0, 96)))
                           for s, c in ((1, None), (2, None), (1, BUSY)))
    finally:
        sample.TILE_SHAPE = tile
    assert len({one, two, three}) == 3
