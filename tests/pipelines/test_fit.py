from __future__ import annotations

import json
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.delineation.efua_model import model_from_json, shipped_model
from geo_profiling.errors import GridError, InputError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.write import create_raster
from pipelines.check import check_project
from pipelines.delineate import run_degurba
from pipelines.fit import fit_command
from pipelines.modelled import run_modelled_fuas

COMMUTING = """  commuting:
    year: 2020
    units: {{path: {data}/municipalities.gpkg, id_field: unit_id, name_field: name}}
    flows: {{path: {data}/commuting_flows_2020.csv}}
    employed_residents: {{path: {data}/employed_residents_2020.csv}}
"""


@pytest.fixture
def sample(repository: Path, tmp_path: Path):
    """Return a function that writes a configuration of the sample city and loads it."""
    data = repository / "sample_data"

    def write(*, inputs="", delineation="", commuting=True):
        path = tmp_path / "config.yaml"
        path.write_text(
            f"""version: 1
name: sample
allowed_roots: [{data}]
inputs:
  population: {{path: {data}/population_2020_1km.tif, year: 2020}}
  land: {{path: {data}/land_1km.tif}}
  units: {{path: {data}/municipalities.gpkg, id_field: unit_id, name_field: name}}
{COMMUTING.format(data=data) if commuting else ""}{inputs}
delineation:
  degurba: {{level: 1}}
{delineation}
regions: [{{name: port, title: Port}}]
output: {{directory: out}}
""",
            encoding="utf-8",
        )
        return load_project(path)

    return write


def modelled(project, tmp_path):
    region, directory = project.regions[0], tmp_path / "port"
    for folder in ("rasters", "tables"):
        (directory / folder).mkdir(parents=True)
    run_degurba(region, directory, None, Compute(threads=1))
    run_modelled_fuas(region, directory, Compute(threads=1))
    return directory / "tables"


def friction_like_population(repository: Path, path: Path, value: float, *, shift: int = 0) -> None:
    grid = open_raster(repository / "sample_data/population_2020_1km.tif").grid
    if shift:
        grid = Grid(grid.crs, grid.transform * type(grid.transform).translation(shift, 0), grid.shape)
    with create_raster(path, grid, dtype=np.float32, nodata=np.nan) as writer:
        writer.write(grid.window, np.full(grid.shape, value, np.float32))


def test_fits_on_the_flows_of_the_sample_the_same_for_any_threads(sample, tmp_path):
    project = sample()
    model = fit_command(project, tmp_path / "one.json", compute=Compute(threads=1))
    fit_command(project, tmp_path / "two.json", compute=Compute(threads=2))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    written = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert written["training"]["regions"] == ["port"]
    assert written["training"]["inputs"]["port"]["commuting.flows"]["file"] == "commuting_flows_2020.csv"
    assert model_from_json(json.dumps(written)).threshold == model.threshold
    assert model.logistic.coefficients[0] < 0


def test_without_flows_there_is_nothing_to_fit(sample, tmp_path):
    with pytest.raises(InputError, match="no region has commuting flows"):
        fit_command(sample(commuting=False), tmp_path / "c.json", compute=Compute(threads=1))
    assert not (tmp_path / "c.json").exists()


def test_the_configuration_is_not_overwritten(sample, tmp_path):
    project = sample()
    with pytest.raises(UsageError, match="is the configuration"):
        fit_command(project, project.path, compute=Compute(threads=1))


def test_a_region_is_delineated_without_flows(sample, tmp_path):
    tables = modelled(sample(delineation="  functional_urban_areas: {method: model}"), tmp_path)
    areas = gpd.read_parquet(tables / "functional_urban_areas.parquet")
    units = pd.read_parquet(tables / "fua_units.parquet")
    centres = pd.read_parquet(tables / "fua_centres.parquet")
    assert (areas.method == "model").all()
    assert areas.fua_id.is_unique
    assert set(centres.fua_id) == set(areas.fua_id)
    np.testing.assert_allclose(areas.population, areas.city_population + areas.commuting_zone_population)
    counted = units.fua_id.value_counts()
    assert {row.fua_id: row.n_units for row in areas.itertuples() if row.n_units} == counted.to_dict()


def test_coefficients_of_ones_own_are_used(sample, tmp_path):
    document = json.loads(shipped_model().to_json()) | {"intercept": -99.0}
    (tmp_path / "mine.json").write_text(json.dumps(document), encoding="utf-8")
    rules = "  functional_urban_areas: {method: model, coefficients: mine.json}"
    areas = gpd.read_parquet(modelled(sample(delineation=rules), tmp_path) / "functional_urban_areas.parquet")
    assert (areas.commuting_zone_population == 0).all()


def test_coefficients_that_are_none_are_refused(sample, tmp_path):
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    rules = "  functional_urban_areas: {method: model, coefficients: mine.json}"
    with pytest.raises(InputError, match=r"mine\.json: not a model"):
        modelled(sample(delineation=rules), tmp_path)


@pytest.mark.parametrize(
    ("value", "shift", "error", "words"),
    [
        (0.72, 0, InputError, "not in minutes per metre by all appearance"),
        (0.0, 0, InputError, "zero friction"),
        (0.01, 2, GridError, "does not cover"),
    ],
)
def test_friction_in_another_unit_or_place_is_refused(sample, tmp_path, repository, value, shift, error, words):
    friction_like_population(repository, tmp_path / "friction.tif", value, shift=shift)
    project = sample(inputs="  friction: {path: friction.tif}", delineation="  functional_urban_areas: {method: model}")
    with pytest.raises(error, match=words):
        modelled(project, tmp_path)
    findings = [str(item) for item in check_project(project, compute=Compute(threads=1)) if item.severity == "error"]
    assert len(findings) == 1
    assert re.search(f"friction.*{words}", findings[0])


def test_what_is_wrong_with_coefficients_is_found_before_the_run(sample, tmp_path):
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    project = sample(delineation="  functional_urban_areas: {method: model, coefficients: mine.json}")
    errors = [item for item in check_project(project, compute=Compute(threads=1)) if item.severity == "error"]
    assert [str(item) for item in errors] == [
        "coefficients (mine.json): not a model of this package ('format' is not 'geo_profiling efua model 1')"
    ]


def test_slower_ground_makes_smaller_areas(sample, tmp_path, repository):
    rules = "  functional_urban_areas: {method: model}"
    people = []
    for number, value in enumerate((0.001, 0.01)):
        folder = tmp_path / str(number)
        folder.mkdir()
        friction_like_population(repository, tmp_path / "friction.tif", value)
        project = sample(inputs="  friction: {path: friction.tif}", delineation=rules)
        people.append(gpd.read_parquet(modelled(project, folder) / "functional_urban_areas.parquet").population.sum())
    assert people[0] > people[1]


def test_the_coefficients_we_ship_are_those_of_belgium(repository, shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("GEO_PROFILING_DATA", str(shared_data))
    model = fit_command(load_project(repository / "configs/belgium.yaml"), tmp_path / "c.json", compute=Compute())
    shipped = shipped_model()
    # Sums may differ in their last bits between builds of the linear algebra library.
    np.testing.assert_allclose(model.logistic.coefficients, shipped.logistic.coefficients, rtol=1e-6)
    assert model.threshold == pytest.approx(shipped.threshold, rel=1e-6)
    assert model.validation == shipped.validation
    assert model.training == shipped.training
