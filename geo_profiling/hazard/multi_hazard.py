"""Several hazards at once: who is exposed to which of them together, on one refinement of all grids and polygons."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_same
from geo_profiling.errors import UsageError
from geo_profiling.hazard.bands import Bands
from geo_profiling.hazard.exposure import BandTotals, joint_totals
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.risk_classes import OVERLAP_SHARE, intersect_classes
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics

#: More hazards than this have too many combinations to be read by anybody.
MAX_HAZARDS = 6
#: How the ground of a hazard of polygons is named: hazardous, and not known to be or not.
MET: Final = "met"
NOT_KNOWN: Final = "unknown"
#: People below this share of an area are what rounding leaves of a difference.
_ROUNDING = 1e-10
#: Permanent water is every value above 0.
_WATER = HazardKind("permanent_water", "m_distance", Bands((1e-30,)), nodata_means="dry")

#: A raster, how it is read and the threshold from which its ground is hazardous; or the ground itself, as polygons
#: indexed by :data:`MET` and, where there is such ground, :data:`NOT_KNOWN`.
JointHazard: TypeAlias = tuple[Source, HazardKind, float] | gpd.GeoSeries


@dataclass(frozen=True)
class JointStates:
    """A count by zone and by what is known of every hazard there.

    Attributes
    ----------
    values : ndarray of float64, shape (zones, 3 ** hazards)
        Each hazard is a digit, the first one the most significant: 0 not met, 1 met, 2 unknown.
    names : tuple of str
        Of the hazards, sorted.
    index : pandas.Index
        Of the zones.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    index: pd.Index

    @property
    def total(self) -> NDArray[np.float64]:
        """All states together, shape (zones,)."""
        return np.asarray(self.values.sum(axis=1))

    @property
    def coverage_share(self) -> NDArray[np.float64]:
        """Share of the total on ground where all hazards are known; NaN where the total is 0."""
        known = self.values[:, (self._digits != 2).all(axis=1)].sum(axis=1)
        return np.divide(known, self.total, out=np.full(len(known), np.nan), where=self.total > 0)

    @property
    def _digits(self) -> NDArray[np.int64]:
        return np.array(list(itertools.product(range(3), repeat=len(self.names))))

    def table(self) -> pd.DataFrame:
        """Return a row for each zone and set of hazards.

        Returns
        -------
        DataFrame
            Columns zone, hazards (names joined by " + ", ``none`` where all are known and none is met,
            ``unknown`` where none is met and one is unknown), n_hazards (NULL of ``unknown``), value. The rows
            of a zone sum to its total.

        Examples
        --------
        >>> JointStates(np.array([[7.0, 2.0, 1.0]]), ("flood",), pd.Index(["a"])).table()["hazards"].tolist()
        ['none', 'unknown', 'flood']
        """
        digits, names = self._digits, self.names
        rows: list[tuple[str, int | None, NDArray[np.float64]]] = []
        for size in range(len(names) + 1):
            for part in itertools.combinations(range(len(names)), size):
                chosen = ((digits == 1) == np.isin(np.arange(len(names)), part)).all(axis=1)
                if part:
                    label = " + ".join(names[k] for k in part)
                    rows.append((label, size, self.values[:, chosen].sum(axis=1)))
                    continue
                known = chosen & (digits != 2).all(axis=1)
                rows.append(("none", 0, self.values[:, known].sum(axis=1)))
                rows.append((NOT_KNOWN, None, self.values[:, chosen & ~known].sum(axis=1)))
        frame = {
            "zone": np.repeat(self.index.to_numpy(), len(rows)),
            "hazards": np.tile(np.array([label for label, _, _ in rows], dtype=object), len(self.index)),
            "n_hazards": pd.array([size for _, size, _ in rows] * len(self.index), dtype="Int64"),
            "value": np.stack([values for _, _, values in rows], axis=1).ravel(),
        }
        return pd.DataFrame(frame)

    def any_share(self, names: Collection[str]) -> pd.DataFrame:
        """Return the share that is exposed to any of some hazards.

        Parameters
        ----------
        names : collection of str
            At least one of :attr:`names`.

        Returns
        -------
        DataFrame
            On the index of the zones, 0-1: ``low`` is known to be met by one of them, ``high`` is that and what
            is unknown of one of them. NaN without anybody, and where nothing is known of any of them.

        Raises
        ------
        UsageError
            If a hazard is none of the names, or there is none.

        Examples
        --------
        >>> states = JointStates(np.array([[7.0, 2.0, 1.0]]), ("flood",), pd.Index(["a"]))
        >>> states.any_share(["flood"]).to_dict("records")
        [{'low': 0.2, 'high': 0.3}]
        """
        foreign = sorted(set(names) - set(self.names))
        if foreign or not names:
            raise UsageError(f"no joint exposure to {', '.join(foreign) or 'nothing'}", hint=", ".join(self.names))
        own = self._digits[:, np.isin(self.names, list(names))]
        met, unknown = (own == 1).any(axis=1), (own == 2).any(axis=1)
        low, maybe, blank = (
            self.values[:, chosen].sum(axis=1) for chosen in (met, ~met & unknown, (own == 2).all(axis=1))
        )
        # slivers between two borders are not known ground
        is_known = self.total - blank > OVERLAP_SHARE * self.total
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = {"low": low / self.total, "high": np.minimum((low + maybe) / self.total, 1.0)}
        return pd.DataFrame({side: np.where(is_known, share, np.nan) for side, share in shares.items()}, self.index)


def joint_states(
    weights: Source,
    hazards: Mapping[str, JointHazard],
    zones: gpd.GeoDataFrame,
    *,
    water: Source | None = None,
    compute: Compute | None = None,
) -> JointStates:
    """Share a count in cells out to zones and to what is known of every hazard: no product of shares.

    Rasters are overlaid on one refinement of their cells; polygons cut the zones before that. What of a zone
    lies outside all polygons of a hazard is the difference to the whole zone, so the states add up to it.

    Parameters
    ----------
    weights : Source
        People or another count.
    hazards : mapping of str to (Source, HazardKind, float) or GeoSeries
        By name, see :data:`JointHazard`; polygons in the CRS of the weights.
    zones : GeoDataFrame
        Valid polygons in the CRS of the weights.
    water : Source, optional
        Permanent water (cells above 0): no raster hazard is met there.
    compute : Compute, optional
        Where to work.

    Returns
    -------
    JointStates

    Raises
    ------
    UsageError
        If there are more than six hazards, or none.
    CRSError
        If polygons are in another CRS than the weights.

    Examples
    --------
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 1))
    >>> people = ArraySource(wrap(np.array([[50.0]]), grid))
    >>> rail = gpd.GeoSeries([shapely.box(0, 0, 20, 100)], index=["met"], crs="ESRI:54009")
    >>> zones = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 100, 100)], crs="ESRI:54009")
    >>> joint_states(people, {"railway": rail}, zones).values.round(6).tolist()
    [[40.0, 10.0, 0.0]]
    """
    if not 1 <= len(hazards) <= MAX_HAZARDS:
        raise UsageError(f"{len(hazards)} hazards", hint=f"joint exposure is of 1 to {MAX_HAZARDS} hazards")
    grounds: dict[str, gpd.GeoSeries] = {}
    rasters: dict[str, tuple[Source, HazardKind, float]] = {}
    for name in sorted(hazards):
        given = hazards[name]
        if isinstance(given, gpd.GeoSeries):
            require_same(parse_crs(given.crs, what=name), weights.grid.crs, what=f"{name} and {weights.name}")
            grounds[name] = given
        else:
            rasters[name] = given
    parts, of = _parts(zones, list(grounds.values()))
    states = _raster_states(weights, rasters, parts, water, compute)
    summed = np.zeros((len(zones) * 3 ** len(grounds), states.shape[1]))
    np.add.at(summed, of, states)
    joint = summed.reshape((len(zones), *(3,) * len(hazards)))
    total = joint.reshape(len(zones), 3 ** len(grounds), -1)[:, 0].sum(axis=1)
    for axis in range(1, len(grounds) + 1):
        whole, met, unknown = (joint.take(k, axis=axis) for k in range(3))
        joint = np.stack([whole - met - unknown, met, unknown], axis=axis)
    found = [*grounds, *rasters]
    joint = joint.transpose(0, *(1 + found.index(name) for name in sorted(found))).reshape(len(zones), -1)
    joint = np.where(joint <= _ROUNDING * total[:, None], 0.0, joint)
    return JointStates(joint, tuple(sorted(found)), zones.index)


def _parts(zones: gpd.GeoDataFrame, grounds: Sequence[gpd.GeoSeries]) -> tuple[gpd.GeoDataFrame, NDArray[np.int64]]:
    """Return the zones, then their parts in the ground of hazards; and the place of each among all such parts.

    The place of a part is its zone, then a digit for each hazard: 0 any ground, 1 met, 2 unknown.
    """
    shapes, place = np.asarray(zones.geometry.array, dtype=object), np.arange(len(zones), dtype=np.int64)
    for ground in grounds:
        digits = np.array([1 if label == MET else 2 for label in ground.index], dtype=np.int64)
        pieces, part, at = intersect_classes(ground, gpd.GeoSeries(shapes, crs=zones.crs))
        shapes = np.concatenate([shapes, pieces])
        place = np.concatenate([3 * place, 3 * place[part] + digits[at]])
    return gpd.GeoDataFrame(geometry=shapes, crs=zones.crs), place


def _raster_states(
    weights: Source,
    rasters: Mapping[str, tuple[Source, HazardKind, float]],
    parts: gpd.GeoDataFrame,
    water: Source | None,
    compute: Compute | None,
) -> NDArray[np.float64]:
    """Return the count of each part by the states of the rasters, shape (parts, 3 ** rasters)."""
    if not rasters:
        sums = zonal_statistics(weights, parts, stats=["sum"], compute=compute)["sum"]
        return np.asarray(sums.fillna(0.0).to_numpy()[:, None])
    read = [*rasters.values()] if water is None else [(water, _WATER, _WATER.bands.thresholds[0]), *rasters.values()]
    states = joint_totals(
        weights,
        [source for source, _, _ in read],
        parts,
        kinds=[how for _, how, _ in read],
        thresholds=[threshold for _, _, threshold in read],
        compute=compute,
    )
    if water is None:
        return states
    by_water = states.reshape(len(parts), 3, -1)
    states = by_water[:, 0] + by_water[:, 2]
    states[:, 0] += by_water[:, 1].sum(axis=1)
    return states


def joint_exposure(
    weights: Source,
    hazards: Mapping[str, JointHazard],
    zones: gpd.GeoDataFrame,
    *,
    water: Source | None = None,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Count people by the set of hazards that they are exposed to: exact joint ground, no product of shares.

    Parameters
    ----------
    weights, hazards, zones, water, compute
        As in :func:`joint_states`.

    Returns
    -------
    DataFrame
        See :meth:`JointStates.table`.

    Raises
    ------
    UsageError
        If there are more than six hazards, or none.

    Examples
    --------
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> people, flood, slope = (
    ...     ArraySource(wrap(np.array([values]), grid), name)
    ...     for name, values in (("people", [50.0, 10.0]), ("flood", [2.0, 0.0]), ("slope", [30.0, 3.0]))
    ... )
    >>> from geo_profiling.hazard.kinds import kind
    >>> found = joint_exposure(
    ...     people,
    ...     {"flood": (flood, kind("flood"), 0.5), "slope": (slope, kind("slope"), 15.0)},
    ...     gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs="ESRI:54009"),
    ... )
    >>> found[found["value"] > 0][["hazards", "value"]].to_numpy().tolist()
    [['none', 10.0], ['flood + slope', 50.0]]
    """
    return joint_states(weights, hazards, zones, water=water, compute=compute).table()


def count_hazards(shares: pd.DataFrame, *, min_share: float = 0.0) -> pd.Series:
    """Count the hazards whose exposed share is above a limit, for each area.

    Parameters
    ----------
    shares : DataFrame
        A row an area, a column a hazard; exposed share (0-1) at the reference return period, NaN unknown.
    min_share : float
        Share above which a hazard counts.

    Returns
    -------
    Series
        ``n_hazards`` (Int64); NULL where nothing is known of any hazard.

    Examples
    --------
    >>> count_hazards(pd.DataFrame({"flood": [0.2, 0.0], "slope": [0.1, np.nan]})).tolist()
    [2, 0]
    """
    count = (shares > min_share).sum(axis=1).astype("Int64").rename("n_hazards")
    return count.where(shares.notna().any(axis=1))


def composite_score(shares: pd.DataFrame, weights: Mapping[str, float]) -> pd.Series:
    """Return the weighted mean of exposed shares: a matter of judgement, made only on request.

    Parameters
    ----------
    shares : DataFrame
        A column a hazard; exposed share (0-1).
    weights : mapping of str to float
        By hazard, above 0; publish them beside the score.

    Returns
    -------
    Series
        ``composite_score`` (0-1); NaN where a weighted hazard is unknown.

    Raises
    ------
    UsageError
        If a weight is of no hazard, or not above 0.

    Examples
    --------
    >>> composite_score(pd.DataFrame({"flood": [0.5], "slope": [0.1]}), {"flood": 3.0, "slope": 1.0}).tolist()
    [0.4]
    """
    foreign = sorted(set(weights) - set(shares.columns))
    if foreign or not weights or min(weights.values()) <= 0:
        raise UsageError(
            f"weights of {', '.join(foreign) or 'nothing, or not above 0'}",
            hint=f"hazards are {', '.join(map(str, shares.columns))}",
        )
    names = sorted(weights)
    given = np.array([weights[name] for name in names])
    scores = shares[names].to_numpy(dtype=float) @ (given / given.sum())
    return pd.Series(scores, index=shares.index, name="composite_score")


def hazardous_share(totals: Sequence[tuple[BandTotals, HazardKind, float, int]]) -> pd.DataFrame:
    """Return, for each zone, the share in hazardous location by each hazard, and bounds for any of them.

    The bounds need no joint overlay: the largest single share, and the sum of all, at most 1.

    Parameters
    ----------
    totals : sequence of (BandTotals, HazardKind, float, int)
        Totals, how they were read, the threshold from which ground is hazardous, and the place of the event
        that counts (the reference return period).

    Returns
    -------
    DataFrame
        Index of the zones; a column a hazard (by the kind's name), ``any_low`` and ``any_high``; NaN unknown.

    Examples
    --------
    >>> from geo_profiling.hazard.bands import Bands
    >>> totals = BandTotals(np.array([[[60.0, 0, 40, 0, 0, 0]]]), Bands((1.0,)), pd.Index(["a"]))
    >>> kind = HazardKind("x", bands=totals.bands)
    >>> hazardous_share([(totals, kind, 1.0, 0)])["any_low"].tolist()
    [0.4]
    """
    columns: dict[str, NDArray[np.float64]] = {}
    for one, how, threshold, event in totals:
        known = one.total[:, event] * one.coverage_share[:, event]
        exposed = one.of(*how.exposed_bands(threshold))[:, event]
        columns[how.name] = np.divide(exposed, known, out=np.full(len(known), np.nan), where=known > 0)
    table = pd.DataFrame(columns, index=totals[0][0].index)
    table["any_low"] = table[list(columns)].max(axis=1)
    table["any_high"] = table[list(columns)].sum(axis=1, min_count=1).clip(upper=1.0)
    return table
