"""Morphological informality: small, dense and irregular places, on cells of 100 m and by settlement.

The class follows the reading of IDEAMAPS (small and dense; irregular; 0, 1 or 2 of them), with rules
in place of clusters that somebody has to label, so that two cities can be compared: every threshold
is published. It describes form; whether a place is informal in law or a slum it does not say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from numpy.typing import NDArray
from pandas.arrays import BooleanArray, IntegerArray
from pyproj import CRS

from geo_profiling.config.form import Informality
from geo_profiling.crs import parse_crs
from geo_profiling.errors import InputError
from geo_profiling.raster.grid import Grid
from geo_profiling.settlements.arrangement import zone_members
from geo_profiling.settlements.footprint_cells import footprint_cells
from geo_profiling.settlements.local_crs import require_local_conformal

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

#: Side of a cell; its corners are multiples of it.
CELL_M = 100.0
_CELL_HA = 1.0
#: What is compared with a threshold: the field, the percentile and the bound of the rules, and the sense.
_MEASURES = (
    ("building_area_m2", "small_percentile", "max_building_area_m2", "at most"),
    ("coverage_share", "dense_percentile", "min_coverage_share", "at least"),
    ("buildings_per_ha", "dense_percentile", "min_buildings_per_ha", "at least"),
    ("local_alignment_deg", "irregular_percentile", "min_local_alignment_deg", "at least"),
    ("orientation_disorder", "irregular_percentile", "min_orientation_disorder", "at least"),
)
_NEEDED = ("area_m2", "nn_edge_m", "local_alignment_deg", "orientation_disorder")


@dataclass(frozen=True)
class InformalityGrid:
    """The classified cells and the thresholds they were classified by.

    Attributes
    ----------
    cells : geopandas.GeoDataFrame
        See :func:`classify_cells`.
    thresholds : pandas.DataFrame
        One row for each measure: ``measure``, ``sense`` ("at most", "at least"), ``threshold``,
        ``source`` ("given", "city percentile" or "bound"), ``percentile`` (NULL where given) and
        ``n_cells``, the cells that the percentile was taken over.
    """

    cells: gpd.GeoDataFrame
    thresholds: pd.DataFrame


def classify_cells(
    footprints: gpd.GeoDataFrame, measures: pd.DataFrame, *, rules: Informality | None = None
) -> InformalityGrid:
    """Classify the cells of 100 m that hold buildings by morphological informality.

    Definition: a building counts in the cell that its centroid lies in (a border belongs to the cell in
    the north and east of it). A cell is *small* if its median building area is at most the threshold,
    *dense* if both its built cover and its buildings per hectare reach theirs, *irregular* if the mean
    misalignment of its buildings and the mean disorder around them do (misalignment alone where disorder
    is unknown). The class counts two signs: small and dense; irregular. 0 low, 1 medium, 2 high.
    A threshold that is not given is a percentile of the city's own cells, never beyond the bound of the
    rules, so that a city without informal places gets none.

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons in a local conformal CRS, from :func:`geo_profiling.settlements.form.prepare_footprints`.
    measures : pandas.DataFrame
        On the same index: ``area_m2``, ``nn_edge_m``, ``local_alignment_deg``, ``orientation_disorder``.
    rules : Informality, optional
        Percentiles, thresholds and bounds.

    Returns
    -------
    InformalityGrid
        Cells sorted by id: ``cell_id`` (from the south-west corner), ``n_buildings``,
        ``building_area_m2`` (median), ``coverage_share`` (footprints cut at the cell; above 1 where they
        overlap), ``buildings_per_ha``, ``nn_edge_m`` (median), ``local_alignment_deg`` and
        ``orientation_disorder`` (means), ``is_small``, ``is_dense``, ``is_irregular``,
        ``informality_class``, and each threshold as ``threshold_<measure>``. NULL: flags and class of
        cells with fewer buildings than the rules ask for, or without a known misalignment.

    Raises
    ------
    CRSError
        If the CRS is in degrees, or no local conformal one.
    InputError
        If there are no buildings, or the measures are of others.

    References
    ----------
    IDEAMAPS Data Ecosystem, morphological informality v2.

    Examples
    --------
    >>> from shapely import box
    >>> huts = [box(5e5 + 8 * i, 1e6 + 8 * j, 5e5 + 8 * i + 5, 1e6 + 8 * j + 5) for i in range(6) for j in range(6)]
    >>> town = gpd.GeoDataFrame(geometry=huts, crs="EPSG:32638")
    >>> measures = pd.DataFrame({"area_m2": 25.0, "nn_edge_m": 3.0, "local_alignment_deg": 20.0,
    ...                          "orientation_disorder": 0.9}, index=town.index)
    >>> grid = classify_cells(town, measures, rules=Informality(coverage_share=0.05, local_alignment_deg=10.0))
    >>> grid.cells[["cell_id", "n_buildings", "coverage_share", "informality_class"]].values.tolist()
    [['C_E5000_N10000', 36, 0.09, 2]]
    """
    rules = rules or Informality()
    _require_measures(footprints, measures)
    require_local_conformal(footprints, what="buildings")
    shapes = np.asarray(footprints.geometry.array, dtype=object)
    east, north = np.floor(shapely.get_coordinates(shapely.centroid(shapes)) / CELL_M).astype(np.int64).T
    places, cell = np.unique(np.stack([east, north], axis=1), axis=0, return_inverse=True)
    table = _cell_measures(places, cell.ravel(), measures)
    table["coverage_share"] = _coverage(shapes, places, parse_crs(footprints.crs, what="buildings"))
    counted = table["n_buildings"] >= rules.min_buildings
    thresholds = _thresholds(table[counted], rules)
    flags = classify_measures(table, thresholds, is_known=counted)
    cells = gpd.GeoDataFrame(
        pd.concat([table, flags, _threshold_fields(thresholds, table.index)], axis=1),
        geometry=shapely.box(*(places * CELL_M).T, *((places + 1) * CELL_M).T),
        crs=footprints.crs,
    )
    return InformalityGrid(cells, thresholds)


def classify_settlements(
    settlements: gpd.GeoDataFrame,
    footprints: gpd.GeoDataFrame,
    measures: pd.DataFrame,
    density: pd.DataFrame,
    grid: InformalityGrid,
    *,
    rules: Informality | None = None,
) -> pd.DataFrame:
    """Classify settlements by morphological informality, with the thresholds of the city's cells.

    Definition: as :func:`classify_cells`, on the settlement as a whole: median area of its buildings, built
    cover cut at its border, gross buildings per hectare, mean misalignment and disorder of its buildings.

    Parameters
    ----------
    settlements : geopandas.GeoDataFrame
        Polygons in the CRS of the buildings.
    footprints : geopandas.GeoDataFrame
        The buildings of the city.
    measures : pandas.DataFrame
        As for :func:`classify_cells`.
    density : pandas.DataFrame
        Of the settlements, from :func:`geo_profiling.settlements.density.zone_density`.
    grid : InformalityGrid
        The city's cells.
    rules : Informality, optional
        The least number of buildings is taken from them.

    Returns
    -------
    pandas.DataFrame
        On the index of ``settlements``: ``local_alignment_deg``, ``orientation_disorder``, ``is_small``,
        ``is_dense``, ``is_irregular``, ``informality_class``, ``share_in_high_cells`` (buildings in cells
        of class 2 among those in cells with a class) and ``threshold_<measure>``. NULL as in
        :func:`classify_cells`.

    Raises
    ------
    CRSError
        If the CRS differ.
    InputError
        If measures or density are of others.

    Examples
    --------
    >>> from shapely import box
    >>> from geo_profiling.settlements.density import zone_density
    >>> huts = [box(5e5 + 8 * i, 1e6 + 8 * j, 5e5 + 8 * i + 5, 1e6 + 8 * j + 5) for i in range(6) for j in range(6)]
    >>> town = gpd.GeoDataFrame(geometry=huts, crs="EPSG:32638")
    >>> measures = pd.DataFrame({"area_m2": 25.0, "nn_edge_m": 3.0, "local_alignment_deg": 20.0,
    ...                          "orientation_disorder": 0.9}, index=town.index)
    >>> mapped = gpd.GeoDataFrame(index=["s1"], geometry=[box(5e5, 1e6, 5e5 + 50, 1e6 + 50)], crs="EPSG:32638")
    >>> grid = classify_cells(town, measures)
    >>> table = classify_settlements(mapped, town, measures, zone_density(mapped, town), grid)
    >>> table[["is_small", "is_dense", "is_irregular", "informality_class"]].values.tolist()
    [[True, True, True, 2]]
    """
    rules = rules or Informality()
    _require_measures(footprints, measures)
    if not settlements.index.equals(density.index):
        raise InputError("settlements and their density do not have the same index", hint="measure the same ones")
    zone, building = zone_members(settlements, footprints)
    grouped = measures.iloc[building].groupby(zone)
    everywhere = range(len(settlements))
    table = pd.DataFrame(
        {
            "building_area_m2": density["building_area_median_m2"].to_numpy(np.float64),
            "coverage_share": density["footprint_coverage_share"].to_numpy(np.float64),
            "buildings_per_ha": density["buildings_per_ha"].to_numpy(np.float64),
            "local_alignment_deg": grouped["local_alignment_deg"].mean().reindex(everywhere).to_numpy(),
            "orientation_disorder": grouped["orientation_disorder"].mean().reindex(everywhere).to_numpy(),
        },
        index=settlements.index,
    )
    flags = classify_measures(table, grid.thresholds, is_known=density["n_buildings"] >= rules.min_buildings)
    in_high = _share_in_high(footprints, grid.cells, zone, building, len(settlements))
    own = table[["local_alignment_deg", "orientation_disorder"]]
    share = pd.DataFrame({"share_in_high_cells": in_high}, index=settlements.index)
    return pd.concat([own, flags, share, _threshold_fields(grid.thresholds, settlements.index)], axis=1)


def classify_measures(measures: pd.DataFrame, thresholds: pd.DataFrame, *, is_known: pd.Series) -> pd.DataFrame:
    """Compare the measures of places with thresholds: three flags and the class.

    Parameters
    ----------
    measures : pandas.DataFrame
        ``building_area_m2``, ``coverage_share``, ``buildings_per_ha``, ``local_alignment_deg``,
        ``orientation_disorder`` of each place.
    thresholds : pandas.DataFrame
        As in :class:`InformalityGrid`.
    is_known : pandas.Series of bool
        Places with enough buildings.

    Returns
    -------
    pandas.DataFrame
        ``is_small``, ``is_dense``, ``is_irregular`` (nullable truth values) and ``informality_class``
        (0, 1, 2 or NULL) on the index of ``measures``.

    Examples
    --------
    >>> limits = pd.DataFrame({"measure": ["building_area_m2", "coverage_share", "buildings_per_ha",
    ...     "local_alignment_deg", "orientation_disorder"], "threshold": [60.0, 0.2, 30.0, 10.0, 0.7]})
    >>> place = pd.DataFrame({"building_area_m2": [35.0], "coverage_share": [0.4], "buildings_per_ha": [55.0],
    ...                       "local_alignment_deg": [4.0], "orientation_disorder": [0.9]})
    >>> classify_measures(place, limits, is_known=pd.Series([True])).values.tolist()
    [[True, True, False, 1]]
    """
    limit = thresholds.set_index("measure")["threshold"]
    known = is_known.to_numpy(dtype=bool)
    value = {name: measures[name].to_numpy(np.float64) for name, *_ in _MEASURES}
    small = value["building_area_m2"] <= limit["building_area_m2"]
    covered = value["coverage_share"] >= limit["coverage_share"]
    dense = covered & (value["buildings_per_ha"] >= limit["buildings_per_ha"])
    disorder = value["orientation_disorder"]
    irregular = (value["local_alignment_deg"] >= limit["local_alignment_deg"]) & (
        np.isnan(disorder) | (disorder >= limit["orientation_disorder"])
    )
    aligned = known & np.isfinite(value["local_alignment_deg"])
    signs = (small & dense).astype(np.int64) + irregular
    return pd.DataFrame(
        {
            "is_small": BooleanArray(small, ~known),
            "is_dense": BooleanArray(dense, ~known),
            "is_irregular": BooleanArray(irregular, ~aligned),
            "informality_class": IntegerArray(signs, ~aligned),
        },
        index=measures.index,
    )


def _require_measures(footprints: gpd.GeoDataFrame, measures: pd.DataFrame) -> None:
    if len(footprints) == 0:
        raise InputError("no buildings to classify", hint="check the layer of buildings")
    missing = [name for name in _NEEDED if name not in measures]
    if missing or not footprints.index.equals(measures.index):
        raise InputError(
            f"measures of the buildings: {'lack ' + ', '.join(missing) if missing else 'have another index'}",
            hint="join building_form, nearest_neighbours and neighbourhood_form of the same footprints",
        )


def _cell_measures(places: Integers, cell: Integers, measures: pd.DataFrame) -> pd.DataFrame:
    grouped = measures[list(_NEEDED)].groupby(cell)
    count = np.bincount(cell, minlength=len(places))
    means = {name: _steady_mean(measures[name].to_numpy(np.float64), cell, len(places)) for name in _NEEDED[2:]}
    return pd.DataFrame(
        {
            "cell_id": [f"C_E{east}_N{north}" for east, north in places.tolist()],
            "n_buildings": count,
            "building_area_m2": grouped["area_m2"].median().to_numpy(),
            "buildings_per_ha": count / _CELL_HA,
            "nn_edge_m": grouped["nn_edge_m"].median().to_numpy(),
            **means,
        }
    )


def _steady_mean(values: Floats, group: Integers, n_groups: int) -> Floats:
    """Mean by group, added up in the order of the values: the order of the rows does not show."""
    known = np.isfinite(values)
    values, group = values[known], group[known]
    order = np.lexsort((values, group))
    total = np.bincount(group[order], weights=values[order], minlength=n_groups)
    count = np.bincount(group, minlength=n_groups)
    return np.divide(total, count, out=np.full(n_groups, np.nan), where=count > 0)


def _coverage(shapes: NDArray[np.object_], places: Integers, crs: CRS) -> Floats:
    """Share of each cell that footprints cover."""
    left, bottom, right, top = (math.floor(value / CELL_M) for value in shapely.total_bounds(shapes))
    rows, columns = top - bottom + 1, right - left + 1
    transform = Affine(CELL_M, 0, left * CELL_M, 0, -CELL_M, (top + 1) * CELL_M)
    pieces = footprint_cells(shapes, Grid(crs, transform, (rows, columns)))
    key = pieces.row * columns + pieces.col
    wanted = (top - places[:, 1]) * columns + (places[:, 0] - left)
    order = np.lexsort((pieces.share, key))
    found, at = np.unique(key[order], return_inverse=True)
    total = np.bincount(at, weights=pieces.share[order], minlength=found.size)
    return pd.Series(total, index=found).reindex(wanted, fill_value=0.0).to_numpy(np.float64)


def _thresholds(cells: pd.DataFrame, rules: Informality) -> pd.DataFrame:
    rows = []
    for name, percentile_of, bound_of, sense in _MEASURES:
        given, bound, percentile = getattr(rules, name), getattr(rules, bound_of), getattr(rules, percentile_of)
        values = cells[name].dropna().to_numpy(np.float64)
        source, value = "given", given
        if given is None:
            own = float(np.percentile(values, percentile)) if values.size else bound
            value = min(own, bound) if sense == "at most" else max(own, bound)
            source = "city percentile" if value == own and values.size else "bound"
        rows.append((name, sense, float(value), source, None if given is not None else percentile, values.size))
    return pd.DataFrame(rows, columns=["measure", "sense", "threshold", "source", "percentile", "n_cells"])


def _threshold_fields(thresholds: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    pairs = zip(thresholds["measure"], thresholds["threshold"], strict=True)
    return pd.DataFrame({f"threshold_{name}": float(value) for name, value in pairs}, index=index)


def _share_in_high(
    footprints: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, zone: Integers, building: Integers, n_zones: int
) -> Floats:
    shapes = np.asarray(footprints.geometry.array, dtype=object)[building]
    east, north = np.floor(shapely.get_coordinates(shapely.centroid(shapes)) / CELL_M).astype(np.int64).T
    classes = pd.Series(cells["informality_class"].to_numpy(np.float64, na_value=np.nan), index=cells["cell_id"])
    ids = [f"C_E{e}_N{n}" for e, n in zip(east.tolist(), north.tolist(), strict=True)]
    found = classes.reindex(ids).to_numpy(np.float64)
    known = np.isfinite(found)
    count = np.bincount(zone[known], minlength=n_zones)
    high = np.bincount(zone[known], weights=(found[known] == 2).astype(np.float64), minlength=n_zones)
    return np.divide(high, count, out=np.full(n_zones, np.nan), where=count > 0)
