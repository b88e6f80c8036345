"""Household microdata: codes of the other programme, sizes, weights, editions; what is odd never passes in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from geo_profiling.errors import InputError
from geo_profiling.indicators.households import map_households, post_weights
from geo_profiling.indicators.mapping import parse_mapping, ready_mapping


def dhs(rows: int = 6, **columns: Any) -> pd.DataFrame:
    base: dict[str, Any] = {
        "hv000": "KE7", "hv001": np.arange(rows) // 2, "hv002": np.arange(rows), "hv005": np.arange(rows) * 1000 + 9e5,
        "hv012": 4, "hv013": 5, "hv021": np.arange(rows) // 2, "hv023": 1, "hv201": 11, "hv204": 996, "hv205": 12,
        "hv225": 0, "hv216": 2, "hv213": 33, "hv214": 33, "hv215": 33, "hv219": 2, "hv220": 40, "hv025": 1,
    }  # fmt: skip
    return pd.DataFrame({**base, **columns})


def mics(rows: int = 4, **columns: Any) -> pd.DataFrame:
    base: dict[str, Any] = {
        "HH1": np.arange(rows), "HH2": 1, "HH46": 1, "HH48": 4, "HH6": 1, "stratum": 1, "hhweight": np.arange(rows) + 1,
        "WS1": 11, "WS2": "", "WS3": "", "WS4": "", "WS7": 2, "WS11": 31, "WS15": 2, "WS12": "", "WS13": "", "HW1": 1,
        "HW2": 1, "HW7A": "A", "HW7B": "", "HC3": 2, "HC4": 31, "HC5": 31, "HC6": 31, "HHSEX": 1,
    }  # fmt: skip
    return pd.DataFrame({**base, **columns})


def test_dhs_columns_become_the_product_s() -> None:
    found = map_households(dhs(hv204=[996, 0, 30, 31, 998, ""], hv205=[12, 15, 31, 41, 96, 99]), ready_mapping("dhs7"))
    frame = found.frame
    assert found.findings == ()
    assert frame["toilet"].tolist()[:5] == ["flush_septic", "flush_unknown", "none", "composting", "other"]
    assert pd.isna(frame["toilet"].iloc[5])
    assert frame["water_time_min"].tolist()[:4] == [0, 0, 30, 31]
    assert frame["water_time_min"].isna().tolist()[4:] == [True, True]
    assert frame["water_place"].tolist()[:4] == ["premises", "premises", "elsewhere", "elsewhere"]
    assert frame["person_weight"].to_numpy() == pytest.approx(4 * frame["weight"].to_numpy())
    assert frame["weight"].iloc[0] == pytest.approx(0.9)
    assert not found.has("handwashing")


def test_no_de_jure_member_means_those_who_slept_there() -> None:
    frame = map_households(dhs(hv012=[0, 4, 4, 4, 4, 4]), ready_mapping("dhs7")).frame
    assert frame["persons"].tolist() == [5, 4, 4, 4, 4, 4]


def test_a_file_of_another_recode_is_refused() -> None:
    with pytest.raises(InputError, match=r"'KE6'.*no file of DHS recode 7"):
        map_households(dhs(hv000="KE6"), ready_mapping("dhs7"))


def test_codes_of_the_other_programme_are_named() -> None:
    # 95 is open defecation in MICS and nothing in DHS.
    with pytest.raises(InputError, match="does not know '18' in 1 rows, '95' in 2 rows") as caught:
        map_households(dhs(hv205=[11, 12, 18, 95, 95, 41]), ready_mapping("dhs7"))
    assert "codes of mics6" in caught.value.hint
    with pytest.raises(InputError, match=r"hv201.*'81' in 6 rows"):
        map_households(dhs(hv201=81), ready_mapping("dhs7"))


def test_columns_of_the_other_programme_are_named() -> None:
    with pytest.raises(InputError, match="lacks") as caught:
        map_households(mics(), ready_mapping("dhs7"))
    assert "those of mapping mics6" in caught.value.hint


def test_an_unknown_code_stops_with_its_count_and_every_column_is_told() -> None:
    with pytest.raises(InputError) as caught:
        map_households(dhs(hv201=[11, 77, 77, 11, 11, 11], hv205=44), ready_mapping("dhs7"))
    assert "'77' in 2 rows" in str(caught.value)
    assert "'44' in 6 rows" in str(caught.value)
    own = parse_mapping("extends: dhs7\nvariables: {toilet: {column: hv205, codes: {44: bucket}}}", name="own")
    assert set(map_households(dhs(hv205=44), own).frame["toilet"]) == {"bucket"}


def test_mics_keeps_completed_interviews_and_reads_composting() -> None:
    found = map_households(mics(HH46=[1, 2, 1, 1]), ready_mapping("mics6"))
    assert len(found.frame) == 3
    assert "1 rows are no completed interviews" in found.findings[0].message
    assert set(found.frame["toilet"]) == {"composting"}


def test_soap_is_what_either_column_says_else_none() -> None:
    found = map_households(mics(HW7A=["A", "", "", ""], HW7B=["", "B", "", ""]), ready_mapping("mics6")).frame
    assert found["handwashing_soap"].tolist() == [1, 1, 0, 0]


def test_emptying_takes_the_first_column_that_tells() -> None:
    found = map_households(mics(WS12=[4, 1, 1, 8], WS13=["", 2, 5, ""]), ready_mapping("mics6")).frame
    assert found["toilet_emptied"].tolist()[:3] == ["never", "buried_on_site", "removed_untreated"]
    assert pd.isna(found["toilet_emptied"].iloc[3])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"hv005": [1, 2, 3, "", 5, 6]}, "weight is missing or no number in 1 rows"),
        ({"hv005": [1, 2, 3, -4, 5, 6]}, "weight is negative in 1 rows"),
        ({"hv005": 0}, "no weight is above 0"),
        ({"hv012": [4, 4, 99, 99, 4, 4]}, "household size of 99 in 2 rows: a code for 'not known'"),
        ({"hv012": [4, 4, 2.5, 4, 4, 4]}, "no whole number in 1 rows"),
        ({"hv021": [1, 1, "", 2, 2, 2]}, "column 'hv021': no value in 1 rows"),
        ({"hv002": 1}, "share their household's id"),
        ({"hv216": [2, 2, 2, 2, 2, 95]}, "rooms: mapping 'dhs7' does not know '95'"),
    ],
)
def test_what_cannot_be_right_is_an_error(columns: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        map_households(dhs(**columns), ready_mapping("dhs7"))


def test_equal_weights_and_empty_households_are_warned_of() -> None:
    found = map_households(
        dhs(hv005=1_000_000, hv012=[0, 4, 4, 4, 4, 4], hv013=[0, 4, 4, 4, 4, 4]), ready_mapping("dhs7")
    )
    messages = " ".join(finding.message for finding in found.findings)
    assert "every household has the same weight" in messages
    assert "household size is 0 in 1 rows" in messages
    assert {finding.severity for finding in found.findings} == {"warning"}
    assert found.frame["person_weight"].iloc[0] == 0


def test_strata_are_the_values_of_all_columns() -> None:
    own = parse_mapping("extends: dhs7\nstrata: [hv024, hv025]", name="own")
    frame = map_households(dhs(hv024=[1, 1, 2, 2, 1, 1], hv025=[1, 2, 1, 2, 1, 2]), own).frame
    assert frame["stratum"].tolist() == ["1 x 1", "1 x 2", "2 x 1", "2 x 2", "1 x 1", "1 x 2"]


def test_the_index_and_asked_columns_stay() -> None:
    table = dhs(area=list("abcdef")).set_index(pd.Index(range(10, 16)))
    frame = map_households(table, ready_mapping("dhs7"), keep=["area"]).frame
    assert frame.index.tolist() == list(range(10, 16))
    assert frame["area"].tolist() == list("abcdef")


def test_text_and_numbers_read_alike() -> None:
    numbers, text = dhs(), dhs().astype(str)
    pd.testing.assert_frame_equal(
        map_households(numbers, ready_mapping("dhs7")).frame, map_households(text, ready_mapping("dhs7")).frame
    )


def test_post_weights_refuse_what_is_unknown() -> None:
    psu = pd.Series(["1", "1", "2"])
    assert post_weights(psu, pd.Series({1: 10, 2: 7})).tolist() == [5, 5, 7]
    with pytest.raises(InputError, match=r"PSU 2 .* no population"):
        post_weights(psu, pd.Series({1: 10}))
    with pytest.raises(InputError, match="two populations"):
        post_weights(psu, pd.Series([1, 2, 3], index=[1, 1, 2]))
