"""Points and segments in the plane: distances, insides, boxes. Compiled; other threads run meanwhile."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(cache=True, nogil=True)
def point_to_segment(px: float, py: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """Return the distance from a point to a segment.

    Examples
    --------
    >>> point_to_segment(0.0, 3.0, -1.0, 0.0, 1.0, 0.0)
    3.0
    """
    dx, dy = x1 - x0, y1 - y0
    square = dx * dx + dy * dy
    t = 0.0 if square == 0.0 else ((px - x0) * dx + (py - y0) * dy) / square
    t = min(1.0, max(0.0, t))
    x, y = x0 + t * dx - px, y0 + t * dy - py
    return float(np.sqrt(x * x + y * y))


@njit(cache=True, nogil=True)
def _cross(ox: float, oy: float, ax: float, ay: float, bx: float, by: float) -> float:
    return (ax - ox) * (by - oy) - (ay - oy) * (bx - ox)


@njit(cache=True, nogil=True)
def segments_within(one: Floats, two: Floats, reach: float) -> bool:
    """Tell whether two segments (x, y, x, y) come within ``reach`` of one another.

    Examples
    --------
    >>> segments_within(np.array([0.0, 0, 2, 0]), np.array([1.0, 1, 1, 3]), 1.0)
    True
    """
    if (
        min(one[0], one[2]) - reach > max(two[0], two[2])
        or min(two[0], two[2]) - reach > max(one[0], one[2])
        or min(one[1], one[3]) - reach > max(two[1], two[3])
        or min(two[1], two[3]) - reach > max(one[1], one[3])
    ):
        return False
    if (
        point_to_segment(one[0], one[1], two[0], two[1], two[2], two[3]) <= reach
        or point_to_segment(one[2], one[3], two[0], two[1], two[2], two[3]) <= reach
        or point_to_segment(two[0], two[1], one[0], one[1], one[2], one[3]) <= reach
        or point_to_segment(two[2], two[3], one[0], one[1], one[2], one[3]) <= reach
    ):
        return True
    a = _cross(one[0], one[1], one[2], one[3], two[0], two[1])
    b = _cross(one[0], one[1], one[2], one[3], two[2], two[3])
    c = _cross(two[0], two[1], two[2], two[3], one[0], one[1])
    d = _cross(two[0], two[1], two[2], two[3], one[2], one[3])
    return (a > 0) != (b > 0) and (c > 0) != (d > 0)


@njit(cache=True, nogil=True)
def stretch_within(one: Floats, two: Floats, reach: float) -> tuple[float, float]:
    """Return from where to where (0-1) the first segment is within ``reach`` of the second; (1, 0) if nowhere.

    Examples
    --------
    >>> stretch_within(np.array([0.0, 1, 10, 1]), np.array([4.0, 0, 4, -3]), 1.25)
    (0.325, 0.475)
    """
    dx, dy = one[2] - one[0], one[3] - one[1]
    square = dx * dx + dy * dy
    if square == 0.0:
        return (0.0, 1.0) if point_to_segment(one[0], one[1], two[0], two[1], two[2], two[3]) <= reach else (1.0, 0.0)
    low, high = 2.0, -1.0
    # What is within reach of a segment is two discs and a rectangle, together convex.
    for side in range(2):
        x, y = one[0] - two[2 * side], one[1] - two[2 * side + 1]
        b = x * dx + y * dy
        rest = b * b - square * (x * x + y * y - reach * reach)
        if rest >= 0.0:
            low, high = min(low, (-b - np.sqrt(rest)) / square), max(high, (-b + np.sqrt(rest)) / square)
    ux, uy = two[2] - two[0], two[3] - two[1]
    length = np.sqrt(ux * ux + uy * uy)
    if length > 0.0:
        ux, uy = ux / length, uy / length
        x, y = one[0] - two[0], one[1] - two[1]
        start, stop = _between(x * ux + y * uy, dx * ux + dy * uy, 0.0, length)
        left, right = _between(y * ux - x * uy, dy * ux - dx * uy, -reach, reach)
        start, stop = max(start, left), min(stop, right)
        if start <= stop:
            low, high = min(low, start), max(high, stop)
    low, high = max(low, 0.0), min(high, 1.0)
    return (low, high) if low <= high else (1.0, 0.0)


@njit(cache=True, nogil=True)
def _between(at: float, slope: float, least: float, most: float) -> tuple[float, float]:
    """Return for which t ``at + t * slope`` lies between two values."""
    if slope == 0.0:
        return (-np.inf, np.inf) if least <= at <= most else (np.inf, -np.inf)
    one, two = (least - at) / slope, (most - at) / slope
    return (one, two) if one <= two else (two, one)


@njit(cache=True, nogil=True)
def _bands(rings: Floats, low: float, step: float, n_bands: int) -> tuple[Integers, Integers]:
    """Return the segments that cross each horizontal band, one band after the other."""
    first, last = np.empty(len(rings), np.int64), np.empty(len(rings), np.int64)
    start = np.zeros(n_bands + 1, np.int64)
    for r in range(len(rings)):
        first[r] = min(n_bands - 1, int((min(rings[r, 1], rings[r, 3]) - low) / step))
        last[r] = min(n_bands - 1, int((max(rings[r, 1], rings[r, 3]) - low) / step))
        for band in range(first[r], last[r] + 1):
            start[band + 1] += 1
    start = np.cumsum(start)
    fill = start[:-1].copy()
    members = np.empty(start[-1], np.int64)
    for r in range(len(rings)):
        for band in range(first[r], last[r] + 1):
            members[fill[band]] = r
            fill[band] += 1
    return start, members


@njit(cache=True, nogil=True)
def points_inside(points: Floats, rings: Floats) -> Flags:
    """Tell which points lie inside rings (even-odd rule); on the line itself the answer is either.

    Parameters
    ----------
    points : ndarray of float, shape (n, 2)
    rings : ndarray of float, shape (r, 4)
        Their segments.

    Examples
    --------
    >>> square = np.array([[0.0, 0, 4, 0], [4, 0, 4, 4], [4, 4, 0, 4], [0, 4, 0, 0]])
    >>> points_inside(np.array([[1.0, 1.0], [5.0, 1.0]]), square).tolist()
    [True, False]
    """
    inside = np.zeros(len(points), np.bool_)
    low, high = np.inf, -np.inf
    left, right = np.inf, -np.inf
    for r in range(len(rings)):
        low, high = min(low, rings[r, 1], rings[r, 3]), max(high, rings[r, 1], rings[r, 3])
        left, right = min(left, rings[r, 0], rings[r, 2]), max(right, rings[r, 0], rings[r, 2])
    # Segments by the horizontal bands that they cross, so that a point meets few of them.
    n_bands = max(1, len(rings) // 4)
    step = (high - low) / n_bands
    if not step > 0.0:
        return inside
    start, members = _bands(rings, low, step, n_bands)
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        if not (left <= x <= right and low <= y <= high):
            continue
        band = min(n_bands - 1, int((y - low) / step))
        odd = False
        for at in range(start[band], start[band + 1]):
            x0, y0, x1, y1 = rings[members[at]]
            if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                odd = not odd
        inside[i] = odd
    return inside


@njit(cache=True, nogil=True)
def clip_lines(lines: Floats, box: Floats) -> Floats:
    """Return what of lines lies in a box (Liang and Barsky 1984)."""
    kept = np.empty((len(lines), 4))
    count = 0
    for at in range(len(lines)):
        x, y = lines[at, 0], lines[at, 1]
        dx, dy = lines[at, 2] - x, lines[at, 3] - y
        enter, leave = 0.0, 1.0
        for way, room in ((-dx, x - box[0]), (dx, box[2] - x), (-dy, y - box[1]), (dy, box[3] - y)):
            if way == 0.0:
                if room < 0.0:
                    leave = -1.0
            elif way < 0.0:
                enter = max(enter, room / way)
            else:
                leave = min(leave, room / way)
        if enter <= leave:
            kept[count, 0], kept[count, 1] = x + enter * dx, y + enter * dy
            kept[count, 2], kept[count, 3] = x + leave * dx, y + leave * dy
            if leave == 1.0:
                kept[count, 2], kept[count, 3] = lines[at, 2], lines[at, 3]
            count += 1
    return kept[:count].copy()
