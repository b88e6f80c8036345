"""Outlines of the informal settlements."""

from __future__ import annotations

import math
from functools import cache

from shapely import set_precision
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from port_serrano import plan
from port_serrano.land import PRECISION_M, blob, draw_ground, generator


def largest(geometry: BaseGeometry) -> Polygon:
    """Return the largest polygon of a geometry."""
    parts = [part for part in getattr(geometry, "geoms", [geometry]) if isinstance(part, Polygon)]
    return max(parts, key=lambda part: part.area)


@cache
def outlines() -> tuple[Polygon, ...]:
    """Return one outline for each settlement of the plan, in its order, on dry ground."""
    rng = generator("settlements")
    land = draw_ground().land
    found = []
    for settlement in plan.SETTLEMENTS:
        radius_m = math.sqrt(settlement.area_ha * 10_000 / math.pi)
        wobbly = blob(settlement.centre_km, radius_m, rng, roughness=0.3)
        found.append(largest(set_precision(wobbly.intersection(land), PRECISION_M)))
    return tuple(found)
