"""The compiled path of ForwardNet: its weights, made ready for the loops of `forward.kernels`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from forward.kernels import interface_features, net_traces
from forward.lateral import LateralLayer
from forward.lateral_kernels import BLOCK, lateral_block
from forward.terms import FEATURES, ForwardConfig, squared_sines
from lithogen.errors import ConfigError

if TYPE_CHECKING:
    from forward.net import ForwardNet

F32 = NDArray[np.float32]


def fill(
    net: ForwardNet,
    out: NDArray[np.float32],
    rows: list[NDArray[np.float32]],
    wavelet: NDArray[np.float64],
    angles: Sequence[float],
    late: tuple[NDArray[np.float32], bool],
) -> int:
    """Run the compiled path; return -1, or the first trace that leaves the domain."""
    share, is_cut = late
    edge = net.config.gated_taps // 2

    with torch.no_grad():
        given = torch.as_tensor(wavelet)
        taps, gated, gates, weights = (
            np.ascontiguousarray(v.cpu().numpy(), dtype=np.float32) for v in (
                net.shaped_wavelet(given), net.gated_wavelets(given), net.gates,
                net.angle_weights(angles)))
    if is_cut and edge:
        gated = np.ascontiguousarray(gated[:, edge:-edge])
    domain = np.asarray([net.config.lowest, net.config.highest], dtype=np.float32)
    sizes, sine2 = np.asarray(net.sizes_of_groups), squared_sines(angles).astype(np.float32)
    return int(
        net_traces(
            (rows[0], rows[1], rows[2]), domain, net.parents_of_terms, weights, sizes, sine2, taps,
            (share, gates, gated), out
        )
    )


def fill_lateral(layer: LateralLayer, stacks: F32, spread: NDArray[np.float64]) -> None:
    """Pass angle stacks (angle, iline, xline, twt) through layer C in place.

    Parameters
    ----------
    spread : (angle, n_twt), see `forward.resolution`. Border traces go on beyond the edges.
    """
    _, n_i, n_x, n_twt = stacks.shape
    if n_i * n_x == 1:
        return
    with torch.no_grad():
        taps = np.ascontiguousarray(layer.filters.cpu().numpy(), dtype=np.float32)
        table = layer.coefficients(torch.as_tensor(spread)).cpu().numpy()
    weights = np.ascontiguousarray(table, dtype=np.float32)
    total = np.ascontiguousarray(table.sum(axis=1), dtype=np.float32)
    reach, half = layer.reach, layer.time_reach
    for image, weight, sums in zip(stacks, weights, total, strict=True):
        source = np.ascontiguousarray(np.pad(image, [(0, 0), (0, 0), (half, half)]))
        if n_x == 1:
            source = np.ascontiguousarray(source.swapaxes(0, 1))
        first, second = source.shape[:2]
        wide = (first if first == 1 else first + 2 * reach, second + 2 * reach)
        for start in range(0, n_twt, BLOCK):
            stop = min(start + BLOCK, n_twt)
            size = stop - start
            work = (np.empty((len(taps), *wide, size), np.float32),
                    np.empty((3, *wide, size), np.float32))
            out = np.empty((first, second, size), np.float32)
            lateral_block(source, taps, np.ascontiguousarray(weight[..., start:stop]),
                          np.ascontiguousarray(sums[..., start:stop]), start + half, work, out)
            image[..., start:stop] = out.swapaxes(0, 1) if n_x == 1 else out


def refuse_domain(
    config: ForwardConfig, rows: list[F32], trace: int, shape: tuple[int, ...]
) -> None:
    """Name the interface of a trace that leaves the domain.

    Raises
    ------
    ConfigError : always, if there is one.
    """
    features = np.empty((4, shape[-1]), np.float32)
    interface_features(rows[0][trace], rows[1][trace], rows[2][trace], features)
    low, high = config.lowest, config.highest
    for q, name in enumerate(FEATURES):
        is_bad = (features[q, :-1] < low[q]) | (features[q, :-1] > high[q])
        if is_bad.any():
            k = int(is_bad.argmax())
            where = tuple(int(i) for i in np.unravel_index(trace, shape[:2]))
            raise ConfigError(
                f"{name} is {features[q, k]:.3f} between samples {k} and {k + 1} of trace "
                f"{where}, outside the {low[q]:g}..{high[q]:g} that the net was trained on; "
                "use forward.reference.synthesize for this model"
            )
