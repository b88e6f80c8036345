"""People by band and zone: brute force with polygons, the traps of hazard grids, properties, odd input."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.compute import Compute
from geo_profiling.errors import InputError, ValueRangeError
from geo_profiling.hazard import exposure
from geo_profiling.hazard.bands import Bands
from geo_profiling.hazard.exposure import BandTotals, totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.raster.zonal import zonal_statistics

MOLLWEIDE = CRS("ESRI:54009")
FLOOD = HazardKind("flood")
DEPTHS = np.array([0.0, 0.05, 0.15, 0.3, 0.5, 1.0, 1.5, 4.0, np.nan])


def source(values: np.ndarray, left: float, top: float, cell: float, name: str, crs: CRS = MOLLWEIDE) -> ArraySource:
    grid = Grid(crs, Affine(cell, 0, left, 0, -cell, top), values.shape)
    return ArraySource(wrap(values, grid), name)


def zones_of(*geometries: shapely.Geometry, crs: CRS = MOLLWEIDE) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs)


def cells(one: ArraySource) -> list[tuple[shapely.Polygon, float]]:
    grid, values = one.grid, one.read(one.grid.window)
    (width, height), (left, top) = grid.cell_size, (grid.transform.c, grid.transform.f)
    return [
        (shapely.box(left + j * width, top - (i + 1) * height, left + (j + 1) * width, top - i * height), values[i, j])
        for i in range(grid.shape[0])
        for j in range(grid.shape[1])
    ]


def brute(people: ArraySource, flood: ArraySource, zones: gpd.GeoDataFrame, bands: Bands) -> np.ndarray:
    """Every zone cut with every cell of both grids."""
    out = np.zeros((len(zones), len(bands.classes)))
    for z, zone in enumerate(zones.geometry):
        for cell, count in cells(people):
            part = shapely.intersection(zone, cell)
            if part.is_empty or np.isnan(count):
                continue
            covered = 0.0
            for ground, depth in cells(flood):
                area = shapely.intersection(part, ground).area
                covered += area
                out[z, int(bands.codes_of(np.array([depth]))[0])] += count * area / cell.area
            out[z, bands.code("outside")] += count * (part.area - covered) / cell.area
    return out


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    cell=st.sampled_from([30.0, 50.0, 100.0, 130.0, 1000.0]),
    left=st.sampled_from([-250.0, 0.0, 17.0, 40.0]),
    top=st.sampled_from([400.0, 333.0, 350.0]),
)
def test_any_two_grids_equal_brute_force_with_polygons(seed: int, cell: float, left: float, top: float) -> None:
    rng = np.random.default_rng(seed)
    people = source(rng.choice([0.0, 3.0, 70.5, np.nan], (4, 4)), 0.0, 400.0, 100.0, "people")
    flood = source(rng.choice(DEPTHS, (5, 5)), left, top, cell, "flood")
    corners = rng.uniform(-60, 460, (2, 5, 2))
    zones = zones_of(*(shapely.MultiPoint(part).convex_hull for part in corners))
    expected = brute(people, flood, zones, FLOOD.bands)
    total = expected.sum()
    if total > 0 and expected[:, FLOOD.bands.code("outside")].sum() == total:
        return
    found = totals_by_band(people, [flood], zones, kind=FLOOD)
    assert np.abs(found.values[:, 0] - expected).max() <= 1e-9 * max(total, 1.0)


def test_the_bands_add_up_to_the_people_of_the_zone() -> None:
    rng = np.random.default_rng(1)
    people = source(rng.gamma(0.5, 20, (300, 500)), 0.0, 3000.0, 10.0, "people")
    floods = [source(rng.choice(DEPTHS, (37, 40)), x, 2900.0, 97.0, f"rp{x}") for x in (130.0, 151.0)]
    points = rng.uniform((0, 0), (5000, 3000), (60, 2))
    zones = zones_of(*(shapely.Point(p).buffer(r) for p, r in zip(points, rng.uniform(1, 400, 60), strict=True)))
    found = totals_by_band(people, floods, zones, kind=FLOOD)
    sums = zonal_statistics(people, zones, stats=["sum"])["sum"].fillna(0.0).to_numpy()
    assert found.total == pytest.approx(np.stack([sums, sums], axis=1), rel=1e-9, abs=1e-9)


def test_joint_overlay_is_not_a_product_of_shares() -> None:
    # The zone is the dry half of the one cell of people.
    people = source(np.array([[100.0]]), 0.0, 100.0, 100.0, "people")
    flood = source(np.array([[0.0, 2.0], [0.0, 2.0]]), 0.0, 100.0, 50.0, "flood")
    found = totals_by_band(people, [flood], zones_of(shapely.box(0, 0, 50, 100)), kind=FLOOD)
    assert found.of("dry")[0, 0] == pytest.approx(50.0)
    assert found.of(">=1.5")[0, 0] == 0.0


def test_order_of_zones_hazards_windows_and_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    people = source(rng.gamma(0.5, 20, (900, 1300)), 0.0, 9000.0, 10.0, "people")
    floods = [source(rng.choice(DEPTHS, (310, 430)), 3.0, 9007.0, 30.0, f"rp{k}") for k in range(3)]
    points = rng.uniform((0, 0), (13000, 9000), (40, 2))
    zones = zones_of(*(shapely.Point(p).buffer(700) for p in points))
    once = totals_by_band(people, floods, zones, kind=FLOOD, compute=Compute(threads=1))
    monkeypatch.setattr(exposure, "_TASK_CELLS", 1 << 20)
    order = rng.permutation(len(zones))
    again = totals_by_band(people, floods[::-1], zones.iloc[order], kind=FLOOD, compute=Compute(threads=3))
    assert (again.values[:, ::-1] == once.values[order]).all()
    assert again.index.tolist() == order.tolist()


def test_zones_smaller_than_a_cell_keep_their_people() -> None:
    people = source(np.array([[100.0, 100.0]]), 0.0, 1000.0, 1000.0, "people")
    flood = source(np.array([[0.7]]), 0.0, 1000.0, 2000.0, "flood")
    zones = zones_of(shapely.box(10, 10, 20, 20), shapely.box(990, 500, 1010, 510))
    found = totals_by_band(people, [flood], zones, kind=FLOOD)
    assert found.of("0.5-1.5")[:, 0] == pytest.approx([100 * 1e-4, 100 * 2e-4])


def test_a_trickle_is_in_the_lowest_band_not_exposed() -> None:
    people = source(np.array([[100.0]]), 0.0, 100.0, 100.0, "people")
    flood = source(np.array([[0.011]]), 0.0, 100.0, 100.0, "flood")
    found = totals_by_band(people, [flood], zones_of(shapely.box(0, 0, 100, 100)), kind=FLOOD)
    assert found.of("<0.15")[0, 0] == 100.0
    assert found.exceeding()[0, 0].tolist() == [0.0, 0.0, 0.0]


def test_dry_water_unknown_and_outside_are_four_things() -> None:
    people = source(np.full((1, 4), 10.0), 0.0, 100.0, 100.0, "people")
    flood = source(np.array([[0.0, np.nan, 3.0]]), 0.0, 100.0, 100.0, "flood")
    river = source(np.array([[0.0, 0.0, 1.0]]), 0.0, 100.0, 100.0, "river")
    zones = zones_of(shapely.box(0, 0, 400, 100))
    found = totals_by_band(people, [flood], zones, kind=FLOOD, water=river)
    classes = ("dry", "unknown", "permanent_water", "outside")
    assert [found.of(name)[0, 0] for name in classes] == [10.0, 10.0, 10.0, 10.0]
    assert found.coverage_share[0, 0] == pytest.approx(0.5)
    dry = totals_by_band(people, [flood], zones, kind=HazardKind("flood", nodata_means="dry"))
    assert (dry.of("dry")[0, 0], dry.of("unknown")[0, 0], dry.of("outside")[0, 0]) == (20.0, 0.0, 10.0)


def test_a_hazard_in_another_crs_is_met_by_cells_small_enough() -> None:
    rng = np.random.default_rng(3)
    people = source(rng.gamma(1.0, 20, (60, 60)), 700_000.0, 1_100_000.0 + 6000, 100.0, "people", CRS("EPSG:32638"))
    values = rng.choice([0.0, 0.3, 2.0], (40, 40))
    west, _, east, north = gpd.GeoSeries([shapely.box(*people.grid.bounds)], crs="EPSG:32638").to_crs(4326).total_bounds
    pitch = (east - west) / 30
    flood = source(values, west - 3 * pitch, north + 3 * pitch, pitch, "flood", CRS("EPSG:4326"))
    zone = zones_of(shapely.box(700_310, 1_100_330, 705_210, 1_105_270), crs=CRS("EPSG:32638"))
    found = totals_by_band(people, [flood], zone, kind=FLOOD)
    ground = gpd.GeoDataFrame(
        {"depth": [depth for _, depth in cells(flood)]}, geometry=[cell for cell, _ in cells(flood)], crs="EPSG:4326"
    ).to_crs(32638)
    grid = gpd.GeoDataFrame(
        {"people": [count for _, count in cells(people)]},
        geometry=[cell for cell, _ in cells(people)],
        crs="EPSG:32638",
    )
    joint = gpd.overlay(gpd.overlay(grid, ground), zone)
    joint["part"] = joint["people"] * joint.area / 1e4
    exact = joint.groupby("depth")["part"].sum()
    assert found.of(">=1.5")[0, 0] == pytest.approx(exact[2.0], rel=1e-3)
    assert found.of("0.15-0.5")[0, 0] == pytest.approx(exact[0.3], rel=1e-3)
    assert found.total[0, 0] == pytest.approx(exact.sum(), rel=1e-5)


def test_centimetres_read_as_metres_are_refused() -> None:
    people = source(np.full((1, 3), 10.0), 0.0, 100.0, 100.0, "people")
    flood = source(np.array([[40.0, 55.0, 0.0]]), 0.0, 100.0, 100.0, "jamaica.tif")
    zones = zones_of(shapely.box(0, 0, 300, 100))
    with pytest.raises(ValueRangeError, match="more than half of the wet cells are deeper than 10 m"):
        totals_by_band(people, [flood], zones, kind=FLOOD)
    found = totals_by_band(people, [flood], zones, kind=HazardKind("flood", "cm"))
    assert found.of("0.15-0.5", "0.5-1.5")[0, 0] == 20.0


@pytest.mark.parametrize("unit", ["m", "cm"])
def test_a_depth_of_9999_is_refused_by_place(unit: str) -> None:
    people = source(np.full((2, 2), 10.0), 0.0, 200.0, 100.0, "people")
    flood = source(np.array([[0.0, 0.2], [0.1, 9999.0]]), 0.0, 200.0, 100.0, "flood.tif")
    with pytest.raises(ValueRangeError, match=r"flood.tif: row 1, column 1 \(x 150, y 50\) is 9999"):
        totals_by_band(people, [flood], zones_of(shapely.box(0, 0, 200, 200)), kind=HazardKind("flood", unit))  # type: ignore[arg-type]


def test_a_sentinel_beside_the_declared_nodata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flood.tif"
    values = np.array([[-999900.0, 30.0], [-9999.0, 0.0]], np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=2, height=2, count=1, dtype="float32", nodata=-9999.0, crs="ESRI:54009",
        transform=Affine(100, 0, 0, 0, -100, 200),
    ) as target:  # fmt: skip
        target.write(values, 1)
    people = source(np.full((2, 2), 10.0), 0.0, 200.0, 100.0, "people")
    with pytest.raises(ValueRangeError, match="-999900"):
        totals_by_band(people, [open_raster(path, quantity="depth")], zones_of(shapely.box(0, 0, 200, 200)), kind=FLOOD)


def test_a_hazard_that_covers_nobody_is_refused() -> None:
    people = source(np.full((2, 2), 10.0), 0.0, 200.0, 100.0, "people")
    flood = source(np.zeros((2, 2)), 9000.0, 200.0, 100.0, "flood")
    with pytest.raises(InputError, match="does not cover any"):
        totals_by_band(people, [flood], zones_of(shapely.box(0, 0, 200, 200)), kind=FLOOD)


def test_zones_without_people_hold_none() -> None:
    people = source(np.array([[np.nan, 10.0]]), 0.0, 100.0, 100.0, "people")
    flood = source(np.zeros((1, 2)), 0.0, 100.0, 100.0, "flood")
    zones = zones_of(shapely.box(0, 0, 100, 100), shapely.box(500, 0, 600, 100), shapely.box(100, 0, 200, 100))
    found = totals_by_band(people, [flood], zones, kind=FLOOD)
    assert found.total[:, 0].tolist() == [0.0, 0.0, 10.0]
    assert np.isnan(found.coverage_share[:2, 0]).all()


def test_exceedance_is_what_lies_at_or_above_a_threshold() -> None:
    values = np.arange(8.0).reshape(1, 1, 8)
    totals = BandTotals(values, Bands(), pd.RangeIndex(1))
    assert totals.bands.classes[2:5] == ("0.15-0.5", "0.5-1.5", ">=1.5")
    assert totals.exceeding()[0, 0].tolist() == [2 + 3 + 4, 3 + 4, 4]
