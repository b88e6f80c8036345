"""Stops of public transport: which are served, by vehicles of which capacity, and how often."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding

Capacity: TypeAlias = Literal["low", "high"]
Tables: TypeAlias = Mapping[str, pd.DataFrame]
Weekday: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: Walking distances of SDG 11.2.1, in metres.
REACH_M: Mapping[Capacity, float] = {"low": 500.0, "high": 1000.0}
#: Route types of GTFS with vehicles of high capacity: metro, rail, ferry, monorail.
HIGH_ROUTE_TYPES = frozenset({1, 2, 4, 12})
#: The same for the hundreds of its extended types: railway, suburban, urban rail, metro, underground, water, ferry.
HIGH_HUNDREDS = frozenset({1, 3, 4, 5, 6, 10, 12})
#: Tram, bus, cable tram, aerial lift, funicular, trolleybus; coach, bus, trolleybus, tram, lifts, taxi, others.
_LOW_ROUTE_TYPES = frozenset({0, 3, 5, 6, 7, 11})
_LOW_HUNDREDS = frozenset({2, 7, 8, 9, 13, 14, 15, 17})
#: Morning and evening of the window in which headways are counted.
WINDOW = ("06:00:00", "20:00:00")
_ENTRANCE = "2"
_PLATFORM = ("0", "")
_MINUTE = 60.0


@dataclass(frozen=True)
class Stops:
    """Where public transport can be boarded.

    Attributes
    ----------
    places : geopandas.GeoDataFrame
        Points in WGS 84 on ``stop_id``, sorted: ``name``, ``capacity`` ("low" or "high"), ``station_id``
        (the parent station, or the stop itself), ``n_routes`` and ``headway_min`` (NaN where unknown).
    findings : list of Finding
    """

    places: gpd.GeoDataFrame
    findings: list[Finding]


def capacity_of(route_type: int) -> Capacity:
    """Return the capacity of the vehicles of a GTFS route type, basic or extended.

    Notes
    -----
    SDG 11.2.1 (UN-Habitat) names bus and bus rapid transit as low, rail, metro and ferry as high
    capacity. Trams and lifts, which it does not name, are low here: the nearer distance is demanded.

    Raises
    ------
    InputError
        If the type is none of GTFS, or that of an air service.

    Examples
    --------
    >>> capacity_of(3), capacity_of(1), capacity_of(401)
    ('low', 'high', 'high')
    """
    if route_type in HIGH_ROUTE_TYPES or (route_type >= 100 and route_type // 100 in HIGH_HUNDREDS):
        return "high"
    if route_type in _LOW_ROUTE_TYPES or (route_type >= 100 and route_type // 100 in _LOW_HUNDREDS):
        return "low"
    raise InputError(f"route type {route_type} is none of public transport in GTFS", hint="correct routes.txt")


def served_stops(
    tables: Tables,
    *,
    high_routes: Collection[str] = (),
    capacity: Capacity | None = None,
    weekday: Weekday = "tuesday",
    window: tuple[str, str] = WINDOW,
    name: str = "transit",
) -> Stops:
    """Find the stops of a GTFS feed at which a vehicle stops for passengers.

    Definition: a stop is served if some trip stops at it and lets people on or off. Its capacity is
    the highest of the routes that stop at it. The entrances of a station whose platforms are served
    are stops too, with what stops at its platforms. Stations without a platform that is served, and
    stops of no trip, are left out.

    The headway is that of the most frequent route in one direction: the minutes of the window for
    each departure in it, on the date of the given weekday on which the feed has most trips. Trips
    with frequencies count by these, others by their departures.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From :func:`geo_profiling.vector.gtfs.read_feed`.
    high_routes : collection of str
        Ids of routes that have high capacity whatever their type, for example bus rapid transit.
    capacity : {"low", "high"}, optional
        Of all stops, instead of what route types say.
    weekday : str
    window : tuple of str
        Begin and end of the day that counts, HH:MM:SS.
    name : str
        The feed; named in messages.

    Returns
    -------
    Stops

    Raises
    ------
    InputError
        If a column is missing, an id stands twice, a served stop has no position on Earth, a route
        type is none, or no stop is served.
    UsageError
        If the window has no length, the weekday is none, or a high route is not in the feed.

    Examples
    --------
    >>> tables = {
    ...     "stops": pd.DataFrame({"stop_id": ["a", "b"], "stop_lat": ["5.6", "5.7"], "stop_lon": ["-0.2", "-0.2"]}),
    ...     "routes": pd.DataFrame({"route_id": ["r"], "route_type": ["3"]}),
    ...     "trips": pd.DataFrame({"trip_id": ["t"], "route_id": ["r"], "service_id": ["s"]}),
    ...     "stop_times": pd.DataFrame({"trip_id": ["t"], "stop_id": ["a"], "stop_sequence": ["1"]}),
    ... }
    >>> served_stops(tables).places[["capacity", "n_routes"]].to_numpy().tolist()
    [['low', 1]]
    """
    begin, end = (_seconds(pd.Series([text])).iloc[0] for text in window)
    if not end > begin or weekday not in WEEKDAYS:
        raise UsageError(f"headways on {weekday} from {window[0]} to {window[1]}: no such time of the week")
    stops, calls, findings = _checked(tables, name)
    unknown = sorted(set(high_routes) - set(calls["route_id"]))
    if unknown:
        raise UsageError(f"{name}: route {unknown[0]!r} is in no trip of the feed ({len(unknown)} such routes)")
    calls = calls[~((calls["pickup_type"] == "1") & (calls["drop_off_type"] == "1"))]
    calls["high"] = _is_high(calls, high_routes, capacity, name)
    headways, notes = _headways(calls, tables, weekday, (begin, end), name)
    grouped = calls.groupby("stop_id")
    served = pd.DataFrame({"high": grouped["high"].any(), "n_routes": grouped["route_id"].nunique()})
    served["headway_min"] = headways
    served = _with_entrances(served, stops)
    unserved = len(stops[stops["location_type"].isin(_PLATFORM)].index.difference(served.index))
    if unserved:
        findings.append(Finding("note", name, "stops.txt", f"{unserved} stops are served by no trip; left out", ""))
    return Stops(_places(served, stops, name), findings + notes)


def route_stretches(tables: Tables, routes: Collection[str], *, name: str = "transit") -> gpd.GeoDataFrame:
    """Return the ways of routes that stop anywhere along them (paratransit), as targets of walking distances.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From :func:`geo_profiling.vector.gtfs.read_feed`.
    routes : collection of str
        Ids of the routes.
    name : str
        The feed; named in messages.

    Returns
    -------
    geopandas.GeoDataFrame
        Multilines in WGS 84 on ``route_id``, sorted: the shapes of its trips, or straight lines from
        stop to stop where a trip has no shape.

    Raises
    ------
    InputError
        If a route has no trip, or positions are missing.

    Examples
    --------
    >>> tables = {
    ...     "stops": pd.DataFrame({"stop_id": ["a", "b"], "stop_lat": ["5.6", "5.7"], "stop_lon": ["-0.2", "-0.2"]}),
    ...     "routes": pd.DataFrame({"route_id": ["r"], "route_type": ["3"]}),
    ...     "trips": pd.DataFrame({"trip_id": ["t"], "route_id": ["r"], "service_id": ["s"]}),
    ...     "stop_times": pd.DataFrame({"trip_id": ["t", "t"], "stop_id": ["a", "b"], "stop_sequence": ["1", "2"]}),
    ... }
    >>> route_stretches(tables, ["r"]).geometry.loc["r"].wkt
    'MULTILINESTRING ((-0.2 5.6, -0.2 5.7))'
    """
    stops, calls, _ = _checked(tables, name)
    missing = sorted(set(routes) - set(calls["route_id"]))
    if missing:
        raise InputError(f"{name}: route {missing[0]!r} has no trip ({len(missing)} such routes)", hint="check its id")
    chosen = calls[calls["route_id"].isin(list(routes))]
    shapes = _shape_points(tables)
    drawn = chosen["shape_id"].isin(shapes["shape_id"])
    own = chosen.loc[drawn, ["route_id", "shape_id"]].drop_duplicates().merge(shapes, on="shape_id")
    plain = chosen[~drawn].sort_values(["trip_id", "stop_sequence"])
    plain = plain.assign(shape_id="trip " + plain["trip_id"])
    plain[["lon", "lat"]] = stops.loc[plain["stop_id"], ["lon", "lat"]].to_numpy()
    points = pd.concat([own, plain[["route_id", "shape_id", "lon", "lat"]]], ignore_index=True)
    if points[["lon", "lat"]].isna().any(axis=None):
        raise InputError(f"{name}: routes pass points without a position", hint="correct the feed")
    lines = _lines(points)
    # Sets, as both directions of a route may be drawn alike.
    ways = {
        route: shapely.normalize(shapely.MultiLineString(list(set(parts)))) for route, parts in lines.groupby(level=0)
    }
    index = lines.index.unique().sort_values()
    return gpd.GeoDataFrame(index=index, geometry=[ways[route] for route in index], crs="EPSG:4326")


def _lines(points: pd.DataFrame) -> pd.Series:
    """Return a line on ``route_id`` for each shape of each route with more than one point."""
    keys = ["route_id", "shape_id"]
    points = points[points.groupby(keys)["lon"].transform("size") > 1]
    number = points.groupby(keys, sort=False).ngroup().to_numpy()
    xy = points[["lon", "lat"]].to_numpy(np.float64)
    lines = shapely.linestrings(xy, indices=number) if len(xy) else np.empty(0, object)
    return pd.Series(lines, points["route_id"][~points.duplicated(keys)].to_numpy(), dtype=object).rename_axis(
        "route_id"
    )


def _shape_points(tables: Tables) -> pd.DataFrame:
    """Return the points of shapes in their order."""
    if "shapes" not in tables:
        return pd.DataFrame({"shape_id": [], "lon": [], "lat": []}, dtype=object)
    shapes = tables["shapes"]
    points = pd.DataFrame(
        {
            "shape_id": shapes["shape_id"],
            "lon": pd.to_numeric(shapes["shape_pt_lon"], errors="coerce"),
            "lat": pd.to_numeric(shapes["shape_pt_lat"], errors="coerce"),
            "place": pd.to_numeric(shapes["shape_pt_sequence"], errors="coerce"),
        }
    )
    return points.sort_values(["shape_id", "place"]).drop(columns="place")


def _column(frame: pd.DataFrame, column: str, label: str, *, default: str | None = None) -> pd.Series:
    if column in frame.columns:
        return frame[column]
    if default is None:
        raise InputError(f"{label}: has no column {column!r}", hint="GTFS requires it")
    return pd.Series(default, frame.index, dtype=object)


def _keyed(tables: Tables, table: str, key: str, columns: Mapping[str, str | None], name: str) -> pd.DataFrame:
    """Return columns of a table (with what to take where one is missing) on its unique key."""
    label = f"{name}, {table}.txt"
    frame = tables[table]
    ids = _column(frame, key, label)
    if (ids == "").any() or ids.duplicated().any():
        wrong = ids[(ids == "") | ids.duplicated()]
        raise InputError(f"{label}, row {wrong.index[0] + 2}: {key} {wrong.iloc[0]!r} is empty or stands twice")
    taken = {column: _column(frame, column, label, default=default) for column, default in columns.items()}
    return pd.DataFrame(taken).set_axis(pd.Index(ids, name=key))


def _checked(tables: Tables, name: str) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Return the stops by id, and the calls of trips at stops with what their trips and routes say."""
    stops = _keyed(
        tables,
        "stops",
        "stop_id",
        {"stop_lat": None, "stop_lon": None, "stop_name": "", "location_type": "", "parent_station": ""},
        name,
    )
    stops["lat"], stops["lon"] = (pd.to_numeric(stops[axis], errors="coerce") for axis in ("stop_lat", "stop_lon"))
    routes = _keyed(tables, "routes", "route_id", {"route_type": None}, name)
    trips = _keyed(
        tables, "trips", "trip_id", {"route_id": None, "service_id": None, "direction_id": "", "shape_id": ""}, name
    )
    label = f"{name}, stop_times.txt"
    frame = tables["stop_times"]
    columns = {"trip_id": None, "stop_id": None, "stop_sequence": None, "departure_time": ""}
    calls = pd.DataFrame(
        {column: _column(frame, column, label, default=default) for column, default in columns.items()}
        | {column: _column(frame, column, label, default="0") for column in ("pickup_type", "drop_off_type")}
    )
    calls["stop_sequence"] = pd.to_numeric(calls["stop_sequence"], errors="coerce")
    calls = calls.join(trips, on="trip_id").join(routes, on="route_id")
    known = calls["route_type"].notna() & calls["stop_id"].isin(stops.index)
    findings = []
    if not known.all():
        row = int(np.flatnonzero(~known)[0]) + 2
        message = f"{int((~known).sum())} of {len(calls)} rows name a trip, route or stop that the feed does not have"
        findings.append(Finding("warning", label, f"row {row}", message, "repair the feed"))
    if not known.any():
        raise InputError(f"{label}: no row names a trip and a stop of the feed", hint="check the feed's ids")
    return stops, calls[known].reset_index(drop=True), findings


def _is_high(calls: pd.DataFrame, high_routes: Collection[str], capacity: Capacity | None, name: str) -> pd.Series:
    if capacity is not None:
        return pd.Series(capacity == "high", calls.index)
    kinds = {}
    for text in sorted(calls["route_type"].unique()):
        if not text.isdecimal():
            raise InputError(f"{name}, routes.txt: route_type {text!r} is no number", hint="correct routes.txt")
        kinds[text] = capacity_of(int(text)) == "high"
    return calls["route_type"].map(kinds).astype(bool) | calls["route_id"].isin(list(high_routes))


def _with_entrances(served: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """Add the entrances of stations whose platforms are served."""
    station = stops["parent_station"]
    of_station = served.groupby(station.reindex(served.index).to_numpy()).agg(
        {"high": "any", "n_routes": "max", "headway_min": "min"}
    )
    entrances = stops.index[
        (stops["location_type"] == _ENTRANCE) & station.isin(of_station.index.drop("", errors="ignore"))
    ]
    added = of_station.reindex(station.loc[entrances]).set_axis(entrances)
    added = added[~added.index.isin(served.index)]
    return pd.concat([served, added.astype(served.dtypes.to_dict())]) if len(added) else served


def _places(served: pd.DataFrame, stops: pd.DataFrame, name: str) -> gpd.GeoDataFrame:
    served = served.sort_index()
    about = stops.loc[served.index]
    lon, lat = about["lon"], about["lat"]
    wrong = ~(lon.between(-180, 180) & lat.between(-90, 90)) | ((lon == 0) & (lat == 0))
    if wrong.any():
        raise InputError(
            f"{name}, stops.txt: {int(wrong.sum())} stops that are served have no position on Earth, "
            f"the first is {wrong.index[wrong][0]!r}",
            hint="give stop_lat and stop_lon in degrees",
        )
    station = about["parent_station"].where(about["parent_station"] != "", about.index.to_series())
    return gpd.GeoDataFrame(
        {
            "name": about["stop_name"],
            "capacity": np.where(served["high"], "high", "low"),
            "station_id": station,
            "n_routes": served["n_routes"].astype("int64"),
            "headway_min": served["headway_min"].astype("float64"),
        },
        index=served.index.rename("stop_id"),
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )


# --- headways ------------------------------------------------------------------------------------


def _seconds(texts: pd.Series) -> pd.Series:
    """Return times as seconds after midnight; hours may pass 24, what is no time is NaN."""
    parts = texts.str.extract(r"^\s*(\d{1,3}):(\d{2}):(\d{2})\s*$").astype("float64")
    return parts[0] * 3600 + parts[1] * 60 + parts[2]


def _headways(
    calls: pd.DataFrame, tables: Tables, weekday: Weekday, window: tuple[float, float], name: str
) -> tuple[pd.Series, list[Finding]]:
    """Return minutes between departures of the most frequent route and direction at each stop."""
    running, notes = _running(calls, tables, weekday, name)
    calls = calls[calls["service_id"].isin(running)].sort_values(["trip_id", "stop_sequence"])
    calls = calls[calls["pickup_type"] != "1"]
    begin, end = window
    # Between its time points a trip leaves no time: that of the last one is near enough for a window.
    times = _seconds(calls["departure_time"]).groupby(calls["trip_id"]).ffill()
    by_trip = _departures_by_frequency(tables, window)
    scheduled = ((times >= begin) & (times < end)).astype("float64")
    number = calls["trip_id"].map(by_trip)
    keys = [calls["stop_id"], calls["route_id"], calls["direction_id"]]
    departures = number.where(number.notna(), scheduled).groupby(keys).sum()
    most = departures.groupby(level="stop_id").max()
    return ((end - begin) / _MINUTE / most.where(most > 0)).rename("headway_min"), notes


def _departures_by_frequency(tables: Tables, window: tuple[float, float]) -> pd.Series:
    if "frequencies" not in tables:
        return pd.Series(dtype="float64")
    table = tables["frequencies"]
    begin, end = _seconds(table["start_time"]), _seconds(table["end_time"])
    headway = pd.to_numeric(table["headway_secs"], errors="coerce")
    inside = (end.clip(upper=window[1]) - begin.clip(lower=window[0])).clip(lower=0)
    number = inside / headway.where(headway > 0)
    return number.groupby(table["trip_id"]).sum()


def _running(calls: pd.DataFrame, tables: Tables, weekday: Weekday, name: str) -> tuple[set[str], list[Finding]]:
    """Return the services that run on the date of the weekday with most trips; the earliest of equal ones."""
    everything = set(calls["service_id"])
    calendar, dates = tables.get("calendar"), tables.get("calendar_dates")
    if calendar is None and dates is None:
        message = "neither calendar.txt nor calendar_dates.txt: headways count all trips as of one day"
        return everything, [Finding("warning", name, "", message, "add the calendar to the feed")]
    trips = calls.drop_duplicates("trip_id")["service_id"].value_counts()
    best: tuple[int, set[str]] = (0, set())
    for day in _dates(calendar, dates, weekday):
        services = _services_on(day, weekday, calendar, dates) & everything
        number = int(trips.reindex(sorted(services)).fillna(0).sum())
        if number > best[0]:
            best = (number, services)
    return best[1], []


def _dates(calendar: pd.DataFrame | None, dates: pd.DataFrame | None, weekday: Weekday) -> list[str]:
    """Return the dates of a weekday that the calendar names: where a period begins or ends, and exceptions."""
    named: set[date] = set()
    if calendar is not None:
        for column, sign in (("start_date", 1), ("end_date", -1)):
            # The first such weekday of a period, and the last.
            for day in _parsed(calendar[column]):
                ahead = sign * (WEEKDAYS.index(weekday) - day.weekday()) % 7
                named.add(day + timedelta(days=sign * ahead))
    if dates is not None:
        named |= {day for day in _parsed(dates["date"]) if WEEKDAYS[day.weekday()] == weekday}
    return [f"{day:%Y%m%d}" for day in sorted(named)]


def _parsed(texts: pd.Series) -> list[date]:
    days = pd.to_datetime(texts, format="%Y%m%d", errors="coerce").dropna().dt.date
    return sorted(set(days))


def _services_on(day: str, weekday: Weekday, calendar: pd.DataFrame | None, dates: pd.DataFrame | None) -> set[str]:
    services: set[str] = set()
    if calendar is not None:
        runs = (calendar["start_date"] <= day) & (calendar["end_date"] >= day) & (calendar[weekday] == "1")
        services = set(calendar.loc[runs, "service_id"])
    if dates is not None:
        today = dates[dates["date"] == day]
        services |= set(today.loc[today["exception_type"] == "1", "service_id"])
        services -= set(today.loc[today["exception_type"] == "2", "service_id"])
    return services
