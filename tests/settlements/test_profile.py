"""Answers mapped whole, unknown ones apart; shares of settlements and of households."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.config.vocabulary import ProfileMapping, load_mapping
from geo_profiling.errors import ConfigError, InputError, UsageError
from geo_profiling.settlements.profile import main_answers, profile_shares, settlement_profile
from geo_profiling.settlements.vocabulary import PROFILE, map_answers
from geo_profiling.vector.read import read_table


def mapping(**variables: dict[str, object]) -> ProfileMapping:
    return ProfileMapping.model_validate({"title": "test", "id_column": "id", "variables": variables})


POWER = {"column": "luz", "answers": {"Conexión regular": "grid_regular", "No": "none"}, "unknown": ["Sin Datos"]}


@pytest.fixture(scope="module")
def shares(shared_data: Path) -> pd.DataFrame:
    table = read_table(shared_data / "argentina/renabap_2022.csv")
    profile, findings = map_answers(table, load_mapping("renabap_2022"), name="renabap_2022.csv")
    assert [finding for finding in findings if finding.severity != "note"] == []
    assert len(profile) == 6467
    return profile_shares(profile).set_index(["variable", "word", "weighting"]).sort_index()


class TestArgentina:
    @pytest.mark.parametrize(
        ("variable", "word", "settlements_pct", "households_pct"),
        [
            ("water", "piped_regular", 13.7, 16.5),
            ("power", "grid_regular", 37.1, 33.6),
            ("sanitation", "sewer_regular", 2.6, 3.9),
            ("title_deed", "yes", 0.1, 0.6),
        ],
    )
    def test_settlements_and_families(
        self, shares: pd.DataFrame, variable: str, word: str, settlements_pct: float, households_pct: float
    ) -> None:
        found = shares.loc[(variable, word), "share"]
        assert round(100 * found["settlements"], 1) == settlements_pct
        assert round(100 * found["households"], 1) == households_pct

    def test_the_substring_trap_would_read_five_times_as_much(self, shared_data: Path, shares: pd.DataFrame) -> None:
        answers = read_table(shared_data / "argentina/renabap_2022.csv")["agua_corriente"]
        wrong = answers.str.contains("regular|formal").mean()
        assert round(100 * wrong, 1) == 70.3
        assert shares.loc[("water", "piped_regular", "settlements"), "share"] < 0.14

    def test_unknown_answers_are_in_no_denominator(self, shares: pd.DataFrame) -> None:
        heating = shares.loc[("heating_fuel", "none", "settlements")]
        assert (heating["n_known"], heating["n_total"]) == (6467 - 644, 6467)

    def test_words_of_a_variable_add_up_to_one(self, shares: pd.DataFrame) -> None:
        sums = shares.groupby(level=["variable", "weighting"])["share"].sum()
        assert np.allclose(sums, 1.0)


class TestMapping:
    def test_answers_are_compared_whole_apart_from_case_and_blanks(self) -> None:
        table = pd.DataFrame({"id": ["1", "2", "3", "4"], "luz": [" conexión  REGULAR", "no", "sin datos", ""]})
        profile, findings = map_answers(table, mapping(power=POWER), name="t")
        assert profile["power"].tolist() == ["grid_regular", "none", None, None]
        assert findings == []

    def test_composed_and_decomposed_accents_are_one(self) -> None:
        table = pd.DataFrame({"id": ["1"], "luz": ["Conexio\u0301n regular"]})
        assert map_answers(table, mapping(power=POWER), name="t")[0]["power"].tolist() == ["grid_regular"]

    def test_every_foreign_answer_is_an_error_with_its_count(self) -> None:
        table = pd.DataFrame({"id": list("abc"), "luz": ["Conexión irregular", "x", "Conexión irregular"]})
        profile, findings = map_answers(table, mapping(power=POWER), name="t.csv")
        told = [str(finding) for finding in findings if finding.severity == "error"]
        assert told == [
            "t.csv, column luz: the answer 'Conexión irregular' is not in the mapping (2 rows, from 2)",
            "t.csv, column luz: the answer 'x' is not in the mapping (1 row, from 3)",
        ]
        assert profile["power"].isna().all()

    def test_answers_that_no_row_gives_are_noted(self) -> None:
        table = pd.DataFrame({"id": ["a"], "luz": ["No"]})
        _, findings = map_answers(table, mapping(power=POWER), name="t")
        assert [finding.severity for finding in findings] == ["note"]

    def test_flags_by_column_and_by_list(self) -> None:
        table = pd.DataFrame({"id": list("abc"), "slope": ["Y", "N", "?"], "what": ["fire; flood", "", "none"]})
        profile, findings = map_answers(
            table,
            mapping(
                location_problems={"columns": {"slope": "slope"}, "yes": ["y"], "no": ["n"], "unknown": ["?"]},
                disasters={
                    "column": "what",
                    "separator": ";",
                    "answers": {"fire": "fires", "flood": "floods"},
                    "unknown": ["none"],
                },
            ),
            name="t",
        )
        assert [finding for finding in findings if finding.severity == "error"] == []
        assert profile["location_problems_slope"].tolist() == [True, False, pd.NA]
        assert profile["disasters_fires"].tolist() == [True, pd.NA, pd.NA]
        assert profile["disasters_floods"].tolist() == [True, pd.NA, pd.NA]

    def test_numbers(self) -> None:
        table = pd.DataFrame({"id": list("abcd"), "n": ["12", "-99", "about 30", "-5"]})
        profile, findings = map_answers(table, mapping(households={"column": "n", "unknown": ["-99"]}), name="t")
        assert profile["households"].fillna(-1).tolist() == [12, -1, -1, -1]
        assert [str(finding) for finding in findings] == ["t, column n: 'about 30' is no count (2 rows, from 4)"]

    def test_missing_column_and_id(self) -> None:
        with pytest.raises(InputError, match="no column 'luz'"):
            map_answers(pd.DataFrame({"id": ["a"]}), mapping(power=POWER), name="t")
        _, findings = map_answers(pd.DataFrame({"id": [""], "luz": ["No"]}), mapping(power=POWER), name="t")
        assert findings[0].message == "1 rows have no id (first: row 2)"

    def test_a_mapping_to_what_the_profile_lacks(self) -> None:
        table = pd.DataFrame({"id": ["a"], "luz": ["No"]})
        with pytest.raises(UsageError, match="'gold' is no variable"):
            map_answers(table, mapping(gold=POWER), name="t")
        with pytest.raises(UsageError, match="'fast' is no word of 'power'"):
            map_answers(table, mapping(power={"column": "luz", "answers": {"No": "fast"}}), name="t")
        with pytest.raises(UsageError, match="'power' is a choice"):
            map_answers(table, mapping(power={"column": "luz"}), name="t")

    def test_file_with_a_doubled_answer(self, tmp_path: Path) -> None:
        path = tmp_path / "m.yaml"
        path.write_text(
            "title: t\nid_column: id\nvariables:\n  power:\n    column: luz\n    answers: {No: none, NO: solar}\n"
        )
        with pytest.raises(ConfigError, match=r"m\.yaml:\d+: .*the answer 'no' is listed twice"):
            load_mapping(path)

    def test_the_vocabularies_are_closed_and_named_once(self) -> None:
        for variable in PROFILE.values():
            assert len(set(variable.words)) == len(variable.words)
            assert (variable.kind == "number") == (not variable.words)


class TestShares:
    @settings(max_examples=30)
    @given(
        st.lists(
            st.tuples(st.sampled_from(["solar", "none", None]), st.one_of(st.none(), st.integers(0, 500))), min_size=1
        )
    )
    def test_shares_add_up_and_order_decides_nothing(self, rows: list[tuple[str | None, int | None]]) -> None:
        frame = pd.DataFrame(rows, columns=["power", "households"]).astype({"households": float})
        shares = profile_shares(frame)
        sums = shares.groupby("weighting")["share"].sum(min_count=1).dropna()
        assert np.allclose(sums, 1.0)
        assert (shares["n_known"] <= shares["n_total"]).all()
        assert profile_shares(frame.iloc[::-1]).equals(shares)

    def test_settlement_twice_and_negative_households(self) -> None:
        with pytest.raises(UsageError, match="'a' is there twice"):
            profile_shares(pd.DataFrame({"settlement_id": ["a", "a"], "power": ["none", "none"]}))
        with pytest.raises(UsageError, match="negative"):
            profile_shares(pd.DataFrame({"power": ["none"], "households": [-1.0]}))

    def test_nothing_known_has_no_share(self) -> None:
        shares = profile_shares(pd.DataFrame({"power": [None, None]}))
        assert shares["share"].isna().all()
        assert (shares["n_total"] == 2).all()


class TestHouseholds:
    homes = pd.DataFrame(
        {
            "settlement_id": ["a"] * 30 + ["b"] * 30,
            "power": ["solar"] * 27 + ["none"] * 3 + ["solar"] * 15 + ["none"] * 15,
        }
    )

    def test_small_cells_and_what_gives_them_away(self) -> None:
        found = settlement_profile(self.homes).set_index(["settlement_id", "word"])
        assert found.loc[("a", "none"), "is_suppressed"]
        assert found.loc[("a", "solar"), "is_suppressed"]
        assert found.loc[[("a", "none"), ("a", "solar")], ["share", "n", "n_households"]].isna().all(axis=None)
        # 42 of 60 and 15 of b would give away 27 of a.
        assert found.loc[("b", "solar"), "is_suppressed"] or found.loc[("all", "solar"), "is_suppressed"]

    def test_inside_everything_is_there(self) -> None:
        found = settlement_profile(self.homes, minimum=None).set_index(["settlement_id", "word"])
        assert found.loc[("a", "none"), "share"] == 0.1
        assert found.loc[("all", "solar"), "n"] == 42

    def test_main_answer_and_ties(self) -> None:
        found = main_answers(self.homes)
        assert found["power"].tolist() == ["solar", "solar"]
        assert found["households"].tolist() == [30, 30]
