from __future__ import annotations

import json
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.delineation.efua_model import model_from_json, shipped_model
from geo_profiling.errors import ConfigError, GridError, InputError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.write import create_raster
from pipelines.cells import open_cells
from pipelines.check import check_project
from pipelines.delineate import find_centres, run_degurba
from pipelines.fit import fit_command
from pipelines.modelled import region_times, run_modelled_fuas

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


def raster_like_population(repository: Path, path: Path, values) -> None:
    grid = open_raster(repository / "sample_data/population_2020_1km.tif").grid
    with create_raster(path, grid, dtype=np.float32, nodata=np.nan) as writer:
        writer.write(grid.window, np.broadcast_to(values, grid.shape).astype(np.float32))


def cross_road(repository: Path, path: Path, kind: str | None = "motorway", *, shift: float = 0.0) -> None:
    """Write one road from side to side of the sample's grid, in degrees, through its middle."""
    grid = open_raster(repository / "sample_data/population_2020_1km.tif").grid
    left, bottom, right, top = grid.bounds
    line = LineString([(left + shift, (bottom + top) / 2), (right + shift, (bottom + top) / 2)])
    roads = gpd.GeoDataFrame({"highway": [kind, "footway"]}, geometry=[line, line], crs=grid.crs)
    roads.to_crs("EPSG:4326").to_file(path)


MODEL = "  functional_urban_areas: {method: model}"
ROADS = "  roads: {path: roads.gpkg, class_field: highway}\n"
HEIGHTS = "  elevation: {path: heights.tif}\n"


def errors_of(project) -> list[str]:
    return [str(item) for item in check_project(project, compute=Compute(threads=1)) if item.severity == "error"]


def ground_of(project):
    """Return the travel times of the sample city on the ground of a configuration."""
    region = project.regions[0]
    cells = open_cells(region, compute=Compute(threads=1))
    centres = find_centres(region, cells, compute=Compute(threads=1))
    return region_times(region, cells, centres, compute=Compute(threads=1))


def test_heights_slow_and_roads_speed_up_as_the_configuration_says(sample, tmp_path, repository):
    level = ground_of(sample(delineation=MODEL))
    assert level.friction_text == "land 30 km/h, water 20 km/h, level, no roads given"
    rows = np.arange(level.grid.shape[0])[:, None] * 50.0  # a slope of 1 in 20
    raster_like_population(repository, tmp_path / "heights.tif", rows)
    cross_road(repository, tmp_path / "roads.gpkg")
    steep = ground_of(sample(inputs=HEIGHTS, delineation=MODEL))
    land = level.friction == level.friction.min()
    np.testing.assert_allclose(steep.friction[land] / level.friction[land], np.exp(0.175), rtol=1e-5)
    rules = "  functional_urban_areas: {method: model, speeds: {water_kmh: none, road_kmh: {motorway: 120.0}}}"
    roads = ground_of(sample(inputs=HEIGHTS + ROADS, delineation=rules))
    assert roads.friction_text == "land 5 km/h, water impassable, slope after Tobler, roads by class"
    assert np.nanmin(roads.friction) == pytest.approx(0.06 / 120)
    middle = roads.friction[roads.grid.shape[0] // 2 - 1 : roads.grid.shape[0] // 2 + 1]
    assert (np.nanmin(middle, axis=0) == np.nanmin(roads.friction)).all()


def test_areas_are_made_on_the_ground_that_is_declared(sample, tmp_path, repository):
    raster_like_population(repository, tmp_path / "heights.tif", 0.0)
    cross_road(repository, tmp_path / "roads.gpkg")
    project = sample(inputs=HEIGHTS + ROADS, delineation=MODEL)
    found = check_project(project, compute=Compute(threads=1))
    assert [item.message for item in found if item.input == "coefficients"] == [
        "fitted on times over other ground (land 30 km/h, water 20 km/h, level, no roads given) than that "
        "of the region (land 5 km/h, water 20 km/h, slope after Tobler, roads by class)"
    ]
    walking = gpd.read_parquet(modelled(project, tmp_path) / "functional_urban_areas.parquet")
    (tmp_path / "driving").mkdir()
    driving = modelled(sample(delineation=MODEL), tmp_path / "driving") / "functional_urban_areas.parquet"
    assert walking.area_km2.sum() < gpd.read_parquet(driving).area_km2.sum()


def test_shipped_coefficients_fit_the_ground_they_were_made_for(sample):
    assert not [item for item in check_project(sample(delineation=MODEL), compute=Compute(threads=1)) if
                item.input == "coefficients"]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "shift", "words"),
    [
        ("autobahn", 0.0, r"roads \(roads\.gpkg\): 1 roads of 1 classes without a speed: autobahn \(1\)"),
        (None, 0.0, r"roads \(roads\.gpkg\): 1 roads of 1 classes without a speed: NULL \(1\)"),
        ("primary", 9e5, r"roads \(roads\.gpkg\): no road lies on the population grid"),
    ],
)
def test_bad_roads_are_found_before_the_run(sample, tmp_path, repository, kind, shift, words):
    cross_road(repository, tmp_path / "roads.gpkg", kind, shift=shift)
    found = errors_of(sample(inputs=ROADS, delineation=MODEL))
    assert len(found) == 1
    assert re.search(words, found[0])


@pytest.mark.parametrize(
    ("height", "shift", "words"),
    [
        (9_001.0, 0, "no heights in metres"),
        (-32768.0, 0, "cannot hold"),
        (np.nan, 0, "every cell is nodata"),
        (10.0, 2, "does not cover"),
    ],
)
def test_bad_heights_are_found_before_the_run(sample, tmp_path, repository, height, shift, words):
    friction_like_population(repository, tmp_path / "heights.tif", height, shift=shift)
    found = errors_of(sample(inputs=HEIGHTS, delineation=MODEL))
    assert len(found) == 1
    assert found[0].startswith("elevation (heights.tif): ")
    assert words in found[0]


def test_a_friction_raster_holds_heights_and_roads_already(sample):
    with pytest.raises(ConfigError, match="give 'friction', or 'elevation' to build it from"):
        sample(inputs="  friction: {path: friction.tif}\n" + HEIGHTS, delineation=MODEL)


def test_friction_is_not_regridded(sample, tmp_path, repository):
    friction_like_population(repository, tmp_path / "friction.tif", 0.002)
    regridded = MODEL + "\nregrid: {crs: 'ESRI:54009', cell_size_m: 2000.0}"
    project = sample(inputs="  friction: {path: friction.tif}", delineation=regridded)
    findings = [item for item in check_project(project, compute=Compute(threads=1)) if item.severity == "error"]
    assert [item.input for item in findings] == ["friction (friction.tif)"]
    assert "it is not regridded: gdalwarp -r average does that" in findings[0].remedy
    with pytest.raises(GridError, match=r"friction\.tif"):
        modelled(project, tmp_path)


def with_gdp(path: Path) -> None:
    """Write coefficients that ask for the country's GDP: the richer, the larger the areas."""
    document = json.loads(shipped_model().to_json())
    document["covariates"].append({"name": "log_gdp_per_capita", "coefficient": 2.0, "low": 6.0, "high": 12.0})
    document["intercept"] -= 2.0 * np.log(10_000.0)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_model_with_the_countrys_gdp_asks_for_it_and_uses_it(sample, tmp_path):
    with_gdp(tmp_path / "mine.json")
    rules = "  functional_urban_areas: {{method: model, coefficients: mine.json{}}}"
    found = errors_of(sample(delineation=rules.format("")))
    assert found == ["coefficients (mine.json): the model asks for the GDP per head of the country"]
    people = []
    for gdp in (2_000.0, 10_000.0, 50_000.0):
        (tmp_path / f"{gdp}").mkdir()
        project = sample(delineation=rules.format(f", gdp_per_capita: {gdp}"))
        assert not errors_of(project)
        areas = gpd.read_parquet(modelled(project, tmp_path / f"{gdp}") / "functional_urban_areas.parquet")
        people.append(areas.commuting_zone_population.sum())
    assert people == sorted(people)
    assert people[0] < people[2]


def two_countries(sample, first: str, second: str):
    """The sample city twice, as if in two countries."""
    project = sample(delineation="  functional_urban_areas: {method: flows}")
    text = project.path.read_text(encoding="utf-8")
    region = "{{name: {}, delineation: {{functional_urban_areas: {{{}}}}}}}"
    both = f"regions: [{region.format('port', first)}, {region.format('bay', second)}]"
    project.path.write_text(text.replace("regions: [{name: port, title: Port}]", both), encoding="utf-8")
    return load_project(project.path)


def test_a_fit_on_two_countries_has_a_coefficient_of_their_gdp(sample, tmp_path):
    project = two_countries(sample, "gdp_per_capita: 5000.0", "gdp_per_capita: 40000.0")
    model = fit_command(project, tmp_path / "c.json", compute=Compute(threads=1))
    assert model.names[-1] == "log_gdp_per_capita"
    assert (model.low[-1], model.high[-1]) == (pytest.approx(np.log(5000)), pytest.approx(np.log(40_000)))
    # The same city in both: nothing is to be learnt from the country.
    assert model.logistic.coefficients[-1] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("second", "words"), [("threshold: 0.15", "not for bay"), ("gdp_per_capita: 5000.0", "the same in every region")]
)
def test_a_fit_needs_the_gdp_of_all_countries_or_none(sample, tmp_path, second, words):
    with pytest.raises(InputError, match=words):
        fit_command(
            two_countries(sample, "gdp_per_capita: 5000.0", second), tmp_path / "c.json", compute=Compute(threads=1)
        )


def test_the_coefficients_we_ship_are_those_of_belgium(repository, shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("GEO_PROFILING_DATA", str(shared_data))
    model = fit_command(load_project(repository / "configs/belgium.yaml"), tmp_path / "c.json", compute=Compute())
    shipped = shipped_model()
    # Sums may differ in their last bits between builds of the linear algebra library.
    np.testing.assert_allclose(model.logistic.coefficients, shipped.logistic.coefficients, rtol=1e-6)
    assert model.threshold == pytest.approx(shipped.threshold, rel=1e-6)
    assert model.validation == shipped.validation
    assert model.training == shipped.training
