"""The command line as its users script it: help, exit codes, messages, where things are written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import pipelines.run
from geo_profiling.atomic import atomic_file
from geo_profiling.cli.main import app
from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.schema import schema_text
from geo_profiling.errors import InputError
from geo_profiling.runs.locks import output_lock
from geo_profiling.runs.step import Step

COMMANDS = ["run", "plan", "validate", "info", "init", "schema", "report", "degurba", "zonal"]
HEAVY = [
    "numba",
    "geopandas",
    "rasterio",
    "xarray",
    "pandas",
    "numpy",
    "pyproj",
    "dask",
    "matplotlib",
    "rich",
    "pydantic",
]
CONFIG = """\
version: 1
name: Test
inputs:
  population: {path: pop.tif, year: 2020}
regions:
  - name: east
  - name: west
output: {directory: out}
"""


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def apart(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "geo_profiling", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "pop.tif").write_text("stands in for a raster")
    path = tmp_path / "test.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the real steps by one that writes a file, or fails in the regions named."""

    def use(**failing: Exception | BaseException) -> None:
        def region_steps(region: RegionSettings, directory: Path, *, memory_limit: int | None = None) -> list[Step]:
            def work(compute: Compute) -> None:
                if region.name in failing:
                    raise failing[region.name]
                list(compute.map(abs, [1, 2], label="numbers", total=2))
                with atomic_file(directory / "out.txt") as temporary:
                    temporary.write_text(region.name)

            level = region.delineation.degurba.level
            return [Step("work", "1", {"level": level}, {}, outputs=["out.txt"], run=work)]

        monkeypatch.setattr(pipelines.run, "region_steps", region_steps)

    return use


def test_help_lists_every_command() -> None:
    result = call("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", result.output, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    geo-profiling {command}" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, geo_profiling.cli.main; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["run", "a.yaml", "--nonsense"],
        ["run", "a.yaml", "--workers", "0"],
        ["run", "a.yaml", "--memory-limit", "much"],
        ["run", "a.yaml", "--log-format", "xml"],
        ["degurba", "pop.tif"],
        ["degurba", "pop.tif", "-o", "o.tif", "--level", "3"],
        ["degurba", "pop.tif", "-o", "o.tif", "--rules", "2022"],
        ["degurba", "pop.tif", "-o", "o.tif", "--built-up-threshold", "1.5"],
        ["degurba", "pop.tif", "-o", "o.tif", "--optimal-value", "0.2"],
        ["degurba", "pop.tif", "-o", "o.tif", "--built-up-threshold", "optimal", "--optimal-value", "2"],
        ["degurba", "pop.tif", "-o", "o.tif", "--land-unit", "km2"],
        ["zonal", "pop.tif", "-o", "o.csv"],
    ],
)
def test_usage_errors_end_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_schema_is_printed() -> None:
    result = call("schema")
    assert (result.exit_code, result.stdout) == (0, schema_text())


def test_version() -> None:
    result = call("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"geo-profiling( \d+\.\d+\.\d+|, run from its source folder)\n", result.stdout)


def test_config_errors_end_with_3_and_write_nothing(config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG.replace("year:", "yaer:"))
    for command in ("run", "plan", "validate"):
        result = call(command, config)
        assert result.exit_code == 3
        assert f"error: {config}:4: inputs.population: the key 'year' is missing" in result.stderr
        assert "unknown key; did you mean 'year'?" in result.stderr
        assert "hint: " in result.stderr
        assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_run_then_run_again_computes_nothing_and_says_so(
    config: Path, tmp_path: Path, steps: Callable[..., None]
) -> None:
    steps()
    first = call("run", config)
    assert first.exit_code == 0
    assert "east work: running (new)" in first.stderr
    assert "2 of 2 steps computed" in first.stderr
    second = call("run", config)
    assert second.exit_code == 0
    assert "running" not in second.stderr
    assert "nothing to compute: 2 steps up to date" in second.stderr
    assert (tmp_path / "out/west/out.txt").read_text() == "west"


def test_changed_parameter_is_planned_and_run_only_where_it_counts(config: Path, steps: Callable[..., None]) -> None:
    steps()
    call("run", config)
    config.write_text(CONFIG.replace("- name: west", "- name: west\n    delineation: {degurba: {level: 1}}"))
    plan = call("plan", config)
    assert plan.exit_code == 0
    assert plan.stdout == (
        "east: up to date\n  keep  work: up to date\n"
        "west: 1 of 1 steps to compute\n  run   work: parameter level changed from 2 to 1\n"
    )
    assert "1 of 2 steps computed" in call("run", config).stderr


def test_region_output_and_force_options(config: Path, tmp_path: Path, steps: Callable[..., None]) -> None:
    steps()
    assert call("run", config, "--region", "west", "-o", tmp_path / "there").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [".geo_profiling", "west"]
    assert not (tmp_path / "out").exists()
    assert "running (forced)" in call("run", config, "--region", "west", "-o", tmp_path / "there", "--force").stderr
    unknown = call("run", config, "--region", "wst")
    assert unknown.exit_code == 2
    assert "did you mean 'west'?" in unknown.stderr


def test_plan_touches_nothing(config: Path, tmp_path: Path, steps: Callable[..., None]) -> None:
    steps()
    assert "work: new" in call("plan", config).stdout
    assert not (tmp_path / "out").exists()


def test_one_failing_region_ends_with_5(config: Path, tmp_path: Path, steps: Callable[..., None]) -> None:
    steps(east=InputError("pop.tif: no CRS", hint="declare one"))
    result = call("run", config)
    assert result.exit_code == 5
    assert "error: 1 of 2 regions failed: east\neast: pop.tif: no CRS\nhint: declare one" in result.stderr
    assert (tmp_path / "out/west/out.txt").exists()
    assert not (tmp_path / "out/east").exists()


def test_all_regions_failing_on_inputs_end_with_4(config: Path, tmp_path: Path, steps: Callable[..., None]) -> None:
    steps(east=InputError("no"), west=InputError("no"))
    assert call("run", config).exit_code == 4
    assert not (tmp_path / "out").exists()
    assert call("run", config, "--fail-fast").exit_code == 4


def test_internal_fault_ends_with_1_and_shows_its_traceback_only_on_request(
    config: Path, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(west=ZeroDivisionError("ours"))
    result = call("run", config, "--region", "west")
    assert result.exit_code == 1
    assert "error: internal fault: ZeroDivisionError: ours" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("GEO_PROFILING_DEBUG", "1")
    assert "Traceback" in call("run", config, "--region", "west").stderr


def test_interrupt_ends_with_130(config: Path, steps: Callable[..., None]) -> None:
    steps(east=KeyboardInterrupt())
    result = call("run", config)
    assert result.exit_code == 130
    assert "error: interrupted" in result.stderr


def test_locked_output_ends_with_6_and_names_the_holder(
    config: Path, tmp_path: Path, steps: Callable[..., None]
) -> None:
    steps()
    with output_lock(tmp_path / "out/west"):
        result = call("run", config)
    assert result.exit_code == 6
    assert f"process {os.getpid()} on" in result.stderr


def test_json_log_is_one_object_a_line(config: Path, steps: Callable[..., None]) -> None:
    steps(east=InputError("pop.tif: no CRS", hint="declare one"))
    records = [json.loads(line) for line in call("run", config, "--log-format", "json").stderr.splitlines()]
    assert all({"time", "level", "message"} <= record.keys() for record in records)
    assert {"region": "west", "step": "work", "message": "done"}.items() <= next(
        record.items() for record in records if record["message"] == "done"
    )
    assert (records[-1]["level"], records[-1]["exit_code"], records[-1]["hint"]) == ("error", 5, "declare one")


def test_quiet_says_nothing_but_errors(config: Path, steps: Callable[..., None]) -> None:
    steps()
    assert call("run", config, "--quiet").stderr == ""
    steps(east=InputError("no"), west=InputError("no"))
    assert call("run", config, "--quiet", "--force").stderr.startswith("error: 2 of 2 regions failed")


def test_workers_and_scheduler_exclude_each_other(config: Path) -> None:
    assert call("run", config, "--workers", "2", "--scheduler", "tcp://127.0.0.1:1").exit_code == 2


def test_unreachable_scheduler_ends_with_4_within_seconds(config: Path, tmp_path: Path) -> None:
    result = apart("run", config, "--scheduler", "tcp://127.0.0.1:1", timeout=60)
    assert result.returncode == 4
    assert "error: no Dask scheduler answers at tcp://127.0.0.1:1" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_validate_tells_everything_at_once(config: Path) -> None:
    result = call("validate", config)
    assert result.exit_code == 4
    assert "error    population (pop.tif): is text by its content, not GeoTIFF" in result.stdout
    assert "1 error in the inputs" in result.stderr


def test_sample_validates(repository: Path) -> None:
    result = call("validate", repository / "configs/sample.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "fit for a run" in result.stdout


def test_init_makes_a_project_that_validates(tmp_path: Path) -> None:
    result = call("init", tmp_path / "city")
    assert result.exit_code == 0
    assert call("validate", tmp_path / "city/configs/sample.yaml").exit_code == 0
    again = call("init", tmp_path / "city")
    assert again.exit_code == 1
    assert "exists and is not an empty folder" in again.stderr


def test_info_of_raster_layer_table_and_of_nothing(sample_data: Path, tmp_path: Path) -> None:
    assert re.search(r"^crs +ESRI:54009$", call("info", sample_data / "land_1km.tif").stdout, re.MULTILINE)
    assert re.search(r"^    features +23$", call("info", sample_data / "municipalities.gpkg").stdout, re.MULTILINE)
    assert "origin" in call("info", sample_data / "commuting_flows_2020.csv").stdout
    nothing = call("info", tmp_path)
    assert nothing.exit_code == 4
    assert "holds no manifest.json" in nothing.stderr
    assert call("info", tmp_path / "gone.tif").exit_code == 4


def test_report_of_an_unfinished_folder_ends_with_4(tmp_path: Path) -> None:
    assert call("report", tmp_path).exit_code == 4


def test_zonal_from_the_command_line(sample_data: Path, tmp_path: Path) -> None:
    files = [sample_data / "population_2020_1km.tif", sample_data / "land_1km.tif", sample_data / "municipalities.gpkg"]
    result = call("zonal", *files, "-o", tmp_path / "o.csv", "--id", "unit_id", "--stats", "sum, mean", "--workers", 1)
    assert result.exit_code == 0
    header, first, *_ = (tmp_path / "o.csv").read_text().splitlines()
    names = ["population_2020_1km_sum", "population_2020_1km_mean", "land_1km_sum", "land_1km_mean"]
    assert header.split(",") == ["unit_id", *names]
    assert first.startswith("04001,")


def test_degurba_passes_its_defaults_and_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("pipelines.delineate.degurba_command", lambda *files, **options: calls.append(options))
    assert call("degurba", "pop.tif", "-o", "o.tif").exit_code == 0
    assert calls[0] | {"compute": None} == {
        "land": None, "built_up": None, "level": 1, "rules": "2024", "built_up_threshold": 0.2, "optimal_value": None,
        "smoothing": "r2023a", "land_unit": "m2", "built_up_unit": "m2", "centres": None, "memory_limit": None,
        "compute": None,
    }  # fmt: skip
    options = ["--level", 2, "--rules", "2021", "--built-up-threshold", "none", "--smoothing", "none"]
    sizes = ["--memory-limit", "800MB", "--workers", "3", "--land", "l.tif", "--land-unit", "share"]
    assert call("degurba", "pop.tif", "-o", "o.tif", *map(str, options), *sizes).exit_code == 0
    passed = calls[1]
    assert (passed["level"], passed["rules"], passed["built_up_threshold"], passed["smoothing"]) == (
        2,
        "2021",
        "none",
        "none",
    )
    assert (passed["memory_limit"], passed["compute"].threads, passed["land"]) == (800_000_000, 3, Path("l.tif"))


def test_bad_raster_ends_with_4_and_leaves_the_old_output(tmp_path: Path) -> None:
    (tmp_path / "pop.tif").write_text("<VRTDataset/>")
    (tmp_path / "o.tif").write_text("old")
    result = call("degurba", tmp_path / "pop.tif", "-o", tmp_path / "o.tif")
    assert result.exit_code == 4
    assert "pop.tif: is XML by its content" in result.stderr
    assert (tmp_path / "o.tif").read_text() == "old"


def test_real_process_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
import pipelines.run
from geo_profiling.atomic import atomic_file
from geo_profiling.cli.main import main
from geo_profiling.runs.step import Step

def region_steps(region, directory, *, memory_limit=None):
    def work(compute):
        with atomic_file(directory / "out.txt") as temporary:
            temporary.write_text("half")
            print("working", flush=True)
            time.sleep(60)
    return [Step("work", "1", {}, {}, outputs=["out.txt"], run=work)]

pipelines.run.region_steps = region_steps
sys.argv = ["geo-profiling", "run", sys.argv[1]]
main()
"""
    (tmp_path / "pop.tif").write_text("stands in for a raster")
    (tmp_path / "test.yaml").write_text(CONFIG)
    command = [sys.executable, "-c", code, str(tmp_path / "test.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "error: interrupted" in errors
    assert not (tmp_path / "out").exists()
