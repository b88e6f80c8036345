"""Morphological tessellation: the ground that lies nearer to a building than to any other, up to a limit."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo_profiling.crs import parse_crs, require_projected
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding

Geometries: TypeAlias = NDArray[np.object_]
Integers: TypeAlias = NDArray[np.int64]

#: Footprints are drawn in by this much, so that the cells of buildings that touch meet between them.
SHRINK_M = 0.4
#: Longest stretch of an outline between two of the points that stand for it.
SEGMENT_M = 0.5
#: Coordinates are rounded to this first: GEOS' diagram is steady then.
_PRECISION_M = 1e-5
_POLYGON = 3


def tessellation_cells(
    footprints: gpd.GeoDataFrame,
    limit: shapely.Polygon | shapely.MultiPolygon,
    *,
    shrink_m: float = SHRINK_M,
    segment_m: float = SEGMENT_M,
    name: str = "buildings",
) -> tuple[gpd.GeoSeries, list[Finding]]:
    """Divide the ground within a limit between the buildings: each gets what lies nearest to its outline.

    Definition: outlines are drawn in by ``shrink_m`` and cut into points at most ``segment_m`` apart;
    the Voronoi polygons of a building's points are joined, clipped to the limit, and the steps of
    their borders smoothed together (coverage simplification with a tolerance of half the segment).

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons in a projected CRS in metres.
    limit : shapely.Polygon or shapely.MultiPolygon
        Where cells end, in the same CRS.
    shrink_m, segment_m : float
        Metres.
    name : str
        For messages.

    Returns
    -------
    cells : geopandas.GeoSeries
        On the index of ``footprints``; missing where a building lies outside the limit or under others.
    findings : list of Finding
        Buildings too thin to be drawn in (they keep their outline; momepy loses them) and buildings
        without a cell.

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.
    InputError
        If there are no buildings.

    References
    ----------
    Fleischmann et al. (2020), doi:10.1016/j.compenvurbsys.2019.101441; momepy 0.11
    ``morphological_tessellation`` with its defaults gives the same cells.

    Examples
    --------
    >>> from shapely import box
    >>> row = gpd.GeoDataFrame(geometry=[box(x, 2, x + 4, 8) for x in (3, 13)], crs="EPSG:32638")
    >>> cells, findings = tessellation_cells(row, box(0, 0, 20, 10))
    >>> cells.area.round(6).tolist(), findings
    ([100.0, 100.0], [])
    """
    crs = parse_crs(footprints.crs, what=name)
    require_projected(crs, what=name)
    if len(footprints) == 0:
        raise InputError(f"{name}: no buildings to divide the ground between", hint="check file, layer and filter")
    geometries = shapely.set_precision(np.asarray(footprints.geometry.array, dtype=object), _PRECISION_M)
    order = _widest_first(geometries)
    inner, kept_whole = _drawn_in(geometries[order], shrink_m)
    points, owner = _points(inner, segment_m)
    polygons, of = _nearest_ground(inner, points, owner, limit)
    joined = _joined(polygons, of)
    shapes, cell_of = _clipped(joined, np.unique(of), limit)
    smooth = shapely.coverage_simplify(shapes, tolerance=segment_m / 2, simplify_boundary=False)
    cells = np.full(len(footprints), None, dtype=object)
    cells[order[cell_of]] = smooth
    findings = _findings(footprints, order[kept_whole], np.flatnonzero(shapely.is_missing(cells)), name)
    return gpd.GeoSeries(cells, index=footprints.index, crs=crs), findings


def _widest_first(geometries: Geometries) -> Integers:
    """Give an order that does not depend on the order of the rows: smoothing decides ties by it."""
    left, bottom, right, top = shapely.bounds(geometries).T
    return np.lexsort((top, right, bottom, left, left - right))


def _drawn_in(geometries: Geometries, shrink_m: float) -> tuple[Geometries, Integers]:
    """Outlines drawn in, and the positions of those that would have vanished and were kept whole."""
    if shrink_m == 0:
        return geometries, np.zeros(0, dtype=np.int64)
    inner = np.asarray(shapely.buffer(geometries, -shrink_m, cap_style="flat", join_style="mitre"), dtype=object)
    gone = np.flatnonzero(shapely.is_empty(inner))
    inner[gone] = geometries[gone]
    return inner, gone.astype(np.int64)


def _points(geometries: Geometries, segment_m: float) -> tuple[NDArray[np.float64], Integers]:
    """Points along the outlines and the building of each; points that two buildings share are the first's."""
    coordinates, owner = shapely.get_coordinates(shapely.segmentize(geometries, segment_m), return_index=True)
    _, first = np.unique(coordinates, axis=0, return_index=True)
    first.sort()
    return coordinates[first], owner[first].astype(np.int64)


def _nearest_ground(
    inner: Geometries, points: NDArray[np.float64], owner: Integers, limit: shapely.Geometry
) -> tuple[Geometries, Integers]:
    """Voronoi polygons and the building of each, by building."""
    # a line holds the points as well as a multipoint and is made in a hundredth of the time
    diagram = shapely.voronoi_polygons(shapely.linestrings(points), extend_to=limit, ordered=True)
    polygons = np.asarray(shapely.get_parts(diagram), dtype=object)
    broken = ~shapely.is_valid(polygons)
    polygons[broken] = shapely.make_valid(polygons[broken])
    # Ground under two footprints at once goes to both, as their outlines are mixed up there.
    one, other = shapely.STRtree(inner).query(inner, predicate="intersects")
    mixed = np.unique(one[one != other])
    clear = ~np.isin(owner, mixed)
    building, polygon = shapely.STRtree(polygons).query(inner[mixed], predicate="intersects")
    of = np.concatenate([owner[clear], mixed[building]])
    at = np.concatenate([np.flatnonzero(clear), polygon])
    order = np.lexsort((at, of))
    return polygons[at[order]], of[order]


def _joined(polygons: Geometries, of: Integers) -> Geometries:
    """Join the polygons of each building (sorted by building)."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(of)) + 1, [of.size]])
    joined = np.empty(starts.size - 1, dtype=object)
    for at, (start, stop) in enumerate(pairwise(starts)):
        try:
            joined[at] = shapely.coverage_union_all(polygons[start:stop])
        except shapely.GEOSException:
            # Rounding now and then leaves two polygons of a diagram with a hair in common.
            joined[at] = shapely.union_all(polygons[start:stop])
    broken = ~shapely.is_valid(joined)
    joined[broken] = shapely.make_valid(joined[broken])
    return joined


def _clipped(cells: Geometries, of: Integers, limit: shapely.Geometry) -> tuple[Geometries, Integers]:
    """Cut the cells at the limit; leave out those beyond it."""
    tree = shapely.STRtree(cells)
    inside = tree.query(limit, predicate="intersects")
    border = tree.query(shapely.boundary(limit), predicate="intersects")
    cells[border] = shapely.intersection(cells[border], limit)
    kept = np.sort(inside)
    kept = kept[(shapely.area(cells[kept]) > 0) & np.isin(shapely.get_type_id(cells[kept]), (_POLYGON, 6))]
    return cells[kept], of[kept]


def _findings(footprints: gpd.GeoDataFrame, whole: Integers, missing: Integers, name: str) -> list[Finding]:
    findings = []
    if whole.size:
        message = f"{whole.size:,} buildings are too thin to be drawn in for the tessellation and keep their outline"
        findings.append(Finding("note", name, "", message, ""))
    if missing.size:
        shown = ", ".join(str(footprints.index[row]) for row in missing[:5])
        message = f"{missing.size:,} buildings have no cell: they lie outside the limit or under other buildings"
        findings.append(Finding("warning", name, f"footprints {shown}", message, "check limit and overlaps"))
    return findings
