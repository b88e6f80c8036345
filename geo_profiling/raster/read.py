"""Reading GeoTIFFs: open safely, then stream windows of floats with NaN as nodata."""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from pyproj import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from geo_profiling.crs import parse_crs, same_crs
from geo_profiling.errors import CRSError, InputError, UsageError, ValueRangeError
from geo_profiling.extent import require_plausible_extent
from geo_profiling.paths import safe_path
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.preflight import MAX_BLOCK_BYTES, check_header
from geo_profiling.raster.source import FloatArray, Source, float_type, wrap
from geo_profiling.raster.values import Quantity, first_outside, mask_and_scale, value_limits

#: Open handles that each thread keeps; one more closes the one used longest ago.
MAX_HANDLES_PER_THREAD = 16
_DAMAGED = "the file is damaged: copy or download it again and compare its checksum"
_handles = threading.local()


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


@dataclass(frozen=True)
class RasterFile:
    """One band of a checked GeoTIFF, as a :class:`geo_profiling.raster.source.Source`.

    Made by :func:`open_raster`. Holds no open file: it can be pickled and sent to workers, and
    each thread that reads opens its own handle.

    Parameters
    ----------
    path : Path
        Absolute.
    name : str
        Named in messages.
    grid : Grid
        North-up; a file stored otherwise is turned while reading.
    dtype : numpy.dtype
        float32 or float64, what :meth:`read` gives.
    block_shape : tuple of int
        Rows and columns of a stored block, in the grid's orientation.
    band : int
        From 1.
    stored_dtype : numpy.dtype
        In the file.
    nodata : float or None
        The value that stands for "unknown"; None where there is none.
    scale, offset : float
        Values are ``stored * scale + offset``.
    masked : bool
        An internal mask or alpha band marks further unknown cells.
    quantity : str
        What the values are, see :data:`geo_profiling.raster.values.Quantity`.
    orientation : Orientation
        How the file is stored.
    stamp : tuple of int
        Size and modification time when it was checked; a change since then is an error.
    """

    path: Path
    name: str
    grid: Grid
    dtype: np.dtype[Any]
    block_shape: tuple[int, int]
    band: int
    stored_dtype: np.dtype[Any]
    nodata: float | None
    scale: float
    offset: float
    masked: bool
    quantity: Quantity
    orientation: Orientation
    stamp: tuple[int, int]

    def read(self, window: Window) -> FloatArray:
        """Return the window's values: scale and offset applied, NaN where there is no data.

        Returns
        -------
        numpy.ndarray
            A new C-contiguous array of the window's shape and :attr:`dtype`.

        Raises
        ------
        InputError
            If the file is damaged there, or changed since it was opened.
        ValueRangeError
            If a value cannot be of the file's ``quantity`` (negative people, infinity, ...); its
            row, column and coordinates are named.
        """
        values = self.read_unchecked(window)
        low, high = value_limits(self.quantity, self.grid)
        found = first_outside(values, low, high)
        if found is not None:
            raise ValueRangeError(
                f"{self.name}: {_describe_cell(self.grid, window, found)} is {values[found]:g}, "
                f"which a raster of quantity '{self.quantity}' cannot hold ({low:g} to {high:g})",
                hint=f"declare the value as nodata if it means 'no data' (nodata: {values[found]:g}), "
                "or correct the file",
            )
        return values

    def read_unchecked(self, window: Window) -> FloatArray:
        """Return what :meth:`read` does, whatever the values are."""
        if (
            min(window.row, window.col) < 0
            or window.row_stop > self.grid.shape[0]
            or window.col_stop > self.grid.shape[1]
        ):
            raise UsageError(f"{self.name}: {window} lies outside the raster of {self.grid.shape} cells")
        turned = self.orientation
        stored = _stored_window(window, self.grid.shape, turned)
        values = self._read_stored(stored)
        if turned != Orientation():
            values = values[:: -1 if turned.rows_reversed else 1, :: -1 if turned.cols_reversed else 1]
            return np.ascontiguousarray(values.T if turned.transposed else values)
        return values

    def _read_stored(self, window: RasterioWindow) -> FloatArray:
        values: FloatArray = np.empty((window.height, window.width), self.dtype)
        dataset = _dataset(self.path, self.stamp, self.name)
        try:
            # GDAL converts from the stored type while it copies out of its block cache.
            dataset.read(self.band, window=window, out=values)
            mask = dataset.read_masks(self.band, window=window) if self.masked else None
        except RasterioError as error:
            _handles.open.pop((self.path, self.stamp), None)
            raise InputError(
                f"{self.name}: cannot be read at stored rows {window.row_off}-{window.row_off + window.height - 1}, "
                f"columns {window.col_off}-{window.col_off + window.width - 1}: {_cause(error)}",
                hint=_DAMAGED,
            ) from error
        mask_and_scale(values, self.nodata, self.scale, self.offset)
        if mask is not None:
            values[mask == 0] = np.nan
        return values


def _stored_window(window: Window, shape: tuple[int, int], turned: Orientation) -> RasterioWindow:
    row, col, height, width = window.row, window.col, window.height, window.width
    if turned.transposed:
        row, col, height, width, shape = col, row, width, height, shape[::-1]
    if turned.rows_reversed:
        row = shape[0] - row - height
    if turned.cols_reversed:
        col = shape[1] - col - width
    return RasterioWindow(col, row, width, height)


def _dataset(path: Path, stamp: tuple[int, int], name: str) -> Any:
    """Return this thread's open handle of the file."""
    if not hasattr(_handles, "open"):
        _handles.open = OrderedDict()
    opened: OrderedDict[Any, Any] = _handles.open
    key = (path, stamp)
    if key in opened:
        opened.move_to_end(key)
        return opened[key]
    if _stamp(path, name) != stamp:
        raise InputError(f"{name}: the file changed while it was in use", hint="start again once it is complete")
    opened[key] = _open_rasterio(path, name)
    if len(opened) > MAX_HANDLES_PER_THREAD:
        opened.popitem(last=False)[1].close()
    return opened[key]


def _open_rasterio(path: Path, name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # Handles must not be shared between threads; naming the driver keeps every other one out.
            return rasterio.open(path, driver="GTiff", sharing=False)
    except RasterioError as error:
        raise InputError(f"{name}: not a readable GeoTIFF: {_cause(error)}", hint=_DAMAGED) from error


def _stamp(path: Path, name: str) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{name}: the file can no longer be reached: {error}", hint="start again") from error
    return status.st_size, status.st_mtime_ns


def _cause(error: BaseException) -> str:
    """GDAL's own words, which rasterio hides behind "See previous exception"."""
    innermost = error
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    return str(innermost).splitlines()[0] if str(innermost) else type(innermost).__name__


def _describe_cell(grid: Grid, window: Window, cell: tuple[int, int]) -> str:
    row, col = window.row + cell[0], window.col + cell[1]
    width, height = grid.cell_size
    x, y = grid.transform.c + (col + 0.5) * width, grid.transform.f - (row + 0.5) * height
    return f"row {row}, column {col} (x {x:.10g}, y {y:.10g})"


def open_raster(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    roots: Sequence[Path] | None = None,
    crs: str | CRS | None = None,
    nodata: float | None = None,
    band: int | None = None,
    quantity: Quantity = "any",
) -> RasterFile:
    """Open one band of a GeoTIFF, checked before anything is computed from it.

    Side files (``.aux.xml``, ``.ovr``, ``.msk``, ``.tfw``) are never obeyed. Rasters stored
    south-up, mirrored or turned by 90 degrees are turned; internal masks, alpha bands, palettes,
    scale and offset and BigTIFF are handled.

    Parameters
    ----------
    path : str or path-like
        A local GeoTIFF, by content.
    name : str, optional
        Named in messages; the file's name by default.
    roots : sequence of Path, optional
        Folders the file may lie in, see :func:`geo_profiling.paths.safe_path`.
    crs : str or pyproj.CRS, optional
        The CRS of a file that has none; must agree with the file's own if it has one.
    nodata : float, optional
        The value that means "unknown", instead of what the file declares; NaN says that no
        value does.
    band : int, optional
        From 1; needed when there are several.
    quantity : str
        What the values are, see :data:`geo_profiling.raster.values.Quantity`; reading a value
        that it cannot have raises.

    Returns
    -------
    RasterFile
        A :class:`geo_profiling.raster.source.Source`.

    Raises
    ------
    InputError
        If the path is refused, the file is no GeoTIFF, truncated, damaged, beyond the limits of
        :mod:`geo_profiling.raster.preflight`, not placed on the ground or rotated, or the band
        is not named or not there.
    CRSError
        If there is no CRS, or the coordinates cannot be in it.

    Examples
    --------
    >>> open_raster("sample_data/population_1km.tif", quantity="count")  # doctest: +SKIP
    """
    real = safe_path(path, roots=roots)
    name = name or real.name
    stamp = _stamp(real, name)
    check_header(real, name=name)
    with _open_rasterio(real, name) as dataset:
        number = _choose_band(dataset, band, name=name)
        grid, orientation = _grid(dataset, crs, name=name)
        block_rows, block_cols = dataset.block_shapes[number - 1]
        stored = np.dtype(dataset.dtypes[number - 1])
        if stored.kind not in "fiu":
            raise InputError(f"{name}: band {number} holds {stored} values", hint="convert it to a real number type")
        _check_block(dataset, (block_rows, block_cols), stored, name=name)
        scale, offset = float(dataset.scales[number - 1]), float(dataset.offsets[number - 1])
        if not (math.isfinite(scale) and math.isfinite(offset)) or scale == 0:
            raise InputError(f"{name}: scale {scale:g} and offset {offset:g} give no values", hint="correct its header")
        declared = dataset.nodatavals[number - 1]
        flags = dataset.mask_flag_enums[number - 1]
        return RasterFile(
            path=real,
            name=name,
            grid=grid,
            # Scaled integers are no binary fractions: keep what double precision keeps of them.
            dtype=float_type(stored) if (scale, offset) == (1.0, 0.0) else np.dtype(np.float64),
            block_shape=(block_cols, block_rows) if orientation.transposed else (block_rows, block_cols),
            band=number,
            stored_dtype=stored,
            nodata=declared if nodata is None else nodata,
            scale=scale,
            offset=offset,
            masked=bool({MaskFlags.per_dataset, MaskFlags.alpha} & set(flags)) and MaskFlags.all_valid not in flags,
            quantity=quantity,
            orientation=orientation,
            stamp=stamp,
        )


def _choose_band(dataset: Any, band: int | None, *, name: str) -> int:
    data_bands = [n for n, kind in enumerate(dataset.colorinterp, start=1) if kind != ColorInterp.alpha]
    if band is None:
        if len(data_bands) == 1:
            return data_bands[0]
        described = ", ".join(f"{n} ({dataset.descriptions[n - 1] or 'no description'})" for n in data_bands[:12])
        raise InputError(f"{name}: has {len(data_bands)} bands: {described}", hint="name the one to read (band: 1)")
    if not 1 <= band <= dataset.count:
        raise InputError(f"{name}: has no band {band}, only 1 to {dataset.count}", hint="name one that exists")
    return band


def _grid(dataset: Any, declared: str | CRS | None, *, name: str) -> tuple[Grid, Orientation]:
    own = parse_crs(dataset.crs.to_wkt(), what=name) if dataset.crs else None
    crs = own if declared is None else parse_crs(declared, what=f"{name}: declared CRS")
    if crs is None:
        raise CRSError(f"{name}: no coordinate reference system", hint="declare the CRS in the file or config")
    if own is not None and not same_crs(own, crs):
        raise CRSError(
            f"{name}: the file says {own.name}, the declaration {crs.name}",
            hint="correct the declaration, or the file (gdal_edit.py -a_srs)",
        )
    transform, shape, orientation = _north_up(dataset.transform, dataset.shape, name=name)
    grid = Grid(crs, transform, shape)
    require_plausible_extent(crs, grid.bounds, what=name, tolerance=max(grid.cell_size))
    if crs.is_projected and max(grid.cell_size) < 0.01 and max(map(abs, grid.bounds)) <= 180:
        raise CRSError(
            f"{name}: cells of {grid.cell_size[0]:g} x {grid.cell_size[1]:g} look like degrees, not like {crs.name}",
            hint="assign the CRS the coordinates are really in",
        )
    return grid, orientation


def _north_up(transform: Affine, shape: tuple[int, int], *, name: str) -> tuple[Affine, tuple[int, int], Orientation]:
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


def _check_block(dataset: Any, block: tuple[int, int], stored: np.dtype[Any], *, name: str) -> None:
    interleaved = dataset.count if dataset.interleaving and dataset.interleaving.name == "pixel" else 1
    size = block[0] * block[1] * stored.itemsize * interleaved
    if size > MAX_BLOCK_BYTES:
        raise InputError(
            f"{name}: stored in blocks of {block[0]} x {block[1]} cells ({size / 1024**2:.0f} MiB each), "
            f"at most {MAX_BLOCK_BYTES // 1024**2} MiB are read",
            hint="rewrite it with small blocks (gdal_translate -co TILED=YES -co COMPRESS=DEFLATE)",
        )


def to_dataarray(source: Source) -> xr.DataArray:
    """Read a whole raster into a DataArray with coordinates and ``spatial_ref``, NaN as nodata.

    Examples
    --------
    >>> to_dataarray(open_raster("sample_data/population_1km.tif"))  # doctest: +SKIP
    """
    return wrap(source.read(source.grid.window), source.grid, name=source.name)
