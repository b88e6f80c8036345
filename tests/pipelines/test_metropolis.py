"""The steps of the metropolis: which of them a change of the configuration or of a file computes again."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from shapely import box

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.delineation.efua_model import shipped_model
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.zonal import zonal_statistics
from pipelines.run import plan_project, run_project

CONFIG = """\
version: 1
name: City
inputs:
  population: {path: data/population_2020_1km.tif, year: 2020}
  land: {path: data/land_1km.tif}
  units: {path: data/municipalities.gpkg, id_field: unit_id, name_field: name}
  commuting:
    year: 2019
    flows: {path: data/commuting_flows_2020.csv}
    employed_residents: {path: data/employed_residents_2020.csv}
  regions: {path: data/regions.gpkg, id_field: region_id}
  friction: {path: data/friction.tif}
  epochs:
    - population: {path: data/population_2010_1km.tif, year: 2010}
delineation:
  degurba: {level: 1}
  functional_urban_areas: {method: METHOD}
  scales: {region_min_fua_population: 250000.0}
  epochs: {project_to: 2030}
regions: [{name: city}]
output: {directory: out}
"""
FILES = ("population_2020_1km.tif", "population_2010_1km.tif", "land_1km.tif", "municipalities.gpkg", "regions.gpkg",
         "commuting_flows_2020.csv", "employed_residents_2020.csv")  # fmt: skip


def project_in(folder: Path, data: Path, method: str) -> Path:
    """Write the city with its data into a folder and run it."""
    (folder / "data").mkdir()
    for name in FILES:
        shutil.copy(data / name, folder / "data")
    with rasterio.open(data / "land_1km.tif") as file:
        profile = file.profile | {"dtype": "float32", "nodata": None}
        shape = file.shape
    with rasterio.open(folder / "data/friction.tif", "w", **profile) as file:
        file.write(np.full(shape, 0.002, np.float32), 1)
    path = folder / "city.yaml"
    path.write_text(CONFIG.replace("METHOD", method))
    run_project(load_project(path), compute=Compute(threads=1))
    return path


@pytest.fixture(scope="module", params=["flows", "model"])
def city(request, sample_data, tmp_path_factory) -> tuple[str, Path]:
    return request.param, project_in(tmp_path_factory.mktemp(request.param), sample_data, request.param)


def recomputed(config: Path, text: str) -> set[str]:
    """Return the steps that another text of the configuration would compute again."""
    other = config.with_name("other.yaml")
    other.write_text(text)
    lines = plan_project(load_project(other), directory=config.parent / "out")
    return {found[1] for line in lines if (found := re.match(r"  run   (\w+):", line))}


CHANGES: dict[str, tuple[str, str, set[str], set[str]]] = {
    "nothing": ("", "", set(), set()),
    "year of the flows": ("year: 2019", "year: 2018", {"publish"}, {"publish"}),
    "year of an epoch": ("year: 2010", "year: 2011", {"change", "publish"}, {"change", "publish"}),
    "year to project to": ("2030", "2040", {"change", "publish"}, {"change", "publish"}),
    "join": (
        "method: model", "method: model, join: none", set(), {"fua", "governance", "scales", "change", "publish"}
    ),
    "nodata of friction": (
        "friction.tif}", "friction.tif, nodata: -1}",
        {"inputs", "publish"}, {"inputs", "fua", "governance", "scales", "change", "publish"},
    ),
    "rule of regions": ("250000.0", "100000.0", {"scales", "publish"}, {"scales", "publish"}),
    "id of regions": (
        "id_field: region_id", "id_field: name", {"inputs", "scales", "publish"}, {"inputs", "scales", "publish"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_computes_again_what_depends_on_it(city, name):
    method, config = city
    before, after, by_flows, by_model = CHANGES[name]
    assert recomputed(config, config.read_text().replace(before, after) if before else config.read_text()) == (
        by_flows if method == "flows" else by_model
    )


def test_governance_fits_the_areas(city):
    _, config = city
    tables = config.parent / "out/city/tables"
    governance = pd.read_parquet(tables / "fua_governance.parquet").set_index("fua_id")
    members = pd.read_parquet(tables / "fua_units.parquet").dropna(subset=["fua_id"]).groupby("fua_id")["unit_id"]
    assert set(members.groups) == set(governance.index[governance["largest_unit_id"].notna()])
    shares = governance.dropna(subset=["largest_unit_share"])
    assert len(shares) > 0
    # A Herfindahl index lies between the square of the largest share and that share.
    assert (shares["herfindahl"] <= shares["largest_unit_share"] + 1e-12).all()
    assert (shares["herfindahl"] >= shares["largest_unit_share"] ** 2 - 1e-12).all()
    alone = members.count().reindex(shares.index) == 1
    assert ((shares["herfindahl"] > 1 - 1e-12) == alone).all()


def test_modelled_areas_are_found_every_year_and_those_from_flows_are_followed_on_their_ground(city):
    method, config = city
    tables = config.parent / "out/city/tables"
    change = pd.read_parquet(tables / "urban_change.parquet")
    assert set(change["area_type"]) == {"urban_centre", "functional_urban_area"}
    of_areas = change[change["area_type"] == "functional_urban_area"]
    assert set(change.loc[change["area_type"] == "urban_centre", "territory"]) == {"of each year"}
    assert set(of_areas["territory"]) == {"fixed" if method == "flows" else "of each year"}
    if method == "flows":
        areas = gpd.read_parquet(tables / "functional_urban_areas.parquet").set_index("fua_id")
        found = of_areas.set_index("from_id")
        assert set(found.index) == set(areas.index)
        assert (found["to_id"] == found.index).all()
        np.testing.assert_allclose(found["to_population"], areas["population"].reindex(found.index), rtol=1e-9)
        np.testing.assert_allclose(found["from_area_km2"], areas["area_km2"].reindex(found.index), rtol=1e-9)
        assert (found["density_growth_pct"] == found["population_growth_pct"]).all()
        assert (found["from_population"] < found["to_population"]).any()
        ends = pd.read_parquet(tables / "urban_projections.parquet").set_index(["territory", "area_id"])
        ends = ends.loc["fixed", areas.index[0]]
        assert ends["projected_area_km2_low"] == ends["projected_area_km2_high"] == areas["area_km2"].iloc[0]


def published(config: Path, layer: str) -> gpd.GeoDataFrame:
    return gpd.read_file(config.parent / "out/city/city.gpkg", layer=layer)


def test_an_area_has_the_same_people_and_ground_as_a_functional_area_and_as_a_scale(city):
    _, config = city
    scales = published(config, "metropolitan_scales")
    areas = published(config, "functional_urban_areas").set_index("fua_id")
    same = scales[scales["scale"] == "metropolitan_area"].set_index("area_id").reindex(areas.index)
    for field in ("population", "area_km2"):
        np.testing.assert_allclose(same[field], areas[field], rtol=1e-9)
    for field in ("name", "largest_unit_id", "size_class"):
        assert same[field].equals(areas[field])
    np.testing.assert_array_equal(same["n_local_units"].to_numpy(float), areas["n_units"].to_numpy(float))
    whole = scales.dropna(subset=["population_in_parts"])
    assert len(whole) > 0
    parts = whole["population_in_parts"] + whole["population_outside_parts"]
    np.testing.assert_allclose(parts, whole["population"], rtol=1e-9)


def test_a_metropolitan_region_tells_its_governments_as_an_area_does(city):
    _, config = city
    scales = published(config, "metropolitan_scales")
    regions = scales[scales["scale"] == "metropolitan_region"]
    assert len(regions) > 0
    assert regions["area_id"].str.startswith("MR_").all()
    population = open_raster(config.parent / "data/population_2020_1km.tif", quantity="count")
    units = gpd.read_file(config.parent / "data/municipalities.gpkg").set_index("unit_id").to_crs(population.grid.crs)
    # The sample's regions follow the borders of its municipalities: their inner points tell.
    inner = units.representative_point()
    for _, found in regions.iterrows():
        members = units[inner.within(found.geometry).to_numpy()]
        people = zonal_statistics(population, members, stats=["sum"])["sum"]
        assert found["n_local_units"] == len(members) > found["n_units"]
        share = people / people.sum()
        assert found["largest_unit_id"] == share.idxmax()
        assert found["largest_unit_share"] == pytest.approx(share.max())
        assert found["herfindahl"] == pytest.approx((share**2).sum())
        assert found["units_per_100k"] == pytest.approx(len(members) / people.sum() * 1e5)
        assert found["size_class"] in ("metropolitan", "large metropolitan")
        assert 0 <= found["centre_share_outside_core"] < 1
        assert 0 < found["contiguous_urban_population"] <= found["population"] * (1 + 1e-9)


def test_rules_stand_in_the_lineage(city):
    method, config = city
    parameters = json.loads((config.parent / "out/city/manifest.json").read_text())["parameters"]
    rules = parameters["functional_urban_areas"]
    assert (rules["method"], rules["year_of_flows"]) == (method, 2019 if method == "flows" else None)
    assert parameters["scales"]["region_min_fua_population"] == 250_000
    assert parameters["epochs"]["project_to"] == 2030


# --- cities with something special ------------------------------------------------------------------


def run_again(config: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """Run a copy of the city with other words in its configuration; return the tables."""
    shutil.copytree(config.parent / "data", folder / "data")
    text = config.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "city.yaml"
    path.write_text(text)
    run_project(load_project(path), compute=Compute(threads=1))
    return folder / "out/city"


@pytest.fixture(scope="module")
def by_flows(sample_data, tmp_path_factory) -> Path:
    return project_in(tmp_path_factory.mktemp("special"), sample_data, "flows")


def same_areas(out: Path) -> None:
    """Check that areas and scales agree, and that parts and remainder are the whole."""
    areas = gpd.read_parquet(out / "tables/functional_urban_areas.parquet").set_index("fua_id")
    scales = gpd.read_parquet(out / "tables/metropolitan_scales.parquet")
    same = scales[scales["scale"] == "metropolitan_area"].set_index("area_id").loc[areas.index]
    for field in ("population", "area_km2"):
        np.testing.assert_allclose(same[field], areas[field], rtol=1e-9)
    split = areas["city_population"] + areas["commuting_zone_population"]
    np.testing.assert_allclose(split, areas["population"], rtol=1e-9)
    whole = scales.dropna(subset=["population_in_parts"])
    parts = whole["population_in_parts"] + whole["population_outside_parts"]
    np.testing.assert_allclose(parts, whole["population"], rtol=1e-9)


def test_people_on_ground_of_two_units_count_once_in_their_area(by_flows, tmp_path):
    out = by_flows.parent / "out/city"
    same_areas(out)
    before = gpd.read_parquet(out / "tables/functional_urban_areas.parquet").set_index("fua_id")
    units = gpd.read_parquet(out / "tables/fua_units.parquet").dropna(subset=["fua_id"])
    one, other = units[units["fua_id"] == before["n_units"].idxmax()].head(2)["unit_id"]
    folder = tmp_path / "overlap"
    shutil.copytree(by_flows.parent / "data", folder / "data")
    layer = gpd.read_file(folder / "data/municipalities.gpkg")
    # A strip of one unit that the other claims as well, inside both of their area.
    claimed = layer.geometry[layer["unit_id"] == other].iloc[0]
    taken = layer["unit_id"] == one
    layer.loc[taken, "geometry"] = layer[taken].geometry.union(
        claimed.intersection(layer[taken].geometry.iloc[0].buffer(1500))
    )
    (folder / "data/municipalities.gpkg").unlink()
    layer.to_file(folder / "data/municipalities.gpkg")
    path = folder / "city.yaml"
    path.write_text(by_flows.read_text())
    run_project(load_project(path), compute=Compute(threads=1))
    after = gpd.read_parquet(folder / "out/city/tables/functional_urban_areas.parquet").set_index("fua_id")
    told = gpd.read_parquet(folder / "out/city/tables/fua_units.parquet")
    same_areas(folder / "out/city")
    # The units' people hold the strip's twice, the area's once.
    both = told.dropna(subset=["fua_id"]).groupby("fua_id")["population"].sum()
    assert (both > after["population"] * (1 + 1e-6)).any()
    np.testing.assert_allclose(after["area_km2"], before["area_km2"].loc[after.index], rtol=1e-3)


def test_units_that_reach_out_of_the_outlines_box_are_marked_by_what_the_grid_covers(by_flows, tmp_path):
    tables = by_flows.parent / "out/city/tables"
    areas = gpd.read_parquet(tables / "functional_urban_areas.parquet")
    units = gpd.read_parquet(tables / "fua_units.parquet")
    whole = areas.loc[areas["population"].idxmax()]
    # The outline ends just beyond the inner point of the city's largest unit: most of what is east of it lies outside.
    left, bottom, _, top = whole.geometry.bounds
    city = units[(units["fua_id"] == whole["fua_id"]) & units["city_id"].notna()]
    beyond = city.loc[[city["population"].idxmax()]].representative_point().x.iloc[0] + 100
    outline = gpd.GeoDataFrame(geometry=[box(left - 5000, bottom - 5000, beyond, top + 5000)], crs=areas.crs)
    outline.to_file(tmp_path / "outline.gpkg")
    out = run_again(
        by_flows,
        tmp_path,
        ("regions: [{name: city}]", "regions: [{name: city, halo_km: 50.0, outline: {path: outline.gpkg}}]"),
    )
    same_areas(out)
    found = gpd.read_parquet(out / "tables/functional_urban_areas.parquet").set_index("fua_id")
    cut = found.loc[whole["fua_id"]]
    assert cut["n_units"] < whole["n_units"]
    assert 0.5 < cut["coverage_share"] < 1
    assert cut["population"] < whole["population"]
    inside = cut.geometry.intersection(outline.geometry.iloc[0]).area / cut.geometry.area
    # Cells that the outline's box cuts are read whole.
    assert inside - 1e-6 <= cut["coverage_share"] <= inside + 0.05
    scale = gpd.read_parquet(out / "tables/metropolitan_scales.parquet").set_index(["scale", "area_id"])
    told = scale.loc[("metropolitan_area", whole["fua_id"]), "coverage_share"]
    assert told == pytest.approx(cut["coverage_share"])


def test_coefficients_of_ones_own_stand_in_the_manifest_with_their_digest(by_flows, tmp_path):
    (tmp_path / "mine.json").write_text(shipped_model().to_json())
    out = run_again(by_flows, tmp_path, ("{method: flows}", "{method: model, coefficients: mine.json}"))
    records = {record["name"]: record for record in json.loads((out / "manifest.json").read_text())["inputs"]}
    content = (tmp_path / "mine.json").read_bytes()
    assert records["coefficients"]["path"] == "mine.json"
    assert records["coefficients"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert records["coefficients"]["size_bytes"] == len(content)


def test_without_a_layer_of_units_governments_are_unknown_and_not_none(by_flows, tmp_path):
    units = re.search(r"  units: .*\n", by_flows.read_text())
    assert units is not None
    out = run_again(by_flows, tmp_path, ("{method: flows}", "{method: model}"), (units.group(), ""),
                    (re.search(r"  commuting:\n(    .*\n)+", by_flows.read_text()).group(), ""))  # fmt: skip
    areas = gpd.read_parquet(out / "tables/functional_urban_areas.parquet")
    assert len(areas) > 0
    assert areas["n_units"].isna().all()
    scales = gpd.read_file(out / "city.gpkg", layer="metropolitan_scales")
    assert scales.loc[scales["scale"] != "metropolitan_region", "n_units"].isna().all()


def test_modelled_areas_beyond_the_units_have_unknown_governments_but_a_size(by_flows, tmp_path):
    data = by_flows.parent / "data"
    areas = gpd.read_parquet(by_flows.parent / "out/city/tables/functional_urban_areas.parquet")
    largest = areas.loc[areas["population"].idxmax()]
    units = gpd.read_file(data / "municipalities.gpkg")
    kept = units[units.to_crs(areas.crs).representative_point().within(largest.geometry).to_numpy()]
    out = run_again(by_flows, tmp_path, ("{method: flows}", "{method: model}"))
    shutil.rmtree(out.parent)
    (tmp_path / "data/municipalities.gpkg").unlink()
    kept.to_file(tmp_path / "data/municipalities.gpkg")
    text = (tmp_path / "city.yaml").read_text()
    commuting = re.search(r"  commuting:\n(    .*\n)+", text)
    assert commuting is not None
    (tmp_path / "city.yaml").write_text(text.replace(commuting.group(), ""))
    run_project(load_project(tmp_path / "city.yaml"), compute=Compute(threads=1))
    found = gpd.read_file(out / "city.gpkg", layer="functional_urban_areas").set_index("fua_id")
    bare = found[found["n_units"].isna()]
    assert 0 < len(bare) < len(found)
    assert bare[["units_per_100k", "largest_unit_id", "herfindahl", "name"]].isna().all(axis=None)
    assert bare["size_class"].notna().all()
    assert (found["n_units"].dropna() > 0).any()
    assert found["name"].dropna().is_unique
