"""Coast, river, lakes and heights: the ground of the region, drawn once and used by every layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine, from_origin
from scipy import ndimage
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from port_serrano import plan

Floats = NDArray[np.float64]
FINE_SHAPE = (
    plan.ROWS_KM * plan.COARSE_M // plan.FINE_M,
    plan.COLUMNS_KM * plan.COARSE_M // plan.FINE_M,
)
FINE = from_origin(plan.LEFT_M, plan.TOP_M, plan.FINE_M, plan.FINE_M)
COARSE = from_origin(plan.LEFT_M, plan.TOP_M, plan.COARSE_M, plan.COARSE_M)
#: Vertices are snapped to centimetres, so that no later rounding moves them.
PRECISION_M = 0.01


@dataclass(frozen=True)
class Ground:
    """The land (islands included, river and lakes cut out), the water lines, and heights on the 100 m grid."""

    land: BaseGeometry
    sea_edge: BaseGeometry
    river: LineString
    river_area: BaseGeometry
    land_share: Floats
    height_m: Floats
    slope_pct: Floats
    to_river_m: Floats
    to_sea_m: Floats


def generator(layer: str) -> np.random.Generator:
    """Return a generator of its own for each layer: adding a layer leaves the others as they are."""
    return np.random.default_rng([plan.SEED, *layer.encode()])


def to_metres(point_km: plan.XY) -> plan.XY:
    """Map coordinates of a place of the plan."""
    return (
        plan.LEFT_M + point_km[0] * 1_000,
        plan.TOP_M - (plan.ROWS_KM - point_km[1]) * 1_000,
    )


def wiggle(
    points: list[plan.XY],
    rng: np.random.Generator,
    *,
    roughness: float,
    finest_m: float,
) -> list[plan.XY]:
    """Displace midpoints, again and again, until no piece of the line is longer than ``finest_m``."""
    line = np.asarray(points, dtype=np.float64)
    while np.hypot(*np.diff(line, axis=0).T).max() > finest_m:
        start, stop = line[:-1], line[1:]
        across = np.column_stack((start[:, 1] - stop[:, 1], stop[:, 0] - start[:, 0]))
        shift = rng.uniform(-roughness, roughness, len(across))[:, None]
        middle = (start + stop) / 2 + across * shift
        line = np.insert(line, np.arange(1, len(line)), middle, axis=0)
    return [(float(x), float(y)) for x, y in line]


def blob(
    centre_km: plan.XY,
    radius_m: float,
    rng: np.random.Generator,
    *,
    roughness: float = 0.25,
) -> Polygon:
    """Return a wobbly round outline of about ``radius_m``."""
    angle = np.linspace(0, 2 * np.pi, 73)[:-1]
    wobble = sum(rng.normal(0, roughness / k) * np.cos(k * angle + rng.uniform(0, 6.28)) for k in range(2, 7))
    radius = radius_m * np.clip(1 + wobble, 0.45, 1.7)
    x, y = to_metres(centre_km)
    return Polygon(np.column_stack((x + radius * np.cos(angle), y + radius * np.sin(angle))))


def smooth_noise(
    rng: np.random.Generator,
    sigma_m: float,
    *,
    shape: tuple[int, int] = FINE_SHAPE,
) -> Floats:
    """Return a field of zero mean and unit spread whose bumps are about ``sigma_m`` wide."""
    step = max(1, int(sigma_m / plan.FINE_M / 4))
    small = tuple(-(-n // step) + 2 for n in shape)
    field = ndimage.gaussian_filter(rng.standard_normal(small), sigma_m / plan.FINE_M / step)
    if step > 1:
        field = ndimage.zoom(field, step, order=1)
    field = field[: shape[0], : shape[1]]
    return np.asarray((field - field.mean()) / field.std())


def window(bounds: tuple[float, float, float, float]) -> tuple[slice, slice]:
    """Rows and columns of the 100 m cells that a box of map coordinates touches."""
    left, bottom, right, top = bounds
    rows = [int(np.clip((plan.TOP_M - y) // plan.FINE_M + k, 0, FINE_SHAPE[0])) for y, k in ((top, 0), (bottom, 1))]
    columns = [int(np.clip((x - plan.LEFT_M) // plan.FINE_M + k, 0, FINE_SHAPE[1])) for x, k in ((left, 0), (right, 1))]
    return slice(*rows), slice(*columns)


def cover_share(area: BaseGeometry, *, parts: int = 4) -> Floats:
    """Share of each 100 m cell that ``area`` covers, in steps of ``1 / parts ** 2``."""
    share = np.zeros(FINE_SHAPE)
    rows, columns = window(area.bounds)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    finer = FINE * Affine.translation(columns.start, rows.start) * Affine.scale(1 / parts)
    mask = rasterize([(area, 1)], out_shape=(height * parts, width * parts), transform=finer, dtype="uint8")
    share[rows, columns] = mask.reshape(height, parts, width, parts).mean(axis=(1, 3))
    return share


def river_area(line: LineString) -> BaseGeometry:
    """Return the water of the river, which widens to its mouth."""
    first, last = plan.RIVER_WIDTH_M
    cuts = np.linspace(0, 1, 41)
    pieces = [
        shapely.ops.substring(line, a, b, normalized=True).buffer((first + (last - first) * b**3) / 2)
        for a, b in pairwise(cuts)
    ]
    return shapely.union_all(pieces)


def heights(land_share: Floats, to_sea_m: Floats, to_river_m: Floats) -> Floats:
    """Metres above the sea: a coastal plain, hills inland, a valley along the river."""
    rng = generator("heights")
    hills = 0.6 * smooth_noise(rng, 6_000) + 0.3 * smooth_noise(rng, 1_800)
    rise = np.clip((to_sea_m - 3_000) / 40_000, 0, None)
    ridge = np.clip(0.35 + hills, 0, None) ** 1.4 * (60 + 620 * np.minimum(rise, 1.2))
    valley = 1 - np.exp(-((to_river_m / 3_500) ** 2))
    plain = 1.2 + 9 * np.minimum(to_sea_m / 5_000, 1) + 70 * rise + 4 * np.minimum(to_river_m / 2_000, 1)
    bumps = 1.2 * smooth_noise(rng, 350)
    field = plain + ridge * valley * np.minimum(to_sea_m / 4_000, 1) + bumps
    return np.where(land_share > 0, np.maximum(field, 0.2), 0.0)


@cache
def draw_ground() -> Ground:
    """Draw coast, islands, river, lakes and heights."""
    rng = generator("coast")
    coast = wiggle([to_metres(p) for p in plan.COAST_KM], rng, roughness=0.2, finest_m=220)
    top = plan.TOP_M + 20_000
    mainland = Polygon([*coast, (coast[-1][0], top), (coast[0][0], top)]).buffer(0)
    islands = [blob(centre, radius * 1_000, rng) for centre, radius in plan.ISLANDS_KM]
    dry = shapely.union_all([mainland, *islands])
    river = LineString(
        wiggle(
            [to_metres(p) for p in plan.RIVER_KM],
            generator("river"),
            roughness=0.12,
            finest_m=180,
        )
    )
    lakes = [blob(centre, radius * 1_000, generator("lakes")) for centre, radius in plan.LAKES_KM]
    water = river_area(river)
    land = shapely.set_precision(dry.difference(shapely.union_all([water, *lakes])), PRECISION_M)
    land_share = cover_share(land)
    sea = cover_share(dry, parts=1) == 0
    to_sea = ndimage.distance_transform_edt(~sea) * plan.FINE_M
    to_river = ndimage.distance_transform_edt(cover_share(water, parts=2) == 0) * plan.FINE_M
    height = heights(land_share, to_sea, to_river)
    gradient = np.gradient(ndimage.gaussian_filter(height, 1.5), plan.FINE_M)
    return Ground(
        land=land,
        sea_edge=dry,
        river=river,
        river_area=water,
        land_share=land_share,
        height_m=height,
        slope_pct=100 * np.hypot(*gradient),
        to_river_m=to_river,
        to_sea_m=to_sea,
    )
