"""The layer of informal settlements: everything that the other steps tell of them, one row each."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.tables import write_parquet
from pipelines.built import read_built

#: Tables with one row for each settlement, in the order in which their fields stand.
_PARTS = (
    "settlement_population", "settlement_form", "settlement_profile", "settlement_tenure", "settlement_hazard",
    "settlement_environment",
)  # fmt: skip


def run_settlements(region: RegionSettings, directory: Path, _compute: Compute) -> None:
    """Put the layer of settlements together from the tables of the other steps.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.settlements``.
    directory : Path
        The region's output folder.
    _compute : Compute
        Every step is handed one; tables fit into memory.

    Raises
    ------
    InputError
        If the layer is refused.
    """
    built = read_built(region)
    settlements = built.settlements
    assert settlements is not None  # only asked for where it is configured
    table = pd.DataFrame(index=settlements.index.astype(str))
    for field in ("name", "kind"):
        if field in settlements:
            table[field] = settlements[field].to_numpy()
    table["area_ha"] = settlements.area.to_numpy() / 10_000
    for name in _PARTS:
        path = directory / f"tables/{name}.parquet"
        if path.is_file():
            part = pd.read_parquet(path)
            part = part.set_index(part["settlement_id"].astype(str)).drop(columns="settlement_id")
            new = [column for column in part if column in _FIELDS and column not in table]
            table = table.join(part[new])
    table = _with_hazardous_people(table)
    buildings = directory / "tables/buildings.parquet"
    if buildings.is_file():
        depth = _depth(settlements, gpd.read_parquet(buildings))
        table = table.join(depth[[column for column in depth if column not in table]])
    layer = gpd.GeoDataFrame(table, geometry=settlements.geometry.to_numpy(), crs=settlements.crs)
    layer = layer.rename_axis("settlement_id").reset_index()
    write_parquet(directory / "tables/settlements.parquet", layer)


#: What the layer may hold; parts tell more than it shows.
_FIELDS = frozenset(field.name for field in LAYERS["settlements"].fields)


def population_results(region: RegionSettings, directory: Path) -> dict[str, dict[str, float]]:
    """Return the people in all settlements, in the rest and in total, for the manifest; empty where not counted.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder.
    """
    if region.settlements is None or region.inputs.settlements is None:
        return {}
    path = directory / "tables/settlement_population_totals.parquet"
    totals = pd.read_parquet(path).set_index("ground")
    return {
        f"settlements_{column}": {str(ground): float(people) for ground, people in totals[column].items()}
        for column in totals
        if len(totals) and totals[column].notna().all()
    }


def _with_hazardous_people(table: pd.DataFrame) -> pd.DataFrame:
    """Carry the range of a settlement's people, of all sources, through to those in hazardous location."""
    sides = {side: (f"hazardous_share_{side}", f"population_{side}") for side in ("low", "high")}
    if not all(field in table for fields in sides.values() for field in fields):
        return table
    return table.assign(
        **{
            f"hazardous_people_{side}": table[share].astype(float) * table[people].astype(float)
            for side, (share, people) in sides.items()
        }
    )


def _depth(settlements: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return how deep the buildings of each settlement lie in their blocks, by the centroid of each."""
    points = shapely.centroid(np.asarray(buildings.geometry.array, dtype=object))
    shapes = np.asarray(settlements.geometry.array, dtype=object)
    building, place = shapely.STRtree(shapes).query(points, predicate="intersects")
    inside = pd.DataFrame(
        {
            "settlement_id": settlements.index.astype(str).to_numpy()[place],
            "layer": buildings["layer"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)[building],
            "street_dist_m": buildings["street_dist_m"].to_numpy()[building]
            if "street_dist_m" in buildings
            else np.nan,
        }
    )
    grouped = inside.groupby("settlement_id")
    known = inside.dropna(subset=["layer"])
    found = pd.DataFrame(
        {
            "n_buildings": grouped.size(),
            "k_max": grouped["layer"].max(),
            "k_mean_bldg": grouped["layer"].mean(),
            "k_share_bldg_layer_ge3": (known["layer"] >= 3).groupby(known["settlement_id"]).mean(),
            "street_dist_median_m": grouped["street_dist_m"].median(),
        }
    ).reindex(settlements.index.astype(str))
    found["n_buildings"] = found["n_buildings"].fillna(0).astype("Int64")
    found["k_max"] = found["k_max"].astype("Int64")
    return found
