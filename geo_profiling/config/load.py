"""From a YAML file to the settings of every region, or to one error that lists all that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from geo_profiling.config.delineation import Delineation
from geo_profiling.config.document import Document, KeyPath, read_document
from geo_profiling.config.environment import Environment
from geo_profiling.config.expand import FetchFile, ReadRegions, expand_regions, localise
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.indicators import Indicators
from geo_profiling.config.inputs import Inputs
from geo_profiling.config.needs import unmet_needs
from geo_profiling.config.output import Output
from geo_profiling.config.problems import Problem, dotted, problems_of
from geo_profiling.config.project import Config, Project, RegionSettings
from geo_profiling.config.regions import Region, RegionLayer
from geo_profiling.config.regrid import Regrid
from geo_profiling.config.section import Section
from geo_profiling.config.settlement_rules import Settlements
from geo_profiling.errors import ConfigError, GeoProfilingError

S = TypeVar("S", bound=Section)

#: An error lists this many problems in full and counts the rest.
MAX_LISTED = 30


def load_project(
    path: str | os.PathLike[str],
    *,
    environment: Mapping[str, str] | None = None,
    read_regions: ReadRegions | None = None,
    fetch: FetchFile | None = None,
) -> Project:
    """Load a configuration and resolve the settings of its regions.

    Parameters
    ----------
    path : str or path-like
        A YAML file; the paths in it count from its folder.
    environment : mapping, optional
        What ``${NAME}`` in paths stands for; the process's environment by default.
    read_regions : callable, optional
        Reads a layer of regions; needed where the configuration has one. See
        :func:`pipelines.project.open_project`, which gives both.
    fetch : callable, optional
        Fetches remote inputs; without it they are refused.

    Returns
    -------
    Project
        The configuration and, for each region, its settings with overrides merged in.

    Raises
    ------
    ConfigError
        With one line ``file:line: key: problem`` for everything that is wrong.

    Examples
    --------
    >>> load_project("configs/sample.yaml").config.name  # doctest: +SKIP
    'Port Serrano'
    """
    document = read_document(Path(path))
    folder = Path(os.path.abspath(path)).parent
    context = {"folder": folder, "environment": os.environ if environment is None else environment}
    data, problems, fetched = localise(document.data, document, fetch, folder=_results(document.data, context))
    if "region_layer" in data and "regions" not in data:
        data = _with_regions(data, document, context, read_regions, problems)
    # Written keys have lines; what was put in has those of the keys around it.
    document = replace(document, data=data)
    config = _validate(Config, document.data, context, document, [()], problems)
    resolved = list(_resolve_overrides(document, context, problems))
    if config is not None and not problems:
        roots = (folder.resolve(), *config.allowed_roots, *dict.fromkeys(file.parent for file in fetched))
        settings = tuple(
            _settings(config, region, sections, roots)
            for region, sections in zip(config.regions, resolved, strict=True)
        )
        problems.extend(_paths_outside(settings, document))
        problems.extend(_needs(settings, document))
        if not problems:
            return Project(Path(path), config, settings)
    raise _error(problems, document)


def _results(data: Mapping[str, Any], context: Mapping[str, Any]) -> Path:
    """Return the folder of the results; the configuration's own where it names none that can be."""
    try:
        return Output.model_validate(data.get("output"), context=dict(context)).directory
    except ValidationError:
        return Path(context["folder"])


def _with_regions(
    data: dict[str, Any],
    document: Document,
    context: Mapping[str, Any],
    read_regions: ReadRegions | None,
    problems: list[Problem],
) -> dict[str, Any]:
    """Return the configuration with the regions of its layer listed one by one."""
    place = ("region_layer",)
    layer = _validate(RegionLayer, data["region_layer"], context, document, [place], problems)
    if layer is None or read_regions is None:
        if layer is not None:
            problems.append(Problem(document.line(place), dotted(place), "regions of a layer cannot be read here"))
        return data
    try:
        # Whether the file lies in an allowed folder is told with all other files.
        features = read_regions(layer, [layer.path.parent])
    except GeoProfilingError as error:
        problems.append(Problem(document.line(place), dotted(place), f"{error}; {error.hint}".removesuffix("; ")))
        return data
    listed, found = expand_regions(layer, data["region_layer"], features, document)
    problems.extend(found)
    return {**{key: value for key, value in data.items() if key != "region_layer"}, "regions": listed}


def _validate(
    model: type[S],
    data: Any,
    context: Mapping[str, Any],
    document: Document,
    prefixes: list[KeyPath],
    problems: list[Problem],
) -> S | None:
    try:
        return model.model_validate(data, context=dict(context))
    except ValidationError as error:
        problems.extend(problems_of(error, document, prefixes=prefixes))
        return None


_OVERRIDDEN: Mapping[str, type[Section]] = {
    "inputs": Inputs,
    "regrid": Regrid,
    "delineation": Delineation,
    "settlements": Settlements,
    "indicators": Indicators,
    "exposure": Exposure,
    "environment": Environment,
}


def _resolve_overrides(
    document: Document, context: Mapping[str, Any], problems: list[Problem]
) -> Iterator[dict[str, Section | None]]:
    """Validate, for each region, the sections it overrides, merged over the configuration's own."""
    regions = document.data.get("regions")
    for index, region in enumerate(regions if isinstance(regions, list) else []):
        sections: dict[str, Section | None] = {}
        for key, model in _OVERRIDDEN.items():
            override = region.get(key) if isinstance(region, dict) else None
            if isinstance(override, dict):
                merged = merge(document.data.get(key) or {}, override)
                prefixes: list[KeyPath] = [("regions", index, key), (key,)]
                sections[key] = _validate(model, merged, context, document, prefixes, problems)
        yield sections


def merge(base: Any, override: Any) -> Any:
    """Return ``base`` with the keys of ``override`` laid over it, mapping by mapping.

    Examples
    --------
    >>> merge({"degurba": {"level": 2, "rules": "2024"}}, {"degurba": {"level": 1}})
    {'degurba': {'level': 1, 'rules': '2024'}}
    """
    if not (isinstance(base, dict) and isinstance(override, dict)):
        return override
    return base | {key: merge(base.get(key), value) for key, value in override.items()}


def _settings(config: Config, region: Region, sections: Mapping[str, Any], roots: tuple[Path, ...]) -> RegionSettings:
    left_to_right = region.bounds
    return RegionSettings(
        project=config.name,
        name=region.name,
        title=region.title or region.name,
        inputs=sections.get("inputs", config.inputs),
        regrid=sections.get("regrid", config.regrid),
        delineation=sections.get("delineation", config.delineation),
        settlements=sections.get("settlements", config.settlements),
        indicators=sections.get("indicators", config.indicators),
        exposure=sections.get("exposure", config.exposure),
        environment=sections.get("environment", config.environment),
        outline=region.outline,
        bounds=(left_to_right[0], left_to_right[1], left_to_right[2], left_to_right[3]) if left_to_right else None,
        halo_km=region.halo_km,
        roots=roots,
    )


def _paths_outside(settings: Iterable[RegionSettings], document: Document) -> list[Problem]:
    problems = set()
    for index, region in enumerate(settings):
        for key_path, path in _input_paths(region, index):
            written = next((place for place in key_path if place in document.lines), key_path[-1])
            if not any(path.is_relative_to(root) for root in region.roots):
                allowed = ", ".join(map(str, region.roots))
                message = f"{path} lies outside the folders that inputs may come from ({allowed})"
                problems.add(
                    Problem(document.line(written), dotted(written), f"{message}; list its folder in allowed_roots")
                )
    return sorted(problems)


def _needs(settings: Iterable[RegionSettings], document: Document) -> Iterator[Problem]:
    for index, region in enumerate(settings):
        found = unmet_needs(
            region.inputs, region.delineation, settlements=region.settlements, environment=region.environment
        )
        for keys, message in found:
            places: list[KeyPath] = [("regions", index, *keys), keys]
            written = next((place for place in places if place in document.lines), keys)
            yield Problem(document.line(written), dotted(written), message)


def _input_paths(region: RegionSettings, index: int) -> Iterator[tuple[list[KeyPath], Path]]:
    """Yield the file paths of a region with the places where each may be written."""
    for keys, declared in region.inputs.files().items():
        yield [("regions", index, "inputs", *keys, "path"), ("inputs", *keys, "path")], declared.path
    areas = region.delineation.functional_urban_areas
    if areas is not None and areas.coefficients is not None:
        keys = ("delineation", "functional_urban_areas", "coefficients")
        yield [("regions", index, *keys), keys], areas.coefficients
    if region.outline is not None:
        yield [("regions", index, "outline", "path"), ("region_layer", "path")], region.outline.path


def _error(problems: Iterable[Problem], document: Document) -> ConfigError:
    ordered = sorted(set(problems))
    lines = [
        f"{document.path}:{problem.line}: {problem.key + ': ' if problem.key else ''}{problem.message}"
        for problem in ordered[:MAX_LISTED]
    ]
    if len(ordered) > MAX_LISTED:
        lines.append(f"and {len(ordered) - MAX_LISTED} more")
    return ConfigError("\n".join(lines), hint="every key is described by `geo-profiling schema`")
