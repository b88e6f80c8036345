"""Cities from urban centres: one centre over several units, several centres in one unit, centres without a city."""

from __future__ import annotations

import pandas as pd
import pytest

from geo_profiling.delineation.cities import cities_from_centres
from geo_profiling.errors import InputError

Pairs = list[tuple[str, str, float]]


def cities(pairs: Pairs, population: dict[str, float], **options: pd.Series) -> tuple[dict[str, str | None], list[str]]:
    people = pd.DataFrame(pairs, columns=["unit_id", "centre_id", "population"])
    found, findings = cities_from_centres(people, pd.Series(population), **options)
    return dict(found), [finding.message for finding in findings]


def test_half_of_the_people_makes_a_city_and_less_does_not() -> None:
    found, messages = cities([("a", "X", 50), ("b", "X", 49.9)], {"a": 100, "b": 100, "c": 100})
    assert found == {"a": "X", "b": None, "c": None}
    assert messages == []


def test_one_centre_over_several_units() -> None:
    found, _ = cities([("a", "X", 60), ("b", "X", 60), ("c", "X", 5)], {"a": 100, "b": 100, "c": 100})
    assert found == {"a": "X", "b": "X", "c": None}


def test_several_centres_in_one_unit_are_one_city_called_after_the_largest() -> None:
    found, messages = cities([("a", "X", 30), ("a", "Y", 40)], {"a": 100})
    assert found == {"a": "Y"}
    assert messages == []


def test_second_centre_brings_its_other_units_along() -> None:
    pairs: Pairs = [("a", "X", 60), ("a", "Y", 30), ("b", "Y", 20)]
    assert cities(pairs, {"a": 100, "b": 30})[0] == {"a": "X", "b": "X"}


def test_sliver_of_the_next_centre_joins_nothing() -> None:
    pairs: Pairs = [("a", "X", 900), ("a", "Y", 1), ("b", "Y", 800), ("b", "X", 2)]
    assert cities(pairs, {"a": 1000, "b": 1000})[0] == {"a": "X", "b": "Y"}


def test_centre_without_unit_is_reported_with_its_people() -> None:
    sizes = pd.Series({"X": 60_000.0, "Y": 55_000.0, "Z": 70_000.0})
    sizes["far away"] = 90_000.0
    pairs: Pairs = [("a", "X", 60_000), ("b", "Y", 55_000), ("b", "Z", 10)]
    found, messages = cities(pairs, {"a": 80_000, "b": 200_000}, centre_population=sizes)
    assert found == {"a": "X", "b": None}
    assert messages == [
        "2 urban centres make no city: no unit has half of its people in them: Z (70,000 people), Y (55,000 people)"
    ]


def test_equal_centres_take_the_smaller_id_and_order_does_not_matter() -> None:
    pairs: Pairs = [("a", "Y", 40), ("a", "X", 40), ("b", "X", 50)]
    expected = {"a": "X", "b": "X"}
    assert cities(pairs, {"a": 100, "b": 60})[0] == expected
    assert cities(pairs[::-1], {"b": 60, "a": 100})[0] == expected


def test_unit_and_centre_without_people_make_no_city() -> None:
    found, messages = cities([("a", "X", 0)], {"a": 0})
    assert found == {"a": None}
    assert messages == []


def test_unknown_unit_is_refused() -> None:
    with pytest.raises(InputError, match="1 units of the people in centres have no population: b"):
        cities([("b", "X", 1)], {"a": 1})
