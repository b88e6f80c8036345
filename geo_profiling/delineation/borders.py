"""Across borders: how many governments share a metropolis, and how its people are spread over them."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from geo_profiling.delineation.overlap import Names, main_area
from geo_profiling.errors import UsageError

#: Names of the OECD's size classes of functional urban areas, from the smallest.
SizeClass = Literal["below small", "small", "medium", "metropolitan", "large metropolitan"]
SIZE_CLASSES: tuple[SizeClass, ...] = get_args(SizeClass)
_SMALLEST = np.array([50_000.0, 100_000.0, 250_000.0])
_LARGE_ABOVE = 1_500_000.0
#: People in one contiguous urban area from which a city may join the Metropolis association.
METROPOLIS_POPULATION = 1_000_000.0
#: Shares are sums of floats: half of the people may come out a hair to either side.
_TOLERANCE = 1e-9


def across_borders(
    units: pd.DataFrame,
    *,
    area_population: pd.Series | None = None,
    centre_people: pd.DataFrame | None = None,
    centre_population: pd.Series | None = None,
    urban_people: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Tell how the governance of each area (functional urban area, metropolitan region) is split.

    Parameters
    ----------
    units : pandas.DataFrame
        Local governments: ``unit_id``, ``area_id`` (NULL: in none) and ``population`` (NULL: unknown).
    area_population : pandas.Series, optional
        All people of each area by its id, NaN unknown: areas that no unit makes up are told as well
        (their governments are unknown, not 0), and the size class is that of these people. Without it
        the areas are those of the units.
    centre_people : pandas.DataFrame, optional
        ``unit_id``, ``centre_id``, ``population``: people of each unit in each urban centre, as
        :func:`geo_profiling.delineation.overlap.people_in_pairs` returns them.
    centre_population : pandas.Series, optional
        All people of each urban centre by its id, those beyond the units (across a state border)
        included; without it those in ``centre_people`` are all.
    urban_people : pandas.DataFrame, optional
        ``area_id``, ``cluster_id``, ``population``: people of each area in each contiguous urban cluster.

    Returns
    -------
    pandas.DataFrame
        On the area ids, sorted:

        * ``n_units``: local governments, those without people included; NULL where no unit is told;
        * ``population``: their people, NaN where a unit's are unknown; so are the next four then;
        * ``units_per_100k``: local governments per 100,000 people;
        * ``largest_unit_id``, ``largest_unit_share``: the most populous one, its share of the people (0-1);
        * ``herfindahl``: sum of the squared shares of the units, from 1 / n_units to 1 (all in one);
        * ``size_class``: :func:`oecd_size_class`;
        * with ``centre_people``: ``main_centre_id``, the urban centre with the most people in the area;
          ``core_unit_id``, the unit of the area with the most of them; ``centre_share_outside_core``,
          the share of that centre's people who live outside that unit (0-1). Without a centre unknown;
        * with ``urban_people``: ``contiguous_urban_population``, people of the area in its largest
          contiguous urban cluster, and ``meets_metropolis_criterion``, a million of them or more.

        Of equal ones the smaller id counts. Shares of areas without people are NaN.

    Raises
    ------
    UsageError
        If a unit stands in two areas, or a number of people is negative.

    Notes
    -----
    A cluster may go on beyond the area; only the area's own people in it count for the criterion.

    References
    ----------
    OECD (2013), Definition of Functional Urban Areas for the OECD metropolitan database, and
    Ahrend et al. (2014), What Makes Cities More Productive? (local governments per 100,000 people);
    Metropolis, World Association of the Major Metropolises: a contiguous urban area of a million people.

    Examples
    --------
    >>> units = pd.DataFrame({"unit_id": ["a", "b"], "area_id": "F", "population": [300_000.0, 100_000.0]})
    >>> across_borders(units)[["n_units", "units_per_100k", "herfindahl", "size_class"]].to_numpy().tolist()
    [[2, 0.5, 0.625, 'metropolitan']]
    """
    members = units.loc[units["area_id"].notna(), ["unit_id", "area_id", "population"]]
    members = members.assign(population=members["population"].astype("Float64").astype(float))
    _require_usable(members)
    result = _fragmentation(members)
    if area_population is not None:
        result = result.reindex(area_population.index.sort_values().rename("area_id"))
    result["n_units"] = result["n_units"].astype("Int64")
    result["size_class"] = oecd_size_class(
        result["population"] if area_population is None else area_population.reindex(result.index)
    )
    if centre_people is not None:
        result = result.join(_centre_shares(members, centre_people, centre_population))
    if urban_people is not None:
        largest = urban_people.groupby("area_id")["population"].max().reindex(result.index, fill_value=0.0)
        result["contiguous_urban_population"] = largest
        result["meets_metropolis_criterion"] = largest >= METROPOLIS_POPULATION
    return result


def units_in_areas(
    unit_population: pd.Series, area_people: pd.DataFrame, common_area: pd.DataFrame, *, names: Names
) -> pd.Series:
    """Return the area of each local government: the one in which most of its people live.

    Definition: a unit goes with the area that holds more of its people than any other (of equal ones
    the smaller id), unless more of them live in none. A unit where nobody lives, or nobody is known
    to, goes with the area that holds most of its ground.

    Parameters
    ----------
    unit_population : pandas.Series
        All people of each unit by its id; NaN unknown.
    area_people : pandas.DataFrame
        The two ids and ``population``, as
        :func:`geo_profiling.delineation.overlap.people_in_pairs` returns them; areas do not overlap.
    common_area : pandas.DataFrame
        The two ids and ``area``: the ground that unit and area share, in any unit.
    names : tuple of str
        Columns of the units' ids and of the areas' ids.

    Returns
    -------
    pandas.Series
        Area id (None: in none) on the index of ``unit_population``.

    Examples
    --------
    >>> names = ("unit_id", "area_id")
    >>> people = pd.DataFrame([("a", "R", 60.0), ("a", "S", 40.0), ("b", "R", 10.0)], columns=[*names, "population"])
    >>> ground = pd.DataFrame([("c", "S", 1.0)], columns=[*names, "area"])
    >>> units_in_areas(pd.Series({"a": 100.0, "b": 30.0, "c": 0.0}), people, ground, names=names).tolist()
    ['R', None, 'S']
    """
    main = main_area(area_people, names=names).reindex(unit_population.index)
    inside = area_people.groupby(names[0])["population"].sum().reindex(unit_population.index, fill_value=0.0)
    outside = unit_population.astype("Float64").astype(float) - inside
    is_member = main["population"] >= outside - _TOLERANCE * inside
    by_ground = main_area(common_area, names=names, weight="area")[names[1]].reindex(unit_population.index)
    lived_in = unit_population.astype("Float64").fillna(0.0).to_numpy(dtype=float) > 0
    found = main[names[1]].where(is_member & lived_in, by_ground.where(~lived_in))
    return found.astype(object).where(found.notna(), None)


def _require_usable(members: pd.DataFrame) -> None:
    twice = members["unit_id"].duplicated()
    if twice.any():
        raise UsageError(f"unit {members.loc[twice, 'unit_id'].iloc[0]!r} stands twice: it belongs to one area")
    negative = members["population"] < 0
    if negative.any():
        raise UsageError(f"unit {members.loc[negative, 'unit_id'].iloc[0]!r} has a negative number of people")


def _fragmentation(members: pd.DataFrame) -> pd.DataFrame:
    by_area = members.groupby("area_id", sort=True)["population"]
    # One unknown number makes the sum unknown: it is no zero.
    total = by_area.sum().where(by_area.count() == by_area.size())
    known = total.where(total > 0)
    share = members["population"] / members["area_id"].map(known)
    ordered = members.sort_values(["area_id", "population", "unit_id"], ascending=[True, False, True])
    largest = ordered.drop_duplicates("area_id").set_index("area_id")
    n_units = by_area.size()
    return pd.DataFrame(
        {
            "n_units": n_units,
            "population": total,
            "units_per_100k": n_units / known * 1e5,
            "largest_unit_id": largest["unit_id"].where(known.notna()),
            "largest_unit_share": largest["population"] / known,
            "herfindahl": (share**2).groupby(members["area_id"]).sum(min_count=1).where(known.notna()),
        }
    )


def _centre_shares(
    members: pd.DataFrame, centre_people: pd.DataFrame, centre_population: pd.Series | None
) -> pd.DataFrame:
    pairs = centre_people[["unit_id", "centre_id", "population"]]
    total = pairs.groupby("centre_id")["population"].sum()
    if centre_population is not None:
        # Exact coverage and cell sums may differ in the last digits; nobody is counted away.
        total = centre_population.reindex(total.index).fillna(0.0).clip(lower=total)
    own = pairs.merge(members[["unit_id", "area_id"]], on="unit_id")
    in_area = own.groupby(["area_id", "centre_id"])["population"].sum().reset_index()
    main = main_area(in_area, names=("area_id", "centre_id"))["centre_id"]
    of_main = own[own["centre_id"] == own["area_id"].map(main)]
    core = main_area(of_main, names=("area_id", "unit_id"))
    return pd.DataFrame(
        {
            "main_centre_id": main,
            "core_unit_id": core["unit_id"],
            "centre_share_outside_core": 1.0 - core["population"].astype(float) / main.map(total).astype(float),
        }
    )


def oecd_size_class(population: pd.Series) -> pd.Series:
    """Class functional urban areas by their people, in the OECD's four classes.

    Parameters
    ----------
    population : pandas.Series
        People; NULL is unknown.

    Returns
    -------
    pandas.Series
        ``small`` from 50,000, ``medium`` from 100,000, ``metropolitan`` from 250,000 and ``large
        metropolitan`` above 1.5 million; ``below small`` under 50,000; None where unknown.

    References
    ----------
    OECD, Functional urban areas by country, version May 2019. The classes of 2012 (small to 200,000,
    medium to 500,000, metropolitan to 1.5 million) are not used.

    Examples
    --------
    >>> oecd_size_class(pd.Series([49_999, 50_000, 250_000, 1_500_000, 1_500_001, np.nan])).tolist()
    ['below small', 'small', 'metropolitan', 'metropolitan', 'large metropolitan', None]
    """
    values = population.to_numpy(dtype=np.float64, na_value=np.nan)
    number = np.searchsorted(_SMALLEST, values, side="right") + (values > _LARGE_ABOVE)
    names = np.array([*SIZE_CLASSES, None], dtype=object)
    return pd.Series(names[np.where(np.isnan(values), len(SIZE_CLASSES), number)], population.index, dtype=object)
