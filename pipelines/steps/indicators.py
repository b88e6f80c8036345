"""The step of the indicators: surveys, layers and tables become one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geo_profiling.config.project import RegionSettings
from geo_profiling.runs.step import Step
from pipelines.steps.common import contents, later, place, reading

#: Raised whenever the same inputs and parameters give another result.
_VERSION = "2"
#: Inputs that indicators read besides the tables of other steps.
_READS = (
    "households", "tables", "units", "settlements", "streets", "transit", "open_spaces", "epochs", "population_fine",
)  # fmt: skip
#: Steps whose tables indicators are laid over.
_UPSTREAM = ("degurba", "units", "fua", "scales", "exposure", "tenure", "settlements")
#: Kinds of areas whose table of indicators has another name.
_TABLES = {"functional_urban_area": "fua"}


def wide_kinds(region: RegionSettings) -> list[str]:
    """Return the kinds of areas that get a layer with all their indicators.

    Parameters
    ----------
    region : RegionSettings
    """
    inputs, rules = region.inputs, region.delineation
    has_grid = inputs.population is not None
    scales = [] if rules.scales is None or not has_grid else ["agglomeration", "metropolitan_area"]
    kinds = {
        "settlement": inputs.settlements is not None,
        "unit": inputs.units is not None,
        "urban_centre": has_grid,
        "functional_urban_area": has_grid and rules.functional_urban_areas is not None,
    }
    return [*(kind for kind, is_there in kinds.items() if is_there), *scales]


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
    told = None if region.exposure is None else region.exposure.settlement_population
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
                "people_of_settlements": None if told is None else told.model_dump(mode="json"),
            },
            contents(region, *_READS, grids=grids),
            upstream=[step.name for step in before if step.name in _UPSTREAM],
            outputs=[
                "tables/indicators.parquet",
                "tables/indicator_inequality.parquet",
                *(f"tables/indicators_by_{_TABLES.get(kind, kind)}.parquet" for kind in wide_kinds(region)),
                "indicators.csv",
            ],
            run=later("pipelines.indicators", "run_indicators", region, directory),
        )
    ]
