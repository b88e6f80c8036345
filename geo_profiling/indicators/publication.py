"""From estimates to the published table: small cells suppressed, percent scaled, every field of the design."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import lsmr

from geo_profiling.disclosure import SURVEY_CAUTION_HOUSEHOLDS, SURVEY_MINIMUM_HOUSEHOLDS, survey_status
from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.indicators.estimates import TOTAL, WHOLE

#: Fields of the ``indicators`` table, in order.
FIELDS = (
    "area_type", "area_id", "indicator", "series", "time_period", "sex", "age", "urbanisation", "breakdown",
    "obs_value", "unit_measure", "lower_bound", "upper_bound", "ci_method", "se", "n", "n_psu", "df", "n_eff", "deff",
    "obs_status", "nature", "components_used", "denominator_scope", "coverage_share",
)  # fmt: skip
#: PSUs and degrees of freedom below which a standard error is itself uncertain.
MIN_SURE_PSUS = 5
MIN_SURE_DF = 8
#: What moves less than this in the null space does not move.
_STILL = 1e-6
_BLANKED = ["estimate", "se", "lower", "upper", "ci_method", "n", "n_psu", "df", "n_eff", "deff", "coverage_share"]
Cell = tuple[str, str, str]


def suppress_small(
    estimates: pd.DataFrame,
    nesting: Mapping[tuple[str, str], str] | None = None,
    *,
    minimum: int = SURVEY_MINIMUM_HOUSEHOLDS,
    caution: int = SURVEY_CAUTION_HOUSEHOLDS,
) -> pd.DataFrame:
    """Blank estimates on few households, and others from which they could be worked out.

    Parameters
    ----------
    estimates : DataFrame
        As :func:`geo_profiling.indicators.estimates.direct_estimates` gives, modelled rows too.
    nesting : mapping, optional
        ``(kind, id)`` of an area to the kind of area it is a part of as ``"kind/id"``, besides the whole:
        a zone of a city corporation. Only where it lies wholly inside.
    minimum, caution : int
        Households below which a value is blank, and below which it is marked.

    Returns
    -------
    DataFrame
        With ``obs_status``: A normal, U on few households or PSUs, Q suppressed. Modelled values stay: they tell of
        their strata, not of the few households in the area.

    Notes
    -----
    The equations that a reader can use are: parts of a breakdown make up their area, areas of a kind make up the
    area they are parts of. No blank follows from the published values by them. (Estimates are suppressed because
    they rest on little; :mod:`geo_profiling.disclosure` hides counts of people, up to a range, and would take
    hours for the thousands of cells of a survey.)

    Examples
    --------
    >>> cells = pd.DataFrame({"area_type": ["survey_area", "zone", "zone"], "area_id": ["survey_area", "1", "2"],
    ...     "indicator": "slum_household", "breakdown": "", "category": "_T", "estimate": 0.5, "n": [104, 4, 100],
    ...     "nature": "E"})
    >>> suppress_small(cells)["obs_status"].tolist()
    ['A', 'Q', 'Q']
    """
    result = estimates.reset_index(drop=True).copy()
    direct = (result["nature"] != "M").to_numpy()
    result["obs_status"] = "A"
    result.loc[direct, "obs_status"] = survey_status(result.loc[direct, "n"], minimum=minimum, caution=caution)
    if {"n_psu", "df"} <= set(result.columns):
        few = direct & ((result["n_psu"] < MIN_SURE_PSUS) | (result["df"] < MIN_SURE_DF)).fillna(False).to_numpy(bool)
        result.loc[few & (result["obs_status"] == "A"), "obs_status"] = "U"
    known: dict[tuple[Hashable, ...], set[Cell]] = {}
    hidden = np.zeros(len(result), bool)
    total = result["breakdown"] == ""
    for breakdown in sorted(name for name in result["breakdown"].unique() if name) or [""]:
        chosen = direct & (total | (result["breakdown"] == breakdown)).to_numpy()
        # In an order of its own, so that equal cells give way alike however the rows come.
        ordered = result[chosen].sort_values(["area_type", "area_id", "category"], kind="stable")
        for _, part in ordered.groupby("indicator", sort=True):
            cells = list(zip(part["area_type"], part["area_id"], part["category"], strict=True))
            small = frozenset(cell for cell, n in zip(cells, part["n"], strict=True) if n < minimum)
            # Most indicators miss the same few answers: what hides one set of small cells hides it again.
            key = (breakdown, small, frozenset(cells))
            if key not in known:
                known[key] = _hidden(cells, part["n"].to_numpy(float), nesting or {}, minimum) if small else set()
            gone = known[key]
            hidden[part.index] |= np.array([cell in gone for cell in cells], bool)
    result.loc[hidden, "obs_status"] = "Q"
    blank = (result["obs_status"] == "Q").to_numpy()
    for column in _BLANKED:
        if column in result.columns:
            kept = result[column]
            if pd.api.types.is_integer_dtype(kept.dtype):
                kept = kept.astype("Int64")
            result[column] = kept.mask(blank)
    return result


def _hidden(
    cells: list[Cell], counts: npt.NDArray[np.float64], nesting: Mapping[tuple[str, str], str], minimum: int
) -> set[Cell]:
    """Return the cells to blank: the small ones, and others until no blank can be worked out."""
    relations = _relations(cells, counts, nesting)
    members = [relations.indices[start:end] for start, end in pairwise(relations.indptr)]
    sums_of: dict[int, list[int]] = {}
    for number, inside in enumerate(members):
        for cell in inside.tolist():
            sums_of.setdefault(cell, []).append(number)
    hidden = counts < minimum
    while True:
        used: set[int] = set()
        more: set[int] = set()
        for cell in np.flatnonzero(determined(relations, hidden)).tolist():
            # The sum that comes nearest to telling it, and there the smallest cell that is still published.
            tightest = min(sums_of[cell], key=lambda one: (hidden[members[one]].sum(), len(members[one]), one))
            still_shown = [other for other in members[tightest].tolist() if not hidden[other]]
            if still_shown and tightest not in used:
                used.add(tightest)
                more.add(min(still_shown, key=lambda other: (counts[other], other)))
        if not more:
            break
        hidden[list(more)] = True
    return {cell for cell, gone in zip(cells, hidden, strict=True) if gone}


def _relations(cells: list[Cell], counts: npt.NDArray[np.float64], nesting: Mapping[tuple[str, str], str]) -> csr_array:
    """Return the sums that hold between cells: 1 for the parts and -1 for the whole; each row is one sum."""
    size = dict(zip(cells, counts, strict=True))
    place = {cell: number for number, cell in enumerate(cells)}
    sums: dict[tuple[Cell, str], list[Cell]] = {}
    for kind, area, category in cells:
        if category != TOTAL and (kind, area, TOTAL) in size:
            sums.setdefault(((kind, area, TOTAL), "by category"), []).append((kind, area, category))
        wholes = [f"{WHOLE}/{WHOLE}"] if kind != WHOLE else []
        wholes += [nesting[kind, area]] if (kind, area) in nesting else []
        for whole in wholes:
            name, _, identifier = whole.partition("/")
            larger = (name, identifier, category)
            if larger in size:
                sums.setdefault((larger, f"by {kind}"), []).append((kind, area, category))
    # Households in no area of a kind, or without an answer, are taken to be known: that hides more, never less.
    kept = [(target, parts) for (target, _), parts in sums.items() if sum(map(size.__getitem__, parts)) <= size[target]]
    rows = [row for row, (_, parts) in enumerate(kept) for _ in range(len(parts) + 1)]
    columns = [place[cell] for target, parts in kept for cell in (*parts, target)]
    signs = [sign for _, parts in kept for sign in (*([1.0] * len(parts)), -1.0)]
    return csr_array(coo_array((signs, (rows, columns)), shape=(len(kept), len(cells))))


def determined(relations: csr_array, hidden: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which blanks follow from the published cells.

    A blank follows if it is the same in every solution of the sums: if all of their null space leaves it
    alone. A random vector brought into that space shows it, for it moves every cell that can move.

    Parameters
    ----------
    relations : csr_array, shape (sums, cells)
        Each row times the cells is known.
    hidden : ndarray of bool
        Blanks.

    Returns
    -------
    ndarray of bool
        By cell; False for those that are published.

    Examples
    --------
    >>> one_sum = csr_array([[1.0, 1.0, 1.0, -1.0]])
    >>> determined(one_sum, np.array([True, False, False, False])).tolist()
    [True, False, False, False]
    >>> determined(one_sum, np.array([True, True, False, False])).any()
    np.False_
    """
    result = np.zeros(len(hidden), bool)
    blanks = np.flatnonzero(hidden)
    if not len(blanks) or not relations.shape[0]:
        return result
    own = csr_array(relations[:, blanks])
    start = np.random.default_rng(len(blanks)).uniform(1.0, 2.0, len(blanks))
    part = lsmr(own, own @ start, atol=1e-13, btol=1e-13, conlim=0, maxiter=50 * (len(blanks) + 10))[0]
    result[blanks] = np.abs(start - part) < _STILL
    return result


def indicator_table(estimates: pd.DataFrame, *, time_period: str, scope: str = "all") -> pd.DataFrame:
    """Return estimates as rows of the ``indicators`` table.

    Parameters
    ----------
    estimates : DataFrame
        As :func:`suppress_small` returns them; shares 0-1.
    time_period : str
        Year of the data.
    scope : str
        Whose share it is, where it is not all people of the area.

    Returns
    -------
    DataFrame
        The fields of DESIGN, sorted; percent series and their bounds are 0-100. ``sex`` and ``age`` are
        those of people and stay ``_T`` in breakdowns by the head of the household.

    Examples
    --------
    >>> rows = pd.DataFrame({"area_type": "city", "area_id": "A", "indicator": "slum_household", "breakdown": "",
    ...     "category": "_T", "estimate": [0.25], "se": 0.01, "lower": 0.2, "upper": 0.3, "nature": "E",
    ...     "obs_status": "A", "components_used": "water"})
    >>> indicator_table(rows, time_period="2017")[["series", "obs_value", "unit_measure"]].to_numpy().tolist()
    [['EN_LND_SLUM', 25.0, 'PT']]
    """
    found = estimates.copy()
    items = [CATALOGUE[name] for name in found["indicator"]]
    factor = np.array([100.0 if item.unit_measure == "PT" else 1.0 for item in items])
    residence = found["breakdown"] == "urbanisation"
    named = (found["breakdown"] != "") & ~residence
    result = pd.DataFrame(
        {
            "area_type": found["area_type"],
            "area_id": found["area_id"].map(str),
            "indicator": found["indicator"],
            "series": [item.series or None for item in items],
            "time_period": time_period,
            "sex": TOTAL,
            "age": TOTAL,
            "urbanisation": found["category"].where(residence, TOTAL),
            "breakdown": (found["breakdown"] + "=" + found["category"]).where(named, TOTAL),
            "obs_value": found["estimate"] * factor,
            "unit_measure": [item.unit_measure for item in items],
            "lower_bound": found["lower"] * factor,
            "upper_bound": found["upper"] * factor,
            "se": found["se"] * factor,
            "obs_status": found["obs_status"],
            "nature": found["nature"],
            "components_used": found["components_used"].where(found["components_used"] != "", None),
            "denominator_scope": scope if scope != "all" else [item.denominator_scope or None for item in items],
        }
    )
    for column in ("ci_method", "n", "n_psu", "df", "n_eff", "deff", "coverage_share"):
        result[column] = found[column] if column in found.columns else None
    order = ["area_type", "area_id", "indicator", "breakdown", "urbanisation", "time_period"]
    return result.sort_values(order, kind="stable", ignore_index=True)[list(FIELDS)]


def wide_indicators(table: pd.DataFrame, area_type: str) -> pd.DataFrame:
    """Return the indicators of one kind of area side by side: a row an area, the value and its bounds.

    Parameters
    ----------
    table : DataFrame
        The ``indicators`` table.
    area_type : str

    Returns
    -------
    DataFrame
        ``area_id``, then for each indicator ``<id>``, ``<id>_low``, ``<id>_high``; totals only, the latest year.

    Examples
    --------
    >>> rows = pd.DataFrame({"area_type": "unit", "area_id": ["A"], "indicator": "slum_household", "sex": "_T",
    ...     "age": "_T", "urbanisation": "_T", "breakdown": "_T", "time_period": "2020", "obs_value": [31.0],
    ...     "lower_bound": [28.0], "upper_bound": [35.0]})
    >>> wide_indicators(rows, "unit").columns.tolist()
    ['area_id', 'slum_household', 'slum_household_low', 'slum_household_high']
    """
    totals = (table[["sex", "age", "urbanisation", "breakdown"]] == TOTAL).all(axis=1)
    part = table[(table["area_type"] == area_type) & totals].sort_values("time_period", kind="stable")
    part = part.drop_duplicates(["area_id", "indicator"], keep="last").set_index("area_id")
    columns: dict[str, pd.Series] = {}
    for name in CATALOGUE:
        own = part[part["indicator"] == name]
        if len(own):
            columns[name] = own["obs_value"]
            columns[f"{name}_low"] = own["lower_bound"]
            columns[f"{name}_high"] = own["upper_bound"]
    return pd.DataFrame(columns).sort_index().rename_axis("area_id").reset_index()
