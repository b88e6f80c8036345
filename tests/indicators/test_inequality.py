"""Values of areas: modelled ones, inequality between them, and what may be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import InputError
from geo_profiling.indicators.inequality import difference, inequality
from geo_profiling.indicators.modelled import is_direct, modelled_estimates


def people(**areas: dict[str, float]) -> pd.DataFrame:
    rows = [(area, stratum, count) for area, strata in areas.items() for stratum, count in strata.items()]
    return pd.DataFrame(rows, columns=["area_id", "stratum", "population"])


STRATA = pd.DataFrame({"stratum": ["a", "b", "c"], "estimate": [0.2, 0.6, np.nan], "se": [0.02, 0.05, np.nan],
                       "df": [20, 10, 0]})  # fmt: skip


def test_modelled_by_hand() -> None:
    found = modelled_estimates(people(x={"a": 300, "b": 100}, y={"b": 5}), STRATA).set_index("area_id")
    assert found.loc["x", "estimate"] == pytest.approx((300 * 0.2 + 100 * 0.6) / 400)
    assert found.loc["x", "se"] == pytest.approx(np.sqrt((300 * 0.02) ** 2 + (100 * 0.05) ** 2) / 400)
    va, vb = 6.0**2, 5.0**2
    assert found.loc["x", "df"] == np.floor((va + vb) ** 2 / (va**2 / 20 + vb**2 / 10))
    assert found.loc["y", ["estimate", "se", "df"]].tolist() == pytest.approx([0.6, 0.05, 10])
    assert (found["ci_low"] < found["estimate"]).all()


def test_people_outside_the_strata_lower_the_coverage() -> None:
    found = modelled_estimates(people(x={"a": 60, "c": 40}, y={"a": 40, "c": 60}, z={"a": 0}), STRATA)
    assert found["coverage_share"].tolist() == pytest.approx([0.6, 0.4, np.nan], nan_ok=True)
    assert found["estimate"].tolist() == pytest.approx([0.2, np.nan, np.nan], nan_ok=True)
    assert found["ci_low"].isna().tolist() == [False, True, True]


def test_parts_weighted_by_people_equal_the_whole() -> None:
    rng = np.random.default_rng(3)
    table = people(**{f"p{i}": {"a": rng.uniform(0, 9e4), "b": rng.uniform(0, 9e4)} for i in range(50)})
    parts = modelled_estimates(table, STRATA)
    whole = modelled_estimates(table.groupby("stratum", as_index=False)["population"].sum().assign(area_id="w"), STRATA)
    total = (parts["estimate"] * parts["population"]).sum() / parts["population"].sum()
    assert total == pytest.approx(whole["estimate"].iloc[0], rel=1e-12)


def test_a_stratum_twice_and_negative_people_are_refused() -> None:
    table = people(x={"a": 1})
    with pytest.raises(InputError, match="area x has a stratum twice"):
        modelled_estimates(pd.concat([table, table]), STRATA)
    with pytest.raises(InputError, match="negative or unknown"):
        modelled_estimates(people(x={"a": -1}), STRATA)


def test_direct_needs_households_and_psus() -> None:
    assert is_direct(pd.DataFrame({"n": [4, 25, 30], "n_psu": [2, 2, 1]})).tolist() == [False, True, False]


def test_gini_and_theil_against_the_double_sum() -> None:
    rng = np.random.default_rng(1)
    y, n = rng.uniform(0, 100, 30), rng.uniform(1, 50, 30)
    found = inequality(pd.Series(y), pd.Series(n))
    w, r = n / n.sum(), y / np.average(y, weights=n)
    assert found.gini == pytest.approx((w[:, None] * w * np.abs(r[:, None] - r)).sum() / 2, rel=1e-12)
    assert found.theil == pytest.approx((w * r * np.log(r)).sum(), rel=1e-12)
    assert (found.gap, found.ratio) == pytest.approx((y.max() - y.min(), y.max() / y.min()))


@settings(max_examples=50)
@given(
    # Rounded: a value that scaling turns into 0 is no value.
    st.lists(
        st.tuples(st.floats(0, 1e3).map(lambda value: round(value, 6)), st.floats(0.1, 1e4), st.sampled_from("abc")),
        min_size=1,
        max_size=20,
    ),
    st.floats(0.01, 100),
)
def test_parts_of_theil_add_up_and_scale_does_not_matter(rows: list[tuple[float, float, str]], factor: float) -> None:
    y, n, g = (pd.Series(list(part)) for part in zip(*rows, strict=True))
    found, scaled = inequality(y, n, g), inequality(y * factor, n * 7, g)
    if np.isnan(found.theil):
        assert not (y * n).sum() > 0
        return
    assert found.theil_between + found.theil_within == pytest.approx(found.theil, abs=1e-9)
    assert 0 <= found.gini < 1
    assert scaled.gini == pytest.approx(found.gini, abs=1e-9)
    assert scaled.theil == pytest.approx(found.theil, abs=1e-9)


def test_areas_without_value_or_people() -> None:
    found = inequality(pd.Series([0.0, 10.0, np.nan, 5.0]), pd.Series([10, 10, 20, 0]))
    assert (found.n_areas, found.coverage_share) == (2, 0.5)
    assert np.isnan(found.ratio)
    assert np.isnan(found.theil_between)
    nothing = inequality(pd.Series([np.nan]), pd.Series([3]))
    assert (nothing.n_areas, nothing.coverage_share) == (0, 0)
    with pytest.raises(InputError, match="negative"):
        inequality(pd.Series([-1.0]), pd.Series([1]))
    with pytest.raises(InputError, match="has no group"):
        inequality(pd.Series([1.0, 2]), pd.Series([1, 1]), pd.Series(["a", None]))


def test_a_gap_without_degrees_of_freedom_has_no_interval() -> None:
    one = pd.Series({"estimate": 0.6, "se": 0.04, "df": 0})
    assert np.isnan(difference(one, one.replace(0, 9))["ci_low"])
