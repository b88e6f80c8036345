"""Rules that look at a cell's neighbours: edge smoothing by frontier, gap filling, dilation.

All work on small label windows around urban centres, in which 0 is no centre. Neighbours beyond
the window's edge count as valid cells of no centre: the edge of a window must be the edge of the
raster, or lie beyond the reach of every change.
"""

from __future__ import annotations

from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

Smoothing = Literal["r2022a", "r2023a", "none"]

#: A cell that is neither population nor land to speak of: not counted among valid neighbours.
INVALID = np.uint8(1)
#: A cell that never joins a centre by smoothing (permanent water, no data).
BARRED = np.uint8(2)
#: A cell that never joins a centre at all (no data).
UNKNOWN = np.uint8(4)


@numba.njit(nogil=True, cache=True)
def _touches_centre(labels: Any, row: Any, col: Any) -> Any:  # pragma: no cover - compiled
    for other_row in range(max(0, row - 1), min(labels.shape[0], row + 2)):
        for other_col in range(max(0, col - 1), min(labels.shape[1], col + 2)):
            if labels[other_row, other_col]:
                return True
    return False


@numba.njit(nogil=True, cache=True)
def _majority(  # noqa: C901 - one compiled loop over the neighbours
    labels: Any, flags: Any, row: Any, col: Any, valid_majority: Any
) -> Any:  # pragma: no cover - compiled
    """Return the centre that the cell joins in this round, or 0."""
    if flags[row, col] & UNKNOWN or (valid_majority and flags[row, col] & BARRED):
        return 0
    valid = 8
    found = np.zeros(8, np.int32)
    votes = np.zeros(8, np.int64)
    kinds = 0
    for other_row in range(max(0, row - 1), min(labels.shape[0], row + 2)):
        for other_col in range(max(0, col - 1), min(labels.shape[1], col + 2)):
            if other_row == row and other_col == col:
                continue
            label = labels[other_row, other_col]
            if label == 0:
                if flags[other_row, other_col] & INVALID:
                    valid -= 1
                continue
            kind = 0
            while kind < kinds and found[kind] != label:
                kind += 1
            if kind == kinds:
                found[kinds] = label
                kinds += 1
            votes[kind] += 1
    for kind in range(kinds):
        if (valid_majority and 2 * votes[kind] > valid) or (not valid_majority and votes[kind] >= 5):
            return found[kind]
    return 0


@numba.njit("i8(i4[:, ::1], u1[:, ::1], b1)", nogil=True, cache=True)
def _smooth(labels: Any, flags: Any, valid_majority: Any) -> Any:  # noqa: C901 # pragma: no cover - compiled
    rows, cols = labels.shape
    seen = np.zeros((rows, cols), np.int32)
    frontier = np.empty(rows * cols, np.int64)
    size = 0
    for row in range(rows):
        for col in range(cols):
            if labels[row, col] == 0 and _touches_centre(labels, row, col):
                frontier[size] = row * cols + col
                size += 1
    joined = np.empty(rows * cols, np.int64)
    winner = np.empty(rows * cols, np.int32)
    rounds = 0
    while size:
        rounds += 1
        n_joined = 0
        for item in range(size):
            row, col = frontier[item] // cols, frontier[item] % cols
            label = _majority(labels, flags, row, col, valid_majority)
            if label:
                joined[n_joined] = frontier[item]
                winner[n_joined] = label
                n_joined += 1
        for item in range(n_joined):
            labels[joined[item] // cols, joined[item] % cols] = winner[item]
        size = 0
        for item in range(n_joined):
            row, col = joined[item] // cols, joined[item] % cols
            for other_row in range(max(0, row - 1), min(rows, row + 2)):
                for other_col in range(max(0, col - 1), min(cols, col + 2)):
                    if labels[other_row, other_col] == 0 and seen[other_row, other_col] != rounds:
                        seen[other_row, other_col] = rounds
                        frontier[size] = other_row * cols + other_col
                        size += 1
    return rounds


def smooth_edges(labels: NDArray[np.int32], flags: NDArray[np.uint8], *, rule: Smoothing) -> NDArray[np.int32]:
    """Smooth the edges of labelled centres by 3 x 3 majority until nothing changes.

    All cells of a round join at once. A cell joins centre k

    - ``r2022a``: if at least 5 of its 8 neighbours are in k;
    - ``r2023a``: if more than half of its valid neighbours are in k, where neighbours flagged
      INVALID count only when they belong to a centre; cells flagged BARRED never join.

    Cells never leave and centres never merge. Only neighbours of cells that joined in the round
    before are looked at again.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 outside every centre, else the centre's number.
    flags : ndarray of uint8, same shape
        INVALID, BARRED and UNKNOWN, added.
    rule : {"r2022a", "r2023a", "none"}
        GHSL Data Packages 2022 and 2023, smoothing of urban centres.

    Returns
    -------
    ndarray of int32
        New labels; the input is kept.

    References
    ----------
    GHSL Data Package 2023, GHS-SMOD, workflow of urban centres.

    Examples
    --------
    >>> labels = np.zeros((5, 5), np.int32); labels[1:4, 1:4] = 1; labels[1, 1] = labels[2, 2] = 0
    >>> smooth_edges(labels, np.zeros((5, 5), np.uint8), rule="r2022a")[1:3, 1:3]
    array([[0, 1],
           [1, 1]], dtype=int32)
    """
    smoothed = labels.copy()
    if rule != "none":
        _smooth(smoothed, flags, rule == "r2023a")
    return smoothed


def fill_gaps(
    labels: NDArray[np.int32], flags: NDArray[np.uint8], *, max_gap_km2: float, cell_area_km2: float
) -> NDArray[np.int32]:
    """Fill the gaps below an area that one centre encloses.

    A gap is a component, connected over sides, of cells that are not of the centre and that the
    centre encloses completely; what touches the outside by a corner only is a gap. Whatever lies
    in a gap (water, another centre) is filled, except cells without data; gaps open to the window's
    edge are none. Where gaps of two centres are nested the outer centre takes the cells.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 outside every centre.
    flags : ndarray of uint8, same shape
        Cells flagged UNKNOWN stay out.
    max_gap_km2 : float
        Gaps of this area and larger stay open (GHSL: 15 km2).
    cell_area_km2 : float
        Area of a cell.

    Returns
    -------
    ndarray of int32
        New labels; the input is kept.

    References
    ----------
    European Union, FAO, UN-Habitat, OECD, World Bank 2021, Applying the Degree of Urbanisation, ch. 2.

    Examples
    --------
    >>> labels = np.ones((5, 5), np.int32); labels[2, 2] = 0
    >>> none = np.zeros((5, 5), np.uint8)
    >>> bool(fill_gaps(labels, none, max_gap_km2=15, cell_area_km2=1.0).all())
    True
    """
    filled = labels.copy()
    # A gap of exactly the limit stays open, also where the cell area is not exact in binary (0.01).
    largest = int(np.ceil(max_gap_km2 / cell_area_km2 * (1 - 1e-12))) - 1
    boxes = _label_boxes(labels)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for index in np.argsort(area, kind="stable"):
        label, (top, left, bottom, right) = index + 1, boxes[index]
        if bottom - top < 3 or right - left < 3:
            continue
        part = np.ascontiguousarray(labels[top:bottom, left:right] == label).astype(np.uint8)
        gaps = _small_gaps(part, largest)
        inside = gaps.astype(bool) & ((flags[top:bottom, left:right] & UNKNOWN) == 0)
        filled[top:bottom, left:right][inside] = label
    return filled


def _label_boxes(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the bounding box (top, left, bottom, right) of each label 1 ... n; empty boxes for missing ones."""
    rows, cols = np.nonzero(labels)
    numbers = labels[rows, cols] - 1
    n = int(numbers.max()) + 1 if numbers.size else 0
    boxes = np.zeros((n, 4), np.int64)
    boxes[:, :2] = max(labels.shape)
    np.minimum.at(boxes[:, 0], numbers, rows)
    np.minimum.at(boxes[:, 1], numbers, cols)
    np.maximum.at(boxes[:, 2], numbers, rows + 1)
    np.maximum.at(boxes[:, 3], numbers, cols + 1)
    return boxes


@numba.njit("u1[:, ::1](u1[:, ::1], i8)", nogil=True, cache=True)
def _small_gaps(inside: Any, largest: Any) -> Any:  # pragma: no cover - compiled
    rows, cols = inside.shape
    gaps = np.zeros((rows, cols), np.uint8)
    seen = inside.copy()
    stack = np.empty(rows * cols, np.int64)
    for first in range(rows * cols):
        if seen[first // cols, first % cols]:
            continue
        seen[first // cols, first % cols] = 1
        stack[0] = first
        size, done, is_open = 1, 0, False
        while done < size:
            row, col = stack[done] // cols, stack[done] % cols
            done += 1
            if row == 0 or col == 0 or row == rows - 1 or col == cols - 1:
                is_open = True
            for step in range(4):
                other_row = row + (step == 0) - (step == 1)
                other_col = col + (step == 2) - (step == 3)
                if 0 <= other_row < rows and 0 <= other_col < cols and not seen[other_row, other_col]:
                    seen[other_row, other_col] = 1
                    stack[size] = other_row * cols + other_col
                    size += 1
        if not is_open and size <= largest:
            for item in range(size):
                gaps[stack[item] // cols, stack[item] % cols] = 1
    return gaps


def dilate(mask: NDArray[np.bool_], reach: tuple[int, int]) -> NDArray[np.bool_]:
    """Grow a mask by ``reach`` (rows, columns) cells in every direction, corners included.

    Examples
    --------
    >>> mask = np.zeros((5, 5), bool); mask[2, 2] = True
    >>> int(dilate(mask, (1, 1)).sum())
    9
    """
    grown = mask
    for axis, steps in enumerate(reach):
        grown = _dilate_axis(grown, axis, steps)
    return grown


def _dilate_axis(mask: NDArray[np.bool_], axis: int, steps: int) -> NDArray[np.bool_]:
    """Return the running maximum over 2 * steps + 1 cells along an axis, by doubling windows."""
    if steps == 0:
        return mask
    pad = [(0, 0), (0, 0)]
    pad[axis] = (steps, steps)
    grown = np.pad(mask, pad)
    width, wanted = 1, 2 * steps + 1
    while width < wanted:
        step = min(width, wanted - width)
        grown = grown[:-step] | grown[step:] if axis == 0 else grown[:, :-step] | grown[:, step:]
        width += step
    return grown
