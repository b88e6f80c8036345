"""Outputs compared: by region, by layer, by figure; the command tells it and writes it."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box
from typer.testing import CliRunner

from geo_profiling.cli.main import app
from geo_profiling.errors import InputError
from geo_profiling.outputs.manifest import Manifest, write_manifest
from pipelines.diff import compare_outputs


def finished(folder: Path, name: str, *, squares: dict[str, int], people: float, share: float | None = None) -> None:
    """Write what a finished region holds: a manifest, centres, perhaps an indicator."""
    folder.mkdir(parents=True)
    write_manifest(folder / "manifest.json", Manifest(name, name, 2020, "", (), {}, {"population": people}))
    shapes = [box(1000 * left, 0, 1000 * left + 1000, 1000) for left in squares.values()]
    table = {"centre_id": list(squares), "name": None, "population": 60_000.0}
    gpd.GeoDataFrame(table, geometry=shapes, crs="ESRI:54009").to_file(folder / f"{name}.gpkg", layer="urban_centres")
    if share is not None:
        row = {"area_type": "units", "area_id": "01", "indicator": "11.1.1", "series": "slum", "obs_value": share,
               "lower_bound": share - 2, "upper_bound": share + 2}  # fmt: skip
        import pyogrio

        pyogrio.write_dataframe(pd.DataFrame([row]), folder / f"{name}.gpkg", layer="indicators", append=True)


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    finished(old / "accra", "accra", squares={"a": 0, "b": 5}, people=100.0, share=30.0)
    finished(new / "accra", "accra", squares={"a": 0, "c": 9}, people=110.0, share=40.0)
    for folder in (old, new):
        finished(folder / "tema", "tema", squares={"a": 0}, people=50.0, share=30.0)
    finished(old / "gone", "gone", squares={}, people=0.0)
    finished(new / "born", "born", squares={}, people=0.0)
    return old, new


def test_every_region_of_either_is_told(outputs: tuple[Path, Path]) -> None:
    found = {region.region: region for region in compare_outputs(*outputs)}
    assert {name: region.state for name, region in found.items()} == {
        "accra": "changed", "born": "appeared", "gone": "vanished", "tema": "same",
    }  # fmt: skip
    accra = found["accra"]
    assert accra.areas[["layer", "area_id", "what"]].to_numpy().tolist() == [
        ["urban_centres", "c", "appeared"], ["urban_centres", "b", "vanished"],
    ]  # fmt: skip
    assert accra.indicators[["what", "area_id", "before", "after"]].to_numpy().tolist() == [["moved", "01", 30.0, 40.0]]
    assert accra.figures == [{"figure": "population", "before": 100.0, "after": 110.0}]


def test_two_single_regions_are_compared_whatever_their_folders_are_called(outputs: tuple[Path, Path]) -> None:
    old, new = outputs
    (region,) = compare_outputs(old / "accra", new / "tema")
    assert (region.region, region.state) == ("tema", "changed")


def test_folder_without_results_is_refused(outputs: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: holds no finished result"):
        list(compare_outputs(tmp_path / "empty", outputs[1]))


def test_command_tells_and_writes_it(outputs: tuple[Path, Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["diff", *map(str, outputs), "-o", str(tmp_path / "diff.json")])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "accra: changed",
        "  urban_centres c appeared: - -> 60000 people",
        "  urban_centres b vanished: 60000 -> - people",
        "  units 01 11.1.1 slum moved: 30 -> 40",
        "  population: 100 -> 110",
        "born: appeared",
        "gone: vanished",
        "tema: same",
    ]
    written = json.loads((tmp_path / "diff.json").read_text())
    assert [region["state"] for region in written] == ["changed", "appeared", "vanished", "same"]
    assert written[0]["indicators"][0]["lower_bound_after"] == 38.0
