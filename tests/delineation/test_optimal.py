"""The "optimal" built-up threshold: a mean over dense clusters, rounded up to one per cent."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from geo_profiling.compute import Compute
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.optimal import covers_the_world, optimal_built_up_threshold
from geo_profiling.errors import InputError, UsageError
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.source import ArraySource, wrap


def source(values) -> ArraySource:
    return ArraySource(wrap(values, Grid(CRS("ESRI:54009"), Affine(1000, 0, 2e5, 0, -1000, 5e6), values.shape)))


@pytest.mark.parametrize(("per", "expected"), [("cell", 0.25), ("land", 0.26)])
def test_belgium(shared_data, per, expected):
    files = [open_raster(shared_data / "belgium" / f"{name}.tif") for name in ("POP", "LAND", "BUILT_S")]
    assert optimal_built_up_threshold(CellInputs(*files), per=per, compute=Compute(threads=2)) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mean_of_a_whole_per_cent_is_not_rounded_up(dtype):
    people = source(np.full((3, 3), 2000, dtype))
    for per_cent in range(1, 100):
        built_up = source(np.full((3, 3), per_cent * 1e4, dtype))
        assert optimal_built_up_threshold(CellInputs(people, None, built_up), compute=Compute(1)) == per_cent / 100
    above = source(np.full((3, 3), 240_010, dtype))
    assert optimal_built_up_threshold(CellInputs(people, None, above)) == 0.25


def test_only_dense_clusters_of_5000_people_count_and_sides_connect():
    people = np.zeros((5, 5))
    people[0, :3] = 1700  # 5,100 people
    people[2, 0] = people[3, 1] = 3000  # 6,000 people that meet in a corner: two clusters below 5,000
    people[4, 4] = 1499
    built_up = np.full((5, 5), 0.9)
    built_up[0, :3] = [0.1, 0.2, np.nan]
    inputs = CellInputs(source(people), None, source(built_up), built_up_unit="share")
    assert optimal_built_up_threshold(inputs) == 0.15


def test_per_land_and_per_cell_differ_by_the_share_of_land():
    people, land, built_up = np.full((2, 2), 2000.0), np.full((2, 2), 0.5), np.full((2, 2), 0.2)
    inputs = CellInputs(source(people), source(land), source(built_up), "share", "share")
    assert optimal_built_up_threshold(inputs, per="land") == 0.4
    assert optimal_built_up_threshold(inputs, per="cell") == 0.2


def test_refused_without_built_up_or_without_dense_clusters():
    with pytest.raises(UsageError, match="needs a built-up grid"):
        optimal_built_up_threshold(CellInputs(source(np.ones((2, 2)))))
    with pytest.raises(InputError, match="no dense cluster"):
        optimal_built_up_threshold(CellInputs(source(np.ones((2, 2))), None, source(np.zeros((2, 2)))))


def test_which_grids_cover_the_world():
    mollweide = CRS("ESRI:54009")
    assert covers_the_world(Grid(mollweide, Affine(1000, 0, -18041000, 0, -1000, 9000000), (18000, 36082)))
    assert not covers_the_world(Grid(mollweide, Affine(1000, 0, 0, 0, -1000, 9000000), (18000, 18041)))
    assert not covers_the_world(Grid(mollweide, Affine(1000, 0, -18041000, 0, -1000, 9000000), (9000, 36082)))
