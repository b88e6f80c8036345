"""Reading GeoTIFFs: open safely, then stream windows of floats with NaN as nodata."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pyproj import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, same_crs
from geo_profiling.errors import CRSError, InputError, UsageError, ValueRangeError
from geo_profiling.extent import require_plausible_extent
from geo_profiling.findings import Finding
from geo_profiling.paths import safe_path
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.handles import DAMAGED, cause, file_stamp, forget_dataset, open_dataset, thread_dataset
from geo_profiling.raster.orientation import Orientation, north_up
from geo_profiling.raster.preflight import MAX_BLOCK_BYTES, check_header
from geo_profiling.raster.scan import TYPE_LIMITS, Facts, Outlier, scan
from geo_profiling.raster.source import FloatArray, Source, float_type, wrap
from geo_profiling.raster.values import FILL_VALUES, Quantity, clean, describe_cell, first_outside, value_limits


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
    fill_values : tuple of float
        Values taken for undeclared nodata; none when the caller said what nodata is.
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
    fill_values: tuple[float, ...]
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
        low, high = value_limits(self.quantity, self.grid)
        values, suspicious = self._read(window, low, high)
        found = first_outside(values, low, high, fill_values=self.fill_values) if suspicious else None
        if found is not None:
            raise ValueRangeError(
                f"{self.name}: {describe_cell(self.grid, window, found)} is {values[found]:g}, "
                f"which a raster of quantity '{self.quantity}' cannot hold",
                hint=f"if {values[found]:g} means 'no data', declare it (nodata: {values[found]:g}), "
                "else correct the file",
            )
        return values

    def read_unchecked(self, window: Window) -> FloatArray:
        """Return what :meth:`read` does, whatever the values are."""
        return self._read(window, -math.inf, math.inf)[0]

    def _read(self, window: Window, low: float, high: float) -> tuple[FloatArray, bool]:
        if window.expand(0, within=self.grid.shape) != window:
            raise UsageError(f"{self.name}: {window} lies outside the raster of {self.grid.shape} cells")
        turned = self.orientation
        values, suspicious = self._read_stored(turned.stored_window(window, self.grid.shape), low, high)
        if turned != Orientation():
            values = turned.turn(values)
        return values, suspicious

    def _read_stored(self, window: RasterioWindow, low: float, high: float) -> tuple[Any, bool]:
        values = np.empty((window.height, window.width), self.dtype)
        dataset = thread_dataset(self.path, self.stamp, self.name)
        try:
            # GDAL converts from the stored type while it copies out of its block cache.
            dataset.read(self.band, window=window, out=values)
            mask = dataset.read_masks(self.band, window=window) if self.masked else None
        except RasterioError as error:
            forget_dataset(self.path, self.stamp)
            raise InputError(
                f"{self.name}: cannot be read at stored rows {window.row_off}-{window.row_off + window.height - 1}, "
                f"columns {window.col_off}-{window.col_off + window.width - 1}: {cause(error)}",
                hint=DAMAGED,
            ) from error
        if mask is not None:
            values[mask == 0] = np.nan
        if (self.scale, self.offset) == (1.0, 0.0):
            return values, clean(values, self.nodata, low=low, high=high)
        clean(values, self.nodata)
        values *= self.scale
        values += self.offset
        return values, clean(values, None, low=low, high=high)


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
    >>> open_raster("sample_data/population_2020_1km.tif", quantity="count").grid.describe()
    '120 x 140 cells of 1000 x 1000 from (30000, 4.87e+06) in ESRI:54009'
    """
    real = safe_path(path, roots=roots)
    name = name or real.name
    stamp = file_stamp(real, name)
    check_header(real, name=name)
    with open_dataset(real, name) as dataset:
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
            fill_values=FILL_VALUES if nodata is None else (),
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
    transform, shape, orientation = north_up(dataset.transform, dataset.shape, name=name)
    grid = Grid(crs, transform, shape)
    require_plausible_extent(crs, grid.bounds, what=name, tolerance=max(grid.cell_size))
    if crs.is_projected and max(grid.cell_size) < 0.01 and max(map(abs, grid.bounds)) <= 180:
        raise CRSError(
            f"{name}: cells of {grid.cell_size[0]:g} x {grid.cell_size[1]:g} look like degrees, not like {crs.name}",
            hint="assign the CRS the coordinates are really in",
        )
    return grid, orientation


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
    >>> to_dataarray(open_raster("sample_data/population_2020_1km.tif")).sizes["x"]
    140
    """
    return wrap(source.read(source.grid.window), source.grid, name=source.name)


def raster_value_findings(
    source: Source, *, quantity: Quantity = "any", compute: Compute | None = None, window: Window | None = None
) -> list[Finding]:
    """Stream a raster and report every value that ``quantity`` cannot have, and doubtful ones.

    Errors: infinite, negative or absurd values, fill values that are not declared as nodata, the
    greatest value of an integer type where no nodata is declared, no data at all. Warnings: zeros
    declared as nodata, nothing but zeros, an area that looks like a percentage.

    Parameters
    ----------
    source : Source
        A :class:`RasterFile` or any other source.
    quantity : str
        What the values are, see :data:`geo_profiling.raster.values.Quantity`.
    compute : Compute, optional
        Where the windows are read.
    window : Window, optional
        Only these cells; all by default.

    Returns
    -------
    list of Finding
        Errors first; each names the first cell (row, column, coordinates) and the number of cells.

    Examples
    --------
    >>> from affine import Affine
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 9000), (2, 2))
    >>> from geo_profiling.raster.source import ArraySource
    >>> population = ArraySource(wrap(np.array([[1.0, 5.0], [-9999.0, 2.0]]), grid), "pop.tif")
    >>> print(*raster_value_findings(population, quantity="count"))
    pop.tif, row 1, column 0 (x 500, y 7500): -9999 stands in 1 cells and is not declared as nodata
    """
    facts = scan(source, quantity=quantity, compute=compute or Compute(), window=window)
    found = [_outlier_finding(source, outlier, quantity) for outlier in facts.outliers]
    if facts.valid == 0:
        found.append(
            Finding("error", source.name, "", "holds no data: every cell is nodata", "check nodata, band and extent")
        )
        return found
    return found + _type_limit_findings(source, facts, quantity) + _doubts(source, facts, quantity)


def _outlier_finding(source: Source, outlier: Outlier, quantity: Quantity) -> Finding:
    value, cells = f"{outlier.value:g}", outlier.cells
    message = {
        "infinite": f"{value} stands in {cells} cells",
        "fill": f"{value} stands in {cells} cells and is not declared as nodata",
        "negative": f"{cells} cells are negative ({value} here), which a {quantity} cannot be",
        "above": f"{cells} cells are too great for a {quantity} ({value} here)",
    }[outlier.rule]
    remedy = f"if it means 'no data', declare it (nodata: {value}), else correct the file"
    return Finding("error", source.name, outlier.where, message, remedy)


def _type_limit_findings(source: Source, facts: Facts, quantity: Quantity) -> list[Finding]:
    """Report the greatest value of an integer type where it stands too often or is not declared."""
    declared = getattr(source, "nodata", None)
    if quantity in ("class", "any") or facts.high not in TYPE_LIMITS:
        return []
    stored: np.dtype[Any] = getattr(source, "stored_dtype", source.dtype)
    cells = facts.at_type_limit[TYPE_LIMITS.index(facts.high)]
    own_limit = stored.kind in "iu" and facts.high == np.iinfo(stored).max and declared is None
    if not own_limit and cells < max(2, facts.valid // 100):
        return []
    value = f"{facts.high:.0f}"
    message = f"its greatest value {value} stands in {cells} of {facts.valid} cells: probably undeclared nodata"
    remedy = f"declare it (nodata: {value}), or say that no value is nodata (nodata: none)"
    return [Finding("error" if own_limit else "warning", source.name, "", message, remedy)]


def _doubts(source: Source, facts: Facts, quantity: Quantity) -> list[Finding]:
    doubts = []
    if quantity in ("count", "area") and getattr(source, "nodata", None) == 0:
        doubts.append(("0 is declared as nodata: empty cells count as unknown", "declare another nodata value"))
    if quantity in ("count", "area") and facts.low == facts.high == 0:
        doubts.append(("every cell with data is 0", "check file and band"))
    cell_m2 = source.grid.cell_area_km2 * 1e6 if source.grid.crs.is_projected else 0.0
    if quantity == "area" and 0 < facts.high <= 100 and cell_m2 >= 10_000:
        doubts.append(
            (f"its greatest value is {facts.high:g}, little for square metres in cells of {cell_m2:g} m2",
             "check whether it holds shares or percentages")
        )  # fmt: skip
    return [Finding("warning", source.name, "", message, remedy) for message, remedy in doubts]


def raster_info(path: str | os.PathLike[str], *, roots: Sequence[Path] | None = None) -> dict[str, Any]:
    """Return what a GeoTIFF's header says, in plain types, after the checks of :func:`open_raster`.

    Returns
    -------
    dict
        path, format, bytes, rows, columns, cell_width, cell_height, crs, unit, bounds, bands (a
        list of number, description, dtype, nodata, scale, offset), block, compression, mask,
        overviews, stored (how it lies in the file).

    Raises
    ------
    InputError, CRSError
        As :func:`open_raster`; several bands are no error here.

    Examples
    --------
    >>> raster_info("sample_data/population_2020_1km.tif")["crs"]
    'ESRI:54009'
    """
    raster = open_raster(path, roots=roots, band=1)
    with open_dataset(raster.path, raster.name) as dataset:
        bands = [
            {"band": n, "description": description, "dtype": dtype, "nodata": nodata, "scale": scale, "offset": offset}
            for n, description, dtype, nodata, scale, offset in zip(
                range(1, dataset.count + 1),
                dataset.descriptions,
                dataset.dtypes,
                dataset.nodatavals,
                dataset.scales,
                dataset.offsets,
                strict=True,
            )
        ]
        compression = dataset.compression.name if dataset.compression else "none"
        overviews = dataset.overviews(1)
    grid, turned = raster.grid, raster.orientation
    width, height = grid.cell_size
    return {
        "path": str(raster.path),
        "format": "GeoTIFF",
        "bytes": raster.stamp[0],
        "rows": grid.shape[0],
        "columns": grid.shape[1],
        "cell_width": width,
        "cell_height": height,
        "crs": grid.crs.to_string() if grid.crs.to_authority() else grid.crs.name,
        "unit": grid.crs.axis_info[0].unit_name if grid.crs.axis_info else "",
        "bounds": list(grid.bounds),
        "bands": bands,
        "block": list(raster.block_shape),
        "compression": compression,
        "mask": raster.masked,
        "overviews": overviews,
        "stored": "north-up" if turned == Orientation() else "turned to north-up while reading",
    }
