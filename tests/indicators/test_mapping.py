"""Mappings: every ready one is complete, tables of codes are not shared, one's own extend them."""

from __future__ import annotations

import pytest

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.mapping import READY, code_text, parse_mapping, ready_mapping
from geo_profiling.indicators.variables import VARIABLES


def codes(name: str, variable: str) -> dict[str, object]:
    return dict(ready_mapping(name).variables[variable][0].codes or {})


@pytest.mark.parametrize("name", READY)
def test_ready_mappings_map_what_the_indicators_need(name: str) -> None:
    mapping = ready_mapping(name)
    assert mapping.name == name
    assert {"water_source", "toilet", "toilet_shared", "rooms", "floor", "walls", "roof"} <= set(mapping.variables)


def test_plain_has_every_variable() -> None:
    assert set(ready_mapping("plain").variables) == set(VARIABLES)


def test_the_same_code_means_different_things() -> None:
    assert codes("dhs7", "toilet")["31"] == "none"
    assert codes("mics6", "toilet")["31"] == "composting"
    assert (codes("dhs6", "water_source")["13"], codes("dhs6", "water_source")["14"]) == (
        "public_tap",
        "piped_neighbour",
    )
    for name in ("dhs7", "dhs8", "mics6"):
        assert (codes(name, "water_source")["13"], codes(name, "water_source")["14"]) == (
            "piped_neighbour",
            "public_tap",
        )
    assert codes("dhs7", "water_source")["43"] == codes("mics6", "water_source")["81"] == "surface_water"
    assert codes("mics6", "toilet")["95"] == "none"
    assert codes("dhs7", "toilet")["14"] == "flush_elsewhere"


def test_codes_of_single_surveys_are_left_to_the_user() -> None:
    assert not {"16", "20", "44"} & set(codes("dhs7", "toilet"))


def test_ranges_spread_and_may_not_meet() -> None:
    text = "extends: plain\nvariables:\n  walls: {column: w, codes: {%s}}\n"
    spread = parse_mapping(text % "31-33: durable, 1: not_durable", name="m").variables["walls"][0].codes
    assert spread == {"31": "durable", "32": "durable", "33": "durable", "1": "not_durable"}
    with pytest.raises(InputError, match="code 31 stands twice"):
        parse_mapping(text % "30-31: durable, 31: not_durable", name="m")


def test_own_codes_add_to_those_of_the_same_column() -> None:
    text = "extends: mics6\nname: ours\nstrata: [HH7]\nvariables:\n  toilet: {column: WS11, codes: {97: bucket}}\n"
    mapping = parse_mapping(text, name="ours.yaml")
    found = mapping.variables["toilet"][0]
    assert (found.codes or {})["97"] == "bucket"
    assert (found.codes or {})["31"] == "composting"
    assert found.missing == ["99"]
    assert (mapping.name, mapping.strata) == ("ours", ["HH7"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: dhs5", "extends 'dhs5'"),
        ("[1, 2]", "is a YAML mapping"),
        ("a: [", "no YAML"),
        ("extends: plain\nvariables: {roofs: {column: r, codes: {1: durable}}}", "variable 'roofs' is not known"),
        ("extends: plain\nvariables: {roof: {column: r, codes: {1: tin}}}", "'tin' is no value"),
        ("extends: plain\nvariables: {roof: {column: r}}", "say what the codes of 'r' mean"),
        ("extends: plain\nvariables: {toilet_shared: {column: r, codes: {1: 2}}}", "which codes of 'r' mean 1"),
        ("extends: plain\nvariables: {rooms: {column: r, codes: {1: many}}}", "codes of a number mean numbers"),
        ("extends: plain\ncolour: {column: w}", "colour"),
        ("name: x", "programme"),
    ],
)
def test_a_mapping_that_cannot_be_meant_says_why(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_mapping(text, name="own.yaml")


def test_unknown_ready_mapping() -> None:
    with pytest.raises(UsageError, match="no mapping 'dhs9'"):
        ready_mapping("dhs9")


def test_codes_compare_as_they_are_meant() -> None:
    assert [code_text(value) for value in (1, 1.0, "01", "1.0", " 1 ", "1_0", "A")] == ["1"] * 5 + ["1_0", "A"]
