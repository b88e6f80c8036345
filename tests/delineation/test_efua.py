from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from pyproj import CRS
from scipy.special import expit

from geo_profiling.delineation.efua import model_fuas, times_between
from geo_profiling.delineation.efua_model import (
    COUNTRY_COVARIATE,
    COVARIATES,
    CellCovariates,
    EfuaModel,
    TrainingSample,
    cell_covariates,
    centre_covariate,
    fit_model,
    join_samples,
    model_from_json,
    shipped_model,
    training_sample,
)
from geo_profiling.delineation.logistic import (
    Logistic,
    area_under_curve,
    best_threshold,
    fit_logistic,
    jaccard,
    out_of_fold,
    scores,
)
from geo_profiling.errors import InputError
from geo_profiling.raster.cost_distance import travel_times
from geo_profiling.raster.grid import Grid

#: Within 10 minutes of the nearest centre.
TEN_MINUTES = EfuaModel(
    ("log_minutes",), Logistic(np.log(10.0), np.array([-1.0])), np.array([-9.0]), np.array([9.0]), 0.5, 1.0, "test"
)


def delineated(labels, *, population=None, people=None, friction=None, model=TEN_MINUTES, **options):
    labels = np.array(labels, np.int32)
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000 * labels.shape[0]), labels.shape)
    friction = np.full(labels.shape, 0.003) if friction is None else np.array(friction)
    population = np.ones(labels.shape) if population is None else np.array(population, float)
    n = labels.max()
    centres = pd.DataFrame(
        {
            "centre_id": [f"UC_{k}" for k in range(1, n + 1)],
            "population": people or [1000.0 * (n + 1 - k) for k in range(1, n + 1)],
            "area_km2": np.bincount(labels.ravel(), minlength=n + 1)[1:].astype(float),
        }
    )
    minutes, nearest = travel_times(friction, labels, cell_size=grid.cell_size)
    return model_fuas(
        population, labels, minutes, nearest, centres, grid=grid, friction=friction, model=model, **options
    )


# --- logistic regression --------------------------------------------------------------------------


def test_fit_recovers_known_coefficients():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60_000, 3)) * [1.0, 10.0, 0.5] + [3.0, 0.0, -0.5]
    truth = Logistic(3.5, np.array([-0.8, 0.1, 2.0]))
    fitted = fit_logistic(x, rng.random(60_000) < truth.probability(x))
    np.testing.assert_allclose(fitted.coefficients, truth.coefficients, rtol=0.1)
    assert fitted.intercept == pytest.approx(truth.intercept, abs=0.3)


def test_fit_without_penalty_is_at_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 2))
    y = rng.random(200) < expit(x[:, 0])
    residual = y - fit_logistic(x, y, ridge=0.0).probability(x)
    np.testing.assert_allclose([residual.sum(), *(x.T @ residual)], 0.0, atol=1e-8)


def test_separated_data_and_a_constant_covariate_have_finite_coefficients():
    x = np.column_stack([np.arange(20.0), np.full(20, 7.0)])
    fitted = fit_logistic(x, x[:, 0] > 9)
    assert 0 < fitted.coefficients[0] < 10
    assert fitted.coefficients[1] == 0


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InputError, match="outcomes are the same"):
        fit_logistic(np.zeros((3, 1)), np.ones(3, bool))
    with pytest.raises(InputError, match="1 covariates are not finite"):
        fit_logistic(np.array([[0.0], [np.nan]]), np.array([True, False]))
    with pytest.raises(InputError, match="two groups"):
        out_of_fold(np.zeros((2, 1)), np.array([True, False]), np.zeros(2, np.int64))


def test_out_of_fold_never_sees_its_own_group():
    x = np.arange(12.0)[:, None]
    groups = np.repeat([0, 1, 2], 4)
    y = np.tile([False, True], 6)
    p = out_of_fold(x, y, groups)
    flipped = np.where(groups == 1, ~y, y)
    np.testing.assert_array_equal(p[groups == 1], out_of_fold(x, flipped, groups)[groups == 1])


def test_figures_by_hand():
    p, y = np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False])
    assert area_under_curve(p, y) == 0.75
    found = scores(p, y, 0.5, population=np.array([1.0, 1, 8, 1]))
    assert found["balanced_accuracy"] == 0.5
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.49 + 0.01) / 4)
    assert (found["jaccard_cells"], found["jaccard_population"]) == (1 / 3, 0.1)
    assert jaccard(np.zeros(2, bool), np.zeros(2, bool)) == 1


def test_the_best_threshold_keeps_equal_probabilities_together():
    p = np.array([0.9, 0.5, 0.5, 0.1])
    assert best_threshold(p, np.array([True, False, False, False])) == pytest.approx(0.7)
    assert best_threshold(p, np.array([True, True, False, False])) == pytest.approx(0.3)
    assert best_threshold(p, np.array([True, True, True, False])) == pytest.approx(0.3)


# --- covariates and samples -----------------------------------------------------------------------


def test_covariates_are_of_the_nearest_centre_and_per_km2():
    centres = pd.DataFrame({"population": [50e3, 90e3], "area_km2": [10.0, 20.0]})
    labels = np.array([[1, 0, 0, 2]], np.int32)
    minutes, nearest = np.array([[0.0, 2.0, 3.0, 0.0]]), np.array([[1, 1, 2, 2]], np.int32)
    cells = cell_covariates(np.array([[9.0, 4.0, 0.0, 9.0]]), labels, minutes, nearest, centres, cell_area_km2=0.25)
    np.testing.assert_allclose(cells.values, [[np.log(2), np.log(50e3), np.log(10), np.log(16)]])
    every = cell_covariates(
        np.array([[9.0, 4.0, 0.0, 9.0]]),
        labels,
        minutes,
        nearest,
        centres,
        cell_area_km2=0.25,
        with_empty_cells=True,
    )
    assert every.centre.tolist() == [1, 2]
    assert every.values[1, 3] == -np.inf


def test_a_covariate_that_is_missing_unknown_or_no_number_is_refused():
    with pytest.raises(InputError, match="'gdp_per_capita' of each centre"):
        centre_covariate(pd.DataFrame({"population": [1.0]}), COUNTRY_COVARIATE)
    with pytest.raises(InputError, match="'log_x' that is not known"):
        centre_covariate(pd.DataFrame(), "log_x")
    with pytest.raises(InputError, match="2 centres have no population above 0"):
        centre_covariate(pd.DataFrame({"population": [1.0, 0.0, np.nan]}), "log_centre_population")


def test_the_sample_leaves_out_what_is_not_known():
    labels = np.array([[1, 0, 0, 0, 2, 0, 3, 0]], np.int32)
    #                   centre 1 in FUA 1; centre 2 in no unit; centre 3 in no FUA
    fua = np.array([[1, 1, 2, -1, -1, 1, 0, 0]], np.int32)
    row, col = np.zeros(5, np.int64), np.array([1, 2, 3, 5, 7])
    cells = CellCovariates(row, col, np.array([1, 1, 1, 2, 3]), np.ones(5), np.ones((5, 1)), ("log_minutes",))
    sample = training_sample(cells, fua, labels, np.ones((1, 8)))
    assert sample.cells.col.tolist() == [1, 2, 7]
    assert sample.belongs.tolist() == [True, False, False]
    assert sample.n_unknown == 2
    assert np.unique(sample.fold).size == 2


def simulated(seed, coefficients=(-2.0, 0.7), n=12_000):
    rng = np.random.default_rng(seed)
    centre = np.sort(rng.integers(1, 13, n))
    size = rng.normal(11.5, 1.0, 12)[centre - 1]
    x = np.column_stack([rng.normal(3.0, 0.7, n), size])
    y = rng.random(n) < expit(-1.5 + x @ np.array(coefficients))
    place = np.arange(n)
    cells = CellCovariates(place // 110, place % 110, centre, np.ones(n), x, ("log_minutes", "log_centre_population"))
    return TrainingSample(cells, y, centre.astype(np.int64), 0)


def test_the_fit_recovers_the_model_that_made_the_sample():
    model = fit_model(simulated(2), friction="test", training={"regions": ["made"]}, block_cells=30)
    np.testing.assert_allclose(model.logistic.coefficients, [-2.0, 0.7], rtol=0.15)
    assert model.training["cells"] == 12_000
    assert model.validation["leave_fua_out"]["folds"] == 12
    assert 0.8 < model.validation["leave_fua_out"]["auc"] < 1
    assert model.validation["spatial_blocks"]["folds"] == 16


def test_samples_of_two_regions_stay_apart():
    both = join_samples([simulated(2), simulated(3)])
    assert np.unique(both.fold).size == np.unique(both.cells.centre).size == 24
    assert both.belongs.size == 24_000
    with pytest.raises(InputError, match="no region"):
        join_samples([])


def test_the_model_survives_its_file_and_says_where_it_comes_from():
    shipped = shipped_model()
    again = model_from_json(shipped.to_json())
    assert again.to_json() == shipped.to_json()
    assert again.names == COVARIATES
    assert shipped.training["fuas"] == 14
    assert shipped.training["flows_year"] == [2011]
    assert shipped.validation["leave_fua_out"]["auc"] > 0.8
    # Farther is less likely; a larger population draws from farther.
    assert shipped.logistic.coefficients[0] < 0 < shipped.logistic.coefficients[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "not a model"),
        ({"threshold": 1.5}, "cannot be"),
        ({"intercept": "x"}, "cannot be read"),
        ({"covariates": []}, "cannot be"),
        ({"covariates": [{"name": "log_moon", "coefficient": 1, "low": 0, "high": 1}]}, "log_moon"),
        ({"covariates": [{"name": "log_minutes"}]}, "cannot be read"),
    ],
)
def test_a_file_that_is_no_model_is_refused(change, words):
    document = json.loads(shipped_model().to_json()) | change
    with pytest.raises(InputError, match=words):
        model_from_json(json.dumps(document), name="mine.json")
    with pytest.raises(InputError, match=r"mine\.json"):
        model_from_json("{", name="mine.json")


# --- areas ----------------------------------------------------------------------------------------


def test_cells_within_the_threshold_join_their_centre():
    found = delineated([[1, 0, 0, 0, 0, 0]], population=[[900, 10, 0, 20, 40, 80]])
    assert found.labels.tolist() == [[1, 1, 1, 1, 0, 0]]  # 3 minutes a cell
    row = found.layer.iloc[0]
    assert (row.fua_id, row.method, row.population, row.city_population) == ("FUA_1", "model", 930, 900)
    assert (row.commuting_zone_population, row.area_km2) == (30, 4)


def test_what_lies_behind_unknown_ground_leaves_unless_all_is_kept():
    population = [[900, 10, np.nan, 20, 40, 80]]
    assert delineated([[1, 0, 0, 0, 0, 0]], population=population).labels.tolist() == [[1, 1, 0, 0, 0, 0]]
    kept = delineated([[1, 0, 0, 0, 0, 0]], population=population, contiguous=False)
    assert kept.labels.tolist() == [[1, 1, 0, 1, 0, 0]]
    assert kept.layer.area_km2.tolist() == [3]


def test_a_corner_is_no_connection():
    friction = [[0.003, np.nan], [np.nan, 0.003]]
    assert delineated([[1, 0], [0, 0]], friction=friction).labels.tolist() == [[1, 0], [0, 0]]


def test_join_rules():
    labels = [[1, 0, 0, 0, 2]]
    apart = delineated(labels, join="none")
    assert apart.layer.n_centres.tolist() == [1, 1]
    touching = delineated(labels, join="touching")
    assert touching.layer.n_centres.tolist() == [2]
    assert touching.centres.fua_id.tolist() == ["FUA_1", "FUA_1"]
    assert touching.layer.population.tolist() == [5]


def test_a_centre_joins_one_that_dwarfs_it_and_no_other():
    near, far = [[2, 0, 1]], [[2, 0, 0, 0, 1]]
    joined = delineated(near, people=[25_000.0, 1000.0])
    assert joined.centres.joined_centre_id.tolist() == [None, "UC_1"]
    assert joined.centres.join_probability[1] == pytest.approx(10 / 16)
    assert joined.layer.fua_id.tolist() == ["FUA_1"]
    assert len(delineated(near, people=[24_999.0, 1000.0]).layer) == 2
    assert len(delineated(far, people=[25_000.0, 1000.0]).layer) == 2  # 12 minutes


def test_the_quickest_crossing_of_the_border_counts():
    friction = np.array([[0.001, 0.01, 0.001], [0.001, 0.001, 0.001]])
    labels = np.array([[1, 0, 2], [0, 0, 0]], np.int32)
    minutes, nearest = travel_times(friction, labels, cell_size=(1000, 1000))
    between = times_between(minutes, nearest, friction, (1000, 1000))
    assert between[["first", "second"]].values.tolist() == [[1, 2]]
    assert between.minutes[0] == pytest.approx(2 * np.sqrt(2))


def test_areas_at_the_edge_and_centres_beyond_the_range_are_marked():
    ring = np.zeros((12, 12), np.int32)
    ring[6, 6] = 1
    inside = delineated(ring)
    assert not inside.layer.touches_edge[0]
    assert not inside.layer.beyond_range[0]
    assert delineated([[1, 0]]).layer.touches_edge[0]
    sized = EfuaModel(
        ("log_centre_population",), Logistic(1.0, np.zeros(1)), np.array([11.0]), np.array([14.0]), 0.5, 1, ""
    )
    assert delineated(ring, model=sized, people=[2e7]).layer.beyond_range[0]


def test_covariates_beyond_the_range_count_as_its_end():
    model = shipped_model()
    row = np.array([[3.0, 14.0, 5.0, 5.0]])
    huge = np.array([[3.0, 17.0, 5.0, 5.0]])
    end = np.array([[3.0, model.high[1], 5.0, 5.0]])
    assert model.probability(huge) == model.probability(end) != model.probability(row)


def test_no_centre_no_area():
    found = delineated(np.zeros((3, 3), int))
    assert len(found.layer) == 0
    assert not found.labels.any()
    assert list(found.layer.columns)[:2] == ["fua_id", "method"]
