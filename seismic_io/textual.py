"""`read_ascii_export`: seismic exported as a text table, one trace a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import SegyError, require
from seismic_io.layout import check_file


def read_ascii_export(
    path: Path | str, dt_s: float
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], float]:
    """Read a text export: each line is inline, crossline, then the samples of one trace.

    OpendTect's "simple file" export has this form. The file holds no sample interval, so
    the caller states it. Null values such as 1e30 stay as they are.

    Parameters
    ----------
    path : text file, blank or tab separated, no header line.
    dt_s : sample interval in seconds, 0 < dt_s < 1.

    Returns
    -------
    traces float32 (n_traces, n_twt) in file order; inline and crossline numbers int64
    (n_traces,); dt_s as given.

    Raises
    ------
    SegyError : unreadable, not a table of numbers, ragged, or line numbers not whole.

    Examples
    --------
    >>> traces, iline, xline, dt_s = read_ascii_export("line.txt", 0.004)  # doctest: +SKIP
    """
    require(0 < dt_s < 1, f"dt_s is {dt_s!r}, wanted seconds above 0 and below 1, e.g. 0.004",
            SegyError)
    file = check_file(path)
    try:
        table = np.loadtxt(file, dtype=np.float64, ndmin=2, encoding="utf-8")
    except (ValueError, UnicodeDecodeError, OSError) as exc:
        reason = str(exc).splitlines()[0]
        raise SegyError(f"{path} is no table of numbers ({reason}), wanted a line"
                        " 'inline crossline sample sample ...' per trace") from exc
    require(table.shape[0] >= 1 and table.shape[1] >= 3, f"{path} has a table of"
            f" {table.shape}, wanted at least one trace of one sample after its inline and"
            " crossline number", SegyError)
    numbers = table[:, :2]
    require(bool((numbers == np.rint(numbers)).all()), f"{path}: the first two columns are not"
            " whole numbers, wanted inline and crossline", SegyError)
    lines = numbers.astype(np.int64)
    return table[:, 2:].astype(np.float32), lines[:, 0], lines[:, 1], dt_s
