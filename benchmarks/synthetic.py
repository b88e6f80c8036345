"""A synthetic world for the benchmarks, written tile by tile: population, land and built-up grids.

Cities with exponential density profiles and Zipf-like sizes lie on wavy continents; between them
are villages. About six cells of seven are empty. The same size and seed give the same files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

_BLOCK = 512
_PROFILE = {
    "driver": "GTiff",
    "count": 1,
    "crs": "ESRI:54009",
    "tiled": True,
    "blockxsize": _BLOCK,
    "blockysize": _BLOCK,
    "compress": "zstd",
    "BIGTIFF": "IF_SAFER",
}


def write_world(folder: Path, *, rows: int, cols: int, seed: int = 1) -> dict[str, Path]:
    """Write ``population.tif``, ``land.tif`` and ``built_up.tif`` of a synthetic world and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {"population": "float32", "land": "uint32", "built_up": "uint32"}
    paths = {name: folder / f"{name}.tif" for name in names}
    cities = _cities(rows, cols, seed)
    transform = Affine(1000.0, 0, -500.0 * cols, 0, -1000.0, 500.0 * rows)
    handles = {
        name: rasterio.open(
            path,
            "w",
            **_PROFILE,
            width=cols,
            height=rows,
            dtype=names[name],
            transform=transform,
            nodata=-200.0 if name == "population" else 4294967295,
        )
        for name, path in paths.items()
    }
    step = 4 * _BLOCK
    for top in range(0, rows, step):
        for left in range(0, cols, step):
            window = Window(left, top, min(step, cols - left), min(step, rows - top))
            for name, values in _tile(window, cities, seed).items():
                handles[name].write(values, 1, window=window)
    for handle in handles.values():
        handle.close()
    return paths


def _cities(rows: int, cols: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = max(4, rows * cols // 8_000)
    people = 20_000 / rng.power(1.1, n).clip(1e-3)
    return {
        "row": rng.uniform(0, rows, n),
        "col": rng.uniform(0, cols, n),
        "radius": 0.9 * (people / 30_000) ** 0.4 + 0.6,
        "density": 2500 * (people / 30_000) ** 0.2,
    }


def _tile(window: Window, cities: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    top, left, height, width = window.row_off, window.col_off, window.height, window.width
    rng = np.random.default_rng([seed, top, left])
    rows, cols = np.arange(top, top + height)[:, None], np.arange(left, left + width)[None, :]
    relief = np.sin(rows / 311.0) + np.sin(cols / 433.0) + np.sin((rows + cols) / 517.0)
    is_land = relief > -0.4
    land = np.where(is_land, 1_000_000, np.where(relief > -0.41, 400_000, 0)).astype(np.uint32)
    population = np.zeros((height, width), np.float32)
    reach = 8 * cities["radius"] + 2
    near = (
        (cities["row"] + reach > top)
        & (cities["row"] - reach < top + height)
        & (cities["col"] + reach > left)
        & (cities["col"] - reach < left + width)
    )
    for index in np.flatnonzero(near):
        row, col, extent = cities["row"][index], cities["col"][index], int(reach[index])
        r0, r1 = max(0, int(row) - extent - top), min(height, int(row) + extent - top)
        c0, c1 = max(0, int(col) - extent - left), min(width, int(col) + extent - left)
        if r0 >= r1 or c0 >= c1:
            continue
        distance = np.hypot(rows[r0:r1] - row, cols[:, c0:c1] - col)
        population[r0:r1, c0:c1] += cities["density"][index] * np.exp(-distance / cities["radius"][index])
    population *= rng.gamma(4.0, 0.25, population.shape).astype(np.float32)
    villages = rng.random(population.shape, dtype=np.float32)
    population += np.where(villages < 0.22, rng.exponential(60.0, population.shape).astype(np.float32), 0)
    population[(population < 1) | ~is_land] = 0
    built_up = np.minimum(land, (population * 110).astype(np.uint32))
    return {"population": population, "land": land, "built_up": built_up}
