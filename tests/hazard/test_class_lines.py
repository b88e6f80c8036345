"""Metres of lines in polygons of classes: by hand, against an overlay by hand, adding up, odd input."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geo_profiling.errors import CRSError, InputError
from geo_profiling.hazard.class_lines import lengths_by_class
from geo_profiling.hazard.risk_classes import class_areas

UTM = CRS("EPSG:32723")


def series(*shapes: shapely.Geometry, crs: CRS = UTM, index: list[str] | None = None) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=crs, index=index)


def zones_of(*shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=UTM)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999))
def test_classes_and_none_add_up_to_the_metres_in_the_zone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = series(*(shapely.LineString(rng.uniform(0, 1000, (5, 2))) for _ in range(8)))
    shapes = [shapely.Point(x, y).buffer(rng.uniform(20, 200)) for x, y in rng.uniform(0, 1000, (12, 2))]
    layer = gpd.GeoDataFrame({"risk": [f"R{k % 3}" for k in range(12)]}, geometry=shapes, crs=UTM)
    areas = class_areas(layer, class_field="risk", classes=["R0", "R1", "R2"], overlap="worst")
    zones = zones_of(shapely.box(0, 0, 500, 1000), shapely.Point(500, 500).buffer(300), shapely.box(2e4, 0, 3e4, 9))
    found = lengths_by_class(lines, areas, zones, length_crs=UTM)
    inside = [float(shapely.length(shapely.intersection(lines.to_numpy(), zone)).sum()) for zone in zones.geometry]
    assert found["total"].to_numpy() == pytest.approx(inside, rel=1e-9)
    for label, ground in areas.items():
        by_hand = [shapely.length(shapely.intersection(lines.to_numpy(), zone.intersection(ground))).sum()
                   for zone in zones.geometry]  # fmt: skip
        assert found[label].to_numpy() == pytest.approx(by_hand, rel=1e-9, abs=1e-6)


def test_a_line_along_the_border_of_two_classes_is_of_the_worse_one_alone() -> None:
    areas = series(shapely.box(0, 0, 100, 50), shapely.box(0, 50, 100, 100), index=["R1", "R4"])
    found = lengths_by_class(
        series(shapely.LineString([(0, 50), (100, 50)])), areas, zones_of(shapely.box(0, 0, 100, 100)), length_crs=UTM
    )
    assert found.iloc[0].to_dict() == {"R1": 0.0, "R4": 100.0, "none": 0.0, "total": 100.0}


def test_a_line_that_touches_a_class_in_a_point_has_no_length_there() -> None:
    areas = series(shapely.box(50, 0, 100, 50), index=["R4"])
    lines = series(shapely.LineString([(0, 0), (50, 50), (0, 100)]), shapely.MultiLineString([[(60, 0), (60, 80)]]))
    found = lengths_by_class(lines, areas, zones_of(shapely.box(0, 0, 100, 100)), length_crs=UTM)
    assert found.loc[0, "R4"] == pytest.approx(50.0)
    assert found.loc[0, "none"] == pytest.approx(2 * np.hypot(50, 50) + 30)


def test_other_crs_are_measured_in_metres_and_what_is_no_line_is_refused() -> None:
    centre = gpd.GeoSeries([shapely.Point(500_000, 7_400_000)], crs=UTM)
    x, y = centre.iloc[0].x, centre.iloc[0].y
    road = series(shapely.LineString([(x, y), (x + 1000, y)])).to_crs(4326)
    areas = series(shapely.box(x, y - 10, x + 250, y + 10), index=["R4"]).to_crs("ESRI:54009")
    zone = zones_of(shapely.box(x - 10, y - 10, x + 500, y + 10)).to_crs(4326)
    found = lengths_by_class(road, areas, zone, length_crs=UTM)
    assert found[["R4", "none"]].to_numpy()[0] == pytest.approx([250.0, 250.0], abs=1e-3)
    with pytest.raises(CRSError):
        lengths_by_class(road, areas, zone, length_crs=CRS(4326))
    with pytest.raises(InputError, match="line 0 is no line"):
        lengths_by_class(series(shapely.Point(0, 0)), areas, zone, length_crs=UTM)
