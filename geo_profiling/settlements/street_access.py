"""How far a building is from a street, and how many buildings stand between."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.crs import require_same
from geo_profiling.errors import InputError
from geo_profiling.settlements.local_crs import require_local_conformal

#: Beyond this distance the way to the road is not looked at: the count is :data:`FAR_COUNT`.
FAR_M = 250.0
FAR_COUNT = 10


def street_distance(buildings: gpd.GeoSeries, streets: gpd.GeoSeries) -> pd.Series:
    """Measure the distance from each building's centroid to the nearest street.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Polygons or points, in a local conformal CRS.
    streets : geopandas.GeoSeries
        Lines of the access streets, in the same CRS.

    Returns
    -------
    pandas.Series
        ``street_dist_m`` on the index of the buildings, in metres.

    Raises
    ------
    CRSError
        If a CRS is not a local conformal one, or they differ.
    InputError
        If there are no streets.

    Examples
    --------
    >>> from shapely import LineString, Point
    >>> street = gpd.GeoSeries([LineString([(6e5, 8e6), (600_100, 8e6)])], crs="EPSG:32735")
    >>> street_distance(gpd.GeoSeries([Point(600_050, 8_000_030)], crs="EPSG:32735"), street).tolist()
    [30.0]
    """
    points, lines = _checked(buildings, streets)
    metres = np.full(len(points), np.nan)
    (point, _), distance = shapely.STRtree(lines).query_nearest(points, all_matches=False, return_distance=True)
    metres[point] = distance
    return pd.Series(metres, index=buildings.index, name="street_dist_m")


def buildings_between(
    buildings: gpd.GeoSeries, streets: gpd.GeoSeries, *, far_m: float = FAR_M, far_count: int = FAR_COUNT
) -> pd.Series:
    """Count the buildings between each building and the nearest road.

    Definition: the other footprints that the shortest line from the building's centroid to the
    nearest road touches; ``far_count`` where the road is farther than ``far_m``. It reads a straight
    line, where the layer of :mod:`geo_profiling.settlements.complexity` reads plots.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Footprints, in a local conformal CRS. Points take no room and stand in nobody's way: of a
        layer of points the count is unknown.
    streets : geopandas.GeoSeries
        Motorable roads, in the same CRS.
    far_m : float
        In metres.
    far_count : int

    Returns
    -------
    pandas.Series
        ``buildings_between`` (Int64) on the index of the buildings, NULL where unknown.

    Raises
    ------
    CRSError
        If a CRS is not a local conformal one, or they differ.
    InputError
        If there are no streets.

    References
    ----------
    IDEAMAPS Data Ecosystem, road access domain: mean above 1 in a cell of 100 m is high deprivation.

    Examples
    --------
    >>> from shapely import LineString, box
    >>> street = gpd.GeoSeries([LineString([(6e5, 8e6), (600_100, 8e6)])], crs="EPSG:32735")
    >>> row = [box(600_010, 8_000_000 + y, 600_020, 8_000_008 + y) for y in (5, 15, 25)]
    >>> buildings_between(gpd.GeoSeries(row, crs="EPSG:32735"), street).tolist()
    [0, 1, 2]
    """
    points, lines = _checked(buildings, streets)
    footprints = np.asarray(buildings.array, dtype=object)
    counts = np.zeros(len(points), np.int64)
    (point, line), distance = shapely.STRtree(lines).query_nearest(points, all_matches=False, return_distance=True)
    near = distance <= far_m
    counts[point[~near]] = far_count
    point, line = point[near], line[near]
    ways = shapely.shortest_line(points[point], lines[line])
    way, crossed = shapely.STRtree(footprints).query(ways, predicate="intersects")
    counts += np.bincount(point[way[crossed != point[way]]], minlength=len(points))
    known = shapely.get_dimensions(footprints) == 2
    result = pd.Series(counts, index=buildings.index, name="buildings_between", dtype="Int64")
    # A building that is a point hides none of the others, but others would be missed as well.
    return result if known.all() else result.mask(np.full(len(points), True))


def _checked(buildings: gpd.GeoSeries, streets: gpd.GeoSeries) -> tuple[np.ndarray, np.ndarray]:
    crs = require_local_conformal(buildings, what="buildings")
    require_same(streets.crs, crs, what="buildings and streets")
    lines = np.asarray(streets.array, dtype=object)
    if len(lines) == 0:
        raise InputError("streets: there are none", hint="give the lines of the access streets")
    return np.asarray(shapely.centroid(np.asarray(buildings.array, dtype=object)), dtype=object), lines
