"""New paths that give every building of a deep block access: where they run, how long, for how many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from geo_profiling.compute import Compute
from geo_profiling.crs import require_same
from geo_profiling.errors import UsageError
from geo_profiling.settlements.complexity import DEEP_LAYER, Complexity, building_points
from geo_profiling.settlements.contacts import (
    ACCESS_M,
    BlockGround,
    Contacts,
    block_contacts,
    distinct_points,
    layers_of,
    lines_of,
)
from geo_profiling.settlements.local_crs import require_local_conformal
from geo_profiling.settlements.planar import Flags, Floats, Integers
from geo_profiling.settlements.steiner import GroupGraph, shortest_tree
from geo_profiling.settlements.streets import ConnectedStreets

#: Ends of cell borders no farther apart than this are one corner.
_CORNER_M = 0.001

_COLUMNS = (
    *("path_id", "block_id", "is_on_network", "length_m", "n_buildings", "n_households"),
    *("length_per_building_m", "length_per_household_m", "cost", "cost_per_household"),
    *("block_new_paths_m", "block_lower_bound_m", "block_bound_ratio"),
)


@dataclass(frozen=True)
class _Block:
    """A block to be opened, by position; whether its streets or its exterior ring are the access."""

    position: int
    ground: BlockGround
    uses_ring: bool


@dataclass(frozen=True)
class _Path:
    line: BaseGeometry
    buildings: Integers


@dataclass(frozen=True)
class _Borders:
    """The borders of a block's cells as a graph: ends of edges, their cells (-1: none), places of nodes."""

    ends: Integers
    cells: Integers
    places: Floats


def new_paths(
    buildings: gpd.GeoSeries,
    blocks: gpd.GeoSeries,
    complexity: Complexity,
    *,
    network: ConnectedStreets | None = None,
    households: pd.Series | None = None,
    cost_per_m: float | None = None,
    min_k: int = DEEP_LAYER,
    access_m: float = ACCESS_M,
    compute: Compute | None = None,
) -> gpd.GeoDataFrame:
    """Find short new paths by which every building of blocks with k from ``min_k`` up touches access.

    Definition (Brelsford et al. 2018): paths run along the borders of building cells, that is
    half-way between buildings, so that none is torn down in the model; each is connected to a street;
    afterwards every cell touches a street or a path, and k of the block is 1. Their total length is
    to be the shortest. That problem (a group Steiner tree) cannot be solved exactly for large blocks;
    the heuristic is :func:`geo_profiling.settlements.steiner.shortest_tree`, and every block carries
    a lower bound and the ratio to it: at ratio 1.1 no plan can be more than 9 % shorter.

    Paths are lines without width on ideal borders: a first plan to talk about, no survey.

    Parameters
    ----------
    buildings, blocks : geopandas.GeoSeries
        As for :func:`geo_profiling.settlements.complexity.measure_complexity`.
    complexity : Complexity
        Its result for them.
    network : ConnectedStreets, optional
        As there; without it, and where it does not reach the block, the exterior ring is the access.
    households : pandas.Series, optional
        Households by building, on its index.
    cost_per_m : float, optional
        In any currency.
    min_k : int
        Blocks of a lower k are left as they are.
    access_m : float
        In metres.
    compute : Compute, optional

    Returns
    -------
    geopandas.GeoDataFrame
        Lines: path_id, block_id, is_on_network, length_m, n_buildings (without access before, that it
        serves; a building at two paths counts at the first), n_households, length_per_building_m,
        length_per_household_m, cost, cost_per_household (NULL without households or cost), and of the
        whole block block_new_paths_m, block_lower_bound_m, block_bound_ratio (NULL if nothing bounds it).

    Raises
    ------
    CRSError
        If a CRS is not a local conformal one, or they differ.
    UsageError
        If the cost is negative.

    References
    ----------
    Brelsford, Martin, Hand and Bettencourt, Science Advances 4 (2018), eaar4644. Wong, "A dual ascent
    approach for Steiner tree problems on a directed graph", Mathematical Programming 28 (1984).

    Examples
    --------
    >>> from shapely import Point, box
    >>> from geo_profiling.settlements.complexity import measure_complexity
    >>> grid = [Point(600_005 + 10 * i, 8_000_005 + 10 * j) for i in range(5) for j in range(5)]
    >>> buildings = gpd.GeoSeries(grid, crs="EPSG:32735")
    >>> blocks = gpd.GeoSeries([box(6e5, 8e6, 600_050, 8_000_050)], index=["A"], crs="EPSG:32735")
    >>> found = measure_complexity(buildings, blocks)
    >>> paths = new_paths(buildings, blocks, found)
    >>> float(round(paths["length_m"].sum(), 2)), int(paths["n_buildings"].sum())
    (50.0, 9)
    """
    if cost_per_m is not None and not cost_per_m >= 0:
        raise UsageError(f"cost_per_m {cost_per_m} is no cost", hint="give the cost of a metre of path")
    crs = require_local_conformal(blocks, what="blocks")
    require_same(buildings.crs, crs, what="buildings and blocks")
    groups = complexity.buildings.groupby("block_id").indices
    members: dict[object, Integers] = {name: np.asarray(rows, np.int64) for name, rows in groups.items()}
    found = (compute or Compute(threads=1)).map(
        _Opening(access_m),
        _deep_blocks(buildings, blocks, complexity, network, members, min_k, access_m),
        label="paths",
    )
    rows: list[dict[str, object]] = []
    for position, paths, bound in found:
        name = blocks.index[position]
        rows += _rows(name, complexity.blocks["is_on_network"].iloc[position], paths, bound, members[name], households)
    frame = gpd.GeoDataFrame(rows, columns=[*_COLUMNS, "geometry"], geometry="geometry", crs=crs)
    frame = frame.astype({"is_on_network": "boolean", "n_buildings": "int64"})
    for column in ("n_households", "length_per_household_m", "cost", "cost_per_household"):
        frame[column] = frame[column].astype(float)
    if cost_per_m is not None:
        frame["cost"] = frame["length_m"] * cost_per_m
        frame["cost_per_household"] = frame["length_per_household_m"] * cost_per_m
    return frame


def _deep_blocks(
    buildings: gpd.GeoSeries,
    blocks: gpd.GeoSeries,
    complexity: Complexity,
    network: ConnectedStreets | None,
    members: dict[object, Integers],
    min_k: int,
    access_m: float,
) -> Iterator[_Block]:
    points = building_points(np.asarray(buildings.array, dtype=object))
    polygons = np.asarray(blocks.array, dtype=object)
    deep = np.flatnonzero((complexity.blocks["k"] >= min_k).fillna(False).to_numpy(bool))
    for position in deep:
        access = np.empty((0, 4))
        if network is not None:
            near = network.segment_tree.query(polygons[position], predicate="dwithin", distance=access_m)
            access = network.segments[np.sort(near)]
        ground = BlockGround(polygons[position], points[members[blocks.index[position]]], access)
        yield _Block(int(position), ground, network is None)


@dataclass(frozen=True)
class _Opening:
    """Opens one block: a function that goes to workers."""

    access_m: float

    def __call__(self, block: _Block) -> tuple[int, list[_Path], float]:
        contacts = block_contacts(block.ground)
        has_access, lines = _access(contacts, block, self.access_m)
        borders = _cell_borders(contacts)
        is_root = _near_lines(borders.places, lines, self.access_m)
        length = np.hypot(*(borders.places[borders.ends[:, 0]] - borders.places[borders.ends[:, 1]]).T)
        groups, group_of = np.flatnonzero(~has_access), np.full(len(has_access), -1, np.int64)
        group_of[groups] = np.arange(len(groups))
        node, cell = _corners(borders)
        wanted = group_of[cell] >= 0
        graph = GroupGraph(borders.ends, length, is_root, group_of[cell[wanted]], node[wanted], len(groups))
        chosen, bound = shortest_tree(graph)
        return block.position, _paths(chosen, graph, borders, contacts, groups), bound


def _access(contacts: Contacts, block: _Block, access_m: float) -> tuple[Flags, Floats]:
    """Return which cells have access already, and the lines that give it, as the complexity read them."""
    outer = contacts.rings[contacts.is_outer]
    if block.uses_ring:
        return contacts.with_outer_ring(reach_m=access_m), outer
    lines = block.ground.access - np.tile(contacts.origin, 2)
    access = contacts.with_access(block.ground.access, reach_m=access_m)
    unreached = layers_of(contacts, access) == 0
    if not unreached.any():
        return access, lines
    return access | (unreached & contacts.with_outer_ring(reach_m=access_m)), np.concatenate([lines, outer])


def _near_lines(places: Floats, lines: Floats, reach_m: float) -> Flags:
    geometry = lines_of(lines)
    shapely.prepare(geometry)
    near: Flags = np.asarray(shapely.dwithin(shapely.points(places), geometry, reach_m))
    return near


def _cell_borders(contacts: Contacts) -> _Borders:
    """Return the borders of cells inside the block and along its border, in local coordinates."""
    part = contacts.diagram
    polygon = shapely.transform(contacts.polygon, lambda xy: xy - contacts.origin)
    shapely.prepare(polygon)
    lines = np.asarray(shapely.linestrings(part.vertices[part.end_ids]), dtype=object)
    near = np.flatnonzero(shapely.intersects(polygon, lines))
    whole = shapely.covers(polygon, lines[near])
    inner = lines[near]
    inner[~whole] = shapely.intersection(inner[~whole], polygon)
    pieces, origin = shapely.get_parts(inner, return_index=True)
    is_line = shapely.get_dimensions(pieces) == 1
    pieces, origin = pieces[is_line], origin[is_line]
    coordinates, piece = shapely.get_coordinates(pieces, return_index=True)
    first = np.flatnonzero(np.r_[True, piece[1:] != piece[:-1]])
    last = np.r_[first[1:], len(piece)] - 1
    segments = np.concatenate([np.hstack([coordinates[first], coordinates[last]]), contacts.pieces])
    alone = np.stack([contacts.piece_cell, np.full(len(contacts.piece_cell), -1)], axis=1)
    cells = np.concatenate([part.edges[near[origin]], alone])
    places, node = distinct_points(segments.reshape(-1, 2), same_m=_CORNER_M)
    return _Borders(node.reshape(-1, 2), cells, places)


def _corners(borders: _Borders) -> tuple[Integers, Integers]:
    """Return which node is a corner of which cell, each once."""
    node = np.repeat(borders.ends, 2, axis=1).ravel()
    cell = np.tile(borders.cells, (1, 2)).ravel()
    pairs = np.unique(np.stack([cell[cell >= 0], node[cell >= 0]]), axis=1)
    return pairs[1], pairs[0]


def _paths(chosen: Flags, graph: GroupGraph, borders: _Borders, contacts: Contacts, groups: Integers) -> list[_Path]:
    """Return the new paths, the longest first: lines that meet away from existing access are one path."""
    edges = np.flatnonzero(chosen & (graph.length > 0))
    if edges.size == 0:
        return []
    free = ~graph.is_root
    joined = edges[free[graph.ends[edges]].all(axis=1)]
    n = len(graph.is_root)
    linked = coo_array((np.ones(joined.size, bool), (graph.ends[joined, 0], graph.ends[joined, 1])), shape=(n, n))
    component = connected_components(linked, directed=False)[1]
    inner_end = np.where(free[graph.ends[edges, 0]], graph.ends[edges, 0], graph.ends[edges, 1])
    label = component[inner_end]
    lines, nodes = [], []
    for one in np.unique(label):
        own = edges[label == one]
        segments = borders.places[graph.ends[own]].reshape(-1, 4) + np.tile(contacts.origin, 2)
        lines.append(shapely.normalize(shapely.line_merge(lines_of(segments))))
        nodes.append(np.unique(graph.ends[own]))
    order = sorted(range(len(lines)), key=lambda i: (-round(lines[i].length, 3), shapely.to_wkb(lines[i])))
    served = np.zeros(graph.n_groups, bool)
    paths = []
    for i in order:
        touched = np.zeros(n, bool)
        touched[nodes[i]] = True
        group = np.unique(graph.member_group[touched[graph.member_node]])
        group = group[~served[group]]
        served[group] = True
        paths.append(_Path(lines[i], np.flatnonzero(np.isin(contacts.site_of_point, groups[group]))))
    return paths


def _rows(
    name: object,
    is_on_network: object,
    paths: list[_Path],
    bound: float,
    members: Integers,
    households: pd.Series | None,
) -> Iterator[dict[str, object]]:
    total = sum(path.line.length for path in paths)
    for number, path in enumerate(paths, start=1):
        length, count = path.line.length, len(path.buildings)
        homes = np.nan if households is None else float(households.iloc[members[path.buildings]].sum(skipna=False))
        yield {
            "path_id": f"{name}-{number}",
            "block_id": name,
            "is_on_network": is_on_network,
            "length_m": length,
            "n_buildings": count,
            "n_households": homes,
            "length_per_building_m": length / count if count else np.nan,
            "length_per_household_m": length / homes if homes > 0 else np.nan,
            "cost": np.nan,
            "cost_per_household": np.nan,
            "block_new_paths_m": total,
            "block_lower_bound_m": bound,
            "block_bound_ratio": total / bound if bound > 0 else np.nan,
            "geometry": path.line,
        }
