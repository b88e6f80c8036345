"""What a planner opens: the right rows, words, colours and project, the same bytes each time."""

from __future__ import annotations

import io
import sqlite3
import time
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from pyproj import CRS

from geo_profiling.errors import OutputError, UsageError
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.legend import UNIT_LEVEL2
from geo_profiling.outputs.project import ClassGrid

RUN_INFO = {"title": "Province", "population": "people.tif sha256 0123"}


@pytest.fixture
def written(province: Any, tmp_path: Path) -> Path:
    path = tmp_path / "province.gpkg"
    write(path, province)
    return path


def write(path: Path, province: Any) -> None:
    grid = ClassGrid("rasters/classes.tif", "Classes of cells", 2, CRS("ESRI:54009"), (0.0, 0.0, 1.0, 1.0))
    write_geopackage(
        path,
        {"units": province.units, "urban_centres": province.centres},
        run_info=RUN_INFO,
        title="Province d'Émile",
        class_grids=[grid],
    )


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def test_layers_read_back_as_given(written: Path, province: Any) -> None:
    assert sorted(name for name, _ in pyogrio.list_layers(written)) == [
        "layer_styles",
        "run_info",
        "units",
        "urban_centres",
    ]
    units = gpd.read_file(written, layer="units")
    assert CRS(units.crs) == CRS("ESRI:54009")
    assert units.unit_id.tolist() == ["01", "02", "03"]
    assert units.population.tolist() == province.units.population.tolist()
    assert units.geometry.geom_equals(province.units.geometry).all()
    assert set(units.geom_type) == {"MultiPolygon"}
    info = pyogrio.read_dataframe(written, layer="run_info")
    assert dict(zip(info.key, info.value, strict=True)) == RUN_INFO


def test_unknown_is_null_and_none_is_zero(written: Path) -> None:
    sql = "SELECT name, degurba_l1, degurba_l2, degurba_basis, share_urban_centre, population FROM units ORDER BY fid"
    assert query(written, sql)[2] == (None, None, None, None, None, 0.0)
    assert query(written, "SELECT touches_edge FROM urban_centres ORDER BY fid") == [(0,), (1,)]


def test_same_bytes_whenever_written(written: Path, province: Any, tmp_path: Path) -> None:
    first = written.read_bytes()
    time.sleep(1.1)  # SQLite and zip files carry seconds
    write(written, province)
    assert written.read_bytes() == first
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    write(elsewhere / "province.gpkg", province)
    assert (elsewhere / "province.gpkg").read_bytes() == first


def test_is_a_sound_geopackage_of_version_1_2(written: Path) -> None:
    assert query(written, "PRAGMA application_id") == [(0x47504B47,)]
    assert query(written, "PRAGMA user_version") == [(10200,)]
    assert query(written, "PRAGMA integrity_check") == [("ok",)]
    assert query(written, "PRAGMA foreign_key_check") == []
    assert {row[0] for row in query(written, "SELECT last_change FROM gpkg_contents")} == {"2000-01-01T00:00:00.000Z"}
    extensions = query(written, "SELECT table_name, extension_name FROM gpkg_extensions ORDER BY 1, 2")
    assert ("units", "gpkg_rtree_index") in extensions
    assert ("gpkg_data_columns", "gpkg_schema") in extensions
    assert query(written, "SELECT count(*) FROM rtree_units_geom") == [(3,)]


def test_every_layer_and_field_has_words(written: Path) -> None:
    contents = dict(query(written, "SELECT table_name, description FROM gpkg_contents"))
    assert contents["units"] == LAYERS["units"].description
    described = {tuple(row) for row in query(written, "SELECT table_name, column_name FROM gpkg_data_columns")}
    for layer in ("units", "urban_centres", "run_info"):
        columns = {row[1] for row in query(written, f"PRAGMA table_info({layer})")} - {"fid", "geom"}
        assert {column for table, column in described if table == layer} == columns
    codes = query(written, "SELECT value FROM gpkg_data_column_constraints WHERE constraint_name = 'degurba_l2_codes'")
    assert {int(value) for (value,) in codes} == {30, 23, 22, 21, 13, 12, 11}


def test_metadata_tells_the_lineage(written: Path) -> None:
    sql = "SELECT metadata FROM gpkg_metadata JOIN gpkg_metadata_reference ON id = md_file_id WHERE {}"
    ((record,),) = query(written, sql.format("reference_scope = 'geopackage'"))
    text = "".join(ET.fromstring(record).itertext())
    assert "Province d'Émile" in text
    assert "people.tif sha256 0123" in text
    tables = query(written, "SELECT table_name FROM gpkg_metadata_reference WHERE reference_scope = 'table'")
    assert sorted(tables) == [("run_info",), ("units",), ("urban_centres",)]


def test_default_styles_are_found_and_colour_every_class(written: Path) -> None:
    rows = query(written, "SELECT f_table_name, f_geometry_column, styleName, styleQML, useAsDefault FROM layer_styles")
    defaults = {table: (geometry, name) for table, geometry, name, _, default in rows if default}
    assert defaults["units"] == ("geom", "Degree of urbanisation, level 2")
    assert defaults["urban_centres"][0] == "geom"
    assert query(written, "SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'") == [("attributes",)]
    qml = next(qml for table, _, name, qml, _ in rows if table == "units" and name == defaults["units"][1])
    style = ET.fromstring(qml)
    categories = {category.get("value"): category.get("label") for category in style.iter("category")}
    assert categories == {str(entry.code): entry.label for entry in UNIT_LEVEL2} | {"": "Unknown"}
    aliases = {alias.get("field"): alias.get("name") for alias in style.iter("alias")}
    assert aliases["area_km2"] == "Area (km²)"
    assert style.find("renderer-v2").get("attr") == "degurba_l2"  # type: ignore[union-attr]


def test_centres_are_labelled_by_name(written: Path) -> None:
    ((qml,),) = query(written, "SELECT styleQML FROM layer_styles WHERE f_table_name = 'urban_centres'")
    style = ET.fromstring(qml)
    assert style.get("labelsEnabled") == "1"
    text = style.find("labeling/settings/text-style")
    assert text is not None
    assert '"name"' in (text.get("fieldName") or "")


def test_project_opens_by_name_and_finds_its_layers(written: Path) -> None:
    ((name, content),) = query(written, "SELECT name, content FROM qgis_projects")
    assert name == "Province d'Émile"
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        project = ET.fromstring(archive.read("project.qgs"))
    layers = {layer.findtext("id"): layer for layer in project.iter("maplayer")}
    tree = [node.get("id") for node in project.iter("layer-tree-layer")]
    assert list(layers) == tree
    assert [name.removeprefix("geo_profiling_") for name in tree if name][:4] == [
        "urban_centres",
        "units_degurba_l2",
        "units_degurba_l1",
        "run_info",
    ]
    assert all(len(name or "") > 10 for name in tree), "QGIS takes shorter identifiers for none"
    assert project.findtext("properties/SpatialRefSys/ProjectionsEnabled") == "1", "else the project has no CRS"
    assert project.findtext("projectCrs/spatialrefsys/authid") == "ESRI:54009"
    for layer in layers.values():
        source, _, sub = (layer.findtext("datasource") or "").partition("|layername=")
        if layer.get("type") == "vector":
            assert source == "./province.gpkg"
            assert sub in {"urban_centres", "units", "run_info"}
        else:
            assert source == "./rasters/classes.tif"
    assert project.findtext("properties/Paths/Absolute") == "false"
    extent = [float(project.findtext(f"mapcanvas/extent/{key}") or "nan") for key in ("xmin", "ymin", "xmax", "ymax")]
    assert extent[0] < 300_000 < 360_000 < extent[2]


def test_empty_layer_keeps_its_fields(province: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.gpkg"
    write_geopackage(path, {"urban_centres": province.centres.iloc[:0]}, run_info={}, title="Nowhere")
    back = gpd.read_file(path, layer="urban_centres")
    assert len(back) == 0
    assert list(back.columns) == ["centre_id", "name", "population", "area_km2", "touches_edge", "geometry"]
    assert pyogrio.read_info(path, layer="urban_centres")["geometry_type"] == "MultiPolygon"


def test_whole_numbers_stay_whole_as_identifiers(province: Any, tmp_path: Path) -> None:
    units = province.units.assign(unit_id=[11001, 11002, 11004])
    write_geopackage(tmp_path / "a.gpkg", {"units": units}, run_info={}, title="A")
    assert query(tmp_path / "a.gpkg", "SELECT unit_id FROM units ORDER BY fid") == [(11001,), (11002,), (11004,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"centre_id": ["a", "a"]}, "centre_id: row 1 is NULL or there twice"),
        ({"centre_id": ["a", None]}, "centre_id: row 1 is NULL"),
        ({"population": [5.0, -1.0]}, "population: row 1 is -1, outside 0"),
        ({"population": [float("inf"), 1.0]}, "population: row 0 is inf"),
        ({"touches_edge": [True, None]}, "touches_edge: row 1 is NULL"),
        ({"colour": ["red", "red"]}, "not declared"),
    ],
)
def test_what_is_not_as_declared_is_refused(
    province: Any, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match=message):
        write_geopackage(path, {"urban_centres": province.centres.assign(**change)}, run_info={}, title="A")
    assert path.read_bytes() == b"old"


def test_missing_fields_layers_and_geometry_are_refused(province: Any, tmp_path: Path) -> None:
    for layers, message in [
        ({"urban_centres": province.centres.drop(columns="population")}, "population"),
        ({"cities": province.centres}, "'cities' is not declared"),
        ({"urban_centres": pd.DataFrame(province.centres.drop(columns="geometry"))}, "geometry is missing"),
        ({"run_info": pd.DataFrame({"key": ["a"], "value": ["b"]})}, "made from the argument"),
    ]:
        with pytest.raises(UsageError, match=message):
            write_geopackage(tmp_path / "a.gpkg", layers, run_info={}, title="A")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_an_output_error(province: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise pyogrio.errors.DataSourceError("sqlite3_exec: database or disk is full")

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    with pytest.raises(OutputError, match=r"a\.gpkg: cannot be written: .*disk is full"):
        write_geopackage(tmp_path / "a.gpkg", {"urban_centres": province.centres}, run_info={}, title="A")
    assert list(tmp_path.iterdir()) == []
