"""Text exports read exactly or are refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seismic_io
from lithogen.errors import SegyError


def test_table_reads_exactly(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("362\t300\t0\t-1.5\t1e30\n362\t301\t2\t3\t4\n")
    traces, iline, xline, dt_s = seismic_io.read_ascii_export(tmp_path / "a.txt", 0.004)
    np.testing.assert_array_equal(traces, np.array([[0, -1.5, 1e30], [2, 3, 4]], np.float32))
    assert (iline.tolist(), xline.tolist(), dt_s) == ([362, 362], [300, 301], 0.004)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"a b c\n",
     b"1 2 3\n1 2\n", b"1.5 2 3\n", b"1 2\n", b"\xff\xfe\x00", b"1 nan 3\n"],
    ids=["empty", "blank", "words", "ragged", "fraction", "short", "binary", "nan"],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_bad_tables_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(SegyError) as caught:
        seismic_io.read_ascii_export(tmp_path / "a.txt", 0.004)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dt_s", [0, -0.004, 4, float("nan")])
def test_bad_interval_is_refused(tmp_path: Path, dt_s: float) -> None:
    with pytest.raises(SegyError, match="seconds"):
        seismic_io.read_ascii_export(tmp_path / "a.txt", dt_s)
