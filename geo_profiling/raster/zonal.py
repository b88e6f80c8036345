"""Zonal statistics by exact coverage: every cell counts by the share of it that the zone covers.

The raster is streamed in windows that hold only what the zones need; results are the same bits for
any window, block shape, thread count and scheduler (see :mod:`geo_profiling.raster.zone_plan`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_same
from geo_profiling.errors import InputError, MemoryLimitError, UsageError
from geo_profiling.raster.source import FloatArray, Source
from geo_profiling.raster.tallies import MAX_DISTINCT, piece_class_totals, piece_moments, piece_value_counts
from geo_profiling.raster.zone_plan import (
    SMALLEST_UNIT_CELLS,
    UNIT_CELLS,
    Unit,
    UnitPlan,
    ZonePlan,
    ZoneRings,
    plan_units,
    plan_zones,
    zone_rings,
)

Statistic: TypeAlias = Literal["sum", "mean", "count", "min", "max", "fraction", "coverage_share"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

#: Zones checked for validity in one go.
_CHECKED_TOGETHER = 2048
#: What the interpreter and the compiled kernels hold, and the scratch of one thread, in bytes.
_BASE_BYTES = 330_000_000
_SCRATCH_BYTES = 30_000_000
_POLYGONAL = (3, 6)


@dataclass(frozen=True)
class _UnitResult:
    """Tallies of one unit; the keys zone, band and chunk put them in an order of their own."""

    keys: NDArray[np.int64]
    moments: NDArray[np.float64] | None
    value_places: NDArray[np.int64] | None
    values: NDArray[np.float64] | None
    value_cells: NDArray[np.float64] | None


def zonal_statistics(
    source: Source,
    zones: gpd.GeoDataFrame,
    *,
    stats: Sequence[str],
    compute: Compute | None = None,
    memory_limit: int | None = None,
) -> pd.DataFrame:
    """Statistics of a raster in every zone, each cell weighted by the share of it that the zone covers.

    Parameters
    ----------
    source : Source
        The raster. NaN cells are not counted.
    zones : geopandas.GeoDataFrame
        Valid polygons and multipolygons in the CRS of the raster. Overlapping zones count in full each.
    stats : sequence of str
        Any of ``sum``, ``mean``, ``count``, ``min``, ``max``, ``fraction`` and ``coverage_share``.
    compute : Compute, optional
        Where to work; by default all threads of this machine.
    memory_limit : int, optional
        Bytes that the process may hold.

    Returns
    -------
    pandas.DataFrame
        Index of ``zones``; columns in the order of ``stats``, float64. ``count`` is the covered valid
        cells, shares of cells included. ``fraction`` gives a column ``fraction_<value>`` for each distinct
        value in the zones: its share of the covered valid cells. ``coverage_share`` is the share of the
        zone's area that valid cells cover. Where no valid cell is covered count and coverage_share are 0 and
        everything else is NaN.

    Raises
    ------
    CRSError
        If zones and raster are not in the same CRS.
    InputError
        If a zone has no geometry, is not areal or not valid (the first is named), or if ``fraction``
        meets more than 4096 distinct values.
    UsageError
        If a statistic is not known, or none is asked for.
    MemoryLimitError
        If the work does not fit ``memory_limit``.

    Notes
    -----
    Coverage is computed in double precision. A sliver thinner than 1e-9 of a cell covers nothing, so a
    zone whose border lies on the edge of a cell does not take the neighbour's value into its extremes.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 2000), (2, 3))
    >>> population = ArraySource(wrap(np.arange(6.0).reshape(2, 3), grid))
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(500, 500, 2500, 1500)], crs="ESRI:54009")
    >>> zonal_statistics(population, zones, stats=["sum", "count", "max"])
       sum  count  max
    0  5.0    2.0  5.0
    """
    _require_known(stats)
    compute = compute or Compute()
    plan = plan_zones(checked_rings(zones, source, compute), source.grid)
    units = _units([source], plan, compute, memory_limit)
    tally = partial(
        _tally_unit,
        source,
        bool(set(stats) - {"fraction"}),
        bool({"min", "max"} & set(stats)),
        "fraction" in stats,
    )
    results = list(compute.map(tally, units, label=f"zonal statistics of {source.name}", total=len(units)))
    return _statistics_frame(results, plan, source, stats, zones.index)


def class_totals(
    weights: Source,
    classes: Source,
    zones: gpd.GeoDataFrame,
    *,
    codes: Sequence[int],
    compute: Compute | None = None,
    memory_limit: int | None = None,
) -> pd.DataFrame:
    """Weight (population, for example) and cells of every class of a class raster, in every zone.

    Parameters
    ----------
    weights : Source
        What is summed; NaN counts as none.
    classes : Source
        Codes, on the same grid. NaN is no class.
    zones : geopandas.GeoDataFrame
        Valid polygons and multipolygons in the CRS of the rasters. Overlapping zones count in full each.
    codes : sequence of int
        The classes asked for.
    compute : Compute, optional
        Where to work; by default all threads of this machine.
    memory_limit : int, optional
        Bytes that the process may hold.

    Returns
    -------
    pandas.DataFrame
        Index of ``zones``; float64. For each code ``weight_<code>``, the sum of the weights of its cells,
        and ``cells_<code>``, their number, both by the share of each cell that the zone covers;
        ``weight_other`` and ``cells_other`` for cells of no class or of one not asked for;
        ``weight_total`` and ``cells_total`` over all of these; ``zone_cells``, the area of the zone in
        cells; ``coverage_share``, the share of the zone's area that lies on the grid.

    Raises
    ------
    CRSError
        If zones and rasters are not in the same CRS.
    GridError
        If the rasters do not have the same cells.
    InputError
        If a zone has no geometry, is not areal or not valid.
    UsageError
        If a code is given twice, or none is.
    MemoryLimitError
        If the work does not fit ``memory_limit``.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 3))
    >>> population = ArraySource(wrap(np.array([[100.0, 40.0, np.nan]]), grid))
    >>> degurba = ArraySource(wrap(np.array([[3.0, 1.0, 1.0]]), grid))
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(500, 0, 3000, 1000)], crs="ESRI:54009")
    >>> totals = class_totals(population, degurba, zones, codes=[3, 2, 1])
    >>> totals[["weight_3", "weight_2", "weight_1", "cells_1"]]
       weight_3  weight_2  weight_1  cells_1
    0      50.0       0.0      40.0      2.0
    """
    if len(codes) == 0 or len(set(codes)) != len(codes):
        raise UsageError(f"class codes must be given, each once: {list(codes)}")
    weights.grid.require_aligned(classes.grid, what=f"{weights.name} and {classes.name}")
    compute = compute or Compute()
    plan = plan_zones(checked_rings(zones, weights, compute), weights.grid)
    units = _units([weights, classes], plan, compute, memory_limit)
    ordered = np.array(sorted(codes), dtype=np.float64)
    tally = partial(_tally_classes, weights, classes, ordered)
    results = list(compute.map(tally, units, label=f"classes of {classes.name} by zone", total=len(units)))
    keys = _stack([keys for keys, _ in results], (0, 3), np.int64)
    totals = _stack([totals for _, totals in results], (0, len(codes) + 1, 2), np.float64)
    order = tile_order(keys)
    by_zone = sum_by(keys[order, 0], totals[order], len(zones))
    columns: dict[str, NDArray[np.float64]] = {}
    for code in codes:
        at = int(np.searchsorted(ordered, code))
        columns[f"weight_{code}"], columns[f"cells_{code}"] = by_zone[:, at, 0], by_zone[:, at, 1]
    columns["weight_other"], columns["cells_other"] = by_zone[:, -1, 0], by_zone[:, -1, 1]
    columns["weight_total"], columns["cells_total"] = by_zone.sum(axis=1).T
    columns["zone_cells"] = plan.area_cells
    columns["coverage_share"] = _share(columns["cells_total"], plan.area_cells)
    return pd.DataFrame(columns, index=zones.index)


def _require_known(stats: Sequence[str]) -> None:
    unknown = [name for name in stats if name not in STATISTICS]
    if unknown or not stats or isinstance(stats, str):
        raise UsageError(
            f"statistics not known: {', '.join(unknown)}" if unknown else "no statistics asked for",
            hint=f"choose from {', '.join(STATISTICS)}",
        )
    if len(set(stats)) != len(stats):
        raise UsageError(f"a statistic is asked for twice: {', '.join(stats)}")


def checked_rings(zones: gpd.GeoDataFrame, source: Source, compute: Compute) -> ZoneRings:
    """Return the zones' rings once each zone is known to be a valid polygon in the raster's CRS.

    Parameters
    ----------
    zones : geopandas.GeoDataFrame
        Polygons and multipolygons.
    source : Source
        The raster; its CRS is compared.
    compute : Compute
        Whose threads check validity.

    Raises
    ------
    CRSError
        If the CRS differ.
    InputError
        If a zone has no geometry, is not areal or not valid; the first is named.
    """
    require_same(parse_crs(zones.crs, what="zones"), source.grid.crs, what=f"zones and {source.name}")
    geometries = zones.geometry.to_numpy()
    _refuse(
        zones.index, shapely.is_missing(geometries) | shapely.is_empty(geometries), "has no geometry", "leave it out"
    )
    is_areal = np.isin(shapely.get_type_id(geometries), _POLYGONAL)
    _refuse(zones.index, ~is_areal, "is not a polygon", "zones are polygons or multipolygons")
    parts = [geometries[i : i + _CHECKED_TOGETHER] for i in range(0, len(geometries), _CHECKED_TOGETHER)]
    with ThreadPoolExecutor(compute.threads) as pool:
        rings = pool.submit(zone_rings, geometries)
        is_valid = np.concatenate([np.ones(0, dtype=np.bool_), *pool.map(shapely.is_valid, parts)])
    if not is_valid.all():
        reason = shapely.is_valid_reason(geometries[np.argmin(is_valid)])
        _refuse(zones.index, ~is_valid, f"is not valid ({reason})", "repair the layer first (shapely.make_valid)")
    return rings.result()


def _refuse(index: pd.Index, is_bad: NDArray[np.bool_], what: str, hint: str) -> None:
    if is_bad.any():
        others = int(is_bad.sum()) - 1
        more = f", and {others} more" if others else ""
        raise InputError(f"zones: zone {index[int(np.argmax(is_bad))]!r} {what}{more}", hint=hint)


def _units(sources: list[Source], plan: ZonePlan, compute: Compute, memory_limit: int | None) -> UnitPlan:
    """Plan the reading so that all threads together stay below the limit."""
    cells = UNIT_CELLS // len(sources)
    if memory_limit is not None:
        # a window is there twice while it is turned into floats
        each = 2 * sum(source.dtype.itemsize for source in sources)
        fixed = _BASE_BYTES + 3 * plan.edges.nbytes + plan.pieces.nbytes + compute.threads * _SCRATCH_BYTES
        cells = min(cells, (memory_limit - fixed) // (compute.threads * each))
        if cells < SMALLEST_UNIT_CELLS:
            need = (fixed + compute.threads * each * SMALLEST_UNIT_CELLS) / 2**20
            raise MemoryLimitError(
                f"a memory limit of {memory_limit / 2**20:.0f} MiB is too small for zonal statistics of "
                f"{sources[0].name} in {compute.threads} threads: about {need:.0f} MiB are needed",
                hint="raise --memory-limit or lower --workers",
            )
    block = tuple(max(source.block_shape[axis] for source in sources) for axis in (0, 1))
    return plan_units(plan, sources[0].grid, block_shape=(block[0], block[1]), cells=cells)


def _read(source: Source, unit: Unit) -> FloatArray:
    # one memory layout, so that the kernels are compiled once for each float type
    return np.require(source.read(unit.window), requirements=["C", "W"])


def piece_keys(pieces: NDArray[Any]) -> NDArray[np.int64]:
    """Return zone, band and chunk of each piece: what :func:`tile_order` sorts by."""
    return np.stack([pieces["zone"], pieces["band"], pieces["chunk"]], axis=1)


def _tally_unit(source: Source, with_moments: bool, with_extremes: bool, with_values: bool, unit: Unit) -> _UnitResult:
    values, window = _read(source, unit), unit.window
    moments = places = found = cells = None
    if with_moments:
        moments = piece_moments(values, window.row, window.col, unit.edges, unit.pieces, with_extremes)
    if with_values:
        places, found, cells = piece_value_counts(values, window.row, window.col, unit.edges, unit.pieces)
        if len(places) and places[-1] < 0:
            raise _too_many_values(source)
    return _UnitResult(piece_keys(unit.pieces), moments, places, found, cells)


def _tally_classes(
    weights: Source, classes: Source, codes: NDArray[np.float64], unit: Unit
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    window = unit.window
    totals = piece_class_totals(
        _read(weights, unit), _read(classes, unit), window.row, window.col, unit.edges, unit.pieces, codes
    )
    return piece_keys(unit.pieces), totals


def _too_many_values(source: Source) -> InputError:
    return InputError(
        f"{source.name}: more than {MAX_DISTINCT} distinct values lie in the zones: 'fraction' is for class rasters",
        hint="ask for other statistics, or classify the raster first",
    )


def _stack(parts: list[NDArray[Any]], shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(shape, dtype=dtype), *parts])


def tile_order(keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the order of zone, band and chunk, in which partial results are added however they came."""
    return np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0]))


def sum_by(groups: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Add the rows of each group one after the other; rows of ``size`` groups, 0 for a group without any."""
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    out = np.empty((size, flat.shape[1]))
    for at, column in enumerate(np.ascontiguousarray(flat.T)):
        out[:, at] = np.bincount(groups, weights=column, minlength=size)
    return out.reshape(size, *values.shape[1:])


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    # rounding may take a zone that is covered entirely a hair above 1
    share = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return np.where(share > 1.0, 1.0, share)


def _statistics_frame(
    results: list[_UnitResult], plan: ZonePlan, source: Source, stats: Sequence[str], index: pd.Index
) -> pd.DataFrame:
    keys = _stack([result.keys for result in results], (0, 3), np.int64)
    columns: dict[str, NDArray[np.float64]] = {}
    moments: dict[str, NDArray[np.float64]] = {}
    if set(stats) - {"fraction"}:
        parts = [result.moments for result in results if result.moments is not None]
        moments = _moments(keys, _stack(parts, (0, 4), np.float64), plan.area_cells)
    for name in stats:
        if name == "fraction":
            columns.update(_fractions(results, source, len(index)))
        else:
            columns[name] = moments[name]
    return pd.DataFrame(columns, index=index)


def _moments(
    keys: NDArray[np.int64], parts: NDArray[np.float64], area_cells: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    order, size = tile_order(keys), len(area_cells)
    total, count = sum_by(keys[order, 0], parts[order, :2], size).T
    least, greatest = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(least, keys[:, 0], parts[:, 2])
    np.maximum.at(greatest, keys[:, 0], parts[:, 3])
    is_covered = count > 0
    return {
        "sum": np.where(is_covered, total, np.nan),
        "mean": np.divide(total, count, out=np.full(size, np.nan), where=is_covered),
        "count": count,
        "min": np.where(is_covered, least, np.nan),
        "max": np.where(is_covered, greatest, np.nan),
        "coverage_share": _share(count, area_cells),
    }


def _fractions(results: list[_UnitResult], source: Source, size: int) -> dict[str, NDArray[np.float64]]:
    """Shares of the distinct values, one column each, in rising order of the values."""
    keys, values, cells = [], [], []
    for result in results:
        if result.value_places is not None and result.values is not None and result.value_cells is not None:
            keys.append(result.keys[result.value_places])
            values.append(result.values)
            cells.append(result.value_cells)
    all_keys = _stack(keys, (0, 3), np.int64)
    order = tile_order(all_keys)
    distinct, column_of = np.unique(_stack(values, (0,), np.float64)[order], return_inverse=True)
    if len(distinct) > MAX_DISTINCT:
        raise _too_many_values(source)
    zone, covered = all_keys[order, 0], _stack(cells, (0,), np.float64)[order]
    count = np.bincount(zone, weights=covered, minlength=size)
    columns = {}
    for at, value in enumerate(distinct):
        chosen = column_of == at
        part = np.bincount(zone[chosen], weights=covered[chosen], minlength=size)
        columns[f"fraction_{_label(value, source)}"] = np.divide(
            part, count, out=np.full(size, np.nan), where=count > 0
        )
    return columns


def _label(value: float, source: Source) -> str:
    """Shortest text that reads back as the same value of the raster's own type."""
    return np.format_float_positional(source.dtype.type(value), unique=True, trim="-")
