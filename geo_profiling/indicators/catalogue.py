"""The catalogue of indicators: what each one is, in plain words; the run, the docs and `info indicators` read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd
from ruamel.yaml import YAML

from geo_profiling.errors import UsageError

Kind = Literal["households", "people in places", "land", "records"]

_PEOPLE = "people of the area"
_BY_HOUSEHOLD = ("sex of head", "age of head", "wealth", "tenure", "urbanisation", "slum area")


@dataclass(frozen=True)
class Indicator:
    """One indicator.

    Attributes
    ----------
    id : str
        In column ``indicator``.
    title : str
    meaning : str
        One plain sentence.
    kind : {"households", "people in places", "land", "records"}
        What it comes from: a household survey, people and layers, land, or tables of a city.
    numerator, denominator : str
    unit_measure : str
        SDMX: ``PT`` percent (0-100), ``NUMBER``, ``RATIO``.
    sdg : str
        Number of the SDG indicator it is, or belongs to; empty for none.
    series : str
        Code of the SDG series it is; empty for none.
    denominator_scope : str
        Whose share it is.
    components : tuple of str
        What it is made of, where a subset may be used.
    breakdowns : tuple of str
        By what it is offered.
    method_version : str
        Raised when the same data give another value.
    source : str
        Where the definition stands.
    note : str
        What it must not be taken for.
    of_people : str
        Of a share of households: id of the same as a share of people.
    """

    id: str
    title: str
    meaning: str
    kind: Kind
    numerator: str
    denominator: str = _PEOPLE
    unit_measure: str = "PT"
    sdg: str = ""
    series: str = ""
    denominator_scope: str = "all"
    components: tuple[str, ...] = ()
    breakdowns: tuple[str, ...] = _BY_HOUSEHOLD
    method_version: str = "1"
    source: str = ""
    note: str = ""
    of_people: str = ""


def _read() -> dict[str, Indicator]:
    text = resources.files(__package__).joinpath("catalogue.yaml").read_text(encoding="utf-8")
    declared: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(text)
    found = {}
    for name, item in declared.items():
        fields: dict[str, Any] = {key: tuple(part) if isinstance(part, list) else part for key, part in item.items()}
        found[name] = Indicator(name, **fields)
    return found


#: Every indicator by id, in the order in which they are printed.
CATALOGUE: Mapping[str, Indicator] = MappingProxyType(_read())


def indicator(id: str) -> Indicator:  # noqa: A002
    """Return an indicator of the catalogue.

    Raises
    ------
    UsageError
        If there is none of that id.

    Examples
    --------
    >>> indicator("slum_household").series
    'EN_LND_SLUM'
    """
    if id not in CATALOGUE:
        raise UsageError(f"indicator '{id}' is not in the catalogue", hint="geo-profiling info indicators lists them")
    return CATALOGUE[id]


def described(item: Indicator) -> dict[str, str]:
    """Return what is told of an indicator, by plain words; nothing that is empty.

    Examples
    --------
    >>> described(CATALOGUE["water_limited"])["SDG indicator"]
    '6.1.1'
    """
    told = {
        "meaning": item.meaning,
        "SDG indicator": item.sdg,
        "series": item.series,
        "unit": item.unit_measure,
        "numerator": item.numerator,
        "denominator": item.denominator,
        "scope": item.denominator_scope,
        "components": ", ".join(item.components),
        "breakdowns": ", ".join(item.breakdowns),
        "comes from": item.kind,
        "method version": item.method_version,
        "source": item.source,
        "note": item.note,
    }
    return {key: value for key, value in told.items() if value}


def catalogue_table() -> pd.DataFrame:
    """Return the catalogue as a table, one row an indicator.

    Examples
    --------
    >>> catalogue_table().set_index("id").loc["youth_neet", "sdg"]
    '8.6.1'
    """
    rows = [
        {
            "id": item.id,
            "sdg": item.sdg,
            "series": item.series,
            "title": item.title,
            "meaning": item.meaning,
            "kind": item.kind,
            "unit": item.unit_measure,
            "numerator": item.numerator,
            "denominator": item.denominator,
            "scope": item.denominator_scope,
            "components": ", ".join(item.components),
            "breakdowns": ", ".join(item.breakdowns),
            "version": item.method_version,
            "source": item.source,
            "note": item.note,
        }
        for item in CATALOGUE.values()
    ]
    return pd.DataFrame(rows)
