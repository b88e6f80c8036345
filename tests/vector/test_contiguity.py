"""Rook contiguity: shared edges by equal vertices, by borders that run together, never by corners."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geo_profiling.errors import CRSError
from geo_profiling.vector.contiguity import Contiguity, rook_contiguity
from geo_profiling.vector.coverage import coverage_findings


def squares(*corners: tuple[float, float], side: float = 1000.0, crs: str = "EPSG:3035") -> gpd.GeoSeries:
    return gpd.GeoSeries([box(x * side, y * side, (x + 1) * side, (y + 1) * side) for x, y in corners], crs=crs)


def pairs(found: Contiguity) -> list[tuple[int, int]]:
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def test_grid_of_squares_has_edges_and_no_corners() -> None:
    found = rook_contiguity(squares((0, 0), (1, 0), (0, 1), (1, 1)))
    assert pairs(found) == [(0, 1), (0, 2), (1, 3), (2, 3)]
    assert found.shared_length.tolist() == [1000.0] * 4
    assert found.free_length.tolist() == [2000.0] * 4
    assert found.is_free.all()


def test_vertices_that_one_side_lacks() -> None:
    large, small = box(0, 0, 2000, 2000), [box(2000, 0, 3000, 1000), box(2000, 1000, 3000, 2000)]
    found = rook_contiguity(gpd.GeoSeries([large, *small], crs="EPSG:3035"))
    assert pairs(found) == [(0, 1), (0, 2), (1, 2)]
    assert found.shared_length.tolist() == [1000.0, 1000.0, 1000.0]
    assert found.free_length.tolist() == [6000.0, 2000.0, 2000.0]


def test_slivers_up_to_the_tolerance_are_no_gap() -> None:
    near, far = box(1000.9, 0, 2000, 1000), box(1001.1, 0, 2000, 1000)
    assert pairs(rook_contiguity(gpd.GeoSeries([box(0, 0, 1000, 1000), near], crs="EPSG:3035"))) == [(0, 1)]
    assert pairs(rook_contiguity(gpd.GeoSeries([box(0, 0, 1000, 1000), far], crs="EPSG:3035"))) == []


def test_corner_within_the_tolerance_is_no_edge() -> None:
    corner = gpd.GeoSeries([box(0, 0, 1000, 1000), box(1000.5, 1000.5, 2000, 2000)], crs="EPSG:3035")
    assert pairs(rook_contiguity(corner)) == []


def test_tolerance_shrinks_with_the_polygons() -> None:
    found = rook_contiguity(squares((0, 0), (1, 0), (2.01, 0), side=1.0))
    assert pairs(found) == [(0, 1)]
    assert found.tolerance == pytest.approx(0.001)


def test_hole_and_its_filling_share_the_whole_border_of_the_filling() -> None:
    ring = shapely.Polygon(box(0, 0, 3000, 3000).exterior, [box(1000, 1000, 2000, 2000).exterior])
    found = rook_contiguity(gpd.GeoSeries([ring, box(1000, 1000, 2000, 2000)], crs="EPSG:3035"))
    assert pairs(found) == [(0, 1)]
    assert found.free_length.tolist() == [12000.0, 0.0]


def test_parts_of_one_polygon_are_one_and_not_its_own_neighbours() -> None:
    both = shapely.multipolygons([box(0, 0, 1000, 1000), box(2000, 0, 3000, 1000)])
    found = rook_contiguity(gpd.GeoSeries([both, box(1000, 0, 2000, 1000)], crs="EPSG:3035"))
    assert pairs(found) == [(0, 1)]
    assert found.shared_length.tolist() == [2000.0]


def test_degrees_are_measured_as_metres() -> None:
    found = rook_contiguity(squares((4, 50), (5, 50), side=1.0, crs="EPSG:4326"))
    assert pairs(found) == [(0, 1)]
    assert found.tolerance == pytest.approx(1 / 111_195, rel=1e-4)
    with pytest.raises(CRSError):
        rook_contiguity(squares((0, 0)).set_crs(None, allow_override=True))


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), degrees=st.floats(0, 90))
def test_random_partition_agrees_with_intersections(seed: int, degrees: float) -> None:
    rng = np.random.default_rng(seed)
    points = shapely.multipoints(rng.uniform(0, 50_000, (25, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points))
    series = gpd.GeoSeries(cells, crs="EPSG:3035").rotate(degrees, origin=(0, 0))
    found = rook_contiguity(series)
    one, other = series.sindex.query(series, predicate="intersects")
    one, other = one[one < other], other[one < other]
    moved = series.to_numpy()
    shared = shapely.length(shapely.intersection(moved[one], shapely.buffer(moved[other], 1e-3)))
    # The buffered neighbour holds a strip of the border, out and back.
    expected = {(a, b) for a, b, length in zip(one.tolist(), other.tolist(), shared, strict=True) if length / 2 > 12}
    listed = {pair for pair, length in zip(pairs(found), found.shared_length, strict=True) if length > 12}
    assert listed == expected
    order = rng.permutation(len(series))
    back = np.argsort(order)
    again = rook_contiguity(series.iloc[order].reset_index(drop=True))
    renamed = {tuple(sorted((int(order[a]), int(order[b])))) for a, b in pairs(again)}
    assert renamed == set(pairs(found))
    np.testing.assert_allclose(again.free_length[back], found.free_length, atol=1e-6)


def test_clean_units_give_no_finding_and_overlaps_and_holes_are_counted() -> None:
    clean = squares((0, 0), (1, 0), (0, 1), (1, 1))
    assert coverage_findings(clean, rook_contiguity(clean), name="units") == []
    ring = squares(*[(x, y) for x in range(3) for y in range(3) if (x, y) != (1, 1)])
    (hole,) = coverage_findings(ring, rook_contiguity(ring), name="units")
    assert hole.message == "1 holes lie between the units, the largest (100.00% of a typical unit) at (1500, 1500)"
    over = squares((0, 0), (0.5, 0), (5, 5), (5, 5))
    (overlap,) = coverage_findings(over, rook_contiguity(over), name="units")
    assert overlap.message == (
        "2 pairs of units overlap, the largest: 2 and 3 (100.0 % of the smaller), 0 and 1 (50.0 % of the smaller)"
    )


def test_polygon_inside_another_overlaps_it() -> None:
    inside = gpd.GeoSeries([box(0, 0, 9000, 9000), box(4000, 4000, 5000, 5000)], crs="EPSG:3035")
    (overlap,) = coverage_findings(inside, rook_contiguity(inside), name="units")
    assert "0 and 1 (100.0 % of the smaller)" in overlap.message
