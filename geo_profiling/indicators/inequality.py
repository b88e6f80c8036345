"""Inequality inside a metropolis: gaps and ratios, Gini, and Theil with its parts between and within groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geo_profiling.errors import InputError

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Inequality:
    """How unequal a value is between areas, each counted by its people.

    Attributes
    ----------
    lowest, highest : float
        Values of the areas at both ends.
    gap, ratio : float
        Highest minus lowest; highest by lowest, NaN where the lowest is 0.
    gini : float
        0 where all are equal, below 1; NaN where the mean is 0.
    theil : float
        Theil's T in nats; 0 where all are equal; NaN where the mean is 0.
    theil_between, theil_within : float
        Its parts between groups and inside them; they add up to it. NaN without groups.
    n_areas : int
        Areas with a value and people.
    coverage_share : float
        Share of the people who live in them.
    """

    lowest: float
    highest: float
    gap: float
    ratio: float
    gini: float
    theil: float
    theil_between: float
    theil_within: float
    n_areas: int
    coverage_share: float


def inequality(values: pd.Series, people: pd.Series, groups: pd.Series | None = None) -> Inequality:
    r"""Measure how unequal a value is between areas.

    Parameters
    ----------
    values : Series
        0 or more in each area (a share, an amount a person); NaN is left out and lowers the coverage.
    people : Series
        People of each area, on the same index.
    groups : Series, optional
        Group of each area, for the parts of Theil's index.

    Returns
    -------
    Inequality

    Raises
    ------
    InputError
        If a value or a number of people is negative, or an area with a value has no group.

    Notes
    -----
    With shares :math:`w_i` of the people and :math:`r_i = y_i / \mu`: Gini
    :math:`= \sum_i \sum_j w_i w_j |r_i - r_j| / 2`, Theil :math:`T = \sum_i w_i r_i \ln r_i`, of which between
    groups :math:`\sum_g s_g \ln (\mu_g / \mu)` and within :math:`\sum_g s_g T_g`, :math:`s_g` the group's
    share of the total.

    References
    ----------
    Shorrocks, A. (1980), Econometrica 48(3), 613-625. Cowell, F. (2011), Measuring Inequality.

    Examples
    --------
    >>> found = inequality(pd.Series([10.0, 30.0]), pd.Series([50, 50]), pd.Series(["core", "zone"]))
    >>> found.gap, found.ratio, found.gini, round(found.theil, 6), round(found.theil_within, 6)
    (20.0, 3.0, 0.25, 0.130812, 0.0)
    """
    if (values < 0).any() or not (people >= 0).all():
        raise InputError("inequality: a value or a number of people is negative", hint="0 where there is none")
    used = (values.notna() & (people > 0)).to_numpy()
    y, w = values.to_numpy(float)[used], people.to_numpy(float)[used]
    everyone = float(people.sum())
    if not len(y):
        return Inequality(*(float("nan"),) * 8, n_areas=0, coverage_share=0.0 if everyone else float("nan"))
    w = w / w.sum()
    mean = float((w * y).sum())
    theil = between = within = gini = float("nan")
    if mean > 0:
        gini, theil = _gini(y / mean, w), _theil(y / mean, w)
    if groups is not None:
        chosen = groups[used]
        if chosen.isna().any():
            raise InputError(f"inequality: area {chosen.index[int(np.argmax(chosen.isna()))]} has no group")
        if mean > 0:
            between, within = _parts(y, w, mean, pd.factorize(chosen)[0])
    low, high = float(y.min()), float(y.max())
    return Inequality(
        low, high, high - low, high / low if low > 0 else float("nan"), gini, theil, between, within,
        int(used.sum()), float(people.to_numpy(float)[used].sum() / everyone),
    )  # fmt: skip


def _gini(relative: Floats, w: Floats) -> float:
    order = np.argsort(relative, kind="stable")
    r, w = relative[order], w[order]
    # Twice the area between the diagonal and the Lorenz curve, by trapezes.
    lorenz = np.cumsum(w * r)
    return max(0.0, float(1 - (w * (2 * lorenz - w * r)).sum()))


def _theil(relative: Floats, w: Floats) -> float:
    logs = np.log(np.where(relative > 0, relative, 1.0))
    return max(0.0, float((w * relative * logs).sum()))


def _parts(y: Floats, w: Floats, mean: float, group: npt.NDArray[np.intp]) -> tuple[float, float]:
    people = np.bincount(group, w).astype(np.float64)
    amount = np.bincount(group, w * y).astype(np.float64)
    means = amount / people
    between = _theil(means / mean, people)
    within = 0.0
    for number in np.flatnonzero(means > 0):
        inside = group == number
        within += float(amount[number] / mean) * _theil(y[inside] / means[number], w[inside] / people[number])
    return between, within


def difference(first: pd.Series, second: pd.Series) -> dict[str, float]:
    """Return the gap of two independent estimates with its standard error and 95 % interval.

    Parameters
    ----------
    first, second : Series
        ``estimate``, ``se`` and ``df`` of two domains that share no PSU: slum and other areas, core and
        commuting zone.

    Returns
    -------
    dict
        ``gap`` (first minus second), ``se``, ``df`` (Satterthwaite), ``ci_low``, ``ci_high`` and ``ratio``.

    Examples
    --------
    >>> slum = pd.Series({"estimate": 0.6, "se": 0.04, "df": 40})
    >>> other = pd.Series({"estimate": 0.3, "se": 0.03, "df": 60})
    >>> {key: round(value, 3) for key, value in difference(slum, other).items()}
    {'gap': 0.3, 'se': 0.05, 'df': 80.0, 'ci_low': 0.2, 'ci_high': 0.4, 'ratio': 2.0}
    """
    gap = float(first["estimate"] - second["estimate"])
    parts = [float(part["se"]) ** 2 for part in (first, second)]
    variance = sum(parts)
    fourth = sum(v**2 / d if d > 0 else np.nan for v, d in zip(parts, (first["df"], second["df"]), strict=True) if v)
    df = float(np.floor(variance**2 / fourth)) if fourth else float("nan")
    half = float(stats.t.ppf(0.975, df)) * variance**0.5 if df > 0 else float("nan")
    low = float(second["estimate"])
    return {
        "gap": gap,
        "se": variance**0.5,
        "df": df,
        "ci_low": gap - half,
        "ci_high": gap + half,
        "ratio": float(first["estimate"]) / low if low > 0 else float("nan"),
    }
