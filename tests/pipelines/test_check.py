"""Every input is checked before anything is computed, and everything found is told at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.runs.runner import RegionRun, run_regions
from pipelines.check import check_project
from pipelines.declared import FINDINGS_FILE
from pipelines.inputs import open_input, read_outline, read_units
from pipelines.steps.region import inputs_step

WriteRaster = Callable[..., Path]
LAND = np.full((8, 8), 1e6, dtype=np.float32)


def check(config: Path, *, regions: list[str] | None = None) -> list[Finding]:
    return check_project(load_project(config), regions=regions, compute=Compute(1))


def told(findings: list[Finding], severity: str) -> str:
    return "\n".join(str(finding) for finding in findings if finding.severity == severity)


def edit(config: Path, before: str, after: str) -> None:
    text = config.read_text()
    assert before in text
    config.write_text(text.replace(before, after))


def test_good_inputs_have_no_findings(city: Path) -> None:
    assert check(city) == []


def test_all_broken_inputs_are_told_at_once(city: Path, tmp_path: Path, units: gpd.GeoDataFrame) -> None:
    (tmp_path / "pop.tif").unlink()
    (tmp_path / "land.tif").write_text("<VRTDataset/>")
    (tmp_path / "built.tif").write_bytes((tmp_path / "built.tif").read_bytes()[:300])
    units.loc[1, "geometry"] = shapely.Polygon([(0, 0), (4000, 4000), (4000, 0), (0, 4000)])
    units.assign(code=["001", "002", "002", "100"]).to_file(tmp_path / "units.gpkg")
    errors = told(check(city), "error")
    for words in ("population (pop.tif)", "land (land.tif): is XML", "built_up (built.tif)", "units (units.gpkg)"):
        assert words in errors
    assert "no such file" in errors
    assert "code 002" in errors


@pytest.mark.parametrize(
    ("name", "values", "options", "words"),
    [
        ("pop.tif", np.full((8, 8), -9999, np.float32), {}, "-9999 stands in 64 cells"),
        ("pop.tif", np.where(np.eye(8) > 0, np.inf, 1).astype(np.float32), {}, "row 0, column 0"),
        ("pop.tif", np.full((8, 8), -200, np.float32), {}, "holds no data"),
        ("pop.tif", LAND, {"crs": None}, "no coordinate reference system"),
        ("land.tif", LAND * 2, {}, "too great for a area"),
        ("land.tif", LAND, {"left": 500.0}, "grids are not aligned"),
        ("land.tif", LAND[:7], {}, "grids are not aligned"),
        ("land.tif", LAND, {"crs": "ESRI:54034"}, "grids are not aligned"),
        ("built.tif", np.full((8, 8), 30, np.float32), {}, "too great for a share"),
    ],
)
def test_rasters_that_cannot_be_right(
    city: Path, write_raster: WriteRaster, name: str, values: np.ndarray, options: dict[str, object], words: str
) -> None:
    write_raster(name, values, **options)
    assert words in told(check(city), "error")


def test_population_that_is_not_equal_area_needs_a_rule(city: Path, write_raster: WriteRaster) -> None:
    for name, value in [("pop.tif", 10.0), ("land.tif", 1e4), ("built.tif", 0.3)]:
        values = np.full((8, 8), value, dtype=np.float32)
        write_raster(name, values, crs="EPSG:4326", left=0.0, top=0.064, cell=0.008)
    assert "cannot be measured in EPSG:4326" in told(check(city), "error")
    edit(city, "regions:", "regrid: {cell_size_m: 1000}\nregions:")
    assert "measured" not in told(check(city), "error")


def test_regridding_takes_any_grid_that_overlaps(city: Path, write_raster: WriteRaster) -> None:
    edit(city, "regions:", "regrid: {cell_size_m: 1000}\nregions:")
    write_raster("land.tif", LAND, left=500.0)
    assert check(city) == []
    write_raster("built.tif", LAND * 0, left=500.0)
    assert "shares of cells cannot be regridded" in told(check(city), "error")
    edit(city, "cell_size_m: 1000", "crs: EPSG:3857, cell_size_m: 1000")
    write_raster("pop.tif", LAND, top=8_000_000.0)
    assert "EPSG:3857 distorts areas by" in told(check(city), "error")


def test_regridding_does_not_move_rasters_together(city: Path, write_raster: WriteRaster) -> None:
    edit(city, "regions:", "regrid: {cell_size_m: 1000}\nregions:")
    write_raster("land.tif", LAND, left=50_000.0)
    assert "land (land.tif): does not overlap population (pop.tif)" in told(check(city), "error")


def test_units_elsewhere_are_an_error_and_some_outside_a_warning(
    city: Path, tmp_path: Path, units: gpd.GeoDataFrame
) -> None:
    units.loc[2, "geometry"] = shapely.box(90_000, 0, 91_000, 1000)
    units.to_file(tmp_path / "units.gpkg")
    findings = check(city)
    assert told(findings, "error") == ""
    assert "1 of 4 units lie outside population (pop.tif): 010" in told(findings, "warning")
    units.set_geometry(units.translate(500_000)).to_file(tmp_path / "units.gpkg")
    assert "units (units.gpkg): does not overlap population" in told(check(city), "error")


def test_expected_digest(city: Path, tmp_path: Path) -> None:
    right = hashlib.sha256((tmp_path / "pop.tif").read_bytes()).hexdigest()
    edit(city, "year: 2020", f"year: 2020, sha256: {right}")
    assert check(city) == []
    edit(city, right, "a" * 64)
    assert f"its SHA-256 digest is {right}" in told(check(city), "error")


def test_outline_by_value(city: Path, tmp_path: Path) -> None:
    edit(city, "- name: city", "- name: city\n    outline: {path: units.gpkg, field: code, value: '010'}")
    assert check(city) == []
    outline = read_outline(load_project(city).regions[0])
    assert outline is not None
    assert outline.total_bounds.tolist() == [0, 0, 4000, 4000]
    edit(city, "'010'", "'999'")
    assert "no feature has code 999 (there are 001, 002, 010, 100, ...)" in told(check(city), "error")


def test_bounds_elsewhere(city: Path) -> None:
    edit(city, "- name: city", "- name: city\n    bounds: [100000, 0, 110000, 10000]")
    assert "bounds of region city: does not overlap" in told(check(city), "error")


def test_shared_inputs_are_told_once(city: Path, tmp_path: Path) -> None:
    edit(city, "- name: city", "- name: city\n  - name: other")
    (tmp_path / "land.tif").unlink()
    assert len([finding for finding in check(city) if "land" in finding.input]) == 1
    assert check(city, regions=["other"]) == check(city)
    with pytest.raises(UsageError, match="there is no region 'othr'") as caught:
        check(city, regions=["othr"])
    assert caught.value.hint == "did you mean 'other'?"


def test_inputs_open_as_declared(city: Path) -> None:
    region = load_project(city).regions[0]
    built_up = open_input(region, "built_up")
    assert built_up is not None
    assert (built_up.quantity, built_up.name) == ("share", "built_up (built.tif)")
    read = read_units(region)
    assert read is not None
    assert read[0]["code"].tolist() == ["001", "002", "010", "100"]


def run_check(config: Path) -> Exception | None:
    region = load_project(config).regions[0]
    out = config.parent / "out"
    job = RegionRun("city", out / "city", lambda: [inputs_step(region, out / "city")])
    return run_regions([job], compute=Compute(1), directory=out)[0].error


def test_check_step_keeps_what_it_found(city: Path, tmp_path: Path, units: gpd.GeoDataFrame) -> None:
    units.loc[2, "geometry"] = shapely.box(90_000, 0, 91_000, 1000)
    units.to_file(tmp_path / "units.gpkg")
    directory = tmp_path / "out/city"
    (directory / FINDINGS_FILE).parent.mkdir(parents=True)
    inputs_step(load_project(city).regions[0], directory).run(Compute(1))
    (finding,) = json.loads((directory / FINDINGS_FILE).read_text())
    assert (finding["severity"], finding["input"]) == ("warning", "units (units.gpkg)")


def test_failing_check_writes_nothing(city: Path, tmp_path: Path) -> None:
    (tmp_path / "land.tif").write_text("<VRTDataset/>")
    error = run_check(city)
    assert isinstance(error, InputError)
    assert "land (land.tif)" in str(error)
    assert not (tmp_path / "out").exists()
