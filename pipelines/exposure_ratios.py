"""Rows of table ``hazard_ratios``: people of settlements exposed to a hazard, against the rest of each area."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.hazard_inputs import HazardInput
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN
from geo_profiling.hazard.exposure import totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.ratios import exposure_ratios
from geo_profiling.hazard.risk_classes import OVERLAP_SHARE, totals_by_class
from geo_profiling.raster.source import Source
from geo_profiling.vector.reproject import reproject
from pipelines.exposure_places import AREA_COLUMNS, SETTLEMENT, ExposedAssets, ExposureZones
from pipelines.hazards import exposed_threshold, placed_ground


def reference_event(events: list[tuple[float | None, Source]], rules: Exposure) -> int:
    """Return the place of the event whose return period is nearest to the reference, on a scale of ratios."""
    wanted = rules.reference_return_period
    distances = [0.0 if year is None else abs(float(np.log(year / wanted))) for year, _ in events]
    return int(np.argmin(distances))


def event_ratios(
    hazard: str,
    kind: HazardKind,
    events: list[tuple[float | None, Source]],
    assets: ExposedAssets,
    zones: ExposureZones,
    rules: Exposure,
    declared: HazardInput,
    compute: Compute,
) -> list[pd.DataFrame]:
    """Compare settlements with the rest of every area, by the reference event and threshold."""
    if "population" not in assets.grids:
        return []
    people = assets.grids["population"][0]
    year, source = events[reference_event(events, rules)]
    threshold = exposed_threshold(kind, declared)
    counted = []
    for frame in (zones.areas, zones.within):
        if frame.empty:
            counted.append((np.zeros(0), np.zeros(0), np.zeros(0)))
            continue
        placed = reproject(frame, people.grid.crs)
        totals = totals_by_band(people, [source], placed, kind=kind, water=assets.water, compute=compute)
        known = (totals.total - totals.of(UNKNOWN, OUTSIDE))[:, 0]
        counted.append((totals.of(*kind.exposed_bands(threshold))[:, 0], known, totals.total[:, 0]))
    label = f"{'>=' if kind.direction == 'above' else '<'}{threshold:g}"
    return [_ratio_rows(counted, zones, rules).assign(hazard=hazard, return_period=year, threshold=label)]


def class_ratios(
    hazard: str,
    areas: gpd.GeoSeries,
    exposed: tuple[str, ...],
    assets: ExposedAssets,
    zones: ExposureZones,
    rules: Exposure,
    compute: Compute,
) -> list[pd.DataFrame]:
    """Compare settlements with the rest of every area, by the ground of classes that count as exposed."""
    if "population" not in assets.grids:
        return []
    people = assets.grids["population"][0]
    placed = placed_ground(areas, people.grid.crs)
    counted = []
    for frame in (zones.areas, zones.within):
        if frame.empty:
            counted.append((np.zeros(0), np.zeros(0), np.zeros(0)))
            continue
        table = totals_by_class(people, placed, reproject(frame, people.grid.crs), compute=compute)
        known = table["total"] - table.get(UNKNOWN, 0.0)
        # what slivers between two borders leave of people who are all on unmapped ground is nobody
        is_known = known > OVERLAP_SHARE * table["total"]
        inside = table[list(exposed)].sum(axis=1).where(is_known, 0.0)
        counted.append((inside.to_numpy(), known.where(is_known, 0.0).to_numpy(), table["total"].to_numpy()))
    rows = _ratio_rows(counted, zones, rules)
    return [rows.assign(hazard=hazard, return_period=np.nan, threshold=", ".join(exposed))]


def _ratio_rows(
    counted: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
    zones: ExposureZones,
    rules: Exposure,
) -> pd.DataFrame:
    """Return the ratios of areas from people exposed, people known and all people, of areas and their settlements."""
    (exposed, known, total), within = counted
    inside = np.zeros((3, len(exposed)))
    inside[:, zones.within["area"].to_numpy(dtype=np.int64)] = within
    spread = rules.settlement_population
    low, high = (1.0, 1.0) if spread is None else (spread.low, spread.high)
    table = exposure_ratios(inside[0], inside[1], exposed, known, low=low, high=high)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(known > 0, exposed / known, np.nan)
    facts = {
        "people_known": known,
        # Of people of whom nothing is known it is not known how many are exposed; without people it is nobody.
        "people_exposed": np.where((known <= 0) & (total > 0), np.nan, exposed),
        "exposed_share": share,
        "settlement_people": inside[1],
        "settlement_exposed": np.where((inside[1] <= 0) & (inside[2] > 0), np.nan, inside[0]),
    }
    named = zones.areas[AREA_COLUMNS].reset_index(drop=True).assign(**facts)
    # Settlements are compared as a whole with the rest of an area, not one with the rest of itself.
    alone = named["area_type"] == SETTLEMENT
    for column in table:
        table[column] = table[column].mask(alone)
    named[["settlement_people", "settlement_exposed"]] = named[["settlement_people", "settlement_exposed"]].mask(alone)
    return pd.concat([named, table], axis=1)


def no_ratios() -> pd.DataFrame:
    """Return the table without rows, for a region without people."""
    named = [*AREA_COLUMNS, "hazard", "return_period", "threshold", "exposed_share"]
    return pd.DataFrame({column: pd.Series(dtype=object) for column in named})
