"""Where work runs: threads of this process, a local Dask cluster, or a scheduler's address.

Knows no method. Results come back in the order of the items, whatever finished first, so that
sums and files never depend on timing. What a worker refuses (a damaged file, a bad value) is not
tried again; what a lost worker had under way is.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import platform
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, TypeVar

from geo_profiling._env import GDAL_ENVIRONMENT
from geo_profiling.errors import InputError, MemoryLimitError

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger(__name__)

#: A scheduler that does not answer within this time is taken for unreachable.
CONNECT_SECONDS = 5
#: A scheduler may take this long to have its first worker.
FIRST_WORKER_SECONDS = 30
#: How long work waits for a cluster that has lost all its workers.
NO_WORKERS_SECONDS = 300
_CLUSTER_TRIES = 3
#: Windows of grids are nothing to spill, and a worker that pauses for the memory of its own libraries
#: would pause for ever. One that comes near its limit is ended and replaced.
_MEMORY_SETTINGS = {f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause")}
#: Packages whose version can change a result; workers with others are told.
_COMPARED = (
    "numpy",
    "scipy",
    "pandas",
    "geopandas",
    "shapely",
    "pyproj",
    "rasterio",
    "pyogrio",
    "numba",
    "distributed",
)


class SchedulerError(InputError):
    """The Dask cluster that was asked for cannot be used, or is gone; no region can be computed."""


class TaskKilledError(MemoryLimitError):
    """A task ended every worker that tried it."""


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
        Threads of this process (used when there is no client).
    client : distributed.Client, optional
        A connected client; functions and items must then be picklable: send paths and windows.
    progress : Progress, optional
        Told about stages and items.
    connect : callable, optional
        Gives the client when it is first needed: a run that has nothing to compute starts no cluster.
    software : str, optional
        From :func:`software_digest`: workers that run anything else refuse their tasks.

    Examples
    --------
    >>> list(Compute(threads=2).map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    threads: int = field(default_factory=available_cpus)
    client: Any = None
    progress: Progress = field(default_factory=_Silent)
    connect: Callable[[], Any] | None = None
    software: str | None = None

    @property
    def parallel(self) -> int:
        """How many items run at once."""
        self.start()
        if self.client is None:
            return self.threads
        return max(1, sum(self.client.nthreads().values()))

    def start(self) -> None:
        """Connect to the cluster, if there is one and it was not done yet.

        Raises
        ------
        SchedulerError
            If the cluster cannot be used.
        """
        if self.client is None and self.connect is not None:
            self.client = self.connect()

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, label: str = "", total: int | None = None
    ) -> Iterator[R]:
        """Yield ``function(item)`` for each item, in order, with at most twice ``parallel`` under way.

        Raises
        ------
        SchedulerError
            If the cluster is gone.
        TaskKilledError
            If an item ended every worker that tried it, most likely for want of memory.
        """
        self.start()
        self.progress.start(label, total)
        try:
            for result in self._results(function, items, label):
                self.progress.advance()
                yield result
        finally:
            self.progress.finish()

    def _results(self, function: Callable[[T], R], items: Iterable[T], label: str) -> Iterator[R]:
        if self.client is not None:
            task = partial(_attempt, self.software, function)
            submit = lambda item: self.client.submit(task, item, pure=False, retries=2)  # noqa: E731
            for outcome in _in_order(submit, items, 2 * self.parallel, partial(_outcome_of, self.client, label)):
                if outcome.error is not None:
                    raise outcome.error
                yield outcome.value
        elif self.threads == 1:
            yield from map(function, items)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                yield from _in_order(lambda item: pool.submit(function, item), items, 2 * self.threads, _result_of)


def _in_order(
    submit: Callable[[T], Any], items: Iterable[T], ahead: int, result: Callable[[Any], Any]
) -> Iterator[Any]:
    pending: deque[Any] = deque()
    try:
        for item in items:
            pending.append(submit(item))
            if len(pending) >= ahead:
                yield result(pending.popleft())
        while pending:
            yield result(pending.popleft())
    finally:
        for future in pending:
            future.cancel()


def _result_of(future: Any) -> Any:
    return future.result()


@dataclass(frozen=True)
class _Outcome:
    """What a task gave: a value, or the reason why it has none."""

    value: Any = None
    error: Exception | None = None


def _attempt(digest: str | None, function: Callable[[T], R], item: T) -> _Outcome:
    """Run a task on a worker; what would fail again comes back as an outcome, so that Dask does not try again."""
    if digest is not None and digest != software_digest():
        return _Outcome(error=SchedulerError(f"worker on {platform.node()}: {_OTHER_SOFTWARE}", hint=_SAME_SOFTWARE))
    try:
        return _Outcome(function(item))
    except OSError:
        # Of the disk or the network: another worker, or the same a moment later, may succeed.
        raise
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return _Outcome(error=RuntimeError(f"{type(error).__name__}: {error}"))
        return _Outcome(error=error)


def _outcome_of(client: Any, label: str, future: Any) -> _Outcome:
    """Wait for a task, as long as there are workers or may be again."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    alone_since: float | None = None
    while True:
        try:
            outcome: _Outcome = future.result(timeout=10)
        except KilledWorker as error:
            tries, last = error.allowed_failures + 1, error.last_worker.address
            raise TaskKilledError(
                f"{label or 'a task'}: ended its worker {tries} times, last {last}",
                hint="most likely it does not fit the workers' memory: raise --memory-limit, or use fewer workers",
            ) from error
        except (CancelledError, FutureCancelledError, CommClosedError) as error:
            raise SchedulerError(
                f"{label or 'work'}: the Dask scheduler is gone: {error}", hint="start it again; the run resumes"
            ) from error
        except TimeoutError as error:
            if future.status == "error":
                raise
            alone_since = None if _has_running_workers(client) else alone_since or time.monotonic()
            if alone_since is not None and time.monotonic() - alone_since > NO_WORKERS_SECONDS:
                raise SchedulerError(
                    f"{label or 'work'}: for {NO_WORKERS_SECONDS} seconds the cluster has had no worker, "
                    "or all of them pause for want of memory",
                    hint="start workers (dask worker ADDRESS), or give them more memory; the run resumes",
                ) from error
        else:
            return outcome


def _has_running_workers(client: Any) -> bool:
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return any(worker["status"] == "running" for worker in workers)


@contextmanager
def local_cluster(
    workers: int, *, memory_limit: int | None = None, progress: Progress | None = None
) -> Iterator[Compute]:
    """Yield the Compute of a local Dask cluster of ``workers`` processes of one thread each.

    The cluster starts when it is first needed. Workers have the package's GDAL environment; one that
    passes its memory limit is ended and replaced.

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
    with ExitStack() as stack:
        connect = partial(_start_cluster, workers, memory_limit, stack)
        yield Compute(threads=1, progress=progress or _Silent(), connect=connect)


def _start_cluster(workers: int, memory_limit: int | None, stack: ExitStack) -> Any:
    import dask
    from distributed import Client, LocalCluster

    environment = GDAL_ENVIRONMENT | _single_thread_environment()
    settings = {"distributed.nanny.pre-spawn-environ": environment, **_MEMORY_SETTINGS}
    stack.enter_context(dask.config.set(settings))
    for attempt in range(_CLUSTER_TRIES):
        try:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=memory_limit or "auto",
                    dashboard_address=None,
                    # Without it Dask still asks for one and the same port, and warns when two runs meet.
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    processes=True,
                )
            )
            return stack.enter_context(Client(cluster))
        except (RuntimeError, OSError, TimeoutError) as error:
            # A worker that is lost while the cluster starts takes the others with it; later ones are replaced.
            _log.warning("the local cluster did not start: %s", error, extra={"fields": {"attempt": attempt + 1}})
            reason = error
    raise SchedulerError(
        f"a local cluster of {workers} workers cannot be started: {reason}",
        hint="use fewer workers, or threads (leave --workers out)",
    ) from reason


def _single_thread_environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


# --- a scheduler that others started ---------------------------------------------------------------


@contextmanager
def scheduler_cluster(scheduler: str, *, progress: Progress | None = None) -> Iterator[Compute]:
    """Yield the Compute of the Dask cluster that a scheduler leads.

    Parameters
    ----------
    scheduler : str
        Its address (``tcp://10.0.0.5:8786``), or the scheduler file that it wrote.
    progress : Progress, optional
        Told about stages and items.

    Raises
    ------
    SchedulerError
        If nothing answers there, it has no workers, or it or one of them has other software.

    Examples
    --------
    >>> with scheduler_cluster("tcp://10.0.0.5:8786") as compute:  # doctest: +SKIP
    ...     list(compute.map(abs, [-1]))
    [1]
    """
    with ExitStack() as stack:
        client = stack.enter_context(_client(scheduler))
        try:
            client.wait_for_workers(1, timeout=FIRST_WORKER_SECONDS)
        except TimeoutError as error:
            raise SchedulerError(
                f"the Dask scheduler at {scheduler} has no workers",
                hint=f"start some: dask worker {client.scheduler.address}",
            ) from error
        try:
            # It takes the tasks apart, and so needs the package as well.
            there: Any = client.run_on_scheduler(software)
        except Exception as error:
            there = error
        check_workers({"(the scheduler itself)": there, **client.run(software, on_error="return")})
        yield Compute(threads=1, client=client, progress=progress or _Silent(), software=software_digest())


def _client(scheduler: str) -> Any:
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    hint = "check the address (for example tcp://10.0.0.5:8786) and that `dask scheduler` runs there"
    where: dict[str, Any] = {"address": scheduler}
    if "://" not in scheduler and (scheduler.endswith(".json") or os.sep in scheduler):
        # Dask itself would wait for a missing file for ever.
        if not Path(scheduler).is_file():
            raise SchedulerError(f"{scheduler}: there is no such scheduler file", hint=hint)
        where = {"scheduler_file": scheduler}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)
            return Client(**where, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, KeyError, TimeoutError) as error:
        raise SchedulerError(
            f"no Dask scheduler answers at {scheduler} within {CONNECT_SECONDS} seconds", hint=hint
        ) from error


_OTHER_SOFTWARE = "runs another version of geo_profiling than this process"
_SAME_SOFTWARE = "install the same version on every worker, and start the workers again"


@lru_cache(maxsize=1)
def software_digest() -> str:
    """Return the digest of the package's own source files: equal wherever the same code runs.

    Examples
    --------
    >>> len(software_digest())
    64
    """
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for folder in (root, root.parent / "pipelines"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(root.parent).as_posix().encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def software() -> dict[str, str]:
    """Return what runs in this process: our own code by digest, Python and the packages that compute.

    Examples
    --------
    >>> sorted(software())[:2]
    ['distributed', 'geo_profiling']
    """
    found = {"geo_profiling": software_digest(), "python": ".".join(platform.python_version_tuple()[:2])}
    for name in _COMPARED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def check_workers(workers: Mapping[str, Any]) -> None:
    """Refuse workers of other software than this process, and warn of those with other packages.

    Parameters
    ----------
    workers : mapping
        By address of the worker what :func:`software` gives there, or the error it raises.

    Raises
    ------
    SchedulerError
        Naming each worker whose own code or Python is another.

    Examples
    --------
    >>> check_workers({"tcp://10.0.0.7:4000": software()})
    >>> check_workers({"tcp://10.0.0.7:4000": software() | {"python": "2.7"}})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    geo_profiling.compute.SchedulerError: worker tcp://10.0.0.7:4000: runs Python 2.7, this process ...
    """
    here = software()
    refused = []
    for address, there in sorted(workers.items()):
        if not isinstance(there, dict):
            refused.append(f"worker {address}: cannot run geo_profiling: {there}")
        elif there["python"] != here["python"]:
            refused.append(f"worker {address}: runs Python {there['python']}, this process {here['python']}")
        elif there["geo_profiling"] != here["geo_profiling"]:
            refused.append(f"worker {address}: {_OTHER_SOFTWARE}")
        else:
            others = [f"{name} {there[name]}, here {here[name]}" for name in _COMPARED if there[name] != here[name]]
            if others:
                text = f"worker {address} has other packages, last digits may differ: {'; '.join(others)}"
                _log.warning(text, extra={"fields": {"hint": _SAME_SOFTWARE}})
    if refused:
        raise SchedulerError("\n".join(refused), hint=_SAME_SOFTWARE)
