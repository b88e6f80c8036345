"""Commands on hazards: exposure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words
from geo_profiling.cli.options import MemoryLimit, Threads


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command(
        "exposure",
        epilog="\b\nExample:\n  geo-profiling exposure --hazard 10=flood_rp10.tif --hazard 100=flood_rp100.tif \\\n"
        "      --population POP.tif --zones wards.gpkg --id ward_id -o exposure.csv",
    )(exposure)


def parse_hazard(text: str) -> tuple[float, Path]:
    """Read a return period in years and a file, as ``RP=F``.

    Raises
    ------
    typer.BadParameter
        If it is none.

    Examples
    --------
    >>> parse_hazard("100=flood.tif")[0]
    100.0
    """
    years, equals, name = text.partition("=")
    try:
        period = float(years)
    except ValueError:
        period = math.nan
    if not equals or not name or math.isnan(period):
        raise typer.BadParameter(
            f"{text!r} is no return period with its file; write for example 100=flood_rp100.tif",
            param_hint="'--hazard'",
        )
    return period, Path(name)


def parse_bands(text: str) -> tuple[float, ...]:
    """Read the thresholds of bands, in metres, separated by commas.

    Raises
    ------
    typer.BadParameter
        If one is no number.

    Examples
    --------
    >>> parse_bands("0.15, 0.5,1.5")
    (0.15, 0.5, 1.5)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} are no thresholds; write for example 0.15,0.5,1.5", param_hint="'--bands'"
        ) from error


@ends_in_words
def exposure(
    hazard: Annotated[
        list[str],
        typer.Option("--hazard", metavar="RP=F", help="Return period (years) and its depths (GeoTIFF); once for each."),
    ],
    zones: Annotated[Path, typer.Option("--zones", metavar="F", help="Zones, as polygons.")],
    id_field: Annotated[str, typer.Option("--id", metavar="FIELD", help="Field with the zones' unique ids.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Table to write: .csv or .parquet.")],
    population: Annotated[
        Path | None, typer.Option("--population", metavar="F", help="People in each cell (GeoTIFF).")
    ] = None,
    buildings: Annotated[
        Path | None, typer.Option("--buildings", metavar="F", help="Buildings, as polygons or points.")
    ] = None,
    lines: Annotated[
        Path | None, typer.Option("--lines", metavar="F", help="Streets, railways or other lines.")
    ] = None,
    bands: Annotated[
        str, typer.Option("--bands", metavar="M,M,...", help="Thresholds of the bands in metres, closed on the left.")
    ] = "0.15,0.5,1.5",
    hazard_unit: Annotated[Literal["m", "cm"], typer.Option("--hazard-unit", help="Unit of the depths.")] = "m",
    nodata_means: Annotated[
        Literal["unknown", "dry"],
        typer.Option("--nodata-means", help="What the provider says of cells without data inside the raster."),
    ] = "unknown",
    workers: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Count people, buildings and metres of lines in bands of a hazard, by zone and return period."""
    hazards = [parse_hazard(text) for text in hazard]
    thresholds = parse_bands(bands)
    progress = start_console()

    from geo_profiling.cli.computing import threads
    from pipelines.exposure_command import exposure_command

    exposure_command(
        hazards,
        zones,
        output,
        id_field=id_field,
        population=population,
        buildings=buildings,
        lines=lines,
        thresholds=thresholds,
        unit=hazard_unit,
        nodata_means=nodata_means,
        memory_limit=memory_limit,
        compute=threads(workers, progress),
    )
