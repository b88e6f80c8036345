"""Section ``settlements``: what is told of informal settlements, by which rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from geo_profiling.config.blocks import Blocks
from geo_profiling.config.form import Form
from geo_profiling.config.section import Section
from geo_profiling.config.settlements import Profile, Tenure


class Access(Section):
    """Walking distances from homes to the places of 'inputs.services'."""

    within_m: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = Field(
        [250.0, 500.0, 1000.0], description="Distances on foot for which the share of homes is told, in metres."
    )


class Settlements(Section):
    """Informal settlements: street access, form, population, services, tenure."""

    blocks: Blocks = Field(
        default_factory=Blocks, description="Street blocks, how deep buildings lie in them, new paths."
    )
    form: Form | None = Field(
        default_factory=Form,
        description="Form of buildings, informality, candidate settlements; null: not measured (buildings as points).",
    )
    profile: Profile = Field(default_factory=Profile, description="Profile and deprivation, from 'inputs.enumeration'.")
    tenure: Tenure | None = Field(
        None, description="Tenure, conflicts and evictions, from 'inputs.tenure'; not told where absent."
    )
    access: Access = Field(default_factory=Access, description="Walking distances to services.")
