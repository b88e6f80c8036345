"""The command on sample surveys: survey."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command(
        "survey",
        epilog="\b\nExample:\n  geo-profiling survey households.csv -o water.csv --variable water=piped \\\n"
        "      --statistic proportion --weights weight --strata stratum --psu cluster --by district",
    )(survey)


@ends_in_words
def survey(
    table: Annotated[Path, typer.Argument(metavar="FILE", help="Sample (CSV), one row a unit; empty is missing.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.csv", help="Table to write; or .parquet.")],
    variable: Annotated[
        list[str],
        typer.Option(
            "--variable", metavar="V", help="Column; V=value for a proportion, num/den for a ratio. Repeatable."
        ),
    ],
    statistic: Annotated[
        Literal["mean", "proportion", "total", "ratio"], typer.Option("--statistic", help="What to estimate.")
    ],
    weights: Annotated[str, typer.Option("--weights", metavar="W", help="Column of sampling weights.")],
    strata: Annotated[str | None, typer.Option("--strata", metavar="S", help="Column of strata.")] = None,
    psu: Annotated[
        str | None, typer.Option("--psu", metavar="P", help="Column of PSUs, read inside their stratum.")
    ] = None,
    fpc: Annotated[
        str | None, typer.Option("--fpc", metavar="F", help="Column with the number of PSUs in the stratum.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="D", help="Column of domains; several are crossed. Repeatable.")
    ] = None,
    ci: Annotated[
        Literal["logit", "wilson", "beta", "mean"], typer.Option("--ci", help="Interval of proportions (95 %).")
    ] = "logit",
    lonely_psu: Annotated[
        Literal["fail", "certainty", "remove", "adjust", "average"],
        typer.Option("--lonely-psu", help="What to do with a stratum of one PSU."),
    ] = "fail",
) -> None:
    """Estimate means, proportions, totals or ratios from a sample survey."""
    start_console()

    from pipelines.survey import survey_command

    survey_command(
        table,
        output,
        variables=variable,
        statistic=statistic,
        weights=weights,
        strata=strata,
        psu=psu,
        fpc=fpc,
        by=by or (),
        ci=ci,
        lonely_psu=lonely_psu,
    )
