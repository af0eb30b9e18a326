"""Weights on disk: saved and loaded to the same bits, and refused where they do not fit."""

from __future__ import annotations

import json

import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.config import write_manifest
from lithogen.diffusion.network import RowNetwork
from lithogen.diffusion.pipeline import LithologyPipeline
from lithogen.diffusion.stored import COMPONENT, WEIGHTS_NAME, load_network
from lithogen.diffusion.training.train import export_network
from lithogen.errors import WeightsError
from lithogen.grid import Window
from lithogen.structure import Structure


@pytest.fixture
def saved(fresh, tmp_path):
    """Folder of a saved pipeline."""
    fresh().save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def configure(saved, **changes) -> None:
    """Change entries of the network's configuration, and list it anew."""
    path = saved / COMPONENT / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    write_manifest(saved / COMPONENT, (WEIGHTS_NAME, "config.json"), {})


def test_save_and_load_give_the_same_bits(fresh, saved) -> None:
    loaded = LithologyPipeline.from_pretrained(saved)
    structure, window = Structure.random(5), Window((0, 0, 0), (4, 4, 16))
    one, two = (pipe.world_fields(structure, window, seed=5, steps=1)
                for pipe in (fresh(), loaded))
    for name in ("facies", "vp", "vs", "rho"):
        assert_array_equal(getattr(one, name), getattr(two, name))
    assert len(loaded.weights_sha256) == 64
    assert not loaded.network.training


def test_a_network_of_a_run_is_loaded_in_single_precision(tmp_path) -> None:
    network = RowNetwork(width=4, head_width=4, knows_scenario=False)
    wanted = {name: value.half().float() for name, value in network.state_dict().items()}
    export_network(network, tmp_path / "model", {"recipe": {"seed": 3}})
    found, sha256 = load_network(tmp_path / "model")
    assert found.config["knows_scenario"] is False
    for name, value in found.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, wanted[name])
    manifest = json.loads((tmp_path / "model" / "MANIFEST.json").read_text())
    assert manifest["files"][WEIGHTS_NAME]["sha256"] == sha256
    assert manifest["recipe"] == {"seed": 3}
    assert (tmp_path / "model" / WEIGHTS_NAME).stat().st_mode & 0o777 == 0o644


def test_corrupt_weights_are_refused(saved) -> None:
    path = saved / COMPONENT / WEIGHTS_NAME
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="corrupt"):
        LithologyPipeline.from_pretrained(saved)


def test_missing_weights_are_refused(tmp_path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        LithologyPipeline.from_pretrained(tmp_path / "elsewhere")


def test_weights_of_the_former_generator_are_refused(tmp_path) -> None:
    (tmp_path / "denoiser").mkdir()
    with pytest.raises(WeightsError, match=r"former generator.*lithogen train litho"):
        load_network(tmp_path)


@pytest.mark.parametrize(("change", "message"), [
    ({"_class_name": "LithoNet"}, "are of LithoNet, wanted RowNetwork"),
    ({"rows_ms": 2.0}, r"rows of 2\.0 ms, wanted 1"),
    ({"width": 24}, "do not fit this version"),
    ({"width": "wide"}, "do not fit this version"),
])
def test_weights_of_another_network_are_refused(saved, change, message) -> None:
    configure(saved, **change)
    with pytest.raises(WeightsError, match=message) as refused:
        LithologyPipeline.from_pretrained(saved)
    assert "\n" not in str(refused.value)


def test_weights_without_a_lattice_are_refused(saved) -> None:
    path = saved / COMPONENT / "config.json"
    config = json.loads(path.read_text())
    del config["rows_ms"]
    path.write_text(json.dumps(config))
    write_manifest(saved / COMPONENT, (WEIGHTS_NAME, "config.json"), {})
    with pytest.raises(WeightsError, match="rows of None ms"):
        load_network(saved)
