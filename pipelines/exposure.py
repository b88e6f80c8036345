"""Exposure of a region to its hazards: people and things by area, event and band; settlements against the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.hazard_inputs import HazardEvent, HazardInput, HazardMapped
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import ConfigError, InputError
from geo_profiling.findings import Finding
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN, WATER, Bands
from geo_profiling.hazard.buildings import building_exposure
from geo_profiling.hazard.exposure import BandTotals, totals_by_band
from geo_profiling.hazard.kinds import KINDS, HazardKind
from geo_profiling.hazard.lines import line_lengths
from geo_profiling.hazard.multi_hazard import composite_score, count_hazards
from geo_profiling.hazard.ratios import exposure_ratios
from geo_profiling.hazard.return_periods import annual_exposure
from geo_profiling.hazard.risk_classes import NONE, OVERLAP_SHARE, buffer_areas, class_areas, totals_by_class
from geo_profiling.hazard.terrain import city_percentiles, slope_degrees
from geo_profiling.outputs.tables import write_parquet
from geo_profiling.raster.coverage import coverage_fractions
from geo_profiling.raster.read import RasterFile, open_raster, to_dataarray
from geo_profiling.raster.source import ArraySource, Source
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.reproject import reproject
from pipelines.built import BuiltCity, read_built, tell
from pipelines.declared import input_label
from pipelines.indicator_places import region_areas
from pipelines.inputs import open_input, read_outline, read_service
from pipelines.people import people_grid

#: The kind of area that is the whole region, and the kind of its settlements.
REGION, SETTLEMENT = "region", "settlement"
#: Columns that name a row of exposure.
_AREA = ["area_type", "area_id"]
_COLUMNS = [*_AREA, "hazard", "return_period", "band", "asset", "value", "unit", "coverage_share"]
#: What annual exposure is called in the column of units.
_ANNUAL = {"expected": "a year", "lower": "a year, lower bound", "upper": "a year, upper bound"}


@dataclass(frozen=True)
class _Zones:
    """All areas of a region in one frame.

    Attributes
    ----------
    areas : GeoDataFrame
        area_type, area_id and polygons.
    within : GeoDataFrame
        The parts of those areas that lie in informal settlements, with ``area`` (place in ``areas``).
    """

    areas: gpd.GeoDataFrame
    within: gpd.GeoDataFrame


@dataclass(frozen=True)
class _Assets:
    """What may be exposed."""

    grids: dict[str, tuple[Source, str]]
    things: dict[str, gpd.GeoSeries]
    lines: dict[str, gpd.GeoSeries]


def run_exposure(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Measure exposure to every hazard: tables ``hazard_exposure``, ``hazard_ratios`` and ``settlement_hazard``.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.hazards``.
    directory : Path
        The region's output folder; the tables of areas that are there get exposure.
    compute : Compute

    Raises
    ------
    InputError
        If an input is refused, or a hazard covers nothing of the region.
    """
    rules = region.exposure or Exposure()
    built = _built(region)
    zones = _zones(region, directory, built)
    assets = _assets(region, built)
    rows: list[pd.DataFrame] = []
    ratios: list[pd.DataFrame] = []
    for name, declared in region.inputs.hazards.items():
        if declared.events:
            for hazard, kind, events in _scenarios(region, name, declared, zones):
                rows += _event_rows(hazard, kind, events, assets, zones, rules, compute)
                ratios += _event_ratios(hazard, kind, events, assets, zones, rules, declared, compute)
        else:
            areas, exposed = _risk_areas(region, name, declared, zones)
            rows += _class_rows(name, areas, assets, zones, compute)
            ratios += _class_ratios(name, areas, exposed, assets, zones, rules, compute)
    table = pd.concat(rows, ignore_index=True)[_COLUMNS] if rows else pd.DataFrame(columns=_COLUMNS)
    write_parquet(directory / "tables/hazard_exposure.parquet", table)
    compared = pd.concat(ratios, ignore_index=True) if ratios else _no_ratios()
    write_parquet(directory / "tables/hazard_ratios.parquet", compared)
    if region.inputs.settlements is not None:
        table = _by_settlement(compared, zones, rules, region.inputs.hazards)
        write_parquet(directory / "tables/settlement_hazard.parquet", table)


def hazard_kind(name: str, declared: HazardInput) -> HazardKind:
    """Return how a declared hazard is read.

    Raises
    ------
    ConfigError
        If the kind is not of the package and unit or thresholds are missing.

    Examples
    --------
    >>> declared = HazardInput.model_validate({"kind": "flood", "unit": "cm", "events": [{"path": "rp100.tif"}]})
    >>> hazard_kind("river_flood", declared).per_unit
    100
    """
    own = KINDS.get(declared.kind)
    if own is None and (declared.unit is None or declared.thresholds is None):
        raise ConfigError(
            f"inputs.hazards.{name}: there is no hazard kind '{declared.kind}' of that name",
            hint=f"write unit and thresholds beside it, or one of {', '.join(KINDS)}",
        )
    kind = own or HazardKind(declared.kind, declared.unit or "m")
    changes = {key: getattr(declared, key) for key in ("unit", "direction", "reference")}
    bands = kind.bands if declared.thresholds is None else Bands(tuple(declared.thresholds))
    kept = {key: value for key, value in changes.items() if value is not None}
    return replace(kind, name=name, bands=bands, nodata_means=declared.nodata_means, **kept)


def open_hazard(region: RegionSettings, name: str, kind: HazardKind, event: HazardEvent) -> RasterFile:
    """Open a raster of a hazard.

    Raises
    ------
    InputError
        If the file is refused.
    """
    return open_raster(
        event.path,
        name=input_label(f"hazards.{name}", event.path),
        roots=region.roots,
        crs=event.crs,
        nodata=event.nodata_value,
        band=event.band,
        quantity=kind.quantity,
    )


def hazard_name(name: str, scenario: str) -> str:
    """Return what a scenario of a hazard is called in tables; the baseline is called like the hazard.

    Examples
    --------
    >>> hazard_name("river_flood", "rcp4p5 2030"), hazard_name("river_flood", "")
    ('river_flood rcp4p5 2030', 'river_flood')
    """
    return f"{name} {scenario}".strip()


def _scenarios(
    region: RegionSettings, name: str, declared: HazardInput, zones: _Zones
) -> Iterator[tuple[str, HazardKind, list[tuple[float | None, Source]]]]:
    """Yield each scenario of a hazard: its name, how it is read, and its rasters by rising return period."""
    kind = hazard_kind(name, declared)
    for scenario in sorted({event.scenario for event in declared.events}):
        events = sorted(
            (event for event in declared.events if event.scenario == scenario),
            key=lambda event: event.return_period or 0.0,
        )
        opened: list[tuple[float | None, Source]] = []
        for event in events:
            # Heights and temperatures may be below 0 and of any size.
            how = kind if declared.made_from is None else replace(kind, unit="m_distance")
            opened.append((event.return_period, _made(open_hazard(region, name, how, event), declared, zones)))
        yield hazard_name(name, scenario), kind, opened


def _made(source: RasterFile, declared: HazardInput, zones: _Zones) -> Source:
    """Return the hazard that a raster holds, or that is computed from what it holds."""
    if declared.made_from is None:
        return source
    values = to_dataarray(source)
    if declared.made_from == "heights":
        return ArraySource(slope_degrees(values), source.name)
    areas = zones.areas[zones.areas["area_type"] != SETTLEMENT]
    city = reproject(areas if len(areas) else zones.areas, source.grid.crs)
    inside = coverage_fractions(shapely.union_all(np.asarray(city.geometry.array, dtype=object)), source.grid) >= 0.5
    return ArraySource(city_percentiles(values, inside), source.name)


def _built(region: RegionSettings) -> BuiltCity | None:
    inputs = region.inputs
    layers = (inputs.settlements, inputs.blocks, inputs.study_area, inputs.buildings)
    if all(layer is None for layer in layers):
        return None
    return read_built(region)


def _assets(region: RegionSettings, built: BuiltCity | None) -> _Assets:
    grids: dict[str, tuple[Source, str]] = {}
    people = people_grid(region)
    if people is not None:
        grids["population"] = (people, "people")
    built_up = open_input(region, "built_up")
    if built_up is not None and region.inputs.built_up is not None and region.inputs.built_up.unit == "m2":
        grids["built_up"] = (built_up, "m2")
    things: dict[str, gpd.GeoSeries] = {}
    lines: dict[str, gpd.GeoSeries] = {}
    if built is not None:
        if built.buildings is not None:
            things["buildings"] = gpd.GeoSeries(built.buildings.geometry)
        if built.streets is not None:
            lines["streets"] = gpd.GeoSeries(built.streets.geometry)
        if "railways" in built.barriers:
            lines["railways"] = built.barriers["railways"]
    for name in region.inputs.services:
        layer, _ = read_service(region, name)
        things[name] = gpd.GeoSeries(layer.geometry)
    return _Assets(grids, things, lines)


def _zones(region: RegionSettings, directory: Path, built: BuiltCity | None) -> _Zones:
    """Return every area that exposure is told for, in the CRS of the people, and its part in settlements."""
    found = dict(region_areas(region, directory))
    has_city = any(kind != SETTLEMENT for kind in found)
    # A rectangle around the layers is no city: it serves where there is nothing else.
    whole = None if has_city and region.outline is None else _whole(region, built)
    if whole is not None:
        found[REGION] = gpd.GeoDataFrame(index=pd.Index([region.name]), geometry=whole.array, crs=whole.crs)
    if not found:
        raise InputError(
            f"region {region.name}: there is no area to tell exposure for",
            hint="give 'inputs.units', 'inputs.settlements', 'inputs.buildings' or the region's outline",
        )
    people = people_grid(region)
    crs = next(iter(found.values())).crs if people is None else people.grid.crs
    parts = []
    for kind in sorted(found):
        placed = reproject(found[kind], crs)
        columns = {"area_type": kind, "area_id": placed.index.map(str)}
        parts.append(gpd.GeoDataFrame(columns, geometry=placed.geometry.array, crs=crs).sort_values("area_id"))
    areas = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=crs)
    return _Zones(areas, _within(areas))


def _within(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the parts of areas that lie in settlements; settlements themselves are left out."""
    is_settlement = (areas["area_type"] == SETTLEMENT).to_numpy()
    informal = shapely.union_all(np.asarray(areas.geometry[is_settlement].array, dtype=object))
    shapes = np.asarray(areas.geometry.array, dtype=object)
    parts, place = [], []
    for at in np.flatnonzero(~is_settlement):
        if is_settlement.any() and shapely.intersects(shapes[at], informal):
            pieces = shapely.get_parts(shapely.intersection(shapes[at], informal))
            polygons = pieces[np.isin(shapely.get_type_id(pieces), (3, 6)) & (shapely.area(pieces) > 0)]
            if len(polygons):
                parts.append(shapely.union_all(polygons))
                place.append(at)
    return gpd.GeoDataFrame({"area": np.array(place, dtype=np.int64)}, geometry=parts, crs=areas.crs)


def _whole(region: RegionSettings, built: BuiltCity | None) -> gpd.GeoSeries | None:
    """Return the outline of the region; the rectangle around its layers where it has none."""
    outline = read_outline(region)
    if outline is not None:
        return outline
    if built is None:
        return None
    layers = (built.study_area, built.settlements, built.buildings, built.streets)
    bounds = np.array([layer.total_bounds for layer in layers if layer is not None])
    around = shapely.box(*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))
    # a hand's width: what lies on the rectangle lies in it
    return gpd.GeoSeries([around.buffer(0.1, join_style="mitre")], crs=built.crs)


def _event_rows(
    hazard: str,
    kind: HazardKind,
    events: list[tuple[float | None, Source]],
    assets: _Assets,
    zones: _Zones,
    rules: Exposure,
    compute: Compute,
) -> list[pd.DataFrame]:
    """Return the rows of one scenario: bands of each event, and a year's exposure where there are return periods."""
    years = [year for year, _ in events]
    sources = [source for _, source in events]
    rows = []
    for asset, totals, unit in _totals(assets, kind, sources, zones.areas, compute):
        rows.append(_band_rows(totals, years, zones.areas).assign(asset=asset, unit=unit))
        periods = [year for year in years if year is not None]
        if periods:
            annual, found = _annual_rows(totals, periods, zones.areas, rules, hazard, asset)
            tell(found)
            rows.append(annual.assign(asset=asset, unit=unit + " " + annual["bound"].map(_ANNUAL)))
    return [row.assign(hazard=hazard) for row in rows]


def _totals(
    assets: _Assets, kind: HazardKind, sources: list[Source], areas: gpd.GeoDataFrame, compute: Compute
) -> Iterator[tuple[str, BandTotals, str]]:
    for asset, (grid, unit) in assets.grids.items():
        placed = reproject(areas, grid.grid.crs)
        yield asset, totals_by_band(grid, sources, placed, kind=kind, compute=compute), unit
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


def _reference(events: list[tuple[float | None, Source]], rules: Exposure) -> int:
    """Return the place of the event whose return period is nearest to the reference, on a scale of ratios."""
    wanted = rules.reference_return_period
    distances = [0.0 if year is None else abs(float(np.log(year / wanted))) for year, _ in events]
    return int(np.argmin(distances))


def _event_ratios(
    hazard: str,
    kind: HazardKind,
    events: list[tuple[float | None, Source]],
    assets: _Assets,
    zones: _Zones,
    rules: Exposure,
    declared: HazardInput,
    compute: Compute,
) -> list[pd.DataFrame]:
    """Compare settlements with the rest of every area, by the reference event and threshold."""
    if "population" not in assets.grids:
        return []
    people = assets.grids["population"][0]
    year, source = events[_reference(events, rules)]
    if declared.exposed_from is not None:
        threshold = declared.exposed_from
    else:
        threshold = kind.bands.thresholds[0] if kind.direction == "above" else kind.bands.thresholds[-1]
    counted = []
    for frame in (zones.areas, zones.within):
        if frame.empty:
            counted.append((np.zeros(0), np.zeros(0), np.zeros(0)))
            continue
        totals = totals_by_band(people, [source], reproject(frame, people.grid.crs), kind=kind, compute=compute)
        known = (totals.total - totals.of(UNKNOWN, OUTSIDE))[:, 0]
        counted.append((totals.of(*kind.exposed_bands(threshold))[:, 0], known, totals.total[:, 0]))
    label = f"{'>=' if kind.direction == 'above' else '<'}{threshold:g}"
    return [_ratio_rows(counted, zones, rules).assign(hazard=hazard, return_period=year, threshold=label)]


def _ratio_rows(
    counted: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]], zones: _Zones, rules: Exposure
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
    named = zones.areas[_AREA].reset_index(drop=True).assign(**facts)
    # Settlements are compared as a whole with the rest of an area, not one with the rest of itself.
    alone = named["area_type"] == SETTLEMENT
    for column in table:
        table[column] = table[column].mask(alone)
    named[["settlement_people", "settlement_exposed"]] = named[["settlement_people", "settlement_exposed"]].mask(alone)
    return pd.concat([named, table], axis=1)


def _no_ratios() -> pd.DataFrame:
    named = [*_AREA, "hazard", "return_period", "threshold", "exposed_share"]
    return pd.DataFrame({column: pd.Series(dtype=object) for column in named})


def _risk_areas(
    region: RegionSettings, name: str, declared: HazardInput, zones: _Zones
) -> tuple[gpd.GeoSeries, tuple[str, ...]]:
    """Return the ground of each class of a hazard of polygons or distances, and the classes that count as exposed.

    Ground that was not mapped comes first, as the class ``unknown``.
    """
    given = declared.classes or declared.near
    assert given is not None  # one of the three forms is there
    label = input_label(f"hazards.{name}", given.path)
    field = declared.classes.class_field if declared.classes is not None else None
    layer, found = read_layer(
        given.path,
        layer=given.layer,
        columns=[] if field is None else [field],
        kinds={"polygon"} if field else {"polygon", "line", "point"},
        roots=region.roots,
        crs=given.crs,
        name=label,
    )
    tell(found)
    metric = local_crs(layer, what=label)
    placed = reproject(layer, metric)
    if declared.classes is not None:
        rules = declared.classes
        areas = class_areas(
            placed, class_field=rules.class_field, classes=rules.classes, overlap=rules.overlap, name=label
        )
        first = 0 if rules.exposed_from is None else rules.classes.index(rules.exposed_from)
        if declared.mapped_in is not None:
            areas = _mapped_alone(region, name, declared.mapped_in, areas, zones)
        return areas, tuple(rules.classes[first:])
    assert declared.near is not None  # the last of the three forms
    areas = buffer_areas(placed.geometry, within_m=declared.near.within_m)
    return areas, tuple(areas.index)


def read_mapped(region: RegionSettings, name: str, mapped: HazardMapped) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the ground on which somebody looked for the classes of a hazard.

    Raises
    ------
    InputError
        If the layer is refused, or no polygon has the value that is asked for.
    """
    label = input_label(f"hazards.{name}.mapped_in", mapped.path)
    layer, found = read_layer(
        mapped.path,
        layer=mapped.layer,
        columns=[] if mapped.field is None else [mapped.field],
        kinds={"polygon"},
        roots=region.roots,
        crs=mapped.crs,
        name=label,
    )
    chosen = layer if mapped.field is None else layer[layer[mapped.field].astype(str) == str(mapped.value)]
    if chosen.empty:
        raise InputError(
            f"{label}: no polygon has {mapped.field} {mapped.value}", hint="correct 'field' or 'value' of 'mapped_in'"
        )
    return chosen, found


def _mapped_alone(
    region: RegionSettings, name: str, mapped: HazardMapped, areas: gpd.GeoSeries, zones: _Zones
) -> gpd.GeoSeries:
    """Return the classes within the mapped ground, after all other ground around the zones as ``unknown``.

    Classes that reach beyond are unknown there too: else all known ground there would be hazardous.
    """
    chosen, found = read_mapped(region, name, mapped)
    looked_at = shapely.union_all(np.asarray(reproject(chosen, areas.crs).geometry.array, dtype=object))
    kept = areas.intersection(looked_at)
    beyond = 1.0 - kept.area.sum() / areas.area.sum()
    if beyond > OVERLAP_SHARE:
        message = f"{100 * beyond:.2g} % of the ground of its classes lies beyond 'mapped_in' and is taken as unknown"
        found = [*found, Finding("warning", f"hazards.{name}", "", message, "compare the outline with the classes")]
    tell(found)
    left, bottom, right, top = reproject(zones.areas, areas.crs).total_bounds
    margin = 0.1 * max(right - left, top - bottom)
    around = shapely.box(left - margin, bottom - margin, right + margin, top + margin)
    unknown = gpd.GeoSeries([shapely.difference(around, looked_at)], index=[UNKNOWN], crs=areas.crs)
    return pd.concat([unknown, kept])


def _placed_series(areas: gpd.GeoSeries, crs: object) -> gpd.GeoSeries:
    frame = reproject(gpd.GeoDataFrame(geometry=areas), crs)  # type: ignore[arg-type]  # a CRS of a raster or layer
    return gpd.GeoSeries(frame.geometry)


def _class_rows(
    hazard: str, areas: gpd.GeoSeries, assets: _Assets, zones: _Zones, compute: Compute
) -> list[pd.DataFrame]:
    """Return the rows of a hazard of polygons: what lies in each class, and in none."""
    rows = []
    for asset, (grid, unit) in assets.grids.items():
        table = totals_by_class(
            grid, _placed_series(areas, grid.grid.crs), reproject(zones.areas, grid.grid.crs), compute=compute
        )
        rows.append(_laid_out(table.drop(columns="total"), zones.areas).assign(asset=asset, unit=unit))
    for asset, things in assets.things.items():
        unit = "buildings" if asset == "buildings" else "places"
        rows.append(_laid_out(_count_things(things, areas, zones.areas), zones.areas).assign(asset=asset, unit=unit))
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


def _class_ratios(
    hazard: str,
    areas: gpd.GeoSeries,
    exposed: tuple[str, ...],
    assets: _Assets,
    zones: _Zones,
    rules: Exposure,
    compute: Compute,
) -> list[pd.DataFrame]:
    if "population" not in assets.grids:
        return []
    people = assets.grids["population"][0]
    placed = _placed_series(areas, people.grid.crs)
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


def _by_settlement(
    compared: pd.DataFrame, zones: _Zones, rules: Exposure, hazards: Mapping[str, HazardInput]
) -> pd.DataFrame:
    """Return a row a settlement: number of hazards, bounds of the share of people in hazardous location.

    A hazard counts once: as its baseline says, and without one as the worst of its scenarios does.
    """
    ids = zones.areas.loc[zones.areas["area_type"] == SETTLEMENT, "area_id"]
    own = compared[compared["area_type"] == SETTLEMENT]
    told = own.pivot(index="area_id", columns="hazard", values="exposed_share").reindex(ids).astype(float)
    shares = pd.DataFrame({name: _once(told, name, declared) for name, declared in sorted(hazards.items())})
    table = pd.DataFrame({"settlement_id": ids.to_numpy()})
    table["n_hazards"] = count_hazards(shares).to_numpy()
    # Without a joint overlay of all: at least the largest single share, at most their sum.
    places = shares[[name for name in shares.columns if hazards[name].counts_as_location]]
    table["hazardous_share_low"] = places.max(axis=1).to_numpy() if places.shape[1] else np.nan
    table["hazardous_share_high"] = places.sum(axis=1, min_count=1).clip(upper=1.0).to_numpy()
    table["hazards"] = [
        ", ".join(name for name in shares.columns if row[name] > 0) or None for _, row in shares.iterrows()
    ]
    if rules.composite_weights is not None:
        table["composite_score"] = composite_score(shares, rules.composite_weights).to_numpy()
        table["composite_weights"] = ", ".join(f"{k} {v:g}" for k, v in sorted(rules.composite_weights.items()))
    return table


def _once(told: pd.DataFrame, name: str, declared: HazardInput) -> pd.Series:
    """Return the share exposed to a hazard: of its baseline, else the greatest of its scenarios."""
    columns = [
        hazard_name(name, scenario) for scenario in sorted({event.scenario for event in declared.events} or {""})
    ]
    if name in columns:
        columns = [name]
    return told.reindex(columns=columns).max(axis=1)
