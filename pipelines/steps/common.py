"""What the steps of every slice share: work that is imported when it runs, the grids and the place of a region."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Content
from pipelines.contents import region_content
from pipelines.declared import RASTER_KEYS, declared_inputs, input_content, reading_parameters


def later(module: str, function: str, *arguments: Any) -> partial[None]:
    """Return a call that imports its module only when it is made; ``compute`` comes as the last argument.

    Examples
    --------
    >>> later("builtins", "print", "work")("compute")
    work compute
    """
    return partial(_call, module, function, arguments)


def _call(module: str, function: str, arguments: tuple[Any, ...], compute: Compute) -> None:
    getattr(import_module(module), function)(*arguments, compute)


def reading(region: RegionSettings, *keys: str, grids: bool = True) -> dict[str, Any]:
    """Return how the grids are read (or, without ``grids``, not), and the inputs of these keys or sections."""
    declared = _chosen(region, [*(RASTER_KEYS if grids else ()), *keys])
    return {key: reading_parameters(value) for key, value in declared.items()}


def contents(region: RegionSettings, *keys: str, grids: bool = True) -> dict[str, Content]:
    """Return what the region reads of grids (with ``grids``), outline, and the inputs of these keys or sections."""
    declared = _chosen(region, [*(RASTER_KEYS if grids else ()), *keys])
    found = {key: region_content(region, key, value) for key, value in declared.items()}
    return found if region.outline is None else {**found, "outline": input_content(region.outline.path)}


def _chosen(region: RegionSettings, keys: Iterable[str]) -> dict[str, Any]:
    sections = tuple(f"{key}." for key in keys)
    return {key: value for key, value in declared_inputs(region).items() if f"{key}.".startswith(sections)}


def place(region: RegionSettings) -> dict[str, Any]:
    """Return which cells a region is: everything besides files and rules that they depend on."""
    outline = region.outline
    return {
        "regrid": None if region.regrid is None else region.regrid.model_dump(mode="json"),
        "outline": None if outline is None else outline.model_dump(mode="json", exclude={"path"}),
        "bounds": None if region.bounds is None else list(region.bounds),
        "halo_km": region.halo_km,
    }
