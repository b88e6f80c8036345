"""Awkward but valid rasters are read right, by windows, threads and processes alike."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.read import RasterFile, open_raster, raster_info, raster_value_findings, to_dataarray
from geo_profiling.raster.source import ArraySource, Source, wrap

NORTH_UP = Affine(1000, 0, 200_000, 0, -1000, 6_000_000)
GRID = Grid(parse_crs("ESRI:54009", what=""), NORTH_UP, (64, 80))
VALUES = np.arange(64 * 80, dtype="float32").reshape(64, 80)


def write(path: Path, values: np.ndarray = VALUES, *, mask: np.ndarray | None = None, **profile: Any) -> Path:
    bands = values if values.ndim == 3 else values[np.newaxis]
    options = {"crs": "ESRI:54009", "transform": NORTH_UP, "dtype": bands.dtype.name} | profile
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", count=bands.shape[0], height=bands.shape[1], width=bands.shape[2], **options
        ) as dataset,
    ):
        dataset.write(bands)
        if mask is not None:
            dataset.write_mask(mask)
    return path


def whole(raster: Source) -> np.ndarray:
    return raster.read(raster.grid.window)


def test_a_raster_file_is_a_source(tmp_path: Path) -> None:
    raster = open_raster(write(tmp_path / "pop.tif"), name="population", quantity="count")
    assert isinstance(raster, Source)
    assert raster.grid == GRID
    assert (raster.name, raster.dtype, raster.band) == ("population", np.dtype("float32"), 1)
    assert np.array_equal(whole(raster), VALUES)
    assert whole(raster).flags.c_contiguous


@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 32}, {"blockysize": 5}])
@pytest.mark.parametrize("compress", ["none", "deflate", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("bigtiff", ["YES", "NO"])
def test_every_layout_reads_the_same(tmp_path: Path, layout: dict[str, Any], compress: str, bigtiff: str) -> None:
    path = write(tmp_path / "pop.tif", compress=compress, BIGTIFF=bigtiff, **layout)
    raster = open_raster(path)
    assert np.array_equal(whole(raster), VALUES)
    with rasterio.open(path) as dataset:
        assert raster.block_shape == dataset.block_shapes[0]


def test_big_endian_files_read_the_same(tmp_path: Path) -> None:
    assert np.array_equal(whole(open_raster(write(tmp_path / "pop.tif", ENDIANNESS="BIG"))), VALUES)


@settings(max_examples=40)
@given(st.data())
def test_windows_are_the_whole_cut_up(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("windows")
    turn = data.draw(st.sampled_from(sorted(TURNED)))
    stored, transform = TURNED[turn]
    raster = open_raster(
        write(folder / "pop.tif", stored, transform=transform, tiled=True, blockxsize=16, blockysize=16)
    )
    row, col = data.draw(st.integers(0, 63)), data.draw(st.integers(0, 79))
    window = Window(row, col, data.draw(st.integers(1, 64 - row)), data.draw(st.integers(1, 80 - col)))
    assert np.array_equal(raster.read(window), VALUES[window.slices])


# Stored values and transform of the same ground, stored otherwise.
TURNED = {
    "north-up": (VALUES, NORTH_UP),
    "south-up": (VALUES[::-1], Affine(1000, 0, 200_000, 0, 1000, 5_936_000)),
    "mirrored": (VALUES[:, ::-1], Affine(-1000, 0, 280_000, 0, -1000, 6_000_000)),
    "upside down": (VALUES[::-1, ::-1], Affine(-1000, 0, 280_000, 0, 1000, 5_936_000)),
    "turned by 90 degrees": (VALUES.T[:, ::-1], Affine(0, 1000, 200_000, 1000, 0, 5_936_000)),
    "turned by 270 degrees": (VALUES.T[::-1], Affine(0, -1000, 280_000, -1000, 0, 6_000_000)),
    "transposed": (VALUES.T, Affine(0, 1000, 200_000, -1000, 0, 6_000_000)),
}


@pytest.mark.parametrize("turn", TURNED)
def test_turned_rasters_come_out_north_up(tmp_path: Path, turn: str) -> None:
    stored, transform = TURNED[turn]
    raster = open_raster(write(tmp_path / "pop.tif", np.ascontiguousarray(stored), transform=transform))
    assert raster.grid == GRID
    assert np.array_equal(whole(raster), VALUES)
    assert whole(raster).flags.c_contiguous


@pytest.mark.parametrize(
    ("dtype", "read_as"),
    [
        ("uint8", "float32"),
        ("int16", "float32"),
        ("uint16", "float32"),
        ("int32", "float64"),
        ("uint32", "float64"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_stored_types_and_nodata(tmp_path: Path, dtype: str, read_as: str) -> None:
    values = (VALUES % 100).astype(dtype)
    top = np.iinfo(dtype).max if dtype[0] in "iu" else -200
    values[3, 4] = top
    raster = open_raster(write(tmp_path / "pop.tif", values, nodata=top), quantity="count")
    expected = values.astype(read_as)
    expected[3, 4] = np.nan
    assert whole(raster).dtype == np.dtype(read_as)
    assert np.array_equal(whole(raster), expected, equal_nan=True)


def test_integers_beyond_single_precision_stay_exact(tmp_path: Path) -> None:
    values = np.full((4, 4), 2**31 + 1, "uint32")
    assert whole(open_raster(write(tmp_path / "land.tif", values)))[0, 0] == 2**31 + 1


def test_least_float_as_nodata_however_it_was_rounded(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[1, 1] = np.finfo("float32").min
    raster = open_raster(write(tmp_path / "pop.tif", values, nodata=-3.40282e38), quantity="count")
    assert np.isnan(whole(raster)[1, 1])
    assert np.count_nonzero(np.isnan(whole(raster))) == 1


def test_scale_and_offset_are_applied_after_nodata(tmp_path: Path) -> None:
    values = np.full((4, 4), 10, "int16")
    values[0, 1] = -7
    path = write(tmp_path / "depth.tif", values, nodata=-7)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.5,), (100.0,)
    read = whole(open_raster(path, quantity="depth"))
    assert read[0, 0] == 105.0
    assert np.isnan(read[0, 1])


def test_internal_mask_and_alpha_band(tmp_path: Path) -> None:
    mask = np.full(VALUES.shape, 255, "uint8")
    mask[10:20, 5:9] = 0
    expected = np.where(mask == 0, np.nan, VALUES)
    # What lies under a mask is no value, however absurd.
    hidden = np.where(mask == 0, np.float32(-9999), VALUES)
    masked = open_raster(write(tmp_path / "masked.tif", hidden, mask=mask), quantity="count")
    assert masked.masked
    assert np.array_equal(whole(masked), expected, equal_nan=True)
    bands = np.stack([VALUES % 200, mask.astype("float32")]).astype("uint8")
    alpha = open_raster(write(tmp_path / "alpha.tif", bands, ALPHA="YES", PHOTOMETRIC="MINISBLACK"))
    assert np.array_equal(whole(alpha), np.where(mask == 0, np.nan, bands[0]), equal_nan=True)


def test_palettes_are_codes(tmp_path: Path) -> None:
    path = write(tmp_path / "classes.tif", (VALUES % 4).astype("uint8"))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (0, 0, 0, 255), 3: (255, 0, 0, 255)})
    assert np.array_equal(whole(open_raster(path, quantity="class")), VALUES % 4)


@pytest.mark.parametrize("shape", [(1, 1), (64, 1), (1, 80)])
def test_one_row_one_column(tmp_path: Path, shape: tuple[int, int]) -> None:
    values = np.ones(shape, "float32")
    assert whole(open_raster(write(tmp_path / "pop.tif", values))).shape == shape


def test_blocks_that_were_never_written_are_nodata(tmp_path: Path) -> None:
    path = tmp_path / "pop.tif"
    profile = {"width": 512, "height": 512, "count": 1, "dtype": "float32", "crs": "ESRI:54009", "transform": NORTH_UP}
    with rasterio.open(
        path, "w", driver="GTiff", tiled=True, blockxsize=256, blockysize=256, SPARSE_OK="TRUE", nodata=-1.0, **profile
    ) as dataset:
        dataset.write(np.full((256, 256), 3, "float32"), 1, window=rasterio.windows.Window(256, 0, 256, 256))
    read = whole(open_raster(path, quantity="count"))
    assert np.nansum(read) == 3 * 256 * 256
    assert np.count_nonzero(np.isnan(read)) == 3 * 256 * 256


def test_one_band_of_several(tmp_path: Path) -> None:
    path = write(tmp_path / "years.tif", np.stack([VALUES, VALUES + 1]))
    assert np.array_equal(whole(open_raster(path, band=2)), VALUES + 1)


def test_declared_crs_serves_a_file_without_one(tmp_path: Path) -> None:
    path = write(tmp_path / "pop.tif", crs=None)
    assert open_raster(path, crs="ESRI:54009").grid == GRID
    agreeing = write(tmp_path / "own.tif")
    assert open_raster(agreeing, crs="ESRI:54009").grid == GRID


def test_declared_nodata_replaces_the_file_s(tmp_path: Path) -> None:
    path = write(tmp_path / "pop.tif", nodata=7.0)
    assert np.isnan(whole(open_raster(path))[0, 7])
    assert whole(open_raster(path, nodata=np.nan))[0, 7] == 7.0
    assert np.isnan(whole(open_raster(path, nodata=9.0))[0, 9])


def test_fill_values_are_believed_when_nodata_is_declared_by_the_caller(tmp_path: Path) -> None:
    deep = VALUES.copy()
    deep[0, 0] = -9999
    path = write(tmp_path / "bathymetry.tif", deep)
    with pytest.raises(InputError, match="is -9999"):
        whole(open_raster(path))
    assert whole(open_raster(path, nodata=-32767))[0, 0] == -9999


def test_world_raster_in_degrees(tmp_path: Path) -> None:
    # GHSL and WorldPop grids pass the poles and the antimeridian by fractions of a cell.
    values = np.ones((180, 361), "float32")
    path = write(tmp_path / "world.tif", values, crs="EPSG:4326", transform=Affine(1, 0, -180.4, 0, -1, 90.0))
    assert open_raster(path).grid.shape == (180, 361)


def test_world_raster_in_mollweide(tmp_path: Path) -> None:
    values = np.ones((180, 360), "float32")
    transform = Affine(100_267, 0, -18_048_060, 0, -100_267, 9_024_030)
    assert open_raster(write(tmp_path / "world.tif", values, transform=transform)).grid.shape == (180, 360)


def test_threads_processes_and_the_calling_thread_agree(tmp_path: Path) -> None:
    path = write(tmp_path / "pop.tif", tiled=True, blockxsize=16, blockysize=16, compress="zstd")
    raster = open_raster(path, quantity="count")
    windows = list(raster.grid.tiles(24))
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(raster.read, windows * 5))
    copied: RasterFile = pickle.loads(pickle.dumps(raster))
    assert copied == raster
    for window, values in zip(windows * 5, threaded, strict=True):
        assert np.array_equal(values, VALUES[window.slices])
        assert np.array_equal(copied.read(window), values)


def test_windows_outside_are_refused(tmp_path: Path) -> None:
    raster = open_raster(write(tmp_path / "pop.tif"))
    for window in (Window(-1, 0, 2, 2), Window(60, 0, 5, 5), Window(0, 79, 1, 2)):
        with pytest.raises(UsageError, match="outside the raster"):
            raster.read(window)


def test_a_file_that_changes_while_in_use_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "pop.tif")
    raster = open_raster(path)
    write(path, VALUES + 1)
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match="the file changed while it was in use"):
        whole(raster)


def test_dataarray_keeps_grid_and_values(tmp_path: Path) -> None:
    data = to_dataarray(open_raster(write(tmp_path / "pop.tif", nodata=0.0), name="population"))
    assert data.name == "population"
    assert ArraySource(data).grid == GRID
    assert np.isnan(data.values[0, 0])


def test_info_is_plain(tmp_path: Path) -> None:
    path = write(tmp_path / "pop.tif", np.stack([VALUES, VALUES]), nodata=-1, compress="deflate")
    info = raster_info(path)
    assert (info["rows"], info["columns"], info["crs"], info["unit"]) == (64, 80, "ESRI:54009", "metre")
    assert [band["nodata"] for band in info["bands"]] == [-1, -1]
    assert info["bounds"] == [200_000, 5_936_000, 280_000, 6_000_000]
    assert (info["compression"], info["stored"]) == ("deflate", "north-up")


# What makes the values, quantity, severities, words of the first message.
FOUND: dict[str, tuple[Callable[[], np.ndarray], dict[str, Any], str, list[str], str]] = {
    "clean": (lambda: VALUES, {}, "count", [], ""),
    "negative": (lambda: cell(-2), {}, "count", ["error"], "1 cells are negative"),
    "fill value": (lambda: cell(-9999), {}, "any", ["error"], "is not declared as nodata"),
    "infinite": (lambda: cell(np.inf), {}, "any", ["error"], "inf stands in 1 cells"),
    "too great": (lambda: cell(2e10), {}, "count", ["error"], "too great for a count"),
    "all nodata": (lambda: np.full((64, 80), -1, "float32"), {"nodata": -1}, "count", ["error"], "holds no data"),
    "255 undeclared": (lambda: cell(255, "uint8"), {}, "count", ["error"], "probably undeclared nodata"),
    "255 often in floats": (lambda: np.where(VALUES < 900, 255, 1), {}, "count", ["warning"], "undeclared nodata"),
    "255 once in floats": (lambda: np.minimum(VALUES, 255)[:3, :86], {}, "count", [], ""),
    "255 among codes": (lambda: cell(255, "uint8"), {}, "class", [], ""),
    "0 declared": (lambda: VALUES, {"nodata": 0}, "count", ["warning"], "0 is declared as nodata"),
    "all zero": (lambda: VALUES * 0, {}, "count", ["warning"], "every cell with data is 0"),
    "percentages as area": (lambda: VALUES % 101, {}, "area", ["warning"], "little for square metres"),
}


def cell(value: float, dtype: str = "float32") -> np.ndarray:
    values = (VALUES % 100).astype(dtype)
    values[5, 7] = value
    return values


@pytest.mark.parametrize("case", FOUND)
def test_value_findings(tmp_path: Path, case: str) -> None:
    make, profile, quantity, severities, message = FOUND[case]
    values = make()
    values = values.astype("float32") if values.dtype.kind != "u" else values
    raster = open_raster(write(tmp_path / "pop.tif", values, **profile), quantity=quantity)
    found = raster_value_findings(raster, quantity=quantity, compute=Compute(threads=2))
    assert [finding.severity for finding in found] == severities
    assert all(message in finding.message and finding.remedy and finding.input == "pop.tif" for finding in found)


def test_value_findings_name_the_first_cell_in_any_tiling(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[[40, 50], [70, 3]] = -5
    raster = open_raster(write(tmp_path / "pop.tif", values), quantity="count")
    for source in (raster, ArraySource(wrap(values, GRID), "pop.tif")):
        (found,) = raster_value_findings(source, quantity="count")
        assert found.place == "row 40, column 70 (x 270500, y 5959500)"
        assert found.message.startswith("2 cells are negative (-5 here)")


def test_real_grids_are_clean(shared_data: Path) -> None:
    for name, quantity in (("POP", "count"), ("BUILT_S", "area"), ("LAND", "area")):
        raster = open_raster(shared_data / "belgium" / f"{name}.tif", quantity=quantity)
        assert raster_value_findings(raster, quantity=quantity) == []
    total = np.nansum(whole(open_raster(shared_data / "belgium" / "POP.tif", quantity="count")))
    assert total == pytest.approx(20_602_095.7, abs=1)
