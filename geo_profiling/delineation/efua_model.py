"""The model of belonging without flows: covariates of cells, fit, cross-validation, shipped coefficients.

After Moreno-Monroy, Schiavina and Veneri (2021): a populated cell outside urban centres belongs to the
commuting zone of its nearest centre, or does not. Their coefficients are not public in a form we could
use; ours are fitted on areas delineated from flows, and say on which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.delineation.logistic import (
    Floats,
    Logistic,
    Truths,
    best_threshold,
    fit_logistic,
    log_loss,
    out_of_fold,
    scores,
)
from geo_profiling.errors import InputError

#: Covariates, all natural logarithms: minutes from the edge of the nearest centre; people and km2 of
#: that centre; people per km2 of the cell.
COVARIATES = ("log_minutes", "log_centre_population", "log_centre_area_km2", "log_cell_density_per_km2")
#: Optional: gross domestic product per head of the centre's country, in US dollars.
COUNTRY_COVARIATE = "log_gdp_per_capita"
#: Penalties that a fit chooses from; see :func:`fit_model`.
RIDGES = (1.0, 10.0, 100.0, 1000.0)
#: The largest penalty is taken whose log loss is within this share of the best.
_RIDGE_TOLERANCE = 0.01
_FORMAT = "geo_profiling efua model 1"


@dataclass(frozen=True)
class CellCovariates:
    """Cells outside centres and their covariates.

    Attributes
    ----------
    row, col : ndarray of int64, shape (cells,)
    centre : ndarray of int64, shape (cells,)
        Number of the nearest centre, from 1.
    population : ndarray of float64, shape (cells,)
    values : ndarray of float64, shape (cells, covariates)
        -inf in the density of cells without people.
    names : tuple of str
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    centre: NDArray[np.int64]
    population: Floats
    values: Floats
    names: tuple[str, ...]


def cell_covariates(
    population: NDArray[np.floating[Any]],
    labels: NDArray[np.int32],
    minutes: Floats,
    nearest: NDArray[np.int32],
    centres: pd.DataFrame,
    *,
    cell_area_km2: float,
    names: tuple[str, ...] = COVARIATES,
    with_empty_cells: bool = False,
) -> CellCovariates:
    """Return the covariates of the cells outside centres that a centre can be reached from.

    Parameters
    ----------
    population : ndarray, shape (rows, columns)
        People in each cell; NaN is unknown, such cells are left out.
    labels : ndarray of int32
        Number of the centre of each cell, 0 outside.
    minutes, nearest : ndarray
        From :func:`geo_profiling.raster.cost_distance.travel_times`.
    centres : pandas.DataFrame
        Row k - 1 is centre k: ``population``, ``area_km2``, and ``gdp_per_capita`` where its
        logarithm is asked for.
    cell_area_km2 : float
    names : tuple of str
        Covariates, in order.
    with_empty_cells : bool
        Also cells without people.

    Raises
    ------
    InputError
        If a covariate is not known, or a centre's value is not above 0.

    Examples
    --------
    >>> centres = pd.DataFrame({"population": [80_000.0], "area_km2": [20.0]})
    >>> labels = np.array([[1, 0, 0]], np.int32)
    >>> cells = cell_covariates(
    ...     np.array([[9e4, 100.0, 0.0]]), labels, np.array([[0.0, 2.0, 4.0]]), np.ones((1, 3), np.int32), centres,
    ...     cell_area_km2=1.0)
    >>> cells.values.round(2).tolist()
    [[0.69, 11.29, 3.0, 4.61]]
    """
    known = (labels == 0) & (nearest > 0) & np.isfinite(population)
    row, col = np.nonzero(known if with_empty_cells else known & (population > 0))
    centre = nearest[row, col].astype(np.int64)
    people = population[row, col].astype(np.float64)
    values = np.empty((row.size, len(names)))
    for place, name in enumerate(names):
        if name == "log_minutes":
            values[:, place] = np.log(minutes[row, col])
        elif name == "log_cell_density_per_km2":
            density = people / cell_area_km2
            values[:, place] = np.log(density, out=np.full(row.size, -np.inf), where=density > 0)
        else:
            values[:, place] = centre_covariate(centres, name)[centre - 1]
    return CellCovariates(row, col, centre, people, values, names)


def centre_covariate(centres: pd.DataFrame, name: str) -> Floats:
    """Return a covariate of each centre.

    Raises
    ------
    InputError
        If it is not known, or a centre's value is not above 0.

    Examples
    --------
    >>> centre_covariate(pd.DataFrame({"area_km2": [1.0]}), "log_centre_area_km2").tolist()
    [0.0]
    """
    columns = {
        "log_centre_population": "population",
        "log_centre_area_km2": "area_km2",
        COUNTRY_COVARIATE: "gdp_per_capita",
    }
    column = columns.get(name)
    if column is None:
        raise InputError(f"the model has a covariate '{name}' that is not known", hint="fit it with this version")
    if column not in centres.columns:
        raise InputError(f"the model asks for '{column}' of each centre", hint="give it, or use a model without it")
    values = centres[column].to_numpy(np.float64)
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        raise InputError(f"{int(wrong.sum())} centres have no {column} above 0")
    return np.log(values)


@dataclass(frozen=True)
class EfuaModel:
    """A fitted model of belonging, with the range it holds for and where it comes from.

    Attributes
    ----------
    names : tuple of str
        Covariates.
    logistic : Logistic
    low, high : ndarray, shape (covariates,)
        Range seen when it was fitted. Values beyond it count as its end: a logarithm's slope for
        centres of 50,000 to 1,500,000 says nothing of one of 20 million.
    threshold : float
        Probability from which a cell belongs.
    ridge : float
        The penalty that was chosen.
    friction : str
        On which friction the times were taken. Times on another kind do not fit the coefficients.
    training, validation : mapping
        What it was fitted on; figures of cross-validation.
    """

    names: tuple[str, ...]
    logistic: Logistic
    low: Floats
    high: Floats
    threshold: float
    ridge: float
    friction: str
    training: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)

    def probability(self, values: Floats) -> Floats:
        """Return the probability of belonging for rows of covariates, taken to the ends of the range.

        Examples
        --------
        >>> logistic = Logistic(3.0, np.array([-1.0]))
        >>> model = EfuaModel(("log_minutes",), logistic, np.zeros(1), np.full(1, 5.0), 0.5, 1.0, "")
        >>> model.probability(np.array([[3.0], [5.0], [50.0]])).round(3).tolist()
        [0.5, 0.119, 0.119]
        """
        return self.logistic.probability(np.clip(values, self.low, self.high))

    def to_json(self) -> str:
        """Return the model as JSON; :func:`model_from_json` reads it."""
        document = {
            "format": _FORMAT,
            "intercept": self.logistic.intercept,
            "covariates": [
                {"name": name, "coefficient": float(b), "low": float(low), "high": float(high)}
                for name, b, low, high in zip(self.names, self.logistic.coefficients, self.low, self.high, strict=True)
            ],
            "threshold": self.threshold,
            "ridge": self.ridge,
            "friction": self.friction,
            "training": dict(self.training),
            "validation": dict(self.validation),
        }
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def model_from_json(text: str, *, name: str = "coefficients") -> EfuaModel:
    """Read a model from its JSON.

    Parameters
    ----------
    text : str
    name : str
        The file; named in errors.

    Raises
    ------
    InputError
        If it is not such a model.

    Examples
    --------
    >>> shipped = shipped_model()
    >>> model_from_json(shipped.to_json()).threshold == shipped.threshold
    True
    """
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise InputError(f"{name}: not a model of this package ('format' is not '{_FORMAT}')")
        covariates = document["covariates"]
        numbers = np.array([[c["coefficient"], c["low"], c["high"]] for c in covariates], np.float64).reshape(-1, 3)
        model = EfuaModel(
            tuple(str(c["name"]) for c in covariates),
            Logistic(float(document["intercept"]), numbers[:, 0]),
            numbers[:, 1],
            numbers[:, 2],
            float(document["threshold"]),
            float(document["ridge"]),
            str(document["friction"]),
            dict(document["training"]),
            dict(document["validation"]),
        )
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{name}: cannot be read as a model: {error}", hint="write it with geo-profiling fit"
        ) from error
    unknown = sorted(set(model.names) - {*COVARIATES, COUNTRY_COVARIATE})
    usable = np.isfinite(numbers).all() and np.isfinite(model.logistic.intercept) and 0 < model.threshold < 1
    if unknown or not model.names or len(set(model.names)) < len(model.names) or not usable:
        raise InputError(f"{name}: covariates, coefficients or threshold cannot be {', '.join(unknown)}".rstrip())
    return model


def shipped_model() -> EfuaModel:
    """Return the model that comes with the package, fitted on Belgium.

    Examples
    --------
    >>> shipped_model().names == COVARIATES
    True
    """
    source = files("geo_profiling.delineation").joinpath("efua_coefficients.json")
    return model_from_json(source.read_text(encoding="utf-8"), name="efua_coefficients.json")


@dataclass(frozen=True)
class TrainingSample:
    """Cells whose belonging is known.

    Attributes
    ----------
    cells : CellCovariates
        Populated cells whose unit, and whose nearest centre's area, are known.
    belongs : ndarray of bool
        Whether the cell's functional urban area is that of its nearest centre.
    fold : ndarray of int64
        Number of that area; a centre without one is a fold of its own.
    n_unknown : int
        Cells left out: in no unit, or nearest to a centre outside all units.
    """

    cells: CellCovariates
    belongs: Truths
    fold: NDArray[np.int64]
    n_unknown: int


def training_sample(
    cells: CellCovariates, fua_of_cell: NDArray[np.int32], labels: NDArray[np.int32], population: Floats
) -> TrainingSample:
    """Return the cells whose belonging is known from areas delineated by flows.

    A centre has the area most of its people live in. Cells nearest to a centre most of whose people
    live in no unit are left out, as flows across that border are unknown; cells nearest to a centre
    of no area do not belong.

    Parameters
    ----------
    cells : CellCovariates
    fua_of_cell : ndarray of int32, shape (rows, columns)
        Number of the functional urban area from 1, 0 in none, -1 in no unit.
    labels : ndarray of int32
        Number of the centre of each cell, 0 outside.
    population : ndarray
        People in each cell.

    Raises
    ------
    InputError
        If no cell is left.

    Examples
    --------
    >>> cells = CellCovariates(np.zeros(2, int), np.array([1, 2]), np.ones(2, int), np.ones(2), np.ones((2, 1)), ("x",))
    >>> labels = np.array([[1, 0, 0]], np.int32)
    >>> training_sample(cells, np.array([[1, 1, 0]], np.int32), labels, np.ones((1, 3))).belongs.tolist()
    [True, False]
    """
    n = int(labels.max())
    inside = labels > 0
    areas = int(fua_of_cell.max()) + 2
    people = np.zeros((n + 1, areas))
    np.add.at(people, (labels[inside], fua_of_cell[inside] + 1), np.nan_to_num(population[inside]))
    fua_of_centre = people.argmax(axis=1) - 1
    of_cell, of_centre = fua_of_cell[cells.row, cells.col], fua_of_centre[cells.centre]
    known = (of_cell >= 0) & (of_centre >= 0)
    if not known.any():
        raise InputError("no populated cell lies in a unit and near a centre of the units: nothing can be fitted")
    kept = CellCovariates(
        cells.row[known],
        cells.col[known],
        cells.centre[known],
        cells.population[known],
        cells.values[known],
        cells.names,
    )
    belongs = (of_cell == of_centre)[known] & (of_centre[known] > 0)
    fold = np.where(of_centre[known] > 0, of_centre[known], areas + kept.centre).astype(np.int64)
    return TrainingSample(kept, belongs, fold, int((~known).sum()))


def join_samples(samples: Sequence[TrainingSample]) -> TrainingSample:
    """Return the cells of several regions as one sample; their centres, folds and blocks stay apart.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> cells = CellCovariates(np.zeros(1, int), np.zeros(1, int), np.ones(1, int), np.ones(1), np.ones((1, 1)), ("x",))
    >>> one = TrainingSample(cells, np.ones(1, bool), np.ones(1, int), 0)
    >>> join_samples([one, one]).fold.tolist()
    [1, 2]
    """
    if not samples:
        raise InputError("no region with flows: nothing can be fitted")
    row, centre, fold = [], [], []
    rows = centres = folds = 0
    for sample in samples:
        row.append(sample.cells.row + rows)
        centre.append(sample.cells.centre + centres)
        fold.append(sample.fold + folds)
        # Far enough that no spatial block holds cells of two regions.
        rows = int(row[-1].max()) + 10_000
        centres, folds = int(centre[-1].max()), int(fold[-1].max())
    parts = [sample.cells for sample in samples]
    cells = CellCovariates(
        np.concatenate(row),
        np.concatenate([part.col for part in parts]),
        np.concatenate(centre),
        np.concatenate([part.population for part in parts]),
        np.concatenate([part.values for part in parts]),
        parts[0].names,
    )
    belongs = np.concatenate([sample.belongs for sample in samples])
    return TrainingSample(cells, belongs, np.concatenate(fold), sum(sample.n_unknown for sample in samples))


def fit_model(
    sample: TrainingSample, *, friction: str, training: Mapping[str, Any], block_cells: int = 50
) -> EfuaModel:
    """Fit the model, choose penalty and threshold by cross-validation, and say how good it is.

    The folds are functional urban areas: each is predicted by a model that never saw a cell near its
    centres. Of the penalties :data:`RIDGES` the largest is taken whose out-of-fold log loss is within
    1 % of the best: covariates of centres vary over as few values as there are centres, and barely
    penalised they fit those by heart. The threshold maximises Jaccard's index of the out-of-fold
    membership. Figures are given for these folds and for square blocks in space. As penalty and
    threshold were chosen on the same folds, they are slightly too good.

    Parameters
    ----------
    sample : TrainingSample
    friction : str
        What the times were taken on.
    training : mapping
        What the sample is; kept with the model, with its counts.
    block_cells : int
        Rows and columns of a spatial block.

    Raises
    ------
    InputError
        If the sample has fewer than two folds, or one outcome only.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(3.0, 1.0, (4000, 1)); y = rng.random(4000) < 1 / (1 + np.exp(2 * (x[:, 0] - 3)))
    >>> place = np.arange(4000)
    >>> cells = CellCovariates(place // 80, place % 80, 1 + place // 800, np.ones(4000), x, ("log_minutes",))
    >>> model = fit_model(TrainingSample(cells, y, cells.centre, 0), friction="", training={}, block_cells=20)
    >>> model.logistic.coefficients.round(1).tolist(), round(model.validation["leave_fua_out"]["auc"], 1)
    ([-1.9], 0.9)
    """
    x, y, people = sample.cells.values, sample.belongs, sample.cells.population
    tried = {ridge: out_of_fold(x, y, sample.fold, ridge=ridge) for ridge in RIDGES}
    losses = {ridge: log_loss(p, y) for ridge, p in tried.items()}
    ridge = max(r for r, loss in losses.items() if loss <= min(losses.values()) * (1 + _RIDGE_TOLERANCE))
    threshold = best_threshold(tried[ridge], y)
    per_row = int(sample.cells.col.max()) // block_cells + 1
    block = sample.cells.row // block_cells * per_row + sample.cells.col // block_cells
    by_block = out_of_fold(x, y, block, ridge=ridge)
    validation: dict[str, Any] = {
        "leave_fua_out": {
            "folds": int(np.unique(sample.fold).size),
            **_rounded(scores(tried[ridge], y, threshold, population=people)),
        },
        "spatial_blocks": {
            "folds": int(np.unique(block).size),
            "block_cells": block_cells,
            **_rounded(scores(by_block, y, threshold, population=people)),
        },
        "log_loss_by_ridge": {f"{r:g}": round(loss, 6) for r, loss in losses.items()},
    }
    counts = {"cells": int(y.size), "cells_belonging": int(y.sum()), "cells_unknown": sample.n_unknown}
    return EfuaModel(
        sample.cells.names,
        fit_logistic(x, y, ridge=ridge),
        x.min(axis=0),
        x.max(axis=0),
        threshold,
        ridge,
        friction,
        cast("dict[str, Any]", {**training, **counts, "centres": int(np.unique(sample.cells.centre).size)}),
        validation,
    )


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in values.items()}
