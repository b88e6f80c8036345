"""Tests of the report's sections on informal settlements."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import box

from geo_profiling.outputs.report_section import ReportSection
from geo_profiling.outputs.report_settlements import settlement_sections


def settlements(**columns: Any) -> gpd.GeoDataFrame:
    frame = {"settlement_id": ["1", "2", "3"], "area_ha": [1.0, 2.0, 3.0], **columns}
    return gpd.GeoDataFrame(frame, geometry=[box(0, 0, 1, 1)] * 3, crs="EPSG:32638")


def section(title: str, layers: dict[str, pd.DataFrame]) -> ReportSection:
    return next(one for one in settlement_sections(layers, {}, None) if one.title == title)  # type: ignore[arg-type]


def words(one: ReportSection) -> str:
    cells = [cell for table in one.tables for row in table.rows for cell in row]
    return " ".join([*one.text, *cells, *(table.caption for table in one.tables)])


def test_settlements_of_one_name_are_told_apart() -> None:
    found = words(section("Informal settlements", {"settlements": settlements(name=["Norte", "Norte", None])}))
    assert "Norte (1)" in found
    assert "Norte (2)" in found
    assert " 3 " in f" {found} "


def test_columns_of_which_nothing_is_known_are_left_out() -> None:
    layer = settlements(
        population=[5.0, 6.0, np.nan],
        population_source=["gridded", "gridded", None],
        population_gridded=[5.0, 6.0, np.nan],
        population_enumerated=[np.nan] * 3,
        population_low=[5.0, 6.0, np.nan],
        population_high=[5.0, 6.0, np.nan],
    )
    (table,) = section("Informal settlements", {"settlements": layer}).tables
    titles = [column.title for column in table.columns]
    assert "Gridded" in titles
    assert not {"Enumerated", "Range"} & set(titles)


def test_people_of_two_settlements_on_one_ground_count_once_in_the_grid() -> None:
    layer = settlements(population=[10.0, 10.0, 10.0], population_source=["gridded"] * 3)
    totals = pd.DataFrame({"ground": ["settlements", "remainder", "total"], "population_gridded": [20.0, 80.0, 100.0]})
    found = words(section("Informal settlements", {"settlements": layer, "settlement_population_totals": totals}))
    assert "has 20 of its 100 people there (20.0 %)" in found


def test_counts_from_several_sources_are_summed_as_shown() -> None:
    layer = settlements(population=[10.0, 20.0, np.nan], population_source=["enumerated", "gridded", None])
    assert "30 people live in the 2 of them" in words(section("Informal settlements", {"settlements": layer}))


def test_words_of_the_profile_are_written_for_readers() -> None:
    layer = settlements(water=["piped_regular", "standpipe", None], sanitation=["septic_tank", None, None])
    one = section("Services", {"settlements": layer})
    assert "piped, regular" in words(one)
    assert "septic tank" in words(one)
    assert "of 1 settlements nothing is recorded" in one.tables[0].caption


def test_thresholds_and_agreement_are_said() -> None:
    blocks = gpd.GeoDataFrame({"k": [1, 4], "n_buildings": [3, 30]}, geometry=[box(0, 0, 1, 1)] * 2, crs="EPSG:32638")
    thresholds = pd.DataFrame(
        {
            "measure": ["building_area_m2", "coverage_share"],
            "sense": ["at most", "at least"],
            "threshold": [42.4, 0.251],
            "source": ["city percentile", "given"],
        }
    )
    candidates = gpd.GeoDataFrame({"n_buildings": [40]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:32638")
    agreement = pd.DataFrame({"counted": ["area"], "precision": [0.5], "recall": [np.nan]})
    layers = {
        "street_blocks": blocks,
        "informality_thresholds": thresholds,
        "candidate_settlements": candidates,
        "candidate_agreement": agreement,
    }
    found = words(section("Street access and form", layers))
    assert "at most 42 m² (city percentile)" in found
    assert "at least 25.1 % (given)" in found
    assert "1 places with 40 buildings" in found
    assert "50.0 % of their ground is mapped" in found
    assert "unknown of the ground of mapped settlements" in found


def test_candidates_of_nothing_are_said() -> None:
    blocks = gpd.GeoDataFrame({"k": [1], "n_buildings": [3]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:32638")
    none = gpd.GeoDataFrame({"n_buildings": pd.Series([], dtype="int64")}, geometry=[], crs="EPSG:32638")
    found = words(section("Street access and form", {"street_blocks": blocks, "candidate_settlements": none}))
    assert "no place would be looked at" in found


def test_tenure_shows_settlements_with_a_register_alone() -> None:
    layer = settlements(documented_share=[0.25, None, None], main_tenure_type=["no_tenure", None, None])
    (table,) = section("Land and tenure", {"settlements": layer, "tenure_shares": pd.DataFrame()}).tables
    assert len(table.rows) == 1
    assert "25.0 %" in table.rows[0]
    assert "no tenure" in table.rows[0]
    assert "of 2 settlements nothing is recorded" in table.caption
