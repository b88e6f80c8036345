"""Walking times along streets from the cells of a grid to local centres."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from geo_profiling.access.distance import walking_distances
from geo_profiling.access.location import ENTRANCE_M, MAX_SNAP_M
from geo_profiling.access.network import StreetNetwork
from geo_profiling.crs import parse_crs
from geo_profiling.errors import GridError, UsageError
from geo_profiling.raster.cost_distance import CostDistance
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import wrap

#: Speed on foot, as on the cost surface (:data:`geo_profiling.delineation.proximity.WALKING_KMH`).
WALKING_KMH = 5.0
#: Cells worked at once; what is held is about 200 bytes for each.
_STRIP_CELLS = 2_000_000
_MINUTES_PER_HOUR = 60.0


def street_times(
    network: StreetNetwork,
    centres: gpd.GeoDataFrame,
    grid: Grid,
    *,
    minutes: float,
    walking_kmh: float = WALKING_KMH,
    max_snap_m: float = MAX_SNAP_M,
    entrance_m: float = ENTRANCE_M,
    passable: NDArray[np.bool_] | None = None,
) -> CostDistance:
    """Find the local centre nearest to each cell centre along the streets, and the walking time to it.

    Parameters
    ----------
    network : StreetNetwork
    centres : geopandas.GeoDataFrame
        Points or polygons on unique ids, in any CRS; brought into that of the network.
    grid : Grid
        Small cells, in any CRS.
    minutes : float
        Cells farther than this are not reached.
    walking_kmh : float
        Also off the streets, between a cell's centre and the nearest street.
    max_snap_m, entrance_m : float
        As :func:`geo_profiling.access.distance.walking_distances`.
    passable : ndarray of bool, shape of the grid, optional
        Cells that can be reached at all; water is False.

    Returns
    -------
    CostDistance
        As from :func:`geo_profiling.raster.cost_distance.cost_distance`: minutes (NaN where no centre
        is reached), and the centre's number, from 1 by the sorted ids; 0 where none is reached.

    Raises
    ------
    GridError
        If ``passable`` is not of the shape of the grid.
    UsageError
        If minutes or speed are not above 0, or ids stand twice.
    CRSError
        If the centres have no CRS.

    Examples
    --------
    >>> import shapely; from affine import Affine; from pyproj import CRS
    >>> from geo_profiling.access.network import street_network
    >>> line = shapely.LineString([(0, 50), (900, 50)])
    >>> network = street_network(gpd.GeoDataFrame(geometry=[line], crs="EPSG:32632"))
    >>> centres = gpd.GeoDataFrame(index=["a", "b"], geometry=gpd.points_from_xy([50, 450], [50, 50]), crs="EPSG:32632")
    >>> grid = Grid(CRS("EPSG:32632"), Affine(100, 0, 0, 0, -100, 100), (1, 9))
    >>> found = street_times(network, centres, grid, minutes=3)
    >>> found.source.values.tolist(), found.minutes.values[0, :2].round(6).tolist()
    ([[1, 1, 1, 2, 2, 2, 2, 0, 0]], [0.0, 1.2])
    """
    if not (minutes > 0 and walking_kmh > 0):
        raise UsageError(f"{minutes:g} minutes at {walking_kmh:g} km/h: both are above 0")
    if passable is not None and passable.shape != grid.shape:
        raise GridError(f"passable cells of shape {passable.shape} on a grid of {grid.shape}")
    parse_crs(centres.crs, what="local centres")
    places = centres[[centres.geometry.name]].to_crs(network.crs).sort_index()
    metres_per_minute = walking_kmh * 1000 / _MINUTES_PER_HOUR
    times = np.full(grid.shape, np.nan)
    nearest = np.zeros(grid.shape, np.int32)
    numbers = {centre: number for number, centre in enumerate(places.index, start=1)}
    to_network = Transformer.from_crs(grid.crs, network.crs, always_xy=True)
    strip_rows = max(1, _STRIP_CELLS // grid.shape[1])
    for top in range(0, grid.shape[0], strip_rows):
        rows = slice(top, min(top + strip_rows, grid.shape[0]))
        cells = np.ones(grid.shape, bool)[rows] if passable is None else passable[rows]
        row, col = np.nonzero(cells)
        found = walking_distances(
            network,
            _points(grid, row + top, col, to_network, network),
            places,
            max_snap_m=max_snap_m,
            entrance_m=entrance_m,
            cutoff_m=minutes * metres_per_minute,
            name="local centres",
        )
        times[row + top, col] = found["distance_m"].to_numpy() / metres_per_minute
        nearest[row + top, col] = found["target_id"].map(numbers).fillna(0).astype(np.int32)
    return CostDistance(wrap(times, grid, name="minutes"), wrap(nearest, grid, name="source", nodata=0))


def _points(
    grid: Grid, row: NDArray[np.int64], col: NDArray[np.int64], to_network: Transformer, network: StreetNetwork
) -> gpd.GeoDataFrame:
    x, y = grid.transform * (col + 0.5, row + 0.5)
    east, north = to_network.transform(np.asarray(x, np.float64), np.asarray(y, np.float64))
    points: Any = gpd.points_from_xy(east, north)
    return gpd.GeoDataFrame(geometry=points, crs=network.crs)
