"""Exact coverage against hand-made answers and against shapely's intersections."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.raster.coverage import coverage_fractions
from geo_profiling.raster.grid import Grid, Window

MOLLWEIDE = CRS("ESRI:54009")


def unit_grid(rows: int, cols: int) -> Grid:
    """Cells of 1 x 1, the lower left corner at (0, 0)."""
    return Grid(MOLLWEIDE, Affine(1, 0, 0, 0, -1, rows), (rows, cols))


def by_intersection(geometry: shapely.Geometry, grid: Grid) -> NDArray[np.float64]:
    rows, cols = np.indices(grid.shape)
    width, height = grid.cell_size
    left, top = grid.transform.c + cols * width, grid.transform.f - rows * height
    cells = shapely.box(left, top - height, left + width, top)
    return np.asarray(shapely.area(shapely.intersection(cells, geometry)) / (width * height))


@st.composite
def star_polygons(draw: st.DrawFn) -> shapely.Polygon:
    """Stars from far smaller than a cell to larger than the grid, some with a hole, anywhere around it."""
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    corners = draw(st.integers(3, 30))
    size = 10.0 ** draw(st.floats(-3, 1.5))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    centre = rng.uniform(-3, 15, 2)
    ring = centre + size * rng.uniform(0.5, 1.0, (corners, 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outer = shapely.Polygon(ring)
    # Corners on one side of the centre may give a ring that crosses itself.
    assume(outer.is_valid)
    if draw(st.booleans()):
        outer = shapely.difference(outer, shapely.affinity.scale(outer, 0.4, 0.4, origin=tuple(centre)))
    return shapely.make_valid(outer)


def test_box_across_cells() -> None:
    expected = [[0.25, 0.5, 0.25, 0.0], [0.25, 0.5, 0.25, 0.0]]
    assert coverage_fractions(shapely.box(0.5, 0.5, 2.5, 1.5), unit_grid(2, 4)).tolist() == expected


def test_triangle_halves_the_cells_on_its_diagonal() -> None:
    triangle = shapely.Polygon([(0, 0), (3, 0), (0, 3)])
    expected = [[0.5, 0, 0], [1, 0.5, 0], [1, 1, 0.5]]
    np.testing.assert_allclose(coverage_fractions(triangle, unit_grid(3, 3)), expected, atol=1e-15)


def test_hole_and_island_in_it() -> None:
    ring = shapely.box(0, 0, 5, 5).difference(shapely.box(1, 1, 4, 4))
    shape = shapely.union_all([ring, shapely.box(2, 2, 3, 3)])
    covered = coverage_fractions(shape, unit_grid(5, 5))
    assert covered.tolist() == by_intersection(shape, unit_grid(5, 5)).tolist()
    assert covered.sum() == 17.0


@pytest.mark.parametrize("reverse", [False, True])
def test_direction_of_rings_does_not_matter(reverse: bool) -> None:
    outer, hole = [(0, 0), (4, 0), (4, 4), (0, 4)], [(1, 1), (3, 1), (3, 3), (1, 3)]
    shape = shapely.Polygon(outer[::-1] if reverse else outer, [hole])
    assert coverage_fractions(shape, unit_grid(4, 4)).sum() == 12.0


def test_empty_parts_and_heights_make_no_difference() -> None:
    parts = shapely.from_wkt("MULTIPOLYGON (((0 0, 2 0, 2 1, 0 1, 0 0)), EMPTY, ((0 2, 1 2, 1 4, 0 4, 0 2)))")
    expected = [[1, 0], [1, 0], [0, 0], [1, 1]]
    assert coverage_fractions(parts, unit_grid(4, 2)).tolist() == expected
    assert coverage_fractions(shapely.force_3d(parts, 9.0), unit_grid(4, 2)).tolist() == expected


def test_what_lies_left_above_or_right_of_the_grid_leaves_no_trace() -> None:
    grid = unit_grid(4, 4)
    for outside in (
        shapely.box(-9, 1, -1, 3),
        shapely.box(5, 1, 9, 3),
        shapely.box(1, 5, 3, 9),
        shapely.box(1, -9, 3, -1),
    ):
        assert not coverage_fractions(outside, grid).any()
    assert not coverage_fractions(shapely.box(-3, 0, 0, 4), grid).any()
    assert coverage_fractions(shapely.box(-100, -100, 100, 100), grid).tolist() == np.ones((4, 4)).tolist()


def test_a_sliver_thinner_than_a_billionth_of_a_cell_covers_nothing() -> None:
    grid = unit_grid(4, 4)
    thin = coverage_fractions(shapely.box(0, 0, 2 + 4e-10, 4), grid)
    assert (thin[:, 2] == 0).all()
    assert (thin[:, :2] == 1).all()
    thick = coverage_fractions(shapely.box(0, 0, 2 + 1e-8, 4), grid)
    np.testing.assert_allclose(thick[:, 2], 1e-8, rtol=1e-6)


def test_a_polygon_far_smaller_than_the_sliver_area_still_counts() -> None:
    side = 1e-6
    covered = coverage_fractions(shapely.box(1.5, 1.5, 1.5 + side, 1.5 + side), unit_grid(4, 4))
    assert covered[2, 1] == pytest.approx(side**2, rel=1e-8)
    assert np.count_nonzero(covered) == 1


def test_grid_wider_than_a_tile_and_higher_than_a_band() -> None:
    grid = unit_grid(700, 9000)
    shape = shapely.Polygon([(-500, 350), (4500, 900), (9600, 20), (4097, -3.5)])
    covered = coverage_fractions(shape, grid)
    inside = shapely.intersection(shape, shapely.box(0, 0, 9000, 700))
    assert covered.sum() == pytest.approx(inside.area, rel=1e-13)
    assert covered.max() == 1.0
    part = (slice(200, 300), slice(4050, 4150))
    crop = grid.crop(Window(200, 4050, 100, 100))
    np.testing.assert_allclose(covered[part], coverage_fractions(shape, crop), atol=1e-12)


@settings(max_examples=80)
@given(star_polygons())
def test_equals_intersection(shape: shapely.Polygon) -> None:
    grid = unit_grid(12, 12)
    covered = coverage_fractions(shape, grid)
    np.testing.assert_allclose(covered, by_intersection(shape, grid), atol=2e-9)
    assert covered.min() >= 0.0
    assert covered.max() <= 1.0


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_a_partition_covers_every_cell_once(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-1, 9, (12, 2))
    parts = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points), extend_to=shapely.box(-2, -2, 10, 10))
    )
    total = sum(coverage_fractions(part, unit_grid(8, 8)) for part in parts)
    np.testing.assert_allclose(total, 1.0, atol=1e-8)
