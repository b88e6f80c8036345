"""The committed JSON Schema is in step with the models and says what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from geo_profiling.config.schema import config_schema, schema_text

MINIMAL: dict[str, Any] = {
    "version": 1,
    "name": "Accra",
    "inputs": {"population": {"path": "pop.tif", "year": 2020}},
    "regions": [{"name": "accra"}],
    "output": {"directory": "out"},
}


def test_committed_schema_is_in_step(repository: Path) -> None:
    committed = (repository / "docs/config.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "run: geo-profiling schema > docs/config.schema.json"


def test_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


def _properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield from node.get("properties", {}).items()
        for value in node.values():
            yield from _properties(value)
    elif isinstance(node, list):
        for value in node:
            yield from _properties(value)


def test_every_key_is_described() -> None:
    assert [name for name, key in _properties(config_schema()) if not key.get("description")] == []


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"regions": [{"name": "a", "inputs": {"population": {"path": "b.tif"}}}]}, True),
        ({"regions": [{"name": "a", "inputs": {"population": {"pth": "b.tif"}}}]}, False),
        ({"regions": [{"name": "a", "delineation": {"degurba": {"rules": 2021}}}]}, True),
        ({"regions": []}, False),
        ({"regions": [{"name": "a/b"}]}, False),
        ({"regin": []}, False),
        ({"delineation": {"degurba": {"built_up_threshold": "none"}}}, True),
        ({"delineation": {"degurba": {"built_up_threshold": "most"}}}, False),
    ],
)
def test_schema_agrees_with_the_models(change: dict[str, Any], *, valid: bool) -> None:
    assert jsonschema.Draft202012Validator(config_schema()).is_valid(MINIMAL | change) is valid
