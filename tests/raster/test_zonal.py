"""Zonal statistics: known answers, exactextract, and the same bits however the work is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exactextract
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from exactextract.raster import NumPyRasterSource
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.compute import Compute, local_cluster
from geo_profiling.errors import CRSError, GridError, InputError, MemoryLimitError, UsageError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import ArraySource, FloatArray, wrap
from geo_profiling.raster.zonal import class_totals, zonal_statistics

CELL_M = 1000.0
ALL = ["sum", "mean", "count", "min", "max"]


def array_source(values: Any, *, name: str = "population") -> ArraySource:
    values = np.asarray(values, dtype=getattr(values, "dtype", np.float64))
    grid = Grid(CRS("ESRI:54009"), Affine(CELL_M, 0, 0, 0, -CELL_M, values.shape[0] * CELL_M), values.shape)
    return ArraySource(wrap(values, grid), name)


def zones_of(*geometries: shapely.Geometry, index: Sequence[Any] | None = None) -> gpd.GeoDataFrame:
    """Zones whose coordinates are given in cells."""
    metres = [shapely.transform(geometry, lambda xy: xy * CELL_M) if geometry else None for geometry in geometries]
    return gpd.GeoDataFrame(geometry=metres, index=index, crs="ESRI:54009")


def random_values(rows: int, cols: int, *, dtype: str = "float64", seed: int = 3) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((rows, cols)) < 0.6, 0.0, rng.lognormal(2, 2, (rows, cols)))
    values[rng.random((rows, cols)) < 0.05] = np.nan
    return values.astype(dtype)


def random_zones(count: int, *, extent: tuple[float, float], seed: int) -> gpd.GeoDataFrame:
    """Overlapping stars of all sizes, some holed, some in two parts, some across the raster's edge."""
    rng = np.random.default_rng(seed)
    zones = []
    for number in range(count):
        size = 10 ** rng.uniform(-2, np.log10(max(extent) / 2))
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 25)))
        spokes = size * rng.uniform(0.5, 1, (len(angle), 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        star = shapely.make_valid(shapely.Polygon(rng.uniform(-2, 2, 2) + rng.uniform(0, 1, 2) * extent + spokes))
        if number % 3 == 1:
            star = star.difference(star.centroid.buffer(size / 4))
        if number % 4 == 2:
            star = star.union(shapely.affinity.translate(star, 2.5 * size, 0.3 * size))
        zones.append(star)
    return zones_of(*zones)


def by_exactextract(source: ArraySource, zones: gpd.GeoDataFrame, stats: Sequence[str] = ALL) -> pd.DataFrame:
    raster = NumPyRasterSource(
        source.data.to_numpy(), *source.grid.bounds, nodata=np.nan, srs_wkt=source.grid.crs.to_wkt()
    )
    return exactextract.exact_extract(raster, zones, list(stats), output="pandas").astype(float)


@dataclass(frozen=True)
class Blocked:
    """The same values, said to be stored in other blocks."""

    inner: ArraySource
    block_shape: tuple[int, int]

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def grid(self) -> Grid:
        return self.inner.grid

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.inner.dtype

    def read(self, window: Window) -> FloatArray:
        return self.inner.read(window)


def test_known_answers() -> None:
    source = array_source([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])
    zones = zones_of(shapely.box(0, 0, 3, 2), shapely.box(0.5, 0.5, 2.5, 1.5), shapely.box(1, 0, 2, 1), index=[7, 3, 5])
    result = zonal_statistics(source, zones, stats=ALL)
    assert list(result.index) == [7, 3, 5]
    assert list(result.columns) == ALL
    assert result.loc[7].tolist() == [16.0, 3.2, 5.0, 1.0, 6.0]
    assert result.loc[3].tolist() == [0.25 * 14 + 0.5 * 2, pytest.approx(4.5 / 1.5), 1.5, 1.0, 6.0]
    assert result.loc[5, "count"] == 0
    assert result.loc[5, ["sum", "mean", "min", "max"]].isna().all()


def test_zones_that_miss_the_raster_count_zero_and_know_nothing() -> None:
    source = array_source(np.ones((4, 4)))
    around = [shapely.box(-9, 1, -2, 2), shapely.box(6, 1, 9, 2), shapely.box(1, 5, 2, 8), shapely.box(1, -8, 2, -1)]
    result = zonal_statistics(source, zones_of(*around), stats=[*ALL, "fraction", "coverage_share"])
    assert (result[["count", "coverage_share"]] == 0).all(axis=None)
    assert result.drop(columns=["count", "coverage_share"]).isna().all(axis=None)


def test_zone_across_the_edge_counts_what_is_on_the_raster() -> None:
    source = array_source(np.full((4, 4), 2.0))
    result = zonal_statistics(source, zones_of(shapely.box(-2, 1, 2, 3)), stats=["sum", "count", "coverage_share"])
    assert result.loc[0].tolist() == [8.0, 4.0, 0.5]


def test_border_on_a_cell_edge_does_not_take_the_neighbour_into_the_extremes() -> None:
    values = np.full((5, 5), 100.0)
    values[1:4, 1:4] = 1.0
    for noise in (0.0, 1e-10, -1e-10):
        zone = zones_of(shapely.box(1 - noise, 1 - noise, 4 + noise, 4 + noise))
        result = zonal_statistics(array_source(values), zone, stats=["min", "max", "sum"])
        assert result[["min", "max"]].loc[0].tolist() == [1.0, 1.0]
        assert result.loc[0, "sum"] == pytest.approx(9.0, abs=1e-8)
    zone = zones_of(shapely.box(1 - 1e-6, 1, 4, 4))
    assert zonal_statistics(array_source(values), zone, stats=["max"]).loc[0, "max"] == 100.0


def test_each_overlapping_zone_counts_in_full() -> None:
    source = array_source(np.ones((3, 3)))
    result = zonal_statistics(source, zones_of(*[shapely.box(0, 0, 2, 2)] * 3), stats=["sum"])
    assert result["sum"].tolist() == [4.0, 4.0, 4.0]


def test_children_and_parent_agree() -> None:
    source = array_source(random_values(40, 40))
    points = np.random.default_rng(1).uniform(0, 40, (60, 2))
    parent = shapely.box(3.3, 4.4, 35.1, 36.7)
    voronoi = shapely.voronoi_polygons(shapely.multipoints(points), extend_to=shapely.box(-9, -9, 50, 50))
    children = [part for cell in shapely.get_parts(voronoi) if (part := cell.intersection(parent)).area > 0]
    result = zonal_statistics(source, zones_of(parent, *children), stats=["sum", "count"])
    np.testing.assert_allclose(result.iloc[1:].sum(), result.iloc[0], rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_exactextract(dtype: str) -> None:
    source = array_source(random_values(300, 400, dtype=dtype))
    zones = random_zones(250, extent=(400, 300), seed=5)
    ours, theirs = zonal_statistics(source, zones, stats=ALL), by_exactextract(source, zones)
    assert (ours["count"] > 0).sum() > 200
    np.testing.assert_allclose(ours["count"], theirs["count"], rtol=1e-6, atol=1e-9)
    for name in ("sum", "mean", "min", "max"):
        np.testing.assert_allclose(ours[name], theirs[name].where(theirs["count"] > 0), rtol=1e-6)
    large = (ours["count"] > 1).to_numpy()
    np.testing.assert_allclose(ours["sum"][large], theirs["sum"][large], rtol=1e-7)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 30), cols=st.integers(1, 30))
def test_equals_exactextract_on_any_zones(seed: int, rows: int, cols: int) -> None:
    values = np.nan_to_num(random_values(rows, cols, seed=seed % 1000))
    source = array_source(values)
    zones = random_zones(8, extent=(cols, rows), seed=seed)
    ours, theirs = zonal_statistics(source, zones, stats=ALL), by_exactextract(source, zones)
    # exactextract keeps coverage in float32: the error of a cell's share is up to 6e-8, of cells in it
    np.testing.assert_allclose(ours["count"], theirs["count"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours["sum"].fillna(0), theirs["sum"].fillna(0), rtol=1e-6, atol=1e-6 * values.max())
    is_covered = (theirs["count"] > 0).to_numpy()
    for name in ("min", "max"):
        np.testing.assert_array_equal(ours[name][is_covered], theirs[name][is_covered])


def test_same_bits_for_any_threads_blocks_and_memory() -> None:
    values = random_values(1100, 9000, dtype="float32")
    source = array_source(values)
    zones = random_zones(60, extent=(9000, 1100), seed=8)
    codes = array_source(np.random.default_rng(0).integers(1, 5, values.shape).astype(np.float32), name="classes")
    expected = zonal_statistics(source, zones, stats=ALL, compute=Compute(threads=1))
    expected_classes = class_totals(source, codes, zones, codes=[3, 1], compute=Compute(threads=1))
    for blocks in ((1, 9000), (100, 77), (512, 512), (1000, 1000), (1100, 9000)):
        blocked = Blocked(source, blocks)
        for threads, limit in ((2, None), (4, 700_000_000)):
            compute = Compute(threads=threads)
            result = zonal_statistics(blocked, zones, stats=ALL, compute=compute, memory_limit=limit)
            pd.testing.assert_frame_equal(result, expected, check_exact=True)
    result = class_totals(Blocked(source, (100, 77)), codes, zones, codes=[3, 1], compute=Compute(threads=2))
    pd.testing.assert_frame_equal(result, expected_classes, check_exact=True)


def test_same_bits_from_a_dask_backed_array_and_on_a_cluster() -> None:
    source = array_source(random_values(600, 500))
    zones = random_zones(40, extent=(500, 600), seed=2)
    stats = [*ALL, "coverage_share"]
    expected = zonal_statistics(source, zones, stats=stats)
    chunked = ArraySource(source.data.chunk({"y": 130, "x": 90}), "population")
    pd.testing.assert_frame_equal(zonal_statistics(chunked, zones, stats=stats), expected, check_exact=True)
    with local_cluster(1) as compute:
        result = zonal_statistics(source, zones, stats=stats, compute=compute)
    pd.testing.assert_frame_equal(result, expected, check_exact=True)


def test_fractions_of_distinct_values() -> None:
    values = np.array([[1.0, 1.0, 2.0], [2.5, np.nan, -3.0]])
    zones = zones_of(shapely.box(0, 0, 3, 2), shapely.box(0, 1, 1.5, 2), shapely.box(1, 0, 2, 1))
    result = zonal_statistics(array_source(values), zones, stats=["fraction", "count"])
    assert list(result.columns) == ["fraction_-3", "fraction_1", "fraction_2", "fraction_2.5", "count"]
    assert result.loc[0].tolist() == [0.2, 0.4, 0.2, 0.2, 5.0]
    assert result.loc[1].tolist() == [0.0, 1.0, 0.0, 0.0, 1.5]
    assert result.loc[2].drop("count").isna().all()


def test_fractions_are_the_means_of_masks_and_ignore_blocks() -> None:
    values = np.random.default_rng(4).integers(0, 40, (300, 200)).astype(np.float32)
    values[values == 7] = np.nan
    source, zones = array_source(values), random_zones(80, extent=(200, 300), seed=9)
    ours = zonal_statistics(source, zones, stats=["fraction"])
    with_others = zonal_statistics(
        Blocked(source, (3, 200)), zones, stats=["sum", "fraction"], compute=Compute(threads=2)
    )
    pd.testing.assert_frame_equal(with_others.drop(columns="sum"), ours, check_exact=True)
    counts = zonal_statistics(source, zones, stats=["count"])["count"]
    for code in (0, 13, 39):
        is_code = array_source(np.where(np.isnan(values), np.nan, values == code).astype(np.float32))
        mean = zonal_statistics(is_code, zones, stats=["mean"])["mean"]
        np.testing.assert_allclose(ours[f"fraction_{code}"], mean, atol=1e-12)
    np.testing.assert_allclose(ours.sum(axis=1)[counts > 0], 1.0, rtol=1e-12)


def test_fraction_labels_are_of_the_rasters_own_type() -> None:
    source = array_source(np.full((2, 2), 0.1, dtype=np.float32))
    assert list(zonal_statistics(source, zones_of(shapely.box(0, 0, 1, 1)), stats=["fraction"])) == ["fraction_0.1"]


def test_fraction_refuses_a_raster_of_measurements() -> None:
    zone = zones_of(shapely.box(0, 0, 70, 70))
    at_limit = np.minimum(np.arange(70 * 70.0), 4095.0).reshape(70, 70)
    assert zonal_statistics(array_source(at_limit), zone, stats=["fraction"]).shape == (1, 4096)
    with pytest.raises(InputError, match="population: more than 4096 distinct values"):
        zonal_statistics(array_source(np.arange(70 * 70.0).reshape(70, 70)), zone, stats=["fraction"])
    tall = np.arange(600 * 10.0).reshape(600, 10)
    halves = zones_of(shapely.box(0, 0, 10, 200), shapely.box(0, 300, 10, 600))
    with pytest.raises(InputError, match="more than 4096"):
        zonal_statistics(array_source(tall), halves, stats=["fraction"])


def test_a_south_up_array_gives_the_same() -> None:
    source = array_source(random_values(20, 20))
    turned = ArraySource(source.data.isel(y=slice(None, None, -1)), "population")
    zones = random_zones(10, extent=(20, 20), seed=1)
    expected = zonal_statistics(source, zones, stats=ALL)
    pd.testing.assert_frame_equal(zonal_statistics(turned, zones, stats=ALL), expected, check_exact=True)


def test_no_zones() -> None:
    empty = zones_of().set_geometry(gpd.GeoSeries([], crs="ESRI:54009"))
    source = array_source(np.ones((2, 2)))
    assert zonal_statistics(source, empty, stats=ALL).shape == (0, 5)
    assert len(class_totals(source, source, empty, codes=[1])) == 0


def triangle_with(coordinate: float) -> shapely.Polygon:
    with np.errstate(invalid="ignore"):
        return shapely.Polygon([(0, 0), (coordinate, 2), (2, 0)])


BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
OVERLAPPING_PARTS = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (None, "zone 'b' has no geometry"),
        (shapely.Polygon(), "zone 'b' has no geometry"),
        (shapely.Point(1, 1), "zone 'b' is not a polygon"),
        (BOW_TIE, "zone 'b' is not valid .*Self-intersection"),
        (OVERLAPPING_PARTS, "zone 'b' is not valid"),
        (triangle_with(np.nan), "zone 'b' is not valid"),
        (triangle_with(np.inf), "zone 'b' is not valid"),
    ],
)
def test_a_zone_that_cannot_be_right_is_named(bad: shapely.Geometry | None, message: str) -> None:
    zones = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1), bad, bad], index=["a", "b", "c"], crs="ESRI:54009")
    with pytest.raises(InputError, match=message + ".*, and 1 more"):
        zonal_statistics(array_source(np.ones((3, 3))), zones, stats=["sum"])


def test_refused_requests() -> None:
    source, zones = array_source(np.ones((3, 3))), zones_of(shapely.box(0, 0, 1, 1))
    with pytest.raises(CRSError, match="zones and population"):
        zonal_statistics(source, zones.set_crs("EPSG:4326", allow_override=True), stats=["sum"])
    with pytest.raises(CRSError, match="zones: no coordinate reference system"):
        zonal_statistics(source, gpd.GeoDataFrame(geometry=zones.geometry.to_numpy()), stats=["sum"])
    with pytest.raises(UsageError, match="median"):
        zonal_statistics(source, zones, stats=["sum", "median"])
    with pytest.raises(UsageError, match="no statistics"):
        zonal_statistics(source, zones, stats=[])
    with pytest.raises(UsageError, match="twice"):
        zonal_statistics(source, zones, stats=["sum", "sum"])
    with pytest.raises(MemoryLimitError, match="population in 2 threads: about"):
        zonal_statistics(source, zones, stats=["sum"], compute=Compute(threads=2), memory_limit=100_000_000)
    with pytest.raises(GridError, match="population and classes"):
        class_totals(source, array_source(np.ones((3, 4)), name="classes"), zones, codes=[1])
    with pytest.raises(UsageError, match="each once"):
        class_totals(source, source, zones, codes=[1, 1])


def test_class_totals_known_answers() -> None:
    population = array_source([[100.0, 40.0, np.nan, 8.0]])
    classes = array_source([[3.0, 1.0, 1.0, np.nan]], name="classes")
    zones = zones_of(shapely.box(0.5, 0, 5, 1), shapely.box(-3, 0, -1, 1), index=["in", "out"])
    result = class_totals(population, classes, zones, codes=[3, 2, 1])
    assert list(result.columns) == [
        "weight_3", "cells_3", "weight_2", "cells_2", "weight_1", "cells_1", "weight_other", "cells_other",
        "weight_total", "cells_total", "zone_cells", "coverage_share",
    ]  # fmt: skip
    assert result.loc["in"].tolist() == [50.0, 0.5, 0.0, 0.0, 40.0, 2.0, 8.0, 1.0, 98.0, 3.5, 4.5, 3.5 / 4.5]
    assert result.loc["out"].tolist() == [0.0] * 10 + [2.0, 0.0]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_class_totals_are_the_sums_of_masked_weights(seed: int) -> None:
    weights = random_values(20, 25, seed=seed % 999)
    codes = np.random.default_rng(seed).choice([11.0, 12.0, 30.0, np.nan], (20, 25))
    zones = random_zones(6, extent=(25, 20), seed=seed)
    totals = class_totals(array_source(weights), array_source(codes, name="classes"), zones, codes=[30, 11])
    for code in (30, 11):
        masked = array_source(np.where(codes == code, np.nan_to_num(weights), 0.0))
        expected = zonal_statistics(masked, zones, stats=["sum"])["sum"].fillna(0)
        np.testing.assert_allclose(totals[f"weight_{code}"], expected, rtol=1e-12, atol=1e-9)
    whole = zonal_statistics(array_source(np.nan_to_num(weights)), zones, stats=["sum", "count"]).fillna(0)
    np.testing.assert_allclose(totals["weight_total"], whole["sum"], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(totals["cells_total"], whole["count"], rtol=1e-12, atol=1e-12)
    assert totals["coverage_share"].between(0, 1).all()


def test_belgium_conserves_its_people(shared_data: Path) -> None:
    from geo_profiling.raster.read import open_raster

    population = open_raster(shared_data / "belgium" / "POP.tif", quantity="count")
    zones = gpd.read_file(shared_data / "belgium" / "municipalities_581.gpkg").to_crs(population.grid.crs)
    zones["geometry"] = shapely.make_valid(zones.geometry.to_numpy())
    ours = zonal_statistics(population, zones, stats=["sum", "count"])
    outside = shapely.difference(shapely.box(*population.grid.bounds), shapely.union_all(zones.geometry.to_numpy()))
    rest = zonal_statistics(population, gpd.GeoDataFrame(geometry=[outside], crs=zones.crs), stats=["sum"])
    total = np.nansum(population.read(population.grid.window))
    assert ours["sum"].sum() + rest["sum"].sum() == pytest.approx(total, rel=1e-9)
