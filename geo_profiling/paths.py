"""Paths that inputs may have, and what a file is by its first bytes.

GDAL takes far more than paths: URLs, ``/vsi`` file systems, connection strings, documents given
inline. Nothing reaches it that did not pass :func:`safe_path`, and no name decides what a file is.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from geo_profiling.errors import InputError

Content = Literal[
    "GeoTIFF", "SQLite", "FlatGeobuf", "Parquet", "Shapefile", "JSON", "XML", "ZIP", "gzip", "HDF5", "PNG", "JPEG",
    "PDF", "text", "unknown",
]  # fmt: skip

_MAGIC: tuple[tuple[bytes, Content], ...] = (
    (b"II*\0", "GeoTIFF"),
    (b"MM\0*", "GeoTIFF"),
    (b"II+\0", "GeoTIFF"),
    (b"MM\0+", "GeoTIFF"),
    (b"SQLite format 3\0", "SQLite"),
    (b"fgb\x03fgb", "FlatGeobuf"),
    (b"PAR1", "Parquet"),
    (b"\x00\x00\x27\x0a", "Shapefile"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"%PDF", "PDF"),
)
# "pop.tif" has none, "CSV:/etc/passwd" and "GPKG:x.gpkg:layer" have one; so has a Windows drive,
# which is a single letter.
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_+.\-]+:")
_LOCAL_FILE = "give the path of a file on this machine; remote data must first be fetched to a file"


def safe_path(value: str | os.PathLike[str], *, roots: Sequence[Path] | None) -> Path:
    """Return the real path of an input file, or refuse it.

    Parameters
    ----------
    value : str or path-like
        As the user gave it; a relative one counts from the working directory.
    roots : sequence of Path, or None
        Folders that inputs may lie in, symbolic links followed. None asks only for what holds
        without a folder: a readable, non-empty, regular local file under a plain path.

    Returns
    -------
    Path
        Absolute, without symbolic links.

    Raises
    ------
    InputError
        If the value is a URL, a GDAL file system or connection string, an inline document, or
        names something that is missing, unreadable, empty, not a regular file or outside ``roots``.

    Examples
    --------
    >>> safe_path("/vsicurl/http://example.org/pop.tif", roots=None)
    Traceback (most recent call last):
    ...
    geo_profiling.errors.InputError: '/vsicurl/http://example.org/pop.tif': not a plain path of a local file
    """
    text = os.fspath(value)
    shown = repr(text if len(text) <= 200 else f"{text[:200]}...")
    if not _is_plain(text):
        raise InputError(f"{shown}: not a plain path of a local file", hint=_LOCAL_FILE)
    try:
        real = Path(text).resolve(strict=True)
        mode = real.stat()
    except FileNotFoundError as error:
        raise InputError(f"{shown}: no such file", hint="check the spelling and the folder it counts from") from error
    except (OSError, RuntimeError) as error:
        raise InputError(f"{shown}: cannot be reached: {error}", hint="check the path and its permissions") from error
    if roots is not None and not any(_inside(real, root) for root in roots):
        allowed = ", ".join(str(root) for root in roots)
        raise InputError(f"{shown}: lies outside the folders inputs may come from ({allowed})", hint="move it there")
    if not stat.S_ISREG(mode.st_mode):
        raise InputError(f"{shown}: not a regular file", hint="name one file; folders and devices are not read")
    if not _is_plain(str(real)):
        raise InputError(f"{shown}: leads to {real}, not a plain path of a local file", hint=_LOCAL_FILE)
    if mode.st_size == 0:
        raise InputError(f"{shown}: the file is empty", hint="write or fetch it again")
    if not os.access(real, os.R_OK):
        raise InputError(f"{shown}: permission denied", hint="make the file readable for this user")
    return real


def _is_plain(text: str) -> bool:
    if not text.strip() or any(ord(character) < 32 for character in text):
        return False
    lowered = text.replace("\\", "/").lstrip().lower()
    return not ("://" in text or "<" in text or lowered.startswith("/vsi") or _PREFIX.match(lowered))


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.is_relative_to(root.resolve(strict=True))
    except OSError:
        return False


def sniff(path: Path) -> Content:
    """Tell what a file is by its first bytes, whatever its name says.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    str
        One of :data:`Content`; "text" is anything without control bytes that is not JSON or XML.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     disguised = Path(folder, "pop.tif")
    ...     _ = disguised.write_text("<VRTDataset/>")
    ...     sniff(disguised)
    'XML'
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, content in _MAGIC:
        if head.startswith(magic):
            return content
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return "XML"
    if text.startswith((b"{", b"[")):
        return "JSON"
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return "unknown"
    return "text"


def require_content(path: Path, wanted: Sequence[Content], *, name: str, hint: str) -> Content:
    """Return what the file is, or refuse it when it is none of ``wanted``.

    Raises
    ------
    InputError
        Naming what the file is instead.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder, "flows.csv")
    ...     _ = table.write_text("origin,destination")
    ...     require_content(table, ["text"], name="flows.csv", hint="give a CSV file")
    'text'
    """
    content = sniff(path)
    if content not in wanted:
        kind = "nothing known" if content == "unknown" else content
        raise InputError(f"{name}: is {kind} by its content, not {' or '.join(wanted)}", hint=hint)
    return content
