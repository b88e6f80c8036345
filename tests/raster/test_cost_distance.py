from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo_profiling.compute import Compute
from geo_profiling.errors import CRSError, GridError, UsageError, ValueRangeError
from geo_profiling.raster.cost_distance import cost_distance, travel_times
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import wrap

#: Width, height and diagonal are whole: with frictions in 64ths every sum of steps is exact in floats too.
EXACT_CELL = (300.0, 400.0)


def by_dijkstra(friction, sources, cell_size):
    """Times and nearest sources from scipy, source by source; of equal times the smaller id."""
    rows, cols = friction.shape
    number = np.arange(rows * cols).reshape(rows, cols)
    start, stop, weight = [], [], []
    width, height = cell_size
    for down, right, length in (
        (0, 1, width),
        (1, 0, height),
        (1, 1, math.hypot(width, height)),
        (1, -1, math.hypot(width, height)),
    ):
        here = slice(0, rows - down), slice(max(0, -right), cols - max(0, right))
        there = slice(down, rows), slice(max(0, right), cols - max(0, -right))
        step = length * (friction[here].astype(float) + friction[there]) / 2
        passable = np.isfinite(step)
        start.append(number[here][passable])
        stop.append(number[there][passable])
        weight.append(step[passable])
    edges = (np.concatenate(start), np.concatenate(stop))
    graph = coo_array((np.concatenate(weight), edges), shape=(rows * cols, rows * cols)).tocsr()
    ids = np.unique(sources[sources > 0])
    times = np.array(
        [dijkstra(graph, directed=False, indices=number[sources == i], min_only=True).reshape(rows, cols) for i in ids]
    )
    minutes = times.min(axis=0)
    reached = np.isfinite(minutes)
    return np.where(reached, minutes, np.nan), np.where(reached, ids[times.argmin(axis=0)], 0)


@st.composite
def cases(draw):
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    sixty_fourths = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 12)))
    friction = np.where(sixty_fourths > 0, sixty_fourths / 64, np.nan).astype(np.float32)
    sources = draw(hnp.arrays(np.int32, shape, elements=st.sampled_from([0, 0, 0, 0, 0, 1, 2, 9])))
    sources.flat[draw(st.integers(0, sources.size - 1))] = 5
    return friction, sources


@settings(max_examples=150)
@given(cases(), st.integers(1, 16), st.sampled_from([1, 2]))
def test_equals_dijkstra_bit_for_bit_with_ties_and_obstacles(case, tile_size, threads):
    friction, sources = case
    minutes, nearest = travel_times(
        friction, sources, cell_size=EXACT_CELL, tile_size=tile_size, compute=Compute(threads=threads)
    )
    expected, ids = by_dijkstra(friction, sources, EXACT_CELL)
    np.testing.assert_array_equal(minutes, expected)
    np.testing.assert_array_equal(nearest, ids)


@pytest.mark.parametrize("cell_size", [(1000.0, 1000.0), (90.0, 31.0)])
@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_equals_dijkstra_on_rough_ground_in_many_waves(cell_size, spread):
    rng = np.random.default_rng(3)
    friction = np.exp(rng.normal(-6.5, spread, (90, 120)))
    friction[rng.random(friction.shape) < 0.2] = np.nan
    sources = np.zeros(friction.shape, np.int32)
    sources[rng.integers(0, 90, 6), rng.integers(0, 120, 6)] = np.arange(1, 7)
    expected, ids = by_dijkstra(friction, sources, cell_size)
    for tile_size in (16, 33, 500):
        minutes, nearest = travel_times(friction, sources, cell_size=cell_size, tile_size=tile_size)
        np.testing.assert_allclose(minutes, expected, rtol=1e-9, atol=1e-7)
        assert (nearest == ids).all()


def test_bytes_do_not_depend_on_tiles_or_threads():
    rng = np.random.default_rng(4)
    friction = np.exp(rng.normal(-5, 1, (150, 170))).astype(np.float32)
    sources = np.zeros(friction.shape, np.int32)
    sources[rng.integers(0, 150, 20), rng.integers(0, 170, 20)] = np.arange(1, 21)
    one = travel_times(friction, sources, cell_size=(1000, 1000), compute=Compute(threads=1))
    for tile_size, threads in ((1, 2), (13, 2), (64, 4), (1000, 2)):
        if tile_size == 1:
            part = friction[:20, :20], sources[:20, :20] | np.eye(20, dtype=np.int32)
            small = travel_times(*part, cell_size=(1000, 1000), tile_size=1, compute=Compute(threads=threads))
            whole = travel_times(*part, cell_size=(1000, 1000))
            assert all(a.tobytes() == b.tobytes() for a, b in zip(small, whole, strict=True))
            continue
        two = travel_times(
            friction, sources, cell_size=(1000, 1000), tile_size=tile_size, compute=Compute(threads=threads)
        )
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


def test_a_wall_is_walked_around_and_a_closed_one_is_not_passed():
    friction = np.full((5, 5), 0.01)
    friction[:4, 2] = np.nan
    sources = np.zeros((5, 5), np.int32)
    sources[0, 0] = 1
    minutes, _ = travel_times(friction, sources, cell_size=(100, 100))
    assert minutes[0, 4] == pytest.approx(4 + 4 * math.sqrt(2))  # down, diagonally through the gap, up
    friction[4, 2] = np.nan
    minutes, nearest = travel_times(friction, sources, cell_size=(100, 100))
    assert np.isnan(minutes[:, 2:]).all()
    assert (nearest[:, 2:] == 0).all()


def test_a_tie_goes_to_the_smaller_id_and_is_handed_on():
    sources = np.array([[9, 0, 0, 0, 2]], np.int32)
    _, nearest = travel_times(np.full((1, 5), 0.01), sources, cell_size=(100, 100))
    assert nearest.tolist() == [[9, 9, 2, 2, 2]]
    # The tied cell is the only way into the stem: all of it goes with the tie.
    friction = np.full((4, 5), np.nan)
    friction[0], friction[:, 2] = 0.01, 0.01
    sources = np.zeros((4, 5), np.int32)
    sources[0] = [9, 0, 0, 0, 2]
    _, nearest = travel_times(friction, sources, cell_size=(100, 100), tile_size=2)
    assert nearest[:, 2].tolist() == [2, 2, 2, 2]


def test_diagonal_of_cells_that_are_not_square():
    sources = np.array([[1, 0], [0, 0]], np.int32)
    minutes, _ = travel_times(np.full((2, 2), 1 / 64), sources, cell_size=(300, 400))
    assert minutes.tolist() == [[0, 300 / 64], [400 / 64, 500 / 64]]


def test_max_minutes_is_reached_and_not_passed():
    friction, sources = np.full((1, 6), 1 / 64), np.array([[3, 0, 0, 0, 0, 0]], np.int32)
    minutes, nearest = travel_times(friction, sources, cell_size=(64, 64), max_minutes=3)
    np.testing.assert_array_equal(minutes, [[0, 1, 2, 3, np.nan, np.nan]])
    assert nearest.tolist() == [[3, 3, 3, 3, 0, 0]]


def test_a_source_on_impassable_ground_is_itself_and_leads_nowhere():
    minutes, nearest = travel_times(np.array([[np.nan, 0.01]]), np.array([[1, 0]], np.int32), cell_size=(100, 100))
    np.testing.assert_array_equal(minutes, [[0, np.nan]])
    assert nearest.tolist() == [[1, 0]]


def test_no_source_reaches_nothing():
    minutes, nearest = travel_times(np.full((3, 3), 0.01), np.zeros((3, 3), np.int32), cell_size=(100, 100))
    assert np.isnan(minutes).all()
    assert not nearest.any()


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "2 zero or negative"), (-9999.0, "2 zero or negative"), (np.inf, "2 infinite"), (1e9, "2 above")],
)
def test_friction_that_cannot_be_is_refused_by_count_and_place(value, words):
    friction = np.full((3, 4), 0.01)
    friction[1, 2] = friction[2, 0] = value
    with pytest.raises(ValueRangeError, match=f"{words}.* row 1, column 2"):
        travel_times(friction, np.eye(3, 4, dtype=np.int32), cell_size=(100, 100))


def test_arguments_that_cannot_be_meant_are_refused():
    good = np.full((2, 2), 0.01), np.eye(2, dtype=np.int32)
    with pytest.raises(UsageError, match="max_minutes"):
        travel_times(*good, cell_size=(1, 1), max_minutes=0)
    with pytest.raises(UsageError, match="tile_size"):
        travel_times(*good, cell_size=(1, 1), tile_size=0)
    with pytest.raises(UsageError, match="shape"):
        travel_times(good[0][:1], good[1], cell_size=(1, 1))
    with pytest.raises(ValueRangeError, match="negative"):
        travel_times(good[0], -good[1], cell_size=(1, 1))


def test_data_arrays_must_share_a_grid_in_metres():
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 2))
    other = Grid(CRS("ESRI:54009"), Affine(1000, 0, 500, 0, -1000, 0), (2, 2))
    degrees = Grid(CRS("EPSG:4326"), Affine(0.1, 0, 0, 0, -0.1, 0), (2, 2))
    friction, sources = np.full((2, 2), 0.01), np.eye(2, dtype=np.int32)
    with pytest.raises(GridError):
        cost_distance(wrap(friction, grid), wrap(sources, other))
    with pytest.raises(CRSError):
        cost_distance(wrap(friction, degrees), wrap(sources, degrees))


def test_a_south_up_array_gives_the_same_times():
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 3))
    friction = wrap(np.array([[1, 2, 3], [4, 5, 6]]) / 1000, grid)
    sources = wrap(np.array([[1, 0, 0], [0, 0, 2]], np.int32), grid)
    up, turned = cost_distance(friction, sources), cost_distance(friction[::-1], sources[::-1])
    np.testing.assert_array_equal(up.minutes, turned.minutes)
    np.testing.assert_array_equal(up.source, turned.source)
