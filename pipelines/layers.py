"""The layers of the GeoPackage, put together from the tables of a region's steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq

from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.layers import LAYERS
from pipelines.declared import CLUSTER_TABLES, fua_tables
from pipelines.naming import names_after_units

Layers = dict[str, gpd.GeoDataFrame | pd.DataFrame]
#: Tables of functional urban areas that layers are made from; they are none as they are.
_PARTS = frozenset({"fua_units"})


def published_layers(region: RegionSettings, directory: Path, tables: Sequence[str]) -> Layers:
    """Return the layers of a region: those that are made from several tables, and every table that is a layer.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    tables : sequence of str
        Names of the tables that the steps wrote, without their suffix.
    """
    layers: Layers = {}
    if region.inputs.population is not None:
        layers |= _urban_layers(region, directory)
        _add_functional_areas(region, directory, layers)
    for name in tables:
        if name in LAYERS and name not in layers and name not in _PARTS:
            layers[name] = read_output(directory, name)
    return layers


def read_output(directory: Path, name: str) -> gpd.GeoDataFrame | pd.DataFrame:
    """Read a table that a step wrote, with its geometry if it has one."""
    path = directory / f"tables/{name}.parquet"
    is_spatial = b"geo" in (pq.read_schema(path).metadata or {})
    return gpd.read_parquet(path) if is_spatial else pd.read_parquet(path)


def _urban_layers(region: RegionSettings, directory: Path) -> Layers:
    """Return centres, clusters and units; centres and clusters named after the units that hold most of them."""
    layers: Layers = {
        name: gpd.read_parquet(directory / f"tables/{name}.parquet")
        for name in CLUSTER_TABLES[region.delineation.degurba.level].values()
    }
    units = None
    if region.inputs.units is not None:
        units = layers["units"] = gpd.read_parquet(directory / "tables/units.parquet")
    for kind, id_field in (("centres", "centre_id"), ("clusters", "cluster_id")):
        layer = layers[f"urban_{kind}"]
        names = pd.Series(None, layer.index, dtype=object)
        if units is not None and "name" in units:
            pairs = pd.read_parquet(directory / f"tables/people_in_{kind}.parquet")
            names = pd.Series(names_after_units(layer.set_index(id_field), pairs, units).to_numpy(), layer.index)
        layer.insert(1, "name", names)
    return layers


def _add_functional_areas(region: RegionSettings, directory: Path, layers: Layers) -> None:
    """Add functional urban areas with their governance, and what units and flows tell about them."""
    tables = fua_tables(region)
    if tables:
        areas = gpd.read_parquet(directory / "tables/functional_urban_areas.parquet")
        if "fua_units" in tables:
            governance = pd.read_parquet(directory / "tables/fua_governance.parquet")
            areas = areas.merge(governance, on="fua_id", how="left", validate="one_to_one")
            units = gpd.read_parquet(directory / "tables/fua_units.parquet")
            commuting = region.inputs.commuting
            if commuting is not None and commuting.units is not None and region.delineation.is_by_flows:
                layers["fua_units"] = units
            else:
                explained = units.drop(columns=["geometry", "name", "population", "area_km2"], errors="ignore")
                layers["units"] = layers["units"].merge(explained, on="unit_id", how="left", validate="one_to_one")
        layers["functional_urban_areas"] = areas
