"""SHA-256 digests of files and of parts of them, kept as long as the files' status says they cannot have changed.

A part of a file (the cells or features that one region reads) has a digest of its own: the file may
change elsewhere without the part changing.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geo_profiling.atomic import atomic_file
from geo_profiling.errors import InputError

FORMAT = 1
#: A file changed so shortly before it was hashed may change again without its time stamps telling.
RACY_NS = 2_000_000_000


class DigestCache:
    """Digests of files by content, hashed again only when size, time stamps or inode changed.

    The cache only saves time: when its file is lost or damaged everything is hashed once more.

    Parameters
    ----------
    path : Path, optional
        Where the cache is kept between runs; None keeps it in memory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.txt")
    ...     _ = file.write_text("a")
    ...     DigestCache().of_file(file)[:8]
    'ca978112'
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries = _load(path) if path is not None else {}
        self._changed = False
        self._parts: dict[str, Mapping[str, Any]] = {}

    def of_file(self, path: Path) -> str:
        """Return the SHA-256 digest of a file.

        Raises
        ------
        InputError
            If there is no such file or it cannot be read.
        """
        try:
            status = os.stat(path)
            known = self._entries.get(str(path))
            if known is not None and known["status"] == _status(status) and not _is_racy(status, known["hashed_at"]):
                return str(known["sha256"])
            hashed_at = time.time_ns()
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}", hint="check the path") from error
        self._entries[str(path)] = {"status": _status(status), "hashed_at": hashed_at, "sha256": digest}
        self._changed = True
        return digest

    def of_view(self, view: str, files: Sequence[Path], read: Callable[[], Mapping[str, Any]]) -> str:
        """Return the digest of what is read from files, read again only when one of them changed.

        Parameters
        ----------
        view : str
            Identifies which part of the files is read, and how.
        files : sequence of Path
            Every file that the part depends on.
        read : callable
            Gives the part as JSON values: itself, or digests of its pieces.

        Raises
        ------
        InputError
            If a file is missing or cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "a.txt")
        ...     _ = file.write_text("a")
        ...     DigestCache().of_view("first letter", [file], lambda: {"letter": file.read_text()[0]})[:8]
        '04a43b5b'
        """
        name = f"view {hashlib.sha256(view.encode()).hexdigest()}"
        try:
            found = [os.stat(file) for file in files]
        except OSError as error:
            raise InputError(f"{error.filename}: cannot be read: {error.strerror}", hint="check the path") from error
        status = [_status(one) for one in found]
        known = self._entries.get(name)
        if (
            known is not None
            and known["status"] == status
            and not any(_is_racy(one, known["hashed_at"]) for one in found)
        ):
            return str(known["sha256"])
        hashed_at = time.time_ns()
        parts = read()
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._parts[digest] = parts
        self._entries[name] = {"status": status, "hashed_at": hashed_at, "sha256": digest}
        self._changed = True
        return digest

    def parts(self, digest: str) -> Mapping[str, Any] | None:
        """Return what was read in this process for a digest of :meth:`of_view`; None where nothing was.

        Examples
        --------
        >>> DigestCache().parts("0" * 64) is None
        True
        """
        return self._parts.get(digest)

    def save(self) -> None:
        """Keep the cache for the next run; its folder must exist."""
        if self._path is not None and self._changed:
            text = json.dumps({"format": FORMAT, "files": self._entries}, indent=1, sort_keys=True)
            with atomic_file(self._path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            self._changed = False


def _load(path: Path) -> dict[str, dict[str, Any]]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        files: dict[str, dict[str, Any]] = stored["files"] if stored["format"] == FORMAT else {}
        return {name: entry for name, entry in files.items() if {"status", "hashed_at", "sha256"} <= entry.keys()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _status(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _is_racy(status: os.stat_result, hashed_at: int) -> bool:
    return max(status.st_mtime_ns, status.st_ctime_ns) > hashed_at - RACY_NS
