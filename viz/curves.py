"""Curves of a training run: loss and error of the clean latent against the step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ConfigError, require
from viz.style import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float = NDArray[np.float64]

SIZE_IN = (8.0, 4.5)
# Records of a window: one step sees few crops at a few noise levels, so single values jump.
SMOOTH_SHARE = 0.05
CURVES: Mapping[str, tuple[str, str]] = {
    "loss": ("loss (weighted by noise level)", "#1f3b57"),
    "clean_mse": ("mean squared error of the clean latent", "#c0392b"),
}
RATE_COLOUR = "#7a7a7a"


def read_log(path: Path | str) -> list[dict[str, Any]]:
    """Return the records of a run's log.jsonl, in order of the steps.

    Parameters
    ----------
    path : the file, or the folder of the run.

    Raises
    ------
    ConfigError : there is none, or a line but the last is not a record.
    """
    file = Path(path)
    file = file / "log.jsonl" if file.is_dir() else file
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise ConfigError(f"log {file} cannot be read: {exc.strerror}; wanted the folder of a "
                          "training run") from exc
    out = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            out.append({"step": int(record["step"])} | record)
        except (ValueError, KeyError, TypeError) as exc:
            # The last line of a running or killed run may be torn.
            if number == len(lines):
                break
            raise ConfigError(f"line {number} of {file} is no record of a step ({exc!r}); wanted "
                              "JSON objects with an entry step") from exc
    return out


def plot_curves(records: Sequence[Mapping[str, Any]], axes: Axes | None = None) -> Axes:
    """Draw loss and clean-latent error of a run, every record faint and a running mean strong.

    Parameters
    ----------
    records : of `read_log`; those without loss (samples, quality) are left out.
    axes : Axes to draw into; a new figure by default.

    Returns
    -------
    The Axes; the learning rate has an axis of its own on the right.

    Raises
    ------
    ConfigError : fewer than two records of a loss.

    Examples
    --------
    >>> axes = plot_curves(read_log("RUN"))  # doctest: +SKIP
    """
    rows = [r for r in records if "loss" in r]
    require(len(rows) >= 2, f"the log has {len(rows)} records with a loss, wanted at least 2; "
            "let the run go on")
    step = np.array([r["step"] for r in rows], dtype=np.float64)
    drawn = new_axes(axes, SIZE_IN)
    for name, (label, colour) in CURVES.items():
        known = [(s, float(r[name])) for s, r in zip(step, rows, strict=True) if name in r]
        if not known:
            continue
        at, values = np.array(known).T
        mean = running_mean(values, max(1, round(SMOOTH_SHARE * len(values))))
        drawn.plot(at, values, color=colour, alpha=0.2, lw=0.7)
        drawn.plot(at, mean, color=colour, lw=1.8, label=f"{label}, {mean[-1]:.3g} at the end")
    drawn.set(xlabel="optimiser step", ylabel="loss and error (1)", yscale="log",
              xlim=(0.0, float(step[-1])), title="training of stage 1")
    drawn.grid(alpha=0.3, which="both")
    _add_rate(drawn, step, rows)
    drawn.legend(loc="lower left", framealpha=0.9)
    return drawn


def _add_rate(axes: Axes, step: Float, rows: Sequence[Mapping[str, Any]]) -> None:
    if not all("learning_rate" in r for r in rows):
        return
    right = axes.twinx()
    right.plot(step, [float(r["learning_rate"]) for r in rows], color=RATE_COLOUR, ls=":", lw=1.0)
    right.set_ylabel("learning rate (1), dotted", color=RATE_COLOUR)
    right.set_ylim(bottom=0.0)


def running_mean(values: Float, count: int) -> Float:
    """Return the mean of the last `count` values at every place, of fewer at the beginning.

    Parameters
    ----------
    values : (n,). count : length of the window, >= 1.

    Examples
    --------
    >>> running_mean(np.array([2.0, 4.0, 6.0]), 2).tolist()
    [2.0, 3.0, 5.0]
    """
    total = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.arange(1, len(values) + 1)
    start = np.maximum(stop - count, 0)
    return np.asarray((total[stop] - total[start]) / (stop - start))
