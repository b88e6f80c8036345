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
        names = pd.Series(dtype=object)
        if units is not None and "name" in units:
            pairs = pd.read_parquet(directory / f"tables/people_in_{kind}.parquet")
            names = _names(layers[f"urban_{kind}"].set_index(id_field)["population"], pairs, units)
        named = layers[f"urban_{kind}"][id_field].map(names).astype(object)
        layers[f"urban_{kind}"].insert(1, "name", named.where(named.notna(), None))
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
        if "fua_centres" in tables:
            areas = _named_by_centre(areas, directory, layers["urban_centres"])
        layers["functional_urban_areas"] = areas


def _names(population: pd.Series, pairs: pd.DataFrame, units: gpd.GeoDataFrame) -> pd.Series:
    """Name each area after the unit that most of its people live in, where units hold half of them.

    The centre of a city beyond the units' border is not named after the small unit on this side.
    """
    id_field = str(population.index.name)
    held = pairs.groupby(id_field)["population"].sum()
    half_held = held.index[held >= 0.5 * population.reindex(held.index)]
    pairs = pairs[pairs[id_field].isin(half_held)]
    largest = pairs.sort_values(["population", "unit_id"], ascending=[False, True]).drop_duplicates(id_field)
    return largest.set_index(id_field)["unit_id"].map(units.set_index("unit_id")["name"])


def _named_by_centre(areas: gpd.GeoDataFrame, directory: Path, centres: pd.DataFrame) -> gpd.GeoDataFrame:
    """Name modelled areas after the most populous of their centres that has a name."""
    members = pd.read_parquet(directory / "tables/fua_centres.parquet")[["centre_id", "fua_id"]]
    known = members.merge(centres[["centre_id", "name", "population"]], on="centre_id").dropna(subset=["name"])
    largest = known.sort_values(["population", "centre_id"], ascending=[False, True]).drop_duplicates("fua_id")
    names = areas["fua_id"].map(largest.set_index("fua_id")["name"]).astype(object)
    return areas.assign(name=names.where(names.notna(), None))
