"""Who works where: commuting flows between the municipalities."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import rasterize

from port_serrano import plan
from port_serrano.land import FINE, FINE_SHAPE, Floats, generator, to_metres

EMPLOYED_SHARE = 0.41
#: Employed residents who work abroad or at an unknown place: they count as employed, and stand in no flow.
ELSEWHERE_SHARE = 0.03
DETERRENCE_KM = 7.5


def employed_residents(municipalities: gpd.GeoDataFrame, people: Floats) -> pd.DataFrame:
    """Employed residents of each municipality, those who work elsewhere included."""
    codes = rasterize(
        zip(municipalities.geometry, range(1, len(municipalities) + 1), strict=True),
        out_shape=FINE_SHAPE,
        transform=FINE,
        dtype="uint8",
    )
    residents = np.bincount(codes.ravel(), weights=people.ravel(), minlength=len(municipalities) + 1)[1:]
    rate = EMPLOYED_SHARE + generator("employment").uniform(-0.04, 0.04, len(residents))
    total = np.floor(residents * rate).astype(np.int64)
    return pd.DataFrame({"code": municipalities["unit_id"], "employed_residents_total": total})


def flows(employed: pd.DataFrame) -> pd.DataFrame:
    """Return workers by origin and destination: they prefer what is near and what is large."""
    seats = np.array([to_metres(m.seat_km) for m in plan.MUNICIPALITIES]) / 1_000
    workers = employed["employed_residents_total"].to_numpy(dtype=np.float64)
    apart_km = np.hypot(*(seats[:, None] - seats[None]).transpose(2, 0, 1))
    attraction = workers**1.12 * np.exp(-apart_km / DETERRENCE_KM)
    np.fill_diagonal(attraction, attraction.diagonal() * 1.6)
    share = attraction / np.maximum(attraction.sum(axis=1, keepdims=True), 1e-300)
    counts = np.floor(workers[:, None] * (1 - ELSEWHERE_SHARE) * share).astype(np.int64)
    origin, destination = np.nonzero(counts)
    code = employed["code"].to_numpy()
    return pd.DataFrame(
        {"origin": code[origin], "destination": code[destination], "workers": counts[origin, destination]}
    )
