"""Write ``configuration.md`` from the JSON Schema: ``python docs/configuration_page.py``; a test holds it in step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geo_profiling.config.schema import config_schema

PAGE = Path(__file__).with_name("configuration.md")
EXAMPLE = Path(__file__).parents[1] / "configs" / "sample.yaml"
INTRODUCTION = """# Configuration

One YAML file. A key that is not listed here is refused, with its line and the nearest key that is. Paths count from the
folder of the configuration; `${NAME:-default}` reads an environment variable. `geo-profiling schema` prints the JSON
Schema (also in [config.schema.json](config.schema.json)) for editors that complete and check.

The sample city's configuration:

```yaml
"""


def kind(schema: dict[str, Any]) -> str:
    """Return in words what a value may be."""
    if "$ref" in schema:
        return f"[{section_of(schema)}](#{section_of(schema).lower()})"
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(option) for option in schema["anyOf"] if option.get("type") != "null"))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = ", ".join(f"{sign} {schema[key]:g}" for key, sign in limits.items() if key in schema)
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return f"{words.get(schema.get('type', ''), 'mapping')}{f' ({bounds})' if bounds else ''}"


def section_of(schema: dict[str, Any]) -> str:
    """Name of the section that a reference leads to; overrides have the keys of what they override."""
    return str(schema["$ref"]).rsplit("/", 1)[-1].removesuffix("Override")


def default(key: str, schema: dict[str, Any], required: list[str]) -> str:
    """Return what holds where the key is left out."""
    if key in required:
        return "required"
    value = schema.get("default")
    return "" if value is None or "$ref" in schema else f"`{json.dumps(value)}`"


def table(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table of one section."""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key, value in schema["properties"].items():
        meaning = value.get("description", "").replace("|", "\\|")
        yield f"| `{key}` | {kind(value)} | {default(key, value, schema.get('required', []))} | {meaning} |"


def page() -> str:
    """Return the page as it should be."""
    schema = config_schema()
    lines = [INTRODUCTION + EXAMPLE.read_text() + "```", "", "## Config", "", schema["description"], "", *table(schema)]
    for name, section in schema["$defs"].items():
        if "properties" in section and not name.endswith("Override"):
            lines += ["", f"## {name}", "", section.get("description", ""), "", *table(section)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
