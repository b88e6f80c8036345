"""The command that fits the model of functional urban areas without flows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words
from geo_profiling.cli.options import ConfigFile, MemoryLimit, Threads


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command("fit", epilog="\b\nExample:\n  geo-profiling fit configs/belgium.yaml -o coefficients.json")(fit)


@ends_in_words
def fit(
    config: ConfigFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="F", help="Coefficients to write (JSON).")],
    workers: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Fit the model of functional urban areas without flows on regions that have flows."""
    progress = start_console()

    from geo_profiling.cli.computing import threads
    from pipelines.fit import fit_command
    from pipelines.project import open_project

    project = open_project(config, progress=progress)
    model = fit_command(project, output, memory_limit=memory_limit, compute=threads(workers, progress))
    for kind, figures in (("leaving out areas", "leave_fua_out"), ("spatial blocks", "spatial_blocks")):
        found = model.validation[figures]
        typer.echo(
            f"{kind}, {found['folds']} folds: AUC {found['auc']:.3f}, balanced accuracy "
            f"{found['balanced_accuracy']:.3f}, Brier {found['brier']:.3f}, Jaccard of cells "
            f"{found['jaccard_cells']:.3f}, of people {found['jaccard_population']:.3f}"
        )
