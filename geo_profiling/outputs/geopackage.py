"""The GeoPackage a planner opens: layers, words, colours, lineage and a ready map in one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError
from pyproj import CRS

from geo_profiling._env import GDAL_ENVIRONMENT
from geo_profiling.atomic import atomic_file, write_error
from geo_profiling.errors import OutputError, UsageError
from geo_profiling.outputs.layer_spec import FieldSpec, Legend
from geo_profiling.outputs.layers import LAYERS, conform, kind_of
from geo_profiling.outputs.legend import ClassLabel
from geo_profiling.outputs.project import ClassGrid, ProjectLayer, qgis_project
from geo_profiling.outputs.styles import layer_styles

#: The time that every table of the file carries: a real one would change the bytes of each run.
FIXED_TIME = GDAL_ENVIRONMENT["OGR_CURRENT_DATE"]

# GDAL makes the table of extensions with the first spatial index: a package of tables alone has none yet.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME);
CREATE TABLE qgis_projects (name TEXT PRIMARY KEY, metadata BLOB, content BLOB);
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
  constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
  max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
CREATE TABLE gpkg_metadata (
  id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset',
  md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '');
CREATE TABLE gpkg_metadata_reference (
  reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
  timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), md_file_id INTEGER NOT NULL,
  md_parent_id INTEGER, CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
  CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id));
"""
_EXTENSIONS = (
    ("gpkg_data_columns", "gpkg_schema", "http://www.geopackage.org/spec120/#extension_schema"),
    ("gpkg_data_column_constraints", "gpkg_schema", "http://www.geopackage.org/spec120/#extension_schema"),
    ("gpkg_metadata", "gpkg_metadata", "http://www.geopackage.org/spec120/#extension_metadata"),
    ("gpkg_metadata_reference", "gpkg_metadata", "http://www.geopackage.org/spec120/#extension_metadata"),
)

_GEOMETRY_TYPES = {"polygon": "MultiPolygon", "line": "MultiLineString", "point": "MultiPoint"}


def write_geopackage(
    path: Path,
    layers: Mapping[str, gpd.GeoDataFrame | pd.DataFrame],
    *,
    run_info: Mapping[str, str],
    title: str,
    class_grids: Sequence[ClassGrid] = (),
) -> None:
    """Write layers as one GeoPackage 1.2 that QGIS opens styled, with words for every field.

    Each layer gets its default QGIS style (classified layers several), aliases (in the style, which
    QGIS 3.22 reads, and in ``gpkg_data_columns``), a spatial index and a description; the file gets
    a table ``run_info``, Dublin Core metadata and a QGIS project of all layers. NULL is unknown.
    The same layers give the same bytes whenever they are written.

    Parameters
    ----------
    path : Path
        Of the GeoPackage; an existing file is replaced once the new one is complete.
    layers : mapping of str to GeoDataFrame or DataFrame
        Layers by name, as :mod:`geo_profiling.outputs.layers` declares them; rows keep their order.
    run_info : mapping of str to str
        Key and value of what was computed from what; no times, hosts or workers.
    title : str
        Of the region.
    class_grids : sequence of ClassGrid
        Grids beside the file that the embedded project shows below the layers.

    Raises
    ------
    UsageError
        If a layer is not as declared.
    OutputError
        If the file cannot be written or does not read back.

    References
    ----------
    OGC 12-128r15, GeoPackage Encoding Standard 1.2.1, extensions RTree, Schema and Metadata.
    """
    if "run_info" in layers:
        raise UsageError("layer run_info is made from the argument of that name")
    tables = {name: conform(name, frame) for name, frame in layers.items()}
    pairs = pd.DataFrame({"key": list(run_info), "value": list(run_info.values())}, dtype=object)
    tables["run_info"] = conform("run_info", pairs)
    tables = {name: tables[name] for name in LAYERS if name in tables}
    with atomic_file(path) as temporary:
        try:
            for name, table in tables.items():
                _write_layer(temporary, name, table)
            project = qgis_project(
                path.name, [_project_layer(*item) for item in tables.items()], title=title, class_grids=class_grids
            )
            _add_words(temporary, tables, title=title, project=project, run_info=run_info)
            _check(temporary, path, tables)
        except (DataSourceError, DataLayerError, FeatureError, sqlite3.Error) as error:
            raise write_error(path, error) from error


def _write_layer(path: Path, name: str, table: pd.DataFrame) -> None:
    layer = LAYERS[name]
    options = {"IDENTIFIER": layer.title, "DESCRIPTION": layer.description}
    kind = kind_of(name, table)
    if kind is not None:
        pyogrio.write_dataframe(
            table,
            path,
            layer=name,
            driver="GPKG",
            geometry_type=_GEOMETRY_TYPES[kind],
            promote_to_multi=True,
            dataset_options={"VERSION": "1.2"},
            layer_options=options | {"GEOMETRY_NAME": "geom", "SPATIAL_INDEX": "YES"},
        )
    else:
        pyogrio.write_dataframe(
            table, path, layer=name, driver="GPKG", dataset_options={"VERSION": "1.2"}, layer_options=options
        )


def _project_layer(name: str, table: pd.DataFrame) -> ProjectLayer:
    fields = tuple(field.name for field in LAYERS[name].fields if field.name in table.columns)
    if not isinstance(table, gpd.GeoDataFrame):
        return ProjectLayer(name, fields, None, None)
    left, bottom, right, top = (float(value) for value in table.total_bounds)
    bounds = (left, bottom, right, top) if len(table) else None
    return ProjectLayer(name, fields, CRS(table.crs), bounds, kind_of(name, table))


def _add_words(
    path: Path, tables: Mapping[str, pd.DataFrame], *, title: str, project: bytes, run_info: Mapping[str, str]
) -> None:
    with closing(sqlite3.connect(path)) as database:
        with database:
            database.executescript(_SCHEMA)
            database.executemany(
                "INSERT INTO gpkg_extensions VALUES (?, NULL, ?, ?, 'read-write')", sorted(_EXTENSIONS)
            )
            database.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
                "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Styles for QGIS', ?, 0)",
                (FIXED_TIME,),
            )
            _add_styles(database, tables)
            _add_field_words(database, tables)
            _add_metadata(database, tables, title, run_info)
            # QGIS keeps projects as the hexadecimal text of the zip file.
            database.execute(
                "INSERT INTO qgis_projects VALUES (?, ?, ?)",
                (title, '{"last_modified_time": "2000-01-01T00:00:00", "last_modified_user": ""}', project.hex()),
            )
        database.execute("VACUUM")


def _add_styles(database: sqlite3.Connection, tables: Mapping[str, pd.DataFrame]) -> None:
    for name, table in tables.items():
        geometry = "geom" if isinstance(table, gpd.GeoDataFrame) else ""
        for position, (style, qml) in enumerate(
            layer_styles(name, set(table.columns), kind=kind_of(name, table)).items()
        ):
            database.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, "
                "styleName, styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
                "VALUES ('', '', ?, ?, ?, ?, '', ?, ?, '', NULL, ?)",
                (name, geometry, style, qml, position == 0, LAYERS[name].description, FIXED_TIME),
            )


def _add_field_words(database: sqlite3.Connection, tables: Mapping[str, pd.DataFrame]) -> None:
    coded: dict[str, Legend] = {}
    for name, table in tables.items():
        for field in LAYERS[name].fields:
            if field.name in table.columns:
                constraint = _constraint(field)
                database.execute(
                    "INSERT INTO gpkg_data_columns VALUES (?, ?, ?, ?, ?, NULL, ?)",
                    (name, field.name, field.alias, field.alias, field.description, constraint),
                )
                coded |= {constraint: field.legend} if constraint else {}
    for constraint, legend in sorted(coded.items()):
        for entry in legend:
            assert isinstance(entry, ClassLabel)  # only their codes are told apart
            database.execute(
                "INSERT INTO gpkg_data_column_constraints VALUES (?, 'enum', ?, NULL, NULL, NULL, NULL, ?)",
                (constraint, str(entry.code), f"{entry.official}: {entry.meaning}"),
            )


def _constraint(field: FieldSpec) -> str | None:
    return f"{field.name}_codes" if field.legend and isinstance(field.legend[0], ClassLabel) else None


def _add_metadata(
    database: sqlite3.Connection, tables: Mapping[str, pd.DataFrame], title: str, run_info: Mapping[str, str]
) -> None:
    lineage = "\n".join(f"{key}: {value}" for key, value in run_info.items())
    records: list[tuple[str | None, str]] = [(None, _dublin_core(title, lineage))]
    records += [(name, _dublin_core(LAYERS[name].title, LAYERS[name].description)) for name in tables]
    for identifier, (table, record) in enumerate(records, start=1):
        scope = "geopackage" if table is None else "table"
        database.execute(
            "INSERT INTO gpkg_metadata VALUES (?, 'dataset', 'http://purl.org/dc/elements/1.1/', 'text/xml', ?)",
            (identifier, record),
        )
        database.execute(
            "INSERT INTO gpkg_metadata_reference VALUES (?, ?, NULL, NULL, ?, ?, ?)",
            (scope, table, FIXED_TIME, identifier, None if table is None else 1),
        )


def _dublin_core(title: str, description: str) -> str:
    root = ET.Element("metadata", {"xmlns:dc": "http://purl.org/dc/elements/1.1/"})
    for key, value in {"title": title, "description": description, "type": "Dataset"}.items():
        ET.SubElement(root, f"dc:{key}").text = value
    return ET.tostring(root, encoding="unicode")


def _check(temporary: Path, path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Read the finished file again: sound pages, and as many rows in each layer as were given."""
    with closing(sqlite3.connect(temporary)) as database:
        sound = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sound = sound and not database.execute("PRAGMA foreign_key_check").fetchall()
    for name, table in tables.items():
        info = pyogrio.read_info(temporary, layer=name, force_feature_count=True, force_total_bounds=False)
        sound = sound and info["features"] == len(table)
    if not sound:
        raise OutputError(f"{path}: what was written does not read back as written")
