"""The sample city's households are all known: surveys of them are right as often as they say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from geo_profiling.indicators.households import Households, map_households
from geo_profiling.indicators.mapping import ready_mapping
from geo_profiling.indicators.measures import household_measures, measure_frame
from geo_profiling.indicators.survey import survey_estimates

REDRAWS = 1000
INDICATORS = ["slum_household", "deprived_two_or_more", "sanitation_at_least_basic", "deprived_durability"]


@pytest.fixture(scope="module")
def city(sample_data: Path) -> ModuleType:
    sys.path.insert(0, str(sample_data))
    try:
        return importlib.import_module("port_serrano.households")
    finally:
        sys.path.remove(str(sample_data))


@pytest.fixture(scope="module")
def everyone(city: ModuleType) -> Households:
    # Everyone counts once; a constant weight is right here.
    frame = city.in_words().assign(weight=1.0, psu=0, stratum=0)
    return map_households(frame, ready_mapping("plain"))


@pytest.fixture(scope="module")
def truth(sample_data: Path) -> pd.Series:
    return pd.read_csv(sample_data / "household_truth_2020.csv").set_index(["area", "indicator"])["share"]


def test_our_rules_give_what_is_true_of_everyone(everyone: Households, truth: pd.Series) -> None:
    values = measure_frame(household_measures(everyone))
    people = everyone.frame["persons"]
    inside = {"metropolis": people > 0, "slums": everyone.frame["is_slum_area"] == 1}
    for (area, indicator), share in truth.items():
        chosen = inside[area]
        found = (values[indicator] * people)[chosen].sum() / people[chosen].sum()
        assert found == pytest.approx(share, rel=1e-12), (area, indicator)


def test_intervals_cover_the_truth_as_often_as_they_say(
    city: ModuleType, everyone: Households, truth: pd.Series
) -> None:
    which, area, household, weight = city.draw(np.random.default_rng(2020), REDRAWS)
    values = measure_frame(household_measures(everyone))[INDICATORS]
    people = everyone.frame["persons"].to_numpy()
    strata = pd.factorize(city.everyone().stratum)[0]
    # A thousand surveys at once: strata of different surveys are different strata.
    frame = values.iloc[household].reset_index(drop=True)
    frame = frame.assign(
        survey=which, weight=weight * people[household], stratum=which * 10 + strata[area], psu=area,
        slums=np.where(everyone.frame["is_slum_area"].to_numpy()[household] == 1, which, np.nan),
    )  # fmt: skip
    options = {"statistic": "proportion", "weights": "weight", "strata": "stratum", "psu": "psu"}
    covered = {}
    for domain, by in (("metropolis", "survey"), ("slums", "slums")):
        found = survey_estimates(frame, INDICATORS, by=[by], **options)
        assert len(found) == REDRAWS * len(INDICATORS)
        for indicator, part in found.groupby("variable"):
            share = truth[domain, indicator]
            covered[domain, indicator] = float(((part["ci_low"] <= share) & (share <= part["ci_high"])).mean())
            # Estimates are right on average: within four standard errors of their mean.
            assert abs(part["estimate"].mean() - share) < 4 * part["estimate"].std() / REDRAWS**0.5
            assert part["se"].mean() == pytest.approx(part["estimate"].std(), rel=0.1)
    assert {key: rate for key, rate in covered.items() if not 0.93 <= rate <= 0.97} == {}


def test_a_thousand_at_once_is_each_by_itself(city: ModuleType, everyone: Households) -> None:
    which, area, household, weight = city.draw(np.random.default_rng(1), 5)
    values = measure_frame(household_measures(everyone))[INDICATORS]
    strata = pd.factorize(city.everyone().stratum)[0]
    frame = values.iloc[household].reset_index(drop=True).assign(
        survey=which, weight=weight, stratum=which * 10 + strata[area], psu=area
    )  # fmt: skip
    options = {"statistic": "proportion", "weights": "weight", "strata": "stratum", "psu": "psu"}
    together = survey_estimates(frame, INDICATORS, by=["survey"], **options)
    for survey in range(5):
        for indicator in INDICATORS:
            alone = survey_estimates(frame[frame["survey"] == survey], [indicator], **options).iloc[0]
            row = together[(together["survey"] == survey) & (together["variable"] == indicator)].iloc[0]
            for figure in ("estimate", "se", "ci_low", "ci_high", "deff", "n_eff"):
                assert row[figure] == pytest.approx(alone[figure], rel=1e-12)
            assert (row["n"], row["n_psu"], row["df"]) == (alone["n"], alone["n_psu"], alone["df"])


def test_the_committed_survey_covers_the_truth(sample_data: Path, truth: pd.Series) -> None:
    table = pd.read_csv(sample_data / "household_survey_2020.csv", dtype=str, keep_default_na=False)
    survey = map_households(table, ready_mapping("plain"))
    assert survey.findings == ()
    measures = household_measures(survey)
    frame = pd.concat([survey.frame, measure_frame(measures)[INDICATORS]], axis=1)
    found = survey_estimates(
        frame, INDICATORS, statistic="proportion", weights="person_weight", strata="stratum", psu="psu"
    )
    for row in found.itertuples():
        assert row.ci_low < truth["metropolis", row.variable] < row.ci_high
