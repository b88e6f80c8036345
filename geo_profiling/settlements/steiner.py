"""Short trees that touch groups of nodes: growing, pruning, and a lower bound. Compiled.

A graph is given in compressed rows: the neighbours of node i are ``beside[start[i]:start[i + 1]]``,
by the edges ``edge_of`` at the same places. Each group is served once the tree holds one of its nodes.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numba import njit

from geo_profiling.settlements.planar import Flags, Floats, Integers

#: Nodes that dual ascent may look at, for each node of the graph; the rest raises the bound little and takes most time.
VISITS_PER_NODE = 400


@dataclass(frozen=True)
class GroupGraph:
    """Nodes, edges, the nodes where access begins, and groups of nodes to be served.

    Attributes
    ----------
    ends : ndarray of int, shape (e, 2)
    length : ndarray of float
    is_root : ndarray of bool
        By node: whether it has access already.
    member_group, member_node : ndarray of int
        Which nodes are in which group.
    n_groups : int
    """

    ends: Integers
    length: Floats
    is_root: Flags
    member_group: Integers
    member_node: Integers
    n_groups: int


def compressed(first: Integers, second: Integers, n: int) -> tuple[Integers, Integers, Integers]:
    """Return rows of a relation: where each begins, its members, and the place each came from.

    Examples
    --------
    >>> compressed(np.array([1, 0, 1]), np.array([7, 8, 9]), 2)[1].tolist()
    [8, 7, 9]
    """
    order = np.argsort(first, kind="stable")
    start = np.searchsorted(first[order], np.arange(n + 1))
    return start.astype(np.int64), second[order].astype(np.int64), order.astype(np.int64)


def shortest_tree(graph: GroupGraph) -> tuple[Flags, float]:
    """Return the edges of a short forest that serves every group from the roots, and a lower bound of its length.

    Heuristic: (1) dual ascent (Wong 1984) raises, group by group, the price of the cuts that part it
    from the roots; the sum of the prices is a lower bound of every solution, and the edges paid in
    full make a thin graph; it stops after :data:`VISITS_PER_NODE`, with a bound that holds all the
    same. (2) In it, and in the whole graph, a forest is grown by shortest paths, once to the nearest
    group left and once to the farthest (Takahashi and Matsuyama 1980). (3) Leaves that serve nobody
    else are cut off, the longest first. The shortest result is taken. The problem (group Steiner
    tree) has no constant bound that is known; the lower bound tells how far from the optimum the
    answer can be at most.

    Parameters
    ----------
    graph : GroupGraph

    Returns
    -------
    chosen : ndarray of bool
        By edge. Groups that no way from a root leads to are left out.
    lower_bound : float
        In the unit of the lengths.

    Examples
    --------
    >>> line = np.array([[0, 1], [1, 2]])
    >>> members = np.array([0]), np.array([2])
    >>> graph = GroupGraph(line, np.array([3.0, 4.0]), np.array([True, False, False]), *members, 1)
    >>> chosen, bound = shortest_tree(graph)
    >>> chosen.tolist(), bound
    ([True, True], 7.0)
    """
    n = len(graph.is_root)
    both = np.concatenate([graph.ends, graph.ends[:, ::-1]])
    start, beside, arc = compressed(both[:, 0], both[:, 1], n)
    rows = start, beside, arc % len(graph.ends)
    group_rows = compressed(graph.member_group, graph.member_node, graph.n_groups)[:2]
    node_rows = compressed(graph.member_node, graph.member_group, n)[:2]
    bound, left = _dual_ascent(*rows, graph.length, graph.is_root, *group_rows, graph.ends, VISITS_PER_NODE * n)
    paid = (left <= 1e-9 * max(1.0, float(graph.length.max(initial=0.0)))).any(axis=1)
    best, best_length = np.zeros(len(graph.ends), bool), np.inf
    for thin in (True, False):
        usable = paid if thin else np.ones(len(graph.ends), bool)
        for farthest in (False, True):
            tree, missed = _grow(*rows, graph.length, usable, graph.is_root, *group_rows, *node_rows, farthest)
            tree = _prune(tree, graph.ends, graph.length, graph.is_root, *node_rows, graph.n_groups)
            length = float(graph.length[tree].sum())
            if not (thin and missed) and length < best_length - 1e-9:
                best, best_length = tree, length
    return best, bound


@njit(cache=True, nogil=True)
def _dual_ascent(
    start: Integers,
    beside: Integers,
    edge_of: Integers,
    length: Floats,
    is_root: Flags,
    group_start: Integers,
    group_node: Integers,
    ends: Integers,
    max_visits: int,
) -> tuple[float, Floats]:
    """Return the sum of the prices of cuts, and what is left to pay on each edge in each direction.

    ``left[e, 0]`` is of the way from ``ends[e, 0]`` to ``ends[e, 1]``. The smallest cut rises first, until
    ``max_visits`` nodes were looked at: the sum is a lower bound at any time.
    """
    left = np.empty((len(length), 2))
    for e in range(len(length)):
        left[e, 0], left[e, 1] = length[e], length[e]
    stamp, queue = np.full(len(is_root), -1, np.int64), np.empty(len(is_root), np.int64)
    bound, turn, visits = 0.0, 0, 0
    waiting = [(group_start[g + 1] - group_start[g], g) for g in range(len(group_start) - 1)]
    heapq.heapify(waiting)
    while len(waiting) > 0 and visits < max_visits:
        _, group = heapq.heappop(waiting)
        turn += 1
        members = group_node[group_start[group] : group_start[group + 1]]
        size = _side(members, turn, start, beside, edge_of, length, is_root, ends, left, stamp, queue)
        visits += abs(size)
        if size < 0:
            continue
        if len(waiting) > 0 and (size, group) > waiting[0]:
            heapq.heappush(waiting, (size, group))
            continue
        price = _raise_cut(queue[:size], turn, start, beside, edge_of, ends, left, stamp)
        if price < np.inf:
            bound += price
            heapq.heappush(waiting, (size, group))
    return bound, left


@njit(cache=True, nogil=True)
def _side(
    members: Integers,
    turn: int,
    start: Integers,
    beside: Integers,
    edge_of: Integers,
    length: Floats,
    is_root: Flags,
    ends: Integers,
    left: Floats,
    stamp: Integers,
    queue: Integers,
) -> int:
    """Put the nodes from which paid ways lead to a group into the queue; -1 if a root is among them."""
    tail = 0
    for node in members:
        stamp[node], queue[tail] = turn, node
        tail += 1
    head = 0
    while head < tail:
        node = queue[head]
        head += 1
        if is_root[node]:
            return -1
        for at in range(start[node], start[node + 1]):
            other, e = beside[at], edge_of[at]
            if stamp[other] != turn and left[e, 0 if ends[e, 1] == node else 1] <= 1e-12 * length[e]:
                stamp[other], queue[tail] = turn, other
                tail += 1
    return tail


@njit(cache=True, nogil=True)
def _raise_cut(
    side: Integers,
    turn: int,
    start: Integers,
    beside: Integers,
    edge_of: Integers,
    ends: Integers,
    left: Floats,
    stamp: Integers,
) -> float:
    """Pay on all ways into one side of a cut until the first is paid in full; return how much (inf: no way)."""
    least = np.inf
    for node in side:
        for at in range(start[node], start[node + 1]):
            if stamp[beside[at]] != turn:
                least = min(least, left[edge_of[at], 0 if ends[edge_of[at], 1] == node else 1])
    if least == np.inf:
        return float(least)
    for node in side:
        for at in range(start[node], start[node + 1]):
            if stamp[beside[at]] != turn:
                left[edge_of[at], 0 if ends[edge_of[at], 1] == node else 1] -= least
    return float(least)


@njit(cache=True, nogil=True)
def _relax(
    heap: list[tuple[float, int]],
    distance: Floats,
    before: Integers,
    start: Integers,
    beside: Integers,
    edge_of: Integers,
    length: Floats,
    usable: Flags,
) -> None:
    """Bring the distances from the tree up to date (Dijkstra), with the edge each node is reached by."""
    while len(heap) > 0:
        far, node = heapq.heappop(heap)
        if far > distance[node]:
            continue
        for at in range(start[node], start[node + 1]):
            other, e = beside[at], edge_of[at]
            if usable[e] and far + length[e] < distance[other]:
                distance[other], before[other] = far + length[e], e
                heapq.heappush(heap, (distance[other], other))


@njit(cache=True, nogil=True)
def _choose(
    distance: Floats, served: Flags, group_start: Integers, group_node: Integers, farthest: bool
) -> tuple[int, int]:
    """Return the group to serve next and its node nearest to the tree; -1 where no way leads to any."""
    best, group, target = np.inf, -1, -1
    for g in range(len(served)):
        if served[g]:
            continue
        near, node = np.inf, -1
        for at in range(group_start[g], group_start[g + 1]):
            if distance[group_node[at]] < near:
                near, node = distance[group_node[at]], group_node[at]
        if node < 0:
            continue
        score = -near if farthest else near
        if score < best:
            best, group, target = score, g, node
    return group, target


@njit(cache=True, nogil=True)
def _grow(
    start: Integers,
    beside: Integers,
    edge_of: Integers,
    length: Floats,
    usable: Flags,
    is_root: Flags,
    group_start: Integers,
    group_node: Integers,
    node_start: Integers,
    node_group: Integers,
    farthest: bool,
) -> tuple[Flags, bool]:
    """Grow a forest by shortest paths to the groups; tell whether some could not be reached."""
    n = len(is_root)
    tree = np.zeros(len(length), np.bool_)
    served = np.zeros(len(group_start) - 1, np.bool_)
    distance, before = np.full(n, np.inf), np.full(n, -1, np.int64)
    heap = [(0.0, -1)]
    heap.pop()
    for node in range(n):
        if is_root[node]:
            distance[node] = 0.0
            heap.append((0.0, node))
            for at in range(node_start[node], node_start[node + 1]):
                served[node_group[at]] = True
    _relax(heap, distance, before, start, beside, edge_of, length, usable)
    while True:
        group, node = _choose(distance, served, group_start, group_node, farthest)
        if group < 0:
            break
        while node >= 0:
            distance[node] = 0.0
            heap.append((0.0, node))
            for at in range(node_start[node], node_start[node + 1]):
                served[node_group[at]] = True
            node = _step_back(node, before, tree, start, beside, edge_of)
        heapq.heapify(heap)
        _relax(heap, distance, before, start, beside, edge_of, length, usable)
    return tree, not served.all()


@njit(cache=True, nogil=True)
def _step_back(node: int, before: Integers, tree: Flags, start: Integers, beside: Integers, edge_of: Integers) -> int:
    """Take the edge a node was reached by into the tree and return its other end; -1 at the tree."""
    e = before[node]
    if e < 0 or tree[e]:
        return -1
    tree[e] = True
    at = start[node]
    while edge_of[at] != e:
        at += 1
    return int(beside[at])


@njit(cache=True, nogil=True)
def _prune(
    tree: Flags,
    ends: Integers,
    length: Floats,
    is_root: Flags,
    node_start: Integers,
    node_group: Integers,
    n_groups: int,
) -> Flags:
    """Cut off leaves whose groups other nodes of the forest serve, the longest first."""
    tree = tree.copy()
    degree = np.zeros(len(is_root), np.int64)
    for e in range(len(tree)):
        if tree[e]:
            degree[ends[e, 0]] += 1
            degree[ends[e, 1]] += 1
    times = np.zeros(n_groups, np.int64)
    for node in range(len(is_root)):
        if degree[node] > 0 or is_root[node]:
            for at in range(node_start[node], node_start[node + 1]):
                times[node_group[at]] += 1
    while True:
        leaf_edge, leaf = _longest_spare(tree, ends, length, is_root, node_start, node_group, degree, times)
        if leaf_edge < 0:
            return tree
        tree[leaf_edge] = False
        degree[ends[leaf_edge, 0]] -= 1
        degree[ends[leaf_edge, 1]] -= 1
        for at in range(node_start[leaf], node_start[leaf + 1]):
            times[node_group[at]] -= 1


@njit(cache=True, nogil=True)
def _longest_spare(
    tree: Flags,
    ends: Integers,
    length: Floats,
    is_root: Flags,
    node_start: Integers,
    node_group: Integers,
    degree: Integers,
    times: Integers,
) -> tuple[int, int]:
    """Return the longest edge to a leaf that serves nobody alone, and the leaf; -1 where there is none."""
    best, leaf_edge, leaf = -1.0, -1, -1
    for e in range(len(tree)):
        if not tree[e] or length[e] <= best:
            continue
        for node in ends[e]:
            if degree[node] != 1 or is_root[node]:
                continue
            spare = True
            for at in range(node_start[node], node_start[node + 1]):
                spare = spare and times[node_group[at]] > 1
            if spare:
                best, leaf_edge, leaf = length[e], e, node
    return leaf_edge, leaf
