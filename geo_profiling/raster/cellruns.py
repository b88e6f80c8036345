"""Cells of many owners (urban centres, clusters) as runs in whole-raster coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from geo_profiling.raster.grid import Window


@dataclass(frozen=True)
class CellRuns:
    """Runs of cells ``start <= column < stop`` of a row, each with its owner.

    Attributes
    ----------
    row, start, stop : ndarray of int32, shape (runs,)
        In cells of the raster.
    owner : ndarray of int64, shape (runs,)
        Number of the centre or cluster.

    Examples
    --------
    >>> labels = np.array([[0, 7, 7], [7, 0, 0]], np.int32)
    >>> runs = CellRuns.from_labels(labels, Window(10, 20, 2, 3))
    >>> runs.row.tolist(), runs.start.tolist(), runs.stop.tolist(), runs.cells().tolist()
    ([10, 11], [21, 20], [23, 21], [2, 1])
    """

    row: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    owner: NDArray[np.int64]

    @classmethod
    def empty(cls) -> CellRuns:
        """Return no runs."""
        none = np.empty(0, np.int32)
        return cls(none, none, none, np.empty(0, np.int64))

    @classmethod
    def concatenate(cls, parts: Iterable[CellRuns]) -> CellRuns:
        """Return all runs of the parts, sorted by owner, row and column, with runs that abut made one."""
        found = [part for part in parts if part.row.size]
        if not found:
            return cls.empty()
        row, start, stop, owner = (
            np.concatenate([getattr(part, name) for part in found]) for name in ("row", "start", "stop", "owner")
        )
        order = np.lexsort((start, row, owner))
        row, start, stop, owner = row[order], start[order], stop[order], owner[order]
        first = np.ones(row.size, bool)
        first[1:] = (owner[1:] != owner[:-1]) | (row[1:] != row[:-1]) | (start[1:] != stop[:-1])
        last = np.append(first[1:], True)
        return cls(row[first], start[first], stop[last], owner[first])

    @classmethod
    def from_labels(cls, labels: NDArray[np.int32], window: Window) -> CellRuns:
        """Return the runs of equal labels above 0 in a window of the raster."""
        row, start, stop, owner = _runs_of_labels(labels)
        return cls(row + np.int32(window.row), start + np.int32(window.col), stop + np.int32(window.col), owner)

    def select(self, keep: NDArray[Any]) -> CellRuns:
        """Return the runs where ``keep`` is true, or those it numbers."""
        return CellRuns(self.row[keep], self.start[keep], self.stop[keep], self.owner[keep])

    def with_owner(self, owner: NDArray[np.int64]) -> CellRuns:
        """Return the same runs with other owners."""
        return CellRuns(self.row, self.start, self.stop, owner)

    def cells(self) -> NDArray[np.int64]:
        """Return the number of cells of each run."""
        return (self.stop - self.start).astype(np.int64)

    def within(self, window: Window) -> CellRuns:
        """Return the parts of the runs that lie in a window."""
        keep = (
            (self.row >= window.row)
            & (self.row < window.row_stop)
            & (self.start < window.col_stop)
            & (self.stop > window.col)
        )
        part = self.select(keep)
        start = np.maximum(part.start, window.col).astype(np.int32)
        stop = np.minimum(part.stop, window.col_stop).astype(np.int32)
        return CellRuns(part.row, start, stop, part.owner)

    def paint(self, values: NDArray[Any], window: Window, what: NDArray[Any]) -> None:
        """Set the cells of the runs to ``what`` (one value a run) in an array of the window.

        The runs must lie in the window (:meth:`within`).
        """
        _paint(values, self.row - np.int32(window.row), self.start - window.col, self.stop - window.col, what)

    def boxes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the owners in ascending order and the bounding box (top, left, bottom, right) of each."""
        owners, index = np.unique(self.owner, return_inverse=True)
        boxes = np.empty((owners.size, 4), np.int64)
        boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int64).max, -1
        np.minimum.at(boxes[:, 0], index, self.row)
        np.minimum.at(boxes[:, 1], index, self.start)
        np.maximum.at(boxes[:, 2], index, self.row + 1)
        np.maximum.at(boxes[:, 3], index, self.stop)
        return owners, boxes


def renumber_by_position(runs: CellRuns) -> tuple[CellRuns, NDArray[np.int64]]:
    """Give the owners the numbers 1, 2, ... in the order of their first cell, rows first.

    The numbers then depend on the cells alone, not on tiles or workers.

    Parameters
    ----------
    runs : CellRuns

    Returns
    -------
    runs : CellRuns
        With the new owners.
    former : ndarray of int64, shape (owners,)
        Former owner of each new one.

    Examples
    --------
    >>> one = np.array([1], np.int32)
    >>> runs, former = renumber_by_position(CellRuns(one, one, one + 1, np.array([99])))
    >>> runs.owner, former
    (array([1]), array([99]))
    """
    order = np.lexsort((runs.start, runs.row))
    former, first, inverse = np.unique(runs.owner[order], return_index=True, return_inverse=True)
    by_position = np.argsort(first)
    rank = np.empty(first.size, np.int64)
    rank[by_position] = np.arange(1, first.size + 1)
    owner = np.empty(runs.owner.size, np.int64)
    owner[order] = rank[inverse]
    return CellRuns.concatenate([runs.with_owner(owner)]), former[by_position]


@numba.njit("Tuple((i4[::1], i4[::1], i4[::1], i8[::1]))(i4[:, ::1])", nogil=True, cache=True)
def _runs_of_labels(labels: Any) -> Any:  # pragma: no cover - compiled
    rows, cols = labels.shape
    count = 0
    for row in range(rows):
        for col in range(cols):
            if labels[row, col] and (col == 0 or labels[row, col - 1] != labels[row, col]):
                count += 1
    out_row, start, stop = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    owner = np.empty(count, np.int64)
    count = 0
    for row in range(rows):
        for col in range(cols):
            label = labels[row, col]
            if label and (col == 0 or labels[row, col - 1] != label):
                out_row[count], start[count], owner[count] = row, col, label
            if label and (col == cols - 1 or labels[row, col + 1] != label):
                stop[count] = col + 1
                count += 1
    return out_row, start, stop, owner


@numba.njit(nogil=True, cache=True)
def _paint(values: Any, row: Any, start: Any, stop: Any, what: Any) -> Any:  # pragma: no cover - compiled
    for run in range(row.size):
        values[row[run], start[run] : stop[run]] = what[run]
