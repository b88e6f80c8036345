"""Functional urban areas of 10,000 units from 2 million flows: each stage timed after the tables were read.

Run ``python benchmarks/fua.py`` (a minute), or ``--quick`` for a small case. Units are the cells of
random points with wriggly borders, about 100 vertices each, that neighbours share. The flows are
drawn so that they fade with distance; the tables are text, as the reader gives them. Each stage runs
several times and the table gives the best; the answer is compared with a plain reading of the rules
(one unit and one city at a time) before anything is printed.
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
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo_profiling.delineation.commuting import city_units, commuting_flows
from geo_profiling.delineation.fua import FuaDelineation, delineate_fuas, fua_areas
from geo_profiling.vector.areas import areas_km2
from geo_profiling.vector.contiguity import rook_contiguity
from geo_profiling.vector.coverage import coverage_findings

EXTENT_M = 500_000.0
ORIGIN = (4e6, 2.7e6)
THRESHOLD = Fraction(15, 100)


@dataclass(frozen=True)
class Case:
    """Units, flows, cities, and rounds of each stage."""

    units: int
    flows: int
    cities: int
    rounds: int


FULL, QUICK = Case(10_400, 2_000_000, 300, 5), Case(400, 20_000, 12, 2)


def wriggled(ends: NDArray[np.float64], pieces: int) -> NDArray[np.float64]:
    """Return each segment as a line of ``pieces`` pieces, the same whichever way it is given."""
    ends = np.where((ends[:, :1, 0] > ends[:, 1:, 0])[..., None], ends[:, ::-1], ends)
    along = np.linspace(0, 1, pieces + 1)[None, :, None]
    points = ends[:, :1] + along * (ends[:, 1:] - ends[:, :1])
    across = (ends[:, 1] - ends[:, 0])[:, ::-1] * np.array([-1, 1])
    phase = np.modf(np.abs(ends.sum(axis=(1, 2))))[0][:, None] * 6.28
    wave = np.sin(along[..., 0] * np.pi) * 0.01 * np.sin(9 * along[..., 0] + phase)
    return points + wave[..., None] * across[:, None]


def units_of(count: int) -> gpd.GeoDataFrame:
    """Return cells of ``count`` random points, those at the rim left out, with borders of about 100 vertices."""
    rng = np.random.default_rng(7)
    seeds = rng.uniform(0, EXTENT_M, (count, 2)) + ORIGIN
    square = shapely.box(*ORIGIN, ORIGIN[0] + EXTENT_M, ORIGIN[1] + EXTENT_M)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=square))
    inner = cells[shapely.within(cells, square)]
    rings = []
    for ring in shapely.get_exterior_ring(inner):
        points = shapely.get_coordinates(ring)
        pairs = np.stack([points[:-1], points[1:]], axis=1)
        lines = wriggled(pairs, 17)
        turned = pairs[:, 0, 0] > pairs[:, 1, 0]
        lines[turned] = lines[turned][:, ::-1]
        rings.append(np.concatenate([*(line[:-1] for line in lines), lines[:1, 0]]))
    polygons = np.array([shapely.polygons(ring) for ring in rings])
    names = [f"{number:05d}" for number in range(len(polygons))]
    frame = gpd.GeoDataFrame(geometry=polygons, index=names, crs="EPSG:3035")
    return frame[shapely.is_valid(polygons)]


def tables_of(units: gpd.GeoDataFrame, case: Case) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return flows, employed residents and cities as text."""
    rng = np.random.default_rng(11)
    n, codes = len(units), units.index.to_numpy()
    points = shapely.get_coordinates(shapely.centroid(units.geometry.to_numpy()))
    cities = np.sort(rng.choice(n, case.cities, replace=False))
    size = rng.pareto(1.2, case.cities) + 0.3
    near = cKDTree(points).query(points, k=min(n, case.flows // n))[1]
    home = np.repeat(np.arange(n), near.shape[1])
    work = near.ravel()
    apart_km = np.hypot(*(points[home] - points[work]).T) / 1000
    pull = np.ones(n)
    pull[cities] = 40 * size
    weight = pull[work] * np.exp(-apart_km / 8) * rng.uniform(0.5, 1.5, home.size)
    share = weight / np.bincount(home, weights=weight, minlength=n)[home]
    employed = rng.integers(500, 20_000, n)
    workers = np.floor(0.95 * share * employed[home]).astype(np.int64)
    flows = pd.DataFrame({"origin": codes[home], "destination": codes[work], "workers": workers.astype(str)})
    residents = pd.DataFrame({"code": codes, "employed_residents_total": employed.astype(str)})
    listed = pd.DataFrame({"code": codes[cities], "city_id": [f"C{number:03d}" for number in range(case.cities)]})
    return (frame.astype("string[pyarrow]") for frame in (flows, residents, listed))  # type: ignore[return-value]


def stages(
    units: gpd.GeoDataFrame, flows: pd.DataFrame, employed: pd.DataFrame, cities: pd.DataFrame, done: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Return what is timed, in order; each finds the results of those before it in ``done``."""
    return {
        "checks of the tables": lambda: commuting_flows(flows, employed, units.index)[0],
        "cities": lambda: city_units(cities, units.index)[0],
        "contiguity": lambda: rook_contiguity(units.geometry),
        "delineation": lambda: delineate_fuas(
            done["checks of the tables"], done["cities"], done["contiguity"], threshold=THRESHOLD
        ),
        "overlaps and holes": lambda: coverage_findings(units.geometry, done["contiguity"], name="units"),
        "(not counted) dissolving": lambda: fua_areas(
            units.assign(area_km2=areas_km2(units.geometry), population=1.0), done["delineation"]
        ),
    }


def compare(found: FuaDelineation, flows: pd.DataFrame, employed: pd.DataFrame, cities: pd.DataFrame) -> int:
    """Return how many units have a share to a city; stop where a best city or its share is another."""
    fua = found.cities["fua_id"]
    group = dict(zip(cities["code"], cities["city_id"].map(fua), strict=True))
    residents = dict(zip(employed["code"], employed["employed_residents_total"].astype(int), strict=True))
    to_cities = flows[flows["destination"].isin(group)]
    sums: dict[tuple[str, str], int] = {}
    for home, work, count in to_cities.itertuples(index=False):
        sums[home, group[work]] = sums.get((home, group[work]), 0) + int(count)
    best: dict[str, int] = {}
    for (home, _), count in sums.items():
        best[home] = max(best.get(home, 0), count)
    for name, share in found.units["best_city_share"].fillna(0.0).items():
        if abs(best.get(str(name), 0) / residents[name] - share) > 1e-12:
            raise SystemExit(f"unit {name}: share {share}, by the plain reading {best.get(str(name), 0)}")
    joined = found.units[found.units["fua_rule"] == "commuting"]
    for name in joined.index:
        if 100 * sums[name, found.units.at[name, "fua_id"]] < 15 * residents[name]:
            raise SystemExit(f"unit {name} is in a commuting zone below the threshold")
    return len(best)


def measure(case: Case) -> str:
    """Return one case as a markdown table."""
    units = units_of(case.units)
    flows, employed, cities = tables_of(units, case)
    seconds: dict[str, float] = {}
    done: dict[str, Any] = {}
    for _ in range(case.rounds):
        for name, run in stages(units, flows, employed, cities, done).items():
            start = time.perf_counter()
            done[name] = run()
            seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - start)
    found: FuaDelineation = done["delineation"]
    compared = compare(found, flows, employed, cities)
    total = sum(value for name, value in seconds.items() if not name.startswith("("))
    vertices = len(shapely.get_coordinates(units.geometry.to_numpy()))
    rules = ", ".join(f"{count:,} {rule}" for rule, count in found.units["fua_rule"].value_counts().items())
    return "\n".join(
        [
            f"### {len(units):,} units ({vertices:,} vertices), {len(flows):,} flows, {case.cities} cities",
            "",
            f"| stage | best of {case.rounds} rounds, s |",
            "|---|---|",
            *(f"| {name} | {value:.3f} |" for name, value in seconds.items()),
            f"| **all that is counted** | **{total:.2f}** |",
            "",
            f"{found.units['fua_id'].nunique():,} functional urban areas; units by rule: {rules}. The best shares of "
            f"{compared:,} units agree with the plain reading.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small case")
    case = QUICK if parser.parse_args().quick else FULL
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "pandas", "pyarrow", "scipy", "shapely")
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{len(os.sched_getaffinity(0))} processors, {memory_gib:.0f} GiB, Python {platform.python_version()}"
    print(f"{machine}, {versions}\n")
    print(measure(case))
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nPeak memory of the whole process, making and checking the case included: {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
