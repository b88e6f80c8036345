import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geo_profiling.config.form import Candidates
from geo_profiling.errors import CRSError, InputError
from geo_profiling.settlements.candidates import building_scores, candidate_agreement, candidate_settlements
from geo_profiling.settlements.form import building_form
from geo_profiling.settlements.neighbourhood import neighbourhood_form

CRS = "EPSG:32638"
X, Y = 250_000.0, 1_230_000.0


def city(seed=0):
    """Return planned houses in the west and two crowds of turned huts in the east, a hundred metres apart."""
    rng = np.random.default_rng(seed)
    houses = [box(20 * i, 25 * j, 20 * i + 10, 25 * j + 12) for i in range(15) for j in range(10)]
    huts = [
        shapely.affinity.rotate(box(x + 9 * i, 9 * j, 6 + x + 9 * i, 5 + 9 * j), rng.uniform(0, 90))
        for x in (500, 800)
        for i in range(20)
        for j in range(15)
    ]
    shapes = [shapely.affinity.translate(shape, X, Y) for shape in houses + huts]
    return gpd.GeoDataFrame(geometry=shapes, crs=CRS)


def scored(footprints, **others):
    return building_scores(neighbourhood_form(footprints, building_form(footprints)), **others)


@pytest.fixture(scope="module")
def town():
    footprints = city()
    return footprints, scored(footprints)


def test_finds_both_crowds_and_no_houses(town):
    footprints, scores = town
    found = candidate_settlements(footprints, scores)
    assert len(found) == 2
    assert found["n_buildings"].sum() > 0.95 * 600
    assert not found.intersects(box(X, Y, X + 300, Y + 250)).any()
    assert found.is_valid.all()
    assert found["score"].between(0.6, 1).all()
    assert found["score_reach"].isna().all()
    assert found["mapped_share"].isna().all()


def test_score_is_the_mean_of_its_known_parts(town):
    _, scores = town
    parts = scores[["score_small", "score_dense", "score_irregular", "score_reach"]]
    assert parts.stack().dropna().between(0, 1).all()
    np.testing.assert_allclose(scores["score"], parts.mean(axis=1))
    assert (scores["n_parts"] == parts.notna().sum(axis=1)).all()


def test_distance_to_streets_is_a_fourth_part(town):
    footprints, _ = town
    near, far = (
        scored(footprints, street_distance_m=pd.Series(metres, index=footprints.index)) for metres in (5.0, 200.0)
    )
    assert near["score_reach"].eq(0).all()
    assert far["score_reach"].eq(1).all()
    assert (far["score"] > near["score"]).all()
    unknown = scored(footprints, street_distance_m=pd.Series(np.nan, index=footprints.index))
    assert unknown["score_reach"].isna().all()


def test_mapped_settlements_are_compared_and_left_alone(town):
    footprints, scores = town
    mapped = gpd.GeoDataFrame({"name": ["east"]}, geometry=[box(X + 790, Y - 20, X + 1000, Y + 200)], crs=CRS)
    before = mapped.copy()
    found = candidate_settlements(footprints, scores, mapped=mapped)
    pd.testing.assert_frame_equal(mapped, before)
    assert sorted(found["mapped_share"].round(6)) == [0, 1]
    agreement = candidate_agreement(found, mapped, footprints=footprints)
    inside = footprints.within(mapped.geometry[0]).sum()
    assert agreement.at["buildings", "mapped"] == inside
    assert agreement.at["buildings", "recall"] > 0.9
    assert agreement.at["buildings", "precision"] == pytest.approx(0.5, abs=0.05)


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 360), st.floats(-5000, 5000))
def test_a_turned_and_shifted_city_has_the_same_candidates(turn, shift):
    footprints = city(2)
    moved = footprints.set_geometry(footprints.rotate(turn, origin=(X, Y)).translate(shift, shift))
    before, after = (candidate_settlements(one, scored(one)) for one in (footprints, moved))
    assert sorted(after["n_buildings"]) == pytest.approx(sorted(before["n_buildings"]), abs=3)
    assert sorted(after["area_m2"]) == pytest.approx(sorted(before["area_m2"]), rel=0.02)


def test_order_of_rows_does_not_show(town):
    footprints, _ = town
    mixed = footprints.sample(frac=1, random_state=3)
    before, after = (candidate_settlements(one, scored(one)) for one in (footprints, mixed))
    pd.testing.assert_frame_equal(pd.DataFrame(after), pd.DataFrame(before), check_exact=True)


def test_nothing_found_is_an_empty_layer_with_its_fields(town):
    footprints, scores = town
    found = candidate_settlements(footprints, scores, rules=Candidates(min_buildings=10_000))
    assert len(found) == 0
    assert found.crs == footprints.crs
    assert {"candidate_id", "score", "score_reach", "mapped_share", "geometry"} <= set(found)
    empty = candidate_settlements(footprints.iloc[:0], scores.iloc[:0])
    assert len(empty) == 0
    agreement = candidate_agreement(found, footprints.iloc[:1])
    assert np.isnan(agreement.at["area", "precision"])
    assert agreement.at["area", "recall"] == 0


def test_small_gaps_are_filled_and_large_ones_stay():
    ring = [
        box(x, y, x + 6, y + 6)
        for x in range(0, 200, 10)
        for y in range(0, 200, 10)
        if not (60 <= x < 140 and 60 <= y < 140) and not (x == 20 and y == 20)
    ]
    huts = gpd.GeoDataFrame(geometry=[shapely.affinity.translate(hut, X, Y) for hut in ring], crs=CRS)
    scores = pd.DataFrame(
        1.0, index=huts.index, columns=["score_small", "score_dense", "score_irregular", "score_reach", "score"]
    )
    (found,) = candidate_settlements(huts, scores).geometry
    assert shapely.get_num_interior_rings(shapely.get_geometry(found, 0)) == 1


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 30), st.floats(1, 30))
def test_agreement_is_what_the_definition_says(start, width):
    one = gpd.GeoDataFrame(geometry=[box(0, 0, 20, 10)], crs=CRS)
    other = gpd.GeoDataFrame(geometry=[box(start, 0, start + width, 10)], crs=CRS)
    both = 10 * max(0.0, min(20, start + width) - start)
    row = candidate_agreement(one, other).loc["area"]
    assert row["both"] == pytest.approx(both, abs=1e-9)
    assert row["jaccard"] == pytest.approx(both / (200 + 10 * width - both), abs=1e-9)
    if both > 0:
        assert row["f1"] == pytest.approx(2 * row["precision"] * row["recall"] / (row["precision"] + row["recall"]))


def test_bad_input(town):
    footprints, scores = town
    with pytest.raises(InputError, match="index"):
        candidate_settlements(footprints, scores.iloc[::-1])
    with pytest.raises(InputError, match="lack n_around"):
        building_scores(pd.DataFrame(index=footprints.index))
    with pytest.raises(InputError, match="street distances"):
        scored(footprints, street_distance_m=pd.Series([1.0]))
    with pytest.raises(CRSError):
        candidate_settlements(footprints.to_crs("EPSG:4326"), scores)
    with pytest.raises(CRSError, match="differ"):
        candidate_agreement(footprints, footprints.to_crs("EPSG:32637"))


def test_agrees_with_itself_on_real_buildings(shared_data):
    buildings = gpd.read_file(shared_data / "lusaka/buildings_lusaka.geojson").to_crs("EPSG:32735")
    buildings = buildings[buildings.geom_type == "Polygon"].reset_index(drop=True)
    found = candidate_settlements(buildings, scored(buildings))
    assert len(found) > 0
    assert candidate_agreement(found, found).loc[
        "area", ["precision", "recall", "f1", "jaccard"]
    ].tolist() == pytest.approx([1] * 4)
