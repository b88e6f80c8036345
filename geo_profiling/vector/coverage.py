"""Whether polygons cover the ground once: overlaps and holes, told with counts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.findings import Finding
from geo_profiling.vector.contiguity import MIN_EDGE_TOLERANCES, Contiguity

_LISTED = 3
Geometries = NDArray[np.object_]


def coverage_findings(polygons: gpd.GeoSeries, contiguity: Contiguity, *, name: str) -> list[Finding]:
    """Find polygons that overlap, and holes that they leave between them.

    Only overlaps and holes larger than a square of ten tolerances count: less is the noise of
    digitising. A lake between polygons is a hole as a missing polygon is; the outer border is none.

    Parameters
    ----------
    polygons : geopandas.GeoSeries
        Indexed by their ids.
    contiguity : Contiguity
        Of the same polygons.
    name : str
        What messages call them.

    Returns
    -------
    list of Finding
        At most one warning of overlaps and one of holes, with counts and the largest by name.

    Examples
    --------
    >>> from shapely import box
    >>> from geo_profiling.vector.contiguity import rook_contiguity
    >>> squares = gpd.GeoSeries([box(0, 0, 9, 9), box(5, 0, 14, 9)], index=["a", "b"], crs="EPSG:3035")
    >>> str(coverage_findings(squares, rook_contiguity(squares), name="units.gpkg")[0])
    'units.gpkg: 1 pairs of units overlap, the largest: a and b (44.4 % of the smaller)'
    """
    geometries = np.asarray(polygons.array, dtype=object)
    smallest = (MIN_EDGE_TOLERANCES * contiguity.tolerance) ** 2
    found = _overlaps(geometries, polygons.index, contiguity, smallest, name)
    return [*found, *_holes(geometries, contiguity, smallest, name)]


def _overlaps(
    geometries: Geometries, ids: pd.Index, contiguity: Contiguity, smallest: float, name: str
) -> list[Finding]:
    # Where two polygons overlap, the free border of one runs inside the other, or they are the same.
    segments = contiguity.free_segments
    middle = np.asarray(shapely.points((segments[:, :2] + segments[:, 2:]) / 2), dtype=object)
    points = np.concatenate([middle, shapely.point_on_surface(geometries)])
    around, point = shapely.STRtree(points).query(geometries, predicate="contains_properly")
    # A polygon contains no point of its own border; its inner point says nothing.
    suspects = np.unique(around[point - middle.size != around])
    if suspects.size == 0:
        return []
    one, other = shapely.STRtree(geometries).query(geometries[suspects], predicate="intersects")
    one = suspects[one]
    first, second = np.minimum(one, other), np.maximum(one, other)
    pairs = np.unique(np.stack([first, second])[:, first != second], axis=1)
    areas = shapely.area(shapely.intersection(geometries[pairs[0]], geometries[pairs[1]]))
    pairs, areas = pairs[:, areas > smallest], areas[areas > smallest]
    if areas.size == 0:
        return []
    whole = np.minimum(*shapely.area(geometries[pairs]))
    largest = np.argsort(-areas / whole, kind="stable")[:_LISTED]
    shown = ", ".join(
        f"{ids[pairs[0, i]]} and {ids[pairs[1, i]]} ({100 * areas[i] / whole[i]:.1f} % of the smaller)" for i in largest
    )
    message = f"{areas.size:,} pairs of units overlap, the largest: {shown}"
    remedy = "correct their borders: people and ground in both count twice"
    return [Finding("warning", name, "", message, remedy)]


def _holes(geometries: Geometries, contiguity: Contiguity, smallest: float, name: str) -> list[Finding]:
    lines = np.asarray(shapely.linestrings(contiguity.free_segments.reshape(-1, 2, 2)), dtype=object)
    faces = shapely.get_parts(shapely.polygonize(lines))
    faces = faces[shapely.area(faces) > smallest]
    inner = shapely.point_on_surface(faces)
    is_covered = np.zeros(faces.size, bool)
    is_covered[shapely.STRtree(geometries).query(inner, predicate="intersects")[0]] = True
    holes, inner = faces[~is_covered], inner[~is_covered]
    if holes.size == 0:
        return []
    largest = np.argsort(-shapely.area(holes), kind="stable")[:_LISTED]
    shown = ", ".join(f"({shapely.get_x(inner[i]):.7g}, {shapely.get_y(inner[i]):.7g})" for i in largest)
    share = shapely.area(holes[largest[0]]) / float(np.median(shapely.area(geometries)))
    message = f"{holes.size:,} holes lie between the units, the largest ({share:.2%} of a typical unit) at {shown}"
    return [Finding("warning", name, "", message, "nothing, if these are lakes or foreign; else add the missing units")]
