"""Tables of strata: rock over age and position on the profile, ready for exact block means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rng import generator
from lithogen.rockphysics import RockFamily
from lithogen.scenario import Scenario
from lithogen.structure import Structure

Float = NDArray[np.float64]
Table = NDArray[np.float32]

CHUNK_MS = 512.0
STEP_MS = 0.5
N_ROWS = int(CHUNK_MS / STEP_MS)
# A voxel may span this many rows (64 ms of age); tables reach that far into the next chunk.
MAX_SPAN = 128
ENVIRONMENTS = 9
ENVIRONMENT_LIMIT = 2.0
# Columns: compliances 1 / M and 1 / mu in 1/GPa, density, porosity, net share, unit texture.
COLUMNS = ("compliance", "shear_compliance", "rho", "porosity", "net", "texture")
# Widths in rows for which the dominant facies is tabulated; a span takes the nearest.
WIDTHS = np.array([1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128])
# Autoregressions inside beds: length in ms of age, and share of the variance.
TEXTURE = ((0.7, 0.85), (7.0, 0.15))


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """Strata of one chunk of age at every environment.

    Parameters
    ----------
    total : float32 (environments, N_ROWS + MAX_SPAN + 1, columns), running sums over rows.
    dominant : int8 (environments, N_ROWS, widths), most frequent facies from a row on.
    """

    total: Table
    dominant: NDArray[np.int8]


class BodyRock(NamedTuple):
    """Rock of a body that is known: facies, and ln of vp over the trend of that facies."""

    facies: int
    ln_vp: float


class Tables(Protocol):
    """Tables of one world by chunk of age."""

    def chunk(self, number: int) -> ChunkTable:
        """Return the table of a chunk of age, `CHUNK_MS` long."""


class Strata(Protocol):
    """The strata of one world, whoever made them: the prior's rules or stage 1."""

    @property
    def seed(self) -> int:
        """Names strata, rock physics and what fills bodies."""

    @property
    def scenario(self) -> Scenario:
        """Controls of the world."""

    @property
    def structure(self) -> Structure:
        """Gives the depth at which an age lies where nothing is folded."""

    @property
    def family(self) -> RockFamily:
        """Elastic trends of the basin."""

    @property
    def bodies(self) -> Mapping[tuple[int, int], BodyRock]:
        """Rock of bodies that wells have met, by number and planned facies; others are drawn."""

    def voxel_means(
        self, age: Tensor, half_ms: Tensor, environment: Tensor, y_m: Float, x_m: Float
    ) -> tuple[Tensor, Tensor]:
        """Return the means of voxels and their dominant facies, see `blocks.block_means`.

        Parameters
        ----------
        age, half_ms, environment : Tensor, shape (n_iline, n_xline, n_twt)
            Centre and half width of the span of ages in ms, and position on the profile.
        y_m, x_m : ndarray of float64, shape (n_iline,) and (n_xline,)
            Lateral axes in m.
        """


@lru_cache(maxsize=128)
def texture_of(seed: int, chunk: int) -> Float:
    """Unit-variance noise along age inside beds, (N_ROWS,): autoregressions of 0.8 and 8 m."""
    from scipy.signal import lfilter

    rng = generator(seed, "prior/inner", chunk)
    total = np.zeros(N_ROWS)
    for length_ms, share in TEXTURE:
        rho = float(np.exp(-STEP_MS / length_ms))
        drive = rng.standard_normal(N_ROWS + 128) * np.sqrt(1 - rho**2)
        total += np.sqrt(share) * lfilter([1.0], [1.0, -rho], drive)[128:]
    total.setflags(write=False)
    return total


def dominant(facies: NDArray[np.intp]) -> NDArray[np.int8]:
    """Return the most frequent facies in windows that begin at every row.

    Parameters
    ----------
    facies : codes, (N_ROWS + MAX_SPAN, environments).

    Returns
    -------
    int8 (environments, N_ROWS, widths). A tie goes to the facies in the middle of the window:
    were it always the lowest code, shale would gain voxels.
    """
    present, index = np.unique(facies, return_inverse=True)
    n, envs = facies.shape
    index = index.reshape(n, envs)
    count = np.zeros((len(present), n + 1, envs), dtype=np.int32)
    np.cumsum(facies[None] == present[:, None, None], axis=1, out=count[:, 1:])
    out = np.empty((envs, N_ROWS, len(WIDTHS)), dtype=np.int8)
    for place, width in enumerate(WIDTHS):
        inside = count[:, width : width + N_ROWS] - count[:, :N_ROWS]
        code = inside.argmax(axis=0)
        middle = index[width // 2 : width // 2 + N_ROWS]
        most = np.take_along_axis(inside, code[None], axis=0)
        is_tie = np.take_along_axis(inside, middle[None], axis=0) == most
        out[:, :, place] = present[np.where(is_tie[0], middle, code)].T
    return out
