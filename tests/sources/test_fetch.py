"""Official data for an outline, from a mirror on this machine that has the sources' own layout."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from typer.testing import CliRunner

from geo_profiling.cli.main import app
from geo_profiling.errors import InputError, OutputError, UsageError
from geo_profiling.raster.read import open_raster
from geo_profiling.sources.catalogue import SOURCES
from geo_profiling.sources.tiles import ghsl_tiles
from pipelines.fetch import fetch_command

#: A box over the corner of four tiles of the GHSL: x -41 km, y 0 in Mollweide.
CORNER = (-91_000.0, -60_000.0, 9_000.0, 40_000.0)


def tiff(values: np.ndarray, transform: Affine, *, crs: str, nodata: float | None) -> bytes:
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype, crs=crs,
            transform=transform, nodata=nodata,
        ) as file:  # fmt: skip
            file.write(values, 1)
        return bytes(memory.read())


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def outline(folder: Path, bounds: tuple[float, float, float, float], crs: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    gpd.GeoDataFrame(geometry=[shapely.box(*bounds)], crs=crs).to_file(folder / "outline.gpkg")
    return folder / "outline.gpkg"


def offer_ghsl(web, source: str, *, year: int | None, stem: str, folder: str) -> None:
    """Offer four tiles of 1 km whose cells hold their tile's row and column, and an offset within."""
    for row in (9, 10):
        for column in (18, 19):
            values = np.full((1000, 1000), row * 100 + column, np.float64)
            values[0, 0] = -200.0
            corner = Affine(1000, 0, -18_041_000 + (column - 1) * 1e6, 0, -1000, 9e6 - (row - 1) * 1e6)
            name = f"{stem}_R{row}_C{column}"
            content = zipped(
                **{f"{name}.tif": tiff(values, corner, crs="ESRI:54009", nodata=-200.0), "readme.pdf": b"x"}
            )
            web.files[f"/{source}/{folder}/{name}.zip"] = content


def test_tiles_over_a_corner_become_one_raster_with_its_origin(web, tmp_path: Path) -> None:
    stem = "GHS_POP_E2015_GLOBE_R2023A_54009_1000_V1_0"
    folder = "GHS_POP_GLOBE_R2023A/GHS_POP_E2015_GLOBE_R2023A_54009_1000/V1-0/tiles"
    offer_ghsl(web, "ghs-pop", year=2015, stem=stem, folder=folder)
    place = outline(tmp_path, CORNER, "ESRI:54009")
    (path,) = fetch_command("ghs-pop", place, tmp_path / "d", options={"year": 2015}, mirror=web.address)
    assert path == tmp_path / "d/ghs_pop_2015_1000.tif"
    raster = open_raster(path, quantity="count")
    # The box and a cell on each side.
    assert raster.grid.shape == (102, 102)
    assert raster.grid.bounds == (-92_000.0, -61_000.0, 10_000.0, 41_000.0)
    values = raster.read(raster.grid.window)
    assert set(np.unique(values[~np.isnan(values)])) == {918.0, 919.0, 1018.0, 1019.0}
    # Column 51 begins at -41 km, row 41 at 0: there the south-eastern tile's first cell is nodata.
    assert np.argwhere(np.isnan(values)).tolist() == [[41, 51]]
    told = json.loads((tmp_path / "d/ghs_pop_2015_1000.tif.source.json").read_text())
    assert told["licence"].startswith("CC BY 4.0")
    assert "GHS-POP R2023A" in told["citation"]
    assert told["address"].count(".zip") == 4
    asked = len(web.asked)
    fetch_command("ghs-pop", place, tmp_path / "d", options={"year": 2015}, mirror=web.address)
    assert len(web.asked) == asked


@pytest.mark.parametrize(
    ("bounds", "tiles"),
    [
        ((-16.8, 13.1, -13.8, 13.8), [(8, 17)]),  # the Gambia lies in R8_C17 of the GHSL's own map
        ((36.65, -1.45, 37.1, -1.16), [(10, 22)]),  # Nairobi
        ((-0.6, -0.6, 0.1, 0.4), [(9, 18), (9, 19), (10, 18), (10, 19)]),
    ],
)
def test_tiles_of_places(bounds: tuple[float, float, float, float], tiles: list[tuple[int, int]]) -> None:
    assert ghsl_tiles(gpd.GeoSeries([shapely.box(*bounds)], crs="EPSG:4326")) == tiles


def test_tiles_are_those_the_outline_meets_not_its_box() -> None:
    ends = [shapely.box(-50e3, 10e3, -45e3, 20e3), shapely.box(0, -20e3, 5e3, -10e3)]
    assert ghsl_tiles(gpd.GeoSeries([shapely.MultiPolygon(ends)], crs="ESRI:54009")) == [(9, 18), (10, 19)]


def offer_countries(web, tmp_path: Path) -> None:
    folder = tmp_path / "countries"
    folder.mkdir()
    boxes = [shapely.box(33, -5, 42, 5), shapely.box(42, -5, 50, 5)]
    countries = gpd.GeoDataFrame({"ISO_A3_EH": ["KEN", "UGA"]}, geometry=boxes, crs="EPSG:4326")
    countries.to_file(folder / "ne_50m_admin_0_countries.shp")
    parts = {path.name: path.read_bytes() for path in folder.iterdir()}
    web.files["/countries/50m/cultural/ne_50m_admin_0_countries.zip"] = zipped(**parts)


def test_country_files_by_the_country_of_the_outline(web, tmp_path: Path) -> None:
    offer_countries(web, tmp_path)
    web.files["/worldpop/GIS/Population/Global_2000_2020/2020/KEN/ken_ppp_2020.tif"] = b"II*\0people"
    web.files["/geoboundaries/UGA/ADM1/geoBoundaries-UGA-ADM1.geojson"] = b'{"type": "FeatureCollection"}'
    place = outline(tmp_path, (40.0, -1, 42.5, 1), "EPSG:4326")
    (path,) = fetch_command("worldpop", place, tmp_path / "d", mirror=web.address)
    assert (path.name, path.read_bytes()) == ("ken_ppp_2020.tif", b"II*\0people")
    (path,) = fetch_command(
        "geoboundaries", place, tmp_path / "d", options={"level": 1}, country="uga", mirror=web.address
    )
    assert path.name == "geoBoundaries-UGA-ADM1.geojson"
    assert (tmp_path / "d/geoBoundaries-UGA-ADM1.geojson.source.json").exists()


def test_outline_in_no_country_is_told(web, tmp_path: Path) -> None:
    offer_countries(web, tmp_path)
    place = outline(tmp_path, (-30.0, -1, -29, 1), "EPSG:4326")
    with pytest.raises(InputError, match="lies in no country"):
        fetch_command("worldpop", place, tmp_path / "d", mirror=web.address)


def test_smallest_extract_of_openstreetmap(web, tmp_path: Path) -> None:
    def feature(name: str, bounds: tuple[float, float, float, float]) -> dict[str, object]:
        urls = {"pbf": f"https://download.geofabrik.de/africa/{name}-latest.osm.pbf"}
        geometry = shapely.geometry.mapping(shapely.box(*bounds))
        return {"type": "Feature", "properties": {"id": name, "urls": urls}, "geometry": geometry}

    features = [
        feature("africa", (-20, -35, 55, 38)),
        feature("kenya", (33, -5, 42, 5)),
        feature("togo", (0, 5, 2, 11)),
    ]
    web.files["/osm/index-v1.json"] = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    web.files["/osm/africa/kenya-latest.osm.pbf"] = b"osm"
    place = outline(tmp_path, (36.0, -2, 37, -1), "EPSG:4326")
    (path,) = fetch_command("osm", place, tmp_path / "d", mirror=web.address)
    assert (path.name, path.read_bytes()) == ("kenya-latest.osm.pbf", b"osm")
    assert json.loads((tmp_path / "d/kenya-latest.osm.pbf.source.json").read_text())["licence"] == "ODbL 1.0"
    with pytest.raises(InputError, match="no extract covers the outline"):
        fetch_command("osm", outline(tmp_path, (80.0, 1, 81, 2), "EPSG:4326"), tmp_path / "d", mirror=web.address)


def test_world_raster_is_cut_to_the_outline(web, tmp_path: Path) -> None:
    depth = np.zeros((180, 360), np.float32)
    depth[90, 216] = 1.5
    name = "inunriver_historical_000000000WATCH_1980_rp00100.tif"
    content = tiff(depth, Affine(1, 0, -180, 0, -1, 90), crs="EPSG:4326", nodata=-9999.0)
    web.files[f"/aqueduct-floods/{name}"] = content
    place = outline(tmp_path, (36.2, -0.8, 36.8, -0.2), "EPSG:4326")
    options = {"return_period": 100}
    (path,) = fetch_command("aqueduct-floods", place, tmp_path / "d", options=options, mirror=web.address)
    raster = open_raster(path)
    assert raster.grid.bounds == (35.0, -2.0, 38.0, 1.0)
    assert raster.read(raster.grid.window).tolist() == [[0, 0, 0], [0, 1.5, 0], [0, 0, 0]]


def test_file_of_somebody_else_is_not_touched(web, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/ken_ppp_2020.tif").write_text("mine")
    place = outline(tmp_path, (36.0, -2, 37, -1), "EPSG:4326")
    with pytest.raises(OutputError, match="stands in the way, and was not fetched"):
        fetch_command("worldpop", place, tmp_path / "d", country="KEN", mirror=web.address)
    assert (tmp_path / "d/ken_ppp_2020.tif").read_text() == "mine"


def test_archive_that_reaches_out_of_its_folder_stays_in_it(web, tmp_path: Path) -> None:
    stem = "GHS_LAND_E2018_GLOBE_R2022A_54009_1000_V1_0_R10_C22"
    corner = Affine(1000, 0, -18_041_000 + 21e6, 0, -1000, 0)
    land = tiff(np.full((1000, 1000), 1e6, np.float64), corner, crs="ESRI:54009", nodata=None)
    folder = "GHS_LAND_GLOBE_R2022A/GHS_LAND_E2018_GLOBE_R2022A_54009_1000/V1-0/tiles"
    web.files[f"/ghs-land/{folder}/{stem}.zip"] = zipped(**{f"../../../{stem}.tif": land})
    place = outline(tmp_path / "x", (36.65, -1.45, 37.1, -1.16), "EPSG:4326")
    (path,) = fetch_command("ghs-land", place, tmp_path / "x/y/d", mirror=web.address)
    assert sorted(file.name for file in tmp_path.rglob("*.tif")) == [f"{stem}.tif", path.name]
    assert (tmp_path / f"x/y/d/.fetched/{stem}.tif").is_file()


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("ghs-people", {}, "there is no source 'ghs-people'"),
        ("ghs-pop", {"year": 2021}, "source ghs-pop: --year 2021: it has 1975"),
        ("worldpop", {"resolution": 100}, "--resolution 100: it has no such option"),
    ],
)
def test_unknown_sources_and_options(tmp_path: Path, source: str, options: dict[str, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fetch_command(source, tmp_path / "none.gpkg", tmp_path, options=options)


def test_level_0_is_an_option_like_any_other(web, tmp_path: Path) -> None:
    web.files["/geoboundaries/KEN/ADM0/geoBoundaries-KEN-ADM0.geojson"] = b"{}"
    place = outline(tmp_path, (36.0, -2, 37, -1), "EPSG:4326")
    (path,) = fetch_command(
        "geoboundaries", place, tmp_path / "d", options={"level": 0}, country="KEN", mirror=web.address
    )
    assert "ADM0" in path.name


def test_every_source_has_what_goes_beside_its_files() -> None:
    for source in SOURCES.values():
        assert source.base.startswith("https://")
        assert not source.base.endswith("/")
        assert source.licence
        assert source.citation


def test_command_takes_the_mirror_from_the_environment(web, tmp_path: Path) -> None:
    web.files["/worldpop/GIS/Population/Global_2000_2020/2010/KEN/ken_ppp_2010.tif"] = b"II*\0people"
    place = outline(tmp_path, (36.0, -2, 37, -1), "EPSG:4326")
    arguments = ["fetch", "worldpop", "--outline", str(place), "-o", str(tmp_path / "d"), "--country", "KEN"]
    environment = {"GEO_PROFILING_MIRROR": web.address}
    result = CliRunner().invoke(app, [*arguments, "--year", "2010"], env=environment)
    assert result.exit_code == 0, result.output
    assert "ken_ppp_2010.tif.source.json" in result.output
    refused = CliRunner().invoke(app, [*arguments, "--year", "2011"], env=environment)
    assert refused.exit_code == 4
    assert "the server answers 404" in refused.output
