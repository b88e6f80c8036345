"""How far people walk to the nearest place, along the streets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.access.junctions import FloatArray, IntArray
from geo_profiling.access.location import (
    ENTRANCE_M,
    MAX_SNAP_M,
    locate,
    point_coordinates,
    require_reach,
    target_seeds,
)
from geo_profiling.access.network import StreetNetwork
from geo_profiling.access.spread import NOBODY, TICKS_PER_M, UNREACHED, Walk, at_points, ticks
from geo_profiling.errors import InputError, UsageError

#: Whether a place is reached, and why not.
STATUSES = ("reached", "beyond", "unconnected", "no_street")


def walking_distances(
    network: StreetNetwork,
    origins: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    *,
    max_snap_m: float = MAX_SNAP_M,
    entrance_m: float = ENTRANCE_M,
    cutoff_m: float | None = None,
    name: str = "targets",
) -> pd.DataFrame:
    """Measure the way on foot from each origin to the nearest target.

    Definition: straight from the origin to the nearest point of the nearest street, along the streets
    by the shortest way, and straight from the street to the target; all three parts count. Points are
    reached from the nearest point of the nearest street, polygons and lines wherever a street comes
    within ``entrance_m`` of them (see :func:`geo_profiling.access.location.target_seeds`). An origin
    inside a polygon is at 0.

    Parameters
    ----------
    network : StreetNetwork
    origins : geopandas.GeoDataFrame
        Points in the CRS of the network.
    targets : geopandas.GeoDataFrame
        Points, polygons or lines on unique ids, in the same CRS; may be empty.
    max_snap_m : float
        Origins and targets farther than this from every street are not on the network.
    entrance_m : float
    cutoff_m : float, optional
        Ways longer than this are not followed; bounds the work.
    name : str
        The targets; named in messages.

    Returns
    -------
    pandas.DataFrame
        Index of ``origins``: ``distance_m`` (NaN where no target is reached), ``target_id`` (of equally
        near ones the smallest; None where none is reached), and ``status``: "reached", "beyond" (farther
        than ``cutoff_m``), "unconnected" (no target on this part of the network), "no_street" (no street
        within ``max_snap_m``).

    Raises
    ------
    CRSError
        If the layers are not in one CRS.
    InputError
        If an origin is no point.
    UsageError
        If ids of targets stand twice, or a distance is negative.

    Notes
    -----
    Dijkstra's algorithm from all targets at once, on whole numbers of 2**-32 m.

    Examples
    --------
    >>> from geo_profiling.access.network import street_network
    >>> lines = [shapely.LineString([(0, 0), (100, 0)]), shapely.LineString([(100, 0), (100, 80)])]
    >>> network = street_network(gpd.GeoDataFrame(geometry=lines, crs="EPSG:32632"))
    >>> homes = gpd.GeoDataFrame(geometry=[shapely.Point(40, 3), shapely.Point(900, 0)], crs="EPSG:32632")
    >>> clinics = gpd.GeoDataFrame(index=["c1"], geometry=[shapely.Point(102, 50)], crs="EPSG:32632")
    >>> walking_distances(network, homes, clinics).to_numpy().tolist()
    [[115.0, 'c1', 'reached'], [nan, None, 'no_street']]
    """
    if cutoff_m is not None:
        require_reach(cutoff_m, "cutoff_m")
    points = point_coordinates(origins, network, name="origins")
    seeds = target_seeds(network, targets, max_snap_m=max_snap_m, entrance_m=entrance_m, name=name)
    located = locate(network, points, max_snap_m=max_snap_m)
    walk = Walk(network, seeds)
    cutoff = UNREACHED - 1 if cutoff_m is None else ticks(np.array([cutoff_m]))[0]
    walk.start(cutoff)
    on = located.edge >= 0
    found, owner = at_points(
        located.edge,
        np.minimum(ticks(np.nan_to_num(located.along_m)), walk.lengths[located.edge]),
        ticks(np.nan_to_num(located.snap_m)),
        walk.edges,
        walk.lengths,
        walk.distance,
        walk.target,
        np.searchsorted(seeds.edge, np.arange(len(walk.edges) + 1)),
        *(walk.seed_first, walk.seed_last, walk.seed_cost, walk.seed_target),
    )
    _count_inside(points, targets, seeds.ids, found, owner)
    beyond = (found > cutoff) & (found < UNREACHED)
    found[beyond] = UNREACHED
    reached = found < UNREACHED
    connected = np.isin(network.component, network.component[network.edges[seeds.edge, 0]])
    beyond |= on & connected[network.edges[located.edge, 0]]
    status = np.select([reached, beyond, on], ["reached", "beyond", "unconnected"], "no_street")
    return pd.DataFrame(
        {
            "distance_m": np.where(reached, found / TICKS_PER_M, np.nan),
            "target_id": pd.Series(_labels(seeds.ids, np.where(reached, owner, NOBODY)), origins.index, dtype=object),
            "status": pd.Categorical(status, categories=STATUSES),
        },
        index=origins.index,
    )


def _labels(ids: pd.Index, owner: IntArray) -> list[Hashable | None]:
    names = [*ids.tolist(), None]
    return [names[number] for number in np.minimum(owner, len(ids)).tolist()]


def _count_inside(
    points: FloatArray, targets: gpd.GeoDataFrame, ids: pd.Index, found: IntArray, owner: IntArray
) -> None:
    """Set origins that lie in a polygon to 0, in place; of several the smallest id."""
    geometries = np.asarray(targets.geometry.reindex(ids).array, dtype=object)
    areal = np.flatnonzero(shapely.get_dimensions(geometries) == 2)
    if not areal.size:
        return
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    tree = shapely.STRtree(np.asarray(shapely.points(points[known]), dtype=object))
    which, place = tree.query(geometries[areal], predicate="intersects")
    number, place = areal[which], known[place]
    order = np.lexsort((-number, place))
    found[place[order]] = 0
    owner[place[order]] = number[order]


def access_shares(
    distances: pd.DataFrame,
    areas: pd.Series,
    *,
    within_m: Sequence[float],
    weights: pd.Series | None = None,
) -> pd.DataFrame:
    """Sum distances up by area: the median, and the share of people within given distances.

    Parameters
    ----------
    distances : pandas.DataFrame
        From :func:`walking_distances`, one row for each origin (home, building, cell).
    areas : pandas.Series
        The area (settlement, unit) of each origin, on the same index; NULL is in none.
    within_m : sequence of float
        Distances in metres. None may be above the ``cutoff_m`` of the distances.
    weights : pandas.Series, optional
        People at each origin, on the same index; each counts as one without it. NaN counts as 0.

    Returns
    -------
    pandas.DataFrame
        On the areas, sorted: ``people`` (sum of weights), ``median_m`` (the distance within which half
        of them have a target; NaN where fewer than half reach one), ``share_within_<metres>m`` (0-1),
        and ``share_no_street`` and ``share_unconnected``: those of whom nothing is known along streets.
        Shares are of all people of the area; NaN where it has none.

    Raises
    ------
    UsageError
        If a distance is not above 0, or indexes differ.
    InputError
        If a weight is negative.

    Examples
    --------
    >>> table = pd.DataFrame({"distance_m": [100.0, 300.0, np.nan], "status": ["reached", "reached", "no_street"]})
    >>> people = pd.Series([1.0, 2.0, 1.0])
    >>> access_shares(table, pd.Series(["s1", "s1", "s1"]), within_m=[250], weights=people).loc["s1"].tolist()
    [4.0, 300.0, 0.25, 0.25, 0.0]
    """
    if any(not (np.isfinite(metres) and metres > 0) for metres in within_m):
        raise UsageError(f"within_m: {list(within_m)} are not all distances above 0")
    weights = pd.Series(1.0, distances.index) if weights is None else weights
    if not (areas.index.equals(distances.index) and weights.index.equals(distances.index)):
        raise UsageError("distances, areas and weights are not on one index")
    people = weights.fillna(0.0).to_numpy(np.float64)
    if (people < 0).any():
        raise InputError(f"weights: {int((people < 0).sum())} are negative", hint="people cannot be fewer than none")
    metres = distances["distance_m"].to_numpy(np.float64)
    status = distances["status"].astype(str).to_numpy()
    marks = {f"share_within_{bound:g}m": metres <= bound for bound in within_m}
    marks |= {f"share_{name}": status == name for name in ("no_street", "unconnected")}
    table = pd.DataFrame({"people": people, **{column: people * mark for column, mark in marks.items()}})
    table["area"], table["metres"] = areas.to_numpy(), np.where(np.isnan(metres), np.inf, metres)
    # Sums of floats depend on their order: that of the rows must not decide the last bits.
    table = table.sort_values(["area", "metres", "people"], ignore_index=True)
    medians = _medians(table[["area", "metres", "people"]])
    table = table.drop(columns="metres")
    sums = table.groupby("area", sort=True).sum()
    shares = sums.drop(columns="people").div(sums["people"].where(sums["people"] > 0), axis=0)
    return pd.concat([sums[["people"]], medians.reindex(sums.index), shares], axis=1).rename_axis("area_id")


def _medians(sorted_people: pd.DataFrame) -> pd.Series:
    """Return the weighted lower median of each area, of rows by area and rising metres; NaN where that is infinite."""
    frame = sorted_people[sorted_people["area"].notna() & (sorted_people["people"] > 0)]
    grouped = frame.groupby("area")["people"]
    # Sums of fractions of people may fall short of a half by the last bits.
    half = grouped.cumsum() >= grouped.transform("sum") * (0.5 - 1e-9)
    found = frame[half].groupby("area")["metres"].first()
    return found.where(np.isfinite(found)).rename("median_m")
