"""Maps of one field of a layer, coloured by its declared legend: on one page, or a panel for each place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from numpy.typing import NDArray
from pyproj import CRS
from shapely import box

from geo_profiling.outputs.cartography import Bounds, orientation, round_length_km
from geo_profiling.outputs.layer_spec import FieldSpec
from geo_profiling.outputs.legend import RangeLabel
from geo_profiling.outputs.map_page import (
    INK,
    LEGEND_INCHES,
    Canvas,
    add_credit,
    add_legend,
    add_titles,
    as_png,
    finish,
    padded_bounds,
    page,
    plain_style,
    subtitle,
)

UNKNOWN = "#ffffff"
_GROUND = "#f4f1ea"
#: Panels of one page; more places than this are left to the GeoPackage.
MAX_PANELS = 12
_PANEL_INCHES = 2.9
#: A layer that covers less of its bounding box than this is drawn place by place.
_SPARSE_SHARE = 0.05


@dataclass(frozen=True)
class Theme:
    """What a map shows, in words.

    Attributes
    ----------
    title : str
        Of the region.
    text : str
        What the colours mean, as a line under the title.
    source : str
        Who made the data.
    year : int or None
    unknown : str
        What features without a value are.
    """

    title: str
    text: str
    source: str
    year: int | None
    unknown: str = "Unknown"


def theme_map(
    layer: gpd.GeoDataFrame,
    field: FieldSpec,
    theme: Theme,
    *,
    places: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame | None = None,
) -> bytes:
    """Draw a layer coloured by one field, with the outlines and names of places.

    Places that lie far apart, as the informal settlements of a metropolis do, get a panel each, all
    at one scale, the most populous first; places that fill their ground share one map.

    Parameters
    ----------
    layer : GeoDataFrame
        Polygons, lines or points in a projected CRS, with the field.
    field : FieldSpec
        With a legend.
    theme : Theme
    places : GeoDataFrame
        Polygons to outline, in the CRS of ``layer``; ``name`` and ``population`` where they have them.
    lines : GeoDataFrame, optional
        Drawn thinly below the outlines, such as streets.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.
    """
    colours = _colours(layer[field.name], field)
    drawn = _Drawn(layer, colours, places, lines)
    handles = _handles(layer[field.name], field, theme, lines is not None)
    with plain_style():
        if len(places) > 1 and places.area.sum() < _SPARSE_SHARE * box(*places.total_bounds).area:
            return _panels(drawn, handles, theme)
        bounds = padded_bounds(layer)
        figure, axes = page(bounds, theme.title, subtitle(theme.text, theme.year))
        drawn.draw(axes)
        outlined = places if {"name", "population"} <= set(places.columns) else places[["geometry"]]
        return finish(
            figure, axes, bounds, CRS(layer.crs), outlined, handles, theme.source, outline="Edge of a settlement"
        )


@dataclass(frozen=True)
class _Drawn:
    layer: gpd.GeoDataFrame
    colours: list[str]
    places: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame | None

    def draw(self, axes: Axes) -> None:
        """Add what is drawn to axes whose limits are set: GeoPandas would measure all of it again."""
        geometries = np.asarray(self.layer.geometry.array, dtype=object)
        kind = "Polygon" if any("Polygon" in name for name in set(self.layer.geom_type)) else "other"
        if kind == "Polygon":
            edge = {"edgecolors": "#8a8a8a", "linewidths": 0.2}
            axes.add_collection(_polygons(geometries, facecolors=self.colours, **edge), autolim=False)
        elif len(self.layer):
            self.layer.plot(ax=axes, color=self.colours, aspect=None)
        if self.lines is not None and len(self.lines):
            lines = [shapely.get_coordinates(line) for line in shapely.get_parts(self.lines.geometry.array)]
            axes.add_collection(LineCollection(lines, colors=INK, linewidths=0.5), autolim=False)

    def within(self, bounds: Bounds) -> _Drawn:
        """Return what lies in a box; panels draw no more than they show."""
        found = np.sort(self.layer.sindex.query(box(*bounds)))
        lines = None if self.lines is None else self.lines.iloc[np.sort(self.lines.sindex.query(box(*bounds)))]
        return _Drawn(self.layer.iloc[found], [self.colours[i] for i in found], self.places, lines)


def _polygons(geometries: NDArray[np.object_], *, facecolors: str | Sequence[str], **style: Any) -> PathCollection:
    """Return polygons as one drawing, holes left out; a colour for each geometry."""
    paths, owners = [], []
    for owner, geometry in enumerate(geometries):
        for part in getattr(geometry, "geoms", [geometry]):
            rings = [Path(np.asarray(ring.coords)[:, :2], closed=True) for ring in (part.exterior, *part.interiors)]
            paths.append(Path.make_compound_path(*rings))
            owners.append(owner)
    colours = facecolors if isinstance(facecolors, str) else [facecolors[owner] for owner in owners]
    return PathCollection(paths, facecolors=colours, **style)


def _colours(values: pd.Series, field: FieldSpec) -> list[str]:
    known = {entry.code: entry.colour for entry in field.legend if not isinstance(entry, RangeLabel)}
    if known:
        return [UNKNOWN if pd.isna(value) else known.get(value, UNKNOWN) for value in values]
    numbers = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    found = np.full(len(numbers), UNKNOWN, dtype=object)
    for number, entry in enumerate(field.legend):
        assert isinstance(entry, RangeLabel)  # a legend is of one kind
        above = numbers >= entry.lower if number == 0 else numbers > entry.lower
        found[above & (numbers <= entry.upper)] = entry.colour
    return list(found)


def _handles(values: pd.Series, field: FieldSpec, theme: Theme, has_lines: bool) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [
        Patch(facecolor=entry.colour, edgecolor="#888888", label=entry.label) for entry in field.legend
    ]
    if values.isna().any():
        handles.append(Patch(facecolor=UNKNOWN, edgecolor="#888888", label=theme.unknown))
    return [*handles, Line2D([], [], color=INK, linewidth=0.8, label="Street")] if has_lines else handles


def _panels(drawn: _Drawn, handles: Sequence[Patch | Line2D], theme: Theme) -> bytes:
    places = drawn.places
    if "population" in places.columns:
        places = places.sort_values("population", ascending=False, kind="stable")
    shown = places.head(MAX_PANELS)
    half = 0.56 * float(max((shown.bounds["maxx"] - shown.bounds["minx"]).max(),
                            (shown.bounds["maxy"] - shown.bounds["miny"]).max()))  # fmt: skip
    columns = min(4, len(shown))
    rows = math.ceil(len(shown) / columns)
    width, height = columns * _PANEL_INCHES + LEGEND_INCHES + 0.3, rows * (_PANEL_INCHES + 0.3) + 1.4
    figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
    Canvas(figure)
    add_titles(figure, theme.title, subtitle(theme.text, theme.year))
    for number, (_, place) in enumerate(shown.iterrows()):
        row, column = divmod(number, columns)
        left, bottom = 0.2 + column * _PANEL_INCHES, height - 1.2 - (row + 1) * (_PANEL_INCHES + 0.3) + 0.3
        side = _PANEL_INCHES - 0.15
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        x, y = place.geometry.envelope.centroid.coords[0]
        bounds = (x - half, y - half, x + half, y + half)
        axes.set_facecolor(_GROUND)
        drawn.within(bounds).draw(axes)
        outline = _polygons(np.array([place.geometry]), facecolors="none", edgecolors=INK, linewidths=1.1)
        axes.add_collection(outline, autolim=False)
        axes.set(xlim=bounds[::2], ylim=bounds[1::2], xlabel="", ylabel="", xticks=[], yticks=[])
        axes.set_title(_heading(place), fontsize=9.5, color=INK, loc="left", pad=3, parse_math=False)
    add_legend(figure, handles, ((0.2 + columns * _PANEL_INCHES) / width, 1 - 1.1 / height))
    _scale(figure, shown, 2 * half, (0.25 + columns * _PANEL_INCHES, 0.55))
    note = f"The {len(shown)} largest of {len(places)} places. " if len(places) > len(shown) else ""
    add_credit(figure, theme.source, f"{note}All panels at one scale, north of the grid up")
    return as_png(figure)


def _heading(place: pd.Series) -> str:
    name = place.get("name")
    people = place.get("population")
    words = [] if name is None or pd.isna(name) else [str(name)]
    return ", ".join([*words, *([] if people is None or pd.isna(people) else [f"{people:,.0f} people"])])


def _scale(figure: Figure, shown: gpd.GeoDataFrame, side: float, corner: tuple[float, float]) -> None:
    """Draw a scale bar for the panels: its length from the middle of the places."""
    left, bottom, right, top = (float(value) for value in shown.total_bounds)
    here = orientation(CRS(shown.crs), (left, bottom, right, top))
    per_inch = side / (_PANEL_INCHES - 0.15)
    length_km = round_length_km(1.6 * per_inch / here.units_per_km)
    inches = length_km * here.units_per_km / per_inch
    width, height = figure.get_size_inches()
    axes = figure.add_axes((corner[0] / width, corner[1] / height, inches / width, 0.3 / height))
    axes.set_axis_off()
    axes.plot([0, 1], [0, 0], color=INK, linewidth=2.5, solid_capstyle="butt")
    axes.text(0, 0.3, f"{1000 * length_km:,.0f} m", fontsize=8, color=INK)
    axes.set(xlim=(0, 1), ylim=(-0.2, 1))
