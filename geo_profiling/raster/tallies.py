"""What is tallied over the covered cells of a zone: sums, extremes, classes, distinct values.

Each kernel takes the values of one read window and the pieces in it and gives one row, or some, per
piece. NaN is nodata and never counted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo_profiling.raster.coverage import coverage_runs, new_scratch

#: Most distinct values that shares are computed of.
MAX_DISTINCT = 4096
#: Running sums of fully covered cells that are kept side by side.
_LANES = 64


@njit(nogil=True, cache=True)
def piece_moments(
    values: NDArray[Any],
    row: int,
    col: int,
    edges: NDArray[np.float64],
    pieces: NDArray[Any],
    with_extremes: bool,
) -> NDArray[np.float64]:
    """Sum, count, minimum and maximum of the covered cells of every piece.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (height, width)
        The window, NaN where there is no data.
    row, col : int
        Its first row and column on the grid.
    edges : ndarray of float64, shape (edges, 4)
        Edges of the unit.
    pieces : ndarray of PIECE
        Pieces of the unit.
    with_extremes : bool
        Whether the extremes are wanted; they are infinite otherwise.

    Returns
    -------
    ndarray of float64, shape (pieces, 4)
        Weighted sum, covered cells, least and greatest value (infinite where nothing is covered).
    """
    out = np.empty((len(pieces), 4))
    scratch = new_scratch(pieces)
    runs, weights = scratch[2], scratch[3]
    lanes = np.empty(_LANES)
    for i in range(len(pieces)):
        piece = pieces[i]
        total, count, least, greatest = 0.0, 0.0, np.inf, -np.inf
        lanes[:] = 0.0
        for k in range(coverage_runs(edges, piece, scratch)):
            line = values[piece.row + runs[k, 0] - row]
            start = piece.col + runs[k, 1] - col
            stop = start + runs[k, 2]
            if weights[k] == 1.0:
                count += _add_full_run(line, start, stop, lanes)
            else:
                for j in range(start, stop):
                    if line[j] == line[j]:
                        total += weights[k] * line[j]
                        count += weights[k]
            if with_extremes:
                least, greatest = _extremes(line, start, stop, least, greatest)
        for lane in range(_LANES):
            total += lanes[lane]
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = total, count, least, greatest
    return out


@njit(nogil=True, cache=True)
def _add_full_run(line: NDArray[Any], start: int, stop: int, lanes: NDArray[np.float64]) -> int:
    """Add fully covered cells to the lanes by their place in the run; give the number that are not NaN.

    Lanes that do not wait for each other let the compiler use vector instructions, and the order of
    the additions stays the same on every processor.
    """
    valid = 0
    for begin in range(start, stop, _LANES):
        part = line[begin : min(begin + _LANES, stop)]
        for lane in range(len(part)):
            value = part[lane]
            is_valid = value == value
            lanes[lane] += value if is_valid else 0.0
            valid += is_valid
    return valid


@njit(nogil=True, cache=True)
def _extremes(line: NDArray[Any], start: int, stop: int, least: float, greatest: float) -> tuple[float, float]:
    for j in range(start, stop):
        # both are false for NaN
        if line[j] < least:
            least = line[j]
        if line[j] > greatest:
            greatest = line[j]
    return least, greatest


@njit(nogil=True, cache=True)
def piece_class_totals(
    weights: NDArray[Any],
    classes: NDArray[Any],
    row: int,
    col: int,
    edges: NDArray[np.float64],
    pieces: NDArray[Any],
    codes: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weight and covered cells of every class in every piece.

    Parameters
    ----------
    weights, classes : ndarray of float32 or float64, shape (height, width)
        The same window of both rasters. NaN weight is none, NaN class is no class.
    row, col : int
        First row and column of the window on the grid.
    edges : ndarray of float64, shape (edges, 4)
        Edges of the unit.
    pieces : ndarray of PIECE
        Pieces of the unit.
    codes : ndarray of float64
        The classes, in rising order.

    Returns
    -------
    ndarray of float64, shape (pieces, codes + 1, 2)
        Weight and cells; the last row is for cells of no class or of another.
    """
    out = np.zeros((len(pieces), len(codes) + 1, 2))
    scratch = new_scratch(pieces)
    runs, shares = scratch[2], scratch[3]
    for i in range(len(pieces)):
        piece = pieces[i]
        last, slot = np.nan, len(codes)
        for k in range(coverage_runs(edges, piece, scratch)):
            line = piece.row + runs[k, 0] - row
            start = piece.col + runs[k, 1] - col
            for j in range(start, start + runs[k, 2]):
                code = classes[line, j]
                if code != last:
                    last = code
                    slot = np.searchsorted(codes, code)
                    if slot < len(codes) and codes[slot] != code:
                        slot = len(codes)
                weight = weights[line, j]
                if weight == weight:
                    out[i, slot, 0] += shares[k] * weight
                out[i, slot, 1] += shares[k]
    return out


@njit(nogil=True, cache=True)
def piece_value_counts(
    values: NDArray[Any], row: int, col: int, edges: NDArray[np.float64], pieces: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Covered cells of every distinct value in every piece.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (height, width)
        The window, NaN where there is no data.
    row, col : int
        Its first row and column on the grid.
    edges : ndarray of float64, shape (edges, 4)
        Edges of the unit.
    pieces : ndarray of PIECE
        Pieces of the unit.

    Returns
    -------
    tuple of ndarray
        Place of the piece, value and covered cells of each pair that occurs. A last entry of piece -1
        says that there are more than :data:`MAX_DISTINCT` values.
    """
    table, slots, known = np.empty(MAX_DISTINCT), np.empty(MAX_DISTINCT, dtype=np.int64), 0
    cells, touched = np.zeros(MAX_DISTINCT), np.empty(MAX_DISTINCT, dtype=np.int64)
    by_slot = np.empty(MAX_DISTINCT)
    places, found, covered = np.empty(1024, dtype=np.int64), np.empty(1024), np.empty(1024)
    scratch = new_scratch(pieces)
    runs, shares = scratch[2], scratch[3]
    size = 0
    for i in range(len(pieces)):
        piece = pieces[i]
        last, slot, n_touched = np.nan, -1, 0
        for k in range(coverage_runs(edges, piece, scratch)):
            line = values[piece.row + runs[k, 0] - row]
            start = piece.col + runs[k, 1] - col
            for j in range(start, start + runs[k, 2]):
                value = line[j]
                if value != value:
                    continue
                if value != last:
                    last = value
                    slot, known = _slot_of(table, slots, by_slot, known, value)
                    if slot < 0:
                        return np.full(1, -1, dtype=np.int64), np.zeros(1), np.zeros(1)
                if cells[slot] == 0.0:
                    touched[n_touched] = slot
                    n_touched += 1
                cells[slot] += shares[k]
        if size + n_touched > len(places):
            places, found, covered = (
                _grown(places, size + n_touched),
                _grown(found, size + n_touched),
                _grown(covered, size + n_touched),
            )
        for t in range(n_touched):
            places[size], found[size], covered[size] = i, by_slot[touched[t]], cells[touched[t]]
            cells[touched[t]] = 0.0
            size += 1
    return places[:size], found[:size], covered[:size]


@njit(nogil=True, cache=True)
def _slot_of(
    table: NDArray[np.float64], slots: NDArray[np.int64], by_slot: NDArray[np.float64], known: int, value: float
) -> tuple[int, int]:
    """Slot of a value in the sorted table, put in if new, and how many are known; -1 when it is full."""
    at = np.searchsorted(table[:known], value)
    if at < known and table[at] == value:
        return slots[at], known
    if known == len(table):
        return -1, known
    for i in range(known, at, -1):
        table[i], slots[i] = table[i - 1], slots[i - 1]
    # adding 0.0 makes -0.0 the same value as 0.0
    table[at], slots[at], by_slot[known] = value + 0.0, known, value + 0.0
    return known, known + 1


@njit(nogil=True, cache=True)
def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    out = np.empty(2 * size, dtype=array.dtype)
    out[: len(array)] = array
    return out
