"""Hazards that heights tell: steep slopes, and low ground that the sea can reach."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

from geo_profiling.crs import require_projected
from geo_profiling.errors import UsageError
from geo_profiling.raster.source import grid_of, wrap


def slope_degrees(heights: xr.DataArray) -> xr.DataArray:
    """Return the slope of the ground by Horn's formula, as GDAL and QGIS compute it.

    Definition: gradients from the eight neighbours, those at the sides weighted twice::

        dz/dx = ((c + 2f + i) - (a + 2d + g)) / (8 * width)
        dz/dy = ((g + 2h + i) - (a + 2b + c)) / (8 * height)
        slope = atan(sqrt(dz/dx ** 2 + dz/dy ** 2))

    Parameters
    ----------
    heights : xarray.DataArray
        Metres, rows from north to south, in a projected CRS in metres; NaN unknown.

    Returns
    -------
    xarray.DataArray
        Degrees; NaN at the edge of the grid and wherever a neighbour is unknown.

    Raises
    ------
    CRSError
        If the CRS is not projected in metres: a slope in metres by degree is none.

    References
    ----------
    Horn, B. K. P. (1981), Hill shading and the reflectance map, Proceedings of the IEEE 69(1), 14-47.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> grid = Grid(CRS("EPSG:32638"), Affine(10, 0, 0, 0, -10, 30), (3, 3))
    >>> rising = np.tile([0.0, 10.0, 20.0], (3, 1))
    >>> slope_degrees(wrap(rising, grid)).values[1, 1].round(6)
    np.float64(45.0)
    """
    grid = grid_of(heights, name="heights")
    require_projected(grid.crs, what="heights")
    z = np.asarray(heights.values, dtype=np.float64)
    width, height = grid.cell_size
    out = np.full(z.shape, np.nan)
    if min(z.shape) >= 3:
        west, east = z[:, :-2], z[:, 2:]
        north, south = z[:-2], z[2:]
        dx = (east[:-2] + 2 * east[1:-1] + east[2:]) - (west[:-2] + 2 * west[1:-1] + west[2:])
        dy = (south[:, :-2] + 2 * south[:, 1:-1] + south[:, 2:]) - (north[:, :-2] + 2 * north[:, 1:-1] + north[:, 2:])
        steep = np.degrees(np.arctan(np.hypot(dx / (8 * width), dy / (8 * height))))
        out[1:-1, 1:-1] = np.where(np.isnan(z[1:-1, 1:-1]), np.nan, steep)
    return wrap(out, grid, name="slope")


def edge_sea(heights: xr.DataArray) -> NDArray[np.bool_]:
    """Return the cells without a height that join the edge of the grid: the sea, where no data means the sea.

    Lakes and holes that known ground surrounds are none of it.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> grid = Grid(CRS("EPSG:32638"), Affine(10, 0, 0, 0, -10, 30), (3, 4))
    >>> heights = wrap(np.array([[np.nan, 1, 2, 3], [1, 1, np.nan, 3], [1, 1, 2, 3]]), grid)
    >>> edge_sea(heights).sum()
    np.int64(1)
    """
    groups, _ = label(np.isnan(np.asarray(heights.values, dtype=np.float64)), structure=generate_binary_structure(2, 2))
    edge = np.concatenate([groups[0], groups[-1], groups[:, 0], groups[:, -1]])
    return np.isin(groups, np.unique(edge[edge > 0]))


def sea_reach(
    heights: xr.DataArray,
    sea: NDArray[np.bool_],
    *,
    highest_m: float,
    corners: bool = True,
    beyond_m: float = math.nan,
) -> xr.DataArray:
    """Return the sea level, in metres, from which each cell is under water that comes from the sea.

    Low ground behind a ridge is dry until the sea passes the ridge: the level of a cell is the least,
    over all ways to the sea, of the highest ground on the way (its own height included).

    Parameters
    ----------
    heights : xarray.DataArray
        Metres above mean sea level; NaN blocks the water.
    sea : ndarray of bool
        Cells of the sea.
    highest_m : float
        Levels above this are not told (NaN): they bound the work.
    corners : bool
        Whether water passes where two cells meet at a corner.
    beyond_m : float
        What known ground is given that the sea does not reach at ``highest_m``.

    Returns
    -------
    xarray.DataArray
        Metres, at least 0; 0 in the sea; ``beyond_m`` where the sea does not come up to ``highest_m``, NaN where
        there is no height. Read it with a kind whose direction is "below".

    Raises
    ------
    UsageError
        If no cell is sea, or ``highest_m`` is not above 0.

    Notes
    -----
    Levels are told in steps of a tenth of a metre, each rounded up: heights are not known better.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> grid = Grid(CRS("EPSG:32638"), Affine(10, 0, 0, 0, -10, 10), (1, 5))
    >>> heights = wrap(np.array([[0.0, 0.5, 3.0, 0.2, 9.0]]), grid)
    >>> sea_reach(heights, np.array([[True, False, False, False, False]]), highest_m=5.0).values
    array([[0. , 0.5, 3. , 3. , nan]])
    """
    if not highest_m > 0 or not math.isfinite(highest_m):
        raise UsageError(f"a highest level of {highest_m:g} m reaches no ground", hint="give metres above 0")
    if sea.shape != heights.shape or not sea.any():
        raise UsageError("no cell is sea", hint="mark the sea on the grid of the heights")
    grid = grid_of(heights, name="heights")
    # heights in single precision: a stored 0.3 is 0.3
    z = np.where(sea, 0.0, np.round(np.asarray(heights.values, dtype=np.float64), 4))
    shape = generate_binary_structure(2, 2 if corners else 1)
    out = np.full(z.shape, np.nan)
    out[sea] = 0.0
    for step in range(math.ceil(highest_m * 10) + 1):
        level = min(step / 10, highest_m)
        # NaN is no ground below any level
        groups, _ = label((z <= level) | sea, structure=shape)
        reached = np.isin(groups, np.unique(groups[sea])) & (groups > 0)
        out[reached & np.isnan(out)] = level
    out[np.isnan(out) & ~np.isnan(z)] = beyond_m
    return wrap(out, grid, name="sea_reach")


def city_percentiles(values: xr.DataArray, inside: NDArray[np.bool_]) -> xr.DataArray:
    """Return the percentile of each cell among the cells of the city, for heat: hot is what is hot for this city.

    Parameters
    ----------
    values : xarray.DataArray
        Surface temperature, in any unit; NaN unknown.
    inside : ndarray of bool
        Cells of the city; percentiles are of them, and told for all.

    Returns
    -------
    xarray.DataArray
        0-100: the share of the city's known cells that are not hotter, ties counted by half; NaN unknown.

    Raises
    ------
    UsageError
        If no cell of the city is known.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> grid = Grid(CRS("EPSG:32638"), Affine(10, 0, 0, 0, -10, 10), (1, 4))
    >>> heat = wrap(np.array([[30.0, 31.0, 35.0, np.nan]]), grid)
    >>> city_percentiles(heat, np.ones((1, 4), bool)).values.round(1)
    array([[16.7, 50. , 83.3,  nan]])
    """
    known = np.asarray(values.values, dtype=np.float64)
    city = np.sort(known[inside & np.isfinite(known)])
    if city.size == 0:
        raise UsageError("no cell of the city has a value", hint="check the raster and the outline of the city")
    below, upto = np.searchsorted(city, known, side="left"), np.searchsorted(city, known, side="right")
    shares = 100.0 * (below + upto) / (2 * city.size)
    return wrap(np.where(np.isfinite(known), shares, np.nan), grid_of(values, name="temperature"), name="percentile")
