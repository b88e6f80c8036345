"""Every stage of Belgium's classification against the golden stages, as partitions: ids are arbitrary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import rasterio

from geo_profiling.compute import Compute
from geo_profiling.delineation.cells import DENSE, WATER, CellInputs
from geo_profiling.delineation.centres import refine_centres
from geo_profiling.delineation.clusters import labels_of
from geo_profiling.delineation.paint import TileLabels, dense_cells
from geo_profiling.delineation.rules import rule_set
from geo_profiling.delineation.scan import Scan, scan_tiles
from geo_profiling.raster.components import pad_to_words
from geo_profiling.raster.read import open_raster
from geo_profiling.raster.tiling import TileStore, unpack


@dataclass(frozen=True)
class Stages:
    """The first pass over Belgium in tiles, and its store."""

    scan: Scan
    store: TileStore

    def codes(self) -> np.ndarray:
        return self.store.codes(self.store.grid.window)

    def clusters(self, kind: str, least: int) -> np.ndarray:
        """Label the components of a kind that reach a size class; 0 outside."""
        labels = np.zeros(self.store.grid.shape, np.int64)
        components = self.scan.components[kind]
        for index, window in enumerate(self.store.tiles):
            codes = unpack(self.store.get(index), (window.height, pad_to_words(window.width)))
            part = np.zeros(codes.shape, np.int64)
            wanted = np.where(components.classes(index) >= least, components.identities(index) + 1, 0)
            TileLabels.of(codes, self.scan.kinds[kind], window.width).paint(part, wanted)
            labels[window.slices] = part[:, : window.width]
        return labels


@pytest.fixture(scope="module", params=[None, 64])
def stages(request, shared_data):
    files = [open_raster(shared_data / "belgium" / f"{name}.tif") for name in ("POP", "LAND", "BUILT_S")]
    shape = files[0].grid.shape if request.param is None else (request.param, request.param + 7)
    with TileStore(files[0].grid, shape) as store:
        yield Stages(scan_tiles(CellInputs(*files), rule_set("2024"), 2, store, Compute(2)), store)


@pytest.fixture
def golden(shared_golden):
    def read(name: str) -> np.ndarray:
        with rasterio.open(shared_golden / "degurba" / "stages" / f"{name}.tif") as file:
            values = file.read(1)
            return np.where(values == file.nodata, 0, values.astype(np.int64) + 1)

    return read


def assert_same_partition(found: np.ndarray, golden: np.ndarray) -> None:
    np.testing.assert_array_equal(found > 0, golden > 0)
    pairs = np.unique(np.stack([found[found > 0], golden[found > 0]]), axis=1)
    assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]


def test_dense_cells(stages, golden):
    np.testing.assert_array_equal((stages.codes() & DENSE) != 0, golden("uc0_dense_mask") > 0)


def test_water(stages, golden):
    np.testing.assert_array_equal((stages.codes() & WATER) != 0, golden("water") > 0)


@pytest.mark.parametrize(
    ("kind", "least", "name"),
    [
        ("dense", 0, "uc0_patches_rook"),
        ("dense", 2, "uc1_clusters_rook_1500_or_b020_50k"),
        ("semi_dense", 1, "sduc_clusters_rook_900_2500"),
        ("urban", 1, "rc_clusters_queen_300_500"),
        ("urban", 2, "ucl_clusters_queen_300_5k"),
    ],
)
def test_clusters(stages, golden, kind, least, name):
    assert_same_partition(stages.clusters(kind, least), golden(name))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("uc1_clusters_rook_1500_or_b020_50k", {"smoothing": "none", "max_gap_km2": 0.0}),
        ("uc2_smooth_R2023A", {"max_gap_km2": 0.0}),
        ("uc3_smooth_then_gap15_R2023A", {}),
    ],
)
def test_urban_centres(stages, golden, name, changes):
    seeds = dense_cells(stages.scan, stages.store, Compute(1)).seeds()
    centres = refine_centres(seeds, stages.store, rule_set("2024", **changes), Compute(2))
    assert_same_partition(labels_of(centres, stages.store.grid), golden(name))
