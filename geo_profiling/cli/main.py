"""The ``geo-profiling`` command."""

from __future__ import annotations

from typing import Annotated

import typer

from geo_profiling.cli import (
    diff,
    exposure,
    fetch,
    fit,
    functional,
    inspect,
    raster,
    run,
    schedule,
    settlements,
    survey,
)

app = typer.Typer(
    name="geo-profiling",
    help="Profiles a metropolis and its informal settlements from rasters and layers.",
    epilog="\b\nA first result in two commands:\n  geo-profiling init accra\n"
    "  geo-profiling run accra/configs/sample.yaml\n\n"
    "\b\nExit codes: 0 done, 1 internal fault, 2 usage, 3 config, 4 input data,\n"
    "5 some regions failed, 6 locked by another run, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help needs no rich, whose import is a third of the time `--help` takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"geo-profiling {version('geo-profiling')}")
        except PackageNotFoundError:
            typer.echo("geo-profiling, run from its source folder")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Profiles a metropolis and its informal settlements from rasters and layers."""


run.register(app)
schedule.register(app)
fetch.register(app)
diff.register(app)
inspect.register(app)
raster.register(app)
functional.register(app)
fit.register(app)
survey.register(app)
settlements.register(app)
exposure.register(app)


def main() -> None:
    """Run the command line; the entry point of ``geo-profiling``."""
    app()
