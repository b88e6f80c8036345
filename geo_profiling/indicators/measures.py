"""What is estimated of each household: one measure an indicator, with what missing answers leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError
from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.indicators.households import Households
from geo_profiling.indicators.hygiene import hygiene_ladder, sanitation_and_hygiene
from geo_profiling.indicators.ladder import Ladder, MissingPolicy
from geo_profiling.indicators.sanitation import Treatment, sanitation_ladder
from geo_profiling.indicators.secure_tenure import secure_tenure
from geo_profiling.indicators.slum_households import (
    SlumRules,
    deprivations,
    inadequate_housing,
    measured_components,
    slum_overlap,
    slum_status,
)
from geo_profiling.indicators.water import TimeUnknown, WaterList, water_ladder

Counted = Literal["people", "households", "adults"]
#: Whose share a deprivation is that only a register of settlements tells.
REGISTER_SCOPE = "people of settlements with a register of tenure"


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
    counted : {"people", "households", "adults"}
        Whose share it is.
    scope : str
        In column ``denominator_scope``; empty: as the catalogue says.
    told : Series or None
        Value that is estimated with "bounds", where it is not that of those of whom all is known.
    """

    indicator: str
    low: pd.Series
    high: pd.Series
    is_good: bool
    policy: MissingPolicy
    components_used: str = ""
    counted: Counted = "people"
    scope: str = ""
    told: pd.Series | None = None

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
        if self.told is not None:
            return self.told
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
    ['waste_collection_access', 'households_waste_collection_access']
    """
    rules = rules or HouseholdRules()
    frame = households.frame
    found = _Found(rules)
    _add_ladders(found, households, rules)
    components = measured_components(frame)
    if components:
        _add_slums(found, households, rules.slum or SlumRules(components=components))
    if households.has("housing_cost") and households.has("income"):
        found.truth("inadequate_housing", inadequate_housing(frame, max_cost_share=rules.max_cost_share), is_good=False)
    if households.has("waste_collected"):
        found.truth("waste_collection_access", frame["waste_collected"], is_good=True)
    if households.has("consumption_per_day"):
        poor = (frame["consumption_per_day"] < rules.poverty_line).astype(float)
        poor = poor.where(frame["consumption_per_day"].notna())
        found.truth("extreme_poverty", poor, is_good=False, components=f"line {rules.poverty_line:g}")
    _add_adults(found, households)
    for item in CATALOGUE.values():
        if item.of_people in found.measures:
            own = replace(found.measures[item.of_people], indicator=item.id, counted="households", scope="households")
            found.measures[item.id] = own
    return [found.measures[name] for name in CATALOGUE if name in found.measures]


class _Found:
    """Measures as they are found, by indicator, each with its policy."""

    def __init__(self, rules: HouseholdRules) -> None:
        self.rules = rules
        self.measures: dict[str, Measure] = {}

    def add(
        self,
        name: str,
        bounds: tuple[pd.Series, pd.Series],
        *,
        is_good: bool,
        components: str = "",
        scope: str = "",
        told: pd.Series | None = None,
    ) -> None:
        """Add what is known to be between two values."""
        low, high = bounds
        policy = self.rules.policy(name)
        self.measures[name] = Measure(name, low, high, is_good, policy, components, scope=scope, told=told)

    def truth(
        self,
        name: str,
        values: pd.Series,
        *,
        is_good: bool,
        components: str = "",
        scope: str = "",
        told: pd.Series | None = None,
    ) -> None:
        """Add a truth that is unknown where it is NaN."""
        bounds = (values.fillna(0.0), values.fillna(1.0))
        self.add(name, bounds, is_good=is_good, components=components, scope=scope, told=told)


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
        found.add("hygiene_basic", _reach(hygiene, "basic"), is_good=True)
        for rung in ("limited", "no_facility"):
            found.add(f"hygiene_{rung}", _between(hygiene, rung), is_good=False)
        of_all = hygiene_ladder(frame, denominator="all")
        for rung in of_all.rungs:
            worst, best = of_all.worst[rung], of_all.best[rung]
            # Lower rungs are the fuller the less is known.
            ends = worst.where(worst <= best, best), best.where(worst <= best, worst)
            found.add(f"hygiene_of_all_{rung}", ends, is_good=rung == "basic")
    if sanitation is not None and hygiene is not None:
        joint = sanitation_and_hygiene(sanitation, hygiene)
        found.add("sanitation_and_hygiene", (joint["worst"], joint["best"]), is_good=True)


def _add_adults(found: _Found, households: Households) -> None:
    """Add SDG 1.4.2 of the adult drawn from each household, as far as the survey asked."""
    asked = [name for name in ("adult_documented", "adult_fears_loss", "adult_may_bequeath") if households.has(name)]
    if not asked:
        return
    if not households.has("adults"):
        raise UsageError(
            f"the survey asked one adult of each household ({', '.join(asked)}), but not how many there are",
            hint="map 'adults': the adult stands for all of the household",
        )
    frame = households.frame
    adults = {
        "tenure_documented": frame.get("adult_documented", np.nan),
        "fears_loss": frame.get("adult_fears_loss", np.nan),
        "may_bequeath": frame.get("adult_may_bequeath", np.nan),
    }
    held = secure_tenure(pd.DataFrame(adults, index=frame.index))
    for name in ("documented", "perceived_secure", "secure"):
        if held[name].notna().any():
            found.truth(f"tenure_{name}", held[name], is_good=True, scope="adults")
            found.measures[f"tenure_{name}"] = replace(found.measures[f"tenure_{name}"], counted="adults")


def _add_rungs(found: _Found, prefix: str, ladder: Ladder, lower: tuple[str, ...], components: str) -> None:
    if not ladder.unmeasured:
        found.add(f"{prefix}_safely_managed", _reach(ladder, "safely_managed"), is_good=True, components=components)
    found.add(f"{prefix}_at_least_basic", _reach(ladder, "basic"), is_good=True, components=components)
    for rung in lower:
        found.add(f"{prefix}_{rung}", _between(ladder, rung), is_good=False, components=components)


def _reach(ladder: Ladder, rung: str) -> tuple[pd.Series, pd.Series]:
    """Return which share of a household stands on a rung or above it, at least and at most."""
    bounds = ladder.at_least(rung)
    return bounds["worst"], bounds["best"]


def _between(ladder: Ladder, rung: str) -> tuple[pd.Series, pd.Series]:
    """Return which share of a household stands on a rung at least and at most."""
    above = ladder.rungs[ladder.rungs.index(rung) - 1]
    reach, pass_by = ladder.at_least(rung), ladder.at_least(above)
    low = (reach["worst"] - pass_by["best"]).clip(lower=0)
    return low, (reach["best"] - pass_by["worst"]).clip(upper=1)


def _add_slums(found: _Found, households: Households, rules: SlumRules) -> None:
    """Add deprivations, slum households and slums as areas.

    A layer tells of settlements only. Where it tells nothing of a household, what the survey asked decides, and the
    share is a lower bound; to leave such households out would leave only the deprived ones of them in. The policy
    "bounds" reaches to all of them being deprived.
    """
    frame, layers = households.frame, set(households.from_layers)
    lacking = deprivations(frame, rules)
    least = deprivations(_as_if_not_deprived(frame, layers), rules) if layers else lacking
    used, marks = rules.components_used, _marks(households, rules)
    for name in lacking.columns:
        own = ", ".join([str(name), *marks.get(str(name), ())])
        if name == "tenure" and marks.get("tenure"):
            # Nothing is known elsewhere: a share of people of whom it is told.
            found.truth("deprived_tenure", lacking[name], is_good=False, components=own, scope=REGISTER_SCOPE)
        else:
            _add_deprived(found, f"deprived_{name}", lacking[name], least[name], own)
    told = [mark for name in lacking.columns for mark in marks.get(str(name), ()) if mark != _LOWER]
    is_lower = rules.is_lower_bound or bool(marks)
    used = ", ".join([used, *told, *([_LOWER] if is_lower else [])])
    if rules.min_deprivations > 1:
        used = f"{used}, {rules.min_deprivations} or more"
    whole, certain = (slum_status(one, min_deprivations=rules.min_deprivations) for one in (lacking, least))
    _add_deprived(found, "slum_household", whole["slum_household"], certain["slum_household"], used)
    _add_deprived(found, "deprived_exactly_one", whole["exactly_one"], certain["exactly_one"], used)
    _add_deprived(found, "deprived_two_or_more", whole["two_or_more"], certain["two_or_more"], used)
    if "is_slum_area" in frame.columns:
        by_map = "by the polygons of settlements" if "is_slum_area" in layers else ""
        found.truth("slum_area", frame["is_slum_area"], is_good=False, components=by_map)
        overlaps = [slum_overlap(frame["is_slum_area"], one["slum_household"]) for one in (whole, certain)]
        for name in overlaps[0].columns:
            _add_deprived(found, f"slum_{name}", overlaps[0][name], overlaps[1][name], used)


_LOWER = "lower bound"


def _add_deprived(found: _Found, name: str, whole: pd.Series, certain: pd.Series, components: str) -> None:
    """Add a truth; where layers leave it open, as the survey alone says, with "bounds" up to what they leave open."""
    if found.rules.policy(name) == "bounds":
        found.truth(name, whole, is_good=False, components=components, told=certain)
    else:
        found.truth(name, certain, is_good=False, components=components)


def _as_if_not_deprived(frame: pd.DataFrame, layers: set[str]) -> pd.DataFrame:
    """Return households as if those of whom a layer tells nothing were safe and secure."""
    safe = {"hazardous_location": 0.0, "tenure_documented": 1.0, "tenure_perceived_secure": 1.0}
    filled = {name: frame[name].fillna(value) for name, value in safe.items() if name in layers}
    return frame.assign(**filled)


def _marks(households: Households, rules: SlumRules) -> dict[str, tuple[str, ...]]:
    """Say of each component that a layer has a part in for which share of the people it tells."""
    parts = {"durability": ("hazardous_location", "hazardous location"), "tenure": ("tenure_documented", "tenure")}
    found: dict[str, tuple[str, ...]] = {}
    for component, (variable, words) in parts.items():
        if component in rules.components and variable in households.from_layers:
            frame = households.frame
            everyone = float(frame["person_weight"].sum())
            names = [name for name in (variable, "tenure_perceived_secure") if name in households.from_layers]
            names = names[:1] if component == "durability" else names
            told = float(frame.loc[frame[names].notna().any(axis=1), "person_weight"].sum())
            percent = 100 * told / everyone if everyone else 0.0
            found[component] = (f"{words} from layers of settlements ({percent:.0f} % of people)", _LOWER)
    return found


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
