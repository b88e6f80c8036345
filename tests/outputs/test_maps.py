"""Maps are the same bytes each time, show what they should and survive odd regions."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pytest
from affine import Affine
from matplotlib.image import imread
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from shapely import box

from geo_profiling.errors import UsageError
from geo_profiling.outputs.cartography import named, orientation, round_length_km, thin
from geo_profiling.outputs.legend import CELL_LEVEL2, UNIT_LEVEL1
from geo_profiling.outputs.maps import cell_words, classes_map, functional_map, level_of, units_map
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import wrap

WORDS: dict[str, Any] = {"title": "Province $x_1$", "source": "GHSL <2023>", "year": 2020}


def pixels(png: bytes) -> NDArray[Any]:
    return (imread(io.BytesIO(png), format="png")[:, :, :3] * 255).round().astype(int)


def share_of(image: NDArray[Any], colour: str) -> float:
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((image == rgb).all(axis=2).mean())


def test_every_class_that_is_there_is_painted_and_no_other(province: Any) -> None:
    image = pixels(classes_map(province.classes, province.centres, province.units, **WORDS))
    there = set(np.unique(province.classes.values))
    for entry in CELL_LEVEL2:
        painted = share_of(image, entry.colour) > 0
        assert painted == (entry.code in there), entry.label


def test_same_bytes_again_and_under_other_settings(province: Any) -> None:
    first = classes_map(province.classes, province.centres, province.units, **WORDS)
    with mpl.rc_context({"font.size": 30, "savefig.facecolor": "red"}):
        assert classes_map(province.classes, province.centres, province.units, **WORDS) == first
    assert b"Software" not in first


def test_units_are_painted_by_class_and_unknown_is_not_a_class(province: Any) -> None:
    image = pixels(units_map(province.units, province.centres, field="degurba_l1", **WORDS))
    city, town, rural = (share_of(image, entry.colour) for entry in UNIT_LEVEL1)
    assert city > 0.1
    assert town > 0.1
    assert rural == 0


def test_a_map_without_centres_and_units(province: Any) -> None:
    png = classes_map(province.classes, province.centres.iloc[:0], None, title="A", source="B", year=None)
    assert pixels(png).shape[0] > 300


@pytest.mark.parametrize("shape", [(3, 400), (400, 3), (1, 1)])
def test_narrow_regions(shape: tuple[int, int], province: Any) -> None:
    grid = Grid(CRS("EPSG:3035"), Affine(100, 0, 4e6, 0, -100, 3e6), shape)
    classes = wrap(np.full(shape, 12, np.int16), grid)
    image = pixels(classes_map(classes, province.centres.iloc[:0].to_crs(grid.crs), None, **WORDS))
    assert max(image.shape) < 3000
    assert share_of(image, "#a9cf6b") > 0


def test_large_grids_are_thinned() -> None:
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (100, 6000))
    values = np.full(grid.shape, 3, np.int16)
    empty = gpd.GeoDataFrame({"population": [], "name": []}, geometry=[], crs=grid.crs)
    assert pixels(classes_map(wrap(values, grid), empty, None, **WORDS)).shape[1] < 3000


def test_level_is_known_by_its_codes() -> None:
    assert level_of(np.array([3, 2, 1, 0, -32768])) == 1
    assert level_of(np.array([30, 10])) == 2
    with pytest.raises(UsageError, match="neither level"):
        level_of(np.array([30, 3]))


def test_scale_bar_and_north_follow_the_ground() -> None:
    crs, bounds = CRS("ESRI:54009"), (1.2e7, 5.0e6, 1.21e7, 5.1e6)
    here = orientation(crs, bounds)
    middle = np.array([1.205e7, 5.05e6])
    geod, to_degrees = Geod(ellps="WGS84"), Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*middle)
    further = to_degrees.transform(middle[0] + 10 * here.units_per_km, middle[1])
    assert geod.inv(lon, lat, *further)[2] == pytest.approx(10_000, rel=2e-3)
    northwards = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat + 0.01) - middle
    expected = np.degrees(np.arctan2(northwards[0], northwards[1]))
    # Mollweide leans far over here; shear makes the grid's north and the ground's differ.
    assert np.sign(here.north_deg) == np.sign(expected)
    upright = orientation(CRS("EPSG:32631"), (4.9e5, 5.5e6, 5.1e5, 5.6e6))
    assert upright.north_deg == pytest.approx(0, abs=0.01)


def test_small_tools() -> None:
    assert [round_length_km(value) for value in (1.0, 1.99, 4.9, 99.0, 0.05)] == [1.0, 1.0, 2.0, 50.0, 0.05]
    assert max(thin(np.zeros((5000, 10)), 1000).shape) <= 1000
    assert cell_words(Grid(CRS("ESRI:54009"), Affine(250, 0, 0, 0, -250, 0), (1, 1))) == "250 m"


def test_the_largest_centres_with_a_name_are_named(tmp_path: Path) -> None:
    centres = gpd.GeoDataFrame(
        {"name": ["b", None, "", "a", "c"], "population": [5.0, 9.0, 8.0, 5.0, 1.0]},
        geometry=[box(0, 0, 1, 1)] * 5,
        crs="EPSG:3035",
    )
    assert named(centres, 2)["name"].tolist() == ["a", "b"]


def test_a_map_of_modelled_areas_says_that_they_are_and_what_is_cut_or_unnamed(province: Any) -> None:
    areas = gpd.GeoDataFrame(
        {"name": ["Foo", None], "population": [9e5, 1e5], "method": "model", "touches_edge": False},
        geometry=province.units.geometry.iloc[:2].to_numpy(),
        crs=province.units.crs,
    )

    def drawn(frame: gpd.GeoDataFrame) -> bytes:
        told = {"title": "Region", "source": "Somebody", "year": 2020}
        return functional_map(frame, province.centres, province.units, **told)

    plain = drawn(areas)
    assert plain == drawn(areas)
    others = [
        drawn(areas.assign(touches_edge=[True, False])),
        drawn(areas.assign(touches_edge=True)),
        drawn(areas.assign(name=["Foo", "Bar"])),
        drawn(areas.assign(method="flows")),
    ]
    assert len({plain, *others}) == 5
