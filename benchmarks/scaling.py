"""Threads, processes and a cluster: the same bytes, how they scale, what Dask costs, and the memory of workers.

Run ``python benchmarks/scaling.py``. Classifying a synthetic population grid is split into windows that
threads, worker processes or the workers of a scheduler read and classify; results are compared byte for
byte before anything is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from affine import Affine
from pyproj import CRS

from geo_profiling.compute import Compute, local_cluster, scheduler_cluster, software_digest
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster, raster_value_findings
from geo_profiling.raster.scan import scan
from geo_profiling.raster.write import create_raster

Make = Callable[[], AbstractContextManager[Compute]]


def write_large_grid(path: Path, size: int) -> None:
    """Write people as small whole numbers that compress well: the file is small, its cells are many."""
    grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100.0 * size), (size, size))
    with create_raster(path, grid, dtype="uint8", nodata=255) as writer:
        for number, tile in enumerate(grid.tiles(4096)):
            writer.write(tile, np.full(tile.shape, number % 200, np.uint8))


def write_grid(path: Path, rows: int, columns: int) -> None:
    """Write people on a grid, most cells empty, the rest noise that compresses badly."""
    grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100.0 * rows), (rows, columns))
    random = np.random.default_rng(1)
    with create_raster(path, grid, dtype="float32", nodata=-200.0) as writer:
        for tile in grid.tiles(1024):
            values = random.exponential(20.0, tile.shape).astype(np.float32)
            writer.write(tile, np.where(random.random(tile.shape) < 0.5, np.float32(0), values))


def work(path: Path, compute: Compute) -> str:
    """Check every cell of the grid, and return the digest of what was found."""
    raster = open_raster(path, quantity="count")
    facts = scan(raster, quantity="count", compute=compute)
    return hashlib.sha256(repr((facts, raster_value_findings(raster, compute=compute))).encode()).hexdigest()


@contextmanager
def threads(number: int) -> Iterator[Compute]:
    """Yield threads of this process."""
    yield Compute(threads=number)


@contextmanager
def cluster(workers: int) -> Iterator[Compute]:
    """Start a scheduler and workers as on a network, and yield their Compute."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scheduler.json")
        dask, quiet = [sys.executable, "-m", "dask"], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        processes = [subprocess.Popen([*scheduler, "--scheduler-file", str(file)], cwd=folder, **quiet)]
        try:
            while not (file.exists() and file.read_text().endswith("}")):
                time.sleep(0.05)
            worker = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--nworkers", str(workers)]
            processes.append(subprocess.Popen([*worker, "--no-dashboard"], cwd=folder, **quiet))
            software_digest.cache_clear()
            with scheduler_cluster(str(file)) as compute:
                while compute.parallel < workers:
                    time.sleep(0.05)
                yield compute
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(60)


def measure(make: Make, path: Path, rounds: int) -> tuple[float, float, str]:
    """Return the seconds to start, the best seconds of the work, and the digest of its result."""
    started = time.monotonic()
    with make() as compute:
        compute.start()
        begun = time.monotonic() - started
        digest, best = "", float("inf")
        for _ in range(rounds + 1):  # the first round imports what workers need
            once = time.monotonic()
            digest = work(path, compute)
            best = min(best, time.monotonic() - once)
    return begun, best, digest


def overhead(make: Make, tasks: int = 500) -> float:
    """Return the milliseconds that a task costs which does nothing."""
    with make() as compute:
        list(compute.map(abs, range(50)))
        started = time.monotonic()
        list(compute.map(abs, range(tasks)))
        return 1000 * (time.monotonic() - started) / tasks


def peak_of_a_worker(path: Path, memory_limit: int) -> tuple[int, int]:
    """Return the greatest memory of a worker in bytes, and how many workers were lost."""
    with local_cluster(2, memory_limit=memory_limit) as compute:
        compute.start()
        before = compute.client.run(os.getpid)
        raster = open_raster(path, quantity="count")
        scan(raster, quantity="count", compute=compute)
        peak = max(compute.client.run(_peak_of_this_process).values())
        lost = set(before.values()) - set(compute.client.run(os.getpid).values())
        return peak, len(lost)


def _peak_of_this_process() -> int:
    # not ru_maxrss, which begins with what the parent held
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) * 1024


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8000, help="rows and columns of the grid")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-only", action="store_true")
    given = parser.parse_args()
    if given.memory_only:
        measure_memory()
        return
    ways: dict[str, Callable[[int], Make]] = {
        "threads": lambda n: partial(threads, n),
        "processes": lambda n: partial(local_cluster, n),
        "cluster": lambda n: partial(cluster, n),
    }
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {given.size} x {given.size} cells\n")
    with tempfile.TemporaryDirectory() as folder:
        grids = {1: Path(folder, "one.tif"), 2: Path(folder, "two.tif")}
        write_grid(grids[1], given.size, given.size)
        write_grid(grids[2], 2 * given.size, given.size)
        expected = {n: work(path, Compute(threads=1)) for n, path in grids.items()}
        print("| where | workers | start s | same work s | speed-up | twice the work on twice the workers s |")
        print("|---|---|---|---|---|---|", flush=True)
        for name, way in ways.items():
            single = 0.0
            for workers in (1, 2, 4, 8):
                begun, best, digest = measure(way(workers), grids[1], given.rounds)
                assert digest == expected[1], f"{name}, {workers} workers: other results"
                single = single or best
                weak = "-"
                if workers == 2:
                    _, twice, digest = measure(way(workers), grids[2], given.rounds)
                    assert digest == expected[2], f"{name}, {workers} workers: other results"
                    weak = f"{twice:.2f} ({single / twice:.2f} of one worker's pace)"
                print(f"| {name} | {workers} | {begun:.1f} | {best:.2f} | {single / best:.2f} | {weak} |", flush=True)
        print("\n| where | a task costs ms |\n|---|---|")
        for name, way in ways.items():
            print(f"| {name} | {overhead(way(2)):.2f} |", flush=True)
    measure_memory()


def measure_memory(limit: int = 400 * 2**20) -> None:
    """Print the peak memory of workers on a grid whose cells take ten times their limit."""
    size = int((10 * limit / 4) ** 0.5) + 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.tif")
        write_large_grid(path, size)
        peak, lost = peak_of_a_worker(path, limit)
    print(
        f"\n{size} x {size} cells, {4 * size * size / 2**20:.0f} MiB as they are read: a worker took at most "
        f"{peak / 2**20:.0f} MiB of its {limit / 2**20:.0f}; workers lost: {lost}"
    )


if __name__ == "__main__":
    main()
