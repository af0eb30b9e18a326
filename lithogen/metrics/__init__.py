"""Statistics by which generated worlds are compared with the prior and with real data."""

from lithogen.metrics.beads import Beads, undisturbed
from lithogen.metrics.bodies import Connectivity, connectivity
from lithogen.metrics.column import Column, column_agreement, stratigraphic_column
from lithogen.metrics.continuity import (
    age_panel,
    agreement_along_age,
    correlation_along_age,
    detrend,
    facies_panel,
)
from lithogen.metrics.divergence import jensen_shannon, wasserstein
from lithogen.metrics.extent import BedExtent, bed_extent
from lithogen.metrics.facies import (
    change_rate,
    facies_shares,
    fray,
    isolated_volume,
    share_inside,
    small_body_share,
    spread_ratio,
)
from lithogen.metrics.memorisation import Memorisation, nearest_distance, nearest_neighbour
from lithogen.metrics.patterns import pattern_divergence, pattern_kinds
from lithogen.metrics.realism import (
    BandRow,
    band_table,
    bed_quantiles,
    beds_of_log,
    impedance_statistics,
    section_statistics,
    transition_matrix,
)
from lithogen.metrics.records import compare_features, record_features
from lithogen.metrics.stacked import stacked_changes
from lithogen.metrics.thickness import bed_thickness
from lithogen.metrics.transitions import transition_divergence, vertical_transitions
from lithogen.metrics.two_sample import (
    ClassifierTraining,
    CropSet,
    TwoSample,
    binomial_interval,
    classifier_two_sample,
)
from lithogen.metrics.variograms import indicator_variogram, variogram

__all__ = [
    "BandRow",
    "Beads",
    "BedExtent",
    "ClassifierTraining",
    "Column",
    "Connectivity",
    "CropSet",
    "Memorisation",
    "TwoSample",
    "age_panel",
    "agreement_along_age",
    "band_table",
    "bed_extent",
    "bed_quantiles",
    "bed_thickness",
    "beds_of_log",
    "binomial_interval",
    "change_rate",
    "classifier_two_sample",
    "column_agreement",
    "compare_features",
    "connectivity",
    "correlation_along_age",
    "detrend",
    "facies_panel",
    "facies_shares",
    "fray",
    "impedance_statistics",
    "indicator_variogram",
    "isolated_volume",
    "jensen_shannon",
    "nearest_distance",
    "nearest_neighbour",
    "pattern_divergence",
    "pattern_kinds",
    "record_features",
    "section_statistics",
    "share_inside",
    "small_body_share",
    "spread_ratio",
    "stacked_changes",
    "stratigraphic_column",
    "transition_divergence",
    "transition_matrix",
    "undisturbed",
    "variogram",
    "vertical_transitions",
    "wasserstein",
]
