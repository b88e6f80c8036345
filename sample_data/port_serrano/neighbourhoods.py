"""Streets and buildings of the informal settlements and of the planned quarters around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.affinity
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiLineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from port_serrano import plan
from port_serrano.land import PRECISION_M, Floats, Ground, draw_ground, generator, to_metres, wiggle
from port_serrano.people import by_km, population, roads
from port_serrano.settlements import outlines

#: The planned quarter around a settlement is this wide; its blocks are this long and deep.
RING_M = 210.0
BLOCK_M = (110.0, 62.0)
LOT_M = (15.0, 24.0)
STREET_HALF_M = 5.0
#: A street runs around every quarter, and the streets of the city begin at it.
BELT_M = 25.0
#: Elsewhere in the core every square kilometre with this many people has this many streets each way.
TOWN_PEOPLE_PER_KM2, TOWN_STREETS_PER_KM = 300.0, 3
PEOPLE_PER_HOUSE = 5.5
#: The railway follows the coast and passes La Via.
RAILWAY_KM: tuple[plan.XY, ...] = ((44.0, 29.8), (52.0, 33.9), (58.0, 38.6), (62.55, 42.6), (65.4, 43.6), (66.2, 44.4))


@dataclass(frozen=True)
class Quarter:
    """A settlement with the planned quarter around it: their streets as lines, their houses as polygons."""

    streets: tuple[tuple[str, LineString], ...]
    houses: tuple[Polygon, ...]


def lines_of(geometry: BaseGeometry) -> list[LineString]:
    """Return the lines of a geometry, the longest first."""
    parts = [part for part in getattr(geometry, "geoms", [geometry]) if isinstance(part, LineString)]
    return sorted((part for part in parts if part.length > 8), key=lambda part: (-part.length, part.coords[0]))


def street_grid(around: Polygon, angle: float) -> MultiLineString:
    """Return the lines of a grid of streets over the bounding circle of an area."""
    x, y = around.centroid.coords[0]
    reach = math.hypot(around.bounds[2] - around.bounds[0], around.bounds[3] - around.bounds[1])
    lines = []
    for step, across in ((BLOCK_M[0], True), (BLOCK_M[1], False)):
        for offset in np.arange(-reach, reach, step):
            ends = [(offset, -reach), (offset, reach)] if across else [(-reach, offset), (reach, offset)]
            lines.append(LineString([(x + a, y + b) for a, b in ends]))
    return shapely.affinity.rotate(MultiLineString(lines), angle, origin=(x, y))


def lanes(outline: Polygon, settlement: plan.Settlement, rng: np.random.Generator) -> list[LineString]:
    """Return the few lanes that lead into a settlement: one for every ten hectares, none from end to end."""
    x, y = outline.centroid.coords[0]
    found = []
    for _ in range(max(1, round(settlement.area_ha / 10))):
        angle = rng.uniform(0, 2 * math.pi)
        far = (x + 900 * math.cos(angle), y + 900 * math.sin(angle))
        aside = rng.normal(0, 0.25 * math.sqrt(outline.area), 2)
        way = LineString(wiggle([far, (x + aside[0], y + aside[1])], rng, roughness=0.09, finest_m=60))
        found += lines_of(way.intersection(outline.buffer(1.0)))[:1]
    return found


def planned_houses(ring: BaseGeometry, streets: BaseGeometry, angle: float, rng: np.random.Generator) -> list[Polygon]:
    """Return two rows of houses in every block, each on its lot, none on a street."""
    x, y = ring.centroid.coords[0]
    turned = shapely.affinity.rotate(ring, -angle, origin=(x, y))
    left, bottom, right, top = turned.bounds
    width, depth = LOT_M
    east, north = np.meshgrid(np.arange(left, right, width), np.arange(bottom, top, depth))
    east, north = east.ravel(), north.ravel()
    wide, deep = rng.uniform(8.0, 12.0, east.size), rng.uniform(10.0, 16.0, east.size)
    lots = shapely.box(east + 1.5, north + 3.0, east + 1.5 + wide, north + 3.0 + deep)
    houses = shapely.affinity.rotate(shapely.GeometryCollection(list(lots)), angle, origin=(x, y)).geoms
    houses = np.array(list(houses))
    free = shapely.contains_properly(ring, houses) & (shapely.distance(streets, houses) >= STREET_HALF_M - 1)
    return list(houses[free & (rng.random(east.size) > 0.12)])


def crowded_houses(outline: Polygon, ways: BaseGeometry, per_ha: float, rng: np.random.Generator) -> list[Polygon]:
    """Return small houses at every angle, as close as the crowd is dense, with room only for the lanes."""
    spacing = math.sqrt(10_000 / per_ha / (math.sqrt(3) / 2))
    left, bottom, right, top = outline.bounds
    rows = np.arange(bottom, top, spacing * math.sqrt(3) / 2)
    points = [(x + (i % 2) * spacing / 2, y) for i, y in enumerate(rows) for x in np.arange(left, right, spacing)]
    centres = np.array(points) + rng.uniform(-0.13, 0.13, (len(points), 2)) * spacing
    largest = min(0.74 * spacing, 10.5)
    diagonal = largest * rng.uniform(0.62, 1.0, len(centres))
    lean = rng.uniform(math.pi / 7, math.pi / 4, len(centres))
    turn = rng.uniform(0, math.pi, len(centres))
    houses = shapely.polygons(corners(centres, diagonal / 2, lean, turn))
    near = shapely.distance(ways, houses) if not ways.is_empty else np.full(len(houses), np.inf)
    keep = shapely.contains_properly(outline.buffer(-1.0), houses) & (near >= 1.2)
    return list(houses[keep])


def corners(
    centres: NDArray[np.float64], radius: NDArray[np.float64], lean: NDArray[np.float64], turn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the corners of rectangles from their half diagonals, the lean of these and how they are turned."""
    angles = turn[:, None] + np.column_stack((lean, np.pi - lean, np.pi + lean, -lean))
    x = centres[:, :1] + radius[:, None] * np.cos(angles)
    y = centres[:, 1:] + radius[:, None] * np.sin(angles)
    return np.stack((x, y), axis=2)


def quarter(settlement: plan.Settlement, outline: Polygon, ground: Ground, others: BaseGeometry) -> Quarter:
    """Draw one settlement and what stands around it."""
    rng = generator(f"quarter {settlement.settlement_id}")
    water = shapely.union_all([ground.river_area.buffer(15)])
    ring = outline.buffer(RING_M).difference(outline).difference(others).intersection(ground.land).difference(water)
    angle = float(rng.uniform(0, 90))
    belt = outline.buffer(RING_M + BELT_M).exterior.intersection(ground.land).difference(others)
    wider = outline.buffer(RING_M + BELT_M + 5).difference(outline).difference(others).intersection(ground.land)
    streets = [*lines_of(street_grid(outline, angle).intersection(wider.difference(water))), *lines_of(belt)]
    edge = lines_of(outline.boundary.intersection(ring.buffer(2)))[:2]
    inner = lanes(outline, settlement, rng)
    trunk = shapely.union_all(roads())
    start, end = shapely.shortest_line(outline.centroid, trunk).coords
    link = LineString([start, end]).difference(outline)
    named = [*(("residential", line) for line in [*streets, *edge]), *(("footway", line) for line in inner)]
    named += [("tertiary", line) for line in lines_of(link)[:1]]
    ways = shapely.union_all([line for _, line in named])
    houses = planned_houses(ring, ways, angle, rng)
    houses += crowded_houses(outline, ways, settlement.people_per_ha / PEOPLE_PER_HOUSE, rng)
    return Quarter(tuple(named), tuple(shapely.set_precision(np.array(houses), PRECISION_M)))


def town_streets(people_1km: Floats) -> list[LineString]:
    """Return the streets of the rest of the core: straight ones wherever people live, the quarters left out."""
    row, column, rows, columns = plan.CORE_KM
    people = people_1km[row : row + rows, column : column + columns]
    built = people >= TOWN_PEOPLE_PER_KM2
    left, top = plan.LEFT_M + column * plan.COARSE_M, plan.TOP_M - row * plan.COARSE_M
    north, east = np.nonzero(built)
    x, y = left + east * plan.COARSE_M, top - (north + 1) * plan.COARSE_M
    town = shapely.union_all(shapely.box(x, y, x + plan.COARSE_M, y + plan.COARSE_M))
    ground = draw_ground()
    quarters_around = shapely.union_all([outline.buffer(RING_M + BELT_M - 5) for outline in outlines()])
    town = town.intersection(ground.land).difference(quarters_around)
    step = plan.COARSE_M / TOWN_STREETS_PER_KM
    right, bottom = left + columns * plan.COARSE_M, top - rows * plan.COARSE_M
    lines = [LineString([(e, bottom), (e, top)]) for e in np.arange(left + step / 2, right, step)]
    lines += [LineString([(left, n), (right, n)]) for n in np.arange(bottom + step / 2, top, step)]
    return [part for line in lines for part in lines_of(line.intersection(town))]


@cache
def quarters() -> tuple[Quarter, ...]:
    """Return the quarters of all settlements of the plan, in its order; no two share ground."""
    ground = draw_ground()
    found, taken = [], shapely.union_all([outline.buffer(12) for outline in outlines()])
    for settlement, outline in zip(plan.SETTLEMENTS, outlines(), strict=True):
        found.append(quarter(settlement, outline, ground, taken.difference(outline.buffer(12.5))))
        taken = taken.union(outline.buffer(RING_M))
    return tuple(found)


def streets() -> gpd.GeoDataFrame:
    """Return all streets: roads between places, the planned quarters' streets, the settlements' lanes."""
    named = [("trunk", road.intersection(draw_ground().sea_edge)) for road in roads()]
    named = [(kind, line) for kind, road in named for line in lines_of(road)]
    named += [item for drawn in quarters() for item in drawn.streets]
    named += [("secondary", line) for line in town_streets(by_km(population(draw_ground(), 2020)))]
    geometry = shapely.set_precision(np.array([line for _, line in named]), PRECISION_M)
    return gpd.GeoDataFrame({"highway": [kind for kind, _ in named]}, geometry=geometry, crs=plan.CRS)


def buildings() -> gpd.GeoDataFrame:
    """Return all buildings, with an id and their storeys."""
    rng = generator("storeys")
    houses = [house for drawn in quarters() for house in drawn.houses]
    ids = [f"B{number:05d}" for number in range(1, len(houses) + 1)]
    storeys = rng.choice([1, 2, 3], size=len(houses), p=[0.6, 0.32, 0.08]).astype(np.int16)
    return gpd.GeoDataFrame({"building_id": ids, "storeys": storeys}, geometry=houses, crs=plan.CRS)


def railway() -> gpd.GeoDataFrame:
    """Return the railway along the coast."""
    points = [to_metres(point) for point in RAILWAY_KM]
    line = LineString(wiggle(points, generator("railway"), roughness=0.05, finest_m=300))
    return gpd.GeoDataFrame({"railway": ["rail"]}, geometry=[shapely.set_precision(line, PRECISION_M)], crs=plan.CRS)


def stops() -> gpd.GeoDataFrame:
    """Return bus stops on the larger streets and stations on the railway."""
    net = streets()
    bus = [
        line.interpolate(at)
        for kind, line in zip(net["highway"], net.geometry, strict=True)
        if kind in ("trunk", "tertiary")
        for at in np.arange(300.0, line.length, 700.0)
    ]
    line = railway().geometry.iloc[0]
    stations = [line.interpolate(share, normalized=True) for share in (0.02, 0.35, 0.6, 0.78, 0.98)]
    rows = [(f"T{i:03d}", "high") for i in range(1, len(stations) + 1)]
    rows += [(f"B{i:03d}", "low") for i in range(1, len(bus) + 1)]
    geometry = shapely.set_precision(np.array([*stations, *bus]), PRECISION_M)
    return gpd.GeoDataFrame(rows, columns=["stop_id", "capacity"], geometry=geometry, crs=plan.CRS)


def services(kind: str, spacing_m: float) -> gpd.GeoDataFrame:
    """Return the places of a service: along the streets of the quarters, about one for each stretch of street."""
    rng = generator(f"service {kind}")
    points: list[Point] = []
    for drawn in quarters():
        lines = [line for street, line in drawn.streets if street != "tertiary"]
        length = sum(line.length for line in lines)
        for _ in range(max(1, round(length / spacing_m))):
            line = lines[int(rng.integers(len(lines)))]
            points.append(line.interpolate(float(rng.uniform(0.1, 0.9)), normalized=True))
    geometry = shapely.set_precision(np.array(points), PRECISION_M)
    return gpd.GeoDataFrame({"kind": [kind] * len(points)}, geometry=geometry, crs=plan.CRS)


def open_spaces() -> gpd.GeoDataFrame:
    """Return parks and squares in and around the quarters."""
    rng = generator("open spaces")
    rows, shapes = [], []
    for settlement, outline in zip(plan.SETTLEMENTS, outlines(), strict=True):
        edge = outline.buffer(RING_M + 60).exterior
        park = edge.interpolate(float(rng.uniform()), normalized=True).buffer(float(rng.uniform(35, 90)), 8)
        square = outline.exterior.interpolate(float(rng.uniform()), normalized=True).buffer(14, 2)
        for kind, shape in (("park", park), ("square", square)):
            dry = shapely.set_precision(shape.intersection(draw_ground().land), PRECISION_M)
            if dry.area > 100:
                rows.append((f"{settlement.settlement_id}-{kind}", kind, "public"))
                shapes.append(max(getattr(dry, "geoms", [dry]), key=lambda part: part.area))
    return gpd.GeoDataFrame(rows, columns=["space_id", "kind", "access"], geometry=shapes, crs=plan.CRS)


def counts() -> pd.Series:
    """Return the houses inside each settlement, by its id."""
    found = {}
    for settlement, outline, drawn in zip(plan.SETTLEMENTS, outlines(), quarters(), strict=True):
        centres = shapely.centroid(np.array(drawn.houses))
        found[settlement.settlement_id] = int(shapely.contains_properly(outline, centres).sum())
    return pd.Series(found, name="houses")
