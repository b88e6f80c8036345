"""Writing rasters: windows in any order, published as one valid Cloud Optimized GeoTIFF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import DTypeLike, NDArray
from pyproj import Transformer
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from geo_profiling.atomic import atomic_file, write_error
from geo_profiling.compute import available_cpus
from geo_profiling.crs import parse_crs, same_crs
from geo_profiling.errors import OutputError, UsageError
from geo_profiling.raster.grid import Grid, Window

#: Rows and columns of a stored tile; windows in its multiples are written fastest.
TILE_SIZE = 512


@dataclass
class RasterWriter:
    """Takes the windows of one raster, each once, in any order; made by :func:`create_raster`.

    Parameters
    ----------
    path : Path
        Where the raster will stand; named in messages.
    grid : Grid
    dtype : numpy.dtype
        Of the stored cells.
    """

    path: Path
    grid: Grid
    dtype: np.dtype[Any]
    _dataset: Any
    _corners: set[tuple[int, int]] = field(default_factory=set)
    _cells: int = 0

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Store the cells of a window; call from one thread at a time.

        Parameters
        ----------
        window : Window
            Inside the grid, not overlapping another one.
        values : ndarray
            Of the window's shape and the raster's dtype.

        Raises
        ------
        UsageError
            If shape, dtype or place do not fit, or the window was written before.
        OutputError
            If the disk is full.
        """
        if values.shape != window.shape or values.dtype != self.dtype:
            raise UsageError(
                f"{self.path}: window of {window.shape} {self.dtype} cells given {values.shape} {values.dtype}"
            )
        if window.expand(0, within=self.grid.shape) != window or (window.row, window.col) in self._corners:
            raise UsageError(f"{self.path}: {window} lies outside {self.grid.shape} or was written before")
        with _gdal_errors(self.path):
            self._dataset.write(values, 1, window=RasterioWindow(window.col, window.row, window.width, window.height))
        self._corners.add((window.row, window.col))
        self._cells += window.height * window.width

    def require_complete(self) -> None:
        """Raise :class:`OutputError` unless every cell was written."""
        wanted = self.grid.shape[0] * self.grid.shape[1]
        if self._cells != wanted:
            raise OutputError(f"{self.path}: {self._cells:,} of {wanted:,} cells were written")


@contextmanager
def create_raster(
    path: Path,
    grid: Grid,
    *,
    dtype: DTypeLike,
    nodata: float | None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> Iterator[RasterWriter]:
    """Create a single-band Cloud Optimized GeoTIFF from windows written in any order.

    The windows go to a hidden tiled GeoTIFF beside ``path``; on leaving the block GDAL's COG
    driver copies it, with overviews (nearest cell for integers, mean for floats), DEFLATE, lossless. The
    copy is checked by reading it again and then published in one step. Memory stays below
    about 150 MB whatever the raster's size; the bytes depend on the cells alone, not on the
    order or the shape of the windows.

    Parameters
    ----------
    path : Path
        Of the GeoTIFF; an existing file is replaced once the new one is complete.
    grid : Grid
        Shape (rows, columns), transform and CRS.
    dtype : numpy dtype
        Of the stored cells.
    nodata : float or None
        The value that means "unknown".
    description : str
        Of the band, shown by GIS software.
    tags : mapping of str to str, optional
        Stored as metadata of the file.
    threads : int, optional
        For compression; default all processors this process may use. Never changes the bytes.

    Yields
    ------
    RasterWriter

    Raises
    ------
    OutputError
        If the file cannot be written or cells were left out.

    References
    ----------
    OGC 21-026, Cloud Optimized GeoTIFF Standard.

    Examples
    --------
    >>> import tempfile
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (4, 6))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "classes.tif"
    ...     with create_raster(file, grid, dtype="int16", nodata=-32768) as writer:
    ...         for window in grid.tiles(2):
    ...             writer.write(window, np.full(window.shape, 30, "int16"))
    ...     with rasterio.open(file) as dataset:
    ...         print(dataset.shape, dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"])
    (4, 6) COG
    """
    threads = threads or available_cpus()
    kind = np.dtype(dtype)
    with atomic_file(path) as finished:
        tiles = finished.with_name(f"{finished.name}.tiles")
        with _gdal_errors(path):
            dataset = _open_tiles(tiles, grid, kind, nodata, threads)
        try:
            writer = RasterWriter(path, grid, kind, dataset)
            yield writer
            writer.require_complete()
            with _gdal_errors(path):
                dataset.update_tags(**(tags or {}))
                if description:
                    dataset.set_band_description(1, description)
        finally:
            with _gdal_errors(path):
                dataset.close()
        with _gdal_errors(path):
            # Compression threads only log that the disk is full; the tile would read as "no data".
            with rasterio.open(tiles, driver="GTiff") as written:
                _require_tiles_inside(written, tiles.stat().st_size, path)
            _build_overviews(tiles, grid, kind)
            rasterio.shutil.copy(tiles, finished, driver="COG", **_cog_options(kind, threads))
            tiles.unlink()
            _check(finished, path, grid, kind, nodata)


@contextmanager
def _gdal_errors(path: Path) -> Iterator[None]:
    # Not every error of GDAL reaches Python as a RasterioError.
    try:
        yield
    except (RasterioError, CPLE_BaseError) as error:
        raise write_error(path, error) from error


def _open_tiles(path: Path, grid: Grid, dtype: np.dtype[Any], nodata: float | None, threads: int) -> Any:
    return rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.shape[0],
        width=grid.shape[1],
        count=1,
        dtype=dtype.name,
        nodata=nodata,
        crs=rasterio.CRS.from_wkt(grid.crs.to_wkt()),
        transform=grid.transform,
        tiled=True,
        blockxsize=TILE_SIZE,
        blockysize=TILE_SIZE,
        compress="ZSTD",
        zstd_level=1,
        num_threads=threads,
        bigtiff="IF_SAFER",
    )


def _build_overviews(path: Path, grid: Grid, dtype: np.dtype[Any]) -> None:
    """Halve the raster until it fits one tile.

    The COG driver would build the same, but compresses its temporary copies as the final ones: a
    quarter more processor time in all.
    """
    factors: list[int] = []
    while max(grid.shape) >> len(factors) > TILE_SIZE:
        factors.append(2 << len(factors))
    if factors:
        resampling = Resampling.average if dtype.kind == "f" else Resampling.nearest
        with (
            rasterio.Env(COMPRESS_OVERVIEW="ZSTD", ZSTD_LEVEL_OVERVIEW="1", BIGTIFF_OVERVIEW="IF_SAFER"),
            rasterio.open(path, "r+", driver="GTiff") as dataset,
        ):
            dataset.build_overviews(factors, resampling)


def _cog_options(dtype: np.dtype[Any], threads: int) -> dict[str, str]:
    # DEFLATE, as any GDAL and QGIS reads it. Long runs of one class compress worse, and slower, with
    # a predictor; measured on class rasters, level 1 costs a third of level 6 for 20 % more bytes.
    floats = dtype.kind == "f"
    return {
        "BLOCKSIZE": str(TILE_SIZE),
        "COMPRESS": "DEFLATE",
        "LEVEL": "1",
        "PREDICTOR": "YES" if floats else "NO",
        "NUM_THREADS": str(threads),
        "BIGTIFF": "IF_SAFER",
    }


def _check(finished: Path, path: Path, grid: Grid, dtype: np.dtype[Any], nodata: float | None) -> None:
    """Read the finished file again: its header, and that every stored tile lies inside the file."""
    size = finished.stat().st_size
    with rasterio.open(finished, driver="GTiff") as dataset:
        same_nodata = dataset.nodata == nodata or (
            nodata is not None and dataset.nodata is not None and np.isnan([nodata, dataset.nodata]).all()
        )
        sound = (
            dataset.shape == grid.shape
            and dataset.dtypes[0] == dtype.name
            and same_nodata
            and dataset.transform == grid.transform
            and dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG"
            and _same_place(dataset.crs, grid)
        )
        overviews = len(dataset.overviews(1))
    if not sound:
        raise OutputError(f"{path}: what was written does not read back as written")
    for level in range(-1, overviews):
        options = {} if level < 0 else {"OVERVIEW_LEVEL": level}
        with rasterio.open(finished, driver="GTiff", **options) as dataset:
            _require_tiles_inside(dataset, size, path)


def _same_place(stored: Any, grid: Grid) -> bool:
    """Tell whether the CRS read back places the grid where it was; its spelling may have changed."""
    if stored is None:
        return False
    crs = parse_crs(stored.to_wkt(), what="written raster")
    if same_crs(crs, grid.crs):
        return True
    x, y = grid.transform * (grid.shape[1] / 2, grid.shape[0] / 2)
    back = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
    return bool(np.hypot(back[0] - x, back[1] - y) < 1e-3 * min(grid.cell_size))


def _require_tiles_inside(dataset: Any, size: int, path: Path) -> None:
    for (row, col), _ in dataset.block_windows(1):
        offset = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1)
        length = dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1)
        if offset is None or length is None or int(offset) + int(length) > size:
            raise OutputError(f"{path}: tile ({row}, {col}) is missing after writing", hint="is the disk full?")
