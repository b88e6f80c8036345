"""QGIS styles (QML, read by QGIS 3.22 and later) made from the layers' declarations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from geo_profiling.outputs.layer_spec import FieldSpec, LayerSpec
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.legend import (
    CELL_LEGENDS,
    CENTRE_OUTLINE,
    FIELD_LEGENDS,
    FUA_OUTLINE,
    WORD_LEGENDS,
    ClassLabel,
    WordLabel,
)

#: The oldest QGIS whose spelling of styles and projects is written.
QGIS_VERSION = "3.22.16-Białowieża"
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


@dataclass(frozen=True)
class Outline:
    """How polygons of one layer without classes are drawn.

    Attributes
    ----------
    fill : str or None
        ``#rrggbb``, or None for no fill.
    opacity : float
        Of the fill, 0-1.
    line : str
        ``#rrggbb``.
    width_mm : float
    """

    fill: str | None
    opacity: float
    line: str
    width_mm: float


_OUTLINES: Mapping[str, Outline] = {
    "urban_centres": Outline("#e8262a", 0.25, CENTRE_OUTLINE, 0.6),
    "dense_clusters": Outline("#6b2400", 0.25, "#6b2400", 0.4),
    "semi_dense_clusters": Outline("#e0a030", 0.25, "#8a5a00", 0.4),
    "urban_clusters": Outline("#f5b335", 0.25, "#b86e00", 0.4),
    "units": Outline(None, 0, "#555555", 0.2),
    "fua_units": Outline(None, 0, "#555555", 0.2),
    # No fill: it lies on coloured classes, whose colours have to stay those of the legend.
    "functional_urban_areas": Outline(None, 0, FUA_OUTLINE, 0.8),
    "metropolitan_scales": Outline(None, 0, FUA_OUTLINE, 0.4),
}
_UNIT_LINE = "#7f7f7f"


def layer_styles(name: str, fields: Collection[str]) -> dict[str, str]:
    """Return the QML styles of a layer by style name; the first is the default.

    Parameters
    ----------
    name : str
        Of the layer, a key of :data:`geo_profiling.outputs.layers.LAYERS`.
    fields : collection of str
        The fields that the layer has.

    Returns
    -------
    dict of str to str
        A layer with classified fields has one style for each, the finest first.

    Examples
    --------
    >>> list(layer_styles("units", {"unit_id", "name", "degurba_l1", "degurba_l2"}))
    ['Degree of urbanisation, level 2', 'Degree of urbanisation, level 1']
    """
    layer = LAYERS[name]
    styles = {}
    for field in classified_fields(name, fields):
        title = layer.title if field is None else layer.field(field).alias
        root = ET.Element("qgis", _style_attributes(layer, fields))
        root.extend(style_elements(layer, fields, classified_by=field))
        styles[title] = _DOCTYPE + _text(root)
    return styles


def classified_fields(name: str, fields: Collection[str]) -> list[str | None]:
    """Return the fields by which a layer is coloured, the finest first; ``[None]`` if there is none."""
    found: list[str | None] = [
        field for field in (*reversed(FIELD_LEGENDS), *WORD_LEGENDS) if field in fields and LAYERS[name].has_geometry
    ]
    return found or [None]


def grid_style(level: int) -> str:
    """Return the QML style of a class grid; it belongs beside the GeoTIFF, as ``<name>.qml``.

    Parameters
    ----------
    level : {1, 2}

    Examples
    --------
    >>> "Urban centre" in grid_style(2)
    True
    """
    root = ET.Element("qgis", {"version": QGIS_VERSION, "styleCategories": "AllStyleCategories"})
    root.append(grid_pipe(level))
    return _DOCTYPE + _text(root)


def grid_pipe(level: int) -> ET.Element:
    """Return the element that draws a class grid: one colour and label for each class."""
    pipe = ET.Element("pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", {"type": "paletted", "band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""}
    )
    palette = ET.SubElement(renderer, "colorPalette")
    for entry in CELL_LEGENDS[level]:
        ET.SubElement(
            palette,
            "paletteEntry",
            {"value": str(entry.code), "color": entry.colour, "label": entry.label, "alpha": "255"},
        )
    return pipe


def style_elements(layer: LayerSpec, fields: Collection[str], *, classified_by: str | None) -> list[ET.Element]:
    """Return what a style holds: colours, labels, words for fields and codes, map tips.

    The same elements make a QML style and a layer of a project.
    """
    present = [field for field in layer.fields if field.name in fields]
    elements = []
    if layer.has_geometry:
        elements.append(_outlined(layer.name) if classified_by is None else _categorised(classified_by))
        if _is_labelled(layer, fields):
            elements.append(_labelling(layer.name))
    elements += [_field_words(present), _aliases(present)]
    shown = "name" if "name" in fields else layer.fields[0].name
    expression = ET.Element("previewExpression")
    expression.text = f'"{shown}"'
    tip = ET.Element("mapTip")
    tip.text = _tip(layer, present)
    return [*elements, expression, tip]


def labels_enabled(layer: LayerSpec, fields: Collection[str]) -> str:
    """Return "1" where the layer's features carry labels, else "0" (as QGIS spells it)."""
    return "1" if _is_labelled(layer, fields) else "0"


def _is_labelled(layer: LayerSpec, fields: Collection[str]) -> bool:
    return layer.name in _LABELS and "name" in fields


def _style_attributes(layer: LayerSpec, fields: Collection[str]) -> dict[str, str]:
    return {
        "version": QGIS_VERSION,
        "styleCategories": "AllStyleCategories",
        "labelsEnabled": labels_enabled(layer, fields),
        "simplifyDrawingHints": "1",
        "hasScaleBasedVisibilityFlag": "0",
    }


def _text(root: ET.Element) -> str:
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _rgba(colour: str, opacity: float = 1.0) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * opacity)}"


def _options(values: Mapping[str, str]) -> ET.Element:
    options = ET.Element("Option", {"type": "Map"})
    for name, value in values.items():
        ET.SubElement(options, "Option", {"name": name, "type": "QString", "value": value})
    return options


def _fill_symbol(name: str, outline: Outline) -> ET.Element:
    symbol = ET.Element("symbol", {"name": name, "type": "fill", "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"})
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0", "locked": "0"})
    layer.append(
        _options(
            {
                "style": "no" if outline.fill is None else "solid",
                "color": _rgba(outline.fill or "#ffffff", outline.opacity),
                "outline_color": _rgba(outline.line),
                "outline_style": "solid",
                "outline_width": str(outline.width_mm),
                "outline_width_unit": "MM",
                "joinstyle": "round",
            }
        )
    )
    return symbol


def _outlined(name: str) -> ET.Element:
    renderer = ET.Element("renderer-v2", {"type": "singleSymbol", "symbollevels": "0", "forceraster": "0"})
    ET.SubElement(renderer, "symbols").append(_fill_symbol("0", _OUTLINES[name]))
    return renderer


def _categorised(field: str) -> ET.Element:
    renderer = ET.Element(
        "renderer-v2", {"type": "categorizedSymbol", "attr": field, "symbollevels": "0", "forceraster": "0"}
    )
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    kind = "long" if field in FIELD_LEGENDS else "string"
    for number, entry in enumerate(_legend(field)):
        attributes = {"value": str(entry.code), "symbol": str(number), "label": entry.label, "render": "true"}
        ET.SubElement(categories, "category", attributes | {"type": kind})
        symbols.append(_fill_symbol(str(number), _category_outline(field, entry.colour)))
    if field != "scale":  # never unknown
        attributes = {"value": "", "symbol": str(len(symbols)), "label": "Unknown", "render": "true", "type": "NULL"}
        ET.SubElement(categories, "category", attributes)
        symbols.append(_fill_symbol(str(len(symbols)), _category_outline(field, "#ffffff")))
    return renderer


def _legend(field: str) -> Sequence[ClassLabel | WordLabel]:
    return FIELD_LEGENDS[field] if field in FIELD_LEGENDS else WORD_LEGENDS[field]


def _category_outline(field: str, colour: str) -> Outline:
    # Scales lie on one another: the smaller one has to shine through.
    return Outline(colour, 0.15, colour, 0.6) if field == "scale" else Outline(colour, 1.0, _UNIT_LINE, 0.15)


@dataclass(frozen=True)
class _Label:
    """How names are written: what with, how large, in which colour, how willingly left out."""

    expression: str
    size: int
    weight: int
    colour: str
    placement: int
    priority: int


_NAME_AND_PEOPLE = "coalesce(\"name\" || '{}\\n', '') || format_number(\"population\", 0) || ' people'"
# Placement 1: over the centroid; 4: horizontally inside the polygon, left out where it does not fit.
_LABELS: Mapping[str, _Label] = {
    "urban_centres": _Label(_NAME_AND_PEOPLE.format(""), 10, 75, CENTRE_OUTLINE, 1, 10),
    "functional_urban_areas": _Label(_NAME_AND_PEOPLE.format(" (functional area)"), 9, 75, FUA_OUTLINE, 4, 8),
    "units": _Label('"name"', 7, 50, "#333333", 4, 3),
    "fua_units": _Label('"name"', 7, 50, "#333333", 4, 3),
}


def _labelling(name: str) -> ET.Element:
    label = _LABELS[name]
    labelling = ET.Element("labeling", {"type": "simple"})
    settings = ET.SubElement(labelling, "settings", {"calloutType": "simple"})
    style = ET.SubElement(
        settings,
        "text-style",
        {
            "fieldName": label.expression,
            "isExpression": "1",
            "fontFamily": "Open Sans",
            "fontSize": str(label.size),
            "fontSizeUnit": "Point",
            "fontWeight": str(label.weight),
            "textColor": _rgba(label.colour),
            "textOpacity": "1",
            "multilineHeight": "1",
        },
    )
    ET.SubElement(
        style,
        "text-buffer",
        {
            "bufferDraw": "1",
            "bufferSize": "0.8",
            "bufferSizeUnits": "MM",
            "bufferColor": _rgba("#ffffff"),
            "bufferOpacity": "0.8",
        },
    )
    placement = {"placement": str(label.placement), "priority": str(label.priority), "dist": "0"}
    ET.SubElement(settings, "placement", placement)
    rendering = {"obstacle": "0", "drawLabels": "1", "fontMinPixelSize": "3", "fontMaxPixelSize": "10000"}
    if name in ("units", "fua_units"):
        rendering |= {"scaleVisibility": "1", "scaleMin": "1", "scaleMax": "750000"}
    ET.SubElement(settings, "rendering", rendering)
    return labelling


def _aliases(fields: Iterable[FieldSpec]) -> ET.Element:
    aliases = ET.Element("aliases")
    for index, field in enumerate(fields, start=1):  # 0 is the fid
        ET.SubElement(aliases, "alias", {"index": str(index), "field": field.name, "name": field.alias})
    return aliases


def _field_words(fields: Sequence[FieldSpec]) -> ET.Element:
    """Codes as words, numbers with as many decimals as they deserve."""
    configuration = ET.Element("fieldConfiguration")
    for field in fields:
        if field.name in FIELD_LEGENDS or field.name in WORD_LEGENDS:
            kind, options = "ValueMap", _value_map(_legend(field.name))
        elif field.type == "number":
            kind, options = "Range", ET.Element("Option", {"type": "Map"})
            ET.SubElement(options, "Option", {"name": "Precision", "type": "int", "value": str(field.decimals)})
        else:
            continue
        element = ET.SubElement(configuration, "field", {"name": field.name})
        widget = ET.SubElement(element, "editWidget", {"type": kind})
        ET.SubElement(widget, "config").append(options)
    return configuration


def _value_map(legend: Sequence[ClassLabel | WordLabel]) -> ET.Element:
    options = ET.Element("Option", {"type": "Map"})
    entries = ET.SubElement(options, "Option", {"name": "map", "type": "List"})
    for entry in legend:
        pair = ET.SubElement(entries, "Option", {"type": "Map"})
        ET.SubElement(pair, "Option", {"name": entry.label, "type": "QString", "value": str(entry.code)})
    return options


def _tip(layer: LayerSpec, fields: Sequence[FieldSpec]) -> str:
    names = {field.name for field in fields}
    lines = ["<b>[% coalesce(\"name\", '') %]</b>"] if "name" in names else []
    for name in ("degurba_l2", "degurba_l1", "scale", "fua_rule"):
        if name in names:
            lines.append(f'[% represent_value("{name}") %]')
            break
    if "population" in names:
        lines.append('[% format_number("population", 0) %] people')
    if "area_km2" in names:
        lines.append('[% format_number("area_km2", 1) %] km²')
    return "<br>".join(lines or [layer.title])
