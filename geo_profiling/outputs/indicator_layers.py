"""Declared layers of the indicators: the long table, inequality, and for each kind of area one wide layer."""

from __future__ import annotations

from geo_profiling.indicators.catalogue import CATALOGUE, Indicator
from geo_profiling.indicators.publication import FIELDS
from geo_profiling.outputs.layer_spec import NAME, FieldSpec, LayerSpec, Look
from geo_profiling.outputs.legend import RangeLabel

#: Wide layers by kind of area: name of the layer, and what its areas are called.
WIDE_LAYERS = {
    "settlement": ("indicators_by_settlement", "informal settlement"),
    "unit": ("indicators_by_unit", "local unit"),
    "urban_centre": ("indicators_by_urban_centre", "urban centre"),
    "functional_urban_area": ("indicators_by_fua", "functional urban area"),
    "agglomeration": ("indicators_by_agglomeration", "agglomeration"),
    "metropolitan_area": ("indicators_by_metropolitan_area", "metropolitan area"),
}
#: Lighter is less: most indicators of a wide layer are deprivations.
PERCENT_RANGES = (
    RangeLabel(0, 10, "under 10 %", "#fdf0d5"),
    RangeLabel(10, 25, "10-25 %", "#f6c89f"),
    RangeLabel(25, 50, "25-50 %", "#e38b6f"),
    RangeLabel(50, 75, "50-75 %", "#b34a5a"),
    RangeLabel(75, 100, "75 % and more", "#6b1d4b"),
)


def _text(name: str, alias: str, description: str, *, nullable: bool = True) -> FieldSpec:
    return FieldSpec(name, alias, description, "text", nullable=nullable)


def _figure(name: str, alias: str, description: str, decimals: int = 1) -> FieldSpec:
    return FieldSpec(name, alias, description, decimals=decimals)


def _count(name: str, alias: str, description: str) -> FieldSpec:
    return FieldSpec(name, alias, description, "integer", minimum=0)


_SHARE = FieldSpec(
    "coverage_share",
    "Covered (0-1)",
    "Share of the area's people of whom the answer is known, or who live in strata with a rate.",
    decimals=3,
    minimum=0,
    maximum=1,
)
_LONG = {
    field.name: field
    for field in (
        _text("area_type", "Kind of area", "survey_area, unit, settlement, ... or a kind the survey names."),
        _text("area_id", "Area", "Id of the area in its own layer."),
        _text("indicator", "Indicator", "Id in the catalogue.", nullable=False),
        _text("series", "SDG series", "Code of the SDG series it is; NULL where it is none."),
        _text("time_period", "Year", "Year of the data."),
        _text("sex", "Sex", "Of the people counted: F, M or _T."),
        _text("age", "Age", "Of the people counted, or _T."),
        _text("urbanisation", "Residence", "U urban, R rural, _T both."),
        _text("breakdown", "Part", "Which part of the area's people: variable=value, or _T for all."),
        _figure("obs_value", "Value", "In its unit; percent 0-100. NULL is unknown or suppressed."),
        _text("unit_measure", "Unit", "PT percent, NUMBER, RATIO, SCORE, CURRENCY."),
        _figure("lower_bound", "Lower bound", "Of the 95 % interval."),
        _figure("upper_bound", "Upper bound", "Of the 95 % interval."),
        _text("ci_method", "Interval", "How the interval was made."),
        _figure("se", "Standard error", "In the unit of the value.", 2),
        _count("n", "Households", "Asked, with a known answer; unweighted."),
        _count("n_psu", "PSUs", "With such households."),
        _count("df", "Degrees of freedom", "PSUs less strata."),
        _figure("n_eff", "Effective households", "Households of a simple random sample that would tell as much.", 0),
        _figure("deff", "Design effect", "How many times the variance of such a sample it is.", 2),
        _text("obs_status", "Status", "A normal, U on few households or PSUs, Q suppressed.", nullable=False),
        _text("nature", "Nature", "E estimated, M modelled, C as a city reports it."),
        _text("components_used", "Made of", "Components, distances or choices the value rests on."),
        _text("denominator_scope", "Share of whom", "Whose share it is."),
        _SHARE,
    )
}
_INEQUALITY = (
    _text("indicator", "Indicator", "Id in the catalogue."),
    _text("comparison", "Compared", "Areas of a kind, or two groups."),
    _text("first", "First", "The area with the highest value, or the first group."),
    _text("second", "Second", "The area with the lowest value, or the second group."),
    _figure("lowest_pct", "Lowest (%)", "Lowest value of those compared."),
    _figure("highest_pct", "Highest (%)", "Highest value of those compared."),
    _figure("gap_pct", "Gap (percentage points)", "Highest less lowest; of groups the first less the second."),
    _figure("gap_low_pct", "Gap, lower bound", "Of its 95 % interval; NULL where the two are not independent."),
    _figure("gap_high_pct", "Gap, upper bound", "Of its 95 % interval; NULL where the two are not independent."),
    _figure("ratio", "Ratio", "Highest by lowest; of groups the first by the second.", 2),
    FieldSpec("gini", "Gini", "Between areas, by their people.", decimals=3, minimum=0, maximum=1),
    FieldSpec("theil", "Theil", "Between areas, by their people.", decimals=3, minimum=0),
    FieldSpec("theil_between", "Theil between groups", "The part between the areas they are parts of.", decimals=3),
    FieldSpec("theil_within", "Theil within groups", "The part inside the areas they are parts of.", decimals=3),
    _count("n_areas", "Areas", "With a published value."),
    _count("n_modelled", "Modelled", "Of those compared, how many values are modelled: alike where they are not."),
    _SHARE,
)


def _wide_fields(item: Indicator) -> tuple[FieldSpec, ...]:
    unit = "%" if item.unit_measure == "PT" else item.unit_measure.lower()
    ranges = PERCENT_RANGES if item.unit_measure == "PT" else ()
    title = f"{item.title} ({unit})"
    return (
        FieldSpec(item.id, title, item.meaning, decimals=1, required=False, legend=ranges),
        FieldSpec(f"{item.id}_low", f"{item.title}, lower bound", "Of its 95 % interval.", decimals=1, required=False),
        FieldSpec(f"{item.id}_high", f"{item.title}, upper bound", "Of its 95 % interval.", decimals=1, required=False),
    )


_EVERY = tuple(field for item in CATALOGUE.values() for field in _wide_fields(item))
_ID = FieldSpec("area_id", "Identifier", "Of the area, as in its own layer.", "text", unique=True)

INDICATOR_LAYERS = (
    *(
        LayerSpec(
            name,
            f"Indicators by {words}",
            f"Every indicator that could be had of each {words}, of all its people, with 95 % intervals. NULL is "
            "unknown or suppressed; table 'indicators' tells which, and how each was made.",
            "polygon",
            (_ID, NAME, *_EVERY),
            look=Look(None, 0.0, "#6b1d4b", 0.3),
            coloured_by=("slum_household",),
            is_shown=False,
        )
        for name, words in WIDE_LAYERS.values()
    ),
    LayerSpec(
        "indicators",
        "Indicators",
        "Every indicator of every area and part of its people, with its uncertainty and how it was made.",
        None,
        tuple(_LONG[name] for name in FIELDS),
    ),
    LayerSpec(
        "indicator_inequality",
        "Inequality of indicators",
        "How unequal areas and groups are: gaps, ratios, Gini and Theil.",
        None,
        _INEQUALITY,
    ),
)
