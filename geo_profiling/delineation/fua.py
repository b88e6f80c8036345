"""Functional urban areas from commuting: cities, their merging, commuting zones, enclaves and exclaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from geo_profiling.delineation.commuting import Commuting, at_least, exact_threshold, flows_to
from geo_profiling.errors import InputError
from geo_profiling.vector.areas import areas_km2
from geo_profiling.vector.contiguity import Contiguity

Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]

#: Share of employed residents from which a unit belongs to a commuting zone, and two cities are one.
THRESHOLD = Fraction(15, 100)
#: Candidates with a smaller share of a unit's employed residents are not listed.
MIN_CANDIDATE_SHARE = 0.01

#: Why a unit is in its functional urban area, or in none.
Rule = Literal[
    "city",
    "merged city",
    "commuting",
    "enclave",
    "exclave dropped",
    "below threshold",
    "no employed residents",
    "unknown",
]
_RULES: tuple[str, ...] = get_args(Rule)
_CITY, _MERGED, _COMMUTING, _ENCLAVE, _EXCLAVE, _BELOW, _NOBODY, _UNKNOWN = range(len(_RULES))
_NONE = -1


@dataclass(frozen=True)
class FuaDelineation:
    """What belongs to which functional urban area (FUA), and why.

    Attributes
    ----------
    units : pandas.DataFrame
        On the ids of the units, in their order: ``city_id``, ``fua_id`` (None outside), ``fua_rule``
        (one of :data:`Rule`), ``employed_residents`` (NaN unknown), ``share_to_fua`` (share of the
        employed residents who work in the city of the unit's own FUA), ``best_city_id`` and
        ``best_city_share``, ``second_city_id`` and ``second_city_share`` (the two merged cities with
        the largest shares, by the id of the main city), ``share_above_threshold`` (best share minus
        threshold; negative below it). Shares are 0-1, NaN where there are no employed residents.
    candidates : pandas.DataFrame
        ``unit_id``, ``fua_id``, ``workers``, ``share``, ``rank`` (1 is the best): every merged city
        to which a unit has 1 % of its employed residents or more, sorted by unit (in their order)
        and rank.
    cities : pandas.DataFrame
        On the city ids, sorted: ``fua_id``, ``workers_received`` (from all units, its own included),
        ``employed_residents``, ``merge_share`` (its largest share to another city).
    threshold : fractions.Fraction
    """

    units: pd.DataFrame
    candidates: pd.DataFrame
    cities: pd.DataFrame
    threshold: Fraction


@dataclass(frozen=True)
class _Groups:
    """Merged cities 0 ... m-1, sorted by the id of their main city."""

    main_ids: NDArray[np.object_]
    of_city: Integers
    received: Integers


def delineate_fuas(
    commuting: Commuting,
    city_of_unit: pd.Series,
    contiguity: Contiguity,
    *,
    threshold: float | str | Fraction = THRESHOLD,
) -> FuaDelineation:
    """Delineate functional urban areas from commuting flows, after the EU and OECD.

    Definition, in this order:

    1. The share of a unit to a city is its workers in any unit of the city by *all* its employed
       residents, wherever they work.
    2. Two cities are one destination where one of them has the threshold's share or more to the
       other. Shares are those between the original cities, taken once: merged cities never merge
       again for being merged; A with B and B with C in that one pass makes one of three.
    3. A unit outside cities joins the merged city to which it has the largest share, if that is the
       threshold or more (compared in whole numbers). Of equal shares the city counts that receives
       more workers, then the smaller id.
    4. Enclaves join: units of no FUA, alone or adjoining one another, whose border is wholly shared
       with units of one and the same FUA. A coast, or the edge of the map, is not shared.
    5. Exclaves leave: units that no chain of shared edges through units of their FUA connects to a
       unit of its city. Units of cities stay. What is an enclave now joins.

    A unit without employed residents has no share; it can only be in a city or an enclave. An
    island without a shared edge is an exclave unless it is of the city.

    Parameters
    ----------
    commuting : Commuting
        From :func:`geo_profiling.delineation.commuting.commuting_flows`.
    city_of_unit : pandas.Series
        City id on the units' ids, None outside cities.
    contiguity : Contiguity
        Of the units, in the same order.
    threshold : float, str or Fraction
        Taken as the decimal it is written as.

    Returns
    -------
    FuaDelineation
        An FUA has the id of its main city: the one that receives the most workers, of equal ones the
        smaller id.

    Raises
    ------
    InputError
        If there is no city, or a unit of a city has no number of employed residents.
    UsageError
        If the threshold is no share.

    References
    ----------
    Dijkstra, Poelman and Veneri (2019), The EU-OECD definition of a functional urban area, OECD
    Regional Development Working Papers 2019/11, section 4.

    Examples
    --------
    >>> from shapely import box
    >>> from geo_profiling.delineation.commuting import commuting_flows
    >>> from geo_profiling.vector.contiguity import rook_contiguity
    >>> squares = gpd.GeoSeries([box(i, 0, i + 1, 1) for i in range(3)], index=["a", "b", "c"], crs="EPSG:3035")
    >>> flows = pd.DataFrame({"origin": ["a", "b", "c"], "destination": ["a", "a", "a"], "workers": [90, 15, 14]})
    >>> employed = pd.DataFrame({"code": ["a", "b", "c"], "employed_residents_total": 100})
    >>> commuting, _ = commuting_flows(flows, employed, squares.index)
    >>> cities = pd.Series(["A", None, None], index=squares.index)
    >>> delineate_fuas(commuting, cities, rook_contiguity(squares)).units[["fua_rule", "best_city_share"]]
              fua_rule  best_city_share
    a             city             0.90
    b        commuting             0.15
    c  below threshold             0.14
    """
    exact = exact_threshold(threshold)
    city, city_ids = _city_positions(commuting, city_of_unit)
    table, groups = _merge_cities(commuting, city, city_ids, exact)
    city_group = np.where(city >= 0, groups.of_city[city], _NONE)
    to_groups = flows_to(commuting.flows, city_group, groups.main_ids.size)
    best = _ranked(to_groups, groups)
    fua, rule = _assign(commuting, city, city_group, table, best, exact)
    _join_enclaves(fua, rule, contiguity)
    _drop_exclaves(fua, rule, contiguity, city >= 0)
    _join_enclaves(fua, rule, contiguity)
    units = _unit_table(commuting, groups, fua, rule, to_groups, best, exact)
    units.insert(0, "city_id", _named(city_ids, city))
    return FuaDelineation(units, _candidates(commuting, groups, best), table, exact)


def _city_positions(commuting: Commuting, city_of_unit: pd.Series) -> tuple[Integers, NDArray[np.object_]]:
    ids = city_of_unit.reindex(commuting.unit_ids)
    city_ids = np.array(sorted(set(ids.dropna())), dtype=object)
    if city_ids.size == 0:
        raise InputError("no unit belongs to a city", hint="check the cities, or the urban centres they come from")
    city: Integers = pd.Index(city_ids).get_indexer(pd.Index(ids)).astype(np.int64)
    unknown = (city >= 0) & ~commuting.is_known
    if unknown.any():
        first = commuting.unit_ids[unknown][0]
        raise InputError(
            f"{int(unknown.sum())} units of cities have no number of employed residents, the first: {first}",
            hint="give all employed residents of every unit, 0 for none",
        )
    return city, city_ids


def _merge_cities(
    commuting: Commuting, city: Integers, city_ids: NDArray[np.object_], threshold: Fraction
) -> tuple[pd.DataFrame, _Groups]:
    """Merge the original cities in one pass; return the table of cities and the merged ones."""
    n = city_ids.size
    to_cities = flows_to(commuting.flows, city, n)
    received = np.asarray(to_cities.sum(axis=0), dtype=np.int64).ravel()
    between = flows_to(csr_array(to_cities.T), city, n).T.tocoo()
    employed = np.zeros(n, np.int64)
    np.add.at(employed, city[city >= 0], commuting.employed[city >= 0])
    home, work, workers = between.row, between.col, between.data
    others = home != work
    home, work, workers = home[others], work[others], workers[others]
    merge = at_least(workers, employed[home], threshold)
    links = coo_array((np.ones(int(merge.sum()), np.int8), (home[merge], work[merge])), shape=(n, n))
    m, component = connected_components(links, directed=False)
    # Cities are sorted by id, so that of equal ones the first has the smaller id.
    order = np.lexsort((np.arange(n), -received, component))
    main = order[np.searchsorted(component[order], np.arange(m))]
    rank = np.argsort(np.argsort(main))
    of_city = rank[component].astype(np.int64)
    main_ids = city_ids[np.sort(main)]
    group_received = np.zeros(m, np.int64)
    np.add.at(group_received, of_city, received)
    largest = np.zeros(n, np.int64)
    np.maximum.at(largest, home, workers)
    table = pd.DataFrame(
        {
            "fua_id": main_ids[of_city],
            "workers_received": received / commuting.per_worker,
            "employed_residents": employed / commuting.per_worker,
            "merge_share": _share(largest, employed),
        },
        index=pd.Index(city_ids, name="city_id"),
    )
    return table, _Groups(main_ids, of_city, group_received)


def _share(workers: Integers, employed: Integers) -> NDArray[np.float64]:
    return np.divide(workers, employed, out=np.full(workers.size, np.nan), where=employed > 0)


@dataclass(frozen=True)
class _Ranked:
    """Flows to merged cities, best first by unit, and the first two of each unit (-1: none)."""

    unit: Integers
    group: Integers
    workers: Integers
    rank: Integers

    def place(self, number: int, n: int) -> tuple[Integers, Integers]:
        """Return group and workers of the candidate of that rank, for each of ``n`` units."""
        group, workers = np.full(n, _NONE), np.zeros(n, np.int64)
        chosen = self.rank == number
        group[self.unit[chosen]], workers[self.unit[chosen]] = self.group[chosen], self.workers[chosen]
        return group, workers


def _ranked(to_groups: csr_array, groups: _Groups) -> _Ranked:
    entries = to_groups.tocoo()
    real = entries.data > 0
    unit, group, workers = (part[real].astype(np.int64) for part in (entries.row, entries.col, entries.data))
    order = np.lexsort((group, -groups.received[group], -workers, unit))
    unit, group, workers = unit[order], group[order], workers[order]
    first = np.concatenate([[True], unit[1:] != unit[:-1]])[: unit.size]
    starts = np.flatnonzero(first)
    rank = np.arange(unit.size) - np.repeat(starts, np.diff(np.append(starts, unit.size))) + 1
    return _Ranked(unit, group, workers, rank)


def _assign(
    commuting: Commuting,
    city: Integers,
    city_group: Integers,
    cities: pd.DataFrame,
    best: _Ranked,
    threshold: Fraction,
) -> tuple[Integers, Integers]:
    """Return the FUA of each unit by cities and shares alone, and the rule that says so."""
    n = city.size
    group, workers = best.place(1, n)
    enough = (group >= 0) & at_least(workers, commuting.employed, threshold)
    in_city = city >= 0
    is_main = cities.index.to_numpy() == cities["fua_id"].to_numpy()
    fua = np.where(in_city, city_group, np.where(enough, group, _NONE))
    rule = np.select(
        [in_city & is_main[city], in_city, enough, ~commuting.is_known, commuting.employed == 0],
        [_CITY, _MERGED, _COMMUTING, _UNKNOWN, _NOBODY],
        _BELOW,
    )
    return fua, rule


def _join_enclaves(fua: Integers, rule: Integers, contiguity: Contiguity) -> None:
    """Let units of no FUA join where all ways out of them lead through one FUA."""
    n = fua.size
    outside = fua < 0
    first, second = contiguity.first, contiguity.second
    inner = outside[first] & outside[second]
    links = coo_array((np.ones(int(inner.sum()), np.int8), (first[inner], second[inner])), shape=(n, n))
    m, component = connected_components(links, directed=False)
    edge = outside[first] != outside[second]
    one, other = first[edge], second[edge]
    within, around = np.where(outside[one], one, other), np.where(outside[one], other, one)
    lowest, highest = np.full(m, n), np.full(m, _NONE)
    np.minimum.at(lowest, component[within], fua[around])
    np.maximum.at(highest, component[within], fua[around])
    is_open = np.zeros(m, bool)
    is_open[component[contiguity.is_free]] = True
    joins = outside & ((lowest == highest) & ~is_open)[component]
    fua[joins] = lowest[component[joins]]
    rule[joins] = _ENCLAVE


def _drop_exclaves(fua: Integers, rule: Integers, contiguity: Contiguity, in_city: Truths) -> None:
    """Take units out that no shared edges connect to a unit of their FUA's city."""
    n = fua.size
    first, second = contiguity.first, contiguity.second
    same = (fua[first] == fua[second]) & (fua[first] >= 0)
    links = coo_array((np.ones(int(same.sum()), np.int8), (first[same], second[same])), shape=(n, n))
    m, component = connected_components(links, directed=False)
    has_city = np.zeros(m, bool)
    has_city[component[in_city]] = True
    dropped = (fua >= 0) & ~has_city[component]
    fua[dropped] = _NONE
    rule[dropped] = _EXCLAVE


def _unit_table(
    commuting: Commuting,
    groups: _Groups,
    fua: Integers,
    rule: Integers,
    to_groups: csr_array,
    best: _Ranked,
    threshold: Fraction,
) -> pd.DataFrame:
    n = fua.size
    employed = commuting.employed
    inside = fua >= 0
    to_own = np.zeros(n, np.int64)
    to_own[inside] = np.asarray(to_groups[np.flatnonzero(inside), fua[inside]]).ravel()
    columns: dict[str, object] = {
        "fua_id": _named(groups.main_ids, fua),
        "fua_rule": np.array(_RULES, dtype=object)[rule],
        "employed_residents": np.where(commuting.is_known, employed / commuting.per_worker, np.nan),
        "share_to_fua": np.where(inside, _share(to_own, employed), np.nan),
    }
    for number, name in ((1, "best"), (2, "second")):
        group, workers = best.place(number, n)
        columns[f"{name}_city_id"] = _named(groups.main_ids, np.where(employed > 0, group, _NONE))
        columns[f"{name}_city_share"] = _share(workers, employed)
    table = pd.DataFrame(columns, index=commuting.unit_ids)
    # In one fraction, so that a share equal to the threshold stands at 0 and not beside it.
    _, workers = best.place(1, n)
    above = workers * threshold.denominator - employed * threshold.numerator
    table["share_above_threshold"] = _share(above, employed * threshold.denominator)
    return table


def _named(ids: NDArray[np.object_], positions: Integers) -> NDArray[np.object_]:
    """Return the id at each position, None where that is negative."""
    named: NDArray[np.object_] = np.full(positions.size, None, dtype=object)
    known = positions >= 0
    named[known] = ids[positions[known]]
    return named


def _candidates(commuting: Commuting, groups: _Groups, ranked: _Ranked) -> pd.DataFrame:
    share = _share(ranked.workers, commuting.employed[ranked.unit])
    listed = share >= MIN_CANDIDATE_SHARE
    unit, group = ranked.unit[listed], ranked.group[listed]
    return pd.DataFrame(
        {
            "unit_id": commuting.unit_ids[unit],
            "fua_id": groups.main_ids[group],
            "workers": ranked.workers[listed] / commuting.per_worker,
            "share": share[listed],
            "rank": ranked.rank[listed],
        }
    )


# --- areas ----------------------------------------------------------------------------------------


def fua_areas(
    units: gpd.GeoDataFrame, delineation: FuaDelineation, *, city_names: Mapping[str, str] | None = None
) -> gpd.GeoDataFrame:
    """Dissolve units into functional urban areas and count their people.

    Parameters
    ----------
    units : geopandas.GeoDataFrame
        On the ids and in the order of the delineation, with ``population`` (NaN unknown).
    delineation : FuaDelineation
    city_names : mapping of str to str, optional
        By city id; an FUA is called after its main city.

    Returns
    -------
    geopandas.GeoDataFrame
        Sorted by ``fua_id``: ``fua_id``, ``name``, ``method`` ("flows"), ``n_units``, ``n_city_units``,
        ``city_ids`` (the merged cities, main one first), ``population``, ``city_population``,
        ``commuting_zone_population`` (sums over units, unknown where that of one of them is),
        ``area_km2`` (of the dissolved polygon: ground on which two units overlap counts once).

    Examples
    --------
    See :func:`delineate_fuas`; the pipeline ``pipelines.fua`` composes the two.
    """
    rows = delineation.units[["fua_id", "city_id"]].assign(population=units["population"].to_numpy(dtype=float))
    rows["in_city"] = rows["city_id"].notna()
    people = rows["population"].to_numpy()
    rows["city_population"] = np.where(rows["in_city"], people, 0.0)
    rows["commuting_zone_population"] = np.where(rows["in_city"], 0.0, people)
    grouped = rows[rows["fua_id"].notna()].groupby("fua_id", sort=True)
    ids = [str(fua) for fua in grouped.groups]
    names = city_names or {}
    merged: dict[str, list[str]] = {fua: [fua] for fua in ids}
    for city, fua in delineation.cities["fua_id"].items():
        merged[str(fua)] += [] if city == fua else [str(city)]
    table = pd.DataFrame(
        {
            "fua_id": ids,
            "name": [names.get(fua) for fua in ids],
            "method": "flows",
            "n_units": grouped.size().to_numpy(),
            "n_city_units": grouped["in_city"].sum().to_numpy(),
            "city_ids": [", ".join(merged[fua]) for fua in ids],
        }
    )
    for name in ("population", "city_population", "commuting_zone_population"):
        # A sum with an unknown part is unknown.
        unknown = grouped[name].count().to_numpy() < table["n_units"].to_numpy()
        table[name] = np.where(unknown, np.nan, grouped[name].sum().to_numpy())
    members = pd.Series(np.arange(len(rows))).groupby(rows["fua_id"].to_numpy(), sort=True).indices
    geometry = gpd.GeoSeries([units.geometry.array[members[fua]].union_all() for fua in ids], crs=units.crs)
    table["area_km2"] = areas_km2(geometry)
    return gpd.GeoDataFrame(table, geometry=geometry)
