"""Footprints and blocks that lie on one another: told with their number, never cut in silence."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely

from geo_profiling.findings import Finding

#: Smaller common ground is the noise of digitising: share of the smaller polygon, and square metres.
MIN_OVERLAP_SHARE = 0.01
MIN_OVERLAP_M2 = 0.1


def overlap_findings(
    polygons: gpd.GeoSeries, *, name: str, things: str, remedy: str, describe: Callable[[int], str] | None = None
) -> list[Finding]:
    """Find pairs of polygons that overlap by 1 % of the smaller and 0.1 m2.

    Parameters
    ----------
    polygons : geopandas.GeoSeries
        In metres; points and lines overlap nothing.
    name : str
        File and layer, for the finding.
    things : str
        What they are, in the plural.
    remedy : str
        What to do about it.
    describe : callable, optional
        From position to the polygon's name; its label in the index by default.

    Returns
    -------
    list of Finding
        At most one warning, with the number of pairs and the largest.

    Examples
    --------
    >>> from shapely import box
    >>> houses = gpd.GeoSeries([box(0, 0, 9, 9), box(6, 0, 15, 9), box(15, 0, 20, 9)])
    >>> str(overlap_findings(houses, name="b.gpkg", things="buildings", remedy="")[0])
    'b.gpkg: 1 pairs of buildings overlap, the largest 0 and 1 (27 m2, 33.3 % of the smaller)'
    """
    geometries = np.asarray(polygons.array, dtype=object)
    first, second = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    area = shapely.area(geometries)
    common = shapely.area(shapely.intersection(geometries[first], geometries[second]))
    smaller = np.minimum(area[first], area[second])
    found = np.flatnonzero((common >= MIN_OVERLAP_M2) & (common >= MIN_OVERLAP_SHARE * smaller))
    if found.size == 0:
        return []
    name_of = describe or (lambda position: str(polygons.index[position]))
    worst = found[np.lexsort((second[found], first[found], -common[found]))[0]]
    message = (
        f"{found.size:,} pairs of {things} overlap, the largest {name_of(int(first[worst]))} and "
        f"{name_of(int(second[worst]))} ({common[worst]:.3g} m2, {100 * common[worst] / smaller[worst]:.1f} % "
        "of the smaller)"
    )
    return [Finding("warning", name, "", message, remedy)]
