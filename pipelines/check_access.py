"""Checks of streets and public transport, before anything is computed."""

from __future__ import annotations

from geo_profiling.config.project import RegionSettings
from geo_profiling.findings import Finding
from geo_profiling.raster.read import RasterFile
from pipelines.check_layers import attempt
from pipelines.declared import input_label
from pipelines.streets import read_streets, region_network
from pipelines.transit import read_stops


def access_findings(region: RegionSettings, population: RasterFile | None) -> list[Finding]:
    """Check the streets of a region, whether they connect, and its stops.

    Parameters
    ----------
    region : RegionSettings
    population : RasterFile or None
        The grid of people; None where there is none or it cannot be opened.

    Returns
    -------
    list of Finding
    """
    findings: list[Finding] = []
    grid = None if population is None else population.grid
    if region.inputs.streets is not None:
        label = input_label("streets", region.inputs.streets.path)
        read = attempt(label, findings, lambda: read_streets(region, grid))
        if read is not None:
            findings += read[1]
            network = attempt(label, findings, lambda: region_network(region, grid))
            findings += [] if network is None else network.findings
    if region.inputs.transit is not None:
        label = input_label("transit", region.inputs.transit.path)
        stops = attempt(label, findings, lambda: read_stops(region))
        findings += [] if stops is None else stops.findings
    return findings
