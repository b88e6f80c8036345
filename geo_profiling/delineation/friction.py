"""Friction: minutes to cross a metre of each cell, from land, water, slope and roads, by documented speeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from geo_profiling.crs import require_same
from geo_profiling.errors import InputError, UsageError, ValueRangeError
from geo_profiling.findings import Finding
from geo_profiling.raster.grid import Grid

#: Speeds beyond these are no one's way to work: the unit is wrong where most cells are beyond them.
FASTEST_KMH, SLOWEST_KMH = 200.0, 0.5
_KMH_FROM_FRICTION = 0.06  # a metre a minute is 0.06 km/h

#: Speed on roads in km/h by OpenStreetMap's class; links go with their class.
ROAD_KMH: Mapping[str, float] = MappingProxyType(
    {
        "motorway": 90.0,
        "trunk": 70.0,
        "primary": 55.0,
        "secondary": 45.0,
        "tertiary": 35.0,
        "unclassified": 25.0,
        "residential": 20.0,
        "living_street": 10.0,
        "service": 10.0,
        "track": 10.0,
        "path": 5.0,
        "footway": 5.0,
    }
)


@dataclass(frozen=True)
class Speeds:
    """Speeds from which friction is made, in km/h.

    Parameters
    ----------
    land_kmh : float
        On land without a mapped road. 5 is walking, for use with a full road layer. Where no roads
        are given every cell is taken to have some: see :data:`UNMAPPED_ROADS`.
    water_kmh : float or None
        By boat, where less than half of a cell is land; None makes such cells impassable
        (a road that crosses them, a bridge, is still used).
    road_kmh : mapping of str to float
        By road class.

    Examples
    --------
    >>> Speeds().land_kmh, Speeds().road_kmh["motorway"]
    (5.0, 90.0)
    """

    land_kmh: float = 5.0
    water_kmh: float | None = 20.0
    road_kmh: Mapping[str, float] = field(default_factory=lambda: ROAD_KMH)

    def __post_init__(self) -> None:
        named = {"land_kmh": self.land_kmh, "water_kmh": self.water_kmh, **self.road_kmh}
        for name, speed in named.items():
            if speed is not None and not SLOWEST_KMH <= speed <= FASTEST_KMH:
                raise UsageError(f"speed '{name}' is {speed:g} km/h, {SLOWEST_KMH:g} to {FASTEST_KMH:g} are wanted")


#: Where no roads are given: a door-to-door speed by car everywhere, an assumption of ours.
UNMAPPED_ROADS = Speeds(land_kmh=30.0)


def build_friction(
    grid: Grid,
    *,
    land_share: NDArray[np.floating[Any]] | None = None,
    elevation_m: NDArray[np.floating[Any]] | None = None,
    roads: gpd.GeoDataFrame | None = None,
    speeds: Speeds | None = None,
) -> NDArray[np.float32]:
    """Minutes per metre of each cell: the fastest way to cross it.

    Parameters
    ----------
    grid : Grid
        In metres.
    land_share : ndarray, shape (rows, columns), optional
        Share of each cell that is land (0-1). Below one half the cell is water; NaN is impassable.
        All is land without it.
    elevation_m : ndarray, shape (rows, columns), optional
        Metres. The slope slows movement off the roads; NaN counts as flat.
    roads : geopandas.GeoDataFrame, optional
        Lines with ``road_class``, in the CRS of the grid. A cell that a road touches has the speed
        of the fastest one in it.
    speeds : Speeds, optional
        By default walking off the given roads, or :data:`UNMAPPED_ROADS` without roads.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        NaN is impassable.

    Raises
    ------
    UsageError
        If an array has another shape.
    ValueRangeError
        If a share of land is not within 0-1.
    InputError
        If roads lack their class, or one that the speeds do not name: by name and count.
    CRSError
        If roads lie in another CRS.

    Notes
    -----
    Off-road speed falls with slope as Tobler's hiking function does, against level ground:
    exp(-3.5 * s), s the rise over run of the cell (central differences), taken uphill in both
    directions. Classes and the rule of the fastest mode follow Weiss et al. (2018); the speeds are
    round figures of ours, not theirs.

    References
    ----------
    Weiss et al. (2018), A global map of travel time to cities, Nature 553, Methods.
    Tobler (1993), Three presentations on geographical analysis and modeling, NCGIA 93-1.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (1, 2))
    >>> build_friction(grid, land_share=np.array([[1.0, 0.0]]), speeds=Speeds(water_kmh=None)).round(4).tolist()
    [[0.012000000104308128, nan]]
    """
    speeds = speeds or (UNMAPPED_ROADS if roads is None else Speeds())
    for name, values in (("land_share", land_share), ("elevation_m", elevation_m)):
        if values is not None and values.shape != grid.shape:
            raise UsageError(f"{name} has shape {values.shape}, the grid {grid.shape}")
    kmh = np.full(grid.shape, speeds.land_kmh)
    if elevation_m is not None:
        kmh *= np.exp(-3.5 * slope(elevation_m, grid.cell_size))
    if land_share is not None:
        wrong = int(((land_share < 0) | (land_share > 1.01)).sum())
        if wrong:
            raise ValueRangeError(f"land_share: {wrong} cells are not within 0-1", hint="divide by the cell's area")
        kmh[land_share < 0.5] = np.nan if speeds.water_kmh is None else speeds.water_kmh
        kmh[np.isnan(land_share)] = np.nan
    if roads is not None:
        on_roads = road_speeds(roads, grid, speeds.road_kmh)
        kmh = np.fmax(kmh, np.where(on_roads > 0, on_roads, np.nan))
    # Slower than this is not moving; keeps cliffs from dividing by nothing.
    friction: NDArray[np.float32] = (_KMH_FROM_FRICTION / np.maximum(kmh, SLOWEST_KMH)).astype(np.float32)
    return friction


def slope(elevation_m: NDArray[np.floating[Any]], cell_size: tuple[float, float]) -> NDArray[np.float64]:
    """Rise over run of each cell, by central differences (one-sided at edges); NaN neighbours count as level.

    Parameters
    ----------
    elevation_m : ndarray, shape (rows, columns)
    cell_size : tuple of float
        Width and height in metres.

    Examples
    --------
    >>> slope(np.array([[0.0, 10.0, 20.0]]), (100.0, 100.0)).tolist()
    [[0.1, 0.1, 0.1]]
    """
    width, height = cell_size
    values = np.asarray(elevation_m, np.float64)
    across = np.gradient(values, width, axis=1) if values.shape[1] > 1 else np.zeros(values.shape)
    down = np.gradient(values, height, axis=0) if values.shape[0] > 1 else np.zeros(values.shape)
    return np.hypot(np.nan_to_num(across), np.nan_to_num(down))


def road_classes(roads: gpd.GeoDataFrame, road_kmh: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the speed of each road in km/h by its class; links go with their class.

    Parameters
    ----------
    roads : geopandas.GeoDataFrame
        With ``road_class``.
    road_kmh : mapping of str to float

    Returns
    -------
    ndarray of float64, shape (roads,)

    Raises
    ------
    InputError
        If roads lack their class, or one that the speeds do not name: by name and count.

    Examples
    --------
    >>> road_classes(gpd.GeoDataFrame({"road_class": ["trunk_link", "path"]}), ROAD_KMH).tolist()
    [70.0, 5.0]
    """
    if "road_class" not in roads.columns:
        raise InputError("roads: no field 'road_class'", hint="name the class of each road, as OpenStreetMap does")
    kinds = roads["road_class"].astype("string").str.removesuffix("_link")
    unknown = kinds[~kinds.isin(list(road_kmh))]
    if len(unknown):
        counts = unknown.fillna("NULL").value_counts()
        listed = ", ".join(f"{kind} ({count})" for kind, count in counts.head(10).items())
        raise InputError(
            f"roads: {len(unknown)} roads of {len(counts)} classes without a speed: {listed}",
            hint="give those classes a speed ('speeds.road_kmh'), or leave their roads out",
        )
    return kinds.map(dict(road_kmh)).to_numpy(np.float64)


def road_speeds(roads: gpd.GeoDataFrame, grid: Grid, road_kmh: Mapping[str, float]) -> NDArray[np.float64]:
    """Speed in km/h of the fastest road that touches each cell; 0 where none does.

    Parameters
    ----------
    roads : geopandas.GeoDataFrame
        Lines with ``road_class``, in the CRS of the grid.
    grid : Grid
    road_kmh : mapping of str to float

    Raises
    ------
    InputError, CRSError
        As :func:`build_friction`.

    Examples
    --------
    >>> from affine import Affine; from pyproj import CRS; from shapely import LineString
    >>> grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (1, 3))
    >>> line = LineString([(0, -500), (900, -500)])
    >>> roads = gpd.GeoDataFrame({"road_class": ["primary"]}, geometry=[line], crs=grid.crs)
    >>> road_speeds(roads, grid, ROAD_KMH).tolist()
    [[55.0, 0.0, 0.0]]
    """
    kmh = road_classes(roads, road_kmh)
    require_same(roads.crs, grid.crs, what="roads and grid")
    order = np.argsort(kmh, kind="stable")  # the fastest is drawn last
    pairs = [(roads.geometry.iloc[item], kmh[item]) for item in order if not roads.geometry.iloc[item].is_empty]
    if not pairs:
        return np.zeros(grid.shape)
    drawn: NDArray[np.float64] = rasterize(
        pairs, out_shape=grid.shape, transform=grid.transform, all_touched=True, dtype="float64"
    )
    return drawn


#: Metres between which the ground of the Earth lies, with room for what surveys get wrong.
LOWEST_M, HIGHEST_M = -500.0, 9000.0


def elevation_findings(elevation_m: NDArray[np.floating[Any]], *, name: str = "elevation") -> list[Finding]:
    """Find what cannot be right in a raster of heights, with the count of its cells.

    Parameters
    ----------
    elevation_m : ndarray, shape (rows, columns)
        NaN counts as flat.
    name : str
        The raster; named in the findings.

    Returns
    -------
    list of Finding
        An error where cells are infinite or no height in metres of the Earth's ground, or none is known.

    Examples
    --------
    >>> print(elevation_findings(np.array([[-9999.0, 12.0]]))[0].message)
    1 of 2 cells are no heights in metres (-500 to 9000), the first: -9999
    """
    known = elevation_m[~np.isnan(elevation_m)]
    if not known.size:
        return [Finding("error", name, "", "every cell is nodata", "give a raster that covers the region")]
    wrong = known[(known < LOWEST_M) | (known > HIGHEST_M)]
    if not wrong.size:
        return []
    bounds = f"{LOWEST_M:g} to {HIGHEST_M:g}"
    message = f"{wrong.size} of {known.size} cells are no heights in metres ({bounds}), the first: {wrong[0]:g}"
    return [Finding("error", name, "", message, "declare the value of unknown cells as 'nodata', or convert to metres")]


def friction_findings(friction: NDArray[np.floating[Any]], *, name: str = "friction") -> list[Finding]:
    """Find what cannot be right in a friction raster, each with the count of its cells.

    Zero, negative or infinite friction is an error, and so is a unit that cannot be minutes per
    metre: more than half of the cells faster than 200 km/h or slower than 0.5 km/h. Fewer such
    cells are a warning.

    Parameters
    ----------
    friction : ndarray, shape (rows, columns)
        NaN is impassable.
    name : str
        The raster; named in the findings.

    Returns
    -------
    list of Finding

    Examples
    --------
    >>> print(friction_findings(np.full((2, 2), 12.0))[0].message)
    not in minutes per metre by all appearance: 4 of 4 cells are slower than 0.5 km/h (median 0.005 km/h)
    """
    known = friction[~np.isnan(friction)]
    if not known.size:
        return [Finding("error", name, "", "every cell is nodata", "give a raster that covers the region")]
    found = []
    for what, mask in (("zero", known == 0), ("negative", known < 0), ("infinite", np.isinf(known) & (known > 0))):
        if mask.any():
            message = f"{int(mask.sum())} of {known.size} cells have {what} friction"
            found.append(Finding("error", name, "", message, "declare cells that cannot be passed as nodata"))
    moving = known[(known > 0) & np.isfinite(known)].astype(np.float64)
    if not moving.size:
        return found
    kmh = _KMH_FROM_FRICTION / moving
    for what, mask in (
        (f"faster than {FASTEST_KMH:g} km/h", kmh > FASTEST_KMH),
        (f"slower than {SLOWEST_KMH:g} km/h", kmh < SLOWEST_KMH),
    ):
        count = int(mask.sum())
        cells = f"{count} of {moving.size} cells are {what}"
        if 2 * count > moving.size:
            message = f"not in minutes per metre by all appearance: {cells} (median {np.median(kmh):.3g} km/h)"
            found.append(Finding("error", name, "", message, "convert it to minutes per metre"))
        elif count:
            found.append(Finding("warning", name, "", cells, "check those cells"))
    return found
