"""Which building cells of a block touch one another, and which touch a street: exact, without building the cells.

A building's cell is the ground of the block nearer to it than to any other building. Cells touch
where they come within a centimetre (a shared corner counts), and a cell has access where it comes
within a metre of a street. Both are read from the edges of the Voronoi diagram; only where the
block's border makes an answer doubtful are cells built and measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from geo_profiling.settlements.planar import Flags, Floats, Integers, clip_lines, points_inside
from geo_profiling.settlements.voronoi import (
    Diagram,
    breadth_first,
    cells_within,
    groups_within,
    meetings_at_lines,
    near_cells,
    run_lines,
    voronoi_diagram,
)

Geometries = NDArray[np.object_]

_POLYGON = 3

#: Cells that come this near one another touch: less than any wall, more than rounding.
CONTACT_M = 0.01
#: A cell that comes this near a street has access to it.
ACCESS_M = 1.0
#: Points no farther apart than this are one point.
SAME_POINT_M = 0.001


@dataclass(frozen=True)
class BlockGround:
    """One block with the points in it.

    Attributes
    ----------
    polygon : shapely geometry
        The block, in metres.
    points : ndarray of float, shape (n, 2)
        Of the buildings in it, at least one.
    access : ndarray of float, shape (s, 4)
        Segments of the streets within reach; empty where there is none.
    """

    polygon: BaseGeometry
    points: Floats
    access: Floats


@dataclass(frozen=True)
class Contacts:
    """The cells of a block: who touches whom.

    Attributes
    ----------
    origin : ndarray of float
        Of the local coordinates.
    diagram : Diagram
    site_of_point : ndarray of int
        The cell of each point given.
    pairs : ndarray of int, shape (p, 2)
        Cells that touch.
    rings, is_outer : ndarray
        Segments of the block's border; which of them are of an exterior ring.
    pieces, piece_cell, piece_ring : ndarray
        The border cut by cells; the cell and the segment of each piece.
    polygon : shapely geometry
        As given.
    """

    origin: Floats
    diagram: Diagram
    site_of_point: Integers
    pairs: Integers
    rings: Floats
    is_outer: Flags
    pieces: Floats
    piece_cell: Integers
    piece_ring: Integers
    polygon: BaseGeometry

    @cached_property
    def bounds(self) -> Floats:
        """Of the block, in local coordinates."""
        return _bounds(self.rings)

    def with_access(self, lines: Floats, *, reach_m: float = ACCESS_M) -> Flags:
        """Tell which cells come within reach of lines (segments x, y, x, y in the block's coordinates)."""
        grown = self.bounds + (reach_m + 1.0) * np.array([-1.0, -1.0, 1.0, 1.0])
        local = clip_lines(lines - self.origin[[0, 1, 0, 1]], grown)
        if len(local) == 0:
            return np.zeros(len(self.diagram.sites), bool)
        part = self.diagram
        pieces, cell, _, _ = run_lines(local, part.sites, part.edges, part.fan_start, part.fan_edge)
        return self._reached(pieces, cell, local, reach_m)

    def with_outer_ring(self, *, reach_m: float = ACCESS_M) -> Flags:
        """Tell which cells come within reach of the block's exterior ring."""
        outer = self.is_outer[self.piece_ring]
        return self._reached(self.pieces[outer], self.piece_cell[outer], self.rings[self.is_outer], reach_m)

    def _reached(self, pieces: Floats, cell: Integers, lines: Floats, reach_m: float) -> Flags:
        part = self.diagram
        reached = cells_within(pieces, cell, reach_m, part.edges, part.ends, part.fan_start, part.fan_edge)
        at_border = np.zeros(len(part.sites), bool)
        at_border[self.piece_cell] = True
        # A cell that the border does not cross lies in the block whole; of the others the part outside does not count.
        doubtful = reached & at_border
        sure = groups_within(self.pieces, self.piece_cell, lines, reach_m, doubtful)
        rest = np.flatnonzero(doubtful & ~sure)
        if rest.size:
            street = lines_of(lines + self.origin[[0, 1, 0, 1]])
            shapely.prepare(street)
            reached[rest] = shapely.dwithin(self.cells(rest), street, reach_m)
        return reached

    def cells(self, chosen: Integers) -> Geometries:
        """Return chosen cells as polygons, clipped to the block; a cell in several parts is one multipolygon."""
        return shapely.intersection(_whole_cells(self.diagram, chosen, self.origin), self.polygon)


def block_contacts(ground: BlockGround, *, contact_m: float = CONTACT_M) -> Contacts:
    """Find the cells of a block and which of them touch.

    Parameters
    ----------
    ground : BlockGround
    contact_m : float
        Cells no farther apart touch.

    Returns
    -------
    Contacts

    Examples
    --------
    >>> row = BlockGround(shapely.box(0, 0, 30, 10), np.array([[5.0, 5], [15, 5], [25, 5]]), np.empty((0, 4)))
    >>> block_contacts(row).pairs.tolist()
    [[0, 1], [1, 2]]
    """
    rings, is_outer = _ring_segments(ground.polygon)
    bounds = _bounds(rings)
    origin = (bounds[:2] + bounds[2:]) / 2
    rings = rings - origin[[0, 1, 0, 1]]
    sites, site_of_point = distinct_points(ground.points - origin)
    radius = float(np.hypot(*(bounds[2:] - origin))) + 10.0
    part, stands_for = voronoi_diagram(sites, radius)
    pieces, piece_cell, piece_ring, crossed = run_lines(rings, part.sites, part.edges, part.fan_start, part.fan_edge)
    pairs, doubtful = _touching(part, rings, pieces, piece_cell, crossed, contact_m)
    found = Contacts(
        *(origin, part, stands_for[site_of_point], pairs, rings, is_outer, pieces, piece_cell, piece_ring),
        ground.polygon,
    )
    if len(doubtful) == 0:
        return found
    chosen, where = np.unique(doubtful, return_inverse=True)
    cells = found.cells(chosen)[where.reshape(doubtful.shape)]
    touching = doubtful[shapely.dwithin(cells[:, 0], cells[:, 1], contact_m)]
    return replace(found, pairs=_distinct_pairs(np.concatenate([pairs, touching])))


def _touching(
    part: Diagram, rings: Floats, pieces: Floats, piece_cell: Integers, crossed: Integers, contact_m: float
) -> tuple[Integers, Integers]:
    """Return the pairs of cells that surely touch inside the block, and those to be measured."""
    inside = points_inside(part.vertices, rings)
    sure = inside[part.end_ids].any(axis=1)
    sure[crossed] = True
    fan = part.edges, part.ends, part.fan_start, part.fan_edge
    # Two cells that touch do so at a vertex inside the block, or near one place on its border. Twice the
    # tolerance: so that vertices from which it could reach across the border are told apart as well.
    meetings, near_border = meetings_at_lines(pieces, piece_cell, 2 * contact_m, sure, *fan)
    near = near_cells(
        contact_m,
        _bounds(rings),
        *(part.vertices, part.triangles, part.edges, part.ends, part.end_ids, part.fan_start, part.fan_edge),
    )
    near = near[inside[near[:, 2]]]
    if len(near) == 0 and len(meetings) == 0:
        return part.edges[sure], meetings
    border_vertex = np.zeros(len(part.vertices), bool)
    border_vertex[part.end_ids[near_border]] = True
    is_doubtful = border_vertex[near[:, 2]]
    pairs = _distinct_pairs(np.concatenate([part.edges[sure], near[~is_doubtful, :2]]))
    doubtful = _distinct_pairs(np.concatenate([meetings, near[is_doubtful, :2]]))
    known = np.isin(_pair_key(doubtful), _pair_key(pairs), kind="sort")
    return pairs, doubtful[~known]


def _pair_key(pairs: Integers) -> Integers:
    key: Integers = pairs[:, 0] * (2**31) + pairs[:, 1]
    return key


def _distinct_pairs(pairs: Integers) -> Integers:
    ordered = np.sort(pairs, axis=1)
    key = np.sort(_pair_key(ordered))
    key = key[np.diff(key, prepend=-1) > 0]
    return np.stack([key // 2**31, key % 2**31], axis=1)


def distinct_points(points: Floats, *, same_m: float = SAME_POINT_M) -> tuple[Floats, Integers]:
    """Return the points that differ, sorted by x and y, and which of them each given point is.

    Points within ``same_m`` are one, also over others between them; the first in the order stands for all.

    Examples
    --------
    >>> distinct_points(np.array([[2.0, 0.0], [1.0, 0.0], [2.0, 0.0001]]))[1].tolist()
    [1, 0, 1]
    """
    order = np.lexsort((points[:, 1], points[:, 0]))
    ordered = points[order]
    differs = np.ones(len(points), bool)
    differs[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    which = np.empty(len(points), np.int64)
    which[order] = np.cumsum(differs) - 1
    ordered = ordered[differs]
    if not (ordered[1:, 0] - ordered[:-1, 0] <= same_m).any():
        return ordered, which
    pairs = cKDTree(ordered).query_pairs(same_m, output_type="ndarray")
    if len(pairs) == 0:
        return ordered, which
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(ordered), len(ordered)))
    component = connected_components(graph, directed=False)[1]
    first = np.full(component.max() + 1, len(ordered), np.int64)
    np.minimum.at(first, component, np.arange(len(ordered)))
    kept, position = np.unique(first[component], return_inverse=True)
    return np.ascontiguousarray(ordered[kept]), position[which]


def _ring_segments(polygon: BaseGeometry) -> tuple[Floats, Flags]:
    """Return the segments of all rings, and which are of exterior ones."""
    if shapely.get_type_id(polygon) == _POLYGON and shapely.get_num_interior_rings(polygon) == 0:
        corners = shapely.get_coordinates(polygon)
        return np.hstack([corners[:-1], corners[1:]]), np.ones(len(corners) - 1, bool)
    parts = shapely.get_parts(polygon)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    first = np.r_[True, part_of_ring[1:] != part_of_ring[:-1]]
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    segments = np.hstack([coordinates[:-1], coordinates[1:]])[inside]
    return np.ascontiguousarray(segments), first[ring[1:][inside]]


def lines_of(segments: Floats) -> BaseGeometry:
    """Return segments (x, y, x, y) as one geometry.

    Examples
    --------
    >>> lines_of(np.array([[0.0, 0.0, 3.0, 0.0]])).length
    3.0
    """
    coordinates = segments.reshape(-1, 2)
    part = np.repeat(np.arange(len(segments)), 2)
    lines = np.asarray(shapely.linestrings(coordinates, indices=part), dtype=object)
    joined: BaseGeometry = shapely.MultiLineString(list(lines))
    return joined


def _bounds(segments: Floats) -> Floats:
    x, y = segments[:, ::2], segments[:, 1::2]
    return np.array([x.min(), y.min(), x.max(), y.max()])


def _whole_cells(part: Diagram, chosen: Integers, origin: Floats) -> Geometries:
    """Return chosen cells of the diagram, not clipped, in the order of ``chosen`` (sorted)."""
    position = np.full(int(part.triangles.max()) + 1, -1, np.int64)
    position[chosen] = np.arange(len(chosen))
    vertex, corner = np.nonzero(position[part.triangles] >= 0)
    cell = position[part.triangles[vertex, corner]]
    order = np.argsort(cell, kind="stable")
    # Cells are convex: the hull of its vertices is the cell, in whatever order they come.
    corners = shapely.multipoints(part.vertices[vertex[order]] + origin, indices=cell[order])
    return np.asarray(shapely.convex_hull(corners), dtype=object)


def layers_of(contacts: Contacts, access: Flags) -> Integers:
    """Return for each cell how many are crossed, its own included, to reach access; 0 where none leads there.

    Examples
    --------
    >>> row = BlockGround(shapely.box(0, 0, 30, 10), np.array([[5.0, 5], [15, 5], [25, 5]]), np.empty((0, 4)))
    >>> contacts = block_contacts(row)
    >>> layers_of(contacts, contacts.with_access(np.array([[0.0, 0, 0, 10]]))).tolist()
    [1, 2, 3]
    """
    return breadth_first(contacts.pairs, access)
