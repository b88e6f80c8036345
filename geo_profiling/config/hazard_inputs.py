"""Input files of hazards: rasters of an intensity by event, polygons of risk classes, things with a right of way."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import Field, model_validator

from geo_profiling.config.files import MappedInput, RasterInput, SpatialInput
from geo_profiling.config.section import Section


class HazardEvent(RasterInput):
    """A raster of a hazard: one event, or a state that lasts."""

    return_period: float | None = Field(
        None, gt=0, description="Return period in years; without it the hazard is no event (a slope, heat)."
    )
    scenario: str = Field(
        "", max_length=64, description="Scenario and epoch, such as 'rcp4p5 2030'; empty for the baseline."
    )


class HazardClasses(SpatialInput):
    """Polygons of risk classes, such as sectors R1 to R4."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    class_field: str = Field(description="Field with the class of each polygon.")
    classes: Annotated[list[str], Field(min_length=1)] = Field(
        description="The classes, from the mildest to the worst."
    )
    exposed_from: str | None = Field(
        None, description="Class from which people count as exposed; the mildest where absent."
    )
    overlap: Literal["refuse", "worst"] = Field(
        "refuse",
        description="Where polygons of different classes overlap: refuse the layer, or take the worst class there. "
        "Classes are never added up.",
    )

    @model_validator(mode="after")
    def _threshold_is_a_class(self) -> HazardClasses:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class is listed twice")
        if self.exposed_from is not None and self.exposed_from not in self.classes:
            raise ValueError(f"'exposed_from: {self.exposed_from}' is none of the classes")
        return self


class HazardNear(SpatialInput):
    """Things whose surroundings are a hazard: railways, power lines, dumps, plants."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    within_m: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = Field(
        description="Distances in metres; the nearest ground is the worst class."
    )


class HazardFar(SpatialInput):
    """Things out of whose reach is a hazard: streets that a fire engine can use."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")
    class_field: str | None = Field(None, description="Field with the class of each, such as 'highway'.")
    classes: list[str] | None = Field(None, description="Classes that count, such as those an engine can use.")
    beyond_m: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = Field(
        [50.0, 100.0],
        description="Distances in metres, such as lengths of hose; the farthest ground is worst.",
    )

    @model_validator(mode="after")
    def _classes_of_a_field(self) -> HazardFar:
        if self.classes is not None and self.class_field is None:
            raise ValueError("'classes' are values of a field: give 'class_field'")
        return self


class HazardFire(Section):
    """What makes a building hard to save from fire, besides the way to it: told of buildings by settlement."""

    dense_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of built-over ground around a building from which fire spreads.",
    )
    around_m: float = Field(25.0, gt=0, le=500, description="How far around a building that ground reaches, in metres.")
    combustible: list[str] = Field(
        default_factory=list,
        description="Values of 'inputs.buildings.wall_field' of walls that burn; every other known value does not. "
        "Walls are left out where that field is not given.",
    )


class HazardSea(SpatialInput):
    """The sea, as polygons of water."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")


class WaterInput(RasterInput):
    """Permanent water: rivers in their beds, lakes, the sea."""


class HazardInput(Section):
    """A hazard: how its numbers are read, and its files."""

    kind: str = Field(
        "flood",
        description="flood, storm_surge, slope, landslide_susceptibility, heat, sea_level or fire_access; or a kind of "
        "yours, with unit and thresholds.",
    )
    unit: Literal["m", "cm", "degree", "percentile", "class", "degree_celsius", "m_distance"] | None = Field(
        None, description="Of the rasters; that of the kind where absent."
    )
    thresholds: Annotated[list[float], Field(min_length=1)] | None = Field(
        None, description="Rising limits of the bands, in metres for m and cm; those of the kind where absent."
    )
    direction: Literal["above", "below"] | None = Field(
        None, description="Which side of a threshold is exposed; that of the kind where absent."
    )
    made_from: Literal["heights", "temperature"] | None = Field(
        None,
        description="What the rasters hold, where the hazard is computed from it: 'heights' in metres for a slope or a "
        "sea level, 'temperature' for percentiles within the city. Without it they hold the hazard itself.",
    )
    nodata_means: Literal["unknown", "dry", "sea"] = Field(
        "unknown",
        description="What cells without data are inside the raster; 'dry' only if its provider says so; 'sea' for a "
        "sea level made from heights: such cells that join the edge of the raster.",
    )
    sea: HazardSea | None = Field(
        None, description="For a sea level made from heights: the sea, where no data does not mean it."
    )
    reference: str | None = Field(None, description="Where the thresholds come from; printed in the report.")
    exposed_from: float | None = Field(
        None, description="Threshold from which people count as exposed; the lowest where absent."
    )
    is_hazardous_location: bool | None = Field(
        None,
        description="Whether ground that is exposed is a hazardous location (SDG 11.1.1: flood plains, steep slopes, "
        "toxic waste, rights of way); where absent all is but heat, fire_access and 'far'.",
    )
    events: list[HazardEvent] = Field(default_factory=list, description="Rasters, one for each event.")
    classes: HazardClasses | None = Field(None, description="Instead of rasters: polygons of risk classes.")
    mapped_in: MappedInput | None = Field(
        None,
        description="Beside 'classes' or 'far': the ground on which classes or streets were mapped. Elsewhere the "
        "hazard is unknown, not none; without it they are taken to be mapped everywhere.",
    )
    near: HazardNear | None = Field(None, description="Instead of rasters: things with a right of way.")
    far: HazardFar | None = Field(
        None, description="Instead of rasters: things out of whose reach is a hazard, such as streets of fire engines."
    )
    fire: HazardFire | None = Field(
        None, description="Beside 'far': what else makes buildings hard to save, told by settlement."
    )

    @property
    def counts_as_location(self) -> bool:
        """Whether exposed ground is a hazardous location: as declared, else by the kind."""
        if self.is_hazardous_location is not None:
            return self.is_hazardous_location
        return self.far is None and (not self.events or self.kind not in ("heat", "fire_access"))

    @model_validator(mode="after")
    def _one_form(self) -> HazardInput:
        forms = (self.classes, self.near, self.far)
        if bool(self.events) + sum(form is not None for form in forms) != 1:
            raise ValueError("give 'events', 'classes', 'near' or 'far', one of the four")
        if self.mapped_in is not None and self.classes is None and self.far is None:
            raise ValueError("'mapped_in' is about classes: give 'classes' or 'far'")
        if self.fire is not None and self.far is None:
            raise ValueError("'fire' goes with the streets that an engine can use: give 'far'")
        return self

    @model_validator(mode="after")
    def _events_differ(self) -> HazardInput:
        told = [(event.scenario, event.return_period) for event in self.events]
        twice = sorted({str(key) for key in told if told.count(key) > 1})
        if twice:
            raise ValueError(f"two rasters are of the same scenario and return period: {', '.join(twice)}")
        scenarios: dict[str, set[bool]] = {}
        for scenario, period in told:
            scenarios.setdefault(scenario, set()).add(period is None)
        if any(len(kinds) > 1 for kinds in scenarios.values()):
            raise ValueError("give every raster of a scenario a return period, or none of them")
        return self

    @model_validator(mode="after")
    def _made_from_what_it_can_be(self) -> HazardInput:
        makes = {"heights": ("degree", "m_distance"), "temperature": ("percentile",)}
        units = {"slope": "degree", "heat": "percentile", "sea_level": "m_distance"}
        unit = self.unit or units.get(self.kind)
        if self.made_from is not None and unit not in makes[self.made_from]:
            raise ValueError(
                f"'made_from: {self.made_from}' gives values in {' or '.join(makes[self.made_from])}, not a {self.kind}"
            )
        if self.made_from is not None and not self.events:
            raise ValueError("'made_from' is about rasters: give 'events'")
        return self

    @property
    def is_sea_level(self) -> bool:
        """Whether the reach of the sea is computed from heights."""
        return self.made_from == "heights" and (self.unit or "m_distance") == "m_distance" and self.kind != "slope"

    @model_validator(mode="after")
    def _sea_is_told_once(self) -> HazardInput:
        told = (self.nodata_means == "sea") + (self.sea is not None)
        if self.is_sea_level and told != 1:
            raise ValueError("a sea level from heights needs the sea: 'sea' or 'nodata_means: sea', one of the two")
        if told and not self.is_sea_level:
            raise ValueError("'sea' is about a sea level: give 'made_from: heights' and 'kind: sea_level'")
        if self.is_sea_level and self.kind != "sea_level" and self.direction != "below":
            raise ValueError("the lower the level that reaches it the worse: write 'direction: below'")
        return self

    @model_validator(mode="after")
    def _thresholds_rise(self) -> HazardInput:
        limits = self.thresholds
        if limits is not None and any(a >= b for a, b in itertools.pairwise(limits)):
            raise ValueError("thresholds must rise")
        if limits is not None and self.exposed_from is not None and self.exposed_from not in limits:
            raise ValueError(f"'exposed_from: {self.exposed_from:g}' is none of the thresholds")
        return self
