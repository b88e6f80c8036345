"""Indicators of places: people of each area by stratum, access, open space, land use, exposure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geo_profiling.access.network import StreetNetwork
from geo_profiling.access.service_area import join_areas, people_in_reach
from geo_profiling.access.stops import REACH_M
from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.indicators.comparisons import CORE, ZONE
from geo_profiling.indicators.land_use import land_consumption_by_epoch
from geo_profiling.indicators.publication import indicator_table
from geo_profiling.indicators.spatial import (
    OPEN_SPACE_M,
    access_estimates,
    exposure_estimates,
    open_space_estimates,
    open_space_share,
)
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics
from pipelines.cells import open_cells
from pipelines.households import PLACES, place_polygons
from pipelines.inputs import read_open_spaces
from pipelines.people import people_grid
from pipelines.streets import region_network, walking_area
from pipelines.transit import read_stops

#: Kinds of areas whose open space is measured.
_OPEN_SPACE_OF = ("urban_centre", "unit", "settlement")
#: Layers of areas, and the strata that split people: a layer, and the codes inside and outside it.
_STRATA = {"is_slum_area": ("settlements", "1", "0"), "urbanisation": ("urban_clusters", "U", "R")}


def region_areas(region: RegionSettings, directory: Path) -> dict[str, gpd.GeoDataFrame]:
    """Return the areas of a region by kind: polygons on their ids as text, with ``name`` where there is one.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder, with the tables of other steps.
    """
    found: dict[str, gpd.GeoDataFrame] = {}
    for layer, (id_field, kind) in PLACES.items():
        declared = getattr(region.inputs, layer, None)
        if (directory / f"tables/{layer}.parquet").is_file() or declared is not None:
            found[kind] = _by_id(place_polygons(region, directory, layer), id_field)
    scales = directory / "tables/metropolitan_scales.parquet"
    if scales.is_file():
        for scale, part in gpd.read_parquet(scales).groupby("scale"):
            found[str(scale)] = _by_id(part, "area_id")
    return found | _core_and_zone(directory)


def _core_and_zone(directory: Path) -> dict[str, gpd.GeoDataFrame]:
    """Return the ground of the core and of the commuting zone of each functional urban area made of flows."""
    path = directory / "tables/fua_units.parquet"
    units = gpd.read_parquet(path) if path.is_file() else None
    if units is None or "city_id" not in units.columns:
        return {}
    units = units[units["fua_id"].notna()]
    in_core = units["city_id"].notna()
    parts = {kind: units.loc[chosen, ["fua_id", "geometry"]] for kind, chosen in ((CORE, in_core), (ZONE, ~in_core))}
    return {kind: _by_id(part.dissolve("fua_id").reset_index(), "fua_id") for kind, part in parts.items() if len(part)}


def people_of_areas(region: RegionSettings, directory: Path, compute: Compute) -> dict[str, pd.Series]:
    """Count the people of settlements and units on the population grid, by kind and id; nothing without a grid."""
    if region.inputs.population is None:
        return {}
    population = open_cells(region, compute=compute).core_inputs.population
    areas = region_areas(region, directory)
    return {
        kind: _sums(population, areas[kind].to_crs(population.grid.crs), compute)
        for kind in ("settlement", "unit")
        if kind in areas
    }


def _by_id(layer: gpd.GeoDataFrame, id_field: str) -> gpd.GeoDataFrame:
    ids = layer[id_field].map(str).to_numpy()
    names = {"name": layer["name"].to_numpy()} if "name" in layer.columns else {}
    return gpd.GeoDataFrame(names, index=pd.Index(ids, name="area_id"), geometry=layer.geometry.array, crs=layer.crs)


def people_by_stratum(
    region: RegionSettings, directory: Path, strata: str, compute: Compute, *, sampled_units: Collection[str] = ()
) -> pd.DataFrame | None:
    """Count the people of each area inside and outside a stratum, on the population grid.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
    strata : {"is_slum_area", "urbanisation"}
        Slums are the polygons of the settlements, urban ground that of the urban clusters.
    compute : Compute
    sampled_units : collection of str
        Units in which households were asked: people outside all of them are in no stratum, for nobody of them
        could be drawn. Without any the survey is taken to be of everybody.

    Returns
    -------
    DataFrame or None
        ``area_type``, ``area_id``, ``stratum``, ``population``; the rest of each urban centre outside
        settlements as ``rest_of_city``. With a range of the people of settlements configured also
        ``population_low`` and ``population_high``. None without a population grid or the layer.
    """
    layer, inside, outside = _STRATA[strata]
    is_there = (directory / f"tables/{layer}.parquet").is_file() or getattr(region.inputs, layer, None) is not None
    if region.inputs.population is None or not is_there:
        return None
    population = open_cells(region, compute=compute).core_inputs.population
    if layer in PLACES:
        ground = place_polygons(region, directory, layer)
    else:
        ground = gpd.read_parquet(directory / f"tables/{layer}.parquet")
    united = shapely.union_all(np.asarray(ground.to_crs(population.grid.crs).geometry.array, dtype=object))
    every = region_areas(region, directory)
    frame = _survey_frame(every, sampled_units, population.grid.crs)
    parts = []
    for kind, areas in every.items():
        polygons = areas.to_crs(population.grid.crs)
        everyone = _sums(population, polygons, compute)
        covered = everyone if frame is None else _sums(population, _clipped(polygons, frame), compute)
        ground_here = united if frame is None else shapely.intersection(united, frame)
        within = _sums(population, _clipped(polygons, ground_here), compute)
        rest = (covered - within).clip(lower=0.0)
        counts = {inside: within, outside: rest, "": (everyone - covered).clip(lower=0.0)}
        parts += [_stratum_rows(kind, stratum, people) for stratum, people in counts.items()]
        if kind == "urban_centre" and strata == "is_slum_area":
            parts += [_stratum_rows("rest_of_city", outside, rest), _stratum_rows("rest_of_city", inside, rest * 0)]
    found = pd.concat(parts, ignore_index=True)
    told = population_range(region)
    if told is not None and strata == "is_slum_area":
        for end, factor in zip(("low", "high"), told, strict=True):
            found[f"population_{end}"] = found["population"] * np.where(found["stratum"] == inside, factor, 1.0)
    return found


def population_range(region: RegionSettings) -> tuple[float, float] | None:
    """Return how many people settlements have at least and at most for one in the grid; None where not configured."""
    told = None if region.exposure is None else region.exposure.settlement_population
    return None if told is None else (told.low, told.high)


def _survey_frame(
    areas: Mapping[str, gpd.GeoDataFrame], sampled_units: Collection[str], crs: CRS
) -> shapely.Geometry | None:
    """Return the ground that the survey was drawn from; None where that is not known."""
    units = areas.get("unit")
    if units is None or not len(sampled_units):
        return None
    chosen = units[units.index.isin(list(sampled_units))].to_crs(crs)
    return shapely.union_all(np.asarray(chosen.geometry.array, dtype=object)) if len(chosen) else None


def _clipped(polygons: gpd.GeoDataFrame, ground: shapely.Geometry) -> gpd.GeoDataFrame:
    shared = shapely.intersection(np.asarray(polygons.geometry.array, dtype=object), ground)
    return gpd.GeoDataFrame(index=polygons.index, geometry=shared, crs=polygons.crs)


def _sums(population: Source, polygons: gpd.GeoDataFrame, compute: Compute) -> pd.Series:
    """Return the people in each polygon; 0 where nothing is left of one."""
    parts = [shapely.get_parts(shape) for shape in np.asarray(polygons.geometry.array, dtype=object)]
    shapes = [shapely.union_all([part for part in own if isinstance(part, shapely.Polygon)]) for own in parts]
    areal = gpd.GeoDataFrame(index=polygons.index, geometry=shapes, crs=polygons.crs)
    some = ~areal.geometry.is_empty
    result = pd.Series(0.0, index=polygons.index)
    if some.any():
        sums = zonal_statistics(population, areal[some], stats=["sum"], compute=compute)["sum"].fillna(0.0)
        result[some] = sums.to_numpy()
    return result


def _stratum_rows(kind: str, stratum: str, people: pd.Series) -> pd.DataFrame:
    ids = people.index.to_numpy()
    return pd.DataFrame({"area_type": kind, "area_id": ids, "stratum": stratum, "population": people.to_numpy()})


def place_records(region: RegionSettings, directory: Path, compute: Compute) -> list[pd.DataFrame]:
    """Return the indicators of places that the inputs allow, as rows of the ``indicators`` table.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder, with the tables of other steps.
    compute : Compute
    """
    rules = region.indicators
    assert rules is not None  # only asked for where it is configured
    found = []
    if region.inputs.population is not None:
        year = str(region.inputs.population.year)
        areas = region_areas(region, directory)
        population = open_cells(region, compute=compute).core_inputs.population
        fine = None if region.inputs.population_fine is None else people_grid(region)
        grids = [population] if fine is None else [fine, population]
        found += [_published(rows, year) for rows in _access(region, areas, grids, compute)]
        found += list(_land(region, areas, compute))
        exposure = directory / "tables/hazard_exposure.parquet"
        if exposure.is_file():
            table = pd.read_parquet(exposure)
            # Hazards that are no events, such as slopes and risk classes, have no return period.
            if ((table["asset"] == "population") & table["return_period"].notna()).any():
                found.append(_published(exposure_estimates(table, bands=rules.hazard_bands), year))
    return found


def _published(rows: pd.DataFrame, year: str) -> pd.DataFrame:
    blank = dict.fromkeys(("se", "lower", "upper"), np.nan)
    return indicator_table(rows.assign(**blank, obs_status="A"), time_period=year)


def _access(
    region: RegionSettings, areas: dict[str, gpd.GeoDataFrame], grids: Sequence[Source], compute: Compute
) -> Iterator[pd.DataFrame]:
    """Yield 11.2.1 and 11.7.1 of every kind of area."""
    grid = grids[-1].grid
    network = region_network(region, grid)
    stops = read_stops(region)
    if stops is not None:
        by_capacity = {
            capacity: part for capacity in REACH_M if len(part := stops.places[stops.places["capacity"] == capacity])
        }
        reach = [walking_area(network, part, REACH_M[capacity]) for capacity, part in by_capacity.items()]
        metres = [REACH_M[capacity] for capacity in by_capacity]
        served = {kind: _where_told(polygons, stops.places) for kind, polygons in areas.items()}
        yield from _reached("public_transport_access", join_areas(reach), metres, served, grids, compute)
    read = read_open_spaces(region)
    if read is not None:
        _, spaces = read
        ground = walking_area(network, spaces, OPEN_SPACE_M)
        yield from _reached("open_space_access", join_areas([ground]), [OPEN_SPACE_M], areas, grids, compute)
        yield from _open_space(network, areas, spaces, grid)


def _reached(
    indicator: str,
    ground: gpd.GeoDataFrame,
    within_m: list[float],
    areas: dict[str, gpd.GeoDataFrame],
    grids: Sequence[Source],
    compute: Compute,
) -> Iterator[pd.DataFrame]:
    distance = str(ground["distance"].iloc[0])
    for kind, polygons in areas.items():
        if polygons.empty:
            continue
        population = next((grid for grid in grids if _covers(grid, polygons)), grids[-1])
        reach = people_in_reach(population, polygons.to_crs(population.grid.crs), ground, compute=compute)
        yield access_estimates(reach, indicator=indicator, area_type=kind, distance=distance, within_m=within_m)


def _covers(population: Source, polygons: gpd.GeoDataFrame) -> bool:
    """Tell whether a grid reaches over all of the polygons: the finest that does counts their people."""
    left, bottom, right, top = population.grid.bounds
    ground = shapely.box(left, bottom, right, top)
    return bool(polygons.to_crs(population.grid.crs).geometry.within(ground).all())


def _where_told(polygons: gpd.GeoDataFrame, stops: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the areas that the stops reach around: a feed of one city says nothing of another."""
    hull = shapely.convex_hull(shapely.union_all(np.asarray(stops.to_crs(polygons.crs).geometry.array, dtype=object)))
    return polygons[polygons.intersects(hull)]


def _open_space(
    network: StreetNetwork | None, areas: dict[str, gpd.GeoDataFrame], spaces: gpd.GeoDataFrame, grid: Grid
) -> Iterator[pd.DataFrame]:
    crs = grid.crs if network is None else network.crs
    streets = None if network is None else gpd.GeoSeries(network.lines, crs=crs)
    placed = {kind: areas[kind].to_crs(crs).geometry for kind in _OPEN_SPACE_OF if kind in areas}
    if not placed:
        return
    # All at once: the ground of streets is put together only once.
    shares = open_space_share(pd.concat(placed), spaces.to_crs(crs).geometry, streets, name="open spaces")
    for kind in placed:
        yield open_space_estimates(shares.loc[[kind]].droplevel(0), area_type=kind, with_streets=streets is not None)


def _land(region: RegionSettings, areas: dict[str, gpd.GeoDataFrame], compute: Compute) -> Iterator[pd.DataFrame]:
    """Yield 11.3.1 of every kind of area: built-up land and people of all years inside the same boundary."""
    inputs = region.inputs
    if not inputs.epochs or inputs.built_up is None:
        return
    years = [inputs.model_copy(update={"epochs": []})]
    years += [inputs.model_copy(update={"population": e.population, "built_up": e.built_up}) for e in inputs.epochs]
    for kind, polygons in areas.items():
        parts = []
        for own in years:
            assert own.population is not None  # the region's own grid is there, and every epoch has one
            cells = open_cells(replace(region, inputs=own), compute=compute).core_inputs
            assert cells.built_up is not None  # epochs give it where the region does
            placed = polygons.to_crs(cells.population.grid.crs)
            cell_km2 = abs(cells.built_up.grid.transform.a * cells.built_up.grid.transform.e) / 1e6
            scale = 1e-6 if cells.built_up_unit == "m2" else cell_km2
            built = zonal_statistics(cells.built_up, placed, stats=["sum"], compute=compute)["sum"] * scale
            people = zonal_statistics(cells.population, placed, stats=["sum"], compute=compute)["sum"]
            year = own.population.year
            parts.append(
                pd.DataFrame(
                    {"area_id": polygons.index, "year": year, "built_up_km2": built.to_numpy(),
                     "population": people.to_numpy()}
                )
            )  # fmt: skip
        found = land_consumption_by_epoch(pd.concat(parts, ignore_index=True))
        for (start, end), part in found.groupby(["from_year", "to_year"]):
            rows = part.assign(area_type=kind, indicator="land_consumption_ratio", breakdown="period", nature="E",
                               category=f"{start}-{end}", estimate=part["ratio"])  # fmt: skip
            rows["components_used"] = rows["note"].where(rows["note"] != "", "same boundary")
            rows["obs_status"] = "A"
            blank = dict.fromkeys(("se", "lower", "upper"), np.nan)
            yield indicator_table(rows.assign(**blank), time_period=str(end))
