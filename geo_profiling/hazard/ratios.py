"""Settlements against the rest of the city: exposure ratios of disjoint ground, ranges of people carried through."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def exposure_ratios(
    exposed_settlements: ArrayLike,
    people_settlements: ArrayLike,
    exposed_city: ArrayLike,
    people_city: ArrayLike,
    *,
    low: float = 1.0,
    high: float = 1.0,
) -> pd.DataFrame:
    """Compare the share exposed in settlements with the share exposed in the rest of the city.

    Definition: ``ratio = (exposed_s / people_s) / (exposed_r / people_r)``, where r is the city without
    its settlements: same hazard, return period, threshold and population on both sides, no ground on both.

    Parameters
    ----------
    exposed_settlements, people_settlements : array-like of float
        People in settlements within each city: exposed, and all whose exposure is known.
    exposed_city, people_city : array-like of float
        The same of the whole city, settlements included.
    low, high : float
        Range of the people of settlements, as factors on what the population says: gridded populations
        hold a half to a quarter of the people of surveyed settlements.

    Returns
    -------
    DataFrame
        settlement_share, rest_share, ratio (NaN where a side has no people, or nobody exposed in the rest),
        exposed_settlements_low and exposed_settlements_high (people), exposed_in_settlements_share_low and
        _high: the part of all exposed people who live in settlements, over the range.

    Examples
    --------
    >>> found = exposure_ratios([25.0], [100.0], [87.5], [600.0], low=1.0, high=2.0)
    >>> found["ratio"].tolist(), found["exposed_settlements_high"].tolist()
    ([2.0], [50.0])
    """
    exposed_s, people_s = np.asarray(exposed_settlements, float), np.asarray(people_settlements, float)
    # a settlement that is the whole city leaves a rest of 0, give or take rounding
    exposed_r = np.maximum(np.asarray(exposed_city, float) - exposed_s, 0.0)
    people_r = np.maximum(np.asarray(people_city, float) - people_s, 0.0)
    people_r = np.where(people_r <= 1e-9 * np.asarray(people_city, float), 0.0, people_r)
    with np.errstate(divide="ignore", invalid="ignore"):
        share_s = np.where(people_s > 0, exposed_s / people_s, np.nan)
        share_r = np.where(people_r > 0, exposed_r / people_r, np.nan)
        ratio = np.where(share_r > 0, share_s / share_r, np.nan)
        parts = {
            side: np.where(
                factor * exposed_s + exposed_r > 0, factor * exposed_s / (factor * exposed_s + exposed_r), np.nan
            )
            for side, factor in (("low", low), ("high", high))
        }
    return pd.DataFrame(
        {
            "settlement_share": share_s,
            "rest_share": share_r,
            "ratio": ratio,
            "exposed_settlements_low": low * exposed_s,
            "exposed_settlements_high": high * exposed_s,
            "exposed_in_settlements_share_low": parts["low"],
            "exposed_in_settlements_share_high": parts["high"],
        }
    )
