"""Declared layers of the degree of urbanisation: urban centres, clusters and local units."""

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
from geo_profiling.outputs.legend import CENTRE_OUTLINE, FUA_RULES, UNIT_LEVEL1, UNIT_LEVEL2


def _share(name: str, where: str) -> FieldSpec:
    return FieldSpec(
        f"share_{name}",
        f"Share in {where} (0-1)",
        f"Share of the unit's people who live in {where}; of its land where nobody lives.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    )


def _clusters(name: str, title: str, description: str, look: Look) -> LayerSpec:
    identifier = FieldSpec("cluster_id", "Identifier", "Stays the same between runs.", "text", unique=True)
    fields = (identifier, NAME, POPULATION, AREA, TOUCHES_EDGE)
    return LayerSpec(name, title, description, "polygon", fields, look=look, is_shown=False)


def _commuters(name: str, alias: str, where: str) -> FieldSpec:
    text = f"Share of the unit's employed residents who work in {where}; NULL without employed residents."
    # Flows that were rounded may pass the number of employed residents by a little.
    return FieldSpec(name, alias, text, decimals=3, required=False, minimum=0)


def _candidate(name: str, alias: str) -> FieldSpec:
    return FieldSpec(name, alias, "Id of the (merged) city; empty if nobody commutes to any.", "text", required=False)


UNIT_FIELDS = (
    FieldSpec("unit_id", "Identifier of the unit", "As it came with the units.", "identifier", unique=True),
    NAME,
    POPULATION,
    AREA,
    FieldSpec(
        "degurba_l1",
        "Degree of urbanisation, level 1",
        "1 city, 2 town or semi-dense area, 3 rural area (Eurostat's codes); NULL where unknown.",
        "integer",
        required=False,
        minimum=1,
        maximum=3,
        legend=UNIT_LEVEL1,
    ),
    FieldSpec(
        "degurba_l2",
        "Degree of urbanisation, level 2",
        "30 city, 23 dense town, 22 semi-dense town, 21 suburban or peri-urban area, 13 village, "
        "12 dispersed rural area, 11 mostly uninhabited area; NULL where unknown.",
        "integer",
        required=False,
        minimum=11,
        maximum=30,
        legend=UNIT_LEVEL2,
    ),
    FieldSpec(
        "degurba_basis",
        "Classified by",
        "'population' where people live in the unit, 'land_area' where nobody does, empty where it has no class.",
        "text",
        required=False,
    ),
    _share("urban_centre", "urban centres"),
    _share("urban_cluster", "towns and suburbs"),
    _share("dense_cluster", "dense towns"),
    _share("semi_dense_cluster", "semi-dense towns"),
    _share("suburban", "suburbs"),
    _share("rural", "rural cells"),
    _share("rural_cluster", "villages"),
    _share("low_density", "low density rural cells"),
    _share("very_low_density", "very low density rural cells"),
    _share("water", "water cells"),
    FieldSpec(
        "smaller_than_cell",
        "Smaller than a grid cell",
        "The unit is smaller than a cell of the grid: all its figures come from one to four cells.",
        "truth",
        required=False,
        nullable=False,
    ),
    FieldSpec(
        "coverage_share",
        "Covered by the grid (0-1)",
        "Share of the unit's area for which there are data.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    ),
    FieldSpec("city_id", "City", "City the unit belongs to; empty if none.", "text", required=False),
    FieldSpec("fua_id", "Functional urban area", "FUA the unit belongs to; empty if none.", "text", required=False),
    FieldSpec(
        "fua_rule",
        "In the FUA, or not, because",
        "'city', 'merged city' (its city is part of a larger one), 'commuting' (share of the threshold or more), "
        "'enclave' (surrounded by one FUA); in none: 'exclave dropped', 'below threshold', 'no employed residents', "
        "'unknown'.",
        "text",
        required=False,
        legend=FUA_RULES,
    ),
    FieldSpec(
        "employed_residents",
        "Employed residents (people)",
        "All who live in the unit and work, wherever that is; NULL where unknown.",
        required=False,
        minimum=0,
    ),
    _commuters("share_to_fua", "Share to its own FUA (0-1)", "the city of the FUA the unit belongs to"),
    _candidate("best_city_id", "City with the largest share"),
    _commuters("best_city_share", "Largest share (0-1)", "the city with the largest share"),
    _candidate("second_city_id", "City with the second share"),
    _commuters("second_city_share", "Second share (0-1)", "the city with the second largest share"),
    FieldSpec(
        "share_above_threshold",
        "Largest share minus threshold",
        "How far the largest share lies above the threshold of commuting zones; below zero: under it.",
        decimals=3,
        required=False,
        minimum=-1,
    ),
)

#: What units are coloured by, the finest first.
UNIT_COLOURS = ("degurba_l2", "degurba_l1", "fua_rule")

URBAN_LAYERS = (
    LayerSpec(
        "urban_centres",
        "Urban centres",
        "Contiguous dense cells (at least 1,500 people per km2 of land, or mostly built-up) with at least 50,000 "
        "people together, gaps filled and edges smoothed: the centres of cities.",
        "polygon",
        (
            FieldSpec("centre_id", "Identifier", "Stays the same between runs.", "text", unique=True),
            NAME,
            POPULATION,
            AREA,
            TOUCHES_EDGE,
        ),
        look=Look("#e8262a", 0.25, CENTRE_OUTLINE, 0.6),
        label=Label(NAME_AND_PEOPLE.format(""), 10, CENTRE_OUTLINE, is_bold=True, must_fit=False, priority=10),
    ),
    _clusters(
        "urban_clusters",
        "Urban clusters",
        "Contiguous cells of at least 300 people per km2 of land with at least 5,000 people together: cities and towns "
        "with their suburbs.",
        Look("#f5b335", 0.25, "#b86e00", 0.4),
    ),
    _clusters(
        "dense_clusters",
        "Dense towns",
        "Contiguous dense cells (at least 1,500 people per km2 of land) with at least 5,000 people, outside urban "
        "centres.",
        Look("#6b2400", 0.25, "#6b2400", 0.4),
    ),
    _clusters(
        "semi_dense_clusters",
        "Semi-dense towns",
        "Contiguous cells of medium density with enough people for a town, away from urban centres and dense towns.",
        Look("#e0a030", 0.25, "#8a5a00", 0.4),
    ),
    LayerSpec(
        "units",
        "Local units",
        "Municipalities or other local units, classified by where most of their people live.",
        "polygon",
        UNIT_FIELDS,
        coloured_by=UNIT_COLOURS,
        label=UNIT_LABEL,
    ),
)
