"""Input files of the built city: buildings, what bounds street blocks, and the informal settlements themselves."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.files import SpatialInput, UnitsInput


class LayerInput(SpatialInput):
    """A layer whose features need no id."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")


class BuildingsInput(LayerInput):
    """Buildings, as footprints or points."""

    id_field: str | None = Field(
        None, description="Field with the unique id of each building; numbered in the order of the file where absent."
    )
    height_field: str | None = Field(
        None, description="Field with the height in metres, or the storeys: people are spread over floor space."
    )
    wall_field: str | None = Field(
        None, description="Field with the material of the walls: whether buildings burn ('fire' of a hazard)."
    )


class SettlementsInput(UnitsInput):
    """Informal settlements, as polygons."""

    kind_field: str | None = Field(
        None, description="Field with the kind of settlement, such as its legal class; printed beside its name."
    )
