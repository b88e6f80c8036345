"""Sections ``delineation.scales`` and ``delineation.epochs``: the metropolis at its scales and over time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from geo_profiling.config.section import Section

#: Speeds beyond these are no one's way to work.
Kmh = Annotated[float, Field(ge=0.5, le=200)]


class TravelSpeeds(Section):
    """Speeds from which friction is built, in km/h, where there is no friction raster."""

    land_kmh: Kmh | None = Field(
        None, description="On land without a road of 'inputs.roads': 5 (walking) with roads, 30 without."
    )
    water_kmh: Kmh | Literal["none"] = Field(
        20.0, description="By boat, where less than half of a cell is land; 'none': water cannot be crossed."
    )
    road_kmh: dict[str, Kmh] = Field(
        default_factory=dict, description="By class of road, instead of or besides the speeds that are documented."
    )


class Proximity(Section):
    """Ground within walking time of local centres: those of 'inputs.local_centres', else found from the people."""

    walking_minutes: float = Field(15.0, gt=0, le=240, description="Walking time from a local centre, in minutes.")
    cell_size_m: float = Field(
        100.0, gt=0, description="Width and height, at most, of the cells that are walked through."
    )
    centre_radius_m: float = Field(
        1000.0, gt=0, description="A local centre that is found is the peak of the people within this distance."
    )
    centre_min_population: float = Field(
        5000.0, gt=0, description="People within that distance from which a peak is a local centre."
    )


class Scales(Section):
    """Metropolitan scales, from proximity to the metropolitan region."""

    proximity: Proximity | None = Field(None, description="Areas within walking time; not computed where absent.")
    agglomeration_min_population: float = Field(
        50_000.0, ge=0, description="People from which an urban cluster is an agglomeration."
    )
    region_min_fua_population: float = Field(
        250_000.0, ge=0, description="People from which a functional urban area makes a metropolitan region."
    )


class Epochs(Section):
    """How the years of 'inputs.epochs' and of the population grid are linked, and where they lead."""

    weight: Literal["population", "area"] = Field("population", description="Overlap counts people or area.")
    min_overlap: float = Field(
        0.5, gt=0, le=1, description="Share of one area in another from which they are linked over time."
    )
    project_to: int | None = Field(
        None, ge=1900, le=2300, description="Year after the last epoch to which people and area are projected."
    )
    rate_band_pct: float = Field(
        0.5, ge=0, description="Half the width of a projection's range at least, in percent a year."
    )
