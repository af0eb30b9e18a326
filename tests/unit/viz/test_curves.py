"""Curves of a run: what the log holds is what is drawn."""

import json

import numpy as np
import pytest

from lithogen.errors import ConfigError
from viz.curves import plot_curves, read_log, running_mean


def records(count=40):
    return [{"step": 10 * n, "loss": 2.0 / n - 0.5, "learning_rate": 1e-3}
            for n in range(1, count + 1)]


def test_curves_hold_the_log(tmp_path):
    held = [{"step": step, "held_out": True, "loss": -0.1 * step} for step in (100, 200)]
    lines = [json.dumps(r) for r in [*records(), *held, {"step": 400, "quality": {"a": 1.0}}]]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    axes = plot_curves(read_log(tmp_path))
    loss, mean, held_out = axes.get_lines()
    np.testing.assert_array_equal(loss.get_xdata(), 10.0 * np.arange(1, 41))
    np.testing.assert_allclose(loss.get_ydata(), 2.0 / np.arange(1, 41) - 0.5)
    np.testing.assert_allclose(held_out.get_ydata(), [-10.0, -20.0])
    assert mean.get_ydata()[-1] == pytest.approx((2.0 / 40 + 2.0 / 39) / 2 - 0.5)
    assert axes.get_xlabel() == "optimiser step"
    assert "nats" in axes.get_ylabel()
    right = next(a for a in axes.figure.axes if a is not axes)
    assert right.get_lines()[0].get_ydata()[0] == 1e-3


def test_a_torn_last_line_is_left_out(tmp_path):
    text = "\n".join(json.dumps(r) for r in records(3)) + '\n{"step": 40, "lo'
    (tmp_path / "log.jsonl").write_text(text)
    assert [r["step"] for r in read_log(tmp_path / "log.jsonl")] == [10, 20, 30]


def test_a_torn_line_within_is_refused_with_its_number(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1}\nnonsense\n{"step": 2}\n')
    with pytest.raises(ConfigError, match="line 2"):
        read_log(tmp_path)


def test_no_log_and_no_losses_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="wanted the folder"):
        read_log(tmp_path)
    with pytest.raises(ConfigError, match="0 records with a loss"):
        plot_curves([{"step": 3, "quality": {}}])


def test_the_running_mean_looks_back_only():
    values = np.array([1.0, 1.0, 1.0, 10.0])
    np.testing.assert_allclose(running_mean(values, 2), [1.0, 1.0, 1.0, 5.5])
