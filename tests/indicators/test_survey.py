"""Survey estimates: R's published figures, brute force, domains by hand, intervals, bad input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.survey import survey_estimates

KINDS = ["logit", "wilson", "beta", "mean"]


@pytest.fixture
def survey(shared_golden: Path) -> Any:
    return lambda name: pd.read_csv(shared_golden / "survey" / f"{name}.csv", dtype=str, keep_default_na=False)


def one(frame: pd.DataFrame, variable: str, statistic: str = "mean", **options: Any) -> pd.Series:
    options = {"weights": "w", **options}
    found = survey_estimates(frame, [variable], statistic=statistic, **options)
    assert len(found) == 1
    return found.iloc[0]


def sample(seed: int = 0, *, strata: int = 4, rows: int = 120) -> pd.DataFrame:
    """Return a sample of 2 to 5 PSUs a stratum, numbered anew in each."""
    random = np.random.default_rng(seed)
    stratum = np.concatenate([np.repeat(np.arange(strata), 2), random.integers(0, strata, rows)])
    psu = np.concatenate([np.tile([0, 1], strata), random.integers(0, 5, rows)])
    size = len(stratum)
    y = random.normal(10, 3, size) + stratum + psu
    return pd.DataFrame(
        {
            "stratum": stratum,
            "psu": psu,
            "w": random.uniform(0.5, 4, size),
            "y": y,
            "x": random.uniform(1, 5, size),
            "flag": (y > 13).astype(int),
            "group": random.choice(["north", "south"], size),
        }
    )


def brute_variance(frame: pd.DataFrame, z: np.ndarray, population: dict[int, int] | None = None) -> float:
    """Return the linearised variance, stratum by stratum and PSU by PSU, as the textbook writes it."""
    total = 0.0
    for stratum, rows in frame.assign(z=z).groupby("stratum"):
        sums = [part["z"].sum() for _, part in rows.groupby("psu")]
        n = len(sums)
        share = 1 - n / population[stratum] if population else 1
        total += share * n / (n - 1) * sum((value - sum(sums) / n) ** 2 for value in sums)
    return total


DESIGN = {"strata": "stratum", "psu": "psu"}


@pytest.mark.parametrize(("fpc", "se"), [("fpc", 9.4089), (None, 9.5361)])
def test_apistrat_as_r(survey: Any, fpc: str | None, se: float) -> None:
    found = one(survey("apistrat"), "api00", weights="pw", strata="stype", fpc=fpc)
    assert (round(found["estimate"], 4), round(found["se"], 4)) == (662.2874, se)
    assert (found["n"], found["n_psu"], found["df"]) == (200, 200, 197)


@pytest.mark.parametrize(("fpc", "se"), [("fpc", 23.5422), (None, 23.779)])
def test_apiclus1_as_r(survey: Any, fpc: str | None, se: float) -> None:
    found = one(survey("apiclus1"), "api00", weights="pw", psu="dnum", fpc=fpc)
    assert (round(found["estimate"], 4), round(found["se"], 4)) == (644.1694, se)
    assert (found["n"], found["n_psu"], found["df"]) == (183, 15, 14)


@pytest.mark.parametrize(
    ("rule", "se"), [("certainty", 0.7160), ("remove", 0.7160), ("adjust", 0.7865), ("average", 1.0126)]
)
def test_lonely_psu_as_r(survey: Any, rule: str, se: float) -> None:
    found = one(survey("fpc_lonely"), "x", weights="weight", strata="stratid", psu="psuid", lonely_psu=rule)
    assert round(found["se"], 4) == se
    assert found["df"] == 2


def test_a_lonely_psu_fails_by_default_and_names_its_stratum() -> None:
    frame = sample()
    frame = frame[(frame["stratum"] != 2) | (frame["psu"] == 1)]
    with pytest.raises(InputError, match="stratum '2' with one PSU") as caught:
        one(frame, "y", **DESIGN)
    assert "--lonely-psu" in caught.value.hint


def test_a_lonely_psu_that_is_its_whole_stratum_adds_no_variance() -> None:
    frame = pd.DataFrame({"w": 1, "s": [1, 2, 2], "N": [1, 8, 8], "y": [5.0, 1, 2]})
    found = one(frame, "y", strata="s", fpc="N")
    z = np.array([1, 2]) / 3
    assert found["se"] ** 2 == pytest.approx((1 - 2 / 8) * 2 * ((z - z.mean()) ** 2).sum())


def test_the_whole_sample_in_one_psu_is_lonely() -> None:
    with pytest.raises(InputError, match="has one PSU"):
        one(pd.DataFrame({"w": [1, 1], "p": [1, 1], "y": [1, 2]}), "y", psu="p")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("with_fpc", [False, True])
def test_variance_against_brute_force(seed: int, with_fpc: bool) -> None:
    frame = sample(seed)
    population = {0: 9, 1: 12, 2: 30, 3: 7}
    frame["N"] = frame["stratum"].map(population)
    options = {**DESIGN, "fpc": "N" if with_fpc else None}
    known = population if with_fpc else None
    w, y, x = frame["w"], frame["y"], frame["x"]
    mean, ratio = (w * y).sum() / w.sum(), (w * y).sum() / (w * x).sum()
    for statistic, variable, estimate, z in [
        ("mean", "y", mean, w * (y - mean) / w.sum()),
        ("total", "y", (w * y).sum(), w * y),
        ("ratio", "y/x", ratio, w * (y - ratio * x) / (w * x).sum()),
    ]:
        found = one(frame, variable, statistic, **options)
        assert found["estimate"] == pytest.approx(estimate, rel=1e-12)
        assert found["se"] == pytest.approx(math.sqrt(brute_variance(frame, z, known)), rel=1e-12)
        half = stats.t.ppf(0.975, found["df"]) * found["se"]
        assert [found["ci_low"], found["ci_high"]] == pytest.approx([estimate - half, estimate + half], rel=1e-12)
        assert found["ci_method"] == "mean"


@pytest.mark.parametrize("statistic", ["mean", "total", "ratio"])
def test_domains_are_zero_weights_in_the_whole_design(statistic: str) -> None:
    frame = sample(5)
    frame.loc[[3, 40, 77], "y"] = np.nan
    variable = "y/x" if statistic == "ratio" else "y"
    found = survey_estimates(frame, [variable], statistic=statistic, weights="w", by=["group"], **DESIGN)
    assert found["group"].tolist() == ["north", "south"]
    for row in found.itertuples():
        inside = (frame["group"] == row.group) & frame["y"].notna()
        w, y = frame["w"].where(inside, 0), frame["y"].fillna(0)
        base = {"mean": np.ones(len(frame)), "ratio": frame["x"].to_numpy(), "total": None}[statistic]
        if base is None:
            estimate, z = (w * y).sum(), w * y
        else:
            estimate = (w * y).sum() / (w * base).sum()
            z = w * (y - estimate * base) / (w * base).sum()
        assert row.estimate == pytest.approx(estimate, rel=1e-12)
        assert row.se == pytest.approx(math.sqrt(brute_variance(frame, z)), rel=1e-12)
        part = frame[inside]
        assert row.n == len(part)
        assert row.n_psu == len(part[["stratum", "psu"]].drop_duplicates())
        assert row.df == row.n_psu - part["stratum"].nunique()


def test_a_domain_by_hand() -> None:
    # Stratum 1 has PSUs with sums 1/2 * (3 - 4) and 0 for the absent one, stratum 2 has 1/2 and 0.
    frame = pd.DataFrame({"w": 1, "s": [1, 1, 2, 2], "p": [1, 2, 1, 2], "y": [3, 9, 5, 9], "d": ["a", "b", "a", "b"]})
    found = survey_estimates(frame, ["y"], statistic="mean", weights="w", strata="s", psu="p", by=["d"])
    first = found.iloc[0]
    assert first["estimate"] == 4
    assert first["se"] == pytest.approx(math.sqrt(2 * (2 * 0.25**2) * 2))
    assert (first["n_psu"], first["df"]) == (2, 0)
    assert np.isnan(first["ci_low"])
    assert np.isnan(first["ci_high"])
    assert pd.isna(first["ci_method"])


def test_domains_cross_and_sort_as_numbers_where_they_are() -> None:
    frame = pd.DataFrame(
        {"w": 1, "y": range(6), "a": ["10", "9", "9", "10", "", "9"], "b": ["x", "x", "", "a", "x", "x"]}
    )
    found = survey_estimates(frame, ["y"], statistic="total", weights="w", by=["a", "b"])
    assert found[["a", "b", "estimate"]].to_numpy().tolist() == [["9", "x", 6], ["10", "a", 3], ["10", "x", 0]]


def test_a_domain_without_valid_rows_is_unknown_not_zero() -> None:
    frame = pd.DataFrame({"w": 1, "y": ["1", "2", "", "", "3"], "d": ["a", "a", "b", "b", "c"]})
    for statistic in ("mean", "total"):
        found = survey_estimates(frame, ["y"], statistic=statistic, weights="w", by=["d"])
        empty = found.set_index("d").loc["b"]
        assert empty[["estimate", "se", "ci_low", "ci_high", "ci_method", "deff", "n_eff"]].isna().all()
        assert empty[["n", "n_psu", "df"]].tolist() == [0, 0, 0]
        assert np.isnan(found.set_index("d").loc["c", "ci_low"])


def test_rows_of_weight_zero_count_nowhere_but_in_the_design() -> None:
    frame = sample(2)
    frame.loc[frame["psu"] == 4, "w"] = 0
    found = one(frame, "y", **DESIGN)
    z = frame["w"] * (frame["y"] - found["estimate"]) / frame["w"].sum()
    assert found["se"] == pytest.approx(math.sqrt(brute_variance(frame, z)), rel=1e-12)
    used = frame[frame["w"] > 0]
    assert (found["n"], found["n_psu"]) == (len(used), len(used[["stratum", "psu"]].drop_duplicates()))


def test_psu_ids_are_read_inside_their_stratum() -> None:
    frame = sample(3)
    unique = frame.assign(psu=frame["stratum"].astype(str) + "-" + frame["psu"].astype(str))
    pd.testing.assert_series_equal(one(frame, "y", **DESIGN), one(unique, "y", **DESIGN))
    assert one(frame, "y", **DESIGN)["n_psu"] == unique["psu"].nunique()


def test_deff_and_effective_size_against_the_formula() -> None:
    frame = sample(4)
    w, y, n = frame["w"], frame["y"], len(frame)
    mean = (w * y).sum() / w.sum()
    s2 = n / (n - 1) * (w * (y - mean) ** 2).sum() / w.sum()
    found = one(frame, "y", **DESIGN)
    assert found["deff"] == pytest.approx(found["se"] ** 2 / (s2 / n), rel=1e-12)
    assert found["n_eff"] == pytest.approx(n / found["deff"], rel=1e-12)
    total = one(frame, "y", "total", **DESIGN)
    assert total["deff"] == pytest.approx(total["se"] ** 2 / (s2 / n * w.sum() ** 2), rel=1e-12)
    same = one(frame.assign(one=1), "y/one", "ratio", **DESIGN)
    assert same["deff"] == pytest.approx(found["deff"], rel=1e-12)


def test_what_does_not_vary_has_no_design_effect() -> None:
    found = one(sample(4).assign(y=0.1), "y", **DESIGN)
    assert found["estimate"] == pytest.approx(0.1, rel=1e-12)
    assert found["se"] == 0
    assert found[["deff", "n_eff"]].isna().all()


def test_a_simple_random_sample_has_a_design_effect_of_one() -> None:
    frame = pd.DataFrame({"w": 7.0, "y": np.random.default_rng(1).normal(size=50)})
    found = one(frame, "y")
    assert [found["deff"], found["n_eff"]] == pytest.approx([1, 50], rel=1e-12)


def test_intervals_against_independent_formulas() -> None:
    frame = sample(6)
    rows = {kind: one(frame, "flag", "proportion", ci=kind, **DESIGN) for kind in KINDS}
    assert {row["ci_method"] for row in rows.values()} == set(KINDS)
    p, se, df, n = rows["mean"][["estimate", "se", "df", "n"]]
    assert 0 < p < 1
    t = -stats.t.ppf(0.025, int(df))
    found = {kind: [row["ci_low"], row["ci_high"]] for kind, row in rows.items()}
    assert found["mean"] == pytest.approx([p - t * se, p + t * se], rel=1e-12)
    centre, half = math.log(p / (1 - p)), t * se / (p * (1 - p))
    assert found["logit"] == pytest.approx([1 / (1 + math.exp(-(centre + s * half))) for s in (-1, 1)], rel=1e-10)

    size = p * (1 - p) / se**2

    def score(at: float) -> float:
        return (p - at) ** 2 - stats.norm.ppf(0.975) ** 2 * at * (1 - at) / size

    assert found["wilson"] == pytest.approx(
        [optimize.brentq(score, 1e-9, p, xtol=1e-14), optimize.brentq(score, p, 1 - 1e-9, xtol=1e-14)], rel=1e-9
    )
    size *= (stats.t.ppf(0.025, int(n) - 1) / stats.t.ppf(0.025, int(df))) ** 2

    # Clopper and Pearson's in terms of F, as Korn and Graubard write it.
    x = size * p
    low_f = stats.f.ppf(0.025, 2 * x, 2 * (size - x + 1))
    high_f = stats.f.ppf(0.975, 2 * (x + 1), 2 * (size - x))
    low = x * low_f / (size - x + 1 + x * low_f)
    high = (x + 1) * high_f / (size - x + (x + 1) * high_f)
    assert found["beta"] == pytest.approx([low, high], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0, 1])
def test_none_and_all_have_the_exact_interval(kind: str, value: int) -> None:
    frame = sample(7).assign(flag=value)
    found = one(frame, "flag", "proportion", ci=kind, **DESIGN)
    exact = stats.binomtest(value * len(frame), len(frame)).proportion_ci(method="exact")
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([exact.low, exact.high], rel=1e-9)
    assert (found["estimate"], found["se"], found["ci_method"]) == (value, 0, "beta")
    assert math.isnan(found["deff"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_complete_census_has_no_width(kind: str) -> None:
    found = one(pd.DataFrame({"w": 1, "N": 4, "flag": [0, 1, 1, 1]}), "flag", "proportion", fpc="N", ci=kind)
    assert (found["se"], found["ci_low"], found["ci_high"]) == (0, 0.75, 0.75)


def test_a_proportion_of_a_value_counts_missing_as_a_domain() -> None:
    frame = pd.DataFrame({"w": 1, "water": ["tap", "well", "", "tap"]})
    found = one(frame, "water=tap", "proportion")
    assert found["estimate"] == pytest.approx(2 / 3)
    assert found["n"] == 3
    numbers = pd.DataFrame({"w": 1, "water": [1, 2, np.nan, 1]})
    assert one(numbers, "water=1", "proportion")["estimate"] == found["estimate"]
    assert one(frame, "water=tap", "proportion")["variable"] == "water=tap"


def test_many_variables_at_once_are_each_as_alone() -> None:
    frame = sample(8)
    frame.loc[::7, "x"] = np.nan
    options: dict[str, Any] = {"statistic": "mean", "weights": "w", "by": ["group"], **DESIGN}
    together = survey_estimates(frame, ["x", "y"], **options)
    alone = pd.concat([survey_estimates(frame, [name], **options) for name in ("x", "y")], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_the_names_of_codes_do_not_matter(seed: int) -> None:
    frame = sample(9, rows=40)
    shuffled = frame.sample(frac=1, random_state=seed)
    shuffled["stratum"] = shuffled["stratum"].map({0: "z", 1: "y", 2: "1", 3: "a b"})
    options: dict[str, Any] = {"statistic": "mean", "weights": "w", "by": ["group"], "lonely_psu": "average", **DESIGN}
    pd.testing.assert_frame_equal(
        survey_estimates(frame, ["y"], **options), survey_estimates(shuffled, ["y"], **options), rtol=1e-11
    )


@settings(max_examples=20)
@given(st.integers(0, 50), st.floats(0.01, 1000))
def test_the_scale_of_weights_matters_to_totals_alone(seed: int, factor: float) -> None:
    frame = sample(seed, rows=40)
    scaled = frame.assign(w=frame["w"] * factor)
    figures = ["estimate", "se", "ci_low", "ci_high", "deff", "n_eff"]
    first, second = one(frame, "y", **DESIGN), one(scaled, "y", **DESIGN)
    assert first[figures].tolist() == pytest.approx(second[figures].tolist(), rel=1e-9)
    first, second = one(frame, "y", "total", **DESIGN), one(scaled, "y", "total", **DESIGN)
    assert second["se"] == pytest.approx(first["se"] * factor, rel=1e-9)
    assert second["deff"] == pytest.approx(first["deff"], rel=1e-9)


BAD = pd.DataFrame(
    {
        "w": ["1", "2", "1", "1"],
        "gap": ["1", "", "1", ""],
        "minus": ["1", "1", "-2", "1"],
        "text": ["1", "x", "2", "1,5"],
        "inf": ["1", "inf", "1", "1"],
        "y": ["1", "2", "3", "4"],
        "zero": ["0", "0", "0", "0"],
        "N": ["9", "9", "8", "9"],
        "few": ["3", "3", "3", "3"],
        "na": ["1", "NA", "1", "0"],
    }
)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "gap"}, r"'gap' is missing in row 1 \(and in 1 more rows\)"),
        ({"weights": "minus"}, "'minus' '-2' is negative in row 2"),
        ({"weights": "zero"}, "all weights in 'zero' are 0"),
        ({"weights": "nowhere"}, "no column 'nowhere'"),
        ({"variables": ["nowhere"]}, "no column 'nowhere'"),
        ({"variables": ["text"]}, r"'text' 'x' is no number in row 1 \(and in 1 more rows\)"),
        ({"variables": ["inf"]}, "'inf' 'inf' is no number in row 1"),
        ({"variables": ["na"]}, "'na' 'NA' is no number in row 1"),
        ({"variables": ["y"], "statistic": "proportion"}, "'y' '2' is neither 0 nor 1 in row 1"),
        ({"variables": ["nowhere=1"], "statistic": "proportion"}, "no column 'nowhere'"),
        ({"variables": ["y/nowhere"], "statistic": "ratio"}, "no column 'nowhere'"),
        ({"strata": "gap"}, "'gap' is missing in row 1"),
        ({"psu": "gap"}, "'gap' is missing in row 1"),
        ({"fpc": "N"}, "'N' '8' differs"),
        ({"fpc": "few"}, "'few' '3' is less than the number of sampled PSUs"),
        ({"by": ["nowhere"]}, "no column 'nowhere'"),
    ],
)
def test_bad_input_is_named(options: dict[str, Any], words: str) -> None:
    call: dict[str, Any] = {"variables": ["y"], "statistic": "mean", "weights": "w", **options}
    with pytest.raises(InputError, match=words):
        survey_estimates(BAD, call.pop("variables"), **call)


@pytest.mark.parametrize(
    "options",
    [
        {"statistic": "median"},
        {"ci": "wald"},
        {"lonely_psu": "ignore"},
        {"by": ["df"]},
        {"by": ["y", "y"]},
        {"statistic": "ratio"},
        {"variables": []},
    ],
)
def test_misuse_is_refused(options: dict[str, Any]) -> None:
    call: dict[str, Any] = {"variables": ["y"], "statistic": "mean", "weights": "w", **options}
    with pytest.raises(UsageError):
        survey_estimates(BAD.assign(df="1"), call.pop("variables"), **call)
