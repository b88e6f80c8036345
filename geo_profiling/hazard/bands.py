"""Bands of a hazard's intensity, and the classes that ground has beside them.

Dry, permanent water, unknown (no data) and outside (the hazard grid does not reach there) are four
different things; each cell is in exactly one class.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo_profiling.errors import UsageError

#: Whether cells without data are unknown, or dry because the provider says so.
NodataMeans = Literal["unknown", "dry"]

DRY: Final = "dry"
UNKNOWN: Final = "unknown"
OUTSIDE: Final = "outside"
WATER: Final = "permanent_water"
#: Depths in metres: none or low, ankle, waist, above.
DEFAULT_THRESHOLDS: Final = (0.15, 0.5, 1.5)


@dataclass(frozen=True)
class Bands:
    """Bands between thresholds, closed on the left.

    Parameters
    ----------
    thresholds : tuple of float
        Rising, in the unit of the hazard.

    Raises
    ------
    UsageError
        If there is none, or they do not rise.

    Examples
    --------
    >>> Bands((0.15, 0.5, 1.5)).labels
    ('<0.15', '0.15-0.5', '0.5-1.5', '>=1.5')
    >>> Bands((0.15,)).classes
    ('dry', '<0.15', '>=0.15', 'unknown', 'outside', 'permanent_water')
    """

    thresholds: tuple[float, ...] = DEFAULT_THRESHOLDS

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.thresholds, self.thresholds[1:], strict=False))
        if not self.thresholds or not rising or not all(math.isfinite(value) for value in self.thresholds):
            raise UsageError(
                f"thresholds {', '.join(f'{value:g}' for value in self.thresholds) or 'none'} make no bands",
                hint="give rising numbers, for example 0.15,0.5,1.5",
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """From the lowest band to the highest."""
        names = [plain(value) for value in self.thresholds]
        between = [f"{low}-{high}" for low, high in itertools.pairwise(names)]
        return (f"<{names[0]}", *between, f">={names[-1]}")

    @property
    def exceedances(self) -> tuple[str, ...]:
        """Names of what is at or above each threshold."""
        return tuple(f">={plain(value)}" for value in self.thresholds)

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class in the order of its code: dry, the bands, unknown, outside, permanent water."""
        return (DRY, *self.labels, UNKNOWN, OUTSIDE, WATER)

    def code(self, name: str) -> int:
        """Return the code of a class."""
        return self.classes.index(name)

    def scaled(self, per_unit: int) -> tuple[float, ...]:
        """Return the thresholds in a unit of which ``per_unit`` make one, without binary rounding.

        Examples
        --------
        >>> Bands((0.07, 0.15)).scaled(100), 0.07 * 100
        ((7.0, 15.0), 7.000000000000001)
        """
        return tuple(float(Decimal(repr(value)) * per_unit) for value in self.thresholds)

    def codes_of(self, values: NDArray[Any], *, per_unit: int = 1, has_dry: bool = True) -> NDArray[np.uint8]:
        """Return the class of every value: dry, a band, or unknown for NaN.

        Parameters
        ----------
        values : ndarray of float32 or float64
            Thresholds are compared in the values' own precision: a stored 0.7 is at least 0.7.
        per_unit : int
            Units of the values in one unit of the thresholds: 100 for centimetres.
        has_dry : bool
            Whether 0 means that there is none of the hazard.

        Examples
        --------
        >>> codes = Bands((0.15, 0.5)).codes_of(np.array([0.0, 0.01, 0.15, 0.5, np.nan], dtype=np.float32))
        >>> [Bands((0.15, 0.5)).classes[code] for code in codes]
        ['dry', '<0.15', '0.15-0.5', '>=0.5', 'unknown']
        """
        limits = np.array(self.scaled(per_unit), dtype=values.dtype)
        codes = (1 + np.searchsorted(limits, values, side="right")).astype(np.uint8)
        if has_dry:
            codes[values == 0] = 0
        codes[np.isnan(values)] = len(self.thresholds) + 2
        return codes


def plain(value: float) -> str:
    """Write a number as short as it reads back: 10, 2.5, 0.15.

    Examples
    --------
    >>> plain(100.0), plain(0.15)
    ('100', '0.15')
    """
    return np.format_float_positional(value, trim="-")


def parse_thresholds(values: Sequence[float]) -> Bands:
    """Return bands of thresholds in the order given; see :class:`Bands`.

    Examples
    --------
    >>> parse_thresholds([0.1, 1.0]).labels
    ('<0.1', '0.1-1', '>=1')
    """
    return Bands(tuple(float(value) for value in values))


@njit(nogil=True, cache=True)
def classify(values: NDArray[Any], limits: NDArray[Any], has_dry: bool, unknown: int, out: NDArray[np.uint8]) -> None:
    """Write the class of every value of a window: 0 dry, 1 and more a band, ``unknown`` for NaN.

    Parameters
    ----------
    values : ndarray of float32 or float64, two-dimensional
    limits : ndarray of the same type
        Rising thresholds in the unit of the values.
    has_dry : bool
        Whether 0 is dry.
    unknown : int
        Code of NaN.
    out : ndarray of uint8, same shape
    """
    for i in range(values.shape[0]):
        line, codes = values[i], out[i]
        codes[:] = 1
        # one pass for each limit: without branches the compiler uses vector instructions
        for limit in limits:
            for j in range(len(line)):
                codes[j] += line[j] >= limit
        for j in range(len(line)):
            value, code = line[j], codes[j]
            if has_dry:
                code = 0 if value == 0 else code
            codes[j] = code if value == value else unknown
