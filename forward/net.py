"""ForwardNet: learned angle reflectivity (A), wavelet and attenuation (B), lateral response (C)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from forward.acoustic import acoustic_harmonics
from forward.attenuation import MAX_SAMPLES
from forward.checks import (
    MEAN_RATIO,
    check_angles,
    check_dt,
    check_elastic,
    check_t_star,
    check_wavelet,
)
from forward.lateral import LateralLayer
from forward.resolution import angle_spread, check_spread
from forward.terms import (
    ForwardConfig,
    angle_basis,
    exponents,
    group_mask,
    group_sizes,
    squared_sines,
    term_parents,
)
from lithogen.config import (
    MANIFEST,
    atomic_path,
    from_mapping,
    read_verified,
    sha256_hex,
    write_json,
)
from lithogen.errors import WeightsError, require

# One file per layer, and the parameters that it holds.
LAYERS = {
    "layer_a.safetensors": ("weights",),
    "layer_b.safetensors": ("filters", "gates", "gated_filters"),
    "layer_c.safetensors": ("lateral.filters", "lateral.weights"),
}
CONFIG_FILE = "forward_net.json"
SHIPPED = Path(__file__).parent / "weights"


class ForwardNet(nn.Module):
    """Angle stacks from an elastic model, differentiable in vp, vs, rho and the wavelet.

    Layer A (partly learned): R, the coefficient that the interface would have between two fluids,
    is exact and holds the critical angle; what shear does to it is learned:
    R (1 + P1) + P0 + Re(R^2) P2. Each interface gives four numbers (`FEATURES`); P0, P1 and P2
    are sums of their products up to given degrees, with weights that are polynomials of sin^2 of
    the angle without a constant. So the coefficient is exact at zero angle, and turning an
    interface upside down reverses its sign exactly there. It is held within -1..1, which energy
    demands.
    Layer B (learned): the wavelet passes through a short filter, close to the identity, before it
    is convolved with the reflectivity. With t*, filters more are added, each on the reflectivity
    times a gate: a polynomial in t* without a constant, so that nothing changes where t* is 0.
    Layer C (learned): the lateral response of migration, see `forward.lateral`.

    Source: Zoeppritz (1919) is the teacher, through `forward.reference`; for layer C
    `forward.resolution.migrated` and images of the wave equation.

    Examples
    --------
    >>> ForwardNet().n_terms
    35
    """

    parents: Tensor
    mask: Tensor
    weights: nn.Parameter
    filters: nn.Parameter
    gates: nn.Parameter
    gated_filters: nn.Parameter

    def __init__(self, config: ForwardConfig | None = None) -> None:
        super().__init__()
        self.config = config or ForwardConfig()
        terms = exponents(self.config)
        self.parents_of_terms = term_parents(terms)
        self.sizes_of_groups = group_sizes(self.config)
        self.register_buffer("mask", torch.as_tensor(group_mask(self.config)), persistent=False)
        shape = (self.config.n_basis, *self.mask.shape)
        self.weights = nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        filters = torch.zeros(self.config.n_taps, dtype=torch.float64)
        filters[self.config.n_taps // 2] = 1.0
        self.filters = nn.Parameter(filters)
        gates = torch.zeros(self.config.n_gated, self.config.n_powers, dtype=torch.float64)
        taps = torch.zeros(self.config.n_gated, self.config.gated_taps, dtype=torch.float64)
        self.gates, self.gated_filters = nn.Parameter(gates), nn.Parameter(taps)
        self.lateral = LateralLayer(self.config)

    @property
    def n_terms(self) -> int:
        """Number of product units."""
        return int(self.weights.shape[-1])

    def product_units(self, vp: Tensor, vs: Tensor, rho: Tensor) -> list[Tensor]:
        """Return the product units, each (..., twt - 1), for elastic tensors (..., twt).

        Examples
        --------
        >>> one = torch.ones(2)
        >>> len(ForwardNet().product_units(3000 * one, 1500 * one, 2300 * one))
        35
        """
        ratio = vs / vp
        features = (
            (vp[..., 1:] - vp[..., :-1]) / (vp[..., 1:] + vp[..., :-1]),
            (rho[..., 1:] - rho[..., :-1]) / (rho[..., 1:] + rho[..., :-1]),
            0.5 * (ratio[..., 1:] - ratio[..., :-1]),
            0.5 * (ratio[..., 1:] + ratio[..., :-1]) - MEAN_RATIO,
        )
        terms = [torch.ones_like(features[0])]
        for parent, feature in self.parents_of_terms.tolist()[1:]:
            terms.append(terms[parent] * features[feature])
        return terms

    def angle_weights(self, angles_deg: Sequence[float]) -> Tensor:
        """Return the weight of every term in every group, (angle, group, term), float64.

        Examples
        --------
        >>> tuple(ForwardNet().angle_weights((0, 20)).shape)
        (2, 3, 35)
        """
        masked = self.weights * self.mask
        rows = []
        for angle in angles_deg:
            basis = torch.as_tensor(
                angle_basis(angle, self.config.n_basis), dtype=masked.dtype, device=masked.device
            )
            # A sum, not a matrix product: the bits of one angle do not depend on the others.
            rows.append((basis[:, None, None] * masked).sum(dim=0))
        return torch.stack(rows)

    def shaped_wavelet(self, wavelet: Tensor) -> Tensor:
        """Pass a wavelet (n,) through layer B; same length."""
        kernel = self.filters[None, None].to(wavelet.dtype)
        return nn.functional.conv1d(
            wavelet[None, None], kernel.flip(-1), padding=self.config.n_taps // 2
        )[0, 0]

    def gated_wavelets(self, wavelet: Tensor) -> Tensor:
        """Pass a wavelet (n,) through the gated filters, (n_gated, n + gated_taps - 1)."""
        kernels = self.gated_filters[:, None].to(wavelet.dtype)
        shaped = self.shaped_wavelet(wavelet)
        return nn.functional.conv1d(
            shaped[None, None], kernels.flip(-1), padding=self.config.gated_taps - 1
        )[0]

    def gate_values(self, t_samples: Tensor) -> Tensor:
        """Return every gate at t* in samples (...), (n_gated, ...)."""
        share = t_samples / MAX_SAMPLES
        powers = torch.stack([share**k for k in range(1, self.config.n_powers + 1)])
        values: Tensor = torch.tensordot(self.gates.to(share.dtype), powers, dims=1)
        return values

    def forward(
        self,
        vp: Tensor,
        vs: Tensor,
        rho: Tensor,
        wavelet: Tensor,
        angles_deg: Sequence[float],
        t_samples: Tensor | None = None,
        spread: Tensor | None = None,
    ) -> Tensor:
        """Differentiable path: inputs (iline, xline, twt) and (n,), unchecked, any float dtype.

        Parameters
        ----------
        vp, vs, rho : m/s, m/s, kg/m3. wavelet : odd length. angles_deg : 0..40.
        t_samples : t* in samples, like vp; None for a stationary wavelet.
        spread : lateral response of migration, (twt,), see `forward.resolution`; None for none.

        Returns
        -------
        (angle, iline, xline, twt), in the dtype and on the device of the inputs.

        Examples
        --------
        >>> one = torch.ones(1, 1, 8)
        >>> out = ForwardNet()(3000 * one, 1500 * one, 2300 * one, torch.ones(3), (0.0, 10.0))
        >>> tuple(out.shape)
        (2, 1, 1, 8)
        """
        angles = check_angles(angles_deg)
        weights = self.angle_weights(angles).to(vp.dtype)
        terms = torch.stack(self.product_units(vp, vs, rho))
        sums = torch.tensordot(weights, terms, dims=1)
        rows = []
        for (plain, once, twice), sine2 in zip(sums, squared_sines(angles).tolist(), strict=True):
            first, second = acoustic_harmonics(vp, rho, sine2)
            rows.append((first + (first * once + (second * twice + plain))).clamp(-1.0, 1.0))
        total = torch.stack(rows)
        reflectivity = nn.functional.pad(total, (0, 1))
        taps = self.shaped_wavelet(wavelet).flip(-1)
        traces = reflectivity.reshape(-1, 1, vp.shape[-1])
        out = nn.functional.conv1d(traces, taps[None, None], padding=len(taps) // 2)
        if t_samples is not None:
            gated = self.gate_values(t_samples)[:, None] * reflectivity[None]
            kernels = self.gated_wavelets(wavelet).flip(-1)
            per_trace = gated.reshape(len(gated), -1, vp.shape[-1]).transpose(0, 1)
            late = nn.functional.conv1d(
                per_trace, kernels[None], padding=kernels.shape[-1] // 2)
            out = out + late
        stacks = out.reshape(reflectivity.shape)
        if spread is None:
            return stacks
        image: Tensor = self.lateral(stacks, angle_spread(spread, angles))
        return image

    def synthesize(
        self,
        *,
        vp: ArrayLike,
        vs: ArrayLike,
        rho: ArrayLike,
        wavelet: ArrayLike,
        angles_deg: Sequence[float],
        dt_s: float,
        t_star: ArrayLike | None = None,
        is_cut: bool = False,
        spread: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Angle stacks on the CPU, in compiled loops of fixed order (see `forward.kernels`).

        A sample's bits depend only on the samples within half the wavelet (plus one, and with
        t* plus 32, unless `is_cut`) above and below it, and on its own angle: never on the size
        of the array, other traces or threads. With `spread` they depend on `lateral.reach` traces
        to every side and `lateral.time_reach` samples more; border traces go on beyond the edges.

        Parameters
        ----------
        vp, vs, rho : (iline, xline, twt), m/s, m/s, kg/m3; vs >= 0, vp >= vs * sqrt(4/3).
        wavelet : (n,), n odd and at most n_twt; the centre is time zero.
        angles_deg : incidence angles in degrees, 0..40.
        dt_s : sample interval in seconds of model and wavelet.
        t_star : attenuation of what comes back from a sample, seconds (two-way time over quality
            factor, summed along the way), 0 .. 7.5 dt_s, spread over (iline, xline, twt); see
            `forward.attenuation`. None is a stationary wavelet.
        is_cut : keep attenuated wavelets as short as the wavelet. One of 0.32 s loses 0.8 % of its
            amplitude at a t* of 5 samples, and at most 2 %.
        spread : lateral response of migration in traces per sample, one number or (n_twt,), see
            `forward.resolution.lateral_spread`; None is the convolutional model.

        Returns
        -------
        (angle, iline, xline, twt) float32, unit of the wavelet; the coefficient between samples
        k and k + 1 sits at k; positive for an increase of impedance.

        Raises
        ------
        ShapeError, ConfigError : bad input, or an interface outside the trained domain.

        Examples
        --------
        >>> one = np.ones((1, 1, 8))
        >>> out = ForwardNet().synthesize(vp=3000 * one, vs=1500 * one, rho=2300 * one,
        ...                               wavelet=[1.0], angles_deg=(5, 15), dt_s=0.004)
        >>> out.shape
        (2, 1, 1, 8)
        """
        from forward.compiled import fill, fill_lateral, refuse_domain

        check_dt(dt_s)
        angles = check_angles(angles_deg)
        p, s, d = (np.ascontiguousarray(v, dtype=np.float32) for v in (vp, vs, rho))
        check_elastic(p, s, d)
        taps = check_wavelet(wavelet, p.shape[-1])
        late = check_t_star(t_star, p.shape, dt_s)
        wide = None if spread is None else check_spread(spread, p.shape[-1])
        require(wide is None or self.lateral.is_trained,
                "got spread, but the lateral layer of this ForwardNet is not trained; run lithogen "
                "train lateral --init on its folder")
        rows = [v.reshape(-1, p.shape[-1]) for v in (p, s, d)]
        share = np.zeros((0, 0), np.float32) if late is None else np.asarray(
            late / MAX_SAMPLES, dtype=np.float32).reshape(rows[0].shape)
        out = np.empty((len(angles), *p.shape), dtype=np.float32)
        flat = out.reshape(len(angles), *rows[0].shape)
        trace = fill(self, flat, rows, taps, angles, (share, is_cut))
        if trace >= 0:
            refuse_domain(self.config, rows, trace, p.shape)
        if wide is not None:
            fill_lateral(self.lateral, out, angle_spread(torch.as_tensor(wide), angles).numpy())
        return out

    def save_pretrained(self, folder: Path | str, notes: dict[str, Any] | None = None) -> None:
        """Write weights, configuration and MANIFEST.json (sha256 of both) into a folder.

        Parameters
        ----------
        folder : made if missing.
        notes : extra entries of the manifest, e.g. recipe and figures.

        Raises
        ------
        OutputError : the folder cannot be written.
        """
        from safetensors.torch import save

        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        text = json.dumps(dataclasses.asdict(self.config), indent=2) + "\n"
        files = {name: save({k: state[k] for k in held}) for name, held in LAYERS.items()}
        files[CONFIG_FILE] = text.encode()
        for name, content in files.items():
            with atomic_path(root / name) as temporary:
                temporary.write_bytes(content)
        entries = {n: {"sha256": sha256_hex(c), "bytes": len(c)} for n, c in files.items()}
        write_json(root / MANIFEST, {"files": entries, **(notes or {})})

    @classmethod
    def from_pretrained(cls, folder: Path | str | None = None) -> ForwardNet:
        """Load a net from a folder; without one, the shipped weights.

        Raises
        ------
        WeightsError : files missing, changed (sha256), or of another architecture.

        Examples
        --------
        >>> ForwardNet.from_pretrained().config.degrees
        (3, 3, 2)
        """
        from safetensors.torch import load

        root = SHIPPED if folder is None else Path(folder)
        try:
            config = from_mapping(ForwardConfig, json.loads(read_verified(root, CONFIG_FILE)))
            net = cls(config)
            parts = [load(read_verified(root, name)) for name in LAYERS]
            net.load_state_dict({k: v for part in parts for k, v in part.items()})
        except (ValueError, RuntimeError) as exc:
            # torch names every parameter in a line of its own.
            reason = str(exc).strip().splitlines()[-1].strip()
            raise WeightsError(
                f"weights in {root} do not fit this version of ForwardNet, retrain or "
                f"reinstall lithogen: {reason}"
            ) from exc
        return net.eval()


@cache
def shipped_net() -> ForwardNet:
    """Return the shipped net, loaded once."""
    return ForwardNet.from_pretrained()


def synthesize(
    *,
    vp: ArrayLike,
    vs: ArrayLike,
    rho: ArrayLike,
    wavelet: ArrayLike,
    angles_deg: Sequence[float],
    dt_s: float,
    t_star: ArrayLike | None = None,
    is_cut: bool = False,
    spread: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """Angle stacks by the shipped net: see `ForwardNet.synthesize`.

    Examples
    --------
    >>> one = np.ones((1, 1, 8))
    >>> synthesize(vp=3000 * one, vs=1500 * one, rho=2300 * one, wavelet=[1.0],
    ...            angles_deg=(5,), dt_s=0.004).shape
    (1, 1, 1, 8)
    """
    return shipped_net().synthesize(
        vp=vp, vs=vs, rho=rho, wavelet=wavelet, angles_deg=angles_deg, dt_s=dt_s, t_star=t_star,
        is_cut=is_cut, spread=spread,
    )
