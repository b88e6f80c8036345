"""Ways on foot: known answers, and a second way to measure them by the book."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo_profiling.access.distance import access_shares, walking_distances
from geo_profiling.access.network import street_network
from geo_profiling.errors import CRSError, InputError, UsageError

UTM = "EPSG:32632"
#: Crossings of lines on the lattice of the tests may lie 4 mm apart.
FINE_SNAP_M = 1e-4


def layer(*shapes, index=None, crs=UTM, **fields) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(fields, geometry=list(shapes), index=index, crs=crs)


def line(*points) -> shapely.LineString:
    return shapely.LineString(points)


def points(*places, index=None) -> gpd.GeoDataFrame:
    return layer(*(shapely.Point(place) for place in places), index=index)


def way(streets, origin, *targets, **options) -> float:
    found = walking_distances(street_network(streets), points(origin), points(*targets), **options)
    return float(found["distance_m"].iloc[0])


CROSS = layer(line((0, 0), (200, 0)), line((100, -100), (100, 100)))


def test_the_way_is_to_the_street_along_it_and_from_it():
    assert way(CROSS, (10, 5), (105, 60)) == 5 + 90 + 60 + 5


def test_on_one_segment_people_walk_straight_to_the_target_and_not_over_its_ends():
    street = layer(line((0, 0), (1000, 0)))
    assert way(street, (400, 0), (430, 0)) == 30
    assert way(street, (430, 0), (400, 0)) == 30
    assert way(street, (400, 3), (400, -4)) == 7


def test_a_dead_end_and_a_block_are_walked_around():
    square = layer(line((0, 0), (100, 0), (100, 100), (0, 100), (0, 0)), line((100, 50), (300, 50)))
    assert way(square, (0, 50), (300, 50)) == 50 + 100 + 50 + 200
    # A dead end that stops 1 m before the street behind it.
    lane = layer(line((0, 0), (100, 0)), line((50, 0), (50, 99)), line((0, 100), (100, 100)), line((0, 0), (0, 100)))
    assert way(lane, (50, 99), (50, 100)) == 99 + 50 + 100 + 50


def test_directions_of_lines_count_for_nothing():
    one = layer(line((0, 0), (100, 0)), line((100, 100), (100, 0)), oneway=["yes", "yes"])
    assert way(one, (100, 100), (0, 0)) == way(one, (0, 0), (100, 100)) == 200


def test_the_nearest_target_is_named_and_of_equally_near_ones_the_smallest_id():
    network = street_network(layer(line((0, 0), (100, 0))))
    origins = points((50, 0), (80, 0), index=["h1", "h2"])
    for order in (["b", "a", "c"], ["c", "b", "a"]):
        targets = points((20, 0), (80, 0), (80, 0), index=["b", "a", "c"]).loc[order]
        found = walking_distances(network, origins, targets)
        assert found["distance_m"].to_dict() == {"h1": 30, "h2": 0}
        assert found["target_id"].to_dict() == {"h1": "a", "h2": "a"}


def test_what_is_not_reached_is_unknown_and_says_why():
    network = street_network(layer(line((0, 0), (1000, 0)), line((0, 500), (1000, 500))))
    origins = points((0, 0), (700, 0), (0, 500), (0, 250.5), (0, 199), index=list("abcde"))
    found = walking_distances(network, origins, points((0, 0)), max_snap_m=200, cutoff_m=600)
    assert found["status"].to_dict() == {
        "a": "reached", "b": "beyond", "c": "unconnected", "d": "no_street", "e": "reached",
    }  # fmt: skip
    assert found["distance_m"].isna().tolist() == [False, True, True, True, False]
    assert found["target_id"].tolist() == [0, None, None, None, 0]


def test_the_cutoff_and_the_snap_are_included():
    street = layer(line((0, 0), (1000, 0)))
    assert way(street, (0, 50), (500, 0), max_snap_m=50, cutoff_m=550) == 550
    assert math.isnan(way(street, (0, 50), (500, 0), max_snap_m=50, cutoff_m=549.999))
    assert math.isnan(way(street, (0, 50), (500, 0), max_snap_m=49.999))


def test_no_target_at_all_leaves_everything_unknown_and_not_0():
    network = street_network(CROSS)
    for targets in (points(), layer(None, shapely.Point())):
        found = walking_distances(network, points((1, 1), (9999, 0)), targets)
        assert found["distance_m"].isna().all()
        assert found["status"].tolist() == ["unconnected", "no_street"]
    assert len(walking_distances(network, points(), points((0, 0)))) == 0


def test_a_polygon_is_entered_wherever_a_street_comes_near_and_its_inside_is_at_0():
    network = street_network(layer(line((0, 0), (1000, 0)), line((1000, 0), (1000, 500))))
    park = layer(shapely.box(300, -50, 500, -5), index=["park"])
    origins = points((0, 0), (400, 0), (400, -20), (900, 0))
    found = walking_distances(network, origins, park, entrance_m=10)
    # The corner of the strip of 10 m around the park reaches farther along the street than the park.
    corner = math.sqrt(10**2 - 5**2)
    assert found["distance_m"].to_numpy() == pytest.approx([300 - corner, 0, 0, 400 - corner], abs=0.06)
    far = walking_distances(network, origins, park, entrance_m=4)
    # No street within 4 m: those up to 4 m (and 1 %) farther than the nearest lead into it, 5 m away.
    corner = math.sqrt(9.051**2 - 5**2)
    assert far["distance_m"].to_numpy() == pytest.approx([305 - corner, 5, 0, 405 - corner], abs=0.06)
    assert walking_distances(network, origins, park, entrance_m=4, max_snap_m=4)["distance_m"].notna().sum() == 1


def test_a_park_beside_a_street_is_entered_along_its_whole_side():
    network = street_network(layer(line((0, 0), (1000, 0))))
    park = layer(shapely.box(300, 20, 700, 400))
    found = walking_distances(network, points((310, 0), (500, 0), (690, 0)), park, entrance_m=0)
    assert found["distance_m"].tolist() == [20, 20, 20]


def test_a_polygon_crossed_by_streets_is_entered_at_its_edge_and_multipolygons_by_each_part():
    network = street_network(layer(line((0, 0), (1000, 0))))
    parts = layer(shapely.union_all([shapely.box(200, -5, 300, 5), shapely.box(700, -5, 900, 5)]), index=["p"])
    origins = points((0, 0), (450, 0), (250, 3), (1000, 0))
    found = walking_distances(network, origins, parts, entrance_m=0)
    assert found["distance_m"].tolist() == [200, 150, 0, 100]


def test_lines_are_boarded_anywhere_and_multipoints_at_any_point():
    network = street_network(layer(line((0, 0), (1000, 0))))
    route = layer(line((300, 2), (600, 2)), shapely.MultiPoint([(50, 0), (950, 0)]), index=["route", "gates"])
    found = walking_distances(network, points((450, 0), (40, 0), (990, 0)), route, entrance_m=2)
    assert found["distance_m"].tolist() == [0, 10, 40]
    assert found["target_id"].tolist() == ["route", "gates", "gates"]


def test_a_place_without_a_position_is_nowhere():
    network = street_network(CROSS)
    found = walking_distances(network, layer(None, shapely.Point(), shapely.Point(0, 0)), points((0, 0)))
    assert found["status"].tolist() == ["no_street", "no_street", "reached"]


def test_what_cannot_be_measured_is_refused():
    network = street_network(CROSS)
    homes, places = points((0, 0)), points((0, 0))
    with pytest.raises(InputError, match=r"origins, row 0 .*Polygon, not a point"):
        walking_distances(network, layer(shapely.box(0, 0, 1, 1)), places)
    with pytest.raises(CRSError, match="origins and streets"):
        walking_distances(network, homes.to_crs(4326), places)
    with pytest.raises(CRSError, match="clinics and streets"):
        walking_distances(network, homes, places.to_crs(4326), name="clinics")
    with pytest.raises(UsageError, match="'x' stands twice"):
        walking_distances(network, homes, points((0, 0), (1, 1), index=["x", "x"]))
    for option in ("max_snap_m", "cutoff_m", "entrance_m"):
        for value in (-1.0, math.nan, math.inf):
            with pytest.raises(UsageError, match=option):
                walking_distances(network, homes, places, **{option: value})


# --- a second way to measure ---------------------------------------------------------------------

LATTICE = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda point: (point[0] * 10.0, point[1] * 10.0))
LINES = st.lists(
    st.lists(LATTICE, min_size=2, max_size=4).filter(lambda points: len(set(points)) > 1).map(lambda p: line(*p)),
    min_size=1,
    max_size=6,
)
POINT = st.tuples(st.floats(-8, 58), st.floats(-8, 58))


def brute_distance(lines, origin, targets, max_snap_m: float) -> float | None:
    """Walk on a network that GEOS nodes, cut at the feet of all places, with Dijkstra's algorithm by the book."""
    noded = shapely.union_all(shapely.node(shapely.union_all(lines)))
    feet = []
    for place in [origin, *targets]:
        point = shapely.Point(place)
        foot = noded.interpolate(0) if noded.length == 0 else shapely.shortest_line(point, noded)
        feet.append(shapely.get_coordinates(foot)[1])
    snaps = [math.dist(place, foot) for place, foot in zip([origin, *targets], feet, strict=True)]
    graph = defaultdict(list)
    for part in shapely.get_parts(noded):
        coordinates = shapely.get_coordinates(part)
        for begin, end in pairwise(coordinates):
            piece = shapely.LineString([begin, end])
            on = [foot for foot in feet if piece.distance(shapely.Point(foot)) < 1e-6]
            stations = sorted([begin, *on, end], key=lambda point: math.dist(begin, point))
            for a, b in pairwise(stations):
                graph[_key(a)].append((_key(b), math.dist(a, b)))
                graph[_key(b)].append((_key(a), math.dist(a, b)))
    best = {_key(feet[0]): 0.0}
    queue = [(0.0, _key(feet[0]))]
    while queue:
        cost, node = heapq.heappop(queue)
        for other, length in graph[node]:
            if cost + length < best.get(other, math.inf):
                best[other] = cost + length
                heapq.heappush(queue, (cost + length, other))
    if snaps[0] > max_snap_m:
        return None
    ways = [
        snaps[0] + best[_key(foot)] + snap
        for foot, snap in zip(feet[1:], snaps[1:], strict=True)
        if snap <= max_snap_m and _key(foot) in best
    ]
    return min(ways, default=None)


def _key(point) -> tuple[float, float]:
    return (round(float(point[0]), 5), round(float(point[1]), 5))


@settings(max_examples=150)
@given(LINES, POINT, st.lists(POINT, min_size=1, max_size=4), st.sampled_from([3.0, 15.0, 500.0]))
def test_distances_are_those_of_dijkstras_algorithm_by_the_book(lines, origin, targets, max_snap_m):
    expected = brute_distance(lines, origin, targets, max_snap_m)
    near_limit = [abs(shapely.Point(p).distance(shapely.union_all(lines)) - max_snap_m) for p in (origin, *targets)]
    assume(min(near_limit) > 1e-3 and _one_nearest(lines, (origin, *targets)))
    network = street_network(layer(*lines), snap_m=FINE_SNAP_M)
    found = walking_distances(network, points(origin), points(*targets), max_snap_m=max_snap_m)["distance_m"].iloc[0]
    assert (None if math.isnan(found) else found) == (
        expected if expected is None else pytest.approx(expected, abs=1e-2)
    )


def _one_nearest(lines, places) -> bool:
    """Whether each place has one nearest point on the streets, and no other that is nearly as near."""
    noded = shapely.get_parts(shapely.union_all(lines))
    for place in places:
        legs = shapely.shortest_line(shapely.Point(place), noded)
        near = shapely.length(legs) < shapely.length(legs).min() + 1e-3
        feet = shapely.get_coordinates(legs[near])[1::2]
        if np.ptp(feet, axis=0).max() > 1e-6:
            return False
    return True


HOMES = [(3.1, 4.7), (22.4, 31.9), (48.2, 17.3), (35.7, 52.1)]


@settings(max_examples=60)
@given(LINES, st.floats(0, 360), st.randoms(use_true_random=False))
def test_nothing_changes_when_lines_are_shuffled_turned_reversed_cut_or_rotated(lines, angle, random):
    assume(_one_nearest(lines, HOMES))
    origins, targets = points(*HOMES), points((11.3, 8.8), (41.9, 44.2), index=["t1", "t2"])
    assume(_one_nearest(lines, [(11.3, 8.8), (41.9, 44.2)]))
    whole = walking_distances(street_network(layer(*lines), snap_m=FINE_SNAP_M), origins, targets)
    pieces = []
    for shape in lines:
        cut = shapely.segmentize(shape, random.choice([7.0, 1000.0]))
        coordinates = shapely.get_coordinates(cut)
        middle = random.randrange(1, len(coordinates)) if len(coordinates) > 2 else 1
        halves = [coordinates[: middle + 1], coordinates[middle:]]
        pieces += [shapely.LineString(half[:: random.choice([1, -1])]) for half in halves if len(half) > 1]
    random.shuffle(pieces)
    other = walking_distances(street_network(layer(*pieces), snap_m=FINE_SNAP_M), origins, targets)
    np.testing.assert_allclose(other["distance_m"], whole["distance_m"], atol=1e-2)
    assert other["status"].tolist() == whole["status"].tolist()

    def turned(frame):
        return frame.set_geometry(frame.geometry.map(lambda shape: affinity.rotate(shape, angle, origin=(0, 0))))

    network = street_network(turned(layer(*lines)), snap_m=FINE_SNAP_M)
    rotated = walking_distances(network, turned(origins), turned(targets))
    np.testing.assert_allclose(rotated["distance_m"], whole["distance_m"], atol=1e-2)


@settings(max_examples=40)
@given(LINES, st.lists(LATTICE, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_order_of_streets_and_targets_changes_no_bit(lines, targets, random):
    index = [f"t{number}" for number in range(len(targets))]
    origins = points(*[(x * 10.0, y * 10.0) for x in range(6) for y in range(6)])
    whole = walking_distances(street_network(layer(*lines)), origins, points(*targets, index=index))
    mixed = lines.copy()
    random.shuffle(mixed)
    random.shuffle(index)
    shuffled = points(*targets, index=sorted(index)).loc[index]
    pd.testing.assert_frame_equal(walking_distances(street_network(layer(*mixed)), origins, shuffled), whole)


# --- shares by area ------------------------------------------------------------------------------


def distances(*metres, status=None) -> pd.DataFrame:
    known = ["no_street" if math.isnan(value) else "reached" for value in metres]
    return pd.DataFrame({"distance_m": list(metres), "status": status or known})


def test_shares_and_medians_count_people_and_those_without_a_way_are_beyond_every_distance():
    table = distances(100, 400, 900, math.nan, 50, math.nan)
    areas = pd.Series(["a", "a", "a", "a", "b", None])
    people = pd.Series([10.0, 20, 30, 40, 0, 7])
    found = access_shares(table, areas, within_m=[400, 1000], weights=people)
    assert found.index.tolist() == ["a", "b"]
    assert found.loc["a"].to_dict() == pytest.approx(
        {
            "people": 100, "median_m": 900, "share_within_400m": 0.3, "share_within_1000m": 0.6,
            "share_no_street": 0.4, "share_unconnected": 0,
        }
    )  # fmt: skip
    assert found.loc["b", "people"] == 0
    assert found.loc["b"].drop("people").isna().all()


def test_the_median_is_unknown_where_fewer_than_half_reach_a_target():
    found = access_shares(distances(10, math.nan, math.nan), pd.Series(["a", "a", "a"]), within_m=[10])
    assert math.isnan(found.loc["a", "median_m"])
    assert found.loc["a", "share_within_10m"] == pytest.approx(1 / 3)
    half = access_shares(distances(10, math.nan), pd.Series(["a", "a"]), within_m=[10])
    assert half.loc["a", "median_m"] == 10


def test_shares_of_what_cannot_be_are_refused():
    table, areas = distances(1.0, 2.0), pd.Series(["a", "a"])
    with pytest.raises(UsageError, match="within_m"):
        access_shares(table, areas, within_m=[0])
    with pytest.raises(UsageError, match="one index"):
        access_shares(table, areas.iloc[:1], within_m=[1])
    with pytest.raises(InputError, match="1 are negative"):
        access_shares(table, areas, within_m=[1], weights=pd.Series([1.0, -1.0]))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 999), st.floats(0, 50)), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_order_of_homes_changes_no_bit_of_the_shares(rows, random):
    frame = pd.DataFrame(rows, columns=["area", "distance_m", "people"]).assign(status="reached")
    order = list(frame.index)
    random.shuffle(order)
    first, other = (
        access_shares(table[["distance_m", "status"]], table["area"], within_m=[300], weights=table["people"])
        for table in (frame, frame.loc[order])
    )
    pd.testing.assert_frame_equal(first, other, check_exact=True)
