"""Profile and tenure of a region from files that hold names and household points, to tables that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.load import load_project
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from pipelines.check_tenure import tenure_findings
from pipelines.profile import profile_findings, run_profile
from pipelines.tenure import detail_tables, read_tenure, run_tenure

CRS = "EPSG:32638"
NAMES = ["Amina Yusuf", "Brian Otieno", "Chandra Rao"]
N = 40

CONFIG = """\
version: 1
name: City
inputs:
  settlements: {path: settlements.gpkg, id_field: code}
  enumeration:
    table: {path: homes.csv}
    mapping: {path: mapping.yaml}
  tenure:
    parties: {path: parties.csv, columns: {party_id: nr}}
    spatial_units: {path: plots.gpkg}
    rights: {path: rights.csv}
    sources: {path: sources.csv}
    evictions: {path: evictions.gpkg}
settlements:
  tenure: {reference_date: 2024-01-01, publish_detail: DETAIL}
regions:
  - name: city
output: {directory: out}
"""
MAPPING = """\
title: test
rows: households
id_column: settlement
variables:
  power: {column: light, answers: {lamp: none, wire: grid_regular}}
  population: {column: members}
"""


def write_inputs(folder: Path, *, detail: bool = False) -> Path:
    """Write two settlements with 40 households, one plot each; the last 3 of the second hold by lease."""
    boxes = [shapely.box(500_000, 1_200_000, 500_100, 1_200_200), shapely.box(501_000, 1_200_000, 501_100, 1_200_200)]
    gpd.GeoDataFrame({"code": [7, 8]}, geometry=boxes, crs=CRS).to_file(folder / "settlements.gpkg")
    ids = [f"p{number:03d}" for number in range(N)]
    where = [number // 20 for number in range(N)]
    left = [500_000 + 1000 * place + 10 * (number % 10) for number, place in enumerate(where)]
    bottom = [1_200_000 + 20 * ((number % 20) // 10) for number in range(N)]
    # Each plot reaches 0.5 m into the next, in the first settlement only.
    plots = [
        shapely.box(x, y, x + (10.5 if place == 0 else 10), y + 20)
        for x, y, place in zip(left, bottom, where, strict=True)
    ]
    units = gpd.GeoDataFrame({"unit_id": ids, "holder": [NAMES[0]] * N}, geometry=plots, crs=CRS)
    units.to_file(folder / "plots.gpkg")
    people = pd.DataFrame({"nr": ids, "name": [NAMES[n % 3] for n in range(N)], "age": 35, "phone": "0711 222 333"})
    people["sex"] = ["F", "M"] * (N // 2)
    people["lon"], people["lat"] = 45.123456, 10.987654
    people.to_csv(folder / "parties.csv", index=False)
    rights = pd.DataFrame({"party_id": ids, "unit_id": ids, "tenure_type": ["freehold"] * (N - 3) + ["lease"] * 3})
    rights["documented"], rights["perceived"], rights["may_bequeath"] = "registered", "secure", "yes"
    rights["source_id"], rights["witness"] = "d1", NAMES[1]
    rights.to_csv(folder / "rights.csv", index=False)
    pd.DataFrame({"source_id": ["d1"], "kind": ["deed"]}).to_csv(folder / "sources.csv", index=False)
    events = gpd.GeoDataFrame(
        {
            "event_id": ["e1", "e2"],
            "kind": ["demolition", "demolition"],
            "date_start": ["2022-03-01", "2023-03-01"],
            "households": ["3", "12"],
            "actor": [NAMES[2]] * 2,
        },
        geometry=[boxes[0].centroid, boxes[1].centroid],
        crs=CRS,
    )
    events.to_file(folder / "evictions.gpkg")
    homes = pd.DataFrame({"settlement": [str(7 + place) for place in where], "members": 5, "head": NAMES[2]})
    homes["light"] = ["lamp", "wire"] * (N // 2)
    homes["x"], homes["y"] = 45.123456, 10.987654
    homes.to_csv(folder / "homes.csv", index=False)
    (folder / "mapping.yaml").write_text(MAPPING)
    path = folder / "city.yaml"
    path.write_text(CONFIG.replace("DETAIL", "true" if detail else "false"))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Path]:
    def compute(**options: bool) -> Path:
        region = settings(write_inputs(tmp_path, **options))
        directory = tmp_path / "out"
        (directory / "tables").mkdir(parents=True, exist_ok=True)
        run_tenure(region, directory, Compute())
        run_profile(region, directory, Compute())
        return directory

    return compute


def settings(path: Path) -> RegionSettings:
    return load_project(path).regions[0]


def table(directory: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(directory / f"tables/{name}.parquet")


class TestTables:
    def test_shares_by_settlement(self, run: Callable[..., Path]) -> None:
        shares = (
            table(run(), "tenure_shares").query("measure == 'tenure_type'").set_index(["settlement_id", "tenure_type"])
        )
        assert shares.loc[("7", "freehold"), "share"] == 1.0
        # Three leases, and the 17 freeholds that would give them away.
        assert shares.loc[("8", "lease"), "is_suppressed"]
        assert shares.loc[[("8", "lease"), ("8", "freehold")], "share"].isna().all()

    def test_conflicts_by_settlement(self, run: Callable[..., Path]) -> None:
        conflicts = table(run(), "tenure_conflicts").set_index("settlement_id")
        assert conflicts.loc["7", "n_boundary_conflicts"] == 18
        assert conflicts.loc["8", "n_boundary_conflicts"] == 0
        assert conflicts.loc["all", "n_units"] == N
        assert conflicts.loc["8", "gap_share"] == pytest.approx(1 - 20 * 200 / 20_000)

    def test_evictions_are_rates_of_the_enumerated_households(self, run: Callable[..., Path]) -> None:
        evictions = table(run(), "evictions").set_index("settlement_id")
        assert evictions.loc["all", "evicted_households"] == 15
        assert evictions.loc[["7", "8"], "evicted_households"].isna().all()
        assert evictions.loc["all", "households"] == 40

    def test_summary_and_profile(self, run: Callable[..., Path]) -> None:
        directory = run()
        summary = table(directory, "settlement_tenure").set_index("settlement_id")
        assert summary.loc["7", "main_tenure_type"] == "freehold"
        assert pd.isna(summary.loc["8", "main_tenure_type"])
        assert summary["is_tenure_secure"].tolist() == [True, True]
        profile = table(directory, "settlement_profile").set_index("settlement_id")
        assert profile["households"].tolist() == [20, 20]
        assert profile["population"].tolist() == [100, 100]
        assert profile["tenure_deprived"].tolist() == [False, False]
        shares = table(directory, "profile_shares").set_index(["settlement_id", "word"])
        assert shares.loc[("7", "grid_regular"), "share"] == 0.5

    def test_same_bytes_again_and_in_any_order_of_rows(self, run: Callable[..., Path], tmp_path: Path) -> None:
        first = {path.name: path.read_bytes() for path in (run() / "tables").iterdir()}
        for name in ("parties", "rights", "homes"):
            rows = pd.read_csv(tmp_path / f"{name}.csv", dtype=str)
            rows.sample(frac=1, random_state=5).to_csv(tmp_path / f"{name}.csv", index=False)
        region = settings(tmp_path / "city.yaml")
        run_tenure(region, tmp_path / "out", Compute())
        run_profile(region, tmp_path / "out", Compute())
        assert {path.name: path.read_bytes() for path in (tmp_path / "out/tables").iterdir()} == first


class TestPrivacy:
    @pytest.mark.parametrize("detail", [False, True])
    def test_no_name_and_no_household_point_in_any_output(self, run: Callable[..., Path], detail: bool) -> None:
        directory = run(detail=detail)
        files = [path for path in directory.rglob("*") if path.is_file()]
        assert len(files) == (8 if detail else 6)
        for path in files:
            # Columns are compressed in the file: both its bytes and its values are searched.
            frame = pd.read_parquet(path)
            text = path.read_bytes() + " ".join([*map(str, frame.columns), frame.to_csv()]).encode()
            for secret in (*NAMES, *(name.split()[1] for name in NAMES), "0711", "45.123456", "10.987654"):
                assert secret.encode() not in text, f"{secret} in {path.name}"

    def test_single_records_only_on_request(self, run: Callable[..., Path]) -> None:
        directory = run(detail=False)
        assert not list((directory / "tables").glob("*_records.parquet"))

    def test_single_records_on_request(self, run: Callable[..., Path], tmp_path: Path) -> None:
        directory = run(detail=True)
        conflicts = gpd.read_parquet(directory / "tables/tenure_conflict_records.parquet")
        assert len(conflicts) == 18
        assert np.allclose(conflicts["area_m2"], 10.0)
        events = gpd.read_parquet(directory / "tables/eviction_records.parquet")
        assert set(events.geom_type) == {"Point"}
        assert detail_tables(settings(tmp_path / "city.yaml")) == ["tenure_conflict_records", "eviction_records"]


class TestFindings:
    def test_clean_inputs_have_no_errors(self, tmp_path: Path) -> None:
        region = settings(write_inputs(tmp_path))
        assert [str(finding) for finding in tenure_findings(region) if finding.severity == "error"] == []
        assert profile_findings(region) == []

    def test_bad_rows_are_named_and_stop_the_run(self, tmp_path: Path) -> None:
        region = settings(write_inputs(tmp_path))
        rights = pd.read_csv(tmp_path / "rights.csv", dtype=str)
        rights.loc[0, "tenure_type"] = "squat"
        rights.loc[1, "unit_id"] = "p999"
        rights["share"] = "1"
        more = rights.iloc[[5]].assign(party_id="p006", share="0.4")
        pd.concat([rights, more]).to_csv(tmp_path / "rights.csv", index=False)
        told = [str(finding) for finding in tenure_findings(region)]
        assert "tenure.rights (rights.csv), row 2: tenure_type 'squat' is in no vocabulary" in told
        assert "tenure.rights (rights.csv), row 3: spatial unit p999 is not in the table of its kind" in told
        assert "tenure.rights (rights.csv), unit p005: its shares add up to 1.4" in told
        with pytest.raises(InputError, match="'squat' is in no vocabulary"):
            run_tenure(region, tmp_path, Compute())

    def test_an_answer_that_is_not_mapped(self, tmp_path: Path) -> None:
        region = settings(write_inputs(tmp_path))
        homes = pd.read_csv(tmp_path / "homes.csv", dtype=str)
        homes.loc[3, "light"] = "wireless"
        homes.to_csv(tmp_path / "homes.csv", index=False)
        told = [finding.message for finding in profile_findings(region)]
        assert told == ["the answer 'wireless' is not in the mapping (1 row, from 5)"]

    def test_settlements_that_are_none(self, tmp_path: Path) -> None:
        region = settings(write_inputs(tmp_path))
        people = pd.read_csv(tmp_path / "parties.csv", dtype=str).assign(settlement_id="99")
        people.to_csv(tmp_path / "parties.csv", index=False)
        told = [finding.message for finding in tenure_findings(region) if finding.severity == "error"]
        assert told == ["1 values of settlement_id are no settlements: 99"]

    def test_missing_column(self, tmp_path: Path) -> None:
        region = settings(write_inputs(tmp_path))
        pd.DataFrame({"party_id": ["a"], "unit_id": ["b"]}).to_csv(tmp_path / "rights.csv", index=False)
        assert "has no column 'tenure_type'" in tenure_findings(region)[0].message

    def test_local_plan_is_measured_and_stays_off_the_map(self, tmp_path: Path) -> None:
        path = write_inputs(tmp_path, detail=True)
        units = gpd.read_file(tmp_path / "plots.gpkg")
        units["settlement_id"] = ["7"] * 20 + ["8"] * 20
        with pytest.warns(UserWarning, match="'crs' was not provided"):
            units.set_crs(None, allow_override=True).to_file(tmp_path / "plan.gpkg")
        path.write_text(path.read_text().replace("{path: plots.gpkg}", "{path: plan.gpkg, crs: local-planar}"))
        region = settings(path)
        assert detail_tables(region) == ["eviction_records"]
        assert read_tenure(region).records.units.crs.is_engineering
        (tmp_path / "out/tables").mkdir(parents=True)
        run_tenure(region, tmp_path / "out", Compute())
        conflicts = table(tmp_path / "out", "tenure_conflicts").set_index("settlement_id")
        assert conflicts.loc["7", "n_boundary_conflicts"] == 18
        assert conflicts["gap_m2"].isna().all()
