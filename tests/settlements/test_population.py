import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geo_profiling.compute import Compute
from geo_profiling.config.form import SettlementPopulation
from geo_profiling.errors import CRSError, InputError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.settlements.population import GRIDDED_CAVEAT, settlement_population

CRS = "EPSG:32638"
X, Y = 250_000.0, 1_230_000.0
COLUMNS = ["population_gridded", "population_building_based", "population_without_buildings"]


def people(values, size=100.0):
    values = np.asarray(values, dtype=float)
    grid = Grid(pyproj.CRS(CRS), Affine(size, 0, X, 0, -size, Y + size * values.shape[0]), values.shape)
    return ArraySource(wrap(values, grid), "population.tif")


def layer(*shapes, index=None):
    return gpd.GeoDataFrame(geometry=[shapely.affinity.translate(one, X, Y) for one in shapes], crs=CRS, index=index)


def test_worked_example():
    # cells: 60 people with two huts, 40 people with one hut twice as large, 10 without a building
    huts = layer(box(20, 20, 30, 30), box(80, 20, 90, 30), box(120, 20, 140, 30))
    mapped = layer(box(0, 0, 50, 100), box(130, 0, 300, 100), index=["west", "east"])
    found = settlement_population(
        mapped,
        enumerated=pd.Series({"east": 90.0}),
        population_grid=people([[60, 40, 10]]),
        buildings=huts,
    )
    table = found.settlements
    assert table["population_gridded"].tolist() == pytest.approx([30, 28 + 10])
    assert table["population_building_based"].tolist() == pytest.approx([30, 20])
    assert table["population_without_buildings"].tolist() == pytest.approx([0, 10])
    assert table["ratio_gridded_enumerated"].tolist() == pytest.approx([np.nan, 38 / 90], nan_ok=True)
    assert table["ratio_building_based_enumerated"].iloc[1] == pytest.approx(20 / 90)
    assert table[["population_low", "population_high"]].to_numpy().tolist() == [
        pytest.approx([30, 30]),
        pytest.approx([20, 90]),
    ]
    assert table["population_source"].tolist() == ["building_based", "enumerated"]
    assert table["population"].tolist() == pytest.approx([30, 90])
    assert found.totals.loc["total"].tolist() == pytest.approx([110, 100, 10])
    (finding,) = found.findings
    assert "10 of 110 people are in cells of population.tif without a building" in finding.message


def test_every_gridded_figure_says_what_it_misses():
    mapped = layer(box(0, 0, 50, 100), index=["west"])
    alone = settlement_population(mapped, population_grid=people([[60]])).settlements.iloc[0]
    assert (alone["population_source"], alone["population_caveat"]) == ("gridded", GRIDDED_CAVEAT)
    spread = settlement_population(mapped, population_grid=people([[60]]), buildings=mapped).settlements.iloc[0]
    assert GRIDDED_CAVEAT in spread["population_caveat"]
    counted = settlement_population(mapped, enumerated=pd.Series({"west": 7})).settlements.iloc[0]
    assert counted["population_caveat"] == "Counted on the ground."
    assert counted[["population_gridded", "population_building_based", "ratio_gridded_enumerated"]].isna().all()


def test_heights_weigh_the_buildings():
    huts = layer(box(20, 20, 30, 30), box(80, 20, 90, 30))
    mapped = layer(box(0, 0, 50, 100))
    found = settlement_population(mapped, population_grid=people([[60]]), buildings=huts, heights=pd.Series([9.0, 3.0]))
    assert found.settlements["population_building_based"].tolist() == pytest.approx([45])
    for bad in ([9.0, np.nan], [9.0, 0.0]):
        with pytest.raises(InputError, match="1 have no height above 0, the first 1"):
            settlement_population(mapped, population_grid=people([[60]]), buildings=huts, heights=pd.Series(bad))


def test_nodata_is_unknown_and_nobody_is_none():
    mapped = layer(box(0, 0, 100, 100), box(100, 0, 200, 100), box(150, 0, 250, 100), index=["none", "nodata", "half"])
    found = settlement_population(mapped, population_grid=people([[0, np.nan, 8]]), buildings=mapped).settlements
    assert found["population_gridded"].iloc[0] == 0
    assert np.isnan(found["population_gridded"].iloc[1])
    assert np.isnan(found["population_building_based"].iloc[1])
    assert found["grid_coverage_share"].tolist() == [1, 0, 0.5]
    assert found["population_source"].isna().tolist() == [False, True, False]


def test_preference_and_correction():
    mapped = layer(box(0, 0, 50, 100), index=["west"])
    rules = SettlementPopulation(
        prefer=("gridded",),
        gridded_by_enumerated=0.4,
        gridded_by_enumerated_low=0.25,
        gridded_by_enumerated_high=0.5,
    )
    found = settlement_population(
        mapped, enumerated=pd.Series({"west": 100}), population_grid=people([[60]]), rules=rules
    ).settlements.iloc[0]
    assert found["population_source"] == "gridded"
    corrected = [f"population_gridded_corrected{end}" for end in ("", "_low", "_high")]
    assert found[corrected].tolist() == pytest.approx([75, 60, 120])
    plain = settlement_population(mapped, population_grid=people([[60]])).settlements.iloc[0]
    assert plain[corrected].isna().all()


def test_settlements_outside_twice_and_across_the_edge_are_named():
    mapped = layer(
        box(0, 0, 60, 60),
        box(0, 0, 60, 60),
        box(40, 40, 90, 90),
        box(180, 0, 220, 100),
        box(900, 0, 950, 50),
        index=["a", "a again", "b", "edge", "far"],
    )
    found = settlement_population(mapped, population_grid=people([[50, 100]]))
    messages = [str(finding) for finding in found.findings]
    assert any("a and a again: 1 pairs of settlements lie twice" in message for message in messages)
    assert any("2 pairs of settlements overlap" in message for message in messages)
    assert any("far: 1 settlements lie outside" in message for message in messages)
    assert any("edge: 1 settlements cross the edge" in message for message in messages)
    assert found.settlements["inside_share"].tolist() == pytest.approx([1, 1, 1, 0.5, 0])
    assert found.settlements["population_gridded"].tolist() == pytest.approx([18, 18, 12.5, 20, np.nan], nan_ok=True)
    # ground in several settlements counts once in the totals
    assert found.totals.at["settlements", "population_gridded"] == pytest.approx(18 + 12.5 - 2 + 20)


def test_study_area_limits_what_is_counted():
    mapped = layer(box(0, 0, 100, 100))
    study = layer(box(50, 0, 200, 100)).geometry
    found = settlement_population(mapped, population_grid=people([[60, 40]]), buildings=mapped, study_area=study)
    assert found.settlements[["inside_share", *COLUMNS]].iloc[0].tolist() == pytest.approx([0.5, 30, 30, 0])
    assert found.totals["population_gridded"].tolist() == pytest.approx([30, 40, 70])


def crowd(rng, n):
    return [
        shapely.affinity.rotate(box(x, y, x + w, y + h), turn)
        for x, y, w, h, turn in zip(
            *rng.uniform(0, 600, (2, n)), *rng.uniform(3, 40, (2, n)), rng.uniform(0, 90, n), strict=True
        )
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 6))
def test_settlements_and_remainder_make_the_total(seed, n_huts, n_settlements):
    rng = np.random.default_rng(seed)
    huts = layer(*crowd(rng, n_huts))
    # side by side, so that none overlap
    edges = np.sort(rng.uniform(-50, 650, 2 * n_settlements))
    mapped = layer(*(box(left, rng.uniform(-50, 300), right, 500) for left, right in edges.reshape(-1, 2)))
    grid = people(rng.gamma(0.5, 40, (6, 6)) * (rng.uniform(size=(6, 6)) > 0.2))
    found = settlement_population(mapped, population_grid=grid, buildings=huts)
    totals = found.totals
    whole = grid.data.values.sum()
    for column in COLUMNS:
        parts = totals.at["settlements", column] + totals.at["remainder", column]
        assert parts == pytest.approx(totals.at["total", column], rel=1e-9, abs=1e-9 * whole)
        assert np.nansum(found.settlements[column]) == pytest.approx(
            totals.at["settlements", column], rel=1e-9, abs=1e-9 * whole
        )
    assert totals.at["total", "population_gridded"] == pytest.approx(whole, rel=1e-12)
    on_grid = huts.intersects(box(X, Y, X + 600, Y + 600)).all()
    kept = totals.at["total", "population_building_based"] + totals.at["total", "population_without_buildings"]
    assert kept == pytest.approx(whole, rel=1e-9) or not on_grid


def test_order_of_rows_and_threads_do_not_show():
    rng = np.random.default_rng(5)
    huts = layer(*crowd(rng, 200))
    mapped = layer(*(box(100 * i, 50, 100 * i + 70, 500) for i in range(6)), index=list("fedcba"))
    grid = people(rng.gamma(0.5, 40, (6, 6)))
    before = settlement_population(mapped, population_grid=grid, buildings=huts, compute=Compute(threads=1))
    after = settlement_population(
        mapped.iloc[::-1],
        population_grid=grid,
        buildings=huts.sample(frac=1, random_state=2),
        compute=Compute(threads=2),
    )
    pd.testing.assert_frame_equal(after.settlements.loc[mapped.index], before.settlements, check_exact=True)
    pd.testing.assert_frame_equal(after.totals, before.totals, check_exact=True)


def test_layers_in_other_systems_are_brought_to_the_grid():
    huts = layer(box(20, 20, 30, 30), box(80, 20, 90, 30))
    mapped = layer(box(0, 0, 50, 100))
    here = settlement_population(mapped, population_grid=people([[60]]), buildings=huts)
    there = settlement_population(
        mapped.to_crs("EPSG:4326"), population_grid=people([[60]]), buildings=huts.to_crs("ESRI:54009")
    )
    np.testing.assert_allclose(there.settlements[COLUMNS], here.settlements[COLUMNS], rtol=1e-6, atol=1e-6)


def test_bad_input():
    mapped = layer(box(0, 0, 50, 100), box(50, 0, 90, 100), index=["a", "b"])
    grid = people([[60]])
    with pytest.raises(UsageError, match="neither"):
        settlement_population(mapped)
    with pytest.raises(InputError, match="id a stands twice"):
        settlement_population(mapped.rename({"b": "a"}), population_grid=grid)
    with pytest.raises(InputError, match="the first z"):
        settlement_population(mapped, enumerated=pd.Series({"z": 1}))
    with pytest.raises(InputError, match="id a stands twice"):
        settlement_population(mapped, enumerated=pd.Series([1, 2], index=["a", "a"]))
    with pytest.raises(InputError, match="b has no possible count"):
        settlement_population(mapped, enumerated=pd.Series({"b": -1}))
    with pytest.raises(InputError, match="0 is no polygon"):
        settlement_population(layer(shapely.Point(1, 1)), population_grid=grid)
    with pytest.raises(CRSError, match="buildings"):
        settlement_population(mapped, population_grid=grid, buildings=gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)]))


def test_real_zones_of_sao_paulo(shared_data):
    source = open_raster(shared_data / "saopaulo/ghs_pop_2015_250m_fua.tif")
    zones = gpd.read_file(shared_data / "saopaulo/zeis1_informal_settlements.gpkg").to_crs(source.grid.crs)
    zones = zones.set_geometry(shapely.make_valid(zones.geometry.to_numpy(), method="structure", keep_collapsed=False))
    found = settlement_population(zones[~zones.is_empty], population_grid=source)
    totals = found.totals["population_gridded"]
    assert totals["settlements"] + totals["remainder"] == pytest.approx(totals["total"], rel=1e-9)
    assert totals["settlements"] > 1e6
    assert (found.settlements["population_gridded"].dropna() >= 0).all()
