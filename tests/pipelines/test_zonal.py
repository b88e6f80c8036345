"""The zonal command: ids as they came, NULL where nothing is covered, one column for each raster and statistic."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from geo_profiling.errors import CRSError, InputError, UsageError
from pipelines.zonal import zonal_command

POPULATION = np.arange(64, dtype=np.float32).reshape(8, 8)


def test_csv_with_known_sums(city: Path, tmp_path: Path) -> None:
    zonal_command(
        [tmp_path / "pop.tif"], tmp_path / "units.gpkg", tmp_path / "o.csv", stats=["sum", "count"], id_field="code"
    )
    expected = [POPULATION[:4, :4], POPULATION[:4, 4:], POPULATION[4:, :4], POPULATION[4:, 4:]]
    lines = [f"{code},{part.sum()},16.0" for code, part in zip(["001", "002", "010", "100"], expected, strict=True)]
    assert (tmp_path / "o.csv").read_text().splitlines() == ["code,sum,count", *lines]


@pytest.mark.parametrize(
    ("id_field", "ids"), [("number", [1, 2, 3, 4]), (None, [0, 1, 2, 3]), ("code", ["001", "002", "010", "100"])]
)
def test_ids_keep_their_type(city: Path, tmp_path: Path, id_field: str | None, ids: list[object]) -> None:
    out = tmp_path / "o.parquet"
    zonal_command([tmp_path / "pop.tif"], tmp_path / "units.gpkg", out, stats=["mean"], id_field=id_field)
    table = pq.read_table(out)
    assert table.column_names == [id_field or "fid", "mean"]
    assert table.column(0).to_pylist() == ids


def test_several_rasters_name_their_columns(city: Path, tmp_path: Path) -> None:
    rasters = [tmp_path / "pop.tif", tmp_path / "built.tif"]
    zonal_command(rasters, tmp_path / "units.gpkg", tmp_path / "o.csv", stats=["sum", "max"], id_field="code")
    table = pd.read_csv(tmp_path / "o.csv")
    assert list(table.columns) == ["code", "pop_sum", "pop_max", "built_sum", "built_max"]
    np.testing.assert_allclose(table["built_sum"], 16 * np.float32(0.3))


def test_nothing_covered_is_count_zero_and_null(city: Path, tmp_path: Path, units: gpd.GeoDataFrame) -> None:
    units.loc[3, "geometry"] = shapely.box(90_000, 0, 91_000, 1000)
    units.to_file(tmp_path / "far.gpkg")
    zonal_command(
        [tmp_path / "pop.tif"],
        tmp_path / "far.gpkg",
        tmp_path / "o.csv",
        stats=["sum", "count", "min"],
        id_field="code",
    )
    assert (tmp_path / "o.csv").read_text().splitlines()[-1] == "100,,0.0,"
    zonal_command(
        [tmp_path / "pop.tif"], tmp_path / "far.gpkg", tmp_path / "o.gpkg", stats=["sum", "count"], id_field="code"
    )
    written = pyogrio.read_dataframe(tmp_path / "o.gpkg")
    assert written["sum"].isna().tolist() == [False, False, False, True]
    assert written["count"].tolist() == [16.0, 16.0, 16.0, 0.0]


def test_geopackage_keeps_geometry_and_row_numbers_from_zero(
    city: Path, tmp_path: Path, units: gpd.GeoDataFrame
) -> None:
    zonal_command([tmp_path / "pop.tif"], tmp_path / "units.gpkg", tmp_path / "o.gpkg", stats=["sum"])
    written = pyogrio.read_dataframe(tmp_path / "o.gpkg")
    assert written["fid"].tolist() == [0, 1, 2, 3]
    assert written.geometry.geom_equals(units.geometry).all() or written.area.tolist() == units.area.tolist()
    before = (tmp_path / "o.gpkg").read_bytes()
    zonal_command([tmp_path / "pop.tif"], tmp_path / "units.gpkg", tmp_path / "o.gpkg", stats=["sum"])
    assert (tmp_path / "o.gpkg").read_bytes() == before


def test_zones_in_another_crs_are_reprojected_with_a_note(
    city: Path, tmp_path: Path, units: gpd.GeoDataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    units.to_crs("EPSG:4326").to_file(tmp_path / "degrees.gpkg")
    with caplog.at_level(logging.INFO, logger="geo_profiling"):
        for zones, out in [("units.gpkg", "a.csv"), ("degrees.gpkg", "b.csv")]:
            zonal_command([tmp_path / "pop.tif"], tmp_path / zones, tmp_path / out, stats=["sum"], id_field="code")
    assert caplog.messages == [
        "degrees.gpkg: zones reprojected from EPSG:4326 to ESRI:54009, the CRS of pop.tif",
    ]
    same, moved = (pd.read_csv(tmp_path / name)["sum"] for name in ("a.csv", "b.csv"))
    np.testing.assert_allclose(moved, same, rtol=1e-3)


Prepare = Callable[[Path, gpd.GeoDataFrame], None]


def far_away(folder: Path, units: gpd.GeoDataFrame) -> None:
    units.translate(500_000).to_frame("geometry").assign(code=units["code"]).to_file(folder / "units.gpkg")


def without_crs(folder: Path, units: gpd.GeoDataFrame) -> None:
    (folder / "units.gpkg").unlink()
    units.set_crs(None, allow_override=True).to_parquet(folder / "units.gpkg")


def repeated_ids(folder: Path, units: gpd.GeoDataFrame) -> None:
    units.assign(code=["001", "002", "002", "100"]).to_file(folder / "units.gpkg")


def bow_tie(folder: Path, units: gpd.GeoDataFrame) -> None:
    units.loc[1, "geometry"] = shapely.Polygon([(0, 0), (4000, 4000), (4000, 0), (0, 4000)])
    units.to_file(folder / "units.gpkg")


def truncated_raster(folder: Path, _: gpd.GeoDataFrame) -> None:
    content = (folder / "pop.tif").read_bytes()
    (folder / "pop.tif").write_bytes(content[: len(content) // 2])


def disguised(folder: Path, _: gpd.GeoDataFrame) -> None:
    (folder / "pop.tif").write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (far_away, InputError, "no zone overlaps pop.tif"),
        (without_crs, CRSError, "units.gpkg"),
        (repeated_ids, InputError, "code 002"),
        (bow_tie, InputError, "002"),
        (truncated_raster, InputError, "pop.tif"),
        (disguised, InputError, "pop.tif: is XML by its content"),
    ],
)
def test_bad_input_is_refused_by_name_and_old_output_stays(
    city: Path, tmp_path: Path, units: gpd.GeoDataFrame, spoil: Prepare, kind: type[InputError], words: str
) -> None:
    (tmp_path / "o.csv").write_text("old")
    spoil(tmp_path, units)
    with pytest.raises(kind, match=words):
        zonal_command(
            [tmp_path / "pop.tif"], tmp_path / "units.gpkg", tmp_path / "o.csv", stats=["sum"], id_field="code"
        )
    assert (tmp_path / "o.csv").read_text() == "old"
    assert not [path for path in tmp_path.iterdir() if "geo-tmp" in path.name]


def test_calls_that_cannot_be_meant(city: Path, tmp_path: Path) -> None:
    pop, zones = tmp_path / "pop.tif", tmp_path / "units.gpkg"
    with pytest.raises(UsageError, match=r"format '\.xlsx' is not known"):
        zonal_command([pop], zones, tmp_path / "o.xlsx", stats=["sum"])
    with pytest.raises(UsageError, match="is one of the inputs"):
        zonal_command([pop], zones, zones, stats=["sum"])
    with pytest.raises(UsageError, match="several rasters are called pop"):
        zonal_command([pop, pop], zones, tmp_path / "o.csv", stats=["sum"])
    with pytest.raises(UsageError, match="median"):
        zonal_command([pop], zones, tmp_path / "o.csv", stats=["median"])
