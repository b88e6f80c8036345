"""Which files of a source an outline needs: tiles of the GHSL, extracts of OpenStreetMap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
from shapely import box
from shapely.geometry import shape

from geo_profiling.errors import InputError

#: The GHSL cuts the world in Mollweide (ESRI:54009) into squares of 1000 km, from this corner.
_GHSL_CRS = "ESRI:54009"
_GHSL_LEFT, _GHSL_TOP, _GHSL_SIZE = -18_041_000.0, 9_000_000.0, 1_000_000.0
_GHSL_ROWS, _GHSL_COLUMNS = 18, 36


def ghsl_tiles(outline: gpd.GeoSeries) -> list[tuple[int, int]]:
    """Return the tiles of the GHSL that an outline touches, as row and column from 1, sorted.

    Parameters
    ----------
    outline : GeoSeries
        Polygons, in any CRS.

    Raises
    ------
    InputError
        If the outline lies off the world.

    Examples
    --------
    >>> from shapely import box
    >>> ghsl_tiles(gpd.GeoSeries([box(-16.8, 13.1, -13.8, 13.8)], crs="EPSG:4326"))  # the Gambia
    [(8, 17)]
    """
    placed = outline.to_crs(_GHSL_CRS).union_all()
    left, bottom, right, top = placed.bounds if not placed.is_empty else (float("nan"),) * 4
    if not all(map(_is_finite, (left, bottom, right, top))):
        raise InputError("the outline cannot be placed in Mollweide", hint="check its coordinate reference system")

    tiles = [
        (row, column)
        for row in range(int((_GHSL_TOP - top) // _GHSL_SIZE) + 1, int((_GHSL_TOP - bottom) // _GHSL_SIZE) + 2)
        for column in range(int((left - _GHSL_LEFT) // _GHSL_SIZE) + 1, int((right - _GHSL_LEFT) // _GHSL_SIZE) + 2)
        if 1 <= row <= _GHSL_ROWS
        and 1 <= column <= _GHSL_COLUMNS
        and placed.intersects(box(*_tile_bounds(row, column)))
    ]
    if not tiles:
        raise InputError("no tile of the GHSL meets the outline", hint="check its coordinate reference system")
    return tiles


def _tile_bounds(row: int, column: int) -> tuple[float, float, float, float]:
    left, top = _GHSL_LEFT + (column - 1) * _GHSL_SIZE, _GHSL_TOP - (row - 1) * _GHSL_SIZE
    return left, top - _GHSL_SIZE, left + _GHSL_SIZE, top


def _is_finite(value: float) -> bool:
    return abs(value) < 1e9


def smallest_extract(index: Mapping[str, Any], outline: gpd.GeoSeries) -> tuple[str, str]:
    """Return id and address of the smallest extract of an index that covers an outline.

    Parameters
    ----------
    index : mapping
        The index of Geofabrik: a GeoJSON FeatureCollection whose features have ``id`` and ``urls.pbf``.
    outline : GeoSeries
        Polygons, in any CRS.

    Raises
    ------
    InputError
        If no extract covers the outline.

    Examples
    --------
    >>> from shapely import box
    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
    >>> extract = {"properties": {"id": "togo", "urls": {"pbf": "https://a.org/togo.osm.pbf"}}, "geometry": square}
    >>> smallest_extract({"features": [extract]}, gpd.GeoSeries([box(1, 1, 2, 2)], crs="EPSG:4326"))
    ('togo', 'https://a.org/togo.osm.pbf')
    """
    wanted = outline.to_crs("EPSG:4326").union_all()
    found = []
    for feature in index.get("features", ()):
        address = feature["properties"].get("urls", {}).get("pbf")
        if address and feature.get("geometry"):
            area = shape(feature["geometry"])
            if area.covers(wanted):
                found.append((area.area, str(feature["properties"]["id"]), str(address)))
    if not found:
        raise InputError("no extract covers the outline", hint="fetch the extracts of its countries one by one")
    return min(found)[1:]


def country_of(countries: gpd.GeoDataFrame, outline: gpd.GeoSeries) -> str:
    """Return the ISO 3166 code (three letters) of the country that holds most of an outline.

    Parameters
    ----------
    countries : GeoDataFrame
        Natural Earth's, with ``ISO_A3_EH``.
    outline : GeoSeries
        Polygons, in any CRS.

    Raises
    ------
    InputError
        If the outline lies in no country.

    Examples
    --------
    >>> from shapely import box
    >>> land = gpd.GeoDataFrame({"ISO_A3_EH": ["KEN"]}, geometry=[box(33, -5, 42, 5)], crs="EPSG:4326")
    >>> country_of(land, gpd.GeoSeries([box(36, -2, 37, -1)], crs="EPSG:4326"))
    'KEN'
    """
    equal_area = "ESRI:54034"
    shared = countries.to_crs(equal_area).geometry.intersection(outline.to_crs(equal_area).union_all()).area
    code = str(countries["ISO_A3_EH"].iloc[int(shared.to_numpy().argmax())]) if len(shared) else ""
    if not len(shared) or shared.max() == 0 or len(code) != 3 or not code.isalpha():
        raise InputError("the outline lies in no country that is known", hint="name it: --country KEN")
    return code
