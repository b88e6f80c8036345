"""Fire in settlements: buildings out of an engine's reach, densely built, of burning walls."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.config.hazard_inputs import HazardFire, HazardInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.hazard.environment import fire_classes
from geo_profiling.hazard.fire import street_distances, surroundings_coverage
from geo_profiling.vector.reproject import reproject
from pipelines.built import BuiltCity
from pipelines.hazards import read_far
from pipelines.inputs import read_mapped


def settlement_fire(region: RegionSettings, built: BuiltCity | None) -> pd.DataFrame | None:
    """Return what makes the buildings of each settlement hard to save; None where no hazard says ``fire``.

    Returns
    -------
    DataFrame or None
        settlement_id, fire_unreached_share, fire_dense_share, fire_combustible_share, fire_all_share (of the
        buildings of which each is known; NULL where of none), fire_parts.
    """
    name = next((name for name, one in sorted(region.inputs.hazards.items()) if one.fire is not None), None)
    if name is None or built is None or built.settlements is None or built.buildings is None:
        return None
    declared = region.inputs.hazards[name]
    assert declared.fire is not None  # it was chosen by that
    homes, place = _homes(built)
    told = pd.DataFrame({"settlement_id": built.settlements.index.map(str).to_numpy()[place]})
    distance = _distances(region, name, declared, built, homes)
    coverage, walls = _coverage(built, homes, declared.fire), _walls(homes, declared.fire)
    assert declared.far is not None  # 'fire' goes with it
    reach_m, dense_share = min(declared.far.beyond_m), declared.fire.dense_share
    told["unreached"] = pd.Series(distance).gt(reach_m).astype("Float64").mask(np.isnan(distance))
    parts = ["reach"]
    if coverage is not None:
        told["dense"] = pd.Series(coverage).ge(dense_share).astype("Float64")
        parts.append("density")
    if walls is not None:
        told["combustible"] = pd.Series(walls, dtype="boolean").astype("Float64")
        parts.append("walls")
    if coverage is not None:
        classes = fire_classes(distance, coverage, walls, reach_m=reach_m, dense_share=dense_share)
        told["all"] = classes.eq(len(parts)).astype("Float64")
    shares = told.groupby("settlement_id").mean().reindex(built.settlements.index.map(str))
    table = pd.DataFrame({"settlement_id": shares.index.to_numpy()})
    for field in ("unreached", "dense", "combustible", "all"):
        values = shares[field].to_numpy(dtype=float, na_value=np.nan) if field in shares else np.nan
        table[f"fire_{field}_share"] = values
    return table.assign(fire_parts=", ".join(parts))


def _homes(built: BuiltCity) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Return the buildings whose centroid lies in a settlement, and the place of that; by settlement."""
    assert built.settlements is not None  # only asked for where there are any
    assert built.buildings is not None
    shapes = np.asarray(built.settlements.geometry.array, dtype=object)
    points = shapely.centroid(np.asarray(built.buildings.geometry.array, dtype=object))
    place, home = shapely.STRtree(points).query(shapes, predicate="intersects")
    order = np.lexsort((home, place))
    return built.buildings.iloc[home[order]], place[order]


def _distances(
    region: RegionSettings, name: str, declared: HazardInput, built: BuiltCity, homes: gpd.GeoDataFrame
) -> np.ndarray:
    """Return metres to the nearest street of an engine; NaN where streets were not mapped."""
    assert declared.far is not None  # 'fire' goes with it
    streets = reproject(read_far(region, name, declared.far)[0], built.crs)
    distance = street_distances(gpd.GeoSeries(homes.geometry), gpd.GeoSeries(streets.geometry)).to_numpy()
    if declared.mapped_in is None:
        return distance
    mapped = reproject(read_mapped(region, f"hazards.{name}.mapped_in", declared.mapped_in)[0], built.crs)
    ground = shapely.union_all(np.asarray(mapped.geometry.array, dtype=object))
    shapely.prepare(ground)
    inside = shapely.intersects(ground, shapely.centroid(np.asarray(homes.geometry.array, dtype=object)))
    return np.where(inside, distance, np.nan)


def _coverage(built: BuiltCity, homes: gpd.GeoDataFrame, rules: HazardFire) -> np.ndarray | None:
    """Return the share of the ground around each building that is built over; None for points."""
    assert built.buildings is not None
    if not set(built.buildings.geom_type) <= {"Polygon", "MultiPolygon"}:
        return None
    chosen = built.buildings.index.isin(homes.index)
    shapes = gpd.GeoSeries(built.buildings.geometry)
    found = surroundings_coverage(shapes, around_m=rules.around_m, of=chosen)
    return found.reindex(homes.index).to_numpy()


def _walls(homes: gpd.GeoDataFrame, rules: HazardFire) -> list[bool | None] | None:
    """Return whether the walls of each building burn; None where no field tells."""
    if "wall" not in homes:
        return None
    words = homes["wall"]
    return [None if pd.isna(word) else str(word) in rules.combustible for word in words]
