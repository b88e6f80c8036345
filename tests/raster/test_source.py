"""DataArrays as sources: nodata, types, orientation, chunks and crops."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import CRSError, GridError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import ArraySource, CroppedSource, Source, float_type, grid_of, wrap

MOLLWEIDE = CRS("ESRI:54009")
GRID = Grid(MOLLWEIDE, Affine(1000, 0, 2e5, 0, -500, 5e6), (4, 6))
VALUES = np.arange(24.0).reshape(4, 6)


@pytest.mark.parametrize("shape", [(4, 6), (1, 6), (4, 1), (1, 1)])
@pytest.mark.parametrize("crs", ["ESRI:54009", "EPSG:3035", "EPSG:4326"])
def test_grid_survives_the_way_through_a_dataarray(shape, crs):
    step = 0.01 if crs == "EPSG:4326" else 1000.0
    grid = Grid(CRS(crs), Affine(step, 0, 3.0, 0, -step, 50.0), shape)
    assert grid_of(wrap(np.zeros(shape), grid)).aligned_with(grid)


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ("uint8", "float32"), ("int16", "float32"), ("uint16", "float32"), ("int32", "float64"),
        ("uint32", "float64"), ("int64", "float64"), ("float16", "float32"), ("float32", "float32"),
        ("float64", "float64"),
    ],
)  # fmt: skip
def test_float_type_holds_every_value(stored, wanted):
    assert float_type(np.dtype(stored)) == np.dtype(wanted)
    if np.dtype(stored).kind in "iu" and np.dtype(stored).itemsize <= 4:
        limits = np.iinfo(stored)
        assert all(int(np.dtype(wanted).type(value)) == value for value in (limits.min, limits.max))


def test_nodata_of_integers_and_floats_becomes_nan():
    data = wrap(
        np.array([[1, -200], [0, 7]], np.int16), Grid(MOLLWEIDE, Affine(1, 0, 0, 0, -1, 2), (2, 2)), nodata=-200
    )
    np.testing.assert_array_equal(ArraySource(data).read(Window(0, 0, 2, 2)), [[1, np.nan], [0, 7]])
    floats = data.astype(float)
    floats.attrs = {"nodata": -200}
    floats.values[1, 0] = np.nan
    np.testing.assert_array_equal(ArraySource(floats).read(Window(0, 0, 2, 2)), [[1, np.nan], [np.nan, 7]])
    assert data.values[0, 1] == -200


def test_read_is_a_copy():
    data = wrap(VALUES.copy(), GRID)
    ArraySource(data).read(GRID.window)[:] = -1
    assert (data.values == VALUES).all()


def test_south_up_array_is_turned():
    data = wrap(VALUES, GRID).isel(y=slice(None, None, -1))
    source = ArraySource(data)
    assert source.grid.aligned_with(GRID)
    for window in GRID.tiles((2, 4)):
        np.testing.assert_array_equal(source.read(window), VALUES[window.slices])


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4), st.integers(1, 6))
def test_dask_backed_array_reads_as_the_plain_one(chunk_rows, chunk_cols, rows, cols):
    source = ArraySource(wrap(VALUES, GRID).chunk({"y": chunk_rows, "x": chunk_cols}))
    assert source.block_shape == (chunk_rows, chunk_cols)
    for window in GRID.tiles((rows, cols)):
        np.testing.assert_array_equal(source.read(window), VALUES[window.slices])


@given(st.data())
def test_crop_of_a_crop_reads_the_same_cells(data):
    row, col = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 4))
    outer = CroppedSource(ArraySource(wrap(VALUES, GRID), "people"), Window(row, col, 4 - row, 6 - col))
    inner = CroppedSource(outer, Window(1, 1, 3 - row, 5 - col))
    assert isinstance(inner, Source)
    np.testing.assert_array_equal(inner.read(Window(0, 0, 3 - row, 5 - col)), VALUES[row + 1 :, col + 1 :])
    assert inner.grid == GRID.crop(Window(row + 1, col + 1, 3 - row, 5 - col))
    assert (inner.name, inner.dtype, inner.block_shape) == ("people", np.dtype(float), (4, 6))


def test_source_can_be_sent_to_workers():
    source = ArraySource(wrap(VALUES, GRID), "people")
    copy = pickle.loads(pickle.dumps(source))
    assert copy.grid == source.grid
    np.testing.assert_array_equal(copy.read(GRID.window), VALUES)


def test_arrays_that_are_no_grid_are_refused():
    with pytest.raises(GridError, match="people: 3 dimensions"):
        grid_of(wrap(VALUES, GRID).expand_dims("band"), name="people")
    with pytest.raises(CRSError, match="no coordinate reference system"):
        grid_of(xr.DataArray(VALUES, {"y": np.arange(4.0)[::-1], "x": np.arange(6.0)}, ("y", "x")), name="people")
    for uneven in ({"x": [0, 1, 3, 5]}, {"y": [0, 1, 3]}, {"x": [0, 1, 1, 2]}):
        with pytest.raises(GridError, match=r"people: the coordinates .* evenly spaced"):
            grid_of(wrap(VALUES, GRID).isel(uneven), name="people")
    with pytest.raises(GridError, match=r"people: the dimensions are \('x', 'y'\)") as found:
        grid_of(wrap(VALUES, GRID).transpose("x", "y"), name="people")
    assert found.value.hint == "transpose it"


def test_part_of_an_array_has_the_grid_of_its_cells():
    part = wrap(VALUES, GRID).isel(x=slice(2, 5), y=slice(1, 2))
    assert grid_of(part).aligned_with(GRID.crop(Window(1, 2, 1, 3)))
    every_other = grid_of(wrap(VALUES, GRID).isel(x=slice(None, None, 2)))
    assert every_other.cell_size == (2000.0, 500.0)
    in_degrees = wrap(VALUES, GRID).rename(y="latitude", x="longitude")
    assert grid_of(in_degrees) == GRID
    rounded = wrap(VALUES, GRID).assign_coords(y=wrap(VALUES, GRID).y.astype(np.float32))
    assert grid_of(rounded).aligned_with(GRID)
