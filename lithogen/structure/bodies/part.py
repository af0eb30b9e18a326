"""`BodyPart`: what every geological body is made of, intervals of age over the map."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.rng import hash_u64
from lithogen.scenario import Scenario
from lithogen.structure.velocity import BackgroundVelocity

Float = NDArray[np.float64]

# Age units are milliseconds of two-way time in undeformed layers; sequences lie this far apart.
SEQUENCE_OFFSET_MS = 20000.0
# Bodies are drawn per interval of age; those of one interval reach at most REACH_MS beyond it.
INTERVAL_MS = 70.0
REACH_MS = 140.0


class BodyKind(IntEnum):
    """Kinds of bodies, the values of the label `body_kind`."""

    NONE = 0
    CHANNEL = 1
    LEVEE = 2
    SPLAY = 3
    LOBE = 4
    DELTA = 5
    BUILDUP = 6
    KARST = 7
    MASS_TRANSPORT = 8
    CANYON = 9
    SALT = 10


@dataclass(frozen=True, slots=True)
class BodyContext:
    """What bodies are drawn from: the world's seed, its controls, and its velocity."""

    seed: int
    scenario: Scenario
    velocity: BackgroundVelocity

    def twt_ms(self, age_ms: float) -> float:
        """Return the nominal two-way time in ms of an age, 0 to 4000."""
        return float(np.clip(np.mod(age_ms, SEQUENCE_OFFSET_MS), 0.0, 4000.0))

    def milliseconds(self, metres: float, age_ms: float) -> float:
        """Return the thickness in ms of age of a thickness in metres at an age."""
        return float(self.velocity.milliseconds(metres, self.twt_ms(age_ms)))


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One interval of age over some columns of the map, filled with one facies.

    Parameters
    ----------
    kind : what it belongs to.
    number : label of the body, > 0, the same in any window (see `body_number`).
    facies : code of the fill, see `lithogen.rockphysics.FACIES`.
    rows, cols : lattice indices of the columns that it covers, shape (n,).
    top_age, base_age : ages in ms where it begins and ends in each column, float32 (n,),
        base_age > top_age.
    drape : share of its thickness by which the layers above are bent up over it, 0-0.5:
        stiff bodies compact less than the mud beside them.
    ln_vp : shift of ln vp of its rock against the facies' trend, e.g. -0.1 for karst.
    scramble_ms : how far the layers inside are shuffled in age (mass transport), ms. A part
        with scramble_ms > 0 keeps the facies of the layers that it shuffles.

    Raises
    ------
    ShapeError : rows, cols, top_age and base_age are not of one length.
    """

    kind: BodyKind
    number: int
    facies: int
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    top_age: NDArray[np.float32]
    base_age: NDArray[np.float32]
    drape: float = 0.0
    ln_vp: float = 0.0
    scramble_ms: float = 0.0

    def __post_init__(self) -> None:
        sizes = {len(self.rows), len(self.cols), len(self.top_age), len(self.base_age)}
        require(len(sizes) == 1, f"body part has arrays of lengths {sorted(sizes)}, wanted one "
                "length for rows, cols, top_age and base_age", ShapeError)

    @classmethod
    def from_maps(
        cls, kind: BodyKind, number: int, facies: int, top_age: Float, base_age: Float,
        *, least_ms: float = 0.5, drape: float = 0.0, ln_vp: float = 0.0,
        scramble_ms: float = 0.0,
    ) -> BodyPart | None:
        """Build from maps (n_iline, n_xline) of ages; None where nowhere thicker than `least_ms`.

        Columns thinner than `least_ms` are left out.
        """
        top, base = np.broadcast_arrays(top_age, base_age)
        rows, cols = np.nonzero(base - top > least_ms)
        if rows.size == 0:
            return None
        return cls(
            kind, number, facies, rows, cols, top[rows, cols].astype(np.float32),
            base[rows, cols].astype(np.float32), drape, ln_vp, scramble_ms,
        )


def body_number(seed: int, kind: BodyKind, *index: int) -> int:
    """Return the label of a body: 1 to 2**31 - 1, from the seed and its place."""
    return 1 + int(hash_u64(seed, "structure/body", int(kind), *index) % np.uint64(2**31 - 2))
