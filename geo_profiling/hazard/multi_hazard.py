"""Several hazards at once: who is exposed to which of them together, on one refinement of all grids."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo_profiling.compute import Compute
from geo_profiling.errors import UsageError
from geo_profiling.hazard.exposure import BandTotals, joint_totals
from geo_profiling.hazard.kinds import HazardKind
from geo_profiling.raster.source import Source

#: More hazards than this have too many combinations to be read by anybody.
MAX_HAZARDS = 6


def joint_exposure(
    weights: Source,
    hazards: Mapping[str, tuple[Source, HazardKind, float]],
    zones: gpd.GeoDataFrame,
    *,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Count people by the set of hazards that they are exposed to: exact joint ground, no product of shares.

    Parameters
    ----------
    weights : Source
        People or another count.
    hazards : mapping of str to (Source, HazardKind, float)
        By name: raster, how it is read, and the threshold from which its ground is hazardous.
    zones : GeoDataFrame
        Valid polygons in the CRS of the weights.
    compute : Compute, optional
        Where to work.

    Returns
    -------
    DataFrame
        Columns zone, hazards (names joined by " + ", ``none`` where all are known and none is met, ``unknown``
        where none is met and one is unknown), n_hazards, value. The rows of a zone sum to its total.

    Raises
    ------
    UsageError
        If there are more than six hazards, or none.

    Examples
    --------
    >>> import shapely
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from geo_profiling.raster.grid import Grid
    >>> from geo_profiling.raster.source import ArraySource, wrap
    >>> grid = Grid(CRS("ESRI:54009"), Affine(100, 0, 0, 0, -100, 100), (1, 2))
    >>> people, flood, slope = (
    ...     ArraySource(wrap(np.array([values]), grid), name)
    ...     for name, values in (("people", [50.0, 10.0]), ("flood", [2.0, 0.0]), ("slope", [30.0, 3.0]))
    ... )
    >>> from geo_profiling.hazard.kinds import kind
    >>> found = joint_exposure(
    ...     people,
    ...     {"flood": (flood, kind("flood"), 0.5), "slope": (slope, kind("slope"), 15.0)},
    ...     gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200, 100)], crs="ESRI:54009"),
    ... )
    >>> found[found["value"] > 0][["hazards", "value"]].to_numpy().tolist()
    [['none', 10.0], ['flood + slope', 50.0]]
    """
    if not 1 <= len(hazards) <= MAX_HAZARDS:
        raise UsageError(f"{len(hazards)} hazards", hint=f"joint exposure is of 1 to {MAX_HAZARDS} hazards")
    names = sorted(hazards)
    states = joint_totals(
        weights,
        [hazards[name][0] for name in names],
        zones,
        kinds=[hazards[name][1] for name in names],
        thresholds=[hazards[name][2] for name in names],
        compute=compute,
    )
    rows = []
    sets = [part for size in range(len(names) + 1) for part in itertools.combinations(range(len(names)), size)]
    # each hazard is met (1), not met (0) or unknown (2)
    digits = np.array(list(itertools.product(range(3), repeat=len(names))))
    for part in sets:
        is_part = (digits == 1) == np.isin(np.arange(len(names)), part)
        chosen = is_part.all(axis=1)
        label = " + ".join(names[k] for k in part)
        if part:
            rows.append((label, len(part), states[:, chosen].sum(axis=1)))
        else:
            known = chosen & (digits != 2).all(axis=1)
            rows.append(("none", 0, states[:, known].sum(axis=1)))
            rows.append(("unknown", 0, states[:, chosen & ~known].sum(axis=1)))
    frames = [
        pd.DataFrame({"zone": zones.index, "hazards": label, "n_hazards": size, "value": values, "order": at})
        for at, (label, size, values) in enumerate(rows)
    ]
    table = pd.concat(frames, ignore_index=True)
    place = {label: at for at, label in enumerate(zones.index)}
    table["place"] = table["zone"].map(place)
    return table.sort_values(["place", "order"], ignore_index=True).drop(columns=["place", "order"])


def count_hazards(shares: pd.DataFrame, *, min_share: float = 0.0) -> pd.Series:
    """Count the hazards whose exposed share is above a limit, for each area.

    Parameters
    ----------
    shares : DataFrame
        A row an area, a column a hazard; exposed share (0-1) at the reference return period, NaN unknown.
    min_share : float
        Share above which a hazard counts.

    Returns
    -------
    Series
        ``n_hazards`` (Int64); NULL where nothing is known of any hazard.

    Examples
    --------
    >>> count_hazards(pd.DataFrame({"flood": [0.2, 0.0], "slope": [0.1, np.nan]})).tolist()
    [2, 0]
    """
    count = (shares > min_share).sum(axis=1).astype("Int64").rename("n_hazards")
    return count.where(shares.notna().any(axis=1))


def composite_score(shares: pd.DataFrame, weights: Mapping[str, float]) -> pd.Series:
    """Return the weighted mean of exposed shares: a matter of judgement, made only on request.

    Parameters
    ----------
    shares : DataFrame
        A column a hazard; exposed share (0-1).
    weights : mapping of str to float
        By hazard, above 0; publish them beside the score.

    Returns
    -------
    Series
        ``composite_score`` (0-1); NaN where a weighted hazard is unknown.

    Raises
    ------
    UsageError
        If a weight is of no hazard, or not above 0.

    Examples
    --------
    >>> composite_score(pd.DataFrame({"flood": [0.5], "slope": [0.1]}), {"flood": 3.0, "slope": 1.0}).tolist()
    [0.4]
    """
    foreign = sorted(set(weights) - set(shares.columns))
    if foreign or not weights or min(weights.values()) <= 0:
        raise UsageError(
            f"weights of {', '.join(foreign) or 'nothing, or not above 0'}",
            hint=f"hazards are {', '.join(map(str, shares.columns))}",
        )
    names = sorted(weights)
    given = np.array([weights[name] for name in names])
    scores = shares[names].to_numpy(dtype=float) @ (given / given.sum())
    return pd.Series(scores, index=shares.index, name="composite_score")


def hazardous_share(totals: Sequence[tuple[BandTotals, HazardKind, float, int]]) -> pd.DataFrame:
    """Return, for each zone, the share in hazardous location by each hazard, and bounds for any of them.

    The bounds need no joint overlay: the largest single share, and the sum of all, at most 1.

    Parameters
    ----------
    totals : sequence of (BandTotals, HazardKind, float, int)
        Totals, how they were read, the threshold from which ground is hazardous, and the place of the event
        that counts (the reference return period).

    Returns
    -------
    DataFrame
        Index of the zones; a column a hazard (by the kind's name), ``any_low`` and ``any_high``; NaN unknown.

    Examples
    --------
    >>> from geo_profiling.hazard.bands import Bands
    >>> totals = BandTotals(np.array([[[60.0, 0, 40, 0, 0, 0]]]), Bands((1.0,)), pd.Index(["a"]))
    >>> kind = HazardKind("x", bands=totals.bands)
    >>> hazardous_share([(totals, kind, 1.0, 0)])["any_low"].tolist()
    [0.4]
    """
    columns: dict[str, NDArray[np.float64]] = {}
    for one, how, threshold, event in totals:
        known = one.total[:, event] * one.coverage_share[:, event]
        exposed = one.of(*how.exposed_bands(threshold))[:, event]
        columns[how.name] = np.divide(exposed, known, out=np.full(len(known), np.nan), where=known > 0)
    table = pd.DataFrame(columns, index=totals[0][0].index)
    table["any_low"] = table[list(columns)].max(axis=1)
    table["any_high"] = table[list(columns)].sum(axis=1, min_count=1).clip(upper=1.0)
    return table
