"""Whom and what exposure is told of: the areas of a region, and the people and things in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.config.morphology_inputs import SettlementsInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.raster.source import Source
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.reproject import reproject
from pipelines.built import BuiltCity, read_built
from pipelines.declared import input_label
from pipelines.indicator_places import region_areas
from pipelines.inputs import open_input, read_outline, read_service
from pipelines.people import people_grid

#: The kind of area that is the whole region, and the kind of its settlements.
REGION, SETTLEMENT = "region", "settlement"
#: Columns that name an area.
AREA_COLUMNS = ["area_type", "area_id"]


@dataclass(frozen=True)
class ExposureZones:
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
class ExposedAssets:
    """What may be exposed.

    Attributes
    ----------
    grids : dict of str to (Source, str)
        Counts in cells, with their unit.
    things : dict of str to GeoSeries
        Buildings and places of services.
    lines : dict of str to GeoSeries
        Streets and railways.
    water : Source or None
        Permanent water, on which nobody is exposed to a hazard of a raster.
    """

    grids: dict[str, tuple[Source, str]]
    things: dict[str, gpd.GeoSeries]
    lines: dict[str, gpd.GeoSeries]
    water: Source | None = None


def exposed_assets(region: RegionSettings, built: BuiltCity | None) -> ExposedAssets:
    """Open and read what may be exposed: counts in cells, things that stand somewhere, lines."""
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
    return ExposedAssets(grids, things, lines, open_water(region))


def open_water(region: RegionSettings) -> RasterFile | None:
    """Open the raster of permanent water of a region; None where it declares none.

    Raises
    ------
    InputError
        If the file is refused.
    """
    declared = region.inputs.permanent_water
    if declared is None:
        return None
    return open_raster(
        declared.path,
        name=input_label("permanent_water", declared.path),
        roots=region.roots,
        crs=declared.crs,
        nodata=declared.nodata_value,
        band=declared.band,
        quantity="any",
    )


def exposure_zones(region: RegionSettings, directory: Path, built: BuiltCity | None) -> ExposureZones:
    """Return every area that exposure is told for, in the CRS of the people, and its part in settlements."""
    found = dict(region_areas(region, directory))
    # those of the inputs: the table that a former run published is made after this step
    if found.pop(SETTLEMENT, None) is not None and region.inputs.settlements is not None:
        found[SETTLEMENT] = _settlements(region, region.inputs.settlements, built)
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
    return ExposureZones(areas, _within(areas))


def _settlements(region: RegionSettings, declared: SettlementsInput, built: BuiltCity | None) -> gpd.GeoDataFrame:
    """Return the settlements that touch the region, on their ids as text."""
    layer, _ = read_layer(
        declared.path,
        layer=declared.layer,
        id_field=declared.id_field,
        columns=[],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label("settlements", declared.path),
    )
    ids = layer[declared.id_field].map(str)
    found = gpd.GeoDataFrame(index=pd.Index(ids, name="area_id"), geometry=layer.geometry.array, crs=layer.crs)
    if built is None or built.settlements is None:
        return found
    return found[found.index.isin(built.settlements.index.map(str))]


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


def built_city(region: RegionSettings) -> BuiltCity | None:
    """Read the layers of the built city; None where a region declares none of them."""
    inputs = region.inputs
    layers = (inputs.settlements, inputs.blocks, inputs.study_area, inputs.buildings)
    if all(layer is None for layer in layers):
        return None
    return read_built(region)
