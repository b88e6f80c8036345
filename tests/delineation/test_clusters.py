"""Clusters as polygons: exact on the cell edges, ids that stay."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import CRS
from scipy import ndimage
from shapely import box

from geo_profiling.compute import Compute
from geo_profiling.delineation.cells import CellInputs
from geo_profiling.delineation.clusters import cluster_ids, cluster_polygons, labels_of
from geo_profiling.delineation.degurba import classify
from geo_profiling.delineation.paint import Clusters
from geo_profiling.delineation.rules import rule_set
from geo_profiling.raster.cellruns import CellRuns
from geo_profiling.raster.grid import Grid, Window
from geo_profiling.raster.source import ArraySource, wrap
from geo_profiling.vector.polygonise import polygonise_runs

MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def grid_at(shape, *, row: int = 0, col: int = 0, size=(1000.0, 1000.0)) -> Grid:
    """Cut out of one lattice, from a row and column on."""
    return Grid(CRS("ESRI:54009"), Affine(size[0], 0, size[0] * col, 0, -size[1], 5e6 - size[1] * row), shape)


def runs_of(mask, connectivity: int = 4) -> CellRuns:
    labels, _ = ndimage.label(mask, ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2))
    return CellRuns.concatenate([CellRuns.from_labels(labels.astype(np.int32), grid_at(mask.shape).window)])


@settings(max_examples=60)
@given(MASKS, st.sampled_from([4, 8]), st.sampled_from([(1000.0, 1000.0), (250.0, 400.0)]))
def test_polygons_are_valid_and_cover_exactly_the_cells(mask, connectivity, size):
    grid, runs = grid_at(mask.shape, size=size), runs_of(mask, connectivity)
    polygons = polygonise_runs(runs, grid)
    assert polygons.is_valid.all()
    assert polygons.area.sum() == pytest.approx(mask.sum() * size[0] * size[1])
    labels = labels_of(runs, grid)
    for owner, polygon in polygons.items():
        rows, cols = np.nonzero(labels == owner)
        cells = [box(*grid.crop(w).bounds) for w in _windows(rows, cols)]
        assert polygon.area == pytest.approx(sum(cell.area for cell in cells))
        assert all(polygon.covers(cell) for cell in cells)


def _windows(rows, cols):
    return [Window(int(row), int(col), 1, 1) for row, col in zip(rows, cols, strict=True)]


@settings(max_examples=60)
@given(MASKS, st.integers(0, 7), st.integers(0, 7))
def test_ids_are_unique_name_a_cell_of_the_cluster_and_ignore_where_the_raster_begins(mask, above, before):
    runs = runs_of(mask)
    grid = grid_at(mask.shape)
    ids = cluster_ids(runs, grid, prefix="UC")
    assert len(set(ids)) == len(ids) == len(np.unique(runs.owner))
    labels = labels_of(runs, grid)
    for owner, name in enumerate(ids, start=1):
        x, y = int(name.split("_")[1][1:]), int(name.split("_")[2][1:])
        assert labels[int((5e6 - y) // 1000), x // 1000] == owner
    wider = np.pad(mask, ((above, 1), (before, 2)))
    assert cluster_ids(runs_of(wider), grid_at(wider.shape, row=-above, col=-before), prefix="UC") == ids


def test_layer_is_sorted_by_people_and_then_by_id():
    mask = np.zeros((3, 9), bool)
    mask[1, [1, 4, 7]] = True
    clusters = Clusters(runs_of(mask), np.array([5.0, 9.0, 5.0]), np.array([False, True, False]))
    layer = cluster_polygons(clusters, grid_at(mask.shape), kind="urban_cluster")
    assert layer["population"].tolist() == [9.0, 5.0, 5.0]
    assert layer["cluster_id"].tolist() == ["CL_E4500_N4998500", "CL_E1500_N4998500", "CL_E7500_N4998500"]
    assert layer["touches_edge"].tolist() == [True, False, False]
    assert set(layer.geom_type) == {"MultiPolygon"}


def _cluster_layers(people, *, row=0, col=0, **options):
    grid = grid_at(people.shape, row=row, col=col)
    inputs = CellInputs(ArraySource(wrap(people, grid)))
    summary = classify(inputs, lambda w, v: None, level=2, rules=rule_set(), with_clusters=True, **options)
    return {kind: cluster_polygons(clusters, grid, kind=kind).to_wkt() for kind, clusters in summary.clusters.items()}


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(3, 30), st.integers(0, 9), st.integers(0, 9))
def test_tiles_threads_and_padding_give_the_same_layers(seed, tile_size, above, before):
    rng = np.random.default_rng(seed)
    people = np.kron(rng.choice([0, 200, 400, 1000, 1700, 9000], (4, 5)), np.ones((6, 6)))
    people *= rng.random(people.shape) > 0.1
    people = np.pad(people, 4)
    first = _cluster_layers(people)
    assert first.keys() >= {"urban_cluster"} or people.max() < 5000
    for options in ({"tile_size": tile_size, "compute": Compute(3)}, {"tile_size": 7, "compute": Compute(1)}):
        found = _cluster_layers(people, **options)
        assert found.keys() == first.keys()
        assert all(found[kind].equals(first[kind]) for kind in first)
    padded = _cluster_layers(np.pad(people, ((above, 2), (before, 3))), row=-above, col=-before)
    assert padded.keys() == first.keys()
    assert all(padded[kind].equals(first[kind]) for kind in first)
