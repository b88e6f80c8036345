"""The page that every map stands on: title, legend, scale bar, true north, names and the credit line."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import geopandas as gpd
import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from pyproj import CRS

from geo_profiling.outputs.cartography import Bounds, named, orientation, round_length_km, without_overlaps
from geo_profiling.outputs.legend import CENTRE_OUTLINE

_DPI = 160
#: Mean width of a letter of the credit line.
_CREDIT_INCHES_PER_LETTER = 0.062
LEGEND_INCHES = 2.85
INK = "#222222"


class Canvas(FigureCanvasAgg):
    """A canvas that draws when the page is saved and not after each layer, as GeoPandas asks for."""

    def draw_idle(self, *args: object, **kwargs: object) -> None:
        """Draw nothing yet."""


@contextmanager
def plain_style() -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's settings: the same bytes everywhere."""
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


def subtitle(text: str, year: int | None) -> str:
    """Return what a map shows, with its year."""
    return text if year is None else f"{text}, {year}"


def padded_bounds(layer: gpd.GeoDataFrame) -> Bounds:
    """Return the bounds of a layer with some room around it."""
    left, bottom, right, top = (float(value) for value in layer.total_bounds)
    pad = 0.02 * max(right - left, top - bottom)
    return left - pad, bottom - pad, right + pad, top + pad


def page(bounds: Bounds, title: str, subtitle: str) -> tuple[Figure, Axes]:
    """Lay out a page as wide and tall as the region needs: title above, legend at the right, notes below."""
    ratio = (bounds[3] - bounds[1]) / (bounds[2] - bounds[0])
    map_width = min(9.0, 7.5 / ratio)
    map_height = map_width * ratio
    # The title and the notes need their room, however narrow the region.
    width, height = max(map_width + LEGEND_INCHES + 0.3, 7.0), max(map_height, 3.2) + 1.25
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    Canvas(figure)
    axes = figure.add_axes((0.2 / width, 0.4 / height, map_width / width, map_height / height))
    axes.set_xlim(bounds[0], bounds[2])
    axes.set_ylim(bounds[1], bounds[3])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color="#999999", linewidth=0.6)
    add_titles(figure, title, subtitle)
    return figure, axes


def add_titles(figure: Figure, title: str, subtitle: str) -> None:
    """Write title and subtitle above a map."""
    width, height = figure.get_size_inches()
    figure.text(0.2 / width, 1 - 0.42 / height, title, fontsize=17, fontweight="bold", color=INK, parse_math=False)
    figure.text(0.2 / width, 1 - 0.69 / height, subtitle, fontsize=10.5, color="#555555", parse_math=False)


def finish(
    figure: Figure,
    axes: Axes,
    bounds: Bounds,
    crs: CRS,
    centres: gpd.GeoDataFrame,
    handles: Sequence[Artist],
    source: str,
    *,
    outline: str = "Edge of a centre",
) -> bytes:
    """Add outlines and names of areas, legend, scale, north and credit to a map; return it as PNG."""
    if len(centres):
        centres.boundary.plot(ax=axes, color=CENTRE_OUTLINE, linewidth=0.9, aspect=None)
        handles = [*handles, Patch(facecolor="none", edgecolor=CENTRE_OUTLINE, linewidth=1.2, label=outline)]
    # GeoPandas sets limits and axis titles of its own.
    axes.set(xlim=(bounds[0], bounds[2]), ylim=(bounds[1], bounds[3]), xlabel="", ylabel="")
    width, height = figure.get_size_inches()
    box = axes.get_position()
    add_legend(figure, handles, (box.x1 + 0.12 / width, box.y1 + 0.08 / height))
    _scale_and_north(figure, axes, bounds, crs)
    add_credit(figure, source)
    _names(figure, axes, centres)
    return as_png(figure)


def add_legend(figure: Figure, handles: Sequence[Artist], corner: tuple[float, float]) -> None:
    """Put the legend with its upper left corner somewhere on the page."""
    figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=corner,
        frameon=False,
        fontsize=10,
        labelspacing=0.7,
        handlelength=1.6,
        handleheight=1.2,
    )


def add_credit(figure: Figure, source: str, note: str = "") -> None:
    """Say below a map who made the data, as far as it is told, and what else a reader must know."""
    width, height = figure.get_size_inches()
    words = ". ".join(part for part in (f"Source: {source}" if source else "", note) if part)
    credit = textwrap.fill(words, int((width - 0.4) / _CREDIT_INCHES_PER_LETTER))
    place = {"x": 0.2 / width, "y": 0.06 / height}
    figure.text(**place, s=credit, fontsize=7.5, color="#666666", va="bottom", linespacing=1.1, parse_math=False)


def as_png(figure: Figure) -> bytes:
    """Return a figure as PNG; without metadata it depends on what it shows alone."""
    image = io.BytesIO()
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
    panel = figure.add_axes((box.x1 + 0.2 / width, box.y0, (LEGEND_INCHES - 0.3) / width, 1.15 / height))
    panel.set(xlim=(0, LEGEND_INCHES - 0.3), ylim=(0, 1.15))
    panel.set_axis_off()
    for half, colour in enumerate((INK, "white")):
        panel.add_patch(Rectangle((half * bar_inches / 2, 0.05), bar_inches / 2, 0.07, fc=colour, ec=INK, lw=0.7))
    for position, number in ((0.0, 0.0), (bar_inches / 2, length_km / 2), (bar_inches, length_km)):
        suffix = " km" if position == bar_inches else ""
        panel.text(position, 0.17, f"{number:,g}{suffix}", fontsize=8, ha="center" if position else "left", color=INK)
    angle = math.radians(here.north_deg)
    foot, tip = (0.16, 0.42), (0.16 + 0.36 * math.sin(angle), 0.42 + 0.36 * math.cos(angle))
    panel.annotate("", xy=tip, xytext=foot, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.4})
    panel.text(
        tip[0] + 0.1 * math.sin(angle),
        tip[1] + 0.1 * math.cos(angle),
        "N",
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=INK,
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
