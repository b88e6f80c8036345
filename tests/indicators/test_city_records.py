"""Land over epochs, beneficiaries, tenure of adults, and the lines of city tables."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import InputError
from geo_profiling.indicators import city_tables
from geo_profiling.indicators.beneficiaries import count_beneficiaries
from geo_profiling.indicators.land_use import land_consumption, land_consumption_by_epoch
from geo_profiling.indicators.secure_tenure import adult_weight, secure_tenure


def epochs(**columns: Any) -> pd.DataFrame:
    base = {"area_id": "A", "year": [1990, 2000, 2015], "built_up_km2": [10.0, 12, 15], "population": [1e5, 1.2e5, 1e5]}
    return pd.DataFrame({**base, **columns})


def test_epochs_in_any_order_give_each_step_and_the_whole() -> None:
    found = land_consumption_by_epoch(epochs().iloc[[2, 0, 1]])
    assert found[["from_year", "to_year"]].to_numpy().tolist() == [[1990, 2000], [1990, 2015], [2000, 2015]]
    assert found["land_consumption_rate"].tolist() == pytest.approx([0.02, 0.02, 3 / 12 / 15])
    assert found["note"].tolist() == ["", "undefined: PGR=0", "flag: negative"]


def test_other_boundaries_are_flagged() -> None:
    found = land_consumption_by_epoch(epochs(boundary=["1990", "1990", "2015"], population=[1e5, 1.1e5, 1.2e5]))
    assert found["same_boundary"].tolist() == [True, False, False]
    assert found["note"].tolist() == ["", "flag: boundaries differ", "flag: boundaries differ"]


def test_undefined_land_cases() -> None:
    def note(*values: float) -> tuple[str, bool]:
        found = land_consumption(*(pd.Series([value]) for value in values), years=10).iloc[0]
        return found["note"], bool(np.isnan(found["ratio"]))

    assert note(0, 5, 10, 20) == ("undefined: nothing built up at the start", True)
    assert note(1, 5, 0, 20) == ("undefined: nobody at the start or the end", True)
    assert note(5, 4, 20, 10) == ("flag: both negative", False)
    assert note(np.nan, 4, 20, 10) == ("", True)
    with pytest.raises(InputError, match="0 years"):
        land_consumption(*(pd.Series([1.0]),) * 4, years=0)
    with pytest.raises(InputError, match="negative"):
        land_consumption(*(pd.Series([-1.0]),) * 4, years=1)
    with pytest.raises(InputError, match="year 1990 twice"):
        land_consumption_by_epoch(epochs(year=[1990, 1990, 2000]))
    with pytest.raises(InputError, match="no area has two years"):
        land_consumption_by_epoch(epochs().head(1))


def projects(totals: list[float], **columns: Any) -> pd.DataFrame:
    women = [np.floor(total * 0.6) for total in totals]
    base = {"project_id": [f"p{i:02d}" for i in range(len(totals))], "total": totals, "women": women}
    return pd.DataFrame({**base, "men": np.subtract(totals, women), **columns})


@settings(max_examples=60)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.data())
def test_counting_once_against_every_subset(totals: list[int], data: st.DataObject) -> None:
    frame = projects([float(total) for total in totals])
    every = list(combinations(frame["project_id"], 2))
    pairs = data.draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    [found] = count_beneficiaries(frame, pairs)
    weight = frame.set_index("project_id")["total"]
    best = max(
        sum(weight[list(chosen)])
        for size in range(len(frame) + 1)
        for chosen in combinations(frame["project_id"], size)
        if not any(a in chosen and b in chosen for a, b in pairs)
    )
    assert found.independent == best
    assert max(totals) <= found.total <= found.independent <= sum(totals)
    assert found.women + found.men == found.total
    if not pairs:
        assert found.total == sum(totals)


def test_direct_and_indirect_are_never_added() -> None:
    frame = projects([10, 20, 500], reach=["direct", "direct", "indirect"])
    direct, indirect = count_beneficiaries(frame, [("p00", "p01"), ("p01", "p02")])
    assert (direct.reach, direct.total, indirect.reach, indirect.total) == ("direct", 20, "indirect", 500)


def test_an_unknown_split_stays_unknown() -> None:
    [found] = count_beneficiaries(projects([10, 20]).assign(women=[np.nan, 5], men=[np.nan, 15]), [])
    assert np.isnan(found.women)
    assert found.total == 30


@pytest.mark.parametrize(
    ("frame", "overlaps", "words"),
    [
        (projects([1, 2]).assign(project_id="x"), [], "project x is there twice"),
        (projects([-1]), [], "missing or negative"),
        (projects([10]).assign(men=9), [], "are not 10 people"),
        (projects([10], reach=["near"]), [], "neither 'direct' nor 'indirect'"),
        (projects([10]), [("p00", "q")], "project q, which is not there"),
    ],
)
def test_projects_that_cannot_be(frame: pd.DataFrame, overlaps: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        count_beneficiaries(frame, overlaps)


def test_secure_tenure_needs_both_parts() -> None:
    adults = pd.DataFrame(
        {"tenure_documented": [1, 0, 1, np.nan], "fears_loss": [0, 0, 1, 1], "may_bequeath": [1, 1, np.nan, 1]}
    )
    found = secure_tenure(adults)
    assert found["perceived_secure"].tolist() == [1, 1, 0, 0]
    assert found["secure"].tolist() == [1, 0, 0, 0]
    assert adult_weight(pd.Series([2.0]), pd.Series([3])).tolist() == [6]
    with pytest.raises(InputError, match="no number of adults in row 0"):
        adult_weight(pd.Series([2.0]), pd.Series([0]))


def test_lines_of_city_tables() -> None:
    found = city_tables.spending_per_person(pd.Series([100.0, 50]), 10, currency="KES", year=2021)
    assert found == {"value": 15.0, "total": 150.0, "currency": "KES", "year": 2021}
    assert city_tables.women_seats(0, 3) == 0
    assert city_tables.unemployment(0, 3) == 1
    # Who works and learns is employed once, and is not taken off again.
    assert city_tables.youth_not_in_work_or_school(100, 60, 30) == pytest.approx(0.1)
    rows = pd.DataFrame({"policy_id": list("aabc"), "theme": ["x", "x", "x", "y"],
                         "milestone": ["adopted", "drafted", "drafted", "implemented"]})  # fmt: skip
    found_policies = city_tables.policies_by_milestone(rows)
    assert found_policies["adopted"].tolist() == [1, 0]
    assert found_policies["total"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: city_tables.spending_per_person(pd.Series([1.0]), 0, currency="KES", year=1), "population of 0"),
        (lambda: city_tables.spending_per_person(pd.Series([1.0]), 5, currency=" ", year=1), "no currency"),
        (lambda: city_tables.spending_per_person(pd.Series([np.nan]), 5, currency="K", year=1), "missing or negative"),
        (lambda: city_tables.women_seats(0, 0, 4), "0 women and 0 men"),
        (lambda: city_tables.unemployment(0, 0), "labour force"),
        (lambda: city_tables.youth_not_in_work_or_school(10, 8, 3), "more youth at work"),
        (lambda: city_tables.youth_not_in_work_or_school(0, 0, 0), "no youth"),
        (lambda: city_tables.informal_economy_rating(pd.Series([6])), "off the scale"),
        (lambda: city_tables.migration_policies(pd.DataFrame({"city_id": ["a", "a"], "has_policy": 1})), "twice"),
        (
            lambda: city_tables.policies_by_milestone(
                pd.DataFrame({"policy_id": ["a"], "theme": ["x"], "milestone": ["dreamt"]})
            ),
            "'dreamt' is not known",
        ),
        (
            lambda: city_tables.policies_by_milestone(
                pd.DataFrame({"policy_id": ["a", "a"], "theme": ["x", "y"], "milestone": "drafted"})
            ),
            "two themes",
        ),
    ],
)
def test_tables_that_cannot_be(call: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
