"""Commuting tables: every flaw is an error or a named warning with counts; counts and shares are exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_profiling.delineation.commuting import at_least, city_units, commuting_flows, exact_threshold
from geo_profiling.errors import InputError, UsageError

UNITS = pd.Index(["01", "02", "03"])
EMPLOYED = pd.DataFrame({"code": ["01", "02", "03"], "employed_residents_total": ["100", "50", "0"]})


def flow_table(*rows: tuple[Any, Any, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["origin", "destination", "workers"])


def test_flows_between_units_and_denominators() -> None:
    flows = flow_table(("01", "01", "60"), ("01", "02", "25"), ("02", "01", "5"))
    commuting, findings = commuting_flows(flows, EMPLOYED, UNITS)
    assert commuting.flows.toarray().tolist() == [[60, 25, 0], [5, 0, 0], [0, 0, 0]]
    assert commuting.employed.tolist() == [100, 50, 0]
    assert commuting.is_known.all()
    assert commuting.per_worker == 1
    assert findings == []


def test_numbers_and_text_read_the_same() -> None:
    as_text, _ = commuting_flows(flow_table(("01", "02", "25")), EMPLOYED, UNITS)
    numbers = EMPLOYED.assign(employed_residents_total=[100, 50, 0])
    as_numbers, _ = commuting_flows(flow_table(("01", "02", 25)), numbers, UNITS)
    assert (as_text.flows != as_numbers.flows).nnz == 0
    assert as_text.employed.tolist() == as_numbers.employed.tolist()


def test_whole_number_ids_match_their_text() -> None:
    employed = EMPLOYED.assign(code=["1", "2", "3"])
    commuting, _ = commuting_flows(flow_table(("1", "2", "25")), employed, pd.Index([1, 2, 3]))
    assert commuting.flows.toarray()[0, 1] == 25


def test_estimated_flows_keep_their_decimals_exactly() -> None:
    commuting, _ = commuting_flows(flow_table(("01", "02", "14.999"), ("01", "01", "0.5")), EMPLOYED, UNITS)
    assert commuting.per_worker == 1000
    assert commuting.flows.toarray()[0].tolist() == [500, 14999, 0]
    assert commuting.employed.tolist() == [100_000, 50_000, 0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("01", "02", "-9999")], r"flows, row 2: workers is negative in 1 rows; the first: .*'-9999'"),
        ([("01", "02", "many")], "workers is no number in 1 rows"),
        ([("01", "02", "")], "workers is no number"),
        ([("01", "02", "inf")], "workers is no number"),
        ([("", "02", "5")], "no origin in 1 rows"),
        ([("01", "02", "5"), ("03", "02", "5"), ("01", "02", "6")], "a pair of .* more than once in 2 rows"),
        ([("01", "02", "5"), ("01", "FR", "5"), ("01", "FR", "5")], "a pair of .* more than once in 2 rows"),
        ([("1", "2", "5"), ("01", "02", "5")], r"1 codes of column origin are written in another way .*'1' for '01'"),
        ([("01.0", "02.0", "5")], "written in another way"),
        ([("01 ", "02", "5")], "written in another way"),
        ([("DE1", "DE2", "5")], "no row has an origin and a destination among the units"),
        ([("02", "01", "61"), ("02", "FR", "5")], "1 units have more workers .* the most 02: 66 against 50"),
    ],
)
def test_flaws_of_flows_are_errors(rows: list[tuple[str, str, str]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        commuting_flows(flow_table(*rows), EMPLOYED, UNITS)


@pytest.mark.parametrize(
    ("employed", "words"),
    [
        ({"code": ["01", "02", "02"], "employed_residents_total": [1, 2, 3]}, "a code stands more than once in 2 rows"),
        ({"code": ["01", "02", "03"], "employed_residents_total": [1, -2, 3]}, "employed_residents_total is negative"),
        ({"code": ["1", "2", "3"], "employed_residents_total": [1, 2, 3]}, "3 codes of column code are written in an"),
        ({"code": ["01", "02", ""], "employed_residents_total": [1, 2, 3]}, "no code in 1 rows"),
        ({"code": ["x", "y", "z"], "employed_residents_total": [1, 2, 3]}, "no code is the id of a unit"),
        ({"code": ["02", "03"], "employed_residents_total": [2, 3]}, r"1 units have flows and no number .*'01'"),
        ({"code": ["01"], "workers": [2]}, "has no column 'employed_residents_total'"),
    ],
)
def test_flaws_of_employed_residents_are_errors(employed: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        commuting_flows(flow_table(("01", "02", 1)), pd.DataFrame(employed), UNITS)


def test_all_errors_come_at_once() -> None:
    bad = EMPLOYED.assign(code=["01", "02", "02"])
    with pytest.raises(InputError) as caught:
        commuting_flows(flow_table(("01", "02", "-1"), ("01", "02", "x")), bad, UNITS)
    for words in ("is negative", "is no number", "a pair of", "a code stands"):
        assert words in str(caught.value)


def test_places_outside_are_warnings_with_counts() -> None:
    rows = [("01", "02", 10), ("01", "FR1", 5), ("02", "FR1", 2), ("03", "", 0), ("FR2", "01", 7), ("FR1", "FR2", 99)]
    commuting, findings = commuting_flows(flow_table(*rows), EMPLOYED, UNITS)
    assert commuting.flows.sum() == 10
    assert [finding.message for finding in findings] == [
        "7 workers in 1 rows come from an origin that is no unit: they count nowhere (1 codes: 'FR2')",
        "7 workers in 2 rows go to a destination that is no unit: they count as employed residents only (1 codes: "
        "'FR1')",
        "0 workers in 1 rows go to an unknown place: they count as employed residents only",
    ]
    assert {finding.severity for finding in findings} == {"warning"}


def test_units_without_numbers_or_flows_are_named() -> None:
    employed = pd.DataFrame({"code": ["01", "02", "99"], "employed_residents_total": [100, 50, 5]})
    commuting, findings = commuting_flows(flow_table(("01", "02", 10)), employed, UNITS)
    assert commuting.is_known.tolist() == [True, True, False]
    assert [(finding.severity, finding.message) for finding in findings] == [
        ("note", "1 codes are no unit: passed over ('99')"),
        ("warning", "1 units have no number: it stays unknown ('03')"),
        ("warning", "1 units have employed residents and no flow ('02')"),
    ]


def test_rounding_excess_is_a_warning() -> None:
    _, findings = commuting_flows(flow_table(("01", "02", 104), ("02", "01", 59)), EMPLOYED, UNITS)
    assert [finding.severity for finding in findings] == ["warning"]
    assert "2 units have slightly more workers" in findings[0].message


# --- cities ---------------------------------------------------------------------------------------


def test_city_list_leaves_other_units_without_city() -> None:
    cities, findings = city_units(pd.DataFrame({"code": ["02", "03"], "city_id": ["007", ""]}), UNITS)
    assert cities.tolist() == [None, "007", None]
    assert findings == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("01", "A"), ("01", "B")], "a unit stands more than once in 2 rows"),
        ([("1", "A")], "written in another way"),
        ([("", "A")], "no code in 1 rows"),
        ([("01", "A"), ("99", "A")], "1 codes of 1 cities are no units"),
        ([("98", "A"), ("99", "A")], "no unit belongs to a city"),
        ([("01", "")], "no unit belongs to a city"),
    ],
)
def test_flaws_of_city_lists_are_errors(rows: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        city_units(pd.DataFrame(rows, columns=["code", "city_id"]), UNITS)


def test_cities_beyond_the_units_are_a_warning() -> None:
    table = pd.DataFrame({"code": ["01", "98", "99"], "city_id": ["A", "B", "C"]})
    (finding,) = city_units(table, UNITS)[1]
    assert finding.severity == "warning"
    assert finding.message.startswith("2 cities lie outside the units")


# --- thresholds -----------------------------------------------------------------------------------


@given(st.integers(0, 10**9), st.integers(0, 10**12), st.integers(1, 10**6))
def test_at_least_equals_fractions(workers: int, employed: int, parts: int) -> None:
    threshold = Fraction(parts, 10**6)
    expected = employed > 0 and Fraction(workers, max(employed, 1)) >= threshold
    assert at_least(np.array([workers]), np.array([employed]), threshold).tolist() == [expected]


@pytest.mark.parametrize("employed", [20, 140, 10**17 * 20])
def test_share_equal_to_the_threshold_is_enough(employed: int) -> None:
    workers = np.array([employed * 3 // 20, employed * 3 // 20 - 1])
    assert at_least(workers, np.array([employed] * 2), exact_threshold(0.15)).tolist() == [True, False]


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01, "x", float("nan"), float("inf"), "1/0"])
def test_thresholds_that_are_no_share(threshold: float | str) -> None:
    with pytest.raises(UsageError):
        exact_threshold(threshold)
