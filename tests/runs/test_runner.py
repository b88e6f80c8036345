"""Runs: regions by themselves, failures told, nothing half done left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_profiling.compute import Compute
from geo_profiling.errors import (
    GeoProfilingError,
    InputError,
    InternalFaultError,
    LockedError,
    OutputError,
    RegionsFailedError,
)
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger
from geo_profiling.runs.locks import output_lock
from geo_profiling.runs.runner import (
    RegionResult,
    RegionRun,
    raise_on_failures,
    run_regions,
    termination_as_interrupt,
)
from geo_profiling.runs.step import Step


def writing(path: Path, text: str = "done") -> Callable[[Compute], None]:
    def work(_: Compute) -> None:
        path.write_text(text)

    return work


def failing(error: Exception) -> Callable[[Compute], None]:
    def work(_: Compute) -> None:
        raise error

    return work


def region(out: Path, name: str, *work: tuple[str, Callable[[Compute], None]]) -> RegionRun:
    steps = [Step(output.split(".")[0], "1", {}, {}, outputs=[output], run=run) for output, run in work]
    return RegionRun(name, out / name, lambda: steps)


def run(out: Path, *regions: RegionRun, keep_going: bool = True, force: bool = False) -> list[RegionResult]:
    return run_regions(regions, compute=Compute(1), directory=out, keep_going=keep_going, force=force)


def test_one_failing_region_does_not_sink_the_others(tmp_path: Path) -> None:
    bad = region(tmp_path, "bad", ("a.txt", failing(InputError("pop.tif: no CRS", hint="declare one"))))
    good = region(tmp_path, "good", ("a.txt", writing(tmp_path / "good/a.txt")))
    results = run(tmp_path, bad, good)
    assert [result.ran for result in results] == [[], ["a"]]
    with pytest.raises(RegionsFailedError, match="1 of 2 regions failed: bad") as caught:
        raise_on_failures(results)
    assert str(caught.value).endswith("bad: pop.tif: no CRS")
    assert (caught.value.exit_code, caught.value.hint) == (5, "declare one")


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    bad = region(tmp_path, "bad", ("a.txt", failing(InputError("no"))))
    good = region(tmp_path, "good", ("a.txt", writing(tmp_path / "good/a.txt")))
    assert [result.name for result in run(tmp_path, bad, good, keep_going=False)] == ["bad"]
    assert not (tmp_path / "good").exists()


@pytest.mark.parametrize(
    ("errors", "exit_code"),
    [
        ([InputError("a")], 4),
        ([OutputError("a")], 1),
        ([InputError("a"), InputError("b")], 4),
        ([InputError("a"), OutputError("b")], 5),
        ([InputError("a"), None], 5),
    ],
)
def test_exit_code_of_failed_runs(errors: list[GeoProfilingError | None], exit_code: int) -> None:
    with pytest.raises(GeoProfilingError) as caught:
        raise_on_failures([RegionResult(str(n), error=error) for n, error in enumerate(errors)])
    assert caught.value.exit_code == exit_code


def test_internal_fault_is_called_one_with_what_happened_as_its_cause(tmp_path: Path) -> None:
    results = run(tmp_path, region(tmp_path, "bad", ("a.txt", failing(KeyError(2)))))
    with pytest.raises(InternalFaultError, match="internal fault: KeyError: 2") as raised:
        raise_on_failures(results)
    assert isinstance(raised.value.__cause__, KeyError)
    assert "report it" in raised.value.hint


def test_failure_before_the_first_file_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, region(out, "bad", ("rasters/a.tif", failing(InputError("no")))))
    assert not out.exists()


def test_failure_leaves_old_outputs_and_runs_again(tmp_path: Path) -> None:
    target = tmp_path / "r/a.txt"
    run(tmp_path, region(tmp_path, "r", ("a.txt", writing(target, "old"))))
    (result,) = run(tmp_path, region(tmp_path, "r", ("a.txt", failing(InputError("no")))), force=True)
    assert result.error is not None
    assert target.read_text() == "old"
    (result,) = run(tmp_path, region(tmp_path, "r", ("a.txt", writing(target, "new"))))
    assert (result.ran, target.read_text()) == (["a"], "new")


def test_step_that_does_not_write_what_it_promised_fails(tmp_path: Path) -> None:
    (result,) = run(tmp_path, region(tmp_path, "r", ("a.txt", lambda _: None)))
    assert "should have written" in str(result.error)


def test_files_of_others_are_not_overwritten_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "r/a.txt"
    target.parent.mkdir()
    target.write_text("mine")
    job = region(tmp_path, "r", ("a.txt", writing(target)))
    (result,) = run(tmp_path, job)
    assert "holds files that no run into this folder made: a.txt" in str(result.error)
    assert target.read_text() == "mine"
    assert run(tmp_path, job, force=True)[0].error is None
    assert target.read_text() == "done"


def test_files_no_longer_asked_for_go_and_edited_ones_stay(tmp_path: Path) -> None:
    names = ["a.txt", "maps/b.txt", "c.txt"]
    run(tmp_path, region(tmp_path, "r", *((name, writing(tmp_path / "r" / name)) for name in names)))
    (tmp_path / "r/c.txt").write_text("edited by hand")
    (result,) = run(tmp_path, region(tmp_path, "r", ("a.txt", writing(tmp_path / "r/a.txt"))))
    assert (result.ran, result.kept) == ([], ["a"])
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == [STATE_FOLDER, "a.txt", "c.txt"]
    assert set(Ledger(tmp_path / "r").records) == {"a"}


def test_output_that_a_step_drops_goes(tmp_path: Path) -> None:
    def steps(*outputs: str) -> list[Step]:
        def work(_: Compute) -> None:
            for output in outputs:
                (tmp_path / "r" / output).write_text(output)

        return [Step("s", "1", {}, {}, outputs=outputs, run=work)]

    run(tmp_path, RegionRun("r", tmp_path / "r", lambda: steps("a", "b")))
    run(tmp_path, RegionRun("r", tmp_path / "r", lambda: steps("a")))
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == [STATE_FOLDER, "a"]


def test_leftovers_of_killed_runs_are_swept(tmp_path: Path) -> None:
    job = region(tmp_path, "r", ("a.txt", writing(tmp_path / "r/a.txt")))
    run(tmp_path, job)
    leftover = tmp_path / "r/.a.0123456789ab.geo-tmp.txt"
    leftover.write_text("half")
    assert run(tmp_path, job)[0].ran == []
    assert not leftover.exists()


HOLD = """
import sys
from pathlib import Path
from geo_profiling.runs.locks import output_lock
with output_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "r")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)
    process.communicate()


def test_second_run_is_refused_and_names_the_first(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    job = region(tmp_path, "r", ("a.txt", writing(tmp_path / "r/a.txt")))
    with pytest.raises(LockedError, match=f"another run is writing there .process {holder.pid} on ") as caught:
        run(tmp_path, region(tmp_path, "other", ("a.txt", writing(tmp_path / "other/a.txt"))), job)
    assert caught.value.exit_code == 6
    assert not (tmp_path / "other").exists()
    end(holder, signal.SIGKILL)
    assert run(tmp_path, job)[0].ran == ["a"]


def test_lock_leaves_no_folder_behind_and_none_of_others_away(tmp_path: Path) -> None:
    with output_lock(tmp_path / "new/r"):
        assert (tmp_path / "new/r").is_dir()
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    with output_lock(tmp_path / "old"):
        pass
    assert list((tmp_path / "old").iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"), output_lock(tmp_path / "r"):
        pass


RUN = """
import os, signal, sys
from pathlib import Path
from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Compute
from geo_profiling.runs.runner import RegionRun, run_regions, termination_as_interrupt
from geo_profiling.runs.step import Step

out, die_in, signal_number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
# a shell that starts the tests in the background has it ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

def work(name):
    def run(compute):
        for part in "ab":
            with atomic_file(out / "r" / f"{name}_{part}") as temporary:
                temporary.write_text(f"{name} {part} " * 1000)
                if die_in == f"{name}_{part}":
                    os.kill(os.getpid(), signal_number)
    return run

steps = [Step(n, "1", {}, {}, outputs=[f"{n}_a", f"{n}_b"], run=work(n)) for n in ("one", "two", "three")]
try:
    with termination_as_interrupt():
        (result,) = run_regions([RegionRun("r", out / "r", lambda: steps)], compute=Compute(1), directory=out)
except KeyboardInterrupt:
    sys.exit(130)
print(",".join(result.ran), result.error)
"""


def run_apart(out: Path, die_in: str = "", number: int = 0) -> tuple[int, str]:
    command = [sys.executable, "-c", RUN, str(out), die_in, str(number)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    return process.returncode, process.stdout.strip() + process.stderr


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("die_in", "resumed"), [("one_a", "one,two,three"), ("two_b", "two,three"), ("three_a", "three")]
)
def test_killed_run_leaves_whole_files_and_resumes_to_the_same_bytes(
    tmp_path: Path, die_in: str, resumed: str, number: int
) -> None:
    assert run_apart(tmp_path / "undisturbed") == (0, "one,two,three None")
    whole = files(tmp_path / "undisturbed/r")
    code, _ = run_apart(tmp_path / "out", die_in, number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    if (tmp_path / "out/r").exists():
        left = files(tmp_path / "out/r")
        published = {name: content for name, content in left.items() if "geo-tmp" not in name}
        assert published.items() <= whole.items()
        assert number == signal.SIGKILL or published == left
    assert run_apart(tmp_path / "out") == (0, f"{resumed} None")
    assert files(tmp_path / "out/r") == whole
    assert run_apart(tmp_path / "out") == (0, "None")


def test_termination_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), termination_as_interrupt():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
