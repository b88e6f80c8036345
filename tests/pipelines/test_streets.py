"""Streets of a region: read by class, brought to a CRS that measures, and walked along for proximity."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.errors import InputError
from geo_profiling.raster.read import open_raster
from pipelines.run import run_project
from pipelines.streets import read_streets, region_network

MOLLWEIDE = "ESRI:54009"
#: Scale of Mollweide's projection along the equator; across it, its inverse.
NARROW = 2 * math.sqrt(2) / math.pi


@pytest.fixture
def walked(city: Path, write_raster) -> Path:
    """The small city with people everywhere, two centres and streets that make a comb open to the west."""
    write_raster("pop.tif", np.full((8, 8), 2000, np.float32))
    lines = [shapely.LineString([(100, 2500), (7900, 2500)]), shapely.LineString([(100, 2500), (100, 3500)])]
    lines += [shapely.LineString([(100, 3500), (7900, 3500)]), shapely.LineString([(9e5, 9e5), (9.1e5, 9e5)])]
    streets = gpd.GeoDataFrame({"highway": ["path", "path", "path", "path"]}, geometry=lines, crs=MOLLWEIDE)
    motorway = shapely.LineString([(7900, 2500), (7900, 3500)])
    streets.loc[len(streets)] = ["motorway", motorway]
    streets.to_crs(4326).to_file(city.parent / "streets.gpkg")
    centre = gpd.GeoDataFrame({"id": ["m"]}, geometry=[shapely.Point(7800, 3500)], crs=MOLLWEIDE)
    centre.to_file(city.parent / "centres.gpkg")
    text = city.read_text().replace(
        "regions:\n",
        "  local_centres: {path: centres.gpkg, id_field: id}\n"
        "  streets: {path: streets.gpkg, class_field: highway, classes: [path, footway]}\n"
        "delineation: {degurba: {level: 1}, scales: {proximity: {walking_minutes: 30}}}\nregions:\n",
    )
    city.write_text(text)
    return city


def region_of(path: Path):
    (region,) = load_project(path).regions
    return region


def test_streets_are_those_of_the_classes_near_the_grid_in_a_crs_that_measures(walked):
    region = region_of(walked)
    grid = open_raster(walked.parent / "pop.tif").grid
    found = read_streets(region, grid)
    assert found is not None
    assert len(found[0]) == 3
    network = region_network(region, grid)
    assert network.crs.to_string() == "EPSG:32631"
    assert network.lengths_m.sum() == pytest.approx(2 * 7800 / NARROW + 1000 * NARROW, rel=2e-3)
    assert network.component.max() == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("classes: [path, footway]", "classes: [track]", "no street has one of the classes track"),
        ("class_field: highway, classes: [path, footway]", "bridge_field: bridge", "no field 'bridge'"),
    ],
)
def test_classes_and_fields_that_the_layer_lacks_are_refused(walked, old, new, message):
    walked.write_text(walked.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        region_network(region_of(walked), open_raster(walked.parent / "pop.tif").grid)


def test_proximity_follows_the_streets_where_there_are_any(walked):
    run_project(load_project(walked), compute=Compute(threads=1))
    scales = gpd.read_parquet(walked.parent / "out/city/tables/metropolitan_scales.parquet")
    (area,) = scales[scales["scale"] == "proximity"].geometry
    # 30 minutes are 2,500 true metres: along the upper street, and not across to the lower one.
    assert area.bounds[0] == pytest.approx(7800 - 2500 * NARROW, abs=101)
    assert area.intersects(shapely.Point(6000, 3500))
    assert not area.intersects(shapely.Point(7500, 2500))
    walked.write_text(
        "\n".join(line for line in walked.read_text().splitlines() if not line.startswith("  streets:")) + "\n"
    )
    run_project(load_project(walked), compute=Compute(threads=1))
    scales = gpd.read_parquet(walked.parent / "out/city/tables/metropolitan_scales.parquet")
    (surface,) = scales[scales["scale"] == "proximity"].geometry
    assert surface.intersects(shapely.Point(7500, 2500))
