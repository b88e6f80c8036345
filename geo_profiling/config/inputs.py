"""Section ``inputs``: the files, and what must be said about each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from geo_profiling.config.access_inputs import StreetsInput, TransitInput
from geo_profiling.config.environment_inputs import EcosystemsInput, VegetationInput
from geo_profiling.config.files import AreaInput, FileInput, MappedInput, RasterInput, SpatialInput, UnitsInput
from geo_profiling.config.hazard_inputs import HazardInput, WaterInput
from geo_profiling.config.household_inputs import CityTables, HouseholdsInput, OpenSpacesInput
from geo_profiling.config.metropolis_inputs import ElevationInput, RoadsInput
from geo_profiling.config.morphology_inputs import BuildingsInput, LayerInput, SettlementsInput
from geo_profiling.config.section import Section
from geo_profiling.config.settlement_inputs import EnumerationInput
from geo_profiling.config.tenure_inputs import TenureInput

#: Names of services stand in tables and in keys of messages.
SERVICE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_ -]{0,63}$"
ServiceName = Annotated[str, Field(pattern=SERVICE_NAME)]
#: Keys of ``inputs`` that lead to a file; whole numbers count in lists.
FileKeys = tuple[str | int, ...]


class PopulationInput(RasterInput):
    """People in each cell (counts, not densities)."""

    year: int = Field(ge=1900, le=2200, description="Year the population is for.")


class FrictionInput(RasterInput):
    """Time to cross the ground: minutes per metre in each cell."""


class LocalCentresInput(UnitsInput):
    """Local centres (markets, squares, stations, centres of neighbourhoods), as points or polygons."""


class ServiceInput(SpatialInput):
    """Places of one kind of service, as points or polygons."""

    layer: str | None = Field(None, description="Layer to read; only needed when the file has several.")


class EpochInput(Section):
    """The same grids for another year; land is taken as it is."""

    population: PopulationInput = Field(description="Population grid of that year.")
    built_up: AreaInput | None = Field(
        None, description="Built-up surface of that year; needed where 'inputs.built_up' is given."
    )


class FlowsInput(FileInput):
    """A table of commuting flows (CSV)."""

    columns: Annotated[list[str], Field(min_length=3, max_length=3)] = Field(
        ["origin", "destination", "workers"],
        description="Columns with the unit of residence, the unit of work and the number of workers.",
    )


class EmployedInput(FileInput):
    """A table of employed residents (CSV)."""

    columns: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(
        ["code", "employed_residents_total"],
        description="Columns with the unit and with all its employed residents, wherever they work.",
    )


class CitiesInput(FileInput):
    """An official list of the units of cities (CSV)."""

    columns: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(
        ["code", "city_id"], description="Columns with the unit and the id of its city."
    )


class Commuting(Section):
    """Commuting between local units."""

    year: int = Field(ge=1900, le=2200, description="Year of the flows.")
    units: UnitsInput | None = Field(
        None, description="Units of the flows, where they are not those of 'units' (another year's borders)."
    )
    flows: FlowsInput = Field(description="Workers by unit of residence and unit of work.")
    employed_residents: EmployedInput = Field(description="All employed residents of each unit.")
    cities: CitiesInput | None = Field(
        None, description="Official cities; without it cities are made from the urban centres that are found."
    )


class Inputs(Section):
    """The input files of the project."""

    population: PopulationInput | None = Field(
        None, description="Population grid: people in each cell. Without it nothing is delineated."
    )
    population_fine: PopulationInput | None = Field(
        None, description="Finer population grid, for settlements and exposure; 'population' is used where absent."
    )
    land: AreaInput | None = Field(
        None, description="Permanent land in each cell. Without it every cell counts as land."
    )
    built_up: AreaInput | None = Field(None, description="Built-up surface in each cell.")
    units: UnitsInput | None = Field(None, description="Spatial units to classify.")
    commuting: Commuting | None = Field(None, description="Commuting flows, for functional urban areas.")
    friction: FrictionInput | None = Field(
        None,
        description="Minutes per metre, for functional urban areas without flows; built from land, heights and roads "
        "where absent.",
    )
    elevation: ElevationInput | None = Field(
        None, description="Heights, from whose slopes friction is built; all ground is level without them."
    )
    roads: RoadsInput | None = Field(
        None, description="Roads, from whose classes friction is built; without them every cell is taken to have some."
    )
    regions: UnitsInput | None = Field(
        None, description="Regional units (NUTS 3, river basins, any layer), for metropolitan regions."
    )
    local_centres: LocalCentresInput | None = Field(
        None, description="Local centres, for proximity; found from the people where absent."
    )
    services: dict[ServiceName, ServiceInput] = Field(
        default_factory=dict, description="Places by kind of service, for proximity: a name of yours and its file."
    )
    streets: StreetsInput | None = Field(
        None, description="Streets and paths: for walking distances, street blocks and access of buildings."
    )
    settlements: SettlementsInput | None = Field(None, description="Informal settlements.")
    buildings: BuildingsInput | None = Field(None, description="Buildings.")
    study_area: LayerInput | None = Field(
        None, description="Polygons that are cut into street blocks; the settlements and their surroundings if absent."
    )
    blocks: UnitsInput | None = Field(
        None, description="Street blocks, as polygons; cut from streets, railways, water and coast where absent."
    )
    railways: LayerInput | None = Field(None, description="Railways, which bound street blocks, as lines.")
    waterways: LayerInput | None = Field(None, description="Rivers, canals and lakes, which bound street blocks.")
    coast: LayerInput | None = Field(None, description="The coast, which bounds street blocks.")
    enumeration: EnumerationInput | None = Field(
        None, description="What settlements or households answered: services, structures, location problems."
    )
    tenure: TenureInput | None = Field(None, description="Register of tenure after ISO 19152, and evictions.")
    households: HouseholdsInput | None = Field(None, description="A household survey, for the indicators.")
    tables: CityTables | None = Field(None, description="Tables that the city keeps, for the indicators.")
    open_spaces: OpenSpacesInput | None = Field(None, description="Open public spaces (SDG 11.7.1).")
    open_spaces_mapped_in: MappedInput | None = Field(
        None,
        description="The ground on which open spaces were mapped, for the environment. Elsewhere they are unknown, not "
        "none; without it they are taken to be mapped everywhere.",
    )
    vegetation: VegetationInput | None = Field(
        None, description="Raster of the share of each cell under trees or other plants, for the environment."
    )
    water_bodies: LayerInput | None = Field(
        None,
        description="Rivers, lakes and the sea as polygons, for the environment; the polygons of 'waterways' and else "
        "the raster 'permanent_water' are used where absent.",
    )
    ecosystems: EcosystemsInput | None = Field(
        None, description="Ecosystems at risk (wetlands, mangroves, slopes, ...), for the environment."
    )
    transit: TransitInput | None = Field(None, description="Public transport: where people can get on.")
    hazards: dict[ServiceName, HazardInput] = Field(
        default_factory=dict, description="Hazards, for exposure: a name of yours, how it is read, and its files."
    )
    permanent_water: WaterInput | None = Field(
        None,
        description="Raster of permanent water, of any cell size and CRS: cells above 0. Beside hazards given as "
        "rasters: what of people and built-up area lies there is told as 'permanent_water', neither dry nor in a band.",
    )
    epochs: list[EpochInput] = Field(
        default_factory=list, description="Other years than that of 'population', for change over time."
    )

    @model_validator(mode="after")
    def _years_differ(self) -> Inputs:
        years = self.years
        twice = sorted({year for year in years if years.count(year) > 1})
        if twice:
            raise ValueError(f"population and epochs give a year twice: {', '.join(map(str, twice))}")
        bare = [epoch.population.year for epoch in self.epochs if (epoch.built_up is None) != (self.built_up is None)]
        if bare:
            raise ValueError(
                f"epoch {bare[0]}: give built_up for every year or for none, so that the same rules hold in each"
            )
        return self

    @model_validator(mode="after")
    def _friction_is_given_or_built(self) -> Inputs:
        built_from = [name for name in ("elevation", "roads") if getattr(self, name) is not None]
        if self.friction is not None and built_from:
            raise ValueError(f"give 'friction', or '{built_from[0]}' to build it from; the raster holds all already")
        return self

    @model_validator(mode="after")
    def _one_fire(self) -> Inputs:
        told = sorted(name for name, hazard in self.hazards.items() if hazard.fire is not None)
        if len(told) > 1:
            raise ValueError(f"'fire' is told once, not by hazards {' and '.join(told)}")
        return self

    @property
    def years(self) -> list[int]:
        """Years of the population grids, the region's own first."""
        return [grid.year for grid in (self.population, *(epoch.population for epoch in self.epochs)) if grid]

    def files(self) -> dict[FileKeys, FileInput]:
        """Return the declared files by the keys that lead to them.

        Examples
        --------
        >>> inputs = Inputs.model_construct(population=PopulationInput.model_construct(year=2020))
        >>> list(inputs.files())
        [('population',)]
        """
        return dict(_files(self, ()))


def _files(value: object, keys: FileKeys) -> Iterator[tuple[FileKeys, FileInput]]:
    if isinstance(value, FileInput):
        yield keys, value
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _files(getattr(value, name, None), (*keys, name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _files(item, (*keys, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _files(item, (*keys, index))
