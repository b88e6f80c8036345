"""The real survey of Dhaka: the source's own classes reproduced household by household, and ours beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from geo_profiling.indicators.households import Households, map_households, post_weights
from geo_profiling.indicators.mapping import parse_mapping
from geo_profiling.indicators.sanitation import sanitation_ladder
from geo_profiling.indicators.slum_households import SlumRules, deprivations, slum_status
from geo_profiling.indicators.survey import survey_estimates
from geo_profiling.indicators.water import water_ladder

COMPONENTS = ("water", "sanitation", "living_area", "durability")
#: The authors' own classes: water1 is their flag of an improved source; san3 and san4 are told together.
SOURCE_VARIABLES = """
name: dhaka_source
programme: WSUP, the authors' own classes
household_id: uniqueID
weight: {column: people_weight}
weight_of: people
persons: {column: nMembers}
psu: psu
strata: [zone, type]
variables:
  water_source: {column: water1, codes: {1: improved, 0: unimproved}}
  toilet:
    - column: san3
      codes:
        Drain: unimproved
        Hanging toilet/hanging latrine: unimproved
        Pit latrine without slab/open pit: unimproved
        Ring and slab without pit latrine: unimproved
        No facilities or bush or field or lake or pond: none
        Pit latrine with slab or ventilated improved pit latrine (VIP): improved
      missing: [Flush/pour flush]
    - column: san4
      codes: {Open drain/ditch/water body: unimproved, Adjacent pond: unimproved}
      missing: [Piped sewer system, Septic tank, Don't know, Pit latrine]
      otherwise: improved
  toilet_shared: {column: san1a, codes: {0: 0, 1: 1}}
  rooms: {column: ppi4, codes: {One: 1, Two: 2, Three or more: 3}}
  walls:
    column: ppi5
    codes:
      Brick/cement: durable
      Mud brick, or C.I. sheet/wood: not_durable
      Hemp/hay/bamboo, or other: not_durable
"""


@pytest.fixture(scope="module")
def table(shared_data: Path) -> pd.DataFrame:
    text = {"dtype": str, "keep_default_na": False}
    folder = shared_data / "dhaka"
    households = pd.read_csv(folder / "households.csv", **text)
    rooms = pd.read_csv(folder / "housing_subset.csv", **text)
    people = pd.read_csv(folder / "popBGD.csv", **text).set_index("psu")["pop"].astype(float)
    joined = households.merge(rooms, on="uniqueID", validate="1:1")
    return joined.assign(people_weight=post_weights(joined["psu"], people))


@pytest.fixture(scope="module")
def golden(shared_golden: Path, table: pd.DataFrame) -> pd.DataFrame:
    found = pd.read_csv(shared_golden / "indicators/dhaka_classified_households.csv", dtype={"uniqueID": str})
    return found.set_index("uniqueID").loc[table["uniqueID"]].reset_index()


@pytest.fixture(scope="module")
def ours(table: pd.DataFrame, repository: Path) -> Households:
    text = (repository / "configs/dhaka_households.yaml").read_text(encoding="utf-8")
    return map_households(table, parse_mapping(text, name="dhaka_households.yaml"), keep=["corporation", "zone"])


def test_the_source_s_own_variables_give_its_own_classes(table: pd.DataFrame, golden: pd.DataFrame) -> None:
    frame = map_households(table, parse_mapping(SOURCE_VARIABLES, name="source")).frame
    assert len(frame) == 1282
    lacking = deprivations(frame, SlumRules(components=COMPONENTS))
    expected = dict(zip(COMPONENTS, ["water_unimp", "san_unimp", "crowd", "wall_nondurable"], strict=True))
    for component, column in expected.items():
        assert (lacking[component] == golden[column]).sum() == 1282, component
    assert (frame["toilet_shared"] == golden["san_shared"]).all()
    assert ((frame["toilet"] == "none") == golden["san_od"]).all()
    status = slum_status(lacking)
    assert (status["slum_household"] == golden["slum4"]).all()
    assert (status["two_or_more"] == golden["slum4_2plus"]).all()
    three = slum_status(deprivations(frame, SlumRules(components=COMPONENTS[:3])))
    assert (three["slum_household"] == golden["slum3"]).all()


def test_weights_are_the_people_of_the_psu(table: pd.DataFrame, golden: pd.DataFrame) -> None:
    assert np.allclose(table["people_weight"], golden["w"], rtol=1e-12)


def test_our_rules_differ_in_57_households_and_only_in_water(
    table: pd.DataFrame, ours: Households, golden: pd.DataFrame
) -> None:
    lacking = deprivations(ours.frame, SlumRules(components=COMPONENTS))
    for component, column in [("sanitation", "san_unimp"), ("living_area", "crowd"), ("durability", "wall_nondurable")]:
        assert (lacking[component] == golden[column]).all(), component
    differs = lacking["water"] != golden["water_unimp"]
    # Tube wells and neighbours' taps are improved sources.
    assert table.loc[differs, "waterSource"].value_counts().to_dict() == {
        "Tube well": 39, "Neighbour's house": 17, "Shallow tube well": 1,
    }  # fmt: skip
    assert (golden.loc[differs, "water_unimp"] == 1).all()


def test_ladders_hold_every_household(table: pd.DataFrame, ours: Households) -> None:
    for ladder in (sanitation_ladder(ours.frame), water_ladder(ours.frame)):
        shares = ladder.shares("exclude")
        assert np.allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)
    rungs = sanitation_ladder(ours.frame).worst.idxmax(axis=1)
    own = table[["jmpSan1", "jmpSan2", "jmpSan3", "jmpSan4"]].astype(int).sum(axis=1)
    # The source's ladder leaves out who flushes to a drain or a pond; they are on the rung "unimproved" of ours.
    assert (own == 0).sum() == 341
    assert set(rungs[own == 0]) == {"unimproved"}
    assert rungs.value_counts().to_dict() == {"limited": 453, "unimproved": 433, "basic": 389, "open_defecation": 7}


def test_estimates_by_slum_and_corporation(ours: Households) -> None:
    lacking = deprivations(ours.frame, SlumRules(components=COMPONENTS))
    frame = ours.frame.assign(slum=slum_status(lacking)["slum_household"])
    found = survey_estimates(
        frame, ["slum"], statistic="proportion", weights="person_weight", strata="stratum", psu="psu",
        by=["is_slum_area"],
    ).set_index("is_slum_area")  # fmt: skip
    whole = survey_estimates(
        frame, ["slum"], statistic="proportion", weights="person_weight", strata="stratum", psu="psu"
    ).iloc[0]
    people = frame.groupby("is_slum_area")["person_weight"].sum()
    assert (found["estimate"] * people).sum() / people.sum() == pytest.approx(whole["estimate"], rel=1e-12)
    assert found.loc[1, "estimate"] > found.loc[0, "estimate"]
    assert found["n_psu"].tolist() == [297, 344]
    assert found["df"].tolist() == [288, 335]
