"""Input files of the indicators: household surveys, and tables that a city keeps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from geo_profiling.config.files import FileInput, SpatialInput
from geo_profiling.config.section import Section

ReadyMapping = Literal["dhs6", "dhs7", "dhs8", "mics6", "plain"]


class SurveyTable(FileInput):
    """A table of a survey (CSV), one row a household."""

    encoding: str = Field("utf-8", description="Of the text.")


class JoinedTable(SurveyTable):
    """A table with more answers of the same households."""

    key: str = Field(description="Column of the household's id, in both tables.")


class PsuPopulations(SurveyTable):
    """People of each PSU, for surveys whose households have no weight of their own."""

    psu: str = Field(description="Column of the PSU; the survey's own column of that name is matched with it.")
    population: str = Field(description="Column of its people.")


class Coordinates(Section):
    """Where households were asked, and how exactly that is told."""

    longitude: str = Field(description="Column, in degrees east.")
    latitude: str = Field(description="Column, in degrees north.")
    reason: Literal["displaced", "rounded"] = Field(
        description="'displaced': moved on purpose, as DHS does; 'rounded': given with few digits."
    )
    accuracy_m: float = Field(
        gt=0,
        description="How far a household may be from where its coordinates say: 10000 for DHS (2000 where all clusters "
        "are urban), 800 for hundredths of a degree.",
    )


class HouseholdsInput(Section):
    """A household survey."""

    year: int = Field(ge=1900, le=2200, description="Year of the fieldwork.")
    table: SurveyTable = Field(description="The survey.")
    built_in_mapping: ReadyMapping | None = Field(
        None, description="Ready mapping of its columns and codes: DHS recodes 6, 7 and 8, MICS 6, or a plain table."
    )
    mapping: FileInput | None = Field(None, description="A mapping of your own (YAML); see docs/methods/indicators.md.")
    joined: list[JoinedTable] = Field(default_factory=list, description="Tables with more answers, joined by id.")
    psu_populations: PsuPopulations | None = Field(
        None,
        description="People of each PSU; gives a column 'people_weight': people of the PSU by households asked in it.",
    )
    coordinates: Coordinates | None = Field(None, description="Columns of coordinates, to place households in areas.")

    @model_validator(mode="after")
    def _one_mapping(self) -> HouseholdsInput:
        if (self.mapping is None) == (self.built_in_mapping is None):
            raise ValueError("give 'built_in_mapping' or 'mapping', one of the two")
        return self


class CityTables(Section):
    """Tables that a city keeps (CSV)."""

    spending: FileInput | None = Field(
        None,
        description="Municipal spending on basic services. Columns jurisdiction, year, service, amount, currency, "
        "population.",
    )
    seats: FileInput | None = Field(
        None, description="Seats of local government. Columns jurisdiction, year, women, men, vacant."
    )
    work: FileInput | None = Field(
        None,
        description="Work. Columns jurisdiction, year, employed, unemployed, youth, youth_employed, "
        "youth_in_school_not_employed.",
    )
    migration_policies: FileInput | None = Field(
        None, description="Cities with policies on migration. Columns city_id, year, has_policy."
    )
    ratings: FileInput | None = Field(
        None, description="Working environment of the informal economy, 1-5. Columns jurisdiction, year, rating."
    )
    policies: FileInput | None = Field(
        None, description="Policies and plans. Columns policy_id, year, theme, milestone."
    )
    projects: FileInput | None = Field(
        None, description="Beneficiaries of projects. Columns project_id, year, total, women, men, reach."
    )
    overlaps: FileInput | None = Field(
        None, description="Projects that may reach the same people. Columns first, second."
    )

    @model_validator(mode="after")
    def _overlaps_have_projects(self) -> CityTables:
        if self.overlaps is not None and self.projects is None:
            raise ValueError("overlaps: give the 'projects' that overlap")
        return self


class OpenSpacesInput(SpatialInput):
    """Open public spaces, as polygons."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    access_field: str | None = Field(None, description="Field that tells whether a space is open to all.")
    public_values: list[str] = Field(
        default_factory=lambda: ["yes", "public"],
        description="What that field says of spaces open to all without a fee; others are left out.",
    )


#: Kinds of areas that a survey's own columns may name.
AreaKind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
