"""All steps of a region, in order: the check of its inputs first, the publication last."""

from __future__ import annotations

from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.contents import region_content
from pipelines.declared import FINDINGS_FILE, declared_inputs, map_names, reading_parameters
from pipelines.steps.common import contents, later, place
from pipelines.steps.delineation import delineation_steps
from pipelines.steps.environment import environment_steps
from pipelines.steps.exposure import eviction_hazard_steps, exposure_steps
from pipelines.steps.indicators import indicator_steps
from pipelines.steps.metropolis import coefficients, metropolis_steps
from pipelines.steps.settlements import settlement_steps

#: A version is raised whenever the same inputs and parameters give another result.
_VERSIONS = dict.fromkeys(("inputs", "publish"), "1")


def region_steps(region: RegionSettings, directory: Path, *, memory_limit: int | None = None) -> list[Step]:
    """Return everything that is computed for a region, in order.

    Parameters
    ----------
    region : RegionSettings
        What the region is computed from.
    directory : Path
        The region's output folder.
    memory_limit : int, optional
        Bytes that the process may hold; never changes a result.
    """
    steps = [
        inputs_step(region, directory),
    ]
    if region.inputs.population is not None:
        steps += delineation_steps(region, directory, memory_limit)
        steps += metropolis_steps(region, directory, memory_limit)
    steps += exposure_steps(region, directory, steps)
    steps += environment_steps(region, directory, steps)
    steps += settlement_steps(region, directory)
    steps += eviction_hazard_steps(region, directory)
    steps += indicator_steps(region, directory, steps)
    return [*steps, _publish_step(region, directory, steps)]


def inputs_step(region: RegionSettings, directory: Path) -> Step:
    """Return the step that checks a region's inputs.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    """
    declared = declared_inputs(region)
    parameters = {
        **place(region),
        "inputs": {key: reading_parameters(value) | {"sha256": value.sha256} for key, value in declared.items()},
    }
    files = {key: region_content(region, key, value) for key, value in declared.items()}
    return Step(
        "inputs",
        _VERSIONS["inputs"],
        parameters,
        {**contents(region), **files, **coefficients(region)},
        outputs=[FINDINGS_FILE],
        run=later("pipelines.check", "run_checks", region, directory),
    )


def _publish_step(region: RegionSettings, directory: Path, steps: list[Step]) -> Step:
    styles = []
    if region.inputs.population is not None:
        styles = [f"rasters/degurba_l{number}.qml" for number in range(1, region.delineation.degurba.level + 1)]
    credit = {"source", "licence", "year"}
    parameters = {
        "project": region.project,
        "title": region.title,
        "inputs": {
            key: value.model_dump(mode="json", include=credit) for key, value in declared_inputs(region).items()
        },
        "year_of_flows": None if region.inputs.commuting is None else region.inputs.commuting.year,
    }
    written = [Path(output) for step in steps for output in step.outputs]
    tables = [path.stem for path in written if path.suffix == ".parquet"]
    return Step(
        "publish",
        _VERSIONS["publish"],
        parameters,
        {},
        upstream=[step.name for step in steps],
        # The manifest comes last: a folder with a manifest is complete.
        outputs=[f"{region.name}.gpkg", *map_names(region), *styles, "report.html", "manifest.json"],
        run=later("pipelines.publish", "publish_region", region, directory, tables),
    )
