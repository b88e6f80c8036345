"""The step of the environmental profile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.steps.common import contents, later, place, reading

#: Raised whenever the same inputs and parameters give another result.
_VERSION = "2"
_READS = (
    "open_spaces", "open_spaces_mapped_in", "vegetation", "water_bodies", "waterways", "coast", "permanent_water",
    "ecosystems", "hazards", "epochs", "built_up", "population_fine", "settlements", "units", "buildings",
    "study_area", "blocks", "streets", "railways", "services",
)  # fmt: skip
#: Steps whose areas get a profile, and the one whose counts of services are told again.
_UPSTREAM = ("degurba", "units", "fua", "scales", "exposure")


def environment_steps(region: RegionSettings, directory: Path, before: Sequence[Step]) -> list[Step]:
    """Return the step of the environmental profile, where it is configured.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    before : sequence of Step
        All steps that come before; those that make areas are waited for.
    """
    rules = region.environment
    if rules is None:
        return []
    grids = region.inputs.population is not None
    return [
        Step(
            "environment",
            _VERSION,
            {
                **place(region),
                "inputs": reading(region, *_READS, grids=grids),
                "hazards": {
                    name: one.model_dump(mode="json", exclude={"events", "reference"})
                    for name, one in sorted(region.inputs.hazards.items())
                },
                "exposure": None if region.exposure is None else region.exposure.model_dump(mode="json"),
                "environment": rules.model_dump(mode="json"),
            },
            contents(region, *_READS, grids=grids),
            upstream=[step.name for step in before if step.name in _UPSTREAM],
            outputs=[f"tables/{table}.parquet" for table in environment_tables(region)],
            run=later("pipelines.environment", "run_environment", region, directory),
        )
    ]


def environment_tables(region: RegionSettings) -> list[str]:
    """Return the tables of the environmental profile that a region gets, without their suffix."""
    inputs, rules = region.inputs, region.environment
    if rules is None:
        return []
    tables = ["environment"]
    if inputs.ecosystems is not None:
        tables.append("ecosystems")
    if inputs.settlements is not None:
        tables.append("settlement_environment")
    if _growth_is_told(region):
        tables.append("hazard_growth")
    if inputs.hazards and inputs.services:
        tables.append("exposed_services")
    return tables


def _growth_is_told(region: RegionSettings) -> bool:
    """Tell whether growth is measured, as :func:`pipelines.environment_hazards.growth_hazards` decides it."""
    inputs, rules = region.inputs, region.environment
    grids = [inputs.built_up, *(epoch.built_up for epoch in inputs.epochs)]
    if rules is None or len(grids) < 2 or any(grid is None or grid.unit != "m2" for grid in grids):
        return False
    if rules.growth_hazards is not None:
        return bool(rules.growth_hazards)
    return any(hazard.counts_as_location for hazard in inputs.hazards.values())
