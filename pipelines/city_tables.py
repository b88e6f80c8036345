"""Indicators from the tables a city keeps: rows of the ``indicators`` table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from geo_profiling.config.household_inputs import CityTables
from geo_profiling.config.project import RegionSettings
from geo_profiling.errors import InputError
from geo_profiling.indicators import city_tables
from geo_profiling.indicators.beneficiaries import Beneficiaries, count_beneficiaries
from geo_profiling.indicators.publication import indicator_table
from geo_profiling.vector.read import read_table
from pipelines.declared import input_label

Row = dict[str, Any]


def city_records(region: RegionSettings) -> list[pd.DataFrame]:
    """Return the indicators of a region's tables, a frame a year.

    Parameters
    ----------
    region : RegionSettings

    Raises
    ------
    InputError
        If a table is refused, lacks a column, or holds what cannot be.
    """
    tables = region.inputs.tables
    if tables is None:
        return []
    rows = [row for reader in _READERS for row in reader(region, tables)]
    by_year: dict[str, list[Row]] = {}
    for row in rows:
        by_year.setdefault(row.pop("year"), []).append(row)
    found = []
    for year, part in sorted(by_year.items()):
        frame = pd.DataFrame(part)
        for column in ("se", "lower", "upper"):
            frame[column] = np.nan
        for column, value in {"breakdown": "", "category": "_T", "components_used": ""}.items():
            frame[column] = frame[column].fillna(value) if column in frame else value
        sex = frame.pop("sex").fillna("_T") if "sex" in frame else pd.Series("_T", index=frame.index)
        frame["obs_status"], frame["nature"] = "A", "C"
        # The table is sorted by what names a row; sexes come back to their rows by it.
        frame["breakdown"] = frame["breakdown"].mask(sex != "_T", "sex")
        frame["category"] = frame["category"].mask(sex != "_T", sex)
        table = indicator_table(frame, time_period=year)
        by_sex = table["breakdown"].str.startswith("sex=")
        table["sex"] = table["sex"].mask(by_sex, table["breakdown"].str.removeprefix("sex="))
        table["breakdown"] = table["breakdown"].mask(by_sex, "_T")
        found.append(table)
    return found


def _read(region: RegionSettings, tables: CityTables, key: str, columns: list[str]) -> pd.DataFrame | None:
    declared = getattr(tables, key)
    if declared is None:
        return None
    label = input_label(f"tables.{key}", declared.path)
    return read_table(declared.path, roots=region.roots, columns=columns, name=label)


def _number(frame: pd.DataFrame, column: str, key: str) -> pd.Series:
    found = pd.to_numeric(frame[column].replace("", np.nan), errors="coerce")
    wrong = found.isna() & (frame[column] != "")
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise InputError(
            f"tables.{key}: '{frame[column].iloc[row]}' in column '{column}' is no number (row {row + 2})",
            hint="decimals have a point, unknown is empty",
        )
    return found


def _spending(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    columns = ["jurisdiction", "year", "service", "amount", "currency", "population"]
    frame = _read(region, tables, "spending", columns)
    if frame is None:
        return
    frame = frame.assign(**{name: _number(frame, name, "spending") for name in ("amount", "population")})
    for (place, year), part in frame.groupby(["jurisdiction", "year"]):
        if part["currency"].nunique() > 1 or part["population"].nunique() > 1:
            raise InputError(
                f"tables.spending: {place} in {year} has several currencies or populations",
                hint="convert to one currency, and give the people of the jurisdiction in every row",
            )
        currency = str(part["currency"].iloc[0])
        found = city_tables.spending_per_person(
            part["amount"], float(part["population"].iloc[0]), currency=currency, year=int(str(year))
        )
        used = f"{currency}, {', '.join(sorted(set(part['service'])))}"
        yield _row(place, year, "municipal_spending_per_person", found["value"], components_used=used)


def _row(place: object, year: object, indicator: str, value: object, **more: object) -> Row:
    base = {"area_type": "jurisdiction", "area_id": str(place), "year": str(year), "indicator": indicator}
    return {**base, "estimate": value, **more}


def _seats(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    frame = _read(region, tables, "seats", ["jurisdiction", "year", "women", "men", "vacant"])
    if frame is None:
        return
    seats = {name: _number(frame, name, "seats").fillna(0.0) for name in ("women", "men", "vacant")}
    for number, place, year in zip(frame.index, frame["jurisdiction"], frame["year"], strict=True):
        value = city_tables.women_seats(*(float(seats[name][number]) for name in ("women", "men", "vacant")))
        yield _row(place, year, "women_seats", value)


def _work(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    names = ["employed", "unemployed", "youth", "youth_employed", "youth_in_school_not_employed"]
    frame = _read(region, tables, "work", ["jurisdiction", "year", *names])
    if frame is None:
        return
    figures = pd.DataFrame({name: _number(frame, name, "work") for name in names})
    for row, place, year in zip(figures.itertuples(index=False), frame["jurisdiction"], frame["year"], strict=True):
        employed, unemployed, youth, working, learning = map(float, row)
        if not np.isnan([employed, unemployed]).any():
            yield _row(place, year, "unemployment", city_tables.unemployment(employed, unemployed))
        if not np.isnan([youth, working, learning]).any():
            value = city_tables.youth_not_in_work_or_school(youth, working, learning)
            yield _row(place, year, "youth_neet", value, components_used="8.6.1; labelled 8.5.2 by Cities Alliance")


def _migration(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    frame = _read(region, tables, "migration_policies", ["city_id", "year", "has_policy"])
    if frame is None:
        return
    frame = frame.assign(has_policy=_number(frame, "has_policy", "migration_policies"))
    for year, part in frame.groupby("year"):
        yield _row(region.name, year, "migration_policies", float(city_tables.migration_policies(part)))


def _ratings(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    frame = _read(region, tables, "ratings", ["jurisdiction", "year", "rating"])
    if frame is None:
        return
    frame = frame.assign(rating=_number(frame, "rating", "ratings"))
    for (place, year), part in frame.groupby(["jurisdiction", "year"]):
        found = city_tables.informal_economy_rating(part["rating"])
        raters = f"{found['n']:.0f} raters, 1-5"
        yield _row(place, year, "informal_economy_rating", found["mean"], components_used=raters)


def _policies(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    frame = _read(region, tables, "policies", ["policy_id", "year", "theme", "milestone"])
    if frame is None:
        return
    # Milestones add up over the years: what was adopted in one year stands adopted in the next.
    for year in sorted(frame["year"].unique()):
        found = city_tables.policies_by_milestone(frame[frame["year"] <= year])
        for _, row in found.iterrows():
            for milestone in city_tables.MILESTONES:
                label = f"{row['theme']}, {milestone}"
                yield _row(region.name, year, "policies_by_milestone", float(row[milestone]), breakdown="theme",
                           category=label)  # fmt: skip


def _projects(region: RegionSettings, tables: CityTables) -> Iterator[Row]:
    frame = _read(region, tables, "projects", ["project_id", "year", "total", "women", "men", "reach"])
    if frame is None:
        return
    pairs = _read(region, tables, "overlaps", ["first", "second"])
    overlaps = [] if pairs is None else list(zip(pairs["first"], pairs["second"], strict=True))
    frame = frame.assign(**{name: _number(frame, name, "projects") for name in ("total", "women", "men")})
    frame["reach"] = frame["reach"].replace("", "direct")
    known = set(frame["project_id"])
    for project in {name for pair in overlaps for name in pair} - known:
        raise InputError(f"tables.overlaps: names project {project}, which is not among the projects")
    for year, part in frame.groupby("year"):
        own = set(part["project_id"])
        inside = [pair for pair in overlaps if own.issuperset(pair)]
        for found in count_beneficiaries(part, inside, name="tables.projects"):
            yield from _beneficiary_rows(region.name, str(year), found)


def _beneficiary_rows(place: str, year: str, found: Beneficiaries) -> Iterator[Row]:
    name = f"beneficiaries_{found.reach}"
    used = f"the larger of {found.n_projects} projects in {found.n_groups} groups that overlap"
    for sex, value in (("_T", found.total), ("F", found.women), ("M", found.men)):
        yield _row(place, year, name, value, sex=sex, components_used=used)
    yield _row(place, year, name, found.independent, breakdown="reading", category="largest set without overlap")


_READERS: tuple[Callable[[RegionSettings, CityTables], Iterator[Row]], ...] = (
    _spending, _seats, _work, _migration, _ratings, _policies, _projects,
)  # fmt: skip
