"""Streets as access: networks, distances, buildings in between, overlaps."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box
from shapely.geometry.base import BaseGeometry

from geo_profiling.errors import CRSError, InputError
from geo_profiling.settlements.overlaps import overlap_findings
from geo_profiling.settlements.street_access import buildings_between, street_distance
from geo_profiling.settlements.streets import connected_streets, network_findings

UTM = "EPSG:32735"


def placed(shapes: list[BaseGeometry]) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapes, crs=UTM).translate(600_000, 8_000_000)


STREET = placed([LineString([(0, 0), (1000, 0)])])


def test_lusaka_agrees_with_the_published_correlation(shared_data: Path) -> None:
    folder = shared_data / "lusaka"
    buildings = gpd.read_file(folder / "buildings_lusaka.geojson").to_crs(UTM).geometry
    streets = gpd.read_file(folder / "streets_lusaka.geojson").to_crs(UTM).geometry
    between = buildings_between(buildings, streets)
    assert len(between) == 5920
    assert between.notna().all()
    distance = street_distance(buildings, streets)
    assert distance.notna().all()
    assert between[distance < 5].astype(float).mean() < 0.05
    assert connected_streets(streets).is_on_network.all()


def test_buildings_in_between_are_the_others_on_the_straight_way() -> None:
    houses = placed([box(10, y, 20, y + 8) for y in (5, 15, 25, 300)])
    assert buildings_between(houses, STREET).tolist() == [0, 1, 2, 10]
    assert street_distance(houses, STREET).tolist() == [9, 19, 29, 304]


def test_the_way_beyond_250_m_is_not_looked_at() -> None:
    houses = placed([box(x, y - 1, x + 9, y + 1) for x, y in ((10, 250), (30, 250.5))])
    assert buildings_between(houses, STREET).tolist() == [0, 10]


def test_points_hide_nobody_so_the_count_is_unknown() -> None:
    assert buildings_between(placed([Point(5, 5), Point(5, 9)]), STREET).isna().all()
    assert street_distance(placed([Point(5, 5)]), STREET).tolist() == [5]


def test_refusals() -> None:
    with pytest.raises(InputError, match="there are none"):
        street_distance(placed([Point(5, 5)]), placed([]))
    with pytest.raises(CRSError, match="differ"):
        street_distance(placed([Point(5, 5)]), STREET.to_crs("EPSG:32736"))
    with pytest.raises(CRSError):
        connected_streets(STREET.to_crs("EPSG:4326"))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 25), st.sampled_from([0.0, 5.0, 100.0]))
def test_networks_equal_a_plain_joining_of_pairs(seed: int, count: int, gap_m: float) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 600, (count, 2))
    lines = [LineString([start, start + rng.uniform(-80, 80, 2)]) for start in starts]
    network = connected_streets(placed(lines), gap_m=gap_m)
    label = list(range(count))
    for i in range(count):
        for j in range(count):
            if shapely.distance(lines[i], lines[j]) <= gap_m:
                label = [label[i] if one == label[j] else one for one in label]
    length = {one: sum(lines[i].length for i in range(count) if label[i] == one) for one in label}
    largest = max(length, key=lambda one: length[one])
    assert network.is_on_network.tolist() == [one == largest for one in label]


def test_streets_apart_are_told_with_their_number_and_metres() -> None:
    network = connected_streets(placed([LineString([(0, 0), (500, 0)]), LineString([(0, 101), (30, 101)])]))
    (finding,) = network_findings(network, name="s.gpkg")
    assert finding.severity == "warning"
    assert "1 of 2 streets (30 m) do not connect" in str(finding)
    assert network_findings(connected_streets(STREET), name="s.gpkg") == []


def test_touching_walls_and_slivers_are_no_overlap() -> None:
    houses = gpd.GeoSeries([box(0, 0, 10, 10), box(10, 0, 20, 10), box(19.99, 0, 30, 10), Point(5, 5)])
    assert overlap_findings(houses, name="b", things="buildings", remedy="") == []
    twice = gpd.GeoSeries([box(0, 0, 10, 10), box(0, 0, 10, 10), box(9, 0, 19, 10)])
    (finding,) = overlap_findings(twice, name="b", things="buildings", remedy="look")
    assert str(finding) == "b: 3 pairs of buildings overlap, the largest 0 and 1 (100 m2, 100.0 % of the smaller)"
