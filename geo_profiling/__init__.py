"""Profiles a metropolis and its informal settlements.

The names below are the short way in; every capability is one documented function of its module.
They load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from geo_profiling import _env  # sets GDAL's environment before anything imports GDAL

if TYPE_CHECKING:
    from geo_profiling.compute import Compute, local_cluster
    from geo_profiling.delineation.degurba import aggregate_level1, classify_cells
    from geo_profiling.delineation.rules import rule_set
    from geo_profiling.delineation.units import classify_units
    from geo_profiling.errors import GeoProfilingError
    from geo_profiling.raster.read import open_raster, to_dataarray
    from geo_profiling.raster.regrid import regrid_counts
    from geo_profiling.raster.zonal import zonal_statistics
    from geo_profiling.vector.read import read_layer

__all__ = [
    "Compute",
    "GeoProfilingError",
    "aggregate_level1",
    "classify_cells",
    "classify_units",
    "local_cluster",
    "open_raster",
    "read_layer",
    "regrid_counts",
    "rule_set",
    "to_dataarray",
    "zonal_statistics",
]

_MODULES = {
    "Compute": "compute",
    "GeoProfilingError": "errors",
    "aggregate_level1": "delineation.degurba",
    "classify_cells": "delineation.degurba",
    "classify_units": "delineation.units",
    "local_cluster": "compute",
    "open_raster": "raster.read",
    "read_layer": "vector.read",
    "regrid_counts": "raster.regrid",
    "rule_set": "delineation.rules",
    "to_dataarray": "raster.read",
    "zonal_statistics": "raster.zonal",
}

_env.configure_gdal()


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'geo_profiling' has no attribute {name!r}")
    return getattr(import_module(f"geo_profiling.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
