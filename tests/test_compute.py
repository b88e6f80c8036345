"""Where work runs: order, limits on what is under way, errors and progress."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo_profiling.compute import (
    Compute,
    SchedulerError,
    TaskKilledError,
    _attempt,
    _has_running_workers,
    _outcome_of,
    available_cpus,
    check_workers,
    local_cluster,
    scheduler_cluster,
    software,
    software_digest,
)
from geo_profiling.errors import InputError, ValueRangeError


class Recorder:
    """Notes what a progress display is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, label: str, total: int | None) -> None:
        self.told.append(f"start {label} {total}")

    def advance(self) -> None:
        self.told.append("advance")

    def finish(self) -> None:
        self.told.append("finish")


def slow_first(item: int) -> int:
    time.sleep(0.02 if item == 0 else 0)
    return item * 10


def fail_on_two(item: int) -> int:
    if item == 2:
        raise ValueRangeError("POP.tif: row 2", hint="declare nodata")
    return item


def process_of(item: int) -> tuple[int, str | None]:
    import geo_profiling  # noqa: F401 - as every task of ours does

    return os.getpid(), os.environ.get("GDAL_DISABLE_READDIR_ON_OPEN")


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_keep_the_order_of_the_items(threads):
    assert list(Compute(threads=threads).map(slow_first, range(20))) == [item * 10 for item in range(20)]
    assert list(Compute(threads=threads).map(slow_first, [])) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_items_are_taken_only_as_needed(threads):
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(1000):
            taken += 1
            yield item

    results = Compute(threads=threads).map(slow_first, items())
    for _ in range(5):
        next(results)
    assert taken <= 5 + 2 * threads
    results.close()


def test_no_more_threads_than_asked_for_work_at_once():
    lock, running, most = threading.Lock(), 0, 0

    def work(item: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    list(Compute(threads=3).map(work, range(40)))
    assert most <= 3


@pytest.mark.parametrize("threads", [1, 4])
def test_error_of_an_item_ends_the_map_and_the_stage(threads):
    progress = Recorder()
    results = Compute(threads=threads, progress=progress).map(fail_on_two, range(100), label="read", total=100)
    with pytest.raises(ValueRangeError, match="row 2") as found:
        list(results)
    assert found.value.hint == "declare nodata"
    assert progress.told == ["start read 100", "advance", "advance", "finish"]


def test_stage_left_early_is_ended():
    progress = Recorder()
    results = Compute(threads=2, progress=progress).map(slow_first, range(9), label="read")
    next(results)
    results.close()
    assert progress.told == ["start read None", "advance", "finish"]


def test_parallel_is_the_number_of_threads():
    assert Compute(threads=5).parallel == 5
    assert Compute().threads == available_cpus() >= 1


def test_local_cluster_works_in_processes_with_our_gdal_environment_and_hands_errors_over():
    with local_cluster(2) as compute:
        assert compute.parallel == 2
        assert list(compute.map(slow_first, range(12))) == [item * 10 for item in range(12)]
        processes, environment = zip(*compute.map(process_of, range(4)), strict=True)
        assert os.getpid() not in processes
        assert set(environment) == {"EMPTY_DIR"}
        with pytest.raises(InputError, match="row 2") as found:
            list(compute.map(fail_on_two, range(6)))
        assert (found.value.hint, found.value.exit_code) == ("declare nodata", 4)
        assert list(compute.map(slow_first, range(3))) == [0, 10, 20]


def count_then_refuse(item: tuple[str, type[Exception]]) -> None:
    """Note the attempt in a file, then fail."""
    folder, kind = item
    with Path(folder, "attempts").open("a", encoding="utf-8") as file:
        file.write("x")
    raise kind("POP.tif: row 2 is damaged")


def fail_once(folder: str) -> str:
    marker = Path(folder, "failed")
    if not marker.exists():
        marker.touch()
        raise OSError("the network share was away")
    return "done"


def end_the_worker_once(folder: str) -> str:
    marker = Path(folder, "killed")
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def hold_memory(megabytes: int) -> int:
    held = bytearray(megabytes * 1_000_000)
    # Touched, so that it counts; held until the nanny has looked.
    for place in range(0, len(held), 4096):
        held[place] = 1
    time.sleep(5)
    return len(held)


class UnpicklableError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def raise_unpicklable(item: int) -> None:
    raise UnpicklableError("cannot", "travel")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Compute]:
    with local_cluster(2, memory_limit=500_000_000) as compute:
        yield compute


def test_refused_input_is_not_tried_again_on_a_cluster(cluster, tmp_path):
    with pytest.raises(InputError, match="row 2 is damaged"):
        list(cluster.map(count_then_refuse, [(str(tmp_path), InputError)]))
    with pytest.raises(ZeroDivisionError):
        list(cluster.map(count_then_refuse, [(str(tmp_path), ZeroDivisionError)]))
    assert (tmp_path / "attempts").read_text() == "xx"


def test_fault_of_the_disk_or_network_is_tried_again(cluster, tmp_path):
    assert list(cluster.map(fail_once, [str(tmp_path)])) == ["done"]


def test_error_that_cannot_travel_still_tells_its_words(cluster):
    with pytest.raises(RuntimeError, match="UnpicklableError: cannot travel"):
        list(cluster.map(raise_unpicklable, [1]))


def test_lost_worker_is_replaced_and_its_task_done_again(cluster, tmp_path):
    assert list(cluster.map(end_the_worker_once, [str(tmp_path)])) == ["done"]
    assert list(cluster.map(slow_first, range(8))) == [item * 10 for item in range(8)]


def test_task_that_fits_no_worker_ends_by_name_and_the_cluster_lives(cluster):
    with pytest.raises(TaskKilledError, match=r"reading POP\.tif: ended its worker \d times") as caught:
        list(cluster.map(hold_memory, [700], label="reading POP.tif"))
    assert (caught.value.exit_code, "--memory-limit" in caught.value.hint) == (4, True)
    assert list(cluster.map(slow_first, range(4))) == [item * 10 for item in range(4)]


def test_cluster_without_a_worker_that_runs_is_given_up(cluster, monkeypatch):
    monkeypatch.setattr("geo_profiling.compute.NO_WORKERS_SECONDS", -1)
    assert _has_running_workers(cluster.client)

    class Waiting:
        status = "pending"

        def result(self, timeout):
            raise TimeoutError

    paused = {"workers": {"tcp://a": {"status": "paused"}}}
    monkeypatch.setattr(cluster.client, "scheduler_info", lambda **_: paused)
    with pytest.raises(SchedulerError, match="classes: for -1 seconds the cluster has had no worker, or all of them"):
        _outcome_of(cluster.client, "classes", Waiting())


def test_cluster_starts_only_when_it_is_needed(monkeypatch):
    monkeypatch.setattr("geo_profiling.compute._start_cluster", lambda *_: pytest.fail("started"))
    with local_cluster(2) as compute:
        assert compute.client is None


def test_cluster_that_cannot_start_is_tried_again_and_told(monkeypatch):
    tried = []

    def refuse(**_):
        tried.append(1)
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", refuse)
    with pytest.raises(SchedulerError, match="2 workers cannot be started: Nanny"), local_cluster(2) as compute:
        compute.start()
    assert len(tried) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"geo_profiling": "other"}, r"worker tcp://10\.0\.0\.7:1: runs another version of geo_profiling"),
        ({"python": "3.9"}, r"worker tcp://10\.0\.0\.7:1: runs Python 3\.9, this process"),
    ],
)
def test_worker_of_other_software_is_refused_by_name(change, words):
    workers = {"tcp://10.0.0.6:1": software(), "tcp://10.0.0.7:1": software() | change}
    with pytest.raises(SchedulerError, match=words) as caught:
        check_workers(workers)
    assert "10.0.0.6" not in str(caught.value)


def test_worker_without_the_package_is_refused_by_name():
    with pytest.raises(SchedulerError, match="worker a: cannot run geo_profiling: No module"):
        check_workers({"a": ModuleNotFoundError("No module named 'geo_profiling'")})


def test_worker_with_other_packages_is_told_by_name(caplog):
    log = logging.getLogger("geo_profiling")
    log.propagate = True
    check_workers({"tcp://10.0.0.7:1": software() | {"numpy": "1.0"}})
    assert "worker tcp://10.0.0.7:1 has other packages" in caplog.text
    assert "numpy 1.0, here" in caplog.text


def test_task_of_other_software_is_refused_where_it_runs():
    outcome = _attempt("other", abs, -1)
    assert isinstance(outcome.error, SchedulerError)
    assert _attempt(None, abs, -1).value == _attempt(software_digest(), abs, -1).value == 1


@pytest.mark.parametrize("where", ["tcp://127.0.0.1:1", "nonsense://x", "tcp://nohost.invalid:8786"])
def test_scheduler_that_does_not_answer_is_told_soon(where, monkeypatch):
    monkeypatch.setattr("geo_profiling.compute.CONNECT_SECONDS", 1)
    with pytest.raises(SchedulerError, match="no Dask scheduler answers at"), scheduler_cluster(where):
        pass


def test_missing_scheduler_file_is_told_at_once(tmp_path):
    with pytest.raises(SchedulerError, match="no such scheduler file"), scheduler_cluster(str(tmp_path / "s.json")):
        pass


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[tuple[str, Path, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers in processes of their own, as on a network."""
    folder = tmp_path_factory.mktemp("scheduler")
    file = folder / "scheduler.json"
    common = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    processes = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file],
            **common,
        )
    ]
    try:
        deadline = time.monotonic() + 60
        while not (file.exists() and file.read_text().endswith("}")) and time.monotonic() < deadline:
            time.sleep(0.1)
        worker = [*dask, "worker", "--scheduler-file", file, "--nthreads", "1", "--nworkers", "2", "--no-dashboard"]
        processes.append(subprocess.Popen(worker, **common))
        # Told by each process when it is first asked: a source file may have been saved since this one was.
        software_digest.cache_clear()
        yield json.loads(file.read_text())["address"], file, processes
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def test_external_scheduler_by_address_and_by_file_gives_the_same(scheduler):
    address, file, _ = scheduler
    for where in (address, str(file)):
        with scheduler_cluster(where) as compute:
            deadline = time.monotonic() + 30
            while compute.parallel < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert compute.parallel == 2
            assert list(compute.map(abs, range(-12, 0))) == list(range(12, 0, -1))
            # The tests are not installed there: only what is can be named.
            assert list(compute.map(os.getenv, ["GDAL_DISABLE_READDIR_ON_OPEN"])) == ["EMPTY_DIR"]


def test_scheduler_that_ends_under_work_is_told(scheduler, monkeypatch):
    address, _, processes = scheduler
    with scheduler_cluster(address) as compute:
        results = compute.map(time.sleep, [0.1] * 100, label="classes")
        next(results)
        processes[0].kill()
        with pytest.raises(SchedulerError, match="scheduler is gone"):
            list(results)


def test_two_clusters_on_one_machine_do_not_meet():
    with local_cluster(1) as one, local_cluster(1) as other:
        assert list(one.map(abs, [-1])) == list(other.map(abs, [-1])) == [1]
