"""Section ``settlements``: what is told of informal settlements, by which rules."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.blocks import Blocks
from geo_profiling.config.form import Form
from geo_profiling.config.section import Section


class Settlements(Section):
    """Informal settlements: street access, form, population, services, tenure."""

    blocks: Blocks = Field(default_factory=Blocks, description="Street blocks and the access of buildings to streets.")
    form: Form = Field(default_factory=Form, description="Form of buildings, candidate settlements, population.")
