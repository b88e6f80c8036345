"""A project opened from its configuration: with the regions of its layer, and its remote inputs fetched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from geo_profiling.compute import Progress
from geo_profiling.config.load import load_project
from geo_profiling.config.project import Project
from geo_profiling.config.regions import RegionLayer
from geo_profiling.runs.ledger import STATE_FOLDER


def open_project(
    path: str | os.PathLike[str], *, directory: Path | None = None, progress: Progress | None = None
) -> Project:
    """Load a configuration, reading the layer of regions and fetching the remote inputs it names.

    Parameters
    ----------
    path : str or path-like
        A YAML file.
    directory : Path, optional
        Folder of the results, instead of the configuration's; remote inputs are staged in its state folder.
    progress : Progress, optional
        Told about what is fetched.

    Raises
    ------
    ConfigError
        With one line for everything that is wrong.
    """

    def fetch(address: str, origins: Sequence[str], output: Path) -> Path:
        from geo_profiling.sources.remote import stage

        return stage(address, (directory or output) / STATE_FOLDER / "remote", origins=origins, progress=progress)

    return load_project(path, read_regions=read_regions, fetch=fetch)


def read_regions(layer: RegionLayer, roots: Sequence[Path]) -> list[tuple[str, str]]:
    """Return name and heading of every feature of a layer of regions.

    Parameters
    ----------
    layer : RegionLayer
    roots : sequence of Path
        Folders that the file may lie in.

    Raises
    ------
    InputError
        If the layer is refused or lacks a field.
    """
    from geo_profiling.vector.read import read_layer

    fields = [layer.name_field, *([layer.title_field] if layer.title_field else [])]
    frame, _ = read_layer(layer.path, layer=layer.layer, columns=fields, kinds={"polygon"}, roots=roots)
    texts = [frame[field].map(_text).tolist() for field in fields]
    return list(zip(texts[0], texts[-1], strict=True))


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)
