"""Layers and tables of informal settlements checked: what can be read, and what lies where."""

from __future__ import annotations

from functools import partial

from shapely import box

from geo_profiling.config.project import RegionSettings
from geo_profiling.findings import Finding
from geo_profiling.settlements.form import overlap_findings
from geo_profiling.settlements.population import placement_findings
from geo_profiling.settlements.streets import connected_streets, network_findings
from pipelines.built import BuiltCity, read_built
from pipelines.check_layers import attempt, elsewhere
from pipelines.check_tenure import tenure_findings
from pipelines.declared import input_label
from pipelines.people import people_grid
from pipelines.profile import profile_findings, read_enumeration


def settlement_findings(region: RegionSettings) -> list[Finding]:
    """Check what a region declares of its informal settlements.

    Parameters
    ----------
    region : RegionSettings

    Returns
    -------
    list of Finding
        Empty where no settlements are profiled.
    """
    if region.settlements is None:
        return []
    findings: list[Finding] = []
    layers = ("settlements", "blocks", "study_area", "buildings")
    built = None
    if any(getattr(region.inputs, key) is not None for key in layers):
        built = attempt("settlements", findings, partial(read_built, region))
    if built is not None:
        # Streets are checked for themselves, whoever uses them.
        streets = None if region.inputs.streets is None else input_label("streets", region.inputs.streets.path)
        findings += [finding for finding in built.findings if finding.input != streets]
        findings += _of_buildings(region, built)
        findings += _of_places(region, built)
        findings += _elsewhere(region, built)
        findings += _of_enumeration(region, built)
        if built.streets is not None and region.inputs.streets is not None:
            network = connected_streets(built.streets.geometry, gap_m=region.settlements.blocks.gap_m)
            findings += network_findings(network, name=input_label("streets", region.inputs.streets.path))
    return [*findings, *profile_findings(region), *tenure_findings(region)]


def _of_places(region: RegionSettings, built: BuiltCity) -> list[Finding]:
    """Check how settlements lie to each other, and on the grid of people."""
    declared = region.inputs.settlements
    if built.settlements is None or declared is None:
        return []
    findings: list[Finding] = []
    # A grid that cannot be opened is told with the grids.
    grid = attempt("population", [], partial(people_grid, region))
    found = attempt(
        "settlements",
        findings,
        lambda: placement_findings(
            built.settlements, population_grid=grid, name=input_label("settlements", declared.path)
        ),
    )
    return findings + (found or [])


def _elsewhere(region: RegionSettings, built: BuiltCity) -> list[Finding]:
    """Check that buildings and streets lie where the settlements (or blocks, or study area) are."""
    inputs = region.inputs
    places = {"settlements": built.settlements, "blocks": built.blocks, "study_area": built.study_area}
    found = [(name, layer) for name, layer in places.items() if layer is not None and len(layer)]
    if not found:
        return []
    name, layer = found[0]
    around = box(*layer.total_bounds)
    findings = []
    for key, own in (("buildings", built.buildings), ("streets", built.streets)):
        declared = getattr(inputs, key)
        if own is not None and declared is not None and not own.intersects(around).any():
            findings.append(elsewhere(input_label(key, declared.path), name))
    return findings


def _of_enumeration(region: RegionSettings, built: BuiltCity) -> list[Finding]:
    """Name the settlements that were enumerated and are not mapped."""
    declared = region.inputs.enumeration
    if declared is None or built.settlements is None:
        return []
    # What is wrong with the table itself is told with the profile.
    read = attempt("enumeration", [], partial(read_enumeration, region))
    if read is None or "settlement_id" not in read.answers:
        return []
    unknown = sorted(set(read.answers["settlement_id"].dropna().astype(str)) - set(built.settlements.index.astype(str)))
    if not unknown:
        return []
    shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
    message = f"{len(unknown)} settlements of the enumeration are not mapped: they count in the shares of answers alone"
    label = input_label("enumeration.table", declared.table.path)
    return [Finding("warning", label, shown, message, "write ids as in the layer of settlements, or map them")]


def _of_buildings(region: RegionSettings, built: BuiltCity) -> list[Finding]:
    declared, rules = region.inputs.buildings, region.settlements
    if built.buildings is None or declared is None or rules is None:
        return []
    label = input_label("buildings", declared.path)
    kinds = set(built.buildings.geom_type)
    if rules.form is None:
        return []
    if not kinds <= {"Polygon", "MultiPolygon"}:
        remedy = "write 'form: null' in 'settlements': street access alone is measured on points"
        return [Finding("error", label, "", "has points, but form is measured on footprints", remedy)]
    return overlap_findings(built.buildings, name=label)
