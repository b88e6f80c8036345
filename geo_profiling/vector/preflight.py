"""What a vector file is and whether it is whole, checked before GDAL opens it.

GDAL reads a shapefile cut in half as rows without geometry, a FlatGeobuf cut short as no rows at
all, and runs the SQL of a GeoPackage's views without an end. Each format is checked by its own
means here; only what passed is read.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import sqlite3
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowException

from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.paths import require_content, safe_path

#: Seconds the check of a GeoPackage's own tables may take: a hostile one never ends.
SQL_SECONDS = 4.0
#: Features one layer may have: memory for their geometries is needed at once.
MAX_FEATURES = 50_000_000
_DAMAGED = "the file is damaged or was cut short: copy or download it again and compare its size and checksum"
_FORMATS = "give a GeoPackage, GeoParquet, FlatGeobuf, GeoJSON or shapefile"


@dataclass(frozen=True)
class Checked:
    """A vector file that may be read.

    Parameters
    ----------
    path : Path
        Absolute.
    driver : str
        GDAL's name of the format by content ("Parquet" is read without GDAL).
    layer : str or None
        The layer to read; None where the format has one only.
    rows : int or None
        Features the file says it holds; None where it does not say.
    encoding : str or None
        To read text with; None leaves it to the format.
    layers : tuple of str
        All layers of the file.
    findings : tuple of Finding
        What was found on the way.
    """

    path: Path
    driver: str
    layer: str | None = None
    rows: int | None = None
    encoding: str | None = None
    layers: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())


def check_vector(
    path: str | os.PathLike[str],
    *,
    layer: str | None,
    roots: Sequence[Path] | None,
    name: str | None = None,
    any_layer: bool = False,
) -> Checked:
    """Find out what a vector file is and refuse it unless it is whole.

    Parameters
    ----------
    path : str or path-like
        As the user gave it.
    layer : str or None
        The layer wanted; needed when there are several.
    roots : sequence of Path or None
        See :func:`geo_profiling.paths.safe_path`.
    name : str, optional
        Named in messages; the file's name by default.
    any_layer : bool
        Take the first of several layers when none is named.

    Raises
    ------
    InputError
        If the path is refused, the content is none of the known formats, or the file is cut short,
        damaged, or would run SQL of its own.

    Examples
    --------
    >>> check_vector("sample_data/municipalities.gpkg", layer=None, roots=None).driver
    'GPKG'
    """
    real = safe_path(path, roots=roots)
    name = name or real.name
    if "!" in str(real) or real.suffix.lower() == ".zip":
        raise InputError(f"{name}: its path would be taken for an archive", hint="rename it without '!' and '.zip'")
    content = require_content(real, ["SQLite", "FlatGeobuf", "Parquet", "Shapefile", "JSON"], name=name, hint=_FORMATS)
    if content == "SQLite":
        return _check_geopackage(real, layer, name, any_layer=any_layer)
    if content == "Shapefile":
        checked = _check_shapefile(real, roots, name)
    elif content == "FlatGeobuf":
        checked = _check_flatgeobuf(real, name)
    elif content == "Parquet":
        checked = _check_parquet(real, name)
    else:
        checked = _check_geojson(real, name)
    if layer is not None and layer not in (*checked.layers, real.stem):
        raise InputError(f"{name}: has no layer {layer!r}", hint=f"{checked.driver} files have one layer: leave it out")
    return checked


def _truncated(name: str, size: int, claimed: int) -> InputError:
    return InputError(f"{name}: truncated: has {size} bytes of {claimed}", hint=_DAMAGED)


# --- GeoPackage -------------------------------------------------------------------------------


@contextmanager
def _sqlite(path: Path, name: str) -> Iterator[sqlite3.Connection]:
    """Open read-only, without its journals and for a limited time."""
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    end = time.monotonic() + SQL_SECONDS
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.set_progress_handler(lambda: int(time.monotonic() > end), 10_000)
            connection.execute("PRAGMA trusted_schema=OFF")
            yield connection
    except sqlite3.Error as error:
        raise InputError(f"{name}: not a readable GeoPackage: {error}", hint=_DAMAGED) from error


def _check_geopackage(path: Path, layer: str | None, name: str, *, any_layer: bool) -> Checked:
    _require_whole_sqlite(path, name)
    for suffix in ("-wal", "-journal"):
        journal = path.with_name(path.name + suffix)
        if journal.exists() and journal.stat().st_size > 0:
            raise InputError(
                f"{name}: has unsaved changes beside it ({journal.name})",
                hint="close the program that edits it (QGIS) so that it is saved",
            )
    with _sqlite(path, name) as connection:
        kinds = _schema(connection, name)
        layers = [
            table
            for (table,) in connection.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")
        ]
        chosen = _choose_layer(layers[:1] if any_layer and layer is None else layers, layer, name)
        kind, sql = kinds.get(chosen.lower(), ("missing", ""))
        if kind != "table" or re.match(r"\s*CREATE\s+VIRTUAL", sql, re.IGNORECASE):
            raise InputError(
                f"{name}, layer {chosen}: is a {'virtual table' if kind == 'table' else kind}, not a stored table",
                hint="export the layer to a GeoPackage of its own (QGIS: Export, Save Features As)",
            )
        rows = _count_rows(connection, chosen, name)
    return Checked(path, "GPKG", layer=chosen, rows=rows, layers=tuple(layers))


def _require_whole_sqlite(path: Path, name: str) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100:
        raise _truncated(name, size, 100)
    page, changes, pages, valid_for = (
        struct.unpack(">H", head[16:18])[0],
        *struct.unpack(">II", head[24:32]),
        struct.unpack(">I", head[92:96])[0],
    )
    page = 65536 if page == 1 else page
    if changes == valid_for and size < page * pages:
        raise _truncated(name, size, page * pages)


def _schema(connection: sqlite3.Connection, name: str) -> dict[str, tuple[str, str]]:
    kinds = {
        table.lower(): (kind, sql or "")
        for kind, table, sql in connection.execute("SELECT type, name, sql FROM sqlite_master")
        if kind in ("table", "view")
    }
    if "gpkg_contents" not in kinds:
        raise InputError(f"{name}: an SQLite database, but no GeoPackage (no gpkg_contents)", hint=_FORMATS)
    for table, (kind, _) in kinds.items():
        # GDAL queries these on opening: as views they would run SQL of the file's own.
        if kind == "view" and table.startswith(("gpkg_", "layer_styles", "sqlite_")):
            raise InputError(f"{name}: its table {table} is a view", hint="write the GeoPackage again")
    return kinds


def _choose_layer(layers: Sequence[str], layer: str | None, name: str) -> str:
    if not layers:
        raise InputError(f"{name}: holds no layer of features", hint=_FORMATS)
    listed = ", ".join(map(repr, layers[:20]))
    if layer is None:
        if len(layers) > 1:
            raise InputError(f"{name}: has {len(layers)} layers: {listed}", hint="name the one to read")
        return layers[0]
    if layer not in layers:
        raise InputError(f"{name}: has no layer {layer!r}, only {listed}", hint="name one that exists")
    return layer


def _count_rows(connection: sqlite3.Connection, layer: str, name: str) -> int:
    quoted = layer.replace('"', '""')
    (rows,) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()
    try:
        said = connection.execute(
            "SELECT feature_count FROM gpkg_ogr_contents WHERE lower(table_name) = lower(?)", (layer,)
        ).fetchone()
    except sqlite3.OperationalError:  # the table is GDAL's own addition: other writers have none
        said = None
    if said is not None and said[0] is not None and said[0] != rows:
        raise InputError(
            f"{name}, layer {layer}: says it has {said[0]} features, holds {rows}", hint="write the GeoPackage again"
        )
    return int(rows)


# --- Shapefile --------------------------------------------------------------------------------


def _sibling(path: Path, suffix: str, roots: Sequence[Path] | None) -> Path | None:
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.exists():
            return safe_path(candidate, roots=roots)
    return None


def _check_shapefile(path: Path, roots: Sequence[Path] | None, name: str) -> Checked:
    if path.suffix.lower() != ".shp":
        raise InputError(f"{name}: part of a shapefile", hint="name its .shp file")
    parts = {suffix: _sibling(path, suffix, roots) for suffix in (".shx", ".dbf", ".prj", ".cpg")}
    for suffix, role in ((".shx", "index"), (".dbf", "attributes")):
        if parts[suffix] is None:
            raise InputError(f"{name}: its {role} ({path.with_suffix(suffix).name}) are missing", hint=_DAMAGED)
    index, table = parts[".shx"], parts[".dbf"]
    assert index is not None
    assert table is not None
    for part in (path, index):
        with part.open("rb") as file:
            head = file.read(28)
        claimed = 2 * int(struct.unpack(">i", head[24:28])[0]) if len(head) == 28 else 100
        if part.stat().st_size < claimed or claimed < 100:
            raise _truncated(part.name if part != path else name, part.stat().st_size, max(claimed, 100))
    shapes = (index.stat().st_size - 100) // 8
    rows, text = _check_dbf(table)
    if shapes != rows:
        raise InputError(f"{name}: has {shapes} shapes and {rows} rows of attributes", hint=_DAMAGED)
    encoding, findings = _dbf_encoding(table, text, declared=parts[".cpg"] is not None, name=name)
    return Checked(path, "ESRI Shapefile", rows=None, encoding=encoding, layers=(path.stem,), findings=findings)


def _check_dbf(table: Path) -> tuple[int, bytes]:
    """Return the number of rows and the bytes of all records."""
    data = table.read_bytes()
    if len(data) < 32:
        raise _truncated(table.name, len(data), 32)
    rows, header, width = struct.unpack("<IHH", data[4:12])
    claimed = header + rows * width
    if len(data) < claimed:
        raise _truncated(table.name, len(data), claimed)
    return int(rows), data[header:claimed]


def _dbf_encoding(table: Path, text: bytes, *, declared: bool, name: str) -> tuple[str | None, tuple[Finding, ...]]:
    if declared or text.isascii():
        return None, ()
    with table.open("rb") as file:
        code_page = file.read(30)[29]
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        # 0x57 is what GDAL and ArcGIS write when they do not know either.
        if code_page in (0, 0x57):
            raise InputError(
                f"{name}: its attributes hold letters beyond ASCII and no encoding is declared",
                hint=f"put the encoding (for example ISO-8859-1) into {table.with_suffix('.cpg').name}",
            ) from None
        return None, ()
    message = "no encoding is declared; its attributes are read as UTF-8, which they are"
    remedy = f"put UTF-8 into {table.with_suffix('.cpg').name}"
    return "UTF-8", (Finding("note", name, "", message, remedy),)


# --- FlatGeobuf -------------------------------------------------------------------------------


def _check_flatgeobuf(path: Path, name: str) -> Checked:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(8)
        head = file.read(4)
        length = struct.unpack("<I", head)[0] if len(head) == 4 else 0
        if length < 8 or 12 + length > size:
            raise _truncated(name, size, 12 + max(length, 8))
        header = file.read(length)
    try:
        features, node_size = _flatgeobuf_counts(header)
    except (struct.error, IndexError) as error:
        raise InputError(f"{name}: its header is damaged", hint=_DAMAGED) from error
    start = 12 + length + _flatgeobuf_index_bytes(features, node_size)
    # Each feature takes its length (4 bytes) and a table of at least 8.
    if start + 12 * features > size:
        raise _truncated(name, size, start + 12 * features)
    _walk_flatgeobuf(path, start, size, features, name)
    return Checked(path, "FlatGeobuf", rows=features or None, layers=(path.stem,))


def _flatgeobuf_counts(header: bytes) -> tuple[int, int]:
    """Read features_count and index_node_size from the header's flatbuffer (fields 8 and 9)."""
    (root,) = struct.unpack_from("<I", header, 0)
    (back,) = struct.unpack_from("<i", header, root)
    table = root - back
    (table_bytes,) = struct.unpack_from("<H", header, table)

    def value(number: int, layout: str, default: int) -> int:
        at = 4 + 2 * number
        offset = struct.unpack_from("<H", header, table + at)[0] if at + 2 <= table_bytes else 0
        return int(struct.unpack_from(layout, header, root + offset)[0]) if offset else default

    return value(8, "<Q", 0), value(9, "<H", 16)


def _flatgeobuf_index_bytes(features: int, node_size: int) -> int:
    if node_size < 2 or features == 0:
        return 0
    level = nodes = features
    while level != 1:
        level = -(-level // node_size)
        nodes += level
    return nodes * 40


def _walk_flatgeobuf(path: Path, start: int, size: int, features: int, name: str) -> None:
    """Step from feature to feature; the last must end where the file does."""
    at, count = start, 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while at + 4 <= size and count <= (features or MAX_FEATURES):
            (length,) = struct.unpack_from("<I", data, at)
            if length < 8:
                break
            at, count = at + 4 + length, count + 1
    if at != size or (features and count != features):
        whole = f"{features} features" if features else "whole features"
        raise InputError(f"{name}: truncated: has {size} bytes, which do not hold {whole}", hint=_DAMAGED)


# --- GeoParquet and GeoJSON -------------------------------------------------------------------


def _check_parquet(path: Path, name: str) -> Checked:
    try:
        metadata = pq.read_metadata(path)
    except (ArrowException, OSError) as error:
        raise InputError(f"{name}: not a readable Parquet file: {error}", hint=_DAMAGED) from error
    keys: dict[bytes, bytes] = metadata.metadata or {}
    if b"geo" not in keys:
        raise InputError(f"{name}: Parquet without geometry (no 'geo' metadata)", hint="write it as GeoParquet")
    if metadata.num_rows > MAX_FEATURES:
        raise InputError(f"{name}: {metadata.num_rows} features, at most {MAX_FEATURES} are read", hint="split it")
    return Checked(path, "Parquet", rows=int(metadata.num_rows), layers=(path.stem,))


_CRS_MEMBER = re.compile(rb'"crs"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})')
_ASCII_ESCAPE = re.compile(rb"\\u00([2-7][0-9a-fA-F])")


def _check_geojson(path: Path, name: str) -> Checked:
    data = path.read_bytes()
    if b"\\u00" in data:
        data = _ASCII_ESCAPE.sub(lambda found: bytes([int(found.group(1), 16)]), data)
    for found in _CRS_MEMBER.finditer(data):
        member: Any = None
        try:
            member = json.loads(found.group(1))
        except ValueError:
            continue
        # GDAL would fetch these from the network.
        if isinstance(member, dict) and str(member.get("type", "")).lower() in ("link", "url"):
            raise InputError(f"{name}: its CRS is a link to elsewhere", hint="name the CRS by its code")
    return Checked(path, "GeoJSON", layers=(path.stem,))
