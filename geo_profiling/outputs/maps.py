"""Maps as PNG: the classes of cells and of local units, with urban centres, ready to print."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from pyproj import CRS

from geo_profiling.errors import UsageError
from geo_profiling.outputs.cartography import (
    Bounds,
    named,
    orientation,
    round_length_km,
    thin,
    without_overlaps,
)
from geo_profiling.outputs.legend import CELL_LEGENDS, CENTRE_OUTLINE, FIELD_LEGENDS, ClassLabel
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import grid_of

#: More cells than this on a side are thinned: a printed page shows no more.
MAX_CELLS = 2400
_DPI = 160
_CITY, _COMMUTING_ZONE, _OUTSIDE = "#8c2d6b", "#e3b8d3", "#f4f1ea"
#: Mean width of a letter of the credit line.
_CREDIT_INCHES_PER_LETTER = 0.062
_LEGEND_INCHES = 2.6
_INK = "#222222"
_NO_DATA = "#ffffff"


def classes_map(
    classes: xr.DataArray,
    centres: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame | None,
    *,
    title: str,
    source: str,
    year: int | None,
) -> bytes:
    """Draw the classes of cells with the outlines and names of urban centres.

    Parameters
    ----------
    classes : xarray.DataArray
        Codes of Level 1 (3, 2, 1, 0) or Level 2 (30 ... 10) with ``spatial_ref``.
    centres : GeoDataFrame
        In the CRS of ``classes``, with ``population`` and, if known, ``name``.
    units : GeoDataFrame or None
        Their borders are drawn thinly.
    title : str
        Of the region.
    source : str
        Who made the data, printed below the map.
    year : int or None
        What time the map shows.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.

    Raises
    ------
    UsageError
        If a code belongs to neither level.
    """
    grid = grid_of(classes, name="classes")
    level = level_of(classes.values)
    shown = thin(classes.values, MAX_CELLS)
    entries = [entry for entry in CELL_LEGENDS[level] if (shown == entry.code).any()]
    with _plain_style():
        figure, axes = _page(grid.bounds, title, _subtitle(f"Degree of urbanisation of {cell_words(grid)} cells", year))
        left, bottom, right, top = grid.bounds
        axes.imshow(
            _numbered(shown, entries),
            cmap=ListedColormap([_NO_DATA, *(entry.colour for entry in entries)]),
            vmin=-0.5,
            vmax=len(entries) + 0.5,
            extent=(left, right, bottom, top),
            interpolation="nearest",
        )
        if units is not None and len(units):
            units.boundary.plot(ax=axes, color="#4d4d4d", linewidth=0.35, alpha=0.7, aspect=None)
        handles = [Patch(facecolor=entry.colour, edgecolor="#888888", label=entry.label) for entry in entries]
        if not np.isin(shown, [entry.code for entry in entries]).all():
            handles.append(Patch(facecolor=_NO_DATA, edgecolor="#888888", label="No data"))
        return _finish(figure, axes, grid.bounds, grid.crs, centres, handles, source)


def units_map(
    units: gpd.GeoDataFrame,
    centres: gpd.GeoDataFrame,
    *,
    field: str,
    title: str,
    source: str,
    year: int | None,
) -> bytes:
    """Draw local units coloured by their class, with the outlines and names of urban centres.

    Parameters
    ----------
    units : GeoDataFrame
        With ``field``; NULL is drawn as unknown.
    centres : GeoDataFrame
        In the CRS of ``units``.
    field : {"degurba_l1", "degurba_l2"}
    title, source, year
        As for :func:`classes_map`.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.
    """
    legend = FIELD_LEGENDS[field]
    codes = units[field].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    colours = {entry.code: entry.colour for entry in legend}
    bounds = _bounds(units)
    with _plain_style():
        figure, axes = _page(bounds, title, _subtitle("Degree of urbanisation of local units", year))
        units.plot(
            ax=axes,
            color=[colours.get(code, _NO_DATA) for code in codes],
            edgecolor="#5a5a5a",
            linewidth=0.25,
            aspect=None,
        )
        handles = [
            Patch(facecolor=entry.colour, edgecolor="#888888", label=entry.label)
            for entry in legend
            if (codes == entry.code).any()
        ]
        if np.isnan(codes).any():
            handles.append(Patch(facecolor=_NO_DATA, edgecolor="#888888", label="Unknown"))
        return _finish(figure, axes, bounds, CRS(units.crs), centres, handles, source)


def functional_map(
    areas: gpd.GeoDataFrame,
    cities: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame | None,
    *,
    title: str,
    source: str,
    year: int | None,
) -> bytes:
    """Draw functional urban areas: cities, the commuting zones tied to them, and their names.

    Parameters
    ----------
    areas : GeoDataFrame
        With ``method``, ``population`` and, if known, ``name``.
    cities : GeoDataFrame
        Units of cities, or urban centres where areas were modelled; in the CRS of ``areas``.
    units : GeoDataFrame or None
        All units, drawn pale below.
    title, source, year
        As for :func:`classes_map`.

    Returns
    -------
    bytes
        PNG; the same input gives the same bytes.
    """
    bounds = _bounds(areas if units is None else pd.concat([areas[["geometry"]], units[["geometry"]]]))
    with _plain_style():
        figure, axes = _page(bounds, title, _subtitle("Functional urban areas: cities and their commuting zones", year))
        if units is not None:
            units.plot(ax=axes, color=_OUTSIDE, edgecolor="#b5b5b5", linewidth=0.2, aspect=None)
        areas.plot(ax=axes, color=_COMMUTING_ZONE, aspect=None)
        if len(cities):
            cities.plot(ax=axes, color=_CITY, aspect=None)
        if units is not None:
            units.boundary.plot(ax=axes, color="#5a5a5a", linewidth=0.2, alpha=0.5, aspect=None)
        modelled = len(areas) > 0 and (areas["method"] == "model").all()
        shown = [("Urban centre" if modelled else "City", _CITY), ("Commuting zone", _COMMUTING_ZONE)]
        shown += [] if units is None else [("In no functional area", _OUTSIDE)]
        handles = [Patch(facecolor=colour, edgecolor="#888888", label=label) for label, colour in shown]
        crs = CRS(areas.crs)
        return _finish(figure, axes, bounds, crs, areas, handles, source, outline="Edge of a functional area")


def cell_words(grid: Grid) -> str:
    """Return the side of a square of a cell's area, in words.

    Examples
    --------
    >>> from affine import Affine
    >>> cell_words(Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 0), (2, 2)))
    '1 km'
    """
    side_m = 1000 * math.sqrt(grid.cell_area_km2)
    return f"{side_m / 1000:,g} km" if side_m >= 1000 else f"{side_m:,.0f} m"


def level_of(codes: Any) -> int:
    """Return the level whose codes these are; negative codes are no data.

    Raises
    ------
    UsageError
        If a code belongs to neither level.

    Examples
    --------
    >>> level_of(np.array([30, 11, -32768])), level_of(np.array([3, 0]))
    (2, 1)
    """
    found = {int(code) for code in np.unique(codes) if code >= 0}
    for level, legend in CELL_LEGENDS.items():
        if found <= {entry.code for entry in legend}:
            return level if found else 2
    raise UsageError(f"codes {sorted(found)[:9]} are of neither level of the degree of urbanisation")


@contextmanager
def _plain_style() -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's settings: the same bytes everywhere."""
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


def _subtitle(text: str, year: int | None) -> str:
    return text if year is None else f"{text}, {year}"


def _bounds(layer: gpd.GeoDataFrame) -> Bounds:
    left, bottom, right, top = (float(value) for value in layer.total_bounds)
    pad = 0.02 * max(right - left, top - bottom)
    return left - pad, bottom - pad, right + pad, top + pad


def _numbered(codes: Any, entries: Sequence[ClassLabel]) -> Any:
    """Positions in the legend from 1, 0 where there are no data."""
    numbers = np.zeros(codes.shape, np.uint8)
    for number, entry in enumerate(entries, start=1):
        numbers[codes == entry.code] = number
    return numbers


def _page(bounds: Bounds, title: str, subtitle: str) -> tuple[Figure, Axes]:
    """Lay out a page as wide and tall as the region needs: title above, legend at the right, notes below."""
    ratio = (bounds[3] - bounds[1]) / (bounds[2] - bounds[0])
    map_width = min(9.0, 7.5 / ratio)
    map_height = map_width * ratio
    # The title and the notes need their room, however narrow the region.
    width, height = max(map_width + _LEGEND_INCHES + 0.3, 7.0), max(map_height, 3.2) + 1.25
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.2 / width, 0.4 / height, map_width / width, map_height / height))
    axes.set_xlim(bounds[0], bounds[2])
    axes.set_ylim(bounds[1], bounds[3])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color="#999999", linewidth=0.6)
    figure.text(0.2 / width, 1 - 0.42 / height, title, fontsize=17, fontweight="bold", color=_INK, parse_math=False)
    figure.text(0.2 / width, 1 - 0.69 / height, subtitle, fontsize=10.5, color="#555555", parse_math=False)
    return figure, axes


def _finish(
    figure: Figure,
    axes: Axes,
    bounds: Bounds,
    crs: CRS,
    centres: gpd.GeoDataFrame,
    handles: list[Patch],
    source: str,
    *,
    outline: str = "Edge of a centre",
) -> bytes:
    if len(centres):
        centres.boundary.plot(ax=axes, color=CENTRE_OUTLINE, linewidth=0.9, aspect=None)
        handles = [*handles, Patch(facecolor="none", edgecolor=CENTRE_OUTLINE, linewidth=1.2, label=outline)]
    # GeoPandas sets limits and axis titles of its own.
    axes.set(xlim=(bounds[0], bounds[2]), ylim=(bounds[1], bounds[3]), xlabel="", ylabel="")
    width, height = figure.get_size_inches()
    box = axes.get_position()
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(box.x1 + 0.12 / width, box.y1 + 0.08 / height),
        frameon=False,
        fontsize=10,
        labelspacing=0.7,
        handlelength=1.6,
        handleheight=1.2,
    )
    _scale_and_north(figure, axes, bounds, crs)
    credit = textwrap.fill(f"Source: {source}", int((width - 0.4) / _CREDIT_INCHES_PER_LETTER))
    figure.text(
        0.2 / width,
        0.06 / height,
        credit,
        fontsize=7.5,
        color="#666666",
        va="bottom",
        linespacing=1.1,
        parse_math=False,
    )
    _names(figure, axes, centres)
    image = io.BytesIO()
    # Without its metadata a PNG depends on what it shows alone.
    figure.savefig(image, format="png", dpi=_DPI, metadata={"Software": None})
    return image.getvalue()


def _scale_and_north(figure: Figure, axes: Axes, bounds: Bounds, crs: CRS) -> None:
    """Draw both below the legend, in axes that have the map's scale."""
    here = orientation(crs, bounds)
    width, height = figure.get_size_inches()
    box = axes.get_position()
    units_per_inch = (bounds[2] - bounds[0]) / (box.width * width)
    length_km = round_length_km(1.9 * units_per_inch / here.units_per_km)
    bar_inches = length_km * here.units_per_km / units_per_inch
    panel = figure.add_axes((box.x1 + 0.2 / width, box.y0, (_LEGEND_INCHES - 0.3) / width, 1.15 / height))
    panel.set(xlim=(0, _LEGEND_INCHES - 0.3), ylim=(0, 1.15))
    panel.set_axis_off()
    for half, colour in enumerate((_INK, "white")):
        panel.add_patch(Rectangle((half * bar_inches / 2, 0.05), bar_inches / 2, 0.07, fc=colour, ec=_INK, lw=0.7))
    for position, number in ((0.0, 0.0), (bar_inches / 2, length_km / 2), (bar_inches, length_km)):
        suffix = " km" if position == bar_inches else ""
        panel.text(position, 0.17, f"{number:,g}{suffix}", fontsize=8, ha="center" if position else "left", color=_INK)
    angle = math.radians(here.north_deg)
    foot, tip = (0.16, 0.42), (0.16 + 0.36 * math.sin(angle), 0.42 + 0.36 * math.cos(angle))
    panel.annotate("", xy=tip, xytext=foot, arrowprops={"arrowstyle": "-|>", "color": _INK, "lw": 1.4})
    panel.text(
        tip[0] + 0.1 * math.sin(angle),
        tip[1] + 0.1 * math.cos(angle),
        "N",
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=_INK,
    )


def _names(figure: Figure, axes: Axes, centres: gpd.GeoDataFrame) -> None:
    """Write the names of the largest centres, as many as fit without touching each other."""
    chosen = named(centres, 25)
    points = chosen.geometry.representative_point()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    texts = [
        axes.text(
            point.x,
            point.y,
            name,
            fontsize=9 if position < 5 else 7.5,
            fontweight="bold" if position < 5 else "normal",
            ha="center",
            va="center",
            color="black",
            clip_on=True,
            parse_math=False,
            path_effects=[withStroke(linewidth=2.4, foreground="white")],
        )
        for position, (point, name) in enumerate(zip(points, chosen["name"] if len(chosen) else [], strict=True))
    ]
    kept = set(without_overlaps([text.get_window_extent(renderer).extents for text in texts]))
    for number, text in enumerate(texts):
        if number not in kept:
            text.remove()
