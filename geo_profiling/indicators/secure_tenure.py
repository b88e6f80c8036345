"""SDG 1.4.2: adults with documents that prove their rights to land, and adults who feel secure in them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError
from geo_profiling.indicators.ladder import both, column


def secure_tenure(adults: pd.DataFrame) -> pd.DataFrame:
    """Return documented, perceived and secure tenure of each adult.

    Parameters
    ----------
    adults : DataFrame
        One row an adult of the legal age, whoever holds land or not: ``tenure_documented`` (named in a
        legally recognised document, alone or jointly), ``fears_loss`` (of the rights against one's will within
        five years) and ``may_bequeath``, each 1, 0 or NaN.

    Returns
    -------
    DataFrame
        ``documented`` and ``perceived_secure``, published apart, and ``secure`` (both): 1, 0 or NaN.

    Notes
    -----
    Perceived as secure: no fear of involuntary loss within five years and the right to bequeath, both. The
    denominator is all adults.

    References
    ----------
    SDG metadata 1-4-2. Series SP_LGL_LNDDOC, SP_LGL_LNDSEC, SP_LGL_LNDSTR.

    Examples
    --------
    >>> adults = pd.DataFrame({"tenure_documented": [1, 1], "fears_loss": [0, 0], "may_bequeath": [1, 0]})
    >>> secure_tenure(adults).to_numpy().tolist()
    [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    """
    documented = column(adults, "tenure_documented")
    perceived = both(1 - column(adults, "fears_loss"), column(adults, "may_bequeath"))
    return pd.DataFrame(
        {"documented": documented, "perceived_secure": perceived, "secure": both(documented, perceived)},
        index=adults.index,
    )


#: Measures of table ``tenure_shares``, and the indicator each is.
REGISTERED = {
    "documented": "tenure_documented", "perceived": "tenure_perceived_secure",
    "documented_and_perceived": "tenure_secure",
}  # fmt: skip
_SEXES = {"female": "F", "male": "M"}


def register_estimates(shares: pd.DataFrame, *, region: str) -> pd.DataFrame:
    """Return SDG 1.4.2 as a register of tenure tells it: by settlement, sex and type of tenure.

    Parameters
    ----------
    shares : DataFrame
        Table ``tenure_shares`` as published; suppressed figures are NULL and stay so.
    region : str
        Id of all settlements of the register together.

    Returns
    -------
    DataFrame
        As :func:`geo_profiling.indicators.estimates.direct_estimates` returns estimates, with ``obs_status``.
        A register is no sample: the bounds are those of adults of whom it is not known.

    Examples
    --------
    >>> row = {"settlement_id": "S", "measure": "documented", "sex": "female", "tenure_type": "all", "share": 0.25,
    ...        "n": 20.0, "n_known": 80.0, "n_total": 100.0, "coverage_share": 0.8, "n_households": 60,
    ...        "is_suppressed": False}
    >>> found = register_estimates(pd.DataFrame([row]), region="city")
    >>> found[["indicator", "breakdown", "category", "lower", "estimate", "upper"]].to_numpy().tolist()
    [['tenure_documented', 'adult_sex', 'F', 0.2, 0.25, 0.4]]
    """
    rows = shares[shares["measure"].isin(list(REGISTERED)) & (shares["sex"] != "unknown")].reset_index(drop=True)
    is_all = rows["settlement_id"] == "all"
    by_sex, by_type = rows["sex"] != "all", rows["tenure_type"] != "all"
    total = rows["n_total"].where(rows["n_total"] > 0)
    hidden = rows["is_suppressed"].astype(bool) | rows["share"].isna()
    found = pd.DataFrame(
        {
            "area_type": np.where(is_all, "register_area", "settlement"),
            "area_id": rows["settlement_id"].astype(object).where(~is_all, region),
            "indicator": rows["measure"].map(REGISTERED),
            "breakdown": np.where(by_sex, "adult_sex", np.where(by_type, "tenure_type", "")),
            "category": np.where(by_sex, rows["sex"].map(_SEXES), np.where(by_type, rows["tenure_type"], "_T")),
            "estimate": rows["share"],
            "se": np.nan,
            "lower": rows["n"] / total,
            "upper": (rows["n"] + rows["n_total"] - rows["n_known"]) / total,
            "ci_method": "adults of whom it is not known",
            "n": rows["n_households"],
            "coverage_share": rows["coverage_share"],
            "nature": "C",
            "components_used": "register of tenure",
            "denominator_scope": "adults in the register's settlements",
            "obs_status": np.where(hidden, "Q", "A"),
        }
    )
    figures = ["estimate", "lower", "upper", "ci_method", "n", "coverage_share"]
    found[figures] = found[figures].mask(hidden)
    # Where it is known of all adults there is nothing to bound.
    found[["lower", "upper", "ci_method"]] = found[["lower", "upper", "ci_method"]].mask(
        found["lower"] == found["upper"]
    )
    return found[~(by_sex & by_type)].reset_index(drop=True)


def adult_weight(household_weight: pd.Series, adults: pd.Series, *, name: str = "households") -> pd.Series:
    """Weight one adult drawn at random from each household: the household's weight times its adults.

    Raises
    ------
    InputError
        If a household of which an adult answered has none.

    Examples
    --------
    >>> adult_weight(pd.Series([10.0, 10.0]), pd.Series([1, 3])).tolist()
    [10.0, 30.0]
    """
    if not (adults >= 1).all():
        row = adults.index[int(np.argmax(~(adults >= 1)))]
        raise InputError(f"{name}: no number of adults in row {row}", hint="an adult answered: there is at least one")
    return household_weight * adults
