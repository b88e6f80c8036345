"""Section ``indicators``: which choices the indicators are computed by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from geo_profiling.config.household_inputs import AreaKind
from geo_profiling.config.section import Section

Component = Literal["water", "sanitation", "living_area", "durability", "tenure"]
FromLayers = Literal["slum_area", "hazardous_location", "tenure"]
MissingPolicy = Literal["exclude", "unimproved", "bounds"]
Share = Annotated[float, Field(ge=0, le=1)]


class SlumHouseholds(Section):
    """SDG 11.1.1: what makes a slum household."""

    components: Annotated[list[Component], Field(min_length=1)] | None = Field(
        None, description="Deprivations that count; all that the survey measured where absent."
    )
    min_deprivations: int = Field(1, ge=1, le=5, description="How many of them make a slum household.")
    water_list: Literal["jmp2017", "mdg", "unhabitat2003"] = Field(
        "jmp2017", description="Improved sources of water of SDG 11.1.1."
    )
    shared_counts_as_improved: bool = Field(
        True, description="Whether a shared toilet of an improved type is improved (SDG) or not (MDG)."
    )
    persons_per_room: float = Field(3.0, gt=0, description="Crowding: more persons to a room than this.")
    crowding: Literal["more", "from"] = Field(
        "more", description="'more' than persons_per_room (SDG), or 'from' that many on, whole persons (DHS)."
    )
    no_rooms: Literal["one", "missing"] = Field("one", description="What a household with 0 rooms has.")
    from_layers: list[FromLayers] = Field(
        ["slum_area", "hazardous_location", "tenure"],
        description="What households of 'inputs.settlements' get from the layers where the survey did not ask: that "
        "they live in a slum area, in hazardous location ('inputs.hazards'), with secure tenure ('inputs.tenure').",
    )
    layer_share: Share = Field(
        0.5,
        description="Share of a settlement's people (adults, for tenure) from which a layer says so of its households. "
        "One half: layers know of the settlement, not of the household, and then it is true of most of them.",
    )


class Indicators(Section):
    """Indicators from household surveys, layers and tables."""

    areas: dict[AreaKind, str] = Field(
        default_factory=dict,
        description="Kinds of areas and the column of the survey that names each household's, such as "
        "{city_corporation: corporation}.",
    )
    place_in: list[Literal["units", "settlements", "functional_urban_areas", "urban_centres"]] = Field(
        default_factory=list,
        description="Layers in which households are placed by their coordinates; refused where these are too coarse.",
    )
    breakdowns: list[str] = Field(
        default_factory=list,
        description="Variables by which every area is broken down: sex_of_head, age_of_head (under 35, 35 to 59, 60 "
        "and over), wealth_quintile, tenure, urbanisation, is_slum_area.",
    )
    modelled_by: Literal["is_slum_area", "urbanisation"] | None = Field(
        None,
        description="Variable whose rates, weighted with gridded people, stand where an area's sample is too small; "
        "none are modelled where absent.",
    )
    slum: SlumHouseholds = Field(default_factory=SlumHouseholds, description="Slum households (11.1.1).")
    water_list: Literal["jmp2017", "mdg", "unhabitat2003"] = Field(
        "jmp2017", description="Improved sources of the ladder of drinking water (6.1.1)."
    )
    time_unknown: Literal["limited", "unknown"] = Field(
        "limited", description="What an improved source is of which the time to fetch water is not known."
    )
    missing: MissingPolicy = Field("exclude", description="What becomes of missing answers.")
    missing_of: dict[str, MissingPolicy] = Field(
        default_factory=dict, description="The same for single indicators, by their id."
    )
    sewage_treated_share: Share | None = Field(
        None, description="Share (0-1) of what enters sewers that reaches a plant and is treated."
    )
    faecal_sludge_treated_share: Share | None = Field(
        None, description="Share (0-1) of what is emptied from pits and tanks that reaches a plant and is treated."
    )
    max_housing_cost_share: Share = Field(0.30, description="Share of income above which housing is inadequate.")
    poverty_line: float = Field(2.15, gt=0, description="International poverty line, a person and day.")
    ci: Literal["logit", "wilson", "beta", "mean", "dhs2se"] = Field("logit", description="Intervals (95 %).")
    lonely_psu: Literal["fail", "certainty", "remove", "adjust", "average"] = Field(
        "fail", description="What to do with a stratum that has one PSU."
    )
    min_households: int = Field(25, ge=2, description="Households below which an estimate is not published.")
    caution_households: int = Field(50, ge=2, description="Households below which an estimate is marked.")
    hazard_bands: list[str] = Field(
        default_factory=lambda: ["0.15-0.5", "0.5-1.5", ">=1.5"],
        description="Bands of a hazard in which people count as exposed.",
    )

    @model_validator(mode="after")
    def _marks_follow(self) -> Indicators:
        if self.caution_households < self.min_households:
            raise ValueError("caution_households: is below min_households")
        if self.modelled_by is not None and self.modelled_by not in self.breakdowns:
            raise ValueError(f"modelled_by: name '{self.modelled_by}' among the breakdowns too")
        return self
