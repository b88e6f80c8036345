"""Every input checked before anything is computed; all findings in one list."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from pyproj import Transformer

from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Compute
from geo_profiling.config.files import RasterInput
from geo_profiling.config.inputs import Inputs
from geo_profiling.config.project import Project, RegionSettings
from geo_profiling.config.regrid import Regrid
from geo_profiling.crs import require_equal_area, same_crs
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.read import RasterFile, raster_value_findings
from geo_profiling.runs.digests import DigestCache
from pipelines.cells import common_grid, region_grid
from pipelines.check_access import access_findings
from pipelines.check_environment import environment_findings
from pipelines.check_exposure import hazard_findings
from pipelines.check_indicators import indicator_findings
from pipelines.check_layers import attempt, elsewhere, layer_findings
from pipelines.check_settlements import settlement_findings
from pipelines.declared import FINDINGS_FILE, RASTER_KEYS, declared_inputs, input_label
from pipelines.inputs import open_declared, quantity_of
from pipelines.modelled import model_findings
from pipelines.parts import read_window
from pipelines.selection import select_regions

_log = logging.getLogger("geo_profiling.check")


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

    Of rasters the values of the cells that the region reads are checked, its halo included.

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
    population: RasterFile | None = None
    for year_inputs, prefix in _years(region):
        year_region = replace(region, inputs=year_inputs)
        rasters = _raster_findings(year_region, prefix, streamed, findings, compute)
        findings += _grid_findings(year_region, rasters)
        if not prefix:
            population = rasters.get("population")
    grid = None if population is None else _grid_of_region(region, population.grid)
    findings += model_findings(region, grid)
    findings += layer_findings(region, population)
    findings += indicator_findings(region)
    findings += access_findings(region, population)
    findings += settlement_findings(region)
    findings += hazard_findings(region, compute=compute)
    findings += environment_findings(region, compute=compute)
    # Land is of every year, and told once.
    return list(dict.fromkeys(findings))


def _years(region: RegionSettings) -> list[tuple[Inputs, str]]:
    """Return the inputs of the region's own year and of its epochs, with what comes before their keys."""
    inputs = region.inputs
    epochs = [
        (inputs.model_copy(update={"population": epoch.population, "built_up": epoch.built_up}), f"epochs.{index}.")
        for index, epoch in enumerate(inputs.epochs)
    ]
    return [(inputs, ""), *epochs]


def _raster_findings(
    region: RegionSettings,
    prefix: str,
    streamed: dict[str, list[Finding]],
    findings: list[Finding],
    compute: Compute,
) -> dict[str, RasterFile]:
    """Open and stream the rasters of a year, add what is found, and return those that opened."""
    rasters: dict[str, RasterFile] = {}
    for key in RASTER_KEYS:
        declared = getattr(region.inputs, key)
        if not isinstance(declared, RasterInput):
            continue
        name = key if key == "land" else f"{prefix}{key}"
        raster = attempt(input_label(name, declared.path), findings, partial(open_declared, region, name, declared))
        if raster is not None:
            rasters[key] = raster
            window = _window(region, raster, rasters.get("population"))
            identity = f"{key} {declared!r} {window}"
            if identity not in streamed:
                streamed[identity] = raster_value_findings(
                    raster, quantity=quantity_of(declared), compute=compute, window=window
                )
            findings += streamed[identity]
    return rasters


def _window(region: RegionSettings, raster: RasterFile, population: RasterFile | None) -> Window:
    """Return the cells that the region reads; all where other findings tell why there are none."""
    try:
        return read_window(region, raster, population)
    except InputError:
        return raster.grid.window


def _grid_of_region(region: RegionSettings, population: Grid) -> Grid | None:
    """Return the cells that are read for the region; None where other findings tell why there are none."""
    try:
        return region_grid(region, population)
    except InputError:
        return None


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
        findings.append(elsewhere(f"bounds of region {region.name}", population.name))
    return findings


def _same_grid(population: RasterFile, others: dict[str, RasterFile]) -> list[Finding]:
    """Without a rule for regridding all rasters are on one equal-area grid."""
    findings: list[Finding] = []
    grid, name = population.grid, population.name
    attempt(name, findings, lambda: require_equal_area(grid.crs, grid.bounds, what=name))
    for raster in others.values():
        aligned = partial(raster.grid.require_aligned, grid, what=f"{raster.name} and {name}")
        attempt(raster.name, findings, aligned)
    return findings


def _regriddable(rule: Regrid, population: RasterFile, others: dict[str, RasterFile]) -> list[Finding]:
    """With a rule rasters only have to overlap; but shares of cells have no sum to keep."""
    findings: list[Finding] = []
    common = attempt("regrid", findings, lambda: common_grid(rule, population.grid))
    if common is not None:
        attempt("regrid", findings, lambda: require_equal_area(common.crs, common.bounds, what="regrid"))
    for key, raster in others.items():
        if not _boxes_overlap(_bounds_in(raster.grid, population.grid), population.grid.bounds):
            findings.append(elsewhere(raster.name, population.name))
        elif common is not None and raster.quantity == "share" and not raster.grid.aligned_with(common):
            message = "shares of cells cannot be regridded, only counts and areas can"
            remedy = f"give '{key}' in m2 in each cell, or on the grid that 'regrid' names"
            findings.append(Finding("error", raster.name, "", message, remedy))
    return findings


def _bounds_in(grid: Grid, other: Grid) -> tuple[float, float, float, float]:
    if same_crs(grid.crs, other.crs):
        return grid.bounds
    found = Transformer.from_crs(grid.crs, other.crs, always_xy=True).transform_bounds(*grid.bounds)
    return found[0], found[1], found[2], found[3]


def _boxes_overlap(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return first[0] < second[2] and first[2] > second[0] and first[1] < second[3] and first[3] > second[1]
