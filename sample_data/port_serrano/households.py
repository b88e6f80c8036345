"""Households of Serrano Coast: everyone, drawn cluster by cluster, and the two-stage sample a survey takes of them.

Everyone is known, so that a survey can be held to the truth. Values are kept as small numbers and become
words for the households that are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from port_serrano import plan
from port_serrano.land import Floats, generator

Ints = NDArray[np.int64]

#: Sampled enumeration areas by stratum, and households asked in each.
SAMPLED_AREAS = {"city": 44, "coast": 16, "north": 12, "slum_water": 16, "slum_hill": 14, "slum_edge": 12}
HOUSEHOLDS_ASKED = 12
#: Households of an enumeration area in slums and elsewhere, about.
SLUM_AREA_SIZE, OTHER_AREA_SIZE = 48, 110
#: People of other quarters by municipality; those of the settlements come from their size and density.
OTHER_PEOPLE = {
    "04001": 900_000, "04002": 130_000, "04003": 60_000, "04004": 70_000, "04005": 60_000, "04006": 80_000,
    "04007": 12_000, "04011": 50_000, "04023": 3_000,
}  # fmt: skip
OTHER_STRATA = {"04001": "city", "04023": "city", "04002": "north", "04007": "north", "04011": "north"}
SLUM_STRATA = {"riverside": "slum_water", "wetland": "slum_water", "hillside": "slum_hill", "railside": "slum_hill",
               "periphery": "slum_edge"}  # fmt: skip

WATER = ("piped_dwelling", "piped_yard", "public_tap", "borehole", "tanker", "unprotected_well", "surface_water")
TOILETS = ("flush_sewer", "flush_septic", "pit_slab", "flush_elsewhere", "pit_open", "none")
#: Chances by kind of quarter: slum, other.
WATER_CHANCES = ((0.10, 0.30, 0.28, 0.08, 0.14, 0.07, 0.03), (0.72, 0.15, 0.05, 0.04, 0.02, 0.015, 0.005))
TOILET_CHANCES = ((0.10, 0.14, 0.36, 0.16, 0.18, 0.06), (0.62, 0.24, 0.08, 0.03, 0.025, 0.005))
YES = {
    "toilet_shared": (0.55, 0.10), "handwashing_water": (0.60, 0.92), "handwashing_soap": (0.50, 0.90),
    "floor": (0.80, 0.99), "walls": (0.75, 0.985), "roof": (0.85, 0.985), "tenure_documented": (0.55, 0.93),
    "waste_collected": (0.35, 0.93), "hazardous_location": (0.18, 0.02), "water_available": (0.55, 0.86),
    "head_is_woman": (0.34, 0.27),
}  # fmt: skip
#: How much clusters differ, as the standard deviation of their level on the logit scale.
BETWEEN = 0.7


@dataclass(frozen=True)
class Everyone:
    """All households, area by area: ``first`` is where each enumeration area starts, and the end."""

    first: Ints
    stratum: NDArray[np.object_]
    settlement_id: NDArray[np.object_]
    unit_id: NDArray[np.object_]
    columns: dict[str, NDArray[np.int8]]


def nearest_unit(centre_km: plan.XY) -> str:
    """Return the municipality whose seat is nearest."""
    return min(plan.MUNICIPALITIES, key=lambda m: float(np.hypot(*np.subtract(m.seat_km, centre_km)))).unit_id


def enumeration_areas() -> list[tuple[str, str | None, str, bool, int]]:
    """Return stratum, settlement, municipality, kind and size of each enumeration area."""
    rng = generator("enumeration areas")
    found: list[tuple[str, str | None, str, bool, int]] = []
    for settlement in plan.SETTLEMENTS:
        people = settlement.area_ha * settlement.people_per_ha
        count = max(2, round(people / 4.4 / SLUM_AREA_SIZE))
        sizes = rng.integers(SLUM_AREA_SIZE - 14, SLUM_AREA_SIZE + 15, count)
        unit = nearest_unit(settlement.centre_km)
        stratum = SLUM_STRATA[settlement.ground]
        found += [(stratum, settlement.settlement_id, unit, True, int(size)) for size in sizes]
    for unit, people in OTHER_PEOPLE.items():
        count = round(people / 3.6 / OTHER_AREA_SIZE)
        sizes = rng.integers(OTHER_AREA_SIZE - 35, OTHER_AREA_SIZE + 36, count)
        found += [(OTHER_STRATA.get(unit, "coast"), None, unit, False, int(size)) for size in sizes]
    return sorted(found, key=lambda area: area[0])


@cache
def everyone() -> Everyone:
    """Return all households of the metropolis."""
    areas = enumeration_areas()
    rng = generator("households")
    sizes = np.array([area[4] for area in areas])
    of_area = np.repeat(np.arange(len(areas)), sizes)
    slum = np.array([area[3] for area in areas])[of_area]
    columns: dict[str, NDArray[np.int8]] = {
        "persons": (1 + rng.poisson(np.where(slum, 3.4, 2.6))).clip(max=14).astype(np.int8),
        "rooms": (1 + rng.binomial(4, np.where(slum, 0.30, 0.60))).astype(np.int8),
        "age_of_head": rng.integers(19, 84, len(of_area)).astype(np.int8),
        "wealth_quintile": (1 + rng.binomial(4, np.where(slum, 0.24, 0.57))).astype(np.int8),
    }
    for name, chances in (("water_source", WATER_CHANCES), ("toilet", TOILET_CHANCES)):
        # A cluster's level moves all its households up or down the list of sources.
        limits = np.cumsum(np.array(chances), axis=1)[np.where(slum, 0, 1)]
        luck = expit(logit(rng.random(len(of_area))) + BETWEEN * rng.normal(size=len(areas))[of_area])
        columns[name] = (luck[:, None] > limits[:, :-1]).sum(axis=1).astype(np.int8)
    for name, (in_slum, elsewhere) in YES.items():
        level = logit(np.where(slum, in_slum, elsewhere)) + BETWEEN * rng.normal(size=len(areas))[of_area]
        columns[name] = (rng.random(len(of_area)) < expit(level)).astype(np.int8)
    columns["is_slum_area"] = slum.astype(np.int8)
    texts = [np.array([area[number] for area in areas], dtype=object) for number in range(3)]
    return Everyone(np.concatenate([[0], np.cumsum(sizes)]), texts[0], texts[1], texts[2], columns)


def expit(value: Floats) -> Floats:
    """Return the share that a value on the logit scale is."""
    return np.asarray(1 / (1 + np.exp(-value)))


def logit(share: Floats) -> Floats:
    """Return a share on the logit scale."""
    return np.log(share / (1 - share))


def draw(rng: np.random.Generator, times: int = 1) -> tuple[Ints, Ints, Ints, Floats]:
    """Draw the sample: enumeration areas of each stratum, each as likely, then households in each.

    Returns
    -------
    which, area, household, weight : ndarray
        For every household asked: the number of the drawing, its enumeration area, its row, and how many
        households it stands for.
    """
    all_of = everyone()
    sizes = np.diff(all_of.first)
    parts = []
    for stratum in np.unique(all_of.stratum):
        areas = np.flatnonzero(all_of.stratum == stratum)
        count = SAMPLED_AREAS[stratum]
        picked = areas[np.argpartition(rng.random((times, len(areas))), count, axis=1)[:, :count]]
        flat = picked.ravel()
        keys = rng.random((len(flat), int(sizes[areas].max())))
        keys[np.arange(keys.shape[1]) >= sizes[flat][:, None]] = np.inf
        inside = np.argpartition(keys, HOUSEHOLDS_ASKED, axis=1)[:, :HOUSEHOLDS_ASKED]
        rows = all_of.first[flat][:, None] + np.sort(inside, axis=1)
        weight = len(areas) / count * sizes[flat] / HOUSEHOLDS_ASKED
        repeated = [np.repeat(part, HOUSEHOLDS_ASKED) for part in (np.repeat(np.arange(times), count), flat, weight)]
        parts.append((repeated[0], repeated[1], rows.ravel(), repeated[2]))
    which, area, household, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return which, area, household, weights


def in_words(rows: Ints | slice = slice(None)) -> pd.DataFrame:
    """Return households in the product's variables, as a plain table has them."""
    columns = {name: values[rows] for name, values in everyone().columns.items()}
    frame = pd.DataFrame({name: columns[name] for name in ("persons", "rooms", "age_of_head", "is_slum_area")})
    frame["water_source"] = np.array(WATER)[columns["water_source"]]
    home = columns["water_source"] < 2
    frame["water_place"] = np.where(home, "premises", "elsewhere")
    # Who lives far from a tap has more people to fetch for: a simple rule that gives every length of way.
    frame["water_time_min"] = np.where(home, 0, 5 + (columns["age_of_head"] * 7 + columns["persons"] * 11) % 40)
    frame["water_available"] = columns["water_available"]
    frame["toilet"] = np.array(TOILETS)[columns["toilet"]]
    frame["toilet_shared"] = np.where(columns["toilet"] == len(TOILETS) - 1, 0, columns["toilet_shared"])
    washes = columns["handwashing_water"] | columns["handwashing_soap"]
    frame["handwashing"] = np.where(washes, "fixed", "none")
    frame["handwashing_water"] = columns["handwashing_water"]
    frame["handwashing_soap"] = columns["handwashing_soap"]
    for name in ("floor", "walls", "roof"):
        frame[name] = np.where(columns[name], "durable", "not_durable")
    for name in ("hazardous_location", "tenure_documented", "waste_collected"):
        frame[name] = columns[name]
    frame["sex_of_head"] = np.where(columns["head_is_woman"], "F", "M")
    frame["wealth_quintile"] = "Q" + pd.Series(columns["wealth_quintile"]).astype(str)
    return frame


def survey() -> pd.DataFrame:
    """Return the survey as its table is published: one drawing, two of a hundred numbers of rooms not answered."""
    rng = generator("household survey")
    _, area, household, weight = draw(rng)
    all_of = everyone()
    frame = in_words(household)
    frame.insert(0, "household_id", [f"H{number + 1:04d}" for number in range(len(frame))])
    frame.insert(1, "psu", [f"E{number + 1:04d}" for number in area])
    frame.insert(2, "stratum", all_of.stratum[area])
    frame.insert(3, "weight", np.round(weight, 4))
    frame.insert(4, "settlement_id", all_of.settlement_id[area])
    frame.insert(5, "unit_id", all_of.unit_id[area])
    frame["rooms"] = frame["rooms"].astype("Int64").mask(rng.random(len(frame)) < 0.02)
    return frame


def truth() -> pd.DataFrame:
    """Return what is true of all people: in the metropolis, and in its slums.

    Worked out from the numbers, without the product's own rules.
    """
    columns = everyone().columns
    persons = columns["persons"].astype(np.float64)
    lacks = {
        "water": columns["water_source"] >= 5,
        "sanitation": columns["toilet"] >= 3,
        "living_area": persons > 3 * columns["rooms"],
        "durability": (columns["floor"] & columns["walls"] & columns["roof"]) + columns["hazardous_location"] * 2 != 1,
        "tenure": columns["tenure_documented"] == 0,
    }
    number = np.sum(list(lacks.values()), axis=0)
    shares = {f"deprived_{name}": lack for name, lack in lacks.items()}
    shares |= {
        "slum_household": number >= 1,
        "deprived_two_or_more": number >= 2,
        "sanitation_at_least_basic": (columns["toilet"] < 3) & (columns["toilet_shared"] == 0),
        "waste_collection_access": columns["waste_collected"] == 1,
    }
    inside = {"metropolis": np.ones(len(persons), bool), "slums": columns["is_slum_area"] == 1}
    rows = [
        (area, indicator, float(persons[chosen & holds].sum() / persons[chosen].sum()))
        for area, chosen in inside.items()
        for indicator, holds in shares.items()
    ]
    return pd.DataFrame(rows, columns=["area", "indicator", "share"])
