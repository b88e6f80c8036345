"""Every style of every layer is well formed, names fields that exist and draws each class; without QGIS."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from geo_profiling.outputs.layer_spec import LayerSpec
from geo_profiling.outputs.layers import LAYERS
from geo_profiling.outputs.legend import RangeLabel
from geo_profiling.outputs.styles import layer_styles

DRAWN = [pytest.param(layer, id=name) for name, layer in LAYERS.items()]


def parsed(layer: LayerSpec) -> dict[str, ET.Element]:
    found = layer_styles(layer.name, {field.name for field in layer.fields})
    return {title: ET.fromstring(qml) for title, qml in found.items()}


@pytest.mark.parametrize("layer", DRAWN)
def test_styles_parse_and_name_fields_of_the_layer(layer: LayerSpec) -> None:
    names = {field.name for field in layer.fields}
    styles = parsed(layer)
    assert len(styles) == max(1, len(layer.coloured_by)), "two styles of one title would hide each other"
    for style in styles.values():
        renderer = style.find("renderer-v2")
        assert (renderer is not None) == layer.has_geometry
        if renderer is not None and renderer.get("attr") is not None:
            assert renderer.get("attr") in names
        assert {alias.get("field") for alias in style.iter("alias")} == names
        widgets = {field.get("name") for field in style.iterfind("fieldConfiguration/field")}
        assert widgets <= names
        assert style.findtext("previewExpression", "").strip('"') in names


@pytest.mark.parametrize("layer", DRAWN)
def test_every_field_has_words_of_its_own(layer: LayerSpec) -> None:
    assert layer.title
    assert layer.description
    aliases = [field.alias for field in layer.fields]
    assert all(alias.strip() for alias in aliases)
    assert len(set(aliases)) == len(aliases), sorted(alias for alias in aliases if aliases.count(alias) > 1)
    assert not [field.name for field in layer.fields if field.alias == field.name and "_" in field.name]
    assert not [field.name for field in layer.fields if not field.description.strip()]


@pytest.mark.parametrize("layer", [case for case in DRAWN if LAYERS[str(case.id)].has_geometry])
def test_each_class_has_one_symbol_and_ranges_leave_no_hole(layer: LayerSpec) -> None:
    for style in parsed(layer).values():
        renderer = style.find("renderer-v2")
        assert renderer is not None
        symbols = [symbol.get("name") for symbol in renderer.iterfind("symbols/symbol")]
        assert len(set(symbols)) == len(symbols) > 0
        classes = [*renderer.iterfind("categories/category"), *renderer.iterfind("rules/rule")]
        if renderer.get("type") == "singleSymbol":
            assert not classes
            continue
        assert [entry.get("symbol") for entry in classes] == symbols
        assert all(entry.get("label") for entry in classes)
        if renderer.get("type") == "RuleRenderer":
            filters = [str(entry.get("filter")) for entry in classes]
            field = layer.field(filters[0].split('"')[1])
            assert (f'"{field.name}" IS NULL' in filters) == field.nullable
            told = [float(number) for text in filters for number in re.findall(r"[<>]=? ([0-9.]+)", text)]
            limits = list(zip(told[::2], told[1::2], strict=True))
            assert limits == [(entry.lower, entry.upper) for entry in field.legend if isinstance(entry, RangeLabel)]
            assert all(low <= high for low, high in limits)
            # the first holds both ends, each other what is above its lower one
            assert all(high == low for (_, high), (low, _) in pairwise(limits))
            assert [">=" in text for text in filters if "IS NULL" not in text] == [True] + [False] * (len(limits) - 1)
        else:
            values = [entry.get("value") for entry in classes]
            assert len(set(values)) == len(values)
