"""Which polygons share a border: rook contiguity from equal segments, and from near ones where vertices differ."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.crs import parse_crs

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Borders no farther apart than this are one border; of small units at most a thousandth of their side.
TOLERANCE_M = 1.0
_MAX_SHARE_OF_SIDE = 1e-3
#: Borders that are near but not equal must run together for this many tolerances to be an edge:
#: less is the touch of two corners.
MIN_EDGE_TOLERANCES = 10
#: Coordinates that agree to this share of the tolerance are the same vertex.
_VERTEX_SHARE = 1e-3
_EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True)
class Contiguity:
    """Pairs of polygons that share an edge, and the border that each shares with none.

    Attributes
    ----------
    first, second : ndarray of int
        Positions of the two polygons, ``first < second``, sorted, each pair once.
    shared_length : ndarray of float
        Length of the border they share, in units of the CRS.
    free_length : ndarray of float
        By polygon, length of its border along which there is no other polygon.
    free_segments : ndarray of float, shape (n, 4)
        Segments with a free part longer than the tolerance: x, y of both ends.
    tolerance : float
        In units of the CRS: borders no farther apart were taken for one.
    """

    first: Integers
    second: Integers
    shared_length: Floats
    free_length: Floats
    free_segments: Floats
    tolerance: float

    @property
    def is_free(self) -> NDArray[np.bool_]:
        """By polygon: whether a part of its border has no other polygon along it (coast, edge of the map)."""
        return self.free_length > MIN_EDGE_TOLERANCES * self.tolerance


@dataclass(frozen=True)
class _Segments:
    """Straight pieces of borders: ends (n, 4) and the polygon of each."""

    ends: Floats
    owner: Integers

    @property
    def length(self) -> Floats:
        lengths: Floats = np.hypot(self.ends[:, 2] - self.ends[:, 0], self.ends[:, 3] - self.ends[:, 1])
        return lengths

    def select(self, chosen: NDArray[np.bool_] | Integers) -> _Segments:
        return _Segments(self.ends[chosen], self.owner[chosen])


def rook_contiguity(polygons: gpd.GeoSeries, *, tolerance_m: float = TOLERANCE_M) -> Contiguity:
    """Find the pairs of polygons that share a border of some length; a shared corner is not enough.

    Definition: two polygons are contiguous where they have a border segment in common (the same two
    vertices, at any length), or where their borders run within the tolerance of one another for more
    than ten tolerances (vertices that only one of them has, slivers). Parts and holes of a polygon
    count as its border.

    Parameters
    ----------
    polygons : geopandas.GeoSeries
        Polygons and multipolygons in any CRS; they are compared in it as they are.
    tolerance_m : float
        Metres; in degrees it is converted by the Earth's radius. It never exceeds a thousandth of
        the side of a typical polygon (square root of the median area).

    Returns
    -------
    Contiguity

    Raises
    ------
    CRSError
        If there is no CRS.

    Examples
    --------
    >>> from shapely import box
    >>> squares = gpd.GeoSeries([box(0, 0, 9, 9), box(9, 0, 18, 9), box(18, 9, 27, 18)], crs="EPSG:3035")
    >>> found = rook_contiguity(squares)
    >>> found.first.tolist(), found.second.tolist(), found.shared_length.tolist()
    ([0], [1], [9.0])
    >>> found.free_length.tolist()
    [27.0, 27.0, 36.0]
    """
    geometries = np.asarray(polygons.array, dtype=object)
    tolerance = _tolerance(geometries, parse_crs(polygons.crs, what="polygons"), tolerance_m)
    segments = _segments(geometries)
    left, right = _equal_pairs(segments, tolerance * _VERTEX_SHARE)
    pairs = [(segments.owner[left], segments.owner[right], segments.length[left])]
    unmatched = np.ones(segments.owner.size, bool)
    unmatched[left], unmatched[right] = False, False
    rest = segments.select(unmatched)
    near = _near_overlaps(rest, tolerance)
    pairs.append(_near_edges(rest, near, tolerance))
    covered = _union_lengths(near.segment, near.start, near.stop, rest.owner.size)
    free = np.maximum(rest.length - covered, 0.0)
    by_polygon = _sums(rest.owner, free, geometries.size)
    first, second, shared = (np.concatenate(part) for part in zip(*pairs, strict=True))
    summed = _summed(first, second, shared, geometries.size)
    return Contiguity(*summed, by_polygon, rest.ends[free > tolerance], tolerance)


def _tolerance(geometries: NDArray[np.object_], crs: CRS, tolerance_m: float) -> float:
    factor = crs.axis_info[0].unit_conversion_factor
    in_crs_units = tolerance_m / (factor * (_EARTH_RADIUS_M if crs.is_geographic else 1.0))
    areas = shapely.area(geometries)
    side = float(np.sqrt(np.median(areas[areas > 0]))) if (areas > 0).any() else np.inf
    return float(min(in_crs_units, _MAX_SHARE_OF_SIDE * side))


def _segments(geometries: NDArray[np.object_]) -> _Segments:
    parts, polygon_of_part = shapely.get_parts(geometries, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    inside = np.flatnonzero(ring[1:] == ring[:-1])
    ends = np.hstack([coordinates[inside], coordinates[inside + 1]])
    owner = polygon_of_part[part_of_ring[ring[inside]]].astype(np.int64)
    real = (ends[:, :2] != ends[:, 2:]).any(axis=1)
    return _Segments(ends[real], owner[real])


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread 64-bit numbers evenly (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed


def _equal_pairs(segments: _Segments, vertex_size: float) -> tuple[Integers, Integers]:
    """Return pairs of segments of different polygons with the same two vertices."""
    x0, y0, x1, y1 = (np.rint(column / vertex_size).astype(np.int64) for column in segments.ends.T)
    turned = (x0 > x1) | ((x0 == x1) & (y0 > y1))
    (x0, x1), (y0, y1) = (
        (np.where(turned, stop, start), np.where(turned, start, stop)) for start, stop in ((x0, x1), (y0, y1))
    )
    key = np.zeros(x0.size, np.uint64)
    for column in (x0, y0, x1, y1):
        key = _mixed(key + column.view(np.uint64))
    order = np.argsort(key)
    ordered = key[order]
    lefts, rights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    step = 1
    # Neighbours in the order first; farther ones only where three or more polygons overlap.
    while step < ordered.size:
        same = np.flatnonzero(ordered[step:] == ordered[:-step])
        if same.size == 0:
            break
        left, right = order[same], order[same + step]
        # Keys that collide are told apart by the vertices themselves.
        agree = segments.owner[left] != segments.owner[right]
        for column in (x0, y0, x1, y1):
            agree &= column[left] == column[right]
        lefts.append(left[agree])
        rights.append(right[agree])
        step += 1
    return np.concatenate(lefts), np.concatenate(rights)


@dataclass(frozen=True)
class _Overlaps:
    """Stretches of segments that run near a segment of another polygon."""

    segment: Integers
    neighbour: Integers
    start: Floats
    stop: Floats


def _near_overlaps(segments: _Segments, tolerance: float) -> _Overlaps:
    lines = np.asarray(shapely.linestrings(segments.ends.reshape(-1, 2, 2)), dtype=object)
    one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=tolerance)
    apart = segments.owner[one] != segments.owner[other]
    one, other = one[apart], other[apart]
    start, stop = _stretches(segments.ends[one], segments.ends[other], tolerance)
    long = stop > start
    return _Overlaps(one[long], segments.owner[other[long]], start[long], stop[long])


def _stretches(one: Floats, other: Floats, tolerance: float) -> tuple[Floats, Floats]:
    """Return from where to where each segment has the other within the tolerance beside it."""
    origin, direction = one[:, :2], one[:, 2:] - one[:, :2]
    length = np.hypot(direction[:, 0], direction[:, 1])
    along_x, along_y = direction[:, 0] / length, direction[:, 1] / length
    x, y = (other[:, axis::2] - origin[:, axis : axis + 1] for axis in (0, 1))
    along = x * along_x[:, None] + y * along_y[:, None]
    beside = y * along_x[:, None] - x * along_y[:, None]
    drift = beside[:, 1] - beside[:, 0]
    parallel = np.abs(drift) < 1e-12 * tolerance
    safe = np.where(parallel, 1.0, drift)
    enter, leave = (-tolerance - beside[:, 0]) / safe, (tolerance - beside[:, 0]) / safe
    low = np.where(parallel, 0.0, np.clip(np.minimum(enter, leave), 0.0, 1.0))
    high = np.where(parallel, 1.0, np.clip(np.maximum(enter, leave), 0.0, 1.0))
    far = parallel & (np.abs(beside[:, 0]) > tolerance)
    span = along[:, 1] - along[:, 0]
    a, b = along[:, 0] + low * span, along[:, 0] + high * span
    start, stop = np.clip(np.minimum(a, b), 0.0, length), np.clip(np.maximum(a, b), 0.0, length)
    return start, np.where(far, start, stop)


def _union_lengths(group: Integers, start: Floats, stop: Floats, n_groups: int) -> Floats:
    """Return the length that the stretches of each group cover together."""
    if group.size == 0:
        return np.zeros(n_groups)
    order = np.lexsort((start, group))
    # Each group on a stretch of its own, so that one running maximum serves all.
    offset = group[order] * (float(stop.max()) + 1.0)
    begin, end = start[order] + offset, stop[order] + offset
    reached = np.concatenate([[-np.inf], np.maximum.accumulate(end)[:-1]])
    gained = np.maximum(end - np.maximum(begin, reached), 0.0)
    return _sums(group[order], gained, n_groups)


def _sums(group: Integers, values: Floats, n_groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)


def _near_edges(segments: _Segments, near: _Overlaps, tolerance: float) -> tuple[Integers, Integers, Floats]:
    """Return pairs of polygons whose unequal borders run together for long enough, and how long."""
    touched, group = np.unique(np.stack([near.segment, near.neighbour]), axis=1, return_inverse=True)
    lengths = _union_lengths(group, near.start, near.stop, touched.shape[1])
    pair, at = np.unique(np.stack([segments.owner[touched[0]], touched[1]]), axis=1, return_inverse=True)
    summed = _sums(at, lengths, pair.shape[1])
    # Each pair was measured along both borders; the longer measure stands for it.
    ordered = np.sort(pair, axis=0)
    both, side = np.unique(ordered, axis=1, return_inverse=True)
    longest = np.zeros(both.shape[1])
    np.maximum.at(longest, side, summed)
    edge = longest > MIN_EDGE_TOLERANCES * tolerance
    return both[0, edge], both[1, edge], longest[edge]


def _summed(first: Integers, second: Integers, length: Floats, n: int) -> tuple[Integers, Integers, Floats]:
    key = np.minimum(first, second) * n + np.maximum(first, second)
    unique, at = np.unique(key, return_inverse=True)
    return unique // n, unique % n, _sums(at, length, unique.size)
