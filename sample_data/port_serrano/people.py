"""Where people live and what is built: 100 m grids of a year, from which every coarser grid is summed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import union_all
from shapely.geometry import LineString

from port_serrano import plan
from port_serrano.land import (
    FINE_SHAPE,
    Floats,
    Ground,
    blob,
    cover_share,
    generator,
    smooth_noise,
    to_metres,
    wiggle,
    window,
)
from port_serrano.settlements import outlines

#: Counts are rounded to eighths: sums of them are exact in float32, in any order.
QUANTUM = 0.125
RURAL_PEOPLE = 120_000
CELLS_PER_KM = plan.COARSE_M // plan.FINE_M

#: Beyond exp(-14) of its centre's density a place has nobody.
REACH = 14.0


def around(place: plan.Place) -> tuple[tuple[slice, slice], Floats]:
    """Return the 100 m cells within reach of a place, and their distance to its centre in metres."""
    x, y = to_metres(place.centre_km)
    reach = 1_400 * place.scale_km * REACH ** (1 / place.shape)
    cells = window((x - reach, y - reach, x + reach, y + reach))
    rows, columns = np.ogrid[cells]
    east = plan.LEFT_M + (columns + 0.5) * plan.FINE_M - x
    north = plan.TOP_M - (rows + 0.5) * plan.FINE_M - y
    return cells, np.asarray(np.hypot(east, north))


def roads() -> list[LineString]:
    """Return the roads between places, one line each, in the plan's order."""
    rng = generator("roads")
    seats = {place.name: to_metres(place.centre_km) for place in plan.PLACES}
    return [LineString(wiggle([seats[a], seats[b]], rng, roughness=0.11, finest_m=600)) for a, b in plan.ROADS]


@cache
def roads_distance_m() -> Floats:
    """Distance of every 100 m cell to the nearest road between places."""
    on_road = cover_share(union_all([road.buffer(plan.FINE_M * 0.6) for road in roads()]), parts=1) > 0
    return np.asarray(ndimage.distance_transform_edt(~on_road) * plan.FINE_M)


@cache
def works_share() -> Floats:
    """Built-up share of ports, airports and estates on the 100 m grid; 0 elsewhere."""
    rng = generator("works")
    shares = [cover_share(blob(w.centre_km, w.radius_km * 1_000, rng), parts=1) * w.built_share for w in plan.WORKS]
    return np.asarray(np.max(shares, axis=0))


@cache
def villages() -> tuple[plan.Place, ...]:
    """Return the small places, strewn by the seed, none near a town of the plan."""
    rng = generator("villages")
    found: list[plan.Place] = []
    while len(found) < plan.N_VILLAGES:
        centre = (float(rng.uniform(3, plan.COLUMNS_KM - 3)), float(rng.uniform(3, plan.ROWS_KM - 3)))
        people = float(np.exp(rng.uniform(np.log(90), np.log(2_300))))
        gap = [
            np.hypot(centre[0] - p.centre_km[0], centre[1] - p.centre_km[1]) - 3 * p.scale_km
            for p in (*plan.PLACES, *found)
        ]
        if min(gap) > 2.2:
            scale = float(0.22 + 0.25 * np.sqrt(people / 2_300))
            found.append(plan.Place(f"village {len(found) + 1}", centre, int(people * 1.04), int(people), scale, 1.6))
    return tuple(found)


@cache
def settlement_shares() -> tuple[Floats, ...]:
    """Share of each 100 m cell that each informal settlement covers, in the plan's order."""
    return tuple(cover_share(outline) for outline in outlines())


def settlement_people(year: int) -> Floats:
    """People of the informal settlements on the 100 m grid."""
    people = np.zeros(FINE_SHAPE)
    for settlement, share in zip(plan.SETTLEMENTS, settlement_shares(), strict=True):
        if settlement.founded < year:
            filled = min(1.0, 0.45 + 0.03 * (year - settlement.founded))
            people += share * settlement.people_per_ha * filled
    return people


def nature_reserve() -> tuple[slice, slice]:
    """Return the 100 m cells around the island where nobody lives."""
    seat, radius_km = plan.ISLANDS_KM[1]
    x, y = to_metres(seat)
    reach = 2_000 * radius_km
    return window((x - reach, y - reach, x + reach, y + reach))


def population(ground: Ground, year: int) -> Floats:
    """People in each 100 m cell, in eighths; 0 on water."""
    rng = generator("population")
    warp = 1 + 0.16 * smooth_noise(rng, 2_500)
    texture = np.exp(0.42 * smooth_noise(rng, 220) + 0.33 * smooth_noise(rng, 800))
    texture[smooth_noise(rng, 500) > 1.55] *= 0.08  # parks, barracks, cemeteries
    texture *= np.where(works_share() > 0, 0.05, 1.0)
    to_road = roads_distance_m()
    suits = ground.land_share * np.exp(-((ground.slope_pct / 16) ** 2)) * np.clip(ground.to_river_m / 150, 0, 1)
    people = np.zeros(FINE_SHAPE)
    drawn = suits * texture * (1 + 0.8 * np.exp(-((to_road / 400) ** 2)))
    for place in (*plan.PLACES, *villages()):
        total = place.population_2020 if year == 2020 else place.population_2010
        cells, distance_m = around(place)
        radius = distance_m * warp[cells] / (1_000 * place.scale_km)
        weight = np.exp(-(radius**place.shape)) * drawn[cells]
        if weight.sum() > 1:  # villages that fell into the sea stay empty
            people[cells] += total * weight / weight.sum()
    farms = suits * rng.random(FINE_SHAPE) ** 14 * (0.15 + np.exp(-((to_road / 1_100) ** 2)))
    people += RURAL_PEOPLE * farms / farms.sum()
    slums = settlement_people(year)
    people = np.where(slums > 0, np.maximum(people * 0.3, slums * np.clip(texture, 0.7, 1.4)), people)
    people[nature_reserve()] = 0
    return np.asarray(np.round(people / QUANTUM) * QUANTUM * (ground.land_share > 0))


def built_up(ground: Ground, people: Floats, year: int) -> NDArray[np.uint32]:
    """Built-up square metres in each 100 m cell, never more than its land."""
    rng = generator("built-up")
    noise = np.exp(0.25 * smooth_noise(rng, 300))
    per_head_ha = 75 if year == 2020 else 82
    share = 0.60 * (1 - np.exp(-people / per_head_ha)) * noise
    share = np.where(settlement_people(year) > 0, np.maximum(share, 0.66), share)
    share = np.maximum(share, works_share() * (1.0 if year == 2020 else 0.8) * np.clip(noise, 0.7, 1.3))
    share += 0.06 * np.exp(-((roads_distance_m() / 80) ** 2)) * (ground.land_share > 0)
    cell_m2 = plan.FINE_M**2
    return np.asarray(np.minimum(share.clip(0, 0.9), ground.land_share) * cell_m2 // 10 * 10, dtype=np.uint32)


def by_km(fine: NDArray[np.generic]) -> Floats:
    """Sum a 100 m grid into the 1 km grid."""
    rows, columns = FINE_SHAPE
    blocks = fine.reshape(rows // CELLS_PER_KM, CELLS_PER_KM, columns // CELLS_PER_KM, CELLS_PER_KM)
    return np.asarray(blocks.sum(axis=(1, 3), dtype=np.float64))
