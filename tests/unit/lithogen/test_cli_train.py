"""The train commands pass on what they are told, and the curve holds the log."""

import json

import pytest

from lithogen.cli import main
from lithogen.diffusion.pipeline import PACKAGED_WEIGHTS


@pytest.fixture
def calls(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr("lithogen.diffusion.training.train.train",
                        lambda *a, **k: seen.append((a, k)) or {"loss": 0.5})
    monkeypatch.setattr("lithogen.diffusion.training.own.own_diagrams",
                        lambda *a: seen.append(a) or ("some", "others"))
    return seen


def test_own_models_and_weights_reach_the_training(calls):
    assert main(["train", "litho", "-o", "run", "--data", "models", "--init", "begin",
                 "--basin", "gulf_coast", "--unit-ms", "2.5"]) == 0
    (folder, about, n_rows), ((recipe, out), options) = calls
    assert (str(folder), str(out), n_rows) == ("models", "run", recipe.n_rows)
    assert (about.basin, about.unit_ms, about.burial_m) == ("gulf_coast", 2.5, 600.0)
    assert options["worlds"] == ("some", "others")
    assert str(options["init"]) == "begin"
    assert recipe.unknown == 1.0


def test_own_models_go_on_with_the_shipped_weights(calls):
    assert main(["train", "litho", "-o", "run", "--data", "models"]) == 0
    assert calls[1][1]["init"] == PACKAGED_WEIGHTS


def test_without_own_models_worlds_are_procedural(calls):
    assert main(["train", "litho", "-o", "run"]) == 0
    (((recipe, _), options),) = calls
    assert recipe.unknown < 1.0
    assert (options["worlds"], options["init"]) == (None, None)


def test_shipped_is_a_word_for_the_packaged_weights(calls):
    assert main(["train", "litho", "-o", "run", "--init", "shipped"]) == 0
    assert calls[0][1]["init"] == PACKAGED_WEIGHTS


def test_a_recipe_of_ones_own_is_taken(calls, tmp_path):
    (tmp_path / "mine.toml").write_text("n_steps = 12\n")
    assert main(["train", "litho", "mine.toml", "-o", "run"]) == 0
    assert calls[0][0][0].n_steps == 12


def test_options_of_own_models_need_them(calls, capsys):
    assert main(["train", "litho", "-o", "run", "--burial-m", "300"]) == 2
    assert "--burial-m" in (text := capsys.readouterr().err)
    assert "--data DIR" in text
    assert calls == []


def test_a_folder_with_files_is_refused_unless_resuming(calls, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").write_text("{}")
    assert main(["train", "litho", "-o", "run"]) == 2
    assert "not empty" in capsys.readouterr().err
    assert calls == []
    assert main(["train", "litho", "-o", "run", "--resume"]) == 0
    assert calls[0][1]["resume"]


def test_the_curve_is_drawn_from_the_log(tmp_path, capsys):
    rows = [{"step": 0, "held_out": True, "loss": 2.0}]
    rows += [{"step": n, "loss": 1.0 / n, "facies": [0.5 / n] * 10, "learning_rate": 1e-3}
             for n in range(1, 30)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert main(["train", "curve", str(tmp_path), "-o", str(tmp_path / "curve.png")]) == 0
    assert (tmp_path / "curve.png").stat().st_size > 5000
    assert "step 29" in capsys.readouterr().out
