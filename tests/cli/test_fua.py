"""The fua command: layers and fields as they are scripted, exit codes, bad inputs by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from shapely import box
from typer.testing import CliRunner, Result

from geo_profiling.cli.main import app

FLOWS = "origin,destination,workers\n01,01,50\n02,01,15\n03,01,14\n03,FR,3\n"
EMPLOYED = "code,employed_residents_total\n01,100\n02,100\n03,100\n"
CITIES = "code,city_id,city_name,population\n01,007,Alpha,500\n02,,,30\n"
LAYERS = {"functional_urban_areas", "units", "fua_candidates", "run_info"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    boxes = [box(i * 1000, 0, i * 1000 + 1000, 1000) for i in range(3)]
    units = gpd.GeoDataFrame({"code": ["01", "02", "03"], "number": [1, 2, 3]}, geometry=boxes, crs="ESRI:54009")
    units.to_file(tmp_path / "units.gpkg")
    for name, text in (("flows", FLOWS), ("employed", EMPLOYED), ("cities", CITIES)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def call(folder: Path, *more: str, unit_id: str = "code", output: str = "o.gpkg") -> Result:
    files = [f"--{name}={folder / name}.csv" for name in ("flows", "employed", "cities")]
    fixed = ["fua", f"--units={folder / 'units.gpkg'}", f"--unit-id={unit_id}", *files, "-o", str(folder / output)]
    return CliRunner().invoke(app, [*fixed, *more])


def test_layers_fields_and_ids_as_they_came(folder: Path) -> None:
    result = call(folder)
    assert result.exit_code == 0, result.output
    assert "3 workers in 1 rows go to a destination that is no unit" in result.stderr
    assert {name for name, _ in pyogrio.list_layers(folder / "o.gpkg")} >= LAYERS
    units = pyogrio.read_dataframe(folder / "o.gpkg", layer="units").set_index("unit_id")
    assert units.index.tolist() == ["01", "02", "03"]
    assert units["city_id"].fillna("NULL").tolist() == ["007", "NULL", "NULL"]
    assert units["fua_id"].fillna("NULL").tolist() == ["007", "007", "NULL"]
    assert units["fua_rule"].tolist() == ["city", "commuting", "below threshold"]
    assert units["population"].fillna(-1).tolist() == [500, 30, -1]
    area = pyogrio.read_dataframe(folder / "o.gpkg", layer="functional_urban_areas").iloc[0]
    assert area.drop("geometry").to_dict() == {
        "fua_id": "007",
        "name": "Alpha",
        "method": "flows",
        "n_units": 2,
        "n_city_units": 1,
        "city_ids": "007",
        "population": 530.0,
        "city_population": 500.0,
        "commuting_zone_population": 30.0,
        "area_km2": 2.0,
    }


def test_whole_number_ids_stay_whole_numbers(folder: Path) -> None:
    for name in ("flows", "employed", "cities"):
        path = folder / f"{name}.csv"
        path.write_text(path.read_text().replace("01", "1").replace("02", "2").replace("03", "3"))
    assert call(folder, unit_id="number").exit_code == 0
    info = pyogrio.read_dataframe(folder / "o.gpkg", layer="units")
    assert info["unit_id"].tolist() == [1, 2, 3]


def test_without_people_population_is_unknown(folder: Path) -> None:
    (folder / "cities.csv").write_text("code,city_id\n01,A\n")
    assert call(folder).exit_code == 0
    area = pyogrio.read_dataframe(folder / "o.gpkg", layer="functional_urban_areas").iloc[0]
    assert area[["name", "population", "city_population", "commuting_zone_population"]].isna().all()


def test_options_are_passed_on(folder: Path) -> None:
    (folder / "flows.csv").write_text(FLOWS.replace("origin,destination,workers", "von,nach,zahl"))
    (folder / "employed.csv").write_text(EMPLOYED.replace("code,employed_residents_total", "k,n"))
    (folder / "cities.csv").write_text("k,stadt\n01,A\n")
    columns = ["--flow-columns=von,nach,zahl", "--employed-columns=k,n", "--city-columns=k,stadt"]
    assert call(folder, "--threshold", "0.14", *columns).exit_code == 0
    assert pyogrio.read_dataframe(folder / "o.gpkg", layer="units")["fua_id"].tolist() == ["A"] * 3


def test_same_inputs_same_bytes(folder: Path) -> None:
    assert call(folder, output="a.gpkg").exit_code == call(folder, output="b.gpkg").exit_code == 0
    info = {name: pyogrio.read_dataframe(folder / name, layer="units") for name in ("a.gpkg", "b.gpkg")}
    assert info["a.gpkg"].equals(info["b.gpkg"])
    first = (folder / "a.gpkg").read_bytes()
    assert call(folder, output="a.gpkg").exit_code == 0
    assert (folder / "a.gpkg").read_bytes() == first


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / f"{name}.csv").read_text()
        assert old in text
        (folder / f"{name}.csv").write_text(text.replace(old, new))

    return spoil


def units_elsewhere(folder: Path) -> None:
    units = pyogrio.read_dataframe(folder / "units.gpkg").assign(code=["x", "y", "z"])
    units.to_file(folder / "units.gpkg")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change("flows", "02,01,15", "02,01,-15"), "flows.csv, row 3: workers is negative in 1 rows"),
        (change("flows", "02,01,15", "02,01,many"), "flows.csv, row 3: workers is no number"),
        (change("flows", "02,01,15", "02,01,15\n02,01,15"), "flows.csv, row 3: a pair of origin and destination"),
        (change("flows", "02,01,15", "2,1,15"), "flows.csv: 1 codes of column origin are written in another way"),
        (change("flows", "02,01,15", "02,01,300"), "1 units have more workers in their flows than employed residents"),
        (change("flows", "workers", "n"), "flows.csv: has no field 'workers'"),
        (change("employed", "03,100", "02,100"), "employed.csv, row 3: a code stands more than once in 2 rows"),
        (change("employed", "03,100\n", ""), "1 units have flows and no number of employed residents ('03')"),
        (change("cities", "01,007", "1,007"), "cities.csv: 1 codes of column code are written in another way"),
        (change("cities", "01,007", "99,007"), "cities.csv: no unit belongs to a city"),
        (change("cities", "500", "-5"), "values of population are no numbers of people, the first: '-5' of 01"),
        (units_elsewhere, "no unit belongs to a city"),
    ],
)
def test_bad_inputs_end_with_4_and_leave_the_old_output(
    folder: Path, spoil: Callable[[Path], None], words: str
) -> None:
    (folder / "o.gpkg").write_text("old")
    spoil(folder)
    result = call(folder)
    assert result.exit_code == 4
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert (folder / "o.gpkg").read_text() == "old"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--threshold", "15"], "no share above 0 and up to 1"),
        (["--threshold", "nan"], "no share above 0 and up to 1"),
        (["--flow-columns", "a,b"], "does not name 3 columns"),
        (["--employed-columns", "a,a"], "does not name 2 columns"),
    ],
)
def test_usage_errors_end_with_2(folder: Path, more: list[str], words: str) -> None:
    result = call(folder, *more)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_output_that_cannot_be_meant(folder: Path) -> None:
    assert call(folder, output="o.shp").exit_code == 2
    assert call(folder, output="units.gpkg").exit_code == 2


def test_overlaps_holes_and_exclaves_are_told(folder: Path) -> None:
    boxes = [box(0, 0, 1000, 1000), box(900, 0, 2000, 1000), box(5000, 0, 6000, 1000)]
    units = gpd.GeoDataFrame({"code": ["01", "02", "03"]}, geometry=boxes, crs="ESRI:54009")
    units.to_file(folder / "units.gpkg")
    change("flows", "03,01,14", "03,01,80")(folder)
    result = call(folder)
    assert result.exit_code == 0
    assert "units.gpkg: 1 pairs of units overlap, the largest: 01 and 02 (10.0 % of the smaller)" in result.stderr
    assert "have the share but no edge that leads to their city" in result.stderr
    rules = pyogrio.read_dataframe(folder / "o.gpkg", layer="units")["fua_rule"].tolist()
    assert rules == ["city", "commuting", "exclave dropped"]


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app, ["fua", "--help"])
    assert result.exit_code == 0
    assert "Example:\n    geo-profiling fua" in result.output


def test_sample_city(sample_data: Path, tmp_path: Path) -> None:
    municipalities = pyogrio.read_dataframe(sample_data / "municipalities.gpkg")
    seats = pd.DataFrame({"code": municipalities["unit_id"].sort_values()[:2], "city_id": ["A", "B"]})
    seats.to_csv(tmp_path / "cities.csv", index=False)
    files = {
        "--units": sample_data / "municipalities.gpkg",
        "--flows": sample_data / "commuting_flows_2020.csv",
        "--employed": sample_data / "employed_residents_2020.csv",
        "--cities": tmp_path / "cities.csv",
    }
    options = [f"{option}={path}" for option, path in files.items()]
    result = CliRunner().invoke(app, ["fua", "--unit-id=unit_id", *options, "-o", str(tmp_path / "o.gpkg")])
    assert result.exit_code == 0, result.output
