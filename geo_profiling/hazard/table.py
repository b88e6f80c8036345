"""Exposure as a long table: one row for each zone, measure, return period and band."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.errors import UsageError
from geo_profiling.hazard.bands import DRY, OUTSIDE, UNKNOWN, WATER
from geo_profiling.hazard.exposure import BandTotals
from geo_profiling.hazard.return_periods import AnnualExposure, annual_exposure, check_return_periods

COLUMNS = ("zone", "measure", "return_period", "band", "value")


def band_rows(totals: BandTotals, return_periods: Sequence[float], *, measure: str) -> pd.DataFrame:
    """Lay band totals out in rows, each return period's bands from the lowest up and ``unknown`` last.

    Parameters
    ----------
    totals : BandTotals
        One hazard raster for each return period, in the same order.
    return_periods : sequence of float
        Years.
    measure : str
        What is counted, for the column of that name.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`COLUMNS`; zones in their order, return periods rising. The lowest band holds what is dry
        as well, ``unknown`` what lies outside the raster. Rows ``permanent_water`` are there where it holds
        something. The bands of a zone and return period sum to what is there in all.

    Raises
    ------
    UsageError
        If a return period cannot be one, or their number does not fit.

    Examples
    --------
    >>> from geo_profiling.hazard.bands import Bands
    >>> totals = BandTotals(np.array([[[5.0, 1.0, 2.0, 0.5, 0.25, 0.0]]]), Bands((0.15,)), pd.Index(["a"]))
    >>> band_rows(totals, [100], measure="population")[["band", "value"]].to_numpy().tolist()
    [['<0.15', 6.0], ['>=0.15', 2.0], ['unknown', 0.75]]
    """
    order = _order(totals, return_periods)
    labels = totals.bands.labels
    groups = {labels[0]: (DRY, labels[0]), **{name: (name,) for name in labels[1:]}, UNKNOWN: (UNKNOWN, OUTSIDE)}
    if totals.of(WATER).any():
        groups[WATER] = (WATER,)
    values = np.stack([totals.of(*names)[:, order] for names in groups.values()], axis=2)
    years = [float(return_periods[at]) for at in order]
    return _rows(totals.index, measure, years, list(groups), values)


def known_exceeding(totals: BandTotals) -> NDArray[np.float64]:
    """Return what is at or above each threshold, shape (zones, hazards, thresholds); NaN where nothing is known.

    A zone that holds nothing at all exposes nothing: 0.

    Examples
    --------
    >>> from geo_profiling.hazard.bands import Bands
    >>> values = np.array([[[5.0, 1.0, 2.0, 9.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 9.0, 0.0, 0.0]]])
    >>> known_exceeding(BandTotals(values, Bands((0.15,)), pd.RangeIndex(2))).tolist()
    [[[2.0]], [[nan]]]
    """
    unknown = totals.of(UNKNOWN, OUTSIDE)
    is_unknown = (unknown > 0) & (totals.total - unknown <= 0)
    return np.where(is_unknown[:, :, None], np.nan, totals.exceeding())


def annual_of(totals: BandTotals, return_periods: Sequence[float]) -> AnnualExposure:
    """Return the expected annual exposure at or above each threshold, shape (zones, thresholds).

    Only what is known is counted; NaN where nothing is known at some return period. See
    :func:`geo_profiling.hazard.return_periods.annual_exposure`.

    Examples
    --------
    >>> from geo_profiling.hazard.bands import Bands
    >>> totals = BandTotals(np.array([[[5.0, 1.0, 2.0, 0.0, 0.0, 0.0]]]), Bands((0.15,)), pd.Index(["a"]))
    >>> annual_of(totals, [100]).expected
    array([[0.02]])
    """
    _order(totals, return_periods)
    return annual_exposure(known_exceeding(totals).transpose(0, 2, 1), return_periods)


def annual_rows(totals: BandTotals, return_periods: Sequence[float], *, suffix: str = "") -> pd.DataFrame:
    """Lay expected annual exposure and its bounds out in rows, one for each zone and threshold.

    Parameters
    ----------
    totals : BandTotals
        One hazard raster for each return period, in the same order.
    return_periods : sequence of float
        Years.
    suffix : str
        Of the measures ``eae``, ``eae_lower`` and ``eae_upper``.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`COLUMNS`; the return period is NaN.

    Raises
    ------
    UsageError
        As :func:`band_rows`.

    Examples
    --------
    >>> from geo_profiling.hazard.bands import Bands
    >>> totals = BandTotals(np.array([[[5.0, 1.0, 2.0, 0.0, 0.0, 0.0]]]), Bands((0.15,)), pd.Index(["a"]))
    >>> annual_rows(totals, [100], suffix="_lines")[["measure", "band", "value"]].to_numpy().tolist()
    [['eae_lines', '>=0.15', 0.02], ['eae_lower_lines', '>=0.15', 0.02], ['eae_upper_lines', '>=0.15', 0.02]]
    """
    found = annual_of(totals, return_periods)
    parts = {"eae": found.expected, "eae_lower": found.lower, "eae_upper": found.upper}
    bands = list(totals.bands.exceedances)
    frames = [
        _rows(totals.index, name + suffix, [math.nan], bands, values[:, None, :]) for name, values in parts.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _order(totals: BandTotals, return_periods: Sequence[float]) -> list[int]:
    """Places of the return periods in rising order, once there is one for each raster."""
    years = check_return_periods(return_periods)
    if totals.values.shape[1] != len(years):
        raise UsageError(f"{len(years)} return periods for {totals.values.shape[1]} hazard rasters")
    return [int(at) for at in np.argsort(return_periods)]


def _rows(
    index: pd.Index, measure: str, years: Sequence[float], bands: Sequence[str], values: NDArray[np.float64]
) -> pd.DataFrame:
    """Rows of values of shape (zones, return periods, bands)."""
    zones, periods, width = values.shape
    columns = (
        index.repeat(periods * width),
        measure,
        np.tile(np.repeat(np.asarray(years, dtype=np.float64), width), zones),
        np.tile(np.asarray(bands, dtype=object), zones * periods),
        values.ravel(),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
