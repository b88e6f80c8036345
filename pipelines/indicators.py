"""Indicators of a region: from its household survey, its layers and the tables a city keeps, in one table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path

import geopandas as gpd
import pandas as pd

from geo_profiling.compute import Compute
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.findings import Finding
from geo_profiling.indicators.comparisons import compare_published
from geo_profiling.indicators.estimates import WHOLE, direct_estimates, fill_modelled
from geo_profiling.indicators.households import Households
from geo_profiling.indicators.jmp_water import jmp_estimates
from geo_profiling.indicators.measures import household_measures
from geo_profiling.indicators.publication import FIELDS, indicator_table, suppress_small, wide_indicators
from geo_profiling.indicators.secure_tenure import register_estimates
from geo_profiling.outputs.indicator_layers import WIDE_LAYERS
from geo_profiling.outputs.sdmx import sdmx_table
from geo_profiling.outputs.tables import write_csv, write_parquet
from pipelines.city_tables import city_records
from pipelines.households import (
    estimation_rules,
    household_areas,
    household_rules,
    read_households,
    with_age_groups,
    with_layers,
)
from pipelines.indicator_places import people_by_stratum, people_of_areas, place_records, region_areas
from pipelines.steps.indicators import wide_kinds

_log = logging.getLogger("geo_profiling.indicators")


def run_indicators(region: RegionSettings, directory: Path, compute: Compute) -> None:
    """Compute every indicator that the inputs allow: tables ``indicators`` and ``indicator_inequality``, SDMX-CSV.

    Parameters
    ----------
    region : RegionSettings
        With ``indicators``.
    directory : Path
        The region's output folder; the tables of areas that are there get indicators.
    compute : Compute

    Raises
    ------
    InputError
        If an input is refused, or there is nothing to compute an indicator from.
    """
    rules = region.indicators
    assert rules is not None  # only asked for where it is configured
    parts: list[pd.DataFrame] = []
    people: dict[str, pd.Series] = {}
    nesting: dict[tuple[str, str], str] = {}
    if region.inputs.households is not None:
        households = read_households(region)
        _tell(households.findings)
        published, people, nesting = _from_households(region, directory, households, compute)
        parts.append(published)
    parts += _registered(region, directory)
    parts += place_records(region, directory, compute)
    parts += city_records(region)
    parts = [part for part in parts if len(part)]
    if not parts:
        raise InputError(
            f"region {region.name}: there is nothing to compute indicators from",
            hint="give 'inputs.households', 'inputs.tables', or population with stops, open spaces or epochs",
        )
    table = pd.concat(parts, ignore_index=True)[list(FIELDS)]
    table = _typed(table).sort_values(["area_type", "area_id", "indicator", "breakdown", "time_period"], kind="stable")
    write_parquet(directory / "tables/indicators.parquet", table)
    compared = compare_published(table, people, people_of_areas(region, directory, compute), nesting)
    write_parquet(directory / "tables/indicator_inequality.parquet", compared)
    for kind in wide_kinds(region):
        write_parquet(directory / f"tables/{WIDE_LAYERS[kind][0]}.parquet", _wide(region, directory, kind, table))
    write_csv(directory / "indicators.csv", sdmx_table(table))


def _registered(region: RegionSettings, directory: Path) -> list[pd.DataFrame]:
    """Return SDG 1.4.2 of the settlements in the register of tenure; nothing without one."""
    path = directory / "tables/tenure_shares.parquet"
    rules = None if region.settlements is None else region.settlements.tenure
    if region.inputs.tenure is None or rules is None or not path.is_file():
        return []
    found = register_estimates(pd.read_parquet(path), region=region.name)
    return [indicator_table(found, time_period=rules.reference_date[:4])]


def _wide(region: RegionSettings, directory: Path, kind: str, table: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the areas of a kind with their indicators side by side."""
    every = region_areas(region, directory)
    # A metropolis may have no area of a scale.
    areas = every[kind] if kind in every else next(iter(every.values())).iloc[:0]
    named = areas.reset_index()
    return named.merge(wide_indicators(table, kind), on="area_id", how="left", validate="one_to_one")


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        level = logging.WARNING if finding.severity == "warning" else logging.INFO
        _log.log(level, "%s", finding, extra={"fields": {"hint": finding.remedy}})


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the same types whichever inputs there are."""
    numbers = ["obs_value", "lower_bound", "upper_bound", "se", "n_eff", "deff", "coverage_share"]
    counts = ["n", "n_psu", "df"]
    typed = table.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(counts, "Int64"))
    for column in [name for name in typed.columns if name not in (*numbers, *counts)]:
        typed[column] = typed[column].astype("string")
    return typed


def _from_households(
    region: RegionSettings, directory: Path, households: Households, compute: Compute
) -> tuple[pd.DataFrame, dict[str, pd.Series], dict[tuple[str, str], str]]:
    """Return the published rows of a survey, the people of each kind of areas, and which areas lie in which."""
    rules, declared = region.indicators, region.inputs.households
    assert rules is not None  # only asked for where it is configured
    assert declared is not None
    areas = household_areas(region, directory, households)
    households = with_layers(region, directory, households, areas)
    measures = household_measures(households, household_rules(rules, households))
    households = with_age_groups(households)
    estimates = direct_estimates(
        households, measures, areas, breakdowns=rules.breakdowns, rules=estimation_rules(rules)
    )
    by_minimum = jmp_estimates(households, areas, water_list=rules.water_list, rules=estimation_rules(rules))
    if len(by_minimum):
        estimates = pd.concat([estimates, by_minimum], ignore_index=True)
    nesting = nested_areas(areas)
    shown = suppress_small(
        estimates, all_nestings(areas), minimum=rules.min_households, caution=rules.caution_households
    )
    if rules.modelled_by is not None:
        sampled = areas["unit"].dropna().map(str).unique() if "unit" in areas else ()
        people = people_by_stratum(region, directory, rules.modelled_by, compute, sampled_units=sampled)
        if people is not None:
            shown = fill_modelled(shown, people, strata=rules.modelled_by)
    weights = {kind: households.frame["person_weight"].groupby(ids.map(str)).sum() for kind, ids in areas.items()}
    whole = shown["area_type"] == WHOLE
    shown["area_id"] = shown["area_id"].mask(whole, region.name)
    return indicator_table(shown, time_period=str(declared.year)), weights, nesting


def nested_areas(areas: Mapping[str, pd.Series]) -> dict[tuple[str, str], str]:
    """Return which area of another kind each area lies wholly in, by where households are.

    Parameters
    ----------
    areas : mapping
        Kind of area to the area of each household.

    Returns
    -------
    dict
        ``(kind, id)`` to ``"kind/id"``; of several kinds that with the fewest areas of more than one.

    Examples
    --------
    >>> areas = {"zone": pd.Series(["1", "2", "2"]), "city": pd.Series(["N", "S", "S"])}
    >>> nested_areas({**areas, "city": pd.Series(["N", "N", "N"])})
    {('zone', '1'): 'city/N', ('zone', '2'): 'city/N'}
    """
    sizes = {kind: ids.nunique() for kind, ids in areas.items()}
    found: dict[tuple[str, str], str] = {}
    for area, wholes in all_nestings(areas).items():
        larger = [whole for whole in wholes if 1 < sizes[whole.partition("/")[0]] < sizes[area[0]]]
        larger = larger or [whole for whole in wholes if sizes[whole.partition("/")[0]] < sizes[area[0]]]
        if larger:
            found[area] = min(larger, key=lambda whole: sizes[whole.partition("/")[0]])
    return found


def all_nestings(areas: Mapping[str, pd.Series]) -> dict[tuple[str, str], list[str]]:
    """Return every area of another kind that each area lies wholly in, by where households are.

    Examples
    --------
    >>> all_nestings({"zone": pd.Series(["1", "2", "2"]), "city": pd.Series(["N", "N", "N"])})
    {('zone', '1'): ['city/N'], ('zone', '2'): ['city/N']}
    """
    found: dict[tuple[str, str], list[str]] = {}
    for small, large in permutations(areas, 2):
        pairs = pd.DataFrame({"small": areas[small], "large": areas[large].fillna("")}).dropna(subset=["small"])
        of_area = pairs.groupby("small")["large"].agg(["nunique", "first"])
        for identifier, row in of_area.iterrows():
            if row["nunique"] == 1 and row["first"] != "":
                found.setdefault((small, str(identifier)), []).append(f"{large}/{row['first']}")
    return found
