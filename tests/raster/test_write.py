"""Windows in any order become the same valid Cloud Optimized GeoTIFF."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio._err import CPLE_AppDefinedError
from rio_cogeo.cogeo import cog_validate

from geo_profiling.errors import OutputError, UsageError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.write import create_raster

GRID = Grid(CRS("ESRI:54009"), Affine(1000, 0, -5000, 0, -1000, 7000), (1100, 1300))
CLASSES: NDArray[Any] = (
    np.random.default_rng(5).choice([30, 23, 22, 21, 13, 12, 11, 10, -32768], GRID.shape).astype("int16")
)


def write(path: Path, tile: int, *, seed: int | None = None, values: NDArray[Any] = CLASSES) -> bytes:
    windows = list(GRID.tiles(tile))
    if seed is not None:
        random.Random(seed).shuffle(windows)
    with create_raster(path, GRID, dtype=values.dtype, nodata=-32768, threads=2) as writer:
        for window in windows:
            writer.write(window, values[window.slices])
    return path.read_bytes()


def test_same_bytes_for_any_window_size_and_order(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.tif", 2048)
    for tile, seed in [(512, None), (512, 1), (64, 2), (1000, 3)]:
        assert write(tmp_path / f"{tile}_{seed}.tif", tile, seed=seed) == whole
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_is_a_valid_cog_with_the_cells_that_were_given(tmp_path: Path) -> None:
    path = tmp_path / "classes.tif"
    with create_raster(
        path, GRID, dtype="int16", nodata=-32768, description="degurba_l2", tags={"RULES": "2024"}
    ) as writer:
        writer.write(GRID.window, CLASSES)
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), CLASSES)
        assert dataset.nodata == -32768
        assert dataset.transform == GRID.transform
        assert CRS.from_wkt(dataset.crs.to_wkt()) == GRID.crs
        assert dataset.descriptions == ("degurba_l2",)
        assert dataset.tags()["RULES"] == "2024"
        assert dataset.compression.value == "DEFLATE"
        assert dataset.overviews(1) == [2, 4]
        overview = dataset.read(1, out_shape=(550, 650))
    assert set(np.unique(overview)) <= set(np.unique(CLASSES)), "an overview of classes holds classes only"


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_values_are_lossless(tmp_path: Path, dtype: str) -> None:
    values = (np.random.default_rng(1).random(GRID.shape) * 200).astype(dtype)
    path = tmp_path / "values.tif"
    with create_raster(path, GRID, dtype=dtype, nodata=None) as writer:
        writer.write(GRID.window, values)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)
        assert dataset.nodata is None


def test_nan_may_be_nodata(tmp_path: Path) -> None:
    with create_raster(tmp_path / "a.tif", GRID, dtype="float32", nodata=float("nan")) as writer:
        writer.write(GRID.window, np.full(GRID.shape, np.nan, "float32"))
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert np.isnan(dataset.nodata)


def test_one_cell_raster(tmp_path: Path) -> None:
    grid = Grid(CRS("EPSG:3035"), Affine(100, 0, 0, 0, -100, 0), (1, 1))
    with create_raster(tmp_path / "one.tif", grid, dtype="int16", nodata=-32768) as writer:
        writer.write(grid.window, np.array([[3]], "int16"))
    with rasterio.open(tmp_path / "one.tif") as dataset:
        assert dataset.read(1).tolist() == [[3]]


def write_one_window(path: Path, *, then: Exception | None = None) -> None:
    window = Window(0, 0, 512, 512)
    with create_raster(path, GRID, dtype="int16", nodata=-32768) as writer:
        writer.write(window, CLASSES[window.slices])
        if then is not None:
            raise then


def test_missing_cells_are_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "classes.tif"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="262,144 of 1,430,000 cells were written"):
        write_one_window(path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["classes.tif"]


def test_a_failure_while_computing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="computation"):
        write_one_window(tmp_path / "a.tif", then=RuntimeError("computation"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["build_overviews", "copy"])
def test_a_driver_that_fails_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise CPLE_AppDefinedError(3, 1, "TIFFAppendToStrip: write error")

    monkeypatch.setattr(rasterio.shutil if failing == "copy" else rasterio.io.DatasetWriter, failing, fail)
    path = tmp_path / "classes.tif"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"classes\.tif: cannot be written: .*write error"):
        write(path, 512)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["classes.tif"]


def test_windows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with create_raster(tmp_path / "a.tif", GRID, dtype="int16", nodata=-32768) as writer:
        window = Window(0, 0, 512, 512)
        with pytest.raises(UsageError, match="window of"):
            writer.write(window, CLASSES[:512, :511])
        with pytest.raises(UsageError, match="int16 cells given"):
            writer.write(window, np.zeros((512, 512), "float32"))
        with pytest.raises(UsageError, match="outside"):
            writer.write(Window(1000, 0, 512, 512), CLASSES[:512, :512])
        for part in GRID.tiles(512):
            writer.write(part, CLASSES[part.slices])
        with pytest.raises(UsageError, match="written before"):
            writer.write(window, CLASSES[:512, :512])
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), CLASSES)
