"""Statistics by which generated worlds are compared with the prior and with real data."""

from lithogen.metrics.continuity import (
    age_panel,
    agreement_along_age,
    correlation_along_age,
    detrend,
)
from lithogen.metrics.facies import change_rate, facies_shares, share_inside, small_body_share
from lithogen.metrics.realism import (
    BandRow,
    band_table,
    bed_quantiles,
    beds_of_log,
    impedance_statistics,
    section_statistics,
    transition_matrix,
)

__all__ = [
    "BandRow",
    "age_panel",
    "agreement_along_age",
    "band_table",
    "bed_quantiles",
    "beds_of_log",
    "change_rate",
    "correlation_along_age",
    "detrend",
    "facies_shares",
    "impedance_statistics",
    "section_statistics",
    "share_inside",
    "small_body_share",
    "transition_matrix",
]
