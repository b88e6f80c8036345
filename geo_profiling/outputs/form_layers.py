"""Declared layers and fields of form: informality on cells, candidate settlements, form and people of settlements."""

from __future__ import annotations

from geo_profiling.outputs.layer_spec import FieldSpec, LayerSpec, Look
from geo_profiling.outputs.legend import ClassLabel, WordLabel

#: Classes of morphological informality.
INFORMALITY = (
    ClassLabel(0, "Low", "Low", "Neither small and dense, nor irregular.", "#f1eef6"),
    ClassLabel(1, "Medium", "Medium", "Either small and dense, or irregular.", "#d7a1cf"),
    ClassLabel(2, "High", "High", "Small and dense, and irregular.", "#7a0177"),
)
#: Which figure of the population is used.
POPULATION_SOURCES = (
    WordLabel("enumerated", "Enumerated", "Counted on the ground.", "#1b7837"),
    WordLabel("building_based", "Spread over buildings", "Gridded people, spread over the buildings.", "#e08a00"),
    WordLabel("gridded", "Gridded", "Summed from the population grid; misses people of slums.", "#b2182b"),
)


def _number(name: str, alias: str, text: str, *, decimals: int = 2, maximum: float | None = None) -> FieldSpec:
    return FieldSpec(name, alias, text, decimals=decimals, required=False, minimum=0, maximum=maximum)


def _share(name: str, alias: str, text: str) -> FieldSpec:
    return _number(name, f"{alias} (0-1)", text, decimals=3, maximum=1)


def _truth(name: str, alias: str, text: str) -> FieldSpec:
    return FieldSpec(name, alias, text, "truth", required=False)


_CLASS = FieldSpec(
    "informality_class",
    "Morphological informality",
    "0 low, 1 medium, 2 high: small and dense, irregular, or both. It describes form, not legal status; NULL: too few "
    "buildings.",
    "integer",
    required=False,
    minimum=0,
    maximum=2,
    legend=INFORMALITY,
)
_FLAGS = (
    _truth("is_small", "Small buildings", "The median building area is at most its threshold."),
    _truth("is_dense", "Dense", "Built cover and buildings per hectare both reach their thresholds."),
    _truth("is_irregular", "Irregular", "Misalignment and disorder of directions both reach their thresholds."),
)
_ORDER = (
    _number("local_alignment_deg", "Misalignment (degrees)", "Mean difference of direction within 50 m.", maximum=45),
    _share("orientation_disorder", "Disorder of directions", "Entropy of directions within 50 m; 0 is a grid."),
)
_THRESHOLDS = (
    _number("threshold_building_area_m2", "Threshold of building area (m²)", "Small up to this.", decimals=1),
    _share("threshold_coverage_share", "Threshold of built cover", "Dense from this."),
    _number("threshold_buildings_per_ha", "Threshold of buildings per hectare", "Dense from this.", decimals=1),
    _number("threshold_local_alignment_deg", "Threshold of misalignment (degrees)", "Irregular from this.", maximum=45),
    _share("threshold_orientation_disorder", "Threshold of disorder", "Irregular from this."),
)

#: Form of settlements: :func:`zone_arrangement`, :func:`zone_density` and :func:`classify_settlements`.
FORM_FIELDS = (
    _number("zone_area_m2", "Area (m²)", "Area of the polygon.", decimals=0),
    FieldSpec(
        "n_buildings", "Buildings", "Buildings whose centroid lies inside.", "integer", required=False, minimum=0
    ),
    _number("footprint_area_m2", "Footprint area (m²)", "Whole footprints of these buildings.", decimals=0),
    _number("footprint_coverage_share", "Built cover", "Footprints cut at the border, by area.", decimals=3),
    _number(
        "footprint_coverage_by_centroid",
        "Built cover by centroid",
        "Whole footprints of the buildings whose centroid lies inside, by area: comparable with kblock and foot.",
        decimals=3,
    ),
    _number("buildings_per_ha", "Buildings per hectare", "By gross area.", decimals=1),
    _number("buildings_per_net_ha", "Buildings per net hectare", "Without roads and water.", decimals=1),
    _number("building_area_mean_m2", "Mean building area (m²)", "Of whole footprints.", decimals=1),
    _number("building_area_median_m2", "Median building area (m²)", "Of whole footprints.", decimals=1),
    _number("building_area_cv", "Variation of building area", "Standard deviation (n - 1) by mean."),
    _share("share_lt30", "Buildings below 30 m²", "Share of its buildings."),
    _share("share_lt60", "Buildings below 60 m²", "Share of its buildings."),
    _number("plot_area_mean_m2", "Mean ground of a building (m²)", "Mean cell of the tessellation.", decimals=0),
    _number("floor_area_ratio", "Floor area ratio", "Floors times footprint, by area; NULL unless all are known."),
    _share("floors_known_share", "Buildings with known floors", "Share of its buildings."),
    _number("nn_centroid_mean_m", "Distance to the next building (m)", "Mean, centroid to centroid.", decimals=1),
    _number("nn_edge_median_m", "Gap to the next building (m)", "Median, edge to edge.", decimals=1),
    _number("nearest_neighbour_index", "Nearest neighbour index", "Below 1 clustered, 1 random, above 1 regular."),
    _number("ipq_compactness_mean", "Compactness of buildings (0-1)", "Mean of 4 pi A / P².", maximum=1),
    _number("orientation_entropy_nats", "Entropy of directions (nats)", "36 bins; NULL below 10 buildings."),
    FieldSpec(
        "orientation_order",
        "Order of directions",
        "1: one grid; 0: none preferred; NULL below 10 buildings.",
        decimals=2,
        required=False,
        maximum=1,
    ),
    *_ORDER,
    *_FLAGS,
    _CLASS,
    _share("share_in_high_cells", "Buildings in cells of high informality", "Among those in cells with a class."),
    *_THRESHOLDS,
)

#: Population of settlements: :func:`settlement_population`.
POPULATION_FIELDS = (
    _number("population", "Population (people)", "The figure that other figures use; see its source.", decimals=0),
    FieldSpec(
        "population_source",
        "Source of the population",
        "Which of the three figures is used.",
        "text",
        required=False,
        legend=POPULATION_SOURCES,
    ),
    FieldSpec("population_caveat", "About this population", "What the figure misses.", "text", required=False),
    _number("population_enumerated", "Enumerated (people)", "Counted on the ground.", decimals=0),
    _number("population_gridded", "Gridded (people)", "Sum of the population grid by exact coverage.", decimals=0),
    _number(
        "population_building_based", "Spread over buildings (people)", "Gridded people, by footprint area.", decimals=0
    ),
    _number(
        "population_without_buildings",
        "In cells without buildings (people)",
        "Gridded people of cells without any building; in no building-based figure.",
        decimals=0,
    ),
    _number("ratio_gridded_enumerated", "Gridded by enumerated", "1 where both agree; below: the grid misses people."),
    _number("ratio_building_based_enumerated", "Building-based by enumerated", "1 where both agree."),
    _number("population_low", "Lowest figure (people)", "Least of the known figures.", decimals=0),
    _number("population_high", "Highest figure (people)", "Greatest of the known figures.", decimals=0),
    _number(
        "population_gridded_corrected",
        "Gridded, corrected (people)",
        "Gridded by the assumed ratio of gridded to enumerated people; NULL unless the configuration names one.",
        decimals=0,
    ),
    _number("population_gridded_corrected_low", "Gridded, corrected: low (people)", "With the high ratio.", decimals=0),
    _number(
        "population_gridded_corrected_high", "Gridded, corrected: high (people)", "With the low ratio.", decimals=0
    ),
    _share("inside_share", "Inside the study area", "Share of its area; people are counted there."),
    _share("grid_coverage_share", "Covered by the grid", "Share of its area for which the grid has data."),
)

_AGREEMENT = LayerSpec(
    "candidate_agreement",
    "Candidates beside mapped settlements",
    "How far candidate settlements and mapped ones are the same ground. Few shared buildings can mean that nobody has "
    "mapped them yet as well as that form alone misleads.",
    None,
    (
        FieldSpec("counted", "Counted", "'area' (m²) or 'buildings' (by centroid).", "text", unique=True),
        _number("candidate", "In candidates", "Of them.", decimals=0),
        _number("mapped", "In mapped settlements", "Of them.", decimals=0),
        _number("both", "In both", "Of them.", decimals=0),
        _share("precision", "Candidates that are mapped", "Both by candidates."),
        _share("recall", "Mapped that are candidates", "Both by mapped."),
        _share("f1", "F1", "Harmonic mean of the two."),
        _share("jaccard", "Jaccard", "Both by either."),
    ),
)
_THRESHOLD_TABLE = LayerSpec(
    "informality_thresholds",
    "Thresholds of morphological informality",
    "By which cells and settlements are small, dense and irregular, and where each threshold comes from.",
    None,
    (
        FieldSpec("measure", "Measure", "Field of the cells.", "text", unique=True),
        FieldSpec("sense", "Sense", "'at most' or 'at least' the threshold.", "text"),
        FieldSpec("threshold", "Threshold", "In the unit of the measure."),
        FieldSpec("source", "Where from", "'given', 'city percentile', or 'bound' that the percentile passed.", "text"),
        _number("percentile", "Percentile", "Of the city's own cells; NULL where given.", decimals=0, maximum=100),
        FieldSpec("n_cells", "Cells", "That the percentile was taken over.", "integer", minimum=0),
    ),
)
_TOTALS = LayerSpec(
    "settlement_population_totals",
    "People in and outside the settlements",
    "People of the grid in all settlements together (ground in two of them once), in the rest, and in total.",
    None,
    (
        FieldSpec("ground", "Ground", "'settlements', 'remainder' or 'total'.", "text", unique=True),
        _number("population_gridded", "Gridded (people)", "Sum of the grid by exact coverage.", decimals=0),
        _number("population_building_based", "Spread over buildings (people)", "By footprint area.", decimals=0),
        _number("population_without_buildings", "In cells without buildings (people)", "They stay there.", decimals=0),
    ),
)

_SCORE_PARTS = (
    _share("score_small", "Small", "Share of small buildings around, on its ramp."),
    _share("score_dense", "Dense", "Buildings per hectare around, on its ramp."),
    _share("score_irregular", "Irregular", "Misalignment and disorder around, on their ramps."),
    _share("score_reach", "Poorly reached", "Distance to a street, on its ramp; NULL without streets."),
)

FORM_LAYERS = (
    LayerSpec(
        "candidate_settlements",
        "Candidate settlements",
        "Where buildings are small, dense, irregular and poorly reached: proposals to look at beside the mapped "
        "settlements, which they never change. Form alone does not make a place informal.",
        "polygon",
        (
            FieldSpec("candidate_id", "Identifier", "Place of its southernmost building.", "text", unique=True),
            FieldSpec("n_buildings", "Buildings", "Buildings that make it.", "integer", minimum=1),
            _number("area_m2", "Area (m²)", "Area of the outline.", decimals=0),
            _share("score", "Score", "Mean of its buildings' scores: the mean of the known parts."),
            *_SCORE_PARTS,
            _share("mapped_share", "Mapped already", "Share of its area in mapped settlements; NULL without any."),
        ),
        look=Look(None, 0.0, "#d95f02", 0.6),
        is_shown=False,
    ),
    LayerSpec(
        "informality_cells",
        "Morphological informality",
        "Cells of 100 m that hold buildings, by whether these are small, dense and irregular. Thresholds come from "
        "the city's own percentiles unless the configuration gives them, and stand in every row.",
        "polygon",
        (
            FieldSpec("cell_id", "Identifier", "South-west corner in hundreds of metres.", "text", unique=True),
            FieldSpec("n_buildings", "Buildings", "Buildings whose centroid lies inside.", "integer", minimum=1),
            _number("building_area_m2", "Median building area (m²)", "Of whole footprints.", decimals=1),
            _number(
                "coverage_share", "Built cover", "Footprints cut at the cell; above 1 where they overlap.", decimals=3
            ),
            _number("buildings_per_ha", "Buildings per hectare", "By the area of the cell.", decimals=0),
            _number("nn_edge_m", "Gap to the next building (m)", "Median, edge to edge.", decimals=1),
            *_ORDER,
            *_FLAGS,
            _CLASS,
            *_THRESHOLDS,
        ),
        look=Look("#999999", 0.3, "#999999", 0.0),
        coloured_by=("informality_class",),
        is_shown=False,
    ),
    _AGREEMENT,
    _THRESHOLD_TABLE,
    _TOTALS,
)
