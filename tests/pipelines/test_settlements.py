"""A small made city through the whole run: every figure of its settlements is known by hand."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from typer.testing import CliRunner

from geo_profiling.cli.main import app
from geo_profiling.outputs.layers import LAYERS, conform

CRS = "EPSG:32638"
LEFT, BOTTOM = 500_000, 1_200_000
CONFIG = """\
version: 1
name: Made city
inputs:
  population_fine: {path: people.tif, year: 2020}
  settlements: {path: settlements.gpkg, id_field: code, name_field: name}
  study_area: {path: area.gpkg}
  buildings: {path: buildings.gpkg, id_field: nr}
  streets: {path: streets.gpkg}
  services:
    water: {path: water.gpkg}
  enumeration:
    table: {path: enumeration.csv}
    mapping: {path: mapping.yaml}
  tenure:
    parties: {path: parties.csv}
    spatial_units: {path: plots.gpkg}
    rights: {path: rights.csv}
settlements:
  blocks: {new_paths: {cost_per_m: 10}}
  tenure: {reference_date: 2020-12-31}
regions:
  - name: made
  - name: no_grid
    inputs: {population_fine: null}
output: {directory: out}
"""
MAPPING = """\
title: made up
id_column: place
variables:
  households: {column: homes}
  population: {column: people}
  water:
    column: water
    answers: {tap: piped_regular, river: surface}
"""


def place(*parts: float) -> shapely.Polygon:
    return shapely.box(LEFT + parts[0], BOTTOM + parts[1], LEFT + parts[2], BOTTOM + parts[3])


def save(folder: Path, file: str, shapes: list[shapely.Geometry], **columns: object) -> None:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_file(folder / file)


def write_city(folder: Path) -> Path:
    """Write two settlements of one street block each: 5 x 5 buildings in the first, 2 x 2 in the second."""
    blocks = [place(0, 0, 100, 100), place(200, 0, 300, 100)]
    save(folder, "settlements.gpkg", blocks, code=[1, 2], name=["North", None])
    save(folder, "area.gpkg", [place(0, 0, 300, 100)])
    link = shapely.LineString([(LEFT + 100, BOTTOM), (LEFT + 200, BOTTOM)])
    save(folder, "streets.gpkg", [*(block.exterior for block in blocks), link])
    near = [place(20 * i + 5, 20 * j + 5, 20 * i + 15, 20 * j + 15) for j in range(5) for i in range(5)]
    far = [place(200 + 50 * i + 20, 50 * j + 20, 200 + 50 * i + 30, 50 * j + 30) for j in range(2) for i in range(2)]
    save(folder, "buildings.gpkg", [*near, *far], nr=list(range(100, 129)))
    save(folder, "water.gpkg", [shapely.Point(LEFT, BOTTOM)])
    # Plots of 20 of the 25 buildings: ten with a deed, ten by lease.
    plots = [place(20 * i, 20 * j, 20 * i + 20, 20 * j + 20) for j in range(4) for i in range(5)]
    ids = [f"u{number:02d}" for number in range(20)]
    save(folder, "plots.gpkg", plots, unit_id=ids, level=["parcel"] * 20)
    people = {"party_id": ids, "name": ["Zoraida Quispe"] * 20, "sex": ["female", "male"] * 10, "age": [40] * 20}
    pd.DataFrame({**people, "household_id": ids, "settlement_id": "1"}).to_csv(folder / "parties.csv", index=False)
    rights = {"party_id": ids, "unit_id": ids, "tenure_type": ["freehold"] * 10 + ["lease"] * 10, "share": 1.0}
    documented = {"documented": ["registered"] * 10 + ["none"] * 10, "perceived": "secure", "may_bequeath": "yes"}
    pd.DataFrame({**rights, **documented}).to_csv(folder / "rights.csv", index=False)
    (folder / "enumeration.csv").write_text("place,homes,people,water\n1,25,120,tap\n2,75,,river\n")
    (folder / "mapping.yaml").write_text(MAPPING)
    profile = {"driver": "GTiff", "width": 5, "height": 3, "count": 1, "dtype": "float32", "nodata": -1}
    with rasterio.open(
        folder / "people.tif", "w", crs=CRS, transform=Affine(100, 0, LEFT - 100, 0, -100, BOTTOM + 200), **profile
    ) as file:
        cells = np.full((3, 5), 10, np.float32)
        cells[1, 1], cells[1, 3] = 100, 50
        file.write(cells, 1)
    (folder / "city.yaml").write_text(CONFIG)
    return folder / "city.yaml"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    path = write_city(folder)
    result = CliRunner().invoke(app, ["run", str(path), "--workers", "1", "--quiet"])
    assert result.exit_code == 0, result.output
    return folder / "out"


def layer(out: Path, name: str, region: str = "made") -> pd.DataFrame:
    return gpd.read_file(out / region / f"{region}.gpkg", layer=name)


class TestSettlements:
    def test_street_access(self, out: Path) -> None:
        blocks = layer(out, "street_blocks").set_index("layers")
        assert blocks.loc["16,8,1", "k"] == 3
        assert blocks.loc["4", "k"] == 1
        assert blocks.loc["16,8,1", "share_bldg_layer_ge3"] == pytest.approx(1 / 25)
        found = layer(out, "settlements").set_index("settlement_id")
        assert found["k_max"].tolist() == [3, 1]
        assert found["k_mean_bldg"].tolist() == pytest.approx([35 / 25, 1])
        assert found["n_buildings"].tolist() == [25, 4]

    def test_form(self, out: Path) -> None:
        found = layer(out, "settlements").set_index("settlement_id")
        assert found["building_area_median_m2"].tolist() == pytest.approx([100, 100])
        assert found["footprint_coverage_share"].tolist() == pytest.approx([0.25, 0.04])
        assert found["buildings_per_ha"].tolist() == pytest.approx([25, 4])
        assert "orientation_order_filled" not in pd.read_parquet(out / "made/tables/settlement_form.parquet")

    def test_people_three_ways(self, out: Path) -> None:
        found = layer(out, "settlements").set_index("settlement_id")
        assert found["population_gridded"].tolist() == pytest.approx([100, 50])
        assert found["population_building_based"].tolist() == pytest.approx([100, 50])
        assert found["population_enumerated"].isna().tolist() == [False, True]
        assert found["population"].tolist() == pytest.approx([120, 50])
        assert found["population_source"].tolist() == ["enumerated", "building_based"]
        assert found.loc["1", "ratio_gridded_enumerated"] == pytest.approx(100 / 120)

    def test_settlements_and_remainder_make_the_total(self, out: Path) -> None:
        totals = layer(out, "settlement_population_totals").set_index("ground")["population_gridded"]
        assert totals.to_dict() == pytest.approx({"settlements": 150, "remainder": 130, "total": 280}, abs=1e-9)
        manifest = json.loads((out / "made/manifest.json").read_text())
        assert manifest["results"]["settlements_population_gridded"]["total"] == pytest.approx(280)

    def test_profile(self, out: Path) -> None:
        shares = layer(out, "profile_shares").query("variable == 'water' and word == 'piped_regular'")
        found = shares.set_index("weighting")["share"]
        assert found.to_dict() == pytest.approx({"settlements": 0.5, "households": 0.25})
        assert set(shares["settlement_id"]) == {"all"}
        assert layer(out, "settlements")["water"].tolist() == ["piped_regular", "surface"]

    def test_tenure(self, out: Path) -> None:
        found = layer(out, "settlements").set_index("settlement_id")
        assert found.loc["1", "main_tenure_share"] == pytest.approx(0.5)
        assert found.loc["1", "documented_share"] == pytest.approx(0.5)
        assert found.loc["1", "perceived_share"] == pytest.approx(1.0)
        assert found.loc["1", "n_boundary_conflicts"] == 0
        assert pd.isna(found.loc["2", "documented_share"])

    def test_gaps_leave_streets_out_and_name_buildings(self, out: Path) -> None:
        row = layer(out, "tenure_conflicts").set_index("settlement_id").loc["1"]
        # The top row of 2,000 m2, without 3 m of street on three of its sides.
        assert row["gap_m2"] == pytest.approx((100 - 6) * (20 - 3), abs=0.2)
        assert (row["n_buildings"], row["n_buildings_no_unit"]) == (25, 5)

    def test_new_paths_serve_households_and_cost(self, out: Path) -> None:
        paths = layer(out, "new_paths")
        assert paths["n_buildings"].sum() == 9
        assert paths["n_households"].sum() == pytest.approx(9)
        assert paths["cost"].sum() == pytest.approx(10 * paths["length_m"].sum())
        assert (paths["block_bound_ratio"] >= 1 - 1e-9).all()

    def test_way_to_water(self, out: Path) -> None:
        access = layer(out, "settlement_access").query("settlement_id == '1'").set_index("within_m")
        assert set(access["distance"]) == {"street"}
        assert access.loc[250, "homes_share"] == 1.0


class TestLayers:
    @pytest.mark.parametrize("region", ["made", "no_grid"])
    def test_every_layer_is_as_declared(self, out: Path, region: str) -> None:
        names = gpd.list_layers(out / region / f"{region}.gpkg")["name"]
        ours = [name for name in names if name in LAYERS]
        assert {"settlements", "street_blocks", "buildings", "tenure_shares", "profile_shares"} <= set(ours)
        for name in ours:
            frame = layer(out, name, region)
            declared = {field.name for field in LAYERS[name].fields}
            assert set(frame.columns) - {"geometry"} <= declared
            conform(name, frame if LAYERS[name].has_geometry else pd.DataFrame(frame))

    def test_without_a_grid_nobody_is_counted_who_was_not(self, out: Path) -> None:
        found = layer(out, "settlements", "no_grid").set_index("settlement_id")
        assert found.loc["1", "population"] == 120
        assert pd.isna(found.loc["2", "population"])
        assert found["population_gridded"].isna().all()
        assert found["k_max"].tolist() == [3, 1]
        manifest = json.loads((out / "no_grid/manifest.json").read_text())
        assert "settlements_population_gridded" not in manifest["results"]

    def test_no_name_leaves_the_register(self, out: Path) -> None:
        files = [path for path in out.rglob("*") if path.is_file()]
        assert len(files) > 20
        assert not [path for path in files if b"Zoraida" in path.read_bytes() or b"Quispe" in path.read_bytes()]

    def test_report_names_settlements_and_sources(self, out: Path) -> None:
        text = (out / "made/report.html").read_text()
        assert "2 informal settlements on 2 hectares" in text
        assert "Thresholds of form in this city" in text
        assert "first plan to talk about" in text
