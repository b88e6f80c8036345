"""Indicators as they leave the house: SDMX-CSV, layers, report."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import box

from geo_profiling.errors import UsageError
from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.indicators.publication import FIELDS, wide_indicators
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.indicator_layers import INDICATOR_LAYERS, WIDE_LAYERS
from geo_profiling.outputs.layers import LAYERS, conform
from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_indicators import indicator_sections
from geo_profiling.outputs.report_profiles import profile_sections
from geo_profiling.outputs.sdmx import COLUMNS, sdmx_table
from geo_profiling.outputs.tables import write_csv

ROW = {
    "area_type": "settlement", "area_id": "S1", "indicator": "slum_household", "series": "EN_LND_SLUM",
    "time_period": "2020", "sex": "_T", "age": "_T", "urbanisation": "_T", "breakdown": "_T", "obs_value": 61.25,
    "unit_measure": "PT", "lower_bound": 50.0, "upper_bound": 71.0, "ci_method": "logit", "se": 5.0, "n": 80,
    "n_psu": 12, "df": 10, "n_eff": 60.0, "deff": 1.3, "obs_status": "A", "nature": "E", "components_used": "water",
    "denominator_scope": "all", "coverage_share": 1.0,
}  # fmt: skip

MANIFEST = Manifest(title="Port Serrano", region="port_serrano", year=2020, source="x", inputs=(), parameters={},
                    results={}, findings=(), versions={})  # fmt: skip


def table(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, **change} for change in changes])[list(FIELDS)]


def test_sdmx_has_its_columns_and_leaves_suppressed_values_empty(tmp_path: Path) -> None:
    blank = dict.fromkeys(("obs_value", "lower_bound", "upper_bound", "n", "n_psu"), None)
    rows = table({}, {"area_id": "S2", "obs_status": "Q", **blank}, {"indicator": "slum_area", "series": None},
                 {"breakdown": "wealth_quintile=Q1"}, {"breakdown": "is_slum_area=1", "urbanisation": "U"},
                 {"obs_value": 0.0})  # fmt: skip
    found = sdmx_table(rows)
    assert tuple(found.columns) == COLUMNS
    assert found["SERIES"].tolist()[2] == "X_slum_area"
    assert found["INCOME_WEALTH_QUANTILE"].tolist()[3:5] == ["Q1", "_T"]
    assert found["CUST_BREAKDOWN"].tolist()[3:5] == ["_T", "is_slum_area=1"]
    assert found["URBANISATION"].tolist()[4] == "U"
    assert found["REF_AREA"].iloc[0] == "settlement:S1"
    assert "components: water; denominator: all" in found["SOURCE_DETAIL"].iloc[0]
    assert "households" not in found["SOURCE_DETAIL"].iloc[1]
    write_csv(tmp_path / "i.csv", found)
    lines = (tmp_path / "i.csv").read_text().splitlines()
    assert ",2020,,PT,0,E,Q,,," in lines[2]
    assert ",2020,0.0,PT," in lines[6]


def test_every_indicator_has_its_fields_in_every_wide_layer() -> None:
    assert {layer.name for layer in INDICATOR_LAYERS} >= {name for name, _ in WIDE_LAYERS.values()}
    for name, _ in WIDE_LAYERS.values():
        fields = {field.name for field in LAYERS[name].fields}
        assert {f"{item}{end}" for item in CATALOGUE for end in ("", "_low", "_high")} <= fields


def test_wide_takes_totals_of_the_latest_year() -> None:
    rows = table({"time_period": "2010", "obs_value": 10.0}, {}, {"breakdown": "sex_of_head=F", "obs_value": 99.0},
                 {"area_id": "S2", "obs_value": None}, {"area_type": "unit", "area_id": "U"})  # fmt: skip
    found = wide_indicators(rows, "settlement")
    assert found["area_id"].tolist() == ["S1", "S2"]
    assert found["slum_household"].tolist() == pytest.approx([61.25, np.nan], nan_ok=True)
    assert list(found.columns) == ["area_id", "slum_household", "slum_household_low", "slum_household_high"]
    assert wide_indicators(rows, "zone").empty


def test_a_package_of_tables_and_a_wide_layer_reads_back(tmp_path: Path) -> None:
    rows = table({}, {"area_id": "S2", "obs_status": "Q", "obs_value": None, "n": None})
    alone = tmp_path / "alone.gpkg"
    write_geopackage(alone, {"indicators": rows}, run_info={"title": "x"}, title="x")
    assert gpd.read_file(alone, layer="indicators").shape == rows.shape
    wide = gpd.GeoDataFrame(
        wide_indicators(rows, "settlement").assign(name=["La Via", None]),
        geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs="ESRI:54009",
    )  # fmt: skip
    package = tmp_path / "both.gpkg"
    layers = {"indicators": rows, "indicators_by_settlement": wide}
    write_geopackage(package, layers, run_info={"title": "x"}, title="x")
    back = gpd.read_file(package, layer="indicators_by_settlement")
    assert back["slum_household"].tolist() == pytest.approx([61.25, np.nan], nan_ok=True)


def test_the_long_table_must_say_its_status() -> None:
    with pytest.raises(UsageError, match="obs_status"):
        conform("indicators", table({"obs_status": None}))


def sections(rows: pd.DataFrame, **layers: pd.DataFrame) -> list[str]:
    found = indicator_sections({"indicators": rows, **layers}, {}, MANIFEST)
    return [str(part) for section in found for part in (section.title, section.caveats, section.tables, section.text)]


def test_the_report_marks_what_rests_on_little_and_hides_what_is_suppressed() -> None:
    rows = table(
        {"area_type": "survey_area", "area_id": "city"}, {}, {"area_id": "S2", "obs_status": "U", "obs_value": 70.0},
        {"area_id": "S3", "obs_status": "Q", "obs_value": None, "lower_bound": None, "upper_bound": None, "n": None},
        {"area_id": "S4", "nature": "M", "n": None},
    )  # fmt: skip
    names = pd.DataFrame({"settlement_id": ["S1"], "name": ["La <Via>"]})
    found = indicator_sections({"indicators": rows, "settlements": names}, {}, MANIFEST)
    assert [section.title for section in found] == ["Indicators"]
    [cards] = profile_sections({"indicators": rows, "settlements": names}, {}, MANIFEST)
    text = str([section.tables for section in (*found, cards)])
    assert "61.3 % (50.0 to 71.0)" in text or "61.2 % (50.0 to 71.0)" in text
    assert "70.0 % (50.0 to 71.0)*" in text
    assert "too few households" in text
    assert "Port Serrano" in text
    assert "('Area of the survey', 'city'" not in text
    assert "modelled" in text
    assert [table.caption for table in cards.tables] == ["La <Via> (S1)", "S2", "S3", "S4"]
    [picture] = found[0].pictures
    assert picture.png.startswith(b"\x89PNG")
    assert (
        picture.png == indicator_sections({"indicators": rows, "settlements": names}, {}, MANIFEST)[0].pictures[0].png
    )


def test_records_of_a_city_and_no_indicators_at_all() -> None:
    rows = table({"area_type": "jurisdiction", "area_id": "A", "indicator": "women_seats", "series": "SG_GEN_LOCGELS",
                  "nature": "C", "obs_value": 25.0, "lower_bound": None, "upper_bound": None, "n": None})  # fmt: skip
    [section] = indicator_sections({"indicators": rows}, {}, MANIFEST)
    assert "25.0 %" in str(section.tables)
    assert indicator_sections({"indicators": rows.iloc[:0]}, {}, MANIFEST) == []


def test_figures_that_are_easily_mixed_up_stand_side_by_side() -> None:
    whole = {"area_type": "survey_area", "area_id": "port_serrano"}
    values = {"slum_household": 30.0, "households_in_slum_conditions": 27.0, "slum_area": 10.0, "slum_both": 9.0,
              "slum_area_only": 1.0, "slum_household_only": 21.0, "slum_neither": 69.0, "water_safely_managed": 12.0,
              "water_safely_managed_minimum": 34.0}  # fmt: skip
    rows = table(*({**whole, "indicator": name, "obs_value": value} for name, value in values.items()))
    register = [
        {"area_type": kind, "area_id": area, "indicator": name, "sex": sex, "obs_value": 20.0, "nature": "C",
         "lower_bound": None, "upper_bound": None}
        for kind, area in (("register_area", "port_serrano"), ("settlement", "S1"))
        for name in ("tenure_documented", "tenure_secure")
        for sex in ("_T", "F", "M")
    ]  # fmt: skip
    rows = pd.concat([rows, table(*register)], ignore_index=True)
    [found] = indicator_sections({"indicators": rows}, {}, MANIFEST)
    by = {one.caption: one.rows for one in found.tables}
    [two_ways] = [one for caption, one in by.items() if caption.startswith("Slums by area")]
    assert [row[0] for row in two_ways] == ["In slum areas", "Elsewhere", "All people"]
    assert two_ways[0][1].startswith("9.0 %")
    assert two_ways[0][3].startswith("10.0 %")
    [pairs] = [one for caption, one in by.items() if caption.startswith("People and households")]
    assert (pairs[0][1][:6], pairs[0][2][:6]) == ("30.0 %", "27.0 %")
    [readings] = [one for caption, one in by.items() if caption.startswith("Two readings")]
    assert [row[1][:6] for row in readings] == ["12.0 %", "34.0 %"]
    tenure = by["Secure tenure of adults (SDG 1.4.2)"]
    assert [row[1] for row in tenure] == ["all adults", "women", "men"] * 2
    assert tenure[0][2] == "20.0 %"
    # A share of households does not stand among those of people.
    assert not any("share of households" in row[0] for row in found.tables[0].rows)


def test_inequality_is_told_in_words() -> None:
    blank = dict.fromkeys(("gap_low_pct", "gap_high_pct", "gini", "theil", "theil_between", "n_areas"), np.nan)
    compared = pd.DataFrame(
        [
            {**blank, "indicator": "slum_household", "comparison": "between groups: core and commuting zone: F",
             "first": "city_core", "second": "commuting_zone", "gap_pct": -12.0, "gap_low_pct": -20.0,
             "gap_high_pct": -4.0, "ratio": 0.7, "n_modelled": 0},
            {**blank, "indicator": "slum_household", "comparison": "between areas: settlement", "first": "S1",
             "second": "S2", "gap_pct": 9.0, "ratio": 1.2, "gini": 0.1, "n_areas": 12, "n_modelled": 5},
        ]
    )  # fmt: skip
    names = pd.DataFrame({"fua_id": ["F"], "name": ["Serrano"], "population": [5.0]})
    layers = {"indicators": table({}), "indicator_inequality": compared, "functional_urban_areas": names}
    [found] = indicator_sections(layers, {}, MANIFEST)
    rows = found.tables[-1].rows
    assert rows[0][1:5] == (
        "Core and commuting zone of Serrano", "core of the city", "commuting zone", "-12.0 (-20.0 to -4.0)",
    )  # fmt: skip
    assert rows[1][6] == "0.100"
    assert rows[1][-1] == "12, 5 modelled"
