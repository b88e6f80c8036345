"""The indicators as SDMX-CSV, for statistical offices and the SDG data portal."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: The data flow of the SDGs.
DATAFLOW = "IAEG-SDGs:SDG(1.0)"
#: Columns in order: the flow, dimensions, the value, attributes.
COLUMNS = (
    "DATAFLOW", "FREQ", "REPORTING_TYPE", "SERIES", "REF_AREA", "SEX", "AGE", "URBANISATION",
    "INCOME_WEALTH_QUANTILE", "EDUCATION_LEV", "OCCUPATION", "CUST_BREAKDOWN", "COMPOSITE_BREAKDOWN",
    "DISABILITY_STATUS", "ACTIVITY", "PRODUCT", "TIME_PERIOD", "OBS_VALUE", "UNIT_MEASURE", "UNIT_MULT", "NATURE",
    "OBS_STATUS", "LOWER_BOUND", "UPPER_BOUND", "SOURCE_DETAIL",
)  # fmt: skip
_WHOLE = "_T"
#: The dimension and codes of quintiles; everything else is a breakdown of our own.
_QUINTILES = "wealth_quintile="


def sdmx_table(indicators: pd.DataFrame) -> pd.DataFrame:
    """Return the ``indicators`` table with the names of SDMX.

    Parameters
    ----------
    indicators : DataFrame
        The table as published.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`. Areas have ``<area_type>:<area_id>`` as REF_AREA, since no code list has settlements;
        indicators without an SDG series have their own id with an ``X_`` before it. What series and breakdown cannot
        say (components, denominator, design) stands in SOURCE_DETAIL. Suppressed values are empty with OBS_STATUS Q.

    References
    ----------
    SDMX-CSV 1.0 field guide; SDG data structure definition.

    Examples
    --------
    >>> row = {"area_type": "city", "area_id": "A", "indicator": "slum_household", "series": "EN_LND_SLUM",
    ...        "time_period": "2017", "sex": "_T", "age": "_T", "urbanisation": "_T", "breakdown": "_T",
    ...        "obs_value": 25.5, "unit_measure": "PT", "lower_bound": 20.0, "upper_bound": 31.0, "obs_status": "A",
    ...        "nature": "E", "components_used": "water", "denominator_scope": "all", "ci_method": "logit", "n": 400,
    ...        "n_psu": 40}
    >>> sdmx_table(pd.DataFrame([row]))[["SERIES", "REF_AREA", "OBS_VALUE"]].to_numpy().tolist()
    [['EN_LND_SLUM', 'city:A', 25.5]]
    """
    table = indicators.reset_index(drop=True)
    breakdown = table["breakdown"].astype(object).to_numpy()
    quintile = np.array([str(value).startswith(_QUINTILES) for value in breakdown], bool)
    own = [_WHOLE if fits else str(value) for fits, value in zip(quintile, breakdown, strict=True)]
    wealth = [
        str(value).removeprefix(_QUINTILES) if fits else _WHOLE for fits, value in zip(quintile, breakdown, strict=True)
    ]
    series = table["series"].astype(object)
    result = pd.DataFrame(
        {
            "DATAFLOW": DATAFLOW,
            "FREQ": "A",
            "REPORTING_TYPE": "L",
            "SERIES": series.where(series.notna(), "X_" + table["indicator"].astype(object)),
            "REF_AREA": table["area_type"].astype(object) + ":" + table["area_id"].astype(object),
            "SEX": table["sex"],
            "AGE": table["age"],
            "URBANISATION": table["urbanisation"],
            "INCOME_WEALTH_QUANTILE": wealth,
            "CUST_BREAKDOWN": own,
            "TIME_PERIOD": table["time_period"],
            "OBS_VALUE": table["obs_value"],
            "UNIT_MEASURE": table["unit_measure"],
            "UNIT_MULT": 0,
            "NATURE": table["nature"],
            "OBS_STATUS": table["obs_status"],
            "LOWER_BOUND": table["lower_bound"],
            "UPPER_BOUND": table["upper_bound"],
            "SOURCE_DETAIL": _details(table),
        }
    )
    for column in COLUMNS:
        if column not in result:
            result[column] = _WHOLE
    return result[list(COLUMNS)]


def _details(table: pd.DataFrame) -> list[str]:
    words = {
        "components_used": "components: {}",
        "denominator_scope": "denominator: {}",
        "ci_method": "interval: {}",
        "n": "households: {}",
        "n_psu": "PSUs: {}",
    }
    fields = [(text, table[name].astype(object)) for name, text in words.items() if name in table]
    return [
        "; ".join(text.format(values[row]) for text, values in fields if not pd.isna(values[row]))
        for row in range(len(table))
    ]
