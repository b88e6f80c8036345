"""What the report says of the environment: the city beside its settlements, unknown as such, no growth of crumbs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_environment import environment_sections
from geo_profiling.outputs.report_section import ReportSection

MANIFEST = Manifest(title="Port Serrano", region="port_serrano", year=2020, source="x", inputs=(), parameters={},
                    results={}, findings=(), versions={})  # fmt: skip
CITY = {"area_type": "unit", "area_id": "7"}
PROFILE = pd.DataFrame(
    [
        {**CITY, "population": 1000.0, "population_coverage_share": 1.0, "green_share": 0.1, "green_access_share": 0.5,
         "ecosystem_share": 0.02, "ecosystem_kinds": "wetland", "ecosystem_people_on": 5.0,
         "ecosystem_people_beside": 40.0, "blue_share": 0.2, "blue_coverage_share": 0.8},
        {"area_type": "settlement", "area_id": "S1", "population": 300.0, "population_coverage_share": 1.0,
         "green_share": 0.0, "green_access_share": 0.2},
        {"area_type": "settlement", "area_id": "S2", "population": 100.0, "population_coverage_share": 1.0,
         "green_share": 0.0, "green_access_share": 0.6},
        {"area_type": "settlement", "area_id": "S3", "population": np.nan, "population_coverage_share": 0.0,
         "green_share": 0.0, "green_access_share": np.nan},
    ]
)  # fmt: skip
GROWTH = {**CITY, "hazard": "flood", "return_period": 100.0, "threshold": ">=0.15", "from_year": 2010, "to_year": 2020,
          "from_hazardous_km2": 2.0, "to_hazardous_km2": 3.0, "growth_hazardous_share": 0.5, "growth_safe_share": 0.2,
          "new_in_hazard_share": 0.4, "cell_m": 1000.0}  # fmt: skip
LAYERS = {
    "units": pd.DataFrame({"unit_id": ["7"], "name": ["Vado Real"], "population": [1000.0]}),
    "settlements": pd.DataFrame(
        {"settlement_id": ["S1", "S2", "S3"], "name": ["El Estero", "La Via", "Isla Verde"],
         "waste_collection": ["none", "regular", None]}
    ),
    "environment": PROFILE,
}  # fmt: skip


def section(**more: pd.DataFrame) -> ReportSection:
    [found] = environment_sections({**LAYERS, **more}, {}, MANIFEST)
    return found


def test_the_city_is_said_beside_its_settlements() -> None:
    found = section()
    text = " ".join(found.text)
    assert "cover 10.0 % of Vado Real, and 50.0 % of its people can walk to one" in text
    # weighted by people: (300 * 0.2 + 100 * 0.6) / 400
    assert "In informal settlements 30.0 % of the people can; of 1 of them nothing is known." in text
    assert "Water covers 20.0 % of what is known of Vado Real." in text
    assert "(wetland) make up 2.0 % of Vado Real; 5 people live on them and 40 beside them." in text
    rows = {row[0]: row for row in found.tables[0].rows}
    assert list(rows) == ["Vado Real", "El Estero", "La Via", "Isla Verde"]
    assert rows["El Estero"][-1] == "none"
    assert "unknown" in rows["Isla Verde"]


def test_little_is_not_said_as_none() -> None:
    profile = PROFILE.assign(green_share=PROFILE["green_share"].where(PROFILE["area_id"] != "7", 0.0002))
    assert "cover less than 0.1 % of Vado Real" in section(environment=profile).text[0]


def test_what_was_mapped_in_part_is_said_of_that_part() -> None:
    text = section(environment=PROFILE.assign(green_coverage_share=0.25)).text[0]
    assert "cover 10.0 % of the part of Vado Real where they are mapped" in text


def test_growth_is_said_where_more_than_a_cell_was_built() -> None:
    assert (
        "flood: 50.0 % in the zone, 20.0 % outside it, from 2010 to 2020"
        in section(hazard_growth=pd.DataFrame([GROWTH])).text[-1]
    )
    slower = pd.DataFrame([{**GROWTH, "growth_hazardous_share": 0.1}])
    assert "In its hazard zones (flood) the city grew no faster" in section(hazard_growth=slower).text[-1]
    crumb = section(hazard_growth=pd.DataFrame([{**GROWTH, "from_hazardous_km2": 0.01, "return_period": np.nan}]))
    assert not any("grew" in words for words in crumb.text)
    assert any("lasting" in row for table in crumb.tables for row in table.rows)


def test_answers_stand_beside() -> None:
    share = {"settlement_id": "all", "weighting": "households", "n": 1.0}
    shares = pd.DataFrame([
        {**share, "variable": "waste_collection", "word": "none", "share": 0.25},
        {**share, "variable": "location_problems", "word": "open_drains", "share": 0.5},
        {**share, "variable": "location_problems", "word": "garbage_dump", "share": np.nan},
    ])  # fmt: skip
    assert section(profile_shares=shares).text[-1] == (
        "Of the households enumerated in informal settlements 25.0 % live where no waste is collected and 50.0 % live "
        "beside open drains."
    )


def test_without_a_grid_of_people_the_ground_is_told() -> None:
    bare = PROFILE[["area_type", "area_id", "green_share"]].assign(population=np.nan)
    found = section(environment=bare)
    assert found.tables[0].rows
    assert not any("unknown people" in words for words in found.text)
