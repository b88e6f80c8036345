"""Buildings in hazard bands: the golden counts of Djibouti, brute force, odd input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import InputError, UsageError, ValueRangeError
from geo_profiling.hazard.bands import Bands
from geo_profiling.hazard.buildings import building_exposure, cells_per_building, centroid_values, footprint_values
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.return_periods import annual_exposure
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.raster.source import ArraySource, wrap

UTM = CRS("EPSG:32638")
PERIODS = (2, 5, 10, 25, 50, 100, 250, 500, 1000)
LIMITS = (0.05, 0.15, 0.3, 0.5)
FLOOD = HazardKind("flood")
DRY = HazardKind("flood", nodata_means="dry")


@pytest.fixture(scope="module")
def djibouti(shared_data: Path) -> tuple[gpd.GeoSeries, list[RasterFile]]:
    buildings = gpd.read_file(shared_data / "djibouti/buildings_osm.geojson", columns=[]).geometry
    name = "djibouti/inunriver_rcp4p5_MIROC-ESM-CHEM_2030_rp{:05d}.tif"
    return buildings, [open_raster(shared_data / name.format(period), quantity="depth") for period in PERIODS]


@pytest.fixture(scope="module")
def golden(shared_golden: Path) -> dict[str, dict[str, dict[str, float]]]:
    return json.loads((shared_golden / "hazard/expected_exposure_and_eae.json").read_text())


def test_exposed_buildings_and_annual_exposure_of_djibouti(
    djibouti: tuple[gpd.GeoSeries, list[RasterFile]], golden: dict[str, dict[str, dict[str, float]]]
) -> None:
    buildings, hazards = djibouti
    whole = gpd.GeoDataFrame(geometry=[shapely.box(41, 10, 45, 14)], crs="EPSG:4326")
    found = building_exposure(buildings, hazards, whole, kind=replace(DRY, bands=Bands(LIMITS)))
    assert found.by_footprint is not None
    for table, rule in ((found.by_centroid, "c"), (found.by_footprint, "max")):
        exceeding = table.exceeding()[0]
        assert table.total.tolist() == [[10544.0] * 9]
        for at, limit in enumerate(LIMITS):
            case = golden[f"buildings_{rule}_thr{limit}"]
            assert exceeding[:, at].tolist() == list(case["rp"].values())
            annual = annual_exposure(exceeding[:, at], PERIODS)
            assert annual.expected == pytest.approx(case["trap_tail"], rel=1e-12)
            assert annual.lower == pytest.approx(case["LB"], rel=1e-12)
    assert found.cells_per_building > 50


def test_any_water_at_all_is_the_golden_count_too(
    djibouti: tuple[gpd.GeoSeries, list[RasterFile]], golden: dict[str, dict[str, dict[str, float]]]
) -> None:
    buildings, hazards = djibouti
    for rule, values in (("c", centroid_values), ("max", footprint_values)):
        wet = (values(buildings, hazards)[0] > 0).sum(axis=0)
        assert wet.tolist() == list(golden[f"buildings_{rule}_thr0.0"]["rp"].values())


def _grid(rows: int = 3, cols: int = 3) -> Grid:
    return Grid(UTM, Affine(100, 0, 0, 0, -100, 100 * rows), (rows, cols))


def _source(values: list[list[float]]) -> ArraySource:
    array = np.array(values)
    return ArraySource(wrap(array, _grid(*array.shape)), "depth.tif")


def _zone(*bounds: float) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.box(*bounds)], crs=UTM)


def test_a_footprint_across_bands_is_in_the_highest() -> None:
    depth = _source([[0.0, 0.3, 2.0]])
    house = gpd.GeoSeries([shapely.box(40, 40, 210, 60)], crs=UTM)
    found = building_exposure(house, [depth], _zone(0, 0, 300, 100), kind=FLOOD)
    assert found.by_centroid.of("0.15-0.5").tolist() == [[1.0]]
    assert found.by_footprint is not None
    assert found.by_footprint.of(">=1.5").tolist() == [[1.0]]


def test_a_footprint_that_only_touches_a_cell_is_not_in_it() -> None:
    house = gpd.GeoSeries([shapely.box(10, 10, 100, 90)], crs=UTM)
    values, _ = footprint_values(house, [_source([[0.1, 5.0]])])
    assert values.tolist() == [[0.1]]


def test_known_cells_decide_and_off_the_map_is_unknown_even_when_nodata_is_dry() -> None:
    depth = _source([[0.2, np.nan]])
    houses = gpd.GeoSeries([shapely.box(x, 40, x + 20, 60) for x in (90, 150, 250)], crs=UTM)
    zone = _zone(0, 0, 1000, 100)
    unknown = building_exposure(houses, [depth], zone, kind=FLOOD)
    dry = building_exposure(houses, [depth], zone, kind=DRY)
    assert unknown.by_footprint is not None
    assert dry.by_footprint is not None
    assert [unknown.by_footprint.of(name).item() for name in ("0.15-0.5", "unknown", "outside")] == [1, 1, 1]
    assert [dry.by_footprint.of(name).item() for name in ("0.15-0.5", "dry", "outside")] == [1, 1, 1]
    assert [dry.by_centroid.of(name).item() for name in ("0.15-0.5", "dry", "outside")] == [0, 2, 1]


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_greatest_under_a_footprint_is_that_of_the_cells_it_shares_area_with(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((5, 5)) < 0.2, np.nan, rng.exponential(1, (5, 5)))
    left, bottom = rng.uniform(-50, 480, (2, 8))
    boxes = shapely.box(left, bottom, left + rng.uniform(1, 200, 8), bottom + rng.uniform(1, 200, 8))
    found, is_outside = footprint_values(gpd.GeoSeries(boxes, crs=UTM), [_source(values.tolist())])
    for i, shape in enumerate(boxes):
        cells = [
            values[r, c]
            for r in range(5)
            for c in range(5)
            if shape.intersection(shapely.box(100 * c, 400 - 100 * r, 100 * c + 100, 500 - 100 * r)).area > 0
        ]
        known = [value for value in cells if value == value]
        assert is_outside[i, 0] == (not cells)
        assert found[i, 0] == max(known) if known else np.isnan(found[i, 0])


def test_bands_sum_to_the_total_whatever_the_order() -> None:
    rng = np.random.default_rng(5)
    depths = np.where(rng.random((2, 9, 9)) < 0.1, np.nan, rng.exponential(1, (2, 9, 9)))
    hazards = [_source(depth.tolist()) for depth in depths]
    points = gpd.GeoSeries.from_xy(*rng.uniform(-50, 950, (2, 400)), crs=UTM)
    left, bottom = rng.uniform(0, 700, (2, 6))
    zones = gpd.GeoDataFrame(geometry=shapely.box(left, bottom, left + 300, bottom + 200), crs=UTM)
    found = building_exposure(points, hazards, zones, kind=FLOOD)
    assert found.by_footprint is None
    assert np.isnan(found.cells_per_building)
    inside = [points.within(zone).sum() for zone in zones.geometry]
    assert found.by_centroid.total.T.tolist() == [inside, inside]
    assert found.by_centroid.total.sum() > 50
    order = rng.permutation(6)
    again = building_exposure(points.iloc[rng.permutation(400)], hazards[::-1], zones.iloc[order], kind=FLOOD)
    assert np.array_equal(again.by_centroid.values, found.by_centroid.values[order][:, ::-1])


def test_buildings_in_another_crs_are_placed() -> None:
    house = gpd.GeoSeries([shapely.box(500040, 1200040, 500060, 1200060)], crs=UTM)
    grid = Grid(CRS("EPSG:4326"), Affine(0.1, 0, 44.95, 0, -0.1, 10.95), (2, 2))
    depth = ArraySource(wrap(np.array([[1.0, 2.0], [3.0, 4.0]]), grid), "depth")
    zone = gpd.GeoDataFrame(geometry=[shapely.box(44, 10, 46, 12)], crs="EPSG:4326")
    assert centroid_values(house, [depth])[0].tolist() == footprint_values(house, [depth])[0].tolist()
    assert building_exposure(house, [depth], zone, kind=FLOOD).by_centroid.total.tolist() == [[1.0]]
    assert cells_per_building(house, grid) == pytest.approx(550, rel=0.05)


def test_odd_buildings_are_refused_by_name() -> None:
    depth = _source([[1.0]])
    mixed = gpd.GeoSeries([shapely.Point(1, 1), shapely.box(0, 0, 1, 1)], crs=UTM)
    with pytest.raises(InputError, match="mixed"):
        building_exposure(mixed, [depth], _zone(0, 0, 9, 9), kind=FLOOD)
    lines = gpd.GeoSeries([shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])], crs=UTM)
    with pytest.raises(InputError, match="building 1 is neither"):
        building_exposure(lines, [depth], _zone(0, 0, 9, 9), kind=FLOOD)


def test_depths_that_cannot_be_are_refused() -> None:
    house = gpd.GeoSeries([shapely.box(40, 40, 60, 60)], crs=UTM)
    with pytest.raises(ValueRangeError, match=r"depth\.tif: a value of 150 m") as caught:
        building_exposure(house, [_source([[150.0]])], _zone(0, 0, 100, 100), kind=FLOOD)
    assert "--hazard-unit cm" in caught.value.hint
    found = building_exposure(house, [_source([[150.0]])], _zone(0, 0, 100, 100), kind=replace(FLOOD, unit="cm"))
    assert found.by_centroid.of(">=1.5").tolist() == [[1.0]]


def test_no_hazard_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="no hazard raster"):
        building_exposure(gpd.GeoSeries([shapely.Point(1, 1)], crs=UTM), [], _zone(0, 0, 9, 9), kind=FLOOD)
