"""Where points and targets lie on the network: the segment, how far along it, and the way to it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.access.junctions import FloatArray, IntArray
from geo_profiling.access.nearest import nearest_segments
from geo_profiling.access.network import StreetNetwork, feet_on, lines_of
from geo_profiling.crs import parse_crs, require_same
from geo_profiling.errors import InputError, UsageError

#: Longest way, in metres and straight, between a place and the nearest street.
MAX_SNAP_M = 200.0
#: Streets this near to a polygon or a line, in metres, lead into it.
ENTRANCE_M = 10.0
_POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


@dataclass(frozen=True)
class Located:
    """Points on the network.

    Attributes
    ----------
    edge : ndarray of int64
        The nearest segment; -1 where none is near enough.
    along_m : ndarray of float64
        From the segment's first node to the nearest point on it.
    snap_m : ndarray of float64
        Straight from the point to the segment; NaN without one.
    feet : ndarray of float64, shape (points, 2)
        The nearest point on the segment; NaN without one.
    """

    edge: IntArray
    along_m: FloatArray
    snap_m: FloatArray
    feet: FloatArray


@dataclass(frozen=True)
class Seeds:
    """Stretches of segments from which walking starts, sorted by segment.

    Attributes
    ----------
    edge : ndarray of int64
    first_m, last_m : ndarray of float64
        Along the segment; equal for a point.
    cost_m : ndarray of float64
        The way between the target and the street.
    target : ndarray of int64
        Position of the target in ``ids``.
    ids : pandas.Index
        Of all targets, sorted.
    legs : ndarray of object
        The way between target and street as a line; None where there is none.
    """

    edge: IntArray
    first_m: FloatArray
    last_m: FloatArray
    cost_m: FloatArray
    target: IntArray
    ids: pd.Index
    legs: NDArray[np.object_]


def locate(network: StreetNetwork, points: FloatArray, *, max_snap_m: float = MAX_SNAP_M) -> Located:
    """Find the nearest point of the nearest street for each point.

    Parameters
    ----------
    network : StreetNetwork
    points : ndarray, shape (points, 2)
        In the CRS of the network; NaN is nowhere.
    max_snap_m : float
        Streets farther than this are not looked for.

    Returns
    -------
    Located
        Of segments at the same distance the first one.

    Raises
    ------
    UsageError
        If ``max_snap_m`` is negative or not finite.

    Examples
    --------
    >>> from geo_profiling.access.network import street_network
    >>> line = shapely.LineString([(0, 0), (100, 0)])
    >>> network = street_network(gpd.GeoDataFrame(geometry=[line], crs="EPSG:32632"))
    >>> found = locate(network, np.array([[30.0, 4.0], [30.0, 999.0]]))
    >>> found.edge.tolist(), found.along_m.tolist(), found.snap_m.tolist()
    ([0, -1], [30.0, nan], [4.0, nan])
    """
    require_reach(max_snap_m, "max_snap_m")
    edge, snap = nearest_segments(network.lattice, points, max_m=max_snap_m)
    along, feet = np.full(len(points), np.nan), np.full((len(points), 2), np.nan)
    on = np.flatnonzero(edge >= 0)
    begin, end = (network.nodes[network.edges[edge[on], side]] for side in (0, 1))
    feet[on], snap[on] = feet_on(points[on], begin, end)
    along[on] = np.hypot(*(feet[on] - begin).T)
    return Located(edge, along, snap, feet)


def require_reach(value: float, what: str) -> None:
    """Raise unless a distance is finite and not negative.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> require_reach(200.0, "max_snap_m")
    """
    if not (np.isfinite(value) and value >= 0):
        raise UsageError(f"{what}: {value:g} is not a distance in metres")


def point_coordinates(layer: gpd.GeoDataFrame, network: StreetNetwork, *, name: str) -> FloatArray:
    """Return the coordinates of a layer of points; NaN where a point is missing.

    Raises
    ------
    CRSError
        If the layer is not in the CRS of the network.
    InputError
        If a feature is no point.

    Examples
    --------
    >>> from geo_profiling.access.network import street_network
    >>> line = shapely.LineString([(0, 0), (100, 0)])
    >>> network = street_network(gpd.GeoDataFrame(geometry=[line], crs="EPSG:32632"))
    >>> layer = gpd.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs="EPSG:32632")
    >>> point_coordinates(layer, network, name="homes").tolist()
    [[1.0, 2.0]]
    """
    require_same(parse_crs(layer.crs, what=name), network.crs, what=f"{name} and streets")
    geometries = np.asarray(layer.geometry.array, dtype=object)
    kinds = shapely.get_type_id(geometries)
    wrong = np.flatnonzero((kinds >= 0) & (kinds != shapely.GeometryType.POINT))
    if wrong.size:
        raise InputError(
            f"{name}, row {wrong[0]} (from 0): {geometries[wrong[0]].geom_type}, not a point ({wrong.size} such rows)",
            hint="give points, for example the centroids of buildings",
        )
    points = np.full((len(geometries), 2), np.nan)
    some = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    points[some] = shapely.get_coordinates(geometries[some])
    return points


def target_seeds(
    network: StreetNetwork,
    targets: gpd.GeoDataFrame,
    *,
    max_snap_m: float = MAX_SNAP_M,
    entrance_m: float = ENTRANCE_M,
    name: str = "targets",
) -> Seeds:
    """Find where targets are reached from the streets.

    Definition: a point is reached from the nearest point of the nearest street, if that is at most
    ``max_snap_m`` away, and the way between them counts. A polygon or a line is reached, at no
    further way, on every stretch of street that lies within ``entrance_m`` of it. Where there is none
    and the nearest street is at most ``max_snap_m`` away, it is reached from every stretch that is
    not more than ``entrance_m`` (and 1 %) farther away than that, and the way to the nearest counts.

    Parameters
    ----------
    network : StreetNetwork
    targets : geopandas.GeoDataFrame
        Points, polygons or lines on unique ids, in the CRS of the network. Those without a geometry
        are nowhere.
    max_snap_m, entrance_m : float
        Metres.
    name : str
        The layer; named in messages.

    Returns
    -------
    Seeds

    Raises
    ------
    CRSError
        If the targets are not in the CRS of the network.
    UsageError
        If an id stands twice, or a distance is negative.

    Examples
    --------
    >>> from geo_profiling.access.network import street_network
    >>> line = shapely.LineString([(0, 0), (100, 0)])
    >>> network = street_network(gpd.GeoDataFrame(geometry=[line], crs="EPSG:32632"))
    >>> places = [shapely.Point(30, 4), shapely.box(60, 5, 80, 50)]
    >>> layer = gpd.GeoDataFrame(geometry=places, index=["a", "b"], crs="EPSG:32632")
    >>> found = target_seeds(network, layer, entrance_m=5)
    >>> found.first_m.tolist(), found.last_m.tolist(), found.cost_m.tolist()
    ([30.0, 60.0], [30.0, 80.0], [4.0, 0.0])
    """
    require_reach(max_snap_m, "max_snap_m")
    require_reach(entrance_m, "entrance_m")
    require_same(parse_crs(targets.crs, what=name), network.crs, what=f"{name} and streets")
    if not targets.index.is_unique:
        raise UsageError(f"{name}: {targets.index[targets.index.duplicated()][0]!r} stands twice")
    # By id, so that the order of the rows decides nothing.
    targets = targets.sort_index()
    geometries = np.asarray(targets.geometry.array, dtype=object)
    numbers = np.flatnonzero(~(shapely.is_missing(geometries) | shapely.is_empty(geometries)))
    wide = ~np.isin(shapely.get_type_id(geometries[numbers]), _POINTS)
    found = [_on_points(network, geometries, numbers[~wide], max_snap_m)]
    numbers = numbers[wide]
    found.append(_entrances(network, geometries, numbers, np.zeros(numbers.size), entrance_m))
    numbers = np.setdiff1d(numbers, found[-1][3])
    numbers, apart = _apart(network, geometries, numbers, max_snap_m)
    found.append(_entrances(network, geometries, numbers, apart, entrance_m))
    edge, first, last, target, cost, legs = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((target, last, first, edge))
    return Seeds(edge[order], first[order], last[order], cost[order], target[order], targets.index, legs[order])


_Found = tuple[IntArray, FloatArray, FloatArray, IntArray, FloatArray, NDArray[np.object_]]


def _entrances(
    network: StreetNetwork, geometries: NDArray[np.object_], wide: IntArray, apart: FloatArray, entrance_m: float
) -> _Found:
    """Return the stretches of segments not farther from polygons and lines than the nearest street and the entrance."""
    # The arcs of a buffer lie a little inside; the 1 % keeps the nearest street within it.
    reach = np.where(apart > 0, 1.01 * apart + entrance_m + 1e-3, entrance_m)
    around = np.where(reach > 0, shapely.buffer(geometries[wide], reach), geometries[wide])
    which, edge = network.tree.query(around, predicate="intersects")
    shapely.prepare(around)
    inside = shapely.contains_properly(around[which], network.lines[edge])
    cut = shapely.intersection(network.lines[edge[~inside]], around[which[~inside]])
    parts, source = shapely.get_parts(cut, return_index=True)
    parts, source = parts[~shapely.is_empty(parts)], source[~shapely.is_empty(parts)]
    pieces, part = shapely.get_coordinates(parts, return_index=True)
    which_cut, edge_cut = which[~inside][source], edge[~inside][source]
    from_start = np.hypot(*(pieces - network.nodes[network.edges[edge_cut[part], 0]]).T)
    first, last = np.full(len(parts), np.inf), np.zeros(len(parts))
    np.minimum.at(first, part, from_start)
    np.maximum.at(last, part, from_start)
    edges = np.concatenate([edge[inside], edge_cut]).astype(np.int64)
    firsts = np.concatenate([np.zeros(int(inside.sum())), first])
    lasts = np.concatenate([network.lengths_m[edge[inside]], np.minimum(last, network.lengths_m[edge_cut])])
    owner = np.concatenate([which[inside], which_cut])
    return edges, np.minimum(firsts, lasts), lasts, wide[owner], apart[owner], np.full(edges.size, None, object)


def _apart(
    network: StreetNetwork, geometries: NDArray[np.object_], wide: IntArray, max_snap_m: float
) -> tuple[IntArray, FloatArray]:
    """Return the polygons and lines with a street near enough, and how far it is."""
    (which, _), apart = network.tree.query_nearest(
        geometries[wide], max_distance=max_snap_m + 1e-9, return_distance=True, all_matches=False
    )
    kept = apart <= max_snap_m
    return wide[which[kept]], apart[kept]


def _on_points(network: StreetNetwork, geometries: NDArray[np.object_], numbers: IntArray, max_snap_m: float) -> _Found:
    """Return the nearest point of the nearest street for points, and for each part of multipoints."""
    points, owner = shapely.get_coordinates(geometries[numbers], return_index=True)
    found = locate(network, points, max_snap_m=max_snap_m)
    on = found.edge >= 0
    legs: NDArray[np.object_] = lines_of(np.stack([points[on], found.feet[on]], axis=1))
    return found.edge[on], found.along_m[on], found.along_m[on], numbers[owner[on]], found.snap_m[on], legs
