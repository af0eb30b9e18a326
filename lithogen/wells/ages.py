"""Where the voxels of wells lie in a structure: their ages, and the position on the profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lithogen.errors import ShapeError
from lithogen.grid import Spacing, Window, three_integers
from lithogen.structure import Structure
from lithogen.wells.voxels import WellVoxels

# A deviated track is evaluated in blocks of so many lines: few calls, few voxels too many.
BLOCK_LINES = 16
# Neighbouring ages so many times further apart than half a sample either side leave a gap.
MAX_GAP = 1.5
# Where a body covers more of a voxel than this, its rock is not that of a layer.
MOST_COVER = 0.02

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WellAges:
    """Structure at the voxels of one well, arrays of shape (n,) in their order.

    Parameters
    ----------
    age_ms : ndarray of float64
        Relative geologic time at the centre of the voxel.
    reach_ms : ndarray of float64
        Half of the span of ages of the voxel.
    environment : ndarray of float64
        Depositional environment, < 0 distal, > 0 proximal.
    is_layer : ndarray of bool
        Whether the voxel is of layers: no channel, salt or other body covers it.
    body, body_facies : ndarray of int64
        Number of the body that fills most of the voxel, 0 for none, and the facies that the
        structure plans for it there.
    """

    age_ms: Float
    reach_ms: Float
    environment: Float
    is_layer: NDArray[np.bool_]
    body: NDArray[np.int64]
    body_facies: NDArray[np.int64]


def well_ages(voxels: WellVoxels, structure: Structure, spacing: Spacing) -> WellAges:
    """Look up one well's voxels in a structure, block by block along its track.

    Parameters
    ----------
    voxels : WellVoxels
        Of one well.
    structure, spacing : Structure, Spacing
        Of the world.

    Raises
    ------
    ShapeError
        A structure that is given as maps or a volume does not cover the well.
    """
    n = len(voxels.well)
    age, rate, environment = np.empty(n), np.empty(n), np.empty(n)
    is_layer, body = np.empty(n, dtype=bool), np.zeros(n, dtype=np.int64)
    planned = np.zeros(n, dtype=np.int64)
    blocks, owner = np.unique(voxels.index[:, :2] // BLOCK_LINES, axis=0, return_inverse=True)
    for number in range(len(blocks)):
        mine = np.flatnonzero(owner.reshape(-1) == number)
        low, high = voxels.index[mine].min(axis=0), voxels.index[mine].max(axis=0)
        window = Window(three_integers(low, "origin"), three_integers(high - low + 1, "shape"))
        try:
            structure.require_window(window)
        except ShapeError as exc:
            name = voxels.names[voxels.well[mine[0]]]
            raise ShapeError(f"well {name!r} leaves the given structure: {exc}") from exc
        fields = structure.evaluate(window, spacing)
        at = tuple((voxels.index[mine] - low).T)
        age[mine], rate[mine] = fields.age.numpy()[at], fields.rate.numpy()[at]
        environment[mine] = fields.environment.numpy()[at]
        body[mine] = fields.bodies.number().numpy()[at]
        codes = [0, *(part.facies for part in fields.bodies.parts)]
        planned[mine] = fields.bodies.label(codes, torch.int8).numpy()[at]
        is_layer[mine] = fields.bodies.cover.numpy()[at] <= MOST_COVER
    return WellAges(age, 0.5e3 * spacing.dt_s * rate, environment, is_layer, body, planned)


def nearest_samples(
    age_ms: NDArray[np.floating], reach_ms: NDArray[np.floating],
    wanted_ms: NDArray[np.floating],
) -> NDArray[np.int64]:
    """Return which sample speaks for each wanted age: the nearest one that reaches it.

    Parameters
    ----------
    age_ms, reach_ms : ndarray of float64, shape (n,)
        Ages of samples in any order, and how far each reaches.
    wanted_ms : ndarray of float64, shape (m,)
        Ages.

    Returns
    -------
    ndarray of int64, shape (m,)
        Index of the sample, -1 where none reaches. Between samples that follow each other nothing
        is unknown, though the rate of age varies; a missing sample is a gap twice as wide.

    Examples
    --------
    >>> nearest_samples(np.array([0.0, 4.0]), np.array([2.0, 2.0]), np.array([1.0, 3.0, 9.0]))
    array([ 0,  1, -1])
    """
    order = np.argsort(age_ms, kind="stable")
    age, reach = np.asarray(age_ms)[order], np.asarray(reach_ms)[order]
    after = np.searchsorted(age, wanted_ms).clip(0, len(age) - 1)
    before = np.maximum(after - 1, 0)
    miss = np.abs(np.stack([age[before], age[after]]) - wanted_ms)
    reaches = (miss <= np.stack([reach[before], reach[after]])).any(axis=0)
    gap = age[after] - age[before]
    is_between = (age[before] <= wanted_ms) & (wanted_ms <= age[after])
    reaches |= is_between & (gap <= MAX_GAP * (reach[before] + reach[after]))
    return np.where(reaches, order[np.where(miss[0] <= miss[1], before, after)], -1)
