"""Every input checked before anything is computed; all findings in one list."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import numpy as np
from pyproj import Transformer

from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Compute
from geo_profiling.config.inputs import RasterInput
from geo_profiling.config.project import Project, RegionSettings
from geo_profiling.config.regrid import Regrid
from geo_profiling.crs import require_equal_area, same_crs
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import RasterFile, raster_value_findings
from geo_profiling.runs.digests import DigestCache
from geo_profiling.vector.contiguity import rook_contiguity
from geo_profiling.vector.coverage import coverage_findings
from pipelines.cells import common_grid
from pipelines.declared import FINDINGS_FILE, RASTER_KEYS, declared_inputs, input_label
from pipelines.inputs import open_input, quantity_of, read_outline, read_units
from pipelines.modelled import model_findings
from pipelines.selection import select_regions

_log = logging.getLogger("geo_profiling.check")

T = TypeVar("T")

#: Units outside the raster that a warning names.
_LISTED_UNITS = 5


def check_project(project: Project, *, regions: Sequence[str] | None = None, compute: Compute) -> list[Finding]:
    """Check the inputs of the regions; what several regions share is checked and told once.

    Parameters
    ----------
    project : Project
        From :func:`geo_profiling.config.load.load_project`.
    regions : sequence of str, optional
        Names of regions; all by default.
    compute : Compute
        Where rasters are streamed.

    Returns
    -------
    list of Finding
        Each once, in the order they were found.
    """
    streamed: dict[str, list[Finding]] = {}
    findings: dict[Finding, None] = {}
    for region in select_regions(project, regions):
        findings |= dict.fromkeys(check_region(region, compute=compute, streamed=streamed))
    return list(findings)


def check_region(
    region: RegionSettings, *, compute: Compute, streamed: dict[str, list[Finding]] | None = None
) -> list[Finding]:
    """Check a region's inputs: files, values, grids, layers, and whether they lie in one place.

    Parameters
    ----------
    region : RegionSettings
        What the region is computed from.
    compute : Compute
        Where rasters are streamed.
    streamed : dict, optional
        Findings on rasters that were streamed already, by what is declared about them; filled.

    Returns
    -------
    list of Finding
        Errors, warnings and notes; see :func:`geo_profiling.findings.raise_on_errors`.
    """
    streamed = {} if streamed is None else streamed
    findings = _digest_findings(region)
    rasters: dict[str, RasterFile] = {}
    for key in RASTER_KEYS:
        declared = getattr(region.inputs, key)
        if not isinstance(declared, RasterInput):
            continue
        label = input_label(key, declared.path)
        raster = _attempt(label, findings, partial(open_input, region, key))
        if raster is not None:
            rasters[key] = raster
            identity = f"{key} {declared!r}"
            if identity not in streamed:
                quantity = quantity_of(declared)
                streamed[identity] = raster_value_findings(raster, quantity=quantity, compute=compute)
            findings += streamed[identity]
    findings += _grid_findings(region, rasters)
    population = rasters.get("population")
    findings += model_findings(region, None if population is None or region.regrid else population.grid)
    findings += _unit_findings(region, population)
    findings += _outline_findings(region, population)
    return findings


def run_checks(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Check a region's inputs, stop at errors, and keep the other findings in :data:`FINDINGS_FILE`.

    Parameters
    ----------
    region : RegionSettings
        What the region is computed from.
    directory : Path
        The region's output folder.
    compute : Compute

    Raises
    ------
    InputError
        With every error.
    """
    findings = check_region(region, compute=compute)
    raise_on_errors(findings)
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"region": region.name, "hint": finding.remedy}})
    with atomic_file(directory / FINDINGS_FILE) as temporary:
        content = [asdict(finding) for finding in findings]
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _attempt(label: str, findings: list[Finding], action: Callable[[], T]) -> T | None:
    try:
        return action()
    except InputError as error:
        for line in str(error).splitlines():
            findings.append(Finding("error", label, "", line.removeprefix(f"{label}: "), error.hint))
        return None


def _digest_findings(region: RegionSettings) -> list[Finding]:
    findings: list[Finding] = []
    cache = DigestCache()
    for key, declared in declared_inputs(region).items():
        if declared.sha256 is None or not declared.path.is_file():
            continue
        found = cache.of_file(declared.path)
        if found != declared.sha256:
            message = f"its SHA-256 digest is {found}, the configuration expects {declared.sha256}"
            remedy = "get the file again, or correct 'sha256' if the new content is wanted"
            findings.append(Finding("error", input_label(key, declared.path), "", message, remedy))
    return findings


def _grid_findings(region: RegionSettings, rasters: dict[str, RasterFile]) -> list[Finding]:
    population = rasters.get("population")
    if population is None:
        return []
    others = {key: raster for key, raster in rasters.items() if raster is not population}
    rule = region.regrid
    findings = _same_grid(population, others) if rule is None else _regriddable(rule, population, others)
    if region.bounds is not None and not _boxes_overlap(region.bounds, population.grid.bounds):
        findings.append(_elsewhere(f"bounds of region {region.name}", population.name))
    return findings


def _same_grid(population: RasterFile, others: dict[str, RasterFile]) -> list[Finding]:
    """Without a rule for regridding all rasters are on one equal-area grid."""
    findings: list[Finding] = []
    grid, name = population.grid, population.name
    _attempt(name, findings, lambda: require_equal_area(grid.crs, grid.bounds, what=name))
    for raster in others.values():
        aligned = partial(raster.grid.require_aligned, grid, what=f"{raster.name} and {name}")
        _attempt(raster.name, findings, aligned)
    return findings


def _regriddable(rule: Regrid, population: RasterFile, others: dict[str, RasterFile]) -> list[Finding]:
    """With a rule rasters only have to overlap; but shares of cells have no sum to keep."""
    findings: list[Finding] = []
    common = _attempt("regrid", findings, lambda: common_grid(rule, population.grid))
    if common is not None:
        _attempt("regrid", findings, lambda: require_equal_area(common.crs, common.bounds, what="regrid"))
    for key, raster in others.items():
        if not _boxes_overlap(_bounds_in(raster.grid, population.grid), population.grid.bounds):
            findings.append(_elsewhere(raster.name, population.name))
        elif common is not None and raster.quantity == "share" and not raster.grid.aligned_with(common):
            message = "shares of cells cannot be regridded, only counts and areas can"
            remedy = f"give '{key}' in m2 in each cell, or on the grid that 'regrid' names"
            findings.append(Finding("error", raster.name, "", message, remedy))
    return findings


def _unit_findings(region: RegionSettings, population: RasterFile | None) -> list[Finding]:
    declared = region.inputs.units
    if declared is None:
        return []
    findings: list[Finding] = []
    label = input_label("units", declared.path)
    read = _attempt(label, findings, lambda: read_units(region))
    if read is None:
        return findings
    units, notes = read
    findings += notes
    findings += coverage_findings(units.geometry, rook_contiguity(units.geometry), name=label)
    if population is None:
        return findings
    outside = _outside(units.geometry, population.grid)
    if outside.all():
        findings.append(_elsewhere(label, population.name))
    elif outside.any():
        named = ", ".join(str(value) for value in units[declared.id_field][outside][:_LISTED_UNITS])
        more = ", ..." if outside.sum() > _LISTED_UNITS else ""
        message = f"{outside.sum()} of {len(units)} units lie outside {population.name}: {named}{more}"
        findings.append(Finding("warning", label, "", message, "they get no class; use a raster that covers them"))
    return findings


def _outline_findings(region: RegionSettings, population: RasterFile | None) -> list[Finding]:
    if region.outline is None:
        return []
    findings: list[Finding] = []
    label = input_label("outline", region.outline.path)
    outline = _attempt(label, findings, lambda: read_outline(region))
    if outline is not None and population is not None and _outside(outline, population.grid).all():
        findings.append(_elsewhere(label, population.name))
    return findings


def _elsewhere(label: str, other: str) -> Finding:
    return Finding(
        "error", label, "", f"does not overlap {other}", "check both coordinate reference systems and extents"
    )


def _outside(geometry: gpd.GeoSeries, grid: Grid) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each geometry whether its bounds lie wholly outside a grid."""
    bounds = (geometry if same_crs(geometry.crs, grid.crs) else geometry.to_crs(grid.crs)).bounds.to_numpy()
    left, bottom, right, top = grid.bounds
    inside = (bounds[:, 0] < right) & (bounds[:, 2] > left) & (bounds[:, 1] < top) & (bounds[:, 3] > bottom)
    return np.asarray(~inside, dtype=bool)


def _bounds_in(grid: Grid, other: Grid) -> tuple[float, float, float, float]:
    if same_crs(grid.crs, other.crs):
        return grid.bounds
    found = Transformer.from_crs(grid.crs, other.crs, always_xy=True).transform_bounds(*grid.bounds)
    return found[0], found[1], found[2], found[3]


def _boxes_overlap(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return first[0] < second[2] and first[2] > second[0] and first[1] < second[3] and first[3] > second[1]
