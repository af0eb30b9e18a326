"""ForwardNet: learned angle reflectivity (layer A) and a filter bank for the wavelet (layer B)."""

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

from forward.checks import (
    MEAN_RATIO,
    check_angles,
    check_dt,
    check_elastic,
    check_wavelet,
    refuse_t_star,
)
from forward.terms import FEATURES, ForwardConfig, angle_basis, exponents, term_parents
from lithogen.config import (
    MANIFEST,
    atomic_path,
    from_mapping,
    read_verified,
    sha256_hex,
    write_json,
)
from lithogen.errors import ConfigError, WeightsError

WEIGHTS_FILE = "forward_net.safetensors"
CONFIG_FILE = "forward_net.json"
SHIPPED = Path(__file__).parent / "weights"


class ForwardNet(nn.Module):
    """Angle stacks from an elastic model, differentiable in vp, vs, rho and the wavelet.

    Layer A (learned): each interface gives four numbers (`FEATURES`); their products up to a
    given degree are summed with weights that are polynomials of sin^2 of the angle. At zero
    angle only odd powers of the two impedance contrasts are kept, so that turning an interface
    upside down reverses the sign exactly there.
    Layer B (learned, close to the identity): the wavelet passes through a short filter before it
    is convolved with the reflectivity. For a stationary wavelet the exact answer is the
    convolution itself; the bank is where gates over t* enter for attenuation.

    Source: Zoeppritz (1919) is the teacher, through `forward.reference`.

    Examples
    --------
    >>> ForwardNet().n_terms
    73
    """

    parents: Tensor
    mask: Tensor
    weights: nn.Parameter
    filters: nn.Parameter

    def __init__(self, config: ForwardConfig | None = None) -> None:
        super().__init__()
        self.config = config or ForwardConfig()
        terms = exponents(self.config)
        self._parents = term_parents(terms)
        mask = np.ones((self.config.n_basis, len(terms)))
        mask[0] = [p[2] == 0 and p[3] == 0 and (p[0] + p[1]) % 2 == 1 for p in terms]
        self.register_buffer("mask", torch.as_tensor(mask), persistent=False)
        shape = (self.config.n_basis, len(terms))
        self.weights = nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        filters = torch.zeros(self.config.n_filters, self.config.n_taps, dtype=torch.float64)
        filters[0, self.config.n_taps // 2] = 1.0
        self.filters = nn.Parameter(filters)

    @property
    def n_terms(self) -> int:
        """Number of product units."""
        return int(self.weights.shape[1])

    def product_units(self, vp: Tensor, vs: Tensor, rho: Tensor) -> list[Tensor]:
        """Return the terms of layer A, each (..., twt - 1), for elastic tensors (..., twt).

        Examples
        --------
        >>> one = torch.ones(2)
        >>> len(ForwardNet().product_units(3000 * one, 1500 * one, 2300 * one))
        73
        """
        ratio = vs / vp
        features = (
            (vp[..., 1:] - vp[..., :-1]) / (vp[..., 1:] + vp[..., :-1]),
            (rho[..., 1:] - rho[..., :-1]) / (rho[..., 1:] + rho[..., :-1]),
            0.5 * (ratio[..., 1:] - ratio[..., :-1]),
            0.5 * (ratio[..., 1:] + ratio[..., :-1]) - MEAN_RATIO,
        )
        terms: list[Tensor] = []
        for parent, feature in self._parents.tolist():
            terms.append(features[feature] if parent < 0 else terms[parent] * features[feature])
        return terms

    def angle_weights(self, angles_deg: Sequence[float]) -> Tensor:
        """Return the weight of every term at every angle, (angle, term), float64.

        Examples
        --------
        >>> tuple(ForwardNet().angle_weights((0, 20)).shape)
        (2, 73)
        """
        masked = self.weights * self.mask
        rows = []
        for angle in angles_deg:
            basis = torch.as_tensor(
                angle_basis(angle, self.config.n_basis), dtype=masked.dtype, device=masked.device
            )
            # A sum, not a matrix product: the bits of one angle do not depend on the others.
            rows.append((basis[:, None] * masked).sum(dim=0))
        return torch.stack(rows)

    def shaped_wavelet(self, wavelet: Tensor) -> Tensor:
        """Pass a wavelet (n,) through layer B; same length."""
        kernel = self.filters[:1, None].to(wavelet.dtype)
        return nn.functional.conv1d(
            wavelet[None, None], kernel.flip(-1), padding=self.config.n_taps // 2
        )[0, 0]

    def forward(
        self,
        vp: Tensor,
        vs: Tensor,
        rho: Tensor,
        wavelet: Tensor,
        angles_deg: Sequence[float],
    ) -> Tensor:
        """Differentiable path: inputs (iline, xline, twt) and (n,), unchecked, any float dtype.

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
        weights = self.angle_weights(check_angles(angles_deg)).to(vp.dtype)
        total = vp.new_zeros((len(weights), *vp.shape[:-1], vp.shape[-1] - 1))
        for weight, term in zip(weights.T, self.product_units(vp, vs, rho), strict=True):
            total = total + weight[:, None, None, None] * term
        reflectivity = nn.functional.pad(total, (0, 1))
        taps = self.shaped_wavelet(wavelet).flip(-1)
        rows = reflectivity.reshape(-1, 1, vp.shape[-1])
        out = nn.functional.conv1d(rows, taps[None, None], padding=len(taps) // 2)
        return out.reshape(reflectivity.shape)

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
    ) -> NDArray[np.float32]:
        """Angle stacks on the CPU, in compiled loops of fixed order (see `forward.kernels`).

        A sample's bits depend only on the samples within half the wavelet (plus one) above and
        below it, and on its own angle: never on the size of the array, other traces or threads.

        Parameters
        ----------
        vp, vs, rho : (iline, xline, twt), m/s, m/s, kg/m3; vs >= 0, vp >= vs * sqrt(4/3).
        wavelet : (n,), n odd and at most n_twt; the centre is time zero.
        angles_deg : incidence angles in degrees, 0..40.
        dt_s : sample interval in seconds of model and wavelet.
        t_star : None; attenuation is not modelled in this version.

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
        from forward.kernels import net_traces

        refuse_t_star(t_star)
        check_dt(dt_s)
        angles = check_angles(angles_deg)
        p, s, d = (np.ascontiguousarray(v, dtype=np.float32) for v in (vp, vs, rho))
        check_elastic(p, s, d)
        taps = torch.as_tensor(check_wavelet(wavelet, p.shape[-1]))
        with torch.no_grad():
            taps32 = self.shaped_wavelet(taps).cpu().numpy().astype(np.float32)
            weights = self.angle_weights(angles).cpu().numpy().astype(np.float32)
        rows = [v.reshape(-1, p.shape[-1]) for v in (p, s, d)]
        out = np.empty((len(angles), *p.shape), dtype=np.float32)
        domain = np.asarray([self.config.lowest, self.config.highest], dtype=np.float32)
        flat = out.reshape(len(angles), *rows[0].shape)
        trace = net_traces(
            rows[0], rows[1], rows[2], domain, self._parents, weights, taps32, flat
        )
        if trace >= 0:
            self._refuse_domain(rows, int(trace), p.shape)
        return out

    def _refuse_domain(self, rows: list[NDArray[np.float32]], trace: int, shape: Any) -> None:
        from forward.kernels import interface_features

        features = np.empty((4, shape[-1]), np.float32)
        interface_features(rows[0][trace], rows[1][trace], rows[2][trace], features)
        low, high = self.config.lowest, self.config.highest
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
        files = {WEIGHTS_FILE: save(state), CONFIG_FILE: text.encode()}
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
        >>> ForwardNet.from_pretrained().config.degree
        4
        """
        from safetensors.torch import load

        root = SHIPPED if folder is None else Path(folder)
        try:
            config = from_mapping(ForwardConfig, json.loads(read_verified(root, CONFIG_FILE)))
            net = cls(config)
            net.load_state_dict(load(read_verified(root, WEIGHTS_FILE)))
        except (ValueError, RuntimeError) as exc:
            raise WeightsError(
                f"weights in {root} do not fit this version of ForwardNet: {exc}; retrain or "
                "reinstall lithogen"
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
        vp=vp, vs=vs, rho=rho, wavelet=wavelet, angles_deg=angles_deg, dt_s=dt_s, t_star=t_star
    )
