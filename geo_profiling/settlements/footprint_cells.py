"""Which cells of a grid every footprint covers, and by how much: exact, without a geometry for each piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo_profiling.raster.coverage import coverage_runs, new_scratch
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.zone_plan import plan_units, plan_zones, zone_rings

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

#: Footprints that are cut at once: bounds the memory of the plan.
_CHUNK = 200_000


@dataclass(frozen=True)
class FootprintCells:
    """Pieces of footprints in cells, by footprint, row and column.

    Attributes
    ----------
    owner : ndarray of int64
        Position of the footprint.
    row, col : ndarray of int64
        The cell.
    share : ndarray of float64
        Share of the cell that the footprint covers, above 0 and at most 1.
    """

    owner: Integers
    row: Integers
    col: Integers
    share: Floats


def footprint_cells(geometries: NDArray[np.object_], grid: Grid) -> FootprintCells:
    """Cut polygons by the cells of a grid and return the share of each cell that each covers.

    Parameters
    ----------
    geometries : ndarray of shapely geometries
        Valid polygons and multipolygons, none empty, in the CRS of the grid.
    grid : Grid
        What lies off it is left out.

    Returns
    -------
    FootprintCells
        Sorted by footprint, row and column.

    Examples
    --------
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 200), (2, 2))
    >>> pieces = footprint_cells(np.array([shapely.box(90, 110, 110, 120)]), grid)
    >>> pieces.row.tolist(), pieces.col.tolist(), pieces.share.round(6).tolist()
    ([0, 0], [0, 1], [0.01, 0.01])
    """
    parts = []
    for start in range(0, len(geometries), _CHUNK):
        plan = plan_zones(zone_rings(geometries[start : start + _CHUNK]), grid)
        for unit in plan_units(plan, grid, block_shape=(256, 256)):
            keys, share = _pieces(unit.edges, unit.pieces)
            keys[:, 0] += start
            parts.append((keys, share))
    keys = np.concatenate([np.empty((0, 3), dtype=np.int64), *(keys for keys, _ in parts)])
    share = np.concatenate([np.empty(0), *(share for _, share in parts)])
    order = np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0]))
    return FootprintCells(keys[order, 0], keys[order, 1], keys[order, 2], share[order])


@njit(nogil=True, cache=True)
def _pieces(edges: NDArray[np.float64], pieces: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Zone, row and column of every covered cell, and its covered share."""
    scratch = new_scratch(pieces)
    runs, weights = scratch[2], scratch[3]
    keys, share = np.empty((1024, 3), dtype=np.int64), np.empty(1024)
    size = 0
    for piece in pieces:
        for k in range(coverage_runs(edges, piece, scratch)):
            for j in range(runs[k, 2]):
                if size == len(share):
                    grown_keys, grown_share = np.empty((2 * size, 3), dtype=np.int64), np.empty(2 * size)
                    grown_keys[:size], grown_share[:size] = keys, share
                    keys, share = grown_keys, grown_share
                keys[size, 0] = piece.zone
                keys[size, 1], keys[size, 2] = piece.row + runs[k, 0], piece.col + runs[k, 1] + j
                share[size] = weights[k]
                size += 1
    return keys[:size], share[:size]
