"""A small province with two cities, as every kind of output shows it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from affine import Affine
from pyproj import CRS
from shapely import box

from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import wrap

GRID = Grid(CRS("ESRI:54009"), Affine(1000, 0, 300_000, 0, -1000, 5_900_000), (40, 60))


@dataclass(frozen=True)
class Province:
    classes: xr.DataArray
    centres: gpd.GeoDataFrame
    units: gpd.GeoDataFrame


def rectangle(row: int, col: int, rows: int, cols: int) -> object:
    left, top = 300_000 + 1000 * col, 5_900_000 - 1000 * row
    return box(left, top - 1000 * rows, left + 1000 * cols, top)


@pytest.fixture
def province() -> Province:
    """Classes, two centres (one without name, one with a hostile name) and three units."""
    classes = np.full(GRID.shape, 11, np.int16)
    classes[:, 50:] = 10
    classes[5:15, 5:15] = 21
    classes[7:12, 7:12] = 30
    classes[25:30, 30:36] = 30
    classes[20, 20] = 13
    classes[0, 0] = -32768
    centres = gpd.GeoDataFrame(
        {
            "centre_id": ["UC_E309500_N5890500", "UC_E332500_N5872500"],
            "name": ['Saint-<b>Ändré</b> & "Söhne"</script>', None],
            "population": [1_234_567.8, 50_000.0],
            "area_km2": [25.0, 30.0],
            "touches_edge": [False, True],
        },
        geometry=[rectangle(7, 7, 5, 5), rectangle(25, 30, 5, 6)],
        crs=GRID.crs,
    )
    units = gpd.GeoDataFrame(
        {
            "unit_id": ["01", "02", "03"],
            "name": ["Västra Ö", "Mittwald", None],
            "population": [1_300_000.25, 60_000.0, 0.0],
            "area_km2": [800.0, 800.0, 800.0],
            "degurba_l1": pd.array([1, 2, None], "Int16"),
            "degurba_l2": pd.array([30, 21, None], "Int16"),
            "degurba_basis": ["population", "population", None],
            "share_urban_centre": [0.95, 0.4, np.nan],
            "smaller_than_cell": [False, False, True],
            "coverage_share": [1.0, 1.0, 0.0],
        },
        geometry=[rectangle(0, 0, 40, 20), rectangle(0, 20, 40, 20), rectangle(0, 40, 40, 20)],
        crs=GRID.crs,
    )
    return Province(wrap(classes, GRID, name="degurba_l2", nodata=-32768), centres, units)
