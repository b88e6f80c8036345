"""What makes buildings hard to save from fire: out of an engine's reach, densely built, of burning walls."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.crs import parse_crs, require_projected, require_same
from geo_profiling.errors import UsageError

#: A circle is drawn with four times so many sides.
_QUARTER = 8
#: Pairs of a circle and a building near it that are intersected at once.
_MOST_PAIRS = 500_000


def street_distances(buildings: gpd.GeoSeries, streets: gpd.GeoSeries) -> pd.Series:
    """Return the distance from each building to the nearest street, from wall to centre line, as a hose is laid.

    Parameters
    ----------
    buildings : GeoSeries
        Polygons or points in a projected CRS in metres.
    streets : GeoSeries
        Lines in the same CRS, those that an engine can use alone.

    Returns
    -------
    Series
        ``distance_m`` on the index of the buildings; infinite without any street.

    Raises
    ------
    CRSError
        If the CRS differ or cannot measure distances.

    Examples
    --------
    >>> homes = gpd.GeoSeries([shapely.box(0, 10, 5, 15), shapely.box(0, 90, 5, 95)], crs=32638)
    >>> street_distances(homes, gpd.GeoSeries([shapely.LineString([(0, 0), (9, 0)])], crs=32638)).tolist()
    [10.0, 90.0]
    """
    crs = parse_crs(buildings.crs, what="buildings")
    require_projected(crs, what="buildings")
    require_same(crs, parse_crs(streets.crs, what="streets"), what="buildings and streets")
    found = np.full(len(buildings), np.inf)
    if len(streets) and len(buildings):
        tree = shapely.STRtree(np.asarray(streets.array, dtype=object))
        shapes = np.asarray(buildings.array, dtype=object)
        (building, _), distance = tree.query_nearest(shapes, all_matches=False, return_distance=True)
        found[building] = distance
    return pd.Series(found, index=buildings.index, name="distance_m")


def surroundings_coverage(
    buildings: gpd.GeoSeries, *, around_m: float, of: NDArray[np.bool_] | None = None
) -> pd.Series:
    """Return the share of the ground within a distance of each building's centroid that is built over.

    Definition: footprints clipped to the circle (drawn with 32 sides), the building's own included, by the area of
    the circle. Footprints that overlap count twice, up to 1.

    Parameters
    ----------
    buildings : GeoSeries
        Valid polygons in a projected CRS in metres.
    around_m : float
        Radius in metres.
    of : ndarray of bool, optional
        The buildings it is told of; all by default. All stand around them.

    Returns
    -------
    Series
        ``coverage_share`` (0-1) of the chosen buildings.

    Raises
    ------
    CRSError
        If the CRS cannot measure areas.
    UsageError
        If the radius is not above 0, or there are points.

    Examples
    --------
    >>> homes = gpd.GeoSeries([shapely.box(-5, -5, 5, 5)], crs=32638)
    >>> surroundings_coverage(homes, around_m=20).round(3).tolist()
    [0.08]
    """
    require_projected(parse_crs(buildings.crs, what="buildings"), what="buildings")
    shapes = np.asarray(buildings.array, dtype=object)
    if not around_m > 0 or not np.isin(shapely.get_type_id(shapes), (3, 6)).all():
        raise UsageError("the ground around buildings is told of footprints and a distance above 0")
    chosen = np.arange(len(shapes)) if of is None else np.flatnonzero(of)
    centres = shapely.centroid(shapes[chosen])
    circles = shapely.buffer(centres, around_m, quad_segs=_QUARTER)
    areas = shapely.area(shapes)
    covered = np.zeros(len(chosen))
    tree = shapely.STRtree(shapes)
    # inside the circle with all its corners, whatever it looks like within
    inner = (around_m * np.cos(np.pi / (4 * _QUARTER))) ** 2
    bounds = shapely.bounds(shapes)
    x, y = shapely.get_x(centres), shapely.get_y(centres)
    step = max(1, _MOST_PAIRS // 64)
    for first in range(0, len(chosen), step):
        circle, other = tree.query(circles[first : first + step], predicate="intersects")
        circle = circle + first
        dx = np.maximum(np.abs(bounds[other, 0] - x[circle]), np.abs(bounds[other, 2] - x[circle]))
        dy = np.maximum(np.abs(bounds[other, 1] - y[circle]), np.abs(bounds[other, 3] - y[circle]))
        inside = dx**2 + dy**2 <= inner
        shared = np.where(inside, areas[other], 0.0)
        cut = np.flatnonzero(~inside)
        shared[cut] = shapely.area(shapely.intersection(circles[circle[cut]], shapes[other[cut]]))
        order = np.lexsort((other, circle))
        np.add.at(covered, circle[order], shared[order])
    share = np.minimum(covered / shapely.area(circles), 1.0)
    return pd.Series(share, index=buildings.index[chosen], name="coverage_share")
