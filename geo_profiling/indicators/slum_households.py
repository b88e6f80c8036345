"""SDG 11.1.1: households that lack what a home needs, slums as areas, and inadequate housing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.indicators.ladder import Floats, both, column, either, member
from geo_profiling.indicators.sanitation import improved_sanitation
from geo_profiling.indicators.water import WaterList, improved_water

#: The five deprivations of SDG 11.1.1.
COMPONENTS = ("water", "sanitation", "living_area", "durability", "tenure")
#: What a household of one component needs to be counted at all.
_NEEDS = {
    "water": ("water_source",),
    "sanitation": ("toilet",),
    "living_area": ("rooms",),
    "durability": ("floor", "walls", "roof", "hazardous_location"),
    "tenure": ("tenure_documented", "tenure_perceived_secure"),
}


@dataclass(frozen=True)
class SlumRules:
    """Choices that published figures make differently; all are recorded with the result.

    Attributes
    ----------
    components : tuple of str
        Deprivations that count, of ``water, sanitation, living_area, durability, tenure``.
    min_deprivations : int
        How many make a slum household.
    water_list : {"jmp2017", "mdg", "unhabitat2003"}
        Which sources of water are improved.
    shared_counts_as_improved : bool
        Whether a shared facility of an improved type is improved.
    persons_per_room : float
        Crowding.
    crowding : {"more", "from"}
        More than that many persons a room, or from that many on (the DHS reading).
    no_rooms : {"one", "missing"}
        What a household with 0 rooms has.
    """

    components: tuple[str, ...] = COMPONENTS
    min_deprivations: int = 1
    water_list: WaterList = "jmp2017"
    shared_counts_as_improved: bool = True
    persons_per_room: float = 3.0
    crowding: Literal["more", "from"] = "more"
    no_rooms: Literal["one", "missing"] = "one"

    def __post_init__(self) -> None:
        unknown = sorted(set(self.components) - set(COMPONENTS))
        if unknown or not self.components or len(set(self.components)) < len(self.components):
            raise UsageError(
                f"components of a slum household: {', '.join(self.components) or 'none'}",
                hint=f"each once, of {', '.join(COMPONENTS)}",
            )
        if not 1 <= self.min_deprivations <= len(self.components):
            raise UsageError(f"min_deprivations is {self.min_deprivations}", hint="from 1 to the number of components")

    @property
    def is_lower_bound(self) -> bool:
        """Whether deprivations are left out, so that the share of slum households is at least what is found."""
        return len(self.components) < len(COMPONENTS)

    @property
    def components_used(self) -> str:
        """The components as they stand in the ``indicators`` table.

        Examples
        --------
        >>> SlumRules(components=("sanitation", "water")).components_used
        'water+sanitation'
        """
        return "+".join(component for component in COMPONENTS if component in self.components)


def measured_components(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the components of which a survey measured at least a part.

    Examples
    --------
    >>> measured_components(pd.DataFrame({"water_source": ["borehole"], "walls": ["durable"]}))
    ('water', 'durability')
    """
    return tuple(name for name in COMPONENTS if any(column in frame.columns for column in _NEEDS[name]))


def deprivations(frame: pd.DataFrame, rules: SlumRules | None = None) -> pd.DataFrame:
    """Return which of the five deprivations each household has.

    Parameters
    ----------
    frame : DataFrame
        A survey in the product's variables, with ``persons``. Hazardous location and tenure may come
        from layers, as columns ``hazardous_location`` and ``tenure_documented``, ``tenure_perceived_secure``.
    rules : SlumRules, optional

    Returns
    -------
    DataFrame
        A column a component used: 1 deprived, 0 not, NaN unknown.

    Raises
    ------
    UsageError
        If nothing of a component was measured.

    Notes
    -----
    Durable: walls, roof and floor, as far as they were asked for, durable and the location not hazardous; one
    that is not makes the dwelling not durable whatever is unknown. Tenure: secure with a document or
    protection as perceived. Living area: persons by rooms.

    References
    ----------
    SDG metadata 11-1-1; UN-Habitat (2003), Guide to Monitoring Target 11; DHS Analytical Studies 81.

    Examples
    --------
    >>> frame = pd.DataFrame({"persons": [6, 7], "rooms": [2, 2], "water_source": "piped_yard"})
    >>> deprivations(frame, SlumRules(components=("water", "living_area"))).to_numpy().tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    rules = rules or SlumRules()
    absent = [name for name in rules.components if name not in measured_components(frame)]
    if absent:
        raise UsageError(
            f"the survey measured nothing of '{absent[0]}'",
            hint=f"name the components it has: {', '.join(measured_components(frame))}",
        )
    found: dict[str, Floats] = {}
    if "water" in rules.components:
        found["water"] = 1 - improved_water(frame, rules.water_list).to_numpy()
    if "sanitation" in rules.components:
        kept = improved_sanitation(frame, shared_counts_as_improved=rules.shared_counts_as_improved)
        found["sanitation"] = 1 - kept.to_numpy()
    if "living_area" in rules.components:
        found["living_area"] = _crowded(frame, rules)
    if "durability" in rules.components:
        found["durability"] = _not_durable(frame)
    if "tenure" in rules.components:
        asked = [name for name in _NEEDS["tenure"] if name in frame.columns]
        found["tenure"] = 1 - either(*(column(frame, name) for name in asked))
    return pd.DataFrame(found, index=frame.index)


def _crowded(frame: pd.DataFrame, rules: SlumRules) -> Floats:
    rooms, persons = column(frame, "rooms"), column(frame, "persons")
    if rules.no_rooms == "one":
        rooms = np.where(rooms == 0, 1.0, rooms)
    known = (rooms > 0) & (persons > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Whole persons a room for the reading "from", as DHS truncates; a limit met exactly is not "more".
        each = persons / rooms
        crowded = (
            np.trunc(each) >= rules.persons_per_room if rules.crowding == "from" else each > rules.persons_per_room
        )
    return np.where(known, crowded, np.nan)


def _not_durable(frame: pd.DataFrame) -> Floats:
    parts = [1 - member(frame[name], ["durable"]) for name in ("floor", "walls", "roof") if name in frame.columns]
    if "hazardous_location" in frame.columns:
        parts.append(column(frame, "hazardous_location"))
    return either(*parts)


def slum_status(lacking: pd.DataFrame, *, min_deprivations: int = 1) -> pd.DataFrame:
    """Count deprivations and tell which households are slum households.

    A household with an unknown component is one where those known suffice, and is none only where even
    the unknown could not make it one; else it is unknown.

    Parameters
    ----------
    lacking : DataFrame
        As :func:`deprivations` returns it.
    min_deprivations : int
        How many make a slum household.

    Returns
    -------
    DataFrame
        ``slum_household``, ``exactly_one``, ``two_or_more``: 1, 0 or NaN; ``n_deprivations``, NaN where
        a component is unknown.

    Examples
    --------
    >>> lacking = pd.DataFrame({"water": [1, 0, 0], "sanitation": [None, None, 0]})
    >>> slum_status(lacking)["slum_household"].tolist()
    [1.0, nan, 0.0]
    """
    least = lacking.fillna(0).sum(axis=1).to_numpy(float)
    most = lacking.fillna(1).sum(axis=1).to_numpy(float)

    def at_least(count: int) -> Floats:
        return np.where(least >= count, 1.0, np.where(most < count, 0.0, np.nan))

    return pd.DataFrame(
        {
            "slum_household": at_least(min_deprivations),
            "exactly_one": both(at_least(1), 1 - at_least(2)),
            "two_or_more": at_least(2),
            "n_deprivations": np.where(least == most, least, np.nan),
        },
        index=lacking.index,
    )


def slum_overlap(by_area: pd.Series, by_household: pd.Series) -> pd.DataFrame:
    """Set slums as areas beside slums as households: both, one alone, neither.

    Parameters
    ----------
    by_area, by_household : Series
        1, 0 or NaN, on the same index.

    Returns
    -------
    DataFrame
        ``both``, ``area_only``, ``household_only``, ``neither``: one of them 1, or all NaN.

    Examples
    --------
    >>> slum_overlap(pd.Series([1, 1, 0]), pd.Series([1, 0, 0])).sum().to_dict()
    {'both': 1.0, 'area_only': 1.0, 'household_only': 0.0, 'neither': 1.0}
    """
    area, household = by_area.to_numpy(float), by_household.to_numpy(float)
    return pd.DataFrame(
        {
            "both": area * household,
            "area_only": area * (1 - household),
            "household_only": (1 - area) * household,
            "neither": (1 - area) * (1 - household),
        },
        index=by_area.index,
    )


def inadequate_housing(frame: pd.DataFrame, *, max_cost_share: float = 0.30) -> pd.Series:
    """Tell which households live in inadequate housing: the cost of housing takes too much of the income.

    It is published apart from slum households and never added to them: many are both.

    Parameters
    ----------
    frame : DataFrame
        ``housing_cost`` and ``income``, a month each.
    max_cost_share : float
        More than this share of the income, 0-1, is inadequate.

    Returns
    -------
    Series
        1, 0, or NaN where cost or income is unknown. Without income any cost is too much.

    References
    ----------
    SDG metadata 11-1-1, inadequate housing.

    Examples
    --------
    >>> frame = pd.DataFrame({"housing_cost": [30.0, 31.0, 5.0], "income": [100.0, 100.0, 0.0]})
    >>> inadequate_housing(frame).tolist()
    [0.0, 1.0, 1.0]
    """
    cost, income = column(frame, "housing_cost"), column(frame, "income")
    found = np.where(np.isnan(cost) | np.isnan(income), np.nan, cost > max_cost_share * income)
    return pd.Series(found, index=frame.index, name="inadequate_housing")
