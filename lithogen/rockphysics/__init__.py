"""Rock physics: facies, trends of basins, beds inside physical bounds, fluids and closures."""

from lithogen.rockphysics.bounds import within_bounds
from lithogen.rockphysics.closures import Closure, Fill, closures, fill, filled_cells
from lithogen.rockphysics.facies import FACIES, N_FACIES, facies_code
from lithogen.rockphysics.families import HALITE
from lithogen.rockphysics.fluids import FLUIDS, fluid_properties, substitute
from lithogen.rockphysics.trends import (
    RESIDUALS,
    RockFamily,
    bed_properties,
    decode_elastic,
    encode_residual,
)

__all__ = [
    "FACIES", "FLUIDS", "HALITE", "N_FACIES", "RESIDUALS", "Closure", "Fill", "RockFamily",
    "bed_properties", "closures", "decode_elastic", "encode_residual", "facies_code", "fill",
    "filled_cells", "fluid_properties", "substitute", "within_bounds",
]
