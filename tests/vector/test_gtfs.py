"""Feeds: read as text out of zips and folders; what is no feed, or hostile, is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from geo_profiling.errors import InputError
from geo_profiling.vector import gtfs
from geo_profiling.vector.gtfs import read_feed

FILES = {
    "stops.txt": "stop_id,stop_lat,stop_lon\n007,5.6,-0.2\nNA,5.7,-0.2\n",
    "routes.txt": "route_id,route_type\nr,3\n",
    "trips.txt": "trip_id,route_id,service_id\nt,r,s\n",
    "stop_times.txt": "trip_id,stop_id,stop_sequence\nt,007,1\n",
}


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def foldered(path: Path, files: dict[str, str]) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


@pytest.mark.parametrize("prefix", ["", "feed/"])
def test_ids_stay_text_wherever_the_files_lie_in_the_zip(tmp_path, prefix):
    names = {f"{prefix}{name}": text for name, text in FILES.items()} | {"__MACOSX/stops.txt": "x"}
    tables = read_feed(zipped(tmp_path / "feed.zip", names))
    assert tables["stops"]["stop_id"].tolist() == ["007", "NA"]
    assert set(tables) == {"stops", "routes", "trips", "stop_times"}


def test_a_folder_reads_like_a_zip(tmp_path):
    folder = foldered(tmp_path / "feed", FILES | {"frequencies.txt": "", "calendar.txt": "service_id\n"})
    zip_file = zipped(tmp_path / "feed.zip", FILES)
    for name, frame in read_feed(zip_file).items():
        assert read_feed(folder)[name].equals(frame)
    assert len(read_feed(folder)) == 4  # tables without rows are as absent


def test_spaces_byte_order_marks_and_quotes_are_no_part_of_values(tmp_path):
    stops = '\ufeffstop_id, stop_lat,stop_lon ,stop_name\r\n007 ,5.6,-0.2,"Market, north"\r\n'
    tables = read_feed(zipped(tmp_path / "feed.zip", FILES | {"stops.txt": stops}))
    assert tables["stops"].to_dict("list") == {
        "stop_id": ["007"], "stop_lat": ["5.6"], "stop_lon": ["-0.2"], "stop_name": ["Market, north"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**FILES, "routes.txt": None}, r"has no routes\.txt"),
        ({"readme.txt": "x"}, r"holds no stops\.txt"),
        ({"a/stops.txt": "x", "b/stops.txt": "x"}, "holds 2 feeds"),
        ({**FILES, "../stops.txt": "x", "stops.txt": None}, r"has no routes\.txt"),
        ({**FILES, "stops.txt": "stop_id,stop_lat\n007\n"}, r"stops\.txt"),
        ({**FILES, "stops.txt": b"stop_id,stop_lat\n\xff,5\n"}, "row 2: not UTF-8"),
        ({**FILES, "stops.txt": "stop_id,stop_lat\na\0,5\n"}, "zero bytes"),
        ({**FILES, "stops.txt": "stop_id,stop_lat\n"}, "no rows"),
        ({**FILES, "stops.txt": ""}, "row 1"),
        ({**FILES, **{f"{number}.txt": "" for number in range(1001)}}, "1005 files in one feed"),
    ],
)
def test_what_is_no_feed_is_refused(tmp_path, files, message):
    path = zipped(tmp_path / "feed.zip", {name: text for name, text in files.items() if text is not None})
    with pytest.raises(InputError, match=message):
        read_feed(path)


def test_files_that_are_no_zip_missing_or_damaged_are_refused(tmp_path):
    text = tmp_path / "feed.zip"
    text.write_text("stop_id\n1\n")
    with pytest.raises(InputError, match="is text, no zip"):
        read_feed(text)
    with pytest.raises(InputError, match="no such file"):
        read_feed(tmp_path / "none.zip")
    with pytest.raises(InputError, match=r"has no stops\.txt"):
        read_feed(foldered(tmp_path / "empty", {}))
    data = zipped(tmp_path / "whole.zip", FILES).read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[:-40])
    with pytest.raises(InputError, match="its zip cannot be read"):
        read_feed(tmp_path / "cut.zip")
    place = data.index(b"stops.txt") + len("stops.txt") + 4
    (tmp_path / "bad.zip").write_bytes(data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :])
    with pytest.raises(InputError, match="its zip cannot be read"):
        read_feed(tmp_path / "bad.zip")


def test_a_feed_outside_the_folders_of_inputs_is_refused(tmp_path):
    allowed = tmp_path / "in"
    allowed.mkdir()
    for path in (zipped(tmp_path / "feed.zip", FILES), foldered(tmp_path / "feed", FILES)):
        with pytest.raises(InputError, match="outside the folders"):
            read_feed(path, roots=[allowed])


def test_tables_that_are_too_large_or_twice_in_the_zip_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for name, text in [*FILES.items(), ("extra.txt", FILES["stops.txt"])]:
            archive.writestr(name, text)
    twice = (tmp_path / "twice.zip").read_bytes().replace(b"extra.txt", b"stops.txt")
    (tmp_path / "twice.zip").write_bytes(twice)
    with pytest.raises(InputError, match=r"holds stops\.txt twice"):
        read_feed(tmp_path / "twice.zip")
    monkeypatch.setattr(gtfs, "MAX_TABLE_BYTES", 20)
    for path in (zipped(tmp_path / "feed.zip", FILES), foldered(tmp_path / "feed", FILES)):
        with pytest.raises(InputError, match="more than 20 bytes"):
            read_feed(path)


def test_an_encrypted_feed_is_refused(tmp_path):
    data = bytearray(zipped(tmp_path / "feed.zip", FILES).read_bytes())
    start = 0
    while (start := data.find(b"PK\x01\x02", start)) >= 0:
        data[start + 8] |= 1
        start += 4
    (tmp_path / "locked.zip").write_bytes(data)
    with pytest.raises(InputError, match="is encrypted"):
        read_feed(tmp_path / "locked.zip")
