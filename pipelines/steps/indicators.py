"""The step of the indicators: surveys, layers and tables become one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.steps.common import contents, later, place, reading

#: Raised whenever the same inputs and parameters give another result.
_VERSION = "1"
#: Inputs that indicators read besides the tables of other steps.
_READS = ("households", "tables", "units", "settlements", "streets", "transit", "open_spaces", "epochs")
#: Steps whose tables indicators are laid over.
_UPSTREAM = ("degurba", "units", "fua", "scales", "exposure", "settlements")


def indicator_steps(region: RegionSettings, directory: Path, before: Sequence[Step]) -> list[Step]:
    """Return the step of the indicators, where they are configured.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    before : sequence of Step
        All steps that come before; those whose areas indicators are for are waited for.
    """
    rules = region.indicators
    if rules is None:
        return []
    grids = region.inputs.population is not None
    return [
        Step(
            "indicators",
            _VERSION,
            {
                **place(region),
                "inputs": reading(region, *_READS, grids=grids),
                "years": region.inputs.years,
                "survey_year": None if region.inputs.households is None else region.inputs.households.year,
                "indicators": rules.model_dump(mode="json"),
            },
            contents(region, *_READS, grids=grids),
            upstream=[step.name for step in before if step.name in _UPSTREAM],
            outputs=["tables/indicators.parquet", "tables/indicator_inequality.parquet", "indicators.csv"],
            run=later("pipelines.indicators", "run_indicators", region, directory),
        )
    ]
