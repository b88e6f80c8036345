"""Steps of the informal settlements: street blocks, form, population, profile, tenure, and all of it by settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geo_profiling.config.form import Form
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.settlement_rules import Settlements
from geo_profiling.runs.step import Step
from pipelines.declared import detail_tables
from pipelines.steps.common import contents, later, place, reading

#: A version is raised whenever the same inputs and parameters give another result.
_VERSIONS = {**dict.fromkeys(("blocks", "form", "tenure", "profile", "people", "access"), "1"), "settlements": "2"}
#: Layers of the built city, which several steps read.
_BUILT = ("settlements", "buildings", "study_area", "blocks", "streets", "railways", "waterways", "coast")


def settlement_steps(region: RegionSettings, directory: Path) -> list[Step]:
    """Return the steps of the informal settlements, as far as inputs are there for them."""
    rules, inputs = region.settlements, region.inputs
    if rules is None:
        return []
    steps = []
    if inputs.buildings is not None:
        steps.append(_blocks_step(region, directory))
        if rules.form is not None:
            steps.append(_form_step(region, directory, rules.form))
    if inputs.tenure is not None:
        steps.append(_tenure_step(region, directory))
    # Where hazards are given, their step comes before these.
    hazards = ["exposure"] if inputs.hazards and inputs.settlements is not None else []
    if inputs.enumeration is not None:
        steps.append(_profile_step(region, directory, [*hazards, *(step.name for step in steps)]))
    if inputs.settlements is not None:
        steps.append(_people_step(region, directory, [step.name for step in steps]))
        if inputs.services:
            steps.append(_access_step(region, directory))
        whole = [*hazards, *(["environment"] if region.environment is not None else [])]
        steps.append(_whole_step(region, directory, [*whole, *(step.name for step in steps)]))
    return steps


def _step(
    region: RegionSettings,
    directory: Path,
    name: str,
    *,
    reads: tuple[str, ...],
    rules: dict[str, Any],
    tables: list[str],
    run: tuple[str, str],
    grids: bool = False,
    upstream: tuple[str, ...] = (),
) -> Step:
    return Step(
        name,
        _VERSIONS[name],
        {**place(region), "inputs": reading(region, *reads, grids=grids), **rules},
        contents(region, *reads, grids=grids),
        upstream=upstream,
        outputs=[f"tables/{table}.parquet" for table in tables],
        run=later(*run, region, directory),
    )


def _blocks_step(region: RegionSettings, directory: Path) -> Step:
    rules = _rules(region).blocks
    return _step(
        region,
        directory,
        "blocks",
        reads=(*_BUILT, "enumeration"),
        rules={"blocks": rules.model_dump(mode="json")},
        tables=["street_blocks", "buildings", *(["new_paths"] if rules.new_paths is not None else [])],
        run=("pipelines.blocks", "run_blocks"),
    )


def _form_step(region: RegionSettings, directory: Path, rules: Form) -> Step:
    tables = ["building_form", "informality_cells", "informality_thresholds"]
    if region.inputs.settlements is not None:
        tables.append("settlement_form")
    if rules.candidates is not None:
        tables.append("candidate_settlements")
        if region.inputs.settlements is not None:
            tables.append("candidate_agreement")
    return _step(
        region,
        directory,
        "form",
        reads=_BUILT,
        rules={"form": rules.model_dump(mode="json")},
        tables=tables,
        run=("pipelines.form", "run_form"),
        upstream=("blocks",),
    )


def _tenure_step(region: RegionSettings, directory: Path) -> Step:
    rules = _rules(region)
    return _step(
        region,
        directory,
        "tenure",
        reads=(*_BUILT, "tenure", "enumeration"),
        rules={"tenure": None if rules.tenure is None else rules.tenure.model_dump(mode="json")},
        tables=["tenure_shares", "tenure_conflicts", "evictions", "settlement_tenure", *detail_tables(region)],
        run=("pipelines.tenure", "run_tenure"),
    )


def _profile_step(region: RegionSettings, directory: Path, before: list[str]) -> Step:
    return _step(
        region,
        directory,
        "profile",
        reads=("enumeration",),
        rules={"profile": _rules(region).profile.model_dump(mode="json")},
        tables=["settlement_profile", "profile_shares"],
        run=("pipelines.profile", "run_profile"),
        upstream=tuple(name for name in before if name in ("tenure", "exposure")),
    )


def _people_step(region: RegionSettings, directory: Path, before: list[str]) -> Step:
    form = _rules(region).form
    return _step(
        region,
        directory,
        "people",
        reads=("settlements", "buildings", "population", "population_fine"),
        rules={"population": None if form is None else form.population.model_dump(mode="json")},
        tables=["settlement_population", "settlement_population_totals"],
        run=("pipelines.people", "run_people"),
        upstream=tuple(name for name in before if name == "profile"),
    )


def _access_step(region: RegionSettings, directory: Path) -> Step:
    return _step(
        region,
        directory,
        "access",
        reads=("settlements", "buildings", "streets", "services"),
        rules={"access": _rules(region).access.model_dump(mode="json")},
        tables=["settlement_access"],
        run=("pipelines.people", "run_settlement_access"),
    )


def _whole_step(region: RegionSettings, directory: Path, before: list[str]) -> Step:
    return _step(
        region,
        directory,
        "settlements",
        reads=("settlements",),
        rules={},
        tables=["settlements"],
        run=("pipelines.settlements", "run_settlements"),
        upstream=tuple(before),
    )


def _rules(region: RegionSettings) -> Settlements:
    assert region.settlements is not None  # only asked for where it is configured
    return region.settlements
