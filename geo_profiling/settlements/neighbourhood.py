"""What surrounds every building: crowding, small buildings and disorder of directions within a radius.

The measures depend on distances and on differences of directions alone, so a city that is shifted
or turned gets the same ones.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numba import njit
from numpy.typing import NDArray

from geo_profiling.crs import parse_crs, require_projected
from geo_profiling.errors import InputError, UsageError

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

#: Radius of a neighbourhood.
RADIUS_M = 50.0
#: Bins of 10 degrees, of directions that differ by a right angle taken for the same.
_TURN_BINS = 9
#: Fewer buildings than this say nothing about the disorder of a place.
MIN_NEIGHBOURHOOD = 10
#: Mean resultant length from which directions have a mean.
_HAS_MEAN = 1e-9


def neighbourhood_form(
    footprints: gpd.GeoDataFrame, form: pd.DataFrame, *, radius_m: float = RADIUS_M, small_m2: float = 60.0
) -> pd.DataFrame:
    """Measure the surroundings of every building: all buildings whose centroid is within a radius, and itself.

    Definition: directions that differ by a right angle count as one (a rectangle has both).
    ``orientation_disorder`` is the entropy of the directions around their own mean in nine bins of 10
    degrees, by its highest value ln 9: 0 where all are parallel or square to each other, 1 where none is
    preferred. ``local_alignment_deg`` is the mean difference from the building's own direction, 0-45.

    Parameters
    ----------
    footprints : geopandas.GeoDataFrame
        Polygons in a projected CRS in metres.
    form : pandas.DataFrame
        Columns ``area_m2`` and ``azimuth_deg`` on the same index.
    radius_m : float
        Metres.
    small_m2 : float
        Buildings below this area are small.

    Returns
    -------
    pandas.DataFrame
        On the index of ``footprints``: ``n_around`` (itself included), ``built_around_m2`` (their whole
        footprints), ``small_around_share``, ``local_alignment_deg`` (NULL where there is no other) and
        ``orientation_disorder`` (NULL below 10 buildings).

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.
    InputError
        If the indexes differ.
    UsageError
        If the radius is not positive.

    Examples
    --------
    >>> from shapely import box
    >>> row = gpd.GeoDataFrame(geometry=[box(x, 0, x + 4, 6) for x in (0, 10, 500)], crs="EPSG:32638")
    >>> form = pd.DataFrame({"area_m2": [24.0, 24.0, 24.0], "azimuth_deg": [0.0, 100.0, 0.0]})
    >>> table = neighbourhood_form(row, form)
    >>> table["n_around"].tolist(), table["local_alignment_deg"].tolist()
    ([2, 2, 1], [10.0, 10.0, nan])
    """
    require_projected(parse_crs(footprints.crs, what="buildings"), what="buildings")
    if not footprints.index.equals(form.index):
        raise InputError("buildings and their measures do not have the same index", hint="measure the same footprints")
    if not (math.isfinite(radius_m) and radius_m > 0):
        raise UsageError(f"a radius of {radius_m} m holds nothing")
    points = shapely.get_coordinates(shapely.centroid(np.asarray(footprints.geometry.array, dtype=object)))
    area, azimuth = (form[column].to_numpy(np.float64) for column in ("area_m2", "azimuth_deg"))
    n_around, built, small, alignment, disorder = _neighbourhoods(points, area, azimuth, radius_m, small_m2)
    return pd.DataFrame(
        {
            "n_around": n_around,
            "built_around_m2": built,
            "small_around_share": small,
            "local_alignment_deg": alignment,
            "orientation_disorder": disorder,
        },
        index=footprints.index,
    )


def _neighbourhoods(
    points: Floats, area: Floats, azimuth: Floats, radius: float, small: float
) -> tuple[Integers, Floats, Floats, Floats, Floats]:
    n = len(points)
    if n == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0)
    box = np.floor((points - points.min(axis=0)) / radius).astype(np.int64)
    columns = int(box[:, 0].max()) + 3
    key = (box[:, 1] + 1) * columns + box[:, 0] + 1
    # Sums run in the order of the places, so that the order of the rows does not show in them.
    order = np.lexsort((area, azimuth, points[:, 0], points[:, 1], key))
    keys, starts = np.unique(key[order], return_index=True)
    stops = np.append(starts[1:], n)
    counts, sums, turns = _sums(
        points[order], area[order], azimuth[order] % 90.0, key[order], keys, starts, stops, columns, radius, small
    )
    back = np.empty(n, dtype=np.int64)
    back[order] = np.arange(n)
    alignment = np.divide(sums[:, 1], counts - 1, out=np.full(n, np.nan), where=counts > 1)
    disorder = np.where(counts >= MIN_NEIGHBOURHOOD, turns / math.log(_TURN_BINS), np.nan)
    return counts[back], sums[back, 0], (sums[:, 2] / counts)[back], alignment[back], disorder[back]


@njit(nogil=True, cache=True)
def _is_near(points: NDArray[np.float64], i: int, j: int, radius: float) -> bool:
    x, y = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1]
    return x * x + y * y <= radius * radius


@njit(nogil=True, cache=True)
def _sums(
    points: NDArray[np.float64],
    area: NDArray[np.float64],
    turn: NDArray[np.float64],
    key: NDArray[np.int64],
    keys: NDArray[np.int64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    columns: int,
    radius: float,
    small: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Neighbours (itself included); their area, differences of direction, small ones; entropy of directions."""
    n = len(points)
    counts, sums, entropy = np.zeros(n, dtype=np.int64), np.zeros((n, 3)), np.full(n, np.nan)
    around = np.empty(64)
    for i in range(n):
        count, cosine, sine = 0, 0.0, 0.0
        for near in range(-1, 2):
            first = np.searchsorted(keys, key[i] + near * columns - 1)
            while first < len(keys) and keys[first] <= key[i] + near * columns + 1:
                for j in range(starts[first], stops[first]):
                    if _is_near(points, i, j, radius):
                        if count == len(around):
                            grown = np.empty(2 * count)
                            grown[:count] = around
                            around = grown
                        around[count] = turn[j]
                        count += 1
                        sums[i, 0] += area[j]
                        apart = abs(turn[j] - turn[i])
                        sums[i, 1] += min(apart, 90.0 - apart)
                        sums[i, 2] += 1.0 if area[j] < small else 0.0
                        cosine += math.cos(math.radians(4 * turn[j]))
                        sine += math.sin(math.radians(4 * turn[j]))
                first += 1
        counts[i] = count
        entropy[i] = _turn_entropy(around, count, cosine, sine)
    return counts, sums, entropy


@njit(nogil=True, cache=True)
def _turn_entropy(turn: NDArray[np.float64], count: int, cosine: float, sine: float) -> float:
    """Entropy of directions in bins of 10 degrees around their mean."""
    if math.sqrt(cosine * cosine + sine * sine) < _HAS_MEAN * count:
        return math.log(_TURN_BINS)
    mean = math.degrees(math.atan2(sine, cosine)) / 4
    bins = np.zeros(_TURN_BINS, dtype=np.int64)
    for k in range(count):
        bins[math.floor(((turn[k] - mean + 5.0) % 90.0) / 10.0) % _TURN_BINS] += 1
    total = 0.0
    for held in bins:
        if held > 0:
            total -= held / count * math.log(held / count)
    return total
