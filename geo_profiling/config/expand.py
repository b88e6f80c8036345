"""What a configuration only points at, put in its place: regions from a layer, files that are fetched."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geo_profiling.config.document import Document, KeyPath
from geo_profiling.config.problems import Problem, dotted
from geo_profiling.config.regions import RegionLayer, region_names
from geo_profiling.errors import InputError

#: Reads a layer of regions: name and heading of each feature. Takes the folders it may lie in.
ReadRegions = Callable[[RegionLayer, Sequence[Path]], Sequence[tuple[str, str]]]
#: Fetches a file and returns where it lies on this machine. Takes its address, the allowed origins and the
#: folder of the results.
FetchFile = Callable[[str, Sequence[str], Path], Path]


def expand_regions(
    layer: RegionLayer, written: Mapping[str, Any], features: Sequence[tuple[str, str]], document: Document
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the regions of a layer as the section ``regions`` would list them, sorted by name.

    Parameters
    ----------
    layer : RegionLayer
    written : mapping
        The same section as it stands in the file.
    features : sequence of tuple of str
        Value of the name field, and heading, of each feature.
    document : Document
        Where problems are placed.

    Returns
    -------
    list of dict
        As plain data.
    list of Problem
        Names that are missing or stand twice, and overrides of regions that there are not.
    """
    place: KeyPath = ("region_layer", "name_field")
    values = [value for value, _ in features]
    problems = [
        Problem(document.line(place), dotted(place), f"feature {row} (from 0) of {layer.path.name} has no name")
        for row, value in enumerate(values)
        if not value.strip()
    ]
    problems += [
        Problem(document.line(place), dotted(place), f"{value!r} names {values.count(value)} features of the layer")
        for value in sorted({value for value in values if value.strip() and values.count(value) > 1})
    ]
    names = region_names(dict.fromkeys(values))
    overrides = written.get("overrides") or {}
    for key in overrides:
        if key not in names and key not in names.values():
            here: KeyPath = ("region_layer", "overrides", key)
            near = difflib.get_close_matches(str(key), [*names.values(), *names], n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            problems.append(Problem(document.line(here), dotted(here), f"the layer has no such region{hint}"))
    outline = {key: written[key] for key in ("path", "layer") if key in written}
    regions = [
        {
            "name": names[value],
            "title": title or value,
            "outline": {**outline, "field": layer.name_field, "value": value},
            "halo_km": layer.halo_km,
            **(overrides.get(value) or overrides.get(names[value]) or {}),
        }
        for value, title in features
    ]
    return sorted(regions, key=lambda region: region["name"]), problems


def localise(
    data: dict[str, Any], document: Document, fetch: FetchFile | None, *, folder: Path
) -> tuple[dict[str, Any], list[Problem], list[Path]]:
    """Return a configuration whose remote inputs are files on this machine.

    Parameters
    ----------
    data : dict
        As written.
    document : Document
        Where problems are placed.
    fetch : callable or None
        Fetches a file from an allowed origin; None refuses every address.
    folder : Path
        Of the results.

    Returns
    -------
    dict
        With the paths of the fetched files.
    list of Problem
        Addresses that are not allowed or could not be fetched.
    list of Path
        The fetched files.
    """
    allowed = data.get("allowed_hosts")
    origins = {str(origin).lower() for origin in allowed} if isinstance(allowed, list) else set()
    problems: list[Problem] = []
    fetched: list[Path] = []

    def replaced(node: Any, place: KeyPath) -> Any:
        if isinstance(node, list):
            return [replaced(item, (*place, index)) for index, item in enumerate(node)]
        if not isinstance(node, dict):
            return node
        return {key: _take(key, value, (*place, key)) for key, value in node.items()}

    def _take(key: str, value: Any, place: KeyPath) -> Any:
        # Without any allowed host an address is no more than a path that cannot be.
        if key != "path" or not isinstance(value, str) or not origins or not _ADDRESS.match(value):
            return replaced(value, place)
        try:
            found = _fetch(value, origins, fetch, folder)
        except InputError as error:
            problems.append(Problem(document.line(place), dotted(place), f"{error}; {error.hint}".removesuffix("; ")))
            return _REFUSED
        fetched.append(found)
        return str(found)

    expanded = {key: replaced(value, (key,)) if key in _WITH_FILES else value for key, value in data.items()}
    return expanded, problems, fetched


#: Stands for a file that was refused: some path, so that it is told once.
_REFUSED = "refused"
_ADDRESS = re.compile(r"(https?|s3)://", re.IGNORECASE)
_WITH_FILES = frozenset({"inputs", "regions", "region_layer"})


def _fetch(address: str, origins: set[str], fetch: FetchFile | None, folder: Path) -> Path:
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.username or parts.password:
        raise InputError("an address with a name or password in it is refused", hint="give them in the environment")
    if origin not in origins:
        raise InputError(f"{origin} is not among 'allowed_hosts'", hint="list it there, or give a local file")
    if fetch is None:
        raise InputError(f"{address} is not fetched here", hint="give a local file")
    return fetch(address, sorted(origins), folder)
