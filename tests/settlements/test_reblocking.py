"""New paths: everybody gets access, no path is idle, and the lower bound holds."""

from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box
from shapely.geometry.base import BaseGeometry

from geo_profiling.compute import Compute
from geo_profiling.errors import UsageError
from geo_profiling.settlements.complexity import measure_complexity
from geo_profiling.settlements.reblocking import new_paths
from geo_profiling.settlements.steiner import GroupGraph, shortest_tree
from geo_profiling.settlements.streets import ConnectedStreets, connected_streets

UTM = "EPSG:32735"


def placed(shapes: list[BaseGeometry]) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapes, crs=UTM).translate(600_000, 8_000_000)


def with_paths(streets: gpd.GeoSeries, paths: gpd.GeoDataFrame) -> ConnectedStreets:
    return connected_streets(gpd.GeoSeries(pd.concat([streets, paths.geometry], ignore_index=True), crs=streets.crs))


@pytest.fixture(scope="module")
def lusaka(shared_data: Path) -> tuple[gpd.GeoSeries, gpd.GeoSeries, gpd.GeoSeries]:
    folder = shared_data / "lusaka"
    buildings = gpd.read_file(folder / "buildings_lusaka.geojson").to_crs(UTM).geometry
    blocks = gpd.read_file(folder / "blocks_epsg4326.gpkg").to_crs(UTM).set_index("block_id").geometry
    return buildings, blocks, gpd.read_file(folder / "streets_lusaka.geojson").to_crs(UTM).geometry


def test_lusaka_every_building_of_a_deep_block_gets_access(
    lusaka: tuple[gpd.GeoSeries, gpd.GeoSeries, gpd.GeoSeries],
) -> None:
    buildings, blocks, streets = lusaka
    network = connected_streets(streets)
    before = measure_complexity(buildings, blocks, network=network)
    paths = new_paths(buildings, blocks, before, network=network, cost_per_m=40.0)
    after = measure_complexity(buildings, blocks, network=with_paths(streets, paths))
    deep = before.blocks["k"] >= 3
    assert deep.sum() == paths["block_id"].nunique() == 20
    assert (after.blocks.loc[deep.fillna(False), "k"] == 1).all()
    shallow = before.blocks["k"] < 3
    assert after.blocks.loc[shallow.fillna(False), "k"].equals(before.blocks.loc[shallow.fillna(False), "k"])
    without = before.buildings["block_id"].isin(before.blocks.index[deep.fillna(False)])
    assert paths["n_buildings"].sum() == (without & (before.buildings["layer"] > 1)).sum()
    by_block = paths.groupby("block_id").first()
    assert by_block["block_bound_ratio"].between(1 - 1e-9, 1.25).all()
    assert by_block["block_new_paths_m"].sum() / by_block["block_lower_bound_m"].sum() < 1.16
    np.testing.assert_allclose(paths["cost"], 40 * paths.length)
    assert paths["cost_per_household"].isna().all()


def test_paths_do_not_depend_on_workers_or_order(lusaka: tuple[gpd.GeoSeries, gpd.GeoSeries, gpd.GeoSeries]) -> None:
    buildings, blocks, streets = lusaka
    network = connected_streets(streets)
    one = new_paths(buildings, blocks, measure_complexity(buildings, blocks, network=network), network=network)
    mixed = buildings.sample(frac=1, random_state=1)
    found = measure_complexity(mixed, blocks, network=network)
    other = new_paths(mixed, blocks, found, network=network, compute=Compute(threads=3))
    pd.testing.assert_frame_equal(one.drop(columns="geometry"), other.drop(columns="geometry"))
    assert one.geometry.geom_equals_exact(other.geometry, 0).all()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(20, 90), st.booleans())
def test_afterwards_k_is_1(seed: int, count: int, on_a_lattice: bool) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(1, 99, (count, 2))
    if on_a_lattice:
        xy = np.unique(np.floor(xy / 11) * 11 + 5.5, axis=0)
    buildings, blocks = placed([Point(*one) for one in xy]), placed([box(0, 0, 100, 100)])
    street = placed([LineString([(-50, 0), (rng.uniform(10, 150), 0)])])
    network = connected_streets(street)
    before = measure_complexity(buildings, blocks, network=network)
    paths = new_paths(buildings, blocks, before, network=network)
    if before.blocks["k"].iloc[0] < 3:
        assert paths.empty
        return
    after = measure_complexity(buildings, blocks, network=with_paths(street, paths))
    assert after.blocks["k"].iloc[0] == 1
    assert bool(after.blocks["is_on_network"].iloc[0])
    assert paths["block_new_paths_m"].iloc[0] >= paths["block_lower_bound_m"].iloc[0] - 1e-6
    assert paths.geometry.within(blocks.iloc[0].buffer(0.01)).all()


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_the_bound_is_below_and_the_tree_near_the_best_of_all_subsets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 6
    pairs = np.array(list(itertools.combinations(range(n), 2)))
    ends = pairs[np.sort(rng.choice(len(pairs), 9, replace=False))]
    length = rng.integers(1, 9, len(ends)).astype(float)
    is_root = np.arange(n) == 0
    groups = [rng.choice(np.arange(1, n), int(rng.integers(1, 3)), replace=False) for _ in range(3)]
    member_group = np.repeat(np.arange(3), [len(group) for group in groups])
    graph = GroupGraph(ends, length, is_root, member_group, np.concatenate(groups), 3)
    chosen, bound = shortest_tree(graph)

    def serves(edges: tuple[int, ...]) -> bool:
        reached = {0}
        for _ in range(n):
            reached |= {int(v) for e in edges for v in ends[e] if reached & {int(u) for u in ends[e]}}
        return all(reached & set(group.tolist()) for group in groups)

    subsets = (subset for size in range(len(ends) + 1) for subset in itertools.combinations(range(len(ends)), size))
    costs = [float(length[list(subset)].sum()) for subset in subsets if serves(subset)]
    if not costs:
        return
    assert serves(tuple(np.flatnonzero(chosen)))
    assert bound <= min(costs) + 1e-9
    assert min(costs) <= length[chosen].sum() <= 2 * min(costs)


def test_a_row_of_five_deep_needs_one_lane() -> None:
    houses = [box(10 * i + 2, 8 * j + 2, 10 * i + 8, 8 * j + 6) for i in range(2) for j in range(5)]
    buildings, blocks = placed(houses), placed([box(0, 0, 20, 40)])
    street = placed([LineString([(-9, 0), (29, 0)])])
    network = connected_streets(street)
    found = measure_complexity(buildings, blocks, network=network)
    homes = pd.Series(np.arange(1, 11), index=buildings.index)
    path = new_paths(buildings, blocks, found, network=network, households=homes, cost_per_m=10.0).iloc[0]
    # Between the two rows, up to the corner of the last two.
    assert path["length_m"] == pytest.approx(32.0)
    assert path["block_bound_ratio"] == pytest.approx(1.0)
    assert (path["n_buildings"], path["n_households"]) == (8, 55 - 1 - 6)
    assert path["cost_per_household"] == pytest.approx(320 / 48)
    assert path["path_id"] == "0-1"


def test_households_that_are_unknown_stay_unknown() -> None:
    points = [Point(10 * i + 5, 10 * j + 5) for i in range(5) for j in range(5)]
    buildings, blocks = placed(points), placed([box(0, 0, 50, 50)])
    homes = pd.Series([2.0] * 12 + [np.nan] + [2.0] * 12, index=buildings.index)
    found = measure_complexity(buildings, blocks)
    paths = new_paths(buildings, blocks, found, households=homes)
    assert paths["n_households"].isna().sum() == 1
    assert paths["is_on_network"].isna().all()


def test_a_negative_cost_is_refused_and_shallow_blocks_are_left() -> None:
    buildings, blocks = placed([Point(5, 5)]), placed([box(0, 0, 50, 50)])
    found = measure_complexity(buildings, blocks)
    with pytest.raises(UsageError):
        new_paths(buildings, blocks, found, cost_per_m=-1.0)
    assert new_paths(buildings, blocks, found).empty
