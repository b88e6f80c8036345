"""Geometries put right where there is one way to do it, named and refused where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo_profiling.findings import Finding, Severity

Kind = Literal["polygon", "line", "point"]
Geometries = NDArray[np.object_]

#: A repair may change the area within the rings of a feature by this share: digitised outlines cross
#: themselves by a few percent at most, a bow-tie by all of it, and has no one right area.
MAX_AREA_CHANGE_SHARE = 0.1

_KIND_OF_TYPE: dict[int, Kind] = {0: "point", 1: "line", 2: "line", 3: "polygon", 4: "point", 5: "line", 6: "polygon"}
_COLLECTION = 7
_REDRAW = "draw it again, or repair it and look at the result (QGIS: Fix geometries)"


@dataclass
class _Work:
    """The geometries under repair, which of them are given up, and what was found."""

    geometries: Geometries
    name: str
    describe: Callable[[int], str]
    give_up_as: Severity
    dropped: NDArray[np.bool_] = field(init=False)
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dropped = np.zeros(self.geometries.size, dtype=bool)

    def note(self, index: int, message: str) -> None:
        self.findings.append(Finding("note", self.name, self.describe(index), message, ""))

    def give_up(self, marked: NDArray[np.bool_], message: str, remedy: str) -> None:
        left_out = "" if self.give_up_as == "error" else "; left out"
        for index in np.flatnonzero(marked & ~self.dropped):
            place = self.describe(int(index))
            self.findings.append(Finding(self.give_up_as, self.name, place, message + left_out, remedy))
        self.dropped |= marked


def repair(
    geometries: Geometries,
    *,
    name: str,
    describe: Callable[[int], str],
    kinds: set[Kind] | None = None,
    degrees: bool = False,
    skip: bool = False,
) -> tuple[Geometries, NDArray[np.bool_], list[Finding]]:
    """Return valid two-dimensional geometries of the wanted kinds, and what was done to get them.

    Definition: Z and M are dropped; of a collection the parts of the wanted kinds are kept;
    invalid polygons become valid by GEOS' "structure" method, which joins overlapping parts and
    keeps holes, as long as the area within the rings of its parts changes by no more than
    :data:`MAX_AREA_CHANGE_SHARE` of it. What cannot be used is a feature without geometry, with
    coordinates that are not finite, of another kind, with a ring that has no one right area, and,
    in degrees, a part wider than half the Earth that is no cap or belt around it: it crosses the
    antimeridian the wrong way round.

    Parameters
    ----------
    geometries : numpy.ndarray
        Shapely geometries or None.
    name : str
        File and layer, for the findings.
    describe : callable
        From position to the feature's name in messages.
    kinds : set of {"polygon", "line", "point"}, optional
        What is wanted; None takes every kind.
    degrees : bool
        Whether coordinates are degrees.
    skip : bool
        Leave unusable features out with a warning, instead of an error.

    Returns
    -------
    geometries : numpy.ndarray
        Of the same length.
    dropped : numpy.ndarray
        True where the feature cannot be used.
    findings : list of Finding
        Every repaired and every unusable feature by name.

    References
    ----------
    GEOS ``MakeValid``, method "structure" (GEOS 3.10).

    Examples
    --------
    >>> overlapping = shapely.from_wkt("MULTIPOLYGON (((0 0,2 0,2 2,0 2,0 0)),((1 0,3 0,3 2,1 2,1 0)))")
    >>> fixed, dropped, findings = repair(np.array([overlapping]), name="units", describe=lambda i: f"unit {i}")
    >>> fixed[0].area, bool(dropped[0]), str(findings[0])
    (6.0, False, 'units, unit 0: Self-intersection[1 2]; repaired, area 8 to 6')
    """
    work = _Work(geometries.copy(), name, describe, "warning" if skip else "error")
    _drop_missing(work)
    _flatten(work)
    if kinds is not None:
        _keep_kinds(work, kinds)
    _mend(work)
    if degrees:
        _check_antimeridian(work)
    return work.geometries, work.dropped, work.findings


def _drop_missing(work: _Work) -> None:
    missing = shapely.is_missing(work.geometries)
    work.give_up(missing, "has no geometry", "draw it, or take the feature out")
    work.give_up(shapely.is_empty(work.geometries), "has an empty geometry", "draw it, or take the feature out")
    coordinates, owner = shapely.get_coordinates(work.geometries, return_index=True)
    infinite = np.zeros(work.geometries.size, dtype=bool)
    infinite[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    work.give_up(infinite, "has coordinates that are not finite", _REDRAW)


def _flatten(work: _Work) -> None:
    deep = shapely.has_z(work.geometries)
    if hasattr(shapely, "has_m"):
        deep |= shapely.has_m(work.geometries)
    if deep.any():
        work.geometries[deep] = shapely.force_2d(work.geometries[deep])
        message = f"{int(deep.sum())} features have Z or M coordinates; dropped"
        work.findings.append(Finding("note", work.name, "", message, ""))


def _keep_kinds(work: _Work, kinds: set[Kind]) -> None:
    types = shapely.get_type_id(work.geometries)
    for index in np.flatnonzero((types == _COLLECTION) & ~work.dropped):
        parts = _parts_of_kinds(work.geometries[index], kinds)
        if parts is not None:
            work.geometries[index] = parts
            work.note(int(index), f"a collection; only its {' and '.join(sorted(kinds))} parts are used")
    found = np.array([_KIND_OF_TYPE.get(int(number), "collection") for number in shapely.get_type_id(work.geometries)])
    wanted = " or ".join(sorted(kinds))
    for kind in dict.fromkeys(found[~work.dropped].tolist()):
        if kind not in kinds:
            work.give_up(found == kind, f"is a {kind}, not a {wanted}", f"give a layer of {wanted} features")


def _parts_of_kinds(collection: BaseGeometry, kinds: set[Kind]) -> BaseGeometry | None:
    parts = [part for part in _leaves(collection) if _KIND_OF_TYPE.get(int(shapely.get_type_id(part))) in kinds]
    if not parts:
        return None
    merged: BaseGeometry = shapely.union_all(parts)
    return merged if shapely.get_type_id(merged) != _COLLECTION else shapely.geometrycollections(parts)


def _leaves(geometry: BaseGeometry) -> list[BaseGeometry]:
    if shapely.get_type_id(geometry) != _COLLECTION:
        return [geometry]
    return [leaf for part in shapely.get_parts(geometry) for leaf in _leaves(part)]


def _mend(work: _Work) -> None:
    broken = ~shapely.is_valid(work.geometries) & ~work.dropped
    hopeless = np.zeros(work.geometries.size, dtype=bool)
    for index in np.flatnonzero(broken):
        geometry = work.geometries[index]
        reason = str(shapely.is_valid_reason(geometry))
        mended = _mend_one(geometry)
        if mended is None:
            hopeless[index] = True
            work.give_up(hopeless, f"{reason}: no one right shape", _REDRAW)
            continue
        work.geometries[index] = mended
        change = f"area {geometry.area:.10g} to {mended.area:.10g}" if mended.area else "shape kept"
        work.note(int(index), f"{reason}; repaired, {change}")


def _mend_one(geometry: BaseGeometry) -> BaseGeometry | None:
    parts = shapely.get_parts(geometry)
    mended = shapely.make_valid(parts, method="structure", keep_collapsed=False)
    if shapely.is_empty(mended).all():
        return None
    before, after = np.abs(shapely.area(parts)), shapely.area(mended)
    if np.abs(after - before).sum() > MAX_AREA_CHANGE_SHARE * max(before.sum(), after.sum()):
        return None
    whole: BaseGeometry = shapely.union_all(mended)
    return whole


def _check_antimeridian(work: _Work) -> None:
    parts, owner = shapely.get_parts(work.geometries, return_index=True)
    bounds = shapely.bounds(parts)
    left, right = bounds[:, 0], bounds[:, 2]
    # A cap or belt around the Earth reaches both ends of the map; a polygon that crosses the
    # antimeridian and was not split there comes close to both and encloses everything but itself.
    around = (left <= -180 + 1e-6) & (right >= 180 - 1e-6)
    crossing = np.zeros(work.geometries.size, dtype=bool)
    crossing[owner[(right - left > 180) & ~around]] = True
    work.give_up(
        crossing,
        "is wider than 180 degrees: it crosses the antimeridian without being split there",
        "split it at 180 degrees (ogr2ogr -wrapdateline)",
    )
