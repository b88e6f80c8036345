"""The survey command: columns as they are scripted, formats, exit codes, bad inputs by row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from geo_profiling.cli.main import app

HOUSEHOLDS = """\
weight,stratum,cluster,district,water,rooms,people
1.5,urban,1,007,tap,2,4
1.0,urban,2,007,well,1,5
2.0,urban,3,008,tap,3,3
1.0,rural,1,008,,2,6
1.0,rural,2,007,well,1,
3.0,rural,3,008,tap,4,2
"""
FIGURES = ["estimate", "se", "ci_low", "ci_high", "ci_method", "n", "n_psu", "df", "deff", "n_eff"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "households.csv"
    path.write_text(HOUSEHOLDS)
    return path


def call(table: Path, *more: str, output: str = "o.csv", weights: str = "weight") -> Result:
    fixed = ["survey", str(table), "-o", str(table.parent / output), "--weights", weights]
    return CliRunner().invoke(app, [*fixed, *more])


PROPORTION = ["--variable", "water=tap", "--statistic", "proportion"]
DESIGN = ["--strata", "stratum", "--psu", "cluster"]


def test_columns_domains_and_codes_as_they_came(table: Path) -> None:
    result = call(table, *PROPORTION, *DESIGN, "--by", "district", "--by", "stratum")
    assert result.exit_code == 0, result.output
    found = pd.read_csv(table.parent / "o.csv", dtype=str, keep_default_na=False)
    assert found.columns.tolist() == ["variable", "statistic", "district", "stratum", *FIGURES]
    assert found["district"].tolist() == ["007", "007", "008", "008"]
    assert found["stratum"].tolist() == ["rural", "urban", "rural", "urban"]
    assert found["n"].tolist() == ["1", "2", "1", "1"]
    assert found["ci_low"].tolist()[0] == ""


def test_several_variables_and_parquet(table: Path) -> None:
    more = ["--variable", "people/rooms", "--variable", "rooms/people", "--statistic", "ratio", *DESIGN]
    assert call(table, *more, output="o.parquet").exit_code == 0
    found = pd.read_parquet(table.parent / "o.parquet")
    assert found.columns.tolist() == ["variable", "statistic", *FIGURES]
    assert found["variable"].tolist() == ["people/rooms", "rooms/people"]
    assert found["estimate"].prod() == pytest.approx(1)
    assert found["ci_method"].tolist() == ["mean", "mean"]


def test_the_same_input_gives_the_same_bytes(table: Path) -> None:
    for output in ("a.csv", "b.csv"):
        assert call(table, *PROPORTION, *DESIGN, output=output).exit_code == 0
    assert (table.parent / "a.csv").read_bytes() == (table.parent / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--variable", "water", "--statistic", "mean"], "column 'water' 'tap' is no number in row 2"),
        (["--variable", "nowhere", "--statistic", "mean"], "no column 'nowhere'"),
        ([*PROPORTION, "--by", "nowhere"], "no column 'nowhere'"),
        ([*PROPORTION, "--strata", "cluster", "--psu", "stratum", "--fpc", "rooms"], "column 'rooms'"),
        (["--variable", "rooms", "--statistic", "mean", "--strata", "water"], "column 'water' is missing in row 5"),
    ],
)
def test_bad_input_ends_with_4_and_keeps_the_old_output(table: Path, more: list[str], words: str) -> None:
    (table.parent / "o.csv").write_text("old")
    result = call(table, *more)
    assert result.exit_code == 4
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert (table.parent / "o.csv").read_text() == "old"
    assert sorted(path.name for path in table.parent.iterdir()) == ["households.csv", "o.csv"]


@pytest.mark.parametrize("weights", ["-1.0", ""])
def test_bad_weights_name_their_row(table: Path, weights: str) -> None:
    table.write_text(HOUSEHOLDS.replace("1.0,urban", f"{weights},urban"))
    result = call(table, *PROPORTION, *DESIGN)
    assert result.exit_code == 4
    assert "row 3" in " ".join(result.stderr.split())


def test_a_lonely_psu_names_its_stratum_unless_a_rule_is_chosen(table: Path) -> None:
    table.write_text("".join(line for line in HOUSEHOLDS.splitlines(True) if not line.startswith("1.0,r")))
    result = call(table, *PROPORTION, *DESIGN)
    assert result.exit_code == 4
    assert "'rural'" in result.stderr
    for rule in ("certainty", "remove", "adjust", "average"):
        assert call(table, *PROPORTION, *DESIGN, "--lonely-psu", rule).exit_code == 0


@pytest.mark.parametrize(
    "more",
    [
        ["--variable", "rooms"],
        ["--statistic", "mean"],
        ["--variable", "rooms", "--statistic", "median"],
        [*PROPORTION, "--ci", "wald"],
        [*PROPORTION, "--lonely-psu", "ignore"],
        ["--variable", "rooms", "--statistic", "ratio"],
    ],
)
def test_usage_errors_end_with_2(table: Path, more: list[str]) -> None:
    assert call(table, *more).exit_code == 2


def test_the_output_must_be_a_table_and_not_the_input(table: Path) -> None:
    assert call(table, *PROPORTION, output="o.xlsx").exit_code == 2
    assert call(table, *PROPORTION, output=table.name).exit_code == 2
    assert table.read_text() == HOUSEHOLDS


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app, ["survey", "--help"])
    assert "Example:\n    geo-profiling survey" in result.output
