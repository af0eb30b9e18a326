"""Terms of ForwardNet's layer A: features, their products, and functions of the angle."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from forward.checks import MAX_ANGLE_DEG, MEAN_RATIO
from lithogen.errors import require

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
            step = [int(i == feature) for i in range(4)]
            less = (term[0] - step[0], term[1] - step[1], term[2] - step[2], term[3] - step[3])
            if term[feature] > 0 and (sum(less) == 0 or less in place):
                options.append((place.get(less, -1), feature))
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
