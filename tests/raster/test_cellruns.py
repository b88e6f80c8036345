"""Runs of cells with owners: nothing is lost between labels, runs, windows and numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geo_profiling.raster.cellruns import CellRuns, renumber_by_position
from geo_profiling.raster.grid import Window

LABELS = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.integers(0, 4))


def whole(labels: np.ndarray) -> Window:
    return Window(0, 0, *labels.shape)


def painted(runs: CellRuns, shape) -> np.ndarray:
    out = np.zeros(shape, np.int64)
    runs.paint(out, Window(0, 0, *shape), runs.owner)
    return out


@given(LABELS)
def test_labels_survive_the_way_through_runs(labels):
    runs = CellRuns.from_labels(labels, whole(labels))
    np.testing.assert_array_equal(painted(runs, labels.shape), labels)
    assert runs.cells().sum() == np.count_nonzero(labels)


@settings(max_examples=60)
@given(LABELS, st.integers(1, 5), st.integers(1, 5))
def test_tiles_put_together_are_the_whole(labels, rows, cols):
    parts = []
    for top in range(0, labels.shape[0], rows):
        for left in range(0, labels.shape[1], cols):
            part = np.ascontiguousarray(labels[top : top + rows, left : left + cols])
            parts.append(CellRuns.from_labels(part, Window(top, left, *part.shape)))
    together = CellRuns.concatenate(reversed(parts))
    at_once = CellRuns.concatenate([CellRuns.from_labels(labels, whole(labels))])
    for name in ("row", "start", "stop", "owner"):
        np.testing.assert_array_equal(getattr(together, name), getattr(at_once, name))
        assert getattr(together, name).dtype == getattr(at_once, name).dtype


@settings(max_examples=60)
@given(LABELS, st.data())
def test_within_cuts_to_the_window(labels, data):
    row, col = data.draw(st.integers(0, labels.shape[0] - 1)), data.draw(st.integers(0, labels.shape[1] - 1))
    height = data.draw(st.integers(1, labels.shape[0] - row))
    width = data.draw(st.integers(1, labels.shape[1] - col))
    window = Window(row, col, height, width)
    part = CellRuns.from_labels(labels, whole(labels)).within(window)
    found = np.zeros((height, width), np.int64)
    part.paint(found, window, part.owner)
    np.testing.assert_array_equal(found, labels[window.slices])


@given(LABELS)
def test_boxes_are_tight(labels):
    owners, boxes = CellRuns.from_labels(labels, whole(labels)).boxes()
    assert owners.tolist() == sorted(set(labels[labels > 0].tolist()))
    for owner, (top, left, bottom, right) in zip(owners, boxes.tolist(), strict=True):
        rows, cols = np.nonzero(labels == owner)
        assert (top, left, bottom, right) == (rows.min(), cols.min(), rows.max() + 1, cols.max() + 1)


@given(LABELS, st.permutations([1, 2, 3, 4]))
def test_numbers_follow_the_first_cell_whatever_they_were(labels, names):
    other = np.array([0, *names], np.int32)[labels]
    runs, former = renumber_by_position(CellRuns.from_labels(other, whole(labels)))
    numbers = painted(runs, labels.shape)
    seen = numbers[numbers > 0]
    assert list(dict.fromkeys(seen.tolist())) == list(range(1, former.size + 1))
    np.testing.assert_array_equal(np.concatenate([[0], former])[numbers], other)
    assert (np.diff(runs.owner) >= 0).all()


def test_nothing_stays_nothing():
    runs, former = renumber_by_position(CellRuns.empty())
    assert runs.row.size == former.size == 0
    assert CellRuns.concatenate([]).boxes()[1].shape == (0, 4)
    assert CellRuns.empty().within(Window(0, 0, 3, 3)).cells().sum() == 0
