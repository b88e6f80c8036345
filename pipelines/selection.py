"""Which regions of a project a command is about, and where their results go."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from geo_profiling.config.project import Project, RegionSettings
from geo_profiling.errors import UsageError


def select_regions(project: Project, names: Sequence[str] | None) -> list[RegionSettings]:
    """Return the named regions in the order of the configuration; all without names.

    Raises
    ------
    UsageError
        If there is no region of a name; the nearest one is named.
    """
    known = {region.name: region for region in project.regions}
    for name in names or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"regions are {', '.join(known)}"
            raise UsageError(f"{project.path}: there is no region '{name}'", hint=hint)
    return [region for region in project.regions if not names or region.name in names]


def output_directory(project: Project, directory: Path | None) -> Path:
    """Return the folder of all regions' results: the option, else the configuration's."""
    return (directory or project.config.output.directory).absolute()
