"""Whether coordinates can be what their CRS says, and whether inputs lie in the same place.

A wrong CRS label gives no error anywhere downstream: sums of zero, and areas that are off by orders.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geo_profiling.errors import CRSError
from geo_profiling.findings import Finding

Bounds = tuple[float, float, float, float]

#: Data may reach this far beyond the area their CRS was made for before the label is disbelieved.
AREA_OF_USE_MARGIN_DEG = 6.0
#: Features outside that a warning names; the others are counted.
_LISTED_FEATURES = 5


def require_plausible_extent(crs: CRS, bounds: Bounds, *, what: str, tolerance: float = 1e-6) -> None:
    """Raise unless ``bounds`` can be coordinates in ``crs``.

    Parameters
    ----------
    crs : pyproj.CRS
        Geographic ones must have longitudes within -180..180 and latitudes within -90..90;
        projected ones must reach some point of the area they were made for (with a margin of
        :data:`AREA_OF_USE_MARGIN_DEG`).
    bounds : tuple of float
        Left, bottom, right, top in units of the CRS (longitude first).
    what : str
        Named in the error.
    tolerance : float
        How far a geographic extent may pass the limits, degrees: a cell, for rasters.

    Raises
    ------
    CRSError
        If the coordinates cannot be in that CRS; the message says what they look like.

    Examples
    --------
    >>> require_plausible_extent(CRS("EPSG:4326"), (36.6, -1.5, 37.1, -1.1), what="wards.gpkg")
    >>> require_plausible_extent(CRS("EPSG:4326"), (240e3, 9834e3, 280e3, 9870e3), what="wards")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    geo_profiling.errors.CRSError: wards: coordinates (240000, 9834000, 280000, 9870000) are not degrees, ...
    """
    shown = f"({', '.join(f'{value:g}' if abs(value) < 1e5 else f'{value:.0f}' for value in bounds)})"
    if not all(math.isfinite(value) for value in bounds):
        raise CRSError(f"{what}: the extent {shown} is not finite", hint="repair the coordinates")
    if crs.is_geographic:
        _require_degrees(bounds, shown, crs, what=what, tolerance=tolerance)
    elif crs.is_projected:
        _require_area_of_use(bounds, shown, crs, what=what)


def _require_degrees(bounds: Bounds, shown: str, crs: CRS, *, what: str, tolerance: float) -> None:
    left, bottom, right, top = bounds
    latitudes_fit = bottom >= -90 - tolerance and top <= 90 + tolerance
    if latitudes_fit and left >= -180 - tolerance and right <= 180 + tolerance:
        return
    if latitudes_fit and left >= -180 - tolerance and right <= 360 + tolerance:
        raise CRSError(
            f"{what}: longitudes run to {right:g}, beyond 180 (a 0..360 convention)",
            hint="shift it to -180..180 first (for example gdalwarp -t_srs EPSG:4326 --config CENTER_LONG 0)",
        )
    raise CRSError(
        f"{what}: coordinates {shown} are not degrees, but its CRS is {crs.name}",
        hint="assign the CRS the coordinates are really in (projected, in metres?)",
    )


def _require_area_of_use(bounds: Bounds, shown: str, crs: CRS, *, what: str) -> None:
    left, bottom, right, top = bounds
    xs, ys = np.meshgrid(np.linspace(left, right, 9), np.linspace(bottom, top, 9))
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, lat = to_degrees.transform(xs.ravel(), ys.ravel())
    valid = np.isfinite(lon) & np.isfinite(lat)
    lon, lat = lon[valid], lat[valid]
    hint = "assign the CRS the coordinates are really in"
    if lon.size == 0:
        raise CRSError(f"{what}: coordinates {shown} lie outside the domain of {crs.name}", hint=hint)
    area = _area_of_use(crs)
    if area is None:
        return
    margin = AREA_OF_USE_MARGIN_DEG
    # Areas of use that cross the antimeridian have west > east.
    width = (area.east - area.west) % 360.0 or 360.0
    inside = ((lon - area.west + margin) % 360.0 <= width + 2 * margin) | (width + 2 * margin >= 360)
    inside &= (lat >= area.south - margin) & (lat <= area.north + margin)
    if not inside.any():
        raise CRSError(
            f"{what}: coordinates {shown} lie outside {area.name[:80]}, which its CRS {crs.name} is made for", hint=hint
        )


def _area_of_use(crs: CRS) -> Any:
    """Return the area a CRS is made for; CRSs that come from WKT carry none, but often a code."""
    if crs.area_of_use is not None:
        return crs.area_of_use
    authority = crs.to_authority(min_confidence=100)
    return CRS.from_authority(*authority).area_of_use if authority else None


def overlap_findings(
    features: NDArray[np.float64], bounds: Bounds, *, layer: str, raster: str, describe: Callable[[int], str]
) -> list[Finding]:
    """Report features that lie outside a raster.

    Parameters
    ----------
    features : numpy.ndarray
        Shape (n, 4): left, bottom, right, top of each feature, in the raster's CRS; NaN without
        geometry.
    bounds : tuple of float
        Of the raster.
    layer, raster : str
        Named in the findings.
    describe : callable
        From position to the feature's name.

    Returns
    -------
    list of Finding
        An error if no feature meets the raster, a warning if some lie wholly or partly outside,
        else nothing.

    Examples
    --------
    >>> boxes = np.array([[0.0, 0, 2, 2], [8, 8, 9, 9]])
    >>> print(*overlap_findings(boxes, (0, 0, 5, 5), layer="units", raster="pop.tif", describe=lambda i: f"unit {i}"))
    units, unit 1: 1 of 2 features lie wholly or partly outside pop.tif
    """
    left, bottom, right, top = bounds
    # A rim of rounding does not make a feature stick out.
    rim = 1e-9 * max(right - left, top - bottom)
    apart = (features[:, 0] > right) | (features[:, 2] < left) | (features[:, 1] > top) | (features[:, 3] < bottom)
    inside = (features[:, 0] >= left - rim) & (features[:, 2] <= right + rim)
    inside &= (features[:, 1] >= bottom - rim) & (features[:, 3] <= top + rim)
    placed = ~np.isnan(features).any(axis=1)
    if (apart | ~placed).all():
        message = f"does not overlap {raster}: no feature meets its extent"
        return [Finding("error", layer, "", message, "check the CRS, axis order and area of both")]
    out = np.flatnonzero(placed & ~inside)
    if out.size == 0:
        return []
    named = ", ".join(describe(int(index)) for index in out[:_LISTED_FEATURES])
    more = ", ..." if out.size > _LISTED_FEATURES else ""
    message = f"{out.size} of {len(features)} features lie wholly or partly outside {raster}"
    return [Finding("warning", layer, named + more, message, "use a raster that covers them")]
