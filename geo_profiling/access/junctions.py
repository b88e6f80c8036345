"""Where streets meet: the points at which lines cross, end on one another or run over one another."""

from __future__ import annotations

import numba
import numpy as np
import shapely
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: Segments that are held against others together.
_STRETCH_SEGMENTS = 16


def split_at_junctions(
    coordinates: FloatArray, starts: IntArray, levels: IntArray, *, snap_m: float, node_crossings: bool
) -> FloatArray:
    """Cut lines where they meet, into straight pieces.

    Parameters
    ----------
    coordinates : ndarray, shape (vertices, 2)
        Of all lines, one after the other.
    starts : ndarray, shape (lines + 1,)
        First vertex of each line, and the number of vertices.
    levels : ndarray, shape (lines,)
        0 on the ground. Lines of different levels meet where one off the ground ends on one that is
        on it, and where they share a vertex.
    snap_m : float
        A vertex this near to a line lies on it.
    node_crossings : bool
        Whether lines of one level meet wherever they cross; otherwise where one ends on the other.

    Returns
    -------
    ndarray, shape (pieces, 4)
        x and y of both ends of each piece; vertices that lie within ``snap_m`` are not merged.

    Examples
    --------
    >>> cross = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, -5.0], [5.0, 5.0]])
    >>> pieces = split_at_junctions(cross, np.array([0, 2, 4]), np.zeros(2, np.int64), snap_m=0.01, node_crossings=True)
    >>> pieces.tolist()
    [[0.0, 0.0, 5.0, 0.0], [5.0, 0.0, 10.0, 0.0], [5.0, -5.0, 5.0, 0.0], [5.0, 0.0, 5.0, 5.0]]
    """
    line = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    stretches = _stretches(line)
    first, second = _near_pairs(coordinates, stretches, snap_m)
    ends = np.zeros(len(coordinates), bool)
    ends[starts[:-1]] = ends[starts[1:] - 1] = True
    at = levels[line[stretches[:, 0]]]
    segment, x, y = _meetings(first, second, stretches, coordinates, ends, at, float(snap_m), bool(node_crossings))
    begin, end = coordinates[segment], coordinates[segment + 1]
    along = ((np.column_stack([x, y]) - begin) * (end - begin)).sum(axis=1)
    order = np.lexsort((y, x, along, segment))
    segment, cuts = segment[order], np.column_stack([x, y])[order]
    vertices = np.insert(coordinates, segment + 1, cuts, axis=0)
    of_line = np.insert(line, segment + 1, line[segment])
    within = of_line[1:] == of_line[:-1]
    return np.column_stack([vertices[:-1], vertices[1:]])[within]


def _stretches(line: IntArray) -> IntArray:
    """Return short runs of segments of one line each: the first vertex of the first and of the last, plus 1.

    Of long lines every segment would else be held against every other one.
    """
    segments = np.flatnonzero(line[1:] == line[:-1])
    owner = line[segments]
    place = segments - np.searchsorted(line, owner)
    fresh = np.flatnonzero((place % _STRETCH_SEGMENTS == 0) | np.concatenate([[True], owner[1:] != owner[:-1]]))
    last = np.concatenate([fresh[1:], [len(segments)]]) - 1
    return np.column_stack([segments[fresh], segments[last] + 1])


def _near_pairs(coordinates: FloatArray, stretches: IntArray, snap_m: float) -> tuple[IntArray, IntArray]:
    """Return the pairs of stretches whose boxes come within the distance, each with itself too."""
    # From the first vertex to behind the last one of each; what lies between is left out of the answer.
    bounds = np.column_stack([stretches[:, 0], stretches[:, 1] + 1]).ravel()
    padded = np.concatenate([coordinates, coordinates[-1:]])
    low = np.minimum.reduceat(padded, bounds, axis=0)[::2]
    high = np.maximum.reduceat(padded, bounds, axis=0)[::2]
    tree = shapely.STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    boxes = shapely.box(low[:, 0] - snap_m, low[:, 1] - snap_m, high[:, 0] + snap_m, high[:, 1] + snap_m)
    first, second = tree.query(boxes)
    once = first <= second
    return first[once].astype(np.int64), second[once].astype(np.int64)


@numba.njit(cache=True, nogil=True)
def _gap2(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Squared distance of a point from a segment; infinite where the nearest point is one of its ends."""
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    if length2 == 0.0:
        return np.inf
    along = ((px - ax) * dx + (py - ay) * dy) / length2
    if along <= 0.0 or along >= 1.0:
        return np.inf
    across = (px - ax) * dy - (py - ay) * dx
    return across * across / length2


@numba.njit(cache=True, nogil=True)
def _crossing(
    ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float
) -> tuple[bool, float, float]:
    """Return the point in which two segments cross inside both, the same for any order and direction."""
    if bx < ax or (bx == ax and by < ay):
        ax, ay, bx, by = bx, by, ax, ay
    if dx < cx or (dx == cx and dy < cy):
        cx, cy, dx, dy = dx, dy, cx, cy
    if cx < ax or (cx == ax and (cy < ay or (cy == ay and (dx < bx or (dx == bx and dy < by))))):
        ax, ay, bx, by, cx, cy, dx, dy = cx, cy, dx, dy, ax, ay, bx, by
    ux, uy, vx, vy = bx - ax, by - ay, dx - cx, dy - cy
    turn = ux * vy - uy * vx
    if turn == 0.0:
        return False, 0.0, 0.0
    s = ((cx - ax) * vy - (cy - ay) * vx) / turn
    t = ((cx - ax) * uy - (cy - ay) * ux) / turn
    return 0.0 < s < 1.0 and 0.0 < t < 1.0, ax + s * ux, ay + s * uy


@numba.njit(cache=True, nogil=True)
def _lands(end: bool, own: int, other: int, node_crossings: bool) -> bool:
    """Whether a vertex of a line on one level, its end or not, meets a line that it lies on."""
    if own == other:
        return node_crossings or end
    return end and other == 0


@numba.njit(cache=True, nogil=True)
def _meetings(
    first: IntArray,
    second: IntArray,
    stretches: IntArray,
    xy: FloatArray,
    ends: NDArray[np.bool_],
    levels: IntArray,
    snap: float,
    node_crossings: bool,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the cuts of segments (by their first vertex) at which they meet another one."""
    found = 0
    segment = np.empty(1024, np.int64)
    x = np.empty(1024, np.float64)
    y = np.empty(1024, np.float64)
    for pair in range(first.size):
        one, other = first[pair], second[pair]
        for i in range(stretches[one, 0], stretches[one, 1]):
            for j in range(i + 1 if one == other else stretches[other, 0], stretches[other, 1]):
                if found + 6 > segment.size:
                    segment = np.concatenate((segment, np.empty_like(segment)))
                    x = np.concatenate((x, np.empty_like(x)))
                    y = np.concatenate((y, np.empty_like(y)))
                found = _meet(i, j, levels[one], levels[other], xy, ends, snap, node_crossings, found, segment, x, y)
    return segment[:found], x[:found], y[:found]


@numba.njit(cache=True, nogil=True)
def _meet(
    i: int,
    j: int,
    level: int,
    other_level: int,
    xy: FloatArray,
    ends: NDArray[np.bool_],
    snap: float,
    node_crossings: bool,
    found: int,
    segment: IntArray,
    x: FloatArray,
    y: FloatArray,
) -> int:
    """Write the cuts of two segments, six at most, and return how many there are now."""
    if not (
        min(xy[i, 0], xy[i + 1, 0]) - snap <= max(xy[j, 0], xy[j + 1, 0])
        and min(xy[j, 0], xy[j + 1, 0]) - snap <= max(xy[i, 0], xy[i + 1, 0])
        and min(xy[i, 1], xy[i + 1, 1]) - snap <= max(xy[j, 1], xy[j + 1, 1])
        and min(xy[j, 1], xy[j + 1, 1]) - snap <= max(xy[i, 1], xy[i + 1, 1])
    ):
        return found
    near = snap * snap
    touching = False
    for a, b, own, other in ((i, j, level, other_level), (j, i, other_level, level)):
        for vertex in (a, a + 1):
            px, py = xy[vertex, 0], xy[vertex, 1]
            to_start = (px - xy[b, 0]) ** 2 + (py - xy[b, 1]) ** 2
            to_end = (px - xy[b + 1, 0]) ** 2 + (py - xy[b + 1, 1]) ** 2
            if to_start <= near or to_end <= near:
                touching = True
                continue
            if _gap2(px, py, xy[b, 0], xy[b, 1], xy[b + 1, 0], xy[b + 1, 1]) > near:
                continue
            touching = True
            if _lands(ends[vertex], own, other, node_crossings):
                segment[found], x[found], y[found] = b, px, py
                found += 1
    # Straight lines that touch at a vertex do not cross elsewhere, but for slivers narrower than the snap.
    if touching or not node_crossings or level != other_level:
        return found
    crossed, px, py = _crossing(
        xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1], xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1]
    )
    if crossed:
        segment[found], x[found], y[found] = i, px, py
        segment[found + 1], x[found + 1], y[found + 1] = j, px, py
        found += 2
    return found
