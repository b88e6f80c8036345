"""The fua step of a region: cities from its own centres or a list, units of the flows, tables for publishing."""

from __future__ import annotations

import logging
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.config.project import RegionSettings
from pipelines.delineate import run_degurba
from pipelines.fua import run_fua

CONFIG = """\
version: 1
name: Port Serrano
allowed_roots: [{data}]
inputs:
  population: {{path: {data}/population_2020_1km.tif, year: 2020}}
  land: {{path: {data}/land_1km.tif}}
  units: {{path: {data}/municipalities.gpkg, id_field: unit_id, name_field: name}}
  commuting:
    year: 2020
    flows: {{path: {data}/commuting_flows_2020.csv}}
    employed_residents: {{path: {data}/employed_residents_2020.csv}}
{cities}
delineation:
  functional_urban_areas: {{method: flows}}
regions: [{{name: city}}]
output: {{directory: out}}
"""


def classify(region: RegionSettings, folder: Path) -> None:
    """Make the class rasters and centres that the step stands on."""
    for name in ("rasters", "tables"):
        (folder / name).mkdir(exist_ok=True)
    run_degurba(region, folder, None, Compute(threads=1))


def prepared(folder: Path, data: Path, cities: str = "") -> RegionSettings:
    path = folder / "city.yaml"
    path.write_text(CONFIG.format(data=data, cities=cities))
    region = load_project(path).regions[0]
    classify(region, folder)
    return region


def test_sample_city_from_its_own_centres(sample_data: Path, tmp_path: Path) -> None:
    region = prepared(tmp_path, sample_data)
    run_fua(region, tmp_path, Compute(threads=1))
    areas = gpd.read_parquet(tmp_path / "tables/functional_urban_areas.parquet")
    units = gpd.read_parquet(tmp_path / "tables/fua_units.parquet").set_index("unit_id")
    centres = gpd.read_parquet(tmp_path / "tables/urban_centres.parquet")
    assert set(areas["fua_id"]) <= set(centres["centre_id"])
    assert len(areas) >= 1
    inside = units[units["fua_id"].notna()]
    assert areas["n_units"].sum() == len(inside)
    assert areas["population"].sum() == pytest.approx(inside["population"].sum())
    assert (areas["population"] - areas["city_population"] - areas["commuting_zone_population"]).abs().max() < 1e-6
    assert set(areas["name"]) <= set(units["name"])
    candidates = pd.read_parquet(tmp_path / "tables/fua_candidates.parquet")
    assert set(candidates["unit_id"]) <= set(units.index)
    first = (tmp_path / "tables/fua_units.parquet").read_bytes()
    run_fua(region, tmp_path, Compute(threads=2))
    assert (tmp_path / "tables/fua_units.parquet").read_bytes() == first


def test_list_of_cities_and_one_that_touches_no_centre(
    sample_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepared(tmp_path, sample_data)
    centres = gpd.read_parquet(tmp_path / "tables/urban_centres.parquet").union_all()
    municipalities = gpd.read_file(sample_data / "municipalities.gpkg").set_index("unit_id").geometry
    apart = municipalities.to_crs("ESRI:54009").distance(centres)
    listed = pd.DataFrame({"code": [apart.idxmin(), apart.idxmax()], "city_id": ["near", "far"]})
    listed.to_csv(tmp_path / "cities.csv", index=False)
    region = prepared(tmp_path, sample_data, f"    cities: {{path: {tmp_path}/cities.csv}}")
    with caplog.at_level(logging.WARNING, logger="geo_profiling"):
        run_fua(region, tmp_path, Compute(threads=1))
    assert "cities: 1 of 2 cities touch no urban centre: far" in caplog.messages
    units = gpd.read_parquet(tmp_path / "tables/fua_units.parquet")
    assert set(units["city_id"].dropna()) == {"near", "far"}


def test_belgium_from_its_own_centres(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "belgium"
    path = tmp_path / "belgium.yaml"
    path.write_text(
        f"""\
version: 1
name: Belgium
allowed_roots: [{folder}]
inputs:
  population: {{path: {folder}/POP.tif, year: 2020}}
  land: {{path: {folder}/LAND.tif}}
  built_up: {{path: {folder}/BUILT_S.tif}}
  units: {{path: {folder}/municipalities_581.gpkg, id_field: UID, name_field: NAME_4}}
  commuting:
    year: 2011
    units: {{path: {folder}/communes_589.gpkg, id_field: CODE_INS, name_field: Communes}}
    flows: {{path: {folder}/flows_2011.csv.gz}}
    employed_residents: {{path: {folder}/employed_residents_2011.csv}}
delineation:
  functional_urban_areas: {{method: flows}}
regions: [{{name: belgium}}]
output: {{directory: out}}
"""
    )
    region = load_project(path).regions[0]
    classify(region, tmp_path)
    run_fua(region, tmp_path, Compute(threads=1))
    units = gpd.read_parquet(tmp_path / "tables/fua_units.parquet").set_index("unit_id")
    assert units["fua_id"].nunique() == 15
    # The larger Brussels of 2020 draws Mechelen in; Sint-Niklaas with Temse and Roeselare are new; Mons is no city.
    assert units.loc["12025", "fua_id"] == units.loc["21004", "fua_id"]
    assert units.loc["46021", "city_id"] == units.loc["46025", "city_id"]
    assert units.loc["36015", "fua_rule"] == "city"
    assert units.loc["53053", "city_id"] is None or pd.isna(units.loc["53053", "city_id"])
