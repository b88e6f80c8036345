"""One run at a time in an output folder; the lock falls with the process that holds it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from geo_profiling.errors import LockedError, OutputError
from geo_profiling.runs.ledger import STATE_FOLDER


@contextmanager
def output_lock(directory: Path) -> Iterator[None]:
    """Hold the lock of an output folder, which is created when missing.

    The lock is the operating system's: it falls when the process ends, however it ends. Folders
    that hold nothing but the lock are removed when it is released.

    Parameters
    ----------
    directory : Path
        A region's output folder.

    Raises
    ------
    LockedError
        If another process holds it; the message names process, host, and since when.
    OutputError
        If the folder cannot be created or written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, output_lock(Path(folder, "accra")):
    ...     Path(folder, "accra", STATE_FOLDER, "lock").exists()
    True
    """
    path = directory / STATE_FOLDER / "lock"
    made = _missing_parents(path)
    file = _acquire(path)
    try:
        yield
    finally:
        # Unlinked before it is released: who opens it now makes a new file and a new lock.
        if list(path.parent.iterdir()) == [path] and not _other_entries(directory):
            path.unlink()
            for folder in made:
                _remove_if_empty(folder)
        file.close()


def _acquire(path: Path) -> IO[str]:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OutputError(
                f"{path.parent}: cannot be written: {error.strerror}", hint="choose another folder"
            ) from error
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            holder = file.read()
            file.close()
            raise LockedError(
                f"{path.parent.parent}: another run is writing there{_describe(holder)}",
                hint="wait until it ends, or choose another output folder",
            ) from None
        # The holder before us may have removed the file between our open and our lock.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            _write_holder(file)
            return file
        file.close()


def _lock(file: IO[str]) -> None:
    if sys.platform == "win32":
        import msvcrt

        # Windows locks keep others from reading the locked bytes: lock one beyond the text.
        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write_holder(file: IO[str]) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
    file.seek(0)
    file.truncate()
    file.write(json.dumps(holder))
    file.flush()


def _describe(holder: str) -> str:
    try:
        told = json.loads(holder)
        return f" (process {told['process']} on {told['host']}, since {told['since']})"
    except (ValueError, KeyError, TypeError):
        return ""


def _missing_parents(path: Path) -> list[Path]:
    """Folders above ``path`` that do not exist yet, innermost first."""
    return [folder for folder in path.parents if not folder.exists()]


def _other_entries(directory: Path) -> bool:
    return any(entry.name != STATE_FOLDER for entry in directory.iterdir())


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Not empty: somebody else's files are none of ours.
        return
