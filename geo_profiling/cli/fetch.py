"""The command that brings official source data: fetch."""

from __future__ import annotations

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
        "fetch",
        epilog="\b\nExample:\n  geo-profiling fetch ghs-pop --outline accra.gpkg -o data --year 2020 --resolution 100\n"
        "  geo-profiling fetch aqueduct-floods --outline accra.gpkg -o data --return-period 100\n\n"
        "\b\nSources: ghs-pop, ghs-built-s, ghs-land, ghs-smod (GHSL), worldpop, aqueduct-floods, osm (Geofabrik),\n"
        "geoboundaries.",
    )(fetch)


@ends_in_words
def fetch(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Name of the source; see below.", show_default=False)],
    outline: Annotated[Path, typer.Option("--outline", metavar="F", help="Polygons of the region (any vector file).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the files.")],
    layer: Annotated[str | None, typer.Option("--layer", metavar="NAME", help="Layer of the outline.")] = None,
    year: Annotated[int | None, typer.Option("--year", metavar="N", help="Year of the data.")] = None,
    resolution: Annotated[
        int | None, typer.Option("--resolution", metavar="N", help="Cell size of the GHSL in metres: 1000 or 100.")
    ] = None,
    level: Annotated[
        int | None, typer.Option("--level", metavar="N", help="Administrative level of geoboundaries, 0 to 5.")
    ] = None,
    return_period: Annotated[
        int | None, typer.Option("--return-period", metavar="N", help="Return period of floods, in years.")
    ] = None,
    country: Annotated[
        str | None, typer.Option("--country", metavar="ISO", help="Country (KEN), instead of the outline's own.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror",
            metavar="URL",
            envvar="GEO_PROFILING_MIRROR",
            help="Take files from URL/SOURCE/... instead of their publisher.",
        ),
    ] = None,
) -> None:
    """Fetch official data for an outline: resumed, checked, with licence and citation beside each file."""
    progress = start_console()

    from pipelines.fetch import fetch_command

    options = {"year": year, "resolution": resolution, "level": level, "return_period": return_period}
    found = fetch_command(
        source,
        outline,
        output,
        layer=layer,
        options=options,
        country=country,
        mirror=mirror,
        progress=progress,
    )
    for path in found:
        typer.echo(f"{path}  (licence and citation: {path.name}.source.json)")
