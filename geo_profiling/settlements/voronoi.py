"""Voronoi diagrams as arrays: who borders whom, where a line runs through, what lies within reach.

All coordinates are local (metres from an origin near the sites), so that centimetres keep their
digits. The kernels are compiled and let other threads run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from geo_profiling.settlements.planar import Flags, Floats, Integers, point_to_segment, segments_within, stretch_within


@dataclass(frozen=True)
class Diagram:
    """The Voronoi diagram of sites, true within the radius it was made for.

    Attributes
    ----------
    sites : ndarray of float, shape (n, 2)
    edges : ndarray of int, shape (m, 2)
        Sites on the two sides of each Voronoi edge.
    ends : ndarray of float, shape (m, 4)
        Where each edge starts and ends: x, y, x, y.
    end_ids : ndarray of int, shape (m, 2)
        The vertices at its ends.
    fan_start, fan_edge : ndarray of int
        The edges of site i are ``fan_edge[fan_start[i]:fan_start[i + 1]]``.
    vertices : ndarray of float, shape (t, 2)
    triangles : ndarray of int, shape (t, 3)
        The sites around each vertex; numbers from n on are not sites but the rim around them.
    """

    sites: Floats
    edges: Integers
    ends: Floats
    end_ids: Integers
    fan_start: Integers
    fan_edge: Integers
    vertices: Floats
    triangles: Integers


def voronoi_diagram(sites: Floats, radius: float) -> tuple[Diagram, Integers]:
    """Return the Voronoi diagram of sites within ``radius`` of the origin, and the site that stands for each.

    Four far points close the outer cells; their own cells begin beyond the radius.

    Parameters
    ----------
    sites : ndarray of float, shape (n, 2)
        All different, none farther from the origin than the radius.
    radius : float
        Everything that is asked of the diagram lies within it.

    Returns
    -------
    diagram : Diagram
        Of the sites that could be told apart.
    stands_for : ndarray of int
        By given site, its position in the diagram. Sites that are too near one another for the size
        of the whole (a few millimetres in 100 km) share one.

    Examples
    --------
    >>> diagram, _ = voronoi_diagram(np.array([[-1.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), 5.0)
    >>> diagram.edges.tolist()
    [[0, 1], [1, 2]]
    """
    far = 4.0 * radius + 1.0
    rim = far * np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    found = Delaunay(np.concatenate([sites, rim]))
    stands_for = np.arange(len(sites), dtype=np.int64)
    if len(found.coplanar):
        left_out = found.coplanar[found.coplanar[:, 0] < len(sites)]
        kept = np.setdiff1d(stands_for, left_out[:, 0])
        again, _ = voronoi_diagram(sites[kept], radius)
        position = np.full(len(sites), -1, np.int64)
        position[kept] = np.arange(len(kept))
        position[left_out[:, 0]] = position[left_out[:, 2]]
        return again, position
    return Diagram(sites, *_assembled(found.points, found.simplices, found.neighbors, len(sites))), stands_for


@njit(cache=True, nogil=True)
def _assembled(
    points: Floats, simplices: NDArray[np.int32], neighbours: NDArray[np.int32], n: int
) -> tuple[Integers, Floats, Integers, Integers, Integers, Floats, Integers]:
    """Return the fields of a diagram, but for its sites, in their order."""
    triangles = simplices.astype(np.int64)
    vertices = _circumcentres(points, triangles)
    edges, end_ids = _edges(triangles, neighbours, n)
    ends = _ends(points, edges, end_ids, vertices)
    fan_start, fan_edge = _fans(edges, n)
    return edges, ends, end_ids, fan_start, fan_edge, vertices, triangles


@njit(cache=True, nogil=True)
def _circumcentres(points: Floats, triangles: Integers) -> Floats:
    centres = np.empty((len(triangles), 2))
    for t in range(len(triangles)):
        x, y = points[triangles[t, 0]]
        ax, ay = points[triangles[t, 1], 0] - x, points[triangles[t, 1], 1] - y
        bx, by = points[triangles[t, 2], 0] - x, points[triangles[t, 2], 1] - y
        twice = 2.0 * (ax * by - ay * bx)
        # Three sites in a line have no circle: their vertex lies very far away.
        if abs(twice) < 1e-300:
            twice = 1e-300
        a, b = ax * ax + ay * ay, bx * bx + by * by
        centres[t, 0] = x + min(1e12, max(-1e12, (by * a - ay * b) / twice))
        centres[t, 1] = y + min(1e12, max(-1e12, (ax * b - bx * a) / twice))
    return centres


@njit(cache=True, nogil=True)
def _edges(triangles: Integers, neighbours: NDArray[np.int32], n: int) -> tuple[Integers, Integers]:
    edges = np.empty((3 * len(triangles), 2), np.int64)
    ids = np.empty((3 * len(triangles), 2), np.int64)
    count = 0
    for t in range(len(triangles)):
        for k in range(3):
            other = neighbours[t, k]
            a, b = triangles[t, (k + 1) % 3], triangles[t, (k + 2) % 3]
            if other > t and a < n and b < n:
                edges[count, 0], edges[count, 1] = min(a, b), max(a, b)
                ids[count, 0], ids[count, 1] = t, other
                count += 1
    return edges[:count].copy(), ids[:count].copy()


@njit(cache=True, nogil=True)
def _ends(sites: Floats, edges: Integers, end_ids: Integers, vertices: Floats) -> Floats:
    """Put the ends of edges on the line half-way between their sites, where rounding left them beside it."""
    ends = np.empty((len(edges), 4))
    for e in range(len(edges)):
        a, b = edges[e, 0], edges[e, 1]
        dx, dy = sites[b, 0] - sites[a, 0], sites[b, 1] - sites[a, 1]
        length = np.sqrt(dx * dx + dy * dy)
        mx, my = (sites[a, 0] + sites[b, 0]) / 2, (sites[a, 1] + sites[b, 1]) / 2
        for side in range(2):
            v = end_ids[e, side]
            along = ((vertices[v, 1] - my) * dx - (vertices[v, 0] - mx) * dy) / length
            ends[e, 2 * side] = mx - along * dy / length
            ends[e, 2 * side + 1] = my + along * dx / length
    return ends


@njit(cache=True, nogil=True)
def _fans(edges: Integers, n: int) -> tuple[Integers, Integers]:
    start = np.zeros(n + 1, np.int64)
    for e in range(len(edges)):
        start[edges[e, 0] + 1] += 1
        start[edges[e, 1] + 1] += 1
    start = np.cumsum(start)
    fill = start[:-1].copy()
    fan = np.empty(2 * len(edges), np.int64)
    for e in range(len(edges)):
        for side in range(2):
            site = edges[e, side]
            fan[fill[site]] = e
            fill[site] += 1
    return start, fan


@njit(cache=True, nogil=True)
def _next_edge(
    sites: Floats, edges: Integers, start: Integers, fan: Integers, cell: int, line: Floats
) -> tuple[int, float]:
    """Return the edge by which a line leaves a cell and where on it (0-1); -1 where it ends inside."""
    dx, dy = line[2] - line[0], line[3] - line[1]
    best, through = 1.0, -1
    for at in range(start[cell], start[cell + 1]):
        e = fan[at]
        other = edges[e, 0] + edges[e, 1] - cell
        nx, ny = sites[other, 0] - sites[cell, 0], sites[other, 1] - sites[cell, 1]
        towards = dx * nx + dy * ny
        # Each step leads farther along the line, so that no cell comes twice.
        if towards > 0.0:
            mx, my = (sites[other, 0] + sites[cell, 0]) / 2, (sites[other, 1] + sites[cell, 1]) / 2
            t = ((mx - line[0]) * nx + (my - line[1]) * ny) / towards
            if t < best:
                best, through = t, e
    return through, best


@njit(cache=True, nogil=True)
def run_lines(
    lines: Floats, sites: Floats, edges: Integers, start: Integers, fan: Integers
) -> tuple[Floats, Integers, Integers, Integers]:
    """Cut lines at the borders of cells.

    Parameters
    ----------
    lines : ndarray of float, shape (l, 4)
        Segments; those that follow one another are read fastest.
    sites, edges, start, fan
        Of the diagram.

    Returns
    -------
    pieces : ndarray of float, shape (p, 4)
    cell : ndarray of int
        In which each piece lies.
    line : ndarray of int
        Of which it is a piece.
    crossed : ndarray of int
        Edges that were crossed, in order.

    Examples
    --------
    >>> part, _ = voronoi_diagram(np.array([[-1.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), 5.0)
    >>> fan = part.edges, part.fan_start, part.fan_edge
    >>> run_lines(np.array([[-1.0, 1.0, 3.0, 1.0]]), part.sites, *fan)[1].tolist()
    [0, 1, 2]
    """
    size = 2 * len(lines) + 16
    pieces, cells, owners = np.empty((size, 4)), np.empty(size, np.int64), np.empty(size, np.int64)
    crossed = np.empty(size, np.int64)
    n_pieces, n_crossed, cell = 0, 0, 0
    way = np.empty(4)
    for at in range(len(lines)):
        line = lines[at]
        if at == 0 or line[0] != lines[at - 1, 2] or line[1] != lines[at - 1, 3]:
            way[0], way[1], way[2], way[3] = sites[cell, 0], sites[cell, 1], line[0], line[1]
            while True:
                edge, _ = _next_edge(sites, edges, start, fan, cell, way)
                if edge < 0:
                    break
                cell = edges[edge, 0] + edges[edge, 1] - cell
        done = 0.0
        while True:
            edge, stop = _next_edge(sites, edges, start, fan, cell, line)
            stop = max(stop, done)
            if n_pieces == size:
                size *= 2
                grown, grown_cells, grown_owners = (
                    np.empty((size, 4)),
                    np.empty(size, np.int64),
                    np.empty(size, np.int64),
                )
                grown[:n_pieces], grown_cells[:n_pieces], grown_owners[:n_pieces] = pieces, cells, owners
                pieces, cells, owners = grown, grown_cells, grown_owners
                grown_crossed = np.empty(size, np.int64)
                grown_crossed[:n_crossed] = crossed[:n_crossed]
                crossed = grown_crossed
            dx, dy = line[2] - line[0], line[3] - line[1]
            pieces[n_pieces, 0], pieces[n_pieces, 1] = line[0] + done * dx, line[1] + done * dy
            pieces[n_pieces, 2], pieces[n_pieces, 3] = line[0] + stop * dx, line[1] + stop * dy
            cells[n_pieces], owners[n_pieces] = cell, at
            n_pieces += 1
            if edge < 0:
                break
            crossed[n_crossed] = edge
            n_crossed += 1
            cell, done = edges[edge, 0] + edges[edge, 1] - cell, stop
    return pieces[:n_pieces].copy(), cells[:n_pieces].copy(), owners[:n_pieces].copy(), crossed[:n_crossed].copy()


@njit(cache=True, nogil=True)
def cells_within(
    pieces: Floats,
    cells: Integers,
    reach: float,
    edges: Integers,
    ends: Floats,
    start: Integers,
    fan: Integers,
) -> Flags:
    """Tell which cells come within ``reach`` of pieces of lines, as :func:`run_lines` returns them.

    Examples
    --------
    >>> part, _ = voronoi_diagram(np.array([[-1.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), 5.0)
    >>> fan = part.edges, part.ends, part.fan_start, part.fan_edge
    >>> cells_within(np.array([[-1.0, 0.0, -0.5, 0.0]]), np.array([0]), 1.0, *fan).tolist()
    [True, True, False]
    """
    n = len(start) - 1
    near_cell = np.zeros(n, np.bool_)
    stamp = np.full(n, -1, np.int64)
    queue = np.empty(n, np.int64)
    for p in range(len(pieces)):
        queue[0], stamp[cells[p]], head, tail = cells[p], p, 0, 1
        while head < tail:
            cell = queue[head]
            head += 1
            near_cell[cell] = True
            for at in range(start[cell], start[cell + 1]):
                e = fan[at]
                if not segments_within(ends[e], pieces[p], reach):
                    continue
                other = edges[e, 0] + edges[e, 1] - cell
                if stamp[other] != p:
                    stamp[other] = p
                    queue[tail] = other
                    tail += 1
    return near_cell


@njit(cache=True, nogil=True)
def _is_sure(one: int, other: int, edges: Integers, start: Integers, fan: Integers, sure: Flags) -> bool:
    for at in range(start[one], start[one + 1]):
        e = fan[at]
        if sure[e] and edges[e, 0] + edges[e, 1] - one == other:
            return True
    return False


@njit(cache=True, nogil=True)
def meetings_at_lines(
    pieces: Floats,
    cells: Integers,
    reach: float,
    sure: Flags,
    edges: Integers,
    ends: Floats,
    start: Integers,
    fan: Integers,
) -> tuple[Integers, Flags]:
    """Find the cells that come within ``reach`` of the same place on a line.

    Parameters
    ----------
    pieces, cells : ndarray
        Lines cut by cells, as :func:`run_lines` returns them.
    reach : float
    sure : ndarray of bool
        By edge: pairs across these are left out.
    edges, ends, start, fan
        Of the diagram.

    Returns
    -------
    pairs : ndarray of int, shape (p, 2)
        The pairs, some of them several times.
    edge_is_near : ndarray of bool
        Edges within ``reach`` of a line.

    Examples
    --------
    >>> part, _ = voronoi_diagram(np.array([[-1.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), 5.0)
    >>> fan = part.edges, part.ends, part.fan_start, part.fan_edge
    >>> line, unknown = np.array([[-1.0, 0.0, -0.5, 0.0]]), np.array([False, False])
    >>> meetings_at_lines(line, np.array([0]), 1.0, unknown, *fan)[0].tolist()
    [[0, 1]]
    """
    n = len(start) - 1
    near_edge, stamp = np.zeros(len(edges), np.bool_), np.full(n, -1, np.int64)
    queue, low, high = np.empty(n, np.int64), np.empty(n), np.empty(n)
    size, count = 64, 0
    pairs = np.empty((size, 2), np.int64)
    for p in range(len(pieces)):
        queue[0], stamp[cells[p]], head, tail = cells[p], p, 0, 1
        low[cells[p]], high[cells[p]] = 0.0, 1.0
        while head < tail:
            cell = queue[head]
            head += 1
            for at in range(start[cell], start[cell + 1]):
                e = fan[at]
                other = edges[e, 0] + edges[e, 1] - cell
                begin, end = stretch_within(pieces[p], ends[e], reach)
                if begin > end:
                    continue
                near_edge[e] = True
                if stamp[other] != p:
                    stamp[other], low[other], high[other] = p, begin, end
                    queue[tail] = other
                    tail += 1
                low[other], high[other] = min(low[other], begin), max(high[other], end)
        for i in range(1, tail):
            for j in range(i):
                one, two = queue[i], queue[j]
                apart = max(low[one], low[two]) > min(high[one], high[two])
                if apart or _is_sure(one, two, edges, start, fan, sure):
                    continue
                if count == size:
                    size *= 2
                    grown = np.empty((size, 2), np.int64)
                    grown[:count] = pairs
                    pairs = grown
                pairs[count, 0], pairs[count, 1] = min(one, two), max(one, two)
                count += 1
    return pairs[:count].copy(), near_edge


@njit(cache=True, nogil=True)
def _around_vertex(
    t: int,
    reach: float,
    vertices: Floats,
    triangles: Integers,
    edges: Integers,
    ends: Floats,
    end_ids: Integers,
    start: Integers,
    fan: Integers,
    stamp: Integers,
    queue: Integers,
) -> int:
    """Put the cells within reach of a vertex into the queue, its own three first, and return how many they are."""
    x, y = vertices[t, 0], vertices[t, 1]
    for k in range(3):
        queue[k], stamp[triangles[t, k]] = triangles[t, k], t
    head, tail = 0, 3
    while head < tail:
        cell = queue[head]
        head += 1
        for at in range(start[cell], start[cell + 1]):
            e = fan[at]
            other = edges[e, 0] + edges[e, 1] - cell
            if stamp[other] == t or end_ids[e, 0] == t or end_ids[e, 1] == t:
                continue
            if point_to_segment(x, y, ends[e, 0], ends[e, 1], ends[e, 2], ends[e, 3]) <= reach:
                stamp[other] = t
                queue[tail] = other
                tail += 1
    return tail


@njit(cache=True, nogil=True)
def near_cells(
    reach: float,
    box: Floats,
    vertices: Floats,
    triangles: Integers,
    edges: Integers,
    ends: Floats,
    end_ids: Integers,
    start: Integers,
    fan: Integers,
) -> Integers:
    """Find pairs of cells that come within ``reach`` of one another without sharing an edge.

    Two convex cells are nearest at a vertex of one of them: around every vertex in ``box`` the
    cells that reach its neighbourhood are followed over the edges that do.

    Returns
    -------
    ndarray of int, shape (p, 3)
        Two cells and the vertex.

    Examples
    --------
    >>> part, _ = voronoi_diagram(np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), 5.0)
    >>> box = np.array([-2.0, -2.0, 2.0, 2.0])
    >>> fan = part.edges, part.ends, part.end_ids, part.fan_start, part.fan_edge
    >>> sorted(set(near_cells(0.01, box, part.vertices, part.triangles, *fan)[0, :2].tolist())) in ([0, 3], [1, 2])
    True
    """
    n = len(start) - 1
    size = 64
    found = np.empty((size, 3), np.int64)
    count = 0
    stamp, queue = np.full(n, -1, np.int64), np.empty(n + 3, np.int64)
    for t in range(len(triangles)):
        x, y = vertices[t, 0], vertices[t, 1]
        if max(triangles[t, 0], triangles[t, 1], triangles[t, 2]) >= n:
            continue
        if x < box[0] - reach or x > box[2] + reach or y < box[1] - reach or y > box[3] + reach:
            continue
        tail = _around_vertex(t, reach, vertices, triangles, edges, ends, end_ids, start, fan, stamp, queue)
        for late in range(3, tail):
            for k in range(3):
                if count == size:
                    size *= 2
                    grown = np.empty((size, 3), np.int64)
                    grown[:count] = found
                    found = grown
                found[count, 0], found[count, 1], found[count, 2] = triangles[t, k], queue[late], t
                count += 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def groups_within(pieces: Floats, cells: Integers, lines: Floats, reach: float, wanted: Flags) -> Flags:
    """Tell which of the wanted cells have a piece within ``reach`` of one of the lines.

    Examples
    --------
    >>> pieces = np.array([[0.0, 0, 1, 0], [5, 0, 6, 0]])
    >>> groups_within(pieces, np.array([0, 1]), np.array([[0.0, 0.5, 2, 0.5]]), 1.0, np.array([True, True])).tolist()
    [True, False]
    """
    found = np.zeros(len(wanted), np.bool_)
    for p in range(len(pieces)):
        cell = cells[p]
        if not wanted[cell] or found[cell]:
            continue
        for at in range(len(lines)):
            if segments_within(pieces[p], lines[at], reach):
                found[cell] = True
                break
    return found


@njit(cache=True, nogil=True)
def breadth_first(pairs: Integers, sources: Flags) -> Integers:
    """Return for each cell its steps from the sources, which are 1; cells that no step reaches are 0.

    Examples
    --------
    >>> breadth_first(np.array([[0, 1], [1, 2]]), np.array([True, False, False, False])).tolist()
    [1, 2, 3, 0]
    """
    n = len(sources)
    start = np.zeros(n + 1, np.int64)
    for p in range(len(pairs)):
        start[pairs[p, 0] + 1] += 1
        start[pairs[p, 1] + 1] += 1
    start = np.cumsum(start)
    fill = start[:-1].copy()
    beside = np.empty(start[-1], np.int64)
    for p in range(len(pairs)):
        a, b = pairs[p, 0], pairs[p, 1]
        beside[fill[a]], beside[fill[b]] = b, a
        fill[a] += 1
        fill[b] += 1
    layer, queue = np.zeros(n, np.int64), np.empty(n, np.int64)
    tail = 0
    for i in range(n):
        if sources[i]:
            layer[i], queue[tail] = 1, i
            tail += 1
    head = 0
    while head < tail:
        cell = queue[head]
        head += 1
        for at in range(start[cell], start[cell + 1]):
            other = beside[at]
            if layer[other] == 0:
                layer[other], queue[tail] = layer[cell] + 1, other
                tail += 1
    return layer
