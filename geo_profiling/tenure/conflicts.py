"""Where records contradict each other on the ground and on paper, and where there are none.

Parcels are often digitised without a coordinate reference system. Such a plan can be measured if it is
declared to be local and planar, in metres; it is not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo_profiling.crs import parse_crs, require_equal_area, require_same
from geo_profiling.errors import CRSError, UsageError
from geo_profiling.tenure.model import SHARE_TOLERANCE, TenureRecords, whole_shares
from geo_profiling.tenure.words import TENURE_TYPES

#: A plan in metres that is not tied to the Earth: declared as ``crs: local-planar``.
LOCAL_PLANAR = CRS.from_wkt(
    'ENGCRS["local-planar",EDATUM["Local plan"],CS[Cartesian,2],'
    'AXIS["easting (X)",east,ORDER[1]],AXIS["northing (Y)",north,ORDER[2]],LENGTHUNIT["metre",1]]'
)
#: Overlaps up to this are the noise of floating-point coordinates.
FLOAT_NOISE_M2 = 1e-6
MIN_AREA_M2 = 0.1
MIN_SHARE = 0.01

Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class OverlapCounts:
    """How many pairs of units overlap, by how strict a rule.

    Attributes
    ----------
    n_units : int
    n_overlapping : int
        Pairs whose intersection has any area at all.
    n_above_noise : int
        By more than the noise of coordinates.
    n_by_area, n_by_share : int
        By the smallest area; by the smallest share of the smaller unit.
    n_conflicts : int
        By both, and not a sliver within the accuracy of the survey.
    n_slivers : int
        By both, but narrower than the accuracy of the survey allows to tell.
    """

    n_units: int
    n_overlapping: int
    n_above_noise: int
    n_by_area: int
    n_by_share: int
    n_conflicts: int
    n_slivers: int


def require_planar(units: gpd.GeoSeries, *, what: str) -> None:
    """Raise unless areas of the units can be measured as they are stored.

    Parameters
    ----------
    units : geopandas.GeoSeries
        In a projected CRS in metres that keeps areas to 1 % here, or :data:`LOCAL_PLANAR`.
    what : str
        Named in the error.

    Raises
    ------
    CRSError
        If there is no CRS, or areas cannot be measured in it.

    Examples
    --------
    >>> require_planar(gpd.GeoSeries([shapely.box(0, 0, 9, 9)], crs=LOCAL_PLANAR), what="parcels")
    """
    if units.crs is None:
        hint = "declare its CRS, or 'local-planar' for a plan in metres that is not tied to the Earth"
        raise CRSError(f"{what}: no coordinate reference system", hint=hint)
    crs = parse_crs(units.crs, what=what)
    if crs.is_engineering:
        if {axis.unit_name for axis in crs.axis_info[:2]} != {"metre"}:
            raise CRSError(f"{what}: the unit of its local plan is not the metre", hint="scale it to metres")
        return
    left, bottom, right, top = (float(value) for value in units.total_bounds)
    require_equal_area(crs, (left, bottom, right, top), what=what)


def unit_overlaps(
    units: gpd.GeoDataFrame,
    *,
    min_area_m2: float = MIN_AREA_M2,
    min_share: float = MIN_SHARE,
    accuracy_m: float | None = None,
) -> gpd.GeoDataFrame:
    """Find every pair of spatial units of one level that overlap, and tell which are boundary conflicts.

    Definition: a boundary conflict is an intersection of at least ``min_area_m2`` and at least
    ``min_share`` of the smaller unit, whose width (2 x area / perimeter) is at least twice the
    positional accuracy of the survey, where that is given: a narrower one is a sliver that two
    surveys of the same line leave. A structure on a parcel is no conflict: units are compared within
    their level only.

    Parameters
    ----------
    units : geopandas.GeoDataFrame
        Polygons on their ids, all valid at one time; ``level`` where there are several. In a CRS that
        :func:`require_planar` takes.
    min_area_m2 : float
        Smallest area of a conflict.
    min_share : float
        Smallest share of the smaller unit, 0-1.
    accuracy_m : float, optional
        Positional accuracy of the survey; without it no conflict is called a sliver.

    Returns
    -------
    geopandas.GeoDataFrame
        One row for each overlapping pair (area above 0), sorted: first_id, second_id, level, area_m2,
        share_of_smaller, width_m, is_above_noise, is_sliver, is_conflict, geometry.

    Raises
    ------
    CRSError
        If areas cannot be measured.
    UsageError
        If an id is there twice or a geometry is no polygon.

    Examples
    --------
    >>> plots = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10), shapely.box(9, 0, 19, 10)],
    ...                          index=["a", "b"], crs=LOCAL_PLANAR)
    >>> unit_overlaps(plots)[["first_id", "second_id", "area_m2", "is_conflict"]].to_numpy().tolist()
    [['a', 'b', 10.0, True]]
    """
    _require_units(units)
    order = np.argsort(np.asarray(units.index.astype(str)), kind="stable")
    frame = units.iloc[order]
    shapes = np.asarray(frame.geometry.array, dtype=object)
    levels = frame["level"].to_numpy() if "level" in frame else np.full(len(frame), "parcel", dtype=object)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = (first < second) & (levels[first] == levels[second])
    first, second = first[pairs], second[pairs]
    ranked = np.lexsort([second, first])
    first, second = first[ranked], second[ranked]
    shared = shapely.intersection(shapes[first], shapes[second])
    area = shapely.area(shared)
    keep = area > 0
    first, second, shared, area = first[keep], second[keep], _polygons(shared[keep]), area[keep]
    share = area / np.minimum(shapely.area(shapes[first]), shapely.area(shapes[second]))
    width = 2 * area / shapely.length(shared)
    is_large = (area > FLOAT_NOISE_M2) & (area >= min_area_m2) & (share >= min_share)
    is_sliver = is_large & (width < 2 * accuracy_m) if accuracy_m is not None else np.zeros(area.size, bool)
    return gpd.GeoDataFrame(
        {
            "first_id": frame.index.to_numpy()[first],
            "second_id": frame.index.to_numpy()[second],
            "level": levels[first],
            "area_m2": area,
            "share_of_smaller": np.minimum(share, 1.0),
            "width_m": width,
            "is_above_noise": area > FLOAT_NOISE_M2,
            "is_sliver": is_sliver,
            "is_conflict": is_large & ~is_sliver,
        },
        geometry=shared,
        crs=units.crs,
    )


def _require_units(units: gpd.GeoDataFrame) -> None:
    require_planar(units.geometry, what="spatial units")
    if units.index.has_duplicates:
        raise UsageError(f"spatial units: {units.index[units.index.duplicated()][0]!r} is there twice")
    kinds = set(units.geom_type.unique()) - {"Polygon", "MultiPolygon"}
    if kinds:
        raise UsageError(
            f"spatial units: overlaps are of polygons, not of {', '.join(map(str, sorted(map(str, kinds))))}"
        )


def _polygons(shapes: Geometries) -> Geometries:
    """Return the polygons of intersections; what touches besides has no area."""
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    result = shapes.copy()
    for place in np.flatnonzero(mixed):
        parts = shapely.get_parts(shapes[place])
        result[place] = shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return result


def overlap_counts(
    overlaps: gpd.GeoDataFrame,
    n_units: int,
    *,
    min_area_m2: float = MIN_AREA_M2,
    min_share: float = MIN_SHARE,
) -> OverlapCounts:
    """Count overlapping pairs by each rule.

    Parameters
    ----------
    overlaps : geopandas.GeoDataFrame
        From :func:`unit_overlaps`.
    n_units : int
        Units that were compared.
    min_area_m2, min_share : float
        As in :func:`unit_overlaps`.

    Examples
    --------
    >>> plots = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10), shapely.box(9.995, 0, 19, 10)],
    ...                          index=["a", "b"], crs=LOCAL_PLANAR)
    >>> counts = overlap_counts(unit_overlaps(plots), 2)
    >>> counts.n_overlapping, counts.n_conflicts
    (1, 0)
    """
    area, share = overlaps["area_m2"], overlaps["share_of_smaller"]
    return OverlapCounts(
        n_units=n_units,
        n_overlapping=len(overlaps),
        n_above_noise=int(overlaps["is_above_noise"].sum()),
        n_by_area=int((area >= min_area_m2).sum()),
        n_by_share=int((share >= min_share).sum()),
        n_conflicts=int(overlaps["is_conflict"].sum()),
        n_slivers=int(overlaps["is_sliver"].sum()),
    )


def describe_conflicts(overlaps: gpd.GeoDataFrame, records: TenureRecords) -> gpd.GeoDataFrame:
    """Add to each pair what is known of both units: settlement, types of tenure, whether there is a dispute.

    Parameters
    ----------
    overlaps : geopandas.GeoDataFrame
        From :func:`unit_overlaps`.
    records : TenureRecords
        At the same date.

    Returns
    -------
    geopandas.GeoDataFrame
        With settlement_id (of the first unit, else of the second), first_tenure and second_tenure
        (types joined by '; ', NULL if unknown) and is_disputed: a boundary dispute of either unit is
        recorded as going on; NULL where nothing is said of disputes.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> plots = gpd.GeoDataFrame({"unit_id": ["a", "b"]}, crs=LOCAL_PLANAR,
    ...                          geometry=[shapely.box(0, 0, 10, 10), shapely.box(9, 0, 19, 10)])
    >>> held = pd.DataFrame({"party_id": ["p"], "unit_id": ["a"], "tenure_type": ["freehold"]})
    >>> records, _ = tenure_records(pd.DataFrame({"party_id": ["p"]}), plots, held)
    >>> describe_conflicts(unit_overlaps(records.units), records)["first_tenure"].tolist()
    ['freehold']
    """
    rights = records.rights.dropna(subset=["unit_id"])
    named = rights.dropna(subset=["tenure_type"]).groupby("unit_id")["tenure_type"]
    types = named.agg(lambda values: "; ".join(sorted(set(values))))
    told = rights[rights["dispute_status"].notna()]
    kind = told["dispute_type"].fillna("boundary")
    disputed = ((told["dispute_status"] == "ongoing") & (kind == "boundary")).groupby(told["unit_id"]).any()
    first, second = overlaps["first_id"], overlaps["second_id"]
    place = records.units["settlement_id"]
    own = first.map(place)
    said = pd.DataFrame({"first": first.map(disputed), "second": second.map(disputed)}).astype("boolean")
    return overlaps.assign(
        settlement_id=own.where(own.notna(), second.map(place)),
        first_tenure=first.map(types),
        second_tenure=second.map(types),
        is_disputed=(said["first"].fillna(False) | said["second"].fillna(False)).mask(said.isna().all(axis=1)),
    )


def claim_conflicts(records: TenureRecords) -> pd.DataFrame:
    """Find the units that several parties hold exclusively, together more than once.

    Definition: at the date of the records more than one party has an exclusive right (freehold, lease,
    occupancy, ownership) in the unit and their shares add up to more than 1. An unknown share counts
    as the whole.

    Parameters
    ----------
    records : TenureRecords
        At one date, see :meth:`~geo_profiling.tenure.model.TenureRecords.at`.

    Returns
    -------
    DataFrame
        On unit_id, sorted: settlement_id, n_parties, n_households, share_sum, tenure_types.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> held = pd.DataFrame({"party_id": ["a", "b"], "unit_id": ["1", "1"], "tenure_type": ["freehold", "occupancy"]})
    >>> records, _ = tenure_records(pd.DataFrame({"party_id": ["a", "b"]}), pd.DataFrame({"unit_id": ["1"]}), held)
    >>> claim_conflicts(records)["share_sum"].tolist()
    [2.0]
    """
    exclusive = [name for name, kind in TENURE_TYPES.items() if kind.is_exclusive]
    rights = records.rights[records.rights["tenure_type"].isin(exclusive)]
    rights = rights.assign(share=whole_shares(rights).fillna(1.0)).join(records.parties["household_id"], on="party_id")
    by_unit = rights.groupby("unit_id", sort=True)
    found = pd.DataFrame(
        {
            "n_parties": by_unit["party_id"].nunique(),
            "n_households": by_unit["household_id"].nunique(),
            "share_sum": by_unit["share"].sum(),
            "tenure_types": by_unit["tenure_type"].agg(lambda values: "; ".join(sorted(set(values)))),
        }
    )
    found = found[(found["n_parties"] > 1) & (found["share_sum"] > 1 + SHARE_TOLERANCE)]
    return found.join(records.units["settlement_id"])[["settlement_id", *found.columns]]


def coverage_gaps(
    settlements: gpd.GeoDataFrame,
    records: TenureRecords,
    *,
    streets: gpd.GeoSeries | None = None,
    water: gpd.GeoSeries | None = None,
    buildings: gpd.GeoSeries | None = None,
) -> pd.DataFrame:
    """Measure what the records leave out in each settlement: ground, buildings, units, documents.

    Parameters
    ----------
    settlements : geopandas.GeoDataFrame
        Polygons on ``settlement_id``.
    records : TenureRecords
        At one date, with geometry, in the CRS of the settlements.
    streets, water : geopandas.GeoSeries, optional
        Polygons of ground that nobody holds; not a gap. (Lines have no area.)
    buildings : geopandas.GeoSeries, optional
        Polygons or points; a building is covered if its inner point lies in a unit.

    Returns
    -------
    DataFrame
        On settlement_id: area_m2, gap_m2, gap_share (0-1), n_buildings and n_buildings_without_unit
        (NULL without buildings), n_units, n_units_without_right, n_rights, n_rights_without_document
        (of those with a known answer), n_rights_document_unknown. Units and buildings are of the
        settlement that holds their inner point.

    Raises
    ------
    CRSError
        If layers differ in CRS or areas cannot be measured.
    UsageError
        If the units have no geometry.

    Examples
    --------
    >>> from geo_profiling.tenure.model import tenure_records
    >>> plots = gpd.GeoDataFrame({"unit_id": ["a"]}, geometry=[shapely.box(0, 0, 10, 5)], crs=LOCAL_PLANAR)
    >>> held = pd.DataFrame({"party_id": ["p"], "unit_id": ["a"], "tenure_type": ["freehold"]})
    >>> records, _ = tenure_records(pd.DataFrame({"party_id": ["p"]}), plots, held)
    >>> place = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], index=["s"], crs=LOCAL_PLANAR)
    >>> coverage_gaps(place, records)[["gap_m2", "gap_share", "n_units"]].to_numpy().tolist()
    [[50.0, 0.5, 1.0]]
    """
    units = records.units
    if not isinstance(units, gpd.GeoDataFrame):
        raise UsageError("coverage gaps: the spatial units have no geometry")
    require_planar(settlements.geometry, what="settlements")
    layers = {"spatial units": units.geometry, "streets": streets, "water": water, "buildings": buildings}
    given = {name: layer for name, layer in layers.items() if layer is not None}
    for name, layer in given.items():
        require_same(parse_crs(layer.crs, what=name), settlements.crs, what=f"{name} and settlements")
    places = np.asarray(settlements.geometry.array, dtype=object)
    taken = [given[name] for name in ("spatial units", "streets", "water") if name in given]
    covered = np.concatenate([np.asarray(layer.array, dtype=object) for layer in taken])
    area = shapely.area(places)
    gap = shapely.area(_left_over(places, covered))
    found = pd.DataFrame(
        {"area_m2": area, "gap_m2": gap, "gap_share": gap / np.where(area > 0, area, np.nan)}, index=settlements.index
    )
    every, bare = _building_gaps(places, units, buildings)
    found = found.assign(n_buildings=every.array, n_buildings_without_unit=bare.array)
    return found.join(_record_gaps(places, settlements.index, records))


def _left_over(places: Geometries, covered: Geometries) -> Geometries:
    result = places.copy()
    place, cover = shapely.STRtree(covered).query(places, predicate="intersects")
    for number in np.unique(place):
        result[number] = shapely.difference(places[number], shapely.union_all(covered[cover[place == number]]))
    return result


def _building_gaps(
    places: Geometries, units: gpd.GeoDataFrame, buildings: gpd.GeoSeries | None
) -> tuple[pd.Series, pd.Series]:
    if buildings is None:
        unknown = pd.Series([None] * places.size, dtype="Int64")
        return unknown, unknown
    points = shapely.point_on_surface(np.asarray(buildings.array, dtype=object))
    inside, place = shapely.STRtree(places).query(points, predicate="intersects")
    has_unit = np.zeros(points.size, bool)
    shapes = np.asarray(units.geometry.array, dtype=object)
    has_unit[shapely.STRtree(shapes).query(points, predicate="intersects")[0]] = True
    every = np.bincount(place, minlength=places.size)
    bare = np.bincount(place[~has_unit[inside]], minlength=places.size)
    return pd.Series(every, dtype="Int64"), pd.Series(bare, dtype="Int64")


def _record_gaps(places: Geometries, ids: pd.Index, records: TenureRecords) -> pd.DataFrame:
    units, rights = records.units, records.rights
    points = shapely.point_on_surface(np.asarray(units.geometry.array, dtype=object))
    unit, place = shapely.STRtree(places).query(points, predicate="intersects")
    # A unit on the border of two settlements is of the first.
    of_unit = pd.Series(place, index=units.index[unit]).groupby(level=0).min()
    held = rights["unit_id"].map(of_unit).dropna().astype(int)
    documented = rights.loc[held.index, "documented"]
    size = places.size

    def count(values: pd.Series) -> NDArray[np.int64]:
        return np.bincount(values.to_numpy(dtype=np.int64), minlength=size).astype(np.int64)

    return pd.DataFrame(
        {
            "n_units": count(of_unit),
            "n_units_without_right": count(of_unit[~of_unit.index.isin(rights["unit_id"])]),
            "n_rights": count(held),
            "n_rights_without_document": count(held[documented == "none"]),
            "n_rights_document_unknown": count(held[documented.isna()]),
        },
        index=ids,
    )
