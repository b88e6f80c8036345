"""QGIS styles (QML, read by QGIS 3.22 and later) made from the layers' declarations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

from geo_profiling.outputs.layer_spec import FieldSpec, GeometryKind, Label, LayerSpec, Look
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.legend import CELL_LEGENDS, ClassLabel, RangeLabel, WordLabel

#: The oldest QGIS whose spelling of styles and projects is written.
QGIS_VERSION = "3.22.16-Białowieża"
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


_UNIT_LINE = "#7f7f7f"


def layer_styles(name: str, fields: Collection[str], *, kind: GeometryKind | None = None) -> dict[str, str]:
    """Return the QML styles of a layer by style name; the first is the default.

    Parameters
    ----------
    name : str
        Of the layer, a key of :data:`geo_profiling.outputs.layers.LAYERS`.
    fields : collection of str
        The fields that the layer has.
    kind : {"polygon", "line", "point"}, optional
        Of its features, where it is not the declared one.

    Returns
    -------
    dict of str to str
        A layer with classified fields has one style for each, the finest first.

    Examples
    --------
    >>> list(layer_styles("units", {"unit_id", "name", "degurba_l1", "degurba_l2"}))
    ['Degree of urbanisation, level 2', 'Degree of urbanisation, level 1']
    """
    layer = drawn_as(LAYERS[name], kind)
    styles = {}
    for field in classified_fields(name, fields):
        title = layer.title if field is None else layer.field(field).alias
        root = ET.Element("qgis", _style_attributes(layer, fields))
        root.extend(style_elements(layer, fields, classified_by=field))
        styles[title] = _DOCTYPE + _text(root)
    return styles


def drawn_as(layer: LayerSpec, kind: GeometryKind | None) -> LayerSpec:
    """Return the layer with features of another kind than declared; None leaves it as it is.

    Examples
    --------
    >>> drawn_as(LAYERS["buildings"], "point").geometry
    'point'
    """
    return layer if kind is None or kind == layer.geometry else replace(layer, geometry=kind)


def classified_fields(name: str, fields: Collection[str]) -> list[str | None]:
    """Return the fields by which a layer is coloured, the finest first; ``[None]`` if there is none."""
    found: list[str | None] = [field for field in LAYERS[name].coloured_by if field in fields]
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
        elements.append(_renderer(layer, classified_by))
        if layer.label is not None and "name" in fields:
            elements.append(_labelling(layer.label))
    elements += [_field_words(present), _aliases(present)]
    shown = "name" if "name" in fields else layer.fields[0].name
    expression = ET.Element("previewExpression")
    expression.text = f'"{shown}"'
    tip = ET.Element("mapTip")
    tip.text = _tip(layer, present)
    return [*elements, expression, tip]


def labels_enabled(layer: LayerSpec, fields: Collection[str]) -> str:
    """Return "1" where the layer's features carry labels, else "0" (as QGIS spells it)."""
    return "1" if layer.label is not None and "name" in fields else "0"


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


def _symbol(name: str, kind: GeometryKind, look: Look) -> ET.Element:
    types = {"polygon": ("fill", "SimpleFill"), "line": ("line", "SimpleLine"), "point": ("marker", "SimpleMarker")}
    symbol = ET.Element(
        "symbol", {"name": name, "type": types[kind][0], "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"}
    )
    layer = ET.SubElement(symbol, "layer", {"class": types[kind][1], "enabled": "1", "pass": "0", "locked": "0"})
    layer.append(_options(_drawing(kind, look)))
    return symbol


def _drawing(kind: GeometryKind, look: Look) -> dict[str, str]:
    if kind == "line":
        width = {"line_width": str(look.width_mm), "line_width_unit": "MM"}
        return {"line_color": _rgba(look.line), "line_style": "solid", **width, "capstyle": "round"}
    fill = {"color": _rgba(look.fill or "#ffffff", look.opacity), "outline_color": _rgba(look.line)}
    if kind == "point":
        size = {"size": str(look.width_mm), "size_unit": "MM", "outline_width": "0.1", "outline_width_unit": "MM"}
        return {"name": "circle", **fill, "outline_style": "solid", **size}
    width = {"outline_width": str(look.width_mm), "outline_width_unit": "MM"}
    style = {"style": "no" if look.fill is None else "solid", "outline_style": "solid", "joinstyle": "round"}
    return {**fill, **style, **width}


def _renderer(layer: LayerSpec, classified_by: str | None) -> ET.Element:
    assert layer.geometry is not None  # tables are not drawn
    kinds = {"symbollevels": "0", "forceraster": "0"}
    if classified_by is None:
        renderer = ET.Element("renderer-v2", {"type": "singleSymbol", **kinds})
        ET.SubElement(renderer, "symbols").append(_symbol("0", layer.geometry, layer.look))
        return renderer
    field = layer.field(classified_by)
    if isinstance(field.legend[0], RangeLabel):
        return _ranges(layer.geometry, field, kinds)
    return _categorised(layer.geometry, field, kinds)


def _ranges(geometry: GeometryKind, field: FieldSpec, kinds: Mapping[str, str]) -> ET.Element:
    """Draw ranges by rules: a graduated style would not draw what is unknown at all."""
    renderer = ET.Element("renderer-v2", {"type": "RuleRenderer", **kinds})
    rules, symbols = ET.SubElement(renderer, "rules", {"key": f"{{{field.name}}}"}), ET.SubElement(renderer, "symbols")
    entries = []
    for number, entry in enumerate(field.legend):
        assert isinstance(entry, RangeLabel)  # a legend is of one kind
        above = ">=" if number == 0 else ">"
        limits = f'"{field.name}" {above} {float(entry.lower)!r} AND "{field.name}" <= {float(entry.upper)!r}'
        entries.append((limits, entry.label, entry.colour))
    if field.nullable:
        entries.append((f'"{field.name}" IS NULL', "Unknown", "#ffffff"))
    for number, (limits, label, colour) in enumerate(entries):
        key = {"key": f"{{{field.name}-{number}}}", "symbol": str(number), "label": label, "filter": limits}
        ET.SubElement(rules, "rule", key)
        symbols.append(_symbol(str(number), geometry, _class_look(geometry, field, colour)))
    return renderer


def _categorised(geometry: GeometryKind, field: FieldSpec, kinds: Mapping[str, str]) -> ET.Element:
    renderer = ET.Element("renderer-v2", {"type": "categorizedSymbol", "attr": field.name, **kinds})
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for number, entry in enumerate(_words(field)):
        kind = "long" if isinstance(entry, ClassLabel) else "string"
        attributes = {"value": str(entry.code), "symbol": str(number), "label": entry.label, "render": "true"}
        ET.SubElement(categories, "category", attributes | {"type": kind})
        symbols.append(_symbol(str(number), geometry, _class_look(geometry, field, entry.colour)))
    if field.nullable:
        attributes = {"value": "", "symbol": str(len(symbols)), "label": "Unknown", "render": "true", "type": "NULL"}
        ET.SubElement(categories, "category", attributes)
        symbols.append(_symbol(str(len(symbols)), geometry, _class_look(geometry, field, "#ffffff")))
    return renderer


def _words(field: FieldSpec) -> list[ClassLabel | WordLabel]:
    """Return what the single values of a field mean; nothing where its legend tells ranges."""
    return [entry for entry in field.legend if not isinstance(entry, RangeLabel)]


def _class_look(geometry: GeometryKind, field: FieldSpec, colour: str) -> Look:
    if geometry == "line":
        return Look(None, 0.0, colour, 0.6)
    if geometry == "point":
        return Look(colour, 1.0, _UNIT_LINE, 1.6)
    # Scales lie on one another: the smaller one has to shine through.
    return Look(colour, 0.15, colour, 0.6) if field.name == "scale" else Look(colour, 1.0, _UNIT_LINE, 0.15)


def _labelling(label: Label) -> ET.Element:
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
            "fontWeight": "75" if label.is_bold else "50",
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
    # 1: over the centroid; 4: horizontally inside the polygon.
    placement = {"placement": "4" if label.must_fit else "1", "priority": str(label.priority), "dist": "0"}
    ET.SubElement(settings, "placement", placement)
    rendering = {"obstacle": "0", "drawLabels": "1", "fontMinPixelSize": "3", "fontMaxPixelSize": "10000"}
    if label.only_near:
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
        if words := _words(field):
            kind, options = "ValueMap", _value_map(words)
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
    for name in [name for name in layer.coloured_by if name in names][:1]:
        lines.append(f'[% represent_value("{name}") %]')
    if "population" in names:
        lines.append('[% format_number("population", 0) %] people')
    if "area_km2" in names:
        lines.append('[% format_number("area_km2", 1) %] km²')
    return "<br>".join(lines or [layer.title])
