"""The report's profile of each informal settlement: one folded card from every layer that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from geo_profiling.indicators.catalogue import CATALOGUE
from geo_profiling.outputs.form_layers import INFORMALITY, POPULATION_SOURCES
from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_indicators import NATURE, ordered, totals_of, value_words
from geo_profiling.outputs.report_names import AreaNames, in_words
from geo_profiling.outputs.report_section import Column, ReportSection, Table, interval, number, percent

REPORTED = ("settlements", "settlement_access", "indicators", "hazard_ratios")
#: Cards of a report; all settlements stand in the GeoPackage.
MAX_CARDS = 60
_SOURCES: dict[object, str] = {entry.code: entry.label for entry in POPULATION_SOURCES}
_CLASSES = {entry.code: entry.label for entry in INFORMALITY}
#: By part of the card: field, title, how it is written ("text", "percent", decimals) and unit.
_PARTS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "People": (
        ("population_enumerated", "Enumerated on the ground", "0", ""),
        ("population_gridded", "By the population grid", "0", ""),
        ("population_building_based", "Spread over buildings", "0", ""),
        ("households", "Households", "0", ""),
    ),
    "Access and form": (
        ("area_ha", "Area", "1", " ha"),
        ("k_max", "Block complexity k", "0", ""),
        ("k_share_bldg_layer_ge3", "Buildings behind two or more other plots", "percent", ""),
        ("street_dist_median_m", "Way to a street, median", "0", " m"),
        ("buildings_per_ha", "Buildings per hectare", "0", ""),
        ("building_area_median_m2", "Building area, median", "0", " m²"),
        ("footprint_coverage_share", "Ground that is built on", "percent", ""),
    ),
    "Services": (
        ("legal_status", "Legal status", "text", ""),
        ("water", "Water", "text", ""),
        ("sanitation", "Sanitation", "text", ""),
        ("power", "Electricity", "text", ""),
        ("waste_collection", "Waste collection", "text", ""),
    ),
    "Land and tenure": (
        ("main_tenure_type", "Main type of tenure", "text", ""),
        ("documented_share", "Adults with a document", "percent", ""),
        ("perceived_share", "Adults who feel secure", "percent", ""),
        ("documented_and_perceived_share", "Both (SDG 1.4.2)", "percent", ""),
        ("n_boundary_conflicts", "Boundary conflicts", "0", ""),
        ("evicted_per_1000_per_year", "Evicted per 1,000 households a year", "1", ""),
        ("threatened_share", "Households under threat", "percent", ""),
    ),
}
_FIRE = {
    "fire_unreached_share": "Out of a fire engine's reach",
    "fire_dense_share": "Densely built around",
    "fire_combustible_share": "Of burning walls",
    "fire_all_share": "Hardest to save from fire",
}


def profile_sections(
    layers: Mapping[str, pd.DataFrame], _pictures: Mapping[str, bytes], manifest: Manifest
) -> list[ReportSection]:
    """Return the section with a card for each settlement; none where there are no settlements.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published; a card holds what the layers at hand tell, and nothing else.
    _pictures : mapping of str to bytes
        Every section is handed them.
    manifest : Manifest
        Likewise.

    Examples
    --------
    >>> profile_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    del manifest
    names = AreaNames(layers)
    places = _places(layers)
    indicators = layers.get("indicators")
    if indicators is None or indicators.empty:
        told: dict[str, pd.DataFrame] = {}
    else:
        totals = totals_of(indicators)
        of_places = totals[totals["area_type"] == "settlement"]
        told = {str(place): ordered(part) for place, part in of_places.groupby("area_id", sort=True)}
    identifiers = [*places, *sorted(set(told) - set(places))]
    if not identifiers:
        return []
    cards = []
    for identifier in identifiers[:MAX_CARDS]:
        rows = _rows(places.get(identifier, {}), layers, identifier) + _indicators(told.get(identifier))
        if rows:
            cards.append(_card(names, identifier, places.get(identifier, {}), rows))
    text = "A card for each informal settlement, the most populous first; what is not in it is not known."
    if len(identifiers) > MAX_CARDS:
        text += f" The first {MAX_CARDS} of {len(identifiers):,}; all are in the GeoPackage."
    if told:
        text += " An asterisk marks values on few households."
    return [ReportSection("Each settlement", (text,), tuple(cards))] if cards else []


def _places(layers: Mapping[str, pd.DataFrame]) -> dict[str, Mapping[Any, Any]]:
    frame = layers.get("settlements")
    if frame is None:
        return {}
    table = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    by = ["population", "settlement_id"] if "population" in table else ["settlement_id"]
    table = table.sort_values(by, ascending=[False, True][-len(by) :] if len(by) > 1 else True, kind="stable")
    return {str(row["settlement_id"]): row for row in table.to_dict("records")}


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def _written(value: Any, how: str, unit: str) -> str:
    if how == "text":
        return in_words(value)
    return percent(value) if how == "percent" else number(value, int(how)) + unit


def _card(names: AreaNames, identifier: str, place: Mapping[Any, Any], rows: list[tuple[str, str, str, str]]) -> Table:
    name = names.name("settlement", identifier)
    title = f"{name} ({identifier})" if name else identifier
    if _known(place.get("population")):
        source = _SOURCES.get(place.get("population_source"), "")
        title += f": {number(place['population'])} people" + (f", {source.lower()}" if source else "")
    said: list[tuple[str, ...]] = []
    last = ""
    for part, *cells in rows:
        said.append((part if part != last else "", *cells))
        last = part
    columns = (Column(""), Column("What"), Column("Value", True), Column("How"))
    return Table(title, columns, tuple(said), is_folded=True)


def _rows(
    place: Mapping[Any, Any], layers: Mapping[str, pd.DataFrame], identifier: str
) -> list[tuple[str, str, str, str]]:
    rows: list[tuple[str, str, str, str]] = []
    for part, fields in _PARTS.items():
        for field, title, how, unit in fields:
            if _known(place.get(field)):
                rows.append((part, title, _written(place[field], how, unit), ""))
        if part == "People" and _known(place.get("population_low")) and len(rows) > 1:
            rows.append((part, "Range", interval(place["population_low"], place["population_high"]), ""))
        if part == "Access and form" and _known(place.get("informality_class")):
            rows.append((part, "Morphological informality", _CLASSES.get(int(place["informality_class"]), ""), ""))
        if part == "Services":
            if _known(place.get("n_deprivations")):
                known = place.get("n_components_known")
                of = f" of {number(known)} known" if _known(known) else ""
                rows.append(
                    (part, "Deprivations", f"{number(place['n_deprivations'])}{of}", "by the prevailing answer")
                )
            rows += _ways(layers.get("settlement_access"), identifier)
    return rows + _hazards(place, layers.get("hazard_ratios"), identifier)


def _ways(access: pd.DataFrame | None, identifier: str) -> list[tuple[str, str, str, str]]:
    """Median way to each service."""
    if access is None or access.empty:
        return []
    own = access[(access["settlement_id"].map(str) == identifier) & access["median_m"].notna()]
    rows = own.drop_duplicates("service").sort_values("service", kind="stable").to_dict("records")
    how = {"street": "along streets", "euclid": "straight line"}
    return [
        ("Services", f"Way to {in_words(row['service'])}, median", f"{number(row['median_m'])} m",
         how.get(str(row["distance"]), ""))
        for row in rows
    ]  # fmt: skip


def _hazards(place: Mapping[Any, Any], ratios: pd.DataFrame | None, identifier: str) -> list[tuple[str, str, str, str]]:
    rows = []
    if ratios is not None and len(ratios):
        own = ratios[(ratios["area_type"] == "settlement") & (ratios["area_id"].map(str) == identifier)]
        for row in own.sort_values("hazard", kind="stable").to_dict("records"):
            if _known(row["exposed_share"]):
                rows.append(("Hazards", hazard_words(row), percent(row["exposed_share"]), "share of its people"))
    if _known(place.get("hazardous_share_low")):
        value = place["hazardous_share_low"]
        rows.append(("Hazards", "On hazardous ground, at least", percent(value), "share of its people"))
    for field, title in _FIRE.items():
        if _known(place.get(field)):
            parts = f", by {place['fire_parts']}" if field == "fire_all_share" else ""
            rows.append(("Hazards", title, percent(place[field]), f"share of its buildings{parts}"))
    return rows


def _indicators(part: pd.DataFrame | None) -> list[tuple[str, str, str, str]]:
    if part is None:
        return []
    latest = part.sort_values("time_period", kind="stable").drop_duplicates("indicator", keep="last")
    # On a card one reading of each: shares of people, hygiene as the SDG counts it; the others are in the tables.
    beside = [bool(CATALOGUE[name].of_people) or name.startswith("hygiene_of_all_") for name in latest["indicator"]]
    rows = ordered(latest[[not other for other in beside]]).to_dict("records")
    few = [CATALOGUE[str(row["indicator"])].title for row in rows if row["obs_status"] == "Q"]
    said = [
        (
            "Indicators (95 % interval)",
            CATALOGUE[str(row["indicator"])].title,
            value_words(row),
            ", ".join(
                word
                for word in (
                    NATURE.get(str(row["nature"]), ""),
                    f"{number(row['n'])} households" if _known(row["n"]) else "",
                )
                if word
            ),
        )
        for row in rows
        if row["obs_status"] != "Q"
    ]
    if few:
        words = f"too few households for {len(few)} indicators" if len(few) > 1 else f"too few households: {few[0]}"
        said.append(("Indicators (95 % interval)", "Left out", words, ""))
    return said


def hazard_words(row: Mapping[Any, Any]) -> str:
    """Say a hazard with how often it comes.

    Examples
    --------
    >>> hazard_words({"hazard": "river flood", "return_period": 100.0}), hazard_words({"hazard": "heat"})
    ('River flood, 1 in 100 years', 'Heat')
    """
    name = str(row["hazard"])
    period = row.get("return_period")
    often = f", 1 in {number(period)} years" if _known(period) else ""
    return name[:1].upper() + name[1:] + often
