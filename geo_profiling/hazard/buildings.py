"""Buildings in the bands of a hazard: by the depth at their centroid, and by the greatest under their footprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import local_utm, parse_crs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.hazard.exposure import BandTotals
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.sampling import OFF_GRID, cell_values, cells_at, class_codes
from geo_profiling.raster.coverage import coverage_runs, new_scratch
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import checked_rings
from geo_profiling.raster.zone_plan import Unit, plan_units, plan_zones
from geo_profiling.vector.reproject import reproject

_AREAL = (3, 6)
_POINT = 0
#: Cells of a window that is read at once.
_UNIT_CELLS = 1 << 22
#: Buildings whose size stands for that of all.
_SIZED = 10_000


@dataclass(frozen=True)
class BuildingExposure:
    """Buildings by zone, hazard raster and class; a building belongs to the zones its centroid lies in.

    Attributes
    ----------
    by_centroid : BandTotals
        By the hazard at the centroid.
    by_footprint : BandTotals or None
        By the greatest hazard in the cells that the footprint covers, however little; None for points.
    cells_per_building : float
        Side of a hazard cell over the side of a typical building; NaN for points. Where it is far above 1
        the two tables differ little and both are coarse.
    """

    by_centroid: BandTotals
    by_footprint: BandTotals | None
    cells_per_building: float


def building_exposure(
    buildings: gpd.GeoSeries,
    hazards: Sequence[Source],
    zones: gpd.GeoDataFrame,
    *,
    kind: HazardKind,
    compute: Compute | None = None,
) -> BuildingExposure:
    """Count buildings in each class of each hazard raster, by zone.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Polygons, or points, in any CRS.
    hazards : sequence of Source
        One raster for each event.
    zones : geopandas.GeoDataFrame
        Polygons, in any CRS. Buildings in several zones count in each.
    kind : HazardKind
        How the hazards' numbers are read. A footprint on known and unknown cells goes by the known ones;
        where nodata is dry, so is a footprint on nodata alone.
    compute : Compute, optional
        Where rasters are read.

    Returns
    -------
    BuildingExposure
        In the order of ``zones`` and ``hazards``.

    Raises
    ------
    InputError
        If a building is missing, empty, neither polygon nor point or not valid.
    ValueRangeError
        If a depth cannot be meant in the unit.
    UsageError
        If there is no hazard.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> depth = ArraySource(wrap(np.array([[0.0, 0.6]]), grid), "depth")
    >>> house = gpd.GeoSeries([shapely.box(80, 40, 105, 60)], crs=32638)
    >>> zone = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs=32638)
    >>> found = building_exposure(house, [depth], zone, kind=HazardKind("flood"))
    >>> found.by_centroid.of("dry"), found.by_footprint.of("0.5-1.5")
    (array([[1.]]), array([[1.]]))
    """
    if not hazards:
        raise UsageError("no hazard raster is given")
    compute = compute or Compute()
    shapes = _checked(buildings)
    building, zone = _in_zones(shapes, zones)
    used, of_used = np.unique(building, return_inverse=True)
    chosen = shapes.iloc[used]
    tables = {}
    for rule, values_of in (("centroid", centroid_values), ("footprint", footprint_values)):
        if rule == "footprint" and not _are_areal(shapes):
            continue
        values, is_outside = values_of(chosen, hazards, compute=compute)
        codes = np.empty(values.shape, np.uint8)
        for at, source in enumerate(hazards):
            # each raster's own type decides what equals a threshold
            stored = values[:, at].astype(source.dtype)
            codes[:, at] = class_codes(stored, is_outside[:, at], kind=kind, name=source.name)
        counts = _counted(codes[of_used], zone, len(zones), len(kind.bands.classes))
        tables[rule] = BandTotals(counts, kind.bands, zones.index)
    ratio = cells_per_building(shapes, hazards[0].grid)
    return BuildingExposure(tables["centroid"], tables.get("footprint"), ratio)


def centroid_values(
    buildings: gpd.GeoSeries,
    hazards: Sequence[Source],
    *,
    compute: Compute | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the value of each map at the centroid of each building.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Polygons or points, in any CRS; centroids are those in that CRS.
    hazards : sequence of Source
    compute : Compute, optional

    Returns
    -------
    values : ndarray of float64, shape (buildings, maps)
        As stored, in the order of ``hazards``; NaN is unknown.
    is_outside : ndarray of bool, shape (buildings, maps)
        Whether the centroid lies off the map; the value is NaN there.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> depth = ArraySource(wrap(np.array([[0.0, 0.6]]), grid), "depth")
    >>> centroid_values(gpd.GeoSeries.from_xy([150, 250], [50, 50], crs=32638), [depth])
    (array([[0.6],
           [nan]]), array([[False],
           [ True]]))
    """
    points = gpd.GeoSeries(shapely.centroid(buildings.to_numpy()), crs=buildings.crs)
    values = np.empty((len(points), len(hazards)))
    is_outside = np.empty(values.shape, dtype=np.bool_)
    placed: dict[str, NDArray[np.float64]] = {}
    for at, source in enumerate(hazards):
        crs = source.grid.crs.to_wkt()
        if crs not in placed:
            placed[crs] = shapely.get_coordinates(points.to_crs(source.grid.crs).to_numpy())
        rows, columns = cells_at(placed[crs][:, 0], placed[crs][:, 1], source.grid)
        values[:, at] = cell_values(source, rows, columns, compute=compute)
        is_outside[:, at] = rows == OFF_GRID
    return values, is_outside


def footprint_values(
    buildings: gpd.GeoSeries,
    hazards: Sequence[Source],
    *,
    compute: Compute | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the greatest value of each map in the cells that each footprint covers, however little.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Valid polygons, in any CRS.
    hazards : sequence of Source
    compute : Compute, optional

    Returns
    -------
    values : ndarray of float64, shape (buildings, maps)
        As stored, in the order of ``hazards``; NaN where there is only nodata.
    is_outside : ndarray of bool, shape (buildings, maps)
        Whether the footprint covers no cell of the map; the value is NaN there.

    Raises
    ------
    InputError
        If a building is no valid polygon.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> depth = ArraySource(wrap(np.array([[0.0, 0.6]]), grid), "depth")
    >>> house = gpd.GeoSeries([shapely.box(80, 40, 105, 60)], crs=32638)
    >>> footprint_values(house, [depth])[0]
    array([[0.6]])
    """
    compute = compute or Compute()
    values = np.empty((len(buildings), len(hazards)))
    is_outside = np.empty(values.shape, dtype=np.bool_)
    sources = list(hazards)
    done = np.zeros(len(sources), dtype=np.bool_)
    for at, source in enumerate(sources):
        if done[at]:
            continue
        same = [other for other in range(at, len(sources)) if sources[other].grid.aligned_with(source.grid)]
        found, covered = _greatest(buildings, [sources[other] for other in same], compute)
        values[:, same], is_outside[:, same] = found, ~covered[:, None]
        done[same] = True
    return values, is_outside


def cells_per_building(buildings: gpd.GeoSeries, grid: Grid) -> float:
    """Return the side of a cell in the middle of the buildings over the side of a typical footprint.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Polygons, in any CRS; of more than 10,000 every n-th is measured.
    grid : Grid
        In any CRS.

    Returns
    -------
    float
        NaN for points.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> cells_per_building(gpd.GeoSeries([shapely.box(0, 0, 10, 10)], crs=32638), grid)
    10.0
    """
    if len(buildings) == 0 or not _are_areal(buildings):
        return float("nan")
    chosen = buildings.iloc[:: -(-len(buildings) // _SIZED)]
    middle = gpd.GeoSeries([shapely.box(*chosen.total_bounds).centroid], crs=chosen.crs)
    point = middle.to_crs("EPSG:4326").iloc[0]
    crs = chosen.crs if chosen.crs.is_projected else local_utm(point.x, point.y)
    side = float(np.sqrt(np.median(shapely.area(chosen.to_crs(crs).to_numpy()))))
    x, y = (float(value[0]) for value in middle.to_crs(grid.crs).iloc[0].xy)
    width, height = grid.cell_size
    cell = gpd.GeoSeries([shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)], crs=grid.crs)
    return float(np.sqrt(cell.to_crs(crs).area.iloc[0])) / side


def _checked(buildings: gpd.GeoSeries) -> gpd.GeoSeries:
    parse_crs(buildings.crs, what="buildings")
    geometries = buildings.to_numpy()
    kinds = shapely.get_type_id(geometries)
    bad = shapely.is_missing(geometries) | shapely.is_empty(geometries) | ~np.isin(kinds, (*_AREAL, _POINT))
    if bad.any():
        first = buildings.index[int(np.argmax(bad))]
        raise InputError(f"buildings: building {first!r} is neither polygon nor point", hint="leave it out")
    if len(np.unique(np.isin(kinds, _AREAL))) == 2:
        raise InputError("buildings: polygons and points are mixed", hint="give one kind")
    return buildings


def _are_areal(buildings: gpd.GeoSeries) -> bool:
    return bool(np.isin(shapely.get_type_id(buildings.to_numpy()[:1]), _AREAL).all())


def _in_zones(buildings: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return building and zone of every centroid in a zone, by zone, then building."""
    points = gpd.GeoSeries(shapely.centroid(buildings.to_numpy()), crs=buildings.crs)
    placed = points.to_crs(parse_crs(zones.crs, what="zones")).to_numpy()
    zone, building = shapely.STRtree(placed).query(zones.geometry.to_numpy(), predicate="intersects")
    order = np.lexsort((building, zone))
    return building[order].astype(np.int64), zone[order].astype(np.int64)


def _counted(codes: NDArray[np.uint8], zone: NDArray[np.int64], zones: int, width: int) -> NDArray[np.float64]:
    """Count codes of shape (buildings, hazards) by zone, hazard and class."""
    out = np.empty((zones, codes.shape[1], width))
    for at in range(codes.shape[1]):
        out[:, at] = np.bincount(zone * width + codes[:, at], minlength=zones * width).reshape(zones, width)
    return out


def _greatest(
    buildings: gpd.GeoSeries, sources: list[Source], compute: Compute
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the greatest value of maps on one grid under each footprint, and whether it covers a cell."""
    grid = sources[0].grid
    placed = reproject(gpd.GeoDataFrame(geometry=buildings), grid.crs)
    plan = plan_zones(checked_rings(placed, sources[0], compute), grid)
    block = tuple(max(source.block_shape[axis] for source in sources) for axis in (0, 1))
    units = plan_units(plan, grid, block_shape=(block[0], block[1]), cells=_UNIT_CELLS)
    values = np.full((len(buildings), len(sources)), -np.inf)
    covered = np.zeros(len(buildings), dtype=np.bool_)
    work = partial(_unit_greatest, sources)
    for zone, found, is_covered in compute.map(work, units, label="depths of buildings", total=len(units)):
        np.maximum.at(values, zone, found)
        np.logical_or.at(covered, zone, is_covered)
    return np.where(np.isinf(values), np.nan, values), covered


def _unit_greatest(
    sources: list[Source], unit: Unit
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    found = np.empty((len(unit.pieces), len(sources)))
    covered = np.zeros(len(unit.pieces), dtype=np.bool_)
    for at, source in enumerate(sources):
        window = unit.window
        values = np.require(source.read(window), requirements=["C", "W"])
        found[:, at], covered = _piece_greatest(values, window.row, window.col, unit.edges, unit.pieces)
    return unit.pieces["zone"], found, covered


@njit(nogil=True, cache=True)
def _piece_greatest(
    values: NDArray[Any], row: int, col: int, edges: NDArray[np.float64], pieces: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Greatest value in the covered cells of each piece (-inf without any), and whether it covers a cell."""
    out = np.full(len(pieces), -np.inf)
    covered = np.zeros(len(pieces), dtype=np.bool_)
    scratch = new_scratch(pieces)
    runs = scratch[2]
    for i in range(len(pieces)):
        piece = pieces[i]
        for k in range(coverage_runs(edges, piece, scratch)):
            covered[i] = True
            line = values[piece.row + runs[k, 0] - row]
            start = piece.col + runs[k, 1] - col
            for j in range(start, start + runs[k, 2]):
                # false for NaN
                if line[j] > out[i]:
                    out[i] = line[j]
    return out, covered
