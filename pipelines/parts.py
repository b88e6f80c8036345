"""Readers of what a region takes of its inputs: digests of blocks of cells, and of features.

Pieces have digests of their own, so that two states of an input can be compared without keeping
either: how much changed, and where.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
from pyproj import Transformer

from geo_profiling.compute import Compute
from geo_profiling.config.files import RasterInput, UnitsInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.crs import same_crs
from geo_profiling.errors import InputError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.read import RasterFile
from geo_profiling.runs.digests import DigestCache
from pipelines.cells import region_grid, window_of
from pipelines.declared import input_content
from pipelines.inputs import open_declared, open_input, read_units

#: Edge of the smallest block of cells with a digest of its own, and how many blocks there may be.
_BLOCK_CELLS = 16
_MOST_BLOCKS = 4096
#: Cells on each side that are read at once.
_CHUNK_CELLS = 1024
#: Source cells around a window in another grid that its cells may draw from.
_REGRID_MARGIN = 2


def read_window(region: RegionSettings, raster: RasterFile, population: RasterFile | None) -> Window:
    """Return the cells of a raster that are read for a region, its halo included.

    Parameters
    ----------
    region : RegionSettings
    raster : RasterFile
        Any raster of the region.
    population : RasterFile or None
        The grid that outline, bounds and halo are counted on; None where it cannot be opened.

    Raises
    ------
    InputError
        If the region lies off either raster.
    """
    if population is None or (region.outline is None and region.bounds is None):
        return raster.grid.window
    box = region_grid(region, population.grid)
    bounds, margin = box.bounds, 0 if region.regrid is None else _REGRID_MARGIN
    if not same_crs(box.crs, raster.grid.crs):
        bounds = Transformer.from_crs(box.crs, raster.grid.crs, always_xy=True).transform_bounds(
            *bounds, densify_pts=51
        )
        margin = _REGRID_MARGIN
    window = window_of(bounds, raster.grid)
    if window is None:
        raise InputError(f"{raster.name}: does not reach region {region.name}", hint="check its extent and CRS")
    return window.expand(margin, within=raster.grid.shape)


def cell_parts(region: RegionSettings, key: str, declared: RasterInput) -> Mapping[str, Any]:
    """Return the digests of the blocks of cells that a region reads of a raster, and their grid.

    A raster that is refused gives the digest of its file: the check of the inputs tells why.
    """
    try:
        raster = open_declared(region, key, declared)
        population = raster if key == "population" else open_input(region, "population")
        window = read_window(region, raster, population)
        return _blocks(raster, window, whole=raster.grid if region.regrid else None)
    except InputError:
        return {"refused": input_content(declared.path).digest(DigestCache())}


def _blocks(raster: RasterFile, window: Window, *, whole: Grid | None) -> dict[str, Any]:
    size = _BLOCK_CELLS
    while -(-window.height // size) * -(-window.width // size) > _MOST_BLOCKS:
        size *= 2
    grid = raster.grid.crop(window)
    chunk = max(size, _CHUNK_CELLS)

    def digests(part: Window) -> list[list[str]]:
        stored = Window(window.row + part.row, window.col + part.col, part.height, part.width)
        values = raster.read_unchecked(stored)
        return [
            [_digest(values[row : row + size, col : col + size]) for col in range(0, part.width, size)]
            for row in range(0, part.height, size)
        ]

    rows: dict[int, list[str]] = {}
    parts = list(grid.tiles(chunk))
    for part, found in zip(parts, Compute().map(digests, parts), strict=True):
        for offset, line in enumerate(found):
            rows.setdefault(part.row + offset * size, []).extend(line)
    about = {"crs": grid.crs.to_wkt(), "transform": list(grid.transform[:6]), "shape": list(grid.shape)}
    if whole is not None:
        # The common grid that cells go to is laid out from the whole file's.
        about["within"] = [list(whole.transform[:6]), list(whole.shape)]
    return {"grid": about, "dtype": str(raster.dtype), "block": size, "blocks": [rows[row] for row in sorted(rows)]}


def _digest(values: np.ndarray[Any, Any]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=8).hexdigest()


def compare_cells(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say in how many cells, at most, two states of a raster differ, and where.

    Examples
    --------
    >>> grid = {"crs": "", "transform": [1000, 0, 0, 0, -1000, 9000], "shape": [20, 40]}
    >>> state = {"grid": grid, "dtype": "float32", "block": 16, "blocks": [["a", "b", "c"], ["d", "e", "f"]]}
    >>> compare_cells(state, state | {"blocks": [["a", "b", "c"], ["d", "e", "x"]]})
    'up to 32 of 800 cells, in 1 of 6 blocks: rows 16-19, columns 32-39 (x 32000 to 40000, y -11000 to -7000)'
    """
    if "refused" in before or "refused" in after:
        return "the file was refused" if "refused" in before else "the file is refused"
    if (before["grid"], before["block"]) != (after["grid"], after["block"]):
        return f"another grid, {_shown(before['grid'])} before, {_shown(after['grid'])} now"
    if before["dtype"] != after["dtype"]:
        return f"its values are {after['dtype']}, were {before['dtype']}"
    size, (height, width) = after["block"], after["grid"]["shape"]
    changed = np.array(before["blocks"]) != np.array(after["blocks"])
    rows, cols = np.nonzero(changed)
    heights = np.minimum((rows + 1) * size, height) - rows * size
    widths = np.minimum((cols + 1) * size, width) - cols * size
    top, bottom = int(rows.min()) * size, min((int(rows.max()) + 1) * size, height)
    left, right = int(cols.min()) * size, min((int(cols.max()) + 1) * size, width)
    dx, _, x0, _, dy, y0 = after["grid"]["transform"]
    return (
        f"up to {int((heights * widths).sum())} of {height * width} cells, in {len(rows)} of {changed.size} blocks: "
        f"rows {top}-{bottom - 1}, columns {left}-{right - 1} "
        f"(x {x0 + left * dx:.10g} to {x0 + right * dx:.10g}, y {y0 + bottom * dy:.10g} to {y0 + top * dy:.10g})"
    )


def _shown(grid: Mapping[str, Any]) -> str:
    transform = grid["transform"]
    return (
        f"{grid['shape'][0]} x {grid['shape'][1]} cells of {transform[0]:g} from ({transform[2]:g}, {transform[5]:g})"
    )


def feature_parts(region: RegionSettings, declared: UnitsInput) -> Mapping[str, Any]:
    """Return the digests of the features that reach into the box of a region's outline, by their ids.

    A layer that is refused gives the digest of its file: the check of the inputs tells why.
    """
    own = replace(region, inputs=region.inputs.model_copy(update={"units": declared}))
    try:
        read = read_units(own)
    except InputError:
        return {"refused": input_content(declared.path).digest(DigestCache())}
    assert read is not None  # units are declared
    return _feature_digests(read[0], declared)


def _feature_digests(layer: gpd.GeoDataFrame, declared: UnitsInput) -> dict[str, Any]:
    fields = [declared.id_field, *([declared.name_field] if declared.name_field else [])]
    words = layer[fields].astype(str).agg("\x1f".join, axis=1) if len(layer) else []
    kinds = [str(layer[name].dtype) for name in fields]
    digests = {
        str(identifier): hashlib.blake2b(text.encode() + b"\x1f" + shape, digest_size=8).hexdigest()
        for identifier, text, shape in zip(layer[declared.id_field], words, layer.geometry.to_wkb(), strict=True)
    }
    return {"crs": layer.crs.to_wkt(), "fields": fields, "kinds": kinds, "features": digests}


def compare_features(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say how many features differ between two states of a layer, and which.

    Examples
    --------
    >>> state = {"crs": "", "fields": ["id"], "kinds": ["int64"], "features": {"1": "a", "2": "b"}}
    >>> compare_features(state, state | {"features": {"1": "a", "2": "x", "3": "c"}})
    '1 changed (2), 1 added (3); now 3 features'
    """
    if "refused" in before or "refused" in after:
        return "the file was refused" if "refused" in before else "the file is refused"
    if any(before[name] != after[name] for name in ("crs", "fields", "kinds")):
        return "another coordinate reference system or other fields"
    was, now = before["features"], after["features"]
    groups = {
        "changed": [name for name in now if name in was and now[name] != was[name]],
        "added": [name for name in now if name not in was],
        "removed": [name for name in was if name not in now],
    }
    said = [
        f"{len(names)} {word} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
        for word, names in groups.items()
        if names
    ]
    return f"{', '.join(said)}; now {len(now)} features"
