"""Bad flows, cities, units, epochs, friction and layers of the metropolis: refused before anything is computed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from typer.testing import CliRunner

from geo_profiling.cli.main import app
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.zonal import zonal_statistics

CONFIG = """\
version: 1
name: City
inputs:
  population: {path: population_2020_1km.tif, year: 2020}
  land: {path: land_1km.tif}
  units: {path: municipalities.gpkg, id_field: unit_id, name_field: name}
  commuting:
    year: 2020
    flows: {path: commuting_flows_2020.csv}
    employed_residents: {path: employed_residents_2020.csv}
    cities: {path: cities.csv}
  friction: {path: friction.tif}
  regions: {path: regions.gpkg, id_field: region_id}
  local_centres: {path: centres.gpkg, id_field: unit_id}
  services:
    clinics: {path: clinics.gpkg}
  epochs:
    - population: {path: population_2010_1km.tif, year: 2010}
delineation:
  functional_urban_areas: {method: flows}
  scales: {proximity: {}}
  epochs: {project_to: 2030}
regions: [{name: city}]
output: {directory: out}
"""
SHIFTED = rasterio.Affine(1000, 0, 9e5, 0, -1000, 9e5)
FLOWS, EMPLOYED = "commuting_flows_2020.csv", "employed_residents_2020.csv"
Damage = Callable[[Path], Any]


def edit(before: str, after: str) -> Damage:
    def damage(folder: Path) -> None:
        text = (folder / "city.yaml").read_text()
        assert before in text
        (folder / "city.yaml").write_text(text.replace(before, after))

    return damage


def table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    def damage(folder: Path) -> None:
        change(pd.read_csv(folder / name, dtype=str)).to_csv(folder / name, index=False)

    return damage


def column(name: str, values: Callable[[pd.Series], pd.Series]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{name: values(frame[name])})


def first(value: str) -> Callable[[pd.Series], pd.Series]:
    return lambda values: values.where(values.index > 0, value)


def raster(name: str, source: str, change: Callable[[np.ndarray], np.ndarray], **profile: Any) -> Damage:
    def damage(folder: Path) -> None:
        with rasterio.open(folder / source) as file:
            values, kept = file.read(1), file.profile
        with rasterio.open(folder / name, "w", **{**kept, "dtype": "float32", **profile}) as file:
            file.write(change(values).astype(np.float32), 1)

    return damage


def friction(value: float, **profile: Any) -> Damage:
    return raster("friction.tif", "land_1km.tif", lambda land: np.full(land.shape, value), **profile)


def layer(name: str, change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> Damage:
    def damage(folder: Path) -> None:
        frame = change(gpd.read_file(folder / name))
        (folder / name).unlink()
        frame.to_file(folder / name)

    return damage


def away(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_geometry(frame.translate(900_000, 0))


@pytest.fixture(scope="module")
def good(sample_data, tmp_path_factory) -> Path:
    """The sample city with every input of the metropolis, to be damaged in copies."""
    folder = tmp_path_factory.mktemp("good")
    for name in ("municipalities.gpkg", "regions.gpkg", FLOWS, EMPLOYED, "land_1km.tif"):
        shutil.copy(sample_data / name, folder)
    for year in (2010, 2020):
        shutil.copy(sample_data / f"population_{year}_1km.tif", folder)
    units = gpd.read_file(folder / "municipalities.gpkg")
    points = units[["unit_id"]].set_geometry(units.representative_point())
    for name in ("centres.gpkg", "clinics.gpkg"):
        points.to_file(folder / name)
    code = pd.read_csv(folder / EMPLOYED, dtype=str)["code"].iloc[0]
    (folder / "cities.csv").write_text(f"code,city_id\n{code},A\n")
    friction(0.002, nodata=None)(folder)
    (folder / "city.yaml").write_text(CONFIG)
    result = CliRunner().invoke(app, ["validate", str(folder / "city.yaml")])
    assert result.exit_code == 0, result.output
    return folder


CASES: dict[str, tuple[Damage, int, list[str]]] = {
    "codes without zeros": (
        table(FLOWS, column("origin", lambda codes: codes.str.lstrip("0"))), 4, [FLOWS, "origin", "leading zeros"]
    ),
    "no code known": (
        table(FLOWS, column("destination", lambda codes: "X" + codes)), 4, [FLOWS, "no row has an origin and a"]
    ),
    "negative workers": (table(FLOWS, column("workers", first("-4"))), 4, [FLOWS, "row 2", "negative"]),
    "words for workers": (table(FLOWS, column("workers", first("secret"))), 4, [FLOWS, "row 2", "secret"]),
    "pair twice": (table(FLOWS, lambda f: pd.concat([f, f.iloc[:1]])), 4, [FLOWS, "more than once"]),
    "more commuters than workers": (
        table(EMPLOYED, column("employed_residents_total", lambda n: pd.Series("1", index=n.index))),
        4, [FLOWS, EMPLOYED],
    ),
    "column missing": (table(FLOWS, lambda f: f.rename(columns={"workers": "n"})), 4, [FLOWS, "workers"]),
    "employed twice": (table(EMPLOYED, lambda f: pd.concat([f, f.iloc[:1]])), 4, [EMPLOYED, "more than once"]),
    "city of no unit": (table("cities.csv", column("code", first("99"))), 4, ["cities.csv", "no unit belongs"]),
    "table that is gone": (lambda d: (d / FLOWS).unlink(), 4, [FLOWS]),
    "friction in seconds": (friction(12.0, nodata=None), 4, ["friction.tif", "minutes per metre"]),
    "friction with zeros": (friction(0.0, nodata=None), 4, ["friction.tif", "0"]),
    "friction elsewhere": (
        friction(0.002, nodata=None, transform=SHIFTED), 4, ["friction.tif"]
    ),
    "negative people in an epoch": (
        raster("population_2010_1km.tif", "population_2010_1km.tif", lambda people: people - 5.0),
        4, ["epochs.0.population", "population_2010_1km.tif"],
    ),
    "epoch on another grid": (
        raster("population_2010_1km.tif", "population_2010_1km.tif", lambda people: people, transform=SHIFTED),
        4, ["epochs.0.population", "population_2010_1km.tif"],
    ),
    "regions elsewhere": (layer("regions.gpkg", away), 4, ["regions.gpkg", "does not overlap"]),
    "region twice": (layer("regions.gpkg", lambda f: f.assign(region_id="R")), 4, ["regions.gpkg", "R"]),
    "services elsewhere": (layer("clinics.gpkg", away), 4, ["services.clinics", "does not overlap"]),
    "no such centres": (edit("centres.gpkg", "centers.gpkg"), 4, ["centers.gpkg"]),
    "no such id of regions": (edit("region_id}", "region}"), 4, ["regions.gpkg", "region"]),
    "spoilt coefficients": (
        edit("{method: flows}", "{method: model, coefficients: cities.csv}"), 4, ["coefficients (cities.csv)"]
    ),
    "year that is past": (edit("project_to: 2030", "project_to: 2020"), 3, ["city.yaml:22", "project_to", "2020"]),
    "flows without tables": (
        lambda d: edit(CONFIG[CONFIG.index("  commuting:"):CONFIG.index("  friction:")], "")(d), 3, ["inputs.commuting"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_of_the_metropolis_is_refused_in_one_message(good, tmp_path, name):
    damage, exit_code, words = CASES[name]
    project = Path(shutil.copytree(good, tmp_path / "city"))
    damage(project)
    for command in (["validate"], ["run"]):
        result = CliRunner().invoke(app, [*command, str(project / "city.yaml")])
        assert result.exit_code == exit_code, result.output
        assert "Traceback" not in result.output
        assert "internal fault" not in result.output
        for word in words:
            assert word in result.output, result.output
    assert result.stderr.count("error:") == 1
    assert "hint: " in result.stderr
    assert not (project / "out").exists()


def wider(by: float) -> Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]:
    return lambda frame: frame.set_geometry([frame.geometry.iloc[0].buffer(by), *frame.geometry.iloc[1:]])


def with_hole(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take a piece out of the middle of the land: a corner at which three units meet or more."""
    middle = frame.union_all().representative_point()
    nearest = frame.distance(middle).idxmin()
    return frame.set_geometry(frame.difference(frame.geometry[nearest].representative_point().buffer(900)))


def strangers(flows: pd.DataFrame) -> pd.DataFrame:
    """Add two flows from a place that is no unit, and three to such places."""
    to_known = flows.iloc[:2].assign(origin="X1", workers="1")
    from_known = flows.iloc[:3].assign(destination=["X2", "X3", "X4"], workers="1")
    return pd.concat([flows, to_known, from_known])


def far_city(folder: Path) -> None:
    """List as a city the unit with the fewest people: it lies in no urban centre."""
    cities = pd.read_csv(folder / "cities.csv", dtype=str)
    units = gpd.read_file(folder / "municipalities.gpkg").set_index("unit_id")
    people = zonal_statistics(
        open_raster(folder / "population_2020_1km.tif", quantity="count"),
        units.to_crs("ESRI:54009"),
        stats=["sum"],
    )["sum"]
    known = people[people.index.isin(pd.read_csv(folder / EMPLOYED, dtype=str)["code"])]
    lonely = pd.DataFrame({"code": [known.idxmin()], "city_id": ["FAR"]})
    pd.concat([cities, lonely]).to_csv(folder / "cities.csv", index=False)


#: What is doubtful is told with its count, and the run goes on.
DOUBTS: dict[str, tuple[Damage, list[str]]] = {
    "some codes unknown": (
        table(FLOWS, strangers),
        [FLOWS, "2 rows", "3 rows", "X1", "X2"],
    ),
    "units overlap": (layer("municipalities.gpkg", wider(500)), ["municipalities.gpkg", "pairs of units overlap"]),
    "units leave a hole": (layer("municipalities.gpkg", with_hole), ["municipalities.gpkg", "1 holes lie between"]),
    "city that touches no centre": (far_city, ["1 of 2 cities touch no urban centre: FAR"]),
    "some friction too fast": (
        raster(
            "friction.tif",
            "land_1km.tif",
            lambda land: np.where(np.arange(land.size).reshape(land.shape) < 7, 1e-6, 0.002),
            nodata=None,
        ),
        ["friction.tif", "7 of ", "faster than 200 km/h"],
    ),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_doubtful_input_is_a_named_warning_with_its_count(good, tmp_path, name):
    damage, words = DOUBTS[name]
    project = Path(shutil.copytree(good, tmp_path / "city"))
    damage(project)
    result = CliRunner().invoke(app, ["run", str(project / "city.yaml")])
    assert result.exit_code == 0, result.output
    told = [line for line in result.stderr.splitlines() if "warning" in line.lower()]
    assert told, result.stderr
    for word in words:
        assert any(word in line for line in told), result.stderr
    assert (project / "out/city/manifest.json").is_file()


def test_everything_wrong_is_told_at_once(good, tmp_path):
    project = Path(shutil.copytree(good, tmp_path / "city"))
    for name in ("friction with zeros", "negative workers", "regions elsewhere", "negative people in an epoch"):
        CASES[name][0](project)
    result = CliRunner().invoke(app, ["validate", str(project / "city.yaml")])
    assert result.exit_code == 4
    for name in ("friction.tif", FLOWS, "regions.gpkg", "population_2010_1km.tif"):
        assert name in result.stdout


def test_regions_that_overlap_are_told_by_their_ids(good, tmp_path):
    project = Path(shutil.copytree(good, tmp_path / "city"))

    def overlap(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return frame.set_geometry([frame.geometry.union_all(), *frame.geometry.iloc[1:]])

    ids = gpd.read_file(project / "regions.gpkg")["region_id"]
    layer("regions.gpkg", overlap)(project)
    for command in ("validate", "run"):
        result = CliRunner().invoke(app, [command, str(project / "city.yaml")])
        assert result.exit_code == 4, result.output
        assert "2 pairs of regional units overlap: " in result.output
        for other in ids[1:]:
            assert f"{ids[0]} and {other} (100.0 % of the smaller)" in result.output
    assert not (project / "out/city").exists()


def test_slivers_between_regions_are_no_overlap(good, tmp_path):
    project = Path(shutil.copytree(good, tmp_path / "city"))
    layer("regions.gpkg", lambda frame: frame.set_geometry(frame.buffer(3)))(project)
    result = CliRunner().invoke(app, ["validate", str(project / "city.yaml")])
    assert result.exit_code == 0, result.output
