"""What sections of a configuration need from each other; each by itself cannot tell."""

from __future__ import annotations

from collections.abc import Iterator

from geo_profiling.config.delineation import Delineation
from geo_profiling.config.environment import Environment
from geo_profiling.config.inputs import FileKeys, Inputs
from geo_profiling.config.settlement_rules import Settlements

Need = tuple[FileKeys, str]


def unmet_needs(
    inputs: Inputs,
    delineation: Delineation,
    *,
    settlements: Settlements | None = None,
    environment: Environment | None = None,
) -> Iterator[Need]:
    """Yield the keys that ask for something the inputs do not give, each with what is wrong.

    Parameters
    ----------
    inputs : Inputs
        Of a region, overrides merged.
    delineation : Delineation
        Of the same region.
    settlements : Settlements, optional
        Of the same region.
    environment : Environment, optional
        Of the same region.

    Yields
    ------
    tuple
        Keys from the top of the configuration, and the problem.
    """
    if settlements is not None:
        yield from _of_settlements(inputs, settlements)
    yield from _of_environment(inputs, environment)
    yield from _of_hazards(inputs)
    if inputs.population is None:
        yield from _without_population(inputs, delineation)
        return
    commuting = inputs.commuting
    if delineation.is_by_flows:
        keys: FileKeys = ("delineation", "functional_urban_areas", "method")
        if commuting is None:
            yield keys, "'flows' needs 'inputs.commuting'; give it, or write 'model'"
        elif commuting.units is None and inputs.units is None:
            yield keys, "'flows' needs the units of the flows: 'inputs.units' or 'inputs.commuting.units'"
    project_to = delineation.epochs.project_to
    if project_to is not None:
        keys = ("delineation", "epochs", "project_to")
        last = max(inputs.years)
        if not inputs.epochs:
            yield keys, "needs a second year in 'inputs.epochs'"
        elif project_to <= last:
            yield keys, f"should come after the last year of the population grids ({last}), not {project_to}"


def _of_hazards(inputs: Inputs) -> Iterator[Need]:
    for name, hazard in inputs.hazards.items():
        if hazard.fire is not None and (inputs.buildings is None or inputs.settlements is None):
            yield ("inputs", "hazards", name, "fire"), "needs 'inputs.buildings' and 'inputs.settlements'"


def _without_population(inputs: Inputs, delineation: Delineation) -> Iterator[Need]:
    for key in ("degurba", "functional_urban_areas", "scales"):
        if key in delineation.model_fields_set and getattr(delineation, key) is not None:
            yield ("delineation", key), "needs 'inputs.population'"
    for key in ("land", "built_up", "commuting", "epochs"):
        if getattr(inputs, key):
            yield ("inputs", key), "needs 'inputs.population'"


def _of_settlements(inputs: Inputs, rules: Settlements) -> Iterator[Need]:
    if inputs.tenure is not None and rules.tenure is None:
        yield (
            ("inputs", "tenure"),
            "needs 'settlements.tenure' with a 'reference_date': the day for which rights are told",
        )
    elif inputs.tenure is None and rules.tenure is not None:
        yield ("settlements", "tenure"), "needs 'inputs.tenure'"
    if inputs.settlements is None and inputs.buildings is None:
        if inputs.enumeration is None and inputs.tenure is None:
            yield ("settlements",), "needs 'inputs.settlements', 'buildings', 'enumeration' or 'tenure'"
    elif inputs.settlements is None and inputs.blocks is None and inputs.study_area is None:
        yield ("inputs", "buildings"), "needs 'settlements', 'blocks' or 'study_area' beside it, to cut blocks from"


#: Inputs of which the environment tells something, and those that nothing else reads.
_GROUND = ("open_spaces", "vegetation", "water_bodies", "waterways", "permanent_water", "ecosystems")
_ENVIRONMENT_ALONE = ("open_spaces_mapped_in", "vegetation", "water_bodies", "ecosystems")


def _of_environment(inputs: Inputs, rules: Environment | None) -> Iterator[Need]:
    if rules is None:
        for key in _ENVIRONMENT_ALONE:
            if getattr(inputs, key) is not None:
                yield ("inputs", key), "needs the section 'environment'; write 'environment: {}' for its usual rules"
        return
    if inputs.open_spaces_mapped_in is not None and inputs.open_spaces is None:
        yield ("inputs", "open_spaces_mapped_in"), "needs 'inputs.open_spaces'"
    grows = inputs.built_up is not None and bool(inputs.epochs)
    if not inputs.hazards and all(getattr(inputs, key) is None for key in _GROUND):
        yield ("environment",), f"needs one of the inputs {', '.join(_GROUND)} or hazards"
    yield from _of_growth(inputs, rules, grows=grows)


def _of_growth(inputs: Inputs, rules: Environment, *, grows: bool) -> Iterator[Need]:
    for name in rules.growth_hazards or ():
        if name not in inputs.hazards:
            yield ("environment", "growth_hazards"), f"'{name}' is no hazard of 'inputs.hazards'"
    for name in rules.growth_from:
        if name not in inputs.hazards or not inputs.hazards[name].events:
            yield ("environment", "growth_from", name), "is no hazard of 'inputs.hazards' with rasters"
        elif not grows:
            yield ("environment", "growth_from", name), "needs 'inputs.built_up' of two years ('inputs.epochs')"
