"""The examples of the pages on clusters and schedules: each parses, and the one for a network runs."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML
from typer.main import get_command

from geo_profiling.cli.main import app
from geo_profiling.config.project import Config

PAGES = ("cluster.md", "scheduling.md")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(repository: Path, language: str) -> list[str]:
    texts = [(repository / "docs" / page).read_text(encoding="utf-8") for page in PAGES]
    return [body for text in texts for kind, body in _FENCE.findall(text) if kind == language]


def test_python_examples_are_python(repository: Path) -> None:
    found = [body for body in examples(repository, "python") if not body.startswith("rule ")]
    assert len(found) == 3
    for body in found:
        ast.parse(body)


def test_yaml_examples_have_keys_of_the_configuration(repository: Path) -> None:
    for body in examples(repository, "yaml"):
        content = YAML(typ="safe", pure=True).load(body)
        if isinstance(content, dict):
            assert set(content) <= set(Config.model_fields)


def test_commands_take_the_options_that_are_shown(repository: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    lines = [
        line for body in examples(repository, "sh") for line in body.splitlines() if line.startswith("geo-profiling")
    ]
    lines += re.findall(r'"(geo-profiling run [^"]+)"', "\n".join(examples(repository, "python")))
    assert len(lines) >= 12
    for line in lines:
        _, name, *arguments = shlex.split(line.replace("{", "").replace("}", ""), comments=True)
        commands[name].make_context(name, arguments, resilient_parsing=False)


def test_the_example_for_a_network_runs(repository: Path, tmp_path: Path) -> None:
    (network,) = [body for body in examples(repository, "sh") if body.startswith("dask scheduler")]
    # The sample's delineation, on this machine, on a port that is free.
    text = (repository / "configs/sample.yaml").read_text()
    config = text.replace("../sample_data", str(repository / "sample_data")).split("  units:")[0]
    (tmp_path / "regions.yaml").write_text(config + "regions: [{name: town}]\noutput: {directory: out}\n")
    file = tmp_path / "scheduler.json"
    lines = network.replace("10.0.0.5 --port 8786", f"127.0.0.1 --port 0 --no-dashboard --scheduler-file {file}")
    commands = [shlex.split(line) for line in lines.splitlines()]
    # A copy: workers refuse what differs from them, and a source file may be saved while this runs.
    for package in ("geo_profiling", "pipelines"):
        shutil.copytree(repository / package, tmp_path / "source" / package)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "source")}
    started = []
    try:
        started.append(_start([sys.executable, "-m", *commands[0]], tmp_path, environment))
        deadline = time.monotonic() + 60
        while not (file.exists() and file.read_text().endswith("}")) and time.monotonic() < deadline:
            time.sleep(0.1)
        address = re.search(r'"address": "(tcp://[^"]+)"', file.read_text())
        assert address is not None
        worker = [word.replace("tcp://10.0.0.5:8786", address[1]) for word in commands[1]]
        started.append(_start([sys.executable, "-m", *worker], tmp_path, environment))
        run = [word.replace("tcp://10.0.0.5:8786", address[1]) for word in commands[2][1:]]
        command = [sys.executable, "-m", "geo_profiling", *run]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)
    assert done.returncode == 0, done.stderr
    alone = [sys.executable, "-m", "geo_profiling", "run", "regions.yaml", "-o", "alone"]
    subprocess.run(alone, cwd=tmp_path, capture_output=True, check=True, env=environment)
    assert _contents(tmp_path / "out/town") == _contents(tmp_path / "alone/town")


def _contents(folder: Path) -> dict[str, bytes]:
    of_the_run = {"manifest.json", "ledger.json", "lock"}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in of_the_run
    }


def _start(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, env=environment, **quiet)
