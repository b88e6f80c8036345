"""Names, households and their places in the sample's register: in no byte of any output."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from typer.testing import CliRunner

from geo_profiling.cli.main import app

CONFIG = """\
version: 1
name: Port Serrano
allowed_roots: [SAMPLE]
inputs:
  population_fine: {path: SAMPLE/population_2020_100m.tif, year: 2020}
  settlements: {path: SAMPLE/informal_settlements.gpkg, id_field: settlement_id, name_field: name}
  enumeration:
    table: {path: SAMPLE/enumeration_2020.csv}
    mapping: {path: SAMPLE/enumeration_mapping.yaml}
  tenure:
    parties: {path: SAMPLE/tenure_parties.csv}
    spatial_units: {path: SAMPLE/tenure_plots.gpkg}
    rights: {path: SAMPLE/tenure_rights.csv}
    sources: {path: SAMPLE/tenure_sources.csv}
    evictions: {path: SAMPLE/evictions.gpkg}
settlements: {tenure: {reference_date: "2020-12-31"}}
regions:
  - name: plain
  - name: detail
    settlements: {tenure: {publish_detail: true}}
output: {directory: out}
"""
REGIONS = ("plain", "detail")


@pytest.fixture(scope="module")
def finished(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of results and everything that was said on the way."""
    folder = tmp_path_factory.mktemp("privacy")
    (folder / "city.yaml").write_text(CONFIG.replace("SAMPLE", str(sample_data)))
    result = CliRunner().invoke(app, ["run", str(folder / "city.yaml"), "--workers", "1", "--log-format", "json"])
    assert result.exit_code == 0, result.output
    return folder / "out", result.output


@pytest.fixture(scope="module")
def secrets(sample_data: Path) -> set[str]:
    """Full names, surnames that no picture holds by chance, and the ids of people and households."""
    parties = pd.read_csv(sample_data / "tenure_parties.csv", dtype=str)
    surnames = parties["name"].str.split().str[-1]
    found = {*parties["name"], *surnames[surnames.str.len() >= 6], *parties["party_id"], *parties["household_id"]}
    assert len(found) > 500
    return found


def _texts(path: Path) -> list[str]:
    """Return everything that a file says: its bytes, and the values of tables that are compressed."""
    raw = path.read_bytes()
    texts = [raw.decode("utf-8", "replace"), raw.decode("utf-16-le", "replace")]
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        texts.append("\n".join(str(value) for column in frame for value in frame[column]))
    if path.suffix == ".gz":
        texts.append(gzip.decompress(raw).decode("utf-8", "replace"))
    if path.suffix == ".gpkg":
        with sqlite3.connect(path) as database:
            texts.append("\n".join(database.iterdump()))
    return texts


def test_no_name_and_no_id_of_a_person_or_household_leaves(finished: tuple[Path, str], secrets: set[str]) -> None:
    out, said = finished
    files = [path for path in out.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".gpkg", ".parquet", ".html", ".json", ".png"} <= kinds
    found = [
        (path.name, secret)
        for path in files
        for text in _texts(path)
        for secret in secrets
        if secret in text
    ]  # fmt: skip
    assert found == []
    assert [secret for secret in secrets if secret in said] == []


def test_the_search_would_find_a_name(tmp_path: Path, secrets: set[str]) -> None:
    secret = sorted(secrets)[0]
    pd.DataFrame({"name": [secret] * 100}).to_parquet(tmp_path / "a.parquet", compression="gzip")
    gpd.GeoDataFrame({"name": [secret]}, geometry=gpd.points_from_xy([0], [0]), crs=4326).to_file(tmp_path / "a.gpkg")
    for name in ("a.parquet", "a.gpkg"):
        assert any(secret in text for text in _texts(tmp_path / name))


@pytest.mark.parametrize("region", REGIONS)
def test_places_of_households_are_not_published(finished: tuple[Path, str], sample_data: Path, region: str) -> None:
    package = finished[0] / region / f"{region}.gpkg"
    plots = gpd.read_file(sample_data / "tenure_plots.gpkg")
    settlements = gpd.read_file(sample_data / "informal_settlements.gpkg").to_crs(plots.crs)
    layers = gpd.list_layers(package)
    for name in layers.loc[layers["geometry_type"].notna(), "name"]:
        layer = gpd.read_file(package, layer=name).to_crs(plots.crs)
        # Settlements are larger than any plot; conflicts are slivers of two.
        assert not set(layer.geometry.to_wkb()) & set(plots.geometry.to_wkb()), name
        if name == "settlements":
            assert layer.area.min() >= 0.99 * settlements.area.min()
    events = [name for name in layers["name"] if name.endswith("_records")]
    assert events == ([] if region == "plain" else events)
    assert len(events) == (0 if region == "plain" else 2)


@pytest.mark.parametrize("region", REGIONS)
def test_no_small_cell_is_published(finished: tuple[Path, str], region: str) -> None:
    package = finished[0] / region / f"{region}.gpkg"
    shares = gpd.read_file(package, layer="tenure_shares")
    shown = shares[shares["n_households"].notna() & (shares["n_households"] > 0)]
    assert len(shown) > 10
    assert shown["n_households"].min() >= 5
    assert shares["is_suppressed"].any()
    evictions = gpd.read_file(package, layer="evictions")
    known = evictions["evicted_households"].dropna()
    assert ((known == 0) | (known >= 5)).all()
    conflicts = gpd.read_file(package, layer="tenure_conflicts")
    for column in [name for name in conflicts if name.startswith("n_units")]:
        counts = conflicts[column].dropna()
        assert ((counts == 0) | (counts >= 5)).all(), column


def test_manifest_tells_inputs_without_their_content(finished: tuple[Path, str]) -> None:
    manifest = json.loads((finished[0] / "plain/manifest.json").read_text())
    names = {record["name"] for record in manifest["inputs"]}
    assert {"tenure.parties", "tenure.rights", "tenure.evictions"} <= names
