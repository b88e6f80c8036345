"""What the report says of hazards, of the groups of a chart and of each settlement, in words and names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_exposure import exposure_sections
from geo_profiling.outputs.report_indicator_charts import _city, _group
from geo_profiling.outputs.report_names import AreaNames
from geo_profiling.outputs.report_profiles import profile_sections
from geo_profiling.outputs.report_section import ReportSection, table_of

MANIFEST = Manifest(title="Port Serrano", region="port_serrano", year=2020, source="x", inputs=(), parameters={},
                    results={}, findings=(), versions={})  # fmt: skip
AREA = {"area_type": "functional_urban_area", "area_id": "UC_E1_N1", "hazard": "river flood", "return_period": 100.0}
RATIO = {
    **AREA, "threshold": ">=0.15", "people_known": 1000.0, "people_exposed": 50.0, "exposed_share": 0.05,
    "settlement_people": 100.0, "settlement_exposed": 20.0, "settlement_share": 0.2, "rest_share": 1 / 30,
    "ratio": 6.0, "exposed_settlements_low": 20.0, "exposed_settlements_high": 25.0,
}  # fmt: skip
EXPOSED = {**AREA, "band": "0.15-0.5", "asset": "population", "value": 50.0, "unit": "people", "coverage_share": 1.0}
ANNUAL = {**EXPOSED, "return_period": np.nan, "band": ">=0.15"}
LAYERS = {
    "functional_urban_areas": pd.DataFrame({"fua_id": ["UC_E1_N1"], "name": ["La Via"], "population": [1000.0]}),
    "settlements": pd.DataFrame(
        {"settlement_id": ["S1", "S2"], "name": ["El Estero", None], "population": [90.0, np.nan],
         "population_source": ["enumerated", None], "k_max": [17, None], "water": ["piped_regular", None],
         "threatened_share": [0.0, np.nan]}
    ),
    "hazard_exposure": pd.DataFrame([
        EXPOSED,
        {**ANNUAL, "value": 8.0, "unit": "people a year"},
        {**ANNUAL, "value": 6.0, "unit": "people a year, lower bound"},
        {**ANNUAL, "value": 10.0, "unit": "people a year, upper bound"},
    ]),
}  # fmt: skip


def exposure(*ratios: dict[str, object]) -> ReportSection:
    [section] = exposure_sections({**LAYERS, "hazard_ratios": pd.DataFrame(ratios)}, {}, MANIFEST)
    return section


def of_settlement(identifier: str, share: float) -> dict[str, object]:
    return {**RATIO, "area_type": "settlement", "area_id": identifier, "exposed_share": share, "ratio": np.nan}


def test_exposure_is_said_in_people_how_often_and_beside_the_rest() -> None:
    section = exposure(RATIO, of_settlement("S1", 0.2), of_settlement("S2", np.nan))
    text = " ".join(section.text)
    assert "River flood, 1 in 100 years (0.15 or more): 50 people of La Via and its commuting zone" in text
    assert "5.0 %" in text
    assert "In informal settlements it is 20.0 %, in the rest 3.3 %: 6.0 times the share of the rest." in text
    assert "8 people a year on average, between 6 and 10." in text
    assert any("half" in caveat for caveat in section.caveats)
    assert section.tables[0].rows == (("El Estero", "90", "20.0 %"),)
    assert "unknown for 1 more" in section.tables[0].caption
    assert "UC_E1_N1" not in str(section.tables)


def test_people_where_several_hazards_meet_are_told() -> None:
    sets = [("none", 0, 900.0), ("unknown", pd.NA, 10.0), ("heat + river flood", 2, 60.0), ("heat + slope", 2, 30.0)]
    joint = [
        {"area_type": "functional_urban_area", "area_id": "UC_E1_N1", "hazards": name, "n_hazards": n, "value": value,
         "unit": "people", "coverage_share": 0.9}
        for name, n, value in sets
    ]  # fmt: skip
    layers = {**LAYERS, "joint_exposure": pd.DataFrame(joint).astype({"n_hazards": "Int64"})}
    [section] = exposure_sections(layers, {}, MANIFEST)
    text = " ".join(section.text)
    assert "90 people of La Via and its commuting zone (9.0 %) live where two or more hazards meet" in text
    assert "most of them heat and river flood (60)" in text
    assert ("Functional urban area", "La Via", "heat + slope", "2", "30", "90.0 %") in section.tables[0].rows


def test_nobody_exposed_and_unknown_are_told_apart() -> None:
    nobody = {**RATIO, "people_exposed": 0.0, "exposed_share": 0.0, "settlement_share": 0.0, "ratio": np.nan}
    assert "nobody of La Via" in " ".join(exposure(nobody).text)
    unknown = {**RATIO, "people_exposed": np.nan, "exposed_share": np.nan}
    text = " ".join(exposure(unknown).text)
    assert "unknown for La Via" in text
    assert "nobody" not in text


def test_a_smaller_share_in_settlements_is_no_multiple() -> None:
    less = {**RATIO, "settlement_share": 0.01, "rest_share": 0.055, "ratio": 0.18}
    text = " ".join(exposure(less).text)
    assert "no larger share than in the rest" in text
    assert "times the share" not in text


def test_no_ratios_leave_the_bands() -> None:
    [section] = exposure_sections(LAYERS, {"hazardous_location": b"png"}, MANIFEST)
    assert [table.caption.split(";")[0] for table in section.tables] == [
        "Expected annual exposure and its bounds", "What stands in each band",
    ]  # fmt: skip
    assert [picture.png for picture in section.pictures] == [b"png"]


def indicator(kind: str, identifier: str, value: float, **changes: object) -> dict[str, object]:
    row = {"area_type": kind, "area_id": identifier, "indicator": "slum_household", "breakdown": "_T", "sex": "_T",
           "urbanisation": "_T", "time_period": "2020", "obs_value": value, "lower_bound": value - 5,
           "upper_bound": value + 5, "unit_measure": "PT", "obs_status": "A", "nature": "E", "n": 60.0}  # fmt: skip
    return row | changes


def test_charts_tell_the_city_from_slums_and_name_each_area_once() -> None:
    names = AreaNames(LAYERS, "Port Serrano")
    rows = pd.DataFrame([
        indicator("survey_area", "port_serrano", 30.0),
        indicator("survey_area", "port_serrano", 90.0, breakdown="is_slum_area=1"),
        indicator("survey_area", "port_serrano", 20.0, breakdown="is_slum_area=0"),
        indicator("functional_urban_area", "UC_E1_N1", 27.0, nature="M"),
        indicator("agglomeration", "CL_E1_N1", 27.0),
    ])  # fmt: skip
    found = _city(rows, names)
    assert [row.label for row in found] == [
        "The city as a whole", "Port Serrano: whole survey", "Port Serrano: in slum areas",
        "Port Serrano: outside slum areas", "La Via: city and commuting zone",
    ]  # fmt: skip
    assert [row.is_modelled for row in found] == [False, False, False, False, True]


def test_groups_are_short_and_say_what_is_left_out() -> None:
    called = ["Same", "Same", *[f"U{i}" for i in range(28)]]
    units = pd.DataFrame({"unit_id": [f"{i}" for i in range(30)], "name": called,
                          "population": [float(1000 - i) for i in range(30)]})  # fmt: skip
    names = AreaNames({"units": units})
    rows = [indicator("unit", str(i), float(i)) for i in range(20)]
    rows += [indicator("unit", str(i), np.nan, obs_status="Q") for i in range(20, 25)]
    found = _group("unit", pd.DataFrame(rows), names)
    assert found[0].is_heading
    assert found[0].label.endswith("the 9 most populous of 20")
    assert len(found) == 11
    assert {"Same (0)", "Same (1)"} <= {row.label for row in found}
    values = [row.value for row in found[1:-1]]
    assert values == sorted(values, reverse=True)  # type: ignore[type-var]
    assert "U18, U19, U20 and 2 more" in found[-1].label
    assert _group("unit", pd.DataFrame(rows).iloc[:0], names) == []


def test_a_card_holds_what_is_known_and_nothing_else() -> None:
    layers = {**LAYERS, "hazard_ratios": pd.DataFrame([of_settlement("S1", 0.2)]),
              "indicators": pd.DataFrame([indicator("settlement", "S1", 61.0),
                                          indicator("settlement", "S2", np.nan, obs_status="Q")])}  # fmt: skip
    [section] = profile_sections(layers, {}, MANIFEST)
    first, second = section.tables
    assert first.caption.startswith("El Estero (S1): 90 people")
    assert first.is_folded
    values = {row[1]: row[2] for row in first.rows}
    assert values["Block complexity k"] == "17"
    assert values["Water"] == "piped, regular"
    assert values["Households under threat"] == "0.0 %", "none is not unknown"
    assert values["River flood, 1 in 100 years"] == "20.0 %"
    assert values["People in slum households"] == "61.0 % (56.0 to 66.0)"
    assert [row[0] for row in first.rows if row[0]] == [
        "Access and form", "Services", "Land and tenure", "Hazards", "Indicators (95 % interval)",
    ]  # fmt: skip
    assert second.caption == "S2"
    assert [row[1:3] for row in second.rows] == [("Left out", "too few households: People in slum households")]
    assert "unknown" not in str(section.tables)


def test_a_column_of_which_nothing_is_known_is_named_once() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "people": [np.nan, np.nan], "k": [1, 0]})
    columns = {"name": ("Place", "text"), "people": ("People", "0"), "k": ("Depth", "0")}
    table = table_of(frame, columns, caption="Places")
    assert [column.title for column in table.columns] == ["Place", "Depth"]
    assert table.caption == "Places (unknown for all: people)"
    assert table.rows == (("a", "1"), ("b", "0"))
    assert len(table_of(frame.iloc[:0], columns, caption="Places").columns) == 3


@pytest.mark.parametrize(("kind", "identifier", "words"), [
    ("agglomeration", "CL_E97500_N4796500", "Port Serrano"), ("metropolitan_region", "MR_UC_E1_N1", "La Via"),
    ("unit", "7", "Local unit 7"), ("zone", "North", "North"),
])  # fmt: skip
def test_clusters_and_scales_have_their_names(kind: str, identifier: str, words: str) -> None:
    clusters = pd.DataFrame({"cluster_id": ["CL_E97500_N4796500"], "name": ["Port Serrano"]})
    scales = pd.DataFrame({"scale": ["metropolitan_region"], "area_id": ["MR_UC_E1_N1"], "name": ["La Via"]})
    names = AreaNames({"urban_clusters": clusters, "metropolitan_scales": scales})
    assert names.called(kind, identifier) == words
