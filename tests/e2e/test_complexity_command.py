"""The command ``complexity`` on real settlements, as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyogrio
import pytest


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "geo_profiling", "complexity", *options], capture_output=True, text=True, check=False
    )


def test_ali_sabieh_equals_the_published_k(shared_data: Path, shared_golden: Path, tmp_path: Path) -> None:
    folder = shared_data / "djibouti"
    done = run(
        *(
            "--buildings",
            str(folder / "alisabieh_buildings.geojson"),
            "--blocks",
            str(folder / "alisabieh_blocks.gpkg"),
        ),
        *("--block-id", "block_id", "--workers", "2", "-o", str(tmp_path / "o.gpkg")),
    )
    assert done.returncode == 0, done.stderr
    assert "8 pairs of buildings overlap" in done.stderr
    known = pd.read_csv(shared_golden / "morphology/alisabieh_expected_k.csv").set_index("block_id")
    found = pyogrio.read_dataframe(tmp_path / "o.gpkg", layer="street_blocks").set_index("block_id")
    assert (found.loc[known.index, "k"] == known["k_kblock"]).sum() == len(found) == 196


def test_lusaka_with_new_paths(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "lusaka"
    done = run(
        *("--buildings", str(folder / "buildings_lusaka.geojson"), "--streets", str(folder / "streets_lusaka.geojson")),
        *("--blocks", str(folder / "blocks_epsg4326.gpkg"), "--block-id", "block_id", "--reblock"),
        *("-o", str(tmp_path / "o.gpkg")),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    blocks = pyogrio.read_dataframe(tmp_path / "o.gpkg", layer="street_blocks")
    assert blocks["k"].notna().sum() == 26
    assert blocks["is_on_network"].astype(bool).all()
    paths = pyogrio.read_dataframe(tmp_path / "o.gpkg", layer="new_paths")
    assert set(paths["block_id"]) == set(blocks.loc[blocks["k"] >= 3, "block_id"])
    assert paths["block_bound_ratio"].max() < 1.2
    assert paths["length_m"].sum() == pytest.approx(paths.length.sum())
