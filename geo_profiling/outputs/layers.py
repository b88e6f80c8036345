"""The layers that are published: their fields, with words, units and limits.

The one place that names them; GeoPackage, styles, tables and the report read it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.errors import UsageError

FieldType = Literal["identifier", "text", "integer", "number", "truth"]


@dataclass(frozen=True)
class FieldSpec:
    """One field of a layer.

    Attributes
    ----------
    name : str
        As stored; the unit is part of it.
    alias : str
        What readers see, with the unit.
    description : str
        One sentence.
    type : {"identifier", "text", "integer", "number", "truth"}
        Identifiers stay whole numbers or text, as they came.
    decimals : int
        Shown to readers; the stored value keeps all.
    required : bool
        The layer is never without it.
    unique : bool
        Identifies the feature: no NULL, no value twice.
    minimum, maximum : float or None
        Values outside cannot be.
    nullable : bool
        Whether it may be unknown.
    """

    name: str
    alias: str
    description: str
    type: FieldType = "number"
    decimals: int = 0
    required: bool = True
    unique: bool = False
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = True


@dataclass(frozen=True)
class LayerSpec:
    """One layer: what it is called, what it shows and which fields it has.

    Attributes
    ----------
    name : str
        In the GeoPackage.
    title : str
        In plain words.
    description : str
        What it shows and how it came about.
    has_geometry : bool
        Multipolygons, or a table.
    fields : tuple of FieldSpec
    """

    name: str
    title: str
    description: str
    has_geometry: bool
    fields: tuple[FieldSpec, ...]

    def field(self, name: str) -> FieldSpec:
        """Return the field of that name."""
        return next(field for field in self.fields if field.name == name)


_POPULATION = FieldSpec("population", "Population (people)", "People who live inside.", minimum=0)
_AREA = FieldSpec("area_km2", "Area (km²)", "Area, measured in an equal-area projection.", decimals=1, minimum=0)
_NAME = FieldSpec("name", "Name", "Name; empty if unknown.", "text", required=False)
_TOUCHES_EDGE = FieldSpec(
    "touches_edge",
    "Reaches the edge of the data",
    "It lies at the edge of the population grid and may go on beyond: its people and area are lower limits.",
    "truth",
    required=False,
    nullable=False,
)


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


def _clusters(name: str, title: str, description: str) -> LayerSpec:
    identifier = FieldSpec("cluster_id", "Identifier", "Stays the same between runs.", "text", unique=True)
    return LayerSpec(name, title, description, True, (identifier, _NAME, _POPULATION, _AREA, _TOUCHES_EDGE))


def _commuters(name: str, alias: str, where: str) -> FieldSpec:
    text = f"Share of the unit's employed residents who work in {where}; NULL without employed residents."
    # Flows that were rounded may pass the number of employed residents by a little.
    return FieldSpec(name, alias, text, decimals=3, required=False, minimum=0)


def _candidate(name: str, alias: str) -> FieldSpec:
    return FieldSpec(name, alias, "Id of the (merged) city; empty if nobody commutes to any.", "text", required=False)


_UNIT_FIELDS = (
    FieldSpec("unit_id", "Identifier of the unit", "As it came with the units.", "identifier", unique=True),
    _NAME,
    _POPULATION,
    _AREA,
    FieldSpec(
        "degurba_l1",
        "Degree of urbanisation, level 1",
        "1 city, 2 town or semi-dense area, 3 rural area (Eurostat's codes); NULL where unknown.",
        "integer",
        required=False,
        minimum=1,
        maximum=3,
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

_AREA_TYPE = FieldSpec("area_type", "Kind of area", "'urban_centre' or 'functional_urban_area'.", "text")


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

_LAYERS = (
    LayerSpec(
        "urban_centres",
        "Urban centres",
        "Contiguous dense cells (at least 1,500 people per km2 of land, or mostly built-up) with at least 50,000 "
        "people together, gaps filled and edges smoothed: the centres of cities.",
        True,
        (
            FieldSpec("centre_id", "Identifier", "Stays the same between runs.", "text", unique=True),
            _NAME,
            _POPULATION,
            _AREA,
            _TOUCHES_EDGE,
        ),
    ),
    _clusters(
        "urban_clusters",
        "Urban clusters",
        "Contiguous cells of at least 300 people per km2 of land with at least 5,000 people together: cities and towns "
        "with their suburbs.",
    ),
    _clusters(
        "dense_clusters",
        "Dense towns",
        "Contiguous dense cells (at least 1,500 people per km2 of land) with at least 5,000 people, outside urban "
        "centres.",
    ),
    _clusters(
        "semi_dense_clusters",
        "Semi-dense towns",
        "Contiguous cells of medium density with enough people for a town, away from urban centres and dense towns.",
    ),
    LayerSpec(
        "units",
        "Local units",
        "Municipalities or other local units, classified by where most of their people live.",
        True,
        _UNIT_FIELDS,
    ),
    LayerSpec(
        "functional_urban_areas",
        "Functional urban areas",
        "Cities with their commuting zones: the units from which a large part of the employed residents commute to "
        "the city.",
        True,
        (
            FieldSpec("fua_id", "Identifier", "Id of its main city; stays the same between runs.", "text", unique=True),
            _NAME,
            FieldSpec("method", "Method", "'flows': commuting flows; 'model': travel times.", "text"),
            FieldSpec(
                "n_units",
                "Local units",
                "How many units it has: by flows those that make it, by the model those with more than half of their "
                "people in it.",
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
            _POPULATION,
            FieldSpec("city_population", "People in the city", "People in the units of its city.", minimum=0),
            FieldSpec(
                "commuting_zone_population",
                "People in the commuting zone",
                "People in its units outside the city.",
                minimum=0,
            ),
            _AREA,
            FieldSpec(
                "n_centres",
                "Urban centres",
                "How many urban centres it has; only by the model.",
                "integer",
                required=False,
                minimum=1,
            ),
            _TOUCHES_EDGE,
            FieldSpec(
                "beyond_range",
                "Beyond the model's range",
                "A centre of it is larger or smaller than any that the model was fitted on: its extent is less sure.",
                "truth",
                required=False,
            ),
            *_GOVERNANCE_FIELDS,
        ),
    ),
    LayerSpec(
        "fua_units",
        "Units of the commuting flows",
        "Local units within the borders of the year of the flows: the city and functional urban area of each, and why.",
        True,
        _UNIT_FIELDS,
    ),
    LayerSpec(
        "fua_candidates",
        "Shares of commuters",
        "Every city to which a unit sends one of a hundred employed residents or more: why a unit is in a functional "
        "urban area or in none.",
        False,
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
        True,
        (
            FieldSpec(
                "scale",
                "Scale",
                "'proximity', 'agglomeration', 'metropolitan_area' or 'metropolitan_region'.",
                "text",
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
            _NAME,
            _POPULATION,
            _AREA,
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
        ),
    ),
    LayerSpec(
        "services_in_reach",
        "Services within walking time",
        "Places of each kind of service inside each proximity area.",
        False,
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
        "(or the configured share) of either lies in the other.",
        False,
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
        ),
    ),
    LayerSpec(
        "urban_projections",
        "Urban projections",
        "People and area of urban centres and functional urban areas in a later year, if they kept growing as they "
        "did last; the range is drawn with the lowest and highest rate of the past, and at least with the band that "
        "the configuration states.",
        False,
        (
            _AREA_TYPE,
            FieldSpec("area_id", "Area", "Identifier in the last year with data.", "text"),
            FieldSpec("base_year", "Last year with data", "From which the projection starts.", "integer"),
            FieldSpec("projected_year", "Projected year", "As the configuration names it.", "integer"),
            *_projected("population", "population", "people", "people"),
            *_projected("area", "area_km2", "area", "km²"),
        ),
    ),
    LayerSpec(
        "run_info",
        "About these data",
        "What was computed from what: inputs, parameters, versions.",
        False,
        (
            FieldSpec("key", "Key", "What is told.", "text", unique=True),
            FieldSpec("value", "Value", "What it is.", "text"),
        ),
    ),
)

#: Every layer by name, in the order in which maps draw them: the first on top.
LAYERS: Mapping[str, LayerSpec] = MappingProxyType({layer.name: layer for layer in _LAYERS})


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a layer with its declared fields only, in order, with declared types; or say why not.

    Parameters
    ----------
    name : str
        Of the layer, a key of :data:`LAYERS`.
    frame : DataFrame or GeoDataFrame
        With at least the required fields; rows stay in their order.

    Returns
    -------
    DataFrame or GeoDataFrame
        A new frame, index 0 ... n-1; unknown values are NULL (None, <NA>, NaN).

    Raises
    ------
    UsageError
        If the layer or a field is not declared, a required field is missing, an identifier is NULL
        or doubled, or a value lies outside its limits; the row is named.

    Examples
    --------
    >>> conform("run_info", pd.DataFrame({"key": ["title"], "value": ["Port Serrano"]})).shape
    (1, 2)
    """
    if name not in LAYERS:
        raise UsageError(f"layer {name!r} is not declared", hint=f"declared are {', '.join(LAYERS)}")
    layer = LAYERS[name]
    geometry = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    if (geometry is not None) != layer.has_geometry:
        raise UsageError(f"layer {name}: {'geometry is missing' if layer.has_geometry else 'must have no geometry'}")
    undeclared = sorted(set(frame.columns) - {field.name for field in layer.fields} - {geometry})
    missing = [field.name for field in layer.fields if field.required and field.name not in frame.columns]
    if undeclared or missing:
        raise UsageError(f"layer {name}: fields not declared {undeclared}, fields missing {missing}")
    columns = {
        field.name: _typed(frame[field.name], field, layer) for field in layer.fields if field.name in frame.columns
    }
    result = pd.DataFrame(columns).reset_index(drop=True)
    if geometry is None:
        return result
    return gpd.GeoDataFrame(result, geometry=gpd.GeoSeries(frame.geometry.array, crs=frame.crs).rename("geometry"))


def _typed(values: pd.Series, field: FieldSpec, layer: LayerSpec) -> pd.Series:
    what = f"layer {layer.name}, field {field.name}"
    unknown = values.isna()
    if field.unique and (unknown.any() or values.duplicated().any()):
        row = int(np.flatnonzero(unknown | values.duplicated())[0])
        raise UsageError(f"{what}: row {row} is NULL or there twice ({values.iloc[row]!r})")
    if not field.nullable and unknown.any():
        raise UsageError(f"{what}: row {int(np.flatnonzero(unknown)[0])} is NULL; it is never unknown")
    typed = _cast(values, field.type)
    _require_in_range(typed, field, what)
    return typed


def _cast(values: pd.Series, kind: FieldType) -> pd.Series:
    if kind == "truth":
        return values.astype("boolean") if values.isna().any() else values.astype(bool)
    if kind == "integer" or (kind == "identifier" and pd.api.types.is_integer_dtype(values)):
        return values.astype("Int64")
    if kind == "number":
        return values.astype("Float64").astype(float)
    texts = [None if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]
    return pd.Series(texts, index=values.index, dtype=object)


def _require_in_range(values: pd.Series, field: FieldSpec, what: str) -> None:
    # Shares are sums of floats and may pass 1 in their last digits.
    low = -np.inf if field.minimum is None else field.minimum - 1e-9
    high = np.inf if field.maximum is None else field.maximum + 1e-9
    if field.type == "number" or field.maximum is not None:
        numbers = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        outside = (numbers < low) | (numbers > high) | np.isinf(numbers)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise UsageError(f"{what}: row {row} is {numbers[row]:g}, outside {field.minimum} to {field.maximum}")
