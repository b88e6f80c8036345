"""Layers and tables of a region checked against its cells and against each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.config.files import UnitsInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.crs import same_crs
from geo_profiling.delineation.commuting import city_units, commuting_flows
from geo_profiling.delineation.scales import overlapping_pairs
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import RasterFile
from geo_profiling.vector.contiguity import rook_contiguity
from geo_profiling.vector.coverage import coverage_findings
from pipelines.cells import units_on_grid
from pipelines.declared import input_label
from pipelines.inputs import (
    read_commuting,
    read_outline,
    read_places,
    read_service,
    read_units,
    region_of_flows,
)

T = TypeVar("T")

#: Features outside the raster that a warning names.
_LISTED_UNITS = 5


def layer_findings(region: RegionSettings, population: RasterFile | None) -> list[Finding]:
    """Check the layers and tables of a region: units, outline, commuting, regions, local centres, services.

    Parameters
    ----------
    region : RegionSettings
    population : RasterFile or None
        The grid of people; None where it cannot be opened.

    Returns
    -------
    list of Finding
    """
    inputs = region.inputs
    findings = _unit_findings(region, population, "units", inputs.units)
    findings += _outline_findings(region, population)
    findings += _commuting_findings(region, population)
    for key, declared in (("regions", inputs.regions), ("local_centres", inputs.local_centres)):
        findings += _places_findings(region, population, key, declared)
    for name, service in inputs.services.items():
        label = input_label(f"services.{name}", service.path)
        read = attempt(label, findings, partial(read_service, region, name))
        if read is not None:
            findings += [*read[1], *_off_the_grid(read[0].geometry, population, label)]
    return findings


def _unit_findings(
    region: RegionSettings, population: RasterFile | None, key: str, declared: UnitsInput | None
) -> list[Finding]:
    if declared is None:
        return []
    findings: list[Finding] = []
    label = input_label(key, declared.path)
    own = replace(region, inputs=region.inputs.model_copy(update={"units": declared}))
    read = attempt(label, findings, lambda: read_units(own))
    if read is None:
        return findings
    units, notes = read
    polygons = units.set_index(declared.id_field).geometry
    findings += notes
    findings += coverage_findings(polygons, rook_contiguity(polygons), name=label)
    if population is None:
        return findings
    outside = _outside(units.geometry, population.grid)
    if outside.all():
        findings.append(elsewhere(label, population.name))
    elif outside.any():
        named = ", ".join(str(value) for value in units[declared.id_field][outside][:_LISTED_UNITS])
        more = ", ..." if outside.sum() > _LISTED_UNITS else ""
        message = f"{outside.sum()} of {len(units)} units lie outside {population.name}: {named}{more}"
        findings.append(Finding("warning", label, "", message, "they get no class; use a raster that covers them"))
    return findings


def _commuting_findings(region: RegionSettings, population: RasterFile | None) -> list[Finding]:
    """Check units, flows, employed residents and cities of commuting, each against the units."""
    commuting = region.inputs.commuting
    if commuting is None:
        return []
    findings = _unit_findings(region, population, "commuting.units", commuting.units)
    flows = attempt(
        input_label("commuting.flows", commuting.flows.path), findings, lambda: read_commuting(region, "flows")
    )
    declared = commuting.employed_residents
    label = input_label("commuting.employed_residents", declared.path)
    employed = attempt(label, findings, lambda: read_commuting(region, "employed_residents"))
    ids = _ids_of_flows(region, population)
    if ids is None:
        return findings
    if flows is not None and employed is not None:
        checked = attempt(
            "commuting",
            findings,
            lambda: commuting_flows(
                flows[0],
                employed[0],
                ids,
                flow_columns=commuting.flows.columns,
                employed_columns=declared.columns,
                names=(flows[1], employed[1]),
            ),
        )
        findings += [] if checked is None else checked[1]
    if commuting.cities is not None:
        columns, label = commuting.cities.columns, input_label("commuting.cities", commuting.cities.path)
        cities = attempt(label, findings, lambda: read_commuting(region, "cities"))
        if cities is not None:
            listed = attempt(label, findings, lambda: city_units(cities[0], ids, columns=columns, name=label))
            findings += [] if listed is None else listed[1]
    return findings


def _ids_of_flows(region: RegionSettings, population: RasterFile | None) -> pd.Index | None:
    """Return the ids of the units of the flows, as the run takes them; None where they cannot be read."""
    own = region_of_flows(region)
    declared = own.inputs.units
    if declared is None:
        return None
    try:
        if population is not None:
            return pd.Index(units_on_grid(own, population.grid.crs)["unit_id"])
        read = read_units(own)
    except InputError:
        return None  # told with the units
    assert read is not None  # units are declared
    return pd.Index(read[0][declared.id_field])


def _places_findings(
    region: RegionSettings, population: RasterFile | None, key: str, declared: UnitsInput | None
) -> list[Finding]:
    if declared is None:
        return []
    findings: list[Finding] = []
    label = input_label(key, declared.path)
    read = attempt(label, findings, lambda: read_places(region, key, declared))
    if read is None:
        return findings
    layer, notes = read
    findings += notes
    findings += _off_the_grid(layer.geometry, population, label)
    if key == "regions":
        findings += _overlapping_regions(layer.set_index(declared.id_field), label)
    return findings


def _overlapping_regions(regions: gpd.GeoDataFrame, label: str) -> list[Finding]:
    """Refuse regional units that overlap, by their ids; what regions leave between them is nobody's."""
    placed = regions if regions.crs.is_projected else regions.to_crs(regions.estimate_utm_crs())
    pairs = overlapping_pairs(placed)
    if pairs.empty:
        return []
    first = pairs.head(_LISTED_UNITS)
    named = [
        f"{one} and {other} ({100 * share:.1f} % of the smaller)"
        for one, other, share in zip(first["one"], first["other"], first["share_of_smaller"], strict=True)
    ]
    message = f"{len(pairs)} pairs of regional units overlap: {', '.join(named)}"
    message += ", ..." if len(pairs) > _LISTED_UNITS else ""
    remedy = "correct their borders, or choose a layer whose areas lie side by side: their people would count twice"
    return [Finding("error", label, "", message, remedy)]


def _off_the_grid(geometry: gpd.GeoSeries, population: RasterFile | None, label: str) -> list[Finding]:
    if population is None or not len(geometry) or not _outside(geometry, population.grid).all():
        return []
    return [elsewhere(label, population.name)]


def _outline_findings(region: RegionSettings, population: RasterFile | None) -> list[Finding]:
    if region.outline is None:
        return []
    findings: list[Finding] = []
    label = input_label("outline", region.outline.path)
    outline = attempt(label, findings, lambda: read_outline(region))
    if outline is not None and population is not None and _outside(outline, population.grid).all():
        findings.append(elsewhere(label, population.name))
    return findings


def attempt(label: str, findings: list[Finding], action: Callable[[], T]) -> T | None:
    """Do something with an input; where it is refused add the reasons to the findings and return None."""
    try:
        return action()
    except InputError as error:
        for line in str(error).splitlines():
            findings.append(Finding("error", label, "", line.removeprefix(f"{label}: "), error.hint))
        return None


def elsewhere(label: str, other: str) -> Finding:
    """Return the error that one input lies elsewhere than another."""
    return Finding(
        "error", label, "", f"does not overlap {other}", "check both coordinate reference systems and extents"
    )


def _outside(geometry: gpd.GeoSeries, grid: Grid) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each geometry whether its bounds lie wholly outside a grid."""
    bounds = (geometry if same_crs(geometry.crs, grid.crs) else geometry.to_crs(grid.crs)).bounds.to_numpy()
    left, bottom, right, top = grid.bounds
    inside = (bounds[:, 0] < right) & (bounds[:, 2] > left) & (bounds[:, 1] < top) & (bounds[:, 3] > bottom)
    return np.asarray(~inside, dtype=bool)
