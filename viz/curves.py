"""Curves of a training run: loss of training and of held-out worlds against the step."""

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
LOSS_COLOUR, HELD_OUT_COLOUR = "#1f3b57", "#c0392b"
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
    """Draw the loss of a run, every record faint and a running mean strong, and that held out.

    Parameters
    ----------
    records : sequence of mappings
        Of `read_log`; those without a loss are left out, those with `held_out` are a curve of
        their own. A loss may be negative: it holds likelihoods of continuous values.
    axes : Axes, optional
        To draw into; a new figure by default.

    Returns
    -------
    Axes
        The learning rate has an axis of its own on the right.

    Raises
    ------
    ConfigError
        Fewer than two records of a loss.

    Examples
    --------
    >>> axes = plot_curves(read_log("RUN"))  # doctest: +SKIP
    """
    rows = [r for r in records if "loss" in r and not r.get("held_out")]
    held = [r for r in records if "loss" in r and r.get("held_out")]
    require(len(rows) >= 2, f"the log has {len(rows)} records with a loss, wanted at least 2; "
            "let the run go on")
    step, loss = (np.array([r[name] for r in rows], dtype=np.float64) for name in ("step", "loss"))
    drawn = new_axes(axes, SIZE_IN)
    mean = running_mean(loss, max(1, round(SMOOTH_SHARE * len(loss))))
    drawn.plot(step, loss, color=LOSS_COLOUR, alpha=0.2, lw=0.7)
    drawn.plot(step, mean, color=LOSS_COLOUR, lw=1.8,
               label=f"training, {mean[-1]:.3g} at the end")
    if held:
        values = [float(r["loss"]) for r in held]
        drawn.plot([r["step"] for r in held], values, color=HELD_OUT_COLOUR, lw=1.4, marker=".",
                   label=f"held-out worlds, averaged weights, {values[-1]:.3g} at the end")
    drawn.set(xlabel="optimiser step", ylabel="loss (nats, weighted)",
              xlim=(0.0, float(step[-1])), title="training of stage 1")
    # The first steps fall from far above all others.
    low, high = float(mean.min()), float(np.quantile(mean, 0.95))
    drawn.set_ylim(low - 0.1 * (high - low) - 1e-3, high + 0.5 * (high - low) + 1e-3)
    drawn.grid(alpha=0.3)
    _add_rate(drawn, step, rows)
    drawn.legend(loc="upper right", framealpha=0.9)
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
