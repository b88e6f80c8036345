"""Tests of the declared layers of settlements: what a run writes is what is declared."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from geo_profiling.errors import UsageError
from geo_profiling.outputs.layers import LAYERS, conform
from geo_profiling.outputs.legend import RangeLabel

OURS = (
    *("settlements", "settlement_access", "street_blocks", "buildings", "new_paths", "profile_shares"),
    *("informality_cells", "informality_thresholds", "candidate_settlements", "candidate_agreement"),
    *("settlement_population_totals", "tenure_shares", "tenure_conflicts", "evictions"),
)


@pytest.mark.parametrize("name", OURS)
def test_layer_explains_itself(name: str) -> None:
    layer = LAYERS[name]
    assert layer.title
    assert layer.description.endswith(".")
    names = [field.name for field in layer.fields]
    assert len(names) == len(set(names))
    assert all(field.alias and field.description for field in layer.fields)
    assert set(layer.coloured_by) <= set(names)


@pytest.mark.parametrize("name", OURS)
def test_shares_lie_between_0_and_1(name: str) -> None:
    # Buildings can overlap: their cover of the ground may pass 1.
    shares = [field for field in LAYERS[name].fields if field.name.endswith("_share") and "coverage" not in field.name]
    for field in shares:
        assert (field.minimum, field.name) == (0, field.name)


def test_complexity_is_coloured_from_the_value_where_access_ends() -> None:
    (legend,) = [field.legend for field in LAYERS["street_blocks"].fields if field.name == "k"]
    ranges = [entry for entry in legend if isinstance(entry, RangeLabel)]
    assert [entry.upper for entry in ranges[:3]] == [1, 2, 3]
    assert all(low.upper == high.lower for low, high in pairwise(ranges))


def test_a_settlement_needs_no_more_than_id_name_and_area() -> None:
    frame = gpd.GeoDataFrame({"settlement_id": ["a"], "area_ha": [1.0]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:32638")
    required = {field.name for field in LAYERS["settlements"].fields if field.required}
    missing = required - set(frame)
    found = conform("settlements", frame.assign(**dict.fromkeys(missing)))
    assert len(found) == 1


def test_settlement_twice_is_refused() -> None:
    frame = gpd.GeoDataFrame(
        {"settlement_id": ["a", "a"], "area_ha": [1.0, 1.0], "name": [None, None]},
        geometry=[box(0, 0, 1, 1)] * 2,
        crs="EPSG:32638",
    )
    with pytest.raises(UsageError, match="there twice"):
        conform("settlements", frame)


def test_profile_shares_have_one_shape() -> None:
    fields = [field.name for field in LAYERS["profile_shares"].fields]
    row = dict.fromkeys(fields)
    row |= {"settlement_id": "all", "variable": "water", "word": "standpipe", "weighting": "settlements"}
    row |= {"share": 0.5, "n": 1.0, "n_known": 2.0, "n_total": 2.0, "coverage_share": 1.0, "is_suppressed": False}
    assert conform("profile_shares", pd.DataFrame([row])).shape == (1, len(fields))
