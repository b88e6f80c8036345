"""Cutting lines at the edges of a hazard's cells against nismod-snail, on the same lines and grid.

Run ``python benchmarks/lines.py`` (about two minutes; it needs ``nismod-snail``), or ``--quick`` for a small case.
Both cut the same lines in the coordinates of the grid and look up the cell of each piece, in turn, round after
round, in one process, and the best run of each is told. Lengths by cell are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import shapely
import snail.intersection
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.hazard.lines import split_lines
from geo_profiling.raster.grid import Grid

PEERS = {
    "whole": "`split_linestrings` and `apply_indices`, as its documentation says to use it.",
    "core": "its compiled `split_linestring` alone, one call for each line, without its tables.",
}
UTM = CRS("EPSG:32638")
#: Metres of road in a cell may differ by rounding alone.
TOLERANCE_M = 1e-3


@dataclass(frozen=True)
class Case:
    """Side of the grid in cells of 30 m, lines, rounds of each contender, and the peer's part that is compared."""

    side: int
    lines: int
    rounds: int
    peer: Literal["whole", "core"]


FULL = [Case(500, 500, 2, "whole"), Case(4000, 20_000, 3, "core")]
QUICK = [Case(500, 100, 1, "whole"), Case(500, 500, 2, "core")]


def streets(side: int, count: int) -> gpd.GeoSeries:
    """Return winding lines of 20 vertices, 50 m apart on average, inside the grid."""
    rng = np.random.default_rng(3)
    start = rng.uniform(0.05, 0.95, (count, 1, 2)) * side * 30
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + rng.normal(0, 0.4, (count, 19)).cumsum(axis=1)
    step = rng.exponential(50, (count, 19, 1)) * np.stack([np.cos(heading), np.sin(heading)], axis=2)
    points = np.concatenate([start, start + step.cumsum(axis=1)], axis=1).clip(1, side * 30 - 1)
    return gpd.GeoSeries(shapely.linestrings(points), crs=UTM)


def ours(lines: gpd.GeoSeries, grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return cell number and length of every piece."""
    pieces = split_lines(lines, grid, length_crs=UTM)
    return pieces.row * grid.shape[1] + pieces.column, pieces.length_m


def theirs(lines: gpd.GeoSeries, grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return what :func:`ours` does, by nismod-snail."""
    definition = snail.intersection.GridDefinition(UTM, grid.shape[1], grid.shape[0], tuple(grid.transform)[:6])
    frame = snail.intersection.prepare_linestrings(gpd.GeoDataFrame(geometry=lines))
    pieces = snail.intersection.split_linestrings(frame, definition)
    pieces = snail.intersection.apply_indices(pieces, definition)
    cell = pieces["index_j"].to_numpy() * grid.shape[1] + pieces["index_i"].to_numpy()
    return cell, shapely.length(pieces.geometry.to_numpy())


def their_core(lines: gpd.GeoSeries, grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return what :func:`theirs` does, by nismod-snail's compiled function alone, one call for each line."""
    transform = tuple(grid.transform)[:6]
    pieces = [
        piece
        for line in lines
        for piece in snail.intersection.split_linestring(line, grid.shape[1], grid.shape[0], transform)
    ]
    geometries = np.array(pieces, dtype=object)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(geometries, 0.5, normalized=True))
    column, row = np.floor(((middle - transform[2::3]) / (transform[0], transform[4])).T).astype(np.int64)
    return row * grid.shape[1] + column, shapely.length(geometries)


def largest_difference(
    first: tuple[NDArray[np.int64], NDArray[np.float64]], second: tuple[NDArray[np.int64], NDArray[np.float64]]
) -> float:
    """Return the largest difference of metres in a cell; stop where it is not rounding."""
    size = int(max(first[0].max(), second[0].max())) + 1
    metres = [np.bincount(cell, weights=length, minlength=size) for cell, length in (first, second)]
    worst = float(np.abs(metres[0] - metres[1]).max())
    if worst > TOLERANCE_M:
        raise SystemExit(f"metres in a cell differ by {worst:.3g}: no table")
    return worst


def table(case: Case) -> str:
    """Measure and return the results as markdown."""
    grid = Grid(UTM, Affine(30, 0, 0, 0, -30, 30 * case.side), (case.side, case.side))
    lines = streets(case.side, case.lines)
    contenders: dict[str, Callable[..., tuple[NDArray[np.int64], NDArray[np.float64]]]] = {
        "geo_profiling": ours,
        "nismod-snail": theirs if case.peer == "whole" else their_core,
    }
    results, seconds = {}, dict.fromkeys(contenders, np.inf)
    for run in contenders.values():
        run(lines.iloc[:10].reset_index(drop=True), grid)
    for _ in range(case.rounds):
        for name, run in contenders.items():
            started = time.perf_counter()
            results[name] = run(lines, grid)
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    worst = largest_difference(results["geo_profiling"], results["nismod-snail"])
    pieces = len(results["geo_profiling"][0])
    return "\n".join(
        [
            f"### {case.lines:,} lines of 20 vertices, {case.side:,} x {case.side:,} cells, {pieces:,} pieces",
            "",
            "The peer: " + PEERS[case.peer],
            "",
            f"| contender | best of {case.rounds}, s | times faster |",
            "|---|---|---|",
            *(f"| {name} | {value:.3f} | {seconds['nismod-snail'] / value:.1f} |" for name, value in seconds.items()),
            "",
            f"Metres of line in a cell differ by {worst:.1e} m at most.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small case")
    cases = QUICK if parser.parse_args().quick else FULL
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"nismod-snail {importlib.metadata.version('nismod-snail')}, both on one thread\n"
    )
    for case in cases:
        print(table(case), flush=True)


if __name__ == "__main__":
    main()
