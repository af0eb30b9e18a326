"""Background velocity of a scenario: turns metres into two-way time and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.scenario import Scenario

MAX_VELOCITY_M_S = 5000.0


@dataclass(frozen=True, slots=True)
class BackgroundVelocity:
    """Velocity v = v0 + k z, linear in depth, capped at 5000 m/s.

    Parameters
    ----------
    velocity_m_s : v0, velocity at two-way time zero, m/s.
    gradient_per_s : k, 1/s, >= 0.

    Source: Slotnick (1936), v0 + k z and its time-depth relation.
    """

    velocity_m_s: float
    gradient_per_s: float

    @classmethod
    def from_scenario(cls, scenario: Scenario) -> BackgroundVelocity:
        """Return the background velocity of a scenario."""
        return cls(scenario.velocity_m_s, scenario.velocity_gradient_per_s)

    def velocity(self, twt_s: ArrayLike) -> NDArray[np.float64]:
        """Return the velocity in m/s at two-way times in seconds (v0 above time zero)."""
        time = np.maximum(np.asarray(twt_s, dtype=np.float64), 0.0)
        return np.minimum(
            self.velocity_m_s * np.exp(0.5 * self.gradient_per_s * time), MAX_VELOCITY_M_S
        )

    def rms(self, twt_s: ArrayLike) -> NDArray[np.float64]:
        """Return the RMS velocity in m/s down to two-way times in seconds (v0 above time zero)."""
        time = np.maximum(np.asarray(twt_s, dtype=np.float64), 1e-9)
        v0, k = self.velocity_m_s, self.gradient_per_s
        if k < 1e-6:
            return np.full(time.shape, v0)
        t_cap = 2.0 / k * np.log(MAX_VELOCITY_M_S / v0)
        square = v0**2 / k * np.expm1(k * np.minimum(time, t_cap))
        below = MAX_VELOCITY_M_S**2 * np.maximum(time - t_cap, 0.0)
        return np.asarray(np.sqrt((square + below) / time))

    def depth(self, twt_s: ArrayLike) -> NDArray[np.float64]:
        """Return the depth in metres below time zero at two-way times in seconds."""
        time = np.asarray(twt_s, dtype=np.float64)
        v0, k = self.velocity_m_s, self.gradient_per_s
        if k < 1e-6:
            return np.asarray(0.5 * v0 * time)
        t_cap = 2.0 / k * np.log(MAX_VELOCITY_M_S / v0)
        inside = np.clip(time, 0.0, t_cap)
        below = 0.5 * MAX_VELOCITY_M_S * np.maximum(time - t_cap, 0.0)
        above = 0.5 * v0 * np.minimum(time, 0.0)
        return np.asarray(v0 / k * (np.exp(0.5 * k * inside) - 1.0) + below + above)

    def milliseconds(self, metres: ArrayLike, twt_ms: ArrayLike) -> NDArray[np.float64]:
        """Return the two-way time in ms of a thickness in metres at a two-way time in ms."""
        velocity = self.velocity(np.asarray(twt_ms) * 1e-3)
        return np.asarray(2000.0 * np.asarray(metres, dtype=np.float64) / velocity)
