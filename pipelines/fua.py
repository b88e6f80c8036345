"""Functional urban areas from commuting flows, from files to a GeoPackage."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.delineation.cities import cities_from_centres, cities_without_centre
from geo_profiling.delineation.commuting import (
    CITY_COLUMNS,
    EMPLOYED_COLUMNS,
    FLOW_COLUMNS,
    city_units,
    commuting_flows,
    exact_threshold,
)
from geo_profiling.delineation.fua import THRESHOLD, FuaDelineation, delineate_fuas, fua_areas
from geo_profiling.delineation.units import people_in_centres
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.vector.areas import areas_km2
from geo_profiling.vector.contiguity import Contiguity, rook_contiguity
from geo_profiling.vector.coverage import coverage_findings
from geo_profiling.vector.read import read_layer, read_table
from pipelines.cells import open_cells, units_on_grid
from pipelines.inputs import read_commuting, read_units, region_of_flows

_log = logging.getLogger("geo_profiling.fua")

_NAME, _POPULATION, _CITY_NAME = "name", "population", "city_name"


@dataclass(frozen=True)
class CommutingTables:
    """The tables of commuting as they were read, all text, with their columns and what messages call them.

    Attributes
    ----------
    flows, employed : pandas.DataFrame
    flow_columns, employed_columns : sequence of str
        As :func:`geo_profiling.delineation.commuting.commuting_flows` takes them.
    names : tuple of str
        Of the two.
    """

    flows: pd.DataFrame
    employed: pd.DataFrame
    flow_columns: Sequence[str]
    employed_columns: Sequence[str]
    names: tuple[str, str]


def fua_command(
    units: Path,
    output: Path,
    *,
    unit_id: str,
    flows: Path,
    employed: Path,
    cities: Path,
    threshold: Fraction = THRESHOLD,
    flow_columns: Sequence[str] = FLOW_COLUMNS,
    employed_columns: Sequence[str] = EMPLOYED_COLUMNS,
    city_columns: Sequence[str] = CITY_COLUMNS,
) -> None:
    """Delineate functional urban areas and write them with the units.

    Parameters are those of the command ``geo-profiling fua``. Population comes from a field
    ``population`` of the units, else from a column of that name of the cities (unknown for units
    without one). An area is called after its main city: by the cities' column ``city_name``, else by the
    units' field ``name`` of the city's unit with the most people.

    Raises
    ------
    UsageError
        If the output is no ``.gpkg`` or one of the inputs.
    InputError
        If a file is refused, or the tables and units do not fit together.
    """
    _check_output(output, [units, flows, employed, cities])
    layer, findings = read_layer(units, id_field=unit_id, kinds={"polygon"})
    _tell(findings)
    tables = CommutingTables(
        read_table(flows, columns=flow_columns),
        read_table(employed, columns=employed_columns),
        flow_columns,
        employed_columns,
        (flows.name, employed.name),
    )
    listed = read_table(cities)
    described = _described(layer, unit_id, listed, city_columns, cities.name)
    ids = pd.Index(described["unit_id"])
    city, findings = city_units(listed, ids, columns=city_columns, name=cities.name)
    _tell(findings)
    names = _largest_units(described.set_index("unit_id"), city) | _city_names(listed, city_columns[1])
    contiguity = _contiguity(described, units.name)
    areas, explained, candidates = delineate(
        described, contiguity, tables, city, threshold=threshold, city_names=names, name=units.name
    )
    run_info = {
        "method": "EU-OECD functional urban areas from commuting flows (Dijkstra, Poelman, Veneri 2019)",
        "threshold": str(float(threshold)),
        **{"units": units.name, "flows": flows.name, "employed_residents": employed.name, "cities": cities.name},
    }
    layers = {
        "functional_urban_areas": areas,
        "units": described.merge(explained, on="unit_id", validate="one_to_one"),
        "fua_candidates": candidates,
    }
    write_geopackage(output, layers, run_info=run_info, title="Functional urban areas")


def run_fua(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Delineate a region's functional urban areas from its commuting flows.

    Reads the table ``urban_centres``; writes, as Parquet, ``functional_urban_areas`` (polygons),
    ``fua_units`` (the units of the flows with people, area, city, area and why; polygons) and
    ``fua_candidates``. Cities are those of the configured list, else units with half of their people
    in urban centres; an area is called after the unit of its main city with the most people.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.commuting`` and ``delineation.functional_urban_areas``.
    directory : Path
        The region's output folder.
    compute : Compute
        Where people are counted.

    Raises
    ------
    InputError
        If a file is refused, or the tables and units do not fit together.
    """
    commuting, rules = region.inputs.commuting, region.delineation.functional_urban_areas
    assert commuting is not None  # only asked for where both are configured
    assert rules is not None
    region = region_of_flows(region)
    centres = gpd.read_parquet(directory / "tables/urban_centres.parquet").set_index("centre_id")
    cells = open_cells(region, compute=compute).core_inputs
    units = units_on_grid(region, cells.grid.crs)
    units["population"] = zonal_statistics(cells.population, units, stats=["sum"], compute=compute)["sum"]
    units["area_km2"] = areas_km2(units.geometry)
    by_id = units.set_index("unit_id")
    people = people_in_centres(cells.population, by_id, centres, compute=compute)
    if commuting.cities is None:
        city, findings = cities_from_centres(people, by_id["population"], centre_population=centres["population"])
    else:
        listed, label = read_commuting(region, "cities")
        city, _ = city_units(listed, by_id.index, columns=commuting.cities.columns, name=label)
        findings = cities_without_centre(city, people)
    _tell(findings)
    flows, flows_name = read_commuting(region, "flows")
    employed, employed_name = read_commuting(region, "employed_residents")
    columns = commuting.flows.columns, commuting.employed_residents.columns
    areas, explained, candidates = delineate(
        units,
        rook_contiguity(_as_they_came(region, units).set_index("unit_id").geometry),
        CommutingTables(flows, employed, *columns, (flows_name, employed_name)),
        city,
        threshold=exact_threshold(rules.threshold),
        city_names=_largest_units(by_id, city),
        is_checked=True,
    )
    described = units.merge(explained, on="unit_id", validate="one_to_one")
    areas = _on_own_ground(areas, described, cells.population, compute)
    write_parquet(directory / "tables/functional_urban_areas.parquet", areas)
    write_parquet(directory / "tables/fua_units.parquet", described)
    write_parquet(directory / "tables/fua_candidates.parquet", candidates)


def _on_own_ground(
    areas: gpd.GeoDataFrame, units: gpd.GeoDataFrame, population: Source, compute: Compute
) -> gpd.GeoDataFrame:
    """Count the people of each area on its ground as a whole: those on ground of two units that overlap once."""
    by_id = areas.set_index("fua_id")
    found = zonal_statistics(population, by_id, stats=["sum", "coverage_share"], compute=compute)
    of_cities = units[units["city_id"].notna() & units["fua_id"].notna()]
    cities = gpd.GeoDataFrame(geometry=of_cities.geometry.groupby(of_cities["fua_id"]).agg(_union), crs=units.crs)
    in_city = zonal_statistics(population, cities, stats=["sum"], compute=compute)["sum"].reindex(by_id.index)
    # The unknown people of a unit stay unknown; a city without zone has nobody there, to the last digit.
    total = found["sum"].where(by_id["population"].notna())
    city = in_city.where(by_id["city_population"].notna()).clip(upper=total)
    zone = (total - city).where(by_id["n_units"] > by_id["n_city_units"], total * 0.0)
    people = {"population": total, "city_population": city, "commuting_zone_population": zone}
    measured = by_id.assign(**people)
    measured.insert(measured.columns.get_loc("area_km2") + 1, "coverage_share", found["coverage_share"])
    return measured.reset_index()


def _union(polygons: gpd.GeoSeries) -> BaseGeometry:
    return shapely.union_all(polygons.to_numpy())


def delineate(
    units: gpd.GeoDataFrame,
    contiguity: Contiguity,
    tables: CommutingTables,
    city: pd.Series,
    *,
    threshold: Fraction = THRESHOLD,
    city_names: Mapping[str, str] | None = None,
    name: str = "units",
    is_checked: bool = False,
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Delineate functional urban areas of units that were read, and log what was found.

    Parameters
    ----------
    units : geopandas.GeoDataFrame
        ``unit_id``, ``population``, ``area_km2``; in any CRS.
    contiguity : Contiguity
        Of the units, in their order.
    tables : CommutingTables
    city : pandas.Series
        City id by unit id, None outside cities.
    threshold : fractions.Fraction
    city_names : mapping of str to str, optional
        By city id.
    name : str
        What messages call the units.
    is_checked : bool
        Whether what is doubtful in the tables was told already.

    Returns
    -------
    areas : geopandas.GeoDataFrame
        Layer ``functional_urban_areas``.
    explained : pandas.DataFrame
        ``unit_id`` and the columns of :class:`geo_profiling.delineation.fua.FuaDelineation` ``units``.
    candidates : pandas.DataFrame
        Table ``fua_candidates``.
    """
    indexed = units.set_index("unit_id")
    commuting, findings = commuting_flows(
        tables.flows,
        tables.employed,
        indexed.index,
        flow_columns=tables.flow_columns,
        employed_columns=tables.employed_columns,
        names=tables.names,
    )
    if not is_checked:
        _tell(findings)
    found = delineate_fuas(commuting, city, contiguity, threshold=threshold)
    _tell(_dropped(found, name))
    areas = fua_areas(indexed, found, city_names=city_names)
    return areas, found.units.rename_axis("unit_id").reset_index(), found.candidates


def _contiguity(units: gpd.GeoDataFrame, name: str) -> Contiguity:
    polygons = units.set_index("unit_id").geometry
    contiguity = rook_contiguity(polygons)
    _tell(coverage_findings(polygons, contiguity, name=name))
    return contiguity


def _as_they_came(region: RegionSettings, units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the units' polygons in their own CRS, where straight borders are straight, in the order of ``units``."""
    read, declared = read_units(region), region.inputs.units
    assert read is not None  # flows need units
    assert declared is not None
    layer = read[0].set_index(declared.id_field).loc[units["unit_id"].tolist()]
    return gpd.GeoDataFrame({"unit_id": layer.index}, geometry=layer.geometry.array, crs=layer.crs)


def _largest_units(units: gpd.GeoDataFrame, city: pd.Series) -> dict[str, str]:
    """Return by city the name of its unit with the most people, of equal ones the first."""
    if _NAME not in units:
        return {}
    named = pd.DataFrame({"city": city, "name": units[_NAME], "people": units[_POPULATION]}).dropna()
    largest = named.sort_values("people", ascending=False, kind="stable").drop_duplicates("city")
    return dict(zip(largest["city"], largest["name"].astype(str), strict=True))


def _check_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.suffix.lower() != ".gpkg":
        raise UsageError(f"{output}: the format '{output.suffix}' is not known", hint="write to a .gpkg file")
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise UsageError(f"{output}: is one of the inputs", hint="write to another file")


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})


def _described(
    layer: gpd.GeoDataFrame, unit_id: str, cities: pd.DataFrame, city_columns: Sequence[str], cities_name: str
) -> gpd.GeoDataFrame:
    """Return the units with what is known of them besides commuting."""
    columns: dict[str, pd.Series] = {"unit_id": layer[unit_id]}
    if _NAME in layer and unit_id != _NAME:
        columns[_NAME] = layer[_NAME]
    if _POPULATION in layer and unit_id != _POPULATION:
        columns[_POPULATION] = _people(layer[_POPULATION], layer[unit_id], "units")
    elif _POPULATION in cities and _POPULATION not in city_columns:
        by_code = cities.drop_duplicates(city_columns[0]).set_index(city_columns[0])[_POPULATION]
        texts = layer[unit_id].astype(str).map(by_code.replace("", None))
        columns[_POPULATION] = _people(texts, layer[unit_id], cities_name)
    else:
        columns[_POPULATION] = pd.Series(np.nan, index=layer.index)
    columns["area_km2"] = areas_km2(layer.geometry)
    return gpd.GeoDataFrame(columns, geometry=layer.geometry, crs=layer.crs)


def _people(values: pd.Series, ids: pd.Series, where: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    bad = (numbers.isna() & values.notna()) | (numbers < 0) | np.isinf(numbers)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{where}: {int(bad.sum())} values of {_POPULATION} are no numbers of people, the first: "
            f"{values.iloc[first]!r} of {ids.iloc[first]}",
            hint="correct them, or leave them empty where unknown",
        )
    return numbers


def _city_names(cities: pd.DataFrame, city_column: str) -> dict[str, str]:
    if _CITY_NAME not in cities:
        return {}
    named = cities[cities[_CITY_NAME] != ""].drop_duplicates(city_column)
    return dict(zip(named[city_column], named[_CITY_NAME], strict=True))


def _dropped(delineation: FuaDelineation, name: str) -> list[Finding]:
    dropped = delineation.units.index[delineation.units["fua_rule"] == "exclave dropped"]
    if dropped.empty:
        return []
    shown = ", ".join(map(str, dropped[:5])) + (f" and {len(dropped) - 5} more" if len(dropped) > 5 else "")
    message = f"{len(dropped)} units have the share but no edge that leads to their city, and are in no FUA ({shown})"
    return [Finding("note", name, "", message, "look whether a border is missing there (bridges and ferries are none)")]
