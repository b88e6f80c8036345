"""Writing the files so that the same city gives the same bytes."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from port_serrano import plan

#: GeoPackages carry the time of their last change: it is fixed.
os.environ["OGR_CURRENT_DATE"] = "2024-06-01T00:00:00.000Z"
pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": os.environ["OGR_CURRENT_DATE"]})


def write_raster(
    path: Path, values: NDArray[np.generic], transform: Affine, *, nodata: float, unit: str, predictor: int
) -> None:
    """Write a compressed, tiled GeoTIFF that names its unit."""
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
        "crs": plan.CRS,
        "transform": transform,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": 128,
        "blockysize": 128,
        "compress": "deflate",
        "zlevel": 9,
        "predictor": predictor,
    }
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values, 1)
        raster.units = (unit,)


def write_layers(path: Path, layers: dict[str, gpd.GeoDataFrame]) -> None:
    """Write a GeoPackage of one or more layers."""
    path.unlink(missing_ok=True)
    for name, frame in layers.items():
        pyogrio.write_dataframe(frame, path, driver="GPKG", layer=name, dataset_options={"VERSION": "1.2"})


def write_layer(path: Path, frame: gpd.GeoDataFrame) -> None:
    """Write a GeoPackage of one layer, named as the file."""
    write_layers(path, {path.stem: frame})


def write_large_layer(path: Path, frame: gpd.GeoDataFrame) -> None:
    """Write a GeoParquet file: a fifth of the size of a GeoPackage."""
    frame.to_parquet(path, compression="zstd", compression_level=19, index=False)


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a CSV table with unix line ends."""
    frame.to_csv(path, index=False, lineterminator="\n")
