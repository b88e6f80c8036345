"""Rows of table ``hazard_exposure``: what stands in each band or class, by area and event, and in a year."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.config.exposure import Exposure
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN, WATER
from geo_profiling.hazard.buildings import building_exposure
from geo_profiling.hazard.class_lines import lengths_by_class
from geo_profiling.hazard.exposure import BandTotals, totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.lines import line_lengths
from geo_profiling.hazard.return_periods import annual_exposure
from geo_profiling.hazard.risk_classes import NONE, totals_by_class
from geo_profiling.raster.source import Source
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.vector.reproject import reproject
from pipelines.built import tell
from pipelines.exposure_places import AREA_COLUMNS, ExposedAssets, ExposureZones
from pipelines.hazards import placed_ground

#: Columns of the table.
EXPOSURE_COLUMNS = [*AREA_COLUMNS, "hazard", "return_period", "band", "asset", "value", "unit", "coverage_share"]
#: What annual exposure is called in the column of units.
_ANNUAL = {"expected": "a year", "lower": "a year, lower bound", "upper": "a year, upper bound"}


def event_rows(
    hazard: str,
    kind: HazardKind,
    events: list[tuple[float | None, Source]],
    assets: ExposedAssets,
    zones: ExposureZones,
    rules: Exposure,
    compute: Compute,
) -> list[pd.DataFrame]:
    """Return the rows of one scenario: bands of each event, and a year's exposure where there are return periods."""
    years = [year for year, _ in events]
    sources = [source for _, source in events]
    rows = []
    total, covered = np.zeros(len(sources)), np.zeros(len(sources))
    for asset, totals, unit in _totals(assets, kind, sources, zones.areas, compute):
        total += totals.total.sum(axis=0)
        covered += (totals.total - totals.of(OUTSIDE)).sum(axis=0)
        rows.append(_band_rows(totals, years, zones.areas).assign(asset=asset, unit=unit))
        periods = [year for year in years if year is not None]
        if periods:
            annual, found = _annual_rows(totals, periods, zones.areas, rules, hazard, asset)
            tell(found)
            rows.append(annual.assign(asset=asset, unit=unit + " " + annual["bound"].map(_ANNUAL)))
    for source, there, within in zip(sources, total, covered, strict=True):
        if there > 0 and within <= 0:
            raise InputError(
                f"{source.name}: covers nothing of what is in the areas of the region",
                hint="check the coordinate reference systems and extents",
            )
    return [row.assign(hazard=hazard) for row in rows]


def _totals(
    assets: ExposedAssets, kind: HazardKind, sources: list[Source], areas: gpd.GeoDataFrame, compute: Compute
) -> Iterator[tuple[str, BandTotals, str]]:
    for asset, (grid, unit) in assets.grids.items():
        placed = reproject(areas, grid.grid.crs)
        yield asset, totals_by_band(grid, sources, placed, kind=kind, water=assets.water, compute=compute), unit
    for asset, shapes in assets.things.items():
        found = building_exposure(shapes, sources, areas, kind=kind, compute=compute)
        unit = "buildings" if asset == "buildings" else "places"
        yield asset, found.by_centroid, unit
        if found.by_footprint is not None and asset == "buildings":
            yield "buildings_footprint", found.by_footprint, unit
    for asset, lines in assets.lines.items():
        metric = local_crs(gpd.GeoDataFrame(geometry=lines), what=asset)
        yield asset, line_lengths(lines, sources, areas, kind=kind, length_crs=metric, compute=compute), "m"


def _band_rows(totals: BandTotals, years: list[float | None], areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Lay totals out: dry, the bands, and unknown and outside beside each other, as they are different things."""
    names = [name for name in totals.bands.classes if name != WATER or totals.of(WATER).any()]
    values = totals.values[:, :, : len(names)]
    n_areas, n_events, n_classes = values.shape
    coverage = totals.coverage_share
    return pd.DataFrame(
        {
            "area_type": np.repeat(areas["area_type"].to_numpy(), n_events * n_classes),
            "area_id": np.repeat(areas["area_id"].to_numpy(), n_events * n_classes),
            "return_period": np.tile(np.repeat(np.array(years, dtype=float), n_classes), n_areas),
            "band": np.tile(np.array(names, dtype=object), n_areas * n_events),
            "value": values.ravel(),
            "coverage_share": np.repeat(coverage.ravel(), n_classes),
        }
    )


def _annual_rows(
    totals: BandTotals,
    years: list[float],
    areas: gpd.GeoDataFrame,
    rules: Exposure,
    hazard: str,
    asset: str,
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return expected annual exposure with its bounds, and a warning where rarer events expose fewer."""
    exceeding = np.moveaxis(totals.exceeding(), 1, 2)
    found = annual_exposure(exceeding, years, running_maximum=rules.running_maximum)
    unknown = totals.of(UNKNOWN, OUTSIDE).max(axis=1)
    nothing_known = (unknown > 0) & (totals.total.max(axis=1) - unknown <= 0)
    share = totals.coverage_share.min(axis=1)
    bands = totals.bands.exceedances
    parts = []
    for bound in _ANNUAL:
        values: NDArray[np.float64] = np.where(nothing_known[:, None], np.nan, getattr(found, bound))
        parts.append(
            pd.DataFrame(
                {
                    "area_type": np.repeat(areas["area_type"].to_numpy(), len(bands)),
                    "area_id": np.repeat(areas["area_id"].to_numpy(), len(bands)),
                    "return_period": np.nan,
                    "band": np.tile(np.array(bands, dtype=object), len(areas)),
                    "value": values.ravel(),
                    "coverage_share": np.repeat(share, len(bands)),
                    "bound": bound,
                }
            )
        )
    falls = np.flatnonzero(~found.is_monotone.all(axis=1))
    findings = []
    if len(falls):
        named = ", ".join(f"{areas['area_type'].iloc[at]} {areas['area_id'].iloc[at]}" for at in falls[:5])
        message = f"{asset}: a rarer event exposes less than a more frequent one in {len(falls)} areas"
        remedy = "compare the rasters of neighbouring return periods there"
        findings.append(Finding("warning", f"hazards.{hazard}", named, message, remedy))
    return pd.concat(parts, ignore_index=True), findings


def class_rows(
    hazard: str, areas: gpd.GeoSeries, assets: ExposedAssets, zones: ExposureZones, compute: Compute
) -> list[pd.DataFrame]:
    """Return the rows of a hazard of polygons: what lies in each class, and in none."""
    rows = []
    for asset, (grid, unit) in assets.grids.items():
        table = totals_by_class(
            grid, placed_ground(areas, grid.grid.crs), reproject(zones.areas, grid.grid.crs), compute=compute
        )
        rows.append(_laid_out(table.drop(columns="total"), zones.areas).assign(asset=asset, unit=unit))
    for asset, things in assets.things.items():
        unit = "buildings" if asset == "buildings" else "places"
        rows.append(_laid_out(_count_things(things, areas, zones.areas), zones.areas).assign(asset=asset, unit=unit))
    for asset, lines in assets.lines.items():
        metric = local_crs(gpd.GeoDataFrame(geometry=lines), what=asset)
        table = lengths_by_class(lines, areas, zones.areas, length_crs=metric)
        rows.append(_laid_out(table.drop(columns="total"), zones.areas).assign(asset=asset, unit="m"))
    return [row.assign(hazard=hazard, return_period=np.nan) for row in rows]


def _laid_out(table: pd.DataFrame, areas: gpd.GeoDataFrame) -> pd.DataFrame:
    n_classes = table.shape[1]
    total = table.sum(axis=1).to_numpy()
    unknown = table[UNKNOWN].to_numpy() if UNKNOWN in table else np.zeros(len(table))
    coverage = 1.0 - np.divide(unknown, total, out=np.zeros(len(table)), where=total > 0)
    return pd.DataFrame(
        {
            "area_type": np.repeat(areas["area_type"].to_numpy(), n_classes),
            "area_id": np.repeat(areas["area_id"].to_numpy(), n_classes),
            "band": np.tile(np.array(table.columns, dtype=object), len(table)),
            "value": table.to_numpy().ravel(),
            "coverage_share": np.repeat(np.clip(coverage, 0.0, 1.0), n_classes),
        }
    )


def _count_things(things: gpd.GeoSeries, areas: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> pd.DataFrame:
    """Count things by the class that their centroid lies in; the worst where it lies on a border."""
    centroids = shapely.centroid(np.asarray(things.array, dtype=object))
    points = gpd.GeoSeries(centroids, crs=things.crs)
    in_classes = np.asarray(points.to_crs(areas.crs).array, dtype=object)
    in_zones = np.asarray(points.to_crs(zones.crs).array, dtype=object)
    code = np.full(len(points), -1)
    thing, at = shapely.STRtree(in_classes).query(np.asarray(areas.array, dtype=object), predicate="intersects")[::-1]
    np.maximum.at(code, thing, at)
    zone, inside = shapely.STRtree(in_zones).query(
        np.asarray(zones.geometry.array, dtype=object), predicate="intersects"
    )
    counts = np.zeros((len(zones), len(areas) + 1))
    np.add.at(counts, (zone, code[inside]), 1.0)
    return pd.DataFrame(counts, columns=[*areas.index, NONE])
