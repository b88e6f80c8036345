"""The ground that the polygons of two layers have in common, and the people who live on it."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_same
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics

Names = tuple[str, str]


def common_ground(first: gpd.GeoDataFrame, second: gpd.GeoDataFrame, *, names: Names) -> gpd.GeoDataFrame:
    """Return the polygon that each pair of areas of two layers shares.

    Parameters
    ----------
    first, second : geopandas.GeoDataFrame
        Valid polygons in one CRS, indexed by their ids. Areas of a layer may overlap one another.
    names : tuple of str
        Columns for the ids of the first and of the second layer.

    Returns
    -------
    geopandas.GeoDataFrame
        The two ids and a multipolygon, sorted by both ids. Pairs that merely touch are left out.

    Raises
    ------
    CRSError
        If the CRS differ.

    Examples
    --------
    >>> from shapely import box
    >>> units = gpd.GeoDataFrame(index=["a", "b"], geometry=[box(0, 0, 2, 1), box(2, 0, 4, 1)], crs="EPSG:3035")
    >>> centres = gpd.GeoDataFrame(index=["UC"], geometry=[box(1, 0, 2, 1)], crs="EPSG:3035")
    >>> shared = common_ground(units, centres, names=("unit_id", "centre_id"))
    >>> shared.unit_id.tolist(), shared.area.tolist()
    (['a'], [1.0])
    """
    require_same(parse_crs(first.crs, what=names[0]), parse_crs(second.crs, what=names[1]), what=" and ".join(names))
    second_at, first_at = first.sindex.query(second.geometry, predicate="intersects")
    shared = shapely.intersection(first.geometry.array[first_at], second.geometry.array[second_at])
    pieces = gpd.GeoDataFrame(
        {names[0]: first.index[first_at], names[1]: second.index[second_at]},
        geometry=_areal_parts(np.asarray(shared, dtype=object)),
        crs=first.crs,
    )
    return pieces[~pieces.is_empty].sort_values(list(names), ignore_index=True)


def _areal_parts(geometries: np.ndarray[tuple[int], np.dtype[np.object_]]) -> list[shapely.MultiPolygon]:
    """Leave out the lines and points in which polygons merely touch."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    # Collections hold multipolygons whole.
    parts, inner = shapely.get_parts(parts, return_index=True)
    areal = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    bounds = np.searchsorted(owner[inner][areal], np.arange(len(geometries) + 1))
    polygons = parts[areal]
    return [shapely.multipolygons(polygons[start:stop]) for start, stop in pairwise(bounds)]


def people_in_pairs(
    population: Source,
    first: gpd.GeoDataFrame,
    second: gpd.GeoDataFrame,
    *,
    names: Names,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """People on the ground that each pair of areas of two layers shares, by exact coverage.

    Parameters
    ----------
    population : Source
        People in each cell.
    first, second : geopandas.GeoDataFrame
        Valid polygons in the CRS of the grid, indexed by their ids.
    names : tuple of str
        Columns for the ids of the first and of the second layer.
    compute : Compute, optional

    Returns
    -------
    pandas.DataFrame
        The two ids and ``population``, sorted by both ids. Pairs without common ground are left out;
        cells without data hold nobody.

    Raises
    ------
    CRSError
        If a layer is not in the CRS of the grid.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import box
    >>> from geo_profiling.raster.grid import Grid; from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 2))
    >>> people = ArraySource(wrap(np.array([[900.0, 100.0]]), grid))
    >>> units = gpd.GeoDataFrame(index=["a"], geometry=[box(500, 0, 2000, 1000)], crs="ESRI:54009")
    >>> centres = gpd.GeoDataFrame(index=["UC"], geometry=[box(0, 0, 1000, 1000)], crs="ESRI:54009")
    >>> people_in_pairs(people, units, centres, names=("unit_id", "centre_id")).to_numpy().tolist()
    [['a', 'UC', 450.0]]
    """
    pieces = common_ground(first, second, names=names)
    people = zonal_statistics(population, pieces, stats=["sum"], compute=compute)["sum"]
    return pd.DataFrame(pieces[list(names)]).assign(population=people.fillna(0.0))


def main_area(pairs: pd.DataFrame, *, names: Names, weight: str = "population") -> pd.DataFrame:
    """Return, for each first area, the second area that holds the most of it.

    Parameters
    ----------
    pairs : pandas.DataFrame
        With the two ids and the weight, as :func:`people_in_pairs` returns it.
    names : tuple of str
        Columns of the ids.
    weight : str
        Column that is compared; of equal ones the smaller second id is taken, and nothing above 0 is
        no overlap.

    Returns
    -------
    pandas.DataFrame
        Index is the first id, sorted; columns the second id and the weight. First areas without any
        weight are left out.

    Examples
    --------
    >>> pairs = pd.DataFrame({"unit": ["a", "a", "b"], "fua": ["X", "Y", "Y"], "population": [2.0, 5.0, 0.0]})
    >>> main_area(pairs, names=("unit", "fua")).reset_index().to_numpy().tolist()
    [['a', 'Y', 5.0]]
    """
    lived_in = pairs[pairs[weight] > 0]
    ordered = lived_in.sort_values([names[0], weight, names[1]], ascending=[True, False, True])
    return ordered.drop_duplicates(names[0]).set_index(names[0])[[names[1], weight]]
