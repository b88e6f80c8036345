"""Small cells stay hidden from a reader who adds and subtracts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.disclosure import (
    hide_cells,
    possible_range,
    suppress,
    suppressed_cells,
    survey_status,
    table_relations,
)
from geo_profiling.errors import UsageError


def with_totals(counts: np.ndarray) -> pd.DataFrame:
    """Return a table of settlements by tenure with all totals; cells of 0 have no row."""
    rows = [(f"s{i}", f"t{j}", int(n)) for (i, j), n in np.ndenumerate(counts) if n]
    rows += [(f"s{i}", "all", int(n)) for i, n in enumerate(counts.sum(axis=1))]
    rows += [("all", f"t{j}", int(n)) for j, n in enumerate(counts.sum(axis=0))]
    rows.append(("all", "all", int(counts.sum())))
    return pd.DataFrame(rows, columns=["settlement", "tenure", "n"])


def attack(table: pd.DataFrame, hidden: pd.Series, groups: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return possible_range(table["n"].to_numpy(float), table_relations(table, groups), hidden.to_numpy())


class TestKnownAnswers:
    def test_one_small_cell_takes_the_cheapest_other_with_it(self) -> None:
        cells = pd.DataFrame({"tenure": ["a", "b", "c", "all"], "n": [3, 9, 40, 52]})
        assert suppressed_cells(cells, ["tenure"], count="n").tolist() == [True, True, False, False]

    def test_small_cells_whose_sum_gives_them_away_need_another(self) -> None:
        # 1 + 1 + 1 = 53 - 50: three blanks of at least 1 would be no secret.
        cells = pd.DataFrame({"tenure": ["a", "b", "c", "d", "all"], "n": [1, 1, 1, 50, 53]})
        assert suppressed_cells(cells, ["tenure"], count="n").tolist() == [True, True, True, True, False]

    def test_without_a_published_total_nothing_else_goes(self) -> None:
        cells = pd.DataFrame({"settlement": ["a", "b", "c"], "n": [3, 9, 40]})
        assert suppressed_cells(cells, ["settlement"], count="n").tolist() == [True, False, False]

    def test_two_dimensions_hide_a_rectangle(self) -> None:
        table = with_totals(np.array([[3, 20, 30], [20, 25, 30], [40, 40, 40]]))
        hidden = suppressed_cells(table, ["settlement", "tenure"], count="n")
        assert int(hidden.sum()) == 4
        assert not hidden[(table.settlement == "all") | (table.tenure == "all")].any()

    def test_grand_total_without_margins_is_a_relation_too(self) -> None:
        table = pd.DataFrame({"a": ["x", "x", "all"], "b": ["p", "q", "all"], "n": [2, 30, 32]})
        assert suppressed_cells(table, ["a", "b"], count="n").tolist() == [True, True, False]

    def test_zero_stays_and_unknown_goes(self) -> None:
        table = pd.DataFrame({"a": ["x", "y", "z"], "n": pd.array([0, None, 8], "Int64")})
        assert suppressed_cells(table, ["a"], count="n").tolist() == [False, True, False]

    def test_minimum_itself_is_published(self) -> None:
        table = pd.DataFrame({"a": ["x", "y"], "n": [5, 4]})
        assert suppressed_cells(table, ["a"], count="n").tolist() == [False, True]

    def test_values_become_null_and_kinds_of_blanks_look_alike(self) -> None:
        table = pd.DataFrame({"a": ["x", "y", "all"], "n": [3, 9, 12], "share": [0.25, 0.75, 1.0]}, index=[7, 8, 9])
        found = suppress(table, ["a"], count="n", values=["n", "share"])
        assert found.loc[[7, 8], ["n", "share"]].isna().all(axis=None)
        assert found.loc[9, "n"] == 12
        assert list(found.columns) == ["a", "n", "share", "is_suppressed"]
        assert table["n"].tolist() == [3, 9, 12]

    def test_survey_limits(self) -> None:
        assert survey_status(pd.Series([0, 24, 25, 49, 50])).tolist() == ["Q", "Q", "U", "U", "A"]


class TestReaderOfTheTable:
    @settings(max_examples=40)
    @given(st.lists(st.lists(st.integers(0, 12), min_size=4, max_size=4), min_size=1, max_size=5))
    def test_a_small_cell_could_be_anything_small(self, rows: list[list[int]]) -> None:
        table = with_totals(np.array(rows))
        table = table[table["n"] > 0].reset_index(drop=True)
        hidden = suppressed_cells(table, ["settlement", "tenure"], count="n")
        small = (table["n"] < 5).to_numpy()
        assert hidden[small].all()
        if not len(table):
            return
        lower, upper = attack(table, hidden, ["settlement", "tenure"])
        inner = ((table["settlement"] != "all") & (table["tenure"] != "all")).to_numpy()
        assert (lower[small & inner] <= 1 + 1e-6).all()
        assert (upper[small] >= 5 - 1e-6).all()
        # No blank of any kind is recovered exactly.
        assert (upper - lower)[hidden.to_numpy()].min(initial=np.inf) > 0.5

    @settings(max_examples=15)
    @given(st.lists(st.integers(0, 9), min_size=12, max_size=12))
    def test_three_dimensions(self, counts: list[int]) -> None:
        cube = np.array(counts).reshape(3, 2, 2)
        whole = np.pad(cube, [(0, 1)] * 3)
        for axis in range(3):
            last = [slice(None)] * 3
            last[axis] = slice(-1, None)
            whole[tuple(last)] = whole.sum(axis=axis, keepdims=True)
        names = [["a", "b", "c", "all"], ["f", "m", "all"], ["yes", "no", "all"]]
        rows = [(*(names[d][k] for d, k in enumerate(key)), int(n)) for key, n in np.ndenumerate(whole) if n]
        table = pd.DataFrame(rows, columns=["place", "sex", "state", "n"])
        if table.empty:
            return
        groups = ["place", "sex", "state"]
        hidden = suppressed_cells(table, groups, count="n")
        lower, upper = attack(table, hidden, groups)
        small = (table["n"] < 5).to_numpy()
        inner = ~(table[groups] == "all").any(axis=1).to_numpy()
        assert (lower[small & inner] <= 1 + 1e-6).all()
        assert (upper[small] >= 5 - 1e-6).all()

    def test_rank_of_the_equations_leaves_every_blank_open(self) -> None:
        table = with_totals(np.random.default_rng(4).poisson(6, (12, 5)))
        hidden = suppressed_cells(table, ["settlement", "tenure"], count="n").to_numpy()
        equations = table_relations(table, ["settlement", "tenure"]).toarray()[:, hidden]
        rank = np.linalg.matrix_rank(equations)
        for blank in range(equations.shape[1]):
            only = np.eye(equations.shape[1])[blank]
            assert np.linalg.matrix_rank(np.vstack([equations, only])) == rank + 1

    def test_naive_suppression_would_be_read(self) -> None:
        table = with_totals(np.array([[3, 20], [20, 25]]))
        naive = (table["n"] < 5) & (table["n"] > 0)
        lower, upper = attack(table, naive, ["settlement", "tenure"])
        assert lower[naive.to_numpy()].tolist() == upper[naive.to_numpy()].tolist() == [3.0]

    @settings(max_examples=15)
    @given(st.randoms(use_true_random=False))
    def test_order_of_rows_decides_nothing(self, random: object) -> None:
        table = with_totals(np.random.default_rng(8).poisson(7, (5, 4)))
        hidden = suppressed_cells(table, ["settlement", "tenure"], count="n")
        order = list(table.index)
        random.shuffle(order)  # type: ignore[attr-defined]
        again = suppressed_cells(table.loc[order], ["settlement", "tenure"], count="n")
        assert again.sort_index().equals(hidden)


class TestOddInput:
    def test_a_cell_there_twice(self) -> None:
        with pytest.raises(UsageError, match=r"\['x'\] is there 2 times"):
            suppress(pd.DataFrame({"a": ["x", "x"], "n": [1, 2]}), ["a"], count="n", values=["n"])

    def test_missing_column_negative_count_and_minimum(self) -> None:
        table = pd.DataFrame({"a": ["x"], "n": [-1]})
        with pytest.raises(UsageError, match="no column 'b'"):
            suppressed_cells(table, ["b"], count="n")
        with pytest.raises(UsageError, match="negative"):
            suppressed_cells(table, ["a"], count="n")
        with pytest.raises(UsageError, match="at least 1"):
            suppressed_cells(table.assign(n=1), ["a"], count="n", minimum=0)

    def test_table_that_does_not_add_up_is_told(self) -> None:
        table = pd.DataFrame({"a": ["x", "y", "all"], "n": [3, 9, 1]})
        with pytest.raises(UsageError, match="does not add up"):
            attack(table, pd.Series([True, True, False]), ["a"])

    def test_empty_table(self) -> None:
        table = pd.DataFrame({"a": pd.Series([], dtype=str), "n": pd.Series([], dtype=int)})
        assert suppress(table, ["a"], count="n", values=["n"]).shape == (0, 3)

    def test_no_relations(self) -> None:
        from scipy.sparse import csr_array

        assert hide_cells(np.array([1.0, 7.0]), csr_array((0, 2))).tolist() == [True, False]
