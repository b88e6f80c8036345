"""The sample city: drawn by its script, consistent in itself, and as its README says."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
from geopandas.testing import assert_geodataframe_equal
from numpy.typing import NDArray
from packaging.requirements import Requirement
from scipy import ndimage

#: Whatever takes part in drawing or packing a byte.
DRAWING_TOOLS = ("numpy", "scipy", "shapely", "pandas", "geopandas", "pyproj", "pyogrio", "pyarrow", "rasterio")


def data_files(folder: Path) -> dict[str, Path]:
    return {
        path.name: path for path in sorted(folder.iterdir()) if path.suffix in {".tif", ".gpkg", ".csv", ".parquet"}
    }


def cells(path: Path) -> NDArray[np.float64]:
    with rasterio.open(path) as raster:
        return np.asarray(raster.read(1, masked=True).astype(np.float64).filled(np.nan))


@pytest.fixture(scope="module")
def redrawn(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("sample")
    subprocess.run([sys.executable, "-B", str(sample_data / "make_sample.py"), "--out", str(out)], check=True)
    return data_files(out)


def drawn_with_these_tools(repository: Path) -> bool:
    """Tell whether the installed tools are those that drew the committed files: the pins for Python 3.11 on Linux."""
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    oldest = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate({"python_version": "3.11"})
    }
    return sys.platform == "linux" and all(version(tool) == oldest[tool] for tool in DRAWING_TOOLS)


def test_the_script_draws_every_file_and_no_other(sample_data: Path, redrawn: dict[str, Path]) -> None:
    assert set(redrawn) == set(data_files(sample_data))
    listed = (sample_data / "README.md").read_text()
    assert [name for name in redrawn if f"`{name}`" not in listed] == []


def test_drawing_again_gives_the_same_city(sample_data: Path, redrawn: dict[str, Path]) -> None:
    for name, committed in data_files(sample_data).items():
        if committed.suffix == ".tif":
            with rasterio.open(committed) as old, rasterio.open(redrawn[name]) as new:
                assert old.profile == new.profile, name
                np.testing.assert_array_equal(old.read(1), new.read(1), err_msg=name)
        elif committed.suffix == ".gpkg":
            for layer, _ in pyogrio.list_layers(committed):
                assert_geodataframe_equal(
                    gpd.read_file(committed, layer=layer), gpd.read_file(redrawn[name], layer=layer)
                )
        elif committed.suffix == ".parquet":
            assert_geodataframe_equal(gpd.read_parquet(committed), gpd.read_parquet(redrawn[name]))
        else:
            assert committed.read_text() == redrawn[name].read_text(), name


def test_drawing_again_gives_the_same_bytes(repository: Path, sample_data: Path, redrawn: dict[str, Path]) -> None:
    if not drawn_with_these_tools(repository):
        pytest.skip("other versions than those that packed the committed files (constraints.txt, Python 3.11)")
    differing = [
        name for name, path in data_files(sample_data).items() if path.read_bytes() != redrawn[name].read_bytes()
    ]
    assert differing == []


def test_fine_population_sums_to_the_coarse_one(sample_data: Path) -> None:
    with (
        rasterio.open(sample_data / "population_2020_100m.tif") as fine,
        rasterio.open(sample_data / "population_2020_1km.tif") as coarse,
    ):
        assert fine.crs == coarse.crs
        row, column = coarse.index(fine.bounds.left + 50, fine.bounds.top - 50)
        rows, columns = fine.height // 10, fine.width // 10
    people = cells(sample_data / "population_2020_100m.tif").reshape(rows, 10, columns, 10)
    window = cells(sample_data / "population_2020_1km.tif")[row : row + rows, column : column + columns]
    np.testing.assert_array_equal(np.nansum(people, axis=(1, 3)), np.nan_to_num(window))
    np.testing.assert_array_equal(np.isnan(people).all(axis=(1, 3)), np.isnan(window))


@pytest.mark.parametrize("year", [2010, 2020])
def test_people_and_buildings_stand_on_land(sample_data: Path, year: int) -> None:
    people, land = cells(sample_data / f"population_{year}_1km.tif"), cells(sample_data / "land_1km.tif")
    built_up = cells(sample_data / f"built_up_{year}_1km.tif")
    np.testing.assert_array_equal(np.isnan(people), land == 0)
    assert (np.nan_to_num(people) >= 0).all()
    assert (people[land == 0] > 0).sum() == 0
    assert (built_up <= land).all()
    assert land.max() == 1_000_000


def test_municipalities_partition_the_province(sample_data: Path) -> None:
    units = gpd.read_file(sample_data / "municipalities.gpkg")
    regions = gpd.read_file(sample_data / "regions.gpkg")
    whole = units.union_all()
    assert len(units) == 23
    assert pd.api.types.is_string_dtype(units["unit_id"])
    assert units["unit_id"].is_unique
    assert units["unit_id"].str.fullmatch(r"04\d{3}").all()
    assert units.is_valid.all()
    assert units.area.sum() == pytest.approx(whole.area, rel=1e-9)
    assert regions.area.sum() == pytest.approx(whole.area, rel=1e-9)
    assert set(units["region_id"]) == set(regions["region_id"])
    holes = [ring for part in whole.geoms for ring in part.interiors]
    assert holes == [], "a gap between municipalities"
    assert units.area.min() < 1_000_000 < units.area.max()


def test_settlements_lie_in_the_province_and_are_dense(sample_data: Path) -> None:
    settlements = gpd.read_file(sample_data / "informal_settlements.gpkg")
    province = gpd.read_file(sample_data / "municipalities.gpkg").union_all()
    assert settlements.is_valid.all()
    assert settlements["settlement_id"].is_unique
    assert settlements.within(province).all()
    assert settlements.area.between(50_000, 600_000).all()


def test_towns_pass_or_fail_the_threshold_of_an_urban_centre_as_designed(sample_data: Path) -> None:
    people = np.nan_to_num(cells(sample_data / "population_2020_1km.tif"))
    land_share = cells(sample_data / "land_1km.tif") / 1e6
    density = np.divide(people, land_share, out=np.zeros_like(people), where=land_share > 0)
    labels, count = ndimage.label(density >= 1_500)
    size = np.sort(ndimage.sum_labels(people, labels, np.arange(1, count + 1)))[::-1]
    assert 1_100_000 < size[0] < 1_300_000  # Port Serrano
    assert 120_000 < size[1] < 200_000  # Vado Real
    assert ((size[2:5] > 50_000) & (size[2:5] < 60_000)).all()  # Puebla del Mar, Las Salinas, Playa Larga
    assert 45_000 < size[5] < 50_000  # Torre Blanca
    assert (size[6:] < 30_000).all()


def test_workers_in_flows_are_employed_residents(sample_data: Path) -> None:
    units = gpd.read_file(sample_data / "municipalities.gpkg")["unit_id"]
    flows = pd.read_csv(sample_data / "commuting_flows_2020.csv", dtype={"origin": str, "destination": str})
    employed = pd.read_csv(sample_data / "employed_residents_2020.csv", dtype={"code": str}).set_index("code")
    assert list(employed.index) == list(units)
    assert set(flows["origin"]) | set(flows["destination"]) <= set(units)
    commuters = flows.groupby("origin")["workers"].sum().reindex(units).fillna(0)
    assert (commuters <= employed["employed_residents_total"]).all()
    assert (flows["workers"] > 0).all()
    assert employed.loc["04022", "employed_residents_total"] == 0  # nobody lives there


def test_floods_deepen_with_their_return_period(sample_data: Path) -> None:
    paths = sorted(sample_data.glob("river_flood_depth_rp*.tif"))
    depths = [cells(path) for path in paths]
    wet = [int((depth >= 0.15).sum()) for depth in depths]
    assert len(paths) == 6
    for shallow, deep in pairwise(depths):
        np.testing.assert_array_equal(np.isnan(shallow), np.isnan(deep))
        assert (np.nan_to_num(deep) >= np.nan_to_num(shallow)).all()
    assert wet == sorted(wet)
    assert 0 < wet[0] < wet[-1] < depths[0].size / 10


def test_buildings_stand_apart_from_each_other_and_from_streets(sample_data: Path) -> None:
    houses = gpd.read_parquet(sample_data / "buildings.parquet")
    assert houses["building_id"].is_unique
    assert houses.is_valid.all()
    left, right = houses.sindex.query(houses.geometry, predicate="intersects")
    assert (left == right).all()
    streets = gpd.read_file(sample_data / "streets.gpkg")
    planned = streets[streets["highway"] == "residential"]
    assert len(planned.sindex.query(houses.geometry, predicate="intersects")[0]) == 0


def test_settlements_are_crowded_and_hold_few_streets(sample_data: Path) -> None:
    houses = gpd.read_parquet(sample_data / "buildings.parquet")
    outlines = gpd.read_file(sample_data / "informal_settlements.gpkg")
    inside = houses.geometry.centroid.within(outlines.union_all())
    assert inside.sum() > 15_000
    assert houses.area[inside].median() < 45 < houses.area[~inside].median()
    streets = gpd.read_file(sample_data / "streets.gpkg").geometry.union_all()
    within = streets.intersection(outlines.buffer(-3).union_all()).length / (outlines.area.sum() / 10_000)
    assert within < 40  # metres per hectare
