"""The scales at which a metropolis is governed: proximity, agglomeration, metropolitan area, metropolitan region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_same
from geo_profiling.delineation.names import distinct_names
from geo_profiling.delineation.overlap import common_ground, main_area, people_in_pairs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.vector.areas import areas_km2

Scale = Literal["proximity", "agglomeration", "metropolitan_area", "metropolitan_region"]
#: From the smallest to the largest.
SCALES: tuple[Scale, ...] = get_args(Scale)

#: People of the smallest agglomeration: those of an urban centre.
MIN_AGGLOMERATION = 50_000.0
#: People of the smallest functional urban area that makes a metropolitan region.
MIN_METROPOLIS = 250_000.0
#: Share of a unit's people in an agglomeration from which it is one of its units.
MIN_UNIT_SHARE = 0.5
#: Shares are sums of floats: half of the people may come out a hair to either side of 0.5.
_TOLERANCE = 1e-9
#: Share of the smaller of two areas up to which their overlap is none.
_SLIVER_SHARE = 1e-3


@dataclass(frozen=True)
class Membership:
    """Areas of a scale, and the units or regions they are made of.

    Attributes
    ----------
    areas : geopandas.GeoDataFrame
        On the area ids, sorted.
    members : pandas.Series
        Area id (None: in none) on the ids of the units or regions.
    """

    areas: gpd.GeoDataFrame
    members: pd.Series


def agglomerations(
    clusters: gpd.GeoDataFrame,
    unit_people: pd.DataFrame,
    unit_population: pd.Series,
    *,
    unit_names: pd.Series | None = None,
    min_population: float = MIN_AGGLOMERATION,
) -> Membership:
    """Return the agglomerations, contiguous urban clusters of a city's size, with their units.

    Definition: an agglomeration is an urban cluster (contiguous cells of at least 300 people per km2)
    of at least ``min_population`` people; its ground is that of the cluster, whatever the borders. A
    unit belongs to it if at least half of its people live in the cluster (of two halves the smaller
    id). Its name is that of the unit in which most of its people live; it has none where units hold
    less than half of them.

    Parameters
    ----------
    clusters : geopandas.GeoDataFrame
        Urban clusters on their ids, with ``population``.
    unit_people : pandas.DataFrame
        ``unit_id``, ``cluster_id``, ``population``: people of each unit in each cluster, as
        :func:`geo_profiling.delineation.overlap.people_in_pairs` returns them.
    unit_population : pandas.Series
        All people of each unit, by unit id.
    unit_names : pandas.Series, optional
        By unit id.
    min_population : float

    Returns
    -------
    Membership
        Areas with ``name``, ``n_units`` (NULL as well where units hold less than half of the people,
        see :func:`held_by_units`) and their geometry; members by unit. Of several that would have one name
        all but the largest tell where they lie (:func:`geo_profiling.delineation.names.distinct_names`).

    References
    ----------
    United Nations, World Urbanization Prospects: an agglomeration is the population within the
    contours of a contiguous territory inhabited at urban density, without regard to borders.

    Examples
    --------
    >>> from shapely import box
    >>> clusters = gpd.GeoDataFrame({"population": [80e3]}, index=["CL"], geometry=[box(0, 0, 9, 9)], crs="EPSG:3035")
    >>> columns = ["unit_id", "cluster_id", "population"]
    >>> pairs = pd.DataFrame([("a", "CL", 60e3), ("b", "CL", 20e3)], columns=columns)
    >>> found = agglomerations(clusters, pairs, pd.Series({"a": 70e3, "b": 50e3}))
    >>> found.areas["n_units"].to_dict(), found.members.tolist()
    ({'CL': 1}, ['CL', None])
    """
    areas = clusters[clusters["population"] >= min_population].sort_index()
    pairs = unit_people[unit_people["cluster_id"].isin(areas.index)]
    main = main_area(pairs, names=("unit_id", "cluster_id"))
    total = unit_population.reindex(main.index).to_numpy(dtype=float)
    enough = main["population"].to_numpy(dtype=float) >= (MIN_UNIT_SHARE - _TOLERANCE) * total
    members = _as_members(main["cluster_id"][enough], unit_population.index)
    largest = main_area(pairs, names=("cluster_id", "unit_id"))["unit_id"].reindex(areas.index)
    names = largest.map(unit_names) if unit_names is not None else pd.Series(None, areas.index, dtype=object)
    held = held_by_units(areas["population"], pairs, area_id="cluster_id")
    result = gpd.GeoDataFrame(
        {
            "name": distinct_names(names.where(held), areas["population"], areas.geometry),
            "n_units": _counted(members, areas.index).astype("Int64").where(held),
        },
        geometry=areas.geometry,
        crs=clusters.crs,
    )
    return Membership(result, members.rename("agglomeration_id"))


def held_by_units(area_population: pd.Series, unit_people: pd.DataFrame, *, area_id: str) -> pd.Series:
    """Tell of which areas the units are known: those half of whose people live in a unit of the layer.

    Elsewhere (beyond the border that the units end at) the number of units is unknown, not 0.

    Parameters
    ----------
    area_population : pandas.Series
        All people of each area by its id.
    unit_people : pandas.DataFrame
        ``area_id`` and ``population``: people of each unit in each area; units do not overlap.
    area_id : str
        Column of the areas' ids.

    Returns
    -------
    pandas.Series
        Of bool, on the index of ``area_population``; False for an area without people.

    Examples
    --------
    >>> pairs = pd.DataFrame({"fua_id": ["F", "F", "G"], "population": [30.0, 30.0, 40.0]})
    >>> held_by_units(pd.Series({"F": 100.0, "G": 100.0, "H": 100.0}), pairs, area_id="fua_id").tolist()
    [True, False, False]
    """
    held = unit_people.groupby(area_id)["population"].sum().reindex(area_population.index, fill_value=0.0)
    return (held > 0) & (held >= (MIN_UNIT_SHARE - _TOLERANCE) * area_population)


def _as_members(area: pd.Series, ids: pd.Index) -> pd.Series:
    found = area.reindex(ids)
    return found.astype(object).where(found.notna(), None)


def _counted(members: pd.Series, ids: pd.Index) -> pd.Series:
    return members.value_counts().reindex(ids, fill_value=0).astype("int64")


def metropolitan_regions(
    regions: gpd.GeoDataFrame,
    region_population: pd.Series,
    region_people: pd.DataFrame,
    fuas: pd.DataFrame,
    *,
    min_fua_population: float = MIN_METROPOLIS,
) -> Membership:
    """Return the metropolitan regions: regional units that stand for large functional urban areas (FUAs).

    Definition: a regional unit is metropolitan if more than half of its people live in FUAs of at
    least ``min_fua_population`` people, in all of them together. It goes with the FUA in which most
    of them live, its principal FUA (of equal ones the one with the smaller id). Regional units with
    the same principal FUA make one metropolitan region, named after it. Units are never chained: two
    that share a smaller part of a third FUA stay apart.

    Parameters
    ----------
    regions : geopandas.GeoDataFrame
        Regional units (NUTS 3, basins, any layer) on their ids.
    region_population : pandas.Series
        All people of each regional unit, by id; NULL unknown.
    region_people : pandas.DataFrame
        ``region_id``, ``fua_id``, ``population``: people of each regional unit in each FUA.
    fuas : pandas.DataFrame
        On the FUA ids: ``population``, perhaps ``name``.
    min_fua_population : float

    Returns
    -------
    Membership
        Areas with ids ``MR_<fua_id>``, ``name``, ``principal_fua_id``, ``n_units`` and the union of
        the regional units; members by regional unit.

    References
    ----------
    Eurostat, Methodological manual on territorial typologies (2018), metropolitan regions. The manual
    also gives an FUA that no region qualifies for the region that holds most of it; this rule does not.

    Examples
    --------
    >>> from shapely import box
    >>> regions = gpd.GeoDataFrame(index=["R", "S"], geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs="EPSG:3035")
    >>> columns = ["region_id", "fua_id", "population"]
    >>> pairs = pd.DataFrame([("R", "F", 260e3), ("S", "F", 50e3)], columns=columns)
    >>> fuas = pd.DataFrame({"name": ["Foo"], "population": [310e3]}, index=["F"])
    >>> found = metropolitan_regions(regions, pd.Series({"R": 300e3, "S": 100e3}), pairs, fuas)
    >>> found.areas[["name", "n_units"]].to_dict("index"), found.members.tolist()
    ({'MR_F': {'name': 'Foo', 'n_units': 1}}, ['MR_F', None])
    """
    large = fuas.index[fuas["population"].astype("Float64").fillna(0.0) >= min_fua_population]
    pairs = region_people[region_people["fua_id"].isin(large)]
    inside = pairs.groupby("region_id")["population"].sum()
    total = region_population.reindex(inside.index).to_numpy(dtype=float)
    qualifies = inside.index[inside.to_numpy(dtype=float) > (0.5 + _TOLERANCE) * total]
    principal = main_area(pairs, names=("region_id", "fua_id"))["fua_id"]
    principal = principal[principal.index.isin(qualifies)]
    members = _as_members("MR_" + principal.astype(str), regions.index)
    fua_ids = sorted(set(principal))
    area_ids = pd.Index([f"MR_{fua}" for fua in fua_ids], dtype=object)
    unions = [shapely.union_all(regions.geometry[members == area].to_numpy()) for area in area_ids]
    names = [fuas.at[fua, "name"] if "name" in fuas else None for fua in fua_ids]
    areas = gpd.GeoDataFrame(
        {"name": names, "principal_fua_id": fua_ids, "n_units": _counted(members, area_ids).to_numpy()},
        index=area_ids,
        geometry=gpd.GeoSeries(unions, index=area_ids, crs=regions.crs),
    )
    return Membership(areas.sort_index(), members.rename("metropolitan_region_id"))


def nest_scales(
    population: Source, areas: Mapping[Scale, gpd.GeoDataFrame], *, compute: Compute | None = None
) -> gpd.GeoDataFrame:
    """Put the areas of all scales in one layer: each with its people, its parent and its parts.

    Definition: the parent of an area is the area of the next larger scale that holds most of its
    people (of equal ones the smaller id); a scale without areas is passed over. All people are counted
    on the same grid by exact coverage, so the people of the parts of an area and of what lies outside
    its parts add up to its own.

    Parameters
    ----------
    population : Source
        People in each cell.
    areas : mapping of str to GeoDataFrame
        By scale (:data:`SCALES`) polygons in the CRS of the grid, on unique ids; ``name`` and
        ``n_units`` where known. Areas of a scale do not overlap.

    Returns
    -------
    geopandas.GeoDataFrame
        ``scale``, ``area_id``, ``parent_id`` (None: nobody of it lives in an area of the next scale),
        ``share_in_parent`` (of its people, 0-1), ``name``, ``population`` (NaN off the grid),
        ``area_km2``, ``n_units``, ``population_in_parts`` and ``population_outside_parts`` (people in
        areas of the next smaller scale, and in none; NaN where there is no such scale),
        ``coverage_share`` (of its area with data) and the geometry; from the largest scale to the
        smallest, by id.

    Raises
    ------
    UsageError
        If a scale is not known or an id stands twice.
    InputError
        If areas of a scale overlap by more than a thousandth of the smaller one; both are named.
    CRSError
        If a layer is not in the CRS of the grid.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import box
    >>> from geo_profiling.raster.grid import Grid; from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 3))
    >>> people = ArraySource(wrap(np.array([[50.0, 30.0, 20.0]]), grid))
    >>> city = gpd.GeoDataFrame(index=["A"], geometry=[box(500, 0, 2000, 1000)], crs=grid.crs)
    >>> fua = gpd.GeoDataFrame(index=["F"], geometry=[box(0, 0, 3000, 1000)], crs=grid.crs)
    >>> layer = nest_scales(people, {"agglomeration": city, "metropolitan_area": fua})
    >>> layer[["area_id", "parent_id", "population", "population_in_parts", "population_outside_parts"]]
      area_id parent_id  population  population_in_parts  population_outside_parts
    0       F      None       100.0                 55.0                      45.0
    1       A         F        55.0                  NaN                       NaN
    """
    unknown = sorted(set(areas) - set(SCALES))
    if unknown:
        raise UsageError(f"unknown scale {unknown[0]!r}", hint=f"scales are {', '.join(SCALES)}")
    present = [scale for scale in SCALES if scale in areas and len(areas[scale])]
    layers = {scale: _measured(population, scale, areas[scale], compute) for scale in present}
    for smaller, larger in pairwise(present):
        _relate(population, layers[smaller], layers[larger], compute)
    if not layers:
        return gpd.GeoDataFrame({name: [] for name in _COLUMNS}, geometry=[], crs=population.grid.crs)
    return pd.concat([layers[scale] for scale in reversed(present)], ignore_index=True)[[*_COLUMNS, "geometry"]]


_COLUMNS = (
    "scale", "area_id", "parent_id", "share_in_parent", "name", "population", "area_km2", "n_units",
    "population_in_parts", "population_outside_parts", "coverage_share",
)  # fmt: skip


def _measured(population: Source, scale: Scale, areas: gpd.GeoDataFrame, compute: Compute | None) -> gpd.GeoDataFrame:
    require_same(parse_crs(areas.crs, what=scale), population.grid.crs, what=f"{scale} and {population.name}")
    if not areas.index.is_unique:
        raise UsageError(f"scale {scale}: area {areas.index[areas.index.duplicated()][0]!r} stands twice")
    areas = areas.sort_index()
    _require_apart(scale, areas)
    found = zonal_statistics(population, areas, stats=["sum", "coverage_share"], compute=compute)
    columns = {
        "scale": scale,
        "area_id": [str(area) for area in areas.index],
        "parent_id": None,
        "share_in_parent": np.nan,
        "name": areas.get("name"),
        "population": found["sum"],
        "area_km2": areas_km2(areas.geometry),
        "n_units": areas["n_units"].astype("Int64") if "n_units" in areas else pd.array([pd.NA] * len(areas), "Int64"),
        "population_in_parts": np.nan,
        "population_outside_parts": np.nan,
        "coverage_share": found["coverage_share"],
    }
    frame = pd.DataFrame(columns, index=areas.index).astype({"parent_id": object, "name": object})
    return gpd.GeoDataFrame(frame, geometry=areas.geometry, crs=areas.crs)


def overlapping_pairs(areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Find areas of a layer that overlap by more than a thousandth of the smaller one.

    Less is taken for borders that were drawn twice: such slivers hold nobody to speak of.

    Parameters
    ----------
    areas : geopandas.GeoDataFrame
        Valid polygons on unique ids, in a projected CRS.

    Returns
    -------
    pandas.DataFrame
        ``one``, ``other`` (ids), ``share_of_smaller`` (0-1); the largest share first, then by ids.

    Examples
    --------
    >>> from shapely import box
    >>> squares = gpd.GeoDataFrame(index=["a", "b"], geometry=[box(0, 0, 2, 2), box(1, 0, 2, 1)], crs="EPSG:3035")
    >>> overlapping_pairs(squares).to_numpy().tolist()
    [['a', 'b', 1.0]]
    """
    shared = common_ground(areas, areas, names=("one", "other"))
    shared = shared[shared["one"].astype(str) < shared["other"].astype(str)]
    smaller = np.minimum(*(areas.geometry.area[shared[name]].to_numpy() for name in ("one", "other")))
    pairs = pd.DataFrame(shared[["one", "other"]]).assign(share_of_smaller=shared.area.to_numpy() / smaller)
    pairs = pairs[pairs["share_of_smaller"] > _SLIVER_SHARE]
    return pairs.sort_values(["share_of_smaller", "one", "other"], ascending=[False, True, True], ignore_index=True)


def _require_apart(scale: Scale, areas: gpd.GeoDataFrame) -> None:
    """Refuse areas that overlap: their people would count twice in their parents."""
    overlaps = overlapping_pairs(areas)
    if len(overlaps):
        one, other = overlaps.loc[0, ["one", "other"]]
        raise InputError(
            f"scale {scale}: areas {one!r} and {other!r} overlap",
            hint="mend the layer that they come from: areas of a scale lie side by side",
        )


def _relate(population: Source, children: gpd.GeoDataFrame, parents: gpd.GeoDataFrame, compute: Compute | None) -> None:
    """Fill in the parents of the smaller areas, and the people of the larger ones in and outside their parts."""
    names = ("child", "parent")
    pairs = people_in_pairs(population, children, parents, names=names, compute=compute)
    main = main_area(pairs, names=names)
    children.loc[main.index, "parent_id"] = parents.loc[main["parent"], "area_id"].to_numpy()
    children.loc[main.index, "share_in_parent"] = main["population"] / children.loc[main.index, "population"]
    parts = pairs.groupby("parent")["population"].sum().reindex(parents.index, fill_value=0.0)
    # Counted on its own ground, not as a difference: the sum shows that nothing is lost or doubled.
    rest = gpd.GeoDataFrame(
        geometry=parents.geometry.difference(shapely.union_all(children.geometry.to_numpy())), crs=parents.crs
    )
    rest = rest[rest.area > 0]
    outside = zonal_statistics(population, rest, stats=["sum"], compute=compute)["sum"].fillna(0.0)
    known = parents["population"].notna()
    parents["population_in_parts"] = parts.where(known)
    parents["population_outside_parts"] = outside.reindex(parents.index, fill_value=0.0).where(known)
