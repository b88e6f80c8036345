"""Boundary conflicts on real parcels and on small plans; claims; what the records leave out."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_profiling.errors import CRSError, UsageError
from geo_profiling.tenure.conflicts import (
    LOCAL_PLANAR,
    claim_conflicts,
    coverage_gaps,
    describe_conflicts,
    overlap_counts,
    unit_overlaps,
)
from geo_profiling.tenure.model import TenureRecords, tenure_records


def plots(*boxes: tuple[float, float, float, float], crs: object = LOCAL_PLANAR) -> gpd.GeoDataFrame:
    ids = [f"u{number}" for number in range(len(boxes))]
    return gpd.GeoDataFrame({"unit_id": ids}, geometry=[shapely.box(*box) for box in boxes], crs=crs)


def register(units: gpd.GeoDataFrame, rights: dict[str, list[object]]) -> TenureRecords:
    held = pd.DataFrame(rights)
    people = pd.DataFrame({"party_id": sorted(set(held["party_id"]))})
    return tenure_records(people, units, held)[0]


class TestRealParcels:
    @pytest.mark.parametrize(
        ("layer", "units", "overlapping", "above_noise", "by_area", "by_share", "conflicts"),
        [
            ("india", 88, 63, 57, 24, 27, 24),
            ("Epworth", 33, 24, 0, 0, 0, 0),
            ("CapeTown1", 34, 21, 17, 2, 1, 1),
            ("CapeTown2", 59, 25, 25, 1, 0, 0),
        ],
    )
    def test_pairs_of_every_layer(
        self,
        shared_data: Path,
        layer: str,
        units: int,
        overlapping: int,
        above_noise: int,
        by_area: int,
        by_share: int,
        conflicts: int,
    ) -> None:
        parcels = gpd.read_file(shared_data / "tenure_parcels/parcels.gpkg", layer=layer)
        parcels = parcels.set_crs(LOCAL_PLANAR, allow_override=True).set_index("id")
        counts = overlap_counts(unit_overlaps(parcels), len(parcels))
        assert counts.n_units == units
        assert counts.n_overlapping == overlapping
        assert counts.n_above_noise == above_noise
        assert (counts.n_by_area, counts.n_by_share, counts.n_conflicts) == (by_area, by_share, conflicts)

    def test_accuracy_of_the_survey_makes_slivers(self, shared_data: Path) -> None:
        parcels = gpd.read_file(shared_data / "tenure_parcels/parcels.gpkg", layer="india")
        parcels = parcels.set_crs(LOCAL_PLANAR, allow_override=True).set_index("id")
        counts = overlap_counts(unit_overlaps(parcels, accuracy_m=0.05), len(parcels))
        assert counts.n_slivers > 0
        assert counts.n_slivers + counts.n_conflicts == 24


class TestBoundaryConflicts:
    def test_threshold_belongs(self) -> None:
        # 0.1 m2 of 10 m2: both limits are met exactly.
        found = unit_overlaps(plots((0, 0, 1, 10), (0.99, 0, 1.99, 10)).set_index("unit_id"), min_area_m2=0.0999999)
        assert found["share_of_smaller"].round(9).tolist() == [0.01]

    def test_width_below_twice_the_accuracy_is_a_sliver(self) -> None:
        units = plots((0, 0, 10, 10), (9.8, 0, 19, 10)).set_index("unit_id")
        # 0.2 x 10 m: width 2 * 2 / 20.4 = 0.196 m
        found = unit_overlaps(units, accuracy_m=0.1)
        assert found["width_m"].round(3).tolist() == [0.196]
        assert found["is_sliver"].tolist() == [True]
        assert unit_overlaps(units, accuracy_m=0.09)["is_conflict"].tolist() == [True]

    def test_a_structure_on_a_parcel_is_no_conflict(self) -> None:
        units = plots((0, 0, 10, 10), (2, 2, 5, 5)).assign(level=["parcel", "structure"]).set_index("unit_id")
        assert unit_overlaps(units).empty

    def test_neighbours_that_touch_do_not_overlap(self) -> None:
        assert unit_overlaps(plots((0, 0, 10, 10), (10, 0, 20, 10), (10, 10, 20, 20)).set_index("unit_id")).empty

    def test_touch_beside_an_overlap_leaves_polygons_only(self) -> None:
        first = shapely.box(0, 0, 10, 10)
        second = shapely.union(shapely.box(9, 0, 19, 3), shapely.Polygon([(10, 5), (19, 3), (19, 9)]).buffer(0))
        units = gpd.GeoDataFrame(geometry=[first, second], index=["a", "b"], crs=LOCAL_PLANAR)
        assert set(unit_overlaps(units).geom_type) <= {"Polygon", "MultiPolygon"}

    @settings(max_examples=30)
    @given(st.permutations(range(6)), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
    def test_order_and_place_decide_nothing(self, order: list[int], dx: float, dy: float) -> None:
        boxes = [(i * 4.0, 0.0, i * 4.0 + 5.0, 7.0) for i in range(6)]
        units = plots(*boxes).set_index("unit_id")
        base = unit_overlaps(units)
        moved = units.iloc[list(order)].set_geometry(units.geometry.iloc[list(order)].translate(dx, dy))
        again = unit_overlaps(moved)
        assert again[["first_id", "second_id"]].equals(base[["first_id", "second_id"]])
        assert np.allclose(again["area_m2"], base["area_m2"], atol=1e-6)
        assert len(base) == 5

    def test_degrees_and_missing_crs_are_refused(self) -> None:
        with pytest.raises(CRSError, match="not projected"):
            unit_overlaps(plots((0, 0, 1, 1), crs="EPSG:4326").set_index("unit_id"))
        with pytest.raises(CRSError, match="no coordinate reference system") as caught:
            unit_overlaps(plots((0, 0, 1, 1), crs=None).set_index("unit_id"))
        assert "local-planar" in caught.value.hint
        with pytest.raises(CRSError, match="distorts areas"):
            unit_overlaps(plots((8.1e6, 2.1e6, 8.2e6, 2.2e6), crs="EPSG:3857").set_index("unit_id"))

    def test_points_and_repeated_ids_are_refused(self) -> None:
        with pytest.raises(UsageError, match="not of Point"):
            unit_overlaps(gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], index=["a"], crs=LOCAL_PLANAR))
        with pytest.raises(UsageError, match="'u' is there twice"):
            unit_overlaps(plots((0, 0, 1, 1), (0, 0, 1, 1)).set_index(pd.Index(["u", "u"])))

    def test_what_is_known_of_both_units(self) -> None:
        units = plots((0, 0, 10, 10), (9, 0, 19, 10), (18, 0, 28, 10)).assign(settlement_id=[None, "s", "s"])
        held = {
            "party_id": ["a", "b", "c"],
            "unit_id": ["u0", "u0", "u1"],
            "tenure_type": ["freehold", "tenancy", "unknown"],
            "dispute_status": ["on", "none", ""],
            "dispute_type": ["boundary", "", ""],
        }
        records = register(units, held)
        found = describe_conflicts(unit_overlaps(records.units), records)
        assert found["settlement_id"].tolist() == ["s", "s"]
        assert found["first_tenure"].iloc[0] == "freehold; tenancy"
        assert found["second_tenure"].isna().all()
        assert found["is_disputed"].tolist() == [True, pd.NA]


class TestClaims:
    def test_two_freeholds_conflict_and_two_halves_do_not(self) -> None:
        held = {
            "party_id": ["a", "b", "a", "b"],
            "unit_id": ["u0", "u0", "u1", "u1"],
            "tenure_type": ["freehold", "occupancy", "freehold", "freehold"],
            "share": [1, 1, 0.5, 0.5],
        }
        found = claim_conflicts(register(plots((0, 0, 1, 1), (1, 0, 2, 1)), held))
        assert found.index.tolist() == ["u0"]
        assert found.loc["u0", "tenure_types"] == "freehold; occupancy"

    def test_a_tenant_contradicts_no_owner(self) -> None:
        held = {"party_id": ["a", "b"], "unit_id": ["u0", "u0"], "tenure_type": ["freehold", "tenancy"]}
        assert claim_conflicts(register(plots((0, 0, 1, 1)), held)).empty

    def test_the_same_party_twice_contradicts_nobody(self) -> None:
        held = {"party_id": ["a", "a"], "unit_id": ["u0", "u0"], "tenure_type": ["freehold", "occupancy"]}
        assert claim_conflicts(register(plots((0, 0, 1, 1)), held)).empty

    def test_a_right_that_has_ended_contradicts_nothing(self) -> None:
        held = {
            "party_id": ["a", "b"],
            "unit_id": ["u0", "u0"],
            "tenure_type": ["freehold", "freehold"],
            "valid_to": ["2020-01-01", None],
            "valid_from": [None, "2020-01-01"],
        }
        records = register(plots((0, 0, 1, 1)), held)
        assert len(claim_conflicts(records)) == 1
        assert claim_conflicts(records.at("2021-05-05")).empty


class TestCoverageGaps:
    def test_ground_buildings_and_records(self) -> None:
        held = {"party_id": ["a"], "unit_id": ["u0"], "tenure_type": ["freehold"], "documented": ["none"]}
        records = register(plots((0, 0, 10, 4), (20, 0, 22, 2)), held)
        places = gpd.GeoDataFrame(
            geometry=[shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)], index=["s", "t"], crs=LOCAL_PLANAR
        )
        streets = gpd.GeoSeries([shapely.box(0, 4, 10, 5)], crs=LOCAL_PLANAR)
        buildings = gpd.GeoSeries([shapely.Point(1, 1), shapely.box(5, 8, 6, 9)], crs=LOCAL_PLANAR)
        found = coverage_gaps(places, records, streets=streets, buildings=buildings)
        assert found["gap_m2"].tolist() == [50.0, 96.0]
        assert found["gap_share"].tolist() == [0.5, 0.96]
        assert found["n_buildings"].tolist() == [2, 0]
        assert found["n_buildings_without_unit"].tolist() == [1, 0]
        assert found["n_units_without_right"].tolist() == [0, 1]
        assert found["n_rights_without_document"].tolist() == [1, 0]

    def test_without_buildings_their_number_is_unknown(self) -> None:
        records = register(plots((0, 0, 10, 4)), {"party_id": ["a"], "unit_id": ["u0"], "tenure_type": ["freehold"]})
        places = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], index=["s"], crs=LOCAL_PLANAR)
        assert coverage_gaps(places, records)["n_buildings"].isna().all()

    def test_another_crs_is_refused(self) -> None:
        records = register(plots((0, 0, 10, 4)), {"party_id": ["a"], "unit_id": ["u0"], "tenure_type": ["freehold"]})
        places = gpd.GeoDataFrame(geometry=[shapely.box(5e5, 0, 5e5 + 9, 9)], index=["s"], crs="EPSG:32638")
        with pytest.raises(CRSError, match="differ"):
            coverage_gaps(places, records)
