"""Areas of polygons, in whatever CRS they come."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geo_profiling.crs import parse_crs, require_equal_area
from geo_profiling.errors import CRSError


def areas_km2(polygons: gpd.GeoSeries) -> pd.Series:
    """Measure areas in an equal-area projection: the polygons' own, or a Lambert azimuthal one at their centre.

    Parameters
    ----------
    polygons : geopandas.GeoSeries
        In any CRS.

    Returns
    -------
    pandas.Series
        ``area_km2`` on the index of the polygons.

    Raises
    ------
    CRSError
        If there is no CRS.

    Examples
    --------
    >>> from shapely import box
    >>> areas_km2(gpd.GeoSeries([box(4e6, 3e6, 4.002e6, 3.001e6)], crs="EPSG:3035")).tolist()
    [2.0]
    >>> areas_km2(gpd.GeoSeries([box(4, 50, 5, 51)], crs="EPSG:4326")).round(0).tolist()
    [7892.0]
    """
    crs = parse_crs(polygons.crs, what="polygons")
    left, bottom, right, top = (float(value) for value in polygons.total_bounds)
    try:
        require_equal_area(crs, (left, bottom, right, top), what="polygons")
        measured = polygons
    except CRSError:
        measured = polygons.to_crs(_local_equal_area(polygons))
    areas = shapely.area(np.asarray(measured.array, dtype=object))
    return pd.Series(areas / 1e6, index=polygons.index, name="area_km2")


def _local_equal_area(polygons: gpd.GeoSeries) -> CRS:
    left, bottom, right, top = polygons.to_crs("EPSG:4326").total_bounds
    return CRS(f"+proj=laea +lon_0={(left + right) / 2:.6f} +lat_0={(bottom + top) / 2:.6f} +datum=WGS84 +units=m")
