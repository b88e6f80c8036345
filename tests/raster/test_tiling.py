"""Tile sizes, and the store of codes between passes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import MemoryLimitError
from geo_profiling.raster.components import pad_to_words
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.tiling import TILE_CELLS, TileStore, assemble, pack, tile_shape, unpack

SIZES = st.integers(1, 300_000)


def grid_of(shape) -> Grid:
    return Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), shape)


@dataclass(frozen=True)
class Header:
    """A source nobody reads from."""

    grid: Grid
    block_shape: tuple[int, int]
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.float32))
    name: str = "header"

    def read(self, window):
        raise AssertionError


@settings(max_examples=200)
@given(
    st.tuples(SIZES, SIZES),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.integers(1, 16),
    st.sampled_from([None, 800_000_000, 4_000_000_000]),
)
def test_tile_is_within_the_grid_the_limit_and_whole_blocks(shape, block, threads, memory_limit):
    source = Header(grid_of(shape), (min(block[0], shape[0]), min(block[1], shape[1])))
    rows, cols = tile_shape([source], threads=threads, memory_limit=memory_limit)
    assert 1 <= rows <= shape[0]
    assert 1 <= cols <= shape[1]
    assert rows * cols <= max(TILE_CELLS, cols)
    assert cols == shape[1] or cols % source.block_shape[1] == 0
    if rows not in (shape[0],) and rows >= source.block_shape[0]:
        assert rows % source.block_shape[0] == 0


def test_less_memory_or_more_threads_make_smaller_tiles():
    sources = [Header(grid_of((20_000, 20_000)), (512, 512))] * 3
    sizes = [
        np.prod(tile_shape(sources, threads=threads, memory_limit=limit))
        for threads, limit in ((1, None), (4, 600 * 2**20), (8, 600 * 2**20))
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_limit_below_the_least_says_what_is_needed():
    sources = [Header(grid_of((9000, 9000)), (512, 512))]
    with pytest.raises(MemoryLimitError, match=r"memory limit of 300 MiB.*2 threads") as found:
        tile_shape(sources, threads=2, memory_limit=300 * 2**20)
    assert "--memory-limit" in found.value.hint
    needed = int(re.search(r"about (\d+) MiB", str(found.value))[1])
    assert np.prod(tile_shape(sources, threads=2, memory_limit=(needed + 1) * 2**20)) > 0
    with pytest.raises(MemoryLimitError):
        tile_shape(sources, threads=2, memory_limit=(needed - 1) * 2**20)


def test_size_asked_for_is_taken_but_not_beyond_the_grid():
    source = Header(grid_of((100, 300)), (64, 64))
    assert tile_shape([source], threads=1, tile_size=256) == (100, 256)


def _filled(store: TileStore, codes: np.ndarray) -> None:
    for index, tile in enumerate(store.tiles):
        part = np.zeros((tile.height, pad_to_words(tile.width)), np.uint8)
        part[:, : tile.width] = codes[tile.slices]
        store.put(index, pack(part))


@settings(max_examples=60)
@given(st.tuples(st.integers(1, 30), st.integers(1, 30)), st.integers(1, 31), st.integers(1, 31), st.data())
def test_any_window_of_the_store_is_what_was_put_there(shape, rows, cols, data):
    codes = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    with TileStore(grid_of(shape), (rows, cols)) as store:
        _filled(store, codes)
        for _ in range(4):
            row, col = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
            height, width = data.draw(st.integers(1, shape[0] - row)), data.draw(st.integers(1, shape[1] - col))
            window = Window(row, col, height, width)
            np.testing.assert_array_equal(store.codes(window), codes[window.slices])
            np.testing.assert_array_equal(assemble(window, store.overlapping(window)), codes[window.slices])
            for index in store.indices(window):
                tile = store.tiles[index]
                assert tile.row < window.row_stop
                assert window.row < tile.row_stop


def test_what_is_put_again_replaces_what_was_there_also_at_hand():
    shape = (4, 16)
    with TileStore(grid_of(shape), (4, 8)) as store:
        _filled(store, np.ones(shape, np.uint8))
        assert store.codes(grid_of(shape).window).sum() == 64
        store.put(1, pack(np.full((4, 8), 3, np.uint8)))
        assert store.codes(grid_of(shape).window).sum() == 32 + 96


def test_store_leaves_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with TileStore(grid_of((4, 8)), (4, 8)) as store:
        store.put(0, pack(np.zeros((4, 8), np.uint8)))
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        store.get(0)


def test_pack_of_a_view_keeps_its_values():
    codes = np.arange(64, dtype=np.uint8).reshape(8, 8)[::2]
    np.testing.assert_array_equal(unpack(pack(codes), (4, 8)), codes)
