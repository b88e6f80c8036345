from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from pyproj import CRS
from shapely import LineString

from geo_profiling.delineation.friction import (
    Speeds,
    build_friction,
    friction_findings,
    road_speeds,
    slope,
)
from geo_profiling.errors import CRSError, InputError, UsageError, ValueRangeError
from geo_profiling.raster.grid import Grid

GRID = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 3))


def roads(*classes, crs="ESRI:54009"):
    lines = [LineString([(100, -500), (900 + 1000 * i, -500)]) for i in range(len(classes))]
    return gpd.GeoDataFrame({"road_class": list(classes)}, geometry=lines, crs=crs)


def test_walking_is_five_kilometres_an_hour_and_without_roads_thirty():
    assert build_friction(GRID, speeds=Speeds()) == pytest.approx(0.012)
    assert build_friction(GRID) == pytest.approx(0.002)


def test_water_is_sailed_or_impassable_and_a_bridge_is_used():
    land = np.array([[1.0, 0.49, 0.5], [np.nan, 1, 1]])
    sailed = build_friction(GRID, land_share=land, speeds=Speeds(water_kmh=20))
    assert sailed[0] == pytest.approx([0.012, 0.003, 0.012])
    assert np.isnan(sailed[1, 0])
    closed = build_friction(GRID, land_share=land, speeds=Speeds(water_kmh=None))
    assert np.isnan(closed[0, 1])
    bridge = build_friction(GRID, land_share=land, roads=roads("path", "primary"), speeds=Speeds(water_kmh=None))
    assert bridge[0, 1] == pytest.approx(0.06 / 55)


def test_slope_slows_the_walk_after_tobler_and_never_below_the_slowest():
    rising = np.tile([0.0, 100.0, 200.0], (2, 1))
    assert slope(rising, GRID.cell_size) == pytest.approx(0.1)
    assert build_friction(GRID, elevation_m=rising, speeds=Speeds()) == pytest.approx(0.012 * np.exp(0.35))
    assert build_friction(GRID, elevation_m=rising * 1000, speeds=Speeds()) == pytest.approx(0.06 / 0.5)


def test_unknown_heights_count_as_level_and_a_single_row_has_a_slope():
    heights = np.array([[0.0, np.nan, 0.0], [0.0, 0.0, 0.0]])
    assert build_friction(GRID, elevation_m=heights, speeds=Speeds()) == pytest.approx(0.012)
    assert slope(np.array([[5.0]]), (10, 10)).tolist() == [[0.0]]


def test_the_fastest_road_in_a_cell_counts_whatever_the_order():
    for table in (roads("motorway", "path", "residential"), roads("path", "residential", "motorway_link").iloc[::-1]):
        drawn = road_speeds(table, GRID, Speeds().road_kmh)
        assert drawn[0, 0] == 90
        assert drawn[1].tolist() == [0, 0, 0]


def test_roads_of_unknown_class_are_refused_by_name_and_count():
    with pytest.raises(InputError, match=r"3 roads of 2 classes without a speed: bridleway \(2\), NULL \(1\)"):
        build_friction(GRID, roads=roads("bridleway", "bridleway", None, "primary"))
    with pytest.raises(InputError, match="road_class"):
        build_friction(GRID, roads=roads("primary").drop(columns="road_class"))
    with pytest.raises(CRSError):
        build_friction(GRID, roads=roads("primary", crs="EPSG:3857"))


def test_no_roads_at_all_are_drawn_as_none():
    assert (road_speeds(roads("path").iloc[:0], GRID, Speeds().road_kmh) == 0).all()


def test_inputs_that_cannot_be_meant_are_refused():
    with pytest.raises(UsageError, match="land_share has shape"):
        build_friction(GRID, land_share=np.ones((1, 1)))
    with pytest.raises(ValueRangeError, match="6 cells"):
        build_friction(GRID, land_share=np.full((2, 3), 1e6))
    with pytest.raises(UsageError, match=r"speed 'land_kmh' is 0\.1"):
        Speeds(land_kmh=0.1)


@pytest.mark.parametrize(
    ("friction", "severity", "words"),
    [
        (np.full((2, 2), 0.72), "error", "4 of 4 cells are slower than 0.5 km/h"),  # seconds per metre
        (np.full((2, 2), 0.012 / 60), "error", "4 of 4 cells are faster than 200 km/h"),  # hours per metre
        (np.array([[0.0, 0.01]]), "error", "1 of 2 cells have zero friction"),
        (np.array([[-1.0, -2, 0.01, 0.01]]), "error", "2 of 4 cells have negative friction"),
        (np.array([[np.inf, 0.01]]), "error", "1 of 2 cells have infinite friction"),
        (np.array([[1.0, 0.01, 0.01]]), "warning", "1 of 3 cells are slower than 0.5 km/h"),
        (np.full((2, 2), np.nan), "error", "every cell is nodata"),
    ],
)
def test_wrong_units_and_values_are_found_by_name_and_count(friction, severity, words):
    finding = friction_findings(friction, name="friction.tif")[0]
    assert (finding.severity, finding.input) == (severity, "friction.tif")
    assert words in finding.message


def test_plausible_friction_has_no_finding():
    assert friction_findings(np.array([[0.012, 0.0006, np.nan]])) == []
