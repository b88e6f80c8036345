"""Connected components of a mask, tile by tile: as runs, never as a label raster.

A tile's mask becomes runs of cells in a row; union-find over the runs gives the tile's components
and their sums. Components that stay inside a tile are finished there; those that touch its edge
are joined across tiles by a second union-find over edge cells only, so memory grows with the edges
of the tiles and not with the cells, however noisy the mask.

Sums are exact in any order: weights are added as 64-bit integers in units of 2**-24
(:data:`FIXED_POINT`), which every float32 count of one half and more is a multiple of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

Connectivity = Literal[4, 8]

#: Parts into which one unit of a weight is divided when it is summed.
FIXED_POINT = float(2**24)


@dataclass(frozen=True)
class Runs:
    """The runs of a mask: ``start <= column < stop`` in each row, rows laid end to end.

    Attributes
    ----------
    row_pointer : ndarray of int64, shape (rows + 1,)
        Runs of row r are ``row_pointer[r]:row_pointer[r + 1]``.
    start, stop : ndarray of int32, shape (runs,)
        First column, and first column behind the run.
    """

    row_pointer: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]

    @property
    def rows(self) -> NDArray[np.int32]:
        """Row of each run."""
        counts = np.diff(self.row_pointer)
        return np.repeat(np.arange(counts.size, dtype=np.int32), counts)


def pad_to_words(width: int) -> int:
    """Return the width of a code array whose rows are whole 64-bit words.

    Examples
    --------
    >>> pad_to_words(13)
    16
    """
    return -(-width // 8) * 8


def runs_of_bit(codes: NDArray[np.uint8], bit: int) -> Runs:
    """Return the runs of cells whose code has ``bit`` set.

    Parameters
    ----------
    codes : ndarray of uint8, shape (rows, columns)
        C-contiguous; columns a multiple of 8 (:func:`pad_to_words`), padding zero.
    bit : int
        A single bit, 1 to 128.

    Examples
    --------
    >>> codes = np.zeros((2, 8), np.uint8); codes[0, 2:5] = 4
    >>> runs = runs_of_bit(codes, 4); runs.start, runs.stop
    (array([2], dtype=int32), array([5], dtype=int32))
    """
    words = codes.view(np.uint64)
    return Runs(*_find_runs(codes, words, np.uint8(bit), np.uint64(bit * 0x0101010101010101)))


@numba.njit("Tuple((i8[::1], i4[::1], i4[::1]))(u1[:, ::1], u8[:, ::1], u1, u8)", nogil=True, cache=True)
def _find_runs(codes: Any, words: Any, bit: Any, mask: Any) -> Any:  # noqa: C901 # pragma: no cover - compiled
    rows, width = codes.shape
    row_pointer = np.zeros(rows + 1, np.int64)
    capacity = 1024
    start = np.empty(capacity, np.int32)
    stop = np.empty(capacity, np.int32)
    count = 0
    for row in range(rows):
        inside = False
        for word in range(words.shape[1]):
            hits = words[row, word] & mask
            first = word * 8
            if hits == 0:
                if inside:
                    stop[count] = first
                    count += 1
                    inside = False
                continue
            if inside and hits == mask:
                continue
            for col in range(first, first + 8):
                on = (codes[row, col] & bit) != 0
                if on and not inside:
                    if count == capacity:
                        capacity *= 2
                        larger = np.empty(capacity, np.int32)
                        larger[:count] = start
                        start = larger
                        larger = np.empty(capacity, np.int32)
                        larger[:count] = stop
                        stop = larger
                    start[count] = col
                    inside = True
                elif inside and not on:
                    stop[count] = col
                    count += 1
                    inside = False
        if inside:
            stop[count] = width
            count += 1
        row_pointer[row + 1] = count
    return row_pointer, start[:count].copy(), stop[:count].copy()


@numba.njit("i4(i4[::1], i4)", nogil=True, cache=True)
def _find(parent: Any, item: Any) -> Any:  # pragma: no cover - compiled
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@numba.njit("i8(i4[::1], i4, i4)", nogil=True, cache=True)
def _union(parent: Any, first: Any, second: Any) -> Any:  # pragma: no cover - compiled
    first, second = _find(parent, first), _find(parent, second)
    # The smaller index becomes the root: labels follow raster order, whatever the order of unions.
    if first < second:
        parent[second] = first
    elif second < first:
        parent[first] = second
    return 0


@numba.njit("Tuple((i4[::1], i8))(i8[::1], i4[::1], i4[::1], i8)", nogil=True, cache=True)
def _label_runs(row_pointer: Any, start: Any, stop: Any, reach: Any) -> Any:  # pragma: no cover - compiled
    n = start.size
    parent = np.arange(n).astype(np.int32)
    for row in range(1, row_pointer.size - 1):
        above, above_end = row_pointer[row - 1], row_pointer[row]
        below, below_end = row_pointer[row], row_pointer[row + 1]
        while above < above_end and below < below_end:
            if start[below] < stop[above] + reach and start[above] < stop[below] + reach:
                _union(parent, np.int32(above), np.int32(below))
            if stop[above] < stop[below]:
                above += 1
            else:
                below += 1
    labels = np.empty(n, np.int32)
    count = 0
    for run in range(n):
        root = _find(parent, np.int32(run))
        if root == run:
            labels[run] = count
            count += 1
        else:
            labels[run] = labels[root]
    return labels, count


def label_runs(runs: Runs, connectivity: Connectivity) -> tuple[NDArray[np.int32], int]:
    """Label the connected components of runs: 0, 1, ... in the order of their first cell.

    Parameters
    ----------
    runs : Runs
        Of one tile or raster.
    connectivity : {4, 8}
        4: cells that share a side (rook); 8: or a corner (queen).

    Returns
    -------
    labels : ndarray of int32, shape (runs,)
    count : int

    Examples
    --------
    >>> codes = np.zeros((2, 8), np.uint8); codes[0, 2] = codes[1, 3] = 1
    >>> [label_runs(runs_of_bit(codes, 1), c)[1] for c in (4, 8)]
    [2, 1]
    """
    labels, count = _label_runs(runs.row_pointer, runs.start, runs.stop, 1 if connectivity == 8 else 0)
    return labels, int(count)


@numba.njit(nogil=True, cache=True)
def _sum_runs(
    row_pointer: Any, start: Any, stop: Any, labels: Any, count: Any, weights: Any
) -> Any:  # pragma: no cover - compiled
    sums = np.zeros(count, np.int64)
    for row in range(row_pointer.size - 1):
        for run in range(row_pointer[row], row_pointer[row + 1]):
            total = np.int64(0)
            for col in range(start[run], stop[run]):
                weight = np.float64(weights[row, col])
                if weight > 0:
                    total += np.int64(np.rint(weight * FIXED_POINT))
            sums[labels[run]] += total
    return sums


def sum_by_component(
    runs: Runs, labels: NDArray[np.int32], count: int, weights: NDArray[np.floating[Any]]
) -> NDArray[np.int64]:
    """Sum the positive weights of each component's cells, in units of ``1 / FIXED_POINT``.

    NaN counts as none.

    Examples
    --------
    >>> codes = np.zeros((1, 8), np.uint8); codes[0, :2] = 1
    >>> runs = runs_of_bit(codes, 1); labels, count = label_runs(runs, 4)
    >>> sum_by_component(runs, labels, count, np.full((1, 8), 1.5)) / FIXED_POINT
    array([3.])
    """
    sums: NDArray[np.int64] = _sum_runs(runs.row_pointer, runs.start, runs.stop, labels, count, weights)
    return sums


@dataclass(frozen=True)
class Edge:
    """Labels of the cells along one edge of a tile; few of them are in a mask, so only those are kept.

    Attributes
    ----------
    size : int
        Cells along the edge.
    place, label : ndarray of int32
        Position and label of the cells in the mask.
    """

    size: int
    place: NDArray[np.int32]
    label: NDArray[np.int32]

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> Edge:
        """Keep the cells whose label is not -1."""
        place = np.flatnonzero(labels >= 0).astype(np.int32)
        return cls(labels.size, place, labels[place])

    def labels(self) -> NDArray[np.int32]:
        """Return the label of every cell, -1 outside the mask."""
        labels = np.full(self.size, -1, np.int32)
        labels[self.place] = self.label
        return labels


@dataclass(frozen=True)
class TileComponents:
    """The components of one tile, as far as other tiles and later passes need them.

    Labels 0 ... ``n_edge - 1`` are the components that touch the tile's edge.

    Attributes
    ----------
    n_edge, n : int
        Components at the edge, and all.
    edge_sums : ndarray of int64, shape (n_edge,)
        Fixed-point sums of the edge components.
    inner_class : ndarray of uint8, shape (n - n_edge,)
        Size class of the finished components: how many of the breaks their sum reaches.
    top, bottom, left, right : Edge
        Labels of the cells at the edges.
    """

    n_edge: int
    n: int
    edge_sums: NDArray[np.int64]
    inner_class: NDArray[np.uint8]
    top: Edge
    bottom: Edge
    left: Edge
    right: Edge


@numba.njit("i8(i8[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1])", nogil=True, cache=True)
def _edge_labels(
    row_pointer: Any, start: Any, stop: Any, labels: Any, top: Any, bottom: Any, left: Any, right: Any
) -> Any:  # pragma: no cover - compiled
    rows, width = row_pointer.size - 1, top.size
    for row in range(rows):
        first, last = row_pointer[row], row_pointer[row + 1]
        if first < last:
            if start[first] == 0:
                left[row] = labels[first]
            if stop[last - 1] == width:
                right[row] = labels[last - 1]
    for run in range(row_pointer[0], row_pointer[1]):
        top[start[run] : stop[run]] = labels[run]
    for run in range(row_pointer[rows - 1], row_pointer[rows]):
        bottom[start[run] : stop[run]] = labels[run]
    return 0


def label_tile(
    codes: NDArray[np.uint8], bit: int, connectivity: Connectivity, width: int
) -> tuple[Runs, NDArray[np.int32], int, int, tuple[NDArray[np.int32], ...]]:
    """Label one tile with the components at its edge first.

    Pure and repeatable: the same codes give the same labels, so later passes label again instead
    of keeping labels.

    Parameters
    ----------
    codes : ndarray of uint8, shape (rows, padded columns)
    bit : int
        Bit that marks the mask.
    connectivity : {4, 8}
    width : int
        Columns without padding.

    Returns
    -------
    runs, labels, n_edge, n, edges
        ``edges`` is (top, bottom, left, right).

    Examples
    --------
    >>> codes = np.zeros((3, 8), np.uint8); codes[1, 1] = codes[0, 3] = 1
    >>> runs, labels, n_edge, n, edges = label_tile(codes, 1, 4, 8)
    >>> labels.tolist(), n_edge, n
    ([0, 1], 1, 2)
    """
    runs = runs_of_bit(codes, bit)
    labels, n = label_runs(runs, connectivity)
    edges = tuple(np.full(size, -1, np.int32) for size in (width, width, codes.shape[0], codes.shape[0]))
    _edge_labels(runs.row_pointer, runs.start, runs.stop, labels, *edges)
    at_edge = np.zeros(n, bool)
    for edge in edges:
        at_edge[edge[edge >= 0]] = True
    n_edge = int(at_edge.sum())
    order = np.empty(n, np.int32)
    order[at_edge] = np.arange(n_edge, dtype=np.int32)
    order[~at_edge] = np.arange(n_edge, n, dtype=np.int32)
    for edge in edges:
        edge[edge >= 0] = order[edge[edge >= 0]]
    return runs, order[labels], n_edge, n, edges


def tile_components(
    codes: NDArray[np.uint8],
    bit: int,
    connectivity: Connectivity,
    weights: NDArray[np.floating[Any]],
    breaks: Sequence[float],
) -> TileComponents:
    """Label a tile, sum the weights of its components and class those that are finished.

    Parameters
    ----------
    codes : ndarray of uint8, shape (rows, padded columns)
    bit : int
    connectivity : {4, 8}
    weights : ndarray, shape (rows, columns)
        Summed where positive.
    breaks : sequence of float
        Ascending; the size class of a component is the number of breaks its sum reaches (>=).

    Examples
    --------
    >>> codes = np.zeros((3, 8), np.uint8); codes[1, 1:3] = 1
    >>> tile_components(codes, 1, 4, np.full((3, 8), 2.0), [3, 5]).inner_class
    array([1], dtype=uint8)
    """
    runs, labels, n_edge, n, edges = label_tile(codes, bit, connectivity, weights.shape[1])
    sums = sum_by_component(runs, labels, n, weights)
    inner = size_class(sums[n_edge:], breaks)
    return TileComponents(n_edge, n, sums[:n_edge].copy(), inner, *(Edge.of(edge) for edge in edges))


def size_class(sums: NDArray[np.int64], breaks: Sequence[float]) -> NDArray[np.uint8]:
    """Return the number of breaks that each fixed-point sum reaches.

    Examples
    --------
    >>> size_class((np.array([499.5, 500, 5000]) * FIXED_POINT).astype(np.int64), [500, 5000])
    array([0, 1, 2], dtype=uint8)
    """
    limits = np.array([round(value * FIXED_POINT) for value in breaks], np.int64)
    return np.searchsorted(limits, sums, side="right").astype(np.uint8)


@numba.njit("i8(i4[::1], i4[::1], i4[::1], i4, i4, i8)", nogil=True, cache=True)
def _join_edges(
    parent: Any, first: Any, second: Any, first_offset: Any, second_offset: Any, reach: Any
) -> Any:  # pragma: no cover - compiled
    n = first.size
    for i in range(n):
        if first[i] < 0:
            continue
        for j in range(max(0, i - reach), min(n, i + reach + 1)):
            if second[j] >= 0:
                _union(parent, np.int32(first_offset + first[i]), np.int32(second_offset + second[j]))
    return 0


@numba.njit("i4[::1](i4[::1])", nogil=True, cache=True)
def _roots(parent: Any) -> Any:  # pragma: no cover - compiled
    roots = np.empty(parent.size, np.int32)
    for item in range(parent.size):
        roots[item] = _find(parent, np.int32(item))
    return roots


@dataclass(frozen=True)
class Components:
    """The components of the whole raster: what each tile's labels belong to.

    Attributes
    ----------
    tiles : list of TileComponents
        In tiling order.
    roots : list of ndarray of int32
        For each tile, the root of each edge component; equal roots are one component.
    sums : ndarray of int64
        Fixed-point sum by root.
    inner_first : ndarray of int64
        For each tile, the identity of its first finished component.
    breaks : tuple of float
        The size breaks.
    """

    tiles: list[TileComponents]
    roots: list[NDArray[np.int32]]
    sums: NDArray[np.int64]
    inner_first: NDArray[np.int64]
    breaks: tuple[float, ...]

    def classes(self, tile: int) -> NDArray[np.uint8]:
        """Return the size class of each component of a tile, by its label."""
        part = self.tiles[tile]
        return np.concatenate([size_class(self.sums[self.roots[tile]], self.breaks), part.inner_class])

    def identities(self, tile: int) -> NDArray[np.int64]:
        """Return a number for each label of a tile; equal numbers are one component, over all tiles."""
        part = self.tiles[tile]
        inner = self.inner_first[tile] + np.arange(part.n - part.n_edge, dtype=np.int64)
        return np.concatenate([self.roots[tile].astype(np.int64), inner])

    def spread(self, flags: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
        """Carry flags of labels to all parts of the same component (True where any part is)."""
        by_root = np.zeros(self.sums.size, bool)
        for part, roots, flag in zip(self.tiles, self.roots, flags, strict=True):
            by_root[roots[flag[: part.n_edge]]] = True
        return [
            np.concatenate([by_root[roots], flag[part.n_edge :]])
            for part, roots, flag in zip(self.tiles, self.roots, flags, strict=True)
        ]


def join_tiles(
    parts: list[TileComponents], tiles_across: int, connectivity: Connectivity, breaks: Sequence[float]
) -> Components:
    """Join the components of a tiling across the edges of its tiles.

    Parameters
    ----------
    parts : list of TileComponents
        Row by row, ``tiles_across`` in a row.
    tiles_across : int
    connectivity : {4, 8}
    breaks : sequence of float
        As in :func:`tile_components`.

    Examples
    --------
    >>> codes = np.ones((2, 8), np.uint8)
    >>> tiles = [tile_components(codes, 1, 4, np.ones((2, 8)), [20]) for _ in range(2)]
    >>> join_tiles(tiles, 2, 4, [20]).classes(0)
    array([1], dtype=uint8)
    """
    offsets = np.concatenate([[0], np.cumsum([part.n_edge for part in parts])]).astype(np.int32)
    parent = np.arange(offsets[-1], dtype=np.int32)
    reach = 1 if connectivity == 8 else 0
    for index, part in enumerate(parts):
        if (index + 1) % tiles_across:
            other = parts[index + 1].left
            _join_edges(parent, part.right.labels(), other.labels(), offsets[index], offsets[index + 1], reach)
        below = index + tiles_across
        if below < len(parts):
            other = parts[below].top
            _join_edges(parent, part.bottom.labels(), other.labels(), offsets[index], offsets[below], reach)
            if reach:
                _join_corners(parent, parts, offsets, index, tiles_across)
    roots = _roots(parent)
    sums = np.zeros(parent.size, np.int64)
    for index, part in enumerate(parts):
        np.add.at(sums, roots[offsets[index] : offsets[index + 1]], part.edge_sums)
    inner = np.cumsum([parent.size] + [part.n - part.n_edge for part in parts])[:-1]
    by_tile = [roots[offsets[i] : offsets[i + 1]] for i in range(len(parts))]
    return Components(parts, by_tile, sums, inner.astype(np.int64), tuple(breaks))


def _join_corners(
    parent: NDArray[np.int32], parts: list[TileComponents], offsets: NDArray[np.int32], index: int, tiles_across: int
) -> None:
    """Join a tile to the tiles below right and below left, which it meets in one corner cell."""
    column = index % tiles_across
    for step, end in ((1, -1), (-1, 0)):
        if not 0 <= column + step < tiles_across:
            continue
        other = index + tiles_across + step
        first, second = parts[index].bottom.labels()[end], parts[other].top.labels()[-1 - end]
        if first >= 0 and second >= 0:
            _union(parent, np.int32(offsets[index] + first), np.int32(offsets[other] + second))
