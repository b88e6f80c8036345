"""The "optimal" built-up threshold: a mean over the dense clusters of the whole world."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from geo_profiling.compute import Compute
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.paint import TileLabels
from geo_profiling.delineation.rules import rule_set
from geo_profiling.delineation.scan import Kind, scan_tiles
from geo_profiling.errors import InputError, UsageError
from geo_profiling.raster.components import pad_to_words
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.tiling import TileStore, tile_shape, unpack

_WORLD_POINTS = [(-178.0, 0.0), (178.0, 0.0), (0.0, 70.0), (0.0, -54.0)]


def covers_the_world(grid: Grid) -> bool:
    """Tell whether a grid reaches from 54 S to 70 N and all around.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> covers_the_world(Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (9, 9)))
    False
    """
    transformer = Transformer.from_crs("OGC:CRS84", grid.crs, always_xy=True)
    left, bottom, right, top = grid.bounds
    points = [transformer.transform(lon, lat) for lon, lat in _WORLD_POINTS]
    return all(left <= x <= right and bottom <= y <= top for x, y in points)


def optimal_built_up_threshold(
    inputs: CellInputs,
    *,
    per: Literal["land", "cell"] = "land",
    memory_limit: int | None = None,
    compute: Compute | None = None,
) -> float:
    """Mean built-up share in dense clusters found by density alone, rounded up to one per cent.

    Dense clusters are cells of at least 1,500 people per km2 of land, connected over sides, with
    at least 5,000 people. Meant for global grids: the mean of an extract gives other centres.

    Parameters
    ----------
    inputs : CellInputs
        With built-up.
    per : {"land", "cell"}
        Built-up per km2 of land (GHSL's flow chart) or of the cell (flexurba).
    memory_limit : int, optional
        Bytes this process may hold.
    compute : Compute, optional

    Raises
    ------
    UsageError
        If there is no built-up grid.
    InputError
        If there is no dense cluster.

    References
    ----------
    GHSL Data Package 2023, GHS-SMOD, "Reduce Fragmentation" option.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 2))
    >>> people, built = (ArraySource(wrap(np.full((2, 2), value), grid)) for value in (2000.0, 0.123))
    >>> optimal_built_up_threshold(CellInputs(people, None, built, built_up_unit="share"))
    0.13
    """
    if inputs.built_up is None:
        raise UsageError("the optimal built-up threshold needs a built-up grid")
    compute = compute or Compute()
    rules = rule_set(built_up_threshold=None)
    shape = tile_shape(inputs.sources, threads=compute.parallel, memory_limit=memory_limit)
    with TileStore(inputs.grid, shape) as store:
        scan = scan_tiles(inputs, rules, 2, store, compute)
        kind, dense = scan.kinds["dense"], scan.components["dense"]

        def items() -> Iterator[_DenseTile]:
            for index, window in enumerate(store.tiles):
                classes = dense.classes(index)
                if classes.any():
                    yield _DenseTile(replace(inputs), window, store.get(index), kind, classes, per)

        parts = list(compute.map(_built_up_shares, items(), label="optimal threshold"))
    n = sum(count for _, count in parts)
    if not n:
        raise InputError(f"{inputs.population.name}: no dense cluster to take the built-up threshold from")
    # Rounded up as GHSL does; the tolerance keeps a mean of exactly 0.24 from becoming 0.25.
    return math.ceil(math.fsum(share for shares, _ in parts for share in shares) / n * 100 - 1e-9) / 100


@dataclass(frozen=True)
class _DenseTile:
    inputs: CellInputs
    window: Window
    packed: bytes
    kind: Kind
    classes: NDArray[np.uint8]
    per: Literal["land", "cell"]


def _built_up_shares(tile: _DenseTile) -> tuple[list[float], int]:
    """Built-up shares of the cells of dense clusters, and their number."""
    window, inputs = tile.window, tile.inputs
    assert inputs.built_up is not None  # checked by the caller
    codes = unpack(tile.packed, (window.height, pad_to_words(window.width)))
    dense = np.zeros(codes.shape, np.uint8)
    TileLabels.of(codes, tile.kind, window.width).paint(dense, (tile.classes > 0).astype(np.uint8))
    cell_area_m2 = inputs.grid.cell_area_km2 * 1e6
    inside = dense[:, : window.width] > 0
    # In double precision: the tolerance of rounding up is far below what float32 shares are off by.
    share = inputs.built_up.read(window)[inside].astype(np.float64)
    share /= 1.0 if inputs.built_up_unit == "share" else cell_area_m2
    if tile.per == "land" and inputs.land is not None:
        land = inputs.land.read(window)[inside].astype(np.float64)
        land /= 1.0 if inputs.land_unit == "share" else cell_area_m2
        share = np.divide(share, land, out=np.zeros_like(share), where=land > 0)
    share = share[np.isfinite(share)]
    return share.tolist(), int(share.size)
