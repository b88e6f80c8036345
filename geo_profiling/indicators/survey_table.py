"""Columns of a sample as numbers and codes, and what is wrong with them, with the row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo_profiling.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class SampleTable:
    """A sample's table; each different value of a column of text is looked at once.

    Parameters
    ----------
    frame : DataFrame
    name : str
        Of the table, for messages.

    Examples
    --------
    >>> SampleTable(pd.DataFrame({"w": ["1", "2.5", ""]}), "sample").numbers("w").tolist()
    [1.0, 2.5, nan]
    """

    def __init__(self, frame: pd.DataFrame, name: str) -> None:
        self.frame, self.name = frame, name

    def __contains__(self, column: str) -> bool:
        return column in self.frame.columns

    def column(self, column: str) -> pd.Series:
        """Return a column with every missing value as NaN."""
        if column not in self.frame.columns:
            raise InputError(
                f"{self.name}: there is no column '{column}'", hint=f"it has {', '.join(map(str, self.frame.columns))}"
            )
        series = self.frame[column]
        if pd.api.types.is_numeric_dtype(series.dtype):
            return series
        codes, levels = pd.factorize(series.astype(object))
        kept = [np.nan if isinstance(level, str) and not level.strip() else level for level in levels]
        return pd.Series(np.array([*kept, np.nan], dtype=object)[codes], index=series.index)

    def numbers(self, column: str, hint: str = "leave missing values empty; decimals have a point") -> Floats:
        """Return a column as numbers, NaN where missing."""
        series = self.column(column)
        missing = series.isna().to_numpy()
        if pd.api.types.is_numeric_dtype(series.dtype):
            found = series.to_numpy(dtype=float, na_value=np.nan)
        else:
            codes, levels = pd.factorize(series)
            found = np.array([*(number_of(level) for level in levels), np.nan])[codes]
        wrong = ~np.isfinite(found) & ~missing
        if wrong.any():
            self.refuse(column, wrong, "is no number", hint)
        return found

    def complete(self, column: str) -> Floats:
        """Return a column as numbers, of which none may be missing."""
        found = self.numbers(column)
        if np.isnan(found).any():
            self.refuse(column, np.isnan(found), "is missing", "every row of a sample has one")
        return found

    def codes(self, column: str) -> tuple[Ints, list[str]]:
        """Return the number of each row's value among the sorted ones, and these; none may be missing."""
        series = self.column(column)
        if series.isna().any():
            self.refuse(column, series.isna().to_numpy(), "is missing", "every row of a sample has one")
        codes, levels = pd.factorize(series)
        positions, names = pd.factorize(np.array([str(level) for level in levels], dtype=object), sort=True)
        return positions[codes].astype(np.int64), [str(name) for name in names]

    def refuse(self, column: str, wrong: npt.NDArray[np.bool_], text: str, hint: str) -> None:
        """Raise an error that names the first of the wrong rows."""
        first = int(np.flatnonzero(wrong)[0])
        value = self.frame[column].iloc[first]
        shown = "" if pd.isna(value) or not str(value).strip() else f" '{str(value)[:40]}'"
        more = f" (and in {wrong.sum() - 1} more rows)" if wrong.sum() > 1 else ""
        raise InputError(
            f"{self.name}: column '{column}'{shown} {text} in row {self.frame.index[first]}{more}", hint=hint
        )


def number_of(value: object) -> float:
    """Return a value as a number, NaN where it is none.

    Examples
    --------
    >>> number_of("1e3"), number_of("1_000")
    (1000.0, nan)
    """
    text = str(value)
    try:
        return np.nan if "_" in text else float(text if isinstance(value, str) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan


def sorted_positions(levels: list[object]) -> list[int]:
    """Return the order of levels: as numbers where all are, else as text.

    Examples
    --------
    >>> sorted_positions(["10", "9"]), sorted_positions(["10", "9", "x"])
    ([1, 0], [0, 1, 2])
    """
    numbers = np.array([number_of(level) for level in levels])
    if not np.isfinite(numbers).all():
        numbers = np.zeros(len(levels))
    return sorted(range(len(levels)), key=lambda position: (numbers[position], str(levels[position])))
