"""Population of settlements three ways: enumerated, gridded, and spread over buildings, side by side.

Gridded counts miss half the people of a slum or more, so the figures stand beside each other with
their ratio and their range, and every settlement says which of them later figures use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.config.form import SettlementPopulation
from geo_profiling.crs import parse_crs
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import FloatArray, Source
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.settlements.footprint_cells import FootprintCells, footprint_cells

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]
PopulationSource = Literal["enumerated", "building_based", "gridded"]

#: Said wherever a gridded figure is shown.
GRIDDED_CAVEAT = (
    "Gridded population misses people of informal settlements: in 351 enumerated settlements of eleven years it held "
    "between a quarter and a half of them (median by product 0.23-0.49). Take it as a lower limit."
)
#: Median of gridded by enumerated people in 351 settlements of Know Your City, by product.
GRIDDED_BY_ENUMERATED = {
    "WorldPop constrained": 0.41,
    "WorldPop unconstrained": 0.33,
    "GHS-POP": 0.38,
    "HRSL": 0.49,
    "LandScan": 0.25,
    "WorldPop peanut-butter": 0.23,
}
#: Shares of an area below this are the rounding of coordinates.
_ROUNDING = 1e-9
_LISTED = 5
_TILE = 1024


@dataclass(frozen=True)
class PopulationComparison:
    """Population of settlements by source, and what lies outside them.

    Attributes
    ----------
    settlements : pandas.DataFrame
        On the index of the settlements, see :func:`settlement_population`.
    totals : pandas.DataFrame
        Rows ``settlements`` (all of them together, ground in two of them once), ``remainder`` (the study
        area without them) and ``total`` (the study area, measured by itself); columns
        ``population_gridded``, ``population_building_based``, ``population_without_buildings``.
        NULL where a layer was not given. ``settlements`` and ``remainder`` add up to ``total``.
    findings : list of Finding
        Settlements that lie twice, overlap, or leave the study area; cells with people and no building.
    """

    settlements: pd.DataFrame
    totals: pd.DataFrame
    findings: list[Finding]


def settlement_population(
    settlements: gpd.GeoDataFrame,
    *,
    enumerated: pd.Series | None = None,
    population_grid: Source | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    heights: pd.Series | None = None,
    study_area: gpd.GeoSeries | None = None,
    rules: SettlementPopulation | None = None,
    compute: Compute | None = None,
    name: str = "settlements",
) -> PopulationComparison:
    """Count the people of settlements three ways.

    Definition: *enumerated* is what was counted on the ground. *Gridded* is the sum of the population
    grid over the settlement, each cell by the share of it that the settlement covers. *Building-based*
    spreads the people of every cell over the footprints in it, by area (by volume where heights are
    given); a settlement gets the part of the footprints inside it. People of cells without any building
    are not moved: they are counted on their own, by area, as ``population_without_buildings``. Of a
    settlement that leaves the study area the part inside is counted, and ``inside_share`` says how much
    of its area that is.

    Parameters
    ----------
    settlements : geopandas.GeoDataFrame
        Valid polygons in any CRS, indexed by their ids. They may overlap: each counts in full.
    enumerated : pandas.Series, optional
        People by settlement id; NULL or absent where nobody counted.
    population_grid : Source, optional
        People per cell; NaN is no data and counts as nobody.
    buildings : geopandas.GeoDataFrame, optional
        Valid polygons in any CRS.
    heights : pandas.Series, optional
        Height of each building in metres (or its floors) on the index of ``buildings``, above 0, none
        missing: weights must be of one kind.
    study_area : geopandas.GeoSeries, optional
        Polygons in any CRS; the extent of the grid by default.
    rules : SettlementPopulation, optional
        Which figure is preferred, and the correction of gridded counts.
    compute : Compute, optional
        Where to work.
    name : str
        For messages.

    Returns
    -------
    PopulationComparison
        Its table: ``inside_share``; ``population_enumerated``, ``population_gridded``,
        ``population_building_based``, ``population_without_buildings``; ``grid_coverage_share`` (area
        for which the grid has data); ``ratio_gridded_enumerated``, ``ratio_building_based_enumerated``;
        ``population_low``, ``population_high`` (least and greatest known figure);
        ``population_gridded_corrected`` with ``_low`` and ``_high`` where the rules name a ratio;
        ``population``, ``population_source`` and ``population_caveat``, what later figures use. NULL is
        unknown; a ratio is NULL where nobody was enumerated. Enumerated figures are of the whole
        settlement whatever its ``inside_share``.

    Raises
    ------
    CRSError
        If a layer has no CRS.
    InputError
        If an id stands twice, a count is negative, an enumerated id is not known, or heights are missing.
    UsageError
        If there is neither an enumeration nor a grid.

    References
    ----------
    kblock (Bettencourt and Marchio 2025) for the spread over buildings; Know Your City enumerations for the
    ratios of gridded to enumerated people.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 5e5, 0, -100, 1e6), (1, 2))
    >>> people = ArraySource(wrap(np.array([[60.0, 40.0]]), grid), "population")
    >>> mapped = gpd.GeoDataFrame(index=["s1"], geometry=[shapely.box(5e5, 999_900, 500_050, 1e6)], crs=grid.crs)
    >>> huts = gpd.GeoDataFrame(geometry=[shapely.box(500_010 + x, 999_950, 500_020 + x, 999_960) for x in (0, 20, 60)],
    ...                         crs=grid.crs)
    >>> found = settlement_population(mapped, enumerated=pd.Series({"s1": 80}), population_grid=people, buildings=huts)
    >>> found.settlements[["population_gridded", "population_building_based"]].round(6).values.tolist()
    [[30.0, 40.0]]
    >>> found.settlements.at["s1", "population_source"]
    'enumerated'
    >>> found.totals.loc["total"].round(6).tolist()
    [100.0, 60.0, 40.0]
    """
    rules = rules or SettlementPopulation()
    if enumerated is None and population_grid is None:
        raise UsageError(f"{name}: neither an enumeration nor a population grid", hint="give one of them")
    if settlements.index.has_duplicates:
        twice = settlements.index[settlements.index.duplicated()][0]
        raise InputError(f"{name}: id {twice} stands twice", hint="make the ids unique")
    ground = _ground(settlements, population_grid, study_area, name)
    table = pd.DataFrame({"inside_share": ground.inside_share}, index=settlements.index)
    table["population_enumerated"] = _enumerated(settlements.index, enumerated, name)
    findings = list(ground.findings)
    totals = _empty_totals()
    if population_grid is not None:
        people = _GridPeople(population_grid, compute or Compute())
        table["population_gridded"], table["grid_coverage_share"] = _gridded(people, ground, totals)
        if buildings is not None:
            spread = _spread(people, buildings, heights)
            findings += _building_based(people, spread, ground, table, totals, name)
    for column in ("population_gridded", "grid_coverage_share", *_BUILDING_COLUMNS):
        if column not in table:
            table[column] = np.nan
    return PopulationComparison(_compared(table, rules), totals, findings)


def placement_findings(
    settlements: gpd.GeoDataFrame,
    *,
    population_grid: Source | None = None,
    study_area: gpd.GeoSeries | None = None,
    name: str = "settlements",
) -> list[Finding]:
    """Tell which settlements lie twice, overlap, or leave the study area; no people are counted.

    Parameters
    ----------
    settlements, population_grid, study_area, name
        As :func:`settlement_population` takes them.

    Returns
    -------
    list of Finding
        The same that the count itself finds.

    Raises
    ------
    CRSError
        If a layer has no CRS.
    InputError
        If a settlement is no polygon.

    Examples
    --------
    >>> from shapely import box
    >>> twice = gpd.GeoDataFrame(index=["A", "B"], geometry=[box(0, 0, 9, 9)] * 2, crs="EPSG:32638")
    >>> print(placement_findings(twice)[0])
    settlements, A and B: 1 pairs of settlements lie twice at the same place: their people count in each
    """
    return _ground(settlements, population_grid, study_area, name).findings


_BUILDING_COLUMNS = ("population_building_based", "population_without_buildings")


#: Columns of the totals.
POPULATION_COLUMNS = ("population_gridded", *_BUILDING_COLUMNS)


def _empty_totals() -> pd.DataFrame:
    return pd.DataFrame(np.nan, index=["settlements", "remainder", "total"], columns=list(POPULATION_COLUMNS))


@dataclass(frozen=True)
class _Ground:
    """Where people are counted, in the CRS of the grid.

    ``inside`` is the part of each settlement in the study area (None: nothing of it), ``areas`` the union
    of these, the rest of the study area, and the study area.
    """

    inside: Geometries
    inside_share: Floats
    areas: Geometries
    findings: list[Finding]


def _ground(settlements: gpd.GeoDataFrame, grid: Source | None, study_area: gpd.GeoSeries | None, name: str) -> _Ground:
    crs = parse_crs(settlements.crs, what=name) if grid is None else grid.grid.crs
    parse_crs(settlements.crs, what=name)
    shapes = np.asarray(settlements.geometry.to_crs(crs).array, dtype=object)
    _require_polygons(shapes, settlements.index, name)
    shapes = _polygonal(shapes)
    if study_area is not None:
        parse_crs(study_area.crs, what="study area")
        whole = shapely.union_all(np.asarray(study_area.to_crs(crs).array, dtype=object))
    elif grid is not None:
        whole = shapely.box(*grid.grid.bounds)
    else:
        whole = None
    findings = _overlaps(shapes, settlements.index, name)
    if whole is None:
        return _Ground(shapes, np.ones(len(shapes)), np.zeros(0, dtype=object), findings)
    shapely.prepare(whole)
    inside = shapes.copy()
    crossing = ~shapely.covers(whole, shapes)
    inside[crossing] = _polygonal(shapely.intersection(shapes[crossing], whole))
    share = shapely.area(inside) / shapely.area(shapes)
    share = np.where(~crossing | (share > 1 - _ROUNDING), 1.0, share)
    inside[share <= _ROUNDING] = shapely.Polygon()
    share[share <= _ROUNDING] = 0.0
    findings += _edge_findings(share, settlements.index, name)
    union = shapely.union_all(inside)
    areas = np.array([union, shapely.difference(whole, union), whole], dtype=object)
    return _Ground(inside, share, _polygonal(areas), findings)


def _require_polygons(shapes: Geometries, index: pd.Index, name: str) -> None:
    bad = shapely.is_missing(shapes) | shapely.is_empty(shapes) | ~np.isin(shapely.get_type_id(shapes), (3, 6))
    if bad.any():
        raise InputError(f"{name}: {index[int(np.argmax(bad))]} is no polygon", hint="give settlements as polygons")


def _polygonal(shapes: Geometries) -> Geometries:
    """Make polygons valid, without the lines and points in which overlays end now and then."""
    out = np.asarray(shapes, dtype=object).copy()
    broken = ~shapely.is_valid(out)
    out[broken] = shapely.make_valid(out[broken], method="structure", keep_collapsed=False)
    for at in np.flatnonzero(~np.isin(shapely.get_type_id(out), (3, 6))):
        parts = shapely.get_parts(shapely.get_parts(out[at : at + 1]))
        out[at] = shapely.multipolygons(parts[shapely.get_type_id(parts) == 3])
    return out


def _overlaps(shapes: Geometries, index: pd.Index, name: str) -> list[Finding]:
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    smaller = np.minimum(shapely.area(shapes[first]), shapely.area(shapes[second]))
    larger = np.maximum(shapely.area(shapes[first]), shapely.area(shapes[second]))
    part = shared / smaller
    same = (part > 1 - 1e-6) & (smaller > (1 - 1e-6) * larger)
    order = np.lexsort((second, first, -part))
    found = []
    for is_wanted, what in ((same, "lie twice at the same place"), ((part > 1e-6) & ~same, "overlap")):
        rows = order[is_wanted[order]]
        if rows.size:
            shown = "; ".join(f"{index[first[i]]} and {index[second[i]]}" for i in rows[:_LISTED])
            message = f"{rows.size:,} pairs of settlements {what}: their people count in each"
            found.append(Finding("warning", name, shown, message, "remove one of them, or correct the borders"))
    return found


def _edge_findings(share: Floats, index: pd.Index, name: str) -> list[Finding]:
    found = []
    outside, crossing = np.flatnonzero(share == 0), np.flatnonzero((share > 0) & (share < 1))
    for rows, what in (
        (outside, "lie outside the study area: their gridded people are unknown"),
        (crossing, "cross the edge of the study area: only the people inside are counted (see inside_share)"),
    ):
        if rows.size:
            shown = ", ".join(str(index[row]) for row in rows[:_LISTED])
            found.append(Finding("warning", name, shown, f"{rows.size:,} settlements {what}", "check the study area"))
    return found


def _enumerated(index: pd.Index, enumerated: pd.Series | None, name: str) -> Floats:
    if enumerated is None:
        return np.full(len(index), np.nan)
    if enumerated.index.has_duplicates:
        twice = enumerated.index[enumerated.index.duplicated()][0]
        raise InputError(f"enumeration of {name}: id {twice} stands twice", hint="one row for each settlement")
    unknown = enumerated.index.difference(index)
    if len(unknown):
        raise InputError(
            f"enumeration of {name}: {len(unknown)} ids are no settlements, the first {unknown[0]}",
            hint="check the id fields; leave out what is not mapped",
        )
    values = enumerated.reindex(index).to_numpy(np.float64, na_value=np.nan)
    if (values < 0).any() or np.isinf(values).any():
        raise InputError(
            f"enumeration of {name}: {index[int(np.argmax((values < 0) | np.isinf(values)))]} has no possible count",
            hint="leave it empty where unknown",
        )
    return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True)
class _GridPeople:
    """Sums of a population grid over polygons."""

    source: Source
    compute: Compute

    def over(self, areas: Geometries, source: Source | None = None) -> tuple[Floats, Floats]:
        """People in each area (NULL where there are no data) and the share of it with data."""
        people, share = np.full(len(areas), np.nan), np.zeros(len(areas))
        there = np.flatnonzero(~shapely.is_empty(areas))
        if there.size:
            zones = gpd.GeoDataFrame(geometry=areas[there], crs=self.source.grid.crs)
            found = zonal_statistics(
                source or self.source, zones, stats=["sum", "coverage_share"], compute=self.compute
            )
            people[there], share[there] = found["sum"].to_numpy(), found["coverage_share"].to_numpy()
        return people, share


def _gridded(people: _GridPeople, ground: _Ground, totals: pd.DataFrame) -> tuple[Floats, Floats]:
    by_area, _ = people.over(ground.areas)
    totals["population_gridded"] = np.nan_to_num(by_area)
    return people.over(ground.inside)


@dataclass(frozen=True)
class _Spread:
    """Buildings with the people that each piece of them in a cell gets.

    ``rate`` is people by covered cell (and height) in each cell that holds buildings, ``built`` their
    flat numbers in rising order.
    """

    shapes: Geometries
    heights: Floats
    by_building: Floats
    built: Integers
    rate: Floats
    grid: Grid

    def people(self, pieces: FootprintCells, heights: Floats) -> Floats:
        """People of each of the polygons that were cut."""
        key = pieces.row * self.grid.shape[1] + pieces.col
        at = np.minimum(np.searchsorted(self.built, key), self.built.size - 1)
        # A part of a footprint covers no cell that the whole does not, but for slivers of rounding.
        rate = np.where(self.built[at] == key, self.rate[at], 0.0)
        weight = pieces.share * heights[pieces.owner] * rate
        return np.bincount(pieces.owner, weights=weight, minlength=len(heights)).astype(np.float64)


def _spread(people: _GridPeople, buildings: gpd.GeoDataFrame, heights: pd.Series | None) -> _Spread:
    grid = people.source.grid
    parse_crs(buildings.crs, what="buildings")
    shapes = np.asarray(buildings.geometry.to_crs(grid.crs).array, dtype=object)
    _require_polygons(shapes, buildings.index, "buildings")
    weights = _weights(buildings, heights)
    shapes = _polygonal(shapes)
    # Sums run in the order of places: the order of the rows must not show in the last digit.
    order = np.lexsort((weights, *shapely.bounds(shapes).T))
    shapes, weights = shapes[order], weights[order]
    pieces = footprint_cells(shapes, grid)
    key = pieces.row * grid.shape[1] + pieces.col
    built, cell = np.unique(key, return_inverse=True)
    volume = np.bincount(cell, weights=pieces.share * weights[pieces.owner], minlength=built.size)
    held = _values_at(people.source, built)
    rate = np.divide(held, volume, out=np.zeros(built.size), where=volume > 0)
    spread = _Spread(shapes, weights, np.zeros(0), built, rate, grid)
    return replace(spread, by_building=spread.people(pieces, weights) if built.size else np.zeros(len(shapes)))


def _weights(buildings: gpd.GeoDataFrame, heights: pd.Series | None) -> Floats:
    if heights is None:
        return np.ones(len(buildings))
    if not heights.index.equals(buildings.index):
        raise InputError("heights do not have the index of the buildings", hint="give one for each building")
    values = heights.to_numpy(np.float64, na_value=np.nan)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        raise InputError(
            f"buildings: {int(bad.sum()):,} have no height above 0, the first {buildings.index[int(np.argmax(bad))]}",
            hint="fill them, or leave heights out: by area alone every building counts",
        )
    return np.asarray(values, dtype=np.float64)


def _values_at(source: Source, cells: Integers) -> Floats:
    """Values of the cells with these flat numbers (rising); no data is nobody."""
    out = np.zeros(cells.size)
    rows, columns = np.divmod(cells, source.grid.shape[1])
    across = -(-source.grid.shape[1] // _TILE)
    tile = (rows // _TILE) * across + columns // _TILE
    order = np.argsort(tile, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        if part.size:
            top, left = int(rows[part].min()), int(columns[part].min())
            height, width = int(rows[part].max()) - top + 1, int(columns[part].max()) - left + 1
            values = source.read(Window(top, left, height, width))
            out[part] = np.nan_to_num(values[rows[part] - top, columns[part] - left].astype(np.float64))
    return out


@dataclass(frozen=True)
class _Unbuilt:
    """A source with nobody in the cells that hold buildings."""

    source: Source
    built: Integers

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def grid(self) -> Grid:
        return self.source.grid

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def block_shape(self) -> tuple[int, int]:
        return self.source.block_shape

    def read(self, window: Window) -> FloatArray:
        values = self.source.read(window).copy()
        columns = self.grid.shape[1]
        start, stop = np.searchsorted(self.built, [window.row * columns, window.row_stop * columns])
        rows, cols = np.divmod(self.built[start:stop], columns)
        here = (cols >= window.col) & (cols < window.col_stop)
        # a cell without data stays without
        chosen = values[rows[here] - window.row, cols[here] - window.col]
        values[rows[here] - window.row, cols[here] - window.col] = np.where(np.isnan(chosen), np.nan, 0.0)
        return values


def _building_based(
    people: _GridPeople, spread: _Spread, ground: _Ground, table: pd.DataFrame, totals: pd.DataFrame, name: str
) -> list[Finding]:
    unbuilt = _Unbuilt(people.source, spread.built)
    covered = table["grid_coverage_share"].to_numpy() > 0
    areas = np.concatenate([ground.inside, ground.areas])
    on_buildings = _on_buildings(spread, areas)
    left_over, _ = people.over(areas, unbuilt)
    n = len(ground.inside)
    table["population_building_based"] = np.where(covered, on_buildings[:n], np.nan)
    table["population_without_buildings"] = np.where(covered, np.nan_to_num(left_over[:n]), np.nan)
    totals["population_building_based"] = on_buildings[n:]
    totals["population_without_buildings"] = np.nan_to_num(left_over[n:])
    total, residual = totals["population_gridded"].to_numpy()[-1], totals["population_without_buildings"].to_numpy()[-1]
    if residual <= 0:
        return []
    message = f"{residual:,.0f} of {total:,.0f} people are in cells of {people.source.name} without a building"
    remedy = "they stay there (population_without_buildings): the building layer may be incomplete"
    return [Finding("warning", name, "", message, remedy)]


def _on_buildings(spread: _Spread, areas: Geometries) -> Floats:
    """People of the parts of buildings in each area."""
    out = np.zeros(len(areas))
    if spread.built.size == 0:
        return out
    shapely.prepare(areas)
    area, building = shapely.STRtree(spread.shapes).query(areas, predicate="intersects")
    order = np.lexsort((building, area))
    area, building = area[order], building[order]
    whole = shapely.covers(areas[area], spread.shapes[building])
    people = np.zeros(area.size)
    people[whole] = spread.by_building[building[whole]]
    cut = np.flatnonzero(~whole)
    parts = _polygonal(shapely.intersection(spread.shapes[building[cut]], areas[area[cut]]))
    there = ~shapely.is_empty(parts)
    cut, parts = cut[there], parts[there]
    people[cut] = spread.people(footprint_cells(parts, spread.grid), spread.heights[building[cut]])
    return np.asarray(np.bincount(area, weights=people, minlength=len(areas)), dtype=np.float64)


def _compared(table: pd.DataFrame, rules: SettlementPopulation) -> pd.DataFrame:
    enumerated, gridded, built = (
        table[f"population_{source}"].to_numpy(np.float64) for source in ("enumerated", "gridded", "building_based")
    )
    counted = enumerated > 0
    out = table.copy()
    for column, values in (("ratio_gridded_enumerated", gridded), ("ratio_building_based_enumerated", built)):
        out[column] = np.divide(values, enumerated, out=np.full(len(table), np.nan), where=counted)
    known = out[["population_enumerated", "population_gridded", "population_building_based"]]
    out["population_low"], out["population_high"] = known.min(axis=1), known.max(axis=1)
    ratio = rules.gridded_by_enumerated
    ends = {"": ratio, "_low": rules.gridded_by_enumerated_high, "_high": rules.gridded_by_enumerated_low}
    for end, value in ends.items():
        out[f"population_gridded_corrected{end}"] = gridded / (value or ratio) if ratio else np.nan
    chosen, source = _preferred(out, rules.prefer)
    out["population"], out["population_source"] = chosen, source
    out["population_caveat"] = [_caveat(word) for word in source]
    return out


def _preferred(table: pd.DataFrame, prefer: Sequence[PopulationSource]) -> tuple[Floats, list[str | None]]:
    chosen, source = np.full(len(table), np.nan), np.full(len(table), None, dtype=object)
    for word in prefer:
        values = table[f"population_{word}"].to_numpy(np.float64)
        take = np.isnan(chosen) & np.isfinite(values)
        chosen[take], source[take] = values[take], word
    return chosen, list(source)


def _caveat(source: str | None) -> str | None:
    if source is None:
        return None
    if source == "enumerated":
        return "Counted on the ground."
    if source == "building_based":
        return f"Gridded people spread over the buildings of each cell. {GRIDDED_CAVEAT}"
    return GRIDDED_CAVEAT
