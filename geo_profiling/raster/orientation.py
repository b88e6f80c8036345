"""Rasters that are stored south-up, mirrored or turned by 90 degrees, and how they are put right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow

from geo_profiling.errors import InputError
from geo_profiling.raster.grid import Window


@dataclass(frozen=True)
class Orientation:
    """How the stored rows and columns are turned to lie north-up.

    Parameters
    ----------
    rows_reversed, cols_reversed : bool
        The stored rows (columns) run the other way; put right first.
    transposed : bool
        Stored rows are the grid's columns (a raster turned by 90 degrees).
    """

    rows_reversed: bool = False
    cols_reversed: bool = False
    transposed: bool = False

    def stored_window(self, window: Window, shape: tuple[int, int]) -> RasterioWindow:
        """Return where a window of the north-up grid of ``shape`` lies in the file."""
        row, col, height, width = window.row, window.col, window.height, window.width
        if self.transposed:
            row, col, height, width, shape = col, row, width, height, shape[::-1]
        if self.rows_reversed:
            row = shape[0] - row - height
        if self.cols_reversed:
            col = shape[1] - col - width
        return RasterioWindow(col, row, width, height)

    def turn(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return stored values north-up, C-contiguous."""
        values = values[:: -1 if self.rows_reversed else 1, :: -1 if self.cols_reversed else 1]
        return np.ascontiguousarray(values.T if self.transposed else values)


def north_up(transform: Affine, shape: tuple[int, int], *, name: str) -> tuple[Affine, tuple[int, int], Orientation]:
    """Return transform and shape that a stored raster has once it lies north-up, and how to turn it.

    Parameters
    ----------
    transform : affine.Affine
        As stored.
    shape : tuple of int
        Rows and columns as stored.
    name : str
        Named in the error.

    Raises
    ------
    InputError
        If the raster is rotated by anything but a multiple of 90 degrees.

    Examples
    --------
    >>> transform, shape, orientation = north_up(Affine(1, 0, 5, 0, 1, 7), (2, 3), name="pop.tif")
    >>> transform.f, transform.e, orientation.rows_reversed
    (9.0, -1.0, True)
    """
    a, b, c, d, e, f = transform[:6]
    rows, cols = shape
    if not all(math.isfinite(value) for value in (a, b, c, d, e, f)):
        raise InputError(f"{name}: its geotransform {transform[:6]} is not finite", hint="georeference it again")
    if b == d == 0 and a and e:
        orientation = Orientation(rows_reversed=e > 0, cols_reversed=a < 0)
        width, height, grid_shape = a, e, (rows, cols)
        spans = (a * cols, e * rows)
    elif a == e == 0 and b and d:
        orientation = Orientation(rows_reversed=b < 0, cols_reversed=d > 0, transposed=True)
        width, height, grid_shape = b, d, (cols, rows)
        spans = (b * rows, d * cols)
    else:
        raise InputError(
            f"{name}: rotated, geotransform {tuple(round(value, 9) for value in transform[:6])}",
            hint="warp it north-up first (gdalwarp)",
        )
    left, top = c + min(0.0, spans[0]), f + max(0.0, spans[1])
    return Affine(abs(width), 0.0, left, 0.0, -abs(height), top), grid_shape, orientation
