"""What each cell is by itself: the built-up criterion, water, land, and what unknown values mean."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from geo_profiling.delineation.cells import (
    DENSE,
    INVALID,
    LOW,
    NO_DATA,
    SEMI_DENSE,
    URBAN,
    WATER,
    CellInputs,
    check_units,
    encode_tile,
)
from geo_profiling.delineation.degurba import classify_cells
from geo_profiling.delineation.rules import rule_set
from geo_profiling.errors import UsageError, ValueRangeError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import ArraySource, wrap

NAN = float("nan")


def source(values, name="raster", cell=(1000.0, 1000.0)) -> ArraySource:
    values = np.asarray(values, float)
    grid = Grid(CRS("ESRI:54009"), Affine(cell[0], 0, 2e5, 0, -cell[1], 5e6), values.shape)
    return ArraySource(wrap(values, grid), name)


def codes(people, land=None, built_up=None, *, cell=(1000.0, 1000.0), **changes) -> list[int]:
    parts = [None if part is None else source([part], cell=cell) for part in (people, land, built_up)]
    inputs = CellInputs(*parts, land_unit="share", built_up_unit="share")
    tile = encode_tile(inputs, inputs.grid.window, rule_set(**changes))
    return tile.codes[0, : len(people)].tolist()


def test_density_steps_are_closed_below_and_per_km2_of_land():
    steps = [0, LOW, LOW | URBAN, LOW | URBAN | SEMI_DENSE, LOW | URBAN | SEMI_DENSE | DENSE]
    assert codes([49.9, 50, 300, 900, 1500]) == steps
    half = [value / 2 for value in (49.9, 50, 300, 900, 1500)]
    assert codes(half, [0.5] * 5) == steps
    # The same densities on cells of 0.5 km2 that are not square.
    assert codes(half, cell=(250.0, 2000.0)) == steps


def test_people_without_land_are_infinitely_dense():
    assert codes([0.1], [0.0]) == [LOW | URBAN | SEMI_DENSE | DENSE]
    assert codes([0.0], [0.0]) == [INVALID | WATER]


def test_built_up_share_of_land_is_rounded_to_three_decimals():
    built = [0.1995, 0.1994, 0.2, 0.0998]
    assert codes([0] * 4, [1, 1, 1, 0.5], built) == [DENSE, 0, DENSE, DENSE]
    assert codes([0] * 4, [1, 1, 1, 0.5], built, built_up_threshold=0.5) == [0] * 4


def test_no_threshold_means_no_built_up_criterion_also_where_nothing_is_land():
    assert codes([0.0, 0.0], [0.0, 1.0], [0.01, 1.0]) == [INVALID | DENSE, DENSE]
    assert codes([0.0, 0.0], [0.0, 1.0], [0.01, 1.0], built_up_threshold=None) == [INVALID, 0]
    people = np.full((8, 8), 1600.0)
    people[3:5, 3:5] = 0
    land, built_up = (people > 0).astype(float), np.where(people > 0, 0.0, 0.3)
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 2e5, 0, -1000, 5e6), people.shape)
    rules = rule_set(built_up_threshold=None, smoothing="none", max_gap_km2=0.0)
    classes = classify_cells(
        wrap(people, grid),
        wrap(land, grid),
        built_up=wrap(built_up, grid),
        level=2,
        rules=rules,
        land_unit="share",
        built_up_unit="share",
    )
    assert (classes.values[people > 0] == 30).all()
    assert (classes.values[people == 0] == 11).all()


def test_unknown_built_up_counts_as_not_built():
    assert codes([0, 0, 2000], [0, 1, 1], [NAN] * 3) == codes([0, 0, 2000], [0, 1, 1], [0] * 3)
    assert codes([0], [0], [NAN]) == [INVALID | WATER]
    inputs = CellInputs(source([[0, 0, 9]]), source([[0, 1, 1]]), source([[NAN] * 3]), "share", "share")
    assert encode_tile(inputs, inputs.grid.window, rule_set()).built_up_unknown == 2


def test_water_needs_less_than_half_land_nobody_and_nothing_built():
    land = [0.49, 0.5, 0.49, 0.49]
    assert [code & WATER for code in codes([0, 0, 1, 0], land, [0, 0, 0, 0.01])] == [WATER, 0, 0, 0]
    assert [code & INVALID for code in codes([0, 0, 1, 0], land, [0, 0, 0, 0.01])] == [INVALID, 0, 0, INVALID]


def test_unknown_population_and_land():
    assert codes([NAN, 0]) == [NO_DATA, 0]
    assert codes([NAN, NAN, NAN, 0], [1, 0, NAN, NAN]) == [0, INVALID | WATER, NO_DATA, NO_DATA]


def test_total_leaves_unknown_cells_out():
    inputs = CellInputs(source([[1.5, NAN, 2.25]]))
    assert encode_tile(inputs, inputs.grid.window, rule_set()).total == 3.75 * 2**24


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float32_and_float64_give_the_same_codes(dtype):
    people = np.array([[0, 50, 300, 900, 1500, 1499.75]], dtype)
    grid = Grid(CRS("ESRI:54009"), Affine(1000, 0, 2e5, 0, -1000, 5e6), people.shape)
    inputs = CellInputs(ArraySource(wrap(people, grid)))
    tile = encode_tile(inputs, grid.window, rule_set())
    assert tile.codes[0, :6].tolist() == [0, 1, 3, 7, 15, 7]


def test_unit_that_cannot_be_meant_is_refused_for_each_raster():
    inputs = CellInputs(source([[1.0]]), source([[1.0]], "LAND.tif"), source([[0.1]], "BUILT.tif"))
    with pytest.raises(UsageError, match=r"LAND\.tif: declared in m2") as found:
        check_units(inputs, land_largest=1.0, built_up_largest=0.1)
    assert "share" in found.value.hint
    with pytest.raises(UsageError, match=r"BUILT\.tif: declared in m2"):
        check_units(inputs, land_largest=1e6, built_up_largest=0.1)
    check_units(inputs, land_largest=1e6, built_up_largest=0.0)


@pytest.mark.parametrize("tile_size", [None, 8])
def test_more_people_than_sums_can_hold_are_refused(tile_size):
    people = source(np.full((16, 16), 9e8)).data
    with pytest.raises(ValueRangeError, match="beyond 100 billion people in sum"):
        classify_cells(people, tile_size=tile_size)
    assert int(classify_cells(people[:8, :8], tile_size=tile_size)[0, 0]) == 3
