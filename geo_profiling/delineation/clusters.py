"""Urban centres and clusters as polygons with people, area and an id that stays."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from geo_profiling.delineation.paint import ClusterKind, Clusters
from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.grid import Grid
from geo_profiling.vector.polygonise import polygonise_runs

_PREFIXES: dict[ClusterKind, str] = {
    "urban_centre": "UC",
    "dense_cluster": "DC",
    "semi_dense_cluster": "SC",
    "urban_cluster": "CL",
}


def cluster_polygons(clusters: Clusters, grid: Grid, *, kind: ClusterKind) -> gpd.GeoDataFrame:
    """Return clusters as a layer, the most populous first.

    Parameters
    ----------
    clusters : Clusters
    grid : Grid
        Equal-area.
    kind : {"urban_centre", "dense_cluster", "semi_dense_cluster", "urban_cluster"}

    Returns
    -------
    geopandas.GeoDataFrame
        ``centre_id`` (``cluster_id`` for the other kinds), ``population``, ``area_km2``,
        ``touches_edge`` (may go on beyond what is known) and multipolygons in the CRS of the grid.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 2))
    >>> runs = CellRuns.from_labels(np.array([[1, 1], [0, 1]], np.int32), grid.window)
    >>> layer = cluster_polygons(Clusters(runs, np.array([9.0]), np.array([True])), grid, kind="urban_centre")
    >>> layer.centre_id[0], layer.area_km2[0]
    ('UC_E1500_N1500', np.float64(3.0))
    """
    runs = clusters.runs
    id_field = "centre_id" if kind == "urban_centre" else "cluster_id"
    cells = np.bincount(runs.owner, weights=runs.cells(), minlength=clusters.population.size + 1)[1:]
    layer = gpd.GeoDataFrame(
        {
            id_field: cluster_ids(runs, grid, prefix=_PREFIXES[kind]),
            "population": clusters.population,
            "area_km2": cells * grid.cell_area_km2,
            "touches_edge": clusters.touches_edge,
        },
        geometry=polygonise_runs(runs, grid).array,
        crs=grid.crs,
    )
    return layer.sort_values(["population", id_field], ascending=[False, True], ignore_index=True)


def cluster_ids(runs: CellRuns, grid: Grid, *, prefix: str) -> list[str]:
    """Return an id for each owner 1 ... n: the coordinates of its cell nearest to its centroid.

    A cell belongs to one cluster of a kind, so ids are unique; they depend on the cells alone, and
    survive small changes of the edge.

    Parameters
    ----------
    runs : CellRuns
        Sorted by owner.
    grid : Grid
    prefix : str
        What the id starts with.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, -9000, 0, -1000, 2000), (2, 2))
    >>> cluster_ids(CellRuns.from_labels(np.array([[0, 1], [0, 0]], np.int32), grid.window), grid, prefix="UC")
    ['UC_W7500_N1500']
    """
    if not runs.row.size:
        return []
    n = int(runs.owner.max())
    length = runs.cells()
    middle = (runs.start + runs.stop - 1) / 2
    cells = np.bincount(runs.owner, weights=length, minlength=n + 1)
    row = np.bincount(runs.owner, weights=runs.row * length, minlength=n + 1) / np.maximum(cells, 1)
    col = np.bincount(runs.owner, weights=middle * length, minlength=n + 1) / np.maximum(cells, 1)
    # Halves go down, not to the even column: where the raster begins must not matter.
    nearest_col = np.clip(np.ceil(col[runs.owner] - 0.5), runs.start, runs.stop - 1)
    distance = np.hypot(runs.row - row[runs.owner], nearest_col - col[runs.owner])
    order = np.lexsort((nearest_col, runs.row, distance.round(9), runs.owner))
    first = order[np.searchsorted(runs.owner[order], np.arange(1, n + 1))]
    return [_cell_name(grid, prefix, int(runs.row[run]), int(nearest_col[run])) for run in first]


def _cell_name(grid: Grid, prefix: str, row: int, col: int) -> str:
    x, y = grid.transform * (col + 0.5, row + 0.5)
    east, north = round(x), round(y)
    return f"{prefix}_{'W' if east < 0 else 'E'}{abs(east)}_{'S' if north < 0 else 'N'}{abs(north)}"


def labels_of(runs: CellRuns, grid: Grid) -> NDArray[np.int32]:
    """Return the owners as a label grid, 0 outside.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 2))
    >>> labels_of(CellRuns.from_labels(np.array([[0, 1], [0, 0]], np.int32), grid.window), grid).tolist()
    [[0, 1], [0, 0]]
    """
    labels = np.zeros(grid.shape, np.int32)
    runs.paint(labels, grid.window, runs.owner.astype(np.int32))
    return labels
