"""Tenure by household, SDG 1.4.2 by adult; and what suppression leaves of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo_profiling.tenure.model import TenureRecords, tenure_records
from geo_profiling.tenure.shares import (
    adult_security,
    dispute_counts,
    household_tenure,
    secure_tenure_shares,
    tenure_type_shares,
)


def register(people: dict[str, list[object]], rights: dict[str, list[object]], **more: pd.DataFrame) -> TenureRecords:
    held = pd.DataFrame(rights)
    plots = more.pop("units", pd.DataFrame({"unit_id": sorted(set(held["unit_id"]))}))
    records, findings = tenure_records(pd.DataFrame(people), plots, held, **more)
    assert [finding for finding in findings if finding.severity == "error"] == []
    return records


class TestHouseholds:
    def test_a_household_counts_once_whatever_it_holds(self) -> None:
        records = register(
            {"party_id": ["a", "b", "c", "g"], "household_id": ["h", "h", "k", ""], "kind": ["", "", "", "group"]},
            {
                "party_id": ["a", "b", "a", "c", "g"],
                "unit_id": ["1", "1", "2", "3", "4"],
                "tenure_type": ["freehold", "freehold", "tenancy", "occupancy", "customary"],
                "share": [0.25, 0.25, 1, 0.5, 1],
            },
        )
        found = household_tenure(records).set_index(["household_id", "tenure_type"])["share"]
        assert found[("h", "freehold")] == pytest.approx(1 / 3)
        assert found[("h", "tenancy")] == pytest.approx(2 / 3)
        assert found[("k", "occupancy")] == 1.0
        assert "g" not in found.index.get_level_values(0)

    def test_unknown_and_none_are_kept_apart(self) -> None:
        records = register(
            {"party_id": ["a", "b", "c"]},
            {"party_id": ["a", "b", "b"], "unit_id": ["1", "2", "3"], "tenure_type": ["freehold", "unknown", "lease"]},
        )
        assert household_tenure(records)["tenure_type"].tolist() == ["freehold", "unknown", "no_tenure"]


class TestTypeShares:
    @pytest.fixture
    def records(self) -> TenureRecords:
        ids = [f"p{number:02d}" for number in range(40)]
        types = ["freehold"] * 20 + ["tenancy"] * 10 + ["unknown"] * 10
        return register(
            {"party_id": ids, "settlement_id": ["a"] * 40, "weight": [2] * 20 + [1] * 20},
            {"party_id": ids, "unit_id": ids, "tenure_type": types},
        )

    def test_weighted_and_without_the_unknown(self, records: TenureRecords) -> None:
        found = tenure_type_shares(records).query("settlement_id == 'a'").set_index("tenure_type")
        assert found["share"].drop("unknown").to_dict() == {"all": 1.0, "freehold": 0.8, "tenancy": 0.2}
        assert pd.isna(found.loc["unknown", "share"])
        assert (found.loc["freehold", "n"], found.loc["freehold", "n_known"], found.loc["freehold", "n_total"]) == (
            40,
            50,
            60,
        )
        assert found.loc["freehold", "coverage_share"] == pytest.approx(50 / 60)
        assert found["n_households"].to_dict() == {"all": 40, "freehold": 20, "tenancy": 10, "unknown": 10}

    def test_small_cells_leave_no_trace(self) -> None:
        ids = [f"p{number:02d}" for number in range(40)]
        types = ["freehold"] * 17 + ["tenancy"] * 3 + ["freehold"] * 10 + ["tenancy"] * 10
        records = register(
            {"party_id": ids, "settlement_id": ["a"] * 20 + ["b"] * 20},
            {"party_id": ids, "unit_id": ids, "tenure_type": types},
        )
        found = tenure_type_shares(records).set_index(["settlement_id", "tenure_type"])
        hidden = found[found["is_suppressed"]]
        assert ("a", "tenancy") in hidden.index
        assert len(hidden) == 4
        assert hidden[["share", "n", "n_households"]].isna().all(axis=None)
        open_figures = tenure_type_shares(records, minimum=None)
        assert open_figures["is_suppressed"].sum() == 0
        assert open_figures["n"].notna().all()

    def test_shares_of_a_place_add_up_to_one(self, records: TenureRecords) -> None:
        found = tenure_type_shares(records, minimum=None)
        types = found[~found["tenure_type"].isin(["all", "unknown"])]
        assert np.allclose(types.groupby("settlement_id")["share"].sum(), 1.0)


def adult(rights: dict[str, list[object]], **options: object) -> pd.Series:
    records = register(
        {"party_id": ["a", "b"], "household_id": ["h", "h"], "age": [18, 40], "sex": ["F", "M"]},
        rights,
        **{key: value for key, value in options.items() if key == "sources"},  # type: ignore[arg-type]
    )
    kinds = options.get("recognised")
    return adult_security(records, recognised_documents=kinds).loc["a"]  # type: ignore[arg-type]


class TestSdg142:
    def test_fear_of_loss_and_right_to_bequeath_are_both_needed(self) -> None:
        base: dict[str, list[object]] = {"party_id": ["a"], "unit_id": ["1"], "tenure_type": ["customary"]}
        for perceived, bequeath, expected in (
            ("secure", "yes", True),
            ("secure", "no", False),
            ("insecure", "", False),
            ("", "no", False),
            ("secure", "", pd.NA),
            ("", "yes", pd.NA),
        ):
            found = adult({**base, "perceived": [perceived], "may_bequeath": [bequeath]})["perceived"]
            assert found is expected or found == expected

    def test_who_may_bequeath_under_the_households_document_is_documented(self) -> None:
        rights: dict[str, list[object]] = {
            "party_id": ["a", "b"],
            "unit_id": ["1", "1"],
            "tenure_type": ["freehold", "freehold"],
            "share": [0.5, 0.5],
            "documented": ["none", "registered"],
            "may_bequeath": ["yes", "no"],
        }
        assert adult(rights)["documented"] == True  # noqa: E712
        assert adult({**rights, "may_bequeath": ["no", "yes"]})["documented"] == False  # noqa: E712

    def test_an_informal_paper_is_no_recognised_document(self) -> None:
        rights: dict[str, list[object]] = {"party_id": ["a"], "unit_id": ["1"], "tenure_type": ["occupancy"]}
        assert adult({**rights, "documented": ["informal paper"]})["documented"] == False  # noqa: E712

    def test_the_countrys_list_decides(self) -> None:
        rights: dict[str, list[object]] = {
            "party_id": ["a"],
            "unit_id": ["1"],
            "tenure_type": ["lease"],
            "documented": ["recognised"],
            "source_id": ["d1"],
        }
        sources = pd.DataFrame({"source_id": ["d1"], "kind": ["Receipt"]})
        assert adult(rights, sources=sources, recognised=["receipt"])["documented"] == True  # noqa: E712
        assert adult(rights, sources=sources, recognised=["title deed"])["documented"] == False  # noqa: E712
        assert adult({**rights, "source_id": [""]}, sources=sources, recognised=["receipt"])["documented"] is pd.NA

    def test_one_right_that_qualifies_is_enough_and_an_unknown_one_leaves_open(self) -> None:
        rights: dict[str, list[object]] = {
            "party_id": ["a", "a"],
            "unit_id": ["1", "2"],
            "tenure_type": ["freehold", "freehold"],
        }
        assert adult({**rights, "documented": ["registered", ""]})["documented"] == True  # noqa: E712
        assert adult({**rights, "documented": ["none", ""]})["documented"] is pd.NA

    def test_all_adults_are_the_denominator(self) -> None:
        ids = [f"p{number:02d}" for number in range(40)]
        records = register(
            {"party_id": ids, "settlement_id": ["a"] * 40, "age": [30] * 30 + [17] * 10, "sex": ["F", "M"] * 20},
            {
                "party_id": ids[:15],
                "unit_id": ids[:15],
                "tenure_type": ["freehold"] * 15,
                "documented": ["registered"] * 15,
            },
        )
        found = secure_tenure_shares(records).query("settlement_id == 'a' and measure == 'documented'")
        found = found.set_index(["sex", "tenure_type"])
        assert found.loc[("all", "all"), "n_total"] == 30
        assert found.loc[("all", "all"), "share"] == 0.5
        assert found.loc[("female", "all"), "share"] == pytest.approx(8 / 15)
        assert found.loc[("all", "no_tenure"), "share"] == 0.0

    def test_both_is_of_the_same_adult_and_no_mean(self) -> None:
        ids = [f"p{number:02d}" for number in range(40)]
        records = register(
            {"party_id": ids, "settlement_id": ["a"] * 40, "is_adult": ["yes"] * 40},
            {
                "party_id": ids,
                "unit_id": ids,
                "tenure_type": ["freehold"] * 40,
                "documented": ["registered"] * 20 + ["none"] * 20,
                "perceived": ["secure"] * 10 + ["insecure"] * 20 + ["secure"] * 10,
                "may_bequeath": ["yes"] * 40,
            },
        )
        found = secure_tenure_shares(records).query("settlement_id == 'a' and sex == 'all' and tenure_type == 'all'")
        assert found.set_index("measure")["share"].to_dict() == {
            "documented": 0.5,
            "perceived": 0.5,
            "documented_and_perceived": 0.25,
        }

    def test_few_who_have_it_are_hidden_with_those_who_have_not(self) -> None:
        ids = [f"p{number:02d}" for number in range(40)]
        records = register(
            {"party_id": ids, "settlement_id": ["a"] * 40, "is_adult": ["yes"] * 40, "sex": ["F"] * 20 + ["M"] * 20},
            {
                "party_id": ids,
                "unit_id": ids,
                "tenure_type": ["freehold"] * 40,
                "documented": ["registered"] * 2 + ["none"] * 18 + ["registered"] * 10 + ["none"] * 10,
            },
        )
        found = secure_tenure_shares(records).query("measure == 'documented'")
        female = found.query("sex == 'female'")
        assert female["is_suppressed"].all()
        assert female[["share", "n"]].isna().all(axis=None)
        # The men's and everybody's would give the women's away.
        rest = found.query("sex != 'female' and tenure_type == 'all' and settlement_id == 'a'")
        assert rest["is_suppressed"].sum() >= 1


class TestDisputes:
    def test_units_and_households_by_kind(self) -> None:
        units = pd.DataFrame({"unit_id": ["1", "2", "3"], "settlement_id": ["s", "s", "s"]})
        records = register(
            {"party_id": ["a", "b"]},
            {
                "party_id": ["a", "b", "b"],
                "unit_id": ["1", "2", "3"],
                "tenure_type": ["freehold"] * 3,
                "dispute_status": ["on", "on", ""],
                "dispute_type": ["rent", "", "boundary"],
            },
            units=units,
        )
        found = dispute_counts(records).set_index("dispute_type")
        assert found["n_units"].to_dict() == {"all": 2, "rent": 1, "unknown": 1}
        assert found.loc["all", ["n_known", "n_units_total"]].tolist() == [2, 3]


def test_where_nobody_is_known_to_be_an_adult_there_is_no_row_and_no_error() -> None:
    ids = [f"p{number}" for number in range(8)]
    records = register(
        {"party_id": ids, "settlement_id": ["a"] * 8, "age": ["12"] * 8},
        {"party_id": ids, "unit_id": ids, "tenure_type": ["freehold"] * 8},
    )
    found = secure_tenure_shares(records)
    assert found.empty
    assert {"settlement_id", "measure", "share"} <= set(found.columns)
