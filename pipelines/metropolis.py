"""The metropolis as a whole: governance across borders, metropolitan scales, change over the years."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.access.grid_times import street_times
from geo_profiling.compute import Compute
from geo_profiling.config.files import UnitsInput
from geo_profiling.config.metropolis import Proximity
from geo_profiling.config.project import RegionSettings
from geo_profiling.delineation.borders import across_borders, units_in_areas
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.epochs import Epoch, UrbanChange, follow_territories, link_epochs
from geo_profiling.delineation.overlap import common_ground, people_in_pairs
from geo_profiling.delineation.proximity import (
    allocated_areas,
    local_centres,
    proximity_areas,
    walking_surface,
)
from geo_profiling.delineation.scales import (
    Membership,
    Scale,
    agglomerations,
    held_by_units,
    metropolitan_regions,
    nest_scales,
)
from geo_profiling.delineation.units import people_in_centres
from geo_profiling.findings import Finding
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.source import Source, grid_of
from geo_profiling.raster.zonal import zonal_statistics
from pipelines.cells import RegionCells, open_cells
from pipelines.declared import fua_tables
from pipelines.delineate import find_centres, in_core
from pipelines.inputs import read_places, read_service
from pipelines.modelled import configured_model, model_areas, region_times
from pipelines.streets import region_network

_log = logging.getLogger("geo_profiling.metropolis")


def run_governance(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Measure how the governance of each functional urban area is split: table ``fua_governance``.

    Parameters
    ----------
    region : RegionSettings
        With functional urban areas, and units.
    directory : Path
        The region's output folder, with the tables of areas, units, centres and clusters.
    compute : Compute
    """
    population = open_cells(region, compute=compute).core_inputs.population
    areas = _table(directory, "functional_urban_areas").set_index("fua_id")
    local = _local_units(directory, population, compute)
    found = _governance(directory, population, areas, local, local.polygons["fua_id"], compute)
    write_parquet(directory / "tables/fua_governance.parquet", found.rename_axis("fua_id").reset_index())


@dataclass(frozen=True)
class _LocalUnits:
    """Local governments on their ids, and the people of each."""

    polygons: gpd.GeoDataFrame
    people: pd.Series


def _governance(
    directory: Path,
    population: Source,
    areas: gpd.GeoDataFrame,
    local: _LocalUnits,
    area_of_unit: pd.Series,
    compute: Compute,
) -> pd.DataFrame:
    """Return the governance figures of areas with ``population`` and ``n_units`` (NULL: no unit layer there)."""
    centres = _table(directory, "urban_centres").set_index("centre_id")
    clusters = _table(directory, "urban_clusters").set_index("cluster_id")
    known = area_of_unit.where(area_of_unit.isin(areas.index[areas["n_units"].notna()]))
    members = pd.DataFrame(
        {"unit_id": local.people.index, "area_id": known.to_numpy(), "population": local.people.to_numpy()}
    )
    found = across_borders(
        members,
        area_population=areas["population"],
        centre_people=people_in_centres(population, local.polygons, centres, compute=compute),
        centre_population=centres["population"],
        urban_people=people_in_pairs(population, areas, clusters, names=("area_id", "cluster_id"), compute=compute),
    )
    found["largest_unit_id"] = found["largest_unit_id"].map(_text)
    found["core_unit_id"] = found["core_unit_id"].map(_text)
    return found.drop(columns=["n_units", "population"])


def _text(value: object) -> str | None:
    if pd.isna(value):  # type: ignore[call-overload]
        return None
    # Whole numbers that a file keeps as floats read as the codes they are.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _table(directory: Path, name: str) -> gpd.GeoDataFrame:
    return gpd.read_parquet(directory / f"tables/{name}.parquet")


# --- metropolitan scales -------------------------------------------------------------------------


def run_scales(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Lay out the metropolitan scales: tables ``metropolitan_scales`` and ``services_in_reach``.

    Parameters
    ----------
    region : RegionSettings
        With ``delineation.scales``.
    directory : Path
        The region's output folder, with the tables of units, clusters and areas.
    compute : Compute

    Raises
    ------
    InputError
        If a layer is refused, or areas of one scale overlap.
    """
    rules = region.delineation.scales
    assert rules is not None  # only asked for where it is configured
    cells = open_cells(region, compute=compute).core_inputs
    population = cells.population
    areas: dict[Scale, gpd.GeoDataFrame] = {}
    services = pd.DataFrame({"area_id": [], "service": [], "n_places": pd.array([], "int64")})
    if rules.proximity is not None:
        areas["proximity"], services = _proximity(region, cells, rules.proximity, compute)
    clusters = _table(directory, "urban_clusters").set_index("cluster_id")
    names = None
    unit_people = pd.DataFrame({"unit_id": [], "cluster_id": [], "population": []})
    unit_population = pd.Series(dtype=float)
    if region.inputs.units is not None:
        units = _table(directory, "units").set_index("unit_id")
        unit_population = units["population"]
        names = units.get("name")
        unit_people = pd.read_parquet(directory / "tables/people_in_clusters.parquet")
    areas["agglomeration"] = agglomerations(
        clusters, unit_people, unit_population, unit_names=names, min_population=rules.agglomeration_min_population
    ).areas
    governed: dict[Scale, pd.DataFrame] = {"agglomeration": areas["agglomeration"][["n_units"]]}
    if region.delineation.functional_urban_areas is not None:
        fuas = _table(directory, "functional_urban_areas").set_index("fua_id")
        areas["metropolitan_area"] = fuas
        local = None
        if "fua_units" in fua_tables(region):
            local = _local_units(directory, population, compute)
            figures = pd.read_parquet(directory / "tables/fua_governance.parquet").set_index("fua_id")
            governed["metropolitan_area"] = fuas[["n_units"]].join(figures)
        if region.inputs.regions is not None:
            found = _regions(region, population, fuas, rules.region_min_fua_population, compute)
            areas["metropolitan_region"] = found.membership.areas
            if local is not None:
                governed["metropolitan_region"] = _regions_governance(directory, population, found, local, compute)
    layer = _with_governance(nest_scales(population, areas, compute=compute), governed)
    write_parquet(directory / "tables/metropolitan_scales.parquet", layer)
    if region.inputs.services:
        write_parquet(directory / "tables/services_in_reach.parquet", services)


def _with_governance(layer: gpd.GeoDataFrame, governed: dict[Scale, pd.DataFrame]) -> gpd.GeoDataFrame:
    """Add to each area its local units and how its governance is split, unknown where it is not told."""
    told = [
        frame.rename(columns={"n_units": "n_local_units"}).rename_axis("area_id").reset_index().assign(scale=scale)
        for scale, frame in governed.items()
    ]
    figures = pd.concat(told, ignore_index=True).astype({"area_id": str, "n_local_units": "Int64"})
    if "meets_metropolis_criterion" in figures:
        figures["meets_metropolis_criterion"] = figures["meets_metropolis_criterion"].astype("boolean")
    return layer.merge(figures, on=["scale", "area_id"], how="left", validate="one_to_one")


def _local_units(directory: Path, population: Source, compute: Compute) -> _LocalUnits:
    """Return the units that functional urban areas are made of, or counted in."""
    units = _table(directory, "fua_units").set_index("unit_id").to_crs(population.grid.crs)
    return _LocalUnits(units, zonal_statistics(population, units, stats=["sum"], compute=compute)["sum"])


def _proximity(
    region: RegionSettings, cells: CellInputs, rules: Proximity, compute: Compute
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    grid = cells.grid
    share = None
    if cells.land is not None:
        cell_area_m2 = grid.cell_area_km2 * 1e6 if cells.land_unit == "m2" else 1.0
        share = np.clip(cells.land.read(grid.window) / cell_area_m2, 0.0, 1.0)
    declared = region.inputs.local_centres
    if declared is None:
        centres = local_centres(
            cells.population,
            radius_m=rules.centre_radius_m,
            min_population=rules.centre_min_population,
            compute=compute,
        )
    else:
        centres = _layer(region, "local_centres", declared, grid.crs)
    services = {}
    for name in region.inputs.services:
        # What is wrong with it was told with all inputs.
        layer, _ = read_service(region, name)
        services[name] = layer.to_crs(grid.crs)
    surface = walking_surface(grid, land_share=share, cell_size_m=rules.cell_size_m)
    network = region_network(region, grid)
    if network is None:
        found = proximity_areas(
            cells.population, surface, centres, minutes=rules.walking_minutes, services=services, compute=compute
        )
    else:
        _tell(network.findings)
        land = np.isfinite(np.asarray(surface))
        times = street_times(network, centres, grid_of(surface), minutes=rules.walking_minutes, passable=land)
        found = allocated_areas(cells.population, times.source, centres, services=services, compute=compute)
    _tell(found.findings)
    return found.areas, found.services


@dataclass(frozen=True)
class _Regions:
    """Regional units on their ids, and the metropolitan regions that they make."""

    units: gpd.GeoDataFrame
    membership: Membership


def _regions(
    region: RegionSettings, population: Source, fuas: gpd.GeoDataFrame, min_population: float, compute: Compute
) -> _Regions:
    declared = region.inputs.regions
    assert declared is not None  # checked by the caller
    layer = _layer(region, "regions", declared, population.grid.crs)
    people = zonal_statistics(population, layer, stats=["sum"], compute=compute)["sum"]
    pairs = people_in_pairs(population, layer, fuas, names=("region_id", "fua_id"), compute=compute)
    found = metropolitan_regions(layer, people, pairs, pd.DataFrame(fuas), min_fua_population=min_population)
    return _Regions(layer, found)


def _regions_governance(
    directory: Path, population: Source, regions: _Regions, local: _LocalUnits, compute: Compute
) -> pd.DataFrame:
    """Return the local units of each metropolitan region, and how its governance is split among them.

    A unit goes with the regional unit in which most of its people live, and with it into its region.
    """
    names = ("unit_id", "region_id")
    pairs = people_in_pairs(population, local.polygons, regions.units, names=names, compute=compute)
    ground = common_ground(local.polygons, regions.units, names=names)
    shared = pd.DataFrame(ground[list(names)]).assign(area=ground.area)
    area_of_unit = units_in_areas(local.people, pairs, shared, names=names).map(regions.membership.members)
    areas = regions.membership.areas.copy()
    areas["population"] = zonal_statistics(population, areas, stats=["sum"], compute=compute)["sum"]
    inside = pairs.assign(area_id=pairs["region_id"].map(regions.membership.members)).dropna(subset=["area_id"])
    counted = area_of_unit.value_counts().reindex(areas.index, fill_value=0).astype("Int64")
    areas["n_units"] = counted.where(held_by_units(areas["population"], inside, area_id="area_id"))
    return areas[["n_units"]].join(_governance(directory, population, areas, local, area_of_unit, compute))


def _layer(region: RegionSettings, key: str, declared: UnitsInput, crs: Any) -> gpd.GeoDataFrame:
    """Read a layer on its ids, in a CRS, with ``name`` where there is one."""
    layer, _ = read_places(region, key, declared)
    fields = {"name": layer[declared.name_field].to_numpy()} if declared.name_field else {}
    index = pd.Index(layer[declared.id_field].to_numpy(), name=declared.id_field)
    return gpd.GeoDataFrame(fields, index=index, geometry=layer.to_crs(crs).geometry.array, crs=crs).sort_index()


# --- change over the years -----------------------------------------------------------------------


def run_change(region: RegionSettings, directory: Path, memory_limit: int | None, compute: Compute) -> None:
    """Link urban centres and functional urban areas over the years: ``urban_change``, ``urban_projections``.

    Modelled areas are found again for every year. Areas from flows are those of the year of the flows;
    they are followed as fixed territories, of which only the people change.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.epochs``.
    directory : Path
        The region's output folder, with the functional urban areas where they come from flows.
    memory_limit : int or None
        Bytes this process may hold; never changes a result.
    compute : Compute

    Raises
    ------
    UsageError
        If the year to project to does not come after the last epoch.
    InputError
        If a grid is refused.
    """
    inputs, rules = region.inputs, region.delineation.functional_urban_areas
    years = inputs.years
    own = [inputs, *(inputs.model_copy(update=_of_epoch(epoch)) for epoch in inputs.epochs)]
    centres, areas, grids = [], [], {}
    for year, year_inputs in sorted(zip(years, own, strict=True), key=lambda pair: pair[0]):
        year_region = replace(region, inputs=year_inputs)
        cells = open_cells(year_region, compute=compute)
        layer = find_centres(year_region, cells, memory_limit=memory_limit, compute=compute)
        population = grids[year] = cells.core_inputs.population
        centres.append(Epoch(year, in_core(layer, cells).set_index("centre_id"), population))
        if rules is not None and rules.method == "model":
            areas.append(Epoch(year, _modelled(year_region, cells, layer, compute), population))
    found = [_linked("urban_centre", centres, region, compute)]
    if areas:
        found.append(_linked("functional_urban_area", areas, region, compute))
    elif rules is not None:
        found.append(_followed(directory, grids, region, compute))
    tables = {"urban_change": [change.links for change in found]}
    if region.delineation.epochs.project_to is not None:
        tables["urban_projections"] = [change.projections for change in found]
    for name, parts in tables.items():
        write_parquet(directory / f"tables/{name}.parquet", pd.concat(parts, ignore_index=True))


def _of_epoch(epoch: Any) -> dict[str, Any]:
    return {"population": epoch.population, "built_up": epoch.built_up}


def _modelled(region: RegionSettings, cells: RegionCells, centres: gpd.GeoDataFrame, compute: Compute) -> Any:
    times = region_times(region, cells, centres, compute=compute)
    rules = region.delineation.functional_urban_areas
    assert rules is not None  # only asked for where it is configured
    return in_core(model_areas(times, configured_model(region), join=rules.join).layer, cells).set_index("fua_id")


def _linked(area_type: str, epochs: list[Epoch], region: RegionSettings, compute: Compute) -> UrbanChange:
    rules = region.delineation.epochs
    change = link_epochs(
        epochs,
        project_to=rules.project_to,
        weight=rules.weight,
        min_overlap=rules.min_overlap,
        rate_band_pct=rules.rate_band_pct,
        compute=compute,
    )
    return _marked(change, area_type, "of each year")


def _followed(directory: Path, grids: Mapping[int, Source], region: RegionSettings, compute: Compute) -> UrbanChange:
    rules = region.delineation.epochs
    areas = _table(directory, "functional_urban_areas").set_index("fua_id")
    change = follow_territories(
        areas, grids, project_to=rules.project_to, rate_band_pct=rules.rate_band_pct, compute=compute
    )
    return _marked(change, "functional_urban_area", "fixed")


def _marked(change: UrbanChange, area_type: str, territory: str) -> UrbanChange:
    marks = {"area_type": area_type, "territory": territory}
    return UrbanChange(change.links.assign(**marks), change.projections.assign(**marks))


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})
