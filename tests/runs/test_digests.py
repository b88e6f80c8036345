"""Digests follow the content and nothing else; the cache only saves time."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from geo_profiling.errors import InputError
from geo_profiling.runs.digests import RACY_NS, DigestCache


def settle(path: Path) -> None:
    """Date a file back far enough for its status to be trusted."""
    old = time.time_ns() - 10 * RACY_NS
    os.utime(path, ns=(old, old))


def test_known_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert DigestCache().of_file(tmp_path / "a") == expected


def test_change_of_the_same_size_and_time_stamp_is_seen(tmp_path: Path) -> None:
    path, cache = tmp_path / "a", DigestCache()
    path.write_bytes(b"abc")
    settle(path)
    status = path.stat()
    before = cache.of_file(path)
    path.write_bytes(b"abd")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.of_file(path) != before == hashlib.sha256(b"abc").hexdigest()


def test_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, store = tmp_path / "a", tmp_path / "digests.json"
    path.write_bytes(b"abc")
    monkeypatch.setattr("geo_profiling.runs.digests.RACY_NS", -(10**12))
    cache = DigestCache(store)
    digest = cache.of_file(path)
    cache.save()

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    assert DigestCache(store).of_file(path) == digest
    path.write_bytes(b"abcd")
    with pytest.raises(AssertionError, match="read again"):
        DigestCache(store).of_file(path)


def test_file_changed_within_the_clock_of_the_file_system_is_hashed_again(tmp_path: Path) -> None:
    path, cache = tmp_path / "a", DigestCache()
    path.write_bytes(b"abc")
    cache.of_file(path)
    path.write_bytes(b"abd")
    assert cache.of_file(path) == hashlib.sha256(b"abd").hexdigest()


@pytest.mark.parametrize("stored", ["", "{", "[]", '{"format": 99, "files": {}}', '{"format": 1, "files": {"a": 1}}'])
def test_damaged_cache_is_no_obstacle(tmp_path: Path, stored: str) -> None:
    (tmp_path / "digests.json").write_text(stored)
    (tmp_path / "a").write_bytes(b"abc")
    cache = DigestCache(tmp_path / "digests.json")
    assert cache.of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    cache.save()
    assert json.loads((tmp_path / "digests.json").read_text())["format"] == 1


def test_missing_file_is_an_input_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.tif: cannot be read: No such file"):
        DigestCache().of_file(tmp_path / "gone.tif")
