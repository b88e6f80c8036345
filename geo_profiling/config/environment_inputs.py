"""Input files of the environmental profile: vegetation, water as polygons, ecosystems at risk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from geo_profiling.config.files import RasterInput, SpatialInput


class VegetationInput(RasterInput):
    """How much of each cell trees or other plants cover."""

    unit: Literal["share", "percent"] = Field(description="Share of the cell (0-1), or percent of it (0-100).")


class EcosystemsInput(SpatialInput):
    """Ecosystems at risk, such as wetlands, mangroves and steep slopes, as polygons."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    kind_field: str = Field(description="Field with the kind of each polygon; 'unknown' is written where it is empty.")
    kinds: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="The kinds that count; polygons of others are left out. All count without it."
    )
