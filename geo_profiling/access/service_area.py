"""The ground from which a place can be reached on foot, and the people who live on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.access.junctions import FloatArray, IntArray
from geo_profiling.access.location import ENTRANCE_M, MAX_SNAP_M, Seeds, require_reach, target_seeds
from geo_profiling.access.network import StreetNetwork, lines_of
from geo_profiling.access.spread import Walk, ticks
from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_projected, require_same
from geo_profiling.errors import UsageError
from geo_profiling.findings import Finding
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics

#: Along streets, or in a straight line.
DistanceKind: TypeAlias = Literal["street", "euclid"]
#: Longest way, in metres, between a home and the street it is reached from.
STREET_BUFFER_M = 100.0
#: Segments of a quarter of a circle; a disc is then 0.16 % too small.
_QUAD_SEGS = 16
_LISTED = 5


@dataclass(frozen=True)
class ServiceArea:
    """What lies within reach of a set of targets, everything once.

    Attributes
    ----------
    area : geopandas.GeoDataFrame
        One row: ``distance`` ("street" or "euclid"), ``distance_m`` and a multipolygon, empty where
        nothing is reached.
    streets : geopandas.GeoDataFrame
        Stretches of street within ``distance_m`` of a target, cut where it ends: ``length_m``. Empty
        for straight-line areas.
    findings : list of Finding
        Targets that no street leads to.
    """

    area: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    findings: list[Finding]


def service_areas(
    network: StreetNetwork,
    targets: gpd.GeoDataFrame,
    *,
    distance_m: float,
    street_buffer_m: float = STREET_BUFFER_M,
    max_snap_m: float = MAX_SNAP_M,
    entrance_m: float = ENTRANCE_M,
    name: str = "targets",
) -> ServiceArea:
    """Delineate the ground from which some target is within a distance on foot, along the streets.

    Definition: a place belongs to the area if from it, straight to some street at most
    ``street_buffer_m`` away, along streets, and straight from the street to the target, it is at most
    ``distance_m`` in all. That is the ground within ``street_buffer_m`` of the stretches that are
    reached within ``distance_m - street_buffer_m``; the straight way between a target and its street is
    such a stretch. Polygons belong to it themselves. Areas of
    several targets are united: nobody is counted twice.

    Parameters
    ----------
    network : StreetNetwork
    targets : geopandas.GeoDataFrame
        Points, polygons or lines on unique ids, in the CRS of the network; see
        :func:`geo_profiling.access.location.target_seeds` for how they are reached.
    distance_m : float
        Metres.
    street_buffer_m : float
        Where it is more than ``distance_m``, that is taken.
    max_snap_m, entrance_m : float
    name : str
        The targets; named in messages.

    Returns
    -------
    ServiceArea
        In the CRS of the network.

    Raises
    ------
    CRSError
        If the targets are not in the CRS of the network.
    UsageError
        If a distance is negative, or an id stands twice.

    Examples
    --------
    >>> from geo_profiling.access.network import street_network
    >>> lines = [shapely.LineString([(0, 0), (2000, 0)])]
    >>> network = street_network(gpd.GeoDataFrame(geometry=lines, crs="EPSG:32632"))
    >>> stops = gpd.GeoDataFrame(index=["s"], geometry=[shapely.Point(1000, 0)], crs="EPSG:32632")
    >>> found = service_areas(network, stops, distance_m=500)
    >>> float(found.streets["length_m"].sum()), found.area.total_bounds.tolist()
    (1000.0, [500.0, -100.0, 1500.0, 100.0])
    """
    seeds, buffer_m = _prepared(network, targets, distance_m, street_buffer_m, max_snap_m, entrance_m, name)
    walk = Walk(network, seeds)
    streets = _lines(network, walk, distance_m, None)
    near = _lines(network, walk, distance_m - buffer_m, None) if distance_m > buffer_m else streets[:0]
    parts = [near, _legs(seeds, distance_m - buffer_m, None)]
    ground = _united(np.concatenate(parts), buffer_m, _areal(targets))
    lengths = shapely.length(streets)
    return ServiceArea(
        _area_row(ground, "street", distance_m, network.crs),
        gpd.GeoDataFrame({"length_m": lengths}, geometry=streets, crs=network.crs),
        _without_street(targets, seeds, max_snap_m, name),
    )


def service_areas_by_target(
    network: StreetNetwork,
    targets: gpd.GeoDataFrame,
    *,
    distance_m: float,
    street_buffer_m: float = STREET_BUFFER_M,
    max_snap_m: float = MAX_SNAP_M,
    entrance_m: float = ENTRANCE_M,
    name: str = "targets",
) -> gpd.GeoDataFrame:
    """Delineate the ground of :func:`service_areas` for each target by itself; the areas overlap.

    Parameters
    ----------
    network, targets, distance_m, street_buffer_m, max_snap_m, entrance_m, name
        As :func:`service_areas`.

    Returns
    -------
    geopandas.GeoDataFrame
        On the ids of all targets, sorted: ``distance``, ``distance_m``, ``street_m`` (metres of street
        within ``distance_m``) and a multipolygon, empty where no street leads to the target.

    Raises
    ------
    CRSError, UsageError
        As :func:`service_areas`.

    Examples
    --------
    >>> from geo_profiling.access.network import street_network
    >>> lines = [shapely.LineString([(0, 0), (2000, 0)])]
    >>> network = street_network(gpd.GeoDataFrame(geometry=lines, crs="EPSG:32632"))
    >>> stops = gpd.GeoDataFrame(index=["s", "t"], geometry=gpd.points_from_xy([1000, 100], [0, 0]), crs="EPSG:32632")
    >>> service_areas_by_target(network, stops, distance_m=500)["street_m"].to_dict()
    {'s': 1000.0, 't': 600.0}
    """
    seeds, buffer_m = _prepared(network, targets, distance_m, street_buffer_m, max_snap_m, entrance_m, name)
    walk = Walk(network, seeds)
    geometries = targets.geometry.reindex(seeds.ids)
    order = np.argsort(seeds.target, kind="stable")
    starts = np.searchsorted(seeds.target[order], np.arange(len(seeds.ids) + 1))
    metres, grounds = [], []
    for number in range(len(seeds.ids)):
        chosen = order[starts[number] : starts[number + 1]]
        metres.append(float(shapely.length(_lines(network, walk, distance_m, chosen)).sum()))
        near = _lines(network, walk, distance_m - buffer_m, chosen) if distance_m > buffer_m else np.empty(0, object)
        parts = np.concatenate([near, _legs(seeds, distance_m - buffer_m, chosen)])
        grounds.append(_united(parts, buffer_m, _areal(geometries.iloc[[number]])))
    return gpd.GeoDataFrame(
        {"distance": "street", "distance_m": float(distance_m), "street_m": np.array(metres, np.float64)},
        index=seeds.ids,
        geometry=grounds,
        crs=network.crs,
    )


def euclidean_areas(targets: gpd.GeoDataFrame, *, distance_m: float, name: str = "targets") -> ServiceArea:
    """Delineate the ground within a straight-line distance of some target.

    It overstates access, as nobody walks through blocks; for where no streets are given. The
    result marks itself by ``distance`` "euclid".

    Parameters
    ----------
    targets : geopandas.GeoDataFrame
        Projected CRS in metres.
    distance_m : float
    name : str
        Named in messages.

    Returns
    -------
    ServiceArea

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.
    UsageError
        If the distance is negative.

    Examples
    --------
    >>> stops = gpd.GeoDataFrame(index=["s"], geometry=[shapely.Point(1000, 0)], crs="EPSG:32632")
    >>> found = euclidean_areas(stops, distance_m=500)
    >>> found.area["distance"].item(), found.area.total_bounds.tolist()
    ('euclid', [500.0, -500.0, 1500.0, 500.0])
    """
    require_reach(distance_m, "distance_m")
    crs = parse_crs(targets.crs, what=name)
    require_projected(crs, what=name)
    shapes = np.asarray(targets.geometry.array, dtype=object)
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    ground = _polygonal(shapely.union_all(shapely.buffer(_sorted(shapes), distance_m, quad_segs=_QUAD_SEGS)))
    streets = gpd.GeoDataFrame({"length_m": np.empty(0)}, geometry=[], crs=crs)
    return ServiceArea(_area_row(ground, "euclid", distance_m, crs), streets, [])


def join_areas(areas: Sequence[ServiceArea]) -> gpd.GeoDataFrame:
    """Unite service areas of several kinds of targets, so that nobody is counted twice.

    Parameters
    ----------
    areas : sequence of ServiceArea
        In one CRS; for example of stops of low capacity within 500 m and of high capacity within 1 km.

    Returns
    -------
    geopandas.GeoDataFrame
        One row: ``distance`` ("euclid" if any of them is) and the multipolygon.

    Raises
    ------
    UsageError
        If there is none.
    CRSError
        If they differ in CRS.

    Examples
    --------
    >>> stops = gpd.GeoDataFrame(index=["s"], geometry=[shapely.Point(1000, 0)], crs="EPSG:32632")
    >>> both = join_areas([euclidean_areas(stops, distance_m=500), euclidean_areas(stops, distance_m=1000)])
    >>> both.total_bounds.tolist()
    [0.0, -1000.0, 2000.0, 1000.0]
    """
    if not areas:
        raise UsageError("no service area to join")
    crs = areas[0].area.crs
    for other in areas[1:]:
        require_same(other.area.crs, crs, what="service areas")
    ground = _polygonal(shapely.union_all([item.area.geometry.iloc[0] for item in areas]))
    kind = "euclid" if any((item.area["distance"] == "euclid").any() for item in areas) else "street"
    return gpd.GeoDataFrame({"distance": [kind]}, geometry=[ground], crs=crs)


def people_in_reach(
    population: Source, zones: gpd.GeoDataFrame, area: gpd.GeoDataFrame, *, compute: Compute | None = None
) -> pd.DataFrame:
    """Count the people of each zone who live within a service area, by exact coverage.

    Parameters
    ----------
    population : Source
        People in each cell.
    zones : geopandas.GeoDataFrame
        Polygons in the CRS of the population.
    area : geopandas.GeoDataFrame
        From :func:`service_areas` or :func:`join_areas`, in any CRS: it is brought into that of the
        population.
    compute : Compute, optional

    Returns
    -------
    pandas.DataFrame
        Index of ``zones``: ``population``, ``population_in_reach``, ``share_in_reach`` (0-1; NaN where
        nobody is known to live) and ``coverage_share`` of the zone by the grid.

    Raises
    ------
    CRSError
        If the zones are not in the CRS of the population.
    InputError
        If a zone is not areal or not valid.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32632"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 3))
    >>> people = ArraySource(wrap(np.array([[100.0, 40.0, 60.0]]), grid))
    >>> city = gpd.GeoDataFrame(index=["city"], geometry=[shapely.box(0, 0, 3000, 1000)], crs=grid.crs)
    >>> reach = gpd.GeoDataFrame(geometry=[shapely.box(-50, -50, 1500, 1050)], crs=grid.crs)
    >>> people_in_reach(people, city, reach).loc["city"].tolist()
    [200.0, 120.0, 0.6, 1.0]
    """
    crs = population.grid.crs
    require_same(parse_crs(zones.crs, what="zones"), crs, what=f"zones and {population.name}")
    found = zonal_statistics(population, zones, stats=["sum", "coverage_share"], compute=compute)
    ground = _polygonal(shapely.union_all(np.asarray(area.to_crs(crs).geometry.make_valid().array, dtype=object)))
    shapely.prepare(ground)
    shapes = np.asarray(zones.geometry.array, dtype=object)
    shared = np.array([_polygonal(shape) for shape in shapely.intersection(shapes, ground)], dtype=object)
    some = ~shapely.is_empty(shared)
    reached = np.zeros(len(zones))
    if some.any():
        inside = gpd.GeoDataFrame(geometry=shared[some], crs=crs)
        reached[some] = zonal_statistics(population, inside, stats=["sum"], compute=compute)["sum"].fillna(0.0)
    people = found["sum"].to_numpy(np.float64)
    reached = np.where(np.isnan(people), np.nan, reached)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(people > 0, np.minimum(reached / people, 1.0), np.nan)
    columns = {"population": people, "population_in_reach": reached, "share_in_reach": share}
    return pd.DataFrame(columns | {"coverage_share": found["coverage_share"].to_numpy()}, index=zones.index)


def _prepared(
    network: StreetNetwork,
    targets: gpd.GeoDataFrame,
    distance_m: float,
    street_buffer_m: float,
    max_snap_m: float,
    entrance_m: float,
    name: str,
) -> tuple[Seeds, float]:
    require_reach(distance_m, "distance_m")
    require_reach(street_buffer_m, "street_buffer_m")
    seeds = target_seeds(network, targets, max_snap_m=max_snap_m, entrance_m=entrance_m, name=name)
    return seeds, min(street_buffer_m, distance_m)


def _lines(network: StreetNetwork, walk: Walk, reach_m: float, chosen: IntArray | None) -> NDArray[np.object_]:
    """Return the stretches of street within a distance; those of no length are left out."""
    edge, first, last = walk.stretches(ticks(np.array([reach_m]))[0], chosen)
    some = last > first
    edge, first, last = edge[some], first[some], last[some]
    begin, end = (network.nodes[network.edges[edge, side]] for side in (0, 1))
    whole = walk.lengths[edge]
    cut = np.stack([_between(begin, end, first / whole), _between(begin, end, last / whole)], axis=1)
    return lines_of(cut)


def _between(begin: FloatArray, end: FloatArray, share: FloatArray) -> FloatArray:
    point: FloatArray = np.where((share >= 1)[:, None], end, begin + share[:, None] * (end - begin))
    return point


def _legs(seeds: Seeds, reach_m: float, chosen: IntArray | None) -> NDArray[np.object_]:
    """Return the ways between targets and streets, cut at a distance from the target."""
    legs = seeds.legs if chosen is None else seeds.legs[chosen]
    costs = seeds.cost_m if chosen is None else seeds.cost_m[chosen]
    some = ~shapely.is_missing(legs)
    ends = shapely.get_coordinates(legs[some]).reshape(-1, 2, 2)
    costs = costs[some]
    share = np.where(costs <= reach_m, 1.0, max(reach_m, 0.0) / np.maximum(costs, reach_m + 1e-9))
    return lines_of(np.stack([ends[:, 0], _between(ends[:, 0], ends[:, 1], share)], axis=1))


def _areal(targets: gpd.GeoDataFrame | gpd.GeoSeries) -> NDArray[np.object_]:
    shapes = np.asarray(targets.geometry.array, dtype=object)
    areal: NDArray[np.object_] = shapes[(shapely.get_dimensions(shapes) == 2) & ~shapely.is_empty(shapes)]
    return areal


def _sorted(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Sort geometries by what they are, so that their order decides nothing."""
    return (
        shapes[np.argsort(np.asarray(shapely.to_wkb(shapes), dtype=object), kind="stable")] if len(shapes) else shapes
    )


def _united(lines: NDArray[np.object_], buffer_m: float, areal: NDArray[np.object_]) -> shapely.MultiPolygon:
    """Return the ground within a distance of lines, with the areas added."""
    grounds = np.concatenate([_sorted(areal), np.asarray(shapely.buffer(lines, buffer_m, quad_segs=_QUAD_SEGS))])
    # One by one: GEOS is ten times slower at buffering all of them together.
    return _polygonal(shapely.union_all(grounds))


def _polygonal(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """Return the polygons of a geometry as one multipolygon in a form of its own."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]
    normal: shapely.MultiPolygon = shapely.normalize(shapely.MultiPolygon(list(parts)))
    return normal


def _area_row(ground: shapely.MultiPolygon, kind: DistanceKind, distance_m: float, crs: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"distance": [kind], "distance_m": [float(distance_m)]}, geometry=[ground], crs=crs)


def _without_street(targets: gpd.GeoDataFrame, seeds: Seeds, max_snap_m: float, name: str) -> list[Finding]:
    lost = [str(seeds.ids[number]) for number in np.setdiff1d(np.arange(len(seeds.ids)), seeds.target)]
    if not lost:
        return []
    more = f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else ""
    message = f"{len(lost)} of {len(targets)} have no street within {max_snap_m:g} m: {', '.join(lost[:_LISTED])}{more}"
    return [Finding("warning", name, "", message, "check their coordinates, and whether streets are missing there")]
