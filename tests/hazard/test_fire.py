"""Fire: distances to streets, coverage of the surroundings against an overlay by hand, odd input."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo_profiling.errors import CRSError, UsageError
from geo_profiling.hazard.fire import street_distances, surroundings_coverage


def series(*shapes: shapely.Geometry, crs: int = 32723) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=crs)


def test_distances_are_from_wall_to_centre_line() -> None:
    homes = series(shapely.box(10, 0, 20, 10), shapely.Point(0, 40), shapely.box(-5, -5, 5, 5))
    street = series(shapely.LineString([(0, -100), (0, 20)]))
    assert street_distances(homes, street).tolist() == [10.0, 20.0, 0.0]
    assert street_distances(homes, street.iloc[:0]).tolist() == [np.inf] * 3
    with pytest.raises(CRSError):
        street_distances(homes, street.set_crs(32638, allow_override=True))
    with pytest.raises(CRSError):
        street_distances(series(shapely.Point(0, 0), crs=4326), series(shapely.LineString([(0, 0), (1, 1)]), crs=4326))


def test_coverage_of_the_surroundings_equals_an_overlay_of_footprints_by_hand() -> None:
    rng = np.random.default_rng(3)
    corners = [(x, y) for x in range(0, 120, 12) for y in range(0, 120, 12)]
    homes = series(*(shapely.box(x, y, x + rng.uniform(3, 11), y + rng.uniform(3, 11)) for x, y in corners))
    circles = shapely.buffer(shapely.centroid(homes.to_numpy()), 25.0, quad_segs=8)
    whole = shapely.union_all(homes.to_numpy())
    by_hand = shapely.area(shapely.intersection(circles, whole)) / shapely.area(circles)
    assert surroundings_coverage(homes, around_m=25.0).to_numpy() == pytest.approx(by_hand, rel=1e-9)
    some = np.arange(len(homes)) % 7 == 0
    assert surroundings_coverage(homes, around_m=25.0, of=some).to_numpy() == pytest.approx(by_hand[some], rel=1e-9)


def test_points_have_no_coverage() -> None:
    with pytest.raises(UsageError, match="footprints"):
        surroundings_coverage(series(shapely.Point(0, 0)), around_m=5.0)
