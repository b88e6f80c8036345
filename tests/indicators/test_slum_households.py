"""SDG 11.1.1: five deprivations, any subset, unknown components; areas beside households."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from geo_profiling.errors import UsageError
from geo_profiling.indicators.slum_households import (
    COMPONENTS,
    SlumRules,
    deprivations,
    inadequate_housing,
    measured_components,
    slum_overlap,
    slum_status,
)


def homes(**columns: Any) -> pd.DataFrame:
    base = {
        "persons": 3, "water_source": "piped_yard", "toilet": "flush_sewer", "toilet_shared": 0, "rooms": 1,
        "floor": "durable", "walls": "durable", "roof": "durable", "hazardous_location": 0, "tenure_documented": 1,
        "tenure_perceived_secure": 0,
    }  # fmt: skip
    return pd.DataFrame({**base, **columns})


def test_a_home_that_lacks_nothing() -> None:
    lacking = deprivations(homes(persons=[3]))
    assert list(lacking.columns) == list(COMPONENTS)
    assert lacking.to_numpy().tolist() == [[0] * 5]


def test_more_than_three_to_a_room_and_the_dhs_reading() -> None:
    frame = homes(persons=[3, 4, 6, 7, 11, 5], rooms=[1, 1, 2, 2, 3, 0])
    one = ("living_area",)
    assert deprivations(frame, SlumRules(one))["living_area"].tolist() == [0, 1, 0, 1, 1, 1]
    assert deprivations(frame, SlumRules(one, crowding="from"))["living_area"].tolist() == [1, 1, 1, 1, 1, 1]
    missing = deprivations(frame, SlumRules(one, no_rooms="missing"))["living_area"]
    assert missing.isna().tolist() == [False] * 5 + [True]


def test_one_part_that_is_not_durable_is_enough_and_the_ground_counts() -> None:
    frame = homes(
        floor=["durable", None, None, "durable", "durable"],
        walls=["durable", "not_durable", "durable", "durable", "durable"],
        hazardous_location=[0, np.nan, 0, 1, np.nan],
    )
    found = deprivations(frame, SlumRules(("durability",)))["durability"]
    assert found.tolist() == pytest.approx([0, 1, np.nan, 1, np.nan], nan_ok=True)


def test_tenure_is_secure_by_document_or_as_perceived() -> None:
    frame = homes(tenure_documented=[1, 0, 0, np.nan], tenure_perceived_secure=[0, 1, 0, 0])
    found = deprivations(frame, SlumRules(("tenure",)))["tenure"]
    assert found.tolist() == pytest.approx([0, 0, 1, np.nan], nan_ok=True)


def test_sharing_and_the_water_list_are_choices() -> None:
    frame = homes(toilet_shared=[1], water_source=["tanker"])
    two = ("water", "sanitation")
    assert deprivations(frame, SlumRules(two)).to_numpy().tolist() == [[0, 0]]
    other = SlumRules(two, water_list="mdg", shared_counts_as_improved=False)
    assert deprivations(frame, other).to_numpy().tolist() == [[1, 1]]


def test_components_used_and_the_lower_bound() -> None:
    rules = SlumRules(("durability", "water"))
    assert (rules.components_used, rules.is_lower_bound) == ("water+durability", True)
    assert not SlumRules().is_lower_bound


def test_unknown_components_leave_a_household_unknown_only_where_they_matter() -> None:
    values = [0.0, 1.0, np.nan]
    lacking = pd.DataFrame(list(product(values, repeat=3)), columns=["water", "sanitation", "living_area"])
    for least in (1, 2, 3):
        found = slum_status(lacking, min_deprivations=least)
        for row, status in zip(lacking.to_numpy(), found.to_dict("records"), strict=True):
            # Every way in which the unknown could turn out.
            options = [[value] if not np.isnan(value) else [0.0, 1.0] for value in row]
            counts = [sum(way) for way in product(*options)]
            for name, truth in [
                ("slum_household", [count >= least for count in counts]),
                ("exactly_one", [count == 1 for count in counts]),
                ("two_or_more", [count >= 2 for count in counts]),
            ]:
                expected = float(truth[0]) if len(set(truth)) == 1 else np.nan
                assert status[name] == pytest.approx(expected, nan_ok=True), (row, name)


def test_what_was_not_measured_cannot_be_a_component() -> None:
    frame = homes(persons=[3]).drop(columns=["tenure_documented", "tenure_perceived_secure"])
    assert measured_components(frame) == COMPONENTS[:4]
    with pytest.raises(UsageError, match="nothing of 'tenure'"):
        deprivations(frame)


@pytest.mark.parametrize(
    "options",
    [{"components": ("water", "light")}, {"components": ()}, {"min_deprivations": 6}, {"min_deprivations": 0}],
)
def test_rules_that_cannot_be_meant(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SlumRules(**options)


def test_areas_and_households_side_by_side() -> None:
    area, household = pd.Series([1, 1, 0, 0, 1]), pd.Series([1, 0, 1, 0, np.nan])
    found = slum_overlap(area, household)
    assert found.sum().to_dict() == {"both": 1, "area_only": 1, "household_only": 1, "neither": 1}
    assert found.iloc[4].isna().all()
    assert (found.iloc[:4].sum(axis=1) == 1).all()


def test_inadequate_housing_is_a_share_of_the_income() -> None:
    frame = pd.DataFrame({"housing_cost": [30, 30.01, np.nan, 0], "income": [100, 100, 100, 0]})
    assert inadequate_housing(frame).tolist() == pytest.approx([0, 1, np.nan, 0], nan_ok=True)
