"""Bands: names, limits that belong to the band above, units, nodata."""

from __future__ import annotations

import numpy as np
import pytest

from geo_profiling.errors import UsageError
from geo_profiling.hazard.bands import Bands, classify


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("edges", [(0.15, 0.5, 1.5), (0.1, 0.7, 1.0, 3.3), (0.05,)])
def test_a_limit_belongs_to_the_band_above_it(dtype: type[np.floating], edges: tuple[float, ...]) -> None:
    at = np.array(edges, dtype=dtype)
    bands = Bands(edges)
    assert bands.codes_of(at).tolist() == [bands.code(name) for name in bands.labels[1:]]
    assert bands.codes_of(np.nextafter(at, dtype(0))).tolist() == [bands.code(name) for name in bands.labels[:-1]]


def test_centimetres_are_compared_with_limits_in_centimetres() -> None:
    bands = Bands((0.15, 0.57, 1.5))
    codes = bands.codes_of(np.array([14.0, 15.0, 57.0, 150.0], np.float32), per_unit=100)
    assert [bands.classes[code] for code in codes] == list(bands.labels)


def test_dry_unknown_and_shallow_are_different_things() -> None:
    bands = Bands((0.15,))
    values = np.array([[0.0, 1e-6, np.nan]], np.float32)
    codes = bands.codes_of(values)
    assert [bands.classes[code] for code in codes[0]] == ["dry", "<0.15", "unknown"]
    assert [bands.classes[code] for code in bands.codes_of(values, has_dry=False)[0]] == ["<0.15", "<0.15", "unknown"]


def test_the_kernel_and_the_array_form_agree() -> None:
    values = np.random.default_rng(5).choice([0.0, 0.1, 0.15, 0.3, 0.5, 1.5, 7.0, np.nan], (40, 50)).astype(np.float32)
    bands = Bands()
    out = np.empty(values.shape, np.uint8)
    classify(values, np.array(bands.thresholds, np.float32), True, bands.code("unknown"), out)
    assert (out == bands.codes_of(values)).all()


@pytest.mark.parametrize("edges", [(), (0.5, 0.15), (0.5, 0.5), (float("nan"),), (0.5, float("inf"))])
def test_thresholds_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="make no bands"):
        Bands(edges)
