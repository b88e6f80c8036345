"""The environment of areas: green and blue ground, ecosystems beside people, growth into hazard zones, fire."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.crs import parse_crs, require_projected, require_same
from geo_profiling.errors import UsageError
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN, WATER
from geo_profiling.hazard.exposure import totals_by_band
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.hazard.risk_classes import totals_by_class
from geo_profiling.raster.source import Source
from geo_profiling.raster.zonal import zonal_statistics
from geo_profiling.vector.reproject import reproject


def ground_shares(areas: gpd.GeoSeries, ground: gpd.GeoSeries) -> pd.Series:
    """Return the share of each area that polygons cover (parks, water, wetland); overlaps count once.

    Parameters
    ----------
    areas : GeoSeries
        Valid polygons in a projected CRS in metres.
    ground : GeoSeries
        Valid polygons in the same CRS.

    Returns
    -------
    Series
        0-1 on the index of ``areas``; 0 where nothing of it lies there.

    Raises
    ------
    CRSError
        If the CRS differ or cannot measure areas.

    Examples
    --------
    >>> areas = gpd.GeoSeries([shapely.box(0, 0, 10, 10)], crs=32638)
    >>> ground_shares(areas, gpd.GeoSeries([shapely.box(0, 0, 5, 5), shapely.box(0, 0, 5, 2)], crs=32638)).tolist()
    [0.25]
    """
    crs = parse_crs(areas.crs, what="areas")
    require_projected(crs, what="areas")
    require_same(crs, parse_crs(ground.crs, what="ground"), what="areas and ground")
    whole = shapely.union_all(np.asarray(ground.array, dtype=object))
    shapely.prepare(whole)
    shapes = np.asarray(areas.array, dtype=object)
    covered = shapely.area(shapely.intersection(shapes, whole))
    return pd.Series(covered / shapely.area(shapes), index=areas.index, name="ground_share")


def people_beside(
    people: Source, ground: gpd.GeoSeries, *, within_m: float, compute: Compute | None = None
) -> pd.DataFrame:
    """Count the people on each ecosystem at risk, and those beside it.

    Parameters
    ----------
    people : Source
        Counts, in any CRS.
    ground : GeoSeries
        Wetlands, mangroves, slopes, as valid polygons in a projected CRS in metres.
    within_m : float
        Distance in metres, straight; with 0 nobody is beside it.

    Returns
    -------
    DataFrame
        On the index of ``ground``: ``people_on``, ``people_beside`` (within the distance and not on it; those near
        two count for both) and ``coverage_share`` of that ground, it included, by the counts. People are NaN where
        no count is known at all.

    Raises
    ------
    CRSError
        If distances cannot be measured in the CRS of the ground.
    UsageError
        If the distance is negative.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("EPSG:32638"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> people = ArraySource(wrap(np.array([[10.0, 30.0]]), grid))
    >>> wetland = gpd.GeoSeries([shapely.box(0, 0, 100, 100)], crs=32638)
    >>> people_beside(people, wetland, within_m=50).round(6)[["people_on", "people_beside"]].to_numpy().tolist()
    [[10.0, 15.0]]
    """
    crs = parse_crs(ground.crs, what="ecosystems")
    require_projected(crs, what="ecosystems")
    if not within_m >= 0:
        raise UsageError(f"within_m: {within_m:g} is no distance")
    columns = ["people_on", "people_beside", "coverage_share"]
    if ground.empty:
        return pd.DataFrame(columns=columns, index=ground.index, dtype=float)
    found = []
    for shapes in (ground, ground.buffer(within_m)):
        zones = reproject(gpd.GeoDataFrame(geometry=shapes.array, crs=crs, index=ground.index), people.grid.crs)
        found.append(zonal_statistics(people, zones, stats=["sum", "coverage_share"], compute=compute))
    on, around = found
    unknown = around["coverage_share"] <= 0
    inside = on["sum"].fillna(0.0)
    beside = (around["sum"].fillna(0.0) - inside).clip(lower=0.0)
    values = (inside.mask(unknown), beside.mask(unknown), around["coverage_share"])
    return pd.DataFrame(dict(zip(columns, values, strict=True)), index=ground.index)


def built_up_growth(
    before: Source,
    after: Source,
    hazard: Source,
    areas: gpd.GeoDataFrame,
    *,
    kind: HazardKind,
    threshold: float,
    water: Source | None = None,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Compare the growth of built-up area inside and outside hazardous ground between two epochs.

    Parameters
    ----------
    before, after : Source
        Built-up m2 in each cell, of the earlier and the later year.
    hazard : Source
        The same raster for both: what changes is the city.
    areas : GeoDataFrame
        Valid polygons, in any CRS.
    kind : HazardKind
        How the hazard is read.
    threshold : float
        From which ground is hazardous.
    water : Source, optional
        Permanent water: what is built there is in neither part.
    compute : Compute, optional
        Where to work.

    Returns
    -------
    DataFrame
        Index of the areas: before_hazardous_m2, after_hazardous_m2, before_safe_m2, after_safe_m2 (known ground
        alone; NaN where none is known), growth_hazardous and growth_safe (share of the earlier area; NaN where there
        was none), and coverage_share: the part of the later area that lies on known ground.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.hazard.kinds import kind
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> built = [ArraySource(wrap(np.array([values]), grid), "built") for values in ([100.0, 100.0], [300.0, 150.0])]
    >>> flood = ArraySource(wrap(np.array([[1.0, 0.0]]), grid), "flood")
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs="ESRI:54009")
    >>> growth = built_up_growth(*built, flood, areas, kind=kind("flood"), threshold=0.5)
    >>> growth[["growth_hazardous", "growth_safe"]].to_numpy().tolist()
    [[2.0, 0.5]]
    """
    parts = []
    for source in (before, after):
        placed = reproject(areas, source.grid.crs)
        totals = totals_by_band(source, [hazard], placed, kind=kind, water=water, compute=compute)
        exposed = totals.of(*kind.exposed_bands(threshold))[:, 0]
        nowhere = totals.of(UNKNOWN, OUTSIDE, WATER)[:, 0]
        parts.append((exposed, nowhere, totals.total[:, 0]))
    return _growth(parts, areas.index)


def class_growth(
    before: Source,
    after: Source,
    ground: gpd.GeoSeries,
    areas: gpd.GeoDataFrame,
    *,
    exposed: Sequence[str],
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Compare the growth of built-up area inside and outside classes of risk between two epochs.

    Parameters
    ----------
    before, after : Source
        Built-up m2 in each cell, of the earlier and the later year.
    ground : GeoSeries
        The ground of each class, in any CRS; that of class ``unknown`` is in neither part.
    areas : GeoDataFrame
        Valid polygons, in any CRS.
    exposed : sequence of str
        Classes that are hazardous.
    compute : Compute, optional

    Returns
    -------
    DataFrame
        As :func:`built_up_growth`.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> built = [ArraySource(wrap(np.array([values]), grid), "built") for values in ([100.0, 100.0], [300.0, 150.0])]
    >>> sectors = gpd.GeoSeries([shapely.box(0, 0, 100, 100)], index=["R4"], crs="ESRI:54009")
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs="ESRI:54009")
    >>> class_growth(*built, sectors, areas, exposed=["R4"])[["growth_hazardous", "growth_safe"]].to_numpy().tolist()
    [[2.0, 0.5]]
    """
    parts = []
    for source in (before, after):
        crs = source.grid.crs
        placed = gpd.GeoSeries(reproject(gpd.GeoDataFrame(geometry=ground), crs).geometry)
        table = totals_by_class(source, placed, reproject(areas, crs), compute=compute)
        inside = table[[name for name in table.columns if name in exposed]].sum(axis=1).to_numpy()
        nowhere = table[UNKNOWN].to_numpy() if UNKNOWN in table else np.zeros(len(table))
        parts.append((inside, nowhere, table["total"].to_numpy()))
    return _growth(parts, areas.index)


_Parts = list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]


def _growth(parts: _Parts, index: pd.Index) -> pd.DataFrame:
    """Lay out hazardous and safe area before and after, from what is exposed, on neither ground, and in total."""
    table = pd.DataFrame(index=index)
    for name, (exposed, nowhere, total) in zip(("before", "after"), parts, strict=True):
        unknown = (total > 0) & (total - nowhere <= 0)
        table[f"{name}_hazardous_m2"] = np.where(unknown, np.nan, exposed)
        table[f"{name}_safe_m2"] = np.where(unknown, np.nan, np.clip(total - nowhere - exposed, 0.0, None))
    for where in ("hazardous", "safe"):
        first, last = table[f"before_{where}_m2"].to_numpy(), table[f"after_{where}_m2"].to_numpy()
        table[f"growth_{where}"] = np.divide(last - first, first, out=np.full(len(table), np.nan), where=first > 0)
    _, nowhere, total = parts[1]
    share = np.divide(total - nowhere, total, out=np.full(len(table), np.nan), where=total > 0)
    table["coverage_share"] = np.clip(share, 0.0, 1.0)
    return table


def fire_classes(
    distance_m: NDArray[np.float64],
    coverage_share: NDArray[np.float64],
    is_combustible: Sequence[bool | None] | None = None,
    *,
    reach_m: float = 50.0,
    dense_share: float = 0.5,
) -> pd.Series:
    """Count what makes a building hard to save from fire: out of an engine's reach, densely built, of burning walls.

    Parameters
    ----------
    distance_m : ndarray of float64
        From each building to the nearest road that an engine can use.
    coverage_share : ndarray of float64
        Share of the ground around it that is built over.
    is_combustible : sequence of bool or None, optional
        Whether its walls burn; None is unknown.
    reach_m : float
        Length of a hose: 50 to 100 m.
    dense_share : float
        From which buildings stand so close that fire passes from one to the next.

    Returns
    -------
    Series
        ``fire_class``: 0 to 3 (Int64); NULL where one of them is unknown.

    Raises
    ------
    UsageError
        If the lengths differ.

    Examples
    --------
    >>> fire_classes(np.array([20.0, 80.0]), np.array([0.3, 0.7]), [False, True]).tolist()
    [0, 3]
    """
    if len(distance_m) != len(coverage_share) or (
        is_combustible is not None and len(is_combustible) != len(distance_m)
    ):
        raise UsageError("distances, coverage and walls are of different buildings")
    parts = [
        pd.Series(distance_m).gt(reach_m).astype("Int64").mask(np.isnan(distance_m)),
        pd.Series(coverage_share).ge(dense_share).astype("Int64").mask(np.isnan(coverage_share)),
    ]
    if is_combustible is not None:
        parts.append(pd.Series(list(is_combustible), dtype="boolean").astype("Int64"))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total.rename("fire_class")
