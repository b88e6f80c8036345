"""Two results compared: what appeared, vanished, merged, split or changed; and which indicators really moved."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from geo_profiling.errors import CRSError, InputError
from geo_profiling.outputs.comparison import compare_areas, compare_indicators


def areas(**squares: tuple[float, float, float, float, float]) -> gpd.GeoDataFrame:
    """Squares in km, and people."""
    geometry = [box(*(1000 * side for side in square[:4])) for square in squares.values()]
    people = [square[4] for square in squares.values()]
    columns = {"centre_id": list(squares), "name": [name.upper() for name in squares], "population": people}
    return gpd.GeoDataFrame(columns, geometry=geometry, crs="ESRI:54009")


def told(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> list[tuple[str, str, str, str]]:
    found = compare_areas(old, new, id_field="centre_id")
    return list(found[["what", "area_id", "before_ids", "after_ids"]].itertuples(index=False, name=None))


def test_what_is_as_it_was_is_not_told() -> None:
    layer = areas(a=(0, 0, 1, 1, 5.0))
    assert told(layer, layer) == []
    assert told(layer, layer.assign(population=5.0 * (1 + 1e-12))) == []
    # Ids of areas that stay may differ.
    assert told(layer, layer.assign(centre_id="z")) == []


def test_each_kind_of_change_is_told() -> None:
    old = areas(
        gone=(0, 0, 1, 1, 5.0), left=(10, 0, 11, 1, 6.0), right=(12, 0, 13, 1, 7.0),
        whole=(20, 0, 23, 1, 8.0), same=(30, 0, 31, 1, 9.0),
    )  # fmt: skip
    new = areas(
        born=(5, 5, 6, 6, 1.0), joined=(10, 0, 13, 1, 14.0), half=(20, 0, 21, 1, 3.0), rest=(22, 0, 23, 1, 4.0),
        more=(30, 0, 31, 1, 9.5),
    )  # fmt: skip
    assert told(old, new) == [
        ("appeared", "born", "", "born"),
        ("changed", "more", "same", "more"),
        ("merged", "joined", "left right", "joined"),
        ("split", "half", "whole", "half rest"),
        ("split", "rest", "whole", "half rest"),
        ("vanished", "gone", "gone", ""),
    ]
    table = compare_areas(old, new, id_field="centre_id").set_index("area_id")
    assert tuple(table.loc["joined", ["population_before", "population_after"]]) == (13.0, 14.0)
    assert table.loc["gone", "name"] == "GONE"
    assert pd.isna(table.loc["gone", "population_after"])


def test_neighbours_that_only_touch_are_not_linked() -> None:
    assert {row[0] for row in told(areas(a=(0, 0, 1, 1, 5.0)), areas(b=(1, 0, 2, 1, 5.0)))} == {"appeared", "vanished"}


def test_order_of_rows_does_not_matter() -> None:
    old = areas(a=(0, 0, 1, 1, 5.0), b=(2, 0, 3, 1, 5.0))
    new = areas(c=(0, 0, 3, 1, 11.0))
    assert told(old, new) == told(old.iloc[::-1], new)


def test_empty_layers() -> None:
    some, none = areas(a=(0, 0, 1, 1, 5.0)), areas(a=(0, 0, 1, 1, 5.0)).iloc[:0]
    assert [row[0] for row in told(none, some)] == ["appeared"]
    assert [row[0] for row in told(some, none)] == ["vanished"]
    assert told(none, none) == []


def test_other_crs_is_refused() -> None:
    layer = areas(a=(0, 0, 1, 1, 5.0))
    with pytest.raises(InputError, match="different coordinate reference systems"):
        compare_areas(layer, layer.to_crs("ESRI:54034"), id_field="centre_id")
    with pytest.raises(CRSError):
        compare_areas(layer.to_crs("EPSG:4326"), layer, id_field="centre_id")


def indicators(**values: tuple[float | None, float | None, float | None]) -> pd.DataFrame:
    rows = [
        {"area_type": "units", "area_id": name, "indicator": "11.1.1", "sex": None, "obs_value": value,
         "lower_bound": low, "upper_bound": high}
        for name, (value, low, high) in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_moves_within_the_intervals_are_none() -> None:
    old = indicators(
        a=(30.0, 28.0, 32.0), b=(30.0, 28.0, 32.0), c=(5.0, None, None), d=(5.0, None, None), e=(1.0, 0, 2)
    )
    new = indicators(
        a=(33.0, 31.0, 35.0), b=(40.0, 38.0, 42.0), c=(5.0, None, None), d=(6.0, None, None), f=(1.0, 0, 2)
    )
    found = compare_indicators(old, new)
    assert list(zip(found["area_id"], found["what"], strict=True)) == [
        ("b", "moved"), ("d", "moved"), ("e", "vanished"), ("f", "appeared"),
    ]  # fmt: skip


def test_value_that_becomes_unknown_is_told() -> None:
    found = compare_indicators(indicators(a=(30.0, 28.0, 32.0)), indicators(a=(None, None, None)))
    assert found["what"].tolist() == ["moved"]


def test_observation_that_stands_twice_is_refused() -> None:
    table = indicators(a=(30.0, 28.0, 32.0))
    with pytest.raises(
        InputError, match="the new table of indicators has an observation twice: area_type units, area_id a"
    ):
        compare_indicators(table, pd.concat([table, table]))
