"""Hazards: river floods by return period, the ground's height, the heat of its surface."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from port_serrano import plan
from port_serrano.land import Floats, Ground, generator, smooth_noise

#: Metres above the usual level of the river, by return period in years.
STAGE_M = {5: 0.7, 10: 1.1, 25: 1.7, 50: 2.2, 100: 2.8, 250: 3.6}
#: The flood loses its height over the plain: half of it is gone at the first distance, all of it at the second.
HALF_DISTANCE_M, REACH_M = 1_800, 3_500


def flood_depth_m(ground: Ground, return_period: int) -> Floats:
    """Depth on the 100 m grid in whole centimetres: 0 where it stays dry, NaN on permanent water."""
    river = ground.to_river_m < plan.FINE_M / 2
    nearest = ndimage.distance_transform_edt(~river, return_distances=False, return_indices=True)
    level = ndimage.median_filter(ground.height_m, size=9)[tuple(nearest)]
    stage = STAGE_M[return_period] * 0.5 ** (ground.to_river_m / HALF_DISTANCE_M)
    depth = np.clip(level + stage - ground.height_m, 0, None) * (ground.to_river_m < REACH_M)
    return np.where(ground.land_share > 0.5, np.round(np.minimum(depth, 1.4 * stage), 2), np.nan)


def elevation_m(ground: Ground) -> Floats:
    """Metres above the sea on the 100 m grid, in decimetres; NaN on permanent water."""
    return np.where(ground.land_share > 0.5, np.round(ground.height_m, 1), np.nan)


def surface_temperature_c(ground: Ground, built_m2: Floats) -> Floats:
    """Mean surface temperature of hot afternoons on the 100 m grid, in tenths of a degree; NaN on the sea."""
    built = ndimage.gaussian_filter(built_m2 / plan.FINE_M**2, 2)
    cooled = 3.0 * np.exp(-ground.to_sea_m / 1_500) + 2.0 * np.exp(-ground.to_river_m / 300)
    field = 34.0 + 11.0 * built - cooled - 0.006 * ground.height_m + 0.8 * smooth_noise(generator("heat"), 900)
    return np.where(ground.land_share > 0.1, np.round(field, 1), np.nan)
