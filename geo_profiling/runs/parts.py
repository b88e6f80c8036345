"""What was read of the inputs, kept beside the ledger: so that a plan can say where an input changed.

One file for each digest. They explain and decide nothing: without them a plan says less.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from geo_profiling.atomic import atomic_file
from geo_profiling.runs.ledger import STATE_FOLDER

_FOLDER = "contents"


def load_parts(directory: Path, digest: str) -> Mapping[str, Any] | None:
    """Return the part of a digest as it was read; None where it was not kept.

    Examples
    --------
    >>> load_parts(Path("nowhere"), "0" * 64) is None
    True
    """
    try:
        found = json.loads(_place(directory, digest).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def has_parts(directory: Path, digest: str) -> bool:
    """Tell whether the part of a digest was kept.

    Examples
    --------
    >>> has_parts(Path("nowhere"), "0" * 64)
    False
    """
    return _place(directory, digest).is_file()


def keep_parts(directory: Path, digest: str, parts: Mapping[str, Any]) -> None:
    """Keep a part under its digest.

    Parameters
    ----------
    directory : Path
        The region's output folder.
    digest : str
    parts : mapping
        JSON values.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keep_parts(Path(folder), "ab", {"line": 1})
    ...     load_parts(Path(folder), "ab")
    {'line': 1}
    """
    path = _place(directory, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(parts, sort_keys=True), encoding="utf-8")


def drop_parts(directory: Path, *, keep: Collection[str]) -> None:
    """Remove every part but those of the digests in ``keep``, and the folder when it is empty.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keep_parts(Path(folder), "ab", {"line": 1})
    ...     drop_parts(Path(folder), keep=[])
    ...     Path(folder, STATE_FOLDER, "contents").exists()
    False
    """
    folder = directory / STATE_FOLDER / _FOLDER
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.stem not in keep:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _place(directory: Path, digest: str) -> Path:
    return directory / STATE_FOLDER / _FOLDER / f"{digest}.json"
