"""Declared layers of the environmental profile, and what it adds to the layer of settlements."""

from __future__ import annotations

from geo_profiling.outputs.layer_spec import FieldSpec, LayerSpec, Legend, Look
from geo_profiling.outputs.legend import RangeLabel

_ACCESS_RANGES = (
    RangeLabel(0.0, 0.0, "nobody", "#d9d2c5"),
    RangeLabel(0.0, 0.25, "up to a quarter", "#e2f3bd"),
    RangeLabel(0.25, 0.5, "a quarter to half", "#a9cf6b"),
    RangeLabel(0.5, 0.75, "half to three quarters", "#5da04c"),
    RangeLabel(0.75, 1.0, "over three quarters", "#2b6b3f"),
)

_AREA = (
    FieldSpec("area_type", "Kind of area", "'settlement', 'unit', 'urban_centre', ..., 'region'.", "text"),
    FieldSpec("area_id", "Area", "Its id in the layer of that kind.", "text"),
)


def _share(name: str, alias: str, description: str, legend: Legend = ()) -> FieldSpec:
    return FieldSpec(
        name, f"{alias} (0-1)", description, decimals=3, required=False, minimum=0, maximum=1, legend=legend
    )


def _people(name: str, alias: str, description: str) -> FieldSpec:
    return FieldSpec(name, alias, description, required=False, minimum=0)


def _text(name: str, alias: str, description: str) -> FieldSpec:
    return FieldSpec(name, alias, description, "text", required=False)


#: What table ``settlement_environment`` adds to the layer of settlements.
SETTLEMENT_ENVIRONMENT_FIELDS = (
    _share("green_share", "Open space", "Share of its ground under parks, squares and other open spaces, overlaps "
           "once; NULL: no layer of them is given."),
    _share("green_access_share", "Open space within a walk", "Share of its people within the way on foot of an open "
           "space that is open to all; NULL: the grid covers less than half of it.", _ACCESS_RANGES),
    _share("vegetation_share", "Under vegetation", "Mean of the raster of vegetation where it is known."),
    _share("blue_share", "Water", "Share of its ground under water."),
    _share("ecosystem_share", "Ecosystems at risk", "Share of its ground that is one, overlaps once."),
    _text("ecosystem_kinds", "Which ecosystems", "Kinds that lie in it or beside it; empty where none does."),
    _people("ecosystem_people_on", "People on ecosystems at risk", "By the population grid; each person once."),
    _people("ecosystem_people_beside", "People beside ecosystems at risk", "Within the configured distance of one and "
            "on none; each person once."),
)  # fmt: skip
_OF_SETTLEMENT = {field.name: field for field in SETTLEMENT_ENVIRONMENT_FIELDS}

_ENVIRONMENT = LayerSpec(
    "environment",
    "Environment of areas",
    "Green, vegetation, water and ecosystems at risk of each settlement, unit, city and functional area, and the "
    "people who have access to them or live on and beside them.",
    None,
    (
        *_AREA,
        _people("population", "People", "Of the grid that 'population_source' names; those on known cells."),
        _text("population_source", "Grid of the people", "The same as of exposure: 'population_fine' or 'population'."),
        _share("population_coverage_share", "Share with known people", "Part of the area that the grid covers."),
        _OF_SETTLEMENT["green_share"],
        _share("green_coverage_share", "Share where open space is mapped", "Part of the area; its open space and "
               "access are those of this part."),
        FieldSpec("green_m2_per_person", "Open space for each person (m²)", "Open space in the area by its people; "
                  "NULL where the grid covers less than 95 % of it.", decimals=1, required=False, minimum=0),
        _OF_SETTLEMENT["green_access_share"],
        _text("green_access_by", "Ways to open space", "'street': along streets; 'euclid': straight."),
        _OF_SETTLEMENT["vegetation_share"],
        _share("vegetation_coverage_share", "Share with known vegetation", "Part of the area that its raster covers."),
        _OF_SETTLEMENT["blue_share"],
        _share("blue_coverage_share", "Share with known water", "Part of the area where water is mapped."),
        _share("blue_access_share", "Water within a walk", "Share of people within the way on foot of a river, lake or "
               "coast that is given as a layer."),
        _text("blue_access_by", "Ways to water", "'street': along streets; 'euclid': straight."),
        *SETTLEMENT_ENVIRONMENT_FIELDS[4:],
    ),
)  # fmt: skip

_ECOSYSTEMS = LayerSpec(
    "ecosystems",
    "Ecosystems at risk",
    "Wetlands, mangroves, slopes and whatever else is given, with the people on each and beside it.",
    "polygon",
    (
        FieldSpec("ecosystem_id", "Identifier", "Numbered by kind and shape.", "integer", unique=True, minimum=1),
        FieldSpec("kind", "Kind", "As it came; 'unknown' where none was told.", "text"),
        FieldSpec("area_km2", "Area (km²)", "Measured in the local UTM zone.", decimals=2, minimum=0),
        _people("people_on", "People on it", "By the population grid."),
        _people("people_beside", "People beside it", "Within 'beside_m' of it, not on it; those near two count twice."),
        FieldSpec("beside_m", "Beside means within (m)", "Straight distance.", minimum=0),
        _share("coverage_share", "Share with known people", "Part of it and its surroundings that the grid covers."),
    ),
    look=Look("#4c9a8a", 0.45, "#1f5f54", 0.3),
    is_shown=False,
)

_HAZARD = (
    FieldSpec("hazard", "Hazard", "Name in the configuration, and the scenario where there are several.", "text"),
    FieldSpec("return_period", "Return period (years)", "Of the reference event; NULL for lasting hazards.", minimum=0),
)

_GROWTH = LayerSpec(
    "hazard_growth",
    "Growth into hazard zones",
    "Built-up area inside and outside each hazard zone in two years. The hazard is the same for both: what changes is "
    "the city.",
    None,
    (
        *_AREA,
        *_HAZARD,
        FieldSpec("threshold", "Zone from", "Band or classes that are the zone.", "text"),
        FieldSpec("from_year", "From (year)", "Earlier year.", "integer"),
        FieldSpec("to_year", "To (year)", "Later year.", "integer"),
        *(
            FieldSpec(f"{side}_{where}_km2", f"Built up {words}, {side}-year (km²)", "On ground whose hazard is known; "
                      "permanent water is in neither part.", decimals=3, minimum=0)
            for side in ("from", "to") for where, words in (("hazardous", "in the zone"), ("safe", "outside it"))
        ),
        FieldSpec("growth_hazardous_share", "Growth in the zone", "New by earlier area; NULL where nothing was built.",
                  decimals=3),
        FieldSpec("growth_safe_share", "Growth outside it", "New by earlier area; NULL where nothing was built.",
                  decimals=3),
        _share("new_in_hazard_share", "New built-up area that is in the zone", "NULL where one of both parts shrank."),
        _share("coverage_share", "Share known", "Part of the later built-up area whose hazard is known."),
        FieldSpec("cell_m", "Cells of the built-up grid (m)", "What is built is spread evenly inside each: areas and "
                  "zones narrower than a cell are told roughly.", minimum=0),
    ),
)  # fmt: skip

_SERVICES = LayerSpec(
    "exposed_services",
    "Services that are exposed",
    "How many places of each service (clinics, schools, shelters, ...) stand in each hazard zone themselves, at the "
    "reference event.",
    None,
    (
        *_AREA,
        FieldSpec("service", "Service", "Name in the configuration.", "text"),
        *_HAZARD,
        FieldSpec("n_exposed", "Exposed", "Places in the zone, by their centroid.", "integer", minimum=0),
        FieldSpec("n_not_exposed", "Not exposed", "Places outside it.", "integer", minimum=0),
        FieldSpec("n_unknown", "Unknown", "Places where the hazard is not known.", "integer", minimum=0),
    ),
)

ENVIRONMENT_LAYERS: tuple[LayerSpec, ...] = (_ENVIRONMENT, _ECOSYSTEMS, _GROWTH, _SERVICES)
