"""What a section of the report is made of: words, tables of ready texts, pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

#: Rows of a table; the rest stands in the GeoPackage and in ``tables/``.
MAX_ROWS = 1000


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title : str
    is_number : bool
        Whether it is set to the right.
    """

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A table of ready texts.

    Attributes
    ----------
    caption : str
        What it tells, in one sentence.
    columns : tuple of Column
    rows : tuple of tuple of str
        A text for each column.
    is_folded : bool
        Whether a reader has to open it.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    is_folded: bool = False


@dataclass(frozen=True)
class Picture:
    """A map or chart.

    Attributes
    ----------
    caption : str
    png : bytes
    """

    caption: str
    png: bytes

    @property
    def address(self) -> str:
        """The picture itself, as an address that a page can show."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class ReportSection:
    """A section of the report.

    Attributes
    ----------
    title : str
    text : tuple of str
        Paragraphs before the tables.
    tables : tuple of Table
    pictures : tuple of Picture
    caveats : tuple of str
        What a reader must keep in mind; printed at once below the section's title.
    methods : tuple of str
        How it was done; printed with the methods.
    """

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    caveats: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


def number(value: Any, decimals: int = 0) -> str:
    """Write a number for readers; unknown is said in words.

    Examples
    --------
    >>> number(1234.5), number(None), number(0)
    ('1,234', 'unknown', '0')
    """
    return "unknown" if value is None or pd.isna(value) else f"{value:,.{decimals}f}"


def percent(value: Any) -> str:
    """Write a share (0-1) in percent.

    Examples
    --------
    >>> percent(0.256), percent(float("nan")), percent(0.0002), percent(0.0)
    ('25.6 %', 'unknown', 'under 0.1 %', '0.0 %')
    """
    if value is None or pd.isna(value):
        return "unknown"
    # little is not none
    return "under 0.1 %" if 0 < value < 0.0005 else f"{100 * value:.1f} %"


def interval(low: Any, high: Any, decimals: int = 0) -> str:
    """Write a range.

    Examples
    --------
    >>> interval(1200, 3400), interval(None, 1)
    ('1,200 to 3,400', 'unknown')
    """
    known = not any(value is None or pd.isna(value) for value in (low, high))
    return f"{number(low, decimals)} to {number(high, decimals)}" if known else "unknown"


def table_of(
    frame: pd.DataFrame,
    columns: Mapping[str, tuple[str, str]],
    *,
    caption: str,
    is_folded: bool = False,
    most: int = MAX_ROWS,
) -> Table:
    """Set a frame as a table.

    Parameters
    ----------
    frame : DataFrame
        In the order of the rows; fields that it lacks are left out, and those of which nothing at all is known, which
        the caption then names.
    columns : mapping of str to (str, str)
        By field: title, and how its values are written: "text", "percent", or decimals as a digit.
    caption : str
    is_folded : bool
    most : int
        Rows that are shown; the caption says how many there are.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": ["La Via"], "k": [4], "share": [0.5]})
    >>> table_of(frame, {"name": ("Place", "text"), "share": ("Share", "percent")}, caption="k").rows
    (('La Via', '50.0 %'),)
    >>> table_of(frame.assign(k=None), {"name": ("Place", "text"), "k": ("Depth k", "0")}, caption="Places").caption
    'Places (unknown for all: depth k)'
    """
    given = {field: how for field, how in columns.items() if field in frame.columns}
    chosen = {field: how for field, how in given.items() if frame.empty or frame[field].notna().any()}
    unknown = [_lowered(title) for field, (title, how) in given.items() if field not in chosen and how != "text"]
    if unknown:
        caption = f"{caption} (unknown for all: {', '.join(unknown)})"
    shown = frame.head(most)
    if len(frame) > most:
        caption = f"{caption} (the first {most:,} of {len(frame):,}; all are in the GeoPackage)"
    texts = [_texts(shown[field], how) for field, (_, how) in chosen.items()]
    rows = tuple(zip(*texts, strict=True)) if texts else ()
    return Table(caption, tuple(Column(title, how != "text") for title, how in chosen.values()), rows, is_folded)


def _lowered(title: str) -> str:
    """Write a title inside a sentence; abbreviations stay as they are."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _texts(values: pd.Series, how: str) -> Sequence[str]:
    if how == "text":
        return ["" if pd.isna(value) else str(value) for value in values]
    if how == "percent":
        return [percent(value) for value in values]
    return [number(value, int(how)) for value in values]
