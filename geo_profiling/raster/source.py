"""What the tiled core reads from: a grid, a block shape and windows of floats with NaN as nodata.

A file (:class:`geo_profiling.raster.read.RasterFile`) and an xarray DataArray, plain or
Dask-backed (:class:`ArraySource`), look the same to every method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.crs import CRS as OdcCRS  # noqa: N811 - tells it from pyproj's
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from geo_profiling.crs import parse_crs
from geo_profiling.errors import GridError
from geo_profiling.raster.grid import Grid, Window

FloatArray = NDArray[np.float32] | NDArray[np.float64]


@runtime_checkable
class Source(Protocol):
    """One band that can be read window by window, from any thread."""

    @property
    def name(self) -> str:
        """Named in messages."""

    @property
    def grid(self) -> Grid:
        """The north-up grid of the band."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: what :meth:`read` gives."""

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns that are stored together; windows in its multiples read fastest."""

    def read(self, window: Window) -> FloatArray:
        """Return the window's values, scale and offset applied, NaN where there is no data."""


def float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Smallest float type that holds every value of ``dtype`` that rasters of ours carry.

    32-bit integers go to float64: square metres in a cell of 5 km and more pass 2**24.
    """
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def grid_of(data: xr.DataArray, *, name: str = "raster") -> Grid:
    """Return the grid of a two-dimensional DataArray that carries a CRS (``spatial_ref``).

    A south-up array gives the north-up grid it has after turning.

    Raises
    ------
    GridError
        If the array is not two-dimensional, its dimensions are not rows and columns in this order, or
        its coordinates are not evenly spaced.
    CRSError
        If it carries no CRS.

    Examples
    --------
    >>> grid = Grid(parse_crs("ESRI:54009", what=""), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> grid_of(wrap(np.zeros((2, 3)), grid)) == grid
    True
    """
    if data.ndim != 2:
        raise GridError(f"{name}: {data.ndim} dimensions {data.dims}, two are wanted (rows, columns)")
    box = data.odc.geobox
    if isinstance(box, GeoBox) and tuple(data.dims) != tuple(data.odc.spatial_dims):
        raise GridError(f"{name}: the dimensions are {data.dims}, not rows and columns", hint="transpose it")
    if not isinstance(box, GeoBox) or not _evenly_spaced(data, box):
        raise GridError(f"{name}: the coordinates of {data.dims} do not form an evenly spaced grid")
    crs = parse_crs(None if box.crs is None else box.crs.to_wkt(), what=name)
    transform = Affine(*box.transform[:6])
    if transform.e > 0:
        transform = transform * Affine.translation(0, data.shape[0]) * Affine.scale(1, -1)
    return Grid(crs, transform, (data.shape[0], data.shape[1]))


def _evenly_spaced(data: xr.DataArray, box: GeoBox) -> bool:
    """Tell whether the coordinates are those of the box, which looks at the first two of them only."""
    transform = Affine(*box.transform[:6])
    starts, steps = (transform.f, transform.c), (transform.e, transform.a)
    for dimension, start, step in zip(data.dims, starts, steps, strict=True):
        if dimension in data.coords:
            expected = start + (np.arange(data.sizes[dimension]) + 0.5) * step
            # A tenth of a cell: coordinates in float32 are off by half a metre.
            if not (np.abs(data[dimension].values - expected) <= 0.1 * abs(step)).all():
                return False
    return True


@lru_cache(maxsize=16)
def _odc_crs(wkt: str) -> OdcCRS:
    # It looks its EPSG code up once, which takes a tenth of a second where there is none.
    return OdcCRS(wkt)


def wrap(values: NDArray[Any], grid: Grid, *, name: str | None = None, nodata: float | None = None) -> xr.DataArray:
    """Return a DataArray of ``values`` on ``grid``, with coordinates and ``spatial_ref``.

    Examples
    --------
    >>> grid = Grid(parse_crs("ESRI:54009", what=""), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> wrap(np.zeros((2, 3)), grid, name="population").dims
    ('y', 'x')
    """
    box = GeoBox(grid.shape, grid.transform, _odc_crs(grid.crs.to_wkt()))
    coords = xr_coords(box, always_yx=True)
    attrs = {} if nodata is None else {"_FillValue": nodata}
    return xr.DataArray(values, coords=coords, dims=("y", "x"), name=name, attrs=attrs)


@dataclass(frozen=True)
class CroppedSource:
    """A window of another source, as a source of its own.

    Parameters
    ----------
    source : Source
    window : Window
        In the cells of ``source``.

    Examples
    --------
    >>> grid = Grid(parse_crs("ESRI:54009", what=""), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> whole = ArraySource(wrap(np.arange(6.0).reshape(2, 3), grid), "population")
    >>> CroppedSource(whole, Window(1, 1, 1, 2)).read(Window(0, 0, 1, 2))
    array([[4., 5.]])
    """

    source: Source
    window: Window

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    @property
    def grid(self) -> Grid:
        """The grid of the window."""
        return self.source.grid.crop(self.window)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As the source's."""
        return self.source.dtype

    @property
    def block_shape(self) -> tuple[int, int]:
        """As the source's."""
        return self.source.block_shape

    def read(self, window: Window) -> FloatArray:
        """Return the values of a window, counted from the crop's corner."""
        row, col = self.window.row + window.row, self.window.col + window.col
        return self.source.read(Window(row, col, window.height, window.width))


@dataclass(frozen=True)
class ArraySource:
    """A two-dimensional DataArray, plain or Dask-backed, as a :class:`Source`.

    Integer arrays take their nodata from the attribute ``_FillValue`` (or ``nodata``); in float
    arrays NaN is nodata as well. A Dask-backed array is computed window by window in the calling
    thread: the core's own threads are the parallelism.

    Parameters
    ----------
    data : xarray.DataArray
        Shape (rows, columns), with a CRS.
    name : str
        Named in messages.

    Examples
    --------
    >>> grid = Grid(parse_crs("ESRI:54009", what=""), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> ArraySource(wrap(np.ones((2, 3)), grid), "population").read(grid.window).sum()
    np.float64(6.0)
    """

    data: xr.DataArray
    name: str = "raster"
    grid: Grid = field(init=False)
    _south_up: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", grid_of(self.data, name=self.name))
        object.__setattr__(self, "_south_up", self.data.odc.geobox.transform.e > 0)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return float_type(self.data.dtype)

    @property
    def block_shape(self) -> tuple[int, int]:
        """The first chunk of a Dask-backed array, or the whole array."""
        chunks = self.data.chunks
        return (chunks[0][0], chunks[1][0]) if chunks else self.grid.shape

    def read(self, window: Window) -> FloatArray:
        """Return the window as floats with NaN as nodata."""
        rows, cols = window.slices
        if self._south_up:
            rows = slice(self.grid.shape[0] - rows.stop, self.grid.shape[0] - rows.start)
        part = self.data.data[rows, cols]
        stored = np.asarray(part.compute(scheduler="synchronous") if hasattr(part, "compute") else part)
        values: FloatArray = stored.astype(self.dtype)
        nodata = self.data.attrs.get("_FillValue", self.data.attrs.get("nodata"))
        if nodata is not None and not np.isnan(nodata):
            values[stored == nodata] = np.nan
        return values[::-1] if self._south_up else values
