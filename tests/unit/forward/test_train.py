import json

import pytest

from forward.net import ForwardNet
from forward.train import train
from lithogen.errors import ConfigError

SMALL = """
lsq_steps = 12
lsq_batch = 400
sgd_steps = 2
sgd_traces = 4
n_test_traces = 4
"""


def test_training_writes_a_net_that_loads_and_a_log(tmp_path):
    (tmp_path / "c.toml").write_text(SMALL)
    seen = []
    report = train(tmp_path / "c.toml", tmp_path / "out", lambda *step: seen.append(step))
    lines = [json.loads(t) for t in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 15))
    assert set(lines[0]) >= {"loss", "lr", "grad_norm", "samples_per_s"}
    assert seen[-1][:2] == (14, 14)
    assert lines[11]["loss"] < 1e-3 * lines[0]["loss"]
    assert report["figures"]["nrmse_layered_percent"]["15"] < 1.0
    manifest = json.loads((tmp_path / "out" / "MANIFEST.json").read_text())
    assert manifest["recipe"]["lsq_batch"] == 400
    assert ForwardNet.from_pretrained(tmp_path / "out").weights.abs().max() > 0


def test_unknown_entry_of_the_recipe_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text("lsq_step = 3\n")
    with pytest.raises(ConfigError, match="nearest: 'lsq_steps'"):
        train(tmp_path / "c.toml", tmp_path / "out")
