"""People on a hazard grid in another CRS: against the polygons of all cells, where depths differ from cell to cell."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geo_profiling.compute import Compute
from geo_profiling.hazard.exposure import totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

UTM, DEGREES = CRS("EPSG:32638"), CRS("EPSG:4326")
SIDE, WEST, SOUTH = 60, 700_000.0, 1_100_000.0
DEPTHS = (0.0, 0.3, 2.0)
KIND = HazardKind("flood")


def _people() -> ArraySource:
    values = np.random.default_rng(0).gamma(1, 20, (SIDE, SIDE))
    return ArraySource(wrap(values, Grid(UTM, Affine(100, 0, WEST, 0, -100, SOUTH + 100 * SIDE), (SIDE, SIDE))), "pop")


def _hazard(seconds: float) -> ArraySource:
    """A depth drawn for every cell of so many arc seconds: the hardest map there is."""
    pitch = seconds / 3600
    ground = gpd.GeoSeries([shapely.box(WEST, SOUTH, WEST + 100 * SIDE, SOUTH + 100 * SIDE)], crs=UTM).to_crs(DEGREES)
    left, bottom, right, top = ground.total_bounds
    shape = (int((top - bottom) / pitch) + 3, int((right - left) / pitch) + 3)
    grid = Grid(DEGREES, Affine(pitch, 0, left - 1.3 * pitch, 0, -pitch, top + 1.3 * pitch), shape)
    return ArraySource(wrap(np.random.default_rng(1).choice(DEPTHS, shape), grid), "depth")


def _exact(people: ArraySource, hazard: ArraySource, zone: shapely.Polygon) -> NDArray[np.float64]:
    """People by depth, by intersecting polygons."""
    rows, cols = hazard.grid.shape
    lon, lat = np.meshgrid(
        hazard.grid.transform.c + np.arange(cols + 1) * hazard.grid.transform.a,
        hazard.grid.transform.f + np.arange(rows + 1) * hazard.grid.transform.e,
    )
    corners = np.stack(Transformer.from_crs(DEGREES, UTM, always_xy=True).transform(lon, lat), axis=-1)
    ring = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2)
    ground = shapely.polygons(ring.reshape(-1, 4, 2))
    row, col = np.divmod(np.arange(SIDE * SIDE), SIDE)
    left, top = WEST + 100 * col, SOUTH + 100 * (SIDE - row)
    parts = shapely.intersection(shapely.box(left, top - 100, left + 100, top), zone)
    used = np.flatnonzero(shapely.area(parts) > 0)
    part, cell = shapely.STRtree(ground).query(parts[used])
    area = shapely.area(shapely.intersection(parts[used][part], ground[cell]))
    count = people.data.to_numpy().ravel()[used][part] * area / 1e4
    depth = hazard.data.to_numpy().ravel()[cell]
    return np.array([count[depth == value].sum() for value in DEPTHS])


@pytest.mark.parametrize("seconds", [1, 3, 9, 30])
@pytest.mark.parametrize(
    "bounds", [(1030, 1020, 2330, 2220), (3010, 3020, 3330, 3400)], ids=["neighbourhood", "settlement"]
)
def test_nobody_is_lost_and_a_thousandth_at_most_is_in_another_band(
    seconds: float, bounds: tuple[float, float, float, float]
) -> None:
    people, hazard = _people(), _hazard(seconds)
    zone = shapely.affinity.translate(shapely.box(*bounds), WEST, SOUTH)
    found = totals_by_band(people, [hazard], gpd.GeoDataFrame(geometry=[zone], crs=UTM), kind=KIND)
    ours = np.array([found.of(name)[0, 0] for name in ("dry", "0.15-0.5", ">=1.5")])
    exact = _exact(people, hazard, zone)
    assert found.total[0, 0] == pytest.approx(exact.sum(), rel=1e-6)
    assert found.of("outside")[0, 0] == 0
    assert np.abs(ours - exact).max() < 1e-3 * exact.sum()


def test_the_points_do_not_depend_on_threads_or_windows() -> None:
    people, hazard = _people(), _hazard(9)
    zones = gpd.GeoDataFrame(
        geometry=[shapely.box(WEST + 130 * k, SOUTH + 90 * k, WEST + 130 * k + 900, SOUTH + 3000) for k in range(20)],
        crs=UTM,
    )
    one = totals_by_band(people, [hazard], zones, kind=KIND, compute=Compute(threads=1))
    other = totals_by_band(people, [hazard], zones[::-1], kind=KIND, compute=Compute(threads=2), memory_limit=10**9)
    assert np.array_equal(one.values, other.values[::-1])
