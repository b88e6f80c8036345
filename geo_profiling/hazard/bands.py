"""Bands of hazard intensity: their limits, names and codes, and tables of what lies in them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from geo_profiling.errors import UsageError, ValueRangeError
from geo_profiling.findings import Finding
from geo_profiling.hazard.return_periods import AnnualExposure, annual_exposure

HazardUnit: TypeAlias = Literal["m", "cm"]
NodataMeans: TypeAlias = Literal["unknown", "dry"]

#: Limits of the bands of flood depth in metres (Rentschler et al. 2022 count exposure from 0.15 m).
DEPTH_EDGES = (0.15, 0.5, 1.5)
#: The name of what no map tells about.
UNKNOWN = "unknown"
#: Depths beyond this are no flood, in metres; beyond the second they deserve a look.
MAX_DEPTH_M = 100.0
DOUBTFUL_DEPTH_M = 25.0
#: Stands for "no data" too often to be a depth in centimetres.
_FILL_DEPTH = 9999.0
_MOST_EDGES = 100
_UNITS_PER_M: dict[HazardUnit, int] = {"m": 1, "cm": 100}


@dataclass(frozen=True)
class Bands:
    """Bands closed on the left: below the first limit, between two, from the last one on; and unknown.

    Parameters
    ----------
    edges : tuple of float
        Rising limits, above 0, in metres where the hazard is a depth.

    Raises
    ------
    UsageError
        If there is none, or they do not rise from above 0.

    Examples
    --------
    >>> Bands((0.15, 0.5, 1.5)).names
    ('<0.15', '0.15-0.5', '0.5-1.5', '>=1.5', 'unknown')
    """

    edges: tuple[float, ...] = DEPTH_EDGES

    def __post_init__(self) -> None:
        rising = all(first < second for first, second in zip(self.edges, self.edges[1:], strict=False))
        usable = self.edges and all(math.isfinite(edge) and edge > 0 for edge in self.edges)
        if not (rising and usable and len(self.edges) <= _MOST_EDGES):
            shown = ", ".join(f"{edge:g}" for edge in self.edges[:10]) or "none"
            raise UsageError(f"the limits of bands must rise from above 0: {shown}", hint="for example 0.15,0.5,1.5")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands, from the lowest, and ``unknown``."""
        texts = [number_text(edge) for edge in self.edges]
        between = [f"{low}-{high}" for low, high in itertools.pairwise(texts)]
        return (f"<{texts[0]}", *between, f">={texts[-1]}", UNKNOWN)

    @property
    def at_least(self) -> tuple[str, ...]:
        """Names of everything from each limit on."""
        return tuple(f">={number_text(edge)}" for edge in self.edges)

    def limits(self, unit: HazardUnit = "m") -> NDArray[np.float64]:
        """Return the limits in the unit of a map.

        Examples
        --------
        >>> Bands((0.29, 1.5)).limits("cm")
        array([ 29., 150.])
        """
        # 0.29 * 100 is a hair below 29 in binary
        return np.array([float(Decimal(repr(edge)) * _UNITS_PER_M[unit]) for edge in self.edges])


@dataclass(frozen=True)
class BandTable:
    """What lies in each band of a hazard, by zone and return period.

    Attributes
    ----------
    index : pandas.Index
        The zones.
    return_periods : tuple of float
        Years, rising.
    bands : Bands
    values : ndarray of float64, shape (zones, return periods, bands and unknown)
        People, buildings or metres.
    total : ndarray of float64, shape (zones,)
        What is there in all, counted on its own: the bands of each return period sum to it.
    """

    index: pd.Index
    return_periods: tuple[float, ...]
    bands: Bands
    values: NDArray[np.float64]
    total: NDArray[np.float64]

    @property
    def exceeding(self) -> NDArray[np.float64]:
        """What lies at or above each limit, shape (zones, limits, return periods); NaN where all is unknown."""
        from_top = np.cumsum(self.values[:, :, -2:0:-1], axis=2)[:, :, ::-1]
        known = self.values[:, :, :-1].sum(axis=2)
        is_unknown = (known == 0) & (self.values[:, :, -1] > 0)
        return np.where(is_unknown[:, :, None], np.nan, from_top).transpose(0, 2, 1)

    @property
    def known_share(self) -> NDArray[np.float64]:
        """Share of the total whose band is known, shape (zones, return periods); NaN where there is nothing."""
        known = self.values[:, :, :-1].sum(axis=2)
        whole = known + self.values[:, :, -1]
        return np.divide(known, whole, out=np.full(whole.shape, np.nan), where=whole > 0)

    def annual(self, *, running_maximum: bool = False) -> AnnualExposure:
        """Return the expected annual exposure from each limit on, of shape (zones, limits).

        See :func:`geo_profiling.hazard.return_periods.annual_exposure`.
        """
        return annual_exposure(self.exceeding, self.return_periods, running_maximum=running_maximum)

    def long(self, measure: str) -> pd.DataFrame:
        """Return the table with one row for each zone, return period and band.

        Returns
        -------
        pandas.DataFrame
            Columns zone, measure, return_period, band, value.

        Examples
        --------
        >>> table = BandTable(pd.Index(["a"]), (10.0,), Bands((1.0,)), np.array([[[4.0, 2.0, 1.0]]]), np.array([7.0]))
        >>> table.long("population")[["zone", "return_period", "band", "value"]].to_numpy().tolist()
        [['a', 10.0, '<1', 4.0], ['a', 10.0, '>=1', 2.0], ['a', 10.0, 'unknown', 1.0]]
        """
        return long_rows(self.index, measure, self.return_periods, self.bands.names, self.values)

    def long_annual(self, *, suffix: str = "") -> pd.DataFrame:
        """Return expected annual exposure and its bounds, one row for each zone and limit.

        Parameters
        ----------
        suffix : str
            Of the measures ``eae``, ``eae_lower`` and ``eae_upper``.

        Returns
        -------
        pandas.DataFrame
            As :meth:`long`, with NaN return periods.
        """
        found = self.annual()
        parts = {"eae": found.estimate, "eae_lower": found.lower, "eae_upper": found.upper}
        return pd.concat(
            [
                long_rows(self.index, name + suffix, (math.nan,), self.bands.at_least, values[:, None, :])
                for name, values in parts.items()
            ],
            ignore_index=True,
        )


def number_text(value: float) -> str:
    """Write a limit or return period as briefly as reads back the same.

    Examples
    --------
    >>> number_text(0.5), number_text(100.0)
    ('0.5', '100')
    """
    return np.format_float_positional(value, unique=True, trim="-")


def long_rows(
    index: pd.Index,
    measure: str,
    return_periods: Sequence[float],
    bands: Sequence[str],
    values: NDArray[np.float64],
) -> pd.DataFrame:
    """Lay values of shape (zones, return periods, bands) out in rows: zone, measure, return_period, band, value.

    Examples
    --------
    >>> long_rows(pd.Index([7]), "eae", [np.nan], [">=1"], np.array([[[2.5]]]))["value"].tolist()
    [2.5]
    """
    zones, periods, width = values.shape
    return pd.DataFrame(
        {
            "zone": index.repeat(periods * width),
            "measure": measure,
            "return_period": np.tile(np.repeat(np.asarray(return_periods, dtype=np.float64), width), zones),
            "band": np.tile(np.asarray(bands, dtype=object), zones * periods),
            "value": values.ravel(),
        }
    )


def band_codes(
    values: NDArray[Any], bands: Bands, *, unit: HazardUnit = "m", nodata_means: NodataMeans = "unknown"
) -> tuple[NDArray[np.uint8], float]:
    """Classify values on a hazard map.

    Parameters
    ----------
    values : ndarray of float32 or float64
        As stored; NaN is nodata.
    bands : Bands
        Limits are compared as numbers of the map's own type: a limit that the map holds is in the band above it.
    unit : {"m", "cm"}
        Of the values.
    nodata_means : {"unknown", "dry"}
        What the map's provider says of its nodata.

    Returns
    -------
    codes : ndarray of uint8, shape of ``values``
        Position in :attr:`Bands.names`.
    greatest : float
        Greatest value, 0 where there is none.

    Examples
    --------
    >>> codes, greatest = band_codes(np.array([[0.0, 0.15, np.nan, 2.0]]), Bands())
    >>> codes.tolist(), greatest
    ([[0, 1, 4, 3]], 2.0)
    """
    limits = bands.limits(unit).astype(values.dtype)
    codes = np.empty(values.shape, np.uint8)
    of_nodata = 0 if nodata_means == "dry" else len(limits) + 1
    return codes, float(_encode(values.reshape(-1), limits, np.uint8(of_nodata), codes.reshape(-1)))


@njit(nogil=True, cache=True)
def _encode(values: NDArray[Any], limits: NDArray[Any], of_nodata: np.uint8, codes: NDArray[np.uint8]) -> float:
    greatest = values.dtype.type(0)
    if len(limits) == 3:
        # the usual number, without an inner loop: the compiler makes vector instructions of it
        first, second, third = limits[0], limits[1], limits[2]
        for i in range(len(values)):
            value = values[i]
            code = np.uint8(value >= first) + np.uint8(value >= second) + np.uint8(value >= third)
            codes[i] = code if value == value else of_nodata
            greatest = value if value > greatest else greatest
        return greatest
    for i in range(len(values)):
        value = values[i]
        code = np.uint8(0)
        for limit in limits:
            code += np.uint8(value >= limit)
        codes[i] = code if value == value else of_nodata
        greatest = value if value > greatest else greatest
    return greatest


def require_plausible_depth(greatest: float, *, unit: HazardUnit, name: str) -> None:
    """Refuse a map whose greatest value is no flood depth: an undeclared fill value, or another unit.

    Parameters
    ----------
    greatest : float
        In ``unit``.
    unit : {"m", "cm"}
        As declared.
    name : str
        Of the map, for the message.

    Raises
    ------
    ValueRangeError
        If it is deeper than 100 m, or 9999.

    Examples
    --------
    >>> require_plausible_depth(3.5, unit="m", name="rp100.tif")
    """
    if greatest <= MAX_DEPTH_M * _UNITS_PER_M[unit] and greatest != _FILL_DEPTH:
        return
    other = "" if unit == "cm" else "; if the map is in centimetres, say so (--hazard-unit cm)"
    raise ValueRangeError(
        f"{name}: a depth of {greatest:g} {unit} cannot be",
        hint=f"if {greatest:g} means 'no data', declare it as nodata in the file{other}",
    )


def depth_findings(greatest: float, *, unit: HazardUnit, name: str) -> list[Finding]:
    """Return a warning where the greatest depth of a map makes its unit doubtful.

    Examples
    --------
    >>> print(*depth_findings(80.0, unit="m", name="rp100.tif"))
    rp100.tif: its greatest depth is 80 m
    >>> depth_findings(80.0, unit="cm", name="rp100.tif")
    []
    """
    if greatest <= DOUBTFUL_DEPTH_M * _UNITS_PER_M[unit]:
        return []
    remedy = "check the unit" + ("" if unit == "cm" else ": if it is centimetres, say --hazard-unit cm")
    return [Finding("warning", name, "", f"its greatest depth is {greatest:g} {unit}", remedy)]
