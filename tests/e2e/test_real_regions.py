"""Belgium from its configuration: golden grids and units; and parts of it, cut with a halo."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
from shapely import box
from typer.testing import CliRunner

from geo_profiling.cli.main import app
from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from pipelines.delineate import run_degurba

# Brussels, Leuven and Mechelen, far from the border of the grid.
BOUNDS = (300_000.0, 5_915_000.0, 345_000.0, 5_955_000.0)


def read(path: Path) -> tuple[np.ndarray, rasterio.Affine]:
    with rasterio.open(path) as file:
        return file.read(1), file.transform


def part_of(whole: Path, part: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a cut raster, and of the whole one in the same cells."""
    values, transform = read(part)
    everything, whole_transform = read(whole)
    col, row = (round(number) for number in ~whole_transform * (transform.c, transform.f))
    return values, everything[row : row + values.shape[0], col : col + values.shape[1]]


@pytest.fixture(scope="module")
def belgium(repository, shared_data, tmp_path_factory) -> Path:
    """Run configs/belgium.yaml from its own place, with the data where they are."""
    out = tmp_path_factory.mktemp("belgium")
    arguments = ["run", str(repository / "configs/belgium.yaml"), "-o", str(out)]
    result = CliRunner(env={"GEO_PROFILING_DATA": str(shared_data)}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return out / "belgium"


def test_grid_equals_golden_in_every_cell(belgium, shared_golden):
    level2, golden = (
        read(belgium / "rasters/degurba_l2.tif")[0],
        read(shared_golden / "degurba/L2_default_2024rules.tif")[0],
    )
    np.testing.assert_array_equal(level2, golden)
    nested = np.where(golden == 10, 0, golden // 10)
    np.testing.assert_array_equal(read(belgium / "rasters/degurba_l1.tif")[0], nested)


def test_units_equal_golden_in_all_581(belgium, shared_golden):
    golden = pd.read_csv(shared_golden / "degurba/units_L2_exactextract_1km_documented_rule.csv").set_index("UID")
    units = gpd.read_file(belgium / "belgium.gpkg", layer="units").set_index("unit_id")
    assert len(units) == 581
    units.index = units.index.astype(int)
    golden = golden.loc[units.index]
    assert (units["degurba_l2"] == golden["flexurba_L2_documented_rule"]).all()
    assert (units["degurba_l1"] == 4 - golden["flexurba_L1"]).all()
    assert units.loc[73028, "degurba_basis"] == "land_area"


def test_centres_are_named_and_hold_the_people_of_their_cells(belgium, shared_data):
    centres = gpd.read_file(belgium / "belgium.gpkg", layer="urban_centres")
    codes, _ = read(belgium / "rasters/degurba_l2.tif")
    with rasterio.open(shared_data / "belgium/POP.tif") as file:
        people = file.read(1, masked=True).filled(0).astype(float)
    assert centres["population"].sum() == pytest.approx(np.nansum(people[codes == 30]), rel=1e-9)
    assert centres["area_km2"].sum() == (codes == 30).sum()
    # Lille is the largest centre of the grid; its people live beyond the units' border.
    assert centres.loc[centres["name"].notna(), "name"].iloc[0] in {"Brussel", "Bruxelles", "Antwerpen"}
    assert centres["name"].isna().any()
    assert centres["touches_edge"].any()


#: Units of each functional urban area of 2011 with the official cities, by name; held as the first run gave them.
FUA_UNITS = {
    "Bruxelles": 137, "Antwerpen": 33, "Gent": 27, "Charleroi": 24, "Liège": 53, "Brugge": 9, "Namur": 14, "Mons": 12,
    "Kortrijk": 7, "Oostende": 5, "Mechelen": 3, "Mouscron": 2, "La Louvière": 5, "Verviers": 6,
}  # fmt: skip


def assert_parts_add_up(package: Path) -> None:
    scales = pyogrio.read_dataframe(package, layer="metropolitan_scales").dropna(subset=["population_in_parts"])
    assert len(scales) > 0
    parts = scales["population_in_parts"] + scales["population_outside_parts"]
    assert parts.to_numpy() == pytest.approx(scales["population"].to_numpy(), rel=1e-9)


def test_fourteen_functional_urban_areas_from_flows(belgium):
    areas = gpd.read_file(belgium / "belgium.gpkg", layer="functional_urban_areas")
    assert dict(zip(areas["name"], areas["n_units"], strict=True)) == FUA_UNITS
    units = pyogrio.read_dataframe(belgium / "belgium.gpkg", layer="fua_units")
    assert len(units) == 589
    assert units["fua_id"].notna().sum() == sum(FUA_UNITS.values())
    assert_parts_add_up(belgium / "belgium.gpkg")


def test_sao_paulo_runs_by_the_model(repository, shared_data, tmp_path):
    arguments = ["run", str(repository / "configs/saopaulo.yaml"), "-o", str(tmp_path)]
    result = CliRunner(env={"GEO_PROFILING_DATA": str(shared_data)}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    package = tmp_path / "sao_paulo/sao_paulo.gpkg"
    areas = gpd.read_file(package, layer="functional_urban_areas")
    assert set(areas["method"]) == {"model"}
    assert areas["population"].max() > 15e6
    assert len(pyogrio.read_dataframe(package, layer="units")) == 39
    assert_parts_add_up(package)


def config_of(tmp_path: Path, shared_data: Path, regions: str) -> Path:
    path, folder = tmp_path / "part.yaml", shared_data / "belgium"
    path.write_text(
        f"""\
version: 1
name: Part
allowed_roots: ['{folder}']
inputs:
  population: {{path: '{folder}/POP.tif', year: 2020}}
  land: {{path: '{folder}/LAND.tif'}}
  built_up: {{path: '{folder}/BUILT_S.tif'}}
regions:
{regions}
output: {{directory: out}}
"""
    )
    return path


def degurba(config: Path, out: Path) -> None:
    for region in load_project(config).regions:
        (out / region.name / "rasters").mkdir(parents=True)
        (out / region.name / "tables").mkdir()
        run_degurba(region, out / region.name, None, Compute(threads=2))


def test_cut_with_a_halo_has_the_classes_of_the_whole(belgium, shared_data, tmp_path):
    gpd.GeoDataFrame({"code": [7, 8]}, geometry=[box(*BOUNDS), box(0, 0, 1, 1)], crs="ESRI:54009").to_crs(
        "EPSG:3035"
    ).to_file(tmp_path / "outline.gpkg")
    config = config_of(
        tmp_path,
        shared_data,
        f"  - {{name: boxed, bounds: {list(BOUNDS)}, halo_km: 60}}\n"
        "  - {name: outlined, outline: {path: outline.gpkg, field: code, value: 7}, halo_km: 60}\n"
        f"  - {{name: bare, bounds: {list(BOUNDS)}, halo_km: 0}}",
    )
    degurba(config, tmp_path / "out")
    for name in ("boxed", "outlined"):
        for level in (1, 2):
            file = f"rasters/degurba_l{level}.tif"
            found, expected = part_of(belgium / file, tmp_path / "out" / name / file)
            assert found.shape >= (40, 45)
            np.testing.assert_array_equal(found, expected)
    # Without a halo clusters end at the cut, and are flagged there.
    found, expected = part_of(belgium / "rasters/degurba_l2.tif", tmp_path / "out/bare/rasters/degurba_l2.tif")
    assert found.shape == (40, 45)
    assert (found != expected).any()
    clusters = gpd.read_parquet(tmp_path / "out/bare/tables/urban_clusters.parquet")
    assert clusters["touches_edge"].any()


def test_clusters_of_a_cut_are_those_of_the_whole_that_reach_into_it(belgium, shared_data, tmp_path):
    degurba(config_of(tmp_path, shared_data, f"  - {{name: boxed, bounds: {list(BOUNDS)}}}"), tmp_path)
    whole = gpd.read_parquet(belgium / "tables/urban_centres.parquet")
    found = gpd.read_parquet(tmp_path / "boxed/tables/urban_centres.parquet")
    reach_in = whole[whole.intersects(box(*BOUNDS)) & ~whole.touches(box(*BOUNDS))].reset_index(drop=True)
    away = ~found["touches_edge"]
    assert away.sum() >= 2
    merged = found[away].merge(reach_in, on="centre_id", suffixes=("", "_whole"))
    assert len(merged) == away.sum()
    assert (merged["population"] == merged["population_whole"]).all()


def test_ghana_runs_and_conserves_its_people(repository, shared_data, tmp_path):
    arguments = ["run", str(repository / "configs/ghana.yaml"), "-o", str(tmp_path)]
    result = CliRunner(env={"GEO_PROFILING_DATA": str(shared_data)}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    with rasterio.open(shared_data / "ghana/population_2020_1km.tif") as file:
        total = np.nansum(file.read(1, masked=True).filled(0).astype(float))
    info = pyogrio.read_dataframe(tmp_path / "ghana/ghana.gpkg", layer="run_info").set_index("key")["value"]
    assert float(info["population"]) == pytest.approx(total, rel=1e-9)
    classes = pd.read_parquet(tmp_path / "ghana/tables/degurba_classes.parquet")
    assert classes["population"].sum() == pytest.approx(total, rel=1e-9)
    centres = gpd.read_file(tmp_path / "ghana/ghana.gpkg", layer="urban_centres")
    assert centres["population"].max() > 2e6  # Accra
    codes, _ = read(tmp_path / "ghana/rasters/degurba_l2.tif")
    assert centres["area_km2"].sum() == (codes == 30).sum()
