"""ZarrStore: columns in any order, chunks on the lattice, only the same request goes on."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from lithogen.dataset import Layout, MemorySink
from lithogen.diffusion import pipeline
from lithogen.errors import ConfigError, LithogenError, OutputError, ResourceError
from lithogen.grid import Spacing, Window
from lithogen.scale import limits
from lithogen.scale.columns import tile_columns
from lithogen.scale.request import differences, fingerprint
from lithogen.scale.store import RECORD, ZarrStore, chunk_shape
from lithogen.scenario import Scenario
from lithogen.structure import Structure

WINDOW = Window((-5, 7, 3), (40, 33, 50))
REQUEST = {"seed": "7", "shape": [40, 33, 50], "scenario": {"salt": 0.5}}


@pytest.fixture(autouse=True)
def lattice(monkeypatch):
    """Small tiles, so that a small window has several columns."""
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (16, 16, 32))
    monkeypatch.setattr(pipeline, "TILE_PHASE", (0, 4, -8))


@pytest.fixture
def layout():
    return Layout(WINDOW, Spacing(), (5.0, 15.0), ("body",))


def values_of(layout, part):
    """Every variable as a function of the absolute voxel."""
    i, j, k = np.meshgrid(*(o + np.arange(n) for o, n in zip(part.origin, part.shape, strict=True)),
                          indexing="ij")
    out = {}
    for number, (name, (dims, _, dtype)) in enumerate(layout.variables().items()):
        value = ((7 * i + 3 * j + k + number) % 100).astype(dtype)
        out[name] = np.stack([value, value + 1]) if dims[0] == "angle" else value
    return out


def fill(store, columns):
    with store.writing():
        for column in columns:
            store.put(column, values_of(store.layout, column))
            store.finish_column(column)


def test_store_equals_memory_whatever_the_order_of_columns(layout, tmp_path) -> None:
    sink = MemorySink(layout)
    sink.put(WINDOW, values_of(layout, WINDOW))
    whole = sink.finish({"seed": "7"})
    columns = tile_columns(WINDOW)
    assert len(columns) == 4 * 3
    for number, order in enumerate((columns, columns[::-1])):
        store = ZarrStore(layout, tmp_path / f"{number}.zarr", REQUEST)
        fill(store, order)
        store.finish({"seed": "7"})
        xr.testing.assert_identical(store.open().load(), whole)
        names = {p.name for p in tmp_path.iterdir()}
        assert names == {f"{n}.zarr" for n in range(number + 1)}


def test_columns_cover_the_window_once() -> None:
    count = np.zeros(WINDOW.shape, dtype=int)
    for column in tile_columns(WINDOW):
        count[column.slices_in(WINDOW)] += 1
        # The lattice of the fixture: lines 16 n, crosslines 16 n + 4.
        assert column.origin[0] // 16 == (column.stop[0] - 1) // 16
        assert (column.origin[1] - 4) // 16 == (column.stop[1] - 5) // 16
    assert (count == 1).all()


def test_finished_columns_are_known_to_the_next_process(layout, tmp_path) -> None:
    columns = tile_columns(WINDOW)
    fill(ZarrStore(layout, tmp_path / "w.zarr", REQUEST), columns[:5])
    again = ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    assert [again.is_done(c) for c in columns] == [True] * 5 + [False] * 7
    left = sum(c.size for c in columns[5:]) / WINDOW.size
    assert again.share_left(columns) == pytest.approx(left)


@pytest.mark.parametrize(("entry", "value", "said"), [
    ("seed", "8", "seed is '7' there, '8' here"),
    ("shape", [40, 33, 51], r"shape is \[40, 33, 50\] there, \[40, 33, 51\] here"),
    ("scenario", {"salt": 0.25}, "scenario.salt is 0.5 there, 0.25 here"),
])
def test_another_request_is_refused_and_told_what_differs(
    layout, tmp_path, entry, value, said
) -> None:
    fill(ZarrStore(layout, tmp_path / "w.zarr", REQUEST), tile_columns(WINDOW)[:1])
    before = (tmp_path / "w.zarr.partial" / RECORD).read_bytes()
    with pytest.raises(OutputError, match=said) as caught:
        ZarrStore(layout, tmp_path / "w.zarr", REQUEST | {entry: value})
    assert "remove the folder" in str(caught.value)
    assert (tmp_path / "w.zarr.partial" / RECORD).read_bytes() == before


def test_finished_store_answers_its_own_request_only(layout, tmp_path) -> None:
    store = ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    fill(store, tile_columns(WINDOW))
    store.finish({})
    assert ZarrStore(layout, tmp_path / "w.zarr", REQUEST).is_complete
    with pytest.raises(OutputError, match="exists and answers another request: seed"):
        ZarrStore(layout, tmp_path / "w.zarr", REQUEST | {"seed": "8"})


@pytest.mark.parametrize("name", ["w.zarr", "w.zarr.partial"])
def test_foreign_folders_are_refused_and_kept(layout, tmp_path, name) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="remove it or choose another"):
        ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    assert (tmp_path / name / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "mine", "request": {}, "columns": []}'])
def test_damaged_record_is_refused(layout, tmp_path, text) -> None:
    fill(ZarrStore(layout, tmp_path / "w.zarr", REQUEST), tile_columns(WINDOW)[:1])
    (tmp_path / "w.zarr.partial" / RECORD).write_text(text)
    with pytest.raises(OutputError, match="no half-done store"):
        ZarrStore(layout, tmp_path / "w.zarr", REQUEST)


def test_half_written_column_and_scraps_are_written_again(layout, tmp_path) -> None:
    """What a kill leaves: data without a note, and temporary files of Zarr and of the record."""
    columns = tile_columns(WINDOW)
    store = ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    fill(store, columns[:3])
    half = Window(columns[3].origin, (*columns[3].shape[:2], 20))
    store.put(half, {name: np.full_like(v, 77) for name, v in values_of(layout, half).items()})
    chunk = next(p for p in store.partial.rglob("0") if p.is_file())
    scraps = [chunk.with_suffix(".0a1b.partial"), store.partial / "progress.tmp-1.json"]
    for scrap in scraps:
        scrap.write_bytes(b"half")
    again = ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    fill(again, [c for c in columns if not again.is_done(c)])
    assert not any(scrap.exists() for scrap in scraps)
    again.finish({})
    for name, wanted in values_of(layout, WINDOW).items():
        assert_array_equal(again.open()[name].values, wanted, err_msg=name)


def test_two_writers_are_kept_apart(layout, tmp_path) -> None:
    one = ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    two = ZarrStore(layout, tmp_path / "w.zarr", REQUEST)
    with (one.writing(), pytest.raises(OutputError, match="another process writes"),
          two.writing()):
        pass
    with two.writing():
        assert not two.done


def test_chunks_line_up_with_columns_where_they_can() -> None:
    assert chunk_shape(Window((0, 4, 0), (64, 64, 300))) == (16, 16, 128)
    assert chunk_shape(Window((-16, 20, 5), (64, 64, 64))) == (16, 16, 64)
    assert chunk_shape(Window((3, 4, 0), (13, 10, 300))) == (13, 10, 128)


def test_chunks_on_a_shifted_lattice_share_the_largest_common_side(monkeypatch) -> None:
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (128, 128, 112))
    assert chunk_shape(Window((32, 96 + 4, 0), (512, 512, 300))) == (32, 32, 128)
    # Lines 120 and 248 end tiles: chunks of 8 lines would be too many files.
    assert chunk_shape(Window((8, 4, 0), (512, 512, 300))) == (128, 128, 128)


def test_no_chunk_is_shared_where_chunks_line_up(layout, tmp_path) -> None:
    aligned = Layout(Window((0, 4, 0), (32, 48, 40)), Spacing(), (5.0,))
    store = ZarrStore(aligned, tmp_path / "w.zarr", REQUEST)
    seen = {}
    with store.writing():
        for column in tile_columns(aligned.window):
            store.put(column, values_of_one_angle(aligned, column))
            now = {p: p.stat().st_mtime_ns for p in store.partial.glob("vp/c/*/*/*")}
            assert all(now[p] == t for p, t in seen.items())
            seen = now
    assert len(seen) == 2 * 3


def values_of_one_angle(layout, part):
    return {n: v[:1] if v.ndim == 4 else v for n, v in values_of(layout, part).items()}


def test_working_memory_depends_on_the_tile_not_on_the_world(monkeypatch) -> None:
    sizes = [Layout(Window((0, 0, 0), shape), Spacing(), (5.0,))
             for shape in ((512, 512, 512), (4096, 4096, 3000))]
    one, two = (limits.working_bytes(s, (0, 0, 41)) for s in sizes)
    assert one == two
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (32, 32, 32))
    assert limits.working_bytes(sizes[0], (0, 0, 41)) > one


def test_full_disk_is_refused_with_the_estimate(layout, tmp_path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=layout.n_bytes() // 2)
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ResourceError, match="GB are free on its disk"):
        limits.refuse_if_disk_is_full(layout, tmp_path / "w.zarr")
    limits.refuse_if_disk_is_full(layout, tmp_path / "w.zarr", share_left=0.4)
    with pytest.raises(OutputError, match="does not exist"):
        limits.refuse_if_disk_is_full(layout, tmp_path / "no" / "w.zarr")


def test_fingerprint_tells_content_apart() -> None:
    flat = np.linspace(0.4, 0.5, 400).reshape(20, 20)
    surfaces = [flat, flat + 0.4]
    given = Structure.from_horizons(surfaces, scenario=Scenario())
    moved = Structure.from_horizons([flat, flat + 0.404], scenario=Scenario())
    assert fingerprint(given) == fingerprint(Structure.from_horizons(surfaces, scenario=Scenario()))
    marks = [fingerprint(v) for v in (
        given, moved, Structure.random(1), Structure.random(2), Structure(1, Scenario()),
        1, 1.0, "1", None, (1, (2,)), ((1, 2),), np.zeros(2), np.zeros(2, np.float32),
        np.zeros((2, 1)), {"a": 1}, {"a": 2})]
    assert len(set(marks)) == len(marks)


def test_fingerprint_refuses_what_has_no_content() -> None:
    with pytest.raises(ConfigError, match="no content"):
        fingerprint({"call": len})


def test_differences_are_named_one_by_one() -> None:
    assert differences(REQUEST, REQUEST) == []
    found = differences(REQUEST, {"seed": "7", "scenario": {"salt": 0.5, "karst": 1}})
    assert found == ["shape is [40, 33, 50] there, None here",
                     "scenario.karst is None there, 1 here"]


def test_errors_are_of_the_package(layout, tmp_path) -> None:
    store = ZarrStore(layout, tmp_path / "no" / "w.zarr", REQUEST)
    with pytest.raises(LithogenError), store.writing():
        pass
    assert list(tmp_path.iterdir()) == []


def test_record_is_plain_json(layout, tmp_path) -> None:
    fill(ZarrStore(layout, tmp_path / "w.zarr", REQUEST), tile_columns(WINDOW)[:2])
    record = json.loads((tmp_path / "w.zarr.partial" / RECORD).read_text())
    assert record == {"kind": "lithogen store", "request": REQUEST,
                      "columns": ["-5,20", "-5,7"]}
