"""What the report calls areas: their kind in plain words and their name, never a bare id where a name is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

#: Kinds of areas in plain words, in the order of the report.
KINDS = {
    "region": "Whole region",
    "survey_area": "Area of the survey",
    "functional_urban_area": "Functional urban area",
    "city_core": "Core of the functional urban area",
    "commuting_zone": "Commuting zone",
    "urban_centre": "Urban centre",
    "rest_of_city": "Urban centre without its settlements",
    "metropolitan_region": "Metropolitan region",
    "metropolitan_area": "Metropolitan area",
    "agglomeration": "Agglomeration",
    "city_corporation": "City corporation",
    "unit": "Local unit",
    "zone": "Zone",
    "register_area": "Settlements in the register",
    "settlement": "Informal settlement",
}
#: Layers that the names are taken from.
NAMED_LAYERS = ("settlements", "units", "urban_centres", "urban_clusters", "functional_urban_areas",
                "metropolitan_scales")  # fmt: skip
#: Ids that this software makes of the coordinates of an area.
_CODE = re.compile(r"(MR_)?(UC|CL|LC)_[EW]\d+_[NS]\d+")
_SOURCES = (
    ("urban_clusters", "agglomeration", "cluster_id"),
    ("urban_centres", "metropolitan_area", "centre_id"),
    ("settlements", "settlement", "settlement_id"),
    ("units", "unit", "unit_id"),
    ("urban_centres", "urban_centre", "centre_id"),
    ("urban_centres", "rest_of_city", "centre_id"),
    ("functional_urban_areas", "functional_urban_area", "fua_id"),
    ("functional_urban_areas", "city_core", "fua_id"),
    ("functional_urban_areas", "commuting_zone", "fua_id"),
)


class AreaNames:
    """Names and people of areas, by kind and id.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published; those of :data:`NAMED_LAYERS` are looked at.
    region : str, optional
        Name of the region, for the area of the survey and the whole region.

    Examples
    --------
    >>> units = pd.DataFrame({"unit_id": ["7", "8"], "name": ["Vado Real", None], "population": [10.0, 2.0]})
    >>> names = AreaNames({"units": units}, "Port Serrano")
    >>> names.called("unit", "7"), names.called("unit", "8"), names.called("survey_area", "port_serrano")
    ('Vado Real', 'Local unit 8', 'Port Serrano')
    >>> names.called("city_corporation", "North"), names.called("urban_centre", "UC_E7500_N4500")
    ('North', 'Urban centre UC_E7500_N4500')
    """

    def __init__(self, layers: Mapping[str, pd.DataFrame], region: str = "") -> None:
        self._region = region
        self._names: dict[tuple[str, str], str] = {}
        self._people: dict[tuple[str, str], float] = {}
        scales = layers.get("metropolitan_scales")
        if scales is not None and "area_id" in scales:
            for scale, part in scales.groupby("scale", sort=True):
                self._read(str(scale), part, "area_id")
        for layer, kind, field in _SOURCES:
            frame = layers.get(layer)
            if frame is not None and field in frame:
                self._read(kind, frame, field)

    def _read(self, kind: str, frame: pd.DataFrame, field: str) -> None:
        keys = [(kind, str(identifier)) for identifier in frame[field]]
        if "name" in frame:
            self._names |= {key: str(name) for key, name in zip(keys, frame["name"], strict=True) if pd.notna(name)}
        # Core and commuting zone bear the name of the whole, but not all of its people live there.
        if "population" in frame and kind not in ("city_core", "commuting_zone"):
            pairs = zip(keys, frame["population"], strict=True)
            self._people |= {key: float(people) for key, people in pairs if pd.notna(people)}

    def called(self, kind: str, identifier: str) -> str:
        """Return the name of an area; with what it is before an id that is a bare number or code."""
        if kind in ("survey_area", "region", "register_area") and self._region:
            return self._region
        name = self._names.get((kind, identifier))
        if name is not None:
            return name
        is_code = identifier.isdigit() or _CODE.fullmatch(identifier) is not None
        return f"{KINDS[kind]} {identifier}" if is_code and kind in KINDS else identifier

    def name(self, kind: str, identifier: str) -> str | None:
        """Return the name of an area; None where none is known."""
        return self._names.get((kind, identifier))

    def people(self, kind: str, identifier: str) -> float | None:
        """Return how many live there; None where that is unknown."""
        return self._people.get((kind, identifier))


def in_words(code: Any) -> str:
    """Write a code of a table as people write it; nothing for unknown.

    Examples
    --------
    >>> in_words("septic_tank"), in_words("piped_regular"), in_words(None)
    ('septic tank', 'piped, regular', '')
    """
    if not isinstance(code, str):
        return "" if code is None or pd.isna(code) else str(code)
    head, _, tail = code.rpartition("_")
    return f"{head.replace('_', ' ')}, {tail}" if tail in ("regular", "irregular") and head else code.replace("_", " ")


def enumerated(words: list[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> enumerated(["services"]), enumerated(["form", "services", "land and tenure"])
    ('services', 'form, services, and land and tenure')
    >>> enumerated(["form", "services"])
    'form and services'
    """
    if len(words) < 2:
        return "".join(words)
    comma = "," if len(words) > 2 or " and " in words[-1] else ""
    return f"{', '.join(words[:-1])}{comma} and {words[-1]}"
