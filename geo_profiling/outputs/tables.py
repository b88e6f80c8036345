"""Tables for statisticians: Parquet (GeoParquet where there is geometry) and CSV."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq

from geo_profiling.atomic import atomic_file
from geo_profiling.errors import OutputError

_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


def write_parquet(path: Path, frame: gpd.GeoDataFrame | pd.DataFrame) -> None:
    """Write a table as Parquet, or a layer as GeoParquet 1.0, whole or not at all.

    The index is left out and rows keep their order; NULL stays NULL; the same table gives the same
    bytes. The file is read again before it is published.

    Parameters
    ----------
    path : Path
        An existing file is replaced once the new one is complete.
    frame : GeoDataFrame or DataFrame

    Raises
    ------
    OutputError
        If it cannot be written or does not read back.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_parquet(Path(folder) / "a.parquet", pd.DataFrame({"unit_id": ["01"], "population": [5.0]}))
    ...     pd.read_parquet(Path(folder) / "a.parquet").unit_id.tolist()
    ['01']
    """
    with atomic_file(path) as temporary:
        if isinstance(frame, gpd.GeoDataFrame):
            frame.to_parquet(temporary, index=False, compression="zstd", schema_version="1.0.0")
        else:
            frame.to_parquet(temporary, index=False, compression="zstd")
        rows = pq.read_metadata(temporary).num_rows
        if rows != len(frame):
            raise OutputError(f"{path}: {rows} of {len(frame)} rows read back")


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    r"""Write a table as CSV (UTF-8, comma, NULL as the empty field), whole or not at all.

    Numbers are written so that they read back as the same. Text that a spreadsheet would run as a
    formula gets a leading apostrophe; numbers, and text that is one, stay as they are.

    Parameters
    ----------
    path : Path
        An existing file is replaced once the new one is complete.
    frame : DataFrame
        The index is left out.

    Raises
    ------
    OutputError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(Path(folder) / "a.csv", pd.DataFrame({"name": ["=1+1", "-5"]}))
    ...     (Path(folder) / "a.csv").read_text()
    "name\n'=1+1\n-5\n"
    """
    safe = frame.copy()
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in safe.dtypes]]:
        safe[column] = safe[column].map(_harmless)
    with atomic_file(path) as temporary:
        safe.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")


def _harmless(value: object) -> object:
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return f"'{value}"
    return value
