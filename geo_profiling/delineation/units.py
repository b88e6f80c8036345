"""Degree of Urbanisation of local units, from the classes of the cells their people live in."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import require_equal_area
from geo_profiling.delineation.paint import CLASS_NODATA, LEVEL_CODES
from geo_profiling.delineation.rules import RulesVersion
from geo_profiling.errors import UsageError
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import class_totals

Level1From = Literal["level2", "direct"]
Basis = Literal["population", "land_area"]

#: Eurostat's codes of units at Level 1; grids count the other way round (3, 2, 1).
CITY, TOWN, RURAL = 1, 2, 3

#: Field of the share of a unit's people (or land) in each class of cells.
SHARE_FIELDS: dict[int, str] = {
    30: "share_urban_centre",
    23: "share_dense_cluster",
    22: "share_semi_dense_cluster",
    21: "share_suburban",
    13: "share_rural_cluster",
    12: "share_low_density",
    11: "share_very_low_density",
    10: "share_water",
}
LEVEL1_SHARE_FIELDS: dict[int, str] = {
    3: "share_urban_centre",
    2: "share_urban_cluster",
    1: "share_rural",
    0: "share_water",
}


def classify_units(
    population: Source,
    level2: Source,
    units: gpd.GeoDataFrame,
    *,
    level1: Source | None = None,
    land: Source | None = None,
    rules_version: RulesVersion = "2024",
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Classify local units at both levels by where their people live, with exact coverage.

    A unit's share of a class is the sum of people times covered cell share over its cells of the
    class, divided by all its people. A unit without people is classed by its land area and says so
    in ``degurba_basis``; one that covers no classified cell has NULL classes. A unit smaller than a
    cell is flagged in ``smaller_than_cell``: all its shares come from one to four cells.

    Parameters
    ----------
    population : Source
        People in each cell.
    level2 : Source
        Class codes 30 ... 10 on the same grid.
    units : geopandas.GeoDataFrame
        Polygons in the CRS of the grid.
    level1 : Source, optional
        Level 1 grid computed directly; without it Level 1 follows from Level 2, and the levels nest.
    land : Source, optional
        Land of each cell: weights for units without people (cells if absent).
    rules_version : {"2021", "2024"}
        Which rules make Level 2 from shares.
    compute : Compute, optional

    Returns
    -------
    pandas.DataFrame
        On the index of ``units``: ``population``, ``area_km2``, ``share_*`` (0-1; they sum to less
        than 1 where people live in cells without class), ``degurba_l1`` (1 city, 2 town or semi-dense,
        3 rural), ``degurba_l2`` (30, 23, 22, 21, 13, 12, 11), ``degurba_basis``, ``smaller_than_cell``,
        ``coverage_share`` (share of the unit's area on the grid).

    Raises
    ------
    CRSError, InputError
        If units and grids do not fit.

    References
    ----------
    Applying the Degree of Urbanisation (2021), sections 2.3 and 7.3; Level 2 rules from July 2024.
    """
    require_equal_area(population.grid.crs, population.grid.bounds, what=population.name)
    codes = LEVEL_CODES[2]
    totals = class_totals(population, level2, units, codes=codes, compute=compute)
    people = _total(totals, "weight", codes)
    shares, basis = _shares(totals, codes, people, level2, units, land, compute)
    result = pd.DataFrame(index=units.index)
    result["population"] = people
    result["area_km2"] = units.area / 1e6
    for code in codes:
        result[SHARE_FIELDS[code]] = shares[code]
    if level1 is None:
        level1_shares = {3: shares[30], 2: shares[23] + shares[22] + shares[21], 1: shares[13] + shares[12] + shares[11]}
    else:
        direct = class_totals(population, level1, units, codes=LEVEL_CODES[1], compute=compute)
        level1_shares, _ = _shares(
            direct, LEVEL_CODES[1], _total(direct, "weight", LEVEL_CODES[1]), level1, units, land, compute
        )
    level1_class = unit_level1(level1_shares[3], level1_shares[1])
    level2_class = unit_level2(shares, level1_class, rules_version=rules_version)
    known = np.array([value is not None for value in basis])
    result["degurba_l1"] = pd.array(np.where(known, level1_class, 0), "Int16")
    result["degurba_l2"] = pd.array(np.where(known, level2_class, 0), "Int16")
    result.loc[~known, ["degurba_l1", "degurba_l2", *(SHARE_FIELDS[code] for code in codes)]] = pd.NA
    result["degurba_basis"] = basis
    result["smaller_than_cell"] = result["area_km2"].to_numpy() < population.grid.cell_area_km2
    result["coverage_share"] = totals["coverage_share"]
    return result


def _total(totals: pd.DataFrame, what: str, codes: tuple[int, ...]) -> NDArray[np.float64]:
    """Sum over all classes and what has none."""
    columns = [f"{what}_{code}" for code in codes] + [f"{what}_other"]
    total: NDArray[np.float64] = totals[columns].sum(axis=1).to_numpy()
    return total


def _shares(
    totals: pd.DataFrame,
    codes: tuple[int, ...],
    people: NDArray[np.float64],
    classes: Source,
    units: gpd.GeoDataFrame,
    land: Source | None,
    compute: Compute | None,
) -> tuple[dict[int, NDArray[np.float64]], list[Basis | None]]:
    """Shares of each class by people, or by land where nobody lives; and which of the two."""
    inhabited = people > 0
    parts = np.stack([totals[f"weight_{code}"].to_numpy() for code in codes])
    whole = people.copy()
    empty = np.flatnonzero(~inhabited)
    if empty.size:
        if land is None:
            by_land, what = totals.iloc[empty], "cells"
        else:
            by_land, what = class_totals(land, classes, units.iloc[empty], codes=codes, compute=compute), "weight"
        parts[:, empty] = np.stack([by_land[f"{what}_{code}"].to_numpy() for code in codes])
        whole[empty] = parts[:, empty].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = parts / whole
    basis: list[Basis | None] = [
        "population" if here else "land_area" if some > 0 else None
        for here, some in zip(inhabited, whole, strict=True)
    ]
    return dict(zip(codes, np.nan_to_num(shares), strict=True)), basis


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
