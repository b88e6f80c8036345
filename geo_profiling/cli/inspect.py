"""Commands that look at things or start something: info, init, schema, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
        "info",
        epilog="\b\nExample:\n  geo-profiling info POP.tif\n  geo-profiling info out/accra\n"
        "  geo-profiling info indicators",
    )(info)
    app.command("init", epilog="\b\nExample:\n  geo-profiling init my_city")(init)
    app.command("schema", epilog="\b\nExample:\n  geo-profiling schema > config.schema.json")(schema)
    app.command("report", epilog="\b\nExample:\n  geo-profiling report out/accra")(report)


@ends_in_words
def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Raster, layer, folder of a finished region, or the word 'indicators'."),
    ],
) -> None:
    """Tell what a raster, a layer or a finished output is; or list the catalogue of indicators."""
    start_console()
    if str(path) == "indicators" and not path.exists():
        _print_catalogue()
        return

    from pipelines.info import describe

    _print_mapping(describe(path))


def _print_catalogue() -> None:
    from geo_profiling.indicators.catalogue import CATALOGUE, described

    for indicator in CATALOGUE.values():
        typer.echo(f"{indicator.id}: {indicator.title}")
        _print_mapping(described(indicator), "  ")
        typer.echo("")


def _print_mapping(content: dict[str, Any], indent: str = "") -> None:
    width = max((len(key) for key in content), default=0)
    for key, value in content.items():
        if isinstance(value, dict):
            typer.echo(f"{indent}{key}:")
            _print_mapping(value, f"{indent}  ")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            typer.echo(f"{indent}{key}:")
            for number, item in enumerate(value, start=1):
                typer.echo(f"{indent}  {number}.")
                _print_mapping(item, f"{indent}    ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            typer.echo(f"{indent}{key:<{width}}  {'-' if shown is None else shown}")


@ends_in_words
def init(directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to create.")]) -> None:
    """Create a starter project: a commented configuration and the sample city's data."""
    start_console()

    from geo_profiling.cli.starter import create_starter

    config = create_starter(directory)
    typer.echo(f"created {directory}; next: geo-profiling run {config}")


@ends_in_words
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from geo_profiling.config.schema import schema_text

    typer.echo(schema_text(), nl=False)


@ends_in_words
def report(directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished region.")]) -> None:
    """Write the offline report of a finished output again."""
    start_console()

    from pipelines.publish import write_report_again

    typer.echo(f"wrote {write_report_again(directory)}")
