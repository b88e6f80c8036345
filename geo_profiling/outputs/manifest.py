"""The manifest: what was computed from what, with which versions, when and at what cost.

The only output that holds times, memory, workers and hosts. It is written last: a folder with a
manifest is complete.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from geo_profiling.atomic import atomic_file
from geo_profiling.errors import InputError, OutputError

FILE_NAME = "manifest.json"
FORMAT_VERSION = 1
_PACKAGES = (
    "geo-profiling", "numpy", "pandas", "geopandas", "shapely", "pyproj", "rasterio", "pyogrio", "numba", "xarray",
)  # fmt: skip


@dataclass(frozen=True)
class InputRecord:
    """One input file.

    Attributes
    ----------
    name : str
        What it is, as the config calls it.
    path : str
        As the config gives it, with ``/``.
    sha256 : str
        Hexadecimal.
    size_bytes : int
    source : str
        Who published it; named on maps.
    licence : str
    year : int or None
        What time it shows.
    """

    name: str
    path: str
    sha256: str
    size_bytes: int
    source: str = ""
    licence: str = ""
    year: int | None = None


@dataclass(frozen=True)
class Cost:
    """What the computation took; the part of a manifest that changes between equal runs.

    Attributes
    ----------
    started, finished : str
        ISO 8601, UTC.
    seconds : float
    peak_memory_bytes : int
    workers : int
    host : str
    """

    started: str
    finished: str
    seconds: float
    peak_memory_bytes: int
    workers: int
    host: str = field(default_factory=platform.node)


@dataclass(frozen=True)
class Manifest:
    """All of a manifest.

    Attributes
    ----------
    title : str
        Of the region, as readers know it.
    region : str
        Its name in the config and of its folder.
    year : int or None
        What time the results show.
    source : str
        Credit line for maps.
    inputs : tuple of InputRecord
    parameters : mapping of str
        Every parameter that can change a result; JSON values.
    results : mapping of str
        Figures of the whole region; JSON values. The report shows ``population``, and
        ``class_population`` and ``class_area_km2`` by code of the class grid.
    findings : tuple of mapping of str to str
        What the checks of the inputs found (severity, input, place, message, remedy).
    outputs : mapping of str to str
        Path relative to the folder, with ``/``, to sha256.
    versions : mapping of str to str
        Of Python and of the packages that compute.
    cost : Cost or None
    """

    title: str
    region: str
    year: int | None
    source: str
    inputs: tuple[InputRecord, ...]
    parameters: Mapping[str, Any]
    results: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Mapping[str, str], ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    cost: Cost | None = None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     file_sha256(Path(file.name))[:8]
    'e3b0c442'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of the packages that compute.

    Examples
    --------
    >>> "python" in package_versions()
    True
    """
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a source folder
        return "not installed"


def output_digests(folder: Path, paths: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of finished outputs by their path relative to ``folder``, sorted.

    Examples
    --------
    >>> output_digests(Path("."), [])
    {}
    """
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(paths)}


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest as JSON, keys sorted, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written, or holds what JSON cannot.
    """
    text = _to_text(manifest)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a finished output.

    Raises
    ------
    InputError
        If there is none, or it is not a manifest this version can read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: no manifest can be read there ({error})", hint="name the folder of a finished output"
        ) from error
    return _from_text(text, str(path))


def as_stored(manifest: Manifest) -> Manifest:
    """Return a manifest as it will read back: keys sorted, JSON's types only.

    Examples
    --------
    >>> manifest = Manifest("A", "a", None, "", (), {"z": (1,), "b": 2})
    >>> as_stored(manifest).parameters
    {'b': 2, 'z': [1]}
    """
    return _from_text(_to_text(manifest), manifest.region)


def _to_text(manifest: Manifest) -> str:
    content = {"format_version": FORMAT_VERSION} | asdict(manifest)
    try:
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise OutputError(f"{manifest.region}: the manifest cannot be written as JSON: {error}") from error


def _from_text(text: str, what: str) -> Manifest:
    try:
        content = json.loads(text)
        found = content.pop("format_version")
        if found != FORMAT_VERSION:
            raise InputError(f"{what}: manifest format {found}, this version reads {FORMAT_VERSION}")
        content["inputs"] = tuple(InputRecord(**record) for record in content["inputs"])
        content["findings"] = tuple(content["findings"])
        content["cost"] = None if content["cost"] is None else Cost(**content["cost"])
        return Manifest(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{what}: not a manifest of geo_profiling ({error})") from error
