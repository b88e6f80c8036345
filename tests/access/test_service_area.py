"""Ground within reach: cut at the exact distance, united, and the people on it."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.access.distance import walking_distances
from geo_profiling.access.network import street_network
from geo_profiling.access.service_area import (
    euclidean_areas,
    join_areas,
    people_in_reach,
    service_areas,
    service_areas_by_target,
)
from geo_profiling.errors import CRSError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

UTM = "EPSG:32632"


def layer(*shapes, index=None, crs=UTM) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), index=index, crs=crs)


def points(*places, index=None) -> gpd.GeoDataFrame:
    return layer(*(shapely.Point(place) for place in places), index=index)


@pytest.fixture(scope="module")
def network():
    """A cross of streets of 2 km, and one apart."""
    return street_network(
        layer(
            shapely.LineString([(-1000, 0), (1000, 0)]),
            shapely.LineString([(0, -1000), (0, 1000)]),
            shapely.LineString([(-1000, 5000), (1000, 5000)]),
        )
    )


def test_streets_are_cut_at_the_exact_distance(network):
    found = service_areas(network, points((100, 30)), distance_m=500)
    assert found.streets["length_m"].sum() == pytest.approx(2 * 470 + 2 * 370)
    assert found.streets.total_bounds.tolist() == pytest.approx([-370, -370, 570, 370])
    assert found.findings == []


def test_the_way_from_home_to_the_street_counts_too(network):
    area = service_areas(network, points((0, 0)), distance_m=500, street_buffer_m=100).area
    assert area[["distance", "distance_m"]].iloc[0].tolist() == ["street", 500.0]
    ground = area.geometry.iloc[0]
    assert ground.bounds == pytest.approx((-500, -500, 500, 500))
    for place, inside in (((399, 99), True), ((399, 101), False), ((480, 30), True), ((480, 70), False)):
        assert ground.contains(shapely.Point(place)) == inside
    assert ground.area == pytest.approx(2 * 800 * 200 - 200**2 + 4 * math.pi * 100**2 / 2, rel=1e-3)


def test_a_buffer_wider_than_the_distance_is_that_distance(network):
    ground = service_areas(network, points((0, 0)), distance_m=50, street_buffer_m=100).area.geometry.iloc[0]
    assert ground.area == pytest.approx(math.pi * 50**2, rel=2e-3)


def test_areas_are_united_so_that_nobody_counts_twice(network):
    stops = points((0, 0), (100, 0), (200, 0), index=["a", "b", "c"])
    together = service_areas(network, stops, distance_m=500)
    apart = service_areas_by_target(network, stops, distance_m=500)
    assert apart.index.tolist() == ["a", "b", "c"]
    assert together.area.area.iloc[0] < apart.area.sum()
    union = apart.union_all()
    assert shapely.symmetric_difference(union, together.area.geometry.iloc[0]).area < 1.0
    assert apart["street_m"].tolist() == pytest.approx([2000, 1800, 1600])


def test_targets_without_a_street_are_told_and_have_no_area(network):
    stops = points((0, 0), (5000, 9000), index=["a", "far"])
    found = service_areas(network, stops, distance_m=300, name="stops")
    (finding,) = found.findings
    assert finding.message == "1 of 2 have no street within 200 m: far"
    assert service_areas_by_target(network, stops, distance_m=300).loc["far"].geometry.is_empty
    nothing = service_areas(network, points(), distance_m=300)
    assert nothing.area.geometry.iloc[0].is_empty
    assert len(nothing.streets) == 0


def test_a_park_belongs_to_its_own_area(network):
    park = layer(shapely.box(300, 5, 600, 305), index=["park"])
    ground = service_areas(network, park, distance_m=400).area.geometry.iloc[0]
    assert ground.contains(park.geometry.iloc[0])
    assert ground.bounds[2] == pytest.approx(1000, abs=10)
    assert ground.bounds[0] == pytest.approx(-100, abs=10)


def test_straight_lines_mark_themselves_and_reach_farther(network):
    stops = points((0, 0), (50, 0))
    straight = euclidean_areas(stops, distance_m=500)
    assert straight.area["distance"].tolist() == ["euclid"]
    street = service_areas(network, stops, distance_m=500)
    assert straight.area.area.iloc[0] > street.area.area.iloc[0]
    assert straight.area.geometry.iloc[0].covers(street.area.geometry.iloc[0].buffer(-3))
    assert join_areas([street, straight])["distance"].tolist() == ["euclid"]
    assert join_areas([street, street])["distance"].tolist() == ["street"]


def test_what_cannot_be_is_refused(network):
    stops = points((0, 0))
    with pytest.raises(UsageError, match="distance_m"):
        service_areas(network, stops, distance_m=-1)
    with pytest.raises(UsageError, match="street_buffer_m"):
        service_areas(network, stops, distance_m=1, street_buffer_m=math.inf)
    with pytest.raises(CRSError, match="and streets"):
        service_areas(network, stops.to_crs(4326), distance_m=1)
    with pytest.raises(CRSError, match="not projected"):
        euclidean_areas(stops.to_crs(4326), distance_m=1)
    with pytest.raises(UsageError, match="no service area"):
        join_areas([])
    with pytest.raises(CRSError, match="service areas"):
        join_areas([euclidean_areas(stops, distance_m=1), euclidean_areas(stops.to_crs(3035), distance_m=1)])


# --- people --------------------------------------------------------------------------------------


def people(values, crs=UTM) -> ArraySource:
    values = np.asarray(values, float)
    return ArraySource(wrap(values, Grid(CRS(crs), Affine(100, 0, 0, 0, -100, 100 * len(values)), values.shape)))


def test_people_are_counted_by_the_part_of_their_cell_and_unknown_stays_unknown():
    zones = layer(
        shapely.box(0, 0, 300, 100), shapely.box(300, 0, 400, 100), shapely.box(400, 0, 500, 100), index=["a", "b", "c"]
    )
    reach = layer(shapely.box(50, 0, 250, 50))
    found = people_in_reach(people([[10, 20, 40, np.nan, 0]]), zones, reach)
    assert found.loc["a"].tolist() == pytest.approx([70, 22.5, 22.5 / 70, 1])
    assert found.loc["b"].isna().tolist() == [True, True, True, False]
    assert found.loc["c"].tolist()[:2] == [0, 0]
    assert math.isnan(found.loc["c", "share_in_reach"])


def test_areas_come_to_the_crs_of_the_people():
    zones = layer(shapely.box(0, 0, 300, 100))
    reach = layer(shapely.box(-1, -1, 150, 101)).to_crs(4326)
    assert people_in_reach(people([[10, 20, 40]]), zones, reach)["share_in_reach"].iloc[0] == pytest.approx(
        20 / 70, rel=1e-3
    )
    with pytest.raises(CRSError, match="zones"):
        people_in_reach(people([[1.0]]), zones.to_crs(3035), reach)


def test_an_empty_area_reaches_nobody_which_is_known(network):
    area = service_areas(network, points(), distance_m=500).area
    assert people_in_reach(people([[10.0]]), layer(shapely.box(0, 0, 100, 100)), area)["share_in_reach"].tolist() == [0]


# --- agreement with distances --------------------------------------------------------------------

LATTICE = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda point: (point[0] * 100.0, point[1] * 100.0))
LINES = st.lists(st.lists(LATTICE, min_size=2, max_size=4, unique=True).map(shapely.LineString), min_size=1, max_size=6)
PLACE = st.tuples(*[st.integers(-5000, 55000).map(lambda metres: metres / 100)] * 2)


@settings(max_examples=60)
@given(LINES, st.lists(PLACE, min_size=1, max_size=3), st.lists(PLACE, min_size=1, max_size=10), st.integers(20, 600))
def test_whoever_walks_no_farther_lives_inside_and_streets_agree_with_distances(lines, targets, homes, distance_m):
    network = street_network(layer(*lines))
    stops = points(*targets)
    found = service_areas(network, stops, distance_m=distance_m, street_buffer_m=80)
    walked = walking_distances(network, points(*homes), stops, max_snap_m=80)["distance_m"].to_numpy()
    stops_near = walking_distances(network, stops, stops, max_snap_m=80)
    if (stops_near["status"] == "no_street").any():
        return
    apart = shapely.distance(shapely.points(homes), found.area.geometry.iloc[0])
    # Discs are drawn with 64 corners, up to 0.1 m inside; beyond that nobody within reach may be left out.
    assert (apart[walked <= distance_m] < 0.15).all()
    along = shapely.line_interpolate_point(network.lines, 0.37, normalized=True)
    on_street = walking_distances(network, layer(*along), stops)["distance_m"].to_numpy()
    near = shapely.distance(along, shapely.union_all(found.streets.geometry.to_numpy())) < 1e-6
    clear = np.abs(on_street - distance_m) > 1e-6
    assert (near[clear] == (on_street <= distance_m)[clear]).all()


@settings(max_examples=30)
@given(LINES, st.lists(PLACE, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_order_of_streets_and_targets_changes_no_bit(lines, targets, random):
    index = [f"t{number}" for number in range(len(targets))]
    first = service_areas(street_network(layer(*lines)), points(*targets, index=index), distance_m=300)
    mixed = lines.copy()
    random.shuffle(mixed)
    order = index.copy()
    random.shuffle(order)
    other = service_areas(street_network(layer(*mixed)), points(*targets, index=index).loc[order], distance_m=300)
    assert other.area.geometry.to_wkb().tolist() == first.area.geometry.to_wkb().tolist()
    assert other.streets.geometry.to_wkb().tolist() == first.streets.geometry.to_wkb().tolist()
