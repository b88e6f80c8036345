"""The steps of the metropolis: which of them a change of the configuration or of a file computes again."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
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
