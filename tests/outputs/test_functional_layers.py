"""What the methods of metropolitan scales return fits the layers that are declared for it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import CRS
from shapely import Point, box

from geo_profiling.delineation import fua
from geo_profiling.delineation.borders import across_borders
from geo_profiling.delineation.epochs import Epoch, link_epochs
from geo_profiling.delineation.overlap import people_in_pairs
from geo_profiling.delineation.proximity import proximity_areas, walking_surface
from geo_profiling.delineation.scales import agglomerations, nest_scales
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.layers import LAYERS, conform
from geo_profiling.outputs.legend import FUA_RULES, SCALES
from geo_profiling.outputs.styles import layer_styles
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

CRS_NAME = "ESRI:54009"


@pytest.fixture
def layers() -> dict[str, pd.DataFrame]:
    from affine import Affine

    grid = Grid(CRS(CRS_NAME), Affine(1000, 0, 0, 0, -1000, 2000), (2, 4))
    people = ArraySource(wrap(np.full((2, 4), 9000.0), grid), "population")
    clusters = gpd.GeoDataFrame(
        {"population": [54_000.0]}, index=["CL"], geometry=[box(0, 0, 3000, 2000)], crs=CRS_NAME
    )
    fua = gpd.GeoDataFrame({"name": ["Foo"]}, index=["F"], geometry=[box(0, 0, 4000, 2000)], crs=CRS_NAME)
    centres = gpd.GeoDataFrame(index=["LC"], geometry=[Point(500, 500)], crs=CRS_NAME)
    near = proximity_areas(people, walking_surface(grid), centres, services={"clinics": centres})
    pairs = people_in_pairs(people, fua, clusters, names=("unit_id", "cluster_id"))
    found = agglomerations(clusters, pairs, pd.Series({"F": 72_000.0}))
    scales = nest_scales(people, {"proximity": near.areas, "agglomeration": found.areas, "metropolitan_area": fua})
    centre = clusters.assign(area_km2=6.0)
    past = Epoch(2010, centre.assign(population=40_000.0))
    change = link_epochs([past, Epoch(2020, centre)], weight="area", project_to=2030)
    units = pd.DataFrame({"unit_id": ["F"], "area_id": ["F"], "population": [72_000.0]})
    figures = across_borders(
        units,
        centre_people=pairs.rename(columns={"cluster_id": "centre_id"}),
        urban_people=pairs.rename(columns={"unit_id": "area_id"}),
    )
    areas = fua.assign(method="model", area_km2=8.0, city_population=54_000.0, commuting_zone_population=18_000.0).join(
        figures
    )
    return {
        "functional_urban_areas": areas.rename_axis("fua_id").reset_index(),
        "metropolitan_scales": scales.merge(
            figures.drop(columns=["n_units", "population"]).assign(n_local_units=1, scale="metropolitan_area"),
            how="left",
            left_on=["scale", "area_id"],
            right_on=["scale", figures.index],
        ),
        "services_in_reach": near.services,
        "urban_change": change.links.assign(area_type="urban_centre", territory="of each year"),
        "urban_projections": change.projections.assign(area_type="urban_centre", territory="of each year"),
    }


def test_every_column_is_declared_and_every_declared_field_is_there(layers):
    for name, table in layers.items():
        written = conform(name, table)
        optional = {field.name for field in LAYERS[name].fields if not field.required}
        missing = {field.name for field in LAYERS[name].fields} - set(written)
        by_method = {"n_city_units", "city_ids", "n_centres", "touches_edge", "beyond_range", "coverage_share"}
        assert missing <= (by_method & optional), name
        assert len(written) == len(table) > 0


def test_they_make_one_geopackage_with_a_style_for_each_layer(layers, tmp_path):
    write_geopackage(tmp_path / "a.gpkg", layers, run_info={"year": "2020"}, title="Foo")
    scales = gpd.read_file(tmp_path / "a.gpkg", layer="metropolitan_scales")
    assert scales["scale"].tolist() == ["metropolitan_area", "agglomeration", "proximity"]
    assert scales["parent_id"].fillna("").tolist() == ["", "F", "CL"]
    for name in layers:
        assert layer_styles(name, {field.name for field in LAYERS[name].fields})


def styled(name: str) -> dict[str, ET.Element]:
    found = layer_styles(name, {field.name for field in LAYERS[name].fields})
    return {title: ET.fromstring(qml) for title, qml in found.items()}


def test_scales_are_coloured_by_scale_and_let_the_smaller_shine_through():
    ((title, style),) = styled("metropolitan_scales").items()
    assert title == "Scale"
    assert style.find("renderer-v2").get("attr") == "scale"
    categories = {category.get("value"): category.get("type") for category in style.iter("category")}
    assert categories == {entry.code: "string" for entry in SCALES}
    colours = [option.get("value") for option in style.iter("Option") if option.get("name") == "color"]
    assert len(set(colours)) == len(SCALES)
    assert all(int(colour.split(",")[3]) < 60 for colour in colours)


def test_functional_areas_are_labelled_and_lie_above_the_units():
    (style,) = styled("functional_urban_areas").values()
    assert style.get("labelsEnabled") == "1"
    assert '"name"' in style.find("labeling/settings/text-style").get("fieldName")
    order = list(LAYERS)
    assert order.index("urban_centres") < order.index("functional_urban_areas") < order.index("units")


def test_units_of_flows_are_coloured_by_why_they_are_in():
    style = styled("fua_units")["In the FUA, or not, because"]
    values = {category.get("value"): category.get("label") for category in style.iter("category")}
    assert values == {entry.code: entry.label for entry in FUA_RULES} | {"": "Unknown"}
    assert {entry.code for entry in FUA_RULES} == set(fua._RULES)
