"""One table for all findings, one error for all that are errors."""

from __future__ import annotations

import pytest

from geo_profiling.errors import InputError
from geo_profiling.findings import MAX_LISTED, Finding, findings_table, raise_on_errors

NOTE = Finding("note", "units.gpkg", "unit 7", "repaired", "")
WARNING = Finding("warning", "pop.tif", "", "0 is declared as nodata", "declare another")
ERROR = Finding("error", "land.tif", "row 3", "negative", "declare it")


def test_errors_are_raised_together() -> None:
    raise_on_errors([])
    raise_on_errors([NOTE, WARNING])
    other = Finding("error", "pop.tif", "", "no CRS", "declare the CRS")
    with pytest.raises(InputError) as caught:
        raise_on_errors([NOTE, ERROR, WARNING, other])
    assert str(caught.value) == "land.tif, row 3: negative\npop.tif: no CRS"
    assert caught.value.hint == "declare it; declare the CRS"


def test_long_lists_are_cut_and_counted() -> None:
    with pytest.raises(InputError) as caught:
        raise_on_errors([ERROR] * (MAX_LISTED + 5))
    lines = str(caught.value).splitlines()
    assert len(lines) == MAX_LISTED + 1
    assert lines[-1] == "and 5 more"


def test_table_has_errors_first_and_keeps_the_order() -> None:
    table = findings_table([NOTE, ERROR, WARNING, ERROR])
    assert table["severity"].tolist() == ["error", "error", "warning", "note"]
    assert table.columns.tolist() == ["severity", "input", "place", "message", "remedy"]
    assert findings_table([]).columns.tolist() == table.columns.tolist()
