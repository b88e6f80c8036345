"""Files appear whole or not at all: written beside their place under a hidden name, then moved in.

A crash, a kill or a full disk leaves the old file as it was. What a killed process left behind is
removed by :func:`sweep_temporary` when the next run starts.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geo_profiling.errors import OutputError

_MARK = ".geo-tmp"
_FULL_MB = 1.0
_OUTPUT_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; what is written there becomes ``path`` on success.

    The file is flushed to the disk, moved over ``path`` in one step, and the folder is flushed, so
    that at any moment ``path`` is absent, the old file or the finished new one. On any failure the
    temporary file, and what drivers wrote beside it, is removed.

    Parameters
    ----------
    path : Path
        Where the file will stand; its folder must exist.

    Yields
    ------
    Path
        A hidden, unused name in the same folder with the same suffix; nothing exists there yet.

    Raises
    ------
    OutputError
        If the folder is missing or read-only, ``path`` is a folder, nothing was written, or the
        disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "a.txt").read_text()
    'done'
    """
    _require_writable(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{_MARK}{path.suffix}")
    try:
        yield temporary
        if not temporary.is_file():
            raise OutputError(f"{path}: nothing was written")
        _publish(temporary, path)
    except OSError as error:
        if error.errno not in _OUTPUT_ERRNOS:
            raise
        raise write_error(path, error) from error
    finally:
        for leftover in temporary.parent.glob(f"{temporary.name}*"):
            leftover.unlink(missing_ok=True)


def write_error(path: Path, error: BaseException) -> OutputError:
    """Return the error that says ``path`` cannot be written, why, and how much space is free.

    Examples
    --------
    >>> str(write_error(Path("a.tif"), OSError(28, "No space left on device")))
    'a.tif: cannot be written: No space left on device'
    """
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    free = shutil.disk_usage(path.parent).free / 1e6
    if free < _FULL_MB:
        # Drivers say this in many ways, most of them unclear.
        reason = f"the disk is full ({reason})"
    return OutputError(
        f"{path}: cannot be written: {reason}",
        hint=f"{free:,.0f} MB are free in {path.parent.resolve()}: make room or choose another folder; "
        "an older file in its place is untouched",
    )


def sweep_temporary(folder: Path, *, older_than_seconds: float = 0.0) -> list[Path]:
    """Remove the temporary files that killed processes left in ``folder`` and below.

    Call it only while holding the folder's lock: another process's files under way look the same.

    Parameters
    ----------
    folder : Path
    older_than_seconds : float
        Only files whose time of change is at least this far from now, in either direction; for folders
        that no lock guards.

    Returns
    -------
    list of Path
        What was removed, sorted.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / ".a.0123456789ab.geo-tmp.txt").write_text("half")
    ...     [left.name for left in sweep_temporary(Path(folder))]
    ['.a.0123456789ab.geo-tmp.txt']
    """
    found = sorted(
        path
        for path in folder.rglob(f".*{_MARK}*")
        if (path.is_file() or path.is_symlink()) and abs(time.time() - path.lstat().st_mtime) >= older_than_seconds
    )
    for path in found:
        path.unlink(missing_ok=True)
    return found


def flush_to_disk(path: Path) -> None:
    """Make the content of a file, or the entries of a folder, survive a power loss.

    Examples
    --------
    >>> flush_to_disk(Path("."))
    """
    # Windows opens no folders and flushes no read-only handles; its os.replace writes through.
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_writable(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, a file is to be written there", hint="choose another name")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist", hint="create it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: the folder {path.parent} is read-only", hint="choose another folder")


def _publish(temporary: Path, path: Path) -> None:
    flush_to_disk(temporary)
    os.replace(temporary, path)
    flush_to_disk(path.parent)
