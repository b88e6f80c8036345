"""Proximity: local centres, and the ground within walking time of each, with its people and services."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_equal_area, require_same
from geo_profiling.delineation.clusters import cluster_ids
from geo_profiling.delineation.friction import ROAD_KMH, Speeds, build_friction
from geo_profiling.errors import UsageError
from geo_profiling.findings import Finding
from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.cost_distance import cost_distance
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import Source, grid_of, wrap
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.vector.polygonise import polygonise_runs

#: Minutes on foot within which daily needs should be met.
WALKING_MINUTES = 15.0
#: People within the radius from which a place is a local centre: those of a town.
MIN_POPULATION = 5_000.0
RADIUS_M = 1_000.0
WALKING_KMH = 5.0
#: On foot, roads are as fast as other land; they lead over water that bars the way.
WALKING = Speeds(WALKING_KMH, None, MappingProxyType(dict.fromkeys(ROAD_KMH, WALKING_KMH)))
_TILE_CELLS = 2048
_LISTED = 5


@dataclass(frozen=True)
class ProximityAreas:
    """What can be reached on foot from each local centre.

    Attributes
    ----------
    areas : geopandas.GeoDataFrame
        Multipolygons on the centres' ids, sorted: ``name`` (where centres have one), ``population``
        and ``area_km2``. They do not overlap.
    services : pandas.DataFrame
        ``area_id``, ``service``, ``n_places``: places of each kind of service inside, 0 where none.
    findings : list of Finding
    """

    areas: gpd.GeoDataFrame
    services: pd.DataFrame
    findings: list[Finding]


@dataclass(frozen=True)
class _Peaks:
    """Picklable task: the peaks of one tile, which looks twice the radius around itself."""

    population: Source
    disc: NDArray[np.bool_]
    min_population: float

    def __call__(self, tile: Window) -> pd.DataFrame:
        halo = 2 * max(self.disc.shape[0] // 2, self.disc.shape[1] // 2)
        window = tile.expand(halo, within=self.population.grid.shape)
        people = np.nan_to_num(self.population.read(window).astype(np.float64))
        near = ndimage.correlate(people, self.disc.astype(np.float64), mode="constant")
        near[people <= 0] = 0.0
        rows, cols = np.indices(window.shape)
        order = np.lexsort((-cols.ravel(), -rows.ravel(), people.ravel(), near.ravel()))
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size)
        rank = rank.reshape(window.shape)
        highest = ndimage.maximum_filter(rank, footprint=self.disc, mode="constant", cval=-1)
        peak_rows, peak_cols = np.nonzero((rank == highest) & (near >= self.min_population))
        found = pd.DataFrame(
            {"row": peak_rows + window.row, "col": peak_cols + window.col, "people": near[peak_rows, peak_cols]}
        )
        inside = found["row"].between(tile.row, tile.row_stop - 1) & found["col"].between(tile.col, tile.col_stop - 1)
        return found[inside]


def local_centres(
    population: Source,
    *,
    radius_m: float = RADIUS_M,
    min_population: float = MIN_POPULATION,
    tile_size: int = _TILE_CELLS,
    compute: Compute | None = None,
) -> gpd.GeoDataFrame:
    """Find local centres where none are given: peaks of the people who live around.

    Definition: the people around a cell are those of all cells whose centre lies within the radius
    of its own. An inhabited cell is a local centre if at least ``min_population`` live around it and
    around no other inhabited cell within the radius more. Of equal ones the cell with more people
    counts, then the northern, then the western one. Centres are thus farther apart than the radius.

    Parameters
    ----------
    population : Source
        People in each cell; NaN is nobody. Equal-area CRS.
    radius_m : float
        Metres.
    min_population : float
    tile_size : int
        Rows and columns worked at once; never changes the result.
    compute : Compute, optional

    Returns
    -------
    geopandas.GeoDataFrame
        Points at cell centres on their ids, sorted; ``population_around``.

    Raises
    ------
    UsageError
        If the radius or the number of people is not above 0.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 5))
    >>> people = ArraySource(wrap(np.array([[3e3, 4e3, 1e3, 0, 5e3]]), grid))
    >>> local_centres(people)["population_around"].to_dict()
    {'LC_E1500_N500': 8000.0, 'LC_E4500_N500': 5000.0}
    """
    if not (radius_m > 0 and min_population > 0):
        raise UsageError(f"a radius of {radius_m:g} m and {min_population:g} people: both are above 0")
    grid = population.grid
    require_equal_area(grid.crs, grid.bounds, what=population.name)
    peaks = _Peaks(population, _disc(grid.cell_size, radius_m), min_population)
    compute = compute or Compute()
    found = pd.concat(list(compute.map(peaks, grid.tiles(tile_size), label="local centres")), ignore_index=True)
    found = found.sort_values(["row", "col"], ignore_index=True)
    row, col = found["row"].to_numpy(np.int32), found["col"].to_numpy(np.int32)
    runs = CellRuns(row, col, col + np.int32(1), np.arange(1, len(found) + 1))
    x, y = grid.transform * (col + 0.5, row + 0.5)
    centres = gpd.GeoDataFrame(
        {"population_around": found["people"].to_numpy()},
        index=pd.Index(cluster_ids(runs, grid, prefix="LC"), dtype=object, name="area_id"),
        geometry=gpd.points_from_xy(x, y),
        crs=grid.crs,
    )
    return centres.sort_index()


def _disc(cell_size: tuple[float, float], radius_m: float) -> NDArray[np.bool_]:
    width, height = cell_size
    across, down = math.floor(radius_m / width + 1e-9), math.floor(radius_m / height + 1e-9)
    y, x = np.mgrid[-down : down + 1, -across : across + 1]
    disc: NDArray[np.bool_] = np.hypot(x * width, y * height) <= radius_m * (1 + 1e-9)
    return disc


def fine_grid(grid: Grid, *, cell_size_m: float = 100.0) -> Grid:
    """Cut the cells of a grid into whole numbers of equal ones that are small enough to walk in.

    Parameters
    ----------
    grid : Grid
    cell_size_m : float
        Cells are this wide and high at most.

    Raises
    ------
    UsageError
        If the cell size is not above 0.

    Examples
    --------
    >>> from pyproj import CRS; from affine import Affine
    >>> fine_grid(Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 2)), cell_size_m=300).shape
    (4, 8)
    """
    if not cell_size_m > 0:
        raise UsageError(f"cells of {cell_size_m:g} m cannot be")
    across, down = (max(1, math.ceil(size / cell_size_m - 1e-9)) for size in grid.cell_size)
    shape = (grid.shape[0] * down, grid.shape[1] * across)
    return Grid(grid.crs, grid.transform * Affine.scale(1 / across, 1 / down), shape)


def walking_surface(
    grid: Grid,
    *,
    land_share: NDArray[np.floating[Any]] | None = None,
    roads: gpd.GeoDataFrame | None = None,
    cell_size_m: float = 100.0,
) -> xr.DataArray:
    """Friction on foot on cells small enough to walk in: minutes per metre, water impassable.

    Parameters
    ----------
    grid : Grid
        The population grid; its cells are cut into whole numbers of equal ones.
    land_share : ndarray, shape (rows, columns), optional
        Share of each cell of ``grid`` that is land (0-1); all is land without it.
    roads : geopandas.GeoDataFrame, optional
        Lines with ``road_class``: a cell that one touches can be walked though it is water (bridges).
    cell_size_m : float
        Cells are this wide and high at most.

    Returns
    -------
    xarray.DataArray
        At :data:`WALKING_KMH`; NaN is impassable.

    Raises
    ------
    UsageError
        If the cell size is not above 0.
    GeoProfilingError
        As :func:`geo_profiling.delineation.friction.build_friction`.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 2))
    >>> surface = walking_surface(grid, land_share=np.array([[1.0, 0.2]]), cell_size_m=500)
    >>> (surface.values * 500).round(1).tolist()
    [[6.0, 6.0, nan, nan], [6.0, 6.0, nan, nan]]
    """
    fine = fine_grid(grid, cell_size_m=cell_size_m)
    down, across = (fine.shape[axis] // grid.shape[axis] for axis in (0, 1))
    land = None if land_share is None else land_share.repeat(down, axis=0).repeat(across, axis=1)
    return wrap(build_friction(fine, land_share=land, roads=roads, speeds=WALKING), fine, name="friction")


def proximity_areas(
    population: Source,
    friction: xr.DataArray,
    centres: gpd.GeoDataFrame,
    *,
    minutes: float = WALKING_MINUTES,
    services: Mapping[str, gpd.GeoDataFrame] | None = None,
    compute: Compute | None = None,
) -> ProximityAreas:
    """Delineate the ground from which each local centre is the nearest and within walking time.

    Definition: a cell belongs to the centre with the shortest travel time over the friction surface
    if that is ``minutes`` or less; of equal ones to the smaller id. Areas do not overlap. People are
    those of the population grid on that ground, by exact coverage. A place of a service counts in the
    area of the cell it lies in.

    Parameters
    ----------
    population : Source
        People in each cell.
    friction : xarray.DataArray
        Minutes per metre on foot, NaN impassable, for example from :func:`walking_surface`; its cells
        may be smaller than those of the population. Equal-area CRS, the same as the population's.
    centres : geopandas.GeoDataFrame
        Points or polygons (reached at their edge) on unique ids, perhaps with ``name``.
    minutes : float
    services : mapping of str to GeoDataFrame, optional
        By kind of service its places, points or polygons (their inner point counts).
    compute : Compute, optional

    Returns
    -------
    ProximityAreas
        A centre that has no passable cell of its own (off the grid, in water, in the cell of another
        centre) has no area; a warning names such centres.

    Raises
    ------
    CRSError
        If layers and grids are not in one CRS, or it is not equal-area.
    UsageError
        If ids stand twice or ``minutes`` is not above 0.
    ValueRangeError
        If friction cannot be (see :func:`geo_profiling.raster.cost_distance.cost_distance`).

    Notes
    -----
    Travel runs over the surface, cell by cell. For ways along streets give the allocation of
    :func:`geo_profiling.access.grid_times.street_times` to :func:`allocated_areas`.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import Point
    >>> from geo_profiling.raster.source import ArraySource
    >>> grid = Grid(CRS("ESRI:54009"), Affine(500, 0, 0, 0, -500, 500), (1, 6))
    >>> people = ArraySource(wrap(np.full((1, 6), 100.0), grid))
    >>> centres = gpd.GeoDataFrame(index=["market"], geometry=[Point(250, 250)], crs=grid.crs)
    >>> found = proximity_areas(people, walking_surface(grid, cell_size_m=500), centres, minutes=13)
    >>> found.areas[["population", "area_km2"]].loc["market"].tolist()
    [300.0, 0.75]
    """
    grid = grid_of(friction, name="friction")
    require_same(parse_crs(centres.crs, what="local centres"), grid.crs, what="local centres and friction")
    _require_unique(centres)
    # By id, so that the order of the rows decides nothing.
    centres = centres.sort_index()
    sources = _source_cells(centres, grid, np.isfinite(np.asarray(friction)))
    reached = cost_distance(friction, wrap(sources, grid, name="sources"), max_minutes=minutes, compute=compute)
    return allocated_areas(population, reached.source, centres, services=services, compute=compute)


def allocated_areas(
    population: Source,
    nearest: xr.DataArray,
    centres: gpd.GeoDataFrame,
    *,
    services: Mapping[str, gpd.GeoDataFrame] | None = None,
    compute: Compute | None = None,
) -> ProximityAreas:
    """Lay out the areas of local centres to which each cell is allocated already, with people and services.

    For walking times from elsewhere than a cost surface: along streets, for example
    (:func:`geo_profiling.access.grid_times.street_times`).

    Parameters
    ----------
    population : Source
        People in each cell.
    nearest : xarray.DataArray
        Number of the nearest centre within reach of each cell, from 1 by the sorted ids of
        ``centres``; 0 where none is. Equal-area CRS, the same as the population's.
    centres : geopandas.GeoDataFrame
        On unique ids, perhaps with ``name``.
    services : mapping of str to GeoDataFrame, optional
        As :func:`proximity_areas`.
    compute : Compute, optional

    Returns
    -------
    ProximityAreas
        A centre that no cell is allocated to has no area; a warning names such centres.

    Raises
    ------
    CRSError
        If grids and services are not in one CRS, or it is not equal-area.
    UsageError
        If ids stand twice.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import Point
    >>> from geo_profiling.raster.source import ArraySource
    >>> grid = Grid(CRS("ESRI:54009"), Affine(500, 0, 0, 0, -500, 500), (1, 3))
    >>> people = ArraySource(wrap(np.full((1, 3), 100.0), grid))
    >>> centres = gpd.GeoDataFrame(index=["market"], geometry=[Point(250, 250)], crs=grid.crs)
    >>> nearest = wrap(np.array([[1, 1, 0]], np.int32), grid, nodata=0)
    >>> allocated_areas(people, nearest, centres).areas[["population", "area_km2"]].loc["market"].tolist()
    [200.0, 0.5]
    """
    grid = grid_of(nearest, name="nearest centre")
    require_same(grid.crs, population.grid.crs, what=f"nearest centres and {population.name}")
    require_equal_area(grid.crs, grid.bounds, what="nearest centres")
    _require_unique(centres)
    centres = centres.sort_index()
    labels = np.asarray(nearest)
    areas = _areas(labels, centres, grid)
    people = zonal_statistics(population, areas, stats=["sum"], compute=compute)["sum"]
    areas.insert(areas.columns.get_loc("area_km2"), "population", people)
    counts = _services_inside(labels, centres.index, areas.index, services or {}, grid)
    return ProximityAreas(areas, counts, _unreached(centres.index, areas.index))


def _require_unique(centres: gpd.GeoDataFrame) -> None:
    if not centres.index.is_unique:
        raise UsageError(f"local centre {centres.index[centres.index.duplicated()][0]!r} stands twice")


def _source_cells(centres: gpd.GeoDataFrame, grid: Grid, passable: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the cells of centres by their rows' numbers 1, 2, ...; the first keeps a cell that two share."""
    numbers = range(len(centres), 0, -1)
    geometries = np.asarray(centres.geometry.array, dtype=object)
    shapes = [(geometries[number - 1], number) for number in numbers]
    # Polygons smaller than a cell, or between cell centres, have the cell of their inner point.
    shapes += [(shapely.point_on_surface(geometries[number - 1]), number) for number in numbers]
    cells = np.zeros(grid.shape, np.int32)
    if shapes:
        cells = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="int32")
    return np.where(passable, cells, 0).astype(np.int32)


def _areas(labels: NDArray[np.int32], centres: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    runs = CellRuns.concatenate([CellRuns.from_labels(np.ascontiguousarray(labels), grid.window)])
    polygons = polygonise_runs(runs, grid)
    cells = np.bincount(runs.owner, weights=runs.cells(), minlength=len(centres) + 1)
    chosen = polygons.index.to_numpy(dtype=np.int64)
    columns = {"name": centres["name"].to_numpy()[chosen - 1]} if "name" in centres else {}
    return gpd.GeoDataFrame(
        columns | {"area_km2": cells[chosen] * grid.cell_area_km2},
        index=centres.index[chosen - 1].rename("area_id"),
        geometry=polygons.array,
        crs=grid.crs,
    )


def _services_inside(
    labels: NDArray[np.int32],
    centre_ids: pd.Index,
    area_ids: pd.Index,
    services: Mapping[str, gpd.GeoDataFrame],
    grid: Grid,
) -> pd.DataFrame:
    counts = pd.DataFrame(index=area_ids)
    for kind, places in services.items():
        require_same(parse_crs(places.crs, what=kind), grid.crs, what=f"{kind} and local centres")
        points = shapely.point_on_surface(np.asarray(places.geometry.array, dtype=object))
        col, row = ~grid.transform * (shapely.get_x(points), shapely.get_y(points))
        row, col = np.floor(row), np.floor(col)
        inside = (row >= 0) & (row < grid.shape[0]) & (col >= 0) & (col < grid.shape[1])
        owner = labels[row[inside].astype(np.int64), col[inside].astype(np.int64)]
        number = np.bincount(owner, minlength=len(centre_ids) + 1)[1:]
        counts[kind] = pd.Series(number, centre_ids).reindex(area_ids)
    table = counts.reset_index().melt(id_vars="area_id", var_name="service", value_name="n_places")
    return table.sort_values(["area_id", "service"], ignore_index=True).astype({"n_places": "int64"})


def _unreached(centre_ids: pd.Index, area_ids: pd.Index) -> list[Finding]:
    lost = [str(centre) for centre in centre_ids.difference(area_ids)]
    if not lost:
        return []
    more = f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else ""
    message = f"{len(lost)} of {len(centre_ids)} have no area: {', '.join(lost[:_LISTED])}{more}"
    remedy = "move them onto land inside the grid, near a street, or apart: each needs a cell of its own"
    return [Finding("warning", "local centres", "", message, remedy)]
