"""Over time: urban centres or functional urban areas of several years linked, their growth, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo_profiling.compute import Compute
from geo_profiling.delineation.overlap import common_ground
from geo_profiling.errors import UsageError
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics

Floats = NDArray[np.float64]
Weight = Literal["population", "area"]
#: What became of an area, or where it comes from.
Change = Literal["continued", "merged", "split", "rearranged", "born", "gone"]

#: Share of either area in the other from which they are the same place.
MIN_OVERLAP = 0.5
#: Half the width of a projection's range where the past does not show a wider one, in percent a year.
RATE_BAND_PCT = 0.5
#: Shares are sums of floats: half of the people may come out a hair below 0.5.
_TOLERANCE = 1e-9
_IDS = ("from_id", "to_id")
_MEASURES = ("population", "area_km2")
_ENDS = ("", "_low", "_high")


@dataclass(frozen=True)
class Epoch:
    """The areas of one year.

    Attributes
    ----------
    year : int
    areas : geopandas.GeoDataFrame
        Polygons indexed by their ids, with ``population`` and ``area_km2``.
    population : Source or None
        People in each cell that year; overlaps by people need it.
    """

    year: int
    areas: gpd.GeoDataFrame
    population: Source | None = None


@dataclass(frozen=True)
class UrbanChange:
    """How areas changed, and where they are heading.

    Attributes
    ----------
    links : pandas.DataFrame
        See :func:`link_epochs`.
    projections : pandas.DataFrame
        See :func:`link_epochs`; empty without a year to project to.
    """

    links: pd.DataFrame
    projections: pd.DataFrame


@dataclass(frozen=True)
class _Interval:
    """Two epochs in a row: links between their areas, and the groups of areas that links connect.

    ``before`` and ``after`` hold people and km2 of each group, shape (groups, 2).
    """

    links: pd.DataFrame
    group_from: pd.Series
    group_to: pd.Series
    before: Floats
    after: Floats
    years: int

    def rates(self) -> Floats:
        """Annual growth in percent of people and area of each group; NaN where it is not in both epochs."""
        return _rates(self.before, self.after, self.years)

    def joint_rates(self, groups: NDArray[np.int64]) -> Floats:
        """Annual growth in percent of the people and the area of several groups together."""
        in_both = groups[~np.isnan(self.rates()[groups, 0])]
        return _rates(self.before[in_both].sum(axis=0), self.after[in_both].sum(axis=0), self.years)


def link_epochs(
    epochs: Sequence[Epoch],
    *,
    project_to: int | None = None,
    weight: Weight = "population",
    min_overlap: float = MIN_OVERLAP,
    rate_band_pct: float = RATE_BAND_PCT,
    compute: Compute | None = None,
) -> UrbanChange:
    """Link the areas of consecutive years by overlap, measure their growth and project it.

    Definition. Two areas of consecutive epochs are linked where their common ground holds at least
    ``min_overlap`` of the people of either: of the earlier one's in its year, or of the later one's
    in its. Areas that links connect, directly or by way of others, are a group. A link is

    * ``continued`` where neither area has another link;
    * ``merged`` where the later area has several and the earlier one only this;
    * ``split`` where the earlier area has several and the later one only this;
    * ``rearranged`` where both have several.

    A later area without link is ``born``, an earlier one ``gone``. Growth is that of the group as a
    whole, so that a merger is not taken for growth: r = 100 ln(after / before) / years, in percent a
    year; the rate of density is the rate of people minus that of area.

    The projection of a later area keeps the rate r of its group over the last interval: value
    exp(r t / 100) after t years. Its range is drawn with the lowest and the highest rate of all
    intervals (each of the groups that the area descends from), and at least with r plus and minus
    ``rate_band_pct``: two epochs show one rate and no spread.

    Parameters
    ----------
    epochs : sequence of Epoch
        At least two, in the order of their years, in one equal-area CRS.
    project_to : int, optional
        A year after the last epoch.
    weight : {"population", "area"}
        Overlaps by people, or by area where there are no grids of people.
    min_overlap : float
        Above 0, up to 1.
    rate_band_pct : float
        In percent a year.
    compute : Compute, optional

    Returns
    -------
    UrbanChange
        ``links``: ``from_year``, ``to_year``, ``from_id``, ``to_id`` (None: born, gone), ``change``,
        ``share_of_from``, ``share_of_to`` (0-1, by ``weight``), ``from_population``,
        ``to_population``, ``from_area_km2``, ``to_area_km2`` (each area's own),
        ``population_growth_pct``, ``area_growth_pct``, ``density_growth_pct`` (a year, of the group;
        NaN for born and gone); by years: links sorted by ids, then gone, then born.
        ``projections``: ``area_id``, ``base_year``, ``projected_year``, ``population_growth_pct``,
        ``population_growth_low_pct``, ``population_growth_high_pct``, ``projected_population``,
        ``projected_population_low``, ``projected_population_high`` and the same of ``area``
        (``projected_area_km2`` ...), sorted by id; NaN for an area that was born in the last epoch.

    Raises
    ------
    UsageError
        If there are fewer than two epochs, years are not in order, a grid of people is missing, an id
        stands twice, or a parameter cannot be meant.
    CRSError
        If the epochs are not in one CRS.

    Notes
    -----
    A projection at a constant rate says where the recent past leads. It knows nothing of policy, of
    migration to come, or of land that is left.

    References
    ----------
    UN-Habitat, SDG indicator 11.3.1 metadata (annual rates as logarithms).

    Examples
    --------
    >>> from shapely import box
    >>> def year(year, people, *boxes):
    ...     areas = gpd.GeoDataFrame({"population": people}, geometry=list(boxes), crs="EPSG:3035")
    ...     return Epoch(year, areas.assign(area_km2=areas.area / 1e6).set_index(pd.Index(["a", "b"][: len(boxes)])))
    >>> before = year(2010, [100.0, 50.0], box(0, 0, 2e3, 1e3), box(3e3, 0, 4e3, 1e3))
    >>> after = year(2020, [300.0], box(0, 0, 4e3, 1e3))
    >>> found = link_epochs([before, after], weight="area", project_to=2030)
    >>> found.links[["from_id", "to_id", "change", "population_growth_pct"]].round(2).to_numpy().tolist()
    [['a', 'a', 'merged', 6.93], ['b', 'a', 'merged', 6.93]]
    >>> found.projections["projected_population"].round().tolist()
    [600.0]
    """
    _require_usable(epochs, project_to, weight, min_overlap, rate_band_pct)
    intervals = []
    for earlier, later in pairwise(epochs):
        shares = overlap_shares(earlier, later, weight=weight, compute=compute)
        intervals.append(_interval(earlier, later, shares, min_overlap))
    return _change(epochs, intervals, project_to, rate_band_pct)


def follow_territories(
    areas: gpd.GeoDataFrame,
    grids: Mapping[int, Source],
    *,
    project_to: int | None = None,
    rate_band_pct: float = RATE_BAND_PCT,
    compute: Compute | None = None,
) -> UrbanChange:
    """Follow the people of areas whose territory is held fixed, and project them.

    For areas that can be delineated for one year only, as those from commuting flows are: every area
    is ``continued`` on the same ground, its area does not grow, and its density grows as its people do.

    Parameters
    ----------
    areas : geopandas.GeoDataFrame
        Polygons on unique ids, with ``area_km2``, in the CRS of the grids.
    grids : mapping of int to Source
        People in each cell by year, two or more.
    project_to : int, optional
        A year after the last.
    rate_band_pct : float
        As in :func:`link_epochs`.
    compute : Compute, optional

    Returns
    -------
    UrbanChange
        As :func:`link_epochs` returns it. Growth is NaN where people are unknown (off a grid) or none.

    Raises
    ------
    UsageError
        If there are fewer than two years, an id stands twice, or a parameter cannot be meant.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import box
    >>> from geo_profiling.raster.grid import Grid; from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 1))
    >>> people = {year: ArraySource(wrap(np.full((1, 1), n), grid)) for year, n in ((2010, 100.0), (2020, 200.0))}
    >>> areas = gpd.GeoDataFrame({"area_km2": [1.0]}, index=["F"], geometry=[box(0, 0, 1e3, 1e3)], crs=grid.crs)
    >>> follow_territories(areas, people).links[["change", "population_growth_pct", "area_growth_pct"]].round(2)
          change  population_growth_pct  area_growth_pct
    0  continued                   6.93              0.0
    """
    epochs = [Epoch(year, areas, grids[year]) for year in sorted(grids)]
    _require_usable(epochs, project_to, "population", MIN_OVERLAP, rate_band_pct)
    for at, epoch in enumerate(epochs):
        people = zonal_statistics(grids[epoch.year], areas, stats=["sum"], compute=compute)["sum"]
        epochs[at] = replace(epoch, areas=areas.assign(population=people))
    ids = areas.index.sort_values().to_numpy()
    same = pd.DataFrame({"from_id": ids, "to_id": ids, "share_of_from": 1.0, "share_of_to": 1.0})
    intervals = [_interval(earlier, later, same, MIN_OVERLAP) for earlier, later in pairwise(epochs)]
    found = _change(epochs, intervals, project_to, rate_band_pct)
    of_area = found.projections["area_id"].map(areas["area_km2"])
    # No range: a territory that is held fixed stays what it is.
    constant = {f"area_growth{end}_pct": 0.0 for end in _ENDS} | {f"projected_area_km2{end}": of_area for end in _ENDS}
    return UrbanChange(found.links, found.projections.assign(**constant))


def _change(
    epochs: Sequence[Epoch], intervals: Sequence[_Interval], project_to: int | None, rate_band_pct: float
) -> UrbanChange:
    links = pd.concat([interval.links for interval in intervals], ignore_index=True)
    last = epochs[-1]
    wanted = [] if project_to is None else sorted(last.areas.index)
    rows = [_projection(last, area, intervals, project_to or last.year, rate_band_pct) for area in wanted]
    return UrbanChange(links, pd.DataFrame(rows, columns=list(_projection_columns())))


def overlap_shares(
    earlier: Epoch, later: Epoch, *, weight: Weight = "population", compute: Compute | None = None
) -> pd.DataFrame:
    """Return how much of each area of two epochs lies in each of the other epoch.

    Parameters
    ----------
    earlier, later : Epoch
    weight : {"population", "area"}
        The people of each area in its own year, or its ground.
    compute : Compute, optional

    Returns
    -------
    pandas.DataFrame
        ``from_id``, ``to_id``, ``share_of_from``, ``share_of_to`` (0-1), sorted by ids. The share of
        an area without people is 0.

    Examples
    --------
    >>> from shapely import box
    >>> def epoch(year, right):
    ...     return Epoch(year, gpd.GeoDataFrame(index=["a"], geometry=[box(0, 0, right, 1)], crs="EPSG:3035"))
    >>> overlap_shares(epoch(2010, 3), epoch(2020, 4), weight="area")[["share_of_from", "share_of_to"]]
       share_of_from  share_of_to
    0            1.0         0.75
    """
    pieces = common_ground(earlier.areas, later.areas, names=_IDS)
    shares = pd.DataFrame(pieces[list(_IDS)])
    for epoch, column, share in ((earlier, "from_id", "share_of_from"), (later, "to_id", "share_of_to")):
        part, whole = _weights(pieces, epoch, weight, compute), _weights(epoch.areas, epoch, weight, compute)
        of_area = whole[epoch.areas.index.get_indexer(pieces[column])]
        shares[share] = np.divide(part, of_area, out=np.zeros(part.size), where=of_area > 0)
    return shares


def _weights(polygons: gpd.GeoDataFrame, epoch: Epoch, weight: Weight, compute: Compute | None) -> Floats:
    if weight == "area" or epoch.population is None:
        return polygons.area.to_numpy(dtype=float)
    people = zonal_statistics(epoch.population, polygons, stats=["sum"], compute=compute)["sum"]
    return people.fillna(0.0).to_numpy(dtype=float)


def _require_usable(
    epochs: Sequence[Epoch], project_to: int | None, weight: Weight, min_overlap: float, rate_band_pct: float
) -> None:
    years = [epoch.year for epoch in epochs]
    if len(years) < 2 or any(before >= after for before, after in pairwise(years)):
        raise UsageError(f"epochs {years}: two or more years in ascending order are wanted")
    if weight not in get_args(Weight):
        raise UsageError(f"unknown weight {weight!r}", hint=f"choose one of {', '.join(get_args(Weight))}")
    if not 0 < min_overlap <= 1:
        raise UsageError(f"an overlap of {min_overlap} is no share above 0 and up to 1")
    if not (np.isfinite(rate_band_pct) and rate_band_pct >= 0):
        raise UsageError(f"a band of {rate_band_pct} percent a year cannot be")
    if project_to is not None and project_to <= years[-1]:
        raise UsageError(f"cannot project to {project_to}: the last epoch is {years[-1]}", hint="name a later year")
    for epoch in epochs:
        if weight == "population" and epoch.population is None:
            raise UsageError(f"epoch {epoch.year}: no grid of people", hint="give it, or link by area")
        if not epoch.areas.index.is_unique:
            raise UsageError(f"epoch {epoch.year}: an id of its areas stands twice")


def _interval(earlier: Epoch, later: Epoch, shares: pd.DataFrame, min_overlap: float) -> _Interval:
    same = shares[["share_of_from", "share_of_to"]].max(axis=1) >= min_overlap - _TOLERANCE
    links = shares[same].reset_index(drop=True)
    n_from, n_to = len(earlier.areas), len(later.areas)
    rows = earlier.areas.index.get_indexer(links["from_id"])
    cols = later.areas.index.get_indexer(links["to_id"]) + n_from
    size = n_from + n_to
    _, group = connected_components(coo_array((np.ones(rows.size), (rows, cols)), shape=(size, size)), directed=False)
    before, after = np.zeros((group.max(initial=-1) + 1, 2)), np.zeros((group.max(initial=-1) + 1, 2))
    for total, epoch, number in ((before, earlier, group[:n_from]), (after, later, group[n_from:])):
        np.add.at(total, number, epoch.areas[list(_MEASURES)].to_numpy(dtype=float))
    group_from = pd.Series(group[:n_from], earlier.areas.index)
    group_to = pd.Series(group[n_from:], later.areas.index)
    interval = _Interval(links, group_from, group_to, before, after, later.year - earlier.year)
    return replace(interval, links=_described(interval, earlier, later))


def _described(interval: _Interval, earlier: Epoch, later: Epoch) -> pd.DataFrame:
    """Add what each link is, those born and gone, and people, area and growth."""
    links = interval.links
    n_to = links["from_id"].map(links["from_id"].value_counts()).to_numpy()
    n_from = links["to_id"].map(links["to_id"].value_counts()).to_numpy()
    kinds = np.select([(n_to == 1) & (n_from == 1), n_to == 1, n_from == 1], ["continued", "merged", "split"], "")
    links = links.assign(change=np.where(kinds == "", "rearranged", kinds))
    gone = sorted(set(earlier.areas.index) - set(links["from_id"]))
    born = sorted(set(later.areas.index) - set(links["to_id"]))
    rows = links.to_dict("records")
    rows += [{"from_id": area, "to_id": None, "change": "gone"} for area in gone]
    rows += [{"from_id": None, "to_id": area, "change": "born"} for area in born]
    columns = [*_IDS, "change", "share_of_from", "share_of_to"]
    result = pd.DataFrame(rows, columns=columns)
    for name in _IDS:
        result[name] = result[name].astype(object).where(result[name].notna(), None)
    result.insert(0, "from_year", earlier.year)
    result.insert(1, "to_year", later.year)
    for side, epoch in (("from", earlier), ("to", later)):
        own = epoch.areas.reindex(result[f"{side}_id"].dropna().unique())
        for name in _MEASURES:
            result[f"{side}_{name}"] = result[f"{side}_id"].map(own[name]).astype(float)
    rates = np.full((len(result), 2), np.nan)
    lives_on = result["to_id"].notna().to_numpy()
    rates[lives_on] = interval.rates()[interval.group_to[result.loc[lives_on, "to_id"]]]
    result["population_growth_pct"], result["area_growth_pct"] = rates.T
    result["density_growth_pct"] = rates[:, 0] - rates[:, 1]
    return result


def _rates(before: Floats, after: Floats, years: int) -> Floats:
    ratio = np.divide(after, before, out=np.full(before.shape, np.nan), where=(before > 0) & (after > 0))
    return np.asarray(100 * np.log(ratio) / years)


def _past_rates(area: object, intervals: Sequence[_Interval]) -> list[Floats]:
    """Rates of the groups that an area descends from, the last interval first; none before its birth."""
    found: list[Floats] = []
    areas = pd.Index([area], dtype=object)
    for interval in reversed(intervals):
        groups = np.unique(interval.group_to[areas].to_numpy())
        rates = interval.joint_rates(groups)
        if np.isnan(rates[0]):
            break
        found.append(rates)
        areas = interval.group_from.index[interval.group_from.isin(groups)]
    return found


def _projection_columns() -> list[str]:
    columns = ["area_id", "base_year", "projected_year"]
    for name, measure in (("population", "population"), ("area", "area_km2")):
        columns += [f"{name}_growth_pct", f"{name}_growth_low_pct", f"{name}_growth_high_pct"]
        columns += [f"projected_{measure}", f"projected_{measure}_low", f"projected_{measure}_high"]
    return columns


def _projection(
    last: Epoch, area: object, intervals: Sequence[_Interval], year: int, rate_band_pct: float
) -> dict[str, object]:
    past = _past_rates(area, intervals)
    row: list[object] = [area, last.year, year]
    for at, measure in enumerate(_MEASURES):
        rates = np.array([rates[at] for rates in past])
        rates = rates[~np.isnan(rates)]
        central = rates[0] if rates.size else np.nan
        low = min([central - rate_band_pct, *rates])
        high = max([central + rate_band_pct, *rates])
        value = float(last.areas.at[area, measure])
        row += [central, low, high, *(value * np.exp(rate * (year - last.year) / 100) for rate in (central, low, high))]
    return dict(zip(_projection_columns(), row, strict=True))
