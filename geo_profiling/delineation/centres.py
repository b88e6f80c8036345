"""Urban centres: edges smoothed and gaps filled, each group of near centres in its own window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import STRtree, box

from geo_profiling.compute import Compute
from geo_profiling.delineation import cells
from geo_profiling.delineation.rules import DegurbaRules
from geo_profiling.raster.cellruns import CellRuns, renumber_by_position
from geo_profiling.raster.focal import BARRED, INVALID, UNKNOWN, fill_gaps, smooth_edges
from geo_profiling.raster.grid import Window
from geo_profiling.raster.tiling import TileStore

#: Cells around a centre's box that its smoothing may use; widened where it comes near the border.
_MARGIN = 6
#: Two centres act on one another only within this distance of their cells.
_REACH = 2
#: Groups of one task: so many, or so many cells in their windows.
_BATCH = 64
_BATCH_CELLS = 1_000_000

_FLAGS = np.zeros(256, np.uint8)
for _code in range(256):
    _FLAGS[_code] = (
        (INVALID if _code & cells.INVALID else 0)
        | (BARRED if _code & cells.WATER else 0)
        | (UNKNOWN | BARRED if _code & cells.NO_DATA else 0)
    )


@dataclass(frozen=True)
class _Group:
    """Centres whose boxes meet, in one window, with the codes of its cells."""

    window: Window
    runs: CellRuns
    codes: NDArray[np.uint8]


@dataclass(frozen=True)
class _Refine:
    """Picklable task: smooth and fill a batch of groups."""

    rules: DegurbaRules
    cell_area_km2: float

    def __call__(self, batch: list[_Group]) -> list[CellRuns]:
        return [self._group(group) for group in batch]

    def _group(self, group: _Group) -> CellRuns:
        owners, local = np.unique(group.runs.owner, return_inverse=True)
        labels = np.zeros(group.window.shape, np.int32)
        group.runs.paint(labels, group.window, (local + 1).astype(np.int32))
        flags = _FLAGS[group.codes]
        labels = smooth_edges(labels, flags, rule=self.rules.smoothing)
        if self.rules.max_gap_km2 > 0:
            labels = fill_gaps(labels, flags, max_gap_km2=self.rules.max_gap_km2, cell_area_km2=self.cell_area_km2)
        runs = CellRuns.from_labels(labels, group.window)
        return runs.with_owner(owners[runs.owner - 1])


def refine_centres(seeds: CellRuns, store: TileStore, rules: DegurbaRules, compute: Compute) -> CellRuns:
    """Smooth the edges and fill the gaps of urban centres; smoothing comes first.

    Parameters
    ----------
    seeds : CellRuns
        Cells of the clusters that are large enough, by owner.
    store : TileStore
        Codes of all cells (:mod:`geo_profiling.delineation.cells`).
    rules : DegurbaRules
        Its ``smoothing`` and ``max_gap_km2``.
    compute : Compute

    Returns
    -------
    CellRuns
        Final cells, owners 1, 2, ... in the order of their first cell.
    """
    seeds, _ = renumber_by_position(seeds)
    if not seeds.row.size:
        return seeds
    owners, boxes = seeds.boxes()
    margins = np.full(owners.size, _MARGIN)
    task = _Refine(rules, store.grid.cell_area_km2)
    while True:
        groups = _groups(seeds, boxes, margins, store)
        batches = compute.map(task, _batches(groups), label="urban centres")
        runs = CellRuns.concatenate(part for batch in batches for part in batch)
        near_border = _near_border(runs, boxes, margins, store.grid.shape)
        if not near_border.any():
            return renumber_by_position(runs)[0]
        margins[near_border] *= 4


def _padded(boxes: NDArray[np.int64], margins: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    padded = boxes + np.stack([-margins, -margins, margins, margins], axis=1)
    padded[:, :2] = np.maximum(padded[:, :2], 0)
    padded[:, 2:] = np.minimum(padded[:, 2:], shape)
    return padded


def _near_border(
    runs: CellRuns, boxes: NDArray[np.int64], margins: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Centres that grew to within reach of the border of their padded box, the raster's edge aside."""
    limits = _padded(boxes, margins - _REACH, shape)
    owners, grown = runs.boxes()
    near = np.zeros(boxes.shape[0], bool)
    limit = limits[owners - 1]
    edge = np.array([0, 0, *shape])
    beyond = np.concatenate([grown[:, :2] < limit[:, :2], grown[:, 2:] > limit[:, 2:]], axis=1)
    near[owners - 1] = (beyond & (limit != edge)).any(axis=1)
    return near


def _groups(
    seeds: CellRuns, boxes: NDArray[np.int64], margins: NDArray[np.int64], store: TileStore
) -> Iterator[_Group]:
    """Yield groups of centres whose padded boxes meet, in the order of the tiles they lie in."""
    padded = _padded(boxes, margins, store.grid.shape)
    shapes = box(padded[:, 1], padded[:, 0], padded[:, 3], padded[:, 2])
    pairs = STRtree(shapes).query(shapes, predicate="intersects")
    n = boxes.shape[0]
    _, member = connected_components(coo_array((np.ones(pairs.shape[1]), pairs), shape=(n, n)), directed=False)
    order = np.argsort(member, kind="stable")
    bounds = np.flatnonzero(np.diff(member[order], prepend=-1, append=n + 1))
    group_of_run = member[seeds.owner - 1]
    run_order = np.argsort(group_of_run, kind="stable")
    run_bounds = np.searchsorted(group_of_run[run_order], np.arange(bounds.size))
    corners = np.minimum.reduceat(padded[order, :2], bounds[:-1]), np.maximum.reduceat(padded[order, 2:], bounds[:-1])
    windows = [
        Window(top, left, bottom - top, right - left)
        for (top, left), (bottom, right) in zip(corners[0].tolist(), corners[1].tolist(), strict=True)
    ]
    for group in sorted(range(len(windows)), key=lambda item: store.indices(windows[item])[0]):
        window = windows[group]
        runs = seeds.select(run_order[run_bounds[group] : run_bounds[group + 1]])
        yield _Group(window, runs, store.codes(window))


def _batches(groups: Iterator[_Group]) -> Iterator[list[_Group]]:
    batch: list[_Group] = []
    cells_held = 0
    for group in groups:
        batch.append(group)
        cells_held += group.codes.size
        if len(batch) == _BATCH or cells_held >= _BATCH_CELLS:
            yield batch
            batch, cells_held = [], 0
    if batch:
        yield batch
