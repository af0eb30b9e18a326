"""`ImposedStructure`: a world whose layers are the user's own horizons or ages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import ShapeError, require
from lithogen.grid import Spacing, Window
from lithogen.structure.bodies import (
    INTERVAL_MS,
    SEQUENCE_OFFSET_MS,
    BodyContext,
    BodyPart,
)
from lithogen.structure.bodies.draw import draw_bodies
from lithogen.structure.horizons import horizon_twt
from lithogen.structure.layers import Layers
from lithogen.structure.model import Axes, Structure
from lithogen.structure.packages import belt_maps
from lithogen.structure.salt import SaltDome

if TYPE_CHECKING:
    from lithogen.structure.given import HorizonModel, RgtModel

Float = NDArray[np.float64]

# Closures and the depth at which ages lie are measured on every sixteenth column: 400 m.
COARSE = 16
DEEPEST_S = 6.0


@dataclass(frozen=True, eq=False)
class ImposedStructure(Structure):
    """Structure whose ages are given; bodies, facies belts and strata are procedural.

    Parameters
    ----------
    seed, scenario : of bodies and facies belts; the scenario's folds, faults, unconformities
        and salt do not apply.
    given : the model of ages, see `HorizonModel` and `RgtModel`.

    Notes
    -----
    Bodies do not bend the layers above them: the given ages are honoured as they are.
    Beyond the given area the nearest column is continued; windows must lie inside it.
    """

    given: HorizonModel | RgtModel
    _coarse: tuple[Float, Float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_coarse", self._measure())

    def _measure(self) -> tuple[Float, Float]:
        """Ages on a coarse lattice, (n_iline, n_xline, n_twt), and its two-way times in s."""
        model = self.given
        (i0, j0, k0), shape = model.origin, model.shape
        deep = shape[2] if len(shape) == 3 else int(DEEPEST_S / model.spacing.dt_s)
        rows = []
        for row in range(0, shape[0], COARSE):
            line = Window((i0 + row, j0, k0), (1, shape[1], deep))
            rows.append(model.age_and_rate(line, model.spacing)[0][0, ::COARSE].numpy())
        twt_s = (k0 + np.arange(deep)) * model.spacing.dt_s
        return np.stack(rows).astype(np.float64), np.asarray(twt_s, dtype=np.float64)

    def require_window(self, window: Window) -> None:
        """Check that a window lies inside the given area.

        Raises
        ------
        ShapeError : it does not.
        """
        require(
            self.given.covers(window),
            f"window of origin {window.origin} and shape {window.shape} leaves the given "
            f"structure, which begins at {self.given.origin} and has shape {self.given.shape}; "
            "ask for a window inside it", ShapeError,
        )

    def nominal_depth_m(self, age_ms: NDArray[np.floating]) -> Float:
        """Return the mean depth of an age below time zero over the given area, in m."""
        age, twt_s = self._coarse
        mean = np.maximum.accumulate(age.reshape(-1, age.shape[-1]).mean(axis=0))
        return self.velocity.depth(np.interp(np.asarray(age_ms, dtype=np.float64), mean, twt_s))

    def horizon_s(
        self, age_ms: float, y_m: NDArray[np.floating], x_m: NDArray[np.floating]
    ) -> Float:
        """Return the two-way time in s of an age, NaN where absent or outside the given area."""
        found = horizon_twt(age_ms, *self._coarse)
        out = np.full((len(y_m), len(x_m)), np.nan)
        steps = (self.given.spacing.dy_m, self.given.spacing.dx_m)
        places = [np.round((np.asarray(axis) / step - first) / COARSE).astype(int)
                  for axis, step, first in zip((y_m, x_m), steps, self.given.origin, strict=False)]
        inside = [(p >= 0) & (p < n) for p, n in zip(places, found.shape, strict=True)]
        out[np.ix_(*inside)] = found[np.ix_(places[0][inside[0]], places[1][inside[1]])]
        return out

    def _domes(self, axes: Axes) -> list[SaltDome]:
        return []

    def layers(
        self, window: Window, spacing: Spacing, fault: Tensor, throw_ms: Tensor
    ) -> tuple[Layers, list[BodyPart]]:
        """Return age, rate, environment and sequence of every voxel, and the bodies there."""
        device = fault.device
        age, rate = (v.to(device) for v in self.given.age_and_rate(window, spacing))
        likelihood, throw = (v.to(device) for v in self.given.fault_and_throw(window, spacing))
        torch.maximum(fault, likelihood, out=fault)
        torch.maximum(throw_ms, throw, out=throw_ms)
        y_m, x_m, _ = window.axes(spacing)
        environment = torch.zeros_like(age)
        for values, period_ms, phase in belt_maps(self.seed, self.scenario, 0, y_m, x_m):
            field_ = torch.from_numpy(values.astype(np.float32)).to(age.device)[:, :, None]
            environment += field_ * torch.sin(age * (2 * np.pi / period_ms) + phase)
        number = torch.floor(age / SEQUENCE_OFFSET_MS + 0.3).clamp_(0, 120).to(torch.int8)
        context = BodyContext(self.seed, self.scenario, self.velocity)
        parts = draw_bodies(context, _spans(age), y_m, x_m)
        return Layers(age, rate, environment, number), parts


def _spans(age: Tensor) -> Float:
    """Ages that occur, as ranges (n, 2) of one interval of bodies each, half of one wider."""
    number = torch.floor(age.reshape(-1) * (1.0 / INTERVAL_MS)).to(torch.int64)
    first = number.min()
    used = torch.bincount(number - first).nonzero()[:, 0] + first
    low = used.cpu().numpy() * INTERVAL_MS
    return np.stack([low - 0.5 * INTERVAL_MS, low + 1.5 * INTERVAL_MS], axis=1)
