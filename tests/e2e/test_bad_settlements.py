"""Bad layers and tables of informal settlements: an error that names them, or a finding that names the row."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate
from typer.testing import CliRunner

from geo_profiling.cli.main import app

CRS = "EPSG:32638"
LEFT, BOTTOM = 500_000, 1_200_000
CONFIG = """\
version: 1
name: Made city
inputs:
  population_fine: {path: people.tif, year: 2020}
  settlements: {path: settlements.gpkg, id_field: code, name_field: label}
  study_area: {path: area.gpkg}
  buildings: {path: buildings.gpkg, id_field: nr}
  streets: {path: streets.gpkg}
  enumeration:
    table: {path: enumeration.csv}
    mapping: {path: mapping.yaml}
  tenure:
    parties: {path: parties.csv}
    spatial_units: {path: plots.gpkg}
    rights: {path: rights.csv}
settlements:
  blocks: {new_paths: null}
  form: {candidates: null}
  tenure: {reference_date: 2020-12-31}
regions: [{name: made}]
output: {directory: out}
"""
MAPPING = """\
title: made up
id_column: place
variables:
  households: {column: homes}
  population: {column: people}
  water: {column: water, answers: {tap: piped_regular, river: surface}}
"""
Damage = Callable[[Path], Any]


def ground(*parts: float) -> shapely.Polygon:
    return shapely.box(LEFT + parts[0], BOTTOM + parts[1], LEFT + parts[2], BOTTOM + parts[3])


def save(folder: Path, file: str, shapes: list[shapely.Geometry], **columns: object) -> None:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_file(folder / file)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, write_people: Callable[[Path], None]) -> Path:
    """A city of two settlements, to be damaged in copies."""
    folder = tmp_path_factory.mktemp("good")
    places = [ground(0, 0, 100, 100), ground(200, 0, 300, 100)]
    save(folder, "settlements.gpkg", places, code=[1, 2], label=["North", "South"])
    save(folder, "area.gpkg", [ground(0, 0, 300, 100)])
    link = shapely.LineString([(LEFT + 100, BOTTOM), (LEFT + 200, BOTTOM)])
    save(folder, "streets.gpkg", [*(block.exterior for block in places), link])
    homes = [
        ground(x + 20 * i + 5, 20 * j + 5, x + 20 * i + 15, 20 * j + 15)
        for x in (0, 200)
        for j in range(5)
        for i in range(5)
    ]
    save(folder, "buildings.gpkg", homes, nr=list(range(50)))
    plots = [ground(20 * i, 20 * j, 20 * i + 20, 20 * j + 20) for j in range(4) for i in range(5)]
    ids = [f"u{number:02d}" for number in range(20)]
    save(folder, "plots.gpkg", plots, unit_id=ids)
    parties = {"party_id": ids, "household_id": ids, "settlement_id": "1", "sex": "female", "age": 40}
    pd.DataFrame(parties).to_csv(folder / "parties.csv", index=False)
    rights = {"party_id": ids, "unit_id": ids, "tenure_type": "freehold", "share": 1.0, "documented": "registered"}
    days = {"valid_from": "2001-01-01", "valid_to": ""}
    pd.DataFrame({**rights, **days}).to_csv(folder / "rights.csv", index=False)
    (folder / "enumeration.csv").write_text("place,homes,people,water\n1,25,120,tap\n2,75,300,river\n")
    (folder / "mapping.yaml").write_text(MAPPING)
    write_people(folder)
    (folder / "city.yaml").write_text(CONFIG)
    assert ended(folder, "validate")[0] == 0
    return folder


@pytest.fixture(scope="module")
def write_people() -> Callable[[Path], None]:
    import rasterio

    def write(folder: Path) -> None:
        profile = {"driver": "GTiff", "width": 5, "height": 3, "count": 1, "dtype": "float32", "nodata": -1}
        transform = rasterio.Affine(100, 0, LEFT - 100, 0, -100, BOTTOM + 200)
        with rasterio.open(folder / "people.tif", "w", crs=CRS, transform=transform, **profile) as file:
            file.write(np.full((3, 5), 100, np.float32), 1)

    return write


def ended(folder: Path, command: str = "run") -> tuple[int, str]:
    options = ["--workers", "1", "--quiet"] if command == "run" else []
    result = CliRunner().invoke(app, [command, str(folder / "city.yaml"), *options])
    return result.exit_code, " ".join(result.output.split())


def table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    def damage(folder: Path) -> None:
        change(pd.read_csv(folder / name, dtype=str)).to_csv(folder / name, index=False)

    return damage


def first(column: str, value: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{column: frame[column].where(frame.index > 0, value)})


def layer(name: str, change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> Damage:
    def damage(folder: Path) -> None:
        frame = change(gpd.read_file(folder / name))
        (folder / name).unlink()
        frame.to_file(folder / name)

    return damage


def moved(frame: gpd.GeoDataFrame, row: int, east: float) -> gpd.GeoDataFrame:
    shapes = [translate(shape, east if at == row else 0) for at, shape in enumerate(frame.geometry)]
    return frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs))


def again(frame: gpd.GeoDataFrame, row: int, **values: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.concat([frame, frame.iloc[[row]].assign(**values)], ignore_index=True), crs=frame.crs)


def edit(before: str, after: str) -> Damage:
    def damage(folder: Path) -> None:
        text = (folder / "city.yaml").read_text()
        assert before in text
        (folder / "city.yaml").write_text(text.replace(before, after))

    return damage


def points(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.set_geometry(frame.centroid)


def in_degrees_without_crs(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.to_crs("EPSG:4326").set_crs(CRS, allow_override=True)


REFUSED: dict[str, tuple[Damage, int, list[str]]] = {
    "settlement listed twice": (
        layer("settlements.gpkg", lambda frame: again(frame, 0)), 4, ["settlements.gpkg", "code", "1"]
    ),
    "settlements as points": (layer("settlements.gpkg", points), 4, ["settlements.gpkg", "point"]),
    "buildings as points, with form": (
        layer("buildings.gpkg", points), 4, ["buildings.gpkg", "has points", "form: null"]
    ),
    "buildings in degrees that say metres": (
        layer("buildings.gpkg", in_degrees_without_crs), 4, ["like degrees", "does not overlap settlements"]
    ),
    "building listed twice": (layer("buildings.gpkg", lambda frame: again(frame, 3)), 4, ["buildings.gpkg", "nr", "3"]),
    "no such class of streets": (
        edit("streets: {path: streets.gpkg}", "streets: {path: streets.gpkg, class_field: kind, classes: [road]}"),
        4,
        ["streets.gpkg", "kind"],
    ),
    "unknown word of tenure": (table("rights.csv", first("tenure_type", "squatt")), 4, ["rights.csv", "squatt"]),
    "dates reversed": (
        table("rights.csv", first("valid_to", "1999-01-01")), 4, ["rights.csv", "row 2", "valid_to lies before"]
    ),
    "no date": (table("rights.csv", first("valid_from", "31/12/2001")), 4, ["rights.csv", "row 2", "no date"]),
    "share above one": (table("rights.csv", first("share", "1.4")), 4, ["rights.csv", "row 2", "outside 0 to 1"]),
    "right of nobody": (table("rights.csv", first("party_id", "ghost")), 4, ["rights.csv", "ghost"]),
    "right to nothing": (table("rights.csv", first("unit_id", "u99")), 4, ["rights.csv", "u99"]),
    "party of no settlement": (table("parties.csv", first("settlement_id", "9")), 4, ["parties.csv", "9"]),
    "answer in no mapping": (table("enumeration.csv", first("water", "tank")), 4, ["enumeration.csv", "tank"]),
    "enumerated twice": (
        table("enumeration.csv", lambda frame: pd.concat([frame, frame])), 4, ["enumeration.csv", "several rows"]
    ),
    "register without a date": (
        edit("  tenure: {reference_date: 2020-12-31}\n", ""), 3, ["inputs.tenure", "reference_date"]
    ),
    "date without a register": (
        lambda folder: (folder / "city.yaml").write_text(
            CONFIG.replace(CONFIG[CONFIG.index("  tenure:\n    parties") : CONFIG.index("settlements:\n  blocks")], "")
        ),
        3,
        ["settlements.tenure", "needs 'inputs.tenure'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_name_of_the_file(good: Path, tmp_path: Path, case: str) -> None:
    damage, code, words = REFUSED[case]
    folder = tmp_path / "city"
    shutil.copytree(good, folder)
    damage(folder)
    found, said = ended(folder, "validate")
    assert found == code, said
    assert [word for word in words if word not in said] == [], said
    assert "Traceback" not in said


def bow_tie(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    crossed = shapely.Polygon([(LEFT + x, BOTTOM + y) for x, y in ((5, 5), (15, 15), (15, 5), (5, 15))])
    return frame.set_geometry(gpd.GeoSeries([crossed, *frame.geometry[1:]], crs=frame.crs))


def two_halves_and_more(frame: pd.DataFrame) -> pd.DataFrame:
    """Give unit u00 two holders of 0.7 each."""
    return pd.concat([first("share", "0.7")(frame), frame.iloc[[0]].assign(party_id="u01", share="0.7")])


#: Damages that one run has together, and the words of each one's finding.
TOLD: dict[str, list[tuple[Damage, list[str]]]] = {
    "places": [
        (layer("settlements.gpkg", lambda frame: again(frame, 0, code=3)), ["1 and 3", "twice at the same place"]),
        (layer("settlements.gpkg", lambda frame: again(moved(frame, 1, -150), 1, code=4)), ["1 and 2", "overlap"]),
        (layer("settlements.gpkg", lambda frame: moved(frame, 3, 5000)), ["4", "outside the study area"]),
        (table("enumeration.csv", first("place", "7")), ["7", "not mapped"]),
    ],
    "edge and buildings": [
        (layer("settlements.gpkg", lambda frame: moved(frame, 1, 150)), ["2", "cross the edge"]),
        (layer("buildings.gpkg", lambda frame: moved(frame, 1, 15)), ["buildings.gpkg", "overlap"]),
        (
            layer("buildings.gpkg", lambda f: f.set_geometry(gpd.GeoSeries(shapely.force_3d(f.geometry), crs=f.crs))),
            ["buildings.gpkg", "Z or M coordinates"],
        ),
    ],
    "streets, shares and a bow tie": [
        (layer("buildings.gpkg", bow_tie), ["buildings.gpkg", "Self-intersection"]),
        (layer("streets.gpkg", lambda frame: moved(frame, 1, 20_000)), ["streets.gpkg", "give no access"]),
        (table("rights.csv", two_halves_and_more), ["rights.csv", "u00", "1.4"]),
    ],
}


@pytest.mark.parametrize("case", TOLD)
def test_told_once_and_nothing_dropped(good: Path, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "city"
    shutil.copytree(good, folder)
    for damage, _ in TOLD[case]:
        damage(folder)
    code, said = ended(folder)
    assert code == 0, said
    findings = json.loads((folder / "out/made/manifest.json").read_text())["findings"]
    texts = [" ".join(map(str, finding.values())) for finding in findings]
    for _, words in TOLD[case]:
        assert len([text for text in texts if all(word in text for word in words)]) == 1, (words, texts)
    assert len(texts) == len(set(texts))
    settlements = gpd.read_file(folder / "out/made/made.gpkg", layer="settlements")
    assert len(settlements) == len(gpd.read_file(folder / "settlements.gpkg"))
    # Only the building that cannot be drawn is left out, and it is named.
    buildings = gpd.read_file(folder / "out/made/made.gpkg", layer="buildings")
    assert len(buildings) == 50 - any("Self-intersection" in text for text in texts)


def test_outside_means_unknown_and_an_edge_is_marked(good: Path, tmp_path: Path) -> None:
    for name, east in (("outside", 5000.0), ("crossing", 150.0)):
        shutil.copytree(good, tmp_path / name)
        layer("settlements.gpkg", lambda frame, east=east: moved(frame, 1, east))(tmp_path / name)  # type: ignore[misc]
        assert ended(tmp_path / name)[0] == 0
    far = gpd.read_file(tmp_path / "outside/out/made/made.gpkg", layer="settlements").set_index("settlement_id")
    assert pd.isna(far.loc["2", "population_gridded"])
    assert far.loc["2", "population"] == 300
    cut = gpd.read_file(tmp_path / "crossing/out/made/made.gpkg", layer="settlements").set_index("settlement_id")
    assert cut.loc["2", "inside_share"] == pytest.approx(0.5)
    assert cut.loc["2", "population_gridded"] == pytest.approx(50)


def test_points_instead_of_footprints_still_tell_street_access(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "city"
    shutil.copytree(good, folder)
    layer("buildings.gpkg", points)(folder)
    edit("  form: {candidates: null}\n", "  form: null\n")(folder)
    code, said = ended(folder)
    assert code == 0, said
    found = gpd.read_file(folder / "out/made/made.gpkg", layer="settlements")
    assert found["k_max"].tolist() == [3, 3]
    assert "building_area_median_m2" not in found or found["building_area_median_m2"].isna().all()
