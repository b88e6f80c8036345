"""The report's section on indicators: values with their intervals, areas compared, how unequal they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_indicator_charts import indicator_chart
from geo_profiling.outputs.report_names import KINDS, NAMED_LAYERS, AreaNames, enumerated
from geo_profiling.outputs.report_section import (
    Column,
    Picture,
    ReportSection,
    Table,
    number,
    table_of,
)

REPORTED = ("indicators", "indicator_inequality", *NAMED_LAYERS)
#: Indicators that are compared and drawn; all stand in the tables.
_MAIN = (
    "slum_household", "deprived_two_or_more", "water_at_least_basic", "sanitation_at_least_basic", "hygiene_basic",
    "waste_collection_access", "public_transport_access", "open_space_access", "hazard_exposed_pop",
)  # fmt: skip
NATURE = {"E": "estimated", "M": "modelled", "C": "reported"}
_INTERVAL_CAVEAT = (
    "A figure from a sample is uncertain: its interval would hold the true value in 95 of 100 such surveys. Values on "
    "fewer than 25 households are left out, and others with them where they would give those away; values on fewer "
    "than 50 households, or on few sampled places, are marked with an asterisk. Modelled values carry the rates of "
    "slums and other quarters to places with too few households of their own: they do not tell what is special there."
)
_GROUPS = {"sex_of_head": ("Sex of the head of household", {"F": "headed by women", "M": "headed by men"}),
           "wealth_quintile": ("Wealth", {"Q1": "poorest fifth", "Q5": "richest fifth"}),
           "is_slum_area": ("Slum areas", {"0": "outside slum areas", "1": "in slum areas"})}  # fmt: skip
#: A gap (percentage points) below which areas share one modelled rate, and nothing is compared.
_NO_GAP_PCT = 0.05


def indicator_sections(
    layers: Mapping[str, pd.DataFrame], _pictures: Mapping[str, bytes], manifest: Manifest
) -> list[ReportSection]:
    """Return the section on indicators; none where there are none.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published.
    _pictures : mapping of str to bytes
        Every section is handed them.
    manifest : Manifest
        Its title is the name of the whole region.

    Examples
    --------
    >>> indicator_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    table = layers.get("indicators")
    if table is None or table.empty:
        return []
    names = AreaNames(layers, manifest.title)
    totals = totals_of(table)
    return [_overview(table, totals, names, layers.get("indicator_inequality"))]


def totals_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all people of each area."""
    return table[(table["breakdown"] == "_T") & (table["sex"] == "_T") & (table["urbanisation"] == "_T")]


def value_words(row: Mapping[Any, Any]) -> str:
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
            value_words(row),
            "" if pd.isna(row["n"]) else number(row["n"]),
            NATURE.get(str(row["nature"]), ""),
            "" if pd.isna(row["components_used"]) else str(row["components_used"]),
        )
        for row in records
    )
    columns = (
        Column("Indicator"), Column("Value (95 % interval)", True), Column("Households", True), Column("How"),
        Column("Made of"),
    )  # fmt: skip
    return Table("", columns, cells)


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Order rows as the catalogue does."""
    order = {name: position for position, name in enumerate(CATALOGUE)}
    return rows.sort_values("indicator", key=lambda names: names.map(order), kind="stable")


def _overview(
    table: pd.DataFrame, totals: pd.DataFrame, names: AreaNames, compared: pd.DataFrame | None
) -> ReportSection:
    tables, pictures = [], []
    whole = totals[totals["area_type"] == "survey_area"]
    if len(whole):
        described = _described(ordered(whole))
        caption = "All people of the area that the survey was drawn from"
        tables.append(Table(caption, described.columns, described.rows))
    areas = totals[totals["area_type"].isin(list(KINDS)) & totals["indicator"].isin(_MAIN)]
    if len(areas):
        tables.append(_comparison(areas, names))
    pictures += _drawings(table, names)
    records = table[(table["nature"] == "C") | table["area_type"].eq("jurisdiction")]
    if len(records):
        rows = records.assign(
            place=[
                names.called(str(k), str(a)) if k in KINDS else a
                for k, a in zip(records["area_type"], records["area_id"], strict=True)
            ],
            title=[CATALOGUE[str(name)].title for name in records["indicator"]],
            value=[value_words(row) for row in records.to_dict("records")],
            part=records["breakdown"].where(records["breakdown"] != "_T", ""),
            sex=records["sex"].where(records["sex"] != "_T", ""),
        )
        columns = {
            "place": ("Place", "text"), "time_period": ("Year", "text"), "title": ("Indicator", "text"),
            "part": ("Part", "text"), "sex": ("Sex", "text"), "value": ("Value", "text"),
            "components_used": ("Made of", "text"),
        }  # fmt: skip
        tables.append(table_of(rows, columns, caption="From the tables that the city keeps"))
    if compared is not None and len(compared):
        tables.append(_inequality(compared, names))
    years = sorted(table["time_period"].dropna().astype(str).unique())
    return ReportSection(
        "Indicators",
        (
            f"{_counted(table['indicator'].nunique(), 'indicator')} of {enumerated(years)}. Shares are shares of "
            "people, not of households.",
        ),
        tuple(tables),
        tuple(pictures),
        (_INTERVAL_CAVEAT,) if table["lower_bound"].notna().any() or (table["obs_status"] == "Q").any() else (),
        (
            "Indicators follow the SDG metadata; each is declared in the catalogue (docs/indicators.md). Estimates are "
            "design-based: Taylor linearisation over strata and PSUs, intervals with the degrees of freedom of the "
            "domain. A share of slum households made of fewer than five components is a lower bound.",
        ),
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _comparison(areas: pd.DataFrame, names: AreaNames) -> Table:
    shown = [name for name in _MAIN if name in set(areas["indicator"])]
    rank = {kind: position for position, kind in enumerate(KINDS)}
    rows = []
    for (kind, identifier), part in sorted(
        areas.groupby(["area_type", "area_id"]), key=lambda item: (rank[str(item[0][0])], str(item[0][1]))
    ):
        by = {str(row["indicator"]): row for row in part.to_dict("records")}
        cells = [value_words(by[name]) if name in by else "" for name in shown]
        rows.append((KINDS[str(kind)], names.called(str(kind), str(identifier)), *cells))
    columns = (Column("Kind of area"), Column("Area"), *(Column(CATALOGUE[name].title, True) for name in shown))
    return Table("Areas compared: values with 95 % intervals", columns, tuple(rows), is_folded=True)


def _drawings(table: pd.DataFrame, names: AreaNames) -> list[Picture]:
    pictures = []
    whole = table[(table["sex"] == "_T") & (table["urbanisation"] == "_T") & (table["unit_measure"] == "PT")]
    for indicator in _MAIN:
        item = CATALOGUE[indicator]
        rows = whole[whole["indicator"] == indicator]
        png = indicator_chart(rows, names, f"{item.title} (%)") if len(rows) else None
        if png is None:
            continue
        told = rows[rows["obs_value"].notna()]
        words = []
        if told["lower_bound"].notna().any():
            words.append("Bars are 95 % intervals.")
        if (told["nature"] == "M").any():
            words.append("Open marks are modelled values: the rate of slums or other quarters, not a count there.")
        pictures.append(Picture(" ".join([f"{item.title}: {item.meaning}", *words]), png))
    return pictures


def _inequality(compared: pd.DataFrame, names: AreaNames) -> Table:
    """Set gaps with what is compared in words; areas that share one modelled rate are not unequal by any count."""
    is_areas = compared["comparison"].str.startswith("between areas: ")
    told = compared[~(is_areas & (compared["gap_pct"].abs() < _NO_GAP_PCT))]
    words = [_compared_words(row, names) for row in told.to_dict("records")]
    rows = told.assign(
        title=[CATALOGUE[str(name)].title for name in told["indicator"]],
        comparison=[comparison for comparison, _, _ in words],
        first=[first for _, first, _ in words],
        second=[second for _, _, second in words],
    )
    columns = {
        "title": ("Indicator", "text"), "comparison": ("Compared", "text"), "first": ("First (highest)", "text"),
        "second": ("Second (lowest)", "text"), "gap_pct": ("Gap (points)", "1"), "gap_low_pct": ("from", "1"),
        "gap_high_pct": ("to", "1"), "ratio": ("Ratio", "2"), "gini": ("Gini", "3"), "theil": ("Theil", "3"),
        "theil_between": ("of it between", "3"),
    }  # fmt: skip
    caption = "How unequal areas and groups are"
    if len(told) < len(compared):
        caption += "; areas that share one modelled rate are left out"
    return table_of(rows, columns, caption=caption, is_folded=True)


def _compared_words(row: Mapping[Any, Any], names: AreaNames) -> tuple[str, str, str]:
    """Say what is compared, and the two ends of it."""
    ends = str(row["first"]), str(row["second"])
    what, _, which = str(row["comparison"]).partition(": ")
    if what == "between areas":
        kind = KINDS.get(which, which.replace("_", " "))
        return f"{kind}s", names.called(which, ends[0]), names.called(which, ends[1])
    title, groups = _GROUPS.get(which, (which.replace("_", " ").capitalize(), {}))
    return title, groups.get(ends[0], ends[0]), groups.get(ends[1], ends[1])
