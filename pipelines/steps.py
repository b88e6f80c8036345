"""The steps of a region: what each depends on and writes. The work itself is imported when it runs.

A run that has nothing to compute loads no GIS library.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Content, Step
from pipelines.declared import (
    CENTRES_AROUND,
    CLUSTER_TABLES,
    FINDINGS_FILE,
    RASTER_KEYS,
    declared_inputs,
    fua_tables,
    input_content,
    reading_parameters,
)

#: A version is raised whenever the same inputs and parameters give another result.
_VERSIONS = dict.fromkeys(("inputs", "degurba", "units", "fua", "governance", "scales", "change", "publish"), "1")


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
    steps = [inputs_step(region, directory), _degurba_step(region, directory, memory_limit)]
    if region.inputs.units is not None:
        steps.append(_units_step(region, directory))
    delineation = region.delineation
    if delineation.functional_urban_areas is not None:
        steps.append(_fua_step(region, directory))
        if "fua_units" in fua_tables(region):
            steps.append(_governance_step(region, directory))
    if delineation.scales is not None:
        steps.append(_scales_step(region, directory, [step.name for step in steps if step.name != "inputs"]))
    if region.inputs.epochs:
        steps.append(_change_step(region, directory, memory_limit))
    upstream = [step.name for step in steps]
    return [*steps, _publish_step(region, directory, upstream)]


def _later(module: str, function: str, *arguments: Any) -> Any:
    return partial(_call, module, function, arguments)


def _call(module: str, function: str, arguments: tuple[Any, ...], compute: Compute) -> None:
    getattr(import_module(module), function)(*arguments, compute)


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
        **_place(region),
        "inputs": {key: reading_parameters(value) | {"sha256": value.sha256} for key, value in declared.items()},
    }
    contents = {key: input_content(value.path) for key, value in declared.items()} | _coefficients(region)
    return Step(
        "inputs",
        _VERSIONS["inputs"],
        parameters,
        {**contents, **_outline(region)},
        outputs=[FINDINGS_FILE],
        run=_later("pipelines.check", "run_checks", region, directory),
    )


def _degurba_step(region: RegionSettings, directory: Path, memory_limit: int | None) -> Step:
    degurba = region.delineation.degurba
    tables = [*CLUSTER_TABLES[degurba.level].values(), CENTRES_AROUND, "degurba_classes"]
    return Step(
        "degurba",
        _VERSIONS["degurba"],
        {**_place(region), "inputs": _reading(region), **degurba.model_dump(mode="json")},
        {**_grids(region), **_outline(region)},
        outputs=[
            *(f"rasters/degurba_l{level}.tif" for level in range(1, degurba.level + 1)),
            *(f"tables/{name}.parquet" for name in tables),
        ],
        run=_later("pipelines.delineate", "run_degurba", region, directory, memory_limit),
    )


def _units_step(region: RegionSettings, directory: Path) -> Step:
    degurba, units = region.delineation.degurba, region.inputs.units
    assert units is not None  # only asked for where units are configured
    return Step(
        "units",
        _VERSIONS["units"],
        {
            **_place(region),
            "inputs": _reading(region) | {"units": reading_parameters(units)},
            "rules": degurba.rules,
            "level1_from": degurba.level1_from,
        },
        {**_grids(region), **_outline(region), "units": input_content(units.path)},
        upstream=["degurba"],
        outputs=[f"tables/{name}.parquet" for name in ("units", "people_in_centres", "people_in_clusters")],
        run=_later("pipelines.delineate", "run_units", region, directory),
    )


def _fua_step(region: RegionSettings, directory: Path) -> Step:
    rules = region.delineation.functional_urban_areas
    assert rules is not None  # only asked for where it is configured
    by_flows = rules.method == "flows"
    used = ("units", "commuting.") if by_flows else ("units", "friction")
    declared = {key: value for key, value in declared_inputs(region).items() if key.startswith(used)}
    contents = {key: input_content(value.path) for key, value in declared.items()} | _coefficients(region)
    return Step(
        "fua",
        _VERSIONS["fua"],
        {
            **_place(region),
            "inputs": _reading(region) | {key: reading_parameters(value) for key, value in declared.items()},
            **rules.model_dump(mode="json", exclude={"coefficients"}),
        },
        {**_grids(region), **_outline(region), **contents},
        upstream=["degurba"],
        outputs=[f"tables/{name}.parquet" for name in fua_tables(region)],
        run=_later("pipelines.fua" if by_flows else "pipelines.modelled", _FUA_RUNS[rules.method], region, directory),
    )


def _governance_step(region: RegionSettings, directory: Path) -> Step:
    return Step(
        "governance",
        _VERSIONS["governance"],
        {**_place(region), "inputs": _reading(region)},
        {**_grids(region), **_outline(region)},
        upstream=["degurba", "fua"],
        outputs=["tables/fua_governance.parquet"],
        run=_later("pipelines.metropolis", "run_governance", region, directory),
    )


def _scales_step(region: RegionSettings, directory: Path, upstream: list[str]) -> Step:
    rules = region.delineation.scales
    assert rules is not None  # only asked for where it is configured
    used = ("regions", "local_centres", "services.")
    declared = {key: value for key, value in declared_inputs(region).items() if key.startswith(used)}
    return Step(
        "scales",
        _VERSIONS["scales"],
        {
            **_place(region),
            "inputs": _reading(region) | {key: reading_parameters(value) for key, value in declared.items()},
            **rules.model_dump(mode="json"),
        },
        {
            **_grids(region),
            **_outline(region),
            **{key: input_content(value.path) for key, value in declared.items()},
        },
        upstream=upstream,
        outputs=["tables/metropolitan_scales.parquet", "tables/services_in_reach.parquet"],
        run=_later("pipelines.metropolis", "run_scales", region, directory),
    )


def _change_step(region: RegionSettings, directory: Path, memory_limit: int | None) -> Step:
    rules = region.delineation.functional_urban_areas
    by_model = rules is not None and rules.method == "model"
    used = ("epochs.", "friction") if by_model else ("epochs.",)
    declared = {key: value for key, value in declared_inputs(region).items() if key.startswith(used)}
    contents = {key: input_content(value.path) for key, value in declared.items()} | _coefficients(region)
    return Step(
        "change",
        _VERSIONS["change"],
        {
            **_place(region),
            "inputs": _reading(region) | {key: reading_parameters(value) for key, value in declared.items()},
            "years": [region.inputs.population.year, *(epoch.population.year for epoch in region.inputs.epochs)],
            "degurba": region.delineation.degurba.model_dump(mode="json"),
            "model": {"join": rules.join} if rules is not None and by_model else None,
            **region.delineation.epochs.model_dump(mode="json"),
        },
        {**_grids(region), **_outline(region), **contents},
        outputs=["tables/urban_change.parquet", "tables/urban_projections.parquet"],
        run=_later("pipelines.metropolis", "run_change", region, directory, memory_limit),
    )


_FUA_RUNS = {"flows": "run_fua", "model": "run_modelled_fuas"}


def _publish_step(region: RegionSettings, directory: Path, upstream: list[str]) -> Step:
    level = region.delineation.degurba.level
    maps = [f"maps/degurba_l{level}.png"]
    if region.inputs.units is not None:
        maps.append(f"maps/units_degurba_l{level}.png")
    if fua_tables(region):
        maps.append("maps/functional_urban_areas.png")
    styles = [f"rasters/degurba_l{number}.qml" for number in range(1, level + 1)]
    credit = {"source", "licence", "year"}
    parameters = {
        "project": region.project,
        "title": region.title,
        "inputs": {
            key: value.model_dump(mode="json", include=credit) for key, value in declared_inputs(region).items()
        },
        "year_of_flows": None if region.inputs.commuting is None else region.inputs.commuting.year,
    }
    return Step(
        "publish",
        _VERSIONS["publish"],
        parameters,
        {},
        upstream=upstream,
        # The manifest comes last: a folder with a manifest is complete.
        outputs=[f"{region.name}.gpkg", *maps, *styles, "report.html", "manifest.json"],
        run=_later("pipelines.publish", "publish_region", region, directory, maps),
    )


def _reading(region: RegionSettings) -> dict[str, Any]:
    declared = {key: getattr(region.inputs, key) for key in RASTER_KEYS}
    return {key: reading_parameters(value) for key, value in declared.items() if value is not None}


def _grids(region: RegionSettings) -> dict[str, Content]:
    declared = {key: getattr(region.inputs, key) for key in RASTER_KEYS}
    return {key: input_content(value.path) for key, value in declared.items() if value is not None}


def _outline(region: RegionSettings) -> dict[str, Content]:
    return {} if region.outline is None else {"outline": input_content(region.outline.path)}


def _coefficients(region: RegionSettings) -> dict[str, Content]:
    rules = region.delineation.functional_urban_areas
    return {} if rules is None or rules.coefficients is None else {"coefficients": input_content(rules.coefficients)}


def _place(region: RegionSettings) -> dict[str, Any]:
    """Return which cells a region is: everything besides files and rules that they depend on."""
    outline = region.outline
    return {
        "regrid": None if region.regrid is None else region.regrid.model_dump(mode="json"),
        "outline": None if outline is None else outline.model_dump(mode="json", exclude={"path"}),
        "bounds": None if region.bounds is None else list(region.bounds),
        "halo_km": region.halo_km,
    }
