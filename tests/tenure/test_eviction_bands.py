"""Evictions by band of a hazard: small cells, hidden settlements, unknown sizes, nothing at all."""

from __future__ import annotations

import pandas as pd
import pytest

from geo_profiling.tenure.eviction_bands import events_by_band


def events(*rows: tuple[str | None, str, float | None]) -> tuple[pd.DataFrame, pd.Series]:
    ids = [f"E{k}" for k in range(len(rows))]
    frame = pd.DataFrame(rows, columns=["settlement_id", "band", "households"], index=ids)
    return frame.drop(columns="band"), frame["band"]


def told(table: pd.DataFrame, column: str = "households") -> dict[tuple[str, str], int | None]:
    rows = zip(table["settlement_id"], table["band"], table[column], strict=True)
    return {(place, band): None if pd.isna(value) else int(value) for place, band, value in rows}


def test_large_cells_are_told_and_add_up() -> None:
    rows = [("a", "wet", 10), ("a", "wet", 5), ("a", "dry", 20), ("b", "wet", 7), (None, "dry", 9)]
    found = events_by_band(*events(*rows))
    assert told(found) == {
        ("a", "dry"): 20, ("a", "wet"): 15, ("b", "wet"): 7, ("all", "dry"): 20, ("all", "wet"): 22,
    }  # fmt: skip
    assert told(found, "n_events")["a", "wet"] == 2
    assert not found["is_suppressed"].any()


def test_a_small_cell_is_hidden_with_another_and_so_is_the_sum_over_settlements() -> None:
    found = events_by_band(*events(("a", "wet", 3), ("a", "dry", 20), ("b", "wet", 7), ("b", "dry", 8)))
    assert told(found) == {
        ("a", "dry"): None, ("a", "wet"): None, ("b", "dry"): 8, ("b", "wet"): 7, ("all", "dry"): None,
        ("all", "wet"): None,
    }  # fmt: skip
    assert found.loc[found["is_suppressed"], ["n_events", "households"]].isna().all(axis=None)


def test_a_settlement_whose_figure_is_hidden_elsewhere_is_hidden_whole() -> None:
    found = events_by_band(*events(("a", "wet", 30), ("b", "wet", 7)), hidden=["a"])
    assert told(found) == {("a", "wet"): None, ("b", "wet"): 7, ("all", "wet"): None}


def test_an_event_of_unknown_size_is_counted_and_its_households_are_unknown() -> None:
    found = events_by_band(*events(("a", "wet", None), ("a", "wet", 8), ("a", "dry", 3), ("a", "deep", 30)))
    # of a whole that is unknown nothing can be subtracted: the small cell is hidden alone
    assert told(found) == {
        ("a", "deep"): 30, ("a", "dry"): None, ("a", "wet"): None, ("all", "deep"): None, ("all", "dry"): None,
        ("all", "wet"): None,
    }  # fmt: skip
    wet = found[(found["settlement_id"] == "a") & (found["band"] == "wet")].iloc[0]
    assert (wet["n_events"], wet["n_events_unknown_size"], wet["is_suppressed"]) == (2, 1, False)


@pytest.mark.parametrize("rows", [[], [(None, "wet", 9.0)]])
def test_without_events_in_settlements_there_are_no_rows(rows: list[tuple[str | None, str, float]]) -> None:
    found = events_by_band(*events(*rows))
    assert found.empty
    assert "is_suppressed" in found
