"""The ledger of a region: for each step what it was computed from, and what its files were then.

One JSON file, replaced atomically after every step: a kill leaves the last finished state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from geo_profiling.atomic import atomic_file
from geo_profiling.errors import OutputError

FORMAT = 1
#: Folder inside a region's folder (and inside the folder of all regions) for what runs remember.
STATE_FOLDER = ".geo_profiling"

State = Literal["running", "done", "failed"]


@dataclass(frozen=True)
class Record:
    """What a step was computed from when it last ran.

    Parameters
    ----------
    state : {"running", "done", "failed"}
        "running" in the ledger of a run that is over means it was killed there.
    key : str
        :meth:`geo_profiling.runs.step.Step.key`.
    method_version : str
        Of the step.
    parameters : mapping
        Of the step.
    inputs : mapping of str to str
        Digest of each input.
    upstream : mapping of str to str
        Key of each upstream step.
    outputs : mapping of str to str
        SHA-256 of each output file; empty text until it is done.
    seconds : float
        How long it took.
    peak_memory_bytes : int
        Peak memory of the process when it was done.
    error : str
        Why it failed; empty unless it did.
    """

    state: State
    key: str
    method_version: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    upstream: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    error: str = ""


class Ledger:
    """The records of a region's steps.

    Parameters
    ----------
    directory : Path
        The region's output folder; nothing is created before the first :meth:`set`.
    replace_unreadable : bool
        Start empty where the stored ledger cannot be understood (``run --force``).

    Raises
    ------
    OutputError
        If the stored ledger is damaged or of a later version of the software.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Ledger(Path(folder)).set("count", Record("done", "k", "1"))
    ...     Ledger(Path(folder)).records["count"].state
    'done'
    """

    def __init__(self, directory: Path, *, replace_unreadable: bool = False) -> None:
        self.path = directory / STATE_FOLDER / "ledger.json"
        try:
            self._records = _load(self.path)
        except OutputError:
            if not replace_unreadable:
                raise
            self._records = {}

    @property
    def records(self) -> Mapping[str, Record]:
        """The records by step."""
        return self._records

    @property
    def outputs(self) -> set[str]:
        """Every file that some step of this ledger writes, relative to the region's folder."""
        return {output for record in self._records.values() for output in record.outputs}

    def set(self, step: str, record: Record) -> None:
        """Replace a step's record, on disk before this returns.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        self._records[step] = record
        self._save()

    def drop(self, step: str) -> None:
        """Forget a step."""
        del self._records[step]
        self._save()

    def _save(self) -> None:
        steps = {name: asdict(record) for name, record in self._records.items()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.path.parent}: cannot be written: {error.strerror}", hint="choose another folder"
            ) from error
        with atomic_file(self.path) as temporary:
            text = json.dumps({"format": FORMAT, "steps": steps}, indent=1, sort_keys=True, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")


def _load(path: Path) -> dict[str, Record]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] > FORMAT:
            raise OutputError(
                f"{path}: written by a later version of geo_profiling (format {stored['format']}, known is {FORMAT})",
                hint="update geo_profiling, or choose another output folder",
            )
        return {name: _record(entry) for name, entry in stored["steps"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}", hint="check its permissions") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path}: the ledger is damaged: {error}", hint="run with --force to compute anew") from error


def _record(entry: Mapping[str, Any]) -> Record:
    # Another version of the software may have noted more.
    return Record(**{name: entry[name] for name in (item.name for item in fields(Record)) if name in entry})
