"""Cities: the local units with half of their people in urban centres."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo_profiling.errors import InputError
from geo_profiling.findings import Finding

#: Share of a unit's people in urban centres from which it belongs to a city.
MIN_SHARE = 0.5
_LISTED = 5


def cities_from_centres(
    people: pd.DataFrame, unit_population: pd.Series, *, centre_population: pd.Series | None = None
) -> tuple[pd.Series, list[Finding]]:
    """Make cities of the local units whose people live in urban centres.

    Definition: a unit belongs to a city if half of its people or more live in urban centres, in all
    of them together. It belongs to the city of the centre in which most of these live, so that a
    centre over several units makes one city of them. A centre half of whose people or more live in
    one such unit belongs to the city of that unit, so that several centres in one unit make one city.
    A sliver that reaches into the next centre joins nothing. A centre without such a unit makes no
    city.

    Parameters
    ----------
    people : pandas.DataFrame
        ``unit_id``, ``centre_id``, ``population``: people of each unit in each centre, from
        :func:`geo_profiling.delineation.units.people_in_centres`.
    unit_population : pandas.Series
        People of every unit, by unit id.
    centre_population : pandas.Series, optional
        People of every centre, by centre id; the sums of ``people`` if absent.

    Returns
    -------
    pandas.Series
        City id on the units' ids, None outside cities. A city has the id of its centre with the most
        people, of equal ones the smaller id.
    list of Finding
        A warning with the centres that touch units and make no city.

    Raises
    ------
    InputError
        If ``people`` names units that are not in ``unit_population``.

    References
    ----------
    Dijkstra, Poelman and Veneri (2019), The EU-OECD definition of a functional urban area, section 3.

    Examples
    --------
    >>> people = pd.DataFrame(
    ...     {"unit_id": ["a", "b", "c"], "centre_id": ["X", "X", "X"], "population": [60e3, 30e3, 1e3]}
    ... )
    >>> cities_from_centres(people, pd.Series({"a": 70e3, "b": 50e3, "c": 20e3}))[0].tolist()
    ['X', 'X', None]
    """
    unknown = set(people["unit_id"]) - set(unit_population.index)
    if unknown:
        raise InputError(f"{len(unknown)} units of the people in centres have no population: {sorted(unknown)[0]}")
    pairs = people[people["population"] > 0].sort_values(["unit_id", "centre_id"], ignore_index=True)
    held = pairs.groupby("unit_id")["population"].sum()
    total = unit_population.reindex(held.index).to_numpy(dtype=float)
    in_city = held.index[(held.to_numpy() >= MIN_SHARE * total) & (held.to_numpy() > 0)]
    size = pairs.groupby("centre_id")["population"].sum()
    if centre_population is not None:
        size = centre_population.astype(float)
    chosen = pairs[pairs["unit_id"].isin(in_city)]
    links = _links(chosen, size)
    city = _city_of_units(links, in_city, size).reindex(unit_population.index)
    values = np.array([None if missing else value for value, missing in zip(city, city.isna(), strict=True)], object)
    result = pd.Series(values, index=unit_population.index, name="city_id", dtype=object)
    touching = size.reindex(pd.Index(sorted(set(pairs["centre_id"]))))
    return result, _without_city(touching, set(links["centre_id"]))


def _links(chosen: pd.DataFrame, size: pd.Series) -> pd.DataFrame:
    """Return which centres and units of cities belong together."""
    ordered = chosen.sort_values(["population", "centre_id"], ascending=[False, True])
    main_of_unit = ordered.drop_duplicates("unit_id")
    half = chosen["population"].to_numpy() >= 0.5 * size.reindex(chosen["centre_id"]).to_numpy()
    columns = ["unit_id", "centre_id"]
    return pd.concat([main_of_unit[columns], chosen.loc[half, columns]], ignore_index=True)


def _city_of_units(links: pd.DataFrame, in_city: pd.Index, size: pd.Series) -> pd.Series:
    centres = pd.Index(sorted(set(links["centre_id"])))
    if centres.empty:
        return pd.Series(dtype=object)
    n = len(in_city) + len(centres)
    unit = in_city.get_indexer(pd.Index(links["unit_id"]))
    centre = centres.get_indexer(pd.Index(links["centre_id"])) + len(in_city)
    _, component = connected_components(coo_array((np.ones(unit.size), (unit, centre)), shape=(n, n)), directed=False)
    # Centres are sorted by id, so that of equal ones the first has the smaller id.
    by_size = np.argsort(-size.reindex(centres).to_numpy(), kind="stable")
    main: dict[int, str] = {}
    for position in by_size:
        main.setdefault(int(component[len(in_city) + position]), centres[position])
    return pd.Series([main[int(label)] for label in component[: len(in_city)]], index=in_city, dtype=object)


def _without_city(size: pd.Series, with_city: set[str]) -> list[Finding]:
    lost = size[[centre not in with_city for centre in size.index]].sort_values(ascending=False, kind="stable")
    if lost.empty:
        return []
    named = ", ".join(f"{centre} ({people:,.0f} people)" for centre, people in lost.iloc[:_LISTED].items())
    more = f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else ""
    message = f"{len(lost)} urban centres make no city: no unit has half of its people in them: {named}{more}"
    return [Finding("warning", "urban centres", "", message, "give smaller units, or a list of cities")]


def cities_without_centre(city_of_unit: pd.Series, people: pd.DataFrame) -> list[Finding]:
    """Find cities of a list none of whose units has people in an urban centre.

    Parameters
    ----------
    city_of_unit : pandas.Series
        City id on the units' ids, None outside cities.
    people : pandas.DataFrame
        As :func:`cities_from_centres` takes it.

    Returns
    -------
    list of Finding
        One warning with their number, or nothing.

    Examples
    --------
    >>> people = pd.DataFrame({"unit_id": ["a"], "centre_id": ["X"], "population": [60e3]})
    >>> str(cities_without_centre(pd.Series({"a": "A", "b": "B"}), people)[0])
    'cities: 1 of 2 cities touch no urban centre: B'
    """
    in_centre = set(people.loc[people["population"] > 0, "unit_id"])
    cities = city_of_unit.dropna()
    touching = set(cities[cities.index.isin(in_centre)])
    lost = sorted(set(cities) - touching)
    if not lost:
        return []
    named = ", ".join(lost[:_LISTED]) + (f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else "")
    message = f"{len(lost)} of {cities.nunique()} cities touch no urban centre: {named}"
    return [Finding("warning", "cities", "", message, "look whether the list is of this place and of these units")]
