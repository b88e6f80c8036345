"""Several hazards at once, risk classes, ratios, the environment: by hand, by brute force, odd input."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.hazard.environment import built_up_growth, fire_classes, ground_shares, people_beside
from geo_profiling.hazard.exposure import totals_by_band
from geo_profiling.hazard.kinds import HazardKind, kind
from geo_profiling.hazard.multi_hazard import composite_score, count_hazards, joint_exposure, joint_states
from geo_profiling.hazard.ratios import exposure_ratios
from geo_profiling.hazard.risk_classes import buffer_areas, class_areas, far_areas, totals_by_class
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

UTM = CRS("EPSG:32723")


def source(values: np.ndarray, cell: float, name: str, left: float = 0.0, top: float = 1000.0) -> ArraySource:
    return ArraySource(wrap(values, Grid(UTM, Affine(cell, 0, left, 0, -cell, top), values.shape)), name)


def zones_of(*shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=UTM)


def test_joint_people_are_those_on_the_joint_ground_of_different_grids() -> None:
    rng = np.random.default_rng(4)
    people = source(rng.gamma(1, 20, (10, 10)), 100.0, "people")
    flood = source(rng.choice([0.0, 1.0, np.nan], (7, 9)), 137.0, "flood", left=30.0, top=960.0)
    slope = source(rng.choice([3.0, 20.0], (20, 20)), 50.0, "slope")
    zones = zones_of(shapely.Point(400, 500).buffer(300), shapely.Point(700, 400).buffer(200))
    hazards = {"flood": (flood, kind("flood"), 0.5), "slope": (slope, kind("slope"), 15.0)}
    found = joint_exposure(people, hazards, zones)
    wide = found.pivot(index="zone", columns="hazards", values="value")
    # the margins are what each hazard gives by itself
    alone = {
        name: totals_by_band(people, [one], zones, kind=how).of(*how.exposed_bands(limit))[:, 0]
        for name, (one, how, limit) in hazards.items()
    }
    assert (wide["flood"] + wide["flood + slope"]).to_numpy() == pytest.approx(alone["flood"], rel=1e-9)
    assert (wide["slope"] + wide["flood + slope"]).to_numpy() == pytest.approx(alone["slope"], rel=1e-9)
    total = totals_by_band(people, [flood], zones, kind=kind("flood")).total[:, 0]
    assert wide.sum(axis=1).to_numpy() == pytest.approx(total, rel=1e-9)
    product = alone["flood"] * alone["slope"] / total
    assert np.abs(wide["flood + slope"].to_numpy() - product).max() > 1e-3


def test_the_order_of_hazards_does_not_matter() -> None:
    people = source(np.full((2, 2), 10.0), 100.0, "people")
    one, other = source(np.array([[1.0, 0], [0, 0]]), 100.0, "a"), source(np.array([[9.0, 9], [0, 0]]), 100.0, "b")
    zones = zones_of(shapely.box(0, 800, 200, 1000))
    how = kind("flood")
    hazards = {"a": (one, how, 0.5), "b": (other, how, 0.5)}
    first = joint_exposure(people, hazards, zones)
    pd.testing.assert_frame_equal(first, joint_exposure(people, dict(reversed(hazards.items())), zones))
    values = first.set_index("hazards")["value"]
    assert (values["none"], values["a"], values["b"], values["a + b"]) == (20.0, 0.0, 10.0, 10.0)


def test_more_than_six_hazards_are_refused() -> None:
    people = source(np.ones((1, 1)), 100.0, "people")
    with pytest.raises(UsageError, match="7 hazards"):
        joint_exposure(people, {str(k): (people, kind("flood"), 0.5) for k in range(7)}, zones_of())


def test_scores_are_made_on_request_alone() -> None:
    shares = pd.DataFrame({"flood": [0.2, np.nan], "slope": [0.4, 0.1]})
    assert composite_score(shares, {"flood": 1.0, "slope": 1.0}).tolist() == [
        pytest.approx(0.3),
        pytest.approx(np.nan, nan_ok=True),
    ]
    with pytest.raises(UsageError, match="fire"):
        composite_score(shares, {"fire": 1.0})
    with pytest.raises(UsageError, match="not above 0"):
        composite_score(shares, {"flood": 0.0})
    assert count_hazards(pd.DataFrame({"a": [np.nan]})).isna().all()


def sectors(*parts: tuple[str, shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"risk": [name for name, _ in parts]}, geometry=[shape for _, shape in parts], crs=UTM)


def test_overlapping_classes_are_refused_or_the_worst_wins_never_summed() -> None:
    layer = sectors(("R1", shapely.box(0, 0, 100, 100)), ("R4", shapely.box(50, 0, 150, 100)))
    with pytest.raises(InputError, match="1 pairs of polygons of different classes overlap"):
        class_areas(layer, class_field="risk", classes=["R1", "R4"])
    areas = class_areas(layer, class_field="risk", classes=["R1", "R4"], overlap="worst")
    assert areas.area.to_dict() == {"R1": 5000.0, "R4": 10000.0}


def test_classes_that_touch_or_repeat_are_no_overlap() -> None:
    layer = sectors(
        ("R1", shapely.box(0, 0, 100, 100)), ("R1", shapely.box(50, 0, 100, 100)), ("R2", shapely.box(100, 0, 200, 100))
    )
    assert class_areas(layer, class_field="risk", classes=["R1", "R2"]).area.tolist() == [10000.0, 10000.0]


def test_a_class_that_is_not_listed_is_refused() -> None:
    with pytest.raises(InputError, match="'risk' holds R9"):
        class_areas(sectors(("R9", shapely.box(0, 0, 1, 1))), class_field="risk", classes=["R1"])


def test_people_by_class_add_up() -> None:
    rng = np.random.default_rng(6)
    people = source(rng.gamma(1, 20, (10, 10)), 100.0, "people")
    shapes = [shapely.Point(x, y).buffer(80) for x, y in rng.uniform(0, 1000, (20, 2))]
    layer = sectors(*((f"R{k % 4 + 1}", shape) for k, shape in enumerate(shapes)))
    areas = class_areas(layer, class_field="risk", classes=["R1", "R2", "R3", "R4"], overlap="worst")
    zones = zones_of(shapely.box(0, 0, 500, 1000), shapely.box(500, 0, 1000, 1000), shapely.box(0, 0, 1000, 1000))
    table = totals_by_class(people, areas, zones)
    assert table[["R1", "R2", "R3", "R4", "none"]].sum(axis=1).to_numpy() == pytest.approx(table["total"].to_numpy())
    assert table.loc[2, "total"] == pytest.approx(float(people.read(people.grid.window).sum()))
    assert (table.loc[0] + table.loc[1]).to_numpy() == pytest.approx(table.loc[2].to_numpy(), rel=1e-9)


def test_buffers_are_rings_and_measured_in_metres() -> None:
    rail = gpd.GeoSeries([shapely.LineString([(0, 0), (1000, 0)])], crs=UTM)
    areas = buffer_areas(rail, within_m=[15.0, 30.0])
    assert areas["<=15"].intersection(areas["<=30"]).area == pytest.approx(0.0)
    assert areas.area.sum() == pytest.approx(60_000 + np.pi * 900, rel=1e-2)
    with pytest.raises(CRSError):
        buffer_areas(rail.set_crs(4326, allow_override=True), within_m=[15.0])


def test_ground_out_of_reach_is_what_no_distance_covers() -> None:
    around = shapely.box(0, 0, 400, 400)
    street = gpd.GeoSeries([shapely.LineString([(-200, 0), (600, 0)])], crs=UTM)
    areas = far_areas(street, beyond_m=[100.0, 50.0], around=around)
    assert areas.index.tolist() == [">50", ">100"]
    assert areas.area.to_numpy() == pytest.approx([20_000.0, 120_000.0])
    # without a street all is out of reach
    assert far_areas(street.iloc[:0], beyond_m=[50.0], around=around).area.tolist() == [160_000.0]


def test_ratios_are_of_disjoint_ground() -> None:
    found = exposure_ratios(
        [10.0, 0.0, 5.0], [20.0, 0.0, 10.0], [30.0, 8.0, 5.0], [120.0, 40.0, 10.0], low=1.0, high=3.0
    )
    assert found["ratio"].iloc[0] == pytest.approx(0.5 / 0.2)
    assert np.isnan(found["ratio"].iloc[1])
    assert np.isnan(found["rest_share"].iloc[2])
    assert found["exposed_in_settlements_share_high"].iloc[0] == pytest.approx(30 / 50)


def test_ground_and_people_beside_it() -> None:
    areas = gpd.GeoSeries([shapely.box(0, 0, 100, 100), shapely.box(500, 0, 600, 100)], crs=UTM)
    parks = gpd.GeoSeries([shapely.box(0, 0, 50, 50), shapely.box(25, 0, 50, 50)], crs=UTM)
    assert ground_shares(areas, parks).tolist() == [0.25, 0.0]
    people = source(np.full((10, 10), 4.0), 100.0, "people")
    ground = gpd.GeoSeries([shapely.box(0, 0, 1000, 100)], crs=UTM)
    assert people_beside(people, ground, within_m=0).loc[0].tolist() == pytest.approx([40.0, 0.0, 1.0])


def test_growth_is_told_inside_and_outside_hazardous_ground() -> None:
    before, after = source(np.array([[100.0, 0.0]]), 100.0, "1990"), source(np.array([[150.0, 20.0]]), 100.0, "2020")
    flood = source(np.array([[2.0, 0.0]]), 100.0, "flood")
    found = built_up_growth(
        before, after, flood, zones_of(shapely.box(0, 900, 200, 1000)), kind=HazardKind("f"), threshold=0.5
    )
    assert found["growth_hazardous"].iloc[0] == pytest.approx(0.5)
    assert np.isnan(found["growth_safe"].iloc[0])


def test_fire_without_a_known_wall_is_unknown() -> None:
    found = fire_classes(np.array([10.0, 90.0, np.nan]), np.array([0.6, 0.6, 0.6]), [None, True, False])
    assert found.isna().tolist() == [True, False, True]
    assert found[1] == 3
    with pytest.raises(UsageError, match="different buildings"):
        fire_classes(np.zeros(2), np.zeros(3))


def test_a_direction_below_exposes_what_is_under_the_threshold() -> None:
    people = source(np.full((1, 3), 10.0), 100.0, "people")
    reach = source(np.array([[0.5, 3.0, np.nan]]), 100.0, "reach")
    how = kind("sea_level")
    totals = totals_by_band(people, [reach], zones_of(shapely.box(0, 900, 300, 1000)), kind=how)
    assert totals.of(*how.exposed_bands(1.0))[0, 0] == 10.0
    assert totals.of("unknown")[0, 0] == 10.0


def test_polygons_and_rasters_are_overlaid_exactly_and_add_up() -> None:
    rng = np.random.default_rng(11)
    people = source(rng.gamma(1, 20, (10, 10)), 100.0, "people")
    flood = source(rng.choice([0.0, 1.0, np.nan], (7, 9)), 137.0, "flood", left=30.0, top=960.0)
    zones = zones_of(shapely.Point(400, 500).buffer(300), shapely.box(0, 0, 1000, 1000), shapely.box(0, 0, 40, 40))
    rail = gpd.GeoSeries([shapely.LineString([(0, 130), (1000, 770)]).buffer(30)], index=["met"], crs=UTM)
    sectors = shapely.union_all([shapely.Point(x, y).buffer(90) for x, y in rng.uniform(0, 1000, (9, 2))])
    away = shapely.difference(shapely.box(600, 0, 1000, 1000), sectors)
    risk = gpd.GeoSeries([sectors, away], index=["met", "unknown"], crs=UTM)
    hazards = {"rail": rail, "flood": (flood, kind("flood"), 0.5), "a risk": risk}
    states = joint_states(people, hazards, zones)
    total = totals_by_band(people, [flood], zones, kind=kind("flood")).total[:, 0]
    assert states.total == pytest.approx(total, rel=1e-9)
    wide = states.table().pivot(index="zone", columns="hazards", values="value")
    assert wide.sum(axis=1).to_numpy() == pytest.approx(total, rel=1e-9)
    # the polygons' ground cut out by hand, then the flood alone
    for name, ground in (
        ("a risk + flood + rail", sectors.intersection(rail.iloc[0])),
        ("a risk + flood", sectors.difference(rail.iloc[0])),
    ):
        cut = zones_of(*(shape.intersection(ground) for shape in zones.geometry[:2]))
        alone = totals_by_band(people, [flood], cut, kind=kind("flood")).of("0.5-1.5")[:, 0]
        assert wide[name].to_numpy()[:2] == pytest.approx(alone, rel=1e-9)
    again = joint_states(people, dict(reversed(hazards.items())), zones)
    assert np.array_equal(again.values, states.values)


def test_shares_of_any_hazard_lie_between_what_is_known_and_what_is_not() -> None:
    people = source(np.full((1, 4), 10.0), 100.0, "people")
    flood = source(np.array([[1.0, 0.0, np.nan, np.nan]]), 100.0, "flood")
    sector = gpd.GeoSeries([shapely.box(200, 900, 300, 1000)], index=["met"], crs=UTM)
    cells = [shapely.box(100 * k, 900, 100 * k + 100, 1000) for k in range(4)]
    states = joint_states(people, {"flood": (flood, kind("flood"), 0.5), "risk": sector}, zones_of(
        shapely.box(0, 900, 400, 1000), cells[3], shapely.box(5000, 900, 5100, 1000)
    ))  # fmt: skip
    both = states.any_share(["flood", "risk"])
    assert both.to_numpy()[0].tolist() == pytest.approx([0.5, 0.75])
    # of the flood alone nothing is known in the last cell; nobody lives off the grid
    assert states.any_share(["flood"]).to_numpy()[0].tolist() == pytest.approx([0.25, 0.75])
    assert states.any_share(["flood"]).iloc[1:].isna().all(axis=None)
    assert both.iloc[2].isna().all()
    with pytest.raises(UsageError, match="no joint exposure to heat"):
        states.any_share(["heat"])


def test_permanent_water_meets_no_flood() -> None:
    people = source(np.full((1, 4), 10.0), 100.0, "people")
    flood = source(np.array([[1.0, 1.0, np.nan, 0.0]]), 100.0, "flood")
    river = source(np.array([[0.0, 1.0, 5.0, np.nan]]), 100.0, "river")
    zone = zones_of(shapely.box(0, 900, 400, 1000))
    table = joint_exposure(people, {"flood": (flood, kind("flood"), 0.5)}, zone, water=river).set_index("hazards")
    assert table["value"].to_dict() == {"none": 30.0, "unknown": 0.0, "flood": 10.0}
