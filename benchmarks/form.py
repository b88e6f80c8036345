"""Form of 100,000 buildings, ours and momepy's; informality, candidates and the people of a million buildings.

Run ``python benchmarks/form.py`` (some minutes), or ``--quick`` for a small case. momepy is measured where
it is installed; without it the table says so. Buildings are rectangles, Ls and Us that are turned at
random, about seven vertices each, spaced so that none overlap. Each stage runs several times and the table
gives the best; the values of both are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from affine import Affine

from geo_profiling.compute import Compute
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.settlements.arrangement import nearest_neighbours, tessellation_arrangement
from geo_profiling.settlements.candidates import building_scores, candidate_settlements
from geo_profiling.settlements.density import zone_density
from geo_profiling.settlements.form import building_form, prepare_footprints
from geo_profiling.settlements.informality import classify_cells
from geo_profiling.settlements.neighbourhood import neighbourhood_form
from geo_profiling.settlements.population import settlement_population
from geo_profiling.settlements.tessellation import tessellation_cells

CRS = "EPSG:32638"
ORIGIN = (300_000.0, 1_200_000.0)
SPACING_M = 16.0
#: momepy's function and our column.
COMPARED = {
    "circular_compactness": "circular_compactness",
    "convexity": "convexity",
    "corners": "corners",
    "elongation": "elongation_area_perimeter",
    "equivalent_rectangular_index": "equivalent_rectangular_index",
    "facade_ratio": "facade_ratio_m",
    "fractal_dimension": "fractal_dimension",
    "orientation": "orientation_deviation_deg",
    "rectangularity": "rectangularity",
    "shape_index": "shape_index",
    "squareness": "squareness_deg",
}


@dataclass(frozen=True)
class Case:
    """Buildings whose form is measured, of the tessellation, and of the population; rounds of each stage."""

    buildings: int
    tessellated: int
    populated: int
    rounds: int


FULL, QUICK = Case(100_000, 10_000, 1_000_000, 3), Case(2_000, 500, 5_000, 1)


def buildings_of(count: int) -> gpd.GeoDataFrame:
    """Return ``count`` buildings on a loose grid."""
    rng = np.random.default_rng(3)
    side = int(np.ceil(np.sqrt(count)))
    place = np.stack(np.divmod(np.arange(count), side), axis=1) * SPACING_M + np.array(ORIGIN)
    width, depth = rng.uniform(3, 9, (2, count))
    turn = np.radians(rng.uniform(0, 180, count))
    plans = [
        np.array([(0, 0), (1, 0), (1, 1), (0, 1)]),
        np.array([(0, 0), (1, 0), (1, 0.5), (0.5, 0.5), (0.5, 1), (0, 1)]),
        np.array([(0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.4), (0.3, 0.4), (0.3, 1), (0, 1)]),
    ]
    kind = rng.integers(0, len(plans), count)
    shapes = np.empty(count, dtype=object)
    for number, plan in enumerate(plans):
        rows = np.flatnonzero(kind == number)
        flat = (plan[None] - 0.5) * np.stack([width[rows], depth[rows]], axis=1)[:, None]
        cos, sin = np.cos(turn[rows])[:, None], np.sin(turn[rows])[:, None]
        x, y = flat[..., 0] * cos - flat[..., 1] * sin, flat[..., 0] * sin + flat[..., 1] * cos
        shapes[rows] = shapely.polygons(np.stack([x, y], axis=-1) + place[rows][:, None])
    return gpd.GeoDataFrame(geometry=shapes, crs=CRS)


def best(rounds: int, run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the shortest time of several runs and the last result."""
    shortest, found = np.inf, None
    for _ in range(rounds):
        start = time.perf_counter()
        found = run()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest, found


def line(name: str, ours: float, theirs: float | None) -> str:
    if theirs is None:
        return f"| {name} | {ours:.2f} | | |"
    return f"| {name} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.1f} |"


def momepy_form(momepy: Any, buildings: gpd.GeoDataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: getattr(momepy, name)(buildings) for name in COMPARED})


def momepy_neighbours(momepy: Any, buildings: gpd.GeoDataFrame, limit: Any) -> pd.DataFrame:
    from libpysal import graph

    cells = momepy.morphological_tessellation(buildings, clip=limit)
    contiguity = graph.Graph.build_contiguity(cells)
    return pd.DataFrame(
        {
            "tessellation_area_m2": cells.area,
            "alignment_deg": momepy.alignment(momepy.orientation(buildings), contiguity),
            "neighbour_distance_m": momepy.neighbor_distance(buildings, contiguity),
        }
    )


def compare(ours: pd.DataFrame, theirs: pd.DataFrame, names: dict[str, str], tolerance: float) -> float:
    """Return the largest difference; stop where it passes the tolerance."""
    largest = 0.0
    for theirs_name, ours_name in names.items():
        apart = np.abs(theirs[theirs_name].to_numpy(float) - ours[ours_name].to_numpy(float))
        largest = max(largest, float(np.nanmax(apart)))
        if largest > tolerance:
            raise SystemExit(f"{ours_name} differs from momepy's {theirs_name} by {largest}")
    return largest


def form_lines(case: Case, momepy: Any) -> list[str]:
    """Return the rows of the form of buildings and of the tessellation."""
    buildings = buildings_of(case.buildings)
    building_form(buildings.iloc[:10])  # kernels are compiled once for each machine
    ours, form = best(case.rounds, lambda: building_form(buildings))
    theirs, note = None, ""
    if momepy is not None:
        theirs, other = best(1, lambda: momepy_form(momepy, buildings))
        apart = compare(form, other, COMPARED, 1e-6)
        note = f"The {len(COMPARED)} measures that both have differ by {apart:.1e} at most."
    rows = [line(f"form of {case.buildings:,} buildings (18 measures; momepy {len(COMPARED)})", ours, theirs)]
    few = buildings.iloc[: case.tessellated]
    limit = shapely.buffer(shapely.box(*few.total_bounds), 20)
    form = form.iloc[: case.tessellated]

    def arranged() -> pd.DataFrame:
        return tessellation_arrangement(few, tessellation_cells(few, limit)[0], form)

    ours, table = best(case.rounds, arranged)
    theirs = None
    if momepy is not None:
        theirs, other = best(1, lambda: momepy_neighbours(momepy, few, limit))
        apart = (table["tessellation_area_m2"] - other["tessellation_area_m2"]).abs()
        note += (
            f" Of the tessellation's cells {(apart > 1e-6).sum():,} of {len(few):,} differ by more than 1e-6 m2 "
            f"(by {apart.max():.2g} at most: ties of the smoothing, which momepy decides by the order of the rows)."
        )
    rows.append(line(f"tessellation of {case.tessellated:,} buildings and neighbours in it", ours, theirs))
    return [*rows, "", note] if note else rows


def other_lines(case: Case) -> list[str]:
    """Return the rows of what momepy has no counterpart for."""
    buildings = buildings_of(case.buildings)
    rows = []
    seconds, (footprints, _) = best(case.rounds, lambda: prepare_footprints(buildings))
    rows.append(line(f"checking {case.buildings:,} footprints, overlaps included", seconds, None))
    form = building_form(footprints)
    seconds, near = best(case.rounds, lambda: nearest_neighbours(footprints))
    rows.append(line("nearest neighbours", seconds, None))
    seconds, around = best(case.rounds, lambda: neighbourhood_form(footprints, form))
    rows.append(line("surroundings within 50 m", seconds, None))
    measures = form.join(near).join(around)
    seconds, grid = best(case.rounds, lambda: classify_cells(footprints, measures))
    rows.append(line(f"informality of {len(grid.cells):,} cells", seconds, None))
    seconds, found = best(case.rounds, lambda: candidate_settlements(footprints, building_scores(measures)))
    rows.append(line(f"{len(found):,} candidates of {found['n_buildings'].sum():,} buildings", seconds, None))
    seconds, _ = best(case.rounds, lambda: zone_density(grid.cells, footprints))
    rows.append(line(f"density of {len(grid.cells):,} zones", seconds, None))
    return rows


def population_line(case: Case) -> str:
    """Return the row of the population of a thousand settlements."""
    buildings = buildings_of(case.populated)
    left, bottom, right, top = buildings.total_bounds
    rng = np.random.default_rng(5)
    rows, columns = int((top - bottom) // 100) + 1, int((right - left) // 100) + 1
    grid = Grid(pyproj.CRS(CRS), Affine(100, 0, left, 0, -100, top), (rows, columns))
    people = ArraySource(wrap(rng.gamma(0.5, 60, (rows, columns)), grid), "population")
    side = max(2, int(np.sqrt(len(buildings)) / 32))
    x, y = (
        axis.ravel()
        for axis in np.meshgrid(np.linspace(left, right, side + 1)[:-1], np.linspace(bottom, top, side + 1)[:-1])
    )
    step = (right - left) / side
    zones = gpd.GeoDataFrame(geometry=shapely.box(x + 5.3, y + 5.3, x + 0.7 * step, y + 0.7 * step), crs=CRS)
    settlement_population(zones.iloc[:2], population_grid=people, buildings=buildings.iloc[:10])
    seconds, found = best(
        case.rounds,
        lambda: settlement_population(zones, population_grid=people, buildings=buildings, compute=Compute()),
    )
    totals = found.totals["population_building_based"]
    apart = abs(totals["settlements"] + totals["remainder"] - totals["total"]) / totals["total"]
    if apart > 1e-9:
        raise SystemExit(f"people are lost: {apart}")
    return line(
        f"people of {len(zones):,} settlements on {len(buildings):,} buildings (settlements and remainder make the "
        f"total to {max(apart, 1e-16):.0e})",
        seconds,
        None,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small case")
    case = QUICK if parser.parse_args().quick else FULL
    momepy = None
    if importlib.util.find_spec("momepy") is not None:
        momepy = importlib.import_module("momepy")
    names = ("numpy", "pandas", "shapely", *(("momepy",) if momepy else ()))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{len(os.sched_getaffinity(0))} processors, {memory_gib:.0f} GiB, Python {platform.python_version()}"
    print(f"{machine}, {versions}, GEOS {shapely.geos_version_string}, load {os.getloadavg()[0]:.1f}\n")
    print("| what | ours, s | momepy, s | times faster |\n|---|---|---|---|")
    print("\n".join(form_lines(case, momepy)))
    if momepy is None:
        print("\nmomepy is not installed: nothing to compare with.")
    print("\n| what | s | | |\n|---|---|---|---|")
    print("\n".join(other_lines(case)))
    print(population_line(case))
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nPeak memory of the whole process, making the cases and momepy included: {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
