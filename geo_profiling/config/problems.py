"""What pydantic found wrong, said so that the author of the file can mend it."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from geo_profiling.config.document import Document, KeyPath
from geo_profiling.config.files import SHA256
from geo_profiling.config.inputs import SERVICE_NAME
from geo_profiling.config.project import ORIGIN, Config
from geo_profiling.config.regions import REGION_NAME, Overrides

_WORDS = {
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "string_type": "should be text (put it in quotes)",
    "bool_type": "should be true or false",
    "list_type": "should be a list",
    "dict_type": "should be a mapping of keys",
    "model_type": "should be a mapping of keys",
    "finite_number": "should be a finite number",
}
_PATTERNS = {
    REGION_NAME: "should be up to 64 letters (A-Z, a-z), digits, '_' or '-' (it names a folder)",
    SERVICE_NAME: "should be up to 64 letters (A-Z, a-z), digits, blanks, '_' or '-' (it names a kind of service)",
    ORIGIN: "should be 'https://host', 'http://host:port' or 's3://bucket', without a path",
    SHA256: "should be a SHA-256 digest (64 hexadecimal digits in lower case)",
}


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a configuration.

    Parameters
    ----------
    line : int
        Line of the file, from 1.
    key : str
        Dotted path of the key.
    message : str
        What is wrong.
    """

    line: int
    key: str
    message: str


def dotted(key_path: Iterable[str | int]) -> str:
    """Write a key path as users read it.

    Examples
    --------
    >>> dotted(("regions", 0, "name"))
    'regions[0].name'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key_path)
    return text.removeprefix(".")


def problems_of(error: ValidationError, document: Document, *, prefixes: Iterable[KeyPath] = ((),)) -> list[Problem]:
    """Translate a validation error.

    Parameters
    ----------
    error : pydantic.ValidationError
        Of the whole configuration or of one merged section.
    document : Document
        Where the values come from.
    prefixes : iterable of key paths
        Where the validated mapping stands in the document; for a merged section the override's
        place first, then the base's: each problem is placed where its key is really written.

    Returns
    -------
    list of Problem
        In the order of the file, one for each key.
    """
    prefixes = list(prefixes)
    messages: dict[tuple[int, str], dict[str, str]] = {}
    for item in error.errors():
        key_path = _written_path(item["loc"], document, prefixes)
        message, given = _message(item, key_path)
        messages.setdefault((document.line(key_path), dotted(key_path)), {})[message] = given
    # The branches of a union each say what they wanted; what was given is said once.
    return sorted(
        Problem(line, key, " or ".join(told) + next(iter(told.values()))) for (line, key), told in messages.items()
    )


def _written_path(location: tuple[str | int, ...], document: Document, prefixes: list[KeyPath]) -> KeyPath:
    """Drop what pydantic adds to a location (union branches) and choose where the key is written."""
    candidates = [_known_part((*prefix, *location), document) for prefix in prefixes]
    return max(candidates, key=lambda path: len(path) - len(prefixes[candidates.index(path)]))


def _known_part(key_path: KeyPath, document: Document) -> KeyPath:
    known: list[str | int] = []
    for part in key_path:
        if (*known, part) not in document.lines:
            break
        known.append(part)
    return tuple(known)


def _message(item: Any, key_path: KeyPath) -> tuple[str, str]:
    """Return what is wanted, and what was given instead (empty where that says nothing)."""
    kind, last = item["type"], item["loc"][-1] if item["loc"] else ""
    if kind == "extra_forbidden":
        return f"unknown key{_suggestion(str(last), key_path[:-1])}", ""
    if kind == "missing":
        return f"the key '{last}' is missing", ""
    given = "" if isinstance(item["input"], dict | list) else f", not {_shown(item['input'])}"
    if kind in _WORDS:
        return _WORDS[kind], given or f", not {_shown(item['input'])}"
    if kind == "literal_error":
        return f"should be {item['ctx']['expected']}", given
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(item["ctx"]["pattern"], str(item["msg"])), given
    return str(item["msg"]).removeprefix("Value error, "), given


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _suggestion(key: str, parent: KeyPath) -> str:
    """Name the nearest right key here, or the place where such a key belongs."""
    here = list(_fields_at(parent))
    near = difflib.get_close_matches(key, here, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    elsewhere = {path.rsplit(".", 1)[-1]: path for path in reversed(list(_all_keys(Config)))}
    near = difflib.get_close_matches(key, list(elsewhere), n=1, cutoff=0.8)
    if near:
        return f"; did you mean '{elsewhere[near[0]]}'?"
    return f"; known here: {', '.join(here)}" if here else ""


def _fields_at(key_path: KeyPath) -> Iterable[str]:
    model: type[BaseModel] | None = Config
    for place in (("regions", int), ("region_layer", "overrides", str)):
        if len(key_path) > len(place) and key_path[0] == place[0] and key_path[len(place)] in Overrides.model_fields:
            key_path = key_path[len(place) :]
    for part in key_path:
        if isinstance(part, str):
            field = model.model_fields.get(part) if model is not None else None
            model = _model_in(field.annotation) if field is not None else None
    return () if model is None else model.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_model_in, typing.get_args(annotation)) if model is not None), None)


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        inner = _model_in(field.annotation)
        if inner is not None:
            yield from _all_keys(inner, f"{prefix}{name}.")
