"""The long table of exposure: bands that add up, NULL where nothing is known, any order of return periods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import UsageError
from geo_profiling.hazard.bands import Bands
from geo_profiling.hazard.exposure import BandTotals
from geo_profiling.hazard.table import annual_of, annual_rows, band_rows, known_exceeding

BANDS = Bands((0.5, 1.0))
# dry, <0.5, 0.5-1, >=1, unknown, outside, permanent water
TEN = [5.0, 1.0, 2.0, 1.0, 0.5, 0.25, 0.0]
HUNDRED = [3.0, 1.0, 2.0, 3.0, 0.5, 0.25, 0.0]
NOTHING_KNOWN = [0.0, 0.0, 0.0, 0.0, 4.0, 5.0, 0.0]


def _totals(*zones: list[list[float]], index: list[str] | None = None) -> BandTotals:
    return BandTotals(np.array(zones), BANDS, pd.Index(index or list("abcdefgh")[: len(zones)]))


def test_rows_name_every_band_and_rise_with_the_return_period() -> None:
    rows = band_rows(_totals([HUNDRED, TEN]), [100, 10], measure="population")
    assert rows["return_period"].tolist() == [10.0] * 4 + [100.0] * 4
    assert rows["band"].tolist() == ["<0.5", "0.5-1", ">=1", "unknown"] * 2
    assert rows["value"].tolist() == [6.0, 2.0, 1.0, 0.75, 4.0, 2.0, 3.0, 0.75]


def test_permanent_water_has_rows_only_where_there_is_some() -> None:
    wet = [*TEN[:-1], 7.0]
    rows = band_rows(_totals([wet]), [10], measure="population")
    assert rows["band"].tolist()[-1] == "permanent_water"
    assert rows["value"].sum() == sum(wet)


def test_where_nothing_is_known_annual_exposure_is_null_and_where_nothing_is_it_is_none() -> None:
    totals = _totals([TEN, HUNDRED], [NOTHING_KNOWN, NOTHING_KNOWN], [[0.0] * 7] * 2, [TEN, NOTHING_KNOWN])
    annual = annual_of(totals, [10, 100]).expected
    assert annual[0].tolist() == pytest.approx([(3 + 5) / 2 * 0.09 + 5 * 0.01, (1 + 3) / 2 * 0.09 + 3 * 0.01])
    assert np.isnan(annual).all(axis=1).tolist() == [False, True, False, True]
    assert annual[2].tolist() == [0.0, 0.0]
    assert known_exceeding(totals)[0].tolist() == [[3.0, 1.0], [5.0, 3.0]]


def test_annual_rows_have_no_return_period() -> None:
    rows = annual_rows(_totals([TEN, HUNDRED]), [10, 100], suffix="_buildings")
    assert rows["measure"].unique().tolist() == ["eae_buildings", "eae_lower_buildings", "eae_upper_buildings"]
    assert rows["return_period"].isna().all()
    assert rows["band"].tolist() == [">=0.5", ">=1"] * 3


@settings(max_examples=40)
@given(st.lists(st.lists(st.floats(0, 1e6), min_size=7, max_size=7), min_size=2, max_size=5), st.randoms())
def test_rows_add_up_and_do_not_depend_on_the_order_of_return_periods(values: list[list[float]], random) -> None:
    years = list(range(10, 10 + len(values)))
    order = list(range(len(values)))
    random.shuffle(order)
    rows = band_rows(_totals(values), years, measure="m")
    sums = rows.groupby("return_period")["value"].sum()
    assert sums.tolist() == pytest.approx([sum(line) for line in values], rel=1e-12)
    again = band_rows(_totals([values[at] for at in order]), [years[at] for at in order], measure="m")
    pd.testing.assert_frame_equal(rows, again, check_exact=True)


def test_one_raster_for_each_return_period() -> None:
    with pytest.raises(UsageError, match="1 return periods for 2"):
        band_rows(_totals([TEN, HUNDRED]), [10], measure="m")
    with pytest.raises(UsageError, match="twice"):
        annual_rows(_totals([TEN, HUNDRED]), [10, 10])
