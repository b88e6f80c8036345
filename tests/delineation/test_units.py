"""Classes of units: the golden tables of Belgium, the rules on made shares, and people conserved."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import box

from geo_profiling.delineation.degurba import classify_cells
from geo_profiling.delineation.rules import rule_set
from geo_profiling.delineation.units import classify_units, people_in_centres, unit_level1, unit_level2
from geo_profiling.errors import CRSError, GridError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster, to_dataarray
from geo_profiling.raster.source import ArraySource, wrap

MOLLWEIDE = CRS("ESRI:54009")
CODES = (30, 23, 22, 21, 13, 12, 11)
NAN = float("nan")


def source(values, *, cell: float = 1000.0) -> ArraySource:
    values = np.asarray(values, float)
    return ArraySource(
        wrap(values, Grid(MOLLWEIDE, Affine(cell, 0, 0, 0, -cell, values.shape[0] * cell), values.shape))
    )


def layer(*geometries, index=None) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(geometries), crs=MOLLWEIDE, index=index)


# --- Belgium -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def belgium(shared_data):
    folder = shared_data / "belgium"
    rasters = [open_raster(folder / f"{name}.tif") for name in ("POP", "LAND", "BUILT_S")]
    return rasters, gpd.read_file(folder / "municipalities_581.gpkg").to_crs(rasters[0].grid.crs)


def _grid(rasters, level) -> ArraySource:
    population, land, built_up = map(to_dataarray, rasters)
    return ArraySource(classify_cells(population, land, built_up=built_up, level=level, rules=rule_set("2024")))


@pytest.fixture(scope="module")
def level2(belgium):
    return _grid(belgium[0], 2)


def _compare(found: pd.DataFrame, units, golden: pd.DataFrame, columns) -> pd.DataFrame:
    table = found.assign(UID=units["UID"].astype(int)).merge(golden, on="UID", validate="one_to_one")
    assert len(table) == 581
    for name, expected in columns.items():
        wrong = table[table[name].astype(int) != table[expected].astype(int)]
        assert wrong.empty, wrong[["UID", name, expected]]
    return table


def test_level1_of_581_belgian_municipalities_from_the_direct_grid(belgium, shared_golden):
    rasters, units = belgium
    golden = pd.read_csv(shared_golden / "degurba" / "units_L1_exactextract_1km.csv")
    golden["expected"] = 4 - golden["flexurba_L1"].astype(int)
    found = classify_units(rasters[0], units, level1=_grid(rasters, 1), land=rasters[1])
    _compare(found, units, golden, {"degurba_l1": "expected"})
    assert found["degurba_l1"].value_counts().to_dict() == {2: 291, 3: 213, 1: 77}
    assert "degurba_l2" not in found


def test_level2_of_581_belgian_municipalities_and_their_level1_from_it(belgium, level2, shared_golden):
    rasters, units = belgium
    golden = pd.read_csv(shared_golden / "degurba" / "units_L2_exactextract_1km_documented_rule.csv")
    golden["expected"] = 4 - golden["flexurba_L1"].astype(int)
    found = classify_units(rasters[0], units, level2=level2, land=rasters[1])
    table = _compare(found, units, golden, {"degurba_l2": "flexurba_L2_documented_rule", "degurba_l1": "expected"})
    # The golden sums are short by up to 26 people in four units.
    short = table["population"] - table["Tot_Pop"]
    assert (short.round(2) > 0).sum() == 4
    assert short.max() < 27
    table = table[short < 0.01]
    for ours, theirs in {
        "share_urban_centre": "UCentre",
        "share_suburban": "SUrb",
        "share_rural_cluster": "RC",
    }.items():
        np.testing.assert_allclose(table[ours], table[f"{theirs}_share"].fillna(0), atol=1e-6)
    empty = table.set_index("UID").loc[73028]
    assert (empty["population"], empty["degurba_basis"]) == (0, "land_area")


def test_the_two_routes_to_level1_differ_in_four_municipalities(belgium, level2):
    rasters, units = belgium
    nested = classify_units(rasters[0], units, level2=level2, land=rasters[1])
    direct = classify_units(rasters[0], units, level1=_grid(rasters, 1), level2=level2, land=rasters[1])
    differing = units.loc[nested["degurba_l1"] != direct["degurba_l1"], "UID"].astype(int)
    assert set(differing) == {13019, 35006, 36012, 55050}
    city = nested["degurba_l1"] == 1
    assert (nested["degurba_l2"][city] == 30).all()
    assert nested["degurba_l2"][nested["degurba_l1"] == 2].isin([23, 22, 21]).all()
    assert nested["degurba_l2"][nested["degurba_l1"] == 3].isin([13, 12, 11]).all()


def test_people_of_belgium_are_conserved(belgium, level2):
    rasters, units = belgium
    found = classify_units(rasters[0], units, level2=level2, land=rasters[1])
    outside = layer(box(*rasters[0].grid.bounds).difference(units.union_all()))
    rest = classify_units(rasters[0], outside.set_crs(units.crs, allow_override=True), level2=level2, land=rasters[1])
    total = np.nansum(rasters[0].read(rasters[0].grid.window).astype(float))
    assert found["population"].sum() + rest["population"].sum() == pytest.approx(total, rel=1e-9)


# --- rules on shares -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("centre", "rural", "expected"),
    [
        (0.5, 0.5, 1),
        (np.nextafter(0.5, 0), 0.5, 2),
        (0.0, 0.5, 2),
        (0.0, np.nextafter(0.5, 1), 3),
        (0.0, 0.0, 2),
        (1.0, 0.0, 1),
    ],
)
def test_level1_at_exactly_half(centre, rural, expected):
    assert unit_level1(np.array([centre]), np.array([rural])).tolist() == [expected]


@pytest.mark.parametrize(
    ("shares", "level1", "by_2024", "by_2021"),
    [
        ({30: 0.6, 11: 0.4}, 1, 30, 30),
        ({23: 0.5, 21: 0.5}, 2, 23, 21),
        ({30: 0.3, 23: 0.2, 21: 0.5}, 2, 23, 21),
        ({23: 0.3, 22: 0.2, 21: 0.5}, 2, 21, 21),
        ({23: 0.3, 22: 0.3, 21: 0.4}, 2, 22, 23),
        ({22: 0.6, 21: 0.4}, 2, 22, 22),
        ({22: 0.5, 21: 0.1, 13: 0.4}, 2, 21, 22),
        ({22: 0.51, 21: 0.1, 13: 0.39}, 2, 22, 22),
        ({}, 2, 22, 21),
        ({13: 0.5, 11: 0.5}, 3, 13, 13),
        ({21: 0.3, 13: 0.2, 11: 0.5}, 3, 13, 11),
        ({13: 0.4, 11: 0.5, 12: 0.1}, 3, 11, 11),
        ({13: 0.4, 12: 0.3, 11: 0.3}, 3, 12, 13),
        ({12: 0.6, 11: 0.4}, 3, 12, 12),
        ({12: 0.5, 11: 0.5}, 3, 11, 12),
        ({13: 0.35, 12: 0.35, 11: 0.3}, 3, 12, 13),
    ],
)
def test_level2_of_made_shares(shares, level1, by_2024, by_2021):
    arrays = {code: np.array([shares.get(code, 0.0)]) for code in CODES}
    for version, expected in (("2024", by_2024), ("2021", by_2021)):
        assert unit_level2(arrays, np.array([level1]), rules_version=version).tolist() == [expected]


def test_unknown_rules_are_refused():
    with pytest.raises(UsageError, match="unknown rules '2022'"):
        unit_level2({code: np.zeros(1) for code in CODES}, np.array([1]), rules_version="2022")


# --- units on made grids -------------------------------------------------------------------------


def test_half_in_the_centre_is_a_city_however_the_cells_are_cut():
    people = source([[100.0, 100.0]])
    classes = source([[30.0, 11.0]])
    units = layer(box(0, 0, 2000, 1000), box(500, 0, 1500, 1000), box(0, 0, 1000, 1000), box(501, 0, 1500, 1000))
    found = classify_units(people, units, level2=classes)
    assert found["share_urban_centre"].tolist() == pytest.approx([0.5, 0.5, 1.0, 499 / 999])
    assert found["degurba_l1"].tolist() == [1, 1, 1, 3]
    assert found["population"].tolist() == pytest.approx([200, 100, 100, 99.9])


def test_units_without_people_are_classed_by_land_and_say_so():
    people, classes = source([[0.0, 0.0, NAN]]), source([[13.0, 11.0, 11.0]])
    unit = layer(box(0, 0, 3000, 1000))
    by_cells = classify_units(people, unit, level2=classes)
    assert by_cells.loc[0, ["population", "degurba_l2", "degurba_basis"]].tolist() == [0.0, 11, "land_area"]
    assert by_cells.loc[0, "share_rural_cluster"] == pytest.approx(1 / 3)
    by_land = classify_units(people, unit, level2=classes, land=source([[1e6, 3e5, 2e5]]))
    assert by_land.loc[0, ["degurba_l2", "degurba_basis"]].tolist() == [13, "land_area"]
    assert by_land.loc[0, "share_rural_cluster"] == pytest.approx(2 / 3)


def test_unit_off_the_grid_or_without_classes_is_unknown_and_not_none():
    people, classes = source([[5.0, 0.0]]), source([[11.0, NAN]])
    found = classify_units(people, layer(box(5000, 0, 6000, 1000), box(1000, 0, 2000, 1000)), level2=classes)
    assert found["population"].isna().tolist() == [True, False]
    assert found["coverage_share"].tolist() == [0.0, 1.0]
    for name in found.columns[found.columns.str.startswith(("share_", "degurba_"))]:
        assert found[name].isna().all(), name


def test_unit_partly_outside_counts_what_is_known_and_says_how_much():
    found = classify_units(source([[80.0, 20.0]]), layer(box(1500, 0, 3500, 1000)), level2=source([[30.0, 11.0]]))
    assert found.loc[0, ["population", "coverage_share", "degurba_l2"]].tolist() == [10.0, 0.25, 11]


def test_unit_smaller_than_a_cell_is_flagged_and_takes_its_part():
    found = classify_units(
        source([[80.0, 20.0]]), layer(box(900, 0, 1100, 500), box(0, 0, 2000, 1000)), level2=source([[30.0, 11.0]])
    )
    assert found["smaller_than_cell"].tolist() == [True, False]
    assert found.loc[0, "population"] == pytest.approx(0.05 * 80 + 0.05 * 20)
    assert found.loc[0, "share_urban_centre"] == pytest.approx(0.8)


def test_people_in_cells_without_class_are_in_no_share():
    found = classify_units(source([[60.0, 40.0]]), layer(box(0, 0, 2000, 1000)), level2=source([[NAN, 30.0]]))
    shares = found.filter(like="share_").iloc[0]
    assert shares.sum() == pytest.approx(0.4)
    assert found.loc[0, "degurba_l1"] == 2  # neither half in centres nor more than half in rural cells


def test_overlapping_and_repeated_units_count_in_full_each():
    unit = box(0, 0, 2000, 1000)
    found = classify_units(source([[80.0, 20.0]]), layer(unit, unit, index=["a", "b"]), level2=source([[30.0, 11.0]]))
    assert found.loc["a"].equals(found.loc["b"])
    assert found.loc["b", "population"] == 100


def test_index_and_order_of_the_units_are_kept():
    people, classes = source(np.arange(16.0).reshape(4, 4)), source(np.full((4, 4), 11.0))
    units = layer(*(box(x, 0, x + 1000, 4000) for x in (2000, 0, 3000)), index=["002", "7", "001"])
    found = classify_units(people, units, level2=classes)
    assert found.index.tolist() == ["002", "7", "001"]
    assert found["population"].tolist() == [32.0, 24.0, 36.0]


def test_level1_grid_alone_has_its_own_shares():
    found = classify_units(source([[60.0, 40.0]]), layer(box(0, 0, 2000, 1000)), level1=source([[2.0, 1.0]]))
    assert found.loc[0, ["degurba_l1", "share_urban_cluster", "share_rural"]].tolist() == [2, 0.6, 0.4]
    assert "degurba_l2" not in found


def test_what_does_not_fit_is_refused():
    people, classes = source([[1.0, 1.0]]), source([[30.0, 11.0]])
    unit = layer(box(0, 0, 2000, 1000))
    with pytest.raises(UsageError, match="no class grid"):
        classify_units(people, unit)
    with pytest.raises(CRSError, match="differ"):
        classify_units(people, unit.to_crs("EPSG:3035"), level2=classes)
    with pytest.raises(GridError, match="not aligned"):
        classify_units(people, unit, level2=source([[30.0], [11.0]]))


@st.composite
def cities(draw):
    """Draw people with nodata and classes, and a partition of the grid into units that cut cells."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    people = rng.choice([0.0, 1.5, 700.0, NAN], shape) * rng.random(shape)
    classes = rng.choice([*map(float, CODES), NAN], shape)
    xs = np.unique(np.concatenate([[0, shape[1] * 1000], rng.uniform(0, shape[1] * 1000, 3)]))
    ys = np.unique(np.concatenate([[0, shape[0] * 1000], rng.uniform(0, shape[0] * 1000, 2)]))
    units = [box(*pair) for pair in _boxes(xs, ys)]
    return people, classes, layer(*units)


def _boxes(xs, ys):
    for left, right in pairwise(xs):
        for bottom, top in pairwise(ys):
            yield left, bottom, right, top


@settings(max_examples=40)
@given(cities())
def test_units_that_fill_the_grid_hold_all_its_people_and_shares_add_up(drawn):
    people, classes, units = drawn
    found = classify_units(source(people), units, level2=source(classes))
    total = np.nansum(people)
    assert found["population"].sum() == pytest.approx(total, rel=1e-9, abs=1e-9)
    shares = found.filter(like="share_")
    lived_in = found["degurba_basis"] == "population"
    in_classes = (shares.sum(axis=1) * found["population"])[lived_in].sum()
    assert in_classes == pytest.approx(np.nansum(people[~np.isnan(classes)]), rel=1e-9, abs=1e-9)
    assert ((shares >= 0) & (shares <= 1 + 1e-12) | shares.isna()).all(axis=None)


# --- people in centres ---------------------------------------------------------------------------


def test_people_in_centres_add_up_to_the_centres():
    people = source(np.arange(16.0).reshape(4, 4))
    units = layer(box(0, 0, 1500, 4000), box(1500, 0, 4000, 4000), index=["b", "a"])
    centres = layer(box(1000, 1000, 3000, 3000), box(0, 0, 1000, 1000), index=["UC1", "UC2"])
    pairs = people_in_centres(people, units, centres)
    assert pairs[["unit_id", "centre_id"]].to_numpy().tolist() == [["a", "UC1"], ["b", "UC1"], ["b", "UC2"]]
    assert pairs["population"].tolist() == pytest.approx([23.0, 7.0, 12.0])


def test_neighbours_and_no_centres_give_no_pairs():
    people = source(np.ones((2, 2)))
    units = layer(box(0, 0, 1000, 2000), index=["a"])
    beside = layer(box(1000, 0, 2000, 2000), index=["UC"])
    for centres in (beside, beside.iloc[:0]):
        pairs = people_in_centres(people, units, centres)
        assert pairs.columns.tolist() == ["unit_id", "centre_id", "population"]
        assert pairs.empty
