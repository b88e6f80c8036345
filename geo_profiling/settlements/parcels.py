"""Layers of parcels: how many parcels lie between a parcel and the edge of its block."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo_profiling.settlements.contacts import ACCESS_M, CONTACT_M
from geo_profiling.settlements.local_crs import require_local_conformal
from geo_profiling.settlements.voronoi import breadth_first

#: Parcels digitised one by one leave gaps of this width between neighbours.
SNAP_M = 0.05


def parcel_layers(
    parcels: gpd.GeoSeries, *, snap_m: float = SNAP_M, contact_m: float = CONTACT_M, access_m: float = ACCESS_M
) -> pd.DataFrame:
    """Return the block and the layer of each parcel, from the parcels alone.

    Definition: parcels no farther apart than ``snap_m`` are one block; parcels that come within
    ``access_m`` of its border, outer or inner (a court, a lane left out), are layer 1; those that
    touch layer n and have none are layer n + 1. The deepest layer of a block is its k.

    Parameters
    ----------
    parcels : geopandas.GeoSeries
        Polygons in a local conformal CRS, or in plane metres without one.
    snap_m : float
        Gaps up to this width are closed. Too small a value makes every parcel a block of its own.
    contact_m, access_m : float
        In metres.

    Returns
    -------
    pandas.DataFrame
        ``block`` (numbered from 1, the largest first) and ``layer`` on the index of the parcels.

    Raises
    ------
    CRSError
        If there is a CRS that is not a local conformal one.

    Examples
    --------
    >>> from shapely import box
    >>> nine = gpd.GeoSeries([box(10 * i, 10 * j, 10 * i + 9.98, 10 * j + 9.98) for i in range(3) for j in range(3)])
    >>> parcel_layers(nine)["layer"].tolist()
    [1, 1, 1, 1, 2, 1, 1, 1, 1]
    """
    if parcels.crs is not None and not parcels.crs.is_engineering:
        require_local_conformal(parcels, what="parcels")
    shapes = np.asarray(parcels.array, dtype=object)
    # Mitred corners come back to where they were when the gaps are closed.
    grown = shapely.union_all(shapely.buffer(shapes, snap_m / 2, join_style="mitre"))
    blocks = shapely.get_parts(shapely.buffer(grown, -snap_m / 2, join_style="mitre"))
    blocks = blocks[np.lexsort((shapely.to_wkb(blocks), -shapely.area(blocks)))]
    inner = shapely.point_on_surface(shapes)
    shape, block = shapely.STRtree(blocks).query(inner, predicate="dwithin", distance=snap_m)
    of_shape = np.full(len(shapes), -1, np.int64)
    of_shape[shape[::-1]] = block[::-1]
    one, other = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=max(snap_m, contact_m))
    once = (one < other) & (of_shape[one] == of_shape[other])
    borders = shapely.boundary(blocks)
    has_access = shapely.dwithin(shapes, borders[of_shape], access_m)
    layer = breadth_first(np.stack([one[once], other[once]], axis=1), has_access)
    return pd.DataFrame({"block": of_shape + 1, "layer": layer}, index=parcels.index)
