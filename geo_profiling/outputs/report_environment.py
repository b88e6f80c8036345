"""The report's section on the environment: green, water, ecosystems at risk, growth into hazard zones, services."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_names import NAMED_LAYERS, AreaNames, enumerated
from geo_profiling.outputs.report_section import Picture, ReportSection, Table, number, percent, table_of

REPORTED = ("environment", "ecosystems", "hazard_growth", "exposed_services", "profile_shares", *NAMED_LAYERS)
#: What stands for the city, the first of which enough is known.
_CITY = ("functional_urban_area", "metropolitan_area", "urban_centre", "agglomeration", "region", "unit")
#: Of an area of which less is covered by the grid of people little can be told.
_MOSTLY = 0.5
#: Smaller shares would read as none.
_VISIBLE = 0.001
#: An area of which more is mapped is mapped as a whole.
_WHOLE = 0.995
_PICTURE = ("green_access", "Share of the people of each settlement who can walk to an open space that is open to all.")
_FIELDS = {
    "place": ("Place", "text"),
    "green_share": ("Open space", "percent"),
    "green_m2_per_person": ("Open space for each person (m²)", "1"),
    "green_access_share": ("People within a walk of open space", "percent"),
    "vegetation_share": ("Under vegetation", "percent"),
    "blue_share": ("Water", "percent"),
    "ecosystem_share": ("Ecosystems at risk", "percent"),
    "ecosystem_people_on": ("People on them", "0"),
    "ecosystem_people_beside": ("People beside them", "0"),
    "waste_collection": ("Waste collection", "text"),
}
#: Answers of the enumeration that tell of the environment: question, answer, and what they say.
_ANSWERS = (
    ("waste_collection", "none", "live where no waste is collected"),
    ("location_problems", "garbage_dump", "live beside a garbage dump"),
    ("location_problems", "open_drains", "live beside open drains"),
)
_CAVEATS = (
    "Open space is what the layer of it holds: trees in yards and along streets are not in it, and a paved square is. "
    "A layer drawn for part of the city makes the rest look bare.",
    "People come from the population grid, spread evenly inside each cell. Grids hold a half to a quarter of the "
    "people of surveyed informal settlements.",
    "Built-up area is known by cells. Where cells are wider than a hazard zone, growth inside and outside it are "
    "hardly told apart.",
)
_METHODS = (
    "Shares of ground are exact overlays, overlaps once. Access is the way on foot along streets where they are given. "
    "Beside an ecosystem live those within the configured straight distance who do not live on it, each person once.",
    "Growth into hazard zones compares built-up area of two years inside the same zone, read as exposure reads it; "
    "services in hazard zones are counted from the table of exposure.",
)


def environment_sections(
    layers: Mapping[str, pd.DataFrame], pictures: Mapping[str, bytes], manifest: Manifest
) -> list[ReportSection]:
    """Return the section on the environment; none where it was not profiled.

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
    >>> environment_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    profile = layers.get("environment")
    if profile is None or profile.empty:
        return []
    names = AreaNames(layers, manifest.title)
    city = _city(profile)
    text = [] if city is None else _city_text(city, profile, names)
    text += _answers(layers)
    tables = [_compared(profile, city, layers, names), _ecosystems(layers)]
    if city is not None:
        text += _growth_text(layers, city)
        tables += [_growth(layers, city, names), _services(layers, city, names)]
    name, caption = _PICTURE
    return [
        ReportSection(
            "Environment",
            text=tuple(text),
            tables=tuple(table for table in tables if table is not None and table.rows),
            pictures=(Picture(caption, pictures[name]),) if name in pictures else (),
            caveats=_CAVEATS,
            methods=_METHODS,
        )
    ]


def _city(profile: pd.DataFrame) -> pd.Series | None:
    """Return the row that stands for the city: of the first kind of area with people, the one with most of them."""
    known = profile["population"].notna() if "population" in profile else pd.Series(True, profile.index)
    if "population_coverage_share" in profile:
        known &= profile["population_coverage_share"] >= _MOSTLY
    for kind in _CITY:
        own = profile[(profile["area_type"] == kind) & known]
        if len(own):
            people = own["population"] if "population" in own else pd.Series(0.0, own.index)
            return own.iloc[int(people.argmax())]
    return None


def _city_text(city: pd.Series, profile: pd.DataFrame, names: AreaNames) -> list[str]:
    """Say what is green in the city and in its settlements, and who lives beside ecosystems at risk."""
    place = names.called(city["area_type"], city["area_id"])
    own = profile[profile["area_type"] == "settlement"]
    text = []
    if _is_told(city, "green_share"):
        little = 0 < city["green_share"] < _VISIBLE
        share = f"less than {percent(_VISIBLE)}" if little else percent(city["green_share"])
        is_part = "green_coverage_share" in city and city["green_coverage_share"] < _WHOLE
        of = f"the part of {place} where they are mapped" if is_part else place
        said = f"Parks, squares and other open spaces cover {share} of {of}"
        if _is_told(city, "green_access_share"):
            said += f", and {percent(city['green_access_share'])} of its people can walk to one that is open to all"
        text.append(f"{said}.{_in_settlements(own)}")
    for field, words in (("vegetation_share", "Trees and other plants cover"), ("blue_share", "Water covers")):
        if _is_told(city, field):
            covered = city.get(field.replace("_share", "_coverage_share"))
            known = f" of what is known of {place}" if covered is not None and covered < 0.995 else f" of {place}"
            text.append(f"{words} {percent(city[field])}{known}.")
    if _is_told(city, "ecosystem_share"):
        kinds = city.get("ecosystem_kinds")
        told = f" ({kinds})" if isinstance(kinds, str) else ""
        said = f"Ecosystems at risk{told} make up {percent(city['ecosystem_share'])} of {place}"
        if _is_told(city, "ecosystem_people_on"):
            on, beside = city["ecosystem_people_on"], city["ecosystem_people_beside"]
            said += f"; {number(on)} people live on them and {number(beside)} beside them"
        text.append(f"{said}.")
    return text


def _in_settlements(own: pd.DataFrame) -> str:
    """Say how many people of settlements can walk to open space."""
    if not {"green_access_share", "population"} <= set(own.columns):
        return ""
    known = own[own["green_access_share"].notna() & own["population"].gt(0)]
    if known.empty:
        return ""
    share = (known["green_access_share"] * known["population"]).sum() / known["population"].sum()
    missing = len(own) - len(known)
    unknown = f"; of {missing} of them nothing is known" if missing else ""
    return f" In informal settlements {percent(share)} of the people can{unknown}."


def _is_told(row: pd.Series, field: str) -> bool:
    return field in row and pd.notna(row[field])


def _answers(layers: Mapping[str, pd.DataFrame]) -> list[str]:
    """Say what the enumeration tells of waste and drains, by households."""
    shares = layers.get("profile_shares")
    if shares is None or shares.empty:
        return []
    every = shares[(shares["settlement_id"] == "all") & (shares["weighting"] == "households")]
    said = []
    for variable, word, words in _ANSWERS:
        row = every[(every["variable"] == variable) & (every["word"] == word)]
        if len(row) and pd.notna(row["share"].iloc[0]):
            said.append(f"{percent(row['share'].iloc[0])} {words}")
    return [f"Of the households enumerated in informal settlements {enumerated(said)}."] if said else []


def _compared(
    profile: pd.DataFrame, city: pd.Series | None, layers: Mapping[str, pd.DataFrame], names: AreaNames
) -> Table:
    """Set the settlements below the city that they are compared with."""
    own = profile[profile["area_type"] == "settlement"]
    rows = own if city is None else pd.concat([city.to_frame().T, own])
    rows = rows.assign(
        place=[names.called(kind, area) for kind, area in zip(rows["area_type"], rows["area_id"], strict=True)]
    )
    settlements = layers.get("settlements")
    if settlements is not None and "waste_collection" in settlements:
        told = settlements.set_index(settlements["settlement_id"].astype(str))["waste_collection"]
        rows["waste_collection"] = rows["area_id"].map(told).where(rows["area_type"] == "settlement")
    caption = "Environment of the city, in the first row, and of its informal settlements"
    return table_of(rows, _FIELDS, caption=caption if city is not None else "Environment of informal settlements")


def _ecosystems(layers: Mapping[str, pd.DataFrame]) -> Table | None:
    found = layers.get("ecosystems")
    if found is None or found.empty or "people_on" not in found:
        return None
    rows = found.groupby("kind", as_index=False).agg(
        n=("kind", "size"), area_km2=("area_km2", "sum"), people_on=("people_on", "sum"),
        people_beside=("people_beside", "sum"),
    )  # fmt: skip
    columns = {
        "kind": ("Ecosystem", "text"), "n": ("Places", "0"), "area_km2": ("Area (km²)", "1"),
        "people_on": ("People on it", "0"), "people_beside": ("People beside it", "0"),
    }  # fmt: skip
    caption = "Ecosystems at risk by kind; who lives on or beside two of them is counted in both"
    return table_of(rows, columns, caption=caption)


def _of_city(layers: Mapping[str, pd.DataFrame], name: str, city: pd.Series) -> pd.DataFrame | None:
    found = layers.get(name)
    if found is None or found.empty:
        return None
    own = found[(found["area_type"] == city["area_type"]) & (found["area_id"] == city["area_id"])]
    return own if len(own) else None


def _growth_text(layers: Mapping[str, pd.DataFrame], city: pd.Series) -> list[str]:
    """Say where the city grew faster inside a hazard zone than outside it, if more than a cell was built there."""
    rows = _of_city(layers, "hazard_growth", city)
    if rows is None:
        return []
    told = rows.dropna(subset=["growth_hazardous_share", "growth_safe_share"])
    told = told[told["from_hazardous_km2"] * 1e6 >= told["cell_m"] ** 2]
    faster = told[told["growth_hazardous_share"] > told["growth_safe_share"]]
    if faster.empty:
        named = enumerated([str(hazard) for hazard in told["hazard"]])
        return [f"In its hazard zones ({named}) the city grew no faster than outside them."] if len(told) else []
    said = [
        f"{row['hazard']}: {percent(row['growth_hazardous_share'])} in the zone, {percent(row['growth_safe_share'])} "
        f"outside it, from {row['from_year']} to {row['to_year']}"
        for row in faster.to_dict("records")
    ]
    return [f"The city grew faster inside these hazard zones than outside: {'; '.join(said)}."]


def _growth(layers: Mapping[str, pd.DataFrame], city: pd.Series, names: AreaNames) -> Table | None:
    rows = _of_city(layers, "hazard_growth", city)
    if rows is None:
        return None
    columns = {
        "hazard": ("Hazard", "text"), "event": ("Event", "text"), "threshold": ("Zone from", "text"),
        "years": ("Years", "text"), "from_hazardous_km2": ("Built up in the zone before (km²)", "2"),
        "to_hazardous_km2": ("after (km²)", "2"), "growth_hazardous_share": ("Growth in the zone", "percent"),
        "growth_safe_share": ("Growth outside it", "percent"),
        "new_in_hazard_share": ("New built-up area in the zone", "percent"),
    }  # fmt: skip
    events = ["lasting" if pd.isna(year) else f"1 in {year:g} years" for year in rows["return_period"]]
    rows = rows.assign(event=events, years=rows["from_year"].astype(str) + " to " + rows["to_year"].astype(str))
    place = names.called(city["area_type"], city["area_id"])
    return table_of(rows, columns, caption=f"Built-up growth inside and outside hazard zones of {place}")


def _services(layers: Mapping[str, pd.DataFrame], city: pd.Series, names: AreaNames) -> Table | None:
    rows = _of_city(layers, "exposed_services", city)
    if rows is None:
        return None
    columns = {
        "service": ("Service", "text"), "hazard": ("Hazard", "text"), "n_exposed": ("In the zone", "0"),
        "n_not_exposed": ("Outside it", "0"), "n_unknown": ("Unknown", "0"),
    }  # fmt: skip
    place = names.called(city["area_type"], city["area_id"])
    return table_of(rows, columns, caption=f"Services of {place} that stand in hazard zones themselves", is_folded=True)
