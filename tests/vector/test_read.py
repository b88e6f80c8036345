"""Layers: every bad kind refused in one clear error, every awkward valid one read right."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely.geometry import Point, box

from geo_profiling.errors import CRSError, InputError
from geo_profiling.vector.read import layer_info, read_layer

REPOSITORY = Path(__file__).resolve().parents[2]
SUFFIXES = [".gpkg", ".fgb", ".geojson", ".shp", ".parquet"]
SQUARES = gpd.GeoDataFrame(
    {"code": [f"{n:03d}" for n in range(200)], "number": range(200), "name": [f"Unit {n}" for n in range(200)]},
    geometry=[box(30 + n / 100, -2, 30.01 + n / 100, -1.99) for n in range(200)],
    crs="EPSG:4326",
)
BOW_TIE = shapely.from_wkt("POLYGON ((30 -2, 31 -1, 31 -2, 30 -1, 30 -2))")


def save(path: Path, frame: gpd.GeoDataFrame = SQUARES, **options: Any) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
            pyogrio.write_dataframe(frame, path, **options)
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def with_geometry(index: int, geometry: Any) -> gpd.GeoDataFrame:
    frame = SQUARES.copy()
    frame.loc[index, "geometry"] = geometry
    return frame


def with_code(index: int, code: Any) -> gpd.GeoDataFrame:
    frame = SQUARES.copy()
    frame.loc[index, "code"] = code
    return frame


# --- awkward but valid ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_reads_the_same(tmp_path: Path, suffix: str) -> None:
    frame, findings = read_layer(save(tmp_path / f"units{suffix}"), id_field="code", kinds={"polygon"})
    assert findings == []
    assert frame.crs.equals(SQUARES.crs, ignore_axis_order=True)
    frame = frame.sort_values("code", ignore_index=True)  # FlatGeobuf stores in spatial order
    assert frame["code"].tolist() == SQUARES["code"].tolist()
    assert frame["number"].tolist() == SQUARES["number"].tolist()
    # GeoJSON is written with 7 decimals.
    assert np.allclose(frame.geometry.bounds, SQUARES.geometry.bounds, rtol=0, atol=1e-7)


# A shapefile is several files, found by their names.
@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".shp"])
def test_content_decides_not_the_name(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"units{suffix}").rename(tmp_path / "units.dat")
    assert len(read_layer(path)[0]) == 200


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ids_are_kept_as_they_came(tmp_path: Path, suffix: str) -> None:
    frame, _ = read_layer(save(tmp_path / f"units{suffix}"), id_field="code", columns=[])
    assert list(frame.columns) == ["code", "geometry"]
    assert sorted(frame["code"])[:2] == ["000", "001"]
    frame, _ = read_layer(tmp_path / f"units{suffix}", id_field="number", columns=["name"])
    assert pd.api.types.is_integer_dtype(frame["number"])
    assert set(frame.columns) == {"number", "name", "geometry"}


def test_one_of_several_layers(tmp_path: Path) -> None:
    path = save(tmp_path / "city.gpkg", layer="units")
    save(path, SQUARES.head(3), layer='odd "name"', append=True)
    with pytest.raises(InputError, match="has 2 layers: 'units', 'odd \"name\"'"):
        read_layer(path)
    with pytest.raises(InputError, match="has no layer 'roads', only 'units'"):
        read_layer(path, layer="roads")
    assert len(read_layer(path, layer='odd "name"')[0]) == 3


def test_encodings_of_shapefiles(tmp_path: Path) -> None:
    frame = SQUARES.head(3).assign(name=["São Paulo", "Córdoba", "Łódź"])
    declared = save(tmp_path / "declared.shp", frame, encoding="UTF-8")
    assert declared.with_suffix(".cpg").exists()
    assert read_layer(declared)[0]["name"].tolist() == frame["name"].tolist()
    declared.with_suffix(".cpg").unlink()
    undeclared, findings = read_layer(declared)
    assert undeclared["name"].tolist() == frame["name"].tolist()
    assert [finding.severity for finding in findings] == ["note"]
    latin = save(tmp_path / "latin.shp", frame.head(2), encoding="ISO-8859-1")
    assert read_layer(latin)[0]["name"].tolist() == ["São Paulo", "Córdoba"]
    latin.with_suffix(".cpg").unlink()
    with latin.with_suffix(".dbf").open("r+b") as table:
        table.seek(29)
        table.write(b"\x57")
    with pytest.raises(InputError, match=r"latin\.shp: .*no encoding is declared") as caught:
        read_layer(latin)
    assert "latin.cpg" in caught.value.hint


def test_curves_are_linearised(tmp_path: Path) -> None:
    path = save(tmp_path / "curve.gpkg", SQUARES.head(1), layer="units")
    ring = struct.pack("<BII", 1, 10, 1) + struct.pack("<BII", 1, 8, 5)
    ring += np.array([0, 0, 1, 1, 2, 0, 1, -1, 0, 0], "<f8").tobytes()
    with sqlite3.connect(path) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        (blob,) = connection.execute("SELECT geom FROM units").fetchone()
        connection.execute("UPDATE units SET geom = ?", (blob[:40] + ring,))
        connection.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'CURVEPOLYGON'")
    connection.close()
    frame, _ = read_layer(path, kinds={"polygon"})
    assert frame.geometry.iloc[0].area == pytest.approx(np.pi, rel=1e-3)


def test_heights_measures_and_mixed_parts(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"id": [1, 2]},
        geometry=shapely.from_wkt(
            ["POLYGON Z ((30 0 5, 31 0 5, 31 1 5, 30 0 5))", "MULTIPOLYGON Z (((32 0 5, 33 0 5, 33 1 5, 32 0 5)))"]
        ),
        crs="EPSG:4326",
    )
    read, findings = read_layer(save(tmp_path / "deep.gpkg", frame), id_field="id")
    assert not read.geometry.has_z.any()
    assert "2 features have Z or M coordinates; dropped" in [finding.message for finding in findings]


def test_null_geometry_can_be_left_out_by_name(tmp_path: Path) -> None:
    path = save(tmp_path / "stops.gpkg", with_geometry(7, None))
    frame, findings = read_layer(path, id_field="code", bad_geometry="skip")
    assert len(frame) == 199
    assert 7 not in frame.index
    assert [str(finding) for finding in findings] == ["stops.gpkg, code 007: has no geometry; left out"]


def test_small_faults_are_repaired_and_named(tmp_path: Path) -> None:
    spike = shapely.from_wkt("POLYGON ((30 0, 31 0, 31 1, 30.5 1, 30.5 1.5, 30.5 1, 30 1, 30 0))")
    frame, findings = read_layer(save(tmp_path / "units.gpkg", with_geometry(5, spike)), id_field="code")
    assert frame.geometry.is_valid.all()
    assert frame.geometry.iloc[5].area == pytest.approx(1)
    (finding,) = findings
    assert finding.place == "code 005"
    assert finding.message.startswith("Self-intersection")


def test_declared_crs_serves_a_layer_without_one(tmp_path: Path) -> None:
    path = save(tmp_path / "units.fgb", SQUARES.set_crs(None, allow_override=True))
    assert read_layer(path, crs="EPSG:4326")[0].crs == "EPSG:4326"


def test_info_lists_layers_and_fields(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        info = layer_info(save(tmp_path / f"units{suffix}"))
        (layer,) = info["layers"]
        assert layer["features"] == 200
        assert set(layer["fields"]) == {"code", "number", "name"}
        assert layer["bounds"] == pytest.approx([30, -2, 32, -1.99])
        assert "Polygon" in layer["geometry"]
    save(tmp_path / "units.gpkg", layer="more", append=True)
    assert [layer["layer"] for layer in layer_info(tmp_path / "units.gpkg")["layers"]] == ["units", "more"]


def test_real_layers_read(shared_data: Path) -> None:
    units, findings = read_layer(shared_data / "belgium/municipalities_581.gpkg", id_field="GID_4", kinds={"polygon"})
    assert len(units) == 581
    assert findings == []
    zones, findings = read_layer(shared_data / "saopaulo/zones.gpkg", id_field="code_zone", kinds={"polygon"})
    assert len(zones) == 517
    assert zones.geometry.is_valid.all()
    assert len(findings) == 7
    with pytest.raises(CRSError, match="no coordinate reference system"):
        read_layer(shared_data / "tenure_parcels/parcels.gpkg", layer="CapeTown1")


# --- refused ----------------------------------------------------------------------------------


def recursive_view(path: Path) -> Path:
    save(path, SQUARES.head(2), layer="units")
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE VIEW endless AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) "
            "SELECT i AS fid, (SELECT geom FROM units) AS geom FROM r"
        )
        connection.execute(
            "INSERT INTO gpkg_contents SELECT 'endless', 'features', 'endless', '', last_change, "
            "min_x, min_y, max_x, max_y, srs_id FROM gpkg_contents LIMIT 1"
        )
        connection.execute(
            "INSERT INTO gpkg_geometry_columns SELECT 'endless', column_name, geometry_type_name, srs_id, z, m "
            "FROM gpkg_geometry_columns LIMIT 1"
        )
    connection.close()
    return path


def contents_as_view(path: Path) -> Path:
    save(path, SQUARES.head(2), layer="units")
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE gpkg_contents RENAME TO kept")
        connection.execute("CREATE VIEW gpkg_contents AS SELECT * FROM kept")
    connection.close()
    return path


def lying_count(path: Path) -> Path:
    save(path, SQUARES.head(20), layer="units")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE gpkg_ogr_contents SET feature_count = 10000000000")
    connection.close()
    return path


def unsaved(path: Path) -> Path:
    save(path)
    path.with_name(f"{path.name}-wal").write_bytes(b"x" * 64)
    return path


def metres_in_geojson(path: Path) -> Path:
    frame = SQUARES.to_crs("EPSG:32735")
    features = json.loads(frame.to_json())
    features.pop("crs", None)
    path.write_text(json.dumps(features))
    return path


def linked_crs(path: Path) -> Path:
    features = json.loads(SQUARES.to_json())
    features["crs"] = {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs", "type": "proj4"}}
    path.write_text(json.dumps(features))
    return path


def without(path: Path, suffix: str) -> Path:
    save(path)
    path.with_suffix(suffix).unlink()
    return path


def fewer_rows(path: Path) -> Path:
    """Attributes of other features than the shapes."""
    save(path)
    other = save(path.with_name("other.shp"), SQUARES.head(150))
    shutil.copy(other.with_suffix(".dbf"), path.with_suffix(".dbf"))
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def endless_features(path: Path) -> Path:
    """A FlatGeobuf whose header says it holds 2**60 features."""
    save(path, SQUARES.head(40))
    data = path.read_bytes()
    at = data.index(struct.pack("<Q", 40))
    path.write_bytes(data[:at] + struct.pack("<Q", 2**60) + data[at + 8 :])
    return path


VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
FIJI = shapely.from_wkt("POLYGON ((-179.4 -17, 177.8 -17, 177.8 -18, -179.4 -18, -179.4 -17))")
Case = tuple[str, Callable[[Path], Path], dict[str, Any], str, str]

REFUSED: dict[str, Case] = {
    "a VRT in disguise": ("units.gpkg", lambda p: text(p, VRT), {}, "is XML by its content", "give a GeoPackage"),
    "a table as a layer": ("units.gpkg", lambda p: text(p, "id,x\n1,2\n"), {}, "is text by", "give a GeoPackage"),
    "an archive": ("units.zip", lambda p: save(p.with_suffix(".gpkg")).rename(p), {}, "an archive", "rename"),
    "an empty file": ("units.gpkg", lambda p: text(p, ""), {}, "the file is empty", "again"),
    "SQLite, no GeoPackage": (
        "units.gpkg",
        lambda p: sqlite3.connect(p).executescript("CREATE TABLE a (b); VACUUM;").close() or p,
        {},
        "no GeoPackage",
        "give a GeoPackage",
    ),
    "truncated GeoPackage": ("units.gpkg", lambda p: cut(save(p), 0.9), {}, "truncated: has", "again"),
    "truncated FlatGeobuf, 99 %": ("units.fgb", lambda p: cut(save(p), 0.99), {}, "truncated: has", "again"),
    "truncated FlatGeobuf, 2 %": ("units.fgb", lambda p: cut(save(p), 0.02), {}, "truncated: has", "again"),
    "truncated FlatGeobuf, no index": (
        "units.fgb",
        lambda p: cut(save(p, SPATIAL_INDEX="NO"), 0.7),
        {},
        "truncated: has",
        "again",
    ),
    "FlatGeobuf of 2**60 features": ("units.fgb", endless_features, {}, "truncated: has", "again"),
    "truncated GeoParquet": ("units.parquet", lambda p: cut(save(p), 0.9), {}, "not a readable Parquet", "again"),
    "Parquet without geometry": (
        "units.parquet",
        lambda p: SQUARES[["code"]].to_parquet(p) or p,
        {},
        "without geometry",
        "GeoParquet",
    ),
    "truncated GeoJSON": ("units.geojson", lambda p: cut(save(p), 0.9), {}, "cannot be read", "again"),
    "truncated shapes, 99.9 %": ("units.shp", lambda p: cut(save(p), 0.999), {}, "truncated: has", "again"),
    "truncated shapes, 2 %": ("units.shp", lambda p: cut(save(p), 0.02), {}, "truncated: has", "again"),
    "truncated attributes": (
        "units.shp",
        lambda p: (cut(save(p).with_suffix(".dbf"), 0.9), p)[1],
        {},
        "truncated: has",
        "again",
    ),
    "shapes without index": ("units.shp", lambda p: without(p, ".shx"), {}, "index .* missing", "again"),
    "shapes without attributes": ("units.shp", lambda p: without(p, ".dbf"), {}, "attributes .* missing", "again"),
    "shapes and rows differ": ("units.shp", fewer_rows, {}, "200 shapes and 150 rows", "again"),
    "part of a shapefile": ("units.shx", lambda p: save(p.with_suffix(".shp")) and p, {}, "part of", "its .shp"),
    "shapes without CRS": ("units.shp", lambda p: without(p, ".prj"), {}, "no coordinate reference", "declare"),
    "no CRS": (
        "units.gpkg",
        lambda p: save(p, SQUARES.set_crs(None, allow_override=True)),
        {},
        "no coordinate reference system",
        "declare the CRS",
    ),
    "CRS against the declared one": ("units.gpkg", save, {"crs": "EPSG:32735"}, "the layer says", "correct"),
    "metres in GeoJSON": ("units.geojson", metres_in_geojson, {}, "are not degrees", "assign the CRS"),
    "longitudes 0 to 360": (
        "units.gpkg",
        lambda p: save(p, SQUARES.set_geometry(SQUARES.translate(200))),
        {},
        "longitudes run to 232",
        "-180..180",
    ),
    "across the antimeridian": (
        "units.gpkg",
        lambda p: save(p, with_geometry(3, FIJI)),
        {"id_field": "code"},
        "code 003: is wider than 180 degrees",
        "split it",
    ),
    "a CRS behind a link": ("units.geojson", linked_crs, {}, "its CRS is a link", "by its code"),
    "a layer that is an endless view": (
        "units.gpkg",
        recursive_view,
        {"layer": "endless"},
        "layer endless: is a view",
        "export",
    ),
    "contents that are a view": ("units.gpkg", contents_as_view, {}, "gpkg_contents is a view", "write"),
    "a count that lies": ("units.gpkg", lying_count, {}, "says it has 10000000000 features, holds 20", "write"),
    "unsaved edits": ("units.gpkg", unsaved, {}, "unsaved changes beside it", "close the program"),
    "no features": ("units.gpkg", lambda p: save(p, SQUARES.head(0)), {}, "has no features", "check"),
    "no such field": ("units.gpkg", save, {"id_field": "cod"}, "has no field 'cod'", "did you mean 'code'"),
    "no such column": ("units.parquet", save, {"columns": ["naem"]}, "has no field 'naem'", "did you mean 'name'"),
    "repeated ids": (
        "units.gpkg",
        lambda p: save(p, with_code(9, "004")),
        {"id_field": "code"},
        r"code 004: stands in several features \(4, 9, from 0\)",
        "unique",
    ),
    "missing ids": (
        "units.gpkg",
        lambda p: save(p, with_code(9, None)),
        {"id_field": "code"},
        r"feature 9 \(from 0\): has no code",
        "give every feature an id",
    ),
    "blank ids": (
        "units.gpkg",
        lambda p: save(p, with_code(9, "  ")),
        {"id_field": "code"},
        r"feature 9 \(from 0\): has no code",
        "give every feature an id",
    ),
    "a null geometry": (
        "units.gpkg",
        lambda p: save(p, with_geometry(7, None)),
        {"id_field": "code"},
        "code 007: has no geometry",
        "draw it",
    ),
    "an empty geometry": (
        "units.parquet",
        lambda p: save(p, with_geometry(7, shapely.Polygon())),
        {},
        r"feature 7 \(from 0\): has an empty geometry",
        "draw it",
    ),
    "a bow-tie": (
        "units.gpkg",
        lambda p: save(p, with_geometry(7, BOW_TIE)),
        {"id_field": "code"},
        "code 007: Self-intersection.* no one right shape",
        "draw it again",
    ),
    "a point among polygons": (
        "units.gpkg",
        lambda p: save(p, with_geometry(7, Point(30, 1)), geometry_type="Unknown"),
        {"kinds": {"polygon"}},
        r"feature 7 \(from 0\): is a point, not a polygon",
        "give a layer of polygon",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_layer_is_refused(case: str, tmp_path: Path) -> None:
    name, build, keywords, message, hint = REFUSED[case]
    path = build(tmp_path / name)
    with pytest.raises(InputError, match=f"units.*{message}") as caught:
        read_layer(path, **keywords)
    assert "\n" not in str(caught.value)
    assert hint in caught.value.hint


def test_all_faults_of_a_layer_come_in_one_error(tmp_path: Path) -> None:
    frame = with_code(9, "004")
    frame.loc[7, "geometry"] = BOW_TIE
    frame.loc[8, "geometry"] = None
    with pytest.raises(InputError) as caught:
        read_layer(save(tmp_path / "units.gpkg", frame), id_field="code")
    assert len(str(caught.value).splitlines()) == 3


def test_a_real_table_beside_an_endless_view_is_read(tmp_path: Path) -> None:
    path = recursive_view(tmp_path / "units.gpkg")
    code = f"from geo_profiling.vector.read import *; print(len(read_layer({str(path)!r}, layer='units')[0]))"
    code += f"; print(layer_info({str(path)!r})['layers'][1]['refused'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["2", "units.gpkg, layer endless: is a view, not a stored table"]


def test_parts_of_a_shapefile_stay_inside_the_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    path = save(inside / "units.shp")
    secret = path.with_suffix(".dbf").rename(outside / "secret.dbf")
    path.with_suffix(".dbf").symlink_to(secret)
    with pytest.raises(InputError, match="outside the folders inputs may come from"):
        read_layer(path, roots=[inside])


def test_a_crs_link_asks_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        features = json.loads(SQUARES.head(2).to_json())
        href = f"http://127.0.0.1:{server.getsockname()[1]}/crs"
        # Written with an escape, which GDAL's parser reads as "crs".
        features["crs"] = {"type": "link", "properties": {"href": href, "type": "esriwkt"}}
        path = text(tmp_path / "units.geojson", json.dumps(features).replace('"crs"', '"\\u0063rs"'))
        with pytest.raises(InputError, match="its CRS is a link"):
            read_layer(path)
        with pytest.raises(TimeoutError):
            server.accept()
