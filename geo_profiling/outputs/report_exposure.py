"""The report's section on exposure to hazards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_indicator_charts import kind_words
from geo_profiling.outputs.report_names import NAMED_LAYERS, AreaNames
from geo_profiling.outputs.report_profiles import hazard_words
from geo_profiling.outputs.report_section import Picture, ReportSection, Table, number, percent, table_of

REPORTED = ("hazard_exposure", "hazard_ratios", "joint_exposure", "eviction_hazards", *NAMED_LAYERS)
#: What stands for the city, the first that is there.
_CITY = ("functional_urban_area", "metropolitan_area", "urban_centre", "agglomeration", "region", "unit")
_PICTURE = (
    "hazardous_location",
    "Share of the people of each settlement on hazardous ground: floods, steep slopes, sectors of risk and rights of "
    "way, at least. Heat and pollution are left out of it.",
)
_BANDS = {"dry": "none of it", "none": "none of it", "unknown": "unknown", "outside": "beyond the data"}
#: Areas of the same kind that are shown; all stand in the table.
_SHOWN = 10
_CAVEATS = (
    "Exposure says who and what stands where a hazard can come, not who was harmed. A depth map shows one model of one "
    "climate; ground that it does not know is told as unknown, never as safe.",
    "People come from the population grid. Grids hold a half to a quarter of the people of surveyed informal "
    "settlements: shares bear that better than numbers.",
    "Layers of risk classes are often mapped in informal settlements alone: the rest of the city is then not free of "
    "risk, it was not looked at, and the ratio to it is too high.",
)
_METHODS = (
    "People are spread evenly inside each cell of the population grid and overlaid jointly with the cells of the "
    "hazard and the areas; bands are closed on the left. Buildings count by the depth at their centroid, and by the "
    "greatest depth that touches their footprint. Lines are cut at the edges of cells.",
    "Expected annual exposure is the area under exposure over annual frequency, by trapezoids with a flat tail beyond "
    "the rarest event and nothing beyond the most frequent one; the bounds take the lesser and the greater of two "
    "neighbouring events.",
)


def exposure_sections(
    layers: Mapping[str, pd.DataFrame], pictures: Mapping[str, bytes], manifest: Manifest
) -> list[ReportSection]:
    """Return the section on exposure; none where there is none.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published.
    pictures : mapping of str to bytes
        Maps as PNG, by the name of their file.
    manifest : Manifest
        Its title is the name of the whole region.

    Examples
    --------
    >>> exposure_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    exposure = layers.get("hazard_exposure")
    if exposure is None or exposure.empty:
        return []
    names = AreaNames(layers, manifest.title)
    ratios = layers.get("hazard_ratios")
    tables, text = [], ["Who and what stands where a hazard can come, by how often it comes."]
    if ratios is not None and not ratios.empty:
        text += _city_texts(ratios, exposure, names)
        tables += [_settlements(ratios, names), _compared(_in_words(ratios, names))]
    together = layers.get("joint_exposure")
    if together is not None and not together.empty:
        text += _together_text(together, names)
        tables.append(_together(_in_words(together, names)))
    said = _in_words(exposure, names)
    tables += [_annual(said), _bands(said)]
    evictions = layers.get("eviction_hazards")
    if evictions is not None and not evictions.empty:
        tables.append(_evictions(evictions, names))
    name, caption = _PICTURE
    return [
        ReportSection(
            "Exposure to hazards",
            text=tuple(text),
            tables=tuple(table for table in tables if table.rows),
            pictures=(Picture(caption, pictures[name]),) if name in pictures else (),
            caveats=_CAVEATS,
            methods=_METHODS,
        )
    ]


def _city_texts(ratios: pd.DataFrame, exposure: pd.DataFrame, names: AreaNames) -> list[str]:
    """Say for each hazard how many people of the city it reaches, and how settlements fare beside the rest."""
    kind = next((kind for kind in _CITY if (ratios["area_type"] == kind).any()), None)
    if kind is None:
        return []
    own = ratios[ratios["area_type"] == kind]
    people = own.groupby("area_id", sort=True)["people_known"].max().fillna(0.0)
    city = str(people.idxmax())
    place = _place_words(kind, names.called(kind, city))
    text = []
    for row in own[own["area_id"] == city].sort_values("hazard", kind="stable").to_dict("records"):
        hazard = f"{hazard_words(row)} ({band_words(row['threshold'])})"
        if pd.isna(row["exposed_share"]):
            text.append(f"{hazard}: unknown for {place}.")
        elif not row["people_exposed"]:
            text.append(f"{hazard}: nobody of {place} lives there.")
        else:
            people_words = f"{number(row['people_exposed'])} people of {place} live there"
            said = f"{hazard}: {people_words}, {percent(row['exposed_share'])} of those of whom it is known."
            text.append(said + _beside_the_rest(row) + _a_year(exposure, kind, city, row))
    return (
        [*text, "Thresholds in brackets are in the unit of each hazard's map, such as metres of water."] if text else []
    )


def _together_text(together: pd.DataFrame, names: AreaNames) -> list[str]:
    """Say how many people of the city live where two or more hazards meet."""
    kind = next((kind for kind in _CITY if (together["area_type"] == kind).any()), None)
    if kind is None:
        return []
    own = together[together["area_type"] == kind]
    people = own.groupby("area_id", sort=True)["value"].sum()
    city = str(people.idxmax())
    several = own[(own["area_id"] == city) & (own["n_hazards"].fillna(0) >= 2)]
    if not people[city] or several["value"].sum() <= 0:
        return []
    most = several.sort_values(["value", "hazards"], ascending=[False, True], kind="stable").iloc[0]
    count = several["value"].sum()
    said = f"{number(count)} people of {_place_words(kind, names.called(kind, city))}"
    share = percent(count / people[city])
    of_most = _set_words(most.to_dict())
    return [f"Several at once: {said} ({share}) live where two or more hazards meet, most of them {of_most}."]


def _set_words(row: Mapping[Any, Any]) -> str:
    return f"{str(row['hazards']).replace(' + ', ' and ')} ({number(row['value'])})"


def _evictions(evictions: pd.DataFrame, names: AreaNames) -> Table:
    """Set evictions and threats beside the band of each hazard that they lie in; what is left out is counted."""
    left_out = int(evictions["is_suppressed"].sum())
    rows = evictions[~evictions["is_suppressed"].astype(bool)]
    every = "All settlements"
    called = [every if place == "all" else names.called("settlement", str(place)) for place in rows["settlement_id"]]
    rows = rows.assign(
        place=called,
        hazard_words=[hazard_words(row) for row in rows.to_dict("records")],
        band_words=[band_words(band) for band in rows["band"]],
        exposed_words=["unknown" if pd.isna(told) else "yes" if told else "no" for told in rows["is_exposed"]],
    )
    return table_of(
        rows,
        {
            "place": ("Settlement", "text"),
            "measure": ("What", "text"),
            "hazard_words": ("Hazard", "text"),
            "band_words": ("Band", "text"),
            "exposed_words": ("Exposed", "text"),
            "n_events": ("Events", "0"),
            "households": ("Households", "0"),
        },
        caption="Evictions and threats by the ground they lie on"
        + (f"; {left_out} rows left out, of few households" if left_out else ""),
        is_folded=True,
    )


def _together(together: pd.DataFrame) -> Table:
    rows = together[~together["area_type"].isin(["settlement", "proximity"]) & (together["value"] > 0)]
    return table_of(
        _largest(rows),
        {
            "kind_words": ("Kind of area", "text"),
            "area_words": ("Area", "text"),
            "hazards": ("Hazards", "text"),
            "n_hazards": ("How many", "0"),
            "value": ("People", "0"),
            "coverage_share": ("All known", "percent"),
        },
        caption="People by the set of hazards they are exposed to; everybody is in one row of an area",
        is_folded=True,
    )


def _place_words(kind: str, name: str) -> str:
    return f"{name} and its commuting zone" if kind == "functional_urban_area" else name


def _beside_the_rest(row: Mapping[Any, Any]) -> str:
    """Say the shares in settlements and in the rest, and what of it is more."""
    inside, outside, ratio = row["settlement_share"], row["rest_share"], row["ratio"]
    if pd.isna(inside) or pd.isna(outside):
        return ""
    said = f" In informal settlements it is {percent(inside)}, in the rest {percent(outside)}"
    if pd.isna(ratio):
        return f"{said}."
    if ratio >= 1.05:
        return f"{said}: {number(ratio, 1)} times the share of the rest."
    return f"{said}: no larger share than in the rest."


def _a_year(exposure: pd.DataFrame, kind: str, city: str, row: Mapping[Any, Any]) -> str:
    """Say how many people are reached in a year on average, from the lowest threshold up."""
    part = exposure[
        (exposure["area_type"] == kind) & (exposure["area_id"] == city) & (exposure["hazard"] == row["hazard"])
        & (exposure["asset"] == "population") & (exposure["band"] == row["threshold"])
    ].set_index("unit")["value"]  # fmt: skip
    if "people a year" not in part.index or pd.isna(part["people a year"]):
        return ""
    said = f" Over many years that is {number(part['people a year'])} people a year on average"
    bounds = [part.get(f"people a year, {which} bound") for which in ("lower", "upper")]
    if any(bound is None or pd.isna(bound) for bound in bounds):
        return f"{said}."
    return f"{said}, between {number(bounds[0])} and {number(bounds[1])}."


def band_words(band: object) -> str:
    """Say a band of a hazard, in the unit of its map.

    Examples
    --------
    >>> band_words(">50, >100"), band_words(">100")
    ('beyond 50', 'beyond 100')
    >>> band_words(">=0.15"), band_words("<15"), band_words("<=30, <=15"), band_words("0.5-1.5"), band_words("dry")
    ('0.15 or more', 'below 15', 'within 30', '0.5 to 1.5', 'none of it')
    """
    text = str(band)
    if text in _BANDS:
        return _BANDS[text]
    parts = text.split(", ")
    if all(part.startswith("<=") for part in parts):
        return f"within {max((part[2:] for part in parts), key=float)}"
    if all(part.startswith(">") and not part.startswith(">=") for part in parts):
        return f"beyond {min((part[1:] for part in parts), key=float)}"
    if text.startswith(">="):
        return f"{text[2:]} or more"
    if text.startswith("<"):
        return f"below {text[1:]}"
    low, dash, high = text.partition("-")
    return f"{low} to {high}" if dash and low[:1].isdigit() and high[:1].isdigit() else text.replace("_", " ")


def _in_words(frame: pd.DataFrame, names: AreaNames) -> pd.DataFrame:
    """Add the kind and the name of each area; the ids stay in the GeoPackage."""
    pairs = zip(frame["area_type"], frame["area_id"], strict=True)
    return frame.assign(
        kind_words=[kind_words(str(kind)) for kind in frame["area_type"]],
        area_words=[names.called(str(kind), str(area)) for kind, area in pairs],
    )


def _settlements(ratios: pd.DataFrame, names: AreaNames) -> Table:
    """Set the share of people exposed of each settlement, a column for each hazard."""
    own = ratios[(ratios["area_type"] == "settlement") & ratios["exposed_share"].notna()]
    if own.empty:
        return Table("", (), ())
    words = own.assign(hazard=[hazard_words(row) for row in own.to_dict("records")])
    wide = words.pivot_table(index="area_id", columns="hazard", values="exposed_share", aggfunc="first").reset_index()
    called = [names.called("settlement", str(identifier)) for identifier in wide["area_id"]]
    wide["place"] = [
        f"{name} ({place})" if called.count(name) > 1 else name
        for name, place in zip(called, wide["area_id"], strict=True)
    ]
    people = [names.people("settlement", str(identifier)) for identifier in wide["area_id"]]
    wide["people"] = pd.array(people, dtype="Float64")
    wide = wide.sort_values(["people", "area_id"], ascending=[False, True], kind="stable", na_position="last")
    hazards = {name: (name, "percent") for name in sorted(set(words["hazard"]))}
    caption = "Share of the people of each settlement who are exposed"
    unknown = int((ratios["area_type"] == "settlement").sum() and ratios.loc[
        ratios["area_type"] == "settlement", "area_id"].nunique() - len(wide))  # fmt: skip
    if unknown:
        caption += f"; unknown for {unknown} more, where the population grid has nobody"
    return table_of(wide, {"place": ("Settlement", "text"), "people": ("People", "0"), **hazards}, caption=caption)


def _largest(exposure: pd.DataFrame) -> pd.DataFrame:
    """Keep the areas of each kind with the most in them, settlements left to their own pages."""
    sums = (
        exposure.groupby(["area_type", "area_id"], sort=True)["value"].sum().sort_values(ascending=False, kind="stable")
    )
    chosen = sums.groupby(level=0, sort=True).head(_SHOWN).index
    return exposure[pd.MultiIndex.from_frame(exposure[["area_type", "area_id"]]).isin(chosen)]


def _bands(exposure: pd.DataFrame) -> Table:
    rows = exposure[~exposure["unit"].str.contains("a year") & ~exposure["area_type"].isin(["settlement", "proximity"])]
    rows = _largest(rows[rows["value"] > 0])
    return table_of(
        rows,
        {
            "kind_words": ("Kind of area", "text"),
            "area_words": ("Area", "text"),
            "hazard": ("Hazard", "text"),
            "return_period": ("Return period (years)", "0"),
            "asset": ("What", "text"),
            "band": ("Band", "text"),
            "value": ("Value", "0"),
            "unit": ("Unit", "text"),
            "coverage_share": ("Known", "percent"),
        },
        caption="What stands in each band; rows of nothing are left out",
        is_folded=True,
    )


def _annual(exposure: pd.DataFrame) -> Table:
    rows = exposure[exposure["unit"].str.contains("a year") & ~exposure["area_type"].isin(["settlement", "proximity"])]
    rows = _largest(rows[rows["value"] > 0])
    keys = ["kind_words", "area_words", "area_id", "hazard", "asset", "band"]
    bound = rows["unit"].map(lambda unit: unit.partition(", ")[2] or "expected")
    wide = rows.assign(bound=bound).pivot_table(index=keys, columns="bound", values="value", aggfunc="first")
    return table_of(
        wide.reset_index(),
        {
            "kind_words": ("Kind of area", "text"),
            "area_words": ("Area", "text"),
            "hazard": ("Hazard", "text"),
            "asset": ("What", "text"),
            "band": ("At or above", "text"),
            "expected": ("Expected a year", "1"),
            "lower bound": ("At least", "1"),
            "upper bound": ("At most", "1"),
        },
        caption="Expected annual exposure and its bounds",
        is_folded=True,
    )


def _compared(ratios: pd.DataFrame) -> Table:
    rows = ratios[(ratios["settlement_people"].fillna(0.0) > 0) & (ratios["area_type"] != "proximity")]
    rows = rows.sort_values(["hazard", "people_exposed"], ascending=[True, False], kind="stable")
    return table_of(
        rows.groupby("hazard", sort=True).head(_SHOWN),
        {
            "kind_words": ("Kind of area", "text"),
            "area_words": ("Area", "text"),
            "hazard": ("Hazard", "text"),
            "return_period": ("Return period (years)", "0"),
            "threshold": ("Exposed from", "text"),
            "settlement_share": ("Exposed in settlements", "percent"),
            "rest_share": ("Exposed in the rest", "percent"),
            "ratio": ("Ratio", "1"),
            "exposed_settlements_low": ("People in settlements exposed, low", "0"),
            "exposed_settlements_high": ("high", "0"),
        },
        caption="Informal settlements against the rest of each area",
        is_folded=True,
    )
