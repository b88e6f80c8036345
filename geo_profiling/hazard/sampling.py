"""Values of a hazard raster at single cells, read block by block, and the classes they are."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.errors import ValueRangeError
from geo_profiling.hazard.bands import DRY, OUTSIDE
from geo_profiling.hazard.kinds import PLAUSIBLE_MEDIAN_DEPTH_M, HazardKind
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import Source

#: Rows and columns that are read at once, where blocks are not larger.
_SIDE = 1024
#: A raster in strips is read in windows of so many cells at most.
_MOST_CELLS = 1 << 23
#: From so many depths on their size tells the unit.
_JUDGED = 20
#: A column or row of a cell that lies off the grid.
OFF_GRID = -1


def cells_at(x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of the cells in which points lie; -1 and -1 off the grid.

    Parameters
    ----------
    x, y : ndarray of float64
        In the CRS of the grid; a point on a border lies in the cell right of it or below it. Points that
        have no place in the CRS (not finite) lie off the grid.
    grid : Grid

    Returns
    -------
    rows, columns : ndarray of int64

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> cells_at(np.array([500.0, 1000.0, 9e9]), np.array([1500.0, 1000.0, 0.0]), grid)
    (array([ 0,  1, -1]), array([ 0,  1, -1]))
    """
    columns = (x - grid.transform.c) / grid.transform.a
    rows = (y - grid.transform.f) / grid.transform.e
    inside = (columns >= 0) & (columns < grid.shape[1]) & (rows >= 0) & (rows < grid.shape[0])
    return (
        np.where(inside, np.floor(np.where(inside, rows, 0.0)), OFF_GRID).astype(np.int64),
        np.where(inside, np.floor(np.where(inside, columns, 0.0)), OFF_GRID).astype(np.int64),
    )


def cell_values(
    source: Source, rows: NDArray[np.int64], columns: NDArray[np.int64], *, compute: Compute | None = None
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return the values of single cells of a raster, NaN for nodata and off the grid.

    Only the parts of the raster in which such a cell lies are read.

    Parameters
    ----------
    source : Source
    rows, columns : ndarray of int64, shape (cells,)
        As :func:`cells_at` gives them; cells may be asked for more than once.
    compute : Compute, optional
        Where to read; by default all threads of this machine.

    Returns
    -------
    ndarray of float32 or float64, shape (cells,)
        Of the type of ``source``.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> depth = ArraySource(wrap(np.arange(6.0).reshape(2, 3), grid), "depth")
    >>> cell_values(depth, np.array([1, -1]), np.array([2, -1]))
    array([ 5., nan])
    """
    compute = compute or Compute()
    height, width = _window_shape(source)
    across = -(-source.grid.shape[1] // width)
    inside = np.flatnonzero(rows >= 0)
    part = (rows[inside] // height) * across + columns[inside] // width
    order = np.argsort(part, kind="stable")
    inside, part = inside[order], part[order]
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    groups = np.split(inside, starts[1:]) if len(inside) else []
    items = [(rows[group], columns[group]) for group in groups]
    values = np.full(len(rows), np.nan, source.dtype)
    found = compute.map(partial(_read_cells, source), items, label=f"reading {source.name}", total=len(items))
    for group, of_group in zip(groups, found, strict=True):
        values[group] = of_group
    return values


def class_codes(
    values: NDArray[np.float32] | NDArray[np.float64],
    is_outside: NDArray[np.bool_],
    *,
    kind: HazardKind,
    name: str,
) -> NDArray[np.uint8]:
    """Return the classes of values that were read at single places.

    Parameters
    ----------
    values : ndarray of float32 or float64
        As stored; NaN is nodata.
    is_outside : ndarray of bool, same shape
        Places off the raster.
    kind : HazardKind
        How the numbers are read.
    name : str
        Of the raster, for the message.

    Returns
    -------
    ndarray of uint8
        Codes of :attr:`geo_profiling.hazard.bands.Bands.classes`.

    Raises
    ------
    ValueRangeError
        If a value is beyond what the kind can hold, or most of at least 20 depths are beyond 10 m.

    Examples
    --------
    >>> depth = np.array([0.0, 0.6, np.nan, np.nan])
    >>> outside = np.array([False, False, False, True])
    >>> kind = HazardKind("flood")
    >>> [kind.bands.classes[code] for code in class_codes(depth, outside, kind=kind, name="depth")]
    ['dry', '0.5-1.5', 'unknown', 'outside']
    """
    _refuse_other_units(values, kind, name)
    beyond = values >= kind.limit
    if beyond.any():
        raise ValueRangeError(
            f"{name}: a value of {values[beyond].max():g} {kind.unit} cannot be a depth of water",
            hint="declare the nodata value if it stands for 'no data', or the unit (--hazard-unit cm)",
        )
    codes = kind.bands.codes_of(values, per_unit=kind.per_unit, has_dry=kind.is_depth)
    if kind.nodata_means == "dry":
        codes[np.isnan(values)] = kind.bands.code(DRY)
    codes[is_outside] = kind.bands.code(OUTSIDE)
    return codes


def _refuse_other_units(values: NDArray[np.float32] | NDArray[np.float64], kind: HazardKind, name: str) -> None:
    deep, wet = int((values > PLAUSIBLE_MEDIAN_DEPTH_M * kind.per_unit).sum()), int((values > 0).sum())
    if kind.is_depth and wet >= _JUDGED and 2 * deep > wet:
        raise ValueRangeError(
            f"{name}: {deep} of {wet} depths read are beyond {PLAUSIBLE_MEDIAN_DEPTH_M:g} m",
            hint="the depths look like centimetres: declare the unit (--hazard-unit cm, unit: cm)",
        )


def _window_shape(source: Source) -> tuple[int, int]:
    """Rows and columns of the windows, in whole blocks where these are small enough."""
    rows, cols = (min(own, size) for own, size in zip(source.block_shape, source.grid.shape, strict=True))
    width = cols * max(1, _SIDE // cols)
    return rows * max(1, min(_SIDE, _MOST_CELLS // width) // rows), width


def _read_cells(source: Source, cells: tuple[NDArray[np.int64], NDArray[np.int64]]) -> NDArray[Any]:
    rows, columns = cells
    row, col = int(rows.min()), int(columns.min())
    window = Window(row, col, int(rows.max()) - row + 1, int(columns.max()) - col + 1)
    return np.asarray(source.read(window)[rows - row, columns - col])
