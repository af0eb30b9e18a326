"""A small untrained pipeline: the same code path as the shipped one, in a fraction of the time."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session")
def toy_pipeline():
    """Pipeline with random weights that do depend on noise, structure and controls."""
    from lithogen.conditioning import N_ALL_CONTROLS
    from lithogen.latent import N_LATENT
    from lithogen.models.litho_net import LithoNet
    from lithogen.pipeline import LithologyPipeline

    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = LithoNet(widths=(8, 8), n_blocks=(1, 1, 1), n_embedding=16,
                       n_controls=N_ALL_CONTROLS, latent_mean=(0.0,) * N_LATENT,
                       latent_std=(0.5,) * N_LATENT)
        for parameter in net.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.15)
    return LithologyPipeline(net.to(memory_format=torch.channels_last_3d).eval())
