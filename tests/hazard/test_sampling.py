"""Values at single cells: any block shape, off the grid, classes and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dask.array
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.compute import Compute
from geo_profiling.errors import ValueRangeError
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.sampling import cell_values, cells_at, class_codes
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.source import ArraySource, wrap

UTM = CRS("EPSG:32638")
FLOOD = HazardKind("flood")


def _grid(rows: int, cols: int) -> Grid:
    return Grid(UTM, Affine(10, 0, 0, 0, -10, 10 * rows), (rows, cols))


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
def test_any_block_shape_gives_the_cells_asked_for(rows: int, cols: int, high: int, wide: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((rows, cols))
    chunks = (min(high, rows), min(wide, cols))
    source = ArraySource(wrap(dask.array.from_array(values, chunks=chunks), _grid(rows, cols)), "depth")
    row, col = rng.integers(0, rows, 50), rng.integers(0, cols, 50)
    row[::7] = col[::7] = -1
    found = cell_values(source, row, col, compute=Compute(threads=2))
    assert np.array_equal(found, np.where(row < 0, np.nan, values[row, col]), equal_nan=True)


def test_a_large_tiled_file_is_read_where_cells_are_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.random((3000, 2500), dtype=np.float32)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": UTM.to_wkt(), "height": 3000, "width": 2500}
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256, "transform": _grid(3000, 2500).transform}
    with rasterio.open(tmp_path / "depth.tif", "w", **profile, **tiles) as dataset:
        dataset.write(values, 1)
    row, col = rng.integers(0, 3000, 999), rng.integers(0, 2500, 999)
    found = cell_values(open_raster(tmp_path / "depth.tif"), row, col)
    assert found.dtype == np.float32
    assert np.array_equal(found, values[row, col])


def test_no_cells_at_all() -> None:
    source = ArraySource(wrap(np.zeros((2, 2)), _grid(2, 2)), "depth")
    none = np.empty(0, np.int64)
    assert cell_values(source, none, none).shape == (0,)
    assert np.isnan(cell_values(source, np.array([-1]), np.array([-1]))).all()


def test_points_on_borders_lie_right_and_below_and_on_the_far_border_off_the_grid() -> None:
    x = np.array([0.0, 10.0, 20.0, 19.99, -0.01, np.inf, np.nan])
    y = np.array([20.0, 10.0, 5.0, 0.0, 5.0, 5.0, 5.0])
    rows, columns = cells_at(x, y, _grid(2, 2))
    assert rows.tolist() == [0, 1, -1, -1, -1, -1, -1]
    assert columns.tolist() == [0, 1, -1, -1, -1, -1, -1]


def _classes(values: list[float], kind: HazardKind = FLOOD, outside: list[bool] | None = None) -> list[str]:
    is_outside = np.array(outside or [False] * len(values))
    codes = class_codes(np.array(values), is_outside, kind=kind, name="rp10.tif")
    return [kind.bands.classes[code] for code in codes]


def test_dry_unknown_and_outside_stay_apart() -> None:
    values, outside = [0.0, np.nan, np.nan, 0.6], [False, False, True, False]
    assert _classes(values, outside=outside) == ["dry", "unknown", "outside", "0.5-1.5"]
    assert _classes(values, replace(FLOOD, nodata_means="dry"), outside) == ["dry", "dry", "outside", "0.5-1.5"]


def test_a_depth_beyond_all_water_is_refused() -> None:
    with pytest.raises(ValueRangeError, match=r"rp10\.tif: a value of 9999 m") as caught:
        _classes([0.2, 9999.0])
    assert "--hazard-unit cm" in caught.value.hint


def test_many_depths_of_a_dozen_metres_are_another_unit() -> None:
    deep = [15.0] * 15 + [2.0] * 10
    with pytest.raises(ValueRangeError, match="15 of 25 depths read are beyond 10 m"):
        _classes(deep)
    assert set(_classes(deep, replace(FLOOD, unit="cm"))) == {"<0.15", "0.15-0.5"}
    assert _classes([15.0, 15.0]) == [">=1.5"] * 2
