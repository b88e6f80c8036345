import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import box

from geo_profiling.config.form import Candidates, Informality, Ramp, SettlementPopulation
from geo_profiling.errors import CRSError, InputError
from geo_profiling.settlements.arrangement import nearest_neighbours
from geo_profiling.settlements.density import zone_density
from geo_profiling.settlements.form import building_form
from geo_profiling.settlements.informality import classify_cells, classify_measures, classify_settlements
from geo_profiling.settlements.neighbourhood import neighbourhood_form

CRS = "EPSG:32638"
X, Y = 250_000.0, 1_230_000.0


def measured(footprints):
    form = building_form(footprints)
    return form.join(nearest_neighbours(footprints)).join(neighbourhood_form(footprints, form))


def city(seed=0):
    """Return a planned quarter of large houses on a grid in the west, and a crowd of turned huts in the east."""
    rng = np.random.default_rng(seed)
    houses = [box(20 * i, 25 * j, 20 * i + 10, 25 * j + 12) for i in range(20) for j in range(12)]
    huts = [
        shapely.affinity.rotate(box(500 + 9 * i, 9 * j, 506 + 9 * i, 5 + 9 * j), rng.uniform(0, 90))
        for i in range(33)
        for j in range(33)
    ]
    shapes = [shapely.affinity.translate(shape, X, Y) for shape in houses + huts]
    return gpd.GeoDataFrame(geometry=shapes, crs=CRS)


@pytest.fixture(scope="module")
def town():
    footprints = city()
    return footprints, measured(footprints)


def test_huts_are_high_and_houses_low(town):
    footprints, measures = town
    grid = classify_cells(footprints, measures)
    west = grid.cells.centroid.x < X + 450
    assert (grid.cells.loc[west, "informality_class"] == 0).all()
    inner = grid.cells.within(box(X + 500, Y, X + 800, Y + 300))
    assert (grid.cells.loc[inner, "informality_class"] >= 1).sum() >= 8
    assert (grid.cells.loc[inner, "informality_class"] == 2).sum() >= 4
    assert grid.cells["n_buildings"].sum() == len(footprints)
    covered = (grid.cells["coverage_share"] * 1e4).sum()
    assert covered == pytest.approx(footprints.area.sum(), rel=2e-3)


def test_cells_lie_on_multiples_of_100_m_and_ids_say_where(town):
    footprints, measures = town
    cells = classify_cells(footprints, measures).cells
    assert (cells.bounds % 100 == 0).all(axis=None)
    assert cells["cell_id"].is_unique
    assert cells["cell_id"][0] == f"C_E{X / 100:.0f}_N{Y / 100:.0f}"


def test_given_thresholds_are_used_and_published(town):
    footprints, measures = town
    rules = Informality(
        building_area_m2=40, coverage_share=0.3, buildings_per_ha=80, local_alignment_deg=12, orientation_disorder=0.8
    )
    grid = classify_cells(footprints, measures, rules=rules)
    assert grid.thresholds["source"].eq("given").all()
    assert grid.thresholds["percentile"].isna().all()
    assert grid.thresholds["threshold"].tolist() == [40, 0.3, 80, 12, 0.8]
    for name, value in zip(grid.thresholds["measure"], grid.thresholds["threshold"], strict=True):
        assert (grid.cells[f"threshold_{name}"] == value).all()


def test_percentiles_count_cells_with_enough_buildings(town):
    footprints, measures = town
    grid = classify_cells(footprints, measures, rules=Informality(max_building_area_m2=1e6))
    counted = grid.cells[grid.cells["n_buildings"] >= 5]
    row = grid.thresholds.set_index("measure").loc["building_area_m2"]
    assert row["threshold"] == np.percentile(counted["building_area_m2"], 50)
    assert (row["source"], row["n_cells"]) == ("city percentile", len(counted))


def test_a_planned_city_has_no_informal_cells():
    houses = [box(20 * i, 25 * j, 20 * i + 10, 25 * j + 12) for i in range(30) for j in range(30)]
    planned = gpd.GeoDataFrame(geometry=[shapely.affinity.translate(one, X, Y) for one in houses], crs=CRS)
    grid = classify_cells(planned, measured(planned))
    assert (grid.cells["informality_class"].dropna() == 0).all()
    assert grid.thresholds["source"].eq("bound").sum() >= 3


def test_few_buildings_have_no_class():
    huts = gpd.GeoDataFrame(geometry=[box(X + 10 * i, Y, X + 10 * i + 4, Y + 4) for i in range(4)], crs=CRS)
    grid = classify_cells(huts, measured(huts))
    assert grid.cells[["is_small", "is_dense", "is_irregular", "informality_class"]].isna().all(axis=None)
    assert grid.thresholds["source"].eq("bound").all()


def test_unknown_disorder_leaves_it_to_misalignment():
    limits = classify_cells(*[(f := city()), measured(f)]).thresholds
    place = pd.DataFrame(
        {
            "building_area_m2": [1.0, 1.0, 1.0],
            "coverage_share": 1.0,
            "buildings_per_ha": 1e3,
            "local_alignment_deg": [44.0, 44.0, np.nan],
            "orientation_disorder": [np.nan, 0.0, 1.0],
        }
    )
    found = classify_measures(place, limits, is_known=pd.Series([True] * 3))
    assert found["is_irregular"].tolist()[:2] == [True, False]
    assert found["informality_class"].tolist()[:2] == [2, 1]
    assert found.loc[2, ["is_irregular", "informality_class"]].isna().all()


@settings(max_examples=8, deadline=None)
@given(st.integers(-20, 20), st.integers(-20, 20), st.randoms(use_true_random=False))
def test_shifting_by_cells_and_shuffling_change_nothing(east, north, random):
    footprints = city(1)
    order = list(range(len(footprints)))
    random.shuffle(order)
    moved = footprints.set_geometry(footprints.translate(100 * east, 100 * north)).iloc[order]
    before = classify_cells(footprints, measured(footprints))
    after = classify_cells(moved, measured(moved))
    columns = ["n_buildings", "is_small", "is_dense", "is_irregular", "informality_class"]
    shifted = after.cells.set_geometry(after.cells.translate(-100 * east, -100 * north))
    lookup = shifted.set_index(shifted.geometry.to_wkb())[columns]
    pd.testing.assert_frame_equal(
        lookup.loc[before.cells.geometry.to_wkb()].reset_index(drop=True), before.cells[columns], check_exact=True
    )
    np.testing.assert_allclose(after.thresholds["threshold"], before.thresholds["threshold"], rtol=1e-3)


def test_shuffling_alone_changes_no_bit(town):
    footprints, measures = town
    mixed = footprints.sample(frac=1, random_state=4)
    before, after = (
        classify_cells(footprints, measures).cells,
        classify_cells(mixed, measures.loc[mixed.index]).cells,
    )
    pd.testing.assert_frame_equal(pd.DataFrame(after), pd.DataFrame(before), check_exact=True)


def test_settlements_use_the_thresholds_of_the_city(town):
    footprints, measures = town
    grid = classify_cells(footprints, measures)
    mapped = gpd.GeoDataFrame(
        index=["planned", "slum", "nowhere"],
        geometry=[box(X, Y, X + 390, Y + 290), box(X + 500, Y, X + 800, Y + 300), box(X - 900, Y, X - 800, Y + 90)],
        crs=CRS,
    )
    found = classify_settlements(mapped, footprints, measures, zone_density(mapped, footprints), grid)
    assert found.loc[["planned", "slum"], "is_small"].tolist() == [False, True]
    assert found["informality_class"].tolist()[:2] == [0, 2]
    assert pd.isna(found.loc["nowhere", "informality_class"])
    assert found["share_in_high_cells"].iloc[0] == 0
    assert found["share_in_high_cells"].iloc[1] > 0.3
    assert np.isnan(found["share_in_high_cells"].iloc[2])
    assert found["threshold_building_area_m2"].nunique() == 1


def test_bad_input(town):
    footprints, measures = town
    with pytest.raises(InputError, match="lack nn_edge_m"):
        classify_cells(footprints, measures.drop(columns="nn_edge_m"))
    with pytest.raises(InputError, match="another index"):
        classify_cells(footprints, measures.iloc[::-1])
    with pytest.raises(InputError, match="no buildings"):
        classify_cells(footprints.iloc[:0], measures.iloc[:0])
    with pytest.raises(CRSError):
        classify_cells(footprints.to_crs("EPSG:4326"), measures)


@pytest.mark.parametrize(
    ("section", "values", "word"),
    [
        (Informality, {"small_percentile": 101}, "small_percentile"),
        (Informality, {"unknown": 1}, "unknown"),
        (Ramp, {"zero_at": 1.0, "one_at": 1.0}, "must differ"),
        (Candidates, {"radius_m": 0.0}, "radius_m"),
        (SettlementPopulation, {"prefer": ["gridded", "gridded"]}, "twice"),
        (SettlementPopulation, {"gridded_by_enumerated_low": 0.2}, "needs the ratio"),
        (SettlementPopulation, {"gridded_by_enumerated": 0.1, "gridded_by_enumerated_low": 0.2}, "within its range"),
    ],
)
def test_impossible_rules_are_refused(section, values, word):
    with pytest.raises(ValidationError, match=word):
        section(**values)
