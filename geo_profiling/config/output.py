"""Section ``output``: where results go."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.section import LocalPath, Section


class Output(Section):
    """Where results go: one folder for each region."""

    directory: LocalPath = Field(
        description="Folder of the results, relative to the folder of this configuration; `run -o DIR` overrides it."
    )
