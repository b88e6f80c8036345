"""Bands: names, limits that belong to the band above, units, nodata, tables that add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import UsageError, ValueRangeError
from geo_profiling.hazard.bands import Bands, BandTable, band_codes, depth_findings, require_plausible_depth


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("edges", [(0.15, 0.5, 1.5), (0.1, 0.7, 1.0, 3.3), (0.05,)])
def test_a_limit_belongs_to_the_band_above_it(dtype: type[np.floating], edges: tuple[float, ...]) -> None:
    at = np.array(edges, dtype=dtype)
    below = np.nextafter(at, dtype(0))
    assert band_codes(at, Bands(edges))[0].tolist() == list(range(1, len(edges) + 1))
    assert band_codes(below, Bands(edges))[0].tolist() == list(range(len(edges)))


def test_centimetres_are_compared_with_limits_in_centimetres() -> None:
    codes, greatest = band_codes(np.array([14.0, 15.0, 57.0, 150.0], np.float32), Bands((0.15, 0.57, 1.5)), unit="cm")
    assert codes.tolist() == [0, 1, 2, 3]
    assert greatest == 150.0


def test_nodata_is_unknown_unless_the_provider_says_dry() -> None:
    values = np.array([np.nan, 0.0, 9.0], np.float32)
    assert band_codes(values, Bands())[0].tolist() == [4, 0, 3]
    assert band_codes(values, Bands(), nodata_means="dry")[0].tolist() == [0, 0, 3]


@settings(max_examples=50)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.lists(st.floats(0.01, 5), min_size=1, unique=True))
def test_codes_are_what_a_binary_search_says(values: list[float], edges: list[float]) -> None:
    limits = tuple(sorted(edges))
    codes = band_codes(np.array(values), Bands(limits))[0]
    assert codes.tolist() == np.searchsorted(limits, values, side="right").tolist()


@pytest.mark.parametrize("edges", [(), (0.0, 1.0), (-1.0,), (0.5, 0.15), (0.5, 0.5), (float("nan"),)])
def test_limits_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="must rise"):
        Bands(edges)


def test_implausible_depths_are_refused_in_words() -> None:
    with pytest.raises(ValueRangeError, match=r"rp\.tif: a depth of 9999 m") as caught:
        require_plausible_depth(9999.0, unit="m", name="rp.tif")
    assert "--hazard-unit cm" in caught.value.hint
    with pytest.raises(ValueRangeError, match="9999 cm"):
        require_plausible_depth(9999.0, unit="cm", name="rp.tif")
    require_plausible_depth(350.0, unit="cm", name="rp.tif")
    assert "--hazard-unit cm" in depth_findings(50.0, unit="m", name="rp.tif")[0].remedy


def _table() -> BandTable:
    values = np.array([[[5.0, 1.0, 2.0, 0.0], [3.0, 2.0, 3.0, 0.0]], [[0.0, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 4.0]]])
    return BandTable(pd.Index(["a", "b"]), (10.0, 100.0), Bands((0.5, 1.0)), values, values.sum(axis=2)[:, 0])


def test_what_exceeds_a_limit_is_the_sum_of_the_bands_above_it() -> None:
    exceeding = _table().exceeding
    assert exceeding[0].tolist() == [[3.0, 5.0], [2.0, 3.0]]
    assert np.isnan(exceeding[1]).all()


def test_unknown_everywhere_is_null_and_not_none() -> None:
    annual = _table().long_annual(suffix="_lines")
    assert annual["measure"].unique().tolist() == ["eae_lines", "eae_lower_lines", "eae_upper_lines"]
    assert annual["band"].unique().tolist() == [">=0.5", ">=1"]
    assert annual.loc[annual["zone"] == "b", "value"].isna().all()
    assert annual.loc[annual["zone"] == "a", "value"].notna().all()
    assert annual["return_period"].isna().all()


def test_known_share_is_null_where_there_is_nothing() -> None:
    table = BandTable(pd.Index([1]), (10.0,), Bands((1.0,)), np.zeros((1, 1, 3)), np.zeros(1))
    assert np.isnan(table.known_share).all()
    assert table.exceeding.tolist() == [[[0.0]]]
