"""Section ``delineation``: the rules of what is delineated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from geo_profiling.config.metropolis import Epochs, Scales, TravelSpeeds
from geo_profiling.config.section import LocalPath, Section

Level = Literal[1, 2]
RulesVersion = Literal["2021", "2024"]
Smoothing = Literal["r2022a", "r2023a", "none"]
Level1From = Literal["level2", "direct"]


def _year_as_text(value: Any) -> Any:
    # 2024 without quotes is a number in YAML; both spellings mean the same rule set.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Degurba(Section):
    """Degree of Urbanisation of cells and units."""

    level: Level = Field(2, description="1: cities, towns, rural; 2: also dense, semi-dense, suburban and rural kinds.")
    rules: Annotated[
        RulesVersion, BeforeValidator(_year_as_text, json_schema_input_type=Literal["2021", "2024", 2021, 2024])
    ] = Field(
        "2024",
        description="Rule set of semi-dense clusters: 2021 (300 per km2, 5,000 people, 3 km) "
        "or 2024 (900 per km2, 2,500 people, 2 km).",
    )
    built_up_threshold: Annotated[float, Field(gt=0, le=1)] | Literal["none", "optimal"] = Field(
        0.20,
        description="Built-up share of land from which a cell counts as dense; 'none' for no such rule, "
        "'optimal' for the mean of all dense clusters of the world.",
    )
    optimal_value: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="The global value that 'optimal' stands for; needed unless the raster covers the world."
    )
    smoothing: Smoothing = Field("r2023a", description="Edge smoothing of urban centres, by GHSL release, or 'none'.")
    max_gap_km2: float = Field(15.0, ge=0, description="Gaps in urban centres below this area (km2) are filled.")
    level1_from: Level1From = Field(
        "level2", description="Level 1 of units from the Level 2 grid (the two nest) or from the direct Level 1 grid."
    )

    @model_validator(mode="after")
    def _optimal_value_has_a_use(self) -> Degurba:
        if self.optimal_value is not None and self.built_up_threshold != "optimal":
            raise ValueError("optimal_value only means something with 'built_up_threshold: optimal'")
        return self


class FunctionalUrbanAreas(Section):
    """Functional urban areas: cities with the commuting zones tied to them."""

    method: Literal["flows", "model"] = Field(
        description="'flows': from the commuting flows of 'inputs.commuting'; 'model': without flows, by travel time."
    )
    threshold: float = Field(
        0.15, gt=0, le=1, description="Share of a unit's employed residents who work in the city, from which it joins."
    )
    coefficients: LocalPath | None = Field(
        None, description="Coefficients of the model, written by `geo-profiling fit`; those we ship where absent."
    )
    join: Literal["modelled", "touching", "none"] = Field(
        "modelled",
        description="How the model's areas of several centres become one: 'modelled' where the model gives a centre to "
        "one of 25 times its people, 'touching' where areas share an edge, 'none' never.",
    )
    gdp_per_capita: float | None = Field(
        None,
        gt=0,
        description="Gross domestic product per head of the region's country, in US dollars: for coefficients that ask "
        "for it, and for `geo-profiling fit`.",
    )
    speeds: TravelSpeeds | None = Field(
        None,
        description="Speeds by which the model and `geo-profiling fit` build friction; those documented if absent.",
    )

    @model_validator(mode="after")
    def _coefficients_have_a_use(self) -> FunctionalUrbanAreas:
        if self.coefficients is not None and self.method != "model":
            raise ValueError("coefficients only mean something with 'method: model'")
        if self.join != "modelled" and self.method != "model":
            raise ValueError("join only means something with 'method: model'")
        return self


class Delineation(Section):
    """What is delineated."""

    degurba: Degurba = Field(default_factory=Degurba, description="Degree of Urbanisation.")
    functional_urban_areas: FunctionalUrbanAreas | None = Field(
        None, description="Functional urban areas; not computed where absent."
    )
    scales: Scales | None = Field(None, description="Metropolitan scales; not laid out where absent.")
    epochs: Epochs = Field(default_factory=Epochs, description="Change over the years of 'inputs.epochs'.")

    @property
    def is_by_flows(self) -> bool:
        """Whether functional urban areas come from commuting flows."""
        return self.functional_urban_areas is not None and self.functional_urban_areas.method == "flows"
