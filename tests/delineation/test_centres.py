"""Urban centres refined in their own windows: the same as in one window of the whole raster."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from scipy import ndimage

from geo_profiling.compute import Compute
from geo_profiling.delineation import centres
from geo_profiling.delineation.cells import INVALID, NO_DATA, WATER
from geo_profiling.delineation.centres import refine_centres
from geo_profiling.delineation.clusters import labels_of
from geo_profiling.delineation.rules import rule_set
from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.components import pad_to_words
from geo_profiling.raster.focal import fill_gaps, smooth_edges
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.tiling import TileStore, pack


def refined(seeds: np.ndarray, codes: np.ndarray, tile: int, threads: int = 1, **changes) -> np.ndarray:
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), seeds.shape)
    labels, _ = ndimage.label(seeds)
    with TileStore(grid, (tile, tile)) as store:
        for index, window in enumerate(store.tiles):
            part = np.zeros((window.height, pad_to_words(window.width)), np.uint8)
            part[:, : window.width] = codes[window.slices]
            store.put(index, pack(part))
        runs = CellRuns.concatenate([CellRuns.from_labels(labels.astype(np.int32), grid.window)])
        return labels_of(refine_centres(runs, store, rule_set(**changes), Compute(threads)), grid)


def at_once(seeds: np.ndarray, codes: np.ndarray, rule: str, max_gap: float) -> np.ndarray:
    labels = ndimage.label(seeds)[0].astype(np.int32)
    flags = centres._FLAGS[codes]
    return fill_gaps(smooth_edges(labels, flags, rule=rule), flags, max_gap_km2=max_gap, cell_area_km2=1.0)


@st.composite
def rasters(draw) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    seeds = np.zeros(shape, bool)
    for _ in range(draw(st.integers(0, 6))):
        row, col = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(1, 15, 2)
        seeds[row : row + height, col : col + width] = True
    seeds &= rng.random(shape) > draw(st.sampled_from([0.0, 0.1, 0.3]))
    sea = rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 0.95]))
    codes = np.where(sea, rng.choice([INVALID, INVALID | WATER, NO_DATA], shape), 0).astype(np.uint8)
    codes[seeds] = 0
    return seeds, codes


@settings(max_examples=60)
@given(rasters(), st.sampled_from(["r2022a", "r2023a", "none"]), st.sampled_from([0.0, 15.0]), st.integers(3, 61))
def test_windows_of_centres_give_what_the_whole_raster_gives(drawn, rule, max_gap, tile):
    seeds, codes = drawn
    expected = at_once(seeds, codes, rule, max_gap)
    found = refined(seeds, codes, tile, smoothing=rule, max_gap_km2=max_gap)
    np.testing.assert_array_equal(found > 0, expected > 0)
    pairs = np.unique(np.stack([found[found > 0], expected[expected > 0]]), axis=1)
    assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]
    assert set(np.unique(found)) - {0} == set(range(1, pairs.shape[1] + 1))


@pytest.mark.parametrize("tile", [16, 120])
def test_centre_that_grows_far_beyond_its_box_gets_a_wider_window(tile):
    # In a sea where no neighbour is valid a straight edge advances row by row to the raster's edge.
    seeds = np.zeros((120, 90), bool)
    seeds[55:65, 40:50] = True
    codes = np.where(seeds, 0, INVALID).astype(np.uint8)
    found = refined(seeds, codes, tile)
    np.testing.assert_array_equal(found, at_once(seeds, codes, "r2023a", 15.0))
    rows, cols = np.nonzero(found)
    assert rows.max() - rows.min() > 40
    assert cols.max() - cols.min() > 40


def test_tasks_hold_few_cells_whatever_the_number_of_centres(monkeypatch):
    monkeypatch.setattr(centres, "_BATCH_CELLS", 500)
    seeds = np.zeros((100, 100), bool)
    seeds[5::20, 5::20] = seeds[6::20, 5::20] = True
    sizes = []

    class Counting(Compute):
        def map(self, function, items, **labels):
            batches = list(items)
            sizes.extend(sum(group.codes.size for group in batch) for batch in batches)
            return super().map(function, batches, **labels)

    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), seeds.shape)
    labels = ndimage.label(seeds)[0].astype(np.int32)
    with TileStore(grid, (100, 100)) as store:
        store.put(0, pack(np.zeros((100, 104), np.uint8)))
        runs = CellRuns.concatenate([CellRuns.from_labels(labels, grid.window)])
        refine_centres(runs, store, rule_set(), Counting(1))
    assert len(sizes) > 5
    assert max(sizes) < 1000


def test_no_centres_give_none():
    assert not refined(np.zeros((9, 9), bool), np.zeros((9, 9), np.uint8), 4).any()
