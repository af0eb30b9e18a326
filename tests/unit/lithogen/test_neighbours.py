"""Seismic that needs the traces around it: a style with a migration aperture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lithogen
from forward.neutral import neutral_style
from lithogen.diffusion import pipeline
from lithogen.errors import ConfigError
from lithogen.scale.neighbours import Filler

PLAIN = neutral_style()
MIGRATED = dataclasses.replace(PLAIN, aperture_m=700.0)
SHAPE, ORIGIN = (20, 33, 48), (-9, 5, 210)


@pytest.fixture(autouse=True)
def lattice(monkeypatch):
    """Small tiles, so that a small window has several columns."""
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (16, 16, 64))
    monkeypatch.setattr(pipeline, "TILE_PHASE", (0, 4, -8))


@pytest.fixture
def make(toy_pipeline):
    def made(shape=SHAPE, origin=ORIGIN, like=MIGRATED, **more):
        return lithogen.generate(shape, 5, origin=origin, like=like, steps=1, model=toy_pipeline,
                                 progress=False, **more)
    return made


@pytest.mark.slow
def test_a_window_is_a_crop_and_a_store_the_same(make, tmp_path) -> None:
    whole = make()
    part = make((16, 17, 30), (-7, 12, 220))
    box = (slice(2, 18), slice(7, 24), slice(10, 40))
    for name in ("seismic", "vp", "lithology", "impedance", "rgt"):
        assert_array_equal(part[name].values, whole[name].values[box], name)
    stored = make(store=tmp_path / "world.zarr")
    for name, variable in whole.data_vars.items():
        assert_array_equal(stored[name].values, variable.values, name)
    assert [p.name for p in tmp_path.iterdir()] == ["world.zarr"]


@pytest.mark.slow
def test_an_aperture_changes_seismic_alone(make) -> None:
    blurred, plain = make((16, 16, 40)), make((16, 16, 40), like=PLAIN)
    assert_array_equal(blurred.vp.values, plain.vp.values)
    change = np.sqrt(np.square(blurred.seismic - plain.seismic).mean()) / plain.seismic.std()
    assert 0.005 < float(change) < 1.5


@pytest.mark.slow
def test_a_store_goes_on_where_it_was(make, tmp_path, monkeypatch) -> None:
    path, calls = tmp_path / "world.zarr", []
    fill = Filler.fill

    def two(self, column, put, on_tile):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(column)
        fill(self, column, put, on_tile)

    monkeypatch.setattr(Filler, "fill", two)
    with pytest.raises(KeyboardInterrupt):
        make(store=path)
    monkeypatch.setattr(Filler, "fill", fill)
    assert_array_equal(make(store=path).seismic.values, make().seismic.values)
    assert [p.name for p in tmp_path.iterdir()] == ["world.zarr"]


@pytest.mark.slow
@pytest.mark.parametrize("is_stored", [False, True])
def test_columns_wait_no_longer_than_three_rows(make, monkeypatch, tmp_path, is_stored) -> None:
    waiting, fill = [], Filler.fill

    def counted(self, column, put, on_tile):
        fill(self, column, put, on_tile)
        waiting.append(len({part.origin[0] for part in self.held}))
        assert len(list(tmp_path.glob(".lithogen-*/*.npy"))) == is_stored * len(self.held)

    monkeypatch.setattr(Filler, "fill", counted)
    make((64, 16, 16), **({"store": tmp_path / "world.zarr"} if is_stored else {}))
    assert max(waiting) == 3
    assert waiting[-1] == 0


@pytest.mark.parametrize("value", [0.0, -5.0, float("nan"), 1e9])
def test_a_senseless_aperture_is_refused(value) -> None:
    with pytest.raises(ConfigError, match="aperture_m"):
        dataclasses.replace(PLAIN, aperture_m=value)


def test_a_style_keeps_its_aperture(tmp_path) -> None:
    MIGRATED.save(tmp_path / "style.json")
    from forward import load_style

    assert load_style(tmp_path / "style.json") == MIGRATED
