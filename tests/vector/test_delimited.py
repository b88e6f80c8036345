"""Tables: read as the text they are, or refused in one clear error."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest

from geo_profiling.errors import InputError
from geo_profiling.vector.read import read_table


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_tables_stay_text(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv", "iso,code,value,note\nNA,007,1e5,\nNO,012,nan,None\n")
    frame = read_table(path)
    assert frame.to_numpy().tolist() == [["NA", "007", "1e5", ""], ["NO", "012", "nan", "None"]]
    assert not frame.isna().any().any()
    assert list(read_table(path, columns=["value", "iso"]).columns) == ["value", "iso"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_quotes(tmp_path: Path, delimiter: str, end: str) -> None:
    rows = [["id", "pop"], ["1", '"1.234,5"'], ["2", '"a;b|c\td"']]
    path = tmp_path / "t.csv"
    path.write_bytes((end.join(delimiter.join(row) for row in rows) + end).encode("utf-8-sig"))
    for given in (None, delimiter):
        frame = read_table(path, delimiter=given)
        assert frame.to_numpy().tolist() == [["1", "1.234,5"], ["2", "a;b|c\td"]]
        assert list(frame.columns) == ["id", "pop"]


def test_encodings_gzip_and_line_breaks_in_quotes(tmp_path: Path) -> None:
    content = 'name,note\nCórdoba,"two\nlines"\n'
    for encoding in ("utf-8", "latin-1", "utf-16"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(content.encode(encoding))
        assert read_table(path, encoding=encoding).to_numpy().tolist() == [["Córdoba", "two\nlines"]]
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    assert read_table(packed).shape == (1, 2)


def test_one_column_and_a_missing_last_line_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        frame = read_table(text(tmp_path / "t.csv", "code\n007\n008"))
    assert frame["code"].tolist() == ["007", "008"]
    assert "may be cut short" in caplog.text


LONG = "origin,destination\n" + "".join(f"{11000 + n},{12000 + n}\n" for n in range(50))
BAD_TABLES: dict[str, tuple[bytes, dict[str, Any], str, str]] = {
    "short row": (b"a,b,c\n1,2,3\n4,5\n", {}, "Expected 3 columns, got 2", "as many values"),
    "long row": (b"a,b\n1,2\n4,5,6\n", {}, "Expected 2 columns, got 3", "as many values"),
    "cut in the last row": (LONG.encode()[:-8], {}, "Expected 2 columns, got 1", "as many values"),
    "cut in the last value": (LONG.encode()[:-3], {}, "row 51: truncated: ends with '120'", "cut short"),
    "column twice": (b"id,pop,id\n1,2,3\n", {}, "row 1: column 'id' stands twice", "name of its own"),
    "column without name": (b"id,,pop\n1,2,3\n", {}, "row 1: a column without a name", "name of its own"),
    "header only": (b"id,pop\n", {}, "no rows", "check"),
    "latin-1 as utf-8": ("a\nb\nCórdoba\n".encode("latin-1"), {}, "row 3: not utf-8 text", "latin-1"),
    "utf-16 as utf-8": ("a,b\n1,2\n".encode("utf-16"), {}, "is UTF-16", "utf-16"),
    "unknown encoding": (b"a,b\n1,2\n", {"encoding": "klingon"}, "unknown encoding", "name its encoding"),
    "two delimiters fit": (b"a;b,c\n1;2,3\n", {}, "both could separate", "name the delimiter"),
    "damaged gzip": (gzip.compress(LONG.encode())[:-30], {}, "truncated: its gzip archive", "again"),
    "binary": (b"\0\1\2\3", {}, "nothing known by its content", "CSV"),
    "XML": (b"<a/>", {}, "is XML by its content", "CSV"),
    "no such column": (b"id,pop\n1,2\n", {"columns": ["popp"]}, "has no field 'popp'", "did you mean 'pop'"),
    "repeated key": (b"id,pop\n1,2\n2,3\n1,4\n", {"key": ["id"]}, "row 2: id '1' stands in several rows", "key"),
    "empty key": (b"id,pop\n1,2\n,3\n", {"key": ["id"]}, "row 3: id '' is empty", "key"),
    "quote never closed": (b'id,pop\n1,"2\n3,4\n5,6\n', {}, "a quote is not closed", "close it"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_table_is_refused(case: str, tmp_path: Path) -> None:
    content, keywords, message, hint = BAD_TABLES[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^t\.csv.*{message}") as caught:
        read_table(path, **keywords)
    assert hint in caught.value.hint


def test_real_tables_read(shared_data: Path) -> None:
    flows = read_table(shared_data / "belgium/flows_2011.csv.gz", key=["origin", "destination"])
    assert flows.shape == (123_201, 3)
