"""Indicators of a region from files: Dhaka's survey, the sample city's, tables of a city; what is refused and why."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.outputs.layers import conform
from pipelines.check_indicators import indicator_findings
from pipelines.city_tables import city_records
from pipelines.households import read_households
from pipelines.indicators import _from_households, nested_areas, run_indicators
from pipelines.steps.indicators import indicator_steps, wide_kinds

SURVEY = """\
version: 1
name: City
inputs:
  households:
    year: 2020
    table: {path: survey.csv}
    built_in_mapping: plain
    EXTRA
indicators:
  areas: {settlement: settlement_id, unit: unit_id}
  breakdowns: [is_slum_area]
  RULES
regions: [{name: city}]
output: {directory: out}
"""


@pytest.fixture
def survey(tmp_path: Path, sample_data: Path) -> Path:
    shutil.copy(sample_data / "household_survey_2020.csv", tmp_path / "survey.csv")
    return tmp_path / "survey.csv"


def region_of(folder: Path, text: str = SURVEY, *, extra: str = "", rules: str = "") -> RegionSettings:
    path = folder / "city.yaml"
    path.write_text(text.replace("EXTRA", extra).replace("RULES", rules))
    return load_project(path).regions[0]


def run(region: RegionSettings, folder: Path) -> pd.DataFrame:
    out = folder / "out" / region.name
    (out / "tables").mkdir(parents=True, exist_ok=True)
    run_indicators(region, out, Compute())
    for step in indicator_steps(region, out, []):
        assert [name for name in step.outputs if not (out / name).is_file()] == []
    return pd.read_parquet(out / "tables/indicators.parquet")


def test_a_survey_alone_makes_indicators(survey: Path, tmp_path: Path) -> None:
    table = run(region_of(tmp_path), tmp_path)
    assert set(table["area_type"]) == {"survey_area", "settlement", "unit"}
    whole = table[(table["area_type"] == "survey_area") & (table["breakdown"] == "_T")].set_index("indicator")
    assert whole.loc["slum_household", "area_id"] == "city"
    assert 25 < whole.loc["slum_household", "obs_value"] < 37
    assert conform("indicators", table).shape == table.shape
    compared = pd.read_parquet(tmp_path / "out/city/tables/indicator_inequality.parquet")
    assert conform("indicator_inequality", compared).shape == compared.shape
    gap = compared[(compared["indicator"] == "slum_household") & compared["comparison"].str.contains("groups")].iloc[0]
    assert gap["gap_low_pct"] < gap["gap_pct"] < gap["gap_high_pct"]
    csv = pd.read_csv(tmp_path / "out/city/indicators.csv")
    assert len(csv) == len(table)
    assert csv.loc[csv["OBS_STATUS"] == "Q", "OBS_VALUE"].isna().all()


def test_inequality_inside_the_metropolis_stands_in_the_output(survey: Path, tmp_path: Path) -> None:
    tables = tmp_path / "out/city/tables"
    tables.mkdir(parents=True)
    square = shapely.box(0, 0, 1000, 1000)
    units = {"04001": "C", "04002": "C", "04005": None, "04006": None, "04023": None}
    gpd.GeoDataFrame(
        {"unit_id": list(units), "city_id": list(units.values()), "fua_id": ["F"] * 4 + [None]},
        geometry=[square] * 5, crs="ESRI:54009",
    ).to_parquet(tables / "fua_units.parquet")  # fmt: skip
    text = SURVEY.replace("[is_slum_area]", "[is_slum_area, sex_of_head, age_of_head, wealth_quintile]")
    table = run(region_of(tmp_path, text), tmp_path)
    compared = pd.read_parquet(tables / "indicator_inequality.parquet")
    slum = compared[compared["indicator"] == "slum_household"].set_index("comparison")
    assert set(slum.index) == {
        "between areas: settlement", "between areas: unit", "between groups: age_of_head",
        "between groups: core and commuting zone: F", "between groups: is_slum_area", "between groups: sex_of_head",
        "between groups: wealth_quintile",
    }  # fmt: skip
    whole = table[table["indicator"] == "slum_household"]
    for kind, value in (("city_core", "lowest_pct"), ("commuting_zone", "highest_pct")):
        row = whole[(whole["area_type"] == kind) & (whole["breakdown"] == "_T")]
        assert slum.loc["between groups: core and commuting zone: F", value] == pytest.approx(row["obs_value"].item())
    gap = slum.loc["between groups: core and commuting zone: F"]
    assert gap["gap_low_pct"] < gap["gap_pct"] < gap["gap_high_pct"] < 0
    assert slum.loc["between groups: sex_of_head", ["gap_low_pct", "gap_high_pct"]].isna().all()
    units_row = slum.loc["between areas: unit"]
    assert 0 < units_row["gini"] < 1
    assert units_row["theil"] > 0
    assert units_row["n_modelled"] == 0
    ages = set(whole.loc[whole["breakdown"].str.startswith("age_of_head"), "breakdown"])
    assert ages == {"age_of_head=Y_LT35", "age_of_head=Y35T59", "age_of_head=Y_GE60"}


def test_the_order_of_rows_changes_no_byte(survey: Path, tmp_path: Path) -> None:
    region = region_of(tmp_path)
    run(region, tmp_path)
    files = ["tables/indicators.parquet", "tables/indicator_inequality.parquet", "indicators.csv"]
    before = [(tmp_path / "out/city" / name).read_bytes() for name in files]
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    table.sample(frac=1, random_state=3).to_csv(survey, index=False)
    run(region, tmp_path)
    assert [(tmp_path / "out/city" / name).read_bytes() for name in files] == before


def test_what_is_wrong_is_found_before_the_run(survey: Path, tmp_path: Path) -> None:
    assert indicator_findings(region_of(tmp_path)) == []
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    table.loc[:2, "toilet"] = "privy"
    table.loc[5, "weight"] = "-1"
    table.to_csv(survey, index=False)
    found = indicator_findings(region_of(tmp_path))
    text = " ".join(str(finding) for finding in found)
    assert {finding.severity for finding in found} == {"error"}
    assert "'privy' in 3 rows" in text
    assert "weight is negative in 1 rows" in text


def test_breakdowns_that_are_not_there_and_components_that_were_not_asked(survey: Path, tmp_path: Path) -> None:
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    table.drop(columns=["is_slum_area", "tenure_documented"]).to_csv(survey, index=False)
    [found] = indicator_findings(region_of(tmp_path))
    assert "has no variable 'is_slum_area'" in found.message
    [found] = indicator_findings(region_of(tmp_path, rules="slum: {components: [water, tenure]}"))
    assert "nothing of 'tenure'" in found.message


LAYERED = SURVEY.replace(
    "inputs:\n",
    """inputs:
  settlements: {path: slums.gpkg, id_field: settlement_id}
  hazards: {flood: {kind: flood, nodata_means: dry, events: [{path: depth.tif, return_period: 100.0}]}}
""",
)


@pytest.fixture
def layered(survey: Path, tmp_path: Path) -> Path:
    """A survey that asked neither for hazardous ground nor for documents, and what layers tell of four settlements."""
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    table.drop(columns=["hazardous_location", "tenure_documented", "is_slum_area"]).to_csv(survey, index=False)
    for name in ("slums.gpkg", "depth.tif"):
        (tmp_path / name).touch()
    tables = tmp_path / "out/city/tables"
    tables.mkdir(parents=True)
    pd.DataFrame(
        {"settlement_id": ["S01", "S02", "S03"], "hazardous_share_low": [0.9, 0.5, 0.3],
         "hazardous_share_high": [0.9, 1.0, 0.7]}
    ).to_parquet(tables / "settlement_hazard.parquet")  # fmt: skip
    return tables


def layered_region(folder: Path, rules: str = "", text: str = LAYERED) -> RegionSettings:
    region = region_of(folder, text, rules=rules)
    # Polygons are not read: the survey names the settlement of each household.
    return replace(region, inputs=region.inputs.model_copy(update={"population": None}))


def totals(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    rows = table[(table["area_type"] == kind) & (table["breakdown"] == "_T") & (table["sex"] == "_T")]
    return rows.set_index(["area_id", "indicator"])


def made(region: RegionSettings, folder: Path) -> pd.DataFrame:
    """Return the table without the wide layers, which need the polygons."""
    published, *_ = _from_households(region, folder / "out/city", read_households(region), Compute())
    return published


def test_hazardous_location_comes_from_the_layer_where_the_survey_did_not_ask(layered: Path, tmp_path: Path) -> None:
    rules = "slum: {from_layers: [hazardous_location]}\n  min_households: 2\n  caution_households: 2"
    plain = rules.replace("[hazardous_location]", "[]")
    text = LAYERED.replace("breakdowns: [is_slum_area]", "")
    with_layer, without = (made(layered_region(tmp_path, own, text), tmp_path) for own in (rules, plain))
    new, old = (
        totals(table, "settlement")["obs_value"].xs("deprived_durability", level=1) for table in (with_layer, without)
    )
    assert new[["S01", "S02"]].tolist() == [100.0, 100.0]
    # Bounds on both sides of the half, and no figure at all: the dwelling alone decides.
    assert new.drop(["S01", "S02"]).equals(old.drop(["S01", "S02"]))
    assert old.max() < 100
    city = totals(with_layer, "survey_area")
    assert city["obs_value"].xs("slum_household", level=1).item() < 40
    assert city["coverage_share"].xs("slum_household", level=1).item() > 0.95
    used = city["components_used"].xs("slum_household", level=1).item()
    assert used.startswith("water+sanitation+living_area+durability, hazardous location from layers of settlements (")
    assert used.endswith("% of people), lower bound")
    wide = made(layered_region(tmp_path, f"{rules}\n  missing_of: {{slum_household: bounds}}", text), tmp_path)
    rows = totals(wide, "survey_area").loc[("city", "slum_household")]
    assert rows["obs_value"] == pytest.approx(city.loc[("city", "slum_household"), "obs_value"])
    assert rows["upper_bound"] > 95


def test_tenure_and_slum_areas_come_from_layers(layered: Path, tmp_path: Path) -> None:
    rows = [
        {"settlement_id": place, "measure": measure, "sex": "all", "tenure_type": "all", "n": n, "n_known": known,
         "n_total": 100.0}
        for place, measure, n, known in [
            ("S01", "documented", 10.0, 100.0), ("S01", "perceived", 20.0, 100.0), ("S02", "documented", 80.0, 100.0),
            ("S02", "perceived", 20.0, 100.0), ("S03", "documented", 30.0, 50.0), ("S03", "perceived", 10.0, 100.0),
        ]
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(layered / "tenure_shares.parquet")
    register = "tenure: {parties: {path: p.csv}, spatial_units: {path: u.csv}, rights: {path: r.csv}}"
    text = LAYERED.replace("inputs:\n", f"inputs:\n  {register}\n")
    region = layered_region(tmp_path, "min_households: 2\n  caution_households: 2", text)
    table = made(region, tmp_path)
    own = totals(table, "settlement")
    tenure = own["obs_value"].xs("deprived_tenure", level=1)
    assert tenure.dropna().to_dict() == {"S01": 100.0, "S02": 0.0}
    assert set(own["denominator_scope"].xs("deprived_tenure", level=1)) == {
        "people of settlements with a register of tenure"
    }
    city = totals(table, "survey_area").xs("city")
    assert city.loc["deprived_tenure", "coverage_share"] < 0.1
    assert "durability+tenure, hazardous" in city.loc["slum_household", "components_used"]
    assert city.loc["slum_household", "obs_value"] < 40
    both = city.loc[["slum_both", "slum_area_only", "slum_household_only", "slum_neither"], "obs_value"]
    assert both.sum() == pytest.approx(100)
    assert both[["slum_both", "slum_area_only"]].sum() == pytest.approx(city.loc["slum_area", "obs_value"], abs=0.2)
    assert city.loc["slum_area", "components_used"] == "by the polygons of settlements"


def test_a_column_of_the_survey_wins_over_a_layer(survey: Path, tmp_path: Path) -> None:
    tables = tmp_path / "out/city/tables"
    tables.mkdir(parents=True)
    for name in ("slums.gpkg", "depth.tif"):
        (tmp_path / name).touch()
    region = layered_region(tmp_path)
    before = made(region, tmp_path)
    pd.DataFrame(
        {"settlement_id": ["S02"], "hazardous_share_low": [0.0], "hazardous_share_high": [0.0]}
    ).to_parquet(tables / "settlement_hazard.parquet")  # fmt: skip
    pd.testing.assert_frame_equal(made(region, tmp_path), before)
    assert not before["components_used"].fillna("").str.contains("layers").any()


def test_components_that_only_layers_tell_pass_the_check(layered: Path, tmp_path: Path) -> None:
    rules = "slum: {components: [water, durability]}"
    assert indicator_findings(layered_region(tmp_path, rules)) == []
    assert indicator_findings(layered_region(tmp_path, "slum: {from_layers: []}"))[0].message.endswith("'is_slum_area'")


def test_weights_by_people_of_psus_and_more_tables(survey: Path, tmp_path: Path) -> None:
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    psus = table["psu"].drop_duplicates()
    pd.DataFrame({"psu": psus, "people": np.arange(len(psus)) + 100}).to_csv(tmp_path / "psus.csv", index=False)
    table[["household_id", "rooms"]].to_csv(tmp_path / "rooms.csv", index=False)
    table.drop(columns=["rooms", "weight"]).to_csv(survey, index=False)
    (tmp_path / "own.yaml").write_text(
        "extends: plain\nname: own\nweight: {column: people_weight}\nweight_of: people\n"
    )
    extra = """mapping: {path: own.yaml}
    joined: [{path: rooms.csv, key: household_id}]
    psu_populations: {path: psus.csv, psu: psu, population: people}"""
    text = SURVEY.replace("built_in_mapping: plain\n    ", "")
    region = region_of(tmp_path, text, extra=extra)
    found = run(region, tmp_path)
    assert found.loc[found["indicator"] == "deprived_living_area", "obs_value"].notna().any()
    table.iloc[10:][["household_id", "rooms"]].to_csv(tmp_path / "rooms.csv", index=False)
    with pytest.raises(InputError, match="lacks 10 households"):
        run(region, tmp_path)


def test_dhaka_by_corporation_and_zone(shared_data: Path, repository: Path, tmp_path: Path) -> None:
    region = load_project(repository / "configs/dhaka.yaml").regions[0]
    assert indicator_findings(region) == []
    (tmp_path / "tables").mkdir()
    run_indicators(region, tmp_path, Compute())
    table = pd.read_parquet(tmp_path / "tables/indicators.parquet")
    slum = table[(table["indicator"] == "slum_household") & (table["breakdown"] == "_T")]
    assert slum.groupby("area_type").size().to_dict() == {"city_corporation": 3, "survey_area": 1, "zone": 9}
    whole = slum[slum["area_type"] == "survey_area"].iloc[0]
    assert (whole["n"], whole["n_psu"], whole["df"]) == (1282, 641, 623)
    assert whole["components_used"] == "water+sanitation+living_area+durability, lower bound"
    parts = table[(table["indicator"] == "slum_household") & (table["area_type"] == "survey_area")]
    assert {"_T", "is_slum_area=1", "is_slum_area=0"} <= set(parts["breakdown"])


def test_thanas_of_dhaka_are_refused_with_the_reason(shared_data: Path, repository: Path, tmp_path: Path) -> None:
    text = (repository / "configs/dhaka.yaml").read_text()
    text = text.replace("${GEO_PROFILING_DATA:-../../shared/data}", str(shared_data))
    text = text.replace("dhaka_households.yaml", str(repository / "configs/dhaka_households.yaml"))
    text = text.replace("allowed_roots: [", f'allowed_roots: ["{repository}", ')
    thanas = gpd.read_file(shared_data / "dhaka/thanas.gpkg")
    id_field = next(name for name in thanas.columns if thanas[name].is_unique and name != "geometry")
    units = f"inputs:\n  units: {{path: {shared_data}/dhaka/thanas.gpkg, id_field: {id_field}}}\n"
    text = text.replace("inputs:\n", units, 1).replace("indicators:\n", "indicators:\n  place_in: [units]\n", 1)
    path = tmp_path / "thanas.yaml"
    path.write_text(text)
    region = load_project(path).regions[0]
    with pytest.raises(InputError, match=r"cannot be placed in \d+ of 41 areas.*rounded and right to 800 m"):
        run_indicators(region, tmp_path, Compute())


def test_displaced_clusters_are_refused_for_slums_and_taken_for_a_city(survey: Path, tmp_path: Path) -> None:
    table = pd.read_csv(survey, dtype=str, keep_default_na=False)
    table.assign(lon="31.0", lat="-17.8").to_csv(survey, index=False)
    centre = gpd.GeoSeries([shapely.Point(31.0, -17.8)], crs="EPSG:4326").to_crs("EPSG:32736").iloc[0]
    extra = "coordinates: {longitude: lon, latitude: lat, reason: displaced, accuracy_m: 2000.0}"
    text = SURVEY.replace("inputs:\n", "inputs:\n  settlements: {path: slums.gpkg, id_field: slum}\n")
    for radius, is_refused in ((400.0, True), (30_000.0, False)):
        slums = gpd.GeoDataFrame({"slum": ["S1"]}, geometry=[centre.buffer(radius)], crs="EPSG:32736")
        slums.to_file(tmp_path / "slums.gpkg")
        region = region_of(tmp_path, text, extra=extra, rules="place_in: [settlements]")
        if is_refused:
            with pytest.raises(InputError, match=r"1 of 1 areas \(S1\).*displaced on purpose"):
                run(region, tmp_path)
        else:
            table = run(region, tmp_path)
            own = table[(table["area_type"] == "settlement") & (table["indicator"] == "slum_area")]
            assert set(own["area_id"]) == {"S1"}
    wide = gpd.read_parquet(tmp_path / "out/city/tables/indicators_by_settlement.parquet")
    assert conform("indicators_by_settlement", wide)["slum_household"].notna().all()
    assert wide_kinds(region) == ["settlement"]


def test_tables_of_a_city(tmp_path: Path) -> None:
    files = {
        "spending": "jurisdiction,year,service,amount,currency,population\nA,2021,water,500,KES,100\n"
        "A,2021,waste,250,KES,100\n",
        "seats": "jurisdiction,year,women,men,vacant\nA,2021,3,9,2\n",
        "work": "jurisdiction,year,employed,unemployed,youth,youth_employed,youth_in_school_not_employed\n"
        "A,2021,90,10,200,80,80\n",
        "migration_policies": "city_id,year,has_policy\nA,2021,1\nB,2021,0\n",
        "ratings": "jurisdiction,year,rating\nA,2021,2\nA,2021,4\n",
        "policies": "policy_id,year,theme,milestone\np,2020,housing,drafted\np,2021,housing,adopted\n",
        "projects": "project_id,year,total,women,men,reach\nA,2021,130,90,40,direct\nB,2021,150,70,80,direct\n"
        "C,2021,120,70,50,\nD,2021,90,45,45,direct\nE,2021,1000,,,indirect\n",
        "overlaps": "first,second\nA,B\nB,C\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    listed = "\n".join(f"    {name}: {{path: {name}.csv}}" for name in files)
    text = f"version: 1\nname: C\ninputs:\n  tables:\n{listed}\nindicators: {{}}\nregions: [{{name: c}}]\n"
    region = region_of(tmp_path, text + "output: {directory: out}\n")
    table = run(region, tmp_path)
    latest = table[table["time_period"] == "2021"]
    value = latest[(latest["breakdown"] == "_T") & (latest["sex"] == "_T")].set_index("indicator")["obs_value"]
    assert value[
        ["municipal_spending_per_person", "women_seats", "unemployment", "youth_neet", "migration_policies",
         "informal_economy_rating", "beneficiaries_direct", "beneficiaries_indirect"]
    ].tolist() == pytest.approx([7.5, 25, 10, 20, 1, 3, 240, 1000])  # fmt: skip
    direct = latest[latest["indicator"] == "beneficiaries_direct"].set_index(["sex", "breakdown"])["obs_value"]
    assert direct["F", "_T"] == 115
    assert direct["M", "_T"] == 125
    assert direct["_T", "reading=largest set without overlap"] == 340
    milestones = table[table["indicator"] == "policies_by_milestone"].set_index(["time_period", "breakdown"])
    assert milestones.loc[("2021", "theme=housing, adopted"), "obs_value"] == 1
    assert milestones.loc[("2021", "theme=housing, drafted"), "obs_value"] == 0
    assert set(table["nature"]) == {"C"}
    (tmp_path / "seats.csv").write_text("jurisdiction,year,women,men,vacant\nA,2021,three,9,2\n")
    with pytest.raises(InputError, match="'three' in column 'women' is no number"):
        city_records(region)
    assert [finding.severity for finding in indicator_findings(region)] == ["error"]


def test_nothing_to_compute_from_is_an_error(tmp_path: Path) -> None:
    text = "version: 1\nname: C\ninputs: {}\nindicators: {}\nregions: [{name: c}]\noutput: {directory: out}\n"
    with pytest.raises(InputError, match="nothing to compute indicators from"):
        run_indicators(region_of(tmp_path, text), tmp_path, Compute())


def test_nesting_is_found_from_the_households() -> None:
    areas = {
        "zone": pd.Series(["1", "1", "2", "3", "3", None]),
        "corporation": pd.Series(["N", "N", "S", "N", "S", "S"]),
    }
    assert nested_areas(areas) == {("zone", "1"): "corporation/N", ("zone", "2"): "corporation/S"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("modelled_by: urbanisation", "name 'urbanisation' among the breakdowns"),
        ("caution_households: 10", "caution_households"),
        ("slum: {components: [light]}", "components"),
    ],
)
def test_choices_that_cannot_be_meant(tmp_path: Path, rules: str, words: str) -> None:
    from geo_profiling.errors import ConfigError

    with pytest.raises(ConfigError, match=words):
        region_of(tmp_path, rules=rules)


@pytest.fixture
def metropolis(tmp_path: Path, sample_data: Path) -> Any:
    for name in ("population_2020_1km.tif", "population_2010_1km.tif", "built_up_2020_1km.tif", "built_up_2010_1km.tif",
                 "municipalities.gpkg", "informal_settlements.gpkg", "stops.gpkg", "open_spaces.gpkg", "streets.gpkg",
                 "household_survey_2020.csv"):  # fmt: skip
        shutil.copy(sample_data / name, tmp_path / name)
    text = """\
version: 1
name: City
inputs:
  population: {path: population_2020_1km.tif, year: 2020}
  built_up: {path: built_up_2020_1km.tif}
  units: {path: municipalities.gpkg, id_field: unit_id, name_field: name}
  settlements: {path: informal_settlements.gpkg, id_field: settlement_id, name_field: name}
  transit: {path: stops.gpkg, id_field: stop_id, capacity_field: capacity}
  open_spaces: {path: open_spaces.gpkg, access_field: access}
  epochs:
    - population: {path: population_2010_1km.tif, year: 2010}
      built_up: {path: built_up_2010_1km.tif}
  households:
    year: 2020
    table: {path: household_survey_2020.csv}
    built_in_mapping: plain
  STREETS
indicators:
  areas: {settlement: settlement_id, unit: unit_id}
  breakdowns: [is_slum_area]
  modelled_by: is_slum_area
regions: [{name: city}]
output: {directory: out}
"""

    def made(streets: str) -> pd.DataFrame:
        region = region_of(tmp_path, text.replace("STREETS", streets))
        out = tmp_path / "out/city/tables"
        out.mkdir(parents=True, exist_ok=True)
        # Centres as the run would lay them out: one, where the city is.
        centre = gpd.GeoDataFrame(
            {"centre_id": ["UC"]}, geometry=[shapely.box(93_000, 4_790_000, 105_000, 4_802_000)], crs="ESRI:54009"
        )
        centre.to_parquet(out / "urban_centres.parquet")
        return run(region, tmp_path)

    return made


def test_places_by_streets_and_straight(metropolis: Any) -> None:
    straight = metropolis("")
    streets = metropolis("streets: {path: streets.gpkg}")
    for name in ("public_transport_access", "open_space_access"):
        by = {}
        for kind, table in (("euclid", straight), ("street", streets)):
            rows = table[(table["indicator"] == name) & (table["area_type"] == "settlement")].set_index("area_id")
            assert rows["components_used"].str.startswith(kind).all()
            by[kind] = rows["obs_value"]
        assert (by["street"] <= by["euclid"] + 1e-9).all()
        assert by["street"].max() > 0
    land = straight[straight["indicator"] == "land_consumption_ratio"]
    assert set(land["breakdown"]) == {"period=2010-2020"}
    assert set(land["unit_measure"]) == {"RATIO"}
    share = straight[straight["indicator"] == "open_space_share"]
    assert (share["components_used"] == "open space only: lower bound").all()
    # Who could not be asked is not modelled: a far municipality has no value.
    slum = straight[(straight["indicator"] == "slum_household") & (straight["breakdown"] == "_T")]
    units = slum[slum["area_type"] == "unit"].set_index("area_id")
    assert "04017" not in units.index
    assert set(slum.loc[slum["area_type"] == "rest_of_city", "nature"]) == {"M"}
    assert set(slum["nature"]) == {"E", "M"}
