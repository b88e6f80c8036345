"""Confidence intervals of design-based estimates."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Interval = Literal["logit", "wilson", "beta", "mean", "dhs2se"]
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

#: Confidence of the intervals.
LEVEL = 0.95
_UPPER = (1 + LEVEL) / 2


def estimate_interval(
    estimate: Floats, se: Floats, df: Ints, n: Ints, *, kind: Interval, is_proportion: bool
) -> tuple[Floats, Floats, npt.NDArray[np.object_]]:
    """Return the interval of each estimate and the method it was made by.

    Parameters
    ----------
    estimate, se : ndarray
    df, n : ndarray of int
        Degrees of freedom and valid rows of each.
    kind : {"logit", "wilson", "beta", "mean", "dhs2se"}
        "dhs2se" is estimate +- 2 SE, as DHS tables print it; the others as
        :func:`geo_profiling.indicators.survey.survey_estimates` says. What is no proportion has "mean", unless
        "dhs2se" is asked.
    is_proportion : bool

    Returns
    -------
    low, high : ndarray
        NaN without degrees of freedom.
    method : ndarray of object
        None there.

    Examples
    --------
    >>> low, high, method = estimate_interval(np.array([0.5]), np.array([0.1]), np.array([20]), np.array([60]),
    ...                                       kind="mean", is_proportion=True)
    >>> low.round(4).tolist(), high.round(4).tolist(), method.tolist()
    ([0.2914], [0.7086], ['mean'])
    """
    kind = kind if is_proportion or kind == "dhs2se" else "mean"
    t = np.full(len(df), np.nan)
    distinct, place = np.unique(df[df > 0], return_inverse=True)
    quantiles = np.full(len(distinct), 2.0) if kind == "dhs2se" else np.asarray(stats.t.ppf(_UPPER, distinct))
    t[df > 0] = quantiles[place]
    low, high = estimate - t * se, estimate + t * se
    method = np.full(len(t), kind, dtype=object)
    if is_proportion:
        certain = (estimate == 0) | (estimate == 1)
        inside = (se > 0) & (df > 0) & ~certain
        low[inside], high[inside] = _proportion_interval(kind, estimate[inside], se[inside], n[inside], t[inside])
        exact = certain & (df > 0)
        low[exact], high[exact] = _beta_interval(estimate[exact], n[exact].astype(float))
        method[exact] = "beta"
    method[np.isnan(low)] = None
    return low, high, method


def _proportion_interval(kind: Interval, p: Floats, se: Floats, n: Ints, t: Floats) -> tuple[Floats, Floats]:
    """Return the interval of proportions above 0 and below 1 with a standard error above 0."""
    effective = p * (1 - p) / se**2
    if kind == "logit":
        half = t * se / (p * (1 - p))
        return special.expit(special.logit(p) - half), special.expit(special.logit(p) + half)
    if kind == "wilson":
        z2 = stats.norm.ppf(_UPPER) ** 2
        centre = (p + z2 / (2 * effective)) / (1 + z2 / effective)
        half = np.sqrt(z2 * p * (1 - p) / effective + (z2 / (2 * effective)) ** 2) / (1 + z2 / effective)
        return centre - half, centre + half
    if kind == "beta":
        return _beta_interval(p, effective * (stats.t.ppf(_UPPER, n - 1) / t) ** 2)
    return p - t * se, p + t * se


def _beta_interval(p: Floats, effective: Floats) -> tuple[Floats, Floats]:
    """Return Clopper and Pearson's interval of proportions for these sample sizes."""
    low, high = np.zeros(len(p)), np.ones(len(p))
    above, below = p > 0, p < 1
    hits, misses = effective * p, effective * (1 - p)
    low[above] = stats.beta.ppf(1 - _UPPER, hits[above], misses[above] + 1)
    high[below] = stats.beta.ppf(_UPPER, hits[below] + 1, misses[below])
    return low, high
