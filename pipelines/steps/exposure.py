"""The steps of exposure to hazards, and of evictions laid over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.declared import has_eviction_hazards
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
                "hazards": _hazards(region),
                "exposure": None if region.exposure is None else region.exposure.model_dump(mode="json"),
            },
            contents(region, *_READS, grids=grids),
            upstream=[step.name for step in before if step.name in _UPSTREAM],
            outputs=[f"tables/{table}.parquet" for table in tables],
            run=later("pipelines.exposure", "run_exposure", region, directory),
        )
    ]


def eviction_hazard_steps(region: RegionSettings, directory: Path) -> list[Step]:
    """Return the step that lays evictions over hazards, where both are there; it waits for tenure and exposure.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    """
    if not has_eviction_hazards(region):
        return []
    assert region.settlements is not None  # evictions have rules
    tenure = region.settlements.tenure
    reads = (*_READS, "tenure")
    grids = region.inputs.population is not None
    return [
        Step(
            "eviction_hazards",
            "1",
            {
                **place(region),
                "inputs": reading(region, *reads, grids=grids),
                "hazards": _hazards(region),
                "exposure": None if region.exposure is None else region.exposure.model_dump(mode="json"),
                "tenure": None if tenure is None else tenure.model_dump(mode="json"),
            },
            contents(region, *reads, grids=grids),
            upstream=["tenure", "exposure"],
            outputs=["tables/eviction_hazards.parquet"],
            run=later("pipelines.eviction_hazards", "run_eviction_hazards", region, directory),
        )
    ]


def _hazards(region: RegionSettings) -> dict[str, Any]:
    return {
        name: one.model_dump(mode="json", exclude={"events", "reference"})
        for name, one in sorted(region.inputs.hazards.items())
    }
