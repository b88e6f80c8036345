"""Delimited text, parsed strictly: what pandas guesses or fills in is an error here."""

from __future__ import annotations

import csv
import io
import logging
import zlib
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from geo_profiling.errors import InputError
from geo_profiling.paths import require_content

#: Unpacked size of a table.
MAX_TABLE_BYTES = 2 * 1024**3
_DELIMITERS = (",", ";", "\t", "|")
_ENCODING_HINT = "name its encoding (for example encoding: latin-1 or utf-16)"
_log = logging.getLogger(__name__)


def decode_table(path: Path, encoding: str, *, name: str) -> str:
    r"""Return the text of a file, unpacked if it is gzip, decoded strictly, without byte-order mark.

    Raises
    ------
    InputError
        If it is no text, not in ``encoding``, too large, or its archive is damaged or cut short.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "flows.csv")
    ...     _ = file.write_bytes(b"\xef\xbb\xbfa,b")
    ...     decode_table(file, "utf-8", name="flows.csv")
    'a,b'
    """
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise _too_large(name)
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = _unpack(data, name)
    elif not encoding.lower().startswith(("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32")):
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{name}: is UTF-16 by its content, not {encoding}", hint="name it (encoding: utf-16)")
        require_content(path, ["text", "JSON"], name=name, hint="give a CSV file")
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise InputError(f"{name}: unknown encoding {encoding!r}", hint=_ENCODING_HINT) from error
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise InputError(f"{name}, row {row}: not {encoding} text ({error.reason})", hint=_ENCODING_HINT) from error
    if "\0" in text:
        raise InputError(f"{name}: holds zero bytes: no text", hint="give a CSV file")
    return text.removeprefix("\ufeff")


def _too_large(name: str) -> InputError:
    return InputError(f"{name}: more than {MAX_TABLE_BYTES} bytes of text", hint="split it, or write it as Parquet")


def _unpack(data: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(data, MAX_TABLE_BYTES)
    except zlib.error as error:
        raise InputError(f"{name}: its gzip archive is damaged: {error}", hint="copy or download it again") from error
    if unpacker.unconsumed_tail:
        raise _too_large(name)
    if not unpacker.eof:
        raise InputError(f"{name}: truncated: its gzip archive ends early", hint="copy or download it again")
    return text


def parse_table(text: str, delimiter: str | None, *, name: str) -> pd.DataFrame:
    r"""Parse delimited text with one header line into columns of text.

    Raises
    ------
    InputError
        If the header is empty or repeats a column, a row is longer or shorter than the header, a
        quote is not closed, the delimiter is doubtful or there are no rows.

    Examples
    --------
    >>> parse_table("id;pop\n1;1.234,5\n", None, name="units.csv").to_numpy().tolist()
    [['1', '1.234,5']]
    """
    delimiter = delimiter or _find_delimiter(text, name)
    header = next(csv.reader(io.StringIO(text[:1_000_000]), delimiter=delimiter, strict=False), [])
    repeated = [column for column, times in Counter(header).items() if times > 1]
    if not header or repeated or any(not column.strip() for column in header):
        cause = f"column {repeated[0]!r} stands twice" if repeated else "a column without a name"
        raise InputError(f"{name}, row 1: {cause} in its header", hint="give every column a name of its own")
    # Quotes come in pairs, doubled ones too; an open one would swallow every row behind it.
    if text.count('"') % 2:
        raise InputError(f"{name}: a quote is not closed", hint='close it, or double it (""), where it is text')
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text.encode()),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            read_options=arrow_csv.ReadOptions(use_threads=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0][:200]
        raise InputError(f"{name}: {reason}", hint="give every row as many values as the header has columns") from error
    if table.num_rows == 0:
        raise InputError(f"{name}: has a header and no rows", hint="check the file")
    frame: pd.DataFrame = table.to_pandas()
    _check_end(text, frame, name)
    return frame


def _find_delimiter(text: str, name: str) -> str:
    """Return the delimiter that gives the first lines the same number of fields, more than one."""
    lines = text[:100_000].splitlines()[:50]
    if len(text) > 100_000:
        lines = lines[:-1]
    fitting = []
    for delimiter in _DELIMITERS:
        widths = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
        if len(widths) == 1 and widths != {1}:
            fitting.append(delimiter)
    if len(fitting) > 1:
        shown = " and ".join(map(repr, fitting))
        raise InputError(f"{name}: {shown} both could separate its columns", hint="name the delimiter")
    if fitting:
        return fitting[0]
    counts = Counter(character for character in (lines[0] if lines else "") if character in _DELIMITERS)
    return counts.most_common(1)[0][0] if counts else ","


def _check_end(text: str, frame: pd.DataFrame, name: str) -> None:
    if text.endswith(("\n", "\r")):
        return
    last = frame.iloc[:, -1]
    widths = last.str.len()
    # Codes of one width, and a shorter one where the file ends: cut, not written so.
    if len(frame) > 20 and widths[:-1].nunique() == 1 and widths.iloc[-1] < widths.iloc[0]:
        raise InputError(
            f"{name}, row {len(frame) + 1}: truncated: ends with {last.iloc[-1]!r} in the middle of a line",
            hint="the file was cut short: copy or download it again",
        )
    _log.warning("table=%s rows=%d finding='last line has no end: the file may be cut short'", name, len(frame))
