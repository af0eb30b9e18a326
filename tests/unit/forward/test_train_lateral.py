"""Training of layer C: what is kept of the other layers, what is learned and what is written."""

import json

import numpy as np
import pytest
import torch

from forward import ForwardNet, train_lateral
from forward.net import SHIPPED
from forward.train_lateral import (
    LateralTraining,
    closed_form,
    columns,
    convolved_pair,
    nrmse_percent,
    random_line,
)
from lithogen.cli import main
from lithogen.errors import ConfigError

SMALL = "seed = 3\nn_volumes = 1\nn_lines = 30\nn_waves = 0\nn_test = 1\n"


@pytest.fixture(autouse=True)
def small_volumes(monkeypatch):
    monkeypatch.setattr(train_lateral, "VOLUME_SHAPE", (44, 44, 64))


@pytest.mark.slow
def test_a_run_learns_layer_c_and_keeps_the_others(tmp_path, capsys) -> None:
    recipe, out = tmp_path / "recipe.toml", tmp_path / "run"
    recipe.write_text(SMALL)
    assert main(["train", "lateral", str(recipe), "-o", str(out), "--no-progress"]) == 0
    assert str(out) in capsys.readouterr().out
    net, shipped = ForwardNet.from_pretrained(out), ForwardNet.from_pretrained()
    for name, value in shipped.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]) == (not name.startswith("lateral"))
    manifest = json.loads((out / "MANIFEST.json").read_text())
    known = json.loads((SHIPPED / "MANIFEST.json").read_text())
    assert manifest["figures"] == known["figures"]
    tables = manifest["figures_of_layer_c"]
    assert list(tables) == ["closed_form", "oracle"]
    assert "waves" not in tables["oracle"]
    for spread in ("0.4", "0.8", "1.5"):
        row = tables["oracle"]["lines"][spread]
        assert row["layer"] < row["convolution"]
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 32))


def test_least_squares_finds_weights_that_made_the_images() -> None:
    layer = closed_form(ForwardNet(), 1)
    truth = layer.weights.detach().clone()
    system = train_lateral._System(layer)
    for seed in range(3):
        pair = convolved_pair(seed, (1, 64, 64), layer)
        with torch.no_grad():
            made = layer(pair.plain[None], pair.spread)[0]
        system.add(train_lateral.Pair(pair.plain, pair.spread, made, pair.middle), 1.0)
    with torch.no_grad():
        layer.weights.mul_(0.5)
    half = nrmse_of(layer, truth)
    system.solve(1e-12)
    assert nrmse_of(layer, truth) < 0.02 * half


def nrmse_of(layer, truth: torch.Tensor) -> float:
    """Difference of what the layer makes of a line from what the true weights make."""
    pair = convolved_pair(9, (1, 64, 64), layer)
    got = layer(pair.plain[None], pair.spread)[0].detach()
    kept = layer.weights.detach().clone()
    with torch.no_grad():
        layer.weights.copy_(truth)
        wanted = layer(pair.plain[None], pair.spread)[0].detach()
        layer.weights.copy_(kept)
    return float((got - wanted)[pair.middle].std() / wanted[pair.middle].std())


@pytest.mark.parametrize("shape", [(1, 64, 64), (44, 44, 64)])
def test_columns_add_up_to_what_the_layer_does(shape) -> None:
    layer = closed_form(ForwardNet(), 1)
    pair = convolved_pair(4, shape, layer)
    with torch.no_grad():
        made = layer(pair.plain[None], pair.spread)[0]
        change = layer.weights.reshape(-1) @ columns(layer, pair)
    wanted = (made - pair.plain)[pair.middle].reshape(-1)
    assert float((change - wanted).abs().max()) < 1e-9 * float(pair.plain.abs().max())


def test_the_table_weighs_pairs_by_their_power() -> None:
    layer = closed_form(ForwardNet(), 1)
    pairs = [convolved_pair(seed, (1, 64, 64), layer, 0.8) for seed in (1, 2)]
    found = nrmse_percent(layer, pairs)
    sums = np.sum([pair.errors(layer) for pair in pairs], axis=0)
    assert found["layer"] == pytest.approx(100 * np.sqrt(sums[1] / sums[2]))


@pytest.mark.parametrize("change", [{"n_lines": 0}, {"n_waves": -1}, {"ridge": 0.0}, {"n_test": 0}])
def test_senseless_settings_are_refused(change) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        LateralTraining(**change)


def test_lines_stay_within_what_the_layer_holds() -> None:
    for seed in range(60):
        spread = random_line(seed).spread(96)
        assert 0.1 < spread.min() <= spread.max() < 2.0
