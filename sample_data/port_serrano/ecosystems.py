"""Ecosystems at risk in the core: mangroves at the mouth of the river, wetlands along it, hillsides."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import shapes

from port_serrano import plan
from port_serrano.land import FINE, PRECISION_M, Ground

#: Land so near the river and so near the open sea bears mangroves; so near the river, elsewhere, it is wet.
MANGROVE_M, TO_SEA_M, WETLAND_M = 500.0, 1_500.0, 260.0
#: Slopes from so many percent, in pieces of so many square metres.
STEEP_PCT, SMALLEST_M2 = 11.0, 150_000.0
#: Their borders are drawn by hand, so to say.
SIMPLE_M = 25.0


def at_risk(ground: Ground, core: shapely.Polygon) -> gpd.GeoDataFrame:
    """Return the ecosystems at risk inside a rectangle, none over another."""
    land = ground.land.intersection(core)
    at_sea = core.difference(ground.sea_edge).buffer(TO_SEA_M)
    mangrove = land.intersection(ground.river_area.buffer(MANGROVE_M)).intersection(at_sea)
    wetland = land.intersection(ground.river_area.buffer(WETLAND_M)).difference(at_sea)
    steep = (ground.slope_pct > STEEP_PCT) & (ground.land_share > 0.5)
    found = shapes(steep.astype(np.uint8), mask=steep, transform=FINE)
    slope = shapely.union_all([shapely.geometry.shape(shape) for shape, _ in found]).intersection(land)
    slope = slope.difference(shapely.union_all([mangrove, wetland]))
    rows, pieces = [], []
    for kind, area in (("mangrove", mangrove), ("wetland", wetland), ("hillside", slope)):
        parts = shapely.get_parts(shapely.set_precision(area.simplify(SIMPLE_M), PRECISION_M))
        kept = [part for part in parts if part.area >= (SMALLEST_M2 if kind == "hillside" else 10_000.0)]
        rows += [(kind,)] * len(kept)
        pieces += kept
    return gpd.GeoDataFrame(rows, columns=["kind"], geometry=pieces, crs=plan.CRS)
