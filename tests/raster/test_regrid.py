"""Counts moved between grids: none lost, none made up, the same bits however the work is cut."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geo_profiling.compute import Compute
from geo_profiling.errors import GridError
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.regrid import regrid_counts
from geo_profiling.raster.source import ArraySource, FloatArray, wrap

MOLLWEIDE = CRS("ESRI:54009")


def grid_of_cells(crs: str | CRS, left: float, top: float, cell: float, shape: tuple[int, int]) -> Grid:
    return Grid(CRS(crs), Affine(cell, 0, left, 0, -cell, top), shape)


def covering(source: Grid, crs: str, cell: float, *, margin: int = 1) -> Grid:
    """Grid of whole cells around another."""
    bounds = Transformer.from_crs(source.crs, crs, always_xy=True).transform_bounds(*source.bounds, densify_pts=99)
    left, bottom = (math.floor(value / cell) - margin for value in bounds[:2])
    right, top = (math.ceil(value / cell) + margin for value in bounds[2:])
    return grid_of_cells(crs, left * cell, top * cell, cell, (top - bottom, right - left))


def mass(result: xr.DataArray) -> float:
    return float(np.nansum(result.to_numpy())) + float(result.attrs["lost_outside"])


def by_intersection(values: NDArray[Any], source: Grid, target: Grid) -> NDArray[np.float64]:
    """Brute force: every footprint cut with every target cell."""
    transformer = Transformer.from_crs(source.crs, target.crs, always_xy=True)
    rows, cols = np.indices((source.shape[0] + 1, source.shape[1] + 1))
    x, y = source.transform.c + cols * source.transform.a, source.transform.f + rows * source.transform.e
    corners = np.stack(transformer.transform(x, y), axis=2)
    ring = np.stack([corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]], axis=2)
    quads = shapely.polygons(ring).ravel()
    out = np.zeros(target.shape)
    for row in range(target.shape[0]):
        for col in range(target.shape[1]):
            x0, y1 = target.transform * (col, row)
            x1, y0 = target.transform * (col + 1, row + 1)
            shared = shapely.area(shapely.intersection(quads, shapely.box(x0, y0, x1, y1)))
            out[row, col] = np.nansum(values.ravel() * shared / shapely.area(quads))
    return out


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


def test_nested_grids_give_block_sums() -> None:
    values = np.random.default_rng(0).integers(0, 9000, (60, 80)).astype(np.float64)
    # a corner and a cell size that binary fractions do not hold
    source = Grid(CRS("EPSG:4326"), Affine(1 / 1200, 0, 36.65, 0, -1 / 1200, -1.1), values.shape)
    target = Grid(CRS("EPSG:4326"), Affine(1 / 120, 0, 36.65, 0, -1 / 120, -1.1), (6, 8))
    result = regrid_counts(ArraySource(wrap(values, source)), target)
    assert result.values.tolist() == values.reshape(6, 10, 8, 10).sum(axis=(1, 3)).tolist()
    assert result.attrs["lost_outside"] == 0.0
    assert result.attrs["source_total"] == values.sum()


def test_the_same_grid_gives_the_same_counts() -> None:
    values = np.random.default_rng(0).random((7, 9))
    values[2, 3] = np.nan
    grid = grid_of_cells(MOLLWEIDE, 100, 900, 100, (7, 9))
    np.testing.assert_array_equal(regrid_counts(ArraySource(wrap(values, grid)), grid), values)


def test_shifted_by_half_a_cell() -> None:
    values = np.array([[8.0, 4.0], [0.0, 2.0]])
    source = grid_of_cells(MOLLWEIDE, 0, 200, 100, (2, 2))
    target = grid_of_cells(MOLLWEIDE, 50, 250, 100, (3, 2))
    result = regrid_counts(ArraySource(wrap(values, source)), target)
    assert result.values.tolist() == [[3.0, 1.0], [3.5, 1.5], [0.5, 0.5]]
    assert result.attrs == {"source_total": 14.0, "lost_outside": 4.0}


def test_unknown_stays_unknown_and_none_stays_none() -> None:
    values = np.full((2, 6), np.nan)
    values[0, 0], values[1, 2] = 5.0, 0.0
    source = grid_of_cells(MOLLWEIDE, 0, 200, 100, (2, 6))
    target = grid_of_cells(MOLLWEIDE, 0, 200, 200, (1, 4))
    result = regrid_counts(ArraySource(wrap(values, source)), target)
    np.testing.assert_array_equal(result, [[5.0, 0.0, np.nan, np.nan]])


def test_to_finer_cells_spreads_evenly() -> None:
    source = grid_of_cells(MOLLWEIDE, 0, 3000, 1000, (3, 3))
    target = grid_of_cells(MOLLWEIDE, 0, 3000, 10, (300, 300))
    values = np.arange(9.0).reshape(3, 3)
    result = regrid_counts(ArraySource(wrap(values, source)), target)
    np.testing.assert_allclose(result, np.kron(values, np.full((100, 100), 1e-4)), rtol=1e-12)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    lon=st.floats(-170, 170),
    lat=st.floats(-75, 75),
    ratio=st.floats(0.4, 4.0),
    crs=st.sampled_from(["ESRI:54009", "EPSG:3857", "utm"]),
)
def test_equals_intersection_in_any_place(seed: int, lon: float, lat: float, ratio: float, crs: str) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((5, 6)) < 0.2, np.nan, rng.lognormal(0, 3, (5, 6)))
    source = Grid(CRS("EPSG:4326"), Affine(0.01, 0, lon, 0, -0.01, lat), values.shape)
    if crs == "utm":
        crs = f"EPSG:{32600 if lat > 0 else 32700}".removesuffix("00") + f"{int((lon + 180) // 6) + 1:02d}"
    target = covering(source, crs, 1113.0 * ratio, margin=0)
    expected = by_intersection(values, source, target)
    result = regrid_counts(ArraySource(wrap(values, source)), target)
    np.testing.assert_allclose(np.nan_to_num(result), expected, rtol=1e-6, atol=1e-6 * np.nanmax(values))
    assert mass(result) == pytest.approx(np.nansum(values), rel=1e-12)


@settings(max_examples=15)
@given(shift=st.tuples(st.floats(-4000, 4000), st.floats(-4000, 4000)), cell=st.floats(150, 2500))
def test_mass_is_conserved_when_the_target_cuts_the_source(shift: tuple[float, float], cell: float) -> None:
    values = np.random.default_rng(1).lognormal(0, 2, (30, 40))
    source = Grid(CRS("EPSG:4326"), Affine(1 / 120, 0, 4.0, 0, -1 / 120, 51.0), values.shape)
    whole = covering(source, "EPSG:32631", 1000.0)
    target = grid_of_cells(
        "EPSG:32631", whole.bounds[0] + 9e3 + shift[0], whole.bounds[3] - 9e3 + shift[1], cell, (20, 20)
    )
    result = regrid_counts(ArraySource(wrap(values, source)), target)
    assert result.attrs["lost_outside"] > 0
    assert mass(result) == pytest.approx(values.sum(), rel=1e-12)


def test_even_density_stays_even() -> None:
    fine = Grid(CRS("EPSG:4326"), Affine(1 / 1200, 0, 36.6, 0, -1 / 1200, -1.1), (300, 300))
    edges = np.deg2rad(fine.transform.f + np.arange(301) * fine.transform.e)
    # Mollweide and a cylindrical equal-area both keep area: people by the area of each cell on the sphere
    area = np.repeat((np.sin(edges[:-1]) - np.sin(edges[1:]))[:, None], 300, axis=1)
    sphere = CRS("+proj=moll +R=6371007.181 +units=m")
    geographic = CRS("+proj=longlat +R=6371007.181")
    source = Grid(geographic, fine.transform, fine.shape)
    target = covering(source, sphere.to_wkt(), 1000.0)
    result = regrid_counts(ArraySource(wrap(area, source)), target).to_numpy()
    inside = result[4:-4, 4:-4]
    inside = inside[inside > 0.999 * np.nanmax(inside)]
    assert inside.size > 300
    np.testing.assert_allclose(inside, np.median(inside), rtol=1e-6)


def test_same_bits_for_any_blocks_and_threads() -> None:
    rng = np.random.default_rng(2)
    values = rng.lognormal(0, 3, (1100, 1300)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    source = ArraySource(
        wrap(values, Grid(CRS("EPSG:4326"), Affine(1 / 1200, 0, 2.5, 0, -1 / 1200, 51.5), values.shape))
    )
    target = covering(source.grid, "ESRI:54009", 1000.0)
    expected = regrid_counts(source, target, compute=Compute(threads=1))
    for blocks in ((1, 1300), (256, 256), (512, 512), (700, 600)):
        for threads in (1, 3):
            result = regrid_counts(Blocked(source, blocks), target, compute=Compute(threads=threads))
            xr.testing.assert_identical(result, expected)
    chunked = ArraySource(source.data.chunk({"y": 300, "x": 400}))
    xr.testing.assert_identical(regrid_counts(chunked, target), expected)


def test_a_cell_torn_by_the_antimeridian_is_refused() -> None:
    grid = Grid(CRS("EPSG:4326"), Affine(0.1, 0, 179.05, 0, -0.1, 10.0), (10, 20))
    target = grid_of_cells(MOLLWEIDE, -18e6, 9e6, 100e3, (180, 360))
    with pytest.raises(GridError, match=r"population: the cell at row 0, column 9 .* torn"):
        regrid_counts(ArraySource(wrap(np.ones((10, 20)), grid), "population"), target)
    empty = np.ones((10, 20))
    empty[:, 9] = 0.0
    result = regrid_counts(ArraySource(wrap(empty, grid), "population"), target)
    assert mass(result) == pytest.approx(190.0, rel=1e-12)


def test_the_whole_world_fits_though_its_corners_are_rounded() -> None:
    values = np.random.default_rng(5).lognormal(0, 2, (180, 360))
    for noise in (0.0, 1e-9, -1e-9):
        world = Grid(CRS("EPSG:4326"), Affine(1, 0, -180 - noise, 0, -1, 90 + noise), values.shape)
        target = grid_of_cells(MOLLWEIDE, -18.1e6, 9.1e6, 100e3, (182, 362))
        result = regrid_counts(ArraySource(wrap(values, world)), target)
        assert float(result.sum()) == pytest.approx(values.sum(), rel=1e-12)
        assert result.attrs["lost_outside"] == pytest.approx(0.0, abs=1e-9 * values.sum())


def test_people_where_the_target_has_no_place_are_refused_and_none_are_not() -> None:
    # the poles are infinitely far in Mercator
    grid = Grid(CRS("EPSG:4326"), Affine(1, 0, 0, 0, -1, 90), (180, 20))
    values = np.ones((180, 20))
    target = grid_of_cells("EPSG:3395", -1e5, 19e6, 100e3, (380, 30))
    with pytest.raises(GridError, match=r"population: the cell at row 0, column 0 .* no place"):
        regrid_counts(ArraySource(wrap(values, grid), "population"), target)
    values[:10], values[-10:] = 0.0, np.nan
    result = regrid_counts(ArraySource(wrap(values, grid), "population"), target)
    assert mass(result) == pytest.approx(160.0 * 20, rel=1e-12)
    assert result.attrs["lost_outside"] == pytest.approx(0.0, abs=1e-9)


def test_nairobi_to_one_kilometre(shared_data: Path) -> None:
    from geo_profiling.raster.read import open_raster

    source = open_raster(shared_data / "nairobi" / "worldpop_2025_100m_nairobi.tif", quantity="count")
    total = math.fsum(np.nan_to_num(source.read(source.grid.window)).ravel().tolist())
    result = regrid_counts(source, covering(source.grid, "ESRI:54009", 1000.0))
    assert result.attrs["lost_outside"] == 0.0
    assert float(result.sum()) == pytest.approx(total, rel=1e-12)
    assert 500 < int(result.notnull().sum()) < 1000
