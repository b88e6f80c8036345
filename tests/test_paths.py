"""What may be the path of an input, and what a file is by its content."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_profiling.errors import InputError
from geo_profiling.paths import require_content, safe_path, sniff


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file in it and a secret beside it."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / "pop.tif").write_bytes(b"II*\0")
    (tmp_path / "secret.tif").write_bytes(b"II*\0")
    return inputs


def test_plain_file_gives_its_real_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert safe_path(folder / "pop.tif", roots=[folder]) == (folder / "pop.tif").resolve()
    monkeypatch.chdir(folder)
    assert safe_path("pop.tif", roots=None) == (folder / "pop.tif").resolve()
    assert safe_path("../inputs/pop.tif", roots=[folder]).is_absolute()


@pytest.mark.parametrize(
    "value",
    [
        "http://example.org/pop.tif",
        "file:///etc/passwd",
        "/vsicurl/http://example.org/pop.tif",
        "/VSIZIP/pop.zip/pop.tif",
        "\\vsimem\\pop.tif",
        " /vsistdin/",
        "<VRTDataset/>",
        '  <GDAL_WMS><Service name="TMS"/></GDAL_WMS>',
        "WFS:example.org",
        "CSV:/etc/passwd",
        "GPKG:pop.gpkg:layer",
        "zip+http:example",
        "NETCDF:pop.nc:v",
        "",
        "   ",
        "pop\0.tif",
        "pop\n.tif",
        "s3://bucket/pop.tif",
        "PG:dbname=x",
    ],
)
def test_what_is_no_plain_path_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="not a plain path") as caught:
        safe_path(value, roots=None)
    assert caught.value.hint


def test_missing_empty_and_irregular_files_are_refused(folder: Path) -> None:
    (folder / "empty.tif").touch()
    os.mkfifo(folder / "pipe.tif")
    (folder / "loop.tif").symlink_to(folder / "loop.tif")
    cases = {
        "absent.tif": "no such file",
        "empty.tif": "the file is empty",
        "pipe.tif": "not a regular file",
        ".": "not a regular file",
        "loop.tif": "cannot be reached",
        "pop.tif/below": "cannot be reached",
    }
    for value, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            safe_path(folder / value, roots=None)
        assert str(folder / value)[:50] in str(caught.value)
    with pytest.raises(InputError, match="not a regular file"):
        safe_path("/dev/zero", roots=None)


def test_nothing_outside_the_roots_is_reached(folder: Path) -> None:
    secret = folder.parent / "secret.tif"
    (folder / "link.tif").symlink_to(secret)
    (folder / "up").symlink_to(folder.parent)
    (folder.parent / "inputs2").mkdir()
    (folder.parent / "inputs2" / "pop.tif").write_bytes(b"II*\0")
    for value in (secret, folder / "../secret.tif", folder / "link.tif", folder / "up" / "secret.tif"):
        with pytest.raises(InputError, match="outside the folders inputs may come from"):
            safe_path(value, roots=[folder])
    # A folder whose name merely begins like the root's is another folder.
    with pytest.raises(InputError, match="outside the folders"):
        safe_path(folder.parent / "inputs2" / "pop.tif", roots=[folder])
    assert safe_path(secret, roots=[folder, folder.parent]) == secret.resolve()
    with pytest.raises(InputError, match="outside the folders"):
        safe_path(folder / "pop.tif", roots=[])
    with pytest.raises(InputError, match="outside the folders"):
        safe_path(folder / "pop.tif", roots=[folder / "absent"])


def test_a_link_inside_the_roots_is_followed(folder: Path) -> None:
    (folder / "link.tif").symlink_to(folder / "pop.tif")
    assert safe_path(folder / "link.tif", roots=[folder]) == (folder / "pop.tif").resolve()


@given(st.text(max_size=60))
def test_any_text_is_a_file_or_a_clear_refusal(value: str) -> None:
    with suppress(InputError):
        assert safe_path(value, roots=None).is_file()


@pytest.mark.parametrize(
    ("head", "content"),
    [
        (b"II*\0rest", "GeoTIFF"),
        (b"MM\0*rest", "GeoTIFF"),
        (b"II+\0", "GeoTIFF"),
        (b"SQLite format 3\0", "SQLite"),
        (b"fgb\x03fgb\x01", "FlatGeobuf"),
        (b"PAR1...", "Parquet"),
        (b"\0\0\x27\x0a", "Shapefile"),
        (b"PK\x03\x04", "ZIP"),
        (b"\x1f\x8b\x08", "gzip"),
        (b'\xef\xbb\xbf \n{"type"', "JSON"),
        (b"\n <?xml version='1.0'?>", "XML"),
        (b"id,name\n1,Cote d'Ivoire\n", "text"),
        ("id,name\n1,Côte d'Ivoire\n".encode(), "text"),
        (b"\x7fELF\x02\x01\0\0", "unknown"),
    ],
)
def test_content_is_told_by_the_first_bytes(tmp_path: Path, head: bytes, content: str) -> None:
    path = tmp_path / "pop.tif"
    path.write_bytes(head)
    assert sniff(path) == content
    assert require_content(path, [content], name="pop.tif", hint="x") == content
    with pytest.raises(InputError, match=r"pop\.tif: is .* by its content, not "):
        require_content(path, ["PDF"], name="pop.tif", hint="convert it")
