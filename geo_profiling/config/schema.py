"""The JSON Schema of the configuration, for editors and for ``geo-profiling schema``."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

from geo_profiling.config.project import Config

_PARTIAL_SECTIONS = {
    name: name.capitalize()
    for name in (
        "inputs",
        "regrid",
        "delineation",
        "settlements",
        "indicators",
        "exposure",
        "environment",
    )
}


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the configuration.

    A region's overrides have the keys of the sections they override, none of them required.

    Examples
    --------
    >>> config_schema()["properties"]["version"]["const"]
    1
    """
    schema = Config.model_json_schema(mode="validation")
    definitions = schema["$defs"]
    places = [definitions[name]["properties"] for name in ("Region", "RegionOverride")]
    for region, (key, name) in product(places, _PARTIAL_SECTIONS.items()):
        reference = {"$ref": f"#/$defs/{_add_partial(name, definitions)}"}
        described = {"description": region[key]["description"], "default": None}
        region[key] = {"anyOf": [reference, {"type": "null"}], **described}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """Return the JSON Schema as the text that is committed under ``docs/``.

    Examples
    --------
    >>> schema_text().startswith("{")
    True
    """
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _add_partial(name: str, definitions: dict[str, Any]) -> str:
    """Add a copy of a definition without required keys, and of what it refers to; return its name."""
    partial = f"{name}Override"
    if partial not in definitions:
        definitions[partial] = {}
        kept = {key: value for key, value in definitions[name].items() if key != "required"}
        definitions[partial] = _refer_to_partials(kept, definitions)
    return partial


def _refer_to_partials(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_refer_to_partials(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"#/$defs/{_add_partial(str(value).rsplit('/', 1)[-1], definitions)}"
        if key == "$ref"
        else _refer_to_partials(value, definitions)
        for key, value in node.items()
    }
