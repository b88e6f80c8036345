"""The interactive map of the offline report: classes, local units and centres, drawn by Bokeh."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import xarray as xr
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Metric, Range1d, ScaleBar
from bokeh.plotting import figure
from bokeh.resources import Resources
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo_profiling.outputs.cartography import named, orientation, thin
from geo_profiling.outputs.legend import CELL_LEGENDS, CENTRE_OUTLINE, FIELD_LEGENDS, FUA_OUTLINE
from geo_profiling.outputs.maps import level_of
from geo_profiling.raster.source import grid_of

#: Cells on a side of the picture; more would only make the file heavy.
MAX_CELLS = 1000
#: With more local units than this the map leaves their borders out.
MAX_UNITS = 6000
TARGET = "map"


def map_scripts() -> list[str]:
    """Return the JavaScript of Bokeh, as its wheel ships it; nothing is loaded from anywhere."""
    # A script element ends at the first "</script", even inside a string of JavaScript.
    return [script.replace("</script", "<\\/script") for script in Resources("inline", components=["bokeh"]).js_raw]


def map_json(
    classes: xr.DataArray | None,
    centres: gpd.GeoDataFrame | None,
    units: gpd.GeoDataFrame | None,
    areas: gpd.GeoDataFrame | None = None,
) -> str | None:
    """Return the map as JSON that is safe inside a script element; None when there is nothing to draw.

    Coordinates are kilometres on the ground in the middle of the map, so that the scale bar is true.

    Parameters
    ----------
    classes : xarray.DataArray or None
        Class codes with ``spatial_ref``.
    centres, units, areas : GeoDataFrame or None
        Urban centres, local units and functional urban areas, in the CRS of ``classes``.
    """
    layers = [layer for layer in (units, areas, centres) if layer is not None and len(layer)]
    if classes is None and not layers:
        return None
    if classes is not None:
        grid = grid_of(classes, name="classes")
        crs, bounds = grid.crs, grid.bounds
    else:
        crs = layers[0].crs
        left, bottom, right, top = (float(value) for value in layers[0].total_bounds)
        bounds = (left, bottom, right, top)
    unit = orientation(crs, bounds).units_per_km
    plot = _empty_plot((bounds[0] / unit, bounds[1] / unit, bounds[2] / unit, bounds[3] / unit))
    if classes is not None:
        _add_classes(plot, classes.values, [value / unit for value in bounds])
    if units is not None and 0 < len(units) <= MAX_UNITS:
        _add_polygons(plot, units, unit, name="Local units", line="#444444", width=0.5, words="below")
    if areas is not None and len(areas):
        _add_polygons(plot, areas, unit, name="Functional urban areas", line=FUA_OUTLINE, width=2.2, words="left")
    if centres is not None and len(centres):
        _add_polygons(plot, centres, unit, name="Urban centres", line=CENTRE_OUTLINE, width=1.6, words="above")
        _add_names(plot, centres, unit)
    if plot.legend:
        plot.legend.click_policy = "hide"
        plot.legend.orientation = "horizontal"
        # Below, so that it hides no ground.
        plot.add_layout(plot.legend[0], "below")
    return _script_json(_renumbered(json_item(plot, TARGET)))


def _empty_plot(bounds: Sequence[float]) -> Any:
    left, bottom, right, top = bounds
    plot = figure(
        x_range=Range1d(left, right),
        y_range=Range1d(bottom, top),
        tools="pan,wheel_zoom,box_zoom,reset",
        active_drag="pan",
        active_scroll="wheel_zoom",
        sizing_mode="scale_width",
        aspect_ratio=float(np.clip((right - left) / (top - bottom), 0.6, 3.0)),
        match_aspect=True,
        toolbar_location="above",
        output_backend="canvas",
    )
    plot.axis.visible = False
    plot.grid.visible = False
    plot.outline_line_color = "#999999"
    plot.toolbar.logo = None
    plot.add_layout(
        ScaleBar(
            range=plot.x_range, unit="km", dimensional=Metric(base_unit="m"), location="bottom_right", bar_length=0.2
        )
    )
    return plot


def _add_classes(plot: Any, codes: Any, bounds: Sequence[float]) -> None:
    legend = CELL_LEGENDS[level_of(codes)]
    shown = thin(codes, MAX_CELLS)
    numbers = np.full(shown.shape, 255, np.uint8)
    for number, entry in enumerate(legend):
        numbers[shown == entry.code] = number
    mapper = LinearColorMapper(
        palette=[entry.colour for entry in legend], low=-0.5, high=len(legend) - 0.5, high_color="rgba(0, 0, 0, 0)"
    )
    left, bottom, right, top = bounds
    plot.image(
        image=[np.ascontiguousarray(numbers[::-1])],
        x=left,
        y=bottom,
        dw=right - left,
        dh=top - bottom,
        color_mapper=mapper,
    )


def _add_polygons(
    plot: Any, layer: gpd.GeoDataFrame, unit: float, *, name: str, line: str, width: float, words: str
) -> None:
    left, bottom, right, top = layer.total_bounds
    simple = layer.geometry.simplify(max(right - left, top - bottom) / 2500)
    parts = [_rings(geometry, unit) for geometry in simple]
    source = ColumnDataSource(
        {
            "xs": [[[ring[0] for ring in polygon] for polygon in part] for part in parts],
            "ys": [[[ring[1] for ring in polygon] for polygon in part] for part in parts],
            "title": [title_of(row) for row in layer.drop(columns=layer.geometry.name).to_dict("records")],
            "text": [_text_of(row) for row in layer.drop(columns=layer.geometry.name).to_dict("records")],
        }
    )
    drawn = plot.multi_polygons(
        xs="xs",
        ys="ys",
        source=source,
        fill_color="#ffffff",
        fill_alpha=0.0,
        hover_fill_color="#ffffff",
        hover_fill_alpha=0.35,
        line_color=line,
        line_width=width,
        hover_line_color=line,
        hover_line_width=2 * width,
        legend_label=name,
    )
    # Bokeh escapes what it puts in the place of @fields. A centre lies in a unit: both are told at once.
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=[("", "@title"), ("", "@text")], attachment=words))


def _add_names(plot: Any, centres: gpd.GeoDataFrame, unit: float) -> None:
    chosen = named(centres, 12)
    points = chosen.geometry.representative_point()
    plot.text(
        x=(points.x / unit).round(3).tolist(),
        y=(points.y / unit).round(3).tolist(),
        text=[str(name) for name in chosen["name"]] if len(chosen) else [],
        text_align="center",
        text_baseline="middle",
        text_font_size="12px",
        text_font_style="bold",
        text_color="#111111",
        background_fill_color="#ffffff",
        background_fill_alpha=0.65,
        padding=1,
    )


def _rings(geometry: BaseGeometry, unit: float) -> list[list[tuple[list[float], list[float]]]]:
    """Outer ring and holes of each polygon, in kilometres to the metre."""
    polygons = list(geometry.geoms) if isinstance(geometry, MultiPolygon) else [geometry]
    rings = []
    for polygon in polygons:
        if isinstance(polygon, Polygon) and not polygon.is_empty:
            outlines = [polygon.exterior, *polygon.interiors]
            coordinates = [np.asarray(outline.coords)[:, :2] / unit for outline in outlines]
            rings.append([(xy[:, 0].round(3).tolist(), xy[:, 1].round(3).tolist()) for xy in coordinates])
    return rings


#: What a feature without name is called, by its identifier; a unit may name its functional urban area too.
_CALLED = {"centre_id": "Urban centre", "unit_id": "Unit", "fua_id": "Functional urban area", "area_id": "Area"}


def title_of(row: Mapping[str, Any]) -> str:
    """Return what a reader calls a feature: its name, or what it is and its identifier.

    Examples
    --------
    >>> title_of({"centre_id": "UC_1", "name": None}), title_of({"unit_id": 7, "name": "Gent"})
    ('Urban centre UC_1', 'Gent')
    """
    name = row.get("name")
    if isinstance(name, str) and name:
        return name
    for field, words in _CALLED.items():
        if field in row:
            return f"{words} {row[field]}"
    return "Unnamed"


def _text_of(row: Mapping[str, Any]) -> str:
    words = []
    for field in ("degurba_l2", "degurba_l1"):
        if field in row:
            labels = {entry.code: entry.label for entry in FIELD_LEGENDS[field]}
            words.append(labels.get(row[field], "class unknown") if row[field] == row[field] else "class unknown")
            break
    if "centre_id" in row:
        words.append("urban centre")
    if _is_functional_area(row):
        words.append("functional urban area")
    words.append(f"{row['population']:,.0f} people" if row["population"] == row["population"] else "people unknown")
    words.append(f"{row['area_km2']:,.0f} km²")
    if _is_functional_area(row):
        parts = (("city_population", "in the city"), ("commuting_zone_population", "in the commuting zone"))
        words += [f"{row[field]:,.0f} {where}" for field, where in parts if row[field] == row[field]]
    return ", ".join(words)


def _is_functional_area(row: Mapping[str, Any]) -> bool:
    return "fua_id" in row and "unit_id" not in row


def _renumbered(item: Any) -> Any:
    """Give models numbers by their place in the document: Bokeh counts on through a process."""
    numbers: dict[str, str] = {}

    def visit(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: name(entry) if key in ("id", "root_id") else visit(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [visit(entry) for entry in value]
        return value

    def name(identifier: Any) -> Any:
        return numbers.setdefault(identifier, f"m{len(numbers)}") if isinstance(identifier, str) else identifier

    return visit(item)


def _script_json(item: Any) -> str:
    text = json.dumps(item, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
