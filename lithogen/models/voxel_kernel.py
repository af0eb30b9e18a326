"""The level of voxels of LithoNet in one compiled pass, for processors and without gradients.

As single tensor operations this level moves every volume of features through memory some fifteen
times, which costs more than the arithmetic. Here a trace stays in the cache from the
latent to the clean latent. It says what `LithoNet._voxels` and `LithoNet.clean` say, up to
rounding.

Sums run in one fixed order with plain IEEE multiply and add: what a voxel gets depends on its own
inputs alone, not on threads or on its place in an array.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lithogen.kernels import compiled
from lithogen.models.blocks import lift_places

if TYPE_CHECKING:
    from lithogen.models.litho_net import LithoNet

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
Lift = tuple[I32, I32, F32]
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
# Where tanh is 1 in single precision.
_FLAT = np.float32(7.9)
# Rational minimax approximation x P(x^2) / Q(x^2) of tanh, as in Eigen; 2 units in the last place.
_P = tuple(np.float32(v) for v in (
    -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
    1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03))
_Q = tuple(np.float32(v) for v in (
    1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03))


@compiled
def add_products(weight: F32, x: F32, out: F32, n: int) -> None:
    """Add weight @ x to `out` in the first n columns, eight terms at a time."""
    n_out, n_in = weight.shape
    whole = n_in - n_in % 8
    for o in range(n_out):
        row = out[o]
        for r in range(0, whole, 8):
            w0, w1, w2, w3 = weight[o, r], weight[o, r + 1], weight[o, r + 2], weight[o, r + 3]
            w4, w5, w6, w7 = weight[o, r + 4], weight[o, r + 5], weight[o, r + 6], weight[o, r + 7]
            x0, x1, x2, x3, x4, x5, x6, x7 = (
                x[r], x[r + 1], x[r + 2], x[r + 3], x[r + 4], x[r + 5], x[r + 6], x[r + 7])
            for b in range(n):
                row[b] = (row[b] + w0 * x0[b] + w1 * x1[b] + w2 * x2[b] + w3 * x3[b]
                          + w4 * x4[b] + w5 * x5[b] + w6 * x6[b] + w7 * x7[b])
        for r in range(whole, n_in):
            w0, x0 = weight[o, r], x[r]
            for b in range(n):
                row[b] += w0 * x0[b]


@compiled
def half_tanh(x: F32, out: F32, n: int) -> None:
    """Write tanh(x / 2)."""
    for b in range(n):
        out[b] = half_tanh_of(x[b])


@compiled
def half_tanh_of(x: np.float32) -> np.float32:
    """Return tanh(x / 2)."""
    v = _HALF * x
    # Plain comparisons, unlike min and max, leave loops over this to vector instructions.
    v = -_FLAT if v < -_FLAT else v
    v = _FLAT if v > _FLAT else v
    y = v * v
    p = ((((((_P[0] * y + _P[1]) * y + _P[2]) * y + _P[3]) * y + _P[4]) * y + _P[5]) * y + _P[6])
    q = ((_Q[0] * y + _Q[1]) * y + _Q[2]) * y + _Q[3]
    return v * p / q


@compiled
def swish(x: F32, n: int) -> None:
    """Replace x by x * sigmoid(x), in place."""
    for c in range(x.shape[0]):
        row = x[c]
        for b in range(n):
            row[b] = _HALF * row[b] * (_ONE + half_tanh_of(row[b]))


@compiled
def chances(score: F32, spare: F32, n: int) -> None:
    """Replace scores (n_facies, n) by probabilities, in place."""
    n_facies = score.shape[0]
    for b in range(n):
        spare[b] = score[0, b]
    for c in range(1, n_facies):
        row = score[c]
        for b in range(n):
            spare[b] = max(spare[b], row[b])
    for c in range(n_facies):
        row = score[c]
        for b in range(n):
            row[b] -= spare[b]
    for c in range(n_facies):
        # exp(x) = (1 + tanh(x / 2)) / (1 - tanh(x / 2)): exact to 1e-7 of the largest, which is 1.
        row = score[c]
        half_tanh(row, spare, n)
        for b in range(n):
            row[b] = (_ONE + spare[b]) / (_ONE - spare[b])
    for b in range(n):
        spare[b] = _ZERO
    for c in range(n_facies):
        for b in range(n):
            spare[b] += score[c, b]
    for c in range(n_facies):
        row = score[c]
        for b in range(n):
            row[b] /= spare[b]


@compiled
def begin(out: F32, bias: F32, n: int) -> None:
    """Write a bias into the first n columns."""
    for c in range(out.shape[0]):
        for b in range(n):
            out[c, b] = bias[c]


@compiled
def mix_lines(lifted: F32, along_i: tuple[int, int, np.float32], out: F32) -> None:
    """Write the words of tokens on one inline, between those before and after it."""
    i0, i1, u = along_i
    for j in range(out.shape[0]):
        for c in range(out.shape[1]):
            for k in range(out.shape[2]):
                out[j, c, k] = (_ONE - u) * lifted[i0, j, c, k] + u * lifted[i1, j, c, k]


@compiled
def turn(part: F32, out: F32) -> None:
    """Write one trace (n_twt, channel) as (channel, n_twt)."""
    for c in range(part.shape[1]):
        for b in range(part.shape[0]):
            out[c, b] = part[b, c]


@compiled
def look_around(part: F32, taps: int, n: int, out: F32) -> None:
    """Write what lies up to taps // 2 samples above and below, nearest tap by tap, without itself.

    `part` is (channel, n), `out` (channel * (taps - 1), n); beyond the ends there is zero.
    """
    n_channel, row = part.shape[0], 0
    for tap in range(taps):
        shift = tap - taps // 2
        if shift == 0:
            continue
        first, last = max(0, -shift), min(n, n - shift)
        for c in range(n_channel):
            for b in range(first):
                out[row, b] = _ZERO
            for b in range(first, last):
                out[row, b] = part[c, b + shift]
            for b in range(max(last, first), n):
                out[row, b] = _ZERO
            row += 1


@compiled
def line_answer(
    told: tuple[F32, F32, F32], words: F32, slot: int, step: int, lifted: F32,
    along_i: tuple[int, int, np.float32], along_j: Lift, own: F32, hidden: F32, hidden_bias: F32,
    last: F32, last_bias: F32, direct: F32, codes: F32, out: F32,
) -> None:
    """Write the clean latent of one inline.

    Parameters
    ----------
    told : latent, condition and wells, each (n_xline, n_twt, channels).
    words : of a row of tokens to each of their voxels, (n_token, voxels * n_voxel, n_twt).
    slot, step : first voxel of a token that lies on this line; voxels of a token along it.
    lifted : words of all tokens to voxels between them, (tokens i, tokens j, n_voxel, n_twt).
    along_i, along_j : tokens before and after, and the share of the second.
    """
    latent, condition, wells = told
    n_latent, n_condition, n = latent.shape[2], condition.shape[2], latent.shape[1]
    n_voxel, n_facies, n_code = own.shape[0], codes.shape[0], codes.shape[1]
    n_res, n_point = last.shape[0] - n_facies, n_latent + n_condition + wells.shape[2]
    # Of what is looked at around a voxel its own sample stands first, once.
    x = np.empty((own.shape[1], n), dtype=np.float32)
    first = np.empty((hidden.shape[1], n), dtype=np.float32)
    second = np.empty((hidden.shape[0], n), dtype=np.float32)
    score = np.empty((last.shape[0], n), dtype=np.float32)
    code = np.empty((n_code, n), dtype=np.float32)
    table, nothing = np.ascontiguousarray(codes.T), np.zeros(n_code, dtype=np.float32)
    spare = np.empty(n, dtype=np.float32)
    near = np.empty(lifted.shape[1:], dtype=np.float32)
    own_taps = (own.shape[1] - n_point) // n_latent + 1
    hidden_taps = hidden.shape[1] // n_voxel
    mix_lines(lifted, along_i, near)
    before, after, share = along_j
    for j in range(latent.shape[0]):
        t0, t1, token, v = before[j], after[j], j // step, share[j]
        begin_word = (slot + j % step) * n_voxel
        for c in range(n_voxel):
            for b in range(n):
                first[c, b] = words[token, begin_word + c, b] + (
                    (_ONE - v) * near[t0, c, b] + v * near[t1, c, b])
        turn(latent[j], x[:n_latent])
        turn(condition[j], x[n_latent:n_latent + n_condition])
        turn(wells[j], x[n_latent + n_condition:n_point])
        look_around(x[:n_latent], own_taps, n, x[n_point:])
        add_products(own, x, first[:n_voxel], n)
        swish(first[:n_voxel], n)
        look_around(first[:n_voxel], hidden_taps, n, first[n_voxel:])
        begin(second, hidden_bias, n)
        add_products(hidden, first, second, n)
        swish(second, n)
        begin(score, last_bias, n)
        add_products(last, second, score, n)
        add_products(direct, x[:n_latent], score, n)
        chances(score[:n_facies], spare, n)
        begin(code, nothing, n)
        add_products(table, score[:n_facies], code, n)
        for b in range(n):
            for c in range(n_code):
                out[j, b, c] = code[c, b]
            for c in range(n_res):
                out[j, b, n_code + c] = score[n_facies + c, b]


@dataclass(frozen=True, slots=True)
class VoxelWeights:
    """Weights of the level of voxels under one embedding, ready for the kernel.

    Parameters
    ----------
    own : (n_voxel, n_latent + n_condition + n_well + n_latent * (taps - 1)). fold, linear :
        (weight, bias) of the words of tokens. hidden : (weight, bias), with columns for the voxel
        itself and then for those around it. last : (weight, bias). direct : (n_out, n_latent).
    codes : (n_facies, n_code).
    """

    own: F32
    fold: tuple[Tensor, Tensor]
    linear: tuple[Tensor, Tensor]
    hidden: tuple[F32, F32]
    last: tuple[F32, F32]
    direct: F32
    codes: F32


def can_fuse(model: LithoNet, latent: Tensor) -> bool:
    """Whether the kernel covers this network and input."""
    is_plain = (latent.device.type == "cpu" and latent.dtype == torch.float32
                and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu"))
    is_covered = (model.fold is not None and model.linear is not None
                  and model.hidden is not None and model.n_code > 0 and model.patch[2] == 1
                  and model.last.weight.dtype == torch.float32)
    return is_plain and is_covered


def answered(
    model: LithoNet, told: tuple[Tensor, Tensor, Tensor | None], gain: Tensor, embedding: Tensor,
    said: Tensor,
) -> Tensor:
    """Return the clean latent, like the noisy one.

    Parameters
    ----------
    told : latent, condition and wells of all voxels, as in `LithoNet.forward`.
    gain : of the latent's channels, (batch, n_latent). embedding : (batch, n_embedding).
    said : features of all tokens.
    """
    latent, condition, wells = told
    out = torch.empty_like(latent)
    nothing = torch.empty(*latent.shape[:4], 0)
    maps = nothing if wells is None else wells.float()
    for n in range(latent.shape[0]):
        weights = _prepared(model, gain[n], embedding[n:n + 1], wells is not None)
        _answer(model.patch, weights, tuple(part[n].contiguous().numpy() for part in
                                            (latent, condition.float(), maps)),
                said[n], out[n].numpy())
    return out


def _prepared(
    model: LithoNet, gain: Tensor, embedding: Tensor, with_wells: bool
) -> VoxelWeights:
    """Work the modulation by the embedding and the scales of channels into the weights."""
    fold, lift, hidden = (cast(nn.Linear, part) for part in
                          (model.fold, model.linear, model.hidden))
    scale, shift = model.film(embedding)[0].chunk(2)
    scale = 1.0 + scale
    n_voxel, n_latent = len(scale), len(gain)
    inside, around = _split(model.own_around)
    rows = [(model.own.weight[:, :n_latent] + inside) * gain, model.own.weight[:, n_latent:]]
    rows += [model.own_wells.weight] * with_wells
    own = torch.cat(rows + [part * gain for part in around], 1)
    inside, around = _split(model.hidden_around)
    inner = torch.cat([hidden.weight + inside, *around], 1)
    words = fold.weight.reshape(-1, n_voxel, fold.in_features)
    gate, out = model.skip(embedding)[0], model.answer_scale
    return VoxelWeights(
        _array(own * scale[:, None]),
        ((words * scale[:, None]).reshape(fold.weight.shape),
         (fold.bias.reshape(-1, n_voxel) * scale).reshape(-1)),
        (lift.weight * scale[:, None], lift.bias * scale + shift),
        (_array(inner), _array(hidden.bias)),
        (_array(model.last.weight * out[:, None]), _array(model.last.bias * out)),
        _array(model.direct.weight * (gate * out)[:, None] * gain),
        _array(model.code_table),
    )


def _split(layer: nn.Conv3d | None) -> tuple[Tensor | float, list[Tensor]]:
    """Weights of the sample itself, and of every one around it, each (n_out, n_in)."""
    if layer is None:
        return 0.0, []
    taps = list(layer.weight[:, :, 0, 0, :].unbind(-1))
    return taps.pop(len(taps) // 2), taps


def _array(values: Tensor) -> F32:
    return np.ascontiguousarray(values.detach().numpy())


def _answer(
    patch: tuple[int, int, int], weights: VoxelWeights, told: tuple[F32, ...], said: Tensor,
    out: F32,
) -> None:
    """Answer for all lines of one volume, rows of tokens at a time."""
    p, q, _ = patch
    along = tuple(lift_places(n, step) for n, step in zip(said.shape[:2], (p, q), strict=True))
    lifted = _said(said, *weights.linear)
    n_thread = min(torch.get_num_threads(), p)
    with ThreadPoolExecutor(n_thread) as pool:
        for row in range(said.shape[0]):
            words = _said(said[row], *weights.fold)

            def answer(first: int, row: int = row, words: F32 = words) -> None:
                for line in range(first, p, n_thread):
                    place = row * p + line
                    line_answer(
                        (told[0][place], told[1][place], told[2][place]), words, line * q, q,
                        lifted, (along[0][0][place], along[0][1][place], along[0][2][place]),
                        along[1], weights.own, *weights.hidden, *weights.last, weights.direct,
                        weights.codes, out[place])

            if n_thread == 1:
                answer(0)
            else:
                list(pool.map(answer, range(n_thread)))


def _said(tokens: Tensor, weight: Tensor, bias: Tensor) -> F32:
    """Words of tokens (..., n_twt, channel) as (..., word, n_twt)."""
    return torch.matmul(weight, tokens.transpose(-1, -2)).add_(bias[:, None]).numpy()
