"""Streets as access: which of them belong to the network, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo_profiling.findings import Finding
from geo_profiling.settlements.local_crs import require_local_conformal

#: Streets with a gap of up to this between them are one network.
GAP_M = 100.0
#: Lines that come this near one another meet.
_MEET_M = 0.01


@dataclass(frozen=True)
class ConnectedStreets:
    """Streets, and which of them hang together with the largest network.

    Attributes
    ----------
    lines : geopandas.GeoSeries
        In a local conformal CRS.
    is_on_network : ndarray of bool
        Of each line: whether it is connected, over gaps up to the tolerance, to the largest network.
    """

    lines: gpd.GeoSeries
    is_on_network: NDArray[np.bool_]

    @cached_property
    def segments(self) -> NDArray[np.float64]:
        """Straight pieces of the streets on the network: x, y, x, y."""
        return line_segments(np.asarray(self.lines.array, dtype=object)[self.is_on_network])[0]

    @cached_property
    def segment_tree(self) -> shapely.STRtree:
        """Index of :attr:`segments`."""
        lines = np.asarray(shapely.linestrings(self.segments.reshape(-1, 2, 2)), dtype=object)
        return shapely.STRtree(lines)


def line_segments(lines: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the straight pieces of lines (x, y, x, y), and of which line each is.

    Examples
    --------
    >>> line_segments(np.array([shapely.LineString([(0, 0), (1, 0), (1, 2)])]))[0].tolist()
    [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 2.0]]
    """
    parts, line_of_part = shapely.get_parts(lines, return_index=True)
    coordinates, part = shapely.get_coordinates(parts, return_index=True)
    inside = np.flatnonzero(part[1:] == part[:-1])
    segments = np.hstack([coordinates[inside], coordinates[inside + 1]])
    return np.ascontiguousarray(segments), line_of_part[part[inside]].astype(np.int64)


def connected_streets(streets: gpd.GeoSeries, *, gap_m: float = GAP_M) -> ConnectedStreets:
    """Find which streets are connected, over gaps up to ``gap_m``, to the largest network.

    The largest network is the one with the greatest length. Streets that cross count as connected
    whether or not they share a vertex there.

    Parameters
    ----------
    streets : geopandas.GeoSeries
        Lines in a local conformal CRS.
    gap_m : float
        Mapped streets end short of one another, at a gate, a drain or the edge of a sheet.

    Raises
    ------
    CRSError
        If the CRS is not a local conformal one.

    Examples
    --------
    >>> from shapely import LineString
    >>> lines = [LineString([(0, 0), (500, 0)]), LineString([(560, 0), (700, 0)]), LineString([(0, 400), (100, 400)])]
    >>> connected_streets(gpd.GeoSeries(lines, crs="EPSG:32735").translate(6e5, 8e6)).is_on_network.tolist()
    [True, True, False]
    """
    require_local_conformal(streets, what="streets")
    lines = np.asarray(streets.array, dtype=object)
    tree = shapely.STRtree(lines)
    label = _linked(tree.query(lines, predicate="dwithin", distance=min(_MEET_M, gap_m)), len(lines))
    if gap_m > _MEET_M:
        # Every gap has a line of a smaller network on one of its sides.
        rest = np.flatnonzero(label != _longest(label, lines))
        gaps = tree.query(lines[rest], predicate="dwithin", distance=gap_m)
        gaps[0] = rest[gaps[0]]
        whole = label.max() + 1
        merged = _linked(label[gaps], int(whole))
        label = merged[label]
    return ConnectedStreets(streets, label == _longest(label, lines))


def _linked(pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    graph = coo_array((np.ones(pairs.shape[1], bool), (pairs[0], pairs[1])), shape=(count, count))
    labels: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def _longest(label: NDArray[np.int64], lines: NDArray[np.object_]) -> int:
    """Return the label with the greatest length; of equal ones, the one that lies farthest south-west."""
    length = np.bincount(label, weights=shapely.length(lines))
    best = np.flatnonzero(length >= length.max() * (1 - 1e-12))
    if best.size == 1:
        return int(best[0])
    bounds = shapely.bounds(lines)
    corner = [tuple(bounds[label == one].min(axis=0)[[1, 0]]) for one in best]
    return int(best[corner.index(min(corner))])


def network_findings(network: ConnectedStreets, *, name: str) -> list[Finding]:
    """Tell how many streets, and how many metres, do not connect to the largest network.

    Examples
    --------
    >>> from shapely import LineString
    >>> lines = [LineString([(0, 0), (500, 0)]), LineString([(0, 400), (100, 400)])]
    >>> network = connected_streets(gpd.GeoSeries(lines, crs="EPSG:32735").translate(6e5, 8e6))
    >>> str(network_findings(network, name="streets.gpkg")[0])
    'streets.gpkg: 1 of 2 streets (100 m) do not connect to the largest network and give no access'
    """
    apart = ~network.is_on_network
    if not apart.any():
        return []
    metres = float(shapely.length(np.asarray(network.lines.array, dtype=object)[apart]).sum())
    message = (
        f"{int(apart.sum()):,} of {apart.size:,} streets ({metres:,.0f} m) do not connect to the largest network "
        "and give no access"
    )
    return [Finding("warning", name, "", message, "look whether a street is missing between them")]
