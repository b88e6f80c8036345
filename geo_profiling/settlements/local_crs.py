"""The CRS in which metres between neighbours are true: a local conformal one, or none."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from pyproj import CRS, Proj, Transformer

from geo_profiling.crs import local_utm, parse_crs, require_projected
from geo_profiling.errors import CRSError

#: Largest deviation of the linear scale from 1: UTM's at the edge of its zone is 0.001.
LINEAR_SCALE_TOLERANCE = 0.005
#: Angles may bend by this much (degrees) within a degree of the area; conformal projections bend none.
ANGLE_TOLERANCE_DEG = 1e-3
#: A CRS made for a wider area than this (degrees of longitude) is continental.
MAX_WIDTH_DEG = 60.0
_HINT = "leave it out (the local UTM zone is used), or name a UTM zone or national grid of the area"


def local_crs(layer: gpd.GeoSeries | gpd.GeoDataFrame, crs: str | CRS | None = None, *, what: str = "layer") -> CRS:
    """Return the CRS to measure a layer in: the UTM zone of its centre, or the one named if it is fit.

    Parameters
    ----------
    layer : GeoSeries or GeoDataFrame
        With a CRS; any.
    crs : str or pyproj.CRS, optional
        A local conformal CRS in metres.
    what : str
        Named in errors.

    Raises
    ------
    CRSError
        If the named CRS bends angles or distances there, or was made for a continent.

    Examples
    --------
    >>> from shapely import Point
    >>> local_crs(gpd.GeoSeries([Point(42.7, 11.2)], crs="EPSG:4326")).to_string()
    'EPSG:32638'
    """
    own = parse_crs(layer.crs, what=what)
    left, bottom, right, top = (float(value) for value in layer.total_bounds)
    degrees = Transformer.from_crs(own, "EPSG:4326", always_xy=True).transform_bounds(left, bottom, right, top)
    west, south, east, north = degrees
    if crs is None:
        return local_utm((west + east) / 2, (south + north) / 2)
    chosen = parse_crs(crs, what=f"{what}, the CRS to measure in")
    _require_local_conformal(chosen, (west, south, east, north), what=what)
    return chosen


def require_local_conformal(layer: gpd.GeoSeries | gpd.GeoDataFrame, *, what: str) -> CRS:
    """Return the CRS of a layer, or raise unless it is a local conformal one in metres.

    Raises
    ------
    CRSError
        As :func:`local_crs`.

    Examples
    --------
    >>> from shapely import Point
    >>> require_local_conformal(gpd.GeoSeries([Point(250e3, 1.24e6)], crs="EPSG:32638"), what="blocks").to_string()
    'EPSG:32638'
    """
    crs = parse_crs(layer.crs, what=what)
    require_projected(crs, what=what)
    left, bottom, right, top = (float(value) for value in layer.total_bounds)
    bounds = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform_bounds(left, bottom, right, top)
    _require_local_conformal(crs, bounds, what=what)
    return crs


def _require_local_conformal(crs: CRS, degrees: tuple[float, float, float, float], *, what: str) -> None:
    require_projected(crs, what=what)
    name = crs.to_string()[:60]
    area = crs.area_of_use
    if area is not None and (area.east - area.west) % 360 > MAX_WIDTH_DEG:
        raise CRSError(
            f"{what}: {name} is made for a continent or the world; metres between buildings bend in it", hint=_HINT
        )
    west, south, east, north = degrees
    inside = _factors(crs, (west, south, east, north))
    around = _factors(crs, (west - 1, max(south - 1, -89), east + 1, min(north + 1, 89)))
    angle = max(inside[0], around[0])
    if angle > ANGLE_TOLERANCE_DEG:
        raise CRSError(f"{what}: {name} is not conformal: it bends distances (equal-area systems do)", hint=_HINT)
    if inside[1] > LINEAR_SCALE_TOLERANCE:
        raise CRSError(f"{what}: {name} bends distances by {100 * inside[1]:.1f} % here", hint=_HINT)


def _factors(crs: CRS, degrees: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return the largest angular distortion (degrees) and deviation of the scale from 1 on a lattice."""
    west, south, east, north = degrees
    lon, lat = (axis.ravel() for axis in np.meshgrid(np.linspace(west, east, 5), np.linspace(south, north, 5)))
    found = Proj(crs).get_factors(lon, lat, errcheck=False)
    angle = np.asarray(found.angular_distortion, dtype=float)
    scale = np.asarray(found.meridional_scale, dtype=float)
    if not (np.isfinite(angle).any() and np.isfinite(scale).any()):
        return np.inf, np.inf
    return float(np.nanmax(angle)), float(np.nanmax(np.abs(scale - 1.0)))
