"""Draw the sample city: ``python sample_data/make_sample.py [--out DIR]`` writes every file of this folder again.

Port Serrano does not exist. It is drawn from ``port_serrano/plan.py`` with a fixed seed, so that every layer of
the product has a small, free and complete city to run on. One function writes one file (or one family of
files); a new layer is one more function and one more line in ``LAYERS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from port_serrano import (
    commuting,
    ecosystems,
    hazards,
    households,
    neighbourhoods,
    people,
    plan,
    register,
    settlements,
    units,
)
from port_serrano.files import write_large_layer, write_layer, write_layers, write_raster, write_table
from port_serrano.land import COARSE, FINE, Floats, Ground, draw_ground
from rasterio.transform import Affine

YEARS = (2010, 2020)
#: The nodata value of GHS-POP: negative, as in the real thing.
POPULATION_NODATA = -200.0
AREA_NODATA = 4_294_967_295
FLOOD_NODATA = -9999.0


@dataclass(frozen=True)
class City:
    """What several layers share, drawn once."""

    @cached_property
    def ground(self) -> Ground:
        """Land, water and heights."""
        return draw_ground()

    @cached_property
    def people(self) -> dict[int, Floats]:
        """People in each 100 m cell, by year."""
        return {year: people.population(self.ground, year) for year in YEARS}

    @cached_property
    def municipalities(self) -> gpd.GeoDataFrame:
        """The local units."""
        return units.municipalities(self.ground)

    @cached_property
    def is_sea_km(self) -> NDArray[np.bool_]:
        """1 km cells without any land: population is unknown to the sea."""
        return people.by_km(self.ground.land_share) == 0


def core(fine: Floats) -> tuple[Floats, Affine]:
    """Cut the core out of a 100 m grid of the whole region, with its transform."""
    row, column, rows, columns = (n * people.CELLS_PER_KM for n in plan.CORE_KM)
    return fine[row : row + rows, column : column + columns], FINE * Affine.translation(column, row)


def population_1km(city: City, out: Path) -> None:
    """Draw the population of both years at 1 km."""
    for year in YEARS:
        counts = np.where(city.is_sea_km, POPULATION_NODATA, people.by_km(city.people[year])).astype(np.float32)
        path = out / f"population_{year}_1km.tif"
        write_raster(path, counts, COARSE, nodata=POPULATION_NODATA, unit="people", predictor=3)


def population_100m(city: City, out: Path) -> None:
    """Draw the population of 2020 at 100 m in the core: its 1 km sums are the 1 km grid, exactly."""
    sea = np.kron(city.is_sea_km, np.ones((people.CELLS_PER_KM,) * 2, dtype=bool))
    counts, transform = core(np.where(sea, POPULATION_NODATA, city.people[2020]))
    path = out / "population_2020_100m.tif"
    write_raster(path, counts.astype(np.float32), transform, nodata=POPULATION_NODATA, unit="people", predictor=1)


def built_up_1km(city: City, out: Path) -> None:
    """Draw the built-up area of both years at 1 km."""
    for year in YEARS:
        area = people.by_km(people.built_up(city.ground, city.people[year], year)).astype(np.uint32)
        write_raster(out / f"built_up_{year}_1km.tif", area, COARSE, nodata=AREA_NODATA, unit="m2", predictor=2)


def land_1km(city: City, out: Path) -> None:
    """Draw the land area at 1 km: neither sea nor river nor lake."""
    area = people.by_km(city.ground.land_share * plan.FINE_M**2).astype(np.uint32)
    write_raster(out / "land_1km.tif", area, COARSE, nodata=AREA_NODATA, unit="m2", predictor=2)


def municipalities(city: City, out: Path) -> None:
    """Draw the municipalities, which partition the land of the province, and the regions they form."""
    write_layer(out / "municipalities.gpkg", city.municipalities)
    write_layer(out / "regions.gpkg", units.regions(city.municipalities))


def informal_settlements(_city: City, out: Path) -> None:
    """Draw the outlines of the informal settlements, with what is known of each."""
    rows = [(s.settlement_id, s.name, s.ground, s.founded) for s in plan.SETTLEMENTS]
    frame = gpd.GeoDataFrame(
        rows,
        columns=["settlement_id", "name", "ground", "founded"],
        geometry=list(settlements.outlines()),
        crs=plan.CRS,
    )
    write_layer(out / "informal_settlements.gpkg", frame)


def commuting_flows(city: City, out: Path) -> None:
    """Draw the commuting flows between the municipalities, and their employed residents."""
    employed = commuting.employed_residents(city.municipalities, city.people[2020])
    write_table(out / "employed_residents_2020.csv", employed)
    write_table(out / "commuting_flows_2020.csv", commuting.flows(employed))


def river_floods(city: City, out: Path) -> None:
    """Draw the flood depth of the core at six return periods."""
    for return_period in hazards.STAGE_M:
        depth, transform = core(hazards.flood_depth_m(city.ground, return_period))
        values = np.where(np.isnan(depth), FLOOD_NODATA, depth).astype(np.float32)
        path = out / f"river_flood_depth_rp{return_period:03d}.tif"
        write_raster(path, values, transform, nodata=FLOOD_NODATA, unit="m", predictor=1)


def ground_and_heat(city: City, out: Path) -> None:
    """Draw the height of the ground and the temperature of its surface in the core."""
    built = people.built_up(city.ground, city.people[2020], 2020).astype(np.float64)
    grids = {
        "elevation_100m": ("m", hazards.elevation_m(city.ground)),
        "surface_temperature_100m": ("degree Celsius", hazards.surface_temperature_c(city.ground, built)),
    }
    for name, (unit, field) in grids.items():
        values, transform = core(field)
        filled = np.where(np.isnan(values), FLOOD_NODATA, values).astype(np.float32)
        write_raster(out / f"{name}.tif", filled, transform, nodata=FLOOD_NODATA, unit=unit, predictor=1)


def permanent_water(city: City, out: Path) -> None:
    """Draw the cells of the core that are mostly sea, river or lake."""
    share, transform = core(city.ground.land_share)
    values = (share <= 0.5).astype(np.uint8)
    write_raster(out / "permanent_water_100m.tif", values, transform, nodata=255, unit="", predictor=1)


def ecosystems_at_risk(city: City, out: Path) -> None:
    """Draw mangroves, wetlands and hillsides of the core."""
    cells, transform = core(city.ground.land_share)
    left, top = transform * (0, 0)
    right, bottom = transform * (cells.shape[1], cells.shape[0])
    write_layer(out / "ecosystems.gpkg", ecosystems.at_risk(city.ground, shapely.box(left, bottom, right, top)))


def streets_and_buildings(_city: City, out: Path) -> None:
    """Draw streets, railway and buildings of the informal settlements and the quarters around them."""
    write_layer(out / "streets.gpkg", neighbourhoods.streets())
    write_layer(out / "railway.gpkg", neighbourhoods.railway())
    write_large_layer(out / "buildings.parquet", neighbourhoods.buildings())


def services(_city: City, out: Path) -> None:
    """Draw water points, toilets, clinics and schools; stops of buses and trains; parks and squares."""
    spacings = {"water_points": 900.0, "toilets": 1_500.0, "clinics": 6_000.0, "schools": 4_000.0}
    kinds = {kind: neighbourhoods.services(kind, spacing) for kind, spacing in spacings.items()}
    write_layers(out / "services.gpkg", kinds)
    write_layer(out / "stops.gpkg", neighbourhoods.stops())
    write_layer(out / "open_spaces.gpkg", neighbourhoods.open_spaces())


def household_survey(_city: City, out: Path) -> None:
    """Draw the household survey of the metropolis, and what is true of all its households."""
    write_table(out / "household_survey_2020.csv", households.survey())
    write_table(out / "household_truth_2020.csv", households.truth())


def enumeration_and_tenure(_city: City, out: Path) -> None:
    """Draw an enumeration of the settlements, a register of tenure in two of them, and evictions."""
    write_table(out / "enumeration_2020.csv", register.enumeration())
    plots = register.plots()
    write_layer(out / "tenure_plots.gpkg", plots)
    parties, rights, sources = register.people_and_rights(plots)
    write_table(out / "tenure_parties.csv", parties)
    write_table(out / "tenure_rights.csv", rights)
    write_table(out / "tenure_sources.csv", sources)
    write_layer(out / "evictions.gpkg", register.evictions())


LAYERS: tuple[Callable[[City, Path], None], ...] = (
    population_1km,
    population_100m,
    built_up_1km,
    land_1km,
    municipalities,
    informal_settlements,
    commuting_flows,
    river_floods,
    ground_and_heat,
    permanent_water,
    ecosystems_at_risk,
    streets_and_buildings,
    services,
    household_survey,
    enumeration_and_tenure,
)


def main() -> None:
    """Draw every layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    city = City()
    for layer in LAYERS:
        layer(city, out)


if __name__ == "__main__":
    main()
