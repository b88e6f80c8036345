"""Form of buildings: size, compactness, rectangularity, corners and orientation of every footprint.

Everything is measured on single polygons in a local conformal CRS: an equal-area one bends shapes
(:func:`prepare_footprints` makes them from whatever a building layer holds and says what it did).
"""

from __future__ import annotations

from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numba import njit
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.settlements.local_crs import require_local_conformal
from geo_profiling.vector.repair import repair

Floats: TypeAlias = NDArray[np.float64]
Geometries: TypeAlias = NDArray[np.object_]

#: Footprints smaller than this are lines or points in disguise, not buildings.
MIN_AREA_M2 = 0.01
#: Ground that two footprints share is reported from this area on: below it is the noise of digitising.
MIN_OVERLAP_M2 = 0.1
#: A corner turns by more than this from straight on (momepy's default).
CORNER_DEG = 10.0
#: Features that a finding names one by one.
_LISTED = 5
_POLYGON = 3


def prepare_footprints(
    buildings: gpd.GeoDataFrame, *, name: str = "buildings", report_overlaps: bool = True
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Turn a building layer into single valid polygons, and say what was done to it.

    Definition: Z is dropped, invalid polygons are repaired, multipart buildings become one footprint
    for each part, and footprints without area are left out; each of these is a finding with its
    count. Footprints that overlap stay as they are and are reported: their ground counts twice.

    Parameters
    ----------
    buildings : geopandas.GeoDataFrame
        Polygons and multipolygons in a local projected CRS.
    name : str
        File and layer, for messages.
    report_overlaps : bool
        Whether overlapping footprints are looked for.

    Returns
    -------
    footprints : geopandas.GeoDataFrame
        ``building_id`` (the index of the layer), ``part`` (0 for the first), the other columns and the
        polygon; indexed from 0.
    findings : list of Finding
        Warnings and notes.

    Raises
    ------
    CRSError
        If the CRS is in degrees, or no local conformal one.
    InputError
        If there is no footprint, or features are no polygons.

    Examples
    --------
    >>> from shapely import MultiPolygon, box
    >>> yard = MultiPolygon([box(0, 0, 8, 5), box(10, 0, 14, 5)])
    >>> layer = gpd.GeoDataFrame(index=["house"], geometry=[shapely.transform(yard, lambda xy: xy + [5e5, 1e6])],
    ...                          crs="EPSG:32638")
    >>> footprints, findings = prepare_footprints(layer)
    >>> footprints[["building_id", "part"]].values.tolist(), str(findings[0])
    ([['house', 0], ['house', 1]], 'buildings: 1 building of several parts became 2 footprints')
    """
    if len(buildings) == 0:
        raise InputError(f"{name}: has no buildings", hint="check file, layer and filter")
    _require_polygons(buildings, name)
    crs = require_local_conformal(buildings, what=name)
    geometries = np.asarray(buildings.geometry.array, dtype=object)
    findings = _z_findings(geometries, name)
    ids = buildings.index
    geometries, dropped, repairs = repair(
        geometries, name=name, describe=lambda i: f"building {ids[i]}", kinds={"polygon"}, skip=True
    )
    findings += repairs
    kept = np.flatnonzero(~dropped)
    parts, owner = shapely.get_parts(geometries[kept], return_index=True)
    findings += _multipart_findings(owner, name)
    owner = kept[owner]
    small = shapely.area(parts) < MIN_AREA_M2
    findings += _small_findings(ids, owner[small], name)
    parts, owner = parts[~small], owner[~small]
    if parts.size == 0:
        raise InputError(f"{name}: has no building with a usable footprint", hint="check file and layer")
    footprints = _frame(buildings, parts, owner, crs)
    if report_overlaps:
        findings += overlap_findings(footprints, name=name)
    return footprints, findings


def _require_polygons(buildings: gpd.GeoDataFrame, name: str) -> None:
    kinds = shapely.get_type_id(np.asarray(buildings.geometry.array, dtype=object))
    wrong = ~np.isin(kinds, (-1, _POLYGON, 6, 7))
    if wrong.any():
        row = buildings.index[int(np.argmax(wrong))]
        raise InputError(
            f"{name}: building {row} is no polygon, and {int(wrong.sum()) - 1} more",
            hint="form is measured on footprints; points serve for block complexity only",
        )


def _z_findings(geometries: Geometries, name: str) -> list[Finding]:
    count = int(shapely.has_z(geometries).sum())
    return [Finding("note", name, "", f"{count:,} buildings have Z; it was dropped", "")] if count else []


def _multipart_findings(owner: NDArray[np.int64], name: str) -> list[Finding]:
    counts = np.bincount(owner)
    many = counts > 1
    if not many.any():
        return []
    noun = "building" if many.sum() == 1 else "buildings"
    message = f"{int(many.sum()):,} {noun} of several parts became {int(counts[many].sum()):,} footprints"
    return [Finding("note", name, "", message, "")]


def _small_findings(ids: pd.Index, rows: NDArray[np.int64], name: str) -> list[Finding]:
    if rows.size == 0:
        return []
    message = f"{rows.size:,} footprints have no area (below {MIN_AREA_M2} m2) and were left out"
    return [Finding("warning", name, _listed(ids, rows), message, "correct or remove them")]


def _listed(ids: pd.Index, rows: NDArray[np.int64]) -> str:
    shown = ", ".join(str(ids[row]) for row in rows[:_LISTED])
    return f"buildings {shown}{' ...' if rows.size > _LISTED else ''}"


def _frame(buildings: gpd.GeoDataFrame, parts: Geometries, owner: NDArray[np.int64], crs: CRS) -> gpd.GeoDataFrame:
    part = np.arange(owner.size) - np.searchsorted(owner, owner)
    taken = buildings.drop(columns=[buildings.geometry.name, "building_id", "part"], errors="ignore")
    columns = {"building_id": buildings.index.to_numpy()[owner], "part": part}
    others = {column: taken[column].array.take(owner) for column in taken.columns}
    return gpd.GeoDataFrame({**columns, **others}, geometry=parts, crs=crs)


def overlapping_footprints(footprints: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the pairs of footprints that share ground.

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons, from :func:`prepare_footprints`.

    Returns
    -------
    pandas.DataFrame
        ``first`` and ``second`` (index of ``footprints``), ``overlap_m2`` (from 0.1 m2 on) and
        ``share_of_smaller`` (0-1); largest overlap first.

    Examples
    --------
    >>> from shapely import box
    >>> layer = gpd.GeoDataFrame(geometry=[box(5e5, 0, 5e5 + 4, 5), box(5e5 + 3, 0, 5e5 + 9, 5)], crs="EPSG:32638")
    >>> overlapping_footprints(layer).values.tolist()
    [[0.0, 1.0, 5.0, 0.25]]
    """
    geometries = np.asarray(footprints.geometry.array, dtype=object)
    first, second = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    shared = shapely.area(shapely.intersection(geometries[first], geometries[second]))
    real = shared >= MIN_OVERLAP_M2
    first, second, shared = first[real], second[real], shared[real]
    smaller = np.minimum(shapely.area(geometries[first]), shapely.area(geometries[second]))
    order = np.lexsort((second, first, -shared))
    return pd.DataFrame(
        {
            "first": footprints.index[first[order]],
            "second": footprints.index[second[order]],
            "overlap_m2": shared[order],
            "share_of_smaller": shared[order] / smaller[order],
        }
    )


def overlap_findings(footprints: gpd.GeoDataFrame, *, name: str = "buildings") -> list[Finding]:
    """Return one warning that counts the footprints that overlap, and the ground they share.

    Examples
    --------
    >>> from shapely import box
    >>> layer = gpd.GeoDataFrame({"building_id": ["a", "b"]}, crs="EPSG:32638",
    ...                          geometry=[box(5e5, 0, 5e5 + 4, 5), box(5e5 + 3, 0, 5e5 + 9, 5)])
    >>> str(overlap_findings(layer)[0])
    'buildings, a and b (5.0 m2): 1 pair of footprints overlaps, 5.0 m2 in all'
    """
    pairs = overlapping_footprints(footprints)
    if pairs.empty:
        return []
    ids = footprints["building_id"] if "building_id" in footprints else footprints.index.to_series()
    shown = ", ".join(
        f"{ids.loc[row.first]} and {ids.loc[row.second]} ({row.overlap_m2:.1f} m2)"
        for row in pairs.head(_LISTED).itertuples()
    )
    noun = "pair" if len(pairs) == 1 else "pairs"
    verb = "overlaps" if len(pairs) == 1 else "overlap"
    message = f"{len(pairs):,} {noun} of footprints {verb}, {pairs['overlap_m2'].sum():,.1f} m2 in all"
    remedy = "remove duplicates; until then their ground counts twice in coverage and in built volume"
    return [Finding("warning", name, shown, message, remedy)]


def building_form(footprints: gpd.GeoDataFrame, *, name: str = "buildings") -> pd.DataFrame:
    """Measure size, shape and orientation of every footprint.

    Definition, with A area, P perimeter, C the smallest circle and R the smallest rectangle (of any
    turn) around the footprint, l and s the long and short side of R:

    ``area_m2`` A; ``perimeter_m`` P, courtyards included; ``circular_compactness`` A / area(C);
    ``ipq_compactness`` 4 pi A / P^2; ``rectangularity`` A / area(R);
    ``equivalent_rectangular_index`` sqrt(A / area(R)) * length(R) / P; ``elongation`` s / l;
    ``elongation_area_perimeter`` the same from area and length of R (momepy's form);
    ``fractal_dimension`` 2 ln(P / 4) / ln A; ``convexity`` A / area of the convex hull;
    ``corners`` vertices of the outer ring that turn by more than 10 degrees; ``squareness_deg`` mean
    deviation of these corners from a right angle; ``shape_index`` sqrt(A / pi) / radius of C;
    ``facade_ratio_m`` A / P; ``rectangle_long_m`` l and ``rectangle_short_m`` s;
    ``azimuth_deg`` direction of l clockwise from grid north, 0 up to 180; ``orientation_deviation_deg``
    deviation of R from the cardinal directions, 0-45 (momepy's ``orientation``).

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Single polygons, from :func:`prepare_footprints`.
    name : str
        For messages.

    Returns
    -------
    pandas.DataFrame
        The columns above on the index of ``footprints``; ``corners`` int64, all others float64. NULL:
        ``squareness_deg`` without a corner, ``fractal_dimension`` of exactly 1 m2.

    Raises
    ------
    CRSError
        If the CRS is in degrees, or no local conformal one.
    InputError
        If a footprint is no single polygon.

    Notes
    -----
    The direction of the long side is a matter of rounding where both sides are equal; of a triangle
    all rectangles on its sides may have one area, so its azimuth depends on GEOS. GEOS intersects
    lines at map coordinates: far from the origin of the CRS the sides of R are right to about a
    millimetre (a square of 3 m at 5,000 km north: 0.6 mm), as momepy's are.

    References
    ----------
    momepy 0.11, functional shape metrics; Basaraner and Cetinkaya (2017) doi:10.1080/13658816.2017.1334892.

    Examples
    --------
    >>> from shapely import box
    >>> hall = gpd.GeoDataFrame(geometry=[box(5e5, 1e6, 5e5 + 20, 1e6 + 10)], crs="EPSG:32638")
    >>> building_form(hall)[["area_m2", "elongation", "corners", "azimuth_deg"]].values.tolist()
    [[200.0, 0.5, 4.0, 90.0]]
    """
    geometries = np.asarray(footprints.geometry.array, dtype=object)
    single = shapely.get_type_id(geometries) == _POLYGON
    if not single.all():
        row = footprints.index[int(np.argmin(single))]
        raise InputError(f"{name}: footprint {row} is no single polygon", hint="use prepare_footprints first")
    if geometries.size:
        require_local_conformal(footprints, what=name)
    area, perimeter = shapely.area(geometries), shapely.length(geometries)
    radius = shapely.minimum_bounding_radius(geometries)
    hull = shapely.area(shapely.convex_hull(geometries))
    long, short, azimuth, deviation, elongation, box_area, box_length = _rectangles(geometries)
    corners, squareness = _corners(geometries)
    with np.errstate(divide="ignore", invalid="ignore"):
        fractal = 2 * np.log(perimeter / 4) / np.log(area)
    columns = {
        "area_m2": area,
        "perimeter_m": perimeter,
        "circular_compactness": area / (np.pi * radius**2),
        "ipq_compactness": 4 * np.pi * area / perimeter**2,
        "rectangularity": area / box_area,
        "equivalent_rectangular_index": np.sqrt(area / box_area) * (box_length / perimeter),
        "elongation": short / long,
        "elongation_area_perimeter": elongation,
        "fractal_dimension": np.where(np.isfinite(fractal), fractal, np.nan),
        "convexity": area / hull,
        "corners": corners,
        "squareness_deg": squareness,
        "shape_index": np.sqrt(area / np.pi) / radius,
        "facade_ratio_m": area / perimeter,
        "rectangle_long_m": long,
        "rectangle_short_m": short,
        "azimuth_deg": azimuth,
        "orientation_deviation_deg": deviation,
    }
    return pd.DataFrame(columns, index=footprints.index)


def _rectangles(geometries: Geometries) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
    """Long and short side, azimuth, deviation, momepy's elongation, area and length of the smallest rectangles."""
    # Prepared footprints have an area, so their smallest rectangles are polygons of five vertices.
    boxes = np.asarray(shapely.oriented_envelope(geometries), dtype=object)
    ring = shapely.get_coordinates(boxes).reshape(-1, 5, 2)
    one, other = ring[:, 1] - ring[:, 0], ring[:, 2] - ring[:, 1]
    first, second = np.hypot(*one.T), np.hypot(*other.T)
    along = np.where((first >= second)[:, None], one, other)
    azimuth = np.degrees(np.arctan2(along[:, 0], along[:, 1])) % 180
    # rounding takes an angle a hair below 0 to 180 itself
    azimuth = np.where(azimuth >= 180, 0.0, azimuth)
    turn = np.degrees(np.arctan2(one[:, 0], one[:, 1]))
    deviation = np.abs((turn + 45) % 90 - 45)
    area, length = shapely.area(boxes), shapely.length(boxes)
    root = np.sqrt(np.maximum(length**2 - 16 * area, 0))
    elongation = (length - root) / (length + root)
    return np.maximum(first, second), np.minimum(first, second), azimuth, deviation, elongation, area, length


def _corners(geometries: Geometries) -> tuple[NDArray[np.int64], Floats]:
    rings = shapely.get_exterior_ring(geometries)
    starts = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(rings))]).astype(np.int64)
    return _count_corners(np.ascontiguousarray(shapely.get_coordinates(rings)), starts, CORNER_DEG)


@njit(nogil=True, cache=True)
def _count_corners(
    coordinates: NDArray[np.float64], starts: NDArray[np.int64], least: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Corners of closed rings, and the mean deviation of their angles from 90 degrees."""
    counts = np.zeros(len(starts) - 1, dtype=np.int64)
    squareness = np.full(len(starts) - 1, np.nan)
    kept = np.empty(np.max(np.diff(starts)) if len(starts) > 1 else 0, dtype=np.int64)
    for ring in range(len(starts) - 1):
        n = 0
        for i in range(starts[ring], starts[ring + 1] - 1):
            # a vertex that repeats the one before has no angle of its own
            x, y = coordinates[i + 1, 0] - coordinates[i, 0], coordinates[i + 1, 1] - coordinates[i, 1]
            if x != 0.0 or y != 0.0:
                kept[n] = i
                n += 1
        total = 0.0
        for k in range(n):
            at, before, after = kept[k], kept[k - 1 if k > 0 else n - 1], kept[k + 1 if k + 1 < n else 0]
            ax, ay = coordinates[before, 0] - coordinates[at, 0], coordinates[before, 1] - coordinates[at, 1]
            bx, by = coordinates[after, 0] - coordinates[at, 0], coordinates[after, 1] - coordinates[at, 1]
            cosine = (ax * bx + ay * by) / (np.sqrt(ax * ax + ay * ay) * np.sqrt(bx * bx + by * by))
            angle = np.degrees(np.arccos(min(1.0, max(-1.0, cosine))))
            if angle <= 180.0 - least:
                counts[ring] += 1
                total += abs(90.0 - angle)
        if counts[ring] > 0:
            squareness[ring] = total / counts[ring]
    return counts, squareness
