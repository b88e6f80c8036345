"""Input files of access: streets to walk along and stops of public transport."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from geo_profiling.config.files import SpatialInput

#: Suffix of a GTFS feed; anything else that ``transit`` names is a layer of stops.
_FEED_SUFFIX = ".zip"


class StreetsInput(SpatialInput):
    """Streets and paths on which people walk, as lines."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    class_field: str | None = Field(None, description="Field with the class of each line, such as 'highway' of OSM.")
    classes: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="Classes that give access; all lines do without it. Needs 'class_field'."
    )
    bridge_field: str | None = Field(
        None,
        description="Field set on bridges and tunnels ('layer', 'bridge'): they cross streets without meeting them.",
    )

    @model_validator(mode="after")
    def _classes_have_a_field(self) -> StreetsInput:
        if self.classes is not None and self.class_field is None:
            raise ValueError("classes: name the 'class_field' they stand in")
        return self


class TransitInput(SpatialInput):
    """Public transport: a GTFS feed (zip), or a layer of stops."""

    layer: str | None = Field(None, description="Layer of stops to read; only needed when the file has several.")
    id_field: str | None = Field(None, description="Field with the unique id of each stop of a layer.")
    capacity_field: str | None = Field(
        None, description="Field of a layer with 'low' or 'high': the capacity of the vehicles that stop there."
    )
    capacity: Literal["low", "high"] | None = Field(
        None, description="Capacity of every stop of the file, whatever the feed's route types say."
    )

    @property
    def is_feed(self) -> bool:
        """Whether the path is a GTFS feed rather than a layer of stops."""
        return self.path.suffix.lower() == _FEED_SUFFIX

    @model_validator(mode="after")
    def _layers_say_capacity(self) -> TransitInput:
        named = [name for name in ("layer", "id_field", "capacity_field") if getattr(self, name) is not None]
        if self.is_feed and named:
            raise ValueError(f"{named[0]}: a GTFS feed has none; it is for layers of stops")
        if not self.is_feed and (self.capacity_field is None) == (self.capacity is None):
            raise ValueError("a layer of stops needs either 'capacity_field' or 'capacity'")
        return self
