"""Horizons as maps: extracted from an age volume, checked, and their offset across faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.errors import ConfigError, ShapeError, StructureError, require
from lithogen.grid import AXES, Spacing, check_shape
from lithogen.structure.bodies.part import SEQUENCE_OFFSET_MS

if TYPE_CHECKING:
    import xarray

Float = NDArray[np.float64]

MAP_AXES = AXES[:2]
# No seismic record lasts 20 s; in milliseconds no useful surface lies above 20 ms.
LONGEST_TWT_S = 20.0
# Inlines read at a time, the chunk of the stores that the package writes.
SLAB_ILINES = 128
# The offset is fitted to columns at most this far from the cut-off ...
FIT_RADIUS = 8
# ... that lie clear of the plane, since picks in the gap follow the plane itself ...
CLEAR_MS = 8.0
# ... and on either wall at least this many, or a dip passes for an offset.
LEAST_COLUMNS = 6
NEAREST_CUTOFFS = 12
# Columns fitted at a time: 20 MB of neighbours.
FIT_PART = 2048


def horizon_twt(
    age_ms: float, rgt: ArrayLike | xarray.DataArray, twt_s: ArrayLike,
    sequence: ArrayLike | None = None,
) -> Float:
    """Return the two-way time of an age, linear between samples of a sequence.

    Parameters
    ----------
    age_ms : age wanted, in the unit of `rgt` (ms).
    rgt : relative geologic time, (n_iline, n_xline, n_twt), n_twt >= 2; NaN where unknown.
    twt_s : two-way time of the samples in seconds, (n_twt,), increasing.
    sequence : sequence number of every sample, like `rgt`. Without it, two samples whose
        ages lie more than half of SEQUENCE_OFFSET_MS apart belong to two sequences.

    Returns
    -------
    float64 (n_iline, n_xline), seconds. NaN where the age is absent: eroded, not deposited,
    or outside the volume. Where a column meets the age several times, the shallowest.

    Raises
    ------
    ShapeError : rgt is not a volume in the order (iline, xline, twt), or sizes differ.
    ConfigError : age_ms is not finite, or twt_s does not increase.

    Examples
    --------
    >>> float(horizon_twt(6.0, np.array([[[0.0, 4.0, 8.0]]]), [1.0, 1.004, 1.008])[0, 0])
    1.006
    """
    volume = plain_array(rgt, AXES, "rgt")
    time = np.asarray(twt_s, dtype=np.float64)
    check_shape(time.shape, volume.shape[2:], "twt_s")
    require(volume.shape[2] >= 2, "rgt has one sample in time, wanted at least 2", ShapeError)
    require(bool((np.diff(time) > 0).all()), "twt_s does not increase everywhere, wanted the "
            "two-way times of the samples, shallow first")
    require(bool(np.isfinite(age_ms)), f"age_ms is {age_ms}, wanted a finite age in ms")
    # A float64 scalar, so that single-precision ages are compared without rounding the request.
    wanted = np.float64(age_ms)
    is_crossing = (volume[..., :-1] <= wanted) & (volume[..., 1:] >= wanted)
    if sequence is None:
        is_crossing &= np.diff(volume, axis=2) < 0.5 * SEQUENCE_OFFSET_MS
    else:
        number = plain_array(sequence, AXES, "sequence")
        check_shape(number.shape, volume.shape, "sequence")
        is_crossing &= number[..., 1:] == number[..., :-1]
    above = is_crossing.argmax(axis=2)
    has_any = np.take_along_axis(is_crossing, above[..., None], axis=2)[..., 0]
    age_above, age_below = (
        np.take_along_axis(volume, (above + k)[..., None], axis=2)[..., 0].astype(np.float64)
        for k in (0, 1)
    )
    step = np.where(has_any & (age_below > age_above), age_below - age_above, 1.0)
    share = (wanted - age_above) / step
    found = time[above] + share * (time[above + 1] - time[above])
    return np.asarray(np.where(has_any, found, np.nan))


def horizon(ds: xarray.Dataset, age_ms: float) -> xarray.DataArray:
    """Return the two-way time of an age in a generated world, as a map with coordinates.

    Parameters
    ----------
    ds : Dataset with `rgt` (iline, xline, twt), `sequence` if it has one; in memory or lazy.
    age_ms : age wanted, ms.

    Returns
    -------
    DataArray `horizon` (iline, xline), float64 seconds, NaN where the age is absent.

    Raises
    ------
    StructureError : `ds` has no rgt.
    ShapeError, ConfigError : see `horizon_twt`.
    """
    import xarray

    require("rgt" in ds, f"the Dataset has no variable rgt, only {', '.join(map(str, ds))}; "
            "wanted one from lithogen.generate or sample_world", StructureError)
    rgt = ds["rgt"]
    _check_dims(rgt, AXES, "rgt")
    out = np.full(rgt.shape[:2], np.nan)
    # A slab at a time: a world in a store may be larger than memory.
    for first in range(0, rgt.shape[0], SLAB_ILINES):
        slab = ds.isel(iline=slice(first, first + SLAB_ILINES))
        number = slab["sequence"] if "sequence" in ds else None
        out[first : first + SLAB_ILINES] = horizon_twt(
            age_ms, slab["rgt"], ds["twt"].to_numpy(), number
        )
    coords = {name: c for name, c in rgt.coords.items() if "twt" not in c.dims}
    about = {"long_name": f"horizon of age {age_ms:g} ms", "units": "s", "age_ms": float(age_ms)}
    return xarray.DataArray(out, coords, MAP_AXES, name="horizon", attrs=about)


def plain_array(values: Any, dims: tuple[str, ...], name: str) -> NDArray[Any]:
    """Return a real array with the axes `dims`, which a DataArray must have in that order.

    Raises
    ------
    ShapeError : wrong number, names or order of axes, an axis without samples, or not numbers.
    """
    _check_dims(values, dims, name)
    out = np.asarray(values)
    require(out.dtype.kind in "fiu", f"{name} holds {out.dtype}, wanted real numbers", ShapeError)
    require(out.ndim == len(dims) and out.size > 0,
            f"{name} has shape {out.shape}, wanted {len(dims)} axes {dims} that are not empty",
            ShapeError)
    return out


def _check_dims(values: Any, dims: tuple[str, ...], name: str) -> None:
    got = getattr(values, "dims", None)
    if got is None or tuple(got) == dims:
        return
    order = ", ".join(repr(d) for d in dims)
    advice = (f"call .transpose({order})" if sorted(map(str, got)) == sorted(dims)
              else "rename or select its axes")
    raise ShapeError(f"{name} has axes {tuple(got)}, wanted {dims}; {advice}")


def place(is_bad: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first true value."""
    return tuple(int(i) for i in np.unravel_index(int(is_bad.argmax()), is_bad.shape))


def surface_map(values: Any, name: str, shape: tuple[int, ...] | None = None) -> Float:
    """Return one map of two-way times in seconds, float64 (n_iline, n_xline); NaN may be in it.

    Raises
    ------
    ShapeError : not a map, or not of `shape`.
    StructureError : infinite values, NaN everywhere, or milliseconds for seconds.
    """
    out = plain_array(values, MAP_AXES, name).astype(np.float64)
    if shape is not None:
        check_shape(out.shape, shape, name)
    is_infinite = np.isinf(out)
    if is_infinite.any():
        i, j = place(is_infinite)
        raise StructureError(f"{name} has {is_infinite.sum()} infinite values, the first at iline "
                             f"{i}, xline {j}, wanted two-way times in seconds")
    require(not np.isnan(out).all(), f"{name} is NaN in every column, wanted two-way times in "
            "seconds somewhere", StructureError)
    is_long = np.abs(out) > LONGEST_TWT_S
    if is_long.any():
        i, j = place(is_long)
        raise StructureError(f"{name} is {out[i, j]:g} at iline {i}, xline {j}, wanted two-way time"
                             " in seconds; if it is in milliseconds, multiply it by 0.001")
    return out


def ordered_surfaces(surfaces: Sequence[Any]) -> Float:
    """Check horizons and stack them, shallow to deep.

    Parameters
    ----------
    surfaces : at least 2 maps (n_iline, n_xline) of two-way time in seconds, arrays or
        DataArrays with dims (iline, xline); they may touch, not cross.

    Returns
    -------
    float64 (n, n_iline, n_xline), seconds.

    Raises
    ------
    ShapeError : maps of different shapes, or swapped axes.
    StructureError : fewer than 2, NaN, infinite values, milliseconds, surfaces that cross or
        coincide; the message names surface and place (indices from 0).
    """
    require(len(surfaces) >= 2, f"{len(surfaces)} horizon surfaces, wanted at least 2, "
            "from shallow to deep", StructureError)
    maps: list[Float] = []
    for index, surface in enumerate(surfaces):
        name = f"surfaces[{index}]"
        one = surface_map(surface, name, maps[0].shape if maps else None)
        is_gap = np.isnan(one)
        if is_gap.any():
            i, j = place(is_gap)
            raise StructureError(
                f"{name} has {is_gap.sum()} NaN of {one.size} values, the first at iline {i}, "
                f"xline {j}, wanted a time in every column; fill the gaps or crop the surfaces"
            )
        if maps:
            _check_order(maps[-1], one, index)
        maps.append(one)
    return np.stack(maps)


def _check_order(above: Float, below: Float, index: int) -> None:
    is_crossed = below < above
    if is_crossed.any():
        i, j = place(is_crossed)
        raise StructureError(
            f"surfaces[{index - 1}] and surfaces[{index}] cross at iline {i}, xline {j}: "
            f"{above[i, j]:.6g} s lies below {below[i, j]:.6g} s, and in {is_crossed.sum()} of "
            f"{above.size} columns; wanted shallow to deep, touching at most: reorder them, or cut "
            "the deeper one with np.maximum"
        )
    require(bool((below > above).any()),
            f"surfaces[{index - 1}] and surfaces[{index}] coincide in every column, wanted "
            "layers between them somewhere; leave one out", StructureError)


def throw_of_plane(
    plane_ms: Float, horizons_ms: Float, metres_per_ms: Float, spacing: Spacing
) -> Float:
    """Estimate the throw on a fault plane from the offset of the horizons that it cuts.

    Parameters
    ----------
    plane_ms : two-way time of the plane in ms, (n_iline, n_xline), NaN where absent.
    horizons_ms : two-way times of horizons, (n, n_iline, n_xline), ms.
    metres_per_ms : depth per two-way ms at the plane, like `plane_ms`.
    spacing : of the columns.

    Returns
    -------
    float64 (n_iline, n_xline), ms: > 0 where the wall above the plane lies lower (normal),
    < 0 where it lies higher (reverse); 0 where no horizon crosses the plane.

    Notes
    -----
    A horizon crosses the plane where its side changes from column to column. There, times of
    the horizon in the columns around (17 x 17, those within 8 ms of the plane left out) are
    fitted by least squares with a dip, common to both walls, and a step: the step is the
    throw. Points of the plane take the mean of the nearest cut-offs of all horizons, weighted
    by the inverse square of their distance in metres.

    Source: Shepard (1968), Proc. 23rd ACM Conf., inverse-distance weighting.
    """
    from scipy.spatial import cKDTree

    cut, throw = [], []
    for one in horizons_ms:
        rows, cols = _cutoffs(plane_ms, one)
        _, step = fit_across(plane_ms, one, rows, cols)
        known = np.isfinite(step)
        cut.append(np.stack([rows, cols], axis=1)[known])
        throw.append(step[known])
    where, step = np.concatenate(cut), np.concatenate(throw)
    out = np.zeros(plane_ms.shape)
    if len(step) == 0:
        return out
    depth_m = plane_ms * metres_per_ms

    def points(index: NDArray[np.intp]) -> Float:
        i, j = index.T
        return np.stack([i * spacing.dy_m, j * spacing.dx_m, depth_m[i, j]], axis=1)

    on_plane = np.argwhere(np.isfinite(plane_ms))
    n_near = min(NEAREST_CUTOFFS, len(step))
    distance, near = cKDTree(points(where)).query(points(on_plane), k=[*range(1, n_near + 1)])
    # A metre keeps a cut-off itself from an infinite weight.
    weight = 1.0 / (distance**2 + 1.0)
    out[tuple(on_plane.T)] = (weight * step[near]).sum(axis=1) / weight.sum(axis=1)
    return out


def _cutoffs(plane_ms: Float, horizon_ms: Float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns beside which the horizon passes through the plane."""
    is_known = np.isfinite(plane_ms)
    is_above = np.where(is_known, horizon_ms < plane_ms, False)
    is_cut = np.zeros(plane_ms.shape, dtype=bool)
    for here, there in (
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        is_change = (is_above[here] != is_above[there]) & is_known[here] & is_known[there]
        is_cut[here] |= is_change
        is_cut[there] |= is_change
    rows, cols = np.nonzero(is_cut)
    return rows, cols


def fit_across(
    plane_ms: Float, horizon_ms: Float, rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> tuple[Float, Float]:
    """Fit a horizon around some columns with a dip and a step across a plane.

    Parameters
    ----------
    plane_ms, horizon_ms : two-way times in ms, (n_iline, n_xline); plane NaN where absent.
    rows, cols : the columns, (n,).

    Returns
    -------
    time of the horizon below the plane (its footwall), continued to the columns, and its step
    to the wall above, ms, each (n,); NaN where a wall has too few columns.
    """
    # In parts: a horizon may follow a listric plane over a large area.
    parts = [
        _fit_part(plane_ms, horizon_ms, rows[k : k + FIT_PART], cols[k : k + FIT_PART])
        for k in range(0, max(1, len(rows)), FIT_PART)
    ]
    footwall, step = (np.concatenate(values) for values in zip(*parts, strict=True))
    return footwall, step


def _fit_part(
    plane_ms: Float, horizon_ms: Float, rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> tuple[Float, Float]:
    reach = np.arange(-FIT_RADIUS, FIT_RADIUS + 1)
    dy, dx = (axis.ravel() for axis in np.meshgrid(reach, reach, indexing="ij"))
    i, j = rows[:, None] + dy, cols[:, None] + dx
    n_row, n_col = plane_ms.shape
    is_inside = (i >= 0) & (i < n_row) & (j >= 0) & (j < n_col)
    i, j = i.clip(0, n_row - 1), j.clip(0, n_col - 1)
    clear = horizon_ms[i, j] - plane_ms[i, j]
    # A comparison with NaN is false, so columns without the plane are left out too.
    weight = (is_inside & (np.abs(clear) >= CLEAR_MS)).astype(np.float64)
    is_above = (clear < 0).astype(np.float64)
    terms = np.stack(np.broadcast_arrays(1.0, dy, dx, is_above), axis=-1)
    here = horizon_ms[rows, cols]
    time = horizon_ms[i, j] - here[:, None]
    normal = np.einsum("nc,nca,ncb->nab", weight, terms, terms)
    right = np.einsum("nc,nca,nc->na", weight, terms, time)
    # The pseudo-inverse leaves out a dip that one row of columns cannot show.
    fit = np.einsum("nab,nb->na", np.linalg.pinv(normal, rcond=1e-9, hermitian=True), right)
    n_above, n_all = (weight * is_above).sum(axis=1), weight.sum(axis=1)
    is_enough = np.minimum(n_above, n_all - n_above) >= LEAST_COLUMNS
    fit[~is_enough] = np.nan
    return here + fit[:, 0], fit[:, 3]


def require_ages(ages_ms: Sequence[float] | None, surfaces_s: Float) -> Float:
    """Return the age of each surface in ms, (n,): as given, or its mean two-way time.

    Raises
    ------
    ConfigError : not one finite age per surface, not increasing, or not in ms.
    """
    mean_ms = surfaces_s.mean(axis=(1, 2)) * 1e3
    if ages_ms is None:
        return np.asarray(mean_ms)
    ages = np.asarray(ages_ms, dtype=np.float64)
    require(ages.shape == mean_ms.shape and bool(np.isfinite(ages).all()),
            f"ages_ms is {ages_ms!r}, wanted {len(mean_ms)} finite ages, one per surface")
    for index in range(1, len(ages)):
        require(bool(ages[index] > ages[index - 1]),
                f"ages_ms[{index}] = {ages[index]:g} does not exceed ages_ms[{index - 1}] = "
                f"{ages[index - 1]:g}, wanted ages that increase downwards")
    require_unit(float((ages[-1] - ages[0]) / (mean_ms[-1] - mean_ms[0])), "ages_ms")
    return ages


def require_unit(rate: float, name: str) -> None:
    """Refuse ages that cannot be milliseconds: beds would be far too thick or too thin.

    Raises
    ------
    ConfigError : less than 0.1 or more than 10 units of age per ms of two-way time.
    """
    require(0.1 <= rate <= 10.0,
            f"{name} increases by {rate:.4g} per ms of two-way time, wanted milliseconds of "
            f"undeformed two-way time, 0.1 to 10 per ms; multiply it by about {1 / rate:.4g}",
            ConfigError)
