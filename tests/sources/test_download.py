"""Downloads arrive whole or not at all, are resumed, and say where they came from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from geo_profiling.errors import InputError
from geo_profiling.sources.download import any_https, fetch_file, read_origin, write_origin

CONTENT = bytes(range(256)) * 20_000  # 5 MB


class Recorder:
    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, label: str, total: int | None) -> None:
        self.told.append(f"start {label} {total}")

    def advance(self) -> None:
        self.told.append("advance")

    def finish(self) -> None:
        self.told.append("finish")


def test_file_arrives_with_progress_in_megabytes(web, tmp_path: Path) -> None:
    web.files["/pop.tif"] = CONTENT
    progress = Recorder()
    version = fetch_file(f"{web.address}/pop.tif", tmp_path / "deep/pop.tif", progress=progress)
    assert (tmp_path / "deep/pop.tif").read_bytes() == CONTENT
    assert version.startswith('"')
    assert progress.told == ["start fetching pop.tif 5", *["advance"] * 5, "finish"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["pop.tif"]


def test_broken_transfer_is_resumed_where_it_broke_off(web, tmp_path: Path) -> None:
    web.files["/pop.tif"] = CONTENT
    web.broken = 2
    fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif")
    assert (tmp_path / "pop.tif").read_bytes() == CONTENT
    first, second, third = (span for _, _, span in web.asked)
    assert first is None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) < int(third.removeprefix("bytes=").rstrip("-"))


def test_transfer_that_keeps_breaking_is_an_error_and_the_next_call_resumes(
    web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geo_profiling.sources.download._TRIES", 2)
    web.files["/pop.tif"] = CONTENT
    web.broken = 2
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif")
    assert "resumed" in caught.value.hint
    assert not (tmp_path / "pop.tif").exists()
    fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif")
    assert web.asked[-1][2] is not None
    assert (tmp_path / "pop.tif").read_bytes() == CONTENT


def test_file_that_changed_in_between_is_taken_from_the_start(
    web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geo_profiling.sources.download._TRIES", 1)
    web.files["/pop.tif"] = CONTENT
    web.broken = 1
    with pytest.raises(InputError):
        fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif")
    web.files["/pop.tif"] = CONTENT[::-1]
    fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif")
    assert (tmp_path / "pop.tif").read_bytes() == CONTENT[::-1]


def test_what_is_there_is_not_fetched_again_and_a_damaged_file_is(web, tmp_path: Path) -> None:
    web.files["/pop.tif"] = CONTENT
    digest = hashlib.sha256(CONTENT).hexdigest()
    for _ in range(2):
        fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif", sha256=digest)
    assert len(web.asked) == 1
    (tmp_path / "pop.tif").write_bytes(b"half")
    fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif", sha256=digest)
    assert (tmp_path / "pop.tif").read_bytes() == CONTENT


def test_other_content_than_expected_is_refused_and_leaves_nothing(web, tmp_path: Path) -> None:
    web.files["/pop.tif"] = CONTENT
    with pytest.raises(InputError, match="not the file that was expected"):
        fetch_file(f"{web.address}/pop.tif", tmp_path / "pop.tif", sha256="0" * 64)
    assert not (tmp_path / "pop.tif").exists()


def test_missing_file_is_told_at_once(web, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the server answers 404"):
        fetch_file(f"{web.address}/gone.tif", tmp_path / "gone.tif")
    assert len(web.asked) == 1


def test_redirects_lead_only_where_files_may_come_from(web, tmp_path: Path) -> None:
    web.files["/real.tif"] = CONTENT
    web.redirects = {"/a.tif": "/real.tif", "/b.tif": "http://169.254.169.254/secrets", "/c.tif": "/c.tif"}
    fetch_file(f"{web.address}/a.tif", tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"169\.254\.169\.254/secrets: leads where files may not be fetched from"):
        fetch_file(f"{web.address}/b.tif", tmp_path / "b.tif")
    with pytest.raises(InputError, match="redirected more than"):
        fetch_file(f"{web.address}/c.tif", tmp_path / "c.tif")


def test_server_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geo_profiling.sources.download._TRIES", 1)
    with pytest.raises(InputError, match="cannot be fetched"):
        fetch_file("http://127.0.0.1:9/pop.tif", tmp_path / "pop.tif")


def test_origin_stands_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "pop.tif").write_bytes(b"abc")
    address = "https://example.org/pop.tif"
    write_origin(tmp_path / "pop.tif", address=address, title="People", licence="CC BY 4.0", citation="They (2020)")
    stored = json.loads((tmp_path / "pop.tif.source.json").read_text())
    assert stored["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert (stored["licence"], stored["citation"], stored["size_bytes"]) == ("CC BY 4.0", "They (2020)", 3)
    origin = read_origin(tmp_path / "pop.tif")
    assert origin is not None
    assert origin.address == address
    (tmp_path / "pop.tif.source.json").write_text("{")
    assert read_origin(tmp_path / "pop.tif") is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("https://a.org/x", True), ("http://localhost:8000/x", True), ("http://a.org/x", False), ("file:///x", False),
     ("ftp://a.org/x", False)],
)  # fmt: skip
def test_only_safe_addresses_are_asked(address: str, allowed: bool) -> None:
    assert any_https(address) is allowed
