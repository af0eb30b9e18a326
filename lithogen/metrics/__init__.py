"""Statistics by which generated worlds are compared with the prior and with real data."""

from lithogen.metrics.continuity import (
    age_panel,
    agreement_along_age,
    correlation_along_age,
    detrend,
)
from lithogen.metrics.facies import change_rate, facies_shares, share_inside, small_body_share

__all__ = [
    "age_panel",
    "agreement_along_age",
    "change_rate",
    "correlation_along_age",
    "detrend",
    "facies_shares",
    "share_inside",
    "small_body_share",
]
