"""The step of exposure to hazards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.steps.common import contents, later, place, reading

#: Raised whenever the same inputs and parameters give another result.
_VERSION = "3"
_READS = (
    "hazards", "population_fine", "settlements", "units", "buildings", "study_area", "blocks", "streets", "railways",
    "waterways", "coast", "services", "built_up", "permanent_water",
)  # fmt: skip
#: Steps whose areas get exposure.
_UPSTREAM = ("degurba", "units", "fua", "scales")


def exposure_steps(region: RegionSettings, directory: Path, before: Sequence[Step]) -> list[Step]:
    """Return the step of exposure, where hazards are given.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    before : sequence of Step
        All steps that come before; those that make areas are waited for.
    """
    if not region.inputs.hazards:
        return []
    grids = region.inputs.population is not None
    tables = ["hazard_exposure", "hazard_ratios", "joint_exposure"]
    if region.inputs.settlements is not None:
        tables.append("settlement_hazard")
    return [
        Step(
            "exposure",
            _VERSION,
            {
                **place(region),
                "inputs": reading(region, *_READS, grids=grids),
                "hazards": {
                    name: one.model_dump(mode="json", exclude={"events", "reference"})
                    for name, one in sorted(region.inputs.hazards.items())
                },
                "exposure": None if region.exposure is None else region.exposure.model_dump(mode="json"),
            },
            contents(region, *_READS, grids=grids),
            upstream=[step.name for step in before if step.name in _UPSTREAM],
            outputs=[f"tables/{table}.parquet" for table in tables],
            run=later("pipelines.exposure", "run_exposure", region, directory),
        )
    ]
