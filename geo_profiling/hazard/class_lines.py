"""Metres of streets, railways and other lines in polygons of risk classes, cut exactly at their borders."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.crs import parse_crs, require_projected
from geo_profiling.errors import InputError
from geo_profiling.hazard.risk_classes import NONE
from geo_profiling.vector.reproject import reproject

_LINEAR, _POLYGONAL = (1, 5), (3, 6)


def lengths_by_class(
    lines: gpd.GeoSeries, areas: gpd.GeoSeries, zones: gpd.GeoDataFrame, *, length_crs: CRS
) -> pd.DataFrame:
    """Measure lines in each class and zone.

    Lines are cut at the borders of zones, then of classes. What runs along the border of two classes is of the
    worse one; what runs along the border of two zones counts in both, as with rasters.

    Parameters
    ----------
    lines : GeoSeries
        Lines and multilines, in any CRS; only vertices are reprojected, of polygons too.
    areas : GeoSeries
        Ground of the classes from the mildest to the worst, no spot in two of them, as of
        :func:`geo_profiling.hazard.risk_classes.class_areas`; in any CRS.
    zones : GeoDataFrame
        Polygons, in any CRS.
    length_crs : CRS
        Projected, in metres, in which lines are cut at the borders of classes and measured.

    Returns
    -------
    DataFrame
        Metres on the index of ``zones``; a column a class, ``none`` for what is in none, and ``total``, their sum.

    Raises
    ------
    CRSError
        If lengths cannot be measured in ``length_crs``.
    InputError
        If a line is missing, empty or none.

    Examples
    --------
    >>> road = gpd.GeoSeries.from_wkt(["LINESTRING (0 5, 100 5)"], crs=32638)
    >>> areas = gpd.GeoSeries([shapely.box(0, 0, 30, 10)], index=["R4"], crs=32638)
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 80, 10)], crs=32638)
    >>> lengths_by_class(road, areas, zones, length_crs=CRS(32638)).to_dict("records")
    [{'R4': 30.0, 'none': 50.0, 'total': 80.0}]
    """
    require_projected(length_crs, what="lengths of lines")
    # zones cut in their own CRS, where their borders are straight
    zones_crs = parse_crs(zones.crs, what="zones")
    inside, zone = _in_zones(_checked(lines, zones_crs), np.asarray(zones.geometry.array, dtype=object))
    rest = _placed(gpd.GeoSeries(inside, crs=zones_crs), length_crs)
    found = np.zeros((len(zones), len(areas)))
    ground = _placed(areas, length_crs)
    for at in reversed(range(len(ground))):
        polygons = shapely.get_parts(ground[at])
        polygons = polygons[np.isin(shapely.get_type_id(polygons), _POLYGONAL)]
        polygon, piece = shapely.STRtree(rest).query(polygons, predicate="intersects")
        order = np.lexsort((polygon, piece))
        touched, which = np.unique(piece[order], return_inverse=True)
        if len(touched) == 0:
            continue
        around = shapely.multipolygons(polygons[polygon[order]], indices=which)
        in_class = shapely.intersection(rest[touched], around)
        np.add.at(found[:, at], zone[touched], shapely.length(in_class))
        rest[touched] = _only_lines(shapely.difference(rest[touched], around))
    table = pd.DataFrame(found, index=zones.index, columns=areas.index.to_list())
    table[NONE] = np.bincount(zone, weights=shapely.length(rest), minlength=len(zones))
    table["total"] = table.sum(axis=1)
    return table


def _placed(shapes: gpd.GeoSeries, crs: CRS) -> NDArray[np.object_]:
    frame = reproject(gpd.GeoDataFrame(geometry=shapes.array, crs=shapes.crs), crs)
    return np.asarray(frame.geometry.array, dtype=object)


def _checked(lines: gpd.GeoSeries, crs: CRS) -> NDArray[np.object_]:
    shapes = np.asarray(lines.array, dtype=object)
    bad = shapely.is_missing(shapes) | shapely.is_empty(shapes) | ~np.isin(shapely.get_type_id(shapes), _LINEAR)
    if bad.any():
        raise InputError(f"lines: line {lines.index[int(np.argmax(bad))]!r} is no line", hint="leave it out")
    return _placed(lines, crs)


def _in_zones(lines: NDArray[np.object_], zones: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the parts of lines in zones, and the zone of each."""
    zone, line = shapely.STRtree(lines).query(zones, predicate="intersects")
    order = np.lexsort((line, zone))
    zone, parts = zone[order], lines[line[order]]
    shapely.prepare(zones)
    crosses = ~shapely.covers(zones[zone], parts)
    parts[crosses] = _only_lines(shapely.intersection(parts[crosses], zones[zone[crosses]]))
    kept = ~shapely.is_empty(parts)
    return parts[kept], zone[kept].astype(np.int64)


def _only_lines(parts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Leave out the points in which a line only touches a polygon."""
    members, of = shapely.get_parts(parts, return_index=True)
    is_line = np.isin(shapely.get_type_id(members), _LINEAR)
    out = np.full(len(parts), shapely.from_wkt("MULTILINESTRING EMPTY"), dtype=object)
    owners, which = np.unique(of[is_line], return_inverse=True)
    if len(owners):
        out[owners] = shapely.multilinestrings(shapely.get_parts(members[is_line]), indices=which)
    return out
