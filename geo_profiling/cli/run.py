"""Commands that work on a configuration: run, plan, validate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo_profiling.cli.console import LogFormat, start_console
from geo_profiling.cli.errors import ends_in_words
from geo_profiling.cli.options import ConfigFile, MemoryLimit, OutputFolder, RegionNames, Threads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geo_profiling.findings import Finding


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command(
        "run",
        epilog="\b\nExample:\n  geo-profiling run configs/belgium.yaml -o out --memory-limit 2GiB\n"
        "  geo-profiling run configs/forty_regions.yaml --region accra --region tema",
    )(run)
    app.command("plan", epilog="\b\nExample:\n  geo-profiling plan configs/belgium.yaml")(plan)
    app.command("validate", epilog="\b\nExample:\n  geo-profiling validate configs/belgium.yaml")(validate)


@ends_in_words
def run(
    config: ConfigFile,
    output: OutputFolder = None,
    region: RegionNames = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Work in N processes (a local Dask cluster), not in threads."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDR",
            help="Work on the Dask cluster of this scheduler (an address, or its scheduler file); "
            "DASK_SCHEDULER_ADDRESS says the same.",
        ),
    ] = None,
    memory_limit: MemoryLimit = None,
    force: Annotated[bool, typer.Option("--force", help="Compute everything anew and overwrite.")] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going/--fail-fast", help="Run the other regions when one fails, or stop.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="Errors only.")] = False,
    log_format: Annotated[LogFormat, typer.Option("--log-format", help="Lines for people, or JSON objects.")] = "text",
    summary: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE", help="Write a summary of the run (JSON) there, too.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", metavar="FILE", help="Write metrics there, for Prometheus (*.prom).")
    ] = None,
) -> None:
    """Compute everything the configuration asks for; a second run computes only what changed."""
    progress = start_console(quiet=quiet, log_format=log_format)

    from geo_profiling.cli.computing import choose_compute
    from pipelines.project import open_project
    from pipelines.run import run_project

    project = open_project(config, directory=output, progress=progress)
    with choose_compute(workers=workers, scheduler=scheduler, memory_limit=memory_limit, progress=progress) as compute:
        run_project(
            project,
            directory=output,
            regions=region,
            compute=compute,
            memory_limit=memory_limit,
            force=force,
            keep_going=keep_going,
            summary=summary,
            metrics=metrics,
        )


@ends_in_words
def plan(config: ConfigFile, output: OutputFolder = None, region: RegionNames = None) -> None:
    """Tell what `run` would do, each step with its reason; touches nothing."""
    progress = start_console()

    from pipelines.project import open_project
    from pipelines.run import plan_project

    project = open_project(config, directory=output, progress=progress)
    for line in plan_project(project, directory=output, regions=region):
        typer.echo(line)


@ends_in_words
def validate(config: ConfigFile, region: RegionNames = None, workers: Threads = None) -> None:
    """Check the configuration and every input; all findings in one table."""
    progress = start_console()

    from geo_profiling.cli.computing import threads
    from geo_profiling.errors import InputError
    from pipelines.check import check_project
    from pipelines.project import open_project

    findings = check_project(
        open_project(config, progress=progress), regions=region, compute=threads(workers, progress)
    )
    _print_findings(findings)
    errors = sum(finding.severity == "error" for finding in findings)
    if errors:
        raise InputError(f"{config}: {errors} {'error' if errors == 1 else 'errors'} in the inputs, listed above")
    typer.echo(f"{config}: the configuration and its inputs are fit for a run")


def _print_findings(findings: Iterable[Finding]) -> None:
    """Print the findings, errors first, each on lines of its own: long texts fit no table on a terminal."""
    rank = ("error", "warning", "note").index
    for row in sorted(findings, key=lambda finding: rank(finding.severity)):
        typer.echo(f"{row.severity:<7}  {row}")
        if row.remedy:
            typer.echo(f"{'':<7}  -> {row.remedy}")
