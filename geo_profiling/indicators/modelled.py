"""Values for areas the sample is too small for: rates of strata, weighted with the people of each stratum there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError
from geo_profiling.indicators.intervals import estimate_interval

#: Households and PSUs from which an area's own sample is used.
MIN_HOUSEHOLDS = 25
MIN_PSUS = 2


def modelled_estimates(
    people: pd.DataFrame, strata: pd.DataFrame, *, min_coverage: float = 0.5, name: str = "people"
) -> pd.DataFrame:
    r"""Estimate a proportion of an area's people from that of the strata they live in.

    Parameters
    ----------
    people : DataFrame
        ``area_id``, ``stratum`` and ``population``: the people of each area by stratum (from grids); one
        row a pair.
    strata : DataFrame
        ``stratum``, ``estimate`` (0-1), ``se`` and ``df`` of each, from the survey.
    min_coverage : float
        Below this share of its people in strata with an estimate an area has none.
    name : str
        Of the table of people, for messages.

    Returns
    -------
    DataFrame
        A row an area, sorted: area_id, estimate, se, ci_low, ci_high, ci_method, df, population,
        coverage_share. NaN without people or coverage.

    Raises
    ------
    InputError
        If a pair is there twice or people are negative.

    Notes
    -----
    :math:`p = \sum_k N_k p_k / \sum_k N_k` over the strata with an estimate,
    :math:`V = \sum_k N_k^2 V_k / (\sum_k N_k)^2`, degrees of freedom by Satterthwaite. V leaves out what the
    model and the grid get wrong: that rates differ inside a stratum, and that grids count too few people
    in dense settlements. Such a value is marked ``nature = M``.

    Examples
    --------
    >>> people = pd.DataFrame({"area_id": "A", "stratum": ["slum", "other"], "population": [300.0, 100.0]})
    >>> strata = pd.DataFrame({"stratum": ["slum", "other"], "estimate": [0.4, 0.8], "se": [0.04, 0.03], "df": 30})
    >>> found = modelled_estimates(people, strata)
    >>> found[["estimate", "se", "coverage_share"]].round(6).to_numpy().tolist()
    [[0.5, 0.030923, 1.0]]
    """
    twice = people.duplicated(["area_id", "stratum"])
    if twice.any():
        raise InputError(f"{name}: area {people.loc[twice, 'area_id'].iloc[0]} has a stratum twice")
    if not (people["population"] >= 0).all():
        raise InputError(f"{name}: people of a stratum are negative or unknown", hint="0 where nobody lives")
    joined = people.merge(strata[["stratum", "estimate", "se", "df"]], on="stratum", how="left", validate="m:1")
    used = joined["estimate"].notna() & joined["se"].notna()
    count = joined["population"].where(used, 0.0)
    variance = (count * joined["se"].fillna(0)) ** 2
    sums = pd.DataFrame(
        {
            "area_id": joined["area_id"],
            "population": joined["population"],
            "covered": count,
            "value": count * joined["estimate"].fillna(0),
            "variance": variance,
            # A stratum without degrees of freedom leaves the area without an interval.
            "fourth": variance**2 / joined["df"].where(joined["df"] > 0).where(variance > 0, 1.0),
        }
    ).groupby("area_id", sort=True)
    found = sums[["population", "covered", "value", "variance"]].sum()
    fourth = sums["fourth"].agg(lambda part: part.sum(skipna=False))
    with np.errstate(divide="ignore", invalid="ignore"):
        coverage = (found["covered"] / found["population"]).to_numpy()
        known = (coverage >= min_coverage) & (found["covered"].to_numpy() > 0)
        estimate = np.where(known, found["value"] / found["covered"], np.nan)
        se = np.where(known, np.sqrt(found["variance"]) / found["covered"], np.nan)
        satterthwaite = (found["variance"] ** 2 / fourth).to_numpy()
    df = np.where(known & np.isfinite(satterthwaite), np.floor(satterthwaite + 1e-9), 0).astype(np.int64)
    low, high, method = estimate_interval(estimate, se, df, df, kind="logit", is_proportion=True)
    return pd.DataFrame(
        {
            "area_id": found.index,
            "estimate": estimate,
            "se": se,
            "ci_low": low,
            "ci_high": high,
            "ci_method": pd.array(method, dtype="string"),
            "df": df,
            "population": found["population"].to_numpy(),
            "coverage_share": coverage,
        }
    )


def is_direct(estimates: pd.DataFrame) -> pd.Series:
    """Tell which domains have a sample of their own that is large enough.

    Parameters
    ----------
    estimates : DataFrame
        ``n`` (households) and ``n_psu``, as :func:`geo_profiling.indicators.survey.survey_estimates` gives.

    Returns
    -------
    Series of bool

    Examples
    --------
    >>> is_direct(pd.DataFrame({"n": [25, 25, 24], "n_psu": [2, 1, 9]})).tolist()
    [True, False, False]
    """
    return (estimates["n"] >= MIN_HOUSEHOLDS) & (estimates["n_psu"] >= MIN_PSUS)
