"""Density of settlements and blocks: built cover, buildings per hectare, sizes of buildings and plots."""

from __future__ import annotations

from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.crs import parse_crs, require_equal_area, require_same
from geo_profiling.errors import InputError
from geo_profiling.settlements.arrangement import zone_members

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]

#: Sizes (m2) below which buildings are counted as small.
SMALL_M2 = (30.0, 60.0)
_M2_PER_HA = 10_000.0


def zone_density(
    zones: gpd.GeoDataFrame,
    footprints: gpd.GeoDataFrame,
    *,
    tessellation_area_m2: pd.Series | None = None,
    open_ground: gpd.GeoSeries | None = None,
    floors: pd.Series | None = None,
) -> pd.DataFrame:
    """Measure how densely each zone is built, and how large its buildings and plots are.

    Definition: a building belongs to the zone that its centroid lies in; ``footprint_coverage_share``
    alone cuts footprints at the border of the zone. Net density leaves out the ground of
    ``open_ground`` (roads, water).

    Parameters
    ----------
    zones : geopandas.GeoDataFrame
        Settlements or blocks, polygons in the CRS of the buildings.
    footprints : geopandas.GeoDataFrame
        Polygons, from :func:`geo_profiling.settlements.form.prepare_footprints`.
    tessellation_area_m2 : pandas.Series, optional
        Area of each building's cell on the index of ``footprints``.
    open_ground : geopandas.GeoSeries, optional
        Polygons of roads and water in the same CRS; they may overlap.
    floors : pandas.Series, optional
        Number of floors of each building on the index of ``footprints``; NULL where unknown.

    Returns
    -------
    pandas.DataFrame
        On the index of ``zones``: ``zone_area_m2``; ``n_buildings``; ``footprint_area_m2`` (whole
        footprints); ``footprint_coverage_share`` (cut at the border) and
        ``footprint_coverage_by_centroid`` (whole footprints by zone area: kblock and foot); where
        footprints overlap both count the ground twice; ``buildings_per_ha`` and
        ``buildings_per_net_ha``; ``building_area_mean_m2``, ``building_area_median_m2``,
        ``building_area_cv`` (standard deviation with n - 1 by mean); ``share_lt30`` and ``share_lt60``,
        buildings below 30 and 60 m2; ``plot_area_mean_m2``, mean cell of the tessellation, a stand-in
        for the parcel; ``floor_area_ratio`` and ``floors_known_share``, the share of buildings whose
        floors are known (the ratio is NULL unless all are). NULL: means and shares without a building,
        the variation below 2, what needs a layer that was not given.

    Raises
    ------
    CRSError
        If the CRS differ, or distort areas by more than 1 %.
    InputError
        If a series is not on the index of the buildings.

    References
    ----------
    momepy 0.11; Million Neighborhoods kblock and foot for coverage by centroid.

    Examples
    --------
    >>> from shapely import box
    >>> x, y = 5e5, 1e6
    >>> zones = gpd.GeoDataFrame(geometry=[box(x, y, x + 100, y + 100)], crs="EPSG:32638")
    >>> huts = gpd.GeoDataFrame(geometry=[box(x + 10, y, x + 14, y + 5), box(x + 95, y, x + 104, y + 10)],
    ...                         crs="EPSG:32638")
    >>> table = zone_density(zones, huts)
    >>> table[["footprint_coverage_share", "footprint_coverage_by_centroid", "share_lt30"]].values.tolist()
    [[0.007, 0.011, 0.5]]
    """
    crs = parse_crs(zones.crs, what="zones")
    if len(zones):
        require_equal_area(crs, tuple(float(value) for value in zones.total_bounds), what="zones")  # type: ignore[arg-type]
    zone, building = zone_members(zones, footprints)
    areas = np.asarray(zones.geometry.array, dtype=object)
    shapes = np.asarray(footprints.geometry.array, dtype=object)
    ground, built = shapely.area(areas), shapely.area(shapes)
    n = len(zones)
    table = _sizes(zone, built[building], n)
    table.insert(0, "zone_area_m2", ground)
    table["footprint_coverage_share"] = _cut_area(areas, shapes) / ground
    table["footprint_coverage_by_centroid"] = table["footprint_area_m2"].to_numpy() / ground
    count = table["n_buildings"].to_numpy(np.float64)
    table["buildings_per_ha"] = count / (ground / _M2_PER_HA)
    table["buildings_per_net_ha"] = _net_density(zones, areas, count, ground, open_ground)
    table["plot_area_mean_m2"] = _mean(zone, _on_buildings(tessellation_area_m2, footprints)[building], n)
    known = np.isfinite(_on_buildings(floors, footprints))
    ratio, share = _floor_area(zone, building, built, _on_buildings(floors, footprints), n)
    table["floor_area_ratio"] = ratio / ground if known.any() else np.full(n, np.nan)
    table["floors_known_share"] = share if floors is not None else np.full(n, np.nan)
    return table.set_index(zones.index)


def _on_buildings(values: pd.Series | None, footprints: gpd.GeoDataFrame) -> Floats:
    if values is None:
        return np.full(len(footprints), np.nan)
    if not values.index.equals(footprints.index):
        raise InputError("a measure of the buildings does not have their index", hint="measure the same footprints")
    return np.asarray(values.to_numpy(np.float64, na_value=np.nan))


def _sizes(zone: Integers, area: Floats, n: int) -> pd.DataFrame:
    groups = pd.Series(area).groupby(zone)
    everywhere = range(n)
    count = np.bincount(zone, minlength=n)
    mean = groups.mean().reindex(everywhere)
    table = pd.DataFrame(
        {
            "n_buildings": count,
            "footprint_area_m2": np.bincount(zone, weights=area, minlength=n),
            "building_area_mean_m2": mean,
            "building_area_median_m2": groups.median().reindex(everywhere),
            "building_area_cv": groups.std(ddof=1).reindex(everywhere) / mean,
        }
    )
    for least in SMALL_M2:
        table[f"share_lt{least:.0f}"] = _mean(zone, (area < least).astype(np.float64), n)
    return table


def _mean(group: Integers, values: Floats, n: int) -> Floats:
    known = np.isfinite(values)
    count = np.bincount(group[known], minlength=n)
    total = np.bincount(group[known], weights=values[known], minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def _cut_area(zones: Geometries, shapes: Geometries) -> Floats:
    """Area of the footprints in each zone, cut at its border."""
    tree = shapely.STRtree(shapes)
    shapely.prepare(zones)
    zone, building = tree.query(zones, predicate="intersects")
    inside = shapely.covers(zones[zone], shapes[building])
    area = shapely.area(shapes[building])
    cut = ~inside
    area[cut] = shapely.area(shapely.intersection(shapes[building[cut]], zones[zone[cut]]))
    order = np.lexsort((building, zone))
    return np.asarray(np.bincount(zone[order], weights=area[order], minlength=len(zones)), dtype=np.float64)


def _net_density(
    zones: gpd.GeoDataFrame, areas: Geometries, count: Floats, ground: Floats, open_ground: gpd.GeoSeries | None
) -> Floats:
    if open_ground is None:
        return np.full(len(areas), np.nan)
    require_same(zones.crs, parse_crs(open_ground.crs, what="open ground"), what="zones and open ground")
    open_shapes = np.asarray(open_ground.array, dtype=object)
    zone, which = shapely.STRtree(open_shapes).query(areas, predicate="intersects")
    taken = np.zeros(len(areas))
    for at in np.unique(zone):
        # roads and water overlap at bridges: joined, so that no ground is taken off twice
        joined = shapely.union_all(open_shapes[np.sort(which[zone == at])])
        taken[at] = shapely.area(shapely.intersection(areas[at], joined))
    net = ground - taken
    return np.divide(count, net / _M2_PER_HA, out=np.full(len(areas), np.nan), where=net > 0)


def _floor_area(zone: Integers, building: Integers, built: Floats, floors: Floats, n: int) -> tuple[Floats, Floats]:
    known = _mean(zone, np.isfinite(floors[building]).astype(np.float64), n)
    total = np.bincount(zone, weights=(built * np.nan_to_num(floors))[building], minlength=n)
    return np.where(known == 1, total, np.nan), known
