"""Governance figures: worked cases, unknown people, and what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.delineation.borders import SIZE_CLASSES, across_borders, oecd_size_class, units_in_areas
from geo_profiling.errors import UsageError


def local_governments(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["unit_id", "area_id", "population"])


#: Area F of three units around a centre over two of them; G of one unit; h belongs to none.
UNITS = local_governments(
    ("a", "F", 600_000.0), ("b", "F", 300_000.0), ("c", "F", 100_000.0), ("g", "G", 40_000.0), ("h", None, 9_000.0)
)
CENTRES = pd.DataFrame(
    [("a", "UC1", 450_000.0), ("b", "UC1", 150_000.0), ("c", "UC2", 60_000.0), ("h", "UC1", 0.0)],
    columns=["unit_id", "centre_id", "population"],
)


def test_worked_example():
    figures = across_borders(UNITS, centre_people=CENTRES).loc["F"]
    assert figures["n_units"] == 3
    assert figures["units_per_100k"] == pytest.approx(0.3)
    assert (figures["largest_unit_id"], figures["largest_unit_share"]) == ("a", pytest.approx(0.6))
    assert figures["herfindahl"] == pytest.approx(0.36 + 0.09 + 0.01)
    assert figures["size_class"] == "metropolitan"
    assert (figures["main_centre_id"], figures["core_unit_id"]) == ("UC1", "a")
    assert figures["centre_share_outside_core"] == pytest.approx(0.25)


def test_area_of_one_unit_has_all_its_people_in_one_government_and_no_centre_is_unknown():
    figures = across_borders(UNITS, centre_people=CENTRES).loc["G"]
    assert (figures["largest_unit_share"], figures["herfindahl"]) == (1.0, 1.0)
    assert figures["size_class"] == "below small"
    assert pd.isna(figures["main_centre_id"])
    assert pd.isna(figures["centre_share_outside_core"])


def test_part_of_the_centre_across_the_state_border_lies_outside_the_core():
    abroad = pd.Series({"UC1": 900_000.0, "UC2": 60_000.0})
    share = across_borders(UNITS, centre_people=CENTRES, centre_population=abroad)["centre_share_outside_core"]
    assert share["F"] == pytest.approx(0.5)


def test_units_of_other_areas_hold_part_of_the_centre_but_are_not_its_core():
    pairs = pd.DataFrame([("b", "UC1", 100.0), ("h", "UC1", 300.0)], columns=["unit_id", "centre_id", "population"])
    figures = across_borders(UNITS, centre_people=pairs).loc["F"]
    assert (figures["core_unit_id"], figures["centre_share_outside_core"]) == ("b", pytest.approx(0.75))


@pytest.mark.parametrize("unknown", [np.nan, None, pd.NA])
def test_unknown_people_of_one_unit_make_the_area_unknown_but_its_governments_are_counted(unknown):
    units = local_governments(("a", "F", 10.0), ("b", "F", unknown), ("c", "G", 10.0))
    figures = across_borders(units)
    assert figures["n_units"].tolist() == [2, 1]
    unknown_fields = ["population", "units_per_100k", "largest_unit_id", "largest_unit_share", "herfindahl"]
    assert figures.loc["F", [*unknown_fields, "size_class"]].isna().all()
    assert figures.loc["G", unknown_fields].notna().all()


def test_nobody_is_a_number_of_people_but_has_no_shares():
    figures = across_borders(local_governments(("a", "F", 0.0), ("b", "F", 0.0))).loc["F"]
    assert (figures["n_units"], figures["population"], figures["size_class"]) == (2, 0.0, "below small")
    assert figures[["units_per_100k", "largest_unit_share", "herfindahl", "largest_unit_id"]].isna().all()


@pytest.mark.parametrize(("people", "meets"), [(999_999.0, False), (1_000_000.0, True)])
def test_metropolis_criterion_asks_for_a_million_in_one_contiguous_area(people, meets):
    clusters = pd.DataFrame(
        [("F", "CL1", people), ("F", "CL2", 900_000.0)], columns=["area_id", "cluster_id", "population"]
    )
    figures = across_borders(UNITS, urban_people=clusters)
    assert figures["meets_metropolis_criterion"].to_dict() == {"F": meets, "G": False}
    assert figures["contiguous_urban_population"].to_dict() == {"F": people, "G": 0.0}


@pytest.mark.parametrize(
    ("people", "name"),
    [
        (0, "below small"),
        (99_999, "small"),
        (100_000, "medium"),
        (249_999.9, "medium"),
        (250_000, "metropolitan"),
        (1_500_000, "metropolitan"),
        (1_500_000.1, "large metropolitan"),
    ],
)
def test_size_classes_begin_at_their_limits_and_the_largest_lies_above_its_own(people, name):
    assert oecd_size_class(pd.Series([people])).tolist() == [name]


@pytest.mark.parametrize(
    "units",
    [local_governments(("a", "F", 1.0), ("a", "G", 1.0)), local_governments(("a", "F", -1.0))],
)
def test_what_cannot_be_is_refused_with_the_unit(units):
    with pytest.raises(UsageError, match="unit 'a'"):
        across_borders(units)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from("FGH"), st.integers(0, 10**6)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_order_of_units_changes_nothing_and_figures_stay_in_their_bounds(members, random):
    rows = [(f"u{i:02}", area, float(people)) for i, (area, people) in enumerate(members)]
    figures = across_borders(local_governments(*rows))
    shuffled = list(rows)
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(across_borders(local_governments(*shuffled)), figures)
    assert figures["n_units"].sum() == len(rows)
    assert figures["population"].sum() == sum(row[2] for row in rows)
    lived_in = figures[figures["population"] > 0]
    assert (lived_in["herfindahl"] >= 1 / lived_in["n_units"] - 1e-12).all()
    assert (lived_in["herfindahl"] <= lived_in["largest_unit_share"] + 1e-12).all()
    assert set(figures["size_class"]) <= set(SIZE_CLASSES)


@settings(max_examples=30)
@given(st.integers(2, 9), st.integers(1, 10**5))
def test_equal_units_are_as_split_as_can_be(n, people):
    figures = across_borders(local_governments(*[(i, "F", float(people)) for i in range(n)])).loc["F"]
    assert figures["herfindahl"] == pytest.approx(1 / n)
    assert (figures["largest_unit_id"], figures["largest_unit_share"]) == (0, pytest.approx(1 / n))


def test_areas_without_units_have_unknown_governments_and_the_class_of_their_people():
    people = pd.Series({"X": 600_000.0, "F": 1_600_000.0, "Y": np.nan})
    figures = across_borders(UNITS[UNITS["area_id"] != "G"], area_population=people, centre_people=CENTRES)
    assert figures.index.tolist() == ["F", "X", "Y"]
    assert figures["n_units"].isna().tolist() == [False, True, True]
    assert figures["size_class"].tolist() == ["large metropolitan", "metropolitan", None]
    assert figures.loc["X", ["units_per_100k", "largest_unit_id", "herfindahl", "core_unit_id"]].isna().all()


@pytest.mark.parametrize("area_population", [None, pd.Series(dtype=float)])
def test_no_area_at_all_is_an_empty_table(area_population):
    figures = across_borders(
        UNITS.assign(area_id=None),
        area_population=area_population,
        centre_people=CENTRES,
        centre_population=pd.Series({"UC1": 600_000.0, "UC2": 60_000.0}),
        urban_people=pd.DataFrame({"area_id": [], "cluster_id": [], "population": []}),
    )
    assert len(figures) == 0
    assert {"n_units", "herfindahl", "centre_share_outside_core", "meets_metropolis_criterion"} <= set(figures)


class TestUnitsInAreas:
    NAMES = ("unit_id", "area_id")

    def assign(self, population, people=(), ground=()) -> dict[str, str | None]:
        pairs = pd.DataFrame(people, columns=[*self.NAMES, "population"])
        shared = pd.DataFrame(ground, columns=[*self.NAMES, "area"])
        return units_in_areas(pd.Series(population), pairs, shared, names=self.NAMES).to_dict()

    def test_most_people_decide_and_of_equal_ones_the_smaller_id(self):
        people = [("a", "R", 40.0), ("a", "S", 35.0), ("b", "S", 50.0), ("b", "R", 50.0)]
        assert self.assign({"a": 100.0, "b": 100.0}, people) == {"a": "R", "b": "R"}

    def test_more_people_in_no_area_than_in_any_is_none(self):
        assert self.assign({"a": 100.0, "b": 100.0}, [("a", "R", 49.0), ("b", "R", 50.0)]) == {"a": None, "b": "R"}

    def test_nobody_and_nobody_known_go_by_ground_but_people_never_do(self):
        ground = [(unit, area, km2) for unit in "abc" for area, km2 in (("R", 1.0), ("S", 2.0))]
        found = self.assign({"a": 0.0, "b": np.nan, "c": 5.0, "d": 0.0}, [("a", "R", 0.0)], ground)
        assert found == {"a": "S", "b": "S", "c": None, "d": None}
