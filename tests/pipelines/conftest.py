"""A small city on disk: three aligned grids and four units, and the configuration that names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

CRS = "ESRI:54009"
WriteRaster = Callable[..., Path]


@pytest.fixture
def write_raster(tmp_path: Path) -> WriteRaster:
    """Write a raster of 1 km cells into the test's folder."""

    def write(
        name: str,
        values: NDArray[Any],
        *,
        crs: str | None = CRS,
        left: float = 0.0,
        top: float = 8000.0,
        cell: float = 1000.0,
        nodata: float | None = -200.0,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
        transform = Affine(cell, 0, left, 0, -cell, top)
        with rasterio.open(
            path, "w", **profile, dtype=values.dtype, crs=crs, transform=transform, nodata=nodata
        ) as file:
            file.write(values, 1)
        return path

    return write


@pytest.fixture
def units() -> gpd.GeoDataFrame:
    """Four units of 4 x 4 cells, ids with leading zeros."""
    boxes = [shapely.box(x, y, x + 4000, y + 4000) for y in (4000, 0) for x in (0, 4000)]
    return gpd.GeoDataFrame({"code": ["001", "002", "010", "100"], "number": [1, 2, 3, 4]}, geometry=boxes, crs=CRS)


@pytest.fixture
def city(tmp_path: Path, write_raster: WriteRaster, units: gpd.GeoDataFrame) -> Path:
    """Write the city and return its configuration."""
    population = np.arange(64, dtype=np.float32).reshape(8, 8)
    write_raster("pop.tif", population)
    write_raster("land.tif", np.full((8, 8), 1e6, dtype=np.float32))
    write_raster("built.tif", np.full((8, 8), 0.3, dtype=np.float32))
    units.to_file(tmp_path / "units.gpkg")
    path = tmp_path / "city.yaml"
    path.write_text(
        """\
version: 1
name: City
inputs:
  population: {path: pop.tif, year: 2020}
  land: {path: land.tif}
  built_up: {path: built.tif, unit: share}
  units: {path: units.gpkg, id_field: code}
regions:
  - name: city
output: {directory: out}
"""
    )
    return path
