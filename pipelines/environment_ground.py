"""The ground that the environmental profile reads: open spaces, water, vegetation, ecosystems at risk."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geo_profiling.config.environment_inputs import EcosystemsInput, VegetationInput
from geo_profiling.config.files import SpatialInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.vector.read import read_layer
from geo_profiling.vector.reproject import reproject
from pipelines.declared import input_label
from pipelines.inputs import read_mapped

#: The kind of an ecosystem whose kind is not told.
UNKNOWN_KIND = "unknown"
#: Layers of water: as polygons they are ground, and whatever they are people walk to them.
_WATER = ("water_bodies", "waterways", "coast")
#: Polygons of water are taken from the first of these that has some; those of a coast may be land.
_WATER_GROUND = ("water_bodies", "waterways")


def read_mapped_ground(region: RegionSettings, crs: CRS) -> shapely.Geometry | None:
    """Read the ground on which open spaces were mapped, as one geometry in a CRS; None where that is everywhere.

    Raises
    ------
    InputError
        If the layer is refused, or no polygon has the value that is asked for.
    """
    declared = region.inputs.open_spaces_mapped_in
    if declared is None:
        return None
    chosen, _ = read_mapped(region, "open_spaces_mapped_in", declared, bad_geometry="skip")
    return shapely.union_all(np.asarray(reproject(chosen, crs).geometry.array, dtype=object))


def read_water(region: RegionSettings, crs: CRS) -> tuple[gpd.GeoSeries | None, gpd.GeoSeries | None]:
    """Read the water of a region: its ground as polygons, and all of it as people walk to it; None where not given.

    Parameters
    ----------
    region : RegionSettings
    crs : CRS
        Both are brought into it.

    Raises
    ------
    InputError
        If a layer is refused.
    """
    found: dict[str, gpd.GeoSeries] = {}
    for key in _WATER:
        declared = getattr(region.inputs, key)
        if declared is not None:
            layer, _ = _layer(region, key, declared, columns=[], any_kind=key != "water_bodies")
            found[key] = gpd.GeoSeries(reproject(layer, crs).geometry)
    ground = None
    for key in _WATER_GROUND:
        if key in found:
            polygons = found[key][shapely.get_dimensions(np.asarray(found[key].array, dtype=object)) == 2]
            if len(polygons):
                ground = polygons
                break
    return ground, pd.concat(found.values(), ignore_index=True) if found else None


def read_ecosystems(region: RegionSettings, declared: EcosystemsInput) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the ecosystems at risk: ``ecosystem_id`` (by kind and shape, from 1), ``kind`` and polygons.

    Ids do not depend on the order of the file.

    Raises
    ------
    InputError
        If the layer is refused, or none of its polygons is of the kinds that count.
    """
    label = input_label("ecosystems", declared.path)
    layer, findings = _layer(region, "ecosystems", declared, columns=[declared.kind_field])
    told = layer[declared.kind_field]
    words = pd.Series(
        [UNKNOWN_KIND if pd.isna(word) or not str(word).strip() else str(word).strip() for word in told], layer.index
    )
    blank = int((words == UNKNOWN_KIND).sum())
    if blank:
        message = f"{blank} polygons have no {declared.kind_field}: their kind is told as '{UNKNOWN_KIND}'"
        findings = [*findings, Finding("warning", label, "", message, "tell the kind of each")]
    if declared.kinds is not None:
        others = sorted(set(words) - set(declared.kinds))
        if others:
            message = f"polygons of {', '.join(others[:5])} are left out: 'kinds' does not list them"
            findings = [*findings, Finding("warning", label, "", message, "list every kind that is at risk")]
        layer, words = layer[words.isin(declared.kinds)], words[words.isin(declared.kinds)]
    if layer.empty:
        raise InputError(f"{label}: holds no ecosystem of the kinds that count", hint="correct the layer, or 'kinds'")
    shapes = shapely.normalize(np.asarray(layer.geometry.array, dtype=object))
    order = np.lexsort((np.asarray(shapely.to_wkb(shapes, output_dimension=2), dtype=bytes), words.to_numpy(str)))
    columns = {"ecosystem_id": np.arange(1, len(order) + 1), "kind": words.to_numpy(dtype=object)[order]}
    return gpd.GeoDataFrame(columns, geometry=layer.geometry.array[order], crs=layer.crs), findings


def open_vegetation(region: RegionSettings, declared: VegetationInput) -> RasterFile:
    """Open the raster of vegetation; its values are in the declared unit.

    Raises
    ------
    InputError
        If the file is refused.
    """
    return open_raster(
        declared.path,
        name=input_label("vegetation", declared.path),
        roots=region.roots,
        crs=declared.crs,
        nodata=declared.nodata_value,
        band=declared.band,
        quantity="share" if declared.unit == "share" else "any",
    )


def _layer(
    region: RegionSettings, key: str, declared: SpatialInput, *, columns: list[str], any_kind: bool = False
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    return read_layer(
        declared.path,
        layer=getattr(declared, "layer", None),
        columns=columns,
        kinds={"polygon", "line"} if any_kind else {"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label(key, declared.path),
        bad_geometry="skip",
    )
