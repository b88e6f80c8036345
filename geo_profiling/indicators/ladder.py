"""Service ladders: which rung each household stands on, and what is known of it where answers are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo_profiling.errors import UsageError

MissingPolicy = Literal["exclude", "unimproved", "bounds"]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """Rungs of each household under the worst and the best reading of its missing answers.

    Attributes
    ----------
    worst, best : DataFrame
        A column a rung, the highest first; each row holds shares of one household and sums to one, or
        is NaN throughout where the household is outside the denominator.
    unmeasured : tuple of str
        What the highest rung asks for and the survey never measured: nobody stands on it, and those on
        the next stand there or higher.
    """

    worst: pd.DataFrame
    best: pd.DataFrame
    unmeasured: tuple[str, ...] = ()

    @property
    def rungs(self) -> list[str]:
        """Names of the rungs, the highest first."""
        return [str(name) for name in self.worst.columns]

    def shares(self, policy: Literal["exclude", "unimproved"]) -> pd.DataFrame:
        """Return the rungs of each household; rows sum to one or are NaN.

        Parameters
        ----------
        policy : {"exclude", "unimproved"}
            Where answers are missing: the household is left out, or stands on the lowest rung it may stand on.

        Examples
        --------
        >>> from geo_profiling.indicators.hygiene import hygiene_ladder
        >>> frame = pd.DataFrame({"handwashing": "fixed", "handwashing_water": 1.0, "handwashing_soap": [1, None]})
        >>> hygiene_ladder(frame).shares("exclude")["basic"].tolist()
        [1.0, nan]
        """
        if policy == "unimproved":
            return self.worst
        known = np.isclose(self.worst.to_numpy(), self.best.to_numpy(), rtol=0, atol=1e-12).all(axis=1)
        return self.worst.where(pd.Series(known, index=self.worst.index), np.nan)

    def at_least(self, rung: str) -> pd.DataFrame:
        """Return which share of each household stands on a rung or a higher one, as ``worst`` and ``best``.

        Raises
        ------
        UsageError
            If the ladder has no such rung.

        Examples
        --------
        >>> from geo_profiling.indicators.water import water_ladder
        >>> frame = pd.DataFrame({"water_source": ["piped_dwelling", None]})
        >>> water_ladder(frame).at_least("basic").to_numpy().tolist()
        [[1.0, 1.0], [0.0, 1.0]]
        """
        if rung not in self.rungs:
            raise UsageError(f"the ladder has no rung '{rung}'", hint=f"it has {', '.join(self.rungs)}")
        upper = self.rungs[: self.rungs.index(rung) + 1]
        return pd.DataFrame(
            {name: part[upper].sum(axis=1, skipna=False) for name, part in (("worst", self.worst), ("best", self.best))}
        )


def settle(bounds: pd.DataFrame, policy: MissingPolicy) -> pd.DataFrame:
    """Decide on missing answers: columns of what is estimated under a policy.

    Parameters
    ----------
    bounds : DataFrame
        Columns ``worst`` and ``best``, 0-1, of a quality that is good to have.
    policy : {"exclude", "unimproved", "bounds"}
        Leave out where they differ; take the worst; or keep both.

    Returns
    -------
    DataFrame
        Column ``value``, or columns ``worst`` and ``best``.

    Examples
    --------
    >>> bounds = pd.DataFrame({"worst": [1.0, 0.0], "best": [1.0, 1.0]})
    >>> settle(bounds, "exclude")["value"].tolist(), settle(bounds, "unimproved")["value"].tolist()
    ([1.0, nan], [1.0, 0.0])
    """
    if policy == "bounds":
        return bounds[["worst", "best"]]
    worst = bounds["worst"]
    if policy == "unimproved":
        return worst.to_frame("value")
    known = (worst - bounds["best"]).abs() < 1e-12
    return worst.where(known).to_frame("value")


def column(frame: pd.DataFrame, name: str) -> Floats:
    """Return a numeric column, NaN throughout where the survey lacks it.

    Examples
    --------
    >>> column(pd.DataFrame({"rooms": [2.0]}), "income").tolist()
    [nan]
    """
    return frame[name].to_numpy(float) if name in frame.columns else np.full(len(frame), np.nan)


def member(values: pd.Series, true: Iterable[str]) -> Floats:
    """Return 1 where a value is one of those named, 0 where it is another, NaN where it is missing.

    Examples
    --------
    >>> member(pd.Series(["a", "b", None]), ["a"]).tolist()
    [1.0, 0.0, nan]
    """
    found = values.isin(list(true)).to_numpy().astype(np.float64)
    found[values.isna().to_numpy()] = np.nan
    return found


def both(*conditions: Floats) -> Floats:
    """Return the conjunction of truths that may be unknown: 0 where one is 0, else NaN where one is unknown.

    Examples
    --------
    >>> both(np.array([1, 1, np.nan, np.nan]), np.array([1, 0, 0, 1])).tolist()
    [1.0, 0.0, 0.0, nan]
    """
    # The minimum of numpy keeps NaN, which would hide a condition that is known not to hold.
    stacked = np.vstack([np.asarray(condition, float) for condition in conditions])
    found = stacked.min(axis=0)
    found[(stacked == 0).any(axis=0)] = 0.0
    return found


def either(*conditions: Floats) -> Floats:
    """Return the disjunction of truths that may be unknown: 1 where one is 1, else NaN where one is unknown.

    Examples
    --------
    >>> either(np.array([0, np.nan, np.nan]), np.array([0, 1, 0])).tolist()
    [0.0, 1.0, nan]
    """
    found: Floats = 1.0 - both(*(1.0 - np.asarray(condition, float) for condition in conditions))
    return found
