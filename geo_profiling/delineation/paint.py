"""Later passes of the Degree of Urbanisation: seeds of centres, the buffer, classes, clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.delineation import cells
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.rules import DegurbaRules, Level
from geo_profiling.delineation.scan import Kind, Scan
from geo_profiling.raster.cellruns import CellRuns, renumber_by_position
from geo_profiling.raster.components import FIXED_POINT, Runs, label_tile, pad_to_words
from geo_profiling.raster.focal import dilate
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import Source
from geo_profiling.raster.tiling import TileStore, assemble, unpack

ClusterKind = Literal["urban_centre", "dense_cluster", "semi_dense_cluster", "urban_cluster"]

#: Nodata of class grids.
CLASS_NODATA = -32768
#: Codes of each level, highest class first.
LEVEL_CODES: dict[int, tuple[int, ...]] = {1: (3, 2, 1, 0), 2: (30, 23, 22, 21, 13, 12, 11, 10)}


@dataclass(frozen=True)
class Clusters:
    """The clusters of one kind: their cells and people.

    Attributes
    ----------
    runs : CellRuns
        Owners 1, 2, ... in the order of their first cell.
    population : ndarray of float64, shape (clusters,)
        People in the cells, by owner.
    touches_edge : ndarray of bool, shape (clusters,)
        Whether a cell lies at the raster's edge or beside a cell without data: the cluster may go
        on beyond what is known.
    """

    runs: CellRuns
    population: NDArray[np.float64]
    touches_edge: NDArray[np.bool_]


@dataclass(frozen=True)
class DegurbaSummary:
    """What a classification found besides the classes of cells.

    Attributes
    ----------
    grid : Grid
    level : {1, 2}
    rules : DegurbaRules
    population : float
        Sum of the population grid, exact to 2**-24 a cell.
    built_up_unknown_cells : int
        Cells with land but without built-up data, taken as not built.
    clusters : dict
        By kind; empty unless asked for.
    """

    grid: Grid
    level: Level
    rules: DegurbaRules
    population: float
    built_up_unknown_cells: int
    clusters: dict[ClusterKind, Clusters] = field(default_factory=dict)


@dataclass(frozen=True)
class TileLabels:
    """The components of one kind in a tile, labelled again from its codes."""

    runs: Runs
    labels: NDArray[np.int32]

    @classmethod
    def of(cls, codes: NDArray[np.uint8], kind: Kind, width: int) -> TileLabels:
        """Label a tile's codes (columns padded to 8)."""
        runs, labels, *_ = label_tile(codes, kind.bit, kind.connectivity, width)
        return cls(runs, labels)

    def paint(self, values: NDArray[Any], by_label: NDArray[Any]) -> None:
        """Set the cells of each component to its value where that is not 0."""
        _paint_labels(values, self.runs.row_pointer, self.runs.start, self.runs.stop, self.labels, by_label)


@numba.njit(nogil=True, cache=True)
def _paint_labels(
    values: Any, row_pointer: Any, start: Any, stop: Any, labels: Any, by_label: Any
) -> Any:  # pragma: no cover - compiled
    for row in range(row_pointer.size - 1):
        for run in range(row_pointer[row], row_pointer[row + 1]):
            value = by_label[labels[run]]
            if value != 0:
                values[row, start[run] : stop[run]] = value


def _unpack(window: Window, packed: bytes) -> NDArray[np.uint8]:
    return unpack(packed, (window.height, pad_to_words(window.width)))


# --- dense clusters and the seeds of urban centres ------------------------------------------------


@dataclass(frozen=True)
class DenseCells:
    """Cells of the dense components that reach a size, by component.

    Attributes
    ----------
    runs : CellRuns
        Of dense clusters, those of the size of an urban centre included.
    centres : ndarray of int64
        Owners of the size of an urban centre.
    """

    runs: CellRuns
    centres: NDArray[np.int64]

    def seeds(self) -> CellRuns:
        """Return the cells that urban centres start from."""
        return self.runs.select(np.isin(self.runs.owner, self.centres))


def dense_cells(scan: Scan, store: TileStore, compute: Compute) -> DenseCells:
    """Gather the cells of dense clusters and of the seeds of urban centres."""
    kind, dense = scan.kinds["dense"], scan.components["dense"]
    centres: list[NDArray[np.int64]] = [np.empty(0, np.int64)]

    def items() -> Iterator[tuple[Window, bytes, Kind, NDArray[np.int64]]]:
        for index, window in enumerate(store.tiles):
            classes = dense.classes(index)
            if classes.any():
                owners = np.where(classes > 0, dense.identities(index) + 1, 0)
                centres.append(owners[classes == len(kind.breaks)])
                yield window, store.get(index), kind, owners

    runs = CellRuns.concatenate(compute.map(_owned_runs, items(), label="dense clusters"))
    return DenseCells(runs, np.unique(np.concatenate(centres)))


def _owned_runs(item: tuple[Window, bytes, Kind, NDArray[np.int64]]) -> CellRuns:
    window, packed, kind, owners = item
    found = TileLabels.of(_unpack(window, packed), kind, window.width)
    owner = owners[found.labels]
    runs = CellRuns(
        found.runs.rows + np.int32(window.row),
        found.runs.start + np.int32(window.col),
        found.runs.stop + np.int32(window.col),
        owner,
    )
    return runs.select(owner > 0)


# --- semi-dense clusters and the buffer ----------------------------------------------------------


def free_semi_dense(
    scan: Scan, upper: CellRuns, store: TileStore, reach: tuple[int, int], compute: Compute
) -> list[NDArray[np.bool_]]:
    """For each tile, which labels are semi-dense clusters that stay clear of the buffer.

    Parameters
    ----------
    scan, store
        From the first pass.
    upper : CellRuns
        Cells of urban centres and dense clusters.
    reach : tuple of int
        Rows and columns of the buffer around them; a cluster with any cell in it is dropped whole.
    compute : Compute
    """
    kind, semi_dense = scan.kinds["semi_dense"], scan.components["semi_dense"]
    touched = [np.zeros(part.n, bool) for part in semi_dense.tiles]
    wanted = [index for index in range(len(store.tiles)) if semi_dense.classes(index).any()]
    by_row = upper.select(np.argsort(upper.row, kind="stable"))

    def items() -> Iterator[_BufferedTile]:
        for index in wanted:
            window = store.tiles[index]
            wide = window.expand(max(reach), within=store.grid.shape)
            first, last = np.searchsorted(by_row.row, (wide.row, wide.row_stop))
            near = by_row.select(np.arange(first, last)).within(wide)
            yield _BufferedTile(window, store.get(index), near, kind, reach)

    found = compute.map(_touched_labels, items(), label="semi-dense clusters")
    for index, flags in zip(wanted, found, strict=True):
        touched[index] = flags
    return [(semi_dense.classes(index) > 0) & ~flags for index, flags in enumerate(semi_dense.spread(touched))]


@dataclass(frozen=True)
class _BufferedTile:
    window: Window
    packed: bytes
    upper: CellRuns
    kind: Kind
    reach: tuple[int, int]


def _touched_labels(tile: _BufferedTile) -> NDArray[np.bool_]:
    window, upper = tile.window, tile.upper
    buffer = np.zeros(window.shape, np.bool_)
    _paint_buffer(buffer, upper.row - window.row, upper.start - window.col, upper.stop - window.col, *tile.reach)
    found = TileLabels.of(_unpack(window, tile.packed), tile.kind, window.width)
    runs, labels = found.runs, found.labels
    flags: NDArray[np.bool_] = _any_by_label(buffer, runs.row_pointer, runs.start, runs.stop, labels)
    return flags


@numba.njit(nogil=True, cache=True)
def _paint_buffer(
    buffer: Any, row: Any, start: Any, stop: Any, reach_rows: Any, reach_cols: Any
) -> Any:  # pragma: no cover - compiled
    """Set all cells within reach of runs, which may lie outside the buffer."""
    rows, cols = buffer.shape
    for run in range(row.size):
        begin, end = max(0, start[run] - reach_cols), min(cols, stop[run] + reach_cols)
        if begin < end:
            for near in range(max(0, row[run] - reach_rows), min(rows, row[run] + reach_rows + 1)):
                buffer[near, begin:end] = True


@numba.njit(nogil=True, cache=True)
def _any_by_label(mask: Any, row_pointer: Any, start: Any, stop: Any, labels: Any) -> Any:  # pragma: no cover
    flags = np.zeros(labels.max() + 1 if labels.size else 0, np.bool_)
    for row in range(row_pointer.size - 1):
        for run in range(row_pointer[row], row_pointer[row + 1]):
            if not flags[labels[run]] and mask[row, start[run] : stop[run]].any():
                flags[labels[run]] = True
    return flags


# --- classes and clusters ------------------------------------------------------------------------


@dataclass(frozen=True)
class PaintJob:
    """Everything the last pass needs.

    Attributes
    ----------
    inputs, rules, level, scan
        As in the first pass.
    centres : CellRuns
        Final cells of urban centres.
    semi_dense : list of ndarray of bool
        :func:`free_semi_dense`; empty for Level 1.
    with_clusters : bool
        Whether the clusters are wanted.
    """

    inputs: CellInputs
    rules: DegurbaRules
    level: Level
    scan: Scan
    centres: CellRuns
    semi_dense: list[NDArray[np.bool_]]
    with_clusters: bool


@dataclass(frozen=True)
class _Tile:
    """Picklable item: one tile's codes and what its labels are."""

    window: Window
    wide: Window
    parts: list[tuple[Window, bytes]]
    level: Level
    kinds: dict[str, Kind]
    classes: dict[str, NDArray[np.uint8]]
    centres: CellRuns
    shape: tuple[int, int]
    population: Source | None
    identities: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class _TileResult:
    window: Window
    classes: NDArray[np.int16]
    clusters: dict[ClusterKind, tuple[CellRuns, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]]


def paint(
    job: PaintJob, store: TileStore, write: Callable[[Window, NDArray[np.int16]], None], compute: Compute
) -> DegurbaSummary:
    """Write the classes tile by tile and gather the clusters."""
    gathered: dict[ClusterKind, list[tuple[CellRuns, NDArray[Any], NDArray[Any], NDArray[Any]]]] = {}
    results = compute.map(_paint_tile, _tiles(job, store), label="write classes", total=len(store.tiles))
    for result in results:
        write(result.window, result.classes)
        for kind, part in result.clusters.items():
            gathered.setdefault(kind, []).append(part)
    return DegurbaSummary(
        grid=store.grid,
        level=job.level,
        rules=job.rules,
        population=job.scan.total / FIXED_POINT,
        built_up_unknown_cells=job.scan.built_up_unknown,
        clusters={kind: _gather(parts) for kind, parts in gathered.items()},
    )


def _tiles(job: PaintJob, store: TileStore) -> Iterator[_Tile]:
    for index, window in enumerate(store.tiles):
        wide = window
        if job.with_clusters:
            ring = window.expand(1, within=store.grid.shape)
            if any(job.scan.no_data[other] for other in store.indices(ring)):
                wide = ring
        classes = {name: components.classes(index) for name, components in job.scan.components.items()}
        if job.semi_dense:
            classes["semi_dense"] = job.semi_dense[index].astype(np.uint8)
        identities = {}
        if job.with_clusters:
            identities = {name: found.identities(index) for name, found in job.scan.components.items()}
        yield _Tile(
            window,
            wide,
            store.overlapping(wide),
            job.level,
            job.scan.kinds,
            classes,
            job.centres.within(window),
            store.grid.shape,
            job.inputs.population if job.with_clusters else None,
            identities,
        )


#: Class of a cell by itself, before clusters are painted, by its code; and by size class of clusters.
_BASE = {level: np.empty(256, np.int16) for level in (1, 2)}
for _code in range(256):
    _water = bool(_code & cells.WATER)
    _BASE[1][_code] = CLASS_NODATA if _code & cells.NO_DATA else 0 if _water else 1
    _BASE[2][_code] = CLASS_NODATA if _code & cells.NO_DATA else 12 if _code & cells.LOW else 10 if _water else 11
_CLUSTER_CODES: dict[int, dict[str, tuple[int, ...]]] = {
    1: {"urban": (0, 2)},
    2: {"urban": (0, 13, 21), "semi_dense": (0, 22), "dense": (0, 23, 23)},
}
_CENTRE_CODE = {1: 3, 2: 30}


def _paint_tile(tile: _Tile) -> _TileResult:
    window = tile.window
    if tile.wide == window:
        codes = _unpack(*tile.parts[0])
        near_no_data = None
    else:
        near_no_data, codes = _near_no_data(tile)
    classes = _BASE[tile.level][codes]
    found: dict[str, TileLabels] = {}
    # Lower classes first: each higher one paints over them.
    for name, by_size in _CLUSTER_CODES[tile.level].items():
        if tile.classes[name].any():
            found[name] = TileLabels.of(codes, tile.kinds[name], window.width)
            found[name].paint(classes, np.array(by_size, np.int16)[tile.classes[name]])
    tile.centres.paint(classes, window, np.full(tile.centres.row.size, _CENTRE_CODE[tile.level], np.int16))
    classes = np.ascontiguousarray(classes[:, : window.width])
    return _TileResult(window, classes, _tile_clusters(tile, found, classes, near_no_data))


def _near_no_data(tile: _Tile) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Cells beside a cell without data, and the tile's own codes padded to words."""
    window, wide = tile.window, tile.wide
    wide_codes = assemble(wide, tile.parts)
    top, left = window.row - wide.row, window.col - wide.col
    inner = slice(top, top + window.height), slice(left, left + window.width)
    codes = np.zeros((window.height, pad_to_words(window.width)), np.uint8)
    codes[:, : window.width] = wide_codes[inner]
    return dilate((wide_codes & cells.NO_DATA) != 0, (1, 1))[inner], codes


def _tile_clusters(
    tile: _Tile,
    found: dict[str, TileLabels],
    classes: NDArray[np.int16],
    near_no_data: NDArray[np.bool_] | None,
) -> dict[ClusterKind, tuple[CellRuns, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]]:
    """Cells, people and edge flags of the clusters in a tile, by kind."""
    if tile.population is None:
        return {}
    people = tile.population.read(tile.window)
    edge = np.zeros(classes.shape, bool) if near_no_data is None else near_no_data.copy()
    window = tile.window
    edge[:1] |= window.row == 0
    edge[-1:] |= window.row_stop == tile.shape[0]
    edge[:, :1] |= window.col == 0
    edge[:, -1:] |= window.col_stop == tile.shape[1]
    clusters: dict[ClusterKind, tuple[CellRuns, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = {}

    def add(kind: ClusterKind, labels: NDArray[np.int32], owners: NDArray[np.int64]) -> None:
        runs = CellRuns.from_labels(labels, window)
        sums = _sum_by_label(labels, people, owners.size + 1)[1:]
        touches = _any_in_label(labels, edge, owners.size + 1)[1:]
        clusters[kind] = runs.with_owner(owners[runs.owner - 1]), owners, sums, touches

    if tile.centres.row.size:
        owners, local = np.unique(tile.centres.owner, return_inverse=True)
        labels = np.zeros(window.shape, np.int32)
        tile.centres.paint(labels, window, (local + 1).astype(np.int32))
        add("urban_centre", labels, owners)
    wanted: tuple[tuple[ClusterKind, str, int, int | None], ...] = (
        ("dense_cluster", "dense", 1, 23),
        ("semi_dense_cluster", "semi_dense", 1, 22),
        ("urban_cluster", "urban", len(tile.kinds["urban"].breaks), None),
    )
    for kind, name, size, code in wanted:
        if name not in found:
            continue
        keep = np.flatnonzero(tile.classes[name] >= size)
        by_label = np.zeros(tile.classes[name].size, np.int32)
        by_label[keep] = np.arange(1, keep.size + 1)
        padded = np.zeros((window.height, pad_to_words(window.width)), np.int32)
        found[name].paint(padded, by_label)
        labels = np.ascontiguousarray(padded[:, : window.width])
        if code is not None:
            labels[classes != code] = 0
        if labels.any():
            add(kind, labels, tile.identities[name][keep])
    return clusters


@numba.njit(nogil=True, cache=True)
def _sum_by_label(labels: Any, weights: Any, size: Any) -> Any:  # pragma: no cover - compiled
    sums = np.zeros(size, np.int64)
    for row in range(labels.shape[0]):
        for col in range(labels.shape[1]):
            if labels[row, col] and weights[row, col] > 0:
                sums[labels[row, col]] += np.int64(np.rint(np.float64(weights[row, col]) * FIXED_POINT))
    return sums


@numba.njit(nogil=True, cache=True)
def _any_in_label(labels: Any, mask: Any, size: Any) -> Any:  # pragma: no cover - compiled
    flags = np.zeros(size, np.bool_)
    for row in range(labels.shape[0]):
        for col in range(labels.shape[1]):
            if labels[row, col] and mask[row, col]:
                flags[labels[row, col]] = True
    return flags


def _gather(parts: list[tuple[CellRuns, NDArray[Any], NDArray[Any], NDArray[Any]]]) -> Clusters:
    """Put the parts of clusters in different tiles together."""
    runs, former = renumber_by_position(CellRuns.concatenate(part[0] for part in parts))
    number = {int(owner): index for index, owner in enumerate(former)}
    population, touches = np.zeros(former.size, np.int64), np.zeros(former.size, bool)
    for _, owners, sums, flags in parts:
        for owner, people, flag in zip(owners.tolist(), sums.tolist(), flags.tolist(), strict=True):
            if owner in number:
                population[number[owner]] += people
                touches[number[owner]] |= flag
    return Clusters(runs, population / FIXED_POINT, touches)
