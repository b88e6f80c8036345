"""Functional urban areas without flows: cells that a model gives to their nearest centre, as areas.

After Moreno-Monroy, Schiavina and Veneri (2021), Metropolitan areas in the world: delineation and
population trends, Journal of Urban Economics 125.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import binary_dilation
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo_profiling.crs import require_same
from geo_profiling.delineation.efua_model import EfuaModel, cell_covariates, centre_covariate
from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.grid import Grid
from geo_profiling.vector.polygonise import polygonise_runs

#: How areas of several centres become one: ``modelled`` where the model gives a centre, as if it were a
#: cell, to one of many times its people (:data:`DOMINANCE`); ``touching`` where areas share an edge;
#: ``none`` never, every centre leads an area of its own.
Join = Literal["modelled", "touching", "none"]
DEFAULT_JOIN: Join = "modelled"
#: A centre is only joined to one with so many times its people. In Belgium, where flows tell, centres
#: beside one of 20 times their people keep areas of their own, however near; beyond that nothing is known.
DOMINANCE = 25.0
Floats = NDArray[np.float64]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class ModelledFuas:
    """Functional urban areas from the model.

    Attributes
    ----------
    layer : geopandas.GeoDataFrame
        ``fua_id`` (after the main centre, the most populous), ``method`` ("model"), ``n_centres``,
        ``population``, ``city_population`` (in the centres), ``commuting_zone_population``,
        ``area_km2``, ``touches_edge`` (reaches the raster's edge or ground without data: may go on),
        ``beyond_range`` (a centre is larger or smaller than any the model was fitted on) and
        multipolygons; the most populous first.
    centres : pandas.DataFrame
        Row k - 1 is centre k: ``centre_id``, ``fua_id``, ``joined_centre_id`` (the larger centre that
        it was given to; None where it stands alone), ``join_probability``.
    labels : ndarray of int32, shape (rows, columns)
        Number of the main centre of the area of each cell, 0 outside.
    """

    layer: gpd.GeoDataFrame
    centres: pd.DataFrame
    labels: Labels


def model_fuas(
    population: NDArray[np.floating[Any]],
    labels: Labels,
    minutes: Floats,
    nearest: Labels,
    centres: pd.DataFrame,
    *,
    grid: Grid,
    friction: NDArray[np.floating[Any]],
    model: EfuaModel,
    join: Join = DEFAULT_JOIN,
    contiguous: bool = True,
) -> ModelledFuas:
    """Delineate functional urban areas by the model.

    Definition, in this order:

    1. Each reachable cell outside centres has a probability of belonging to its nearest centre; from
       the model's threshold on it belongs. A cell without people counts as of the lowest density the
       model knows, so that fields and forests inside an area do not tear it.
    2. Centres are joined by the ``join`` rule.
    3. With ``contiguous`` cells leave that no chain of shared edges through cells of their area
       connects to a centre of it.

    Parameters
    ----------
    population : ndarray, shape (rows, columns)
        People in each cell; NaN is unknown and belongs nowhere.
    labels : ndarray of int32
        Number of the centre of each cell, 0 outside.
    minutes, nearest : ndarray
        Travel time and nearest centre (:func:`geo_profiling.raster.cost_distance.travel_times`).
    centres : pandas.DataFrame
        Row k - 1 is centre k: ``centre_id``, ``population``, ``area_km2``, and what else the model
        asks for.
    grid : Grid
        Equal-area.
    friction : ndarray
        Minutes per metre, as the times were taken on.
    model : EfuaModel
    join : {"modelled", "touching", "none"}
    contiguous : bool

    Returns
    -------
    ModelledFuas

    Raises
    ------
    InputError
        If the centres lack a value that the model asks for.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> from geo_profiling.delineation.logistic import Logistic
    >>> from geo_profiling.raster.cost_distance import travel_times
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 4))
    >>> labels, friction = np.array([[1, 0, 0, 0]], np.int32), np.full((1, 4), 0.002)
    >>> minutes, nearest = travel_times(friction, labels, cell_size=grid.cell_size)
    >>> model = EfuaModel(("log_minutes",), Logistic(3.0, np.array([-2.0])), np.zeros(1), np.full(1, 5.0), 0.5, 1.0, "")
    >>> centres = pd.DataFrame({"centre_id": ["UC_E500_N500"], "population": [9e4], "area_km2": [1.0]})
    >>> found = model_fuas(np.array([[9e4, 100.0, 0.0, 50.0]]), labels, minutes, nearest, centres, grid=grid,
    ...                    friction=friction, model=model)
    >>> found.layer[["fua_id", "population", "commuting_zone_population"]].values.tolist()
    [['FUA_E500_N500', 90100.0, 100.0]]
    """
    cells = cell_covariates(
        population,
        labels,
        minutes,
        nearest,
        centres,
        cell_area_km2=grid.cell_area_km2,
        names=model.names,
        with_empty_cells=True,
    )
    belongs = model.probability(cells.values) >= model.threshold
    zone = labels.copy()
    zone[cells.row[belongs], cells.col[belongs]] = cells.centre[belongs]
    between = times_between(minutes, nearest, friction, grid.cell_size)
    main, table = _join_centres(zone, between, centres, model, join)
    runs = CellRuns.from_labels(np.concatenate([[0], main]).astype(np.int32)[zone], grid.window)
    if contiguous:
        runs = _connected_to_centres(runs, labels)
    runs = CellRuns.concatenate([runs])
    area = np.zeros(grid.shape, np.int32)
    runs.paint(area, grid.window, runs.owner.astype(np.int32))
    layer = _layer(area, runs, population, labels, centres, main, grid, model)
    return ModelledFuas(layer, table, area)


def number_areas(areas: gpd.GeoDataFrame, grid: Grid) -> Labels:
    """Return the number of the area that holds each cell's middle: 1 for the first row, 0 outside all.

    Exact for centres, whose polygons follow the cells.

    Parameters
    ----------
    areas : geopandas.GeoDataFrame
        Polygons in the CRS of the grid.
    grid : Grid

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import box
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 3))
    >>> number_areas(gpd.GeoDataFrame(geometry=[box(1000, 0, 2000, 1000)], crs="ESRI:54009"), grid).tolist()
    [[0, 1, 0]]
    """
    require_same(areas.crs, grid.crs, what="areas and grid")
    shapes = [(geometry, number) for number, geometry in enumerate(areas.geometry, start=1) if not geometry.is_empty]
    if not shapes:
        return np.zeros(grid.shape, np.int32)
    labels: Labels = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="int32")
    return labels


def times_between(
    minutes: Floats, nearest: Labels, friction: NDArray[np.floating[Any]], cell_size: tuple[float, float]
) -> pd.DataFrame:
    """Travel time between centres whose nearest-centre areas meet: the quickest crossing of their border.

    Exact for such pairs whose quickest path stays in the two areas.

    Parameters
    ----------
    minutes, nearest, friction : ndarray, shape (rows, columns)
    cell_size : tuple of float
        Width and height in metres.

    Returns
    -------
    pandas.DataFrame
        ``first`` < ``second`` (numbers of centres) and ``minutes``, sorted.

    Examples
    --------
    >>> minutes = np.array([[0.0, 1.0, 1.0, 0.0]])
    >>> times_between(minutes, np.array([[1, 1, 2, 2]], np.int32), np.full((1, 4), 0.001), (1000, 1000)).values.tolist()
    [[1.0, 2.0, 3.0]]
    """
    rows, cols = nearest.shape
    width, height = cell_size
    found = []
    for down, right, length in (
        (0, 1, width),
        (1, 0, height),
        (1, 1, np.hypot(width, height)),
        (1, -1, np.hypot(width, height)),
    ):
        here = slice(0, rows - down), slice(max(0, -right), cols - max(0, right))
        there = slice(down, rows), slice(max(0, right), cols - max(0, -right))
        a, b = nearest[here], nearest[there]
        border = np.nonzero((a != b) & (a > 0) & (b > 0))
        step = length * (friction[here][border].astype(np.float64) + friction[there][border]) / 2
        found.append(
            pd.DataFrame(
                {
                    "first": np.minimum(a[border], b[border]),
                    "second": np.maximum(a[border], b[border]),
                    "minutes": minutes[here][border] + step + minutes[there][border],
                }
            )
        )
    pairs = pd.concat(found, ignore_index=True).dropna()
    return pairs.groupby(["first", "second"], sort=True)["minutes"].min().reset_index()


def _join_centres(
    zone: Labels, between: pd.DataFrame, centres: pd.DataFrame, model: EfuaModel, join: Join
) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Return the main centre of each centre's area, and the table of centres."""
    n = len(centres)
    people = centres["population"].to_numpy(np.float64)
    joined, probability = np.full(n, -1, np.int64), np.full(n, np.nan)
    first, second = np.empty(0, np.int64), np.empty(0, np.int64)
    if join == "modelled":
        joined, probability = _larger_centre(between, centres, model)
        first, second = np.flatnonzero(joined >= 0), joined[joined >= 0]
    elif join == "touching":
        first, second = (_touching(zone) - 1).T
    graph = coo_array((np.ones(first.size, np.int8), (first, second)), shape=(n, n))
    m, component = connected_components(graph, directed=False)
    # The most populous centre leads; of equal ones the first.
    order = np.lexsort((np.arange(n), -people, component))
    main = order[np.searchsorted(component[order], np.arange(m))][component] + 1
    ids = centres["centre_id"].to_numpy(object)
    table = pd.DataFrame(
        {
            "centre_id": ids,
            "fua_id": [fua_id(str(ids[k - 1])) for k in main],
            "joined_centre_id": pd.Series([ids[k] if k >= 0 else None for k in joined], dtype=object),
            "join_probability": probability,
        }
    )
    return main.astype(np.int64), table


def fua_id(centre_id: str) -> str:
    """Return the id of the area of a main centre.

    Examples
    --------
    >>> fua_id("UC_E1500_N1500")
    'FUA_E1500_N1500'
    """
    return "FUA_" + centre_id.removeprefix("UC_")


def _larger_centre(pairs: pd.DataFrame, centres: pd.DataFrame, model: EfuaModel) -> tuple[NDArray[np.int64], Floats]:
    """Return the larger centre that the model gives each centre to (-1: none), and the best probability."""
    people = centres["population"].to_numpy(np.float64)
    density = people / centres["area_km2"].to_numpy(np.float64)
    first, second = pairs["first"].to_numpy() - 1, pairs["second"].to_numpy() - 1
    first_leads = people[first] >= people[second]
    larger, smaller = np.where(first_leads, first, second), np.where(first_leads, second, first)
    values = np.empty((larger.size, len(model.names)))
    for place, name in enumerate(model.names):
        if name == "log_minutes":
            values[:, place] = np.log(pairs["minutes"])
        elif name == "log_cell_density_per_km2":
            values[:, place] = np.log(density[smaller])
        else:
            values[:, place] = centre_covariate(centres, name)[larger]
    p = model.probability(values)
    p = np.where(people[larger] >= DOMINANCE * people[smaller], p, 0.0)
    order = np.lexsort((larger, -people[larger], -p, smaller))
    first_of = order[np.unique(smaller[order], return_index=True)[1]]
    joined, probability = np.full(people.size, -1), np.full(people.size, np.nan)
    probability[smaller[first_of]] = p[first_of]
    taken = first_of[p[first_of] >= model.threshold]
    joined[smaller[taken]] = larger[taken]
    return joined, probability


def _touching(zone: Labels) -> NDArray[np.int64]:
    """Return the pairs of areas that share an edge of a cell."""
    found = []
    for a, b in ((zone[:, :-1], zone[:, 1:]), (zone[:-1], zone[1:])):
        edge = (a != b) & (a > 0) & (b > 0)
        found.append(np.stack([a[edge], b[edge]], axis=1).astype(np.int64))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _connected_to_centres(runs: CellRuns, labels: Labels) -> CellRuns:
    """Keep the runs that shared edges through runs of their owner connect to a cell of a centre."""
    order = np.lexsort((runs.start, runs.row))
    runs = runs.select(order)
    cols = np.int64(labels.shape[1] + 1)
    start, stop = runs.row * cols + runs.start, runs.row * cols + runs.stop
    # Runs of the row above that overlap: those that end behind this one's start and start before its end.
    first = np.searchsorted(stop, start - cols, side="right")
    count = np.searchsorted(start, stop - cols, side="left") - first
    below = np.repeat(np.arange(start.size), count)
    above = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    same = runs.owner[below] == runs.owner[above]
    n = start.size
    graph = coo_array((np.ones(int(same.sum()), np.int8), (below[same], above[same])), shape=(n, n))
    m, component = connected_components(graph, directed=False)
    # Cells of centres before each column of each row tell whether a run holds one.
    counts = np.zeros((labels.shape[0], labels.shape[1] + 1), np.int32)
    np.cumsum(labels > 0, axis=1, dtype=np.int32, out=counts[:, 1:])
    holds = np.zeros(m, bool)
    holds[component[counts[runs.row, runs.stop] > counts[runs.row, runs.start]]] = True
    return runs.select(holds[component])


def _layer(
    area: Labels,
    runs: CellRuns,
    population: NDArray[np.floating[Any]],
    labels: Labels,
    centres: pd.DataFrame,
    main: NDArray[np.int64],
    grid: Grid,
    model: EfuaModel,
) -> gpd.GeoDataFrame:
    polygons = polygonise_runs(runs, grid)
    owners = polygons.index.to_numpy(np.int64)
    n = len(centres) + 1
    people = np.nan_to_num(np.asarray(population, np.float64))
    total = np.bincount(area.ravel(), weights=people.ravel(), minlength=n)
    city = np.bincount(area[labels > 0], weights=people[labels > 0], minlength=n)
    cells = np.bincount(area.ravel(), minlength=n)
    open_ground = binary_dilation(np.isnan(population), np.ones((3, 3), bool))
    open_ground[[0, -1]], open_ground[:, [0, -1]] = True, True
    edge = np.zeros(n, bool)
    edge[area[open_ground]] = True
    beyond = np.zeros(n, bool)
    beyond[main[_beyond_range(centres, model)]] = True
    ids = centres["centre_id"].to_numpy(object)
    layer = gpd.GeoDataFrame(
        {
            "fua_id": [fua_id(str(ids[k - 1])) for k in owners],
            "method": "model",
            "n_centres": np.bincount(main, minlength=n)[owners],
            "population": total[owners],
            "city_population": city[owners],
            "commuting_zone_population": (total - city)[owners],
            "area_km2": cells[owners] * grid.cell_area_km2,
            "touches_edge": edge[owners],
            "beyond_range": beyond[owners],
        },
        geometry=polygons.array,
        crs=grid.crs,
    )
    return layer.sort_values(["population", "fua_id"], ascending=[False, True], ignore_index=True)


def _beyond_range(centres: pd.DataFrame, model: EfuaModel) -> NDArray[np.bool_]:
    beyond = np.zeros(len(centres), bool)
    for place, name in enumerate(model.names):
        if name not in ("log_minutes", "log_cell_density_per_km2"):
            values = centre_covariate(centres, name)
            beyond |= (values < model.low[place] - 1e-9) | (values > model.high[place] + 1e-9)
    return beyond
