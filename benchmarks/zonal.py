"""Zonal sum, mean and count by exact coverage against exactextract, on one array in memory.

Run ``python benchmarks/zonal.py`` (about ten minutes), or ``--quick`` for a small case. Every contender
works on the same array and the same zones, one after the other, round after round, in one process; the
table gives the best run of each. Runs of seconds are disturbed more easily than runs of minutes, so
geo_profiling runs three times a round. Results are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import exactextract
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.compute import Compute
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.raster.zonal import zonal_statistics

STATS = ["sum", "mean", "count"]
CELL_M = 100.0
#: Runs of each of our contenders in a round.
OWN_RUNS = 3
#: exactextract keeps coverage in float32.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Case:
    """Side of the raster in cells, zones, and rounds of each contender."""

    side: int
    zones: int
    rounds: int


FULL = [Case(18_000, 10_000, 3), Case(18_000, 100_000, 2)]
QUICK = [Case(2_000, 1_000, 2)]


def population(side: int) -> ArraySource:
    """Return a float32 raster, 86 % zeros and 1 % nodata, the rest lognormal."""
    rng = np.random.default_rng(7)
    values = np.zeros((side, side), dtype=np.float32)
    for row in range(0, side, 1000):
        part = values[row : row + 1000]
        draw = rng.random(part.shape, dtype=np.float32)
        part[draw > 0.86] = rng.lognormal(1.0, 1.5, int((draw > 0.86).sum()))
        part[draw < 0.01] = np.nan
    grid = Grid(CRS("ESRI:54009"), Affine(CELL_M, 0, 0, 0, -CELL_M, side * CELL_M), (side, side))
    return ArraySource(wrap(values, grid), "population")


def star_zones(side: int, count: int) -> gpd.GeoDataFrame:
    """Return star-shaped polygons of 24 vertices that together have about the area of the raster."""
    rng = np.random.default_rng(11)
    corners, extent = 24, side * CELL_M
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)[None, :]
    radius = rng.uniform(0.6, 1.4, (count, corners)) * np.sqrt(extent**2 / count / np.pi)
    centre = rng.uniform(0, extent, (count, 2, 1))
    x, y = centre[:, 0] + radius * np.cos(angle), centre[:, 1] + radius * np.sin(angle)
    return gpd.GeoDataFrame(geometry=shapely.polygons(np.stack([x, y], axis=2)), crs="ESRI:54009")


def contenders(source: ArraySource, zones: gpd.GeoDataFrame) -> dict[str, Callable[[], pd.DataFrame]]:
    """Return what is timed, by name."""
    values = source.data.to_numpy()
    raster = NumPyRasterSource(values, *source.grid.bounds, srs_wkt=source.grid.crs.to_wkt())

    def peer(strategy: str) -> pd.DataFrame:
        return exactextract.exact_extract(raster, zones, STATS, strategy=strategy, output="pandas")

    return {
        "geo_profiling, 1 thread": lambda: zonal_statistics(source, zones, stats=STATS, compute=Compute(threads=1)),
        "geo_profiling, 2 threads": lambda: zonal_statistics(source, zones, stats=STATS, compute=Compute(threads=2)),
        "exactextract, feature-sequential": lambda: peer("feature-sequential"),
        "exactextract, raster-sequential": lambda: peer("raster-sequential"),
    }


def largest_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Return the largest relative difference of the sums; stop where it is not rounding."""
    left, right = ours["sum"].to_numpy(), theirs["sum"].to_numpy(dtype=np.float64)
    is_covered = ours["count"].to_numpy() > 0
    difference = np.abs(left - right)[is_covered] / np.maximum(np.abs(right[is_covered]), 1e-300)
    worst = float(np.where(left[is_covered] == right[is_covered], 0.0, difference).max())
    if worst > TOLERANCE:
        raise SystemExit(f"sums differ by {worst:.1e}")
    return worst


def measure(case: Case) -> tuple[dict[str, float], float]:
    """Return the best time of each contender, rounds interleaved, and the largest difference of sums."""
    source, zones = population(case.side), star_zones(case.side, case.zones)
    timed = contenders(source, zones)
    warm_up = zones.iloc[:10]
    for run in contenders(source, warm_up).values():
        run()
    seconds: dict[str, float] = {}
    results: dict[str, pd.DataFrame] = {}
    for _ in range(case.rounds):
        for name, run in timed.items():
            for _ in range(OWN_RUNS if name.startswith("geo_profiling") else 1):
                start = time.perf_counter()
                results[name] = run()
                seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - start)
    frames: list[NDArray[np.float64]] = [
        results[name].to_numpy() for name in results if name.startswith("geo_profiling")
    ]
    if not all(np.array_equal(frames[0], frame, equal_nan=True) for frame in frames):
        raise SystemExit("results depend on the number of threads")
    peers = [results[name] for name in results if name.startswith("exactextract")]
    return seconds, max(largest_difference(results["geo_profiling, 1 thread"], peer) for peer in peers)


def table(case: Case) -> str:
    """Return one case as a markdown table."""
    seconds, worst = measure(case)
    best_peer = min(value for name, value in seconds.items() if name.startswith("exactextract"))
    speed_up = seconds["geo_profiling, 1 thread"] / seconds["geo_profiling, 2 threads"]
    lines = [
        f"### {case.zones:,} zones on {case.side:,} x {case.side:,} cells, float32",
        "",
        f"| contender | best, s ({case.rounds} rounds) | times faster than exactextract's best |",
        "|---|---|---|",
        *(f"| {name} | {value:.2f} | {best_peer / value:.1f} |" for name, value in seconds.items()),
        "",
        f"2 threads are {speed_up:.2f} times as fast as one. Largest relative difference of a zone's sum: {worst:.1e}.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small case")
    cases = QUICK if parser.parse_args().quick else FULL
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "numba", "shapely", "exactextract")
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{len(os.sched_getaffinity(0))} processors, {memory_gib:.0f} GiB, Python {platform.python_version()}"
    print(f"{machine}, {versions}\n")
    for case in cases:
        print(table(case), flush=True)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"Peak memory of the whole process, raster and exactextract included: {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
