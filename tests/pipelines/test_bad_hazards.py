"""Hazards that are not what they seem, through a run: refused, or marked in what is published."""

from __future__ import annotations

import logging
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.errors import InputError
from pipelines.check_exposure import hazard_findings
from pipelines.exposure import run_exposure

ONE = Compute(threads=1)
LEFT, TOP = 500_000.0, 7_400_000.0
CONFIG = """
version: 1
name: city
inputs:
  INPUT
  units: {path: units.gpkg, id_field: unit_id}
  settlements: {path: units.gpkg, id_field: unit_id}
  hazards:
    flood: {events: [{path: flood.tif, return_period: 100.0}]}
MORE
regions: [{name: city}]
output: {directory: out}
"""
PEOPLE = "population_fine: {path: people.tif, year: 2020}"
HOUSES = "buildings: {path: houses.gpkg}"


def written(path: Path, values: np.ndarray, *, cell: float = 100.0, left: float = LEFT, top: float = TOP,
            down: float = -1.0) -> None:  # fmt: skip
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float32",
        crs="EPSG:32723", transform=Affine(cell, 0, left, 0, down * cell, top), nodata=-9999.0,
    ) as target:  # fmt: skip
        target.write(values.astype("float32"), 1)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """One district of 20 x 20 cells of 100 people, which is a settlement too; four houses in its corners."""
    written(tmp_path / "people.tif", np.full((20, 20), 100.0))
    box = shapely.box(LEFT, TOP - 2000, LEFT + 2000, TOP)
    gpd.GeoDataFrame({"unit_id": ["d1"]}, geometry=[box], crs=32723).to_file(tmp_path / "units.gpkg")
    corners = [(x, y) for x in (100, 1900) for y in (100, 1900)]
    houses = [shapely.Point(LEFT + x, TOP - y).buffer(5, quad_segs=1) for x, y in corners]
    gpd.GeoDataFrame(geometry=houses, crs=32723).to_file(tmp_path / "houses.gpkg")
    return tmp_path


def computed(city: Path, what: str = PEOPLE, more: str = "") -> pd.DataFrame:
    (city / "config.yaml").write_text(CONFIG.replace("INPUT", what).replace("MORE", more))
    region = load_project(city / "config.yaml").regions[0]
    (city / "out/tables").mkdir(parents=True, exist_ok=True)
    run_exposure(region, city / "out", ONE)
    rows = pd.read_parquet(city / "out/tables/hazard_exposure.parquet")
    return rows[rows["return_period"].notna() & (rows["area_type"] == "unit")]


def errors(city: Path) -> list[str]:
    region = load_project(city / "config.yaml").regions[0]
    return [found.message for found in hazard_findings(region, compute=ONE) if found.severity == "error"]


def depths() -> np.ndarray:
    depth = np.zeros((20, 20))
    depth[:, :7] = 0.7
    return depth


def test_a_hazard_in_another_crs_is_met_where_it_lies(city: Path) -> None:
    written(city / "flood.tif", depths())
    straight = computed(city).set_index("band")["value"]
    # the same water in degrees: cells of a twentieth of the size, each what its middle is
    to_degrees = Transformer.from_crs(32723, 4326, always_xy=True)
    west, north = to_degrees.transform(LEFT - 100, TOP + 100)
    step, side = 0.00005, 460
    x, y = np.meshgrid(west + step * (np.arange(side) + 0.5), north - step * (np.arange(side) + 0.5))
    east, up = to_degrees.transform(x, y, direction="INVERSE")
    inside = (east >= LEFT) & (east < LEFT + 2000) & (up <= TOP) & (up > TOP - 2000)
    turned = np.where(inside, np.where(east < LEFT + 700, 0.7, 0.0), -9999.0)
    with rasterio.open(
        city / "flood.tif", "w", driver="GTiff", height=side, width=side, count=1, dtype="float32",
        crs="EPSG:4326", transform=Affine(step, 0, west, 0, -step, north), nodata=-9999.0,
    ) as target:  # fmt: skip
        target.write(turned.astype("float32"), 1)
    found = computed(city)
    at = found.set_index("band")["value"]
    assert at["0.5-1.5"] == pytest.approx(straight["0.5-1.5"], rel=0.01)
    assert at.sum() == pytest.approx(40_000.0, rel=1e-9)


def test_holes_are_unknown_and_lower_the_share_known(city: Path) -> None:
    depth = depths()
    depth[5:10, 10:] = np.nan
    written(city / "flood.tif", np.nan_to_num(depth, nan=-9999.0))
    rows = computed(city)
    assert rows.set_index("band")["value"]["unknown"] == pytest.approx(5_000.0)
    assert rows["coverage_share"].to_numpy() == pytest.approx(35 / 40)
    joint = pd.read_parquet(city / "out/tables/joint_exposure.parquet")
    at = joint[joint["area_type"] == "unit"].set_index("hazards")["value"]
    assert at.to_dict() == pytest.approx({"none": 21_000.0, "unknown": 5_000.0, "flood": 14_000.0})
    own = pd.read_parquet(city / "out/tables/settlement_hazard.parquet").iloc[0]
    assert (own["hazardous_share_low"], own["hazardous_share_high"]) == pytest.approx((0.35, 0.475))


@pytest.mark.parametrize("what", [PEOPLE, HOUSES])
def test_a_hazard_of_part_of_the_city_says_so_and_one_of_nothing_is_refused(city: Path, what: str) -> None:
    written(city / "flood.tif", depths(), left=LEFT + 1000)
    rows = computed(city, what)
    shares = rows.groupby("asset")["coverage_share"].first()
    assert shares.to_numpy() == pytest.approx(0.5)
    assert (rows.loc[rows["band"] == "outside", "value"] > 0).all()
    written(city / "flood.tif", depths(), left=LEFT + 50_000)
    with pytest.raises(InputError, match="cover"):
        computed(city, what)


def test_a_raster_that_is_stored_upside_down_is_read_the_right_way_up(city: Path) -> None:
    depth = np.zeros((20, 20))
    depth[:5] = 0.7
    depth[0, 0] = 2.0
    written(city / "flood.tif", depth)
    straight = computed(city, HOUSES).set_index(["asset", "band"])["value"]
    written(city / "flood.tif", depth[::-1], top=TOP - 2000, down=1.0)
    turned = computed(city, HOUSES).set_index(["asset", "band"])["value"]
    pd.testing.assert_series_equal(turned, straight)
    assert straight["buildings", "0.5-1.5"] == 2


@pytest.mark.parametrize(("value", "told"), [(9999.0, "9999"), (-999900.0, "-999900"), (120.0, "120")])
def test_a_depth_that_cannot_be_is_refused(city: Path, value: float, told: str) -> None:
    depth = depths()
    depth[3, 3] = value
    written(city / "flood.tif", depth)
    with pytest.raises(InputError, match=told):
        computed(city)
    assert any(told.lstrip("-") in message.replace(",", "") for message in errors(city))


def test_centimetres_read_as_metres_are_refused(city: Path) -> None:
    written(city / "flood.tif", 100 * depths())
    with pytest.raises(InputError, match="deeper than 10 m"):
        computed(city)
    assert errors(city) == ["depths of up to 70 m cannot be meant"]


def test_polygons_that_lie_elsewhere_are_told(city: Path, caplog: pytest.LogCaptureFixture) -> None:
    written(city / "flood.tif", depths())
    far = gpd.GeoDataFrame(
        {"risk": ["R1"]}, geometry=[shapely.box(LEFT + 90_000, TOP, LEFT + 91_000, TOP + 1000)], crs=32723
    )
    far.to_file(city / "risk.gpkg")
    more = "    slide: {classes: {path: risk.gpkg, class_field: risk, classes: [R1]}}"
    with caplog.at_level(logging.WARNING, logger="geo_profiling"):
        computed(city, more=more)
    assert "hazards.slide: none of its ground lies in the region" in caplog.text
