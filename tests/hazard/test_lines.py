"""Lines in hazard bands: the golden metres of Djibouti, brute force, properties, odd input."""

from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import CRSError, InputError, UsageError, ValueRangeError
from geo_profiling.hazard.bands import Bands
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.lines import line_lengths, split_lines
from geo_profiling.hazard.sampling import cell_values
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.source import ArraySource, wrap

UTM = CRS("EPSG:32638")
PERIODS = (2, 5, 10, 25, 50, 100, 250, 500, 1000)
GOLDEN_EDGES = np.array([0.05, 0.15, 0.3, 0.5, 1.0, 1.5])
FLOOD = HazardKind("flood")
COORDINATE = st.floats(-150, 450).map(lambda value: round(value, 3))


def _grid(rows: int = 3, cols: int = 3) -> Grid:
    return Grid(UTM, Affine(100, 0, 0, 0, -100, 100 * rows), (rows, cols))


def _lines(*wkt: str, crs: CRS = UTM) -> gpd.GeoSeries:
    return gpd.GeoSeries.from_wkt(wkt, crs=crs)


def _aqueduct(folder: Path, period: int) -> Path:
    return folder / f"djibouti/inunriver_rcp4p5_MIROC-ESM-CHEM_2030_rp{period:05d}.tif"


def test_metres_of_road_in_djibouti_equal_the_golden_to_a_millimetre(shared_data: Path, shared_golden: Path) -> None:
    golden = pd.read_csv(shared_golden / "hazard/expected_road_m_by_band_rp.csv", index_col="band")
    roads = gpd.read_parquet(shared_data / "djibouti/road_edges.geoparquet").geometry
    sources = {period: open_raster(_aqueduct(shared_data, period), quantity="depth") for period in PERIODS}
    pieces = split_lines(roads, sources[2].grid, length_crs=UTM)
    for period, source in sources.items():
        depth = cell_values(source, pieces.row, pieces.column)
        wet = depth > 0
        band = np.searchsorted(GOLDEN_EDGES, depth[wet], side="right")
        metres = np.bincount(band, weights=pieces.length_m[wet], minlength=7)
        assert metres.round(3).tolist() == golden[str(period)].tolist()


def test_the_bands_of_djibouti_add_up_and_agree_with_the_golden_table(shared_data: Path, shared_golden: Path) -> None:
    golden = pd.read_csv(shared_golden / "hazard/expected_road_m_by_band_rp.csv", index_col="band")
    roads = gpd.read_parquet(shared_data / "djibouti/road_edges.geoparquet").geometry
    sources = {period: open_raster(_aqueduct(shared_data, period), quantity="depth") for period in PERIODS}
    whole = gpd.GeoDataFrame(geometry=[shapely.box(41, 10, 45, 14)], crs="EPSG:4326", index=["all"])
    kind = HazardKind("flood", bands=Bands(tuple(GOLDEN_EDGES.tolist())), nodata_means="dry")
    found = line_lengths(roads, list(sources.values()), whole, kind=kind, length_crs=UTM)
    for at, label in enumerate(kind.bands.labels):
        assert found.of(label)[0] == pytest.approx(golden.to_numpy()[at], abs=6e-4)
    assert found.total[0] == pytest.approx(np.full(9, roads.to_crs(UTM).length.sum()), rel=1e-6)


def test_a_line_is_cut_at_every_edge_it_crosses() -> None:
    pieces = split_lines(_lines("LINESTRING (50 250, 250 50)"), _grid(), length_crs=UTM)
    assert list(zip(pieces.row, pieces.column, strict=True)) == [(0, 0), (1, 1), (2, 2)]
    assert pieces.length_m == pytest.approx(np.array([50, 100, 50]) * np.sqrt(2))


def test_off_grid_is_one_place_and_zero_length_is_left_out() -> None:
    pieces = split_lines(
        _lines("LINESTRING (-1000 150, 50 150, 50 150, 1000 150)", "LINESTRING (10 10, 10 10)"), _grid(), length_crs=UTM
    )
    assert pieces.column.tolist() == [-1, 0, 0, 1, 2, -1]
    assert pieces.row.tolist() == [-1, 1, 1, 1, 1, -1]
    assert pieces.length_m.tolist() == [1000, 50, 50, 100, 100, 700]


def test_a_line_along_an_edge_belongs_to_the_cell_right_or_below() -> None:
    pieces = split_lines(
        _lines("LINESTRING (100 300, 100 200)", "LINESTRING (0 200, 100 200)"), _grid(), length_crs=UTM
    )
    assert pieces.column.tolist() == [1, 0]
    assert pieces.row.tolist() == [0, 1]


@settings(max_examples=60)
@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=6))
def test_pieces_are_what_shapely_cuts_cell_by_cell(points: list[tuple[float, float]]) -> None:
    line = shapely.LineString(points)
    grid = _grid()
    pieces = split_lines(gpd.GeoSeries([line], crs=UTM), grid, length_crs=UTM)
    assert pieces.length_m.sum() == pytest.approx(line.length, rel=1e-12, abs=1e-9)
    segments = [shapely.LineString(pair) for pair in itertools.pairwise(points)]
    for row in range(3):
        for col in range(3):
            # closed cells share their edges: what runs along an edge may count in either
            cell = shapely.box(100 * col, 300 - 100 * (row + 1), 100 * (col + 1), 300 - 100 * row)
            ours = pieces.length_m[(pieces.row == row) & (pieces.column == col)].sum()
            inside = [shapely.intersection(segment, cell) for segment in segments]
            closed = sum(part.length for part in inside)
            on_edge = sum(shapely.intersection(part, cell.exterior).length for part in inside)
            assert closed - on_edge - 1e-6 <= ours <= closed + 1e-6


@settings(max_examples=30)
@given(st.data())
def test_bands_sum_to_the_total_in_any_order(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grid = _grid(4, 5)
    hazards = [
        ArraySource(wrap(np.where(rng.random((4, 5)) < 0.2, np.nan, rng.exponential(0.5, (4, 5))), grid), "h")
        for _ in range(2)
    ]
    lines = gpd.GeoSeries(shapely.linestrings(rng.uniform(-100, 600, (12, 4, 2))), crs=UTM)
    left, bottom = rng.uniform(0, 400, (2, 5))
    zones = gpd.GeoDataFrame(geometry=shapely.box(left, bottom, left + 150, bottom + 90), crs=UTM)
    found = line_lengths(lines, hazards, zones, kind=FLOOD, length_crs=UTM)
    clipped = np.array([lines.intersection(zone).length.sum() for zone in zones.geometry])
    assert found.total == pytest.approx(np.repeat(clipped[:, None], 2, axis=1), rel=1e-9, abs=1e-9)
    order = rng.permutation(5)
    again = line_lengths(lines, hazards[::-1], zones.iloc[order], kind=FLOOD, length_crs=UTM)
    assert np.array_equal(again.values, found.values[order][:, ::-1])


def test_return_periods_may_lie_on_grids_of_their_own() -> None:
    fine = Grid(UTM, Affine(50, 0, 0, 0, -50, 100), (2, 4))
    hazards = [
        ArraySource(wrap(np.array([[0.0, 2.0]]), Grid(UTM, Affine(100, 0, 0, 0, -100, 100), (1, 2))), "coarse"),
        ArraySource(wrap(np.array([[0.0, 0, 0, 0], [0, 0, 0, 2.0]]), fine), "fine"),
    ]
    zone = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs=UTM)
    found = line_lengths(
        _lines("LINESTRING (0 25, 200 25)"),
        hazards,
        zone,
        kind=HazardKind("flood", bands=Bands((1.0,))),
        length_crs=UTM,
    )
    assert found.of("dry").tolist() == [[100.0, 150.0]]
    assert found.of(">=1").tolist() == [[100.0, 50.0]]


def test_lengths_are_never_measured_in_degrees() -> None:
    with pytest.raises(CRSError, match="not projected"):
        split_lines(_lines("LINESTRING (0 0, 1 1)"), _grid(), length_crs=CRS("EPSG:4326"))
    with pytest.raises(CRSError, match="differ"):
        split_lines(_lines("LINESTRING (0 0, 1 1)", crs=CRS("EPSG:4326")), _grid(), length_crs=UTM)


def test_what_is_no_line_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="line 1 is no line"):
        split_lines(_lines("LINESTRING (0 0, 1 1)", "POINT (0 0)"), _grid(), length_crs=UTM)


def test_a_depth_of_9999_is_refused() -> None:
    source = ArraySource(wrap(np.full((3, 3), 9999.0), _grid()), "rp10.tif")
    zone = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 300, 300)], crs=UTM)
    with pytest.raises(ValueRangeError, match=r"rp10\.tif: a value of 9999"):
        line_lengths(_lines("LINESTRING (0 25, 200 25)"), [source], zone, kind=FLOOD, length_crs=UTM)


def test_lines_outside_all_zones_count_nowhere() -> None:
    source = ArraySource(wrap(np.zeros((3, 3)), _grid()), "h")
    zone = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], crs=UTM)
    found = line_lengths(_lines("LINESTRING (50 50, 90 50)"), [source], zone, kind=FLOOD, length_crs=UTM)
    assert found.values.sum() == 0


def test_no_hazard_at_all_is_refused() -> None:
    zone = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], crs=UTM)
    with pytest.raises(UsageError, match="no hazard raster"):
        line_lengths(_lines("LINESTRING (0 0, 9 9)"), [], zone, kind=FLOOD, length_crs=UTM)


def test_a_line_that_touches_a_zone_or_follows_its_border() -> None:
    source = ArraySource(wrap(np.zeros((3, 3)), _grid()), "h")
    zones = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)], crs=UTM)
    touching = _lines("LINESTRING (100 100, 150 150)", "LINESTRING (50 150, 50 100, 80 100, 80 150, 90 50)")
    found = line_lengths(touching, [source], zones, kind=FLOOD, length_crs=UTM)
    assert found.total[:, 0] == pytest.approx([30 + 5 * np.sqrt(101), 0])
    border = line_lengths(_lines("LINESTRING (100 0, 100 100)"), [source], zones, kind=FLOOD, length_crs=UTM)
    assert border.total[:, 0].tolist() == [100.0, 100.0]
