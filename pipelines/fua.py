"""Functional urban areas from commuting flows, from files to a GeoPackage."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.delineation.commuting import (
    CITY_COLUMNS,
    EMPLOYED_COLUMNS,
    FLOW_COLUMNS,
    city_units,
    commuting_flows,
)
from geo_profiling.delineation.fua import THRESHOLD, FuaDelineation, delineate_fuas, fua_areas
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.vector.areas import areas_km2
from geo_profiling.vector.contiguity import rook_contiguity
from geo_profiling.vector.coverage import coverage_findings
from geo_profiling.vector.read import read_layer, read_table

_log = logging.getLogger("geo_profiling.fua")

_NAME, _POPULATION, _CITY_NAME = "name", "population", "city_name"


@dataclass(frozen=True)
class FuaTables:
    """The tables of commuting as they were read, with the names that messages call them.

    Attributes
    ----------
    flows, employed, cities : pandas.DataFrame
        All text.
    names : tuple of str
        Of the three, in that order.
    flow_columns, employed_columns, city_columns : sequence of str
        As :mod:`geo_profiling.delineation.commuting` takes them.
    """

    flows: pd.DataFrame
    employed: pd.DataFrame
    cities: pd.DataFrame
    names: tuple[str, str, str] = ("flows", "employed residents", "cities")
    flow_columns: Sequence[str] = FLOW_COLUMNS
    employed_columns: Sequence[str] = EMPLOYED_COLUMNS
    city_columns: Sequence[str] = CITY_COLUMNS


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
    without one); names from the units' field ``name`` and the cities' column ``city_name``.

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
    tables = FuaTables(
        read_table(flows, columns=flow_columns),
        read_table(employed, columns=employed_columns),
        read_table(cities),
        (flows.name, employed.name, cities.name),
        flow_columns,
        employed_columns,
        city_columns,
    )
    areas, table, delineation = delineate(
        _as_units(layer, unit_id, tables), tables, threshold=threshold, name=units.name
    )
    run_info = {
        "method": "EU-OECD functional urban areas from commuting flows (Dijkstra, Poelman, Veneri 2019)",
        "threshold": str(float(threshold)),
        "units": units.name,
        **dict(zip(("flows", "employed_residents", "cities"), tables.names, strict=True)),
    }
    layers = {"functional_urban_areas": areas, "units": table, "fua_candidates": delineation.candidates}
    write_geopackage(output, layers, run_info=run_info, title="Functional urban areas")


def delineate(
    units: gpd.GeoDataFrame, tables: FuaTables, *, threshold: Fraction = THRESHOLD, name: str = "units"
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, FuaDelineation]:
    """Delineate functional urban areas of units that were read, and log what was found.

    Parameters
    ----------
    units : geopandas.GeoDataFrame
        ``unit_id``, ``population``, ``area_km2``, perhaps ``name``; in any CRS.
    tables : FuaTables
    threshold : fractions.Fraction
    name : str
        What messages call the units.

    Returns
    -------
    areas : geopandas.GeoDataFrame
        Layer ``functional_urban_areas``.
    table : geopandas.GeoDataFrame
        The units with ``city_id``, ``fua_id`` and why.
    delineation : FuaDelineation
    """
    indexed = units.set_index("unit_id")
    contiguity = rook_contiguity(indexed.geometry)
    _tell(coverage_findings(indexed.geometry, contiguity, name=name))
    city, findings = city_units(tables.cities, indexed.index, columns=tables.city_columns, name=tables.names[2])
    _tell(findings)
    commuting, findings = commuting_flows(
        tables.flows,
        tables.employed,
        indexed.index,
        flow_columns=tables.flow_columns,
        employed_columns=tables.employed_columns,
        names=tables.names[:2],
    )
    _tell(findings)
    delineation = delineate_fuas(commuting, city, contiguity, threshold=threshold)
    _tell(_dropped(delineation, name))
    areas = fua_areas(indexed, delineation, city_names=_city_names(tables))
    return areas, indexed.join(delineation.units).reset_index(), delineation


def _check_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.suffix.lower() != ".gpkg":
        raise UsageError(f"{output}: the format '{output.suffix}' is not known", hint="write to a .gpkg file")
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise UsageError(f"{output}: is one of the inputs", hint="write to another file")


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})


def _as_units(layer: gpd.GeoDataFrame, unit_id: str, tables: FuaTables) -> gpd.GeoDataFrame:
    columns: dict[str, pd.Series] = {"unit_id": layer[unit_id]}
    if _NAME in layer and unit_id != _NAME:
        columns[_NAME] = layer[_NAME]
    columns[_POPULATION] = _population(layer, unit_id, tables)
    columns["area_km2"] = areas_km2(layer.geometry)
    return gpd.GeoDataFrame(columns, geometry=layer.geometry, crs=layer.crs)


def _population(layer: gpd.GeoDataFrame, unit_id: str, tables: FuaTables) -> pd.Series:
    if _POPULATION in layer and unit_id != _POPULATION:
        texts, where = layer[_POPULATION], "units"
    elif _POPULATION in tables.cities and _POPULATION not in tables.city_columns:
        by_code = tables.cities.drop_duplicates(tables.city_columns[0]).set_index(tables.city_columns[0])[_POPULATION]
        texts, where = layer[unit_id].astype(str).map(by_code.replace("", None)), tables.names[2]
    else:
        return pd.Series(np.nan, index=layer.index)
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    bad = (numbers.isna() & texts.notna()) | (numbers < 0) | np.isinf(numbers)
    if bad.any():
        first = bad.idxmax()
        raise InputError(
            f"{where}: {int(bad.sum())} values of {_POPULATION} are no numbers of people, the first: "
            f"{texts[first]!r} of {layer[unit_id][first]}",
            hint="correct them, or leave them empty where unknown",
        )
    return numbers


def _city_names(tables: FuaTables) -> dict[str, str]:
    if _CITY_NAME not in tables.cities:
        return {}
    named = tables.cities[tables.cities[_CITY_NAME] != ""].drop_duplicates(tables.city_columns[1])
    return dict(zip(named[tables.city_columns[1]], named[_CITY_NAME], strict=True))


def _dropped(delineation: FuaDelineation, name: str) -> list[Finding]:
    dropped = delineation.units.index[delineation.units["fua_rule"] == "exclave dropped"]
    if dropped.empty:
        return []
    shown = ", ".join(map(str, dropped[:5])) + (f" and {len(dropped) - 5} more" if len(dropped) > 5 else "")
    message = f"{len(dropped)} units have the share but no edge that leads to their city, and are in no FUA ({shown})"
    return [Finding("note", name, "", message, "look whether a border is missing there (bridges and ferries are none)")]
