"""Shares of the settlement profile: of settlements, and of the households in them; they are not the same.

Of the settlements on Argentina's register 13.7 % have regular water, but 16.5 % of their families: larger
settlements have more. Unknown answers are in no denominator, and how many there are is told.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from geo_profiling.disclosure import MINIMUM_HOUSEHOLDS, TOTAL, suppress
from geo_profiling.errors import UsageError
from geo_profiling.settlements.vocabulary import PROFILE, flag_column

SHARE_COLUMNS = ("variable", "word", "weighting", "share", "n", "n_known", "n_total", "coverage_share")


def profile_shares(profile: pd.DataFrame, *, households: pd.Series | None = None) -> pd.DataFrame:
    """Measure which share of settlements, and of their households, gives each answer.

    Definition: share = weight of the settlements with the answer / weight of those with a known answer.
    The weight of a settlement is 1 (``settlements``) or its households (``households``). The answer is
    of the settlement: that a settlement has regular water does not say that each household has.

    Parameters
    ----------
    profile : DataFrame
        One row for each settlement, from :func:`~geo_profiling.settlements.vocabulary.map_answers`.
    households : Series, optional
        Households of each settlement on the same index; the profile's own by default. Settlements
        whose number is unknown are in no share by households.

    Returns
    -------
    DataFrame
        In the order of the profile's variables and words: variable, word, weighting (settlements or
        households), share (0-1, NULL if nothing is known), n (with the answer), n_known, n_total,
        coverage_share (n_known / n_total).

    Raises
    ------
    UsageError
        If a settlement is there twice or a number of households is negative.

    Examples
    --------
    >>> answers = pd.DataFrame({"power": ["solar", "none", None], "households": [90.0, 10.0, 50.0]})
    >>> shares = profile_shares(answers)
    >>> shares[shares["word"] == "solar"][["weighting", "share", "n_known", "n_total"]].to_numpy().tolist()
    [['settlements', 0.5, 2.0, 3.0], ['households', 0.9, 100.0, 150.0]]
    """
    if "settlement_id" in profile and profile["settlement_id"].duplicated().any():
        twice = profile.loc[profile["settlement_id"].duplicated(), "settlement_id"].iloc[0]
        raise UsageError(f"profile: settlement {twice!r} is there twice")
    weights = {"settlements": pd.Series(1.0, index=profile.index)}
    own = profile.get("households") if households is None else households
    if own is not None:
        if (own < 0).any():
            raise UsageError("profile: a number of households is negative")
        weights["households"] = own.astype(float).fillna(0.0)
    rows = []
    for variable, word, answer in _answers(profile):
        for weighting, weight in weights.items():
            known = float(weight[answer.notna()].sum())
            having = float(weight[answer.fillna(False)].sum())
            total = float(weight.sum())
            share = having / known if known > 0 else np.nan
            coverage = known / total if total > 0 else np.nan
            rows.append((variable, word, weighting, share, having, known, total, coverage))
    return pd.DataFrame(rows, columns=list(SHARE_COLUMNS))


def _answers(profile: pd.DataFrame) -> list[tuple[str, str, pd.Series]]:
    """Return, by variable and word, whether each row gives that answer (nullable boolean)."""
    found = []
    for key, variable in PROFILE.items():
        if variable.kind == "choice" and key in profile:
            for word in variable.words:
                has = (profile[key] == word).astype("boolean").mask(profile[key].isna())
                found.append((key, word, has))
        for word in variable.words if variable.kind == "flags" else ():
            if flag_column(key, word) in profile:
                found.append((key, word, profile[flag_column(key, word)].astype("boolean")))
    return found


def settlement_profile(answers: pd.DataFrame, *, minimum: int | None = MINIMUM_HOUSEHOLDS) -> pd.DataFrame:
    """Turn answers of households into shares by settlement, and leave out small cells.

    Definition: share = weight of the settlement's households with the answer / weight of those with a
    known answer. Cells are households with the answer, without it and unknown.

    Parameters
    ----------
    answers : DataFrame
        One row for each household, from :func:`~geo_profiling.settlements.vocabulary.map_answers`, with
        settlement_id and, where households count differently, weight.
    minimum : int or None
        Smallest number of households that is published; None: everything, for use inside.

    Returns
    -------
    DataFrame
        Sorted by settlement, then as in :func:`profile_shares`: settlement_id (``all``: of all), variable,
        word, share, n, n_known, n_total (sums of weights), coverage_share, n_households (unweighted, with
        the answer), is_suppressed.

    Raises
    ------
    UsageError
        If no column settlement_id is there.

    Examples
    --------
    >>> homes = pd.DataFrame({"settlement_id": ["a"] * 20, "power": ["solar"] * 12 + ["none"] * 8})
    >>> shares = settlement_profile(homes)
    >>> shares.query("settlement_id == 'a' and word == 'solar'")["share"].tolist()
    [0.6]
    """
    if "settlement_id" not in answers:
        raise UsageError("answers of households: no column settlement_id")
    weight = answers["weight"].fillna(0.0) if "weight" in answers else pd.Series(1.0, index=answers.index)
    frames = []
    for key, variable in PROFILE.items():
        if variable.kind == "choice" and key in answers:
            words = answers[key].astype(object).fillna("unknown")
            frames.append(_cells(answers, weight, words, minimum).assign(variable=key))
        for word in variable.words if variable.kind == "flags" else ():
            column = flag_column(key, word)
            if column in answers:
                state = answers[column].map({True: word, False: f"not {word}"}).astype(object).fillna("unknown")
                cells = _cells(answers, weight, state, minimum)
                frames.append(cells[cells["word"] == word].assign(variable=key))
    columns = ["settlement_id", "variable", "word", "share", "n", "n_known", "n_total", "coverage_share"]
    columns += ["n_households", "is_suppressed"]
    if not frames:
        return pd.DataFrame(columns=columns)
    order = {key: number for number, key in enumerate(PROFILE)}
    found = pd.concat(frames, ignore_index=True)
    found["order"] = found["variable"].map(order)
    return found.sort_values(["settlement_id", "order", "word"], ignore_index=True)[columns]


def _cells(answers: pd.DataFrame, weight: pd.Series, words: pd.Series, minimum: int | None) -> pd.DataFrame:
    """Count households by settlement and word, with totals; suppress; take shares of the known."""
    everyone = pd.Series(TOTAL, index=answers.index, dtype=object)
    frames = []
    for place in (answers["settlement_id"], everyone):
        for word in (words, everyone):
            grouped = weight.groupby([place.rename("settlement_id"), word.rename("word")])
            frames.append(pd.DataFrame({"n": grouped.sum(), "n_households": grouped.size()}))
    cells = pd.concat(frames).reset_index()
    if minimum is None:
        cells["is_suppressed"] = False
    else:
        groups = ["settlement_id", "word"]
        cells = suppress(cells, groups, count="n_households", values=["n", "n_households"], minimum=minimum)
    total = cells[cells["word"] == TOTAL].set_index("settlement_id")["n"]
    blank = cells[cells["word"] == "unknown"].set_index("settlement_id")["n"]
    lost = blank.reindex(total.index).mask(~total.index.isin(blank.index), 0.0)
    known = total - lost
    cells = cells[~cells["word"].isin([TOTAL, "unknown"])].assign(
        n_known=lambda frame: frame["settlement_id"].map(known), n_total=lambda frame: frame["settlement_id"].map(total)
    )
    cells["share"] = cells["n"] / cells["n_known"].where(cells["n_known"] > 0)
    cells["coverage_share"] = cells["n_known"] / cells["n_total"].where(cells["n_total"] > 0)
    return cells


def main_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each settlement from answers of households: the most frequent known answer, sums of counts.

    For the summary of a settlement and its deprivation; the shares are in :func:`settlement_profile`.

    Parameters
    ----------
    answers : DataFrame
        One row for each household, with settlement_id.

    Returns
    -------
    DataFrame
        On settlement_id, sorted: by choice the word that most households give (of equal ones the first
        of the vocabulary), by flag whether at least half of the known say yes, ``households`` the
        number of rows, ``population`` their sum, other numbers their mean. NULL where nothing is known.

    Examples
    --------
    >>> homes = pd.DataFrame({"settlement_id": ["a"] * 3, "power": ["solar", None, "solar"]})
    >>> main_answers(homes)[["power", "households"]].to_numpy().tolist()
    [['solar', 3]]
    """
    grouped = answers.groupby("settlement_id", sort=True)
    found: dict[str, pd.Series] = {"households": grouped.size()}
    for key, variable in PROFILE.items():
        if variable.kind == "choice" and key in answers:
            order = {word: number for number, word in enumerate(variable.words)}
            found[key] = grouped[key].agg(_most_frequent, order=order)
        elif variable.kind == "number" and key in answers and key != "households":
            found[key] = grouped[key].sum(min_count=1) if key == "population" else grouped[key].mean()
        for word in variable.words if variable.kind == "flags" else ():
            column = flag_column(key, word)
            if column in answers:
                half = answers[column].astype("Float64").groupby(answers["settlement_id"]).mean()
                found[column] = (half >= 0.5).astype("boolean").mask(half.isna())
    return pd.DataFrame(found)


def _most_frequent(values: pd.Series, order: dict[str, int]) -> Hashable:
    known = values.dropna()
    if known.empty:
        return None
    counts = known.value_counts()
    return min(counts.index, key=lambda word: (-counts[word], order.get(str(word), len(order))))
