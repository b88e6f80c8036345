import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from geo_profiling.errors import CRSError, InputError
from geo_profiling.settlements.form import building_form, overlapping_footprints, prepare_footprints

CRS = "EPSG:32638"
X, Y = 250_000.0, 1_230_000.0

#: Column of the golden table, and ours.
GOLDEN = {
    "area_m2": "area_m2",
    "perim_m": "perimeter_m",
    "fractal": "fractal_dimension",
    "circ_compact": "circular_compactness",
    "convexity": "convexity",
    "eri": "equivalent_rectangular_index",
    "elongation": "elongation_area_perimeter",
    "rectangularity": "rectangularity",
    "orientation": "orientation_deviation_deg",
    "corners": "corners",
    "squareness": "squareness_deg",
    "shape_index": "shape_index",
    "facade_ratio": "facade_ratio_m",
    "foot_shape": "circular_compactness",
    "foot_compact": "ipq_compactness",
    "mbr_long": "rectangle_long_m",
    "mbr_short": "rectangle_short_m",
    "mbr_azimuth": "azimuth_deg",
}


def layer(*shapes, crs=CRS, index=None):
    moved = [None if shape is None else shapely.affinity.translate(shape, X, Y) for shape in shapes]
    return gpd.GeoDataFrame(geometry=moved, crs=crs, index=index)


@pytest.fixture(scope="module")
def alisabieh(shared_data, shared_golden):
    buildings = gpd.read_file(shared_data / "djibouti/alisabieh_buildings.geojson").to_crs(CRS)
    footprints, _ = prepare_footprints(buildings)
    golden = pd.read_csv(shared_golden / "morphology/expected_building_metrics.csv").set_index("osm_id")
    golden = golden.loc[footprints["osm_id"].astype(int)]
    return building_form(footprints), golden


@pytest.mark.parametrize("column", GOLDEN)
def test_equals_momepy_on_3855_buildings(alisabieh, column):
    found, golden = alisabieh
    assert len(found) == 3855
    np.testing.assert_allclose(found[GOLDEN[column]], golden[column].to_numpy(), rtol=0, atol=1e-6)


def test_our_elongation_is_momepys_but_for_near_squares(alisabieh):
    found, golden = alisabieh
    apart = np.abs(found["elongation"].to_numpy() - golden["elongation"].to_numpy())
    assert 1e-6 < apart.max() < 1e-4


def test_known_shapes():
    # an L of 10 x 10 without a quarter, a rectangle of 8 x 2, a triangle
    ell = Polygon([(0, 0), (10, 0), (10, 5), (5, 5), (5, 10), (0, 10)])
    found = building_form(layer(ell, box(20, 0, 28, 2), Polygon([(40, 0), (46, 0), (40, 3)])))
    assert found["area_m2"].tolist() == [75.0, 16.0, 9.0]
    assert found["perimeter_m"].tolist()[:2] == [40.0, 20.0]
    assert found["corners"].tolist() == [6, 4, 3]
    assert found["squareness_deg"].tolist()[:2] == pytest.approx([0.0, 0.0], abs=1e-5)
    assert found["elongation"].tolist()[:2] == pytest.approx([1.0, 0.25])
    assert found["azimuth_deg"][1] == pytest.approx(90.0)
    assert found["convexity"][0] == pytest.approx(75 / 87.5)
    assert found["ipq_compactness"][1] == pytest.approx(4 * np.pi * 16 / 400)
    assert found["rectangularity"][1] == pytest.approx(1.0)


def test_unknown_is_null():
    # one square metre: ln A is 0; a ring of 72 sides has no corner
    found = building_form(layer(box(0, 0, 1, 1), shapely.Point(9, 9).buffer(3, quad_segs=18)))
    assert found["fractal_dimension"].isna().tolist() == [True, False]
    assert found["squareness_deg"].isna().tolist() == [False, True]
    assert found["corners"].tolist() == [4, 0]


def test_repeated_vertices_are_no_corners():
    plain = Polygon([(0, 0), (6, 0), (6, 4), (0, 4)])
    stuttering = Polygon([(0, 0), (6, 0), (6, 0), (6, 4), (3, 4), (3, 4), (0, 4), (0, 0)])
    found = building_form(layer(plain, stuttering))
    assert found["corners"].tolist() == [4, 4]


shapes = st.builds(
    lambda w, h, cut: Polygon([(0, 0), (w, 0), (w, h * cut), (w * cut, h * cut), (w * cut, h), (0, h)]),
    st.floats(3, 40),
    st.floats(3, 40),
    st.floats(0.2, 0.8),
)


OF_RECTANGLE = {
    "elongation", "equivalent_rectangular_index", "rectangularity", "rectangle_long_m", "rectangle_short_m"
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(shapes, st.floats(0, 90), st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_turning_and_moving_changes_no_shape(shape, turn, x, y):
    moved = shapely.affinity.translate(shapely.affinity.rotate(shape, turn, origin=(0, 0)), x, y)
    before, after = (building_form(layer(one)).iloc[0] for one in (shape, moved))
    for column in before.index.difference(["azimuth_deg", "orientation_deviation_deg", "elongation_area_perimeter"]):
        # GEOS finds the smallest rectangle at map coordinates, which costs up to a millimetre of its sides
        of_rectangle = column in OF_RECTANGLE
        assert after[column] == pytest.approx(before[column], rel=1e-3 if of_rectangle else 1e-5, abs=1e-5), column


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_ranges(shape):
    found = building_form(layer(shape)).iloc[0]
    for column in (
        "circular_compactness",
        "ipq_compactness",
        "rectangularity",
        "elongation",
        "convexity",
        "shape_index",
    ):
        assert 0 < found[column] <= 1 + 1e-9
    assert 0 <= found["azimuth_deg"] < 180
    assert 0 <= found["orientation_deviation_deg"] <= 45
    assert found["elongation"] == pytest.approx(found["rectangle_short_m"] / found["rectangle_long_m"])


def test_multipart_z_invalid_and_flat_are_findings():
    two = MultiPolygon([box(0, 0, 8, 5), box(10, 0, 14, 5)])
    high = shapely.force_3d(box(20, 0, 28, 5), 7.0)
    twisted = Polygon([(30, 0), (40, 0), (40, 10), (35, 0), (30, 10)])
    flat = box(50, 0, 50.001, 1)
    names = ["two", "high", "twisted", "flat", "none"]
    buildings = layer(two, high, twisted, flat, None, index=names).assign(floors=[1, 2, 3, 4, 5])
    footprints, findings = prepare_footprints(buildings, name="huts.gpkg")
    messages = [str(finding) for finding in findings]
    for word in ("2 buildings of several parts became 4", "have Z", "twisted", "no area", "building none"):
        assert any(word in message for message in messages), (word, messages)
    assert footprints["building_id"].value_counts()["two"] == 2
    assert footprints.query("building_id == 'two'")[["part", "floors"]].to_numpy().tolist() == [[0, 1], [1, 1]]
    assert not footprints.has_z.any()
    assert footprints.is_valid.all()
    assert not footprints["building_id"].isin(["flat", "none"]).any()


def test_overlaps_are_counted_and_kept():
    buildings = layer(box(0, 0, 10, 10), box(8, 0, 18, 10), box(18, 0, 20, 10), box(8, 0, 18, 10))
    footprints, findings = prepare_footprints(buildings)
    assert len(footprints) == 4
    (finding,) = findings
    assert "3 pairs of footprints overlap, 140.0 m2 in all" in finding.message
    pairs = overlapping_footprints(footprints)
    assert pairs[["first", "second", "overlap_m2", "share_of_smaller"]].to_numpy().tolist()[0] == [1, 3, 100, 1]


def test_degrees_equal_area_and_no_crs_are_refused():
    degrees = gpd.GeoDataFrame(geometry=[box(42.7, 11.1, 42.7001, 11.1001)], crs="EPSG:4326")
    with pytest.raises(CRSError, match="not projected"):
        prepare_footprints(degrees)
    with pytest.raises(CRSError):
        prepare_footprints(degrees.to_crs("ESRI:54009"))
    with pytest.raises(CRSError, match="no coordinate reference system"):
        prepare_footprints(gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)]))


def test_points_and_nothing_are_refused():
    with pytest.raises(InputError, match="building 0 is no polygon"):
        prepare_footprints(layer(shapely.Point(1, 1)))
    with pytest.raises(InputError, match="has no buildings"):
        prepare_footprints(layer())
    with pytest.raises(InputError, match="no single polygon"):
        building_form(layer(MultiPolygon([box(0, 0, 8, 5), box(10, 0, 14, 5)])))
