"""Where work runs: threads of this process, a local Dask cluster, or a scheduler's address.

Knows no method. Results come back in the order of the items, whatever finished first, so that
sums and files never depend on timing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from geo_profiling._env import GDAL_ENVIRONMENT

T = TypeVar("T")
R = TypeVar("R")


class Progress(Protocol):
    """What a command shows while it works."""

    def start(self, label: str, total: int | None) -> None:
        """Begin a stage of ``total`` items (None: unknown)."""

    def advance(self) -> None:
        """One item of the stage is done."""

    def finish(self) -> None:
        """End the stage."""


class _Silent:
    def start(self, label: str, total: int | None) -> None: ...

    def advance(self) -> None: ...

    def finish(self) -> None: ...


def available_cpus() -> int:
    """Return the number of processors this process may use.

    Examples
    --------
    >>> available_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class Compute:
    """Runs a function over items, in threads or on a Dask cluster; results keep the items' order.

    Parameters
    ----------
    threads : int
        Threads of this process (used when ``client`` is None).
    client : distributed.Client, optional
        A connected client; functions and items must then be picklable: send paths and windows.
    progress : Progress, optional
        Told about stages and items.

    Examples
    --------
    >>> list(Compute(threads=2).map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    threads: int = field(default_factory=available_cpus)
    client: Any = None
    progress: Progress = field(default_factory=_Silent)

    @property
    def parallel(self) -> int:
        """How many items run at once."""
        if self.client is None:
            return self.threads
        return max(1, sum(self.client.nthreads().values()))

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, label: str = "", total: int | None = None
    ) -> Iterator[R]:
        """Yield ``function(item)`` for each item, in order, with at most twice ``parallel`` under way."""
        self.progress.start(label, total)
        try:
            for result in self._results(function, items):
                self.progress.advance()
                yield result
        finally:
            self.progress.finish()

    def _results(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        if self.client is not None:
            submit = lambda item: self.client.submit(function, item, pure=False, retries=3)  # noqa: E731
            yield from _in_order(submit, items, 2 * self.parallel)
        elif self.threads == 1:
            yield from map(function, items)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                yield from _in_order(lambda item: pool.submit(function, item), items, 2 * self.threads)


def _in_order(submit: Callable[[T], Any], items: Iterable[T], ahead: int) -> Iterator[Any]:
    pending: deque[Any] = deque()
    try:
        for item in items:
            pending.append(submit(item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


@contextmanager
def local_cluster(
    workers: int, *, memory_limit: int | None = None, progress: Progress | None = None
) -> Iterator[Compute]:
    """Start a local Dask cluster of ``workers`` processes of one thread each and yield its Compute.

    Workers start with the package's GDAL environment.

    Parameters
    ----------
    workers : int
        Number of processes.
    memory_limit : int, optional
        Bytes for each worker.
    progress : Progress, optional
        Told about stages and items.

    Examples
    --------
    >>> with local_cluster(1) as compute:  # doctest: +SKIP
    ...     list(compute.map(abs, [-1]))
    [1]
    """
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": GDAL_ENVIRONMENT | _single_thread_environment()}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory_limit or "auto",
            dashboard_address=None,
            processes=True,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield Compute(threads=1, client=client, progress=progress or _Silent())


def _single_thread_environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
