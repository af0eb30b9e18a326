"""ForwardNet: learned angle reflectivity (layer A) and a filter bank for the wavelet (layer B)."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from forward.checks import (
    MAX_ANGLE_DEG,
    MEAN_RATIO,
    check_angles,
    check_dt,
    check_elastic,
    check_wavelet,
    refuse_t_star,
)
from lithogen.config import MANIFEST, atomic_path, from_mapping, read_verified, sha256_hex, write_json
from lithogen.errors import ConfigError, WeightsError, require

WEIGHTS_FILE = "forward_net.safetensors"
CONFIG_FILE = "forward_net.json"
SHIPPED = Path(__file__).parent / "weights"
FEATURES = (
    "relative contrast of vp",
    "relative contrast of rho",
    "half step of vs/vp",
    f"mean of vs/vp minus {MEAN_RATIO:g}",
)
Exponents = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class ForwardConfig:
    """Shape of a ForwardNet and the domain that it was trained on.

    Parameters
    ----------
    degree : total degree of the product units, 1..6.
    degree_vp : terms that hold at least `degree` powers of the vp contrast go up to this degree;
        they carry the approach to the critical angle.
    n_basis : number of angle functions (sin^2 angle / sin^2 40 deg)^j.
    n_filters : filters of layer B; 1 is the stationary wavelet (more are for gates over t*).
    n_taps : odd length of each filter, samples.
    lowest, highest : trained domain of the four features (see `FEATURES`).

    Raises
    ------
    ConfigError : an entry is out of range.

    Examples
    --------
    >>> ForwardConfig().n_filters
    1
    """

    degree: int = 4
    degree_vp: int = 6
    n_basis: int = 7
    n_filters: int = 1
    n_taps: int = 5
    lowest: tuple[float, ...] = (-0.42, -0.4, -0.35, -0.4)
    highest: tuple[float, ...] = (0.42, 0.4, 0.35, 0.4)

    def __post_init__(self) -> None:
        require(1 <= self.degree <= 6, f"degree is {self.degree}, wanted 1..6")
        require(
            self.degree <= self.degree_vp <= 8, f"degree_vp is {self.degree_vp}, wanted degree..8"
        )
        require(1 <= self.n_basis <= 10, f"n_basis is {self.n_basis}, wanted 1..10")
        require(self.n_filters == 1, f"n_filters is {self.n_filters}, this version has 1 filter")
        require(
            self.n_taps % 2 == 1 and self.n_taps >= 1, f"n_taps is {self.n_taps}, wanted odd >= 1"
        )
        require(
            len(self.lowest) == 4 and len(self.highest) == 4,
            "lowest and highest must hold one number for each of the four features",
        )


def exponents(config: ForwardConfig) -> list[Exponents]:
    """Return the powers (vp contrast, rho contrast, vs/vp step, vs/vp mean) of every term.

    Every term holds at least one contrast, so equal layers give exactly 0.

    Examples
    --------
    >>> len(exponents(ForwardConfig(degree=4, degree_vp=4)))
    65
    """
    found: list[Exponents] = []
    for power in itertools.product(range(config.degree_vp + 1), repeat=4):
        total = sum(power)
        is_extra = power[0] >= config.degree and total <= config.degree_vp and total - power[0] <= 1
        if sum(power[:3]) >= 1 and (total <= config.degree or is_extra):
            found.append((power[0], power[1], power[2], power[3]))
    return sorted(found, key=lambda p: (sum(p), p))


def term_parents(terms: list[Exponents]) -> NDArray[np.int64]:
    """Return, for each term, an earlier term and the feature that it is multiplied with.

    Examples
    --------
    >>> term_parents(exponents(ForwardConfig(degree=1, degree_vp=1))).tolist()
    [[-1, 2], [-1, 1], [-1, 0]]
    """
    place = {term: i for i, term in enumerate(terms)}
    rows = []
    for term in terms:
        options = []
        for feature in range(4):
            less = tuple(p - (i == feature) for i, p in enumerate(term))
            if term[feature] > 0 and (sum(less) == 0 or less in place):
                options.append((place.get(less, -1), feature))  # type: ignore[call-overload]
        rows.append(options[-1])
    return np.asarray(rows, dtype=np.int64)


def angle_basis(angle_deg: float, n_basis: int) -> NDArray[np.float64]:
    """Return (sin^2 angle / sin^2 40 deg)^j for j = 0 .. n_basis - 1.

    Examples
    --------
    >>> angle_basis(40.0, 3).tolist()
    [1.0, 1.0, 1.0]
    """
    ratio = (math.sin(math.radians(angle_deg)) / math.sin(math.radians(MAX_ANGLE_DEG))) ** 2
    return np.asarray([ratio**j for j in range(n_basis)])


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
        trace = net_traces(*rows, domain, self._parents, weights, taps32, flat)
        if trace >= 0:
            self._refuse_domain(rows, int(trace), p.shape)
        return out

    def _refuse_domain(self, rows: list[NDArray[np.float32]], trace: int, shape: Any) -> None:
        from forward.kernels import interface_features

        features = np.empty((4, shape[-1]), np.float32)
        interface_features(*(r[trace] for r in rows), features)
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
