"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

_UNITS = {
    "": 1,
    **{"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12},
    **{"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40},
}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?I?)B?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Read an amount of memory: ``2GiB``, ``800MB``, ``1.5G``, or bytes.

    Raises
    ------
    typer.BadParameter
        If it is no positive amount.

    Examples
    --------
    >>> parse_size("2GiB"), parse_size("800MB"), parse_size("1.5 k"), parse_size("4096")
    (2147483648, 800000000, 1500, 4096)
    """
    match = _SIZE.fullmatch(text.strip())
    unit = match["unit"].upper() if match else ""
    if match is None or unit not in _UNITS or float(match["number"]) == 0:
        raise typer.BadParameter(f"{text!r} is no amount of memory; write for example 2GiB or 800MB")
    return int(float(match["number"]) * _UNITS[unit])


def parse_threshold(text: str) -> float | Literal["none", "optimal"]:
    """Read a built-up threshold: a share above 0 and up to 1, ``none`` or ``optimal``.

    Raises
    ------
    typer.BadParameter
        If it is none of these.

    Examples
    --------
    >>> parse_threshold("0.2"), parse_threshold("none")
    (0.2, 'none')
    """
    if text == "none":
        return "none"
    if text == "optimal":
        return "optimal"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise typer.BadParameter(
            f"{text!r} is neither a share above 0 and up to 1 nor 'none' nor 'optimal'",
            param_hint="'--built-up-threshold'",
        )
    return value


ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file (YAML).", show_default=False)]
OutputFolder = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Folder of the results, instead of the configuration's."),
]
RegionNames = Annotated[
    list[str] | None, typer.Option("--region", metavar="NAME", help="Only this region; may be given several times.")
]
Threads = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Number of threads; by default one a processor.")
]
MemoryLimit = Annotated[
    int | None,
    typer.Option(
        "--memory-limit", metavar="SIZE", parser=parse_size, help="Most memory to use, for example 2GiB or 800MB."
    ),
]
