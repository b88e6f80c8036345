"""Steps of the delineation: classes of cells, urban centres, classes of units."""

from __future__ import annotations

from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.declared import CENTRES_AROUND, CLUSTER_TABLES
from pipelines.steps.common import contents, later, place, reading

#: A version is raised whenever the same inputs and parameters give another result.
_VERSIONS = dict.fromkeys(("degurba", "units"), "2")


def delineation_steps(region: RegionSettings, directory: Path, memory_limit: int | None) -> list[Step]:
    """Return the steps of the Degree of Urbanisation."""
    steps = [_degurba_step(region, directory, memory_limit)]
    return steps if region.inputs.units is None else [*steps, _units_step(region, directory)]


def _degurba_step(region: RegionSettings, directory: Path, memory_limit: int | None) -> Step:
    degurba = region.delineation.degurba
    tables = [*CLUSTER_TABLES[degurba.level].values(), CENTRES_AROUND, "degurba_classes"]
    return Step(
        "degurba",
        _VERSIONS["degurba"],
        {**place(region), "inputs": reading(region), **degurba.model_dump(mode="json")},
        contents(region),
        outputs=[
            *(f"rasters/degurba_l{level}.tif" for level in range(1, degurba.level + 1)),
            *(f"tables/{name}.parquet" for name in tables),
        ],
        run=later("pipelines.delineate", "run_degurba", region, directory, memory_limit),
    )


def _units_step(region: RegionSettings, directory: Path) -> Step:
    degurba = region.delineation.degurba
    return Step(
        "units",
        _VERSIONS["units"],
        {
            **place(region),
            "inputs": reading(region, "units"),
            "rules": degurba.rules,
            "level1_from": degurba.level1_from,
        },
        contents(region, "units"),
        upstream=["degurba"],
        outputs=[f"tables/{name}.parquet" for name in ("units", "people_in_centres", "people_in_clusters")],
        run=later("pipelines.delineate", "run_units", region, directory),
    )
