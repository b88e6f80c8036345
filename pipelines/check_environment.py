"""The environment's inputs checked before anything is computed: layers, values of vegetation, thresholds of growth."""

from __future__ import annotations

from functools import partial

import numpy as np

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import ConfigError, InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.raster.read import RasterFile, raster_value_findings
from geo_profiling.vector.read import read_layer
from pipelines.check_layers import attempt
from pipelines.declared import input_label
from pipelines.environment_ground import open_vegetation, read_ecosystems
from pipelines.environment_hazards import built_up_years
from pipelines.hazards import hazard_kind

#: A raster of percent that never passes this may hold shares.
_SMALL_PERCENT = 1.0


def environment_findings(region: RegionSettings, *, compute: Compute) -> list[Finding]:
    """Check what the environmental profile of a region reads.

    Parameters
    ----------
    region : RegionSettings
    compute : Compute
        Where rasters are streamed.

    Returns
    -------
    list of Finding
        Errors: files that are refused, vegetation beyond its unit, thresholds that no band has. Warnings: kinds that
        are left out or not told, units that look wrong, growth that cannot be told.
    """
    rules, inputs = region.environment, region.inputs
    if rules is None:
        return []
    findings: list[Finding] = []
    if inputs.ecosystems is not None:
        label = input_label("ecosystems", inputs.ecosystems.path)
        found = attempt(label, findings, partial(read_ecosystems, region, inputs.ecosystems))
        findings += [] if found is None else found[1]
    if inputs.water_bodies is not None:
        label = input_label("water_bodies", inputs.water_bodies.path)
        read = partial(
            read_layer, inputs.water_bodies.path, layer=inputs.water_bodies.layer, columns=[], kinds={"polygon"},
            roots=region.roots, crs=inputs.water_bodies.crs, name=label, bad_geometry="skip",
        )  # fmt: skip
        found_water = attempt(label, findings, read)
        findings += [] if found_water is None else found_water[1]
    if inputs.vegetation is not None:
        label = input_label("vegetation", inputs.vegetation.path)
        raster = attempt(label, findings, partial(open_vegetation, region, inputs.vegetation))
        if raster is not None:
            findings += _vegetation_findings(raster, inputs.vegetation.unit, compute)
    return findings + _growth_findings(region)


def _vegetation_findings(raster: RasterFile, unit: str, compute: Compute) -> list[Finding]:
    """Tell values that are no share or percent, and percent that look like shares."""
    findings = raster_value_findings(raster, quantity=raster.quantity, compute=compute)
    if unit == "share":
        return findings
    least, greatest = np.inf, -np.inf
    for window in raster.grid.tiles((max(256, raster.block_shape[0]), raster.grid.shape[1])):
        values = raster.read(window)
        known = values[np.isfinite(values)]
        if known.size:
            least, greatest = min(least, float(known.min())), max(greatest, float(known.max()))
    if least < 0 or greatest > 100:
        message = f"values from {least:g} to {greatest:g} are no percent"
        findings.append(Finding("error", raster.name, "", message, "declare the codes that mean 'unknown' as nodata"))
    elif 0 < greatest <= _SMALL_PERCENT:
        message = f"its greatest value is {greatest:g} percent: these may be shares"
        findings.append(Finding("warning", raster.name, "", message, "compare the unit with what the provider says"))
    return findings


def _growth_findings(region: RegionSettings) -> list[Finding]:
    rules, inputs = region.environment, region.inputs
    assert rules is not None  # as the caller saw
    findings = []
    for name, threshold in rules.growth_from.items():
        try:
            hazard_kind(name, inputs.hazards[name]).exposed_bands(threshold)
        except (ConfigError, UsageError, InputError) as error:
            findings.append(Finding("error", f"environment.growth_from.{name}", "", str(error), error.hint))
    years = built_up_years(region)
    if inputs.hazards and len(years) > 1 and any(declared.unit != "m2" for _, _, declared in years):
        message = "growth into hazard zones is not told: built-up area is given as shares of cells"
        findings.append(Finding("warning", "environment", "", message, "give 'built_up' of every year in m2"))
    return findings
