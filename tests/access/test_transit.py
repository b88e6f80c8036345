"""Convenient access to public transport: 500 m and 1 km along streets, once."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from geo_profiling.access.network import street_network
from geo_profiling.access.stops import served_stops
from geo_profiling.access.transit import transit_areas
from geo_profiling.errors import InputError
from geo_profiling.vector.gtfs import read_feed


def stops(*rows) -> gpd.GeoDataFrame:
    x, capacity, headway = zip(*rows, strict=True)
    columns = {"capacity": capacity, "headway_min": headway}
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(x, [0] * len(x)), crs="EPSG:32632")


@pytest.fixture
def network():
    line = shapely.LineString([(400_000, 0), (410_000, 0)])
    return street_network(gpd.GeoDataFrame(geometry=[line], crs="EPSG:32632"))


def test_low_capacity_reaches_500_m_and_high_1_km_and_overlaps_count_once(network):
    served = stops((402_000, "low", 5.0), (403_000, "high", 30.0))
    found = transit_areas(served.to_crs(4326), network, street_buffer_m=50)
    assert found.area.total_bounds.tolist() == pytest.approx([401_500, -50, 404_000, 50], abs=0.01)
    parts = sum(part.area.area.item() for part in found.by_capacity.values())
    # The part of 402,000 to 402,500 is in both.
    assert parts - found.area.area.item() == pytest.approx(500 * 100, rel=0.05)
    assert found.findings == []


def test_without_streets_the_area_is_straight_and_says_so():
    found = transit_areas(stops((402_000, "low", 5.0)).to_crs(4326), None)
    assert found.area["distance"].tolist() == ["euclid"]
    assert found.area.area.item() == pytest.approx(3.1416 * 500**2, rel=2e-3)
    assert found.findings[0].severity == "warning"


def test_stops_with_long_or_unknown_waits_can_be_left_out(network):
    served = stops((402_000, "low", 20.0), (405_000, "low", 21.0), (408_000, "high", float("nan")))
    found = transit_areas(served, network, max_headway_min=20)
    assert found.area.total_bounds[[0, 2]].tolist() == pytest.approx([401_500, 402_500])


def test_stops_without_a_capacity_are_refused(network):
    with pytest.raises(InputError, match=r"'medium' is neither low nor high \(1 stops\)"):
        transit_areas(stops((402_000, "medium", 1.0)), network)
    with pytest.raises(InputError, match="no stop"):
        transit_areas(stops((402_000, "low", 1.0)).iloc[:0], network)


def test_accra_without_streets(shared_data):
    places = served_stops(read_feed(shared_data / "ghana/accra_gtfs_2019.zip")).places
    found = transit_areas(places, None)
    assert found.area.crs.to_string() == "EPSG:32630"
    assert 200e6 < found.area.area.item() < len(places) * 3.15 * 500**2
