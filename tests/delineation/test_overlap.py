"""Common ground of two layers: nothing lost, nothing counted twice, mere touch is no overlap."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import GeometryCollection, Polygon, box, union_all

from geo_profiling.delineation.overlap import common_ground, main_area, people_in_pairs
from geo_profiling.errors import CRSError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.raster.zonal import zonal_statistics

NAMES = ("a", "b")


def layer(**geometries) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(index=list(geometries), geometry=list(geometries.values()), crs="ESRI:54009")


def grid_of_people(seed: int, shape=(6, 8)) -> ArraySource:
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, shape[0] * 1000), shape)
    values = np.random.default_rng(seed).gamma(0.5, 900, shape)
    values[0, 0] = np.nan
    return ArraySource(wrap(values, grid), "population")


def test_edges_and_corners_are_no_common_ground():
    first = layer(p=box(0, 0, 2, 2))
    second = layer(edge=box(2, 0, 4, 2), corner=box(2, 2, 3, 3), inside=box(1, 1, 5, 5))
    shared = common_ground(first, second, names=NAMES)
    assert shared[["a", "b"]].to_numpy().tolist() == [["p", "inside"]]
    assert shared.geom_type.tolist() == ["MultiPolygon"]


def test_a_pair_that_shares_ground_and_a_border_line_keeps_the_ground():
    # Their intersection is a collection of a polygon and a line.
    first = layer(p=Polygon([(0, 0), (4, 0), (4, 1), (3, 1), (3, 2), (4, 2), (4, 3), (0, 3)]))
    second = layer(q=Polygon([(3.5, 0), (5, 0), (5, 3), (4, 3), (4, 1), (3.5, 1)]))
    raw = first.geometry.iloc[0].intersection(second.geometry.iloc[0])
    assert isinstance(raw, GeometryCollection)
    shared = common_ground(first, second, names=NAMES)
    assert shared.area.tolist() == [0.5]


def test_other_coordinates_are_refused():
    other = layer(q=box(0, 0, 1, 1)).set_crs("EPSG:3035", allow_override=True)
    with pytest.raises(CRSError, match="a and b"):
        common_ground(layer(p=box(0, 0, 1, 1)), other, names=NAMES)


def test_layers_that_lie_apart_share_nothing():
    pairs = people_in_pairs(
        grid_of_people(1), layer(p=box(0, 0, 900, 900)), layer(q=box(3000, 3000, 4000, 4000)), names=NAMES
    )
    assert pairs.empty
    assert list(pairs) == ["a", "b", "population"]


@settings(max_examples=25)
@given(
    st.integers(0, 99),
    st.lists(st.floats(100, 7900), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(100, 5900), min_size=1, max_size=4, unique=True),
)
def test_people_of_pairs_and_of_what_is_left_add_up_to_each_area(seed, columns, rows):
    population = grid_of_people(seed)
    xs, ys = sorted([0, 8000, *columns]), sorted([0, 4000, *rows])
    first = layer(**{f"v{i}": box(xs[i], 0, xs[i + 1], 6000) for i in range(len(xs) - 1)})
    second = layer(**{f"h{i}": box(0, ys[i], 7500, ys[i + 1]) for i in range(len(ys) - 1) if ys[i + 1] > ys[i]})
    pairs = people_in_pairs(population, first, second, names=NAMES)
    rest = first.difference(union_all(second.geometry))
    remainder = pd.Series(0.0, index=first.index)
    kept = gpd.GeoDataFrame(geometry=rest[~rest.is_empty])
    remainder[kept.index] = zonal_statistics(population, kept, stats=["sum"])["sum"].fillna(0)
    whole = zonal_statistics(population, first, stats=["sum"])["sum"].fillna(0)
    together = pairs.groupby("a")["population"].sum().reindex(first.index, fill_value=0) + remainder
    np.testing.assert_allclose(together, whole, rtol=1e-9, atol=1e-9)


def test_main_area_of_equal_ones_is_the_smaller_id_and_nobody_is_no_overlap():
    pairs = pd.DataFrame(
        [("u", "z", 5.0), ("u", "y", 5.0), ("v", "y", 0.0), ("w", "z", 1.0), ("w", "y", 3.0)],
        columns=["a", "b", "population"],
    )
    assert main_area(pairs, names=NAMES)["b"].to_dict() == {"u": "y", "w": "y"}
