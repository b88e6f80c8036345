"""Columns of a table as it came, turned into ids, words, numbers and days; every row that cannot be is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.findings import Finding
from geo_profiling.tenure.words import SYNONYMS, UNKNOWN_WORDS

#: Rows that a finding names; the others are counted.
LISTED = 5


class TableReader:
    """A table as it came, read column by column; what is wrong is added to the findings.

    Parameters
    ----------
    frame : DataFrame
    needed : sequence of str
        Columns that must be there.
    known : sequence of str
        Columns that may be read; no other ever is.
    name : str
        What messages call the table.
    findings : list of Finding
        Added to.

    Raises
    ------
    UsageError
        If a needed column is missing.

    Examples
    --------
    >>> findings: list[Finding] = []
    >>> table = TableReader(pd.DataFrame({"sex": ["F", "?", ""]}), ["sex"], ["sex"], "people", findings)
    >>> table.words("sex", ["female", "male"]).tolist(), str(findings[0])
    (['female', None, None], "people, row 3: sex '?' is in no vocabulary")
    """

    def __init__(
        self, frame: pd.DataFrame, needed: Sequence[str], known: Sequence[str], name: str, findings: list[Finding]
    ) -> None:
        missing = [column for column in needed if column not in frame.columns]
        if missing:
            raise UsageError(f"{name}: has no column {missing[0]!r}", hint=f"needed are {', '.join(needed)}")
        self.frame, self.name, self.findings = frame.reset_index(drop=True), name, findings
        self.columns = {column for column in known if column in frame.columns}

    def tell(self, rows: pd.Series, message: str, remedy: str) -> None:
        """Add an error for marked rows, with the first of them (1 is the header) and their number."""
        found = np.flatnonzero(rows.to_numpy(dtype=bool))
        if found.size:
            named = ", ".join(str(row + 2) for row in found[:LISTED])
            more = f" and {found.size - LISTED} more" if found.size > LISTED else ""
            self.findings.append(Finding("error", self.name, f"row {named}{more}", message, remedy))

    def text(self, column: str) -> pd.Series:
        """Return a column of text without outer blanks; empty is NULL."""
        if column not in self.columns:
            return pd.Series([None] * len(self.frame), dtype=object)
        values = self.frame[column]
        texts = [
            None if missing else str(value).strip() or None
            for value, missing in zip(values, values.isna(), strict=True)
        ]
        return pd.Series(texts, dtype=object)

    def ids(self, column: str, *, unique: bool) -> pd.Series:
        """Return a column of ids; an empty one is an error, and one that is there twice if they must differ."""
        values = self.text(column)
        self.tell(values.isna(), f"has no {column}", "give every row one")
        if unique:
            for value in values[values.duplicated() & values.notna()].unique()[:LISTED]:
                self.tell(values == value, f"{column} {value} is there more than once", "make the ids unique")
        return values

    def words(self, column: str, allowed: Mapping[str, str] | Sequence[str]) -> pd.Series:
        """Return a column in the words of a closed vocabulary; an answer that is not in it is an error."""
        mapping = allowed if isinstance(allowed, Mapping) else {word: word for word in allowed}
        answers = self.text(column).map(lambda value: None if value is None else " ".join(value.split()).casefold())
        answers = answers.where(~answers.isin(UNKNOWN_WORDS), None)
        found = answers.map(lambda value: mapping.get(value, mapping.get(SYNONYMS.get(value, ""), None)))
        foreign = answers.notna() & found.isna()
        for answer in sorted(answers[foreign].unique()):
            message = f"{column} {answer!r} is in no vocabulary"
            self.tell(answers == answer, message, f"known are {', '.join(dict.fromkeys(mapping))}")
        return found.astype(object).where(found.notna(), None)

    def numbers(self, column: str, *, low: float = 0.0, high: float = np.inf) -> pd.Series:
        """Return a column of numbers, NULL where unknown; text and numbers outside the limits are errors."""
        texts = self.text(column)
        values = pd.to_numeric(texts, errors="coerce").astype(float)
        self.tell(texts.notna() & values.isna(), f"{column} is no number", "write it as 0.5, without unit")
        outside = (values < low) | (values > high) | np.isinf(values)
        self.tell(outside, f"{column} lies outside {low:g} to {high:g}", "correct it")
        return values.mask(outside)

    def days(self, column: str) -> pd.Series:
        """Return a column of days, NULL where unknown; what is no date is an error."""
        texts = self.text(column)
        values = pd.to_datetime(
            texts.str.slice(0, 10) if texts.notna().any() else texts, format="%Y-%m-%d", errors="coerce"
        )
        self.tell(texts.notna() & values.isna(), f"{column} is no date", "write it as YYYY-MM-DD")
        return values.astype("datetime64[s]")

    def span(self, first: str, last: str) -> tuple[pd.Series, pd.Series]:
        """Return two columns of days; a span that ends before it begins is an error."""
        begins, ends = self.days(first), self.days(last)
        self.tell(ends < begins, f"{last} lies before {first}", "exchange or correct the dates")
        return begins, ends
