"""Statistics by which generated worlds are compared with the prior and with real data."""

from lithogen.metrics.continuity import (
    age_panel,
    agreement_along_age,
    correlation_along_age,
    detrend,
)

__all__ = ["age_panel", "agreement_along_age", "correlation_along_age", "detrend"]
