"""What layers of informal settlements tell of their households, where the survey itself did not ask."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from geo_profiling.indicators.households import Households
from geo_profiling.indicators.ladder import Floats

#: Variables that layers can tell, by what is taken from them.
LAYER_VARIABLES = {
    "slum_area": ("is_slum_area",),
    "hazardous_location": ("hazardous_location",),
    "tenure": ("tenure_documented", "tenure_perceived_secure"),
}


def majority(low: pd.Series, high: pd.Series, *, share: float = 0.5) -> pd.Series:
    """Tell of each settlement whether something is true of most of its people.

    Parameters
    ----------
    low, high : Series
        Share (0-1) of its people of whom it is true, at least and at most; NaN where unknown.
    share : float
        From this share on it is taken to be true of the settlement.

    Returns
    -------
    Series
        1 where even the lower end reaches the share, 0 where even the upper end misses it, else NaN.

    Examples
    --------
    >>> majority(pd.Series([0.6, 0.4, 0.1]), pd.Series([0.9, 0.6, 0.3])).tolist()
    [1.0, nan, 0.0]
    """
    found = np.where(low >= share, 1.0, np.where(high < share, 0.0, np.nan))
    return pd.Series(found, index=low.index)


def tenure_by_settlement(shares: pd.DataFrame) -> pd.DataFrame:
    """Return which share of the adults of each settlement has documents, and feels secure, at least and at most.

    Parameters
    ----------
    shares : DataFrame
        Table ``tenure_shares`` as published: ``settlement_id``, ``measure``, ``sex``, ``tenure_type``, ``n``,
        ``n_known``, ``n_total``; NULL where suppressed.

    Returns
    -------
    DataFrame
        By settlement: ``documented_low``, ``documented_high``, ``perceived_low``, ``perceived_high``, 0-1. Adults of
        whom it is not known count for none and for all.

    Examples
    --------
    >>> rows = {"settlement_id": "S", "measure": ["documented", "perceived"], "sex": "all", "tenure_type": "all",
    ...         "n": [20.0, 50.0], "n_known": [80.0, 100.0], "n_total": 100.0}
    >>> tenure_by_settlement(pd.DataFrame(rows)).loc["S"].tolist()
    [0.2, 0.4, 0.5, 0.5]
    """
    whole = shares[(shares["sex"] == "all") & (shares["tenure_type"] == "all") & (shares["settlement_id"] != "all")]
    columns = {}
    for measure in ("documented", "perceived"):
        rows = whole[whole["measure"] == measure].set_index("settlement_id")
        total = rows["n_total"].where(rows["n_total"] > 0)
        columns[f"{measure}_low"] = rows["n"] / total
        columns[f"{measure}_high"] = (rows["n"] + rows["n_total"] - rows["n_known"]) / total
    return pd.DataFrame(columns).astype(float)


def with_settlement_layers(
    households: Households,
    settlement: pd.Series,
    *,
    hazard: pd.DataFrame | None = None,
    tenure: pd.DataFrame | None = None,
    takes: Collection[str] = tuple(LAYER_VARIABLES),
    share: float = 0.5,
) -> Households:
    """Give households what the layers tell of their settlement; what the survey asked itself stays as it is.

    Parameters
    ----------
    households : Households
    settlement : Series
        Settlement of each household, on its index; missing where it lies in none.
    hazard : DataFrame, optional
        By settlement: ``hazardous_share_low``, ``hazardous_share_high``, 0-1.
    tenure : DataFrame, optional
        As :func:`tenure_by_settlement` returns it.
    takes : collection of str
        Which of :data:`LAYER_VARIABLES` are taken.
    share : float
        Share of a settlement's people from which something is true of its households: see :func:`majority`.

    Returns
    -------
    Households
        With the variables named in ``from_layers``. Outside of settlements, and where a layer tells nothing or its
        bounds lie on both sides of the share, they are unknown.

    Examples
    --------
    >>> frame = pd.DataFrame({"person_weight": 1.0, "floor": ["durable"] * 3})
    >>> hazard = pd.DataFrame({"hazardous_share_low": [0.9], "hazardous_share_high": [0.9]}, index=["S1"])
    >>> found = with_settlement_layers(Households(frame, "x", ()), pd.Series(["S1", "S2", None]), hazard=hazard)
    >>> found.frame["hazardous_location"].tolist(), found.frame["is_slum_area"].tolist()
    ([1.0, nan, nan], [1.0, 1.0, 0.0])
    """
    told: dict[str, pd.Series | Floats] = {}
    names = settlement.map(str, na_action="ignore")
    if "slum_area" in takes:
        told["is_slum_area"] = settlement.notna().astype(float)
    if "hazardous_location" in takes and hazard is not None:
        told["hazardous_location"] = names.map(
            majority(hazard["hazardous_share_low"], hazard["hazardous_share_high"], share=share)
        )
    if "tenure" in takes and tenure is not None:
        for variable, measure in (("tenure_documented", "documented"), ("tenure_perceived_secure", "perceived")):
            told[variable] = names.map(majority(tenure[f"{measure}_low"], tenure[f"{measure}_high"], share=share))
    asked = {name for names in LAYER_VARIABLES.values() if any(map(households.has, names)) for name in names}
    new = {name: pd.Series(values, dtype=float) for name, values in told.items() if name not in asked}
    if not new:
        return households
    return replace(households, frame=households.frame.assign(**new), from_layers=tuple(new))
