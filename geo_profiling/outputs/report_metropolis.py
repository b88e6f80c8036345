"""The report's sections on the metropolis: functional urban areas, scales, change over the years."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from geo_profiling.outputs.legend import SCALES
from geo_profiling.outputs.report_map import title_of

#: Rows of a table; the rest stands in the GeoPackage and in ``tables/``.
MAX_ROWS = 1000
_KINDS: Mapping[str, str] = MappingProxyType(
    {"urban_centre": "Urban centre", "functional_urban_area": "Functional urban area"}
)
_CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "continued": "went on",
        "merged": "grew together with others",
        "split": "fell apart into several",
        "rearranged": "grew together with some and apart from others",
        "born": "new: was none before",
        "gone": "gone: is none any more",
    }
)


@dataclass(frozen=True)
class FunctionalAreas:
    """What the report tells of functional urban areas.

    Attributes
    ----------
    rows : list of mapping
        One for each area, the most populous first.
    by_flows : bool
        From commuting flows; else by the model.
    year_of_flows : int or None
    threshold_pct : float or None
        Share of commuters from which a unit joins; None where the manifest does not tell.
    own_borders : bool
        Whether the flows are on borders of their own, not on those of the local units.
    n_outside : int or None
        Local units in no area; None where there are no units.
    """

    rows: list[dict[str, Any]]
    by_flows: bool
    year_of_flows: int | None
    threshold_pct: float | None
    own_borders: bool
    n_outside: int | None


def functional_areas(layers: Mapping[str, pd.DataFrame], parameters: Mapping[str, Any]) -> FunctionalAreas | None:
    """Return what the report tells of functional urban areas; None where none were asked for.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        Layers as published.
    parameters : mapping
        Of the manifest.

    Examples
    --------
    >>> functional_areas({}, {}) is None
    True
    """
    areas = layers.get("functional_urban_areas")
    if areas is None:
        return None
    rules = parameters.get("functional_urban_areas", {})
    units = layers.get("fua_units", layers.get("units"))
    threshold = rules.get("threshold")
    ordered = areas.sort_values(["population", "fua_id"], ascending=[False, True]).head(MAX_ROWS)
    return FunctionalAreas(
        rows=[_area_row(row) for row in _records(ordered)],
        by_flows=rules.get("method") == "flows" or bool((areas["method"] == "flows").any()),
        year_of_flows=rules.get("year_of_flows"),
        threshold_pct=None if threshold is None else 100 * threshold,
        own_borders="fua_units" in layers,
        n_outside=None if units is None or "fua_id" not in units else int(units["fua_id"].isna().sum()),
    )


def _area_row(row: Mapping[str, Any]) -> dict[str, Any]:
    size = row.get("size_class")
    notes = []
    if _is_true(row.get("touches_edge")):
        notes.append("reaches the edge of the data: may be larger")
    if _is_true(row.get("beyond_range")):
        notes.append("its centre is larger or smaller than any the model knows")
    return {
        "title": title_of(row),
        "population": row["population"],
        "city_population": row["city_population"],
        "commuting_zone_population": row["commuting_zone_population"],
        "n_units": row.get("n_units"),
        "units_per_100k": row.get("units_per_100k"),
        "size_class": "unknown" if size is None or pd.isna(size) else str(size),
        "meets_criterion": _yes_or_no(row.get("meets_metropolis_criterion")),
        "note": "; ".join(notes),
    }


@dataclass(frozen=True)
class ScaleRows:
    """One metropolitan scale.

    Attributes
    ----------
    title, meaning, colour : str
        In plain words; as on the map in QGIS.
    n : int
        Areas of the scale.
    population : float
        People who live in them.
    rows : list of mapping
        The areas, the most populous first, with the area they are part of.
    is_governed : bool
        Whether it is told how the governance of the areas is split.
    """

    title: str
    meaning: str
    colour: str
    n: int
    population: float
    rows: list[dict[str, Any]]
    is_governed: bool = False


def scale_rows(layers: Mapping[str, pd.DataFrame]) -> list[ScaleRows]:
    """Return the metropolitan scales, the smallest first, each with its areas and their parents.

    Examples
    --------
    >>> scale_rows({})
    []
    """
    areas = layers.get("metropolitan_scales")
    if areas is None:
        return []
    words = {entry.code: entry.label.lower() for entry in SCALES}
    titles = {(row["scale"], row["area_id"]): f"{title_of(row)} ({words[row['scale']]})" for row in _records(areas)}
    order = list(words)
    found = []
    for entry in SCALES:
        own = areas[areas["scale"] == entry.code]
        if not len(own):
            continue
        larger = order[order.index(entry.code) + 1 :]
        ordered = own.sort_values(["population", "area_id"], ascending=[False, True]).head(MAX_ROWS)
        rows = [
            {
                "title": title_of(row),
                "population": row["population"],
                "area_km2": row["area_km2"],
                # The next larger scale that has the area: a scale without areas is passed over.
                "parent": next(
                    (titles[scale, row["parent_id"]] for scale in larger if (scale, row["parent_id"]) in titles), ""
                ),
                "share_in_parent": row["share_in_parent"],
                "outside_parts": row.get("population_outside_parts"),
                **_governance(row),
            }
            for row in _records(ordered)
        ]
        people = float(own["population"].sum())
        governed = "units_per_100k" in own and bool(own["units_per_100k"].notna().any())
        found.append(ScaleRows(entry.label, entry.meaning, entry.colour, len(own), people, rows, governed))
    return found


def _governance(row: Mapping[str, Any]) -> dict[str, Any]:
    size = row.get("size_class")
    figures = ("n_local_units", "units_per_100k", "largest_unit_share", "herfindahl", "centre_share_outside_core")
    return {
        **{name: row.get(name) for name in figures},
        "size_class": "unknown" if size is None or pd.isna(size) else str(size),
        "meets_criterion": _yes_or_no(row.get("meets_metropolis_criterion")),
    }


def change_rows(layers: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return what became of each area from one year to the next, the latest years and largest areas first."""
    change = layers.get("urban_change")
    if change is None:
        return []
    called = _names(layers)
    latest = change.assign(people=change["to_population"].fillna(change["from_population"])).sort_values(
        ["to_year", "people"], ascending=False, kind="stable"
    )
    rows = []
    for row in _records(latest.head(MAX_ROWS)):
        kind = _KINDS.get(row["area_type"], row["area_type"])
        identifier = row["from_id"] if pd.isna(row["to_id"]) else row["to_id"]
        rows.append(
            {
                "kind": kind,
                "title": called.get((row["area_type"], identifier), f"{kind} {identifier}"),
                "years": f"{row['from_year']}\N{EN DASH}{row['to_year']}",
                "change": _CHANGES.get(row["change"], row["change"]),
                "is_fixed": row.get("territory") == "fixed",
                "was_none": row["change"] == "born",
                "is_none": row["change"] == "gone",
                **{field: row[field] for field in _CHANGE_FIGURES},
            }
        )
    return rows


_CHANGE_FIGURES = (
    "from_population", "to_population", "from_area_km2", "to_area_km2", "population_growth_pct", "density_growth_pct",
)  # fmt: skip


def projection_rows(layers: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return where growth would lead if it went on, with its range, the largest areas first."""
    projections = layers.get("urban_projections")
    if projections is None:
        return []
    called = _names(layers)
    ordered = projections.sort_values(
        ["area_type", "projected_population"], ascending=[False, False], na_position="last", kind="stable"
    )
    return [
        {
            **row,
            "is_fixed": row.get("territory") == "fixed",
            "kind": _KINDS.get(row["area_type"], row["area_type"]),
            "title": called.get(
                (row["area_type"], row["area_id"]),
                f"{_KINDS.get(row['area_type'], row['area_type'])} {row['area_id']}",
            ),
        }
        for row in _records(ordered.head(MAX_ROWS))
    ]


def _names(layers: Mapping[str, pd.DataFrame]) -> dict[tuple[str, Any], str]:
    """Return what readers call each area of the last year, by its kind and identifier."""
    called: dict[tuple[str, Any], str] = {}
    for kind, layer, field in (
        ("urban_centre", "urban_centres", "centre_id"),
        ("functional_urban_area", "functional_urban_areas", "fua_id"),
    ):
        if layer in layers:
            called |= {(kind, row[field]): title_of(row) for row in _records(layers[layer])}
    return called


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.drop(columns="geometry", errors="ignore").to_dict("records")  # type: ignore[return-value]


def _is_true(value: Any) -> bool:
    return value is not None and not pd.isna(value) and bool(value)


def _yes_or_no(value: Any) -> str:
    if value is None or pd.isna(value):
        return "unknown"
    return "yes" if value else "no"
