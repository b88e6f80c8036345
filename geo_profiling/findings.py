"""What a check found about the inputs: one table for all of them, one error for the worst of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Literal

import pandas as pd

from geo_profiling.errors import InputError

Severity = Literal["error", "warning", "note"]

#: An error message lists this many findings in full and counts the rest.
MAX_LISTED = 20


@dataclass(frozen=True)
class Finding:
    """One thing found about one input.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        An error stops the work, a warning may change a result, a note says what was put right.
    input : str
        The file (and layer) it is about.
    place : str
        Row, column, feature or field; empty where the whole input is meant.
    message : str
        What is wrong.
    remedy : str
        What the user can do about it.

    Examples
    --------
    >>> str(Finding("note", "units.gpkg", "feature id 7", "ring crosses itself; repaired", ""))
    'units.gpkg, feature id 7: ring crosses itself; repaired'
    """

    severity: Severity
    input: str
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.input}, {self.place}" if self.place else self.input
        return f"{where}: {self.message}"


def raise_on_errors(findings: Iterable[Finding]) -> None:
    """Raise one error that holds every finding of severity "error"; do nothing without one.

    Raises
    ------
    InputError
        Its message has one line for each finding, its hint every different remedy.

    Examples
    --------
    >>> raise_on_errors([Finding("warning", "units.gpkg", "", "3 units lie outside the raster", "")])
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    lines = [str(finding) for finding in errors[:MAX_LISTED]]
    if len(errors) > MAX_LISTED:
        lines.append(f"and {len(errors) - MAX_LISTED} more")
    remedies = dict.fromkeys(finding.remedy for finding in errors if finding.remedy)
    raise InputError("\n".join(lines), hint="; ".join(remedies))


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return the findings as a table, errors first, otherwise in the order they were found.

    Returns
    -------
    pandas.DataFrame
        Columns severity, input, place, message, remedy; empty (with its columns) without findings.

    Examples
    --------
    >>> note = Finding("note", "pop.tif", "", "stored south-up; turned", "")
    >>> error = Finding("error", "land.tif", "", "no CRS", "declare one")
    >>> findings_table([note, error])["severity"].tolist()
    ['error', 'note']
    """
    rank = {"error": 0, "warning": 1, "note": 2}
    rows = sorted(findings, key=lambda finding: rank[finding.severity])
    columns = [field.name for field in fields(Finding)]
    return pd.DataFrame([asdict(row) for row in rows], columns=columns)
