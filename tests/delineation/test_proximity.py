"""Local centres and the ground within walking time: known answers, ties, water, services."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import CRS
from shapely import Point, box

from geo_profiling.compute import Compute
from geo_profiling.delineation.proximity import (
    WALKING_KMH,
    allocated_areas,
    fine_grid,
    local_centres,
    proximity_areas,
    walking_surface,
)
from geo_profiling.errors import CRSError, UsageError, ValueRangeError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

#: Minutes to walk 100 m.
STEP = 0.1 / WALKING_KMH * 60


def grid_of_cells(shape, size: float = 100.0) -> Grid:
    return Grid(CRS("ESRI:54009"), Affine(size, 0, 0, 0, -size, size * shape[0]), shape)


def people_on(grid: Grid, values) -> ArraySource:
    return ArraySource(wrap(np.broadcast_to(np.asarray(values, float), grid.shape).copy(), grid), "population")


def centres_at(crs="ESRI:54009", **points) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(index=list(points), geometry=[Point(xy) for xy in points.values()], crs=crs)


def test_ground_between_two_centres_goes_to_the_nearer_and_the_middle_to_the_smaller_id():
    grid = grid_of_cells((1, 9))
    centres = centres_at(zoo=(850, 50), bar=(50, 50))
    found = proximity_areas(people_on(grid, 10.0), walking_surface(grid), centres, minutes=60)
    assert found.areas["population"].to_dict() == {"bar": pytest.approx(50), "zoo": pytest.approx(40)}
    assert found.areas.loc["bar"].geometry.equals(box(0, 0, 500, 100))
    assert found.findings == []


def test_reach_ends_at_the_walking_time_which_is_included():
    grid = grid_of_cells((1, 9))
    areas = [
        proximity_areas(people_on(grid, 1.0), walking_surface(grid), centres_at(a=(50, 50)), minutes=minutes).areas.loc[
            "a", "area_km2"
        ]
        for minutes in (3 * STEP - 0.01, 3 * STEP + 1e-6)
    ]
    assert areas == pytest.approx([0.03, 0.04])


def test_water_bars_the_way_and_a_bridge_opens_it():
    grid = grid_of_cells((1, 5))
    land = np.array([[1.0, 1.0, 0.0, 1.0, 1.0]])
    road = gpd.GeoDataFrame({"road_class": ["primary"]}, geometry=[box(0, 50, 500, 50.001).boundary], crs="ESRI:54009")
    for roads, people in ((None, 2.0), (road, 5.0)):
        surface = walking_surface(grid, land_share=land, roads=roads)
        found = proximity_areas(people_on(grid, 1.0), surface, centres_at(a=(50, 50)), minutes=60)
        assert found.areas.loc["a", "population"] == pytest.approx(people)


def test_polygons_are_reached_at_their_edge_and_those_smaller_than_a_cell_too():
    grid = grid_of_cells((1, 9))
    centres = gpd.GeoDataFrame(
        index=["market", "stall"], geometry=[box(0, 0, 300, 100), box(810, 10, 820, 20)], crs="ESRI:54009"
    )
    found = proximity_areas(people_on(grid, 1.0), walking_surface(grid), centres, minutes=STEP + 1e-6)
    assert found.areas["population"].to_dict() == pytest.approx({"market": 4, "stall": 2})


def test_people_are_counted_by_the_part_of_larger_cells_that_is_reached():
    grid = grid_of_cells((2, 3), 1000.0)
    surface = walking_surface(grid, cell_size_m=100)
    assert surface.shape == (20, 30)
    found = proximity_areas(people_on(grid, 700.0), surface, centres_at(a=(1050, 1050)), minutes=2 * STEP + 1e-6)
    area = found.areas.loc["a"]
    assert area["population"] == pytest.approx(area["area_km2"] * 700.0)
    assert area["area_km2"] == pytest.approx(0.13)  # 5 x 5 cells but for corners and knight moves


def test_services_count_in_the_area_of_their_cell_and_none_is_zero():
    grid = grid_of_cells((1, 9))
    services = {
        "clinics": gpd.GeoDataFrame(
            geometry=[Point(10, 10), Point(120, 50), Point(850, 50), Point(-9, 0)], crs=grid.crs
        ),
        "schools": gpd.GeoDataFrame(geometry=[box(700, 0, 800, 90)], crs=grid.crs),
        "libraries": gpd.GeoDataFrame(geometry=[], crs=grid.crs),
    }
    centres = centres_at(a=(50, 50), b=(850, 50))
    found = proximity_areas(
        people_on(grid, 1.0), walking_surface(grid), centres, minutes=2 * STEP + 1e-6, services=services
    )
    table = found.services.pivot(index="area_id", columns="service", values="n_places")
    assert table.loc["a"].to_dict() == {"clinics": 2, "libraries": 0, "schools": 0}
    assert table.loc["b"].to_dict() == {"clinics": 1, "libraries": 0, "schools": 1}


def test_centres_off_the_grid_in_water_or_in_anothers_cell_are_named_in_a_warning():
    grid = grid_of_cells((1, 4))
    surface = walking_surface(grid, land_share=np.array([[1.0, 1.0, 1.0, 0.0]]))
    centres = centres_at(a=(50, 50), second=(60, 40), wet=(350, 50), away=(9999, 0))
    found = proximity_areas(people_on(grid, 1.0), surface, centres)
    assert found.areas.index.tolist() == ["a"]
    (finding,) = found.findings
    assert finding.severity == "warning"
    assert finding.message == "3 of 4 have no area: away, second, wet"


def test_cells_allocated_elsewhere_make_the_same_areas_as_the_surface():
    grid = grid_of_cells((1, 9))
    centres = centres_at(zoo=(850, 50), bar=(50, 50))
    services = {"clinics": gpd.GeoDataFrame(geometry=[Point(120, 50)], crs=grid.crs)}
    people = people_on(grid, 10.0)
    surface = proximity_areas(people, walking_surface(grid), centres, minutes=60, services=services)
    nearest = wrap(np.array([[1, 1, 1, 1, 1, 2, 2, 2, 2]], np.int32), grid, nodata=0)
    found = allocated_areas(people, nearest, centres, services=services)
    pd.testing.assert_frame_equal(found.areas, surface.areas)
    pd.testing.assert_frame_equal(found.services, surface.services)
    with pytest.raises(CRSError, match="nearest centres"):
        allocated_areas(people, wrap(nearest.values, Grid(CRS("EPSG:3035"), grid.transform, grid.shape)), centres)
    with pytest.raises(UsageError, match="'bar' stands twice"):
        allocated_areas(people, nearest, pd.concat([centres, centres.loc[["bar"]]]))


def test_cells_are_cut_into_whole_numbers_of_equal_ones():
    fine = fine_grid(grid_of_cells((2, 3), 1000.0), cell_size_m=300)
    assert fine.shape == (8, 12)
    assert fine.bounds == grid_of_cells((2, 3), 1000.0).bounds


def test_no_centre_at_all_leaves_an_empty_layer():
    grid = grid_of_cells((1, 4))
    found = proximity_areas(people_on(grid, 1.0), walking_surface(grid), centres_at(), services={"x": centres_at()})
    assert len(found.areas) == len(found.services) == 0
    assert list(found.areas) == ["population", "area_km2", "geometry"]


def test_what_cannot_be_is_refused():
    grid = grid_of_cells((1, 4))
    people, surface = people_on(grid, 1.0), walking_surface(grid)
    with pytest.raises(CRSError, match="local centres"):
        proximity_areas(people, surface, centres_at("EPSG:3035", a=(50, 50)))
    with pytest.raises(UsageError, match="'a' stands twice"):
        proximity_areas(people, surface, pd.concat([centres_at(a=(50, 50))] * 2))
    with pytest.raises(UsageError, match="max_minutes"):
        proximity_areas(people, surface, centres_at(a=(50, 50)), minutes=0)
    with pytest.raises(ValueRangeError, match="friction"):
        proximity_areas(people, surface * 0, centres_at(a=(50, 50)))
    with pytest.raises(UsageError, match="radius"):
        local_centres(people, radius_m=0)
    with pytest.raises(UsageError, match="cells of"):
        walking_surface(grid, cell_size_m=0)


def test_peak_of_people_around_is_a_centre_and_near_lower_ones_are_not():
    values = np.zeros((9, 9))
    values[2, 2], values[2, 3], values[7, 7], values[7, 5] = 4000, 3000, 5000, 4999
    found = local_centres(people_on(grid_of_cells((9, 9), 1000.0), values), radius_m=1000)
    assert found["population_around"].to_dict() == {"LC_E2500_N6500": 7000, "LC_E7500_N1500": 5000}
    assert [(point.x, point.y) for point in found.geometry] == [(2500, 6500), (7500, 1500)]


def test_even_ground_has_its_centre_in_the_northern_then_western_cell():
    found = local_centres(people_on(grid_of_cells((1, 2), 1000.0), 9000.0), radius_m=1000)
    assert found.index.tolist() == ["LC_E500_N500"]


PEOPLE = arrays(float, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.sampled_from([0, 1, 3, 9, 20]))


@settings(max_examples=40)
@given(PEOPLE, st.sampled_from([1, 3, 8]), st.sampled_from([100.0, 220.0, 300.0]))
def test_local_centres_are_apart_cover_every_dense_cell_and_ignore_tiles(values, tile_size, radius_m):
    population = people_on(grid_of_cells(values.shape), values)
    found = local_centres(population, radius_m=radius_m, min_population=20)
    tiled = local_centres(
        population, radius_m=radius_m, min_population=20, tile_size=tile_size, compute=Compute(threads=2)
    )
    pd.testing.assert_frame_equal(tiled, found)
    points = found.geometry.to_numpy()
    apart = [one.distance(other) for i, one in enumerate(points) for other in points[:i]]
    assert min(apart, default=np.inf) > radius_m
    assert (found["population_around"] >= 20).all()
    assert len(found) > 0 or values.sum() < 20 or _most_around(values, radius_m) < 20


def _most_around(values, radius_m: float) -> float:
    rows, cols = np.nonzero(values)
    distance = np.hypot(rows[:, None] - rows, cols[:, None] - cols) * 100.0
    around = (distance <= radius_m + 1e-6) @ values[rows, cols]
    return float(around.max(initial=0))


@settings(max_examples=20)
@given(
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=5), st.randoms(use_true_random=False)
)
def test_areas_lie_side_by_side_and_the_order_of_centres_decides_nothing(cells, random):
    grid = grid_of_cells((8, 8))
    points = {f"c{row}{col}": (col * 100 + 50, row * 100 + 50) for row, col in cells}
    values = np.random.default_rng(1).gamma(1, 50, grid.shape)
    found = proximity_areas(people_on(grid, values), walking_surface(grid), centres_at(**points), minutes=999)
    assert found.areas["area_km2"].sum() == pytest.approx(0.64)
    assert found.areas["population"].sum() == pytest.approx(values.sum(), rel=1e-9)
    shuffled = list(points)
    random.shuffle(shuffled)
    again = proximity_areas(
        people_on(grid, values),
        walking_surface(grid),
        centres_at(**{name: points[name] for name in shuffled}),
        minutes=999,
    )
    pd.testing.assert_frame_equal(again.areas, found.areas)
