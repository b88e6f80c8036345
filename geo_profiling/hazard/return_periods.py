"""Expected annual exposure: what is exposed in a year on average, from maps of several return periods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo_profiling.errors import UsageError

#: A fall of exposure from one return period to a rarer one counts from this share of the greatest exposure on.
FALL_TOLERANCE = 1e-9


@dataclass(frozen=True)
class AnnualExposure:
    """Expected annual exposure with its bounds.

    Attributes
    ----------
    estimate : ndarray of float64
        By the trapezoid with a flat tail; in the unit of the exposure, a year.
    lower, upper : ndarray of float64
        Between two return periods the lesser, the greater exposure of the two; the same flat tail.
    falls : ndarray of bool
        Whether a rarer event exposes less than a more frequent one somewhere: its maps contradict
        each other there.
    """

    estimate: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    falls: NDArray[np.bool_]


def check_return_periods(return_periods: Sequence[float]) -> tuple[float, ...]:
    """Return the return periods in rising order once they can be ones.

    Parameters
    ----------
    return_periods : sequence of float
        Years, in any order.

    Raises
    ------
    UsageError
        If there is none, or one is zero, negative, not finite or given twice.

    Examples
    --------
    >>> check_return_periods([100, 10])
    (10.0, 100.0)
    """
    periods = tuple(sorted(float(period) for period in return_periods))
    if not periods:
        raise UsageError("no return period is given", hint="name at least one, in years")
    for period in return_periods:
        if not (math.isfinite(period) and period > 0):
            raise UsageError(f"a return period of {period:g} years cannot be", hint="give years above 0")
    for first, second in itertools.pairwise(periods):
        if first == second:
            raise UsageError(f"the return period of {first:g} years is given twice", hint="give each one once")
    return periods


def annual_exposure(
    exposed: ArrayLike, return_periods: Sequence[float], *, running_maximum: bool = False
) -> AnnualExposure:
    r"""Integrate exposure over the annual probability of its events.

    Parameters
    ----------
    exposed : array-like, shape (..., return periods)
        What each event exposes (people, buildings, metres); NaN is unknown and makes the result so.
    return_periods : sequence of float
        Years, in the order of the last axis.
    running_maximum : bool
        Let every event expose at least what the more frequent ones do, where maps contradict each other.
        ``falls`` still tells where.

    Returns
    -------
    AnnualExposure
        Of the leading shape of ``exposed``.

    Raises
    ------
    UsageError
        If a return period cannot be one, stands twice, or their number is not that of the last axis.

    Notes
    -----
    With :math:`p_i = 1/T_i` falling and :math:`y_i` the exposure,

    .. math:: \sum_{i<n} \frac{y_i + y_{i+1}}{2} (p_i - p_{i+1}) + y_n p_n,

    the bounds with the lesser and the greater of :math:`y_i, y_{i+1}` in place of their mean. Events more
    frequent than the most frequent map add nothing: where that map exposes something already all three are
    too low. Events rarer than the rarest map are taken to expose what it does.

    References
    ----------
    Ward, P. J., de Moel, H., Aerts, J. C. J. H. (2011): How are flood risk estimates affected by the choice
    of return-periods? Natural Hazards and Earth System Sciences 11.

    Examples
    --------
    >>> found = annual_exposure([0.0, 0.0, 1.0], [10, 100, 250])
    >>> found.lower.round(4), found.estimate.round(4), found.upper.round(4)
    (np.float64(0.004), np.float64(0.007), np.float64(0.01))
    """
    values = np.asarray(exposed, dtype=np.float64)
    periods = check_return_periods(return_periods)
    if values.ndim == 0 or values.shape[-1] != len(periods):
        raise UsageError(f"exposure of shape {values.shape} does not fit {len(periods)} return periods")
    values = values[..., np.argsort(np.asarray(return_periods, dtype=np.float64))]
    # unknown values make no fall, and stay unknown in every sum
    steps = np.diff(values, axis=-1)
    scale = np.max(np.abs(values), axis=-1, keepdims=True, initial=0.0, where=~np.isnan(values))
    falls = (steps < -FALL_TOLERANCE * scale).any(axis=-1)
    if running_maximum:
        values = np.maximum.accumulate(values, axis=-1)
    probability = 1.0 / np.asarray(periods)
    width = probability[:-1] - probability[1:]
    first, second = values[..., :-1], values[..., 1:]
    tail = values[..., -1] * probability[-1]
    return AnnualExposure(
        estimate=((first + second) / 2 * width).sum(axis=-1) + tail,
        lower=(np.minimum(first, second) * width).sum(axis=-1) + tail,
        upper=(np.maximum(first, second) * width).sum(axis=-1) + tail,
        falls=falls,
    )
