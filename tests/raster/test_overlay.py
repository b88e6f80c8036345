"""The common refinement of grids: every cell in one cell of each, areas kept, lines exact at edges."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.raster.coverage import coverage_fractions, coverage_runs, new_scratch
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.overlay import Overlay, cut_edges
from geo_profiling.raster.zone_plan import plan_units, zone_rings

MOLLWEIDE = CRS("ESRI:54009")


def grid(cell: float, left: float = 0.0, top: float = 1000.0, shape: tuple[int, int] = (10, 10)) -> Grid:
    return Grid(MOLLWEIDE, Affine(cell, 0, left, 0, -cell, top), shape)


@settings(max_examples=30)
@given(
    cell=st.sampled_from([20.0, 50.0, 100.0, 130.0, 333.3, 5000.0]),
    left=st.floats(-300, 300),
    seed=st.integers(0, 999),
)
def test_zones_keep_their_area_in_every_cell_of_the_base(cell: float, left: float, seed: int) -> None:
    base = grid(100.0)
    overlay = Overlay(base, (grid(cell, left, 1000.0 + left / 3),))
    corners = np.random.default_rng(seed).uniform(-200, 1200, (6, 2))
    zone = shapely.MultiPoint(corners).convex_hull
    plan = overlay.plan(zone_rings(np.array([zone], dtype=object)))
    units = [overlay.bent(unit) for unit in plan_units(plan, overlay.grid, block_shape=(256, 256))]
    assert len(units) <= 1
    out = np.zeros(base.shape)
    places, heights, widths = overlay.base_places(Window(0, 0, *overlay.grid.shape))
    for unit in units:
        shares = np.zeros(overlay.grid.shape)
        for piece in unit.pieces:
            scratch = new_scratch(unit.pieces)
            for k in range(coverage_runs(unit.edges, piece, scratch)):
                row, col, length = scratch[2][k]
                shares[piece["row"] + row, piece["col"] + col : piece["col"] + col + length] += scratch[3][k]
        np.add.at(out, (places.rows[:, None], places.cols[None, :]), shares * heights[:, None] * widths[None, :])
    assert np.abs(out - coverage_fractions(zone, base)).max() < 1e-8


def test_edges_that_agree_but_for_rounding_are_one() -> None:
    overlay = Overlay(grid(100.0), (grid(50.0, 1e-9, 1000.0 - 1e-9, (20, 20)),))
    assert overlay.grid.shape == (20, 20)
    assert overlay.col_breaks == pytest.approx(np.arange(21) / 2)


def test_cells_off_the_other_grid_are_outside() -> None:
    overlay = Overlay(grid(100.0), (grid(100.0, 500.0),))
    places = overlay.places(grid(100.0, 500.0), overlay.grid.window)
    assert places.cols.tolist() == [-1] * 5 + [0, 1, 2, 3, 4]
    spread = places.spread(np.full((10, 5), 7, np.uint8), (10, 10), outside=0)
    assert (spread[:, :5] == 0).all()
    assert (spread[:, 5:] == 7).all()


def test_grids_that_do_not_meet_have_no_window() -> None:
    overlay = Overlay(grid(100.0), (grid(100.0, 90_000.0),))
    assert overlay.places(grid(100.0, 90_000.0), overlay.grid.window).window is None


def test_a_grid_in_another_crs_is_met_by_smaller_cells() -> None:
    base = Grid(CRS("EPSG:32638"), Affine(100, 0, 700_000, 0, -100, 1_100_000), (20, 20))
    other = Grid(CRS("EPSG:4326"), Affine(0.001, 0, 46.8, 0, -0.001, 9.97), (60, 60))
    overlay = Overlay(base, (other,))
    assert overlay.grid.shape[0] % base.shape[0] == 0
    assert overlay.grid.shape[0] >= 4 * base.shape[0]


@settings(max_examples=50)
@given(points=st.lists(st.tuples(*[st.floats(-3, 13)] * 4), min_size=1, max_size=6))
def test_edges_are_cut_at_every_border_and_stay_where_they_are(points: list[tuple[float, ...]]) -> None:
    edges = np.array(points)
    breaks = np.arange(11.0)
    pieces, starts = cut_edges(edges, breaks, breaks)
    assert starts[0] == 0
    assert starts[-1] == len(pieces)
    assert pieces[starts[:-1], :2] == pytest.approx(edges[:, :2])
    assert pieces[starts[1:] - 1, 2:] == pytest.approx(edges[:, 2:])
    before = np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1])
    lengths = np.hypot(pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1])
    assert np.add.reduceat(lengths, starts[:-1]) == pytest.approx(before, rel=1e-9, abs=1e-9)
    # no piece crosses the inside of a border
    for first, second in ((pieces[:, 0], pieces[:, 2]), (pieces[:, 1], pieces[:, 3])):
        low, high = np.minimum(first, second), np.maximum(first, second)
        inner = (np.floor(low) + 1 < np.ceil(high)) & (high > 0) & (low < 10)
        beyond = (np.floor(low) < 0) | (np.ceil(high) > 10)
        assert not (inner & ~beyond).any()
