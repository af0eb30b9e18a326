"""A process that streams to a store is killed: the next one ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import xarray as xr

# Words of the child: folder of weights, store. Small tiles make several columns of a small window.
CHILD = """
import sys
from lithogen.diffusion import pipeline
pipeline.TILE_SHAPE, pipeline.TILE_PHASE = (16, 16, 36), (0, 0, -12)
import lithogen
lithogen.generate((64, 32, 40), 7, origin=(-20, 0, 0), steps=1, model=sys.argv[1],
                  store=sys.argv[2], like="npra_31_81", progress=False)
"""
# Until the first column is finished, imports included, on a busy machine.
PATIENCE_S = 300.0


def start(folder, store):
    words = [sys.executable, "-c", CHILD, str(folder), str(store)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)


def columns_of(store):
    try:
        record = json.loads((store.with_name(f"{store.name}.partial") / "progress.json")
                            .read_text())
    except FileNotFoundError:
        return []
    return record["columns"]


@pytest.mark.slow
def test_killed_run_goes_on_to_the_same_bits(toy_pipeline, tmp_path) -> None:
    toy_pipeline.save_pretrained(tmp_path / "weights")
    whole, killed = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    child = start(tmp_path / "weights", killed)
    limit = time.monotonic() + PATIENCE_S
    while len(columns_of(killed)) < 2:
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < limit
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    n_done = len(columns_of(killed))
    assert 2 <= n_done < 2 * 5
    assert not killed.exists()
    for store in (whole, killed):
        ended = start(tmp_path / "weights", store)
        assert ended.wait(PATIENCE_S) == 0, ended.stderr.read()
    one, two = (xr.open_zarr(store, chunks=None).load() for store in (whole, killed))
    xr.testing.assert_identical(one, two)
    assert {p.name for p in tmp_path.iterdir()} == {"weights", "whole.zarr", "killed.zarr"}
    assert not list(killed.rglob("*.partial"))
