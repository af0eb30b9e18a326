"""How elastic values of beds scatter around the trend of their facies."""

from __future__ import annotations

import numpy as np

# Standard deviation of ln vp between beds and inside them, in the order of the facies list, of
# FORCE 2020 wells in quadrants 25, 31 and 32 (logs NLOD 2.0, lithology CC BY 4.0, Bormann et al.
# 2020).
BED_SCATTER = np.array([0.062, 0.085, 0.075, 0.12, 0.09, 0.045, 0.07, 0.07, 0.07, 0.02])
INNER_SCATTER = np.array([0.041, 0.060, 0.045, 0.050, 0.045, 0.040, 0.03, 0.04, 0.03, 0.01])
# ln rho per ln vp where porosity varies.
RHO_PER_VP = 0.40
