"""Terms of ForwardNet's layer A: features, their products, and functions of the angle."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forward.attenuation import EXTRA_SAMPLES
from forward.checks import MAX_ANGLE_DEG, MEAN_RATIO
from lithogen.errors import require

FEATURES = (
    "relative contrast of vp",
    "relative contrast of rho",
    "half step of vs/vp",
    f"mean of vs/vp minus {MEAN_RATIO:g}",
)
# At the critical angle a coefficient has a cusp of infinite slope; below this squared cosine of the
# transmitted ray it is held, so that gradients stay finite.
COSINE2_FLOOR = 1e-8
GROUPS = ("plain", "times the acoustic coefficient", "times its second harmonic")
Exponents = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class ForwardConfig:
    """Shape of a ForwardNet and the domain that it was trained on.

    Parameters
    ----------
    degrees : highest total degree of the product units in each of the three groups (`GROUPS`),
        0..5 each.
    n_basis : number of angle functions (sin^2 angle / sin^2 40 deg)^j, j = 1 .. n_basis.
    n_taps : odd length of the filter of layer B, samples.
    n_gated, n_powers : gated filters of layer B for attenuation, and powers of t* in a gate.
    gated_taps : odd length of a gated filter, at most 65 samples.
    n_orders : traces that layer C reaches to either side. n_lateral : filters of layer C in time.
    lateral_taps : their odd length. n_spread_powers : powers of the spread in their weights.
    lowest, highest : trained domain of the four features (see `FEATURES`). The default holds
        any two neighbours with vp 1450..6500 m/s, rho 1350..3050 kg/m3 and vp >= 1.45 vs >= 0.

    Raises
    ------
    ConfigError : an entry is out of range.

    Examples
    --------
    >>> ForwardConfig().n_gated
    4
    """

    degrees: tuple[int, ...] = (3, 3, 2)
    n_basis: int = 4
    n_taps: int = 5
    n_gated: int = 4
    n_powers: int = 6
    gated_taps: int = 65
    n_orders: int = 10
    n_lateral: int = 6
    lateral_taps: int = 25
    n_spread_powers: int = 6
    lowest: tuple[float, ...] = (-0.64, -0.4, -0.35, -0.4)
    highest: tuple[float, ...] = (0.64, 0.4, 0.35, 0.4)

    def __post_init__(self) -> None:
        require(
            len(self.degrees) == len(GROUPS) and all(0 <= d <= 5 for d in self.degrees),
            f"degrees is {self.degrees}, wanted {len(GROUPS)} integers 0..5",
        )
        require(1 <= self.n_basis <= 10, f"n_basis is {self.n_basis}, wanted 1..10")
        for name, highest in (
            ("n_gated", 16), ("n_powers", 16), ("n_orders", 32), ("n_lateral", 16),
            ("n_spread_powers", 16),
        ):
            value = getattr(self, name)
            require(1 <= value <= highest, f"{name} is {value}, wanted 1..{highest}")
        longest = 2 * EXTRA_SAMPLES + 1
        for name in ("n_taps", "gated_taps", "lateral_taps"):
            value = getattr(self, name)
            require(
                value % 2 == 1 and 1 <= value <= longest,
                f"{name} is {value}, wanted odd, 1..{longest}",
            )
        require(
            len(self.lowest) == 4 and len(self.highest) == 4,
            "lowest and highest must hold one number for each of the four features",
        )


def exponents(config: ForwardConfig) -> list[Exponents]:
    """Return the powers (vp contrast, rho contrast, vs/vp step, vs/vp mean) of every term.

    They are sorted by total degree, so that each group holds the first ones; the first is 1.

    Examples
    --------
    >>> len(exponents(ForwardConfig(degrees=(2, 1, 0))))
    15
    """
    largest = max(config.degrees)
    found: list[Exponents] = []
    for power in itertools.product(range(largest + 1), repeat=4):
        if sum(power) <= largest:
            found.append((power[0], power[1], power[2], power[3]))
    return sorted(found, key=lambda p: (sum(p), p))


def group_sizes(config: ForwardConfig) -> tuple[int, ...]:
    """Return how many of the terms each group holds.

    Examples
    --------
    >>> group_sizes(ForwardConfig())
    (35, 35, 15)
    """
    terms = exponents(config)
    return tuple(sum(sum(t) <= degree for t in terms) for degree in config.degrees)


def group_mask(config: ForwardConfig) -> NDArray[np.float64]:
    """Return 1 where a group has a weight for a term, else 0: (group, term).

    Plain terms hold at least one contrast, so that equal layers give exactly 0.

    Examples
    --------
    >>> int(group_mask(ForwardConfig()).sum())
    81
    """
    terms = exponents(config)
    mask = np.zeros((len(GROUPS), len(terms)))
    for row, degree in zip(mask, config.degrees, strict=True):
        row[:] = [sum(t) <= degree for t in terms]
    mask[0] *= [sum(t[:3]) >= 1 for t in terms]
    return mask


def term_parents(terms: list[Exponents]) -> NDArray[np.int64]:
    """Return, for each term, an earlier term and the feature that it is multiplied with.

    The first term (1) has no parent: its row is (-1, -1).

    Examples
    --------
    >>> term_parents(exponents(ForwardConfig(degrees=(1, 0, 0)))).tolist()
    [[-1, -1], [0, 3], [0, 2], [0, 1], [0, 0]]
    """
    place = {term: i for i, term in enumerate(terms)}
    rows = [(-1, -1)]
    for term in terms[1:]:
        feature = max(i for i in range(4) if term[i] > 0)
        less = [p - int(i == feature) for i, p in enumerate(term)]
        rows.append((place[less[0], less[1], less[2], less[3]], feature))
    return np.asarray(rows, dtype=np.int64)


def squared_sines(angles_deg: Sequence[float]) -> NDArray[np.float64]:
    """Return the squared sines of angles in degrees.

    Examples
    --------
    >>> squared_sines((0.0, 90.0)).tolist()
    [0.0, 1.0]
    """
    return np.square(np.sin(np.radians(np.asarray(angles_deg, dtype=np.float64))))


def angle_basis(angle_deg: float, n_basis: int) -> NDArray[np.float64]:
    """Return (sin^2 angle / sin^2 40 deg)^j for j = 1 .. n_basis: all 0 at zero angle.

    Examples
    --------
    >>> angle_basis(40.0, 3).tolist()
    [1.0, 1.0, 1.0]
    """
    ratio = (math.sin(math.radians(angle_deg)) / math.sin(math.radians(MAX_ANGLE_DEG))) ** 2
    return np.asarray([ratio**j for j in range(1, n_basis + 1)])
