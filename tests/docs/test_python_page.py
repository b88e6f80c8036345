"""The examples of the page on Python run as they are written, one after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def after(repository: Path) -> dict[str, Any]:
    """Names that the examples leave behind, run in the repository's folder."""
    page = (repository / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repository)
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
            exec(compile(code, f"docs/python.md, example {number + 1}", "exec"), names)
    return names


def test_grids_and_cities(after: dict[str, Any]) -> None:
    assert len(after["people"]) == len(after["units"]) == 23
    assert set(np.unique(after["classes"])) <= {30, 23, 22, 21, 13, 12, 11, 10, -32768}
    assert 30 in after["classes"]


def test_settlements(after: dict[str, Any]) -> None:
    assert len(after["ways"]) == len(after["settlements"])
    assert (after["ways"]["status"] == "reached").any()
    assert after["found"].blocks["n_buildings"].sum() == len(after["near"])
    assert after["found"].blocks["k"].max() >= 3
    assert after["secure"]["share"].dropna().between(0, 1).all()
    assert after["changed"]["what"].tolist() == ["vanished"]


def test_hazards_and_indicators(after: dict[str, Any]) -> None:
    year = after["each_year"]
    assert year.expected.shape == (23,)
    assert (year.lower <= year.expected).all()
    assert (year.expected <= year.upper).all()
    assert 0 < after["slums"]["estimate"].item() < 1
    assert after["safe"]["n"].isna().tolist() == [True, True, False, False]
