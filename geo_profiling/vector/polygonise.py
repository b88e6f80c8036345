"""Cells of clusters as polygons that follow the cell edges exactly."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import shapes
from shapely.geometry import shape

from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.grid import Grid, Window


def polygonise_runs(runs: CellRuns, grid: Grid) -> gpd.GeoSeries:
    """Turn the cells of each owner into one multipolygon.

    Cells that meet in a corner only become separate parts, so every multipolygon is valid.

    Parameters
    ----------
    runs : CellRuns
        Sorted by owner, as :meth:`CellRuns.concatenate` leaves them.
    grid : Grid
        The raster of the runs.

    Returns
    -------
    geopandas.GeoSeries
        MultiPolygons in the CRS of the grid, indexed by owner in ascending order.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 2))
    >>> runs = CellRuns.from_labels(np.array([[1, 0], [0, 1]], np.int32), grid.window)
    >>> polygonise_runs(runs, grid).area.tolist()
    [2000000.0]
    """
    owners, boxes = runs.boxes()
    bounds = np.searchsorted(runs.owner, np.append(owners, np.iinfo(np.int64).max))
    geometries = []
    for index, (top, left, bottom, right) in enumerate(boxes.tolist()):
        window = Window(top, left, bottom - top, right - left)
        part = runs.select(np.arange(bounds[index], bounds[index + 1]))
        cells = np.zeros(window.shape, np.uint8)
        part.paint(cells, window, np.ones(part.row.size, np.uint8))
        found = shapes(cells, mask=cells.astype(bool), connectivity=4, transform=grid.crop(window).transform)
        geometries.append(shapely.multipolygons([shape(geometry) for geometry, _ in found]))
    return gpd.GeoSeries(geometries, index=owners, crs=grid.crs)
