"""Given structure: age fields from a user's horizons and faults, or from a volume of ages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import ShapeError, StructureError, require
from lithogen.grid import AXES, Index3, Spacing, Window, three_integers
from lithogen.scenario import Scenario
from lithogen.structure.horizons import (
    CLEAR_MS,
    Float,
    fit_across,
    ordered_surfaces,
    place,
    plain_array,
    require_ages,
    require_unit,
    surface_map,
    throw_of_plane,
)
from lithogen.structure.interpolate import (
    TOUCH_MS,
    cubic_columns,
    end_rate,
    knot_slopes,
    slope_beside,
    touching_closed,
)
from lithogen.structure.velocity import BackgroundVelocity

LIKELIHOOD_WIDTH_M = 30.0
# Time of a plane in columns where it is absent: above everything, and moving nothing.
ABSENT_MS = -1e6
# Inlines and crosslines that are looked at to tell the unit of a volume of ages.
UNIT_COLUMNS = 32


class GivenArea:
    """Where a structure is given: part of the unbounded lattice of voxels.

    Beyond it the nearest given column is continued, so that the surroundings that a network
    looks at exist. A caller refuses windows that `covers` does not accept.

    Attributes
    ----------
    origin : index of the first given voxel (iline, xline, twt).
    shape : number of given voxels per axis.
    spacing : of the voxels.
    """

    origin: Index3
    shape: tuple[int, ...]
    spacing: Spacing
    n_axes: ClassVar[int] = 3

    def covers(self, window: Window) -> bool:
        """Return whether every voxel of a window is given."""
        return all(
            first <= start and stop <= first + size
            for first, start, stop, size in list(
                zip(self.origin, window.origin, window.stop, self.shape, strict=False)
            )[: self.n_axes]
        )

    def _columns(self, window: Window) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        rows, cols = (
            np.clip(window.origin[axis] + np.arange(window.shape[axis]) - self.origin[axis],
                    0, self.shape[axis] - 1)
            for axis in (0, 1)
        )
        return rows, cols

    def _check_spacing(self, spacing: Spacing) -> None:
        names = ("dy_m", "dx_m", "dt_s")[: self.n_axes]
        require(all(getattr(spacing, n) == getattr(self.spacing, n) for n in names),
                f"structure was given with {self.spacing}, asked for at {spacing}; wanted the same "
                f"{', '.join(names)}: nothing is resampled, give it on the lattice asked for")


@dataclass(frozen=True, slots=True)
class FaultPlane:
    """A fault given as a map of two-way time.

    Parameters
    ----------
    twt_ms : two-way time of the plane, (n_iline, n_xline), ABSENT_MS where it is absent.
    clearance : metres across the plane per ms above or below it, > 0, like `twt_ms`.
    throw_ms : throw at the plane in ms, like `twt_ms`; negative for a reverse fault.
    """

    twt_ms: Float
    clearance: Float
    throw_ms: Float

    @classmethod
    def from_map(
        cls, plane_s: Float, horizons_s: Float, spacing: Spacing, velocity: BackgroundVelocity
    ) -> FaultPlane:
        """Build from a map of two-way time in seconds, NaN where the fault is absent.

        The throw comes from the horizons that it cuts, see `throw_of_plane`.

        Notes
        -----
        A point h metres above a plane of slope g = |grad z| lies h / sqrt(1 + g^2) from it.
        """
        is_known = np.isfinite(plane_s)
        metres_per_ms = velocity.velocity(np.where(is_known, plane_s, 0.0)) / 2000.0
        depth_m = np.where(is_known, velocity.depth(np.where(is_known, plane_s, 0.0)), np.nan)
        slope = np.hypot(*(slope_beside(depth_m, axis, step_m)
                           for axis, step_m in enumerate((spacing.dy_m, spacing.dx_m))))
        throw = throw_of_plane(plane_s * 1e3, horizons_s * 1e3, metres_per_ms, spacing)
        return cls(
            np.where(is_known, plane_s * 1e3, ABSENT_MS).astype(np.float32).astype(np.float64),
            metres_per_ms / np.sqrt(1.0 + slope**2), throw,
        )

    def slip_ms(self) -> Float:
        """Return by how much the wall above the plane is moved back up: normal throw, ms."""
        return np.maximum(self.throw_ms, 0.0)

    def correction_ms(self, horizons_ms: Float) -> Float:
        """Return what undoes the slip of horizons (n, n_iline, n_xline), ms, <= 0 or small.

        Picks on the plane itself fill the gap between the walls, where the layer is missing:
        they go to where the wall below the plane would continue.
        """
        slip = self.slip_ms()
        out = np.where(horizons_ms < self.twt_ms, -slip, 0.0)
        plane = np.where(self.twt_ms > ABSENT_MS, self.twt_ms, np.nan)
        for index, one in enumerate(horizons_ms):
            rows, cols = np.nonzero((np.abs(one - plane) < CLEAR_MS) & (slip > 0.0))
            footwall, _ = fit_across(plane, one, rows, cols)
            is_known = np.isfinite(footwall)
            rows, cols = rows[is_known], cols[is_known]
            out[index, rows, cols] = footwall[is_known] - one[rows, cols]
        return out


class HorizonModel(GivenArea):
    """Age between horizons: a monotone cubic through them in every column, cut by faults.

    Parameters
    ----------
    surfaces : at least 2 maps (n_iline, n_xline) of two-way time in seconds, shallow to deep,
        without gaps; arrays, or DataArrays with dims (iline, xline). Where two touch, the ages
        between them are absent: a pinch-out, or erosion.
    ages_ms : age of each surface, increasing; by default its mean two-way time in ms.
    faults : maps of the two-way time in seconds of fault planes, NaN where absent.
    origin : lattice index (iline, xline) of the first column.
    spacing : of the lattice; dt_s is not used.
    velocity : turns two-way time into depth for the dip of fault planes; by default that of
        the default scenario.

    Raises
    ------
    ShapeError : maps of different shapes, or swapped axes.
    StructureError : gaps, infinite values, milliseconds, crossing or coinciding surfaces.
    ConfigError : ages that do not increase, or in another unit.

    Examples
    --------
    >>> top = np.full((8, 8), 0.1)
    >>> model = HorizonModel([top, top + 0.1], [0.0, 50.0])
    >>> age, rate = model.age_and_rate(Window((0, 0, 25), (8, 8, 26)), Spacing())
    >>> float(age[0, 0, 0]), float(rate[0, 0, 0])
    (0.0, 0.5)

    Notes
    -----
    Above the first and below the last surface, age runs on parallel to it, at the mean rate of
    the nearest interval over the whole map, 0.3 to 3.

    Where the wall above a fault lies lower (normal fault), it is moved back up by the throw
    before ages are interpolated, so that layers end at the plane. Picks within 8 ms of the
    plane lie in the gap between the walls and are not honoured. A map holds one time per
    column and cannot repeat a layer: reverse faults get likelihood and throw, but their layers
    bend where the horizons do.
    """

    n_axes = 2

    def __init__(
        self, surfaces: Sequence[Any], ages_ms: Sequence[float] | None = None, *,
        faults: Sequence[Any] = (), origin: tuple[int, int] = (0, 0),
        spacing: Spacing | None = None, velocity: BackgroundVelocity | None = None,
    ) -> None:
        twt_s = ordered_surfaces(surfaces)
        self.shape = twt_s.shape[1:]
        self.origin = three_integers((*origin, 0), "origin with twt 0")
        self.spacing = spacing if spacing is not None else Spacing()
        self.ages_ms = require_ages(ages_ms, twt_s)
        if velocity is None:
            velocity = BackgroundVelocity.from_scenario(Scenario())
        self.faults = tuple(
            FaultPlane.from_map(surface_map(one, f"faults[{index}]", self.shape), twt_s,
                                self.spacing, velocity)
            for index, one in enumerate(faults)
        )
        knots = (twt_s * 1e3).astype(np.float32).astype(np.float64)
        moved = knots.copy()
        for fault in self.faults:
            moved += fault.correction_ms(knots)
        # Continued walls of converging surfaces may cross by the error of the fit: they touch.
        self.knots_ms = touching_closed(moved)
        thickness_ms = np.maximum(np.diff(self.knots_ms, axis=0).mean(axis=(1, 2)), TOUCH_MS)
        rate = np.diff(self.ages_ms) / thickness_ms
        self.end_rates = (end_rate(float(rate[0])), end_rate(float(rate[-1])))

    def age_and_rate(self, window: Window, spacing: Spacing) -> tuple[Tensor, Tensor]:
        """Return age in ms and d age / d twt > 0, float32 (n_iline, n_xline, n_twt).

        Raises
        ------
        ConfigError : lateral spacing other than that of the surfaces.
        """
        self._check_spacing(spacing)
        columns = np.ix_(*self._columns(window))
        time = _time(window, spacing)
        if self.faults:
            time = self._moved_back(time, columns)
        return cubic_columns(
            self.knots_ms[:, columns[0], columns[1]], self.ages_ms, self.end_rates, time
        )

    def _moved_back(self, time: Tensor, columns: tuple[NDArray[np.intp], ...]) -> Tensor:
        moved = time.clone()
        for fault in self.faults:
            plane, slip = fault.twt_ms[columns], fault.slip_ms()[columns]
            box = _box((plane > ABSENT_MS) & (slip > 0.0))
            part = time[box]
            moved[box] -= (part < _to_map(plane[box])).to(part.dtype).mul_(_to_map(slip[box]))
        return moved

    def fault_and_throw(self, window: Window, spacing: Spacing) -> tuple[Tensor, Tensor]:
        """Return fault likelihood 0..1 and throw >= 0 in ms, float32 (n_iline, n_xline, n_twt).

        Likelihood is 1 on a plane and falls to 0 at 30 m across it; throw is scaled with it.

        Raises
        ------
        ConfigError : lateral spacing other than that of the surfaces.
        """
        self._check_spacing(spacing)
        columns = np.ix_(*self._columns(window))
        time = _time(window, spacing)
        likelihood, throw = torch.zeros(window.shape), torch.zeros(window.shape)
        for fault in self.faults:
            plane = fault.twt_ms[columns]
            box = _box(plane > ABSENT_MS)
            across = (time[box] - _to_map(plane[box])) * _to_map(fault.clearance[columns][box])
            near = across.div_(LIKELIHOOD_WIDTH_M).square_().neg_().add_(1.0).clamp_(min=0.0)
            likelihood[box] = torch.maximum(likelihood[box], near)
            own = near * _to_map(np.abs(fault.throw_ms[columns][box]))
            throw[box] = torch.maximum(throw[box], own)
        return likelihood, throw


class RgtModel(GivenArea):
    """Age from a volume of relative geologic time on the lattice of voxels itself.

    Parameters
    ----------
    rgt : (n_iline, n_xline, n_twt), n_twt >= 2, strictly increasing along twt; an array, or a
        DataArray with dims (iline, xline, twt). It is kept, not copied: leave it unchanged.
    origin : lattice index (iline, xline, twt) of its first voxel.
    unit_ms : what one unit of `rgt` is in ms of undeformed two-way time, > 0.
    spacing : of its voxels.

    Raises
    ------
    ShapeError : not a volume, or swapped axes.
    StructureError : NaN or infinite values, or a column that does not increase.
    ConfigError : ages in another unit than ms after `unit_ms`.

    Examples
    --------
    >>> volume = np.broadcast_to(np.linspace(0.0, 1.0, 251), (8, 8, 251))
    >>> age, rate = RgtModel(volume, unit_ms=1000.0).age_and_rate(
    ...     Window((0, 0, 50), (8, 8, 16)), Spacing())
    >>> float(age[0, 0, 0]), round(float(rate[0, 0, 0]), 3)
    (200.0, 1.0)

    Notes
    -----
    Above the first and below the last sample, age runs on at the rate of the column's first or
    last step, 0.3 to 3.
    """

    def __init__(
        self, rgt: Any, *, origin: Sequence[int] = (0, 0, 0), unit_ms: float = 1.0,
        spacing: Spacing | None = None,
    ) -> None:
        volume = plain_array(rgt, AXES, "rgt")
        require(volume.shape[2] >= 2, "rgt has one sample in time, wanted at least 2", ShapeError)
        require(np.isfinite(unit_ms) and unit_ms > 0, f"unit_ms is {unit_ms}, wanted > 0")
        _check_increasing(volume)
        self.rgt = volume
        self.shape = volume.shape
        self.origin = three_integers(origin, "origin")
        self.unit_ms = float(unit_ms)
        self.spacing = spacing if spacing is not None else Spacing()
        require_unit(_typical_step(volume) * self.unit_ms / (self.spacing.dt_s * 1e3), "rgt")

    def age_and_rate(self, window: Window, spacing: Spacing) -> tuple[Tensor, Tensor]:
        """Return age in ms and d age / d twt > 0, float32 (n_iline, n_xline, n_twt).

        Raises
        ------
        ConfigError : spacing other than that of the volume.
        """
        self._check_spacing(spacing)
        last = self.shape[2] - 1
        wanted = window.origin[2] - self.origin[2] + np.arange(window.shape[2])
        # Two samples more than asked for, so that a slope does not depend on the window.
        first, stop = (int(v) for v in np.clip((wanted[0] - 1, wanted[-1] + 2), 0, last + 1))
        first, stop = min(first, last - 1), max(stop, 2)
        rows, cols = self._columns(window)
        age = self.rgt[..., first:stop][np.ix_(rows, cols)].astype(np.float64) * self.unit_ms
        rate = _sample_rates(age, spacing.dt_s * 1e3)
        inside = np.clip(wanted, 0, last)
        beyond = (wanted - inside) * spacing.dt_s * 1e3
        age, rate = age[..., inside - first], rate[..., inside - first]
        if beyond.any():
            rate = np.where(beyond != 0, np.clip(rate, end_rate(0.0), end_rate(np.inf)), rate)
            age = age + beyond * rate
        return (torch.from_numpy(age.astype(np.float32)),
                torch.from_numpy(rate.astype(np.float32)))

    def fault_and_throw(self, window: Window, spacing: Spacing) -> tuple[Tensor, Tensor]:
        """Return zeros: a volume of ages does not say where its faults are.

        Raises
        ------
        ConfigError : spacing other than that of the volume.
        """
        self._check_spacing(spacing)
        return torch.zeros(window.shape), torch.zeros(window.shape)


def _check_increasing(volume: NDArray[Any]) -> None:
    is_bad = ~np.isfinite(volume)
    if is_bad.any():
        i, j, k = place(is_bad)
        raise StructureError(f"rgt is {volume[i, j, k]} at iline {i}, xline {j}, sample {k}, and "
                             f"not finite in {is_bad.sum()} voxels, wanted an age in every voxel")
    is_bad = volume[..., 1:] <= volume[..., :-1]
    if is_bad.any():
        i, j, k = place(is_bad)
        raise StructureError(
            f"rgt does not increase at iline {i}, xline {j}, sample {k}: {volume[i, j, k]:.9g} is "
            f"followed by {volume[i, j, k + 1]:.9g}, and in {is_bad.sum()} voxels in all; wanted "
            "ages that strictly increase downwards in every column"
        )


def _typical_step(volume: NDArray[Any]) -> float:
    """Return the median step of some columns: sequences may lie any age apart."""
    every = [max(1, size // UNIT_COLUMNS) for size in volume.shape[:2]]
    return float(np.median(np.diff(volume[:: every[0], :: every[1]], axis=2)))


def _sample_rates(age_ms: Float, dt_ms: float) -> Float:
    """Return d age / d twt at the samples of a column from the steps beside them, > 0."""
    step = np.diff(age_ms, axis=2) / dt_ms
    rate = np.empty_like(age_ms)
    rate[..., 0], rate[..., -1] = step[..., 0], step[..., -1]
    dt = np.full((1, 1, 1), dt_ms)
    rate[..., 1:-1] = knot_slopes(dt, step[..., :-1], dt, step[..., 1:])
    return rate


def _time(window: Window, spacing: Spacing) -> Tensor:
    twt_ms = (window.axes(spacing)[2] * 1e3).astype(np.float32)
    return torch.from_numpy(twt_ms).expand(window.shape)


def _to_map(values: Float) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, :, None]


def _box(is_present: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the smallest block of rows and columns that holds every true value."""
    sides = (np.flatnonzero(is_present.any(axis=1)), np.flatnonzero(is_present.any(axis=0)))
    rows, cols = (slice(int(s[0]), int(s[-1]) + 1) if s.size else slice(0, 0) for s in sides)
    return rows, cols
