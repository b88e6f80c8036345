"""Where a command's work runs, from its options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from geo_profiling.compute import Compute, Progress, available_cpus, local_cluster, scheduler_cluster
from geo_profiling.errors import UsageError

#: Dask's own variable; it is used where no option says where work runs.
SCHEDULER_VARIABLE = "DASK_SCHEDULER_ADDRESS"


@contextmanager
def choose_compute(
    *, workers: int | None, scheduler: str | None, memory_limit: int | None, progress: Progress
) -> Iterator[Compute]:
    """Yield threads of this process, a local cluster of processes, or a connection to a scheduler.

    Without either option the scheduler of :data:`SCHEDULER_VARIABLE` is used, if it names one.

    Parameters
    ----------
    workers : int, optional
        Processes of a local Dask cluster.
    scheduler : str, optional
        Address of a Dask scheduler (``tcp://10.0.0.5:8786``), or its scheduler file.
    memory_limit : int, optional
        Bytes; of a local cluster the workers share them.
    progress : Progress
        Told about stages and items.

    Raises
    ------
    UsageError
        If both ``workers`` and ``scheduler`` are given.
    SchedulerError
        If the scheduler cannot be reached or its workers cannot be used.

    Examples
    --------
    >>> from geo_profiling.cli.console import NoProgress
    >>> with choose_compute(workers=2, scheduler=None, memory_limit=None, progress=NoProgress()) as compute:
    ...     compute.client is None  # a cluster starts when it is needed
    True
    """
    if workers is not None and scheduler is not None:
        raise UsageError("--workers starts a cluster here, --scheduler uses another one", hint="give one of the two")
    if scheduler is None and workers is None:
        scheduler = os.environ.get(SCHEDULER_VARIABLE) or None
    if scheduler is not None:
        with scheduler_cluster(scheduler, progress=progress) as compute:
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
