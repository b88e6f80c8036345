"""Block complexity: equal to the published answers, to a plain reading of the rules, and indifferent to the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geo_profiling.compute import Compute
from geo_profiling.errors import CRSError
from geo_profiling.settlements.cells import building_cells
from geo_profiling.settlements.complexity import Complexity, measure_complexity
from geo_profiling.settlements.contacts import BlockGround, block_contacts, layers_of
from geo_profiling.settlements.parcels import parcel_layers
from geo_profiling.settlements.street_access import street_distance
from geo_profiling.settlements.streets import connected_streets

UTM = "EPSG:32735"
EAST, NORTH = 600_000.0, 8_000_000.0
NO_STREETS = np.empty((0, 4))


def placed(shapes: list[BaseGeometry], index: list[object] | None = None) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapes, index=index, crs=UTM).translate(EAST, NORTH)


def plain_cell(points: NDArray[np.float64], i: int) -> Polygon:
    """Cut a large square at the line half-way to each other point (GEOS' own cells break on lattices)."""
    corners = np.array([[-500.0, -500], [500, -500], [500, 500], [-500, 500]])
    for other in np.delete(points, i, axis=0):
        beyond = (corners - (points[i] + other) / 2) @ (other - points[i])
        kept = []
        for k in range(len(corners)):
            here, there = beyond[k - 1], beyond[k]
            if (here > 0) != (there > 0):
                kept.append(corners[k - 1] + here / (here - there) * (corners[k] - corners[k - 1]))
            if there <= 0:
                kept.append(corners[k])
        corners = np.array(kept)
    return Polygon(corners).convex_hull


def plain_layers(
    points: NDArray[np.float64], polygon: BaseGeometry, access: BaseGeometry
) -> tuple[set[tuple[int, int]], list[bool], list[int]]:
    """Cells as polygons, every pair measured, one layer after the other: slow and obviously right."""
    cells = shapely.intersection([plain_cell(points, i) for i in range(len(points))], polygon)
    near = shapely.dwithin(cells[:, None], cells[None, :], 0.01)
    has_access = shapely.dwithin(cells, access, 1.0)
    layer = np.where(has_access, 1, 0)
    while True:
        next_to = (
            near[:, layer == layer.max()].any(axis=1) & (layer == 0) if layer.any() else np.zeros(len(cells), bool)
        )
        if not next_to.any():
            break
        layer[next_to] = layer.max() + 1
    pairs = {(int(i), int(j)) for i, j in zip(*np.nonzero(near), strict=True) if i < j}
    return pairs, has_access.tolist(), layer.tolist()


@st.composite
def grounds(draw: st.DrawFn) -> tuple[NDArray[np.float64], BaseGeometry, NDArray[np.float64]]:
    """Points in a ragged block, now and then on a lattice, in a strip, or all but touching; and a few streets."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    corners = draw(st.integers(3, 14))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = rng.uniform(15, 80, corners)
    polygon: BaseGeometry = Polygon(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)).buffer(0)
    if draw(st.booleans()):
        polygon = polygon.difference(box(-9, -9, 6, 7).buffer(draw(st.sampled_from([0.0, 1.0]))))
    kind = draw(st.sampled_from(["random", "lattice", "strip", "close"]))
    count = draw(st.integers(1, 40))
    points = rng.uniform(-80, 80, (40 * count, 2))
    if kind == "lattice":
        points = np.stack(np.meshgrid(np.arange(-80, 80, 8.0), np.arange(-80, 80, 8.0)), axis=-1).reshape(-1, 2)
    elif kind == "strip":
        points = np.stack([rng.uniform(-80, 80, len(points)), rng.integers(0, 2, len(points)) * 0.006], axis=1)
    elif kind == "close":
        points[::2] = points[1::2] + rng.uniform(-0.02, 0.02, (len(points) // 2, 2))
    inside = shapely.contains_properly(polygon, shapely.points(points))
    points = points[inside][:count]
    ends = rng.uniform(-90, 90, (draw(st.integers(1, 3)), 4))
    shapely.prepare(polygon)
    return points, polygon, ends


# Cells of a strip that meet far outside the block, and inside it within a centimetre across a sliver of a third one.
STRIP_X = (4.58262339, 4.62057347, 4.71494097, 4.82900204, 4.87509016, 4.54, 4.3, 3.1, 5.16361756)
STRIP = np.array([(x, 0.0 if x == 4.82900204 else 0.006) for x in STRIP_X])
WEDGE = Polygon([(-1.529, 20.919), (24.486, -57.348), (-16.201, 51.519)])


@settings(max_examples=100)
@example((STRIP, WEDGE, np.array([[27.6, -18.5, 69.5, 88.1]])))
@given(grounds())
def test_contacts_access_and_layers_equal_the_plain_reading(
    ground: tuple[NDArray[np.float64], BaseGeometry, NDArray[np.float64]],
) -> None:
    points, polygon, streets = ground
    if polygon.is_empty or len(points) == 0:
        return
    contacts = block_contacts(BlockGround(polygon, points, streets))
    sites = contacts.diagram.sites + contacts.origin
    if len(sites) < len(points) or len(sites) < 2:
        return  # points within a millimetre are one by definition
    lines = shapely.multilinestrings(list(streets.reshape(-1, 2, 2)))
    pairs, access, layers = plain_layers(sites, polygon, lines)
    assert {tuple(pair) for pair in contacts.pairs.tolist()} == pairs
    assert contacts.with_access(streets).tolist() == access
    assert layers_of(contacts, contacts.with_access(streets)).tolist() == layers
    outer = shapely.multilinestrings([part.exterior for part in shapely.get_parts(polygon)])
    assert contacts.with_outer_ring().tolist() == plain_layers(sites, polygon, outer)[1]


@pytest.fixture(scope="module")
def ali_sabieh(shared_data: Path) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    buildings = gpd.read_file(shared_data / "djibouti/alisabieh_buildings.geojson").geometry
    blocks = gpd.read_file(shared_data / "djibouti/alisabieh_blocks.gpkg", layer="blocks")
    return buildings, blocks.set_index("block_id").geometry


@pytest.fixture(scope="module")
def known_k(shared_golden: Path) -> pd.DataFrame:
    return pd.read_csv(shared_golden / "morphology/alisabieh_expected_k.csv").set_index("block_id")


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:32638",
        "+proj=stere +lat_0=11.15 +lon_0=42.72 +datum=WGS84 +units=m",
        "+proj=lcc +lat_1=11 +lat_2=11.3 +lat_0=11 +lon_0=42.9 +datum=WGS84 +units=m",
        "+proj=tmerc +lon_0=42.7 +datum=WGS84 +units=m",
    ],
)
def test_k_of_ali_sabieh_in_any_local_conformal_crs(
    ali_sabieh: tuple[gpd.GeoSeries, gpd.GeoSeries], known_k: pd.DataFrame, crs: str
) -> None:
    buildings, blocks = ali_sabieh
    found = measure_complexity(buildings.to_crs(crs), blocks.to_crs(crs)).blocks.loc[known_k.index]
    assert len(known_k) == 196
    assert found["k"].tolist() == known_k["k_kblock"].tolist() == known_k["k_rederived"].tolist()
    assert found["n_buildings"].tolist() == known_k["n"].tolist()
    assert found["is_on_network"].isna().all()


def rotated(layer: gpd.GeoSeries) -> gpd.GeoSeries:
    return layer.rotate(33.0, origin=(250e3, 1.24e6))


def shuffled(layer: gpd.GeoSeries) -> gpd.GeoSeries:
    return layer.sample(frac=1, random_state=5)


@pytest.mark.parametrize("change", [rotated, shuffled])
def test_k_does_not_turn_with_the_map_or_the_order_of_rows(
    ali_sabieh: tuple[gpd.GeoSeries, gpd.GeoSeries],
    known_k: pd.DataFrame,
    change: Callable[[gpd.GeoSeries], gpd.GeoSeries],
) -> None:
    buildings, blocks = (change(layer.to_crs("EPSG:32638")) for layer in ali_sabieh)
    found = measure_complexity(buildings, blocks, compute=Compute(threads=3)).blocks.loc[known_k.index]
    assert found["k"].tolist() == known_k["k_kblock"].tolist()


def test_tables_do_not_depend_on_workers_or_order(ali_sabieh: tuple[gpd.GeoSeries, gpd.GeoSeries]) -> None:
    buildings, blocks = (layer.to_crs("EPSG:32638") for layer in ali_sabieh)
    one = measure_complexity(buildings, blocks, compute=Compute(threads=1))
    for other in (
        measure_complexity(buildings, blocks, compute=Compute(threads=4)),
        measure_complexity(shuffled(buildings), shuffled(blocks)),
    ):
        pd.testing.assert_frame_equal(one.blocks, other.blocks.loc[blocks.index])
        pd.testing.assert_frame_equal(one.buildings, other.buildings.loc[buildings.index])


def test_lusaka_is_plausible(shared_data: Path) -> None:
    folder = shared_data / "lusaka"
    buildings = gpd.read_file(folder / "buildings_lusaka.geojson").to_crs(UTM).geometry
    blocks = gpd.read_file(folder / "blocks_epsg4326.gpkg").to_crs(UTM).set_index("block_id").geometry
    network = connected_streets(gpd.read_file(folder / "streets_lusaka.geojson").to_crs(UTM).geometry)
    found = measure_complexity(buildings, blocks, network=network)
    assert found.blocks["k"].notna().sum() == 26
    assert found.blocks["is_on_network"].all()
    layer = found.buildings["layer"].astype(float)
    assert layer.corr(street_distance(buildings, network.lines), method="spearman") == pytest.approx(0.919, abs=0.005)


@pytest.mark.parametrize("crs", ["EPSG:4326", "ESRI:54009", "EPSG:3857", "EPSG:3035", "EPSG:32737", "EPSG:2229"])
def test_a_crs_that_bends_distances_is_refused(crs: str) -> None:
    blocks = gpd.GeoSeries([box(27.5, -18.1, 27.6, -18.0)], crs="EPSG:4326").to_crs(crs)
    buildings = gpd.GeoSeries([Point(27.55, -18.05)], crs="EPSG:4326").to_crs(crs)
    with pytest.raises(CRSError):
        measure_complexity(buildings, blocks)


def test_a_local_equal_area_crs_is_refused() -> None:
    crs = "+proj=laea +lat_0=-18.05 +lon_0=27.55 +datum=WGS84 +units=m"
    blocks = gpd.GeoSeries([box(-500, -500, 500, 500)], crs=crs)
    with pytest.raises(CRSError, match="not conformal"):
        measure_complexity(gpd.GeoSeries([Point(0, 0)], crs=crs), blocks)


def test_layers_that_differ_in_crs_are_refused() -> None:
    with pytest.raises(CRSError, match="differ"):
        measure_complexity(placed([Point(5, 5)]).to_crs("EPSG:4326"), placed([box(0, 0, 9, 9)]))


def grid(n: int, step: float = 10.0) -> list[BaseGeometry]:
    return [Point(step * (i + 0.5), step * (j + 0.5)) for i in range(n) for j in range(n)]


def measured(
    points: list[BaseGeometry], blocks: list[BaseGeometry], streets: list[BaseGeometry] | None = None
) -> Complexity:
    network = None if streets is None else connected_streets(placed(streets))
    return measure_complexity(placed(points), placed(blocks), network=network)


def test_a_square_of_49_has_layers_24_16_8_1() -> None:
    row = measured(grid(7), [box(0, 0, 70, 70)]).blocks.iloc[0]
    assert (row["k"], row["layers"]) == (4, "24,16,8,1")
    assert row["k_mean_bldg"] == pytest.approx((24 + 32 + 24 + 4) / 49)
    assert row["share_bldg_layer_ge3"] == pytest.approx(9 / 49)


def test_without_buildings_k_is_unknown_and_with_one_it_is_1() -> None:
    blocks = measured([Point(5, 5)], [box(0, 0, 10, 10), box(20, 0, 30, 10)]).blocks
    assert blocks["k"].fillna(-1).tolist() == [1, -1]
    assert blocks["n_buildings"].tolist() == [1, 0]
    assert blocks.loc[1, ["layers", "k_mean_bldg", "share_bldg_layer_ge3"]].isna().all()


def test_buildings_at_the_same_place_share_a_cell() -> None:
    points = [*grid(3), Point(15, 15), Point(15.0004, 15), Point(15, 15.0008)]
    row = measured(points, [box(0, 0, 30, 30)]).blocks.iloc[0]
    assert (row["k"], row["n_buildings"], row["layers"]) == (2, 12, "8,4")


def test_a_corner_is_contact_enough() -> None:
    # The middle cell of five in a cross touches the corners' cells only there.
    street = LineString([(0, 0), (0, 30)])
    layers = measured(grid(3), [box(0, 0, 30, 30)], [street]).buildings["layer"].tolist()
    assert layers == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    corner = measured(grid(3), [box(0, 0, 30, 30)], [LineString([(-5, 0), (0.5, 0)])]).buildings["layer"].tolist()
    assert corner == [1, 2, 3, 2, 2, 3, 3, 3, 3]


def test_a_street_within_a_metre_gives_access_and_one_beyond_does_not() -> None:
    block = [box(0, 0, 30, 30)]
    for gap, on_network in ((0.9, True), (1.1, False)):
        row = measured(grid(3), block, [LineString([(-9, -gap), (39, -gap)])]).blocks.iloc[0]
        assert bool(row["is_on_network"]) is on_network
        assert row["k"] == (3 if on_network else 2)
        assert row["nearest_ext_street_m"] == pytest.approx(gap)
        assert row["on_net_m"] > 30 if on_network else row["on_net_m"] == 0


def test_streets_connect_over_gaps_of_100_m_only() -> None:
    main = LineString([(-900, -50), (900, -50)])
    for gap, layers in ((100.0, [1, 2, 3]), (100.5, [1, 1, 1])):
        side = LineString([(0, -50 + gap), (0, -50 + gap + 8)])
        block = box(0, -50 + gap, 30, -40 + gap)
        row = [Point(10 * i + 5, -45 + gap) for i in range(3)]
        found = measured(row, [block], [main, side])
        assert found.buildings["layer"].tolist() == layers
        assert bool(found.blocks["is_on_network"].iloc[0]) is (gap == 100.0)
        assert found.blocks["off_net_m"].iloc[0] == pytest.approx(0.0 if gap == 100.0 else 8.0)


def test_a_hole_gives_access_only_where_a_street_runs() -> None:
    ring = box(0, 0, 70, 70).difference(box(30, 30, 40, 40))
    points = [point for point in grid(7) if point.distance(Point(35, 35)) > 1]
    assert measured(points, [ring]).blocks["k"].iloc[0] == 3
    street = LineString([(35, 35), (35, 39.5)])
    outer = LineString(box(0, 0, 70, 70).exterior.coords)
    network = connected_streets(placed([street, outer]))
    found = measure_complexity(placed(points), placed([ring]), network=network)
    assert found.buildings["layer"].value_counts().to_dict() == {1: 25, 2: 20, 3: 3}


def test_the_part_of_a_block_that_no_street_reaches_falls_back_to_its_outline() -> None:
    two = MultiPolygon([box(0, 0, 30, 30), box(500, 0, 530, 30)])
    points = [*grid(3), *(Point(point.x + 500, point.y) for point in grid(3))]
    found = measured(points, [two], [LineString([(0, 0), (30, 0)])])
    assert found.buildings["layer"].tolist() == [1, 2, 3] * 3 + [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert not found.blocks["is_on_network"].iloc[0]


def test_a_cell_in_several_parts_is_one_cell() -> None:
    # A wall of the block parts the ground of the right building in two; the far part lies at the street.
    comb = box(0, 0, 20, 30).difference(box(8, 10, 12, 30))
    points = [Point(4, 29), Point(19, 15)]
    found = measured(points, [comb], [LineString([(0, 0), (3, 0)])])
    cells = building_cells(placed(points), placed([comb]))
    assert cells.geometry.iloc[1].area + cells.geometry.iloc[0].area == pytest.approx(comb.area)
    pairs, access, _ = plain_layers(np.array([[4.0, 29], [19, 15]]), comb, LineString([(0, 0), (3, 0)]))
    assert found.buildings["layer"].tolist() == [1 if one else 2 for one in access]
    assert pairs == {(0, 1)}


def test_buildings_in_no_block_and_on_a_border() -> None:
    blocks = placed([box(10, 0, 20, 10), box(0, 0, 10, 10)], index=["B", "A"])
    found = measure_complexity(placed([Point(99, 99), Point(10, 5), Point(15, 5)]), blocks).buildings
    assert found["block_id"].fillna("none").tolist() == ["none", "A", "B"]
    assert found["layer"].fillna(-1).tolist() == [-1, 1, 1]


def test_ids_stay_whole_numbers() -> None:
    found = measure_complexity(placed([Point(99, 99), Point(5, 5)]), placed([box(0, 0, 9, 9)], index=[7]))
    assert str(found.buildings["block_id"].dtype) == "Int64"
    assert found.buildings["block_id"].fillna(-1).tolist() == [-1, 7]


def test_cells_partition_their_block(ali_sabieh: tuple[gpd.GeoSeries, gpd.GeoSeries]) -> None:
    buildings, blocks = (layer.to_crs("EPSG:32638") for layer in ali_sabieh)
    some = blocks[shapely.area(blocks.array) < 1e6]
    cells = building_cells(buildings, some)
    summed = cells.area.groupby(cells["block_id"]).sum()
    np.testing.assert_allclose(summed, some.loc[summed.index].area, rtol=1e-9)


def test_parcels_are_joined_over_small_gaps_only() -> None:
    rows = [box(10 * i, 10 * j, 10 * i + 9.97, 10 * j + 9.97) for i in range(5) for j in range(5)]
    parcels = gpd.GeoSeries(rows)
    found = parcel_layers(parcels)
    assert found["layer"].value_counts().to_dict() == {1: 16, 2: 8, 3: 1}
    assert found["block"].unique().tolist() == [1]
    assert parcel_layers(parcels, snap_m=0.01)["block"].nunique() == 25
    lane = parcel_layers(parcels.drop(12))
    assert lane["layer"].max() == 1
