import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geo_profiling.errors import CRSError, InputError
from geo_profiling.raster.grid import Grid
from geo_profiling.settlements.density import zone_density
from geo_profiling.settlements.footprint_cells import footprint_cells
from geo_profiling.settlements.form import prepare_footprints

CRS = "EPSG:32638"
X, Y = 250_000.0, 1_230_000.0
GOLDEN = {
    "n": "n_buildings",
    "zone_m2": "zone_area_m2",
    "footprint_m2": "footprint_area_m2",
    "coverage": "footprint_coverage_by_centroid",
    "bldg_per_ha": "buildings_per_ha",
    "area_mean": "building_area_mean_m2",
    "area_median": "building_area_median_m2",
    "area_cv": "building_area_cv",
    "small_lt30": "share_lt30",
    "small_lt60": "share_lt60",
}


def layer(*shapes):
    return gpd.GeoDataFrame(geometry=[shapely.affinity.translate(shape, X, Y) for shape in shapes], crs=CRS)


@pytest.fixture(scope="module")
def alisabieh(shared_data, shared_golden):
    buildings = gpd.read_file(shared_data / "djibouti/alisabieh_buildings.geojson").to_crs(CRS)
    blocks = gpd.read_file(shared_data / "djibouti/alisabieh_blocks.gpkg", layer="blocks").to_crs(CRS)
    golden = pd.read_csv(shared_golden / "morphology/expected_zone_metrics.csv").set_index("block_id")
    footprints, _ = prepare_footprints(buildings)
    return zone_density(blocks.set_index("block_id"), footprints).loc[golden.index], golden


@pytest.mark.parametrize("column", GOLDEN)
def test_equals_the_golden_blocks(alisabieh, column):
    found, golden = alisabieh
    assert len(found) == 196
    np.testing.assert_allclose(found[GOLDEN[column]], golden[column], rtol=1e-12, atol=1e-9)


def test_cut_coverage_differs_from_coverage_by_centroid_by_design(alisabieh):
    found, _ = alisabieh
    apart = (found["footprint_coverage_share"] - found["footprint_coverage_by_centroid"]).abs()
    assert 0 < apart.max() < 1e-3


def test_worked_example():
    zones = layer(box(0, 0, 100, 100), box(100, 0, 200, 100), box(300, 0, 400, 100))
    huts = layer(box(10, 10, 15, 15), box(20, 20, 30, 25), box(95, 0, 115, 10))
    roads = layer(box(0, 50, 200, 60), box(40, 0, 50, 100)).geometry
    found = zone_density(
        zones,
        huts,
        open_ground=roads,
        tessellation_area_m2=pd.Series([400.0, 600.0, np.nan]),
        floors=pd.Series([1, 2, 3]),
    )
    assert found["n_buildings"].tolist() == [2, 1, 0]
    assert found["footprint_area_m2"].tolist() == [75, 200, 0]
    # the third hut counts in the second zone, but five metres of it stand in the first
    assert found["footprint_coverage_share"].tolist() == pytest.approx([0.0125, 0.0150, 0])
    assert found["footprint_coverage_by_centroid"].tolist() == pytest.approx([0.0075, 0.02, 0])
    assert found["buildings_per_ha"].tolist() == pytest.approx([2, 1, 0])
    # roads cross in the first zone: 1000 + 1000 - 100 m2
    assert found["buildings_per_net_ha"].tolist() == pytest.approx([2 / 0.81, 1 / 0.9, 0])
    assert found["building_area_cv"][0] == pytest.approx(np.std([25, 50], ddof=1) / 37.5)
    assert found["plot_area_mean_m2"].isna().tolist() == [False, True, True]
    assert found["plot_area_mean_m2"][0] == 500
    assert found["floor_area_ratio"].tolist()[:2] == pytest.approx([0.0125, 0.06])
    assert found.loc[2, ["building_area_mean_m2", "share_lt30", "floors_known_share"]].isna().all()


def test_what_was_not_given_is_unknown():
    found = zone_density(layer(box(0, 0, 100, 100)), layer(box(10, 10, 15, 15)))
    unknown = [
        "buildings_per_net_ha",
        "plot_area_mean_m2",
        "floor_area_ratio",
        "floors_known_share",
        "building_area_cv",
    ]
    assert found[unknown].isna().all(axis=None)


def test_floors_must_all_be_known_for_the_ratio():
    huts = layer(box(10, 10, 15, 15), box(20, 20, 30, 25))
    found = zone_density(layer(box(0, 0, 100, 100)), huts, floors=pd.Series([2.0, np.nan]))
    assert found["floors_known_share"].tolist() == [0.5]
    assert found["floor_area_ratio"].isna().all()


def test_bad_input():
    huts = layer(box(10, 10, 15, 15))
    with pytest.raises(CRSError):
        zone_density(layer(box(0, 0, 9, 9)).to_crs("EPSG:4326"), huts)
    with pytest.raises(CRSError):
        zone_density(layer(box(0, 0, 9, 9)).to_crs("EPSG:3857"), huts.to_crs("EPSG:3857"))
    with pytest.raises(InputError, match="index"):
        zone_density(layer(box(0, 0, 9, 9)), huts, floors=pd.Series([1], index=[8]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-30, 330), st.floats(-30, 330), st.floats(0.5, 150)), min_size=1, max_size=12))
def test_cells_hold_what_footprints_cover(huts):
    shapes = np.array([shapely.Point(x, y).buffer(size, quad_segs=3) for x, y, size in huts])
    grid = Grid(pyproj.CRS(CRS), Affine(100, 0, 0, 0, -100, 300), (3, 3))
    pieces = footprint_cells(shapes, grid)
    for owner, row, col, share in zip(pieces.owner, pieces.row, pieces.col, pieces.share, strict=True):
        cell = box(100 * col, 200 - 100 * row, 100 * col + 100, 300 - 100 * row)
        assert share * 1e4 == pytest.approx(shapes[owner].intersection(cell).area, abs=1e-4)
    total = np.bincount(pieces.owner, weights=pieces.share, minlength=len(shapes)) * 1e4
    np.testing.assert_allclose(total, shapely.area(shapely.intersection(shapes, box(0, 0, 300, 300))), atol=1e-3)
