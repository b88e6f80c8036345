"""The declared layer of informal settlements, put together from the fields of its parts; and access to services."""

from __future__ import annotations

from geo_profiling.outputs.environment_layers import SETTLEMENT_ENVIRONMENT_FIELDS
from geo_profiling.outputs.exposure_layers import SETTLEMENT_HAZARD_FIELDS
from geo_profiling.outputs.form_layers import FORM_FIELDS, POPULATION_FIELDS
from geo_profiling.outputs.layer_spec import NAME, FieldSpec, Label, LayerSpec, Look
from geo_profiling.outputs.settlement_layers import COMPLEXITY_RANGES
from geo_profiling.outputs.tenure_layers import SETTLEMENT_PROFILE_FIELDS, SETTLEMENT_TENURE_FIELDS

SETTLEMENT_ID = FieldSpec("settlement_id", "Identifier", "As it came with the settlements.", "text", unique=True)
_LABEL = Label('"name"', 9, "#5a1030", is_bold=True, must_fit=False, priority=7, only_near=True)

_ACCESS_FIELDS = (
    FieldSpec(
        "k_max",
        "Block complexity k",
        "Buildings to cross from its deepest building to a street, that building included.",
        "integer",
        required=False,
        minimum=1,
        legend=COMPLEXITY_RANGES,
    ),
    FieldSpec(
        "k_mean_bldg", "Mean layer of buildings", "Mean over its buildings.", decimals=2, required=False, minimum=1
    ),
    FieldSpec(
        "k_share_bldg_layer_ge3",
        "Buildings in layer 3 or deeper (0-1)",
        "Share of its buildings without a street at their plot or behind one neighbour.",
        decimals=3,
        required=False,
        minimum=0,
        maximum=1,
    ),
    FieldSpec(
        "street_dist_median_m",
        "Distance to a street (m)",
        "Median over its buildings, to the nearest street of the network.",
        decimals=1,
        required=False,
        minimum=0,
    ),
)

SETTLEMENTS = LayerSpec(
    "settlements",
    "Informal settlements",
    "What is known of each informal settlement: people by source, form, street access, services, tenure, hazards.",
    "polygon",
    (
        SETTLEMENT_ID,
        NAME,
        FieldSpec("kind", "Kind", "As it came with the settlements.", "text", required=False),
        FieldSpec("area_ha", "Area (ha)", "Of its polygon.", decimals=1, minimum=0),
        *POPULATION_FIELDS,
        *_ACCESS_FIELDS,
        *FORM_FIELDS,
        *SETTLEMENT_PROFILE_FIELDS,
        *SETTLEMENT_TENURE_FIELDS,
        *SETTLEMENT_HAZARD_FIELDS,
        *SETTLEMENT_ENVIRONMENT_FIELDS,
    ),
    look=Look("#c2185b", 0.25, "#5a1030", 0.5),
    coloured_by=("informality_class", "k_max", "hazardous_share_low", "green_access_share"),
    label=_LABEL,
)

PROFILE_SHARES = LayerSpec(
    "profile_shares",
    "Answers of the enumeration",
    "Share of settlements and of households with each answer, among those whose answer is known.",
    None,
    (
        FieldSpec("settlement_id", "Settlement", "Id of the settlement; 'all': of all settlements.", "text"),
        FieldSpec("variable", "Question", "Variable of the settlement profile.", "text"),
        FieldSpec("word", "Answer", "Word of the settlement profile.", "text"),
        FieldSpec("weighting", "Weighted by", "'settlements': each counts once; 'households': by households.", "text"),
        FieldSpec("share", "Share (0-1)", "n by n_known; NULL: nothing known.", decimals=3, minimum=0, maximum=1),
        FieldSpec("n", "With the answer", "Settlements or households, weighted.", decimals=1, minimum=0),
        FieldSpec("n_known", "Known", "Settlements or households whose answer is known.", decimals=1, minimum=0),
        FieldSpec("n_total", "All", "Known or not.", decimals=1, minimum=0),
        FieldSpec("coverage_share", "Known (0-1)", "n_known by n_total.", decimals=3, minimum=0, maximum=1),
        FieldSpec(
            "n_households", "Households counted", "With the answer, unweighted; NULL: rows are settlements.", "integer"
        ),
        FieldSpec("is_suppressed", "Left out for privacy", "Fewer than 5 households, or a neighbour's.", "truth"),
    ),
)

ACCESS_TO_SERVICES = LayerSpec(
    "settlement_access",
    "Walking distance to services",
    "How far homes in each settlement are from the nearest place of each kind of service.",
    None,
    (
        FieldSpec("settlement_id", "Settlement", "Id of the settlement.", "text"),
        FieldSpec("service", "Service", "Kind of service, as the configuration names it.", "text"),
        FieldSpec("within_m", "Distance (m)", "On foot.", minimum=0),
        FieldSpec("homes_share", "Homes within it (0-1)", "Share of its homes.", decimals=3, minimum=0, maximum=1),
        FieldSpec("median_m", "Median distance (m)", "NULL where fewer than half reach one.", minimum=0),
        FieldSpec(
            "no_street_share", "Homes far from any street (0-1)", "Nothing is known of them.", decimals=3, minimum=0
        ),
        FieldSpec(
            "unconnected_share", "Homes at other streets (0-1)", "No service on that network.", decimals=3, minimum=0
        ),
        FieldSpec("n_homes", "Homes", "Buildings, or places all over the settlement where none are given.", minimum=0),
        FieldSpec("distance", "Measured", "'street': along streets; 'euclid': straight, too short.", "text"),
    ),
)
