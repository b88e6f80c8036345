"""Faults at random moments, a few of each; benchmarks/faults.py has the hundreds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_files_are_whole_after_kills_stops_and_full_disks(repository: Path) -> None:
    disks = 3 if sys.platform == "linux" and os.geteuid() == 0 and _can_mount() else 0
    counts = ["--kills", "2", "--stops", "1", "--second-runs", "1", "--disks", str(disks), "--worker-kills", "0"]
    command = [sys.executable, str(repository / "benchmarks/faults.py"), *counts]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {row.split("|")[1].strip(): row for row in done.stdout.splitlines()[2:]}
    assert set(rows) == {"kill -9", "SIGTERM", "second run", *(["disk full"] if disks else [])}
    assert re.search(r"\| 1 \| 6: 1 \|", rows["second run"])


def _can_mount() -> bool:
    probe = "mount -t tmpfs -o size=64k tmpfs /mnt && umount /mnt"
    return subprocess.run(["unshare", "-m", "sh", "-c", probe], capture_output=True, check=False).returncode == 0
