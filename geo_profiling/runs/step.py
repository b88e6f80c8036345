"""A step: one unit of work with everything its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from geo_profiling.compute import Compute
from geo_profiling.errors import UsageError
from geo_profiling.runs.digests import DigestCache


class Content(Protocol):
    """Something outside the output folder that a step reads."""

    def digest(self, cache: DigestCache) -> str:
        """Return what identifies the content, whatever its name and time stamps."""


@dataclass(frozen=True)
class FileContent:
    """A whole file as a step's input.

    Parameters
    ----------
    path : Path
        The file.
    siblings : tuple of Path
        Files that belong to it and may be absent (a shapefile's ``.dbf``, ``.prj``, ...).

    Examples
    --------
    >>> FileContent(Path("missing.tif")).digest(DigestCache())
    Traceback (most recent call last):
    ...
    geo_profiling.errors.InputError: missing.tif: cannot be read: No such file or directory
    """

    path: Path
    siblings: tuple[Path, ...] = ()

    def digest(self, cache: DigestCache) -> str:
        """SHA-256 of the file; with siblings present, of all their digests."""
        own = cache.of_file(self.path)
        others = {sibling.suffix: cache.of_file(sibling) for sibling in self.siblings if sibling.exists()}
        return hashlib.sha256(canonical_json([own, others]).encode()).hexdigest() if others else own


@dataclass(frozen=True)
class PartContent:
    """What a step reads of files: the cells or features of its region, not the whole.

    Parameters
    ----------
    view : str
        Identifies which part is read, and how; a text that names the files.
    files : tuple of Path
        Every file that the part depends on; as long as none of them changes nothing is read.
    read : callable
        Gives the part as JSON values, pieces of it by their digests.
    compare : callable
        Takes the part as it was and as it is, and says in words what differs.

    Examples
    --------
    >>> part = PartContent("first line", (), lambda: {"line": 1}, lambda before, after: "line changed")
    >>> part.digest(DigestCache())[:8]
    'f8c708b9'
    """

    view: str
    files: tuple[Path, ...]
    read: Callable[[], Mapping[str, Any]] = field(compare=False)
    compare: Callable[[Mapping[str, Any], Mapping[str, Any]], str] = field(compare=False)

    def digest(self, cache: DigestCache) -> str:
        """SHA-256 of the part as JSON text."""
        return cache.of_view(self.view, self.files, self.read)


@dataclass(frozen=True)
class Step:
    """One unit of work of a region.

    Parameters
    ----------
    name : str
        Unique in its region.
    method_version : str
        Changed by the programmer whenever the same inputs and parameters give another result.
    parameters : mapping
        Resolved, JSON values only; everything the result depends on besides the inputs.
    inputs : mapping of str to Content
        What is read from outside the output folder, by the name the configuration gives it.
    upstream : sequence of str
        Earlier steps of the region whose outputs are read.
    outputs : sequence of str
        Files that are written, relative to the region's folder.
    run : callable
        Does the work: writes every output, each atomically.

    Examples
    --------
    >>> step = Step("count", "1", {"level": 1}, {}, outputs=["n.txt"], run=lambda compute: None)
    >>> step.key({}, {})[:8]
    'b8827573'
    """

    name: str
    method_version: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Content]
    upstream: Sequence[str] = ()
    outputs: Sequence[str] = ()
    run: Callable[[Compute], None] = field(compare=False, kw_only=True)

    def key(self, input_digests: Mapping[str, str], upstream_keys: Mapping[str, str]) -> str:
        """Return the digest of everything the step's result depends on."""
        content = {
            "name": self.name,
            "method_version": self.method_version,
            "parameters": self.parameters,
            "inputs": dict(input_digests),
            "upstream": dict(upstream_keys),
            "outputs": sorted(self.outputs),
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value.

    Raises
    ------
    UsageError
        If the value has no JSON form (NaN included).

    Examples
    --------
    >>> canonical_json({"b": 1, "a": (2, None)})
    '{"a":[2,null],"b":1}'
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"parameters of a step must be JSON values: {error}") from error


def check_steps(steps: Sequence[Step]) -> None:
    """Raise unless names are unique, upstream steps come first and no file is written twice.

    Raises
    ------
    UsageError
        Naming the step.

    Examples
    --------
    >>> first = Step("a", "1", {}, {}, run=print)
    >>> check_steps([first, Step("b", "1", {}, {}, upstream=["a"], run=print)])
    """
    seen: set[str] = set()
    written: set[str] = set()
    for step in steps:
        missing = set(step.upstream) - seen
        if step.name in seen or missing:
            what = "comes twice" if step.name in seen else f"comes before its upstream {', '.join(sorted(missing))}"
            raise UsageError(f"step '{step.name}' {what}")
        for output in step.outputs:
            if output in written or Path(output).is_absolute() or ".." in Path(output).parts:
                raise UsageError(f"step '{step.name}': the output '{output}' is written twice or outside the region")
        seen.add(step.name)
        written.update(step.outputs)
