"""Block complexity k: how many buildings lie between the deepest building of a block and the street."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import require_same
from geo_profiling.settlements.contacts import ACCESS_M, CONTACT_M, BlockGround, block_contacts, layers_of
from geo_profiling.settlements.local_crs import require_local_conformal
from geo_profiling.settlements.streets import ConnectedStreets

#: From this layer on a building has no street at its plot: a planner would open new access.
DEEP_LAYER = 3
#: Blocks that one task measures hold about this many buildings.
_BUILDINGS_A_TASK = 20_000

Geometries = NDArray[np.object_]
_POINT = 0


@dataclass(frozen=True)
class Complexity:
    """Complexity of blocks, and the layer of every building.

    Attributes
    ----------
    blocks : pandas.DataFrame
        On the index of the blocks: k, n_buildings, layers, k_mean_bldg, share_bldg_layer_ge3,
        is_on_network, on_net_m, off_net_m, nearest_ext_street_m.
    buildings : pandas.DataFrame
        On the index of the buildings: block_id (of no block: None), layer.
    """

    blocks: pd.DataFrame
    buildings: pd.DataFrame


@dataclass(frozen=True)
class _Rules:
    contact_m: float
    access_m: float


@dataclass(frozen=True)
class _Task:
    """Blocks that are measured together; without streets, ``has_streets`` is False."""

    grounds: list[BlockGround]
    has_streets: bool
    rules: _Rules


def measure_complexity(
    buildings: gpd.GeoSeries,
    blocks: gpd.GeoSeries,
    *,
    network: ConnectedStreets | None = None,
    contact_m: float = CONTACT_M,
    access_m: float = ACCESS_M,
    compute: Compute | None = None,
) -> Complexity:
    """Measure the complexity k of street blocks.

    Definition: the ground of a block is divided among its buildings, each place to the nearest
    centroid (Voronoi cells, clipped to the block). Cells within ``access_m`` of a street on the
    network are layer 1; cells that touch layer n (``contact_m``, a corner is enough) and have no
    layer yet are layer n + 1. k is the number of layers: the buildings to cross, one's own
    included, from the deepest building to the street.

    Buildings at the same place share a cell; a cell in several parts is one. A block without
    buildings has k NULL. Where no street on the network comes within reach of a block, its exterior
    ring is taken for the street and ``is_on_network`` is False; of a block in several parts this
    holds for the part that no street reaches. Without streets the exterior ring of every block is
    access and ``is_on_network`` is NULL. Holes give access only where a street runs.

    Parameters
    ----------
    buildings : geopandas.GeoSeries
        Polygons (their centroids serve) or points, in a local conformal CRS.
    blocks : geopandas.GeoSeries
        Polygons, indexed by their ids, in the same CRS.
    network : ConnectedStreets, optional
        In the same CRS.
    contact_m, access_m : float
        In metres.
    compute : Compute, optional
        Where blocks are measured; one thread by default.

    Returns
    -------
    Complexity
        ``k_mean_bldg`` is the mean layer of its buildings, ``share_bldg_layer_ge3`` (0-1) the share
        in layer 3 or deeper, ``layers`` the buildings in each layer. ``on_net_m`` and ``off_net_m``
        are metres of street, on and off the network, inside the block or along its border (a street
        between two blocks counts for both); ``nearest_ext_street_m`` is from the block to the
        nearest street on the network. These three are NULL without streets.

    Raises
    ------
    CRSError
        If a CRS is not a local conformal one, or they differ.

    References
    ----------
    Brelsford, Martin, Hand and Bettencourt, "Toward cities without slums: topology and the spatial
    evolution of neighborhoods", Science Advances 4 (2018). Bettencourt and Marchio, "Infrastructure
    deficits and informal settlements in sub-Saharan Africa", Nature (2025), doi:10.1038/s41586-025-09465-2.

    Examples
    --------
    >>> from shapely import Point, box
    >>> nine = gpd.GeoSeries([Point(600_005 + 10 * i, 8_000_005 + 10 * j) for i in range(3) for j in range(3)])
    >>> block = gpd.GeoSeries([box(6e5, 8e6, 600_030, 8_000_030)], index=["A"], crs="EPSG:32735")
    >>> found = measure_complexity(nine.set_crs("EPSG:32735"), block)
    >>> found.blocks.loc["A", ["k", "n_buildings", "layers"]].astype(str).tolist()
    ['2', '9', '8,1']
    """
    crs = require_local_conformal(blocks, what="blocks")
    require_same(buildings.crs, crs, what="buildings and blocks")
    if network is not None:
        require_same(network.lines.crs, crs, what="streets and blocks")
    polygons = np.asarray(blocks.array, dtype=object)
    points = building_points(np.asarray(buildings.array, dtype=object))
    block_of = blocks_of_points(points, blocks)
    order = np.argsort(block_of, kind="stable")
    starts = np.searchsorted(block_of[order], np.arange(len(polygons) + 1))
    layer = np.zeros(len(points), np.int64)
    is_on_network = np.full(len(polygons), network is not None)
    members = [order[starts[i] : starts[i + 1]] for i in range(len(polygons))]
    occupied = np.flatnonzero(np.diff(starts))
    tasks = _tasks(occupied, members, points, polygons, network, _Rules(contact_m, access_m))
    results = (compute or Compute(threads=1)).map(_measure, tasks, label="blocks")
    at = 0
    for measured in results:
        for layers, reached in measured:
            layer[members[occupied[at]]] = layers
            is_on_network[occupied[at]] = reached
            at += 1
    described = _described(block_of, layer, len(polygons)).set_index(blocks.index)
    streets = _street_lengths(polygons, network, access_m).set_index(blocks.index)
    empty = np.setdiff1d(np.arange(len(polygons)), occupied)
    if network is not None:
        is_on_network[empty] = streets["on_net_m"].to_numpy()[empty] > 0
    flags = pd.array(is_on_network, dtype="boolean") if network is not None else pd.array([pd.NA] * len(polygons))
    described["is_on_network"] = pd.Series(flags, index=blocks.index, dtype="boolean")
    ids = np.array([*blocks.index, None], dtype=object)
    kind = "Int64" if pd.api.types.is_integer_dtype(blocks.index.dtype) else object
    by_building = pd.DataFrame(
        {
            "block_id": pd.Series(ids[np.where(block_of < 0, len(polygons), block_of)], dtype=kind),
            "layer": pd.array(np.where(layer > 0, layer, -1), dtype="Int64"),
        }
    ).set_index(buildings.index)
    by_building["layer"] = by_building["layer"].mask(by_building["layer"] < 0)
    return Complexity(pd.concat([described, streets], axis=1), by_building)


def building_points(buildings: Geometries) -> NDArray[np.float64]:
    """Return the point that stands for each building: its centroid.

    Examples
    --------
    >>> building_points(np.array([shapely.box(0, 0, 4, 2), shapely.Point(7, 8)])).tolist()
    [[2.0, 1.0], [7.0, 8.0]]
    """
    is_point = (shapely.get_type_id(buildings) == _POINT).all()
    coordinates: NDArray[np.float64] = shapely.get_coordinates(buildings if is_point else shapely.centroid(buildings))
    return coordinates


def blocks_of_points(points: NDArray[np.float64], blocks: gpd.GeoSeries) -> NDArray[np.int64]:
    """Return the position of the block that each point lies in, -1 for none.

    A point on the border of several goes to the one with the lowest id, whatever their order.

    Examples
    --------
    >>> two = gpd.GeoSeries([shapely.box(1, 0, 2, 1), shapely.box(0, 0, 1, 1)], index=["B", "A"])
    >>> blocks_of_points(np.array([[1.5, 0.5], [1.0, 0.5], [9.0, 9.0]]), two).tolist()
    [0, 1, -1]
    """
    polygons = np.asarray(blocks.array, dtype=object)
    rank = np.empty(len(polygons), np.int64)
    rank[np.argsort(np.array([str(name) for name in blocks.index]), kind="stable")] = np.arange(len(polygons))
    at_rank = np.argsort(rank)
    lowest = np.full(len(points), len(polygons), np.int64)
    # Asked from the side of the polygons, each of them is prepared once for all of its points.
    block, point = shapely.STRtree(np.asarray(shapely.points(points), dtype=object)).query(
        polygons, predicate="intersects"
    )
    np.minimum.at(lowest, point, rank[block])
    found: NDArray[np.int64] = np.append(at_rank, -1)[lowest]
    return found


def _tasks(
    occupied: NDArray[np.int64],
    members: Sequence[NDArray[np.int64]],
    points: NDArray[np.float64],
    polygons: Geometries,
    network: ConnectedStreets | None,
    rules: _Rules,
) -> Iterator[_Task]:
    segments, start = np.empty((0, 4)), np.zeros(len(polygons) + 1, np.int64)
    if network is not None:
        block, segment = network.segment_tree.query(polygons, predicate="dwithin", distance=rules.access_m)
        order = np.lexsort((segment, block))
        segments, start = network.segments[segment[order]], np.searchsorted(block[order], np.arange(len(polygons) + 1))
    grounds: list[BlockGround] = []
    count = 0
    for i in occupied:
        near = segments[start[i] : start[i + 1]]
        grounds.append(BlockGround(polygons[i], points[members[i]], near))
        count += len(members[i])
        if count >= _BUILDINGS_A_TASK:
            yield _Task(grounds, network is not None, rules)
            grounds, count = [], 0
    if grounds:
        yield _Task(grounds, network is not None, rules)


def _measure(task: _Task) -> list[tuple[NDArray[np.int64], bool]]:
    return [_measure_block(ground, task.has_streets, task.rules) for ground in task.grounds]


def _measure_block(ground: BlockGround, has_streets: bool, rules: _Rules) -> tuple[NDArray[np.int64], bool]:
    """Return the layer of each building, and whether streets reach all of the block."""
    contacts = block_contacts(ground, contact_m=rules.contact_m)
    if not has_streets:
        layer = layers_of(contacts, contacts.with_outer_ring(reach_m=rules.access_m))
        return layer[contacts.site_of_point], False
    access = contacts.with_access(ground.access, reach_m=rules.access_m)
    layer = layers_of(contacts, access)
    unreached = layer == 0
    if unreached.any():
        layer = layers_of(contacts, access | (unreached & contacts.with_outer_ring(reach_m=rules.access_m)))
    return layer[contacts.site_of_point], not unreached.any()


def _described(block_of: NDArray[np.int64], layer: NDArray[np.int64], n_blocks: int) -> pd.DataFrame:
    inside = (block_of >= 0) & (layer > 0)
    block, depth = block_of[inside], layer[inside]
    count = np.bincount(block_of[block_of >= 0], minlength=n_blocks)
    k = np.zeros(n_blocks, np.int64)
    np.maximum.at(k, block, depth)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(block, weights=depth, minlength=n_blocks) / count
        deep = np.bincount(block, weights=depth >= DEEP_LAYER, minlength=n_blocks) / count
    numbers = pd.DataFrame({"block": block, "layer": depth}).groupby(["block", "layer"]).size()
    texts = numbers.astype(str).groupby(level="block").agg(",".join)
    return pd.DataFrame(
        {
            "k": pd.array(k, dtype="Int64"),
            "n_buildings": count,
            "layers": texts.reindex(range(n_blocks)).astype(object).where(lambda text: text.notna(), None),
            "k_mean_bldg": mean,
            "share_bldg_layer_ge3": deep,
        }
    ).assign(k=lambda frame: frame["k"].mask(frame["k"] == 0))


def _street_lengths(polygons: Geometries, network: ConnectedStreets | None, access_m: float) -> pd.DataFrame:
    columns = ("on_net_m", "off_net_m", "nearest_ext_street_m")
    if network is None:
        return pd.DataFrame({name: np.full(len(polygons), np.nan) for name in columns})
    lines = np.asarray(network.lines.array, dtype=object)
    grown = shapely.buffer(polygons, access_m)
    shapely.prepare(grown)
    on, off = lines[network.is_on_network], lines[~network.is_on_network]
    lengths = [_lengths_within(some, grown) for some in (on, off)]
    distance = np.full(len(polygons), np.nan)
    (block, _), metres = shapely.STRtree(on).query_nearest(polygons, all_matches=False, return_distance=True)
    distance[block] = metres
    return pd.DataFrame(dict(zip(columns, [*lengths, distance], strict=True)))


def _lengths_within(lines: Geometries, areas: Geometries) -> NDArray[np.float64]:
    if len(lines) == 0:
        return np.zeros(len(areas))
    area, line = shapely.STRtree(lines).query(areas, predicate="intersects")
    length = shapely.length(lines[line])
    part = np.flatnonzero(~shapely.covers(areas[area], lines[line]))
    length[part] = shapely.length(shapely.intersection(lines[line[part]], areas[area[part]]))
    return np.bincount(area, weights=length, minlength=len(areas)).astype(np.float64)
