"""People in polygons of risk classes: each spot in one class, overlaps refused or the worst taken, never summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_projected, require_same
from geo_profiling.errors import InputError
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics

#: Ground in none of the classes.
NONE = "none"
#: An overlap up to this share of the smaller polygon is the noise of digitising.
OVERLAP_SHARE = 1e-6
_POLYGONAL = (3, 6)


def class_areas(
    polygons: gpd.GeoDataFrame,
    *,
    class_field: str,
    classes: Sequence[str],
    overlap: Literal["refuse", "worst"] = "refuse",
    name: str = "risk classes",
) -> gpd.GeoSeries:
    """Return the ground of each class, no spot in two of them.

    Polygons of one class that overlap are one area.

    Parameters
    ----------
    polygons : GeoDataFrame
        Valid polygons.
    class_field : str
        Class of each, as text.
    classes : sequence of str
        All classes, from the mildest to the worst.
    overlap : {"refuse", "worst"}
        What holds where polygons of different classes overlap.
    name : str
        Named in messages.

    Returns
    -------
    GeoSeries
        Indexed by class in the order of ``classes``; an empty polygon for a class without ground.

    Raises
    ------
    InputError
        If a polygon has none of the classes, or polygons of different classes overlap and that is refused.

    Examples
    --------
    >>> from shapely import box
    >>> sectors = gpd.GeoDataFrame({"risk": ["R1", "R4"]}, geometry=[box(0, 0, 10, 10), box(5, 0, 15, 10)], crs=32723)
    >>> class_areas(sectors, class_field="risk", classes=["R1", "R4"], overlap="worst").area.tolist()
    [50.0, 100.0]
    """
    words = polygons[class_field].astype(str)
    strange = sorted(set(words[~words.isin(list(classes))]))
    if strange:
        raise InputError(
            f"{name}: field {class_field!r} holds {', '.join(strange[:5])}, none of the classes",
            hint=f"list every class from the mildest to the worst; now: {', '.join(classes)}",
        )
    if overlap == "refuse":
        _require_apart(polygons, class_field, name)
    areas: dict[str, BaseGeometry] = {}
    worse: BaseGeometry = shapely.Polygon()
    for label in reversed(classes):
        ground = shapely.union_all(np.asarray(polygons.geometry[words == label].array, dtype=object))
        areas[label] = _areal(shapely.difference(ground, worse))
        worse = shapely.union(worse, ground)
    return gpd.GeoSeries([areas[label] for label in classes], index=pd.Index(classes, name="class"), crs=polygons.crs)


def buffer_areas(things: gpd.GeoSeries, *, within_m: Sequence[float]) -> gpd.GeoSeries:
    """Return the ground within distances of things, each spot at the nearest distance it fits.

    Parameters
    ----------
    things : GeoSeries
        Lines, points or polygons in a projected CRS in metres.
    within_m : sequence of float
        Distances.

    Returns
    -------
    GeoSeries
        Indexed by ``<=distance`` from the widest (mildest) to the nearest (worst); no spot in two of them.

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.

    Examples
    --------
    >>> rails = gpd.GeoSeries([shapely.LineString([(0, 0), (100, 0)])], crs=32723)
    >>> buffer_areas(rails, within_m=[15, 30]).index.tolist()
    ['<=30', '<=15']
    """
    require_projected(parse_crs(things.crs, what="things"), what="things")
    whole = np.asarray(things.array, dtype=object)
    distances = sorted(within_m)
    areas: dict[str, BaseGeometry] = {}
    nearer: BaseGeometry = shapely.Polygon()
    for distance in distances:
        ground = shapely.union_all(shapely.buffer(whole, distance))
        areas[f"<={distance:g}"] = _areal(shapely.difference(ground, nearer))
        nearer = ground
    labels = [f"<={distance:g}" for distance in reversed(distances)]
    return gpd.GeoSeries([areas[label] for label in labels], index=pd.Index(labels, name="class"), crs=things.crs)


def far_areas(things: gpd.GeoSeries, *, beyond_m: Sequence[float], around: BaseGeometry) -> gpd.GeoSeries:
    """Return the ground out of reach of things, each spot at the farthest distance it is beyond.

    Parameters
    ----------
    things : GeoSeries
        Lines, points or polygons in a projected CRS in metres.
    beyond_m : sequence of float
        Distances.
    around : shapely geometry
        Polygon of the ground that is looked at, in the same CRS.

    Returns
    -------
    GeoSeries
        Indexed by ``>distance`` from the nearest (mildest) to the farthest (worst); no spot in two of them.

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.

    Examples
    --------
    >>> street = gpd.GeoSeries([shapely.LineString([(0, 0), (1000, 0)])], crs=32723)
    >>> found = far_areas(street, beyond_m=[50, 100], around=shapely.box(100, 0, 200, 300))
    >>> found.area.to_dict()
    {'>50': 5000.0, '>100': 20000.0}
    """
    require_projected(parse_crs(things.crs, what="things"), what="things")
    whole = np.asarray(things.array, dtype=object)
    areas: dict[str, BaseGeometry] = {}
    outside: BaseGeometry = shapely.Polygon()
    for distance in sorted(beyond_m, reverse=True):
        near = shapely.union_all(shapely.buffer(whole, distance))
        ground = _areal(shapely.difference(around, near))
        areas[f">{distance:g}"] = _areal(shapely.difference(ground, outside))
        outside = ground
    labels = [f">{distance:g}" for distance in sorted(beyond_m)]
    return gpd.GeoSeries([areas[label] for label in labels], index=pd.Index(labels, name="class"), crs=things.crs)


def totals_by_class(
    weights: Source, areas: gpd.GeoSeries, zones: gpd.GeoDataFrame, *, compute: Compute | None = None
) -> pd.DataFrame:
    """Share a count in cells out to classes and zones by the area that all three have in common.

    Parameters
    ----------
    weights : Source
        People or another count.
    areas : GeoSeries
        From :func:`class_areas` or :func:`buffer_areas`, in the CRS of the weights.
    zones : GeoDataFrame
        Valid polygons in the CRS of the weights.
    compute : Compute, optional
        Where to work.

    Returns
    -------
    DataFrame
        Index of ``zones``; a column a class, ``none`` for ground in none, and ``total``, their sum.

    Raises
    ------
    CRSError
        If the CRS differ.
    InputError
        If a zone is no valid polygon.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32723"), Affine(100, 0, 0, 0, -100, 100), (1, 1))
    >>> people = ArraySource(wrap(np.array([[100.0]]), grid))
    >>> areas = gpd.GeoSeries([shapely.box(0, 0, 25, 100)], index=["R4"], crs=32723)
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 50, 100)], crs=32723)
    >>> totals_by_class(people, areas, zones).to_dict("records")
    [{'R4': 25.0, 'none': 25.0, 'total': 50.0}]
    """
    require_same(parse_crs(areas.crs, what="classes"), weights.grid.crs, what=f"classes and {weights.name}")
    total = zonal_statistics(weights, zones, stats=["sum"], compute=compute)["sum"].fillna(0.0).to_numpy()
    pieces, zone, at = intersect_classes(areas, zones.geometry)
    found = np.zeros((len(zones), len(areas)))
    if len(pieces):
        frame = gpd.GeoDataFrame(geometry=pieces, crs=zones.crs)
        sums = zonal_statistics(weights, frame, stats=["sum"], compute=compute)["sum"].fillna(0.0).to_numpy()
        np.add.at(found, (zone, at), sums)
    table = pd.DataFrame(found, index=zones.index, columns=areas.index.to_list())
    # the rest of the whole; rounding may take a zone that is covered entirely a hair below 0
    table[NONE] = np.maximum(total - found.sum(axis=1), 0.0)
    table["total"] = table.sum(axis=1)
    return table


def intersect_classes(
    areas: gpd.GeoSeries, zones: gpd.GeoSeries
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]]:
    """Return the polygons in which zones and classes meet, with the place of the zone and of the class of each.

    Examples
    --------
    >>> areas = gpd.GeoSeries([shapely.box(0, 0, 1, 1)], index=["R4"], crs=32723)
    >>> pieces, zone, at = intersect_classes(areas, gpd.GeoSeries([shapely.box(0, 0, 2, 2)], crs=32723))
    >>> shapely.area(pieces).tolist(), zone.tolist(), at.tolist()
    ([1.0], [0], [0])
    """
    parts, of = shapely.get_parts(np.asarray(areas.array, dtype=object), return_index=True)
    shapes = np.asarray(zones.array, dtype=object)
    zone, part = shapely.STRtree(parts).query(shapes, predicate="intersects")
    order = np.lexsort((part, zone))
    zone, part = zone[order], part[order]
    pieces = np.array([_areal(piece) for piece in shapely.intersection(shapes[zone], parts[part])], dtype=object)
    keep = ~shapely.is_empty(pieces) if len(pieces) else np.zeros(0, dtype=np.bool_)
    return pieces[keep], zone[keep].astype(np.int64), of[part[keep]].astype(np.int64)


def _areal(geometry: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a geometry, without the lines and points that an overlay may leave."""
    if shapely.get_type_id(geometry) in _POLYGONAL:
        return geometry
    parts = shapely.get_parts(geometry)
    return shapely.union_all(parts[np.isin(shapely.get_type_id(parts), _POLYGONAL)])


def class_overlaps(polygons: gpd.GeoDataFrame, *, class_field: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of both polygons of each pair of different classes that overlap.

    An overlap up to :data:`OVERLAP_SHARE` of the smaller one is the noise of digitising.

    Examples
    --------
    >>> from shapely import box
    >>> sectors = gpd.GeoDataFrame({"risk": ["R1", "R4"]}, geometry=[box(0, 0, 10, 10), box(5, 0, 15, 10)], crs=32723)
    >>> class_overlaps(sectors, class_field="risk")
    (array([0]), array([1]))
    """
    words = polygons[class_field].astype(str).to_numpy()
    shapes = np.asarray(polygons.geometry.array, dtype=object)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    keep = (one < other) & (words[one] != words[other])
    one, other = one[keep].astype(np.int64), other[keep].astype(np.int64)
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    is_overlap = shared > OVERLAP_SHARE * np.minimum(shapely.area(shapes[one]), shapely.area(shapes[other]))
    return one[is_overlap], other[is_overlap]


def _require_apart(polygons: gpd.GeoDataFrame, class_field: str, name: str) -> None:
    one, other = class_overlaps(polygons, class_field=class_field)
    if len(one):
        words = polygons[class_field].astype(str)
        a, b = int(one[0]), int(other[0])
        raise InputError(
            f"{name}: {len(one)} pairs of polygons of different classes overlap, first features "
            f"{polygons.index[a]} ({words.iloc[a]}) and {polygons.index[b]} ({words.iloc[b]})",
            hint="correct their borders, or let the worst class win (overlap: worst)",
        )
