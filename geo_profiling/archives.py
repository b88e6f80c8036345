"""Reading zips that others made: what is damaged or packed in an unknown way is refused in words."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from geo_profiling.errors import InputError

#: What zipfile raises for bytes that it cannot read. A damaged directory sends it to places that a file does not
#: have (ValueError, OSError) or to methods that nobody has (RuntimeError).
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError, OSError)


def zip_contents(
    path: Path,
    choose: Callable[[list[zipfile.ZipInfo]], Iterable[zipfile.ZipInfo]],
    *,
    name: str,
    hint: str,
    most_bytes: int,
) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Yield the chosen members of a zip with what they hold, one after the other.

    Parameters
    ----------
    path : Path
    choose : callable
        Gives the members to read out of all of them; it may refuse them by an InputError.
    name : str
        What messages call the zip.
    hint : str
        What to do if it cannot be read.
    most_bytes : int
        No more than these and one are read of a member, whatever its header says.

    Raises
    ------
    InputError
        If the zip is damaged, or packed in a way that cannot be unpacked.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.zip")
    ...     with zipfile.ZipFile(file, "w") as archive:
    ...         archive.writestr("a.txt", "tile")
    ...     [data for _, data in zip_contents(file, list, name="a.zip", hint="", most_bytes=100)]
    [b'tile']
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in choose(archive.infolist()):
                with archive.open(member) as stream:
                    data = stream.read(most_bytes + 1)
                yield member, data
    except _UNREADABLE as error:
        raise InputError(f"{name}: its zip cannot be read: {error}", hint=hint) from error
