"""Runs what the plan says, region by region."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from geo_profiling.atomic import sweep_temporary
from geo_profiling.compute import Compute, SchedulerError, TaskKilledError
from geo_profiling.errors import (
    GeoProfilingError,
    InputError,
    InternalFaultError,
    OutputError,
    RegionsFailedError,
)
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger, Record
from geo_profiling.runs.locks import output_lock
from geo_profiling.runs.parts import drop_parts, has_parts, keep_parts
from geo_profiling.runs.planner import PlannedStep, leftover_outputs, plan_steps
from geo_profiling.runs.step import PartContent, Step

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RegionRun:
    """A region to run.

    Parameters
    ----------
    name : str
        Of the region.
    directory : Path
        Its output folder.
    steps : callable
        Gives the region's steps; may raise what makes this region fail and no other.
    """

    name: str
    directory: Path
    steps: Callable[[], Sequence[Step]]


@dataclass(frozen=True)
class RegionResult:
    """What became of a region.

    Parameters
    ----------
    name : str
        Of the region.
    ran, kept : list of str
        Steps that were computed, and steps that were up to date.
    reasons : dict of str to str
        Why each step had to run, the one that failed included.
    seconds : float
        How long it took.
    error : Exception or None
        Why it failed.
    step : str
        The step that failed; empty where none did, or none was reached.
    """

    name: str
    ran: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: Exception | None = None
    step: str = ""


def run_regions(
    regions: Sequence[RegionRun],
    *,
    compute: Compute,
    directory: Path,
    force: bool = False,
    keep_going: bool = True,
    on_result: Callable[[RegionResult], None] | None = None,
) -> list[RegionResult]:
    """Bring every region up to date.

    Parameters
    ----------
    regions : sequence of RegionRun
        In the order they run.
    compute : Compute
        Handed to every step.
    directory : Path
        Folder of all regions; the cache of digests is kept there.
    force : bool
        Compute everything anew and overwrite whatever stands in the way.
    keep_going : bool
        Run the other regions after one failed.
    on_result : callable, optional
        Told what became of each region, as soon as it is known.

    Returns
    -------
    list of RegionResult
        One for each region that was tried; see :func:`raise_on_failures`.

    Raises
    ------
    LockedError
        Before anything is done, if another run holds one of the folders.
    SchedulerError
        If the cluster that was asked for cannot be used, or is gone: no region could be computed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     def work(compute: Compute) -> None:
    ...         _ = Path(folder, "accra", "n.txt").write_text("1")
    ...     step = Step("count", "1", {}, {}, outputs=["n.txt"], run=work)
    ...     region = RegionRun("accra", Path(folder, "accra"), lambda: [step])
    ...     runs = [run_regions([region], compute=Compute(1), directory=Path(folder)) for _ in range(2)]
    >>> [(run[0].ran, run[0].kept) for run in runs]
    [(['count'], []), ([], ['count'])]
    """
    results: list[RegionResult] = []
    with ExitStack() as locks:
        for region in regions:
            locks.enter_context(output_lock(region.directory))
        _sweep_shared_state(directory)
        cache = DigestCache(directory / STATE_FOLDER / "digests.json")
        for region in regions:
            result = _try_region(region, compute, cache, force=force)
            results.append(result)
            if on_result is not None:
                on_result(result)
            if result.error is None:
                _save(cache, directory)
                continue
            # The reason comes at the end once more, as the error that ends the run; alone it is told once.
            reason = (str(result.error) or type(result.error).__name__).splitlines()[0]
            where: dict[str, Any] = {"region": region.name} | ({"step": result.step} if result.step else {})
            _event("failed" if len(regions) == 1 else f"failed: {reason}", **where)
            if not keep_going:
                _event("stopped at the first failure", region=region.name, level=logging.WARNING)
                break
    return results


#: A temporary file of the folder of all regions is nobody's after this time: no lock tells.
_STALE_SECONDS = 86_400.0


def _sweep_shared_state(directory: Path) -> None:
    """Remove what killed runs left of the files that all regions share."""
    state = directory / STATE_FOLDER
    if state.is_dir():
        for leftover in sweep_temporary(state, older_than_seconds=_STALE_SECONDS):
            _event("removed a leftover of a killed run", file=leftover.name)


def _save(cache: DigestCache, directory: Path) -> None:
    """Keep the digests for the next run; without them it only takes longer."""
    try:
        (directory / STATE_FOLDER).mkdir(exist_ok=True)
        cache.save()
    except (GeoProfilingError, OSError) as error:
        _event(f"the digests of files are not kept: {error}", level=logging.WARNING)


def raise_on_failures(results: Sequence[RegionResult]) -> None:
    """Raise when a region failed: its own error if every region failed alike, else one that counts them.

    Raises
    ------
    GeoProfilingError
        The region's own error if it is the only region or all failed for the same kind of reason;
        :class:`RegionsFailedError` if some were published.

    Examples
    --------
    >>> raise_on_failures([RegionResult("accra"), RegionResult("tema", error=InputError("tema.tif: no CRS"))])
    Traceback (most recent call last):
    ...
    geo_profiling.errors.RegionsFailedError: 1 of 2 regions failed: tema
    tema: tema.tif: no CRS
    """
    failed = [result for result in results if result.error is not None]
    if not failed:
        return
    first = failed[0].error
    if len(results) == 1 and first is not None:
        raise first
    lines = [f"{result.name}: {result.error}" for result in failed]
    message = "\n".join(
        [f"{len(failed)} of {len(results)} regions failed: {', '.join(r.name for r in failed)}", *lines]
    )
    hints = dict.fromkeys(hint for result in failed if (hint := getattr(result.error, "hint", "")))
    if len(failed) == len(results) and all(isinstance(result.error, InputError) for result in failed):
        raise InputError(message, hint="; ".join(hints)) from first
    raise RegionsFailedError(message, hint="; ".join(hints)) from first


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the work like Ctrl-C: temporary files go, finished steps stay, a run can resume.

    Examples
    --------
    >>> with termination_as_interrupt():
    ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _try_region(region: RegionRun, compute: Compute, cache: DigestCache, *, force: bool) -> RegionResult:
    started = time.monotonic()
    result = RegionResult(region.name)
    try:
        _run_region(region, compute, cache, result, force=force)
    except SchedulerError:
        # Nothing is wrong with the region, and no other one would fare better.
        raise
    except Exception as error:
        # A fault of ours in one region is told like any other reason, and the others still run.
        if not isinstance(error, (GeoProfilingError, OSError)):
            _log.debug("region %s failed", region.name, exc_info=True)
            error = InternalFaultError.of(error)
        step = next((name for name in result.reasons if name not in result.ran), "")
        if isinstance(error, TaskKilledError):
            error = TaskKilledError(f"region {region.name}, step {step}: {error}", hint=error.hint)
        return replace(result, seconds=time.monotonic() - started, error=error, step=step)
    seconds = time.monotonic() - started
    what = f"{len(result.ran)} of {len(result.ran) + len(result.kept)} steps computed" if result.ran else "up to date"
    _event(what, region=region.name, seconds=round(seconds, 2))
    return replace(result, seconds=seconds)


def _run_region(region: RegionRun, compute: Compute, cache: DigestCache, result: RegionResult, *, force: bool) -> None:
    for leftover in sweep_temporary(region.directory):
        _event("removed a leftover of a killed run", region=region.name, file=leftover.name)
    ledger = Ledger(region.directory, replace_unreadable=force)
    try:
        steps = region.steps()
        plan = plan_steps(steps, ledger, region.directory, cache=cache, force=force)
        _refuse_foreign(plan, region.directory)
        for planned in plan:
            if planned.is_up_to_date:
                result.kept.append(planned.step.name)
                _event("up to date", region=region.name, step=planned.step.name, level=logging.DEBUG)
            else:
                compute.start()
                result.reasons[planned.step.name] = planned.describe()
                leftovers = leftover_outputs(ledger.records.get(planned.step.name), steps)
                _run_step(planned, ledger, region, compute, cache, leftovers=leftovers)
                result.ran.append(planned.step.name)
        _retire(steps, ledger, region, cache)
        if result.ran:
            drop_parts(region.directory, keep={d for r in ledger.records.values() for d in r.inputs.values()})
    finally:
        _forget_if_nothing_was_made(ledger, region.directory)


def _refuse_foreign(plan: Sequence[PlannedStep], directory: Path) -> None:
    foreign = [output for planned in plan for output in planned.foreign]
    if foreign:
        raise OutputError(
            f"{directory}: holds files that no run into this folder made: {', '.join(foreign)}",
            hint="choose another output folder, or overwrite them with --force",
        )


def _run_step(
    planned: PlannedStep,
    ledger: Ledger,
    region: RegionRun,
    compute: Compute,
    cache: DigestCache,
    *,
    leftovers: Mapping[str, str],
) -> None:
    step = planned.step
    _event(f"running ({planned.describe()})", region=region.name, step=step.name)
    started = time.monotonic()
    record = Record(
        "running",
        planned.key,
        step.method_version,
        step.parameters,
        planned.input_digests,
        planned.upstream_keys,
        # Listed until they are gone, so that a kill in between leaves nothing unknown.
        {**leftovers, **dict.fromkeys(step.outputs, "")},
    )
    ledger.set(step.name, record)
    for output in step.outputs:
        (region.directory / output).parent.mkdir(parents=True, exist_ok=True)
    try:
        step.run(compute)
    except Exception as error:
        _note_failure(ledger, step.name, replace(record, state="failed", error=str(error) or type(error).__name__))
        raise
    outputs = {output: _output_digest(region.directory / output, step, cache) for output in step.outputs}
    _remove_unchanged(leftovers, region, cache, step=step.name)
    _keep_parts(planned, region.directory, cache)
    seconds = time.monotonic() - started
    peak = peak_memory_bytes()
    ledger.set(
        step.name, replace(record, state="done", outputs=outputs, seconds=round(seconds, 3), peak_memory_bytes=peak)
    )
    _event("done", region=region.name, step=step.name, seconds=round(seconds, 2), peak_memory_mb=round(peak / 1e6))


def _note_failure(ledger: Ledger, step: str, record: Record) -> None:
    """Note why a step failed; on a full disk its record stays "running", which says as much."""
    try:
        ledger.set(step, record)
    except OutputError as error:
        _event(f"the ledger cannot be written: {error}", step=step, level=logging.WARNING)


def _keep_parts(planned: PlannedStep, directory: Path, cache: DigestCache) -> None:
    """Keep what was read of each input, so that the next plan can say where it changed."""
    for name, content in planned.step.inputs.items():
        digest = planned.input_digests[name]
        if isinstance(content, PartContent) and not has_parts(directory, digest):
            keep_parts(directory, digest, cache.parts(digest) or content.read())


def _output_digest(path: Path, step: Step, cache: DigestCache) -> str:
    if not path.is_file():
        raise OutputError(f"{path}: the step '{step.name}' should have written it and did not")
    return cache.of_file(path)


def _retire(steps: Sequence[Step], ledger: Ledger, region: RegionRun, cache: DigestCache) -> None:
    """Remove what steps left that the configuration no longer asks for: it would be read as current."""
    names = {step.name for step in steps}
    for name in [name for name in ledger.records if name not in names]:
        _remove_unchanged(leftover_outputs(ledger.records[name], steps), region, cache, step=name)
        ledger.drop(name)


def _remove_unchanged(outputs: Mapping[str, str], region: RegionRun, cache: DigestCache, *, step: str) -> None:
    """Remove files that are still what a run wrote; what somebody edited stays."""
    for output, digest in sorted(outputs.items()):
        path = region.directory / output
        if path.is_file() and cache.of_file(path) == digest:
            path.unlink()
            _remove_empty_folders(path.parent, region.directory)
            _event("removed: no longer asked for", region=region.name, step=step, file=output)


def _forget_if_nothing_was_made(ledger: Ledger, directory: Path) -> None:
    """Leave nothing behind when no step got to write a file that users see."""
    outputs = sorted(ledger.outputs)
    if any((directory / output).exists() for output in outputs if Path(output).parts[0] != STATE_FOLDER):
        return
    ledger.path.unlink(missing_ok=True)
    drop_parts(directory, keep=())
    for output in outputs:
        (directory / output).unlink(missing_ok=True)
        _remove_empty_folders((directory / output).parent, directory)


def _remove_empty_folders(folder: Path, stop: Path) -> None:
    while folder != stop and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def peak_memory_bytes() -> int:
    """Peak resident memory of this process in bytes; 0 where the system does not tell.

    Examples
    --------
    >>> peak_memory_bytes() >= 0
    True
    """
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _event(text: str, *, level: int = logging.INFO, **fields: object) -> None:
    _log.log(level, text, extra={"fields": fields})
