"""Section ``regions``: the areas that are computed one by one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from geo_profiling.config.section import LocalPath, Section

#: A region's name is a folder's and a file's name on every system.
REGION_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"


class Outline(Section):
    """The polygon of a region."""

    path: LocalPath = Field(description="Vector file with the outline, relative to the folder of this configuration.")
    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    field: str | None = Field(None, description="Field that tells the features of this region; without it all count.")
    value: str | int | None = Field(None, description="What the field says in the features of this region.")

    @model_validator(mode="after")
    def _field_with_value(self) -> Outline:
        if (self.field is None) != (self.value is None):
            raise ValueError("'field' and 'value' go together")
        return self


class Region(Section):
    """One region, with what differs from the rest of the configuration."""

    name: str = Field(pattern=REGION_NAME, description="Names the output folder and its GeoPackage.")
    title: str | None = Field(None, description="Heading of maps and report; the name where absent.")
    outline: Outline | None = Field(
        None,
        description="Only the cells of this polygon's bounding box (a halo around it is read), and only the units "
        "whose inner point lies in the polygon itself; rasters and tables of classes cover the whole box.",
    )
    bounds: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        None, description="Instead of an outline: left, bottom, right and top in the CRS of the population grid."
    )
    halo_km: float = Field(
        50.0, ge=0, description="How far cells around the outline or bounds are read, so that clusters are whole."
    )
    inputs: dict[str, Any] | None = Field(None, description="Keys of 'inputs' that differ in this region.")
    regrid: dict[str, Any] | None = Field(None, description="Keys of 'regrid' that differ in this region.")
    delineation: dict[str, Any] | None = Field(None, description="Keys of 'delineation' that differ in this region.")

    @model_validator(mode="after")
    def _one_extent(self) -> Region:
        if self.outline is not None and self.bounds is not None:
            raise ValueError("give 'outline' or 'bounds', not both")
        if self.bounds is not None and not (self.bounds[0] < self.bounds[2] and self.bounds[1] < self.bounds[3]):
            raise ValueError("bounds are left, bottom, right, top: left below right, bottom below top")
        return self
