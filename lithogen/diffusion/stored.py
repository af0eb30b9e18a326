"""Trained networks on disk: checked by SHA-256, safetensors only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lithogen.config import read_verified, sha256_hex
from lithogen.diffusion.lattice import ROW_MS
from lithogen.diffusion.network import RowNetwork
from lithogen.errors import WeightsError, require

WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"
# Where a pipeline that was saved around the network keeps it.
COMPONENT = "network"


def entries_of(module: Any) -> dict[str, Any]:
    """Return the configuration of a network or scheduler but private entries.

    Those are of diffusers: lists in the order of a set.
    """
    return {name: value for name, value in module.config.items() if not name.startswith("_")}


def load_network(root: Path) -> tuple[RowNetwork, str]:
    """Load a network of rows and the SHA-256 of its weights.

    Parameters
    ----------
    root : Path
        Folder of weights, config.json and MANIFEST.json, or of a pipeline around it.

    Returns
    -------
    network : RowNetwork
        In evaluation mode, float32.
    sha256 : str
        Of the file of weights.

    Raises
    ------
    WeightsError
        Files are missing, corrupt, or of another kind of network.
    """
    from safetensors.torch import load

    is_former = (root / "denoiser").is_dir()
    folder = root / COMPONENT if (root / COMPONENT).is_dir() else root
    require(not is_former, f"{root} holds weights of the former generator on voxels; "
            "train them anew: lithogen train litho", WeightsError)
    content = read_verified(folder, WEIGHTS_NAME)
    config = json.loads(read_verified(folder, "config.json"))
    kind = config.get("_class_name")
    require(kind == RowNetwork.__name__, f"weights in {folder} are of {kind}, wanted "
            f"{RowNetwork.__name__}; train them anew: lithogen train litho", WeightsError)
    require(config.get("rows_ms") == ROW_MS, f"weights in {folder} are of rows of "
            f"{config.get('rows_ms')} ms, wanted {ROW_MS:g}; train them anew", WeightsError)
    try:
        network: RowNetwork = RowNetwork.from_config(config)
        network.load_state_dict({k: v.float() for k, v in load(content).items()})
    except (RuntimeError, ValueError, TypeError, KeyError) as exc:
        # torch names every parameter in a line of its own.
        reason = str(exc).strip().splitlines()[-1].strip()
        raise WeightsError(f"weights in {folder} do not fit this version, train them anew: "
                           f"{reason}") from exc
    network.eval()
    return network, sha256_hex(content)
