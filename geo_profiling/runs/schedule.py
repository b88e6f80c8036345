"""Files by which a machine's own scheduler starts a run: systemd, cron, Kubernetes, Windows.

Each starts the same command. A second run beside a first ends at once (exit 6), so that a schedule
that is too dense does no harm; a run that was missed or killed is made up for by the next.
"""

from __future__ import annotations

import io
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from geo_profiling.errors import UsageError

Kind = Literal["systemd", "cron", "kubernetes", "windows"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_AT = re.compile(r"(?:(?P<days>[A-Za-z]{3}(?:,[A-Za-z]{3})*) +)?(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)")
_TASK_SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
#: Seconds that a stopped run has to put its files in order before it is killed.
_STOP_SECONDS = 60


@dataclass(frozen=True)
class Moment:
    """When a run starts: a time of day, on some days of the week or on all.

    Parameters
    ----------
    hour, minute : int
        Of the machine's own time.
    days : tuple of int
        From 0, Monday; empty: every day.
    """

    hour: int
    minute: int
    days: tuple[int, ...] = ()

    @property
    def cron(self) -> str:
        """As the five fields of cron."""
        days = ",".join(str((day + 1) % 7) for day in self.days) or "*"
        return f"{self.minute} {self.hour} * * {days}"

    @property
    def systemd(self) -> str:
        """As OnCalendar of systemd."""
        days = f"{','.join(_DAYS[day] for day in self.days)} " if self.days else ""
        return f"{days}*-*-* {self.hour:02d}:{self.minute:02d}:00"


def parse_moment(text: str) -> Moment:
    """Read when a run starts: ``03:00``, ``Mon 03:00`` or ``Mon,Thu 21:30``.

    Raises
    ------
    UsageError
        If it is none of these.

    Examples
    --------
    >>> parse_moment("Mon 03:00").cron, parse_moment("21:30").systemd
    ('0 3 * * 1', '*-*-* 21:30:00')
    """
    match = _AT.fullmatch(text.strip())
    days = [day.capitalize() for day in match["days"].split(",")] if match and match["days"] else []
    if match is None or not set(days) <= set(_DAYS):
        raise UsageError(
            f"{text!r} is no time to start at", hint="write for example 'Mon 03:00', 'Mon,Thu 21:30', '03:00'"
        )
    return Moment(int(match["hour"]), int(match["minute"]), tuple(sorted({_DAYS.index(day) for day in days})))


@dataclass(frozen=True)
class Job:
    """What is started.

    Parameters
    ----------
    name : str
        Of the project.
    command : sequence of str
        Program and arguments, paths absolute.
    folder : Path
        Where it starts.
    at : Moment
    image : str
        Of the container, for Kubernetes.
    claim : str
        Persistent volume claim with configuration, inputs and results, for Kubernetes.
    """

    name: str
    command: Sequence[str]
    folder: Path
    at: Moment
    image: str = "geo-profiling:latest"
    claim: str = "geo-profiling"

    @property
    def slug(self) -> str:
        """The name as files and services may carry it."""
        return f"geo-profiling-{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')[:40].strip('-') or 'run'}"


def schedule_files(kind: Kind, job: Job) -> dict[str, bytes]:
    """Return the files of a schedule, by name.

    Examples
    --------
    >>> job = Job("Ghana", ["/opt/gp/geo-profiling", "run", "/data/ghana.yaml"], Path("/data"), Moment(3, 0, (0,)))
    >>> sorted(schedule_files("systemd", job))
    ['geo-profiling-ghana.service', 'geo-profiling-ghana.timer']
    >>> print(schedule_files("cron", job)["geo-profiling-ghana.cron"].decode().splitlines()[-1])
    0 3 * * 1 cd /data && /opt/gp/geo-profiling run /data/ghana.yaml
    """
    make = {"systemd": _systemd, "cron": _cron, "kubernetes": _kubernetes, "windows": _windows}[kind]
    return make(job)


def install_hint(kind: Kind, job: Job) -> str:
    """Return in one line how the files are put to work.

    Examples
    --------
    >>> install_hint("cron", Job("Ghana", ["x"], Path("/data"), Moment(3, 0)))
    'add the line of geo-profiling-ghana.cron to the table that `crontab -e` opens'
    """
    slug = job.slug
    return {
        "systemd": f"copy both to ~/.config/systemd/user and run: systemctl --user enable --now {slug}.timer",
        "cron": f"add the line of {slug}.cron to the table that `crontab -e` opens",
        "kubernetes": f"kubectl apply -f {slug}.yaml",
        "windows": f"schtasks /Create /TN {slug} /XML {slug}.xml",
    }[kind]


def _systemd(job: Job) -> dict[str, bytes]:
    command = " ".join(_systemd_quoted(word) for word in job.command)
    title = job.name.replace("%", "%%").replace("\n", " ")
    service = f"""[Unit]
Description=geo_profiling: {title}
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={str(job.folder).replace("%", "%%")}
ExecStart={command}
Nice=10
KillSignal=SIGTERM
TimeoutStopSec={_STOP_SECONDS}
UMask=0027
"""
    timer = f"""[Unit]
Description=geo_profiling: {title}, on time

[Timer]
OnCalendar={job.at.systemd}
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{job.slug}.service": service.encode(), f"{job.slug}.timer": timer.encode()}


def _systemd_quoted(word: str) -> str:
    """Quote a word of ExecStart: systemd expands % and $, and knows C escapes in quotes."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w@+=:,./%$-]+", escaped) else f'"{escaped}"'


def _cron(job: Job) -> dict[str, bytes]:
    command = f"cd {shlex.quote(str(job.folder))} && {shlex.join(job.command)}"
    # In a crontab an unescaped % ends the command.
    text = f"# geo_profiling: {job.name.splitlines()[0]}\n{job.at.cron} {command.replace('%', chr(92) + '%')}\n"
    return {f"{job.slug}.cron": text.encode()}


def _kubernetes(job: Job) -> dict[str, bytes]:
    folder = str(job.folder)
    container = {
        "name": "geo-profiling",
        "image": job.image,
        "command": list(job.command),
        "workingDir": folder,
        "volumeMounts": [{"name": "data", "mountPath": folder}],
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _STOP_SECONDS,
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": job.claim}}],
    }
    document = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": job.slug},
        "spec": {
            "schedule": job.at.cron,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "jobTemplate": {"spec": {"backoffLimit": 1, "template": {"spec": pod}}},
        },
    }
    stream = io.BytesIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(document, stream)
    return {f"{job.slug}.yaml": stream.getvalue()}


def _windows(job: Job) -> dict[str, bytes]:
    ET.register_namespace("", _TASK_SPACE)
    task = ET.Element(f"{{{_TASK_SPACE}}}Task", {"version": "1.2"})

    def add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
        element = ET.SubElement(parent, f"{{{_TASK_SPACE}}}{name}", attributes)
        element.text = text
        return element

    add(add(task, "RegistrationInfo"), "Description", f"geo_profiling: {job.name}")
    trigger = add(add(task, "Triggers"), "CalendarTrigger")
    # The first Monday of the century; only its time of day counts.
    add(trigger, "StartBoundary", f"2001-01-01T{job.at.hour:02d}:{job.at.minute:02d}:00")
    add(trigger, "Enabled", "true")
    if job.at.days:
        weekly = add(trigger, "ScheduleByWeek")
        days = add(weekly, "DaysOfWeek")
        for day in job.at.days:
            add(days, _LONG_DAYS[day])
        add(weekly, "WeeksInterval", "1")
    else:
        add(add(trigger, "ScheduleByDay"), "DaysInterval", "1")
    settings = add(task, "Settings")
    add(settings, "MultipleInstancesPolicy", "IgnoreNew")
    add(settings, "StartWhenAvailable", "true")
    add(settings, "ExecutionTimeLimit", "PT0S")
    action = add(add(task, "Actions"), "Exec")
    add(action, "Command", job.command[0])
    add(action, "Arguments", " ".join(_windows_quoted(word) for word in job.command[1:]))
    add(action, "WorkingDirectory", str(job.folder))
    ET.indent(task)
    text = '<?xml version="1.0" encoding="UTF-16"?>\n' + ET.tostring(task, encoding="unicode") + "\n"
    return {f"{job.slug}.xml": text.encode("utf-16")}


def _windows_quoted(word: str) -> str:
    if word and not re.search(r'[\s"]', word):
        return word
    # Backslashes count only before a quote (the rule of CommandLineToArgvW).
    quoted = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", quoted) + '"'
