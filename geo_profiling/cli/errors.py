"""How commands end: exit codes, and errors in words instead of tracebacks."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from geo_profiling.cli.console import end_console, report_error
from geo_profiling.errors import DEBUG_VARIABLE, GeoProfilingError, InternalFaultError

P = ParamSpec("P")
R = TypeVar("R")

INTERNAL_FAULT, INTERRUPTED = 1, 130


def ends_in_words(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a command raises into a message on stderr and the exit code that belongs to it.

    SIGTERM ends a command like Ctrl-C does: temporary files are removed, exit code 130.

    Examples
    --------
    >>> @ends_in_words
    ... def fail() -> None:
    ...     raise GeoProfilingError("pop.tif: no CRS")
    >>> fail()  # doctest: +SKIP
    Traceback (most recent call last):
    ...
    click.exceptions.Exit: 1
    """

    @functools.wraps(command)
    def ended(*args: P.args, **kwargs: P.kwargs) -> R:
        from geo_profiling.runs.runner import termination_as_interrupt

        debug = bool(os.environ.get(DEBUG_VARIABLE))
        try:
            with termination_as_interrupt():
                return command(*args, **kwargs)
        except GeoProfilingError as error:
            report_error(str(error), hint=error.hint, exit_code=error.exit_code, with_traceback=debug)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            report_error("interrupted", hint="the same command resumes where it stopped", exit_code=INTERRUPTED)
            raise typer.Exit(INTERRUPTED) from error
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BrokenPipeError as error:
            raise typer.Exit(INTERNAL_FAULT) from error
        except OSError as error:
            report_error(_describe(error), hint="", exit_code=INTERNAL_FAULT, with_traceback=debug)
            raise typer.Exit(INTERNAL_FAULT) from error
        except Exception as error:
            fault = InternalFaultError.of(error)
            report_error(str(fault), hint=fault.hint, exit_code=fault.exit_code, with_traceback=debug)
            raise typer.Exit(INTERNAL_FAULT) from error
        finally:
            end_console()

    return ended


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
