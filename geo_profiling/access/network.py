"""The street network: nodes, straight segments with their lengths, and the parts that hang together."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numba
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geo_profiling.access.junctions import FloatArray, IntArray, split_at_junctions
from geo_profiling.access.nearest import Lattice, lattice_of
from geo_profiling.crs import local_utm, parse_crs, require_projected
from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.findings import Finding

#: Vertices this near to one another, in metres, are one.
SNAP_M = 0.01
#: Largest deviation of lengths, in any direction, in the CRS of a network.
LENGTH_TOLERANCE = 0.01
#: Values of a field of bridges and tunnels that mean a street on the ground.
_GROUND = frozenset({"", "0", "no", "n", "false", "f", "none", "nan", "<na>"})
_LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING)
_MULTILINE = shapely.GeometryType.MULTILINESTRING


@dataclass(frozen=True)
class StreetNetwork:
    """Streets as a graph, the same for any order, direction and cutting of the lines it was made from.

    Attributes
    ----------
    crs : CRS
        Projected, in metres, true to 1 % in length.
    nodes : ndarray of float64, shape (nodes, 2)
        Coordinates, sorted by x, then y.
    edges : ndarray of int64, shape (segments, 2)
        The nodes of each straight segment, the smaller first; sorted, each pair once.
    lengths_m : ndarray of float64, shape (segments,)
    graph : scipy.sparse.csr_array, shape (nodes, nodes)
        Lengths in metres, in both directions: on foot no street is one-way.
    component : ndarray of int64, shape (nodes,)
        Part of the network that hangs together: 0 is the one with the most metres of street.
    findings : list of Finding
    """

    crs: CRS
    nodes: FloatArray
    edges: IntArray
    lengths_m: FloatArray
    graph: csr_array
    component: IntArray
    findings: list[Finding]

    @cached_property
    def lines(self) -> NDArray[np.object_]:
        """The segments as lines, in the order of ``edges``."""
        return lines_of(self.nodes[self.edges])

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of ``lines``."""
        return shapely.STRtree(self.lines)

    @cached_property
    def lattice(self) -> Lattice:
        """Index of the segments for points."""
        return lattice_of(self.nodes[self.edges].reshape(-1, 4))

    def segments(self) -> gpd.GeoDataFrame:
        """Return the segments with ``length_m`` and ``component``.

        Examples
        --------
        >>> line = gpd.GeoSeries([shapely.LineString([(0, 0), (3, 4)])], crs="EPSG:32632")
        >>> street_network(gpd.GeoDataFrame(geometry=line)).segments()[["length_m", "component"]].to_numpy().tolist()
        [[5.0, 0.0]]
        """
        columns = {"length_m": self.lengths_m, "component": self.component[self.edges[:, 0]]}
        return gpd.GeoDataFrame(columns, geometry=self.lines, crs=self.crs)


def street_network(
    streets: gpd.GeoDataFrame,
    *,
    node_crossings: bool = True,
    snap_m: float = SNAP_M,
    gap_m: float = 0.0,
    bridge_field: str | None = None,
    name: str = "streets",
) -> StreetNetwork:
    """Make a graph of streets for distances on foot.

    Definition: streets meet where they share a vertex, where one ends on another, and (with
    ``node_crossings``) where they cross. A line that ``bridge_field`` puts on another level crosses
    the others without meeting them, but meets a street on the ground on which it ends. Segments that
    lie on one another count once. Directions count for nothing.

    Parameters
    ----------
    streets : geopandas.GeoDataFrame
        Lines in a projected CRS in metres that is true to 1 % in length here: the local UTM zone
        (:func:`geo_profiling.crs.local_utm`) or a national grid; not a world equal-area CRS.
    node_crossings : bool
        True serves layers of any make. False is for layers whose junctions are all vertices and whose
        bridges no field tells apart.
    snap_m : float
        Vertices this near to one another are one, and a vertex this near to a line lies on it.
    gap_m : float
        Dead ends are linked to the nearest street of another part of the network this near, by a
        straight segment; 0 links none.
    bridge_field : str, optional
        Field of bridges and tunnels, such as OpenStreetMap's ``layer`` or ``bridge``; NULL, 0 and "no"
        are the ground, equal values one level.
    name : str
        The layer; named in messages.

    Returns
    -------
    StreetNetwork
        Its findings tell of parts that do not connect, with their number and metres, of links over
        gaps and of features left out.

    Raises
    ------
    CRSError
        If the CRS is not projected in metres or bends lengths by more than 1 %.
    InputError
        If there is no line, a feature is no line, a coordinate is not finite, or the field is missing.
    UsageError
        If ``snap_m`` or ``gap_m`` is negative.

    Examples
    --------
    >>> lines = [shapely.LineString([(0, 0), (100, 0)]), shapely.LineString([(50, -50), (50, 50)])]
    >>> network = street_network(gpd.GeoDataFrame(geometry=lines, crs="EPSG:32632"))
    >>> len(network.nodes), network.lengths_m.tolist()
    (5, [50.0, 50.0, 50.0, 50.0])
    """
    if not (snap_m >= 0 and gap_m >= 0):
        raise UsageError(f"snap_m {snap_m:g} and gap_m {gap_m:g}: neither is below 0")
    crs = parse_crs(streets.crs, what=name)
    require_projected(crs, what=name)
    coordinates, line_starts, rows, left_out = _vertices(streets, name)
    _require_true_lengths(crs, coordinates, name)
    levels = _levels(streets, bridge_field, name)[rows]
    pieces = split_at_junctions(coordinates, line_starts, levels, snap_m=snap_m, node_crossings=node_crossings)
    nodes, edges = _assemble(pieces, snap_m)
    if not len(edges):
        raise InputError(f"{name}: no line has a length above 0", hint="check the layer")
    findings = [*left_out]
    if gap_m > 0:
        nodes, edges, linked = _close_gaps(nodes, edges, gap_m, snap_m, name)
        findings += linked
    lengths = np.hypot(*(nodes[edges[:, 1]] - nodes[edges[:, 0]]).T)
    graph, component = _graph(nodes, edges, lengths)
    findings += _islands(component[edges[:, 0]], lengths, name)
    return StreetNetwork(crs, nodes, edges, lengths, graph, component, findings)


def _vertices(streets: gpd.GeoDataFrame, name: str) -> tuple[FloatArray, IntArray, IntArray, list[Finding]]:
    """Return the vertices of all lines, the first vertex of each, the row of each, and what was left out."""
    geometries = np.asarray(streets.geometry.array, dtype=object)
    kinds = shapely.get_type_id(geometries)
    bare = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    wrong = np.flatnonzero(~bare & ~np.isin(kinds, [*_LINES, _MULTILINE]))
    if wrong.size:
        kind = geometries[wrong[0]].geom_type
        raise InputError(
            f"{name}, row {wrong[0]} (from 0): {kind}, not a line ({wrong.size} such rows)",
            hint="give streets as lines (centre lines, not points or areas)",
        )
    if bare.all():
        raise InputError(f"{name}: has no line", hint="check the layer, and the classes that are kept")
    parts, rows = shapely.get_parts(geometries[~bare], return_index=True)
    whole = ~shapely.is_empty(parts)
    parts, rows = parts[whole], np.flatnonzero(~bare)[rows[whole]].astype(np.int64)
    coordinates, part = shapely.get_coordinates(parts, return_index=True)
    if not np.isfinite(coordinates).all():
        row = rows[part[~np.isfinite(coordinates).all(axis=1)][0]]
        raise InputError(f"{name}, row {row} (from 0): a coordinate is not a finite number", hint="repair the layer")
    starts = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=len(parts)))]).astype(np.int64)
    findings = []
    if bare.any():
        message = f"{int(bare.sum())} of {len(bare)} rows have no geometry; left out"
        findings.append(
            Finding("warning", name, f"row {np.flatnonzero(bare)[0]} (from 0)", message, "check those rows")
        )
    # Adding 0 makes one of the two zeros that floats have.
    return coordinates + 0.0, starts, rows, findings


def _require_true_lengths(crs: CRS, coordinates: FloatArray, name: str) -> None:
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    x, y = (axis.ravel() for axis in np.meshgrid(*(np.linspace(low[i], high[i], 5) for i in (0, 1))))
    lon, lat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    valid = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
    if not valid.any():
        raise CRSError(f"{name}: its coordinates cannot be in {crs.to_string()[:60]}", hint="correct its CRS")
    factors = Proj(crs).get_factors(lon[valid], lat[valid], errcheck=False)
    scales = np.concatenate([np.asarray(factors.tissot_semimajor), np.asarray(factors.tissot_semiminor)])
    scales = scales[np.isfinite(scales) & (scales < 1e6)]
    if not scales.size:
        return
    worst = float(scales[np.argmax(np.abs(scales - 1))])
    if abs(worst - 1) > LENGTH_TOLERANCE:
        raise CRSError(
            f"{name}: {crs.to_string()[:60]} bends lengths by up to {100 * (worst - 1):+.1f} % here",
            hint="reproject to the local UTM zone or a national grid",
        )


def _levels(streets: gpd.GeoDataFrame, field: str | None, name: str) -> IntArray:
    """Return a number for the level of each row; 0 is the ground."""
    if field is None:
        return np.zeros(len(streets), np.int64)
    if field not in streets.columns:
        raise InputError(f"{name}: has no field {field!r}", hint="name its field of bridges and tunnels")
    texts = [_level_text(value) for value in streets[field]]
    numbers = {text: number for number, text in enumerate(sorted(set(texts) - {""}), start=1)}
    return np.array([numbers.get(text, 0) for text in texts], np.int64)


def _level_text(value: Hashable) -> str:
    text = "" if pd.isna(value) else str(value).strip().lower().removesuffix(".0")  # type: ignore[call-overload]
    return "" if text in _GROUND else text


def _assemble(pieces: FloatArray, snap_m: float) -> tuple[FloatArray, IntArray]:
    """Merge the ends of pieces that lie together; return nodes and edges, sorted, each once."""
    ends = pieces.reshape(-1, 2)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    fresh = np.ones(len(ends), bool)
    fresh[1:] = (ends[order[1:]] != ends[order[:-1]]).any(axis=1)
    number = np.empty(len(ends), np.int64)
    number[order] = np.cumsum(fresh) - 1
    nodes = ends[order[fresh]]
    first, near = _merged(nodes, snap_m)
    edges = np.sort(np.concatenate([first[number].reshape(-1, 2), first[near]]), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    edges = edges[np.lexsort((edges[:, 1], edges[:, 0]))]
    if len(edges):
        edges = edges[np.concatenate([[True], (edges[1:] != edges[:-1]).any(axis=1)])]
    used, edges = np.unique(edges, return_inverse=True)
    return nodes[used], edges.reshape(-1, 2).astype(np.int64)


def _merged(nodes: FloatArray, snap_m: float) -> tuple[IntArray, IntArray]:
    """Return for each node the one it is merged with, and the pairs that lie within the distance.

    Nodes are merged with the first one around them and not in chains: a line whose vertices are
    dense would else shrink to a point. The pairs keep the others connected.
    """
    first = np.arange(len(nodes))
    if not snap_m > 0:
        return first, np.empty((0, 2), np.int64)
    pairs = cKDTree(nodes).query_pairs(snap_m, output_type="ndarray").astype(np.int64)
    pairs = np.sort(pairs.reshape(-1, 2), axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    _merge(first, pairs)
    return first, pairs


@numba.njit(cache=True, nogil=True)
def _merge(first: IntArray, pairs: IntArray) -> None:
    for pair in range(pairs.shape[0]):
        one, other = pairs[pair]
        if first[one] == one and first[other] == other:
            first[other] = one


def _graph(nodes: FloatArray, edges: IntArray, lengths: FloatArray) -> tuple[csr_array, IntArray]:
    """Return the graph and the component of each node, the longest first."""
    both = np.concatenate([edges, edges[:, ::-1]])
    shape = (len(nodes), len(nodes))
    graph = csr_array((np.concatenate([lengths, lengths]), (both[:, 0], both[:, 1])), shape=shape)
    graph.sort_indices()
    count, found = connected_components(graph, directed=False)
    metres = np.bincount(found[edges[:, 0]], weights=lengths, minlength=count)
    first = np.full(count, len(nodes), np.int64)
    np.minimum.at(first, found, np.arange(len(nodes)))
    rank = np.empty(count, np.int64)
    # Rounded, so that the order in which lengths are added decides nothing.
    rank[np.lexsort((first, -np.round(metres, 3)))] = np.arange(count)
    return graph, rank[found]


def _close_gaps(
    nodes: FloatArray, edges: IntArray, gap_m: float, snap_m: float, name: str
) -> tuple[FloatArray, IntArray, list[Finding]]:
    """Link each dead end to the nearest street of another part of the network."""
    _, component = _graph(nodes, edges, np.hypot(*(nodes[edges[:, 1]] - nodes[edges[:, 0]]).T))
    dead = np.flatnonzero(np.bincount(edges.ravel(), minlength=len(nodes)) == 1)
    tree = shapely.STRtree(lines_of(nodes[edges]))
    which, edge = tree.query(shapely.points(nodes[dead]), predicate="dwithin", distance=gap_m)
    other = component[edges[edge, 0]] != component[dead[which]]
    which, edge = which[other], edge[other]
    if not which.size:
        return nodes, edges, []
    feet, apart = feet_on(nodes[dead[which]], nodes[edges[edge, 0]], nodes[edges[edge, 1]])
    order = np.lexsort((edge, apart, which))
    order = order[np.concatenate([[True], which[order][1:] != which[order][:-1]])]
    which, edge, feet, apart = which[order], edge[order], feet[order], apart[order]
    links = np.column_stack([nodes[dead[which]], feet])
    pieces = np.concatenate([_split(nodes, edges, edge, feet), links])
    message = f"{len(links)} dead ends linked to another part over gaps of {apart.sum():.1f} m in all"
    return *_assemble(pieces, snap_m), [Finding("note", name, "", message, "draw those junctions in the layer")]


def lines_of(ends: FloatArray) -> NDArray[np.object_]:
    """Return straight lines between their ends.

    Parameters
    ----------
    ends : ndarray, shape (lines, 2, 2)

    Examples
    --------
    >>> lines_of(np.array([[[0.0, 0.0], [1.0, 0.0]]]))[0].length
    1.0
    """
    lines: Any = shapely.linestrings(ends)
    return np.asarray(lines, dtype=object)


def feet_on(points: FloatArray, begin: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the nearest point of a segment for each point, and how far it is.

    Parameters
    ----------
    points, begin, end : ndarray, shape (n, 2)

    Examples
    --------
    >>> feet, apart = feet_on(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]), np.array([[5.0, 0.0]]))
    >>> feet.tolist(), apart.tolist()
    ([[1.0, 0.0]], [2.0])
    """
    way = end - begin
    share = ((points - begin) * way).sum(axis=1) / (way * way).sum(axis=1)
    feet = begin + np.clip(share, 0.0, 1.0)[:, None] * way
    feet = np.where((share >= 1)[:, None], end, feet)
    return feet, np.hypot(*(points - feet).T)


def _split(nodes: FloatArray, edges: IntArray, edge: IntArray, feet: FloatArray) -> FloatArray:
    """Return the segments as pieces, those of ``edge`` cut at the feet."""
    numbers = np.concatenate([np.repeat(np.arange(len(edges)), 2), edge])
    points = np.concatenate([nodes[edges].reshape(-1, 2), feet])
    along = ((points - nodes[edges[numbers, 0]]) * (nodes[edges[numbers, 1]] - nodes[edges[numbers, 0]])).sum(axis=1)
    order = np.lexsort((points[:, 1], points[:, 0], along, numbers))
    points, numbers = points[order], numbers[order]
    return np.column_stack([points[:-1], points[1:]])[numbers[1:] == numbers[:-1]]


def _islands(component: IntArray, lengths: FloatArray, name: str) -> list[Finding]:
    """Tell of the parts of the network that do not connect to the longest one."""
    count = int(component.max()) + 1
    if count == 1:
        return []
    apart = component > 0
    metres, whole = lengths[apart].sum(), lengths.sum()
    message = (
        f"streets that do not connect: {count - 1} parts with {metres:.0f} m of {whole:.0f} m "
        f"({100 * metres / whole:.1f} %) are cut off from the longest part"
    )
    return [Finding("warning", name, "", message, "join them in the layer, or close small gaps with gap_m")]


def local_streets(streets: gpd.GeoDataFrame, crs: Any, *, name: str = "streets") -> gpd.GeoDataFrame:
    """Return streets in a CRS of their own for measuring, by their own coordinates where ``crs`` is None.

    Parameters
    ----------
    streets : geopandas.GeoDataFrame
        In any CRS.
    crs : CRS, str or None
        A local projected CRS; the UTM zone of the streets' middle without it.
    name : str
        The layer; named in messages.

    Raises
    ------
    CRSError
        If the streets have no CRS or lie where there is no UTM zone.
    InputError
        If there is no geometry.

    Examples
    --------
    >>> line = shapely.LineString([(42.7, 11.2), (42.8, 11.2)])
    >>> local_streets(gpd.GeoDataFrame(geometry=[line], crs="EPSG:4326"), None).crs.to_string()
    'EPSG:32638'
    """
    own = parse_crs(streets.crs, what=name)
    if crs is not None:
        return streets.to_crs(parse_crs(crs, what="local CRS"))
    bounds = streets.total_bounds
    if not np.isfinite(bounds).all():
        raise InputError(f"{name}: has no geometry", hint="check the layer")
    middle = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    lon, lat = Transformer.from_crs(own, "EPSG:4326", always_xy=True).transform(*middle)
    return streets.to_crs(local_utm(lon, lat))
