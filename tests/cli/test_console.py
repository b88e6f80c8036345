"""Progress: a bar on a terminal, sparse lines elsewhere; sizes and thresholds as users write them."""

from __future__ import annotations

import io

import pytest
import typer
from rich.console import Console

from geo_profiling.cli import console
from geo_profiling.cli.console import BarProgress, LineProgress, NoProgress, start_console
from geo_profiling.cli.options import parse_size, parse_threshold
from geo_profiling.compute import Compute


def test_lines_are_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 6.0, 6.0, 7.0, 12.0, 12.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    lines: list[str] = []
    assert list(Compute(1, progress=LineProgress(lines.append)).map(abs, [1, 2, 3, 4], label="classes", total=4)) == [
        1,
        2,
        3,
        4,
    ]
    assert lines == ["classes: 2 of 4 (50 %)", "classes: 4 of 4 (100 %)"]


def test_stages_may_lie_in_each_other() -> None:
    screen = io.StringIO()
    for progress in (
        LineProgress(lambda _: None),
        NoProgress(),
        BarProgress(Console(file=screen, force_terminal=True)),
    ):
        progress.start("outer", None)
        progress.start("inner", 1)
        progress.advance()
        progress.finish()
        progress.advance()
        progress.finish()
    assert "outer" in screen.getvalue()


def test_bar_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {}
    for is_terminal in (True, False):
        monkeypatch.setattr(console.sys.stderr, "isatty", lambda answer=is_terminal: answer, raising=False)
        kinds[is_terminal] = type(start_console())
    assert kinds == {True: BarProgress, False: LineProgress}
    assert isinstance(start_console(quiet=True), NoProgress)
    assert isinstance(start_console(log_format="json"), NoProgress)


def test_log_lines_pass_above_the_bar() -> None:
    screen = io.StringIO()
    bar = BarProgress(Console(file=screen, width=200))
    bar.write("east: done [not markup] " + "x" * 300)
    assert screen.getvalue() == "east: done [not markup] " + "x" * 300 + "\n"


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("2GiB", 2**31), ("2gib", 2**31), ("800MB", 800_000_000), ("800 MB", 800_000_000),
     ("1.5G", 1_500_000_000), ("4096B", 4096), ("1TiB", 2**40)],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0GB", "-1GB", "GB", "2GiBs", "2 apples", "nan", "1e9", "٣GB"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_size(text)


@pytest.mark.parametrize("text", ["0", "1.01", "-0.2", "nan", "inf", "None", "", "20%"])
def test_no_thresholds(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_threshold(text)
