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
#: Figures that are easily taken for each other, side by side: what they are about, and the two.
_PAIRS = (
    ("Slum households (11.1.1)", "slum_household", "households_in_slum_conditions"),
    ("Slum areas", "slum_area", "households_in_slum_areas"),
    ("Drinking water, at least basic", "water_at_least_basic", "households_water_at_least_basic"),
    ("Sanitation, at least basic", "sanitation_at_least_basic", "households_sanitation_at_least_basic"),
    ("Handwashing, basic", "hygiene_basic", "households_hygiene_basic"),
    ("Waste collection", "waste_collection_access", "households_waste_collection_access"),
)
_READINGS = (
    ("Safely managed water: all true of the same household", "water_safely_managed"),
    ("Safely managed water: JMP's minimum of margins", "water_safely_managed_minimum"),
    ("Basic handwashing, where the place was seen or there is none", "hygiene_basic"),
    ("Basic handwashing, of all households", "hygiene_of_all_basic"),
)
_TENURE = {"tenure_documented": "Documented", "tenure_perceived_secure": "Felt to be secure", "tenure_secure": "Both"}
_GROUPS = {"age_of_head": ("Age of the head of household", {"Y_GE60": "60 and over", "Y_LT35": "under 35"}),
           "sex": ("Sex of adults", {"F": "women", "M": "men"}),
           "tenure": ("Tenure", {"tenant": "tenants", "owner": "owners"}),
           "core and commuting zone": ("Core and commuting zone",
                                       {"city_core": "core of the city", "commuting_zone": "commuting zone"}),
           "sex_of_head": ("Sex of the head of household", {"F": "headed by women", "M": "headed by men"}),
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
            _made_of(row["components_used"]),
        )
        for row in records
    )
    columns = (
        Column("Indicator"), Column("Value (95 % interval)", True), Column("Households", True), Column("How"),
        Column("Made of"),
    )  # fmt: skip
    return Table("", columns, cells)


def _made_of(used: Any) -> str:
    """Say what a value is made of as people write it."""
    if pd.isna(used):
        return ""
    lists = {"jmp2017": "improved sources as JMP lists them", "mdg": "improved sources as the MDGs listed them",
             "unhabitat2003": "improved sources as UN-Habitat listed them (2003)"}  # fmt: skip
    return lists.get(str(used), str(used).replace("+", ", ").replace("_", " "))


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
        of_people = [not CATALOGUE[str(name)].of_people for name in whole["indicator"]]
        described = _described(ordered(whole[of_people]))
        caption = "All people of the area that the survey was drawn from"
        tables.append(Table(caption, described.columns, described.rows))
        tables += [found for found in (_slums_two_ways(whole), _pairs(whole), _readings(whole)) if found.rows]
    areas = totals[totals["area_type"].isin(list(KINDS)) & totals["indicator"].isin(_MAIN)]
    if len(areas):
        tables.append(_comparison(areas, names))
    pictures += _drawings(table, names)
    tenure = table[table["indicator"].isin(list(_TENURE)) & table["breakdown"].eq("_T")]
    if len(tenure):
        tables.append(_tenure(tenure, names))
    records = table[(table["nature"] == "C") | table["area_type"].eq("jurisdiction")]
    records = records[~records["indicator"].isin(list(_TENURE))]
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
            "people; those of households or of adults say so in their name.",
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


def _cell(whole: pd.DataFrame, indicator: str) -> str | None:
    rows = whole[whole["indicator"] == indicator].to_dict("records")
    return value_words(rows[-1]) if rows else None


def _slums_two_ways(whole: pd.DataFrame) -> Table:
    """Set slums as areas beside slums as households: two tests that find different people."""
    titles = {
        "slum_both": ("in slum areas", "slum households"), "slum_area_only": ("in slum areas", "other households"),
        "slum_household_only": ("elsewhere", "slum households"), "slum_neither": ("elsewhere", "other households"),
    }  # fmt: skip
    cells = {place: _cell(whole, name) for name, place in titles.items()}
    found = [name for name in cells.values() if name is not None]
    rows = [
        (place.capitalize(), cells[place, "slum households"] or "", cells[place, "other households"] or "", of_all)
        for place, of_all in (("in slum areas", _cell(whole, "slum_area") or ""), ("elsewhere", ""))
    ]
    rows.append(("All people", _cell(whole, "slum_household") or "", "", ""))
    columns = (
        Column("People (%)"), Column("In slum households", True), Column("In other households", True),
        Column("Together", True),
    )  # fmt: skip
    caption = "Slums by area and by household: the map and the household's own conditions find different people"
    return Table(caption, columns, tuple(rows) if len(found) == len(titles) else ())


def _pairs(whole: pd.DataFrame) -> Table:
    rows = [
        (title, people, homes)
        for title, first, second in _PAIRS
        for people, homes in [(_cell(whole, first), _cell(whole, second))]
        if people is not None and homes is not None
    ]
    columns = (Column("Indicator"), Column("Share of people", True), Column("Share of households", True))
    caption = "People and households: two shares. SDG indicators are shares of people"
    return Table(caption, columns, tuple(rows), is_folded=True)


def _readings(whole: pd.DataFrame) -> Table:
    """Set two readings of an indicator beside each other, where both are there."""
    found = {name: _cell(whole, name) for _, name in _READINGS}
    rows = []
    for first, second in (_READINGS[:2], _READINGS[2:]):
        values = found[first[1]], found[second[1]]
        if values[0] is not None and values[1] is not None and values[0] != values[1]:
            rows += [(first[0], values[0]), (second[0], values[1])]
    caption = "Two readings of the same indicator: neither may stand for the other"
    return Table(caption, (Column("Reading"), Column("Share of people", True)), tuple(rows), is_folded=True)


def _tenure(rows: pd.DataFrame, names: AreaNames) -> Table:
    """Return SDG 1.4.2 of each area: documented, felt to be secure, and both, of all adults, women and men."""
    latest = rows.sort_values("time_period", kind="stable").drop_duplicates(
        ["area_type", "area_id", "indicator", "sex"], keep="last"
    )
    cells = {
        (str(row["area_type"]), str(row["area_id"]), str(row["indicator"]), str(row["sex"])): value_words(row)
        for row in latest.to_dict("records")
    }
    rank = {kind: position for position, kind in enumerate(KINDS)}
    areas = sorted({key[:2] for key in cells}, key=lambda area: (rank.get(area[0], len(rank)), area[1]))
    lines = [
        (
            names.called(*area) if area[0] == "settlement" else f"{names.called(*area)}: {KINDS.get(area[0], area[0])}",
            people,
            *(cells.get((*area, indicator, sex), "") for indicator in _TENURE),
        )
        for area in areas
        for sex, people in (("_T", "all adults"), ("F", "women"), ("M", "men"))
        if any((*area, indicator, sex) in cells for indicator in _TENURE)
    ]
    columns = (Column("Place"), Column("Of whom"), *(Column(title, True) for title in _TENURE.values()))
    return Table("Secure tenure of adults (SDG 1.4.2)", columns, tuple(lines), is_folded=True)


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
    shown = compared["indicator"].isin([*_MAIN, *_TENURE])
    told = compared[shown & ~(is_areas & (compared["gap_pct"].abs() < _NO_GAP_PCT))]
    order = {name: position for position, name in enumerate(CATALOGUE)}
    told = told.sort_values("indicator", key=lambda names: names.map(order), kind="stable")
    lines = []
    for row in told.to_dict("records"):
        what, first, second = _compared_words(row, names)
        gap = number(row["gap_pct"], 1)
        if pd.notna(row["gap_low_pct"]):
            gap += f" ({number(row['gap_low_pct'], 1)} to {number(row['gap_high_pct'], 1)})"
        n_modelled = 0 if pd.isna(row.get("n_modelled")) else int(row["n_modelled"])
        of_areas = "" if pd.isna(row["n_areas"]) else number(row["n_areas"])
        counted = f"{of_areas}, {n_modelled} modelled" if of_areas and n_modelled else of_areas
        figures = [(row["ratio"], 2), (row["gini"], 3), (row["theil"], 3), (row["theil_between"], 3)]
        cells = ["" if pd.isna(value) else number(value, decimals) for value, decimals in figures]
        lines.append((CATALOGUE[str(row["indicator"])].title, what, first, second, gap, *cells, counted))
    columns = (
        Column("Indicator"), Column("Compared"), Column("First"), Column("Second"),
        Column("First less second (points, 95 % interval)", True), Column("First by second", True),
        Column("Gini", True), Column("Theil", True), Column("of it between", True), Column("Areas", True),
    )  # fmt: skip
    caption = "How unequal areas and groups are: of areas the highest and the lowest value"
    if (is_areas & (compared["gap_pct"].abs() < _NO_GAP_PCT)).any():
        caption += "; areas that share one modelled rate are left out"
    return Table(caption + "; every indicator is in table indicator_inequality", columns, tuple(lines), is_folded=True)


def _compared_words(row: Mapping[Any, Any], names: AreaNames) -> tuple[str, str, str]:
    """Say what is compared, and the two ends of it."""
    ends = str(row["first"]), str(row["second"])
    what, _, which = str(row["comparison"]).partition(": ")
    if what == "between areas":
        kind = KINDS.get(which, which.replace("_", " "))
        return f"{kind}s", names.called(which, ends[0]), names.called(which, ends[1])
    which, _, area = which.partition(": ")
    title, groups = _GROUPS.get(which, (which.replace("_", " ").capitalize(), {}))
    if area:
        title = f"{title} of {names.called('functional_urban_area', area)}"
    return title, groups.get(ends[0], ends[0]), groups.get(ends[1], ends[1])
