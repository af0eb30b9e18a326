"""Rock physics: the facies list, trends by facies and depth, decoding of residuals."""

from lithogen.rockphysics.facies import FACIES, N_FACIES, facies_code
from lithogen.rockphysics.trends import (
    RESIDUALS,
    RockFamily,
    decode_elastic,
    encode_residual,
)

__all__ = [
    "FACIES", "N_FACIES", "RESIDUALS", "RockFamily", "decode_elastic", "encode_residual",
    "facies_code",
]
