"""Publishing a region: GeoPackage, maps, report and, last of all, the manifest."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import geopandas as gpd
import pandas as pd

from geo_profiling.atomic import atomic_file
from geo_profiling.compute import Compute
from geo_profiling.config.files import FileInput
from geo_profiling.config.project import RegionSettings
from geo_profiling.outputs.geopackage import write_geopackage
from geo_profiling.outputs.manifest import (
    FILE_NAME,
    Cost,
    InputRecord,
    Manifest,
    output_digests,
    package_versions,
    write_manifest,
)
from geo_profiling.outputs.maps import classes_map, functional_map, units_map
from geo_profiling.outputs.project import ClassGrid
from geo_profiling.outputs.report import FILE_NAME_HTML, read_content, write_report
from geo_profiling.outputs.styles import grid_style
from geo_profiling.raster.read import open_raster, to_dataarray
from geo_profiling.raster.source import grid_of
from geo_profiling.runs.digests import DigestCache
from geo_profiling.runs.ledger import STATE_FOLDER, Ledger
from pipelines.declared import CLUSTER_TABLES, FINDINGS_FILE, declared_inputs, fua_tables

#: Inputs whose year is told once, for the section.
_COMMUTERS = frozenset({"commuting.flows", "commuting.employed_residents"})


def write_report_again(directory: Path) -> Path:
    """Write the report of a finished output again from what the output holds.

    Raises
    ------
    InputError
        If the folder holds no finished output.
    """
    path = directory / FILE_NAME_HTML
    write_report(path, read_content(directory))
    return path


def publish_region(region: RegionSettings, directory: Path, maps: list[str], compute: Compute) -> None:
    """Publish what the other steps of a region computed; the manifest comes last.

    Parameters
    ----------
    region : RegionSettings
    directory : Path
        The region's output folder, with rasters and tables.
    maps : list of str
        Files of the maps, relative to ``directory``: classes of cells, then of units.
    compute : Compute

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    started = time.monotonic()
    layers = _layers(region, directory)
    manifest = _manifest(region, directory, layers)
    level = region.delineation.degurba.level
    classes = to_dataarray(open_raster(directory / f"rasters/degurba_l{level}.tif", quantity="class"))
    grid = grid_of(classes)
    shown = ClassGrid(f"rasters/degurba_l{level}.tif", "Classes of cells", level, grid.crs, grid.bounds)
    write_geopackage(
        directory / f"{region.name}.gpkg",
        layers,
        run_info=_run_info(region, manifest),
        title=region.title,
        class_grids=[shown],
    )
    pictures = [classes_map(classes, layers["urban_centres"], layers.get("units"), **_credits(manifest))]
    if "units" in layers:
        field = f"degurba_l{level}"
        pictures.append(units_map(layers["units"], layers["urban_centres"], field=field, **_credits(manifest)))
    if "functional_urban_areas" in layers:
        pictures.append(_functional_map(region, layers, manifest))
    styles = [f"rasters/degurba_l{number}.qml" for number in range(1, level + 1)]
    contents = [*pictures, *(grid_style(number).encode() for number in range(1, level + 1))]
    for name, content in zip([*maps, *styles], contents, strict=True):
        with atomic_file(directory / name) as temporary:
            temporary.write_bytes(content)
    write_report(directory / FILE_NAME_HTML, read_content(directory, manifest=manifest))
    written = [directory / name for name in (f"{region.name}.gpkg", *maps, *styles, FILE_NAME_HTML)]
    computed = sorted([*directory.glob("rasters/*.tif"), *directory.glob("tables/*.parquet")])
    write_manifest(
        directory / FILE_NAME,
        _with_cost(manifest, directory, [*computed, *written], time.monotonic() - started, compute),
    )


def _layers(region: RegionSettings, directory: Path) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """Read the tables of the other steps as the layers of the GeoPackage, with names for centres and clusters."""
    layers: dict[str, gpd.GeoDataFrame | pd.DataFrame] = {
        name: gpd.read_parquet(directory / f"tables/{name}.parquet")
        for name in CLUSTER_TABLES[region.delineation.degurba.level].values()
    }
    units = None
    if region.inputs.units is not None:
        units = layers["units"] = gpd.read_parquet(directory / "tables/units.parquet")
    for kind, id_field in (("centres", "centre_id"), ("clusters", "cluster_id")):
        names = pd.Series(dtype=object)
        if units is not None and "name" in units:
            pairs = pd.read_parquet(directory / f"tables/people_in_{kind}.parquet")
            names = _names(layers[f"urban_{kind}"].set_index(id_field)["population"], pairs, units)
        named = layers[f"urban_{kind}"][id_field].map(names).astype(object)
        layers[f"urban_{kind}"].insert(1, "name", named.where(named.notna(), None))
    _add_metropolis(region, directory, layers)
    return layers


def _add_metropolis(
    region: RegionSettings, directory: Path, layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]
) -> None:
    """Add functional urban areas with their governance, scales and change, as far as they were computed."""
    tables = fua_tables(region)
    if tables:
        areas = gpd.read_parquet(directory / "tables/functional_urban_areas.parquet")
        if "fua_units" in tables:
            governance = pd.read_parquet(directory / "tables/fua_governance.parquet")
            areas = areas.merge(governance, on="fua_id", how="left", validate="one_to_one")
            units = gpd.read_parquet(directory / "tables/fua_units.parquet")
            commuting = region.inputs.commuting
            if commuting is not None and commuting.units is not None and region.delineation.is_by_flows:
                layers["fua_units"] = units
            else:
                explained = units.drop(columns=["geometry", "name", "population", "area_km2"], errors="ignore")
                layers["units"] = layers["units"].merge(explained, on="unit_id", how="left", validate="one_to_one")
        if "fua_centres" in tables:
            areas = _named_by_centre(areas, directory, layers["urban_centres"])
        layers["functional_urban_areas"] = areas
    if "fua_candidates" in tables:
        layers["fua_candidates"] = pd.read_parquet(directory / "tables/fua_candidates.parquet")
    if region.delineation.scales is not None:
        layers["metropolitan_scales"] = gpd.read_parquet(directory / "tables/metropolitan_scales.parquet")
        if region.inputs.services:
            layers["services_in_reach"] = pd.read_parquet(directory / "tables/services_in_reach.parquet")
    if region.inputs.epochs:
        layers["urban_change"] = pd.read_parquet(directory / "tables/urban_change.parquet")
        if region.delineation.epochs.project_to is not None:
            layers["urban_projections"] = pd.read_parquet(directory / "tables/urban_projections.parquet")


def _names(population: pd.Series, pairs: pd.DataFrame, units: gpd.GeoDataFrame) -> pd.Series:
    """Name each area after the unit that most of its people live in, where units hold half of them.

    The centre of a city beyond the units' border is not named after the small unit on this side.
    """
    id_field = str(population.index.name)
    held = pairs.groupby(id_field)["population"].sum()
    half_held = held.index[held >= 0.5 * population.reindex(held.index)]
    pairs = pairs[pairs[id_field].isin(half_held)]
    largest = pairs.sort_values(["population", "unit_id"], ascending=[False, True]).drop_duplicates(id_field)
    return largest.set_index(id_field)["unit_id"].map(units.set_index("unit_id")["name"])


def _manifest(region: RegionSettings, directory: Path, layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]) -> Manifest:
    cache = DigestCache(directory.parent / STATE_FOLDER / "digests.json")
    declared = declared_inputs(region)
    classes = pd.read_parquet(directory / "tables/degurba_classes.parquet")
    results: dict[str, Any] = {"population": float(classes["population"].sum())}
    known = classes.dropna(subset=["degurba_class"])
    for column in ("population", "area_km2"):
        results[f"class_{column}"] = {
            str(code): value for code, value in zip(known["degurba_class"], known[column], strict=True)
        }
    results["population_without_class"] = results["population"] - sum(results["class_population"].values())
    if "units" in layers:
        results["population_in_units"] = float(layers["units"]["population"].sum())
        outside = results["population"] - results["population_in_units"]
        # Where units overlap their people are counted twice, and what lies outside is not known.
        results["population_outside_units"] = outside if outside >= -1e-9 * results["population"] else None
    sources = dict.fromkeys(value.source for value in declared.values() if value.source)
    return Manifest(
        title=region.title,
        region=region.name,
        year=region.inputs.population.year,
        source="; ".join(sources),
        inputs=tuple(_input_record(region, key, value, cache) for key, value in declared.items()),
        parameters=_parameters(region),
        results=results,
        findings=tuple(json.loads((directory / FINDINGS_FILE).read_text(encoding="utf-8"))),
        versions=package_versions(),
    )


def _input_record(region: RegionSettings, key: str, declared: FileInput, cache: DigestCache) -> InputRecord:
    return InputRecord(
        name=key,
        path=declared.path.name,
        sha256=cache.of_file(declared.path),
        size_bytes=declared.path.stat().st_size,
        source=declared.source or "",
        licence=declared.licence or "",
        year=_year_of_flows(region) if key in _COMMUTERS else getattr(declared, "year", None),
    )


def _parameters(region: RegionSettings) -> dict[str, Any]:
    rules = region.delineation
    parameters: dict[str, Any] = {"degurba": rules.degurba.model_dump(mode="json")}
    if rules.functional_urban_areas is not None:
        # Coefficients of one's own are named by their file alone: folders differ between machines.
        own = rules.functional_urban_areas.coefficients
        parameters["functional_urban_areas"] = {
            **rules.functional_urban_areas.model_dump(mode="json", exclude={"coefficients"}),
            "coefficients": None if own is None else own.name,
            "year_of_flows": _year_of_flows(region) if rules.is_by_flows else None,
        }
    if rules.scales is not None:
        parameters["scales"] = rules.scales.model_dump(mode="json")
    if region.inputs.epochs:
        parameters["epochs"] = rules.epochs.model_dump(mode="json")
    if region.regrid is not None:
        parameters["regrid"] = region.regrid.model_dump(mode="json")
    if region.bounds is not None:
        parameters["bounds"] = list(region.bounds)
    if region.outline is not None:
        parameters["outline"] = region.outline.model_dump(mode="json", exclude={"path"})
    if region.bounds is not None or region.outline is not None:
        parameters["halo_km"] = region.halo_km
    return parameters


def _year_of_flows(region: RegionSettings) -> int | None:
    return None if region.inputs.commuting is None else region.inputs.commuting.year


def _run_info(region: RegionSettings, manifest: Manifest) -> dict[str, str]:
    """Lineage that stands in the GeoPackage: nothing that changes between equal runs."""
    info = {
        "project": region.project,
        "region": region.name,
        "title": region.title,
        "software": f"geo_profiling {manifest.versions['geo-profiling']}",
        "source": manifest.source,
    }
    for record in manifest.inputs:
        info[f"input_{record.name}"] = record.path
        info[f"input_{record.name}_sha256"] = record.sha256
        if record.licence:
            info[f"input_{record.name}_licence"] = record.licence
        if record.year is not None:
            info[f"input_{record.name}_year"] = str(record.year)
    for section, values in manifest.parameters.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            info[f"{section}_{key}".rstrip("_")] = str(value)
    for key, value in manifest.results.items():
        for code, number in value.items() if isinstance(value, dict) else [("", value)]:
            info[f"{key}_{code}".rstrip("_")] = repr(number)
    return info


def _named_by_centre(areas: gpd.GeoDataFrame, directory: Path, centres: pd.DataFrame) -> gpd.GeoDataFrame:
    """Name modelled areas after the most populous of their centres that has a name."""
    members = pd.read_parquet(directory / "tables/fua_centres.parquet")[["centre_id", "fua_id"]]
    known = members.merge(centres[["centre_id", "name", "population"]], on="centre_id").dropna(subset=["name"])
    largest = known.sort_values(["population", "centre_id"], ascending=[False, True]).drop_duplicates("fua_id")
    names = areas["fua_id"].map(largest.set_index("fua_id")["name"]).astype(object)
    return areas.assign(name=names.where(names.notna(), None))


def _functional_map(
    region: RegionSettings, layers: dict[str, gpd.GeoDataFrame | pd.DataFrame], manifest: Manifest
) -> bytes:
    areas = layers["functional_urban_areas"]
    units = layers.get("fua_units", layers.get("units"))
    cities = layers["urban_centres"]
    if region.delineation.is_by_flows and units is not None:
        cities = units[units["city_id"].notna()]
    year = _year_of_flows(region) if region.delineation.is_by_flows else manifest.year
    return functional_map(areas, cities, units, title=manifest.title, source=manifest.source, year=year)


class _Credits(TypedDict):
    title: str
    source: str
    year: int | None


def _credits(manifest: Manifest) -> _Credits:
    return {"title": manifest.title, "source": manifest.source, "year": manifest.year}


def _with_cost(manifest: Manifest, directory: Path, outputs: list[Path], seconds: float, compute: Compute) -> Manifest:
    records = Ledger(directory).records
    now = datetime.now(UTC)
    return replace(
        manifest,
        outputs=output_digests(directory, outputs),
        cost=Cost(
            started=datetime.fromtimestamp(now.timestamp() - seconds, UTC).isoformat(timespec="seconds"),
            finished=now.isoformat(timespec="seconds"),
            seconds=round(seconds + sum(r.seconds for name, r in records.items() if name != "publish"), 3),
            peak_memory_bytes=max([r.peak_memory_bytes for r in records.values()], default=0),
            workers=compute.parallel,
        ),
    )
