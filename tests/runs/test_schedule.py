"""Files for schedulers: each is what its scheduler reads, whatever names and paths stand in it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from geo_profiling.cli.main import app
from geo_profiling.errors import UsageError
from geo_profiling.runs.schedule import Job, Moment, _systemd_quoted, _windows_quoted, parse_moment, schedule_files

AWKWARD = ["/opt/g p/geo-profiling", "run", '/data/50% "wet" $HOME.yaml', "--log-format", "json"]
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def job(command: list[str] | None = None, at: str = "Mon,Thu 03:05") -> Job:
    return Job("Ghana & Togo", command or AWKWARD, Path("/data dir"), parse_moment(at))


def only(kind: str, **options: object) -> bytes:
    (content,) = schedule_files(kind, job(**options)).values()  # type: ignore[arg-type]
    return content


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("03:00", Moment(3, 0)),
        ("Mon 3:00", Moment(3, 0, (0,))),
        ("sun,MON 23:59", Moment(23, 59, (0, 6))),
        (" Sat  00:00 ", Moment(0, 0, (5,))),
    ],
)
def test_moments(text: str, moment: Moment) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text", ["", "3", "24:00", "03:60", "Mo 03:00", "Monday 03:00", "Mon", "03:00 Mon", "0 3 * * 1"]
)
def test_no_moments(text: str) -> None:
    with pytest.raises(UsageError, match="no time to start at"):
        parse_moment(text)


def test_cron_line_has_five_fields_of_its_grammar_and_the_command_as_a_shell_reads_it() -> None:
    comment, line = only("cron").decode().splitlines()
    assert comment.startswith("#")
    minute, hour, day, month, weekdays, command = line.split(" ", 5)
    assert (minute, hour, day, month, weekdays) == ("5", "3", "*", "*", "1,4")
    assert not re.search(r"(?<!\\)%", command)
    cron_gives_the_shell = command.replace("\\%", "%")
    assert shlex.split(cron_gives_the_shell) == ["cd", "/data dir", "&&", *AWKWARD]


def test_sunday_is_zero_for_cron() -> None:
    assert parse_moment("Sun 01:00").cron == "0 1 * * 0"
    assert parse_moment("01:00").cron == "0 1 * * *"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("true")
    assert program is not None
    files = schedule_files("systemd", job([program, *AWKWARD[1:]]))
    assert sorted(files) == ["geo-profiling-ghana-togo.service", "geo-profiling-ghana-togo.timer"]
    timer = files["geo-profiling-ghana-togo.timer"].decode()
    assert "OnCalendar=Mon,Thu *-*-* 03:05:00\nPersistent=true\n" in timer
    service = files["geo-profiling-ghana-togo.service"].decode()
    assert '"/data/50%% \\"wet\\" $$HOME.yaml"' in service
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the units are not shown to systemd")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in files)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if "geo-profiling" in line]
    assert ours == []
    calendar = subprocess.run(
        ["systemd-analyze", "calendar", "Mon,Thu *-*-* 03:05:00"], capture_output=True, text=True, check=False
    )
    assert "Normalized form: Mon,Thu *-*-* 03:05:00" in calendar.stdout


def test_cron_job_of_kubernetes() -> None:
    document = YAML(typ="safe", pure=True).load(only("kubernetes").decode())
    assert (document["apiVersion"], document["kind"]) == ("batch/v1", "CronJob")
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", document["metadata"]["name"])
    spec = document["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("5 3 * * 1,4", "Forbid")
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    assert container["command"] == AWKWARD
    assert container["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]


def test_task_of_windows() -> None:
    content = only("windows")
    assert content.startswith(b"\xff\xfe")
    task = ET.fromstring(content.decode("utf-16"))
    # The order of the schema is fixed.
    assert [child.tag.removeprefix(TASK) for child in task] == ["RegistrationInfo", "Triggers", "Settings", "Actions"]
    trigger = task.find(f"{TASK}Triggers/{TASK}CalendarTrigger")
    assert trigger is not None
    assert trigger.findtext(f"{TASK}StartBoundary") == "2001-01-01T03:05:00"
    days = trigger.find(f"{TASK}ScheduleByWeek/{TASK}DaysOfWeek")
    assert days is not None
    assert [day.tag.removeprefix(TASK) for day in days] == ["Monday", "Thursday"]
    action = task.find(f"{TASK}Actions/{TASK}Exec")
    assert action is not None
    assert action.findtext(f"{TASK}Command") == AWKWARD[0]
    assert action.findtext(f"{TASK}Arguments") == 'run "/data/50% \\"wet\\" $HOME.yaml" --log-format json'
    daily = ET.fromstring(only("windows", at="21:30").decode("utf-16"))
    assert daily.findtext(f"{TASK}Triggers/{TASK}CalendarTrigger/{TASK}ScheduleByDay/{TASK}DaysInterval") == "1"


def windows_words(line: str) -> list[str]:
    """Split as Windows does: backslashes count only before quotes."""
    words, word, quoted, started, position = [], "", False, False, 0
    while position < len(line):
        slashes = len(line) - position - len(line[position:].lstrip("\\"))
        position += slashes
        if position < len(line) and line[position] == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            started, position = True, position + 1
            continue
        word += "\\" * slashes
        started = started or slashes > 0
        if position < len(line):
            if line[position] in " \t" and not quoted:
                words, word, started = [*words, word] if started else words, "", False
            else:
                word, started = word + line[position], True
            position += 1
    return [*words, word] if started else words


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=8), min_size=1, max_size=4))
def test_any_arguments_reach_a_windows_program(words: list[str]) -> None:
    line = " ".join(_windows_quoted(word) for word in words)
    assert windows_words(line) == words


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
def test_no_percent_or_dollar_is_left_for_systemd_to_expand(word: str) -> None:
    quoted = _systemd_quoted(word)
    assert quoted.replace("%%", "").count("%") == 0
    assert quoted.replace("$$", "").count("$") == 0


def test_command_writes_the_files_and_says_what_comes_next(tmp_path: Path, repository: Path) -> None:
    config = repository / "configs/sample.yaml"
    arguments = ["schedule", str(config), "--systemd", "--cron", "--kubernetes", "--windows", "-o", str(tmp_path / "x")]
    result = CliRunner().invoke(
        app, [*arguments, "--at", "Tue 04:30", "--run-options", "--workers 2 --log-format json"]
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name.split(".")[-1] for path in (tmp_path / "x").iterdir()) == [
        "cron", "service", "timer", "xml", "yaml",
    ]  # fmt: skip
    assert "systemctl --user enable --now geo-profiling-port-serrano.timer" in result.output
    line = (tmp_path / "x/geo-profiling-port-serrano.cron").read_text().splitlines()[-1]
    assert line.startswith("30 4 * * 2 cd ")
    assert line.endswith(f"-m geo_profiling run {config} --workers 2 --log-format json")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        ([], "for which scheduler", 2),
        (["--cron", "--at", "noon"], "no time to start at", 2),
        (["--cron", "--run-options", "'open"], "--run-options", 2),
    ],
)
def test_command_refuses(arguments: list[str], words: str, code: int, tmp_path: Path, repository: Path) -> None:
    command = ["schedule", str(repository / "configs/sample.yaml"), "-o", str(tmp_path), *arguments]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, words in result.output) == (code, True), result.output
    assert list(tmp_path.iterdir()) == []
