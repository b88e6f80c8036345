"""Evictions in a window of time, what is not known of them, and what may be published."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo_profiling.errors import CRSError, UsageError
from geo_profiling.tenure.evictions import (
    event_bands,
    eviction_events,
    eviction_rates,
    evictions_by_band,
    publish_evictions,
)

HOMES = pd.Series({"a": 1000, "b": 500})


def events(**columns: list[object]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    base = {
        "event_id": [str(number) for number in range(size)],
        "kind": ["demolition"] * size,
        "date_start": ["2022-06-01"] * size,
        "settlement_id": ["a"] * size,
    }
    found, findings = eviction_events(pd.DataFrame(base | columns))
    assert findings == []
    return found


def rates(table: pd.DataFrame, **options: object) -> pd.DataFrame:
    window = {"start": "2020-01-01", "end": "2024-01-01"}
    return eviction_rates(table, HOMES, **(window | options))  # type: ignore[arg-type]


class TestRates:
    def test_per_thousand_households_and_year(self) -> None:
        found = rates(events(households=[30, 10]))
        # 4 years of 365.25 days: 1461 days.
        assert found.loc["a", "evicted_per_1000_per_year"] == pytest.approx(1000 * 40 / 1000 / 4)
        assert found.loc["all", "evicted_per_1000_per_year"] == pytest.approx(1000 * 40 / 1500 / 4)

    def test_window_includes_its_first_day_and_not_its_end(self) -> None:
        found = rates(events(households=[1, 2, 4], date_start=["2019-12-31", "2020-01-01", "2024-01-01"]))
        assert found.loc["a", "evicted_households"] == 2

    def test_unknown_size_makes_the_sum_unknown_and_keeps_the_event(self) -> None:
        found = rates(events(households=[30, ""]))
        assert pd.isna(found.loc["a", "evicted_households"])
        assert pd.isna(found.loc["a", "evicted_per_1000_per_year"])
        assert found.loc["a", ["n_evictions", "n_evictions_unknown_size"]].tolist() == [2, 1]

    def test_relocations_and_fires_are_no_evictions(self) -> None:
        found = rates(events(households=[30, 10, 5], kind=["relocation_agreed", "fire-displacement", "threat"]))
        assert found.loc["a", ["n_events", "n_evictions", "evicted_households"]].tolist() == [3, 0, 0]

    def test_threats_that_are_not_over(self) -> None:
        table = events(
            households=[30, 10, 5, 7],
            kind=["threat", "notice", "threat", "threat"],
            date_start=["2015-01-01", "2023-01-01", "2021-01-01", "2024-01-01"],
            date_end=["", "2024-06-01", "2022-01-01", ""],
        )
        found = rates(table)
        assert found.loc["a", ["n_threats", "threatened_households"]].tolist() == [2, 40]
        assert found.loc["a", "threatened_share"] == 0.04

    def test_threats_to_more_households_than_there_are_have_no_share(self) -> None:
        found = rates(events(kind=["threat", "notice"], households=[900, 900]))
        assert found.loc["a", "threatened_households"] == 1800
        assert pd.isna(found.loc["a", "threatened_share"])

    def test_notice_and_resettlement_of_those_known(self) -> None:
        table = events(households=[1] * 4, notice_days=[90, 89, 0, ""], resettlement=["yes", "no", "", ""])
        found = rates(table)
        assert (found.loc["a", "notice_known"], found.loc["a", "notice_share"]) == (3, pytest.approx(1 / 3))
        assert (found.loc["a", "resettlement_known"], found.loc["a", "resettlement_share"]) == (2, 0.5)
        assert rates(table, notice_days=30).loc["a", "notice_share"] == pytest.approx(2 / 3)

    def test_events_without_a_settlement_count_in_the_total(self) -> None:
        found = rates(events(households=[30], settlement_id=[""]))
        assert found.index.tolist() == ["all"]
        assert found.loc["all", "evicted_households"] == 30

    def test_unknown_households_of_a_settlement(self) -> None:
        found = rates(events(households=[30], settlement_id=["c"]))
        assert pd.isna(found.loc["c", "evicted_per_1000_per_year"])

    def test_window_that_ends_before_it_begins(self) -> None:
        with pytest.raises(UsageError, match="ends"):
            rates(events(households=[1]), end="2019-01-01")


class TestTable:
    def test_what_cannot_be_is_named(self) -> None:
        table = pd.DataFrame(
            {
                "event_id": ["1", "1", "2"],
                "kind": ["burnt down", "threat", ""],
                "date_start": ["2020-05-01", "", "2021"],
                "date_end": ["2020-04-01", "", ""],
                "households": ["-3", "ten", "4"],
            }
        )
        _, findings = eviction_events(table)
        assert {finding.message for finding in findings} == {
            "event_id 1 is there more than once",
            "date_start is no date",
            "date_end lies before date_start",
            "has no date_start",
            "has no kind",
            "kind 'burnt down' is in no vocabulary",
            "households is no number",
            "households lies outside 0 to inf",
        }

    def test_actors_and_names_are_left_behind(self) -> None:
        found = events(households=[1], actor=["Officer Okello"], remarks=["house of Amina Yusuf"])
        assert "actor" not in found
        assert "Amina" not in found.to_csv()


class TestPublishing:
    def test_small_ones_go_with_one_that_would_tell(self) -> None:
        found = publish_evictions(rates(events(households=[3, 40], settlement_id=["a", "b"]))).set_index(
            "settlement_id"
        )
        assert (
            found.loc[["a", "b"], ["evicted_households", "n_events", "evicted_per_1000_per_year"]].isna().all(axis=None)
        )
        assert found.loc["all", "evicted_households"] == 43
        assert found["is_suppressed"].tolist() == [True, True, False]
        assert found.loc["a", "n_threats"] == 0

    def test_none_stays_none_and_unknown_unknown(self) -> None:
        found = publish_evictions(rates(events(kind=["threat"], households=[""]))).set_index("settlement_id")
        assert found.loc["a", "evicted_households"] == 0
        assert pd.isna(found.loc["a", "threatened_households"])
        assert found.loc["a", "n_threats"] == 1
        assert not found["is_suppressed"].any()


class TestHazard:
    def test_highest_band_under_each_event(self) -> None:
        shapes = [shapely.Point(1, 1), shapely.box(8, 8, 12, 12), shapely.Point(50, 50), None]
        told = gpd.GeoDataFrame(
            {
                "event_id": list("1234"),
                "kind": "demolition",
                "date_start": "2022-01-01",
                "households": [10, 20, 30, ""],
            },
            geometry=shapes,
            crs="EPSG:32638",
        )
        hazard = gpd.GeoDataFrame(
            {"band": [1, 3]}, geometry=[shapely.box(0, 0, 10, 10), shapely.box(9, 9, 20, 20)], crs="EPSG:32638"
        )
        table, _ = eviction_events(told)
        bands = event_bands(table, hazard)
        assert bands.tolist() == [1, 3, pd.NA, pd.NA]
        found = evictions_by_band(table, bands)
        assert found["n_evictions"].tolist() == [1, 1, 2]
        assert found["evicted_households"].iloc[:2].tolist() == [10, 20]
        assert pd.isna(found["evicted_households"].iloc[2])
        with pytest.raises(CRSError, match="differ"):
            event_bands(table, hazard.to_crs("EPSG:4326"))
