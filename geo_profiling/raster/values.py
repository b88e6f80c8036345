"""What raster values may be: nodata out, scale on, and values that their quantity cannot have found.

One pass over a window while it is still in the processor's cache costs next to nothing beside
decoding it, so no window leaves the reader unchecked.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import FloatArray

#: What a raster's values are. count: people, buildings (0 and more in a cell); area: square
#: metres in a cell; share: 0 to 1; depth: 0 and more, any unit; class: codes; any: numbers.
Quantity = Literal["count", "area", "share", "depth", "class", "any"]

#: More than this in one cell is no count: Earth has fewer people.
MAX_COUNT = 1e10
#: Water is nowhere deeper, in metres or in centimetres.
MAX_DEPTH = 2e6
#: Shares and areas may pass their limit by so much: they come from sums of rounded parts.
ROUNDING = 0.01
#: Beyond this lie the fill values of float files (-3.4e38, 9.97e36, 1e37), never a measurement.
MAX_MAGNITUDE = 1e30
#: Fill values in use; in a raster that declares another one, or none, they are taken for it.
FILL_VALUES: Final = (-9999.0, -99999.0, -999999.0, -32768.0, -2147483648.0, 1e20, -1e20)


def value_limits(quantity: Quantity, grid: Grid) -> tuple[float, float]:
    """Return the least and the greatest value that a raster of ``quantity`` can hold.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 9000), (9, 4))
    >>> value_limits("area", grid)
    (0.0, 1010000.0)
    """
    if quantity == "count":
        return 0.0, MAX_COUNT
    if quantity == "share":
        return 0.0, 1.0 + ROUNDING
    if quantity == "depth":
        return 0.0, MAX_DEPTH
    if quantity == "area":
        projected = grid.crs.is_projected
        return 0.0, grid.cell_area_km2 * 1e6 * (1.0 + ROUNDING) if projected else MAX_COUNT
    return -MAX_MAGNITUDE, MAX_MAGNITUDE


def clean(values: FloatArray, nodata: float | None, *, low: float = -math.inf, high: float = math.inf) -> bool:
    """Put NaN where ``nodata`` stands, in place, and tell whether any other value deserves a look.

    A nodata value beyond :data:`MAX_MAGNITUDE` stands for every value beyond it on its side:
    writers round -3.4028234663852886e38 in different ways.

    Parameters
    ----------
    values : numpy.ndarray
        Two-dimensional, C-contiguous.
    nodata : float or None
        The value that stands for "unknown".
    low, high : float
        What the values may be, see :func:`value_limits`.

    Returns
    -------
    bool
        False if :func:`first_outside` would find nothing.

    Examples
    --------
    >>> values = np.array([[-9999.0, 4.0]])
    >>> clean(values, -9999.0, low=0.0)
    False
    >>> values
    array([[nan,  4.]])
    """
    first, last = _nodata_range(nodata, values.dtype)
    if low == -math.inf and high == math.inf:
        return bool(_clean(values, first, last, values.dtype.type(low), values.dtype.type(high)))
    # The fill values lie beyond the mildest of them: one comparison clears nearly every window.
    low, high = max(low, -9998.0), min(high, 9e19)
    return bool(_clean(values, first, last, values.dtype.type(low), values.dtype.type(high)))


def _nodata_range(nodata: float | None, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if nodata is None or math.isnan(nodata):
        return dtype.type(1), dtype.type(0)
    if abs(nodata) >= MAX_MAGNITUDE:
        limit = dtype.type(MAX_MAGNITUDE)
        return (limit, dtype.type(math.inf)) if nodata > 0 else (dtype.type(-math.inf), -limit)
    return dtype.type(nodata), dtype.type(nodata)


@njit(nogil=True, cache=True)
def _clean(values: Any, first: Any, last: Any, low: Any, high: Any) -> bool:
    nan = values.dtype.type(np.nan)
    suspicious = False
    for row in range(values.shape[0]):
        line = values[row]
        # Most rows hold neither nodata nor outliers: a pass that only reads settles them.
        touched = False
        for col in range(line.size):
            value = line[col]
            touched |= (value < low) | (value > high) | ((value >= first) & (value <= last))
        if touched:
            for col in range(line.size):
                value = line[col]
                unknown = (value >= first) & (value <= last)
                suspicious |= ((value < low) | (value > high)) & (not unknown)
                line[col] = nan if unknown else value
    return suspicious


def outside(
    values: FloatArray, low: float, high: float, *, fill_values: tuple[float, ...] = FILL_VALUES
) -> NDArray[np.bool_]:
    """Mark values below ``low``, above ``high``, infinite, or one of ``fill_values``.

    Examples
    --------
    >>> outside(np.array([[1.0, -9999.0, np.inf, np.nan]]), -1e30, 1e30)
    array([[False,  True,  True, False]])
    """
    return (values < low) | (values > high) | np.isinf(values) | np.isin(values, fill_values)


def first_outside(
    values: FloatArray, low: float, high: float, *, fill_values: tuple[float, ...] = FILL_VALUES
) -> tuple[int, int] | None:
    """Return row and column of the first value that :func:`outside` marks, or None.

    Examples
    --------
    >>> first_outside(np.array([[0.0, 3.0], [-1.0, 2.0]]), 0.0, 1e10)
    (1, 0)
    >>> first_outside(np.array([[0.0, np.nan]]), 0.0, 1e10) is None
    True
    """
    marked = outside(values, low, high, fill_values=fill_values)
    if not marked.any():
        return None
    row, col = np.unravel_index(int(np.argmax(marked)), values.shape)
    return int(row), int(col)


def describe_cell(grid: Grid, window: Window, cell: tuple[int, int]) -> str:
    """Return row, column and centre coordinates of a cell of ``window``, for messages.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 9000), (9, 4))
    >>> describe_cell(grid, grid.window, (2, 1))
    'row 2, column 1 (x 1500, y 6500)'
    """
    row, col = window.row + cell[0], window.col + cell[1]
    width, height = grid.cell_size
    x, y = grid.transform.c + (col + 0.5) * width, grid.transform.f - (row + 0.5) * height
    return f"row {row}, column {col} (x {x:.10g}, y {y:.10g})"
