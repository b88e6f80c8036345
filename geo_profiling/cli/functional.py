"""Commands on commuting: fua."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

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
        "fua",
        epilog="\b\nExample:\n  geo-profiling fua --units municipalities.gpkg --unit-id code --flows flows.csv \\\n"
        "      --employed employed.csv --cities cities.csv -o fua.gpkg",
    )(fua)


def parse_share(text: str) -> Fraction:
    """Read a share above 0 and up to 1 as the exact fraction that its decimals say.

    Raises
    ------
    typer.BadParameter
        If it is none.

    Examples
    --------
    >>> parse_share("0.15")
    Fraction(3, 20)
    """
    try:
        value = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value <= 1:
        raise typer.BadParameter(
            f"{text!r} is no share above 0 and up to 1; write for example 0.15", param_hint="'--threshold'"
        )
    return value


def parse_columns(text: str, *, option: str, wanted: str) -> list[str]:
    """Read the names of columns, separated by commas: as many as ``wanted`` names.

    Raises
    ------
    typer.BadParameter
        If there are more or fewer, an empty one, or one twice.

    Examples
    --------
    >>> parse_columns("von, nach, zahl", option="--flow-columns", wanted="origin,destination,workers")
    ['von', 'nach', 'zahl']
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != len(wanted.split(",")) or not all(names) or len(set(names)) < len(names):
        raise typer.BadParameter(
            f"{text!r} does not name {len(wanted.split(','))} columns; write for example {wanted}",
            param_hint=f"'{option}'",
        )
    return names


_FLOWS, _EMPLOYED, _CITIES = "origin,destination,workers", "code,employed_residents_total", "code,city_id"


@ends_in_words
def fua(
    units: Annotated[Path, typer.Option("--units", metavar="F", help="Local units, as polygons.")],
    unit_id: Annotated[str, typer.Option("--unit-id", metavar="FIELD", help="Field with the units' unique ids.")],
    flows: Annotated[Path, typer.Option("--flows", metavar="F", help="Workers by home and workplace (CSV).")],
    employed: Annotated[
        Path, typer.Option("--employed", metavar="F", help="All employed residents of each unit (CSV).")
    ],
    cities: Annotated[Path, typer.Option("--cities", metavar="F", help="Units of cities (CSV).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.gpkg", help="GeoPackage to write.")],
    threshold: Annotated[
        str,
        typer.Option(
            "--threshold", metavar="SHARE", help="Share of employed residents from which a unit belongs (included)."
        ),
    ] = "0.15",
    flow_columns: Annotated[
        str, typer.Option("--flow-columns", metavar="O,D,N", help="Columns of the flows.")
    ] = _FLOWS,
    employed_columns: Annotated[
        str, typer.Option("--employed-columns", metavar="CODE,N", help="Columns of the employed residents.")
    ] = _EMPLOYED,
    city_columns: Annotated[
        str, typer.Option("--city-columns", metavar="CODE,CITY", help="Columns of the cities.")
    ] = _CITIES,
) -> None:
    """Delineate functional urban areas from commuting flows."""
    columns = {
        "flow_columns": parse_columns(flow_columns, option="--flow-columns", wanted=_FLOWS),
        "employed_columns": parse_columns(employed_columns, option="--employed-columns", wanted=_EMPLOYED),
        "city_columns": parse_columns(city_columns, option="--city-columns", wanted=_CITIES),
    }
    share = parse_share(threshold)
    start_console()

    from pipelines.fua import fua_command

    fua_command(
        units,
        output,
        unit_id=unit_id,
        flows=flows,
        employed=employed,
        cities=cities,
        threshold=share,
        **columns,
    )
