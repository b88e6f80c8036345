"""Reading GTFS feeds: the tables that are needed out of a zip or a folder, as text, nothing unpacked to disk."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from geo_profiling.archives import zip_contents
from geo_profiling.errors import InputError
from geo_profiling.paths import safe_path, sniff
from geo_profiling.vector.delimited import MAX_TABLE_BYTES, parse_table

#: Tables that a feed must have, and those that are read where it has them.
REQUIRED = ("stops", "routes", "trips", "stop_times")
OPTIONAL = ("frequencies", "calendar", "calendar_dates", "shapes")
#: Members of a zip; feeds have some twenty.
_MAX_MEMBERS = 1000
_DAMAGED = "the feed is damaged: copy or download it again"
_NO_FEED = "give a GTFS feed: a zip, or a folder, with stops.txt, routes.txt, trips.txt and stop_times.txt"


def read_feed(
    path: str | os.PathLike[str], *, roots: Sequence[Path] | None = None, name: str | None = None
) -> dict[str, pd.DataFrame]:
    r"""Read the tables of a GTFS feed that tell where and how often public transport stops.

    Parameters
    ----------
    path : str or path-like
        A zip, or a folder, with the feed's text files at its top or in its only folder.
    roots : sequence of Path, optional
        Folders the feed may lie in, see :func:`geo_profiling.paths.safe_path`.
    name : str, optional
        Named in messages; the name of the path by default.

    Returns
    -------
    dict of str to DataFrame
        By table ("stops", ...), every value as text, as it stands in the feed. Always ``REQUIRED``;
        of ``OPTIONAL`` those that are there and have rows.

    Raises
    ------
    InputError
        If the path is no feed, lacks a table, is damaged or encrypted, a table is larger than 2 GiB
        or is no UTF-8, or its rows do not fit its header.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with zipfile.ZipFile(Path(folder, "feed.zip"), "w") as feed:
    ...         feed.writestr("stops.txt", "stop_id,stop_lat,stop_lon\n007,5.6,-0.2\n")
    ...         feed.writestr("routes.txt", "route_id,route_type\nr,3\n")
    ...         feed.writestr("trips.txt", "trip_id,route_id,service_id\nt,r,s\n")
    ...         feed.writestr("stop_times.txt", "trip_id,stop_id,stop_sequence\nt,007,1\n")
    ...     read_feed(Path(folder, "feed.zip"))["stops"]["stop_id"].tolist()
    ['007']
    """
    label = name or Path(path).name
    if Path(path).is_dir():
        texts = _folder_texts(Path(path), roots, label)
    else:
        texts = _zip_texts(safe_path(path, roots=roots), label)
    missing = [table for table in REQUIRED if table not in texts]
    if missing:
        raise InputError(f"{label}: has no {missing[0]}.txt", hint=_NO_FEED)
    return {table: _table(text, f"{label}, {table}.txt") for table, text in texts.items() if _has_rows(table, text)}


def _folder_texts(folder: Path, roots: Sequence[Path] | None, label: str) -> dict[str, str]:
    texts = {}
    for table in (*REQUIRED, *OPTIONAL):
        file = folder / f"{table}.txt"
        # An optional file may be there and empty.
        if file.exists() and (table in REQUIRED or file.stat().st_size > 0):
            real = safe_path(file, roots=roots)
            if real.stat().st_size > MAX_TABLE_BYTES:
                raise _too_large(label, table)
            texts[table] = _decoded(real.read_bytes(), f"{label}, {table}.txt")
    return texts


def _zip_texts(file: Path, label: str) -> dict[str, str]:
    if sniff(file) != "ZIP":
        raise InputError(f"{label}: is {sniff(file)}, no zip", hint=_NO_FEED)
    contents = zip_contents(
        file, lambda infos: _members(infos, label).values(), name=label, hint=_DAMAGED, most_bytes=MAX_TABLE_BYTES
    )
    tables = {}
    for member, data in contents:
        table = Path(member.filename).stem
        # A header may lie about the size: one byte more than the limit was asked for.
        if len(data) > MAX_TABLE_BYTES:
            raise _too_large(label, table)
        tables[table] = _decoded(data, f"{label}, {table}.txt")
    return tables


def _members(infos: list[zipfile.ZipInfo], label: str) -> dict[str, zipfile.ZipInfo]:
    """Return the member of each table: by its exact name, at the top or in the only folder that has stops."""
    if len(infos) > _MAX_MEMBERS:
        raise InputError(f"{label}: {len(infos)} files in one feed, more than {_MAX_MEMBERS}", hint=_NO_FEED)
    tops = {info.filename.removesuffix("stops.txt") for info in infos if info.filename.split("/")[-1] == "stops.txt"}
    tops = {top for top in tops if not top.startswith("__MACOSX/")}
    if "" in tops:
        tops = {""}
    if len(tops) != 1:
        cause = "holds no stops.txt" if not tops else f"holds {len(tops)} feeds: {', '.join(sorted(tops)[:5])}"
        raise InputError(f"{label}: {cause}", hint=_NO_FEED)
    (top,) = tops
    found: dict[str, zipfile.ZipInfo] = {}
    wanted = {f"{top}{table}.txt": table for table in (*REQUIRED, *OPTIONAL)}
    for info in infos:
        table = wanted.get(info.filename)
        if table in found:
            raise InputError(f"{label}: holds {info.filename} twice", hint="keep one of them")
        if table is not None:
            if info.flag_bits & 1:
                raise InputError(f"{label}: {info.filename} is encrypted", hint="give the feed without a password")
            if info.file_size > MAX_TABLE_BYTES:
                raise _too_large(label, table)
            found[table] = info
    return found


def _too_large(label: str, table: str) -> InputError:
    return InputError(f"{label}, {table}.txt: more than {MAX_TABLE_BYTES} bytes of text", hint="cut the feed")


def _decoded(data: bytes, label: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise InputError(f"{label}, row {row}: not UTF-8 text ({error.reason})", hint="GTFS is UTF-8") from error
    if "\0" in text:
        raise InputError(f"{label}: holds zero bytes: no text", hint=_DAMAGED)
    return text


def _has_rows(table: str, text: str) -> bool:
    return table in REQUIRED or len(text.strip().splitlines()) > 1


def _table(text: str, label: str) -> pd.DataFrame:
    frame = parse_table(text, ",", name=label)
    frame.columns = pd.Index([column.strip() for column in frame.columns])
    return frame.apply(lambda column: column.str.strip())
