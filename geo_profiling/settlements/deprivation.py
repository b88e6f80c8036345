"""Deprivation by component: the five of SDG 11.1.1, for a settlement or a household.

A settlement is no household: these flags say what its prevailing answer means. The share of people in
slum households comes from surveys of households (see the indicators).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Literal

import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.settlements.vocabulary import flag_column

Component = Literal["water", "sanitation", "living_area", "durability", "tenure"]
WaterList = Literal["jmp2017", "mdg", "unhabitat2003"]
COMPONENTS: tuple[Component, ...] = ("water", "sanitation", "living_area", "durability", "tenure")

#: More persons per room than this is overcrowded.
MAX_PERSONS_PER_ROOM = 3.0

#: What is an improved source in every list; of a carried bucket nobody knows where it was filled.
IMPROVED_WATER = frozenset(
    {"piped_regular", "piped_irregular", "standpipe", "own_well", "communal_well", "protected_spring", "rain"}
)
UNIMPROVED_WATER = frozenset({"unprotected_well", "surface"})
#: Sources that the lists judge differently: JMP counts delivered and bottled water as improved since 2017.
DELIVERED_WATER = frozenset({"tanker", "cart", "kiosk", "bottled"})
WATER_LISTS: Mapping[WaterList, frozenset[str]] = MappingProxyType(
    {
        "jmp2017": IMPROVED_WATER | DELIVERED_WATER,
        "mdg": IMPROVED_WATER,
        # UN-Habitat's list takes a standpipe (shared by few) and no delivered water.
        "unhabitat2003": IMPROVED_WATER,
    }
)
IMPROVED_SANITATION = frozenset(
    {"sewer_regular", "sewer_irregular", "septic_tank", "biodigester", "pit_with_slab", "dry_toilet"}
)
UNIMPROVED_SANITATION = frozenset({"storm_drain", "hanging", "bucket", "open_discharge", "open_defecation"})
#: Location problems that make a place hazardous: flood plains, steep slopes, toxic ground, rights of way.
HAZARDOUS_LOCATIONS = (
    *("canal", "slope", "flood_prone_area", "garbage_dump", "road_side", "water_body", "railway_track"),
    *("mine_dump", "sinking_soil", "industrial_hazards", "under_power_lines"),
)


def any_deprived(components: pd.DataFrame) -> pd.Series:
    """Tell whether a household (or settlement) is deprived in any component, where some are unknown.

    Definition: deprived if any known component is deprived; else unknown if any is unknown; else not.

    Parameters
    ----------
    components : DataFrame of nullable booleans
        One column for each component, True: deprived.

    Returns
    -------
    Series of nullable booleans
        ``is_deprived`` on the index of the components; all unknown without a column.

    Examples
    --------
    >>> known = pd.DataFrame({"water": [True, False, False], "tenure": [None, None, False]}, dtype="boolean")
    >>> any_deprived(known).tolist()
    [True, <NA>, False]
    """
    flags = components.astype("boolean")
    if flags.shape[1] == 0:
        return pd.Series(pd.NA, index=components.index, dtype="boolean", name="is_deprived")
    some = flags.fillna(False).any(axis=1).astype("boolean")
    return some.mask(~some & flags.isna().any(axis=1)).rename("is_deprived")


def settlement_deprivation(
    profile: pd.DataFrame,
    *,
    hazardous_location: pd.Series | None = None,
    secure_tenure: pd.Series | None = None,
    components: Collection[Component] = COMPONENTS,
    min_deprivations: int = 1,
    water_list: WaterList = "jmp2017",
) -> pd.DataFrame:
    """Tell in which of the five components of SDG 11.1.1 each settlement is deprived.

    Definitions, each by the settlement's (prevailing) answer:

    - water: not an improved source, by ``water_list``; sources carried from elsewhere are unknown;
    - sanitation: no improved facility (a pit of which the slab is not known is unknown); whether it is
      shared does not count, as in the text of SDG 11.1.1;
    - living area: more than three persons per room;
    - durability: walls, roof or floor not durable, or a hazardous location: that of the enumeration
      (location problems, dangerous location), or of hazard maps in ``hazardous_location``;
    - tenure: neither a title deed nor secure by ``secure_tenure``; where tenure is not told, a current
      threat of eviction or a settlement that is not declared.

    Parameters
    ----------
    profile : DataFrame
        One row for each settlement in the words of the profile.
    hazardous_location : Series of booleans, optional
        From hazard maps, on the index of the profile; NULL is unknown.
    secure_tenure : Series of booleans, optional
        From tenure records, on the index of the profile; goes before the answers.
    components : collection of str
        Components that count; fewer than five give a lower bound.
    min_deprivations : int
        Deprivations from which a settlement is deprived.
    water_list : {"jmp2017", "mdg", "unhabitat2003"}
        Which sources are improved.

    Returns
    -------
    DataFrame
        On the index of the profile: water_deprived ... tenure_deprived (nullable booleans),
        n_deprivations and n_components_known, is_deprived, and components_used (those of which
        anything is known in any settlement, joined by '; ').

    Raises
    ------
    UsageError
        If a component is none, or more deprivations are asked for than there are components.

    References
    ----------
    SDG indicator metadata 11.1.1 (UN-Habitat), "Concepts"; UN-Habitat, "The Challenge of Slums" (2003).

    Examples
    --------
    >>> answers = pd.DataFrame({"water": ["surface", "piped_regular"], "title_deed": [None, "yes"]})
    >>> found = settlement_deprivation(answers)
    >>> found["is_deprived"].tolist(), found["components_used"].tolist()[0]
    ([True, <NA>], 'water; tenure')
    """
    foreign = sorted(set(components) - set(COMPONENTS))
    if foreign:
        raise UsageError(f"deprivation: {foreign[0]!r} is no component", hint=f"there are {', '.join(COMPONENTS)}")
    used = [component for component in COMPONENTS if component in components]
    if not 1 <= min_deprivations <= len(used):
        raise UsageError(f"deprivation: {min_deprivations} deprivations of {len(used)} components cannot be asked for")
    flags = pd.DataFrame(
        {
            "water": _water(profile, water_list),
            "sanitation": _sanitation(profile),
            "living_area": _living_area(profile),
            "durability": _durability(profile, hazardous_location),
            "tenure": _tenure(profile, secure_tenure),
        },
        index=profile.index,
    )[used]
    known = flags.notna().sum(axis=1)
    count = flags.fillna(False).astype(int).sum(axis=1)
    deprived = (count >= min_deprivations).astype("boolean")
    # With the unknown ones deprived too it might reach the number.
    deprived = deprived.mask(~deprived & (count + len(used) - known >= min_deprivations))
    told = [component for component in used if flags[component].notna().any()]
    return flags.add_suffix("_deprived").assign(
        n_deprivations=count, n_components_known=known, is_deprived=deprived, components_used="; ".join(told)
    )


def _unknown(profile: pd.DataFrame) -> pd.Series:
    return pd.Series(pd.NA, index=profile.index, dtype="boolean")


def _by_words(profile: pd.DataFrame, column: str, good: Collection[str], bad: Collection[str]) -> pd.Series:
    """Return whether a word is bad; unknown where it is neither."""
    if column not in profile:
        return _unknown(profile)
    is_bad = profile[column].isin(list(bad)).astype("boolean")
    return is_bad.mask(~is_bad & ~profile[column].isin(list(good)))


def _water(profile: pd.DataFrame, water_list: WaterList) -> pd.Series:
    good = WATER_LISTS[water_list]
    return _by_words(profile, "water", good, (UNIMPROVED_WATER | DELIVERED_WATER) - good)


def _sanitation(profile: pd.DataFrame) -> pd.Series:
    by_type = _by_words(profile, "sanitation", IMPROVED_SANITATION, UNIMPROVED_SANITATION)
    # Enumerations that give percentages: more than half without a toilet.
    none = [profile[column] for column in ("open_defecation_pct", "bucket_pct") if column in profile]
    if not none:
        return by_type
    without = pd.concat(none, axis=1).sum(axis=1, min_count=1)
    return by_type.fillna((without > 50).astype("boolean").mask(~(without > 50)))


def _living_area(profile: pd.DataFrame) -> pd.Series:
    if "persons_per_room" not in profile:
        return _unknown(profile)
    persons = profile["persons_per_room"]
    return (persons > MAX_PERSONS_PER_ROOM).astype("boolean").mask(persons.isna())


def _durability(profile: pd.DataFrame, hazardous_location: pd.Series | None) -> pd.Series:
    parts = [_by_words(profile, f"{part}_material", ["durable"], ["not_durable"]) for part in ("wall", "roof", "floor")]
    structure = any_deprived(pd.concat([part for part in parts if part.notna().any()] or parts, axis=1))
    problems = [flag_column("location_problems", word) for word in HAZARDOUS_LOCATIONS]
    told = [profile[column] for column in problems if column in profile]
    if "dangerous_location" in profile:
        told.append(_by_words(profile, "dangerous_location", ["no"], ["yes"]))
    if hazardous_location is not None:
        told.append(hazardous_location.reindex(profile.index).astype("boolean"))
    place = any_deprived(pd.concat(told, axis=1)) if told else _unknown(profile)
    return any_deprived(pd.concat([structure, place], axis=1))


def _tenure(profile: pd.DataFrame, secure_tenure: pd.Series | None) -> pd.Series:
    insecure = _unknown(profile)
    if secure_tenure is not None:
        insecure = ~secure_tenure.reindex(profile.index).astype("boolean")
    insecure = insecure.fillna(_by_words(profile, "title_deed", ["yes"], ["no"]))
    threat = _by_words(profile, "eviction_threat_current", [], ["yes"])
    status = _by_words(profile, "legal_status", ["declared", "resettled"], ["undeclared"])
    return insecure.fillna(threat).fillna(status)
