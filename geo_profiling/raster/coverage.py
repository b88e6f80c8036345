"""Exact coverage: which share of every cell of a grid a polygon covers.

The scan conversion of font rasterisers in double precision. Every ring edge adds, to each cell it
crosses, the signed area between itself and the right-hand side of the cell, and hands the signed
height on to the next cell; a running sum along the row then is the covered share, and a zone's
interior costs nothing but that sum.

Work is cut into logical tiles (:data:`BAND_ROWS` x :data:`CHUNK_COLS` cells from the grid's own
origin). What a zone gets from a tile depends on the zone and the tile alone, never on how the raster
was read or by how many threads: partial results that are combined in tile order are identical bit by bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from geo_profiling.raster.grid import Grid, Window

#: Rows of a logical tile.
BAND_ROWS = 256
#: Columns of a logical tile.
CHUNK_COLS = 4096
#: A sliver thinner than this share of a cell does not cover the cell: a border that lies on a cell's
#: edge but for the rounding of its coordinates does not count the neighbour in.
SLIVER_CELLS = 1e-9
#: Cells of a window that one task reads when memory is not the limit (float32: 64 MiB).
UNIT_CELLS = 1 << 24
#: The least that can be read at once: one logical tile.
SMALLEST_UNIT_CELLS = BAND_ROWS * CHUNK_COLS
#: Highest read window, in rows: blocks taller than this are not worth their memory.
_UNIT_ROWS = 2048
#: Cells per mark: edges mark groups of cells, so that the sweep passes over untouched ones at once.
_GROUP = 16
#: Coverage this close to 1 is 1: the rounding of the running sum.
_FULL = 1.0 - 1e-12

#: A zone's part in one logical tile: its edges are ``edges[start:stop]``, its box in cells of the grid.
PIECE = np.dtype(
    [
        ("zone", np.int64),
        ("band", np.int64),
        ("chunk", np.int64),
        ("start", np.int64),
        ("stop", np.int64),
        ("row", np.int64),
        ("col", np.int64),
        ("rows", np.int64),
        ("cols", np.int64),
        ("sliver", np.float64),
    ],
    align=True,
)
_ENTRY = np.dtype(
    [
        ("zone", np.int64),
        ("band", np.int64),
        ("start", np.int64),
        ("stop", np.int64),
        ("left", np.float64),
        ("right", np.float64),
        ("top", np.float64),
        ("bottom", np.float64),
    ],
    align=True,
)


@dataclass(frozen=True)
class ZonePlan:
    """The edges of all zones, bucketed by row band, and the pieces they make with the logical tiles.

    Attributes
    ----------
    edges : ndarray of float64, shape (edges, 4)
        Column and row of both ends in cells of the grid, interiors on the right of a falling edge;
        grouped by band, then by zone. An edge that crosses a border of bands stands in both.
    pieces : ndarray of :data:`PIECE`
        Ordered by band, zone and chunk.
    area_cells : ndarray of float64, shape (zones,)
        Area of each zone in cells, on the grid and off it.
    """

    edges: NDArray[np.float64]
    pieces: NDArray[Any]
    area_cells: NDArray[np.float64]


@dataclass(frozen=True)
class Unit:
    """One task: a window to read and the pieces that lie in it.

    Attributes
    ----------
    window : Window
        The smallest window that holds the pieces.
    edges : ndarray of float64, shape (edges, 4)
        The edges that ``pieces`` point into.
    pieces : ndarray of :data:`PIECE`
        The zones' parts in the logical tiles of this unit.
    """

    window: Window
    edges: NDArray[np.float64]
    pieces: NDArray[Any]


def plan_zones(geometries: NDArray[Any], grid: Grid) -> ZonePlan:
    """Cut polygons into pieces by the logical tiles of a grid.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        Valid polygons and multipolygons in the CRS of the grid.
    grid : Grid
        The cells to be covered; what lies off the grid is left out.

    Returns
    -------
    ZonePlan
        Edges, pieces and areas.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 4000), (4, 4))
    >>> plan = plan_zones(np.array([shapely.box(500, 500, 2500, 1500)]), grid)
    >>> plan.area_cells, len(plan.pieces)
    (array([2.]), 1)
    """
    if len(geometries) == 0:
        return ZonePlan(np.empty((0, 4)), np.empty(0, PIECE), np.empty(0))
    columns, rows, rings, zone_rings, is_exterior = _rings(geometries, grid)
    flip, area, extent = _orient(columns, rows, rings, zone_rings, is_exterior)
    bands = -(-grid.shape[0] // BAND_ROWS)
    edge_counts, entry_counts = _count(rows, rings, zone_rings, grid.shape[0], bands)
    edges = np.empty((edge_counts.sum(), 4))
    entries = np.empty(entry_counts.sum(), _ENTRY)
    _fill(
        columns,
        rows,
        rings,
        zone_rings,
        flip,
        grid.shape[0],
        np.cumsum(edge_counts) - edge_counts,
        np.cumsum(entry_counts) - entry_counts,
        edges,
        entries,
    )
    return ZonePlan(edges, _pieces(entries, grid.shape, extent), area)


def plan_units(plan: ZonePlan, grid: Grid, *, block_shape: tuple[int, int], cells: int = UNIT_CELLS) -> list[Unit]:
    """Group the pieces of a plan into windows to read, each in whole blocks of the file where it can be.

    Parameters
    ----------
    plan : ZonePlan
        From :func:`plan_zones` on the same grid.
    grid : Grid
        The raster's grid.
    block_shape : tuple of int
        Rows and columns that the raster stores together.
    cells : int
        Largest window in cells, at least :data:`SMALLEST_UNIT_CELLS`. The results do not depend on it.

    Returns
    -------
    list of Unit
        Row by row. Where no zone is, nothing is read.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 4e6), (4000, 4000))
    >>> plan = plan_zones(np.array([shapely.box(500, 500, 2500, 1500)]), grid)
    >>> [unit.window for unit in plan_units(plan, grid, block_shape=(512, 512))]
    [Window(row=3998, col=0, height=2, width=3)]
    """
    if len(plan.pieces) == 0:
        return []
    bands, chunks = _unit_shape(grid.shape, block_shape, cells)
    across = -(-grid.shape[1] // (chunks * CHUNK_COLS))
    unit_of = (plan.pieces["band"] // bands) * across + plan.pieces["chunk"] // chunks
    order = np.argsort(unit_of, kind="stable")
    cuts = np.flatnonzero(np.diff(unit_of[order])) + 1
    return [_unit(plan.edges, plan.pieces[part]) for part in np.split(order, cuts)]


def coverage_fractions(geometry: Any, grid: Grid) -> NDArray[np.float64]:
    """Return the share of every cell of a grid that one polygon covers.

    Parameters
    ----------
    geometry : shapely.Polygon or shapely.MultiPolygon
        Valid, in the CRS of the grid.
    grid : Grid
        A small grid: the result is dense.

    Returns
    -------
    ndarray of float64, shape of the grid
        0 where the polygon is not, 1 where it covers the whole cell.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> coverage_fractions(shapely.box(500, 500, 2500, 1500), grid)
    array([[0.25, 0.5 , 0.25],
           [0.25, 0.5 , 0.25]])
    """
    plan = plan_zones(np.array([geometry], dtype=object), grid)
    out = np.zeros(grid.shape)
    if len(plan.pieces):
        _paint(plan.edges, plan.pieces, out)
    return out


def _rings(geometries: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], ...]:
    """Flat ring coordinates in cells of the grid, ring offsets, rings per zone and which are exterior."""
    _, coordinates, offsets = shapely.to_ragged_array(geometries, include_z=False)
    rings, polygons = (np.asarray(part, dtype=np.int64) for part in offsets[:2])
    parts = np.asarray(offsets[2], dtype=np.int64) if len(offsets) == 3 else np.arange(len(polygons))
    is_exterior = np.zeros(len(rings) - 1, dtype=np.bool_)
    is_exterior[polygons[:-1][polygons[:-1] < polygons[1:]]] = True
    columns = (coordinates[:, 0] - grid.transform.c) / grid.transform.a
    rows = (coordinates[:, 1] - grid.transform.f) / grid.transform.e
    return columns, rows, rings, polygons[parts], is_exterior


def _pieces(entries: NDArray[Any], shape: tuple[int, int], extent: NDArray[np.float64]) -> NDArray[Any]:
    """Cut the entries (zone, band) by chunks of columns."""
    first = np.clip(np.floor(entries["left"]), 0, shape[1]).astype(np.int64)
    last = np.clip(np.ceil(entries["right"]), 0, shape[1]).astype(np.int64)
    keep = last > first
    entries, first, last = entries[keep], first[keep], last[keep]
    first_chunk = first // CHUNK_COLS
    count = (last - 1) // CHUNK_COLS - first_chunk + 1
    of = np.repeat(np.arange(len(entries)), count)
    pieces = np.empty(len(of), PIECE)
    for name in ("zone", "band", "start", "stop"):
        pieces[name] = entries[name][of]
    pieces["chunk"] = first_chunk[of] + np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    pieces["col"] = np.maximum(first[of], pieces["chunk"] * CHUNK_COLS)
    pieces["cols"] = np.minimum(last[of], (pieces["chunk"] + 1) * CHUNK_COLS) - pieces["col"]
    pieces["row"] = np.floor(entries["top"]).astype(np.int64)[of]
    pieces["rows"] = np.ceil(entries["bottom"]).astype(np.int64)[of] - pieces["row"]
    pieces["sliver"] = SLIVER_CELLS * np.minimum(1.0, extent[pieces["zone"]])
    return pieces


def _unit_shape(shape: tuple[int, int], block_shape: tuple[int, int], cells: int) -> tuple[int, int]:
    """Bands and chunks that are read at once, in whole blocks where the block shape lets them be."""
    rows = math.lcm(BAND_ROWS, min(block_shape[0], shape[0]))
    # A window must hold whole rows where blocks do, else every row is decoded once for each window in it.
    if rows > _UNIT_ROWS or rows * min(shape[1], max(CHUNK_COLS, block_shape[1])) > cells:
        rows = BAND_ROWS
    across = -(-shape[1] // CHUNK_COLS)
    chunks = across if rows * shape[1] <= cells else max(1, cells // (rows * CHUNK_COLS))
    return rows // BAND_ROWS, chunks


def _unit(edges: NDArray[np.float64], pieces: NDArray[Any]) -> Unit:
    row, col = int(pieces["row"].min()), int(pieces["col"].min())
    height = int((pieces["row"] + pieces["rows"]).max()) - row
    width = int((pieces["col"] + pieces["cols"]).max()) - col
    start, stop = int(pieces["start"].min()), int(pieces["stop"].max())
    pieces = pieces.copy()
    pieces["start"] -= start
    pieces["stop"] -= start
    return Unit(Window(row, col, height, width), edges[start:stop], pieces)


@njit(nogil=True, cache=True)
def _orient(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    rings: NDArray[np.int64],
    zone_rings: NDArray[np.int64],
    is_exterior: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Which rings run the wrong way, and each zone's area and larger side, in cells."""
    flip = np.zeros(len(rings) - 1, dtype=np.bool_)
    area = np.zeros(len(zone_rings) - 1)
    extent = np.zeros(len(zone_rings) - 1)
    for zone in range(len(zone_rings) - 1):
        left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
        for ring in range(zone_rings[zone], zone_rings[zone + 1]):
            doubled = 0.0
            # relative to the ring's first vertex: a tiny ring far from the origin keeps its digits
            x0, y0 = columns[rings[ring]], rows[rings[ring]]
            for i in range(rings[ring], rings[ring + 1] - 1):
                x, y = columns[i] - x0, rows[i] - y0
                doubled += (columns[i + 1] - x0) * y - x * (rows[i + 1] - y0)
                left, right = min(left, columns[i]), max(right, columns[i])
                top, bottom = min(top, rows[i]), max(bottom, rows[i])
            flip[ring] = (doubled < 0) == is_exterior[ring]
            area[zone] += 0.5 * abs(doubled) * (1.0 if is_exterior[ring] else -1.0)
        extent[zone] = max(right - left, bottom - top)
    return flip, area, extent


@njit(nogil=True, cache=True)
def _bands_of(first: float, second: float, height: int) -> tuple[int, int]:
    """First band and the one after the last that the edge between two rows touches; equal if none."""
    low, high = min(first, second), max(first, second)
    if low == high or high <= 0.0 or low >= height:
        return 0, 0
    return int(max(low, 0.0)) // BAND_ROWS, int(np.ceil(min(high, height) / BAND_ROWS))


@njit(nogil=True, cache=True)
def _count(
    rows: NDArray[np.float64], rings: NDArray[np.int64], zone_rings: NDArray[np.int64], height: int, bands: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges, and zones with edges, in every band."""
    edge_counts = np.zeros(bands, dtype=np.int64)
    entry_counts = np.zeros(bands, dtype=np.int64)
    seen = np.full(bands, -1, dtype=np.int64)
    for zone in range(len(zone_rings) - 1):
        for ring in range(zone_rings[zone], zone_rings[zone + 1]):
            for i in range(rings[ring], rings[ring + 1] - 1):
                begin, end = _bands_of(rows[i], rows[i + 1], height)
                for band in range(begin, end):
                    edge_counts[band] += 1
                    if seen[band] != zone:
                        seen[band] = zone
                        entry_counts[band] += 1
    return edge_counts, entry_counts


@njit(nogil=True, cache=True)
def _fill(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    rings: NDArray[np.int64],
    zone_rings: NDArray[np.int64],
    flip: NDArray[np.bool_],
    height: int,
    edge_next: NDArray[np.int64],
    entry_next: NDArray[np.int64],
    edges: NDArray[np.float64],
    entries: NDArray[Any],
) -> None:
    """Sort the edges into bands (a counting sort, so zones stay in order within a band)."""
    seen = np.full(len(edge_next), -1, dtype=np.int64)
    for zone in range(len(zone_rings) - 1):
        for ring in range(zone_rings[zone], zone_rings[zone + 1]):
            for i in range(rings[ring], rings[ring + 1] - 1):
                begin, end = _bands_of(rows[i], rows[i + 1], height)
                a, b = (i + 1, i) if flip[ring] else (i, i + 1)
                for band in range(begin, end):
                    if seen[band] != zone:
                        seen[band] = zone
                        entry = entries[entry_next[band]]
                        entry_next[band] += 1
                        entry.zone, entry.band = zone, band
                        entry.start, entry.stop = edge_next[band], edge_next[band]
                        entry.left, entry.right, entry.top, entry.bottom = np.inf, -np.inf, np.inf, -np.inf
                    entry = entries[entry_next[band] - 1]
                    edge = edges[edge_next[band]]
                    edge_next[band] += 1
                    edge[0], edge[1], edge[2], edge[3] = columns[a], rows[a], columns[b], rows[b]
                    entry.stop += 1
                    entry.left = min(entry.left, columns[a], columns[b])
                    entry.right = max(entry.right, columns[a], columns[b])
                    first, last = float(band * BAND_ROWS), float(min((band + 1) * BAND_ROWS, height))
                    entry.top = min(entry.top, max(first, min(rows[a], rows[b])))
                    entry.bottom = max(entry.bottom, min(last, max(rows[a], rows[b])))


@njit(nogil=True, cache=True)
def add_edge(
    cover: NDArray[np.float64],
    marks: NDArray[np.uint8],
    shape: tuple[int, int],
    x0: float,
    y0: float,
    x1: float,
    y1: float,
) -> None:
    """Add one edge to the cover differences of a box of cells.

    Parameters
    ----------
    cover : ndarray of float64
        At least rows x (columns + 1) values, zero before the first edge.
    marks : ndarray of uint8
        At least rows x (columns // 16 + 1) values, zero before the first edge.
    shape : tuple of int
        Rows and columns of the box.
    x0, y0, x1, y1 : float
        Ends of the edge in cells from the box's upper left corner, anywhere on the plane. A falling
        edge (growing y) adds what lies right of it, a rising one takes it away.
    """
    sign = 1.0
    if y0 > y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
        sign = -1.0
    rows, cols = shape
    if y0 == y1 or y1 <= 0.0 or y0 >= rows:
        return
    slope = (x1 - x0) / (y1 - y0)
    low, high = min(x0, x1), max(x0, x1)
    stop = min(y1, float(rows))
    y, x = y0, x0
    if y0 < 0.0:
        y, x = 0.0, min(max(x0 - y0 * slope, low), high)
    row = int(y)
    while y < stop:
        y_next = min(row + 1.0, stop)
        x_next = x1 if y_next == y1 else min(max(x0 + (y_next - y0) * slope, low), high)
        _add_in_row(cover, marks, row, cols, min(x, x_next), max(x, x_next), sign * (y_next - y))
        y, x = y_next, x_next
        row += 1


@njit(nogil=True, cache=True)
def _add_in_row(
    cover: NDArray[np.float64],
    marks: NDArray[np.uint8],
    row: int,
    cols: int,
    low: float,
    high: float,
    fall: float,
) -> None:
    """Add the part of an edge within one row: from column ``low`` to ``high``, falling by ``fall``."""
    if low >= cols:
        return
    base = row * (cols + 1)
    marks_base = row * (cols // _GROUP + 1)
    if low < 0.0:
        # left of the box the whole height counts from the first column on
        part = fall if high <= 0.0 else fall * (-low / (high - low))
        cover[base] += part
        marks[marks_base] = 1
        if high <= 0.0:
            return
        fall -= part
        low = 0.0
    if high > cols:
        fall *= (cols - low) / (high - low)
        high = float(cols)
    col = int(low)
    marks[marks_base + col // _GROUP] = 1
    if high <= col + 1.0:
        mean = 0.5 * (low + high) - col
        cover[base + col] += fall * (1.0 - mean)
        cover[base + col + 1] += fall * mean
        marks[marks_base + (col + 1) // _GROUP] = 1
        return
    per_cell = fall / (high - low)
    while low < high:
        until = min(col + 1.0, high)
        part = per_cell * (until - low)
        mean = 0.5 * (low + until) - col
        cover[base + col] += part * (1.0 - mean)
        cover[base + col + 1] += part * mean
        marks[marks_base + (col + 1) // _GROUP] = 1
        low = until
        col += 1


@njit(nogil=True, cache=True)
def new_scratch(pieces: NDArray[Any]) -> tuple[Any, Any, Any, Any]:
    """Allocate what :func:`coverage_runs` needs for the largest of the pieces.

    Parameters
    ----------
    pieces : ndarray of :data:`PIECE`
        The pieces of one unit.

    Returns
    -------
    tuple of ndarray
        Cover differences, marks, run places (row, column, length) and run weights.
    """
    cover_size, marks_size, run_count = 1, 1, 1
    for piece in pieces:
        cover_size = max(cover_size, piece.rows * (piece.cols + 1))
        marks_size = max(marks_size, piece.rows * (piece.cols // _GROUP + 1))
        run_count = max(run_count, piece.rows * piece.cols)
    return (
        np.zeros(cover_size),
        np.zeros(marks_size, dtype=np.uint8),
        np.empty((run_count, 3), dtype=np.int32),
        np.empty(run_count),
    )


@njit(nogil=True, cache=True)
def coverage_runs(edges: NDArray[np.float64], piece: Any, scratch: tuple[Any, Any, Any, Any]) -> int:
    """Write the runs of equal coverage of one piece into the scratch.

    Parameters
    ----------
    edges : ndarray of float64, shape (edges, 4)
        The edges that the piece points into.
    piece : record of :data:`PIECE`
        A zone's part in one logical tile.
    scratch : tuple of ndarray
        From :func:`new_scratch`; the third array takes (row, column, length) of each run, in cells
        from the piece's box, the fourth its coverage, above 0 and at most 1.

    Returns
    -------
    int
        Number of runs, ordered by row and column. Cells that are not covered are in none.
    """
    cover, marks, runs, weights = scratch
    shape = (piece.rows, piece.cols)
    for i in range(piece.start, piece.stop):
        add_edge(
            cover,
            marks,
            shape,
            edges[i, 0] - piece.col,
            edges[i, 1] - piece.row,
            edges[i, 2] - piece.col,
            edges[i, 3] - piece.row,
        )
    count = 0
    groups = piece.cols // _GROUP + 1
    for row in range(piece.rows):
        share = 0.0
        base = row * (piece.cols + 1)
        for group in range(groups):
            start = group * _GROUP
            if marks[row * groups + group] == 0:
                length = min(_GROUP, piece.cols - start)
                count = _append_run(runs, weights, count, row, start, length, share, piece.sliver)
                continue
            marks[row * groups + group] = 0
            for col in range(start, min(start + _GROUP, piece.cols)):
                share += cover[base + col]
                cover[base + col] = 0.0
                count = _append_run(runs, weights, count, row, col, 1, share, piece.sliver)
        cover[base + piece.cols] = 0.0
    return count


@njit(nogil=True, cache=True)
def _append_run(
    runs: NDArray[np.int32],
    weights: NDArray[np.float64],
    count: int,
    row: int,
    col: int,
    length: int,
    share: float,
    sliver: float,
) -> int:
    if share <= sliver or length <= 0:
        return count
    weight = 1.0 if share > _FULL else share
    last = count - 1
    if count and runs[last, 0] == row and runs[last, 1] + runs[last, 2] == col and weights[last] == weight:
        runs[last, 2] += length
        return count
    runs[count, 0], runs[count, 1], runs[count, 2] = row, col, length
    weights[count] = weight
    return count + 1


@njit(nogil=True, cache=True)
def _paint(edges: NDArray[np.float64], pieces: NDArray[Any], out: NDArray[np.float64]) -> None:
    scratch = new_scratch(pieces)
    for piece in pieces:
        for k in range(coverage_runs(edges, piece, scratch)):
            row, col = piece.row + scratch[2][k, 0], piece.col + scratch[2][k, 1]
            out[row, col : col + scratch[2][k, 2]] = scratch[3][k]
