"""Zones cut by logical tiles: which edges of which zone lie in which part of a grid.

Logical tiles (:data:`BAND_ROWS` x :data:`CHUNK_COLS` cells) are counted from the grid's own origin.
What a zone gets from a tile depends on the zone and the tile alone, never on how the raster is read
or by how many threads: partial results that are combined in tile order are identical bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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
_POLYGON = 3
#: A zone's part in one logical tile: the range of its edges, and its box in cells of the grid.
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


#: Columns and rows in, the columns and rows that they come to lie at out.
Bend = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class ZoneRings:
    """The rings of polygons as flat arrays.

    Attributes
    ----------
    coordinates : ndarray of float64, shape (vertices, 2)
        All rings one after the other, closed, in CRS units.
    ring_starts : ndarray of int64, shape (rings + 1,)
        First vertex of each ring.
    zone_starts : ndarray of int64, shape (zones + 1,)
        First ring of each zone.
    is_exterior : ndarray of bool, shape (rings,)
        False for holes.
    """

    coordinates: NDArray[np.float64]
    ring_starts: NDArray[np.int64]
    zone_starts: NDArray[np.int64]
    is_exterior: NDArray[np.bool_]


@dataclass(frozen=True)
class ZonePlan:
    """The edges of all zones, bucketed by row band, and the pieces they make with the logical tiles.

    Attributes
    ----------
    columns, rows : ndarray of float64, shape (vertices,)
        The vertices in cells of the grid, before they are bent (see :func:`plan_zones`).
    edges : ndarray of int64
        An edge is the number of its first vertex, and its complement (``~``) where the ring runs the
        wrong way round. Grouped by band, then by zone; an edge that crosses a border of bands stands in both.
    pieces : ndarray of :data:`PIECE`
        Ordered by band, zone and chunk.
    area_cells : ndarray of float64, shape (zones,)
        Area of each zone in cells, on the grid and off it.
    """

    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    edges: NDArray[np.int64]
    pieces: NDArray[Any]
    area_cells: NDArray[np.float64]


@dataclass(frozen=True)
class Unit:
    """One task: a window to read and the pieces that lie in it. It can be sent to another process.

    Attributes
    ----------
    window : Window
        The smallest window that holds the pieces.
    edges : ndarray of float64, shape (edges, 4)
        Column and row of both ends in cells of the grid; the zone lies on the right of a falling edge.
    pieces : ndarray of :data:`PIECE`
        The zones' parts in the logical tiles of this unit; they point into ``edges``.
    """

    window: Window
    edges: NDArray[np.float64]
    pieces: NDArray[Any]


@dataclass(frozen=True)
class UnitPlan:
    """The units of a plan, made one by one as they are taken.

    Attributes
    ----------
    zones : ZonePlan
        What is cut into units.
    parts : list of ndarray of int64
        The pieces of each unit.
    """

    zones: ZonePlan
    parts: list[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Unit]:
        return (_unit(self.zones, self.zones.pieces[part]) for part in self.parts)


def zone_rings(geometries: NDArray[Any]) -> ZoneRings:
    """Return the rings of polygons and multipolygons as flat arrays.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        Polygons and multipolygons, none empty.

    Returns
    -------
    ZoneRings
        Two-dimensional rings in the order of the zones.

    Examples
    --------
    >>> rings = zone_rings(np.array([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)]))
    >>> rings.ring_starts, rings.zone_starts
    (array([ 0,  5, 10]), array([0, 1, 2]))
    """
    parts, zone_of = geometries, np.arange(len(geometries))
    if (shapely.get_type_id(geometries) != _POLYGON).any():
        parts, zone_of = shapely.get_parts(geometries, return_index=True)
        is_empty = shapely.is_empty(parts)
        parts, zone_of = parts[~is_empty], zone_of[~is_empty]
    ring_counts = 1 + np.asarray(shapely.get_num_interior_rings(parts), dtype=np.int64)
    # taking the rings out costs more than everything else here
    rings = shapely.get_rings(parts) if (ring_counts > 1).any() else parts
    is_exterior = np.zeros(ring_counts.sum(), dtype=np.bool_)
    is_exterior[np.cumsum(ring_counts) - ring_counts] = True
    zone_starts = np.cumsum(np.bincount(zone_of + 1, weights=ring_counts, minlength=len(geometries) + 1))
    ring_starts = np.cumsum(np.concatenate([[0], shapely.get_num_coordinates(rings)]), dtype=np.int64)
    return ZoneRings(shapely.get_coordinates(parts), ring_starts, zone_starts.astype(np.int64), is_exterior)


def plan_zones(rings: ZoneRings, grid: Grid, *, bend: Bend | None = None) -> ZonePlan:
    """Cut polygons into pieces by the logical tiles of a grid.

    Parameters
    ----------
    rings : ZoneRings
        Rings of valid polygons in the CRS of the grid.
    grid : Grid
        The cells to be covered; what lies off the grid is left out.
    bend : callable, optional
        Where the grid's cells differ in size: gives the columns and rows that places come to lie at. It
        acts on columns and on rows apart and never turns their order. Edges are bent when they are used.

    Returns
    -------
    ZonePlan
        Edges, pieces and areas.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 4000), (4, 4))
    >>> plan = plan_zones(zone_rings(np.array([shapely.box(500, 500, 2500, 1500)])), grid)
    >>> plan.area_cells, len(plan.pieces)
    (array([2.]), 1)
    """
    height, width = grid.shape
    columns = (rings.coordinates[:, 0] - grid.transform.c) / grid.transform.a
    rows = (rings.coordinates[:, 1] - grid.transform.f) / grid.transform.e
    flip, area, extent = _orient(columns, rows, rings.ring_starts, rings.zone_starts, rings.is_exterior)
    at_columns, at_rows = (columns, rows) if bend is None else bend(columns, rows)
    bands = -(-height // BAND_ROWS)
    edge_counts, entry_counts = _count(at_rows, rings.ring_starts, rings.zone_starts, height, bands)
    edges = np.empty(edge_counts.sum(), dtype=np.int64)
    entries = np.empty(entry_counts.sum(), _ENTRY)
    edge_next, entry_next = np.cumsum(edge_counts) - edge_counts, np.cumsum(entry_counts) - entry_counts
    _fill(
        at_columns, at_rows, rings.ring_starts, rings.zone_starts, flip, height, edge_next, entry_next, edges, entries
    )
    return ZonePlan(columns, rows, edges, _pieces(entries, (height, width), extent), area)


def plan_units(plan: ZonePlan, grid: Grid, *, block_shape: tuple[int, int], cells: int = UNIT_CELLS) -> UnitPlan:
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
    UnitPlan
        The units, row by row. Where no zone is, nothing is read.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 4e6), (4000, 4000))
    >>> plan = plan_zones(zone_rings(np.array([shapely.box(500, 500, 2500, 1500)])), grid)
    >>> [unit.window for unit in plan_units(plan, grid, block_shape=(512, 512))]
    [Window(row=3998, col=0, height=2, width=3)]
    """
    if len(plan.pieces) == 0:
        return UnitPlan(plan, [])
    bands, chunks = _unit_shape(grid.shape, block_shape, cells)
    across = -(-grid.shape[1] // (chunks * CHUNK_COLS))
    unit_of = (plan.pieces["band"] // bands) * across + plan.pieces["chunk"] // chunks
    # neighbours one after the other find each other's cells in the processor's cache
    order = np.lexsort((plan.pieces["col"], plan.pieces["band"], unit_of))
    cuts = np.flatnonzero(np.diff(unit_of[order])) + 1
    return UnitPlan(plan, np.split(order, cuts))


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


def _unit(plan: ZonePlan, pieces: NDArray[Any]) -> Unit:
    row, col = int(pieces["row"].min()), int(pieces["col"].min())
    height = int((pieces["row"] + pieces["rows"]).max()) - row
    width = int((pieces["col"] + pieces["cols"]).max()) - col
    start, stop = int(pieces["start"].min()), int(pieces["stop"].max())
    pieces["start"] -= start
    pieces["stop"] -= start
    return Unit(Window(row, col, height, width), _ends(plan.columns, plan.rows, plan.edges[start:stop]), pieces)


@njit(nogil=True, cache=True)
def _ends(columns: NDArray[np.float64], rows: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Columns and rows of both ends of edges."""
    out = np.empty((len(edges), 4))
    for k in range(len(edges)):
        edge = edges[k]
        a, b = (edge, edge + 1) if edge >= 0 else (~edge + 1, ~edge)
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = columns[a], rows[a], columns[b], rows[b]
    return out


@njit(nogil=True, cache=True)
def _orient(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    zone_starts: NDArray[np.int64],
    is_exterior: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Which rings run the wrong way, and each zone's area and larger side, in cells."""
    flip = np.zeros(len(ring_starts) - 1, dtype=np.bool_)
    area = np.zeros(len(zone_starts) - 1)
    extent = np.zeros(len(zone_starts) - 1)
    for zone in range(len(zone_starts) - 1):
        left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
        for ring in range(zone_starts[zone], zone_starts[zone + 1]):
            doubled = 0.0
            # relative to the ring's first vertex: a tiny ring far from the origin keeps its digits
            x0, y0 = columns[ring_starts[ring]], rows[ring_starts[ring]]
            for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
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
    rows: NDArray[np.float64], ring_starts: NDArray[np.int64], zone_starts: NDArray[np.int64], height: int, bands: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges, and zones with edges, in every band."""
    edge_counts = np.zeros(bands, dtype=np.int64)
    entry_counts = np.zeros(bands, dtype=np.int64)
    seen = np.full(bands, -1, dtype=np.int64)
    for zone in range(len(zone_starts) - 1):
        for ring in range(zone_starts[zone], zone_starts[zone + 1]):
            for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
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
    ring_starts: NDArray[np.int64],
    zone_starts: NDArray[np.int64],
    flip: NDArray[np.bool_],
    height: int,
    edge_next: NDArray[np.int64],
    entry_next: NDArray[np.int64],
    edges: NDArray[np.int64],
    entries: NDArray[Any],
) -> None:
    """Sort the edges into bands (a counting sort, so zones stay in order within a band)."""
    seen = np.full(len(edge_next), -1, dtype=np.int64)
    for zone in range(len(zone_starts) - 1):
        for ring in range(zone_starts[zone], zone_starts[zone + 1]):
            for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
                begin, end = _bands_of(rows[i], rows[i + 1], height)
                for band in range(begin, end):
                    if seen[band] != zone:
                        seen[band] = zone
                        entry = entries[entry_next[band]]
                        entry_next[band] += 1
                        entry.zone, entry.band = zone, band
                        entry.start, entry.stop = edge_next[band], edge_next[band]
                        entry.left, entry.right, entry.top, entry.bottom = np.inf, -np.inf, np.inf, -np.inf
                    entry = entries[entry_next[band] - 1]
                    edges[edge_next[band]] = ~i if flip[ring] else i
                    edge_next[band] += 1
                    entry.stop += 1
                    entry.left = min(entry.left, columns[i], columns[i + 1])
                    entry.right = max(entry.right, columns[i], columns[i + 1])
                    first, last = float(band * BAND_ROWS), float(min((band + 1) * BAND_ROWS, height))
                    entry.top = min(entry.top, max(first, min(rows[i], rows[i + 1])))
                    entry.bottom = max(entry.bottom, min(last, max(rows[i], rows[i + 1])))
