"""The Degree of Urbanisation written plainly with numpy and scipy, whole rasters in memory.

The peer of the benchmarks, and an independent second implementation for the tests.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

ROOK = ndimage.generate_binary_structure(2, 1)
QUEEN = ndimage.generate_binary_structure(2, 2)


def classify_level2(
    population: np.ndarray,
    land_share: np.ndarray,
    built_up_share: np.ndarray,
    *,
    threshold: float | None = 0.20,
    smoothing: str = "r2023a",
    semi_dense: tuple[float, float, np.ndarray, int] = (900.0, 2500.0, ROOK, 2),
    max_gap_cells: int = 14,
) -> np.ndarray:
    """Classify 1 km cells at Level 2; NaN population counts as nobody."""
    people = np.nan_to_num(population.astype(np.float64))
    density, dense, water = _cells(people, land_share, built_up_share, threshold)
    centres = urban_centres(people, dense, land_share, water, smoothing, max_gap_cells)
    classes = np.where(density >= 50, 12, np.where(water, 10, 11)).astype(np.int16)
    urban = density >= 300
    classes[_large(urban, people, QUEEN, 500)] = 13
    classes[_large(urban, people, QUEEN, 5000)] = 21
    dense_cluster = _large(dense, people, ROOK, 5000)
    low, least, structure, reach = semi_dense
    labels, n = ndimage.label(density >= low, structure)
    buffer = ndimage.binary_dilation(dense_cluster | (centres > 0), QUEEN, iterations=reach)
    keep = ndimage.sum_labels(people, labels, np.arange(n + 1)) >= least
    keep[np.unique(labels[buffer])] = False
    keep[0] = False
    classes[keep[labels]] = 22
    classes[dense_cluster] = 23
    classes[centres > 0] = 30
    return classes


def classify_level1(
    population: np.ndarray,
    land_share: np.ndarray,
    built_up_share: np.ndarray,
    *,
    threshold: float | None = 0.20,
    smoothing: str = "r2023a",
    max_gap_cells: int = 14,
) -> np.ndarray:
    """Classify 1 km cells at Level 1, directly."""
    people = np.nan_to_num(population.astype(np.float64))
    density, dense, water = _cells(people, land_share, built_up_share, threshold)
    centres = urban_centres(people, dense, land_share, water, smoothing, max_gap_cells)
    classes = np.where(water, 0, 1).astype(np.int16)
    classes[_large(density >= 300, people, QUEEN, 5000)] = 2
    classes[centres > 0] = 3
    return classes


def _cells(
    people: np.ndarray, land: np.ndarray, built: np.ndarray, threshold: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        density = people / land
        built_per_land = np.rint(built / land * 1000) / 1000
    dense = density >= 1500
    if threshold is not None:
        dense |= built_per_land >= threshold
    return density, dense, (land < 0.5) & (people <= 0) & (built <= 0)


def _large(mask: np.ndarray, people: np.ndarray, structure: np.ndarray, least: float) -> np.ndarray:
    labels, n = ndimage.label(mask, structure)
    keep = ndimage.sum_labels(people, labels, np.arange(n + 1)) >= least
    keep[0] = False
    return keep[labels]


def urban_centres(
    people: np.ndarray, dense: np.ndarray, land: np.ndarray, water: np.ndarray, smoothing: str, max_gap_cells: int
) -> np.ndarray:
    """Label urban centres: seeds, smoothing in full passes, gaps."""
    labels, _ = ndimage.label(_large(dense, people, ROOK, 50_000), ROOK)
    if smoothing != "none":
        invalid = (land < 0.5) & (people == 0)
        labels = _smooth(labels, invalid, water, majority=smoothing == "r2023a")
    filled = labels.copy()
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = labels[box] == number
        holes, _ = ndimage.label(ndimage.binary_fill_holes(inside) & ~inside, ROOK)
        sizes = np.bincount(holes.ravel())
        small = (sizes <= max_gap_cells) & (np.arange(sizes.size) > 0)
        filled[box][small[holes]] = number
    return filled


def _smooth(labels: np.ndarray, invalid: np.ndarray, water: np.ndarray, *, majority: bool) -> np.ndarray:
    shifts = [(i, j) for i in (0, 1, 2) for j in (0, 1, 2) if (i, j) != (1, 1)]
    rows, cols = labels.shape
    while True:
        padded = np.pad(labels, 1)
        around = [padded[i : i + rows, j : j + cols] for i, j in shifts]
        out = np.pad(invalid & (labels == 0), 1)
        valid = 8 - sum(out[i : i + rows, j : j + cols].astype(int) for i, j in shifts)
        joined = np.zeros_like(labels)
        for candidate in around:
            votes = sum((other == candidate).astype(int) for other in around)
            wins = (2 * votes > valid) & ~water if majority else votes >= 5
            joined = np.where(wins & (candidate > 0) & (labels == 0), candidate, joined)
        if not joined.any():
            return labels
        labels = np.where(joined > 0, joined, labels)
