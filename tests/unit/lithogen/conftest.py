"""A small untrained pipeline: the same code path as the shipped one, in a fraction of the time."""

from __future__ import annotations

import pytest
import torch


def make_toy_network(seed: int = 3):
    """A network with random weights, whose facies and residuals do depend on what is known."""
    from lithogen.diffusion.network import RowNetwork

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = RowNetwork(width=16, head_width=16)
        for parameter in network.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.15)
    return network.eval()


@pytest.fixture(scope="session")
def toy_network():
    """A small untrained network."""
    return make_toy_network()


@pytest.fixture(scope="session")
def toy_pipeline():
    """Pipeline around such a network."""
    from lithogen.diffusion.pipeline import LithologyPipeline

    return LithologyPipeline(make_toy_network())
