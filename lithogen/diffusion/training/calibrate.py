"""Calibration of sampled worlds: shares of facies as in the prior, level by level.

A network that is right about every cell beside true cells drifts a little beside drawn ones: rows
of one level are drawn independently, so contexts of finer levels are less coherent than true ones,
and there the network leans to shale and to beds of single rows. Logits of facies are therefore
multiplied by a factor a level, for which facies change as often as in the prior from one known row
to the next, and shifted by facies, for which they have the prior's shares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from lithogen.diffusion.drawing import CellDrawer
from lithogen.diffusion.filling import Lattice
from lithogen.diffusion.lattice import LEVELS, N_LEVELS, level_of
from lithogen.diffusion.network import RowNetwork
from lithogen.diffusion.schedulers import CoarseToFineScheduler
from lithogen.diffusion.training.columns import POSITION_WEIGHTS, diagram_of
from lithogen.prior.tables import strata_of
from lithogen.rng import generator
from lithogen.rockphysics import RockFamily
from lithogen.rockphysics.facies import N_FACIES
from lithogen.scenario import Scenario
from lithogen.structure import Structure

Float = NDArray[np.float64]

# Rows of every world that are looked at: whole blocks, shallow to deep.
N_ROWS, SHALLOWEST, DEEPEST = 1024, 0, 3072
ROUNDS = 4
# Factors are found in damped steps, and rare facies count as having at least this share.
DAMPING, LEAST_SHARE = 0.8, 2e-4
MOST_FACTOR = 4.0
# Logits are multiplied by at most so much in a round; sharper ones change less often.
SHARPENING, MOST_SHARPENING = 1.0, 1.3
# Steps of the flow: residuals hardly matter here.
FLOW_STEPS = 2


def calibrate_facies(
    network: RowNetwork, seed: int, n_worlds: int,
    report: Callable[[int, Float, Float], None] = lambda *_: None,
) -> None:
    """Change logits of facies so that sampled worlds have the prior's shares and changes, in place.

    Parameters
    ----------
    network : RowNetwork
        Trained on worlds of the prior.
    seed : int
        Names the worlds.
    n_worlds : int
        How many are drawn in each round.
    report : callable
        Called with every round, the shares off by level (half the sum over facies), and changes
        of facies over the prior's by level.
    """
    told = [_world(seed, number) for number in range(n_worlds)]
    wanted = np.sum([_counts(facies, rows) for _, _, rows, facies in told], axis=0)
    changes = np.sum([_changes(facies, rows) for _, _, rows, facies in told], axis=0)
    for number in range(ROUNDS):
        flow: Any = FlowMatchEulerDiscreteScheduler()  # type: ignore[no-untyped-call]
        drawer = CellDrawer(network, CoarseToFineScheduler(), flow, FLOW_STEPS)
        found, found_changes = np.zeros_like(wanted), np.zeros_like(changes)
        for place, (structure, family, rows, _) in enumerate(told):
            lattice = Lattice(drawer, structure, family, seed + place)
            facies = lattice.rows(int(rows[0]), int(rows[-1]))[0]
            found += _counts(facies, rows)
            found_changes += _changes(facies, rows)
        factor, off = share_factors(wanted, found)
        excess = found_changes / np.maximum(changes, 1.0)
        report(number, off, excess)
        sharper = np.clip(excess**SHARPENING, 1.0 / MOST_SHARPENING, MOST_SHARPENING)
        scale = torch.from_numpy(sharper).float()[:, None, None]
        with torch.no_grad():
            weights = network.weights()
            weights["facies_weight"].mul_(scale)
            shift = torch.from_numpy(np.log(factor)).float()[:, None]
            weights["facies_bias"].mul_(scale).add_(shift)


def share_factors(wanted: Float, found: Float) -> tuple[Float, Float]:
    """Return by what chances are to be multiplied, and how far shares are off.

    Parameters
    ----------
    wanted, found : ndarray of float64, shape (N_LEVELS, N_FACIES)
        Counts of the facies of the rows of every level.

    Returns
    -------
    factors : ndarray, shape (N_LEVELS, N_FACIES)
    off : ndarray, shape (N_LEVELS,)
        Share of the rows in other facies.
    """
    share, own = (counts / counts.sum(axis=1, keepdims=True) for counts in (wanted, found))
    ratio = np.maximum(share, LEAST_SHARE) / np.maximum(own, LEAST_SHARE)
    factor = np.clip(ratio, 1.0 / MOST_FACTOR, MOST_FACTOR) ** DAMPING
    return factor, np.asarray(0.5 * np.abs(share - own).sum(axis=1))


def _world(
    seed: int, number: int
) -> tuple[Structure, RockFamily, NDArray[np.int64], NDArray[np.int8]]:
    """A structure of the prior, its basin, rows, and the prior's facies there."""
    rng = generator(seed, "diffusion/calibrate", number)
    world_seed = int(rng.integers(2**62))
    structure = Structure(world_seed, Scenario.random(world_seed))
    strata = strata_of.__wrapped__(world_seed, structure)
    first = int(rng.integers(SHALLOWEST // 512, DEEPEST // 512)) * 512
    rows = first + np.arange(N_ROWS)
    return structure, strata.family, rows, diagram_of(strata, rows)[0]


def _counts(facies: NDArray[np.int8], rows: NDArray[np.int64]) -> Float:
    """Counts of facies by level of the row, weighted by how common positions are."""
    place = level_of(rows)[:, None] * N_FACIES + facies
    weight = np.broadcast_to(POSITION_WEIGHTS, facies.shape)
    flat = np.bincount(place.reshape(-1), weight.reshape(-1), N_LEVELS * N_FACIES)
    return np.asarray(flat.reshape(N_LEVELS, N_FACIES))


def _changes(facies: NDArray[np.int8], rows: NDArray[np.int64]) -> Float:
    """Changes of facies between rows that are neighbours once a level is drawn, by level."""
    out = np.zeros(N_LEVELS)
    for level in LEVELS:
        known = facies[rows % level.stride == 0]
        out[level.number] = ((np.diff(known, axis=0) != 0) * POSITION_WEIGHTS).sum()
    return out
