"""Exceptions: each says what came in, what was wanted and what to do."""

from __future__ import annotations


class LithogenError(Exception):
    """Base class of every error that the four packages raise on purpose."""


class ConfigError(LithogenError, ValueError):
    """A parameter or configuration entry is unknown or out of range."""


class ShapeError(LithogenError, ValueError):
    """An array or window has the wrong shape, axis order or size."""


class ResourceError(LithogenError):
    """A request does not fit in memory or on disk; raised before work starts."""


class WeightsError(LithogenError):
    """Shipped or user weights are missing, corrupt or of another architecture."""


class SegyError(LithogenError):
    """A SEG-Y file cannot be read as asked, or is not SEG-Y."""


class CalibrationError(LithogenError):
    """A survey cannot support the estimate that was asked for."""


class StructureError(LithogenError):
    """Horizons, faults or relative geologic time contradict each other."""


class OutputError(LithogenError, OSError):
    """A result cannot be written where it was asked for."""


def require(
    is_met: bool, message: str, error: type[LithogenError] = ConfigError
) -> None:
    """Raise `error` with `message` unless the condition is met.

    Parameters
    ----------
    is_met : the condition.
    message : what came, what was wanted, what to do.
    error : exception class to raise.

    Raises
    ------
    LithogenError : of class `error`, if `is_met` is false.

    Examples
    --------
    >>> require(2 > 1, "never raised")
    """
    if not is_met:
        raise error(message)
