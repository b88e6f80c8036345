"""Commuting: checked tables of flows, employed residents and cities, and the shares that follow from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding, Severity, raise_on_errors

Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]

FLOW_COLUMNS = ("origin", "destination", "workers")
EMPLOYED_COLUMNS = ("code", "employed_residents_total")
CITY_COLUMNS = ("code", "city_id")
#: Workers in the flows of a unit may exceed its employed residents by this share (rounding,
#: disclosure control) before the two tables cannot belong together.
MAX_EXCESS_SHARE = 0.05
#: ... and by this many workers, so that units with a handful of workers do not stop the work.
MAX_EXCESS_WORKERS = 10
#: Counts are kept exactly to this many decimals (flows that were estimated from samples).
MAX_DECIMALS = 6
_LISTED = 5
_OUTSIDE = -1


@dataclass(frozen=True)
class Commuting:
    """Who works where, by position of the unit; counts are whole numbers of ``1 / per_worker`` workers.

    Attributes
    ----------
    unit_ids : pandas.Index
        As they came.
    flows : scipy.sparse.csr_array of int
        Row: where they live; column: where they work. Destinations outside the units are left out.
    employed : ndarray of int
        All employed residents, those who work outside the units or at an unknown place included: the
        denominator of every share. 0 where unknown.
    is_known : ndarray of bool
        Whether the number of employed residents is known.
    per_worker : int
        1 where all counts are whole numbers.
    """

    unit_ids: pd.Index
    flows: csr_array
    employed: Integers
    is_known: Truths
    per_worker: int


@dataclass
class _Table:
    """A table under check: its rows' meaning in messages, and what was found."""

    frame: pd.DataFrame
    name: str
    findings: list[Finding] = field(default_factory=list)

    def say(self, severity: Severity, message: str, remedy: str = "", place: str = "") -> None:
        self.findings.append(Finding(severity, self.name, place, message, remedy))

    def refuse(self, rows: Truths, message: str, remedy: str) -> None:
        """Add one error for all marked rows, which names the first (1 is the header)."""
        if rows.any():
            first = int(np.flatnonzero(rows)[0])
            shown = ", ".join(f"{name} {value!r}" for name, value in self.frame.iloc[first].items())
            self.say("error", f"{message} in {int(rows.sum()):,} rows; the first: {shown}", remedy, f"row {first + 2}")


def commuting_flows(
    flows: pd.DataFrame,
    employed: pd.DataFrame,
    unit_ids: pd.Index,
    *,
    flow_columns: Sequence[str] = FLOW_COLUMNS,
    employed_columns: Sequence[str] = EMPLOYED_COLUMNS,
    names: tuple[str, str] = ("flows", "employed residents"),
) -> tuple[Commuting, list[Finding]]:
    """Check commuting tables against the units and each other.

    Codes are compared with the ids of the units as text, to the letter. A code of no unit is taken
    for a place outside: workers who leave count in the denominator alone, workers who come in count
    nowhere, both with a warning; an empty destination is an unknown place. A code that only differs
    from a unit's id in leading zeros, blanks or a ``.0`` is an error.

    Parameters
    ----------
    flows : pandas.DataFrame
        One row for each pair of home and workplace, those who work where they live included.
    employed : pandas.DataFrame
        All employed residents of each unit.
    unit_ids : pandas.Index
        Unique.
    flow_columns : sequence of str
        Columns of the origin, the destination and the number of workers.
    employed_columns : sequence of str
        Columns of the unit's code and its number of employed residents.
    names : tuple of str
        What messages call the two tables.

    Returns
    -------
    Commuting
    list of Finding
        Warnings and notes, with counts.

    Raises
    ------
    InputError
        All errors at once: missing columns, empty or repeated codes or pairs, counts that are no
        numbers or negative, codes that lost their zeros, tables without any code of the units, a unit
        with flows and no employed residents given, more commuters than employed residents by more
        than 5 % and 10 workers (less is a warning: rounding).

    References
    ----------
    Dijkstra, Poelman and Veneri (2019), The EU-OECD definition of a functional urban area, section 4.

    Examples
    --------
    >>> flows = pd.DataFrame({"origin": ["01", "01"], "destination": ["02", "FR"], "workers": [30, 5]})
    >>> employed = pd.DataFrame({"code": ["01", "02"], "employed_residents_total": [100, 80]})
    >>> commuting, findings = commuting_flows(flows, employed, pd.Index(["01", "02"]))
    >>> commuting.flows.toarray().tolist(), commuting.employed.tolist()
    ([[0, 30], [0, 0]], [100, 80])
    >>> [finding.severity for finding in findings]
    ['warning', 'warning']
    """
    flow_table = _Table(_chosen(flows, flow_columns, names[0]), names[0])
    employed_table = _Table(_chosen(employed, employed_columns, names[1]), names[1])
    codes = _Codes(unit_ids)
    origin, destination = (codes.positions(flow_table, name) for name in flow_columns[:2])
    place = codes.positions(employed_table, employed_columns[0])
    workers = _numbers(flow_table, flow_columns[2])
    residents = _numbers(employed_table, employed_columns[1])
    decimals = max(_decimals(workers), _decimals(residents))
    commuting, left = _assembled(unit_ids, origin, destination, workers, place, residents, 10**decimals)
    is_repeated = bool(commuting.flows.nnz < np.count_nonzero((origin >= 0) & (destination >= 0)))
    _check_flow_codes(flow_table, flow_columns, origin, destination, workers, is_repeated)
    _check_employed_codes(employed_table, employed_columns[0], place)
    findings = [*flow_table.findings, *employed_table.findings]
    raise_on_errors(findings)
    findings = [*findings, *_disagreements(commuting, left, names)]
    raise_on_errors(findings)
    return commuting, findings


def _chosen(frame: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns[:30]))
        raise InputError(f"{name}: has no column {missing[0]!r}", hint=f"name its columns; it has: {has}")
    return frame[list(columns)]


# --- codes ----------------------------------------------------------------------------------------


class _Codes:
    """Finds the unit of each code; codes are compared as text."""

    def __init__(self, unit_ids: pd.Index) -> None:
        self._texts = [str(value) for value in unit_ids]
        self._values = pa.array(self._texts, pa.string())
        self._plain = {_plain(text): text for text in self._texts}

    def positions(self, table: _Table, column: str) -> Integers:
        """Return the unit of each row, -1 for none; add an error for codes written another way."""
        texts = _texts(table.frame[column])
        found = pc.index_in(texts, value_set=self._values)
        positions: Integers = np.asarray(pc.fill_null(found, _OUTSIDE)).astype(np.int64)
        unknown = pc.unique(pc.filter(texts, pa.array(positions == _OUTSIDE))).to_pylist()
        near = {code: self._plain[_plain(code)] for code in unknown if code and _plain(code) in self._plain}
        if near:
            shown = ", ".join(f"{code!r} for {unit!r}" for code, unit in list(near.items())[:_LISTED])
            table.say(
                "error",
                f"{len(near):,} codes of column {column} are written in another way than the ids of the units "
                f"(leading zeros, blanks or decimals lost or added): {shown}",
                "write codes as text, in the same way in every file",
            )
        return positions


def _texts(values: pd.Series) -> Any:
    """Return codes as an Arrow array of text; missing ones are empty."""
    if not (pd.api.types.is_string_dtype(values.dtype) or values.dtype == object):
        values = values.astype("string")
    elif values.dtype == object:
        values = values.map(str, na_action="ignore")
    array = pa.array(values, pa.string(), from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return pc.fill_null(array, "")


def _plain(code: str) -> str:
    """Return what stays of a code when a spreadsheet has had it."""
    return re.sub(r"\.0+$", "", code.strip()).lstrip("0") or "0"


def _listed(values: Any) -> str:
    codes = list(dict.fromkeys(values))
    more = f" and {len(codes) - _LISTED:,} more" if len(codes) > _LISTED else ""
    return ", ".join(map(repr, codes[:_LISTED])) + more


def _check_flow_codes(
    table: _Table,
    columns: Sequence[str],
    origin: Integers,
    destination: Integers,
    workers: NDArray[np.float64],
    is_repeated: bool,
) -> None:
    frame = table.frame
    empty_home, empty_work = (_is_empty(frame[name]) for name in columns[:2])
    table.refuse(empty_home, f"no {columns[0]}", "give every flow its origin, or take the row out")
    if not ((origin >= 0) & (destination >= 0)).any():
        table.say("error", "no row has an origin and a destination among the units", "check the id field of the units")
        return
    inside = origin >= 0
    away = inside & (destination < 0) & ~empty_work
    repeated = np.zeros(origin.size, bool)
    if is_repeated:
        pairs = pd.DataFrame({"origin": origin, "destination": destination})
        repeated = inside & (destination >= 0) & pairs.duplicated(keep=False).to_numpy()
    if away.any():
        repeated[away] = frame[away].duplicated(list(columns[:2]), keep=False)
    remedy = "add the workers of each pair up, or take the copies out"
    table.refuse(repeated, "a pair of origin and destination stands more than once", remedy)
    remedy = "nothing, if these places lie outside the region; else correct the codes"
    for rows, column, what in (
        (~inside & (destination >= 0), columns[0], "come from an origin that is no unit: they count nowhere"),
        (
            away,
            columns[1],
            "go to a destination that is no unit: they count as employed residents only",
        ),
        (inside & empty_work, columns[1], "go to an unknown place: they count as employed residents only"),
    ):
        if rows.any():
            codes = [code for code in pc.unique(_texts(frame.loc[rows, column])).to_pylist() if code]
            named = f" ({len(codes):,} codes: {_listed(codes)})" if codes else ""
            count = f"{workers[rows].sum():,.10g} workers in {int(rows.sum()):,} rows"
            table.say("warning", f"{count} {what}{named}", remedy)


def _is_empty(values: pd.Series) -> Truths:
    empty: Truths = np.asarray(pc.equal(_texts(values), ""))
    return empty


def _check_employed_codes(table: _Table, column: str, place: Integers) -> None:
    empty = _is_empty(table.frame[column])
    table.refuse(empty, f"no {column}", "give every row its code, or take it out")
    table.refuse(_repeated(place), "a code stands more than once", "give every unit one row")
    outside = (place < 0) & ~empty
    if outside.any():
        codes = table.frame.loc[outside, column]
        table.say("note", f"{len(codes):,} codes are no unit: passed over ({_listed(codes)})")
    if not (place >= 0).any():
        table.say("error", "no code is the id of a unit", "check the id field of the units and the code column")


def _repeated(place: Integers) -> Truths:
    repeated: Truths = (place >= 0) & pd.Series(place).duplicated(keep=False).to_numpy()
    return repeated


# --- counts ---------------------------------------------------------------------------------------


def _numbers(table: _Table, column: str) -> NDArray[np.float64]:
    """Return counts as numbers; an error, and 0 in its place, for what is no number, negative or not finite."""
    values = table.frame[column]
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        texts = _texts(values)
        try:
            numbers = np.asarray(pc.cast(texts, pa.int64())).astype(np.float64)
        except pa.ArrowInvalid:
            numbers = pd.to_numeric(pd.Series(texts.to_pylist(), dtype=object), errors="coerce").to_numpy(np.float64)
    bad = ~np.isfinite(numbers)
    table.refuse(bad, f"{column} is no number", "write counts as plain numbers, 0 for none")
    table.refuse(~bad & (numbers < 0), f"{column} is negative", "replace codes for 'unknown' or 'secret' by a count")
    counts: NDArray[np.float64] = np.where(bad | (numbers < 0), 0.0, numbers)
    return counts


def _decimals(values: NDArray[np.float64]) -> int:
    """Return how many decimals hold the values exactly, as far as they are kept."""
    for decimals in range(MAX_DECIMALS):
        scaled = values * 10.0**decimals
        if np.array_equal(scaled, np.rint(scaled)) or np.abs(scaled - np.rint(scaled)).max() < 1e-9 * max(
            1.0, float(np.abs(scaled).max())
        ):
            return decimals
    return MAX_DECIMALS


def _assembled(
    unit_ids: pd.Index,
    origin: Integers,
    destination: Integers,
    workers: NDArray[np.float64],
    place: Integers,
    residents: NDArray[np.float64],
    per_worker: int,
) -> tuple[Commuting, Integers]:
    """Return the flows between units, and the workers of each unit in all rows, outside ones included."""
    n = len(unit_ids)
    counts = np.rint(workers * per_worker).astype(np.int64)
    inside = (origin >= 0) & (destination >= 0)
    pairs = (origin[inside], destination[inside])
    flows = coo_array((counts[inside], pairs), shape=(n, n), dtype=np.int64).tocsr()
    employed = np.zeros(n, np.int64)
    known = place >= 0
    employed[place[known]] = np.rint(residents[known] * per_worker).astype(np.int64)
    is_known = np.zeros(n, bool)
    is_known[place[known]] = True
    here = origin >= 0
    left = np.zeros(n, np.int64)
    np.add.at(left, origin[here], counts[here])
    return Commuting(unit_ids, flows, employed, is_known, per_worker), left


def _disagreements(commuting: Commuting, left: Integers, names: tuple[str, str]) -> list[Finding]:
    """Return findings about units whose flows and employed residents do not fit together."""
    flows_name, employed_name = names
    found: list[Finding] = []

    def say(severity: Severity, name: str, units: Truths, message: str, remedy: str) -> None:
        if units.any():
            text = f"{int(units.sum()):,} units {message} ({_listed(commuting.unit_ids[units])})"
            found.append(Finding(severity, name, "", text, remedy))

    unknown, employed, one = ~commuting.is_known, commuting.employed, commuting.per_worker
    remedy = "give all employed residents of every unit, 0 for none"
    say("error", employed_name, unknown & (left > 0), "have flows and no number of employed residents", remedy)
    say("warning", employed_name, unknown & (left == 0), "have no number: it stays unknown", remedy)
    say(
        "warning",
        flows_name,
        (left == 0) & (employed > 0),
        "have employed residents and no flow",
        "look whether their flows are missing",
    )
    excess = np.where(unknown, 0, left - employed)
    gross = (excess > MAX_EXCESS_SHARE * employed) & (excess > MAX_EXCESS_WORKERS * one)
    what = f"have more workers in their flows than employed residents in {employed_name}"
    remedy = "give all employed residents, those who work elsewhere or at an unknown place included"
    if gross.any():
        worst = int(np.argmax(excess))
        what += (
            f", the most {commuting.unit_ids[worst]}: {left[worst] / one:,.10g} against {employed[worst] / one:,.10g}"
        )
    say("error", flows_name, gross, what, remedy)
    say("warning", flows_name, (excess > 0) & ~gross, "have slightly " + what.removeprefix("have "), remedy)
    return found


# --- cities ---------------------------------------------------------------------------------------


def city_units(
    cities: pd.DataFrame,
    unit_ids: pd.Index,
    *,
    columns: Sequence[str] = CITY_COLUMNS,
    name: str = "cities",
) -> tuple[pd.Series, list[Finding]]:
    """Return the city of each unit from a list of the units of cities.

    Parameters
    ----------
    cities : pandas.DataFrame
        One row for each unit of a city. Rows with an empty city are units of none.
    unit_ids : pandas.Index
    columns : sequence of str
        Columns of the unit's code and of its city's id.
    name : str
        What messages call the table.

    Returns
    -------
    pandas.Series
        City id as text on ``unit_ids``, None outside cities.
    list of Finding
        Cities that lie wholly outside the units are a warning: commuters to them count nowhere.

    Raises
    ------
    InputError
        If codes are empty, repeated or have lost their zeros, a city lies only partly in the units,
        or no unit belongs to a city.

    Examples
    --------
    >>> table = pd.DataFrame({"code": ["01", "03"], "city_id": ["X1", ""]})
    >>> city_units(table, pd.Index(["01", "02", "03"]))[0].tolist()
    ['X1', None, None]
    """
    table = _Table(_chosen(cities, columns, name), name)
    place = _Codes(unit_ids).positions(table, columns[0])
    ids = np.asarray(_texts(table.frame[columns[1]]).to_pylist(), dtype=object)
    in_city = ids != ""
    empty = _is_empty(table.frame[columns[0]])
    table.refuse(empty, f"no {columns[0]}", "give every row its code, or take it out")
    table.refuse(_repeated(place), "a unit stands more than once", "give every unit one row and one city")
    outside = (place < 0) & in_city & ~empty
    lost = sorted(set(ids[outside]))
    partly = sorted(set(lost) & set(ids[(place >= 0) & in_city]))
    if partly:
        codes = table.frame.loc[outside & np.isin(ids, partly), columns[0]]
        table.say(
            "error",
            f"{len(codes):,} codes of {len(partly):,} cities are no units ({_listed(codes)}), other units of them are",
            "correct the codes, or give all units of these cities",
        )
    elif not (in_city & (place >= 0)).any():
        table.say("error", "no unit belongs to a city", "check the id field of the units and the columns of the cities")
    elif lost:
        table.say(
            "warning",
            f"{len(lost):,} cities lie outside the units: commuters to them are in no commuting zone ({_listed(lost)})",
            "add their units, where they draw commuters from the region",
        )
    raise_on_errors(table.findings)
    city = np.full(len(unit_ids), None, dtype=object)
    chosen = in_city & (place >= 0)
    city[place[chosen]] = ids[chosen]
    return pd.Series(city, index=unit_ids, name="city_id", dtype=object), table.findings


# --- shares ---------------------------------------------------------------------------------------


def exact_threshold(threshold: float | str | Fraction) -> Fraction:
    """Return a threshold as the fraction its decimal text means: 0.15 is 3/20, not a binary number near it.

    Raises
    ------
    UsageError
        If it is no share above 0 and up to 1.

    Examples
    --------
    >>> exact_threshold(0.15)
    Fraction(3, 20)
    """
    try:
        value = threshold if isinstance(threshold, Fraction) else Fraction(str(threshold).strip())
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value <= 1:
        raise UsageError(f"threshold {threshold} is no share above 0 and up to 1", hint="for example 0.15")
    return value


def at_least(workers: Integers, employed: Integers, threshold: Fraction) -> Truths:
    """Tell where ``workers / employed`` is the threshold or more, in whole numbers, without rounding.

    Where there are no employed residents there is no share, and the answer is no.

    Examples
    --------
    >>> at_least(np.array([15, 14, 0]), np.array([100, 100, 0]), Fraction(3, 20)).tolist()
    [True, False, False]
    """
    largest = max(int(workers.max(initial=0)), int(employed.max(initial=0)))
    if largest * threshold.denominator >= 2**62:
        workers, employed = workers.astype(object), employed.astype(object)
    enough = workers * threshold.denominator >= employed * threshold.numerator
    answer: Truths = np.asarray(enough & (employed > 0), dtype=bool)
    return answer


def flows_to(flows: csr_array, group: Integers, n_groups: int) -> csr_array:
    """Return the workers of each unit who work in each group of units (-1: in no group).

    Examples
    --------
    >>> flows = csr_array(np.array([[5, 1, 2], [0, 9, 0], [3, 4, 0]]))
    >>> flows_to(flows, np.array([0, -1, 0]), 1).toarray().ravel().tolist()
    [7, 0, 3]
    """
    members = np.flatnonzero(group >= 0)
    shape = (group.size, n_groups)
    belongs = csr_array((np.ones(members.size, np.int64), (members, group[members])), shape=shape)
    return csr_array(flows @ belongs)
