"""Cells and units of a region as the methods take them: on one equal-area grid, cut to the region."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import geopandas as gpd
from affine import Affine
from pyproj import CRS, Transformer

from geo_profiling.compute import Compute
from geo_profiling.config.files import AreaInput, RasterInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.regrid import Regrid
from geo_profiling.crs import parse_crs, same_crs
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.errors import InputError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.read import RasterFile
from geo_profiling.raster.regrid import regrid_counts
from geo_profiling.raster.source import ArraySource, CroppedSource, Source
from geo_profiling.vector.reproject import reproject
from pipelines.declared import RASTER_KEYS, RasterKey
from pipelines.inputs import open_input, read_outline, read_units


@dataclass(frozen=True)
class RegionCells:
    """The cells a region is computed on.

    Attributes
    ----------
    inputs : CellInputs
        Sources with the halo around the region.
    core : Window
        The region's own cells, in the cells of ``inputs``.
    """

    inputs: CellInputs
    core: Window

    @property
    def core_inputs(self) -> CellInputs:
        """The inputs without the halo."""
        land, built_up = self.inputs.land, self.inputs.built_up
        return replace(
            self.inputs,
            population=CroppedSource(self.inputs.population, self.core),
            land=None if land is None else CroppedSource(land, self.core),
            built_up=None if built_up is None else CroppedSource(built_up, self.core),
        )


def open_cells(region: RegionSettings, *, compute: Compute) -> RegionCells:
    """Open the grids of a region, put them on one grid by the configured rule, and cut them.

    Parameters
    ----------
    region : RegionSettings
    compute : Compute
        Where regridding runs.

    Raises
    ------
    InputError
        If a file is refused, grids do not fit, or the region lies off the population grid.
    """
    files = {key: open_input(region, key) for key in RASTER_KEYS}
    population = files["population"]
    assert population is not None  # the configuration requires it
    grid = population.grid if region.regrid is None else common_grid(region.regrid, population.grid)
    halo, core = _windows(region, grid)

    def prepared(key: RasterKey) -> Source | None:
        file = files[key]
        if file is None:
            return None
        source = file if region.regrid is None else _on_grid(file, grid, getattr(region.inputs, key), compute)
        return source if halo == grid.window else CroppedSource(source, halo)

    people = prepared("population")
    assert people is not None
    inputs = CellInputs(
        people,
        prepared("land"),
        prepared("built_up"),
        region.inputs.land.unit if region.inputs.land else "m2",
        region.inputs.built_up.unit if region.inputs.built_up else "m2",
    )
    return RegionCells(inputs, core)


def common_grid(rule: Regrid, source: Grid) -> Grid:
    """Return the grid of the rule that covers a source; its corners are multiples of the cell size.

    Examples
    --------
    >>> source = Grid(CRS("ESRI:54009"), Affine(250, 0, 500, 0, -250, 1000), (4, 4))
    >>> common_grid(Regrid(crs="ESRI:54009", cell_size_m=1000.0), source).bounds
    (0.0, 0.0, 2000.0, 1000.0)
    """
    crs, size = parse_crs(rule.crs, what="regrid.crs"), rule.cell_size_m
    if same_crs(crs, source.crs):
        left, bottom, right, top = source.bounds
    else:
        transformer = Transformer.from_crs(source.crs, crs, always_xy=True)
        left, bottom, right, top = transformer.transform_bounds(*source.bounds, densify_pts=51)
    left, bottom = math.floor(left / size + 1e-6) * size, math.floor(bottom / size + 1e-6) * size
    right, top = math.ceil(right / size - 1e-6) * size, math.ceil(top / size - 1e-6) * size
    shape = round((top - bottom) / size), round((right - left) / size)
    return Grid(crs, Affine(size, 0.0, left, 0.0, -size, top), shape)


def region_grid(region: RegionSettings, population: Grid) -> Grid:
    """Return the grid of the cells that are read for a region, its halo included.

    Parameters
    ----------
    region : RegionSettings
    population : Grid
        Of the region's population as it is in the file.

    Raises
    ------
    InputError
        If the region lies off the grid.
    """
    grid = population if region.regrid is None else common_grid(region.regrid, population)
    return grid.crop(_windows(region, grid)[0])


def _on_grid(source: RasterFile, grid: Grid, declared: RasterInput, compute: Compute) -> Source:
    if source.grid.aligned_with(grid):
        return source
    if isinstance(declared, AreaInput) and declared.unit == "share":
        raise InputError(
            f"{source.name}: shares of cells cannot be regridded, only counts and areas can",
            hint="give it in m2 in each cell, or on the grid that 'regrid' names",
        )
    return ArraySource(regrid_counts(source, grid, compute=compute), source.name)


def _windows(region: RegionSettings, grid: Grid) -> tuple[Window, Window]:
    """Return the window to read, and the region's own window within it."""
    outline = read_outline(region)
    bounds = region.bounds if outline is None else outline.to_crs(grid.crs).total_bounds
    if bounds is None:
        return grid.window, grid.window
    own = window_of(bounds, grid)
    if own is None:
        raise InputError(
            f"region {region.name}: lies off the population grid ({grid.describe()})",
            hint="check outline or bounds, and their coordinate reference system",
        )
    width, height = grid.cell_size
    halo = own.expand(math.ceil(region.halo_km * 1000 / min(width, height)), within=grid.shape)
    return halo, Window(own.row - halo.row, own.col - halo.col, own.height, own.width)


def window_of(bounds: Iterable[float], grid: Grid) -> Window | None:
    """Return the cells of a grid that a box touches; None where it touches none.

    Examples
    --------
    >>> window_of((500, 500, 1500, 900), Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 9000), (9, 4)))
    Window(row=8, col=0, height=1, width=2)
    """
    left, bottom, right, top = bounds
    (col0, row0), (col1, row1) = ~grid.transform * (left, top), ~grid.transform * (right, bottom)
    first_row, first_col = max(0, math.floor(row0 + 1e-6)), max(0, math.floor(col0 + 1e-6))
    last_row, last_col = min(grid.shape[0], math.ceil(row1 - 1e-6)), min(grid.shape[1], math.ceil(col1 - 1e-6))
    if last_row <= first_row or last_col <= first_col:
        return None
    return Window(first_row, first_col, last_row - first_row, last_col - first_col)


def units_on_grid(region: RegionSettings, crs: CRS) -> gpd.GeoDataFrame:
    """Read the spatial units of a region: ``unit_id``, ``name`` where there is one, polygons in ``crs``.

    Of a region with an outline, the units whose inner point lies in it. Sorted by id.

    Raises
    ------
    InputError
        If the layer is refused, or no unit lies in the outline.
    """
    declared, read = region.inputs.units, read_units(region)
    assert declared is not None  # only asked for where units are configured
    assert read is not None
    layer = reproject(read[0], crs)
    fields = {"unit_id": layer[declared.id_field]}
    if declared.name_field:
        fields["name"] = layer[declared.name_field]
    units = gpd.GeoDataFrame(fields, geometry=layer.geometry, crs=crs)
    outline = read_outline(region)
    if outline is not None:
        units = units[units.representative_point().within(outline.to_crs(crs).union_all())]
    if units.empty:
        raise InputError(f"{declared.path}: no unit lies in region {region.name}")
    return units.sort_values("unit_id", ignore_index=True)
