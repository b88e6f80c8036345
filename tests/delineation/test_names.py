"""Areas of one name are told apart, whatever their order."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from geo_profiling.delineation.names import distinct_names


def around(places: dict[str, tuple[float, float]], crs: str | None = "EPSG:4326") -> gpd.GeoSeries:
    return gpd.GeoSeries({area: Point(place).buffer(0.001) for area, place in places.items()}, crs=None).set_crs(crs)


@pytest.mark.parametrize(
    ("east", "north", "words"),
    [(1, 0, "east"), (1, 1, "north-east"), (0, 1, "north"), (-1, 1, "north-west"), (-1, 0, "west"),
     (-1, -1, "south-west"), (0, -1, "south"), (1, -1, "south-east")],
)  # fmt: skip
def test_direction_is_true_on_a_world_grid_whose_north_is_askew(east, north, words):
    lon, lat = -150.0, 60.0
    places = around({"a": (lon, lat), "b": (lon + 2 * east * 0.2, lat + north * 0.2)}).to_crs("ESRI:54009")
    found = distinct_names(pd.Series({"a": "Foo", "b": "Foo"}), pd.Series({"a": 2.0, "b": 1.0}), places)
    assert found.to_dict() == {"a": "Foo", "b": f"Foo ({words})"}


def test_the_date_line_is_no_border():
    places = around({"a": (179.9, 0.0), "b": (-179.9, 0.0)})
    found = distinct_names(pd.Series({"a": "Foo", "b": "Foo"}), pd.Series({"a": 2.0, "b": 1.0}), places)
    assert found["b"] == "Foo (east)"


def test_the_largest_keeps_its_name_and_the_rest_of_a_direction_are_numbered():
    places = around({"a": (0, 0), "b": (0, -1), "c": (0, -2), "d": (0, 1), "e": (5, 5)}, crs=None)
    names = pd.Series({"a": "Foo", "b": "Foo", "c": "Foo", "d": None, "e": "Foo (south, 2)"})
    people = pd.Series({"a": 9.0, "b": 1.0, "c": 2.0, "d": 5.0, "e": 1.0})
    assert distinct_names(names, people, places).to_dict() == {
        "a": "Foo", "b": "Foo (south, 3)", "c": "Foo (south)", "d": None, "e": "Foo (south, 2)",
    }  # fmt: skip


def test_equal_and_unknown_people_fall_back_on_the_id():
    places = around({"b": (0, 0), "a": (0, 1)}, crs=None)
    names = pd.Series({"b": "Foo", "a": "Foo"})
    assert distinct_names(names, pd.Series({"a": 1.0, "b": 1.0}), places)["a"] == "Foo"
    assert distinct_names(names, pd.Series({"a": pd.NA, "b": 1.0}, dtype="Float64"), places)["b"] == "Foo"


def test_nothing_is_nothing():
    empty = gpd.GeoSeries([], crs="EPSG:3035")
    assert distinct_names(pd.Series(dtype=object), pd.Series(dtype=float), empty).empty


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Foo", "Bar", None]), st.integers(0, 3), st.integers(-3, 3), st.integers(-3, 3)),
        min_size=1, max_size=9,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_no_name_stands_twice_and_order_does_not_matter(rows, random):
    ids = [f"id{n}" for n in range(len(rows))]
    places = around({area: (row[2], row[3]) for area, row in zip(ids, rows, strict=True)}, crs=None)
    names = pd.Series([row[0] for row in rows], ids, dtype=object)
    people = pd.Series([float(row[1]) for row in rows], ids)
    found = distinct_names(names, people, places)
    assert found.dropna().is_unique
    assert (found.isna() == names.isna()).all()
    mixed = random.sample(ids, len(ids))
    assert distinct_names(names[mixed], people, places)[ids].equals(found)
