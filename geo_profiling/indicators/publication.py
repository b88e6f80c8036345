"""From estimates to the published table: small cells suppressed, percent scaled, every field of the design."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.sparse.linalg import lsmr

from geo_profiling.disclosure import SURVEY_CAUTION_HOUSEHOLDS, SURVEY_MINIMUM_HOUSEHOLDS, survey_status
from geo_profiling.indicators.catalogue import CATALOGUE, Indicator
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
#: ``(kind, id)`` of an area, and the areas it is a part of, as ``"kind/id"``.
Nesting = Mapping[tuple[str, str], str | Collection[str]]
#: Kind of area, area, breakdown ("" for all), category.
Cell = tuple[str, str, str, str]
#: How much dearer it is to hide the figure of all people of an area than that of a part, and one of the whole survey.
TOTAL_PRICE = 4.0
WHOLE_PRICE = 1e6
#: Households missing from a sum that still tells: fewer than this.
_FEW = 5
#: With more cells hidden beside small ones than this, it is not tried to do without each.
_MOST_TRIED = 400


def suppress_small(
    estimates: pd.DataFrame,
    nesting: Nesting | None = None,
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
        ``(kind, id)`` of an area to the areas it is a part of as ``"kind/id"``, one or several, besides the whole:
        a zone of a city corporation. Only where it lies wholly inside.
    minimum, caution : int
        Households below which a value is blank, and below which it is marked.

    Returns
    -------
    DataFrame
        With ``obs_status``: A normal, U on few households or PSUs, Q suppressed. Modelled values stay: they tell of
        their strata, not of the few households in the area. Put them in afterwards
        (:func:`geo_profiling.indicators.estimates.fill_modelled`), so that what they replace counts as blank here.

    Notes
    -----
    The equations that a reader can use are: parts of a breakdown make up their area, areas of a kind make up the
    area they are parts of. No blank follows from the published values by them. (Estimates are suppressed because
    they rest on little; :mod:`geo_profiling.disclosure` hides counts of people, up to a range, and would take
    hours for the thousands of cells of a survey.) Of the cells that hide others the cheapest are taken, first parts
    of areas, then areas, and the survey's own area last; each is published again if it proves not to be needed.

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
    # In an order of its own, so that equal cells give way alike however the rows come.
    # Of whom nobody is known there is no value to protect, and nothing is missing from a sum.
    asked = direct & (result["n"] > 0).fillna(False).to_numpy(bool)
    ordered = result[asked].sort_values(["area_type", "area_id", "breakdown", "category"], kind="stable")
    # All breakdowns at once: a total that one of them hides would follow from the parts of another.
    for _, part in ordered.groupby("indicator", sort=True):
        cells = list(zip(part["area_type"], part["area_id"], part["breakdown"], part["category"], strict=True))
        small = frozenset(cell for cell, n in zip(cells, part["n"], strict=True) if n < minimum)
        # Most indicators miss the same few answers: what hides one set of small cells hides it again.
        key = (small, frozenset(cells))
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


def _hidden(cells: list[Cell], counts: npt.NDArray[np.float64], nesting: Nesting, minimum: int) -> set[Cell]:
    """Return the cells to blank: the small ones, and as few and unimportant others as keep them from being found."""
    relations = _relations(cells, counts, nesting)
    price = _prices(cells, counts)
    small = counts < minimum
    hidden = _with_companions(relations, small, price)
    others = np.flatnonzero(hidden & ~small)
    if len(others) <= _MOST_TRIED:
        for cell in others[np.argsort(-price[others], kind="stable")].tolist():
            hidden[cell] = False
            hidden[cell] = bool((determined(relations, hidden) & small).any())
    # What follows from the rest hides nothing.
    hidden &= small | ~determined(relations, hidden)
    return {cell for cell, gone in zip(cells, hidden, strict=True) if gone}


def _prices(cells: list[Cell], counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what hiding each cell costs: its households, more for all of an area, most for the whole."""
    totals = np.array([TOTAL_PRICE if category == TOTAL else 1.0 for *_, category in cells])
    wholes = np.array([WHOLE_PRICE if kind == WHOLE else 1.0 for kind, *_ in cells])
    return (counts + 1.0) * totals * wholes


def _with_companions(
    relations: csr_array, small: npt.NDArray[np.bool_], price: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Return the small cells and others beside them, until no small one can be worked out."""
    hidden = small.copy()
    by_cell = relations.tocsc()
    while len(found := np.flatnonzero(determined(relations, hidden) & small)):
        more: set[int] = set()
        # Where a sum lacks one cell alone the way to it is plain; the others often end with it, and one with another.
        ways = {cell: _alone_in(relations, by_cell, hidden, cell) for cell in found.tolist()}
        plain = [cell for cell, row in ways.items() if row is not None]
        for cell in plain or found.tolist()[:1]:
            used = _published_that_tell(relations, hidden, cell, ways[cell])
            if used and more.isdisjoint(used):
                more.add(min(used, key=lambda other: (price[other], other)))
        if not more:
            break
        hidden[list(more)] = True
    return hidden


def _alone_in(relations: csr_array, by_cell: csc_array, hidden: npt.NDArray[np.bool_], cell: int) -> int | None:
    """Return the first sum of which a blank is the only cell that is not published; None if there is none."""
    for row in by_cell.indices[by_cell.indptr[cell] : by_cell.indptr[cell + 1]].tolist():
        if hidden[relations.indices[relations.indptr[row] : relations.indptr[row + 1]]].sum() == 1:
            return int(row)
    return None


def _published_that_tell(relations: csr_array, hidden: npt.NDArray[np.bool_], cell: int, row: int | None) -> list[int]:
    """Return the published cells from which a blank is worked out: hiding any of them breaks that way to it."""
    if row is not None:
        others = relations.indices[relations.indptr[row] : relations.indptr[row + 1]].astype(np.intp)
    else:
        blanks = np.flatnonzero(hidden)
        target = (blanks == cell).astype(float)
        factors = lsmr(
            relations[:, blanks].T, target, atol=1e-13, btol=1e-13, conlim=0, maxiter=50 * (len(blanks) + 10)
        )
        others = np.flatnonzero(np.abs(relations.T @ factors[0]) > _STILL)
    return [other for other in others.tolist() if not hidden[other]]


def _relations(cells: list[Cell], counts: npt.NDArray[np.float64], nesting: Nesting) -> csr_array:
    """Return the sums that hold between cells: 1 for the parts and -1 for the whole; each row is one sum."""
    size = dict(zip(cells, counts, strict=True))
    place = {cell: number for number, cell in enumerate(cells)}
    sums: dict[tuple[Cell, str], list[Cell]] = {}
    for kind, area, breakdown, category in cells:
        if breakdown and (kind, area, "", TOTAL) in size:
            sums.setdefault(((kind, area, "", TOTAL), f"by {breakdown}"), []).append((kind, area, breakdown, category))
        wholes = [f"{WHOLE}/{WHOLE}"] if kind != WHOLE else []
        wholes += _listed(nesting.get((kind, area), ()))
        for whole in wholes:
            name, _, identifier = whole.partition("/")
            larger = (name, identifier, breakdown, category)
            if larger in size:
                sums.setdefault((larger, f"by area: {kind}"), []).append((kind, area, breakdown, category))
    # A few households in none of the parts are taken to be known: that hides more, never less. A larger rest is
    # an unknown of its own, and nothing follows.
    rests = [(target, parts, size[target] - sum(map(size.__getitem__, parts))) for (target, _), parts in sums.items()]
    kept = [(target, parts) for target, parts, rest in rests if 0 <= rest < _FEW]
    rows = [row for row, (_, parts) in enumerate(kept) for _ in range(len(parts) + 1)]
    columns = [place[cell] for target, parts in kept for cell in (*parts, target)]
    signs = [sign for _, parts in kept for sign in (*([1.0] * len(parts)), -1.0)]
    return csr_array(coo_array((signs, (rows, columns)), shape=(len(kept), len(cells))))


def _listed(wholes: str | Collection[str]) -> list[str]:
    return [wholes] if isinstance(wholes, str) else list(wholes)


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
        The fields of DESIGN, sorted; percent series and their bounds are 0-100. ``sex`` is that of the people who are
        counted (breakdown "adult_sex") and stays ``_T`` in breakdowns by the head of the household.

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
    adults = found["breakdown"] == "adult_sex"
    named = (found["breakdown"] != "") & ~residence & ~adults
    result = pd.DataFrame(
        {
            "area_type": found["area_type"],
            "area_id": found["area_id"].map(str),
            "indicator": found["indicator"],
            "series": [item.series or None for item in items],
            "time_period": time_period,
            "sex": found["category"].where(adults, TOTAL),
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
            "denominator_scope": scope if scope != "all" else _scopes(found, items),
        }
    )
    for column in ("ci_method", "n", "n_psu", "df", "n_eff", "deff", "coverage_share"):
        result[column] = found[column] if column in found.columns else None
    order = ["area_type", "area_id", "indicator", "breakdown", "sex", "urbanisation", "time_period"]
    return result.sort_values(order, kind="stable", ignore_index=True)[list(FIELDS)]


def _scopes(found: pd.DataFrame, items: list[Indicator]) -> list[str | None]:
    """Return whose share each row is: as it says itself, else as the catalogue does."""
    own = found["denominator_scope"].fillna("") if "denominator_scope" in found.columns else [""] * len(found)
    return [scope or item.denominator_scope or None for scope, item in zip(own, items, strict=True)]


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
