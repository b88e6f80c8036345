"""Street blocks of a region: how deep buildings lie in them, and new paths that would reach every building."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.settlements.blocks import street_blocks
from geo_profiling.settlements.complexity import measure_complexity
from geo_profiling.settlements.reblocking import new_paths
from geo_profiling.settlements.street_access import buildings_between, street_distance
from geo_profiling.settlements.streets import ConnectedStreets, connected_streets
from pipelines.built import BuiltCity, read_built
from pipelines.profile import enumerated_households


def run_blocks(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Measure block complexity: tables ``street_blocks``, ``buildings`` and, where asked for, ``new_paths``.

    Parameters
    ----------
    region : RegionSettings
        With ``settlements``, and with buildings.
    directory : Path
        The region's output folder.
    compute : Compute

    Raises
    ------
    InputError
        If a layer is refused, or there is nothing to cut into blocks.
    """
    assert region.settlements is not None  # only asked for where it is configured
    rules = region.settlements.blocks
    built = read_built(region)
    assert built.buildings is not None  # only asked for where buildings are configured
    network = None if built.streets is None else connected_streets(built.streets.geometry, gap_m=rules.gap_m)
    blocks = blocks_of(built, rules.context_m)
    buildings = built.buildings.geometry
    measured = measure_complexity(
        buildings, blocks, network=network, contact_m=rules.contact_m, access_m=rules.access_m, compute=compute
    )
    layer = gpd.GeoDataFrame(measured.blocks.drop(columns="block_id", errors="ignore"), geometry=blocks)
    write_parquet(directory / "tables/street_blocks.parquet", layer.rename_axis("block_id").reset_index())
    reached = pd.concat([measured.buildings, _street_access(buildings, network)], axis=1)
    with_geometry = gpd.GeoDataFrame(reached, geometry=buildings)
    write_parquet(directory / "tables/buildings.parquet", with_geometry.rename_axis("building_id").reset_index())
    if rules.new_paths is not None:
        paths = new_paths(
            buildings,
            blocks,
            measured,
            network=network,
            households=households_by_building(region, built),
            cost_per_m=rules.new_paths.cost_per_m,
            min_k=rules.new_paths.min_k,
            access_m=rules.access_m,
            compute=compute,
        )
        write_parquet(directory / "tables/new_paths.parquet", paths)


def households_by_building(region: RegionSettings, built: BuiltCity) -> pd.Series | None:
    """Spread the enumerated households of each settlement evenly over its buildings.

    Parameters
    ----------
    region : RegionSettings
    built : BuiltCity
        With buildings.

    Returns
    -------
    Series or None
        Households on the index of the buildings, NULL outside the settlements and where nobody counted
        them; None without settlements or enumeration.

    Raises
    ------
    InputError
        If the enumeration is refused.
    """
    counted = enumerated_households(region)
    if built.settlements is None or built.buildings is None or counted is None:
        return None
    points = shapely.centroid(np.asarray(built.buildings.geometry.array, dtype=object))
    shapes = np.asarray(built.settlements.geometry.array, dtype=object)
    building, place = shapely.STRtree(shapes).query(points, predicate="intersects")
    # In two settlements at once it is a home of the first.
    order = np.lexsort((place, building))
    building, first = np.unique(building[order], return_index=True)
    ids = built.settlements.index.astype(str)[place[order][first]]
    homes = pd.Series(ids.to_numpy(), index=building)
    each = counted.astype(float) / homes.value_counts().reindex(counted.index)
    found = np.full(len(points), np.nan)
    found[building] = homes.map(each).to_numpy(dtype=float)
    return pd.Series(found, index=built.buildings.index)


def blocks_of(built: BuiltCity, context_m: float) -> gpd.GeoSeries:
    """Return the given street blocks, or cut the study area into blocks.

    Raises
    ------
    InputError
        If there are neither blocks, nor a study area, nor settlements.
    """
    if built.blocks is not None:
        return built.blocks
    limit = built.study_area
    if limit is None and built.settlements is not None:
        limit = gpd.GeoSeries([built.settlements.buffer(context_m).union_all()], crs=built.crs)
    if limit is None:
        raise InputError(
            "settlements: there is nothing to cut into street blocks",
            hint="give 'inputs.settlements', 'inputs.blocks' or 'inputs.study_area'",
        )
    streets = None if built.streets is None else built.streets.geometry
    return street_blocks(limit, streets=streets, **built.barriers).blocks


def _street_access(buildings: gpd.GeoSeries, network: ConnectedStreets | None) -> pd.DataFrame:
    """Return distance and buildings to the nearest street on the network; nothing where there are no streets."""
    if network is None:
        return pd.DataFrame(index=buildings.index)
    reached = network.lines[network.is_on_network]
    return pd.concat([street_distance(buildings, reached), buildings_between(buildings, reached)], axis=1)
