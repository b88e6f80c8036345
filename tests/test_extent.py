"""Coordinates that can and cannot be in their CRS."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import CRS

from geo_profiling.errors import CRSError
from geo_profiling.extent import overlap_findings, require_plausible_extent


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:4326", (-180, -90, 180, 90)),
        ("EPSG:4326", (36.6, -1.5, 37.1, -1.1)),
        ("ESRI:54009", (-18_040_096, -9_020_048, 18_040_096, 9_020_048)),
        ("ESRI:54009", (187_000, 5.8e6, 490_000, 6.0e6)),
        ("EPSG:32631", (0, 5.5e6, 900_000, 5.8e6)),
        ("EPSG:3857", (-20_037_508, -20_037_508, 20_037_508, 20_037_508)),
        # New Zealand's area of use crosses the antimeridian.
        ("EPSG:2193", (1.0e6, 4.7e6, 2.1e6, 6.2e6)),
        ("EPSG:3832", (-1e5, -1e6, 3e6, 1e6)),
        ("+proj=laea +lat_0=5 +lon_0=20", (-4e6, -4e6, 4e6, 4e6)),
    ],
)
def test_real_extents_pass(crs: str, bounds: tuple[float, float, float, float]) -> None:
    require_plausible_extent(CRS(crs), bounds, what="layer")
    # A CRS that came out of a file as WKT carries no area of use of its own.
    require_plausible_extent(CRS(CRS(crs).to_wkt("WKT1_GDAL")), bounds, what="layer")


@pytest.mark.parametrize(
    ("crs", "bounds", "message"),
    [
        ("EPSG:4326", (0, -60, 360, 80), "longitudes run to 360"),
        ("EPSG:4326", (170, -60, 190, 80), "longitudes run to 190"),
        ("EPSG:4326", (250_000, 9_850_000, 260_000, 9_860_000), "not degrees"),
        ("EPSG:4326", (-10, 30, 10, 95), "not degrees"),
        ("EPSG:4326", (math.nan, 0, 1, 1), "not finite"),
        ("ESRI:54009", (0, 0, math.inf, 1), "not finite"),
        ("ESRI:54009", (3e7, 0, 4e7, 1e6), "outside the domain"),
        ("EPSG:31370", (7.9e6, 5.94e6, 7.98e6, 6e6), "outside Belgium"),
        ("EPSG:32631", (187_000, -6e6, 490_000, -5.8e6), "lie outside"),
    ],
)
def test_impossible_extents_are_refused(crs: str, bounds: tuple[float, float, float, float], message: str) -> None:
    for system in (CRS(crs), CRS(CRS(crs).to_wkt("WKT1_GDAL"))):
        with pytest.raises(CRSError, match=f"^layer: .*{message}") as caught:
            require_plausible_extent(system, bounds, what="layer")
        assert caught.value.hint or message == "not finite"


def test_rasters_may_pass_the_limits_by_a_cell() -> None:
    require_plausible_extent(CRS("EPSG:4326"), (-180.4, -90.2, 180.3, 90.2), what="pop.tif", tolerance=0.5)
    with pytest.raises(CRSError):
        require_plausible_extent(CRS("EPSG:4326"), (-180.4, -90.2, 180.3, 90.2), what="pop.tif")


BOXES = np.array([[0, 0, 1, 1], [4, 4, 5, 5], [4, 4, 6, 5], [7, 0, 8, 1], [np.nan] * 4], dtype=float)


@pytest.mark.parametrize(
    ("rows", "severity", "place"),
    [
        ([0, 1], None, ""),
        ([0, 1, 2, 3, 4], "warning", "unit 2, unit 3"),
        ([0, 3], "warning", "unit 1"),
        ([3], "error", ""),
        ([3, 4], "error", ""),
        ([4], "error", ""),
        ([0] + [3] * 9, "warning", "unit 1, unit 2, unit 3, unit 4, unit 5, ..."),
    ],
)
def test_features_outside_the_raster(rows: list[int], severity: str | None, place: str) -> None:
    found = overlap_findings(BOXES[rows], (0, 0, 5, 5), layer="units", raster="pop.tif", describe="unit {}".format)
    assert [(finding.severity, finding.place) for finding in found] == ([] if severity is None else [(severity, place)])
    assert all(finding.remedy and "pop.tif" in finding.message for finding in found)
