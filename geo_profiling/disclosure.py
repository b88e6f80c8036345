"""Keeping small groups of people out of tables: small cells go, and as many others as it takes to keep them hidden.

A cell that is left blank is no secret while its row still adds up. So the published totals are looked at as
somebody would who wants to know: every relation between cells is an equation, every blank an unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack
from scipy.sparse.csgraph import connected_components

from geo_profiling.errors import GeoProfilingError, UsageError

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
#: SDMX's words for an observation: normal, low reliability, suppressed.
SurveyStatus = Literal["A", "U", "Q"]

#: Cells of fewer households are not published (tenure, conflicts, evictions).
MINIMUM_HOUSEHOLDS = 5
#: Survey estimates on fewer households are not published, and those on fewer than the second are marked.
SURVEY_MINIMUM_HOUSEHOLDS = 25
SURVEY_CAUTION_HOUSEHOLDS = 50
#: How a margin is written in a column of groups.
TOTAL = "all"

#: Its annotations know no sparse equations, which it takes.
_solve: Any = linprog

#: Other blocks of cells in which protection is looked for before all are.
_NEAR_BLOCKS = 4
#: Movements of a linear program below this are rounding.
_NOISE = 1e-6


def suppress(
    table: pd.DataFrame,
    groups: Sequence[str],
    *,
    count: str,
    values: Sequence[str],
    minimum: int = MINIMUM_HOUSEHOLDS,
    total: str = TOTAL,
) -> pd.DataFrame:
    """Blank the small cells of a table, and others where totals would give the small ones away.

    Definition: a cell of 1 to ``minimum`` - 1 is small. After suppression a reader who knows every
    published cell, that the groups add up to their totals and that a blank is at least 1, can say of
    a small cell no more than that it is some number from 1 to ``minimum`` or beyond (of a small
    total: from the number of its parts). A cell of 0 holds nobody and stays; one of unknown count is
    blank and counts as small.

    Parameters
    ----------
    table : DataFrame
        One row for each cell and each total, in any order and on any index.
    groups : sequence of str
        Columns whose values name a cell, together unique. A row with ``total`` in a column is the
        sum over that column; totals that are not in the table are not published and bind nothing.
        A combination that has no row is a cell of 0.
    count : str
        Column with the number of households (people, records) that a cell is made of.
    values : sequence of str
        Columns to blank; those that are whole numbers become nullable.
    minimum : int
        Smallest count that is published.
    total : str
        How a total is written in the columns of ``groups``.

    Returns
    -------
    DataFrame
        The table with NULL in ``values`` of suppressed cells, and ``is_suppressed``. Small cells and
        others are not told apart: that would help to guess them.

    Raises
    ------
    UsageError
        If a column is missing, a cell is there twice, a count is negative or ``minimum`` below 1.

    Examples
    --------
    >>> cells = pd.DataFrame({"tenure": ["freehold", "rented", "none", "all"], "n": [3, 9, 40, 52]})
    >>> suppress(cells, ["tenure"], count="n", values=["n"])["n"].tolist()
    [<NA>, <NA>, 40, 52]
    """
    hidden = suppressed_cells(table, groups, count=count, minimum=minimum, total=total)
    result = table.copy()
    for column in values:
        kept = result[column]
        if pd.api.types.is_integer_dtype(kept.dtype) and not pd.api.types.is_extension_array_dtype(kept.dtype):
            kept = kept.astype("Int64")
        result[column] = kept.mask(hidden)
    return result.assign(is_suppressed=hidden)


def suppressed_cells(
    table: pd.DataFrame,
    groups: Sequence[str],
    *,
    count: str,
    minimum: int = MINIMUM_HOUSEHOLDS,
    total: str = TOTAL,
) -> pd.Series:
    """Tell which cells of a table cannot be published.

    Parameters
    ----------
    table, groups, count, minimum, total
        As in :func:`suppress`.

    Returns
    -------
    Series of bool
        ``is_suppressed`` on the index of the table; the same whatever the order of its rows.

    Raises
    ------
    UsageError
        As :func:`suppress`.

    Examples
    --------
    >>> cells = pd.DataFrame({"sex": ["female", "male", "all"], "n": [30, 4, 34]})
    >>> suppressed_cells(cells, ["sex"], count="n").tolist()
    [True, True, False]
    """
    _require_cells(table, groups, count, minimum)
    order = np.lexsort([table[group].astype(str).to_numpy() for group in reversed(groups)])
    counts = table[count].astype("Float64").to_numpy(dtype=float, na_value=np.nan)[order]
    relations = table_relations(table.iloc[order], groups, total=total)
    hidden = np.empty(len(table), bool)
    blocks = pd.factorize(table[groups[0]].astype(str).to_numpy()[order])[0].astype(np.int64)
    hidden[order] = hide_cells(np.asarray(counts, np.float64), relations, blocks=blocks, minimum=minimum)
    return pd.Series(hidden, index=table.index, name="is_suppressed")


def _require_cells(table: pd.DataFrame, groups: Sequence[str], count: str, minimum: int) -> None:
    missing = [column for column in (*groups, count) if column not in table.columns]
    if missing:
        raise UsageError(f"table of cells: has no column {missing[0]!r}")
    if minimum < 1:
        raise UsageError(f"minimum of a cell: should be at least 1, not {minimum}")
    repeated = table.duplicated(list(groups), keep=False)
    if repeated.any():
        cell = table.loc[repeated, list(groups)].iloc[0].tolist()
        raise UsageError(f"table of cells: {cell} is there {int(repeated.sum())} times")
    if (table[count].fillna(0) < 0).any():
        raise UsageError(f"table of cells: a {count} is negative")


def table_relations(table: pd.DataFrame, groups: Sequence[str], *, total: str = TOTAL) -> csr_array:
    """Return the equations that hold between the cells of a table and its totals.

    Parameters
    ----------
    table : DataFrame
        Cells and totals, as in :func:`suppress`.
    groups : sequence of str
        Columns that name a cell.
    total : str
        How a total is written.

    Returns
    -------
    scipy.sparse.csr_array, shape (equations, cells)
        1 for the parts of a sum and -1 for the sum; each row times the cells is 0.

    Examples
    --------
    >>> cells = pd.DataFrame({"sex": ["female", "male", "all"], "n": [30, 4, 34]})
    >>> table_relations(cells, ["sex"]).toarray().tolist()
    [[1.0, 1.0, -1.0]]
    """
    keys = list(zip(*(table[group].astype(str) for group in groups), strict=True))
    place = {key: number for number, key in enumerate(keys)}
    sums: dict[tuple[tuple[str, ...], tuple[int, ...]], list[int]] = {}
    # Over several columns at once too: a grand total may stand there without the margins between.
    over = [axes for size in range(1, len(groups) + 1) for axes in combinations(range(len(groups)), size)]
    for key, number in place.items():
        for axes in over:
            if all(key[axis] != total for axis in axes):
                whole = tuple(total if axis in axes else name for axis, name in enumerate(key))
                if whole in place:
                    sums.setdefault((whole, axes), []).append(number)
    sums = {found: parts for found, parts in sums.items() if not _is_implied(found[1], parts, keys, place, total)}
    rows = [row for row, parts in enumerate(sums.values()) for _ in range(len(parts) + 1)]
    cells = [cell for (whole, _), parts in sums.items() for cell in (*parts, place[whole])]
    signs = [sign for parts in sums.values() for sign in (*([1.0] * len(parts)), -1.0)]
    return csr_array(coo_array((signs, (rows, cells)), shape=(len(sums), len(keys))))


def _is_implied(
    axes: tuple[int, ...],
    parts: list[int],
    keys: list[tuple[str, ...]],
    place: dict[tuple[str, ...], int],
    total: str,
) -> bool:
    """Tell whether a sum over several columns follows from sums over fewer: all margins between are there."""
    if len(axes) == 1:
        return False
    return any(all((*keys[part][:axis], total, *keys[part][axis + 1 :]) in place for part in parts) for axis in axes)


def hide_cells(
    counts: Floats,
    relations: csr_array,
    *,
    blocks: NDArray[np.int64] | None = None,
    minimum: int = MINIMUM_HOUSEHOLDS,
) -> Truths:
    """Choose the cells to blank: the small ones, and for each the cheapest others that hide it.

    For a small cell a linear program looks for other values of the cells that satisfy every
    relation, once with the cell at 1 and once at ``minimum``; a cell that has to differ becomes
    blank, at the price of its count. Blanks that are there already are free, so they protect each
    other. What a program found stays possible when more cells go, so one pass is enough.

    Parameters
    ----------
    counts : ndarray of float
        By cell; NaN is unknown.
    relations : csr_array, shape (equations, cells)
        From :func:`table_relations`, or any equations that the cells satisfy.
    blocks : ndarray of int, optional
        Block of each cell (its settlement): protection is looked for in few of them first, so that
        the time grows with the table and not with its square.
    minimum : int
        Smallest count that is published.

    Returns
    -------
    ndarray of bool
        Cells to blank.

    Raises
    ------
    GeoProfilingError
        If a linear program has no solution: the relations cannot be those of a table of counts.

    References
    ----------
    G. Sande, "Automated cell suppression to preserve confidentiality of business statistics",
    Statistical Journal of the United Nations 2 (1984); M. Fischetti and J. J. Salazar, "Models and
    algorithms for the 2-dimensional cell suppression problem in statistical disclosure control",
    Mathematical Programming 84 (1999).

    Examples
    --------
    >>> hide_cells(np.array([1.0, 1.0, 1.0, 50.0, 53.0]), csr_array([[1.0, 1, 1, 1, -1]])).tolist()
    [True, True, True, True, False]
    """
    labels = np.zeros(counts.size, np.int64) if blocks is None else blocks
    # An unknown count may be as small as one household.
    filled = np.where(np.isnan(counts), 1.0, counts)
    small = np.isnan(counts) | ((filled > 0) & (filled < minimum))
    hidden = small.copy()
    movable = np.flatnonzero(filled > 0)
    for own, matrix in _components(relations, movable):
        if matrix.shape[0]:
            hidden[own] = _hide_component(matrix, filled[own], small[own], labels[own], minimum)
    return hidden


def _components(relations: csr_array, cells: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], csr_array]]:
    """Return the groups of cells that some chain of equations connects, each with its equations."""
    matrix = csr_array(relations[:, cells])
    linked = csr_array(matrix.T @ matrix)
    linked.data[:] = 1.0  # an entry of 0 (signs that cancel) is a link all the same
    number, label = connected_components(linked, directed=False)
    found = []
    for component in range(number):
        inside = np.flatnonzero(label == component)
        own = csr_array(matrix[:, inside])
        found.append((cells[inside], csr_array(own[np.flatnonzero(np.diff(own.indptr)), :])))
    return found


def _hide_component(
    relations: csr_array, counts: Floats, small: Truths, blocks: NDArray[np.int64], minimum: int
) -> Truths:
    """Hide the small cells among cells that equations connect: :func:`hide_cells` for one component."""
    hidden = small.copy()
    # What any of the tables that were found so far makes of each cell.
    highest, lowest = counts.copy(), counts.copy()
    for cell in np.flatnonzero(small):
        for target, is_reached in ((minimum, highest[cell] >= minimum - _NOISE), (1, lowest[cell] <= 1 + _NOISE)):
            if not is_reached:
                moves = _cheapest(relations, counts, hidden, blocks, int(cell), target)
                np.maximum(highest, counts + moves, out=highest)
                np.minimum(lowest, counts + moves, out=lowest)
                hidden |= np.abs(moves) > _NOISE
    return hidden


def _cheapest(
    relations: csr_array, counts: Floats, hidden: Truths, blocks: NDArray[np.int64], cell: int, target: int
) -> Floats:
    """Return the cheapest changes that bring a cell to a target: a total of several parts not below their number."""
    # Prices of equal cells differ a little, so that the choice does not hang on the solver.
    price = np.where(hidden, 0.0, counts + 1.0 + 1e-4 * np.arange(counts.size) / counts.size)
    goals = [target] if target > counts[cell] else range(target, int(np.ceil(counts[cell])))
    near = _near(relations, price, blocks, cell)
    for goal in goals:
        # A few blocks mostly hold a way that is as cheap; all of them hold one for certain.
        for chosen in (near, np.arange(counts.size)):
            own = csr_array(relations[:, chosen])
            own = csr_array(own[np.flatnonzero(np.diff(own.indptr)), :])
            position = int(np.searchsorted(chosen, cell))
            found = _moves(own, counts[chosen], price[chosen], position, goal - float(counts[cell]))
            if found is not None:
                moves = np.zeros(counts.size)
                moves[chosen] = found
                return moves
    if target > counts[cell]:
        raise GeoProfilingError("suppression of small cells: the relations are not those of a table of counts")
    return np.zeros(counts.size)


def _near(relations: csr_array, price: Floats, blocks: NDArray[np.int64], cell: int) -> NDArray[np.int64]:
    """Return the cells of a cell's own block and of the few others in which its counterparts are cheapest."""
    equations = relations[:, [cell]].nonzero()[0]
    mates = np.unique(relations[equations, :].nonzero()[1])
    mates = mates[blocks[mates] != blocks[cell]]
    ranked = mates[np.argsort(price[mates], kind="stable")]
    others = list(dict.fromkeys(blocks[ranked].tolist()))[:_NEAR_BLOCKS]
    return np.flatnonzero(np.isin(blocks, [blocks[cell], *others]))


def _moves(relations: csr_array, counts: Floats, price: Floats, cell: int, change: float) -> Floats | None:
    """Return the cheapest changes of the cells that keep all relations; None where there are none."""
    size = counts.size
    up, down, least = np.full(size, np.inf), counts - 1.0, np.zeros(2 * size)
    if change > 0:
        least[cell], up[cell], down[cell] = change, change, 0.0
    else:
        least[size + cell], down[cell], up[cell] = -change, -change, 0.0
    answer = _solve(
        np.concatenate([price, price]),
        A_eq=hstack([relations, -relations], format="csr"),
        b_eq=np.zeros(relations.shape[0]),
        bounds=np.stack([least, np.concatenate([up, down])], axis=1),
        method="highs",
    )
    return answer.x[:size] - answer.x[size:] if answer.status == 0 else None


def possible_range(counts: Floats, relations: csr_array, hidden: Truths) -> tuple[Floats, Floats]:
    """Return the smallest and largest value that each cell can have, as a reader of the table can work out.

    The reader knows the published cells and the relations, and that a blank is at least 1. This is
    how a suppressed table is attacked, and how it is tested.

    Parameters
    ----------
    counts : ndarray of float
        By cell; satisfy the relations.
    relations : csr_array, shape (equations, cells)
        From :func:`table_relations`.
    hidden : ndarray of bool
        Blanks.

    Returns
    -------
    lower, upper : ndarray of float
        By cell; a published cell has its count in both, without an upper limit there is infinity.

    Raises
    ------
    UsageError
        If no values of the blanks satisfy the relations.

    Examples
    --------
    >>> relations = csr_array([[1.0, 1.0, -1.0]])
    >>> possible_range(np.array([3.0, 9.0, 12.0]), relations, np.array([True, True, False]))[1].tolist()
    [11.0, 11.0, 12.0]
    """
    lower, upper = counts.astype(float), counts.astype(float)
    blanks = np.flatnonzero(hidden)
    matrix = csr_array(relations[:, blanks])
    known = -(csr_array(relations[:, np.flatnonzero(~hidden)]) @ counts[~hidden])
    for position, cell in enumerate(blanks):
        aim = np.zeros(blanks.size)
        aim[position] = 1.0
        for sign, bound in ((1.0, lower), (-1.0, upper)):
            answer = _solve(sign * aim, A_eq=matrix, b_eq=known, bounds=(1.0, None), method="highs")
            if answer.status not in (0, 3):
                raise UsageError(f"table of cells: does not add up ({answer.message})")
            bound[cell] = np.inf if answer.status == 3 else answer.x[position]
    return lower, upper


def survey_status(
    households: pd.Series,
    *,
    minimum: int = SURVEY_MINIMUM_HOUSEHOLDS,
    caution: int = SURVEY_CAUTION_HOUSEHOLDS,
) -> pd.Series:
    """Tell how far a survey estimate may be published, by the households it rests on.

    Parameters
    ----------
    households : Series of numbers
        Unweighted households (not persons: those of one household are not independent); NULL is
        unknown.
    minimum : int
        Fewer are not published.
    caution : int
        Fewer than this are published as unreliable (printed tables put them in brackets).

    Returns
    -------
    Series of {"A", "U", "Q"}
        ``obs_status`` in SDMX's words: normal, low reliability, suppressed. Unknown is suppressed.

    References
    ----------
    The DHS Program, tables of its reports: under 25 unweighted cases are left out, 25-49 in brackets.

    Examples
    --------
    >>> survey_status(pd.Series([24, 25, 49, 50, None])).tolist()
    ['Q', 'U', 'U', 'A', 'Q']
    """
    number = households.astype("Float64").to_numpy(dtype=float, na_value=0.0)
    status = np.select([number < minimum, number < caution], ["Q", "U"], "A")
    return pd.Series(status, index=households.index, name="obs_status")
