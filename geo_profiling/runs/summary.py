"""What a run did, for machines: a summary, the history of runs, and metrics for alerting.

Times stand here and in logs only. Everything lies in the state folder of the results; files that
cannot be written are told and never end a run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from geo_profiling.atomic import atomic_file
from geo_profiling.errors import GeoProfilingError
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger
from geo_profiling.runs.runner import RegionResult

FORMAT = 1
#: Of the last run; and a line for every run there was.
SUMMARY_FILE, HISTORY_FILE = f"{STATE_FOLDER}/summary.json", f"{STATE_FOLDER}/history.jsonl"
#: What becomes of a region in a run.
STATES = ("computed", "up_to_date", "failed", "not_reached")
#: Changed numbers of a region that a summary lists.
_LISTED_CHANGES = 50

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFacts:
    """What a run was.

    Parameters
    ----------
    project : str
        Name of the project.
    regions : sequence of str
        Names of all regions that were asked for, in order.
    results : sequence of RegionResult
        Of those that were tried.
    started : float
        Seconds since 1970.
    seconds : float
        How long it took.
    exit_code : int
        Of the command.
    before, after : mapping
        By region, figures of the last finished result before the run, and after it.
    """

    project: str
    regions: Sequence[str]
    results: Sequence[RegionResult]
    started: float
    seconds: float
    exit_code: int
    before: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    after: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def summarise(facts: RunFacts, directory: Path) -> dict[str, Any]:
    """Return the summary of a run as JSON values.

    Parameters
    ----------
    facts : RunFacts
    directory : Path
        Folder of all regions.

    Returns
    -------
    dict
        ``regions`` lists each region with its state ("computed", "up_to_date", "failed",
        "not_reached"), steps with reason, seconds and peak memory, the error, and the numbers that
        changed.

    Examples
    --------
    >>> facts = RunFacts("Ghana", ["accra"], [RegionResult("accra", kept=["degurba"])], 0.0, 1.5, 0)
    >>> summary = summarise(facts, Path("nowhere"))
    >>> summary["up_to_date"], summary["regions"][0]["state"], summary["started"]
    (1, 'up_to_date', '1970-01-01T00:00:00+00:00')
    """
    tried = {result.name: result for result in facts.results}
    regions = [_region(name, tried.get(name), facts, directory) for name in facts.regions]
    states = [region["state"] for region in regions]
    return {
        "format": FORMAT,
        "project": facts.project,
        "started": _iso(facts.started),
        "finished": _iso(facts.started + facts.seconds),
        "seconds": round(facts.seconds, 3),
        "exit_code": facts.exit_code,
        **{state: states.count(state) for state in STATES},
        "steps_computed": sum(len(result.ran) for result in facts.results),
        "steps_up_to_date": sum(len(result.kept) for result in facts.results),
        "peak_memory_bytes": max(
            (step["peak_memory_bytes"] for region in regions for step in region["steps"]), default=0
        ),
        "regions": regions,
    }


def _region(name: str, result: RegionResult | None, facts: RunFacts, directory: Path) -> dict[str, Any]:
    if result is None:
        return {"region": name, "state": "not_reached", "seconds": 0.0, "steps": [], "changes": []}
    state = "failed" if result.error is not None else "computed" if result.ran else "up_to_date"
    about: dict[str, Any] = {
        "region": name,
        "state": state,
        "seconds": round(result.seconds, 3),
        "steps": _steps(result, directory / name),
        "steps_up_to_date": list(result.kept),
        "changes": changes(facts.before.get(name, {}), facts.after.get(name, {}))[:_LISTED_CHANGES],
    }
    if result.error is not None:
        about["error"] = str(result.error) or type(result.error).__name__
        about["hint"] = getattr(result.error, "hint", "")
        about["failed_step"] = result.step
    return about


def _steps(result: RegionResult, directory: Path) -> list[dict[str, Any]]:
    try:
        records = Ledger(directory).records if result.ran else {}
    except GeoProfilingError:
        records = {}
    return [
        {
            "step": step,
            "reason": result.reasons.get(step, ""),
            "seconds": records[step].seconds if step in records else 0.0,
            "peak_memory_bytes": records[step].peak_memory_bytes if step in records else 0,
        }
        for step in result.ran
    ]


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the numbers that differ, with what they were and are; None where there was or is none.

    Examples
    --------
    >>> changes({"people": 10.0, "centres": 2.0}, {"people": 12.0, "centres": 2.0})
    [{'figure': 'people', 'before': 10.0, 'after': 12.0}]
    >>> changes({}, {"people": 12.0})  # a first result has nothing to differ from
    []
    """
    if not before:
        return []
    return [
        {"figure": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def write_summary(summary: Mapping[str, Any], directory: Path, *, copy: Path | None = None) -> None:
    """Write the summary of the last run and add it to the history.

    Parameters
    ----------
    summary : mapping
        From :func:`summarise`.
    directory : Path
        Folder of all regions.
    copy : Path, optional
        A further place for the summary.
    """
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    if copy is not None:
        _try_to_write(copy, text)
    if not (directory / STATE_FOLDER).is_dir():
        # No run has left a result there: neither does this one leave a trace.
        return
    _try_to_write(directory / SUMMARY_FILE, text)
    try:
        # One write of one line: a kill leaves at most a line that does not end, which readers pass over.
        with (directory / HISTORY_FILE).open("a", encoding="utf-8") as history:
            history.write(json.dumps(summary, ensure_ascii=False) + "\n")
    except OSError as error:
        _log.warning("the history of runs is not kept: %s", error)


def read_history(directory: Path) -> list[dict[str, Any]]:
    """Return the summaries of all runs into a folder, oldest first.

    Examples
    --------
    >>> read_history(Path("nowhere"))
    []
    """
    try:
        lines = (directory / HISTORY_FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def metrics_text(summary: Mapping[str, Any], newest: Mapping[str, float]) -> str:
    """Return the metrics of a run in the text format of Prometheus.

    Parameters
    ----------
    summary : mapping
        From :func:`summarise`.
    newest : mapping of str to float
        By region, when its newest result was finished (seconds since 1970).

    Examples
    --------
    >>> facts = RunFacts("Ghana", ["accra"], [RegionResult("accra", kept=["degurba"])], 0.0, 1.5, 0)
    >>> text = metrics_text(summarise(facts, Path("nowhere")), {"accra": 1600000000.0})
    >>> 'geo_profiling_regions{project="Ghana",state="failed"} 0' in text.splitlines()
    True
    """
    project = f'project="{_escaped(str(summary["project"]))}"'
    finished = datetime.fromisoformat(str(summary["finished"])).timestamp()
    families: list[tuple[str, str, list[tuple[str, float]]]] = [
        (
            "regions",
            "Regions of the last run by what became of them.",
            [(f'{project},state="{state}"', summary[state]) for state in STATES],
        ),
        ("run_seconds", "Duration of the last run.", [(project, summary["seconds"])]),
        ("run_exit_code", "Exit code of the last run.", [(project, summary["exit_code"])]),
        ("run_finished_timestamp_seconds", "When the last run ended.", [(project, finished)]),
        (
            "run_peak_memory_bytes",
            "Peak memory of the process in the steps that were computed.",
            [(project, summary["peak_memory_bytes"])],
        ),
        (
            "region_seconds",
            "Time that the last run took for a region.",
            [(_labels(project, region["region"]), region["seconds"]) for region in summary["regions"]],
        ),
        (
            "region_failed",
            "1 where the last run failed.",
            [(_labels(project, region["region"]), float(region["state"] == "failed")) for region in summary["regions"]],
        ),
        (
            "result_timestamp_seconds",
            "When the newest result of a region was finished.",
            [(_labels(project, name), moment) for name, moment in sorted(newest.items())],
        ),
    ]  # fmt: skip
    lines = []
    for name, meaning, samples in families:
        lines += [f"# HELP geo_profiling_{name} {meaning}", f"# TYPE geo_profiling_{name} gauge"]
        lines += [f"geo_profiling_{name}{{{labels}}} {value:.15g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def write_metrics(text: str, path: Path) -> None:
    """Write metrics whole or not at all; a folder that is not there is told and nothing more."""
    _try_to_write(path, text)


def _labels(project: str, region: str) -> str:
    return f'{project},region="{_escaped(region)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _try_to_write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except (GeoProfilingError, OSError) as error:
        _log.warning("%s is not written: %s", path.name, error)
