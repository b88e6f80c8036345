"""Safely managed water as JMP estimates it: the smallest of the margins in each stratum, weighted by people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from geo_profiling.indicators.estimates import COLUMNS, TOTAL, WHOLE, EstimationRules, direct_estimates
from geo_profiling.indicators.households import Households
from geo_profiling.indicators.intervals import estimate_interval
from geo_profiling.indicators.measures import Measure
from geo_profiling.indicators.water import WaterList, water_margins

#: Id in the catalogue.
INDICATOR = "water_safely_managed_minimum"
_MARGINS = ("premises", "available", "quality")
_STRATUM = "urbanisation"


def jmp_estimates(
    households: Households,
    areas: Mapping[str, pd.Series],
    *,
    water_list: WaterList = "jmp2017",
    rules: EstimationRules | None = None,
) -> pd.DataFrame:
    """Estimate safely managed water of each area by JMP's rule.

    In urban and rural households apart, where the survey tells them, the smallest of the shares with an improved
    source on the premises, available when needed, and free of contamination; then weighted by people. It is
    never below the share of people of whom all three are true, and must not be taken for it.

    Parameters
    ----------
    households : Households
    areas : mapping
        As for :func:`geo_profiling.indicators.estimates.direct_estimates`.
    water_list : {"jmp2017", "mdg", "unhabitat2003"}
    rules : EstimationRules, optional

    Returns
    -------
    DataFrame
        Columns :data:`geo_profiling.indicators.estimates.COLUMNS`, all people of each area; empty where quality was
        not measured. The standard error is that of the smallest margins, as if it were sure which are smallest.

    References
    ----------
    JMP methodology (2017 update), safely managed drinking water services; SDG metadata 6-1-1.

    Examples
    --------
    >>> from geo_profiling.indicators.households import map_households
    >>> from geo_profiling.indicators.mapping import ready_mapping
    >>> table = pd.DataFrame({"weight": 1.0 + np.arange(4), "persons": 1, "psu": [1, 2, 3, 4], "stratum": 1,
    ...     "water_source": "piped_yard", "water_available": [1, 0, 1, 1], "water_free_of_contamination": [0, 1, 1, 1]})
    >>> found = jmp_estimates(map_households(table, ready_mapping("plain")), {})
    >>> found[["estimate", "components_used"]].to_numpy().tolist()
    [[0.8, 'smallest margin: available']]
    """
    if not (households.has("water_source") and households.has("water_free_of_contamination")):
        return pd.DataFrame(columns=COLUMNS)
    rules = rules or EstimationRules()
    margins = water_margins(households.frame, water_list)
    measures = [
        Measure(name, margins[name].fillna(0.0), margins[name].fillna(1.0), is_good=True, policy="exclude")
        for name in _MARGINS
    ]
    strata = [_STRATUM] if households.has(_STRATUM) else []
    found = direct_estimates(households, measures, areas, breakdowns=strata, rules=rules)
    found = found[(found["breakdown"] == _STRATUM) | (not strata)]
    keys = ["area_type", "area_id", "category"]
    quality = found[(found["indicator"] == "quality") & found["estimate"].notna()][keys]
    found = found[pd.MultiIndex.from_frame(found[keys]).isin(pd.MultiIndex.from_frame(quality))]
    smallest = found.loc[found.dropna(subset=["estimate"]).groupby(keys)["estimate"].idxmin()]
    smallest = smallest.assign(people=_people(households, areas, smallest, bool(strata)))
    rows = [_weighted(part, rules) for _, part in smallest.groupby(keys[:2])]
    return pd.DataFrame(rows, columns=COLUMNS)


def _people(
    households: Households, areas: Mapping[str, pd.Series], rows: pd.DataFrame, by_stratum: bool
) -> list[float]:
    frame = households.frame
    every = {WHOLE: pd.Series(WHOLE, index=frame.index), **areas}
    stratum = frame[_STRATUM] if by_stratum else pd.Series(TOTAL, index=frame.index)
    counts = {kind: frame["person_weight"].groupby([ids.map(str), stratum]).sum() for kind, ids in every.items()}
    return [
        float(counts[str(kind)][str(area), category])
        for kind, area, category in zip(rows["area_type"], rows["area_id"], rows["category"], strict=True)
    ]


def _weighted(part: pd.DataFrame, rules: EstimationRules) -> dict[str, object]:
    """Weight the smallest margins of the strata of an area by their people."""
    share = part["people"].to_numpy() / part["people"].sum()
    estimate = np.array([(share * part["estimate"].to_numpy(float)).sum()]).clip(0.0, 1.0)
    se = np.array([np.sqrt(((share * part["se"].to_numpy(float)) ** 2).sum())])
    n, n_psu, df = (int(part[name].sum()) for name in ("n", "n_psu", "df"))
    low, high, method = estimate_interval(
        estimate, se, np.array([df]), np.array([n]), kind=rules.ci, is_proportion=True
    )
    used = ", ".join(
        f"{row['indicator']} ({row['category']})" if row["category"] != TOTAL else str(row["indicator"])
        for row in part.to_dict("records")
    )
    return {
        "area_type": part["area_type"].iloc[0], "area_id": part["area_id"].iloc[0], "indicator": INDICATOR,
        "breakdown": "", "category": TOTAL, "estimate": estimate[0], "se": se[0], "lower": low[0], "upper": high[0],
        "ci_method": method[0], "n": n, "n_psu": n_psu, "df": df, "n_eff": np.nan, "deff": np.nan,
        "coverage_share": float((share * part["coverage_share"].to_numpy(float)).sum()), "nature": "E",
        "components_used": f"smallest margin: {used}", "denominator_scope": "",
    }  # fmt: skip
