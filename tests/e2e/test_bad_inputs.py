"""Every bad input ends in one message: exit 3 or 4, nothing written, old outputs as they were."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from typer.testing import CliRunner, Result

from geo_profiling.cli.main import app

CONFIG = """\
version: 1
name: City
inputs:
  population: {path: pop.tif, year: 2020}
  land: {path: land.tif}
  units: {path: units.gpkg, id_field: code}
regions:
  - name: city
output: {directory: out}
"""
PEOPLE = np.tile(np.array([[100, 2500, 400, 0]], np.float32), (12, 3))
BOXES = [shapely.box(x, y, x + 6000, y + 6000) for y in (5_000_000, 4_994_000) for x in (200_000, 206_000)]
ELSEWHERE = Affine(1000, 0, 9e5, 0, -1000, 5_006_000)
Damage = Callable[[Path], Any]


def write(path: Path, values: np.ndarray = PEOPLE, **profile: Any) -> None:
    options = {"crs": "ESRI:54009", "transform": Affine(1000, 0, 2e5, 0, -1000, 5_006_000), "nodata": -200.0} | profile
    shape = {"height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype=values.dtype, **shape, **options) as file:
        file.write(values, 1)


def write_units(path: Path, *, crs: str | None = "ESRI:54009", **columns: Any) -> None:
    path.unlink()
    frame = {"code": ["01", "02", "03", "04"], "geometry": BOXES} | columns
    with pytest.warns(UserWarning, match="'crs' was not provided") if crs is None else nullcontext():
        gpd.GeoDataFrame(frame, crs=crs).to_file(path, layer="units")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A small project, run once."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "city.yaml").write_text(CONFIG)
    write(folder / "pop.tif")
    write(folder / "land.tif", np.full(PEOPLE.shape, 1e6, np.float32))
    (folder / "units.gpkg").touch()
    write_units(folder / "units.gpkg")
    result = run(folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def project(finished, tmp_path) -> Path:
    """A copy of the finished project, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "city"))


def run(folder: Path, *options: str | Path) -> Result:
    return CliRunner().invoke(app, ["run", str(folder / "city.yaml"), *map(str, options)])


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder of results; the caches of runs aside."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".geo_profiling" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_refused(project: Path, exit_code: int, words: list[str]) -> None:
    before = contents(project)
    fresh = project.parent / "fresh"
    for result in (run(project), run(project, "-o", fresh)):
        text = result.stderr
        assert result.exit_code == exit_code, result.output
        assert text.count("error:") == 1, text
        message = text.partition("error: ")[2].splitlines()[0]
        assert text.count(message) == 1, text
        assert "hint: " in text
        for word in words:
            assert word in text, text
        assert "Traceback" not in result.output
        assert "internal fault" not in text
    assert contents(project) == before
    assert not fresh.exists()


def edit(before: str, after: str) -> Damage:
    def damage(folder: Path) -> None:
        text = (folder / "city.yaml").read_text()
        assert before in text
        (folder / "city.yaml").write_text(text.replace(before, after))

    return damage


def truncate(folder: Path) -> None:
    data = (folder / "pop.tif").read_bytes()
    (folder / "pop.tif").write_bytes(data[: len(data) // 2])


def sparse_giant(folder: Path) -> None:
    """Claim two million by two million cells in a file of a few hundred bytes."""
    tags = [(256, 4, 2_000_000), (257, 4, 2_000_000), (258, 3, 32), (259, 3, 1), (262, 3, 1), (277, 3, 1)]
    tags += [(278, 4, 2_000_000), (339, 3, 3), (273, 4, 0), (279, 4, 0)]
    # Little endian: a short fills the first half of its four bytes.
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    (folder / "pop.tif").write_bytes(head + entries + struct.pack("<I", 0))


def vrt(folder: Path) -> None:
    (folder / "pop.tif").rename(folder / "real.tif")
    (folder / "pop.tif").write_text(
        '<VRTDataset rasterXSize="12" rasterYSize="12"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        "<SourceFilename relativeToVRT='1'>real.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )


def with_value(value: float, **profile: Any) -> Damage:
    def damage(folder: Path) -> None:
        people = PEOPLE.copy()
        people[7, 4] = value
        write(folder / "pop.tif", people, **profile)

    return damage


def escape(folder: Path) -> None:
    write(folder.parent / "secret.tif")
    edit("pop.tif", "../secret.tif")(folder)


def link_out(folder: Path) -> None:
    (folder / "pop.tif").rename(folder.parent / "secret.tif")
    (folder / "pop.tif").symlink_to(folder.parent / "secret.tif")


CELL = ["row 7, column 4", "x 204500", "y 4998500"]
BOMB = "anchors:\n  a: &a [x, x]\n  b: &b [*a, *a]\n  c: &c [*b, *b]\n"
CASES: dict[str, tuple[Damage, int, list[str]]] = {
    "truncated raster": (truncate, 4, ["pop.tif"]),
    "degrees that are metres": (lambda d: write(d / "pop.tif", crs="EPSG:4326"), 4, ["pop.tif", "not degrees"]),
    "CRS that distorts areas": (lambda d: write(d / "pop.tif", crs="EPSG:3857"), 4, ["pop.tif", "distorts areas"]),
    "other CRS than the land": (lambda d: write(d / "land.tif", crs="EPSG:8857"), 4, ["land.tif", "pop.tif"]),
    "raster without CRS": (lambda d: write(d / "pop.tif", crs=None), 4, ["pop.tif", "no coordinate reference system"]),
    "raster elsewhere": (lambda d: write(d / "land.tif", transform=ELSEWHERE), 4, ["land.tif", "pop.tif"]),
    "undeclared nodata": (with_value(-9999, nodata=None), 4, ["pop.tif", "-9999", "not declared as nodata", *CELL]),
    "negative people": (with_value(-3), 4, ["pop.tif", "-3", *CELL]),
    "infinite people": (with_value(np.inf), 4, ["pop.tif", "inf", *CELL]),
    "sparse giant": (sparse_giant, 4, ["pop.tif"]),
    "VRT in disguise": (vrt, 4, ["pop.tif", "XML"]),
    "raster that is gone": (lambda d: (d / "pop.tif").unlink(), 4, ["pop.tif"]),
    "layer without CRS": (lambda d: write_units(d / "units.gpkg", crs=None), 4, ["units.gpkg", "coordinate reference"]),
    "duplicate ids": (lambda d: write_units(d / "units.gpkg", code=["01", "02", "02", "04"]), 4, ["units.gpkg", "02"]),
    "null geometry": (lambda d: write_units(d / "units.gpkg", geometry=[*BOXES[:3], None]), 4, ["units.gpkg", "04"]),
    "bow-tie": (
        lambda d: write_units(
            d / "units.gpkg",
            geometry=[*BOXES[:3], shapely.Polygon([(2e5, 5e6), (204e3, 5004e3), (204e3, 5e6), (2e5, 5004e3)])],
        ),
        4,
        ["units.gpkg", "04"],
    ),
    "units elsewhere": (
        lambda d: write_units(d / "units.gpkg", geometry=list(shapely.transform(BOXES, lambda xy: xy + 1e6))),
        4,
        ["units.gpkg", "pop.tif"],
    ),
    "missing id field": (edit("id_field: code", "id_field: kode"), 4, ["units.gpkg", "kode"]),
    "unknown key": (edit("year: 2020", "year: 2020, nodta: 0"), 3, ["city.yaml:4", "nodta", "nodata"]),
    "duplicate key": (edit("name: City\n", "name: City\nname: Town\n"), 3, ["city.yaml:3", "name"]),
    "alias bomb": (edit("version: 1\n", BOMB + "version: 1\n"), 3, ["city.yaml"]),
    "path out of the folder": (escape, 3, ["secret.tif"]),
    "link out of the folder": (link_out, 3, ["secret.tif", "outside the folders"]),
    "URL": (edit("pop.tif", "https://example.org/pop.tif"), 3, ["https://example.org/pop.tif"]),
    "vsi path": (edit("pop.tif", "/vsicurl/https://example.org/pop.tif"), 3, ["/vsicurl/"]),
    "text for a number": (edit("year: 2020", "year: soon"), 3, ["city.yaml:4", "year"]),
    "bounds off the grid": (edit("name: city", "name: city\n    bounds: [0, 0, 9000, 9000]"), 4, ["region city"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_message_and_nothing_is_written(project, name):
    damage, exit_code, words = CASES[name]
    damage(project)
    assert_refused(project, exit_code, words)


def test_validate_lists_every_finding_of_every_input(project):
    with_value(-3)(project)
    write(project / "land.tif", np.full(PEOPLE.shape, 1e6, np.float32), crs=None)
    write_units(project / "units.gpkg", code=["01", "02", "02", "04"])
    result = CliRunner().invoke(app, ["validate", str(project / "city.yaml")])
    assert result.exit_code == 4
    assert result.stdout.count("error  ") == 3
    assert all(name in result.stdout for name in ("pop.tif", "land.tif", "units.gpkg"))
    assert "Traceback" not in result.output


def test_inputs_put_right_give_the_old_outputs_again(project):
    before = contents(project)
    good = (project / "pop.tif").read_bytes()
    with_value(-3)(project)
    assert run(project).exit_code == 4
    (project / "pop.tif").write_bytes(good)
    result = run(project)
    assert result.exit_code == 0, result.output
    after = contents(project)
    assert {name for name in before if before[name] != after[name]} <= {"out/city/manifest.json"}
