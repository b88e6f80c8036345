"""Slope, the reach of the sea and percentiles of heat: planes and basins by hand, an independent search, odd input."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import CRSError, UsageError
from geo_profiling.hazard.terrain import city_percentiles, edge_sea, sea_reach, slope_degrees
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import wrap


def placed(values: np.ndarray, crs: str = "EPSG:32638", cell: float = 10.0) -> xr.DataArray:
    return wrap(values, Grid(CRS(crs), Affine(cell, 0, 0, 0, -cell, cell * values.shape[0]), values.shape))


@pytest.mark.parametrize(("east", "north"), [(1.0, 0.0), (0.0, -0.5), (0.3, 0.4), (0.0, 0.0)])
def test_a_plane_has_its_own_slope_everywhere(east: float, north: float) -> None:
    rows, cols = np.mgrid[0:6, 0:7]
    found = slope_degrees(placed(10.0 * (east * cols - north * rows))).values
    assert found[1:-1, 1:-1] == pytest.approx(np.degrees(np.arctan(np.hypot(east, north))))
    assert np.isnan(found[0]).all()
    assert np.isnan(found[:, -1]).all()


def test_an_unknown_height_makes_its_neighbours_unknown() -> None:
    heights = np.zeros((5, 5))
    heights[2, 2] = np.nan
    assert np.isnan(slope_degrees(placed(heights)).values).all()


def test_heights_in_degrees_have_no_slope() -> None:
    with pytest.raises(CRSError, match="not projected"):
        slope_degrees(placed(np.zeros((3, 3)), "EPSG:4326", 0.01))


def flooded(heights: np.ndarray, sea: np.ndarray) -> np.ndarray:
    """Least level by a search from the sea over the lowest ground first."""
    out = np.full(heights.shape, np.inf)
    queue = [(0.0, int(i), int(j)) for i, j in np.argwhere(sea)]
    for _, i, j in queue:
        out[i, j] = 0.0
    heapq.heapify(queue)
    while queue:
        level, i, j = heapq.heappop(queue)
        for k in range(max(i - 1, 0), min(i + 2, heights.shape[0])):
            for m in range(max(j - 1, 0), min(j + 2, heights.shape[1])):
                reached = max(level, heights[k, m])
                if reached < out[k, m]:
                    out[k, m] = reached
                    heapq.heappush(queue, (reached, k, m))
    return out


@settings(max_examples=25)
@given(seed=st.integers(0, 9999))
def test_the_reach_of_the_sea_equals_a_search_over_the_lowest_ground(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heights = rng.integers(0, 30, (8, 9)) / 10
    sea = np.zeros(heights.shape, bool)
    sea[:, 0] = True
    expected = flooded(np.where(sea, 0.0, heights), sea)
    found = sea_reach(placed(heights), sea, highest_m=2.0).values
    assert np.array_equal(np.isnan(found), expected > 2.0)
    reached = ~np.isnan(found)
    assert found[reached] == pytest.approx(expected[reached])


def test_low_ground_behind_a_dike_is_dry() -> None:
    heights = np.array([[0.0, 4.0, -1.0]])
    sea = np.array([[True, False, False]])
    assert np.isnan(sea_reach(placed(heights), sea, highest_m=2.0).values[0, 2])
    assert sea_reach(placed(heights), sea, highest_m=5.0).values[0, 2] == 4.0


def test_a_coast_without_sea_is_refused() -> None:
    with pytest.raises(UsageError, match="no cell is sea"):
        sea_reach(placed(np.zeros((2, 2))), np.zeros((2, 2), bool), highest_m=1.0)


def test_percentiles_are_of_the_city_alone() -> None:
    heat = np.array([[10.0, 20.0, 30.0, 99.0]])
    inside = np.array([[True, True, True, False]])
    assert city_percentiles(placed(heat), inside).values[0] == pytest.approx([100 / 6, 50.0, 500 / 6, 100.0])
    with pytest.raises(UsageError, match="no cell of the city"):
        city_percentiles(placed(heat), np.zeros((1, 4), bool))


def test_ground_that_the_sea_does_not_reach_is_known_and_heights_in_single_precision_are_what_they_say() -> None:
    heights = np.array([[np.nan, 0.3, 9.0, np.nan, 0.1]], dtype=np.float32)
    sea = edge_sea(placed(heights))
    assert sea.tolist() == [[True, False, False, True, False]]
    sea[0, 3] = False
    found = sea_reach(placed(heights), sea, highest_m=2.0, beyond_m=3.0).values[0]
    assert found == pytest.approx([0.0, 0.3, 3.0, np.nan, 3.0], nan_ok=True)


def test_a_lake_is_no_sea() -> None:
    heights = np.ones((5, 5))
    heights[2, 2] = np.nan
    assert not edge_sea(placed(heights)).any()
