"""The report's sections on informal settlements: people, street access, form, services, tenure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from geo_profiling.outputs.form_layers import INFORMALITY, POPULATION_SOURCES
from geo_profiling.outputs.manifest import Manifest
from geo_profiling.outputs.report_section import Picture, ReportSection, Table, interval, number, percent, table_of

REPORTED = (
    "settlements", "settlement_access", "street_blocks", "new_paths", "candidate_settlements", "tenure_shares",
    "tenure_conflicts", "evictions", "candidate_agreement", "informality_thresholds", "settlement_population_totals",
)  # fmt: skip
_PEOPLE_CAVEAT = (
    "How many people live in an informal settlement is seldom known. Counts on the ground, population grids and "
    "people spread over buildings stand side by side below; grids often hold less than half of the people of a slum. "
    "Every figure names the count it rests on."
)
_PICTURES = {
    "block_complexity": "How many plots one crosses from a street to the deepest building of each block, its own "
    "included: from three up, people reach their home through other people's plots. A block at the edge of the data "
    "may have streets beyond it, and then looks deeper than it is.",
    "morphological_informality": "Small, dense and irregular building on cells of 100 m.",
    "tenure_documented": "Share of adults with a document of their right to the land that the law recognises.",
}


def settlement_sections(
    layers: Mapping[str, pd.DataFrame], pictures: Mapping[str, bytes], _manifest: Manifest
) -> list[ReportSection]:
    """Return the sections on informal settlements; none where there are neither settlements nor blocks.

    Parameters
    ----------
    layers : mapping of str to DataFrame
        As published.
    pictures : mapping of str to bytes
        Maps as PNG, by the name of their file.
    _manifest : Manifest
        Every section is handed it.

    Examples
    --------
    >>> settlement_sections({}, {}, None)  # type: ignore[arg-type]
    []
    """
    found = [_people(layers), _street_access(layers, pictures), _services(layers), _tenure(layers, pictures)]
    return [section for section in found if section is not None]


def _ordered(layers: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    settlements = layers.get("settlements")
    if settlements is None:
        return None
    table = pd.DataFrame(settlements.drop(columns="geometry"))
    named = table["name"] if "name" in table else pd.Series(None, index=table.index, dtype=object)
    shared = set(named[named.duplicated(keep=False)].dropna())
    table["title"] = [
        # A name that several settlements share says which one it is by the id.
        str(place) if pd.isna(name) else f"{name} ({place})" if name in shared else str(name)
        for name, place in zip(named, table["settlement_id"], strict=True)
    ]
    by = ["population", "settlement_id"] if "population" in table else ["settlement_id"]
    return table.sort_values(by, ascending=[False, True][: len(by)], ignore_index=True)


def _people(layers: Mapping[str, pd.DataFrame]) -> ReportSection | None:
    table = _ordered(layers)
    if table is None:
        return None
    words: dict[object, str] = {entry.code: entry.label for entry in POPULATION_SOURCES}
    table["source"] = [words.get(code, "unknown") for code in table.get("population_source", [None] * len(table))]
    figures = [f"population_{name}" for name in ("enumerated", "gridded", "building_based")]
    if sum(table[field].notna().any() for field in figures if field in table) > 1:
        table["range"] = [
            interval(*pair) for pair in zip(table["population_low"], table["population_high"], strict=True)
        ]
    known = table["population"].notna() if "population" in table else pd.Series(False, index=table.index)
    text = f"{number(len(table))} informal settlements on {number(table['area_ha'].sum())} hectares"
    text += "."
    people = _people_in_all(layers, table, known)
    if people:
        text += f" {people}"
    columns = {
        "title": ("Settlement", "text"),
        "kind": ("Kind", "text"),
        "area_ha": ("Area (ha)", "1"),
        "population": ("People", "0"),
        "source": ("Counted", "text"),
        "range": ("Range", "text"),
        "population_enumerated": ("Enumerated", "0"),
        "population_gridded": ("Gridded", "0"),
        "population_building_based": ("Spread over buildings", "0"),
        "ratio_gridded_enumerated": ("Gridded by enumerated", "2"),
    }
    caption = "People of each settlement by source, the most populous first"
    caveats = (_PEOPLE_CAVEAT,) if known.any() else ()
    return ReportSection(
        "Informal settlements", (text,), (_known_columns(table, columns, caption=caption),), caveats=caveats
    )


def _people_in_all(layers: Mapping[str, pd.DataFrame], table: pd.DataFrame, known: pd.Series) -> str:
    """Say how many people live in all settlements; ground in two of them counts once where a grid tells it."""
    if not known.any():
        return ""
    sources = set(table.loc[known, "population_source"]) if "population_source" in table else set()
    totals = layers.get("settlement_population_totals")
    if sources == {"gridded"} and totals is not None and len(totals):
        by_ground = totals.set_index("ground")["population_gridded"]
        inside, total = by_ground["settlements"], by_ground["total"]
        return (
            f"The population grid has {number(inside)} of its {number(total)} people there "
            f"({percent(inside / total if total else None)}); ground that lies in two settlements counts once."
        )
    some = "there" if known.all() else f"in the {number(known.sum())} of them where people are counted"
    return f"{number(table.loc[known, 'population'].sum())} people live {some}, by the figures named below."


def _known_columns(
    table: pd.DataFrame, columns: Mapping[str, tuple[str, str]], *, caption: str, is_folded: bool = False
) -> Table:
    """Set a table without the columns of which nothing is known."""
    shown = {field: how for field, how in columns.items() if field in table and table[field].notna().any()}
    return table_of(table, shown, caption=caption, is_folded=is_folded)


def _in_words(code: object) -> object:
    """Return a word of the profile as people write it: 'piped_regular' is 'piped, regular'."""
    if not isinstance(code, str):
        return code
    head, _, tail = code.rpartition("_")
    return f"{head.replace('_', ' ')}, {tail}" if tail in ("regular", "irregular") and head else code.replace("_", " ")


def _street_access(layers: Mapping[str, pd.DataFrame], pictures: Mapping[str, bytes]) -> ReportSection | None:
    blocks = layers.get("street_blocks")
    table = _ordered(layers)
    if blocks is None:
        return None
    known = blocks["k"].dropna()
    deep = (known >= 3).sum()
    text = [
        f"{number(len(known))} street blocks with buildings, {number(blocks['n_buildings'].sum())} of them. In "
        f"{number(deep)} blocks ({percent(deep / len(known) if len(known) else None)}) some buildings are reached only "
        "through other people's plots (block complexity k of 3 and more)."
    ]
    paths = layers.get("new_paths")
    if paths is not None and len(paths):
        text.append(
            f"{number(len(paths))} new paths with {number(paths['length_m'].sum() / 1000, 1)} km together would bring "
            f"every building of these blocks to a street or path: a first plan to talk about, no survey."
        )
    tables = []
    if table is not None:
        table["class"] = table.get("informality_class", pd.Series(index=table.index, dtype=float)).map(
            {entry.code: entry.label for entry in INFORMALITY}
        )
        columns = {
            "title": ("Settlement", "text"),
            "n_buildings": ("Buildings", "0"),
            "k_max": ("Block complexity k", "0"),
            "k_share_bldg_layer_ge3": ("Buildings in layer 3 or deeper", "percent"),
            "street_dist_median_m": ("To a street (m, median)", "0"),
            "buildings_per_ha": ("Buildings per ha", "0"),
            "building_area_median_m2": ("Building area (m², median)", "0"),
            "footprint_coverage_share": ("Built cover", "percent"),
            "class": ("Morphological informality", "text"),
        }
        tables.append(_known_columns(table, columns, caption="Street access and form of each settlement"))
    text += _form_texts(layers)
    methods = (
        "Block complexity k (Brelsford et al. 2018; Bettencourt and Marchio 2025) divides the ground of a street block "
        "among its buildings and counts how many plots one has to cross, one's own included, from the deepest plot to "
        "the nearest street. Morphological informality counts two signs on cells of 100 m: small and dense buildings, "
        "and irregular layout; its thresholds stand in the files beside every class. It says nothing about people.",
    )
    return ReportSection(
        "Street access and form",
        tuple(text),
        tuple(tables),
        _pictures(pictures, "block_complexity", "morphological_informality"),
        methods=methods,
    )


_MEASURES = {
    "building_area_m2": ("small", "median building area", "0", " m²"),
    "coverage_share": ("dense", "built cover", "percent", ""),
    "buildings_per_ha": ("dense", "buildings per hectare", "0", ""),
    "local_alignment_deg": ("irregular", "misalignment", "1", " degrees"),
    "orientation_disorder": ("irregular", "disorder of directions (0-1)", "2", ""),
}


def _form_texts(layers: Mapping[str, pd.DataFrame]) -> list[str]:
    """Say by which thresholds ground is small, dense and irregular, and how candidates compare with the mapped."""
    text = []
    thresholds = layers.get("informality_thresholds")
    if thresholds is not None and thresholds["threshold"].notna().all():
        words = []
        for row in thresholds.itertuples():
            what, measure, how, unit = _MEASURES[str(row.measure)]
            value = percent(row.threshold) if how == "percent" else number(row.threshold, int(how))
            words.append(f"{what}: {measure} {row.sense} {value}{unit} ({row.source})")
        text.append(f"Thresholds of form in this city: {'; '.join(words)}. They compare places within it, not cities.")
    found = layers.get("candidate_settlements")
    if found is None:
        return text
    if len(found) == 0:
        return [*text, "By form alone no place would be looked at as a settlement."]
    text.append(
        f"By form and street access alone {number(len(found))} places with {number(found['n_buildings'].sum())} "
        "buildings would be looked at as settlements; they are proposals, and none has been visited."
    )
    agreement = layers.get("candidate_agreement")
    if agreement is not None and len(agreement):
        ground = agreement[agreement["counted"] == "area"].iloc[0]
        text.append(
            f"{percent(ground['precision'])} of their ground is mapped as settlements; "
            f"{percent(ground['recall'])} of the ground of mapped settlements is among them."
        )
    return text


def _services(layers: Mapping[str, pd.DataFrame]) -> ReportSection | None:
    table = _ordered(layers)
    access = layers.get("settlement_access")
    if table is None:
        return None
    tables = []
    profile = {
        "title": ("Settlement", "text"),
        "legal_status": ("Legal status", "text"),
        "households": ("Households", "0"),
        "water": ("Water", "text"),
        "sanitation": ("Sanitation", "text"),
        "power": ("Electricity", "text"),
        "waste_collection": ("Waste collection", "text"),
        "n_deprivations": ("Deprivations", "0"),
        "n_components_known": ("of components known", "0"),
    }
    answers = table.reindex(columns=[name for name in profile if name != "title"]).notna().any(axis=1)
    if answers.any():
        told = table[answers].assign(
            **{
                name: table[name].map(_in_words)
                for name, (_, how) in profile.items()
                if how == "text" and name in table
            }
        )
        caption = "What the enumeration says: the prevailing answer of each"
        tables.append(_known_columns(told, profile, caption=f"{caption}{_left_out(answers)}"))
    text: tuple[str, ...] = ()
    if access is not None and len(access):
        titles = table.set_index("settlement_id")["title"]
        rows = access.assign(title=access["settlement_id"].map(titles))
        columns = {
            "title": ("Settlement", "text"),
            "service": ("Service", "text"),
            "within_m": ("Within (m)", "0"),
            "homes_share": ("Homes", "percent"),
            "median_m": ("Median way (m)", "0"),
        }
        caption = "Homes within a distance on foot of the nearest place of each service"
        tables.append(table_of(rows, columns, caption=caption, is_folded=True))
        if (access["distance"] == "euclid").any():
            text = ("No streets were given: distances are straight lines, shorter than the way on foot.",)
    return ReportSection("Services", text, tuple(tables)) if tables else None


def _tenure(layers: Mapping[str, pd.DataFrame], pictures: Mapping[str, bytes]) -> ReportSection | None:
    shares = layers.get("tenure_shares")
    table = _ordered(layers)
    if shares is None or table is None:
        return None
    columns = {
        "title": ("Settlement", "text"),
        "main_tenure_type": ("Main type of tenure", "text"),
        "main_tenure_share": ("Households with it", "percent"),
        "documented_share": ("Adults with a document", "percent"),
        "perceived_share": ("Secure by perception", "percent"),
        "documented_and_perceived_share": ("Both (SDG 1.4.2)", "percent"),
        "n_boundary_conflicts": ("Boundary conflicts", "0"),
        "evicted_per_1000_per_year": ("Evicted per 1,000 households a year", "1"),
        "threatened_share": ("Under threat", "percent"),
    }
    caption = "Who holds the land, with which security; figures of fewer than five households are left out"
    table = table.reindex(columns=["title", *table.columns.intersection([*columns][1:])])
    told = table.drop(columns="title").notna().any(axis=1)
    if "main_tenure_type" in table:
        table["main_tenure_type"] = table["main_tenure_type"].map(_in_words)
    return ReportSection(
        "Land and tenure",
        tables=(table_of(table[told], columns, caption=f"{caption}{_left_out(told)}"),),
        pictures=_pictures(pictures, "tenure_documented"),
        methods=(
            "Tenure follows the Land Administration Domain Model (ISO 19152) and its Social Tenure Domain Model: "
            "parties, rights with shares and dates, spatial units, sources. Names and household points enter no "
            "output, and cells of few households are left out together with those that would give them away.",
        ),
    )


def _left_out(told: pd.Series) -> str:
    missing = int((~told).sum())
    return f"; of {number(missing)} settlements nothing is recorded" if missing else ""


def _pictures(pictures: Mapping[str, bytes], *names: str) -> tuple[Picture, ...]:
    return tuple(Picture(_PICTURES[name], pictures[name]) for name in names if name in pictures)
