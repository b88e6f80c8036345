"""Table ``joint_exposure``: people by the set of hazards that they are exposed to, exactly, at the reference events."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.config.hazard_inputs import HazardInput
from geo_profiling.hazard.bands import UNKNOWN
from geo_profiling.hazard.multi_hazard import MAX_HAZARDS, MET, NOT_KNOWN, JointHazard, JointStates, joint_states
from geo_profiling.raster.source import Source
from geo_profiling.vector.reproject import reproject
from pipelines.exposure_places import AREA_COLUMNS, ExposureZones
from pipelines.hazards import placed_ground

#: Columns of the table.
JOINT_COLUMNS = [*AREA_COLUMNS, "hazards", "n_hazards", "value", "unit", "coverage_share"]


def joint_names(hazards: Mapping[str, HazardInput]) -> list[str]:
    """Return the hazards that are overlaid jointly: all, or if these are too many, those of hazardous location.

    Ground out of reach of something (``far``) is left out: it is no event, and often known in part of a city alone.

    Examples
    --------
    >>> near = {"near": {"path": "rails.gpkg", "within_m": [15.0]}}
    >>> hazards = {f"h{k}": HazardInput.model_validate(near) for k in range(7)}
    >>> joint_names({"h0": hazards["h0"]}), joint_names(hazards)
    (['h0'], [])
    """
    named = sorted(name for name, one in hazards.items() if one.far is None)
    places = [name for name in named if hazards[name].counts_as_location]
    return next((chosen for chosen in (named, places) if len(chosen) <= MAX_HAZARDS), [])


def hazard_ground(areas: gpd.GeoSeries, exposed: Collection[str]) -> gpd.GeoSeries:
    """Return the ground of a hazard of polygons: where it is met, and where it is unknown."""
    found = {MET: areas[areas.index.isin(list(exposed))], NOT_KNOWN: areas[areas.index == UNKNOWN]}
    joined = {state: shapely.union_all(np.asarray(part.array, dtype=object)) for state, part in found.items()}
    return gpd.GeoSeries(list(joined.values()), index=list(joined), crs=areas.crs)


def joint_rows(
    hazards: Mapping[str, JointHazard], people: Source, zones: ExposureZones, water: Source | None, compute: Compute
) -> tuple[pd.DataFrame, JointStates]:
    """Count the people of every area by the set of hazards they are exposed to; and their states.

    Sets to which nobody of an area belongs have no row there; the rows of an area sum to its people.
    """
    crs = people.grid.crs
    placed = {
        name: placed_ground(given, crs) if isinstance(given, gpd.GeoSeries) else given
        for name, given in hazards.items()
    }
    states = joint_states(people, placed, reproject(zones.areas, crs), water=water, compute=compute)
    table = states.table()
    at = table["zone"].to_numpy(dtype=np.int64)
    for column in AREA_COLUMNS:
        table[column] = zones.areas[column].to_numpy()[at]
    table = table.assign(unit="people", coverage_share=states.coverage_share[at])
    told = (table["value"] > 0) | (table["hazards"] == "none")
    return table.loc[told, JOINT_COLUMNS].reset_index(drop=True), states
