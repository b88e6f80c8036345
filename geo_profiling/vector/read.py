"""Reading layers and tables: checked before GDAL sees them, repaired by name, ids kept as they came."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from pyarrow import ArrowException
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError
from pyproj import CRS
from shapely.errors import ShapelyError

from geo_profiling.crs import parse_crs, same_crs
from geo_profiling.errors import CRSError, InputError
from geo_profiling.extent import require_plausible_extent
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.paths import safe_path
from geo_profiling.vector.delimited import decode_table, parse_table
from geo_profiling.vector.preflight import Checked, check_vector
from geo_profiling.vector.repair import Kind, repair

_DAMAGED = "the file is damaged: copy or download it again and compare its checksum"
_READ_ERRORS = (
    *(DataSourceError, DataLayerError, FieldError, GeometryError, ShapelyError, ArrowException),
    *(OSError, ValueError, MemoryError),
)
#: Repeated ids that an error names.
_LISTED_IDS = 5


def read_layer(
    path: str | os.PathLike[str],
    *,
    layer: str | None = None,
    id_field: str | None = None,
    columns: Sequence[str] | None = None,
    kinds: set[Kind] | None = None,
    roots: Sequence[Path] | None = None,
    crs: str | CRS | None = None,
    name: str | None = None,
    bad_geometry: Literal["refuse", "skip"] = "refuse",
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read one layer of features, checked and repaired.

    Takes GeoPackage, GeoParquet, FlatGeobuf, GeoJSON and shapefiles, by content. Curves are
    linearised, Z and M dropped, invalid polygons repaired where the repair leaves their area as it
    was (see :func:`geo_profiling.vector.repair.repair`); each repaired feature is named.

    Parameters
    ----------
    path : str or path-like
        A local file.
    layer : str, optional
        Needed when there are several.
    id_field : str, optional
        A field that must be there, not null and unique; its values are kept as they came (whole
        numbers stay whole numbers, text keeps its leading zeros).
    columns : sequence of str, optional
        Fields to read; all by default. The id field is always read.
    kinds : set of {"polygon", "line", "point"}, optional
        What the features must be.
    roots : sequence of Path, optional
        Folders the file may lie in, see :func:`geo_profiling.paths.safe_path`.
    crs : str or pyproj.CRS, optional
        The CRS of a layer that has none; must agree with the layer's own if it has one.
    name : str, optional
        Named in messages; file and layer by default.
    bad_geometry : {"refuse", "skip"}
        Whether features without a usable geometry (null, empty, bow-tie, another kind) are an
        error, or left out with a warning that names them.

    Returns
    -------
    geopandas.GeoDataFrame
        In the order of the file, index from 0 (gaps where features were left out), geometry column
        "geometry", valid and two-dimensional.
    list of Finding
        Warnings and notes; errors are raised, all at once.

    Raises
    ------
    InputError
        If the file is refused (see :func:`geo_profiling.vector.preflight.check_vector`), cannot be
        read whole, is empty, lacks a field, or has ids or geometries that cannot be used.
    CRSError
        If there is no CRS, or the coordinates cannot be in it.

    Examples
    --------
    >>> units, findings = read_layer("sample_data/municipalities.gpkg", id_field="unit_id", kinds={"polygon"})
    >>> len(units), findings
    (23, [])
    """
    checked = check_vector(path, layer=layer, roots=roots, name=name)
    label = name or (f"{checked.path.name}, layer {checked.layer}" if len(checked.layers) > 1 else checked.path.name)
    wanted = None if columns is None else list(dict.fromkeys([*([id_field] if id_field else []), *columns]))
    frame, notes = _read(checked, wanted, label)
    if len(frame) == 0:
        raise InputError(f"{label}: has no features", hint="check file, layer and filter")
    findings = [*checked.findings, *notes]
    frame = frame.set_crs(_layer_crs(frame.crs, crs, label), allow_override=True)
    findings += _extent_findings(frame, label)
    if id_field is not None:
        findings += _id_findings(frame, id_field, label)
    describe = _describer(frame, id_field)
    geometries, dropped, repairs = repair(
        np.asarray(frame.geometry.array, dtype=object),
        name=label,
        describe=describe,
        kinds=kinds,
        degrees=bool(frame.crs.is_geographic),
        skip=bad_geometry == "skip",
    )
    findings += repairs
    raise_on_errors(findings)
    frame = frame.set_geometry(gpd.GeoSeries(geometries, index=frame.index, crs=frame.crs))
    if dropped.all():
        raise InputError(f"{label}: has no feature with a usable geometry", hint="check file and layer")
    return frame.loc[~dropped], findings


def _read(checked: Checked, columns: list[str] | None, label: str) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read what was checked, with the reader's own warnings as notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame = (
                _read_parquet(checked, columns, label)
                if checked.driver == "Parquet"
                else _read_ogr(checked, columns, label)
            )
        except _READ_ERRORS as error:
            if isinstance(error, InputError):
                raise
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"{label}: cannot be read: {reason}", hint=_DAMAGED) from error
    if checked.rows is not None and len(frame) != checked.rows:
        raise InputError(f"{label}: {len(frame)} of {checked.rows} features could be read", hint=_DAMAGED)
    messages = dict.fromkeys(str(warning.message).splitlines()[0] for warning in caught)
    return frame, [Finding("note", label, "", message, "") for message in messages]


def _read_ogr(checked: Checked, columns: list[str] | None, label: str) -> gpd.GeoDataFrame:
    options = {"IMMUTABLE": "YES"} if checked.driver == "GPKG" else {}
    about = pyogrio.read_info(checked.path, layer=checked.layer, **options)
    if about["driver"] != checked.driver:
        raise InputError(
            f"{label}: is read as {about['driver']}, not as {checked.driver}", hint="export it to a GeoPackage"
        )
    _require_fields(list(about["fields"]), columns, label)
    if checked.encoding:
        options["encoding"] = checked.encoding
    frame = pyogrio.read_dataframe(checked.path, layer=checked.layer, columns=columns, **options)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(f"{label}: has no geometry", hint="give a layer of features")
    return frame


def _read_parquet(checked: Checked, columns: list[str] | None, label: str) -> gpd.GeoDataFrame:
    frame = gpd.read_parquet(checked.path)
    frame = frame.reset_index(drop=frame.index.names == [None])
    geometry = frame.active_geometry_name
    fields = [column for column in frame.columns if column != geometry]
    _require_fields(fields, columns, label)
    frame = frame[[*(fields if columns is None else columns), geometry]]
    return frame if geometry == "geometry" else frame.rename_geometry("geometry")


def _require_fields(fields: Sequence[str], columns: Sequence[str] | None, label: str) -> None:
    for column in columns or ():
        if column not in fields:
            near = difflib.get_close_matches(column, fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(fields[:30]) or 'none'}"
            raise InputError(f"{label}: has no field {column!r}", hint=hint)


def _layer_crs(own: CRS | None, declared: str | CRS | None, label: str) -> CRS:
    # GeoPackage's "undefined" systems say no more than none.
    if own is not None and (own.is_engineering or own.name.startswith("Undefined")):
        own = None
    crs = own if declared is None else parse_crs(declared, what=f"{label}: declared CRS")
    if crs is None:
        raise CRSError(f"{label}: no coordinate reference system", hint="declare the CRS in the file or config")
    if own is not None and not same_crs(own, crs):
        raise CRSError(
            f"{label}: the layer says {own.name}, the declaration {crs.name}",
            hint="correct the declaration, or the layer (QGIS: Assign projection)",
        )
    return crs


def _extent_findings(frame: gpd.GeoDataFrame, label: str) -> list[Finding]:
    bounds = frame.geometry.bounds.to_numpy()
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if len(bounds) == 0:
        return []
    left, bottom = (float(value) for value in bounds[:, :2].min(axis=0))
    right, top = (float(value) for value in bounds[:, 2:].max(axis=0))
    require_plausible_extent(frame.crs, (left, bottom, right, top), what=label)
    if frame.crs.is_projected and max(abs(left), abs(right)) <= 180 and max(abs(bottom), abs(top)) <= 90:
        message = f"all coordinates lie within 180 and 90, like degrees, but its CRS is {frame.crs.name}"
        return [Finding("warning", label, "", message, "assign the CRS the coordinates are really in")]
    return []


def _id_findings(frame: gpd.GeoDataFrame, id_field: str, label: str) -> list[Finding]:
    _require_fields([column for column in frame.columns if column != "geometry"], [id_field], label)
    ids = frame[id_field]
    missing = ids.isna() | (ids.astype(str).str.strip() == "")
    found = [
        Finding("error", label, f"feature {row} (from 0)", f"has no {id_field}", "give every feature an id")
        for row in np.flatnonzero(missing)[:_LISTED_IDS]
    ]
    repeated = ids[~missing & ids.duplicated(keep=False)]
    for value in list(dict.fromkeys(repeated))[:_LISTED_IDS]:
        rows = ", ".join(str(row) for row in np.flatnonzero(ids == value)[:10])
        message = f"stands in several features ({rows}, from 0)"
        found.append(Finding("error", label, f"{id_field} {value}", message, "make the ids unique"))
    return found


def _describer(frame: gpd.GeoDataFrame, id_field: str | None) -> Callable[[int], str]:
    if id_field is None:
        return lambda position: f"feature {position} (from 0)"
    ids = frame[id_field].array
    return lambda position: f"{id_field} {ids[position]}"


def layer_info(path: str | os.PathLike[str], *, roots: Sequence[Path] | None = None) -> dict[str, Any]:
    """Return what a vector file holds, in plain types, without reading its features.

    Returns
    -------
    dict
        path, format, bytes, layers: a list of layer, features, geometry, crs, bounds, fields
        (name to type).

    Raises
    ------
    InputError
        As :func:`read_layer`; several layers are no error here.

    Examples
    --------
    >>> layer_info("sample_data/municipalities.gpkg")["format"]
    'GPKG'
    """
    checked = check_vector(path, layer=None, roots=roots, any_layer=True)
    layers: list[dict[str, Any]] = []
    for layer in checked.layers:
        try:
            one = check_vector(path, layer=layer, roots=roots)
            layers.append({"layer": layer, **(_parquet_info(one) if one.driver == "Parquet" else _ogr_info(one))})
        except InputError as error:
            if len(checked.layers) == 1:
                raise
            layers.append({"layer": layer, "refused": str(error)})
    return {
        "path": str(checked.path),
        "format": checked.driver,
        "bytes": checked.path.stat().st_size,
        "layers": layers,
    }


def _ogr_info(checked: Checked) -> dict[str, Any]:
    about = pyogrio.read_info(checked.path, layer=checked.layer, force_feature_count=True, force_total_bounds=True)
    bounds = about["total_bounds"]
    return {
        "features": int(about["features"]),
        "geometry": about["geometry_type"],
        "crs": about["crs"] or "",
        "bounds": [float(value) for value in bounds] if bounds is not None else None,
        "fields": dict(zip(map(str, about["fields"]), map(str, about["dtypes"]), strict=True)),
    }


def _parquet_info(checked: Checked) -> dict[str, Any]:
    frame, _ = _read(checked, None, checked.path.name)
    return {
        "features": len(frame),
        "geometry": ", ".join(sorted(frame.geom_type.dropna().unique())),
        "crs": frame.crs.to_string() if frame.crs else "",
        "bounds": [float(value) for value in frame.total_bounds],
        "fields": {str(name): str(kind) for name, kind in frame.drop(columns="geometry").dtypes.items()},
    }


def read_table(
    path: str | os.PathLike[str],
    *,
    roots: Sequence[Path] | None = None,
    columns: Sequence[str] | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    key: Sequence[str] = (),
    name: str | None = None,
) -> pd.DataFrame:
    r"""Read a CSV table as text, every value as it stands in the file.

    Nothing is guessed: ``NA`` stays Namibia, ``007`` keeps its zeros, an empty string is a missing
    value. Gzip is unpacked (by content). A table whose last line has no end is logged: it may have
    been cut short.

    Parameters
    ----------
    path : str or path-like
        A local file with one header line.
    roots : sequence of Path, optional
        Folders the file may lie in, see :func:`geo_profiling.paths.safe_path`.
    columns : sequence of str, optional
        Columns to return, in this order; all by default.
    encoding : str
        Of the text; never guessed.
    delimiter : str, optional
        One character; found from the header when not given: comma, semicolon, tab or bar.
    key : sequence of str
        Columns that together must be unique and not empty.
    name : str, optional
        Named in messages; the file's name by default.

    Returns
    -------
    pandas.DataFrame
        Text columns, index from 0.

    Raises
    ------
    InputError
        If the file is refused, is no text in ``encoding``, has rows longer or shorter than its
        header, the same column twice, no rows, or a key that is empty or repeated; the row is
        named (1 is the header).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "flows.csv").write_text("origin,workers\n007,12\nNA,\n")
    ...     read_table(Path(folder, "flows.csv")).to_numpy().tolist()
    [['007', '12'], ['NA', '']]
    """
    real = safe_path(path, roots=roots)
    name = name or real.name
    text = decode_table(real, encoding, name=name)
    frame = parse_table(text, delimiter, name=name)
    if columns is not None:
        _require_fields(list(frame.columns), columns, name)
        frame = frame[list(dict.fromkeys(columns))]
    if key:
        _require_fields(list(frame.columns), key, name)
        _require_key(frame, list(key), name)
    return frame


def _require_key(frame: pd.DataFrame, key: list[str], label: str) -> None:
    empty = (frame[key] == "").any(axis=1)
    repeated = frame.duplicated(key, keep=False)
    for marked, message in ((empty, "is empty"), (repeated, "stands in several rows")):
        if marked.any():
            rows = np.flatnonzero(marked)
            shown = ", ".join(f"{column} {frame[column].iloc[rows[0]]!r}" for column in key)
            raise InputError(
                f"{label}, row {rows[0] + 2}: {shown} {message} ({len(rows)} rows in all)",
                hint="give every row a key of its own",
            )
