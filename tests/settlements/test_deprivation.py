"""Five components, each known or not; and what an unknown one means."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_profiling.errors import UsageError
from geo_profiling.settlements.deprivation import (
    COMPONENTS,
    DELIVERED_WATER,
    HAZARDOUS_LOCATIONS,
    IMPROVED_SANITATION,
    IMPROVED_WATER,
    UNIMPROVED_SANITATION,
    UNIMPROVED_WATER,
    any_deprived,
    settlement_deprivation,
)
from geo_profiling.settlements.vocabulary import PROFILE


class TestRuleForUnknown:
    @given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
    def test_deprived_if_any_known_is_else_unknown(self, flags: list[bool | None]) -> None:
        found = any_deprived(pd.DataFrame([flags], dtype="boolean")).iloc[0]
        expected = True if True in flags else pd.NA if None in flags else False
        assert found is expected or found == expected

    def test_without_components_nothing_is_known(self) -> None:
        assert any_deprived(pd.DataFrame(index=["a"])).isna().all()


class TestVocabulary:
    def test_every_word_is_judged_or_left_open_on_purpose(self) -> None:
        assert set(PROFILE["water"].words) == IMPROVED_WATER | UNIMPROVED_WATER | DELIVERED_WATER | {"carried"}
        assert set(PROFILE["sanitation"].words) == IMPROVED_SANITATION | UNIMPROVED_SANITATION | {"pit"}
        assert set(HAZARDOUS_LOCATIONS) <= set(PROFILE["location_problems"].words)


class TestComponents:
    def flags(self, component: str, **options: object) -> list[object]:
        keys = ("hazardous_location", "secure_tenure", "water_list")
        given_options = {key: options.pop(key) for key in keys if key in options}
        found = settlement_deprivation(pd.DataFrame(options), **given_options)  # type: ignore[arg-type]
        return found[f"{component}_deprived"].tolist()

    def test_water_by_list(self) -> None:
        water = ["piped_irregular", "tanker", "surface", "carried", None]
        assert self.flags("water", water=water) == [False, False, True, pd.NA, pd.NA]
        assert self.flags("water", water=water, water_list="mdg") == [False, True, True, pd.NA, pd.NA]

    def test_sanitation_by_type_and_by_percentage(self) -> None:
        kinds = ["septic_tank", "open_discharge", "pit", None]
        assert self.flags("sanitation", sanitation=kinds) == [False, True, pd.NA, pd.NA]
        found = self.flags("sanitation", sanitation=kinds, open_defecation_pct=[90, 0, 60, 10], bucket_pct=[0, 0, 0, 0])
        assert found == [False, True, True, pd.NA]

    def test_more_than_three_persons_per_room(self) -> None:
        assert self.flags("living_area", persons_per_room=[3.0, 3.01, None]) == [False, True, pd.NA]

    def test_durability_of_walls_or_place(self) -> None:
        walls = ["durable", "not_durable", "durable", None]
        place = pd.Series([False, False, True, None], dtype="boolean")
        assert self.flags("durability", wall_material=walls, hazardous_location=place) == [False, True, True, pd.NA]
        assert self.flags("durability", wall_material=walls) == [pd.NA, True, pd.NA, pd.NA]
        dangerous = ["no", "no", "yes", "no"]
        assert self.flags("durability", wall_material=walls, dangerous_location=dangerous) == [False, True, True, pd.NA]

    def test_tenure_records_go_before_answers(self) -> None:
        deed = ["yes", "no", None, None, None]
        status = ["undeclared", "undeclared", "undeclared", "declared", None]
        assert self.flags("tenure", title_deed=deed, legal_status=status) == [False, True, True, False, pd.NA]
        secure = pd.Series([False, True, None, None, None], dtype="boolean")
        found = self.flags("tenure", title_deed=deed, legal_status=status, secure_tenure=secure)
        assert found == [True, False, True, False, pd.NA]

    def test_no_threat_today_is_no_secure_tenure(self) -> None:
        assert self.flags("tenure", eviction_threat_current=["yes", "no"]) == [True, pd.NA]


class TestCount:
    profile = pd.DataFrame({"water": ["surface", "surface", "piped_regular"], "title_deed": ["no", "yes", "yes"]})

    def test_components_used_are_told(self) -> None:
        found = settlement_deprivation(self.profile, components=["water", "tenure", "living_area"])
        assert set(found["components_used"]) == {"water; tenure"}
        assert found["n_components_known"].tolist() == [2, 2, 2]
        assert found["is_deprived"].tolist() == [True, True, pd.NA]

    def test_two_or_more(self) -> None:
        found = settlement_deprivation(self.profile, components=["water", "tenure"], min_deprivations=2)
        assert found["is_deprived"].tolist() == [True, False, False]

    def test_what_cannot_be_asked(self) -> None:
        with pytest.raises(UsageError, match="'roof' is no component"):
            settlement_deprivation(self.profile, components=["roof"])  # type: ignore[list-item]
        with pytest.raises(UsageError, match="6 deprivations of 5"):
            settlement_deprivation(self.profile, min_deprivations=6)

    def test_all_five_are_columns(self) -> None:
        found = settlement_deprivation(pd.DataFrame(index=[7]))
        assert [f"{name}_deprived" for name in COMPONENTS] == list(found.columns[:5])
        assert found.index.tolist() == [7]
        assert found["is_deprived"].isna().all()
