"""The errors of the package: one root, one exit code each.

A message says what is wrong, in which file, layer or row; the ``hint`` says what to do.
"""

from __future__ import annotations


class GeoProfilingError(Exception):
    """Root of every error this package raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong and where (file, layer, row, key).
    hint : str, optional
        What the user can do about it.

    Attributes
    ----------
    exit_code : int
        The exit code of the command line when this error ends a command.

    Examples
    --------
    >>> error = InputError("POP.tif: no CRS", hint="assign one with gdal_edit.py -a_srs")
    >>> error.exit_code, str(error)
    (4, 'POP.tif: no CRS')
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(GeoProfilingError):
    """A command or function was called with arguments that cannot be meant."""

    exit_code = 2


class ConfigError(GeoProfilingError):
    """The configuration file cannot be read or does not validate."""

    exit_code = 3


class InputError(GeoProfilingError):
    """An input file, layer or value cannot be right."""

    exit_code = 4


class CRSError(InputError):
    """A coordinate reference system is missing, wrong or unfit for the measurement."""


class GridError(InputError):
    """Grids that must be aligned are not."""


class ValueRangeError(InputError):
    """Raster or table values that cannot be what they are declared to be."""


class MemoryLimitError(InputError):
    """The work does not fit the memory limit the user set."""


class OutputError(GeoProfilingError):
    """An output cannot be written (disk full, read-only folder, someone else's files)."""


class RegionsFailedError(GeoProfilingError):
    """Some regions of a run failed; the others were published."""

    exit_code = 5


class LockedError(GeoProfilingError):
    """Another run holds the output folder."""

    exit_code = 6


#: Set to anything, the command line shows the traceback of what ended it.
DEBUG_VARIABLE = "GEO_PROFILING_DEBUG"


class InternalFaultError(GeoProfilingError):
    """Something failed that this package did not foresee: a fault of ours, not of the user's files.

    Examples
    --------
    >>> str(InternalFaultError.of(KeyError("band")))
    "internal fault: KeyError: 'band'"
    """

    @classmethod
    def of(cls, error: Exception) -> InternalFaultError:
        """Return the fault in words, with what happened as its cause."""
        fault = cls(
            f"internal fault: {type(error).__name__}: {error}",
            hint=f"a fault of geo-profiling: please report it with the output of {DEBUG_VARIABLE}=1",
        )
        fault.__cause__ = error
        return fault
