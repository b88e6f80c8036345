"""What a run tells machines: every region with its state, metrics that parse, a history that a kill does not spoil."""

from __future__ import annotations

import json
import re
from pathlib import Path

from geo_profiling.errors import InputError
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger, Record
from geo_profiling.runs.runner import RegionResult
from geo_profiling.runs.summary import (
    HISTORY_FILE,
    SUMMARY_FILE,
    RunFacts,
    metrics_text,
    read_history,
    summarise,
    write_metrics,
    write_summary,
)


def facts(**changed: object) -> RunFacts:
    refused = InputError("pop.tif: no CRS", hint="declare")
    results = [
        RegionResult("accra", ran=["degurba"], kept=["inputs"], reasons={"degurba": "new"}, seconds=2.5),
        RegionResult("tema", kept=["inputs", "degurba"]),
        RegionResult("kumasi", reasons={"inputs": "new"}, error=refused, step="inputs"),
    ]  # fmt: skip
    given = {"project": 'Gha"na\\', "regions": ["accra", "tema", "kumasi", "ho"], "results": results} | changed
    figures = {"before": {"accra": {"people": 10.0}}, "after": {"accra": {"people": 12.0, "centres": 1.0}}}
    return RunFacts(started=1_600_000_000.0, seconds=3.0, exit_code=5, **figures, **given)  # type: ignore[arg-type]


def test_every_region_is_told_with_what_became_of_it(tmp_path: Path) -> None:
    Ledger(tmp_path / "accra").set("degurba", Record("done", "k", "1", seconds=2.0, peak_memory_bytes=7))
    summary = summarise(facts(), tmp_path)
    assert [region["state"] for region in summary["regions"]] == ["computed", "up_to_date", "failed", "not_reached"]
    assert (summary["computed"], summary["failed"], summary["not_reached"], summary["exit_code"]) == (1, 1, 1, 5)
    accra, _, kumasi, _ = summary["regions"]
    assert accra["steps"] == [{"step": "degurba", "reason": "new", "seconds": 2.0, "peak_memory_bytes": 7}]
    assert accra["changes"] == [
        {"figure": "centres", "before": None, "after": 1.0},
        {"figure": "people", "before": 10.0, "after": 12.0},
    ]
    assert (kumasi["error"], kumasi["hint"], kumasi["failed_step"]) == ("pop.tif: no CRS", "declare", "inputs")
    assert (summary["started"], summary["finished"]) == ("2020-09-13T12:26:40+00:00", "2020-09-13T12:26:43+00:00")
    assert summary["peak_memory_bytes"] == 7


def test_metrics_are_in_the_text_format_of_prometheus(tmp_path: Path) -> None:
    text = metrics_text(summarise(facts(), tmp_path), {"accra": 1.6e9, "tema": 1.5e9})
    line = re.compile(r'[a-z_]+\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\} -?[0-9.e+]+')
    samples = [row for row in text.splitlines() if not row.startswith("#")]
    assert [row for row in samples if not line.fullmatch(row)] == []
    assert text.endswith("\n")
    names = {row.split("{")[0] for row in samples}
    assert {row.split()[2] for row in text.splitlines() if row.startswith("# TYPE")} == names
    assert 'geo_profiling_regions{project="Gha\\"na\\\\",state="failed"} 1' in samples
    assert 'geo_profiling_result_timestamp_seconds{project="Gha\\"na\\\\",region="tema"} 1500000000' in samples


def test_history_grows_and_a_line_that_a_kill_cut_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / STATE_FOLDER).mkdir()
    summary = summarise(facts(), tmp_path)
    write_summary(summary, tmp_path, copy=tmp_path / "copy.json")
    with (tmp_path / HISTORY_FILE).open("a") as history:
        history.write('{"half')
        history.write("\n")
    write_summary(summary, tmp_path)
    assert [run["exit_code"] for run in read_history(tmp_path)] == [5, 5]
    assert json.loads((tmp_path / SUMMARY_FILE).read_text()) == json.loads((tmp_path / "copy.json").read_text())


def test_run_that_left_nothing_leaves_no_summary_either(tmp_path: Path) -> None:
    write_summary(summarise(facts(), tmp_path), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    write_metrics("a 1\n", tmp_path / "file/below/m.prom")
    write_summary({"a": 1}, tmp_path, copy=tmp_path / "file/below/s.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
