"""How unequal a metropolis is inside: published values of areas and of groups of people set against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.indicators.inequality import difference, inequality

#: Fields of table ``indicator_inequality``.
INEQUALITY_FIELDS = (
    "indicator", "comparison", "first", "second", "lowest_pct", "highest_pct", "gap_pct", "gap_low_pct", "gap_high_pct",
    "ratio", "gini", "theil", "theil_between", "theil_within", "n_areas", "n_modelled", "coverage_share",
)  # fmt: skip
#: Groups that are set against each other: breakdown, and two of its categories.
_GROUPS = {
    "is_slum_area": ("1", "0"),
    "sex_of_head": ("F", "M"),
    "age_of_head": ("Y_GE60", "Y_LT35"),
    "wealth_quintile": ("Q1", "Q5"),
    "tenure": ("tenant", "owner"),
}
#: Two kinds of areas that are set against each other wherever both have the same id.
CORE, ZONE = "city_core", "commuting_zone"
#: Areas of which all people, or all households, are set against each other.
_WHOLES = ("survey_area", "register_area")
_TOTAL = "_T"
#: Groups in other places than each other: the two estimates share no PSU.
_APART = ("is_slum_area", "urbanisation", "core and commuting zone")


def compare_published(
    table: pd.DataFrame,
    survey_people: Mapping[str, pd.Series],
    grid_people: Mapping[str, pd.Series],
    nesting: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    """Set areas and groups against each other, from what is published.

    Parameters
    ----------
    table : DataFrame
        The ``indicators`` table; rows in percent are compared.
    survey_people, grid_people : mapping
        People by id of the areas of each kind, as the survey weighs them and as a grid counts them: the first for
        indicators from households, the second for those of places.
    nesting : mapping
        ``(kind, id)`` of an area to the area it lies wholly in, for the parts of Theil's index.

    Returns
    -------
    DataFrame
        Columns :data:`INEQUALITY_FIELDS`, sorted. Suppressed values are left out. A gap has an interval only where
        its two estimates share no PSU.

    Examples
    --------
    >>> rows = pd.DataFrame({"area_type": "unit", "area_id": ["1", "2"], "indicator": "slum_household", "nature": "E",
    ...     "time_period": "2020", "sex": "_T", "urbanisation": "_T", "breakdown": "_T", "unit_measure": "PT",
    ...     "obs_value": [10.0, 30.0], "se": 1.0, "df": 20})
    >>> found = compare_published(rows, {"unit": pd.Series({"1": 50.0, "2": 50.0})}, {}, {})
    >>> found[["comparison", "first", "gap_pct", "ratio", "gini"]].to_numpy().tolist()
    [['between areas: unit', '2', 20.0, 3.0, 0.25]]
    """
    known = table[(table["unit_measure"] == "PT") & table["obs_value"].notna()]
    known = known.astype({"obs_value": float, "se": float, "df": float})
    rows = [
        *_between_areas(known, survey_people, grid_people, nesting),
        *_between_groups(known),
        *_core_and_zone(known),
    ]
    found = pd.DataFrame(rows, columns=list(INEQUALITY_FIELDS))
    order = ["indicator", "comparison", "first", "second"]
    return found.sort_values(order, kind="stable", ignore_index=True).astype(
        {"n_areas": "Int64", "n_modelled": "Int64"}
    )


def _totals(known: pd.DataFrame) -> pd.DataFrame:
    return known[(known[["sex", "urbanisation", "breakdown"]] == _TOTAL).all(axis=1)]


def _between_areas(
    known: pd.DataFrame,
    survey_people: Mapping[str, pd.Series],
    grid_people: Mapping[str, pd.Series],
    nesting: Mapping[tuple[str, str], str],
) -> Iterator[dict[str, Any]]:
    # A register tells of its settlements alone, by adults.
    totals = _totals(known[known["nature"] != "C"])
    latest = totals.sort_values("time_period", kind="stable").drop_duplicates(
        ["area_type", "area_id", "indicator"], keep="last"
    )
    for (kind, name), part in latest.groupby(["area_type", "indicator"]):
        weights = survey_people if CATALOGUE[str(name)].kind == "households" else grid_people
        if kind not in weights or kind in (CORE, ZONE):
            continue
        own = part.set_index("area_id")
        people = weights[str(kind)]
        people = people.reindex(people.index.union(own.index)).fillna(0.0)
        values = own["obs_value"].reindex(people.index)
        used = values.notna() & (people > 0)
        if used.sum() < 2:
            continue
        groups = pd.Series([nesting.get((str(kind), str(area))) for area in people.index], index=people.index)
        found = inequality(values, people, groups if groups[used].notna().all() else None)
        yield {
            "indicator": name, "comparison": f"between areas: {kind}", "lowest_pct": found.lowest,
            "highest_pct": found.highest, "gap_pct": found.gap, "ratio": found.ratio, "gini": found.gini,
            "theil": found.theil, "theil_between": found.theil_between, "theil_within": found.theil_within,
            "n_areas": found.n_areas, "n_modelled": int((own["nature"] == "M").reindex(people.index)[used].sum()),
            "coverage_share": found.coverage_share, "first": str(values[used].idxmax()),
            "second": str(values[used].idxmin()),
        }  # fmt: skip


def _between_groups(known: pd.DataFrame) -> Iterator[dict[str, Any]]:
    whole = known[known["area_type"].isin(_WHOLES)]
    for name, part in whole.groupby("indicator"):
        for breakdown, (first, second) in _GROUPS.items():
            by = part[part["breakdown"].isin([f"{breakdown}={first}", f"{breakdown}={second}"])]
            yield from _gap(by.assign(group=by["breakdown"].str.split("=").str[-1]), name, breakdown, first, second)
        for field, (first, second) in {"urbanisation": ("U", "R"), "sex": ("F", "M")}.items():
            by = part[(part["breakdown"] == _TOTAL) & part[field].isin([first, second])]
            yield from _gap(by.assign(group=by[field]), name, field, first, second)


def _core_and_zone(known: pd.DataFrame) -> Iterator[dict[str, Any]]:
    both = _totals(known[known["area_type"].isin([CORE, ZONE])])
    for (name, area), part in both.groupby(["indicator", "area_id"]):
        for row in _gap(part.assign(group=part["area_type"]), name, "core and commuting zone", CORE, ZONE):
            yield row | {"comparison": f"{row['comparison']}: {area}"}


def _gap(by: pd.DataFrame, name: object, breakdown: str, first: str, second: str) -> Iterator[dict[str, Any]]:
    if not {first, second} <= set(by["group"]):
        return
    pair = [by[by["group"] == group].iloc[-1].rename({"obs_value": "estimate"}) for group in (first, second)]
    found = difference(*pair)
    values = [float(one["estimate"]) for one in pair]
    # Groups in the same PSUs, and two rates of one model, are not independent: the gap has no interval then.
    is_apart = breakdown in _APART and all(one["nature"] == "E" for one in pair)
    yield {
        "indicator": name, "comparison": f"between groups: {breakdown}", "first": first, "second": second,
        "lowest_pct": min(values), "highest_pct": max(values), "gap_pct": found["gap"],
        "gap_low_pct": found["ci_low"] if is_apart else np.nan,
        "gap_high_pct": found["ci_high"] if is_apart else np.nan, "ratio": found["ratio"],
        "n_modelled": sum(one["nature"] == "M" for one in pair),
    }  # fmt: skip
