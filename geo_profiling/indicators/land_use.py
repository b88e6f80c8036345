"""SDG 11.3.1: how fast land is built up beside how fast people grow, over two or more years."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError

#: A flag of what makes a ratio undefined or easily misread; empty where nothing does.
FLAGS = (
    "undefined: PGR=0", "undefined: nobody at the start or the end", "undefined: nothing built up at the start",
    "flag: negative", "flag: both negative",
)  # fmt: skip


def land_consumption(
    built_past_km2: pd.Series,
    built_present_km2: pd.Series,
    population_past: pd.Series,
    population_present: pd.Series,
    years: float,
) -> pd.DataFrame:
    r"""Return the ratio of the land consumption rate to the population growth rate.

    Parameters
    ----------
    built_past_km2, built_present_km2 : Series
        Built-up area of each place in both years, inside the same boundary.
    population_past, population_present : Series
        People in the same years.
    years : float
        Years between.

    Returns
    -------
    DataFrame
        ``land_consumption_rate`` and ``population_growth_rate`` (a year, 0.01 is 1 %), ``ratio``,
        ``built_m2_per_person_past``, ``_present``, ``built_change_pct`` and ``note`` (one of
        :data:`FLAGS`, or empty). A rate or ratio that is not defined is NaN.

    Raises
    ------
    InputError
        If the years between are not above 0, or a value is negative.

    Notes
    -----
    :math:`LCR = (V_1 - V_0) / V_0 / t`, arithmetic since the metadata of 2021 (older texts take a logarithm);
    :math:`PGR = \ln(P_1 / P_0) / t`. The JRC's land use efficiency is another formula.

    References
    ----------
    SDG metadata 11-3-1 (March 2021 and later).

    Examples
    --------
    >>> place = [pd.Series([value]) for value in (100.0, 150.0, 1_000_000, 1_100_000)]
    >>> land_consumption(*place, years=10)["ratio"].round(6).tolist()
    [5.246029]
    """
    if not years > 0:
        raise InputError(f"11.3.1: {years} years between the epochs", hint="the second epoch is later than the first")
    values = [
        np.asarray(part, float) for part in (built_past_km2, built_present_km2, population_past, population_present)
    ]
    if any((part < 0).any() for part in values):
        raise InputError("11.3.1: built-up area or people are negative", hint="NULL where unknown, 0 where none")
    before, after, people_before, people_after = values
    with np.errstate(divide="ignore", invalid="ignore"):
        land = np.where(before > 0, (after - before) / before / years, np.nan)
        both_lived_in = (people_before > 0) & (people_after > 0)
        growth = np.where(both_lived_in, np.log(people_after / people_before) / years, np.nan)
        ratio = np.where(growth != 0, land / growth, np.nan)
        result = pd.DataFrame(
            {
                "land_consumption_rate": land,
                "population_growth_rate": growth,
                "ratio": ratio,
                "built_m2_per_person_past": np.where(people_before > 0, before * 1e6 / people_before, np.nan),
                "built_m2_per_person_present": np.where(people_after > 0, after * 1e6 / people_after, np.nan),
                "built_change_pct": np.where(before > 0, 100 * (after - before) / before, np.nan),
            },
            index=built_past_km2.index,
        )
    known = ~np.isnan(np.vstack(values)).any(axis=0)
    reasons = [
        known & ~both_lived_in, known & (before == 0), known & (growth == 0), (land < 0) & (growth < 0), ratio < 0,
    ]  # fmt: skip
    names = [FLAGS[1], FLAGS[2], FLAGS[0], FLAGS[4], FLAGS[3]]
    result["note"] = np.select(reasons, names, default="")
    return result


def land_consumption_by_epoch(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the ratio for every two epochs that follow each other, and for the first and the last.

    Parameters
    ----------
    epochs : DataFrame
        ``area_id``, ``year``, ``built_up_km2`` and ``population``; one row an area and year. A column
        ``boundary`` names the boundary within which each row was measured: where it differs between
        two years the pair is flagged, for growth and a wider boundary cannot be told apart.

    Returns
    -------
    DataFrame
        area_id, from_year, to_year, the columns of :func:`land_consumption`, and ``same_boundary``.

    Raises
    ------
    InputError
        If an area has a year twice.

    Examples
    --------
    >>> epochs = pd.DataFrame({"area_id": "A", "year": [2000, 2010, 2020], "built_up_km2": [10.0, 12, 13],
    ...                        "population": [1e5, 1.1e5, 1.2e5]})
    >>> land_consumption_by_epoch(epochs)[["from_year", "to_year"]].to_numpy().tolist()
    [[2000, 2010], [2000, 2020], [2010, 2020]]
    """
    twice = epochs.duplicated(["area_id", "year"])
    if twice.any():
        row = epochs[twice].iloc[0]
        raise InputError(f"11.3.1: area {row['area_id']} has the year {row['year']} twice")
    ordered = epochs.sort_values(["area_id", "year"], kind="stable")
    later = ordered.groupby("area_id").shift(-1)
    pairs = [_paired(ordered, later)]
    ends = ordered.groupby("area_id").agg(["first", "last", "size"]) if len(ordered) else None
    if ends is not None and (ends["year"]["size"] > 2).any():
        many = ordered[ordered["area_id"].map(ends["year"]["size"]) > 2].groupby("area_id")
        first, last = many.head(1).reset_index(drop=True), many.tail(1).reset_index(drop=True)
        pairs.append(_paired(first, last))
    both = pd.concat(pairs, ignore_index=True).sort_values(["area_id", "from_year", "to_year"], ignore_index=True)
    parts = [
        pd.concat(
            [
                part[["area_id", "from_year", "to_year"]],
                land_consumption(part["built_0"], part["built_1"], part["people_0"], part["people_1"], float(years)),
                part[["boundary_0", "boundary_1"]],
            ],
            axis=1,
        )
        for years, part in both.groupby(both["to_year"] - both["from_year"])
    ]
    if not parts:
        raise InputError("11.3.1: no area has two years", hint="give at least two epochs")
    result = pd.concat(parts).sort_index().reset_index(drop=True)
    same = result["boundary_0"] == result["boundary_1"]
    result = result.drop(columns=["boundary_0", "boundary_1"])
    result["same_boundary"] = same
    different = ~same & (result["note"] == "")
    result.loc[different, "note"] = "flag: boundaries differ"
    return result


def _paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Set two years of each area side by side; the last year of an area has no partner."""
    named = {"built_up_km2": "built", "population": "people"}
    columns = {"area_id": first["area_id"], "from_year": first["year"], "to_year": second["year"]}
    for number, part in enumerate((first, second)):
        columns |= {f"{short}_{number}": part[name] for name, short in named.items()}
        columns[f"boundary_{number}"] = part["boundary"] if "boundary" in part else pd.Series("", index=part.index)
    pairs = pd.DataFrame(columns)
    pairs = pairs[pairs["to_year"].notna()]
    return pairs.astype({"from_year": int, "to_year": int})
