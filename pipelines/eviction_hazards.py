"""Table ``eviction_hazards``: evictions and threats of each settlement by band of each hazard, never as places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.project import RegionSettings
from geo_profiling.disclosure import TOTAL
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN
from geo_profiling.hazard.buildings import centroid_values, footprint_values
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.risk_classes import NONE
from geo_profiling.hazard.sampling import class_codes
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.source import Source
from geo_profiling.tenure.eviction_bands import events_by_band
from geo_profiling.tenure.evictions import EVICTED, THREATENED
from pipelines.exposure_places import built_city, exposure_zones
from pipelines.exposure_ratios import reference_event
from pipelines.hazards import exposed_threshold, hazard_scenarios, risk_areas
from pipelines.tenure import eviction_window, read_tenure

#: Columns of the table.
COLUMNS = ["settlement_id", "measure", "hazard", "return_period", "band", "is_exposed", "n_events",
           "n_events_unknown_size", "households", "is_suppressed"]  # fmt: skip
_AREAL = (3, 6)


def run_eviction_hazards(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Lay evictions and threats over the reference event of every hazard: table ``eviction_hazards``.

    Parameters
    ----------
    region : RegionSettings
        With hazards, settlements and a layer of evictions.
    directory : Path
        The region's output folder, with table ``evictions``.
    compute : Compute

    Raises
    ------
    InputError
        If an input is refused.
    """
    assert region.settlements is not None  # only asked for where it is configured
    assert region.settlements.tenure is not None
    rules = region.settlements.tenure
    events = read_tenure(region).events
    assert isinstance(events, gpd.GeoDataFrame)  # it was declared as a layer
    published = pd.read_parquet(directory / "tables/evictions.parquet").set_index("settlement_id").drop(index=TOTAL)
    start, end = (pd.Timestamp(day) for day in eviction_window(rules))
    evicted = events["kind"].isin(EVICTED) & (events["date_start"] >= start) & (events["date_start"] < end)
    threats = events["kind"].isin(THREATENED) & (events["date_start"] < end) & ~(events["date_end"] <= end)
    parts = []
    for hazard, year, bands, exposed in _bands(region, directory, events, compute):
        for measure, chosen, count in (("evicted", evicted, "n_evictions"), ("threatened", threats, "n_threats")):
            hidden = published.index[published[count].isna()]
            table = events_by_band(events[chosen], bands, hidden=list(hidden), minimum=rules.min_households)
            facts = {"hazard": hazard, "return_period": year, "measure": measure}
            is_exposed = table["band"].isin(exposed).astype("boolean")
            is_exposed = is_exposed.mask(table["band"].isin([UNKNOWN, OUTSIDE]))
            parts.append(table.assign(is_exposed=is_exposed, **facts))
    found = pd.concat(parts, ignore_index=True)
    found["return_period"] = found["return_period"].astype(float)
    write_parquet(directory / "tables/eviction_hazards.parquet", found[COLUMNS])


def _bands(
    region: RegionSettings, directory: Path, events: gpd.GeoDataFrame, compute: Compute
) -> Iterator[tuple[str, float | None, pd.Series, tuple[str, ...]]]:
    """Yield each hazard, the return period of its reference event, the band of each event, and the exposed bands."""
    rules = region.exposure or Exposure()
    zones = exposure_zones(region, directory, built_city(region))
    places = gpd.GeoSeries(events.geometry)
    shapes = np.asarray(places.array, dtype=object)
    has_place = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    for name, declared in sorted(region.inputs.hazards.items()):
        if declared.events:
            for hazard, kind, rasters in hazard_scenarios(region, name, declared, zones):
                year, source = rasters[reference_event(rasters, rules)]
                told = np.full(len(places), UNKNOWN, dtype=object)
                told[has_place] = _raster_bands(places[has_place], source, kind, compute)
                exposed = kind.exposed_bands(exposed_threshold(kind, declared))
                yield hazard, year, pd.Series(told, events.index), exposed
        else:
            areas, exposed = risk_areas(region, name, declared, zones)
            told = np.full(len(places), UNKNOWN, dtype=object)
            told[has_place] = _class_bands(places[has_place], areas)
            yield name, None, pd.Series(told, events.index), exposed


def _raster_bands(places: gpd.GeoSeries, source: Source, kind: HazardKind, compute: Compute) -> NDArray[np.object_]:
    """Return the class under each point, and the worst under each polygon of a hazard that is worse above."""
    found, off = centroid_values(places, [source], compute=compute)
    values, is_outside = found[:, 0], off[:, 0]
    is_areal = np.isin(shapely.get_type_id(np.asarray(places.array, dtype=object)), _AREAL)
    if is_areal.any() and kind.direction == "above":
        greatest, beyond = footprint_values(places[is_areal], [source], compute=compute)
        values[is_areal], is_outside[is_areal] = greatest[:, 0], beyond[:, 0]
    codes = class_codes(values.astype(source.dtype), is_outside, kind=kind, name=source.name)
    return np.array(kind.bands.classes, dtype=object)[codes]


def _class_bands(places: gpd.GeoSeries, areas: gpd.GeoSeries) -> NDArray[np.object_]:
    """Return the worst class of the ground that each place touches."""
    shapes = np.asarray(places.to_crs(areas.crs).array, dtype=object)
    worst = np.full(len(shapes), -1)
    at, place = shapely.STRtree(shapes).query(np.asarray(areas.array, dtype=object), predicate="intersects")
    np.maximum.at(worst, place, at)
    return np.array([*areas.index, NONE], dtype=object)[worst]
