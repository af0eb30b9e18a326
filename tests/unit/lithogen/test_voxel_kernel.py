"""The compiled level of voxels says what the tensor operations say, in any number of threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.conditioning import N_ALL_CONTROLS, N_CONDITION
from lithogen.latent import N_LATENT
from lithogen.models import voxel_kernel
from lithogen.models.voxel_kernel import half_tanh
from lithogen.training.config import LithoTraining
from lithogen.training.train_litho import new_model
from lithogen.wells.project import N_WELL

TOY = LithoTraining(
    n_worlds=1, world_shape=(16, 16, 24), crop_shape=(16, 16, 16), margin=(2, 2, 2), widths=(8, 8),
    n_blocks=(1, 1, 1), n_embedding=8, n_voxel=9, n_hidden=11, lift="both")
MEAN, STD = torch.zeros(N_LATENT), torch.full((N_LATENT,), 0.3)


def network(recipe=TOY):
    net = new_model(recipe, MEAN, STD).eval()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in net.parameters():
            # Sums over more taps are no larger, and so is their rounding.
            torch.nn.init.normal_(parameter, std=0.3 / max(recipe.taps) ** 0.5)
    return net


def inputs(shape, batch=1, wells=False):
    draw = torch.Generator().manual_seed(2)
    latent, condition, well = (torch.randn(batch, *shape, n, generator=draw)
                               for n in (N_LATENT, N_CONDITION, N_WELL))
    controls = torch.randn(batch, N_ALL_CONTROLS, generator=draw)
    return latent, torch.full((batch,), 0.6), condition, controls, well if wells else None


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 12, 261), (16, 8, 512)])
@pytest.mark.parametrize(("wells", "taps"), [(False, (1, 1)), (True, (1, 1)), (True, (3, 5)),
                                             (False, (7, 1)), (False, (1, 3))])
def test_it_says_what_the_tensor_operations_say(monkeypatch, shape, wells, taps) -> None:
    net, told = network(replace(TOY, taps=taps)), inputs(shape, batch=2, wells=wells)
    shape = tuple(s - s % t for s, t in zip(shape, net.stride, strict=True))
    told = tuple(part[:, :shape[0], :shape[1], :shape[2]] if part is not None and part.ndim == 5
                 else part for part in told)
    asked = []
    watched = voxel_kernel.answered
    monkeypatch.setattr(voxel_kernel, "answered", lambda *a: asked.append(1) or watched(*a))
    with torch.inference_mode():
        found = net(*told)
        monkeypatch.setattr(voxel_kernel, "can_fuse", lambda *_: False)
        wanted = net(*told)
    assert asked == [1]
    assert_allclose(found.numpy(), wanted.numpy(), rtol=0, atol=2e-4)
    assert float(wanted.std()) > 0.1


def test_threads_do_not_change_a_bit() -> None:
    net, told = network(), inputs((16, 16, 24))
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                found.append(net(*told).numpy())
    finally:
        torch.set_num_threads(before)
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


def test_what_it_does_not_cover_goes_the_other_way() -> None:
    told = inputs((16, 16, 16))
    with torch.inference_mode():
        for other in (replace(TOY, lift="fold"), replace(TOY, n_hidden=0),
                      replace(TOY, head="latent")):
            net = network(other)
            assert not voxel_kernel.can_fuse(net, told[0])
            assert net(*told).shape == told[0].shape
        assert voxel_kernel.can_fuse(network(), told[0])
        assert not voxel_kernel.can_fuse(network(), told[0].double())
    assert not voxel_kernel.can_fuse(network(), told[0])


def test_half_tanh_is_exact_to_single_precision() -> None:
    x = np.concatenate([np.linspace(-40, 40, 20001), np.geomspace(1e-30, 1.0, 999)])
    x = x.astype(np.float32)
    out = np.empty_like(x)
    half_tanh(x, out, len(x))
    wanted = np.tanh(x.astype(np.float64) / 2)
    assert_allclose(out, wanted, rtol=4e-7, atol=1e-38)
