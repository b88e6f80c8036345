"""The command ``complexity``: layers, fields, findings, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from click.testing import Result
from shapely import LineString, Point, box
from typer.testing import CliRunner

from geo_profiling.cli.main import app

UTM = "EPSG:32735"
EAST, NORTH = 600_000, 8_000_000


def write(path: Path, shapes: list[shapely.Geometry], crs: str = "EPSG:4326", **fields: list[object]) -> None:
    placed = gpd.GeoSeries(shapes, crs=UTM).translate(EAST, NORTH).to_crs(crs)
    gpd.GeoDataFrame(fields, geometry=placed).to_file(path)


def houses(n: int = 5) -> list[shapely.Geometry]:
    return [box(10 * i + 2, 10 * j + 2, 10 * i + 8, 10 * j + 8) for i in range(n) for j in range(n)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "buildings.gpkg", [*houses(), box(90, 90, 95, 95)])
    write(tmp_path / "blocks.gpkg", [box(0, 0, 50, 50), box(50, 0, 60, 50)], code=["007", "B"])
    write(tmp_path / "streets.gpkg", [LineString([(-100, 0), (100, 0)]), LineString([(0, 500), (9, 500)])])
    return tmp_path


def call(folder: Path, *more: str, output: str = "o.gpkg", blocks: bool = True) -> Result:
    given = [f"--blocks={folder / 'blocks.gpkg'}", "--block-id=code"] if blocks else []
    fixed = ["complexity", f"--buildings={folder / 'buildings.gpkg'}", *given, "-o", str(folder / output)]
    return CliRunner().invoke(app, [*fixed, *more])


def layer(folder: Path, name: str, output: str = "o.gpkg") -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(folder / output, layer=name)


def test_layers_and_fields_without_streets(folder: Path) -> None:
    result = call(folder)
    assert result.exit_code == 0, result.output
    assert "1 of 26 buildings lie in no block" in result.stderr
    blocks = layer(folder, "street_blocks").set_index("block_id")
    assert blocks.index.tolist() == ["007", "B"]
    assert blocks["k"].fillna(-1).tolist() == [3, -1]
    assert blocks["n_buildings"].tolist() == [25, 0]
    assert blocks.loc["007", "layers"] == "16,8,1"
    assert blocks[["is_on_network", "on_net_m", "nearest_ext_street_m"]].isna().all(axis=None)
    assert str(blocks.crs) == UTM
    found = layer(folder, "buildings")
    assert found["layer"].value_counts().to_dict() == {1: 16, 2: 8, 3: 1}
    assert found["building_id"].tolist() == list(range(26))
    assert found.iloc[25][["block_id", "layer"]].isna().all()
    assert "new_paths" not in {name for name, _ in pyogrio.list_layers(folder / "o.gpkg")}


def test_layers_with_streets_and_new_paths(folder: Path) -> None:
    result = call(folder, f"--streets={folder / 'streets.gpkg'}", "--reblock", "--cost-per-m=40")
    assert result.exit_code == 0, result.output
    assert "1 of 2 streets (9 m) do not connect" in result.stderr
    block = layer(folder, "street_blocks").set_index("block_id").loc["007"]
    assert (block["k"], block["layers"], bool(block["is_on_network"])) == (5, "5,5,5,5,5", True)
    buildings = layer(folder, "buildings")
    assert buildings["street_dist_m"].iloc[:5].round(1).tolist() == [5, 15, 25, 35, 45]
    assert buildings["buildings_between"].iloc[:5].tolist() == [0, 1, 2, 3, 4]
    paths = layer(folder, "new_paths")
    assert paths["n_buildings"].sum() == 20
    assert paths["cost"].sum() == pytest.approx(40 * paths.length.sum())
    assert paths["n_households"].isna().all()


def test_blocks_made_from_streets(folder: Path) -> None:
    ring = box(0, 0, 50, 50).exterior.coords
    write(folder / "streets.gpkg", [LineString(ring), LineString([(-300, 50), (300, 50)])])
    result = call(folder, f"--streets={folder / 'streets.gpkg'}", blocks=False)
    assert result.exit_code == 0, result.output
    blocks = layer(folder, "street_blocks")
    assert blocks["k"].max() == 3
    assert len(blocks) == 3
    assert layer(folder, "buildings")["block_id"].notna().all()


def test_points_stay_points(folder: Path) -> None:
    write(folder / "buildings.gpkg", [shape.centroid for shape in houses()])
    assert call(folder).exit_code == 0
    found = layer(folder, "buildings")
    assert found.geom_type.unique().tolist() == ["MultiPoint"]
    assert found["layer"].value_counts().to_dict() == {1: 16, 2: 8, 3: 1}


def test_same_answer_with_z_in_another_crs_and_with_any_workers(folder: Path) -> None:
    assert call(folder, output="a.gpkg").exit_code == 0
    write(folder / "buildings.gpkg", [shapely.force_3d(shape, 7.0) for shape in [*houses(), box(90, 90, 95, 95)]], UTM)
    result = call(folder, "--workers=3", output="b.gpkg")
    assert result.exit_code == 0
    assert "Z or M coordinates; dropped" in result.stderr
    for name in ("street_blocks", "buildings"):
        one, other = (layer(folder, name, file).drop(columns="geometry") for file in ("a.gpkg", "b.gpkg"))
        assert one.equals(other)
    crs = "+proj=tmerc +lat_0=-18 +lon_0=27.9 +datum=WGS84 +units=m"
    assert call(folder, f"--crs={crs}", output="c.gpkg").exit_code == 0
    assert layer(folder, "street_blocks", "c.gpkg")["k"].equals(layer(folder, "street_blocks", "a.gpkg")["k"])


def test_same_inputs_same_bytes(folder: Path) -> None:
    assert call(folder, "--reblock").exit_code == 0
    first = (folder / "o.gpkg").read_bytes()
    assert call(folder, "--reblock", "--workers=2").exit_code == 0
    assert (folder / "o.gpkg").read_bytes() == first


def test_overlapping_footprints_and_blocks_are_told(folder: Path) -> None:
    write(folder / "buildings.gpkg", [*houses(), box(3, 3, 8, 8)])
    write(folder / "blocks.gpkg", [box(0, 0, 50, 50), box(40, 0, 60, 50)], code=["A", "B"])
    result = call(folder)
    assert result.exit_code == 0
    assert "1 pairs of buildings overlap, the largest feature 0 and feature 25" in result.stderr
    assert "1 pairs of blocks overlap, the largest A and B" in result.stderr


def test_layers_of_one_file_are_told_apart_by_what_they_hold(folder: Path) -> None:
    blocks = gpd.read_file(folder / "blocks.gpkg")
    blocks.to_file(folder / "both.gpkg", layer="blocks")
    gpd.read_file(folder / "buildings.gpkg").assign(
        geometry=lambda frame: frame.to_crs(UTM).centroid.to_crs(4326)
    ).to_file(folder / "both.gpkg", layer="points")
    both = str(folder / "both.gpkg")
    options = ["--buildings", both, "--blocks", both, "--block-id", "code", "-o", str(folder / "o.gpkg")]
    result = CliRunner().invoke(app, ["complexity", *options])
    assert result.exit_code == 0, result.output
    assert layer(folder, "street_blocks")["k"].max() == 3


def no_features(folder: Path) -> None:
    gpd.GeoDataFrame({"a": []}, geometry=[], crs=UTM).to_file(folder / "buildings.gpkg")


def block_twice(folder: Path) -> None:
    write(folder / "blocks.gpkg", [box(0, 0, 50, 50), box(50, 0, 60, 50)], code=["A", "A"])


def elsewhere(folder: Path) -> None:
    write(folder / "blocks.gpkg", [box(5000, 0, 5050, 50)], code=["A"])


def lines(folder: Path) -> None:
    write(folder / "buildings.gpkg", [LineString([(0, 0), (1, 1)])])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_features, "buildings.gpkg: has no features"),
        (block_twice, "code A: stands in several features (0, 1, from 0)"),
        (elsewhere, "none of 26 buildings lies in a block"),
        (lines, "has no feature with a usable geometry"),
    ],
)
def test_bad_inputs_end_with_4_and_leave_the_old_output(
    folder: Path, spoil: Callable[[Path], None], words: str
) -> None:
    (folder / "o.gpkg").write_text("old")
    spoil(folder)
    result = call(folder)
    assert result.exit_code == 4, result.output
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert (folder / "o.gpkg").read_text() == "old"


@pytest.mark.parametrize("crs", ["ESRI:54009", "EPSG:3857", "EPSG:4326", "EPSG:6933", "EPSG:99999"])
def test_a_crs_that_cannot_measure_is_refused(folder: Path, crs: str) -> None:
    result = call(folder, f"--crs={crs}")
    assert result.exit_code == 4
    assert "error: buildings.gpkg" in result.stderr
    assert "Traceback" not in result.output


def test_a_building_without_geometry_is_left_out_by_name(folder: Path) -> None:
    write(folder / "buildings.gpkg", [*houses(), shapely.Polygon()])
    result = call(folder)
    assert result.exit_code == 0
    assert "feature 25 (from 0): has an empty geometry; left out" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--cost-per-m=4"],
        ["--reblock", "--cost-per-m=-4"],
        ["-o", "o.shp"],
    ],
)
def test_options_that_cannot_be_meant_end_with_2(folder: Path, options: list[str]) -> None:
    assert call(folder, *options).exit_code == 2


def test_blocks_or_streets_are_needed(folder: Path) -> None:
    assert call(folder, blocks=False).exit_code == 2
    assert call(folder, f"--blocks={folder / 'blocks.gpkg'}", blocks=False).exit_code == 2
    assert call(folder, output="buildings.gpkg").exit_code == 2


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app, ["complexity", "--help"])
    assert result.exit_code == 0
    assert "Example:\n    geo-profiling complexity" in result.output


def test_many_buildings_as_points_in_degrees(shared_data: Path, tmp_path: Path) -> None:
    file = str(shared_data / "djibouti/alisabieh_blocks.gpkg")
    options = ["--buildings", file, "--blocks", file, "--block-id", "block_id", "-o", str(tmp_path / "o.gpkg")]
    assert CliRunner().invoke(app, ["complexity", *options]).exit_code == 0
    assert layer(tmp_path, "buildings").geometry.iloc[0].geoms[0].distance(Point(0, 0)) > 1e5
