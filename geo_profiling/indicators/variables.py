"""The product's variables of a household survey: what every mapping turns a survey's columns and codes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["category", "number", "truth"]


@dataclass(frozen=True)
class Variable:
    """One variable of a household.

    Attributes
    ----------
    name : str
    kind : {"category", "number", "truth"}
        A truth is 1, 0 or unknown.
    meaning : str
        In plain words, with the unit.
    values : tuple of str
        Closed list of a category's values.
    minimum, maximum : float
        Numbers outside cannot be.
    """

    name: str
    kind: Kind
    meaning: str
    values: tuple[str, ...] = ()
    minimum: float = 0.0
    maximum: float = 1e9


WATER_SOURCES = (
    "piped_dwelling", "piped_yard", "piped_neighbour", "public_tap", "borehole", "protected_well", "unprotected_well",
    "protected_spring", "unprotected_spring", "rainwater", "tanker", "cart", "kiosk", "vendor", "bottled", "refill",
    "sachet", "surface_water", "other", "improved", "unimproved",
)  # fmt: skip
TOILETS = (
    "flush_sewer", "flush_septic", "flush_pit", "flush_elsewhere", "flush_unknown", "ventilated_pit", "pit_slab",
    "pit_open", "composting", "bucket", "hanging", "none", "other", "improved", "unimproved",
)  # fmt: skip

_DECLARED = (
    Variable(
        "water_source",
        "category",
        "Main source of drinking water; 'improved' and 'unimproved' where no more is told.",
        WATER_SOURCES,
    ),
    Variable(
        "water_other_source", "category", "Main source for other purposes, of who drinks packaged water.", WATER_SOURCES
    ),
    Variable(
        "water_place",
        "category",
        "Where the water is taken: on the premises, brought to the household, or elsewhere.",
        ("premises", "delivered", "elsewhere"),
    ),
    Variable("water_time_min", "number", "Minutes to go there, queue, get water and come back.", maximum=1440),
    Variable("water_available", "truth", "Water in sufficient quantity when needed."),
    Variable("water_free_of_contamination", "truth", "Free of E. coli and of priority chemicals."),
    Variable("tap_households", "number", "Households that share the public tap.", minimum=1, maximum=9999),
    Variable("toilet", "category", "Facility the household usually uses.", TOILETS),
    Variable("toilet_shared", "truth", "Shared with other households, or public."),
    Variable("toilet_contained", "truth", "Pit or tank keeps its contents from the surroundings."),
    Variable(
        "toilet_emptied",
        "category",
        "What became of the contents of pit or tank at the last emptying.",
        ("never", "buried_on_site", "removed", "removed_untreated"),
    ),
    Variable(
        "handwashing",
        "category",
        "Place to wash hands: observed fixed or mobile, none, not allowed to see, other reason not seen.",
        ("fixed", "mobile", "none", "no_permission", "other"),
    ),
    Variable("handwashing_water", "truth", "Water at that place."),
    Variable("handwashing_soap", "truth", "Soap, detergent or soapy water at that place; ash, mud and sand are not."),
    Variable("rooms", "number", "Habitable rooms, or rooms for sleeping where no other are counted.", maximum=90),
    Variable("floor", "category", "Main material of the floor.", ("durable", "not_durable")),
    Variable("walls", "category", "Main material of the walls.", ("durable", "not_durable")),
    Variable("roof", "category", "Main material of the roof.", ("durable", "not_durable")),
    Variable("hazardous_location", "truth", "On a flood plain, a steep slope, toxic waste or a right of way."),
    Variable("tenure_documented", "truth", "Documents that prove the right to dwelling or land."),
    Variable("tenure_perceived_secure", "truth", "Protected from eviction in the household's own eyes."),
    Variable("adults", "number", "Adults of the household.", maximum=90),
    Variable("adult_documented", "truth", "The adult drawn is named in a legally recognised document of the land."),
    Variable("adult_fears_loss", "truth", "The adult drawn fears to lose the rights within five years."),
    Variable("adult_may_bequeath", "truth", "The adult drawn may bequeath the rights."),
    Variable("adult_sex", "category", "Sex of the adult drawn.", ("F", "M")),
    Variable("housing_cost", "number", "Net monthly cost of housing, in any currency."),
    Variable("income", "number", "Monthly income of the household, in the same currency."),
    Variable("consumption_per_day", "number", "Consumption or income a person and day, at purchasing power parity."),
    Variable("waste_collected", "truth", "Solid waste is collected regularly."),
    Variable("is_slum_area", "truth", "Lies in an area listed or mapped as a slum or informal settlement."),
    Variable("sex_of_head", "category", "Sex of the head of the household.", ("F", "M")),
    Variable("age_of_head", "number", "Age of the head in years.", maximum=120),
    Variable("urbanisation", "category", "Urban or rural residence.", ("U", "R")),
    Variable("wealth_quintile", "category", "Wealth quintile, 1 the poorest.", ("Q1", "Q2", "Q3", "Q4", "Q5")),
    Variable("tenure", "category", "Owner, tenant or other.", ("owner", "tenant", "other")),
)

#: Every variable by name.
VARIABLES: Mapping[str, Variable] = MappingProxyType({variable.name: variable for variable in _DECLARED})
