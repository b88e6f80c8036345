"""A region's household survey, read and mapped, and the areas its households lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.config.household_inputs import Coordinates, HouseholdsInput, SurveyTable
from geo_profiling.config.indicators import Indicators
from geo_profiling.config.project import RegionSettings
from geo_profiling.crs import local_utm
from geo_profiling.errors import InputError
from geo_profiling.indicators.comparisons import CORE, ZONE
from geo_profiling.indicators.estimates import EstimationRules, require_fit_for_areas
from geo_profiling.indicators.households import Households, map_households, post_weights
from geo_profiling.indicators.mapping import HouseholdMapping, parse_mapping, ready_mapping
from geo_profiling.indicators.measures import HouseholdRules
from geo_profiling.indicators.sanitation import Treatment
from geo_profiling.indicators.settlement_layers import tenure_by_settlement, with_settlement_layers
from geo_profiling.indicators.slum_households import SlumRules, measured_components
from geo_profiling.paths import safe_path
from geo_profiling.tenure.shares import SHARE_COLUMNS
from geo_profiling.vector.delimited import decode_table
from geo_profiling.vector.read import read_layer, read_table
from pipelines.declared import input_label

#: Layers that households can be placed in, the field of their ids, and what their areas are called.
PLACES = {
    "units": ("unit_id", "unit"),
    "settlements": ("settlement_id", "settlement"),
    "functional_urban_areas": ("fua_id", "functional_urban_area"),
    "urban_centres": ("centre_id", "urban_centre"),
}
#: Groups of the age of heads of households: under 35, 35 to 59, 60 and over.
AGE_GROUPS = ("Y_LT35", "Y35T59", "Y_GE60")


def read_households(region: RegionSettings) -> Households:
    """Read the household survey of a region in the product's variables.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.households`` and ``indicators``.

    Raises
    ------
    InputError
        If a table is refused, the mapping is wrong, or the two do not fit.
    """
    declared, rules = region.inputs.households, region.indicators
    assert declared is not None  # only asked for where it is configured
    assert rules is not None
    table = _joined(region, declared)
    coordinates = declared.coordinates
    keep = [*rules.areas.values(), *((coordinates.longitude, coordinates.latitude) if coordinates else ())]
    label = input_label("households.table", declared.table.path)
    found = map_households(table, read_mapping(region, declared), keep=list(dict.fromkeys(keep)), name=label)
    # Sums must not depend on the order of the rows.
    order = pd.util.hash_pandas_object(table.loc[found.frame.index], index=False).sort_values(kind="stable").index
    return replace(found, frame=found.frame.loc[order].reset_index(drop=True))


def read_mapping(region: RegionSettings, declared: HouseholdsInput) -> HouseholdMapping:
    """Return the mapping of a survey: a ready one, or the file that is named.

    Raises
    ------
    InputError
        If the file is refused or no mapping.
    """
    if declared.mapping is None:
        assert declared.built_in_mapping is not None  # one of the two, by the configuration's own check
        return ready_mapping(declared.built_in_mapping)
    label = input_label("households.mapping", declared.mapping.path)
    text = decode_table(safe_path(declared.mapping.path, roots=region.roots), "utf-8", name=label)
    return parse_mapping(text, name=label)


def _joined(region: RegionSettings, declared: HouseholdsInput) -> pd.DataFrame:
    table = _read(region, declared.table, "households.table")
    label = input_label("households.table", declared.table.path)
    for number, joined in enumerate(declared.joined):
        key = joined.key
        other = _read(region, joined, f"households.joined.{number}", unique=[key])
        if key not in table.columns:
            raise InputError(f"{label}: there is no column '{key}'", hint="'key' is the household's id in both tables")
        clash = sorted(set(other.columns) & set(table.columns) - {key})
        if clash:
            other = other.drop(columns=clash)
        absent = ~table[key].isin(other[key])
        if absent.any():
            name = input_label(f"households.joined.{number}", joined.path)
            raise InputError(
                f"{name}: lacks {absent.sum()} households of the survey (first: {table.loc[absent, key].iloc[0]})",
                hint="join tables of the same households",
            )
        table = table.merge(other, on=key, how="left", validate="many_to_one")
    people = declared.psu_populations
    if people is not None:
        psus = _read(region, people, "households.psu_populations")
        for frame, column, name in (
            (table, people.psu, label),
            (psus, people.psu, input_label("households.psu_populations", people.path)),
            (psus, people.population, input_label("households.psu_populations", people.path)),
        ):
            if column not in frame.columns:
                raise InputError(f"{name}: there is no column '{column}'", hint=f"it has {', '.join(frame.columns)}")
        counts = pd.to_numeric(psus[people.population], errors="coerce").set_axis(psus[people.psu])
        table = table.assign(people_weight=post_weights(table[people.psu], counts, name=label))
    return table


def _read(region: RegionSettings, declared: SurveyTable, key: str, *, unique: Sequence[str] = ()) -> pd.DataFrame:
    label = input_label(key, declared.path)
    return read_table(declared.path, roots=region.roots, encoding=declared.encoding, key=unique, name=label)


def household_rules(rules: Indicators, households: Households) -> HouseholdRules:
    """Return how households are classed, as the configuration says.

    Raises
    ------
    UsageError
        If a component or indicator is named that cannot be.
    """
    slum = rules.slum
    measured = measured_components(households.frame)
    chosen: tuple[str, ...] = measured if slum.components is None else tuple(slum.components)
    options = slum.model_dump(exclude={"components", "from_layers", "layer_share"})
    return HouseholdRules(
        slum=SlumRules(components=chosen, **options) if chosen else None,
        water_list=rules.water_list,
        time_unknown=rules.time_unknown,
        missing=rules.missing,
        missing_of=rules.missing_of,
        treatment=Treatment(rules.sewage_treated_share, rules.faecal_sludge_treated_share),
        max_cost_share=rules.max_housing_cost_share,
        poverty_line=rules.poverty_line,
    )


def estimation_rules(rules: Indicators) -> EstimationRules:
    """Return how uncertainty is estimated, as the configuration says.

    Examples
    --------
    >>> estimation_rules(Indicators()).ci
    'logit'
    """
    return EstimationRules(rules.ci, rules.lonely_psu)


def household_areas(region: RegionSettings, directory: Path, households: Households) -> dict[str, pd.Series]:
    """Return the area of each household: by the survey's own columns, and by place where that is asked for.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder, with the tables of the layers.
    households : Households

    Raises
    ------
    InputError
        If coordinates are too coarse for a layer, are no numbers, or are not given.
    """
    rules, declared = region.indicators, region.inputs.households
    assert rules is not None  # only asked for where it is configured
    assert declared is not None
    frame = households.frame
    found = {kind: frame[column].replace("", np.nan) for kind, column in rules.areas.items()}
    if rules.place_in:
        found |= _placed(region, directory, households)
    return found | _core_and_zone(directory, found)


def _placed(region: RegionSettings, directory: Path, households: Households) -> dict[str, pd.Series]:
    """Return the area of each household in the layers that they are placed in by their coordinates."""
    rules, declared, frame = region.indicators, region.inputs.households, households.frame
    assert rules is not None  # only asked for where it is configured
    assert declared is not None
    found: dict[str, pd.Series] = {}
    label = input_label("households.table", declared.table.path)
    if declared.coordinates is None:
        raise InputError(f"{label}: has no coordinates to place households by", hint="name their columns")
    points = _points(frame, declared.coordinates, label)
    for layer in rules.place_in:
        id_field, kind = PLACES[layer]
        polygons = place_polygons(region, directory, layer)
        _require_fit(polygons, declared.coordinates)
        joined = gpd.sjoin(points.to_crs(polygons.crs).to_frame("geometry"), polygons[["geometry"]], predicate="within")
        # A point on a border two areas share is in the first of them.
        first = joined[~joined.index.duplicated()]["index_right"]
        found[kind] = polygons[id_field].astype(str).reindex(first.reindex(frame.index)).set_axis(frame.index)
    return found


def _core_and_zone(directory: Path, areas: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Return the functional urban area in whose core, or whose commuting zone, the unit of each household lies."""
    path = directory / "tables/fua_units.parquet"
    if "unit" not in areas or not path.is_file():
        return {}
    units = pd.read_parquet(path)
    if "city_id" not in units.columns:
        return {}
    units = units.set_index(units["unit_id"].map(str))
    unit = areas["unit"].map(str, na_action="ignore")
    in_core = units["city_id"].notna()
    return {
        kind: unit.map(units.loc[chosen & units["fua_id"].notna(), "fua_id"]).astype(object)
        for kind, chosen in ((CORE, in_core), (ZONE, ~in_core))
    }


def with_age_groups(households: Households) -> Households:
    """Return households with the age of their heads in groups, by SDMX's codes."""
    if not households.has("age_of_head"):
        return households
    age = households.frame["age_of_head"]
    groups = np.select([age < 35, age < 60, age >= 60], list(AGE_GROUPS), default="")
    told = pd.Series(groups, index=age.index, dtype=object).replace("", np.nan)
    return replace(households, frame=households.frame.assign(age_of_head=told))


def with_layers(
    region: RegionSettings, directory: Path, households: Households, areas: Mapping[str, pd.Series]
) -> Households:
    """Give households what the layers of settlements tell of where they live, where the survey did not ask.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder: tables ``settlement_hazard`` and ``tenure_shares`` are used where they are there.
    households : Households
    areas : mapping
        As :func:`household_areas` returns it; households need their settlement.
    """
    rules = region.indicators
    assert rules is not None  # only asked for where it is configured
    if "settlement" not in areas or region.inputs.settlements is None:
        return households
    hazard = directory / "tables/settlement_hazard.parquet"
    tenure = directory / "tables/tenure_shares.parquet"
    hazards = pd.read_parquet(hazard).set_index("settlement_id") if hazard.is_file() and region.inputs.hazards else None
    told = tenure_by_settlement(pd.read_parquet(tenure)) if tenure.is_file() and region.inputs.tenure else None
    return with_settlement_layers(
        households,
        areas["settlement"],
        hazard=None if hazards is None else hazards.set_axis(hazards.index.map(str)),
        tenure=told,
        takes=rules.slum.from_layers,
        share=rules.slum.layer_share,
    )


def with_expected_layers(region: RegionSettings, households: Households) -> Households:
    """Return households with the variables that layers will tell, still unknown: for checks before the run."""
    rules = region.indicators
    assert rules is not None  # only asked for where it is configured
    if not ("settlement" in rules.areas or "settlements" in rules.place_in) or region.inputs.settlements is None:
        return households
    nowhere = pd.Series(np.nan, index=households.frame.index, dtype=object)
    has_tenure = region.inputs.tenure is not None and region.settlements is not None
    return with_settlement_layers(
        households,
        nowhere,
        hazard=pd.DataFrame({"hazardous_share_low": [], "hazardous_share_high": []}) if region.inputs.hazards else None,
        tenure=tenure_by_settlement(pd.DataFrame(columns=list(SHARE_COLUMNS))) if has_tenure else None,
        takes=rules.slum.from_layers,
    )


def place_polygons(region: RegionSettings, directory: Path, layer: str) -> gpd.GeoDataFrame:
    """Return the polygons of a layer with their ids: as computed, or as the inputs give them.

    Raises
    ------
    InputError
        If there are none.
    """
    id_field, _ = PLACES[layer]
    path = directory / f"tables/{layer}.parquet"
    if path.is_file():
        return gpd.read_parquet(path)
    declared = getattr(region.inputs, layer, None)
    if declared is None:
        raise InputError(f"there are no {layer.replace('_', ' ')}", hint=f"give 'inputs.{layer}', or configure them")
    frame, _ = read_layer(
        declared.path,
        layer=declared.layer,
        id_field=declared.id_field,
        columns=[declared.name_field] if declared.name_field else [],
        kinds={"polygon"},
        roots=region.roots,
        crs=declared.crs,
        name=input_label(layer, declared.path),
    )
    return frame.rename(columns={declared.id_field: id_field, declared.name_field or "": "name"})


def _points(frame: pd.DataFrame, columns: Coordinates, label: str) -> gpd.GeoSeries:
    numbers = [pd.to_numeric(frame[name], errors="coerce") for name in (columns.longitude, columns.latitude)]
    wrong = ~((numbers[0].abs() <= 180) & (numbers[1].abs() <= 90))
    if wrong.any():
        raise InputError(
            f"{label}: coordinates are missing or no degrees in {wrong.sum()} rows (first: row {wrong.idxmax()})",
            hint="DHS writes 0, 0 for clusters without a place: leave those empty and name areas by a column",
        )
    return gpd.GeoSeries(gpd.points_from_xy(*numbers), index=frame.index, crs="EPSG:4326")


def _require_fit(polygons: gpd.GeoDataFrame, coordinates: Coordinates) -> None:
    left, bottom, right, top = polygons.to_crs("EPSG:4326").total_bounds
    local = polygons.to_crs(local_utm(float(left + right) / 2, float(bottom + top) / 2)).geometry
    ids = polygons.iloc[:, 0].astype(str)
    area = pd.Series(local.area.to_numpy() / 1e6, index=ids)
    inner = pd.Series(local.buffer(-coordinates.accuracy_m).area.to_numpy() / 1e6, index=ids)
    require_fit_for_areas(area, inner, displacement_m=coordinates.accuracy_m, reason=coordinates.reason)
