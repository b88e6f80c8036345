"""Declared layers of tenure: shares, conflicts, evictions; and the fields of profile and tenure of a settlement."""

from __future__ import annotations

from collections.abc import Sequence

from geo_profiling.outputs.layer_spec import FieldSpec, LayerSpec, Look
from geo_profiling.outputs.legend import SHARE_RANGES, RangeLabel

_SUPPRESSED = FieldSpec(
    "is_suppressed",
    "Left out for privacy",
    "A figure of this row is left out: it is of fewer than 5 households, or would give such a figure away.",
    "truth",
    nullable=False,
)
_SETTLEMENT = FieldSpec("settlement_id", "Settlement", "Id of the settlement; 'all': of all settlements.", "text")
_OWN_SETTLEMENT = FieldSpec("settlement_id", "Settlement", "Id of the settlement; empty if in none.", "text")


def _share(
    name: str, alias: str, description: str, *, required: bool = True, legend: Sequence[RangeLabel] = ()
) -> FieldSpec:
    return FieldSpec(
        name, f"{alias} (0-1)", description, decimals=3, required=required, minimum=0, maximum=1, legend=legend
    )


def _count(name: str, alias: str, description: str, *, required: bool = True) -> FieldSpec:
    return FieldSpec(name, alias, description, "integer", required=required, minimum=0)


_SHARES = LayerSpec(
    "tenure_shares",
    "Tenure: shares",
    "Households by type of tenure, and adults with documented and secure rights (SDG 1.4.2), on the reference date.",
    None,
    (
        _SETTLEMENT,
        FieldSpec(
            "measure",
            "Measure",
            "'tenure_type'; or SDG 1.4.2: 'documented', 'perceived' (as secure), 'documented_and_perceived'.",
            "text",
        ),
        FieldSpec("sex", "Sex", "'female', 'male', 'unknown' or 'all'.", "text"),
        FieldSpec("tenure_type", "Type of tenure", "'all', a type, 'no_tenure', or 'unknown'.", "text"),
        FieldSpec("counted", "What is counted", "'households' or 'adults'.", "text"),
        _share("share", "Share", "Of those of whom it is known; NULL where left out or nothing is known."),
        FieldSpec("n", "Number", "With this type, or with the right; weighted.", decimals=1, minimum=0),
        FieldSpec("n_known", "Known", "Of whom it is known; weighted.", decimals=1, minimum=0),
        FieldSpec("n_total", "All", "Known or not; weighted.", decimals=1, minimum=0),
        _share("coverage_share", "Share known", "Part of all of whom it is known."),
        _count("n_households", "Households counted", "Unweighted households that the row rests on."),
        _SUPPRESSED,
    ),
)

_CONFLICTS = LayerSpec(
    "tenure_conflicts",
    "Tenure: conflicts and gaps",
    "Spatial units that overlap, that several claim, whose shares do not add up, in dispute or without a right; and "
    "ground that no unit covers. By settlement, on the reference date.",
    None,
    (
        _SETTLEMENT,
        _count("n_units", "Spatial units", "In the register on that date."),
        _count(
            "n_boundary_conflicts", "Boundary conflicts", "Pairs of units of one level that overlap; NULL: not known."
        ),
        _count("n_units_boundary", "Units in boundary conflicts", "In at least one pair."),
        _count("n_units_claim", "Units claimed more than once", "Held exclusively by several, together above 1."),
        _count("n_units_share", "Units whose shares do not add up", "Their shares miss 1 by more than 0.01."),
        _count("n_units_dispute", "Units in dispute", "With a dispute that is recorded as going on."),
        _count("n_units_no_right", "Units without a right", "Nobody is recorded to hold them."),
        FieldSpec(
            "gap_m2",
            "Ground without a unit (m²)",
            "Area of the settlement that no unit covers, without streets and water.",
            minimum=0,
        ),
        _share(
            "gap_share",
            "Share of ground without a unit",
            "Streets and water are no gaps where their layers are given; yards and open ground are.",
        ),
        _count("n_buildings", "Buildings", "Whose inner point lies in the settlement; NULL without a layer of them."),
        _count("n_buildings_no_unit", "Buildings without a unit", "On ground that the register does not know."),
        _SUPPRESSED,
    ),
)

_EVICTIONS = LayerSpec(
    "evictions",
    "Evictions and threats",
    "Evictions in the years before the reference date and threats on it, by settlement.",
    None,
    (
        _SETTLEMENT,
        _count("households", "Households", "Of the settlement, as enumerated or in the register."),
        _count("n_events", "Events", "Of all kinds, that began in these years."),
        _count("n_evictions", "Evictions", "Demolitions and forced evictions."),
        _count("n_evictions_unknown_size", "Evictions of unknown size", "Of which nobody counted the households."),
        _count("evicted_households", "Households evicted", "NULL where the size of one eviction is unknown."),
        FieldSpec(
            "evicted_per_1000_per_year",
            "Evicted per 1,000 households and year",
            "Households evicted by those of the settlement and by the years.",
            decimals=2,
            minimum=0,
        ),
        _count("notice_known", "Evictions whose notice is known", "Of how many it is known."),
        _share("notice_share", "Share with notice in time", "Of those whose notice is known."),
        _count("resettlement_known", "Evictions whose resettlement is known", "Of how many it is known."),
        _share("resettlement_share", "Share with resettlement", "Of those whose resettlement is known."),
        _count("n_threats", "Threats", "Threats and notices that were not over on the reference date."),
        _count("n_threats_unknown_size", "Threats of unknown size", "Of which nobody counted the households."),
        _count("threatened_households", "Households under threat", "NULL where the size of one threat is unknown."),
        _share("threatened_share", "Share of households under threat", "NULL where threats add up to more than all."),
        _SUPPRESSED,
    ),
)

_CONFLICT_RECORDS = LayerSpec(
    "tenure_conflict_records",
    "Boundary conflicts, one by one",
    "Ground that two spatial units of one level both claim; published on request only.",
    "polygon",
    (
        FieldSpec("first_id", "First unit", "Id of the spatial unit.", "text"),
        FieldSpec("second_id", "Second unit", "Id of the spatial unit.", "text"),
        _OWN_SETTLEMENT,
        FieldSpec("level", "Level", "Of both units: parcel, structure, ...", "text"),
        FieldSpec("area_m2", "Area (m²)", "Of the ground that both claim.", decimals=2, minimum=0),
        _share("share_of_smaller", "Share of the smaller unit", "That the other claims too."),
        FieldSpec("width_m", "Width (m)", "Twice the area by the perimeter.", decimals=2, minimum=0),
        FieldSpec("first_tenure", "Tenure of the first", "Types of tenure; empty if unknown.", "text"),
        FieldSpec("second_tenure", "Tenure of the second", "Types of tenure; empty if unknown.", "text"),
        FieldSpec("is_disputed", "In dispute", "A boundary dispute is recorded as going on.", "truth"),
    ),
    look=Look("#b2182b", 0.6, "#67001f", 0.3),
    is_shown=False,
)

_EVICTION_RECORDS = LayerSpec(
    "eviction_records",
    "Evictions, one by one",
    "Evictions and threats where they took place; published on request only.",
    "point",
    (
        FieldSpec("event_id", "Event", "Its id.", "text", unique=True),
        _OWN_SETTLEMENT,
        FieldSpec("kind", "Kind", "threat, notice, demolition, forced_eviction, relocation_agreed, ...", "text"),
        FieldSpec("date_start", "From", "Day on which it began.", "text"),
        FieldSpec("date_end", "To", "Day on which it was over.", "text"),
        FieldSpec("households", "Households", "That lost or may lose their home.", minimum=0),
        FieldSpec("structures", "Structures", "That were or may be destroyed.", minimum=0),
        FieldSpec("persons_female", "Women and girls", "Of these households.", minimum=0),
        FieldSpec("persons_male", "Men and boys", "Of these households.", minimum=0),
        FieldSpec("notice_days", "Notice (days)", "Between notice and event.", minimum=0),
        FieldSpec("court_order", "Court order", "Whether there was one.", "truth"),
        FieldSpec("compensation", "Compensation", "Whether there was any.", "truth"),
        FieldSpec("resettlement", "Resettlement", "Whether there was any.", "truth"),
        FieldSpec("resettlement_distance_m", "Distance of the new place (m)", "From the old one.", minimum=0),
        FieldSpec("confidence", "Confidence", "Of the report: low, medium, high.", "text"),
    ),
    look=Look(None, 0.0, "#67001f", 2.5),
    is_shown=False,
)

#: Layers of tenure; the last two are there only with ``publish_detail``.
TENURE_LAYERS = (_SHARES, _CONFLICTS, _EVICTIONS, _CONFLICT_RECORDS, _EVICTION_RECORDS)

#: What table ``settlement_tenure`` adds to the layer of settlements.
SETTLEMENT_TENURE_FIELDS = (
    FieldSpec(
        "main_tenure_type",
        "Main type of tenure",
        "That most households have; empty where a type that is left out could be larger.",
        "text",
        required=False,
    ),
    _share("main_tenure_share", "Share with the main type", "Of households whose tenure is known.", required=False),
    _share(
        "documented_share",
        "Documented rights",
        "Adults with a document the law recognises.",
        required=False,
        legend=SHARE_RANGES,
    ),
    _share("perceived_share", "Secure by perception", "Adults without fear of loss who may bequeath.", required=False),
    _share("documented_and_perceived_share", "Documented and secure", "Adults with both (SDG 1.4.2).", required=False),
    FieldSpec(
        "is_tenure_secure",
        "Tenure is secure",
        "At least half of the adults have documented rights that they perceive as secure.",
        "truth",
        required=False,
    ),
    _count("n_boundary_conflicts", "Boundary conflicts", "Pairs of units that overlap.", required=False),
    _count("n_units_claim", "Units claimed more than once", "By several, together above 1.", required=False),
    _count("n_units_dispute", "Units in dispute", "With a dispute going on.", required=False),
    _share("gap_share", "Ground without a spatial unit", "Share of its area.", required=False),
    _count("evicted_households", "Households evicted", "In the years before the reference date.", required=False),
    FieldSpec(
        "evicted_per_1000_per_year",
        "Evicted per 1,000 households and year",
        "In the years before the reference date.",
        decimals=2,
        required=False,
        minimum=0,
    ),
    _share("threatened_share", "Under threat of eviction", "Share of households.", required=False),
)


def _deprived(component: str, words: str) -> FieldSpec:
    return FieldSpec(f"{component}_deprived", f"Deprived: {words}", "NULL is unknown.", "truth", required=False)


#: What table ``settlement_profile`` adds to the layer of settlements.
SETTLEMENT_PROFILE_FIELDS = (
    FieldSpec("legal_status", "Legal status", "declared, undeclared or resettled.", "text", required=False),
    FieldSpec("title_deed", "Title deed", "yes or no.", "text", required=False),
    FieldSpec("structures", "Structures (enumerated)", "Residential structures.", required=False, minimum=0),
    FieldSpec("households", "Households (enumerated)", "As counted by the enumeration.", required=False, minimum=0),
    FieldSpec("water", "Drinking water", "Prevailing source.", "text", required=False),
    FieldSpec("sanitation", "Sanitation", "Prevailing facility.", "text", required=False),
    FieldSpec("power", "Electricity", "Prevailing source.", "text", required=False),
    FieldSpec("waste_collection", "Collection of waste", "regular, irregular or none.", "text", required=False),
    FieldSpec("road_type", "Roads", "paved, unpaved or footpaths.", "text", required=False),
    _deprived("water", "water"),
    _deprived("sanitation", "sanitation"),
    _deprived("living_area", "living area"),
    _deprived("durability", "durable housing"),
    _deprived("tenure", "secure tenure"),
    _count("n_deprivations", "Deprivations", "Of the components that are known.", required=False),
    _count("n_components_known", "Components known", "Of five.", required=False),
    FieldSpec(
        "is_deprived", "Deprived", "In at least one component; NULL where that is open.", "truth", required=False
    ),
    FieldSpec("components_used", "Components used", "Of which anything is known.", "text", required=False),
)
