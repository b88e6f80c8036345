"""Hazards in the environmental profile: built-up growth inside hazard zones, services that are exposed themselves."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd

from geo_profiling.compute import Compute
from geo_profiling.config.environment import Environment
from geo_profiling.config.exposure import Exposure
from geo_profiling.config.files import AreaInput
from geo_profiling.config.hazard_inputs import HazardInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.hazard.bands import OUTSIDE, UNKNOWN
from geo_profiling.hazard.environment import built_up_growth, class_growth
from geo_profiling.hazard.risk_classes import NONE
from geo_profiling.raster.read import RasterFile
from geo_profiling.raster.source import Source
from pipelines.exposure_places import AREA_COLUMNS, ExposureZones, open_water
from pipelines.exposure_ratios import reference_event
from pipelines.hazards import exposed_threshold, hazard_kind, hazard_name, hazard_scenarios, risk_areas
from pipelines.inputs import open_declared

_GROUND_COLUMNS = {
    "before_hazardous_m2": "from_hazardous_km2",
    "after_hazardous_m2": "to_hazardous_km2",
    "before_safe_m2": "from_safe_km2",
    "after_safe_m2": "to_safe_km2",
}
GROWTH_COLUMNS = [
    *AREA_COLUMNS, "hazard", "return_period", "threshold", "from_year", "to_year", *_GROUND_COLUMNS.values(),
    "growth_hazardous_share", "growth_safe_share", "new_in_hazard_share", "coverage_share", "cell_m",
]  # fmt: skip
SERVICE_COLUMNS = [
    *AREA_COLUMNS, "service", "hazard", "return_period", "n_exposed", "n_not_exposed", "n_unknown",
]  # fmt: skip


def built_up_years(region: RegionSettings) -> list[tuple[int, str, AreaInput]]:
    """Return the years whose built-up area is given, in order, each with its key and its file."""
    inputs = region.inputs
    found = []
    if inputs.population is not None and inputs.built_up is not None:
        found.append((inputs.population.year, "built_up", inputs.built_up))
    for index, epoch in enumerate(inputs.epochs):
        if epoch.built_up is not None:
            found.append((epoch.population.year, f"epochs.{index}.built_up", epoch.built_up))
    return sorted(found, key=lambda one: one[0])


def growth_hazards(region: RegionSettings, rules: Environment) -> dict[str, HazardInput]:
    """Return the hazards whose zones growth is measured in, by name; none without two years of built-up m2."""
    years = built_up_years(region)
    if len(years) < 2 or any(declared.unit != "m2" for _, _, declared in years):
        return {}
    hazards = region.inputs.hazards
    if rules.growth_hazards is not None:
        return {name: hazards[name] for name in hazards if name in rules.growth_hazards}
    return {name: declared for name, declared in hazards.items() if declared.counts_as_location}


def hazard_growth(region: RegionSettings, zones: ExposureZones, rules: Environment, compute: Compute) -> pd.DataFrame:
    """Return the rows of table ``hazard_growth``: built-up area inside and outside each hazard zone, year by year.

    Hazards are read as exposure reads them: kind, permanent water, reference event.
    """
    years = [(year, open_declared(region, key, declared)) for year, key, declared in built_up_years(region)]
    parts = []
    for name, declared in growth_hazards(region, rules).items():
        for (from_year, before), (to_year, after) in pairwise(years):
            for rows in _of_hazard(region, name, declared, before, after, zones, rules, compute):
                cell_m = float(abs(after.grid.transform.a * after.grid.transform.e)) ** 0.5
                parts.append(rows.assign(from_year=from_year, to_year=to_year, cell_m=cell_m))
    if not parts:
        return pd.DataFrame(columns=GROWTH_COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    for metres, kilometres in _GROUND_COLUMNS.items():
        table[kilometres] = table[metres] / 1e6
    table["growth_hazardous_share"], table["growth_safe_share"] = table["growth_hazardous"], table["growth_safe"]
    inside = table["to_hazardous_km2"] - table["from_hazardous_km2"]
    new = inside + table["to_safe_km2"] - table["from_safe_km2"]
    # A share of growth is told where both parts grew; else it is no part of a whole.
    is_part = (inside >= 0) & (new >= inside) & (new > 0)
    table["new_in_hazard_share"] = (inside / new.where(new > 0)).where(is_part)
    return table[GROWTH_COLUMNS]


def _of_hazard(
    region: RegionSettings,
    name: str,
    declared: HazardInput,
    before: RasterFile,
    after: RasterFile,
    zones: ExposureZones,
    rules: Environment,
    compute: Compute,
) -> list[pd.DataFrame]:
    """Return the growth of every area between two years, for each scenario of a hazard."""
    named = zones.areas[AREA_COLUMNS].reset_index(drop=True)
    areas = gpd.GeoDataFrame(geometry=zones.areas.geometry.array, crs=zones.areas.crs)
    if not declared.events:
        ground, exposed = risk_areas(region, name, declared, zones)
        found = class_growth(before, after, ground, areas, exposed=exposed, compute=compute)
        told = {"hazard": name, "return_period": np.nan, "threshold": ", ".join(exposed)}
        return [named.join(found).assign(**told)]
    parts = []
    for hazard, kind, events in hazard_scenarios(region, name, declared, zones):
        year, source = events[reference_event(events, region.exposure or Exposure())]
        threshold = rules.growth_from.get(name, exposed_threshold(kind, declared))
        found = built_up_growth(
            before, after, source, areas, kind=kind, threshold=threshold, water=open_water(region), compute=compute
        )
        label = f"{'>=' if kind.direction == 'above' else '<'}{threshold:g}"
        told = {"hazard": hazard, "return_period": np.nan if year is None else year, "threshold": label}
        parts.append(named.join(found).assign(**told))
    return parts


def exposed_services(region: RegionSettings, exposure: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of table ``exposed_services`` from those of ``hazard_exposure``, at the reference event.

    Parameters
    ----------
    region : RegionSettings
        With ``inputs.services`` and ``inputs.hazards``.
    exposure : DataFrame
        Table ``hazard_exposure``; nothing is measured again.
    """
    places = exposure[exposure["asset"].isin(list(region.inputs.services)) & (exposure["unit"] == "places")]
    parts = []
    for name, declared in region.inputs.hazards.items():
        for scenario in sorted({event.scenario for event in declared.events} or {""}):
            rows = places[places["hazard"] == hazard_name(name, scenario)]
            year = None
            if declared.events:
                kind = hazard_kind(name, declared)
                exposed = set(kind.exposed_bands(exposed_threshold(kind, declared)))
                years = sorted((e.return_period for e in declared.events if e.scenario == scenario), key=_order)
                # the event is chosen by its years alone
                at = reference_event([(one, cast(Source, None)) for one in years], region.exposure or Exposure())
                year = years[at]
                rows = rows[rows["return_period"].isna() if year is None else rows["return_period"] == year]
            else:
                exposed = _exposed_classes(declared, rows)
            parts.append(_counted(rows, exposed).assign(return_period=np.nan if year is None else year))
    if not parts:
        return pd.DataFrame(columns=SERVICE_COLUMNS)
    table = pd.concat(parts, ignore_index=True)[SERVICE_COLUMNS]
    return table.sort_values(["area_type", "area_id", "service", "hazard"], kind="stable", ignore_index=True)


def _order(year: float | None) -> float:
    return year or 0.0


def _exposed_classes(declared: HazardInput, rows: pd.DataFrame) -> set[str]:
    if declared.classes is None:
        return set(rows["band"]) - {NONE, UNKNOWN, OUTSIDE}
    classes = declared.classes.classes
    first = 0 if declared.classes.exposed_from is None else classes.index(declared.classes.exposed_from)
    return set(classes[first:])


def _counted(rows: pd.DataFrame, exposed: set[str]) -> pd.DataFrame:
    """Count places that are exposed, that are not, and of which it is unknown."""
    side = np.select(
        [rows["band"].isin(exposed), rows["band"].isin([UNKNOWN, OUTSIDE])], ["n_exposed", "n_unknown"], "n_not_exposed"
    )
    keys = [*AREA_COLUMNS, "asset", "hazard"]
    counts = rows.assign(side=side).pivot_table(index=keys, columns="side", values="value", aggfunc="sum")
    counts = counts.reindex(columns=["n_exposed", "n_not_exposed", "n_unknown"]).fillna(0.0).round().astype("Int64")
    return counts.rename_axis(columns=None).reset_index().rename(columns={"asset": "service"})
