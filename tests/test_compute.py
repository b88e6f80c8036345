"""Where work runs: order, limits on what is under way, errors and progress."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from geo_profiling.compute import Compute, available_cpus, local_cluster
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
