"""Indicators of a city's own tables: spending, seats, work, migration policies, ratings, policies by milestone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError

#: Milestones of a policy or plan, in order.
MILESTONES = ("drafted", "adopted", "under implementation", "implemented")


def spending_per_person(amounts: pd.Series, population: float, *, currency: str, year: int) -> dict[str, object]:
    """Return municipal spending on basic services per person of the municipality that spends.

    Parameters
    ----------
    amounts : Series
        Spending of a year by service, in one currency; none negative.
    population : float
        People of the jurisdiction, not of the functional urban area.
    currency : str
        ISO code, with the price level where it is not the current one, such as ``USD PPP 2017``.
    year : int

    Returns
    -------
    dict
        ``value`` per person and year, ``total``, ``currency``, ``year``.

    Raises
    ------
    InputError
        If there are no people, the currency is not told, or an amount is missing or negative.

    Examples
    --------
    >>> spending_per_person(pd.Series([4e6, 1e6]), 250_000, currency="KES", year=2022)["value"]
    20.0
    """
    if not population > 0:
        raise InputError(f"municipal spending: a population of {population}", hint="people of the jurisdiction")
    if not currency.strip():
        raise InputError("municipal spending: no currency", hint="amounts without a currency cannot be compared")
    if not (amounts >= 0).all():
        raise InputError("municipal spending: an amount is missing or negative", hint="0 where nothing was spent")
    total = float(amounts.sum())
    return {"value": total / population, "total": total, "currency": currency, "year": year}


def women_seats(women: float, men: float, vacant: float = 0.0) -> float:
    """Return the share of seats of a deliberative body that women hold, of those that are filled (5.5.1b).

    Returns
    -------
    float
        0-1; vacant seats count nowhere.

    Raises
    ------
    InputError
        If a number is negative or no seat is filled.

    References
    ----------
    SDG metadata 5-5-1b. Series SG_GEN_LOCGELS.

    Examples
    --------
    >>> women_seats(9, 21, vacant=5)
    0.3
    """
    if min(women, men, vacant) < 0 or not women + men > 0:
        raise InputError(f"women's seats: {women:g} women and {men:g} men", hint="at least one seat is filled")
    return women / (women + men)


def unemployment(employed: float, unemployed: float) -> float:
    """Return the share of the labour force that has no work (8.5.2), of people of 15 years and more.

    Raises
    ------
    InputError
        If a number is negative or nobody is in the labour force.

    References
    ----------
    SDG metadata 8-5-2. Series SL_TLF_UEM.

    Examples
    --------
    >>> unemployment(90, 10)
    0.1
    """
    if min(employed, unemployed) < 0 or not employed + unemployed > 0:
        raise InputError("unemployment: nobody is in the labour force", hint="give people with and without work")
    return unemployed / (employed + unemployed)


def youth_not_in_work_or_school(youth: float, employed: float, in_school_not_employed: float) -> float:
    """Return the share of youth not in education, employment or training (8.6.1), of 15-24 years.

    Cities Alliance prints 8.5.2 beside this text; what it describes is 8.6.1, and so it is named here.

    Parameters
    ----------
    youth, employed : float
        All of that age, and those who work, in school or not.
    in_school_not_employed : float
        In education or training and not working: who does both stands in ``employed`` and is taken off once.

    Raises
    ------
    InputError
        If a number is negative, there is no youth, or the parts are more than the whole.

    References
    ----------
    SDG metadata 8-6-1. Series SL_TLF_NEET.

    Examples
    --------
    >>> youth_not_in_work_or_school(1000, 300, 500)
    0.2
    """
    if min(youth, employed, in_school_not_employed) < 0 or not youth > 0:
        raise InputError("8.6.1: there is no youth", hint="people of 15-24 years")
    left = youth - employed - in_school_not_employed
    if left < 0:
        raise InputError(
            "8.6.1: more youth at work or in school than there are",
            hint="who works and learns stands among the employed only",
        )
    return left / youth


def migration_policies(cities: pd.DataFrame) -> int:
    """Count the cities that have policies on migration.

    It is a count of cities, not SDG 10.7.2, which scores countries on 30 questions.

    Parameters
    ----------
    cities : DataFrame
        ``city_id`` and ``has_policy`` (1, 0 or NaN).

    Raises
    ------
    InputError
        If a city is there twice.

    Examples
    --------
    >>> migration_policies(pd.DataFrame({"city_id": ["A", "B", "C"], "has_policy": [1, 0, None]}))
    1
    """
    if cities["city_id"].duplicated().any():
        raise InputError("migration policies: a city is there twice")
    return int((cities["has_policy"] == 1).sum())


def informal_economy_rating(ratings: pd.Series, *, scale: Sequence[int] = (1, 2, 3, 4, 5)) -> dict[str, float]:
    """Return the mean rating of the working environment of the informal economy.

    Parameters
    ----------
    ratings : Series
        One of each rater, on the scale; NaN is left out.
    scale : sequence of int
        The points there are.

    Returns
    -------
    dict
        ``mean``, ``n`` raters, ``lowest`` and ``highest`` rating given.

    Raises
    ------
    InputError
        If a rating is not on the scale, or there is none.

    Examples
    --------
    >>> informal_economy_rating(pd.Series([2, 3, None, 4]))
    {'mean': 3.0, 'n': 3, 'lowest': 2.0, 'highest': 4.0}
    """
    given = ratings.dropna()
    if given.empty or not given.isin(list(scale)).all():
        raise InputError("rating of the informal economy: none, or one off the scale", hint=f"the scale is {scale}")
    return {"mean": float(given.mean()), "n": len(given), "lowest": float(given.min()), "highest": float(given.max())}


def policies_by_milestone(policies: pd.DataFrame, *, milestones: Sequence[str] = MILESTONES) -> pd.DataFrame:
    """Count policies and plans by theme and milestone, each at the furthest it has reached.

    Parameters
    ----------
    policies : DataFrame
        ``policy_id``, ``theme`` and ``milestone``; a policy may have a row for each milestone it passed.
    milestones : sequence of str
        In order.

    Returns
    -------
    DataFrame
        A row a theme, sorted; columns of the milestones (policies that stand there) and ``total``.

    Raises
    ------
    InputError
        If a milestone is not known, or a policy has two themes.

    Examples
    --------
    >>> rows = pd.DataFrame({"policy_id": ["p", "p", "q"], "theme": "housing",
    ...                      "milestone": ["drafted", "adopted", "drafted"]})
    >>> policies_by_milestone(rows)[["drafted", "adopted", "total"]].to_numpy().tolist()
    [[1, 1, 2]]
    """
    unknown = sorted(set(policies["milestone"].map(str)) - set(milestones))
    if unknown:
        raise InputError(f"policies: milestone '{unknown[0]}' is not known", hint=f"known are {', '.join(milestones)}")
    themes = policies.groupby("policy_id")["theme"].nunique()
    if (themes > 1).any():
        raise InputError(f"policies: {themes.index[int(np.argmax(themes > 1))]} has two themes", hint="one theme each")
    rank = policies["milestone"].map({name: number for number, name in enumerate(milestones)})
    furthest = policies.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("policy_id", keep="last")
    table = pd.crosstab(furthest["theme"], furthest["milestone"]).reindex(columns=list(milestones), fill_value=0)
    table["total"] = table.sum(axis=1)
    return table.rename_axis(columns=None).reset_index()
