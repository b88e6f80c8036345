"""Input files of the settlement profile: an enumeration and what its answers mean."""

from __future__ import annotations

from pydantic import Field, model_validator

from geo_profiling.config.files import FileInput
from geo_profiling.config.section import Section
from geo_profiling.config.vocabulary import BuiltInMapping


class EnumerationTable(FileInput):
    """Answers of settlements or households: a CSV, or the fields of a layer (the settlements' own too)."""

    layer: str | None = Field(None, description="Layer to read, where the file is one with several.")
    encoding: str = Field("utf-8", description="Of the text of a CSV.")


class MappingInput(FileInput):
    """A mapping file (YAML): which column and which answer is which word of the profile."""


class EnumerationInput(Section):
    """An enumeration, and its answers in the words of the settlement profile."""

    table: EnumerationTable = Field(description="One row for each settlement or each household.")
    mapping: MappingInput | None = Field(None, description="Mapping file of yours.")
    built_in_mapping: BuiltInMapping | None = Field(
        None, description="A mapping that comes with the package, instead of a file."
    )

    @model_validator(mode="after")
    def _one_mapping(self) -> EnumerationInput:
        if (self.mapping is None) == (self.built_in_mapping is None):
            raise ValueError("give 'mapping' or 'built_in_mapping', one of the two")
        return self
