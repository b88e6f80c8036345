"""Many regions: what a run costs when nothing changed, when one region's cells did, when a parameter did.

Run ``python benchmarks/regions.py``. The sample city as twelve regions; each figure is a command of its
own, start of Python included.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rasterio

REPOSITORY = Path(__file__).parents[1]
SAMPLE = REPOSITORY / "sample_data"
CONFIG = """
version: 1
name: Twelve regions
inputs:
  population: {path: population_2020_1km.tif, year: 2020}
  land: {path: land_1km.tif}
  built_up: {path: built_up_2020_1km.tif}
output: {directory: out}
"""


def write_config(folder: Path, *, level1_threshold: float = 0.2) -> None:
    """Write the twelve regions: boxes of 35 x 40 km, read with 5 km around."""
    text = CONFIG + f"delineation: {{degurba: {{built_up_threshold: {level1_threshold}}}}}\nregions:\n"
    for number in range(12):
        x, y = 30_000.0 + 35_000 * (number % 4), 4_750_000.0 + 40_000 * (number // 4)
        box = [x, y, x + 35_000, y + 40_000]
        text += f"  - {{name: r{number + 1:02d}, halo_km: 5.0, bounds: {box}}}\n"
    (folder / "c.yaml").write_text(text)


def timed(folder: Path, command: str = "run") -> tuple[float, float, str]:
    """Return wall and processor seconds of a command, and what it said."""
    line = [sys.executable, "-m", "geo_profiling", command, "c.yaml"]
    before, started = os.times(), time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    after = os.times()
    if done.returncode:
        raise SystemExit(done.stderr)
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return time.monotonic() - started, used, done.stdout + done.stderr


def main() -> None:
    """Print the table, and a line of the plan for each case."""
    reasons = []
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| case | steps computed | seconds | of a processor |")
    print("|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("population_2020_1km", "land_1km", "built_up_2020_1km"):
            shutil.copy(SAMPLE / f"{name}.tif", folder)
        write_config(folder)

        def row(case: str) -> None:
            plan = timed(folder, "plan")[2]
            reasons.append((case, next((line.strip() for line in plan.splitlines() if "  run " in line), "up to date")))
            seconds, used, said = timed(folder)
            computed = re.findall(r"(\d+ of \d+) steps computed", said)
            print(f"| {case} | {computed[-1] if computed else 'none'} | {seconds:.1f} | {used:.1f} |", flush=True)

        row("everything is new")
        time.sleep(2.1)  # what changed a moment ago is hashed once more
        timed(folder)
        row("nothing changed")
        for path in folder.glob("*.tif"):
            path.touch()
        row("every input touched")
        with rasterio.open(folder / "population_2020_1km.tif", "r+") as file:
            values = file.read(1)
            values[20, 20] += 100
            file.write(values, 1)
        row("one region's cells changed")
        write_config(folder, level1_threshold=0.5)
        row("a parameter changed")
        (folder / "out/r05/tables/urban_centres.parquet").unlink()
        row("an output removed")
    print()
    for case, reason in reasons:
        print(f"{case}: `{reason}`")


if __name__ == "__main__":
    main()
