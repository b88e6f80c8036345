"""Exposure to a hazard: people in nine maps against decoding the same files, and a million buildings.

Run ``python benchmarks/exposure.py`` (it draws ten rasters of 20,000 x 20,000 cells the first time; keep them with
``--data``), or ``--quick`` for small grids. Each figure is taken in a process of its own, whose peak memory is the
whole process's; tasks that are compared run one after the other in the same call, and the median of the rounds is
told. The bands of every zone and return period are checked to sum to the people that plain zonal statistics count
there before anything is printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

from geo_profiling.compute import Compute
from geo_profiling.hazard.buildings import building_exposure
from geo_profiling.hazard.exposure import totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.raster.zonal import zonal_statistics

YEARS = (2, 5, 10, 25, 50, 100, 250, 500, 1000)
CELL_M = 100.0
BLOCK = 512
KIND = HazardKind("flood")
#: The shares of two counts of the same people may differ by rounding alone.
TOLERANCE = 1e-9


# --- the data ------------------------------------------------------------------------------------


def draw(folder: Path, side: int) -> None:
    """Write people and nine nested depths of a river plain, tile by tile, once."""
    if (folder / "done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "count": 1, "crs": "ESRI:54009", "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
        "compress": "zstd", "BIGTIFF": "IF_SAFER", "width": side, "height": side, "dtype": "float32",
        "transform": Affine(CELL_M, 0, 0, 0, -CELL_M, side * CELL_M),
    }  # fmt: skip
    names = ["population", *(f"rp{years}" for years in YEARS)]
    files = {name: rasterio.open(folder / f"{name}.tif", "w", **profile, nodata=-9999.0) for name in names}
    step = 4 * BLOCK
    for top in range(0, side, step):
        for left in range(0, side, step):
            window = rasterio.windows.Window(left, top, min(step, side - left), min(step, side - top))
            for name, values in _tile(window).items():
                files[name].write(values, 1, window=window)
    for file in files.values():
        file.close()
    (folder / "done").touch()


def _tile(window: rasterio.windows.Window) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([7, window.row_off, window.col_off])
    shape = (window.height, window.width)
    rows = np.arange(window.row_off, window.row_off + shape[0], dtype=np.float32)[:, None]
    cols = np.arange(window.col_off, window.col_off + shape[1], dtype=np.float32)[None, :]
    draw = rng.random(shape, dtype=np.float32)
    people = np.where(draw > 0.86, (draw - np.float32(0.86)) * 400, np.float32(0))
    # metres above a winding river, with centimetres of relief: what keeps depths from compressing to nothing
    height = 9 * np.abs(np.sin(rows / 700 + np.sin(cols / 900))) + 0.3 * rng.random(shape, dtype=np.float32)
    tile = {"population": people.astype(np.float32)}
    for at, years in enumerate(YEARS):
        depth = np.round(np.maximum(np.float32(0.25 * (at + 1)) - height, 0), 2)
        tile[f"rp{years}"] = np.where(height > 8.5, np.float32(-9999), depth).astype(np.float32)
    return tile


def shift(folder: Path, moved: Path) -> None:
    """Copy the files, the hazards moved by parts of a cell: what maps of two sources look like."""
    if (moved / "done").exists():
        return
    shutil.copytree(folder, moved, ignore=shutil.ignore_patterns("done", "warm*", "*.npy"))
    for path in moved.glob("rp*.tif"):
        with rasterio.open(path, "r+") as file:
            a, b, c, d, e, f = file.transform[:6]
            file.transform = Affine(a, b, c + 0.37 * a, d, e, f + 0.59 * e)
    (moved / "done").touch()


def star_zones(side: int, count: int) -> gpd.GeoDataFrame:
    """Return star-shaped polygons of 24 vertices that together have about the area of the rasters."""
    rng = np.random.default_rng(11)
    corners, extent = 24, side * CELL_M
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)[None, :]
    radius = rng.uniform(0.6, 1.4, (count, corners)) * np.sqrt(extent**2 / count / np.pi)
    centre = rng.uniform(0, extent, (count, 2, 1))
    x, y = centre[:, 0] + radius * np.cos(angle), centre[:, 1] + radius * np.sin(angle)
    return gpd.GeoDataFrame(geometry=shapely.polygons(np.stack([x, y], axis=2)), crs="ESRI:54009")


def footprints(side: int, count: int) -> gpd.GeoSeries:
    """Return houses of 4 to 20 m, turned, in clusters."""
    rng = np.random.default_rng(13)
    centre = rng.uniform(0.02, 0.98, (max(1, count // 500), 2)) * side * CELL_M
    at = np.repeat(centre, -(-count // len(centre)), axis=0)[:count] + rng.normal(0, 400, (count, 2))
    turn, half = rng.uniform(0, np.pi, (count, 1)), rng.uniform(2, 10, (count, 2))
    signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    u, v = half[:, :1] * signs[:, 0], half[:, 1:] * signs[:, 1]
    x = at[:, :1] + u * np.cos(turn) - v * np.sin(turn)
    y = at[:, 1:] + u * np.sin(turn) + v * np.cos(turn)
    return gpd.GeoSeries(shapely.polygons(np.stack([x, y], axis=2)), crs="ESRI:54009")


def _hazards(folder: Path) -> list[RasterFile]:
    return [open_raster(folder / f"rp{years}.tif", quantity="depth") for years in YEARS]


def _population(folder: Path) -> RasterFile:
    return open_raster(folder / "population.tif", quantity="count")


# --- tasks, each in its own process --------------------------------------------------------------


def decode(folder: Path, zones: int, threads: int) -> None:  # noqa: ARG001 - all of the files
    """Read and decode the ten files, tile by tile, and do nothing with them."""
    sources = [_population(folder), *_hazards(folder)]

    def read(window) -> None:
        for source in sources:
            source.read(window)

    for _ in Compute(threads=threads).map(read, sources[0].grid.tiles(1024)):
        pass


def people(folder: Path, zones: int, threads: int) -> None:
    """Overlay people, nine maps and zones."""
    places = star_zones(_population(folder).grid.shape[0], zones)
    found = totals_by_band(_population(folder), _hazards(folder), places, kind=KIND, compute=Compute(threads=threads))
    np.save(folder / "totals.npy", found.total)


def buildings(folder: Path, zones: int, threads: int) -> None:
    """Look up a hundred buildings for each zone in nine maps, at centroids and under footprints."""
    side = _population(folder).grid.shape[0]
    houses, places = footprints(side, 100 * zones), star_zones(side, zones)
    started, worked = time.perf_counter(), time.process_time()
    building_exposure(houses, _hazards(folder), places, kind=KIND, compute=Compute(threads=threads))
    # without the drawing of the houses
    print("own", time.perf_counter() - started, time.process_time() - worked)


TASKS: dict[str, Callable[[Path, int, int], None]] = {
    "decode": decode, "people": people, "people_shifted": people, "buildings": buildings,
}  # fmt: skip


def run_task(name: str, folder: Path, zones: int, threads: int) -> None:
    """Run a task on a corner of the data to compile, then time it; print seconds and peak MiB."""
    warm = folder / "warm"
    draw(warm, BLOCK)
    if name == "people_shifted":
        shift(warm, moved := folder / "warm_shifted")
        shift(folder, folder_of := folder.with_name(f"{folder.name}_shifted"))
        warm, folder = moved, folder_of
    TASKS[name](warm, 4, threads)
    started, worked = time.perf_counter(), time.process_time()
    TASKS[name](folder, zones, threads)
    print("own", time.perf_counter() - started, time.process_time() - worked)
    print(peak_mib())


def peak_mib() -> float:
    """Return the peak memory of this process alone: ru_maxrss would begin with the parent's."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) / 1024


@dataclass(frozen=True)
class Run:
    """One task in one process: wall seconds, processor seconds of all its threads, peak memory."""

    seconds: float
    processor_s: float
    peak_mib: float


def measure(task: str, folder: Path, zones: int, threads: int) -> Run:
    """Run one task in a new process."""
    command = [sys.executable, __file__, "--task", task, "--folder", str(folder)]
    command += ["--zones", str(zones), "--threads", str(threads)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    timings = [line.split() for line in out if line.startswith("own")]
    # a task times itself after the warm-up's two lines, or is timed as a whole
    own = timings[-2] if task == "buildings" else timings[-1]
    return Run(float(own[1]), float(own[2]), float(out[-2]))


# --- the tables ----------------------------------------------------------------------------------


def check(folder: Path, zones: int, threads: int) -> float:
    """Return the largest relative difference between the bands' sums and plain zonal sums of people."""
    source = _population(folder)
    places = star_zones(source.grid.shape[0], zones)
    plain = zonal_statistics(source, places, stats=["sum"], compute=Compute(threads=threads))["sum"].to_numpy()
    plain = np.nan_to_num(plain)[:, None]
    worst = float((np.abs(np.load(folder / "totals.npy") - plain) / np.maximum(plain, 1.0)).max())
    if worst > TOLERANCE:
        raise SystemExit(f"bands and zonal sums differ by {worst:.1e}: no table")
    return worst


def table(folder: Path, side: int, zones: int, threads: int, rounds: int) -> str:
    """Measure and return the results as markdown."""
    taken: dict[str, list[Run]] = {task: [] for task in TASKS}
    for at in range(rounds):
        for task in TASKS:
            if task in ("decode", "people") or at == 0:
                taken[task].append(measure(task, folder, zones, threads))
    pairs = list(zip(taken["decode"], taken["people"], strict=True))
    worst = check(folder, zones, threads)
    size = sum(file.stat().st_size for file in folder.glob("*.tif")) / 2**30

    def row(name: str, task: str) -> str:
        found = taken[task]
        seconds, processor = median(run.seconds for run in found), median(run.processor_s for run in found)
        return f"| {name} | {seconds:.2f} | {processor:.2f} | {max(run.peak_mib for run in found):.0f} |"

    return "\n".join(
        [
            f"{os.cpu_count()} processors, Python {platform.python_version()}, {threads} threads; {rounds} rounds, "
            f"load {os.getloadavg()[1]:.1f}; ten files of {side:,} x {side:,} float32 cells, {size:.1f} GiB compressed",
            "",
            "| work | seconds | processor seconds | peak MiB |",
            "|---|---|---|---|",
            row("decode the ten files", "decode"),
            row(f"people by band, nine return periods, {zones:,} zones", "people"),
            row("the same, the nine maps shifted by part of a cell", "people_shifted"),
            row(f"{100 * zones:,} buildings, centroid and footprint, nine return periods", "buildings"),
            "",
            "People against decoding, in each round: "
            + ", ".join(f"{ours.seconds / base.seconds:.2f}" for base, ours in pairs)
            + " times the seconds, "
            + ", ".join(f"{ours.processor_s / base.processor_s:.2f}" for base, ours in pairs)
            + f" times the processor seconds. Bands and plain zonal sums differ by {worst:.1e}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small grids, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--data", type=Path, help="folder for the rasters (kept); default: a temporary one")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--zones", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        run_task(arguments.task, arguments.folder, arguments.zones, arguments.threads)
        return
    side, zones, rounds = (2048, 100, 1) if arguments.quick else (20_000, 10_000, arguments.rounds)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.data or Path(temporary)) / f"plain_{side}"
        draw(folder, side)
        print(table(folder, side, zones, arguments.threads, rounds))


if __name__ == "__main__":
    main()
