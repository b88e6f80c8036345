"""Design-based survey estimates, from a table to a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.indicators.intervals import Interval
from geo_profiling.indicators.survey import LonelyPsu, Statistic, survey_estimates
from geo_profiling.outputs.tables import write_csv, write_parquet
from geo_profiling.vector.read import read_table

FORMATS = (".csv", ".parquet")


def survey_command(
    table: Path,
    output: Path,
    *,
    variables: Sequence[str],
    statistic: Statistic,
    weights: str,
    strata: str | None = None,
    psu: str | None = None,
    fpc: str | None = None,
    by: Sequence[str] = (),
    ci: Interval = "logit",
    lonely_psu: LonelyPsu = "fail",
) -> None:
    """Estimate from a sample and write the table of estimates; nothing is suppressed.

    Parameters
    ----------
    table : Path
        CSV with one row a sampled unit.
    output : Path
        ``.csv`` or ``.parquet``.
    variables, statistic, weights, strata, psu, fpc, by, ci, lonely_psu
        See :func:`geo_profiling.indicators.survey.survey_estimates`.

    Raises
    ------
    UsageError
        If the output's format is unknown or it would overwrite the input.
    InputError
        If the table is refused or cannot be estimated from.
    """
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"{output}: the format '{output.suffix}' is not known", hint=f"one of {', '.join(FORMATS)}")
    if output.exists() and table.exists() and output.samefile(table):
        raise UsageError(f"{output}: is the input", hint="write to another file")
    frame = read_table(table)
    # Messages name rows as an editor does: the header is row 1.
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    found = survey_estimates(
        frame,
        variables,
        statistic=statistic,
        weights=weights,
        strata=strata,
        psu=psu,
        fpc=fpc,
        by=by,
        ci=ci,
        lonely_psu=lonely_psu,
        name=table.name,
    )
    (write_csv if output.suffix.lower() == ".csv" else write_parquet)(output, found)
