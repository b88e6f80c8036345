"""Counts moved from one grid to another, none lost and none made up.

Every source cell is the quadrilateral of its four transformed corners; its count goes to the target
cells by the area they share with it. Results are the same bits for any block shape, thread count and
scheduler: source tiles are fixed by the two grids and their parts are added in order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import NDArray
from pyproj import Transformer

from geo_profiling.compute import Compute
from geo_profiling.crs import same_crs
from geo_profiling.errors import GridError
from geo_profiling.raster.coverage import add_edge
from geo_profiling.raster.grid import ALIGNMENT_TOLERANCE_CELLS, Grid, Window
from geo_profiling.raster.source import Source, wrap
from geo_profiling.raster.zone_plan import SLIVER_CELLS

#: Rows and columns of a source tile, where the target's cells are not finer.
_TILE_CELLS = 512
#: Largest strip that is read at once, in cells.
_STRIP_CELLS = 1 << 25
#: Target cells along the side of a tile, at most.
_TARGET_SIDE = 2048
#: A footprint this many times as large as its neighbours' is torn: it spans the target's antimeridian.
_TORN = 20.0
#: Cells around a footprint that say how large it should be.
_NEIGHBOURHOOD_CELLS = 8

_transformers = threading.local()


@dataclass(frozen=True)
class _Part:
    """What one source tile gives to the target: a window of counts, where they are known, and the rest."""

    window: Window
    counts: NDArray[np.float64]
    is_known: NDArray[np.bool_]
    outside: float
    total: float


def regrid_counts(source: Source, target: Grid, *, compute: Compute | None = None) -> xr.DataArray:
    r"""Move counts (people, jobs, square metres) to another grid, by the area that cells share.

    Parameters
    ----------
    source : Source
        Counts per cell; NaN is unknown.
    target : Grid
        The wanted grid, in any CRS.
    compute : Compute, optional
        Where to work; by default all threads of this machine.

    Returns
    -------
    xarray.DataArray
        Counts on ``target``, float64, NaN where no known source cell lies. Attributes, in counts:
        ``source_total``, the sum of the source; ``lost_outside``, what lies off the target grid. The sum of
        the result and ``lost_outside`` make ``source_total`` but for rounding (relative 1e-12).

    Raises
    ------
    GridError
        If a source cell with a count has no place in the target's CRS, or is torn by its antimeridian.

    Notes
    -----
    The count :math:`c_i` of source cell :math:`i` gives target cell :math:`j`
    :math:`c_i |F_i \cap T_j| / |F_i|`, where :math:`F_i` is the quadrilateral of the cell's corners in the
    target's CRS: within a source cell the density is even. Between grids of one CRS, corners within 1e-6
    of a source cell of a target cell's border lie on it, so that on nested grids the result is the sum
    of blocks. The result is held in memory.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource
    >>> fine = Grid(CRS("ESRI:54009"), Affine(500, 0, 0, 0, -500, 1000), (2, 4))
    >>> coarse = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 2))
    >>> regrid_counts(ArraySource(wrap(np.arange(8.0).reshape(2, 4), fine)), coarse).values
    array([[10., 18.]])
    """
    compute = compute or Compute()
    strips = list(_strips(source, target))
    counts = np.zeros(target.shape)
    is_known = np.zeros(target.shape, dtype=np.bool_)
    outside, total = 0.0, 0.0
    work = partial(_regrid_strip, source, target, _tile_side(source.grid, target))
    for parts in compute.map(work, strips, label=f"regridding {source.name}", total=len(strips)):
        for part in parts:
            counts[part.window.slices] += part.counts
            is_known[part.window.slices] |= part.is_known
            outside += part.outside
            total += part.total
    counts[~is_known] = np.nan
    result = wrap(counts, target, name=source.name)
    result.attrs.update(source_total=total, lost_outside=outside)
    return result


def _tile_side(source: Grid, target: Grid) -> int:
    """Side of a source tile in cells: a fixed one, less where the target's cells are much finer."""
    rows, cols = source.shape
    columns, lines = _corners(source, target, Window(rows // 2, cols // 2, 1, 1))
    # A cell in the middle that has no place in the target is no measure; the fixed side then serves.
    is_placed = np.isfinite(columns).all() and np.isfinite(lines).all()
    finer = max(1.0, float(np.ptp(columns)), float(np.ptp(lines))) if is_placed else 1.0
    return max(1, min(_TILE_CELLS, int(_TARGET_SIDE / finer)))


def _strips(source: Source, target: Grid) -> Iterator[Window]:
    """Windows of one row of tiles each, as wide as the blocks ask for, row by row.

    Whatever their width, the tiles come in the same order.
    """
    side = _tile_side(source.grid, target)
    rows, cols = source.grid.shape
    wanted = max(side, min(cols, source.block_shape[1]))
    # memory first: very wide rows are read in parts, though a striped file decodes them once for each
    width = min(-(-wanted // side), max(1, _STRIP_CELLS // (side * side))) * side
    return source.grid.tiles((min(side, rows), width))


def _regrid_strip(source: Source, target: Grid, side: int, strip: Window) -> list[_Part]:
    values = source.read(strip)
    parts = []
    for col in range(0, strip.width, side):
        tile = Window(strip.row, strip.col + col, strip.height, min(side, strip.width - col))
        parts.append(_regrid_tile(source, target, tile, values[:, col : col + tile.width]))
    return parts


def _regrid_tile(source: Source, target: Grid, tile: Window, values: NDArray[Any]) -> _Part:
    counts = np.ascontiguousarray(values, dtype=np.float64)
    around = tile.expand(_NEIGHBOURHOOD_CELLS, within=source.grid.shape)
    columns, rows = _corners(source.grid, target, around)
    limit = _torn_limit(columns, rows)
    top, left = tile.row - around.row, tile.col - around.col
    inner = (slice(top, top + tile.height + 1), slice(left, left + tile.width + 1))
    columns, rows = np.ascontiguousarray(columns[inner]), np.ascontiguousarray(rows[inner])
    box = _target_box(columns, rows, target.shape)
    result = np.zeros(box.shape)
    is_known = np.zeros(box.shape, dtype=np.bool_)
    outside, total, bad = _share_out(counts, columns, rows, (box.row, box.col), target.shape, limit, result, is_known)
    if bad >= 0:
        row, col = tile.row + bad // tile.width, tile.col + bad % tile.width
        corner = source.grid.crop(Window(row, col, 1, 1)).transform
        raise GridError(
            f"{source.name}: the cell at row {row}, column {col} (corner {corner.c:g}, {corner.f:g}) has no place in "
            f"{target.crs.name}, or is torn by the edge of that projection",
            hint="crop the raster, or choose a target CRS that is whole where there are people",
        )
    return _Part(box, result, is_known, outside, total)


def _corners(source: Grid, target: Grid, tile: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows, in cells of the target, of the corners of the tile's cells."""
    at_col = np.arange(tile.col, tile.col_stop + 1, dtype=np.float64)
    at_row = np.arange(tile.row, tile.row_stop + 1, dtype=np.float64)
    x, y = np.meshgrid(
        source.transform.c + at_col * source.transform.a, source.transform.f + at_row * source.transform.e
    )
    is_same = same_crs(source.crs, target.crs)
    if not is_same:
        if source.crs.is_geographic:
            # a corner past the antimeridian by rounding would land on the other side of the world
            x = _near(x, 180.0, source.cell_size[0])
            y = _near(y, 90.0, source.cell_size[1])
        x, y = _transformer(source, target).transform(x, y)
    columns = (x - target.transform.c) / target.transform.a
    rows = (y - target.transform.f) / target.transform.e
    if is_same:
        columns = _snapped(columns, source.cell_size[0] / target.cell_size[0])
        rows = _snapped(rows, source.cell_size[1] / target.cell_size[1])
    return columns, rows


def _transformer(source: Grid, target: Grid) -> Transformer:
    """Return this thread's transformer between two grids: they must not be shared, and take long to make."""
    key = (source.crs.to_wkt(), target.crs.to_wkt())
    if getattr(_transformers, "key", None) != key:
        _transformers.value = Transformer.from_crs(source.crs, target.crs, always_xy=True)
        _transformers.key = key
    made: Transformer = _transformers.value
    return made


def _snapped(at: NDArray[np.float64], cell: float) -> NDArray[np.float64]:
    """Put corners on the borders of target cells that they miss by rounding only."""
    nearest = np.round(at)
    return np.where(np.abs(at - nearest) <= ALIGNMENT_TOLERANCE_CELLS * cell, nearest, at)


def _near(degrees: NDArray[np.float64], limit: float, cell: float) -> NDArray[np.float64]:
    is_near = np.abs(np.abs(degrees) - limit) <= ALIGNMENT_TOLERANCE_CELLS * cell
    return np.where(is_near, np.copysign(limit, degrees), degrees)


def _target_box(columns: NDArray[np.float64], rows: NDArray[np.float64], shape: tuple[int, int]) -> Window:
    """Return the window of the target that the corners span; empty where they are off the grid."""
    is_placed = np.isfinite(columns) & np.isfinite(rows)
    if not is_placed.any():
        return Window(0, 0, 0, 0)
    columns, rows = columns[is_placed], rows[is_placed]
    left, right = (int(np.clip(value, 0, shape[1])) for value in (np.floor(columns.min()), np.ceil(columns.max())))
    top, bottom = (int(np.clip(value, 0, shape[0])) for value in (np.floor(rows.min()), np.ceil(rows.max())))
    return Window(top, left, bottom - top, right - left)


def _torn_limit(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> float:
    """Largest side of a footprint, in target cells, that is not torn."""
    with np.errstate(invalid="ignore"):
        sides = [np.abs(np.diff(at, axis=axis)) for at in (columns, rows) for axis in (0, 1)]
    return _TORN * max(float(np.median(side[np.isfinite(side)])) if np.isfinite(side).any() else 0.0 for side in sides)


@njit(nogil=True, cache=True)
def _share_out(
    counts: NDArray[np.float64],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    box: tuple[int, int],
    target_shape: tuple[int, int],
    limit: float,
    result: NDArray[np.float64],
    is_known: NDArray[np.bool_],
) -> tuple[float, float, int]:
    """Give every count of a tile to the target cells; what is outside, the total, and the first bad cell or -1."""
    outside, total = 0.0, 0.0
    scratch = (np.zeros(64), np.zeros(64, dtype=np.uint64))
    quad = np.empty((4, 2))
    for i in range(counts.shape[0]):
        for j in range(counts.shape[1]):
            count = counts[i, j]
            if count != count:
                continue
            total += count
            for corner, (row, col) in enumerate(((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1))):
                quad[corner, 0], quad[corner, 1] = columns[row, col], rows[row, col]
            area = _signed_area(quad)
            left, right, top, bottom = _bounds(quad)
            # false for corners that are not finite
            if area != 0.0 and right - left <= limit and bottom - top <= limit:
                cells = _cells_around(left, right, top, bottom, target_shape)
                is_inside = left >= 0.0 and top >= 0.0 and right <= target_shape[1] and bottom <= target_shape[0]
                if is_inside and cells[2] == 1 and cells[3] == 1:
                    result[cells[0] - box[0], cells[1] - box[1]] += count
                    is_known[cells[0] - box[0], cells[1] - box[1]] = True
                    continue
                scratch = _with_room(scratch, cells)
                outside += count * (1.0 - _give(count, quad, area, cells, is_inside, box, scratch, result, is_known))
            elif count != 0.0:
                return outside, total, i * counts.shape[1] + j
    return outside, total, -1


@njit(nogil=True, cache=True)
def _signed_area(quad: NDArray[np.float64]) -> float:
    """Area in target cells, positive where the corners run down the left side first."""
    doubled, x0, y0 = 0.0, quad[0, 0], quad[0, 1]
    for k in range(1, 3):
        doubled += (quad[k + 1, 0] - x0) * (quad[k, 1] - y0) - (quad[k, 0] - x0) * (quad[k + 1, 1] - y0)
    return 0.5 * doubled


@njit(nogil=True, cache=True)
def _bounds(quad: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, right, top, bottom = quad[0, 0], quad[0, 0], quad[0, 1], quad[0, 1]
    for k in range(1, 4):
        left, right = min(left, quad[k, 0]), max(right, quad[k, 0])
        top, bottom = min(top, quad[k, 1]), max(bottom, quad[k, 1])
    return left, right, top, bottom


@njit(nogil=True, cache=True)
def _cells_around(
    left: float, right: float, top: float, bottom: float, target_shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """First row and column, height and width of the target cells in a box; without height where there are none."""
    first_col, first_row = max(np.floor(left), 0.0), max(np.floor(top), 0.0)
    last_col, last_row = min(np.ceil(right), float(target_shape[1])), min(np.ceil(bottom), float(target_shape[0]))
    if last_col <= first_col or last_row <= first_row:
        return 0, 0, 0, 0
    return int(first_row), int(first_col), int(last_row - first_row), int(last_col - first_col)


@njit(nogil=True, cache=True)
def _with_room(
    scratch: tuple[NDArray[np.float64], NDArray[np.uint64]], cells: tuple[int, int, int, int]
) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """Return the scratch, a larger one if the footprint needs it; all zero between footprints."""
    if cells[2] * (cells[3] + 1) <= len(scratch[0]):
        return scratch
    size = 2 * cells[2] * (cells[3] + 1)
    return np.zeros(size), np.zeros(size, dtype=np.uint64)


@njit(nogil=True, cache=True)
def _give(
    count: float,
    quad: NDArray[np.float64],
    area: float,
    cells: tuple[int, int, int, int],
    is_inside: bool,
    box: tuple[int, int],
    scratch: tuple[NDArray[np.float64], NDArray[np.uint64]],
    result: NDArray[np.float64],
    is_known: NDArray[np.bool_],
) -> float:
    """Add one count to the cells under its footprint; give the share of it that lies on the target."""
    row, col, height, width = cells
    if height == 0:
        return 0.0
    cover = scratch[0]
    covered = _cover(scratch, quad, area, row, col, height, width)
    # inside, dividing by what the cells share leaves nothing over
    whole = covered if is_inside else abs(area)
    for r in range(height):
        for c in range(width):
            share = cover[r * (width + 1) + c]
            cover[r * (width + 1) + c] = 0.0
            if share > 0.0:
                result[row + r - box[0], col + c - box[1]] += count * (share / whole)
                is_known[row + r - box[0], col + c - box[1]] = True
    return 1.0 if is_inside else min(1.0, covered / whole)


@njit(nogil=True, cache=True)
def _cover(
    scratch: tuple[NDArray[np.float64], NDArray[np.uint64]],
    quad: NDArray[np.float64],
    area: float,
    row: int,
    col: int,
    height: int,
    width: int,
) -> float:
    """Write the area that a footprint shares with each cell of its box, slivers left out; give their sum."""
    cover, marks = scratch
    for k in range(4):
        a, b = (k, (k + 1) % 4) if area > 0.0 else ((k + 1) % 4, k)
        add_edge(cover, marks, (height, width), quad[a, 0] - col, quad[a, 1] - row, quad[b, 0] - col, quad[b, 1] - row)
    sliver = SLIVER_CELLS * min(1.0, abs(area))
    covered = 0.0
    for r in range(height):
        share = 0.0
        for c in range(width):
            share += cover[r * (width + 1) + c]
            cover[r * (width + 1) + c] = share if share > sliver else 0.0
            covered += cover[r * (width + 1) + c]
        cover[r * (width + 1) + width] = 0.0
    marks[: height * (width // 64 + 1)] = 0
    return covered
