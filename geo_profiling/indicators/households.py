"""Household microdata: from a survey's own columns and codes to the product's variables, everything odd reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo_profiling.errors import InputError
from geo_profiling.findings import Finding, raise_on_errors
from geo_profiling.indicators.mapping import READY, ColumnRule, HouseholdMapping, code_text, ready_mapping
from geo_profiling.indicators.variables import VARIABLES, Variable

#: Household sizes from here on are codes for 'not known' in every programme.
MAX_PERSONS = 97
#: An error lists this many unknown codes in full.
MAX_CODES = 12

Texts = pd.Series


@dataclass(frozen=True)
class Households:
    """A household survey in the product's variables.

    Attributes
    ----------
    frame : DataFrame
        A row a household, with the index of the survey's table: ``weight`` (of the household), ``person_weight``
        (of its people: weight times size), ``persons``, ``psu`` and ``stratum`` as text, the variables
        that the survey has, and the columns that were asked for besides.
    mapping : str
        Name of the mapping.
    findings : tuple of Finding
        What was odd but could be used.
    from_layers : tuple of str
        Variables that layers tell, not the survey: known in settlements only.
    """

    frame: pd.DataFrame
    mapping: str
    findings: tuple[Finding, ...]
    from_layers: tuple[str, ...] = ()

    def has(self, variable: str) -> bool:
        """Tell whether the survey measured a variable."""
        return variable in self.frame.columns


def map_households(
    table: pd.DataFrame, mapping: HouseholdMapping, *, keep: Sequence[str] = (), name: str = "households"
) -> Households:
    """Turn a survey's table into the product's variables, by a mapping.

    Code lists are closed: a code that the mapping does not know stops the work with its count, and
    missing answers stay unknown until an indicator's policy decides on them.

    Parameters
    ----------
    table : DataFrame
        One row a household; text as read, or numbers. Empty text and NaN are missing.
    mapping : HouseholdMapping
        What its columns and codes mean.
    keep : sequence of str
        Columns to keep as they are, such as areas.
    name : str
        Of the table, for messages.

    Returns
    -------
    Households

    Raises
    ------
    InputError
        If a column is absent, the file is of another edition, a code is not known, a weight is missing or
        negative, a household is there twice, or a size is a code for 'not known'.

    Examples
    --------
    >>> table = pd.DataFrame({"weight": [2, 3], "persons": [4, 5], "psu": [1, 2], "stratum": 1,
    ...                       "toilet": ["pit_slab", ""]})
    >>> found = map_households(table, ready_mapping("plain")).frame
    >>> found[["person_weight", "toilet"]].to_numpy().tolist()
    [[8.0, 'pit_slab'], [15.0, nan]]
    """
    _require_columns(table, [*mapping.columns(), *keep], mapping, name)
    _require_edition(table, mapping, name)
    findings: list[Finding] = []
    rows = _kept(table, mapping, name)
    table = table[rows]
    if not rows.all():
        findings.append(Finding("note", name, "", f"{(~rows).sum()} rows are no completed interviews; left out", ""))
    if table.empty:
        raise InputError(f"{name}: no row is a household", hint="check 'keep' of the mapping")
    reader = _Reader(table, mapping, name, findings)
    weight = reader.weights()
    persons = reader.persons()
    columns: dict[str, pd.Series | npt.NDArray[np.float64]] = {
        "weight": weight,
        "person_weight": weight * persons if mapping.weight_of == "household" else weight,
        "persons": persons,
        "psu": reader.design([mapping.psu] if mapping.psu else [], "row"),
        "stratum": reader.design(mapping.strata, ""),
    }
    if mapping.weight_of == "people":
        columns["weight"] = np.divide(weight, persons, out=np.zeros(len(weight)), where=persons > 0)
    reader.check_ids()
    for variable in mapping.variables:
        values = reader.variable(VARIABLES[variable])
        if values is not None:
            columns[variable] = values
    raise_on_errors(findings)
    frame = pd.DataFrame(columns, index=table.index)
    for column in keep:
        frame[column] = table[column]
    return Households(frame, mapping.name, tuple(findings))


def post_weights(psu: pd.Series, populations: pd.Series, *, name: str = "households") -> pd.Series:
    """Weight the households of each PSU so that together they stand for the people of the PSU.

    Parameters
    ----------
    psu : Series
        PSU of each household.
    populations : Series
        People of each PSU, by PSU.
    name : str
        Of the table, for messages.

    Returns
    -------
    Series
        People that each household stands for, on the index of ``psu``.

    Raises
    ------
    InputError
        If a PSU has no population, or a negative one, or is there twice.

    References
    ----------
    spec: spatial samples drawn by area have w = people of the PSU / households interviewed in it.

    Examples
    --------
    >>> post_weights(pd.Series([1, 1, 2]), pd.Series({1: 100, 2: 40})).tolist()
    [50.0, 50.0, 40.0]
    """
    known = populations.rename(index=code_text)
    if known.index.duplicated().any():
        raise InputError(f"{name}: PSU {known.index[known.index.duplicated()][0]} has two populations")
    keys = psu.map(code_text)
    people = keys.map(known.astype(float))
    wrong = ~(people >= 0)
    if wrong.any():
        raise InputError(
            f"{name}: PSU {keys[wrong].iloc[0]} and {wrong.sum() - 1} more rows have no population of 0 or more",
            hint="the table of PSU populations must hold every PSU",
        )
    return people / keys.map(keys.value_counts())


def _require_columns(table: pd.DataFrame, columns: Sequence[str], mapping: HouseholdMapping, name: str) -> None:
    absent = [column for column in columns if column not in table.columns]
    if not absent:
        return
    fits = [
        ready
        for ready in READY
        if ready != mapping.name and all(c in table.columns for c in ready_mapping(ready).columns())
    ]
    hint = f"its columns are those of mapping {' or '.join(fits)}" if fits else f"it has {_listed(table.columns)}"
    raise InputError(f"{name}: mapping '{mapping.name}' needs column {_listed(absent)}, which it lacks", hint=hint)


def _listed(names: Sequence[object] | pd.Index) -> str:
    shown = ", ".join(f"'{name}'" for name in list(names)[:MAX_CODES])
    return shown if len(names) <= MAX_CODES else f"{shown} and {len(names) - MAX_CODES} more"


def _require_edition(table: pd.DataFrame, mapping: HouseholdMapping, name: str) -> None:
    rule = mapping.edition
    if rule is None or rule.column not in table.columns:
        return
    for value in table[rule.column].dropna().unique():
        if not re.match(rule.pattern, str(value)):
            raise InputError(
                f"{name}: column '{rule.column}' is '{value}': this is no file of {mapping.programme}",
                hint=f"take the mapping of its own recode ({', '.join(READY)}): codes differ between them",
            )


def _kept(table: pd.DataFrame, mapping: HouseholdMapping, name: str) -> npt.NDArray[np.bool_]:
    rule = mapping.keep
    if rule is None:
        return np.ones(len(table), bool)
    if rule.column not in table.columns:
        raise InputError(f"{name}: mapping '{mapping.name}' needs column '{rule.column}', which it lacks")
    return _texts(table[rule.column]).isin(rule.codes).to_numpy()


def _levels(series: pd.Series) -> tuple[npt.NDArray[np.intp], list[str | None]]:
    """Return the number of each row's code and the codes as text, None where missing (so is number -1)."""
    numbers, levels = pd.factorize(series)
    return numbers, [code_text(level) or None for level in levels] + [None]


def _texts(series: pd.Series) -> Texts:
    """Return codes as text, NaN where missing; each different value is looked at once."""
    numbers, levels = _levels(series)
    return pd.Series(np.array([np.nan if level is None else level for level in levels], object)[numbers], series.index)


class _Reader:
    """Columns of one survey by the rules of its mapping; errors are gathered, so that one run names them all."""

    def __init__(self, table: pd.DataFrame, mapping: HouseholdMapping, name: str, findings: list[Finding]) -> None:
        self.table, self.mapping, self.name, self.findings = table, mapping, name, findings

    def weights(self) -> npt.NDArray[np.float64]:
        """Return the weights; none missing, none negative, and a warning where all are the same."""
        rule = self.mapping.weight
        place = f"column '{rule.column}'"
        found = self._numbers(rule)
        for wrong, text in ((np.isnan(found), "is missing or no number"), (found < 0, "is negative")):
            if wrong.any():
                row = self.table.index[int(np.flatnonzero(wrong)[0])]
                message = f"the weight {text} in {wrong.sum()} rows (first: row {row})"
                self._report("error", place, message, "every household of a sample has a weight of 0 or more")
        if not np.isnan(found).any() and len(found) > 1 and np.ptp(found) == 0:
            text = "every household has the same weight: right for a self-weighting sample only"
            self._report("warning", place, text, "check that the column of weights is the right one")
        if not (found > 0).any():
            self._report("error", place, "no weight is above 0", "")
        return found

    def persons(self) -> npt.NDArray[np.float64]:
        """Return household sizes: the first rule that gives people, 0 where none does."""
        found = np.full(len(self.table), np.nan)
        for rule in self.mapping.persons:
            if rule.column in self.table.columns:
                values = self._numbers(rule)
                found = np.where(np.isnan(found) | (found == 0), np.where(np.isnan(values), found, values), found)
        place = f"column '{self.mapping.persons[0].column}'"
        large, broken = found >= MAX_PERSONS, (found < 0) | (found != np.floor(found)) & ~np.isnan(found)
        if large.any():
            text = f"household size of {found[large].max():g} in {large.sum()} rows: a code for 'not known'"
            self._report("error", place, text, "name the code under 'missing' of 'persons'")
        if broken.any():
            self._report("error", place, f"household size that is no whole number in {broken.sum()} rows", "")
        unknown = np.isnan(found)
        if unknown.any():
            text = f"household size is not known in {unknown.sum()} rows: they count no people"
            self._report("warning", place, text, "check the column of household sizes")
        if (found == 0).any():
            text = f"household size is 0 in {(found == 0).sum()} rows: they count no people"
            self._report("warning", place, text, "check the column of household sizes")
        return np.nan_to_num(found)

    def design(self, columns: Sequence[str], absent: str) -> Texts:
        """Return strata or PSUs as text: the values of the columns, joined."""
        index = self.table.index
        if not columns:
            each = np.arange(len(index)).astype(str) if absent == "row" else np.full(len(index), absent)
            return pd.Series(each, index=index, dtype=object)
        parts = [_texts(self.table[column]) for column in columns]
        for column, part in zip(columns, parts, strict=True):
            if part.isna().any():
                message = f"no value in {part.isna().sum()} rows (first: row {index[int(np.argmax(part.isna()))]})"
                self._report("error", f"column '{column}'", message, "every household has its PSU and stratum")
        joined = parts[0]
        for part in parts[1:]:
            joined = joined + " x " + part
        return joined

    def check_ids(self) -> None:
        """Report households that are there twice."""
        columns = self.mapping.household_id
        if columns is None:
            return
        twice = self.table.duplicated(columns, keep=False)
        if twice.any():
            row = self.table.index[int(np.argmax(twice))]
            text = f"{twice.sum()} rows share their household's id with another (first: row {row})"
            self._report("error", f"columns {_listed(columns)}", text, "give each household once, or another id")

    def variable(self, variable: Variable) -> pd.Series | None:
        """Return a variable by the first of its rules that tells; None where the survey has none of the columns."""
        result: pd.Series | None = None
        for rule in self.mapping.variables[variable.name]:
            if rule.column not in self.table.columns:
                continue
            found = self._by_rule(rule, variable)
            if rule.otherwise is not None:
                before = found if result is None else result.fillna(found)
                result = before.fillna(rule.otherwise)
            else:
                result = found if result is None else result.fillna(found)
        return result

    def _by_rule(self, rule: ColumnRule, variable: Variable) -> pd.Series:
        numbers, levels = _levels(self.table[rule.column])
        known = [None if level in rule.missing else level for level in levels]
        meaning: dict[str, str | float] = dict(rule.codes or {})
        unknown = [level for level in known if level is not None and level not in meaning]
        if variable.kind == "number":
            meaning |= {level: _number(level) * rule.scale for level in unknown}
            unknown = [
                level
                for level in known
                if level is not None and not variable.minimum <= float(meaning[level]) <= variable.maximum
            ]
        if unknown:
            counts = np.bincount(numbers[numbers >= 0], minlength=len(levels))
            sizes: dict[str, int] = {}
            for level, count in zip(known, counts, strict=True):
                if level is not None:
                    sizes[level] = sizes.get(level, 0) + int(count)
            self._report_unknown(rule, variable, sizes, sorted(set(unknown)))
        values = [np.nan if level is None else meaning.get(level, np.nan) for level in known]
        kind = object if variable.kind == "category" else float
        return pd.Series(np.array(values, dtype=kind)[numbers], index=self.table.index, dtype=kind)

    def _report_unknown(self, rule: ColumnRule, variable: Variable, counts: dict[str, int], unknown: list[str]) -> None:
        shown = ", ".join(f"'{code}' in {counts[code]} rows" for code in unknown[:MAX_CODES])
        more = "" if len(unknown) <= MAX_CODES else f" and {len(unknown) - MAX_CODES} more"
        others = _others_that_know(variable.name, self.mapping.name, list(counts), rule.missing)
        remedy = (
            f"these are codes of {' or '.join(others)}: take that mapping"
            if others
            else "say what they mean in a mapping of your own (extends: ...), or name them under 'missing'"
        )
        text = f"{variable.name}: mapping '{self.mapping.name}' does not know {shown}{more}"
        self._report("error", f"column '{rule.column}'", text, remedy)

    def _numbers(self, rule: ColumnRule) -> npt.NDArray[np.float64]:
        numbers, levels = _levels(self.table[rule.column])
        known = rule.codes or {}
        values = [
            np.nan if level is None or level in rule.missing else float(known.get(level, _number(level) * rule.scale))
            for level in levels
        ]
        return np.array(values, dtype=np.float64)[numbers]

    def _report(self, severity: str, place: str, message: str, remedy: str) -> None:
        self.findings.append(Finding("error" if severity == "error" else "warning", self.name, place, message, remedy))


def _number(text: str) -> float:
    try:
        found = np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan
    return found if np.isfinite(found) else np.nan


def _others_that_know(variable: str, own: str, codes: list[str], missing: list[str]) -> list[str]:
    """Return the ready mappings that know all of these codes."""
    found = []
    for name in READY:
        rules = ready_mapping(name).variables.get(variable, [])
        if name not in (own, "plain") and any(
            rule.codes and set(codes) <= {*rule.codes, *rule.missing, *missing} for rule in rules
        ):
            found.append(name)
    return found
