"""The catalogue of indicators on the command line."""

from __future__ import annotations

import subprocess
import sys

from geo_profiling.indicators.catalogue import CATALOGUE


def test_info_indicators_prints_the_catalogue() -> None:
    command = [sys.executable, "-m", "geo_profiling", "info", "indicators"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [name for name in CATALOGUE if f"{name}: " not in found.stdout] == []
    assert "EN_LND_SLUM" in found.stdout
    assert "lower bound" in found.stdout
