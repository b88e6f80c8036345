"""Travel time from many centres against scikit-image's MCP_Geometric, each run in a process of its own.

Run ``python benchmarks/cost_distance.py`` (about ten minutes), or ``--quick`` for small cases. Needs scikit-image,
which the package itself does not. Every contender gets the same friction in memory and as sources the cells of the
same centres; the processes take turns, and the table gives the best round of each, the most memory the process
held, and how far the times differ. The result is a Markdown table.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

CELL_M = 1000.0
CENTRE_CELLS = 8
#: Relative difference of times that rounding of steps and of float64 sums can make.
TOLERANCE = 1e-7
CONTENDERS = {"geo_profiling, 1 thread": "1", "geo_profiling, 2 threads": "2", "scikit-image": "skimage"}


@dataclass(frozen=True)
class Case:
    """Side of the grid in cells, centres, and rounds of each contender."""

    side: int
    centres: int
    rounds: int


FULL = [Case(2_500, 31, 3), Case(5_000, 125, 2), Case(10_000, 500, 1)]
QUICK = [Case(1_000, 20, 2)]


def friction(side: int) -> NDArray[np.float32]:
    """Return minutes per metre: hills and valleys of speed, cell noise, and lakes that nobody crosses."""
    rng = np.random.default_rng(5)
    coarse = rng.normal(0.0, 1.0, (-(-side // 50) + 1, -(-side // 50) + 1)).astype(np.float32)
    smooth = zoom(coarse, 50, order=1)[:side, :side]
    values = rng.normal(-5.0, 0.4, (side, side)).astype(np.float32)
    values += 0.6 * smooth
    np.exp(values, out=values)
    values[smooth > 1.8] = np.nan
    return values


def centres(side: int, count: int) -> NDArray[np.int32]:
    """Return the ids of square centres."""
    rng = np.random.default_rng(6)
    labels = np.zeros((side, side), np.int32)
    for centre, (row, col) in enumerate(rng.integers(0, side - CENTRE_CELLS, (count, 2)), start=1):
        labels[row : row + CENTRE_CELLS, col : col + CENTRE_CELLS] = centre
    return labels


def run_ours(folder: Path, threads: int) -> tuple[float, NDArray[np.float64]]:
    from geo_profiling.compute import Compute
    from geo_profiling.raster.cost_distance import travel_times

    costs, labels = np.load(folder / "friction.npy"), np.load(folder / "centres.npy")
    compute = Compute(threads=threads)
    travel_times(costs[:9, :9].copy(), labels[:9, :9].copy(), cell_size=(CELL_M, CELL_M), compute=compute)
    start = time.perf_counter()
    minutes, _ = travel_times(costs, labels, cell_size=(CELL_M, CELL_M), compute=compute)
    return time.perf_counter() - start, minutes


def run_peer(folder: Path) -> tuple[float, NDArray[np.float64]]:
    from skimage.graph import MCP_Geometric

    costs, labels = np.load(folder / "friction.npy"), np.load(folder / "centres.npy")
    costs[np.isnan(costs)] = -1.0  # how it is told that a cell cannot be passed
    costs[labels > 0] = np.abs(costs[labels > 0])
    places = np.argwhere(labels > 0)
    del labels
    start = time.perf_counter()
    minutes, _ = MCP_Geometric(costs, sampling=(CELL_M, CELL_M)).find_costs(places)
    return time.perf_counter() - start, minutes


def child(folder: Path, contender: str) -> None:
    """Run one contender, and print seconds, peak memory and a sample of the times as JSON."""
    seconds, minutes = run_peer(folder) if contender == "skimage" else run_ours(folder, int(contender))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sample = minutes[::37, ::41].ravel()
    # Lakes under centres are in the centre here and passable there.
    print(json.dumps({"seconds": seconds, "peak": peak, "sample": np.where(np.isfinite(sample), sample, -1).tolist()}))


def measure(case: Case) -> list[str]:
    """Return the rows of a case."""
    best: dict[str, tuple[float, float]] = {}
    samples: dict[str, NDArray[np.float64]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs, labels = friction(case.side), centres(case.side, case.centres)
        costs[labels > 0] = 0.005  # no lake under a centre: there the two are not told the same
        np.save(folder / "friction.npy", costs)
        np.save(folder / "centres.npy", labels)
        del costs, labels
        for _ in range(case.rounds):
            for contender, how in CONTENDERS.items():
                command = [sys.executable, __file__, "--child", how, "--folder", name]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                seconds, peak = best.get(contender, (np.inf, 0.0))
                best[contender] = min(seconds, found["seconds"]), max(peak, found["peak"])
                samples[contender] = np.array(found["sample"])
    peer = samples["scikit-image"]
    rows = []
    for contender, (seconds, peak) in best.items():
        worst = float((np.abs(samples[contender] - peer) / np.maximum(np.abs(peer), 1.0)).max())
        if worst > TOLERANCE:
            raise SystemExit(f"{contender}: times differ by {worst:.1e}")
        ratio = best["scikit-image"][0] / seconds
        rows.append(
            f"| {case.side:,} x {case.side:,}, {case.centres} centres | {contender} | {seconds:.1f} | {ratio:.1f} | "
            f"{peak:.2f} | {worst:.0e} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small cases only")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.folder, given.child)
        return
    peer = importlib.metadata.version("scikit-image")
    print(f"Python {platform.python_version()}, scikit-image {peer}, {os.cpu_count()} processors\n")
    print("| grid | contender | seconds | times faster | peak GiB | largest relative difference |")
    print("|---|---|---|---|---|---|")
    for case in QUICK if given.quick else FULL:
        print("\n".join(measure(case)), flush=True)


if __name__ == "__main__":
    main()
