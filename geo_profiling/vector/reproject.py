"""Layers in another CRS, with geometries that stay valid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from geo_profiling.crs import same_crs


def reproject(layer: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame:
    """Return a layer in another CRS, its polygons valid there as they were before.

    Only vertices are projected: a long edge that is curved in the other CRS stays straight, and may
    then cross a vertex that lay close beside it. Such polygons are made valid by GEOS' "structure"
    method; what changes is the sliver at the crossing.

    Parameters
    ----------
    layer : GeoDataFrame
        With a CRS; polygons valid.
    crs : pyproj.CRS

    Returns
    -------
    GeoDataFrame
        The layer itself where it is in that CRS already. Geometries that have no place in the CRS
        are left as they come, with infinite coordinates.

    Examples
    --------
    >>> beside = shapely.Polygon([(10, 40), (10, 60), (0, 60), (0, 40), (9, 40.1), (9.99, 50), (9, 40.05)])
    >>> layer = gpd.GeoDataFrame(geometry=[beside], crs="EPSG:4326")
    >>> layer.to_crs("ESRI:54009").is_valid.tolist(), reproject(layer, CRS("ESRI:54009")).is_valid.tolist()
    ([False], [True])
    """
    if same_crs(layer.crs, crs):
        return layer
    placed = layer.to_crs(crs)
    geometries = placed.geometry.to_numpy().copy()
    broken = ~shapely.is_valid(geometries) & np.isfinite(shapely.bounds(geometries)).all(axis=1)
    if not broken.any():
        return placed
    geometries[broken] = shapely.make_valid(geometries[broken], method="structure", keep_collapsed=False)
    return placed.set_geometry(gpd.GeoSeries(geometries, index=placed.index, crs=crs))
