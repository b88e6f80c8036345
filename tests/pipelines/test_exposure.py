"""Exposure of a region from its configuration: Djibouti's known answers, and a small city by hand."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.errors import ConfigError, InputError
from pipelines.check_exposure import hazard_findings
from pipelines.eviction_hazards import run_eviction_hazards
from pipelines.exposure import run_exposure
from pipelines.settlements import run_settlements
from pipelines.steps.region import region_steps
from pipelines.tenure import run_tenure

ONE = Compute(threads=1)


def written(path: Path, values: np.ndarray, *, cell: float = 100.0, left: float = 500_000.0, **profile: object) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float32",
        crs="EPSG:32723", transform=Affine(cell, 0, left, 0, -cell, 7_400_000.0), **({"nodata": -9999.0} | profile),
    ) as target:  # fmt: skip
        target.write(values.astype("float32"), 1)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """One district of 4 x 4 cells of 100 people; a settlement in its left column, which the river floods."""
    written(tmp_path / "people.tif", np.full((4, 4), 100.0))
    depth = np.zeros((4, 4))
    depth[:, 0] = 0.7
    depth[0, 1] = 0.3
    written(tmp_path / "rp100.tif", depth)
    written(tmp_path / "rp10.tif", np.where(depth > 0.5, 0.2, 0.0))
    box = shapely.box(500_000, 7_399_600, 500_400, 7_400_000)
    left = shapely.box(500_000, 7_399_600, 500_100, 7_400_000)
    gpd.GeoDataFrame({"unit_id": ["d1"]}, geometry=[box], crs=32723).to_file(tmp_path / "units.gpkg")
    gpd.GeoDataFrame({"sid": ["s1"]}, geometry=[left], crs=32723).to_file(tmp_path / "slums.gpkg")
    sectors = [shapely.box(500_000, 7_399_900, 500_100, 7_400_000), shapely.box(500_050, 7_399_900, 500_200, 7_400_000)]
    gpd.GeoDataFrame({"risk": ["R2", "R4"]}, geometry=sectors, crs=32723).to_file(tmp_path / "risk.gpkg")
    return tmp_path


CONFIG = """
version: 1
name: city
inputs:
  population_fine: {path: people.tif, year: 2020}
  units: {path: units.gpkg, id_field: unit_id}
  settlements: {path: slums.gpkg, id_field: sid}
  hazards:
    flood:
      exposed_from: 0.15
      events:
        - {path: rp10.tif, return_period: 10.0}
        - {path: rp100.tif, return_period: 100.0}
%s
exposure:
  settlement_population: {low: 1.0, high: 2.0}
regions: [{name: city}]
output: {directory: out}
"""
RISK = """    landslide:
      classes: {path: risk.gpkg, class_field: risk, classes: [R2, R4], overlap: %s}
"""


def computed(city: Path, more: str = "") -> dict[str, pd.DataFrame]:
    (city / "config.yaml").write_text(CONFIG % more)
    region = load_project(city / "config.yaml").regions[0]
    (city / "out/tables").mkdir(parents=True, exist_ok=True)
    run_exposure(region, city / "out", ONE)
    return {path.stem: pd.read_parquet(path) for path in sorted((city / "out/tables").iterdir())}


def test_a_small_city_by_hand(city: Path) -> None:
    tables = computed(city)
    rows = tables["hazard_exposure"]
    people = rows[(rows["area_type"] == "unit") & (rows["asset"] == "population")]
    at = people[people["return_period"] == 100].set_index("band")["value"]
    assert at[at > 0].to_dict() == pytest.approx({"dry": 1100.0, "0.15-0.5": 100.0, "0.5-1.5": 400.0})
    annual = people[people["return_period"].isna() & (people["band"] == ">=0.15")].set_index("unit")["value"]
    # 400 people at 1 in 10, 500 at 1 in 100
    assert annual["people a year"] == pytest.approx(450 * 0.09 + 500 * 0.01)
    assert annual["people a year, lower bound"] == pytest.approx(400 * 0.09 + 500 * 0.01)
    assert annual["people a year, upper bound"] == pytest.approx(500 * 0.09 + 500 * 0.01)


def test_settlements_are_compared_with_the_rest_of_the_city(city: Path) -> None:
    tables = computed(city)
    unit = tables["hazard_ratios"].set_index("area_type").loc["unit"]
    assert (unit["settlement_share"], unit["rest_share"]) == pytest.approx((1.0, 100 / 1200))
    assert unit["ratio"] == pytest.approx(12.0)
    assert (unit["exposed_settlements_low"], unit["exposed_settlements_high"]) == pytest.approx((400.0, 800.0))
    own = tables["settlement_hazard"].iloc[0]
    assert (own["settlement_id"], own["n_hazards"], own["hazardous_share_low"]) == ("s1", 1, pytest.approx(1.0))


def test_risk_classes_that_overlap_are_refused_or_the_worst_wins(city: Path) -> None:
    with pytest.raises(InputError, match="1 pairs of polygons of different classes overlap"):
        computed(city, RISK % "refuse")
    rows = computed(city, RISK % "worst")["hazard_exposure"]
    found = rows[(rows["hazard"] == "landslide") & (rows["area_type"] == "unit")].set_index("band")["value"]
    assert found.to_dict() == pytest.approx({"R2": 50.0, "R4": 150.0, "none": 1400.0})


def test_a_hazard_of_several_scenarios_counts_once_in_a_settlement(city: Path) -> None:
    later = "        - {path: rp100.tif, return_period: 100.0, scenario: '%s'}\n"
    own = computed(city, later % "2050" + later % "2080")["settlement_hazard"].iloc[0]
    assert (own["n_hazards"], own["hazards"]) == (1, "flood")
    assert own["hazardous_share_high"] == pytest.approx(1.0)
    # the settlement is half in water at the baseline, all of it later: the baseline is what holds
    left_half = np.zeros((4, 4))
    left_half[:2, 0] = 0.7
    written(city / "rp10.tif", left_half)
    text = (CONFIG % (later % "2050")).replace(
        "{path: rp100.tif, return_period: 100.0}", "{path: rp10.tif, return_period: 100.0}"
    )
    (city / "config.yaml").write_text(text.replace("        - {path: rp10.tif, return_period: 10.0}\n", ""))
    run_exposure(load_project(city / "config.yaml").regions[0], city / "out", ONE)
    own = pd.read_parquet(city / "out/tables/settlement_hazard.parquet").iloc[0]
    assert (own["hazardous_share_low"], own["hazardous_share_high"]) == pytest.approx((0.5, 0.5))


def test_the_range_of_people_is_carried_through_to_those_in_hazardous_location(city: Path) -> None:
    computed(city, RISK % "worst")
    people = {"settlement_id": ["s1"], "population_low": [300.0], "population_high": [900.0]}
    pd.DataFrame(people).to_parquet(city / "out/tables/settlement_population.parquet")
    region = load_project(city / "config.yaml").regions[0]
    hazard = pd.read_parquet(city / "out/tables/settlement_hazard.parquet")
    # all of it floods; suppose now that only a quarter is sure
    for low in (1.0, 0.25):
        hazard.assign(hazardous_share_low=low).to_parquet(city / "out/tables/settlement_hazard.parquet")
        run_settlements(region, city / "out", ONE)
        layer = gpd.read_parquet(city / "out/tables/settlements.parquet").iloc[0]
        assert (layer["hazardous_people_low"], layer["hazardous_people_high"]) == pytest.approx((300.0 * low, 900.0))


MAPPED = (
    (RISK % "worst")
    + """      mapped_in: {path: mapped.gpkg, field: town, value: 7}
"""
)


def test_ground_on_which_nobody_looked_is_unknown_not_free_of_risk(city: Path) -> None:
    # the upper half of the district is mapped, and a town elsewhere
    boxes = [shapely.box(500_000, 7_399_800, 500_400, 7_400_000), shapely.box(600_000, 7_399_600, 600_400, 7_400_000)]
    gpd.GeoDataFrame({"town": [7, 8]}, geometry=boxes, crs=32723).to_file(city / "mapped.gpkg")
    tables = computed(city, MAPPED)
    rows = tables["hazard_exposure"]
    unit = rows[(rows["hazard"] == "landslide") & (rows["area_type"] == "unit")].set_index("band")
    assert unit["value"].to_dict() == pytest.approx({"unknown": 800.0, "R2": 50.0, "R4": 150.0, "none": 600.0})
    assert unit["coverage_share"].to_numpy() == pytest.approx(0.5)
    ratio = tables["hazard_ratios"].set_index(["hazard", "area_type"]).loc[("landslide", "unit")]
    # 100 of the settlement's 200 mapped people are in a class, and 100 of the 600 mapped elsewhere
    assert (ratio["settlement_share"], ratio["rest_share"]) == pytest.approx((0.5, 100 / 600))
    assert ratio["ratio"] == pytest.approx(3.0)


def test_a_sector_beyond_the_mapped_ground_is_unknown_and_told(city: Path, caplog: pytest.LogCaptureFixture) -> None:
    lower = shapely.box(500_000, 7_399_600, 500_400, 7_399_950)
    gpd.GeoDataFrame({"town": [7]}, geometry=[lower], crs=32723).to_file(city / "mapped.gpkg")
    rows = computed(city, MAPPED)["hazard_exposure"]
    unit = rows[(rows["hazard"] == "landslide") & (rows["area_type"] == "unit")].set_index("band")["value"]
    assert unit.to_dict() == pytest.approx({"unknown": 200.0, "R2": 25.0, "R4": 75.0, "none": 1300.0})
    # a district that is not mapped: nobody is known to be exposed there, nor known not to be
    gpd.GeoDataFrame({"town": [7]}, geometry=[shapely.box(510_000, 7_399_600, 510_400, 7_399_950)], crs=32723).to_file(
        city / "mapped.gpkg"
    )
    ratio = computed(city, MAPPED)["hazard_ratios"].set_index(["hazard", "area_type"]).loc[("landslide", "unit")]
    assert ratio["people_known"] == 0
    assert ratio[["people_exposed", "exposed_share", "settlement_exposed", "ratio"]].isna().all()
    assert "50 % of the ground of its classes lies beyond 'mapped_in'" in caplog.text


def test_a_mapped_ground_that_is_not_there_is_refused(city: Path) -> None:
    box = shapely.box(500_000, 7_399_600, 500_400, 7_400_000)
    gpd.GeoDataFrame({"town": [8]}, geometry=[box], crs=32723).to_file(city / "mapped.gpkg")
    with pytest.raises(InputError, match="no polygon has town 7"):
        computed(city, MAPPED)
    found = hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE)
    assert [one.message for one in found if one.severity == "error"] == [
        "hazards.landslide.mapped_in (mapped.gpkg): no polygon has town 7"
    ]
    (city / "config.yaml").write_text(
        (CONFIG % "").replace("      events:", "      mapped_in: {path: x.gpkg}\n      events:")
    )
    with pytest.raises(ConfigError, match="'mapped_in' is about classes"):
        load_project(city / "config.yaml")


def test_every_area_adds_up(city: Path) -> None:
    rows = computed(city, RISK % "worst")["hazard_exposure"]
    bands = rows[~rows["unit"].str.contains("a year")]
    sums = bands.groupby(["area_type", "area_id", "hazard", "asset", "return_period"], dropna=False)["value"].sum()
    assert sums.loc["unit"].to_numpy() == pytest.approx(1600.0, rel=1e-9)
    assert sums.loc["settlement"].to_numpy() == pytest.approx(400.0, rel=1e-9)


WATER = "inputs:\n  permanent_water: {path: water.tif}\n"


def test_permanent_water_is_neither_dry_nor_in_a_band_nor_unknown(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # half cells, shifted: the river takes a quarter of the settlement's upper cell and of what is right of it
    water = np.zeros((8, 8))
    water[0, 1:3] = 7.0
    water[7, 7] = np.nan
    written(city / "water.tif", water, cell=50.0)
    monkeypatch.setattr(f"{__name__}.CONFIG", CONFIG.replace("inputs:\n", WATER))
    tables = computed(city)
    rows = tables["hazard_exposure"]
    people = rows[(rows["asset"] == "population") & (rows["return_period"] == 100)]
    unit = people[people["area_type"] == "unit"].set_index("band")["value"]
    assert unit[unit > 0].to_dict() == pytest.approx(
        {"dry": 1100.0, "0.15-0.5": 75.0, "0.5-1.5": 375.0, "permanent_water": 50.0}
    )
    assert people.groupby("area_type")["value"].sum().to_dict() == pytest.approx(
        {"unit": 1600.0, "settlement": 400.0}, rel=1e-9
    )
    assert people[people["area_type"] == "unit"]["coverage_share"].to_numpy() == pytest.approx(1.0)
    joint = tables["joint_exposure"]
    at = joint[joint["area_type"] == "unit"].set_index("hazards")["value"]
    assert at.to_dict() == pytest.approx({"none": 1150.0, "flood": 450.0})
    ratio = tables["hazard_ratios"].set_index("area_type").loc["unit"]
    assert (ratio["people_exposed"], ratio["people_known"]) == pytest.approx((450.0, 1600.0))
    (city / "water.tif").unlink()
    found = hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE)
    assert [(one.severity, one.input) for one in found if one.severity == "error"] == [("error", "permanent_water")]


def test_people_of_several_hazards_are_those_on_the_joint_ground(city: Path) -> None:
    tables = computed(city, RISK % "worst")
    rows = tables["joint_exposure"]
    unit = rows[rows["area_type"] == "unit"].set_index("hazards")
    # the flood takes 500 people, the sectors 200 of them: those of the first two cells of the upper row
    assert unit["value"].to_dict() == pytest.approx({"none": 1100.0, "flood": 300.0, "flood + landslide": 200.0})
    assert unit["n_hazards"].to_dict() == {"none": 0, "flood": 1, "flood + landslide": 2}
    total = rows.groupby(["area_type", "area_id"])["value"].sum()
    assert total.to_dict() == pytest.approx({("settlement", "s1"): 400.0, ("unit", "d1"): 1600.0}, rel=1e-9)
    assert unit["coverage_share"].to_numpy() == pytest.approx(1.0)
    own = tables["settlement_hazard"].iloc[0]
    assert (own["hazardous_share_low"], own["hazardous_share_high"]) == pytest.approx((1.0, 1.0))


def test_streets_and_railways_are_cut_at_the_borders_of_classes(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # along the upper row, from 100 m before the district to its end; and along its left side
    street = shapely.LineString([(499_900, 7_399_950), (500_400, 7_399_950)])
    gpd.GeoDataFrame(geometry=[street], crs=32723).to_file(city / "streets.gpkg")
    rail = shapely.LineString([(500_025, 7_400_000), (500_025, 7_399_600)])
    gpd.GeoDataFrame(geometry=[rail], crs=32723).to_file(city / "rails.gpkg")
    box = shapely.box(500_000, 7_399_600, 500_400, 7_399_970)
    gpd.GeoDataFrame({"town": [7]}, geometry=[box], crs=32723).to_file(city / "mapped.gpkg")
    lines = "inputs:\n  streets: {path: streets.gpkg}\n  railways: {path: rails.gpkg}\n"
    monkeypatch.setattr(f"{__name__}.CONFIG", CONFIG.replace("inputs:\n", lines))
    near = "    tracks:\n      near: {path: rails.gpkg, within_m: [10.0, 25.0]}\n"
    rows = computed(city, MAPPED + near)["hazard_exposure"]
    unit = rows[(rows["area_type"] == "unit") & (rows["unit"] == "m")].set_index(["hazard", "asset", "band"])["value"]
    risk, tracks = unit.loc["landslide"], unit.loc["tracks"]
    assert risk["streets"].to_dict() == pytest.approx({"unknown": 0.0, "R2": 50.0, "R4": 150.0, "none": 200.0})
    assert risk["railways"].to_dict() == pytest.approx({"unknown": 30.0, "R2": 70.0, "R4": 0.0, "none": 300.0})
    assert tracks["streets"].to_dict() == pytest.approx({"<=25": 30.0, "<=10": 20.0, "none": 350.0})
    assert tracks["railways"].to_dict() == pytest.approx({"<=25": 0.0, "<=10": 400.0, "none": 0.0})
    sums = rows[rows["unit"] == "m"].groupby(["hazard", "asset", "area_type", "return_period"], dropna=False)["value"]
    by_hazard = sums.sum().unstack("hazard").ffill(axis=1).bfill(axis=1)
    assert by_hazard["tracks"].to_numpy() == pytest.approx(by_hazard["landslide"].to_numpy(), rel=1e-9)


FIRE = """    no engine:
      kind: fire_access
      far: {path: streets.gpkg, class_field: highway, classes: [road], beyond_m: [50.0, 150.0]}
      mapped_in: {path: mapped.gpkg}
      fire: {dense_share: 0.15, around_m: 20.0, combustible: [wood]}
"""


def fire_city(city: Path) -> str:
    """Write a road along the top, a path along the settlement, and five houses in it; return their inputs."""
    road = shapely.LineString([(499_000, 7_400_000), (501_000, 7_400_000)])
    path = shapely.LineString([(500_050, 7_400_000), (500_050, 7_399_600)])
    streets = gpd.GeoDataFrame({"highway": ["road", "path"]}, geometry=[road, path], crs=32723)
    streets.to_file(city / "streets.gpkg")
    places = [(20, 20, "wood"), (20, 80, "wood"), (40, 80, "stone"), (20, 200, None), (20, 350, "wood")]
    boxes = [shapely.box(500_000 + x, 7_400_000 - y - 10, 500_015 + x, 7_400_000 - y) for x, y, _ in places]
    houses = gpd.GeoDataFrame({"walls": [wall for _, _, wall in places]}, geometry=boxes, crs=32723)
    houses.to_file(city / "houses.gpkg")
    upper = shapely.box(500_000, 7_399_700, 500_400, 7_400_000)
    gpd.GeoDataFrame(geometry=[upper], crs=32723).to_file(city / "mapped.gpkg")
    return CONFIG.replace("inputs:\n", "inputs:\n  buildings: {path: houses.gpkg, wall_field: walls}\n")


def test_ground_and_buildings_out_of_reach_of_a_fire_engine(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CONFIG", fire_city(city))
    tables = computed(city, FIRE)
    rows = tables["hazard_exposure"]
    unit = rows[(rows["hazard"] == "no engine") & (rows["area_type"] == "unit")].set_index(["asset", "band"])["value"]
    assert unit["population"].to_dict() == pytest.approx({"unknown": 400.0, ">50": 400.0, ">150": 600.0, "none": 200.0})
    assert unit["buildings"].to_dict() == pytest.approx({"unknown": 1.0, ">50": 2.0, ">150": 1.0, "none": 1.0})
    own = tables["settlement_hazard"].iloc[0]
    # the last house stands where streets were not mapped
    assert own["fire_unreached_share"] == pytest.approx(3 / 4)
    # circles of 20 m hold 1256 m2: 150 of one house, and half of another beside it
    assert own["fire_dense_share"] == pytest.approx(2 / 5)
    assert own["fire_combustible_share"] == pytest.approx(3 / 4)
    # known of three: near; far, dense and wooden; far, dense and of stone
    assert own["fire_all_share"] == pytest.approx(1 / 3)
    assert own["fire_parts"] == "reach, density, walls"
    assert own["hazardous_share_high"] == pytest.approx(1.0), "the flood alone: fire is no hazardous location"
    bare = tables["joint_exposure"]
    assert bare.groupby("area_type")["value"].sum()["unit"] == pytest.approx(1600.0, rel=1e-9)
    assert hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE) == []


def test_walls_that_nobody_tells_are_left_out_and_said(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CONFIG", fire_city(city).replace(", wall_field: walls", ""))
    own = computed(city, FIRE)["settlement_hazard"].iloc[0]
    assert own["fire_parts"] == "reach, density"
    assert np.isnan(own["fire_combustible_share"])
    assert own["fire_all_share"] == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("    near it:\n      near: {path: a.gpkg, within_m: [5.0]}\n      fire: {}\n", "'fire' goes with the streets"),
        (FIRE.replace("class_field: highway, ", ""), "give 'class_field'"),
        (FIRE + FIRE.replace("no engine", "again"), "'fire' is told once"),
        (FIRE, "needs 'inputs.buildings' and 'inputs.settlements'"),
    ],
)  # fmt: skip
def test_a_fire_that_cannot_be_told_is_refused(city: Path, lines: str, told: str) -> None:
    (city / "config.yaml").write_text(CONFIG % lines)
    with pytest.raises(ConfigError, match=told):
        load_project(city / "config.yaml")


def test_streets_without_one_of_the_classes_are_refused(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CONFIG", fire_city(city))
    with pytest.raises(InputError, match="nothing has one of the classes lane"):
        computed(city, FIRE.replace("[road]", "[lane]"))
    found = hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE)
    assert any("nothing has one of the classes lane" in one.message for one in found)


TENURE = """  tenure:
    parties: {path: parties.csv}
    spatial_units: {path: plots.gpkg}
    rights: {path: rights.csv}
    evictions: {path: evictions.gpkg}
"""


def test_evictions_are_told_by_band_without_small_cells(city: Path) -> None:
    places = [shapely.Point(500_010, 7_399_990), shapely.Point(500_010, 7_399_650), shapely.Point(500_090, 7_399_700),
              shapely.box(500_020, 7_399_910, 500_080, 7_399_950), shapely.Point(500_350, 7_399_700)]  # fmt: skip
    facts = {"event_id": list("12345"), "kind": ["demolition"] * 3 + ["threat", "demolition"],
             "date_start": "2019-05-01", "households": [30, 20, 4, 12, 50]}  # fmt: skip
    gpd.GeoDataFrame(facts, geometry=places, crs=32723).to_file(city / "evictions.gpkg")
    party = {"party_id": [1], "kind": "person", "household_id": 1, "age": 40, "sex": "female"}
    pd.DataFrame(party).to_csv(city / "parties.csv", index=False)
    plot = shapely.box(500_000, 7_399_600, 500_050, 7_399_650)
    gpd.GeoDataFrame({"unit_id": ["p1"]}, geometry=[plot], crs=32723).to_file(city / "plots.gpkg")
    pd.DataFrame({"party_id": [1], "unit_id": "p1", "tenure_type": "freehold"}).to_csv(city / "rights.csv", index=False)
    text = CONFIG % (RISK % "worst") + 'settlements: {tenure: {reference_date: "2020-12-31"}}\n'
    (city / "config.yaml").write_text(text.replace("  hazards:\n", TENURE + "  hazards:\n"))
    region = load_project(city / "config.yaml").regions[0]
    names = [step.name for step in region_steps(region, city / "out")]
    assert names.index("eviction_hazards") > max(names.index("tenure"), names.index("exposure"))
    (city / "out/tables").mkdir(parents=True)
    run_tenure(region, city / "out", ONE)
    run_eviction_hazards(region, city / "out", ONE)
    rows = pd.read_parquet(city / "out/tables/eviction_hazards.parquet")
    own = rows[rows["settlement_id"] == "s1"].set_index(["hazard", "measure", "band"])
    # all of the settlement is in the river: one cell of 54 households, of which the 4 are a part
    assert own.loc[("flood", "evicted", "0.5-1.5"), ["n_events", "households", "is_exposed"]].tolist() == [3, 54, True]
    assert own.loc[("flood", "threatened", "0.5-1.5"), "households"] == 12
    # in sectors: 30 in R2, 24 in none; the threat touches the worst of two
    assert own.loc[("landslide", "evicted")]["households"].to_dict() == {"R2": 30, "none": 24}
    assert own.loc[("landslide", "threatened")]["households"].to_dict() == {"R4": 12}
    # the event outside settlements is in no row; nothing is hidden, so sums are told
    assert rows.loc[rows["settlement_id"] == "all", "households"].max() == 54
    assert not isinstance(rows, gpd.GeoDataFrame)
    # a cell of 4 households is left out, with another that its settlement's figure would give it away by
    moved = gpd.GeoDataFrame(facts, geometry=[places[0], places[1], places[0], *places[3:]], crs=32723)
    moved.assign(households=[30, 4, 20, 12, 50]).to_file(city / "evictions.gpkg")
    run_tenure(region, city / "out", ONE)
    run_eviction_hazards(region, city / "out", ONE)
    rows = pd.read_parquet(city / "out/tables/eviction_hazards.parquet")
    hidden = rows[(rows["hazard"] == "landslide") & (rows["measure"] == "evicted")]
    assert hidden["is_suppressed"].all()
    assert hidden[["n_events", "households"]].isna().all(axis=None)


def test_unknown_ground_widens_the_share_in_hazardous_location(city: Path) -> None:
    # of the settlement the upper half is mapped; the river takes its lowest cell
    depth = np.zeros((4, 4))
    depth[3, 0] = 1.0
    written(city / "rp100.tif", depth)
    written(city / "rp10.tif", depth)
    upper = shapely.box(500_000, 7_399_800, 500_400, 7_400_000)
    gpd.GeoDataFrame({"town": [7]}, geometry=[upper], crs=32723).to_file(city / "mapped.gpkg")
    tables = computed(city, MAPPED)
    own = tables["settlement_hazard"].iloc[0]
    # 100 in sectors, 100 in the river, 100 neither, 100 neither as far as known
    assert (own["hazardous_share_low"], own["hazardous_share_high"]) == pytest.approx((0.5, 0.75))
    joint = tables["joint_exposure"]
    at = joint[joint["area_type"] == "settlement"].set_index("hazards")["value"]
    assert at.to_dict() == pytest.approx({"none": 100.0, "unknown": 100.0, "flood": 100.0, "landslide": 100.0})


def test_more_than_six_hazards_give_bounds_and_a_finding(city: Path) -> None:
    near = "    rail %d:\n      near: {path: slums.gpkg, within_m: [%d.0]}\n"
    more = "".join(near % (k, 10 * k) for k in range(1, 7))
    tables = computed(city, more)
    assert tables["joint_exposure"].empty
    own = tables["settlement_hazard"].iloc[0]
    assert (own["hazardous_share_low"], own["hazardous_share_high"]) == pytest.approx((1.0, 1.0))
    found = hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE)
    assert [one.message for one in found] == [
        "7 hazards: people in hazardous location are told by bounds, the largest single share and the sum"
    ]
    # one that is no location leaves six that are
    computed(city, more.replace("near: {path", "is_hazardous_location: false\n      near: {path", 1))
    rows = pd.read_parquet(city / "out/tables/joint_exposure.parquet")
    assert not rows["hazards"].str.contains("rail 1").any()
    assert rows.groupby("area_type")["value"].sum()["unit"] == pytest.approx(1600.0, rel=1e-9)


def test_settlements_come_from_the_inputs_and_not_from_a_former_run(city: Path) -> None:
    first = computed(city)["settlement_hazard"]
    stale = shapely.box(500_300, 7_399_600, 500_400, 7_400_000)
    layer = gpd.GeoDataFrame({"settlement_id": ["gone"]}, geometry=[stale], crs=32723)
    layer.to_parquet(city / "out/tables/settlements.parquet")
    pd.testing.assert_frame_equal(computed(city)["settlement_hazard"], first)


def test_the_check_names_centimetres_and_strange_classes(city: Path) -> None:
    written(city / "rp100.tif", np.full((4, 4), 55.0))
    (city / "config.yaml").write_text(CONFIG % RISK.replace("[R2, R4]", "[R1, R2]") % "worst")
    found = hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE)
    assert [finding.message for finding in found if finding.severity == "warning"] == [
        "1 pairs of polygons of different classes overlap; the worst class counts there"
    ]
    messages = [finding.message for finding in found if finding.severity == "error"]
    assert messages == ["depths of up to 55 m cannot be meant", "field 'risk' holds R4, none of the classes"]


SLOPE = """    steep:
      kind: slope
%s      events: [{path: heights.tif}]
    heat:
      kind: heat
      made_from: temperature
      events: [{path: heights.tif}]
"""


def test_slopes_are_computed_from_heights_and_heights_are_no_slopes(city: Path) -> None:
    heights = np.tile(np.array([0.0, 5.0, 10.0, 200.0, 390.0, 580.0, 590.0, 600.0]), (8, 1))
    written(city / "heights.tif", heights, left=499_800.0)
    with pytest.raises(InputError, match="is 580, no steep in degree"):
        computed(city, SLOPE % "")
    found = hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE)
    assert [one.message for one in found if one.severity == "error"] == ["values of up to 600 are no degree"]
    rows = computed(city, SLOPE % "      made_from: heights\n")["hazard_exposure"]
    people = rows[(rows["area_type"] == "unit") & (rows["asset"] == "population")]
    steep = people[people["hazard"] == "steep"].set_index("band")["value"]
    # the grid of heights begins two cells to the west: of the first row of people the slope is not known
    assert steep["unknown"] == pytest.approx(400.0)
    assert steep[">=25"] == pytest.approx(1200.0)
    hot = people[people["hazard"] == "heat"].set_index("band")["value"]
    assert (hot["<80"], hot["80-90"]) == pytest.approx((1200.0, 400.0))


COAST = """    rising sea:
      kind: sea_level
      made_from: heights
      exposed_from: 2.0
%s      events: [{path: heights.tif}]
"""


def test_the_sea_reaches_low_ground_that_it_can_reach(city: Path) -> None:
    # from the west: sea, a beach, ground at 0.4 m, a dike of 4 m, low ground behind it
    heights = np.tile(np.array([-9999.0, 0.0, 0.4, 4.0, 0.2]), (4, 1))
    written(city / "heights.tif", heights, left=499_900.0)
    tables = computed(city, COAST % "      nodata_means: sea\n")
    rows = tables["hazard_exposure"]
    people = rows[(rows["hazard"] == "rising sea") & (rows["asset"] == "population") & (rows["area_type"] == "unit")]
    assert people.set_index("band")["value"].to_dict() == pytest.approx(
        {"dry": 0.0, "<1": 800.0, "1-2": 0.0, "2-5": 800.0, ">=5": 0.0, "unknown": 0.0, "outside": 0.0}
    )
    ratio = tables["hazard_ratios"].set_index(["hazard", "area_type"]).loc[("rising sea", "unit")]
    assert (ratio["people_exposed"], ratio["threshold"]) == (pytest.approx(800.0), "<2")
    # the sea as polygons gives the same
    water = gpd.GeoDataFrame(geometry=[shapely.box(499_000, 7_399_000, 499_980, 7_401_000)], crs=32723)
    water.to_file(city / "sea.gpkg")
    again = computed(city, COAST % "      sea: {path: sea.gpkg}\n")["hazard_exposure"]
    pd.testing.assert_frame_equal(again, rows)
    assert hazard_findings(load_project(city / "config.yaml").regions[0], compute=ONE) == []
    water.translate(9e4).to_file(city / "sea.gpkg")
    with pytest.raises(InputError, match="no cell of it is sea"):
        computed(city, COAST % "      sea: {path: sea.gpkg}\n")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("", "needs the sea"),
        ("      nodata_means: sea\n      sea: {path: sea.gpkg}\n", "needs the sea"),
        ("      unit: degree\n      nodata_means: sea\n", "about a sea level"),
        ("      unit: cm\n", "not a sea_level"),
    ],
)
def test_a_sea_level_needs_one_sea(city: Path, lines: str, told: str) -> None:
    (city / "config.yaml").write_text(CONFIG % (COAST % lines))
    with pytest.raises(ConfigError, match=told):
        load_project(city / "config.yaml")


def test_what_a_hazard_is_made_from_must_fit_its_unit(city: Path) -> None:
    (city / "config.yaml").write_text((CONFIG % "").replace("    flood:\n", "    flood:\n      made_from: heights\n"))
    with pytest.raises(ConfigError, match="gives values in degree or m_distance, not a flood"):
        load_project(city / "config.yaml")


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{path: rp10.tif, return_period: 0.0}", "greater than 0"),
        ("{path: rp10.tif, return_period: -5.0}", "greater than 0"),
        ("{path: rp10.tif, return_period: 100.0}", "same scenario and return period"),
        ("{path: rp10.tif}", "every raster of a scenario a return period"),
    ],
)
def test_impossible_return_periods_are_refused_by_the_configuration(city: Path, event: str, told: str) -> None:
    (city / "config.yaml").write_text((CONFIG % "").replace("{path: rp10.tif, return_period: 10.0}", event))
    with pytest.raises(ConfigError, match=told):
        load_project(city / "config.yaml")


def test_djibouti_equals_its_known_answers(
    shared_data: Path, shared_golden: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEO_PROFILING_DATA", str(shared_data))
    region = load_project(repository / "configs/djibouti.yaml").regions[0]
    (tmp_path / "tables").mkdir()
    run_exposure(region, tmp_path, ONE)
    rows = pd.read_parquet(tmp_path / "tables/hazard_exposure.parquet")
    golden = json.loads((shared_golden / "hazard/expected_exposure_and_eae.json").read_text())
    for asset, key in (("buildings", "buildings_c"), ("buildings_footprint", "buildings_max"), ("streets", "roads_m")):
        case = golden["roads_m_ge_0.05" if key == "roads_m" else f"{key}_thr0.05"]
        annual = rows[(rows["asset"] == asset) & rows["return_period"].isna() & (rows["band"] == ">=0.05")]
        values = dict(zip(annual["unit"].str.partition(", ")[2], annual["value"], strict=True))
        assert values[""] == pytest.approx(case["trap_tail"], rel=1e-7)
        assert values["lower bound"] == pytest.approx(case["LB"], rel=1e-7)
    metres = pd.read_csv(shared_golden / "hazard/expected_road_m_by_band_rp.csv", index_col="band")
    streets = rows[(rows["asset"] == "streets") & rows["return_period"].notna()]
    wide = streets.pivot(index="band", columns="return_period", values="value")
    names = ["<0.05", "0.05-0.15", "0.15-0.3", "0.3-0.5", "0.5-1", "1-1.5", ">=1.5"]
    assert np.abs(wide.loc[names].to_numpy() - metres.to_numpy()).max() < 1e-3
