"""Smoothing, gap filling and dilation: golden small grids, a plain second implementation, properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from geo_profiling.raster.focal import BARRED, INVALID, UNKNOWN, dilate, fill_gaps, smooth_edges

CASES = [
    f"{hole}_{rule}_{order}"
    for hole in ("hole2x7", "hole3x3", "hole3x5", "hole4x4", "hole5x5", "water3x3", "water4x4")
    for rule in ("R2022A", "R2023A")
    for order in ("smooth", "smooth_gap", "gap_smooth")
]
TURNS = [np.flipud, np.fliplr, np.rot90, np.transpose]


@st.composite
def centres(draw, unknown: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Draw blocks of up to three centres with ragged edges, and flags of every kind."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 18), st.integers(1, 18)))
    labels = np.zeros(shape, np.int32)
    for number in range(1, draw(st.integers(1, 3)) + 1):
        row, col = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(2, 12, 2)
        labels[row : row + height, col : col + width] = number
    labels[rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.3]))] = 0
    choices = [0, INVALID, INVALID | BARRED] + [UNKNOWN | BARRED] * unknown
    flags = rng.choice(np.array(choices, np.uint8), shape, p=[0.7] + [0.3 / (len(choices) - 1)] * (len(choices) - 1))
    return labels, flags


def _micro(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and flags as shared/README.md says each small case was made."""
    if name.startswith(("corner", "two")):
        labels = np.zeros((8, 8), np.int32)
        labels[1:6, 1:6] = 1
        for row, col in ((1, 1), (2, 2)) if name.startswith("corner") else ((2, 2), (3, 3)):
            labels[row, col] = 0
        return labels, np.zeros((8, 8), np.uint8)
    height, width = (int(size) for size in name.split("_")[0][-3:].split("x"))
    hole = slice(5, 5 + height), slice(5, 5 + width)
    labels, flags = np.zeros((16, 16), np.int32), np.zeros((16, 16), np.uint8)
    labels[1:15, 1:15] = 1
    labels[hole] = 0
    if name.startswith("water"):
        flags[hole] = INVALID | BARRED
    return labels, flags


def _golden(folder: Path, name: str) -> np.ndarray:
    text = (folder / "degurba" / "micro" / f"{name}.csv").read_text()
    return np.array([[int(cell or 0) for cell in line.split(",")] for line in text.splitlines()], np.int32)


@pytest.mark.parametrize("name", CASES)
def test_golden_small_grid(shared_golden, name):
    labels, flags = _micro(name)
    for step in name.split("_")[2:]:
        if step == "smooth":
            labels = smooth_edges(labels, flags, rule=name.split("_")[1].lower())
        else:
            labels = fill_gaps(labels, flags, max_gap_km2=15, cell_area_km2=1.0)
    np.testing.assert_array_equal(labels, _golden(shared_golden, name))


@pytest.mark.parametrize(
    ("name", "max_gap"),
    [("corner_touching_gap", 15), ("two_diagonal_gaps_maxgap15", 15), ("two_diagonal_gaps_maxgap2", 2)],
)
def test_golden_gaps_that_touch_by_a_corner(shared_golden, name, max_gap):
    labels, flags = _micro(name)
    filled = fill_gaps(labels, flags, max_gap_km2=max_gap, cell_area_km2=1.0)
    np.testing.assert_array_equal(filled, _golden(shared_golden, name))


def test_every_golden_small_grid_is_checked(shared_golden):
    names = {path.stem for path in (shared_golden / "degurba" / "micro").glob("*.csv")}
    assert names == {*CASES, "corner_touching_gap", "two_diagonal_gaps_maxgap15", "two_diagonal_gaps_maxgap2"}


def _plain_round(labels, flags, rule):
    """One round of smoothing, cell by cell as the rule reads."""
    new = labels.copy()
    for (row, col), label in np.ndenumerate(labels):
        if label or flags[row, col] & UNKNOWN or (rule == "r2023a" and flags[row, col] & BARRED):
            continue
        around = [
            (labels[r, c], flags[r, c])
            for r in range(max(0, row - 1), min(labels.shape[0], row + 2))
            for c in range(max(0, col - 1), min(labels.shape[1], col + 2))
            if (r, c) != (row, col)
        ]
        valid = 8 - sum(not other and bool(flag & INVALID) for other, flag in around)
        for centre in {other for other, _ in around if other}:
            votes = sum(other == centre for other, _ in around)
            if votes >= 5 if rule == "r2022a" else 2 * votes > valid:
                new[row, col] = centre
    return new


@settings(max_examples=60)
@given(centres(), st.sampled_from(["r2022a", "r2023a"]))
def test_smoothing_is_rounds_of_the_rule_until_nothing_changes(drawn, rule):
    labels, flags = drawn
    kept = labels.copy()
    found = smooth_edges(labels, flags, rule=rule)
    np.testing.assert_array_equal(labels, kept)
    while True:
        following = _plain_round(labels, flags, rule)
        if (following == labels).all():
            break
        labels = following
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(smooth_edges(found, flags, rule=rule), found)


@settings(max_examples=60)
@given(centres(), st.sampled_from(["r2022a", "r2023a", "none"]), st.sampled_from(TURNS))
def test_cells_never_leave_and_turning_does_not_matter(drawn, rule, turn):
    labels, flags = drawn
    found = smooth_edges(labels, flags, rule=rule)
    assert (found[labels > 0] == labels[labels > 0]).all()
    assert not found[(labels == 0) & ((flags & UNKNOWN) != 0)].any()
    turned = smooth_edges(np.ascontiguousarray(turn(labels)), np.ascontiguousarray(turn(flags)), rule=rule)
    np.testing.assert_array_equal(turned, turn(found))
    if rule == "none":
        np.testing.assert_array_equal(found, labels)


def test_neighbours_off_the_raster_count_as_valid_and_not_urban():
    labels = np.array([[1, 0, 1], [1, 1, 1]], np.int32)  # five of eight neighbours of the cell above
    none = np.zeros((2, 3), np.uint8)
    assert smooth_edges(labels, none, rule="r2022a")[0, 1] == 1
    labels[0, 0] = 0
    assert smooth_edges(labels, none, rule="r2023a")[0, 1] == 0  # four of eight are no majority
    none[0, 0] = INVALID
    assert smooth_edges(labels, none, rule="r2023a")[0, 1] == 1  # four of seven are


def test_two_centres_that_tie_take_nothing():
    labels = np.array([[1, 1, 1], [0, 0, 0], [2, 2, 2]], np.int32)
    flags = np.zeros((3, 3), np.uint8)
    flags[1, ::2] = INVALID | BARRED
    assert not smooth_edges(labels, flags, rule="r2023a")[1].any()  # three against three of six
    labels[2, 2] = 0
    flags[2, 2] = INVALID
    assert smooth_edges(labels, flags, rule="r2023a")[1, 1] == 1  # three against two of five


def _plain_fill(labels, flags, largest):
    """Fill holes of each centre, inner centres first, as polygons would have them."""
    filled = labels.copy()
    boxes = ndimage.find_objects(labels)
    sizes = {number: np.prod([part.stop - part.start for part in box]) for number, box in enumerate(boxes, 1) if box}
    for number in sorted(sizes, key=lambda number: sizes[number]):
        inside = labels == number
        holes, n = ndimage.label(ndimage.binary_fill_holes(inside) & ~inside)
        for hole in range(1, n + 1):
            cells = holes == hole
            if cells.sum() <= largest:
                filled[cells & ((flags & UNKNOWN) == 0)] = number
    return filled


@settings(max_examples=100)
@given(centres(), st.integers(0, 30), st.sampled_from([1.0, 0.01, 0.0625]))
def test_gaps_are_what_scipy_calls_holes_below_the_area(drawn, limit, cell_area):
    labels, flags = drawn
    kept = labels.copy()
    found = fill_gaps(labels, flags, max_gap_km2=limit * cell_area, cell_area_km2=cell_area)
    np.testing.assert_array_equal(labels, kept)
    np.testing.assert_array_equal(found, _plain_fill(labels, flags, limit - 1))


@pytest.mark.parametrize("cell_area", [1.0, 0.0625, 0.01, 0.0025, 1e-4])
def test_gap_of_exactly_the_limit_stays_open(cell_area):
    for cells in (1, 2, 7, 15, 29):
        labels = np.ones((3, cells + 2), np.int32)
        labels[1, 1:-1] = 0
        flags = np.zeros(labels.shape, np.uint8)
        assert not fill_gaps(labels, flags, max_gap_km2=cells * cell_area, cell_area_km2=cell_area).all()
        assert fill_gaps(labels, flags, max_gap_km2=(cells + 0.5) * cell_area, cell_area_km2=cell_area).all()


def test_gap_holds_whatever_lies_in_it_but_cells_without_data():
    labels = np.ones((6, 6), np.int32)
    labels[1:5, 1:4] = 0
    labels[2, 2] = 2
    flags = np.zeros((6, 6), np.uint8)
    flags[3, 2], flags[4, 2] = UNKNOWN | BARRED, INVALID | BARRED
    filled = fill_gaps(labels, flags, max_gap_km2=15, cell_area_km2=1.0)
    assert filled[3, 2] == 0
    filled[3, 2] = 1
    assert (filled == 1).all()


def test_gap_open_to_the_edge_of_the_raster_is_none():
    labels = np.ones((4, 4), np.int32)
    labels[0, 1] = labels[1, 1] = 0
    flags = np.zeros((4, 4), np.uint8)
    np.testing.assert_array_equal(fill_gaps(labels, flags, max_gap_km2=15, cell_area_km2=1.0), labels)


@settings(max_examples=60)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_dilation_is_scipys_maximum_over_a_box(mask, reach):
    size = (2 * reach[0] + 1, 2 * reach[1] + 1)
    np.testing.assert_array_equal(dilate(mask, reach), ndimage.maximum_filter(mask, size, mode="constant", cval=False))
