"""Estimates for areas: sums, suppression that cannot be undone, modelled values, the published table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.catalogue import CATALOGUE, catalogue_table, indicator
from geo_profiling.indicators.estimates import TOTAL, WHOLE, direct_estimates, fill_modelled, require_fit_for_areas
from geo_profiling.indicators.households import Households, map_households
from geo_profiling.indicators.mapping import ready_mapping
from geo_profiling.indicators.measures import HouseholdRules, household_measures, measure_frame
from geo_profiling.indicators.publication import FIELDS, indicator_table, suppress_small
from geo_profiling.indicators.survey import survey_estimates


@pytest.fixture(scope="module")
def survey(sample_data: Path) -> Households:
    table = pd.read_csv(sample_data / "household_survey_2020.csv", dtype=str, keep_default_na=False)
    table["settlement_id"] = table["settlement_id"].replace("", np.nan)
    return map_households(table, ready_mapping("plain"), keep=["settlement_id", "unit_id"])


@pytest.fixture(scope="module")
def direct(survey: Households) -> pd.DataFrame:
    areas = {"unit": survey.frame["unit_id"], "settlement": survey.frame["settlement_id"]}
    return direct_estimates(survey, household_measures(survey), areas, breakdowns=["is_slum_area", "sex_of_head"])


def test_every_figure_is_that_of_a_call_of_its_own(survey: Households, direct: pd.DataFrame) -> None:
    frame = pd.concat([survey.frame, measure_frame(household_measures(survey))], axis=1)
    options: dict[str, Any] = {"weights": "person_weight", "strata": "stratum", "psu": "psu"}
    for (kind, column), names in {
        ("unit", "unit_id"): ["slum_household", "hygiene_basic"], ("settlement", "settlement_id"): ["deprived_water"],
    }.items():  # fmt: skip
        for name in names:
            alone = survey_estimates(frame, [name], statistic="proportion", by=[column], **options).set_index(column)
            rows = direct[
                (direct["area_type"] == kind) & (direct["indicator"] == name) & (direct["breakdown"] == "")
            ].set_index("area_id")
            assert len(rows) == len(alone)
            for ours, theirs in [("estimate", "estimate"), ("se", "se"), ("lower", "ci_low"), ("upper", "ci_high"),
                                 ("n", "n"), ("df", "df"), ("deff", "deff")]:  # fmt: skip
                expected = alone.loc[rows.index, theirs].to_numpy(float)
                assert rows[ours].to_numpy(float) == pytest.approx(expected, rel=1e-12, nan_ok=True), (kind, name, ours)


def test_parts_weighted_by_people_equal_the_whole(survey: Households, direct: pd.DataFrame) -> None:
    people = survey.frame.groupby("unit_id")["person_weight"].sum()
    chosen = direct[(direct["breakdown"] == "") & (direct["denominator_scope"] == "")]
    for name in chosen["indicator"].unique():
        rows = chosen[chosen["indicator"] == name].set_index("area_id")
        parts = rows[rows["area_type"] == "unit"]
        weight = people[parts.index] * parts["coverage_share"]
        whole = rows.loc[WHOLE, "estimate"]
        assert (parts["estimate"] * weight).sum() / weight.sum() == pytest.approx(whole, abs=1e-9), name


def test_rungs_of_every_area_sum_to_one(direct: pd.DataFrame) -> None:
    for prefix in ("water", "sanitation"):
        rungs = ["at_least_basic", "limited", "unimproved", "surface_water" if prefix == "water" else "open_defecation"]
        part = direct[direct["indicator"].isin([f"{prefix}_{rung}" for rung in rungs])]
        sums = part.groupby(["area_type", "area_id", "breakdown", "category"])["estimate"].agg(["sum", "size"])
        assert (sums["size"] == 4).all()
        assert np.allclose(sums["sum"], 1, rtol=0, atol=1e-12)


def test_small_areas_are_suppressed_and_marked(direct: pd.DataFrame) -> None:
    found = suppress_small(direct)
    rows = found[(found["area_type"] == "settlement") & (found["breakdown"] == "")]
    before = direct.loc[rows.index]
    assert set(rows.loc[before["n"] < 25, "obs_status"]) == {"Q"}
    assert set(rows.loc[before["n"].between(25, 49), "obs_status"]) <= {"U", "Q"}
    assert rows.loc[rows["obs_status"] == "Q", ["estimate", "se", "lower", "n", "n_eff"]].isna().all(axis=None)
    assert rows.loc[rows["obs_status"] == "A", "estimate"].notna().all()


def test_a_settlement_with_four_households_shows_nothing() -> None:
    table = pd.DataFrame(
        {"weight": np.arange(104) % 3 + 1, "persons": 4, "psu": np.arange(104) // 4, "stratum": 1,
         "waste_collected": np.arange(104) % 2, "s": ["S1"] * 4 + ["S2"] * 100}
    )  # fmt: skip
    survey = map_households(table, ready_mapping("plain"), keep=["s"])
    direct = direct_estimates(survey, household_measures(survey)[:1], {"settlement": survey.frame["s"]})
    found = suppress_small(direct).set_index("area_id")
    assert found.loc["S1", "obs_status"] == "Q"
    # Without S2 the whole would give S1 away.
    assert found.loc["S2", "obs_status"] == "Q"
    assert found.loc[WHOLE, "obs_status"] == "A"


def recoverable(found: pd.DataFrame, direct: pd.DataFrame, sums: list[tuple[int, list[int]]]) -> list[int]:
    """Return the rows that are blank, but that a sum with all else published gives away."""
    blank = (found["obs_status"] == "Q").to_numpy().copy()
    given_away: list[int] = []
    while True:
        new = []
        for whole, parts in sums:
            hidden = [row for row in (whole, *parts) if blank[row]]
            if len(hidden) == 1:
                new += hidden
        if not new:
            return given_away
        given_away += new
        blank[new] = False


def test_no_suppressed_cell_can_be_recovered(survey: Households, direct: pd.DataFrame) -> None:
    found = suppress_small(direct)
    assert (found["obs_status"] == "Q").sum() > 50
    key = ["area_type", "area_id", "indicator", "breakdown", "category"]
    place = {tuple(row): number for number, row in enumerate(found[key].to_numpy())}
    sums = []
    for (kind, area, name, _), part in found[found["breakdown"] != ""].groupby(key[:4]):
        parts = part.index.tolist()
        whole = place[kind, area, name, "", TOTAL]
        # Only where the parts really are all of it.
        if direct.loc[parts, "n"].sum() == direct.loc[whole, "n"]:
            sums.append((whole, parts))
    for (name, breakdown, category), part in found[found["area_type"] == "unit"].groupby(key[2:]):
        whole = place[WHOLE, WHOLE, name, breakdown, category]
        if direct.loc[part.index, "n"].sum() == direct.loc[whole, "n"]:
            sums.append((whole, part.index.tolist()))
    assert len(sums) > 100
    assert recoverable(found, direct, sums) == []
    # The same attack finds what plain suppression of small cells would give away.
    plain = direct.assign(obs_status=np.where(direct["n"] < 25, "Q", "A"))
    assert len(recoverable(plain, direct, sums)) > 0


def test_nested_areas_protect_each_other() -> None:
    cells = pd.DataFrame(
        {"area_type": [WHOLE, "city", "city", "zone", "zone", "zone", "zone"],
         "area_id": [WHOLE, "N", "S", "1", "2", "3", "4"], "indicator": "slum_household", "breakdown": "",
         "category": TOTAL, "estimate": 0.5, "n": [500, 204, 296, 4, 200, 100, 196], "nature": "E"}
    )  # fmt: skip
    nesting = {("zone", "1"): "city/N", ("zone", "2"): "city/N", ("zone", "3"): "city/S", ("zone", "4"): "city/S"}
    alone, nested = suppress_small(cells), suppress_small(cells, nesting)
    assert alone["obs_status"].tolist() == ["A", "A", "A", "Q", "A", "Q", "A"]
    # Zone 3 does not hide zone 1, which is the rest of N beside zone 2.
    assert nested["obs_status"].tolist() == ["A", "A", "A", "Q", "Q", "A", "A"]


def test_modelled_values_stand_where_the_sample_is_small(direct: pd.DataFrame) -> None:
    people = pd.DataFrame(
        [("settlement", f"S{i:02d}", "1", 1000.0) for i in range(1, 13)]
        + [("unit", "04099", "1", 300.0), ("unit", "04099", "0", 700.0)],
        columns=["area_type", "area_id", "stratum", "population"],
    )
    found = fill_modelled(direct, people, strata="is_slum_area")
    total = found[found["breakdown"] == ""]
    slums = total[(total["area_type"] == "settlement") & (total["indicator"] == "deprived_water")].set_index("area_id")
    assert len(slums) == 12
    before = direct[(direct["area_type"] == "settlement") & (direct["indicator"] == "deprived_water")]
    before = before[before["breakdown"] == ""].set_index("area_id")
    own = (before["n"] >= 25) & (before["n_psu"] >= 2)
    assert (slums.loc[own[own].index, "nature"] == "E").all()
    assert (slums.loc[own[~own].index, "nature"] == "M").all()
    rate = direct[(direct["area_type"] == WHOLE) & (direct["indicator"] == "deprived_water")
                  & (direct["breakdown"] == "is_slum_area")].set_index("category")  # fmt: skip
    modelled = slums[slums["nature"] == "M"]
    assert modelled["estimate"].to_numpy() == pytest.approx(rate.loc["1", "estimate"])
    assert modelled["se"].to_numpy() == pytest.approx(rate.loc["1", "se"])
    mixed = total[(total["area_id"] == "04099") & (total["indicator"] == "deprived_water")].iloc[0]
    assert mixed["estimate"] == pytest.approx(0.3 * rate.loc["1", "estimate"] + 0.7 * rate.loc["0", "estimate"])
    published = fill_modelled(suppress_small(direct), people, strata="is_slum_area")
    modelled = published[published["nature"] == "M"]
    assert (modelled["obs_status"] == "A").all()
    assert modelled["ci_method"].str.endswith("without the grid's error").all()
    # What is blank because it would give away another is modelled too: it rests on published rates alone.
    assert not (
        published["breakdown"].eq("")
        & published["obs_status"].eq("Q")
        & published["area_type"].eq("settlement")
        & published["denominator_scope"].eq("")
    ).any()
    with pytest.raises(UsageError, match="nothing was estimated by 'tenure'"):
        fill_modelled(direct, people, strata="tenure")


def test_a_range_of_people_widens_the_interval_of_modelled_values(direct: pd.DataFrame) -> None:
    people = pd.DataFrame(
        [("unit", "04099", "1", 300.0, 240.0, 600.0), ("unit", "04099", "0", 700.0, 700.0, 700.0)],
        columns=["area_type", "area_id", "stratum", "population", "population_low", "population_high"],
    )
    narrow, wide = (
        fill_modelled(direct, table, strata="is_slum_area").query(
            "area_id == '04099' and indicator == 'slum_household'"
        )
        for table in (people[["area_type", "area_id", "stratum", "population"]], people)
    )
    assert wide["estimate"].item() == narrow["estimate"].item()
    assert wide["lower"].item() < narrow["lower"].item()
    assert wide["upper"].item() > narrow["upper"].item() + 0.05
    assert wide["ci_method"].item() == "logit, over the range of people, else without the grid's error"


def test_what_is_hidden_cannot_be_worked_out_over_several_breakdowns(direct: pd.DataFrame) -> None:
    """Linear algebra on all sums at once: no blank is the same in every table that fits what is published."""
    found = suppress_small(direct)
    for name in ("slum_household", "water_at_least_basic"):
        part = found[found["indicator"] == name]
        size = direct.loc[part.index].set_index(["area_type", "area_id", "breakdown", "category"])["n"]
        place = {key: number for number, key in enumerate(size.index)}
        rows = []
        for (kind, area, breakdown, category), n in size.items():
            parts = [k for k in place if k[:2] == (kind, area) and not breakdown and k[2]]
            groups = [[k for k in parts if k[2] == by] for by in {k[2] for k in parts}]
            if kind == WHOLE:
                inside = [k for k in place if k[0] != WHOLE and k[2:] == (breakdown, category)]
                groups += [[k for k in inside if k[0] == other] for other in {k[0] for k in inside}]
            for group in groups:
                if group and size[group].sum() == n:
                    row = np.zeros(len(place))
                    row[[place[k] for k in group]] = 1
                    row[place[kind, area, breakdown, category]] = -1
                    rows.append(row)
        blank = (part["obs_status"] == "Q").to_numpy()
        _, singular, vectors = np.linalg.svd(np.array(rows)[:, blank])
        free = vectors[(singular > 1e-9).sum() :]
        assert len(rows) > 50
        assert (np.abs(free).max(axis=0) > 1e-9).all()
        # The figure of the whole city, and of its slums, are what the survey was made for.
        of_city = part[part["area_type"] == WHOLE]
        assert (of_city["obs_status"] != "Q").all()


def test_the_published_table_has_every_field(direct: pd.DataFrame) -> None:
    table = indicator_table(suppress_small(direct), time_period="2020")
    assert tuple(table.columns) == FIELDS
    assert table.duplicated(["area_type", "area_id", "indicator", "sex", "urbanisation", "breakdown"]).sum() == 0
    shown = table[table["obs_value"].notna()]
    assert shown["obs_value"].between(0, 100).all()
    assert shown["obs_value"].max() > 1
    slum = table[(table["indicator"] == "slum_household") & (table["area_type"] == WHOLE)].set_index("breakdown")
    assert slum.loc["_T", ["series", "unit_measure", "nature", "denominator_scope"]].tolist() == [
        "EN_LND_SLUM", "PT", "E", "all",
    ]  # fmt: skip
    assert slum.loc["_T", "components_used"] == "water+sanitation+living_area+durability+tenure"
    assert "sex_of_head=F" in slum.index
    assert (slum["sex"] == "_T").all()
    again = indicator_table(suppress_small(direct.sample(frac=1, random_state=1)), time_period="2020")
    pd.testing.assert_frame_equal(table, again)


def test_bounds_reach_from_the_worst_to_the_best_reading(survey: Households) -> None:
    frame = survey.frame.copy()
    frame.loc[frame.index[::5], "toilet"] = np.nan
    households = Households(frame, "plain", ())
    rows = {}
    for policy in ("exclude", "unimproved", "bounds"):
        measures = household_measures(households, HouseholdRules(missing=policy))
        chosen = [measure for measure in measures if measure.indicator == "deprived_sanitation"]
        rows[policy] = direct_estimates(households, chosen, {}).iloc[0]
    assert rows["unimproved"]["estimate"] > rows["exclude"]["estimate"]
    assert rows["bounds"]["estimate"] == rows["exclude"]["estimate"]
    assert rows["bounds"]["upper"] == pytest.approx(rows["unimproved"]["upper"])
    assert rows["bounds"]["lower"] < rows["exclude"]["lower"]
    assert "bounds" in rows["bounds"]["ci_method"]
    assert rows["exclude"]["coverage_share"] == pytest.approx(0.8, abs=0.05)
    assert rows["unimproved"]["coverage_share"] == 1


def test_policies_may_differ_by_indicator_and_must_be_known() -> None:
    rules = HouseholdRules(missing_of={"slum_household": "bounds"})
    assert (rules.policy("slum_household"), rules.policy("water_limited")) == ("bounds", "exclude")
    with pytest.raises(UsageError, match="'slums' is not in the catalogue"):
        HouseholdRules(missing_of={"slums": "bounds"})


def test_breakdowns_must_be_there(survey: Households) -> None:
    with pytest.raises(UsageError, match="no variable 'religion'"):
        direct_estimates(survey, household_measures(survey), {}, breakdowns=["religion"])


def test_coarse_coordinates_are_refused_for_small_areas() -> None:
    area = pd.Series({"ward 1": 3.0, "ward 2": 4.0, "city": 400.0})
    with pytest.raises(InputError, match=r"2 of 3 areas \(ward 1, ward 2\).*displaced on purpose by up to 2,000 m"):
        require_fit_for_areas(
            area, pd.Series([0.0, 0.1, 290.0], index=area.index), displacement_m=2000, reason="displaced"
        )
    require_fit_for_areas(area[["city"]], pd.Series({"city": 290.0}), displacement_m=2000, reason="displaced")


def test_the_catalogue_is_complete_and_honest() -> None:
    table = catalogue_table().set_index("id")
    assert len(table) == len(CATALOGUE)
    assert table[["title", "meaning", "numerator", "source"]].ne("").all(axis=None)
    assert not table["series"][table["series"] != ""].duplicated().any()
    # What these are often taken for, and are not.
    assert table.loc["waste_collection_access", ["sdg", "series"]].tolist() == ["", ""]
    assert table.loc["hazard_exposed_pop", ["sdg", "series"]].tolist() == ["", ""]
    assert table.loc["youth_neet", ["sdg", "series"]].tolist() == ["8.6.1", "SL_TLF_NEET"]
    with pytest.raises(UsageError, match=r"'11\.1\.1' is not in the catalogue"):
        indicator("11.1.1")
