"""Answers worked out by hand: joint against minimum, the sanitation chain, beneficiaries, land consumption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from geo_profiling.indicators.beneficiaries import count_beneficiaries
from geo_profiling.indicators.households import map_households
from geo_profiling.indicators.land_use import land_consumption
from geo_profiling.indicators.mapping import ready_mapping
from geo_profiling.indicators.sanitation import sanitation_chain
from geo_profiling.indicators.survey import survey_estimates
from geo_profiling.indicators.water import jmp_minimum, water_ladder, water_margins


@pytest.fixture
def hand(shared_golden: Path) -> Any:
    return json.loads((shared_golden / "indicators/hand.json").read_text(encoding="utf-8"))


def test_water_joint_is_below_the_minimum_of_margins(hand: Any) -> None:
    case = hand["sdg_6_1_1_and_vs_min"]
    rows = pd.DataFrame(case["table"])
    table = pd.DataFrame(
        {
            "weight": 1,
            "persons": rows["persons"],
            "psu": rows["hh"],
            "stratum": 1,
            "water_source": rows["improved"].map({1: "improved", 0: "unimproved"}),
            "water_place": rows["premises"].map({1: "premises", 0: "elsewhere"}),
            "water_time_min": rows["time"],
            "water_available": rows["available"],
            "water_free_of_contamination": rows["quality"],
        }
    )
    frame = map_households(table, ready_mapping("plain")).frame
    ladder = water_ladder(frame)
    shares = ladder.shares("exclude").assign(w=frame["person_weight"])
    assert ladder.unmeasured == ()

    def people(values: pd.Series) -> float:
        return float((values * frame["person_weight"]).sum() / frame["person_weight"].sum())

    assert frame["person_weight"].sum() == case["persons"]
    assert people(shares["safely_managed"]) == pytest.approx(case["joint_AND"], rel=1e-15)
    assert people(ladder.at_least("basic")["worst"]) == pytest.approx(case["basic_or_better"], rel=1e-15)
    assert people(shares["limited"]) == pytest.approx(case["limited"], rel=1e-15)
    assert shares["safely_managed"].mean() == pytest.approx(case["household_joint"], rel=1e-15)
    margins = {name: people(column) for name, column in water_margins(frame).items()}
    for name in ("premises", "available", "quality"):
        assert margins[name] == pytest.approx(case[f"margin_{name}"], rel=1e-15)
    assert jmp_minimum(pd.DataFrame([margins]), [case["persons"]])[0] == pytest.approx(case["jmp_min"], rel=1e-15)


def test_the_minimum_is_taken_in_each_stratum(hand: Any) -> None:
    strata = pd.DataFrame({"premises": [0.9, 0.2], "available": [0.4, None], "quality": [0.8, 0.9]})
    whole, parts = jmp_minimum(strata, [1, 3])
    assert parts.tolist() == [0.4, 0.2]
    assert whole == pytest.approx(0.25)
    national = (strata["premises"] * [0.25, 0.75]).sum()
    assert whole < national
    assert pd.isna(jmp_minimum(strata.assign(quality=[0.8, None]), [1, 3])[0])


def test_sanitation_chain(hand: Any) -> None:
    case = hand["sanitation_chain"]
    found = sanitation_chain(case["inputs"])
    assert found["sewer_treated"] == pytest.approx(case["sew_sm"], rel=1e-15)
    assert found["in_situ"] == pytest.approx(case["sdo"], rel=1e-15)
    assert found["sludge_treated"] == pytest.approx(case["fst"], rel=1e-15)
    assert found["safely_managed"] == pytest.approx(case["sew_sm"] + case["sdo"] + case["fst"], rel=1e-15)


def test_beneficiaries_are_counted_once(hand: Any) -> None:
    case = hand["beneficiaries_once"]
    projects = pd.DataFrame(
        [(name, *values) for name, values in case["projects"].items()],
        columns=["project_id", "total", "women", "men"],
    )
    for frame in (projects, projects[::-1]):
        [found] = count_beneficiaries(frame, case["overlaps"])
        assert found.total == case["component_max_total"]
        assert [found.women, found.men] == case["component_max_FM"]
        assert [found.women, found.men] != case["wrong_sexwise_max"]
        assert found.independent == case["max_weight_independent_set_total"]
        assert found.chosen == ("B", "D")


def test_land_consumption(shared_golden: Path) -> None:
    golden = pd.read_csv(shared_golden / "indicators/sdg_11_3_1.csv")
    for years, part in golden.groupby("years"):
        columns = ("built_past_km2", "built_present_km2", "pop_past", "pop_present")
        found = land_consumption(*(part[name] for name in columns), years=float(years))
        for ours, theirs in [
            ("land_consumption_rate", "LCR"),
            ("population_growth_rate", "PGR"),
            ("ratio", "LCRPGR"),
            ("built_m2_per_person_past", "built_m2_per_cap_past"),
            ("built_m2_per_person_present", "built_m2_per_cap_present"),
            ("built_change_pct", "total_change_built_pct"),
        ]:
            assert found[ours].to_numpy() == pytest.approx(part[theirs].to_numpy(), rel=1e-14, nan_ok=True), ours
        assert found["note"].tolist() == part["note"].fillna("").tolist()


def test_apistrat_proportion_has_every_interval(shared_golden: Path) -> None:
    frame = pd.read_csv(shared_golden / "survey/apistrat.csv", dtype=str)
    rows = {
        kind: survey_estimates(
            frame, ["awards=Yes"], statistic="proportion", weights="pw", strata="stype", fpc="fpc", ci=kind
        ).iloc[0]
        for kind in ("logit", "wilson", "beta", "mean", "dhs2se")
    }
    assert {row["ci_method"] for row in rows.values()} == set(rows)
    p, se = rows["mean"][["estimate", "se"]]
    assert rows["dhs2se"][["ci_low", "ci_high"]].tolist() == pytest.approx([p - 2 * se, p + 2 * se], rel=1e-14)
    assert all(0 < row["ci_low"] < p < row["ci_high"] < 1 for row in rows.values())
