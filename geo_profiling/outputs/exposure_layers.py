"""Declared layers of exposure to hazards: values by band, and settlements against the rest of each area."""

from __future__ import annotations

from geo_profiling.outputs.layer_spec import FieldSpec, LayerSpec
from geo_profiling.outputs.legend import RangeLabel

_HAZARD_RANGES = (
    RangeLabel(0.0, 0.0, "nobody", "#2b8a5f"),
    RangeLabel(0.0, 0.1, "up to 10 %", "#f5e08a"),
    RangeLabel(0.1, 0.3, "10 to 30 %", "#f0a63c"),
    RangeLabel(0.3, 0.6, "30 to 60 %", "#dd5a27"),
    RangeLabel(0.6, 1.0, "over 60 %", "#8f1d3f"),
)

_AREA = (
    FieldSpec("area_type", "Kind of area", "'settlement', 'unit', 'urban_centre', ..., 'region'.", "text"),
    FieldSpec("area_id", "Area", "Its id in the layer of that kind.", "text"),
    FieldSpec("hazard", "Hazard", "Name in the configuration, and the scenario where there are several.", "text"),
    FieldSpec(
        "return_period",
        "Return period (years)",
        "NULL for annual exposure and for hazards that are no events.",
        minimum=0,
    ),
)


def _share(name: str, alias: str, description: str) -> FieldSpec:
    return FieldSpec(name, f"{alias} (0-1)", description, decimals=3, required=False, minimum=0, maximum=1)


def _people(name: str, alias: str, description: str) -> FieldSpec:
    return FieldSpec(name, alias, description, required=False, minimum=0)


_EXPOSURE = LayerSpec(
    "hazard_exposure",
    "Exposure to hazards",
    "People, built-up area, buildings, streets and services in each band of each hazard, by area and return period; "
    "and what is exposed in a year on average, with bounds.",
    None,
    (
        *_AREA,
        FieldSpec(
            "band",
            "Band",
            "'dry' (none of the hazard), bands closed on the left, 'unknown' (no data), 'outside' (the hazard's raster "
            "does not reach there), 'permanent_water'; of annual exposure what is at or above a threshold.",
            "text",
        ),
        FieldSpec("asset", "What is exposed", "'population', 'built_up', 'buildings' (by centroid), ...", "text"),
        FieldSpec("value", "Value", "In the unit; NULL is unknown.", decimals=1, minimum=0),
        FieldSpec("unit", "Unit", "'people', 'm2', 'buildings', 'places', 'm'; 'a year' for annual exposure.", "text"),
        _share("coverage_share", "Share known", "Part of what is there that lies where the hazard is known."),
    ),
)

_RATIOS = LayerSpec(
    "hazard_ratios",
    "Settlements against the rest",
    "Share of people exposed in informal settlements and in the rest of each area: same hazard, return period, "
    "threshold and population on both sides, no ground on both.",
    None,
    (
        *_AREA,
        FieldSpec("threshold", "Exposed from", "Band or classes that count as exposed.", "text"),
        _people("people_known", "People whose exposure is known", "Of the whole area."),
        _people("people_exposed", "People exposed", "Of the whole area."),
        _share("exposed_share", "Share exposed", "Of those of whom it is known."),
        _people("settlement_people", "People in settlements", "Whose exposure is known; as the population says."),
        _people("settlement_exposed", "People in settlements, exposed", "As the population says."),
        _share("settlement_share", "Share exposed in settlements", "Of those of whom it is known."),
        _share("rest_share", "Share exposed in the rest", "Of the area without its settlements."),
        FieldSpec(
            "ratio", "Ratio", "Share in settlements by share in the rest.", decimals=2, required=False, minimum=0
        ),
        _people("exposed_settlements_low", "Exposed in settlements, low", "By the low end of their people's range."),
        _people("exposed_settlements_high", "Exposed in settlements, high", "By the high end of the range."),
        _share("exposed_in_settlements_share_low", "Exposed who live in settlements, low", "By the low end."),
        _share("exposed_in_settlements_share_high", "Exposed who live in settlements, high", "By the high end."),
    ),
)

_JOINT = LayerSpec(
    "joint_exposure",
    "Several hazards at once",
    "People of each area by the set of hazards that they are exposed to, at the reference return period: an exact "
    "overlay, no product of shares. The rows of an area add up to its people; sets of nobody are left out.",
    None,
    (
        *_AREA[:2],
        FieldSpec(
            "hazards",
            "Hazards",
            "Their names, joined by ' + '; 'none': all are known and none is met; 'unknown': none is met, and at least "
            "one is unknown there.",
            "text",
        ),
        FieldSpec("n_hazards", "Number of hazards", "NULL of 'unknown'.", "integer", minimum=0),
        FieldSpec("value", "People", "Exposed to these hazards and to no other that is known.", decimals=1, minimum=0),
        FieldSpec("unit", "Unit", "'people'.", "text"),
        _share("coverage_share", "Share known", "Part of the people of the area for whom every hazard is known."),
    ),
)

_EVICTIONS = LayerSpec(
    "eviction_hazards",
    "Evictions by hazard",
    "Evictions of the years before the reference date, and threats at it, by settlement and by the band of each hazard "
    "they lie in, at its reference event: whether hazard is where evictions happen. Places are not published.",
    None,
    (
        FieldSpec("settlement_id", "Settlement", "Id of the settlement; 'all': of all settlements.", "text"),
        FieldSpec("measure", "What", "'evicted' or 'threatened'.", "text"),
        *_AREA[2:],
        FieldSpec("band", "Band", "As in hazard_exposure: of points where they lie, of polygons the worst.", "text"),
        FieldSpec("is_exposed", "Counts as exposed", "Whether the band counts as exposed; NULL: unknown.", "truth"),
        FieldSpec("n_events", "Events", "NULL: left out for privacy.", "integer", minimum=0),
        FieldSpec("n_events_unknown_size", "Of unknown size", "Events whose households nobody counted.", "integer"),
        FieldSpec("households", "Households", "NULL: the size of one is unknown, or left out.", "integer", minimum=0),
        FieldSpec("is_suppressed", "Left out for privacy", "Few households, or others would give them away.", "truth"),
    ),
)

EXPOSURE_LAYERS: tuple[LayerSpec, ...] = (_EXPOSURE, _RATIOS, _JOINT, _EVICTIONS)

#: What table ``settlement_hazard`` adds to the layer of settlements.
SETTLEMENT_HAZARD_FIELDS = (
    FieldSpec(
        "n_hazards",
        "Hazards",
        "To how many hazards some of its people are exposed, at the reference return period.",
        "integer",
        required=False,
        minimum=0,
    ),
    FieldSpec("hazards", "Which hazards", "Their names in the configuration.", "text", required=False),
    FieldSpec(
        "hazardous_share_low",
        "In hazardous location, at least (0-1)",
        "Share of its people on ground that floods, steep slopes, sectors of risk or rights of way: known to be met by "
        "at least one of them, each person once.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
        legend=_HAZARD_RANGES,
    ),
    FieldSpec(
        "hazardous_share_high",
        "In hazardous location, at most (0-1)",
        "That, and the people of whom one of these hazards is unknown.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    ),
    _people(
        "hazardous_people_low",
        "People in hazardous location, at least",
        "The lower share of the least figure of its people; the share is that of the grid's people.",
    ),
    _people(
        "hazardous_people_high",
        "People in hazardous location, at most",
        "The higher share of the greatest figure of its people.",
    ),
    _share(
        "fire_unreached_share",
        "Buildings out of a fire engine's reach",
        "Farther from a street that an engine can use than the shortest distance of the configuration; NULL where "
        "streets were not mapped.",
    ),
    _share("fire_dense_share", "Buildings densely built around", "Where fire passes from one to the next."),
    _share("fire_combustible_share", "Buildings of burning walls", "Of those whose walls are known; NULL: of none."),
    _share("fire_all_share", "Buildings hardest to save from fire", "To which all of 'fire_parts' apply."),
    FieldSpec(
        "fire_parts",
        "What of fire is known",
        "'reach', 'density', 'walls': what is not named is unknown.",
        "text",
        required=False,
    ),
    FieldSpec("composite_score", "Composite of hazards (0-1)", "By the weights beside it.", decimals=3, required=False),
    FieldSpec(
        "composite_weights", "Weights of the composite", "As the configuration gives them.", "text", required=False
    ),
)
