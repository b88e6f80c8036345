"""A run: the steps of every region, planned or brought up to date."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from geo_profiling.compute import Compute
from geo_profiling.config.project import Project, RegionSettings
from geo_profiling.errors import GeoProfilingError, LockedError
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger
from geo_profiling.runs.planner import leftover_outputs, plan_steps
from geo_profiling.runs.runner import RegionResult, RegionRun, raise_on_failures, run_regions
from geo_profiling.runs.step import Step
from geo_profiling.runs.summary import RunFacts, metrics_text, summarise, write_metrics, write_summary
from pipelines.selection import output_directory, select_regions
from pipelines.steps.region import region_steps

_log = logging.getLogger("geo_profiling.run")

#: Exit codes of ends that no error of ours brings about.
INTERNAL_FAULT, INTERRUPTED = 1, 130


def run_project(
    project: Project,
    *,
    directory: Path | None = None,
    regions: Sequence[str] | None = None,
    compute: Compute,
    memory_limit: int | None = None,
    force: bool = False,
    keep_going: bool = True,
    summary: Path | None = None,
    metrics: Path | None = None,
) -> list[RegionResult]:
    """Bring the regions of a project up to date.

    Parameters
    ----------
    project : Project
        From :func:`geo_profiling.config.load.load_project`.
    directory : Path, optional
        Folder of the results, instead of the configuration's.
    regions : sequence of str, optional
        Names of regions; all by default.
    compute : Compute
        Where the work runs.
    memory_limit : int, optional
        Bytes that the process may hold.
    force : bool
        Compute everything anew and overwrite whatever stands in the way.
    keep_going : bool
        Run the other regions after one failed.
    summary : Path, optional
        A further place for the summary of the run, besides the state folder of the results.
    metrics : Path, optional
        File for the text format of Prometheus, instead of the configuration's.

    Raises
    ------
    GeoProfilingError
        If a region failed, see :func:`geo_profiling.runs.runner.raise_on_failures`.
    LockedError
        If another run works in one of the folders.
    """
    out = output_directory(project, directory)
    jobs = [
        RegionRun(region.name, out / region.name, _steps_of(region, out, memory_limit))
        for region in select_regions(project, regions)
    ]
    names = [job.name for job in jobs]
    before = {name: figures(out / name) for name in names}
    started, clock = time.time(), time.monotonic()
    results: list[RegionResult] = []
    exit_code = INTERNAL_FAULT
    try:
        run_regions(jobs, compute=compute, directory=out, force=force, keep_going=keep_going, on_result=results.append)
        raise_on_failures(results)
        exit_code = 0
    except LockedError:
        # The other run's summary is not ours to replace.
        results.clear()
        raise
    except GeoProfilingError as error:
        exit_code = error.exit_code
        raise
    except KeyboardInterrupt:
        exit_code = INTERRUPTED
        raise
    finally:
        if results:
            after = {name: figures(out / name) for name in names}
            facts = RunFacts(
                project.config.name, names, results, started, time.monotonic() - clock, exit_code, before, after
            )
            told = summarise(facts, out)
            write_summary(told, out, copy=summary)
            target = metrics or project.config.output.metrics
            if target is not None:
                write_metrics(metrics_text(told, _finished(out, names)), target)
    computed = sum(len(result.ran) for result in results)
    kept = sum(len(result.kept) for result in results)
    text = (
        f"{computed} of {computed + kept} steps computed"
        if computed
        else f"nothing to compute: {kept} steps up to date"
    )
    _log.info(text, extra={"fields": {"regions": len(results), "results": str(out)}})
    return results


def figures(directory: Path) -> dict[str, float]:
    """Return the figures of a finished region, by name; none where it is not finished.

    Examples
    --------
    >>> figures(Path("nowhere"))
    {}
    """
    try:
        results = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))["results"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(_flat(results, ""))


def _flat(value: object, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}".removeprefix("."))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _finished(out: Path, names: Sequence[str]) -> dict[str, float]:
    """Return when the newest result of each region was finished."""
    manifests = {name: out / name / "manifest.json" for name in names}
    return {name: manifest.stat().st_mtime for name, manifest in manifests.items() if manifest.exists()}


def plan_project(
    project: Project, *, directory: Path | None = None, regions: Sequence[str] | None = None
) -> Iterator[str]:
    """Yield what a run would do: a line for each region, step and file to remove. Touches nothing.

    Raises
    ------
    InputError
        If an input is missing.
    OutputError
        If a ledger cannot be read.
    """
    out = output_directory(project, directory)
    cache = DigestCache(out / STATE_FOLDER / "digests.json")
    for region in select_regions(project, regions):
        folder = out / region.name
        ledger = Ledger(folder)
        steps = region_steps(region, folder)
        planned = plan_steps(steps, ledger, folder, cache=cache)
        todo = sum(not item.is_up_to_date for item in planned)
        yield f"{region.name}: {todo} of {len(planned)} steps to compute" if todo else f"{region.name}: up to date"
        for item in planned:
            yield f"  {'keep' if item.is_up_to_date else 'run '}  {item.step.name}: {item.describe()}"
        for output in [output for item in planned for output in item.foreign]:
            yield f"  stop  {output}: stands in the way and no run made it (run --force overwrites it)"
        for record in ledger.records.values():
            for output in leftover_outputs(record, steps):
                yield f"  drop  {output}: no longer asked for"


def _steps_of(region: RegionSettings, out: Path, memory_limit: int | None) -> Callable[[], list[Step]]:
    return partial(region_steps, region, out / region.name, memory_limit=memory_limit)
