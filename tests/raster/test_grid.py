"""Grids and windows as values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import GridError
from geo_profiling.raster.grid import Grid, Window

MOLLWEIDE = CRS("ESRI:54009")
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def grid_of(shape, *, left=2e5, top=5e6, width=1000.0, height=1000.0, crs=MOLLWEIDE) -> Grid:
    return Grid(crs, Affine(width, 0, left, 0, -height, top), shape)


@given(SHAPES, st.integers(1, 50), st.integers(1, 50))
def test_tiles_cover_every_cell_once_row_by_row(shape, rows, cols):
    grid, count = grid_of(shape), np.zeros(shape, int)
    tiles = list(grid.tiles((rows, cols)))
    for tile in tiles:
        assert tile.height <= rows
        assert tile.width <= cols
        count[tile.slices] += 1
    assert (count == 1).all()
    assert [(tile.row, tile.col) for tile in tiles] == sorted((tile.row, tile.col) for tile in tiles)
    assert list(grid.tiles(rows)) == list(grid.tiles((rows, rows)))


@given(SHAPES, st.data(), st.integers(0, 9))
def test_halo_stays_on_the_grid_and_holds_the_window(shape, data, halo):
    row, col = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
    window = Window(row, col, data.draw(st.integers(1, shape[0] - row)), data.draw(st.integers(1, shape[1] - col)))
    wide = window.expand(halo, within=shape)
    assert (wide.row, wide.col) == (max(0, row - halo), max(0, col - halo))
    assert wide.row_stop == min(shape[0], window.row_stop + halo)
    assert wide.col_stop == min(shape[1], window.col_stop + halo)


@given(SHAPES, st.data())
def test_crop_keeps_every_cell_in_its_place(shape, data):
    grid = grid_of(shape, width=250.0, height=400.0)
    row, col = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
    part = grid.crop(Window(row, col, shape[0] - row, shape[1] - col))
    assert part.transform * (0, 0) == grid.transform * (col, row)
    assert part.bounds[2:] + part.bounds[:0] == (grid.bounds[2], part.transform.f)
    assert part.bounds[1] == grid.bounds[1]
    assert part.cell_area_km2 == 0.1


@pytest.mark.parametrize(
    "transform",
    [
        Affine(1000, 0, 0, 0, 1000, 0),
        Affine(-1000, 0, 0, 0, -1000, 0),
        Affine(1000, 1, 0, 0, -1000, 0),
        Affine(1000, 0, 0, 5, -1000, 0),
        Affine(0, 0, 0, 0, -1000, 0),
        Affine(1000, 0, math.nan, 0, -1000, 0),
        Affine(math.inf, 0, 0, 0, -1000, 0),
    ],
)
def test_only_north_up_grids_exist(transform):
    with pytest.raises(GridError, match="not a north-up grid"):
        Grid(MOLLWEIDE, transform, (3, 3))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (-1, 3)])
def test_empty_grid_is_refused(shape):
    with pytest.raises(GridError, match="holds nothing"):
        grid_of(shape)


def test_aligned_up_to_rounding_and_no_further():
    grid = grid_of((300, 200))
    assert grid.aligned_with(grid_of((300, 200), left=2e5 + 1e-4))
    assert not grid.aligned_with(grid_of((300, 200), left=2e5 + 1.0))
    assert not grid.aligned_with(grid_of((300, 200), top=5e6 + 1000))
    assert not grid.aligned_with(grid_of((300, 201)))
    assert not grid.aligned_with(grid_of((300, 200), crs=CRS("EPSG:3035")))
    # The corners meet, and after 300 rows the cells are a third of a cell apart.
    assert not grid.aligned_with(grid_of((300, 200), height=1001.0))
    assert grid.aligned_with(grid_of((300, 200), crs=CRS(MOLLWEIDE.to_wkt())))


def test_grids_that_do_not_fit_are_both_described():
    with pytest.raises(GridError, match=r"POP\.tif and LAND\.tif.*3 x 4 cells.*3 x 5 cells.*ESRI:54009") as found:
        grid_of((3, 4)).require_aligned(grid_of((3, 5)), what="POP.tif and LAND.tif")
    assert "regrid" in found.value.hint
