"""A disk that fills up while a store is written: one clear error, and room to go on."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from lithogen.dataset import Layout
from lithogen.errors import OutputError
from lithogen.grid import Spacing, Window
from lithogen.scale.store import ZarrStore

LAYOUT = Layout(Window((0, 0, 0), (16, 16, 16)), Spacing(), (5.0,))


def values():
    return {name: np.ones(shape, dtype) for name, (_, shape, dtype) in LAYOUT.variables().items()}


def test_full_disk_is_one_clear_error_and_the_store_goes_on(tmp_path, monkeypatch) -> None:
    from zarr.storage import _local

    store = ZarrStore(LAYOUT, tmp_path / "w.zarr", {"seed": "7"})
    real = _local._put

    def full(path, *rest, **options):
        if "seismic" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(_local, "_put", full)
        with (pytest.raises(OutputError, match=r"No space left.*finished columns are kept"),
              store.writing()):
            store.put(LAYOUT.window, values())
    again = ZarrStore(LAYOUT, tmp_path / "w.zarr", {"seed": "7"})
    assert not again.is_done(LAYOUT.window)
    with again.writing():
        again.put(LAYOUT.window, values())
        again.finish_column(LAYOUT.window)
    again.finish({})
    assert (again.open().seismic.values == 1).all()


@pytest.mark.parametrize("failing", ["mkdir", "rename"])
def test_store_that_cannot_be_laid_out_leaves_nothing(tmp_path, monkeypatch, failing) -> None:
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(f"pathlib.Path.{failing}", refuse)
    store = ZarrStore(LAYOUT, tmp_path / "w.zarr", {"seed": "7"})
    with pytest.raises(OutputError, match="Read-only"), store.writing():
        pass
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
