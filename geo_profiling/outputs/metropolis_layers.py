"""Declared layers of the metropolis: functional urban areas, metropolitan scales, change over the years."""

from __future__ import annotations

from geo_profiling.outputs.layer_spec import (
    AREA,
    NAME,
    NAME_AND_PEOPLE,
    POPULATION,
    TOUCHES_EDGE,
    UNIT_LABEL,
    FieldSpec,
    Label,
    LayerSpec,
    Look,
)
from geo_profiling.outputs.legend import FUA_OUTLINE, SCALES
from geo_profiling.outputs.urban_layers import UNIT_COLOURS, UNIT_FIELDS

_AREA_TYPE = FieldSpec("area_type", "Kind of area", "'urban_centre' or 'functional_urban_area'.", "text")

_TERRITORY = FieldSpec(
    "territory",
    "Territory",
    "'of each year': the area was found again for every year; 'fixed': one territory (that of the year of the "
    "commuting flows) in every year, of which only the people change.",
    "text",
)


def _overlap(name: str, alias: str) -> FieldSpec:
    text = "By people, each area in its own year; by area where the configuration says so. NULL where born or gone."
    return FieldSpec(name, alias, text, decimals=3, minimum=0, maximum=1)


def _growth(name: str, alias: str, of: str) -> FieldSpec:
    text = f"Of {of}, as logarithms; of all linked areas together, so that a merger is no growth. NULL: born or gone."
    return FieldSpec(name, alias, text, decimals=2)


def _projected(rate: str, measure: str, words: str, unit: str) -> tuple[FieldSpec, ...]:
    ends = (("", "Projected"), ("_low", "Low end of projected"), ("_high", "High end of projected"))
    rates = tuple(
        FieldSpec(f"{rate}_growth{end}_pct", f"{start} growth of {words} (% a year)", "Its annual rate.", decimals=2)
        for end, start in ends
    )
    decimals = 0 if unit == "people" else 1
    values = tuple(
        FieldSpec(
            f"projected_{measure}{end}", f"{start} {words} ({unit})", "At that rate.", decimals=decimals, minimum=0
        )
        for end, start in ends
    )
    return rates + values


_GOVERNANCE_FIELDS = (
    FieldSpec(
        "units_per_100k",
        "Local governments per 100,000 people",
        "Its local units by its people: how split its governance is.",
        decimals=2,
        required=False,
        minimum=0,
    ),
    FieldSpec("largest_unit_id", "Most populous unit", "Its local unit with the most people.", "text", required=False),
    FieldSpec(
        "largest_unit_share",
        "Share of the most populous unit (0-1)",
        "Share of its people who live in that unit.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    ),
    FieldSpec(
        "herfindahl",
        "Concentration of people in units (0-1)",
        "Herfindahl index: sum of the squared shares of its units; 1 where one unit holds all its people.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    ),
    FieldSpec("main_centre_id", "Main urban centre", "Its urban centre with the most people.", "text", required=False),
    FieldSpec(
        "core_unit_id", "Core municipality", "Its unit with the most people of the main centre.", "text", required=False
    ),
    FieldSpec(
        "centre_share_outside_core",
        "Share of the centre outside the core municipality (0-1)",
        "Share of the main centre's people who live outside the core municipality.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    ),
    FieldSpec(
        "size_class",
        "Size class (OECD)",
        "'small' from 50,000 people, 'medium' from 100,000, 'metropolitan' from 250,000, 'large metropolitan' above "
        "1.5 million, 'below small' under 50,000 (OECD, version May 2019).",
        "text",
        required=False,
    ),
    FieldSpec(
        "contiguous_urban_population",
        "People in its largest urban area",
        "Its people in the largest contiguous urban cluster.",
        required=False,
        minimum=0,
    ),
    FieldSpec(
        "meets_metropolis_criterion",
        "A million in one urban area",
        "A contiguous urban area of a million people or more: the criterion of the Metropolis association.",
        "truth",
        required=False,
    ),
)

METROPOLIS_LAYERS = (
    LayerSpec(
        "functional_urban_areas",
        "Functional urban areas",
        "Cities with their commuting zones: the units from which a large part of the employed residents commute to "
        "the city.",
        "polygon",
        (
            FieldSpec("fua_id", "Identifier", "Id of its main city; stays the same between runs.", "text", unique=True),
            NAME,
            FieldSpec("method", "Method", "'flows': commuting flows; 'model': travel times.", "text"),
            FieldSpec(
                "n_units",
                "Local units",
                "How many units it has: by flows those that make it, by the model those with more than half of their "
                "people in it. NULL where less than half of its people live in local units that are known.",
                "integer",
                required=False,
                minimum=0,
            ),
            FieldSpec(
                "n_city_units",
                "Units of its city",
                "How many of them are the city.",
                "integer",
                required=False,
                minimum=0,
            ),
            FieldSpec(
                "city_ids",
                "Cities",
                "Cities that commuting makes one, the main city first.",
                "text",
                required=False,
            ),
            POPULATION,
            FieldSpec("city_population", "People in the city", "People in the units of its city.", minimum=0),
            FieldSpec(
                "commuting_zone_population",
                "People in the commuting zone",
                "People in its units outside the city.",
                minimum=0,
            ),
            AREA,
            FieldSpec(
                "n_centres",
                "Urban centres",
                "How many urban centres it has; only by the model.",
                "integer",
                required=False,
                minimum=1,
            ),
            TOUCHES_EDGE,
            FieldSpec(
                "coverage_share",
                "Covered by the grid (0-1)",
                "Share of its area for which there are data; people beyond are not counted.",
                decimals=3,
                required=False,
                minimum=0,
                maximum=1,
            ),
            FieldSpec(
                "beyond_range",
                "Beyond the model's range",
                "A centre of it is larger or smaller than any that the model was fitted on: its extent is less sure.",
                "truth",
                required=False,
            ),
            *_GOVERNANCE_FIELDS,
        ),
        # No fill: it lies on coloured classes, whose colours have to stay those of the legend.
        look=Look(None, 0.0, FUA_OUTLINE, 0.8),
        label=Label(
            NAME_AND_PEOPLE.format(" (functional area)"), 9, FUA_OUTLINE, is_bold=True, must_fit=True, priority=8
        ),
    ),
    LayerSpec(
        "fua_units",
        "Units of the commuting flows",
        "Local units within the borders of the year of the flows: the city and functional urban area of each, and why.",
        "polygon",
        UNIT_FIELDS,
        coloured_by=UNIT_COLOURS,
        is_shown=False,
        label=UNIT_LABEL,
    ),
    LayerSpec(
        "fua_candidates",
        "Shares of commuters",
        "Every city to which a unit sends one of a hundred employed residents or more: why a unit is in a functional "
        "urban area or in none.",
        None,
        (
            FieldSpec("unit_id", "Identifier of the unit", "As it came with the units.", "identifier"),
            FieldSpec("fua_id", "City", "Id of the (merged) city.", "text"),
            FieldSpec("workers", "Commuters (people)", "Who live in the unit and work in the city.", minimum=0),
            FieldSpec(
                "share", "Share (0-1)", "Commuters by all employed residents of the unit.", decimals=3, minimum=0
            ),
            FieldSpec("rank", "Rank", "1 is the largest share of the unit.", "integer", minimum=1),
        ),
    ),
    LayerSpec(
        "metropolitan_scales",
        "Metropolitan scales",
        "The scales at which a metropolis is governed: proximity (within walking time of a local centre), "
        "agglomeration (the contiguous urban cluster), metropolitan area (the functional urban area) and metropolitan "
        "region (regional units most of whose people live in large functional urban areas).",
        "polygon",
        (
            FieldSpec(
                "scale",
                "Scale",
                "'proximity', 'agglomeration', 'metropolitan_area' or 'metropolitan_region'.",
                "text",
                nullable=False,
                legend=SCALES,
            ),
            FieldSpec("area_id", "Identifier", "Unique in its scale; stays the same between runs.", "text"),
            FieldSpec(
                "parent_id",
                "Part of",
                "Area of the next larger scale in which most of its people live; empty if none.",
                "text",
            ),
            FieldSpec(
                "share_in_parent",
                "Share in that area (0-1)",
                "Share of its people who live in that area.",
                decimals=3,
                minimum=0,
                maximum=1,
            ),
            NAME,
            POPULATION,
            AREA,
            FieldSpec(
                "n_units",
                "Units",
                "Local units (of a metropolitan region: regional units) that make it up.",
                "integer",
                required=False,
                minimum=0,
            ),
            FieldSpec(
                "population_in_parts",
                "People in areas of the next smaller scale",
                "NULL where there is no smaller scale.",
                required=False,
                minimum=0,
            ),
            FieldSpec(
                "population_outside_parts",
                "People outside them",
                "Its people who live in no area of the next smaller scale; together with those who do, all.",
                required=False,
                minimum=0,
            ),
            FieldSpec(
                "coverage_share",
                "Covered by the grid (0-1)",
                "Share of its area for which there are data.",
                decimals=3,
                required=False,
                minimum=0,
                maximum=1,
            ),
            FieldSpec(
                "n_local_units",
                "Local governments",
                "Local units that make it up (of a metropolitan region: those most of whose people live in it). NULL "
                "where no local units are known, and for proximity.",
                "integer",
                required=False,
                minimum=0,
            ),
            *_GOVERNANCE_FIELDS,
        ),
        coloured_by=("scale",),
        is_shown=False,
    ),
    LayerSpec(
        "services_in_reach",
        "Services within walking time",
        "Places of each kind of service inside each proximity area.",
        None,
        (
            FieldSpec("area_id", "Proximity area", "As in the metropolitan scales.", "text"),
            FieldSpec("service", "Service", "Kind of service, as the configuration names it.", "text"),
            FieldSpec("n_places", "Places", "How many lie inside; 0 is none.", "integer", minimum=0),
        ),
    ),
    LayerSpec(
        "urban_change",
        "Urban change",
        "What became of urban centres and functional urban areas from one year to another: linked where at least half "
        "(or the configured share) of either lies in the other. Functional urban areas from commuting flows are held "
        "fixed as territory where the other years have no flows of their own.",
        None,
        (
            _AREA_TYPE,
            FieldSpec("from_year", "From", "Year of the earlier area.", "integer"),
            FieldSpec("to_year", "To", "Year of the later area.", "integer"),
            FieldSpec("from_id", "Earlier area", "Identifier in its year; empty if it was born.", "text"),
            FieldSpec("to_id", "Later area", "Identifier in its year; empty if it is gone.", "text"),
            FieldSpec(
                "change",
                "Change",
                "'continued', 'merged' (with others into one), 'split' (one into several), 'rearranged' (both), "
                "'born' or 'gone'.",
                "text",
            ),
            _overlap("share_of_from", "Share of the earlier area in the later (0-1)"),
            _overlap("share_of_to", "Share of the later area in the earlier (0-1)"),
            FieldSpec("from_population", "People before", "People of the earlier area.", required=False, minimum=0),
            FieldSpec("to_population", "People after", "People of the later area.", required=False, minimum=0),
            FieldSpec("from_area_km2", "Area before (km²)", "Of the earlier area.", decimals=1, minimum=0),
            FieldSpec("to_area_km2", "Area after (km²)", "Of the later area.", decimals=1, minimum=0),
            _growth("population_growth_pct", "Growth of people (% a year)", "people"),
            _growth("area_growth_pct", "Growth of area (% a year)", "area"),
            _growth("density_growth_pct", "Growth of density (% a year)", "people per km2"),
            _TERRITORY,
        ),
    ),
    LayerSpec(
        "urban_projections",
        "Urban projections",
        "People and area of urban centres and functional urban areas in a later year, if they kept growing as they "
        "did last; the range is drawn with the lowest and highest rate of the past, and at least with the band that "
        "the configuration states.",
        None,
        (
            _AREA_TYPE,
            FieldSpec("area_id", "Area", "Identifier in the last year with data.", "text"),
            FieldSpec("base_year", "Last year with data", "From which the projection starts.", "integer"),
            FieldSpec("projected_year", "Projected year", "As the configuration names it.", "integer"),
            *_projected("population", "population", "people", "people"),
            *_projected("area", "area_km2", "area", "km²"),
            _TERRITORY,
        ),
    ),
)
