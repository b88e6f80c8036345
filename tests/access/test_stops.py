"""Stops: which are served, by what, how often; real feeds of Accra and Nairobi."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from geo_profiling.access.stops import capacity_of, route_stretches, served_stops
from geo_profiling.errors import InputError, UsageError
from geo_profiling.vector.gtfs import read_feed


def table(text: str) -> pd.DataFrame:
    header, *rows = [line.strip().split(",") for line in text.strip().splitlines()]
    return pd.DataFrame(rows, columns=header)


def feed(**changed: str | None) -> dict[str, pd.DataFrame]:
    """A metro station with two platforms and an entrance, a bus stop, a stop of no trip; zeros in front of ids."""
    texts = {
        "stops": """
            stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
            01,Platform 1,5.60,-0.20,0,S
            02,Platform 2,5.60,-0.21,0,S
            S,Station,5.60,-0.205,1,
            E,Entrance,5.601,-0.204,2,S
            B,Bus stop,5.70,-0.20,,
            X,Unused,5.80,-0.20,0,""",
        "routes": """
            route_id,route_type
            metro,1
            bus,3""",
        "trips": """
            trip_id,route_id,service_id,direction_id
            m0,metro,week,0
            m1,metro,week,1
            b0,bus,week,0
            b1,bus,sunday,0""",
        "stop_times": """
            trip_id,stop_id,stop_sequence,departure_time
            m0,01,1,07:00:00
            m1,02,1,07:05:00
            b0,01,1,08:00:00
            b0,B,2,
            b1,B,1,09:00:00""",
        "calendar": """
            service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
            week,1,1,1,1,1,0,0,20240101,20241231
            sunday,0,0,0,0,0,0,1,20240101,20241231""",
    }
    texts.update({name: text for name, text in changed.items() if text is not None})
    return {name: table(text) for name, text in texts.items() if changed.get(name, "") is not None}


def test_stops_are_served_ones_with_the_highest_capacity_and_entrances_of_served_stations():
    found = served_stops(feed())
    assert found.places.index.tolist() == ["01", "02", "B", "E"]
    assert found.places["capacity"].to_dict() == {"01": "high", "02": "high", "B": "low", "E": "high"}
    assert found.places["station_id"].to_dict() == {"01": "S", "02": "S", "B": "B", "E": "S"}
    assert found.places["n_routes"].to_dict() == {"01": 2, "02": 1, "B": 1, "E": 2}
    assert found.places.crs.to_epsg() == 4326
    assert found.places.geometry["01"].coords[0] == (-0.20, 5.60)
    assert [finding.message for finding in found.findings] == ["1 stops are served by no trip; left out"]


@pytest.mark.parametrize(
    ("high", "low"), [([1, 2, 4, 12, 100, 109, 401, 1000, 1200], [0, 3, 5, 6, 7, 11, 200, 702, 800, 900, 1300, 1501])]
)
def test_route_types_have_a_capacity(high, low):
    assert {capacity_of(kind) for kind in high} == {"high"}
    assert {capacity_of(kind) for kind in low} == {"low"}
    for unknown in (8, 13, 99, 1100, 5000):
        with pytest.raises(InputError, match=f"route type {unknown}"):
            capacity_of(unknown)


def test_bus_rapid_transit_can_be_named_and_a_feed_can_be_of_one_capacity():
    assert served_stops(feed(), high_routes=["bus"]).places["capacity"]["B"] == "high"
    assert set(served_stops(feed(), capacity="low").places["capacity"]) == {"low"}
    with pytest.raises(UsageError, match="'tram'"):
        served_stops(feed(), high_routes=["tram"])


def test_where_people_can_neither_get_on_nor_off_no_vehicle_stops():
    calls = """
        trip_id,stop_id,stop_sequence,departure_time,pickup_type,drop_off_type
        b0,01,1,08:00:00,1,1
        b0,02,2,08:05:00,1,0
        b0,B,3,08:10:00,0,0"""
    found = served_stops(feed(stop_times=calls)).places
    assert found.index.tolist() == ["02", "B", "E"]
    # Nobody can get on at 02: there is no departure to wait for.
    assert math.isnan(found.loc["02", "headway_min"])


def test_headways_are_those_of_the_most_frequent_route_and_direction_on_the_weekday():
    window = ("06:00:00", "10:00:00")
    found = served_stops(feed(), window=window).places["headway_min"]
    # One metro and one bus at 01 in four hours; the bus at B has no time of its own and takes the last.
    assert found.to_dict() == {"01": 240, "02": 240, "B": 240, "E": 240}
    later = served_stops(feed(), window=("07:30:00", "10:00:00")).places["headway_min"]
    assert later["01"] == 150
    assert math.isnan(later["02"])
    sunday = served_stops(feed(), window=window, weekday="sunday").places["headway_min"]
    assert math.isnan(sunday["01"])
    assert sunday["B"] == 240


def test_trips_with_frequencies_count_by_these():
    frequencies = """
        trip_id,start_time,end_time,headway_secs
        m0,05:00:00,07:00:00,600
        m0,07:00:00,26:00:00,300"""
    found = served_stops(feed(frequencies=frequencies), window=("06:00:00", "08:00:00")).places["headway_min"]
    assert found["01"] == pytest.approx(120 / (6 + 12))
    assert found["02"] == 120


def test_of_periods_that_follow_one_another_only_one_counts_and_exceptions_do():
    periods = """
        service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
        week,1,1,1,1,1,0,0,20240101,20240630
        sunday,1,1,1,1,1,1,1,20240701,20241231"""
    found = served_stops(feed(calendar=periods), window=("06:00:00", "10:00:00")).places["headway_min"]
    assert found["B"] == 240  # not two departures of two periods
    exceptions = """
        service_id,date,exception_type
        week,20240102,1
        sunday,20240102,1"""
    only_dates = served_stops(feed(calendar=None, calendar_dates=exceptions), window=("06:00:00", "10:00:00"))
    assert only_dates.places["headway_min"]["B"] == 120
    without = served_stops(feed(calendar=None), window=("06:00:00", "10:00:00"))
    assert without.places["headway_min"]["B"] == 120
    assert without.findings[-1].severity == "warning"


def test_rows_that_lead_nowhere_are_told_and_left_out():
    calls = """
        trip_id,stop_id,stop_sequence
        m0,01,1
        lost,B,1
        m0,nowhere,2"""
    found = served_stops(feed(stop_times=calls))
    assert found.places.index.tolist() == ["01", "E"]
    assert found.findings[0].place == "row 3"
    assert found.findings[0].message.startswith("2 of 3 rows name a trip, route or stop")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"routes": "route_id,route_type\nmetro,metro\nbus,3"}, "route_type 'metro' is no number"),
        ({"routes": "route_id,route_type\nmetro,99\nbus,3"}, "route type 99"),
        ({"routes": "route_id,kind\nmetro,1"}, "no column 'route_type'"),
        ({"routes": "route_id,route_type\nbus,3\nbus,3"}, "row 3: route_id 'bus' is empty or stands twice"),
        ({"stop_times": "trip_id,stop_id,stop_sequence\nq,r,1"}, "no row names a trip and a stop"),
        ({"stops": "stop_id,stop_lat,stop_lon\n01,,\n02,95,0\nB,0,0\nS,0,0"}, "3 stops .* the first is '01'"),
    ],
)
def test_feeds_that_cannot_be_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        served_stops(feed(**changed))


def test_windows_and_weekdays_that_are_none_are_refused():
    for options in ({"window": ("10:00:00", "06:00:00")}, {"window": ("x", "06:00:00")}, {"weekday": "Tuesday"}):
        with pytest.raises(UsageError, match="no such time of the week"):
            served_stops(feed(), **options)


def test_stretches_follow_shapes_and_else_go_from_stop_to_stop():
    trips = """
        trip_id,route_id,service_id,direction_id,shape_id
        m0,metro,week,0,drawn
        b0,bus,week,0,"""
    shapes = """
        shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence
        drawn,1,10,10
        drawn,1,11,9"""
    found = route_stretches(feed(trips=trips, shapes=shapes), ["metro", "bus"])
    assert found.index.tolist() == ["bus", "metro"]
    assert found.geometry["metro"].wkt == "MULTILINESTRING ((10 1, 11 1))"
    assert found.geometry["bus"].wkt == "MULTILINESTRING ((-0.2 5.6, -0.2 5.7))"
    with pytest.raises(InputError, match="'tram' has no trip"):
        route_stretches(feed(), ["tram"])


def test_order_of_rows_changes_nothing():
    tables = feed()
    mixed = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in tables.items()}
    pd.testing.assert_frame_equal(served_stops(mixed).places, served_stops(tables).places)


def test_accra_has_the_stops_of_its_feed(shared_data):
    found = served_stops(read_feed(shared_data / "ghana/accra_gtfs_2019.zip"))
    assert len(found.places) == 2525
    assert set(found.places["capacity"]) == {"low"}
    assert found.places.total_bounds.tolist() == pytest.approx([-0.5, 5.6, 0.05, 5.8], abs=0.3)
    assert found.places["headway_min"].between(1, 60).all()


def test_nairobi_has_the_stops_of_its_feed(shared_data):
    tables = read_feed(shared_data / "nairobi/GTFS_FEED_2019.zip")
    found = served_stops(tables)
    assert found.places.index.isin(tables["stops"]["stop_id"]).all()
    assert len(found.places) == tables["stop_times"]["stop_id"].nunique()
    assert len(route_stretches(tables, tables["routes"]["route_id"].iloc[:3])) == 3
