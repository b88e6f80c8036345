"""Block complexity of 100,000 buildings in one block, and of a million in a city's blocks.

Run ``python benchmarks/complexity.py`` (two minutes), or ``--quick`` for small cases. Buildings are
random points; the one block is ragged, the city's blocks are crooked quadrangles of about 50
buildings between streets. Beside ours runs a plain reading of the rules: cells as polygons (GEOS
Voronoi, clipped to the block by shapely) and every contact measured between them; the answers are
compared before anything is printed. Points are in memory at the start; reading and writing files is
not part of it. The compiled parts are loaded before the first round.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import resource
import time
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute, available_cpus
from geo_profiling.settlements.complexity import measure_complexity
from geo_profiling.settlements.reblocking import new_paths
from geo_profiling.settlements.streets import ConnectedStreets, connected_streets
from geo_profiling.settlements.voronoi import breadth_first

CRS = "EPSG:32735"
ORIGIN = (600_000.0, 8_000_000.0)
STREET_M = 80.0


@dataclass(frozen=True)
class Case:
    """Buildings in the one block, in the city, rows of the city's blocks, and rounds."""

    one_block: int
    city: int
    rows: int
    rounds: int


FULL, QUICK = Case(100_000, 1_000_000, 141, 3), Case(5_000, 20_000, 20, 2)


def ragged_block(count: int) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Return one block with a border of 2,000 corners, and points in it, about 40 m2 each."""
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    radius = np.sqrt(40 * count / np.pi) * (1 + 0.1 * np.sin(9 * angle) + rng.uniform(-0.01, 0.01, 2000))
    polygon = shapely.Polygon(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + ORIGIN)
    shapely.prepare(polygon)
    left, bottom, right, top = polygon.bounds
    points = shapely.points(rng.uniform((left, bottom), (right, top), (2 * count, 2)))
    points = points[shapely.contains_properly(polygon, points)][:count]
    return gpd.GeoSeries(points, crs=CRS), gpd.GeoSeries([polygon], index=["block"], crs=CRS)


def city(count: int, rows: int) -> tuple[gpd.GeoSeries, gpd.GeoSeries, gpd.GeoSeries]:
    """Return points, crooked blocks and the streets between them."""
    rng = np.random.default_rng(4)
    at = np.arange(rows + 1) * STREET_M
    corners = np.stack(np.meshgrid(at, at), axis=-1) + rng.uniform(-20, 20, (rows + 1, rows + 1, 2)) + ORIGIN
    rings = [corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]]
    blocks = shapely.polygons(np.stack(rings, axis=2).reshape(-1, 4, 2))
    along = np.stack([corners[:-1], corners[1:]], axis=2).reshape(-1, 2, 2)
    across = np.stack([corners[:, :-1], corners[:, 1:]], axis=2).reshape(-1, 2, 2)
    streets = shapely.linestrings(np.concatenate([along, across]))
    points = shapely.points(rng.uniform(20, rows * STREET_M - 20, (count, 2)) + ORIGIN)
    return tuple(gpd.GeoSeries(shapes, crs=CRS) for shapes in (points, blocks, streets))  # type: ignore[return-value]


def plain_layers(points: NDArray[np.float64], polygon: shapely.Polygon) -> NDArray[np.int64]:
    """Return the layers of points by cells as polygons; the block's outline is access."""
    corner = np.array(polygon.bounds[:2])
    shape = shapely.transform(polygon, lambda xy: xy - corner)
    sites = shapely.multipoints(points - corner)
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=shape.envelope.buffer(10), ordered=True))
    cells = shapely.intersection(cells, shape)
    one, other = shapely.STRtree(cells).query(cells, predicate="dwithin", distance=0.01)
    access = shapely.dwithin(cells, shape.exterior, 1.0)
    return breadth_first(np.stack([one, other], axis=1)[one < other], access)


def timed_plain(buildings: gpd.GeoSeries, blocks: gpd.GeoSeries, found: pd.DataFrame) -> float:
    """Return the seconds of the plain reading; stop where a layer is another."""
    points = shapely.get_coordinates(buildings.array)
    members = found.groupby("block_id").indices
    start = time.perf_counter()
    layers = {name: plain_layers(points[rows], blocks[name]) for name, rows in members.items()}
    seconds = time.perf_counter() - start
    for name, rows in members.items():
        if not np.array_equal(found["layer"].to_numpy(dtype=np.int64)[rows], layers[name]):
            raise SystemExit(f"block {name}: layers differ from the plain reading")
    return seconds


def best_of(
    rounds: int, buildings: gpd.GeoSeries, blocks: gpd.GeoSeries, streets: ConnectedStreets | None
) -> list[float]:
    """Return the seconds of the best round, with one thread and with one a processor."""
    best = []
    for threads in (1, available_cpus()):
        seconds = np.inf
        for _ in range(rounds):
            start = time.perf_counter()
            measure_complexity(buildings, blocks, network=streets, compute=Compute(threads=threads))
            seconds = min(seconds, time.perf_counter() - start)
        best.append(seconds)
    return best


def measure(case: Case) -> str:
    """Return both cases as one markdown table."""
    rows = []
    warm = ragged_block(500)
    measure_complexity(*warm)
    block_buildings, block = ragged_block(case.one_block)
    ours = best_of(case.rounds, block_buildings, block, None)
    found = measure_complexity(block_buildings, block)
    plain = timed_plain(block_buildings, block, found.buildings)
    k = found.blocks["k"].iloc[0]
    rows.append((f"{case.one_block:,} buildings in one block (k {k}), outline is access", *ours, plain))
    buildings, blocks, streets = city(case.city, case.rows)
    ours = best_of(case.rounds, buildings, blocks, None)
    found = measure_complexity(buildings, blocks)
    plain = timed_plain(buildings, blocks, found.buildings)
    rows.append((f"{case.city:,} buildings in {len(blocks):,} blocks, outlines are access", *ours, plain))
    network = connected_streets(streets)
    ours = best_of(case.rounds, buildings, blocks, network)
    rows.append((f"the same with {len(streets):,} streets, their lengths and distances", *ours, np.nan))
    small = gpd.GeoSeries(block_buildings.iloc[: case.one_block // 10].array, crs=CRS)
    deep = measure_complexity(small, block)
    new_paths(*warm, measure_complexity(*warm))
    start = time.perf_counter()
    paths = new_paths(small, block, deep)
    seconds = time.perf_counter() - start
    ratio = paths["block_bound_ratio"].iloc[0]
    table = [
        f"| {name} | {one:.2f} | {all_:.2f} | {'' if np.isnan(other) else f'{other:.1f}'} |"
        for name, one, all_, other in rows
    ]
    header = (
        f"| best of {case.rounds} rounds, s | one thread | {available_cpus()} threads | plain reading, one thread |"
    )
    words = (
        f"New paths for {len(small):,} of the buildings in the one block (k {deep.blocks['k'].iloc[0]}): "
        f"{seconds:.1f} s, {paths['length_m'].sum() / 1000:.1f} km, {ratio:.2f} times the lower bound."
    )
    return "\n".join([header, "|---|---|---|---|", *table, "", words])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small cases")
    case = QUICK if parser.parse_args().quick else FULL
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "numba", "scipy", "shapely", "geopandas")
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{len(os.sched_getaffinity(0))} processors, {memory_gib:.0f} GiB, Python {platform.python_version()}"
    print(f"{machine}, {versions}, GEOS {'.'.join(map(str, shapely.geos_version))}")
    print(f"Load when it began: {os.getloadavg()[0]:.1f}\n")
    print(measure(case))
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nPeak memory of the whole process, making the cases and the plain reading included: {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
