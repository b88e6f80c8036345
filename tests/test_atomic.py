"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from geo_profiling.atomic import atomic_file, sweep_temporary, write_error
from geo_profiling.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_replaces_only_when_finished(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.suffix == ".csv"
        assert temporary.name.startswith(".")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["table.csv"]


def write_half(target: Path, failure: BaseException) -> None:
    with atomic_file(target) as temporary:
        temporary.write_text("half")
        Path(f"{temporary}-journal").write_text("a driver's own file")
        raise failure


@pytest.mark.parametrize("failure", [ValueError("broken"), KeyboardInterrupt()])
def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(type(failure)):
        write_half(target, failure)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    with pytest.raises(OutputError, match=r"table\.csv: cannot be written: No space") as caught, atomic_file(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "MB are free" in caught.value.hint
    assert names(tmp_path) == []


def test_a_full_disk_is_called_so_whatever_the_driver_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert "the disk is full (not recognized)" in str(write_error(tmp_path / "a.tif", ValueError("not recognized")))


def test_other_os_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), atomic_file(tmp_path / "a.csv"):
        raise ConnectionError("the scheduler is gone")


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nothing was written"), atomic_file(tmp_path / "a.csv"):
        pass


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"), atomic_file(tmp_path / "missing" / "a.csv"):
        pass
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"), atomic_file(tmp_path / "folder.csv"):
        pass


def test_a_killed_writer_leaves_the_old_file_and_its_rest_is_swept(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.csv"
    target.parent.mkdir()
    target.write_text("old")
    script = (
        "import sys, time, pathlib; from geo_profiling.atomic import atomic_file\n"
        "with atomic_file(pathlib.Path(sys.argv[1])) as t:\n"
        "    t.write_text('half'); print('ready', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert target.read_text() == "old"
    assert len(names(target.parent)) == 2
    (swept,) = sweep_temporary(tmp_path)
    assert swept.parent == target.parent
    assert names(target.parent) == ["table.csv"]


def test_file_mode_follows_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "a.csv") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(old)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o640


def test_sweep_leaves_other_hidden_files(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("mine")
    assert sweep_temporary(tmp_path) == []
    assert names(tmp_path) == [".hidden"]
