"""Metropolitan scales: who belongs to what, parents, and that parts and remainder are the whole."""

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

from geo_profiling.delineation.overlap import people_in_pairs
from geo_profiling.delineation.scales import SCALES, agglomerations, metropolitan_regions, nest_scales
from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

KM = 1000.0


def strips(**spans) -> gpd.GeoDataFrame:
    """Areas 4 km high, each from one kilometre to another."""
    geometry = [box(start * KM, 0, stop * KM, 4 * KM) for start, stop in spans.values()]
    return gpd.GeoDataFrame(index=list(spans), geometry=geometry, crs="ESRI:54009")


def people(values) -> ArraySource:
    values = np.asarray(values, float)
    grid = Grid(CRS("ESRI:54009"), Affine(KM, 0, 0, 0, -KM, KM * values.shape[0]), values.shape)
    return ArraySource(wrap(values, grid), "population")


def pairs_of(names, *rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*names, "population"])


class TestAgglomerations:
    CLUSTERS = strips(CL1=(0, 4), CL2=(5, 7), town=(8, 9)).assign(population=[200e3, 50e3, 49_999.0])
    NAMES = ("unit_id", "cluster_id")

    def test_clusters_of_a_citys_size_with_the_units_that_have_half_their_people_there(self):
        pairs = pairs_of(
            self.NAMES,
            ("a", "CL1", 150e3),
            ("b", "CL1", 50e3),
            ("c", "CL1", 49e3),
            ("c", "CL2", 30e3),
            ("d", "town", 9e3),
        )
        population = pd.Series({"a": 160e3, "b": 100e3, "c": 100e3, "d": 9e3, "e": 0.0})
        names = pd.Series({"a": "Alpha", "b": "Beta", "c": "Gamma"})
        found = agglomerations(self.CLUSTERS, pairs, population, unit_names=names)
        assert found.members.to_dict() == {"a": "CL1", "b": "CL1", "c": None, "d": None, "e": None}
        assert found.areas[["name", "n_units"]].to_dict("index") == {
            "CL1": {"name": "Alpha", "n_units": 2},
            "CL2": {"name": "Gamma", "n_units": 0},
        }
        assert found.areas.loc["CL1"].geometry.equals(self.CLUSTERS.loc["CL1"].geometry)

    def test_unit_in_two_halves_belongs_to_the_smaller_id(self):
        pairs = pairs_of(self.NAMES, ("a", "CL2", 10.0), ("a", "CL1", 10.0))
        assert agglomerations(self.CLUSTERS, pairs, pd.Series({"a": 20.0})).members.tolist() == ["CL1"]

    def test_units_that_hold_less_than_half_of_a_cluster_neither_count_nor_name_it(self):
        pairs = pairs_of(self.NAMES, ("a", "CL1", 99e3), ("b", "CL2", 25e3))
        population, names = pd.Series({"a": 100e3, "b": 60e3}), pd.Series({"a": "Alpha", "b": "Beta"})
        areas = agglomerations(self.CLUSTERS, pairs, population, unit_names=names).areas
        assert areas["n_units"].astype(object).where(areas["n_units"].notna(), None).tolist() == [None, 0]
        assert areas["name"].tolist() == [None, "Beta"]

    def test_clusters_of_one_unit_tell_where_they_lie(self):
        pairs = pairs_of(self.NAMES, ("a", "CL1", 200e3), ("a", "CL2", 50e3))
        areas = agglomerations(
            self.CLUSTERS, pairs, pd.Series({"a": 300e3}), unit_names=pd.Series({"a": "Alpha"})
        ).areas
        assert areas["name"].tolist() == ["Alpha", "Alpha (east)"]

    def test_no_units_and_no_clusters_are_no_failure(self):
        none = pairs_of(self.NAMES)
        without_units = agglomerations(self.CLUSTERS, none, pd.Series(dtype=float)).areas
        assert without_units["n_units"].isna().all()
        assert agglomerations(self.CLUSTERS.iloc[:0], none, pd.Series({"a": 1.0})).members.tolist() == [None]


class TestMetropolitanRegions:
    NAMES = ("region_id", "fua_id")
    REGIONS = strips(R1=(0, 2), R2=(2, 4), R3=(4, 6), R4=(6, 8))
    FUAS = pd.DataFrame(
        {"name": ["Big", "Other", "Small"], "population": [900e3, 250e3, 249_999.0]}, index=["F", "G", "H"]
    )
    TOTAL = pd.Series({"R1": 100.0, "R2": 100.0, "R3": 100.0, "R4": 100.0})

    def regions(self, *rows, **options):
        return metropolitan_regions(self.REGIONS, self.TOTAL, pairs_of(self.NAMES, *rows), self.FUAS, **options)

    def test_regions_of_one_principal_area_are_one_region_named_after_it(self):
        found = self.regions(("R1", "F", 80.0), ("R2", "F", 51.0), ("R3", "G", 60.0), ("R4", "H", 100.0))
        assert found.members.to_dict() == {"R1": "MR_F", "R2": "MR_F", "R3": "MR_G", "R4": None}
        assert found.areas[["name", "principal_fua_id", "n_units"]].to_numpy().tolist() == [
            ["Big", "F", 2],
            ["Other", "G", 1],
        ]
        assert found.areas.loc["MR_F"].geometry.equals(box(0, 0, 4 * KM, 4 * KM))

    def test_exactly_half_is_not_more_than_half(self):
        found = self.regions(("R1", "F", 50.0), ("R2", "F", 50.0 + 1e-6))
        assert found.members.dropna().to_dict() == {"R2": "MR_F"}

    def test_several_areas_count_together_and_the_largest_is_the_principal_one(self):
        found = self.regions(("R1", "F", 30.0), ("R1", "G", 30.0), ("R2", "F", 20.0), ("R2", "G", 31.0))
        assert found.members.dropna().to_dict() == {"R1": "MR_F", "R2": "MR_G"}

    def test_smaller_areas_count_where_the_limit_is_lower(self):
        assert self.regions(("R4", "H", 100.0), min_fua_population=1.0).members["R4"] == "MR_H"

    def test_regions_without_known_people_and_no_region_at_all(self):
        unknown = metropolitan_regions(
            self.REGIONS, self.TOTAL * np.nan, pairs_of(self.NAMES, ("R1", "F", 9.0)), self.FUAS
        )
        assert unknown.members.isna().all()
        assert len(unknown.areas) == 0
        assert unknown.areas.crs == self.REGIONS.crs


class TestNesting:
    def test_each_area_names_the_next_scale_that_holds_most_of_it(self):
        values = np.zeros((4, 12))
        values[0] = [5, 5, 9, 9, 9, 1, 1, 1, 0, 0, 7, 7]
        layers = {
            "proximity": strips(p=(2, 3), q=(4, 6), far=(10, 12)),
            "agglomeration": strips(A=(0, 4), B=(4, 5)).assign(name=["Alpha", "Beta"]),
            "metropolitan_region": strips(MR=(0, 10)),
        }
        layer = nest_scales(people(values), layers).set_index("area_id")
        assert layer["scale"].tolist() == [
            "metropolitan_region", "agglomeration", "agglomeration", "proximity", "proximity", "proximity",
        ]  # fmt: skip
        assert layer["parent_id"].to_dict() == {"MR": None, "A": "MR", "B": "MR", "far": None, "p": "A", "q": "B"}
        assert layer.loc["q", "share_in_parent"] == pytest.approx(0.9)
        assert np.isnan(layer.loc["far", "share_in_parent"])
        assert layer.loc["MR", ["population", "population_in_parts", "population_outside_parts"]].tolist() == (
            pytest.approx([40, 37, 3])
        )
        assert layer.loc["A", "population_in_parts"] == pytest.approx(9)
        assert layer.loc["A", "name"] == "Alpha"
        assert layer.loc["p", "area_km2"] == pytest.approx(4)

    def test_area_off_the_grid_has_unknown_people_and_no_parent(self):
        layer = nest_scales(
            people(np.ones((4, 4))), {"agglomeration": strips(x=(8, 9)), "metropolitan_area": strips(F=(0, 9))}
        )
        away = layer.set_index("area_id").loc["x"]
        assert np.isnan(away["population"])
        assert away["parent_id"] is None
        assert away["coverage_share"] == 0
        assert layer.set_index("area_id").loc["F", "coverage_share"] == pytest.approx(4 / 9)

    def test_area_where_nobody_lives_has_no_parent(self):
        layer = nest_scales(
            people(np.zeros((4, 4))), {"agglomeration": strips(x=(1, 2)), "metropolitan_area": strips(F=(0, 4))}
        )
        empty = layer.set_index("area_id").loc["x"]
        assert (empty["population"], empty["parent_id"]) == (0.0, None)

    def test_nothing_at_all_is_an_empty_layer_with_its_fields(self):
        layer = nest_scales(people(np.ones((1, 1))), {"proximity": strips()})
        assert len(layer) == 0
        assert {"scale", "area_id", "parent_id", "share_in_parent", "population"} <= set(layer)

    def test_wrong_scales_doubled_ids_overlaps_and_other_coordinates_are_refused(self):
        source = people(np.ones((4, 4)))
        with pytest.raises(UsageError, match="'city'"):
            nest_scales(source, {"city": strips(x=(0, 1))})
        with pytest.raises(UsageError, match="'x' stands twice"):
            nest_scales(source, {"proximity": pd.concat([strips(x=(0, 1)), strips(x=(1, 2))])})
        with pytest.raises(InputError, match="'x' and 'y' overlap"):
            nest_scales(source, {"metropolitan_region": strips(x=(0, 2), y=(1, 3))})
        with pytest.raises(CRSError, match="proximity"):
            nest_scales(source, {"proximity": strips(x=(0, 1)).set_crs("EPSG:3035", allow_override=True)})


CUTS = st.lists(st.floats(0.05, 9.95), min_size=2, max_size=8, unique=True)


@settings(max_examples=30)
@given(st.integers(0, 99), st.tuples(CUTS, CUTS, CUTS), st.randoms(use_true_random=False))
def test_parts_and_remainder_are_the_whole_to_a_billionth_whatever_the_order(seed, cuts, random):
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.4, 5000, (4, 10))
    values[rng.random(values.shape) < 0.1] = np.nan
    source = people(values)
    layers = {}
    for scale, edges in zip(SCALES[:3], cuts, strict=True):
        edges = sorted(edges)
        layers[scale] = strips(**{f"{scale}{i}": edges[i : i + 2] for i in range(0, len(edges) - 1, 2)})
    layer = nest_scales(source, layers)
    has_parts = layer[layer["population_in_parts"].notna()]
    np.testing.assert_allclose(
        has_parts["population_in_parts"] + has_parts["population_outside_parts"], has_parts["population"], rtol=1e-9
    )
    share = layer["share_in_parent"].dropna()
    assert ((share > 0) & (share <= 1 + 1e-9)).all()
    shuffled = {scale: areas.sample(frac=1, random_state=random.randint(0, 99)) for scale, areas in layers.items()}
    pd.testing.assert_frame_equal(nest_scales(source, dict(reversed(shuffled.items()))), layer)


def test_sample_citys_regions_nest_around_its_metropolis(sample_data):
    from geo_profiling.raster.read import open_raster
    from geo_profiling.raster.zonal import zonal_statistics

    population = open_raster(sample_data / "population_2020_1km.tif", quantity="count")
    regions = gpd.read_file(sample_data / "regions.gpkg").set_index("region_id")
    units = gpd.read_file(sample_data / "municipalities.gpkg").set_index("unit_id")
    fua = units.loc[["04001", "04002", "04005", "04023"]].dissolve().set_axis(["F"])
    total = zonal_statistics(population, regions, stats=["sum"])["sum"]
    shared = people_in_pairs(population, regions, fua, names=("region_id", "fua_id"))
    fuas = pd.DataFrame({"population": [shared["population"].sum()], "name": ["Port Serrano"]}, index=["F"])
    found = metropolitan_regions(regions, total, shared, fuas)
    assert found.members.to_dict() == {"04A": "MR_F", "04B": None, "04C": None}
    layer = nest_scales(population, {"metropolitan_area": fua, "metropolitan_region": found.areas}).set_index("scale")
    region = layer.loc["metropolitan_region"]
    assert region["population_in_parts"] + region["population_outside_parts"] == pytest.approx(
        region["population"], rel=1e-9
    )
    assert layer.loc["metropolitan_area", ["parent_id", "share_in_parent"]].tolist() == ["MR_F", pytest.approx(1)]
