"""Estimates of every indicator for every area: direct where the sample is large enough, modelled where it is not."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.households import Households
from geo_profiling.indicators.intervals import Interval, estimate_interval
from geo_profiling.indicators.measures import Counted, Measure, measure_frame
from geo_profiling.indicators.modelled import is_direct, modelled_estimates
from geo_profiling.indicators.secure_tenure import adult_weight
from geo_profiling.indicators.survey import LonelyPsu, survey_estimates

_log = logging.getLogger(__name__)

#: The area that all areas are parts of, and a breakdown's total.
WHOLE = "survey_area"
TOTAL = "_T"
_NOWHERE = "\x00"
_FIGURES = ["se", "lower", "upper", "ci_method", "n", "n_psu", "df", "n_eff", "deff"]
_COUNTS = {"n": "Int64", "n_psu": "Int64", "df": "Int64"}
COLUMNS = [
    "area_type", "area_id", "indicator", "breakdown", "category", "estimate", *_FIGURES, "coverage_share", "nature",
    "components_used", "denominator_scope",
]  # fmt: skip


@dataclass(frozen=True)
class EstimationRules:
    """How uncertainty is estimated.

    Attributes
    ----------
    ci : {"logit", "wilson", "beta", "mean", "dhs2se"}
    lonely_psu : {"fail", "certainty", "remove", "adjust", "average"}
    """

    ci: Interval = "logit"
    lonely_psu: LonelyPsu = "fail"


def direct_estimates(
    households: Households,
    measures: Sequence[Measure],
    areas: Mapping[str, pd.Series],
    *,
    breakdowns: Sequence[str] = (),
    rules: EstimationRules | None = None,
    name: str = "households",
) -> pd.DataFrame:
    """Estimate each measure as a share of people (or households, or adults), in each area and each part of it.

    The design is laid out once for each kind of area and breakdown; every figure equals that of a
    call of :func:`geo_profiling.indicators.survey.survey_estimates` for it alone.

    Parameters
    ----------
    households : Households
    measures : sequence of Measure
    areas : mapping
        Kind of area to the id of each household's area, on the index of the households; missing where
        a household lies in none.
    breakdowns : sequence of str
        Columns of the households.
    rules : EstimationRules, optional
    name : str
        Of the survey, for messages.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; the area :data:`WHOLE` first, ``category`` :data:`TOTAL` for all of an area.
        Estimates are 0-1. ``coverage_share`` is the share of the domain's people whose answer is known.
        With the policy "bounds" the interval reaches from the lower end of the worst reading to the upper
        end of the best one.

    Raises
    ------
    UsageError
        If a breakdown is no column, or there is nothing to estimate.
    InputError
        As :func:`geo_profiling.indicators.survey.survey_estimates`.

    Examples
    --------
    >>> from geo_profiling.indicators.households import map_households
    >>> from geo_profiling.indicators.mapping import ready_mapping
    >>> from geo_profiling.indicators.measures import household_measures
    >>> table = pd.DataFrame({"weight": [2, 3, 1, 1], "persons": 4, "psu": [1, 2, 1, 2], "stratum": [1, 1, 2, 2],
    ...                       "waste_collected": [1, 0, 1, 1]})
    >>> survey = map_households(table, ready_mapping("plain"))
    >>> found = direct_estimates(survey, household_measures(survey), {"city": pd.Series(["A", "A", "B", "B"])})
    >>> of_people = found["indicator"] == "waste_collection_access"
    >>> found.loc[of_people, ["area_id", "estimate"]].to_numpy().tolist()
    [['survey_area', 0.5714285714285714], ['A', 0.4], ['B', 1.0]]
    """
    rules = rules or EstimationRules()
    frame = households.frame
    absent = [column for column in breakdowns if column not in frame.columns]
    if absent or not measures:
        what = f"there is no variable '{absent[0]}' to break down by" if absent else "nothing was measured"
        raise UsageError(f"{name}: {what}", hint=f"it has {', '.join(map(str, frame.columns))}")
    every = {WHOLE: pd.Series(WHOLE, index=frame.index), **areas}
    parts = []
    for counted in dict.fromkeys(measure.counted for measure in measures):
        own = [measure for measure in measures if measure.counted == counted]
        values = measure_frame(own)
        design = frame[["stratum", "psu"]].assign(person_weight=_weights(frame, own, counted, name))
        groups = [*breakdowns, *(["adult_sex"] if counted == "adults" and households.has("adult_sex") else [])]
        for kind, ids in every.items():
            for breakdown in ("", *groups):
                labels = {"area_id": ids.map(str, na_action="ignore")}
                if breakdown:
                    labels["category"] = frame[breakdown].map(_label, na_action="ignore")
                # Households in no area stay in the design, as a domain that nobody asks for.
                table = pd.concat([design, values, pd.DataFrame(labels).fillna(_NOWHERE)], axis=1)
                found = _estimate(table, list(values.columns), list(labels), rules, name)
                found = found[(found[list(labels)] != _NOWHERE).all(axis=1)]
                if found.empty:
                    continue
                parts.append(_rows(found, own, kind, breakdown))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _weights(frame: pd.DataFrame, measures: Sequence[Measure], counted: Counted, name: str) -> pd.Series:
    """Return what each household weighs: its people, itself, or the adults that the one who answered stands for."""
    if counted == "people":
        return frame["person_weight"]
    if counted == "households":
        return frame["weight"]
    answered = pd.concat([measure.settled().notna() for measure in measures], axis=1).any(axis=1)
    weights = adult_weight(frame.loc[answered, "weight"], frame.loc[answered, "adults"], name=name)
    return weights.reindex(frame.index, fill_value=0.0)


def _label(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _estimate(
    table: pd.DataFrame, columns: list[str], by: list[str], rules: EstimationRules, name: str
) -> pd.DataFrame:
    found = survey_estimates(
        table, columns, statistic="mean", weights="person_weight", strata="stratum", psu="psu", by=by, ci="mean",
        lonely_psu=rules.lonely_psu, name=name,
    )  # fmt: skip
    # Shares of households that are safely managed in part are means; their intervals are those of proportions.
    estimate = found["estimate"].to_numpy().clip(0.0, 1.0)
    n, df = (found[column].to_numpy(np.int64) for column in ("n", "df"))
    low, high, method = estimate_interval(estimate, found["se"].to_numpy(), df, n, kind=rules.ci, is_proportion=True)
    weight = table["person_weight"].to_numpy()[:, None] * table[columns].notna().to_numpy()
    keys = [table[column] for column in by]
    known = pd.DataFrame(weight, columns=columns, index=table.index).groupby(keys, sort=False).sum()
    everyone = table["person_weight"].groupby(keys, sort=False).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        coverage = pd.Series(known.div(everyone, axis=0).stack(), name="coverage_share")
    coverage.index.names = [*by, "variable"]
    found = found.assign(estimate=estimate, lower=low, upper=high, ci_method=pd.array(method, dtype="string"))
    return found.drop(columns=["ci_low", "ci_high", "statistic"]).join(coverage, on=[*by, "variable"])


def _rows(found: pd.DataFrame, measures: Sequence[Measure], kind: str, breakdown: str) -> pd.DataFrame:
    by = [column for column in ("area_id", "category") if column in found.columns]
    parts = []
    variables = {str(key): part for key, part in found.groupby("variable", sort=False)}
    for measure in measures:
        part = variables[measure.indicator].set_index(by)
        if measure.policy == "bounds":
            worst, best = (variables[f"{measure.indicator}:{end}"].set_index(by) for end in ("low", "high"))
            wider = {"lower": worst["lower"], "upper": best["upper"]}
            part = part.assign(**wider, ci_method=part["ci_method"] + " with bounds of missing answers")
        part = part.reset_index()
        part["components_used"] = measure.components_used
        part["denominator_scope"] = measure.scope
        parts.append(part)
    result = pd.concat(parts, ignore_index=True).rename(columns={"variable": "indicator"})
    if not breakdown:
        result["category"] = TOTAL
    return result.assign(area_type=kind, breakdown=breakdown, nature="E")


def fill_modelled(direct: pd.DataFrame, people: pd.DataFrame, *, strata: str) -> pd.DataFrame:
    """Put modelled values where an area's own sample is too small, or where it has none.

    Parameters
    ----------
    direct : DataFrame
        As :func:`direct_estimates` returns it, with ``strata`` among its breakdowns.
    people : DataFrame
        ``area_type``, ``area_id``, ``stratum`` and ``population``: people of each area by category of the
        breakdown, from grids and polygons. With ``population_low`` and ``population_high`` the interval reaches
        over both readings of the people too.
    strata : str
        The breakdown whose categories carry the rates, such as ``is_slum_area``.

    Returns
    -------
    DataFrame
        As ``direct``, with ``nature`` "M" in the rows that are modelled: their n, PSUs and design effects are
        NULL, and ``coverage_share`` is the share of the area's people in strata with a rate. A modelled value
        is only made of published direct rates on 25 households and 2 PSUs. ``ci_method`` says whether the interval
        holds a range of the people; the error of the grid itself is in none.

    Raises
    ------
    UsageError
        If the breakdown was not estimated.

    Examples
    --------
    >>> direct = pd.DataFrame({"area_type": "survey_area", "area_id": "survey_area", "indicator": "slum_household",
    ...     "breakdown": ["", "slum", "slum"], "category": ["_T", "1", "0"], "estimate": [0.4, 0.7, 0.2],
    ...     "se": [0.02, 0.03, 0.02], "lower": 0.0, "upper": 1.0, "ci_method": "logit", "n": 400, "n_psu": 40, "df": 38,
    ...     "n_eff": 300.0, "deff": 1.3, "coverage_share": 1.0, "nature": "E", "components_used": "water"})
    >>> people = pd.DataFrame({"area_type": "settlement", "area_id": "S1", "stratum": ["1"], "population": [900.0]})
    >>> fill_modelled(direct, people, strata="slum")[["area_id", "estimate", "nature"]].to_numpy().tolist()[-1]
    ['S1', 0.7, 'M']
    """
    rates = direct[(direct["area_type"] == WHOLE) & (direct["breakdown"] == strata) & is_direct(direct)]
    if "denominator_scope" in rates.columns:
        # The grid counts people: shares of households, of adults or of part of the people are not modelled.
        rates = rates[rates["denominator_scope"].fillna("") == ""]
    if not (direct["breakdown"] == strata).any():
        raise UsageError(f"modelled values: nothing was estimated by '{strata}'", hint="name it among the breakdowns")
    keys = ["area_type", "area_id", "indicator"]
    own = direct[(direct["breakdown"] == "") & is_direct(direct)][keys]
    wanted = pd.MultiIndex.from_frame(own)
    names = rates["indicator"].unique()
    if not len(names) or people.empty:
        return direct
    # One pair of area and indicator is one area of the model, one of stratum and indicator one stratum.
    pairs = people.merge(pd.DataFrame({"indicator": names}), how="cross")
    joint = pd.MultiIndex.from_frame(pairs[keys]).to_flat_index()
    strata_of = pd.MultiIndex.from_frame(pairs[["stratum", "indicator"]]).to_flat_index()
    known = rates.assign(stratum=pd.MultiIndex.from_frame(rates[["category", "indicator"]]).to_flat_index())
    found = _modelled(pairs.assign(area_id=joint, stratum=strata_of), known)
    found = found[found["estimate"].notna()]
    if found.empty:
        return direct
    found[keys] = found.pop("area_id").tolist()
    used = rates.drop_duplicates("indicator").set_index("indicator")["components_used"]
    rates_by = f"rates by {strata}, weighted with gridded people"
    found["components_used"] = [f"{used[name]}; {rates_by}" if used[name] else rates_by for name in found["indicator"]]
    new = found.assign(breakdown="", category=TOTAL, nature="M", obs_status="A").reindex(columns=direct.columns)
    if "denominator_scope" in direct.columns:
        new["denominator_scope"] = ""
    new = new[~pd.MultiIndex.from_frame(new[keys]).isin(wanted)]
    replaced = pd.MultiIndex.from_frame(direct[keys]).isin(pd.MultiIndex.from_frame(new[keys]))
    kept = direct[~(replaced & (direct["breakdown"] == "").to_numpy())]
    return pd.concat([part.astype(_COUNTS) for part in (kept, new)], ignore_index=True)


def _modelled(people: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """Model each area, with an interval that reaches over the range of its people where there is one."""
    found = modelled_estimates(people, rates).rename(columns={"ci_low": "lower", "ci_high": "upper"})
    said = "without the grid's error"
    if {"population_low", "population_high"} <= set(people.columns):
        ends = [
            modelled_estimates(people.assign(population=people[f"population_{end}"]), rates) for end in ("low", "high")
        ]
        found["lower"] = np.minimum.reduce([found["lower"], *(end["ci_low"] for end in ends)])
        found["upper"] = np.maximum.reduce([found["upper"], *(end["ci_high"] for end in ends)])
        said = "over the range of people, else without the grid's error"
    return found.assign(ci_method=found["ci_method"] + f", {said}")


def require_fit_for_areas(
    area_km2: pd.Series, inner_km2: pd.Series, *, displacement_m: float, reason: Literal["displaced", "rounded"]
) -> None:
    """Refuse to place clusters in areas that are too small for how coarse their coordinates are.

    Parameters
    ----------
    area_km2 : Series
        Of each area, by id.
    inner_km2 : Series
        Of what is left of it more than ``displacement_m`` from its border.
    displacement_m : float
        How far a cluster may be from where its coordinates say.
    reason : {"displaced", "rounded"}
        Moved on purpose (DHS: up to 2 km in towns, 5 km elsewhere, 10 km for one in a hundred), or
        given with few digits.

    Raises
    ------
    InputError
        If in some area less than half of the ground is that far from the border: most of its clusters
        might belong to a neighbour.

    Examples
    --------
    >>> area, inner = pd.Series({"city": 400.0}), pd.Series({"city": 290.0})
    >>> require_fit_for_areas(area, inner, displacement_m=2000, reason="displaced")
    """
    small = area_km2.index[(inner_km2 < 0.5 * area_km2).to_numpy()]
    if len(small):
        words = {
            "displaced": "coordinates of clusters were displaced on purpose by up to",
            "rounded": "coordinates are rounded and right to",
        }[reason]
        shown = ", ".join(str(value) for value in small[:5]) + (" ..." if len(small) > 5 else "")
        raise InputError(
            f"households cannot be placed in {len(small)} of {len(area_km2)} areas ({shown}): {words} "
            f"{displacement_m:,.0f} m, and most of their ground lies nearer to the border",
            hint="use larger areas, or areas that the survey itself names in a column",
        )
