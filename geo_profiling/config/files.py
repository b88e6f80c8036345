"""What can be said about an input file of any kind; the sections of the configuration build on these."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from geo_profiling.config.section import CrsText, LocalPath, Section

#: Pattern of a SHA-256 digest.
SHA256 = "^[0-9a-f]{64}$"
AreaUnit = Literal["m2", "share"]


class FileInput(Section):
    """What can be said about any input file."""

    path: LocalPath = Field(
        description="File, relative to the folder of this configuration; ${NAME:-default} is an environment variable."
    )
    sha256: Annotated[str, Field(pattern=SHA256)] | None = Field(
        None, description="Expected SHA-256 digest of the file; any other content is refused."
    )
    source: str | None = Field(None, description="Who publishes the data; printed on maps and in the report.")
    licence: str | None = Field(None, description="Licence of the data; printed in the report.")


class SpatialInput(FileInput):
    """A file with places: a raster or a layer."""

    crs: CrsText | None = Field(
        None, description="Coordinate reference system of a file that declares none, for example EPSG:4326."
    )


class RasterInput(SpatialInput):
    """A raster: one band of a GeoTIFF."""

    band: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Band to read, from 1; only needed when the file has several."
    )
    nodata: float | Literal["none"] | None = Field(
        None,
        description="Value that means 'unknown', instead of the one the file declares; 'none': no value means unknown.",
    )

    @property
    def nodata_value(self) -> float | None:
        """As :func:`geo_profiling.raster.read.open_raster` takes it: NaN stands for "none"."""
        return math.nan if self.nodata == "none" else self.nodata


class AreaInput(RasterInput):
    """A part of each cell."""

    unit: AreaUnit = Field("m2", description="m2 in each cell, as GHSL publishes it, or the share of the cell (0-1).")


class UnitsInput(SpatialInput):
    """Spatial units (municipalities, wards, ...), as polygons."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    id_field: str = Field(description="Field with the unique id of each unit; kept exactly as it is.")
    name_field: str | None = Field(None, description="Field with the name of each unit.")


class MappedInput(SpatialInput):
    """The ground on which something was mapped: a hazard, streets, open spaces."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    field: str | None = Field(None, description="Field that tells the polygons that count; without it all do.")
    value: str | int | None = Field(None, description="What the field says in the polygons that count.")

    @model_validator(mode="after")
    def _field_with_value(self) -> MappedInput:
        if (self.field is None) != (self.value is None):
            raise ValueError("'field' and 'value' go together")
        return self
