"""Charts of indicators: the city, its informal settlements and its local units, each group under its own heading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geo_profiling.outputs.map_page import INK, as_png, plain_style
from geo_profiling.outputs.report_names import KINDS, AreaNames

#: Areas of a group, the most populous first: with three groups a chart has about 25 rows.
_MOST = {"city": 8, "settlement": 10}
_MOST_OTHERS = 9
#: Areas of one kind that stand for the city.
_MOST_OF_A_KIND = 2
_COLOUR = "#6b1d4b"
_CITY = ("survey_area", "functional_urban_area", "urban_centre", "rest_of_city")
_GROUPS = {
    "city": "The city as a whole",
    "settlement": "Informal settlements",
    "unit": "Local units (municipalities, districts, wards)",
    "city_corporation": "City corporations",
    "zone": "Zones",
}
_PARTS = {"is_slum_area=1": "in slum areas", "is_slum_area=0": "outside slum areas"}


@dataclass(frozen=True)
class _Row:
    label: str
    value: float | None = None
    low: float = np.nan
    high: float = np.nan
    is_modelled: bool = False
    is_heading: bool = False


def indicator_chart(rows: pd.DataFrame, names: AreaNames, title: str) -> bytes | None:
    """Draw one indicator for the city, its settlements and its units, with 95 % intervals.

    Parameters
    ----------
    rows : DataFrame
        Of one indicator in percent, as table ``indicators``: all people, and of the area of the survey also the
        parts ``is_slum_area=1`` and ``is_slum_area=0``. The latest year of each area counts.
    names : AreaNames
    title : str
        Below the axis.

    Returns
    -------
    bytes or None
        A PNG; None where fewer than two values are known.

    Examples
    --------
    >>> row = {"area_type": "unit", "area_id": "1", "breakdown": "_T", "time_period": "2020", "obs_value": 5.0,
    ...        "lower_bound": 3.0, "upper_bound": 8.0, "obs_status": "A", "nature": "E"}
    >>> indicator_chart(pd.DataFrame([row]), AreaNames({}), "x") is None
    True
    """
    latest = rows.sort_values("time_period", kind="stable").drop_duplicates(
        ["area_type", "area_id", "breakdown"], keep="last"
    )
    total = latest[latest["breakdown"] == "_T"]
    drawn = _city(latest, names)
    for kind in [name for name in _GROUPS if name != "city"]:
        drawn += _group(kind, total[total["area_type"] == kind], names)
    if sum(row.value is not None for row in drawn) < 2:
        return None
    with plain_style():
        return _draw(drawn, title)


def _row(row: Mapping[Any, Any], label: str) -> _Row:
    return _Row(
        label,
        float(row["obs_value"]),
        float(row["lower_bound"]) if pd.notna(row["lower_bound"]) else np.nan,
        float(row["upper_bound"]) if pd.notna(row["upper_bound"]) else np.nan,
        row["nature"] == "M",
    )


def _city(latest: pd.DataFrame, names: AreaNames) -> list[_Row]:
    """Return the rows of the whole: survey, its slums and the rest, functional area, centre, centre without slums."""
    found = []
    words = {"survey_area": "whole survey", "functional_urban_area": "city and commuting zone",
             "urban_centre": "urban centre", "rest_of_city": "centre without settlements"}  # fmt: skip
    known = latest[latest["obs_value"].notna()]
    for kind in _CITY:
        part = known[(known["area_type"] == kind) & (known["breakdown"] == "_T")]
        for row in _largest(part, names).head(_MOST_OF_A_KIND).to_dict("records"):
            found.append(_row(row, f"{names.called(kind, str(row['area_id']))}: {words[kind]}"))
        if kind == "survey_area":
            of_parts = known[(known["area_type"] == kind) & known["breakdown"].isin(list(_PARTS))]
            for row in of_parts.sort_values("breakdown", ascending=False, kind="stable").to_dict("records"):
                name = names.called(kind, str(row["area_id"]))
                found.append(_row(row, f"{name}: {_PARTS[str(row['breakdown'])]}"))
    found = found[: _MOST["city"]]
    return [_Row(_GROUPS["city"], is_heading=True), *found] if found else []


def _largest(part: pd.DataFrame, names: AreaNames) -> pd.DataFrame:
    """Order areas by their people, those of unknown number last."""
    pairs = zip(part["area_type"], part["area_id"], strict=True)
    people = [names.people(str(kind), str(identifier)) for kind, identifier in pairs]
    ordered = part.assign(people=[-1.0 if number is None else number for number in people])
    return ordered.sort_values(["people", "area_id"], ascending=[False, True], kind="stable")


def _group(kind: str, part: pd.DataFrame, names: AreaNames) -> list[_Row]:
    if part.empty:
        return []
    known = part[part["obs_value"].notna()]
    few = _largest(part[part["obs_status"] == "Q"], names)
    most = _MOST.get(kind, _MOST_OTHERS)
    shown = _largest(known, names).head(most).sort_values(["obs_value", "area_id"], ascending=[False, True])
    heading = _GROUPS[kind]
    if len(known) > len(shown):
        has_people = all(names.people(kind, str(identifier)) is not None for identifier in shown["area_id"])
        heading += (
            f": {'the ' if has_people else ''}{len(shown)} {'most populous ' if has_people else ''}of {len(known)}"
        )
    rows = [_Row(heading, is_heading=True)]
    called = [names.called(kind, str(identifier)) for identifier in shown["area_id"]]
    for row, name in zip(shown.to_dict("records"), called, strict=True):
        alike = called.count(name) > 1
        rows.append(_row(row, f"{name} ({row['area_id']})" if alike else name))
    if len(few):
        first = ", ".join(names.called(kind, str(identifier)) for identifier in few["area_id"].head(3))
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        rows.append(_Row(f"Left out (few households here, or in a place beside it): {first}{more}"))
    return rows if len(rows) > 1 else []


def _draw(rows: list[_Row], title: str) -> bytes:
    """Draw headings, values with their intervals and what is left out, from above."""
    heights = np.cumsum([1.35 if row.is_heading else 1.0 for row in rows])
    figure = Figure(figsize=(7.6, 0.75 + 0.23 * float(heights[-1])), facecolor="white")
    width, height = figure.get_size_inches()
    left = 2.75
    axes = figure.add_axes((left / width, 0.5 / height, (width - left - 0.35) / width, (height - 0.6) / height))
    for row, place in zip(rows, heights, strict=True):
        if row.value is None:
            is_bold = "bold" if row.is_heading else "normal"
            axes.text(-left / (width - left - 0.35) + 0.02, place, row.label, transform=axes.get_yaxis_transform(),
                      fontsize=8.5 if row.is_heading else 7.5, fontweight=is_bold, va="center", parse_math=False,
                      color=INK if row.is_heading else "#6a6a6a",
                      style="normal" if row.is_heading else "italic",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
            continue
        label = row.label if len(row.label) <= 42 else f"{row.label[:41]}…"
        axes.text(-0.015, place, label, transform=axes.get_yaxis_transform(), fontsize=8, ha="right", va="center",
                  color=INK, parse_math=False)  # fmt: skip
    _marks(axes, [(row, float(place)) for row, place in zip(rows, heights, strict=True) if row.value is not None])
    axes.set_xlim(0, 100)
    axes.set_ylim(float(heights[-1]) + 0.7, 0.6)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel(title, fontsize=9, parse_math=False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return as_png(figure)


def _marks(axes: Axes, drawn: list[tuple[_Row, float]]) -> None:
    """Draw all intervals at once, then all values: a line of its own for each would take most of the time."""
    spans = [(row.low, row.high, place) for row, place in drawn if not np.isnan(row.low)]
    if spans:
        low, high, places = zip(*spans, strict=True)
        axes.hlines(places, low, high, color=_COLOUR, linewidth=1.6)
    for is_modelled, face in ((False, _COLOUR), (True, "#ffffff")):
        points = [(row.value, place) for row, place in drawn if row.is_modelled is is_modelled]
        if points:
            values, places = zip(*points, strict=True)
            axes.plot(values, places, "o", markersize=5, color=_COLOUR, markerfacecolor=face, clip_on=False, zorder=3)


def kind_words(kind: str) -> str:
    """Return a kind of area in plain words, also one that a survey names itself.

    Examples
    --------
    >>> kind_words("unit"), kind_words("health_district")
    ('Local unit', 'Health district')
    """
    return KINDS.get(kind, kind.replace("_", " ").capitalize())
