"""What has to be computed, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import Ledger, Record
from geo_profiling.runs.parts import load_parts
from geo_profiling.runs.step import PartContent, Step, canonical_json, check_steps

Kind = Literal["new", "forced", "unfinished", "method", "parameter", "input", "upstream", "output"]


@dataclass(frozen=True)
class Reason:
    """Why a step has to run.

    Parameters
    ----------
    kind : str
        One of "new", "forced", "unfinished", "method", "parameter", "input", "upstream", "output".
    text : str
        For people: what changed, from what to what.
    """

    kind: Kind
    text: str


@dataclass(frozen=True)
class PlannedStep:
    """A step with what is known before it runs.

    Parameters
    ----------
    step : Step
        The step.
    key : str
        Of the result it is to have.
    input_digests, upstream_keys : mapping of str to str
        What the key is made of.
    reasons : tuple of Reason
        Why it has to run; empty when it is up to date.
    foreign : tuple of str
        Outputs that exist although no run into this folder made them.
    """

    step: Step
    key: str
    input_digests: Mapping[str, str]
    upstream_keys: Mapping[str, str]
    reasons: tuple[Reason, ...]
    foreign: tuple[str, ...] = ()

    @property
    def is_up_to_date(self) -> bool:
        """Whether nothing has to be done."""
        return not self.reasons

    def describe(self) -> str:
        """One line: the reasons, or "up to date"."""
        return "; ".join(reason.text for reason in self.reasons) or "up to date"


def plan_steps(
    steps: Sequence[Step], ledger: Ledger, directory: Path, *, cache: DigestCache, force: bool = False
) -> list[PlannedStep]:
    """Compare steps with what the ledger says was computed, and with the files as they are.

    Nothing but content decides: time stamps only save hashing. A step whose upstream merely runs
    again (an edited file) with an unchanged key is not computed again.

    Parameters
    ----------
    steps : sequence of Step
        In the order they run.
    ledger : Ledger
        Of the region.
    directory : Path
        The region's output folder.
    cache : DigestCache
        For inputs and outputs.
    force : bool
        Everything has to run.

    Raises
    ------
    InputError
        If an input is missing.
    UsageError
        If the steps contradict each other.

    Examples
    --------
    >>> step = Step("count", "1", {}, {}, outputs=["n.txt"], run=print)
    >>> folder = Path("nowhere")
    >>> plan_steps([step], Ledger(folder), folder, cache=DigestCache())[0].describe()
    'new'
    """
    check_steps(steps)
    planned: dict[str, PlannedStep] = {}
    for step in steps:
        digests = {name: content.digest(cache) for name, content in sorted(step.inputs.items())}
        upstream = {name: planned[name].key for name in step.upstream}
        key = step.key(digests, upstream)
        record = ledger.records.get(step.name)
        reasons = (
            (Reason("forced", "forced"),)
            if force
            else tuple(_reasons(step, record, digests, upstream, _Explainer(directory, cache)))
        )
        if not reasons and record is not None:
            reasons = tuple(_changed_outputs(step, record, directory, cache))
        if not reasons and record is not None and record.key != key:
            reasons = (Reason("output", "the list of outputs changed"),)
        foreign = (
            () if force else tuple(o for o in step.outputs if o not in ledger.outputs and (directory / o).exists())
        )
        planned[step.name] = PlannedStep(step, key, digests, upstream, reasons, foreign)
    return list(planned.values())


def leftover_outputs(record: Record | None, steps: Sequence[Step]) -> dict[str, str]:
    """Return the outputs of a record, with their digests, that none of the steps writes any more.

    Examples
    --------
    >>> record = Record("done", "k", "1", outputs={"old.txt": "3a6e"})
    >>> leftover_outputs(record, [Step("count", "1", {}, {}, outputs=["n.txt"], run=print)])
    {'old.txt': '3a6e'}
    """
    current = {output for step in steps for output in step.outputs}
    return {} if record is None else {o: digest for o, digest in record.outputs.items() if o not in current}


@dataclass(frozen=True)
class _Explainer:
    """Tells in what an input differs from what a step last read of it, as far as that was kept."""

    directory: Path
    cache: DigestCache

    def __call__(self, step: Step, name: str, before: str | None, after: str | None) -> str:
        content = step.inputs.get(name)
        if before is None or after is None or not isinstance(content, PartContent):
            return ""
        was = load_parts(self.directory, before)
        if was is None:
            return ""
        now = self.cache.parts(after) or load_parts(self.directory, after) or content.read()
        return f": {content.compare(was, now)}"


def _reasons(
    step: Step,
    record: Record | None,
    digests: Mapping[str, str],
    upstream: Mapping[str, str],
    explain: _Explainer,
) -> Iterator[Reason]:
    if record is None:
        yield Reason("new", "new")
        return
    if record.state != "done":
        how = "was interrupted" if record.state == "running" else "failed last time"
        yield Reason("unfinished", how)
    if record.method_version != step.method_version:
        yield Reason("method", f"method changed from version {record.method_version} to {step.method_version}")
    before, after = _flat(record.parameters), _flat(step.parameters)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Reason("parameter", _change(name, before, after))
    for name in sorted(record.inputs.keys() | digests.keys()):
        if record.inputs.get(name) != digests.get(name):
            detail = explain(step, name, record.inputs.get(name), digests.get(name))
            yield Reason("input", f"input {name} {_verb(name, record.inputs, digests)}{detail}")
    for name in sorted(record.upstream.keys() | upstream.keys()):
        if record.upstream.get(name) != upstream.get(name):
            yield Reason("upstream", f"upstream {name} {_verb(name, record.upstream, upstream)}")


def _verb(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return "added" if name not in before else "removed" if name not in after else "changed"


def _change(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    if name not in before or name not in after:
        return f"parameter {name} {_verb(name, before, after)} ({after.get(name, before.get(name))})"
    return f"parameter {name} changed from {before[name]} to {after[name]}"


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = canonical_json(value)
    return flat


def _changed_outputs(step: Step, record: Record, directory: Path, cache: DigestCache) -> Iterator[Reason]:
    for output in step.outputs:
        path = directory / output
        if not path.is_file():
            yield Reason("output", f"output {output} missing")
        elif output in record.outputs and cache.of_file(path) != record.outputs[output]:
            yield Reason("output", f"output {output} edited")
