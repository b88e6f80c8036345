"""The page on the configuration is in step with the configuration."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_page_is_what_the_schema_gives(repository: Path) -> None:
    script = runpy.run_path(str(repository / "docs" / "configuration_page.py"))
    committed = (repository / "docs" / "configuration.md").read_text()
    assert committed == script["page"](), "run: python docs/configuration_page.py"
    assert "| `built_up_threshold` | number (> 0, ≤ 1) or " in committed
