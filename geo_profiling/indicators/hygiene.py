"""The ladder of hygiene (SDG 6.2.1b), and sanitation with handwashing in one household."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.indicators.ladder import Ladder, both, column, member

HYGIENE_RUNGS = ("basic", "limited", "no_facility")
HygieneDenominator = Literal["observed", "all"]


def hygiene_ladder(frame: pd.DataFrame, *, denominator: HygieneDenominator = "observed") -> Ladder:
    """Return the ladder of hygiene, under one of the two denominators in use.

    Parameters
    ----------
    frame : DataFrame
        ``handwashing``, ``handwashing_water`` and ``handwashing_soap``.
    denominator : {"observed", "all"}
        "observed": households whose place to wash hands was seen, or that have none (the indicator).
        "all": also those where the interviewer was not allowed to look, on a rung of their own (the
        ladder as MICS prints it).

    Returns
    -------
    Ladder
        Rungs ``basic, limited, no_facility``, with "all" also ``not_observed``.

    Notes
    -----
    Basic: a place on the premises with water and soap. Limited: a place that lacks one of them; ash, mud
    and sand are no soap.

    References
    ----------
    SDG metadata 6-2-1b; DHS-Indicators, PH_HNDWSH; MICS6 tabulation WS.2.1 and WS.3.6.

    Examples
    --------
    >>> frame = pd.DataFrame({"handwashing": ["fixed", "mobile", "none", "no_permission"],
    ...                       "handwashing_water": [1, 1, None, None], "handwashing_soap": [1, 0, None, None]})
    >>> [hygiene_ladder(frame, denominator=kind).worst["basic"].tolist() for kind in ("observed", "all")]
    [[1.0, 0.0, 0.0, nan], [1.0, 0.0, 0.0, 0.0]]
    """
    if denominator not in ("observed", "all"):
        raise UsageError(f"'{denominator}' is not known", hint="one of observed, all")
    place = frame["handwashing"]
    has_place = member(place, ("fixed", "mobile"))
    unseen = place.isin(["no_permission", "other"]).to_numpy()
    equipped = both(column(frame, "handwashing_water"), column(frame, "handwashing_soap"))
    readings = []
    for fill in (0.0, 1.0):
        there = np.where(np.isnan(has_place), fill, has_place)
        full = np.where(np.isnan(equipped), fill, equipped)
        rungs = pd.DataFrame(
            dict(zip(HYGIENE_RUNGS, (there * full, there * (1 - full), 1 - there), strict=True)), index=frame.index
        )
        rungs.loc[unseen] = np.nan if denominator == "observed" else 0.0
        if denominator == "all":
            rungs["not_observed"] = unseen.astype(float)
        readings.append(rungs)
    return Ladder(readings[0], readings[1])


def sanitation_and_hygiene(sanitation: Ladder, hygiene: Ladder) -> pd.DataFrame:
    """Return which households have basic sanitation and a place to wash hands with water and soap, both.

    Returns
    -------
    DataFrame
        Columns ``worst`` and ``best``, 0-1; NaN where hygiene is outside its denominator.

    Examples
    --------
    >>> from geo_profiling.indicators.sanitation import sanitation_ladder
    >>> frame = pd.DataFrame({"toilet": ["flush_sewer", "pit_open"], "toilet_shared": 0, "handwashing": "fixed",
    ...                       "handwashing_water": 1, "handwashing_soap": 1})
    >>> sanitation_and_hygiene(sanitation_ladder(frame), hygiene_ladder(frame))["worst"].tolist()
    [1.0, 0.0]
    """
    return sanitation.at_least("basic") * hygiene.at_least("basic")
