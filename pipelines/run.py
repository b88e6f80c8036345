"""A run: the steps of every region, planned or brought up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from geo_profiling.compute import Compute
from geo_profiling.config.project import Project, RegionSettings
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger
from geo_profiling.runs.planner import leftover_outputs, plan_steps
from geo_profiling.runs.runner import RegionResult, RegionRun, raise_on_failures, run_regions
from geo_profiling.runs.step import Step
from pipelines.selection import output_directory, select_regions
from pipelines.steps.region import region_steps

_log = logging.getLogger("geo_profiling.run")


def run_project(
    project: Project,
    *,
    directory: Path | None = None,
    regions: Sequence[str] | None = None,
    compute: Compute,
    memory_limit: int | None = None,
    force: bool = False,
    keep_going: bool = True,
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
    results = run_regions(jobs, compute=compute, directory=out, force=force, keep_going=keep_going)
    raise_on_failures(results)
    computed = sum(len(result.ran) for result in results)
    kept = sum(len(result.kept) for result in results)
    text = (
        f"{computed} of {computed + kept} steps computed"
        if computed
        else f"nothing to compute: {kept} steps up to date"
    )
    _log.info(text, extra={"fields": {"regions": len(results), "results": str(out)}})
    return results


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
