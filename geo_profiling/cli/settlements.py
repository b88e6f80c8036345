"""Commands on informal settlements: complexity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words
from geo_profiling.cli.options import Threads


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command(
        "complexity",
        epilog="\b\nExample:\n  geo-profiling complexity --buildings buildings.gpkg --streets streets.gpkg \\\n"
        "      --blocks blocks.gpkg --block-id block_id -o complexity.gpkg",
    )(complexity)


@ends_in_words
def complexity(
    buildings: Annotated[
        Path, typer.Option("--buildings", metavar="F", help="Buildings, as polygons (their centroids serve) or points.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.gpkg", help="GeoPackage to write.")],
    streets: Annotated[
        Path | None,
        typer.Option("--streets", metavar="F", help="Streets, as lines; without them blocks' outlines give access."),
    ] = None,
    blocks: Annotated[
        Path | None,
        typer.Option("--blocks", metavar="F", help="Street blocks, as polygons; by default made from the streets."),
    ] = None,
    block_id: Annotated[
        str | None, typer.Option("--block-id", metavar="FIELD", help="Field with the blocks' unique ids.")
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option("--crs", metavar="C", help="Local conformal CRS to measure in; by default the local UTM zone."),
    ] = None,
    reblock: Annotated[
        bool, typer.Option("--reblock", help="Also find new paths for blocks with k of 3 and more.")
    ] = False,
    cost_per_m: Annotated[
        float | None, typer.Option("--cost-per-m", metavar="X", help="Cost of a metre of new path.")
    ] = None,
    workers: Threads = None,
) -> None:
    """Measure how many buildings of street blocks lie between the deepest one and a street."""
    progress = start_console()

    from geo_profiling.cli.computing import threads
    from pipelines.complexity import complexity_command

    complexity_command(
        buildings,
        output,
        streets=streets,
        blocks=blocks,
        block_id=block_id,
        crs=crs,
        reblock=reblock,
        cost_per_m=cost_per_m,
        compute=threads(workers, progress),
    )
