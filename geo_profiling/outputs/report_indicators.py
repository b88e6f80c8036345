"""The report's sections on indicators: values with their intervals, areas compared, a part for each settlement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.map_page import as_png
from geo_profiling.outputs.report_section import (
    Column,
    Picture,
    ReportSection,
    Table,
    number,
    table_of,
)

REPORTED = ("indicators", "indicator_inequality")
#: Indicators that are compared and drawn; all stand in the tables.
_MAIN = (
    "slum_household", "deprived_two_or_more", "water_at_least_basic", "sanitation_at_least_basic", "hygiene_basic",
    "waste_collection_access", "public_transport_access", "open_space_access", "hazard_exposed_pop",
)  # fmt: skip
#: Kinds of areas in the order of the report.
_KINDS = {
    "survey_area": "Area of the survey",
    "functional_urban_area": "Functional urban area",
    "urban_centre": "Urban centre",
    "rest_of_city": "Urban centre without its settlements",
    "metropolitan_area": "Metropolitan area",
    "agglomeration": "Agglomeration",
    "city_corporation": "City corporation",
    "unit": "Local unit",
    "zone": "Zone",
    "settlement": "Informal settlement",
}
_NATURE = {"E": "estimated", "M": "modelled", "C": "reported"}
_INTERVAL_CAVEAT = (
    "A figure from a sample is uncertain: its interval would hold the true value in 95 of 100 such surveys. Values on "
    "fewer than 25 households are left out, and others with them where they would give those away; values on fewer "
    "than 50 households, or on few sampled places, are marked with an asterisk. Modelled values carry the rates of "
    "slums and other quarters to places with too few households of their own: they do not tell what is special there."
)
#: Areas that are drawn.
_DRAWN = 30


def indicator_sections(
    layers: Mapping[str, pd.DataFrame], _pictures: Mapping[str, bytes], _manifest: Manifest
) -> list[ReportSection]:
    """Return the sections on indicators; none where there are none.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published.
    _pictures : mapping of str to bytes
        Every section is handed them.
    _manifest : Manifest
        Likewise.

    Examples
    --------
    >>> indicator_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    table = layers.get("indicators")
    if table is None or table.empty:
        return []
    names = _names(layers)
    totals = table[(table["breakdown"] == "_T") & (table["sex"] == "_T") & (table["urbanisation"] == "_T")]
    sections = [_overview(table, totals, names, layers.get("indicator_inequality"))]
    settlements = totals[totals["area_type"] == "settlement"]
    if len(settlements):
        sections.append(_by_settlement(settlements, names))
    return sections


def _names(layers: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for layer, kind, field in (
        ("settlements", "settlement", "settlement_id"),
        ("units", "unit", "unit_id"),
        ("urban_centres", "urban_centre", "centre_id"),
        ("functional_urban_areas", "functional_urban_area", "fua_id"),
    ):
        frame = layers.get(layer)
        if frame is not None and "name" in frame:
            pairs = zip(frame[field].map(str), frame["name"], strict=True)
            found |= {(kind, identifier): str(name) for identifier, name in pairs if pd.notna(name)}
    centres = {
        ("rest_of_city", identifier): name for (kind, identifier), name in found.items() if kind == "urban_centre"
    }
    return found | centres


def _called(kind: str, identifier: str, names: Mapping[tuple[str, str], str]) -> str:
    """Return what readers call an area: its name, or its id, with what it is where the id is a number."""
    plain = f"{_KINDS[kind]} {identifier}" if identifier.isdigit() and kind in _KINDS else identifier
    return names.get((kind, identifier), plain)


def _value(row: Mapping[Any, Any]) -> str:
    """Write a value with its interval; a mark where it rests on little."""
    if row["obs_status"] == "Q":
        return "too few households"
    if pd.isna(row["obs_value"]):
        return "unknown"
    unit = " %" if row["unit_measure"] == "PT" else ""
    text = number(row["obs_value"], 1) + unit
    if pd.notna(row["lower_bound"]):
        text += f" ({number(row['lower_bound'], 1)} to {number(row['upper_bound'], 1)})"
    return text + ("*" if row["obs_status"] == "U" else "")


def _described(rows: pd.DataFrame) -> Table:
    records = rows.to_dict("records")
    cells = tuple(
        (
            CATALOGUE[str(row["indicator"])].title,
            _value(row),
            "" if pd.isna(row["n"]) else number(row["n"]),
            _NATURE.get(str(row["nature"]), ""),
            "" if pd.isna(row["components_used"]) else str(row["components_used"]),
        )
        for row in records
    )
    columns = (
        Column("Indicator"), Column("Value (95 % interval)", True), Column("Households", True), Column("How"),
        Column("Made of"),
    )  # fmt: skip
    return Table("", columns, cells)


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    order = {name: position for position, name in enumerate(CATALOGUE)}
    return rows.sort_values("indicator", key=lambda names: names.map(order), kind="stable")


def _overview(
    table: pd.DataFrame, totals: pd.DataFrame, names: Mapping[tuple[str, str], str], compared: pd.DataFrame | None
) -> ReportSection:
    tables, pictures = [], []
    whole = totals[totals["area_type"] == "survey_area"]
    if len(whole):
        described = _described(_ordered(whole))
        caption = "All people of the area that the survey was drawn from"
        tables.append(Table(caption, described.columns, described.rows))
    areas = totals[totals["area_type"].isin(list(_KINDS)) & totals["indicator"].isin(_MAIN)]
    if len(areas):
        tables.append(_comparison(areas, names))
        pictures += _drawings(areas, names)
    records = table[(table["nature"] == "C") | table["area_type"].eq("jurisdiction")]
    if len(records):
        rows = records.assign(
            title=[CATALOGUE[str(name)].title for name in records["indicator"]],
            value=[_value(row) for row in records.to_dict("records")],
            part=records["breakdown"].where(records["breakdown"] != "_T", ""),
            sex=records["sex"].where(records["sex"] != "_T", ""),
        )
        columns = {
            "area_id": ("Place", "text"), "time_period": ("Year", "text"), "title": ("Indicator", "text"),
            "part": ("Part", "text"), "sex": ("Sex", "text"), "value": ("Value", "text"),
            "components_used": ("Made of", "text"),
        }  # fmt: skip
        tables.append(table_of(rows, columns, caption="From the tables that the city keeps"))
    if compared is not None and len(compared):
        tables.append(_inequality(compared))
    years = ", ".join(sorted(table["time_period"].dropna().astype(str).unique()))
    return ReportSection(
        "Indicators",
        (f"{table['indicator'].nunique()} indicators of {years}. Shares are shares of people, not of households.",),
        tuple(tables),
        tuple(pictures),
        (_INTERVAL_CAVEAT,),
        (
            "Indicators follow the SDG metadata; each is declared in the catalogue (docs/indicators.md). Estimates are "
            "design-based: Taylor linearisation over strata and PSUs, intervals with the degrees of freedom of the "
            "domain. A share of slum households made of fewer than five components is a lower bound.",
        ),
    )


def _comparison(areas: pd.DataFrame, names: Mapping[tuple[str, str], str]) -> Table:
    shown = [name for name in _MAIN if name in set(areas["indicator"])]
    rank = {kind: position for position, kind in enumerate(_KINDS)}
    rows = []
    for (kind, identifier), part in sorted(
        areas.groupby(["area_type", "area_id"]), key=lambda item: (rank[str(item[0][0])], str(item[0][1]))
    ):
        by = {str(row["indicator"]): row for row in part.to_dict("records")}
        cells = [_value(by[name]) if name in by else "" for name in shown]
        rows.append((_KINDS[str(kind)], _called(str(kind), str(identifier), names), *cells))
    columns = (Column("Kind of area"), Column("Area"), *(Column(CATALOGUE[name].title, True) for name in shown))
    return Table("Areas compared: values with 95 % intervals", columns, tuple(rows), is_folded=True)


def _drawings(areas: pd.DataFrame, names: Mapping[tuple[str, str], str]) -> list[Picture]:
    pictures = []
    for indicator in _MAIN:
        rows = areas[(areas["indicator"] == indicator) & areas["lower_bound"].notna()]
        rows = rows[rows["obs_value"].notna()].sort_values(["obs_value", "area_id"], kind="stable").tail(_DRAWN)
        if len(rows) > 1:
            item = CATALOGUE[indicator]
            caption = f"{item.title}: {item.meaning} Bars are 95 % intervals; open marks are modelled values."
            pictures.append(Picture(caption, _draw(rows, names, f"{item.title} (%)")))
    return pictures


def _draw(rows: pd.DataFrame, names: Mapping[tuple[str, str], str], title: str) -> bytes:
    """Draw values and their intervals, one line an area."""
    figure = Figure(figsize=(7.0, 0.9 + 0.24 * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    value, low, high = (rows[name].to_numpy(float) for name in ("obs_value", "lower_bound", "upper_bound"))
    modelled = (rows["nature"] == "M").to_numpy()
    axes.hlines(places, low, high, color="#6b1d4b", linewidth=1.6)
    for is_open, face in ((False, "#6b1d4b"), (True, "#ffffff")):
        chosen = modelled == is_open
        axes.plot(value[chosen], places[chosen], "o", markersize=5, color="#6b1d4b", markerfacecolor=face)
    pairs = zip(rows["area_type"], rows["area_id"], strict=True)
    axes.set_yticks(places, [_called(str(kind), str(area), names) for kind, area in pairs], fontsize=8)
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(title, fontsize=9)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return as_png(figure)


def _inequality(compared: pd.DataFrame) -> Table:
    rows = compared.assign(title=[CATALOGUE[str(name)].title for name in compared["indicator"]])
    columns = {
        "title": ("Indicator", "text"), "comparison": ("Compared", "text"), "first": ("First", "text"),
        "second": ("Second", "text"), "gap_pct": ("Gap (points)", "1"), "gap_low_pct": ("from", "1"),
        "gap_high_pct": ("to", "1"), "ratio": ("Ratio", "2"), "gini": ("Gini", "3"), "theil": ("Theil", "3"),
        "theil_between": ("of it between", "3"),
    }  # fmt: skip
    return table_of(rows, columns, caption="How unequal areas and groups are", is_folded=True)


def _by_settlement(rows: pd.DataFrame, names: Mapping[tuple[str, str], str]) -> ReportSection:
    tables = []
    for identifier, part in rows.groupby("area_id", sort=True):
        name = names.get(("settlement", str(identifier)), "")
        title = f"{name} ({identifier})" if name else str(identifier)
        described = _described(_ordered(part))
        tables.append(Table(title, described.columns, described.rows, is_folded=True))
    return ReportSection(
        "Indicators of each settlement",
        ("One table for each informal settlement; an asterisk marks values on few households.",),
        tuple(tables),
    )
