"""The whole of a raster streamed once, to tell what its values show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from geo_profiling.compute import Compute
from geo_profiling.raster.grid import Window
from geo_profiling.raster.source import FloatArray, Source
from geo_profiling.raster.tiling import tile_shape
from geo_profiling.raster.values import FILL_VALUES, MAX_MAGNITUDE, Quantity, describe_cell, value_limits

#: The greatest values of the integer types: nodata, more often than not, where none is declared.
TYPE_LIMITS = (127.0, 255.0, 32767.0, 65535.0, 2147483647.0, 4294967295.0)


@dataclass(frozen=True)
class Outlier:
    """Cells that break one rule.

    Parameters
    ----------
    rule : str
        "infinite", "fill", "negative" or "above".
    cells : int
        How many.
    where : str
        The first of them: row, column, coordinates.
    value : float
        Of the first of them.
    """

    rule: str
    cells: int
    where: str
    value: float


@dataclass(frozen=True)
class Facts:
    """What the values of a raster, or of one window, show.

    Parameters
    ----------
    valid : int
        Cells that hold data.
    low, high : float
        Least and greatest finite value; NaN without any.
    outliers : tuple of Outlier
        At most one for each rule.
    at_type_limit : tuple of int
        Cells at each of :data:`TYPE_LIMITS`.
    """

    valid: int
    low: float
    high: float
    outliers: tuple[Outlier, ...]
    at_type_limit: tuple[int, ...]


def scan(source: Source, *, quantity: Quantity, compute: Compute, window: Window | None = None) -> Facts:
    """Stream a raster, or a window of it, and return what its values show.

    Examples
    --------
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 9000), (2, 2))
    >>> values = wrap(np.array([[1.0, np.nan], [-3.0, 2.0]]), grid)
    >>> facts = scan(ArraySource(values), quantity="count", compute=Compute(threads=1))
    >>> facts.valid, facts.high, facts.outliers[0].where
    (3, 2.0, 'row 1, column 0 (x 500, y 7500)')
    """
    area = source.grid.window if window is None else window
    windows = [
        Window(area.row + tile.row, area.col + tile.col, tile.height, tile.width)
        for tile in source.grid.crop(area).tiles(tile_shape([source], threads=compute.parallel))
    ]
    task = partial(_window_facts, source, quantity)
    return _merge(compute.map(task, windows, label=f"checking {source.name}", total=len(windows)))


def _window_facts(source: Source, quantity: Quantity, window: Window) -> Facts:
    read = getattr(source, "read_unchecked", source.read)
    values: FloatArray = read(window)
    unknown = int(np.count_nonzero(np.isnan(values)))
    finite = np.isfinite(values)
    some = bool(finite.any())
    high = float(np.max(values, where=finite, initial=-math.inf)) if some else math.nan
    return Facts(
        valid=values.size - unknown,
        low=float(np.min(values, where=finite, initial=math.inf)) if some else math.nan,
        high=high,
        outliers=_outliers(values, quantity, source, window),
        at_type_limit=tuple(int(np.count_nonzero(values == limit)) if limit <= high else 0 for limit in TYPE_LIMITS),
    )


def _outliers(values: FloatArray, quantity: Quantity, source: Source, window: Window) -> tuple[Outlier, ...]:
    low, high = value_limits(quantity, source.grid)
    if not bool(((values < max(low, -9998.0)) | (values > min(high, 9e19))).any()):
        return ()
    infinite = np.isinf(values)
    fill = ~infinite & (np.isin(values, getattr(source, "fill_values", FILL_VALUES)) | (np.abs(values) > MAX_MAGNITUDE))
    rest = ~(infinite | fill)
    marks = {"infinite": infinite, "fill": fill, "negative": rest & (values < low), "above": rest & (values > high)}
    found = []
    for rule, mark in marks.items():
        if mark.any():
            row, col = (int(index) for index in np.unravel_index(int(np.argmax(mark)), values.shape))
            where = describe_cell(source.grid, window, (row, col))
            found.append(Outlier(rule, int(np.count_nonzero(mark)), where, float(values[row, col])))
    return tuple(found)


def _merge(parts: Iterable[Facts]) -> Facts:
    valid, low, high = 0, math.nan, math.nan
    outliers: dict[str, Outlier] = {}
    at_limit = [0] * len(TYPE_LIMITS)
    for part in parts:
        valid += part.valid
        low, high = float(np.fmin(low, part.low)), float(np.fmax(high, part.high))
        at_limit = [total + cells for total, cells in zip(at_limit, part.at_type_limit, strict=True)]
        for found in part.outliers:
            first = outliers.get(found.rule)
            cells = found.cells + (first.cells if first else 0)
            keep = first or found
            outliers[found.rule] = Outlier(found.rule, cells, keep.where, keep.value)
    return Facts(valid, low, high, tuple(outliers.values()), tuple(at_limit))
