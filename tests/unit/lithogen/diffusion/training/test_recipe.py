"""Recipes: those of the package can be read, and nonsense is refused."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest

from lithogen.config import from_mapping
from lithogen.diffusion.lattice import LEVELS
from lithogen.diffusion.training.recipe import RowTraining
from lithogen.errors import ConfigError

RECIPES = Path(str(importlib.resources.files("lithogen"))) / "diffusion/training/recipes"


@pytest.mark.parametrize(("entry", "value", "message"), [
    ("n_worlds", 0, "n_worlds is 0, wanted >= 1"),
    ("batch", -4, "batch is -4"),
    ("judge_every", 0, "judge_every is 0"),
    ("n_rows", 2000, "n_rows is 2000, wanted a multiple of 512"),
    ("n_rows", 512, "wanted a multiple of 512 above"),
    ("precision", "float8", "precision is 'float8', wanted one of float32"),
    ("unknown", 1.5, r"unknown is 1\.5, wanted 0 to 1"),
    ("replay", -0.1, r"replay is -0\.1"),
    ("decay_from", 1.0, r"decay_from is 1\.0"),
])
def test_nonsense_is_refused(entry, value, message) -> None:
    with pytest.raises(ConfigError, match=message):
        RowTraining(**{entry: value})


def test_the_shortest_window_shows_every_level_a_cell() -> None:
    least = 2 * max(level.reach for level in LEVELS)
    RowTraining(n_rows=-(-(least + 1) // 512) * 512)


def test_an_unknown_entry_is_refused_with_the_nearest(tmp_path) -> None:
    (tmp_path / "r.toml").write_text("n_world = 3\n")
    with pytest.raises(ConfigError, match="nearest: 'n_worlds'"):
        RowTraining.from_toml(tmp_path / "r.toml")


@pytest.mark.parametrize("name", ["litho.toml", "fine_tune.toml"])
def test_recipes_of_the_package_can_be_read(name) -> None:
    recipe = RowTraining.from_toml(RECIPES / name)
    assert from_mapping(RowTraining, recipe.to_dict()) == recipe
