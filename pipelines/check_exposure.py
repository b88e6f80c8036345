"""Hazards checked before anything is computed: files, values, units and classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geo_profiling.compute import Compute
from geo_profiling.config.hazard_inputs import HazardClasses, HazardInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import ConfigError, InputError
from geo_profiling.findings import Finding
from geo_profiling.hazard.exposure import depth_facts
from geo_profiling.hazard.kinds import PLAUSIBLE_MEDIAN_DEPTH_M, HazardKind
from geo_profiling.hazard.multi_hazard import MAX_HAZARDS
from geo_profiling.hazard.risk_classes import class_overlaps
from geo_profiling.raster.read import RasterFile, raster_value_findings
from geo_profiling.vector.read import read_layer
from pipelines.declared import input_label
from pipelines.exposure_places import open_water
from pipelines.hazards import hazard_kind, open_hazard, read_far, read_sea
from pipelines.inputs import read_mapped
from pipelines.joint_hazards import joint_names

#: Depths in centimetres are hardly all below this.
_SHALLOW_CM = 20.0


def hazard_findings(region: RegionSettings, *, compute: Compute) -> list[Finding]:
    """Check the hazards of a region.

    Parameters
    ----------
    region : RegionSettings
    compute : Compute
        Where rasters are streamed.

    Returns
    -------
    list of Finding
        Errors: files that are refused, sentinels, depths that cannot be meant in their unit, classes that are
        not listed. Warnings: units and scenarios that look wrong.
    """
    findings: list[Finding] = []
    for name, declared in region.inputs.hazards.items():
        try:
            if declared.events:
                findings += _event_findings(region, name, declared, compute)
                if declared.sea is not None:
                    read_sea(region, name, declared.sea)
            elif declared.classes is not None:
                findings += _class_findings(region, name, declared.classes)
            elif declared.far is not None:
                findings += read_far(region, name, declared.far)[1]
            else:
                assert declared.near is not None  # one of the three forms is there
                near = declared.near
                _, found = read_layer(
                    near.path,
                    layer=near.layer,
                    columns=[],
                    roots=region.roots,
                    crs=near.crs,
                    name=input_label(f"hazards.{name}", near.path),
                )
                findings += found
            if declared.mapped_in is not None:
                findings += read_mapped(region, f"hazards.{name}.mapped_in", declared.mapped_in)[1]
        except (InputError, ConfigError) as error:
            findings.append(Finding("error", f"hazards.{name}", "", str(error), error.hint))
    return findings + _water_findings(region) + _joint_findings(region)


def _water_findings(region: RegionSettings) -> list[Finding]:
    """Tell a raster of permanent water that is refused, or that no hazard is read with."""
    label = "permanent_water"
    try:
        if open_water(region) is None:
            return []
    except InputError as error:
        return [Finding("error", label, "", str(error), error.hint)]
    if any(declared.events for declared in region.inputs.hazards.values()):
        return []
    return [Finding("warning", label, "", "no hazard is a raster: permanent water is told beside rasters alone", "")]


def _joint_findings(region: RegionSettings) -> list[Finding]:
    """Tell hazards that are too many to be overlaid jointly."""
    hazards = region.inputs.hazards
    chosen = joint_names(hazards)
    all_of_them = [name for name, one in hazards.items() if one.far is None]
    if len(chosen) == len(all_of_them):
        return []
    if chosen:
        message = f"joint exposure is told of {', '.join(chosen)} alone, which make a hazardous location"
    else:
        message = "people in hazardous location are told by bounds, the largest single share and the sum"
    remedy = f"overlaid jointly are up to {MAX_HAZARDS} hazards; 'is_hazardous_location: false' leaves one out"
    return [Finding("warning", "hazards", "", f"{len(all_of_them)} hazards: {message}", remedy)]


def _event_findings(region: RegionSettings, name: str, declared: HazardInput, compute: Compute) -> list[Finding]:
    kind = hazard_kind(name, declared)
    findings: list[Finding] = []
    for event in declared.events:
        how = kind if declared.made_from is None else replace(kind, unit="m_distance")
        source = open_hazard(region, name, how, event)
        found = raster_value_findings(source, quantity=how.quantity, compute=compute)
        findings += found
        if np.isfinite(how.limit) and not any(one.severity == "error" for one in found):
            findings += _depth_findings(source, kind)
    return findings


def _depth_findings(source: RasterFile, kind: HazardKind) -> list[Finding]:
    """Tell depths that cannot be meant in their unit, block row by block row."""
    greatest, n_wet, n_deep = -np.inf, 0, 0
    for window in source.grid.tiles((max(256, source.block_shape[0]), source.grid.shape[1])):
        top, wet, deep = depth_facts(source.read(window), PLAUSIBLE_MEDIAN_DEPTH_M * kind.per_unit)
        greatest, n_wet, n_deep = max(greatest, top), n_wet + wet, n_deep + deep
    if not kind.is_depth and greatest >= kind.limit:
        message = f"values of up to {greatest:g} are no {kind.unit}"
        return [Finding("error", source.name, "", message, "say what the raster holds (made_from), or its unit")]
    if kind.is_depth and (greatest >= kind.limit or 2 * n_deep > n_wet):
        message = f"depths of up to {greatest:g} {kind.unit} cannot be meant"
        return [Finding("error", source.name, "", message, "declare the unit (unit: cm), or the nodata value")]
    if kind.unit == "cm" and 0 < greatest < _SHALLOW_CM:
        message = f"its greatest depth is {greatest:g} cm: these may be metres"
        return [Finding("warning", source.name, "", message, "compare the unit with what the provider says")]
    return []


def _class_findings(region: RegionSettings, name: str, declared: HazardClasses) -> list[Finding]:
    label = input_label(f"hazards.{name}", declared.path)
    layer, findings = read_layer(
        declared.path,
        layer=declared.layer,
        columns=[declared.class_field],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=label,
    )
    words = layer[declared.class_field].astype(str)
    strange = sorted(set(words[~words.isin(declared.classes)]))
    if strange:
        message = f"field {declared.class_field!r} holds {', '.join(strange[:5])}, none of the classes"
        findings.append(Finding("error", label, "", message, "list every class from the mildest to the worst"))
    pairs = len(class_overlaps(layer, class_field=declared.class_field)[0])
    if pairs:
        message = f"{pairs} pairs of polygons of different classes overlap"
        if declared.overlap == "refuse":
            findings.append(Finding("error", label, "", message, "correct their borders, or write 'overlap: worst'"))
        else:
            findings.append(Finding("warning", label, "", f"{message}; the worst class counts there", ""))
    return findings
