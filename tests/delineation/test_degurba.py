"""Classes of cells: golden grids, a second implementation, and what must not matter."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import dask.array
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.compute import Compute, local_cluster
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.clusters import cluster_polygons
from geo_profiling.delineation.degurba import aggregate_level1, classify, classify_cells
from geo_profiling.delineation.rules import rule_set
from geo_profiling.errors import CRSError, GridError, MemoryLimitError, UsageError, ValueRangeError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster, to_dataarray
from geo_profiling.raster.source import ArraySource, wrap

GOLDEN = {
    "L1_default_R2023A_b020": (1, "2024", {}),
    "L1_R2022A_b050": (1, "2024", {"built_up_threshold": 0.5, "smoothing": "r2022a"}),
    "L1_nobuilt_R2023A": (1, "2024", {"built_up_threshold": None}),
    "L1_smooth_nogap": (1, "2024", {"max_gap_km2": 0.0}),
    "L1_nosmooth_gap": (1, "2024", {"smoothing": "none"}),
    "L2_default_2024rules": (2, "2024", {}),
    "L2_2021rules_SDUC300_5000_q8_buf3": (2, "2021", {}),
}


@pytest.fixture(scope="module")
def peer() -> ModuleType:
    """Load the plain numpy and scipy implementation of the benchmarks."""
    path = Path(__file__).parents[2] / "benchmarks" / "numpy_scipy.py"
    spec = importlib.util.spec_from_file_location("numpy_scipy_peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def belgium(shared_data):
    names = {"POP": "count", "LAND": "area", "BUILT_S": "area"}
    return [
        to_dataarray(open_raster(shared_data / "belgium" / f"{name}.tif", quantity=quantity))
        for name, quantity in names.items()
    ]


def _golden(folder: Path, name: str) -> np.ndarray:
    with rasterio.open(folder / "degurba" / f"{name}.tif") as dataset:
        return dataset.read(1)


@pytest.mark.parametrize("tile_size", [None, 64, 256])
@pytest.mark.parametrize("name", GOLDEN)
def test_equals_golden_grid_in_every_cell(belgium, shared_golden, name, tile_size):
    level, version, changes = GOLDEN[name]
    population, land, built_up = belgium
    classes = classify_cells(
        population, land, built_up=built_up, level=level, rules=rule_set(version, **changes), tile_size=tile_size
    )
    np.testing.assert_array_equal(classes.values, _golden(shared_golden, name))


def test_same_classes_on_a_dask_cluster_and_for_dask_arrays(belgium, shared_data, shared_golden):
    golden = _golden(shared_golden, "L2_default_2024rules")
    population, land, built_up = (part.chunk({"y": 70, "x": 111}) for part in belgium)
    assert isinstance(population.data, dask.array.Array)
    classes = classify_cells(population, land, built_up=built_up, level=2, compute=Compute(threads=4))
    np.testing.assert_array_equal(classes.values, golden)
    files = [open_raster(shared_data / "belgium" / f"{name}.tif") for name in ("POP", "LAND", "BUILT_S")]
    found = np.zeros(golden.shape, np.int16)

    def keep(window, values):
        found[window.slices] = values

    with local_cluster(2) as compute:
        classify(CellInputs(*files), keep, level=2, rules=rule_set(), tile_size=128, compute=compute)
    np.testing.assert_array_equal(found, golden)


def test_people_are_conserved_and_clusters_do_not_depend_on_tiles(belgium):
    inputs = CellInputs(*(ArraySource(part) for part in belgium))
    summaries = [
        classify(inputs, lambda window, values: None, level=2, rules=rule_set(), with_clusters=True, tile_size=size)
        for size in (None, 61, 256)
    ]
    total = float(belgium[0].sum())
    for summary in summaries:
        assert summary.population == pytest.approx(total, rel=1e-9)
        for kind, clusters in summary.clusters.items():
            layer = cluster_polygons(clusters, summary.grid, kind=kind)
            first = cluster_polygons(summaries[0].clusters[kind], summary.grid, kind=kind)
            assert layer.drop(columns="geometry").equals(first.drop(columns="geometry"))
            assert layer.geom_equals(first.geometry).all()
            assert layer.is_valid.all()
            assert layer.area.to_numpy() / 1e6 == pytest.approx(layer["area_km2"].to_numpy())
    centres = cluster_polygons(summaries[0].clusters["urban_centre"], summaries[0].grid, kind="urban_centre")
    classes = classify_cells(*belgium[:2], built_up=belgium[2], level=2)
    in_centres = float(belgium[0].where(classes == 30).sum())
    assert centres["population"].sum() == pytest.approx(in_centres, rel=1e-9)
    assert centres["centre_id"].is_unique


# --- small cities --------------------------------------------------------------------------------


@dataclass(frozen=True)
class City:
    """Population (people), land and built-up (shares) on 1 km cells."""

    population: np.ndarray
    land: np.ndarray
    built_up: np.ndarray

    def turned(self, how) -> City:
        """Return the same city under a function of arrays."""
        return City(*(np.ascontiguousarray(how(part)) for part in (self.population, self.land, self.built_up)))


@st.composite
def cities(draw) -> City:
    """Draw blocks of density over sea, with holes: centres, clusters, buffers and gaps all occur."""
    rows, cols = draw(st.tuples(st.integers(9, 34), st.integers(9, 34)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    population = np.where(rng.random((rows, cols)) < 0.3, rng.integers(0, 700, (rows, cols)), 0).astype(float)
    for _ in range(draw(st.integers(1, 6))):
        row, col = rng.integers(0, rows), rng.integers(0, cols)
        height, width = rng.integers(1, 12, 2)
        block = (slice(row, row + height), slice(col, col + width))
        density = rng.choice([310.0, 950.0, 1600.0, 2600.0, 9000.0])
        population[block] = density * rng.choice([0.0, 1.0, 1.2], population[block].shape, p=[0.15, 0.5, 0.35])
    land = np.ones((rows, cols))
    sea = rng.random((rows, cols)) < draw(st.sampled_from([0.0, 0.05, 0.3]))
    land[sea] = rng.choice([0.0, 0.3, 0.5, 0.8], int(sea.sum()))
    population[(land == 0) & (rng.random((rows, cols)) < 0.9)] = 0
    built_up = np.minimum(land, rng.choice([0.0, 0.05, 0.3], (rows, cols), p=[0.7, 0.2, 0.1]))
    return City(population, land, built_up)


def _on_grid(values, cell_m: float = 1000.0):
    return wrap(values, Grid(CRS("ESRI:54009"), Affine(cell_m, 0, 2e5, 0, -cell_m, 5e6), values.shape))


def _classes(city: City, level: int = 2, cell_m: float = 1000.0, **options) -> np.ndarray:
    rules = options.pop("rules", rule_set("2024"))
    return classify_cells(
        _on_grid(city.population, cell_m),
        _on_grid(city.land, cell_m),
        built_up=_on_grid(city.built_up, cell_m),
        level=level,
        rules=rules,
        land_unit="share",
        built_up_unit="share",
        **options,
    ).values


@settings(max_examples=60)
@given(cities(), st.sampled_from(["r2022a", "r2023a", "none"]), st.sampled_from([None, 0.2]))
def test_equals_second_implementation(peer, city, smoothing, threshold):
    rules = rule_set("2024", smoothing=smoothing, built_up_threshold=threshold)
    arrays = (city.population, city.land, city.built_up)
    expected = peer.classify_level2(*arrays, threshold=threshold, smoothing=smoothing)
    np.testing.assert_array_equal(_classes(city, rules=rules), expected)
    expected = peer.classify_level1(*arrays, threshold=threshold, smoothing=smoothing)
    np.testing.assert_array_equal(_classes(city, level=1, rules=rules), expected)
    rules = rule_set("2021", smoothing=smoothing, built_up_threshold=threshold)
    semi_dense = (300.0, 5000.0, peer.QUEEN, 3)
    expected = peer.classify_level2(*arrays, threshold=threshold, smoothing=smoothing, semi_dense=semi_dense)
    np.testing.assert_array_equal(_classes(city, rules=rules), expected)


@settings(max_examples=40)
@given(cities(), st.integers(3, 40), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2]))
def test_tiles_and_threads_do_not_matter(city, tile_size, threads, level):
    whole = _classes(city, level=level, compute=Compute(threads=1))
    np.testing.assert_array_equal(
        _classes(city, level=level, tile_size=tile_size, compute=Compute(threads=threads)), whole
    )


@settings(max_examples=40)
@given(cities(), st.sampled_from(["flip", "mirror", "turn", "transpose"]))
def test_flipped_and_turned_city_has_the_same_classes(city, how):
    change = {"flip": np.flipud, "mirror": np.fliplr, "turn": np.rot90, "transpose": np.transpose}[how]
    np.testing.assert_array_equal(_classes(city.turned(change)), change(_classes(city)))


@settings(max_examples=40)
@given(cities(), st.integers(1, 9), st.integers(0, 9))
def test_padding_with_empty_land_changes_nothing(city, before, after):
    margin = 3
    inside = City(
        np.pad(city.population, margin), np.pad(city.land, margin, constant_values=1.0), np.pad(city.built_up, margin)
    )
    around = [(before, after), (after, before)]
    padded = City(
        np.pad(inside.population, around),
        np.pad(inside.land, around, constant_values=1.0),
        np.pad(inside.built_up, around),
    )
    rows, cols = inside.population.shape
    part = _classes(padded)[before : before + rows, after : after + cols]
    np.testing.assert_array_equal(part, _classes(inside))


@settings(max_examples=25)
@given(cities(), st.sampled_from([2, 4]))
def test_finer_cells_of_the_same_density_keep_what_is_not_smoothed(city, factor):
    """Thresholds are per km2, gaps in km2 and buffers in km: 250 m cells of one density act as their 1 km cell."""
    rules = rule_set("2024", smoothing="none")
    fine = City(
        np.kron(city.population / factor**2, np.ones((factor, factor))),
        np.kron(city.land, np.ones((factor, factor))),
        np.kron(city.built_up, np.ones((factor, factor))),
    )
    coarse = np.kron(_classes(city, rules=rules), np.ones((factor, factor), np.int16))
    np.testing.assert_array_equal(_classes(fine, cell_m=1000.0 / factor, rules=rules), coarse)


def test_gap_limit_is_an_area_also_on_small_cells():
    """A gap of exactly 15 km2 stays open and one of 14.99 km2 is filled, on cells of 100 m too."""
    people = np.full((100, 100), 100.0)
    people[20:50, 20:70] = 0  # 30 x 50 cells of 0.01 km2 = 15 km2
    rules = rule_set("2024", smoothing="none")
    land = np.ones_like(people)
    city = City(people, land, np.zeros_like(people))
    assert _classes(city, level=1, cell_m=100.0, rules=rules)[30, 30] == 1
    people[20, 20] = 100.0
    assert _classes(city, level=1, cell_m=100.0, rules=rules)[30, 30] == 3


def test_without_land_nodata_stays_and_with_land_it_is_nobody():
    people = np.full((12, 12), 2500.0)
    people[:2] = np.nan
    alone = classify_cells(_on_grid(people), level=2)
    assert (alone.values[:2] == -32768).all()
    assert (alone.values[3:] == 30).all()
    with_land = classify_cells(_on_grid(people), _on_grid(np.ones_like(people)), land_unit="share", level=2)
    assert (with_land.values[0] == 11).all()


def test_centre_beside_nodata_or_the_border_is_flagged():
    people = np.zeros((30, 30))
    people[10:16, 10:16] = 2500
    people[20:26, 24:30] = 2500
    people[1:7, 1:7] = 2500
    people[0, 0] = np.nan
    summary = classify(
        CellInputs(ArraySource(_on_grid(people))),
        lambda window, values: None,
        level=1,
        rules=rule_set(smoothing="none"),
        with_clusters=True,
        tile_size=8,
    )
    layer = cluster_polygons(summary.clusters["urban_centre"], summary.grid, kind="urban_centre")
    top = layer.bounds["maxy"]
    assert layer.set_index(top.rank().astype(int))["touches_edge"].to_dict() == {3: True, 2: False, 1: True}


def test_level1_aggregated_from_level2_nests():
    level2 = wrap(
        np.array([[30, 23, 22, 21], [13, 12, 11, 10]], np.int16),
        Grid(CRS("ESRI:54009"), Affine(1, 0, 0, 0, -1, 0), (2, 4)),
    )
    assert aggregate_level1(level2).values.tolist() == [[3, 2, 2, 2], [1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"population": -1.0}, ValueRangeError, "negative.*row 2, column 3"),
        ({"population": np.inf}, ValueRangeError, "infinite.*row 2, column 3"),
        ({"population": 1e20}, ValueRangeError, "beyond any possible count"),
        ({"land": 1.5}, ValueRangeError, "land is negative or more"),
        ({"built_up": -0.1}, ValueRangeError, "built_up is negative or more"),
        ({"land": np.nan}, ValueRangeError, "nodata where people live"),
    ],
)
def test_impossible_value_is_refused_by_cell(change, error, words):
    parts = {"population": np.full((5, 5), 9.0), "land": np.ones((5, 5)), "built_up": np.zeros((5, 5))}
    for name, value in change.items():
        parts[name][2, 3] = value
    with pytest.raises(error, match=words):
        _classes(City(**parts))


def test_shares_declared_as_square_metres_are_refused():
    people = _on_grid(np.full((5, 5), 9.0))
    with pytest.raises(UsageError, match="declared in m2"):
        classify_cells(people, _on_grid(np.ones((5, 5))))


def test_grids_and_crs_that_do_not_fit_are_refused():
    people = _on_grid(np.full((5, 5), 9.0))
    with pytest.raises(GridError, match="not aligned"):
        classify_cells(people, _on_grid(np.ones((5, 6))), land_unit="share")
    degrees = wrap(np.ones((5, 5)), Grid(CRS("EPSG:4326"), Affine(0.01, 0, 3, 0, -0.01, 50), (5, 5)))
    with pytest.raises(CRSError, match="not projected"):
        classify_cells(degrees)
    mercator = wrap(np.ones((5, 5)), Grid(CRS("EPSG:3857"), Affine(1000, 0, 5e5, 0, -1000, 6.5e6), (5, 5)))
    with pytest.raises(CRSError, match="distorts areas"):
        classify_cells(mercator)


def test_memory_limit_too_small_is_refused():
    inputs = CellInputs(ArraySource(_on_grid(np.ones((2000, 2000)))))
    with pytest.raises(MemoryLimitError, match="too small"):
        classify(inputs, lambda w, v: None, level=1, rules=rule_set(), memory_limit=50 * 2**20)
