"""Sections ``settlements.profile`` and ``settlements.tenure``: what is told of people's answers and rights."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from geo_profiling.config.section import Section


def _day(value: str) -> str:
    try:
        dt.date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("should be a day, YYYY-MM-DD") from error
    return value


DayText = Annotated[str, Field(min_length=10, max_length=10), AfterValidator(_day)]
ComponentName = Literal["water", "sanitation", "living_area", "durability", "tenure"]


class Profile(Section):
    """Settlement profile and deprivation, from 'inputs.enumeration'."""

    components: Annotated[list[ComponentName], Field(min_length=1)] = Field(
        ["water", "sanitation", "living_area", "durability", "tenure"],
        description="Components of deprivation that count; with fewer than five the figure is a lower bound.",
    )
    min_deprivations: int = Field(1, ge=1, le=5, description="Deprivations from which a settlement is deprived.")
    water_list: Literal["jmp2017", "mdg", "unhabitat2003"] = Field(
        "jmp2017", description="Whose list says which sources of water are improved."
    )
    hazardous_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of a settlement's people in hazardous location ('inputs.hazards') from which its housing is "
        "not durable.",
    )
    min_households: int = Field(
        5, ge=1, description="Figures of fewer households are left out, and others that would give them away."
    )


class Tenure(Section):
    """Tenure, conflicts and evictions, from 'inputs.tenure'."""

    reference_date: DayText = Field(
        description="Day for which rights are told, and on which the window of evictions ends."
    )
    code_list: Literal["canonical", "stdm", "cadasta"] = Field(
        "canonical", description="Whose words stand in tenure_type: the model's own, STDM's or Cadasta's."
    )
    tenure_words: dict[str, str] = Field(
        default_factory=dict, description="Words of yours for tenure, and the type of the model that each stands for."
    )
    adult_age: int = Field(18, ge=0, le=30, description="Age from which a person is an adult by the country's law.")
    recognised_documents: list[str] | None = Field(
        None,
        description="Kinds of sources that the country's law recognises as proof; without it the column 'documented' "
        "decides.",
    )
    conflict_min_area_m2: float = Field(0.1, ge=0, description="Overlap from which two units conflict.")
    conflict_min_share: float = Field(0.01, ge=0, le=1, description="And the share of the smaller one it must have.")
    survey_accuracy_m: float | None = Field(
        None, gt=0, description="Positional accuracy of the survey: overlaps narrower than twice that are slivers."
    )
    eviction_years: int = Field(5, ge=1, le=100, description="Years before the reference date that evictions are of.")
    notice_days: int = Field(90, ge=0, description="Days of notice from which it counts as given in time.")
    min_households: int = Field(
        5, ge=1, description="Figures of fewer households are left out, and others that would give them away."
    )
    publish_detail: bool = Field(
        False,
        description="Publish single conflicts and evictions with their geometry; never names or household points.",
    )
