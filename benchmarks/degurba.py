"""Degree of Urbanisation, Level 2: against decoding, against numpy and scipy, and over four sizes.

Run ``python benchmarks/degurba.py`` (about ten minutes the first time: it draws the synthetic world), or
``--quick`` for small grids. Each figure is taken in a process of its own, whose peak memory is the whole
process's; contenders that are compared run one after the other in the same call, and the median of the
rounds is told. Both kinds of result are checked equal before anything is printed.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from synthetic import write_world

MIB = 2**20


def measure(task: str, folder: Path, threads: int) -> tuple[float, float]:
    """Run one task in a new process; return its seconds and the process's peak memory in MiB."""
    command = [sys.executable, __file__, "--task", task, "--folder", str(folder), "--threads", str(threads)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(found[-2]), float(found[-1])


def rounds(tasks: list[str], folder: Path, threads: int, n: int) -> dict[str, tuple[float, float]]:
    """Interleave tasks for ``n`` rounds; return median seconds and largest peak of each."""
    taken: dict[str, list[tuple[float, float]]] = {task: [] for task in tasks}
    for _ in range(n):
        for task in tasks:
            taken[task].append(measure(task, folder, threads))
    return {
        task: (median(seconds for seconds, _ in found), max(peak for _, peak in found)) for task, found in taken.items()
    }


# --- tasks, each in its own process --------------------------------------------------------------


def _sources(folder: Path):
    from geo_profiling.raster.read import open_raster

    kinds = {"population": "count", "land": "area", "built_up": "area"}
    return [open_raster(folder / f"{name}.tif", quantity=kind) for name, kind in kinds.items()]


def decode(folder: Path, threads: int) -> None:
    """Read and decode the three inputs, tile by tile, and do nothing with them."""
    from geo_profiling.compute import Compute

    sources = _sources(folder)

    def read(window) -> None:
        for source in sources:
            source.read(window)

    for _ in Compute(threads=threads).map(read, sources[0].grid.tiles(2048)):
        pass


def classify(folder: Path, threads: int) -> None:
    """Classify the files into a Cloud Optimized GeoTIFF."""
    from geo_profiling.compute import Compute
    from geo_profiling.delineation.cells import CellInputs
    from geo_profiling.delineation.degurba import classify as run
    from geo_profiling.delineation.rules import rule_set
    from geo_profiling.raster.write import create_raster

    inputs = CellInputs(*_sources(folder))
    with create_raster(folder / "ours.tif", inputs.grid, dtype=np.int16, nodata=-32768, threads=threads) as writer:
        run(inputs, writer.write, level=2, rules=rule_set(), compute=Compute(threads=threads))


def numpy_scipy(folder: Path, threads: int) -> None:  # noqa: ARG001 - the peer has one
    """Classify the same files whole with numpy and scipy, and write a GeoTIFF."""
    import rasterio
    from numpy_scipy import classify_level2

    arrays = []
    for name in ("population", "land", "built_up"):
        with rasterio.open(folder / f"{name}.tif") as dataset:
            arrays.append(dataset.read(1).astype(np.float64))
            profile = dataset.profile
    classes = classify_level2(arrays[0], arrays[1] / 1e6, arrays[2] / 1e6)
    profile |= {"dtype": "int16", "nodata": -32768, "compress": "deflate"}
    with rasterio.open(folder / "peer.tif", "w", **profile) as dataset:
        dataset.write(classes, 1)


TASKS: dict[str, Callable[[Path, int], None]] = {
    "decode": decode,
    "classify": classify,
    "numpy_scipy": numpy_scipy,
}


def run_task(name: str, folder: Path, threads: int) -> None:
    """Run a task once on a corner of the data to compile, then time it; print seconds and peak MiB."""
    import resource

    warm = folder / "warm"
    if not warm.exists():
        write_world(warm, rows=256, cols=256)
    TASKS[name](warm, threads)
    started = time.perf_counter()
    TASKS[name](folder, threads)
    seconds = time.perf_counter() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB)


# --- the tables ----------------------------------------------------------------------------------


def same_classes(folder: Path) -> bool:
    """Tell whether ours and the peer's grids agree in every cell."""
    import rasterio

    with rasterio.open(folder / "ours.tif") as ours, rasterio.open(folder / "peer.tif") as peer:
        return bool((ours.read(1) == peer.read(1)).all())


def world(root: Path, rows: int, cols: int) -> Path:
    """Return the folder of a synthetic world, drawn once."""
    folder = root / f"world_{rows}x{cols}"
    if not (folder / "done").exists():
        write_world(folder, rows=rows, cols=cols)
        (folder / "done").touch()
    return folder


def tables(root: Path, *, quick: bool, threads: int) -> str:
    """Measure everything and return it as markdown."""
    large = (2048, 4096) if quick else (18_000, 36_000)
    small = (1000, 1000) if quick else (4000, 4000)
    sizes = [512, 1024, 2048, 4096] if quick else [2250, 4500, 9000, 18_000]
    n = 1 if quick else 3
    lines = [f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {threads} threads", ""]

    folder = world(root, *large)
    found = rounds(["decode", "classify"], folder, threads, n)
    ratio = found["classify"][0] / found["decode"][0]
    lines += [
        f"## {large[0]} x {large[1]} cells",
        "| work | seconds | peak MiB | ratio to decoding |",
        "|---|---|---|---|",
        f"| decode the three inputs | {found['decode'][0]:.2f} | {found['decode'][1]:.0f} | 1 |",
        f"| classify and write a COG | {found['classify'][0]:.2f} | {found['classify'][1]:.0f} | {ratio:.2f} |",
        "",
    ]

    folder = world(root, *small)
    found = rounds(["classify", "numpy_scipy"], folder, threads, n)
    if not same_classes(folder):
        raise SystemExit("ours and the peer differ: no table")
    ours, peer = found["classify"], found["numpy_scipy"]
    lines += [
        f"## {small[0]} x {small[1]} cells against numpy and scipy in one process (classes equal in every cell)",
        "| | seconds | peak MiB |",
        "|---|---|---|",
        f"| geo_profiling | {ours[0]:.2f} | {ours[1]:.0f} |",
        f"| numpy and scipy | {peer[0]:.2f} | {peer[1]:.0f} |",
        f"| ratio | {peer[0] / ours[0]:.1f} x faster | {ours[1] / peer[1]:.2f} of the memory |",
        "",
    ]

    cells, seconds = [], []
    lines += ["## Growth", "| cells | seconds | peak MiB |", "|---|---|---|"]
    for side in sizes:
        taken = rounds(["classify"], world(root, side, side), threads, n)["classify"]
        cells.append(side * side)
        seconds.append(taken[0])
        lines.append(f"| {side} x {side} | {taken[0]:.2f} | {taken[1]:.0f} |")
    exponent = np.polyfit([math.log(c) for c in cells], [math.log(s) for s in seconds], 1)[0]
    return "\n".join([*lines, "", f"Fitted exponent of seconds over cells: {exponent:.2f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small grids, one round")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", type=Path, help="folder for the synthetic worlds (kept); default: a temporary one")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        run_task(arguments.task, arguments.folder, arguments.threads)
    elif arguments.data:
        print(tables(arguments.data, quick=arguments.quick, threads=arguments.threads))
    else:
        with tempfile.TemporaryDirectory() as folder:
            print(tables(Path(folder), quick=arguments.quick, threads=arguments.threads))


if __name__ == "__main__":
    main()
