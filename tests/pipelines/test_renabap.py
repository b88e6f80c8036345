"""Argentina's register of settlements through the whole run: published shares, without the trap of substrings."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from typer.testing import CliRunner

from geo_profiling.cli.main import app

CONFIG = """\
version: 1
name: Argentina
allowed_roots: [DATA]
inputs:
  enumeration:
    table: {path: DATA/argentina/renabap_2022.csv, source: RENABAP 2022}
    built_in_mapping: renabap_2022
settlements: {}
regions: [{name: argentina}]
output: {directory: out}
"""


@pytest.fixture(scope="module")
def shares(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("renabap")
    (folder / "argentina.yaml").write_text(CONFIG.replace("DATA", str(shared_data)))
    result = CliRunner().invoke(app, ["run", str(folder / "argentina.yaml"), "--workers", "1", "--quiet"])
    assert result.exit_code == 0, result.output
    return gpd.read_file(folder / "out/argentina/argentina.gpkg", layer="profile_shares")


@pytest.mark.parametrize(
    ("variable", "word", "settlements", "families"),
    [
        ("water", "piped_regular", 0.137, 0.1645),
        ("sanitation", "sewer_regular", 167 / 6467, 0.0390),
        ("power", "grid_regular", 2401 / 6467, 0.3361),
        ("title_deed", "yes", 5 / 6467, 0.0060),
    ],
)
def test_regular_services(shares: pd.DataFrame, variable: str, word: str, settlements: float, families: float) -> None:
    found = shares.query("variable == @variable and word == @word").set_index("weighting")["share"]
    assert found["settlements"] == pytest.approx(settlements, abs=0.0005)
    assert found["households"] == pytest.approx(families, abs=0.0005)


def test_irregular_is_not_regular(shares: pd.DataFrame) -> None:
    water = shares.query("variable == 'water' and weighting == 'settlements'").set_index("word")["share"]
    # Looking for "regular" in the answers gives 70.3 %.
    assert water["piped_regular"] < 0.2
    assert water.sum() == pytest.approx(1)


def test_every_settlement_of_the_register_is_counted(shares: pd.DataFrame) -> None:
    assert set(shares.query("weighting == 'settlements'")["n_total"]) == {6467}
    assert set(shares["settlement_id"]) == {"all"}
