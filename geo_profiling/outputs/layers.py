"""The layers that are published, by name; and the check that a table is as declared.

GeoPackage, styles, tables and the report read them from here. They are declared in
:mod:`geo_profiling.outputs.urban_layers` and :mod:`geo_profiling.outputs.metropolis_layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.outputs.environment_layers import ENVIRONMENT_LAYERS
from geo_profiling.outputs.exposure_layers import EXPOSURE_LAYERS
from geo_profiling.outputs.form_layers import FORM_LAYERS
from geo_profiling.outputs.indicator_layers import INDICATOR_LAYERS
from geo_profiling.outputs.layer_spec import FieldSpec, FieldType, GeometryKind, LayerSpec
from geo_profiling.outputs.metropolis_layers import METROPOLIS_LAYERS
from geo_profiling.outputs.settlement_layers import SETTLEMENT_LAYERS
from geo_profiling.outputs.settlements_layer import ACCESS_TO_SERVICES, PROFILE_SHARES, SETTLEMENTS
from geo_profiling.outputs.tenure_layers import TENURE_LAYERS
from geo_profiling.outputs.urban_layers import URBAN_LAYERS

_RUN_INFO = LayerSpec(
    "run_info",
    "About these data",
    "What was computed from what: inputs, parameters, versions.",
    None,
    (
        FieldSpec("key", "Key", "What is told.", "text", unique=True),
        FieldSpec("value", "Value", "What it is.", "text"),
    ),
)

_ON_TOP = ("settlements", "urban_centres", "functional_urban_areas")
_DECLARED = (
    *(SETTLEMENTS, ACCESS_TO_SERVICES, PROFILE_SHARES, *TENURE_LAYERS, *SETTLEMENT_LAYERS, *FORM_LAYERS),
    *(*URBAN_LAYERS, *METROPOLIS_LAYERS, *INDICATOR_LAYERS, *EXPOSURE_LAYERS),
    *(*ENVIRONMENT_LAYERS, _RUN_INFO),
)

#: Every layer by name, in the order in which maps draw them: the first on top.
LAYERS: Mapping[str, LayerSpec] = MappingProxyType(
    {layer.name: layer for layer in sorted(_DECLARED, key=lambda layer: layer.name not in _ON_TOP)}
)


def kind_of(name: str, frame: pd.DataFrame) -> GeometryKind | None:
    """Return what the features of a layer are: as declared, or points where points stand for polygons.

    Examples
    --------
    >>> from shapely import Point
    >>> kind_of("buildings", gpd.GeoDataFrame(geometry=[Point(0, 0)])), kind_of("run_info", pd.DataFrame())
    ('point', None)
    """
    declared = LAYERS[name].geometry
    if declared == "polygon" and len(frame) and frame.geom_type.isin(["Point", "MultiPoint"]).all():
        return "point"
    return declared


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a layer with its declared fields only, in order, with declared types; or say why not.

    Parameters
    ----------
    name : str
        Of the layer, a key of :data:`LAYERS`.
    frame : DataFrame or GeoDataFrame
        With at least the required fields; rows stay in their order.

    Returns
    -------
    DataFrame or GeoDataFrame
        A new frame, index 0 ... n-1; unknown values are NULL (None, <NA>, NaN).

    Raises
    ------
    UsageError
        If the layer or a field is not declared, a required field is missing, an identifier is NULL
        or doubled, or a value lies outside its limits; the row is named.

    Examples
    --------
    >>> conform("run_info", pd.DataFrame({"key": ["title"], "value": ["Port Serrano"]})).shape
    (1, 2)
    """
    if name not in LAYERS:
        raise UsageError(f"layer {name!r} is not declared", hint=f"declared are {', '.join(LAYERS)}")
    layer = LAYERS[name]
    geometry = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    if (geometry is not None) != layer.has_geometry:
        raise UsageError(f"layer {name}: {'geometry is missing' if layer.has_geometry else 'must have no geometry'}")
    undeclared = sorted(set(frame.columns) - {field.name for field in layer.fields} - {geometry})
    missing = [field.name for field in layer.fields if field.required and field.name not in frame.columns]
    if undeclared or missing:
        raise UsageError(f"layer {name}: fields not declared {undeclared}, fields missing {missing}")
    columns = {
        field.name: _typed(frame[field.name], field, layer) for field in layer.fields if field.name in frame.columns
    }
    result = pd.DataFrame(columns).reset_index(drop=True)
    if geometry is None:
        return result
    return gpd.GeoDataFrame(result, geometry=gpd.GeoSeries(frame.geometry.array, crs=frame.crs).rename("geometry"))


def _typed(values: pd.Series, field: FieldSpec, layer: LayerSpec) -> pd.Series:
    what = f"layer {layer.name}, field {field.name}"
    unknown = values.isna()
    if field.unique and (unknown.any() or values.duplicated().any()):
        row = int(np.flatnonzero(unknown | values.duplicated())[0])
        raise UsageError(f"{what}: row {row} is NULL or there twice ({values.iloc[row]!r})")
    if not field.nullable and unknown.any():
        raise UsageError(f"{what}: row {int(np.flatnonzero(unknown)[0])} is NULL; it is never unknown")
    typed = _cast(values, field.type)
    _require_in_range(typed, field, what)
    return typed


def _cast(values: pd.Series, kind: FieldType) -> pd.Series:
    if kind == "truth":
        return values.astype("boolean") if values.isna().any() else values.astype(bool)
    if kind == "integer" or (kind == "identifier" and pd.api.types.is_integer_dtype(values)):
        return values.astype("Int64")
    if kind == "number":
        return values.astype("Float64").astype(float)
    texts = [None if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]
    return pd.Series(texts, index=values.index, dtype=object)


def _require_in_range(values: pd.Series, field: FieldSpec, what: str) -> None:
    # Shares are sums of floats and may pass 1 in their last digits.
    low = -np.inf if field.minimum is None else field.minimum - 1e-9
    high = np.inf if field.maximum is None else field.maximum + 1e-9
    if field.type == "number" or field.maximum is not None:
        numbers = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        outside = (numbers < low) | (numbers > high) | np.isinf(numbers)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise UsageError(f"{what}: row {row} is {numbers[row]:g}, outside {field.minimum} to {field.maximum}")
