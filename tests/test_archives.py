"""Zips that others made: whatever bytes change in one, it is read or refused in words."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geo_profiling.archives import zip_contents
from geo_profiling.errors import InputError


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("stops", "trips"):
            archive.writestr(f"{name}.txt", "a,b\n" + "1,2\n" * 200)
    return content.getvalue()


WHOLE = zipped()
DIRECTORY = WHOLE.index(b"PK\x01\x02")
#: Where the end of the directory says how long the directory is.
LENGTH = WHOLE.index(b"PK\x05\x06") + 12


def read(path: Path, *, most_bytes: int = 10_000) -> dict[str, bytes]:
    contents = zip_contents(path, list, name="feed.zip", hint="copy it again", most_bytes=most_bytes)
    return {member.filename: data for member, data in contents}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
@example(changes=[(LENGTH + 1, 255)])  # a directory longer than the file: a place before its first byte
@example(changes=[(DIRECTORY + 10, 99)])  # a method that nobody has
@example(changes=[(DIRECTORY + 10, 14)])  # another method than the bytes are packed by
def test_changed_bytes_are_read_or_refused(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, byte in changes:
        content[place] = byte
    path = tmp_path / "feed.zip"
    path.write_bytes(content)
    refused = ""
    try:
        read(path)
    except InputError as error:
        refused = f"{error} ({error.hint})"
    assert refused == "" or re.match(r"feed\.zip: its zip cannot be read: .*\(copy it again\)", refused, re.DOTALL)


@pytest.mark.parametrize("place", [LENGTH + 1, DIRECTORY + 10])
def test_a_damaged_directory_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(WHOLE[:place] + b"\xff" + WHOLE[place + 1 :])
    with pytest.raises(InputError, match="its zip cannot be read"):
        read(path)


def test_no_more_than_the_limit_and_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(WHOLE)
    assert {len(data) for data in read(path, most_bytes=20).values()} == {21}


def test_faults_of_whoever_takes_the_contents_are_theirs(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(WHOLE)
    contents = zip_contents(path, list, name="feed.zip", hint="", most_bytes=10)
    with pytest.raises(OSError, match="disk full"):  # noqa: PT012 - the loop is what fails
        for _ in contents:
            raise OSError("disk full")
