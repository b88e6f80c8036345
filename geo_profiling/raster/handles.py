"""Open handles of GeoTIFFs: one for each thread and file."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from geo_profiling.errors import InputError

#: Open handles that each thread keeps; one more closes the one used longest ago.
MAX_HANDLES_PER_THREAD = 16
DAMAGED = "the file is damaged: copy or download it again and compare its checksum"
_handles = threading.local()


def thread_dataset(path: Path, stamp: tuple[int, int], name: str) -> Any:
    """Return this thread's open handle of the file, opened on first use.

    Parameters
    ----------
    path : Path
        Absolute.
    stamp : tuple of int
        From :func:`file_stamp` when the file was checked.
    name : str
        Named in messages.

    Raises
    ------
    InputError
        If the file changed since, or can no longer be opened.
    """
    if not hasattr(_handles, "open"):
        _handles.open = OrderedDict()
    opened: OrderedDict[Any, Any] = _handles.open
    key = (path, stamp)
    if key in opened:
        opened.move_to_end(key)
        return opened[key]
    if file_stamp(path, name) != stamp:
        raise InputError(f"{name}: the file changed while it was in use", hint="start again once it is complete")
    opened[key] = open_dataset(path, name)
    if len(opened) > MAX_HANDLES_PER_THREAD:
        opened.popitem(last=False)[1].close()
    return opened[key]


def forget_dataset(path: Path, stamp: tuple[int, int]) -> None:
    """Close this thread's handle of the file: after a failed read its caches cannot be trusted."""
    dataset = _handles.open.pop((path, stamp), None)
    if dataset is not None:
        dataset.close()


def open_dataset(path: Path, name: str) -> Any:
    """Open a GeoTIFF with rasterio, as nothing else than a GeoTIFF.

    Raises
    ------
    InputError
        If GDAL cannot; its cause is told.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # Handles must not be shared between threads; naming the driver keeps every other one out.
            return rasterio.open(path, driver="GTiff", sharing=False)
    except RasterioError as error:
        raise InputError(f"{name}: not a readable GeoTIFF: {cause(error)}", hint=DAMAGED) from error


def file_stamp(path: Path, name: str) -> tuple[int, int]:
    """Return size and modification time (ns) of a file: when they change, so did the file."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{name}: the file can no longer be reached: {error}", hint="start again") from error
    return status.st_size, status.st_mtime_ns


def cause(error: BaseException) -> str:
    """GDAL's own words, which rasterio hides behind "See previous exception"."""
    innermost = error
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    return str(innermost).splitlines()[0] if str(innermost) else type(innermost).__name__
