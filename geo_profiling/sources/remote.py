"""Inputs that lie elsewhere: fetched whole, once, and read from this machine like any other file.

The web and object storage (``s3://``, by :mod:`fsspec`) are reached by this module alone; GDAL stays
without a network. A staged file is fetched again when the server says that its content is another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Progress
from geo_profiling.errors import InputError
from geo_profiling.sources.download import Downloader, fetch_file, read_origin, write_origin


def stage(address: str, folder: Path, *, origins: Iterable[str], progress: Progress | None = None) -> Path:
    """Return the copy on this machine of a remote file, fetched if there is none or it is not the same any more.

    Parameters
    ----------
    address : str
        ``https://host/path``, ``http://host:port/path`` or ``s3://bucket/key``.
    folder : Path
        Of staged files; created.
    origins : iterable of str
        Where files may come from, as the key ``allowed_hosts`` gives them; redirects included.
    progress : Progress, optional

    Raises
    ------
    InputError
        If the file cannot be had, or the address leads elsewhere than the origins.
    """
    known = {origin.lower() for origin in origins}
    if not _is_allowed(known)(address):
        raise InputError(f"{address}: is not among 'allowed_hosts'", hint="list its host there")
    name = Path(urlsplit(address).path).name
    if not name or name.startswith("."):
        raise InputError(f"{address}: names no file")
    target = folder / hashlib.sha256(address.encode()).hexdigest()[:16] / name
    take = _take_object if address.lower().startswith("s3://") else _take_web_file
    take(address, target, known, progress)
    return target


def _is_allowed(origins: set[str]) -> Callable[[str], bool]:
    def allowed(address: str) -> bool:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}".lower() in origins

    return allowed


def _take_web_file(address: str, target: Path, origins: set[str], progress: Progress | None) -> None:
    allowed = _is_allowed(origins)
    asker = Downloader(target, allowed=allowed)
    version, origin = asker.remote_version(address), read_origin(target)
    if origin is not None and version and origin.version == version and _is_whole(target, origin.sha256):
        return
    target.unlink(missing_ok=True)
    fetched = fetch_file(address, target, allowed=allowed, progress=progress)
    write_origin(target, address=address, title="", licence="", citation="", version=fetched)


def _take_object(address: str, target: Path, _origins: set[str], progress: Progress | None) -> None:
    system, error_types = _object_storage(address)
    try:
        about = system.info(address)
        version = str(about.get("ETag") or about.get("LastModified") or "")
        origin = read_origin(target)
        if origin is not None and version and origin.version == version and _is_whole(target, origin.sha256):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if progress is not None:
            progress.start(f"fetching {target.name}", 1)
        try:
            with atomic_file(target) as temporary:
                system.get_file(address, str(temporary))
                if temporary.stat().st_size != about["size"]:
                    raise InputError(f"{address}: broke off at {temporary.stat().st_size} of {about['size']} bytes")
        finally:
            if progress is not None:
                progress.finish()
    except error_types as error:
        raise InputError(
            f"{address}: cannot be fetched: {error}", hint="check bucket, key and credentials (AWS_* variables)"
        ) from error
    write_origin(target, address=address, title="", licence="", citation="", version=version)


def _object_storage(address: str) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        errors = import_module("botocore.exceptions")
        return import_module("fsspec").filesystem("s3"), (OSError, errors.BotoCoreError, errors.ClientError)
    except ImportError as error:
        raise InputError(
            f"{address}: object storage needs the package s3fs, which is not installed", hint="pip install s3fs"
        ) from error


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
