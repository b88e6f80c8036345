"""Many regions of one configuration: each by itself, computed again only where something it reads changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pytest
import rasterio
import shapely

NAMES = ["Airport", "Old_town", "Port"]
CONFIG = """
version: 1
name: Districts
inputs:
  population: {path: pop.tif, year: 2020}
  land: {path: land.tif}
  built_up: {path: built.tif}
  units: {path: municipalities.gpkg, id_field: unit_id, name_field: name}
region_layer: {path: metros.gpkg, name_field: name, halo_km: 3.0}
output: {directory: out, metrics: metrics/districts.prom}
"""


def run(folder: Path, *arguments: str | Path, command: str = "run") -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "geo_profiling", command, folder / "c.yaml", *arguments]
    return subprocess.run(list(map(str, line)), cwd=folder, capture_output=True, text=True, check=False)


def contents(folder: Path) -> dict[str, bytes]:
    of_the_run = {"manifest.json", "ledger.json", "lock"}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in of_the_run)
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if path.parent != folder / ".geo_profiling"
    }


@pytest.fixture(scope="module")
def project(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three districts of the sample city, computed once."""
    folder = tmp_path_factory.mktemp("districts")
    names = {"pop": "population_2020_1km", "land": "land_1km", "built": "built_up_2020_1km"}
    for short, name in names.items():
        shutil.copy(sample_data / f"{name}.tif", folder / f"{short}.tif")
    shutil.copy(sample_data / "municipalities.gpkg", folder)
    boxes = [shapely.box(x, 4_780_000, x + 30_000, 4_830_000) for x in (60_000, 90_000, 120_000)]
    metros = gpd.GeoDataFrame({"name": ["Port", "Old town", "Airport"]}, geometry=boxes, crs="ESRI:54009")
    metros.to_file(folder / "metros.gpkg")
    (folder / "c.yaml").write_text(CONFIG)
    result = run(folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def mine(project: Path, tmp_path: Path) -> Path:
    """A copy of the computed project; its digests are of the other folder, its files are the same."""
    shutil.copytree(project, tmp_path / "p")
    return tmp_path / "p"


def change_cells(path: Path, row: int, col: int) -> None:
    with rasterio.open(path, "r+") as file:
        values = file.read(1)
        values[row, col] += 100
        file.write(values, 1)


def test_every_feature_has_its_folder(project: Path) -> None:
    assert sorted(path.name for path in (project / "out").iterdir() if path.name[0] != ".") == NAMES
    for name in NAMES:
        assert (project / "out" / name / f"{name}.gpkg").is_file()
    assert json.loads((project / "out/Old_town/manifest.json").read_text())["title"] == "Old town"


def test_nothing_changed_takes_no_step_and_loads_no_raster_library(project: Path) -> None:
    script = (
        "import sys\nfrom geo_profiling.cli.main import app\n"
        "try:\n    app()\nexcept SystemExit as end:\n    code = end.code\n"
        "print(code, sorted(name for name in ('rasterio', 'distributed', 'matplotlib') if name in sys.modules))\n"
    )
    time.sleep(2.1)  # digests of files changed a moment ago are not trusted
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script, "run", "c.yaml", "--workers", "2"],
            cwd=project, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.stdout == "0 []\n"
    assert re.search(r"nothing to compute: \d+ steps up to date", done.stderr)


def test_changed_cells_concern_their_region_and_the_plan_says_where(mine: Path) -> None:
    (mine / "c.yaml").write_text(CONFIG)
    change_cells(mine / "pop.tif", 60, 40)  # x 70500, in Port
    for name in ("pop.tif", "land.tif", "municipalities.gpkg"):
        os.utime(mine / name)
    plan = run(mine, command="plan").stdout
    assert re.search(r"Port: 4 of 4 steps to compute", plan)
    assert re.search(r"degurba: input population changed: up to \d+ of 2016 cells, in 1 of \d+ blocks: rows", plan)
    assert "Airport: up to date\n" in plan
    assert "Old_town: up to date\n" in plan
    before = contents(mine / "out")
    done = run(mine, "--summary", mine / "told.json")
    assert done.returncode == 0, done.stderr
    assert "4 of 12 steps computed" in done.stderr
    after = contents(mine / "out")
    assert {path.split("/")[0] for path in after if after[path] != before.get(path)} == {"Port"}
    told = json.loads((mine / "told.json").read_text())
    assert {region["region"]: region["state"] for region in told["regions"]} == {
        "Airport": "up_to_date", "Old_town": "up_to_date", "Port": "computed",
    }  # fmt: skip
    port = told["regions"][2]
    (people,) = [change for change in port["changes"] if change["figure"] == "population"]
    assert people["after"] - people["before"] == pytest.approx(100)


def test_changed_parameter_concerns_the_steps_that_use_it(mine: Path) -> None:
    (mine / "c.yaml").write_text(CONFIG + "delineation: {degurba: {level1_from: direct}}\n")
    plan = run(mine, command="plan").stdout
    assert plan.count('parameter level1_from changed from "level2" to "direct"') >= 3
    assert plan.count("  keep  inputs: up to date") == 3


def test_changed_unit_concerns_the_regions_it_reaches_into(mine: Path) -> None:
    units = gpd.read_file(mine / "municipalities.gpkg")
    inside = units.geometry.bounds
    (row,) = [index for index in units.index if inside.loc[index, "minx"] > 92_000][:1]
    units.loc[row, "name"] = "Renamed"
    identifier = units.loc[row, "unit_id"]
    units.to_file(mine / "municipalities.gpkg", layer="municipalities")
    plan = run(mine, command="plan").stdout
    assert "Port: up to date" in plan
    assert re.search(rf"input units changed: 1 changed \({identifier}\)", plan)


def test_one_failing_region_does_not_sink_the_others(mine: Path) -> None:
    metros = gpd.read_file(mine / "metros.gpkg")
    metros.loc[3] = {"name": "Atlantis", "geometry": shapely.box(-9e6, 0, -8.9e6, 9e4)}
    metros.to_file(mine / "metros.gpkg")
    done = run(mine, "--log-format", "json")
    assert done.returncode == 5
    last = json.loads(done.stderr.splitlines()[-1])
    assert last["message"].startswith("1 of 4 regions failed: Atlantis\nAtlantis: ")
    told = json.loads((mine / "out/.geo_profiling/summary.json").read_text())
    (failed,) = [region for region in told["regions"] if region["state"] == "failed"]
    assert (told["exit_code"], failed["region"], failed["failed_step"]) == (5, "Atlantis", "inputs")
    assert "lies off" in failed["error"] or "does not overlap" in failed["error"]
    assert not (mine / "out/Atlantis").exists()
    metrics = (mine / "metrics/districts.prom").read_text()
    assert 'geo_profiling_region_failed{project="Districts",region="Atlantis"} 1' in metrics
    assert 'geo_profiling_result_timestamp_seconds{project="Districts",region="Port"} ' in metrics
    history = (mine / "out/.geo_profiling/history.jsonl").read_text().splitlines()
    assert [json.loads(line)["exit_code"] for line in history][-1] == 5
