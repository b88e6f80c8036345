"""A region's input files as the configuration declares them, opened and read."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import geopandas as gpd
import pandas as pd

from geo_profiling.config.files import AreaInput, MappedInput, RasterInput, UnitsInput
from geo_profiling.config.inputs import CitiesInput, EmployedInput, FlowsInput, FrictionInput
from geo_profiling.config.metropolis_inputs import ElevationInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.regions import Outline
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.raster.values import Quantity
from geo_profiling.vector.read import read_layer, read_table
from pipelines.declared import RasterKey, input_label

CommutingKey = Literal["flows", "employed_residents", "cities"]


def open_input(region: RegionSettings, key: RasterKey) -> RasterFile | None:
    """Open one of the region's rasters; None where the configuration declares none.

    Raises
    ------
    InputError
        If the file is refused, see :func:`geo_profiling.raster.read.open_raster`.
    """
    declared: RasterInput | None = getattr(region.inputs, key)
    return None if declared is None else open_declared(region, key, declared)


def open_declared(region: RegionSettings, key: str, declared: RasterInput) -> RasterFile:
    """Open a raster as it is declared under a key.

    Raises
    ------
    InputError
        If the file is refused.
    """
    return open_raster(
        declared.path,
        name=input_label(key, declared.path),
        roots=region.roots,
        crs=declared.crs,
        nodata=declared.nodata_value,
        band=declared.band,
        quantity=quantity_of(declared),
    )


def quantity_of(declared: RasterInput) -> Quantity:
    """Return what a declared raster's values are.

    Examples
    --------
    >>> quantity_of(AreaInput.model_validate({"path": "LAND.tif", "unit": "share"}))
    'share'
    """
    if isinstance(declared, AreaInput):
        return "area" if declared.unit == "m2" else "share"
    return "any" if isinstance(declared, FrictionInput | ElevationInput) else "count"


def read_units(region: RegionSettings) -> tuple[gpd.GeoDataFrame, list[Finding]] | None:
    """Read the region's spatial units; None where the configuration declares none.

    Of a region with an outline, the units whose bounds touch the outline's bounds.

    Returns
    -------
    GeoDataFrame
        The id field, the name field if there is one, and polygons.
    list of Finding
        What was repaired or is doubtful.

    Raises
    ------
    InputError
        If the layer is refused, see :func:`geo_profiling.vector.read.read_layer`.
    """
    declared = region.inputs.units
    if declared is None:
        return None
    units, findings = read_layer(
        declared.path,
        layer=declared.layer,
        id_field=declared.id_field,
        columns=[declared.name_field] if declared.name_field else [],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label("units", declared.path),
    )
    outline = read_outline(region)
    return (units if outline is None else in_box(units, outline)), findings


def in_box(layer: gpd.GeoDataFrame, outline: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Return the features of a layer whose bounds touch the bounds of an outline.

    Examples
    --------
    >>> from shapely import box
    >>> layer = gpd.GeoDataFrame({"unit": [1, 2]}, geometry=[box(0, 0, 1, 1), box(5, 5, 6, 6)], crs="EPSG:4326")
    >>> in_box(layer, gpd.GeoSeries([box(0, 0, 2, 2)], crs="EPSG:4326"))["unit"].tolist()
    [1]
    """
    left, bottom, right, top = outline.to_crs(layer.crs).total_bounds
    bounds = layer.geometry.bounds
    inside = (bounds["minx"] <= right) & (bounds["maxx"] >= left) & (bounds["miny"] <= top) & (bounds["maxy"] >= bottom)
    return layer[inside]


def read_places(region: RegionSettings, key: str, declared: UnitsInput) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read a layer with ids that is no layer of units: regions as polygons, else points or polygons.

    Raises
    ------
    InputError
        If the layer is refused.
    """
    return read_layer(
        declared.path,
        layer=declared.layer,
        id_field=declared.id_field,
        columns=[declared.name_field] if declared.name_field else [],
        kinds={"polygon"} if key == "regions" else {"point", "polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label(key, declared.path),
    )


def read_roads(region: RegionSettings) -> tuple[gpd.GeoDataFrame, list[Finding]] | None:
    """Read the roads of a region with their ``road_class``; None where the configuration declares none.

    Raises
    ------
    InputError
        If the layer is refused.
    """
    declared = region.inputs.roads
    if declared is None:
        return None
    layer, findings = read_layer(
        declared.path,
        layer=declared.layer,
        columns=[declared.class_field],
        kinds={"line"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label("roads", declared.path),
        bad_geometry="skip",
    )
    classes = {"road_class": layer[declared.class_field].to_numpy()}
    return gpd.GeoDataFrame(classes, geometry=layer.geometry.array, crs=layer.crs), findings


def read_service(region: RegionSettings, name: str) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the places of a kind of service; features without a usable geometry are passed over, and told.

    Raises
    ------
    InputError
        If the layer is refused.
    """
    declared = region.inputs.services[name]
    return read_layer(
        declared.path,
        layer=declared.layer,
        kinds={"point", "polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label(f"services.{name}", declared.path),
        bad_geometry="skip",
    )


def read_open_spaces(region: RegionSettings) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame] | None:
    """Read the open spaces of a region: all of them, and those open to all; None where it declares none.

    Raises
    ------
    InputError
        If the layer is refused.
    """
    declared = region.inputs.open_spaces
    if declared is None:
        return None
    field = declared.access_field
    spaces, _ = read_layer(
        declared.path,
        layer=declared.layer,
        columns=[] if field is None else [field],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label("open_spaces", declared.path),
        bad_geometry="skip",
    )
    if field is None:
        return spaces, spaces
    return spaces, spaces[spaces[field].astype(str).isin(declared.public_values)]


def read_mapped(
    region: RegionSettings, key: str, declared: MappedInput, *, bad_geometry: Literal["refuse", "skip"] = "refuse"
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the ground on which something was mapped: the polygons that count.

    Raises
    ------
    InputError
        If the layer is refused, or no polygon has the value that is asked for.
    """
    label = input_label(key, declared.path)
    layer, found = read_layer(
        declared.path,
        layer=declared.layer,
        columns=[] if declared.field is None else [declared.field],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=label,
        bad_geometry=bad_geometry,
    )
    chosen = layer if declared.field is None else layer[layer[declared.field].astype(str) == str(declared.value)]
    if chosen.empty:
        named = key.rpartition(".")[2]
        raise InputError(
            f"{label}: no polygon has {declared.field} {declared.value}",
            hint=f"correct 'field' or 'value' of '{named}'",
        )
    return chosen, found


def read_commuting(region: RegionSettings, key: CommutingKey) -> tuple[pd.DataFrame, str]:
    """Read a table of ``inputs.commuting``, all as text; with what messages call it.

    Raises
    ------
    InputError
        If the table is refused or lacks a column.
    """
    declared: FlowsInput | EmployedInput | CitiesInput = getattr(region.inputs.commuting, key)
    label = input_label(f"commuting.{key}", declared.path)
    return read_table(declared.path, roots=region.roots, columns=declared.columns, name=label), label


def region_of_flows(region: RegionSettings) -> RegionSettings:
    """Return the region with the units of its flows as its units."""
    commuting = region.inputs.commuting
    assert commuting is not None  # only asked for where it is configured
    own = region.inputs.model_copy(update={"units": commuting.units or region.inputs.units})
    return replace(region, inputs=own)


def read_outline(region: RegionSettings) -> gpd.GeoSeries | None:
    """Read the polygon that the region is cut to, as a series of one; None where there is none.

    Raises
    ------
    InputError
        If the layer is refused, or no feature has the value that the outline names.
    """
    outline = region.outline
    if outline is None:
        return None
    label = input_label("outline", outline.path)
    frame, _ = read_layer(
        outline.path,
        layer=outline.layer,
        columns=[outline.field] if outline.field else [],
        kinds={"polygon"},
        roots=region.roots,
        name=label,
    )
    chosen = frame if outline.field is None else frame[frame[outline.field].astype(str) == str(outline.value)]
    if chosen.empty:
        raise InputError(f"{label}: {_no_such(outline, frame)}", hint="correct 'field' or 'value' of the outline")
    return gpd.GeoSeries([chosen.geometry.union_all()], crs=frame.crs)


def _no_such(outline: Outline, frame: gpd.GeoDataFrame) -> str:
    known = ", ".join(sorted({str(value) for value in frame[outline.field]})[:10])
    return f"no feature has {outline.field} {outline.value} (there are {known}, ...)"
