"""Every row of a register that cannot be right is named; nothing that is not of the model is taken in."""

from __future__ import annotations

import pandas as pd
import pytest

from geo_profiling.errors import UsageError
from geo_profiling.findings import Finding
from geo_profiling.tenure.model import TenureRecords, share_conflicts, tenure_records
from geo_profiling.tenure.words import CODE_LISTS, TENURE_TYPES

PEOPLE = pd.DataFrame({"party_id": ["a", "b"], "name": ["Amina Yusuf", "Brian Otieno"], "sex": ["F", "male"]})
PLOTS = pd.DataFrame({"unit_id": ["1", "2"]})


def read(sources: pd.DataFrame | None = None, **rights: list[object]) -> tuple[TenureRecords, list[Finding]]:
    size = len(next(iter(rights.values()), [0]))
    base: dict[str, object] = {"party_id": ["a"] * size, "unit_id": ["1"] * size, "tenure_type": ["freehold"] * size}
    return tenure_records(PEOPLE, PLOTS, pd.DataFrame(base | rights), sources)


def errors(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.severity == "error"]


class TestRowsThatCannotBe:
    def test_unknown_tenure_word_is_named_with_its_rows(self) -> None:
        records, findings = read(tenure_type=["freehold", "free hold", "free hold"])
        assert errors(findings) == ["rights, row 3, 4: tenure_type 'free hold' is in no vocabulary"]
        assert "freehold" in findings[0].remedy
        assert len(records.rights) == 3

    def test_a_word_that_contains_another_is_not_it(self) -> None:
        _, findings = read(documented=["unregistered"])
        assert errors(findings) == ["rights, row 2: documented 'unregistered' is in no vocabulary"]

    def test_reversed_dates(self) -> None:
        _, findings = read(valid_from=["2020-01-01"], valid_to=["2019-01-01"])
        assert errors(findings) == ["rights, row 2: valid_to lies before valid_from"]

    @pytest.mark.parametrize("text", ["2020", "01/02/2020", "2020-13-01", "soon"])
    def test_no_date(self, text: str) -> None:
        _, findings = read(valid_from=[text])
        assert errors(findings) == ["rights, row 2: valid_from is no date"]

    def test_ids_that_lead_nowhere(self) -> None:
        sources = pd.DataFrame({"source_id": ["d1"], "kind": ["deed"]})
        _, findings = read(sources, party_id=["a", "x"], unit_id=["9", "1"], source_id=["d2", "d1"])
        assert errors(findings) == [
            "rights, row 2: source d2 is not in the table of its kind",
            "rights, row 3: party x is not in the table of its kind",
            "rights, row 2: spatial unit 9 is not in the table of its kind",
        ]

    def test_id_twice_and_missing(self) -> None:
        people = pd.DataFrame({"party_id": ["a", "a", ""]})
        _, findings = tenure_records(people, PLOTS, pd.DataFrame({"party_id": [], "unit_id": [], "tenure_type": []}))
        assert errors(findings) == [
            "parties, row 4: has no party_id",
            "parties, row 2, 3: party_id a is there more than once",
        ]

    @pytest.mark.parametrize("share", ["half", "1.4", "-0.1"])
    def test_share_that_is_none(self, share: str) -> None:
        assert len(errors(read(share=[share])[1])) == 1

    def test_rights_without_a_source_are_counted(self) -> None:
        sources = pd.DataFrame({"source_id": ["d1"], "kind": ["deed"]})
        _, findings = read(sources, source_id=["d1", ""], share=[0.5, 0.5])
        assert [str(finding) for finding in findings] == ["rights: 1 of 2 rights have no source"]

    def test_missing_column(self) -> None:
        with pytest.raises(UsageError, match="rights: has no column 'tenure_type'"):
            tenure_records(PEOPLE, PLOTS, pd.DataFrame({"party_id": [], "unit_id": []}))

    def test_wrong_mapping(self) -> None:
        with pytest.raises(UsageError, match="'castle' is no tenure type"):
            tenure_records(PEOPLE, PLOTS, pd.DataFrame(), tenure_words={"x": "castle"})


class TestPrivacy:
    def test_names_are_never_taken_in(self) -> None:
        records, _ = read()
        assert "name" not in records.parties
        assert "Amina" not in records.parties.to_csv() + records.rights.to_csv()


class TestCodeLists:
    @pytest.mark.parametrize("name", ["canonical", "stdm", "cadasta"])
    def test_every_word_stands_for_a_type(self, name: str) -> None:
        assert set(CODE_LISTS[name].values()) <= set(TENURE_TYPES)  # type: ignore[index]

    def test_cadasta_has_eighteen_codes(self) -> None:
        assert len(CODE_LISTS["cadasta"]) == 18


class TestShares:
    def conflicts(self, **rights: list[object]) -> pd.DataFrame:
        return share_conflicts(read(**rights)[0])

    def test_shares_that_sum_to_1_4_are_a_named_finding(self) -> None:
        _, findings = read(party_id=["a", "b"], share=[0.7, 0.7])
        assert [str(finding) for finding in findings] == ["rights, unit 1: its shares add up to 1.4"]
        assert findings[0].severity == "warning"

    def test_thirds_fit_within_the_tolerance(self) -> None:
        assert self.conflicts(party_id=["a", "b", "a"], share=[0.33, 0.33, 0.33]).empty
        assert len(self.conflicts(party_id=["a", "b"], share=[0.5, 0.485])) == 1

    def test_owner_and_tenant_of_the_whole_do_not_contradict(self) -> None:
        assert self.conflicts(party_id=["a", "b"], tenure_type=["freehold", "tenancy"], share=[1, 1]).empty

    def test_owner_of_part_and_tenant_of_the_rest_fit(self) -> None:
        assert self.conflicts(party_id=["a", "b"], tenure_type=["freehold", "tenancy"], share=[0.6, 0.4]).empty

    def test_only_the_time_in_which_both_hold_is_a_conflict(self) -> None:
        found = self.conflicts(
            party_id=["a", "b"], share=[1, 1], valid_from=["2010-01-01", "2015-01-01"], valid_to=["2016-01-01", ""]
        )
        assert found["valid_from"].dt.strftime("%Y-%m-%d").tolist() == ["2015-01-01"]
        assert found["valid_to"].dt.strftime("%Y-%m-%d").tolist() == ["2016-01-01"]

    def test_a_right_that_ends_the_day_before_the_next_begins(self) -> None:
        found = self.conflicts(
            party_id=["a", "b", "a"],
            share=[0.5, 0.5, 0.5],
            valid_from=["2010-01-01", "2010-01-01", "2015-01-01"],
            valid_to=["", "2014-12-31", ""],
        )
        assert found.empty

    def test_unknown_share_of_several_is_left_open(self) -> None:
        assert self.conflicts(party_id=["a", "b"], share=["", "0.7"]).empty

    def test_resources_do_not_count(self) -> None:
        held = {"party_id": ["a", "b"], "tenure_type": ["freehold", "resource_use"], "share": [1, 1]}
        assert self.conflicts(**held).empty


class TestPointInTime:
    def test_units_and_rights_of_the_day(self) -> None:
        plots = pd.DataFrame({"unit_id": ["1", "2"], "valid_from": ["", "2020-01-01"]})
        held = pd.DataFrame(
            {"party_id": ["a"], "unit_id": ["1"], "tenure_type": ["freehold"], "valid_from": ["2018-06-01"]}
        )
        records, findings = tenure_records(PEOPLE, plots, held)
        assert findings == []
        assert len(records.at("2018-05-31").rights) == 0
        assert len(records.at("2018-06-01").rights) == 1
        assert records.at("2019-12-31").units.index.tolist() == ["1"]
        assert records.at("2020-01-01").units.index.tolist() == ["1", "2"]

    def test_no_date(self) -> None:
        with pytest.raises(UsageError, match="is no date"):
            read()[0].at("yesterday")
