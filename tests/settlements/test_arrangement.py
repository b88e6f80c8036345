import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.settlements.arrangement import (
    nearest_neighbours,
    orientation_entropy,
    tessellation_arrangement,
    zone_arrangement,
    zone_members,
)
from geo_profiling.settlements.form import building_form, prepare_footprints
from geo_profiling.settlements.neighbourhood import neighbourhood_form
from geo_profiling.settlements.tessellation import tessellation_cells

CRS = "EPSG:32638"
X, Y = 250_000.0, 1_230_000.0

BUILDING_GOLDEN = {
    "nn_edge_m": "nn_edge_m",
    "nn_centroid_m": "nn_centroid_m",
    "tess_area_m2": "tessellation_area_m2",
    "tess_cov": "tessellation_coverage_share",
    "neighbours": "n_neighbours",
    "alignment": "alignment_deg",
    "cell_align": "cell_alignment_deg",
    "nbr_dist": "neighbour_distance_m",
}
ZONE_GOLDEN = {
    "nnd_mean_zone": "nn_centroid_mean_m",
    "nnindex": "nearest_neighbour_index",
    "nn_edge_median": "nn_edge_median_m",
    "orient_entropy_nats": "orientation_entropy_filled_nats",
    "orient_order_boeing": "orientation_order_filled",
    "compact_mean": "ipq_compactness_mean",
}


def town(n, seed=0):
    """Return n huts at random places, turned at random."""
    rng = np.random.default_rng(seed)
    huts = [
        shapely.affinity.rotate(box(x, y, x + w, y + 5), angle)
        for x, y, w, angle in zip(
            *rng.uniform(0, 15 * np.sqrt(n), (2, n)), rng.uniform(4, 12, n), rng.uniform(0, 180, n), strict=True
        )
    ]
    moved = [shapely.affinity.translate(hut, X, Y) for hut in huts]
    return gpd.GeoDataFrame(geometry=moved, crs=CRS)


@pytest.fixture(scope="module")
def alisabieh(shared_data, shared_golden):
    buildings = gpd.read_file(shared_data / "djibouti/alisabieh_buildings.geojson").to_crs(CRS)
    blocks = gpd.read_file(shared_data / "djibouti/alisabieh_blocks.gpkg", layer="blocks").to_crs(CRS)
    footprints, _ = prepare_footprints(buildings)
    form = building_form(footprints).join(nearest_neighbours(footprints))
    golden = pd.read_csv(shared_golden / "morphology/expected_building_metrics.csv").set_index("osm_id")
    zones = pd.read_csv(shared_golden / "morphology/expected_zone_metrics.csv").set_index("block_id")
    return footprints, form, blocks.set_index("block_id"), golden.loc[footprints["osm_id"].astype(int)], zones


@pytest.fixture(scope="module")
def tessellated(alisabieh):
    footprints, form, blocks, *_ = alisabieh
    cells, findings = tessellation_cells(footprints, blocks.geometry.union_all())
    assert findings == []
    return form.join(tessellation_arrangement(footprints, cells, form))


@pytest.mark.parametrize("column", BUILDING_GOLDEN)
def test_equals_momepy_on_3855_buildings(alisabieh, tessellated, column):
    found = tessellated[BUILDING_GOLDEN[column]].to_numpy(np.float64)
    np.testing.assert_allclose(found, alisabieh[3][column].to_numpy(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("column", ZONE_GOLDEN)
def test_equals_the_golden_blocks(alisabieh, column):
    footprints, form, blocks, _, golden = alisabieh
    found = zone_arrangement(blocks, footprints, form).loc[golden.index, ZONE_GOLDEN[column]]
    np.testing.assert_allclose(found, golden[column], rtol=0, atol=1e-6)


def test_entropy_is_null_below_ten_buildings(alisabieh):
    footprints, form, blocks, _, golden = alisabieh
    found = zone_arrangement(blocks, footprints, form).loc[golden.index]
    assert (found["orientation_order"].isna() == (golden["n"] < 10)).all()


def test_entropy_of_even_directions_is_highest():
    even = orientation_entropy(np.arange(0, 180, 10.0), np.zeros(18, dtype=np.int64), 2)
    assert even["orientation_entropy_nats"][0] == pytest.approx(np.log(36))
    assert even["orientation_order"][0] == pytest.approx(0, abs=1e-3)
    assert even.iloc[1].isna().all()


def test_touching_and_single_buildings():
    row = gpd.GeoDataFrame(geometry=[box(X, Y, X + 4, Y + 4), box(X + 4, Y, X + 8, Y + 4)], crs=CRS, index=[7, 3])
    found = nearest_neighbours(row)
    assert found.index.tolist() == [7, 3]
    assert found["nn_edge_m"].tolist() == [0, 0]
    assert nearest_neighbours(row.iloc[:1]).isna().all(axis=None)


def test_nearest_neighbour_stays_in_its_zone():
    huts = gpd.GeoDataFrame(geometry=[box(X + x, Y, X + x + 4, Y + 4) for x in (0, 30, 96, 102)], crs=CRS)
    zones = gpd.GeoDataFrame(geometry=[box(X, Y, X + 100, Y + 9), box(X + 100, Y, X + 200, Y + 9)], crs=CRS)
    form = building_form(huts).join(nearest_neighbours(huts))
    found = zone_arrangement(zones, huts, form)
    # the third hut is 6 m from the fourth, but that is in the other zone
    assert found["nn_centroid_mean_m"][0] == pytest.approx((30 + 30 + 66) / 3)
    assert np.isnan(found["nearest_neighbour_index"][1])
    assert found["nn_edge_median_m"][1] == 2.0


def test_a_building_belongs_to_every_zone_that_overlaps():
    huts = gpd.GeoDataFrame(geometry=[box(X, Y, X + 4, Y + 4)], crs=CRS)
    zone, building = zone_members(gpd.GeoDataFrame(geometry=[box(X, Y, X + 9, Y + 9)] * 2, crs=CRS), huts)
    assert (zone.tolist(), building.tolist()) == ([0, 1], [0, 0])
    with pytest.raises(CRSError, match="differ"):
        zone_members(gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs="EPSG:32637"), huts)


def test_measures_of_other_buildings_are_refused():
    huts = town(5)
    with pytest.raises(InputError, match="same index"):
        zone_arrangement(huts, huts, pd.DataFrame(index=range(4)))
    with pytest.raises(InputError, match="same index"):
        neighbourhood_form(huts, pd.DataFrame(index=range(4)))
    with pytest.raises(UsageError, match="holds nothing"):
        neighbourhood_form(huts, building_form(huts), radius_m=0)


def test_tessellation_divides_the_ground():
    huts = town(60)
    huts = huts[~huts.index.isin(huts.sindex.query(huts.geometry, predicate="overlaps")[0])]
    limit = box(X - 20, Y - 20, X + 160, Y + 160)
    cells, findings = tessellation_cells(huts, limit)
    assert findings == []
    assert cells.area.sum() == pytest.approx(limit.area, rel=1e-9)
    # drawn in by 0.4 m, so a border runs between huts that nearly touch
    assert (cells.intersection(huts.geometry).area > 0.9 * huts.area).all()


def test_tessellation_keeps_thin_buildings_and_names_those_outside():
    wall = gpd.GeoDataFrame(
        geometry=[box(X, Y, X + 9, Y + 0.5), box(X, Y + 9, X + 9, Y + 15), box(X + 500, Y, X + 510, Y + 9)], crs=CRS
    )
    cells, findings = tessellation_cells(wall, box(X - 5, Y - 5, X + 20, Y + 20))
    assert cells.isna().tolist() == [False, False, True]
    assert [finding.severity for finding in findings] == ["note", "warning"]
    form = building_form(wall)
    found = tessellation_arrangement(wall, cells, form)
    assert found["n_neighbours"].isna().tolist() == [False, False, True]
    assert found["neighbour_distance_m"].tolist()[:2] == [8.5, 8.5]


def test_order_of_rows_does_not_show_in_the_tessellation():
    huts = town(40, seed=3)
    limit = box(X - 20, Y - 20, X + 140, Y + 140)
    cells, _ = tessellation_cells(huts, limit)
    mixed = huts.sample(frac=1, random_state=1)
    again, _ = tessellation_cells(mixed, limit)
    assert (shapely.to_wkb(again.loc[huts.index].to_numpy()) == shapely.to_wkb(cells.to_numpy())).all()


def plain_neighbourhood(points, area, azimuth, at, radius):
    """Return the measures of one building, read straight from the definition."""
    near = np.hypot(*(points - points[at]).T) <= radius
    apart = np.abs(azimuth[near] - azimuth[at]) % 90
    apart = np.minimum(apart, 90 - apart)
    alignment = apart.sum() / (near.sum() - 1) if near.sum() > 1 else np.nan
    return near.sum(), area[near].sum(), (area[near] < 60).mean(), alignment


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 80), st.integers(0, 5), st.sampled_from([10.0, 50.0, 400.0]))
def test_neighbourhood_equals_the_plain_reading(n, seed, radius):
    huts = town(n, seed)
    form = building_form(huts)
    found = neighbourhood_form(huts, form, radius_m=radius)
    points = shapely.get_coordinates(huts.centroid.to_numpy())
    for at in range(n):
        plain = plain_neighbourhood(points, form["area_m2"].to_numpy(), form["azimuth_deg"].to_numpy(), at, radius)
        assert found.iloc[at, :4].tolist() == pytest.approx(plain, nan_ok=True, rel=1e-9, abs=1e-9)
    assert (found["orientation_disorder"].isna() == (found["n_around"] < 10)).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.floats(0, 360), st.floats(-1000, 1000))
def test_a_turned_or_shifted_city_has_the_same_neighbourhoods(seed, turn, shift):
    huts = town(60, seed)
    moved = huts.set_geometry(huts.rotate(turn, origin=(X, Y)).translate(shift, -shift))
    before, after = (neighbourhood_form(city, building_form(city)) for city in (huts, moved))
    # a hut at exactly the radius may fall on either side after the turn, which rounding decides
    same = (before["n_around"] == after["n_around"]).to_numpy()
    assert same.mean() > 0.9
    np.testing.assert_allclose(after["local_alignment_deg"][same], before["local_alignment_deg"][same], atol=2e-3)
    np.testing.assert_allclose(after["built_around_m2"][same], before["built_around_m2"][same], rtol=1e-6)


def test_a_regular_grid_has_no_disorder_however_it_is_turned():
    huts = gpd.GeoDataFrame(
        geometry=[box(X + 10 * i, Y + 10 * j, X + 10 * i + 8, Y + 10 * j + 4) for i in range(6) for j in range(6)],
        crs=CRS,
    )
    for turn in (0, 5, 17, 44.9, 45, 89):
        turned = huts.set_geometry(huts.rotate(turn, origin=(X, Y)))
        found = neighbourhood_form(turned, building_form(turned))
        assert found["orientation_disorder"].max() == 0
        assert found["local_alignment_deg"].max() < 2e-3


def test_order_of_rows_does_not_show_in_neighbourhoods():
    huts = town(200, seed=2)
    form = building_form(huts)
    mixed = huts.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(
        neighbourhood_form(mixed, form.loc[mixed.index]).loc[huts.index],
        neighbourhood_form(huts, form),
        check_exact=True,
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 60), st.integers(0, 50))
def test_nearest_neighbours_equal_all_pairs(n, seed):
    huts = town(n, seed)
    shapes = huts.geometry.to_numpy()
    points = shapely.centroid(shapes)
    for column, every in (("nn_edge_m", shapes), ("nn_centroid_m", points)):
        apart = shapely.distance(every[:, None], every[None])
        np.fill_diagonal(apart, np.inf)
        np.testing.assert_allclose(nearest_neighbours(huts)[column], apart.min(axis=1), atol=1e-8)


def test_buildings_at_one_spot():
    twice = gpd.GeoDataFrame(geometry=[box(X, Y, X + 4, Y + 4)] * 3, crs=CRS)
    assert nearest_neighbours(twice).eq(0).all(axis=None)


def test_tessellation_of_one_building_and_of_one_that_stands_twice():
    limit = box(X - 20, Y - 20, X + 40, Y + 20)
    hut = box(X, Y, X + 6, Y + 5)
    (alone,), _ = tessellation_cells(gpd.GeoDataFrame(geometry=[hut], crs=CRS), limit)
    assert alone.area == pytest.approx(limit.area)
    doubled = gpd.GeoDataFrame(geometry=[hut, hut, box(X + 20, Y, X + 26, Y + 5)], crs=CRS)
    cells, findings = tessellation_cells(doubled, limit)
    assert findings == []
    assert cells.area[0] == pytest.approx(cells.area[1], rel=0.05)
    assert cells.area[0] + cells.area[2] == pytest.approx(limit.area, rel=0.05)
