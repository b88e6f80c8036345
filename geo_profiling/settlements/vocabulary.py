"""The variables of the settlement profile and their closed vocabularies; answers mapped into them by table.

An answer counts only as a whole. A search for parts of words would take "irregular" for "regular".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.config.vocabulary import AnswerColumn, FlagColumns, NumberColumn, ProfileMapping, fold_answer
from geo_profiling.errors import InputError, UsageError
from geo_profiling.findings import Finding

#: Rows that a finding names.
_LISTED = 3


@dataclass(frozen=True)
class Variable:
    """A variable of the settlement profile.

    Attributes
    ----------
    label : str
        For readers.
    kind : {"choice", "flags", "number"}
        One word; any of several words, each true or false; a number.
    words : tuple of str
        The closed vocabulary.
    field : str
        Field of Slum Dwellers International's Know Your City enumeration; empty where there is none.
    """

    label: str
    kind: Literal["choice", "flags", "number"]
    words: tuple[str, ...] = ()
    field: str = ""


_YES_NO = ("yes", "no")
_FUELS = (
    *("gas_network_regular", "gas_network_irregular", "gas_bottle", "electricity", "wood_or_charcoal", "kerosene"),
    "none",
)

#: Every variable of the profile.
PROFILE: Mapping[str, Variable] = MappingProxyType(
    {
        "legal_status": Variable("Legal status", "choice", ("declared", "undeclared", "resettled"), "B14"),
        "structures": Variable("Residential structures", "number", field="C1"),
        "households": Variable("Households", "number"),
        "population": Variable("People", "number", field="C12"),
        "persons_per_room": Variable("Persons per room", "number"),
        "wall_material": Variable("Walls", "choice", ("durable", "not_durable")),
        "roof_material": Variable("Roof", "choice", ("durable", "not_durable")),
        "floor_material": Variable("Floor", "choice", ("durable", "not_durable")),
        "location_problems": Variable(
            "Location problems",
            "flags",
            (
                *("canal", "slope", "flood_prone_area", "garbage_dump", "road_side", "open_drains", "water_body"),
                *("railway_track", "mine_dump", "sinking_soil", "industrial_hazards", "under_power_lines"),
            ),
            "D1",
        ),
        "dangerous_location": Variable("Dangerous location", "choice", _YES_NO, "D2"),
        "disasters": Variable("Disasters", "flags", ("fires", "floods"), "D4"),
        "eviction_threat_ever": Variable("Ever threatened with eviction", "choice", _YES_NO, "E1A"),
        "eviction_threat_current": Variable("Threatened with eviction now", "choice", _YES_NO, "E2A"),
        "title_deed": Variable("Title deed", "choice", _YES_NO),
        "water": Variable(
            "Drinking water",
            "choice",
            (
                *("piped_regular", "piped_irregular", "standpipe", "own_well", "communal_well", "protected_spring"),
                *("unprotected_well", "rain", "tanker", "cart", "kiosk", "bottled", "carried", "surface"),
            ),
        ),
        "water_quality": Variable("Quality of water", "choice", ("good", "bad"), "F1"),
        "sanitation": Variable(
            "Sanitation",
            "choice",
            (
                *("sewer_regular", "sewer_irregular", "storm_drain", "septic_tank", "biodigester", "pit_with_slab"),
                *("pit", "dry_toilet", "hanging", "bucket", "open_discharge", "open_defecation"),
            ),
        ),
        "sewer_line": Variable("Sewer line", "choice", _YES_NO, "G1"),
        "sewer_connected": Variable("Connected to the sewer", "choice", _YES_NO, "G2"),
        "pay_toilets": Variable("Toilets that are paid for", "choice", _YES_NO, "G3"),
        "open_defecation_pct": Variable("Open defecation (%)", "number", field="G5"),
        "bucket_pct": Variable("Bucket toilets (%)", "number", field="G6"),
        "toilet_types": Variable("Toilets", "flags", ("individual", "shared", "communal", "public"), "G7"),
        "power": Variable(
            "Electricity",
            "choice",
            ("grid_regular", "grid_shared", "grid_irregular", "generator", "solar", "none"),
        ),
        "cooking_fuel": Variable("Fuel for cooking", "choice", _FUELS),
        "heating_fuel": Variable("Fuel for heating", "choice", _FUELS),
        "waste_collection": Variable("Collection of waste", "choice", ("regular", "irregular", "none")),
        "road_type": Variable("Roads", "choice", ("paved", "unpaved", "footpaths"), "L5"),
    }
)


def flag_column(variable: str, word: str) -> str:
    """Name the column that tells whether one word of a variable of flags holds.

    Examples
    --------
    >>> flag_column("location_problems", "slope")
    'location_problems_slope'
    """
    return f"{variable}_{word}"


def map_answers(table: pd.DataFrame, mapping: ProfileMapping, *, name: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Return a table of an enumeration in the words of the profile.

    Parameters
    ----------
    table : DataFrame
        As read: all text, an empty value is unknown.
    mapping : ProfileMapping
        From :func:`geo_profiling.config.vocabulary.load_mapping`.
    name : str
        What messages call the table.

    Returns
    -------
    DataFrame
        On the index of the table: settlement_id as text, weight (rows of households), then by variable
        of the mapping a column of words, of numbers, or one nullable boolean for each flag. Unknown is
        NULL.
    list of Finding
        Errors: each answer that is not in the mapping, with the number of rows and the first of them;
        values that are no number; rows without the id. Notes: answers of the mapping that no row gives.

    Raises
    ------
    InputError
        If the table lacks a column of the mapping.
    UsageError
        If the mapping names a variable or word that the profile does not have.

    Examples
    --------
    >>> mapping = ProfileMapping.model_validate({"title": "x", "id_column": "id", "variables": {
    ...     "power": {"column": "luz", "answers": {"regular": "grid_regular"}, "unknown": ["sin datos"]}}})
    >>> table = pd.DataFrame({"id": ["1", "2", "3"], "luz": ["regular", "irregular", "Sin datos"]})
    >>> profile, findings = map_answers(table, mapping, name="barrios.csv")
    >>> profile["power"].tolist(), findings[0].message
    (['grid_regular', None, None], "the answer 'irregular' is not in the mapping (1 row, from 3)")
    """
    _require_profile(mapping)
    needed = [mapping.id_column, *([mapping.weight_column] if mapping.weight_column else [])]
    for variable in mapping.variables.values():
        needed += list(variable.columns.values()) if isinstance(variable, FlagColumns) else [variable.column]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise InputError(f"{name}: has no column {missing[0]!r}, which its mapping names", hint="correct the mapping")
    findings: list[Finding] = []
    ids = _texts(table[mapping.id_column])
    bare = np.flatnonzero(ids.isna().to_numpy())
    if bare.size:
        message = f"{bare.size} rows have no id (first: row {bare[0] + 2})"
        findings.append(Finding("error", name, f"column {mapping.id_column}", message, "give every row its settlement"))
    columns: dict[str, pd.Series] = {"settlement_id": ids}
    if mapping.weight_column:
        columns["weight"] = _numbers(table[mapping.weight_column], [], mapping.weight_column, name, findings)
    for key, variable in mapping.variables.items():
        columns |= _mapped(table, key, variable, name, findings)
    return pd.DataFrame(columns, index=table.index), findings


def _require_profile(mapping: ProfileMapping) -> None:
    for key, variable in mapping.variables.items():
        if key not in PROFILE:
            raise UsageError(f"mapping: {key!r} is no variable of the profile", hint=f"there are {', '.join(PROFILE)}")
        wanted = PROFILE[key]
        fits = {"choice": AnswerColumn, "number": NumberColumn}
        flags_fit = isinstance(variable, FlagColumns) or (isinstance(variable, AnswerColumn) and variable.separator)
        if not (flags_fit if wanted.kind == "flags" else isinstance(variable, fits[wanted.kind])):
            raise UsageError(f"mapping: {key!r} is a {wanted.kind} of the profile, and is not mapped as one")
        words = set(variable.answers.values()) if isinstance(variable, AnswerColumn) else set()
        words |= set(variable.columns) if isinstance(variable, FlagColumns) else set()
        foreign = sorted(words - set(wanted.words))
        if foreign:
            raise UsageError(
                f"mapping: {foreign[0]!r} is no word of {key!r}", hint=f"there are {', '.join(wanted.words)}"
            )


def _mapped(
    table: pd.DataFrame,
    key: str,
    variable: AnswerColumn | FlagColumns | NumberColumn,
    name: str,
    findings: list[Finding],
) -> dict[str, pd.Series]:
    if isinstance(variable, NumberColumn):
        return {key: _numbers(table[variable.column], variable.unknown, variable.column, name, findings)}
    if isinstance(variable, AnswerColumn) and variable.separator is None:
        meaning: dict[str, str | None] = {**variable.answers, **dict.fromkeys(variable.unknown)}
        return {key: _words(table[variable.column], meaning, variable.column, name, findings)}
    if isinstance(variable, AnswerColumn):
        return _several(table[variable.column], key, variable, name, findings)
    truth: dict[str, str | None] = {
        **dict.fromkeys(variable.yes, "yes"),
        **dict.fromkeys(variable.no, "no"),
        **dict.fromkeys(variable.unknown),
    }
    found = {}
    for word, column in variable.columns.items():
        # One flag that is never true is no mistake in the mapping.
        answers = _words(table[column], truth, column, name, findings, notes=False)
        found[flag_column(key, word)] = answers.map({"yes": True, "no": False}).astype("boolean")
    return found


def _texts(values: pd.Series) -> pd.Series:
    """Return values as text in one form of Unicode, NULL where empty."""
    texts = [
        None if missing else unicodedata.normalize("NFC", str(value)).strip() or None
        for value, missing in zip(values, values.isna(), strict=True)
    ]
    return pd.Series(texts, index=values.index, dtype=object)


def _folded(answer: str) -> str:
    return fold_answer(unicodedata.normalize("NFC", answer))


def _words(
    values: pd.Series,
    meaning: Mapping[str, str | None],
    column: str,
    name: str,
    findings: list[Finding],
    *,
    notes: bool = True,
) -> pd.Series:
    texts = _texts(values)
    answers = texts.map(lambda text: None if text is None else _folded(text))
    known = {_folded(answer): word for answer, word in meaning.items()}
    _tell_foreign(answers, texts, known, column, name, findings)
    if notes:
        _tell_unused(list(answers.dropna().unique()), meaning, column, name, findings)
    words = [known.get(answer) if isinstance(answer, str) else None for answer in answers]
    return pd.Series(words, index=values.index, dtype=object)


def _tell_foreign(
    answers: pd.Series,
    texts: pd.Series,
    known: Mapping[str, str | None],
    column: str,
    name: str,
    findings: list[Finding],
) -> None:
    foreign = answers[answers.notna() & ~answers.isin(list(known))]
    for answer in sorted(foreign.unique()):
        rows = np.flatnonzero((answers == answer).to_numpy())
        number = f"{rows.size} row{'s' if rows.size > 1 else ''}, from {rows[0] + 2}"
        message = f"the answer {texts.iloc[rows[0]]!r} is not in the mapping ({number})"
        remedy = "add it to the answers of the mapping, or to its 'unknown'"
        findings.append(Finding("error", name, f"column {column}", message, remedy))


def _tell_unused(
    given: Sequence[str], meaning: Mapping[str, str | None], column: str, name: str, findings: list[Finding]
) -> None:
    unused = [answer for answer in meaning if _folded(answer) not in set(given)]
    if unused:
        shown = ", ".join(map(repr, unused[:_LISTED])) + (", ..." if len(unused) > _LISTED else "")
        message = f"{len(unused)} answers of the mapping are given by no row: {shown}"
        findings.append(Finding("note", name, f"column {column}", message, "check how they are spelt"))


def _several(
    values: pd.Series, key: str, variable: AnswerColumn, name: str, findings: list[Finding]
) -> dict[str, pd.Series]:
    """Return a column of lists of answers as flags; an empty list, or one of 'unknown' alone, is unknown."""
    parts = _texts(values).map(lambda text: [] if text is None else text.split(variable.separator)).explode()
    meaning: dict[str, str | None] = {**variable.answers, **dict.fromkeys(variable.unknown)}
    words = _words(parts, meaning, variable.column, name, findings)
    is_known = words.notna().groupby(level=0).any().reindex(values.index)
    found = {}
    for word in dict.fromkeys(variable.answers.values()):
        has = (words == word).groupby(level=0).any().reindex(values.index)
        found[flag_column(key, word)] = has.astype("boolean").mask(~is_known)
    return found


def _numbers(values: pd.Series, unknown: Sequence[str], column: str, name: str, findings: list[Finding]) -> pd.Series:
    texts = _texts(values)
    texts = texts.mask(texts.isin([word.strip() for word in unknown]), None)
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    wrong = np.flatnonzero((texts.notna() & (numbers.isna() | (numbers < 0) | np.isinf(numbers))).to_numpy())
    if wrong.size:
        message = f"{texts.iloc[wrong[0]]!r} is no count ({wrong.size} rows, from {wrong[0] + 2})"
        remedy = "correct it, or add it to 'unknown' of the mapping"
        findings.append(Finding("error", name, f"column {column}", message, remedy))
    return numbers.mask((numbers < 0) | np.isinf(numbers))
