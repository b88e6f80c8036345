"""Functional urban areas: each rule on a small map with the expected answer, Belgium, and properties."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geo_profiling.delineation.commuting import city_units, commuting_flows
from geo_profiling.delineation.fua import FuaDelineation, delineate_fuas, fua_areas
from geo_profiling.errors import InputError
from geo_profiling.vector.areas import areas_km2
from geo_profiling.vector.contiguity import rook_contiguity
from geo_profiling.vector.read import read_layer, read_table

Flows = Mapping[tuple[str, str], int]


def squares(drawing: str) -> gpd.GeoDataFrame:
    """Units of 1 km squares; the same letter in several squares makes one unit, a dot is sea."""
    rows = drawing.split()
    cells: dict[str, list[Any]] = {}
    for y, row in enumerate(reversed(rows)):
        for x, letter in enumerate(row):
            if letter != ".":
                cells.setdefault(letter, []).append(box(x * 1000, y * 1000, (x + 1) * 1000, (y + 1) * 1000))
    names = sorted(cells)
    return gpd.GeoDataFrame(geometry=[shapely.union_all(cells[name]) for name in names], index=names, crs="EPSG:3035")


def delineate(
    units: gpd.GeoDataFrame,
    cities: Mapping[str, str],
    flows: Flows,
    *,
    employed: Mapping[str, int] | None = None,
    threshold: float | str = 0.15,
) -> FuaDelineation:
    """Delineate with 100 employed residents in each unit unless told otherwise."""
    table = pd.DataFrame(
        [(*pair, count) for pair, count in flows.items()], columns=["origin", "destination", "workers"]
    )
    residents = dict.fromkeys(units.index, 100) | dict(employed or {})
    numbers = pd.DataFrame({"code": list(residents), "employed_residents_total": list(residents.values())})
    commuting, _ = commuting_flows(table, numbers, units.index)
    city = pd.Series([cities.get(name) for name in units.index], index=units.index, dtype=object)
    return delineate_fuas(commuting, city, rook_contiguity(units.geometry), threshold=threshold)


def answers(found: FuaDelineation) -> dict[str, tuple[str | None, str]]:
    return {
        str(name): (None if pd.isna(fua) else str(fua), str(rule))
        for name, fua, rule in found.units[["fua_id", "fua_rule"]].itertuples()
    }


# --- commuting zone -------------------------------------------------------------------------------


def test_share_equal_to_the_threshold_belongs_and_less_does_not() -> None:
    found = delineate(squares("abc"), {"b": "B"}, {("a", "b"): 15, ("c", "b"): 14, ("b", "b"): 80})
    assert answers(found) == {"a": ("B", "commuting"), "b": ("B", "city"), "c": (None, "below threshold")}
    assert found.units["share_above_threshold"].round(9).tolist() == [0.0, 0.65, -0.01]
    assert found.units["share_to_fua"].tolist()[:2] == [0.15, 0.8]
    assert np.isnan(found.units["share_to_fua"]["c"])


@pytest.mark.parametrize("employed", [20, 140, 260, 10**9 * 20])
def test_threshold_is_compared_in_whole_numbers(employed: int) -> None:
    # 21 / 140 < 0.15 in floating point
    flows = {("a", "b"): employed * 3 // 20, ("b", "b"): 1}
    assert answers(delineate(squares("ab"), {"b": "B"}, flows, employed={"a": employed}))["a"] == ("B", "commuting")


def test_workers_elsewhere_count_in_the_denominator() -> None:
    flows = {("a", "b"): 15, ("a", "abroad"): 80, ("b", "b"): 50}
    assert answers(delineate(squares("ab"), {"b": "B"}, flows, employed={"a": 101}))["a"][0] is None


def test_largest_share_wins_and_runner_up_is_told() -> None:
    found = delineate(squares("bac"), {"b": "B", "c": "C"}, {("a", "b"): 20, ("a", "c"): 30, ("b", "b"): 9})
    assert answers(found)["a"] == ("C", "commuting")
    unit = found.units.loc["a"]
    assert unit[["best_city_id", "second_city_id"]].tolist() == ["C", "B"]
    assert unit[["best_city_share", "second_city_share"]].tolist() == [0.3, 0.2]
    listed = found.candidates.query("unit_id == 'a'")
    assert listed[["fua_id", "workers", "share", "rank"]].to_numpy().tolist() == [["C", 30, 0.3, 1], ["B", 20, 0.2, 2]]


def test_tie_goes_to_the_city_that_receives_more_workers_then_to_the_smaller_id() -> None:
    units, cities = squares("bac"), {"b": "B", "c": "C"}
    tied = {("a", "b"): 20, ("a", "c"): 20}
    assert answers(delineate(units, cities, tied | {("c", "c"): 1}))["a"] == ("C", "commuting")
    assert answers(delineate(units, cities, tied | {("b", "b"): 1}))["a"] == ("B", "commuting")
    assert answers(delineate(units, cities, tied))["a"] == ("B", "commuting")


def test_no_employed_residents_is_no_share() -> None:
    found = delineate(squares("abc"), {"b": "B"}, {("b", "b"): 80}, employed={"a": 0, "c": 0})
    assert answers(found)["a"] == (None, "no employed residents")
    assert found.units.loc["a", ["share_to_fua", "best_city_share", "share_above_threshold"]].isna().all()
    assert pd.isna(found.units.loc["a", "best_city_id"])
    assert found.units.loc["a", "employed_residents"] == 0


def test_unknown_employed_residents_stay_unknown() -> None:
    units = squares("ab")
    flows = pd.DataFrame({"origin": ["b"], "destination": ["b"], "workers": [5]})
    only_b = pd.DataFrame({"code": ["b"], "employed_residents_total": [10]})
    commuting, _ = commuting_flows(flows, only_b, units.index)
    contiguity = rook_contiguity(units.geometry)
    found = delineate_fuas(commuting, pd.Series({"b": "B"}), contiguity)
    assert answers(found)["a"] == (None, "unknown")
    assert np.isnan(found.units.loc["a", "employed_residents"])
    with pytest.raises(InputError, match="1 units of cities have no number of employed residents, the first: a"):
        delineate_fuas(commuting, pd.Series({"a": "A", "b": "B"}), contiguity)


def test_no_city_is_an_error() -> None:
    with pytest.raises(InputError, match="no unit belongs to a city"):
        delineate(squares("ab"), {}, {("a", "b"): 1})


# --- cities ---------------------------------------------------------------------------------------


def test_cities_merge_in_one_pass_and_never_again_for_being_merged() -> None:
    # C sends 14 to A and 14 to B: to neither enough, though 28 to both together.
    flows = {("a", "b"): 15, ("c", "a"): 14, ("c", "b"): 14, ("b", "b"): 90, ("c", "c"): 60}
    found = delineate(squares("abc"), {"a": "A", "b": "B", "c": "C"}, flows)
    assert answers(found) == {"a": ("B", "merged city"), "b": ("B", "city"), "c": ("C", "city")}
    assert found.cities["merge_share"].tolist() == [0.15, 0.0, 0.14]
    # ... but the merged city is one destination for the shares of units.
    assert found.units.loc["c", ["best_city_id", "second_city_share"]].tolist() == ["C", 0.28]


def test_cities_chained_in_the_one_pass_are_one() -> None:
    flows = {("a", "b"): 15, ("b", "c"): 15, ("c", "c"): 90}
    assert answers(delineate(squares("abc"), {"a": "A", "b": "B", "c": "C"}, flows)) == {
        "a": ("C", "merged city"),
        "b": ("C", "merged city"),
        "c": ("C", "city"),
    }


def test_share_between_cities_is_that_of_all_their_units() -> None:
    cities = {"a": "A", "b": "A", "c": "C", "d": "C"}
    flows = {("a", "c"): 15, ("b", "d"): 15, ("d", "d"): 90}
    assert answers(delineate(squares("abcd"), cities, flows))["a"] == ("C", "merged city")
    assert answers(delineate(squares("abcd"), cities, dict(flows) | {("b", "d"): 14}))["a"] == ("A", "city")


def test_merged_city_is_one_destination() -> None:
    flows = {("a", "b"): 20, ("b", "b"): 90, ("d", "a"): 8, ("d", "b"): 7}
    assert answers(delineate(squares("dab"), {"a": "A", "b": "B"}, flows))["d"] == ("B", "commuting")


def test_main_city_of_equal_ones_has_the_smaller_id() -> None:
    flows = {("a", "b"): 20, ("b", "a"): 20}
    assert answers(delineate(squares("ab"), {"a": "Z", "b": "Y"}, flows))["a"] == ("Y", "merged city")


# --- enclaves and exclaves ------------------------------------------------------------------------


def test_enclave_joins() -> None:
    found = delineate(squares("aaa aea aaa"), {"a": "A"}, {("a", "a"): 50})
    assert answers(found) == {"a": ("A", "city"), "e": ("A", "enclave")}
    assert found.units.loc["e", "share_to_fua"] == 0


def test_enclave_without_employed_residents_joins() -> None:
    found = delineate(squares("aaa aea aaa"), {"a": "A"}, {("a", "a"): 50}, employed={"e": 0})
    assert answers(found)["e"] == ("A", "enclave")
    assert np.isnan(found.units.loc["e", "share_to_fua"])


def test_enclave_of_several_units_joins_whole() -> None:
    found = delineate(squares("aaaa aefa aaaa"), {"a": "A"}, {("a", "a"): 50})
    assert answers(found) == {"a": ("A", "city"), "e": ("A", "enclave"), "f": ("A", "enclave")}


@pytest.mark.parametrize("drawing", ["aaa aea a.a", "aaa aea aea", "aaaa ae.a aaaa", "aaa aeb aaa"])
def test_unit_with_another_way_out_is_no_enclave(drawing: str) -> None:
    cities = {"a": "A", "b": "B"} if "b" in drawing else {"a": "A"}
    assert answers(delineate(squares(drawing), cities, {("a", "a"): 50}))["e"] == (None, "below threshold")


def test_exclave_leaves() -> None:
    found = delineate(squares("abe"), {"a": "A"}, {("a", "a"): 50, ("e", "a"): 40})
    assert answers(found)["e"] == (None, "exclave dropped")
    assert found.units.loc["e", ["best_city_id", "best_city_share"]].tolist() == ["A", 0.4]
    assert np.isnan(found.units.loc["e", "share_to_fua"])


def test_corner_does_not_connect_and_a_chain_does() -> None:
    flows = {("a", "a"): 50, ("e", "a"): 40, ("b", "a"): 40}
    assert answers(delineate(squares("ab .e"), {"a": "A"}, flows))["e"] == ("A", "commuting")
    assert answers(delineate(squares("a. .e"), {"a": "A"}, {("a", "a"): 50, ("e", "a"): 40}))["e"][0] is None


def test_island_leaves_unless_it_is_of_the_city() -> None:
    flows = {("a", "a"): 50, ("i", "a"): 40}
    assert answers(delineate(squares("a.i"), {"a": "A"}, flows))["i"] == (None, "exclave dropped")
    assert answers(delineate(squares("a.i"), {"a": "A", "i": "A"}, flows))["i"] == ("A", "city")


def test_enclave_connects_what_would_be_an_exclave() -> None:
    # e has the share and lies behind f, which has not; f is surrounded by units of the one FUA.
    drawing = "aaaaaaa afffffa affeffa afffffa aaaaaaa"
    found = delineate(squares(drawing), {"a": "A"}, {("a", "a"): 50, ("e", "a"): 40})
    assert answers(found) == {"a": ("A", "city"), "e": ("A", "commuting"), "f": ("A", "enclave")}


def test_exclave_inside_another_area_is_its_enclave() -> None:
    found = delineate(
        squares("bbba. beba. bbba."), {"a": "A", "b": "B"}, {("e", "a"): 40, ("a", "a"): 1, ("b", "b"): 1}
    )
    assert answers(found)["e"] == ("B", "enclave")
    assert found.units.loc["e", ["best_city_id", "best_city_share", "share_to_fua"]].tolist() == ["A", 0.4, 0.0]


# --- areas ----------------------------------------------------------------------------------------


def test_areas_add_up_and_unknown_people_stay_unknown() -> None:
    people, sizes = [99.0, 10.0, 20.0, np.nan, 5.0], [1.0, 2.0, 1.0, 2.0, 1.0]
    units = squares("aab0 ccd.").assign(population=people, area_km2=sizes)
    found = delineate(units, {"a": "A", "d": "D"}, {("b", "a"): 50, ("c", "d"): 50, ("a", "a"): 1})
    areas = fua_areas(units, found, city_names={"A": "Alpha"}).set_index("fua_id")
    assert areas["name"].tolist()[0] == "Alpha"
    assert areas[["n_units", "n_city_units", "area_km2"]].to_numpy().tolist() == [[2, 1, 3.0], [2, 1, 3.0]]
    assert areas.loc["A", ["population", "city_population", "commuting_zone_population"]].tolist() == [30, 10, 20]
    assert areas.loc["D", ["population", "city_population"]].fillna(-1).tolist() == [-1, 5]
    assert areas.geometry["A"].equals(box(0, 1000, 3000, 2000))
    assert areas.geometry["D"].equals(box(0, 0, 3000, 1000))


# --- Belgium --------------------------------------------------------------------------------------


def belgium(folder: Path) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    units, _ = read_layer(folder / "communes_589.gpkg", id_field="CODE_INS", kinds={"polygon"})
    tables = (read_table(folder / name) for name in ("flows_2011.csv.gz", "employed_residents_2011.csv"))
    return units.set_index("CODE_INS"), *tables, read_table(folder / "official_cities_2019.csv")


def test_belgium_2011(shared_data: Path) -> None:
    units, flows, employed, cities = belgium(shared_data / "belgium")
    commuting, findings = commuting_flows(flows, employed, units.index)
    city, _ = city_units(cities, units.index)
    assert findings == []
    found = delineate_fuas(commuting, city, rook_contiguity(units.geometry))
    assert found.units["fua_id"].nunique() == 14
    share = found.cities["merge_share"]
    assert (round(share["BE008C1"], 3), round(share["BE012C1"], 3)) == (0.168, 0.134)
    assert found.cities.loc["BE008C1", "fua_id"] == "BE001K1"
    assert found.cities.loc["BE012C1", "fua_id"] == "BE012C1"
    assert found.units["fua_rule"].value_counts().to_dict() == {
        "commuting": 291,
        "below threshold": 252,
        "city": 45,
        "merged city": 1,
    }
    assert int(found.units["share_above_threshold"].abs().lt(0.01).sum()) == 27
    units["area_km2"] = areas_km2(units.geometry)
    units["population"] = pd.to_numeric(cities.set_index("code")["population"])
    areas = fua_areas(units, found)
    assert areas["n_units"].sum() == 337
    assert areas.area.sum() / 1e6 == pytest.approx(areas["area_km2"].sum(), rel=1e-6)


# --- properties -----------------------------------------------------------------------------------


def random_case(seed: int) -> tuple[gpd.GeoDataFrame, dict[str, str], dict[tuple[str, str], int], dict[str, int]]:
    """Return a 6 x 6 map with four cities, flows that fade with distance, and a few empty units."""
    rng = np.random.default_rng(seed)
    names = [f"{i:02d}" for i in range(36)]
    boxes = [box(i % 6 * 1000, i // 6 * 1000, i % 6 * 1000 + 1000, i // 6 * 1000 + 1000) for i in range(36)]
    units = gpd.GeoDataFrame(geometry=boxes, index=names, crs="EPSG:3035")
    seats = rng.choice(36, 4, replace=False)
    cities = {names[seat]: f"C{number}" for number, seat in enumerate(seats)}
    flows = {}
    for i, name in enumerate(names):
        for seat in seats:
            apart = abs(i % 6 - seat % 6) + abs(i // 6 - seat // 6)
            flows[name, names[seat]] = int(rng.integers(0, 60) / (1 + apart))
    employed = {name: int(rng.choice([0, 100, 200], p=[0.05, 0.6, 0.35])) for name in names}
    for name in names:
        if employed[name] == 0 and name not in cities:
            flows |= {pair: 0 for pair in flows if pair[0] == name}
        elif name in cities:
            employed[name] = 300
    return units, cities, flows, employed


@settings(max_examples=40)
@given(st.integers(0, 100_000))
def test_order_and_names_of_units_change_nothing(seed: int) -> None:
    units, cities, flows, employed = random_case(seed)
    expected = answers(delineate(units, cities, flows, employed=employed))
    rng = np.random.default_rng(seed)
    shuffled = units.iloc[rng.permutation(len(units))]
    reordered = dict([list(flows.items())[i] for i in rng.permutation(len(flows))])
    assert answers(delineate(shuffled, cities, reordered, employed=employed)) == expected
    new = dict(zip(units.index, rng.permutation([f"unit {i}" for i in range(36)]).tolist(), strict=True))
    renamed = delineate(
        units.rename(index=new),
        {new[name]: city for name, city in cities.items()},
        {(new[a], new[b]): count for (a, b), count in flows.items()},
        employed={new[name]: count for name, count in employed.items()},
    )
    assert answers(renamed) == {new[name]: answer for name, answer in expected.items()}


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.integers(0, 35))
def test_splitting_a_unit_into_halves_alike_changes_nothing(seed: int, which: int) -> None:
    units, cities, flows, employed = random_case(seed)
    # Everything doubled, so that halves are whole numbers.
    flows = {pair: 2 * count for pair, count in flows.items()}
    employed = {name: 2 * count for name, count in employed.items()}
    expected = answers(delineate(units, cities, flows, employed=employed))
    name, other = units.index[which], "half"
    left, bottom, right, top = units.geometry[name].bounds
    split = pd.concat(
        [units, gpd.GeoDataFrame(geometry=[box(left + 500, bottom, right, top)], index=[other], crs=3035)]
    )
    split.loc[name, "geometry"] = box(left, bottom, left + 500, top)
    halved: dict[tuple[str, str], int] = {}
    for (origin, destination), count in flows.items():
        homes = [origin, other] if origin == name else [origin]
        places = [destination, other] if destination == name else [destination]
        for home in homes:
            for place in places:
                halved[home, place] = count * 4 // (len(homes) * len(places))
    scaled = {unit: 4 * count for unit, count in employed.items()}
    scaled[name] = scaled[other] = 2 * employed[name]
    towns = cities | ({other: cities[name]} if name in cities else {})
    found = answers(delineate(split, towns, halved, employed=scaled))
    assert found.pop(other) == expected[name]
    assert found == expected


@settings(max_examples=40)
@given(st.integers(0, 100_000))
def test_every_area_is_connected_and_every_rule_holds(seed: int) -> None:
    units, cities, flows, employed = random_case(seed)
    found = delineate(units, cities, flows, employed=employed).units
    for fua, members in found.groupby("fua_id"):
        shape = units.geometry[members.index].union_all()
        towns = units.geometry[members.index[members["city_id"].notna()]]
        for part in shapely.get_parts(shape):
            assert towns.intersection(part).area.sum() > 0, fua
    commuting = found[found["fua_rule"] == "commuting"]
    assert (commuting["fua_id"] == commuting["best_city_id"]).all()
    assert (commuting["share_to_fua"] >= 0.15).all()
    below = found[found["fua_rule"] == "below threshold"]
    assert not (below["best_city_share"] >= 0.15).any()
    assert (
        found["fua_id"]
        .isna()
        .equals(found["fua_rule"].isin(["below threshold", "no employed residents", "unknown", "exclave dropped"]))
    )
