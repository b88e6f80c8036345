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
