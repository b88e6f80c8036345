"""Where a command's work runs, from its options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from geo_profiling.compute import Compute, Progress, available_cpus, local_cluster
from geo_profiling.errors import InputError, UsageError

#: A scheduler that does not answer within this time is taken for unreachable.
CONNECT_SECONDS = 5


@contextmanager
def choose_compute(
    *, workers: int | None, scheduler: str | None, memory_limit: int | None, progress: Progress
) -> Iterator[Compute]:
    """Yield threads of this process, a local cluster of processes, or a connection to a scheduler.

    Parameters
    ----------
    workers : int, optional
        Processes of a local Dask cluster.
    scheduler : str, optional
        Address of a Dask scheduler, for example ``tcp://10.0.0.5:8786``.
    memory_limit : int, optional
        Bytes; of a local cluster the workers share them.
    progress : Progress
        Told about stages and items.

    Raises
    ------
    UsageError
        If both ``workers`` and ``scheduler`` are given.
    InputError
        If the scheduler cannot be reached.

    Examples
    --------
    >>> from geo_profiling.cli.console import NoProgress
    >>> with choose_compute(workers=None, scheduler=None, memory_limit=None, progress=NoProgress()) as compute:
    ...     list(compute.map(abs, [-1]))
    [1]
    """
    if workers is not None and scheduler is not None:
        raise UsageError("--workers starts a cluster here, --scheduler uses another one", hint="give one of the two")
    if scheduler is not None:
        with _connected(scheduler, progress) as compute:
            yield compute
    elif workers is not None:
        share = None if memory_limit is None else memory_limit // workers
        with local_cluster(workers, memory_limit=share, progress=progress) as compute:
            yield compute
    else:
        yield threads(None, progress)


def threads(workers: int | None, progress: Progress) -> Compute:
    """Return a Compute of threads of this process; one for each processor by default.

    Examples
    --------
    >>> from geo_profiling.cli.console import NoProgress
    >>> threads(3, NoProgress()).parallel
    3
    """
    return Compute(threads=workers or available_cpus(), progress=progress)


@contextmanager
def _connected(scheduler: str, progress: Progress) -> Iterator[Compute]:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler} within {CONNECT_SECONDS} seconds",
            hint="check the address (for example tcp://10.0.0.5:8786) and that `dask scheduler` runs there",
        ) from error
    with client:
        yield Compute(threads=1, client=client, progress=progress)
