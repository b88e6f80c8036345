"""Candidate settlements: where buildings are small, dense, irregular and poorly reached, as proposals to look at.

A candidate never changes a mapped settlement: candidates are a layer of their own, with the share of
each that is mapped already.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo_profiling.config.form import Candidates, Ramp
from geo_profiling.crs import parse_crs, require_projected, require_same
from geo_profiling.errors import InputError
from geo_profiling.settlements.local_crs import require_local_conformal

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]

#: The parts of the score, in the order of the fields.
PARTS = ("score_small", "score_dense", "score_irregular", "score_reach")
#: Gaps inside a candidate below this area are filled: yards, not fields.
_MAX_GAP_M2 = 2500.0
_NEEDED = ("n_around", "small_around_share", "local_alignment_deg", "orientation_disorder")
_M2_PER_HA = 10_000.0


def building_scores(
    measures: pd.DataFrame, *, street_distance_m: pd.Series | None = None, rules: Candidates | None = None
) -> pd.DataFrame:
    """Score how much the surroundings of every building look like an informal settlement.

    Definition: four parts from 0 to 1, each a straight ramp between two published values: *small*, the
    share of small buildings around; *dense*, buildings per hectare around; *irregular*, the mean of the
    ramps of misalignment and of disorder of directions; *reach*, the distance to the nearest street of
    access. The score is the mean of the parts that are known.

    Parameters
    ----------
    measures : pandas.DataFrame
        From :func:`geo_profiling.settlements.neighbourhood.neighbourhood_form` with the radius of the rules.
    street_distance_m : pandas.Series, optional
        Metres to the nearest street of access on the same index; NULL where unknown. Without it there
        are three parts.
    rules : Candidates, optional
        The ramps.

    Returns
    -------
    pandas.DataFrame
        ``score_small``, ``score_dense``, ``score_irregular``, ``score_reach`` (NULL where unknown),
        ``score`` and ``n_parts`` on the index of ``measures``.

    Raises
    ------
    InputError
        If a measure is missing, or the distances are of other buildings.

    Examples
    --------
    >>> around = pd.DataFrame({"n_around": [40], "small_around_share": [0.7], "local_alignment_deg": [15.0],
    ...                        "orientation_disorder": [0.6]})
    >>> building_scores(around).round(2).values.tolist()
    [[1.0, 1.0, 0.75, nan, 0.92, 3.0]]
    """
    rules = rules or Candidates()
    missing = [name for name in _NEEDED if name not in measures]
    if missing:
        raise InputError(f"measures of the buildings lack {', '.join(missing)}", hint="use neighbourhood_form")
    per_ha = measures["n_around"].to_numpy(np.float64) / (math.pi * rules.radius_m**2 / _M2_PER_HA)
    turned = _ramp(measures["local_alignment_deg"].to_numpy(np.float64), rules.local_alignment_deg)
    disorder = _ramp(measures["orientation_disorder"].to_numpy(np.float64), rules.orientation_disorder)
    reach = np.full(len(measures), np.nan)
    if street_distance_m is not None:
        if not street_distance_m.index.equals(measures.index):
            raise InputError("street distances do not have the index of the buildings", hint="measure the same ones")
        reach = _ramp(street_distance_m.to_numpy(np.float64, na_value=np.nan), rules.street_distance_m)
    parts = {
        "score_small": _ramp(measures["small_around_share"].to_numpy(np.float64), rules.small_share),
        "score_dense": _ramp(per_ha, rules.buildings_per_ha),
        "score_irregular": _mean_known(np.stack([turned, disorder])),
        "score_reach": reach,
    }
    stacked = np.stack(list(parts.values()))
    known = np.isfinite(stacked).sum(axis=0)
    return pd.DataFrame({**parts, "score": _mean_known(stacked), "n_parts": known}, index=measures.index)


def _ramp(values: Floats, ramp: Ramp) -> Floats:
    return np.asarray(np.clip((values - ramp.zero_at) / (ramp.one_at - ramp.zero_at), 0.0, 1.0), dtype=np.float64)


def _mean_known(stacked: Floats) -> Floats:
    known = np.isfinite(stacked).sum(axis=0)
    total = np.where(np.isfinite(stacked), stacked, 0.0).sum(axis=0)
    return np.divide(total, known, out=np.full(stacked.shape[1], np.nan), where=known > 0)


def candidate_settlements(
    footprints: gpd.GeoDataFrame,
    scores: pd.DataFrame,
    *,
    mapped: gpd.GeoDataFrame | None = None,
    rules: Candidates | None = None,
) -> gpd.GeoDataFrame:
    """Join the buildings that score high into candidate settlements.

    Definition: buildings with the least score of the rules belong together where they are no farther
    apart than the gap, edge to edge; groups of fewer buildings than the rules ask for are dropped. A
    candidate is the ground within half a gap of its buildings, drawn in by a quarter of a gap, with
    gaps below 2,500 m2 filled.

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons in a local conformal CRS.
    scores : pandas.DataFrame
        From :func:`building_scores`, on the same index.
    mapped : geopandas.GeoDataFrame, optional
        Mapped settlements in the same CRS; they are compared, never changed.
    rules : Candidates, optional
        Least score, gap and number of buildings.

    Returns
    -------
    geopandas.GeoDataFrame
        Sorted by ``candidate_id`` (from the metre in which its southernmost building has its centroid):
        ``n_buildings``, ``area_m2``, ``score`` and its four parts (means of the buildings; NULL where
        unknown), ``mapped_share`` (share of its area in mapped settlements; NULL without any given) and
        multipolygons. The ids of equal inputs are equal; a building more in the south changes one.

    Raises
    ------
    CRSError
        If the CRS differ, are in degrees or no local conformal one.
    InputError
        If the scores are of other buildings.

    Examples
    --------
    >>> from shapely import box
    >>> huts = [box(5e5 + 8 * i, 1e6 + 8 * j, 5e5 + 8 * i + 5, 1e6 + 8 * j + 5) for i in range(6) for j in range(6)]
    >>> town = gpd.GeoDataFrame(geometry=huts, crs="EPSG:32638")
    >>> scores = pd.DataFrame({"score_small": 1.0, "score_dense": 0.8, "score_irregular": 0.6,
    ...                        "score_reach": np.nan, "score": 0.8}, index=town.index)
    >>> found = candidate_settlements(town, scores)
    >>> found[["candidate_id", "n_buildings", "score"]].round(6).values.tolist()
    [['CS_E500002_N1000002', 36, 0.8]]
    """
    rules = rules or Candidates()
    if not footprints.index.equals(scores.index):
        raise InputError("buildings and scores do not have the same index", hint="score the same footprints")
    if len(footprints):
        require_local_conformal(footprints, what="buildings")
    chosen = np.flatnonzero(scores["score"].to_numpy(np.float64) >= rules.min_score)
    shapes = np.asarray(footprints.geometry.array, dtype=object)[chosen]
    points = shapely.get_coordinates(shapely.centroid(shapes))
    # By place, so that the order of the rows does not show in outlines, means or ids.
    order = np.lexsort((shapely.area(shapes), points[:, 0], points[:, 1]))
    chosen, shapes, points = chosen[order], shapes[order], points[order]
    group = _groups(shapes, rules.gap_m)
    count = np.bincount(group, minlength=1)
    kept = np.flatnonzero(count >= rules.min_buildings)
    rows = [np.flatnonzero(group == at) for at in kept]
    outlines = np.array([_outline(shapes[members], rules.gap_m) for members in rows], dtype=object)
    own = scores.iloc[chosen]
    table = pd.DataFrame(
        {
            "candidate_id": [f"CS_E{math.floor(points[m[0], 0])}_N{math.floor(points[m[0], 1])}" for m in rows],
            "n_buildings": [members.size for members in rows],
            "area_m2": shapely.area(outlines),
            **{
                name: [_mean(own[name].to_numpy(np.float64)[members]) for members in rows] for name in ("score", *PARTS)
            },
            "mapped_share": _mapped_share(outlines, footprints, mapped),
        }
    )
    table = table.astype({"candidate_id": "str", "n_buildings": "int64", "score": "float64"})
    found = gpd.GeoDataFrame(table, geometry=outlines, crs=footprints.crs)
    return found.sort_values("candidate_id", ignore_index=True)


def _groups(shapes: Geometries, gap_m: float) -> Integers:
    if shapes.size == 0:
        return np.zeros(0, dtype=np.int64)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=gap_m)
    links = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), shape=(shapes.size, shapes.size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _outline(shapes: Geometries, gap_m: float) -> shapely.MultiPolygon:
    grown = shapely.union_all(shapely.buffer(shapes, gap_m / 2, quad_segs=4))
    drawn = shapely.buffer(grown, -gap_m / 4, quad_segs=4)
    return shapely.normalize(shapely.multipolygons([_without_gaps(part) for part in shapely.get_parts(drawn)]))


def _without_gaps(polygon: shapely.Polygon) -> shapely.Polygon:
    holes = shapely.get_rings(polygon)[1:]
    large = [hole for hole in holes if shapely.area(shapely.polygons(hole)) >= _MAX_GAP_M2]
    return shapely.polygons(shapely.get_exterior_ring(polygon), large or None)


def _mean(values: Floats) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else math.nan


def _mapped_share(outlines: Geometries, footprints: gpd.GeoDataFrame, mapped: gpd.GeoDataFrame | None) -> Floats:
    if mapped is None:
        return np.full(len(outlines), np.nan)
    require_same(footprints.crs, parse_crs(mapped.crs, what="settlements"), what="buildings and settlements")
    joined = shapely.union_all(np.asarray(mapped.geometry.array, dtype=object))
    share = shapely.area(shapely.intersection(outlines, joined)) / shapely.area(outlines)
    return np.asarray(np.minimum(share, 1.0), dtype=np.float64)


def candidate_agreement(
    candidates: gpd.GeoDataFrame, mapped: gpd.GeoDataFrame, *, footprints: gpd.GeoDataFrame | None = None
) -> pd.DataFrame:
    """Compare candidates with given polygons, by area and by buildings.

    Definition, with C the candidates, M the given polygons (each dissolved) and B what both hold:
    precision B / C, recall B / M, F1 their harmonic mean, Jaccard B / (C or M).

    Parameters
    ----------
    candidates, mapped : geopandas.GeoDataFrame
        Polygons in one projected CRS in metres.
    footprints : geopandas.GeoDataFrame, optional
        Buildings in the same CRS; they count by centroid.

    Returns
    -------
    pandas.DataFrame
        Rows ``area`` (m2) and, with buildings, ``buildings``; columns ``candidate``, ``mapped``, ``both``,
        ``precision``, ``recall``, ``f1`` and ``jaccard`` (0-1). NULL where a figure would be 0 / 0.

    Raises
    ------
    CRSError
        If the CRS differ or are not projected in metres.

    Notes
    -----
    Mapped polygons are seldom complete: low precision may mean settlements that nobody has mapped.

    Examples
    --------
    >>> from shapely import box
    >>> proposed = gpd.GeoDataFrame(geometry=[box(0, 0, 20, 10)], crs="EPSG:32638")
    >>> mapped = gpd.GeoDataFrame(geometry=[box(10, 0, 40, 10)], crs="EPSG:32638")
    >>> candidate_agreement(proposed, mapped)[["precision", "recall", "f1", "jaccard"]].round(3).values.tolist()
    [[0.5, 0.333, 0.4, 0.25]]
    """
    crs = parse_crs(candidates.crs, what="candidates")
    require_projected(crs, what="candidates")
    require_same(crs, parse_crs(mapped.crs, what="settlements"), what="candidates and settlements")
    first, second = (
        shapely.union_all(np.asarray(layer.geometry.array, dtype=object)) for layer in (candidates, mapped)
    )
    both = shapely.intersection(first, second)
    rows = {"area": _agreement(*(float(shapely.area(area)) for area in (first, second, both)))}
    if footprints is not None:
        require_same(crs, parse_crs(footprints.crs, what="buildings"), what="candidates and buildings")
        points = shapely.centroid(np.asarray(footprints.geometry.array, dtype=object))
        shapely.prepare([first, second])
        inside, given = shapely.intersects(first, points), shapely.intersects(second, points)
        rows["buildings"] = _agreement(float(inside.sum()), float(given.sum()), float((inside & given).sum()))
    columns = ["candidate", "mapped", "both", "precision", "recall", "f1", "jaccard"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _agreement(candidate: float, mapped: float, both: float) -> tuple[float, ...]:
    def by(part: float, whole: float) -> float:
        return part / whole if whole > 0 else math.nan

    measures = by(both, candidate), by(both, mapped), by(2 * both, candidate + mapped)
    return candidate, mapped, both, *measures, by(both, candidate + mapped - both)
