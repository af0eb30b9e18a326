"""Structure: an unbounded field of relative geologic time, with faults and channel belts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.scenario import Scenario
from lithogen.structure.belts import channel_cover
from lithogen.structure.faults import faults_near, undo_fault
from lithogen.structure.sequences import (
    SEQUENCE_OFFSET_MS,
    Sequence,
    age_in_sequence,
    draw_sequences,
)
from lithogen.structure.velocity import BackgroundVelocity

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StructureFields:
    """Structure on the voxels of one window, float32 tensors (n_iline, n_xline, n_twt).

    Parameters
    ----------
    age : relative geologic time in ms of undeformed two-way time, increasing downwards
        within a sequence.
    rate : d age / d twt, > 0; large where layers are condensed.
    fault : fault likelihood, 0..1.
    throw_ms : throw near faults in ms.
    channel, sand_channel : share of the voxel in a channel, and in a sand-filled one.
    sequence : sequence number, 0 is the youngest (int8).
    """

    age: Tensor
    rate: Tensor
    fault: Tensor
    throw_ms: Tensor
    channel: Tensor
    sand_channel: Tensor
    sequence: Tensor


@dataclass(frozen=True)
class Structure:
    """Procedural structure of a world: folds, faults, unconformities, pinch-outs, belts.

    Parameters
    ----------
    seed : int that names the structure.
    scenario : its controls.

    Examples
    --------
    >>> from lithogen.grid import Spacing, Window
    >>> fields = Structure.random(7).evaluate(Window((0, 0, 0), (16, 16, 16)), Spacing())
    >>> tuple(fields.age.shape)
    (16, 16, 16)
    """

    seed: int
    scenario: Scenario
    velocity: BackgroundVelocity = field(init=False)
    sequences: tuple[Sequence, ...] = field(init=False)

    def __post_init__(self) -> None:
        velocity = BackgroundVelocity.from_scenario(self.scenario)
        object.__setattr__(self, "velocity", velocity)
        object.__setattr__(self, "sequences", draw_sequences(self.seed, self.scenario, velocity))

    @classmethod
    def random(cls, seed: int, scenario: Scenario | None = None) -> Structure:
        """Return the structure of a seed; without a scenario, that of the seed's own."""
        return cls(seed, scenario if scenario is not None else Scenario.random(seed))

    def evaluate(self, window: Window, spacing: Spacing) -> StructureFields:
        """Evaluate all fields on a window.

        The last bit of a sine may depend on where a voxel lies in its array, so
        callers that promise reproducible windows evaluate whole canonical tiles.

        Parameters
        ----------
        window : absolute indices of the voxels.
        spacing : sample spacing.
        """
        y_m, x_m, twt_s = window.axes(spacing)
        twt_ms = twt_s * 1e3
        time = torch.from_numpy(twt_ms.astype(np.float32)).expand(window.shape).clone()
        fault, throw = torch.zeros_like(time), torch.zeros_like(time)
        for one in faults_near(self.seed, self.scenario, self.velocity, y_m, x_m, twt_ms):
            undo_fault(one, time, fault, throw, (y_m, x_m, twt_ms))
        age, rate, number = self._unfold(time, y_m, x_m)
        half = rate * (0.5 * spacing.dt_s * 1e3)
        channel, sand = channel_cover(
            age, half, y_m, x_m, seed=self.seed, scenario=self.scenario, velocity=self.velocity
        )
        return StructureFields(age, rate, fault, throw, channel, sand, number)

    def _unfold(
        self, time: Tensor, y_m: Float, x_m: Float
    ) -> tuple[Tensor, Tensor, Tensor]:
        def to_map(values: Float) -> Tensor:
            return torch.from_numpy(values.astype(np.float32))[:, :, None]

        age = torch.empty_like(time)
        rate = torch.empty_like(time)
        number = torch.zeros(time.shape, dtype=torch.int8)
        belongs = torch.ones(time.shape, dtype=torch.bool)
        position = time
        for sequence in self.sequences:
            if sequence.number > 0:
                top = sequence.base_ms + sequence.relief_ms * sequence.relief(y_m, x_m)
                belongs = belongs & (position >= to_map(top))
                if not bool(belongs.any()):
                    break
            position = position - to_map(sequence.fold_ms * sequence.fold(y_m, x_m))
            own, own_rate = age_in_sequence(
                sequence, position, y_m, x_m, self.seed, self.scenario.thickness_variation
            )
            own += sequence.number * SEQUENCE_OFFSET_MS
            age = torch.where(belongs, own, age) if sequence.number else own
            rate = torch.where(belongs, own_rate, rate) if sequence.number else own_rate
            number = torch.where(belongs, torch.full_like(number, sequence.number), number)
        return age, rate, number
