"""Degree of Urbanisation of cells, Level 1 and Level 2, tile by tile.

The inputs are decoded once, into one byte a cell that is kept compressed on disk. Everything else
works on those bytes: components joined across tiles, urban centres refined in their own windows,
semi-dense clusters tested against the buffer, classes written tile by tile. Memory is bounded by
the tiles under way and by the centres, not by the raster.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import require_equal_area
from geo_profiling.delineation.cells import AreaUnit, CellInputs
from geo_profiling.delineation.centres import refine_centres
from geo_profiling.delineation.paint import (
    CLASS_NODATA,
    LEVEL_CODES,
    DegurbaSummary,
    PaintJob,
    dense_cells,
    free_semi_dense,
    paint,
)
from geo_profiling.delineation.rules import DegurbaRules, Level, rule_set
from geo_profiling.delineation.scan import scan_tiles
from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.raster.tiling import TileStore, tile_shape


def classify_cells(
    population: xr.DataArray,
    land: xr.DataArray | None = None,
    *,
    built_up: xr.DataArray | None = None,
    level: Level = 1,
    rules: DegurbaRules | None = None,
    land_unit: AreaUnit = "m2",
    built_up_unit: AreaUnit = "m2",
    tile_size: int | None = None,
    compute: Compute | None = None,
) -> xr.DataArray:
    """Classify the cells of a population grid by the Degree of Urbanisation.

    Parameters
    ----------
    population : xarray.DataArray
        People in each cell, shape (rows, columns), equal-area CRS in metres; plain or Dask-backed.
        Without ``land`` NaN stays without class; with it NaN counts as nobody.
    land, built_up : xarray.DataArray, optional
        Permanent land (all land if absent) and built-up surface, on the same grid.
    level : {1, 2}
        1: codes 3 urban centre, 2 urban cluster, 1 rural, 0 water, computed directly;
        2: codes 30, 23, 22, 21, 13, 12, 11, 10 (:func:`aggregate_level1` gives its Level 1).
    rules : DegurbaRules, optional
        Default ``rule_set("2024")``.
    land_unit, built_up_unit : {"m2", "share"}
        m2 in a cell, or share of the cell.
    tile_size : int, optional
        Rows and columns of a tile; never changes the result.
    compute : Compute, optional
        Where the work runs; default all cores of this process.

    Returns
    -------
    xarray.DataArray
        int16 on the grid of ``population`` (north up), -32768 where there is no data.

    Raises
    ------
    GridError, CRSError, ValueRangeError
        If grids are not aligned, areas cannot be measured, or a value cannot be.

    References
    ----------
    Applying the Degree of Urbanisation (2021), chapters 2 and 7; GHSL Data Package 2023, GHS-SMOD.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (9, 9))
    >>> people = np.zeros((9, 9)); people[2:7, 2:7] = 2500
    >>> classes = classify_cells(wrap(people, grid))
    >>> int(classes[4, 4]), int(classes[0, 0])
    (3, 1)
    """
    inputs = CellInputs(
        ArraySource(population, "population"),
        None if land is None else ArraySource(land, "land"),
        None if built_up is None else ArraySource(built_up, "built_up"),
        land_unit,
        built_up_unit,
    )
    classes = np.empty(inputs.grid.shape, np.int16)

    def keep(window: Window, values: NDArray[np.int16]) -> None:
        classes[window.slices] = values

    classify(inputs, keep, level=level, rules=rules or rule_set(), tile_size=tile_size, compute=compute)
    return wrap(classes, inputs.grid, name=f"degurba_l{level}", nodata=CLASS_NODATA)


def aggregate_level1(level2: xr.DataArray) -> xr.DataArray:
    """Level 1 as the aggregation of Level 2 (GHS-SMOD's way; the two levels then nest).

    Differs from Level 1 computed directly where dense clusters came in by built-up alone.

    Parameters
    ----------
    level2 : xarray.DataArray
        Codes 30 ... 10.

    Returns
    -------
    xarray.DataArray
        Codes 3, 2, 1, 0; nodata kept.

    Examples
    --------
    >>> aggregate_level1(xr.DataArray(np.array([[30, 23, 21], [13, 10, -32768]], np.int16))).values.tolist()
    [[3, 2, 2], [1, 0, -32768]]
    """
    return level2.copy(data=level1_codes(level2.values))


# Indexed by the Level 2 code; nodata counts from the end.
_LEVEL1_OF = np.full(2**16, CLASS_NODATA, np.int16)
for _code in LEVEL_CODES[2]:
    _LEVEL1_OF[_code] = 0 if _code == 10 else _code // 10


def level1_codes(level2: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the Level 1 code of each Level 2 code.

    Examples
    --------
    >>> level1_codes(np.array([30, 22, 11, 10, CLASS_NODATA], np.int16)).tolist()
    [3, 2, 1, 0, -32768]
    """
    return _LEVEL1_OF[level2]


def classify(
    inputs: CellInputs,
    write: Callable[[Window, NDArray[np.int16]], None],
    *,
    level: Level,
    rules: DegurbaRules,
    with_clusters: bool = False,
    tile_size: int | None = None,
    memory_limit: int | None = None,
    compute: Compute | None = None,
) -> DegurbaSummary:
    """Classify sources of any size and hand the classes over tile by tile.

    Parameters
    ----------
    inputs : CellInputs
        Aligned sources on an equal-area grid.
    write : callable
        Called with a window and its int16 classes, in tiling order, once every cell has been
        checked: nothing is handed over when a value is refused.
    level : {1, 2}
    rules : DegurbaRules
    with_clusters : bool
        Also return the cells and people of centres and clusters, and people by class.
    tile_size : int, optional
        Rows and columns of a tile; chosen from the files' blocks and the memory limit if absent.
    memory_limit : int, optional
        Bytes this process may hold.
    compute : Compute, optional

    Returns
    -------
    DegurbaSummary

    Raises
    ------
    GridError, CRSError, ValueRangeError, MemoryLimitError

    Examples
    --------
    See :func:`classify_cells`.
    """
    compute = compute or Compute()
    grid = _check_inputs(inputs)
    shape = tile_shape(inputs.sources, threads=compute.parallel, memory_limit=memory_limit, tile_size=tile_size)
    with TileStore(grid, shape) as store:
        scan = scan_tiles(inputs, rules, level, store, compute)
        dense = dense_cells(scan, store, compute)
        centres = refine_centres(dense.seeds(), store, rules, compute)
        semi_dense = []
        if level == 2:
            upper = CellRuns.concatenate([dense.runs, centres])
            reach = _buffer_cells(grid, rules.semi_dense_buffer_km)
            semi_dense = free_semi_dense(scan, upper, store, reach, compute)
        job = PaintJob(inputs, rules, level, scan, centres, semi_dense, with_clusters)
        return paint(job, store, write, compute)


def _check_inputs(inputs: CellInputs) -> Grid:
    grid = inputs.grid
    for source in inputs.sources[1:]:
        grid.require_aligned(source.grid, what=f"{inputs.population.name} and {source.name}")
    require_equal_area(grid.crs, grid.bounds, what=inputs.population.name)
    return grid


def _buffer_cells(grid: Grid, buffer_km: float) -> tuple[int, int]:
    """Rows and columns within a distance: cells whose centres lie no further than it."""
    width, height = grid.cell_size
    return int(buffer_km * 1000 / height + 1e-9), int(buffer_km * 1000 / width + 1e-9)
