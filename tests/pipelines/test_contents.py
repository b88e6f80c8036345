"""A region depends on the cells and features that it reads, and on nothing else of the files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from geo_profiling.config.load import load_project
from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.step import FileContent, PartContent
from pipelines.contents import region_content
from pipelines.declared import declared_inputs
from pipelines.parts import compare_cells

PEOPLE = np.arange(40 * 60, dtype=np.float32).reshape(40, 60)
CONFIG = """
version: 1
name: Test
inputs:
  population: {path: pop.tif, year: 2020}
  land: {path: land.tif}
  units: {path: units.gpkg, id_field: code, name_field: name}
  epochs:
    - population: {path: pop_2010.tif, year: 2010}
output: {directory: out}
regions:
  - {name: whole}
  - {name: west, bounds: [1000.0, 1000.0, 9000.0, 9000.0], halo_km: 2.0}
  - {name: east, bounds: [40000.0, 1000.0, 59000.0, 9000.0], halo_km: 2.0}
  - {name: outlined, outline: {path: outline.gpkg}, halo_km: 0.0}
"""


def raster(path: Path, values: np.ndarray[Any, Any], **profile: Any) -> None:
    transform = Affine(1000, 0, 0, 0, -1000, 40000)
    with rasterio.open(
        path, "w", driver="GTiff", height=40, width=60, count=1, dtype=values.dtype, crs="ESRI:54009",
        transform=transform, nodata=-200.0, **profile,
    ) as file:  # fmt: skip
        file.write(values, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pop", "pop_2010", "land"):
        raster(tmp_path / f"{name}.tif", PEOPLE)
    boxes = [shapely.box(x, 0, x + 10_000, 40_000) for x in range(0, 60_000, 10_000)]
    codes = [f"{number:03d}" for number in range(6)]
    units = gpd.GeoDataFrame({"code": codes, "name": codes, "mayor": codes}, geometry=boxes, crs="ESRI:54009")
    units.to_file(tmp_path / "units.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.box(1000, 0, 8000, 9000)], crs="ESRI:54009").to_file(tmp_path / "outline.gpkg")
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path


def digests(folder: Path, key: str = "population") -> dict[str, str]:
    return {region.name: content(region, key).digest(DigestCache()) for region in regions(folder)}


def regions(folder: Path) -> tuple[RegionSettings, ...]:
    return load_project(folder / "c.yaml", environment={}).regions


def content(region: RegionSettings, key: str) -> Any:
    return region_content(region, key, declared_inputs(region)[key])


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_changed_cell_concerns_the_regions_that_read_it(folder: Path) -> None:
    before, other = digests(folder), digests(folder, "land")
    values = PEOPLE.copy()
    values[35, 3] += 1
    raster(folder / "pop.tif", values)
    assert changed(before, digests(folder)) == {"whole", "west", "outlined"}
    assert changed(other, digests(folder, "land")) == set()


def test_halo_is_read_and_what_lies_beyond_is_not(folder: Path) -> None:
    before = digests(folder)
    values = PEOPLE.copy()
    values[35, 10] += 1  # 2 km off the box of "west", 8 km wide from column 1
    raster(folder / "pop.tif", values)
    assert changed(before, digests(folder)) == {"whole", "west"}
    values[35, 11] += 1
    raster(folder / "pop.tif", values)
    again = digests(folder)
    values[35, 12] += 1
    raster(folder / "pop.tif", values)
    assert changed(again, digests(folder)) == {"whole"}


def test_the_same_cells_stored_otherwise_are_the_same(folder: Path) -> None:
    before = digests(folder)
    raster(folder / "pop.tif", PEOPLE, compress="deflate", tiled=True, blockxsize=16, blockysize=16)
    assert changed(before, digests(folder)) == set()
    raster(folder / "pop.tif", PEOPLE.astype(np.float64))
    assert changed(before, digests(folder)) == set(before)


def test_nodata_is_not_a_value(folder: Path) -> None:
    before = digests(folder)
    values = PEOPLE.copy()
    values[35, 3] = -200.0
    raster(folder / "pop.tif", values)
    assert changed(before, digests(folder)) == {"whole", "west", "outlined"}


def test_moved_grid_concerns_every_region(folder: Path) -> None:
    before = digests(folder)
    with rasterio.open(folder / "pop.tif", "r+") as file:
        file.transform = Affine(1000, 0, 1000, 0, -1000, 40000)
    assert changed(before, digests(folder)) == set(before)


def test_other_years_are_read_by_their_own_grid(folder: Path) -> None:
    before = digests(folder, "epochs.0.population")
    values = PEOPLE.copy()
    values[35, 50] += 1
    raster(folder / "pop_2010.tif", values)
    assert changed(before, digests(folder, "epochs.0.population")) == {"whole", "east"}


def test_plan_says_how_many_cells_changed_and_where(folder: Path) -> None:
    west = regions(folder)[1]
    part = content(west, "population")
    assert isinstance(part, PartContent)
    before = part.read()
    values = PEOPLE.copy()
    values[35, 3] += 1
    raster(folder / "pop.tif", values)
    # 8 + 2 x 2 km wide, of which 1 km lies west of the grid; as high, 1 km below it.
    assert part.compare(before, part.read()) == (
        "up to 121 of 121 cells, in 1 of 1 blocks: rows 0-10, columns 0-10 (x 0 to 11000, y 0 to 11000)"
    )


def test_refused_raster_is_told_by_the_check_not_by_the_plan(folder: Path) -> None:
    before = digests(folder)
    (folder / "pop.tif").write_bytes(b"II*\0 nonsense")
    after = digests(folder)
    assert changed(before, after) == set(before)
    part = content(regions(folder)[1], "population")
    assert part.compare({"grid": {}}, part.read()) == "the file is refused"


def test_region_off_the_grid_still_has_a_digest(folder: Path) -> None:
    (folder / "c.yaml").write_text(CONFIG.replace("[40000.0, 1000.0, 59000.0", "[400000.0, 1000.0, 590000.0"))
    assert len(digests(folder)["east"]) == 64


def test_units_of_an_outline_are_those_that_reach_into_its_box(folder: Path) -> None:
    key = "units"
    before = digests(folder, key)
    units = gpd.read_file(folder / "units.gpkg")
    units.loc[5, "name"] = "East End"
    units.to_file(folder / "units.gpkg")
    assert changed(before, digests(folder, key)) == {"whole", "west", "east"}
    part = content(regions(folder)[3], key)
    assert isinstance(part, PartContent)
    was = part.read()
    units.loc[0, "name"] = "West End"
    units.to_file(folder / "units.gpkg")
    assert part.compare(was, part.read()) == "1 changed (000); now 1 features"


def test_order_and_other_fields_of_units_do_not_count(folder: Path) -> None:
    before = digests(folder, "units")
    units = gpd.read_file(folder / "units.gpkg").iloc[::-1]
    units["mayor"] = "somebody"
    units.to_file(folder / "units.gpkg")
    assert "outlined" not in changed(before, digests(folder, "units"))


def test_what_is_not_known_to_be_read_by_its_window_is_read_whole(folder: Path) -> None:
    region = regions(folder)[1]
    assert isinstance(content(region, "units"), FileContent)


def test_touched_files_are_read_again_and_untouched_ones_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geo_profiling.runs.digests.RACY_NS", -(10**12))
    cache = DigestCache(folder / "digests.json")
    west = regions(folder)[1]
    digest = content(west, "population").digest(cache)
    cache.save()
    reads = []
    monkeypatch.setattr("pipelines.parts.cell_parts", lambda *_: reads.append(1) or {"read": "again"})
    assert content(west, "population").digest(DigestCache(folder / "digests.json")) == digest
    assert reads == []
    os.utime(folder / "pop.tif", (0, 0))
    assert content(west, "population").digest(DigestCache(folder / "digests.json")) != digest
    assert reads == [1]


def test_blocks_grow_with_the_window() -> None:
    grid = {"crs": "", "transform": [1, 0, 0, 0, -1, 0], "shape": [32, 32]}
    state = {"grid": grid, "dtype": "float32", "block": 16, "blocks": [["a", "b"], ["c", "d"]]}
    other = {**state, "blocks": [["x", "b"], ["c", "x"]]}
    assert compare_cells(state, other).startswith("up to 512 of 1024 cells, in 2 of 4 blocks: rows 0-31, columns 0-31")
    assert compare_cells(state, {**state, "dtype": "float64"}) == "its values are float64, were float32"
