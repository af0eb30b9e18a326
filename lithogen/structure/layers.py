"""Layers: from unfolded two-way time to age, by a table of nodes per column of the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.scenario import Scenario
from lithogen.structure.bodies import DRAPE_LENGTHS, BodyPart, drape
from lithogen.structure.packages import columns
from lithogen.structure.products import add_products

Float = NDArray[np.float64]

NODE_MS = 4.0
# A jump of age between two nodes is a surface where layers end: no age in between exists there.
JUMP_MS = 24.0
DRAPE_LENGTH_MS = 32.0
# Bodies together raise the age of a point by less than this.
BENT_MS = 200.0


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers on the voxels of a window, tensors (n_iline, n_xline, n_twt).

    Parameters
    ----------
    age, rate : relative geologic time in ms and its derivative by two-way time.
    environment : < 0 distal, > 0 proximal.
    sequence : int8, 0 is the youngest.
    """

    age: Tensor
    rate: Tensor
    environment: Tensor
    sequence: Tensor


def age_of(
    position: Tensor, number: Tensor, axes: tuple[Float, Float, Float], seed: int,
    scenario: Scenario, parts_of: Callable[[Float], list[BodyPart]],
) -> tuple[Layers, list[BodyPart]]:
    """Return the layers of points from their unfolded two-way time.

    Parameters
    ----------
    position : unfolded two-way time in ms, (n_iline, n_xline, n_twt), float32.
    number : the sequence of every point, int8, same shape.
    axes : y in m, x in m, two-way time in ms.
    seed, scenario : of the structure.
    parts_of : gives the bodies that may meet ranges of ages (n, 2).
    """
    y_m, x_m, _ = axes
    tables: list[Tensor] = []
    parts: list[BodyPart] = []
    last = int(number.max())
    used = [n for n in range(last) if bool((number == n).any())] + [last]
    first = torch.zeros(max(used) + 1, dtype=torch.int32, device=position.device)
    n_node = 0
    for n in used:
        start, count = _nodes_of(position, number, n)
        s_ms = np.asarray((start + np.arange(count)) * NODE_MS, dtype=np.float64)
        table, own = _table(seed, scenario, n, s_ms, (y_m, x_m), parts_of)
        tables.append(table.to(position.device))
        parts += own
        first[n] = n_node - start
        n_node += count
    table = torch.cat(tables, dim=2) if len(tables) > 1 else tables[0]
    age, rate, environment = _look_up(table, position, number, first)
    return Layers(age, rate, environment, number), parts


def _nodes_of(position: Tensor, number: Tensor, sequence: int) -> tuple[int, int]:
    """First node and number of nodes that a sequence needs."""
    if bool((number == sequence).all()):
        low, high = float(position.min()), float(position.max())
    else:
        mine = number == sequence
        low = float(torch.where(mine, position, torch.inf).min())
        high = float(torch.where(mine, position, -torch.inf).max())
    start = int(np.floor(low / NODE_MS))
    return start, int(np.floor(high / NODE_MS)) + 2 - start


def _table(
    seed: int, scenario: Scenario, sequence: int, s_ms: Float, map_axes: tuple[Float, Float],
    parts_of: Callable[[Float], list[BodyPart]],
) -> tuple[Tensor, list[BodyPart]]:
    """Age, rate and environment on nodes, (n_iline, n_xline, n_node, 3), and the bodies there."""
    found = columns(seed, scenario, sequence, s_ms, *map_axes)
    n_node = len(s_ms)
    shape = (len(map_axes[0]), len(map_axes[1]), n_node, 3)
    # One product for all three; single precision, because the large plain ages are added after.
    over_s = np.stack([found.age[1:], found.rate[1:], found.environment[1:]], axis=-1)
    sums = np.zeros((shape[0] * shape[1], n_node * 3), dtype=np.float32)
    add_products(sums, found.maps[1:].reshape(len(over_s), -1).astype(np.float32),
                 over_s.reshape(len(over_s), -1).astype(np.float32))
    table = torch.from_numpy(sums.reshape(shape))
    plain = np.stack([found.age[0], found.rate[0], found.environment[0]], axis=-1)
    table += torch.from_numpy(plain.astype(np.float32))
    age, rate = table[..., 0], table[..., 1]
    low, high = _ends_of_nodes(age)
    # Stiff parts below the ages that occur still bend them.
    reach = np.array([0.0, DRAPE_LENGTHS * DRAPE_LENGTH_MS])
    # No rate is larger than its terms can be together.
    most = np.abs(found.maps).max(axis=(1, 2)) @ np.abs(found.rate)
    parts = parts_of(_spans(age, low, high, NODE_MS * most) + reach)
    for part in parts:
        if part.drape > 0.0:
            top, base = float(part.top_age.min()), float(part.base_age.max())
            first = top - DRAPE_LENGTHS * DRAPE_LENGTH_MS - BENT_MS
            near = np.nonzero((high > first) & (low < base))[0]
            if near.size:
                box = slice(int(near[0]), int(near[-1]) + 1)
                drape(age[:, :, box], rate[:, :, box], part, DRAPE_LENGTH_MS)
    return table, parts


def _ends_of_nodes(age: Tensor) -> tuple[Float, Float]:
    """Lowest and highest age of every node over the map, each (n_node,)."""
    found = age.flatten(0, 1).aminmax(dim=0)
    return (np.asarray(found.min.double().cpu().numpy()),
            np.asarray(found.max.double().cpu().numpy()))


def _spans(age: Tensor, low: Float, high: Float, margin: Float) -> Float:
    """Ages that voxels span, as ranges (n, 2) that may overlap: from each node to the next.

    Ages that every column skips, between packages, lie in none of them, but for what half a
    node and half a voxel reach into them.
    """
    is_jump = np.zeros(len(low) - 1, dtype=bool)
    # Only where the lowest age jumps can every column jump.
    for node in np.nonzero(np.diff(low) > JUMP_MS)[0]:
        step = age[:, :, int(node) + 1] - age[:, :, int(node)]
        is_jump[node] = float(step.min()) > JUMP_MS
    ends = np.append(np.where(is_jump, high[:-1], high[1:]), high[-1])
    return np.asarray(np.stack([low - margin, ends + margin], axis=1))


def _look_up(
    table: Tensor, position: Tensor, number: Tensor, first: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Interpolate linearly between the nodes of every point's own column."""
    n_y, n_x, n_node, n_value = table.shape
    flat = table.reshape(-1, n_value)
    node = position / NODE_MS
    lower = node.floor()
    part = node.sub_(lower).reshape(-1)
    column = torch.arange(n_y * n_x, dtype=torch.int32, device=position.device) * n_node
    index = lower.to(torch.int32).add_(column.reshape(n_y, n_x, 1))
    if len(first) > 1:
        index += first.index_select(0, number.reshape(-1).to(torch.int32)).reshape(number.shape)
    else:
        index += first
    index = index.reshape(-1)
    upper = flat.index_select(0, index)
    below = flat.index_select(0, index.add_(1)).sub_(upper)
    jump = (below[:, 0] > JUMP_MS).nonzero()[:, 0]
    beside = part.index_select(0, jump)
    part.index_copy_(0, jump, beside.round())
    upper.addcmul_(below, part[:, None])
    # Beside a jump age runs on at its own rate, by less than half of the jump from either side.
    rate = torch.minimum(upper[jump, 1], below[jump, 0] * (0.96 / NODE_MS))
    upper[jump, 0] += rate.mul_(beside.sub_(beside.round()).mul_(NODE_MS))
    age, rate, environment = (upper[:, n].contiguous().reshape(position.shape) for n in range(3))
    return age, rate, environment
