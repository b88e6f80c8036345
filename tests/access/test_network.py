"""Networks of streets: what meets, what does not, and what is told about it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.access.nearest import lattice_of, nearest_segments
from geo_profiling.access.network import local_streets, street_network
from geo_profiling.errors import CRSError, InputError, UsageError


def layer(*shapes, crs="EPSG:32632", **fields) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(fields, geometry=list(shapes), crs=crs)


def line(*points) -> shapely.LineString:
    return shapely.LineString(points)


CROSSING = (line((0, 0), (200, 0)), line((100, -100), (100, 100)))


def parts(network) -> int:
    return int(network.component.max()) + 1


def test_streets_that_cross_meet_unless_told_otherwise():
    assert parts(street_network(layer(*CROSSING))) == 1
    network = street_network(layer(*CROSSING), node_crossings=False)
    assert parts(network) == 2
    (finding,) = network.findings
    assert finding.severity == "warning"
    assert finding.message == (
        "streets that do not connect: 1 parts with 200 m of 400 m (50.0 %) are cut off from the longest part"
    )


def test_streets_that_share_a_vertex_meet_as_in_openstreetmap():
    shared = layer(line((0, 0), (100, 0), (200, 0)), line((100, -100), (100, 0), (100, 100)))
    network = street_network(shared, node_crossings=False)
    assert parts(network) == 1
    assert network.lengths_m.tolist() == [100.0] * 4


def test_a_street_that_ends_on_another_meets_it():
    ends = layer(line((0, 0), (200, 0)), line((100, 0.005), (100, 100)))
    for node_crossings in (True, False):
        assert parts(street_network(ends, node_crossings=node_crossings)) == 1
    assert parts(street_network(ends, snap_m=0.001)) == 2


@pytest.mark.parametrize(("level", "parts_expected"), [("1", 2), (1.0, 2), ("yes", 2), ("0", 1), ("no", 1), (None, 1)])
def test_a_bridge_crosses_without_meeting(level, parts_expected):
    network = street_network(layer(*CROSSING, bridge=[None, level]), bridge_field="bridge")
    assert parts(network) == parts_expected


def test_bridges_meet_streets_at_their_ends_and_each_other_on_one_level():
    over = layer(
        line((0, 0), (200, 0)),  # a street, on which the bridge comes down
        line((100, 0), (100, 300)),  # the bridge
        line((0, 150), (200, 150)),  # a street under it
        line((50, 250), (150, 250)),  # a second bridge, across it on its level
        line((100, 180), (200, 180)),  # a street that ends beneath the bridge
        layer_=["0", "1", "0", "1", "0"],
    )
    network = street_network(over, bridge_field="layer_")
    segments = network.segments()
    assert segments.groupby("component")["length_m"].sum().round(6).tolist() == [600.0, 200.0, 100.0]


def test_duplicates_overlaps_loops_and_lines_of_no_length_count_once_or_not():
    twice = layer(
        line((0, 0), (100, 0)),
        line((100, 0), (0, 0)),
        line((50, 0), (150, 0)),
        line((0, 0), (0, 10), (10, 10), (0, 0)),
        line((5, 5), (5, 5)),
        shapely.MultiLineString([[(150, 0), (160, 0)], [(160, 0), (170, 0)]]),
        None,
        shapely.LineString(),
    )
    network = street_network(twice)
    assert network.lengths_m.sum() == pytest.approx(170 + 20 + np.hypot(10, 10))
    assert parts(network) == 1
    (finding,) = network.findings
    assert (finding.place, finding.message) == ("row 6 (from 0)", "2 of 8 rows have no geometry; left out")


def test_dense_vertices_do_not_shrink_a_line_to_a_point():
    dense = layer(line(*((x * 0.005, 0.0) for x in range(2001))))
    network = street_network(dense, snap_m=0.01)
    assert np.ptp(network.nodes[:, 0]) == pytest.approx(10.0, abs=0.02)
    assert parts(network) == 1


def test_gaps_between_parts_are_closed_up_to_the_distance_and_told():
    gap = layer(line((0, 0), (100, 0)), line((103, 0), (200, 0)), line((150, 4), (150, 90)))
    assert parts(street_network(gap)) == 3
    assert parts(street_network(gap, gap_m=3)) == 2
    network = street_network(gap, gap_m=4)
    assert parts(network) == 1
    assert [finding.message for finding in network.findings] == [
        "3 dead ends linked to another part over gaps of 10.0 m in all"
    ]
    assert network.lengths_m.sum() == pytest.approx(100 + 97 + 86 + 3 + 4)


def test_components_are_numbered_by_their_metres():
    network = street_network(layer(line((0, 0), (10, 0)), line((0, 50), (99, 50)), line((0, 90), (20, 90))))
    metres = network.segments().groupby("component")["length_m"].sum()
    assert metres.tolist() == [99.0, 20.0, 10.0]


def test_streets_that_cannot_be_measured_are_refused():
    with pytest.raises(CRSError, match="not projected"):
        street_network(layer(line((4.0, 50.0), (4.1, 50.0)), crs="EPSG:4326"))
    with pytest.raises(CRSError, match="bends lengths by up to"):
        street_network(layer(line((2.8e5, 5.9e6), (2.9e5, 5.9e6)), crs="ESRI:54009"))
    with pytest.raises(CRSError, match="no coordinate reference system"):
        street_network(layer(*CROSSING, crs=None))
    with pytest.raises(InputError, match="has no line"):
        street_network(layer())
    with pytest.raises(InputError, match=r"row 1 .*Point, not a line \(1 such rows\)"):
        street_network(layer(*CROSSING[:1], shapely.Point(0, 0)))
    with pytest.raises(InputError, match="no line has a length"):
        street_network(layer(line((5, 5), (5, 5))))
    with pytest.raises(InputError, match="not a finite number"):
        street_network(layer(line((0, 0), (np.inf, 5))))
    with pytest.raises(InputError, match="no field 'bridge'"):
        street_network(layer(*CROSSING), bridge_field="bridge")
    for option in ("snap_m", "gap_m"):
        with pytest.raises(UsageError, match=option):
            street_network(layer(*CROSSING), **{option: -1.0})


def test_streets_move_to_their_own_utm_zone_or_to_the_one_named():
    streets = layer(line((36.8, -1.3), (36.9, -1.3)), crs="EPSG:4326")
    assert local_streets(streets, None).crs.to_string() == "EPSG:32737"
    assert local_streets(streets, "EPSG:21037").crs.to_string() == "EPSG:21037"
    with pytest.raises(InputError, match="no geometry"):
        local_streets(layer(None, crs="EPSG:4326"), None)


LATTICE = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda point: (point[0] * 10.0, point[1] * 10.0))
LINES = st.lists(
    st.lists(LATTICE, min_size=2, max_size=4).filter(lambda points: len(set(points)) > 1).map(lambda p: line(*p)),
    min_size=1,
    max_size=7,
)


@settings(max_examples=100)
@given(LINES, st.randoms(use_true_random=False))
def test_a_network_is_the_same_for_any_order_and_direction_of_its_lines(lines, random):
    first = street_network(layer(*lines))
    mixed = [shape if random.random() < 0.5 else shape.reverse() for shape in lines]
    random.shuffle(mixed)
    other = street_network(layer(*mixed))
    for name in ("nodes", "edges", "lengths_m", "component"):
        np.testing.assert_array_equal(getattr(other, name), getattr(first, name))


@settings(max_examples=100)
@given(LINES)
def test_metres_and_parts_are_those_of_the_union_that_geos_makes(lines):
    network = street_network(layer(*lines), snap_m=1e-4)
    union = shapely.union_all(lines)
    assert network.lengths_m.sum() == pytest.approx(union.length, abs=1e-2)
    touching = shapely.get_parts(shapely.union_all(shapely.buffer(lines, 1e-4)))
    assert parts(network) == len(touching)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(*[st.floats(-50, 50)] * 4).filter(lambda s: s[:2] != s[2:]), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=1, max_size=10),
    st.sampled_from([5.0, 60.0, 1000.0]),
)
def test_the_nearest_segment_is_the_nearest_of_all(segments, places, max_m):
    ends = np.array(segments)
    ends = ends[np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]) > 1e-3]
    if not len(ends):
        return
    edge, apart = nearest_segments(lattice_of(ends), np.array(places), max_m=max_m)
    lines = shapely.linestrings(ends.reshape(-1, 2, 2))
    for place, found, metres in zip(places, edge, apart, strict=True):
        every = shapely.distance(shapely.Point(place), lines)
        if found < 0:
            assert every.min() > max_m - 1e-9
        else:
            assert metres == pytest.approx(every.min(), abs=1e-6)
            assert every[found] == pytest.approx(every.min(), abs=1e-6)


def test_of_segments_that_share_the_nearest_point_the_first_is_taken():
    ends = np.array([[5.0, 0, 9, 0], [0, 0, 5, 0], [5, 0, 5, -9]])
    edge, _ = nearest_segments(lattice_of(ends), np.array([[5.0, 3.0], [np.nan, 0.0]]), max_m=10)
    assert edge.tolist() == [0, -1]


def test_a_line_of_many_vertices_is_held_against_itself_piece_by_piece():
    turns = np.linspace(0, 40 * np.pi, 4000)
    spiral = np.column_stack([turns * np.cos(turns), turns * np.sin(turns)])
    network = street_network(layer(shapely.LineString(spiral), line((-200, 0), (200, 0))))
    # The street crosses the spiral twice in each of its 20 rounds, but for the middle, where both begin.
    junctions = np.flatnonzero(np.diff(network.graph.indptr) > 2)
    assert len(junctions) in (39, 40, 41)
    assert parts(network) == 1
