"""Strict configuration, atomic files and checked weights."""

from __future__ import annotations

import json
import threading
import time

import pytest

from lithogen.config import atomic_path, from_mapping, load_toml, read_verified, write_json
from lithogen.diffusion.training.recipe import RowTraining
from lithogen.errors import ConfigError, OutputError, WeightsError
from lithogen.grid import Spacing


def test_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'dt'.*nearest: 'dt_s'"):
        from_mapping(Spacing, {"dt": 0.004})


def test_recipe_of_a_file_is_checked(tmp_path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("n_rows = 999\n")
    with pytest.raises(ConfigError, match="n_rows is 999, wanted a multiple of 512"):
        RowTraining.from_toml(path)


def test_missing_or_broken_toml_is_one_clear_error(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot read configuration"):
        load_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe = [")
    with pytest.raises(ConfigError, match="cannot read configuration"):
        load_toml(tmp_path / "bad.toml")


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"ok": 1})
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(target.read_text()) == {"ok": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_nan_never_reaches_a_json_file(tmp_path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"v": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_a_list_stand_side_by_side_and_nothing_else_changes(tmp_path) -> None:
    value = {"long": [0.1 * n for n in range(200)], "pairs": [[1, -2.5e-7], [3, 4]], "no": [],
             "words": ["[\n  1\n]", "2, 3"], "mixed": [1, None, True], "deep": {"n": [1.0]}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == value
    assert "    [1, -2.5e-07],\n    [3, 4]\n" in text and '"n": [1.0]' in text
    assert max(map(len, text.splitlines())) <= 100 and len(text.splitlines()) < 70


def test_missing_folder_is_an_output_error(tmp_path) -> None:
    with pytest.raises(OutputError, match="does not exist"), atomic_path(tmp_path / "x" / "y"):
        pass


def test_a_folder_can_be_replaced_atomically(tmp_path) -> None:
    target = tmp_path / "store"
    for text in ("one", "two"):
        with atomic_path(target) as temporary:
            temporary.mkdir()
            (temporary / "f").write_text(text)
    assert (target / "f").read_text() == "two"


def _weights(folder) -> None:
    from lithogen.config import sha256_hex

    (folder / "w.bin").write_bytes(b"abc")
    write_json(folder / "MANIFEST.json", {"files": {"w.bin": {"sha256": sha256_hex(b"abc")}}})


def test_weights_are_checked(tmp_path) -> None:
    _weights(tmp_path)
    assert read_verified(tmp_path, "w.bin") == b"abc"
    (tmp_path / "w.bin").write_bytes(b"abd")
    with pytest.raises(WeightsError, match="corrupt"):
        read_verified(tmp_path, "w.bin")


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"files": {}}', '{"files": {"w.bin": 3}}'])
def test_damaged_manifest_is_a_weights_error(tmp_path, manifest) -> None:
    _weights(tmp_path)
    (tmp_path / "MANIFEST.json").write_text(manifest)
    with pytest.raises(WeightsError, match="damaged"):
        read_verified(tmp_path, "w.bin")


def test_missing_weights_are_a_weights_error(tmp_path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_verified(tmp_path / "nowhere", "w.bin")


def test_a_failed_store_leaves_nothing_even_while_its_threads_still_write(tmp_path) -> None:
    def late(folder) -> None:
        for number in range(20):
            (folder / f"array{number}").mkdir(parents=True, exist_ok=True)
            time.sleep(0.002)

    with pytest.raises(RuntimeError), atomic_path(tmp_path / "w.zarr") as temporary:
        temporary.mkdir()
        writer = threading.Thread(target=late, args=(temporary,))
        writer.start()
        raise RuntimeError
    writer.join()
    assert list(tmp_path.iterdir()) == []
