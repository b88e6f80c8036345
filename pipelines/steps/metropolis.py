"""Steps of the metropolis: functional urban areas, governance, scales, change over the years."""

from __future__ import annotations

from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Content, Step
from pipelines.declared import fua_tables, input_content
from pipelines.steps.common import contents, later, place, reading

#: A version is raised whenever the same inputs and parameters give another result.
_VERSIONS = dict.fromkeys(("fua", "governance", "scales", "change"), "2")
#: Inputs that the model's travel times are taken on.
_GROUND = ("friction", "elevation", "roads")
_FUA_RUNS = {"flows": "run_fua", "model": "run_modelled_fuas"}


def metropolis_steps(region: RegionSettings, directory: Path, memory_limit: int | None) -> list[Step]:
    """Return the steps that lead from urban centres to the metropolis, as far as they are configured."""
    delineation = region.delineation
    steps = []
    if delineation.functional_urban_areas is not None:
        steps.append(_fua_step(region, directory))
        if "fua_units" in fua_tables(region):
            steps.append(_governance_step(region, directory))
    if delineation.scales is not None:
        upstream = ["degurba", *(["units"] if region.inputs.units is not None else []), *(step.name for step in steps)]
        steps.append(_scales_step(region, directory, upstream))
    if region.inputs.epochs:
        steps.append(_change_step(region, directory, memory_limit))
    return steps


def _fua_step(region: RegionSettings, directory: Path) -> Step:
    rules = region.delineation.functional_urban_areas
    assert rules is not None  # only asked for where it is configured
    by_flows = rules.method == "flows"
    used = ("units", "commuting") if by_flows else ("units", *_GROUND)
    return Step(
        "fua",
        _VERSIONS["fua"],
        {
            **place(region),
            "inputs": reading(region, *used),
            **rules.model_dump(mode="json", exclude={"coefficients"}),
        },
        {**contents(region, *used), **coefficients(region)},
        upstream=["degurba"],
        outputs=[f"tables/{name}.parquet" for name in fua_tables(region)],
        run=later("pipelines.fua" if by_flows else "pipelines.modelled", _FUA_RUNS[rules.method], region, directory),
    )


def _governance_step(region: RegionSettings, directory: Path) -> Step:
    return Step(
        "governance",
        _VERSIONS["governance"],
        {**place(region), "inputs": reading(region)},
        contents(region),
        upstream=["degurba", "fua"],
        outputs=["tables/fua_governance.parquet"],
        run=later("pipelines.metropolis", "run_governance", region, directory),
    )


def _scales_step(region: RegionSettings, directory: Path, upstream: list[str]) -> Step:
    rules = region.delineation.scales
    assert rules is not None  # only asked for where it is configured
    used = ("regions", "local_centres", "services", "streets")
    tables = ["metropolitan_scales", *(["services_in_reach"] if region.inputs.services else [])]
    return Step(
        "scales",
        _VERSIONS["scales"],
        {
            **place(region),
            "inputs": reading(region, *used),
            **rules.model_dump(mode="json"),
        },
        contents(region, *used),
        upstream=upstream,
        outputs=[f"tables/{name}.parquet" for name in tables],
        run=later("pipelines.metropolis", "run_scales", region, directory),
    )


def _change_step(region: RegionSettings, directory: Path, memory_limit: int | None) -> Step:
    rules = region.delineation.functional_urban_areas
    by_model = rules is not None and rules.method == "model"
    used = ("epochs", *_GROUND) if by_model else ("epochs",)
    projected = region.delineation.epochs.project_to is not None
    tables = ["urban_change", *(["urban_projections"] if projected else [])]
    return Step(
        "change",
        _VERSIONS["change"],
        {
            **place(region),
            "inputs": reading(region, *used),
            "years": region.inputs.years,
            "degurba": region.delineation.degurba.model_dump(mode="json"),
            "model": rules.model_dump(mode="json", exclude={"coefficients"})
            if rules is not None and by_model
            else None,
            **region.delineation.epochs.model_dump(mode="json"),
        },
        {**contents(region, *used), **coefficients(region)},
        # Areas from flows are followed as they are; modelled ones are found again for every year.
        upstream=["fua"] if region.delineation.is_by_flows else [],
        outputs=[f"tables/{name}.parquet" for name in tables],
        run=later("pipelines.metropolis", "run_change", region, directory, memory_limit),
    )


def coefficients(region: RegionSettings) -> dict[str, Content]:
    """Return the content of the model's own coefficients, where there are any."""
    rules = region.delineation.functional_urban_areas
    return {} if rules is None or rules.coefficients is None else {"coefficients": input_content(rules.coefficients)}
