"""People (or any count in cells) by hazard band, event and zone: one joint overlay, never a product of shares."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import same_crs
from geo_profiling.errors import InputError, MemoryLimitError, UsageError, ValueRangeError
from geo_profiling.hazard.bands import DRY, OUTSIDE, UNKNOWN, WATER, Bands, classify
from geo_profiling.hazard.kinds import PLAUSIBLE_MEDIAN_DEPTH_M, HazardKind
from geo_profiling.raster.coverage import coverage_runs, new_scratch
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.overlay import Overlay
from geo_profiling.raster.source import Source
from geo_profiling.raster.values import describe_cell
from geo_profiling.raster.zonal import checked_rings, piece_keys, sum_by, tile_order
from geo_profiling.raster.zone_plan import SMALLEST_UNIT_CELLS, Unit, UnitPlan, ZonePlan, plan_units

#: Cells of the overlay that one task holds: about 80 MB with ten rasters.
_TASK_CELLS = 1 << 22
#: What the interpreter and the compiled kernels hold, in bytes.
_BASE_BYTES = 330_000_000
#: Bytes for one cell of the overlay besides the class of each event: weights, values, places.
_CELL_BYTES = 16
_PROJECTED_CELL_BYTES = 90
#: A histogram that stays in the processor's cache: hazards are tallied together up to so many bins.
_MOST_BINS = 512


@dataclass(frozen=True)
class BandTotals:
    """What lies in every class, for every zone and hazard raster.

    Attributes
    ----------
    values : ndarray of float64, shape (zones, hazards, classes)
        In the unit of the weights.
    bands : Bands
        Their :attr:`~geo_profiling.hazard.bands.Bands.classes` name the last axis.
    index : pandas.Index
        Of the zones.
    """

    values: NDArray[np.float64]
    bands: Bands
    index: pd.Index

    def of(self, *names: str) -> NDArray[np.float64]:
        """Return the total in some classes, shape (zones, hazards).

        Examples
        --------
        >>> totals = BandTotals(np.arange(6.0).reshape(1, 1, 6), Bands((0.15,)), pd.RangeIndex(1))
        >>> totals.of("dry", "<0.15")
        array([[1.]])
        """
        return np.asarray(self.values[:, :, [self.bands.code(name) for name in names]].sum(axis=2))

    @property
    def total(self) -> NDArray[np.float64]:
        """All classes together, shape (zones, hazards)."""
        return np.asarray(self.values.sum(axis=2))

    @property
    def coverage_share(self) -> NDArray[np.float64]:
        """Share of the total on ground whose hazard is known; NaN where the total is 0."""
        total = self.total
        unknown = self.of(UNKNOWN, OUTSIDE)
        return np.divide(total - unknown, total, out=np.full(total.shape, np.nan), where=total > 0)

    def exceeding(self) -> NDArray[np.float64]:
        """Return what is at or above each threshold, shape (zones, hazards, thresholds)."""
        first = 2
        bands = self.values[:, :, first : first + len(self.bands.thresholds)]
        return np.asarray(bands[:, :, ::-1].cumsum(axis=2)[:, :, ::-1])


@dataclass(frozen=True)
class _Task:
    """What every unit of one overlay needs."""

    weights: Source
    hazards: tuple[Source, ...]
    water: Source | None
    overlay: Overlay
    kind: HazardKind

    @property
    def layers(self) -> list[tuple[Source, ...]]:
        """The hazards that share one histogram: neighbours of one grid, as many as the processor's cache holds."""
        n_classes = len(self.kind.bands.classes)
        most = next(n for n in (3, 2, 1) if n == 1 or n_classes**n <= _MOST_BINS)
        found: list[tuple[Source, ...]] = []
        for _, alike in itertools.groupby(self.hazards, key=lambda source: source.grid):
            sources = tuple(alike)
            found += [sources[k : k + most] for k in range(0, len(sources), most)]
        return found


def totals_by_band(
    weights: Source,
    hazards: Sequence[Source],
    zones: gpd.GeoDataFrame,
    *,
    kind: HazardKind,
    water: Source | None = None,
    compute: Compute | None = None,
    memory_limit: int | None = None,
) -> BandTotals:
    """Share a count in cells out to hazard bands and zones by the area that all three have in common.

    Definition: the sum over cells c of ``w_c * |c ∩ zone ∩ band| / |c|``: people are spread evenly inside
    each cell, and cell, zone and band are overlaid together.

    Parameters
    ----------
    weights : Source
        People, built-up area or another count; NaN counts as none. Zones are in its CRS.
    hazards : sequence of Source
        One raster for each event, of any cell size and offset. In the CRS of the weights the overlay is
        exact; a raster in another CRS is met by sub-cells, at least four along each side of its cells.
    zones : geopandas.GeoDataFrame
        Valid polygons and multipolygons in the CRS of the weights. Overlapping zones count in full each.
    kind : HazardKind
        How the hazards' numbers are read.
    water : Source, optional
        Permanent water: cells above 0. It has the cells of one of the hazards, or of the weights.
    compute : Compute, optional
        Where to work; by default all threads of this machine.
    memory_limit : int, optional
        Bytes that the process may hold.

    Returns
    -------
    BandTotals
        In the order of ``zones`` and ``hazards``. The same bits for any window, thread count and order of zones.

    Raises
    ------
    CRSError
        If zones and weights are not in the same CRS.
    InputError
        If a zone has no geometry, is not areal or not valid, or no zone meets any of the hazards.
    ValueRangeError
        If a depth cannot be meant in the unit: a sentinel, or centimetres read as metres.
    MemoryLimitError
        If the work does not fit ``memory_limit``.

    Examples
    --------
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> people = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> flood = Grid(CRS("ESRI:54009"), Affine(50, 0, 50, 0, -100, 100), (1, 3))
    >>> totals = totals_by_band(
    ...     ArraySource(wrap(np.array([[100.0, 40.0]]), people), "population"),
    ...     [ArraySource(wrap(np.array([[0.0, 0.7, np.nan]]), flood), "flood")],
    ...     gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs="ESRI:54009"),
    ...     kind=HazardKind("flood"),
    ... )
    >>> dict(zip(totals.bands.classes, totals.values[0, 0].tolist()))  # doctest: +NORMALIZE_WHITESPACE
    {'dry': 50.0, '<0.15': 0.0, '0.15-0.5': 0.0, '0.5-1.5': 20.0, '>=1.5': 0.0, 'unknown': 20.0,
     'outside': 50.0, 'permanent_water': 0.0}
    """
    if not hazards:
        raise UsageError("no hazard raster is given")
    compute = compute or Compute()
    rings = checked_rings(zones, weights, compute)
    # Sums depend in their last bit on which hazards are tallied together: not on the order they came in.
    given, hazards = hazards, _by_grid(sorted(hazards, key=lambda source: source.name))
    others = tuple(source.grid for source in hazards) + (() if water is None else (water.grid,))
    overlay = Overlay(weights.grid, others, _used_cells(zones, weights.grid))
    plan = overlay.plan(rings)
    task = _Task(weights, tuple(hazards), water, overlay, kind)
    units = _units(task, plan, compute, memory_limit)
    n_classes = len(kind.bands.classes)
    keys, totals = [np.empty((0, 3), dtype=np.int64)], [np.empty((0, len(hazards), n_classes))]
    wet = np.zeros((len(hazards), 2), dtype=np.int64)
    label = f"{weights.name} by {kind.name}"
    for unit_keys, unit_totals, unit_wet in compute.map(partial(_tally, task), units, label=label, total=len(units)):
        keys.append(unit_keys)
        totals.append(unit_totals)
        wet += unit_wet
    for source, (n_wet, n_deep) in zip(hazards, wet, strict=True):
        if 2 * n_deep > n_wet:
            raise ValueRangeError(
                f"{source.name}: more than half of the wet cells are deeper than {PLAUSIBLE_MEDIAN_DEPTH_M:g} m",
                hint="the depths look like centimetres: declare the unit (--hazard-unit cm, unit: cm)",
            )
    all_keys = np.concatenate(keys)
    order = tile_order(all_keys)
    by_zone = sum_by(all_keys[order, 0], np.concatenate(totals)[order], len(zones))
    place = {id(source): k for k, source in enumerate(hazards)}
    found = BandTotals(by_zone[:, [place[id(source)] for source in given]], kind.bands, zones.index)
    _require_overlap(found, given, weights)
    return found


def _used_cells(zones: gpd.GeoDataFrame, grid: Grid) -> int:
    """Cells of the grid in the zones' bounding rectangle, at least one."""
    left, bottom, right, top = (float(value) for value in zones.total_bounds)
    width, height = grid.cell_size
    rows, cols = min(grid.shape[0], (top - bottom) / height), min(grid.shape[1], (right - left) / width)
    return max(1, round(rows * cols))


def _by_grid(sources: Sequence[Source]) -> list[Source]:
    """Put sources of one grid beside each other, in the order that their grids come in."""
    first = [next(k for k, other in enumerate(sources) if other.grid == source.grid) for source in sources]
    return [sources[k] for k in np.argsort(first, kind="stable")]


def _units(task: _Task, plan: ZonePlan, compute: Compute, memory_limit: int | None) -> UnitPlan:
    """Plan the reading so that all threads together stay below the limit."""
    is_projected = any(not same_crs(source.grid.crs, task.weights.grid.crs) for source in task.hazards)
    each = (_PROJECTED_CELL_BYTES if is_projected else _CELL_BYTES) + len(task.hazards)
    cells = SMALLEST_UNIT_CELLS if is_projected else _TASK_CELLS
    if memory_limit is not None:
        fixed = _BASE_BYTES + 3 * plan.edges.nbytes + plan.pieces.nbytes
        cells = min(cells, (memory_limit - fixed) // (compute.threads * each))
        if cells < SMALLEST_UNIT_CELLS:
            need = (fixed + compute.threads * each * SMALLEST_UNIT_CELLS) / 2**20
            raise MemoryLimitError(
                f"a memory limit of {memory_limit / 2**20:.0f} MiB is too small for the exposure of "
                f"{task.weights.name} in {compute.threads} threads: about {need:.0f} MiB are needed",
                hint="raise --memory-limit or lower --workers",
            )
    blocks = task.overlay.block_shape(task.weights.block_shape)
    return plan_units(plan, task.overlay.grid, block_shape=blocks, cells=cells)


def _tally(task: _Task, unit: Unit) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    unit = task.overlay.bent(unit)
    window, bands = unit.window, task.kind.bands
    base, heights, widths = task.overlay.base_places(window)
    assert base.window is not None  # the overlay lies on its base
    weights = np.require(task.weights.read(base.window), requirements=["C", "W"])
    n_classes, layers = len(bands.classes), task.layers
    classes = np.empty((len(layers), *window.shape), dtype=np.uint16)
    is_water = None if task.water is None else _water(task.water, task.overlay, window)
    wet = []
    for layer, sources in enumerate(layers):
        places = task.overlay.places(sources[0].grid, window)
        # the classes of several hazards as the digits of one number, joined in their own cells
        size = (0, 0) if places.window is None else places.window.shape
        digits, each = np.zeros(size, dtype=np.uint16), sum(n_classes**k for k in range(len(sources)))
        for source in sources:
            codes, found = read_classes(source, places.window, task.kind)
            digits *= n_classes
            digits += codes
            wet.append(found)
        classes[layer] = places.spread(digits, window.shape, outside=bands.code(OUTSIDE) * each)
        if is_water is not None:
            classes[layer][is_water] = bands.code(WATER) * each
    counts = np.array([len(sources) for sources in layers])
    totals = _tally_bands(
        weights, base.rows, base.cols, heights, widths, classes, counts,
        window.row, window.col, unit.edges, unit.pieces, n_classes,
    )  # fmt: skip
    return piece_keys(unit.pieces), totals, np.array(wet)


def joint_totals(
    weights: Source,
    hazards: Sequence[Source],
    zones: gpd.GeoDataFrame,
    *,
    kinds: Sequence[HazardKind],
    thresholds: Sequence[float],
    compute: Compute | None = None,
) -> NDArray[np.float64]:
    """Share a count in cells out to zones and to every combination of hazards met, not met and unknown.

    Parameters
    ----------
    weights : Source
        People or another count.
    hazards : sequence of Source
        A raster of each hazard.
    zones : geopandas.GeoDataFrame
        Valid polygons in the CRS of the weights.
    kinds : sequence of HazardKind
        How each is read.
    thresholds : sequence of float
        From which the ground of each is hazardous.
    compute : Compute, optional
        Where to work.

    Returns
    -------
    ndarray of float64, shape (zones, 3 ** hazards)
        Each hazard is a digit, the first one the most significant: 0 not met, 1 met, 2 unknown or outside.

    Examples
    --------
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> people = ArraySource(wrap(np.array([[50.0, 10.0]]), grid))
    >>> flood = ArraySource(wrap(np.array([[2.0, np.nan]]), grid))
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs="ESRI:54009")
    >>> joint_totals(people, [flood], zones, kinds=[HazardKind("flood")], thresholds=[0.5])
    array([[ 0., 50., 10.]])
    """
    compute = compute or Compute()
    rings = checked_rings(zones, weights, compute)
    overlay = Overlay(weights.grid, tuple(source.grid for source in hazards), _used_cells(zones, weights.grid))
    plan = overlay.plan(rings)
    task = _Task(weights, tuple(hazards), None, overlay, kinds[0])
    states = [_states(kind, threshold) for kind, threshold in zip(kinds, thresholds, strict=True)]
    units = _units(task, plan, compute, None)
    tally = partial(_tally_joint, task, tuple(kinds), states)
    results = list(compute.map(tally, units, label=f"{weights.name} by several hazards", total=len(units)))
    keys = np.concatenate([np.empty((0, 3), dtype=np.int64), *(keys for keys, _ in results)])
    totals = np.concatenate([np.empty((0, 3 ** len(hazards))), *(totals for _, totals in results)])
    order = tile_order(keys)
    return sum_by(keys[order, 0], totals[order], len(zones))


def _states(kind: HazardKind, threshold: float) -> NDArray[np.uint16]:
    """Say of every class of a hazard whether it is met (1), not met (0) or unknown (2)."""
    met = kind.exposed_bands(threshold)
    return np.array(
        [2 if name in (UNKNOWN, OUTSIDE) else int(name in met) for name in kind.bands.classes], dtype=np.uint16
    )


def _tally_joint(
    task: _Task, kinds: tuple[HazardKind, ...], states: list[NDArray[np.uint16]], unit: Unit
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    unit = task.overlay.bent(unit)
    window = unit.window
    base, heights, widths = task.overlay.base_places(window)
    assert base.window is not None  # the overlay lies on its base
    weights = np.require(task.weights.read(base.window), requirements=["C", "W"])
    digits = np.zeros((1, *window.shape), dtype=np.uint16)
    for source, kind, state in zip(task.hazards, kinds, states, strict=True):
        places = task.overlay.places(source.grid, window)
        codes, _ = read_classes(source, places.window, kind)
        digits *= 3
        digits[0] += state[places.spread(codes, window.shape, outside=kind.bands.code(OUTSIDE))]
    totals = _tally_bands(
        weights, base.rows, base.cols, heights, widths, digits, np.ones(1, dtype=np.int64),
        window.row, window.col, unit.edges, unit.pieces, 3 ** len(task.hazards),
    )  # fmt: skip
    return piece_keys(unit.pieces), totals[:, 0]


def read_classes(
    source: Source, window: Window | None, kind: HazardKind
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read a window of a hazard raster as classes, and count its wet cells and the deep among them.

    Parameters
    ----------
    source : Source
    window : Window or None
        None gives no cells.
    kind : HazardKind
        How the numbers are read.

    Returns
    -------
    ndarray of uint8
        Codes of :attr:`geo_profiling.hazard.bands.Bands.classes`.
    ndarray of int64
        Wet cells, and those deeper than :data:`PLAUSIBLE_MEDIAN_DEPTH_M` (both 0 unless it is a depth).

    Raises
    ------
    ValueRangeError
        If a value is beyond what the kind can hold.
    """
    if window is None:
        return np.zeros((0, 0), dtype=np.uint8), np.zeros(2, dtype=np.int64)
    values = np.require(source.read(window), requirements=["C"])
    codes = np.empty(values.shape, dtype=np.uint8)
    limits = np.array(kind.bands.scaled(kind.per_unit), dtype=values.dtype)
    unknown = kind.bands.code(DRY if kind.nodata_means == "dry" else UNKNOWN)
    classify(values, limits, kind.is_depth, unknown, codes)
    wet = np.zeros(2, dtype=np.int64)
    if np.isfinite(kind.limit):
        greatest, n_wet, n_deep = depth_facts(values, PLAUSIBLE_MEDIAN_DEPTH_M * kind.per_unit)
        if kind.is_depth:
            wet[:] = n_wet, n_deep
        if greatest >= kind.limit:
            row, col = (int(k) for k in np.unravel_index(int(np.nanargmax(values)), values.shape))
            where = describe_cell(source.grid, window, (row, col))
            raise ValueRangeError(
                f"{source.name}: {where} is {greatest:g}, no {kind.name} in {kind.unit}",
                hint="declare the nodata value if it stands for 'no data', or the unit the values are in",
            )
    return codes, wet


@njit(nogil=True, cache=True)
def depth_facts(values: NDArray[Any], deep: float) -> tuple[float, int, int]:
    """Return the greatest value, the values above 0, and those above ``deep``.

    Examples
    --------
    >>> depth_facts(np.array([[0.0, 2.0, 12.0, np.nan]]), 10.0)
    (12.0, 2, 1)
    """
    greatest, n_wet, n_deep = -np.inf, 0, 0
    for line in values:
        for value in line:
            n_wet += value > 0
            n_deep += value > deep
            if value > greatest:
                greatest = value
    return greatest, n_wet, n_deep


def _water(water: Source, overlay: Overlay, window: Window) -> NDArray[np.bool_]:
    places = overlay.places(water.grid, window)
    if places.window is None:
        return np.zeros(window.shape, dtype=np.bool_)
    return places.spread(water.read(places.window) > 0, window.shape, outside=False)


def _require_overlap(found: BandTotals, hazards: Sequence[Source], weights: Source) -> None:
    total = found.total
    outside = found.of(OUTSIDE)
    for k, source in enumerate(hazards):
        if total[:, k].sum() > 0 and outside[:, k].sum() == total[:, k].sum():
            raise InputError(
                f"{source.name}: does not cover any of the {weights.name} in the zones",
                hint="check the coordinate reference systems and extents",
            )


@njit(nogil=True, cache=True)
def _tally_bands(
    weights: NDArray[Any],
    weight_rows: NDArray[np.int64],
    weight_cols: NDArray[np.int64],
    heights: NDArray[np.float64],
    widths: NDArray[np.float64],
    classes: NDArray[np.uint16],
    counts: NDArray[np.int64],
    row: int,
    col: int,
    edges: NDArray[np.float64],
    pieces: NDArray[Any],
    n_classes: int,
) -> NDArray[np.float64]:
    """Weight of every class in every piece, for every hazard; ``counts`` hazards share each layer of classes."""
    n_layers = classes.shape[0]
    out = np.zeros((len(pieces), counts.sum(), n_classes))
    bins = np.zeros((n_layers, n_classes ** counts.max()))
    scratch = new_scratch(pieces)
    runs, shares = scratch[2], scratch[3]
    for i in range(len(pieces)):
        piece = pieces[i]
        bins[:] = 0.0
        for k in range(coverage_runs(edges, piece, scratch)):
            line = piece.row + runs[k, 0] - row
            values, share = weights[weight_rows[line]], shares[k] * heights[line]
            start = piece.col + runs[k, 1] - col
            for j in range(start, start + runs[k, 2]):
                weight = values[weight_cols[j]]
                # also false for NaN
                if weight > 0 or weight < 0:
                    part = share * widths[j] * weight
                    for layer in range(n_layers):
                        bins[layer, classes[layer, line, j]] += part
        _share_out(bins, counts, n_classes, out[i])
    return out


@njit(nogil=True, cache=True)
def _share_out(bins: NDArray[np.float64], counts: NDArray[np.int64], n_classes: int, out: NDArray[np.float64]) -> None:
    """Add the bins of joint classes up by the class of each hazard."""
    first = 0
    for layer in range(len(counts)):
        for code in range(n_classes ** counts[layer]):
            if bins[layer, code] != 0.0:
                rest = code
                for digit in range(counts[layer] - 1, -1, -1):
                    out[first + digit, rest % n_classes] += bins[layer, code]
                    rest //= n_classes
        first += counts[layer]
