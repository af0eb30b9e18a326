"""Memorisation: are generated crops nearer to the training worlds than unseen ones are?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require

Codes = NDArray[np.integer]
Float = NDArray[np.float64]


class Memorisation(NamedTuple):
    """Mean distance to the nearest training crop, 0..1, and the ratio of the two.

    Parameters
    ----------
    made, held_out : of generated crops and of worlds that training never saw.
    ratio : made over held_out; 1 without memory, towards 0 for copies.
    """

    made: float
    held_out: float
    ratio: float


def nearest_neighbour(made: Codes, held_out: Codes, training: Codes) -> Memorisation:
    """Compare distances to the nearest training crop.

    Parameters
    ----------
    made, held_out, training : facies codes, (n_crop, n_iline, n_xline, n_twt), crops of one
        shape; as alike as possible in all but their origin, e.g. in depth.

    Raises
    ------
    ShapeError : shapes of crops differ, or a set is empty.
    ConfigError : every held-out crop is in the training set, so that no ratio exists.
    """
    for name, crops in (("made", made), ("held_out", held_out), ("training", training)):
        require(crops.ndim == 4 and len(crops) > 0 and crops.shape[1:] == training.shape[1:],
                f"{name} has shape {crops.shape}, wanted (n_crop, *{training.shape[1:]})",
                ShapeError)
    ours, unseen = (float(nearest_distance(crops, training).mean()) for crops in (made, held_out))
    require(unseen > 0.0, "every held-out crop equals one of training, wanted unseen worlds")
    return Memorisation(ours, unseen, ours / unseen)


def nearest_distance(crops: Codes, training: Codes) -> Float:
    """Return the share of voxels that differ from the nearest training crop, (n_crop,).

    Parameters
    ----------
    crops, training : facies codes, (n_crop, ...), crops of one shape.
    """
    ours, known = crops.reshape(len(crops), -1), training.reshape(len(training), -1)
    agreement = np.zeros((len(ours), len(known)), dtype=np.float32)
    # A product of indicators per facies: the pairs themselves would not fit in memory.
    for code in np.intersect1d(ours, known):
        agreement += (ours == code).astype(np.float32) @ (known == code).astype(np.float32).T
    return np.asarray(1.0 - agreement.max(axis=1).astype(np.float64) / ours.shape[1])
