"""Rules for coordinate reference systems: require one that can measure, choose a local one.

Nothing here is a default by silence: a function that measures names the CRS it measured in.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from pyproj.exceptions import CRSError as _ProjCRSError

from geo_profiling.errors import CRSError

#: Largest deviation of the areal scale from 1 under which cells may be counted as equal in area.
AREAL_SCALE_TOLERANCE = 0.01


def parse_crs(value: Any, *, what: str) -> CRS:
    """Return ``value`` as a :class:`pyproj.CRS`.

    Parameters
    ----------
    value : Any
        Anything pyproj understands (``"EPSG:4326"``, WKT, an object with ``to_wkt``), or None.
    what : str
        The file, layer or key that carries it; named in the error.

    Raises
    ------
    CRSError
        If there is none, or pyproj cannot read it.

    Examples
    --------
    >>> parse_crs("ESRI:54009", what="POP.tif").to_string()
    'ESRI:54009'
    """
    if value is None or value == "":
        raise CRSError(f"{what}: no coordinate reference system", hint="declare the CRS in the file or config")
    try:
        return value if isinstance(value, CRS) else CRS.from_user_input(value)
    except _ProjCRSError as error:
        raise CRSError(f"{what}: coordinate reference system not understood: {error}") from error


def same_crs(first: CRS, second: CRS) -> bool:
    """Tell whether two CRS place the same coordinates at the same spot (axis order aside).

    Examples
    --------
    >>> same_crs(CRS("EPSG:4326"), CRS("OGC:CRS84"))
    True
    """
    return first == second or first.equals(second, ignore_axis_order=True)


def require_same(first: CRS, second: CRS, *, what: str) -> None:
    """Raise unless both CRS are the same.

    Raises
    ------
    CRSError
        If they differ; both are named.

    Examples
    --------
    >>> require_same(CRS("EPSG:4326"), CRS("EPSG:4326"), what="zones and raster")
    """
    if not same_crs(first, second):
        raise CRSError(
            f"{what}: coordinate reference systems differ ({first.to_string()[:60]} and {second.to_string()[:60]})",
            hint="reproject one of the two first",
        )


def require_projected(crs: CRS, *, what: str) -> None:
    """Raise unless the CRS is projected with metres as its unit.

    Raises
    ------
    CRSError
        If it is geographic, or its unit is not the metre.

    Examples
    --------
    >>> require_projected(CRS("EPSG:32735"), what="streets")
    """
    if not crs.is_projected:
        raise CRSError(
            f"{what}: lengths and areas cannot be measured in {crs.to_string()[:60]} (not projected)",
            hint="reproject to a projected CRS in metres",
        )
    units = {axis.unit_name for axis in crs.axis_info[:2]}
    if units != {"metre"}:
        raise CRSError(
            f"{what}: the unit of {crs.to_string()[:60]} is {', '.join(sorted(units))}, not the metre",
            hint="reproject to a projected CRS in metres",
        )


def require_equal_area(crs: CRS, bounds: tuple[float, float, float, float], *, what: str) -> None:
    """Raise unless areas measured in the CRS within ``bounds`` are true to 1 %.

    Parameters
    ----------
    crs : CRS
        Projected, in metres.
    bounds : tuple of float
        (left, bottom, right, top) in the CRS; the areal scale is taken on a 5 x 5 lattice in it.
        Lattice points outside the projection's domain are passed over.
    what : str
        Named in the error.

    Raises
    ------
    CRSError
        If the CRS is not projected or its areal scale leaves 0.99-1.01.

    Examples
    --------
    >>> require_equal_area(CRS("ESRI:54009"), (187e3, 5.8e6, 490e3, 6.0e6), what="POP.tif")
    """
    require_projected(crs, what=what)
    scale = _areal_scale(crs, bounds)
    if scale is not None and abs(scale - 1.0) > AREAL_SCALE_TOLERANCE:
        raise CRSError(
            f"{what}: {crs.to_string()[:60]} distorts areas by {100 * (scale - 1):+.1f} % here",
            hint="use an equal-area CRS (for example ESRI:54009, World Mollweide)",
        )


def _areal_scale(crs: CRS, bounds: tuple[float, float, float, float]) -> float | None:
    """Areal scale farthest from 1 on a lattice in ``bounds``; None where no point is valid."""
    left, bottom, right, top = bounds
    xs, ys = np.meshgrid(np.linspace(left, right, 5), np.linspace(bottom, top, 5))
    lon, lat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(xs.ravel(), ys.ravel())
    valid = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
    if not valid.any():
        return None
    factors = Proj(crs).get_factors(lon[valid], lat[valid], errcheck=False)
    scale = np.asarray(factors.areal_scale, dtype=float)
    scale = scale[np.isfinite(scale) & (scale < 1e6)]
    return None if scale.size == 0 else float(scale[np.argmax(np.abs(scale - 1.0))])


def local_utm(lon: float, lat: float) -> CRS:
    """Return the WGS 84 UTM zone of a point: the local conformal CRS for lengths and shapes.

    Parameters
    ----------
    lon, lat : float
        Degrees, WGS 84.

    Raises
    ------
    CRSError
        If the point is not on Earth or has no UTM zone (beyond 84 N or 80 S).

    Examples
    --------
    >>> local_utm(42.7, 11.2).to_string()
    'EPSG:32638'
    """
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise CRSError(f"no UTM zone at longitude {lon}, latitude {lat}: not degrees on Earth")
    found = query_utm_crs_info(
        datum_name="WGS 84",
        area_of_interest=AreaOfInterest(lon, lat, lon, lat),
    )
    if not found:
        raise CRSError(f"no UTM zone at longitude {lon:.4f}, latitude {lat:.4f}", hint="name a local projected CRS")
    return CRS.from_epsg(int(found[0].code))
