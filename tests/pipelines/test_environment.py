"""The environmental profile of a region from its configuration: a small city by hand, moved, turned, and odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from shapely import affinity

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.errors import ConfigError, InputError
from geo_profiling.outputs.layers import LAYERS, conform
from pipelines.check_environment import environment_findings
from pipelines.environment import run_environment
from pipelines.exposure import run_exposure
from pipelines.steps.environment import environment_tables

ONE = Compute(threads=1)
LEFT, TOP, CRS = 500_000.0, 7_400_000.0, 32723
Turn = Callable[[shapely.Geometry], shapely.Geometry]

CONFIG = """
version: 1
name: city
inputs:
  population: {path: people.tif, year: 2020}
  built_up: {path: built_2020.tif}
  units: {path: units.gpkg, id_field: unit_id}
  settlements: {path: slums.gpkg, id_field: sid}
  services:
    clinics: {path: clinics.gpkg}
  open_spaces: {path: parks.gpkg, access_field: access}
  water_bodies: {path: water.gpkg}
  ecosystems: {path: wet.gpkg, kind_field: kind%s}
  vegetation: {path: trees.tif, unit: percent}
  hazards:
    flood:
      exposed_from: 0.15
      events:
        - {path: rp10.tif, return_period: 10.0}
        - {path: rp100.tif, return_period: 100.0}
  epochs:
    - population: {path: people.tif, year: 2010}
      built_up: {path: built_2010.tif}
environment: {beside_m: 50.0, walk_m: 100.0%s}
regions: [{name: city}]
output: {directory: out}
"""


def box(left: float, bottom: float, right: float, top: float) -> shapely.Polygon:
    return shapely.box(LEFT + left, TOP - 400 + bottom, LEFT + right, TOP - 400 + top)


def written(path: Path, values: np.ndarray, *, east: float = 0.0, turns: int = 0) -> None:
    values = np.rot90(values, turns)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float32",
        crs=f"EPSG:{CRS}", transform=Affine(100, 0, LEFT + east, 0, -100, TOP), nodata=-9999.0,
    ) as target:  # fmt: skip
        target.write(values.astype("float32"), 1)


def layer(path: Path, shapes: list[shapely.Geometry], crs: int = CRS, **columns: list[object]) -> None:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_crs(crs).to_file(path)


def draw(folder: Path, *, east: float = 0.0, turns: int = 0) -> Path:
    """Write 4 x 4 cells of 100 people; a settlement in the left column; a park over two polygons in its lower half."""

    def place(*sides: float) -> shapely.Geometry:
        turned = affinity.rotate(box(*sides), 90 * turns, origin=(LEFT + 200, TOP - 200))
        return affinity.translate(turned, east)

    grids = {"people": np.full((4, 4), 100.0), "trees": np.full((4, 4), 40.0)}
    grids["trees"][:2, 0] = -9999.0
    grids["built_2010"], grids["built_2020"] = np.full((4, 4), 1000.0), np.full((4, 4), 1100.0)
    grids["built_2020"][:, 0] = 1500.0
    grids["rp100"] = np.zeros((4, 4))
    grids["rp100"][:, 0] = 0.7
    grids["rp10"] = np.zeros((4, 4))
    for name, values in grids.items():
        written(folder / f"{name}.tif", values, east=east, turns=turns)
    layer(folder / "units.gpkg", [place(0, 0, 400, 400)], unit_id=["d1"])
    layer(folder / "slums.gpkg", [place(0, 0, 100, 400)], sid=["s1"])
    parks = [place(0, 0, 100, 100), place(0, 50, 100, 150), place(300, 300, 400, 400)]
    layer(folder / "parks.gpkg", parks, access=["yes", "yes", "private"])
    layer(folder / "water.gpkg", [place(350, 0, 400, 400)])
    wet = [place(100, 0, 200, 100), place(160, 0, 260, 100)]
    layer(folder / "wet.gpkg", wet, kind=["wetland", "mangrove"])
    inner = [place(50, 300, 51, 301), place(250, 300, 251, 301)]
    layer(folder / "clinics.gpkg", [shape.centroid for shape in inner])
    return folder


def computed(folder: Path, inputs: str = "", rules: str = "") -> dict[str, pd.DataFrame]:
    (folder / "config.yaml").write_text(CONFIG % (inputs, rules))
    region = load_project(folder / "config.yaml").regions[0]
    (folder / "out/tables").mkdir(parents=True, exist_ok=True)
    run_exposure(region, folder / "out", ONE)
    run_environment(region, folder / "out", ONE)
    assert all((folder / f"out/tables/{name}.parquet").is_file() for name in environment_tables(region))
    return {path.stem: pd.read_parquet(path) for path in sorted((folder / "out/tables").iterdir())}


def by_kind(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return tables["environment"].set_index("area_type").drop(columns="area_id")


def test_a_small_city_by_hand(tmp_path: Path) -> None:
    tables = computed(draw(tmp_path))
    own = by_kind(tables).loc["settlement"]
    # parks overlap: 150 of 400 m
    assert own["green_share"] == pytest.approx(0.375)
    assert own["green_m2_per_person"] == pytest.approx(15_000 / 400)
    assert own["green_access_share"] == pytest.approx(250 / 400, abs=1e-3)
    assert own["green_access_by"] == "euclid"
    assert (own["vegetation_share"], own["vegetation_coverage_share"]) == pytest.approx((0.4, 0.5))
    assert own["blue_share"] == 0.0
    assert own["ecosystem_share"] == 0.0
    # the wetland begins at its border: 50 m of 100 m of one cell, and a rounded corner of the next
    corner = np.pi * 50**2 / 4 / 100
    assert own["ecosystem_people_beside"] == pytest.approx(50 + corner, abs=0.2)
    assert (own["ecosystem_kinds"], own["ecosystem_people_on"]) == ("wetland", 0.0)
    unit = by_kind(tables).loc["unit"]
    assert unit["blue_share"] == pytest.approx(0.125)
    # private parks are green ground, and no place to walk to
    assert unit["green_share"] == pytest.approx(25_000 / 160_000)
    # two ecosystems overlap: each person once
    assert unit["ecosystem_people_on"] == pytest.approx(160.0)
    assert unit["ecosystem_kinds"] == "mangrove, wetland"
    assert (unit["population"], unit["population_source"]) == (1600.0, "population")


def test_open_space_is_unknown_where_it_was_not_mapped(tmp_path: Path) -> None:
    draw(tmp_path)
    slums = [box(0, 0, 100, 400), box(300, 0, 400, 400)]
    layer(tmp_path / "slums.gpkg", slums, sid=["s1", "s2"])
    layer(tmp_path / "mapped.gpkg", [box(0, 0, 200, 400), box(200, 0, 400, 400)], code=["a", "b"])
    mapped = "}\n  open_spaces_mapped_in: {path: mapped.gpkg, field: code, value: a"
    found = computed(tmp_path, inputs=mapped)["environment"].set_index(["area_type", "area_id"])
    assert found.loc[("unit", "d1"), "green_coverage_share"] == pytest.approx(0.5)
    assert found.loc[("unit", "d1"), "green_share"] == pytest.approx(15_000 / 80_000)
    assert found.loc[("settlement", "s1"), "green_share"] == pytest.approx(0.375)
    assert found.loc[("settlement", "s2"), ["green_share", "green_access_share"]].isna().all()
    assert found.loc[("settlement", "s2"), "green_coverage_share"] == 0.0


def test_ecosystems_count_those_beside_two_twice(tmp_path: Path) -> None:
    found = computed(draw(tmp_path))["ecosystems"].set_index("kind")
    assert found["ecosystem_id"].to_dict() == {"mangrove": 1, "wetland": 2}
    assert found["people_on"].tolist() == pytest.approx([100.0, 100.0])
    # on the south edge of the grid half of what surrounds them is beyond it
    beside = 50 * 100 * 3 / 100 + np.pi * 50**2 / 2 / 100
    assert found["people_beside"].tolist() == pytest.approx([beside, beside], abs=0.5)
    around = 200 * 200 - (4 - np.pi) * 50**2
    assert found["coverage_share"].tolist() == pytest.approx([(beside + 100) * 100 / around] * 2, abs=2e-3)


def test_growth_is_read_as_exposure_reads_it(tmp_path: Path) -> None:
    growth = computed(draw(tmp_path))["hazard_growth"].set_index("area_type").loc["unit"]
    assert (growth["return_period"], growth["threshold"], growth["from_year"], growth["to_year"]) == (
        100.0, ">=0.15", 2010, 2020,
    )  # fmt: skip
    assert growth["growth_hazardous_share"] == pytest.approx(0.5)
    assert growth["growth_safe_share"] == pytest.approx(0.1)
    assert growth["new_in_hazard_share"] == pytest.approx(2000 / (2000 + 1200))
    parts = growth["to_hazardous_km2"] + growth["to_safe_km2"]
    assert parts * 1e6 == pytest.approx(4 * 1500 + 12 * 1100)
    later = computed(tmp_path, rules=", growth_from: {flood: 1.5}")["hazard_growth"].set_index("area_type").loc["unit"]
    assert (later["threshold"], later["to_hazardous_km2"]) == (">=1.5", 0.0)
    assert np.isnan(later["growth_hazardous_share"])


def test_services_in_the_zone_are_counted_from_the_rows_of_exposure(tmp_path: Path) -> None:
    found = computed(draw(tmp_path))["exposed_services"].set_index("area_type")
    counts = found[["n_exposed", "n_not_exposed", "n_unknown"]]
    assert counts.loc["unit"].tolist() == [1, 1, 0]
    assert counts.loc["settlement"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(("east", "turns"), [(70_000.0, 0), (0.0, 1), (0.0, 2)])
def test_moving_or_turning_the_city_changes_nothing(tmp_path: Path, east: float, turns: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = computed(draw(tmp_path / "a")), computed(draw(tmp_path / "b", east=east, turns=turns))
    for name in ("environment", "hazard_growth", "exposed_services"):
        pd.testing.assert_frame_equal(first[name], second[name], rtol=2e-3, atol=1e-6)
    shares = by_kind(first).filter(like="_share")
    assert ((shares >= 0) & (shares <= 1)).where(shares.notna(), True).all(axis=None)


def test_layers_are_as_declared(tmp_path: Path) -> None:
    tables = computed(draw(tmp_path))
    for name in ("environment", "hazard_growth", "exposed_services"):
        assert len(conform(name, tables[name]))
    ecosystems = gpd.read_parquet(tmp_path / "out/tables/ecosystems.parquet")
    assert len(conform("ecosystems", ecosystems)) == 2
    fields = {field.name for field in LAYERS["settlements"].fields}
    assert set(tables["settlement_environment"].columns) - {"settlement_id"} <= fields


def test_another_crs_and_order_give_the_same_ecosystems(tmp_path: Path) -> None:
    first = computed(draw(tmp_path))["ecosystems"].drop(columns="geometry")
    layer(tmp_path / "wet.gpkg", [box(160, 0, 260, 100), box(100, 0, 200, 100)], 4326, kind=["mangrove", "wetland"])
    again = computed(tmp_path)["ecosystems"].drop(columns="geometry")
    pd.testing.assert_frame_equal(first, again, rtol=1e-4)


def test_kinds_that_do_not_count_or_are_not_told(tmp_path: Path) -> None:
    draw(tmp_path)
    layer(tmp_path / "wet.gpkg", [box(100, 0, 200, 100), box(0, 0, 50, 50)], kind=["wetland", None])
    assert computed(tmp_path)["ecosystems"]["kind"].tolist() == ["unknown", "wetland"]
    tables = computed(tmp_path, inputs=", kinds: [wetland]")
    assert tables["ecosystems"]["kind"].tolist() == ["wetland"]
    region = load_project(tmp_path / "config.yaml").regions[0]
    told = " ".join(str(finding) for finding in environment_findings(region, compute=ONE))
    assert "1 polygons have no kind" in told
    assert "polygons of unknown are left out" in told
    with pytest.raises(InputError, match="no ecosystem of the kinds that count"):
        computed(tmp_path, inputs=", kinds: [reef]")


def test_vegetation_of_another_unit_is_refused_and_doubtful_units_are_told(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG % ("", ", growth_from: {flood: 0.3}"))
    for value, message in ((200.0, "are no percent"), (0.4, "these may be shares")):
        written(tmp_path / "trees.tif", np.full((4, 4), value))
        region = load_project(tmp_path / "config.yaml").regions[0]
        told = " ".join(str(finding) for finding in environment_findings(region, compute=ONE))
        assert message in told
        assert "0.3 is no threshold of its bands" in told


def test_inputs_without_the_section_and_the_section_without_inputs_are_refused(tmp_path: Path) -> None:
    draw(tmp_path)
    text = CONFIG % ("", "")
    (tmp_path / "config.yaml").write_text(text.replace("environment:", "#"))
    with pytest.raises(ConfigError, match="needs the section 'environment'"):
        load_project(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_text(CONFIG % ("", ", growth_hazards: [fire]"))
    with pytest.raises(ConfigError, match="'fire' is no hazard"):
        load_project(tmp_path / "config.yaml")
