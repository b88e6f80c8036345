"""Logistic regression and what tells how well it does: small, exact, without tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from geo_profiling.errors import InputError

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

#: Default penalty on half the squared coefficients of standardised covariates, far below what data
#: weigh: it only keeps separated data from running off to infinity.
RIDGE = 1.0
_MAX_STEPS = 100
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Logistic:
    """A fitted model: the probability is ``1 / (1 + exp(-(intercept + x @ coefficients)))``.

    Attributes
    ----------
    intercept : float
    coefficients : ndarray, shape (covariates,)
        On the scale of the covariates as they came.
    """

    intercept: float
    coefficients: Floats

    def probability(self, x: Floats) -> Floats:
        """Return the probability of each row of covariates."""
        return np.asarray(expit(self.intercept + x @ self.coefficients))


def fit_logistic(x: Floats, y: Truths, *, ridge: float = RIDGE) -> Logistic:
    """Fit a logistic regression by Newton's method (iteratively reweighted least squares).

    Covariates are standardised first; the penalty is ``ridge / 2`` times the sum of the squared
    standardised coefficients, the intercept left out. Steps are halved while they do not improve.

    Parameters
    ----------
    x : ndarray, shape (observations, covariates)
        Finite.
    y : ndarray of bool, shape (observations,)
    ridge : float

    Returns
    -------
    Logistic
        A covariate that does not vary has coefficient 0.

    Raises
    ------
    InputError
        If all outcomes are the same, or covariates are not finite.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = fit_logistic(x, np.array([False, True, False, True]), ridge=0.0)
    >>> round(model.intercept, 3), round(float(model.coefficients[0]), 3)
    (-1.362, 0.908)
    """
    if y.all() or not y.any():
        raise InputError(f"all {y.size} outcomes are the same: nothing can be fitted")
    if not np.isfinite(x).all():
        raise InputError(f"{int((~np.isfinite(x)).sum())} covariates are not finite")
    centre, scale = x.mean(axis=0), x.std(axis=0)
    varies = scale > 1e-12 * np.maximum(1.0, np.abs(centre))
    scale = np.where(varies, scale, 1.0)
    design = np.column_stack([np.ones(y.size), np.where(varies, (x - centre) / scale, 0.0)])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    penalty[1:][~varies] = 1.0
    share = y.mean()
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(share / (1 - share))
    loss = _loss(design, y, beta, penalty)
    for _ in range(_MAX_STEPS):
        p = expit(design @ beta)
        gradient = design.T @ (p - y) + penalty * beta
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        while (after := _loss(design, y, beta - length * step, penalty)) > loss and length > 1e-6:
            length /= 2
        beta, loss = beta - length * step, min(loss, after)
        if np.abs(step).max() < _TOLERANCE * max(1.0, np.abs(beta).max()):
            break
    coefficients = np.where(varies, beta[1:] / scale, 0.0)
    return Logistic(float(beta[0] - coefficients @ centre), coefficients)


def _loss(design: Floats, y: Truths, beta: Floats, penalty: Floats) -> float:
    z = design @ beta
    # log(1 + exp(z)) without overflow
    return float((np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - y * z).sum() + (penalty * beta**2).sum() / 2)


def out_of_fold(x: Floats, y: Truths, groups: NDArray[np.int64], *, ridge: float = RIDGE) -> Floats:
    """Return each observation's probability from a model fitted without its group.

    Parameters
    ----------
    x : ndarray, shape (observations, covariates)
    y : ndarray of bool
    groups : ndarray of int
        A block in space or a functional urban area for each observation.
    ridge : float

    Raises
    ------
    InputError
        If there are fewer than two groups, or without one of them all outcomes are the same.

    Examples
    --------
    >>> x = np.tile(np.arange(8.0), 2)[:, None]
    >>> p = out_of_fold(x, x[:, 0] > 3, np.repeat([0, 1], 8))
    >>> bool(np.array_equal(p[:8], p[8:]))
    True
    """
    numbers = np.unique(groups)
    if numbers.size < 2:
        raise InputError("cross-validation wants two groups or more, there is one", hint="give a larger region")
    p = np.empty(y.size)
    for number in numbers:
        own = groups == number
        p[own] = fit_logistic(x[~own], y[~own], ridge=ridge).probability(x[own])
    return p


def log_loss(p: Floats, y: Truths) -> float:
    """Mean negative log-likelihood of the outcomes.

    Examples
    --------
    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False])), 4)
    0.6931
    """
    tiny = np.finfo(np.float64).tiny
    return float(-np.log(np.maximum(np.where(y, p, 1.0 - p), tiny)).mean())


def area_under_curve(p: Floats, y: Truths) -> float:
    """Probability that a member has a higher probability than a non-member (ties count half).

    Examples
    --------
    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    members = int(y.sum())
    others = y.size - members
    return float((rankdata(p)[y].sum() - members * (members + 1) / 2) / (members * others))


def jaccard(first: Truths, second: Truths, weights: Floats | None = None) -> float:
    """Weight of what is in both by the weight of what is in either; 1 where nothing is in either.

    Examples
    --------
    >>> jaccard(np.array([True, True, False]), np.array([True, False, True]))
    0.3333333333333333
    """
    w = np.ones(first.size) if weights is None else weights
    either = float(w[first | second].sum())
    return float(w[first & second].sum()) / either if either > 0 else 1.0


def best_threshold(p: Floats, y: Truths) -> float:
    """Probability from which membership agrees best with the outcomes, by Jaccard's index.

    The middle between the two observed probabilities that the best cut lies between.

    Examples
    --------
    >>> best_threshold(np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, False, True, True]))
    0.5
    """
    order = np.argsort(-p, kind="stable")
    sorted_p, hits = p[order], np.cumsum(y[order])
    taken = np.arange(1, p.size + 1)
    score = hits / (y.sum() + taken - hits)
    ends = np.append(sorted_p[1:] < sorted_p[:-1], True)  # equal probabilities stay together
    best = int(np.argmax(np.where(ends, score, -1.0)))
    below = sorted_p[best + 1] if best + 1 < p.size else 0.0
    return float((sorted_p[best] + below) / 2)


def scores(p: Floats, y: Truths, threshold: float, *, population: Floats) -> dict[str, float]:
    """Return AUC, balanced accuracy, Brier score and Jaccard's index by cells and by people.

    Examples
    --------
    >>> found = scores(np.array([0.2, 0.8]), np.array([False, True]), 0.5, population=np.ones(2))
    >>> found["auc"], found["balanced_accuracy"], round(found["brier"], 4), found["jaccard_cells"]
    (1.0, 1.0, 0.04, 1.0)
    """
    inside = p >= threshold
    return {
        "auc": area_under_curve(p, y),
        "balanced_accuracy": float((inside[y].mean() + (~inside[~y]).mean()) / 2),
        "brier": float(((p - y) ** 2).mean()),
        "jaccard_cells": jaccard(inside, y),
        "jaccard_population": jaccard(inside, y, population),
    }
