"""The plan names every step that has to run, with its reason, and no other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geo_profiling.compute import Compute
from geo_profiling.errors import OutputError, UsageError
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import FORMAT, STATE_FOLDER, Ledger, Record
from geo_profiling.runs.planner import leftover_outputs, plan_steps
from geo_profiling.runs.runner import RegionRun, run_regions
from geo_profiling.runs.step import FileContent, Step, check_steps


def no_work(_: Compute) -> None:
    """Stand in for a step that is only planned."""


class City:
    """A region of three steps: grid and units, and a table made from both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory = folder / "out/accra"
        self.parameters: dict[str, Any] = {"degurba": {"level": 2, "gap_km2": 15.0}, "note": None}
        self.version = "1"
        self.population = folder / "pop.tif"
        self.population.write_text("people")
        (folder / "units.gpkg").write_text("units")

    def steps(self) -> list[Step]:
        return [
            Step(
                "grid",
                self.version,
                self.parameters,
                {"population": FileContent(self.population)},
                outputs=["rasters/classes.tif"],
                run=self._write("rasters/classes.tif"),
            ),
            Step(
                "units",
                "1",
                {},
                {"units": FileContent(self.folder / "units.gpkg")},
                outputs=["units.parquet"],
                run=self._write("units.parquet"),
            ),
            Step("table", "1", {}, {}, ["grid", "units"], ["table.csv"], run=self._write("table.csv")),
        ]

    def _write(self, name: str) -> Callable[[Compute], None]:
        def work(_: Compute) -> None:
            (self.directory / name).write_text(f"{name} {json.dumps(self.parameters)}")

        return work

    def run(self) -> list[str]:
        (result,) = run_regions(
            [RegionRun("accra", self.directory, self.steps)], compute=Compute(1), directory=self.folder / "out"
        )
        assert result.error is None
        return result.ran

    def plan(self, steps: list[Step] | None = None) -> dict[str, str]:
        planned = plan_steps(steps or self.steps(), Ledger(self.directory), self.directory, cache=DigestCache())
        return {item.step.name: item.describe() for item in planned if not item.is_up_to_date}


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def test_everything_is_new_at_first_and_nothing_after(city: City) -> None:
    assert city.plan() == {"grid": "new", "units": "new", "table": "new"}
    assert city.run() == ["grid", "units", "table"]
    assert city.plan() == {}
    assert city.run() == []


def test_touching_files_changes_nothing(city: City) -> None:
    city.run()
    for path in (city.population, city.directory / "table.csv"):
        os.utime(path, (0, 0))
        path.chmod(0o644)
    assert city.plan() == {}


def test_changed_input_runs_its_step_and_what_follows(city: City) -> None:
    city.run()
    city.population.write_text("more people")
    assert city.plan() == {"grid": "input population changed", "table": "upstream grid changed"}


def test_same_content_under_another_name_changes_nothing(city: City) -> None:
    city.run()
    city.population = city.population.rename(city.folder / "renamed.tif")
    assert city.plan() == {}


def test_changed_parameter_is_told_from_what_to_what(city: City) -> None:
    city.run()
    city.parameters = {"degurba": {"level": 1, "gap_km2": 15.0, "rules": "2021"}}
    assert city.plan()["grid"] == (
        'parameter degurba.level changed from 2 to 1; parameter degurba.rules added ("2021"); '
        "parameter note removed (null)"
    )


def test_changed_method_is_told(city: City) -> None:
    city.run()
    city.version = "2"
    assert city.plan() == {"grid": "method changed from version 1 to 2", "table": "upstream grid changed"}


def test_edited_or_missing_output_runs_only_its_own_step(city: City) -> None:
    city.run()
    (city.directory / "rasters/classes.tif").write_text("edited")
    (city.directory / "units.parquet").unlink()
    assert city.plan() == {
        "grid": "output rasters/classes.tif edited",
        "units": "output units.parquet missing",
    }
    assert city.run() == ["grid", "units"]
    assert city.plan() == {}


def test_interrupted_and_failed_steps_run_again(city: City) -> None:
    city.run()
    ledger = Ledger(city.directory)
    ledger.set("grid", replace(ledger.records["grid"], state="running"))
    ledger.set("units", replace(ledger.records["units"], state="failed"))
    assert city.plan() == {"grid": "was interrupted", "units": "failed last time"}


def test_changed_list_of_outputs_runs_the_step(city: City) -> None:
    city.run()
    grid, *others = city.steps()
    assert city.plan([replace(grid, outputs=[]), *others])["grid"] == "the list of outputs changed"
    assert city.plan([replace(grid, outputs=[*grid.outputs, "b.tif"]), *others])["grid"] == "output b.tif missing"


def test_file_that_no_run_made_is_foreign(city: City) -> None:
    city.directory.mkdir(parents=True)
    (city.directory / "table.csv").write_text("mine")
    planned = plan_steps(city.steps(), Ledger(city.directory), city.directory, cache=DigestCache())
    assert [item.foreign for item in planned] == [(), (), ("table.csv",)]


def test_leftovers_are_what_no_step_writes_any_more(city: City) -> None:
    record = Record("done", "k", "1", outputs={"units.parquet": "a", "old.csv": "b"})
    assert leftover_outputs(record, city.steps()) == {"old.csv": "b"}
    assert leftover_outputs(None, city.steps()) == {}


def test_planning_touches_nothing(city: City) -> None:
    city.plan()
    assert not (city.folder / "out").exists()


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("{", "the ledger is damaged"),
        ("[]", "the ledger is damaged"),
        ('{"format": 1, "steps": {"a": {"state": "done"}}}', "the ledger is damaged"),
        (json.dumps({"format": FORMAT + 1, "steps": {}}), "written by a later version of geo_profiling"),
    ],
)
def test_unreadable_ledger_is_refused_unless_forced(tmp_path: Path, stored: str, words: str) -> None:
    (tmp_path / STATE_FOLDER).mkdir()
    path = tmp_path / STATE_FOLDER / "ledger.json"
    path.write_text(stored)
    with pytest.raises(OutputError, match=words):
        Ledger(tmp_path)
    assert Ledger(tmp_path, replace_unreadable=True).records == {}
    assert path.read_text() == stored


def test_ledger_reads_what_another_version_noted_besides(tmp_path: Path) -> None:
    Ledger(tmp_path).set("grid", Record("done", "k", "1", {"a": [1]}, outputs={"x": "d"}))
    path = tmp_path / STATE_FOLDER / "ledger.json"
    stored = json.loads(path.read_text())
    stored["steps"]["grid"]["colour"] = "green"
    path.write_text(json.dumps(stored))
    assert Ledger(tmp_path).records["grid"] == Record("done", "k", "1", {"a": [1]}, outputs={"x": "d"})


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("a", [], []), ("a", [], [])], "'a' comes twice"),
        ([("a", ["b"], []), ("b", [], [])], "'a' comes before its upstream b"),
        ([("a", [], ["x"]), ("b", [], ["x"])], "'x' is written twice"),
        ([("a", [], ["../x"])], "outside the region"),
        ([("a", [], ["/x"])], "outside the region"),
    ],
)
def test_contradicting_steps_are_refused(steps: list[tuple[str, list[str], list[str]]], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_steps([Step(name, "1", {}, {}, upstream, outputs, run=no_work) for name, upstream, outputs in steps])


@pytest.mark.parametrize("parameters", [{"a": float("nan")}, {"a": {1, 2}}, {"a": Path("x")}])
def test_parameters_without_json_form_are_refused(parameters: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be JSON values"):
        Step("a", "1", parameters, {}, run=no_work).key({}, {})
