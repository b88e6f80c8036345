"""Exact coverage: which share of every cell of a grid a polygon covers.

The scan conversion of font rasterisers in double precision. Every ring edge adds, to each cell it
crosses, the signed area between itself and the right-hand side of the cell, and hands the signed
height on to the next cell; a running sum along the row then is the covered share, and a zone's
interior costs nothing but that sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo_profiling.raster.grid import Grid
from geo_profiling.raster.zone_plan import plan_units, plan_zones, zone_rings

#: Coverage this close to 1 is 1: the rounding of the running sum.
_FULL = 1.0 - 1e-12
#: Cells per word of marks: every cell that an edge changes has its bit, so that the sweep skips the others.
_WORD = 64
_ONE = np.uint64(1)
#: Place of the lowest bit, by the top six bits of (bit x de Bruijn number).
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT_PLACES = np.zeros(64, dtype=np.int64)
_BIT_PLACES[[(0x03F79D71B4CB0A89 << place & 0xFFFFFFFFFFFFFFFF) >> 58 for place in range(64)]] = range(64)


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
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> coverage_fractions(shapely.box(500, 500, 2500, 1500), grid)
    array([[0.25, 0.5 , 0.25],
           [0.25, 0.5 , 0.25]])
    """
    plan = plan_zones(zone_rings(np.array([geometry], dtype=object)), grid)
    out = np.zeros(grid.shape)
    for unit in plan_units(plan, grid, block_shape=grid.shape):
        _paint(unit.edges, unit.pieces, out)
    return out


@njit(nogil=True, cache=True)
def add_edge(
    cover: NDArray[np.float64],
    marks: NDArray[np.uint64],
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
    marks : ndarray of uint64
        At least rows x (columns // 64 + 1) words, zero before the first edge.
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
    marks: NDArray[np.uint64],
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
    words = row * (cols // _WORD + 1)
    if low < 0.0:
        # left of the box the whole height counts from the first column on
        part = fall if high <= 0.0 else fall * (-low / (high - low))
        cover[base] += part
        marks[words] |= _ONE
        if high <= 0.0:
            return
        fall -= part
        low = 0.0
    if high > cols:
        fall *= (cols - low) / (high - low)
        high = float(cols)
    col = int(low)
    marks[words + col // _WORD] |= _ONE << np.uint64(col % _WORD)
    if high <= col + 1.0:
        mean = 0.5 * (low + high) - col
        cover[base + col] += fall * (1.0 - mean)
        cover[base + col + 1] += fall * mean
        marks[words + (col + 1) // _WORD] |= _ONE << np.uint64((col + 1) % _WORD)
        return
    per_cell = fall / (high - low)
    while low < high:
        until = min(col + 1.0, high)
        part = per_cell * (until - low)
        mean = 0.5 * (low + until) - col
        cover[base + col] += part * (1.0 - mean)
        cover[base + col + 1] += part * mean
        marks[words + (col + 1) // _WORD] |= _ONE << np.uint64((col + 1) % _WORD)
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
        marks_size = max(marks_size, piece.rows * (piece.cols // _WORD + 1))
        run_count = max(run_count, piece.rows * piece.cols)
    return (
        np.zeros(cover_size),
        np.zeros(marks_size, dtype=np.uint64),
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
    words = piece.cols // _WORD + 1
    for row in range(piece.rows):
        share, base, first = 0.0, row * (piece.cols + 1), 0
        for word in range(words):
            bits = marks[row * words + word]
            marks[row * words + word] = 0
            while bits:
                low = bits & (~bits + _ONE)
                bits ^= low
                col = word * _WORD + _BIT_PLACES[(low * _DE_BRUIJN) >> np.uint64(58)]
                # from one marked cell up to the next the coverage stays what it is
                count = _append_run(runs, weights, count, row, first, col, share, piece.sliver)
                share += cover[base + col]
                cover[base + col] = 0.0
                first = col
        count = _append_run(runs, weights, count, row, first, piece.cols, share, piece.sliver)
    return count


@njit(nogil=True, cache=True)
def _append_run(
    runs: NDArray[np.int32],
    weights: NDArray[np.float64],
    count: int,
    row: int,
    start: int,
    stop: int,
    share: float,
    sliver: float,
) -> int:
    if share <= sliver or stop <= start:
        return count
    runs[count, 0], runs[count, 1], runs[count, 2] = row, start, stop - start
    weights[count] = 1.0 if share > _FULL else share
    return count + 1


@njit(nogil=True, cache=True)
def _paint(edges: NDArray[np.float64], pieces: NDArray[Any], out: NDArray[np.float64]) -> None:
    scratch = new_scratch(pieces)
    for piece in pieces:
        for k in range(coverage_runs(edges, piece, scratch)):
            row, col = piece.row + scratch[2][k, 0], piece.col + scratch[2][k, 1]
            out[row, col : col + scratch[2][k, 2]] = scratch[3][k]
