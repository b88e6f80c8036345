"""Overlaying grids with each other and with zones: one common refinement of all their cells.

Every cell of the overlay lies in exactly one cell of the base grid and in one cell (or none) of every
other grid, so that counts of the base grid are shared out by area and nothing is interpolated. Grids in
the CRS of the base are refined along the edges of all cells, whatever their size and offset; a grid in
another CRS is met by cutting the cells of the base into smaller ones, each of which takes the cell that
a point in it lies in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from affine import Affine
from numba import njit
from numpy.typing import NDArray
from pyproj import Transformer

from geo_profiling.crs import same_crs
from geo_profiling.errors import InputError
from geo_profiling.raster.grid import ALIGNMENT_TOLERANCE_CELLS, Grid, Window
from geo_profiling.raster.zone_plan import Unit, ZonePlan, ZoneRings, plan_zones

#: A grid in another CRS: so many cells of the overlay along one of its cells, and along one of the base.
CELLS_ACROSS = 4
#: A cell of the base is never cut into more than this many along a side.
MAX_CUTS = 128
#: Where the ground is small, cells are cut finer, up to so many along a side.
FINE_CUTS = 32
#: Cells of the overlay that the finer cutting may make in all.
FINE_CELLS = 100_000_000
#: Cells of the overlay between two places that are projected; between them lies a straight line.
_LATTICE_CELLS = 16
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
#: Neither rows nor columns beyond this: a count of cells must fit the planning.
_MAX_SIDE = 4_000_000


@dataclass(frozen=True)
class Places:
    """Where the cells of a window of the overlay lie in one of the grids.

    Attributes
    ----------
    window : Window or None
        The part of the grid that is needed; None where the two do not meet.
    rows, cols : ndarray of int64
        Counted from the window, -1 for off the grid: one-dimensional (each row, each column of the
        overlay) for a grid in the base's CRS, else two-dimensional (each cell).
    """

    window: Window | None
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]

    def spread(self, values: NDArray[Any], shape: tuple[int, int], *, outside: float) -> NDArray[Any]:
        """Give every cell of the overlay's window the value of the grid's cell it lies in.

        Parameters
        ----------
        values : ndarray
            The values of :attr:`window`.
        shape : tuple of int
            Of the overlay's window.
        outside : float
            The value of cells off the grid.

        Returns
        -------
        ndarray of that shape

        Examples
        --------
        >>> places = Places(Window(0, 0, 1, 1), np.array([0, 0]), np.array([-1, 0]))
        >>> places.spread(np.array([[7]], dtype=np.uint8), (2, 2), outside=9)
        array([[9, 7],
               [9, 7]], dtype=uint8)
        """
        if self.window is None:
            return np.full(shape, outside, dtype=values.dtype)
        if self.rows.ndim == 2:
            out: NDArray[Any] = values[np.maximum(self.rows, 0), np.maximum(self.cols, 0)]
            out[(self.rows < 0) | (self.cols < 0)] = outside
            return out
        if values.shape == shape and _is_identity(self.rows) and _is_identity(self.cols):
            return values
        return np.asarray(_spread(values, self.rows, self.cols, outside))


@dataclass(frozen=True)
class Overlay:
    """The common refinement of a base grid and others.

    Parameters
    ----------
    base : Grid
        Its cells are shared out; what lies off it is not overlaid.
    others : tuple of Grid
        At least one; grids that are given twice cost nothing.
    used_cells : int, optional
        Cells of the base on the ground of interest: the fewer, the finer they are cut to meet a grid in
        another CRS. All by default.

    Attributes
    ----------
    row_breaks, col_breaks : ndarray of float64
        Edges of the overlay's rows and columns, in cells of the base, from 0 on.
    grid : Grid
        The overlay counted in its own cells (x is the column, y is minus the row).

    Examples
    --------
    >>> from pyproj import CRS
    >>> people = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 200), (2, 2))
    >>> flood = Grid(CRS("ESRI:54009"), Affine(100, 0, 30, 0, -100, 200), (2, 2))
    >>> overlay = Overlay(people, (flood,))
    >>> overlay.col_breaks, overlay.grid.shape
    (array([0. , 0.3, 1. , 1.3, 2. ]), (2, 4))
    """

    base: Grid
    others: tuple[Grid, ...]
    used_cells: int | None = None
    row_breaks: NDArray[np.float64] = field(init=False)
    col_breaks: NDArray[np.float64] = field(init=False)
    grid: Grid = field(init=False)

    def __post_init__(self) -> None:
        same = [other for other in self.others if same_crs(other.crs, self.base.crs)]
        used = self.base.shape[0] * self.base.shape[1] if self.used_cells is None else self.used_cells
        apart = [other for other in self.others if not same_crs(other.crs, self.base.crs)]
        cuts = max([_cuts(self.base, other, used) for other in apart], default=1)
        rows = _breaks(self.base, same, cuts, axis=0)
        cols = _breaks(self.base, same, cuts, axis=1)
        if max(len(rows), len(cols)) > _MAX_SIDE:
            raise InputError(
                f"the overlay of grids of {self.base.describe()} has {len(rows) - 1} x {len(cols) - 1} cells",
                hint="crop the grids to the study area first",
            )
        object.__setattr__(self, "row_breaks", rows)
        object.__setattr__(self, "col_breaks", cols)
        shape = (len(rows) - 1, len(cols) - 1)
        object.__setattr__(self, "grid", Grid(self.base.crs, Affine(1, 0, 0, 0, -1, 0), shape))

    def plan(self, rings: ZoneRings) -> ZonePlan:
        """Cut zones, given in the base's CRS, into pieces by the logical tiles of :attr:`grid`.

        The edges of its units count in cells of :attr:`grid` once :meth:`bent` has been at them.
        """
        x = (rings.coordinates[:, 0] - self.base.transform.c) / self.base.transform.a
        y = (rings.coordinates[:, 1] - self.base.transform.f) / self.base.transform.e
        across, down = _even_spacing(self.col_breaks), _even_spacing(self.row_breaks)
        if across and down:
            return plan_zones(replace(rings, coordinates=np.stack([x * across, -(y * down)], axis=1)), self.grid)
        in_base = replace(rings, coordinates=np.stack([x, -y], axis=1))
        return plan_zones(in_base, self.grid, bend=self._bend)

    def _bend(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _positions(self.col_breaks, x), _positions(self.row_breaks, y)

    def bent(self, unit: Unit) -> Unit:
        """Return a unit of :meth:`plan` with its edges in cells of :attr:`grid`.

        Where the overlay's cells differ in size the map is bent at their edges: zones get vertices there.
        Done for each unit where it is worked on, so that these vertices are never all held at once.
        """
        if _even_spacing(self.col_breaks) and _even_spacing(self.row_breaks):
            return unit
        # the edges of all zones in a band come with it, and those beside the window are not worth cutting
        opened = np.zeros(len(unit.edges) + 1, dtype=np.int64)
        np.add.at(opened, unit.pieces["start"], 1)
        np.add.at(opened, unit.pieces["stop"], -1)
        is_used = opened.cumsum()[:-1] > 0
        place = np.concatenate([[0], np.cumsum(is_used)])
        edges, starts = cut_edges(unit.edges[is_used], self.col_breaks, self.row_breaks)
        pieces = unit.pieces.copy()
        pieces["start"], pieces["stop"] = starts[place[pieces["start"]]], starts[place[pieces["stop"]]]
        return Unit(unit.window, edges, pieces)

    def block_shape(self, blocks: tuple[int, int]) -> tuple[int, int]:
        """Return the rows and columns of the overlay that hold a stored block of the base."""
        height, width = self.base.shape
        rows = max(1, round(min(blocks[0], height) * self.grid.shape[0] / height))
        cols = max(1, round(min(blocks[1], width) * self.grid.shape[1] / width))
        return rows, cols

    def base_places(self, window: Window) -> tuple[Places, NDArray[np.float64], NDArray[np.float64]]:
        """Return where a window of the overlay lies in the base, and its rows' and columns' shares of a base cell."""
        rows, cols = (
            np.floor(_middles(breaks, start, size)).astype(np.int64)
            for breaks, start, size in (
                (self.row_breaks, window.row, window.height),
                (self.col_breaks, window.col, window.width),
            )
        )
        needed = Window(int(rows[0]), int(cols[0]), int(rows[-1]) - int(rows[0]) + 1, int(cols[-1]) - int(cols[0]) + 1)
        heights = np.diff(self.row_breaks[window.row : window.row_stop + 1])
        widths = np.diff(self.col_breaks[window.col : window.col_stop + 1])
        return Places(needed, rows - needed.row, cols - needed.col), heights, widths

    def places(self, other: Grid, window: Window) -> Places:
        """Return where a window of the overlay lies in one of the other grids."""
        rows = _middles(self.row_breaks, window.row, window.height)
        cols = _middles(self.col_breaks, window.col, window.width)
        if not same_crs(other.crs, self.base.crs):
            return _projected_places(self, other, window)
        x, y = (
            self.base.transform.c + cols * self.base.transform.a,
            self.base.transform.f + rows * self.base.transform.e,
        )
        other_rows = _index((y - other.transform.f) / other.transform.e, other.shape[0])
        other_cols = _index((x - other.transform.c) / other.transform.a, other.shape[1])
        return _windowed(other_rows, other_cols)


def _is_identity(places: NDArray[np.int64]) -> bool:
    return bool((places == np.arange(len(places))).all())


def _index(position: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    index = np.floor(np.where(np.isfinite(position), position, -1.0)).astype(np.int64)
    index[(index < 0) | (index >= size)] = -1
    return index


def _windowed(rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Places:
    """Count rows and columns from the window that holds those on the grid."""
    on = (rows >= 0) & (cols >= 0) if rows.ndim == 2 else None
    used_rows, used_cols = (rows[rows >= 0], cols[cols >= 0]) if on is None else (rows[on], cols[on])
    if len(used_rows) == 0 or len(used_cols) == 0:
        return Places(None, np.full_like(rows, -1), np.full_like(cols, -1))
    row, col = int(used_rows.min()), int(used_cols.min())
    window = Window(row, col, int(used_rows.max()) - row + 1, int(used_cols.max()) - col + 1)
    is_row, is_col = (rows >= 0, cols >= 0) if on is None else (on, on)
    return Places(window, np.where(is_row, rows - row, -1), np.where(is_col, cols - col, -1))


def _middles(breaks: NDArray[np.float64], start: int, size: int) -> NDArray[np.float64]:
    part = breaks[start : start + size + 1]
    return 0.5 * (part[:-1] + part[1:])


def _even_spacing(breaks: NDArray[np.float64]) -> float:
    """Cells of the overlay in one cell of the base where all are alike, else 0."""
    per_cell = (len(breaks) - 1) / breaks[-1]
    return float(per_cell) if np.abs(breaks * per_cell - np.arange(len(breaks))).max() < 1e-9 else 0.0


def _breaks(base: Grid, others: Sequence[Grid], cuts: int, *, axis: int) -> NDArray[np.float64]:
    """Edges of the overlay along one axis, in cells of the base."""
    size = base.shape[axis]
    start, step = (base.transform.f, base.transform.e) if axis == 0 else (base.transform.c, base.transform.a)
    parts = [np.arange(size * cuts + 1) / cuts]
    for other in dict.fromkeys((grid.transform[:6], grid.shape) for grid in others):
        transform, shape = other
        first, pitch = (transform[5], transform[4]) if axis == 0 else (transform[2], transform[0])
        edges = (first + np.arange(shape[axis] + 1) * pitch - start) / step
        on_cut = np.round(edges * cuts) / cuts
        edges = np.where(np.abs(edges - on_cut) <= ALIGNMENT_TOLERANCE_CELLS, on_cut, edges)
        parts.append(edges[(edges > 0) & (edges < size)])
    breaks = np.unique(np.concatenate(parts))
    is_cut = np.round(breaks * cuts) / cuts == breaks
    # edges of two grids that agree but for rounding are one edge
    keep = np.ones(len(breaks), dtype=np.bool_)
    keep[1:] = (np.diff(breaks) > ALIGNMENT_TOLERANCE_CELLS) | is_cut[1:]
    return np.asarray(breaks[keep])


def _cuts(base: Grid, other: Grid, used_cells: int) -> int:
    """Into how many cells along a side the base is cut to meet a grid in another CRS."""
    transformer = Transformer.from_crs(other.crs, base.crs, always_xy=True)
    x, y = other.transform * (other.shape[1] / 2, other.shape[0] / 2)
    a, e = other.transform.a, other.transform.e
    xs, ys = transformer.transform([x, x + a, x], [y, y, y + e])
    shortest = min(math.hypot(xs[1] - xs[0], ys[1] - ys[0]), math.hypot(xs[2] - xs[0], ys[2] - ys[0]))
    cuts = CELLS_ACROSS
    if math.isfinite(shortest) and shortest > 0:
        cuts = min(MAX_CUTS, max(CELLS_ACROSS, math.ceil(CELLS_ACROSS * max(base.cell_size) / shortest)))
    while 2 * cuts <= FINE_CUTS and used_cells * (2 * cuts) ** 2 <= FINE_CELLS:
        cuts *= 2
    return cuts


def _projected_places(overlay: Overlay, other: Grid, window: Window) -> Places:
    """Places in a grid of another CRS: projected on a lattice, straight lines between its points."""
    row_edges = overlay.row_breaks[window.row : window.row_stop + 1]
    col_edges = overlay.col_breaks[window.col : window.col_stop + 1]
    node_rows = np.unique(np.append(np.arange(0, window.height, _LATTICE_CELLS), window.height))
    node_cols = np.unique(np.append(np.arange(0, window.width, _LATTICE_CELLS), window.width))
    grid_cols, grid_rows = np.meshgrid(col_edges[node_cols], row_edges[node_rows])
    base = overlay.base.transform
    transformer = Transformer.from_crs(overlay.base.crs, other.crs, always_xy=True)
    x, y = transformer.transform((base.c + grid_cols * base.a).ravel(), (base.f + grid_rows * base.e).ravel())
    at_col = ((np.asarray(x) - other.transform.c) / other.transform.a).reshape(grid_cols.shape)
    at_row = ((np.asarray(y) - other.transform.f) / other.transform.e).reshape(grid_cols.shape)
    rows, cols = _sampled(at_row, at_col, row_edges, col_edges, window.row, window.col, other.shape)
    return _windowed(rows, cols)


@njit(nogil=True, cache=True)
def _sampled(
    at_row: NDArray[np.float64],
    at_col: NDArray[np.float64],
    row_edges: NDArray[np.float64],
    col_edges: NDArray[np.float64],
    first_row: int,
    first_col: int,
    shape: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column in the other grid of one point in every cell of the window, -1 off the grid.

    Grids in two CRS often lie nearly parallel: with the centres of cells a whole row of them would fall on
    the wrong side of an edge. The points are shifted by the golden ratio from row to row and from column to
    column, so that along an edge the right share of them falls on either side.
    """
    rows = np.full((len(row_edges) - 1, len(col_edges) - 1), -1, dtype=np.int64)
    cols = np.full(rows.shape, -1, dtype=np.int64)
    for i in range(rows.shape[0]):
        k = i // _LATTICE_CELLS
        low, high = row_edges[k * _LATTICE_CELLS], row_edges[min((k + 1) * _LATTICE_CELLS, rows.shape[0])]
        along = (first_row + i) * _GOLDEN % 1.0
        for j in range(rows.shape[1]):
            m = j // _LATTICE_CELLS
            left, right = col_edges[m * _LATTICE_CELLS], col_edges[min((m + 1) * _LATTICE_CELLS, rows.shape[1])]
            down = (first_col + j) * _GOLDEN % 1.0
            s = (row_edges[i] + down * (row_edges[i + 1] - row_edges[i]) - low) / (high - low)
            t = (col_edges[j] + along * (col_edges[j + 1] - col_edges[j]) - left) / (right - left)
            row = (1 - s) * ((1 - t) * at_row[k, m] + t * at_row[k, m + 1]) + s * (
                (1 - t) * at_row[k + 1, m] + t * at_row[k + 1, m + 1]
            )
            col = (1 - s) * ((1 - t) * at_col[k, m] + t * at_col[k, m + 1]) + s * (
                (1 - t) * at_col[k + 1, m] + t * at_col[k + 1, m + 1]
            )
            # false where a corner has no place in the other CRS
            if 0 <= row < shape[0] and 0 <= col < shape[1]:
                rows[i, j], cols[i, j] = int(row), int(col)
    return rows, cols


@njit(nogil=True, cache=True)
def _spread(values: Any, rows: NDArray[np.int64], cols: NDArray[np.int64], outside: Any) -> Any:
    out = np.empty((len(rows), len(cols)), dtype=values.dtype)
    for i in range(len(rows)):
        if rows[i] < 0:
            out[i] = outside
            continue
        line = values[rows[i]]
        for j in range(len(cols)):
            out[i, j] = line[cols[j]] if cols[j] >= 0 else outside
    return out


@njit(nogil=True, cache=True)
def _position(breaks: NDArray[np.float64], value: float) -> float:
    """Cells of the overlay up to a value; beyond its ends a cell of the base is one."""
    last = len(breaks) - 1
    if value <= breaks[0]:
        return value - breaks[0]
    if value >= breaks[last]:
        return last + (value - breaks[last])
    k = np.searchsorted(breaks, value, side="right") - 1
    return k + (value - breaks[k]) / (breaks[k + 1] - breaks[k])


@njit(nogil=True, cache=True)
def _crossed(breaks: NDArray[np.float64], first: float, second: float) -> tuple[int, int]:
    """Range of the breaks strictly between two values."""
    low, high = min(first, second), max(first, second)
    start = np.searchsorted(breaks, low, side="right")
    stop = np.searchsorted(breaks, high, side="left")
    return int(start), int(max(start, stop))


@njit(nogil=True, cache=True)
def _positions(breaks: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty(len(values))
    for k in range(len(values)):
        out[k] = _position(breaks, values[k])
    return out


@njit(nogil=True, cache=True)
def cut_edges(
    edges: NDArray[np.float64], col_breaks: NDArray[np.float64], row_breaks: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cut straight edges wherever they cross an edge of the overlay's cells, and count in these cells.

    Parameters
    ----------
    edges : ndarray of float64, shape (edges, 4)
        Column and row of both ends, in cells of the base (rows downwards).
    col_breaks, row_breaks : ndarray of float64
        Edges of columns and rows, rising, in cells of the base.

    Returns
    -------
    pieces : ndarray of float64, shape (pieces, 4)
        Column and row of both ends in cells of the overlay, exact on its edges, in the order of the edges.
    starts : ndarray of int64, shape (edges + 1,)
        First piece of each edge.

    Examples
    --------
    >>> breaks = np.array([0.0, 1.0, 2.0])
    >>> cut_edges(np.array([[0.5, 0.5, 1.5, 0.5]]), breaks, breaks)
    (array([[0.5, 0.5, 1. , 0.5],
           [1. , 0.5, 1.5, 0.5]]), array([0, 2]))
    """
    starts, longest = np.zeros(len(edges) + 1, dtype=np.int64), 0
    for k in range(len(edges)):
        a, b = _crossed(col_breaks, edges[k, 0], edges[k, 2])
        c, d = _crossed(row_breaks, edges[k, 1], edges[k, 3])
        starts[k + 1] = (b - a) + (d - c) + 1
        longest = max(longest, starts[k + 1])
    out = np.empty((starts.sum(), 4))
    cols, rows = np.empty(longest + 1), np.empty(longest + 1)
    at = 0
    for k in range(len(edges)):
        x0, y0, x1, y1 = edges[k]
        cols[0], rows[0] = _position(col_breaks, x0), _position(row_breaks, y0)
        n = _cut_segment(x0, y0, x1, y1, col_breaks, row_breaks, cols, rows, 1)
        cols[n], rows[n] = _position(col_breaks, x1), _position(row_breaks, y1)
        for i in range(n):
            out[at, 0], out[at, 1], out[at, 2], out[at, 3] = cols[i], rows[i], cols[i + 1], rows[i + 1]
            at += 1
        starts[k + 1] = at
    return out[:at], starts


@njit(nogil=True, cache=True)
def _cut_segment(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    col_breaks: NDArray[np.float64],
    row_breaks: NDArray[np.float64],
    cols: NDArray[np.float64],
    rows: NDArray[np.float64],
    at: int,
) -> int:
    """Write the crossings of one segment in the order they are met."""
    a, b = _crossed(col_breaks, x0, x1)
    c, d = _crossed(row_breaks, y0, y1)
    k, k_step = (a, 1) if x1 > x0 else (b - 1, -1)
    m, m_step = (c, 1) if y1 > y0 else (d - 1, -1)
    while a <= k < b or c <= m < d:
        t_col = (col_breaks[k] - x0) / (x1 - x0) if a <= k < b else 2.0
        t_row = (row_breaks[m] - y0) / (y1 - y0) if c <= m < d else 2.0
        if t_col == t_row:
            cols[at], rows[at] = k, m
            k += k_step
            m += m_step
        elif t_col < t_row:
            cols[at], rows[at] = k, _position(row_breaks, y0 + t_col * (y1 - y0))
            k += k_step
        else:
            cols[at], rows[at] = _position(col_breaks, x0 + t_row * (x1 - x0)), m
            m += m_step
        at += 1
    return at
