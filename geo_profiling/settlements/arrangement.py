"""How buildings stand to one another: nearest neighbours, order of their directions, neighbours by tessellation."""

from __future__ import annotations

from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo_profiling.crs import parse_crs, require_projected, require_same
from geo_profiling.errors import InputError
from geo_profiling.vector.contiguity import rook_contiguity

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

#: Bins of directions, each of 10 degrees, the first centred on north.
N_BINS = 36
#: Below this many buildings the highest entropy cannot be reached, so entropy and order are unknown.
MIN_BUILDINGS = 10
#: Entropy of a perfect grid (ln 4) and of directions spread evenly over all bins (ln 36), with the three
#: decimals of the published formula, so that orders compare with published ones.
GRID_ENTROPY, HIGHEST_ENTROPY = 1.386, 3.584


def nearest_neighbours(footprints: gpd.GeoDataFrame) -> pd.DataFrame:
    """Measure how far the nearest other building is, edge to edge and centroid to centroid.

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons in a projected CRS in metres.

    Returns
    -------
    pandas.DataFrame
        ``nn_edge_m`` (0 where footprints touch or overlap) and ``nn_centroid_m`` on the index of
        ``footprints``; NULL where there is no other building.

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.

    Examples
    --------
    >>> from shapely import box
    >>> row = gpd.GeoDataFrame(geometry=[box(x, 0, x + 4, 6) for x in (0, 5, 20)], crs="EPSG:32638")
    >>> nearest_neighbours(row).values.tolist()
    [[1.0, 5.0], [1.0, 5.0], [11.0, 15.0]]
    """
    require_projected(parse_crs(footprints.crs, what="buildings"), what="buildings")
    geometries = np.asarray(footprints.geometry.array, dtype=object)
    points = _centroids(geometries)
    centroid, neighbour = _nearest_in_group(points, np.zeros(geometries.size, dtype=np.int64))
    edge = _nearest_edge(geometries, neighbour) if geometries.size > 1 else np.full(geometries.size, np.nan)
    return pd.DataFrame({"nn_edge_m": edge, "nn_centroid_m": centroid}, index=footprints.index)


def _centroids(geometries: NDArray[np.object_]) -> Floats:
    return np.asarray(shapely.get_coordinates(shapely.centroid(geometries)), dtype=np.float64)


def _nearest_edge(geometries: NDArray[np.object_], neighbour: Integers) -> Floats:
    """Distance to the nearest other footprint; the building with the nearest centroid bounds the search."""
    nearest = np.asarray(shapely.distance(geometries, geometries[neighbour]), dtype=np.float64)
    left, bottom, right, top = shapely.bounds(geometries).T
    around = shapely.box(left - nearest, bottom - nearest, right + nearest, top + nearest)
    one, other = shapely.STRtree(geometries).query(around)
    apart = one != other
    one, other = one[apart], other[apart]
    np.minimum.at(nearest, one, shapely.distance(geometries[one], geometries[other]))
    return nearest


def _nearest_in_group(points: Floats, group: Integers) -> tuple[Floats, Integers]:
    """Return the distance of each point to the nearest other one of its group (NaN: alone), and which that is."""
    if len(points) < 2:
        return np.full(len(points), np.nan), np.zeros(len(points), dtype=np.int64)
    points = points - points.min(axis=0)
    # Each group on a storey of its own, farther from the next than any two points of one storey.
    storey = 4.0 * (float(points.max()) + 1.0)
    tall = np.column_stack([points, group * storey])
    found = cKDTree(tall).query(tall, k=2)
    distance, neighbour = np.asarray(found[0]), np.asarray(found[1])
    # Of points at one spot the first neighbour may be the other, the distance is 0 either way.
    other = np.where(neighbour[:, 1] == np.arange(len(points)), neighbour[:, 0], neighbour[:, 1])
    return np.where(group[other] == group, distance[:, 1], np.nan), other


def zone_members(zones: gpd.GeoDataFrame, footprints: gpd.GeoDataFrame) -> tuple[Integers, Integers]:
    """Return which buildings belong to which zone: those whose centroid lies in it or on its border.

    Parameters
    ----------
    zones : geopandas.GeoDataFrame
        Polygons; zones may overlap, a building then belongs to each.
    footprints : geopandas.GeoDataFrame
        Polygons in the same CRS.

    Returns
    -------
    zone, building : ndarray of int64
        Positions in ``zones`` and in ``footprints``, sorted by both.

    Raises
    ------
    CRSError
        If the CRS differ.

    Examples
    --------
    >>> from shapely import box
    >>> zones = gpd.GeoDataFrame(geometry=[box(0, 0, 50, 50)], crs="EPSG:32638")
    >>> row = gpd.GeoDataFrame(geometry=[box(x, 0, x + 4, 6) for x in (0, 47, 49)], crs="EPSG:32638")
    >>> zone_members(zones, row)
    (array([0, 0]), array([0, 1]))
    """
    crs = parse_crs(zones.crs, what="zones")
    require_same(crs, parse_crs(footprints.crs, what="buildings"), what="zones and buildings")
    points = shapely.centroid(np.asarray(footprints.geometry.array, dtype=object))
    areas = np.asarray(zones.geometry.array, dtype=object)
    zone, building = shapely.STRtree(points).query(areas, predicate="intersects")
    order = np.lexsort((building, zone))
    return zone[order].astype(np.int64), building[order].astype(np.int64)


def orientation_entropy(azimuth_deg: Floats, group: Integers, n_groups: int) -> pd.DataFrame:
    """Measure how ordered the directions of the buildings of each group are.

    Definition: every building counts with its azimuth and the opposite one in 36 bins of 10 degrees,
    the first centred on north; H = - sum p ln p. The order is 1 - ((H - 1.386) / (3.584 - 1.386))^2: 1
    where all stand on one rectangular grid that is used both ways, 0 where no direction is preferred.

    Parameters
    ----------
    azimuth_deg : ndarray of float64
        Direction of each building, degrees.
    group : ndarray of int64
        Group of each building, from 0.
    n_groups : int
        Number of groups.

    Returns
    -------
    pandas.DataFrame
        For each group ``orientation_entropy_filled_nats`` and ``orientation_order_filled``, computed
        however few the buildings are, and ``orientation_entropy_nats`` and ``orientation_order``, NULL
        below 10 buildings (the highest entropy cannot be reached then).

    References
    ----------
    Boeing (2019), Urban spatial order, doi:10.1007/s41109-019-0189-1.

    Examples
    --------
    >>> grid = np.tile([0.0, 90.0], 10)
    >>> orientation_entropy(grid, np.zeros(20, dtype=np.int64), 1)["orientation_order"].round(6).tolist()
    [1.0]
    """
    both = np.concatenate([azimuth_deg, azimuth_deg + 180.0])
    width = 360.0 / N_BINS
    bins = (np.floor((both + width / 2) / width) % N_BINS).astype(np.int64)
    groups = np.concatenate([group, group])
    counts = np.bincount(groups * N_BINS + bins, minlength=n_groups * N_BINS).reshape(n_groups, N_BINS)
    total = counts.sum(axis=1)
    share = counts / np.maximum(total, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(counts > 0, share * np.log(share), 0.0).sum(axis=1)
    filled = np.where(total > 0, entropy, np.nan)
    order = 1 - ((filled - GRID_ENTROPY) / (HIGHEST_ENTROPY - GRID_ENTROPY)) ** 2
    known = total >= 2 * MIN_BUILDINGS
    return pd.DataFrame(
        {
            "orientation_entropy_nats": np.where(known, filled, np.nan),
            "orientation_order": np.where(known, order, np.nan),
            "orientation_entropy_filled_nats": filled,
            "orientation_order_filled": order,
        }
    )


#: Columns that go on below 10 buildings, for comparison with other tools; no output of a run has them.
FILLED_COLUMNS = ("orientation_entropy_filled_nats", "orientation_order_filled")


def zone_arrangement(zones: gpd.GeoDataFrame, footprints: gpd.GeoDataFrame, form: pd.DataFrame) -> pd.DataFrame:
    """Measure how the buildings of each zone stand to one another.

    Parameters
    ----------
    zones : geopandas.GeoDataFrame
        Settlements or blocks, polygons in the CRS of the buildings.
    footprints : geopandas.GeoDataFrame
        Polygons, from :func:`geo_profiling.settlements.form.prepare_footprints`.
    form : pandas.DataFrame
        Columns ``azimuth_deg``, ``ipq_compactness`` and ``nn_edge_m`` on the index of ``footprints``.

    Returns
    -------
    pandas.DataFrame
        On the index of ``zones``: ``nn_centroid_mean_m``, mean distance to the nearest centroid of the
        same zone; ``nearest_neighbour_index``, that mean by 0.5 sqrt(zone area / n), without correction
        for the edge (1 random, less clustered, more regular; it falls with the empty ground a zone
        holds); ``nn_edge_median_m``; ``ipq_compactness_mean``; and the columns of
        :func:`orientation_entropy`. NULL: the first two below 2 buildings, the others without a building.

    Raises
    ------
    CRSError
        If the CRS differ or are not projected in metres.

    References
    ----------
    Clark and Evans (1954), doi:10.2307/1931034.

    Examples
    --------
    >>> from shapely import box
    >>> zones = gpd.GeoDataFrame(index=["z"], geometry=[box(0, 0, 20, 10)], crs="EPSG:32638")
    >>> row = gpd.GeoDataFrame(geometry=[box(x, 2, x + 4, 8) for x in (3, 13)], crs="EPSG:32638")
    >>> form = pd.DataFrame({"azimuth_deg": [0.0, 0.0], "ipq_compactness": [0.75, 0.75], "nn_edge_m": [6.0, 6.0]})
    >>> zone_arrangement(zones, row, form)[["nn_centroid_mean_m", "nearest_neighbour_index"]].values.tolist()
    [[10.0, 2.0]]
    """
    require_projected(parse_crs(zones.crs, what="zones"), what="zones")
    _require_index(footprints, form)
    zone, building = zone_members(zones, footprints)
    n_zones = len(zones)
    count = np.bincount(zone, minlength=n_zones)
    points = _centroids(np.asarray(footprints.geometry.array, dtype=object))[building]
    within, _ = _nearest_in_group(points, zone)
    mean = _group_mean(zone, within, n_zones)
    expected = 0.5 * np.sqrt(shapely.area(np.asarray(zones.geometry.array, dtype=object)) / np.maximum(count, 1))
    edges = pd.Series(form["nn_edge_m"].to_numpy(np.float64)[building]).groupby(zone).median()
    entropy = orientation_entropy(form["azimuth_deg"].to_numpy(np.float64)[building], zone, n_zones)
    table = pd.DataFrame(
        {
            "nn_centroid_mean_m": mean,
            "nearest_neighbour_index": mean / expected,
            "nn_edge_median_m": edges.reindex(range(n_zones)).to_numpy(),
            "ipq_compactness_mean": _group_mean(zone, form["ipq_compactness"].to_numpy(np.float64)[building], n_zones),
        }
    )
    return pd.concat([table, entropy], axis=1).set_index(zones.index)


def _require_index(footprints: gpd.GeoDataFrame, table: pd.DataFrame) -> None:
    if not footprints.index.equals(table.index):
        raise InputError("buildings and their measures do not have the same index", hint="measure the same footprints")


def _group_mean(group: Integers, values: Floats, n_groups: int) -> Floats:
    known = np.isfinite(values)
    count = np.bincount(group[known], minlength=n_groups)
    total = np.bincount(group[known], weights=values[known], minlength=n_groups)
    return np.divide(total, count, out=np.full(n_groups, np.nan), where=count > 0)


def tessellation_arrangement(footprints: gpd.GeoDataFrame, cells: gpd.GeoSeries, form: pd.DataFrame) -> pd.DataFrame:
    """Measure every building against its cell of the tessellation and against the buildings of adjacent cells.

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons in a projected CRS in metres.
    cells : geopandas.GeoSeries
        The cell of every footprint on the same index, from
        :func:`geo_profiling.settlements.tessellation.tessellation_cells`.
    form : pandas.DataFrame
        Columns ``area_m2`` and ``orientation_deviation_deg`` on the same index.

    Returns
    -------
    pandas.DataFrame
        ``tessellation_area_m2``, the cell's area: a stand-in for the parcel;
        ``tessellation_coverage_share``, footprint by cell; ``n_neighbours``, cells with a common border;
        ``alignment_deg``, mean difference of the building's orientation deviation from its neighbours';
        ``cell_alignment_deg``, its difference from the cell's; ``neighbour_distance_m``, mean distance to
        the neighbours, edge to edge. NULL without a cell; alignment and distance also without neighbours.

    Raises
    ------
    CRSError
        If the CRS differ or are not projected in metres.
    InputError
        If the indexes differ.

    References
    ----------
    momepy 0.11: ``alignment``, ``cell_alignment``, ``neighbor_distance`` on the contiguity of the tessellation.

    Examples
    --------
    >>> from shapely import box
    >>> row = gpd.GeoDataFrame(geometry=[box(x, 2, x + 4, 8) for x in (3, 13)], crs="EPSG:32638")
    >>> cells = gpd.GeoSeries([box(0, 0, 10, 10), box(10, 0, 20, 10)], crs="EPSG:32638")
    >>> form = pd.DataFrame({"area_m2": [24.0, 24.0], "orientation_deviation_deg": [0.0, 2.0]})
    >>> table = tessellation_arrangement(row, cells, form)
    >>> table[["tessellation_area_m2", "n_neighbours", "alignment_deg", "neighbour_distance_m"]].values.tolist()
    [[100.0, 1, 2.0, 6.0], [100.0, 1, 2.0, 6.0]]
    """
    require_projected(parse_crs(footprints.crs, what="buildings"), what="buildings")
    require_same(footprints.crs, parse_crs(cells.crs, what="cells"), what="buildings and cells")
    _require_index(footprints, form)
    if not footprints.index.equals(cells.index):
        raise InputError("buildings and cells do not have the same index", hint="tessellate the same footprints")
    present = np.flatnonzero(~np.asarray(cells.isna() | cells.is_empty))
    shapes = np.asarray(cells.array, dtype=object)[present]
    first, second = _adjacent(gpd.GeoSeries(shapes, crs=cells.crs), present)
    n = len(footprints)
    geometries = np.asarray(footprints.geometry.array, dtype=object)
    apart = shapely.distance(geometries[first], geometries[second])
    deviation = form["orientation_deviation_deg"].to_numpy(np.float64)
    owner = np.concatenate([first, second])
    turned = np.abs(deviation[first] - deviation[second])
    area, cell_deviation = np.full(n, np.nan), np.full(n, np.nan)
    area[present] = shapely.area(shapes)
    cell_deviation[present] = cell_orientation(shapes)
    neighbours = pd.array(np.bincount(owner, minlength=n), dtype="Int64")
    neighbours[np.isnan(area)] = pd.NA
    return pd.DataFrame(
        {
            "tessellation_area_m2": area,
            "tessellation_coverage_share": form["area_m2"].to_numpy(np.float64) / area,
            "n_neighbours": neighbours,
            "alignment_deg": _group_mean(owner, np.concatenate([turned, turned]), n),
            "cell_alignment_deg": np.abs(deviation - cell_deviation),
            "neighbour_distance_m": _group_mean(owner, np.concatenate([apart, apart]), n),
        },
        index=footprints.index,
    )


def _adjacent(cells: gpd.GeoSeries, present: Integers) -> tuple[Integers, Integers]:
    found = rook_contiguity(cells)
    return present[found.first], present[found.second]


def cell_orientation(cells: NDArray[np.object_]) -> Floats:
    """Return how far each polygon's smallest rectangle is turned from the cardinal directions, 0-45 degrees.

    Examples
    --------
    >>> from shapely import box
    >>> cell_orientation(np.array([box(0, 0, 10, 4)]))
    array([0.])
    """
    ring = shapely.get_coordinates(shapely.oriented_envelope(cells)).reshape(-1, 5, 2)
    along = ring[:, 1] - ring[:, 0]
    turn = np.degrees(np.arctan2(along[:, 0], along[:, 1]))
    return np.asarray(np.abs((turn + 45) % 90 - 45), dtype=np.float64)
