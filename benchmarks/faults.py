"""Faults at random moments: kills, stops, lost workers, full disks, second runs.

Run ``python benchmarks/faults.py`` (an hour; fewer of each by options).

Two configurations that differ in a parameter are computed in turn into one folder while faults
strike. After every fault each file must be whole: as either configuration gives it, or absent. A run
that is left alone afterwards must give the same bytes as one that nothing ever disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample_data"
MARK = ".geo-tmp"
#: Files that carry times: they must be whole JSON, whatever it says.
TIMED = {"manifest.json", "ledger.json", "digests.json", "summary.json"}
UNCHECKED = {"lock", "history.jsonl"}


@dataclass
class Findings:
    """What the faults did."""

    faults: int = 0
    partial: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    completed: int = 0
    seconds: list[float] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        """How many things are not as promised."""
        return len(self.partial) + len(self.leftovers) + len(self.different)


@dataclass
class Project:
    """Two configurations of the sample city, and what each gives when nothing disturbs it."""

    folder: Path
    whole: dict[str, set[bytes]] = field(default_factory=dict)
    expected: list[dict[str, bytes]] = field(default_factory=list)
    seconds: float = 0.0

    def config(self, which: int) -> Path:
        """Return one of the two configurations."""
        return self.folder / f"{'ab'[which]}.yaml"


def write_project(folder: Path, *, regions: int) -> Project:
    """Write the configurations: the sample city as one region, or as up to twelve."""
    regional = ["  - {name: all}"]
    if regions > 1:
        cells = [(30_000.0 + 35_000 * (n % 4), 4_750_000.0 + 40_000 * (n // 4)) for n in range(regions)]
        regional = [
            f"  - {{name: r{n:02d}, halo_km: 5.0, bounds: [{x}, {y}, {x + 35_000}, {y + 40_000}]}}"
            for n, (x, y) in enumerate(cells, start=1)
        ]
    for which, threshold in ((0, 0.2), (1, 0.5)):
        text = f"""
version: 1
name: Faults
allowed_roots: [{json.dumps(str(SAMPLE))}]
inputs:
  population: {{path: {json.dumps(str(SAMPLE / "population_2020_1km.tif"))}, year: 2020}}
  land: {{path: {json.dumps(str(SAMPLE / "land_1km.tif"))}}}
  built_up: {{path: {json.dumps(str(SAMPLE / "built_up_2020_1km.tif"))}}}
delineation: {{degurba: {{built_up_threshold: {threshold}}}}}
output: {{directory: out}}
regions:
"""
        (folder / f"{'ab'[which]}.yaml").write_text(text + "\n".join(regional) + "\n")
    project = Project(folder)
    for which in (0, 1):
        out = folder / f"reference_{which}"
        started = time.monotonic()
        done = run(project, which, out).communicate()
        if not (out / ".geo_profiling/summary.json").exists():
            raise SystemExit(f"the undisturbed run failed:\n{done[1]}")
        project.seconds = time.monotonic() - started
        project.expected.append(contents(out))
        for name, content in project.expected[-1].items():
            project.whole.setdefault(name, set()).add(content)
    return project


def run(project: Project, which: int, out: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    command = [sys.executable, "-m", "geo_profiling", "run", str(project.config(which)), "-o", str(out), *options]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(SAMPLE.parent)},
    )  # fmt: skip


def contents(out: Path) -> dict[str, bytes]:
    """Return the files that carry no times, by name."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in TIMED | UNCHECKED and MARK not in path.name
    }


def inspect(project: Project, out: Path, found: Findings, *, temporary_may_stay: bool) -> None:
    """Note every file that is not whole, and leftovers where there should be none."""
    for path in out.rglob("*"):
        name = str(path.relative_to(out))
        if not path.is_file() or path.name in UNCHECKED:
            continue
        if MARK in path.name:
            if not temporary_may_stay:
                found.leftovers.append(name)
        elif path.name in TIMED:
            try:
                json.loads(path.read_text())
            except ValueError:
                found.partial.append(name)
        elif path.read_bytes() not in project.whole.get(name, set()):
            found.partial.append(name)


def strike(project: Project, out: Path, *, number: signal.Signals, times: int, seed: int) -> Findings:
    """Send a signal to runs at random moments; runs that end by themselves are compared."""
    chance, found, which = random.Random(seed), Findings(), 0
    while found.faults < times:
        process = run(project, which, out)
        try:
            process.wait(chance.uniform(0.3, project.seconds))
        except subprocess.TimeoutExpired:
            struck = time.monotonic()
            # SIGKILL to the whole group: the machine as good as lost its power.
            os.killpg(process.pid, number)
            process.communicate()
            found.faults += 1
            found.seconds.append(time.monotonic() - struck)
            found.codes[process.returncode] = found.codes.get(process.returncode, 0) + 1
            inspect(project, out, found, temporary_may_stay=number == signal.SIGKILL)
            if chance.random() > 0.25:
                continue
        # Now and then a run is left alone: it must resume to the same bytes, and the other one is next.
        run(project, which, out).communicate()
        found.completed += 1
        after = contents(out)
        found.different += [
            name
            for name in after.keys() | project.expected[which].keys()
            if after.get(name) != project.expected[which].get(name)
        ]
        inspect(project, out, found, temporary_may_stay=False)
        which = 1 - which
    return found


def lose_workers(project: Project, out: Path, *, times: int, every: float) -> Findings:
    """Kill workers of a local cluster under a run."""
    import psutil

    found = Findings()
    process = run(project, 0, out, "--workers", "3")
    parent, chance = psutil.Process(process.pid), random.Random(1)
    # The cluster is up once something came out of it.
    while process.poll() is None and not list(out.glob("*/rasters/*.tif")):
        time.sleep(0.1)
    while process.poll() is None and found.faults < times:
        time.sleep(every)
        workers = [
            child
            for child in (parent.children() if parent.is_running() else [])
            if "spawn_main" in " ".join(_command(child)) and child.status() != psutil.STATUS_ZOMBIE
        ]
        if workers:
            chance.choice(workers).kill()
            found.faults += 1
    _, errors = process.communicate()
    found.codes[process.returncode] = 1
    if contents(out) != project.expected[0]:
        found.different.append(errors[-500:])
    found.completed = int(process.returncode == 0)
    return found


def _command(process: object) -> list[str]:
    import psutil

    try:
        return process.cmdline()  # type: ignore[attr-defined, no-any-return]
    except psutil.Error:
        return []


@contextmanager
def small_disk(megabytes: float) -> Iterator[Path]:
    """Mount a tmpfs of this size."""
    with tempfile.TemporaryDirectory() as folder:
        size = f"size={int(megabytes * 1024)}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True, capture_output=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def fill_disk(project: Project, *, sizes: int) -> Findings:
    """Compute the second configuration over the first on disks that have too little room left."""
    found = Findings()
    first = project.folder / "reference_0"
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in first.rglob("*") if path.is_file()) / 2**20
    for number in range(sizes):
        room = used * (1.02 + 0.9 * number / sizes)
        with small_disk(room) as disk:
            try:
                shutil.copytree(first, disk / "out")
            except (shutil.Error, OSError):
                continue
            process = run(project, 1, disk / "out")
            _, errors = process.communicate()
            found.codes[process.returncode] = found.codes.get(process.returncode, 0) + 1
            found.faults += process.returncode != 0
            inspect(project, disk / "out", found, temporary_may_stay=False)
            if process.returncode == 0:
                found.completed += 1
            elif "cannot be written" not in errors:
                found.different.append(errors[-300:])
    return found


def run_twice(project: Project, out: Path, *, times: int) -> Findings:
    """Start a second run while a first one is at work."""
    found = Findings()
    for _ in range(times):
        shutil.rmtree(out, ignore_errors=True)
        first = run(project, 0, out)
        while not list(out.glob("*/.geo_profiling/lock")) and first.poll() is None:
            time.sleep(0.02)
        started = time.monotonic()
        second = run(project, 0, out, "--workers", "2")
        _, errors = second.communicate()
        found.seconds.append(time.monotonic() - started)
        found.faults += 1
        found.codes[second.returncode] = found.codes.get(second.returncode, 0) + 1
        if f"process {first.pid} " not in errors or second.returncode != 6:
            found.different.append(errors[-300:])
        first.communicate()
        found.completed += contents(out) == project.expected[0]
    return found


def tell(what: str, found: Findings) -> str:
    """Return a row of the table."""
    slowest = f"{max(found.seconds):.1f} s" if found.seconds else "-"
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(found.codes.items()))
    return (
        f"| {what} | {found.faults} | {codes} | {len(found.partial)} | {len(found.leftovers)} | "
        f"{found.completed} | {len(found.different)} | {slowest} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--disks", type=int, default=20)
    parser.add_argument("--second-runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wrong = 0
    print("| fault | times | exit codes | partial files | leftovers | left alone | other bytes | slowest end |")
    print("|---|---|---|---|---|---|---|---|", flush=True)

    def measure(what: str, times: int, project: Project, work: Callable[[Path], Findings]) -> None:
        nonlocal wrong
        if not times:
            return
        found = work(project.folder / f"out_{what.replace(' ', '_')}")
        print(tell(what, found), flush=True)
        for text in dict.fromkeys([*found.partial, *found.leftovers, *found.different]):
            print(f"  wrong: {text}", file=sys.stderr)
        wrong += found.wrong

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        one = write_project(Path(folder), regions=1)
        kill, stop, seed = signal.SIGKILL, signal.SIGTERM, given.seed
        measure("kill -9", given.kills, one, lambda out: strike(one, out, number=kill, times=given.kills, seed=seed))
        measure("SIGTERM", given.stops, one, lambda out: strike(one, out, number=stop, times=given.stops, seed=seed))
        measure("second run", given.second_runs, one, lambda out: run_twice(one, out, times=given.second_runs))
        if given.disks and os.geteuid() == 0:
            measure("disk full", given.disks, one, lambda _: fill_disk(one, sizes=given.disks))
        elif given.disks:
            print("disk full: needs root to mount a small tmpfs; left out", file=sys.stderr)
        if given.worker_kills:
            many = write_project(Path(other), regions=12)
            times = given.worker_kills
            measure("lost worker", times, many, lambda out: lose_workers(many, out, times=times, every=0.8))
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
