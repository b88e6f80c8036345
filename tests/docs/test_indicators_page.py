"""The page of the catalogue is in step with the catalogue."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_page_is_what_the_catalogue_gives(repository: Path) -> None:
    script = runpy.run_path(str(repository / "docs" / "indicators_page.py"))
    committed = (repository / "docs" / "indicators.md").read_text()
    assert committed == script["page"](), "run: python docs/indicators_page.py"
    assert "`slum_household`" in committed
