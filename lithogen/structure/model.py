"""Structure: an unbounded field of relative geologic time, with faults, salt and bodies."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.rockphysics.facies import EVAPORITE
from lithogen.scenario import Scenario
from lithogen.structure.bodies import (
    SEQUENCE_OFFSET_MS,
    BodyContext,
    BodyFields,
    BodyKind,
    BodyPart,
    paint,
)
from lithogen.structure.bodies.draw import draw_bodies
from lithogen.structure.faults import faults_near, undo_fault
from lithogen.structure.layers import NODE_MS, Layers, age_of
from lithogen.structure.packages import columns, draw_packages, nominal_ms
from lithogen.structure.salt import SaltDome, domes_near, salt_top_ms, undo_dome
from lithogen.structure.sequences import Sequence, draw_sequences
from lithogen.structure.velocity import BackgroundVelocity

Float = NDArray[np.float64]
Axes = tuple[Float, Float, Float]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the network sees of a structure: float32 tensors (n_iline, n_xline, n_twt).

    Parameters
    ----------
    age : relative geologic time in ms of undeformed two-way time, increasing downwards
        within a sequence.
    rate : d age / d twt, > 0; large where layers are condensed.
    fault : fault likelihood, 0..1.
    throw_ms : throw near faults in ms.
    environment : depositional environment, < 0 distal, > 0 proximal.
    fill : what bodies put into the voxel, float32 (n_iline, n_xline, n_twt, `N_FILL`), see
        `BodyFields.fill`.
    sequence : sequence number, 0 is the youngest (int8).
    """

    age: Tensor
    rate: Tensor
    fault: Tensor
    throw_ms: Tensor
    environment: Tensor
    fill: Tensor
    sequence: Tensor


@dataclass(frozen=True, slots=True)
class StructureFields(Conditions):
    """Structure on the voxels of one window: `Conditions` and the bodies themselves.

    Parameters
    ----------
    bodies : channels, lobes, build-ups, salt and other bodies.
    """

    bodies: BodyFields

    def labels(self, box: tuple[slice, slice, slice]) -> StructureFields:
        """Return copies of the fields of some of the voxels, so that these can be freed.

        What bodies fill in, which only conditions need, is left empty: no channel.
        """
        def copy(field: Tensor) -> Tensor:
            return field[box].clone(memory_format=torch.contiguous_format)

        found = {item.name: copy(getattr(self, item.name))
                 for item in fields(Conditions) if item.name != "fill"}
        found["fill"] = self.fill.new_empty((*found["age"].shape, 0))
        bodies = BodyFields(copy(self.bodies.cover), copy(self.bodies.part), self.bodies.parts)
        return StructureFields(**found, bodies=bodies)


@dataclass(frozen=True)
class Structure:
    """Procedural structure of a world: folds, faults, unconformities, salt, bodies.

    Parameters
    ----------
    seed : int that names the structure.
    scenario : its controls.

    Examples
    --------
    >>> from lithogen.grid import Spacing, Window
    >>> fields = Structure.random(1).evaluate(Window((0, 0, 0), (4, 4, 8)), Spacing())
    >>> fields.age.shape
    torch.Size([4, 4, 8])
    """

    seed: int
    scenario: Scenario
    velocity: BackgroundVelocity = field(init=False, compare=False)
    sequences: tuple[Sequence, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        velocity = BackgroundVelocity.from_scenario(self.scenario)
        object.__setattr__(self, "velocity", velocity)
        object.__setattr__(
            self, "sequences", draw_sequences(self.seed, self.scenario, velocity)
        )

    @classmethod
    def random(cls, seed: int, scenario: Scenario | None = None) -> Structure:
        """Return the structure of a seed, with a random scenario unless one is given."""
        return cls(seed, scenario if scenario is not None else Scenario.random(seed))

    @classmethod
    def from_horizons(
        cls, surfaces: SequenceOf[Any], *, seed: int = 0, scenario: Scenario | None = None,
        ages_ms: SequenceOf[float] | None = None, faults: SequenceOf[Any] = (),
        origin: tuple[int, int] = (0, 0),
    ) -> Structure:
        """Return a structure whose layers follow given horizons.

        Parameters
        ----------
        surfaces : at least two maps (n_iline, n_xline) of two-way time in seconds, shallow to
            deep; arrays, or DataArrays with dims (iline, xline). They may touch, not cross.
        seed, scenario : of bodies and facies belts; by default a scenario drawn from the seed.
        ages_ms : age of each surface, increasing; by default its mean two-way time in ms.
        faults : maps of the two-way time in seconds of fault planes, NaN where absent.
        origin : lattice index (iline, xline) of the first column of the maps.

        Raises
        ------
        ShapeError, StructureError, ConfigError : maps that do not fit, have gaps or cross, with
            the place; see `HorizonModel`.
        """
        from lithogen.structure.given import HorizonModel
        from lithogen.structure.imposed import ImposedStructure

        chosen = scenario if scenario is not None else Scenario.random(seed)
        model = HorizonModel(surfaces, ages_ms, faults=faults, origin=origin,
                             velocity=BackgroundVelocity.from_scenario(chosen))
        return ImposedStructure(seed, chosen, model)

    @classmethod
    def from_rgt(
        cls, rgt: Any, *, seed: int = 0, scenario: Scenario | None = None,
        origin: tuple[int, int, int] = (0, 0, 0), unit_ms: float = 1.0,
    ) -> Structure:
        """Return a structure of given relative geologic time.

        Parameters
        ----------
        rgt : volume (n_iline, n_xline, n_twt) that increases downward in every column.
        seed, scenario : of bodies and facies belts; by default a scenario drawn from the seed.
        origin : lattice index of its first voxel.
        unit_ms : ms of undeformed two-way time per unit of `rgt`.

        Raises
        ------
        ShapeError, StructureError, ConfigError : see `RgtModel`; names the first voxel at which
            it does not increase.
        """
        from lithogen.structure.given import RgtModel
        from lithogen.structure.imposed import ImposedStructure

        chosen = scenario if scenario is not None else Scenario.random(seed)
        return ImposedStructure(seed, chosen, RgtModel(rgt, origin=origin, unit_ms=unit_ms))

    def require_window(self, window: Window) -> None:
        """Check that a window can be evaluated: a procedural structure has no edge.

        Raises
        ------
        ShapeError : a given structure does not cover it.
        """

    def nominal_depth_m(self, age_ms: NDArray[np.floating]) -> Float:
        """Return the depth below time zero at which an age lies where nothing is folded.

        Parameters
        ----------
        age_ms : ages in ms, any shape.
        """
        age = np.asarray(age_ms, dtype=np.float64)
        number = np.clip(np.floor(age / SEQUENCE_OFFSET_MS + 0.3), 0, len(self.sequences) - 1)
        twt_ms = np.zeros_like(age)
        for n in np.unique(number):
            mine = number == n
            packages = draw_packages(self.seed, self.scenario, int(n))
            twt_ms[mine] = nominal_ms(packages, age[mine] - n * SEQUENCE_OFFSET_MS)
        return self.velocity.depth(twt_ms * 1e-3)

    def horizon_s(
        self, age_ms: float, y_m: NDArray[np.floating], x_m: NDArray[np.floating]
    ) -> Float:
        """Return the two-way time in s of an age as folds alone would place it, NaN where absent.

        Faults, salt and differential compaction are left out; `horizon` has them all.

        Parameters
        ----------
        age_ms : age in ms. y_m, x_m : lateral axes in metres, any spacing.
        """
        y_m, x_m = (np.asarray(axis, dtype=np.float64) for axis in (y_m, x_m))
        number = int(np.clip(np.floor(age_ms / SEQUENCE_OFFSET_MS + 0.3), 0,
                             len(self.sequences) - 1))
        packages = draw_packages(self.seed, self.scenario, number)
        nominal = float(nominal_ms(packages, np.array(age_ms - number * SEQUENCE_OFFSET_MS)))
        first = np.floor((nominal - 280.0) / NODE_MS) * NODE_MS
        s_ms = first + NODE_MS * np.arange(int(560.0 / NODE_MS) + 1)
        found = columns(self.seed, self.scenario, number, s_ms, y_m, x_m)
        age = np.tensordot(found.maps, found.age, axes=(0, 0))
        after = (age < age_ms).sum(axis=-1)
        is_inside = (after > 0) & (after < len(s_ms))
        after = np.clip(after, 1, len(s_ms) - 1)[..., None]
        low, high = (np.take_along_axis(age, after - k, axis=-1)[..., 0] for k in (1, 0))
        twt = s_ms[after[..., 0] - 1] + NODE_MS * (age_ms - low) / np.maximum(high - low, 1e-9)
        for sequence in reversed(self.sequences[: number + 1]):
            twt = twt + sequence.fold(y_m, x_m)
            if sequence.number > 0:
                is_inside &= twt >= sequence.top(y_m, x_m)
            if sequence.number + 1 < len(self.sequences) and sequence.number == number:
                below = self.sequences[number + 1]
                is_inside &= twt - sequence.fold(y_m, x_m) < below.top(y_m, x_m)
        return np.where(is_inside, twt * 1e-3, np.nan)

    def evaluate(
        self, window: Window, spacing: Spacing, device: torch.device | str = "cpu"
    ) -> StructureFields:
        """Evaluate on the voxels of a window.

        The last bit of a sine may depend on where a voxel lies in its array, so
        callers that promise reproducible windows evaluate whole canonical tiles.

        Parameters
        ----------
        window : absolute indices of the voxels.
        spacing : sample spacing.
        device : where the voxels are computed; maps and tables are made on the CPU.
        """
        y_m, x_m, twt_s = window.axes(spacing)
        axes = (y_m, x_m, twt_s * 1e3)
        fault = torch.zeros(window.shape, device=device)
        throw = torch.zeros(window.shape, device=device)
        layers, parts = self.layers(window, spacing, fault, throw)
        bodies = paint(layers.age, layers.rate * (0.5 * spacing.dt_s * 1e3), parts)
        bodies = self._with_salt(bodies, axes, 0.5e3 * spacing.dt_s)
        return StructureFields(
            layers.age, layers.rate, fault, throw, layers.environment, bodies.fill(),
            layers.sequence, bodies,
        )

    def layers(
        self, window: Window, spacing: Spacing, fault: Tensor, throw_ms: Tensor
    ) -> tuple[Layers, list[BodyPart]]:
        """Return age, rate, environment and sequence of every voxel, and the bodies there.

        Parameters
        ----------
        window, spacing : which voxels.
        fault, throw_ms : likelihood 0..1 and throw in ms, updated in place by maximum; their
            device is that of the result.
        """
        y_m, x_m, twt_s = window.axes(spacing)
        axes = (y_m, x_m, twt_s * 1e3)
        time = torch.from_numpy(axes[2].astype(np.float32)).to(fault.device)
        time = time.expand(window.shape).clone()
        for dome in self._domes(axes):
            undo_dome(dome, time, axes)
        for one in faults_near(self.seed, self.scenario, self.velocity, *axes):
            undo_fault(one, time, fault, throw_ms, axes)
        position, number = self._unfold(time, axes, fault, throw_ms)

        def parts_of(ages: Float) -> list[BodyPart]:
            context = BodyContext(self.seed, self.scenario, self.velocity)
            return draw_bodies(context, ages, y_m, x_m)

        return age_of(position, number, axes, self.seed, self.scenario, parts_of)

    def _domes(self, axes: Axes) -> list[SaltDome]:
        if self.scenario.salt <= 0.0:
            return []
        return list(domes_near(self.seed, self.scenario, self.velocity, axes[0], axes[1]))

    def _unfold(
        self, time: Tensor, axes: Axes, fault: Tensor, throw_ms: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Unfolded two-way time of every point in its own sequence, and that sequence."""
        y_m, x_m, _ = axes

        def to_map(values: Float) -> Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(time.device)[:, :, None]

        number = torch.zeros(time.shape, dtype=torch.int8, device=time.device)
        position = time - to_map(self.sequences[0].fold(y_m, x_m))
        below, belongs = position, None
        for sequence in self.sequences[1:]:
            reaches = below >= to_map(sequence.top(y_m, x_m))
            belongs = reaches if belongs is None else belongs & reaches
            if not bool(belongs.any()):
                break
            below = self._older_faults(sequence.number, below, belongs, axes, (fault, throw_ms))
            below = below - to_map(sequence.fold(y_m, x_m))
            position = torch.where(belongs, below, position)
            number += belongs.to(torch.int8)
        return position, number

    def _older_faults(
        self, stage: int, below: Tensor, belongs: Tensor, axes: Axes,
        labels: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Undo the faults that ended before an unconformity was cut, below it only."""
        moved, own = below, (below, below)
        for one in faults_near(self.seed, self.scenario, self.velocity, *axes, stage=stage):
            if moved is below:
                moved = below.clone()
                own = (torch.zeros_like(below), torch.zeros_like(below))
            undo_fault(one, moved, *own, axes)
        if moved is below:
            return below
        for label, mine in zip(labels, own, strict=True):
            torch.maximum(label, mine.mul_(belongs), out=label)
        return moved

    def _with_salt(self, bodies: BodyFields, axes: Axes, half: float) -> BodyFields:
        """Cover what lies below the top of a salt dome; `half` a sample in ms."""
        if self.scenario.salt <= 0.0:
            return bodies
        tops = [(dome, salt_top_ms(dome, axes[0], axes[1])) for dome in self._domes(axes)]
        twt = torch.from_numpy(axes[2].astype(np.float32)).to(bodies.cover.device)
        parts = list(bodies.parts)
        cover, part = bodies.cover, bodies.part
        for dome, top in tops:
            rows, cols = np.nonzero(np.isfinite(top) & (top < axes[2][-1] + half))
            if rows.size == 0:
                continue
            iy, ix = (torch.from_numpy(at).to(twt.device) for at in (rows, cols))
            edge = torch.from_numpy(top[rows, cols].astype(np.float32)).to(twt.device)[:, None]
            share = ((twt + half - edge) / (2 * half)).clamp(0.0, 1.0)
            ages = np.zeros(rows.size, dtype=np.float32)
            parts.append(BodyPart(BodyKind.SALT, dome.number, EVAPORITE, rows, cols, ages, ages))
            mine = share >= 0.5
            part[iy, ix] = torch.where(mine, len(parts), part[iy, ix]).to(torch.int16)
            cover[iy, ix] = torch.where(share > 0, torch.maximum(share, cover[iy, ix] *
                                                                 (1 - share)), cover[iy, ix])
        return BodyFields(cover, part, tuple(parts))

