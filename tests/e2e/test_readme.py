"""The README's commands work as they are written, in a new folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path


def commands(page: str, heading: str) -> list[str]:
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [line.split("  #")[0].strip() for line in block.group(1).splitlines()]


def test_your_own_city_works_as_written(repository: Path, tmp_path: Path) -> None:
    activate, *rest = commands((repository / "README.md").read_text(encoding="utf-8"), "Your own city")
    assert activate == ". .venv/bin/activate"
    assert [line.split()[1] for line in rest] == ["init", "info", "validate", "plan", "run"]
    for line in rest:
        program, *arguments = shlex.split(line)
        assert program == "geo-profiling"
        result = subprocess.run(
            [sys.executable, "-m", "geo_profiling", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, (line, result.stderr)
    assert (tmp_path / "my_city/out/port_serrano/port_serrano.gpkg").is_file()
