"""Rules for coordinate reference systems."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from geo_profiling.crs import local_utm, parse_crs, require_equal_area, require_projected, require_same, same_crs
from geo_profiling.errors import CRSError


def bounds_at(crs: str, lon: float, lat: float, half: float = 50_000) -> tuple[float, float, float, float]:
    x, y = Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform(lon, lat)
    return x - half, y - half, x + half, y + half


@pytest.mark.parametrize("value", [None, ""])
def test_missing_crs_is_named_with_its_file(value):
    with pytest.raises(CRSError, match=r"POP\.tif: no coordinate reference system") as found:
        parse_crs(value, what="POP.tif")
    assert found.value.hint
    assert found.value.exit_code == 4


def test_crs_that_is_not_understood_is_named():
    with pytest.raises(CRSError, match=r"key 'crs': coordinate reference system not understood"):
        parse_crs("EPSG:999999", what="key 'crs'")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("EPSG:4326", "OGC:CRS84", True),
        ("ESRI:54009", CRS("ESRI:54009").to_wkt(), True),
        ("EPSG:31370", CRS("EPSG:31370").to_wkt("WKT1_GDAL"), True),
        ("EPSG:32631", "EPSG:32632", False),
        ("EPSG:4326", "EPSG:4258", False),
        ("ESRI:54009", "EPSG:8857", False),
    ],
)
def test_same_crs_ignores_axis_order_and_spelling_but_no_datum(first, second, same):
    assert same_crs(CRS(first), CRS(second)) is same
    if not same:
        with pytest.raises(CRSError, match="units and grid: coordinate reference systems differ"):
            require_same(CRS(first), CRS(second), what="units and grid")


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:4326", "not projected"),
        ("EPSG:4978", "not projected"),
        ("EPSG:2263", "US survey foot, not the metre"),
        ("EPSG:2222", "foot, not the metre"),
    ],
)
def test_crs_that_cannot_measure_is_refused(crs, words):
    with pytest.raises(CRSError, match=words) as found:
        require_projected(CRS(crs), what="streets")
    assert "reproject" in found.value.hint


@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [
        ("ESRI:54009", 4.4, 50.8),
        ("ESRI:54009", -175.0, 60.0),
        ("EPSG:8857", 36.8, -1.3),
        ("EPSG:3035", 4.4, 50.8),
        ("EPSG:6933", -46.6, -23.5),
        ("EPSG:32737", 36.8, -1.3),
    ],
)
def test_equal_area_crs_and_near_enough_ones_pass(crs, lon, lat):
    require_equal_area(CRS(crs), bounds_at(crs, lon, lat), what="POP.tif")


@pytest.mark.parametrize(
    ("crs", "lon", "lat", "percent"),
    [("EPSG:3857", 4.4, 50.8, r"\+1[0-9]{2}"), ("EPSG:3857", 0.0, 10.0, r"\+[34]"), ("EPSG:32631", 12.0, 50.8, r"\+")],
)
def test_distorting_crs_is_refused_with_the_distortion(crs, lon, lat, percent):
    with pytest.raises(CRSError, match=rf"POP\.tif: {crs} distorts areas by {percent}.*% here") as found:
        require_equal_area(CRS(crs), bounds_at(crs, lon, lat), what="POP.tif")
    assert "equal-area" in found.value.hint


def test_mollweide_of_the_whole_world_with_its_corners_off_the_earth_passes():
    require_equal_area(CRS("ESRI:54009"), (-18_041_000, -9_000_000, 18_041_000, 9_000_000), what="POP.tif")


@settings(max_examples=25)
@given(st.floats(-179.9, 179.9), st.floats(-79.9, 83.9))
def test_utm_zone_of_any_point_measures_there(lon, lat):
    crs = local_utm(lon, lat)
    require_projected(crs, what="point")
    code = crs.to_epsg()
    assert code // 100 == (326 if code < 32700 else 327)
    central = (code % 100) * 6 - 183
    assert abs((lon - central + 180) % 360 - 180) <= 9  # Norway and Svalbard have wide zones


@pytest.mark.parametrize(("lon", "lat"), [(181, 0), (0, 91), (math.nan, 0), (0, math.inf)])
def test_point_not_on_earth_has_no_zone(lon, lat):
    with pytest.raises(CRSError, match="not degrees on Earth"):
        local_utm(lon, lat)


@pytest.mark.parametrize("lat", [89.0, -85.0])
def test_poles_have_no_utm_zone(lat):
    with pytest.raises(CRSError, match="no UTM zone") as found:
        local_utm(10.0, lat)
    assert found.value.hint
