"""Ways on foot in a city of half a million segments of street, a million homes and 2,000 clinics.

Run ``python benchmarks/access.py`` (about a minute), or ``--quick`` for a city a hundredth as large. Streets are a
lattice of 100 m whose junctions are moved at random; scipy's Dijkstra from all clinics at once gives the same
distances to junctions first.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse.csgraph import dijkstra

from geo_profiling.access.distance import walking_distances
from geo_profiling.access.network import StreetNetwork, street_network
from geo_profiling.access.service_area import service_areas

CRS = "EPSG:32632"
LEFT, BOTTOM, STEP = 400_000.0, 5_000_000.0, 100.0


def streets(side: int, seed: int = 1) -> gpd.GeoDataFrame:
    """Return a lattice of streets with ``side`` junctions each way."""
    random = np.random.default_rng(seed)
    east, north = np.meshgrid(np.arange(side) * STEP, np.arange(side) * STEP)
    junctions = np.stack([east, north], axis=-1) + random.normal(0, 15, (side, side, 2)) + [LEFT, BOTTOM]
    across = np.stack([junctions[:, :-1], junctions[:, 1:]], axis=2).reshape(-1, 2, 2)
    down = np.stack([junctions[:-1], junctions[1:]], axis=2).reshape(-1, 2, 2)
    return gpd.GeoDataFrame(geometry=shapely.linestrings(np.concatenate([across, down])), crs=CRS)


def places(count: int, side: int, seed: int) -> gpd.GeoDataFrame:
    """Return points all over the city."""
    random = np.random.default_rng(seed)
    east, north = random.uniform(0, (side - 1) * STEP, (2, count))
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(LEFT + east, BOTTOM + north), crs=CRS)


def timed(label: str, action: Callable[[], Any]) -> Any:
    """Run an action and print how long it took."""
    start = time.perf_counter()
    result = action()
    print(f"{label:<40} {time.perf_counter() - start:8.2f} s")
    return result


def agrees(network: StreetNetwork) -> float:
    """Return the largest difference from scipy's distances between junctions, in metres."""
    chosen = np.random.default_rng(4).choice(len(network.nodes), 50, replace=False)
    expected = dijkstra(network.graph, indices=chosen, min_only=True)
    homes = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*network.nodes.T), crs=CRS)
    clinics = homes.iloc[chosen].reset_index(drop=True)
    found = walking_distances(network, homes, clinics)["distance_m"].to_numpy()
    return float(np.abs(found - expected).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    side = 50 if parser.parse_args().quick else 500
    layer = streets(side)
    street_network(streets(5))  # compiles
    network = timed(f"network of {len(layer):,} lines", lambda: street_network(layer))
    print(f"largest difference from scipy            {agrees(network):8.1e} m")
    homes, clinics = places(4 * side * side, side, 2), places(max(side * side // 125, 2), side, 3)
    found = timed(
        f"{len(homes):,} homes to {len(clinics):,} clinics", lambda: walking_distances(network, homes, clinics)
    )
    print(f"median way                               {found['distance_m'].median():8.1f} m")
    area = timed("ground within 500 m", lambda: service_areas(network, clinics, distance_m=500)).area
    print(f"area                                     {area.area.item() / 1e6:8.1f} km2")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.processor()}")


if __name__ == "__main__":
    main()
