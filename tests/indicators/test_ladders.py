"""Ladders: every household on one rung, whatever is missing; rules that published tools got wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.hygiene import hygiene_ladder, sanitation_and_hygiene
from geo_profiling.indicators.ladder import Ladder, settle
from geo_profiling.indicators.sanitation import SANITATION_RUNGS, Treatment, sanitation_ladder
from geo_profiling.indicators.variables import VARIABLES
from geo_profiling.indicators.water import WATER_RUNGS, improved_water, water_ladder, water_on_premises


def rung(frame: pd.DataFrame, ladder: Ladder) -> list[Any]:
    shares = ladder.shares("exclude")
    return [None if row.isna().all() else row.idxmax() for _, row in shares.iterrows()]


def water(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"water_source": "borehole", **columns})


TRUTH = st.sampled_from([0.0, 1.0, np.nan])


@st.composite
def household(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, variable in VARIABLES.items():
        if variable.kind == "category":
            row[name] = draw(st.sampled_from([*variable.values, None]))
        elif variable.kind == "truth":
            row[name] = draw(TRUTH)
        else:
            row[name] = draw(st.sampled_from([np.nan, 1.0, 3.0, 6.0, 30.0, 31.0]))
    return row


@settings(max_examples=60)
@given(st.lists(household(), min_size=1, max_size=8), st.sampled_from([None, 0.0, 0.4, 1.0]), st.data())
def test_rungs_always_sum_to_one(rows: list[dict[str, Any]], treated: float | None, data: st.DataObject) -> None:
    frame = pd.DataFrame(rows)
    dropped = data.draw(
        st.sets(st.sampled_from(["toilet_shared", "toilet_contained", "water_place", "tap_households"]))
    )
    frame = frame.drop(columns=sorted(dropped))
    ladders = [
        water_ladder(frame, water_list=data.draw(st.sampled_from(["jmp2017", "mdg", "unhabitat2003"]))),
        sanitation_ladder(frame, treatment=Treatment(sewage=treated, faecal_sludge=treated)),
        hygiene_ladder(frame, denominator="all"),
    ]
    for ladder in ladders:
        for part in (ladder.worst, ladder.best):
            assert np.allclose(part.sum(axis=1), 1, rtol=0, atol=1e-12)
            assert ((part >= 0) & (part <= 1)).all(axis=None)
        for name in ladder.rungs[:-1]:
            bounds = ladder.at_least(name)
            assert (bounds["worst"] <= bounds["best"] + 1e-12).all()
        known = ladder.shares("exclude").dropna()
        assert np.allclose(known.sum(axis=1), 1, rtol=0, atol=1e-12)
    seen = hygiene_ladder(frame).worst
    assert np.allclose(seen.dropna().sum(axis=1), 1)
    assert (seen.isna().all(axis=1) == frame["handwashing"].isin(["no_permission", "other"])).all()


def test_thirty_minutes_are_basic_and_surface_water_is_a_rung_of_its_own() -> None:
    sources = ["borehole", "borehole", "unprotected_well", "surface_water", "piped_yard", "piped_yard"]
    frame = water(water_source=sources, water_time_min=[30, 31, 5, 5, 45, np.nan])
    assert rung(frame, water_ladder(frame)) == ["basic", "limited", "unimproved", "surface_water", "basic", "basic"]


def test_time_unknown_is_limited_unless_asked_otherwise() -> None:
    frame = water(water_time_min=[np.nan], water_place=[None])
    assert rung(frame, water_ladder(frame)) == ["limited"]
    assert rung(frame, water_ladder(frame, time_unknown="unknown")) == [None]
    found = water_ladder(frame, time_unknown="unknown").at_least("basic")
    assert found.to_numpy().tolist() == [[0, 1]]


def test_safely_managed_takes_all_three_of_the_same_household() -> None:
    frame = water(
        water_source="piped_yard",
        water_available=[1, 0, 1, np.nan, np.nan],
        water_free_of_contamination=[1, 1, 0, 1, 0],
    )
    ladder = water_ladder(frame)
    assert rung(frame, ladder) == ["safely_managed", "basic", "basic", None, "basic"]
    # What is not known of the top rung is known of the one below it.
    assert settle(ladder.at_least("basic"), "exclude")["value"].tolist() == [1, 1, 1, 1, 1]
    assert settle(ladder.at_least("safely_managed"), "unimproved")["value"].tolist() == [1, 0, 0, 0, 0]


def test_what_was_never_measured_is_told_and_never_reached() -> None:
    ladder = water_ladder(water(water_source="piped_yard", water_available=[1, 1]))
    assert ladder.unmeasured == ("water_free_of_contamination",)
    assert ladder.best["safely_managed"].tolist() == [0, 0]


def test_neighbours_tap_is_not_on_the_premises() -> None:
    frame = water(water_source=["piped_neighbour", "piped_dwelling", "bottled", "bottled", "tanker"],
                  water_other_source=[None, None, "piped_yard", "borehole", None],
                  water_place=[None, None, None, None, "delivered"], water_time_min=[5, 5, 5, 5, 0])  # fmt: skip
    assert water_on_premises(frame).tolist() == [0, 1, 1, 0, 1]


def test_lists_of_improved_sources_differ() -> None:
    frame = water(
        water_source=["tanker", "cart", "bottled", "bottled", "sachet", "public_tap", "public_tap", "public_tap", None],
        water_other_source=[None, None, "borehole", "surface_water", None, None, None, None, None],
        tap_households=[np.nan] * 5 + [5, 6, np.nan, np.nan],
    )
    nan = pytest.approx(np.nan, nan_ok=True)
    assert improved_water(frame, "jmp2017").tolist()[:8] == [1] * 8
    assert improved_water(frame, "mdg").tolist() == [0, 0, 1, 0, nan, 1, 1, 1, nan]
    assert improved_water(frame, "unhabitat2003").tolist() == [0, 0, 1, 0, nan, 1, 0, nan, nan]
    with pytest.raises(UsageError, match="'who' is not known"):
        improved_water(frame, "who")  # type: ignore[arg-type]


def toilets(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"toilet": "pit_slab", "toilet_shared": 0, **columns})


def test_flush_to_a_drain_is_unimproved_and_to_the_unknown_improved() -> None:
    frame = toilets(toilet=["flush_elsewhere", "flush_unknown", "composting", "none", "bucket", "pit_open", "hanging"])
    found = rung(frame, sanitation_ladder(frame))
    assert found == ["unimproved", "basic", "basic", "open_defecation", "unimproved", "unimproved", "unimproved"]


def test_sharing_makes_limited_and_open_defecation_stays() -> None:
    frame = toilets(toilet=["flush_sewer", "pit_open", "none", "pit_slab"], toilet_shared=[1, 1, 1, np.nan])
    assert rung(frame, sanitation_ladder(frame)) == ["limited", "unimproved", "open_defecation", None]


def test_the_chain_of_each_household() -> None:
    frame = toilets(
        toilet=["flush_sewer", "flush_septic", "pit_slab", "pit_slab", "pit_slab", "pit_slab", "flush_unknown"],
        toilet_emptied=[None, "never", "buried_on_site", "removed", "removed_untreated", "never", None],
        toilet_contained=[np.nan, 1, 1, 1, 1, 0, np.nan],
    )
    ladder = sanitation_ladder(frame, treatment=Treatment(sewage=0.6, faecal_sludge=0.25))
    assert ladder.worst["safely_managed"].tolist() == [0.6, 1, 1, 0.25, 0, 0, 0]
    assert ladder.best["safely_managed"].tolist() == [0.6, 1, 1, 0.25, 0, 0, 1]
    assert ladder.worst["basic"].tolist() == [0.4, 0, 0, 0.75, 1, 1, 1]
    unknown = sanitation_ladder(frame)
    assert unknown.best["safely_managed"].tolist() == [1, 1, 1, 1, 0, 0, 1]
    assert unknown.worst["safely_managed"].tolist() == [0, 1, 1, 0, 0, 0, 0]
    assert sanitation_ladder(toilets(toilet=["pit_slab"])).unmeasured == ("excreta_disposal",)
    with pytest.raises(InputError, match="is no share"):
        Treatment(sewage=60)


@settings(max_examples=40)
@given(st.lists(household(), min_size=1, max_size=6), st.sampled_from([0.0, 0.5, 1.0]))
def test_safely_managed_is_never_more_than_basic(rows: list[dict[str, Any]], share: float) -> None:
    frame = pd.DataFrame(rows)
    for ladder in (water_ladder(frame), sanitation_ladder(frame, treatment=Treatment(share, share))):
        assert (ladder.at_least("safely_managed") <= ladder.at_least("basic") + 1e-12).all(axis=None)


def test_two_denominators_of_hygiene() -> None:
    frame = pd.DataFrame(
        {
            "handwashing": ["fixed", "mobile", "none", "no_permission", "other", None],
            "handwashing_water": [1, 1, np.nan, np.nan, np.nan, np.nan],
            "handwashing_soap": [1, 0, np.nan, np.nan, np.nan, np.nan],
        }
    )
    observed, everyone = hygiene_ladder(frame), hygiene_ladder(frame, denominator="all")
    assert rung(frame, observed) == ["basic", "limited", "no_facility", None, None, None]
    assert rung(frame, everyone) == ["basic", "limited", "no_facility", "not_observed", "not_observed", None]
    assert observed.worst["basic"].mean() == pytest.approx(1 / 4)
    assert everyone.worst["basic"].mean() == pytest.approx(1 / 6)
    with pytest.raises(UsageError):
        hygiene_ladder(frame, denominator="some")  # type: ignore[arg-type]


def test_sanitation_and_hygiene_are_true_of_one_household() -> None:
    frame = toilets(toilet=["flush_sewer", "flush_sewer", "none"], handwashing=["fixed", "none", "fixed"],
                    handwashing_water=1, handwashing_soap=1)  # fmt: skip
    joint = sanitation_and_hygiene(sanitation_ladder(frame), hygiene_ladder(frame))
    assert settle(joint, "exclude")["value"].tolist() == [1, 0, 0]


def test_policies_of_missing_answers() -> None:
    bounds = pd.DataFrame({"worst": [1.0, 0, 0], "best": [1.0, 1, 0]})
    assert settle(bounds, "exclude")["value"].isna().tolist() == [False, True, False]
    assert settle(bounds, "unimproved")["value"].tolist() == [1, 0, 0]
    assert list(settle(bounds, "bounds").columns) == ["worst", "best"]
    with pytest.raises(UsageError, match="no rung 'best'"):
        water_ladder(water(water_source=["borehole"])).at_least("best")


def test_names_of_rungs() -> None:
    assert water_ladder(water(water_source=[None])).rungs == list(WATER_RUNGS)
    assert sanitation_ladder(toilets(toilet=[None])).rungs == list(SANITATION_RUNGS)
