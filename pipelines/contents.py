"""What a region reads of its inputs, as content of steps; imports nothing that reads them.

A population grid of a whole country is one file and many regions: a region depends on the cells of
its own window, and on the features that reach into it. Readers and comparers stand in
:mod:`pipelines.parts` and are imported when a file changed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from geo_profiling.config.files import FileInput, RasterInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Content, PartContent, canonical_json
from pipelines.declared import input_content, reading_parameters

#: Rasters of which a region reads the cells of its window and no others.
_CELLS = ("population", "land", "built_up")


def region_content(region: RegionSettings, key: str, declared: FileInput) -> Content:
    """Return what a region reads of an input: cells of its window, features that reach into it, or the whole file.

    Parameters
    ----------
    region : RegionSettings
    key : str
        From the section ``inputs``, keys of a section joined by a dot; grids of other years are
        ``epochs.0.population``.
    declared : FileInput
    """
    own, name = _of_epoch(region, key)
    if name in _CELLS and isinstance(declared, RasterInput):
        return _cells(own, name, declared)
    if key == "units" and region.outline is not None:
        return _features(region, declared)
    return input_content(declared.path)


def _of_epoch(region: RegionSettings, key: str) -> tuple[RegionSettings, str]:
    """Return the region with the grids of the year that the key is about, and the grid's own key."""
    words = key.split(".")
    if len(words) != 3 or words[0] != "epochs":
        return region, key
    epoch = region.inputs.epochs[int(words[1])]
    inputs = region.inputs.model_copy(update={"population": epoch.population, "built_up": epoch.built_up})
    return replace(region, inputs=inputs), words[2]


def _cells(region: RegionSettings, key: str, declared: RasterInput) -> PartContent:
    population = region.inputs.population
    placed_by = [] if population is None else [population]
    files = dict.fromkeys([declared.path, *(grid.path for grid in placed_by), *_outline_files(region)])
    view = {
        "part": "cells",
        "input": _reading(declared),
        "placed by": [_reading(grid) for grid in placed_by],
        "place": _place(region),
    }
    return PartContent(
        canonical_json(view),
        tuple(files),
        partial(_later, "cell_parts", region, key, declared),
        partial(_later, "compare_cells"),
    )


def _features(region: RegionSettings, declared: FileInput) -> PartContent:
    files = dict.fromkeys([*_files(declared.path), *_outline_files(region)])
    view = {"part": "features", "input": _reading(declared), "place": _place(region)}
    return PartContent(
        canonical_json(view),
        tuple(files),
        partial(_later, "feature_parts", region, declared),
        partial(_later, "compare_features"),
    )


def _later(function: str, *arguments: Any) -> Any:
    return getattr(import_module("pipelines.parts"), function)(*arguments)


def _reading(declared: FileInput) -> dict[str, Any]:
    return {"path": str(declared.path), **reading_parameters(declared)}


def _place(region: RegionSettings) -> dict[str, Any]:
    return {
        "regrid": None if region.regrid is None else region.regrid.model_dump(mode="json"),
        "outline": None if region.outline is None else region.outline.model_dump(mode="json"),
        "bounds": None if region.bounds is None else list(region.bounds),
        "halo_km": region.halo_km,
    }


def _outline_files(region: RegionSettings) -> list[Path]:
    return [] if region.outline is None else _files(region.outline.path)


def _files(path: Path) -> list[Path]:
    content = input_content(path)
    return [path, *(sibling for sibling in content.siblings if sibling.exists())]
