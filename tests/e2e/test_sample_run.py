"""The sample from the command line: what comes out, the same bytes again, nothing computed twice."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.outputs.layers import LAYERS as DECLARED
from pipelines.run import run_project

LAYERS = {
    "urban_centres": ["centre_id", "name", "population", "area_km2", "touches_edge"],
    "urban_clusters": ["cluster_id", "name", "population", "area_km2", "touches_edge"],
    "dense_clusters": ["cluster_id", "population", "area_km2", "touches_edge"],
    "semi_dense_clusters": ["cluster_id", "population", "area_km2", "touches_edge"],
    "units": [
        "unit_id", "name", "population", "area_km2", "degurba_l1", "degurba_l2", "degurba_basis",
        "share_urban_centre", "share_dense_cluster", "share_semi_dense_cluster", "share_suburban",
        "share_rural_cluster", "share_low_density", "share_very_low_density", "share_water",
        "smaller_than_cell", "coverage_share",
    ],
    "run_info": ["key", "value"],
}  # fmt: skip
#: Layers of the metropolis, with fields that the design names.
METROPOLIS = {
    "functional_urban_areas": {
        "fua_id", "name", "method", "n_units", "city_ids", "population", "area_km2", "units_per_100k", "herfindahl",
        "centre_share_outside_core", "size_class", "meets_metropolis_criterion",
    },
    "fua_candidates": {"unit_id", "fua_id", "workers", "share", "rank"},
    "metropolitan_scales": {
        "scale", "area_id", "parent_id", "share_in_parent", "population", "population_in_parts",
        "population_outside_parts",
    },
    "urban_change": {"area_type", "from_year", "to_year", "from_id", "to_id", "change", "population_growth_pct"},
    "urban_projections": {
        "area_type", "area_id", "projected_year", "projected_population", "projected_population_low",
        "projected_population_high",
    },
}  # fmt: skip
#: Layers of informal settlements, with fields that the design names.
SETTLEMENTS = {
    "settlements": {
        "settlement_id", "name", "population", "population_source", "population_enumerated", "population_gridded",
        "population_building_based", "k_max", "informality_class", "water", "documented_share",
    },
    "settlement_access": {"settlement_id", "service", "within_m", "homes_share", "distance"},
    "street_blocks": {"block_id", "k", "n_buildings", "layers", "share_bldg_layer_ge3", "is_on_network"},
    "buildings": {"building_id", "block_id", "layer"},
    "new_paths": {"path_id", "block_id", "length_m"},
    "tenure_shares": {"settlement_id", "measure", "share"},
    "tenure_conflicts": {"settlement_id", "n_units"},
    "evictions": {"settlement_id"},
}  # fmt: skip
#: What every run writes that takes its time or place into account.
OF_THE_RUN = {"manifest.json", "ledger.json", "lock", "digests.json", "summary.json", "history.jsonl"}


def run(repository: Path, *arguments: str | Path, cores: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "geo_profiling", "run", "configs/sample.yaml", *map(str, arguments)]
    if cores and (taskset := shutil.which("taskset")):
        some = sorted(os.sched_getaffinity(0))[:cores]
        command = [taskset, "--cpu-list", ",".join(map(str, some)), *command]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def out(repository, tmp_path_factory) -> Path:
    """Run the sample once, as a user does, in one thread: what follows runs in several."""
    folder = tmp_path_factory.mktemp("sample")
    result = run(repository, "-o", folder, cores=1)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^(\d+) of \1 steps computed", result.stderr, re.MULTILINE)
    return folder


@pytest.fixture(scope="module")
def package(out) -> Path:
    return out / "port_serrano" / "port_serrano.gpkg"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in OF_THE_RUN)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_everything_is_there_and_nothing_half_done(out):
    names = {
        str(path.relative_to(out / "port_serrano")) for path in (out / "port_serrano").rglob("*") if path.is_file()
    }
    tables = [*LAYERS, "degurba_classes", "people_in_centres", "people_in_clusters"]
    assert names >= {
        "port_serrano.gpkg",
        "manifest.json",
        "report.html",
        *(f"rasters/degurba_l{level}.{kind}" for level in (1, 2) for kind in ("tif", "qml")),
        *(f"tables/{name}.parquet" for name in tables if name != "run_info"),
        "maps/degurba_l2.png",
        "maps/units_degurba_l2.png",
    }
    assert not [name for name in names if ".geo-tmp" in name]


def test_geopackage_has_the_layers_and_fields_of_the_design(package):
    found = {name for name, _ in pyogrio.list_layers(package)}
    assert {*LAYERS, *METROPOLIS, *SETTLEMENTS, "layer_styles"} <= found <= {*DECLARED, "layer_styles"}
    for name, named in (METROPOLIS | SETTLEMENTS).items():
        assert named <= set(pyogrio.read_info(package, layer=name)["fields"]), name
    for name, fields in LAYERS.items():
        info = pyogrio.read_info(package, layer=name)
        assert [field for field in info["fields"] if field in fields or name != "units"] == fields
        assert (info["geometry_type"] is None) == (name == "run_info")


def test_centres_clusters_and_units_are_consistent(out, package):
    layers = {name: gpd.read_file(package, layer=name) for name in LAYERS if name != "run_info"}
    for name, layer in layers.items():
        identifier = LAYERS[name][0]
        assert layer[identifier].is_unique, name
        assert layer.is_valid.all(), name
        known = [field for field in LAYERS[name] if field != "name"]
        assert not layer[known].isna().any(axis=None), name
        assert (layer.area / 1e6).to_numpy() == pytest.approx(layer["area_km2"].to_numpy()), name
    centres, units = layers["urban_centres"], layers["units"]
    assert (centres["population"] >= 50_000).all()
    assert (layers["urban_clusters"]["population"] >= 5000).all()
    assert centres.iloc[0]["name"] == layers["urban_clusters"].iloc[0]["name"] == "Port Serrano"
    assert units["unit_id"].str.startswith("0").all()
    assert set(units["degurba_l1"]) == {1, 2, 3}
    shares = units[LAYERS["units"]].filter(regex="^share_").sum(axis=1)
    assert shares.to_numpy() == pytest.approx([1.0] * len(units))
    nested = {30: 1, 23: 2, 22: 2, 21: 2, 13: 3, 12: 3, 11: 3}
    assert units["degurba_l2"].map(nested).tolist() == units["degurba_l1"].tolist()


def test_people_are_conserved_from_the_grid_to_the_units(out, package, sample_data):
    with rasterio.open(sample_data / "population_2020_1km.tif") as file:
        total = math.fsum(file.read(1, masked=True).compressed().astype(float))
    classes = pd.read_parquet(out / "port_serrano/tables/degurba_classes.parquet")
    assert classes["population"].sum() == pytest.approx(total, rel=1e-9)
    info = pyogrio.read_dataframe(package, layer="run_info").set_index("key")["value"]
    assert float(info["population"]) == pytest.approx(total, rel=1e-9)
    units = gpd.read_file(package, layer="units")["population"].sum()
    assert units + float(info["population_outside_units"]) == pytest.approx(total, rel=1e-9)
    with rasterio.open(out / "port_serrano/rasters/degurba_l2.tif") as file:
        codes = pd.Series(file.read(1).ravel()).value_counts()
    known = classes.dropna().set_index("degurba_class")["area_km2"]
    assert {code: cells for code, cells in known.items() if cells} == codes.to_dict()


def test_scales_change_and_projection_add_up(package):
    scales = pyogrio.read_dataframe(package, layer="metropolitan_scales")
    assert set(scales["scale"]) == {"proximity", "agglomeration", "metropolitan_area", "metropolitan_region"}
    with_parts = scales.dropna(subset=["population_in_parts"])
    assert len(with_parts) > 0
    parts = with_parts["population_in_parts"] + with_parts["population_outside_parts"]
    assert parts.to_numpy() == pytest.approx(with_parts["population"].to_numpy(), rel=1e-9)
    assert set(scales["parent_id"].dropna()) <= set(scales["area_id"])
    change = pyogrio.read_dataframe(package, layer="urban_change")
    assert set(zip(change["from_year"], change["to_year"], strict=True)) == {(2010, 2020)}
    centres = set(pyogrio.read_dataframe(package, layer="urban_centres")["centre_id"])
    assert set(change.loc[change["area_type"] == "urban_centre", "to_id"].dropna()) == centres
    projected = pyogrio.read_dataframe(package, layer="urban_projections")
    assert set(projected["projected_year"]) == {2030}
    # A centre without a past has no rate to project.
    born = set(change.loc[change["change"] == "born", "to_id"])
    assert set(projected.loc[projected["projected_population"].isna(), "area_id"]) == born
    projected = projected.dropna(subset=["projected_population"])
    assert len(projected) > 0
    low, high = projected["projected_population_low"], projected["projected_population_high"]
    assert ((low < projected["projected_population"]) & (projected["projected_population"] < high)).all()


def test_run_info_names_inputs_rules_and_no_place_or_time(out, package):
    info = pyogrio.read_dataframe(package, layer="run_info").set_index("key")["value"]
    assert info["input_population"] == "population_2020_1km.tif"
    assert len(info["input_units_sha256"]) == 64
    assert (info["degurba_rules"], info["degurba_smoothing"]) == ("2024", "r2023a")
    assert info.notna().all()
    text = info.to_csv()
    assert str(out) not in text
    assert "seconds" not in text
    manifest = json.loads((out / "port_serrano/manifest.json").read_text())
    assert str(out) not in json.dumps(manifest)


def asked(sample_data: Path) -> pd.DataFrame:
    """Return the households of the sample's survey, with their people and the groups that are published."""
    survey = pd.read_csv(sample_data / "household_survey_2020.csv", dtype=str, keep_default_na=False)
    survey["people"] = survey["weight"].astype(float) * survey["persons"].astype(float)
    age = survey["age_of_head"].astype(float)
    survey["age_of_head"] = np.select([age < 35, age < 60], ["Y_LT35", "Y35T59"], "Y_GE60")
    return survey


def test_parts_of_published_indicators_make_up_the_whole(package, sample_data):
    table = pd.read_parquet(package.parent / "tables/indicators.parquet")
    survey = asked(sample_data)
    whole = table[(table["area_type"] == "survey_area") & (table["coverage_share"] == 1)]
    # Shares of people; those of households and adults have other weights.
    whole = whole[(whole["denominator_scope"] == "all") & (whole["nature"] == "E")]
    checked = 0
    for group in ("is_slum_area", "sex_of_head", "age_of_head", "wealth_quintile"):
        people = survey.groupby(group)["people"].sum()
        parts = whole[whole["breakdown"].str.startswith(f"{group}=")]
        for name, rows in parts.groupby("indicator"):
            values = rows.set_index(rows["breakdown"].str.partition("=")[2])["obs_value"]
            if set(values.index) != set(people.index):
                continue
            total = whole[(whole["indicator"] == name) & (whole["breakdown"] == "_T")]["obs_value"].item()
            assert (values * people / people.sum()).sum() == pytest.approx(total, rel=1e-9), (group, name)
            checked += 1
    assert checked > 40


def test_no_published_indicator_gives_a_suppressed_one_away(package, sample_data):
    """All that is published together: the table, the wide layers and the CSV, by every sum between them."""
    table = pd.read_parquet(package.parent / "tables/indicators.parquet")
    survey = asked(sample_data)
    places = {"survey_area": pd.Series("port_serrano", survey.index), "unit": survey["unit_id"],
              "settlement": survey["settlement_id"].replace("", np.nan)}  # fmt: skip
    groups = ["is_slum_area", "sex_of_head", "age_of_head", "wealth_quintile"]
    for name in ("deprived_water", "households_waste_collection_access"):  # of these every household answered
        rows = table[(table["indicator"] == name) & (table["nature"] == "E")]
        fields = rows[["area_type", "area_id", "breakdown", "obs_status"]]
        shown = {(kind, area, part): status != "Q" for kind, area, part, status in fields.itertuples(index=False)}
        cells: dict[tuple[str, str, str], frozenset[int]] = {}
        for kind, ids in places.items():
            for area, inside in survey.groupby(ids):
                cells[kind, str(area), "_T"] = frozenset(inside.index)
                for group in groups:
                    for value, part in inside.groupby(group):
                        cells[kind, str(area), f"{group}={value}"] = frozenset(part.index)
        sums = published_sums(cells, groups)
        hidden = np.array([not shown.get(cell, False) for cell in cells])
        small = np.array([len(inside) < 25 for inside in cells.values()])
        assert (hidden | ~small).all()
        _, singular, vectors = np.linalg.svd(sums[:, hidden])
        free = vectors[(singular > 1e-9).sum() :]
        assert hidden.sum() > 50
        assert (np.abs(free).max(axis=0) > 1e-9)[small[hidden]].all()
        # The city's own figures, of its slums and its groups, are there.
        assert all(shown.get(cell, True) for cell in cells if cell[0] == "survey_area")
    csv = pd.read_csv(package.parent / "indicators.csv")
    assert csv.loc[csv["OBS_STATUS"] == "Q", ["OBS_VALUE", "LOWER_BOUND", "UPPER_BOUND"]].isna().all(axis=None)
    totals = table[(table[["sex", "urbanisation", "breakdown"]] == "_T").all(axis=1)]
    for kind, layer in (("unit", "indicators_by_unit"), ("settlement", "indicators_by_settlement")):
        wide = pyogrio.read_dataframe(package, layer=layer, read_geometry=False).set_index("area_id")
        for row in totals[(totals["area_type"] == kind) & (totals["obs_status"] == "Q")].itertuples():
            told = totals[(totals["area_id"] == row.area_id) & (totals["indicator"] == row.indicator)]
            if told["obs_value"].isna().all():
                assert wide.loc[row.area_id, [row.indicator, f"{row.indicator}_low"]].isna().all()


def published_sums(cells: dict[tuple[str, str, str], frozenset[int]], groups: list[str]) -> np.ndarray:
    """Return every sum that holds exactly between cells: groups of an area, and areas of a kind in another."""
    place = {cell: number for number, cell in enumerate(cells)}
    rows = []
    for cell, inside in cells.items():
        kind, area, part = cell
        families = [[c for c in cells if c[:2] == (kind, area) and c[2].startswith(f"{group}=")] for group in groups]
        families = families if part == "_T" else []
        for other in {c[0] for c in cells} - {kind}:
            families.append([c for c in cells if c[0] == other and c[2] == part and cells[c] <= inside])
        for family in families:
            if family and sum(len(cells[c]) for c in family) == len(inside):
                row = np.zeros(len(cells))
                row[[place[c] for c in family]] = 1
                row[place[cell]] = -1
                rows.append(row)
    return np.array(rows)


def test_second_run_computes_nothing_and_says_so(repository, out):
    # A run holds the locks of its folders, and keeps its own history.
    files = [path for path in out.rglob("*") if path.is_file() and path.name not in OF_THE_RUN]
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}
    result = run(repository, "-o", out)
    assert result.returncode == 0
    assert re.search(r"^nothing to compute: \d+ steps up to date", result.stderr, re.MULTILINE)
    assert "running" not in result.stderr
    for path, stamp in before.items():
        assert (path.stat().st_mtime_ns, path.stat().st_ino) == stamp, path


def test_local_cluster_in_another_folder_gives_the_same_bytes(repository, out, tmp_path):
    result = run(repository, "-o", tmp_path / "elsewhere", "--workers", 2)
    assert result.returncode == 0, result.stderr
    assert contents(tmp_path / "elsewhere") == contents(out)


def test_lost_output_is_made_again_with_the_same_bytes(repository, out):
    before = contents(out)
    (out / "port_serrano/tables/units.parquet").unlink()
    (out / "port_serrano/maps/degurba_l2.png").write_text("spoilt")
    run_project(load_project(repository / "configs/sample.yaml"), directory=out, compute=Compute(threads=2))
    assert contents(out) == before
