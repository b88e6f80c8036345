"""Names that tell areas apart."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import Point

_COMPASS = ("east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east")


def distinct_names(names: pd.Series, population: pd.Series, geometry: gpd.GeoSeries) -> pd.Series:
    """Tell areas of one name apart by where they lie: "Foo", "Foo (south)", "Foo (south, 2)".

    Definition: of the areas of one name the most populous (of equal ones the smaller id) keeps it
    bare. The others say in which of eight directions of the compass they lie, from inner point to
    inner point; where that is still one name, those after the most populous are numbered.

    Parameters
    ----------
    names : pandas.Series
        On unique ids; NULL where unknown, and stays so.
    population : pandas.Series
        People, on the same ids; NULL counts as none.
    geometry : geopandas.GeoSeries
        Polygons on the same ids; without a CRS y counts as north.

    Returns
    -------
    pandas.Series
        Of object, on the index of ``names``; no name stands twice. None where unknown.

    Examples
    --------
    >>> from shapely import box
    >>> squares = gpd.GeoSeries([box(0, 0, 1, 1), box(0, -9, 1, -8), box(5, 5, 6, 6)], index=["a", "b", "c"])
    >>> people = pd.Series({"a": 900.0, "b": 80.0, "c": 70.0})
    >>> distinct_names(pd.Series({"a": "Foo", "b": "Foo", "c": "Bar"}), people, squares).tolist()
    ['Foo', 'Foo (south)', 'Bar']
    """
    result = names.astype(object).where(names.notna(), None)
    points = _lon_lat(geometry.reindex(names.index).representative_point())
    rank = pd.DataFrame({"people": population.reindex(names.index).astype("Float64").fillna(0.0).astype(float)})
    rank["id"] = [str(area) for area in names.index]
    order = rank.sort_values(["people", "id"], ascending=[False, True]).index
    taken = set(result.dropna())
    largest: dict[str, object] = {}
    for area in order[result[order].notna()]:
        name = str(result[area])
        if largest.setdefault(name, area) == area:
            continue
        towards = _direction(points[largest[name]], points[area], is_lon_lat=geometry.crs is not None)
        told, number = f"{name} ({towards})", 1
        while told in taken:
            number += 1
            told = f"{name} ({towards}, {number})"
        taken.add(told)
        result[area] = told
    return result


def _lon_lat(points: gpd.GeoSeries) -> gpd.GeoSeries:
    # North is not up everywhere on an equal-area grid of the world.
    return points if points.crs is None else points.to_crs("EPSG:4326")


def _direction(one: Point, other: Point, *, is_lon_lat: bool) -> str:
    east, north = other.x - one.x, other.y - one.y
    if is_lon_lat:
        east = (east + 180) % 360 - 180
        east *= np.cos(np.radians((one.y + other.y) / 2))
    return _COMPASS[round(np.arctan2(north, east) / (np.pi / 4)) % len(_COMPASS)]
