"""The command ``degurba`` from files to files: golden grids, refusals, and what is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine
from typer.testing import CliRunner, Result

from geo_profiling.cli.main import app

GOLDEN = {
    "L1_default_R2023A_b020": [],
    "L1_R2022A_b050": ["--built-up-threshold", "0.5", "--smoothing", "r2022a"],
    "L1_nobuilt_R2023A": ["--built-up-threshold", "none"],
    "L2_default_2024rules": ["--level", "2"],
    "L2_2021rules_SDUC300_5000_q8_buf3": ["--level", "2", "--rules", "2021", "--memory-limit", "1GiB"],
}


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, values: np.ndarray, **profile: Any) -> Path:
    options = {"crs": "ESRI:54009", "transform": Affine(1000, 0, 2e5, 0, -1000, 5e6), "nodata": -200.0} | profile
    shape = {"height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype=values.dtype, **shape, **options) as file:
        file.write(values, 1)
    return path


@pytest.fixture
def population(tmp_path: Path) -> Path:
    people = np.full((20, 20), 100, np.float32)
    people[5:12, 5:12] = 2000
    return write(tmp_path / "pop.tif", people)


@pytest.mark.parametrize("name", GOLDEN)
def test_equals_golden_grid_in_every_cell(shared_data, shared_golden, tmp_path, name):
    folder = shared_data / "belgium"
    files = [folder / "POP.tif", "--land", folder / "LAND.tif", "--built-up", folder / "BUILT_S.tif"]
    result = call("degurba", *files, "-o", tmp_path / "out.tif", "--centres", tmp_path / "uc.gpkg", *GOLDEN[name])
    assert result.exit_code == 0, result.output
    with (
        rasterio.open(tmp_path / "out.tif") as found,
        rasterio.open(shared_golden / "degurba" / f"{name}.tif") as golden,
        rasterio.open(folder / "POP.tif") as people,
    ):
        np.testing.assert_array_equal(found.read(1), golden.read(1))
        assert (found.dtypes, found.nodata, found.transform) == (("int16",), -32768, people.transform)
        assert found.crs == people.crs
        centre_cells = int((found.read(1) == (30 if "--level" in GOLDEN[name] else 3)).sum())
    centres = gpd.read_file(tmp_path / "uc.gpkg", layer="urban_centres")
    assert centres["area_km2"].sum() == centre_cells
    assert centres["centre_id"].is_unique
    assert centres.is_valid.all()


def test_no_urban_centre_gives_an_empty_layer(tmp_path):
    empty = write(tmp_path / "pop.tif", np.full((5, 5), 100, np.float32))
    result = call("degurba", empty, "-o", tmp_path / "o.tif", "--centres", tmp_path / "uc.gpkg")
    assert result.exit_code == 0, result.output
    assert len(pyogrio.read_dataframe(tmp_path / "uc.gpkg", layer="urban_centres")) == 0


def test_repetition_gives_the_same_bytes_for_any_workers(population, tmp_path):
    for name, options in {"a": [], "b": ["--workers", 1], "c": ["--workers", 4]}.items():
        (tmp_path / name).mkdir()
        out = tmp_path / name
        result = call("degurba", population, "-o", out / "o.tif", "--centres", out / "uc.gpkg", *options)
        assert result.exit_code == 0, result.output
    for file in ("o.tif", "uc.gpkg"):
        contents = {(tmp_path / name / file).read_bytes() for name in "abc"}
        assert len(contents) == 1


def test_nodata_population_without_and_with_land(tmp_path):
    people = np.full((8, 8), 100, np.float32)
    people[0] = -200
    pop = write(tmp_path / "pop.tif", people)
    land = write(tmp_path / "land.tif", np.full((8, 8), 1e6, np.float32))
    assert call("degurba", pop, "-o", tmp_path / "o.tif").exit_code == 0
    assert call("degurba", pop, "--land", land, "-o", tmp_path / "with.tif", "--level", 2).exit_code == 0
    with rasterio.open(tmp_path / "o.tif") as alone, rasterio.open(tmp_path / "with.tif") as with_land:
        assert set(alone.read(1)[0]) == {-32768}
        assert set(with_land.read(1)[0]) == {11}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "pop.tif"], "pop.tif: is one of the inputs"),
        (["-o", "o.tif", "--centres", "pop.tif"], "pop.tif: is one of the inputs"),
        (["-o", "o.tif", "--centres", "uc.shp"], "urban centres are written as .gpkg"),
        (["-o", "o.gpkg", "--centres", "o.gpkg"], "have the same name"),
        (["-o", "o.tif", "--built-up-threshold", "optimal"], "a mean over the whole world"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_writes_nothing(population, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    before = population.read_bytes()
    result = call("degurba", "pop.tif", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "hint: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pop.tif"]
    assert population.read_bytes() == before


@pytest.mark.parametrize("missing", ["-o", "--centres"])
def test_missing_folder_is_named_and_nothing_written(population, tmp_path, missing):
    places = {"-o": tmp_path / "o.tif", "--centres": tmp_path / "uc.gpkg"}
    places[missing] = tmp_path / "gone" / places[missing].name
    result = call("degurba", population, *(item for pair in places.items() for item in pair))
    assert result.exit_code == 1
    assert "does not exist" in result.stderr
    assert "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["pop.tif"]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"crs": "EPSG:4326", "transform": Affine(0.01, 0, 3, 0, -0.01, 50)}, "not projected"),
        ({"crs": "EPSG:3857", "transform": Affine(1000, 0, 5e5, 0, -1000, 6.5e6)}, "distorts areas"),
        ({"crs": "EPSG:2263", "transform": Affine(1000, 0, 9e5, 0, -1000, 2e5)}, "US survey foot, not the metre"),
    ],
)
def test_crs_in_which_areas_cannot_be_measured_is_refused(tmp_path, profile, words):
    population = write(tmp_path / "pop.tif", np.ones((5, 5), np.float32), **profile)
    (tmp_path / "o.tif").write_text("old")
    result = call("degurba", population, "-o", tmp_path / "o.tif")
    assert result.exit_code == 4
    assert words in result.stderr
    assert "hint: " in result.stderr
    assert (tmp_path / "o.tif").read_text() == "old"
