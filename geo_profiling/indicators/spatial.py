"""Indicators of places: access to public transport and open space, ground given to the public, people exposed."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.crs import parse_crs, require_equal_area, require_same
from geo_profiling.errors import InputError, UsageError

#: Walking distances to stops of low and high capacity, and to open public spaces, in metres.
LOW_CAPACITY_M = 500.0
HIGH_CAPACITY_M = 1000.0
OPEN_SPACE_M = 400.0
#: Width of a street whose own is not known, in metres.
STREET_WIDTH_M = 8.0


def access_estimates(
    reach: pd.DataFrame, *, indicator: str, area_type: str, distance: str, within_m: Sequence[float]
) -> pd.DataFrame:
    """Return the share of people within reach as rows of estimates.

    Parameters
    ----------
    reach : DataFrame
        As :func:`geo_profiling.access.service_area.people_in_reach` returns it for the areas: service areas
        are united before people are counted, so that nobody counts twice.
    indicator : {"public_transport_access", "open_space_access"}
    area_type : str
        Kind of the areas.
    distance : {"street", "euclid"}
        Along streets, or straight: then too many people count, and the row says so.
    within_m : sequence of float
        The distances, in metres.

    Returns
    -------
    DataFrame
        As :mod:`geo_profiling.indicators.estimates` has them, without an interval: people of a grid are no sample.

    Raises
    ------
    UsageError
        If the kind of distance is not known.

    References
    ----------
    SDG metadata 11-2-1 (500 m to low-capacity, 1 km to high-capacity stops) and 11-7-1 (400 m).

    Examples
    --------
    >>> reach = pd.DataFrame({"population": [100.0], "population_in_reach": [40.0], "share_in_reach": [0.4],
    ...                       "coverage_share": [1.0]}, index=["city"])
    >>> found = access_estimates(reach, indicator="public_transport_access", area_type="fua", distance="euclid",
    ...                          within_m=[500, 1000])
    >>> found[["area_id", "estimate", "components_used"]].to_numpy().tolist()
    [['city', 0.4, 'euclid, 500 m, 1000 m']]
    """
    if distance not in ("street", "euclid"):
        raise UsageError(f"'{distance}' is no kind of distance", hint="one of street, euclid")
    used = ", ".join([distance, *(f"{metres:g} m" for metres in within_m)])
    return _rows(reach.index, indicator, area_type, reach["share_in_reach"], reach["coverage_share"], used)


def _rows(
    ids: pd.Index, indicator: str, area_type: str, values: pd.Series, coverage: pd.Series | float, used: str
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "area_type": area_type,
            "area_id": ids.map(str),
            "indicator": indicator,
            "breakdown": "",
            "category": "_T",
            "estimate": np.asarray(values, float),
            "coverage_share": np.asarray(coverage, float),
            "nature": "E",
            "components_used": used,
        }
    )


def open_space_share(
    areas: gpd.GeoSeries,
    open_spaces: gpd.GeoSeries,
    streets: gpd.GeoSeries | None = None,
    *,
    widths_m: pd.Series | float = STREET_WIDTH_M,
    name: str = "open spaces",
) -> pd.DataFrame:
    """Measure how much of each area is open public space or street, what is both counted once.

    Parameters
    ----------
    areas : GeoSeries
        Polygons in an equal-area or local projected CRS.
    open_spaces : GeoSeries
        Polygons of public spaces that are open to all without a fee, in the same CRS.
    streets : GeoSeries, optional
        Middle lines of streets, in the same CRS. Without them the share is a lower bound.
    widths_m : Series or float
        Width of each street, on its index, or of all.
    name : str
        Of the layer, for messages.

    Returns
    -------
    DataFrame
        ``area_km2``, ``open_space_km2`` (what of it is no street), ``street_km2`` and ``share`` (0-1), on the index
        of the areas.

    Raises
    ------
    CRSError
        If CRSs differ, or the areas' own cannot measure.
    InputError
        If a width is not above 0, or an area is none.

    References
    ----------
    SDG metadata 11-7-1: (open public space + land allocated to streets) / area.

    Examples
    --------
    >>> from shapely import LineString, box
    >>> areas = gpd.GeoSeries([box(0, 0, 1000, 1000)], index=["city"], crs="EPSG:32632")
    >>> parks = gpd.GeoSeries([box(0, 0, 500, 100), box(400, 0, 500, 100)], crs=areas.crs)
    >>> lines = gpd.GeoSeries([LineString([(0, 500), (1000, 500)])], crs=areas.crs)
    >>> open_space_share(areas, parks, lines, widths_m=10.0)["share"].round(6).tolist()
    [0.06]
    """
    crs = parse_crs(areas.crs, what="areas")
    left, bottom, right, top = (float(value) for value in areas.total_bounds)
    require_equal_area(crs, (left, bottom, right, top), what="areas")
    require_same(parse_crs(open_spaces.crs, what=name), crs, what=f"areas and {name}")
    open_ground = shapely.union_all(np.asarray(open_spaces.make_valid().array, dtype=object))
    street_ground: shapely.Geometry = shapely.MultiPolygon()
    if streets is not None:
        require_same(parse_crs(streets.crs, what="streets"), crs, what="areas and streets")
        width = np.broadcast_to(np.asarray(widths_m, float), len(streets))
        if not (width > 0).all():
            row = streets.index[int(np.argmax(~(width > 0)))]
            raise InputError(f"streets: the width of row {row} is not above 0", hint="widths are in metres")
        strips = shapely.buffer(np.asarray(streets.array, dtype=object), width / 2, cap_style="flat")
        street_ground = shapely.union_all(strips)
    only_open = shapely.difference(open_ground, street_ground)
    shapes = np.asarray(areas.array, dtype=object)
    size = shapely.area(shapes)
    if not (size > 0).all():
        raise InputError(f"area {areas.index[int(np.argmax(~(size > 0)))]} has no ground")
    spaces = shapely.area(shapely.intersection(shapes, only_open))
    roads = shapely.area(shapely.intersection(shapes, street_ground))
    return pd.DataFrame(
        {
            "area_km2": size / 1e6,
            "open_space_km2": spaces / 1e6,
            "street_km2": roads / 1e6,
            "share": (spaces + roads) / size,
        },
        index=areas.index,
    )


def open_space_estimates(shares: pd.DataFrame, *, area_type: str, with_streets: bool) -> pd.DataFrame:
    """Return shares of open space as rows of estimates.

    Parameters
    ----------
    shares : DataFrame
        As :func:`open_space_share` returns them.
    area_type : str
    with_streets : bool
        Whether streets were given; the row says what was counted.

    Examples
    --------
    >>> shares = pd.DataFrame({"share": [0.06]}, index=["city"])
    >>> open_space_estimates(shares, area_type="fua", with_streets=False)["components_used"].tolist()
    ['open space only: lower bound']
    """
    used = "open space+streets" if with_streets else "open space only: lower bound"
    return _rows(shares.index, "open_space_share", area_type, shares["share"], 1.0, used)


def _require_bands(people: pd.DataFrame, bands: Sequence[str]) -> None:
    """Refuse bands that are of no hazard, and hazards that have none of them."""
    absent = [band for band in bands if not (people["band"] == band).any()]
    if absent:
        raise InputError(
            f"hazard exposure: no row has band {', '.join(absent)}",
            hint=f"there are {', '.join(map(str, people['band'].unique()))}",
        )
    has_one = people["band"].isin(list(bands)).groupby(people["hazard"], sort=True).any()
    for hazard in has_one.index[~has_one]:
        own = people.loc[people["hazard"] == hazard, "band"].unique()
        raise InputError(
            f"hazard exposure: {hazard} has none of the bands {', '.join(bands)}",
            hint=f"list those of its bands that count as exposed; it has {', '.join(map(str, own))}",
        )


def exposure_estimates(exposure: pd.DataFrame, *, bands: Sequence[str]) -> pd.DataFrame:
    """Return the share of people exposed to each hazard and return period, as rows of estimates.

    It is exposure, not SDG 11.5.1, which counts who was affected.

    Parameters
    ----------
    exposure : DataFrame
        The ``hazard_exposure`` table: area_type, area_id, hazard, return_period, band, asset, value, coverage_share;
        rows of asset "population" count.
    bands : sequence of str
        Bands at and above the threshold, such as ``0.15-0.5``, ``0.5-1.5`` and ``>=1.5``.

    Returns
    -------
    DataFrame
        A row an area, hazard and return period (in ``category``). People on ground outside the hazard grid are
        unknown: they are left out of the share and lower its coverage.

    Raises
    ------
    InputError
        If one of the bands is of no hazard, or a hazard has none of them: its people would count as safe.

    Examples
    --------
    >>> rows = pd.DataFrame({"area_type": "unit", "area_id": "A", "hazard": "river_flood", "return_period": 100,
    ...     "band": ["<0.15", "0.15-0.5", "unknown"], "asset": "population", "value": [60.0, 20.0, 20.0]})
    >>> found = exposure_estimates(rows, bands=["0.15-0.5"])
    >>> found[["category", "estimate", "coverage_share"]].to_numpy().tolist()
    [['river_flood, 1 in 100 years', 0.25, 0.8]]
    """
    people = exposure[(exposure["asset"] == "population") & exposure["return_period"].notna()]
    _require_bands(people, bands)
    keys = ["area_type", "area_id", "hazard", "return_period"]
    value = people["value"]
    known = ~people["band"].isin(["unknown", "outside"])
    sums = (
        pd.DataFrame(
            {
                **{key: people[key] for key in keys},
                "all": value,
                "known": value.where(known, 0.0),
                "exposed": value.where(people["band"].isin(list(bands)), 0.0),
            }
        )
        .groupby(keys, sort=True)
        .sum()
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(sums["known"] > 0, sums["exposed"] / sums["known"], np.nan)
        coverage = np.where(sums["all"] > 0, sums["known"] / sums["all"], np.nan)
    index = sums.index
    years = index.get_level_values("return_period")
    result = _rows(
        index.get_level_values("area_id"), "hazard_exposed_pop", "", pd.Series(share), pd.Series(coverage), ""
    )
    result["area_type"] = index.get_level_values("area_type")
    result["breakdown"] = "hazard"
    hazards = index.get_level_values("hazard")
    result["category"] = [f"{hazard}, 1 in {year:g} years" for hazard, year in zip(hazards, years, strict=True)]
    result["components_used"] = ", ".join(bands)
    return result
