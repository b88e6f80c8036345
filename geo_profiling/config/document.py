"""A YAML document as plain data, with the line of every key.

YAML 1.2 and nothing clever: no anchors, aliases, tags, directives or second documents. What a
hostile file could make of those is refused before anything is built from it.
"""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, NodeEvent

from geo_profiling.errors import ConfigError

#: A configuration of a thousand regions has a tenth of this.
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML mapping.

    Parameters
    ----------
    path : Path
        The file; messages name it as given.
    data : dict
        Plain dicts, lists and scalars.
    lines : dict
        Line (from 1) of every key path.
    """

    path: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def line(self, key_path: KeyPath) -> int:
        """Line of a key, or of the nearest mapping around it."""
        while key_path and key_path not in self.lines:
            key_path = key_path[:-1]
        return self.lines.get(key_path, 1)


def read_document(path: Path) -> Document:
    r"""Read a YAML file of at most 1 MiB whose root is a mapping.

    Raises
    ------
    ConfigError
        With file and line, if the file is missing, too large, not UTF-8, not YAML 1.2, or uses
        anchors, aliases, tags, duplicate keys or deep nesting.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "project.yaml")
    ...     _ = file.write_text("name: Accra\nyears: [2020]\n")
    ...     document = read_document(file)
    >>> document.data, document.lines["years", 0]
    ({'name': 'Accra', 'years': [2020]}, 2)
    """
    text = _read_text(path)
    try:
        _refuse_cleverness(text, path)
        loaded = YAML(typ="rt", pure=True).load(text)
    except DuplicateKeyError as error:
        raise ConfigError(
            f"{_at(path, error)}: {_first_line(error.problem)}", hint="keep one of the two; nothing was read"
        ) from error
    except MarkedYAMLError as error:
        raise ConfigError(
            f"{_at(path, error)}: not valid YAML: {_first_line(error.problem or error.context)}",
            hint="check indentation, colons and quotes there",
        ) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML: {_first_line(str(error))}") from error
    if not isinstance(loaded, CommentedMap):
        raise ConfigError(f"{path}: not a configuration: the file holds no 'key: value' lines", hint=_START)
    lines: dict[KeyPath, int] = {}
    data = _plain(loaded, (), lines, path)
    return Document(path, data, lines)


_START = "start from one that works: geo-profiling init DIR"


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            reason = "is not a file" if path.exists() else "no such file"
            raise ConfigError(f"{path}: {reason}", hint=_START)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1024} KiB: not a configuration", hint=_START)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", hint="save the file with encoding UTF-8") from error


def _refuse_cleverness(text: str, path: Path) -> None:
    """Walk the events, which build nothing, and refuse what a configuration has no use for."""
    depth = documents = 0
    for event in YAML(typ="rt", pure=True).parse(io.StringIO(text)):
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1 or event.version not in (None, (1, 2)) or event.tags:
                raise ConfigError(f"{path}:{line}: one plain YAML 1.2 document is wanted, without directives")
        elif isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError(
                f"{path}:{line}: anchors (&) and aliases (*) are refused",
                hint="write the values out; what all regions share belongs at the top level",
            )
        elif isinstance(event, NodeEvent) and getattr(event, "ctag", None) is not None:
            raise ConfigError(f"{path}:{line}: tags (!) are refused", hint="write plain values")
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{path}:{line}: nested deeper than {MAX_DEPTH} levels", hint=_START)


def _plain(value: Any, key_path: KeyPath, lines: dict[KeyPath, int], path: Path) -> Any:
    """Turn ruamel's round-trip types into Python's own and note where every key stands."""
    if isinstance(value, CommentedMap):
        result: dict[str, Any] = {}
        for key, item in value.items():
            line = value.lc.key(key)[0] + 1
            if not isinstance(key, str):
                raise ConfigError(f"{path}:{line}: the key {key!r} is not text", hint="put it in quotes")
            lines[*key_path, str(key)] = line
            result[str(key)] = _plain(item, (*key_path, str(key)), lines, path)
        return result
    if isinstance(value, CommentedSeq):
        for index in range(len(value)):
            lines[*key_path, index] = value.lc.item(index)[0] + 1
        return [_plain(item, (*key_path, index), lines, path) for index, item in enumerate(value)]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    # ruamel makes dates, which YAML 1.2 does not have.
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _at(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{path}:{mark.line + 1}" if mark is not None else str(path)


def _first_line(text: str | None) -> str:
    return (text or "unreadable").strip().splitlines()[0]
