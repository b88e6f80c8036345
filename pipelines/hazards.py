"""The declared hazards of a region, opened: how numbers are read, rasters by event, ground of classes and distances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from shapely import Polygon

from geo_profiling.config.files import MappedInput
from geo_profiling.config.hazard_inputs import HazardEvent, HazardFar, HazardInput, HazardSea
from geo_profiling.config.project import RegionSettings
from geo_profiling.crs import parse_crs
from geo_profiling.errors import ConfigError, InputError
from geo_profiling.findings import Finding
from geo_profiling.hazard.bands import UNKNOWN, Bands, NodataMeans
from geo_profiling.hazard.kinds import KINDS, HazardKind
from geo_profiling.hazard.risk_classes import OVERLAP_SHARE, buffer_areas, class_areas, far_areas
from geo_profiling.hazard.terrain import city_percentiles, edge_sea, sea_reach, slope_degrees
from geo_profiling.raster.coverage import coverage_fractions
from geo_profiling.raster.read import RasterFile, open_raster, to_dataarray
from geo_profiling.raster.source import ArraySource, Source
from geo_profiling.settlements.local_crs import local_crs
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.reproject import reproject
from pipelines.built import tell
from pipelines.declared import input_label
from pipelines.exposure_places import SETTLEMENT, ExposureZones
from pipelines.inputs import read_mapped


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
    # cells that are sea are given a value before anybody reads them
    means: NodataMeans = "dry" if declared.nodata_means == "dry" else "unknown"
    return replace(kind, name=name, bands=bands, nodata_means=means, **kept)


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


def hazard_scenarios(
    region: RegionSettings, name: str, declared: HazardInput, zones: ExposureZones
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
            source = open_hazard(region, name, how, event)
            if declared.is_sea_level:
                opened.append((event.return_period, _sea_level(region, name, declared, kind, source)))
            else:
                opened.append((event.return_period, _made(source, declared, zones)))
        yield hazard_name(name, scenario), kind, opened


def _sea_level(
    region: RegionSettings, name: str, declared: HazardInput, kind: HazardKind, source: RasterFile
) -> Source:
    """Return the level from which the sea reaches each cell of heights, up to the highest threshold."""
    heights = to_dataarray(source)
    if declared.sea is None:
        sea = edge_sea(heights)
    else:
        water = read_sea(region, name, declared.sea)
        ground = shapely.union_all(np.asarray(reproject(water, source.grid.crs).geometry.array, dtype=object))
        sea = coverage_fractions(ground, source.grid) >= 0.5
    if not sea.any():
        raise InputError(
            f"{source.name}: no cell of it is sea",
            hint="heights must reach the sea: take a wider raster, or correct 'sea' or 'nodata_means'",
        )
    highest = kind.bands.thresholds[-1]
    return ArraySource(sea_reach(heights, sea, highest_m=highest, beyond_m=highest + 1.0), source.name)


def read_sea(region: RegionSettings, name: str, declared: HazardSea) -> gpd.GeoDataFrame:
    """Read the polygons of the sea.

    Raises
    ------
    InputError
        If the layer is refused.
    """
    layer, found = read_layer(
        declared.path,
        layer=declared.layer,
        columns=[],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label(f"hazards.{name}.sea", declared.path),
    )
    tell(found)
    return layer


def _made(source: RasterFile, declared: HazardInput, zones: ExposureZones) -> Source:
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


def risk_areas(
    region: RegionSettings, name: str, declared: HazardInput, zones: ExposureZones
) -> tuple[gpd.GeoSeries, tuple[str, ...]]:
    """Return the ground of each class of a hazard of polygons or distances, and the classes that count as exposed.

    Ground that was not mapped comes first, as the class ``unknown``.
    """
    if declared.far is not None:
        return _far_ground(region, name, declared.far, declared.mapped_in, zones)
    given = declared.classes or declared.near
    assert given is not None  # one of the forms is there
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
        _tell_elsewhere(name, areas, zones)
        first = 0 if rules.exposed_from is None else rules.classes.index(rules.exposed_from)
        if declared.mapped_in is not None:
            areas = _mapped_alone(region, name, declared.mapped_in, areas, zones)
        return areas, tuple(rules.classes[first:])
    assert declared.near is not None  # the last of the forms
    areas = buffer_areas(placed.geometry, within_m=declared.near.within_m)
    _tell_elsewhere(name, areas, zones)
    return areas, tuple(areas.index)


def _tell_elsewhere(name: str, areas: gpd.GeoSeries, zones: ExposureZones) -> None:
    """Warn of a hazard of which nothing lies near the areas: it may be in another CRS than it says."""
    around = _around(zones, parse_crs(areas.crs, what=name))
    if not areas.intersects(around).any():
        message, remedy = "none of its ground lies in the region", "check its coordinate reference system and extent"
        tell([Finding("warning", f"hazards.{name}", "", message, remedy)])


def read_far(region: RegionSettings, name: str, far: HazardFar) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the things out of whose reach is a hazard, of the classes that count.

    Raises
    ------
    InputError
        If the layer is refused, or nothing has one of the classes.
    """
    label = input_label(f"hazards.{name}", far.path)
    layer, found = read_layer(
        far.path,
        layer=far.layer,
        columns=[] if far.class_field is None else [far.class_field],
        roots=region.roots,
        crs=far.crs,
        name=label,
        bad_geometry="skip",
    )
    if far.classes is None:
        return layer, found
    chosen = layer[layer[far.class_field].astype(str).isin(far.classes)]
    if chosen.empty:
        raise InputError(
            f"{label}: nothing has one of the classes {', '.join(far.classes)}", hint="correct 'classes' of 'far'"
        )
    return chosen, found


def _far_ground(
    region: RegionSettings, name: str, far: HazardFar, mapped: MappedInput | None, zones: ExposureZones
) -> tuple[gpd.GeoSeries, tuple[str, ...]]:
    """Return the ground out of reach by distance, around the zones; what was not mapped is unknown."""
    layer, found = read_far(region, name, far)
    tell(found)
    metric = local_crs(layer, what=input_label(f"hazards.{name}", far.path))
    things = reproject(layer, metric)
    around = _around(zones, metric)
    # what is farther from all of the ground than the farthest distance cannot reach it
    close = things.geometry.intersects(around.buffer(max(far.beyond_m), join_style="mitre"))
    areas = far_areas(gpd.GeoSeries(things.geometry[close]), beyond_m=far.beyond_m, around=around)
    exposed = tuple(areas.index)
    if mapped is not None:
        areas = _mapped_alone(region, name, mapped, areas, zones, is_bounded=False)
    return areas, exposed


def _around(zones: ExposureZones, crs: CRS) -> Polygon:
    """Return a rectangle around the zones, with a margin."""
    left, bottom, right, top = reproject(zones.areas, crs).total_bounds
    margin = 0.1 * max(right - left, top - bottom)
    return shapely.box(left - margin, bottom - margin, right + margin, top + margin)


def _mapped_alone(
    region: RegionSettings,
    name: str,
    mapped: MappedInput,
    areas: gpd.GeoSeries,
    zones: ExposureZones,
    *,
    is_bounded: bool = True,
) -> gpd.GeoSeries:
    """Return the classes within the mapped ground, after all other ground around the zones as ``unknown``.

    Classes that reach beyond are unknown there too: else all known ground there would be hazardous. It is told
    where somebody drew them (``is_bounded``).
    """
    chosen, found = read_mapped(region, f"hazards.{name}.mapped_in", mapped)
    looked_at = shapely.union_all(np.asarray(reproject(chosen, areas.crs).geometry.array, dtype=object))
    kept = areas.intersection(looked_at)
    beyond = 1.0 - kept.area.sum() / areas.area.sum()
    if is_bounded and beyond > OVERLAP_SHARE:
        message = f"{100 * beyond:.2g} % of the ground of its classes lies beyond 'mapped_in' and is taken as unknown"
        found = [*found, Finding("warning", f"hazards.{name}", "", message, "compare the outline with the classes")]
    tell(found)
    unknown = gpd.GeoSeries([shapely.difference(_around(zones, areas.crs), looked_at)], index=[UNKNOWN], crs=areas.crs)
    return pd.concat([unknown, kept])


def exposed_threshold(kind: HazardKind, declared: HazardInput) -> float:
    """Return the threshold from which ground is hazardous: as declared, else the mildest."""
    if declared.exposed_from is not None:
        return declared.exposed_from
    return kind.bands.thresholds[0] if kind.direction == "above" else kind.bands.thresholds[-1]


def placed_ground(areas: gpd.GeoSeries, crs: object) -> gpd.GeoSeries:
    """Return the ground of classes in another CRS, on the same index."""
    frame = reproject(gpd.GeoDataFrame(geometry=areas), crs)  # type: ignore[arg-type]  # a CRS of a raster or layer
    return gpd.GeoSeries(frame.geometry)
