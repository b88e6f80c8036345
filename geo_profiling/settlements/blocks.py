"""Street blocks: the ground between streets, railways, water and coast, cut so that no ground is lost."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo_profiling.crs import require_same
from geo_profiling.errors import InputError
from geo_profiling.settlements.local_crs import require_local_conformal

#: Smaller pieces are slivers between lines drawn twice, no blocks.
MIN_BLOCK_M2 = 1.0
#: A noded segment belongs to the line that it lies on, to this distance.
_ON_LINE_M = 1e-4

Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class StreetBlocks:
    """Blocks that partition a limit, and the streets cut where lines cross.

    Attributes
    ----------
    blocks : geopandas.GeoSeries
        Polygons indexed by ``block_id``.
    streets : geopandas.GeoSeries
        The streets inside the limit, cut at every crossing; distances to blocks are measured to these.
    """

    blocks: gpd.GeoSeries
    streets: gpd.GeoSeries


def street_blocks(
    limit: gpd.GeoSeries,
    *,
    streets: gpd.GeoSeries | None = None,
    railways: gpd.GeoSeries | None = None,
    waterways: gpd.GeoSeries | None = None,
    coast: gpd.GeoSeries | None = None,
    min_block_m2: float = MIN_BLOCK_M2,
) -> StreetBlocks:
    """Cut an area into street blocks.

    Definition: all lines and the limit's border are cut at each other's crossings, once, in a metric
    CRS; the faces between them inside the limit are the blocks. Polygons (a lake, the sea) cut with
    their outlines, so that the water is a block without buildings. Faces under ``min_block_m2`` join
    the neighbour they share the longest border with. The blocks partition the limit: their areas
    sum to its area.

    Parameters
    ----------
    limit : geopandas.GeoSeries
        Polygons, in a local conformal CRS; together they are the limit.
    streets, railways, waterways, coast : geopandas.GeoSeries, optional
        Lines or polygons in the same CRS. Which streets give access is the caller's choice: those
        left out cut no blocks.
    min_block_m2 : float

    Returns
    -------
    StreetBlocks
        Ids are made from the place of the block, so that they neither depend on the order of lines
        nor change when streets elsewhere do.

    Raises
    ------
    CRSError
        If a CRS is not a local conformal one, or they differ.
    InputError
        If the limit has no area.

    Examples
    --------
    >>> from shapely import LineString, box
    >>> limit = gpd.GeoSeries([box(6e5, 8e6, 600_100, 8_000_100)], crs="EPSG:32735")
    >>> north, east = [(600_050, 7_999_990), (600_050, 8_000_110)], [(6e5, 8_000_050), (600_100, 8_000_050)]
    >>> cross = gpd.GeoSeries([LineString(north), LineString(east)], crs="EPSG:32735")
    >>> made = street_blocks(limit, streets=cross)
    >>> made.blocks.area.tolist(), float(made.streets.length.sum())
    ([2500.0, 2500.0, 2500.0, 2500.0], 200.0)
    """
    crs = require_local_conformal(limit, what="limit")
    ground = shapely.union_all(np.asarray(limit.array, dtype=object))
    if not ground.area > 0:
        raise InputError("limit: has no area", hint="give the outline of the study area as polygons")
    layers = {"streets": streets, "railways": railways, "waterways": waterways, "coast": coast}
    lines = {name: _lines_inside(layer, ground) for name, layer in layers.items() if layer is not None}
    for name, layer in layers.items():
        if layer is not None:
            require_same(layer.crs, crs, what=f"{name} and limit")
    noded = _noded([ground.boundary, *(line for some in lines.values() for line in some)])
    faces = _without_slivers(_with_rest(_faces(noded, ground), ground), min_block_m2)
    blocks = gpd.GeoSeries(faces, index=pd.Index(_block_ids(faces), name="block_id"), crs=crs).sort_index()
    return StreetBlocks(blocks, gpd.GeoSeries(_on_lines(noded, lines.get("streets")), crs=crs))


def _lines_inside(layer: gpd.GeoSeries, ground: BaseGeometry) -> Geometries:
    """Return lines, and the outlines of polygons, inside the limit, in an order of their own."""
    shapes = np.asarray(layer.array, dtype=object)
    is_area = shapely.get_dimensions(shapes) == 2
    shapes = np.where(is_area, shapely.boundary(shapes), shapes)
    inside = shapely.get_parts(shapely.intersection(shapes, ground))
    inside = inside[shapely.get_dimensions(inside) == 1]
    inside = shapely.normalize(inside)
    return inside[np.argsort(shapely.to_wkb(inside), kind="stable")]


def _noded(lines: list[BaseGeometry]) -> Geometries:
    whole = shapely.union_all(np.array(lines, dtype=object))
    return shapely.get_parts(shapely.line_merge(whole))


def _faces(noded: Geometries, ground: BaseGeometry) -> Geometries:
    faces = shapely.get_parts(shapely.polygonize(list(noded)))
    shapely.prepare(ground)
    inside = shapely.contains_properly(ground, shapely.point_on_surface(faces))
    return np.asarray(shapely.normalize(faces[inside]), dtype=object)


def _without_slivers(faces: Geometries, min_block_m2: float) -> Geometries:
    """Give each face that is too small to the neighbour with the longest common border, the smallest first."""
    while True:
        areas = shapely.area(faces)
        small = np.flatnonzero(areas < min_block_m2)
        if small.size == 0 or len(faces) == 1:
            return faces
        one = small[np.lexsort((shapely.to_wkb(faces[small]), areas[small]))[0]]
        near = np.setdiff1d(shapely.STRtree(faces).query(faces[one], predicate="intersects"), [one])
        shared = shapely.length(shapely.intersection(faces[one].boundary, shapely.boundary(faces[near])))
        if near.size == 0 or not shared.max() > 0:
            return faces
        into = near[int(np.argmax(shared))]
        faces[into] = shapely.normalize(shapely.union(faces[into], faces[one]))
        faces = np.delete(faces, one)


def _with_rest(faces: Geometries, ground: BaseGeometry) -> Geometries:
    """Return the faces, and as faces of their own what of the limit none of them covers."""
    if abs(float(shapely.area(faces).sum()) - ground.area) <= 1e-9 * ground.area:
        return faces
    rest = shapely.get_parts(shapely.difference(ground, shapely.union_all(faces)))
    rest = rest[shapely.get_dimensions(rest) == 2]
    return np.concatenate([faces, np.asarray(shapely.normalize(rest), dtype=object)])


def _block_ids(faces: Geometries) -> list[str]:
    """Return an id from the place of each block: metres east and north of a point in it, as far as they tell it."""
    inner = shapely.get_coordinates(shapely.point_on_surface(faces))
    ids = [f"E{x:.0f}_N{y:.0f}" for x, y in np.floor(inner)]
    for decimals in range(1, 7):
        for at in np.flatnonzero(pd.Index(ids).duplicated(keep=False)):
            ids[at] = f"E{inner[at, 0]:.{decimals}f}_N{inner[at, 1]:.{decimals}f}"
    return ids


def _on_lines(noded: Geometries, streets: Geometries | None) -> Geometries:
    """Return the noded segments that lie on a street."""
    if streets is None or len(streets) == 0:
        return np.empty(0, dtype=object)
    middle = shapely.line_interpolate_point(noded, 0.5, normalized=True)
    found = np.unique(shapely.STRtree(streets).query(middle, predicate="dwithin", distance=_ON_LINE_M)[0])
    return noded[found]
