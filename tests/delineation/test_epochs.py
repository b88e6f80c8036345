"""Areas over time: every kind of change on a made case, growth, projection, and what must not matter."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import box

from geo_profiling.delineation.epochs import Epoch, follow_territories, link_epochs, overlap_shares
from geo_profiling.errors import CRSError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

KM = 1000.0


def strip(year: int, people=None, **spans) -> Epoch:
    """Areas on a strip 1 km wide, each from one kilometre to another; 1,000 people a km2 unless given."""
    boxes = [box(start * KM, 0, stop * KM, KM) for start, stop in spans.values()]
    areas = gpd.GeoDataFrame(index=list(spans), geometry=boxes, crs="ESRI:54009")
    areas["area_km2"] = areas.area / 1e6
    areas["population"] = areas["area_km2"] * 1000.0 if people is None else people
    return Epoch(year, areas)


def with_people(epoch: Epoch, values) -> Epoch:
    """Give an epoch a grid of people in cells of 1 km, from kilometre 0 on, and count them in its areas."""
    grid = Grid(CRS("ESRI:54009"), Affine(KM, 0, 0, 0, -KM, KM), (1, len(values)))
    source = ArraySource(wrap(np.array([values], float), grid), f"population {epoch.year}")
    edges = epoch.areas.bounds[["minx", "maxx"]].to_numpy(dtype=int) // int(KM)
    people = [float(np.sum(values[start:stop])) for start, stop in edges]
    return Epoch(epoch.year, epoch.areas.assign(population=people), source)


def changes(*epochs: Epoch, **options) -> list[tuple[str | None, str | None, str]]:
    links = link_epochs(epochs, weight="area", **options).links
    return list(links[["from_id", "to_id", "change"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": (0, 4)}, {"x": (0, 9)}, [("a", "x", "continued")]),
        ({"a": (0, 9)}, {"x": (0, 4)}, [("a", "x", "continued")]),
        ({"a": (0, 4), "b": (5, 7)}, {"x": (0, 8)}, [("a", "x", "merged"), ("b", "x", "merged")]),
        ({"a": (0, 8)}, {"x": (0, 4), "y": (5, 7)}, [("a", "x", "split"), ("a", "y", "split")]),
        ({}, {"x": (0, 4)}, [(None, "x", "born")]),
        ({"a": (0, 4)}, {}, [("a", None, "gone")]),
        # Less than half of either: another place.
        ({"a": (0, 4)}, {"x": (3, 7)}, [("a", None, "gone"), (None, "x", "born")]),
        # Exactly half of one of them: the same.
        ({"a": (0, 4)}, {"x": (2, 8)}, [("a", "x", "continued")]),
        # b joins x and leaves y behind.
        (
            {"a": (0, 4), "b": (4, 10)},
            {"x": (0, 8), "y": (8, 10)},
            [("a", "x", "merged"), ("b", "x", "rearranged"), ("b", "y", "split")],
        ),
    ],
)
def test_what_becomes_of_areas(before, after, expected):
    assert changes(strip(2000, **before), strip(2010, **after)) == expected


def test_overlap_counts_people_not_ground_where_there_are_grids():
    # Three of four kilometres are lost, with one of a hundred people in ten.
    earlier = with_people(strip(2000, a=(0, 4)), [990, 4, 3, 3, 0, 0])
    later = with_people(strip(2010, x=(0, 1), y=(3, 6)), [1500, 0, 0, 1, 600, 600])
    links = link_epochs([earlier, later]).links
    assert links[["from_id", "to_id", "change"]].to_numpy().tolist() == [
        ["a", "x", "continued"],
        [None, "y", "born"],
    ]
    shares = overlap_shares(earlier, later)
    np.testing.assert_allclose(shares["share_of_from"], [0.99, 0.003])
    np.testing.assert_allclose(shares["share_of_to"], [1.0, 1 / 1201])


def test_growth_is_that_of_the_group_so_that_a_merger_is_no_growth():
    before, after = strip(2000, a=(0, 4), b=(4, 6)), strip(2010, x=(0, 6))
    links = link_epochs([before, after], weight="area").links
    np.testing.assert_allclose(links[["population_growth_pct", "area_growth_pct"]], 0, atol=1e-12)
    assert links["from_population"].tolist() == [4000.0, 2000.0]
    assert links["to_population"].tolist() == [6000.0, 6000.0]


def test_growth_rates_are_logarithms_and_density_is_their_difference():
    before, after = strip(2000, [1000.0], a=(0, 4)), strip(2020, [4000.0], x=(0, 8))
    link = link_epochs([before, after], weight="area").links.iloc[0]
    assert link["population_growth_pct"] == pytest.approx(100 * np.log(4) / 20)
    assert link["area_growth_pct"] == pytest.approx(100 * np.log(2) / 20)
    assert link["density_growth_pct"] == pytest.approx(100 * np.log(2) / 20)


def test_born_and_gone_have_no_growth():
    links = link_epochs([strip(2000, a=(0, 2)), strip(2010, x=(5, 7))], weight="area").links
    rates = links[["population_growth_pct", "area_growth_pct", "density_growth_pct"]]
    assert rates.isna().all(axis=None)
    assert links["from_population"].isna().tolist() == [False, True]


def test_projection_of_two_epochs_keeps_the_rate_within_the_stated_band():
    epochs = [strip(2010, [1000.0], a=(0, 4)), strip(2020, [2000.0], x=(0, 4))]
    row = link_epochs(epochs, weight="area", project_to=2030, rate_band_pct=1.0).projections.iloc[0]
    assert (row["area_id"], row["base_year"], row["projected_year"]) == ("x", 2020, 2030)
    assert row["projected_population"] == pytest.approx(4000)
    assert row["projected_population_low"] == pytest.approx(4000 * np.exp(-0.1))
    assert row["projected_population_high"] == pytest.approx(4000 * np.exp(0.1))
    assert row["projected_area_km2"] == pytest.approx(4.0)


def test_range_of_three_epochs_spans_the_rates_of_both_intervals():
    epochs = [strip(y, [p], a=(0, 4)) for y, p in ((2000, 1000.0), (2010, 1100.0), (2020, 2200.0))]
    row = link_epochs(epochs, weight="area", project_to=2030).projections.iloc[0]
    assert row["projected_population"] == pytest.approx(4400)
    assert row["projected_population_low"] == pytest.approx(2200 * 1.1)
    assert row["projected_population_high"] == pytest.approx(4400 * np.exp(0.05))


def test_past_of_a_merged_area_is_that_of_all_it_came_from_and_birth_is_no_growth():
    epochs = [
        strip(2000, [1000.0], a=(0, 4)),
        strip(2010, [1000.0, 500.0], b=(0, 4), c=(5, 8)),
        strip(2020, [3000.0], d=(0, 8)),
    ]
    found = link_epochs(epochs, weight="area", project_to=2030)
    row = found.projections.iloc[0]
    assert row["population_growth_pct"] == pytest.approx(100 * np.log(2) / 10)
    # Only the interval that both ends of a group are known for: a to b stood still.
    assert row["population_growth_low_pct"] == pytest.approx(0, abs=1e-12)
    assert found.links["change"].tolist() == ["continued", "born", "merged", "merged"]


def test_area_that_was_just_born_is_not_projected():
    row = link_epochs([strip(2000), strip(2010, x=(0, 3))], weight="area", project_to=2020).projections.iloc[0]
    assert row["area_id"] == "x"
    assert row[["population_growth_pct", "projected_population", "projected_population_high"]].isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project_to": 2010}, "last epoch is 2010"),
        ({"min_overlap": 0.0}, "overlap"),
        ({"min_overlap": 1.5}, "overlap"),
        ({"rate_band_pct": -1.0}, "band"),
        ({"weight": "people"}, "weight"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        link_epochs([strip(2000, a=(0, 1)), strip(2010, a=(0, 1))], **({"weight": "area"} | options))


def test_epochs_out_of_order_without_grids_or_in_other_coordinates_are_refused():
    one, two = strip(2000, a=(0, 1)), strip(2010, a=(0, 1))
    for years in ([two, one], [one, one], [one]):
        with pytest.raises(UsageError, match="ascending"):
            link_epochs(years, weight="area")
    with pytest.raises(UsageError, match="epoch 2000: no grid"):
        link_epochs([one, two])
    elsewhere = Epoch(2010, two.areas.set_crs("EPSG:3035", allow_override=True))
    with pytest.raises(CRSError):
        link_epochs([one, elsewhere], weight="area")
    twice = Epoch(2010, pd.concat([two.areas, two.areas]))
    with pytest.raises(UsageError, match="twice"):
        link_epochs([one, twice], weight="area")


@st.composite
def spans(draw) -> dict[str, tuple[int, int]]:
    """Up to four areas that do not overlap, on a strip of 20 km."""
    cuts = sorted(draw(st.sets(st.integers(0, 20), max_size=8)))
    return {f"p{start}": (start, stop) for start, stop in zip(cuts[::2], cuts[1::2], strict=False)}


OPPOSITE = {"merged": "split", "split": "merged", "born": "gone", "gone": "born"}


@settings(max_examples=60)
@given(spans(), spans(), st.sampled_from([0.3, 0.5, 0.8]))
def test_backwards_in_time_merged_is_split_born_is_gone_and_growth_turns_round(before, after, min_overlap):
    forward = link_epochs([strip(2000, **before), strip(2010, **after)], weight="area", min_overlap=min_overlap).links
    back = link_epochs([strip(2000, **after), strip(2010, **before)], weight="area", min_overlap=min_overlap).links
    columns = ["from_id", "to_id", "change", "population_growth_pct"]
    turned = {
        (to, start): (OPPOSITE.get(change, change), rate)
        for start, to, change, rate in back[columns].itertuples(index=False)
    }
    found = {(start, to): (change, rate) for start, to, change, rate in forward[columns].itertuples(index=False)}
    assert {pair: change for pair, (change, _) in found.items()} == {p: change for p, (change, _) in turned.items()}
    for pair, (_, rate) in found.items():
        assert rate == pytest.approx(-turned[pair][1], nan_ok=True, abs=1e-9)


@settings(max_examples=40)
@given(spans(), spans(), st.randoms(use_true_random=False))
def test_every_area_is_in_the_table_and_order_changes_nothing(before, after, random):
    earlier, later = strip(2000, **before), strip(2010, **after)
    found = link_epochs([earlier, later], weight="area", project_to=2020)
    assert set(found.links["from_id"].dropna()) == set(before)
    assert set(found.links["to_id"].dropna()) == set(after)
    order = list(after)
    random.shuffle(order)
    again = link_epochs([earlier, Epoch(2010, later.areas.loc[order])], weight="area", project_to=2020)
    pd.testing.assert_frame_equal(again.links, found.links)
    pd.testing.assert_frame_equal(again.projections, found.projections)


class TestFixedTerritories:
    """Areas of one year, followed over the grids of several."""

    GRID = Grid(CRS("ESRI:54009"), Affine(1000, 0, 0, 0, -1000, 1000), (1, 4))
    AREAS = gpd.GeoDataFrame(
        {"area_km2": [2.0, 1.0, 5.0]},
        index=["F", "E", "off"],
        geometry=[box(0, 0, 2000, 1000), box(2000, 0, 3000, 1000), box(9000, 0, 14_000, 1000)],
        crs="ESRI:54009",
    )

    def grids(self, **rows) -> dict[int, ArraySource]:
        return {int(year[1:]): ArraySource(wrap(np.array([row], float), self.GRID)) for year, row in rows.items()}

    def test_people_grow_on_the_same_ground_and_density_as_they_do(self):
        found = follow_territories(self.AREAS, self.grids(y2020=[60, 60, 0, 9], y2010=[20, 40, 5, 9]), project_to=2030)
        links = found.links.set_index("from_id")
        assert links.index.tolist() == ["E", "F", "off"]
        assert set(links["change"]) == {"continued"}
        assert (links["to_id"] == links.index).all()
        assert links.loc["F", ["from_population", "to_population"]].tolist() == pytest.approx([60, 120])
        rate = 10 * np.log(2)
        rates = ["population_growth_pct", "area_growth_pct", "density_growth_pct"]
        assert links.loc["F", rates].tolist() == pytest.approx([rate, 0.0, rate])
        # Nobody is left in E, and nobody is known off the grid: neither has a rate.
        assert links.loc[["E", "off"], ["population_growth_pct", "density_growth_pct"]].isna().all(axis=None)
        assert links.loc["E", "to_population"] == 0
        assert np.isnan(links.loc["off", "to_population"])
        last = found.projections.set_index("area_id").loc["F"]
        assert last["projected_population"] == pytest.approx(240)
        assert last["projected_population_low"] == pytest.approx(240 * np.exp(-0.05))
        assert last[["projected_area_km2", "projected_area_km2_low", "projected_area_km2_high"]].tolist() == [2.0] * 3

    def test_order_of_areas_does_not_matter(self):
        grids = self.grids(y2000=[1, 2, 3, 4], y2010=[2, 2, 3, 4], y2020=[3, 2, 3, 4])
        one = follow_territories(self.AREAS, grids, project_to=2025)
        other = follow_territories(self.AREAS.iloc[::-1], dict(reversed(grids.items())), project_to=2025)
        pd.testing.assert_frame_equal(one.links, other.links)
        pd.testing.assert_frame_equal(one.projections, other.projections)

    def test_one_year_and_doubled_ids_are_refused(self):
        with pytest.raises(UsageError, match="two or more years"):
            follow_territories(self.AREAS, self.grids(y2020=[1, 1, 1, 1]))
        with pytest.raises(UsageError, match="stands twice"):
            follow_territories(pd.concat([self.AREAS, self.AREAS]), self.grids(y2010=[1, 1, 1, 1], y2020=[1, 1, 1, 1]))
