"""Metres of streets, railways and other lines in the bands of a hazard.

Lines are cut where they cross the edges of cells, in the coordinates of the grid; the pieces are
measured in a metric CRS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_projected, require_same, same_crs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.hazard.exposure import BandTotals
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.sampling import OFF_GRID, cell_values, class_codes
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import Source
from geo_profiling.vector.reproject import reproject

_LINEAR = (1, 5)
_COLLECTION = 7


@dataclass(frozen=True)
class LinePieces:
    """Lines cut at the edges of cells.

    Attributes
    ----------
    line : ndarray of int64, shape (pieces,)
        Position of the line, along which its pieces follow each other.
    row, column : ndarray of int64, shape (pieces,)
        Of the cell; -1 off the grid.
    length_m : ndarray of float64, shape (pieces,)
        Above 0.
    """

    line: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    length_m: NDArray[np.float64]


def split_lines(lines: gpd.GeoSeries, grid: Grid, *, length_crs: CRS) -> LinePieces:
    """Cut lines where they cross the edges of a grid's cells and measure the pieces.

    Parameters
    ----------
    lines : geopandas.GeoSeries
        Lines and multilines in the CRS of the grid.
    grid : Grid
        Whose cells cut; ground off the grid is one place.
    length_crs : pyproj.CRS
        Projected, in metres: the ends of the pieces are measured in it.

    Returns
    -------
    LinePieces
        Pieces without length are left out. A piece that runs along an edge belongs to the cell right of it
        or below it.

    Raises
    ------
    CRSError
        If lines and grid differ in CRS, or lengths cannot be measured in ``length_crs``.
    InputError
        If a line is missing, empty, no line, or has no place in ``length_crs``.

    Examples
    --------
    >>> from affine import Affine
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 200), (2, 2))
    >>> road = gpd.GeoSeries.from_wkt(["LINESTRING (50 150, 250 150)"], crs=32638)
    >>> pieces = split_lines(road, grid, length_crs=grid.crs)
    >>> pieces.column, pieces.length_m
    (array([ 0,  1, -1]), array([ 50., 100.,  50.]))
    """
    require_same(parse_crs(lines.crs, what="lines"), grid.crs, what="lines and grid")
    require_projected(length_crs, what="lengths of lines")
    segments, line = _segments(lines)
    left, top = grid.transform.c, grid.transform.f
    in_cells = np.empty_like(segments)
    in_cells[:, 0::2] = (segments[:, 0::2] - left) / grid.transform.a
    in_cells[:, 1::2] = (segments[:, 1::2] - top) / grid.transform.e
    counts = _count_pieces(in_cells, grid.shape)
    starts = np.concatenate([[0], np.cumsum(counts)])
    along, cells = np.empty((starts[-1], 2)), np.empty((starts[-1], 2), np.int64)
    used = _cut(in_cells, grid.shape, starts, along, cells)
    kept = _kept(starts, used)
    along, cells, of = along[kept], cells[kept], np.repeat(np.arange(len(segments)), used)
    length = _lengths(segments, of, along, grid.crs, length_crs)
    _require_measured(length, line[of], lines)
    has_length = length > 0
    return LinePieces(line[of][has_length], cells[has_length, 0], cells[has_length, 1], length[has_length])


def line_lengths(
    lines: gpd.GeoSeries,
    hazards: Sequence[Source],
    zones: gpd.GeoDataFrame,
    *,
    kind: HazardKind,
    length_crs: CRS,
    compute: Compute | None = None,
) -> BandTotals:
    """Metres of lines in each class of each hazard raster, by zone.

    Lines are cut at the borders of zones, then at the edges of cells. A line that runs along the border of
    two zones counts in both.

    Parameters
    ----------
    lines : geopandas.GeoSeries
        Lines and multilines, in any CRS; only their vertices are reprojected.
    hazards : sequence of Source
        One raster for each event.
    zones : geopandas.GeoDataFrame
        Polygons, in any CRS.
    kind : HazardKind
        How the hazards' numbers are read.
    length_crs : pyproj.CRS
        Projected, in metres, for example the local UTM zone.
    compute : Compute, optional
        Where rasters are read.

    Returns
    -------
    BandTotals
        In metres, in the order of ``zones`` and ``hazards``.

    Raises
    ------
    CRSError
        If lengths cannot be measured in ``length_crs``.
    InputError
        If a line cannot be used.
    ValueRangeError
        If a depth cannot be meant in the unit.
    UsageError
        If there is no hazard.

    Examples
    --------
    >>> from affine import Affine
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> depth = ArraySource(wrap(np.array([[0.0, 0.6]]), grid), "depth")
    >>> road = gpd.GeoSeries.from_wkt(["LINESTRING (50 50, 250 50)"], crs=32638)
    >>> zone = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 300, 100)], crs=32638)
    >>> found = line_lengths(road, [depth], zone, kind=HazardKind("flood"), length_crs=grid.crs)
    >>> found.of("dry"), found.of("0.5-1.5"), found.of("outside")
    (array([[50.]]), array([[100.]]), array([[50.]]))
    """
    if not hazards:
        raise UsageError("no hazard raster is given")
    compute = compute or Compute()
    n_classes = len(kind.bands.classes)
    values = np.zeros((len(zones), len(hazards), n_classes))
    split: tuple[Grid, LinePieces, NDArray[np.int64]] | None = None
    for at, source in enumerate(hazards):
        if split is None or not split[0].aligned_with(source.grid):
            split = (source.grid, *_split_in_zones(lines, zones, source.grid, length_crs))
        _, pieces, zone = split
        found = cell_values(source, pieces.row, pieces.column, compute=compute)
        codes = class_codes(found, pieces.row == OFF_GRID, kind=kind, name=source.name)
        sums = np.bincount(zone * n_classes + codes, weights=pieces.length_m, minlength=len(zones) * n_classes)
        values[:, at] = sums.reshape(len(zones), n_classes)
    return BandTotals(values, kind.bands, zones.index)


def _split_in_zones(
    lines: gpd.GeoSeries, zones: gpd.GeoDataFrame, grid: Grid, length_crs: CRS
) -> tuple[LinePieces, NDArray[np.int64]]:
    """Return the pieces of lines in zones, and the zone of each."""
    placed = reproject(gpd.GeoDataFrame(geometry=lines), grid.crs).geometry.to_numpy()
    polygons = reproject(zones, grid.crs).geometry.to_numpy()
    zone, line = shapely.STRtree(placed).query(polygons, predicate="intersects")
    order = np.lexsort((line, zone))
    zone, line = zone[order], line[order]
    shapely.prepare(polygons)
    parts = placed[line].copy()
    crosses = ~shapely.covers(polygons[zone], parts)
    parts[crosses] = _only_lines(shapely.intersection(parts[crosses], polygons[zone[crosses]]))
    has_length = ~shapely.is_empty(parts)
    zone, parts = zone[has_length], parts[has_length]
    pieces = split_lines(gpd.GeoSeries(parts, crs=grid.crs), grid, length_crs=length_crs)
    return pieces, zone[pieces.line].astype(np.int64)


def _only_lines(parts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Leave out the points in which a line only touches a zone."""
    kinds = shapely.get_type_id(parts)
    out = parts.copy()
    out[~np.isin(kinds, _LINEAR)] = shapely.from_wkt("LINESTRING EMPTY")
    for at in np.flatnonzero(kinds == _COLLECTION):
        members = shapely.get_parts(parts[at])
        out[at] = shapely.union_all(members[np.isin(shapely.get_type_id(members), _LINEAR)])
    return out


def _segments(lines: gpd.GeoSeries) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return both ends (x, y, x, y) of every straight part, and its line."""
    geometries = lines.to_numpy()
    bad = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    bad |= ~np.isin(shapely.get_type_id(geometries), _LINEAR)
    if bad.any():
        raise InputError(f"lines: line {lines.index[int(np.argmax(bad))]!r} is no line", hint="leave it out")
    parts, line_of_part = shapely.get_parts(geometries, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    joined = part[1:] == part[:-1]
    segments = np.concatenate([points[:-1][joined], points[1:][joined]], axis=1)
    return np.ascontiguousarray(segments), line_of_part[part[:-1][joined]].astype(np.int64)


def _kept(starts: NDArray[np.int64], used: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the pieces that were written, of the room there was for them."""
    first = np.cumsum(used) - used
    return np.repeat(starts[:-1] - first, used) + np.arange(used.sum())


def _lengths(
    segments: NDArray[np.float64], of: NDArray[np.int64], along: NDArray[np.float64], crs: CRS, length_crs: CRS
) -> NDArray[np.float64]:
    """Measure pieces, given by the shares of their segments where they begin and end."""
    base = segments[of]
    step = base[:, 2:] - base[:, :2]
    ends = []
    for at in range(2):
        share = along[:, at, None]
        # the far end itself, not what rounding makes of it: the next segment begins there
        ends.append(np.where(share == 1.0, base[:, 2:], base[:, :2] + share * step))
    if not same_crs(crs, length_crs):
        transformer = Transformer.from_crs(crs, length_crs, always_xy=True)
        ends = [np.stack(transformer.transform(end[:, 0], end[:, 1]), axis=1) for end in ends]
    return np.asarray(np.hypot(*(ends[1] - ends[0]).T))


def _require_measured(length: NDArray[np.float64], line: NDArray[np.int64], lines: gpd.GeoSeries) -> None:
    bad = ~np.isfinite(length)
    if bad.any():
        first = lines.index[line[int(np.argmax(bad))]]
        raise InputError(
            f"lines: line {first!r} has no place in the CRS lengths are measured in",
            hint="measure in a CRS made for this place, and check the lines' CRS",
        )


@njit(nogil=True, cache=True)
def _crossed(first: float, second: float, size: int) -> tuple[int, int]:
    """First edge and the one after the last that a segment crosses between two coordinates."""
    low, high = min(first, second), max(first, second)
    begin = int(np.floor(min(max(low, -1.0), size + 1.0))) + 1
    end = int(np.ceil(min(max(high, -1.0), size + 1.0)))
    return begin, max(begin, end)


@njit(nogil=True, cache=True)
def _count_pieces(segments: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Most pieces that each segment can have."""
    counts = np.empty(len(segments), np.int64)
    for i in range(len(segments)):
        left, right = _crossed(segments[i, 0], segments[i, 2], shape[1])
        top, bottom = _crossed(segments[i, 1], segments[i, 3], shape[0])
        counts[i] = 1 + right - left + bottom - top
    return counts


@njit(nogil=True, cache=True)
def _cut(
    segments: NDArray[np.float64],
    shape: tuple[int, int],
    starts: NDArray[np.int64],
    along: NDArray[np.float64],
    cells: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Write where pieces begin and end, as shares of their segment, and their cells; give their numbers."""
    used = np.zeros(len(segments), np.int64)
    for i in range(len(segments)):
        u0, v0, u1, v1 = segments[i, 0], segments[i, 1], segments[i, 2], segments[i, 3]
        du, dv = u1 - u0, v1 - v0
        left, right = _crossed(u0, u1, shape[1])
        top, bottom = _crossed(v0, v1, shape[0])
        column = left if du > 0 else right - 1
        row = top if dv > 0 else bottom - 1
        at = 0.0
        while at < 1.0:
            # the next edge in either direction, or the end
            to_column = (column - u0) / du if left <= column < right else 2.0
            to_row = (row - v0) / dv if top <= row < bottom else 2.0
            until = min(to_column, to_row, 1.0)
            if to_column <= until:
                column += 1 if du > 0 else -1
            if to_row <= until:
                row += 1 if dv > 0 else -1
            if until > at:
                place = starts[i] + used[i]
                along[place, 0], along[place, 1] = at, until
                middle = 0.5 * (at + until)
                u, v = np.floor(u0 + middle * du), np.floor(v0 + middle * dv)
                inside = 0 <= u < shape[1] and 0 <= v < shape[0]
                cells[place, 0] = int(v) if inside else -1
                cells[place, 1] = int(u) if inside else -1
                used[i] += 1
                at = until
    return used
