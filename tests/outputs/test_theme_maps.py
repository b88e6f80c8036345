"""Maps of one field: colours as the legend says, panels for places far apart, the same bytes twice."""

from __future__ import annotations

import io

import geopandas as gpd
import matplotlib.image as mpimg
import numpy as np
import pytest
from shapely import box

from geo_profiling.outputs.layer_spec import FieldSpec
from geo_profiling.outputs.legend import RangeLabel, WordLabel
from geo_profiling.outputs.theme_maps import MAX_PANELS, Theme, theme_map

RANGES = (RangeLabel(1, 2, "1 to 2", "#ff0000"), RangeLabel(2, 9, "3 or more", "#0000ff"))
WORDS = (WordLabel("low", "Low", "", "#00ff00"), WordLabel("high", "High", "", "#ff00ff"))
THEME = Theme("Port Serrano", "Block complexity", "made up", 2020)


def blocks(values: list[object], *, step: float = 100.0) -> gpd.GeoDataFrame:
    shapes = [box(500_000 + i * step, 0, 500_000 + i * step + 100, 100) for i in range(len(values))]
    return gpd.GeoDataFrame({"k": values}, geometry=shapes, crs="EPSG:32631")


def colours(png: bytes) -> set[str]:
    pixels = (mpimg.imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return {"#{:02x}{:02x}{:02x}".format(*pixel) for pixel in found[counts > 500]}


@pytest.mark.parametrize(
    ("values", "legend", "expected"),
    [
        ([1, 2, 3, None], RANGES, {"#ff0000", "#0000ff"}),
        ([1, 1, 1, 1], RANGES, {"#ff0000"}),
        (["low", "high", None, "low"], WORDS, {"#00ff00", "#ff00ff"}),
    ],
)
def test_features_have_the_colour_of_their_value(values, legend, expected):
    layer = blocks(values)
    if legend is RANGES:
        layer["k"] = layer["k"].astype("Int64")
    png = theme_map(layer, FieldSpec("k", "k", "", legend=legend), THEME, places=layer[:0])
    shown = colours(png) & {entry.colour for entry in legend}
    # The legend shows every colour, the map those that occur: what is large is on the map.
    assert expected <= shown
    assert png == theme_map(layer, FieldSpec("k", "k", "", legend=legend), THEME, places=layer[:0])


def test_places_far_apart_get_panels():
    layer = blocks([1, 3, 1], step=50_000)
    places = layer.assign(name=["A", "B", "C"], population=[1.0, 3.0, 2.0])
    field = FieldSpec("k", "k", "", legend=RANGES)
    panels = mpimg.imread(io.BytesIO(theme_map(layer, field, THEME, places=places)))
    page = mpimg.imread(io.BytesIO(theme_map(layer, field, THEME, places=places[:1])))
    assert panels.shape != page.shape
    assert {"#ff0000", "#0000ff"} <= colours(theme_map(layer, field, THEME, places=places))


def test_only_the_largest_places_are_drawn():
    layer = blocks([1] * MAX_PANELS + [3], step=50_000)
    places = layer.assign(name="x", population=[2.0] * MAX_PANELS + [1.0])
    field = FieldSpec("k", "k", "", legend=RANGES)
    blue = theme_map(layer, field, THEME, places=places.assign(population=[1.0] * MAX_PANELS + [2.0]))
    red = theme_map(layer, field, THEME, places=places)

    def blue_pixels(png: bytes) -> int:
        return int((mpimg.imread(io.BytesIO(png))[:, :, :3] == (0, 0, 1)).all(axis=2).sum())

    # Red panels alone: blue is left in the legend's patch only.
    assert blue_pixels(blue) > blue_pixels(red) + 500
