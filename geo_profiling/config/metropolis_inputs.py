"""Input files from which the ground is made that people travel over: heights and roads."""

from __future__ import annotations

from pydantic import Field

from geo_profiling.config.files import RasterInput, SpatialInput


class ElevationInput(RasterInput):
    """Height of the ground in metres, on the grid of the population (or on that of 'regrid')."""


class RoadsInput(SpatialInput):
    """Roads for travel by car, as lines."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    class_field: str = Field(
        description="Field with the class of each road as OpenStreetMap's 'highway' names it; each class has a speed."
    )
