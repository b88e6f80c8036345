"""The command that compares two outputs: diff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo_profiling.cli.console import start_console
from geo_profiling.cli.errors import ends_in_words

if TYPE_CHECKING:
    from pipelines.diff import RegionDifference

#: Lines of each kind that are shown for a region; the table that -o writes has all.
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Examples
    --------
    >>> register(typer.Typer())
    """
    app.command("diff", epilog="\b\nExample:\n  geo-profiling diff out_2025 out_2026 -o changes.json")(diff)


@ends_in_words
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Folder of a finished region, or of several.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same, of another run.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write everything there, too (JSON).")
    ] = None,
) -> None:
    """Tell what changed between two outputs: indicators beyond their interval, areas that came, went or merged."""
    start_console()

    from geo_profiling.atomic import atomic_file
    from pipelines.diff import compare_outputs

    found = list(compare_outputs(old, new))
    for region in found:
        for line in _lines(region):
            typer.echo(line)
    if output is not None:
        content = [_as_json(region) for region in found]
        with atomic_file(output) as temporary:
            temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _lines(region: RegionDifference) -> list[str]:
    lines = [f"{region.region}: {region.state}"]
    for row in region.areas.head(_SHOWN).itertuples():
        name = f" {row.name}" if isinstance(row.name, str) else ""
        ids = {"merged": f" from {row.before_ids}", "split": f" of {row.before_ids} into {row.after_ids}"}
        people = f": {_number(row.population_before)} -> {_number(row.population_after)} people"
        lines.append(f"  {row.layer} {row.area_id}{name} {row.what}{ids.get(str(row.what), '')}{people}")
    for record in region.indicators.head(_SHOWN).to_dict("records"):
        key = " ".join(str(record[name]) for name in record if name in _KEY and record[name])
        lines.append(f"  {key} {record['what']}: {_number(record['before'])} -> {_number(record['after'])}")
    for change in region.figures[:_SHOWN]:
        lines.append(f"  {change['figure']}: {_number(change['before'])} -> {_number(change['after'])}")
    hidden = sum(max(0, len(part) - _SHOWN) for part in (region.areas, region.indicators, region.figures))
    return [*lines, f"  and {hidden} more (-o writes them all)"] if hidden else lines


_KEY = frozenset(
    {"area_type", "area_id", "indicator", "series", "time_period", "sex", "age", "urbanisation", "breakdown"}
)


def _number(value: Any) -> str:
    return "-" if value is None or value != value else f"{value:.6g}" if abs(value) < 1e5 else f"{value:,.0f}"


def _as_json(region: RegionDifference) -> dict[str, Any]:
    return {
        "region": region.region,
        "state": region.state,
        "areas": json.loads(region.areas.to_json(orient="records")),
        "indicators": json.loads(region.indicators.to_json(orient="records")),
        "figures": region.figures,
    }
