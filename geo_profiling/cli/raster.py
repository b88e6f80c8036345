"""Commands on rasters alone: degurba, zonal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words
from geo_profiling.cli.options import MemoryLimit, Threads, parse_threshold
from geo_profiling.errors import UsageError

AreaUnit = Literal["m2", "share"]


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command(
        "degurba",
        epilog="\b\nExample:\n  geo-profiling degurba POP.tif --land LAND.tif --built-up BUILT_S.tif \\\n"
        "      --level 2 -o classes.tif --centres centres.gpkg",
    )(degurba)
    app.command(
        "zonal",
        epilog="\b\nExample:\n  geo-profiling zonal POP.tif wards.gpkg -o people.csv --id ward_id --stats sum,mean",
    )(zonal)


@ends_in_words
def degurba(
    population: Annotated[Path, typer.Argument(metavar="POP", help="People in each cell (GeoTIFF).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.tif", help="Classes (COG, int16).")],
    land: Annotated[Path | None, typer.Option("--land", metavar="F", help="Permanent land in each cell.")] = None,
    built_up: Annotated[
        Path | None, typer.Option("--built-up", metavar="F", help="Built-up surface in each cell.")
    ] = None,
    level: Annotated[int, typer.Option("--level", min=1, max=2, help="1: codes 3-0; 2: codes 30-10.")] = 1,
    rules: Annotated[
        Literal["2021", "2024"], typer.Option("--rules", help="Rule set of semi-dense clusters (Level 2).")
    ] = "2024",
    built_up_threshold: Annotated[
        str,
        typer.Option(
            "--built-up-threshold", metavar="X|none|optimal", help="Built-up share of land that makes a cell dense."
        ),
    ] = "0.20",
    optimal_value: Annotated[
        float | None,
        typer.Option("--optimal-value", metavar="X", help="The global value that 'optimal' stands for."),
    ] = None,
    smoothing: Annotated[
        Literal["r2022a", "r2023a", "none"], typer.Option("--smoothing", help="Edge smoothing of urban centres.")
    ] = "r2023a",
    land_unit: Annotated[AreaUnit, typer.Option("--land-unit", help="Unit of the land raster.")] = "m2",
    built_up_unit: Annotated[AreaUnit, typer.Option("--built-up-unit", help="Unit of the built-up raster.")] = "m2",
    centres: Annotated[
        Path | None, typer.Option("--centres", metavar="OUT.gpkg", help="Urban centres as polygons.")
    ] = None,
    memory_limit: MemoryLimit = None,
    workers: Threads = None,
) -> None:
    """Classify a population grid by the Degree of Urbanisation."""
    threshold = parse_threshold(built_up_threshold)
    if optimal_value is not None and threshold != "optimal":
        raise UsageError("--optimal-value only means something with --built-up-threshold optimal")
    if optimal_value is not None and not 0 < optimal_value <= 1:
        raise UsageError(f"--optimal-value {optimal_value} is not a share above 0 and up to 1")
    progress = start_console()

    from geo_profiling.cli.computing import threads
    from pipelines.delineate import degurba_command

    degurba_command(
        population,
        output,
        land=land,
        built_up=built_up,
        level=1 if level == 1 else 2,
        rules=rules,
        built_up_threshold=threshold,
        optimal_value=optimal_value,
        smoothing=smoothing,
        land_unit=land_unit,
        built_up_unit=built_up_unit,
        centres=centres,
        memory_limit=memory_limit,
        compute=threads(workers, progress),
    )


@ends_in_words
def zonal(
    files: Annotated[
        list[Path], typer.Argument(metavar="RASTER... ZONES", help="One or more rasters, then the layer of zones.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Table to write: .csv, .parquet or .gpkg.")
    ],
    stats: Annotated[
        str,
        typer.Option("--stats", metavar="S,S,...", help="Any of sum, mean, count, min, max, fraction."),
    ] = "sum,mean,count",
    id_field: Annotated[
        str | None, typer.Option("--id", metavar="FIELD", help="Field with the zones' ids; by default a 0-based fid.")
    ] = None,
    workers: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Summarise rasters in zones, each cell weighted by the share of it that the zone covers."""
    if len(files) < 2:
        raise UsageError(
            "a raster and a layer of zones are wanted", hint="geo-profiling zonal POP.tif wards.gpkg -o people.csv"
        )
    progress = start_console()

    from geo_profiling.cli.computing import threads
    from pipelines.zonal import zonal_command

    zonal_command(
        files[:-1],
        files[-1],
        output,
        stats=[name.strip() for name in stats.split(",") if name.strip()],
        id_field=id_field,
        memory_limit=memory_limit,
        compute=threads(workers, progress),
    )
