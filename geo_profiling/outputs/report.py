"""The offline report: one HTML file with map, tables and lineage that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import rasterio
import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pyogrio.errors import DataSourceError
from pyproj import CRS
from rasterio.errors import RasterioError

from geo_profiling.atomic import atomic_file
from geo_profiling.errors import InputError
from geo_profiling.outputs.cartography import orientation
from geo_profiling.outputs.legend import CELL_LEGENDS, FIELD_LEGENDS, ClassLabel
from geo_profiling.outputs.manifest import FILE_NAME, Manifest, as_stored, read_manifest
from geo_profiling.outputs.maps import cell_words, level_of
from geo_profiling.outputs.report_environment import REPORTED as ENVIRONMENT_REPORTED
from geo_profiling.outputs.report_environment import environment_sections
from geo_profiling.outputs.report_exposure import REPORTED as EXPOSURE_REPORTED
from geo_profiling.outputs.report_exposure import exposure_sections
from geo_profiling.outputs.report_indicators import REPORTED as INDICATORS_REPORTED
from geo_profiling.outputs.report_indicators import indicator_sections
from geo_profiling.outputs.report_map import MAX_CELLS, TARGET, map_json, map_scripts, title_of
from geo_profiling.outputs.report_metropolis import (
    MAX_ROWS,
    change_rows,
    functional_areas,
    projection_rows,
    scale_rows,
)
from geo_profiling.outputs.report_names import enumerated
from geo_profiling.outputs.report_profiles import REPORTED as PROFILES_REPORTED
from geo_profiling.outputs.report_profiles import profile_sections
from geo_profiling.outputs.report_section import ReportSection, interval, number, percent
from geo_profiling.outputs.report_settlements import REPORTED as SETTLEMENTS_REPORTED
from geo_profiling.outputs.report_settlements import settlement_sections
from geo_profiling.raster.grid import Grid
from geo_profiling.raster.source import grid_of, wrap

FILE_NAME_HTML = "report.html"
_URBAN = (
    "urban_centres", "units", "functional_urban_areas", "fua_units", "metropolitan_scales", "urban_change",
    "urban_projections",
)  # fmt: skip
#: What writes further sections from layers, maps and manifest; and the layers that they need.
SECTIONS: tuple[Callable[[Mapping[str, pd.DataFrame], Mapping[str, bytes], Manifest], list[ReportSection]], ...] = (
    settlement_sections,
    exposure_sections,
    environment_sections,
    indicator_sections,
    profile_sections,
)
REPORTED: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *_URBAN,
            *SETTLEMENTS_REPORTED,
            *EXPOSURE_REPORTED,
            *ENVIRONMENT_REPORTED,
            *INDICATORS_REPORTED,
            *PROFILES_REPORTED,
        )
    )
)
_SUBJECTS = {
    "Informal settlements": "how many people live in informal settlements",
    "Street access and form": "how settlements are built and reached",
    "Services": "which services people have",
    "Land and tenure": "how secure their land is",
    "Exposure to hazards": "who lives where hazards can come",
    "Environment": "what is green, what is at risk, and whether the city grows into its hazard zones",
    "Indicators": "how people live, measured by the indicators of the United Nations",
}
_CLASS_GRIDS = ("degurba_l2.tif", "degurba_l1.tif")
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ReportContent:
    """What a report tells.

    Attributes
    ----------
    manifest : Manifest
        Title, year, source, inputs, parameters, findings and versions are told; cost is not.
    classes : xarray.DataArray or None
        Class codes, thinned to what a screen shows.
    cell : str
        Side of a cell of the full grid, in words; empty without grid.
    layers : mapping of str to DataFrame
        Layers as published; those that are not there were not asked for.
    pictures : mapping of str to bytes
        Maps as PNG, by the name of their file.
    """

    manifest: Manifest
    classes: xr.DataArray | None
    cell: str
    layers: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def centres(self) -> gpd.GeoDataFrame | None:
        """Urban centres."""
        return self.layers.get("urban_centres")

    @property
    def units(self) -> gpd.GeoDataFrame | None:
        """Local units."""
        return self.layers.get("units")

    @property
    def functional_areas(self) -> gpd.GeoDataFrame | None:
        """Functional urban areas."""
        return self.layers.get("functional_urban_areas")


def read_content(folder: Path, *, manifest: Manifest | None = None) -> ReportContent:
    """Read what a report tells from the folder of a finished output.

    Parameters
    ----------
    folder : Path
        ``<region>.gpkg``, ``rasters/degurba_l2.tif`` (or ``degurba_l1.tif``) and, unless given,
        ``manifest.json``.
    manifest : Manifest, optional
        While a run is being published its manifest is not yet on the disk.

    Raises
    ------
    InputError
        If the folder holds no finished output.
    """
    manifest = read_manifest(folder / FILE_NAME) if manifest is None else as_stored(manifest)
    package = folder / f"{manifest.region}.gpkg"
    if not package.is_file():
        raise InputError(f"{package}: missing", hint="name the folder of a finished output, or run again")
    try:
        found = {str(name) for name, _ in pyogrio.list_layers(package)}
        layers = {name: gpd.read_file(package, layer=name) for name in REPORTED if name in found}
    except DataSourceError as error:
        raise InputError(f"{package}: cannot be read: {error}", hint="run again") from error
    grid = next((folder / "rasters" / name for name in _CLASS_GRIDS if (folder / "rasters" / name).is_file()), None)
    classes, cell = (None, "") if grid is None else _read_thinned(grid)
    pictures = {path.stem: path.read_bytes() for path in sorted((folder / "maps").glob("*.png"))}
    return ReportContent(manifest, classes, cell, layers, pictures)


def write_report(path: Path, content: ReportContent) -> None:
    """Write the report as one HTML file, whole or not at all; the same content gives the same bytes.

    Scripts and styles are inside; a content security policy forbids everything else. Names and
    texts from inputs are escaped wherever they stand.

    Parameters
    ----------
    path : Path
        An existing file is replaced once the new one is complete.
    content : ReportContent

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    html = render_report(content)
    with atomic_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def render_report(content: ReportContent) -> str:
    """Return the report as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent, range=interval)
    plot = map_json(content.classes, content.centres, content.units, content.functional_areas)
    scripts = []
    if plot is not None:
        scripts = [*map_scripts(), f"Bokeh.embed.embed_item({plot});"]
    manifest = content.manifest
    sections = [section for tell in SECTIONS for section in tell(content.layers, content.pictures, manifest)]
    return environment.get_template("report.html").render(
        manifest=manifest,
        css=(_TEMPLATES / "report.css").read_text(encoding="utf-8"),
        policy=_policy(scripts),
        scripts=scripts,
        target=TARGET,
        cell=content.cell,
        legend=_shown_classes(content.classes),
        north_deg=_north(content),
        headline=_headline(content),
        class_rows=_class_rows(content),
        unit_classes=_unit_classes(content.units),
        centres=_centre_rows(content.centres),
        units=_unit_rows(content.units),
        functional=functional_areas(content.layers, manifest.parameters),
        scales=scale_rows(content.layers),
        changes=change_rows(content.layers),
        projections=projection_rows(content.layers),
        n_units=0 if content.units is None else len(content.units),
        sections=sections,
        lead=_lead(content, sections),
        parameters=list(_flat(manifest.parameters)),
    )


def _read_thinned(path: Path) -> tuple[xr.DataArray, str]:
    """Read a class grid at no more cells than a screen shows; its overviews make that quick."""
    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            full = Grid(CRS.from_wkt(dataset.crs.to_wkt()), dataset.transform, dataset.shape)
            step = max(1, -(-max(full.shape) // MAX_CELLS))
            shape = -(-full.shape[0] // step), -(-full.shape[1] // step)
            values = dataset.read(1, out_shape=shape)
            scale = full.shape[1] / shape[1], full.shape[0] / shape[0]
            transform = dataset.transform @ type(dataset.transform).scale(*scale)
            nodata = dataset.nodata
    except RasterioError as error:
        raise InputError(f"{path}: cannot be read: {error}", hint="run again") from error
    return wrap(values, Grid(full.crs, transform, shape), name=path.stem, nodata=nodata), cell_words(full)


def _policy(scripts: list[str]) -> str:
    """Only the scripts of this file run, by their digests; nothing is loaded or sent."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _shown_classes(classes: xr.DataArray | None) -> list[ClassLabel]:
    if classes is None:
        return []
    return [entry for entry in CELL_LEGENDS[level_of(classes.values)] if bool((classes.values == entry.code).any())]


def _north(content: ReportContent) -> float:
    if content.classes is None:
        return 0.0
    grid = grid_of(content.classes)
    return round(orientation(grid.crs, grid.bounds).north_deg, 1)


def _lead(content: ReportContent, sections: Sequence[ReportSection]) -> str:
    """Say in one sentence what the report tells."""
    subjects = []
    if content.centres is not None or content.units is not None:
        subjects.append("where cities, towns and rural areas lie")
    if content.functional_areas is not None:
        subjects.append("how far each city reaches beyond them")
    subjects += [_SUBJECTS[section.title] for section in sections if section.title in _SUBJECTS]
    if not subjects:
        return ""
    year = "" if content.manifest.year is None else f" of {content.manifest.year}"
    words = f"{'; '.join(subjects[:-1])}; and {subjects[-1]}" if len(subjects) > 2 else enumerated(subjects)
    return f"This profile{year} shows {words}."


def _headline(content: ReportContent) -> list[tuple[str, str]]:
    """Return the few figures that a reader takes home."""
    cards: list[tuple[str, str]] = []
    total = content.manifest.results.get("population")
    units = content.units if content.units is not None and len(content.units) else None
    if units is not None:
        cards.append((number(units["population"].sum()), f"people in {number(len(units))} local units"))
    elif total is not None:
        cards.append((number(total), "people on the map"))
    if units is not None and units["population"].sum() > 0:
        by_class = units.groupby("degurba_l1")["population"].sum() / units["population"].sum()
        for code, words in ((1, "live in cities"), (2, "live in towns and suburbs"), (3, "live in rural areas")):
            cards.append((percent(by_class.get(code, 0.0)), words))
    if content.centres is not None:
        people = number(content.centres["population"].sum())
        cards.append((number(len(content.centres)), f"urban centres on the map, with {people} people"))
    if content.functional_areas is not None:
        people = number(content.functional_areas["population"].sum())
        count = len(content.functional_areas)
        words = "functional urban area" if count == 1 else "functional urban areas"
        cards.append((number(count), f"{words} (cities with their commuting zones), with {people} people"))
    return cards


def _class_rows(content: ReportContent) -> list[dict[str, Any]]:
    """People and area of each class of cells, where the run told them."""
    people: Mapping[str, float] = content.manifest.results.get("class_population", {})
    area: Mapping[str, float] = content.manifest.results.get("class_area_km2", {})
    total = sum(people.values())
    legend = next(
        (legend for legend in CELL_LEGENDS.values() if any(str(entry.code) in people for entry in legend)), ()
    )
    return [
        {
            "entry": entry,
            "population": people[str(entry.code)],
            "share": people[str(entry.code)] / total if total else None,
            "area_km2": area.get(str(entry.code)),
        }
        for entry in legend
        if str(entry.code) in people
    ]


def _unit_classes(units: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    if units is None or not len(units):
        return []
    field = "degurba_l2" if "degurba_l2" in units.columns else "degurba_l1"
    everybody = units["population"].sum()
    rows: list[dict[str, Any]] = []
    for entry in FIELD_LEGENDS[field]:
        chosen = units[units[field] == entry.code]
        if len(chosen):
            people = chosen["population"].sum()
            share = people / everybody if everybody else None
            rows.append({"entry": entry, "n": len(chosen), "population": people, "share": share})
    unknown = units[units[field].isna()]
    if len(unknown):
        people = unknown["population"].sum()
        rows.append({"entry": None, "n": len(unknown), "population": people, "share": None})
    return rows


def _centre_rows(centres: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    if centres is None:
        return []
    ordered = centres.drop(columns="geometry").sort_values("population", ascending=False, kind="stable").head(MAX_ROWS)
    return [
        {
            "title": title_of(row),
            "population": row["population"],
            "area_km2": row["area_km2"],
            "density": row["population"] / row["area_km2"] if row["area_km2"] > 0 else None,
            "touches_edge": bool(row.get("touches_edge", False)),
        }
        for row in ordered.to_dict("records")
    ]


def _unit_rows(units: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    if units is None:
        return []
    ordered = units.drop(columns="geometry").sort_values("population", ascending=False, kind="stable").head(MAX_ROWS)
    field = "degurba_l2" if "degurba_l2" in units.columns else "degurba_l1"
    labels = {entry.code: entry for entry in FIELD_LEGENDS[field]}
    return [
        {
            "identifier": row["unit_id"],
            "title": title_of(row),
            "entry": None if pd.isna(row[field]) else labels.get(int(row[field])),
            "population": row["population"],
            "area_km2": row["area_km2"],
            "in_centre": row.get("share_urban_centre"),
            "note": _note(row),
        }
        for row in ordered.to_dict("records")
    ]


def _note(row: Mapping[str, Any]) -> str:
    notes = []
    if row.get("degurba_basis") == "land_area":
        notes.append("nobody lives there: classified by its land")
    if bool(row.get("smaller_than_cell", False)):
        notes.append("smaller than a cell")
    coverage = row.get("coverage_share", 1.0)
    if not pd.isna(coverage) and coverage < 0.995:
        notes.append(f"data for {100 * coverage:.0f} % of its area")
    return "; ".join(notes)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Parameters as pairs of a dotted name and a text."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", "none" if value is None else str(value)
