"""The command that writes schedules: schedule."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words
from geo_profiling.cli.options import ConfigFile

if TYPE_CHECKING:
    from geo_profiling.runs.schedule import Kind


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command(
        "schedule",
        epilog='\b\nExample:\n  geo-profiling schedule configs/ghana.yaml --systemd --at "Mon 03:00" -o units\n'
        '  geo-profiling schedule configs/ghana.yaml --cron --at 02:30 --run-options "--workers 4 --log-format json"',
    )(schedule)


@ends_in_words
def schedule(
    config: ConfigFile,
    systemd: Annotated[bool, typer.Option("--systemd", help="A systemd timer and its service.")] = False,
    cron: Annotated[bool, typer.Option("--cron", help="A line for a crontab.")] = False,
    kubernetes: Annotated[bool, typer.Option("--kubernetes", help="A CronJob of Kubernetes.")] = False,
    windows: Annotated[bool, typer.Option("--windows", help="A task of the Windows Task Scheduler (XML).")] = False,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="When: '03:00' every day, 'Mon 03:00', 'Mon,Thu 21:30'.")
    ] = "Mon 03:00",
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the files.")] = Path(),
    run_options: Annotated[
        str, typer.Option("--run-options", metavar="TEXT", help="Options for `run`, as on its command line.")
    ] = "--log-format json",
    image: Annotated[
        str, typer.Option("--image", metavar="NAME", help="Container image with geo_profiling, for Kubernetes.")
    ] = "geo-profiling:latest",
    claim: Annotated[
        str,
        typer.Option("--claim", metavar="NAME", help="Volume claim with the configuration's folder, for Kubernetes."),
    ] = "geo-profiling",
) -> None:
    """Write the files by which systemd, cron, Kubernetes or Windows starts this run on time."""
    start_console()

    from geo_profiling.atomic import atomic_file
    from geo_profiling.errors import UsageError
    from geo_profiling.runs.schedule import Job, install_hint, parse_moment, schedule_files
    from pipelines.project import open_project

    asked = {"systemd": systemd, "cron": cron, "kubernetes": kubernetes, "windows": windows}
    kinds: list[Kind] = [kind for kind, wanted in asked.items() if wanted]  # type: ignore[misc]
    if not kinds:
        raise UsageError("schedule for which scheduler?", hint="give --systemd, --cron, --kubernetes or --windows")
    moment, options = parse_moment(at), _run_options(run_options)
    project = open_project(config)
    path = config.absolute()
    for kind in kinds:
        program = ["geo-profiling"] if kind == "kubernetes" else [sys.executable, "-m", "geo_profiling"]
        command = [*program, "run", str(path), *options]
        job = Job(project.config.name, command, path.parent, moment, image, claim)
        output.mkdir(parents=True, exist_ok=True)
        for name, content in schedule_files(kind, job).items():
            with atomic_file(output / name) as temporary:
                temporary.write_bytes(content)
            typer.echo(f"wrote {output / name}")
        typer.echo(f"  next: {install_hint(kind, job)}")


def _run_options(text: str) -> list[str]:
    from geo_profiling.errors import UsageError

    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--run-options {text!r}: {error}", hint="close the quotes") from error
