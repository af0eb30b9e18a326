"""Which bins of age occur in a window: found without looking at every voxel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lithogen.structure.bodies import end_of_runs

RUN = 8


def bins_present(age: Tensor, width_ms: float) -> list[int]:
    """Return the bins floor(age / width) that occur, increasing, and perhaps a few more.

    Parameters
    ----------
    age : ages in ms, (n_iline, n_xline, n_twt).
    width_ms : width of a bin in ms.
    """
    n = age.shape[-1] // RUN * RUN
    runs = age[..., :n].reshape(*age.shape[:-1], -1, RUN)
    low, high = (end_of_runs(runs, how).reshape(-1) for how in (torch.minimum, torch.maximum))
    # A run that crosses an unconformity skips ages: those are looked at one by one.
    skips = high - low > width_ms
    ends = [low[~skips], high[~skips], runs.reshape(-1, RUN)[skips].reshape(-1),
            age[..., n:].reshape(-1)]
    number = torch.floor(torch.cat(ends) * (1.0 / width_ms)).to(torch.int32).cpu().numpy()
    first = int(number.min())
    return [first + int(k) for k in np.nonzero(np.bincount(number - first))[0]]
