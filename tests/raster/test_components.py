"""Components across tiles: the same partition and sums as scipy's, for any tiling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from geo_profiling.raster.components import (
    FIXED_POINT,
    join_tiles,
    label_runs,
    label_tile,
    pad_to_words,
    runs_of_bit,
    size_class,
    sum_by_component,
    tile_components,
)

STRUCTURES = {4: ndimage.generate_binary_structure(2, 1), 8: ndimage.generate_binary_structure(2, 2)}
BREAKS = (3.0, 8.0, 20.0)


@st.composite
def masks(draw) -> np.ndarray:
    """Draw noise of any density, or blocks and thin lines that wind through many tiles."""
    shape = draw(st.tuples(st.integers(1, 23), st.integers(1, 40)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.4, 0.6, 0.9, 1.0]))
    if draw(st.booleans()):
        mask[::2] = True
        mask[1::4, :1] = True
        mask[3::4, -1:] = True
    return mask


def padded(mask: np.ndarray, bit: int = 1) -> np.ndarray:
    codes = np.zeros((mask.shape[0], pad_to_words(mask.shape[1])), np.uint8)
    codes[:, : mask.shape[1]] = np.where(mask, bit, 0)
    return codes


def painted(runs, values, shape) -> np.ndarray:
    out = np.zeros(shape, np.int64)
    for row, start, stop, value in zip(runs.rows, runs.start, runs.stop, values, strict=True):
        out[row, start:stop] = value
    return out


def same_partition(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether two label grids (0 outside) put the same cells together."""
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    inside = pairs[:, (pairs != 0).any(axis=0)]
    return bool((inside != 0).all() and len(set(inside[0])) == len(set(inside[1])) == inside.shape[1])


def tiled(mask, connectivity, weights, tile, breaks=BREAKS):
    """Label a mask tile by tile; give identity and size class of each cell."""
    rows, cols = mask.shape
    windows = [
        (slice(top, min(top + tile[0], rows)), slice(left, min(left + tile[1], cols)))
        for top in range(0, rows, tile[0])
        for left in range(0, cols, tile[1])
    ]
    codes = [padded(mask[window]) for window in windows]
    parts = [
        tile_components(code, 1, connectivity, np.ascontiguousarray(weights[window]), breaks)
        for code, window in zip(codes, windows, strict=True)
    ]
    joined = join_tiles(parts, -(-cols // tile[1]), connectivity, breaks)
    identity, size = np.zeros(mask.shape, np.int64), np.full(mask.shape, -1)
    for index, (code, window) in enumerate(zip(codes, windows, strict=True)):
        shape = mask[window].shape
        runs, labels, *_ = label_tile(code, 1, connectivity, shape[1])
        identity[window] = painted(runs, joined.identities(index)[labels] + 1, shape)
        size[window] = painted(runs, joined.classes(index)[labels].astype(int) + 1, shape) - 1
    return joined, identity, size


@settings(max_examples=80)
@given(masks(), st.sampled_from([1, 4, 128]))
def test_runs_are_the_cells_of_the_mask(mask, bit):
    other = 255 - bit
    codes = padded(mask, bit) | np.where(np.arange(pad_to_words(mask.shape[1])) % 3, other, 0).astype(np.uint8)
    codes[:, mask.shape[1] :] = 0
    runs = runs_of_bit(np.ascontiguousarray(codes), bit)
    np.testing.assert_array_equal(painted(runs, np.ones(runs.start.size), mask.shape), mask)
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(int), axis=1)
    assert runs.start.size == (edges == 1).sum()


def test_more_runs_than_the_first_buffer_holds():
    mask = np.zeros((40, 200), bool)
    mask[:, ::2] = True
    runs = runs_of_bit(padded(mask), 1)
    assert runs.start.size == 4000
    assert label_runs(runs, 4)[1] == 100


@settings(max_examples=120)
@given(masks(), st.sampled_from([4, 8]))
def test_labels_are_scipys_in_the_order_of_their_first_cell(mask, connectivity):
    runs = runs_of_bit(padded(mask), 1)
    labels, n = label_runs(runs, connectivity)
    expected, count = ndimage.label(mask, STRUCTURES[connectivity])
    assert n == count
    found = painted(runs, labels + 1, mask.shape)
    assert same_partition(found, expected)
    first = [np.flatnonzero(found.ravel() == label)[0] for label in range(1, n + 1)]
    assert first == sorted(first)


@settings(max_examples=150)
@given(masks(), st.sampled_from([4, 8]), st.tuples(st.integers(1, 24), st.integers(1, 41)), st.integers(0, 99))
def test_any_tiling_gives_scipys_components_and_sums(mask, connectivity, tile, seed):
    rng = np.random.default_rng(seed)
    weights = rng.choice([0.0, 0.5, 1.0, 2.25, np.nan, -1.0], mask.shape).astype(rng.choice([np.float32, np.float64]))
    expected, n = ndimage.label(mask, STRUCTURES[connectivity])
    joined, identity, size = tiled(mask, connectivity, weights, tile)
    assert same_partition(identity, expected)
    counted = np.where(np.isnan(weights) | (weights < 0), 0, weights).astype(float)
    sums = ndimage.sum_labels(counted, expected, np.arange(1, n + 1))
    classes = np.concatenate([[-1], np.searchsorted(BREAKS, sums, side="right")])
    np.testing.assert_array_equal(size, classes[expected])
    assert joined.sums.sum() <= counted[mask].sum() * FIXED_POINT


@settings(max_examples=60)
@given(masks(), st.sampled_from([4, 8]), st.tuples(st.integers(1, 24), st.integers(1, 41)), st.integers(0, 99))
def test_flags_spread_over_the_whole_component_and_no_further(mask, connectivity, tile, seed):
    joined, identity, _ = tiled(mask, connectivity, np.ones(mask.shape), tile)
    rng = np.random.default_rng(seed)
    flags = [rng.random(part.n) < 0.2 for part in joined.tiles]
    marked = {number for index, flag in enumerate(flags) for number in joined.identities(index)[flag].tolist()}
    for index, flag in enumerate(joined.spread(flags)):
        assert flag.tolist() == [number in marked for number in joined.identities(index).tolist()]
    assert marked <= set((identity[identity > 0] - 1).tolist())


@settings(max_examples=40)
@given(masks(), st.sampled_from([4, 8]))
def test_edge_components_come_first_and_edges_name_them(mask, connectivity):
    runs, labels, n_edge, n, (top, bottom, left, right) = label_tile(padded(mask), 1, connectivity, mask.shape[1])
    grid = painted(runs, labels + 1, mask.shape) - 1
    for edge, cells in ((top, grid[0]), (bottom, grid[-1]), (left, grid[:, 0]), (right, grid[:, -1])):
        np.testing.assert_array_equal(edge, cells)
    at_edge = set(np.concatenate([grid[0], grid[-1], grid[:, 0], grid[:, -1]]).tolist()) - {-1}
    assert at_edge == set(range(n_edge))
    assert set(grid[grid >= 0].tolist()) == set(range(n))


def test_snake_through_every_tile_is_one_component():
    mask = np.zeros((41, 40), bool)
    mask[::2] = True
    mask[1::4, 0] = mask[3::4, -1] = True
    for tile in ((1, 1), (3, 5), (7, 40), (41, 1)):
        _, identity, size = tiled(mask, 4, np.ones(mask.shape), tile, (1.0, mask.sum()))
        assert len(np.unique(identity)) == 2
        assert set(size[mask]) == {2}


def test_corner_cells_join_over_the_corner_of_four_tiles_only_when_corners_connect():
    for turn in range(2):
        mask = np.rot90(np.eye(4, dtype=bool), turn)
        assert [len(np.unique(tiled(mask, how, np.ones((4, 4)), (2, 2))[1])) - 1 for how in (4, 8)] == [4, 1]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_spiral_whose_arms_meet_late(connectivity):
    mask = np.zeros((17, 17), bool)
    for ring in range(0, 8, 2):
        mask[ring, ring : 17 - ring] = mask[16 - ring, ring : 17 - ring] = True
        mask[ring : 17 - ring, ring] = mask[ring : 17 - ring, 16 - ring] = True
    expected, _ = ndimage.label(mask, STRUCTURES[connectivity])
    assert same_partition(tiled(mask, connectivity, np.ones(mask.shape), (4, 5))[1], expected)


def test_sums_are_exact_and_leave_out_nan_and_negative_weights():
    mask = np.ones((1, 6), bool)
    runs = runs_of_bit(padded(mask), 1)
    labels, n = label_runs(runs, 4)
    weights = np.array([[0.1, 0.2, np.nan, -5.0, 2.0**-24, 1e6]])
    assert sum_by_component(runs, labels, n, weights) / FIXED_POINT == pytest.approx(1e6 + 0.3, rel=1e-12)


@given(arrays(np.int64, 12, elements=st.integers(0, 4000)), st.sets(st.integers(0, 4000), max_size=4))
def test_breaks_are_closed_below(eighths, limits):
    breaks = sorted(limit / 8 for limit in limits)
    expected = [sum(value / 8 >= limit for limit in breaks) for value in eighths.tolist()]
    assert size_class(eighths * int(FIXED_POINT / 8), breaks).tolist() == expected
