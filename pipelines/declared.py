"""A region's input files one by one, as the configuration declares them; nothing cut, moved or renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import geopandas as gpd

from geo_profiling.config.inputs import FileInput, Inputs, RasterInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.config.regions import Outline
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.raster.read import RasterFile, open_raster
from geo_profiling.runs.step import FileContent
from geo_profiling.vector.read import read_layer
from pipelines.inputs import quantity_of

RasterKey = Literal["population", "land", "built_up"]
RASTER_KEYS: tuple[RasterKey, ...] = ("population", "land", "built_up")

_SHAPEFILE_PARTS = (".dbf", ".shx", ".prj", ".cpg")
#: What is said about an input without changing what is computed from it.
_WORDS_ONLY = {"path", "sha256", "source", "licence"}


def input_label(key: str, path: Path) -> str:
    """Name an input in messages by its key and its file.

    Examples
    --------
    >>> input_label("land", Path("data/LAND.tif"))
    'land (LAND.tif)'
    """
    return f"{key} ({path.name})"


def declared_inputs(region: RegionSettings) -> dict[str, FileInput]:
    """Return the region's declared input files by key."""
    values = {key: getattr(region.inputs, key) for key in Inputs.model_fields}
    return {key: value for key, value in values.items() if isinstance(value, FileInput)}


def input_content(path: Path) -> FileContent:
    """Return what identifies an input file's content; a shapefile is all its parts.

    Examples
    --------
    >>> [sibling.name for sibling in input_content(Path("wards.shp")).siblings]
    ['wards.dbf', 'wards.shx', 'wards.prj', 'wards.cpg']
    """
    if path.suffix.lower() != ".shp":
        return FileContent(path)
    return FileContent(path, tuple(path.with_suffix(suffix) for suffix in _SHAPEFILE_PARTS))


def reading_parameters(declared: FileInput) -> dict[str, Any]:
    """Return what decides how an input file is read: everything declared but its place and its credits.

    Examples
    --------
    >>> from geo_profiling.config.inputs import AreaInput
    >>> reading_parameters(AreaInput.model_validate({"path": "LAND.tif"}))
    {'crs': None, 'band': None, 'nodata': None, 'unit': 'm2'}
    """
    return declared.model_dump(mode="json", exclude=_WORDS_ONLY)


def open_declared(region: RegionSettings, key: RasterKey) -> RasterFile | None:
    """Open one of the region's rasters; None where the configuration declares none.

    Raises
    ------
    InputError
        If the file is refused, see :func:`geo_profiling.raster.read.open_raster`.
    """
    declared: RasterInput | None = getattr(region.inputs, key)
    if declared is None:
        return None
    return open_raster(
        declared.path,
        name=input_label(key, declared.path),
        roots=region.roots,
        crs=declared.crs,
        nodata=declared.nodata_value,
        band=declared.band,
        quantity=quantity_of(declared),
    )


def read_declared_units(region: RegionSettings) -> tuple[gpd.GeoDataFrame, list[Finding]] | None:
    """Read the region's spatial units; None where the configuration declares none.

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
    return read_layer(
        declared.path,
        layer=declared.layer,
        id_field=declared.id_field,
        columns=[declared.name_field] if declared.name_field else [],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label("units", declared.path),
    )


def read_declared_outline(region: RegionSettings) -> gpd.GeoSeries | None:
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
