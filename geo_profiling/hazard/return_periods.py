"""From exposures at return periods to an annual figure, always with its bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo_profiling.errors import UsageError

#: A fall by less than this share of the larger value is rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class AnnualExposure:
    """Expected annual exposure and its bounds, in the unit of the exposure.

    Attributes
    ----------
    expected : ndarray of float64
        Trapezoids between the return periods, a flat tail beyond the rarest.
    lower, upper : ndarray of float64
        The exposure between two return periods taken as the smaller, and as the larger, of both.
    is_monotone : ndarray of bool
        False where a rarer event exposes fewer: the figures stand, the inputs deserve a look.
    """

    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    is_monotone: NDArray[np.bool_]


def check_return_periods(return_periods: Sequence[float]) -> tuple[float, ...]:
    """Return the return periods, in years, once each is known to be positive and to stand once.

    Raises
    ------
    UsageError
        If there is none, or one is 0, negative, not finite or given twice.

    Examples
    --------
    >>> check_return_periods([100, 10])
    (100.0, 10.0)
    """
    years = tuple(float(value) for value in return_periods)
    for value in years:
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"a return period of {value:g} years is none", hint="give years above 0")
        if years.count(value) > 1:
            raise UsageError(f"return period {value:g} is given twice", hint="give each return period once")
    if not years:
        raise UsageError("no return period is given", hint="annual exposure needs one or more")
    return years


def annual_exposure(
    values: ArrayLike, return_periods: Sequence[float], *, running_maximum: bool = False
) -> AnnualExposure:
    """Integrate exposure over the annual frequency 1 / RP of its return periods.

    Parameters
    ----------
    values : array-like of float, shape (..., return periods)
        Exposure at each return period, in any order of them.
    return_periods : sequence of float
        Years.
    running_maximum : bool
        Take every rarer event to expose at least what the more frequent ones do. The marks still
        say where the values as they came did not.

    Returns
    -------
    AnnualExposure
        Of shape ``values.shape[:-1]``.

    Raises
    ------
    UsageError
        As :func:`check_return_periods`, or if the shapes do not fit.

    Notes
    -----
    With frequencies p_1 > ... > p_n and exposures y_i::

        expected = sum (y_i + y_{i+1}) / 2 * (p_i - p_{i+1}) + y_n p_n
        lower    = sum min(y_i, y_{i+1}) * (p_i - p_{i+1}) + y_n p_n
        upper    = sum max(y_i, y_{i+1}) * (p_i - p_{i+1}) + y_n p_n

    Events more frequent than the most frequent return period add nothing: where y_1 is above 0
    the figure is on the low side. Nested maps must not be summed with the weights 1 / RP, which
    counts each event at every shorter return period as well.

    Examples
    --------
    >>> step = np.array([0, 0, 0, 0, 0, 0, 1.0, 1, 1])
    >>> found = annual_exposure(step, [2, 5, 10, 25, 50, 100, 250, 500, 1000])
    >>> float(found.lower.round(9)), float(found.expected.round(9)), float(found.upper.round(9))
    (0.004, 0.007, 0.01)
    """
    years = check_return_periods(return_periods)
    given = np.asarray(values, dtype=np.float64)
    if given.shape[-1:] != (len(years),):
        raise UsageError(f"a table of shape {given.shape} does not fit {len(years)} return periods")
    order = np.argsort(years)
    y = given[..., order]
    p = 1.0 / np.asarray(years)[order]
    with np.errstate(invalid="ignore"):
        falls = (y[..., :-1] - y[..., 1:]) > _ROUNDING * np.abs(y[..., :-1])
    is_monotone = np.asarray(~falls.any(axis=-1))
    if running_maximum:
        y = np.maximum.accumulate(y, axis=-1)
    steps, tail = p[:-1] - p[1:], y[..., -1] * p[-1]
    first, second = y[..., :-1], y[..., 1:]
    return AnnualExposure(
        expected=((first + second) / 2 * steps).sum(axis=-1) + tail,
        lower=(np.minimum(first, second) * steps).sum(axis=-1) + tail,
        upper=(np.maximum(first, second) * steps).sum(axis=-1) + tail,
        is_monotone=is_monotone,
    )
