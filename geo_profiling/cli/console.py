"""What the user sees on stderr while a command works: log lines, progress, one error at the end."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from geo_profiling.compute import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LogFormat = Literal["text", "json"]

#: Where output is no terminal a stage says at most this often how far it is.
SECONDS_BETWEEN_LINES = 5.0
_ROOT = "geo_profiling"


def _print_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Handler(logging.Handler):
    """Writes log records to stderr, above a progress bar if there is one.

    Parameters
    ----------
    log_format : {"text", "json"}
        For people, or one JSON object a line.
    write : callable
        Takes a line.
    """

    def __init__(self, log_format: LogFormat, write: Callable[[str], None] = _print_to_stderr) -> None:
        super().__init__()
        self.log_format = log_format
        self.write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.write(_as_json(record) if self.log_format == "json" else _as_text(record))


def _as_text(record: logging.LogRecord) -> str:
    fields = dict(getattr(record, "fields", {}))
    hint = fields.pop("hint", "")
    fields.pop("exit_code", None)
    where = " ".join(str(fields.pop(name)) for name in ("region", "step") if name in fields)
    level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
    line = f"{level}{where}{': ' if where else ''}{record.getMessage()}"
    line += "".join(f" {name}={value}" for name, value in fields.items())
    if record.exc_info:
        line += "\n" + logging.Formatter().formatException(record.exc_info)
    return f"{line}\nhint: {hint}" if hint else line


def _as_json(record: logging.LogRecord) -> str:
    content: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
        **getattr(record, "fields", {}),
    }
    if record.exc_info:
        content["traceback"] = logging.Formatter().formatException(record.exc_info)
    return json.dumps(content, ensure_ascii=False, default=str)


def start_console(*, quiet: bool = False, log_format: LogFormat = "text") -> Progress:
    """Send the package's log to stderr and return the progress display that fits the place.

    Parameters
    ----------
    quiet : bool
        Errors only, no progress.
    log_format : {"text", "json"}
        "json": one object a line, no progress.

    Examples
    --------
    >>> isinstance(start_console(quiet=True), NoProgress)
    True
    """
    progress: Progress = NoProgress()
    handler = Handler(log_format)
    if not quiet and log_format == "text":
        if sys.stderr.isatty():
            bar = BarProgress()
            progress, handler.write = bar, bar.write
        else:
            progress = LineProgress()
    log = logging.getLogger(_ROOT)
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.ERROR if quiet else logging.INFO)
    return progress


def end_console() -> None:
    """Give the log back as it was: what calls commands from Python has a log of its own.

    Examples
    --------
    >>> _ = start_console(quiet=True)
    >>> end_console()
    >>> logging.getLogger("geo_profiling").propagate
    True
    """
    log = logging.getLogger(_ROOT)
    log.handlers[:] = []
    log.propagate = True
    log.setLevel(logging.NOTSET)


def report_error(message: str, *, hint: str, exit_code: int, with_traceback: bool = False) -> None:
    """Write the error that ends a command, in the format the command logs in.

    Examples
    --------
    >>> report_error("pop.tif: no CRS", hint="declare one", exit_code=4)  # doctest: +SKIP
    """
    log = logging.getLogger(_ROOT)
    if not log.handlers:
        start_console()
    log.error(message, extra={"fields": {"hint": hint, "exit_code": exit_code}}, exc_info=with_traceback)


class NoProgress:
    """Shows nothing."""

    def start(self, label: str, total: int | None) -> None:
        """Ignore a stage."""

    def advance(self) -> None:
        """Ignore an item."""

    def finish(self) -> None:
        """Ignore an end."""


class LineProgress:
    """Plain lines, for logs and pipes: a stage that takes long says how far it is.

    Parameters
    ----------
    write : callable
        Takes a line.

    Examples
    --------
    >>> progress = LineProgress(print)
    >>> progress.start("classes", 2)
    >>> progress.advance()
    >>> progress.finish()
    """

    def __init__(self, write: Callable[[str], None] = _print_to_stderr) -> None:
        self._write = write
        self._stages: list[tuple[str, int | None, int]] = []
        self._told = 0.0

    def start(self, label: str, total: int | None) -> None:
        """Begin a stage."""
        if not self._stages:
            self._told = time.monotonic()
        self._stages.append((label, total, 0))

    def advance(self) -> None:
        """Count an item; say so when nothing was said for a while."""
        label, total, done = self._stages[-1]
        self._stages[-1] = (label, total, done + 1)
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            share = f" ({100 * (done + 1) // total} %)" if total else ""
            self._write(f"{label or 'working'}: {done + 1}{f' of {total}' if total else ''}{share}")

    def finish(self) -> None:
        """End the stage."""
        self._stages.pop()


class BarProgress:
    """A bar for each stage, on a terminal; gone when the stage is over.

    Parameters
    ----------
    console : rich.console.Console, optional
        Standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console as RichConsole

        self._console = console or RichConsole(stderr=True)
        self._tasks: list[TaskID] = []
        self._bars: RichProgress | None = None

    def write(self, line: str) -> None:
        """Write a line above the bars."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def start(self, label: str, total: int | None) -> None:
        """Show a bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        if self._bars is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = RichProgress(*columns, console=self._console, transient=True)
            self._bars.start()
        self._tasks.append(self._bars.add_task(label or "working", total=total))

    def advance(self) -> None:
        """Move the innermost bar."""
        if self._bars is not None:
            self._bars.advance(self._tasks[-1])

    def finish(self) -> None:
        """Take the innermost bar away."""
        if self._bars is not None:
            self._bars.remove_task(self._tasks.pop())
            if not self._tasks:
                self._bars.stop()
                self._bars = None
