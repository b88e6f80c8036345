"""What is estimated of each household: one measure an indicator, with what missing answers leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.indicators.households import Households
from geo_profiling.indicators.hygiene import hygiene_ladder, sanitation_and_hygiene
from geo_profiling.indicators.ladder import Ladder, MissingPolicy
from geo_profiling.indicators.sanitation import Treatment, sanitation_ladder
from geo_profiling.indicators.slum_households import (
    SlumRules,
    deprivations,
    inadequate_housing,
    measured_components,
    slum_overlap,
    slum_status,
)
from geo_profiling.indicators.water import TimeUnknown, WaterList, water_ladder


@dataclass(frozen=True)
class HouseholdRules:
    """How households are classed; everything here is recorded with the results.

    Attributes
    ----------
    slum : SlumRules or None
        None: every component that the survey measured, in the standard reading.
    water_list : {"jmp2017", "mdg", "unhabitat2003"}
        Improved sources of the ladder of 6.1.1 (that of 11.1.1 stands in ``slum``).
    time_unknown : {"limited", "unknown"}
    missing : {"exclude", "unimproved", "bounds"}
        Policy on missing answers.
    missing_of : mapping
        Policy of single indicators, by id.
    treatment : Treatment
        What becomes of sewage and faecal sludge.
    max_cost_share : float
        Of inadequate housing, 0-1.
    poverty_line : float
        A person and day, in the currency of ``consumption_per_day``.
    """

    slum: SlumRules | None = None
    water_list: WaterList = "jmp2017"
    time_unknown: TimeUnknown = "limited"
    missing: MissingPolicy = "exclude"
    missing_of: Mapping[str, MissingPolicy] = field(default_factory=dict)
    treatment: Treatment = field(default_factory=Treatment)
    max_cost_share: float = 0.30
    poverty_line: float = 2.15

    def __post_init__(self) -> None:
        unknown = sorted(set(self.missing_of) - set(CATALOGUE))
        if unknown:
            raise UsageError(f"missing answers: indicator '{unknown[0]}' is not in the catalogue")

    def policy(self, indicator: str) -> MissingPolicy:
        """Return the policy of an indicator.

        Examples
        --------
        >>> HouseholdRules(missing_of={"slum_household": "bounds"}).policy("slum_household")
        'bounds'
        """
        return self.missing_of.get(indicator, self.missing)


@dataclass(frozen=True)
class Measure:
    """One indicator of each household.

    Attributes
    ----------
    indicator : str
        Its id.
    low, high : Series
        0-1, what it is at least and at most, as missing answers turn out; NaN outside the denominator.
    is_good : bool
        Whether it is good to have: the policy "unimproved" takes ``low`` then, else ``high``.
    policy : {"exclude", "unimproved", "bounds"}
    components_used : str
    """

    indicator: str
    low: pd.Series
    high: pd.Series
    is_good: bool
    policy: MissingPolicy
    components_used: str = ""

    def settled(self) -> pd.Series:
        """Return the value that is estimated: with "bounds" that of households of which all is known.

        Examples
        --------
        >>> low, high = pd.Series([1.0, 0.0]), pd.Series([1.0, 1.0])
        >>> Measure("slum_household", low, high, False, "unimproved").settled().tolist()
        [1.0, 1.0]
        """
        if self.policy == "unimproved":
            return self.low if self.is_good else self.high
        return self.low.where((self.high - self.low).abs() < 1e-12)


def household_measures(households: Households, rules: HouseholdRules | None = None) -> list[Measure]:
    """Return every indicator that the survey's variables allow, in the order of the catalogue.

    Parameters
    ----------
    households : Households
        As :func:`geo_profiling.indicators.households.map_households` returns them.
    rules : HouseholdRules, optional

    Returns
    -------
    list of Measure
        Without those of which nothing was measured: an indicator is never made of what was not asked.

    Examples
    --------
    >>> from geo_profiling.indicators.households import map_households
    >>> from geo_profiling.indicators.mapping import ready_mapping
    >>> table = pd.DataFrame({"weight": [2, 3], "persons": 4, "psu": [1, 2], "stratum": 1, "waste_collected": [1, 0]})
    >>> [measure.indicator for measure in household_measures(map_households(table, ready_mapping("plain")))]
    ['waste_collection_access']
    """
    rules = rules or HouseholdRules()
    frame = households.frame
    found: dict[str, tuple[pd.Series, pd.Series, bool, str]] = {}
    _add_ladders(found, households, rules)
    components = measured_components(frame)
    if components:
        slum = rules.slum or SlumRules(components=components)
        _add_slums(found, frame, slum)
    if households.has("housing_cost") and households.has("income"):
        _add(found, "inadequate_housing", inadequate_housing(frame, max_cost_share=rules.max_cost_share), is_good=False)
    if households.has("waste_collected"):
        _add(found, "waste_collection_access", frame["waste_collected"], is_good=True)
    if households.has("consumption_per_day"):
        poor = (frame["consumption_per_day"] < rules.poverty_line).astype(float)
        poor = poor.where(frame["consumption_per_day"].notna())
        _add(found, "extreme_poverty", poor, is_good=False, components=f"line {rules.poverty_line:g}")
    return [
        Measure(name, low, high, is_good, rules.policy(name), components)
        for name, (low, high, is_good, components) in ((key, found[key]) for key in CATALOGUE if key in found)
    ]


_Found = dict[str, tuple[pd.Series, pd.Series, bool, str]]


def _add(found: _Found, name: str, values: pd.Series, *, is_good: bool, components: str = "") -> None:
    """Add a truth that is unknown where it is NaN."""
    found[name] = (values.fillna(0.0), values.fillna(1.0), is_good, components)


def _add_ladders(found: _Found, households: Households, rules: HouseholdRules) -> None:
    frame = households.frame
    if households.has("water_source"):
        water = water_ladder(frame, water_list=rules.water_list, time_unknown=rules.time_unknown)
        _add_rungs(found, "water", water, ("limited", "unimproved", "surface_water"), rules.water_list)
    sanitation = hygiene = None
    if households.has("toilet"):
        sanitation = sanitation_ladder(frame, treatment=rules.treatment)
        _add_rungs(found, "sanitation", sanitation, ("limited", "unimproved", "open_defecation"), "")
    if households.has("handwashing"):
        hygiene = hygiene_ladder(frame)
        bounds = hygiene.at_least("basic")
        found["hygiene_basic"] = (bounds["worst"], bounds["best"], True, "")
        for rung in ("limited", "no_facility"):
            found[f"hygiene_{rung}"] = (*_between(hygiene, rung), False, "")
    if sanitation is not None and hygiene is not None:
        joint = sanitation_and_hygiene(sanitation, hygiene)
        found["sanitation_and_hygiene"] = (joint["worst"], joint["best"], True, "")


def _add_rungs(found: _Found, prefix: str, ladder: Ladder, lower: tuple[str, ...], components: str) -> None:
    if not ladder.unmeasured:
        top = ladder.at_least("safely_managed")
        found[f"{prefix}_safely_managed"] = (top["worst"], top["best"], True, components)
    basic = ladder.at_least("basic")
    found[f"{prefix}_at_least_basic"] = (basic["worst"], basic["best"], True, components)
    for rung in lower:
        found[f"{prefix}_{rung}"] = (*_between(ladder, rung), False, components)


def _between(ladder: Ladder, rung: str) -> tuple[pd.Series, pd.Series]:
    """Return which share of a household stands on a rung at least and at most."""
    above = ladder.rungs[ladder.rungs.index(rung) - 1]
    reach, pass_by = ladder.at_least(rung), ladder.at_least(above)
    low = (reach["worst"] - pass_by["best"]).clip(lower=0)
    return low, (reach["best"] - pass_by["worst"]).clip(upper=1)


def _add_slums(found: _Found, frame: pd.DataFrame, rules: SlumRules) -> None:
    lacking = deprivations(frame, rules)
    status = slum_status(lacking, min_deprivations=rules.min_deprivations)
    used = rules.components_used
    if rules.is_lower_bound:
        used = f"{used}, lower bound"
    if rules.min_deprivations > 1:
        used = f"{used}, {rules.min_deprivations} or more"
    for name in lacking.columns:
        _add(found, f"deprived_{name}", lacking[name], is_good=False, components=str(name))
    _add(found, "slum_household", status["slum_household"], is_good=False, components=used)
    _add(found, "deprived_exactly_one", status["exactly_one"], is_good=False, components=used)
    _add(found, "deprived_two_or_more", status["two_or_more"], is_good=False, components=used)
    if "is_slum_area" in frame.columns:
        _add(found, "slum_area", frame["is_slum_area"], is_good=False)
        overlap = slum_overlap(frame["is_slum_area"], status["slum_household"])
        for name in overlap.columns:
            _add(found, f"slum_{name}", overlap[name], is_good=False, components=used)


def measure_frame(measures: list[Measure]) -> pd.DataFrame:
    """Return the measures as columns: by id, and ``id:low`` and ``id:high`` for the policy "bounds".

    Examples
    --------
    >>> values = pd.Series([1.0, 0.0])
    >>> measure_frame([Measure("slum_household", values, values, False, "bounds")]).columns.tolist()
    ['slum_household', 'slum_household:low', 'slum_household:high']
    """
    columns: dict[str, pd.Series] = {}
    for measure in measures:
        columns[measure.indicator] = measure.settled().astype(np.float64)
        if measure.policy == "bounds":
            columns[f"{measure.indicator}:low"] = measure.low
            columns[f"{measure.indicator}:high"] = measure.high
    return pd.DataFrame(columns)
