"""The mapping file of an enumeration: which column and which answer is which word of the settlement profile."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from geo_profiling.config.document import read_document
from geo_profiling.config.section import Section
from geo_profiling.errors import ConfigError

#: Mappings that come with the package.
BuiltInMapping = Literal["renabap_2022"]


class AnswerColumn(Section):
    """A column of which every answer is one word of the profile."""

    column: str = Field(min_length=1, description="Column of the table.")
    answers: dict[str, str] = Field(min_length=1, description="Word of the profile for each answer of the table.")
    unknown: list[str] = Field(default_factory=list, description="Answers that say that nothing is known.")
    separator: str | None = Field(None, min_length=1, description="What stands between several answers in one value.")

    @model_validator(mode="after")
    def _answers_differ(self) -> AnswerColumn:
        folded = [fold_answer(answer) for answer in (*self.answers, *self.unknown)]
        twice = sorted({answer for answer in folded if folded.count(answer) > 1})
        if twice:
            raise ValueError(f"the answer {twice[0]!r} is listed twice")
        return self


class FlagColumns(Section):
    """Columns of which each tells of one word whether it holds."""

    columns: dict[str, str] = Field(min_length=1, description="Column of the table for each word of the profile.")
    yes: list[str] = Field(min_length=1, description="Answers that say yes.")
    no: list[str] = Field(min_length=1, description="Answers that say no.")
    unknown: list[str] = Field(default_factory=list, description="Answers that say that nothing is known.")


class NumberColumn(Section):
    """A column of numbers."""

    column: str = Field(min_length=1, description="Column of the table.")
    unknown: list[str] = Field(
        default_factory=list, description="Values that say that nothing is known (for example -99)."
    )


class ProfileMapping(Section):
    """What a table of an enumeration says in the words of the settlement profile."""

    title: str = Field(min_length=1, description="Whose enumeration it is.")
    rows: Literal["settlements", "households"] = Field("settlements", description="What a row of the table is.")
    id_column: str = Field(min_length=1, description="Column with the id of the settlement.")
    weight_column: str | None = Field(
        None, description="Column with the weight of a household, where rows are households."
    )
    variables: dict[str, AnswerColumn | FlagColumns | NumberColumn] = Field(
        min_length=1, description="By variable of the profile, where it stands and what its answers mean."
    )


def fold_answer(answer: str) -> str:
    """Write an answer in the form in which answers are compared: whole, apart from case and blanks.

    Examples
    --------
    >>> fold_answer("  Sin  Datos ")
    'sin datos'
    """
    return " ".join(answer.split()).casefold()


def load_mapping(path: Path | BuiltInMapping) -> ProfileMapping:
    """Load a mapping file, or one that comes with the package.

    Raises
    ------
    ConfigError
        With file and line of everything that is wrong.

    Examples
    --------
    >>> load_mapping("renabap_2022").variables["title_deed"].answers
    {'SI': 'yes', 'NO': 'no'}
    """
    if isinstance(path, str):
        path = Path(str(files("geo_profiling"))) / "settlements" / "vocabularies" / f"{path}.yaml"
    document = read_document(path)
    try:
        return ProfileMapping.model_validate(document.data)
    except ValidationError as error:
        lines = [_problem(document.path, document.lines, item) for item in error.errors()]
        raise ConfigError("\n".join(dict.fromkeys(lines)), hint="see docs/methods/settlement_profile.md") from error


def _problem(path: Path, lines: Mapping[tuple[str | int, ...], int], item: object) -> str:
    assert isinstance(item, dict)  # as pydantic gives it
    known: list[str | int] = []
    for part in item["loc"]:
        if (*known, part) in lines:
            known.append(part)
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{path}:{lines.get(tuple(known), 1)}: {'.'.join(map(str, known))}: {message}"
