"""Streets and stops are checked before anything is computed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geo_profiling.config.load import load_project
from geo_profiling.raster.read import open_raster
from pipelines.check_access import access_findings
from pipelines.transit import read_stops

FEED = {
    "stops.txt": "stop_id,stop_lat,stop_lon\n07,0.02,0.03\n08,0.03,0.03\n",
    "routes.txt": "route_id,route_type\nr,3\n",
    "trips.txt": "trip_id,route_id,service_id\nt,r,s\n",
    "stop_times.txt": "trip_id,stop_id,stop_sequence\nt,07,1\n",
}


def region_with(city: Path, inputs: str):
    city.write_text(city.read_text().replace("regions:\n", f"{inputs}\nregions:\n"))
    (region,) = load_project(city).regions
    return region


def found(city: Path, inputs: str):
    return access_findings(region_with(city, inputs), open_raster(city.parent / "pop.tif"))


def write_layer(path: Path, *shapes, **fields) -> None:
    gpd.GeoDataFrame(fields, geometry=list(shapes), crs="ESRI:54009").to_file(path)


def test_streets_that_do_not_connect_are_told(city):
    lines = [shapely.LineString([(100, y), (7900, y)]) for y in (1000, 2000)]
    write_layer(city.parent / "streets.gpkg", *lines)
    (finding,) = found(city, "  streets: {path: streets.gpkg}")
    assert finding.severity == "warning"
    assert "streets that do not connect: 1 parts" in finding.message


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (shapely.Point(1, 1), "streets"),
        (shapely.LineString([(5e6, 5e6), (5.1e6, 5e6)]), "no street lies in region city"),
    ],
)
def test_streets_that_cannot_be_walked_are_errors(city, shape, message):
    write_layer(city.parent / "streets.gpkg", shape)
    (finding,) = found(city, "  streets: {path: streets.gpkg}")
    assert finding.severity == "error"
    assert message in str(finding)


def test_feeds_are_read_and_their_faults_are_told(city):
    with zipfile.ZipFile(city.parent / "feed.zip", "w") as archive:
        for name, text in FEED.items():
            archive.writestr(name, text)
    region = region_with(city, "  transit: {path: feed.zip}")
    assert read_stops(region).places["capacity"].to_dict() == {"07": "low"}
    messages = [finding.message for finding in access_findings(region, None)]
    assert messages[0] == "1 stops are served by no trip; left out"
    with zipfile.ZipFile(city.parent / "feed.zip", "w") as archive:
        archive.writestr("stops.txt", FEED["stops.txt"])
    (finding,) = access_findings(region, None)
    assert (finding.severity, finding.message) == ("error", "has no routes.txt")


def test_layers_of_stops_say_their_capacity(city):
    places = (shapely.Point(1, 1), shapely.Point(2, 2))
    write_layer(city.parent / "stops.gpkg", *places, code=["b", "a"], size=["low", "high"])
    inputs = "  transit: {path: stops.gpkg, id_field: code, capacity_field: size}"
    region = region_with(city, inputs)
    assert read_stops(region).places["capacity"].to_dict() == {"a": "high", "b": "low"}
    write_layer(city.parent / "stops.gpkg", *places, code=["b", "a"], size=["low", "huge"])
    (finding,) = access_findings(region, None)
    assert "1 stops have a size that is neither low nor high: 'huge'" in finding.message


def test_without_streets_and_stops_there_is_nothing_to_check(city):
    assert found(city, "") == []
