"""Classes can be told apart by everybody."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from geo_profiling.outputs.legend import CELL_LEVEL1, CELL_LEVEL2, UNIT_LEVEL1, UNIT_LEVEL2, ClassLabel

# Machado, Oliveira, Fernandes 2009, severity 1.0
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, vision: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* of a colour as such an eye sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(vision @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("legend", [CELL_LEVEL1, CELL_LEVEL2, UNIT_LEVEL1, UNIT_LEVEL2])
def test_colours_differ_for_every_kind_of_eye(vision: str, legend: tuple[ClassLabel, ...]) -> None:
    for first, second in combinations(legend, 2):
        distance = np.linalg.norm(lab(first.colour, VISION[vision]) - lab(second.colour, VISION[vision]))
        assert distance > 15, (first.label, second.label)


def test_codes_are_those_of_the_manual() -> None:
    assert [entry.code for entry in CELL_LEVEL2] == [30, 23, 22, 21, 13, 12, 11, 10]
    assert [entry.code for entry in CELL_LEVEL1] == [3, 2, 1, 0]
    assert [entry.code for entry in UNIT_LEVEL2] == [30, 23, 22, 21, 13, 12, 11]
    assert [entry.code for entry in UNIT_LEVEL1] == [1, 2, 3]
