"""Travel time from many sources over a friction surface, exact on the 8-neighbour grid, with the nearest source.

Times are 64-bit integers in units of 2**-32 minutes while they are computed: sums of steps are then the
same in any order, so times, ties and allocation depend on the friction alone and on no tile or thread.

The grid is worked tile by tile in waves of rising time. In a tile a bucket queue settles the cells below
the wave's horizon; what changes on the tile's edge wakes its neighbours, until no tile has a cell below
the horizon that has not passed its time on. Tiles of one of four colours never touch, so those of a colour
run at once. The fixed point of this is the least one: the answer of Dijkstra's algorithm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numba
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import require_projected
from geo_profiling.errors import UsageError, ValueRangeError
from geo_profiling.raster.grid import Window
from geo_profiling.raster.source import ArraySource, FloatArray, grid_of, wrap

#: Parts into which a minute is divided.
TICKS_PER_MINUTE = 2.0**32
#: Slowest step that is followed (11 days), so that no sum of steps passes 64 bits.
MAX_STEP_MINUTES = 2.0**14
#: Rows and columns of a tile; its cells and queue stay in a processor's own cache.
TILE_SIZE = 256
#: Times at or above this stand for "not reached".
_UNREACHED = np.int64(2**62)
#: Below every time, so that nothing is ever passed on to such a cell.
_IMPASSABLE = np.int64(-1)
#: Mark of a cell that got a better time from the halo.
_HEARD = -2
_MAX_BUCKETS = 32768
#: Rows looked at together when values are checked or converted.
_STRIP_ROWS = 512


@dataclass(frozen=True)
class CostDistance:
    """Travel time to the nearest source, and which one it is.

    Attributes
    ----------
    minutes : xarray.DataArray
        float64; NaN where no source is reached (within ``max_minutes``).
    source : xarray.DataArray
        int32 id of the nearest source; 0 where none is reached.
    """

    minutes: xr.DataArray
    source: xr.DataArray


def cost_distance(
    friction: xr.DataArray,
    sources: xr.DataArray,
    *,
    max_minutes: float | None = None,
    tile_size: int = TILE_SIZE,
    compute: Compute | None = None,
) -> CostDistance:
    """Travel time in minutes from the nearest source to every cell, and that source's id.

    Parameters
    ----------
    friction : xarray.DataArray
        Minutes per metre, shape (rows, columns), projected CRS in metres. NaN is impassable.
    sources : xarray.DataArray
        Integer ids above 0 in the cells of sources, 0 elsewhere; same grid. All cells of a source
        have time 0, so times count from its edge.
    max_minutes : float, optional
        Cells farther than this are not reached; bounds the work.
    tile_size : int
        Rows and columns of a tile; never changes the result.
    compute : Compute, optional
        How many threads of this process; a Dask client is not used, as the state is in one memory.

    Returns
    -------
    CostDistance

    Raises
    ------
    CRSError, GridError
        If the CRS is not projected in metres or the grids are not aligned.
    ValueRangeError
        If friction is zero, negative, infinite or absurd, or an id negative: with count and first cell.
    UsageError
        If ``max_minutes`` or ``tile_size`` is not positive.

    Notes
    -----
    A step between the centres of two of 8 neighbours takes its length times the mean friction of the
    two cells; the length of a diagonal is the hypotenuse of the cell's width and height. Each step is
    rounded to 2**-32 minutes. Of several sources at exactly the same time the smaller id is taken, and
    the choice is handed on along the paths. Diagonal steps pass between two impassable cells.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from geo_profiling.raster.grid import Grid
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (1, 5))
    >>> friction = wrap(np.full((1, 5), 0.012), grid)  # 5 km/h
    >>> found = cost_distance(friction, wrap(np.array([[1, 0, 0, 0, 2]], np.int32), grid))
    >>> found.minutes.values.round(6).tolist(), found.source.values.tolist()
    ([[0.0, 12.0, 24.0, 12.0, 0.0]], [[1, 1, 1, 2, 2]])
    """
    grid = grid_of(friction, name="friction")
    grid.require_aligned(grid_of(sources, name="sources"), what="friction and sources")
    require_projected(grid.crs, what="friction")
    costs = ArraySource(friction, "friction").read(grid.window)
    ids = ArraySource(sources, "sources")
    labels = np.empty(grid.shape, np.int32)
    for strip in grid.tiles((_STRIP_ROWS, grid.shape[1])):
        labels[strip.slices] = np.nan_to_num(ids.read(strip)).astype(np.int32)
    minutes, nearest = travel_times(
        costs, labels, cell_size=grid.cell_size, max_minutes=max_minutes, tile_size=tile_size, compute=compute
    )
    return CostDistance(wrap(minutes, grid, name="minutes"), wrap(nearest, grid, name="source", nodata=0))


def travel_times(
    friction: FloatArray,
    sources: NDArray[np.int32],
    *,
    cell_size: tuple[float, float],
    max_minutes: float | None = None,
    tile_size: int = TILE_SIZE,
    compute: Compute | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return minutes and nearest source of every cell; :func:`cost_distance` on plain arrays.

    Besides its arguments it holds 12 bytes a cell and about 4 MB a thread.

    Parameters
    ----------
    friction : ndarray of float32 or float64, shape (rows, columns)
        Minutes per metre; NaN is impassable.
    sources : ndarray of int32, shape (rows, columns)
        Ids above 0 in the cells of sources, 0 elsewhere.
    cell_size : tuple of float
        Width and height of a cell in metres.
    max_minutes : float, optional
    tile_size : int
    compute : Compute, optional

    Raises
    ------
    ValueRangeError, UsageError
        As :func:`cost_distance`.

    Examples
    --------
    >>> minutes, nearest = travel_times(np.full((1, 3), 0.012), np.array([[7, 0, 0]], np.int32), cell_size=(500, 500))
    >>> minutes.round(6).tolist(), nearest.tolist()
    ([[0.0, 6.0, 12.0]], [[7, 7, 7]])
    """
    if max_minutes is not None and not max_minutes > 0:
        raise UsageError(f"max_minutes is {max_minutes:g}, a time above 0 is wanted")
    if tile_size < 1:
        raise UsageError(f"tile_size is {tile_size}, at least 1 is wanted")
    if friction.shape != sources.shape:
        raise UsageError(f"friction has shape {friction.shape}, sources {sources.shape}")
    typical = _check(friction, sources, math.hypot(*cell_size))
    # One memory layout, one compiled kernel.
    if not friction.flags.c_contiguous:
        friction = friction.copy()
    # The longest time of interest is still reached, the next tick is not.
    limit = _UNREACHED
    if max_minutes is not None and max_minutes * TICKS_PER_MINUTE < float(_UNREACHED):
        limit = np.int64(math.floor(max_minutes * TICKS_PER_MINUTE)) + 1
    nearest = np.array(sources, np.int32, order="C")
    ticks = np.empty(friction.shape, np.int64)
    _start(friction, nearest, ticks)
    waves = _Waves(friction, ticks, nearest, cell_size, tile_size, limit)
    compute = compute or Compute()
    with ThreadPoolExecutor(compute.threads) as pool:
        waves.run(pool, typical)
    minutes = ticks.view(np.float64)
    _to_minutes(ticks, nearest, minutes, limit)
    return minutes, nearest


def _check(friction: FloatArray, sources: NDArray[np.int32], longest_step_m: float) -> float:
    """Refuse values that cannot be; return the median friction of a sample (1.0 where all is impassable)."""
    too_slow = MAX_STEP_MINUTES / longest_step_m
    bad = {"zero or negative": 0, "infinite": 0, f"above {too_slow:g} minutes per metre": 0}
    first: tuple[int, int] | None = None
    for top in range(0, friction.shape[0], _STRIP_ROWS):
        strip = friction[top : top + _STRIP_ROWS]
        masks = (strip <= 0, np.isinf(strip) & (strip > 0), (strip > too_slow) & np.isfinite(strip))
        for what, mask in zip(bad, masks, strict=True):
            bad[what] += int(mask.sum())
        if first is None and any(mask.any() for mask in masks):
            row, col = np.argwhere(masks[0] | masks[1] | masks[2])[0]
            first = top + int(row), int(col)
        if (sources[top : top + _STRIP_ROWS] < 0).any():
            raise ValueRangeError("sources: an id is negative", hint="ids are whole numbers above 0, 0 is no source")
    if first is not None:
        counts = ", ".join(f"{count} {what}" for what, count in bad.items() if count)
        raise ValueRangeError(
            f"friction: {counts} of {friction.size} cells, first {friction[first]:g} at row {first[0]}, "
            f"column {first[1]}",
            hint="friction is minutes per metre above 0; declare impassable cells as nodata",
        )
    step = max(1, math.isqrt(friction.size // 1_000_000))
    sample = friction[::step, ::step]
    sample = sample[np.isfinite(sample)]
    return float(np.median(sample)) if sample.size else 1.0


class _Waves:
    """The state of the computation, and the waves that bring it to its fixed point.

    Of each tile two times are kept: ``done``, below which all its cells have passed their time on, and
    ``wake``, the earliest time of a cell, its own or a neighbour's, that has not.
    """

    def __init__(
        self,
        friction: FloatArray,
        ticks: NDArray[np.int64],
        nearest: NDArray[np.int32],
        cell_size: tuple[float, float],
        tile_size: int,
        limit: np.int64,
    ) -> None:
        self.friction, self.ticks, self.nearest, self.limit = friction, ticks, nearest, limit
        rows, cols = friction.shape
        self.tile = min(tile_size, rows), min(tile_size, cols)
        self.tiles = -(-rows // self.tile[0]), -(-cols // self.tile[1])
        width, height = cell_size
        # Halved, as they meet the sum of two frictions.
        self.half_steps = np.array([width, height, math.hypot(width, height)]) * (TICKS_PER_MINUTE / 2)
        self.crossing_m = max(self.tile[0] * height, self.tile[1] * width)
        self.wake = np.full(self.tiles, _UNREACHED, np.int64)
        self.done = np.zeros(self.tiles, np.int64)
        self.typical_step = np.ones(self.tiles)
        for row, col in np.ndindex(self.tiles):
            window = self._window(row, col)
            # A source just across the edge changes no time there, so nobody would tell of it.
            if (nearest[window.expand(1, within=friction.shape).slices] > 0).any():
                self.wake[row, col] = 0
            costs = friction[window.slices]
            if not np.isnan(costs).all():
                self.typical_step[row, col] = 2 * np.nanmean(costs) * self.half_steps[:2].min()
        self._scratch: SimpleQueue[tuple[NDArray[Any], ...]] = SimpleQueue()

    def _window(self, row: int, col: int) -> Window:
        top, left = row * self.tile[0], col * self.tile[1]
        rows, cols = self.friction.shape
        return Window(top, left, min(self.tile[0], rows - top), min(self.tile[1], cols - left))

    def run(self, pool: ThreadPoolExecutor, typical_friction: float) -> None:
        """Run waves until every cell has passed its time on."""
        wave = max(1, int(typical_friction * self.crossing_m * TICKS_PER_MINUTE * _WAVE_OF_CROSSING))
        horizon = np.int64(0)
        while (earliest := self.wake.min()) < self.limit:
            horizon = np.int64(min(int(self.limit), max(int(horizon), int(earliest)) + wave))
            while (self.wake < horizon).any():
                for colour in range(4):
                    awake = np.argwhere(self.wake[colour // 2 :: 2, colour % 2 :: 2] < horizon)
                    tiles = [(2 * row + colour // 2, 2 * col + colour % 2) for row, col in awake.tolist()]
                    for tile, report in zip(tiles, pool.map(self._task(horizon), tiles), strict=True):
                        self._hear(tile, report, horizon)

    def _task(self, horizon: np.int64) -> Any:
        def settle(tile: tuple[int, int]) -> NDArray[np.int64]:
            window = self._window(*tile)
            report = np.empty(9, np.int64)
            with self._borrowed_scratch() as scratch:
                _settle(
                    self.friction,
                    self.ticks,
                    self.nearest,
                    np.array([window.row, window.row_stop, window.col, window.col_stop]),
                    self.half_steps,
                    self.typical_step[tile],
                    self.done[tile],
                    horizon,
                    self.limit,
                    *scratch,
                    report,
                )
            return report

        return settle

    @contextmanager
    def _borrowed_scratch(self) -> Iterator[tuple[NDArray[Any], ...]]:
        """Yield the work arrays of a tile with its halo; as many sets exist as threads have worked at once."""
        size = (self.tile[0] + 2) * (self.tile[1] + 2)
        if self._scratch.empty():
            kinds = (np.float64, np.int64, np.int32, np.int32, np.int32, np.int32)
            scratch = (*(np.empty(size, kind) for kind in kinds), np.empty(_MAX_BUCKETS + 1, np.int32))
        else:
            scratch = self._scratch.get()
        yield scratch
        self._scratch.put(scratch)

    def _hear(self, tile: tuple[int, int], report: NDArray[np.int64], horizon: np.int64) -> None:
        """Take a tile's report: its own earliest time left, and the earliest change on each side."""
        self.wake[tile] = report[8]
        self.done[tile] = horizon
        for side, (down, right) in enumerate(_SIDES):
            row, col = tile[0] + down, tile[1] + right
            if 0 <= row < self.tiles[0] and 0 <= col < self.tiles[1] and report[side] < self.wake[row, col]:
                self.wake[row, col] = report[side]


#: Length of a wave, in times a tile is crossed at typical friction.
_WAVE_OF_CROSSING = 1.0
_SIDES = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


@numba.njit(nogil=True, cache=True)
def _start(friction: Any, nearest: Any, ticks: Any) -> Any:  # pragma: no cover - compiled
    for row in range(ticks.shape[0]):
        for col in range(ticks.shape[1]):
            if not friction[row, col] > 0:
                ticks[row, col] = _IMPASSABLE
            elif nearest[row, col] > 0:
                ticks[row, col] = 0
            else:
                ticks[row, col] = _UNREACHED


@numba.njit(nogil=True, cache=True)
def _to_minutes(ticks: Any, nearest: Any, minutes: Any, limit: Any) -> Any:  # pragma: no cover - compiled
    # Ticks and minutes are the same memory, cell by cell. An impassable cell of a source is in the source.
    for row in range(ticks.shape[0]):
        for col in range(ticks.shape[1]):
            value = ticks[row, col]
            if value == _IMPASSABLE and nearest[row, col] > 0:
                minutes[row, col] = 0.0
            elif value == _IMPASSABLE or value >= limit:
                minutes[row, col] = np.nan
            else:
                minutes[row, col] = value / TICKS_PER_MINUTE


@numba.njit(nogil=True, cache=True)
def _unlink(cell: Any, head: Any, following: Any, previous: Any, bucket: Any) -> Any:  # pragma: no cover - compiled
    before, after = previous[cell], following[cell]
    if before >= 0:
        following[before] = after
    else:
        head[bucket[cell]] = after
    if after >= 0:
        previous[after] = before


@numba.njit(nogil=True, cache=True)
def _link(
    cell: Any, place: Any, head: Any, following: Any, previous: Any, bucket: Any
) -> Any:  # pragma: no cover - compiled
    after = head[place]
    following[cell], previous[cell], bucket[cell] = after, -1, place
    if after >= 0:
        previous[after] = cell
    head[place] = cell


@numba.njit(nogil=True, cache=True)
def _load(
    friction: Any, ticks: Any, nearest: Any, window: Any, cost: Any, time: Any, owner: Any
) -> Any:  # pragma: no cover - compiled
    top, bottom, left, right = window
    stride = right - left + 2
    first, last = max(left - 1, 0), min(right + 1, ticks.shape[1])
    for row in range(top - 1, bottom + 1):
        here = (row - top + 1) * stride
        if row < 0 or row >= ticks.shape[0]:
            time[here : here + stride] = _IMPASSABLE
            continue
        time[here], time[here + stride - 1] = _IMPASSABLE, _IMPASSABLE
        here += first - left + 1
        for col in range(last - first):
            cost[here + col] = friction[row, first + col]
            time[here + col] = ticks[row, first + col]
            owner[here + col] = nearest[row, first + col]


@numba.njit(nogil=True, cache=True)
def _hear_halo(
    rows: Any, cols: Any, half_steps: Any, limit: Any, cost: Any, time: Any, owner: Any, bucket: Any
) -> Any:  # pragma: no cover - compiled
    """Take better times from the halo, mark the cells that got one, return the earliest; close the halo."""
    stride = cols + 2
    earliest = _UNREACHED
    for row in range(rows + 2):
        step = 1 if row == 0 or row == rows + 1 else cols + 1
        for col in range(0, cols + 2, step):
            cell = row * stride + col
            if time[cell] == _IMPASSABLE or time[cell] >= limit:
                continue
            for down in range(-1, 2):
                for over in range(-1, 2):
                    other = cell + down * stride + over
                    inside = 1 <= row + down <= rows and 1 <= col + over <= cols
                    if not inside or time[other] <= time[cell]:
                        continue
                    half = half_steps[2] if down and over else half_steps[1] if down else half_steps[0]
                    later = time[cell] + max(1, np.int64(half * (cost[cell] + cost[other]) + 0.5))
                    better = later < time[other] or (later == time[other] and owner[cell] < owner[other])
                    if better and later < limit:
                        time[other], owner[other], bucket[other] = later, owner[cell], _HEARD
                        earliest = min(earliest, later)
    for row in range(rows + 2):
        time[row * stride], time[row * stride + cols + 1] = _IMPASSABLE, _IMPASSABLE
    time[: cols + 2] = _IMPASSABLE
    time[(rows + 1) * stride : (rows + 2) * stride] = _IMPASSABLE
    return earliest


@numba.njit(nogil=True, cache=True)
def _settle(  # noqa: C901 - one compiled loop
    friction: Any,
    ticks: Any,
    nearest: Any,
    window: Any,
    half_steps: Any,
    typical_step: Any,
    done: Any,
    horizon: Any,
    limit: Any,
    cost: Any,
    time: Any,
    owner: Any,
    following: Any,
    previous: Any,
    bucket: Any,
    head: Any,
    report: Any,
) -> Any:  # pragma: no cover - compiled
    """Pass on the times of a tile's cells below the horizon; report what changed on its sides."""
    rows, cols = window[1] - window[0], window[3] - window[2]
    stride = cols + 2
    bucket[: (rows + 2) * stride] = -1
    _load(friction, ticks, nearest, window, cost, time, owner)
    earliest = min(horizon, _hear_halo(rows, cols, half_steps, limit, cost, time, owner, bucket))
    for cell in range(stride, (rows + 1) * stride):
        earliest = min(earliest, time[cell] if time[cell] >= done else horizon)

    # Buckets about as wide as half a typical step: wider ones settle cells twice, narrower ones stay empty.
    shift = 0
    while np.float64(np.int64(1) << (shift + 2)) <= typical_step and shift < 60:
        shift += 1
    while (horizon - earliest) >> shift >= _MAX_BUCKETS:
        shift += 1
    buckets = ((horizon - earliest) >> shift) + 1
    head[:buckets] = -1
    for cell in range(stride, (rows + 1) * stride):
        heard = bucket[cell] == _HEARD
        bucket[cell] = -1
        if time[cell] < horizon and (time[cell] >= done or heard):
            _link(cell, (time[cell] - earliest) >> shift, head, following, previous, bucket)

    offset = np.array([-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1])
    across, down, diagonal = half_steps
    half_step = np.array([diagonal, down, diagonal, across, across, diagonal, down, diagonal])
    for place in range(buckets):
        while head[place] >= 0:
            cell = head[place]
            _unlink(cell, head, following, previous, bucket)
            bucket[cell] = -1
            now, here, mine = time[cell], cost[cell], owner[cell]
            for side in range(8):
                other = cell + offset[side]
                if time[other] <= now:
                    continue
                later = now + max(1, np.int64(half_step[side] * (here + cost[other]) + 0.5))
                if later > time[other] or (later == time[other] and mine >= owner[other]) or later >= limit:
                    continue
                time[other], owner[other] = later, mine
                if bucket[other] >= 0:
                    _unlink(other, head, following, previous, bucket)
                    bucket[other] = -1
                if later < horizon:
                    _link(other, (later - earliest) >> shift, head, following, previous, bucket)
    _publish(ticks, nearest, window, horizon, time, owner, report)


@numba.njit(nogil=True, cache=True)
def _publish(
    ticks: Any, nearest: Any, window: Any, horizon: Any, time: Any, owner: Any, report: Any
) -> Any:  # pragma: no cover - compiled
    """Write a tile back. Report the earliest change on each side, and the earliest time left above the horizon."""
    rows, cols = window[1] - window[0], window[3] - window[2]
    report[:] = _UNREACHED
    for row in range(rows):
        step = 1 if row == 0 or row == rows - 1 else max(1, cols - 1)
        for col in range(0, cols, step):
            _compare_edge(ticks, nearest, window, row, col, time, owner, report)
    left = _UNREACHED
    for row in range(rows):
        here, y = (row + 1) * (cols + 2) + 1, row + window[0]
        for col in range(cols):
            value = time[here + col]
            left = min(left, value if value >= horizon else _UNREACHED)
            ticks[y, window[2] + col] = value
            nearest[y, window[2] + col] = owner[here + col]
    report[8] = left


@numba.njit(nogil=True, cache=True)
def _compare_edge(
    ticks: Any, nearest: Any, window: Any, row: Any, col: Any, time: Any, owner: Any, report: Any
) -> Any:  # pragma: no cover - compiled
    """Report a cell of the tile's edge that changed to the sides it touches."""
    rows, cols = window[1] - window[0], window[3] - window[2]
    cell = (row + 1) * (cols + 2) + col + 1
    if (
        time[cell] == ticks[row + window[0], col + window[2]]
        and owner[cell] == nearest[row + window[0], col + window[2]]
    ):
        return
    side = 0
    for down in range(-1, 2):
        for over in range(-1, 2):
            if down == 0 and over == 0:
                continue
            touches_row = down == 0 or (down < 0 and row == 0) or (down > 0 and row == rows - 1)
            touches_col = over == 0 or (over < 0 and col == 0) or (over > 0 and col == cols - 1)
            if touches_row and touches_col:
                report[side] = min(report[side], time[cell])
            side += 1
