"""The train commands pass on what they are told, and the curve holds the log."""

import json

import pytest

from lithogen.cli import main
from lithogen.training.config import LithoTraining


@pytest.fixture
def calls(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr("lithogen.training.train_litho.train",
                        lambda *a, **k: seen.append((a, k)) or {"loss": 0.5})
    monkeypatch.setattr("lithogen.training.own.own_worlds",
                        lambda *a: seen.append(a) or ["a world"])
    return seen


def test_own_models_and_weights_reach_the_training(calls):
    assert main(["train", "litho", "-o", "run", "--data", "models", "--init", "shipped",
                 "--basin", "gulf_coast", "--unit-ms", "2.5"]) == 0
    (folder, crop, about), (positional, options) = calls
    recipe = LithoTraining.from_toml(positional[0])
    assert (str(folder), crop) == ("models", recipe.crop_shape)
    assert (about.basin, about.unit_ms, about.burial_m) == ("gulf_coast", 2.5, 600.0)
    assert options["worlds"] == ["a world"]
    assert (options["init"] / "MANIFEST.json").is_file()
    assert recipe.unknown_controls == 1.0


def test_without_own_models_worlds_are_procedural(calls):
    assert main(["train", "litho", "-o", "run"]) == 0
    ((positional, options),) = calls
    assert positional[0].name == "litho.toml"
    assert (options["worlds"], options["init"]) == (None, None)


def test_options_of_own_models_need_them(calls, capsys):
    assert main(["train", "litho", "-o", "run", "--burial-m", "300"]) == 2
    assert "--burial-m" in (text := capsys.readouterr().err)
    assert "--data DIR" in text
    assert calls == []


def test_only_the_first_process_minds_the_folder(calls, monkeypatch, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").write_text("{}")
    assert main(["train", "litho", "-o", "run"]) == 2
    monkeypatch.setenv("RANK", "1")
    capsys.readouterr()
    assert main(["train", "litho", "-o", "run"]) == 0
    assert capsys.readouterr().out == ""


def test_the_curve_is_drawn_from_the_log(tmp_path, capsys):
    rows = [{"step": n, "loss": 1.0 / n, "clean_mse": 0.5 / n, "learning_rate": 1e-3}
            for n in range(1, 30)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert main(["train", "curve", str(tmp_path), "-o", str(tmp_path / "curve.png")]) == 0
    assert (tmp_path / "curve.png").stat().st_size > 5000
    assert "29 records, step 29" in capsys.readouterr().out
