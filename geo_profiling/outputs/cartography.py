"""What a map needs besides its layers: a true scale bar, true north, fewer cells, places for names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Orientation:
    """Scale and north in the middle of a map.

    Attributes
    ----------
    units_per_km : float
        CRS units that one kilometre on the ground takes along the map's horizontal.
    north_deg : float
        Direction of true north, degrees clockwise from the map's up.
    """

    units_per_km: float
    north_deg: float


def orientation(crs: CRS, bounds: Bounds) -> Orientation:
    """Measure scale and north in the middle of ``bounds`` on the ellipsoid.

    Projections such as Mollweide keep areas, not lengths or directions: the scale bar and the
    north arrow must follow what they do here.

    Parameters
    ----------
    crs : CRS
    bounds : tuple of float
        Left, bottom, right, top in the CRS.

    Examples
    --------
    >>> round(orientation(CRS("EPSG:32631"), (499e3, 5.5e6, 501e3, 5.51e6)).units_per_km)
    1000
    """
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    step = (bounds[2] - bounds[0]) / 100
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    geod = crs.get_geod() or Geod(ellps="WGS84")
    (west, east, south, north) = (
        to_degrees.transform(*point) for point in ((x - step, y), (x + step, y), (x, y - step), (x, y + step))
    )
    metres = geod.inv(*west, *east)[2]
    azimuth = geod.inv(*south, *north)[0]
    if not (math.isfinite(metres) and metres > 0 and math.isfinite(azimuth)):
        return Orientation(1000.0, 0.0)
    return Orientation(2 * step / metres * 1000, -azimuth)


def round_length_km(longest_km: float) -> float:
    """Return the longest of 1, 2, 5, 10, 20, 50, ... km that is not above ``longest_km``.

    Examples
    --------
    >>> round_length_km(73.0), round_length_km(0.7)
    (50.0, 0.5)
    """
    power = 10.0 ** math.floor(math.log10(longest_km))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest_km)


def thin(values: NDArray[Any], longest: int) -> NDArray[Any]:
    """Return every n-th cell so that neither side has more than ``longest`` cells.

    Examples
    --------
    >>> import numpy as np
    >>> thin(np.zeros((1000, 2500)), 1000).shape
    (333, 833)
    """
    step = max(1, math.ceil(max(values.shape) / longest))
    return values[step // 2 :: step, step // 2 :: step] if min(values.shape) > step else values[::step, ::step]


def named(centres: gpd.GeoDataFrame, most: int) -> gpd.GeoDataFrame:
    """Return the most populous centres that have a name, at most ``most`` of them."""
    if "name" not in centres.columns:
        return centres.iloc[:0]
    with_name = centres[centres["name"].notna() & (centres["name"] != "")]
    return with_name.sort_values(["population", "name"], ascending=[False, True]).head(most)


def without_overlaps(boxes: Sequence[Sequence[float]]) -> list[int]:
    """Return which boxes (left, bottom, right, top) can stay when earlier ones go first.

    Examples
    --------
    >>> without_overlaps([(0, 0, 2, 2), (1, 1, 3, 3), (5, 5, 6, 6)])
    [0, 2]
    """
    kept: list[int] = []
    for number, (left, bottom, right, top) in enumerate(boxes):
        if all(
            right <= boxes[other][0] or left >= boxes[other][2] or top <= boxes[other][1] or bottom >= boxes[other][3]
            for other in kept
        ):
            kept.append(number)
    return kept
