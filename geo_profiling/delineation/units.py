"""Degree of Urbanisation of local units, from the classes of the cells their people live in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import require_equal_area
from geo_profiling.delineation.overlap import people_in_pairs
from geo_profiling.delineation.paint import LEVEL_CODES
from geo_profiling.delineation.rules import RulesVersion
from geo_profiling.errors import UsageError
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import class_totals

Basis = Literal["population", "land_area"]

#: Eurostat's codes of units at Level 1; grids count the other way round (3, 2, 1).
CITY, TOWN, RURAL = 1, 2, 3

#: By level, the field of the share of a unit's people (or land) in each class of cells.
_SHARE_FIELDS: dict[int, dict[int, str]] = {
    1: {3: "share_urban_centre", 2: "share_urban_cluster", 1: "share_rural", 0: "share_water"},
    2: {
        30: "share_urban_centre",
        23: "share_dense_cluster",
        22: "share_semi_dense_cluster",
        21: "share_suburban",
        13: "share_rural_cluster",
        12: "share_low_density",
        11: "share_very_low_density",
        10: "share_water",
    },
}


def classify_units(
    population: Source,
    units: gpd.GeoDataFrame,
    *,
    level1: Source | None = None,
    level2: Source | None = None,
    land: Source | None = None,
    rules_version: RulesVersion = "2024",
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Classify local units at one or both levels by where their people live, with exact coverage.

    A unit's share of a class is the sum of people times covered cell share over its cells of the
    class, divided by all its people. A unit without people is classed by its land area and says so
    in ``degurba_basis``; one that covers no classified cell has NULL classes, and one off the grid a
    NULL population. A unit smaller than a cell is flagged in ``smaller_than_cell``: all its shares come
    from one to four cells.

    Parameters
    ----------
    population : Source
        People in each cell.
    units : geopandas.GeoDataFrame
        Polygons in the CRS of the grid.
    level1, level2 : Source, optional
        Class grids, at least one: codes 3 ... 0 and 30 ... 10. With Level 2 alone Level 1 follows from
        it and the levels nest; with both, Level 1 of units comes from the Level 1 grid.
    land : Source, optional
        Land of each cell: weights for units without people (cells if absent).
    rules_version : {"2021", "2024"}
        Which rules make Level 2 from shares.
    compute : Compute, optional

    Returns
    -------
    pandas.DataFrame
        On the index of ``units``: ``population``, ``area_km2``, ``degurba_l1`` (1 city, 2 town or
        semi-dense, 3 rural), ``degurba_l2`` (30, 23, 22, 21, 13, 12, 11; only with ``level2``),
        ``degurba_basis``, ``share_*`` of the finest level (0-1; they sum to less than 1 where people
        live in cells without class), ``smaller_than_cell``, ``coverage_share`` (of the unit's area).

    Raises
    ------
    CRSError, InputError
        If units and grids do not fit.
    UsageError
        If neither grid is given.

    References
    ----------
    Applying the Degree of Urbanisation (2021), sections 2.3 and 7.3; Level 2 rules from July 2024.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import box
    >>> from geo_profiling.raster.grid import Grid; from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 2))
    >>> people, classes = (ArraySource(wrap(np.array([row]), grid)) for row in ([900.0, 100.0], [30.0, 11.0]))
    >>> units = gpd.GeoDataFrame(geometry=[box(0, 0, 2000, 1000)], crs="ESRI:54009")
    >>> classify_units(people, units, level2=classes)[["degurba_l1", "degurba_l2", "share_urban_centre"]]
       degurba_l1  degurba_l2  share_urban_centre
    0           1          30                 0.9
    """
    require_equal_area(population.grid.crs, population.grid.bounds, what=population.name)
    if level1 is None and level2 is None:
        raise UsageError("no class grid given", hint="give level1, level2 or both")
    by_level = {
        level: _unit_shares(population, classes, units, LEVEL_CODES[level], land, compute)
        for level, classes in ((2, level2), (1, level1))
        if classes is not None
    }
    finest = by_level[max(by_level)]
    level1_class = _level1_class(by_level)
    known = np.array([value is not None for value in finest.basis])
    on_grid = finest.totals["coverage_share"] > 0
    result = pd.DataFrame({"population": finest.totals["weight_total"].where(on_grid), "area_km2": units.area / 1e6})
    result["degurba_l1"] = pd.array(level1_class, "Int16")
    if level2 is not None:
        result["degurba_l2"] = pd.array(
            unit_level2(by_level[2].shares, level1_class, rules_version=rules_version), "Int16"
        )
    result["degurba_basis"] = finest.basis
    for code, share in finest.shares.items():
        result[_SHARE_FIELDS[max(by_level)][code]] = share
    for name in [name for name in map(str, result) if name.startswith(("share_", "degurba_l"))]:
        result[name] = result[name].where(known)
    result["smaller_than_cell"] = result["area_km2"] < population.grid.cell_area_km2
    result["coverage_share"] = finest.totals["coverage_share"]
    return result


@dataclass(frozen=True)
class _UnitShares:
    """Exact-coverage totals of units, their shares by class code, and what the shares are of."""

    totals: pd.DataFrame
    shares: dict[int, NDArray[np.float64]]
    basis: list[Basis | None]


def _level1_class(by_level: dict[int, _UnitShares]) -> NDArray[np.int64]:
    if 1 in by_level:
        return unit_level1(by_level[1].shares[3], by_level[1].shares[1])
    shares = by_level[2].shares
    return unit_level1(shares[30], shares[13] + shares[12] + shares[11])


def _unit_shares(
    population: Source,
    classes: Source,
    units: gpd.GeoDataFrame,
    codes: tuple[int, ...],
    land: Source | None,
    compute: Compute | None,
) -> _UnitShares:
    """Shares of each class by people, or by land where nobody lives."""
    totals = class_totals(population, classes, units, codes=codes, compute=compute)
    whole = totals["weight_total"].to_numpy().copy()
    inhabited = whole > 0
    parts = np.stack([totals[f"weight_{code}"].to_numpy() for code in codes])
    empty = np.flatnonzero(~inhabited)
    if empty.size:
        by_land, what = totals.iloc[empty], "cells"
        if land is not None:
            by_land, what = class_totals(land, classes, units.iloc[empty], codes=codes, compute=compute), "weight"
        parts[:, empty] = np.stack([by_land[f"{what}_{code}"].to_numpy() for code in codes])
        whole[empty] = parts[:, empty].sum(axis=0)
    shares = np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)
    basis: list[Basis | None] = [
        "population" if lived_in else "land_area" if size > 0 else None
        for lived_in, size in zip(inhabited, whole, strict=True)
    ]
    return _UnitShares(totals, dict(zip(codes, shares, strict=True)), basis)


def unit_level1(centre: NDArray[np.float64], rural: NDArray[np.float64]) -> NDArray[np.int64]:
    """Level 1 of units from shares: city if half live in urban centres, rural if more than half rurally.

    Parameters
    ----------
    centre, rural : ndarray
        Shares (0-1) in urban centres and in rural cells.

    Returns
    -------
    ndarray of int
        1 city, 2 town or semi-dense area, 3 rural area.

    References
    ----------
    Applying the Degree of Urbanisation (2021), section 2.3.

    Examples
    --------
    >>> unit_level1(np.array([0.5, 0.2, 0.2]), np.array([0.5, 0.5, 0.51]))
    array([1, 2, 3])
    """
    return np.where(centre >= 0.5, CITY, np.where(rural > 0.5, RURAL, TOWN))


def unit_level2(
    shares: dict[int, NDArray[np.float64]], level1: NDArray[np.int64], *, rules_version: RulesVersion = "2024"
) -> NDArray[np.int64]:
    """Level 2 of units from shares, within their Level 1 class.

    Rules "2024": a town is dense (23) if half live in urban centres and dense clusters, else suburban
    (21) if half live in suburban and rural cells, else semi-dense (22); a rural unit is a village (13)
    if half live in rural clusters and urban cells, else mostly uninhabited (11) if half live in very
    low density cells, else dispersed (12). Rules "2021" take the largest share; ties go to the denser.

    Parameters
    ----------
    shares : dict of ndarray
        By class code 30, 23, 22, 21, 13, 12, 11.
    level1 : ndarray of int
        :func:`unit_level1`.
    rules_version : {"2021", "2024"}

    References
    ----------
    Applying the Degree of Urbanisation (2021), section 7.3, and the rules from July 2024.

    Examples
    --------
    >>> zero = np.zeros(1)
    >>> shares = {30: zero, 23: zero + 0.3, 22: zero, 21: zero + 0.4, 13: zero + 0.3, 12: zero, 11: zero}
    >>> unit_level2(shares, np.array([2]))
    array([21])
    """
    if rules_version not in ("2021", "2024"):
        raise UsageError(f"unknown rules {rules_version!r}", hint="choose 2021 or 2024")
    rural = shares[13] + shares[12] + shares[11]
    urban = shares[30] + shares[23] + shares[22] + shares[21]
    if rules_version == "2024":
        town = np.where(shares[30] + shares[23] >= 0.5, 23, np.where(shares[21] + rural >= 0.5, 21, 22))
        country = np.where(shares[13] + urban >= 0.5, 13, np.where(shares[11] >= 0.5, 11, 12))
    else:
        in_clusters = shares[23] + shares[22] > shares[21]
        town = np.where(in_clusters, np.where(shares[23] >= shares[22], 23, 22), 21)
        village = (shares[13] >= shares[12]) & (shares[13] >= shares[11])
        country = np.where(village, 13, np.where(shares[12] >= shares[11], 12, 11))
    return np.select([level1 == CITY, level1 == TOWN], [np.full(level1.shape, 30), town], country)


def people_in_centres(
    population: Source, units: gpd.GeoDataFrame, centres: gpd.GeoDataFrame, *, compute: Compute | None = None
) -> pd.DataFrame:
    """People of each unit in each urban centre it shares ground with, by exact coverage.

    Parameters
    ----------
    population : Source
        People in each cell.
    units, centres : geopandas.GeoDataFrame
        Polygons in the CRS of the grid, indexed by their ids.

    Returns
    -------
    pandas.DataFrame
        ``unit_id``, ``centre_id`` and ``population``, sorted by both ids; pairs without common ground
        are left out.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import box
    >>> from geo_profiling.raster.grid import Grid; from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 2))
    >>> people = ArraySource(wrap(np.array([[900.0, 100.0]]), grid))
    >>> units = gpd.GeoDataFrame(index=["a"], geometry=[box(500, 0, 2000, 1000)], crs="ESRI:54009")
    >>> centres = gpd.GeoDataFrame(index=["UC"], geometry=[box(0, 0, 1000, 1000)], crs="ESRI:54009")
    >>> people_in_centres(people, units, centres).to_numpy().tolist()
    [['a', 'UC', 450.0]]
    """
    return people_in_pairs(population, units, centres, names=("unit_id", "centre_id"), compute=compute)
