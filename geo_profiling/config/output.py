"""Section ``output``: where results go."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.section import LocalPath, Section


class Output(Section):
    """Where results go: one folder for each region."""

    directory: LocalPath = Field(
        description="Folder of the results, relative to the folder of this configuration; `run -o DIR` overrides it."
    )
    metrics: LocalPath | None = Field(
        None,
        description="File for the text format of Prometheus (its node exporter reads *.prom): regions done and failed, "
        "seconds, memory, time of the newest result; `run --metrics FILE` overrides it.",
    )
