"""Walking along streets from many places at once: the kernels.

Distances are 64-bit integers in units of 2**-32 m while they are computed: sums of segments are then the
same in any order, and equal ways are equal, so that the smaller target is taken whatever the order.
"""

from __future__ import annotations

import heapq

import numba
import numpy as np
from scipy.sparse import csr_array

from geo_profiling.access.junctions import FloatArray, IntArray
from geo_profiling.access.location import Seeds
from geo_profiling.access.network import StreetNetwork

#: Parts into which a metre is divided.
TICKS_PER_M = 2.0**32
#: Distances at or above this stand for "not reached".
UNREACHED = np.int64(2**62)
#: Label of what no target reaches.
NOBODY = np.int64(2**62)


def ticks(metres: FloatArray) -> IntArray:
    """Return distances in ticks.

    Examples
    --------
    >>> ticks(np.array([0.5])).tolist()
    [2147483648]
    """
    return np.rint(np.asarray(metres, np.float64) * TICKS_PER_M).astype(np.int64)


class Walk:
    """Distances from seeds over a network.

    Parameters
    ----------
    network : StreetNetwork
    seeds : Seeds

    Attributes
    ----------
    distance : ndarray of int64
        Ticks from the nearest target to each node; at first ``UNREACHED``.
    target : ndarray of int64
        The target that is nearest to each node, of equally near ones the smallest.
    """

    def __init__(self, network: StreetNetwork, seeds: Seeds) -> None:
        graph = network.graph
        self.indptr = graph.indptr.astype(np.int64)
        self.indices = graph.indices.astype(np.int64)
        self.costs = ticks(graph.data)
        self.edges = network.edges
        self.lengths = ticks(network.lengths_m)
        self.seed_edge = seeds.edge
        self.seed_first = np.minimum(ticks(seeds.first_m), self.lengths[seeds.edge])
        self.seed_last = np.minimum(ticks(seeds.last_m), self.lengths[seeds.edge])
        self.seed_cost = ticks(seeds.cost_m)
        self.seed_target = seeds.target

        both = np.concatenate([network.edges, network.edges[:, ::-1]])
        numbers = np.tile(np.arange(len(network.edges)), 2)
        edge_of = csr_array((numbers, (both[:, 0], both[:, 1])), shape=graph.shape)
        edge_of.sort_indices()
        self.edge_of = edge_of.data.astype(np.int64)
        self.distance = np.full(graph.shape[0], UNREACHED)
        self.target = np.full(graph.shape[0], NOBODY)

    def start(self, cutoff: np.int64, chosen: IntArray | None = None) -> IntArray:
        """Set ``distance`` (ticks) and ``target`` of the nodes within the cutoff; return these nodes.

        Parameters
        ----------
        cutoff : int64
            Nodes farther than this are not reached.
        chosen : ndarray of int64, optional
            Seeds to start from; all of them without it.
        """
        chosen = np.arange(self.seed_edge.size) if chosen is None else chosen
        edge, cost = self.seed_edge[chosen], self.seed_cost[chosen]
        starts = np.concatenate([self.edges[edge, 0], self.edges[edge, 1]])
        costs = np.concatenate([cost + self.seed_first[chosen], cost + self.lengths[edge] - self.seed_last[chosen]])
        owner = np.tile(self.seed_target[chosen], 2)
        places = (self.indptr, self.indices, self.costs)
        return _spread(*places, starts, costs, owner, cutoff, self.distance, self.target)

    def stretches(self, cutoff: np.int64, chosen: IntArray | None = None) -> tuple[IntArray, IntArray, IntArray]:
        """Return the stretches of segments within the cutoff: segment, first and last tick along it, merged.

        Parameters
        ----------
        cutoff : int64
        chosen : ndarray of int64, optional
            Seeds to start from; all of them without it.
        """
        chosen = np.arange(self.seed_edge.size) if chosen is None else chosen
        nodes = self.start(cutoff, chosen)
        count = self.indptr[nodes + 1] - self.indptr[nodes]
        place = np.repeat(self.indptr[nodes] - np.cumsum(count) + count, count) + np.arange(count.sum())
        edge, node = self.edge_of[place], np.repeat(nodes, count)
        length, left = self.lengths[edge], cutoff - self.distance[node]
        at_start = self.edges[edge, 0] == node
        first = np.where(at_start, 0, np.maximum(length - left, 0))
        last = np.where(at_start, np.minimum(left, length), length)
        self.distance[nodes], self.target[nodes] = UNREACHED, NOBODY
        chosen = chosen[self.seed_cost[chosen] <= cutoff]
        left, own = cutoff - self.seed_cost[chosen], self.seed_edge[chosen]
        edge = np.concatenate([edge, own])
        first = np.concatenate([first, np.maximum(self.seed_first[chosen] - left, 0)])
        last = np.concatenate([last, np.minimum(self.seed_last[chosen] + left, self.lengths[own])])
        order = np.lexsort((first, edge))
        return _merge(edge[order], first[order], last[order])


@numba.njit(cache=True, nogil=True)
def _merge(edge: IntArray, first: IntArray, last: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Merge stretches that overlap or touch, of each segment; sorted by segment and first tick."""
    kept = -1
    for i in range(edge.size):
        if kept >= 0 and edge[kept] == edge[i] and first[i] <= last[kept]:
            last[kept] = max(last[kept], last[i])
        else:
            kept += 1
            edge[kept], first[kept], last[kept] = edge[i], first[i], last[i]
    return edge[: kept + 1], first[: kept + 1], last[: kept + 1]


@numba.njit(cache=True, nogil=True)
def _spread(
    indptr: IntArray,
    indices: IntArray,
    costs: IntArray,
    starts: IntArray,
    start_costs: IntArray,
    owners: IntArray,
    cutoff: np.int64,
    distance: IntArray,
    target: IntArray,
) -> IntArray:
    """Dijkstra's algorithm from all starts at once; of equal ways the one of the smaller owner.

    Returns the nodes that were reached, in the order in which they were settled.
    """
    settled = [np.int64(0) for _ in range(0)]
    queue = [(np.int64(0), np.int64(0), np.int64(0)) for _ in range(0)]
    for i in range(starts.size):
        node, cost, owner = starts[i], start_costs[i], owners[i]
        if cost <= cutoff and (cost < distance[node] or (cost == distance[node] and owner < target[node])):
            distance[node], target[node] = cost, owner
            heapq.heappush(queue, (cost, owner, node))
    while len(queue) > 0:
        cost, owner, node = heapq.heappop(queue)
        if cost != distance[node] or owner != target[node]:
            continue
        settled.append(node)
        for place in range(indptr[node], indptr[node + 1]):
            other, way = indices[place], cost + costs[place]
            if way <= cutoff and (way < distance[other] or (way == distance[other] and owner < target[other])):
                distance[other], target[other] = way, owner
                heapq.heappush(queue, (way, owner, other))
    return np.array(settled, dtype=np.int64)


@numba.njit(cache=True, nogil=True)
def at_points(
    edge: IntArray,
    along: IntArray,
    snap: IntArray,
    edges: IntArray,
    lengths: IntArray,
    distance: IntArray,
    target: IntArray,
    seed_from: IntArray,
    seed_first: IntArray,
    seed_last: IntArray,
    seed_cost: IntArray,
    seed_target: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return distance and target of points on segments, over either end or straight along the segment.

    ``seed_from`` holds the first seed of each segment, and the number of seeds.
    """
    found = np.full(edge.size, UNREACHED)
    owner = np.full(edge.size, NOBODY)
    for i in range(edge.size):
        e = edge[i]
        if e < 0:
            continue
        best, whose = UNREACHED, NOBODY
        for side in range(2):
            node = edges[e, side]
            if distance[node] < UNREACHED:
                way = distance[node] + (along[i] if side == 0 else lengths[e] - along[i])
                if way < best or (way == best and target[node] < whose):
                    best, whose = way, target[node]
        for s in range(seed_from[e], seed_from[e + 1]):
            way = seed_cost[s] + max(seed_first[s] - along[i], along[i] - seed_last[s], np.int64(0))
            if way < best or (way == best and seed_target[s] < whose):
                best, whose = way, seed_target[s]
        if best < UNREACHED:
            found[i], owner[i] = best + snap[i], whose
    return found, owner
