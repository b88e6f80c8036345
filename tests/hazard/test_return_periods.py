"""Expected annual exposure: analytic curves, the published cases, properties, odd input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import UsageError
from geo_profiling.hazard.return_periods import annual_exposure, check_return_periods

AQUEDUCT = (2, 5, 10, 25, 50, 100, 250, 500, 1000)
ANALYTIC = {
    "analytic_const1": lambda period: 1.0,
    "analytic_step_at_250": lambda period: float(period >= 250),
    "analytic_step_at_100": lambda period: float(period >= 100),
    "analytic_linear_lnRP": lambda period: float(np.log(period / 2)),
}
YEARS = st.lists(st.integers(1, 5000), min_size=1, max_size=9, unique=True)


@pytest.mark.parametrize("name", ANALYTIC)
def test_the_analytic_curves_give_the_golden_estimate_and_lower_bound(shared_golden: Path, name: str) -> None:
    golden = json.loads((shared_golden / "hazard/expected_exposure_and_eae.json").read_text())[name]
    found = annual_exposure(np.array([ANALYTIC[name](period) for period in AQUEDUCT]), AQUEDUCT)
    assert found.expected == pytest.approx(golden["trap_tail"], rel=1e-12)
    assert found.lower == pytest.approx(golden["LB"], rel=1e-12)


def test_the_upper_bound_of_a_step_includes_the_tail() -> None:
    found = annual_exposure(np.array([float(period >= 250) for period in AQUEDUCT]), AQUEDUCT)
    assert found.upper == pytest.approx(0.010, rel=1e-12)
    assert annual_exposure(np.ones(9), AQUEDUCT).upper == pytest.approx(0.5, rel=1e-12)


def test_every_golden_case_of_djibouti(shared_golden: Path) -> None:
    golden = json.loads((shared_golden / "hazard/expected_exposure_and_eae.json").read_text())
    cases = [case for case in golden.values() if "rp" in case]
    assert len(cases) > 10
    for case in cases:
        found = annual_exposure(np.array(list(case["rp"].values())), [float(period) for period in case["rp"]])
        assert found.expected == pytest.approx(case["trap_tail"], rel=1e-12, abs=1e-12)
        assert found.lower == pytest.approx(case["LB"], rel=1e-12, abs=1e-12)
        assert found.is_monotone


@settings(max_examples=60)
@given(periods=YEARS, data=st.data())
def test_order_does_not_matter_and_the_bounds_hold(periods: list[int], data: st.DataObject) -> None:
    values = np.array(data.draw(st.lists(st.floats(0, 1e6), min_size=len(periods), max_size=len(periods))))
    order = data.draw(st.permutations(range(len(periods))))
    found = annual_exposure(values, periods)
    again = annual_exposure(values[list(order)], [periods[i] for i in order])
    assert (found.expected, found.lower, found.upper) == (again.expected, again.lower, again.upper)
    slack = 1e-9 * (1 + found.upper)
    assert found.lower - slack <= found.expected <= found.upper + slack
    rising = annual_exposure(values, periods, running_maximum=True)
    assert rising.expected >= found.expected - slack


def test_exposure_that_falls_is_told_by_place() -> None:
    found = annual_exposure(np.array([[5.0, 4.0], [4.0, 5.0], [np.nan, 1.0]]), [10, 100])
    assert found.is_monotone.tolist() == [False, True, True]
    assert np.isnan(found.expected).tolist() == [False, False, True]
    raised = annual_exposure(np.array([[5.0, 4.0]]), [10, 100], running_maximum=True)
    assert raised.expected.tolist() == pytest.approx([0.5])
    assert raised.is_monotone.tolist() == [False]


def test_one_return_period_has_a_flat_tail_only() -> None:
    assert annual_exposure(np.array([7.0]), [100]).expected == pytest.approx(0.07)


@pytest.mark.parametrize(
    ("periods", "told"),
    [([0], "0 years"), ([-5, 10], "-5 years"), ([10, 10.0], "twice"), ([float("nan")], "nan"), ([], "no return")],
)
def test_impossible_return_periods_are_refused(periods: list[float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check_return_periods(periods)


def test_a_shape_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="does not fit 2"):
        annual_exposure(np.array([1.0, 2.0, 3.0]), [10, 100])
