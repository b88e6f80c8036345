"""Walking times of cells along streets: the same shape as over a cost surface, other answers where streets bend."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from geo_profiling.access import grid_times
from geo_profiling.access.grid_times import street_times
from geo_profiling.access.network import street_network
from geo_profiling.errors import CRSError, GridError, UsageError
from geo_profiling.raster.grid import Grid

UTM = CRS("EPSG:32632")
#: Minutes to walk 100 m at 5 km/h.
STEP = 1.2


def grid_of_cells(shape, size: float = 100.0, left: float = 0.0, bottom: float = 0.0, crs=UTM) -> Grid:
    return Grid(crs, Affine(size, 0, left, 0, -size, bottom + size * shape[0]), shape)


def streets(*lines):
    return street_network(gpd.GeoDataFrame(geometry=[shapely.LineString(line) for line in lines], crs=UTM))


def centres(crs=UTM, **places) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(index=list(places), geometry=[shapely.Point(place) for place in places.values()], crs=crs)


def test_cells_go_to_the_nearest_centre_along_the_street_and_the_middle_to_the_smaller_id():
    network = streets([(0, 50), (900, 50)])
    for order in ("az", "za"):
        found = street_times(
            network, centres(z=(850, 50), a=(50, 50)).loc[list(order)], grid_of_cells((1, 9)), minutes=60
        )
        assert found.source.values.tolist() == [[1, 1, 1, 1, 1, 2, 2, 2, 2]]
        np.testing.assert_allclose(found.minutes.values[0], STEP * np.array([0, 1, 2, 3, 4, 3, 2, 1, 0]), atol=1e-9)


def test_the_way_around_a_block_is_longer_than_through_it():
    # Two rows of cells on parallel streets that join only in the west.
    network = streets([(0, 150), (900, 150)], [(0, 50), (900, 50)], [(0, 50), (0, 150)])
    found = street_times(network, centres(a=(850, 150)), grid_of_cells((2, 9)), minutes=999)
    assert found.minutes.values[0, 8] == 0
    assert found.minutes.values[1, 8] == pytest.approx((850 + 100 + 850) / 100 * STEP)


def test_reach_ends_with_the_minutes_the_snap_and_the_land():
    network = streets([(0, 50), (900, 50)])
    grid = grid_of_cells((3, 9))
    found = street_times(network, centres(a=(50, 50)), grid, minutes=2 * STEP, max_snap_m=100)
    assert found.source.values.tolist() == [[0] * 9, [1, 1] + [0] * 7, [1, 1, 1] + [0] * 6]
    assert np.isnan(found.minutes.values[found.source.values == 0]).all()
    land = np.ones(grid.shape, bool)
    land[2, 1] = False
    wet = street_times(network, centres(a=(50, 50)), grid, minutes=2 * STEP, passable=land)
    assert wet.source.values[2].tolist() == [1, 0, 1] + [0] * 6


def test_speed_scales_the_minutes():
    network = streets([(0, 50), (900, 50)])
    found = street_times(network, centres(a=(50, 50)), grid_of_cells((1, 9)), minutes=60, walking_kmh=4)
    assert found.minutes.values[0, 8] == pytest.approx(800 / 4000 * 60)


def test_a_grid_in_another_crs_meets_the_streets_and_strips_change_nothing(monkeypatch):
    network = streets([(500_000, 5_500_050), (500_900, 5_500_050)])
    places = centres(a=(500_050, 5_500_050)).to_crs("ESRI:54009")
    left, bottom, right, top = places.buffer(1000).total_bounds
    shape = (int((top - bottom) / 100), int((right - left) / 100))
    grid = grid_of_cells(shape, left=left, bottom=bottom, crs=CRS("ESRI:54009"))
    found = street_times(network, places, grid, minutes=10)
    assert (found.source.values == 1).sum() > 20
    monkeypatch.setattr(grid_times, "_STRIP_CELLS", 7)
    again = street_times(network, places, grid, minutes=10)
    np.testing.assert_array_equal(again.minutes.values, found.minutes.values)
    np.testing.assert_array_equal(again.source.values, found.source.values)


def test_no_centre_reaches_no_cell():
    found = street_times(streets([(0, 50), (900, 50)]), centres(), grid_of_cells((1, 9)), minutes=9)
    assert (found.source.values == 0).all()


def test_what_cannot_be_is_refused():
    network, grid = streets([(0, 50), (900, 50)]), grid_of_cells((1, 9))
    for options in ({"minutes": 0}, {"minutes": 5, "walking_kmh": 0}):
        with pytest.raises(UsageError, match="both are above 0"):
            street_times(network, centres(a=(0, 0)), grid, **options)
    with pytest.raises(GridError, match="passable"):
        street_times(network, centres(a=(0, 0)), grid, minutes=5, passable=np.ones((2, 2), bool))
    with pytest.raises(CRSError, match="local centres"):
        street_times(network, centres(None, a=(0, 0)), grid, minutes=5)
