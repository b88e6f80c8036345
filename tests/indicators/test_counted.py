"""Shares of people, of households and of adults kept apart; JMP's minimum beside the joint share; a register."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.indicators.estimates import WHOLE, direct_estimates, fill_modelled
from geo_profiling.indicators.households import Households, map_households
from geo_profiling.indicators.jmp_water import INDICATOR, jmp_estimates
from geo_profiling.indicators.mapping import ready_mapping
from geo_profiling.indicators.measures import household_measures
from geo_profiling.indicators.publication import indicator_table, suppress_small
from geo_profiling.indicators.secure_tenure import register_estimates
from geo_profiling.indicators.water import jmp_minimum, water_margins


def survey_of(**columns: object) -> Households:
    n = max(len(values) for values in columns.values() if isinstance(values, list | np.ndarray))
    table = pd.DataFrame({"weight": 1.0 + np.arange(n) % 2, "persons": 1, "psu": np.arange(n), "stratum": 1, **columns})
    return map_households(table, ready_mapping("plain"))


def whole(households: Households) -> pd.DataFrame:
    found = direct_estimates(households, household_measures(households), {})
    return found[found["breakdown"] == ""].set_index("indicator")


def test_households_and_people_are_two_numbers_with_two_names() -> None:
    survey = survey_of(weight=[1, 1, 1, 2], persons=[8, 2, 2, 3], waste_collected=[0, 1, 1, 1])
    found = whole(survey)
    assert found.loc["waste_collection_access", "estimate"] == pytest.approx(10 / 18)
    assert found.loc["households_waste_collection_access", "estimate"] == pytest.approx(4 / 5)
    assert found["denominator_scope"].to_dict() == {
        "waste_collection_access": "", "households_waste_collection_access": "households",
    }  # fmt: skip
    counterparts = {item.of_people for item in CATALOGUE.values() if item.of_people}
    assert counterparts <= set(CATALOGUE)
    assert {"slum_household", "slum_area", "water_at_least_basic"} <= counterparts


def test_hygiene_has_both_denominators_and_both_ladders_are_complete() -> None:
    survey = survey_of(
        weight=[1, 1, 1, 1], handwashing=["fixed", "mobile", "none", "no_permission"],
        handwashing_water=[1, 1, 0, ""], handwashing_soap=[1, 0, 0, ""],
    )  # fmt: skip
    found = whole(survey)["estimate"]
    assert found["hygiene_basic"] == pytest.approx(1 / 3)
    assert found["hygiene_of_all_basic"] == pytest.approx(1 / 4)
    assert found["hygiene_of_all_not_observed"] == pytest.approx(1 / 4)
    assert found[["hygiene_basic", "hygiene_limited", "hygiene_no_facility"]].sum() == pytest.approx(1)
    assert found.filter(regex="^hygiene_of_all_").sum() == pytest.approx(1)


def test_the_minimum_of_margins_is_taken_in_town_and_country_apart() -> None:
    rng = np.random.default_rng(5)
    n = 600
    survey = survey_of(
        water_source=np.where(rng.random(n) < 0.8, "piped_yard", "surface_water"),
        water_available=(rng.random(n) < np.where(np.arange(n) < 200, 0.5, 0.9)).astype(int),
        water_free_of_contamination=(rng.random(n) < np.where(np.arange(n) < 200, 0.9, 0.4)).astype(int),
        urbanisation=np.where(np.arange(n) < 200, "R", "U"),
    )
    area = pd.Series(np.where(np.arange(n) % 2, "A", "B"))
    rows = jmp_estimates(survey, {"zone": area}).set_index("area_id")
    frame = survey.frame
    margins = water_margins(frame)
    weights = frame["person_weight"]
    for name, chosen in [(WHOLE, frame["persons"] > 0), ("A", area == "A")]:
        by_stratum = pd.DataFrame(
            {
                stratum: {m: np.average(margins.loc[own, m], weights=weights[own]) for m in margins}
                for stratum in ("R", "U")
                for own in [chosen & (frame["urbanisation"] == stratum)]
            }
        ).T
        people = weights[chosen].groupby(frame.loc[chosen, "urbanisation"]).sum()
        assert rows.loc[name, "estimate"] == pytest.approx(jmp_minimum(by_stratum, people)[0], rel=1e-12)
    joint = whole(survey).loc["water_safely_managed", "estimate"]
    assert joint < rows.loc[WHOLE, "estimate"]
    assert rows.loc[WHOLE, "components_used"] == "smallest margin: available (R), quality (U)"
    assert set(rows["indicator"]) == {INDICATOR}
    assert rows["lower"].lt(rows["estimate"]).all()
    assert rows["upper"].gt(rows["estimate"]).all()


def test_without_quality_there_is_no_minimum() -> None:
    assert jmp_estimates(survey_of(water_source=["piped_yard"] * 4, water_available=[1, 0, 1, 1]), {}).empty


def test_one_adult_of_each_household_stands_for_all_of_it() -> None:
    columns = {"weight": [10, 10, 10, 10], "adult_documented": [1, 0, 1, ""], "adult_fears_loss": [0, 0, 1, ""],
               "adult_may_bequeath": [1, 1, 1, ""], "adult_sex": ["F", "M", "F", ""]}  # fmt: skip
    survey = survey_of(**columns, adults=[1, 3, 2, ""])
    found = direct_estimates(survey, household_measures(survey), {})
    value = found.set_index(["indicator", "category"])["estimate"]
    assert value["tenure_documented", "_T"] == pytest.approx(3 / 6)
    assert value["tenure_perceived_secure", "_T"] == pytest.approx(4 / 6)
    assert value["tenure_secure", "_T"] == pytest.approx(1 / 6)
    assert value["tenure_documented", "F"] == 1
    published = indicator_table(suppress_small(found, minimum=1, caution=1), time_period="2020")
    women = published[(published["indicator"] == "tenure_secure") & (published["sex"] == "F")].iloc[0]
    assert women[["breakdown", "series", "denominator_scope"]].tolist() == ["_T", "SP_LGL_LNDSTR", "adults"]
    with pytest.raises(UsageError, match="not how many there are"):
        household_measures(survey_of(**columns))
    nobody = survey_of(**columns, adults=[1, 0, 2, ""])
    with pytest.raises(InputError, match="no number of adults"):
        direct_estimates(nobody, household_measures(nobody), {})


def test_shares_of_households_and_adults_are_not_modelled_from_people() -> None:
    n = 200
    survey = survey_of(waste_collected=np.arange(n) % 3 // 2, is_slum_area=np.arange(n) % 2)
    direct = direct_estimates(survey, household_measures(survey), {}, breakdowns=["is_slum_area"])
    people = pd.DataFrame({"area_type": "unit", "area_id": "1", "stratum": ["1", "0"], "population": [5.0, 5.0]})
    modelled = fill_modelled(direct, people, strata="is_slum_area").query("nature == 'M'")
    assert set(modelled["indicator"]) == {"waste_collection_access"}


def register() -> pd.DataFrame:
    rows = []
    cells = [("S1", "all", 30.0, 90.0, 100.0), ("S1", "female", 10.0, 40.0, 50.0), ("S1", "unknown", 1.0, 1.0, 2.0),
             ("all", "all", np.nan, 90.0, 100.0)]  # fmt: skip
    for place, sex, n, known, total in cells:
        rows += [
            {"settlement_id": place, "measure": measure, "sex": sex, "tenure_type": "all", "share": n / known, "n": n,
             "n_known": known, "n_total": total, "coverage_share": known / total, "n_households": 60,
             "is_suppressed": bool(np.isnan(n))}
            for measure in ("tenure_type", "documented", "perceived", "documented_and_perceived")
        ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_register_gives_all_three_by_sex_and_hides_what_it_hid() -> None:
    table = indicator_table(register_estimates(register(), region="city"), time_period="2020")
    assert len(table) == 9
    own = table[(table["indicator"] == "tenure_documented") & (table["area_type"] == "settlement")].set_index("sex")
    assert own.loc["_T", ["obs_value", "lower_bound", "upper_bound", "n"]].tolist() == pytest.approx(
        [100 / 3, 30, 40, 60]
    )
    assert own.loc["F", "obs_value"] == 25
    assert own.loc["F", "denominator_scope"] == "adults in the register's settlements"
    hidden = table[table["area_type"] == "register_area"]
    assert set(hidden["area_id"]) == {"city"}
    assert set(hidden["obs_status"]) == {"Q"}
    assert hidden[["obs_value", "lower_bound", "upper_bound", "n", "coverage_share"]].isna().all(axis=None)
    assert set(table["series"]) == {"SP_LGL_LNDDOC", "SP_LGL_LNDSEC", "SP_LGL_LNDSTR"}
