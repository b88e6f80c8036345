"""The ladder of drinking water (SDG 6.1.1), household by household and by JMP's minimum of margins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from geo_profiling.errors import InputError, UsageError
from geo_profiling.indicators.ladder import Floats, Ladder, both, column, either, member

WaterList = Literal["jmp2017", "mdg", "unhabitat2003"]
TimeUnknown = Literal["limited", "unknown"]

WATER_RUNGS = ("safely_managed", "basic", "limited", "unimproved", "surface_water")
#: Minutes of a round trip that still count as basic.
MAX_MINUTES = 30.0
#: Households that may share a public tap under UN-Habitat's list of 2003.
MAX_TAP_HOUSEHOLDS = 5
_IMPROVED = (
    "piped_dwelling", "piped_yard", "piped_neighbour", "public_tap", "borehole", "protected_well", "protected_spring",
    "rainwater", "improved",
)  # fmt: skip
_DELIVERED = ("tanker", "cart", "kiosk", "vendor")
_PACKAGED = ("bottled", "refill", "sachet")
_PIPED_HOME = ("piped_dwelling", "piped_yard")


def improved_water(frame: pd.DataFrame, water_list: WaterList = "jmp2017") -> pd.Series:
    """Tell whether the source of drinking water is improved, under one of three lists.

    Parameters
    ----------
    frame : DataFrame
        ``water_source``; ``water_other_source`` and ``tap_households`` where the list asks for them.
    water_list : {"jmp2017", "mdg", "unhabitat2003"}
        "jmp2017": water that is delivered (tanker, cart, kiosk, vendor) or packaged is improved. "mdg":
        delivered water is not, packaged water is where the other source is. "unhabitat2003": as "mdg",
        and a public tap serves at most five households.

    Returns
    -------
    Series
        1, 0, or NaN where unknown.

    Raises
    ------
    UsageError
        If the list is not known.

    References
    ----------
    JMP, Core questions on drinking water (2018); MDG indicator 7.8; UN-Habitat, Guide to Monitoring
    Target 11 (2003); SDG metadata 6-1-1 and 11-1-1.

    Examples
    --------
    >>> frame = pd.DataFrame({"water_source": ["tanker", "public_tap", "other"], "tap_households": [None, 20, None]})
    >>> {kind: improved_water(frame, kind).tolist() for kind in ("jmp2017", "mdg", "unhabitat2003")}
    {'jmp2017': [1.0, 1.0, 0.0], 'mdg': [0.0, 1.0, 0.0], 'unhabitat2003': [0.0, 0.0, 0.0]}
    """
    source = frame["water_source"]
    if water_list == "jmp2017":
        found = member(source, (*_IMPROVED, *_DELIVERED, *_PACKAGED))
        return pd.Series(found, index=frame.index, name="improved_water")
    if water_list not in ("mdg", "unhabitat2003"):
        raise UsageError(f"'{water_list}' is not known", hint="one of jmp2017, mdg, unhabitat2003")
    found = _shared_tap(frame, source, member(source, _IMPROVED), water_list)
    if "water_other_source" in frame.columns:
        other = frame["water_other_source"]
        second = _shared_tap(frame, other, member(other, _IMPROVED), water_list)
    else:
        second = np.full(len(frame), np.nan)
    found = np.where(source.isin(_PACKAGED).to_numpy(), second, found)
    return pd.Series(found, index=frame.index, name="improved_water")


def _shared_tap(frame: pd.DataFrame, source: pd.Series, found: Floats, water_list: WaterList) -> Floats:
    if water_list == "mdg":
        return found
    households = column(frame, "tap_households")
    few = np.where(np.isnan(households), np.nan, households <= MAX_TAP_HOUSEHOLDS)
    return np.where((source == "public_tap").to_numpy(), few, found)


def water_on_premises(frame: pd.DataFrame) -> pd.Series:
    """Tell whether the water is taken on the premises: piped there, in the yard, or brought to the household.

    Packaged water is drunk anywhere: the other source decides. NaN where nothing tells.

    Examples
    --------
    >>> frame = pd.DataFrame({"water_source": ["piped_yard", "borehole", "borehole"],
    ...                       "water_place": [None, "elsewhere", None]})
    >>> water_on_premises(frame).tolist()
    [1.0, 0.0, nan]
    """
    source = frame["water_source"]
    packaged = source.isin(_PACKAGED)
    if "water_other_source" in frame.columns:
        source = source.where(~packaged, frame["water_other_source"])
    else:
        source = source.mask(packaged)
    piped = np.where(source.isin(_PIPED_HOME).to_numpy(), 1.0, np.nan)
    place = (
        member(frame["water_place"], ("premises", "delivered"))
        if "water_place" in frame.columns
        else np.full(len(frame), np.nan)
    )
    found = np.where(np.isnan(piped), place, 1.0)
    # Who walks for it does not have it at home.
    walks = column(frame, "water_time_min") > 0
    return pd.Series(np.where(np.isnan(found) & walks, 0.0, found), index=frame.index, name="water_on_premises")


def water_ladder(
    frame: pd.DataFrame, *, water_list: WaterList = "jmp2017", time_unknown: TimeUnknown = "limited"
) -> Ladder:
    """Return the ladder of drinking water, all conditions true of the same household.

    Parameters
    ----------
    frame : DataFrame
        ``water_source``; ``water_place``, ``water_time_min``, ``water_available`` and
        ``water_free_of_contamination`` where the survey has them.
    water_list : {"jmp2017", "mdg", "unhabitat2003"}
        Which sources are improved.
    time_unknown : {"limited", "unknown"}
        An improved source of which the time is not told is limited, as DHS and MICS count it; or
        limited or basic, by the policy on missing answers.

    Returns
    -------
    Ladder
        Rungs ``safely_managed, basic, limited, unimproved, surface_water``. ``unmeasured`` names
        availability and quality where the survey has not asked: then nobody is safely managed.

    Notes
    -----
    Safely managed: improved, on the premises, available when needed and free of contamination. Basic:
    improved and at most 30 minutes there and back, 30 included. Limited: improved and more.

    References
    ----------
    SDG metadata 6-1-1; MICS6 tabulation WS.1.2, WS.1.6.

    Examples
    --------
    >>> frame = pd.DataFrame({"water_source": ["piped_dwelling", "borehole", "borehole", "surface_water"],
    ...                       "water_time_min": [None, 30, 31, 5]})
    >>> water_ladder(frame).worst.idxmax(axis=1).tolist()
    ['basic', 'basic', 'limited', 'surface_water']
    """
    improved = improved_water(frame, water_list).to_numpy()
    premises = water_on_premises(frame).to_numpy()
    time = column(frame, "water_time_min")
    near = either(premises, np.where(np.isnan(time), np.nan, time <= MAX_MINUTES))
    if time_unknown == "limited":
        near = np.where(np.isnan(near) & ~np.isnan(improved), 0.0, near)
    asked = {name: name in frame.columns for name in ("water_available", "water_free_of_contamination")}
    safe = np.zeros(len(frame))
    if all(asked.values()):
        safe = both(premises, *(column(frame, name) for name in asked))
    surface = (frame["water_source"] == "surface_water").to_numpy()
    worst, best = (_rungs(frame.index, surface, improved, near, safe, fill) for fill in (0.0, 1.0))
    return Ladder(worst, best, unmeasured=tuple(name for name, there in asked.items() if not there))


def _rungs(
    index: pd.Index, surface: np.ndarray, improved: Floats, near: Floats, safe: Floats, fill: float
) -> pd.DataFrame:
    improved, near, safe = (np.where(np.isnan(part), fill, part) for part in (improved, near, safe))
    basic = improved * near
    columns = [basic * safe, basic * (1 - safe), improved * (1 - near), (1 - improved) * ~surface, 1.0 * surface]
    return pd.DataFrame(dict(zip(WATER_RUNGS, columns, strict=True)), index=index)


def water_margins(frame: pd.DataFrame, water_list: WaterList = "jmp2017") -> pd.DataFrame:
    """Return the conditions of safely managed water, each by itself and together with an improved source.

    Returns
    -------
    DataFrame
        ``improved``, ``premises``, ``available``, ``quality``: 1, 0 or NaN, the last three with
        "improved and"; what JMP's minimum is taken of.

    Examples
    --------
    >>> frame = pd.DataFrame({"water_source": ["piped_yard", "surface_water"], "water_available": [0, 1]})
    >>> water_margins(frame)[["premises", "available"]].to_numpy().tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    improved = improved_water(frame, water_list).to_numpy()
    conditions = {
        "premises": water_on_premises(frame).to_numpy(),
        "available": column(frame, "water_available"),
        "quality": column(frame, "water_free_of_contamination"),
    }
    joint = {name: both(improved, condition) for name, condition in conditions.items()}
    return pd.DataFrame({"improved": improved, **joint}, index=frame.index)


def jmp_minimum(
    strata: pd.DataFrame, people: Sequence[float] | pd.Series, *, name: str = "margins"
) -> tuple[float, pd.Series]:
    """Estimate safely managed water as JMP does: the smallest margin in each stratum, then weighted by people.

    It is never the minimum of the margins of the whole, which is too high, and never below what is
    true of the same households.

    Parameters
    ----------
    strata : DataFrame
        A row a stratum (urban, rural): ``premises``, ``available`` and ``quality`` as shares of its people,
        0-1; NaN where not measured. Quality must be measured, availability may be missing.
    people : sequence of float
        People of each stratum.
    name : str
        Of the table, for messages.

    Returns
    -------
    float
        Share of all people, 0-1; NaN where a stratum with people has no measured quality.
    Series
        The same by stratum.

    Raises
    ------
    InputError
        If a share leaves 0-1 or people are negative or none.

    References
    ----------
    JMP methodology (2017 update), safely managed drinking water services; SDG metadata 6-1-1.

    Examples
    --------
    >>> margins = pd.DataFrame({"premises": [0.9, 0.4], "available": [0.8, None], "quality": [0.85, 0.5]})
    >>> whole, parts = jmp_minimum(margins, [750, 250])
    >>> round(whole, 6), parts.tolist()
    (0.7, [0.8, 0.4])
    """
    shares = strata[["premises", "available", "quality"]].astype(float)
    weights = np.asarray(people, float)
    if ((shares < 0) | (shares > 1)).any(axis=None):
        raise InputError(f"{name}: a share lies outside 0-1", hint="shares are 0-1, not percent")
    if not (weights >= 0).all() or not weights.any():
        raise InputError(f"{name}: people of strata must be 0 or more, and some of them more")
    lowest = shares.min(axis=1).where(shares["quality"].notna())
    used = weights > 0
    return float((lowest.to_numpy()[used] * weights[used]).sum() / weights.sum()), lowest
