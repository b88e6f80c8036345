"""Reprojected layers: same features, valid polygons."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from geo_profiling.vector.reproject import reproject

MOLLWEIDE = CRS("ESRI:54009")
#: Valid in degrees; the meridian at 10 E is curved in Mollweide, the edge drawn for it is not.
BESIDE = shapely.Polygon([(10, 40), (10, 60), (0, 60), (0, 40), (9, 40.1), (9.99, 50), (9, 40.05)])


def test_polygon_whose_edges_cross_after_reprojection_is_made_valid():
    layer = gpd.GeoDataFrame(
        {"id": ["a", "b"]}, geometry=[BESIDE, shapely.box(0, 0, 1, 1)], crs="EPSG:4326", index=[5, 3]
    )
    assert layer.is_valid.all()
    assert not layer.to_crs(MOLLWEIDE).is_valid.all()
    placed = reproject(layer, MOLLWEIDE)
    assert placed.is_valid.all()
    assert placed.crs == MOLLWEIDE
    assert (placed["id"].tolist(), placed.index.tolist()) == (["a", "b"], [5, 3])
    dense = gpd.GeoSeries(shapely.segmentize(layer.geometry.to_numpy(), 0.05), crs="EPSG:4326").to_crs(MOLLWEIDE)
    np.testing.assert_allclose(placed.area.to_numpy(), dense.area.to_numpy(), rtol=0.1)
    assert set(placed.geom_type) <= {"Polygon", "MultiPolygon"}


def test_layer_in_the_same_crs_is_left_alone():
    layer = gpd.GeoDataFrame(geometry=[BESIDE], crs="EPSG:4326")
    assert reproject(layer, CRS("OGC:CRS84")) is layer


def test_geometry_without_a_place_in_the_crs_is_left_infinite():
    polar = CRS("+proj=ortho +lat_0=90")
    layer = gpd.GeoDataFrame(geometry=[shapely.box(0, -60, 10, -50), shapely.box(0, 50, 10, 60)], crs="EPSG:4326")
    placed = reproject(layer, polar)
    assert np.isinf(placed.bounds.to_numpy()[0]).any()
    assert placed.is_valid.tolist()[1]


@pytest.mark.parametrize("crs", ["ESRI:54009", "EPSG:3035"])
def test_sound_layer_is_what_geopandas_gives(crs):
    layer = gpd.GeoDataFrame(geometry=[shapely.box(4, 50, 5, 51)], crs="EPSG:4326")
    assert reproject(layer, CRS(crs)).geom_equals(layer.to_crs(crs)).all()
