"""Section ``exposure``: what is told of people and things exposed to the hazards of 'inputs.hazards'."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from geo_profiling.config.section import Section


class PopulationRange(Section):
    """How far the people of informal settlements may be from what the grid says, as factors."""

    low: float = Field(gt=0, description="Least people for one in the grid.")
    high: float = Field(gt=0, description="Most people for one in the grid.")

    @model_validator(mode="after")
    def _in_order(self) -> PopulationRange:
        if self.low > self.high:
            raise ValueError("'low' is above 'high'")
        return self


class Exposure(Section):
    """Exposure to hazards, by area, event and band."""

    reference_return_period: float = Field(
        100.0, gt=0, description="Return period in years by which settlements are compared with the rest."
    )
    running_maximum: bool = Field(
        False,
        description="Annual exposure: take a rarer event to expose at least what more frequent ones do. Falls are "
        "reported either way.",
    )
    settlement_population: PopulationRange | None = Field(
        None, description="Range that is carried through to the people exposed in informal settlements."
    )
    composite_weights: dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        None,
        description="Weights by hazard of a composite score of settlements; no score is computed without them, and "
        "they are published beside it.",
    )
