"""The ground of each building: the part of its block nearer to it than to any other building."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from geo_profiling.crs import require_same
from geo_profiling.settlements.complexity import blocks_of_points, building_points
from geo_profiling.settlements.contacts import BlockGround, block_contacts
from geo_profiling.settlements.local_crs import require_local_conformal


def building_cells(buildings: gpd.GeoSeries, blocks: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Divide blocks among their buildings: Voronoi cells of the centroids, clipped to the block.

    These are the cells whose contacts :func:`geo_profiling.settlements.complexity.measure_complexity`
    reads; it needs no polygons of them, a map does.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Polygons or points, in a local conformal CRS.
    blocks : geopandas.GeoSeries
        Polygons, indexed by their ids, in the same CRS.

    Returns
    -------
    geopandas.GeoDataFrame
        ``block_id`` and the cell, on the index of the buildings that lie in a block, in its order;
        buildings at the same place have the same cell. The cells of a block sum to its area.

    Raises
    ------
    CRSError
        If a CRS is not a local conformal one, or they differ.

    Examples
    --------
    >>> from shapely import Point, box
    >>> two = gpd.GeoSeries([Point(600_005, 8_000_005), Point(600_015, 8_000_005)], crs="EPSG:32735")
    >>> block = gpd.GeoSeries([box(6e5, 8e6, 600_030, 8_000_010)], index=["A"], crs="EPSG:32735")
    >>> building_cells(two, block).area.tolist()
    [100.0, 200.0]
    """
    crs = require_local_conformal(blocks, what="blocks")
    require_same(buildings.crs, crs, what="buildings and blocks")
    points = building_points(np.asarray(buildings.array, dtype=object))
    block_of = blocks_of_points(points, blocks)
    cells = np.full(len(points), None, dtype=object)
    for position in np.unique(block_of[block_of >= 0]):
        members = np.flatnonzero(block_of == position)
        contacts = block_contacts(BlockGround(blocks.iloc[position], points[members], np.empty((0, 4))))
        own = contacts.cells(np.arange(len(contacts.diagram.sites)))
        cells[members] = own[contacts.site_of_point]
    inside = block_of >= 0
    ids = blocks.index[block_of[inside]]
    return gpd.GeoDataFrame({"block_id": ids}, geometry=cells[inside], index=buildings.index[inside], crs=crs)
